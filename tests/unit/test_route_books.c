// SPDX-License-Identifier: GPL-2.0-only
#include "build_window.h"

#include "route_books.h"

#define NAMED(place) (RQS_ROUTE_FIRST + (place))

/* What the kernel counted, services and routes, cumulative. */
struct fixture {
	struct rqs_route_books books;
	struct rqs_route_counts counts[RQS_ROUTE_IDS];
	struct rqs_route_holder holders[RQS_ROUTES_NAMED];
	struct rqs_route_times_reading times[RQS_ROUTE_IDS];
	struct rqs_route_reading reading;
	struct rqs_service_ident idents[RQS_SLOT_MAX];
	struct rqs_service_delta services[RQS_SLOT_MAX];
	struct rqs_status_count status[RQS_SLOT_MAX];
	uint32_t service_count;
	struct rqs_route_delta deltas[RQS_ROUTE_IDS];
	uint32_t count;
};

static int setup(void **state)
{
	struct fixture *fix = calloc(1, sizeof(*fix));

	assert_non_null(fix);
	fix->reading.counts = fix->counts;
	fix->reading.holders = fix->holders;
	fix->reading.times = fix->times;
	*state = fix;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static void name(struct fixture *fix, uint32_t place, uint32_t slot, const char *path)
{
	struct rqs_route_holder *holder = &fix->holders[place];

	holder->ident.slot = slot;
	holder->ident.method = "GET";
	snprintf(holder->ident.path, sizeof(holder->ident.path), "%s", path);
	holder->generation++;
	holder->state = RQS_ROUTE_NAMED;
}

static void count(struct fixture *fix, uint32_t id, uint64_t requests, uint64_t responses, uint64_t errors)
{
	fix->counts[id].requests += requests;
	fix->counts[id].responses += responses;
	fix->counts[id].errors += errors;
}

/* What a service did in the window that comes. */
static void serve(struct fixture *fix, uint32_t slot, uint64_t requests, uint64_t responses, uint32_t errors)
{
	struct rqs_service_delta *delta = &fix->services[fix->service_count];

	fix->idents[slot] = build_ident(slot, "service", 80);
	memset(delta, 0, sizeof(*delta));
	delta->ident = &fix->idents[slot];
	delta->books.requests = requests;
	delta->books.responses = responses;
	fix->status[fix->service_count] = (struct rqs_status_count){ 503, errors };
	delta->status = &fix->status[fix->service_count];
	delta->status_count = errors > 0;
	fix->service_count++;
}

static void tell(struct fixture *fix)
{
	memset(fix->deltas, 0xa5, sizeof(fix->deltas));
	fix->count = rqs_route_books_tell(&fix->books, &fix->reading, fix->services, fix->service_count, fix->deltas);
	fix->service_count = 0;
}

static const struct rqs_route_delta *told(const struct fixture *fix, uint32_t id)
{
	const struct rqs_route_delta *found = NULL;

	for (uint32_t i = 0; i < fix->count; i++) {
		if (fix->deltas[i].id != id)
			continue;
		assert_null(found); /* once a window */
		found = &fix->deltas[i];
	}
	return found;
}

static void expect(const struct fixture *fix, uint32_t id, uint64_t requests, uint64_t responses, uint64_t errors)
{
	const struct rqs_route_delta *delta = told(fix, id);

	assert_non_null(delta);
	assert_int_equal(delta->requests, requests);
	assert_int_equal(delta->responses, responses);
	assert_int_equal(delta->errors, errors);
}

static void test_counts_are_told_once(void **state)
{
	struct fixture *fix = *state;

	name(fix, 0, 5, "/a");
	name(fix, 1, 6, "/b");
	count(fix, NAMED(0), 3, 2, 1);
	count(fix, NAMED(1), 7, 7, 0);
	count(fix, 5, 4, 4, 0);
	serve(fix, 5, 7, 6, 1);
	serve(fix, 6, 7, 7, 0);
	tell(fix);
	assert_int_equal(fix->count, 3);
	expect(fix, NAMED(0), 3, 2, 1);
	assert_ptr_equal(told(fix, NAMED(0))->ident, &fix->holders[0].ident);
	assert_int_equal(told(fix, NAMED(0))->slot, 5);
	expect(fix, NAMED(1), 7, 7, 0);
	expect(fix, 5, 4, 4, 0);
	assert_null(told(fix, 5)->ident);
	/* nothing moved */
	tell(fix);
	assert_int_equal(fix->count, 0);
	count(fix, NAMED(1), 1, 0, 0);
	serve(fix, 6, 1, 0, 0);
	tell(fix);
	assert_int_equal(fix->count, 1);
	expect(fix, NAMED(1), 1, 0, 0);
	assert_null(told(fix, NAMED(1))->ident);
}

/* The routes were read a few requests later than the services. */
static void test_what_is_ahead_waits_for_its_service(void **state)
{
	struct fixture *fix = *state;

	name(fix, 0, 5, "/a");
	name(fix, 1, 5, "/b");
	count(fix, NAMED(0), 10, 10, 0);
	count(fix, NAMED(1), 10, 10, 0);
	serve(fix, 5, 18, 17, 0);
	tell(fix);
	expect(fix, NAMED(0), 10, 10, 0);
	expect(fix, NAMED(1), 8, 7, 0);
	assert_null(told(fix, 5));
	/* what waited comes first, whatever the others have */
	count(fix, NAMED(0), 10, 10, 0);
	serve(fix, 5, 10, 10, 0);
	tell(fix);
	expect(fix, NAMED(1), 2, 3, 0);
	expect(fix, NAMED(0), 8, 7, 0);
	serve(fix, 5, 2, 3, 0);
	tell(fix);
	assert_int_equal(fix->count, 1);
	expect(fix, NAMED(0), 2, 3, 0);
	/* a service that isn't in the window has nothing to tell of */
	count(fix, NAMED(0), 1, 0, 0);
	tell(fix);
	assert_int_equal(fix->count, 0);
}

/* A service's first request, read between its two steps: its route has counted it, the service has not. */
static void test_a_name_waits_for_its_service(void **state)
{
	struct fixture *fix = *state;

	name(fix, 0, 5, "/a");
	count(fix, NAMED(0), 1, 0, 0);
	name(fix, 1, 6, "/other");
	count(fix, NAMED(1), 1, 1, 0);
	serve(fix, 6, 1, 1, 0);
	tell(fix);
	assert_int_equal(fix->count, 1);
	assert_non_null(told(fix, NAMED(1))->ident);
	serve(fix, 5, 1, 0, 0);
	tell(fix);
	expect(fix, NAMED(0), 1, 0, 0);
	assert_ptr_equal(told(fix, NAMED(0))->ident, &fix->holders[0].ident);
}

static void test_what_no_route_has_is_the_rest(void **state)
{
	struct fixture *fix = *state;

	name(fix, 0, 5, "/a");
	count(fix, NAMED(0), 1, 1, 0);
	serve(fix, 5, 4, 3, 2);
	tell(fix);
	expect(fix, NAMED(0), 1, 1, 0);
	expect(fix, 5, 3, 2, 2);
	/* without any reading of routes */
	fix->reading = (struct rqs_route_reading){ 0 };
	serve(fix, 5, 4, 3, 2);
	tell(fix);
	assert_int_equal(fix->count, 1);
	expect(fix, 5, 4, 3, 2);
}

static void test_sums_are_always_the_services(void **state)
{
	struct fixture *fix = *state;
	uint64_t random = 3, before[8] = { 0 }, done[8] = { 0 }, sum;

	for (uint32_t place = 0; place < 40; place++)
		name(fix, place, 1 + place % 7, "/x");
	for (uint32_t round = 0; round < 2000; round++) {
		for (uint32_t i = 0; i < 50; i++) {
			uint32_t place = build_random(&random) % 40, slot = 1 + place % 7;

			if (build_random(&random) % 8 == 0)
				count(fix, slot, 1, 0, 0);
			else
				count(fix, NAMED(place), 1, 0, 0);
			done[slot]++;
		}
		for (uint32_t slot = 1; slot < 8; slot++) {
			uint64_t late = round == 1999 ? 0 : build_random(&random) % 4; /* not counted yet when the service was read */
			uint64_t now = done[slot] > late ? done[slot] - late : 0;

			if (now < before[slot])
				now = before[slot];
			if (now > before[slot])
				serve(fix, slot, now - before[slot], 0, 0);
			before[slot] = now;
		}
		tell(fix);
		sum = 0;
		for (uint32_t i = 0; i < fix->count; i++)
			sum += fix->deltas[i].requests;
		for (uint32_t slot = 1; slot < 8; slot++)
			sum += done[slot] - before[slot];
		for (uint32_t id = 0; id < RQS_ROUTE_IDS; id++)
			sum += fix->books.books[id].told[0];
		for (uint32_t i = 0; i < fix->count; i++)
			sum -= fix->deltas[i].requests;
		assert_int_equal(sum, 50ULL * (round + 1));
	}
	for (uint32_t id = 0; id < RQS_ROUTE_IDS; id++)
		assert_int_equal(fix->books.books[id].told[0], fix->counts[id].requests); /* in the end each is exact */
}

static void test_names_begin_and_end(void **state)
{
	struct fixture *fix = *state;

	name(fix, 0, 5, "/a");
	count(fix, NAMED(0), 1, 1, 0);
	serve(fix, 5, 1, 1, 0);
	tell(fix);
	assert_ptr_equal(told(fix, NAMED(0))->ident, &fix->holders[0].ident);
	/* it is taken back: told with the next second, and still counted on until then */
	fix->holders[0].state = RQS_ROUTE_RETIRED;
	count(fix, NAMED(0), 1, 0, 0);
	serve(fix, 5, 1, 0, 0);
	tell(fix);
	expect(fix, NAMED(0), 1, 0, 0);
	assert_false(told(fix, NAMED(0))->ended);
	fix->reading.second = true;
	count(fix, NAMED(0), 1, 1, 0);
	serve(fix, 5, 1, 1, 0);
	tell(fix);
	expect(fix, NAMED(0), 1, 1, 0);
	assert_true(told(fix, NAMED(0))->ended);
	tell(fix);
	assert_int_equal(fix->count, 0); /* once */
	/* the id comes again for another one */
	fix->reading.second = false;
	fix->holders[0].state = RQS_ROUTE_FREE;
	tell(fix);
	assert_int_equal(fix->count, 0);
	name(fix, 0, 6, "/b");
	count(fix, NAMED(0), 2, 2, 0);
	serve(fix, 6, 2, 2, 0);
	tell(fix);
	expect(fix, NAMED(0), 2, 2, 0);
	assert_ptr_equal(told(fix, NAMED(0))->ident, &fix->holders[0].ident);
	assert_int_equal(told(fix, NAMED(0))->slot, 6);
}

static void add_time(struct rqs_route_times *times, uint64_t ns)
{
	times->sum_ns += ns;
	times->buckets[rqs_coarse_of(rqs_bucket_index(ns))]++;
}

static void test_durations_are_subtracted(void **state)
{
	struct fixture *fix = *state;
	struct rqs_bin bins[RQS_COARSE_COUNT];
	struct rqs_dist dist;

	name(fix, 0, 5, "/a");
	count(fix, NAMED(0), 2, 2, 0);
	serve(fix, 5, 2, 2, 0);
	fix->reading.second = true;
	fix->reading.time_count = 2;
	fix->times[0].id = NAMED(0);
	fix->times[1].id = NAMED(9); /* nobody's */
	add_time(&fix->times[0].sum, 10 * US);
	add_time(&fix->times[0].sum, 3 * MS);
	fix->times[0].sum.extrema[0] = (struct rqs_route_extrema){ .second = 1, .min_ns = 10 * US, .max_ns = 3 * MS };
	tell(fix);
	assert_int_equal(fix->count, 1);
	assert_int_equal(fix->books.place[NAMED(0)], 0);
	assert_int_equal(fix->books.place[NAMED(9)], -1);
	rqs_route_books_times(&fix->books, &fix->times[0], bins, &dist);
	assert_int_equal(dist.count, 2);
	assert_int_equal(dist.sum_ns, 3 * MS + 10 * US);
	assert_int_equal(dist.min_ns, 10 * US);
	assert_int_equal(dist.max_ns, 3 * MS);
	assert_int_equal(dist.bin_count, 2);
	assert_true(bins[0].index < bins[1].index);
	/* what came since; its stamps are of another second: the buckets tell */
	add_time(&fix->times[0].sum, 20 * US);
	rqs_route_books_times(&fix->books, &fix->times[0], bins, &dist);
	assert_int_equal(dist.count, 1);
	assert_int_equal(dist.sum_ns, 20 * US);
	assert_in_range(dist.min_ns, 20 * US * 15 / 16, 20 * US * 17 / 16);
	assert_int_equal(dist.min_ns, dist.max_ns);
	rqs_route_books_times(&fix->books, &fix->times[0], bins, &dist);
	assert_int_equal(dist.count, 0);
	/* what is counted in the microseconds after the change of the second carries the next one's stamp */
	add_time(&fix->times[0].sum, 50 * MS);
	fix->times[0].sum.extrema[1] = (struct rqs_route_extrema){ .second = 2, .min_ns = 50 * MS, .max_ns = 50 * MS };
	rqs_route_books_times(&fix->books, &fix->times[0], bins, &dist);
	assert_int_equal(dist.max_ns, 50 * MS);
	assert_int_equal(dist.min_ns, 50 * MS);
}

#define with_books(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_books(test_counts_are_told_once),
		with_books(test_what_is_ahead_waits_for_its_service),
		with_books(test_a_name_waits_for_its_service),
		with_books(test_what_no_route_has_is_the_rest),
		with_books(test_sums_are_always_the_services),
		with_books(test_names_begin_and_end),
		with_books(test_durations_are_subtracted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
