// SPDX-License-Identifier: GPL-2.0-only
#include "front.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#define EVENTS_MAX 64
#define ACCEPTS_MAX 64 /* in one go */
#define IN_BYTES_FIRST 2048
#define LINGER_NS 2000000000ULL
#define LINGER_BYTES (256u << 10)

enum state {
	READING,
	WRITING,
	LINGERING, /* the answer has gone; what still comes is passed over, or its sender might lose the answer */
};

struct connection {
	int fd;
	uint32_t slot;
	enum state state;
	uint32_t watched;      /* what epoll looks for */
	bool waiting;	       /* no byte of the next request has come */
	uint64_t since_ns;     /* when this state began */
	uint64_t deadline_ns;
	char *in;
	size_t in_bytes, in_room;
	struct rqs_answer answer;
	size_t sent;	/* of head and body */
	size_t dropped; /* while lingering */
};

struct rqs_front {
	struct rqs_listener *listener;
	struct rqs_http_api *api;
	const struct rqs_front_ops *ops;
	void *data;
	int epoll_fd, timer_fd;
	bool paused; /* out of file descriptors: not accepting until the next tick */
	uint32_t max_connections, streams;
	uint64_t sent_bytes;
	uint32_t count;
	struct connection *connections[]; /* the first @count of them */
};

static void close_connection(struct rqs_front *front, struct connection *connection)
{
	struct connection *last = front->connections[--front->count];

	front->connections[connection->slot] = last;
	last->slot = connection->slot;
	if (connection->fd >= 0)
		close(connection->fd);
	rqs_blob_put(connection->answer.blob);
	free(connection->in);
	free(connection);
}

/* Return: false when the connection had to be closed. */
static bool watch(struct rqs_front *front, struct connection *connection, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = connection };

	if (connection->watched == events)
		return true;
	if (epoll_ctl(front->epoll_fd, EPOLL_CTL_MOD, connection->fd, &event)) {
		close_connection(front, connection);
		return false;
	}
	connection->watched = events;
	return true;
}

static void enter(struct connection *connection, enum state state, uint64_t now_ns, uint64_t limit_ns)
{
	connection->state = state;
	connection->since_ns = now_ns;
	connection->deadline_ns = now_ns + limit_ns;
}

