// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_sched - what it adds to a context switch to have the run queue measured: by rqscope, by an empty program on
 * sched_switch, by a tool that follows each wakeup.
 * Usage: bench_sched RQSCOPE. Prints a table in Markdown. Takes half a minute; needs root.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "loops.h"
#include "rounds.h"

#define SWITCHES_NS 80000000ULL
#define SWITCHES_MIN 1000 /* in that time, on any machine */

#define TARGET_EMPTY 2.0
#define TARGET_RUNQLAT 0.2

static int measure(struct bench_tracer *tracer, unsigned int round, double *ret_values)
{
	int err = bench_switch_time(SWITCHES_NS, &ret_values[0]);

	if (!err && !bench_tracer_switched(tracer, SWITCHES_MIN)) {
		fprintf(stderr, "bench: the tracer has not counted the context switches made\n");
		err = -ERANGE;
	}
	return err;
}

static void print_table(const struct bench_rounds *rounds)
{
	printf("| attached | added to a context switch | x empty program | x runqlat |\n|---|--:|--:|--:|\n");
	printf("| nothing | of %.0f ns | | |\n", bench_spread_of(rounds->series[0].values[0], rounds->rounds).median);
	for (size_t i = 1; i < rounds->series_count; i++) {
		const struct bench_series *series = &rounds->series[i];
		struct bench_spread added = bench_rounds_added(rounds, series, 0);

		if (series->missing)
			continue;
		printf("| %s | %.0f ns (%.0f to %.0f) |", series->name, added.median, added.low, added.high);
		bench_rounds_print_ratio(rounds, series, bench_rounds_of(rounds, BENCH_EMPTY_SCHED), 0);
		bench_rounds_print_ratio(rounds, series, bench_rounds_of(rounds, BENCH_RUNQLAT), 0);
		printf("\n");
	}
}

int main(int argc, char **argv)
{
	static struct bench_series series[] = {
		{ .kind = BENCH_NOTHING, .name = "nothing" },
		{ .kind = BENCH_EMPTY_SCHED, .name = "empty program on sched_switch" },
		{ .kind = BENCH_RQSCOPE, .name = "rqscope, all of it" },
		{ .kind = BENCH_RUNQLAT, .name = "runqlat's way: wakeups and a table" },
	};
	struct bench_rounds rounds = { .series = series, .series_count = sizeof(series) / sizeof(series[0]),
				       .rounds = bench_rounds_count(), .measure = measure };
	const char *what = "added time per context switch";
	const struct bench_series *rqscope;
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: bench_sched RQSCOPE\n");
		return 2;
	}
	rounds.rqscope_path = argv[1];
	err = bench_pin(bench_cpu(false)) ?: bench_rounds_run(&rounds);
	if (err) {
		fprintf(stderr, "bench_sched: nothing could be measured: %s\n", strerror(-err));
		return 1;
	}
	print_table(&rounds);
	printf("\nMade by `make bench-sched` on ");
	bench_rounds_machine(&rounds);
	printf(", each row attached in turn in each. Two threads on one CPU wake each other through pipes, %.0f ms a round, in batches "
	       "whose first quartile counts. Shown are medians of the differences to \"nothing\" in the same round, with their quartiles.\n\n",
	       SWITCHES_NS / 1e6);
	rqscope = bench_rounds_of(&rounds, BENCH_RQSCOPE);
	bench_rounds_print_target(&rounds, rqscope, bench_rounds_of(&rounds, BENCH_EMPTY_SCHED), what,
				  "an empty program on sched_switch", 0, TARGET_EMPTY);
	bench_rounds_print_target(&rounds, rqscope, bench_rounds_of(&rounds, BENCH_RUNQLAT), what, "runqlat's way", 0,
				  TARGET_RUNQLAT);
	return 0;
}
