// SPDX-License-Identifier: GPL-2.0-only
/*
 * uring_server - an HTTP server that accepts, reads and writes by io_uring alone.
 * Usage: uring_server [PATH]. Prints "port N" or, of a Unix socket, "port PATH"; serves until SIGTERM, then prints
 * "requests=N responses=N request_bytes=N response_bytes=N" of its own counting.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECTIONS 256
#define REPLY "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nuring\n"
#define PIPELINE 16

enum step { STEP_ACCEPT, STEP_READ, STEP_WRITE };

struct connection {
	int fd;
	enum step step;
	unsigned matched; /* bytes of the blank line seen so far */
	size_t reply_bytes, reply_sent;
	char in[4096];
	char out[PIPELINE * sizeof(REPLY)];
};

static struct connection connections[CONNECTIONS];
static struct io_uring ring;
static volatile sig_atomic_t stopped;
static unsigned long long requests, responses, request_bytes, response_bytes;

static void on_stop(int signal_number)
{
	stopped = 1;
}

static struct io_uring_sqe *next_sqe(void)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	if (!sqe) {
		io_uring_submit(&ring);
		sqe = io_uring_get_sqe(&ring);
	}
	if (!sqe)
		abort();
	return sqe;
}

static void submit(struct connection *conn, enum step step, int listener)
{
	struct io_uring_sqe *sqe = next_sqe();

	conn->step = step;
	if (step == STEP_ACCEPT)
		io_uring_prep_accept(sqe, listener, NULL, NULL, 0);
	else if (step == STEP_READ)
		io_uring_prep_recv(sqe, conn->fd, conn->in, sizeof(conn->in), 0);
	else
		io_uring_prep_send(sqe, conn->fd, conn->out + conn->reply_sent, conn->reply_bytes - conn->reply_sent,
				   MSG_NOSIGNAL);
	io_uring_sqe_set_data(sqe, conn);
}

/* Counts the heads that end in what was read (requests here have no body) and prepares their answers. */
static void on_read(struct connection *conn, size_t bytes)
{
	static const char blank[] = "\r\n\r\n";

	request_bytes += bytes;
	conn->reply_bytes = conn->reply_sent = 0;
	for (size_t i = 0; i < bytes; i++) {
		if (conn->in[i] == blank[conn->matched])
			conn->matched++;
		else
			conn->matched = conn->in[i] == '\r';
		if (conn->matched < 4)
			continue;
		conn->matched = 0;
		requests++;
		if (conn->reply_bytes + sizeof(REPLY) - 1 > sizeof(conn->out))
			abort();
		memcpy(conn->out + conn->reply_bytes, REPLY, sizeof(REPLY) - 1);
		conn->reply_bytes += sizeof(REPLY) - 1;
	}
}

static void on_done(struct connection *conn, int result, int listener)
{
	if (conn->step == STEP_ACCEPT) {
		if (result >= 0) {
			conn->fd = result;
			conn->matched = 0;
			submit(conn, STEP_READ, listener);
		} else {
			submit(conn, STEP_ACCEPT, listener);
		}
		return;
	}
	if (result <= 0) {
		close(conn->fd);
		submit(conn, STEP_ACCEPT, listener);
		return;
	}
	if (conn->step == STEP_READ) {
		on_read(conn, result);
		submit(conn, conn->reply_bytes ? STEP_WRITE : STEP_READ, listener);
		return;
	}
	response_bytes += result;
	conn->reply_sent += result;
	if (conn->reply_sent < conn->reply_bytes) {
		submit(conn, STEP_WRITE, listener);
		return;
	}
	responses += conn->reply_bytes / (sizeof(REPLY) - 1);
	submit(conn, STEP_READ, listener);
}

/* On loopback, or at a path. Says where. */
static int listen_at(const char *path)
{
	struct sockaddr_in inet = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	struct sockaddr *address = path ? (struct sockaddr *)&local : (struct sockaddr *)&inet;
	socklen_t length = path ? sizeof(local) : sizeof(inet);
	int listener = socket(address->sa_family, SOCK_STREAM, 0);

	if (path)
		snprintf(local.sun_path, sizeof(local.sun_path), "%s", path);
	if (listener < 0 || bind(listener, address, length) || listen(listener, 1024) || getsockname(listener, address, &length))
		return -1;
	if (path)
		printf("port %s\n", path);
	else
		printf("port %d\n", ntohs(inet.sin_port));
	return listener;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_stop };
	sigset_t stop, waiting;
	int listener, err;

	/* SIGTERM is let in while the server waits and at no other time: between the look at stopped and the wait it'd be lost. */
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigprocmask(SIG_BLOCK, &stop, &waiting);
	sigdelset(&waiting, SIGTERM);
	sigaction(SIGTERM, &action, NULL);
	err = io_uring_queue_init(1024, &ring, 0);
	if (err) {
		fprintf(stderr, "uring_server: io_uring_setup: %s\n", strerror(-err));
		return 3;
	}
	listener = listen_at(argc > 1 ? argv[1] : NULL);
	if (listener < 0) {
		perror("uring_server: cannot listen");
		return 1;
	}
	for (int i = 0; i < CONNECTIONS; i++)
		submit(&connections[i], STEP_ACCEPT, listener);
	fflush(stdout);
	while (!stopped) {
		struct io_uring_cqe *cqe;

		io_uring_submit(&ring);
		err = io_uring_wait_cqes(&ring, &cqe, 1, NULL, &waiting);
		if (err == -EINTR)
			continue;
		if (err)
			return 1;
		on_done(io_uring_cqe_get_data(cqe), cqe->res, listener);
		io_uring_cqe_seen(&ring, cqe);
	}
	printf("requests=%llu responses=%llu request_bytes=%llu response_bytes=%llu\n", requests, responses, request_bytes,
	       response_bytes);
	return 0;
}
