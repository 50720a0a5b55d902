// SPDX-License-Identifier: GPL-2.0-only
/* Each head is read whole, byte by byte, and from a buffer that ends where the data does. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http_head.h"

static const struct {
	const char *text;
	size_t bytes;
	int result;
} rows[] = {
#define ROW(text, result) { text, sizeof(text) - 1, result }
	ROW("GET / HTTP/1.1\r\n\r\n", 1),
	ROW("GET /a?b=c HTTP/1.0\r\nHost: x\r\n\r\n", 1),
	ROW("\r\n\r\nGET / HTTP/1.1\r\n\r\n", 1),
	ROW("M-SEARCH * HTTP/1.1\r\n\r\n", 1),
	ROW("GET / HTTP/1.1\r\nA:\r\nB: \t c d \t\r\nC:\xff\r\n\r\n", 1),
	ROW("", 0),
	ROW("\r", 0),
	ROW("\r\n", 0),
	ROW("GET", 0),
	ROW("GET / HTTP/1.1\r\n", 0),
	ROW("GET / HTTP/1.1\r\nHost: x\r\n", 0),
	ROW("GET / HTTP/1.1\r\nHost: x\r\n\r", 0),
	ROW("\n", -EINVAL),
	ROW("GET / HTTP/1.1\n\n", -EINVAL),
	ROW("GET / HTTP/1.1\r\nA: b\n\r\n", -EINVAL),
	ROW("GET / HTTP/1.1\r\n\n", -EINVAL),
	ROW("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", -EINVAL),
	ROW("GET / HTTP/1.1\r\nA : b\r\n\r\n", -EINVAL),
	ROW("GET / HTTP/1.1\r\nA\r\n\r\n", -EINVAL),
	ROW("GET / HTTP/1.1\r\n: b\r\n\r\n", -EINVAL),
	ROW("GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", -EINVAL),
	ROW("GET / HTTP/1.1\r\nA: b\0c\r\n\r\n", -EINVAL),
	ROW("GET / HTTP/1.1\r\nA: \x7f\r\n\r\n", -EINVAL),
	ROW("GET / HTTP/1.1\r\nA\x80: b\r\n\r\n", -EINVAL),
	ROW("GET /\r\n\r\n", -EINVAL),
	ROW("GET\r\n\r\n", -EINVAL),
	ROW(" GET / HTTP/1.1\r\n\r\n", -EINVAL),
	ROW("GET  / HTTP/1.1\r\n\r\n", -EINVAL),
	ROW("GET / HTTP/1.1 \r\n\r\n", -EINVAL),
	ROW("GET a HTTP/1.1\r\n\r\n", -EINVAL),
	ROW("GET *a HTTP/1.1\r\n\r\n", -EINVAL),
	ROW("GET http://x/ HTTP/1.1\r\n\r\n", -EINVAL),
	ROW("GET /\t HTTP/1.1\r\n\r\n", -EINVAL),
	ROW("GET /\xc3\xa4 HTTP/1.1\r\n\r\n", -EINVAL),
	ROW("GET / HTTP/1\r\n\r\n", -EINVAL),
	ROW("GET / HTTP/x.1\r\n\r\n", -EINVAL),
	ROW("GET / HTTX/1.1\r\n\r\n", -EINVAL),
	ROW("GET / HTTP/1.2\r\n\r\n", -EPROTONOSUPPORT),
	ROW("GET / HTTP/0.9\r\n\r\n", -EPROTONOSUPPORT),
	ROW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", -EPROTONOSUPPORT),
	ROW("\x16\x03\x01\x02", -EINVAL),
	ROW("GE(", -EINVAL),
	ROW("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", -EINVAL),
};

/* Parses a copy that ends where the data does, so that a read behind it is noticed. */
static int parse(const char *text, size_t bytes, struct rqs_http_head *head)
{
	char *copy = malloc(bytes ? bytes : 1);
	int result;

	assert_non_null(copy);
	memcpy(copy, text, bytes);
	result = rqs_http_head_parse(copy, bytes, head);
	free(copy);
	return result;
}

