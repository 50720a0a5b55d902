// SPDX-License-Identifier: GPL-2.0-only
#include "parts.h"

#include <errno.h>
#include <string.h>

const struct rqs_part_name rqs_parts[RQS_PART_COUNT] = {
	{ RQS_PART_ROUTES, "routes", "routes" },
	{ RQS_PART_CLIENT, "client", "the client role" },
	{ RQS_PART_HTTP, "http", "HTTP" },
	{ RQS_PART_UNIX, "unix", "Unix sockets" },
	{ RQS_PART_RUNQUEUE, "runqueue", "the run queue" },
};

const char *rqs_part_title(uint32_t part)
{
	for (uint32_t i = 0; i < RQS_PART_COUNT; i++)
		if (rqs_parts[i].part == part)
			return rqs_parts[i].title;
	return "";
}

int rqs_parts_parse(const char *text, uint32_t *ret_parts, const char **ret_word, int *ret_word_bytes)
{
	uint32_t parts = 0;

	for (;; text++) {
		size_t bytes = strcspn(text, ",");
		uint32_t i;

		for (i = 0; i < RQS_PART_COUNT; i++)
			if (strlen(rqs_parts[i].name) == bytes && !strncmp(rqs_parts[i].name, text, bytes))
				break;
		if (i == RQS_PART_COUNT) {
			*ret_word = text;
			*ret_word_bytes = (int)bytes;
			return -EINVAL;
		}
		parts |= rqs_parts[i].part;
		text += bytes;
		if (!*text)
			break;
	}
	*ret_parts = parts;
	return 0;
}
