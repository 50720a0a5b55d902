/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * runs - what the programs of an object cost: how often each ran, and how long a few of these runs took.
 * Output: rqs_runs, in .bss, cumulative; user space has it mapped.
 * The kernel's own statistics (kernel.bpf_stats_enabled) read the clock twice for every run, which costs more than most runs
 * do. Here one run in RQS_RUN_PERIOD is timed; for the rest it is a counter and two branches.
 */
#ifndef RQS_BPF_RUNS_H
#define RQS_BPF_RUNS_H

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "abi.h"

struct rqs_run rqs_runs[RQS_RUN_LANES][RQS_RUN_PROGRAMS] __attribute__((aligned(64)));

static __always_inline struct rqs_run *rqs_run_begin(__u32 program)
{
	/* Preemption is off, and the kernel keeps a program from interrupting itself: plain changes are exact. */
	struct rqs_run *run = &rqs_runs[bpf_get_smp_processor_id() & (RQS_RUN_LANES - 1)][program];
	__u32 left = run->left;
	__u64 before_ns, now_ns;

	if (left > 1) {
		run->left = left - 1;
		return run;
	}
	run->goal += 1 - left; /* of the first one nobody knew */
	run->left = 0;
	before_ns = bpf_ktime_get_ns();
	now_ns = bpf_ktime_get_ns();
	/* From one reading of the clock to the next is what the clock costs; it is in the run's time, too. */
	run->begun_ns = now_ns + (now_ns - before_ns);
	return run;
}

static __always_inline void rqs_run_end(struct rqs_run *run)
{
	__u32 left = 1;
	__s64 took_ns;

	if (run->left)
		return;
	took_ns = bpf_ktime_get_ns() - run->begun_ns;
	if (took_ns > 0)
		run->timed_ns += took_ns < RQS_RUN_NS_MAX ? took_ns : RQS_RUN_NS_MAX;
	/* Which runs are timed must not follow the traffic's own pattern (every second one a client's). */
	if (++run->timed >= RQS_RUN_FIRST)
		left += bpf_get_prandom_u32() & (2 * RQS_RUN_PERIOD - 1);
	run->goal += left;
	run->left = left;
}

/*
 * BPF_PROG() of <bpf/bpf_tracing.h> for a program whose runs are counted as those of @program; @before and @after are done in each
 * run before and after all else.
 */
#define RQS_PROG_WITHIN(before, after, name, program, args...)                                               \
	name(unsigned long long *ctx);                                                                       \
	static __always_inline typeof(name(0)) name##_body(unsigned long long *ctx, ##args);                 \
	typeof(name(0)) name(unsigned long long *ctx)                                                        \
	{                                                                                                    \
		struct rqs_run *run;                                                                         \
		before;                                                                                      \
		run = rqs_run_begin(program);                                                                \
		_Pragma("GCC diagnostic push")                                                               \
		_Pragma("GCC diagnostic ignored \"-Wint-conversion\"")                                       \
		name##_body(___bpf_ctx_cast(args));                                                          \
		_Pragma("GCC diagnostic pop")                                                                \
		rqs_run_end(run);                                                                            \
		after;                                                                                       \
		return 0;                                                                                    \
	}                                                                                                    \
	static __always_inline typeof(name(0)) name##_body(unsigned long long *ctx, ##args)

#define RQS_PROG(name, program, args...) RQS_PROG_WITHIN((void)0, (void)0, name, program, ##args)

/* On a function the kernel lets a program be preempted, which on a tracepoint it does not (kernel/bpf/trampoline.c, 6.16). */
extern void bpf_preempt_disable(void) __ksym;
extern void bpf_preempt_enable(void) __ksym;
#define RQS_FUNCTION_PROG(name, program, args...) RQS_PROG_WITHIN(bpf_preempt_disable(), bpf_preempt_enable(), name, program, ##args)

#endif
