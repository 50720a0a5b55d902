// SPDX-License-Identifier: GPL-2.0-only
#include "coarse.h"

void rqs_coarse_add_bins(struct rqs_coarse *coarse, const struct rqs_bin *bins, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		coarse->buckets[bins[i].index < RQS_COARSE_COUNT ? bins[i].index : RQS_COARSE_COUNT - 1] += bins[i].count;
}

void rqs_coarse_add_summary(struct rqs_coarse *coarse, uint64_t count, uint64_t sum_ns, uint64_t min_ns, uint64_t max_ns)
{
	if (!count)
		return;
	if (!coarse->count || min_ns < coarse->min_ns)
		coarse->min_ns = min_ns;
	if (!coarse->count || max_ns > coarse->max_ns)
		coarse->max_ns = max_ns;
	coarse->count += count;
	coarse->sum_ns += sum_ns;
}

void rqs_coarse_add(struct rqs_coarse *coarse, const struct rqs_coarse *other)
{
	uint32_t i;

	rqs_coarse_add_summary(coarse, other->count, other->sum_ns, other->min_ns, other->max_ns);
	for (i = 0; i < RQS_COARSE_COUNT; i++)
		coarse->buckets[i] += other->buckets[i];
}

uint64_t rqs_coarse_quantile_ns(const struct rqs_coarse *coarse, uint32_t permille)
{
	uint64_t count = 0, rank, value_ns;
	uint32_t i;

	for (i = 0; i < RQS_COARSE_COUNT; i++)
		count += coarse->buckets[i];
	if (!count)
		return 0;
	/* in two parts: the product of a large count would overflow */
	rank = count / 1000 * permille + (count % 1000 * permille + 999) / 1000;
	if (!rank)
		rank = 1;
	for (i = 0; i < RQS_COARSE_COUNT - 1; i++) {
		if (coarse->buckets[i] >= rank)
			break;
		rank -= coarse->buckets[i];
	}
	value_ns = rqs_coarse_mid(i);
	if (value_ns < coarse->min_ns)
		value_ns = coarse->min_ns;
	return value_ns > coarse->max_ns ? coarse->max_ns : value_ns;
}
