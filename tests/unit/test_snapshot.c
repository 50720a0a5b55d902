// SPDX-License-Identifier: GPL-2.0-only
#include "build_window.h"

#include <jansson.h>
#include <sys/wait.h>
#include <unistd.h>

#include "columns.h"
#include "frame.h"
#include "services.h"
#include "snapshot.h"

#define SCHEMA "docs/snapshot.schema.json"

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

/*
 * What the schema that is kept with the project says, by way of an independent program.
 * Return: the index of the first of @documents that it takes, or -1. Starting the program is what takes time.
 */
static int first_that_fits(json_t *documents)
{
	static const char command[] =
		"python3 -c 'import json, sys, jsonschema\n"
		"validator = jsonschema.Draft7Validator(json.load(open(sys.argv[1])))\n"
		"for index, document in enumerate(json.load(sys.stdin)):\n"
		"    if validator.is_valid(document): sys.exit(100 + index)\n"
		"sys.exit(10)' " SCHEMA;
	FILE *pipe = popen(command, "w");
	int status;

	assert_non_null(pipe);
	json_dumpf(documents, pipe, JSON_COMPACT);
	status = pclose(pipe);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 10)
		return -1;
	if (WEXITSTATUS(status) < 100)
		fail_msg("the schema could not be checked (status %d): is " SCHEMA " below the working directory?", status);
	return WEXITSTATUS(status) - 100;
}

static bool fits_schema(json_t *document)
{
	json_t *documents = json_pack("[O]", document);
	int index = first_that_fits(documents);

	json_decref(documents);
	return index == 0;
}

static json_t *take(const struct fixture *fix)
{
	struct rqs_text text = rqs_snapshot_encode(fix->model);
	json_error_t why;
	json_t *json;

	assert_non_null(text.data);
	assert_int_equal(text.data[text.bytes - 1], '\n');
	assert_ptr_equal(memchr(text.data, '\n', text.bytes), text.data + text.bytes - 1);
	json = json_loadb(text.data, text.bytes, JSON_REJECT_DUPLICATES, &why);
	if (!json)
		fail_msg("%s at %d", why.text, why.position);
	free(text.data);
	return json;
}

static json_t *at(json_t *json, const char *path)
{
	char name[128];

	while (json && *path) {
		size_t bytes = strcspn(path, "/");

		snprintf(name, sizeof(name), "%.*s", (int)bytes, path);
		json = json_is_array(json) ? json_array_get(json, strtoul(name, NULL, 10)) : json_object_get(json, name);
		path += bytes + (path[bytes] == '/');
	}
	return json;
}

static int64_t integer(json_t *json, const char *path)
{
	if (!json_is_integer(at(json, path)))
		fail_msg("%s is no integer", path);
	return json_integer_value(at(json, path));
}

static void expect_text(json_t *json, const char *path, const char *expected)
{
	const char *value = json_string_value(at(json, path));

	if (!value || strcmp(value, expected))
		fail_msg("%s is \"%s\" instead of \"%s\"", path, value, expected);
}

static void expect_books(json_t *http)
{
	int64_t sum = 0;
	const char *code;
	json_t *count;

	assert_int_equal(integer(http, "requests"), integer(http, "responses") + integer(http, "upgrades") +
							    integer(http, "aborted") + integer(http, "in_flight"));
	json_object_foreach(at(http, "status"), code, count)
		sum += json_integer_value(count);
	assert_int_equal(sum, integer(http, "responses"));
}

