// SPDX-License-Identifier: GPL-2.0-only
#include "read_maps.h"

/* --- time --- */

static void test_windows_have_the_times_that_were_measured(void **state)
{
	struct maps *maps = maps_new(0);
	const struct rqs_window *window;

	assert_int_equal(read_maps(maps, 1, 3 * MS, &window), 0);
	assert_int_equal(window->seq, 1);
	assert_int_equal(window->ticks, 1);
	assert_int_equal(window->start_ns, START_NS);
	assert_int_equal(window->end_ns, START_NS + TICK_NS + 3 * MS);
	assert_int_equal(window->end_real_ns, START_REAL_NS + TICK_NS + 3 * MS);
	assert_int_equal(window->late_ns, 3 * MS);
	assert_false(window->gap);
	rqs_window_put(window);
	assert_int_equal(read_maps(maps, 2, 0, &window), 0);
	assert_int_equal(window->seq, 2);
	assert_int_equal(window->start_ns, START_NS + TICK_NS + 3 * MS);
	assert_int_equal(window->end_ns, START_NS + 2 * TICK_NS);
	assert_int_equal(window->late_ns, 0);
	rqs_window_put(window);
	/* before its deadline, as a clock may have it */
	assert_int_equal(read_maps(maps, 3, -MS, &window), 0);
	assert_int_equal(window->late_ns, 0);
	assert_int_equal(window->end_ns, START_NS + 3 * TICK_NS - MS);
	rqs_window_put(window);
	maps_free(maps);
}

static void test_time_that_does_not_advance_is_refused(void **state)
{
	const struct rqs_window none = {}, *window = &none;
	struct maps *maps = maps_new(1);

	assert_int_equal(read_maps(maps, 0, 0, &window), -ESTALE);
	rqs_window_put(take_window(maps, 1));
	maps->slots[0].sum.requests = 5;
	assert_int_equal(read_maps(maps, 1, 0, &window), -ESTALE);
	assert_int_equal(read_maps(maps, 0, 5 * SECOND_NS / 100, &window), -ESTALE);
	assert_ptr_equal(window, &none);
	assert_int_equal(read_maps(maps, 1, 1, &window), 0); /* one nanosecond is enough */
	assert_int_equal(window->seq, 2);
	assert_int_equal(window->ticks, 1);
	assert_int_equal(window->end_ns - window->start_ns, 1);
	assert_int_equal(window->services[0].books.requests, 5);
	assert_int_equal(window->losses.windows_merged, 0);
	rqs_window_put(window);
	maps_free(maps);
}

static void test_missed_deadlines_are_told(void **state)
{
	struct maps *maps = maps_new(0);
	const struct rqs_window *window;

	maps->reading.missed = 2;
	window = take_window(maps, 3);
	assert_int_equal(window->ticks, 3);
	assert_int_equal(window->losses.windows_merged, 2);
	rqs_window_put(window);
	maps->reading.missed = 0;
	window = take_window(maps, 4);
	assert_int_equal(window->ticks, 1);
	assert_int_equal(window->losses.windows_merged, 2); /* cumulative */
	rqs_window_put(window);
	maps_free(maps);
}

/* --- services --- */

static void test_counters_are_subtracted_and_in_flight_is_not(void **state)
{
	struct maps *maps = maps_new(2);
	const struct rqs_window *window;

	maps->slots[1].ident = &maps->idents[100];
	fill_lane(&maps->slots[0].sum, 10);
	fill_lane(&maps->slots[1].sum, 1000);
	window = take_window(maps, 1);
	assert_int_equal(window->service_count, 2);
	assert_memory_equal(window->services[0].ident, &maps->idents[0], sizeof(maps->idents[0]));
	assert_memory_equal(window->services[1].ident, &maps->idents[100], sizeof(maps->idents[0]));
	expect_books(&window->services[0], 10, 130);
	expect_books(&window->services[1], 1000, 13000);
	rqs_window_put(window);
	/* only one of them moved: the other isn't read, and is remembered */
	fill_lane(&maps->slots[0].sum, 15);
	maps->reading.slot_count = 1;
	window = take_window(maps, 2);
	assert_int_equal(window->service_count, 1);
	expect_books(&window->services[0], 5, 195);
	rqs_window_put(window);
	fill_lane(&maps->slots[1].sum, 1001);
	maps->slots[1].sum.in_flight = 0;
	maps->reading.slots = &maps->slots[1];
	window = take_window(maps, 3);
	assert_memory_equal(window->services[0].ident, &maps->idents[100], sizeof(maps->idents[0]));
	expect_books(&window->services[0], 1, 0);
	assert_false(window->gap);
	rqs_window_put(window);
	maps->reading.slot_count = 0;
	window = take_window(maps, 4);
	assert_int_equal(window->service_count, 0);
	rqs_window_put(window);
	maps_free(maps);
}

