// SPDX-License-Identifier: GPL-2.0-only
#include "hub.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS 1000000000ULL

static const uint32_t rates_ms[] = { 100, 250, 500, 1000 };
#define RATE_COUNT (sizeof(rates_ms) / sizeof(rates_ms[0]))

struct rqs_hub_client {
	struct rqs_hub_client *next, **link;
	void *owner;
	size_t rate; /* index into rates_ms */

	struct rqs_blob *queue[RQS_HUB_QUEUE_MAX]; /* a ring */
	size_t queue_head, queue_count;
	size_t queue_bytes;  /* of all messages in it */
	size_t offset;	     /* of what was sent of the first one */
	size_t piece_bytes;  /* of what rqs_hub_next() gave; 0: nothing */
	uint64_t progress_ns; /* when bytes last went, or there were none to go */

	uint64_t window_seq; /* windows up to this one are sent or queued */
	uint64_t event_seq;
	bool behind; /* until the queue is empty nothing is added that can be merged later */

	char said[RQS_HUB_MESSAGE_MAX];
	size_t said_bytes; /* more than fits in @said: too long */
	uint64_t speech_ns; /* start of the second in which @speech_count messages came */
	unsigned int speech_count;
	uint64_t history_ns[RQS_HUB_HISTORY_MAX]; /* when the last answers were given, a ring */
	size_t history_next;
	unsigned int bad_count;

	enum rqs_hub_close close;
	uint64_t close_ns;
};

/* Windows go to the clients of a rate when its time has come, by the windows' own clock. */
struct rate {
	uint32_t clients;
	uint64_t due_ns;
	uint64_t seq; /* windows up to this one were flushed */
};

struct rqs_hub {
	struct rqs_model *model;
	const struct rqs_hub_ops *ops;
	uint32_t max_clients, client_count;
	struct rqs_hub_client *clients;
	struct rate rates[RATE_COUNT];
	uint64_t window_ns;	/* end of the newest window */
	uint64_t second_due_ns; /* when services and status are due */
	uint64_t second_seq;	/* the window after which they were made */
	struct rqs_blob *services, *status;
	uint64_t event_seq; /* events up to this one were sent to who is in step */
};

