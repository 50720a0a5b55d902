/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reading - what the maps held at one moment, cumulative since attaching.
 * Upstream: poll.h fills it. Downstream: agg.h.
 */
#ifndef RQS_READING_H
#define RQS_READING_H

#include "window.h"

/* One service on which something moved, its lanes summed over all CPUs. */
struct rqs_slot_reading {
	const struct rqs_service_ident *ident;
	/*
	 * Sums of the lanes (32-bit counters modulo 2^32); extrema[m][i] are over all lanes, [0] of the tick that just
	 * ended, [1] of the one that began since, epoch 0 where there was nothing.
	 */
	struct rqs_http_lane sum;
};

enum rqs_route_state { RQS_ROUTE_FREE, RQS_ROUTE_NAMED, RQS_ROUTE_RETIRED };

/* Which route an id stands for now. */
struct rqs_route_holder {
	struct rqs_route_ident ident;
	uint32_t generation; /* of the id */
	enum rqs_route_state state;
};

/* The times of a route on which something was counted since the last second, lanes summed over all CPUs. */
struct rqs_route_times_reading {
	uint32_t id;
	struct rqs_route_times sum; /* extrema[0] of the second that just ended, [1] of the one that began since */
};

struct rqs_route_reading {
	const struct rqs_route_counts *counts; /* by id, summed over all CPUs, as last read; NULL: they never are */
	const struct rqs_route_holder *holders; /* by id - RQS_ROUTE_FIRST; RQS_ROUTES_NAMED of them */
	uint32_t end; /* no id from here on was ever given away; 0: RQS_ROUTE_IDS */
	bool second; /* the times were read */
	const struct rqs_route_times_reading *times;
	uint32_t time_count;
};

struct rqs_reading {
	uint64_t deadline_ns; /* when it should have been taken, CLOCK_MONOTONIC */
	uint64_t mono_ns;     /* when it was, just before the maps were read */
	uint64_t real_ns;     /* CLOCK_REALTIME at mono_ns */
	uint32_t epoch;	      /* of the tick that just ended */
	uint32_t missed;      /* deadlines that passed between this one and the last that was kept */

	const struct rqs_sched_lane *sched; /* one a CPU; NULL where the probe is off */
	uint32_t cpu_count;
	const struct rqs_slot_reading *slots;
	uint32_t slot_count;
	struct rqs_route_reading routes;

	const struct rqs_kernel_event *events; /* new ones */
	uint32_t event_count;
	uint64_t event_seen[RQS_EVENT_KERNEL_COUNT];
	uint64_t event_held_back;
	struct rqs_http_losses losses;
	uint32_t shed; /* as in struct rqs_window */

	/* Once a second, else NULL. */
	const struct rqs_vitals *vitals;
	const struct rqs_self *self;
	const struct rqs_shed_change *shed_change; /* NULL but where it changed */
	const struct rqs_pid *pids;
	uint32_t pid_count;
	const struct rqs_waiting *waiting;
	uint32_t waiting_count;
	uint64_t recursion_misses;
};

/**
 * rqs_extrema_join() - take in a lane's extrema if they are of tick @epoch.
 * @into: of the same tick, or all zero.
 */
static inline void rqs_extrema_join(struct rqs_extrema *into, const struct rqs_extrema *lane, uint32_t epoch)
{
	if (lane->epoch != epoch)
		return;
	if (!into->epoch || lane->min < into->min)
		into->min = lane->min;
	if (!into->epoch || lane->max > into->max)
		into->max = lane->max;
	into->epoch = epoch;
}

#endif