/* A bit of everything. */
static void apply_everything(struct fixture *fix, uint32_t ticks)
{
	static struct rqs_service_ident client, odd;
	struct rqs_service_delta *delta;
	struct rqs_kernel_event *event;
	static const uint64_t waits[] = { 900, 5000, 60 * MS };
	static const struct rqs_bin bin = { 50, 1 };
	static const struct rqs_route_ident route = { .method = "GET", .path = "/users/:id \\x01", .slot = 1 };
	struct rqs_route_delta routes[] = {
		{ .id = RQS_ROUTE_FIRST, .slot = 1, .requests = 1, .responses = 1, .errors = 0,
		  .duration = { .count = 1, .sum_ns = MS, .min_ns = MS, .max_ns = MS, .bins = &bin, .bin_count = 1 } },
		{ .id = 1, .slot = 1, .requests = 5, .responses = 2 },
	};
	uint32_t i;

	client = build_ident(2, "curl", 443);
	client.role = RQS_ROLE_CLIENT;
	odd = build_ident(3, "tab\\x09 \"quoted\" \xf0\x9f\x98\x80", 0);
	for (i = 0; i < ticks; i++) {
		delta = build_service(&fix->build, &fix->ident);
		build_answers(&fix->build, delta, i % 3 ? 200 : 404, 3, (1 + i) * MS);
		delta->books.requests += 3;
		delta->books.aborted = 1;
		delta->books.upgrades = 1;
		delta->books.in_flight = 1 + i;
		delta->books.untimed = 1;
		routes[0].ident = i ? NULL : &route;
		fix->build.window.routes = routes;
		fix->build.window.route_count = 2;
		build_answers(&fix->build, build_service(&fix->build, &client), 503, 1, 2 * MS);
		build_answers(&fix->build, build_service(&fix->build, &odd), 200, 0, 0);
		event = build_event(&fix->build, i % RQS_EVENT_KERNEL_COUNT, "G\"T", "/\x01\x80/\xe2\x80\xae");
		event->slot = 1;
		event->pid = 71;
		event->has_split = 1;
		fix->build.window.event_seen[event->kind] = i;
		fix->build.window.switches = 100;
		fix->build.window.length_now = 1;
		fix->build.window.length_max = 3;
		fix->build.window.length_mean = 0.4;
		build_dist(&fix->build, &fix->build.window.runqueue, waits, 3);
		if (i % 10 == 0) {
			build_vitals(&fix->build);
			build_pid(&fix->build, 1, 71);
		}
		apply(fix);
	}
}

static void test_an_empty_one_fits_the_schema(void **state)
{
	struct fixture *fix = *state;
	json_t *json = take(fix);

	assert_true(fits_schema(json));
	expect_text(json, "schema", "rqscope/snapshot/1");
	expect_text(json, "taken_at", "2026-09-21T14:14:10.000Z");
	assert_int_equal(integer(json, "uptime_ns"), 0);
	assert_int_equal(integer(json, "totals/http/server/requests"), 0);
	assert_true(json_is_null(at(json, "totals/http/server/duration/p50_ns")));
	assert_null(at(json, "totals/http/client"));
	assert_null(at(json, "totals/memory"));
	assert_null(at(json, "totals/cpu"));
	assert_int_equal(json_array_size(at(json, "services")), 0);
	assert_int_equal(json_object_size(at(json, "history/columns")), 0);
	assert_int_equal(integer(json, "history/windows"), 0);
	json_decref(json);
}

