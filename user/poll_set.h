/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * poll_set - poll() of the same files again and again, by what the kernel keeps of them (epoll).
 * Downstream: server.h.
 * Threads: a set belongs to one.
 *
 * poll() asks each file anew: with 2,000 clients that was a tenth of all that it takes to send them a window. libwebsockets knows no
 * other way but in plugins, which a static binary can't load. So its calls are led here when it is linked (-Wl,--wrap, in the Makefile);
 * where they aren't, as in unit tests, it does as it always did.
 */
#ifndef RQS_POLL_SET_H
#define RQS_POLL_SET_H

#include <poll.h>

struct rqs_poll_set; /* opaque */

/** rqs_poll_set_new() - Return: a set, or NULL. @room: file descriptors of this number and above make rqs_poll_set_wait() give up. */
struct rqs_poll_set *rqs_poll_set_new(unsigned int room);

/** rqs_poll_set_free() - NULL is fine. The files stay open. */
void rqs_poll_set_free(struct rqs_poll_set *set);

/** rqs_poll_set_use() - from now on this thread's calls of poll() for more than one file are answered by a set; NULL: none. */
void rqs_poll_set_use(struct rqs_poll_set *set);

/**
 * rqs_poll_set_forget() - this descriptor is that of a new file, or will be before it is next waited for.
 * A closed file leaves the set by itself. Without this call another one of the same number would be taken for it.
 */
void rqs_poll_set_forget(struct rqs_poll_set *set, int fd);

/**
 * rqs_poll_set_wait() - as poll(); of very many that are ready some are told of in the next call.
 * Return: as poll(); -1 with ENOTSUP when a file or its number can't be had in a set, nothing was waited for then.
 */
int rqs_poll_set_wait(struct rqs_poll_set *set, struct pollfd *fds, nfds_t count, int timeout_ms);

#endif
