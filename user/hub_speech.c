// SPDX-License-Identifier: GPL-2.0-only
/* What clients say, and how much of it is listened to. */
#include <string.h>

#include "hub_state.h"

static void reply(struct rqs_hub *hub, struct rqs_hub_client *client, const char *code, const char *text, uint64_t now_ns)
{
	rqs_hub_enqueue_text(hub, client, rqs_frame_error(code, text), now_ns);
}

static void complain(struct rqs_hub *hub, struct rqs_hub_client *client, const char *text, uint64_t now_ns)
{
	reply(hub, client, "bad_request", text, now_ns);
	if (++client->bad_count >= RQS_HUB_BAD_MAX)
		rqs_hub_finish(hub, client, RQS_HUB_MISBEHAVED, now_ns);
}

static void subscribe(struct rqs_hub *hub, struct rqs_hub_client *client, uint32_t rate_ms)
{
	struct rqs_hub_rate *rate;

	rqs_hub_count(hub, client, -1);
	client->rate = rqs_hub_rate_index(rate_ms);
	rate = &hub->rates[client->rate];
	/* A rate that nobody had is not in step with anything: start it now. */
	if (!rate->clients)
		rate->seq = client->window_seq;
	rqs_hub_count(hub, client, 1);
}

static const char no_service[] = "No service counts in this slot.";

static void answer_history(struct rqs_hub *hub, struct rqs_hub_client *client, const struct rqs_request *request,
			   uint64_t now_ns)
{
	uint64_t *oldest_ns = &client->history_ns[client->history_next];

	if (*oldest_ns && rqs_hub_since(now_ns, *oldest_ns) < RQS_HUB_SECOND_NS) {
		reply(hub, client, "too_fast", "At most 4 requests for history a second are answered.", now_ns);
		return;
	}
	if (client->queue_bytes > RQS_HUB_HISTORY_BYTES) {
		reply(hub, client, "behind", "History is not sent while older messages still wait to be read.", now_ns);
		return;
	}
	if (request->has_slot && !rqs_model_service(hub->model, request->slot)) {
		reply(hub, client, "no_service", no_service, now_ns);
		return;
	}
	*oldest_ns = now_ns;
	client->history_next = (client->history_next + 1) % RQS_HUB_HISTORY_MAX;
	rqs_hub_enqueue_text(hub, client, rqs_frame_history(hub->model, request), now_ns);
}

static void watch(struct rqs_hub *hub, struct rqs_hub_client *client, const struct rqs_request *request, uint64_t now_ns)
{
	client->watched = request->has_slot ? rqs_model_service(hub->model, request->slot) : 0;
	client->watched_slot = request->slot;
	rqs_hub_watch_windows(client);
	if (request->has_slot && !client->watched)
		reply(hub, client, "no_service", no_service, now_ns);
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
	case RQS_REQUEST_WATCH:
		watch(hub, client, &request, now_ns);
		break;
	case RQS_REQUEST_LOOK:
		client->looks = request.inflight;
		break;
	case RQS_REQUEST_PING:
		blob = rqs_blob_new(pong, sizeof(pong) - 1);
		rqs_hub_enqueue(hub, client, blob, now_ns);
		rqs_blob_put(blob);
		break;
	}
}

static bool speaks_too_fast(struct rqs_hub_client *client, uint64_t now_ns)
{
	if (rqs_hub_since(now_ns, client->speech_ns) >= RQS_HUB_SECOND_NS) {
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
	client->heard_ns = now_ns;
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
		rqs_hub_finish(hub, client, RQS_HUB_MISBEHAVED, now_ns);
	} else if (client->said_bytes <= sizeof(client->said)) {
		if (text)
			obey(hub, client, client->said, client->said_bytes, now_ns);
		else
			complain(hub, client, "A message is text, not binary.", now_ns);
	}
	client->said_bytes = 0;
}
