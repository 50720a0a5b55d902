/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * collector - the thread that reads the maps every tick and hands over a window.
 * Upstream: poll.h, vitals.h, agg.h. Downstream: handover.h.
 * It never waits for anything but the clock: no client, file or lock can delay a tick. Deadlines are absolute
 * (CLOCK_MONOTONIC), so that they don't drift.
 */
#ifndef RQS_COLLECTOR_H
#define RQS_COLLECTOR_H

#include "handover.h"
#include "probes.h"
#include "shed.h"

struct rqs_collector; /* opaque */

/**
 * rqs_collector_new() - open all that it will need.
 * @probes, @handover: borrowed until rqs_collector_free(). @shed: its tick_ns, 50 ms .. 1 s, is that of the collector.
 * Return: 0, or -errno with one sentence in @ret_error.
 */
int rqs_collector_new(struct rqs_probes *probes, struct rqs_handover *handover, const struct rqs_shed_config *shed,
		      struct rqs_collector **ret_collector, char ret_error[256]);

/** rqs_collector_start_ns() - CLOCK_MONOTONIC at which counting began, and CLOCK_REALTIME then. */
uint64_t rqs_collector_start_ns(const struct rqs_collector *collector, uint64_t *ret_real_ns);

/** rqs_collector_start() - start the thread. Return: 0, or -errno. */
int rqs_collector_start(struct rqs_collector *collector);

/** rqs_collector_stop() - end the thread; returns when it has ended. */
void rqs_collector_stop(struct rqs_collector *collector);

/** rqs_collector_free() - after all windows were put. NULL is fine. */
void rqs_collector_free(struct rqs_collector *collector);

#endif
