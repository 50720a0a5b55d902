// SPDX-License-Identifier: GPL-2.0-only
/*
 * spinner - a process pinned to one CPU that burns it when told to.
 * Usage: spinner CPU. Each line on standard input is a number of ms: it spins for so long, prints "done" and
 * waits again. In between it sleeps, alive: its schedstat can be read before and after.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

int main(int argc, char **argv)
{
	cpu_set_t cpus;
	char line[32];

	if (argc != 2) {
		fprintf(stderr, "usage: spinner CPU\n");
		return 2;
	}
	CPU_ZERO(&cpus);
	CPU_SET(atoi(argv[1]), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus)) {
		fprintf(stderr, "spinner: cannot pin to CPU %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	while (fgets(line, sizeof(line), stdin)) {
		long long end_ns = now_ns() + atoll(line) * 1000000LL;

		while (now_ns() < end_ns)
			;
		puts("done");
		fflush(stdout);
	}
	return 0;
}
