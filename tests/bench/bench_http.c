// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_http - what it adds to a request to have it measured: by rqscope, by empty programs on the same hooks, by a
 * classic design.
 * Usage: bench_http RQSCOPE. Prints a table in Markdown. Takes a minute; needs root.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "loops.h"
#include "process.h"
#include "rounds.h"

#define REQUESTS_NS 60000000ULL
#define SYSCALLS_NS 8000000ULL
#define NGINX_EVERY 5 /* rounds */
#define NGINX_SECONDS 1

#define TARGET_EMPTY 2.0
#define TARGET_CLASSIC 0.75

enum metric { METRIC_REQUEST, METRIC_GETPPID, METRIC_PIPE, METRIC_NGINX_CPU, METRIC_NGINX_RATE };

static struct bench_nginx nginx;
static bool has_nginx;

static int measure_requests(struct bench_tracer *tracer, double *ret_ns)
{
	struct bench_http http;
	int err = bench_http_open(&http);

	if (err)
		return err;
	err = bench_http_time(&http, REQUESTS_NS, ret_ns);
	if (!err && !bench_tracer_counted(tracer, http.port, http.requests)) {
		fprintf(stderr, "bench: the tracer has not counted the %llu requests made\n", (unsigned long long)http.requests);
		err = -ERANGE;
	}
	bench_http_close(&http);
	return err;
}

static int measure_nginx(double *ret_values)
{
	struct bench_load load;
	int err = bench_nginx_load(&nginx, NGINX_SECONDS, &load);

	if (err) {
		fprintf(stderr, "bench: no load by wrk: %s\n", strerror(-err));
		return err;
	}
	ret_values[METRIC_NGINX_CPU] = load.server_cpu_ns;
	ret_values[METRIC_NGINX_RATE] = load.requests_per_s;
	return 0;
}

static int measure(struct bench_tracer *tracer, unsigned int round, double *ret_values)
{
	int err = measure_requests(tracer, &ret_values[METRIC_REQUEST]);

	err = err ?: bench_getppid_time(SYSCALLS_NS, &ret_values[METRIC_GETPPID]);
	err = err ?: bench_pipe_time(SYSCALLS_NS, &ret_values[METRIC_PIPE]);
	if (!err && has_nginx && round % NGINX_EVERY == 0)
		err = measure_nginx(ret_values);
	return err;
}

/* Of the two forms of the classic design the one that adds less. */
static const struct bench_series *classic_of(const struct bench_rounds *rounds)
{
	const struct bench_series *own = bench_rounds_of(rounds, BENCH_CLASSIC), *any = bench_rounds_of(rounds, BENCH_CLASSIC_ANY);

	if (!own || !any)
		return own ?: any;
	return bench_rounds_added(rounds, own, METRIC_REQUEST).median < bench_rounds_added(rounds, any, METRIC_REQUEST).median ?
		       own : any;
}

static const struct bench_series *floor_of(const struct bench_rounds *rounds, const struct bench_series *series)
{
	switch (series->kind) {
	case BENCH_LEAST_A:
	case BENCH_RQSCOPE_A:
	case BENCH_RQSCOPE_A_ROUTELESS:
	case BENCH_RQSCOPE_A_SERVER:
	case BENCH_RQSCOPE_A_TCP:
		return bench_rounds_of(rounds, BENCH_EMPTY_A);
	case BENCH_RQSCOPE_B:
		return bench_rounds_of(rounds, BENCH_EMPTY_B);
	default:
		return NULL;
	}
}

static double nothing(const struct bench_rounds *rounds, enum metric metric)
{
	return bench_spread_of(rounds->series[0].values[metric], rounds->rounds).median;
}

/* What is added, in per cent of what it is with nothing attached. */
static void print_percent(const struct bench_rounds *rounds, const struct bench_series *series, enum metric metric)
{
	struct bench_spread added = bench_rounds_added(rounds, series, metric);

	if (isnan(added.median))
		printf(" not measured |");
	else
		printf(" %+.1f %% |", 100 * added.median / nothing(rounds, metric));
}

static void print_row(const struct bench_rounds *rounds, const struct bench_series *series)
{
	struct bench_spread added = bench_rounds_added(rounds, series, METRIC_REQUEST);

	printf("| %s | %.0f ns (%.0f to %.0f) |", series->name, added.median, added.low, added.high);
	bench_rounds_print_ratio(rounds, series, floor_of(rounds, series), METRIC_REQUEST);
	bench_rounds_print_ratio(rounds, series, classic_of(rounds), METRIC_REQUEST);
	printf(" %+.0f ns |", bench_rounds_added(rounds, series, METRIC_GETPPID).median);
	printf(" %+.0f ns |", bench_rounds_added(rounds, series, METRIC_PIPE).median);
	print_percent(rounds, series, METRIC_NGINX_CPU);
	print_percent(rounds, series, METRIC_NGINX_RATE);
	printf("\n");
}

