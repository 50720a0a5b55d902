/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stats - medians of a few measurements, and tables of them. Pure.
 */
#ifndef RQS_BENCH_STATS_H
#define RQS_BENCH_STATS_H

#include <stddef.h>

/* Of 0 values all are NAN. */
struct bench_spread {
	double low; /* first quartile */
	double median;
	double high; /* third quartile */
};

/** bench_spread_of() - quartiles, interpolated. Values that are NAN are left out. @values is not changed. */
struct bench_spread bench_spread_of(const double *values, size_t count);

/** bench_differences() - @ret[i] = @values[i] - @from[i]; NAN where one of them is. */
void bench_differences(const double *values, const double *from, size_t count, double *ret);

/** bench_ratios() - @ret[i] = @values[i] / @to[i]; NAN where one of them is. */
void bench_ratios(const double *values, const double *to, size_t count, double *ret);

#endif
