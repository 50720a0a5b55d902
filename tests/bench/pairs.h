/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pairs - processes that hold both ends of many HTTP connections, or open and close one after the other.
 * Errors: 0 or -errno. Threads: started before the caller has any.
 */
#ifndef RQS_BENCH_PAIRS_H
#define RQS_BENCH_PAIRS_H

#include <stdint.h>
#include <sys/types.h>

#define BENCH_PAIRS_MAX 16

struct bench_pairs_told; /* in memory shared with the processes */

struct bench_pairs {
	pid_t pids[BENCH_PAIRS_MAX];
	uint32_t ports[BENCH_PAIRS_MAX]; /* that the server ends listen on, one of each process */
	uint32_t count;
	uint32_t each;
	struct bench_pairs_told *told;
};

/**
 * bench_pairs_hold() - @count processes open @each connections, make a request on each one, and keep them open.
 * Return: 0 when all are open, -ETIMEDOUT, -ECHILD when a process could not.
 */
int bench_pairs_hold(struct bench_pairs *pairs, uint32_t count, uint32_t each);

/** bench_pairs_ask() - one more request on each. */
int bench_pairs_ask(struct bench_pairs *pairs);

/** bench_pairs_churn() - @count processes open, use and close @each connections, one after the other. */
int bench_pairs_churn(struct bench_pairs *pairs, uint32_t count, uint32_t each);

/** bench_pairs_end() - close what is open; all processes have ended when this returns. */
void bench_pairs_end(struct bench_pairs *pairs);

#endif
