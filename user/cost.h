/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cost - what rqscope's BPF programs cost, from how often they ran and how long the timed ones of these runs took.
 * Upstream: poll.h reads the counters. Downstream: collector.h, once a second. Pure.
 */
#ifndef RQS_COST_H
#define RQS_COST_H

#include "window.h"

/* Timed runs that a program's cost is the mean of, at least, once there have been so many: new ones displace old ones. */
#define RQS_COST_KEPT 512

/* Cumulative, summed over the CPUs. */
struct rqs_program_runs {
	const char *name; /* static, or lives as long as the probes */
	uint64_t runs;
	uint32_t timed; /* modulo 2^32 */
	uint64_t timed_ns;
};

struct rqs_cost_program {
	struct rqs_program_runs before;
	double kept, kept_ns; /* timed runs that count, and what they took together */
};

/* What is known so far. Set start_ns (CLOCK_MONOTONIC when counting began), and all else to 0. */
struct rqs_cost {
	uint64_t start_ns; /* of the time since the last update */
	struct rqs_cost_program programs[RQS_PROGRAMS_MAX];
};

/**
 * rqs_cost_update() - what the programs cost since the last update.
 * @programs: always the same ones in the same order; @count: at most RQS_PROGRAMS_MAX.
 * @self: its bpf_ns_per_s, programs and program_count are set. bpf_ns_per_s is NAN where no time passed, there is no
 *	program, or one ran and none of its runs was ever timed.
 */
void rqs_cost_update(struct rqs_cost *cost, uint64_t mono_ns, const struct rqs_program_runs *programs, uint32_t count,
		     struct rqs_self *self);

#endif
