/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shed - what to stop measuring while rqscope costs more than it may, and when to take it up again (--max-overhead).
 * Upstream: collector.h, with each tick and each second. Pure: time comes with the calls.
 *
 * The least valuable goes first: routes, then the client role. One is shed when cost or lateness was too high for
 * RQS_SHED_OVER_NS, the next one after as long again. The last one that was shed comes back first, when what it would cost,
 * known from before, has fitted for a pause; who comes back and is shed again soon waits twice as long the next time.
 */
#ifndef RQS_SHED_H
#define RQS_SHED_H

#include "window.h"

#define RQS_SHED_OVER_NS 5000000000ULL
#define RQS_SHED_PAUSE_NS 30000000000ULL
#define RQS_SHED_PAUSE_MAX_NS (64 * RQS_SHED_PAUSE_NS)
#define RQS_SHED_ROOM 0.8    /* what comes back must fit into so much of the limit */
#define RQS_SHED_SOON 4	     /* pauses; shed again within so many: the next one is longer */
#define RQS_SHED_LATE 10     /* a tick is too late by a tenth of it; the median of RQS_SHED_OVER_NS counts */
#define RQS_SHED_TICKS 100   /* in RQS_SHED_OVER_NS, at the shortest tick */
#define RQS_SHED_STEPS 2

struct rqs_shed_config {
	double limit_ratio; /* of one CPU; 0: nothing is ever shed */
	uint64_t tick_ns;
	uint32_t parts; /* that may be shed: bits of RQS_PART_ROUTES, RQS_PART_CLIENT */
};

struct rqs_shed {
	struct rqs_shed_config config;
	uint32_t off; /* what is shed now, bits of enum rqs_part */
	uint32_t steps_done; /* of the order in which parts go */
	double before_ns[RQS_SHED_STEPS][RQS_PROGRAMS_MAX]; /* what a run of each program cost before the step */
	uint64_t second_ns;  /* the last rqs_shed_second() */
	uint64_t over_ns;    /* since when it costs too much, 0: it doesn't */
	uint64_t fits_ns;    /* since when what was shed last would fit, 0: it doesn't */
	uint64_t pause_ns;
	uint64_t back_ns;    /* when something came back last, 0: never */
	bool is_back;	     /* ... and nothing was shed since */
	uint64_t late_ns[RQS_SHED_TICKS]; /* a ring of the last ticks */
	uint32_t late_count, late_next;
};

void rqs_shed_init(struct rqs_shed *shed, const struct rqs_shed_config *config, uint64_t mono_ns);

/** rqs_shed_tick() - how long after its deadline a tick ran. */
void rqs_shed_tick(struct rqs_shed *shed, uint64_t late_ns);

/**
 * rqs_shed_second() - decide, about once a second.
 * @self: what the time since the last call cost. A second whose cost is not known ends what lasted until then.
 * @ret_change: set on true only. Return: whether shed->off has changed, by one part.
 */
bool rqs_shed_second(struct rqs_shed *shed, uint64_t mono_ns, const struct rqs_self *self,
		     struct rqs_shed_change *ret_change);

#endif
