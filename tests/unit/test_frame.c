// SPDX-License-Identifier: GPL-2.0-only
#include "build_window.h"

#include "columns.h"
#include "dist.h"
#include "json.h"
#include "read_frame.h"

struct fixture {
	struct build build;
	struct rqs_model *model;
	struct rqs_service_ident ident;
};

static int setup(void **state)
{
	struct fixture *fix = calloc(1, sizeof(*fix));

	fix->model = rqs_model_new(build_host());
	assert_non_null(fix->model);
	fix->ident = build_ident(1, "nginx", 8080);
	build_tick(&fix->build, 1);
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

static void apply(struct fixture *fix)
{
	uint64_t seq = fix->build.window.seq;

	assert_int_equal(rqs_model_apply(fix->model, &fix->build.window), 0);
	build_tick(&fix->build, seq + 1);
}

/* @ticks of them with one request each, of as many milliseconds as the tick's number. */
static void apply_busy(struct fixture *fix, uint32_t ticks)
{
	while (ticks--) {
		uint64_t seq = fix->build.window.seq;

		build_answers(&fix->build, build_service(&fix->build, &fix->ident), 200, 1, seq * MS);
		if (seq % 10 == 0)
			build_vitals(&fix->build);
		apply(fix);
	}
}

static void test_numbers_and_strings_in_json(void **state)
{
	static const double numbers[] = { 0, -0.0, 1, -1, 0.1, -0.25, 1e-7, 0.9999999, 123456.789, 1e9 + 0.5, 0x1p53, 1e18,
					  1e300, -1e300, NAN, INFINITY };
	struct rqs_json json = { 0 };
	char *data;
	size_t bytes, i;

	rqs_json_array(&json);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		rqs_json_number(&json, numbers[i]);
	rqs_json_int(&json, INT64_MIN);
	rqs_json_uint(&json, UINT64_MAX);
	rqs_json_ms(&json, 1790000060123456499);
	rqs_json_ms(&json, 999999999);
	rqs_json_ms(&json, UINT64_MAX);
	rqs_json_bool(&json, true);
	rqs_json_bool(&json, false);
	rqs_json_string(&json, "a\"\\/\x01\x7f\n\xc3\xa9\xff<");
	rqs_json_string(&json, NULL);
	rqs_json_time(&json, 1790000060123999999);
	rqs_json_time(&json, 0);
	rqs_json_array_end(&json);
	assert_int_equal(rqs_json_finish(&json, &data, &bytes), 0);
	data = realloc(data, bytes + 1);
	data[bytes] = '\0';
	assert_string_equal(data, "[0,0,1,-1,0.1,-0.25,0,1,123456.789,1000000001,9007199254740992,1000000000000000000,"
				  "9223372036854775807,-9223372036854775807,null,null,-9223372036854775808,"
				  "9223372036854775807,1790000060123.456,1000,18446744073709.552,true,false,"
				  "\"a\\\"\\\\/\\u0001\\u007f\\u000a\xc3\xa9\\\\xff<\",null,\"2026-09-21T14:14:20.123Z\","
				  "\"1970-01-01T00:00:00.000Z\"]");
	free(data);
}

static void test_hello(void **state)
{
	struct fixture *fix = *state;
	json_t *hello;
	size_t i;

	apply_busy(fix, 3);
	hello = parse(rqs_frame_hello(fix->model, 250), "hello");
	expect_number(hello, "protocol", 1);
	expect_text(hello, "instance", "f3a9");
	expect_text(hello, "tool/name", "rqscope");
	expect_text(hello, "tool/version", "0.1.0");
	expect_text(hello, "host/name", "web-07");
	expect_text(hello, "host/kernel", "6.18.44");
	expect_text(hello, "host/arch", "x86_64");
	expect_number(hello, "host/cpus", 2);
	expect_number(hello, "attached_ms", (double)(START_REAL_NS / MS));
	expect_number(hello, "now_ms", (double)((START_REAL_NS + 3 * TICK_NS) / MS));
	expect_number(hello, "tick_ms", 100);
	expect_number(hello, "rate_ms", 250);
	expect_number(hello, "slow_ms", 1000);
	expect_number(hello, "seq", 3);
	expect_number(hello, "history/0/resolution_ms", 100);
	expect_number(hello, "history/0/span_ms", 600000);
	expect_number(hello, "history/1/resolution_ms", 1000);
	expect_number(hello, "history/1/span_ms", 21600000);
	assert_int_equal(json_array_size(at(hello, "history")), 2);
	expect_number(hello, "service_history/0/resolution_ms", 1000);
	expect_number(hello, "service_history/0/span_ms", 600000);
	assert_int_equal(json_array_size(at(hello, "service_history")), 1);
	assert_int_equal(json_array_size(at(hello, "columns")), RQS_COLUMN_COUNT);
	expect_text(hello, "columns/0", "http.server.requests");
	assert_int_equal(json_array_size(at(hello, "heat/lows_ns")), RQS_HEAT_ROWS);
	expect_number(hello, "heat/lows_ns/2", 1280);
	for (i = 1; i < RQS_HEAT_ROWS; i++)
		assert_true(json_integer_value(json_array_get(at(hello, "heat/lows_ns"), i)) >
			    json_integer_value(json_array_get(at(hello, "heat/lows_ns"), i - 1)));
	json_decref(hello);
}

/* Every column that the document lists, and no other. */
static void test_columns_are_those_of_the_document(void **state)
{
	static const char *const metrics[] = { "http.server.duration", "http.server.ttfb", "http.server.queue",
					       "runqueue.latency" };
	static const char *const parts[] = { "count", "sum_ns", "min_ns", "max_ns", "p50_ns", "p90_ns", "p99_ns",
					     "p999_ns" };
	static const char *const others[] = {
		"http.server.requests", "http.server.responses", "http.server.upgrades", "http.server.aborted",
		"http.server.untimed", "http.server.in_flight", "http.server.status_2xx", "http.server.status_3xx",
		"http.server.status_4xx", "http.server.status_5xx", "http.server.status_other",
		"http.server.request_bytes", "http.server.response_bytes", "http.server.split.count",
		"http.server.split.queued_ns", "http.server.split.cpu_wait_ns", "http.server.split.on_cpu_ns",
		"http.server.split.blocked_ns", "http.server.split.shared", "http.server.split.unknown",
		"runqueue.switches", "runqueue.length.now", "runqueue.length.max", "runqueue.length.mean", "cpu.user",
		"cpu.system", "cpu.iowait", "cpu.steal", "cpu.idle", "memory.total_bytes", "memory.available_bytes",
		"memory.used_bytes", "memory.anonymous_bytes", "memory.cached_bytes", "memory.swap_total_bytes",
		"memory.swap_used_bytes", "pressure.cpu_some", "pressure.memory_some", "pressure.memory_full",
		"pressure.io_some", "pressure.io_full", "load.1m", "self.cpu_ratio", "self.rss_bytes",
		"self.tick_late_ns",
	};
	struct fixture *fix = *state;
	json_t *hello = parse(rqs_frame_hello(fix->model, 250), "hello"), *columns = at(hello, "columns");
	char expected[200][64];
	size_t count = 0, i, j;

	for (i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
		for (j = 0; j < sizeof(parts) / sizeof(parts[0]); j++)
			snprintf(expected[count++], sizeof(expected[0]), "%s.%s", metrics[i], parts[j]);
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		snprintf(expected[count++], sizeof(expected[0]), "%s", others[i]);
	assert_int_equal(json_array_size(columns), count);
	for (i = 0; i < count; i++) {
		for (j = 0; j < count && strcmp(json_string_value(json_array_get(columns, j)), expected[i]); j++)
			;
		if (j == count)
			fail_msg("%s is missing", expected[i]);
	}
	json_decref(hello);
}

static void test_windows(void **state)
{
	struct fixture *fix = *state;
	json_t *frame;
	const char *name;
	json_t *column;

	apply_busy(fix, 9);
	fix->build.window.late_ns = 1234;
	build_vitals(&fix->build);
	apply(fix);
	frame = parse(rqs_frame_windows(fix->model, 8, 10, 0), "windows");
	expect_number(frame, "seq/0", 9);
	expect_number(frame, "seq/1", 10);
	expect_number(frame, "t/0", (double)((START_REAL_NS + 9 * TICK_NS) / MS));
	expect_number(frame, "t/1", (double)((START_REAL_NS + 10 * TICK_NS) / MS));
	expect_number(frame, "span_ms/0", 100);
	expect_number(frame, "missed", 0);
	expect_number(frame, "columns/http.server.requests/0", 1);
	expect_number(frame, "columns/http.server.requests/1", 0);
	expect_number(frame, "columns/http.server.status_2xx/0", 1);
	expect_number(frame, "columns/http.server.duration.p99_ns/0", 9 * MS);
	expect_null(frame, "columns/http.server.duration.p99_ns/1");
	expect_null(frame, "columns/memory.used_bytes/0");
	expect_number(frame, "columns/memory.used_bytes/1", 2000);
	expect_number(frame, "columns/load.1m/1", 1.25);
	expect_number(frame, "columns/self.cpu_ratio/1", 0.002);
	expect_number(frame, "columns/self.tick_late_ns/1", 1234);
	assert_null(at(frame, "columns/cpu.steal")); /* null in all windows */
	assert_null(at(frame, "columns/memory.swap_used_bytes"));
	json_object_foreach(at(frame, "columns"), name, column)
		assert_int_equal(json_array_size(column), 2);
	/* 9 ms: in the octave from 8.39 ms, the first of its four rows */
	expect_number(frame, "heat/http.server.duration/0/0", 1 + 4 * 13);
	expect_number(frame, "heat/http.server.duration/0/1", 1);
	assert_int_equal(json_array_size(at(frame, "heat/http.server.duration/0")), 2);
	assert_int_equal(json_array_size(at(frame, "heat/http.server.duration/1")), 0);
	json_decref(frame);

	frame = parse(rqs_frame_windows(fix->model, 10, 10, 0), "windows");
	assert_int_equal(json_array_size(at(frame, "seq")), 0);
	assert_int_equal(json_object_size(at(frame, "columns")), 0);
	json_decref(frame);
}

static void test_heat_counts_are_those_of_the_window(void **state)
{
	struct fixture *fix = *state;
	uint64_t values[3000], seed = 8, sum = 0;
	int64_t last = -1;
	json_t *frame, *heat;
	size_t i;

	for (i = 0; i < 3000; i++)
		values[i] = build_random(&seed) >> (20 + build_random(&seed) % 40);
	build_dist(&fix->build, &fix->build.window.runqueue, values, 3000);
	apply(fix);
	frame = parse(rqs_frame_windows(fix->model, 0, 1, 0), "windows");
	heat = at(frame, "heat/runqueue.latency/0");
	for (i = 0; i < json_array_size(heat); i += 2) {
		int64_t row = json_integer_value(json_array_get(heat, i));
		int64_t count = json_integer_value(json_array_get(heat, i + 1)), expected = 0;
		size_t j;

		assert_true(row > last);
		last = row;
		for (j = 0; j < 3000; j++)
			expected += rqs_heat_row(rqs_bucket_index(values[j])) == row;
		assert_int_equal(count, expected);
		sum += (uint64_t)count;
	}
	assert_int_equal(sum, 3000);
	json_decref(frame);
}

static void test_missed_windows_come_as_one(void **state)
{
	struct fixture *fix = *state;
	json_t *frame;

	apply_busy(fix, 20);
	frame = parse(rqs_frame_windows(fix->model, 5, 20, 12), "windows");
	expect_number(frame, "missed", 12);
	assert_int_equal(json_array_size(at(frame, "seq")), 1);
	expect_number(frame, "seq/0", 20);
	expect_number(frame, "span_ms/0", 1500);
	expect_number(frame, "columns/http.server.requests/0", 15);
	expect_number(frame, "columns/http.server.duration.min_ns/0", 6 * MS);
	expect_number(frame, "columns/http.server.duration.max_ns/0", 20 * MS);
	expect_number(frame, "columns/memory.used_bytes/0", 2000);
	assert_true(fabs((double)json_integer_value(at(frame, "columns/http.server.duration.p50_ns/0")) - 13.0 * MS) <
		    13.0 * MS / 64);
	json_decref(frame);
}

static void test_a_gap_is_null(void **state)
{
	struct fixture *fix = *state;
	json_t *frame;

	apply_busy(fix, 1);
	fix->build.window.gap = true;
	apply_busy(fix, 1);
	frame = parse(rqs_frame_windows(fix->model, 0, 2, 0), "windows");
	expect_number(frame, "columns/http.server.requests/0", 1);
	expect_null(frame, "columns/http.server.requests/1");
	expect_null(frame, "columns/runqueue.switches/1");
	expect_number(frame, "columns/http.server.in_flight/1", 0);
	json_decref(frame);
}

static void test_history_at_the_resolution_that_fits(void **state)
{
	static const struct {
		uint32_t points, windows, resolution_ms;
	} cases[] = { { 600, 600, 100 }, { 2000, 600, 100 }, { 300, 300, 200 }, { 60, 60, 1000 }, { 1, 1, 0 } };
	struct fixture *fix = *state;
	struct rqs_request request = { .kind = RQS_REQUEST_HISTORY, .id = 77, .from_ms = START_REAL_NS / MS,
				       .to_ms = (START_REAL_NS + 600 * TICK_NS) / MS };
	size_t i, j;

	apply_busy(fix, 600);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *frame, *requests;
		int64_t sum = 0;

		request.points = cases[i].points;
		frame = parse(rqs_frame_history(fix->model, &request), "history");
		expect_number(frame, "id", 77);
		expect_number(frame, "from_ms", (double)request.from_ms);
		expect_number(frame, "to_ms", (double)request.to_ms);
		if (cases[i].resolution_ms)
			expect_number(frame, "resolution_ms", cases[i].resolution_ms);
		requests = at(frame, "columns/http.server.requests");
		assert_in_range(json_array_size(requests), cases[i].windows - (cases[i].windows > 1), cases[i].windows);
		for (j = 0; j < json_array_size(requests); j++)
			sum += json_integer_value(json_array_get(requests, j));
		assert_in_range(sum, 600 - cases[i].resolution_ms / 100, 600);
		assert_int_equal(json_array_size(at(frame, "t")), json_array_size(requests));
		json_decref(frame);
	}
	request.from_ms = 0;
	request.to_ms = 1000;
	request.points = 10;
	json_decref(parse(rqs_frame_history(fix->model, &request), "history"));
	request.to_ms = 9000000000000;
	request.points = 2000;
	json_decref(parse(rqs_frame_history(fix->model, &request), "history"));
}

static void test_services(void **state)
{
	struct fixture *fix = *state;
	struct rqs_service_ident idle = build_ident(2, "idle \x22\\", 0), overflow = build_ident(0, "x", 9);
	struct rqs_service_delta *delta;
	json_t *frame;

	strcpy(idle.container, "c0ffee");
	delta = build_service(&fix->build, &idle);
	build_answers(&fix->build, delta, 503, 1, MS);
	delta->books.requests++;
	delta->books.in_flight = 1;
	build_answers(&fix->build, build_service(&fix->build, &overflow), 200, 2, MS);
	apply(fix);
	apply_busy(fix, 129); /* 13 s in all */
	build_vitals(&fix->build);
	build_pid(&fix->build, 1, 71);
	build_pid(&fix->build, 1, 72);
	apply(fix);
	frame = parse(rqs_frame_services(fix->model), "services");
	expect_number(frame, "t", (double)((START_REAL_NS + 131 * TICK_NS) / MS));
	expect_number(frame, "over_ms", 10000);
	assert_int_equal(json_array_size(at(frame, "items")), 3);
	expect_number(frame, "items/0/slot", 1);
	expect_text(frame, "items/0/name", "nginx");
	expect_text(frame, "items/0/role", "server");
	expect_number(frame, "items/0/port", 8080);
	expect_null(frame, "items/0/container");
	expect_number(frame, "items/0/pids/0", 71);
	expect_number(frame, "items/0/pids/1", 72);
	assert_true(json_is_true(at(frame, "items/0/active")));
	expect_number(frame, "items/0/requests", 129);
	expect_number(frame, "items/0/responses", 129);
	expect_number(frame, "items/0/errors", 0);
	expect_number(frame, "items/0/recent/requests", 100);
	expect_number(frame, "items/0/recent/span_ms", 10000);
	expect_number(frame, "items/0/recent/duration/count", 100);
	expect_number(frame, "items/0/recent/duration/min_ns", 31 * MS);
	expect_number(frame, "items/0/recent/duration/max_ns", 130 * MS);
	expect_number(frame, "items/0/recent/split/count", 100);
	assert_int_equal(json_array_size(at(frame, "items/0/spark")), 60);
	assert_int_equal(json_array_size(at(frame, "items/0/spark_p99_ns")), 60);
	expect_null(frame, "items/0/spark/46");
	expect_number(frame, "items/0/spark/47", 9);
	expect_number(frame, "items/0/spark/59", 10);
	assert_true(fabs(json_number_value(at(frame, "items/0/spark_p99_ns/59")) - 130.0 * MS) <= 130.0 * MS / 64);
	expect_text(frame, "items/1/name", "other");
	expect_number(frame, "items/1/port", 0);
	expect_text(frame, "items/2/name", "idle \"\\");
	expect_text(frame, "items/2/container", "c0ffee");
	expect_number(frame, "items/2/requests", 2);
	expect_number(frame, "items/2/in_flight", 1);
	expect_number(frame, "items/2/errors", 1);
	expect_null(frame, "items/2/recent/duration/p99_ns");
	expect_number(frame, "items/2/spark/59", 0);
	expect_null(frame, "items/2/spark_p99_ns/59");
	assert_true(json_is_false(at(frame, "items/2/active")));
	json_decref(frame);
}

static void test_events(void **state)
{
	struct fixture *fix = *state;
	struct rqs_kernel_event *event;
	json_t *frame;
	uint32_t i;

	build_answers(&fix->build, build_service(&fix->build, &fix->ident), 200, 1, MS);
	event = build_event(&fix->build, RQS_EVENT_SLOW_REQUEST, "GET", "/\x1b\xff\"");
	event->slot = 1;
	event->pid = 71;
	event->status = 200;
	event->duration_ns = 1210 * MS;
	event->has_split = 1;
	event->queued_ns = 3 * MS;
	fix->build.window.event_seen[RQS_EVENT_SLOW_REQUEST] = 9;
	fix->build.window.losses.events = 8;
	apply(fix);
	frame = parse(rqs_frame_events(fix->model, 0), "events");
	expect_number(frame, "seq", 2);
	expect_number(frame, "counts/slow_request", 9);
	expect_number(frame, "counts/service_start", 1);
	expect_number(frame, "counts/server_error", 0);
	expect_number(frame, "held_back", 8);
	expect_text(frame, "items/0/kind", "service_start");
	expect_text(frame, "items/0/level", "info");
	expect_null(frame, "items/0/pid");
	assert_null(at(frame, "items/0/duration_ns"));
	assert_null(at(frame, "items/0/status"));
	assert_null(at(frame, "items/0/split"));
	expect_number(frame, "items/1/seq", 2);
	expect_number(frame, "items/1/t", (double)((START_REAL_NS + TICK_NS) / MS - 30));
	expect_text(frame, "items/1/service", "nginx :8080");
	expect_text(frame, "items/1/role", "server");
	expect_null(frame, "items/1/container");
	expect_number(frame, "items/1/slot", 1);
	expect_number(frame, "items/1/pid", 71);
	expect_text(frame, "items/1/text", "GET /\\x1b\\xff\" 1.21 s: 3 ms queued, 0 ns waiting for CPU, 0 ns on CPU, "
					     "0 ns blocked");
	expect_number(frame, "items/1/duration_ns", 1210 * MS);
	expect_number(frame, "items/1/status", 200);
	expect_number(frame, "items/1/split/queued_ns", 3 * MS);
	json_decref(frame);

	for (i = 0; i < 300; i++)
		build_event(&fix->build, RQS_EVENT_RUNQUEUE_STALL, "", "");
	fix->build.window.event_seen[RQS_EVENT_SLOW_REQUEST] = 9;
	apply(fix);
	frame = parse(rqs_frame_events(fix->model, 0), "events");
	assert_int_equal(json_array_size(at(frame, "items")), 302);
	expect_number(frame, "items/0/seq", 1);
	expect_number(frame, "items/301/seq", 302);
	expect_null(frame, "items/301/service");
	expect_null(frame, "items/301/role");
	expect_null(frame, "items/301/slot");
	json_decref(frame);
	frame = parse(rqs_frame_events(fix->model, 300), "events");
	assert_int_equal(json_array_size(at(frame, "items")), 2);
	expect_number(frame, "items/0/seq", 301);
	json_decref(frame);
	frame = parse(rqs_frame_events(fix->model, 302), "events");
	assert_int_equal(json_array_size(at(frame, "items")), 0);
	json_decref(frame);
	frame = parse(rqs_frame_events(fix->model, UINT64_MAX), "events");
	assert_int_equal(json_array_size(at(frame, "items")), 0);
	json_decref(frame);
}

static void test_an_event_stays_with_its_service(void **state)
{
	struct fixture *fix = *state;
	struct rqs_service_ident next = build_ident(1, "curl", 80);
	json_t *frame;

	next.role = RQS_ROLE_CLIENT;
	strcpy(next.container, "c0ffee");
	build_answers(&fix->build, build_service(&fix->build, &fix->ident), 200, 1, MS);
	build_event(&fix->build, RQS_EVENT_SERVER_ERROR, "GET", "/")->slot = 1;
	apply(fix);
	build_answers(&fix->build, build_service(&fix->build, &next), 200, 1, MS);
	build_event(&fix->build, RQS_EVENT_SLOW_REQUEST, "GET", "/")->slot = 1;
	apply(fix);
	frame = parse(rqs_frame_events(fix->model, 0), "events");
	for (uint32_t i = 0; i < 2; i++) {
		json_t *event = json_array_get(at(frame, "items"), i);

		expect_text(event, "service", "nginx :8080");
		expect_text(event, "role", "server");
		expect_null(event, "slot"); /* another service has it */
	}
	for (uint32_t i = 2; i < 4; i++) {
		json_t *event = json_array_get(at(frame, "items"), i);

		expect_text(event, "service", "curl :80");
		expect_text(event, "role", "client");
		expect_text(event, "container", "c0ffee");
		expect_number(event, "slot", 1);
	}
	expect_text(frame, "items/2/text", "curl asking :80 was seen for the first time");
	json_decref(frame);
	frame = parse(rqs_frame_services(fix->model), "services");
	expect_text(frame, "items/0/name", "curl");
	expect_number(frame, "items/0/slot", 1);
	expect_text(frame, "items/1/name", "nginx"); /* still listed */
	expect_null(frame, "items/1/slot");
	json_decref(frame);
	fix->ident.slot = 7; /* it is back */
	build_answers(&fix->build, build_service(&fix->build, &fix->ident), 200, 1, MS);
	apply(fix);
	frame = parse(rqs_frame_services(fix->model), "services");
	expect_text(frame, "items/0/name", "nginx");
	expect_number(frame, "items/0/slot", 7);
	json_decref(frame);
	frame = parse(rqs_frame_events(fix->model, 0), "events");
	expect_number(frame, "items/0/slot", 7);
	json_decref(frame);
}

/* CPUs are listed by number: numbers may be missing among those that are online, and CPUs come while it runs. */
static void test_status_of_scattered_cpus(void **state)
{
	struct rqs_cpu_delta cpus[8] = { [0] = { .switches = 3 }, [5] = { .switches = 7, .length_max = 2 } };
	struct fixture *fix = *state;
	struct rqs_host host = *build_host();
	json_t *frame;
	uint32_t seq;

	host.cpu_numbers = 8;
	rqs_model_free(fix->model);
	fix->model = rqs_model_new(&host);
	for (seq = 1; seq <= 20; seq++) {
		build_tick(&fix->build, seq);
		if (seq > 10) {
			fix->build.window.cpus = cpus;
			fix->build.window.cpu_count = 8;
		}
		assert_int_equal(rqs_model_apply(fix->model, &fix->build.window), 0);
		if (seq != 10)
			continue;
		frame = parse(rqs_frame_status(fix->model), "status");
		assert_int_equal(json_array_size(at(frame, "runqueue/cpus")), 2);
		json_decref(frame);
	}
	frame = parse(rqs_frame_status(fix->model), "status");
	assert_int_equal(json_array_size(at(frame, "runqueue/cpus")), 6);
	expect_number(frame, "runqueue/cpus/0/switches", 30);
	expect_number(frame, "runqueue/cpus/4/switches", 0);
	expect_number(frame, "runqueue/cpus/5/switches", 70);
	expect_number(frame, "runqueue/cpus/5/length_max", 2);
	json_decref(frame);
}

static void test_status(void **state)
{
	struct rqs_probe_status probes[] = { { .name = "http", .state = RQS_PROBE_ON, .tap = 'A' },
					     { .name = "oom", .state = RQS_PROBE_OFF, .reason = "no tracepoint" } };
	struct fixture *fix = *state;
	json_t *frame;
	uint32_t i;

	frame = parse(rqs_frame_status(fix->model), "status"); /* before the first window */
	expect_number(frame, "uptime_ms", 0);
	expect_null(frame, "self/rss_bytes");
	expect_null(frame, "self/bpf_ns_per_s");
	assert_int_equal(json_array_size(at(frame, "self/programs")), 0);
	assert_int_equal(json_array_size(at(frame, "runqueue/cpus")), 0);
	json_decref(frame);

	rqs_model_set_probes(fix->model, probes, 2);
	rqs_model_set_clients(fix->model, 3);
	rqs_model_set_sent(fix->model, 812345);
	for (i = 0; i < 10; i++) {
		build_vitals(&fix->build);
		fix->build.window.losses.http.tls_connections = 12;
		fix->build.window.losses.http.unparsed = 4;
		fix->build.window.losses.windows_merged = 5;
		fix->build.window.shed = RQS_PART_CLIENT;
		fix->build.window.late_ns = i == 4 ? 777 : 5;
		fix->build.cpus[0].switches = 12;
		fix->build.cpus[0].wait_sum_ns = 10 * MS;
		apply(fix);
	}
	frame = parse(rqs_frame_status(fix->model), "status");
	expect_number(frame, "uptime_ms", 1000);
	expect_number(frame, "clients", 3);
	expect_text(frame, "coverage/probes/0/name", "http");
	expect_text(frame, "coverage/probes/0/state", "on");
	expect_text(frame, "coverage/probes/0/tap", "A");
	expect_null(frame, "coverage/probes/0/reason");
	expect_null(frame, "coverage/probes/1/tap");
	expect_text(frame, "coverage/probes/1/reason", "no tracepoint");
	assert_int_equal(json_array_size(at(frame, "coverage/shed")), 1);
	expect_text(frame, "coverage/shed/0", "client");
	expect_number(frame, "coverage/lost/unparsed", 4);
	expect_number(frame, "coverage/lost/windows_merged", 5);
	expect_number(frame, "connections/tls", 12);
	expect_number(frame, "runqueue/cpus/0/switches", 120);
	expect_number(frame, "runqueue/cpus/0/mean", 0.1);
	assert_int_equal(json_array_size(at(frame, "runqueue/cpus")), 2);
	expect_number(frame, "self/cpu_ratio", 0.002);
	expect_number(frame, "self/tick_late_max_ns", 777);
	expect_number(frame, "self/clients", 3);
	expect_number(frame, "self/sent_bytes", 812345);
	expect_number(frame, "self/bpf_ns_per_s", 3100000);
	expect_text(frame, "self/programs/0/name", "http_on_send");
	expect_number(frame, "self/programs/0/runs_per_s", 4000);
	expect_number(frame, "self/programs/0/ns_per_run", 410.5);
	expect_null(frame, "self/programs/1/ns_per_run");
	json_decref(frame);
}

static void test_inflight(void **state)
{
	struct fixture *fix = *state;
	struct rqs_inflight inflight = { .connections = 12, .http = 7, .requests = 3, .count = 2 };
	json_t *frame;

	apply_busy(fix, 1);
	inflight.items[0] = (struct rqs_inflight_item){ .has_age = true, .age_ns = 61 * SECOND_NS, .slot = 1, .pid = 71, .tid = 72,
							.stage = RQS_STAGE_SERVING, .task_state = RQS_TASK_BLOCKED, .comm = "worker",
							.method = "GET", .path = "/a/\"b", .peer = "10.0.0.7:4711", .has_route = true,
							.route = { .method = "GET", .path = "/a/:id" } };
	inflight.items[1] = (struct rqs_inflight_item){ .slot = RQS_LOOK_NO_SLOT, .role = RQS_ROLE_CLIENT, .stage = RQS_STAGE_QUEUED };
	frame = parse(rqs_frame_inflight(fix->model, &inflight), "inflight");
	expect_number(frame, "t", (START_REAL_NS + TICK_NS) / 1e6);
	expect_number(frame, "connections/open", 12);
	expect_number(frame, "connections/http", 7);
	expect_number(frame, "requests", 3);
	assert_int_equal(json_array_size(at(frame, "items")), 2);
	expect_number(frame, "items/0/age_ns", 61e9);
	expect_number(frame, "items/0/slot", 1);
	expect_text(frame, "items/0/service", "nginx :8080");
	expect_text(frame, "items/0/role", "server");
	expect_text(frame, "items/0/method", "GET");
	expect_text(frame, "items/0/path", "/a/\"b");
	expect_text(frame, "items/0/route/method", "GET");
	expect_text(frame, "items/0/route/path", "/a/:id");
	expect_text(frame, "items/0/peer", "10.0.0.7:4711");
	expect_text(frame, "items/0/stage", "serving");
	expect_number(frame, "items/0/pid", 71);
	expect_number(frame, "items/0/tid", 72);
	expect_text(frame, "items/0/thread/comm", "worker");
	expect_text(frame, "items/0/thread/state", "blocked");
	expect_text(frame, "items/1/role", "client");
	expect_text(frame, "items/1/stage", "queued");
	for (size_t i = 0; i < 10; i++) {
		static const char *const unknown[] = { "age_ns", "slot", "service", "method", "path", "route", "peer", "pid", "tid", "thread" };
		char path[32];

		snprintf(path, sizeof(path), "items/1/%s", unknown[i]);
		expect_null(frame, path);
	}
	json_decref(frame);

	frame = parse(rqs_frame_inflight(fix->model, NULL), "inflight");
	expect_null(frame, "connections/open");
	expect_null(frame, "connections/http");
	expect_null(frame, "requests");
	expect_null(frame, "items");
	json_decref(frame);
}

static void test_error(void **state)
{
	json_t *frame = parse(rqs_frame_error("bad_request", "A \"quoted\" \xff sentence."), "error");

	expect_text(frame, "code", "bad_request");
	expect_text(frame, "text", "A \"quoted\" \\xff sentence.");
	json_decref(frame);
}

#define with_model(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_and_strings_in_json),
		with_model(test_hello),
		with_model(test_columns_are_those_of_the_document),
		with_model(test_windows),
		with_model(test_heat_counts_are_those_of_the_window),
		with_model(test_missed_windows_come_as_one),
		with_model(test_a_gap_is_null),
		with_model(test_history_at_the_resolution_that_fits),
		with_model(test_services),
		with_model(test_events),
		with_model(test_an_event_stays_with_its_service),
		with_model(test_status),
		with_model(test_status_of_scattered_cpus),
		with_model(test_inflight),
		cmocka_unit_test(test_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