/* Return: 1 all written, 0 more to write, -errno. */
static int write_answer(struct rqs_front *front, struct connection *connection)
{
	struct rqs_answer *answer = &connection->answer;
	size_t total = answer->head_bytes + answer->body_bytes;

	while (connection->sent < total) {
		size_t in_body = connection->sent > answer->head_bytes ? connection->sent - answer->head_bytes : 0;
		size_t in_head = connection->sent - in_body;
		struct iovec parts[2] = {
			{ answer->head + in_head, answer->head_bytes - in_head },
			{ (unsigned char *)answer->body + in_body, answer->body_bytes - in_body },
		};
		struct msghdr message = { .msg_iov = parts, .msg_iovlen = answer->body_bytes ? 2 : 1 };
		ssize_t bytes = sendmsg(connection->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (bytes < 0 && errno == EINTR)
			continue;
		if (bytes < 0)
			return errno == EAGAIN ? 0 : -errno;
		connection->sent += (size_t)bytes;
		front->sent_bytes += (size_t)bytes;
	}
	return 1;
}

static void linger(struct rqs_front *front, struct connection *connection, uint64_t now_ns)
{
	shutdown(connection->fd, SHUT_WR);
	enter(connection, LINGERING, now_ns, LINGER_NS);
	watch(front, connection, EPOLLIN);
}

static void go_on_writing(struct rqs_front *front, struct connection *connection, uint64_t now_ns)
{
	size_t before = connection->sent;
	int done = write_answer(front, connection);

	if (done < 0) {
		close_connection(front, connection);
		return;
	}
	if (!done) {
		uint64_t end_ns = connection->since_ns + RQS_FRONT_WRITE_NS;

		if (connection->sent > before)
			connection->deadline_ns = now_ns + RQS_FRONT_STUCK_NS;
		if (connection->deadline_ns > end_ns)
			connection->deadline_ns = end_ns;
		watch(front, connection, EPOLLOUT);
		return;
	}
	rqs_blob_put(connection->answer.blob);
	connection->answer.blob = NULL;
	if (!connection->answer.keep) {
		linger(front, connection, now_ns);
		return;
	}
	connection->waiting = !connection->in_bytes;
	enter(connection, READING, now_ns, connection->waiting ? RQS_FRONT_IDLE_NS : RQS_FRONT_HEAD_NS);
	/* A request that is here already has no event to come: being writable is one. */
	watch(front, connection, connection->waiting ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

static void start_writing(struct rqs_front *front, struct connection *connection, uint64_t now_ns)
{
	connection->sent = 0;
	enter(connection, WRITING, now_ns, RQS_FRONT_STUCK_NS);
	go_on_writing(front, connection, now_ns);
}

static void refuse(struct rqs_front *front, struct connection *connection, int status, const char *text, uint64_t now_ns)
{
	rqs_http_api_refuse(status, text, &connection->answer);
	start_writing(front, connection, now_ns);
}

static void upgrade(struct rqs_front *front, struct connection *connection, uint64_t now_ns)
{
	int fd = connection->fd;

	epoll_ctl(front->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	if (front->ops->upgrade(front->data, fd, connection->answer.key, connection->in, connection->in_bytes)) {
		connection->fd = -1;
		close_connection(front, connection);
		return;
	}
	rqs_http_api_refuse(503, "rqscope serves as many clients as it may.", &connection->answer);
	write_answer(front, connection);
	close_connection(front, connection);
}

/* Answers the request that is in the buffer, if it is complete. */
static void consider(struct rqs_front *front, struct connection *connection, uint64_t now_ns)
{
	struct rqs_http_head head;
	int found = rqs_http_head_parse(connection->in, connection->in_bytes, &head);

	switch (found) {
	case 0:
		watch(front, connection, EPOLLIN);
		return;
	case 1:
		break;
	case -E2BIG:
		refuse(front, connection, 431, "The request's head is too large.", now_ns);
		return;
	case -EPROTONOSUPPORT:
		refuse(front, connection, 505, "Only HTTP/1.0 and HTTP/1.1 are spoken here.", now_ns);
		return;
	default:
		refuse(front, connection, 400, "This is not an HTTP request.", now_ns);
		return;
	}
	rqs_http_api_answer(front->api, &head, &connection->answer);
	connection->in_bytes -= head.bytes;
	memmove(connection->in, connection->in + head.bytes, connection->in_bytes);
	if (connection->answer.status == 101)
		upgrade(front, connection, now_ns);
	else
		start_writing(front, connection, now_ns);
}

static int make_room(struct connection *connection)
{
	size_t room = connection->in_room ? connection->in_room * 2 : IN_BYTES_FIRST;
	char *in;

	if (connection->in_bytes < connection->in_room)
		return 0;
	in = realloc(connection->in, room);
	if (!in)
		return -ENOMEM;
	connection->in = in;
	connection->in_room = room;
	return 0;
}

static void read_request(struct rqs_front *front, struct connection *connection, uint64_t now_ns)
{
	ssize_t bytes;

	/* rqs_http_head_parse() refuses a head of RQS_HEAD_BYTES_MAX, so there is always room for another byte. */
	if (make_room(connection)) {
		close_connection(front, connection);
		return;
	}
	bytes = recv(connection->fd, connection->in + connection->in_bytes, connection->in_room - connection->in_bytes,
		     MSG_DONTWAIT);
	if (bytes == 0 || (bytes < 0 && errno != EAGAIN && errno != EINTR)) {
		close_connection(front, connection);
		return;
	}
	if (bytes > 0) {
		connection->in_bytes += (size_t)bytes;
		if (connection->waiting)
			enter(connection, READING, now_ns, RQS_FRONT_HEAD_NS);
		connection->waiting = false;
	}
	if (connection->in_bytes)
		consider(front, connection, now_ns);
}

static void pass_over(struct rqs_front *front, struct connection *connection)
{
	char bytes[8192];
	ssize_t got = recv(connection->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (got > 0)
		connection->dropped += (size_t)got;
	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR) || connection->dropped > LINGER_BYTES)
		close_connection(front, connection);
}

static void serve_connection(struct rqs_front *front, struct connection *connection, uint32_t events, uint64_t now_ns)
{
	switch (connection->state) {
	case READING:
		if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			read_request(front, connection, now_ns);
		else
			consider(front, connection, now_ns);
		break;
	case WRITING:
		if (events & EPOLLERR)
			close_connection(front, connection);
		else
			go_on_writing(front, connection, now_ns);
		break;
	case LINGERING:
		pass_over(front, connection);
		break;
	}
}

/* Return: whether a connection that only waits was closed: the one that has waited longest. */
static bool evict(struct rqs_front *front)
{
	struct connection *oldest = NULL;
	uint32_t i;

	for (i = 0; i < front->count; i++) {
		struct connection *connection = front->connections[i];

		if (connection->state != WRITING && (!oldest || connection->since_ns < oldest->since_ns))
			oldest = connection;
	}
	if (oldest)
		close_connection(front, oldest);
	return oldest != NULL;
}

static void add_connection(struct rqs_front *front, int fd, uint64_t now_ns)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct connection *connection = NULL;

	if (front->count + front->streams < front->max_connections || evict(front))
		connection = calloc(1, sizeof(*connection));
	if (!connection) {
		close(fd);
		return;
	}
	connection->fd = fd;
	connection->watched = EPOLLIN;
	enter(connection, READING, now_ns, RQS_FRONT_HEAD_NS);
	event.data.ptr = connection;
	if (epoll_ctl(front->epoll_fd, EPOLL_CTL_ADD, fd, &event)) {
		close(fd);
		free(connection);
		return;
	}
	connection->slot = front->count;
	front->connections[front->count++] = connection;
	/* Most clients speak at once; who has spoken is not the next to make room. */
	read_request(front, connection, now_ns);
}

/* data.ptr tells the listener and the timer from connections. */
static int listen_to(struct rqs_front *front, int op, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = front->listener };

	return epoll_ctl(front->epoll_fd, op, front->listener->fd, &event) ? -errno : 0;
}

static void accept_all(struct rqs_front *front, uint64_t now_ns)
{
	int i, fd;

	for (i = 0; i < ACCEPTS_MAX; i++) {
		fd = rqs_listener_accept(front->listener);
		if (fd >= 0) {
			add_connection(front, fd, now_ns);
			continue;
		}
		if (fd == -EMFILE || fd == -ENFILE || fd == -ENOBUFS || fd == -ENOMEM) {
			/* The listener stays readable; looking again before something changed would spin. */
			front->paused = listen_to(front, EPOLL_CTL_MOD, 0) == 0;
			evict(front);
			return;
		}
		if (fd != -ECONNABORTED && fd != -EINTR)
			return;
	}
}

static void expire(struct rqs_front *front, uint64_t now_ns)
{
	uint32_t i = front->count;

	/* Backwards: closing one moves the last into its place. */
	while (i-- > 0) {
		struct connection *connection = front->connections[i];

		if (now_ns < connection->deadline_ns)
			continue;
		if (connection->state == READING && connection->in_bytes)
			refuse(front, connection, 408, "The request's head took too long.", now_ns);
		else
			close_connection(front, connection);
	}
}

static void tick(struct rqs_front *front, uint64_t now_ns)
{
	uint64_t ticks;

	if (read(front->timer_fd, &ticks, sizeof(ticks)) < 0)
		return;
	expire(front, now_ns);
	if (front->paused)
		front->paused = listen_to(front, EPOLL_CTL_MOD, EPOLLIN) != 0;
}

void rqs_front_serve(struct rqs_front *front, uint64_t now_ns)
{
	struct epoll_event events[EVENTS_MAX];
	bool accepting = false, ticking = false;
	int i, count = epoll_wait(front->epoll_fd, events, EVENTS_MAX, 0);

	for (i = 0; i < count; i++) {
		if (events[i].data.ptr == front->listener)
			accepting = true;
		else if (events[i].data.ptr == front)
			ticking = true;
		else
			serve_connection(front, events[i].data.ptr, events[i].events, now_ns);
	}
	/* Last: these close connections other than the one that has an event. */
	if (ticking)
		tick(front, now_ns);
	if (accepting)
		accept_all(front, now_ns);
}

int rqs_front_new(struct rqs_listener *listener, struct rqs_http_api *api, uint32_t max_connections,
		  const struct rqs_front_ops *ops, void *data, struct rqs_front **ret_front)
{
	struct rqs_front *front = calloc(1, sizeof(*front) + max_connections * sizeof(front->connections[0]));
	struct itimerspec every = { .it_interval.tv_nsec = RQS_FRONT_TICK_NS, .it_value.tv_nsec = RQS_FRONT_TICK_NS };
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = front };
	int err = 0;

	if (!front)
		return -ENOMEM;
	front->listener = listener;
	front->api = api;
	front->max_connections = max_connections;
	front->ops = ops;
	front->data = data;
	front->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	front->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (front->epoll_fd < 0 || front->timer_fd < 0 || timerfd_settime(front->timer_fd, 0, &every, NULL) ||
	    epoll_ctl(front->epoll_fd, EPOLL_CTL_ADD, front->timer_fd, &event))
		err = -errno;
	else
		err = listen_to(front, EPOLL_CTL_ADD, EPOLLIN);
	if (err) {
		rqs_front_free(front);
		return err;
	}
	*ret_front = front;
	return 0;
}

void rqs_front_free(struct rqs_front *front)
{
	if (!front)
		return;
	while (front->count)
		close_connection(front, front->connections[0]);
	if (front->timer_fd >= 0)
		close(front->timer_fd);
	if (front->epoll_fd >= 0)
		close(front->epoll_fd);
	free(front);
}

int rqs_front_fd(const struct rqs_front *front)
{
	return front->epoll_fd;
}

uint64_t rqs_front_sent(const struct rqs_front *front)
{
	return front->sent_bytes;
}

void rqs_front_set_streams(struct rqs_front *front, uint32_t streams)
{
	front->streams = streams;
}
