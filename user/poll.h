/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * poll - read the BPF maps: the only place in user space that does.
 * Upstream: probes.h. Downstream: reading.h, taken by agg.h.
 * Threads: none of its own; call from one thread.
 */
#ifndef RQS_POLL_H
#define RQS_POLL_H

#include "cost.h"
#include "probes.h"
#include "reading.h"

struct rqs_poll; /* opaque */

/**
 * rqs_poll_new() - make room for all that the maps may hold.
 * @maps: borrowed until rqs_poll_free().
 * Return: 0, or -errno.
 */
int rqs_poll_new(const struct rqs_probe_maps *maps, struct rqs_poll **ret_poll);

void rqs_poll_free(struct rqs_poll *poll);

/** rqs_poll_cpus() - how many CPUs have lanes (all possible ones). */
uint32_t rqs_poll_cpus(const struct rqs_poll *poll);

/**
 * rqs_poll_read() - read what changed. Allocates nothing.
 * Sets all of @ret_reading but the times and what comes once a second; its pointers are valid until the next call. The
 * reading starts the next tick first: its epoch and its budget of events.
 * Return: 0, or -errno.
 */
int rqs_poll_read(struct rqs_poll *poll, struct rqs_reading *ret_reading);

/** rqs_poll_second() - once a second, before the reading is taken in: the durations of routes. Return: 0, or -errno. */
int rqs_poll_second(struct rqs_poll *poll, struct rqs_reading *reading);

/** rqs_poll_second_done() - a reading that rqs_poll_second() completed is in a window: make room for other routes. */
void rqs_poll_second_done(struct rqs_poll *poll);

/**
 * rqs_poll_waiters() - look at all tasks, and say which waited longest for a CPU since the last call.
 * @mono_ns: now. @ret_waiting: valid until the next call. Return: their number; 0 where that call is more than 2 s ago.
 */
uint32_t rqs_poll_waiters(struct rqs_poll *poll, uint64_t mono_ns, const struct rqs_waiting **ret_waiting);

/** rqs_poll_sweep() - once a second, after a reading: end requests that are open on Unix sockets which nobody holds any more. */
void rqs_poll_sweep(struct rqs_poll *poll);

/**
 * rqs_poll_runs() - how often the programs ran since attaching, and how long the timed ones of these runs took.
 * Return: how many programs there are; always the same ones.
 */
uint32_t rqs_poll_runs(const struct rqs_poll *poll, struct rqs_program_runs ret_programs[RQS_PROGRAMS_MAX]);

/**
 * rqs_poll_pids() - the processes seen at work on services and still alive, for once a second.
 * @ret_pids: valid until the next call. Return: their number.
 */
uint32_t rqs_poll_pids(struct rqs_poll *poll, const struct rqs_pid **ret_pids);

#endif
