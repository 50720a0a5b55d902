// SPDX-License-Identifier: GPL-2.0-only
/* What is owed to one client: a queue of shared messages, and what was held back while it was long. */
#include "hub_state.h"

void rqs_hub_finish(struct rqs_hub *hub, struct rqs_hub_client *client, enum rqs_hub_close why, uint64_t now_ns)
{
	if (client->close != RQS_HUB_OPEN)
		return;
	client->close = why;
	client->close_ns = now_ns;
	rqs_hub_count(hub, client, -1);
	hub->ops->want_write(client->owner);
}

bool rqs_hub_enqueue(struct rqs_hub *hub, struct rqs_hub_client *client, struct rqs_blob *blob, uint64_t now_ns)
{
	if (!blob || client->close != RQS_HUB_OPEN)
		return false;
	if (client->queue_count == RQS_HUB_QUEUE_MAX) {
		rqs_hub_finish(hub, client, RQS_HUB_TOO_SLOW, now_ns);
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

bool rqs_hub_enqueue_text(struct rqs_hub *hub, struct rqs_hub_client *client, struct rqs_text text, uint64_t now_ns)
{
	struct rqs_blob *blob = rqs_blob_take(text);
	bool queued = rqs_hub_enqueue(hub, client, blob, now_ns);

	rqs_blob_put(blob);
	return queued;
}

void rqs_hub_drop_first(struct rqs_hub_client *client)
{
	struct rqs_blob *blob = client->queue[client->queue_head];

	client->queue_head = (client->queue_head + 1) % RQS_HUB_QUEUE_MAX;
	client->queue_count--;
	client->queue_bytes -= blob->bytes;
	client->offset = 0;
	rqs_blob_put(blob);
}

void rqs_hub_drop_queue(struct rqs_hub_client *client)
{
	size_t keep = client->offset || client->piece_bytes ? 1 : 0;

	while (client->queue_count > keep) {
		size_t last = (client->queue_head + client->queue_count - 1) % RQS_HUB_QUEUE_MAX;

		client->queue_count--;
		client->queue_bytes -= client->queue[last]->bytes;
		rqs_blob_put(client->queue[last]);
	}
}

bool rqs_hub_is_behind(struct rqs_hub *hub, struct rqs_hub_client *client)
{
	/* Who watches a service is owed twice as many in the same time. */
	size_t most = client->service ? 2 * RQS_HUB_BEHIND_MESSAGES : RQS_HUB_BEHIND_MESSAGES;

	if (client->queue_count > most || client->queue_bytes > RQS_HUB_BEHIND_BYTES)
		client->behind = true;
	if (client->behind && !client->queue_count)
		hub->ops->want_write(client->owner);
	return client->behind;
}

/* The queue is empty: what was held back while it was long comes now. */
static void catch_up(struct rqs_hub *hub, struct rqs_hub_client *client, uint64_t now_ns)
{
	uint64_t seq = hub->rates[client->rate].seq;
	uint64_t event_seq = rqs_model_event_seq(hub->model);

	client->behind = false;
	if (seq > client->window_seq &&
	    rqs_hub_enqueue_text(hub, client,
			 rqs_frame_windows(hub->model, client->window_seq, seq, (uint32_t)(seq - client->window_seq)),
			 now_ns))
		client->window_seq = seq;
	rqs_hub_catch_up_service(hub, client, now_ns);
	if (client->event_seq < event_seq &&
	    rqs_hub_enqueue_text(hub, client, rqs_frame_events(hub->model, client->event_seq), now_ns))
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
		rqs_hub_drop_first(client);
}