/* A caller that took the time a little earlier than the last one must not seem to come ages later. */
static uint64_t since(uint64_t now_ns, uint64_t then_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

struct rqs_hub *rqs_hub_new(struct rqs_model *model, uint32_t max_clients, const struct rqs_hub_ops *ops)
{
	struct rqs_hub *hub = calloc(1, sizeof(*hub));

	if (!hub)
		return NULL;
	hub->model = model;
	hub->ops = ops;
	hub->max_clients = max_clients;
	return hub;
}

void rqs_hub_free(struct rqs_hub *hub)
{
	if (!hub)
		return;
	while (hub->clients)
		rqs_hub_remove(hub, hub->clients);
	rqs_blob_put(hub->services);
	rqs_blob_put(hub->status);
	free(hub);
}

uint32_t rqs_hub_clients(const struct rqs_hub *hub)
{
	return hub->client_count;
}

static void count_client(struct rqs_hub *hub, struct rqs_hub_client *client, int by)
{
	hub->client_count += (uint32_t)by;
	hub->rates[client->rate].clients += (uint32_t)by;
	rqs_model_set_clients(hub->model, hub->client_count);
}

/* No more is queued, and when what is queued has gone it is closed. */
static void finish(struct rqs_hub *hub, struct rqs_hub_client *client, enum rqs_hub_close why, uint64_t now_ns)
{
	if (client->close != RQS_HUB_OPEN)
		return;
	client->close = why;
	client->close_ns = now_ns;
	count_client(hub, client, -1);
	hub->ops->want_write(client->owner);
}

/* Takes no reference over; NULL, a message that there was no memory for, is skipped. */
static bool enqueue(struct rqs_hub *hub, struct rqs_hub_client *client, struct rqs_blob *blob, uint64_t now_ns)
{
	if (!blob || client->close != RQS_HUB_OPEN)
		return false;
	if (client->queue_count == RQS_HUB_QUEUE_MAX) {
		finish(hub, client, RQS_HUB_TOO_SLOW, now_ns);
		return false;
	}
	if (!client->queue_count)
		client->progress_ns = now_ns;
	client->queue[(client->queue_head + client->queue_count) % RQS_HUB_QUEUE_MAX] = rqs_blob_get(blob);
	client->queue_count++;
	client->queue_bytes += blob->bytes;
	hub->ops->want_write(client->owner);
	return true;
}

static bool enqueue_text(struct rqs_hub *hub, struct rqs_hub_client *client, struct rqs_text text, uint64_t now_ns)
{
	struct rqs_blob *blob = rqs_blob_take(text);
	bool queued = enqueue(hub, client, blob, now_ns);

	rqs_blob_put(blob);
	return queued;
}

static void drop_first(struct rqs_hub_client *client)
{
	struct rqs_blob *blob = client->queue[client->queue_head];

	client->queue_head = (client->queue_head + 1) % RQS_HUB_QUEUE_MAX;
	client->queue_count--;
	client->queue_bytes -= blob->bytes;
	client->offset = 0;
	rqs_blob_put(blob);
}

/* Only a message that has not begun can be taken back. */
static void drop_queue(struct rqs_hub_client *client)
{
	size_t keep = client->offset || client->piece_bytes ? 1 : 0;

	while (client->queue_count > keep) {
		size_t last = (client->queue_head + client->queue_count - 1) % RQS_HUB_QUEUE_MAX;

		client->queue_count--;
		client->queue_bytes -= client->queue[last]->bytes;
		rqs_blob_put(client->queue[last]);
	}
}

/* Whether what can be merged is held back from a client. */
static bool is_behind(struct rqs_hub *hub, struct rqs_hub_client *client)
{
	if (client->queue_count > RQS_HUB_BEHIND_MESSAGES || client->queue_bytes > RQS_HUB_BEHIND_BYTES)
		client->behind = true;
	if (client->behind && !client->queue_count)
		hub->ops->want_write(client->owner);
	return client->behind;
}

/* Makes services and status anew when a second has passed; a new client gets those that there are. */
static void refresh_second(struct rqs_hub *hub, uint64_t now_ns)
{
	struct rqs_hub_client *client;

	hub->second_seq = rqs_model_seq(hub->model);
	rqs_blob_put(hub->services);
	rqs_blob_put(hub->status);
	hub->services = rqs_blob_take(rqs_frame_services(hub->model));
	hub->status = rqs_blob_take(rqs_frame_status(hub->model));
	for (client = hub->clients; client; client = client->next) {
		if (is_behind(hub, client))
			continue;
		enqueue(hub, client, hub->services, now_ns);
		enqueue(hub, client, hub->status, now_ns);
	}
}

static void send_events(struct rqs_hub *hub, uint64_t now_ns)
{
	uint64_t seq = rqs_model_event_seq(hub->model);
	struct rqs_hub_client *client;
	struct rqs_blob *blob;

	if (seq == hub->event_seq)
		return;
	blob = rqs_blob_take(rqs_frame_events(hub->model, hub->event_seq));
	for (client = hub->clients; client; client = client->next) {
		if (client->event_seq != hub->event_seq || is_behind(hub, client))
			continue;
		if (enqueue(hub, client, blob, now_ns))
			client->event_seq = seq;
		else
			client->behind = true;
	}
	rqs_blob_put(blob);
	hub->event_seq = seq;
}

static void send_windows(struct rqs_hub *hub, size_t index, uint64_t now_ns)
{
	struct rate *rate = &hub->rates[index];
	uint64_t seq = rqs_model_seq(hub->model);
	struct rqs_blob *blob = NULL;
	struct rqs_hub_client *client;

	for (client = hub->clients; client; client = client->next) {
		bool queued;

		if (client->rate != index || client->close != RQS_HUB_OPEN || client->window_seq >= seq ||
		    is_behind(hub, client))
			continue;
		if (client->window_seq == rate->seq) {
			if (!blob)
				blob = rqs_blob_take(rqs_frame_windows(hub->model, rate->seq, seq, 0));
			queued = enqueue(hub, client, blob, now_ns);
		} else {
			queued = enqueue_text(hub, client, rqs_frame_windows(hub->model, client->window_seq, seq, 0),
					      now_ns);
		}
		/* What there was no memory for comes later, merged. */
		if (queued)
			client->window_seq = seq;
		else
			client->behind = true;
	}
	rqs_blob_put(blob);
	rate->seq = seq;
}

/* A frame of 250 ms holds two or three windows of 100 ms: what is due between two windows goes with the later. */
static void flush_rates(struct rqs_hub *hub, uint64_t slack_ns, uint64_t now_ns)
{
	size_t i;

	for (i = 0; i < RATE_COUNT; i++) {
		struct rate *rate = &hub->rates[i];
		uint64_t rate_ns = rates_ms[i] * 1000000ULL;

		if (hub->window_ns + slack_ns < rate->due_ns)
			continue;
		if (rate->clients)
			send_windows(hub, i, now_ns);
		else
			rate->seq = rqs_model_seq(hub->model);
		rate->due_ns += rate_ns;
		if (rate->due_ns + rate_ns < hub->window_ns)
			rate->due_ns = hub->window_ns + rate_ns;
	}
}

int rqs_hub_take(struct rqs_hub *hub, const struct rqs_window *window, uint64_t now_ns)
{
	/* Windows end a little early or late; a quarter of one is near enough to a rate's time. */
	uint64_t slack_ns = (window->end_ns - window->start_ns) / 4;
	int err = rqs_model_apply(hub->model, window);

	if (err)
		return err;
	hub->window_ns = window->end_ns;
	flush_rates(hub, slack_ns, now_ns);
	if (hub->client_count)
		send_events(hub, now_ns);
	if (hub->window_ns + slack_ns >= hub->second_due_ns) {
		hub->second_due_ns += SECOND_NS;
		if (hub->second_due_ns + SECOND_NS < hub->window_ns)
			hub->second_due_ns = hub->window_ns + SECOND_NS;
		if (hub->client_count)
			refresh_second(hub, now_ns);
	}
	return 0;
}

static size_t rate_index(uint32_t rate_ms)
{
	size_t i;

	for (i = 0; i < RATE_COUNT - 1 && rates_ms[i] != rate_ms; i++)
		;
	return i;
}

static void greet(struct rqs_hub *hub, struct rqs_hub_client *client, uint64_t now_ns)
{
	uint64_t seq = rqs_model_seq(hub->model);

	client->window_seq = seq;
	enqueue_text(hub, client, rqs_frame_hello(hub->model, rates_ms[client->rate]), now_ns);
	/* Nobody was there to make them for, or not lately: older than a few windows is too old to greet with. */
	if (!hub->services || !hub->status || seq - hub->second_seq > 20) {
		rqs_blob_put(hub->services);
		rqs_blob_put(hub->status);
		hub->services = rqs_blob_take(rqs_frame_services(hub->model));
		hub->status = rqs_blob_take(rqs_frame_status(hub->model));
		hub->second_seq = seq;
	}
	enqueue(hub, client, hub->services, now_ns);
	enqueue(hub, client, hub->status, now_ns);
	if (enqueue_text(hub, client, rqs_frame_events(hub->model, 0), now_ns))
		client->event_seq = rqs_model_event_seq(hub->model);
	if (hub->client_count == 1)
		hub->event_seq = rqs_model_event_seq(hub->model);
}

struct rqs_hub_client *rqs_hub_add(struct rqs_hub *hub, void *owner, uint64_t now_ns)
{
	struct rqs_hub_client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->owner = owner;
	client->rate = rate_index(RQS_RATE_DEFAULT_MS);
	client->next = hub->clients;
	client->link = &hub->clients;
	if (client->next)
		client->next->link = &client->next;
	hub->clients = client;
	count_client(hub, client, 1);
	if (hub->client_count > hub->max_clients) {
		enqueue_text(hub, client,
			     rqs_frame_error("too_many_clients", "As many pages are open as rqscope serves at once; close "
					     "one, or start it with a larger --max-clients."),
			     now_ns);
		finish(hub, client, RQS_HUB_TOO_MANY, now_ns);
	} else {
		greet(hub, client, now_ns);
	}
	return client;
}

void rqs_hub_remove(struct rqs_hub *hub, struct rqs_hub_client *client)
{
	if (!client)
		return;
	while (client->queue_count)
		drop_first(client);
	if (client->close == RQS_HUB_OPEN)
		count_client(hub, client, -1);
	*client->link = client->next;
	if (client->next)
		client->next->link = client->link;
	free(client);
}

static void reply(struct rqs_hub *hub, struct rqs_hub_client *client, const char *code, const char *text, uint64_t now_ns)
{
	enqueue_text(hub, client, rqs_frame_error(code, text), now_ns);
}

static void complain(struct rqs_hub *hub, struct rqs_hub_client *client, const char *text, uint64_t now_ns)
{
	reply(hub, client, "bad_request", text, now_ns);
	if (++client->bad_count >= RQS_HUB_BAD_MAX)
		finish(hub, client, RQS_HUB_MISBEHAVED, now_ns);
}

static void subscribe(struct rqs_hub *hub, struct rqs_hub_client *client, uint32_t rate_ms)
{
	struct rate *rate;

	count_client(hub, client, -1);
	client->rate = rate_index(rate_ms);
	rate = &hub->rates[client->rate];
	/* A rate that nobody had is not in step with anything: start it now. */
	if (!rate->clients)
		rate->seq = client->window_seq;
	count_client(hub, client, 1);
}

static void answer_history(struct rqs_hub *hub, struct rqs_hub_client *client, const struct rqs_request *request,
			   uint64_t now_ns)
{
	uint64_t *oldest_ns = &client->history_ns[client->history_next];

	if (*oldest_ns && since(now_ns, *oldest_ns) < SECOND_NS) {
		reply(hub, client, "too_fast", "At most 4 requests for history a second are answered.", now_ns);
		return;
	}
	if (client->queue_bytes > RQS_HUB_HISTORY_BYTES) {
		reply(hub, client, "behind", "History is not sent while older messages still wait to be read.", now_ns);
		return;
	}
	*oldest_ns = now_ns;
	client->history_next = (client->history_next + 1) % RQS_HUB_HISTORY_MAX;
	enqueue_text(hub, client, rqs_frame_history(hub->model, request), now_ns);
}

static void obey(struct rqs_hub *hub, struct rqs_hub_client *client, const char *text, size_t bytes, uint64_t now_ns)
{
	static const char pong[] = "{\"type\":\"pong\"}";
	struct rqs_request request;
	struct rqs_blob *blob;
	char error[160];

	if (rqs_request_parse(text, bytes, &request, error)) {
		complain(hub, client, error, now_ns);
		return;
	}
	switch (request.kind) {
	case RQS_REQUEST_SUBSCRIBE:
		subscribe(hub, client, request.rate_ms);
		break;
	case RQS_REQUEST_HISTORY:
		answer_history(hub, client, &request, now_ns);
		break;
	case RQS_REQUEST_PING:
		blob = rqs_blob_new(pong, sizeof(pong) - 1);
		enqueue(hub, client, blob, now_ns);
		rqs_blob_put(blob);
		break;
	}
}

static bool speaks_too_fast(struct rqs_hub_client *client, uint64_t now_ns)
{
	if (since(now_ns, client->speech_ns) >= SECOND_NS) {
		client->speech_ns = now_ns;
		client->speech_count = 0;
	}
	return ++client->speech_count > RQS_HUB_SPEECH_MAX;
}

void rqs_hub_receive(struct rqs_hub *hub, struct rqs_hub_client *client, const void *data, size_t bytes, bool first,
		     bool last, bool text, uint64_t now_ns)
{
	if (client->close != RQS_HUB_OPEN)
		return;
	if (first)
		client->said_bytes = 0;
	if (client->said_bytes + bytes <= sizeof(client->said)) {
		if (bytes)
			memcpy(client->said + client->said_bytes, data, bytes);
		client->said_bytes += bytes;
	} else if (client->said_bytes <= sizeof(client->said)) {
		/* Told at once, since the end of it may never come; the rest is passed over. */
		client->said_bytes = sizeof(client->said) + 1;
		complain(hub, client, "A message has at most 1024 bytes.", now_ns);
	}
	if (!last)
		return;
	if (speaks_too_fast(client, now_ns)) {
		reply(hub, client, "too_fast", "At most 100 messages a second are read.", now_ns);
		finish(hub, client, RQS_HUB_MISBEHAVED, now_ns);
	} else if (client->said_bytes <= sizeof(client->said)) {
		if (text)
			obey(hub, client, client->said, client->said_bytes, now_ns);
		else
			complain(hub, client, "A message is text, not binary.", now_ns);
	}
	client->said_bytes = 0;
}

/* The queue is empty: what was held back while it was long comes now. */
static void catch_up(struct rqs_hub *hub, struct rqs_hub_client *client, uint64_t now_ns)
{
	uint64_t seq = hub->rates[client->rate].seq;
	uint64_t event_seq = rqs_model_event_seq(hub->model);

	client->behind = false;
	if (seq > client->window_seq &&
	    enqueue_text(hub, client,
			 rqs_frame_windows(hub->model, client->window_seq, seq, (uint32_t)(seq - client->window_seq)),
			 now_ns))
		client->window_seq = seq;
	if (client->event_seq < event_seq &&
	    enqueue_text(hub, client, rqs_frame_events(hub->model, client->event_seq), now_ns))
		client->event_seq = event_seq;
}

void rqs_hub_next(struct rqs_hub *hub, struct rqs_hub_client *client, uint64_t now_ns, struct rqs_hub_piece *ret_piece)
{
	struct rqs_blob *blob;
	size_t left;

	*ret_piece = (struct rqs_hub_piece){ 0 };
	if (!client->queue_count && client->behind && client->close == RQS_HUB_OPEN)
		catch_up(hub, client, now_ns);
	if (!client->queue_count) {
		ret_piece->close = client->close;
		return;
	}
	blob = client->queue[client->queue_head];
	left = blob->bytes - client->offset;
	client->piece_bytes = left < RQS_HUB_PIECE_BYTES ? left : RQS_HUB_PIECE_BYTES;
	ret_piece->data = blob->data + client->offset;
	ret_piece->bytes = client->piece_bytes;
	ret_piece->first = client->offset == 0;
	ret_piece->last = client->piece_bytes == left;
	ret_piece->more = !ret_piece->last || client->queue_count > 1 || client->behind || client->close != RQS_HUB_OPEN;
}

void rqs_hub_sent(struct rqs_hub *hub, struct rqs_hub_client *client, uint64_t now_ns)
{
	client->offset += client->piece_bytes;
	client->piece_bytes = 0;
	client->progress_ns = now_ns;
	if (client->offset == client->queue[client->queue_head]->bytes)
		drop_first(client);
}

void rqs_hub_expire(struct rqs_hub *hub, uint64_t now_ns)
{
	struct rqs_hub_client *client;

	for (client = hub->clients; client; client = client->next)
		if ((client->queue_count && since(now_ns, client->progress_ns) > RQS_HUB_STUCK_NS) ||
		    (client->close != RQS_HUB_OPEN && since(now_ns, client->close_ns) > 2 * SECOND_NS))
			hub->ops->kill(client->owner);
}

void rqs_hub_shut_down(struct rqs_hub *hub, uint64_t now_ns)
{
	struct rqs_blob *blob = rqs_blob_take(rqs_frame_error("shutdown", "rqscope is being stopped."));
	struct rqs_hub_client *client;

	for (client = hub->clients; client; client = client->next) {
		drop_queue(client);
		enqueue(hub, client, blob, now_ns);
		finish(hub, client, RQS_HUB_SHUTDOWN, now_ns);
	}
	rqs_blob_put(blob);
}
