// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_tick - what a tick costs: drain the maps, aggregate, take into the model, encode. Against looking up every histogram.
 * Usage: bench_tick RQSCOPE. Takes half a minute; needs root.
 *
 * The maps are of the kernel and as the probes make them; nothing is attached, this process writes them. More CPUs than there
 * are are played by maps with one value as large as those of so many CPUs: the kernel copies as much in one piece. Lanes of services
 * are mapped, and of so many CPUs as are played.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "agg.h"
#include "build_window.h"
#include "frame.h"
#include "loops.h"
#include "poll.h"
#include "rounds.h"
#include "rows.h"
#include "stats.h"

#define WARM 100 /* ticks before, in which memory is touched for the first time */
#define TICKS 20 /* measured in a round */
#define SWEEP_WARM 3
#define SWEEP_TICKS 7
#define REQUESTS 50 /* a tick, of each busy service on each CPU */
#define ROUTES_EACH 4
#define TARGET 0.2
#define TARGET_GROWTH 1.5

enum stage { DRAIN, AGGREGATE, MODEL, ENCODE, STAGES };

struct shape {
	uint32_t cpus;
	uint32_t services;
	uint32_t busy; /* of them */
};

struct bench {
	struct shape shape;
	struct rqs_control control;
	struct rqs_probe_maps maps;
	uint32_t slots_used, routes_used, bar;
	int32_t left;
	uint16_t generations[RQS_ROUTE_IDS];
	uint8_t slot_generations[RQS_SLOT_MAX];
	struct rqs_http_lane *lanes; /* mapped: those of a slot for each CPU */
	struct rqs_sched_lane *sched; /* likewise, one a CPU */
	struct rqs_http_losses losses;
	int looked_up; /* as many histograms in a per-CPU map, for the comparison */
	void *values;
	struct rqs_poll *poll;
	struct rqs_agg *agg;
	struct rqs_model *model;
	uint64_t seq, random;
	double stages[STAGES][TICKS]; /* ns, of the last ticks: a ring */
};

static uint32_t possible_cpus;

/* In place of libbpf's: how many CPUs are played. See the Makefile. */
int __wrap_libbpf_num_possible_cpus(void);
int __real_libbpf_num_possible_cpus(void);
int __wrap_libbpf_num_possible_cpus(void)
{
	return possible_cpus;
}

static uint64_t cpu_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static void must(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "bench_tick: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* --- maps -------------------------------------------------------------------------------------------------- */

static int make_map(enum bpf_map_type type, uint32_t key_bytes, uint32_t value_bytes, uint32_t entries)
{
	int fd = bpf_map_create(type, "bench", key_bytes, value_bytes, entries, NULL);

	if (fd < 0) {
		fprintf(stderr, "bench_tick: can't make a map of %u values of %u bytes: %s\n", entries, value_bytes, strerror(errno));
		exit(1);
	}
	return fd;
}

static int make_lanes(const struct shape *shape, uint32_t value_bytes, uint32_t entries)
{
	if (shape->cpus == (uint32_t)__real_libbpf_num_possible_cpus())
		return make_map(BPF_MAP_TYPE_PERCPU_ARRAY, 4, value_bytes, entries);
	return make_map(BPF_MAP_TYPE_ARRAY, 4, shape->cpus * value_bytes, entries);
}

/* Lanes that user space maps; here to write them. */
static int make_mapped(uint32_t value_bytes, uint32_t entries, void **ret_map)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "bench", 4, value_bytes, entries, &opts);

	must(fd < 0, "can't make lanes");
	*ret_map = mmap(NULL, (size_t)value_bytes * entries, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(*ret_map == MAP_FAILED, "can't map lanes");
	return fd;
}

