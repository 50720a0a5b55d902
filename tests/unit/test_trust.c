// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "trust.h"

#define TOKEN "0123456789abcdef0123456789abcdef"
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

static const char *const allowed[] = { "dash.example", "[2001:db8::7]", "10.1.2.3" };
static const struct rqs_trust local = { .token = TOKEN, .listen_address = "127.0.0.1" };
static const struct rqs_trust wide = {
	.token = TOKEN, .listen_address = "192.0.2.1", .allow_hosts = allowed, .allow_host_count = 3
};
static const struct rqs_trust wide6 = { .token = TOKEN, .listen_address = "2001:db8::1" };
static const struct rqs_trust path = { .token = TOKEN };
static const struct rqs_trust anybody = { .listen_address = "127.0.0.1" };

/* The head of a GET with these fields, lines ending in CRLF. */
static struct rqs_http_head head_of(const char *fields)
{
	static char text[4096];
	struct rqs_http_head head;
	int bytes = snprintf(text, sizeof(text), "GET /api/v1/stream HTTP/1.1\r\n%s\r\n", fields);

	assert_int_equal(rqs_http_head_parse(text, (size_t)bytes, &head), 1);
	return head;
}

static int host(const struct rqs_trust *trust, const char *fields)
{
	struct rqs_http_head head = head_of(fields);
	const char *sentence = NULL;
	int status = rqs_trust_check_host(trust, &head, &sentence);

	assert_true(!status || sentence);
	return status;
}

static void test_trust_host(void **state)
{
	static const struct {
		const struct rqs_trust *trust;
		const char *fields;
		int status;
	} rows[] = {
		{ &local, "Host: localhost\r\n", 0 },
		{ &local, "hOsT:  LocalHost:65535 \r\n", 0 },
		{ &local, "Host: 127.0.0.1:7117\r\n", 0 },
		{ &local, "Host: 127.200.0.1\r\n", 0 },
		{ &local, "Host: [::1]:1\r\n", 0 },
		{ &local, "Host: [0::1]\r\n", 0 },
		{ &local, "Host: 128.0.0.1\r\n", 403 },
		{ &local, "Host: [::2]\r\n", 403 },
		{ &local, "Host: localhost.\r\n", 403 },
		{ &local, "Host: localhost.evil.example\r\n", 403 },
		{ &local, "Host: 127.0.0.1.evil.example\r\n", 403 },
		{ &local, "Host: 2130706433\r\n", 403 },
		{ &local, "Host: 127.1\r\n", 403 },
		{ &local, "Host: dash.example\r\n", 403 },
		{ &local, "Host: 192.0.2.1\r\n", 403 },
		{ &wide, "Host: 192.0.2.1:80\r\n", 0 },
		{ &wide, "Host: localhost\r\n", 0 },
		{ &wide, "Host: DASH.example:8080\r\n", 0 },
		{ &wide, "Host: [2001:DB8:0::7]:1\r\n", 0 },
		{ &wide, "Host: 10.1.2.3\r\n", 0 },
		{ &wide, "Host: xdash.example\r\n", 403 },
		{ &wide, "Host: dash.example.evil.example\r\n", 403 },
		{ &wide, "Host: dash\r\n", 403 },
		{ &wide6, "Host: [2001:db8:0:0::1]\r\n", 0 },
		{ &wide6, "Host: [2001:db8::2]\r\n", 403 },
		{ &path, "Host: anything.at.all\r\n", 0 },
		{ &path, "Host: a\r\nHost: a\r\n", 400 },
		{ &path, "", 400 },
		{ &local, "", 400 },
		{ &local, "Host:\r\n", 400 },
		{ &local, "Host: localhost\r\nHost: localhost\r\n", 400 },
		{ &local, "Host: localhost\r\nHost: evil.example\r\n", 400 },
		{ &local, "Host: localhost, localhost\r\n", 400 },
		{ &local, "Host: localhost:\r\n", 400 },
		{ &local, "Host: localhost:65536\r\n", 400 },
		{ &local, "Host: localhost:000080\r\n", 400 },
		{ &local, "Host: localhost:-1\r\n", 400 },
		{ &local, "Host: :80\r\n", 400 },
		{ &local, "Host: me@localhost\r\n", 400 },
		{ &local, "Host: localhost/\r\n", 400 },
		{ &local, "Host: [::1\r\n", 400 },
		{ &local, "Host: []\r\n", 400 },
		{ &local, "Host: [::1]:\r\n", 400 },
		{ &local, "Host: [::1]1\r\n", 400 },
		{ &local, "Host: [127.0.0.1]\r\n", 400 },
		{ &local, "Host: [localhost]\r\n", 400 },
		{ &local, "Host: ::1\r\n", 400 },
	};
	char fields[512];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (host(rows[i].trust, rows[i].fields) != rows[i].status)
			fail_msg("%s is %d", rows[i].fields, host(rows[i].trust, rows[i].fields));
	snprintf(fields, sizeof(fields), "Host: %0255d\r\n", 1);
	assert_int_equal(host(&local, fields), 403);
	snprintf(fields, sizeof(fields), "Host: %0256d\r\n", 1);
	assert_int_equal(host(&local, fields), 400);
}

