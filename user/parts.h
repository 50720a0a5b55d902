/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parts - what can be left out: enum rqs_part (abi.h) and its names, as on the command line and in the snapshot.
 */
#ifndef RQS_PARTS_H
#define RQS_PARTS_H

#include <stdint.h>

#include "abi.h"

#define RQS_PART_COUNT 5
#define RQS_PARTS_LEFT_OUT "left out by --without" /* the reason why a probe is off */

struct rqs_part_name {
	uint32_t part; /* enum rqs_part */
	const char *name;
	const char *title; /* in a sentence */
};

extern const struct rqs_part_name rqs_parts[RQS_PART_COUNT];

/** rqs_part_title() - of one part, in a sentence. */
const char *rqs_part_title(uint32_t part);

/** rqs_parts_parse() - "routes,client". Return: 0, or -EINVAL with what is no part in @ret_word (borrowed from @text). */
int rqs_parts_parse(const char *text, uint32_t *ret_parts, const char **ret_word, int *ret_word_bytes);

#endif
