// SPDX-License-Identifier: GPL-2.0-only
#include "hub_state.h"

#include <stdlib.h>

const uint32_t rqs_hub_rates_ms[RQS_HUB_RATE_COUNT] = { 100, 250, 500, 1000 };

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

void rqs_hub_set_look(struct rqs_hub *hub, int (*read)(void *data, struct rqs_inflight *ret_inflight), void *data)
{
	hub->look = read;
	hub->look_data = data;
}

uint32_t rqs_hub_clients(const struct rqs_hub *hub)
{
	return hub->client_count;
}

void rqs_hub_count(struct rqs_hub *hub, struct rqs_hub_client *client, int by)
{
	hub->client_count += (uint32_t)by;
	hub->rates[client->rate].clients += (uint32_t)by;
	rqs_model_set_clients(hub->model, hub->client_count);
}

size_t rqs_hub_rate_index(uint32_t rate_ms)
{
	size_t i;

	for (i = 0; i < RQS_HUB_RATE_COUNT - 1 && rqs_hub_rates_ms[i] != rate_ms; i++)
		;
	return i;
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
		if (rqs_hub_is_behind(hub, client))
			continue;
		rqs_hub_enqueue(hub, client, hub->services, now_ns);
		rqs_hub_enqueue(hub, client, hub->status, now_ns);
	}
}

/* Once for all who watch the same service. */
static void send_routes_of(struct rqs_hub *hub, struct rqs_hub_client *first, uint64_t seq, uint64_t now_ns)
{
	uint64_t watched = first->watched;
	uint32_t slot = first->watched_slot;
	bool ended = rqs_model_service(hub->model, slot) != watched;
	struct rqs_blob *blob = rqs_blob_take(rqs_frame_routes(hub->model, slot, watched));
	struct rqs_hub_client *client;

	for (client = first; client; client = client->next) {
		if (client->watched != watched || client->watched_slot != slot || rqs_hub_is_behind(hub, client))
			continue;
		client->routes_seq = seq;
		if (rqs_hub_enqueue(hub, client, blob, now_ns) && ended)
			client->watched = 0;
	}
	rqs_blob_put(blob);
}

static void send_routes(struct rqs_hub *hub, uint64_t now_ns)
{
	uint64_t seq = rqs_model_seq(hub->model);
	struct rqs_hub_client *client;

	for (client = hub->clients; client; client = client->next)
		if (client->close == RQS_HUB_OPEN && client->watched && client->routes_seq != seq &&
		    !rqs_hub_is_behind(hub, client))
			send_routes_of(hub, client, seq, now_ns);
}

/* Read and encoded once for all who look; where nobody does, or none who could take it, not at all. */
static void send_inflight(struct rqs_hub *hub, uint64_t now_ns)
{
	struct rqs_blob *blob = NULL;
	struct rqs_hub_client *client;
	bool known;

	for (client = hub->clients; client; client = client->next) {
		if (!client->looks || client->close != RQS_HUB_OPEN || rqs_hub_is_behind(hub, client))
			continue;
		if (!blob) {
			known = hub->look && !hub->look(hub->look_data, &hub->inflight);
			blob = rqs_blob_take(rqs_frame_inflight(hub->model, known ? &hub->inflight : NULL));
			if (!blob)
				return;
		}
		rqs_hub_enqueue(hub, client, blob, now_ns);
	}
	rqs_blob_put(blob);
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
		if (client->event_seq != hub->event_seq || rqs_hub_is_behind(hub, client))
			continue;
		if (rqs_hub_enqueue(hub, client, blob, now_ns))
			client->event_seq = seq;
		else
			client->behind = true;
	}
	rqs_blob_put(blob);
	hub->event_seq = seq;
}

