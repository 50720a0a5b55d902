// SPDX-License-Identifier: GPL-2.0-only
#include "read_maps.h"

#include <pthread.h>

#define WINDOWS 80 /* that may be held at a time */
#define EVENTS_MAX 256
#define PIDS_MAX 1024

/* --- what is only carried on --- */

static void test_what_is_carried_on_is_a_copy(void **state)
{
	struct rqs_vitals *vitals = calloc(1, sizeof(*vitals));
	struct rqs_self *self = calloc(1, sizeof(*self));
	struct rqs_pid *pids = calloc(3, sizeof(*pids));
	struct rqs_kernel_event *events = calloc(2, sizeof(*events));
	struct maps *maps = maps_new(0);
	const struct rqs_window *window;

	vitals->cpu_user = 0.25;
	vitals->load_1m = 1.5;
	self->rss_bytes = 12345;
	pids[2] = (struct rqs_pid){ .slot = 7, .pid = 4711 };
	events[1].duration_ns = 99;
	memcpy(events[1].path, "/path", 5);
	maps->reading.vitals = vitals;
	maps->reading.self = self;
	maps->reading.pids = pids;
	maps->reading.pid_count = 3;
	maps->reading.events = events;
	maps->reading.event_count = 2;
	maps->reading.event_seen[RQS_EVENT_OOM_KILL] = 8;
	maps->reading.event_held_back = 9;
	maps->reading.losses.pipelined = 10;
	maps->reading.recursion_misses = 11;
	window = take_window(maps, 1);
	free(vitals);
	free(self);
	free(pids);
	free(events);
	memset(&maps->reading, 0xa5, sizeof(maps->reading));
	assert_true(window->vitals->cpu_user == 0.25 && window->vitals->load_1m == 1.5);
	assert_int_equal(window->self->rss_bytes, 12345);
	assert_int_equal(window->pid_count, 3);
	assert_int_equal(window->pids[2].slot, 7);
	assert_int_equal(window->pids[2].pid, 4711);
	assert_int_equal(window->event_count, 2);
	assert_int_equal(window->events[1].duration_ns, 99);
	assert_memory_equal(window->events[1].path, "/path", 6);
	assert_int_equal(window->event_seen[RQS_EVENT_OOM_KILL], 8);
	assert_int_equal(window->losses.events, 9);
	assert_int_equal(window->losses.http.pipelined, 10);
	assert_int_equal(window->losses.recursion_misses, 11);
	rqs_window_put(window);
	/* between the seconds: no vitals, and what is read with them stays as it was */
	memset(&maps->reading, 0, sizeof(maps->reading));
	window = take_window(maps, 2);
	assert_null(window->vitals);
	assert_null(window->self);
	assert_null(window->pids);
	assert_null(window->events);
	assert_int_equal(window->losses.recursion_misses, 11);
	rqs_window_put(window);
	maps_free(maps);
}

