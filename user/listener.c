// SPDX-License-Identifier: GPL-2.0-only
#include "listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024

union any_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static const char *reason_of(int err)
{
	switch (err) {
	case -EADDRINUSE:
		return "another program listens there already";
	case -EADDRNOTAVAIL:
		return "this host has no such address";
	case -EACCES:
		return "it takes more privileges";
	default:
		return strerror(-err);
	}
}

static socklen_t fill_address(const char *address, uint16_t port, union any_address *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, address, &ret->v4.sin_addr) == 1) {
		ret->v4.sin_family = AF_INET;
		ret->v4.sin_port = htons(port);
		return sizeof(ret->v4);
	}
	if (inet_pton(AF_INET6, address, &ret->v6.sin6_addr) == 1) {
		ret->v6.sin6_family = AF_INET6;
		ret->v6.sin6_port = htons(port);
		return sizeof(ret->v6);
	}
	return 0;
}

/* Return: a listening socket, or -errno. */
static int listen_tcp(const union any_address *where, socklen_t bytes)
{
	int one = 1;
	int fd = socket(where->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	/* Lets a restart bind while old connections linger; on Linux it does not let two programs listen. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    (where->any.sa_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one))) ||
	    bind(fd, &where->any, bytes) || listen(fd, BACKLOG))
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

int rqs_listener_open_tcp(const char *address, uint16_t port, struct rqs_listener *ret_listener, char ret_error[256])
{
	union any_address where;
	socklen_t bytes = fill_address(address, port, &where);
	int err = bytes ? 0 : -EINVAL;
	int fd = -1;

	if (!err) {
		fd = listen_tcp(&where, bytes);
		err = fd < 0 ? fd : 0;
	}
	if (!err && getsockname(fd, &where.any, &bytes)) {
		err = -errno;
		close(fd);
	}
	if (err) {
		snprintf(ret_error, 256, strchr(address, ':') ? "can't listen on [%s]:%u: %s" : "can't listen on %s:%u: %s",
			 address, port, reason_of(err));
		return err;
	}
	*ret_listener = (struct rqs_listener){ .fd = fd };
	ret_listener->port = ntohs(where.any.sa_family == AF_INET ? where.v4.sin_port : where.v6.sin6_port);
	return 0;
}

/* Return: 0 when the path is free or was left behind (and is removed now), -EADDRINUSE, or another -errno. */
static int clear_path(const struct sockaddr_un *where, const char **ret_reason)
{
	struct stat status;
	int err = 0;
	int fd;

	if (lstat(where->sun_path, &status))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode)) {
		*ret_reason = "something that is not a socket is there already";
		return -EADDRINUSE;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)where, sizeof(*where)) == 0 || errno != ECONNREFUSED) {
		*ret_reason = "another program listens there already";
		err = -EADDRINUSE;
	}
	close(fd);
	if (!err && unlink(where->sun_path) && errno != ENOENT)
		err = -errno;
	return err;
}

/* Return: a listening socket, or -errno. */
static int listen_unix(const struct sockaddr_un *where, struct stat *ret_status)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	/* unix_bind() (net/unix/af_unix.c, 6.1) makes the path with the mode of the socket itself, less the umask. */
	if (fchmod(fd, 0600) || bind(fd, (const struct sockaddr *)where, sizeof(*where)))
		err = -errno;
	else if (listen(fd, BACKLOG) || lstat(where->sun_path, ret_status)) {
		err = -errno;
		unlink(where->sun_path);
	}
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

int rqs_listener_open_unix(const char *path, struct rqs_listener *ret_listener, char ret_error[256])
{
	struct sockaddr_un where = { .sun_family = AF_UNIX };
	const char *reason = NULL;
	struct stat status;
	int err = 0;
	int fd = -1;

	if (!*path || strlen(path) >= sizeof(where.sun_path)) {
		err = -EINVAL;
		reason = "a socket's path has 1 to 107 bytes";
	} else {
		strcpy(where.sun_path, path);
		err = clear_path(&where, &reason);
	}
	if (!err) {
		fd = listen_unix(&where, &status);
		err = fd < 0 ? fd : 0;
	}
	if (err) {
		snprintf(ret_error, 256, "can't listen on unix:%s: %s", path, reason ? reason : reason_of(err));
		return err;
	}
	*ret_listener = (struct rqs_listener){ .fd = fd, .dev = status.st_dev, .ino = status.st_ino };
	strcpy(ret_listener->path, path);
	return 0;
}

int rqs_listener_accept(const struct rqs_listener *listener)
{
	int one = 1, idle_s = 30, interval_s = 10, probes = 3;
	int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return -errno;
	/* None of these matters enough to refuse a client, and a Unix socket has no TCP options. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
	return fd;
}

void rqs_listener_close(struct rqs_listener *listener)
{
	struct stat status;

	if (listener->fd < 0)
		return;
	if (*listener->path && lstat(listener->path, &status) == 0 && status.st_dev == listener->dev &&
	    status.st_ino == listener->ino)
		unlink(listener->path);
	close(listener->fd);
	listener->fd = -1;
}