static void send_windows(struct rqs_hub *hub, size_t index, uint64_t now_ns)
{
	struct rqs_hub_rate *rate = &hub->rates[index];
	uint64_t seq = rqs_model_seq(hub->model);
	struct rqs_blob *blob = NULL;
	struct rqs_hub_client *client;

	for (client = hub->clients; client; client = client->next) {
		bool queued;

		if (client->rate != index || client->close != RQS_HUB_OPEN || client->window_seq >= seq ||
		    rqs_hub_is_behind(hub, client))
			continue;
		if (client->window_seq == rate->seq) {
			if (!blob)
				blob = rqs_blob_take(rqs_frame_windows(hub->model, rate->seq, seq, 0));
			queued = rqs_hub_enqueue(hub, client, blob, now_ns);
		} else {
			queued = rqs_hub_enqueue_text(hub, client, rqs_frame_windows(hub->model, client->window_seq, seq, 0),
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

	for (i = 0; i < RQS_HUB_RATE_COUNT; i++) {
		struct rqs_hub_rate *rate = &hub->rates[i];
		uint64_t rate_ns = rqs_hub_rates_ms[i] * 1000000ULL;

		if (hub->window_ns + slack_ns < rate->due_ns)
			continue;
		if (rate->clients) {
			send_windows(hub, i, now_ns);
			rqs_hub_send_service_windows(hub, i, now_ns);
		} else {
			rate->seq = rqs_model_seq(hub->model);
		}
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
		hub->second_due_ns += RQS_HUB_SECOND_NS;
		if (hub->second_due_ns + RQS_HUB_SECOND_NS < hub->window_ns)
			hub->second_due_ns = hub->window_ns + RQS_HUB_SECOND_NS;
		if (hub->client_count) {
			refresh_second(hub, now_ns);
			send_routes(hub, now_ns);
			send_inflight(hub, now_ns);
		}
	}
	return 0;
}

static void greet(struct rqs_hub *hub, struct rqs_hub_client *client, uint64_t now_ns)
{
	uint64_t seq = rqs_model_seq(hub->model), event_seq = rqs_model_event_seq(hub->model);
	uint64_t after = event_seq > RQS_HUB_EVENTS_MAX ? event_seq - RQS_HUB_EVENTS_MAX : 0;

	client->window_seq = seq;
	rqs_hub_enqueue_text(hub, client, rqs_frame_hello(hub->model, rqs_hub_rates_ms[client->rate]), now_ns);
	/* Nobody was there to make them for, or not lately: older than a few windows is too old to greet with. */
	if (!hub->services || !hub->status || seq - hub->second_seq > 20) {
		rqs_blob_put(hub->services);
		rqs_blob_put(hub->status);
		hub->services = rqs_blob_take(rqs_frame_services(hub->model));
		hub->status = rqs_blob_take(rqs_frame_status(hub->model));
		hub->second_seq = seq;
	}
	rqs_hub_enqueue(hub, client, hub->services, now_ns);
	rqs_hub_enqueue(hub, client, hub->status, now_ns);
	if (rqs_hub_enqueue_text(hub, client, rqs_frame_events(hub->model, after), now_ns))
		client->event_seq = event_seq;
	if (hub->client_count == 1)
		hub->event_seq = event_seq;
}

struct rqs_hub_client *rqs_hub_add(struct rqs_hub *hub, void *owner, uint64_t now_ns)
{
	struct rqs_hub_client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->owner = owner;
	client->heard_ns = now_ns;
	client->ping_ns = now_ns + RQS_HUB_PING_NS;
	client->rate = rqs_hub_rate_index(RQS_RATE_DEFAULT_MS);
	client->next = hub->clients;
	client->link = &hub->clients;
	if (client->next)
		client->next->link = &client->next;
	hub->clients = client;
	rqs_hub_count(hub, client, 1);
	if (hub->client_count > hub->max_clients) {
		rqs_hub_enqueue_text(hub, client,
			     rqs_frame_error("too_many_clients", "As many pages are open as rqscope serves at once; close "
					     "one, or start it with a larger --max-clients."),
			     now_ns);
		rqs_hub_finish(hub, client, RQS_HUB_TOO_MANY, now_ns);
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
		rqs_hub_drop_first(client);
	if (client->close == RQS_HUB_OPEN)
		rqs_hub_count(hub, client, -1);
	*client->link = client->next;
	if (client->next)
		client->next->link = client->link;
	free(client);
}

void rqs_hub_heard(struct rqs_hub_client *client, uint64_t now_ns)
{
	client->heard_ns = now_ns;
}

static bool is_dead(const struct rqs_hub_client *client, uint64_t now_ns)
{
	if (client->close != RQS_HUB_OPEN && rqs_hub_since(now_ns, client->close_ns) > 2 * RQS_HUB_SECOND_NS)
		return true;
	if (client->queue_count && rqs_hub_since(now_ns, client->progress_ns) > RQS_HUB_STUCK_NS)
		return true;
	return rqs_hub_since(now_ns, client->heard_ns) > RQS_HUB_SILENT_NS;
}

static void move_on(uint64_t *time_ns, uint64_t by_ns, uint64_t now_ns)
{
	if (*time_ns < now_ns)
		*time_ns = now_ns - *time_ns > by_ns ? *time_ns + by_ns : now_ns;
}

/* A process that was stopped, or got no CPU, neither heard its clients nor sent them a thing: that time is no fault of theirs. */
static void leave_out_pause(struct rqs_hub *hub, uint64_t now_ns)
{
	uint64_t pause_ns = hub->expired_ns ? rqs_hub_since(now_ns, hub->expired_ns) : 0;
	struct rqs_hub_client *client;

	hub->expired_ns = now_ns;
	if (pause_ns < RQS_HUB_LATE_NS)
		return;
	for (client = hub->clients; client; client = client->next) {
		move_on(&client->heard_ns, pause_ns, now_ns);
		move_on(&client->progress_ns, pause_ns, now_ns);
		move_on(&client->close_ns, pause_ns, now_ns);
	}
}

void rqs_hub_expire(struct rqs_hub *hub, uint64_t now_ns)
{
	struct rqs_hub_client *client;

	leave_out_pause(hub, now_ns);
	for (client = hub->clients; client; client = client->next) {
		if (is_dead(client, now_ns)) {
			hub->ops->kill(client->owner);
		} else if (client->close == RQS_HUB_OPEN && now_ns >= client->ping_ns) {
			client->ping_ns = now_ns + RQS_HUB_PING_NS;
			hub->ops->ping(client->owner);
		}
	}
}

void rqs_hub_shut_down(struct rqs_hub *hub, uint64_t now_ns)
{
	struct rqs_blob *blob = rqs_blob_take(rqs_frame_error("shutdown", "rqscope is being stopped."));
	struct rqs_hub_client *client;

	for (client = hub->clients; client; client = client->next) {
		rqs_hub_drop_queue(client);
		rqs_hub_enqueue(hub, client, blob, now_ns);
		rqs_hub_finish(hub, client, RQS_HUB_SHUTDOWN, now_ns);
	}
	rqs_blob_put(blob);
}
