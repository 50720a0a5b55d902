/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hub_state - what the hub knows, shared by its own files: hub.c (who gets what), hub_service.c (windows of a service), hub_queue.c
 * (what is owed to a client), hub_speech.c (what clients say).
 */
#ifndef RQS_HUB_STATE_H
#define RQS_HUB_STATE_H

#include "hub.h"

#define RQS_HUB_SECOND_NS 1000000000ULL
#define RQS_HUB_RATE_COUNT 4

extern const uint32_t rqs_hub_rates_ms[RQS_HUB_RATE_COUNT];

struct rqs_hub_client {
	struct rqs_hub_client *next, **link;
	void *owner;
	size_t rate; /* index into rqs_hub_rates_ms */

	/* What each window needs of each client stands together: of thousands of clients little of this is in the caches. */
	enum rqs_hub_close close;
	bool behind; /* until the queue is empty nothing is added that can be merged later */
	size_t queue_head, queue_count;
	size_t queue_bytes;  /* of all messages in it */
	size_t offset;	     /* of what was sent of the first one */
	size_t piece_bytes;  /* of what rqs_hub_next() gave; 0: nothing */
	uint64_t progress_ns; /* when bytes last went, or there were none to go */
	uint64_t window_seq; /* windows up to this one are sent or queued */
	uint64_t event_seq;
	struct rqs_blob *queue[RQS_HUB_QUEUE_MAX]; /* a ring */

	uint64_t heard_ns; /* when it last said a thing or answered a ping */
	uint64_t ping_ns;  /* when it is to be asked */
	uint64_t close_ns; /* when @close was set */
	uint64_t watched; /* rqs_model_service() of the service whose routes it gets, 0: none */
	uint32_t watched_slot;
	uint64_t routes_seq; /* window after which it got them last */
	uint64_t service;     /* the same service as long as windows of it are sent; routes end at a time of their own */
	uint64_t service_seq; /* its windows up to this one are sent or queued */
	uint32_t service_slot;
	bool looks; /* at what is in flight */

	char said[RQS_HUB_MESSAGE_MAX];
	size_t said_bytes; /* more than fits in @said: too long */
	uint64_t speech_ns; /* start of the second in which @speech_count messages came */
	unsigned int speech_count;
	uint64_t history_ns[RQS_HUB_HISTORY_MAX]; /* when the last answers were given, a ring */
	size_t history_next;
	unsigned int bad_count;
};

/* Windows go to the clients of a rate when its time has come, by the windows' own clock. */
struct rqs_hub_rate {
	uint32_t clients;
	uint64_t due_ns;
	uint64_t seq; /* windows up to this one were flushed */
};

struct rqs_hub {
	struct rqs_model *model;
	const struct rqs_hub_ops *ops;
	uint32_t max_clients, client_count;
	struct rqs_hub_client *clients;
	struct rqs_hub_rate rates[RQS_HUB_RATE_COUNT];
	uint64_t window_ns;	/* end of the newest window */
	uint64_t second_due_ns; /* when services and status are due */
	uint64_t second_seq;	/* the window after which they were made */
	struct rqs_blob *services, *status;
	int (*look)(void *data, struct rqs_inflight *ret_inflight); /* may be NULL */
	void *look_data;
	struct rqs_inflight inflight;
	uint64_t event_seq; /* events up to this one were sent to who is in step */
	uint64_t expired_ns; /* when clients were last looked after; 0: never */
};

/* A caller that took the time a little earlier than the last one must not seem to come ages later. */
static inline uint64_t rqs_hub_since(uint64_t now_ns, uint64_t then_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

/** rqs_hub_rate_index() - where a rate stands in rqs_hub_rates_ms; it must be one of them. */
size_t rqs_hub_rate_index(uint32_t rate_ms);

/** rqs_hub_count() - a client comes to its rate (1) or leaves it (-1). */
void rqs_hub_count(struct rqs_hub *hub, struct rqs_hub_client *client, int by);

/** rqs_hub_finish() - no more is queued, and when what is queued has gone the client is closed. */
void rqs_hub_finish(struct rqs_hub *hub, struct rqs_hub_client *client, enum rqs_hub_close why, uint64_t now_ns);

/**
 * rqs_hub_enqueue() - owe a client a message. Takes no reference over.
 * @blob: NULL, a message that there was no memory for, is skipped.
 * Return: whether it is queued.
 */
bool rqs_hub_enqueue(struct rqs_hub *hub, struct rqs_hub_client *client, struct rqs_blob *blob, uint64_t now_ns);

/** rqs_hub_enqueue_text() - the same with a text for this client alone, which is freed. */
bool rqs_hub_enqueue_text(struct rqs_hub *hub, struct rqs_hub_client *client, struct rqs_text text, uint64_t now_ns);

/** rqs_hub_drop_first() - the first message has gone or is not wanted any more; there must be one. */
void rqs_hub_drop_first(struct rqs_hub_client *client);

/** rqs_hub_drop_queue() - take back all messages that have not begun. */
void rqs_hub_drop_queue(struct rqs_hub_client *client);

/** rqs_hub_watch_windows() - from now on a client gets the windows of the service that it watches, or of none. */
void rqs_hub_watch_windows(struct rqs_hub_client *client);

/** rqs_hub_send_service_windows() - the time of a rate has come: to all of it who watch a service. */
void rqs_hub_send_service_windows(struct rqs_hub *hub, size_t rate, uint64_t now_ns);

/** rqs_hub_catch_up_service() - the windows of a service that were held back from a client, merged into one. */
void rqs_hub_catch_up_service(struct rqs_hub *hub, struct rqs_hub_client *client, uint64_t now_ns);

/** rqs_hub_is_behind() - whether what can be merged later is held back from a client. */
bool rqs_hub_is_behind(struct rqs_hub *hub, struct rqs_hub_client *client);

#endif