static void test_buckets_and_status_may_wrap(void **state)
{
	struct maps *maps = maps_new(1);
	struct rqs_http_lane *lane = &maps->slots[0].sum;
	const struct rqs_service_delta *delta;
	const struct rqs_window *window;

	lane->buckets[RQS_METRIC_TTFB][7] = UINT32_MAX - 1;
	lane->status[404 - RQS_STATUS_LOW] = UINT32_MAX;
	maps->sched[1].wait_buckets[9] = UINT32_MAX - 4;
	rqs_window_put(take_window(maps, 1));
	lane->buckets[RQS_METRIC_TTFB][7] += 4;
	lane->status[404 - RQS_STATUS_LOW] += 3;
	maps->sched[1].wait_buckets[9] += 10;
	window = take_window(maps, 2);
	delta = &window->services[0];
	assert_int_equal(delta->dist[RQS_METRIC_TTFB].count, 4);
	assert_int_equal(delta->dist[RQS_METRIC_TTFB].bin_count, 1);
	assert_int_equal(delta->dist[RQS_METRIC_TTFB].bins[0].index, 7);
	assert_int_equal(delta->dist[RQS_METRIC_TTFB].bins[0].count, 4);
	assert_int_equal(delta->status_count, 1);
	assert_int_equal(delta->status[0].count, 3);
	assert_int_equal(window->runqueue.count, 10);
	assert_int_equal(window->cpus[1].waits, 10);
	assert_false(window->gap);
	rqs_window_put(window);
	maps_free(maps);
}

static void test_status_codes_rise_and_the_unreadable_is_0(void **state)
{
	static const struct rqs_status_count want[] = { { 0, 4 }, { 101, 1 }, { 200, 70 }, { 599, 2 } };
	struct maps *maps = maps_new(1);
	const struct rqs_window *window;

	maps->slots[0].sum.status[0] = 4; /* in the place of 100, which is never final */
	maps->slots[0].sum.status[1] = 1;
	maps->slots[0].sum.status[100] = 70;
	maps->slots[0].sum.status[499] = 2;
	window = take_window(maps, 1);
	assert_int_equal(window->services[0].status_count, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(window->services[0].status[i].code, want[i].code);
		assert_int_equal(window->services[0].status[i].count, want[i].count);
	}
	rqs_window_put(window);
	window = take_window(maps, 2);
	assert_int_equal(window->services[0].status_count, 0);
	rqs_window_put(window);
	maps_free(maps);
}

static void test_a_service_that_goes_back_makes_a_gap(void **state)
{
	struct maps *maps = maps_new(2);
	const struct rqs_window *window;

	fill_lane(&maps->slots[0].sum, 10);
	fill_lane(&maps->slots[1].sum, 10);
	add_duration(&maps->slots[0].sum, RQS_METRIC_DURATION, MS);
	rqs_window_put(take_window(maps, 1));
	fill_lane(&maps->slots[0].sum, 9);
	fill_lane(&maps->slots[1].sum, 12);
	window = take_window(maps, 2);
	assert_true(window->gap);
	expect_books(&window->services[0], 0, 9 * 13);
	assert_int_equal(window->services[0].dist[RQS_METRIC_DURATION].count, 0);
	assert_int_equal(window->services[0].status_count, 0);
	expect_books(&window->services[1], 2, 12 * 13);
	rqs_window_put(window);
	fill_lane(&maps->slots[0].sum, 20);
	window = take_window(maps, 3);
	assert_false(window->gap);
	expect_books(&window->services[0], 11, 20 * 13);
	rqs_window_put(window);
	/* responses alone */
	maps->slots[0].sum.responses--;
	window = take_window(maps, 4);
	assert_true(window->gap);
	rqs_window_put(window);
	maps_free(maps);
}

/* --- run queue --- */

