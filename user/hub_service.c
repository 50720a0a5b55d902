// SPDX-License-Identifier: GPL-2.0-only
/* The windows of the services that clients watch. */
#include "hub_state.h"

void rqs_hub_watch_windows(struct rqs_hub_client *client)
{
	if (client->service == client->watched && client->service_slot == client->watched_slot)
		return; /* said twice: what it has already does not come again */
	client->service = client->watched;
	client->service_slot = client->watched_slot;
	client->service_seq = client->window_seq; /* in step with the windows of the host */
}

/* It is told once that the slot has passed to another service. */
static void told(struct rqs_hub *hub, struct rqs_hub_client *client, uint64_t seq)
{
	client->service_seq = seq;
	if (rqs_model_service(hub->model, client->service_slot) != client->service)
		client->service = 0;
}

/* Once for all at a rate who watch the same service and have the same windows of it. */
static void send_to_alike(struct rqs_hub *hub, struct rqs_hub_client *first, uint64_t seq, uint64_t now_ns)
{
	uint64_t service = first->service, after_seq = first->service_seq;
	uint32_t slot = first->service_slot;
	struct rqs_blob *blob = rqs_blob_take(rqs_frame_service_windows(hub->model, slot, service, after_seq, seq, 0));
	struct rqs_hub_client *client;

	for (client = first; client; client = client->next) {
		if (client->rate != first->rate || client->service != service || client->service_slot != slot ||
		    client->service_seq != after_seq || client->close != RQS_HUB_OPEN || rqs_hub_is_behind(hub, client))
			continue;
		/* What there was no memory for comes later, merged. */
		if (rqs_hub_enqueue(hub, client, blob, now_ns))
			told(hub, client, seq);
		else
			client->behind = true;
	}
	rqs_blob_put(blob);
}

void rqs_hub_send_service_windows(struct rqs_hub *hub, size_t rate, uint64_t now_ns)
{
	uint64_t seq = rqs_model_seq(hub->model);
	struct rqs_hub_client *client;

	for (client = hub->clients; client; client = client->next)
		if (client->rate == rate && client->service && client->service_seq < seq &&
		    client->close == RQS_HUB_OPEN && !rqs_hub_is_behind(hub, client))
			send_to_alike(hub, client, seq, now_ns);
}

void rqs_hub_catch_up_service(struct rqs_hub *hub, struct rqs_hub_client *client, uint64_t now_ns)
{
	uint64_t seq = hub->rates[client->rate].seq, after_seq = client->service_seq;

	if (client->service && seq > after_seq &&
	    rqs_hub_enqueue_text(hub, client,
				 rqs_frame_service_windows(hub->model, client->service_slot, client->service, after_seq, seq,
							   (uint32_t)(seq - after_seq)),
				 now_ns))
		told(hub, client, seq);
}
