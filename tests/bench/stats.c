// SPDX-License-Identifier: GPL-2.0-only
#include "stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static double quantile(const double *sorted, size_t count, double share)
{
	double at = share * (count - 1);
	size_t below = (size_t)at;

	if (below + 1 >= count)
		return sorted[count - 1];
	return sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]);
}

struct bench_spread bench_spread_of(const double *values, size_t count)
{
	struct bench_spread spread = { .low = NAN, .median = NAN, .high = NAN };
	double *sorted = malloc((count + 1) * sizeof(*sorted));
	size_t kept = 0;

	if (!sorted)
		return spread;
	for (size_t i = 0; i < count; i++) {
		if (!isnan(values[i]))
			sorted[kept++] = values[i];
	}
	qsort(sorted, kept, sizeof(*sorted), compare);
	if (kept) {
		spread.low = quantile(sorted, kept, 0.25);
		spread.median = quantile(sorted, kept, 0.5);
		spread.high = quantile(sorted, kept, 0.75);
	}
	free(sorted);
	return spread;
}

void bench_differences(const double *values, const double *from, size_t count, double *ret)
{
	for (size_t i = 0; i < count; i++)
		ret[i] = values[i] - from[i];
}

void bench_ratios(const double *values, const double *to, size_t count, double *ret)
{
	for (size_t i = 0; i < count; i++)
		ret[i] = values[i] / to[i];
}
