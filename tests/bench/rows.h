/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rows - what a benchmark ends with: lines of the one table that `make bench` makes of all (tests/bench/run).
 */
#ifndef RQS_BENCH_ROWS_H
#define RQS_BENCH_ROWS_H

#include <stdbool.h>

enum bench_met { BENCH_NOT_MET, BENCH_MET, BENCH_UNTOLD /* too noisy, or not to be had here */ };

/** bench_met_if() - as an enum bench_met. */
static inline enum bench_met bench_met_if(bool met)
{
	return met ? BENCH_MET : BENCH_NOT_MET;
}

/** bench_row() - print "row: what | against | target | measured | met" on a line of its own. @format is of what was measured. */
void bench_row(const char *what, const char *against, const char *target, enum bench_met met, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

#endif
