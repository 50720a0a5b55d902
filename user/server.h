/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * server - the page, the WebSocket and the HTTP endpoints, on libwebsockets.
 * Upstream: handover.h (windows), model.h, frame.h, snapshot.h. Downstream: browsers.
 * Threads: rqs_server_run() is the server's thread and owns all but the two calls marked "any thread".
 */
#ifndef RQS_SERVER_H
#define RQS_SERVER_H

#include "handover.h"
#include "inflight.h"
#include "model.h"

struct rqs_server; /* opaque */

struct rqs_server_config {
	const char *listen_address; /* numeric IPv4 or IPv6 address; NULL with a Unix socket */
	uint16_t listen_port;	    /* 0: the kernel chooses */
	const char *listen_unix;    /* path, or NULL */
	const char *token;	    /* 32 hex digits or what a token file held; NULL: no authentication */
	const char *const *allow_hosts; /* names that Host may have beside loopback ones */
	size_t allow_host_count;
	uint32_t max_clients;	    /* WebSocket clients; also bounds all connections (twice this + 16) */
};

/**
 * rqs_server_open() - bind and listen; serves nothing until rqs_server_run().
 * @config: strings are borrowed until rqs_server_free(). @model: borrowed as long, used by the server's thread only.
 * @ret_error: on failure one sentence that names what failed, on what and why.
 * Return: 0, or -errno (-EADDRINUSE, -EACCES, ...); @ret_server is untouched on failure.
 */
int rqs_server_open(const struct rqs_server_config *config, struct rqs_model *model,
		    struct rqs_server **ret_server, char ret_error[256]);

/** rqs_server_set_source() - where windows come from; before rqs_server_run(). */
void rqs_server_set_source(struct rqs_server *server, struct rqs_handover *handover);

/** rqs_server_set_look() - where what is in flight is read, by the server's thread: as rqs_hub_set_look(). Before rqs_server_run(). */
void rqs_server_set_look(struct rqs_server *server, int (*read)(void *data, struct rqs_inflight *ret_inflight), void *data);

/** rqs_server_port() - the port that is open, 0 for a Unix socket. */
uint16_t rqs_server_port(const struct rqs_server *server);

/** rqs_server_run() - serve until rqs_server_stop(). Return: 0, or -errno. */
int rqs_server_run(struct rqs_server *server);

/** rqs_server_wake() - there are windows in the handover. Any thread; fits rqs_handover_new()'s @wake. */
void rqs_server_wake(void *server);

/** rqs_server_stop() - make rqs_server_run() return soon. Any thread. */
void rqs_server_stop(struct rqs_server *server);

/**
 * rqs_server_free() - close all connections. NULL is fine.
 * A Unix socket's path is removed, unless the privileges to do so were given up; the next start replaces it then.
 */
void rqs_server_free(struct rqs_server *server);

#endif
