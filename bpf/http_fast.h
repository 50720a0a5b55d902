/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * http_fast - the way of nearly every message: one event holds all of it, it is the next one due, nothing else is open on
 * its connection, and its head was seen before. What it does is what the long way (http.h, http_messages.h) would do.
 */
#ifndef RQS_BPF_HTTP_FAST_H
#define RQS_BPF_HTTP_FAST_H

#include "http_memo.h"
#include "http_messages.h"

/* An event of a tap, as the short way needs it. */
struct rqs_fast {
	__u64 now_ns; /* 0: not asked for yet */
	__u32 seq;
	__u32 bytes;
	__u32 window; /* enum rqs_window_index */
	bool is_request;
	bool received;
};

/* The memo of a message that may go this way, if its head is the same; or NULL. @room: bytes that the kernel takes now. */
static __always_inline struct rqs_memo *rqs_fast_memo(const struct rqs_fast *event, const struct rqs_conn *conn, __u32 room)
{
	struct rqs_memo *memo;

	if (conn->mode != RQS_CONN_HTTP || !rqs_conn_identified(conn))
		return NULL;
	if (event->is_request) {
		if (conn->opened != conn->ended || conn->unmatched || conn->request.state || conn->request.match ||
		    conn->request_seq != event->seq)
			return NULL;
	} else {
		if (conn->opened - conn->ended != 1 || conn->parsed != conn->ended || conn->only.number != conn->ended ||
		    conn->response.state || conn->response_seq != event->seq || conn->only.is_head ||
		    conn->only.is_connect || room < event->bytes)
			return NULL;
	}
	memo = rqs_memo_of(conn, event->is_request, event->window, event->bytes);
	if (!memo || memo->owner != rqs_memo_owner(conn, event->is_request) || memo->message_bytes != event->bytes)
		return NULL;
	return memo;
}

/* How many bytes to bring into the window for it. */
static __always_inline __u32 rqs_fast_bytes(const struct rqs_memo *memo)
{
	__u32 bytes = memo->head_bytes;

	barrier_var(bytes);
	return bytes < RQS_WINDOW_BYTES ? bytes : RQS_WINDOW_BYTES;
}

static __always_inline void rqs_fast_request(const struct rqs_fast *event, struct rqs_conn *conn, struct rqs_memo *memo)
{
	struct rqs_http_lane *lane;

	rqs_open_begin(&conn->only, conn, conn->opened, event->seq, event->now_ns ?: bpf_ktime_get_ns());
	conn->only.is_head = memo->is_head;
	conn->only.is_connect = memo->is_connect;
	conn->method_bytes = memo->method_bytes;
	conn->path_bytes = memo->path_bytes;
	conn->path_cut = memo->path_cut;
	__builtin_memcpy(conn->method, memo->method, sizeof(conn->method));
	__builtin_memcpy(conn->path, memo->path, sizeof(conn->path));
	conn->out_of_step = 0;
	conn->opened++;
	conn->request_seq = event->seq + event->bytes;
	memo->route = rqs_route_again(conn, memo->route);
	conn->only.route = memo->route;
	rqs_route_count(memo->route);
	lane = rqs_lane_begin(conn->slot);
	if (lane) {
		__sync_fetch_and_add(&lane->requests, 1);
		__sync_fetch_and_add(&lane->in_flight, 1);
		rqs_count_request(conn, lane, conn->request_seq);
		rqs_lane_end(lane);
	}
}

static __always_inline void rqs_fast_response(const struct rqs_fast *event, struct rqs_conn *conn, const struct rqs_memo *memo)
{
	__u64 now_ns = event->now_ns ?: bpf_ktime_get_ns();

	rqs_response_begins(conn, event->seq, now_ns);
	rqs_open_answered(conn, &conn->only, memo->status);
	conn->out_of_step = 0;
	conn->parsed++;
	conn->response_seq = event->seq + event->bytes;
	rqs_end_response(conn, NULL, memo->status, conn->response_seq, now_ns);
}

/** rqs_fast_take() - the window begins with the head of this memo: take the message. False: it doesn't; nothing is changed. */
static __always_inline bool rqs_fast_take(const struct rqs_fast *event, struct rqs_conn *conn, struct rqs_memo *memo,
					  const struct rqs_window_bytes *window)
{
	if (!rqs_memo_is(memo, window))
		return false;
	if (memo->credit < RQS_MEMO_CREDIT)
		memo->credit++;
	if (event->is_request)
		rqs_fast_request(event, conn, memo);
	else
		rqs_fast_response(event, conn, memo);
	return true;
}

#endif
