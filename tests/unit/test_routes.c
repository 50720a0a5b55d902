// SPDX-License-Identifier: GPL-2.0-only
#include "build_window.h"

#include <jansson.h>

#include "encode_routes.h"
#include "frame.h"

#define NAMED(place) (uint16_t)(RQS_ROUTE_FIRST + (place))

struct fixture {
	struct rqs_model *model;
	struct build build;
	struct rqs_service_ident nginx, node;
	struct rqs_route_delta deltas[RQS_ROUTE_IDS];
	struct rqs_route_ident idents[RQS_ROUTE_IDS];
};

static int setup(void **state)
{
	struct fixture *fix = calloc(1, sizeof(*fix));

	assert_non_null(fix);
	fix->model = rqs_model_new(build_host());
	assert_non_null(fix->model);
	fix->nginx = build_ident(5, "nginx", 80);
	fix->node = build_ident(6, "node", 3000);
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

static struct rqs_route_delta *route(struct fixture *fix, uint16_t id, uint32_t slot, uint64_t requests)
{
	struct rqs_window *window = &fix->build.window;
	struct rqs_route_delta *delta = &fix->deltas[window->route_count++];

	window->routes = fix->deltas;
	*delta = (struct rqs_route_delta){ .id = id, .slot = slot, .requests = requests, .responses = requests };
	return delta;
}

static struct rqs_route_delta *begin(struct fixture *fix, uint16_t id, uint32_t slot, const char *path, uint64_t requests)
{
	struct rqs_route_ident *ident = &fix->idents[fix->build.window.route_count];
	struct rqs_route_delta *delta = route(fix, id, slot, requests);

	*ident = (struct rqs_route_ident){ .method = "GET", .slot = slot };
	snprintf(ident->path, sizeof(ident->path), "%s", path);
	delta->ident = ident;
	return delta;
}

static void serve(struct fixture *fix, const struct rqs_service_ident *ident, uint32_t requests)
{
	build_answers(&fix->build, build_service(&fix->build, ident), 200, requests, MS);
}

static void apply(struct fixture *fix)
{
	uint64_t seq = fix->build.window.seq;

	assert_int_equal(rqs_model_apply(fix->model, &fix->build.window), 0);
	build_tick(&fix->build, seq + 1);
}

static void pass(struct fixture *fix, uint32_t ticks)
{
	while (ticks--)
		apply(fix);
}

static json_t *routes_of(struct fixture *fix, uint32_t slot)
{
	const struct rqs_service *service = rqs_services_of_slot(&fix->model->services, slot);
	struct rqs_json json = { 0 };
	size_t bytes;
	char *text;
	json_t *list;

	assert_non_null(service);
	rqs_encode_routes(&json, fix->model, service, true);
	assert_int_equal(rqs_json_finish(&json, &text, &bytes), 0);
	list = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(list);
	free(text);
	return list;
}

static json_int_t number(const json_t *item, const char *key)
{
	assert_true(json_is_integer(json_object_get(item, key)));
	return json_integer_value(json_object_get(item, key));
}

/* One route of the list: its path (NULL: the rest) and requests. */
static void expect(json_t *list, size_t index, const char *path, json_int_t requests)
{
	json_t *item = json_array_get(list, index);

	assert_non_null(item);
	if (path)
		assert_string_equal(json_string_value(json_object_get(item, "path")), path);
	else
		assert_true(json_is_null(json_object_get(item, "path")) && json_is_null(json_object_get(item, "method")));
	assert_int_equal(number(item, "requests"), requests);
}

static void expect_routes(struct fixture *fix, uint32_t slot, size_t count, const char *const *paths, const json_int_t *requests)
{
	json_t *list = routes_of(fix, slot);

	assert_int_equal(json_array_size(list), count);
	for (size_t i = 0; i < count; i++)
		expect(list, i, paths[i], requests[i]);
	json_decref(list);
}

#define EXPECT_ROUTES(fix, slot, paths, ...)                                                                 \
	expect_routes(fix, slot, sizeof((const json_int_t[]){ __VA_ARGS__ }) / sizeof(json_int_t), (const char *const[])paths, \
		      (const json_int_t[]){ __VA_ARGS__ })
#define PATHS(...) { __VA_ARGS__ }

static void test_the_busiest_come_first_and_the_rest_last(void **state)
{
	struct fixture *fix = *state;

	serve(fix, &fix->nginx, 111);
	serve(fix, &fix->node, 7);
	begin(fix, NAMED(0), 5, "/a", 1);
	begin(fix, NAMED(1), 5, "/b", 10);
	begin(fix, NAMED(2), 6, "/a", 7);
	route(fix, 5, 5, 100);
	apply(fix);
	EXPECT_ROUTES(fix, 5, PATHS("/b", "/a", NULL), 10, 1, 100);
	EXPECT_ROUTES(fix, 6, PATHS("/a"), 7);
	assert_int_equal(fix->model->routes.untold, 100);
	/* of the last seconds */
	pass(fix, 200);
	serve(fix, &fix->nginx, 2);
	route(fix, NAMED(0), 5, 2);
	apply(fix);
	pass(fix, 10);
	EXPECT_ROUTES(fix, 5, PATHS("/a", "/b", NULL), 3, 10, 100);
}

static void test_recent_is_the_last_ten_seconds(void **state)
{
	struct fixture *fix = *state;
	struct rqs_bin bins[2] = { { 40, 3 }, { 80, 1 } };
	struct rqs_route_delta *delta;
	json_t *list, *recent;

	serve(fix, &fix->nginx, 4);
	delta = begin(fix, NAMED(0), 5, "/a", 4);
	delta->errors = 1;
	delta->duration = (struct rqs_dist){ .count = 4, .sum_ns = 100, .min_ns = rqs_coarse_mid(40), .max_ns = rqs_coarse_mid(80),
					     .bins = bins, .bin_count = 2 };
	apply(fix);
	memset(bins, 0xff, sizeof(bins)); /* it was copied */
	pass(fix, 9);
	list = routes_of(fix, 5);
	recent = json_object_get(json_array_get(list, 0), "recent");
	assert_int_equal(number(recent, "requests"), 4);
	assert_int_equal(number(recent, "errors"), 1);
	assert_int_equal(number(recent, "span_ms"), 1000);
	assert_int_equal(number(json_object_get(recent, "duration"), "count"), 4);
	assert_int_equal(number(json_object_get(recent, "duration"), "p50_ns"), rqs_coarse_mid(40));
	assert_int_equal(number(json_object_get(recent, "duration"), "p999_ns"), rqs_coarse_mid(80));
	assert_int_equal(number(json_object_get(recent, "duration"), "max_ns"), rqs_coarse_mid(80));
	json_decref(list);
	pass(fix, 100);
	list = routes_of(fix, 5);
	expect(list, 0, "/a", 4);
	recent = json_object_get(json_array_get(list, 0), "recent");
	assert_int_equal(number(recent, "requests"), 0);
	assert_int_equal(number(json_object_get(recent, "duration"), "count"), 0);
	assert_true(json_is_null(json_object_get(json_object_get(recent, "duration"), "p50_ns")));
	assert_int_equal(number(json_object_get(json_array_get(list, 0), "duration"), "count"), 4);
	json_decref(list);
}

/* Many slots (a service in many network namespaces), the same routes. */
static void test_ids_of_the_same_route_are_one(void **state)
{
	struct fixture *fix = *state;
	struct rqs_service_ident again = build_ident(9, "nginx", 80);

	serve(fix, &fix->nginx, 1);
	begin(fix, NAMED(0), 5, "/a", 1);
	apply(fix);
	serve(fix, &again, 2);
	begin(fix, NAMED(1), 9, "/a", 2);
	apply(fix);
	EXPECT_ROUTES(fix, 5, PATHS("/a"), 3);
	route(fix, NAMED(0), 5, 0)->ended = true;
	apply(fix);
	serve(fix, &again, 2);
	route(fix, NAMED(1), 9, 2);
	apply(fix);
	EXPECT_ROUTES(fix, 5, PATHS("/a"), 5);
}

static void test_a_name_stays_while_there_is_room(void **state)
{
	struct fixture *fix = *state;

	serve(fix, &fix->nginx, 1);
	begin(fix, NAMED(0), 5, "/a", 1);
	apply(fix);
	route(fix, NAMED(0), 5, 0)->ended = true;
	apply(fix);
	EXPECT_ROUTES(fix, 5, PATHS("/a"), 1);
	/* it comes again under another id, and its id for another one */
	serve(fix, &fix->nginx, 5);
	begin(fix, NAMED(7), 5, "/a", 2);
	begin(fix, NAMED(0), 5, "/b", 3);
	apply(fix);
	EXPECT_ROUTES(fix, 5, PATHS("/a", "/b"), 3, 3);
	assert_int_equal(fix->model->routes.untold, 0);
}

static void test_what_ends_for_want_of_room_becomes_the_rest(void **state)
{
	struct fixture *fix = *state;
	char path[16];
	json_t *list;

	serve(fix, &fix->nginx, RQS_ROUTES_NAMED);
	for (uint32_t i = 0; i < RQS_ROUTES_NAMED; i++) {
		snprintf(path, sizeof(path), "/%u", i);
		begin(fix, NAMED(i), 5, path, 1);
	}
	apply(fix);
	serve(fix, &fix->nginx, 3);
	for (uint32_t i = 0; i < 60; i++)
		route(fix, NAMED(i), 5, i < 3)->ended = true;
	apply(fix);
	list = routes_of(fix, 5);
	assert_int_equal(json_array_size(list), RQS_ROUTES_STAY + 1);
	expect(list, RQS_ROUTES_STAY, NULL, 56 + 3);
	assert_int_equal(number(json_object_get(json_array_get(list, RQS_ROUTES_STAY), "recent"), "requests"), 0); /* no second is over */
	json_decref(list);
	assert_int_equal(fix->model->routes.untold, 59);
	pass(fix, 10);
	list = routes_of(fix, 5);
	assert_int_equal(number(json_object_get(json_array_get(list, RQS_ROUTES_STAY), "recent"), "requests"), 59);
	json_decref(list);
}

static void test_the_remainder_of_a_role_has_no_routes(void **state)
{
	struct fixture *fix = *state;
	struct rqs_service_ident rest = build_ident(0, "other", 0);

	serve(fix, &rest, 9);
	begin(fix, NAMED(0), 0, "/a", 4);
	route(fix, 0, 0, 5);
	apply(fix);
	EXPECT_ROUTES(fix, 0, PATHS(NULL), 9);
}

/* The list of services is full, and one after the other passes to a new one: what they did is still there. */
static void test_places_of_services_pass_on(void **state)
{
	struct fixture *fix = *state;
	static struct rqs_service_ident idents[3 * RQS_SLOT_MAX];
	uint64_t requests = 0, told = 0;
	struct rqs_route_view views[RQS_ROUTES_NAMED + 1];

	for (uint32_t i = 0; i < 3 * RQS_SLOT_MAX; i++) {
		uint32_t slot = RQS_ROLE_COUNT + i % (RQS_SLOT_MAX - RQS_ROLE_COUNT);
		char path[16];

		idents[i] = build_ident(slot, "s", (uint16_t)(1000 + i));
		idents[i].role = i % 5 == 0 ? RQS_ROLE_CLIENT : RQS_ROLE_SERVER;
		serve(fix, &idents[i], 1 + i);
		snprintf(path, sizeof(path), "/%u", i);
		if (i >= RQS_SLOT_MAX) {
			route(fix, NAMED(i % RQS_ROUTES_NAMED), slot, 0)->ended = true;
			apply(fix);
			serve(fix, &idents[i], 0);
		}
		begin(fix, NAMED(i % RQS_ROUTES_NAMED), slot, path, i);
		route(fix, (uint16_t)slot, slot, 1);
		apply(fix);
		requests += 1 + i;
	}
	for (uint32_t i = 0; i < fix->model->services.count; i++) {
		uint32_t count = rqs_routes_of(&fix->model->routes, i, views);
		uint64_t sum = 0;

		for (uint32_t k = 0; k < count; k++)
			sum += views[k].route->total.requests;
		assert_int_equal(sum, fix->model->services.list[i].totals.books.requests);
		told += sum;
	}
	assert_int_equal(told, requests);
}

static void test_percentiles_are_null_where_buckets_are_lost(void **state)
{
	struct fixture *fix = *state;
	static struct rqs_bin bins[RQS_COARSE_COUNT];
	struct rqs_coarse duration;

	for (uint32_t i = 0; i < RQS_COARSE_COUNT; i++)
		bins[i] = (struct rqs_bin){ i, 1 };
	for (uint32_t round = 0; round < 2; round++) {
		serve(fix, &fix->nginx, 0);
		for (uint32_t i = 0; i < RQS_ROUTES_NAMED; i++) {
			struct rqs_route_delta *delta;
			char path[16];

			snprintf(path, sizeof(path), "/%u", i);
			delta = round ? route(fix, NAMED(i), 5, 0) : begin(fix, NAMED(i), 5, path, 0);
			delta->duration = (struct rqs_dist){ .count = RQS_COARSE_COUNT, .bins = bins, .bin_count = RQS_COARSE_COUNT };
		}
		pass(fix, 10);
	}
	assert_false(rqs_routes_recent(&fix->model->routes, &fix->model->routes.named[0], &duration));
	assert_int_equal(duration.count, 2 * RQS_COARSE_COUNT);
	assert_true(rqs_routes_recent(&fix->model->routes, &fix->model->routes.named[RQS_ROUTES_NAMED - 1], &duration));
}

static json_t *frame_of(struct fixture *fix, uint32_t slot, uint64_t service)
{
	struct rqs_text text = rqs_frame_routes(fix->model, slot, service);
	json_t *frame = json_loadb(text.data, text.bytes, JSON_REJECT_DUPLICATES, NULL);

	free(text.data);
	assert_non_null(frame);
	assert_string_equal(json_string_value(json_object_get(frame, "type")), "routes");
	assert_int_equal(number(frame, "slot"), slot);
	assert_int_equal(number(frame, "over_ms"), 10000);
	return frame;
}

static void test_the_frame_of_a_slot_that_passes_on_says_so(void **state)
{
	struct fixture *fix = *state;
	struct rqs_service_ident java = build_ident(5, "java", 8000);
	uint64_t nginx;
	json_t *frame;

	assert_int_equal(rqs_model_service(fix->model, 5), 0);
	assert_int_equal(rqs_model_service(fix->model, RQS_SLOT_MAX), 0);
	serve(fix, &fix->nginx, 3);
	begin(fix, NAMED(0), 5, "/a", 2);
	route(fix, 5, 5, 1);
	pass(fix, 1);
	nginx = rqs_model_service(fix->model, 5);
	assert_true(nginx > 0);
	frame = frame_of(fix, 5, nginx);
	assert_null(json_object_get(frame, "ended"));
	assert_int_equal(json_array_size(json_object_get(frame, "items")), 2);
	expect(json_object_get(frame, "items"), 0, "/a", 2);
	expect(json_object_get(frame, "items"), 1, NULL, 1);
	json_decref(frame);

	serve(fix, &java, 1);
	pass(fix, 1);
	assert_true(rqs_model_service(fix->model, 5) > nginx);
	frame = frame_of(fix, 5, nginx);
	assert_true(json_is_true(json_object_get(frame, "ended")));
	assert_int_equal(json_array_size(json_object_get(frame, "items")), 0);
	json_decref(frame);
}

static void test_coarse_buckets(void **state)
{
	struct rqs_coarse *coarse = calloc(1, sizeof(*coarse));
	const struct rqs_bin far = { 5000, 2 };
	uint64_t value, random = 9;

	assert_int_equal(rqs_coarse_of(0), 0);
	assert_int_equal(rqs_coarse_of(RQS_BUCKET_COUNT - 1), RQS_COARSE_COUNT - 1);
	for (uint32_t i = 0; i < 100000; i++) {
		uint64_t mid;

		value = build_random(&random) >> (28 + i % 25);
		if (value < 1024)
			continue;
		mid = rqs_coarse_mid(rqs_coarse_of(rqs_bucket_index(value)));
		assert_true(mid * 16 <= value * 17 && mid * 16 >= value * 15);
	}
	assert_int_equal(rqs_coarse_quantile_ns(coarse, 500), 0);
	rqs_coarse_add_bins(coarse, &far, 1);
	rqs_coarse_add_summary(coarse, 2, 0, 1, 1ULL << 37);
	rqs_coarse_add_summary(coarse, 0, 7, 0, UINT64_MAX);
	assert_int_equal(coarse->max_ns, 1ULL << 37);
	assert_int_equal(rqs_coarse_quantile_ns(coarse, 500), 1ULL << RQS_BUCKET_MAX_BITS);
	free(coarse);
}

#define with_model(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_model(test_the_busiest_come_first_and_the_rest_last),
		with_model(test_recent_is_the_last_ten_seconds),
		with_model(test_ids_of_the_same_route_are_one),
		with_model(test_a_name_stays_while_there_is_room),
		with_model(test_what_ends_for_want_of_room_becomes_the_rest),
		with_model(test_the_remainder_of_a_role_has_no_routes),
		with_model(test_places_of_services_pass_on),
		with_model(test_percentiles_are_null_where_buckets_are_lost),
		with_model(test_the_frame_of_a_slot_that_passes_on_says_so),
		cmocka_unit_test(test_coarse_buckets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
