// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who gets a name and who keeps it: the sketch of bpf/route_sketch.h and the room of user/route_room.h together, with a kernel
 * that is played (one route is one number; what is evicted rests for two seconds, as poll_routes.c has it).
 */
#include "build_window.h"

#include "route_room.h"
#include "route_sketch.h"

#define REST_SECONDS 2
#define NOBODY (-1)

#define STAY RQS_ROUTES_USUAL
#define NAMED (STAY + RQS_ROUTES_NEW)

struct host {
	struct rqs_route_room room;
	volatile __u64 sketch[RQS_SKETCH_CELLS];
	int64_t holders[RQS_ROUTES_NAMED]; /* which route a place stands for */
	uint32_t resting[RQS_ROUTES_NAMED];
	uint64_t requests[RQS_ROUTES_NAMED]; /* cumulative, as the kernel counts */
	uint64_t other;
	int32_t left;
	uint32_t bar, second, named, named_most;
	uint64_t admissions;
};

static struct host *host_new(void)
{
	struct host *host = calloc(1, sizeof(*host));

	assert_non_null(host);
	for (uint32_t i = 0; i < NAMED; i++)
		host->holders[i] = NOBODY;
	host->left = STAY;
	host->bar = 2;
	host->second = 1;
	return host;
}

static int32_t place_of(const struct host *host, int64_t route)
{
	for (uint32_t i = 0; i < NAMED; i++)
		if (host->holders[i] == route && !host->resting[i])
			return (int32_t)i;
	return NOBODY;
}

static void admit(struct host *host, int64_t route)
{
	for (uint32_t i = 0; i < NAMED; i++) {
		if (host->holders[i] != NOBODY)
			continue;
		host->holders[i] = route;
		host->left--;
		host->named++;
		host->admissions++;
		rqs_route_room_begin(&host->room, i, host->requests[i]);
		return;
	}
}

static void request(struct host *host, int64_t route)
{
	uint64_t random = (uint64_t)route, hash = build_random(&random);
	int32_t place = place_of(host, route);

	if (place == NOBODY && (host->left > 0 || rqs_sketch_seen(&host->sketch[rqs_sketch_cell(hash, host->second)], hash, host->second, host->bar)))
		admit(host, route);
	place = place_of(host, route);
	if (place == NOBODY)
		host->other++;
	else
		host->requests[place]++;
	if (host->named > host->named_most)
		host->named_most = host->named;
}

static void end_second(struct host *host)
{
	bool full = host->left <= STAY - NAMED;
	uint16_t evict[RQS_ROUTES_NAMED];
	uint32_t count;

	for (uint32_t i = 0; i < NAMED; i++) {
		if (!host->resting[i] || ++host->resting[i] <= REST_SECONDS + 1)
			continue;
		host->resting[i] = 0;
		host->holders[i] = NOBODY;
		host->left++;
	}
	count = rqs_route_room_second(&host->room, host->requests, STAY, full, evict, &host->bar);
	for (uint32_t i = 0; i < count; i++) {
		rqs_route_room_end(&host->room, evict[i]);
		host->resting[evict[i]] = 1;
		host->named--;
	}
	host->second++;
}

static void test_few_routes_are_named_at_once_and_stay(void **state)
{
	struct host *host = host_new();

	for (int64_t route = 0; route < STAY; route++)
		request(host, route);
	for (uint32_t second = 0; second < 100; second++)
		end_second(host);
	assert_int_equal(host->named, STAY);
	assert_int_equal(host->other, 0);
	for (int64_t route = 0; route < STAY; route++)
		assert_true(place_of(host, route) != NOBODY);
	free(host);
}

