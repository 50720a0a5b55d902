/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hub - who of the WebSocket clients gets which message when.
 * Upstream: model.h, frame.h. Downstream: server.h moves the bytes.
 * Pure: no I/O, clock, lock or log; times are CLOCK_MONOTONIC ns that the caller passes.
 * Threads: none of its own; call from one thread.
 *
 * Each message is encoded once and queued by reference: windows once for each rate that has clients, those of a service once for
 * each rate at which it is watched, services and status once a second, events once. Only who is out of step gets messages of its own: a new client, one
 * that changed its rate, one that was too slow and now gets what it lost merged into one window.
 */
#ifndef RQS_HUB_H
#define RQS_HUB_H

#include "blob.h"

#define RQS_HUB_QUEUE_MAX 64	   /* messages; a client that makes us owe it more is closed */
#define RQS_HUB_BEHIND_MESSAGES 8  /* more than this queued, twice as many where a service is watched, */
#define RQS_HUB_BEHIND_BYTES (1u << 20) /* or this: windows are not queued but merged */
#define RQS_HUB_HISTORY_BYTES (2u << 20) /* more than this queued: a request for history is turned down */
#define RQS_HUB_STUCK_NS 15000000000ULL
#define RQS_HUB_PING_NS 20000000000ULL	/* between two pings */
#define RQS_HUB_SILENT_NS 60000000000ULL /* who neither said a thing nor answered a ping for so long is gone */
#define RQS_HUB_PIECE_BYTES 16384  /* a longer message is sent as several WebSocket frames */
#define RQS_HUB_MESSAGE_MAX 1024   /* bytes a client may say at once */
#define RQS_HUB_LATE_NS 5000000000ULL /* longer than this from one rqs_hub_expire() to the next: it was this side that did nothing */
#define RQS_HUB_BAD_MAX 10
#define RQS_HUB_HISTORY_MAX 4	   /* answers a second */
#define RQS_HUB_SPEECH_MAX 100	   /* messages a second */
#define RQS_HUB_EVENTS_MAX 100	   /* the last ones, on connecting */

struct rqs_hub;	       /* opaque */
struct rqs_hub_client; /* opaque */

/* What the hub asks of its owner, about the @owner that a client was added with. */
struct rqs_hub_ops {
	void (*want_write)(void *owner); /* call rqs_hub_next() as soon as @owner can take bytes */
	void (*ping)(void *owner);	 /* send a ping, or leave it where bytes are still waiting */
	void (*kill)(void *owner);	 /* close it now; not from within this call */
};

enum rqs_hub_close {
	RQS_HUB_OPEN,
	RQS_HUB_TOO_SLOW,
	RQS_HUB_TOO_MANY,
	RQS_HUB_MISBEHAVED,
	RQS_HUB_SHUTDOWN,
};

/* A part of a message; @data has RQS_BLOB_HEADROOM bytes in front whose content the writer must restore. */
struct rqs_hub_piece {
	unsigned char *data; /* NULL: nothing to send now */
	size_t bytes;
	bool first, last; /* of its message */
	bool more;	  /* there is more to send after it */
	enum rqs_hub_close close; /* with data == NULL: all has been said, close it for this reason */
};

/** rqs_hub_new() - @model and @ops are borrowed. NULL with errno ENOMEM. */
struct rqs_hub *rqs_hub_new(struct rqs_model *model, uint32_t max_clients, const struct rqs_hub_ops *ops);

/** rqs_hub_free() - with all its clients; NULL is fine. */
void rqs_hub_free(struct rqs_hub *hub);

/**
 * rqs_hub_take() - a window has come: into the model and on to the clients whose time it is. Borrowed.
 * Return: 0, or rqs_model_apply()'s error (nobody is told anything then).
 */
int rqs_hub_take(struct rqs_hub *hub, const struct rqs_window *window, uint64_t now_ns);

/**
 * rqs_hub_set_look() - where what is in flight is read, once a second while a client asks for it; before rqs_hub_add().
 * @read: 0, or -errno where it can't be read.
 */
void rqs_hub_set_look(struct rqs_hub *hub, int (*read)(void *data, struct rqs_inflight *ret_inflight), void *data);

/**
 * rqs_hub_add() - a client has connected: hello, services, status and events are queued for it; one too many
 * is told so and closed.
 * Return: the client, valid until rqs_hub_remove(); NULL with errno ENOMEM.
 */
struct rqs_hub_client *rqs_hub_add(struct rqs_hub *hub, void *owner, uint64_t now_ns);

/** rqs_hub_remove() - NULL is fine. */
void rqs_hub_remove(struct rqs_hub *hub, struct rqs_hub_client *client);

/** rqs_hub_clients() - how many there are, those about to be closed not counted. */
uint32_t rqs_hub_clients(const struct rqs_hub *hub);

/**
 * rqs_hub_receive() - bytes of a client's message have come.
 * @first, @last: whether they begin and end it; a message may come in any number of parts.
 * @text: false for a binary one.
 */
void rqs_hub_receive(struct rqs_hub *hub, struct rqs_hub_client *client, const void *data, size_t bytes, bool first,
		     bool last, bool text, uint64_t now_ns);

/** rqs_hub_heard() - a client answered a ping. */
void rqs_hub_heard(struct rqs_hub_client *client, uint64_t now_ns);

/** rqs_hub_next() - what to write to a client that can take bytes now. Valid until rqs_hub_sent(). */
void rqs_hub_next(struct rqs_hub *hub, struct rqs_hub_client *client, uint64_t now_ns, struct rqs_hub_piece *ret_piece);

/** rqs_hub_sent() - the piece that rqs_hub_next() gave was taken. */
void rqs_hub_sent(struct rqs_hub *hub, struct rqs_hub_client *client, uint64_t now_ns);

/** rqs_hub_expire() - kill clients that take nothing any more or are silent, ping those whose time it is; about once a second. */
void rqs_hub_expire(struct rqs_hub *hub, uint64_t now_ns);

/** rqs_hub_shut_down() - tell all clients, then close them. */
void rqs_hub_shut_down(struct rqs_hub *hub, uint64_t now_ns);

#endif