/* Names, counts and durations of routes, which add up to their service. */
static void test_routes_are_carried_on_as_copies(void **state)
{
	const uint32_t id = RQS_ROUTE_FIRST + 3;
	struct rqs_route_counts *counts = calloc(RQS_ROUTE_IDS, sizeof(*counts));
	struct rqs_route_holder *holders = calloc(RQS_ROUTES_NAMED, sizeof(*holders));
	struct rqs_route_times_reading *times = calloc(1, sizeof(*times));
	struct maps *maps = maps_new(1);
	const struct rqs_window *window;

	maps->slots[0].ident = &maps->idents[5];
	maps->slots[0].sum.requests = 7;
	maps->slots[0].sum.responses = 6;
	holders[3] = (struct rqs_route_holder){ .ident = { .method = "GET", .path = "/a", .slot = 5 }, .state = RQS_ROUTE_NAMED };
	counts[id] = (struct rqs_route_counts){ .requests = 4, .responses = 4 };
	times->id = id;
	times->sum.sum_ns = 3 * MS;
	times->sum.buckets[rqs_coarse_of(rqs_bucket_index(MS))] = 3;
	times->sum.extrema[0] = (struct rqs_route_extrema){ .second = 1, .min_ns = MS, .max_ns = MS };
	maps->reading.routes = (struct rqs_route_reading){ .counts = counts, .holders = holders, .second = true, .times = times, .time_count = 1 };
	window = take_window(maps, 1);
	holders[3].ident.path[1] = 'x';
	assert_int_equal(window->route_count, 2);
	for (uint32_t i = 0; i < 2; i++) {
		const struct rqs_route_delta *route = &window->routes[i];
		bool named = route->id == id;

		assert_int_equal(route->id, named ? id : 5);
		assert_int_equal(route->slot, 5);
		assert_int_equal(route->requests, named ? 4 : 3);
		assert_int_equal(route->responses, named ? 4 : 2);
		assert_int_equal(route->duration.count, named ? 3 : 0);
		if (!named)
			continue;
		assert_string_equal(route->ident->path, "/a");
		assert_int_equal(route->duration.bin_count, 1);
		assert_int_equal(route->duration.bins[0].count, 3);
		assert_int_equal(route->duration.max_ns, MS);
	}
	rqs_window_put(window);
	maps->reading.routes.second = false;
	maps->reading.routes.time_count = 0;
	maps->slots[0].sum.requests = 8;
	counts[id].requests = 5;
	window = take_window(maps, 2);
	assert_int_equal(window->route_count, 1);
	assert_null(window->routes[0].ident);
	assert_int_equal(window->routes[0].requests, 1);
	rqs_window_put(window);
	maps_free(maps);
	free(counts);
	free(holders);
	free(times);
}

/* A slot may be another service's before a window that waits is taken in. */
static void test_names_are_carried_on_as_copies(void **state)
{
	struct maps *maps = maps_new(2);
	const struct rqs_window *window;

	maps->slots[1].sum.requests = 1;
	window = take_window(maps, 1);
	maps->idents[1] = build_ident(1, "another", 9000);
	assert_string_equal(window->services[1].ident->name, "service");
	assert_int_equal(window->services[1].ident->port, 8001);
	assert_int_equal(window->services[1].ident->slot, 1);
	rqs_window_put(window);
	maps_free(maps);
}

static void test_more_events_and_pids_than_fit_are_cut(void **state)
{
	struct rqs_kernel_event *events = calloc(EVENTS_MAX + 1, sizeof(*events));
	struct rqs_pid *pids = calloc(PIDS_MAX + 1, sizeof(*pids));
	struct maps *maps = maps_new(0);
	const struct rqs_window *window;

	events[EVENTS_MAX - 1].pid = 5;
	pids[PIDS_MAX - 1].pid = 6;
	maps->reading.events = events;
	maps->reading.event_count = EVENTS_MAX + 1;
	maps->reading.pids = pids;
	maps->reading.pid_count = PIDS_MAX + 1;
	window = take_window(maps, 1);
	assert_int_equal(window->event_count, EVENTS_MAX);
	assert_int_equal(window->events[EVENTS_MAX - 1].pid, 5);
	assert_int_equal(window->pid_count, PIDS_MAX);
	assert_int_equal(window->pids[PIDS_MAX - 1].pid, 6);
	rqs_window_put(window);
	free(events);
	free(pids);
	maps_free(maps);
}

/* --- memory --- */