/* A million different paths, once each; beside them one route that goes on, and one that comes later. */
static void test_a_million_paths_are_nothing_but_the_rest(void **state)
{
	struct host *host = host_new();
	uint64_t steady = 0, sum;
	int64_t path = 1000;
	int32_t place;
	uint32_t found_after = 0;

	for (uint32_t second = 0; second < 20; second++) {
		for (uint32_t i = 0; i < 50000; i++) {
			request(host, path++);
			if (i % 500 == 0) {
				request(host, 1);
				steady++;
			}
			/* after the room is full of paths that came once */
			if (second >= 5 && i % 250 == 0)
				request(host, 2);
		}
		end_second(host);
		if (!found_after && place_of(host, 2) != NOBODY)
			found_after = second - 4;
	}
	assert_int_equal(path, 1001000);
	assert_in_range(host->named_most, STAY, NAMED);
	place = place_of(host, 1);
	assert_true(place != NOBODY);
	assert_int_equal(host->requests[place], steady); /* it came first, and kept its place */
	assert_true(place_of(host, 2) != NOBODY);
	assert_in_range(found_after, 1, 2);
	/* the room isn't churned by paths that come once */
	assert_true(host->admissions < NAMED);
	for (sum = host->other, place = 0; place < NAMED; place++)
		sum += host->requests[place];
	assert_int_equal(sum, 1000000 + steady + 15 * 200);
	free(host);
}

/* Each path comes three times at once: what comes so often gets names too, until it is no longer enough. */
static void test_the_busy_ones_get_names_among_a_crowd(void **state)
{
	struct host *host = host_new();
	int64_t path = 1000;
	uint64_t other;

	for (uint32_t second = 0; second < 60; second++) {
		other = host->other;
		for (uint32_t i = 0; i < 2000; i++) {
			request(host, path);
			request(host, path);
			request(host, path++);
			request(host, i % 190);
		}
		end_second(host);
		assert_true(host->named <= NAMED);
		if (second < 45)
			continue;
		for (int64_t route = 0; route < 190; route++)
			assert_true(place_of(host, route) != NOBODY);
		assert_in_range(host->other - other, 5500, 6000);
	}
	free(host);
}

/* More busy routes than there is room for, all alike: who has a name keeps it. */
static void test_equals_do_not_push_each_other_out(void **state)
{
	struct host *host = host_new();
	uint64_t admitted = 0;

	for (uint32_t second = 0; second < 60; second++) {
		for (uint32_t i = 0; i < 50; i++)
			for (int64_t route = 0; route < 300; route++)
				request(host, route);
		end_second(host);
		if (second == 20)
			admitted = host->admissions;
	}
	assert_int_equal(host->named, STAY);
	assert_int_equal(host->admissions, admitted);
	free(host);
}

static void test_a_busier_one_takes_the_place_of_the_least_busy(void **state)
{
	struct host *host = host_new();

	for (uint32_t second = 0; second < 60; second++) {
		for (int64_t route = 0; route < STAY; route++)
			for (int64_t i = 0; i < 4 + route % 50; i++)
				request(host, route);
		for (uint32_t i = 0; second >= 20 && i < 40; i++)
			request(host, 5000);
		end_second(host);
	}
	assert_true(place_of(host, 5000) != NOBODY);
	for (int64_t route = 0; route < STAY; route++)
		if (route % 50 > 4)
			assert_true(place_of(host, route) != NOBODY);
	assert_in_range(host->named, STAY, STAY + 1);
	free(host);
}

static void test_a_newcomer_has_its_grace(void **state)
{
	struct rqs_route_room *room = calloc(1, sizeof(*room));
	uint64_t requests[RQS_ROUTES_NAMED] = { 0 };
	uint16_t evict[RQS_ROUTES_NAMED];
	uint32_t bar;

	for (uint32_t i = 0; i < NAMED; i++)
		rqs_route_room_begin(room, i, 0);
	for (uint32_t second = 1; second < RQS_ROUTE_GRACE_SECONDS; second++)
		assert_int_equal(rqs_route_room_second(room, requests, STAY, false, evict, &bar), 0);
	requests[7] = 1;
	assert_int_equal(rqs_route_room_second(room, requests, STAY, false, evict, &bar), NAMED - STAY);
	for (uint32_t i = 0; i < NAMED - STAY; i++)
		assert_true(evict[i] != 7);
	assert_int_equal(bar, 2);
	/* ended twice, or never begun: no matter */
	rqs_route_room_end(room, 3);
	rqs_route_room_end(room, 3);
	assert_int_equal(room->live, NAMED - 1);
	free(room);
}