static void test_a_full_one_fits_the_schema(void **state)
{
	struct rqs_probe_status probes[] = { { .name = "http", .state = RQS_PROBE_ON, .tap = 'B' },
					     { .name = "oom", .state = RQS_PROBE_LOST, .reason = "gone \x02" } };
	struct fixture *fix = *state;
	json_t *json;

	rqs_model_set_probes(fix->model, probes, 2);
	rqs_model_set_clients(fix->model, 2);
	rqs_model_set_sent(fix->model, 812345);
	apply_everything(fix, 30);
	json = take(fix);
	assert_true(fits_schema(json));
	assert_int_equal(integer(json, "totals/http/server/requests"), 180);
	assert_int_equal(integer(json, "totals/http/server/responses"), 90);
	assert_int_equal(integer(json, "totals/http/server/in_flight"), 30);
	assert_int_equal(integer(json, "totals/http/server/status/200"), 60);
	assert_int_equal(integer(json, "totals/http/server/status/404"), 30);
	assert_int_equal(integer(json, "totals/http/server/untimed"), 30);
	assert_int_equal(integer(json, "totals/http/server/duration/count"), 90);
	assert_int_equal(integer(json, "totals/http/server/duration/min_ns"), MS);
	assert_int_equal(integer(json, "totals/http/server/duration/max_ns"), 30 * MS);
	assert_int_equal(integer(json, "totals/http/client/requests"), 30);
	expect_books(at(json, "totals/http/server"));
	expect_books(at(json, "totals/http/client"));
	assert_int_equal(integer(json, "totals/runqueue/switches"), 3000);
	assert_int_equal(integer(json, "totals/runqueue/latency/count"), 90);
	assert_int_equal(integer(json, "totals/runqueue/length/now"), 1);
	assert_int_equal(integer(json, "totals/runqueue/length/max"), 3);
	assert_true(json_real_value(at(json, "totals/runqueue/length/mean")) == 0.4);
	assert_int_equal(json_array_size(at(json, "totals/runqueue/cpus")), 2);
	assert_int_equal(integer(json, "totals/memory/used_bytes"), 2000);
	assert_null(at(json, "totals/cpu/steal")); /* this kernel has none */
	assert_null(at(json, "totals/memory/swap_used_bytes"));
	assert_int_equal(json_array_size(at(json, "services")), 3);
	expect_text(json, "services/0/name", "nginx");
	expect_text(json, "services/0/role", "server");
	assert_int_equal(integer(json, "services/0/pids/0"), 71);
	assert_int_equal(integer(json, "services/0/errors"), 0);
	assert_int_equal(json_array_size(at(json, "services/0/routes")), 2);
	expect_text(json, "services/0/routes/0/method", "GET");
	expect_text(json, "services/0/routes/0/path", "/users/:id \\x01");
	assert_int_equal(integer(json, "services/0/routes/0/requests"), 30);
	assert_int_equal(integer(json, "services/0/routes/0/duration/count"), 30);
	assert_true(json_is_null(at(json, "services/0/routes/1/path")));
	assert_int_equal(integer(json, "services/0/routes/1/requests"), 150);
	assert_true(json_is_null(at(json, "services/0/routes/1/duration/p99_ns")));
	expect_books(at(json, "services/0"));
	expect_text(json, "services/1/name", "curl");
	expect_text(json, "services/1/role", "client");
	assert_int_equal(integer(json, "services/1/errors"), 30);
	expect_text(json, "services/2/name", "tab\\x09 \"quoted\" \xf0\x9f\x98\x80");
	assert_int_equal(integer(json, "coverage/lost/routes"), 150);
	assert_int_equal(integer(json, "self/clients"), 2);
	assert_int_equal(integer(json, "self/sent_bytes"), 812345);
	assert_true(json_number_value(at(json, "self/bpf_ns_per_s")) == 3100000);
	assert_int_equal(json_array_size(at(json, "self/programs")), 2);
	assert_int_equal(integer(json, "events/counts/service_start"), 3);
	assert_int_equal(integer(json, "events/counts/probe_lost"), 1);
	json_decref(json);
}

static void test_history_is_the_last_minute(void **state)
{
	struct fixture *fix = *state;
	const char *name;
	json_t *json, *column;
	int64_t sum = 0;
	size_t i;

	apply_everything(fix, 700);
	json = take(fix);
	assert_true(fits_schema(json));
	assert_int_equal(integer(json, "history/tick_ms"), 100);
	assert_int_equal(integer(json, "history/windows"), 600);
	assert_int_equal(integer(json, "history/span_ns"), 60 * SECOND_NS);
	expect_text(json, "history/start", "2026-09-21T14:14:20.000Z"); /* 10 s after attaching */
	expect_text(json, "taken_at", "2026-09-21T14:15:20.000Z");
	assert_int_equal(integer(json, "history/seq/0"), 101);
	json_object_foreach(at(json, "history/columns"), name, column)
		assert_int_equal(json_array_size(column), 600);
	column = at(json, "history/columns/http.server.requests");
	for (i = 0; i < 600; i++)
		sum += json_integer_value(json_array_get(column, i));
	assert_int_equal(sum, 3600);
	json_decref(json);
}