static void test_when_all_windows_are_held_the_next_one_covers_it(void **state)
{
	const struct rqs_window *held[WINDOWS], *window = NULL;
	struct maps *maps = maps_new(1);

	for (uint32_t i = 0; i < WINDOWS; i++) {
		maps->slots[0].sum.requests++;
		held[i] = take_window(maps, i + 1);
	}
	maps->slots[0].sum.requests += 10;
	add_wait(&maps->sched[0], MS);
	assert_int_equal(read_maps(maps, WINDOWS + 1, 5 * MS, &window), -EAGAIN);
	maps->slots[0].sum.requests += 100;
	maps->reading.missed = 2; /* two deadlines passed on top */
	assert_int_equal(read_maps(maps, WINDOWS + 4, 2 * MS, &window), -EAGAIN);
	maps->reading.missed = 0;
	assert_null(window);
	/* what is held is as it was */
	for (uint32_t i = 0; i < WINDOWS; i++) {
		assert_int_equal(held[i]->seq, i + 1);
		assert_int_equal(held[i]->services[0].books.requests, 1);
	}
	rqs_window_put(held[40]);
	maps->slots[0].sum.requests += 1000;
	add_wait(&maps->sched[0], MS);
	assert_int_equal(read_maps(maps, WINDOWS + 5, MS, &window), 0);
	assert_int_equal(window->seq, WINDOWS + 1); /* no hole */
	assert_int_equal(window->ticks, 1 + 1 + 3);
	assert_int_equal(window->start_ns, held[WINDOWS - 1]->end_ns);
	assert_int_equal(window->end_ns, START_NS + (WINDOWS + 5) * TICK_NS + MS);
	assert_int_equal(window->late_ns, 5 * MS);
	assert_int_equal(window->services[0].books.requests, 1110);
	assert_int_equal(window->runqueue.count, 2);
	assert_int_equal(window->losses.windows_merged, 4);
	assert_int_equal(read_maps(maps, WINDOWS + 6, 0, &held[40]), -EAGAIN);
	rqs_window_put(window);
	window = take_window(maps, WINDOWS + 7);
	assert_int_equal(window->ticks, 2);
	assert_int_equal(window->late_ns, 0);
	assert_int_equal(window->losses.windows_merged, 5);
	rqs_window_put(window);
	for (uint32_t i = 0; i < WINDOWS; i++)
		if (i != 40)
			rqs_window_put(held[i]);
	maps_free(maps);
}

/* A service is read only when it moved: one that moved in a tick without a window must not wait until it moves again. */
static void test_services_of_a_tick_without_a_window_come_with_the_next(void **state)
{
	const struct rqs_window *held[WINDOWS], *window = NULL;
	struct maps *maps = maps_new(3);
	uint32_t seen = 0;

	maps->reading.slot_count = 0;
	for (uint32_t i = 0; i < WINDOWS; i++)
		held[i] = take_window(maps, i + 1);
	fill_lane(&maps->slots[0].sum, 1);
	fill_lane(&maps->slots[1].sum, 2);
	maps->reading.slot_count = 2;
	assert_int_equal(read_maps(maps, WINDOWS + 1, 0, &window), -EAGAIN);
	fill_lane(&maps->slots[1].sum, 5);
	fill_lane(&maps->slots[2].sum, 7);
	maps->reading.slots = &maps->slots[1];
	assert_int_equal(read_maps(maps, WINDOWS + 2, 0, &window), -EAGAIN);
	fill_lane(&maps->slots[2].sum, 8);
	maps->reading.slots = &maps->slots[2];
	maps->reading.slot_count = 1;
	memset(&maps->slots[0].sum, 0xa5, sizeof(maps->slots[0].sum)); /* a reading lasts for its call only */
	rqs_window_put(held[0]);
	window = take_window(maps, WINDOWS + 3);
	assert_int_equal(window->service_count, 3);
	for (uint32_t i = 0; i < 3; i++) {
		const struct rqs_service_delta *delta = &window->services[i];
		static const uint64_t want[] = { 1, 5, 8 };

		assert_in_range(delta->ident->slot, 0, 2);
		expect_books(delta, want[delta->ident->slot], 13 * want[delta->ident->slot]);
		seen |= 1 << delta->ident->slot;
	}
	assert_int_equal(seen, 7);
	rqs_window_put(window);
	maps->reading.slot_count = 0;
	window = take_window(maps, WINDOWS + 4);
	assert_int_equal(window->service_count, 0); /* once */
	held[0] = window;
	/* and when it happens again */
	fill_lane(&maps->slots[1].sum, 6);
	maps->reading.slots = &maps->slots[1];
	maps->reading.slot_count = 1;
	assert_int_equal(read_maps(maps, WINDOWS + 5, 0, &window), -EAGAIN);
	maps->reading.slot_count = 0;
	rqs_window_put(held[0]);
	window = take_window(maps, WINDOWS + 6);
	assert_int_equal(window->service_count, 1);
	expect_books(&window->services[0], 1, 6 * 13);
	rqs_window_put(window);
	for (uint32_t i = 1; i < WINDOWS; i++)
		rqs_window_put(held[i]);
	maps_free(maps);
}