static void test_the_bar_is_twice_the_least_busy(void **state)
{
	struct rqs_route_room *room = calloc(1, sizeof(*room));
	uint64_t requests[RQS_ROUTES_NAMED] = { 0 };
	uint16_t evict[RQS_ROUTES_NAMED];
	uint32_t bar = 0;

	rqs_route_room_begin(room, 0, 0);
	rqs_route_room_begin(room, 1, 0);
	for (uint32_t second = 0; second < 60; second++) {
		requests[0] += 100;
		requests[1] += 1000;
		assert_int_equal(rqs_route_room_second(room, requests, STAY, false, evict, &bar), 0);
	}
	assert_in_range(bar, 2 * 8 * 90, 2 * 8 * 110); /* in 8 seconds */
	for (uint32_t second = 0; second < 60; second++)
		rqs_route_room_second(room, requests, STAY, false, evict, &bar);
	assert_int_equal(bar, 2);
	for (uint32_t second = 0; second < 60; second++) {
		requests[0] += 1000000;
		requests[1] += 1000000;
		rqs_route_room_second(room, requests, STAY, false, evict, &bar);
	}
	assert_int_equal(bar, RQS_SKETCH_BAR_MAX);
	free(room);
}

static void test_the_bar_rises_while_there_is_no_room(void **state)
{
	struct rqs_route_room *room = calloc(1, sizeof(*room));
	uint64_t requests[RQS_ROUTES_NAMED] = { 0 };
	uint16_t evict[RQS_ROUTES_NAMED];
	uint32_t bar = 0;

	rqs_route_room_second(room, requests, STAY, true, evict, &bar);
	assert_int_equal(bar, 4);
	for (uint32_t second = 0; second < 40; second++)
		rqs_route_room_second(room, requests, STAY, true, evict, &bar);
	assert_in_range(bar, 2 << 13, RQS_SKETCH_BAR_MAX);
	rqs_route_room_second(room, requests, STAY, false, evict, &bar);
	assert_int_equal(bar, 2 << 13);
	for (uint32_t second = 0; second < 40; second++)
		rqs_route_room_second(room, requests, STAY, false, evict, &bar);
	assert_int_equal(bar, 2);
	free(room);
}

static void test_a_sketch_counts_within_a_period(void **state)
{
	volatile __u64 cell = 0;
	uint64_t mine = 0x1234567800000000ULL, other = 0x8765432100000000ULL;

	for (uint32_t i = 1; i <= 9; i++)
		assert_int_equal(rqs_sketch_seen(&cell, mine, 8, 10), 0);
	assert_int_equal(rqs_sketch_seen(&cell, mine, 15, 10), 1);
	assert_int_equal(rqs_sketch_seen(&cell, mine, 16, 10), 0); /* the next one */
	/* who comes often isn't pushed out by who comes once */
	for (uint32_t i = 0; i < 5; i++)
		rqs_sketch_seen(&cell, mine, 16, 10);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(rqs_sketch_seen(&cell, other, 16, 1), 0);
	assert_int_equal(rqs_sketch_seen(&cell, other, 16, 1), 1);
	assert_int_equal(rqs_sketch_seen(&cell, other, 16, 2), 1);
	/* a count has 16 bits */
	for (uint32_t i = 0; i < 70000; i++)
		rqs_sketch_seen(&cell, other, 16, RQS_SKETCH_BAR_MAX);
	assert_int_equal(rqs_sketch_seen(&cell, other, 16, RQS_SKETCH_BAR_MAX), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few_routes_are_named_at_once_and_stay),
		cmocka_unit_test(test_a_million_paths_are_nothing_but_the_rest),
		cmocka_unit_test(test_the_busy_ones_get_names_among_a_crowd),
		cmocka_unit_test(test_equals_do_not_push_each_other_out),
		cmocka_unit_test(test_a_busier_one_takes_the_place_of_the_least_busy),
		cmocka_unit_test(test_a_newcomer_has_its_grace),
		cmocka_unit_test(test_the_bar_is_twice_the_least_busy),
		cmocka_unit_test(test_the_bar_rises_while_there_is_no_room),
		cmocka_unit_test(test_a_sketch_counts_within_a_period),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
