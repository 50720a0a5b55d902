// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_start - how long it takes rqscope from its start until a window can be had.
 * Usage: bench_start RQSCOPE. Takes a few seconds; needs root.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "loops.h"
#include "process.h"
#include "rounds.h"
#include "rows.h"

#define TARGET_MS 500

/* @ret_ready_ms: until it says where its dashboard is. @ret_window_ms: until a snapshot of it holds context switches. */
static int measure(const char *path, double *ret_ready_ms, double *ret_window_ms)
{
	struct bench_rqscope rqscope;
	uint64_t begin_ns = bench_now_ns();
	int err = bench_rqscope_start(&rqscope, path, 0, NULL), end_err;

	if (err)
		return err;
	*ret_ready_ms = (bench_now_ns() - begin_ns) / 1e6;
	err = bench_rqscope_switched(&rqscope, 1);
	*ret_window_ms = (bench_now_ns() - begin_ns) / 1e6;
	end_err = bench_rqscope_end(&rqscope);
	return err ?: end_err;
}

int main(int argc, char **argv)
{
	double ready_ms[BENCH_ROUNDS_MAX], window_ms[BENCH_ROUNDS_MAX];
	unsigned int rounds = bench_rounds_count();
	struct bench_spread ready, window;

	if (argc != 2) {
		fprintf(stderr, "usage: bench_start RQSCOPE\n");
		return 2;
	}
	for (unsigned int i = 0; i < rounds; i++) {
		int err = measure(argv[1], &ready_ms[i], &window_ms[i]);

		if (err) {
			fprintf(stderr, "bench_start: rqscope gives no window: %s\n", strerror(-err));
			return 1;
		}
	}
	ready = bench_spread_of(ready_ms, rounds);
	window = bench_spread_of(window_ms, rounds);
	printf("start: %.0f ms (%.0f to %.0f) until it serves, %.0f ms (%.0f to %.0f) until the first window; medians and quartiles of "
	       "%u starts\n",
	       ready.median, ready.low, ready.high, window.median, window.low, window.high, rounds);
	bench_row("start of `rqscope` to its first window", "", "under 500 ms", bench_met_if(window.median < TARGET_MS), "%.0f ms",
		  window.median);
	return 0;
}
