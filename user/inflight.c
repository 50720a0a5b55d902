// SPDX-License-Identifier: GPL-2.0-only
#include "inflight.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

static size_t at_most(size_t bytes, size_t limit)
{
	return bytes < limit ? bytes : limit;
}

static void take_item(struct rqs_inflight_item *item, const struct rqs_look_request *request)
{
	size_t bytes;

	*item = (struct rqs_inflight_item){
		.has_age = request->has_age,
		.age_ns = request->age_ns,
		.slot = request->slot,
		.role = request->role,
		.stage = request->stage,
		.pid = request->pid,
		.tid = request->tid,
		.task_state = request->task_state,
		.kernel_route = request->route,
	};
	rqs_text_clean(item->comm, sizeof(item->comm), request->comm, sizeof(request->comm));
	rqs_text_clean(item->method, sizeof(item->method), request->method,
		       at_most(request->method_bytes, sizeof(request->method)));
	bytes = rqs_text_clean(item->path, sizeof(item->path) - 3, request->path,
			       at_most(request->path_bytes, sizeof(request->path)));
	if (request->path_cut && bytes)
		strcpy(item->path + bytes, "…");
	rqs_phrase_peer(item->peer, request->peer_family, request->peer_address, request->peer_port);
}

/* The oldest first; those whose age isn't known last. */
static int compare(const void *left, const void *right)
{
	const struct rqs_inflight_item *a = left, *b = right;

	if (a->has_age != b->has_age)
		return a->has_age ? -1 : 1;
	return (a->age_ns < b->age_ns) - (a->age_ns > b->age_ns);
}

void rqs_inflight_of(const struct rqs_look *look, struct rqs_inflight *ret_inflight)
{
	uint32_t count = at_most(look->count, RQS_LOOK_MAX);

	ret_inflight->connections = look->connections;
	ret_inflight->http = look->http;
	ret_inflight->requests = look->requests;
	ret_inflight->count = count;
	for (uint32_t i = 0; i < count; i++)
		take_item(&ret_inflight->items[i], &look->list[i]);
	qsort(ret_inflight->items, count, sizeof(ret_inflight->items[0]), compare);
}

const char *rqs_stage_name(uint8_t stage)
{
	static const char *const names[RQS_STAGE_COUNT] = { "queued", "reading", "serving", "sending" };

	return stage < RQS_STAGE_COUNT ? names[stage] : NULL;
}

const char *rqs_task_state_name(uint8_t state)
{
	static const char *const names[RQS_TASK_STATE_COUNT] = { NULL,	     "running", "runnable", "sleeping",
								 "blocked", "stopped", "exiting" };

	return state < RQS_TASK_STATE_COUNT ? names[state] : NULL;
}
