// SPDX-License-Identifier: GPL-2.0-only
#include "build_window.h"

#include "frame.h"

static void test_good_requests(void **state)
{
	static const struct {
		const char *text;
		struct rqs_request expected;
	} cases[] = {
		{ "{\"type\":\"ping\"}", { .kind = RQS_REQUEST_PING } },
		{ " {\"type\":\"ping\", \"more\": [1, {\"a\": null}]}\n", { .kind = RQS_REQUEST_PING } },
		{ "{\"type\":\"subscribe\",\"rate_ms\":100}", { .kind = RQS_REQUEST_SUBSCRIBE, .rate_ms = 100 } },
		{ "{\"type\":\"subscribe\",\"rate_ms\":250}", { .kind = RQS_REQUEST_SUBSCRIBE, .rate_ms = 250 } },
		{ "{\"type\":\"subscribe\",\"rate_ms\":5e2}", { .kind = RQS_REQUEST_SUBSCRIBE, .rate_ms = 500 } },
		{ "{\"rate_ms\":1000.0,\"type\":\"subscribe\"}", { .kind = RQS_REQUEST_SUBSCRIBE, .rate_ms = 1000 } },
		{ "{\"type\":\"history\",\"id\":1,\"from_ms\":1790000000000,\"to_ms\":1790000060000.7,\"points\":600}",
		  { .kind = RQS_REQUEST_HISTORY, .id = 1, .from_ms = 1790000000000, .to_ms = 1790000060000,
		    .points = 600 } },
		{ "{\"type\":\"history\",\"id\":4294967295,\"from_ms\":0,\"to_ms\":9000000000000,\"points\":2000}",
		  { .kind = RQS_REQUEST_HISTORY, .id = UINT32_MAX, .to_ms = 9000000000000, .points = 2000 } },
		{ "{\"type\":\"watch\",\"slot\":5}", { .kind = RQS_REQUEST_WATCH, .has_slot = true, .slot = 5 } },
		{ "{\"type\":\"watch\",\"slot\":0}", { .kind = RQS_REQUEST_WATCH, .has_slot = true } },
		{ "{\"type\":\"watch\",\"slot\":null}", { .kind = RQS_REQUEST_WATCH } },
		{ "{\"type\":\"history\",\"id\":3,\"from_ms\":5,\"to_ms\":6,\"points\":2,\"slot\":9}",
		  { .kind = RQS_REQUEST_HISTORY, .id = 3, .from_ms = 5, .to_ms = 6, .points = 2, .has_slot = true, .slot = 9 } },
		{ "{\"type\":\"history\",\"id\":3,\"from_ms\":5,\"to_ms\":6,\"points\":2,\"slot\":null}",
		  { .kind = RQS_REQUEST_HISTORY, .id = 3, .from_ms = 5, .to_ms = 6, .points = 2 } },
		{ "{\"type\":\"look\",\"inflight\":true}", { .kind = RQS_REQUEST_LOOK, .inflight = true } },
		{ "{\"type\":\"look\",\"inflight\":false}", { .kind = RQS_REQUEST_LOOK } },
		{ "{\"type\":\"history\",\"id\":0,\"from_ms\":5,\"to_ms\":5,\"points\":1}",
		  { .kind = RQS_REQUEST_HISTORY, .from_ms = 5, .to_ms = 5, .points = 1 } },
	};
	char error[160];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rqs_request request;

		memset(&request, 0xaa, sizeof(request));
		if (rqs_request_parse(cases[i].text, strlen(cases[i].text), &request, error))
			fail_msg("%s: %s", cases[i].text, error);
		assert_int_equal(request.kind, cases[i].expected.kind);
		assert_int_equal(request.rate_ms, cases[i].expected.rate_ms);
		assert_int_equal(request.id, cases[i].expected.id);
		assert_int_equal(request.from_ms, cases[i].expected.from_ms);
		assert_int_equal(request.to_ms, cases[i].expected.to_ms);
		assert_int_equal(request.points, cases[i].expected.points);
		assert_int_equal(request.has_slot, cases[i].expected.has_slot);
		assert_int_equal(request.slot, cases[i].expected.slot);
		assert_int_equal(request.inflight, cases[i].expected.inflight);
	}
}

#define HISTORY(id, from, to, points) \
	"{\"type\":\"history\",\"id\":" id ",\"from_ms\":" from ",\"to_ms\":" to ",\"points\":" points "}"

static void expect_refused(const char *text, size_t bytes)
{
	struct rqs_request request, untouched;
	char *copy = malloc(bytes + 1); /* exact: no NUL that a parser could lean on */
	char error[160];

	memset(&request, 0x55, sizeof(request));
	memset(&untouched, 0x55, sizeof(untouched));
	memset(error, 'x', sizeof(error));
	copy = realloc(copy, bytes ? bytes : 1);
	memcpy(copy, text, bytes);
	if (rqs_request_parse(copy, bytes, &request, error) != -EINVAL)
		fail_msg("accepted: %.*s", (int)bytes, text);
	assert_memory_equal(&request, &untouched, sizeof(request));
	assert_in_range(strnlen(error, sizeof(error)), 10, 159);
	assert_int_equal(error[strlen(error) - 1], '.');
	free(copy);
}

