// SPDX-License-Identifier: GPL-2.0-only
/* What the model keeps of each service, and the messages that show it, against what the windows said. */
#include "read_frame.h"

#define TICKS 8000
#define SERVICES 3

/* What a service really did, tick by tick; 0: before the first one. */
struct truth {
	uint32_t requests[TICKS + 1];
	uint64_t duration_ns[TICKS + 1];
	int64_t in_flight[TICKS + 1];
};

struct fixture {
	struct build build;
	struct rqs_model *model;
	struct rqs_service_ident idents[SERVICES];
	struct truth truth[SERVICES];
	bool gap[TICKS + 1];
	uint64_t seed;
};

static int setup(void **state)
{
	struct fixture *fix = calloc(1, sizeof(*fix));
	uint32_t i;

	fix->model = rqs_model_new(build_host());
	assert_non_null(fix->model);
	for (i = 0; i < SERVICES; i++)
		fix->idents[i] = build_ident(2 + i, "api", (uint16_t)(8001 + i));
	fix->seed = 3;
	*state = fix;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fix = *state;

	rqs_model_free(fix->model);
	free(fix);
	return 0;
}

/* A tick in which each service does something now and then; some of it stays open for a while. */
static void apply_random(struct fixture *fix, uint64_t seq)
{
	uint32_t i;

	build_tick(&fix->build, seq);
	fix->build.window.gap = fix->gap[seq];
	for (i = 0; i < SERVICES; i++) {
		struct truth *truth = &fix->truth[i];
		struct rqs_service_delta *delta;

		truth->in_flight[seq] = truth->in_flight[seq - 1];
		if (build_random(&fix->seed) % (3 + i))
			continue;
		truth->requests[seq] = 1 + (uint32_t)(build_random(&fix->seed) % 5);
		truth->duration_ns[seq] = MS + build_random(&fix->seed) % (900 * MS);
		truth->in_flight[seq] = (int64_t)(build_random(&fix->seed) % 3);
		delta = build_service(&fix->build, &fix->idents[i]);
		build_answers(&fix->build, delta, i ? 200 : 503, truth->requests[seq], truth->duration_ns[seq]);
		delta->books.in_flight = truth->in_flight[seq];
	}
	assert_int_equal(rqs_model_apply(fix->model, &fix->build.window), 0);
}

static void apply_many(struct fixture *fix, uint64_t from, uint64_t to)
{
	for (; from <= to; from++)
		apply_random(fix, from);
}

static json_t *windows_of(struct fixture *fix, uint32_t service, uint64_t after, uint64_t to, uint32_t missed)
{
	uint32_t slot = fix->idents[service].slot;

	return parse(rqs_frame_service_windows(fix->model, slot, rqs_model_service(fix->model, slot), after, to, missed),
		     "service_windows");
}

static json_t *history_of(struct fixture *fix, uint32_t service, uint64_t after, uint64_t to, uint32_t points)
{
	struct rqs_request request = { .kind = RQS_REQUEST_HISTORY, .id = 7, .has_slot = true, .slot = fix->idents[service].slot,
				       .from_ms = (int64_t)((START_REAL_NS + after * TICK_NS) / MS),
				       .to_ms = (int64_t)((START_REAL_NS + to * TICK_NS) / MS), .points = points };

	return parse(rqs_frame_history(fix->model, &request), "history");
}

static size_t size_of(json_t *frame)
{
	return json_array_size(at(frame, "seq"));
}

