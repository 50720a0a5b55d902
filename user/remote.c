// SPDX-License-Identifier: GPL-2.0-only
#include "remote.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "reply.h"

static int __attribute__((format(printf, 3, 4))) fail(char *ret_error, int err, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(ret_error, RQS_REMOTE_ERROR_MAX, format, arguments);
	va_end(arguments);
	return err;
}

int rqs_remote_set_token(struct rqs_remote *remote, const char *token)
{
	size_t bytes = strlen(token);

	if (!bytes || bytes >= sizeof(remote->token))
		return -EINVAL;
	for (size_t i = 0; i < bytes; i++)
		if (token[i] <= ' ' || token[i] > '~')
			return -EINVAL;
	memcpy(remote->token, token, bytes + 1);
	return 0;
}

int rqs_remote_parse(const char *url, struct rqs_remote *ret_remote, char ret_error[RQS_REMOTE_ERROR_MAX])
{
	static const char form[] = "write it as serve prints it, http://127.0.0.1:7117/#token=..., or unix:PATH#token=...";
	struct rqs_remote remote = { .token = "" };
	const char *fragment = strchr(url, '#'), *reason = NULL;
	size_t bytes = fragment ? (size_t)(fragment - url) : strlen(url);
	char copy[160], *place = copy;

	if (bytes >= sizeof(copy))
		return fail(ret_error, -EINVAL, "the URL is too long; %s", form);
	memcpy(copy, url, bytes);
	copy[bytes] = '\0';
	if (!strncmp(copy, "http://", 7)) {
		place = copy + 7;
		if (bytes > 7 && copy[bytes - 1] == '/')
			copy[bytes - 1] = '\0';
	} else if (!strncmp(copy, "https://", 8)) {
		return fail(ret_error, -EINVAL, "rqscope doesn't speak https; %s", form);
	} else if (strncmp(copy, "unix:", 5)) {
		return fail(ret_error, -EINVAL, "'%.50s' is not a URL of rqscope; %s", copy, form);
	}
	if (rqs_endpoint_parse(place, &remote.endpoint, &reason))
		return fail(ret_error, -EINVAL, "'%.50s': %s", copy, reason);
	if (place != copy && remote.endpoint.unix_path[0])
		return fail(ret_error, -EINVAL, "'%.50s' is not a URL of rqscope; %s", copy, form);
	if (fragment && (strncmp(fragment, "#token=", 7) || rqs_remote_set_token(&remote, fragment + 7)))
		return fail(ret_error, -EINVAL, "what follows '#' in the URL is not token=TOKEN; %s", form);
	*ret_remote = remote;
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Wait for @events on @fd until @deadline_ms. Return: 0, or -errno. */
static int wait_for(int fd, short events, int64_t deadline_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };

	for (;;) {
		int64_t left_ms = deadline_ms - now_ms();
		int count;

		if (left_ms <= 0)
			return -ETIMEDOUT;
		count = poll(&poll_fd, 1, (int)left_ms);
		if (count > 0)
			return 0;
		if (count < 0 && errno != EINTR)
			return -errno;
	}
}

static socklen_t make_address(const struct rqs_endpoint *endpoint, struct sockaddr_storage *ret_address)
{
	struct sockaddr_un *local = (struct sockaddr_un *)ret_address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret_address;
	struct sockaddr_in *four = (struct sockaddr_in *)ret_address;

	memset(ret_address, 0, sizeof(*ret_address));
	if (endpoint->unix_path[0]) {
		local->sun_family = AF_UNIX;
		memcpy(local->sun_path, endpoint->unix_path, strlen(endpoint->unix_path));
		return sizeof(*local);
	}
	if (inet_pton(AF_INET, endpoint->address, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons(endpoint->port);
		return sizeof(*four);
	}
	inet_pton(AF_INET6, endpoint->address, &six->sin6_addr);
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(endpoint->port);
	return sizeof(*six);
}

static int open_connection(const struct rqs_endpoint *endpoint, int64_t deadline_ms, int *ret_fd)
{
	struct sockaddr_storage address;
	socklen_t bytes = make_address(endpoint, &address), err_bytes = sizeof(int);
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	while (connect(fd, (struct sockaddr *)&address, bytes) && errno != EISCONN) {
		if (errno == EINPROGRESS) {
			err = wait_for(fd, POLLOUT, deadline_ms);
			if (!err && !getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &err_bytes))
				err = -err;
			break;
		}
		err = errno == EINTR ? 0 : -errno;
		/* A Unix socket whose backlog is full can't be polled for: try again a little later. */
		if (err == -EAGAIN && now_ms() < deadline_ms) {
			poll(NULL, 0, 10);
			err = 0;
		}
		if (err)
			break;
	}
	if (err) {
		close(fd);
		return err == -EAGAIN ? -ETIMEDOUT : err;
	}
	*ret_fd = fd;
	return 0;
}