static void test_trust_origin(void **state)
{
	static const struct {
		const char *fields;
		int status;
	} rows[] = {
		{ "Host: localhost:7\r\n", 0 },
		{ "Host: localhost:7\r\nOrigin: http://localhost:7\r\n", 0 },
		{ "Host: localhost:7\r\nOrigin: https://LOCALHOST:7\r\n", 0 },
		{ "Host: localhost\r\nOrigin: http://localhost:80\r\n", 0 },
		{ "Host: localhost:80\r\nOrigin: http://localhost\r\n", 0 },
		{ "Host: localhost:443\r\nOrigin: https://localhost\r\n", 0 },
		{ "Host: localhost\r\nOrigin: https://localhost\r\n", 0 },
		{ "Host: [::1]:7\r\nOrigin: http://[0::1]:7\r\n", 0 },
		{ "Host: localhost:443\r\nOrigin: http://localhost\r\n", 403 },
		{ "Host: localhost:7\r\nOrigin: http://localhost\r\n", 403 },
		{ "Host: localhost:7\r\nOrigin: http://localhost:8\r\n", 403 },
		{ "Host: localhost:7\r\nOrigin: http://127.0.0.1:7\r\n", 403 },
		{ "Host: localhost:7\r\nOrigin: http://evil.example:7\r\n", 403 },
		{ "Host: localhost:7\r\nOrigin: http://localhost:7.evil.example\r\n", 403 },
		{ "Host: localhost:7\r\nOrigin: http://localhost:7/\r\n", 403 },
		{ "Host: localhost:7\r\nOrigin: http://localhost:7, http://localhost:7\r\n", 403 },
		{ "Host: localhost:7\r\nOrigin: ftp://localhost:7\r\n", 403 },
		{ "Host: localhost:7\r\nOrigin: localhost:7\r\n", 403 },
		{ "Host: localhost:7\r\nOrigin: http://\r\n", 403 },
		{ "Host: localhost:7\r\nOrigin: null\r\n", 403 },
		{ "Host: localhost:7\r\nOrigin:\r\n", 403 },
		{ "Host: localhost:7\r\nOrigin: http://localhost:7\r\nOrigin: http://localhost:7\r\n", 400 },
		{ "Origin: http://localhost:7\r\n", 400 },
	};
	const char *sentence;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rqs_http_head head = head_of(rows[i].fields);
		int status = rqs_trust_check_origin(&head, &sentence);

		if (status != rows[i].status)
			fail_msg("%s is %d", rows[i].fields, status);
	}
}