static void make_maps(struct bench *bench)
{
	const struct shape *shape = &bench->shape;
	struct rqs_probe_maps *maps = &bench->maps;

	bench->control = (struct rqs_control){ .epoch = 1, .second = 1 };
	bench->slots_used = RQS_ROLE_COUNT + shape->services;
	bench->left = RQS_ROUTES_NAMED;
	*maps = (struct rqs_probe_maps){ .control = &bench->control, .waiters = -1, .cpu_numbers = shape->cpus };
	maps->events = make_map(BPF_MAP_TYPE_RINGBUF, 0, 0, 64 * 1024);
	maps->event_lanes = make_lanes(shape, sizeof(struct rqs_event_lane), 1);
	maps->sched_lanes = make_mapped(sizeof(*bench->sched), shape->cpus, (void **)&bench->sched);
	maps->http_lanes = make_mapped(sizeof(*bench->lanes), bench->slots_used * shape->cpus, (void **)&bench->lanes);
	maps->http_losses = &bench->losses;
	maps->http_services = make_map(BPF_MAP_TYPE_HASH, sizeof(struct rqs_service_key), sizeof(struct rqs_service_value),
				       bench->slots_used);
	maps->http_pids = make_map(BPF_MAP_TYPE_HASH, sizeof(struct rqs_pid_key), 1, 1024);
	maps->http_free = make_map(BPF_MAP_TYPE_QUEUE, 0, 4, RQS_SLOT_MAX);
	maps->http_slots = bench->slots_used;
	maps->http_slots_used = &bench->slots_used;
	maps->http_generations = bench->slot_generations;
	maps->routes = (struct rqs_route_maps){
		.ids = make_map(BPF_MAP_TYPE_HASH, sizeof(struct rqs_route_key), sizeof(struct rqs_route_value), RQS_ROUTES_NAMED),
		.names = make_map(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct rqs_route_key), RQS_ROUTES_NAMED),
		.counts = make_lanes(shape, sizeof(struct rqs_route_counts), RQS_ROUTE_IDS),
		.times = make_lanes(shape, sizeof(struct rqs_route_times), RQS_ROUTE_IDS),
		.free = make_map(BPF_MAP_TYPE_QUEUE, 0, 4, RQS_ROUTES_NAMED),
		.used = &bench->routes_used,
		.generations = bench->generations,
		.left = &bench->left,
		.bar = &bench->bar,
		.stay = RQS_ROUTES_USUAL,
	};
}

static void close_maps(struct bench *bench)
{
	const struct rqs_probe_maps *maps = &bench->maps;
	const int fds[] = { maps->events, maps->event_lanes, maps->sched_lanes, maps->http_lanes,
			    maps->http_services, maps->http_pids, maps->http_free, maps->routes.ids,
			    maps->routes.names, maps->routes.counts, maps->routes.times, maps->routes.free };

	munmap(bench->lanes, (size_t)bench->slots_used * bench->shape.cpus * sizeof(*bench->lanes));
	munmap(bench->sched, bench->shape.cpus * sizeof(*bench->sched));
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		close(fds[i]);
}

/* The routes that the service in a slot has: few hosts have more than fits. */
static uint32_t route_place(uint32_t slot, uint32_t index)
{
	return ((slot - RQS_ROLE_COUNT) * ROUTES_EACH + index) % RQS_ROUTES_USUAL;
}

static void name_services(struct bench *bench)
{
	for (uint32_t slot = RQS_ROLE_COUNT; slot < bench->slots_used; slot++) {
		struct rqs_service_key key = { .port = slot, .role = RQS_ROLE_SERVER };
		struct rqs_service_value value = { .slot = slot, .pid = getpid() };

		snprintf(key.name, sizeof(key.name), "service");
		must(bpf_map_update_elem(bench->maps.http_services, &key, &value, BPF_ANY), "can't name a service");
		for (uint32_t i = 0; i < ROUTES_EACH; i++) {
			struct rqs_route_key route = { .slot = slot, .method = 1, .path_bytes = 7 };
			uint32_t place = route_place(slot, i);

			snprintf((char *)route.path, sizeof(route.path), "/route%u", i);
			must(bpf_map_update_elem(bench->maps.routes.names, &place, &route, BPF_ANY), "can't name a route");
			if (bench->routes_used <= place)
				bench->routes_used = place + 1;
		}
	}
}

