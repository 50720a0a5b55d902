/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * front - the connections that aren't WebSockets: accepts them, reads one request at a time, writes the answer.
 * Upstream: listener.h, http_api.h. Downstream: server.h.
 * Threads: none of its own; call from one thread.
 *
 * Why not libwebsockets' own HTTP: its parser repairs what should be refused, accepts Upgrade: h2c and CONNECT,
 * bounds neither connections nor idle time, and would read bytes of clients that have shown no token yet. Behind
 * this door it only ever sees a handshake that has passed every check, in our own words.
 *
 * A client that is slow or many harms itself: each step has its time, and when there is no room for a new
 * connection, the one that has waited longest without a request makes room for it.
 */
#ifndef RQS_FRONT_H
#define RQS_FRONT_H

#include "http_api.h"
#include "listener.h"

#define RQS_FRONT_HEAD_NS 10000000000ULL  /* for a head to arrive */
#define RQS_FRONT_IDLE_NS 30000000000ULL  /* between two requests */
#define RQS_FRONT_STUCK_NS 15000000000ULL /* without a byte of the answer taken */
#define RQS_FRONT_WRITE_NS 60000000000ULL /* for an answer */
#define RQS_FRONT_TICK_NS 500000000ULL

struct rqs_front; /* opaque */

/**
 * upgrade() - a client has asked for the stream and may have it.
 * @fd: taken over when true is returned. @key: its Sec-WebSocket-Key. @rest: what it sent behind the head.
 * Return: false when there is no room for it.
 */
struct rqs_front_ops {
	bool (*upgrade)(void *data, int fd, const char *key, const void *rest, size_t rest_bytes);
};

/**
 * rqs_front_new() - everything is borrowed until rqs_front_free().
 * @max_connections: those that have become WebSockets, rqs_front_set_streams(), included.
 * Return: 0, or -errno.
 */
int rqs_front_new(struct rqs_listener *listener, struct rqs_http_api *api, uint32_t max_connections,
		  const struct rqs_front_ops *ops, void *data, struct rqs_front **ret_front);

/** rqs_front_free() - close all its connections (not the listener); NULL is fine. */
void rqs_front_free(struct rqs_front *front);

/** rqs_front_fd() - becomes readable when rqs_front_serve() has something to do, at least every 500 ms. */
int rqs_front_fd(const struct rqs_front *front);

/** rqs_front_serve() - do what can be done without waiting, at most one request of each connection. */
void rqs_front_serve(struct rqs_front *front, uint64_t now_ns);

/** rqs_front_sent() - bytes of answers that the kernel took, ever. */
uint64_t rqs_front_sent(const struct rqs_front *front);

/** rqs_front_set_streams() - how many connections are WebSockets now. */
void rqs_front_set_streams(struct rqs_front *front, uint32_t streams);

#endif