/* Counts of a heatmap, and whether its rows rise. */
static int64_t heat_sum(json_t *windows)
{
	size_t i, k;
	int64_t sum = 0;

	for (i = 0; i < json_array_size(windows); i++) {
		json_t *pairs = json_array_get(windows, i);

		assert_int_equal(json_array_size(pairs) % 2, 0);
		for (k = 0; k < json_array_size(pairs); k += 2) {
			assert_true(!k || json_integer_value(json_array_get(pairs, k - 2)) <
						  json_integer_value(json_array_get(pairs, k)));
			sum += json_integer_value(json_array_get(pairs, k + 1));
		}
	}
	return sum;
}

static int64_t column_sum(json_t *column)
{
	int64_t sum = 0;
	size_t i;

	for (i = 0; i < json_array_size(column); i++)
		sum += json_integer_value(json_array_get(column, i));
	return sum;
}

static void test_heat_counts_what_its_column_counts(void **state)
{
	struct fixture *fix = *state;
	json_t *json;

	apply_everything(fix, 700);
	json = take(fix);
	assert_true(fits_schema(json));
	assert_int_equal(json_array_size(at(json, "history/heat/lows_ns")), RQS_HEAT_ROWS);
	assert_int_equal(json_array_size(at(json, "history/heat/http.server.duration")), 600);
	assert_int_equal(heat_sum(at(json, "history/heat/http.server.duration")), 1800);
	assert_int_equal(heat_sum(at(json, "history/heat/runqueue.latency")),
			 column_sum(at(json, "history/columns/runqueue.latency.count")));
	json_decref(json);
}

static void expect_range(json_t *json, int64_t resolution_ms, size_t windows, int64_t requests)
{
	const char *name;
	json_t *column;

	assert_int_equal(json_integer_value(at(json, "resolution_ms")), resolution_ms);
	assert_int_equal(json_array_size(at(json, "t")), windows);
	assert_int_equal(json_array_size(at(json, "span_ms")), windows);
	json_object_foreach(at(json, "columns"), name, column)
		assert_int_equal(json_array_size(column), windows);
	assert_int_equal(column_sum(at(json, "columns/http.server.requests")), requests);
	assert_int_equal(heat_sum(at(json, "heat/http.server.duration")),
			 column_sum(at(json, "columns/http.server.duration.count")));
}

static void test_longer_ranges_come_as_they_are_needed(void **state)
{
	struct fixture *fix = *state;
	json_t *json;

	apply_everything(fix, 600);
	json = take(fix);
	assert_int_equal(json_array_size(at(json, "history/ranges")), 1);
	expect_range(at(json, "history/ranges/0"), 5000, 1, 6 * 50);
	assert_int_equal(integer(json, "history/ranges/0/columns/http.server.duration.max_ns/0"), 600 * MS);
	json_decref(json);
	apply_everything(fix, 100);
	json = take(fix);
	assert_int_equal(json_array_size(at(json, "history/ranges")), 2);
	expect_range(at(json, "history/ranges/1"), 200, 351, 6 * 700);
	json_decref(json);
	apply_everything(fix, 36000);
	json = take(fix);
	assert_true(fits_schema(json));
	assert_int_equal(json_array_size(at(json, "history/ranges")), 4);
	expect_range(at(json, "history/ranges/1"), 1000, 600, 6 * 6000);
	expect_range(at(json, "history/ranges/2"), 10000, 360, 6 * 36000);
	expect_range(at(json, "history/ranges/3"), 20000, 184, 6 * 36700);
	json_decref(json);
}

static void test_a_clock_that_was_never_set(void **state)
{
	struct fixture *fix = *state;
	json_t *json;

	for (uint32_t i = 0; i < 700; i++) {
		build_answers(&fix->build, build_service(&fix->build, &fix->ident), 200, 6, MS);
		fix->build.window.end_real_ns = fix->build.window.end_ns;
		apply(fix);
	}
	json = take(fix);
	assert_int_equal(json_array_size(at(json, "history/ranges")), 2);
	expect_range(at(json, "history/ranges/1"), 200, 351, 6 * 700);
	json_decref(json);
}

