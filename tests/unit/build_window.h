/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * build_window - windows made by hand, for the tests of all that comes after collecting.
 * Tick N ends at N * 100 ms after START; the wall clock stands REAL_OFFSET_NS above the monotonic one.
 */
#ifndef RQS_TEST_BUILD_WINDOW_H
#define RQS_TEST_BUILD_WINDOW_H

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model.h"
#include "window.h"

#define TICK_NS 100000000ULL
#define SECOND_NS 1000000000ULL
#define MS 1000000ULL
#define US 1000ULL
#define START_NS (50 * SECOND_NS)
#define REAL_OFFSET_NS (1790000000 * SECOND_NS)
#define START_REAL_NS (START_NS + REAL_OFFSET_NS)
#define BUILD_SERVICES RQS_SLOT_MAX
#define BUILD_BINS 40000
#define BUILD_STATUS 2000
#define BUILD_EVENTS 700
#define BUILD_PIDS 6000

struct build {
	struct rqs_window window;
	struct rqs_service_delta services[BUILD_SERVICES];
	struct rqs_bin bins[BUILD_BINS];
	uint32_t bin_count;
	struct rqs_status_count status[BUILD_STATUS];
	uint32_t status_count;
	struct rqs_kernel_event events[BUILD_EVENTS];
	struct rqs_pid pids[BUILD_PIDS];
	struct rqs_cpu_delta cpus[2];
	struct rqs_vitals vitals;
	struct rqs_self self;
};

static inline const struct rqs_host *build_host(void)
{
	static const struct rqs_host host = { .name = "web-07", .kernel = "6.18.44", .arch = "x86_64", .cpus = 2, .services = RQS_SLOT_MAX - RQS_ROLE_COUNT, .routes = RQS_ROUTES_STAY,
					      .version = "0.1.0", .instance = "f3a9", .tick_ns = TICK_NS,
					      .slow_ns = SECOND_NS, .attached_ns = START_NS,
					      .attached_real_ns = START_REAL_NS };

	return &host;
}

/* An idle tick. */
static inline void build_tick(struct build *build, uint64_t seq)
{
	struct rqs_window *window = &build->window;

	memset(window, 0, sizeof(*window));
	build->bin_count = 0;
	build->status_count = 0;
	window->seq = seq;
	window->ticks = 1;
	window->start_ns = START_NS + (seq - 1) * TICK_NS;
	window->end_ns = START_NS + seq * TICK_NS;
	window->end_real_ns = window->end_ns + REAL_OFFSET_NS;
	window->services = build->services;
	window->events = build->events;
	window->cpus = build->cpus;
	memset(build->cpus, 0, sizeof(build->cpus));
	window->cpu_count = 2;
}

static inline struct rqs_service_ident build_ident(uint32_t slot, const char *name, uint16_t port)
{
	struct rqs_service_ident ident = { .slot = slot, .port = port, .role = RQS_ROLE_SERVER };

	snprintf(ident.name, sizeof(ident.name), "%s", name);
	return ident;
}

static inline struct rqs_service_delta *build_service(struct build *build, const struct rqs_service_ident *ident)
{
	struct rqs_service_delta *delta = &build->services[build->window.service_count++];

	assert_true(build->window.service_count <= BUILD_SERVICES);
	memset(delta, 0, sizeof(*delta));
	delta->ident = ident;
	return delta;
}

/* Durations as the kernel would count them. */
static inline void build_dist(struct build *build, struct rqs_dist *dist, const uint64_t *values, uint32_t count)
{
	static uint32_t buckets[RQS_BUCKET_COUNT];
	uint32_t i;

	memset(buckets, 0, sizeof(buckets));
	memset(dist, 0, sizeof(*dist));
	for (i = 0; i < count; i++) {
		buckets[rqs_bucket_index(values[i])]++;
		dist->sum_ns += values[i];
		if (!i || values[i] < dist->min_ns)
			dist->min_ns = values[i];
		if (values[i] > dist->max_ns)
			dist->max_ns = values[i];
	}
	dist->count = count;
	dist->bins = build->bins + build->bin_count;
	for (i = 0; i < RQS_BUCKET_COUNT; i++) {
		if (!buckets[i])
			continue;
		assert_true(build->bin_count < BUILD_BINS);
		build->bins[build->bin_count++] = (struct rqs_bin){ i, buckets[i] };
		dist->bin_count++;
	}
}