static void test_http_head_whole_and_byte_by_byte(void **state)
{
	struct rqs_http_head head;
	size_t i, bytes;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int result = 0;

		if (parse(rows[i].text, rows[i].bytes, &head) != rows[i].result)
			fail_msg("row %zu is %d", i, parse(rows[i].text, rows[i].bytes, &head));
		/* A decision comes at some byte, and is the one that the whole gives. */
		for (bytes = 0; bytes <= rows[i].bytes && !result; bytes++)
			result = parse(rows[i].text, bytes, &head);
		if (result != rows[i].result)
			fail_msg("row %zu byte by byte is %d", i, result);
	}
}

static void test_http_head_parts(void **state)
{
	static const char text[] = "\r\nGET /a/b?c=d?e HTTP/1.0\r\nHost: x\r\nLIST: a, b ,,c\r\nlist:d\r\n\r\nnext";
	struct rqs_http_head head;
	struct rqs_slice list, item;

	assert_int_equal(rqs_http_head_parse(text, sizeof(text) - 1, &head), 1);
	assert_true(rqs_slice_is(head.method, "GET"));
	assert_true(rqs_slice_is(head.path, "/a/b"));
	assert_true(rqs_slice_is(head.query, "?c=d?e"));
	assert_int_equal(head.minor, 0);
	assert_string_equal(text + head.bytes, "next");
	assert_int_equal(head.field_count, 3);
	assert_true(rqs_slice_is(*rqs_http_head_field(&head, "host", 0), "x"));
	assert_true(rqs_slice_is(*rqs_http_head_field(&head, "list", 1), "d"));
	assert_null(rqs_http_head_field(&head, "list", 2));
	assert_null(rqs_http_head_field(&head, "hos", 0));
	list = *rqs_http_head_field(&head, "list", 0);
	assert_true(rqs_slice_next(&list, &item) && rqs_slice_is(item, "a"));
	assert_true(rqs_slice_next(&list, &item) && rqs_slice_is(item, "b"));
	assert_true(rqs_slice_next(&list, &item) && rqs_slice_is(item, ""));
	assert_true(rqs_slice_next(&list, &item) && rqs_slice_is_nocase(item, "C"));
	assert_false(rqs_slice_next(&list, &item));
}

static void test_http_head_limits(void **state)
{
	char *text = malloc(2 * RQS_HEAD_BYTES_MAX);
	struct rqs_http_head head;
	int i, at;

	assert_non_null(text);
	for (i = 0, at = sprintf(text, "GET / HTTP/1.1\r\n"); i < RQS_HEAD_FIELDS_MAX; i++)
		at += sprintf(text + at, "A: %d\r\n", i);
	memcpy(text + at, "\r\n", 2);
	assert_int_equal(rqs_http_head_parse(text, (size_t)at + 2, &head), 1);
	assert_int_equal(head.field_count, RQS_HEAD_FIELDS_MAX);
	memcpy(text + at, "A: b\r\n\r\n", 8);
	assert_int_equal(rqs_http_head_parse(text, (size_t)at + 8, &head), -E2BIG);

	at = sprintf(text, "GET / HTTP/1.1\r\nA: ");
	memset(text + at, 'x', (size_t)(2 * RQS_HEAD_BYTES_MAX - at));
	assert_int_equal(rqs_http_head_parse(text, RQS_HEAD_BYTES_MAX - 1, &head), 0);
	assert_int_equal(rqs_http_head_parse(text, RQS_HEAD_BYTES_MAX, &head), -E2BIG);
	memcpy(text + RQS_HEAD_BYTES_MAX - 4, "\r\n\r\n", 4);
	assert_int_equal(rqs_http_head_parse(text, RQS_HEAD_BYTES_MAX, &head), 1);
	memcpy(text + RQS_HEAD_BYTES_MAX - 4, "x\r\n\r\n", 5);
	assert_int_equal(rqs_http_head_parse(text, RQS_HEAD_BYTES_MAX + 1, &head), -E2BIG);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http_head_whole_and_byte_by_byte),
		cmocka_unit_test(test_http_head_parts),
		cmocka_unit_test(test_http_head_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