static void test_lanes_are_told_apart_and_summed(void **state)
{
	struct maps *maps = maps_new(0);
	const struct rqs_window *window;

	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		maps->sched[cpu].switches = 1000 * (cpu + 1);
		for (uint32_t i = 0; i <= cpu; i++)
			add_wait(&maps->sched[cpu], (cpu + 1) * 10 * MS);
		maps->sched[cpu].length_now = cpu;
	}
	maps->sched[1].length[1] = stamp(1, 0, 7);
	maps->sched[2].length[0] = stamp(1, 0, 1); /* less than it is now */
	maps->sched[3].length[0] = stamp(0, 0, 99); /* of a tick before */
	maps->sched[3].length[1] = stamp(2, 0, 99); /* of the next one */
	window = take_window(maps, 1);
	assert_int_equal(window->cpu_count, CPUS);
	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		assert_int_equal(window->cpus[cpu].switches, 1001 * (cpu + 1));
		assert_int_equal(window->cpus[cpu].waits, cpu + 1);
		assert_int_equal(window->cpus[cpu].wait_sum_ns, (cpu + 1) * (cpu + 1) * 10 * MS);
		assert_int_equal(window->cpus[cpu].length_now, cpu);
		assert_int_equal(window->cpus[cpu].length_max, cpu == 1 ? 7 : cpu);
	}
	assert_int_equal(window->switches, 10010);
	assert_int_equal(window->length_now, 0 + 1 + 2 + 3);
	assert_int_equal(window->length_max, 0 + 7 + 2 + 3);
	assert_int_equal(window->runqueue.count, 10);
	assert_int_equal(window->runqueue.sum_ns, 300 * MS);
	assert_true(fabs(window->length_mean - 3.0) < 1e-12); /* 300 ms of waiting in 100 ms */
	rqs_window_put(window);
	maps->sched[0].wait_sum_ns += 30 * MS;
	assert_int_equal(read_maps(maps, 2, 20 * MS, &window), 0);
	assert_true(fabs(window->length_mean - 0.25) < 1e-12); /* measured: 120 ms, not 100 */
	assert_int_equal(window->switches, 0);
	assert_int_equal(window->length_now, 6);
	assert_int_equal(window->length_max, 0 + 1 + 2 + 99);
	rqs_window_put(window);
	maps_free(maps);
}

static void test_a_lane_that_goes_back_makes_a_gap(void **state)
{
	struct maps *maps = maps_new(0);
	const struct rqs_window *window;

	for (uint32_t cpu = 0; cpu < CPUS; cpu++)
		for (uint32_t i = 0; i < 10; i++)
			add_wait(&maps->sched[cpu], MS);
	rqs_window_put(take_window(maps, 1));
	memset(&maps->sched[2], 0, sizeof(maps->sched[2]));
	add_wait(&maps->sched[2], 2 * MS);
	add_wait(&maps->sched[3], 2 * MS);
	window = take_window(maps, 2);
	assert_true(window->gap);
	assert_int_equal(window->runqueue.count, 1);
	assert_int_equal(window->runqueue.sum_ns, 2 * MS);
	assert_int_equal(window->cpus[2].switches, 0);
	assert_int_equal(window->cpus[3].switches, 1);
	rqs_window_put(window);
	add_wait(&maps->sched[2], 2 * MS);
	window = take_window(maps, 3);
	assert_false(window->gap);
	assert_int_equal(window->runqueue.count, 1);
	assert_int_equal(window->cpus[2].waits, 1);
	rqs_window_put(window);
	maps_free(maps);
}

static void test_without_the_probe_there_is_no_run_queue(void **state)
{
	struct maps *maps = maps_new(0);
	const struct rqs_window *window;

	maps->reading.sched = NULL;
	window = take_window(maps, 1);
	assert_null(window->cpus);
	assert_int_equal(window->cpu_count, 0);
	assert_int_equal(window->runqueue.count, 0);
	assert_true(window->length_mean == 0);
	rqs_window_put(window);
	maps_free(maps);
}

/* --- minimum and maximum --- */

/* Stamps of two ticks, and what they mean for durations of 1.00, 1.20 and 5.00 ms. */
struct extrema_case {
	struct rqs_extrema ended, begun;
	uint64_t min_ns, max_ns;
};

#define MID(ns) rqs_bucket_mid(rqs_bucket_index(ns))

static void test_extrema_come_from_the_stamps_that_fit(void **state)
{
	const struct extrema_case cases[] = {
		{ stamp(1, MS, 5 * MS), {}, MS, 5 * MS },
		{ stamp(1, MS, 5 * MS), stamp(2, 10, 900 * MS), MS, 5 * MS }, /* the next tick's aren't in these buckets */
		{ {}, stamp(2, MS, 5 * MS), MS, 5 * MS },		      /* counted in between: stamped for the next tick */
		{ stamp(1, MS, 1200 * US), stamp(2, 5 * MS, 5 * MS), MS, 5 * MS }, /* one each */
		{ stamp(1, 5 * MS, 5 * MS), stamp(2, MS, 1200 * US), MS, 5 * MS },
		{ {}, {}, MID(MS), MID(5 * MS) },
		{ stamp(1, 2 * MS, 3 * MS), stamp(2, 10, 900 * MS), MID(MS), MID(5 * MS) },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct maps *maps = maps_new(1);
		struct rqs_http_lane *lane = &maps->slots[0].sum;
		const struct rqs_window *window;
		const struct rqs_dist *dist;

		for (uint32_t m = 0; m < RQS_METRIC_COUNT; m++) {
			add_duration(lane, m, 1200 * US);
			add_duration(lane, m, MS);
			add_duration(lane, m, 5 * MS);
			lane->extrema[m][0] = cases[i].ended;
			lane->extrema[m][1] = cases[i].begun;
		}
		add_wait(&maps->sched[0], 1200 * US);
		add_wait(&maps->sched[1], MS);
		add_wait(&maps->sched[2], 5 * MS);
		maps->sched[3].wait[0] = cases[i].begun;
		maps->sched[2].wait[1] = cases[i].ended;
		window = take_window(maps, 1);
		for (uint32_t m = 0; m <= RQS_METRIC_COUNT; m++) {
			dist = m < RQS_METRIC_COUNT ? &window->services[0].dist[m] : &window->runqueue;
			assert_int_equal(dist->count, 3);
			assert_int_equal(dist->sum_ns, 7200 * US);
			assert_int_equal(dist->bin_count, 3);
			assert_int_equal(dist->min_ns, cases[i].min_ns);
			assert_int_equal(dist->max_ns, cases[i].max_ns);
		}
		rqs_window_put(window);
		maps_free(maps);
	}
}