/* --- traffic ------------------------------------------------------------------------------------------------- */

static uint64_t some_ns(struct bench *bench)
{
	return 1000 + (uint64_t)(2e6 * build_uniform(&bench->random) * build_uniform(&bench->random));
}

static void serve_slot(struct bench *bench, uint32_t slot)
{
	uint32_t cpus = bench->shape.cpus, epoch = bench->control.epoch;

	for (uint32_t cpu = 0; cpu < cpus; cpu++) {
		struct rqs_http_lane *lane = &bench->lanes[(size_t)slot * cpus + cpu];

		lane->begin += 2 * REQUESTS;
		for (uint32_t i = 0; i < (cpus > 8 ? 2 : REQUESTS); i++)
			for (uint32_t m = 0; m < RQS_METRIC_COUNT; m++) {
				uint64_t ns = some_ns(bench);

				lane->sum_ns[m] += ns;
				lane->buckets[m][rqs_bucket_index(ns)]++;
				lane->extrema[m][epoch & 1] = (struct rqs_extrema){ .min = 1000, .max = 2000000, .epoch = epoch };
			}
		lane->requests += REQUESTS;
		lane->responses += REQUESTS;
		lane->status[200 - RQS_STATUS_LOW] += REQUESTS;
		lane->end += 2 * REQUESTS;
	}
}

static void serve_routes(struct bench *bench, uint32_t slot)
{
	struct rqs_route_counts counts[bench->shape.cpus];

	for (uint32_t i = 0; i < ROUTES_EACH; i++) {
		uint32_t id = RQS_ROUTE_FIRST + route_place(slot, i);

		must(bpf_map_lookup_elem(bench->maps.routes.counts, &id, counts), "can't read a route");
		for (uint32_t cpu = 0; cpu < bench->shape.cpus; cpu++) {
			counts[cpu].requests += REQUESTS / ROUTES_EACH;
			counts[cpu].responses += REQUESTS / ROUTES_EACH;
		}
		must(bpf_map_update_elem(bench->maps.routes.counts, &id, counts, BPF_ANY), "can't write a route");
	}
}

static void switch_tasks(struct bench *bench)
{
	struct rqs_sched_lane *lanes = bench->sched;

	for (uint32_t cpu = 0; cpu < bench->shape.cpus; cpu++) {
		for (uint32_t i = 0; i < 200; i++) {
			uint64_t ns = some_ns(bench);

			lanes[cpu].wait_sum_ns += ns;
			lanes[cpu].wait_buckets[rqs_bucket_index(ns)]++;
			lanes[cpu].switches++;
		}
	}
}

static void serve(struct bench *bench, uint32_t busy)
{
	for (uint32_t i = 0; i < busy; i++) {
		serve_slot(bench, RQS_ROLE_COUNT + i);
		serve_routes(bench, RQS_ROLE_COUNT + i);
	}
	switch_tasks(bench);
}

/* --- what is timed ---------------------------------------------------------------------------------------------- */