static void test_trust_bearer(void **state)
{
	static const struct {
		const struct rqs_trust *trust;
		const char *fields;
		int status;
	} rows[] = {
		{ &local, "Authorization: Bearer " TOKEN "\r\n", 0 },
		{ &local, "authorization: bearer  " TOKEN "\r\n", 0 },
		{ &local, "Authorization: Bearer\r\n", 401 },
		{ &local, "Authorization: Bearer x\r\n", 401 },
		{ &local, "Authorization: Bearer " TOKEN "0\r\n", 401 },
		{ &local, "Authorization: Bearer" TOKEN "\r\n", 401 },
		{ &local, "Authorization: Basic " TOKEN "\r\n", 401 },
		{ &local, "Authorization: " TOKEN "\r\n", 401 },
		{ &local, "Authorization: Bearer " TOKEN "\r\nAuthorization: Bearer " TOKEN "\r\n", 401 },
		{ &local, "Cookie: token=" TOKEN "\r\n", 401 },
		{ &anybody, "", 0 },
		{ &anybody, "Authorization: Bearer x\r\n", 0 },
	};
	const char *sentence;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rqs_http_head head = head_of(rows[i].fields);
		int status = rqs_trust_check_bearer(rows[i].trust, &head, &sentence);

		if (status != rows[i].status)
			fail_msg("%s is %d", rows[i].fields, status);
	}
}

#define SHAKE "Host: localhost:7\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
#define OFFER "Sec-WebSocket-Protocol: rqscope.v1, rqscope.token." TOKEN "\r\n"
#define KEYED SHAKE "Sec-WebSocket-Key: " KEY "\r\n"

static void test_trust_upgrade(void **state)
{
	static const struct {
		const struct rqs_trust *trust;
		const char *fields;
		int status;
	} rows[] = {
		{ &local, KEYED OFFER, 0 },
		{ &local, KEYED "Sec-WebSocket-Protocol: rqscope.token." TOKEN "\r\nSec-WebSocket-Protocol: rqscope.v1\r\n", 0 },
		{ &local, KEYED OFFER "User-Agent: curl/8\r\n", 0 },
		{ &local, KEYED OFFER "User-Agent: Mozilla/5.0\r\n", 403 },
		{ &local, KEYED OFFER "Sec-Fetch-Mode: websocket\r\n", 403 },
		{ &local, KEYED OFFER "User-Agent: Mozilla/5.0\r\nOrigin: http://localhost:7\r\n", 0 },
		{ &local, KEYED "Sec-WebSocket-Protocol: rqscope.v1\r\n", 401 },
		{ &local, KEYED "Sec-WebSocket-Protocol: rqscope.v1, rqscope.token.\r\n", 401 },
		{ &local, KEYED "Sec-WebSocket-Protocol: rqscope.v1, rqscope.token.x" TOKEN "\r\n", 401 },
		{ &local, KEYED "Sec-WebSocket-Protocol: rqscope.v1, " TOKEN "\r\n", 401 },
		{ &local, KEYED "Authorization: Bearer " TOKEN "\r\nSec-WebSocket-Protocol: rqscope.v1\r\n", 401 },
		{ &local, KEYED "Sec-WebSocket-Protocol: rqscope.token." TOKEN "\r\n", 400 },
		{ &local, KEYED "Sec-WebSocket-Protocol: rqscope.v2, rqscope.token." TOKEN "\r\n", 400 },
		{ &anybody, KEYED "Sec-WebSocket-Protocol: rqscope.v1\r\n", 0 },
		{ &anybody, KEYED, 400 },
		{ &local, SHAKE OFFER, 400 },
		{ &local, SHAKE OFFER "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n", 400 },
		{ &local, SHAKE OFFER "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=x\r\n", 400 },
		{ &local, SHAKE OFFER "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j Q==\r\n", 400 },
		{ &local, KEYED OFFER "Sec-WebSocket-Key: " KEY "\r\n", 400 },
		{ &local, KEYED OFFER "Upgrade: h2c\r\n", 400 },
		{ &local, "Host: localhost\r\nUpgrade: h2c\r\n" OFFER, 400 },
		{ &local, "Host: localhost\r\nUpgrade: websocket, h2c\r\n" OFFER, 400 },
		{ &local, "Host: localhost\r\n" OFFER, 426 },
		{ &local, "Host: localhost\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " KEY "\r\n" OFFER, 400 },
		{ &local, "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Key: " KEY "\r\n" OFFER, 426 },
		{ &local, "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 1\r\nSec-WebSocket-Key: " KEY "\r\n" OFFER, 426 },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rqs_http_head head = head_of(rows[i].fields);
		char key[RQS_WEBSOCKET_KEY_BYTES + 1] = "untouched";
		const char *sentence = NULL;
		int status = rqs_trust_check_upgrade(rows[i].trust, &head, key, &sentence);

		if (status != rows[i].status)
			fail_msg("%s is %d", rows[i].fields, status);
		assert_string_equal(key, status ? "untouched" : KEY);
		assert_true(!status || sentence);
	}
}