static int send_all(int fd, const char *data, size_t bytes, int64_t deadline_ms)
{
	while (bytes) {
		ssize_t sent = send(fd, data, bytes, MSG_NOSIGNAL);
		int err;

		if (sent > 0) {
			data += sent;
			bytes -= (size_t)sent;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		err = wait_for(fd, POLLOUT, deadline_ms);
		if (err)
			return err;
	}
	return 0;
}

static int receive(int fd, struct rqs_reply *reply, int64_t deadline_ms)
{
	char data[65536];
	int err = 0;

	while (!err) {
		ssize_t got = recv(fd, data, sizeof(data), 0);

		/* Checked also while data keeps coming: drop by drop must not take for ever. */
		if (now_ms() >= deadline_ms)
			return -ETIMEDOUT;
		if (got > 0)
			err = rqs_reply_feed(reply, data, (size_t)got);
		else if (!got)
			err = rqs_reply_end(reply);
		else if (errno == EAGAIN || errno == EINTR)
			err = wait_for(fd, POLLIN, deadline_ms);
		else
			err = -errno;
	}
	return err;
}

static int judge(const struct rqs_reply *reply, const char *name, bool has_token, char *ret_error)
{
	uint32_t status = rqs_reply_status(reply);

	if (status == 401 && !has_token)
		return fail(ret_error, -EACCES, "%s: a token is needed, in the URL or by --token-file", name);
	if (status == 401)
		return fail(ret_error, -EACCES, "%s: the token was refused; serve prints a new one at each start", name);
	if (status == 403)
		return fail(ret_error, -EACCES, "%s: the request was refused (403); the name in the URL must be a loopback "
			    "one or given to serve with --allow-host", name);
	if (status == 404)
		return fail(ret_error, -EPROTO, "%s: what answers there is not an rqscope (404)", name);
	if (status == 503)
		return fail(ret_error, -EPROTO, "%s: rqscope is not ready or has too many clients (503); try again", name);
	if (status != 200)
		return fail(ret_error, -EPROTO, "%s: answered with status %u instead of a snapshot", name, status);
	if (!rqs_reply_is_json(reply))
		return fail(ret_error, -EPROTO, "%s: what answers there is not an rqscope (no JSON)", name);
	return 0;
}

static int explain(int err, const char *name, uint32_t limit_ms, size_t limit_bytes, char *ret_error)
{
	switch (err) {
	case -ETIMEDOUT:
		return fail(ret_error, err, "%s: no complete answer within %u ms", name, limit_ms);
	case -EPROTO:
		return fail(ret_error, err, "%s: the answer is malformed or was cut off", name);
	case -EFBIG:
		return fail(ret_error, err, "%s: the answer is larger than %zu bytes", name, limit_bytes);
	case -ECONNREFUSED:
	case -ENOENT:
		return fail(ret_error, err, "%s: no rqscope listens there (%s)", name, strerror(-err));
	default:
		return fail(ret_error, err, "%s: %s", name, strerror(-err));
	}
}

int rqs_remote_fetch(const struct rqs_remote *remote, uint32_t limit_ms, size_t limit_bytes, char **ret_data,
		     size_t *ret_bytes, char ret_error[RQS_REMOTE_ERROR_MAX])
{
	const struct rqs_endpoint *endpoint = &remote->endpoint;
	int64_t deadline_ms = now_ms() + limit_ms;
	bool has_token = remote->token[0], six = strchr(endpoint->address, ':');
	char name[RQS_ENDPOINT_PATH_MAX + 8], request[640], *data;
	struct rqs_reply *reply = rqs_reply_new(limit_bytes);
	int fd = -1, err = -ENOMEM;

	if (endpoint->unix_path[0])
		snprintf(name, sizeof(name), "unix:%s", endpoint->unix_path);
	else
		snprintf(name, sizeof(name), six ? "[%s]:%u" : "%s:%u", endpoint->address, endpoint->port);
	snprintf(request, sizeof(request),
		 "GET /api/v1/snapshot HTTP/1.1\r\nHost: %s\r\nAccept: application/json\r\n%s%s%sConnection: close\r\n\r\n",
		 endpoint->unix_path[0] ? "localhost" : name, has_token ? "Authorization: Bearer " : "",
		 remote->token, has_token ? "\r\n" : "");
	if (reply)
		err = open_connection(endpoint, deadline_ms, &fd);
	if (!err)
		err = send_all(fd, request, strlen(request), deadline_ms);
	/* A server may answer and close before it has read the request: what it said is worth more than EPIPE. */
	if (!err || (fd >= 0 && (err == -EPIPE || err == -ECONNRESET)))
		err = receive(fd, reply, deadline_ms);
	if (err > 0)
		err = judge(reply, name, has_token, ret_error);
	else
		err = explain(err, name, limit_ms, limit_bytes, ret_error);
	if (!err) {
		data = rqs_reply_take(reply, ret_bytes);
		if (data)
			*ret_data = data;
		else
			err = explain(-ENOMEM, name, limit_ms, limit_bytes, ret_error);
	}
	if (fd >= 0)
		close(fd);
	rqs_reply_free(reply);
	return err;
}
