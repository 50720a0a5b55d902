// SPDX-License-Identifier: GPL-2.0-only
#include "cpus.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int rqs_cpus_last(const char *list)
{
	long last = -1;

	for (const char *at = list;; at++) {
		char *end;
		long number = strtol(at, &end, 10);

		if (end == at || number < 0 || number > 1 << 20)
			return -1;
		if (number > last)
			last = number;
		at = end;
		if (*at == '\0' || *at == '\n')
			return (int)last;
		if (*at != '-' && *at != ',')
			return -1;
	}
}

int rqs_cpus_read(const char *path)
{
	FILE *file = fopen(path, "re");
	char *list = NULL;
	size_t room = 0;
	int last = -1;

	if (!file)
		return -1;
	if (getline(&list, &room, file) > 0)
		last = rqs_cpus_last(list);
	free(list);
	fclose(file);
	return last;
}

uint32_t rqs_cpus_numbers(void)
{
	int last = rqs_cpus_read("/sys/devices/system/cpu/possible");

	/* Without /sys: as many as there are, numbered without gaps. */
	return last >= 0 ? (uint32_t)last + 1 : (uint32_t)sysconf(_SC_NPROCESSORS_CONF);
}
