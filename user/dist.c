// SPDX-License-Identifier: GPL-2.0-only
#include "dist.h"

#include <string.h>

#include "varint.h"

void rqs_hist_clear(struct rqs_hist *hist)
{
	memset(hist->buckets + hist->low, 0, (hist->high - hist->low) * sizeof(hist->buckets[0]));
	memset(hist, 0, offsetof(struct rqs_hist, buckets));
}

/* The part in use, widened. */
static void cover(struct rqs_hist *hist, uint32_t low, uint32_t high)
{
	if (hist->low == hist->high) {
		hist->low = low;
		hist->high = high;
		return;
	}
	if (low < hist->low)
		hist->low = low;
	if (high > hist->high)
		hist->high = high;
}

static void add_summary(struct rqs_hist *hist, uint64_t count, uint64_t sum_ns, uint64_t min_ns, uint64_t max_ns)
{
	if (!count)
		return;
	if (!hist->count || min_ns < hist->min_ns)
		hist->min_ns = min_ns;
	if (!hist->count || max_ns > hist->max_ns)
		hist->max_ns = max_ns;
	hist->count += count;
	hist->sum_ns += sum_ns;
}

void rqs_hist_add_dist(struct rqs_hist *hist, const struct rqs_dist *dist)
{
	uint32_t low = RQS_BUCKET_COUNT, high = 0, i;

	add_summary(hist, dist->count, dist->sum_ns, dist->min_ns, dist->max_ns);
	for (i = 0; i < dist->bin_count; i++) {
		uint32_t index = dist->bins[i].index;

		if (index >= RQS_BUCKET_COUNT)
			index = RQS_BUCKET_COUNT - 1;
		low = index < low ? index : low;
		high = index >= high ? index + 1 : high;
		hist->buckets[index] += dist->bins[i].count;
	}
	if (high)
		cover(hist, low, high);
}

void rqs_hist_add_buckets(struct rqs_hist *hist, const struct rqs_hist *other)
{
	uint32_t i;

	if (other->low == other->high)
		return;
	cover(hist, other->low, other->high);
	for (i = other->low; i < other->high; i++)
		hist->buckets[i] += other->buckets[i];
}

void rqs_hist_add(struct rqs_hist *hist, const struct rqs_hist *other)
{
	add_summary(hist, other->count, other->sum_ns, other->min_ns, other->max_ns);
	rqs_hist_add_buckets(hist, other);
}

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
	value = value < low ? low : value;
	return value > high ? high : value;
}

void rqs_hist_quantiles_ns(const struct rqs_hist *hist, const uint32_t *permilles, uint32_t n, uint64_t min_ns,
			   uint64_t max_ns, uint64_t *ret_ns)
{
	uint64_t count = 0, before = 0;
	uint32_t i, k;

	for (i = hist->low; i < hist->high; i++)
		count += hist->buckets[i];
	for (i = hist->low, k = 0; k < n; k++) {
		/* in two parts: the product of a large count would overflow */
		uint64_t rank = count / 1000 * permilles[k] + (count % 1000 * permilles[k] + 999) / 1000;

		if (!count) {
			ret_ns[k] = 0;
			continue;
		}
		if (!rank)
			rank = 1;
		for (; i < hist->high - 1 && before + hist->buckets[i] < rank; i++)
			before += hist->buckets[i];
		ret_ns[k] = clamp(rqs_bucket_mid(i), min_ns, max_ns);
	}
}

uint64_t rqs_hist_quantile_ns(const struct rqs_hist *hist, uint32_t permille, uint64_t min_ns, uint64_t max_ns)
{
	uint64_t value_ns;

	rqs_hist_quantiles_ns(hist, &permille, 1, min_ns, max_ns, &value_ns);
	return value_ns;
}

/* Which buckets hold anything follows no pattern that a CPU could guess: so without a branch for each. */
static uint32_t list_used(const struct rqs_hist *hist, uint16_t *ret_used)
{
	uint32_t count = 0, i;

	for (i = hist->low; i < hist->high; i++) {
		ret_used[count] = (uint16_t)i;
		count += hist->buckets[i] != 0;
	}
	return count;
}

size_t rqs_hist_pack(const struct rqs_hist *hist, uint8_t *dst)
{
	uint16_t used[RQS_BUCKET_COUNT];
	uint32_t used_count = list_used(hist, used), expected = 0, i;
	uint8_t *at = dst;

	for (i = 0; i < used_count; i++) {
		uint64_t count = hist->buckets[used[i]];
		uint32_t empty = used[i] - expected;

		expected = used[i] + 1U;
		if (count < 64 && empty < 128) { /* nearly always: two bytes, or the first of them */
			*at++ = (uint8_t)(count << 1 | !!empty);
			*at = (uint8_t)empty;
			at += !!empty;
			continue;
		}
		if (count > UINT64_MAX >> 1)
			count = UINT64_MAX >> 1;
		at = rqs_varint_put(at, count << 1 | !!empty);
		if (empty)
			at = rqs_varint_put(at, empty);
	}
	*at++ = 0;
	return (size_t)(at - dst);
}

size_t rqs_hist_add_packed(struct rqs_hist *hist, const uint8_t *src, size_t bytes)
{
	const uint8_t *at = src, *end = src + bytes;
	uint64_t index = 0, number, empty;

	for (;;) {
		at = rqs_varint_get(at, end, &number);
		if (!at)
			return 0;
		if (!number)
			return (size_t)(at - src);
		if (number & 1) {
			at = rqs_varint_get(at, end, &empty);
			if (!at || empty >= RQS_BUCKET_COUNT)
				return 0;
			index += empty;
		}
		if (index >= RQS_BUCKET_COUNT)
			return 0;
		if (hist) {
			cover(hist, (uint32_t)index, (uint32_t)index + 1);
			hist->buckets[index] += number >> 1;
		}
		index++;
	}
}