static double number(json_t *frame, const char *array, size_t i)
{
	json_t *value = json_array_get(at(frame, array), i);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

/* The entry @i of a message against the ticks @first to @last that it stands for. */
static void expect_entry(struct fixture *fix, uint32_t service, json_t *frame, size_t i, uint64_t first, uint64_t last)
{
	const struct truth *truth = &fix->truth[service];
	double count = 0, sum_ns = 0, min_ns = NAN, max_ns = NAN, heat = 0, p50_ns;
	json_t *pairs = json_array_get(at(frame, "heat/service.duration"), i);
	size_t pair;
	uint64_t seq;

	for (seq = first; seq <= last; seq++) {
		if (!truth->requests[seq] || fix->gap[seq])
			continue;
		count += truth->requests[seq];
		sum_ns += (double)(truth->requests[seq] * truth->duration_ns[seq]);
		min_ns = fmin(min_ns, (double)truth->duration_ns[seq]);
		max_ns = fmax(max_ns, (double)truth->duration_ns[seq]);
	}
	if (number(frame, "columns/service.requests", i) != count)
		fail_msg("%f requests in %d..%d instead of %f", number(frame, "columns/service.requests", i), (int)first, (int)last, count);
	assert_true(number(frame, "columns/service.responses", i) == count);
	assert_true(number(frame, service ? "columns/service.status_2xx" : "columns/service.status_5xx", i) == count);
	assert_true(number(frame, "columns/service.response_bytes", i) == 1000 * count);
	assert_true(number(frame, "columns/service.split.blocked_ns", i) == sum_ns);
	assert_true(number(frame, "columns/service.ttfb.sum_ns", i) == sum_ns);
	assert_true(number(frame, "columns/service.in_flight", i) == (double)truth->in_flight[last]);
	for (pair = 1; pair < json_array_size(pairs); pair += 2)
		heat += json_number_value(json_array_get(pairs, pair));
	assert_true(heat == count);
	if (!count)
		return; /* there may be no such column at all */
	assert_true(number(frame, "columns/service.duration.min_ns", i) == min_ns);
	assert_true(number(frame, "columns/service.duration.max_ns", i) == max_ns);
	p50_ns = number(frame, "columns/service.queue.p50_ns", i);
	assert_true(p50_ns >= min_ns && p50_ns <= max_ns);
}

static void test_windows_of_a_service_are_its_own(void **state)
{
	struct fixture *fix = *state;
	const char *name;
	json_t *frame, *column;
	uint32_t service;
	uint64_t seq;

	apply_many(fix, 1, 300);
	for (service = 0; service < SERVICES; service++) {
		frame = windows_of(fix, service, 100, 200, 0);
		expect_number(frame, "slot", fix->idents[service].slot);
		expect_number(frame, "missed", 0);
		assert_null(at(frame, "ended"));
		assert_int_equal(size_of(frame), 100);
		for (seq = 101; seq <= 200; seq++) {
			assert_true(number(frame, "seq", seq - 101) == (double)seq);
			assert_true(number(frame, "span_ms", seq - 101) == 100);
			assert_true(number(frame, "t", seq - 101) == (double)((START_REAL_NS + seq * TICK_NS) / MS));
			expect_entry(fix, service, frame, seq - 101, seq, seq);
		}
		json_object_foreach(at(frame, "columns"), name, column) {
			assert_memory_equal(name, "service.", 8);
			assert_int_equal(json_array_size(column), 100);
		}
		assert_int_equal(json_object_size(at(frame, "heat")), 1);
		json_decref(frame);
	}
}

/* The same columns as the host has for its role, each with the host's value where there is but one service. */
static void test_columns_of_a_service_are_those_of_its_role(void **state)
{
	struct fixture *fix = *state;
	json_t *host, *own, *column;
	char name[64];
	uint64_t seq;
	const char *key;
	size_t count = 0;

	for (seq = 1; seq <= 40; seq++) {
		build_tick(&fix->build, seq);
		if (seq % 4 == 0)
			build_answers(&fix->build, build_service(&fix->build, &fix->idents[0]), (uint16_t)(100 + seq * 10), 3, seq * MS);
		assert_int_equal(rqs_model_apply(fix->model, &fix->build.window), 0);
	}
	for (seq = 0; seq <= 1; seq++) { /* as they are, and merged */
		host = parse(rqs_frame_windows(fix->model, 0, 40, seq ? 40 : 0), "windows");
		own = windows_of(fix, 0, 0, 40, seq ? 40 : 0);
		json_object_foreach(at(host, "columns"), key, column) {
			if (strncmp(key, "http.server", 11) != 0)
				continue;
			snprintf(name, sizeof(name), "service%s", key + 11);
			if (!json_equal(json_object_get(at(own, "columns"), name), column))
				fail_msg("%s is not %s", name, key);
			count++;
		}
		assert_true(json_equal(at(host, "heat/http.server.duration"), at(own, "heat/service.duration")));
		json_decref(host);
		json_decref(own);
	}
	assert_int_equal(count, 2 * 44);
}

static void test_what_was_missed_comes_as_one(void **state)
{
	struct fixture *fix = *state;
	json_t *frame;

	apply_many(fix, 1, 300);
	frame = windows_of(fix, 1, 50, 250, 200);
	expect_number(frame, "missed", 200);
	assert_int_equal(size_of(frame), 1);
	expect_number(frame, "seq/0", 250);
	expect_number(frame, "span_ms/0", 20000);
	expect_entry(fix, 1, frame, 0, 51, 250);
	json_decref(frame);
}

static void test_all_of_a_service_adds_up_to_its_books(void **state)
{
	struct fixture *fix = *state;
	uint64_t seq, sum = 0;
	json_t *services, *item = NULL;
	size_t i;

	for (seq = 1; seq <= 400; seq++) {
		json_t *frame;

		apply_random(fix, seq);
		if (seq % 3)
			continue;
		frame = windows_of(fix, 2, seq - 3, seq, 0);
		for (i = 0; i < size_of(frame); i++)
			sum += (uint64_t)number(frame, "columns/service.requests", i);
		json_decref(frame);
	}
	sum += fix->truth[2].requests[400];
	services = parse(rqs_frame_services(fix->model), "services");
	json_array_foreach(at(services, "items"), i, item)
		if (json_integer_value(at(item, "slot")) == fix->idents[2].slot)
			break;
	expect_number(item, "requests", (double)sum);
	json_decref(services);
}

static void test_a_gap_tells_nothing_but_what_is_open(void **state)
{
	struct fixture *fix = *state;
	json_t *frame;
	size_t i;

	for (i = 20; i < 30; i++)
		fix->gap[i] = true;
	apply_many(fix, 1, 60);
	frame = windows_of(fix, 0, 15, 35, 0);
	for (i = 0; i < 20; i++)
		if (fix->gap[16 + i]) {
			assert_true(isnan(number(frame, "columns/service.requests", i)));
			assert_true(isnan(number(frame, "columns/service.split.count", i)));
			assert_true(number(frame, "columns/service.in_flight", i) == (double)fix->truth[0].in_flight[16 + i]);
		} else {
			expect_entry(fix, 0, frame, i, 16 + i, 16 + i);
		}
	json_decref(frame);
	frame = windows_of(fix, 0, 15, 35, 20);
	expect_number(frame, "span_ms/0", 1000); /* a rate is count / span */
	expect_entry(fix, 0, frame, 0, 16, 35);
	json_decref(frame);
}

static void test_what_is_not_measured_is_not_zero(void **state)
{
	static const struct rqs_probe_status off = { .name = "http", .state = RQS_PROBE_LOST, .reason = "gone" };
	struct fixture *fix = *state;
	json_t *frame;

	apply_many(fix, 1, 10);
	rqs_model_set_probes(fix->model, &off, 1);
	build_tick(&fix->build, 11);
	assert_int_equal(rqs_model_apply(fix->model, &fix->build.window), 0);
	frame = windows_of(fix, 0, 9, 11, 0);
	expect_entry(fix, 0, frame, 0, 10, 10);
	expect_null(frame, "columns/service.requests/1");
	expect_null(frame, "columns/service.in_flight/1");
	json_decref(frame);
}

static void test_slots_of_one_service_have_the_same_windows(void **state)
{
	struct fixture *fix = *state;
	struct rqs_service_ident again = fix->idents[0];
	struct rqs_service_delta *delta;
	json_t *frame;

	again.slot = 9; /* a network namespace that was made anew */
	again.netns = 77;
	build_tick(&fix->build, 1);
	delta = build_service(&fix->build, &fix->idents[0]);
	build_answers(&fix->build, delta, 200, 2, 3 * MS);
	delta->books.in_flight = 1;
	delta = build_service(&fix->build, &again);
	build_answers(&fix->build, delta, 200, 5, 9 * MS);
	delta->books.in_flight = 4;
	assert_int_equal(rqs_model_apply(fix->model, &fix->build.window), 0);
	build_tick(&fix->build, 2);
	assert_int_equal(rqs_model_apply(fix->model, &fix->build.window), 0);
	assert_int_equal(rqs_model_service(fix->model, 9), rqs_model_service(fix->model, 2));
	frame = windows_of(fix, 0, 0, 2, 0);
	expect_number(frame, "columns/service.requests/0", 7);
	expect_number(frame, "columns/service.requests/1", 0);
	expect_number(frame, "columns/service.in_flight/0", 5);
	expect_number(frame, "columns/service.in_flight/1", 5);
	expect_number(frame, "columns/service.duration.min_ns/0", 3 * MS);
	expect_number(frame, "columns/service.duration.max_ns/0", 9 * MS);
	expect_null(frame, "columns/service.duration.max_ns/1");
	json_decref(frame);
}

static void test_a_slot_that_passed_on_ends_it(void **state)
{
	struct fixture *fix = *state;
	struct rqs_service_ident other = build_ident(2, "other one", 9000);
	uint64_t service;
	json_t *frame;

	apply_many(fix, 1, 20);
	service = rqs_model_service(fix->model, 2);
	build_tick(&fix->build, 21);
	build_answers(&fix->build, build_service(&fix->build, &other), 200, 50, MS);
	assert_int_equal(rqs_model_apply(fix->model, &fix->build.window), 0);
	assert_int_not_equal(rqs_model_service(fix->model, 2), service);
	frame = parse(rqs_frame_service_windows(fix->model, 2, service, 18, 21, 0), "service_windows");
	assert_true(json_is_true(at(frame, "ended")));
	expect_entry(fix, 0, frame, 0, 19, 19);
	expect_entry(fix, 0, frame, 1, 20, 20);
	expect_number(frame, "columns/service.requests/2", 0); /* not the other's */
	json_decref(frame);
	frame = windows_of(fix, 0, 19, 21, 0);
	assert_null(at(frame, "ended"));
	expect_number(frame, "columns/service.requests/0", 0);
	expect_number(frame, "columns/service.requests/1", 50);
	json_decref(frame);
	/* Its history is its own too. */
	frame = history_of(fix, 0, 0, 21, 21);
	expect_number(frame, "columns/service.requests/19", 0);
	expect_number(frame, "columns/service.requests/20", 50);
	json_decref(frame);
}

/* All entries of an answer in order, each against its ticks. Return: the first tick. */
static uint64_t expect_history(struct fixture *fix, uint32_t service, json_t *frame)
{
	uint64_t first, next = 0, last;
	size_t i;

	expect_number(frame, "id", 7);
	expect_number(frame, "slot", fix->idents[service].slot);
	first = (uint64_t)number(frame, "seq", 0) - (uint64_t)number(frame, "span_ms", 0) / 100 + 1;
	for (i = 0, next = first; i < size_of(frame); i++, next = last + 1) {
		last = (uint64_t)number(frame, "seq", i);
		assert_true(number(frame, "span_ms", i) == (double)(last - next + 1) * 100);
		expect_entry(fix, service, frame, i, next, last);
	}
	assert_true(next > first);
	return first;
}

static void test_history_of_a_service(void **state)
{
	struct fixture *fix = *state;
	uint32_t service;
	json_t *frame;

	apply_many(fix, 1, 7007);
	for (service = 0; service < SERVICES; service++) {
		/* Ticks, while they are there; a minute and more. */
		frame = history_of(fix, service, 6500, 7007, 600);
		expect_number(frame, "resolution_ms", 100);
		assert_int_equal(size_of(frame), 507);
		assert_int_equal(expect_history(fix, service, frame), 6501);
		json_decref(frame);
		/* Merged ticks. */
		frame = history_of(fix, service, 6500, 7000, 100);
		expect_number(frame, "resolution_ms", 500);
		assert_in_range(expect_history(fix, service, frame), 6501, 6505);
		json_decref(frame);
		/* Seconds, and what is not a whole one yet. */
		frame = history_of(fix, service, 2000, 7007, 510);
		expect_number(frame, "resolution_ms", 1000);
		assert_int_equal(size_of(frame), 501);
		assert_int_equal(expect_history(fix, service, frame), 2001);
		expect_number(frame, "span_ms/500", 700);
		json_decref(frame);
		/* All there is is 10 minutes. */
		frame = history_of(fix, service, 0, 7007, 700);
		expect_number(frame, "resolution_ms", 1000);
		assert_int_equal(size_of(frame), 601);
		assert_int_equal(expect_history(fix, service, frame), 1001);
		json_decref(frame);
		/* Merged seconds. */
		frame = history_of(fix, service, 0, 7007, 50);
		assert_in_range(size_of(frame), 46, 50);
		assert_in_range(expect_history(fix, service, frame), 1001, 1140);
		json_decref(frame);
		/* Before all that nothing is known, afterwards nothing yet. */
		frame = history_of(fix, service, 0, 900, 100);
		assert_int_equal(size_of(frame), 0);
		json_decref(frame);
		frame = history_of(fix, service, 7007, 7900, 100);
		assert_int_equal(size_of(frame), 0);
		json_decref(frame);
	}
}

static void test_before_it_was_seen_a_service_had_nothing(void **state)
{
	struct fixture *fix = *state;
	struct rqs_service_ident late = build_ident(50, "late", 50);
	uint64_t seq;
	json_t *frame;
	size_t i;

	fix->idents[0] = late;
	for (seq = 1; seq <= 100; seq++) {
		build_tick(&fix->build, seq);
		if (seq > 90)
			build_answers(&fix->build, build_service(&fix->build, &late), 200, 2, MS);
		assert_int_equal(rqs_model_apply(fix->model, &fix->build.window), 0);
	}
	frame = history_of(fix, 0, 0, 100, 10);
	assert_int_equal(size_of(frame), 10);
	for (i = 0; i < 10; i++)
		assert_true(number(frame, "columns/service.requests", i) == (i == 9 ? 20 : 0));
	json_decref(frame);
}

/* So many services, all busy in each tick: whoever is asked for, what comes is right, of at least @least_s of the last 450 s. */
static void all_are_busy(struct fixture *fix, uint32_t count, uint32_t least_s)
{
	static struct rqs_service_ident idents[RQS_SLOT_MAX];
	uint64_t seq, first;
	json_t *frame;
	uint32_t i;
	size_t entry;

	for (i = 0; i < count; i++)
		idents[i] = build_ident(RQS_ROLE_COUNT + i, "busy", (uint16_t)(1000 + i));
	for (seq = 1; seq <= 4500; seq++) {
		build_tick(&fix->build, seq);
		for (i = 0; i < count; i++)
			build_answers(&fix->build, build_service(&fix->build, &idents[i]), 200, 1 + i % 3, (1 + seq % 50) * MS);
		assert_int_equal(rqs_model_apply(fix->model, &fix->build.window), 0);
	}
	for (i = 0; i < count; i += 41) {
		fix->idents[0] = idents[i];
		frame = history_of(fix, 0, 0, 4500, 2000);
		expect_number(frame, "resolution_ms", 1000);
		first = (uint64_t)number(frame, "seq", 0);
		assert_in_range(first, 2, 4500 - 10 * least_s);
		for (entry = 0; entry < size_of(frame); entry++) {
			assert_true(number(frame, "columns/service.requests", entry) == 10 * (1 + i % 3));
			assert_true(number(frame, "span_ms", entry) == 1000);
		}
		assert_int_equal(size_of(frame), (4500 - first) / 10 + 1);
		json_decref(frame);
	}
}

static void test_history_when_all_services_are_busy(void **state)
{
	all_are_busy(*state, RQS_SERVICES_USUAL, 300);
}

static void test_history_when_as_many_as_can_be_are_busy(void **state)
{
	all_are_busy(*state, RQS_SLOT_MAX - RQS_ROLE_COUNT, 140);
}

#define with_model(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_model(test_windows_of_a_service_are_its_own),
		with_model(test_columns_of_a_service_are_those_of_its_role),
		with_model(test_what_was_missed_comes_as_one),
		with_model(test_all_of_a_service_adds_up_to_its_books),
		with_model(test_a_gap_tells_nothing_but_what_is_open),
		with_model(test_what_is_not_measured_is_not_zero),
		with_model(test_slots_of_one_service_have_the_same_windows),
		with_model(test_a_slot_that_passed_on_ends_it),
		with_model(test_history_of_a_service),
		with_model(test_before_it_was_seen_a_service_had_nothing),
		with_model(test_history_when_all_services_are_busy),
		with_model(test_history_when_as_many_as_can_be_are_busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
