/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * route_sketch - how often a route without a name was seen lately, for far more of them than could be remembered.
 * Pure; shared by bpf/ and the unit tests. A cell holds one route: fingerprint, count, and the period that is counted.
 * What comes often gets through, what comes once is pushed out by the next that comes once. No lock: a count may miss a few.
 */
#ifndef RQS_ROUTE_SKETCH_H
#define RQS_ROUTE_SKETCH_H

#include "buckets.h"

#define RQS_SKETCH_CELL_BITS 12
#define RQS_SKETCH_CELLS (1 << RQS_SKETCH_CELL_BITS)
#define RQS_SKETCH_BAR_MAX 60000 /* counts are of 16 bits */
#define RQS_SKETCH_PERIOD_BITS 3  /* a period is of 8 seconds */

/** rqs_sketch_cell() - which cell a route has in this period: two that share one don't share the next. */
static inline __u32 rqs_sketch_cell(__u64 hash, __u32 second)
{
	hash ^= (__u64)(second >> RQS_SKETCH_PERIOD_BITS) << 40;
	hash = (hash ^ hash >> 29) * 0xbf58476d1ce4e5b9ULL;
	return hash >> (64 - RQS_SKETCH_CELL_BITS);
}

/**
 * rqs_sketch_seen() - a route was seen.
 * @cell: the one that rqs_sketch_cell() tells. @second: the second that runs. @bar: 1 .. RQS_SKETCH_BAR_MAX.
 * Return: whether it was seen @bar times in this period.
 */
static inline int rqs_sketch_seen(volatile __u64 *cell, __u64 hash, __u32 second, __u32 bar)
{
	__u64 held = *cell, mine = hash & 0xffffffff00000000ULL;
	__u32 period = (second >> RQS_SKETCH_PERIOD_BITS) & 0xffff, count = (held >> 16) & 0xffff;
	int same = (held & 0xffffffff00000000ULL) == mine && (held & 0xffff) == period;

	if (same) {
		count += count < 0xffff;
	} else if ((held & 0xffff) == period && count > 1) {
		count--;
		mine = held & 0xffffffff00000000ULL;
	} else {
		count = 1;
		same = 1;
	}
	*cell = mine | (__u64)count << 16 | period;
	return same && count >= bar;
}

#endif