/* As collector.c and hub.c do it. The seconds' own readings are left out: they come once in ten ticks, whatever is busy. */
static uint64_t tick(struct bench *bench, uint32_t busy)
{
	const struct rqs_window *window;
	struct rqs_reading reading = {};
	struct rqs_text text;
	uint64_t begin_ns[STAGES + 1];

	bench->seq++;
	reading.deadline_ns = reading.mono_ns = START_NS + bench->seq * TICK_NS;
	reading.real_ns = reading.mono_ns + REAL_OFFSET_NS;
	begin_ns[DRAIN] = cpu_ns();
	must(rqs_poll_read(bench->poll, &reading), "can't drain");
	begin_ns[AGGREGATE] = cpu_ns();
	must(rqs_agg_push(bench->agg, &reading, &window), "no window");
	begin_ns[MODEL] = cpu_ns();
	must(rqs_model_apply(bench->model, window), "not applied");
	begin_ns[ENCODE] = cpu_ns();
	text = rqs_frame_windows(bench->model, bench->seq - 1, bench->seq, 0);
	begin_ns[STAGES] = cpu_ns();
	/* What is timed must have seen what was served. */
	if (!text.data || window->service_count != busy || !window->switches) {
		fprintf(stderr, "bench_tick: the window tells of %u services instead of %u\n", window->service_count, busy);
		exit(1);
	}
	free(text.data);
	rqs_window_put(window);
	for (int i = 0; i < STAGES; i++)
		bench->stages[i][bench->seq % TICKS] = begin_ns[i + 1] - begin_ns[i];
	return begin_ns[STAGES] - begin_ns[DRAIN];
}

/*
 * Every histogram there is, three of each service, one of each route, on all CPUs, looked up in per-CPU maps as they are mostly
 * kept, and no more.
 */
static uint64_t lookups(struct bench *bench)
{
	uint64_t begin_ns = cpu_ns();

	for (uint32_t slot = 0; slot < bench->slots_used; slot++)
		must(bpf_map_lookup_elem(bench->looked_up, &slot, bench->values), "can't look up");
	for (uint32_t id = RQS_ROUTE_FIRST; id < RQS_ROUTE_FIRST + bench->routes_used; id++)
		must(bpf_map_lookup_elem(bench->maps.routes.times, &id, bench->values), "can't look up");
	return cpu_ns() - begin_ns;
}

static void open_bench(struct bench *bench, const struct shape *shape)
{
	struct rqs_host host = *build_host();

	*bench = (struct bench){ .shape = *shape };
	possible_cpus = shape->cpus;
	host.cpus = shape->cpus;
	host.history_ns = 60 * SECOND_NS;
	make_maps(bench);
	name_services(bench);
	bench->looked_up = make_lanes(shape, sizeof(*bench->lanes), bench->slots_used);
	bench->values = calloc(shape->cpus, sizeof(*bench->lanes));
	bench->agg = rqs_agg_new(shape->cpus, START_NS);
	bench->model = rqs_model_new(&host);
	must(!bench->values || !bench->agg || !bench->model, "no memory");
	must(rqs_poll_new(&bench->maps, &bench->poll), "can't poll");
	/* All were there before; most are silent now. */
	serve(bench, shape->services);
	tick(bench, shape->services);
}

static void close_bench(struct bench *bench)
{
	rqs_poll_free(bench->poll);
	rqs_model_free(bench->model);
	rqs_agg_free(bench->agg);
	free(bench->values);
	close(bench->looked_up);
	close_maps(bench);
}

static void warm_up(struct bench *bench, uint32_t ticks)
{
	for (uint32_t i = 0; i < ticks; i++) {
		serve(bench, bench->shape.busy);
		tick(bench, bench->shape.busy);
	}
}

struct costs {
	double tick_ns;
	double lookups_ns;
	double stages_ns[STAGES];
};

/* Both in turn, as medians over ticks. */
static void measure(struct bench *bench, uint32_t count, struct costs *ret_costs)
{
	double ticks[TICKS], all[TICKS];

	for (uint32_t i = 0; i < count; i++) {
		serve(bench, bench->shape.busy);
		ticks[i] = tick(bench, bench->shape.busy);
		all[i] = lookups(bench);
	}
	ret_costs->tick_ns = bench_spread_of(ticks, count).median;
	ret_costs->lookups_ns = bench_spread_of(all, count).median;
	for (int i = 0; i < STAGES; i++)
		ret_costs->stages_ns[i] = bench_spread_of(bench->stages[i], TICKS).median;
}

