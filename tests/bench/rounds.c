// SPDX-License-Identifier: GPL-2.0-only
#include "rounds.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "loops.h"
#include "rows.h"

#define ROUNDS_DEFAULT 15
#define LIMIT_S_DEFAULT 90
#define ATTEMPTS 3

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
	interrupted = 1;
}

unsigned int bench_rounds_count(void)
{
	const char *text = getenv("BENCH_ROUNDS");
	int count = text ? atoi(text) : ROUNDS_DEFAULT;

	return count < 1 ? 1 : count > BENCH_ROUNDS_MAX ? BENCH_ROUNDS_MAX : count;
}

/* On a machine that is too busy, what there is after so long has to do. */
static uint64_t limit_ns(void)
{
	const char *text = getenv("BENCH_LIMIT_S");
	int limit_s = text ? atoi(text) : LIMIT_S_DEFAULT;

	return (limit_s < 1 ? 1 : limit_s) * 1000000000ULL;
}

static int measure_once(struct bench_rounds *rounds, struct bench_series *series, unsigned int round, double *ret_values)
{
	struct bench_tracer *tracer;
	int err, detach_err;

	for (size_t i = 0; i < BENCH_METRICS_MAX; i++)
		ret_values[i] = NAN;
	err = bench_tracer_attach(series->kind, rounds->rqscope_path, &tracer);
	if (err) {
		fprintf(stderr, "bench: %s: can't be attached: %s\n", series->name, strerror(-err));
		series->missing = true;
		return err;
	}
	err = rounds->measure(tracer, round, ret_values);
	detach_err = bench_tracer_detach(tracer);
	return err ?: detach_err;
}

static void measure(struct bench_rounds *rounds, struct bench_series *series, unsigned int round)
{
	double values[BENCH_METRICS_MAX];
	int err = -EBUSY;

	for (int i = 0; i < ATTEMPTS && err && !series->missing && !interrupted; i++)
		err = measure_once(rounds, series, round, values);
	if (err && !series->missing) {
		fprintf(stderr, "bench: %s: round %u is void: %s\n", series->name, round + 1,
			err == -EBUSY ? "others attach programs" : err == -EAGAIN ? "others use the CPU" : strerror(-err));
		rounds->void_count++;
	}
	for (size_t i = 0; i < BENCH_METRICS_MAX; i++)
		series->values[i][round] = err ? NAN : values[i];
}

int bench_rounds_run(struct bench_rounds *rounds)
{
	uint64_t end_ns = bench_now_ns() + limit_ns();

	/* What was started and attached is ended in any case. */
	signal(SIGINT, interrupt);
	signal(SIGTERM, interrupt);
	for (unsigned int round = 0; round < rounds->rounds; round++) {
		if (bench_now_ns() > end_ns || interrupted) {
			rounds->rounds = round;
			break;
		}
		for (size_t i = 0; i < rounds->series_count && !interrupted; i++)
			measure(rounds, &rounds->series[(i + round) % rounds->series_count], round);
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "\rround %u of %u%s", round + 1, rounds->rounds, round + 1 < rounds->rounds ? "" : "\n");
	}
	if (interrupted)
		return -EINTR;
	return isnan(bench_spread_of(rounds->series[0].values[0], rounds->rounds).median) ? -EBUSY : 0;
}

struct bench_spread bench_rounds_added(const struct bench_rounds *rounds, const struct bench_series *series,
				       unsigned int metric)
{
	double added[BENCH_ROUNDS_MAX];

	bench_differences(series->values[metric], rounds->series[0].values[metric], rounds->rounds, added);
	return bench_spread_of(added, rounds->rounds);
}

struct bench_spread bench_rounds_ratio(const struct bench_rounds *rounds, const struct bench_series *series,
				       const struct bench_series *to, unsigned int metric)
{
	double added[BENCH_ROUNDS_MAX], to_added[BENCH_ROUNDS_MAX], ratios[BENCH_ROUNDS_MAX];
	const double *nothing = rounds->series[0].values[metric];
	struct bench_spread spread;

	bench_differences(series->values[metric], nothing, rounds->rounds, added);
	bench_differences(to->values[metric], nothing, rounds->rounds, to_added);
	bench_ratios(added, to_added, rounds->rounds, ratios);
	spread = bench_spread_of(ratios, rounds->rounds);
	/* What does not stand out from the noise is nothing to compare to. */
	if (!(bench_spread_of(to_added, rounds->rounds).low > 0))
		return (struct bench_spread){ .low = NAN, .median = NAN, .high = NAN };
	spread.median = bench_spread_of(added, rounds->rounds).median / bench_spread_of(to_added, rounds->rounds).median;
	return spread;
}

const struct bench_series *bench_rounds_of(const struct bench_rounds *rounds, enum bench_tracer_kind kind)
{
	for (size_t i = 0; i < rounds->series_count; i++) {
		if (rounds->series[i].kind == kind)
			return rounds->series[i].missing ? NULL : &rounds->series[i];
	}
	return NULL;
}

void bench_rounds_print_ratio(const struct bench_rounds *rounds, const struct bench_series *series,
			      const struct bench_series *to, unsigned int metric)
{
	struct bench_spread ratio;

	if (!to || to == series) {
		printf(" |");
		return;
	}
	ratio = bench_rounds_ratio(rounds, series, to, metric);
	if (isnan(ratio.median))
		printf(" lost in noise |");
	else
		printf(" %.2f (%.2f to %.2f) |", ratio.median, ratio.low, ratio.high);
}

void bench_rounds_print_target(const struct bench_rounds *rounds, const struct bench_series *series,
			       const struct bench_series *to, const char *what, const char *to_name, unsigned int metric,
			       double target)
{
	char limit[64];
	double ratio;

	if (!series || !to)
		return;
	snprintf(limit, sizeof(limit), "at most %.2f x", target);
	ratio = bench_rounds_ratio(rounds, series, to, metric).median;
	if (isnan(ratio))
		bench_row(what, to_name, limit, BENCH_UNTOLD, "lost in noise");
	else
		bench_row(what, to_name, limit, bench_met_if(ratio <= target), "%.2f x", ratio);
}

/* Of the first CPU. */
static void cpu_model(char *ret_name, size_t bytes)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[256];

	snprintf(ret_name, bytes, "unknown CPU");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		char *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) || !colon)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(ret_name, bytes, "%s", colon + 2);
		break;
	}
	fclose(file);
}

void bench_rounds_machine(const struct bench_rounds *rounds)
{
	struct utsname name;
	char model[128];
	char *dash;

	uname(&name);
	dash = strchr(name.release, '-');
	if (dash)
		*dash = '\0';
	cpu_model(model, sizeof(model));
	printf("Linux %s, %s, %ld CPUs; %u rounds", name.release, model, sysconf(_SC_NPROCESSORS_ONLN), rounds->rounds);
	if (rounds->void_count)
		printf(", %u measurements of them void", rounds->void_count);
	if (bench_tracers_foreign())
		printf("; up to %u BPF programs of others were attached too", bench_tracers_foreign());
}
