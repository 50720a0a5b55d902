// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "remote.h"
#include "reply.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define OK "HTTP/1.1 200 OK\r\n"
#define JSON "Content-Type: application/json\r\n"

/* --- URLs --- */

static void test_remote_parses_what_serve_prints(void **state)
{
	static const struct {
		const char *url, *address;
		uint16_t port;
		const char *unix_path, *token;
	} table[] = {
		{ "http://127.0.0.1:7117/#token=00112233445566778899aabbccddeeff", "127.0.0.1", 7117, "",
		  "00112233445566778899aabbccddeeff" },
		{ "http://127.0.0.1:7117#token=x", "127.0.0.1", 7117, "", "x" },
		{ "http://127.0.0.1:7117/", "127.0.0.1", 7117, "", "" },
		{ "http://127.0.0.1:7117", "127.0.0.1", 7117, "", "" },
		{ "http://localhost:80/#token=a.b-c_d~e", "127.0.0.1", 80, "", "a.b-c_d~e" },
		{ "http://[::1]:7117/#token=a=b#c", "::1", 7117, "", "a=b#c" },
		{ "http://10.1.2.3:1/", "10.1.2.3", 1, "", "" },
		{ "unix:/run/rqscope.sock#token=00ff", "", 0, "/run/rqscope.sock", "00ff" },
		{ "unix:/run/rqscope.sock", "", 0, "/run/rqscope.sock", "" },
		{ "unix:here/", "", 0, "here/", "" },
	};
	char error[RQS_REMOTE_ERROR_MAX];
	struct rqs_remote remote;

	for (size_t i = 0; i < COUNT(table); i++) {
		if (rqs_remote_parse(table[i].url, &remote, error))
			fail_msg("%s: %s", table[i].url, error);
		assert_string_equal(remote.endpoint.address, table[i].address);
		assert_int_equal(remote.endpoint.port, table[i].port);
		assert_string_equal(remote.endpoint.unix_path, table[i].unix_path);
		assert_string_equal(remote.token, table[i].token);
	}
}

static void test_remote_refuses_other_urls(void **state)
{
	static const char *const table[] = {
		"", "#", "#token=x", "127.0.0.1:7117", "http://", "http:///", "http://127.0.0.1/", "http://127.0.0.1:/",
		"http://127.0.0.1:7117/x", "http://127.0.0.1:7117//", "http://127.0.0.1:7117/?token=x",
		"http://127.0.0.1:7117/api/v1/snapshot", "http://user@127.0.0.1:7117/", "http://127.0.0.1:65536/",
		"http://example.org:7117/", "https://127.0.0.1:7117/", "ftp://127.0.0.1:7117/", "HTTP://127.0.0.1:7117/",
		"http://unix:/run/x", "http://unix:/run/x#token=x", "unix:", "unix:#token=x", "unix:@x",
		"http://127.0.0.1:7117/#token=", "http://127.0.0.1:7117/#", "http://127.0.0.1:7117/#Token=x",
		"http://127.0.0.1:7117/#token=a b", "http://127.0.0.1:7117/#token=a\r\nX: y", "http://127.0.0.1:7117/#token=\xc3\xa4",
		"http://127.0.0.1\r\n:7117/", "http://::1:7117/",
	};
	char error[RQS_REMOTE_ERROR_MAX], url[512];
	struct rqs_remote remote, before;

	memset(&remote, 0x55, sizeof(remote));
	before = remote;
	for (size_t i = 0; i < COUNT(table); i++) {
		if (rqs_remote_parse(table[i], &remote, error) != -EINVAL)
			fail_msg("%s was taken", table[i]);
		assert_memory_equal(&remote, &before, sizeof(remote));
		assert_non_null(memchr(error, '\0', sizeof(error)));
	}
	strcpy(url, "http://127.0.0.1:7117/#token=");
	memset(url + 29, 'x', 256);
	url[29 + 256] = '\0';
	assert_int_equal(rqs_remote_parse(url, &remote, error), -EINVAL);
	url[29 + 255] = '\0';
	assert_int_equal(rqs_remote_parse(url, &remote, error), 0);
	assert_int_equal(strlen(remote.token), 255);
}