struct putter {
	const struct rqs_window *window;
	uint64_t seq, requests;
};

static void *put_window(void *data)
{
	struct putter *putter = data;

	putter->seq = putter->window->seq;
	putter->requests = putter->window->services[0].books.requests;
	rqs_window_put(putter->window);
	return NULL;
}

static void test_windows_may_be_put_on_another_thread(void **state)
{
	struct maps *maps = maps_new(1);

	for (uint64_t tick = 1; tick <= 3 * WINDOWS; tick++) {
		struct putter putter = {};
		pthread_t thread;

		maps->slots[0].sum.requests += tick;
		putter.window = rqs_window_get(take_window(maps, tick));
		assert_int_equal(pthread_create(&thread, NULL, put_window, &putter), 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_int_equal(putter.seq, tick);
		assert_int_equal(putter.requests, tick);
		assert_int_equal(putter.window->services[0].books.requests, tick); /* a reference is still here */
		rqs_window_put(putter.window);
	}
	maps_free(maps);
}

/* Everything that can be in a window: the window behind it in memory stays as it is. */
static void test_the_largest_window_fits(void **state)
{
	static struct rqs_kernel_event events[EVENTS_MAX];
	static struct rqs_pid pids[PIDS_MAX];
	struct maps *maps = maps_new(0);
	const struct rqs_window *first = take_window(maps, 1), *window;
	struct rqs_vitals vitals = { .load_1m = 3 };
	struct rqs_self self = { .rss_bytes = 4 };
	struct rqs_shed_change change = { .part = RQS_PART_CLIENT, .limit_ratio = 0.5 };
	struct rqs_window second;

	window = take_window(maps, 2);
	memcpy(&second, window, sizeof(second));
	rqs_window_put(first);
	for (uint32_t i = 0; i < RQS_SLOT_MAX; i++) {
		memset(maps->slots[i].sum.buckets, 1, sizeof(maps->slots[i].sum.buckets));
		memset(maps->slots[i].sum.status, 2, sizeof(maps->slots[i].sum.status));
	}
	for (uint32_t cpu = 0; cpu < CPUS; cpu++)
		memset(maps->sched[cpu].wait_buckets, 1, sizeof(maps->sched[cpu].wait_buckets));
	maps->reading.slot_count = RQS_SLOT_MAX;
	maps->reading.events = events;
	maps->reading.event_count = EVENTS_MAX;
	maps->reading.pids = pids;
	maps->reading.pid_count = PIDS_MAX;
	maps->reading.vitals = &vitals;
	maps->reading.self = &self;
	maps->reading.shed = RQS_PART_CLIENT;
	maps->reading.shed_change = &change;
	first = take_window(maps, 3);
	assert_int_equal(first->shed, RQS_PART_CLIENT);
	assert_true(first->shed_change != &change && first->shed_change->limit_ratio == 0.5);
	assert_true((uintptr_t)first < (uintptr_t)window);
	/* in bounds: all that it points to lies before the next window */
	assert_true((uintptr_t)(first->events + EVENTS_MAX) <= (uintptr_t)window);
	assert_memory_equal(&second, window, sizeof(second));
	assert_int_equal(first->service_count, RQS_SLOT_MAX);
	for (uint32_t i = 0; i < RQS_SLOT_MAX; i++) {
		const struct rqs_service_delta *delta = &first->services[i];

		assert_int_equal(delta->ident->slot, i);
		assert_int_equal(delta->status_count, RQS_STATUS_COUNT);
		for (uint32_t k = 0; k < RQS_STATUS_COUNT; k++)
			assert_true(delta->status[k].count == 0x02020202 && delta->status[k].code == (k ? 100 + k : 0));
		for (uint32_t m = 0; m < RQS_METRIC_COUNT; m++) {
			assert_int_equal(delta->dist[m].bin_count, RQS_BUCKET_COUNT);
			assert_int_equal(delta->dist[m].count, 0x01010101ULL * RQS_BUCKET_COUNT);
			for (uint32_t k = 0; k < RQS_BUCKET_COUNT; k++)
				assert_true(delta->dist[m].bins[k].index == k && delta->dist[m].bins[k].count == 0x01010101);
		}
	}
	assert_int_equal(first->runqueue.count, 0x01010101ULL * RQS_BUCKET_COUNT * CPUS);
	assert_true(first->vitals->load_1m == 3);
	assert_int_equal(first->self->rss_bytes, 4);
	rqs_window_put(first);
	rqs_window_put(window);
	maps_free(maps);
}

static void test_free_of_nothing(void **state)
{
	rqs_agg_free(NULL);
}

/* --- all together --- */

struct sums {
	struct rqs_books books;
	struct rqs_split split;
	uint64_t sum_ns[RQS_METRIC_COUNT];
	uint32_t buckets[RQS_METRIC_COUNT][RQS_BUCKET_COUNT];
	uint32_t status[RQS_STATUS_COUNT];
};

static void walk(struct rqs_http_lane *lane, uint64_t *seed)
{
	lane->requests += build_random(seed) % 50;
	lane->responses += build_random(seed) % 50;
	lane->upgrades += build_random(seed) % 3;
	lane->aborted += build_random(seed) % 3;
	lane->in_flight = (int64_t)(build_random(seed) % 20);
	lane->untimed += build_random(seed) % 3;
	lane->request_bytes += build_random(seed) % 100000;
	lane->response_bytes += build_random(seed) >> 30;
	lane->split_count += build_random(seed) % 50;
	lane->queued_ns += build_random(seed) >> 34;
	lane->cpu_wait_ns += build_random(seed) >> 34;
	lane->on_cpu_ns += build_random(seed) >> 34;
	lane->blocked_ns += build_random(seed) >> 34;
	lane->shared += build_random(seed) % 5;
	lane->unknown += build_random(seed) % 5;
	for (uint32_t i = build_random(seed) % 30; i > 0; i--)
		add_duration(lane, build_random(seed) % RQS_METRIC_COUNT, build_random(seed) >> (20 + build_random(seed) % 40));
	for (uint32_t i = build_random(seed) % 10; i > 0; i--)
		lane->status[build_random(seed) % RQS_STATUS_COUNT] += 1 + build_random(seed) % 9;
}

static void sums_add(struct sums *sums, const struct rqs_service_delta *delta)
{
	uint64_t *books = (uint64_t *)&sums->books, *split = (uint64_t *)&sums->split;

	for (size_t i = 0; i < sizeof(sums->books) / 8; i++)
		books[i] += ((const uint64_t *)&delta->books)[i];
	for (size_t i = 0; i < sizeof(sums->split) / 8; i++)
		split[i] += ((const uint64_t *)&delta->split)[i];
	sums->books.in_flight = delta->books.in_flight;
	for (uint32_t m = 0; m < RQS_METRIC_COUNT; m++) {
		const struct rqs_dist *dist = &delta->dist[m];
		uint64_t count = 0;

		sums->sum_ns[m] += dist->sum_ns;
		for (uint32_t i = 0; i < dist->bin_count; i++) {
			assert_true(dist->bins[i].count > 0);
			assert_true(!i || dist->bins[i].index > dist->bins[i - 1].index);
			sums->buckets[m][dist->bins[i].index] += dist->bins[i].count;
			count += dist->bins[i].count;
		}
		assert_int_equal(dist->count, count);
		assert_true(dist->min_ns <= dist->max_ns);
	}
	for (uint32_t i = 0; i < delta->status_count; i++)
		sums->status[delta->status[i].code ? delta->status[i].code - RQS_STATUS_LOW : 0] += delta->status[i].count;
}

static void expect_sums(const struct sums *sums, const struct rqs_http_lane *lane)
{
	const struct rqs_books books = { lane->requests, lane->responses, lane->upgrades, lane->aborted, lane->in_flight,
					 lane->untimed, lane->request_bytes, lane->response_bytes };
	const struct rqs_split split = { lane->split_count, lane->queued_ns, lane->cpu_wait_ns, lane->on_cpu_ns,
					 lane->blocked_ns, lane->shared, lane->unknown };

	assert_memory_equal(&sums->books, &books, sizeof(books));
	assert_memory_equal(&sums->split, &split, sizeof(split));
	assert_memory_equal(sums->sum_ns, lane->sum_ns, sizeof(sums->sum_ns));
	assert_memory_equal(sums->buckets, lane->buckets, sizeof(sums->buckets));
	assert_memory_equal(sums->status, lane->status, sizeof(sums->status));
}

/* Ticks late, merged, held; services that pause: the windows still add up to what the maps hold. */
static void test_windows_add_up_to_the_last_reading(void **state)
{
	struct sums *sums = calloc(5, sizeof(*sums));
	struct rqs_http_lane *lanes = calloc(5, sizeof(*lanes));
	struct maps *maps = maps_new(0);
	const struct rqs_window *window, *held[WINDOWS];
	uint64_t seed = 20261124, waits = 0, wait_sum_ns = 0, switches = 0, ticks = 0, end_ns = START_NS, late_ns, refused = 0;
	uint32_t held_count = 0;

	for (uint64_t tick = 1; tick <= 2000; tick++) {
		maps->reading.slot_count = 0;
		for (uint32_t slot = 0; slot < 5; slot++) {
			if (build_random(&seed) % 3)
				continue;
			walk(&lanes[slot], &seed);
			maps->slots[maps->reading.slot_count].ident = &maps->idents[slot];
			maps->slots[maps->reading.slot_count++].sum = lanes[slot];
		}
		for (uint32_t i = build_random(&seed) % 40; i > 0; i--)
			add_wait(&maps->sched[build_random(&seed) % CPUS], build_random(&seed) >> (24 + build_random(&seed) % 38));
		late_ns = build_random(&seed) % (90 * MS);
		for (uint32_t keep = tick == 2000 ? 0 : build_random(&seed) % (8 * WINDOWS); held_count > keep;)
			rqs_window_put(held[--held_count]);
		if (read_maps(maps, tick, late_ns, &window)) {
			refused++;
			continue;
		}
		assert_int_equal(window->start_ns, end_ns);
		end_ns = window->end_ns;
		ticks += window->ticks;
		waits += window->runqueue.count;
		wait_sum_ns += window->runqueue.sum_ns;
		switches += window->switches;
		for (uint32_t i = 0; i < window->service_count; i++)
			sums_add(&sums[window->services[i].ident->slot], &window->services[i]);
		held[held_count++] = window;
	}
	while (held_count > 0)
		rqs_window_put(held[--held_count]);
	assert_true(refused > 10);
	assert_int_equal(ticks, 2000);
	for (uint32_t slot = 0; slot < 5; slot++)
		expect_sums(&sums[slot], &lanes[slot]);
	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		switches -= maps->sched[cpu].switches;
		waits -= maps->sched[cpu].switches; /* each wait here is one */
		wait_sum_ns -= maps->sched[cpu].wait_sum_ns;
	}
	assert_int_equal(switches, 0);
	assert_int_equal(waits, 0);
	assert_int_equal(wait_sum_ns, 0);
	maps_free(maps);
	free(lanes);
	free(sums);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_carried_on_is_a_copy),
		cmocka_unit_test(test_routes_are_carried_on_as_copies),
		cmocka_unit_test(test_names_are_carried_on_as_copies),
		cmocka_unit_test(test_more_events_and_pids_than_fit_are_cut),
		cmocka_unit_test(test_when_all_windows_are_held_the_next_one_covers_it),
		cmocka_unit_test(test_services_of_a_tick_without_a_window_come_with_the_next),
		cmocka_unit_test(test_windows_may_be_put_on_another_thread),
		cmocka_unit_test(test_the_largest_window_fits),
		cmocka_unit_test(test_free_of_nothing),
		cmocka_unit_test(test_windows_add_up_to_the_last_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
