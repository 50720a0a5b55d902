// SPDX-License-Identifier: GPL-2.0-only
#include "poll_set.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

/* What poll() and epoll call the same. */
_Static_assert(POLLIN == EPOLLIN && POLLPRI == EPOLLPRI && POLLOUT == EPOLLOUT && POLLERR == EPOLLERR && POLLHUP == EPOLLHUP &&
		       POLLRDHUP == EPOLLRDHUP, "events have the same bits");

#define READY_MAX 256

/* The linker's names for the C library's own function and for the one that calls are led to. */
int __real_poll(struct pollfd *fds, nfds_t count, int timeout_ms) __attribute__((weak));
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms);

struct poll_known {
	uint32_t place; /* in the caller's array, at the last call */
	short events;	/* asked of the kernel for this descriptor */
	bool is_in;
};

struct rqs_poll_set {
	int epoll;
	unsigned int room;
	struct epoll_event ready[READY_MAX];
	struct poll_known known[]; /* by descriptor */
};

static _Thread_local struct rqs_poll_set *used;

struct rqs_poll_set *rqs_poll_set_new(unsigned int room)
{
	struct rqs_poll_set *set = calloc(1, sizeof(*set) + room * sizeof(set->known[0]));

	if (!set)
		return NULL;
	set->room = room;
	set->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (set->epoll < 0) {
		free(set);
		return NULL;
	}
	return set;
}

void rqs_poll_set_free(struct rqs_poll_set *set)
{
	if (!set)
		return;
	close(set->epoll);
	free(set);
}

void rqs_poll_set_use(struct rqs_poll_set *set)
{
	used = set;
}

void rqs_poll_set_forget(struct rqs_poll_set *set, int fd)
{
	if (fd >= 0 && (unsigned int)fd < set->room)
		set->known[fd] = (struct poll_known){ 0 };
}

static int set_ask(struct rqs_poll_set *set, int fd, short events)
{
	struct epoll_event event = { .events = (uint16_t)events, .data.fd = fd };
	struct poll_known *known = &set->known[fd];
	int err = epoll_ctl(set->epoll, known->is_in ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);

	/* One that is in it was forgotten, or one that was in it is closed. */
	if (err && (errno == EEXIST || errno == ENOENT))
		err = epoll_ctl(set->epoll, errno == EEXIST ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
	if (err)
		return -errno;
	known->is_in = true;
	known->events = events;
	return 0;
}

/* What is asked of each file is what the caller asks, and nothing is ready. */
static int set_ask_all(struct rqs_poll_set *set, struct pollfd *fds, nfds_t count)
{
	for (nfds_t i = 0; i < count; i++) {
		struct poll_known *known;

		fds[i].revents = 0;
		if (fds[i].fd < 0)
			continue;
		if ((unsigned int)fds[i].fd >= set->room)
			return -ENOTSUP;
		known = &set->known[fds[i].fd];
		known->place = i;
		if ((!known->is_in || known->events != fds[i].events) && set_ask(set, fds[i].fd, fds[i].events))
			return -ENOTSUP;
	}
	return 0;
}

int rqs_poll_set_wait(struct rqs_poll_set *set, struct pollfd *fds, nfds_t count, int timeout_ms)
{
	int ready, told = 0;

	if (set_ask_all(set, fds, count)) {
		errno = ENOTSUP;
		return -1;
	}
	ready = epoll_wait(set->epoll, set->ready, READY_MAX, timeout_ms);
	for (int i = 0; i < ready; i++) {
		int fd = set->ready[i].data.fd;
		uint32_t place = set->known[fd].place;

		if (place < count && fds[place].fd == fd) {
			fds[place].revents = (short)set->ready[i].events;
			told++;
		} else { /* still open, and nobody asks for it any more */
			epoll_ctl(set->epoll, EPOLL_CTL_DEL, fd, NULL);
			set->known[fd] = (struct poll_known){ 0 };
		}
	}
	return ready < 0 ? ready : told;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	int ready;

	/* Of a single file libwebsockets asks in passing; it is in the set for other events. */
	if (!used || count < 2)
		return __real_poll(fds, count, timeout_ms);
	ready = rqs_poll_set_wait(used, fds, count, timeout_ms);
	if (ready >= 0 || errno != ENOTSUP)
		return ready;
	return __real_poll(fds, count, timeout_ms);
}
