/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * read_maps - readings as they come from the BPF maps, made by hand, for the tests of agg.
 */
#ifndef RQS_TEST_READ_MAPS_H
#define RQS_TEST_READ_MAPS_H

#include "build_window.h"

#include "agg.h"

#define CPUS 4

/* What the maps hold: cumulative, and changed by the tests. */
struct maps {
	struct rqs_agg *agg;
	struct rqs_reading reading;
	struct rqs_sched_lane sched[CPUS];
	struct rqs_slot_reading slots[RQS_SLOT_MAX];
	struct rqs_service_ident idents[RQS_SLOT_MAX];
};

static inline struct maps *maps_new(uint32_t slot_count)
{
	struct maps *maps = calloc(1, sizeof(*maps));

	assert_non_null(maps);
	maps->agg = rqs_agg_new(CPUS, START_NS);
	assert_non_null(maps->agg);
	maps->reading.sched = maps->sched;
	maps->reading.cpu_count = CPUS;
	maps->reading.slots = maps->slots;
	maps->reading.slot_count = slot_count;
	for (uint32_t i = 0; i < RQS_SLOT_MAX; i++) {
		maps->idents[i] = build_ident(i, "service", 8000 + i);
		maps->slots[i].ident = &maps->idents[i];
	}
	return maps;
}

static inline void maps_free(struct maps *maps)
{
	rqs_agg_free(maps->agg);
	free(maps);
}

/* A reading at the deadline of tick @tick and @late_ns later; each has an epoch of its own. */
static inline int read_maps(struct maps *maps, uint64_t tick, uint64_t late_ns, const struct rqs_window **ret_window)
{
	maps->reading.deadline_ns = START_NS + tick * TICK_NS;
	maps->reading.mono_ns = maps->reading.deadline_ns + late_ns;
	maps->reading.real_ns = maps->reading.mono_ns + REAL_OFFSET_NS;
	maps->reading.epoch = tick;
	return rqs_agg_push(maps->agg, &maps->reading, ret_window);
}

static inline const struct rqs_window *take_window(struct maps *maps, uint64_t tick)
{
	const struct rqs_window *window = NULL;

	assert_int_equal(read_maps(maps, tick, 0, &window), 0);
	assert_non_null(window);
	return window;
}

static inline void add_wait(struct rqs_sched_lane *lane, uint64_t wait_ns)
{
	lane->switches++;
	lane->wait_sum_ns += wait_ns;
	lane->wait_buckets[rqs_bucket_index(wait_ns)]++;
}

static inline void add_duration(struct rqs_http_lane *lane, enum rqs_metric metric, uint64_t ns)
{
	lane->sum_ns[metric] += ns;
	lane->buckets[metric][rqs_bucket_index(ns)]++;
}

static inline struct rqs_extrema stamp(uint32_t epoch, uint64_t min, uint64_t max)
{
	return (struct rqs_extrema){ .epoch = epoch, .min = min, .max = max };
}

static inline void fill_lane(struct rqs_http_lane *lane, uint64_t n)
{
	*lane = (struct rqs_http_lane){
		.requests = 3 * n, .responses = 5 * n, .upgrades = 7 * n, .aborted = 11 * n, .in_flight = 13 * n,
		.untimed = 17 * n, .request_bytes = 19 * n, .response_bytes = 23 * n, .sum_ns = { 29 * n, 31 * n, 37 * n },
		.split_count = 41 * n, .queued_ns = 43 * n, .cpu_wait_ns = 47 * n, .on_cpu_ns = 53 * n, .blocked_ns = 59 * n,
		.shared = 61 * n, .unknown = 67 * n,
	};
}

static inline void expect_books(const struct rqs_service_delta *delta, uint64_t n, int64_t in_flight)
{
	const struct rqs_books books = { 3 * n, 5 * n, 7 * n, 11 * n, in_flight, 17 * n, 19 * n, 23 * n };
	const struct rqs_split split = { 41 * n, 43 * n, 47 * n, 53 * n, 59 * n, 61 * n, 67 * n };

	assert_memory_equal(&delta->books, &books, sizeof(books));
	assert_memory_equal(&delta->split, &split, sizeof(split));
	assert_int_equal(delta->dist[RQS_METRIC_DURATION].sum_ns, 29 * n);
	assert_int_equal(delta->dist[RQS_METRIC_TTFB].sum_ns, 31 * n);
	assert_int_equal(delta->dist[RQS_METRIC_QUEUE].sum_ns, 37 * n);
}

#endif