static void test_trust_equal(void **state)
{
	assert_true(rqs_trust_equal("abc", 3, "abc", 3));
	assert_true(rqs_trust_equal("", 0, "", 0));
	assert_false(rqs_trust_equal("abc", 3, "abd", 3));
	assert_false(rqs_trust_equal("xbc", 3, "abc", 3));
	assert_false(rqs_trust_equal("ab", 2, "abc", 3));
}

static void test_token_is_fresh_each_time(void **state)
{
	char a[RQS_TOKEN_BYTES_MAX + 1], b[RQS_TOKEN_BYTES_MAX + 1];

	assert_int_equal(rqs_token_generate(a), 0);
	assert_int_equal(rqs_token_generate(b), 0);
	assert_int_equal(strlen(a), 32);
	assert_int_equal(strspn(a, "0123456789abcdef"), 32);
	assert_string_not_equal(a, b);
}

static void test_token_parse(void **state)
{
	char token[RQS_TOKEN_BYTES_MAX + 1], large[RQS_TOKEN_BYTES_MAX + 2];
	static const char *const bad[] = { "",		"\n",		    "123456789012345\n",  " " TOKEN,
					   TOKEN "\n\n", TOKEN "\n" TOKEN, "0123456789,0123456", "0123456789\xc3\xa4" "012345" };
	const char *reason;
	size_t i;

	assert_int_equal(rqs_token_parse(TOKEN, 32, token, &reason), 0);
	assert_string_equal(token, TOKEN);
	assert_int_equal(rqs_token_parse("aZ09-._~aZ09-._~\r\n", 18, token, &reason), 0);
	assert_string_equal(token, "aZ09-._~aZ09-._~");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		reason = NULL;
		assert_int_equal(rqs_token_parse(bad[i], strlen(bad[i]), token, &reason), -EINVAL);
		assert_non_null(reason);
		assert_string_equal(token, "aZ09-._~aZ09-._~");
	}
	assert_int_equal(rqs_token_parse("0123456789\0" "12345678", 19, token, &reason), -EINVAL);
	memset(large, 'a', sizeof(large));
	assert_int_equal(rqs_token_parse(large, RQS_TOKEN_BYTES_MAX, token, &reason), 0);
	assert_int_equal(rqs_token_parse(large, RQS_TOKEN_BYTES_MAX + 1, token, &reason), -EINVAL);
}

static void test_token_read_file(void **state)
{
	char folder[] = "/tmp/rqscope-test-XXXXXX", name[64], token[RQS_TOKEN_BYTES_MAX + 1] = "untouched", error[256];
	FILE *file;

	assert_non_null(mkdtemp(folder));
	snprintf(name, sizeof(name), "%s/token", folder);
	assert_int_equal(rqs_token_read_file(name, token, error), -ENOENT);
	assert_non_null(strstr(error, name));
	assert_int_equal(rqs_token_read_file(folder, token, error), -EINVAL);
	assert_int_equal(mkfifo(name, 0600), 0);
	assert_int_equal(rqs_token_read_file(name, token, error), -EINVAL);
	unlink(name);
	file = fopen(name, "w");
	assert_non_null(file);
	fputs("short\n", file);
	fflush(file);
	assert_int_equal(rqs_token_read_file(name, token, error), -EINVAL);
	assert_non_null(strstr(error, "16 to 128"));
	assert_string_equal(token, "untouched");
	rewind(file);
	fputs(TOKEN "\n", file);
	fclose(file);
	assert_int_equal(rqs_token_read_file(name, token, error), 0);
	assert_string_equal(token, TOKEN);
	unlink(name);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trust_host),
		cmocka_unit_test(test_trust_origin),
		cmocka_unit_test(test_trust_bearer),
		cmocka_unit_test(test_trust_upgrade),
		cmocka_unit_test(test_trust_equal),
		cmocka_unit_test(test_token_is_fresh_each_time),
		cmocka_unit_test(test_token_parse),
		cmocka_unit_test(test_token_read_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
