/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dist - durations in buckets: added, merged, their percentiles, and packed into few bytes.
 * Upstream: window.h (struct rqs_dist), buckets.h. Downstream: merge.h, totals.h, services.h, encode.h.
 * Pure.
 */
#ifndef RQS_DIST_H
#define RQS_DIST_H

#include "window.h"

/* All zero is a valid empty one. Large (6.7 KB): never on the stack of a deep call. */
struct rqs_hist {
	uint64_t count;
	uint64_t sum_ns;
	uint64_t min_ns; /* both mean nothing where count is 0 */
	uint64_t max_ns;
	uint32_t low;  /* buckets outside low .. high - 1 are 0; both 0 when empty */
	uint32_t high;
	uint64_t buckets[RQS_BUCKET_COUNT];
};

/* The most that rqs_hist_pack() ever writes: a count in 10 bytes for each bucket, a gap, the end. */
#define RQS_HIST_PACKED_MAX (RQS_BUCKET_COUNT * 10 + 3)

/** rqs_hist_clear() - empty it; touches only what is in use. */
void rqs_hist_clear(struct rqs_hist *hist);

/** rqs_hist_add_dist() - add the durations of a window. A bin that has no bucket goes to the last one. */
void rqs_hist_add_dist(struct rqs_hist *hist, const struct rqs_dist *dist);

/** rqs_hist_add() - add another histogram. */
void rqs_hist_add(struct rqs_hist *hist, const struct rqs_hist *other);

/** rqs_hist_add_buckets() - add another histogram's buckets only; count, sum and extrema stay. */
void rqs_hist_add_buckets(struct rqs_hist *hist, const struct rqs_hist *other);

/**
 * rqs_hist_quantile_ns() - the value below which @permille of 1000 durations lie.
 * The middle of the bucket that holds the one at rank ceil(permille / 1000 * count), not below @min_ns
 * nor above @max_ns: within 1.6 % of the true one from 1.024 us to 68.7 s. Ranks by what the buckets hold.
 * Return: ns; 0 when the buckets are empty.
 */
uint64_t rqs_hist_quantile_ns(const struct rqs_hist *hist, uint32_t permille, uint64_t min_ns, uint64_t max_ns);

/** rqs_hist_quantiles_ns() - @n of them in one pass. @permilles: rising. @ret_ns: @n values. */
void rqs_hist_quantiles_ns(const struct rqs_hist *hist, const uint32_t *permilles, uint32_t n, uint64_t min_ns,
			   uint64_t max_ns, uint64_t *ret_ns);

/**
 * rqs_hist_pack() - the buckets, without count, sum and extrema, in few bytes.
 * One number a bucket that is not 0, seven bits a byte, lowest first: its count shifted up by one; the lowest
 * bit says that a second number follows, which tells how many empty buckets lie before it. A 0 ends it.
 * @dst: room for RQS_HIST_PACKED_MAX bytes.
 * Return: bytes written, at least 1.
 */
size_t rqs_hist_pack(const struct rqs_hist *hist, uint8_t *dst);

/**
 * rqs_hist_add_packed() - add buckets that were packed; count, sum and extrema stay.
 * @hist: may be NULL: only measure.
 * Return: bytes read, or 0 when they don't end within @bytes or name a bucket that there isn't.
 */
size_t rqs_hist_add_packed(struct rqs_hist *hist, const uint8_t *src, size_t bytes);

#endif