static void test_services_tell_their_last_seconds(void **state)
{
	struct fixture *fix = *state;
	json_t *json;

	apply_everything(fix, 200);
	json = take(fix);
	assert_int_equal(integer(json, "slow_ms"), 1000);
	assert_int_equal(integer(json, "services/0/slot"), 1);
	assert_true(json_is_true(at(json, "services/0/active")));
	assert_int_equal(integer(json, "services/0/recent/requests"), 600);
	assert_int_equal(integer(json, "services/0/recent/span_ms"), 10000);
	assert_int_equal(integer(json, "services/0/recent/duration/count"), 300);
	assert_int_equal(json_array_size(at(json, "services/0/spark")), RQS_SPARK_SECONDS);
	assert_true(json_is_null(at(json, "services/0/spark/39")));
	assert_int_equal(integer(json, "services/0/spark/59"), 60);
	assert_true(json_is_integer(at(json, "services/0/spark_p99_ns/59")));
	json_decref(json);
}

static void test_events_are_clean_and_name_their_service(void **state)
{
	struct fixture *fix = *state;
	json_t *json, *event = NULL;
	size_t i;

	apply_everything(fix, 2);
	json = take(fix);
	for (i = 0; i < json_array_size(at(json, "events/recent")); i++) {
		event = json_array_get(at(json, "events/recent"), i);
		if (!strcmp(json_string_value(at(event, "kind")), "slow_request"))
			break;
	}
	expect_text(event, "at", "2026-09-21T14:14:10.070Z");
	expect_text(event, "level", "warning");
	expect_text(event, "service", "nginx");
	assert_int_equal(integer(event, "port"), 8080);
	expect_text(event, "role", "server");
	assert_int_equal(integer(event, "slot"), 1);
	assert_int_equal(integer(event, "pid"), 71);
	expect_text(event, "text", "G\"T /\\x01\\x80/\\xe2\\x80\\xae 0 ns: 0 ns queued, 0 ns waiting for CPU, 0 ns on CPU, "
				   "0 ns blocked");
	json_decref(json);
}

static void test_what_is_not_measured_has_no_key(void **state)
{
	struct rqs_probe_status probes[] = { { .name = "http", .state = RQS_PROBE_OFF, .reason = "no BTF" },
					     { .name = "sched", .state = RQS_PROBE_OFF, .reason = "no BTF" } };
	struct fixture *fix = *state;
	json_t *json;

	rqs_model_set_probes(fix->model, probes, 2);
	apply(fix);
	json = take(fix);
	assert_true(fits_schema(json));
	assert_null(at(json, "totals/http/server"));
	assert_null(at(json, "totals/runqueue"));
	assert_null(at(json, "history/columns/http.server.requests"));
	assert_null(at(json, "history/columns/runqueue.switches"));
	expect_text(json, "coverage/probes/0/reason", "no BTF");
	json_decref(json);
}

static void test_huge_values_stay_valid(void **state)
{
	static struct rqs_service_ident idents[RQS_SLOT_MAX];
	static const struct rqs_bin bins[] = { { RQS_BUCKET_COUNT - 1, UINT32_MAX } };
	struct fixture *fix = *state;
	struct rqs_host host = *build_host();
	json_t *json;
	uint32_t i, m;

	host.name = "not \xff UTF-8 \"\\\n";
	rqs_model_free(fix->model);
	fix->model = rqs_model_new(&host);
	for (i = 0; i < RQS_SLOT_MAX; i++) {
		struct rqs_service_delta *delta = build_service(&fix->build, &idents[i]);

		memset(idents[i].name, 'a' + (int)i % 26, sizeof(idents[i].name) - 1);
		memset(idents[i].container, 'c', sizeof(idents[i].container) - 1);
		idents[i].slot = i;
		idents[i].port = (uint16_t)(65535 - i);
		delta->books.requests = delta->books.in_flight = INT64_MAX;
		delta->books.request_bytes = UINT64_MAX;
		delta->split.on_cpu_ns = UINT64_MAX;
		for (m = 0; m < RQS_METRIC_COUNT; m++)
			delta->dist[m] = (struct rqs_dist){ .count = UINT32_MAX, .sum_ns = UINT64_MAX, .min_ns = 1,
							    .max_ns = UINT64_MAX, .bins = bins, .bin_count = 1 };
	}
	build_vitals(&fix->build);
	fix->build.vitals.memory_total_bytes = UINT64_MAX - 1;
	fix->build.vitals.memory_available_bytes = 0;
	fix->build.vitals.load_1m = 1e12;
	fix->build.window.late_ns = UINT64_MAX;
	fix->build.window.switches = UINT64_MAX;
	for (i = 0; i < 20; i++) {
		uint64_t seq = fix->build.window.seq;

		assert_int_equal(rqs_model_apply(fix->model, &fix->build.window), 0);
		fix->build.window.seq = seq + 1;
	}
	json = take(fix);
	assert_true(fits_schema(json));
	assert_int_equal(json_array_size(at(json, "services")), RQS_SLOT_MAX);
	expect_text(json, "host/name", "not \\xff UTF-8 \"\\\n");
	json_decref(json);
}