static double of_shape(uint32_t cpus, uint32_t services, uint32_t busy)
{
	const struct shape shape = { .cpus = cpus, .services = services, .busy = busy };
	static struct bench bench;
	struct costs costs = { 0 };

	open_bench(&bench, &shape);
	warm_up(&bench, SWEEP_WARM);
	measure(&bench, SWEEP_TICKS, &costs);
	close_bench(&bench);
	return costs.tick_ns;
}

/* What one more busy service costs a tick, for each CPU, must not depend on how many CPUs and services there are. */
static void sweep(void)
{
	static const uint32_t cpus[] = { 2, 8, 32, 128 }, services[] = { 1, 10, 50, 200 };
	double each_ns[4], largest;

	printf("\na tick in us, services all busy | 1 | 10 | 50 | 200 | each, per CPU\n");
	for (uint32_t i = 0; i < 4; i++) {
		double ticks_ns[4];

		printf("%3u CPUs                       |", cpus[i]);
		for (uint32_t k = 0; k < 4; k++) {
			ticks_ns[k] = of_shape(cpus[i], services[k], services[k]);
			printf(" %.0f |", ticks_ns[k] / 1e3);
			fflush(stdout);
		}
		each_ns[i] = (ticks_ns[3] - ticks_ns[0]) / (services[3] - services[0]) / cpus[i];
		printf(" %.2f us\n", each_ns[i] / 1e3);
	}
	/* On few CPUs what a service costs once, however many there are, shows; growth is what comes after. */
	largest = fmax(each_ns[2], each_ns[3]);
	bench_row("a tick for each CPU and busy service, up to 128 CPUs and 200 services", "the same on 8 CPUs", "at most 1.5 x: linear",
		  bench_met_if(largest / each_ns[1] <= TARGET_GROWTH), "%.2f x", largest / each_ns[1]);
}

static void compare(unsigned int rounds)
{
	const struct shape shape = { .cpus = __real_libbpf_num_possible_cpus(), .services = 50, .busy = 5 };
	double ratios[BENCH_ROUNDS_MAX], drains[BENCH_ROUNDS_MAX];
	static struct bench bench;
	struct costs costs = { 0 };

	open_bench(&bench, &shape);
	warm_up(&bench, WARM);
	for (unsigned int i = 0; i < rounds; i++) {
		measure(&bench, TICKS, &costs);
		ratios[i] = costs.tick_ns / costs.lookups_ns;
		drains[i] = costs.stages_ns[DRAIN] / costs.lookups_ns;
	}
	close_bench(&bench);
	printf("a tick of %u services of which %u are busy, %u CPUs: %.0f us (drain %.0f, aggregate %.0f, history and totals %.0f, encode "
	       "%.0f); looking up %u histograms: %.0f us\n",
	       shape.services, shape.busy, shape.cpus, costs.tick_ns / 1e3, costs.stages_ns[DRAIN] / 1e3,
	       costs.stages_ns[AGGREGATE] / 1e3, costs.stages_ns[MODEL] / 1e3, costs.stages_ns[ENCODE] / 1e3,
	       RQS_METRIC_COUNT * (shape.services + RQS_ROLE_COUNT) + RQS_ROUTES_USUAL, costs.lookups_ns / 1e3);
	bench_row("a tick's draining, 50 services of which 5 are busy, 2 CPUs", "looking up every histogram", "under 0.2 x",
		  bench_met_if(bench_spread_of(drains, rounds).median < TARGET), "%.2f x", bench_spread_of(drains, rounds).median);
	bench_row("the whole tick: drain, aggregate, keep, encode", "looking up every histogram, and no more", "under 0.2 x",
		  bench_met_if(bench_spread_of(ratios, rounds).median < TARGET), "%.2f x", bench_spread_of(ratios, rounds).median);
}

int main(int argc, char **argv)
{
	const char *limit = getenv("BENCH_LIMIT_S");

	bench_pin(bench_cpu(false));
	compare(bench_rounds_count());
	if (!limit || atoi(limit) >= 10)
		sweep();
	return 0;
}
