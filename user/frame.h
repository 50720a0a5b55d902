/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * frame - the messages of the WebSocket protocol, as docs/protocol.md has them.
 * Upstream: model.h. Downstream: server.h sends them.
 * Pure. Each returns JSON text without a newline, or { NULL, 0 } with errno ENOMEM. Free it with free(data).
 */
#ifndef RQS_FRAME_H
#define RQS_FRAME_H

#include "inflight.h"
#include "model.h"

struct rqs_text {
	char *data; /* not NUL-terminated by promise */
	size_t bytes;
};

/* What a client may say. */
enum rqs_request_kind {
	RQS_REQUEST_SUBSCRIBE,
	RQS_REQUEST_HISTORY,
	RQS_REQUEST_WATCH,
	RQS_REQUEST_LOOK,
	RQS_REQUEST_PING
};

struct rqs_request {
	enum rqs_request_kind kind;
	uint32_t rate_ms;	 /* subscribe: 100, 250, 500 or 1000 */
	uint32_t id;		 /* history: comes back in the answer */
	int64_t from_ms, to_ms;	 /* history: UNIX time */
	uint32_t points;	 /* history: 1 .. RQS_HISTORY_POINTS_MAX wanted at most */
	bool has_slot;		 /* watch: a service; else none. history: of a service; else of the host */
	uint32_t slot;		 /* below RQS_SLOT_MAX */
	bool inflight;		 /* look: at what is in flight; else no more */
};

#define RQS_HISTORY_POINTS_MAX 2000
#define RQS_RATE_DEFAULT_MS 250

/**
 * rqs_request_parse() - read a client's message.
 * @ret_error: on failure one sentence that says what is wrong; static, or held in @ret_error itself.
 * Return: 0, or -EINVAL. @ret_request is untouched on failure.
 */
int rqs_request_parse(const char *text, size_t bytes, struct rqs_request *ret_request, char ret_error[160]);

struct rqs_text rqs_frame_hello(const struct rqs_model *model, uint32_t rate_ms);

/**
 * rqs_frame_windows() - the windows after @after_seq up to and with @to_seq, one column each.
 * @missed: how many windows this client lost; when > 0 the whole range is merged into one window.
 */
struct rqs_text rqs_frame_windows(const struct rqs_model *model, uint64_t after_seq, uint64_t to_seq,
				  uint32_t missed);

/**
 * rqs_frame_service_windows() - the same of the service in a slot.
 * @service: what rqs_model_service() said of @slot; when another one counts there now, "ended": true and what it did until then.
 */
struct rqs_text rqs_frame_service_windows(const struct rqs_model *model, uint32_t slot, uint64_t service, uint64_t after_seq,
					  uint64_t to_seq, uint32_t missed);

/**
 * rqs_frame_history() - a range at the finest resolution that fits in the points asked for.
 * With a slot in @request: of the service in it, which rqs_model_service() must know.
 */
struct rqs_text rqs_frame_history(const struct rqs_model *model, const struct rqs_request *request);

struct rqs_text rqs_frame_services(const struct rqs_model *model);

/** rqs_frame_events() - the events after @after_event_seq that are still kept, oldest first, and the counts. */
struct rqs_text rqs_frame_events(const struct rqs_model *model, uint64_t after_event_seq);

struct rqs_text rqs_frame_status(const struct rqs_model *model);

/**
 * rqs_frame_routes() - the routes of the service in a slot.
 * @service: what rqs_model_service() said of @slot; when another one counts there now, "ended": true and no routes.
 */
struct rqs_text rqs_frame_routes(const struct rqs_model *model, uint32_t slot, uint64_t service);

/** rqs_frame_inflight() - what is in flight. @inflight: NULL where that can't be read. */
struct rqs_text rqs_frame_inflight(const struct rqs_model *model, const struct rqs_inflight *inflight);

struct rqs_text rqs_frame_error(const char *code, const char *text);

#endif
