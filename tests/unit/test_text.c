// SPDX-License-Identifier: GPL-2.0-only
#include "build_window.h"

#include "phrase.h"
#include "text.h"

#define BYTES(literal) literal, sizeof(literal) - 1

static const struct {
	const char *what;
	const char *src;
	size_t src_bytes;
	const char *expected;
} cases[] = {
	{ "plain", BYTES("GET /a?b"), "GET /a?b" },
	{ "empty", BYTES(""), "" },
	{ "NUL ends", BYTES("ab\0cd"), "ab" },
	{ "control bytes", BYTES("a\n\r\t\x1b[0m\x01\x7f"), "a\\x0a\\x0d\\x09\\x1b[0m\\x01\\x7f" },
	{ "two bytes", BYTES("caf\xc3\xa9"), "caf\xc3\xa9" },
	{ "three bytes", BYTES("\xe2\x82\xac"), "\xe2\x82\xac" },
	{ "four bytes", BYTES("\xf0\x9f\x98\x80"), "\xf0\x9f\x98\x80" },
	{ "last code point", BYTES("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf" },
	{ "beyond the last", BYTES("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80" },
	{ "C1 as UTF-8", BYTES("\xc2\x85\xc2\x9f\xc2\xa0"), "\\xc2\\x85\\xc2\\x9f\xc2\xa0" },
	{ "C1 as a byte", BYTES("\x85"), "\\x85" },
	{ "continuation alone", BYTES("a\x80\xbf"), "a\\x80\\xbf" },
	{ "overlong, two", BYTES("\xc0\x80\xc1\xbf"), "\\xc0\\x80\\xc1\\xbf" },
	{ "overlong, three", BYTES("\xe0\x80\xaf"), "\\xe0\\x80\\xaf" },
	{ "overlong, four", BYTES("\xf0\x8f\xbf\xbf"), "\\xf0\\x8f\\xbf\\xbf" },
	{ "surrogate", BYTES("\xed\xa0\x80"), "\\xed\\xa0\\x80" },
	{ "before surrogates", BYTES("\xed\x9f\xbf"), "\xed\x9f\xbf" },
	{ "never valid", BYTES("\xff\xfe\xf5\xf8"), "\\xff\\xfe\\xf5\\xf8" },
	{ "cut by the end", BYTES("a\xe2\x82"), "a\\xe2\\x82" },
	{ "cut by another", BYTES("\xe2\x82z"), "\\xe2\\x82z" },
	{ "cut by a NUL", BYTES("\xe2\0\xac"), "\\xe2" },
	{ "right to left override", BYTES("\xe2\x80\xae" "exe"), "\\xe2\\x80\\xae" "exe" },
	{ "first of the embeddings", BYTES("\xe2\x80\xaa"), "\\xe2\\x80\\xaa" },
	{ "before the embeddings", BYTES("\xe2\x80\xa9"), "\xe2\x80\xa9" },
	{ "behind the overrides", BYTES("\xe2\x80\xaf"), "\xe2\x80\xaf" },
	{ "isolates", BYTES("\xe2\x81\xa6\xe2\x81\xa9"), "\\xe2\\x81\\xa6\\xe2\\x81\\xa9" },
	{ "around the isolates", BYTES("\xe2\x81\xa5\xe2\x81\xaa"), "\xe2\x81\xa5\xe2\x81\xaa" },
};

static void test_hostile_bytes_come_out_clean(void **state)
{
	char dst[256];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t bytes = rqs_text_clean(dst, sizeof(dst), cases[i].src, cases[i].src_bytes);

		if (strcmp(dst, cases[i].expected))
			fail_msg("%s: \"%s\" instead of \"%s\"", cases[i].what, dst, cases[i].expected);
		assert_int_equal(bytes, strlen(dst));
	}
}

static bool is_clean(const char *text)
{
	size_t left = strlen(text), bytes;

	for (; left; left -= bytes, text += bytes) {
		bytes = rqs_text_utf8_bytes(text, left);
		if (!bytes || (unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	}
	return true;
}

static void test_any_bytes_fit_and_are_clean(void **state)
{
	uint64_t seed = 7;
	uint32_t i, j;

	for (i = 0; i < 20000; i++) {
		size_t src_bytes = build_random(&seed) % 40, dst_bytes = 1 + build_random(&seed) % 60, bytes;
		char *src = malloc(src_bytes + 1), *dst = malloc(dst_bytes); /* exact, so that ASan sees one byte too far */

		for (j = 0; j < src_bytes; j++)
			src[j] = (char)(build_random(&seed) >> (i & 1 ? 0 : 57));
		src = realloc(src, src_bytes ? src_bytes : 1);
		bytes = rqs_text_clean(dst, dst_bytes, src, src_bytes);
		assert_true(bytes < dst_bytes);
		assert_int_equal(strlen(dst), bytes);
		assert_true(is_clean(dst));
		free(src);
		free(dst);
	}
}

static void test_cut_at_whole_characters(void **state)
{
	char dst[16];

	assert_int_equal(rqs_text_clean(dst, 1, "abc", 3), 0);
	assert_string_equal(dst, "");
	rqs_text_clean(dst, 3, "abc", 3);
	assert_string_equal(dst, "ab");
	rqs_text_clean(dst, 4, "ab\xc3\xa9", 4); /* the last has no room for both bytes */
	assert_string_equal(dst, "ab");
	rqs_text_clean(dst, 5, "ab\xc3\xa9", 4);
	assert_string_equal(dst, "ab\xc3\xa9");
	rqs_text_clean(dst, 6, "ab\x01", 3);
	assert_string_equal(dst, "ab");
	rqs_text_clean(dst, 7, "ab\x01", 3);
	assert_string_equal(dst, "ab\\x01");
	rqs_text_clean(dst, 12, "\xe2\x80\xae", 3); /* twelve bytes and a NUL */
	assert_string_equal(dst, "");
}

static void test_durations_for_people(void **state)
{
	static const struct {
		uint64_t duration_ns;
		const char *expected;
	} durations[] = {
		{ 0, "0 ns" }, { 999, "999 ns" }, { 1000, "1 \302\265s" }, { 999499, "999 \302\265s" },
		{ 999500, "1 ms" }, { 3000000, "3 ms" }, { 3449999, "3.4 ms" }, { 3450000, "3.5 ms" },
		{ 9949999, "9.9 ms" }, { 9950000, "10 ms" }, { 180 * MS, "180 ms" }, { 999499999, "999 ms" },
		{ 999500000, "1 s" }, { 1006 * MS, "1.01 s" }, { 1100 * MS, "1.1 s" }, { 1210 * MS, "1.21 s" },
		{ 9994999999, "9.99 s" }, { 9995000000, "10 s" }, { 12340 * MS, "12.3 s" },
		{ 59949999999, "59.9 s" }, { 59950000000, "1 min 0 s" }, { 250 * SECOND_NS, "4 min 10 s" },
		{ UINT64_MAX, "307445734 min 34 s" },
	};
	char text[RQS_DURATION_TEXT_MAX];
	size_t i;

	for (i = 0; i < sizeof(durations) / sizeof(durations[0]); i++)
		assert_string_equal(rqs_phrase_duration(text, durations[i].duration_ns), durations[i].expected);
}

static struct rqs_kernel_event make_event(uint32_t kind, const char *method, const char *path)
{
	struct rqs_kernel_event event = { .kind = kind, .pid = 71, .cpu = 3, .status = 502, .duration_ns = 1210 * MS,
					  .method_bytes = (uint8_t)strlen(method), .path_bytes = (uint8_t)strlen(path),
					  .comm = "cc1plus" };

	memcpy(event.method, method, event.method_bytes);
	memcpy(event.path, path, event.path_bytes);
	return event;
}

static void expect_phrase(const struct rqs_kernel_event *event, const char *expected)
{
	char text[512];

	rqs_phrase_event(text, sizeof(text), event);
	assert_string_equal(text, expected);
}

static void test_events_for_people(void **state)
{
	struct rqs_kernel_event event = make_event(RQS_EVENT_SLOW_REQUEST, "GET", "/search");
	static const uint8_t v4[4] = { 10, 0, 4, 17 };

	expect_phrase(&event, "GET /search 1.21 s");
	event.has_split = 1;
	event.queued_ns = 3 * MS;
	event.cpu_wait_ns = 180 * MS;
	event.on_cpu_ns = 21 * MS;
	event.blocked_ns = 1006 * MS;
	event.path_cut = 1;
	expect_phrase(&event, "GET /search\342\200\246 1.21 s: 3 ms queued, 180 ms waiting for CPU, 21 ms on CPU, "
			      "1.01 s blocked");

	event = make_event(RQS_EVENT_SERVER_ERROR, "GET", "/api/orders");
	expect_phrase(&event, "GET /api/orders 502");
	event.peer_family = 2;
	event.peer_port = 51234;
	memcpy(event.peer_address, v4, sizeof(v4));
	expect_phrase(&event, "GET /api/orders 502 from 10.0.4.17:51234");
	event.peer_family = 10;
	memset(event.peer_address, 0, sizeof(event.peer_address));
	event.peer_address[15] = 1;
	expect_phrase(&event, "GET /api/orders 502 from [::1]:51234");
	memset(event.peer_address + 10, 0xff, 2);
	memcpy(event.peer_address + 12, v4, sizeof(v4));
	expect_phrase(&event, "GET /api/orders 502 from 10.0.4.17:51234");
	event.peer_family = 999;
	expect_phrase(&event, "GET /api/orders 502");

	event = make_event(RQS_EVENT_ABORTED_REQUEST, "POST", "/x");
	event.duration_ns = 1200 * MS;
	expect_phrase(&event, "POST /x after 1.2 s");
	event = make_event(RQS_EVENT_RUNQUEUE_STALL, "", "");
	event.duration_ns = 94 * MS;
	expect_phrase(&event, "cc1plus waited 94 ms for CPU 3");
	event = make_event(RQS_EVENT_OOM_KILL, "", "");
	expect_phrase(&event, "out of memory: cc1plus (pid 71) was killed");
	event.kind = 4711;
	expect_phrase(&event, "");
}

static void test_events_of_hostile_bytes(void **state)
{
	uint64_t seed = 3;
	uint32_t i, j;

	for (i = 0; i < 20000; i++) {
		size_t text_bytes = 1 + build_random(&seed) % 700;
		char *text = malloc(text_bytes);
		struct rqs_kernel_event event;

		for (j = 0; j < sizeof(event); j++)
			((uint8_t *)&event)[j] = (uint8_t)build_random(&seed);
		event.kind = i % RQS_EVENT_KERNEL_COUNT;
		rqs_phrase_event(text, text_bytes, &event); /* lengths beyond their arrays, no NUL anywhere */
		assert_true(strlen(text) < text_bytes);
		assert_true(is_clean(text));
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile_bytes_come_out_clean),
		cmocka_unit_test(test_any_bytes_fit_and_are_clean),
		cmocka_unit_test(test_cut_at_whole_characters),
		cmocka_unit_test(test_durations_for_people),
		cmocka_unit_test(test_events_for_people),
		cmocka_unit_test(test_events_of_hostile_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