/* @count requests that were answered with @code, each of which took @duration_ns. */
static inline void build_answers(struct build *build, struct rqs_service_delta *delta, uint16_t code, uint32_t count,
				 uint64_t duration_ns)
{
	uint64_t *values = malloc((count + 1) * sizeof(*values));
	uint32_t i;

	assert_non_null(values);
	for (i = 0; i < count; i++)
		values[i] = duration_ns;
	delta->books.requests += count;
	delta->books.responses += count;
	delta->books.request_bytes += 100ULL * count;
	delta->books.response_bytes += 1000ULL * count;
	for (i = 0; i < RQS_METRIC_COUNT; i++)
		build_dist(build, &delta->dist[i], values, count);
	free(values);
	delta->split.count += count;
	delta->split.blocked_ns += count * duration_ns;
	assert_true(build->status_count < BUILD_STATUS);
	if (!delta->status_count)
		delta->status = build->status + build->status_count;
	build->status[build->status_count++] = (struct rqs_status_count){ code, count };
	delta->status_count++;
}

static inline void build_vitals(struct build *build)
{
	build->vitals = (struct rqs_vitals){
		.cpu_user = 0.1, .cpu_system = 0.05, .cpu_iowait = 0, .cpu_steal = NAN, .cpu_idle = 0.85,
		.memory_total_bytes = 8000, .memory_available_bytes = 6000, .memory_anonymous_bytes = 1500,
		.memory_cached_bytes = 900, .swap_total_bytes = 0, .swap_used_bytes = UINT64_MAX,
		.pressure_cpu_some = 0.25, .pressure_memory_some = NAN, .pressure_memory_full = NAN,
		.pressure_io_some = 0, .pressure_io_full = 0, .load_1m = 1.25,
	};
	build->self = (struct rqs_self){ .cpu_ratio = 0.002, .rss_bytes = 9000000, .bpf_ns_per_s = 3100000, .program_count = 2,
					 .programs = { { "http_on_send", 4000, 410.5 }, { "http_on_state", 0, NAN } } };
	build->window.vitals = &build->vitals;
	build->window.self = &build->self;
	build->window.pids = build->pids;
}

static inline void build_pid(struct build *build, uint32_t slot, uint32_t pid)
{
	assert_true(build->window.pid_count < BUILD_PIDS);
	build->pids[build->window.pid_count++] = (struct rqs_pid){ slot, pid };
}

static inline struct rqs_kernel_event *build_event(struct build *build, enum rqs_event_kind kind, const char *method,
						   const char *path)
{
	struct rqs_kernel_event *event = &build->events[build->window.event_count++];

	assert_true(build->window.event_count <= BUILD_EVENTS);
	memset(event, 0, sizeof(*event));
	event->kind = kind;
	event->mono_ns = build->window.end_ns - 30 * MS;
	event->method_bytes = (uint8_t)strlen(method);
	event->path_bytes = (uint8_t)strlen(path);
	memcpy(event->method, method, event->method_bytes);
	memcpy(event->path, path, event->path_bytes);
	memcpy(event->comm, "worker", 6);
	return event;
}

/* A deterministic stream of numbers, the same everywhere. */
static inline uint64_t build_random(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/* 0 < u < 1 */
static inline double build_uniform(uint64_t *state)
{
	return ((double)(build_random(state) >> 12) + 0.5) / 0x1p52;
}

#endif
