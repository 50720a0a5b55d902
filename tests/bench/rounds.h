/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rounds - measure the same thing with one tracer after another attached, again and again, so that whatever the
 * machine does besides meets all of them alike.
 */
#ifndef RQS_BENCH_ROUNDS_H
#define RQS_BENCH_ROUNDS_H

#include "stats.h"
#include "tracers.h"

#define BENCH_ROUNDS_MAX 99
#define BENCH_METRICS_MAX 5

/* One row of the table. */
struct bench_series {
	enum bench_tracer_kind kind;
	const char *name;
	bool missing; /* can't be attached here */
	double values[BENCH_METRICS_MAX][BENCH_ROUNDS_MAX]; /* NAN: not measured in this round */
};

struct bench_rounds {
	struct bench_series *series; /* the first one is BENCH_NOTHING, which all are compared to */
	size_t series_count;
	unsigned int rounds;
	unsigned int void_count; /* measurements that were thrown away and not replaced */
	const char *rqscope_path;
	/* Sets @ret_values, all NAN before. Not 0: what was measured means nothing. */
	int (*measure)(struct bench_tracer *tracer, unsigned int round, double *ret_values);
};

/** bench_rounds_count() - what the environment (BENCH_ROUNDS) asks for, or 15. */
unsigned int bench_rounds_count(void);

/**
 * bench_rounds_run() - the order turns by one each round. Ends after BENCH_LIMIT_S seconds (90): ->rounds is lowered.
 * Return: 0, or -errno when there is nothing to compare to.
 */
int bench_rounds_run(struct bench_rounds *rounds);

/** bench_rounds_added() - how much more than without it a metric is with @series, as medians of differences in a round. */
struct bench_spread bench_rounds_added(const struct bench_rounds *rounds, const struct bench_series *series,
				       unsigned int metric);

/**
 * bench_rounds_ratio() - how many times as much as @to a series adds: the ratio of the medians, and the quartiles of
 * the rounds' own ratios. NAN where what @to adds is lost in the noise.
 */
struct bench_spread bench_rounds_ratio(const struct bench_rounds *rounds, const struct bench_series *series,
				       const struct bench_series *to, unsigned int metric);

/** bench_rounds_of() - the series of this kind; NULL if it isn't there or can't be attached. */
const struct bench_series *bench_rounds_of(const struct bench_rounds *rounds, enum bench_tracer_kind kind);

/** bench_rounds_print_ratio() - as a cell of the table; empty if there is nothing to compare to. */
void bench_rounds_print_ratio(const struct bench_rounds *rounds, const struct bench_series *series,
			      const struct bench_series *to, unsigned int metric);

/** bench_rounds_print_target() - as a row (rows.h) about @what; nothing if one of the two is missing. */
void bench_rounds_print_target(const struct bench_rounds *rounds, const struct bench_series *series,
			       const struct bench_series *to, const char *what, const char *to_name, unsigned int metric,
			       double target);

/** bench_rounds_machine() - print what it was measured on, as the begin of a sentence. */
void bench_rounds_machine(const struct bench_rounds *rounds);

#endif