static void test_extrema_of_lanes_are_joined_and_old_ones_left(void **state)
{
	struct maps *maps = maps_new(0);
	const struct rqs_window *window;

	add_wait(&maps->sched[0], MS);
	add_wait(&maps->sched[1], MS - 5);
	add_wait(&maps->sched[2], 9 * MS + 5);
	add_wait(&maps->sched[3], 9 * MS);
	maps->sched[0].wait[1] = stamp(1, MS, MS);
	maps->sched[1].wait[1] = stamp(1, MS - 5, MS - 5);
	maps->sched[2].wait[1] = stamp(1, 9 * MS + 5, 9 * MS + 5);
	maps->sched[3].wait[1] = stamp(1, 9 * MS, 9 * MS);
	window = take_window(maps, 1);
	assert_int_equal(window->runqueue.min_ns, MS - 5);
	assert_int_equal(window->runqueue.max_ns, 9 * MS + 5);
	rqs_window_put(window);
	/* the same stamps in the next window are old */
	add_wait(&maps->sched[0], MS + 1);
	window = take_window(maps, 2);
	assert_int_equal(window->runqueue.min_ns, MID(MS));
	assert_int_equal(window->runqueue.max_ns, MID(MS));
	rqs_window_put(window);
	window = take_window(maps, 3);
	assert_int_equal(window->runqueue.count, 0);
	assert_int_equal(window->runqueue.min_ns, 0);
	assert_int_equal(window->runqueue.max_ns, 0);
	rqs_window_put(window);
	maps_free(maps);
}

/* All durations in one bucket, and a stamp for one of its ends only, on the wrong side of the middle. */
static void test_the_minimum_is_never_above_the_maximum(void **state)
{
	uint32_t bucket = rqs_bucket_index(MS);
	uint64_t low = rqs_bucket_low(bucket), high = rqs_bucket_low(bucket + 1) - 1;
	const struct rqs_extrema stamps[] = { stamp(1, high, 900 * MS), stamp(1, 1, low), stamp(1, low, high), stamp(1, high, high) };

	for (size_t i = 0; i < 16; i++) {
		struct maps *maps = maps_new(1);
		const struct rqs_window *window;
		const struct rqs_dist *dist;

		add_duration(&maps->slots[0].sum, RQS_METRIC_QUEUE, MS);
		maps->slots[0].sum.extrema[RQS_METRIC_QUEUE][0] = stamps[i % 4];
		maps->slots[0].sum.extrema[RQS_METRIC_QUEUE][1] = stamps[i / 4];
		window = take_window(maps, 1);
		dist = &window->services[0].dist[RQS_METRIC_QUEUE];
		assert_true(dist->min_ns <= dist->max_ns);
		assert_int_equal(rqs_bucket_index(dist->min_ns), bucket);
		assert_int_equal(rqs_bucket_index(dist->max_ns), bucket);
		rqs_window_put(window);
		maps_free(maps);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_windows_have_the_times_that_were_measured),
		cmocka_unit_test(test_time_that_does_not_advance_is_refused),
		cmocka_unit_test(test_missed_deadlines_are_told),
		cmocka_unit_test(test_counters_are_subtracted_and_in_flight_is_not),
		cmocka_unit_test(test_buckets_and_status_may_wrap),
		cmocka_unit_test(test_status_codes_rise_and_the_unreadable_is_0),
		cmocka_unit_test(test_a_service_that_goes_back_makes_a_gap),
		cmocka_unit_test(test_lanes_are_told_apart_and_summed),
		cmocka_unit_test(test_a_lane_that_goes_back_makes_a_gap),
		cmocka_unit_test(test_without_the_probe_there_is_no_run_queue),
		cmocka_unit_test(test_extrema_come_from_the_stamps_that_fit),
		cmocka_unit_test(test_extrema_of_lanes_are_joined_and_old_ones_left),
		cmocka_unit_test(test_the_minimum_is_never_above_the_maximum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
