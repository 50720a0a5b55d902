/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tracers - what is attached while something is timed.
 * Errors: 0 or -errno; why is said on standard error.
 */
#ifndef RQS_BENCH_TRACERS_H
#define RQS_BENCH_TRACERS_H

#include <stdbool.h>
#include <stdint.h>

enum bench_tracer_kind {
	BENCH_NOTHING,
	BENCH_EMPTY_A,	   /* programs that do nothing, on the hooks of tap A */
	BENCH_EMPTY_B,
	BENCH_EMPTY_SCHED,
	BENCH_LEAST_A,	   /* what BENCH_CLASSIC measures, from the hooks of tap A */
	BENCH_RQSCOPE_A,   /* the whole program, by tap A */
	BENCH_RQSCOPE_A_ROUTELESS, /* without routes */
	BENCH_RQSCOPE_A_SERVER,	   /* without the client role */
	BENCH_RQSCOPE_A_TCP,	   /* without Unix sockets */
	BENCH_RQSCOPE_B,
	BENCH_RQSCOPE,	   /* by the tap that it takes itself */
	BENCH_CLASSIC,	   /* hooks on the system calls, each its own */
	BENCH_CLASSIC_ANY, /* hooks on the entry and exit of all system calls */
	BENCH_RUNQLAT,
};

struct bench_tracer;

/** bench_tracers_prepare() - once, before all else: the mounts that the hooks of BENCH_CLASSIC are found by. */
int bench_tracers_prepare(void);

/**
 * bench_tracer_attach() - when nobody else's programs are attached, which is waited for.
 * @rqscope_path: the binary.
 * @ret_tracer: given to bench_tracer_detach().
 */
int bench_tracer_attach(enum bench_tracer_kind kind, const char *rqscope_path, struct bench_tracer **ret_tracer);

/** bench_tracer_counted() - whether it has seen @requests on the service at @port, where it can tell. */
bool bench_tracer_counted(struct bench_tracer *tracer, uint32_t port, uint64_t requests);

/** bench_tracer_switched() - likewise, whether it has seen so many context switches. */
bool bench_tracer_switched(struct bench_tracer *tracer, uint64_t switches);

/**
 * bench_tracer_detach() - all of it is gone when this returns.
 * Return: 0; -EBUSY when somebody else's programs are attached now, and so what was timed means nothing.
 */
int bench_tracer_detach(struct bench_tracer *tracer);

/** bench_tracers_foreign() - how many programs of others were attached at most; they are part of every figure. */
unsigned int bench_tracers_foreign(void);

#endif
