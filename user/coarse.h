/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * coarse - durations in the coarse buckets of buckets.h: what dist.h does for fine ones, in a quarter of the memory.
 * Downstream: routes.h. Pure.
 */
#ifndef RQS_COARSE_H
#define RQS_COARSE_H

#include "window.h"

/* All zero is a valid empty one. */
struct rqs_coarse {
	uint64_t count;
	uint64_t sum_ns;
	uint64_t min_ns; /* both mean nothing where count is 0 */
	uint64_t max_ns;
	uint64_t buckets[RQS_COARSE_COUNT];
};

/** rqs_coarse_add_bins() - buckets only. A bin that has no bucket goes to the last one. */
void rqs_coarse_add_bins(struct rqs_coarse *coarse, const struct rqs_bin *bins, uint32_t count);

/** rqs_coarse_add_summary() - count, sum, minimum and maximum only. */
void rqs_coarse_add_summary(struct rqs_coarse *coarse, uint64_t count, uint64_t sum_ns, uint64_t min_ns, uint64_t max_ns);

/** rqs_coarse_add() - add another one. */
void rqs_coarse_add(struct rqs_coarse *coarse, const struct rqs_coarse *other);

/**
 * rqs_coarse_quantile_ns() - as rqs_hist_quantile_ns(), within 6.3 % of the true one from 1.024 us to 68.7 s.
 * Return: ns, not below the minimum nor above the maximum; 0 when the buckets are empty.
 */
uint64_t rqs_coarse_quantile_ns(const struct rqs_coarse *coarse, uint32_t permille);

#endif