static void print_table(const struct bench_rounds *rounds)
{
	printf("| attached | added to a request | x empty programs | x classic | getppid | pipe, write and read | nginx: CPU a request "
	       "| nginx: requests/s |\n|---|--:|--:|--:|--:|--:|--:|--:|\n");
	printf("| nothing | of %.0f ns | | | of %.0f ns | of %.0f ns |", nothing(rounds, METRIC_REQUEST),
	       nothing(rounds, METRIC_GETPPID), nothing(rounds, METRIC_PIPE));
	if (has_nginx)
		printf(" of %.1f us | of %.0f |\n", nothing(rounds, METRIC_NGINX_CPU) / 1000, nothing(rounds, METRIC_NGINX_RATE));
	else
		printf(" not measured | not measured |\n");
	for (size_t i = 1; i < rounds->series_count; i++) {
		if (!rounds->series[i].missing)
			print_row(rounds, &rounds->series[i]);
	}
}

static void print_method(const struct bench_rounds *rounds)
{
	printf("\nMade by `make bench-http` on ");
	bench_rounds_machine(rounds);
	printf(", each row attached in turn in each. A request: %u bytes one way and %u back on one loopback connection, both ends in one "
	       "thread, %.0f ms of them a round, in batches whose median counts. Shown are medians of the differences to \"nothing\" in "
	       "the same round, with their quartiles. rqscope counted every request, as server and, where that was not left out, as client. \"Classic\" is the cheaper "
	       "of its two forms. nginx: one worker, wrk with 16 connections, %u runs of %u s.\n",
	       bench_http_request_bytes(), bench_http_response_bytes(), REQUESTS_NS / 1e6,
	       (rounds->rounds + NGINX_EVERY - 1) / NGINX_EVERY, NGINX_SECONDS);
}

static void print_targets(const struct bench_rounds *rounds)
{
	const enum bench_tracer_kind kinds[] = { BENCH_RQSCOPE_A, BENCH_RQSCOPE_B };

	printf("\n");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct bench_series *series = bench_rounds_of(rounds, kinds[i]);
		const char *what = i ? "added time per HTTP request, tap B" : "added time per HTTP request, tap A";

		if (!series)
			continue;
		bench_rounds_print_target(rounds, series, floor_of(rounds, series), what, "empty programs on the same hooks",
					  METRIC_REQUEST, TARGET_EMPTY);
		bench_rounds_print_target(rounds, series, classic_of(rounds), what, "a tracer on system calls, the cheaper",
					  METRIC_REQUEST, TARGET_CLASSIC);
	}
}

int main(int argc, char **argv)
{
	static struct bench_series series[] = {
		{ .kind = BENCH_NOTHING, .name = "nothing" },
		{ .kind = BENCH_EMPTY_A, .name = "empty programs, hooks of tap A" },
		{ .kind = BENCH_LEAST_A, .name = "what classic measures, hooks of tap A" },
		{ .kind = BENCH_RQSCOPE_A, .name = "rqscope, tap A" },
		{ .kind = BENCH_RQSCOPE_A_ROUTELESS, .name = "rqscope, tap A, without routes" },
		{ .kind = BENCH_RQSCOPE_A_SERVER, .name = "rqscope, tap A, without the client role" },
		{ .kind = BENCH_RQSCOPE_A_TCP, .name = "rqscope, tap A, without Unix sockets" },
		{ .kind = BENCH_EMPTY_B, .name = "empty programs, hooks of tap B" },
		{ .kind = BENCH_RQSCOPE_B, .name = "rqscope, tap B" },
		{ .kind = BENCH_CLASSIC, .name = "classic, a tracepoint each system call" },
		{ .kind = BENCH_CLASSIC_ANY, .name = "classic, sys_enter and sys_exit" },
	};
	struct bench_rounds rounds = { .series = series, .series_count = sizeof(series) / sizeof(series[0]),
				       .rounds = bench_rounds_count(), .measure = measure };
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: bench_http RQSCOPE\n");
		return 2;
	}
	rounds.rqscope_path = argv[1];
	bench_tracers_prepare();
	has_nginx = !bench_nginx_start(&nginx);
	err = bench_pin(bench_cpu(false)) ?: bench_rounds_run(&rounds);
	if (has_nginx)
		bench_nginx_end(&nginx);
	if (err) {
		fprintf(stderr, "bench_http: nothing could be measured: %s\n", strerror(-err));
		return 1;
	}
	print_table(&rounds);
	print_method(&rounds);
	print_targets(&rounds);
	return 0;
}