/* A schema that takes everything would prove nothing. */
static void test_the_schema_refuses_what_breaks_the_contract(void **state)
{
	static const struct {
		const char *parent, *key; /* removed, or set to a text */
		bool remove;
	} cases[] = {
		{ "", "schema", true }, { "", "schema", false }, { "", "services", true }, { "tool", "name", false },
		{ "host", "cpus", false }, { "", "taken_at", false }, { "", "uptime_ns", false },
		{ "totals/http/server", "requests", true }, { "totals/http/server", "in_flight", false },
		{ "totals/http/server/duration", "p99_ns", true }, { "totals/http/server/duration", "sum_ns", false },
		{ "totals/http/server/split", "shared", true }, { "totals/http/server/status", "200", false },
		{ "totals/http/server/status", "2xx", false }, { "totals/runqueue/length", "now", false },
		{ "totals/memory", "used_bytes", false }, { "totals/cpu", "idle", false }, { "services/0", "pids", false },
		{ "services/0", "container", true }, { "services/0", "errors", true }, { "services/0", "port", false },
		{ "history", "columns", true }, { "history/columns", "http.server.requests", false },
		{ "", "slow_ms", false }, { "history", "heat", false }, { "history/heat", "lows_ns", true },
		{ "history/heat", "http.server.duration", false }, { "history", "ranges", false },
		{ "history/ranges/0", "columns", true }, { "history/ranges/0", "resolution_ms", false },
		{ "services/0", "spark", false }, { "services/0/recent", "span_ms", true }, { "services/0", "active", false },
		{ "events/recent/0", "at", false }, { "events/recent/0", "level", false }, { "events", "counts", true },
		{ "coverage/lost", "unmatched", true }, { "coverage", "probes", false }, { "self", "rss_bytes", false },
	};
	struct fixture *fix = *state;
	json_t *json, *all = json_array(), *broken, *parent;
	int taken;
	size_t i;

	apply_everything(fix, 12);
	json = take(fix);
	assert_true(fits_schema(json));
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		broken = json_deep_copy(json);
		json_array_append_new(all, broken);
		parent = at(broken, cases[i].parent);
		assert_true(json_is_object(parent));
		if (cases[i].remove)
			assert_int_equal(json_object_del(parent, cases[i].key), 0);
		else
			json_object_set_new(parent, cases[i].key, json_string("wrong"));
	}
	taken = first_that_fits(all);
	if (taken >= 0)
		fail_msg("the schema takes %s/%s %s", cases[taken].parent, cases[taken].key,
			 cases[taken].remove ? "missing" : "wrong");
	json_decref(all);
	json_object_set_new(json, "added", json_true()); /* others may be added */
	json_object_set_new(at(json, "services/0"), "added", json_true());
	assert_true(fits_schema(json));
	json_decref(json);
}

#define with_model(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_model(test_an_empty_one_fits_the_schema),
		with_model(test_a_full_one_fits_the_schema),
		with_model(test_history_is_the_last_minute),
		with_model(test_heat_counts_what_its_column_counts),
		with_model(test_longer_ranges_come_as_they_are_needed),
		with_model(test_a_clock_that_was_never_set),
		with_model(test_services_tell_their_last_seconds),
		with_model(test_events_are_clean_and_name_their_service),
		with_model(test_what_is_not_measured_has_no_key),
		with_model(test_huge_values_stay_valid),
		with_model(test_the_schema_refuses_what_breaks_the_contract),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