static void test_bad_requests(void **state)
{
	static const char *const cases[] = {
		"", " ", "{", "}", "null", "true", "1", "\"ping\"", "[]", "[{\"type\":\"ping\"}]", "{}", "{\"type\":1}",
		"{\"type\":null}", "{\"type\":[\"ping\"]}", "{\"type\":\"\"}", "{\"type\":\"pong\"}", "{\"Type\":\"ping\"}",
		"{\"type\":\"ping\"}x", "{\"type\":\"ping\"}{\"type\":\"ping\"}", "{'type':'ping'}", "{\"type\":\"ping\",}",
		"{\"type\":\"ping\",\"type\":\"ping\"}", "{\"type\":\"pi\\u0000ng\"}", "{\"type\":\"\\ud800\"}",
		"{\"type\":\"ping\xff\"}", "{\"type\":\"ping\",\"x\":\"\xc0\x80\"}", "{\"type\":\"ping\",\"x\":NaN}",
		"{\"type\":\"ping\",\"x\":1e999}", "{\"type\":\"ping\",\"x\":99999999999999999999}",
		"{\"type\":\"watch\"}", "{\"type\":\"watch\",\"slot\":-1}", "{\"type\":\"watch\",\"slot\":1.5}",
		"{\"type\":\"watch\",\"slot\":\"5\"}", "{\"type\":\"watch\",\"slot\":65536}", "{\"type\":\"watch\",\"slot\":true}",
		"{\"type\":\"look\"}", "{\"type\":\"look\",\"inflight\":null}", "{\"type\":\"look\",\"inflight\":1}",
		"{\"type\":\"look\",\"inflight\":\"true\"}", "{\"type\":\"subscribe\"}", "{\"type\":\"subscribe\",\"rate_ms\":\"250\"}",
		"{\"type\":\"subscribe\",\"rate_ms\":0}", "{\"type\":\"subscribe\",\"rate_ms\":-250}",
		"{\"type\":\"subscribe\",\"rate_ms\":251}", "{\"type\":\"subscribe\",\"rate_ms\":250.5}",
		"{\"type\":\"subscribe\",\"rate_ms\":4294967546}", "{\"type\":\"subscribe\",\"rate_ms\":null}",
		"{\"type\":\"subscribe\",\"rate_ms\":NaN}", "{\"type\":\"subscribe\",\"rate_ms\":[250]}",
		"{\"type\":\"subscribe\",\"rate_ms\":true}", "{\"type\":\"history\"}",
		HISTORY("-1", "1", "2", "3"), HISTORY("1.5", "1", "2", "3"), HISTORY("4294967296", "1", "2", "3"),
		HISTORY("\"1\"", "1", "2", "3"), HISTORY("null", "1", "2", "3"), HISTORY("1", "-1", "2", "3"),
		HISTORY("1", "1", "9000000000001", "3"), HISTORY("1", "1e300", "1e301", "3"),
		HISTORY("1", "Infinity", "2", "3"), HISTORY("1", "3", "2", "3"), HISTORY("1", "\"1\"", "2", "3"),
		HISTORY("1", "1", "{}", "3"), HISTORY("1", "1", "2", "0"), HISTORY("1", "1", "2", "2001"),
		HISTORY("1", "1", "2", "-5"), HISTORY("1", "1", "2", "1.5"), HISTORY("1", "1", "2", "\"3\""),
		HISTORY("1", "1", "2", "null"), "{\"type\":\"history\",\"id\":1,\"from_ms\":1,\"to_ms\":2}",
		"{\"type\":\"history\",\"from_ms\":1,\"to_ms\":2,\"points\":5}",
		"{\"type\":\"history\",\"id\":1,\"from_ms\":1,\"to_ms\":2,\"points\":5,\"slot\":256}",
		"{\"type\":\"history\",\"id\":1,\"from_ms\":1,\"to_ms\":2,\"points\":5,\"slot\":\"5\"}",
		"{\"type\":\"history\",\"id\":1,\"from_ms\":1,\"to_ms\":2,\"points\":5,\"slot\":-1}",
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_refused(cases[i], strlen(cases[i]));
	expect_refused("{\"type\":\"ping\"}\0", 16);
}

static void test_long_and_deep_requests(void **state)
{
	char text[1100];
	struct rqs_request request;
	char error[160];
	size_t i;

	memset(text, ' ', sizeof(text));
	memcpy(text, "{\"type\":\"ping\"}", 15);
	assert_int_equal(rqs_request_parse(text, 1024, &request, error), 0);
	expect_refused(text, 1025);
	memset(text, '[', 1024);
	expect_refused(text, 1024);
	for (i = 0; i + 5 <= 1024; i += 5)
		memcpy(text + i, "{\"a\":", 5);
	expect_refused(text, i);
}

static void test_any_bytes_as_requests(void **state)
{
	static const char seed_text[] = HISTORY("1", "1790000000000", "1790000060000", "600");
	uint64_t seed = 6;
	uint32_t round, i;

	for (round = 0; round < 20000; round++) {
		char text[sizeof(seed_text)];
		struct rqs_request request;
		char error[160];

		memcpy(text, seed_text, sizeof(text));
		for (i = 0; i <= round % 4; i++)
			text[build_random(&seed) % (sizeof(text) - 1)] = (char)build_random(&seed);
		if (rqs_request_parse(text, build_random(&seed) % sizeof(text), &request, error))
			continue;
		assert_in_range(request.points, 1, RQS_HISTORY_POINTS_MAX);
		assert_true(request.from_ms >= 0 && request.from_ms <= request.to_ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_requests),
		cmocka_unit_test(test_bad_requests),
		cmocka_unit_test(test_long_and_deep_requests),
		cmocka_unit_test(test_any_bytes_as_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
