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

uint32_t rqs_cpus_numbers(void)
{
	FILE *file = fopen("/sys/devices/system/cpu/possible", "re");
	char list[256] = "";
	int last = -1;

	if (file) {
		if (fgets(list, sizeof(list), file))
			last = rqs_cpus_last(list);
		fclose(file);
	}
	/* Without /sys: as many as there are, numbered without gaps. */
	return last >= 0 ? (uint32_t)last + 1 : (uint32_t)sysconf(_SC_NPROCESSORS_CONF);
}