static void test_remote_takes_another_token(void **state)
{
	struct rqs_remote remote = { .token = "old" };

	assert_int_equal(rqs_remote_set_token(&remote, ""), -EINVAL);
	assert_int_equal(rqs_remote_set_token(&remote, "a\n"), -EINVAL);
	assert_int_equal(rqs_remote_set_token(&remote, "a b"), -EINVAL);
	assert_string_equal(remote.token, "old");
	assert_int_equal(rqs_remote_set_token(&remote, "new"), 0);
	assert_string_equal(remote.token, "new");
}

/* --- answers --- */

struct vector {
	const char *text;
	int result;	  /* of the last feed; 2: 0, and the end of the connection completes it */
	const char *body; /* when complete */
	bool json;
};

static const struct vector vectors[] = {
	{ OK JSON "Content-Length: 2\r\n\r\n{}", 1, "{}", true },
	{ "HTTP/1.0 200 OK\r\n" JSON "\r\n{}", 2, "{}", true },
	{ "HTTP/1.1 200\r\ncontent-length:2\r\n\r\n{}", 1, "{}", false },
	{ "HTTP/1.1 200 \r\nCONTENT-LENGTH: \t 2 \t\r\n\r\n{}", 1, "{}", false },
	{ OK "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 1, "{}", false },
	{ OK "Content-Length: 0\r\n\r\n", 1, "", false },
	{ OK "\r\n", 2, "", false },
	{ OK "\r\na\r\nb\n", 2, "a\r\nb\n", false },
	{ "HTTP/1.1 204 No Content\r\n\r\n", 1, "", false },
	{ "HTTP/1.1 401 Unauthorized\r\nContent-Length: 1\r\n\r\nx", 1, "x", false },
	{ OK "Content-Type: application/json; charset=utf-8\r\nContent-Length: 0\r\n\r\n", 1, "", true },
	{ OK "Content-Type: Application/JSON\r\nContent-Length: 0\r\n\r\n", 1, "", true },
	{ OK "Content-Type: application/jsonx\r\nContent-Length: 0\r\n\r\n", 1, "", false },
	{ OK "Content-Type: text/html\r\nContent-Length: 0\r\n\r\n", 1, "", false },
	{ OK "Content-Encoding: identity\r\nContent-Length: 0\r\n\r\n", 1, "", false },
	{ OK "X-Empty:\r\nContent-Length: 0\r\n\r\n", 1, "", false },
	/* chunked */
	{ OK JSON "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", 1, "{}", true },
	{ OK "transfer-encoding: Chunked\r\n\r\n0000a;x=\"y\"\r\n0123456789\r\n00\r\n\r\n", 1, "0123456789", false },
	{ OK "Transfer-Encoding: chunked\r\n\r\n2 \r\n\r\n\r\n0\r\nX: y\r\nZ: \r\n\r\n", 1, "\r\n", false },
	{ OK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 1, "", false },
	/* cut off */
	{ "", 0, NULL, false },
	{ "HTTP/1.1 200 OK", 0, NULL, false },
	{ OK, 0, NULL, false },
	{ OK "Content-Length: 2\r\n\r\n{", 0, NULL, false },
	{ OK "Transfer-Encoding: chunked\r\n\r\n2\r\n{", 0, NULL, false },
	{ OK "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", 0, NULL, false },
	{ OK "Transfer-Encoding: chunked\r\n\r\n0\r\n", 0, NULL, false },
	/* malformed */
	{ "HTTP/1.1 200 OK\n", -EPROTO, NULL, false },
	{ "HTTP/2 200 OK\r\n", -EPROTO, NULL, false },
	{ "HTTP/1.2 200 OK\r\n", -EPROTO, NULL, false },
	{ "http/1.1 200 OK\r\n", -EPROTO, NULL, false },
	{ "HTTP/1.1  200 OK\r\n", -EPROTO, NULL, false },
	{ "HTTP/1.1 2000 OK\r\n", -EPROTO, NULL, false },
	{ "HTTP/1.1 20 OK\r\n", -EPROTO, NULL, false },
	{ "HTTP/1.1 -20 OK\r\n", -EPROTO, NULL, false },
	{ "HTTP/1.1 100 Continue\r\n", -EPROTO, NULL, false },
	{ "HTTP/1.1 101 Switching Protocols\r\n", -EPROTO, NULL, false },
	{ "HTTP/1.1 600 What\r\n", -EPROTO, NULL, false },
	{ "HTTP/1.1 2aa OK\r\n", -EPROTO, NULL, false },
	{ "SSH-2.0-OpenSSH_9.2\r\n", -EPROTO, NULL, false },
	{ "\r\n", -EPROTO, NULL, false },
	{ OK "nonsense\r\n", -EPROTO, NULL, false },
	{ OK ": x\r\n", -EPROTO, NULL, false },
	{ OK "Content-Length : 2\r\n", -EPROTO, NULL, false },
	{ OK " Content-Length: 2\r\n", -EPROTO, NULL, false },
	{ OK "X: a\r\n folded: b\r\n", -EPROTO, NULL, false },
	{ OK "X: a\rb\r\n", -EPROTO, NULL, false },
	{ OK "X: a\nb\r\n", -EPROTO, NULL, false },
	{ OK "Content-Length:\r\n", -EPROTO, NULL, false },
	{ OK "Content-Length: -1\r\n", -EPROTO, NULL, false },
	{ OK "Content-Length: +1\r\n", -EPROTO, NULL, false },
	{ OK "Content-Length: 1a\r\n", -EPROTO, NULL, false },
	{ OK "Content-Length: 2, 2\r\n", -EPROTO, NULL, false },
	{ OK "Content-Length: 1\r\nContent-Length: 2\r\n", -EPROTO, NULL, false },
	{ OK "Content-Length: 99999999999999999999\r\n", -EPROTO, NULL, false },
	{ OK "Transfer-Encoding: gzip, chunked\r\n", -EPROTO, NULL, false },
	{ OK "Transfer-Encoding: identity\r\n", -EPROTO, NULL, false },
	{ OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", -EPROTO, NULL, false },
	{ OK "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n", -EPROTO, NULL, false },
	{ OK "Content-Encoding: gzip\r\n", -EPROTO, NULL, false },
	{ OK "Content-Length: 2\r\n\r\n{}x", -EPROTO, NULL, false },
	{ OK "Transfer-Encoding: chunked\r\n\r\n\r\n", -EPROTO, NULL, false },
	{ OK "Transfer-Encoding: chunked\r\n\r\n;\r\n", -EPROTO, NULL, false },
	{ OK "Transfer-Encoding: chunked\r\n\r\n0x2\r\n", -EPROTO, NULL, false },
	{ OK "Transfer-Encoding: chunked\r\n\r\n-2\r\n", -EPROTO, NULL, false },
	{ OK "Transfer-Encoding: chunked\r\n\r\n2\r\n{}x\r\n", -EPROTO, NULL, false },
	{ OK "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\n", -EPROTO, NULL, false },
	{ OK "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", -EPROTO, NULL, false },
	{ OK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nx", -EPROTO, NULL, false },
	/* too large for the limit of 16 bytes */
	{ OK "Content-Length: 16\r\n\r\n0123456789abcdef", 1, "0123456789abcdef", false },
	{ OK "Content-Length: 17\r\n\r\n", -EFBIG, NULL, false },
	{ OK "\r\n0123456789abcdef", 2, "0123456789abcdef", false },
	{ OK "\r\n0123456789abcdef0", -EFBIG, NULL, false },
	{ OK "Transfer-Encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n", 1, "0123456789abcdef", false },
	{ OK "Transfer-Encoding: chunked\r\n\r\n8\r\n01234567\r\n9\r\n", -EFBIG, NULL, false },
	{ OK "Transfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n", -EFBIG, NULL, false },
};

static void run_vector(const struct vector *vector, size_t step)
{
	struct rqs_reply *reply = rqs_reply_new(16);
	size_t bytes = strlen(vector->text), body_bytes = 77;
	int result = 0, wanted = vector->result == 2 ? 0 : vector->result;
	char *body;

	assert_non_null(reply);
	for (size_t at = 0; at < bytes && result >= 0; at += step) {
		size_t piece = bytes - at < step ? bytes - at : step;
		char *copy = malloc(piece); /* reading beyond it is seen by the sanitizer */

		memcpy(copy, vector->text + at, piece);
		result = rqs_reply_feed(reply, copy, piece);
		free(copy);
	}
	if (result != wanted)
		fail_msg("%d instead of %d in steps of %zu: %s", result, wanted, step, vector->text);
	if (result >= 0)
		assert_int_equal(rqs_reply_end(reply), vector->result ? 1 : -EPROTO);
	if (vector->body) {
		assert_int_equal(rqs_reply_is_json(reply), vector->json);
		body = rqs_reply_take(reply, &body_bytes);
		assert_non_null(body);
		assert_string_equal(body, vector->body);
		assert_int_equal(body_bytes, strlen(vector->body));
		free(body);
	}
	rqs_reply_free(reply);
}

static void test_reply_reads_whole_and_byte_by_byte(void **state)
{
	static const size_t steps[] = { 1, 2, 3, 7, 100000 };

	for (size_t i = 0; i < COUNT(vectors); i++)
		for (size_t j = 0; j < COUNT(steps); j++)
			run_vector(&vectors[i], steps[j]);
}

static void test_reply_bounds_its_head(void **state)
{
	struct rqs_reply *reply = rqs_reply_new(16);
	char line[5000];
	int result, lines = 0;

	/* one long line */
	memset(line, 'x', sizeof(line));
	assert_int_equal(rqs_reply_feed(reply, OK, strlen(OK)), 0);
	assert_int_equal(rqs_reply_feed(reply, line, sizeof(line)), -EFBIG);
	rqs_reply_free(reply);

	/* many short ones; then the same after the last chunk */
	for (int trailer = 0; trailer < 2; trailer++) {
		const char *start = trailer ? OK "Transfer-Encoding: chunked\r\n\r\n0\r\n" : OK;

		reply = rqs_reply_new(16);
		assert_int_equal(rqs_reply_feed(reply, start, strlen(start)), 0);
		for (lines = 0, result = 0; !result && lines < 100000; lines++)
			result = rqs_reply_feed(reply, "X: y\r\n", 6);
		assert_int_equal(result, -EFBIG);
		rqs_reply_free(reply);
	}
	reply = rqs_reply_new(16);
	assert_int_equal(rqs_reply_feed(reply, "HTTP/1.1 200 \0\r\n", 16), -EPROTO);
	rqs_reply_free(reply);
	rqs_reply_free(NULL);
}

static void test_reply_takes_large_bodies(void **state)
{
	static const char head[] = OK "Content-Length: 3000000\r\n\r\n";
	struct rqs_reply *reply = rqs_reply_new(4000000);
	size_t bytes, sent = 0;
	char piece[1000];
	int result = 0;
	char *body;

	assert_int_equal(rqs_reply_feed(reply, head, strlen(head)), 0);
	for (; sent < 3000000; sent += sizeof(piece)) {
		memset(piece, 'a' + (int)(sent / sizeof(piece) % 26), sizeof(piece));
		result = rqs_reply_feed(reply, piece, sizeof(piece));
		assert_int_equal(result, sent + sizeof(piece) == 3000000);
	}
	body = rqs_reply_take(reply, &bytes);
	assert_int_equal(bytes, 3000000);
	for (size_t i = 0; i < bytes; i += 997)
		assert_int_equal(body[i], 'a' + (int)(i / 1000 % 26));
	free(body);
	rqs_reply_free(reply);
}

/* --- a scripted server --- */

enum act { ANSWER, DRIP, SILENT, CLOSE_EARLY };

struct server {
	int listen_fd;
	enum act act;
	const char *answer;
	size_t answer_bytes;
	char request[2048];
	int stop_fd[2]; /* closed by the test: a silent server may leave */
	pthread_t thread;
};

static void *serve_once(void *data)
{
	struct server *server = data;
	struct pollfd polls[2] = { { server->listen_fd, POLLIN, 0 }, { server->stop_fd[0], POLLIN, 0 } };
	size_t bytes = 0;
	int fd;

	if (poll(polls, 2, 20000) <= 0 || !(polls[0].revents & POLLIN))
		return NULL;
	fd = accept(server->listen_fd, NULL, NULL);
	if (server->act != CLOSE_EARLY) {
		ssize_t got = 1;

		while (got > 0 && !strstr(server->request, "\r\n\r\n") && bytes < sizeof(server->request) - 1) {
			got = recv(fd, server->request + bytes, sizeof(server->request) - 1 - bytes, 0);
			bytes += got > 0 ? (size_t)got : 0;
		}
	}
	if (server->act == ANSWER)
		for (size_t at = 0; at < server->answer_bytes;) {
			ssize_t sent = send(fd, server->answer + at, server->answer_bytes - at, MSG_NOSIGNAL);

			if (sent <= 0)
				break;
			at += (size_t)sent;
		}
	if (server->act == DRIP) /* always a little more, never the end */
		for (int i = 0; i < 2000 && send(fd, "x", 1, MSG_NOSIGNAL) == 1; i++)
			if (poll(&polls[1], 1, 10) > 0)
				break;
	if (server->act == SILENT)
		poll(&polls[1], 1, 20000);
	close(fd);
	return NULL;
}

static void start(struct server *server, struct rqs_remote *ret_remote, int family)
{
	struct sockaddr_storage address = { .ss_family = (sa_family_t)family };
	struct sockaddr_un *local = (struct sockaddr_un *)&address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address;
	struct sockaddr_in *four = (struct sockaddr_in *)&address;
	socklen_t bytes = family == AF_UNIX ? sizeof(*local) : family == AF_INET ? sizeof(*four) : sizeof(*six);

	memset(ret_remote, 0, sizeof(*ret_remote));
	if (family == AF_UNIX) {
		snprintf(local->sun_path, sizeof(local->sun_path), "/tmp/rqs-remote-%d.sock", (int)getpid());
		strcpy(ret_remote->endpoint.unix_path, local->sun_path);
		unlink(local->sun_path);
	} else if (family == AF_INET) {
		four->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		strcpy(ret_remote->endpoint.address, "127.0.0.1");
	} else {
		six->sin6_addr = in6addr_loopback;
		strcpy(ret_remote->endpoint.address, "::1");
	}
	server->listen_fd = socket(family, SOCK_STREAM, 0);
	assert_true(server->listen_fd >= 0);
	assert_int_equal(bind(server->listen_fd, (struct sockaddr *)&address, bytes), 0);
	assert_int_equal(listen(server->listen_fd, 4), 0);
	assert_int_equal(getsockname(server->listen_fd, (struct sockaddr *)&address, &bytes), 0);
	if (family != AF_UNIX)
		ret_remote->endpoint.port = ntohs(family == AF_INET ? four->sin_port : six->sin6_port);
	assert_int_equal(pipe(server->stop_fd), 0);
	assert_int_equal(pthread_create(&server->thread, NULL, serve_once, server), 0);
}

static void stop(struct server *server, const struct rqs_remote *remote)
{
	close(server->stop_fd[1]);
	pthread_join(server->thread, NULL);
	close(server->stop_fd[0]);
	close(server->listen_fd);
	if (remote->endpoint.unix_path[0])
		unlink(remote->endpoint.unix_path);
}

static int fetch(struct server *server, int family, const char *token, uint32_t limit_ms, size_t limit_bytes,
		 char **ret_data, size_t *ret_bytes, char *ret_error)
{
	struct rqs_remote remote;
	int err;

	if (server->answer && !server->answer_bytes)
		server->answer_bytes = strlen(server->answer);
	start(server, &remote, family);
	if (token)
		assert_int_equal(rqs_remote_set_token(&remote, token), 0);
	err = rqs_remote_fetch(&remote, limit_ms, limit_bytes, ret_data, ret_bytes, ret_error);
	stop(server, &remote);
	return err;
}

static void test_remote_fetches_over_every_family(void **state)
{
	static const int families[] = { AF_INET, AF_INET6, AF_UNIX };

	for (size_t i = 0; i < COUNT(families); i++) {
		struct server server = { .answer = OK JSON "Content-Length: 3\r\nConnection: close\r\n\r\n{}\n" };
		char error[RQS_REMOTE_ERROR_MAX], *data = NULL;
		size_t bytes = 0;

		if (fetch(&server, families[i], "00ff", 10000, 1000, &data, &bytes, error))
			fail_msg("%s", error);
		assert_int_equal(bytes, 3);
		assert_string_equal(data, "{}\n");
		free(data);
		assert_ptr_equal(strstr(server.request, "GET /api/v1/snapshot HTTP/1.1\r\n"), server.request);
		assert_non_null(strstr(server.request, "\r\nAuthorization: Bearer 00ff\r\n"));
		assert_non_null(strstr(server.request, families[i] == AF_INET ? "\r\nHost: 127.0.0.1:" :
						       families[i] == AF_INET6 ? "\r\nHost: [::1]:" : "\r\nHost: localhost\r\n"));
		assert_non_null(strstr(server.request, "\r\nConnection: close\r\n"));
	}
}

static void test_remote_sends_no_token_it_does_not_have(void **state)
{
	struct server server = { .answer = OK JSON "Content-Length: 2\r\n\r\n{}" };
	char error[RQS_REMOTE_ERROR_MAX], *data = NULL;
	size_t bytes;

	setenv("http_proxy", "http://127.0.0.1:1", 1); /* must not be asked */
	assert_int_equal(fetch(&server, AF_INET, NULL, 10000, 1000, &data, &bytes, error), 0);
	unsetenv("http_proxy");
	free(data);
	assert_null(strstr(server.request, "Authorization"));
}

static void test_remote_says_why_there_is_no_snapshot(void **state)
{
	static const struct {
		const char *answer;
		int err;
		const char *needle;
	} table[] = {
		{ "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", -EACCES, "the token was refused" },
		{ "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", -EACCES, "--allow-host" },
		{ "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", -EPROTO, "not an rqscope" },
		{ "HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n", -EPROTO, "503" },
		{ "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", -EPROTO, "500" },
		{ "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", -EPROTO, "302" },
		{ OK "Content-Type: text/html\r\nContent-Length: 2\r\n\r\nhi", -EPROTO, "not an rqscope" },
		{ OK JSON "Content-Length: 20\r\n\r\n{}", -EPROTO, "cut off" },
		{ "nonsense\r\n\r\n", -EPROTO, "malformed" },
		{ OK JSON "Content-Length: 1001\r\n\r\n", -EFBIG, "larger than 1000 bytes" },
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		struct server server = { .answer = table[i].answer };
		char error[RQS_REMOTE_ERROR_MAX], *data = (char *)1;
		size_t bytes = 77;
		int err = fetch(&server, AF_INET, "00ff", 10000, 1000, &data, &bytes, error);

		if (err != table[i].err || !strstr(error, table[i].needle))
			fail_msg("%d, '%s' for: %s", err, error, table[i].answer);
		assert_ptr_equal(data, (char *)1);
		assert_int_equal(bytes, 77);
		assert_non_null(strstr(error, "127.0.0.1:"));
		assert_null(strstr(error, "00ff"));
	}
}

static void test_remote_says_that_a_token_is_needed(void **state)
{
	struct server server = { .answer = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n" };
	char error[RQS_REMOTE_ERROR_MAX], *data = NULL;
	size_t bytes;

	assert_int_equal(fetch(&server, AF_UNIX, NULL, 10000, 1000, &data, &bytes, error), -EACCES);
	assert_non_null(strstr(error, "a token is needed"));
	assert_non_null(strstr(error, "--token-file"));
}

static void test_remote_fetches_large_documents(void **state)
{
	static const char head[] = OK JSON "Content-Length: 8000000\r\n\r\n";
	size_t bytes = 0, total = sizeof(head) - 1 + 8000000;
	char error[RQS_REMOTE_ERROR_MAX], *data = NULL, *answer = malloc(total);
	struct server server = { .answer = answer, .answer_bytes = total };

	memcpy(answer, head, sizeof(head) - 1);
	memset(answer + sizeof(head) - 1, ' ', 8000000);
	if (fetch(&server, AF_INET, NULL, 10000, RQS_REMOTE_LIMIT_BYTES, &data, &bytes, error))
		fail_msg("%s", error);
	assert_int_equal(bytes, 8000000);
	free(data);
	free(answer);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void test_remote_gives_up_in_time(void **state)
{
	static const struct {
		enum act act;
		int family, err;
	} table[] = { { SILENT, AF_INET, -ETIMEDOUT },
		      { SILENT, AF_UNIX, -ETIMEDOUT },
		      { DRIP, AF_INET, -ETIMEDOUT },
		      { CLOSE_EARLY, AF_UNIX, -EPROTO } };

	for (size_t i = 0; i < COUNT(table); i++) {
		struct server server = { .act = table[i].act };
		char error[RQS_REMOTE_ERROR_MAX], *data = NULL;
		double start_s = seconds();
		size_t bytes;
		int err = fetch(&server, table[i].family, NULL, 300, 1000, &data, &bytes, error);

		/* Against a peer that closes first, a reset may come before the end. */
		if (err != table[i].err && !(table[i].act == CLOSE_EARLY && (err == -ECONNRESET || err == -EPIPE)))
			fail_msg("%d: %s", err, error);
		assert_true(seconds() - start_s < 5);
		if (err == -ETIMEDOUT)
			assert_non_null(strstr(error, "300 ms"));
		assert_null(data);
	}
}

static void test_remote_does_not_wait_for_a_full_backlog(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char error[RQS_REMOTE_ERROR_MAX], *data = NULL;
	struct rqs_remote remote = { .token = "" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), taken[8];
	size_t bytes;

	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/rqs-backlog-%d.sock", (int)getpid());
	strcpy(remote.endpoint.unix_path, address.sun_path);
	unlink(address.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 0), 0);
	for (size_t i = 0; i < COUNT(taken); i++) {
		taken[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(taken[i], (struct sockaddr *)&address, sizeof(address)))
			assert_int_equal(errno, EAGAIN);
	}
	assert_int_equal(rqs_remote_fetch(&remote, 200, 1000, &data, &bytes, error), -ETIMEDOUT);
	for (size_t i = 0; i < COUNT(taken); i++)
		close(taken[i]);
	close(fd);
	unlink(address.sun_path);
}

static void test_remote_names_what_does_not_listen(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct rqs_remote remote = { .endpoint.address = "127.0.0.1" };
	int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, and not listening: nobody else gets this port */
	char error[RQS_REMOTE_ERROR_MAX], *data = NULL, port[8];
	socklen_t address_bytes = sizeof(address);
	size_t bytes;

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &address_bytes), 0);
	remote.endpoint.port = ntohs(address.sin_port);
	snprintf(port, sizeof(port), ":%u", remote.endpoint.port);
	assert_int_equal(rqs_remote_fetch(&remote, 10000, 1000, &data, &bytes, error), -ECONNREFUSED);
	assert_non_null(strstr(error, "no rqscope listens there"));
	assert_non_null(strstr(error, port));
	close(fd);

	memset(&remote, 0, sizeof(remote));
	strcpy(remote.endpoint.unix_path, "/tmp/rqs-nowhere/x.sock");
	assert_int_equal(rqs_remote_fetch(&remote, 10000, 1000, &data, &bytes, error), -ENOENT);
	assert_non_null(strstr(error, "unix:/tmp/rqs-nowhere/x.sock"));
	strcpy(remote.endpoint.unix_path, "/dev/null");
	assert_int_equal(rqs_remote_fetch(&remote, 10000, 1000, &data, &bytes, error), -ECONNREFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_remote_parses_what_serve_prints),
		cmocka_unit_test(test_remote_refuses_other_urls),
		cmocka_unit_test(test_remote_takes_another_token),
		cmocka_unit_test(test_reply_reads_whole_and_byte_by_byte),
		cmocka_unit_test(test_reply_bounds_its_head),
		cmocka_unit_test(test_reply_takes_large_bodies),
		cmocka_unit_test(test_remote_fetches_over_every_family),
		cmocka_unit_test(test_remote_sends_no_token_it_does_not_have),
		cmocka_unit_test(test_remote_says_why_there_is_no_snapshot),
		cmocka_unit_test(test_remote_says_that_a_token_is_needed),
		cmocka_unit_test(test_remote_fetches_large_documents),
		cmocka_unit_test(test_remote_gives_up_in_time),
		cmocka_unit_test(test_remote_does_not_wait_for_a_full_backlog),
		cmocka_unit_test(test_remote_names_what_does_not_listen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
