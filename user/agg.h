/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * agg - cumulative readings in, windows out.
 * Upstream: reading.h. Downstream: handover.h carries the windows on.
 * Pure: no I/O, clock, lock or log; tests pass literal timestamps.
 * Threads: none of its own; call from one thread. Windows may be put on any.
 */
#ifndef RQS_AGG_H
#define RQS_AGG_H

#include "reading.h"

struct rqs_agg; /* opaque */

/**
 * rqs_agg_new() - reserve the memory that windows will need; most of it is touched only when used.
 * @cpu_count: lanes of each reading. @start_ns: CLOCK_MONOTONIC when counting began: the start of the first window.
 * Return: the aggregator, or NULL with errno.
 */
struct rqs_agg *rqs_agg_new(uint32_t cpu_count, uint64_t start_ns);

/** rqs_agg_free() - all windows must have been put. NULL is fine. */
void rqs_agg_free(struct rqs_agg *agg);

/**
 * rqs_agg_push() - make the window between the last reading that was taken in and this one.
 * @reading: borrowed for this call.
 * @ret_window: set only on 0; a reference that the caller must put.
 *
 * Rates divide by measured ns, never by the nominal tick. A counter that went backwards (a reloaded probe) makes the
 * window a gap; it never yields a rate.
 * Return: 0; -ESTALE when time doesn't advance, and @agg is unchanged; -EAGAIN when all windows are still held by
 * somebody: no count is lost, the next window covers this time too (the text of events and the vitals of @reading are).
 */
int rqs_agg_push(struct rqs_agg *agg, const struct rqs_reading *reading, const struct rqs_window **ret_window);

#endif
