/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * http_messages - what is done where a request or response begins, has its whole head, ends, or isn't one.
 * Functions that are not static are global: the verifier looks at each once, on its own, whatever calls it.
 */
#ifndef RQS_BPF_HTTP_MESSAGES_H
#define RQS_BPF_HTTP_MESSAGES_H

#include "http_end.h"
#include "http_source.h"

/* What comes is not understood. Later bytes are looked at again where that can make sense. */
__noinline int rqs_feed_bad(struct rqs_feed *feed, struct rqs_conn *conn, struct rqs_pipe *pipe, bool readable)
{
	struct rqs_framing *f;
	struct rqs_work *work;
	__u32 zero = 0;

	work = bpf_map_lookup_elem(&http_work, &zero);
	if (!feed || !conn || !work)
		return 0;
	f = feed->is_request ? &conn->request : &conn->response;
	feed->at = feed->bytes;
	switch (conn->mode) {
	case RQS_CONN_NEW:
		conn->mode = RQS_CONN_OFF;
		if (!readable)
			RQS_LOST(unparsed);
		else if (conn->role == RQS_CONN_CLIENT && conn->local_peer)
			break; /* its other end is counted */
		else if (f->state == RQS_FRAMING_HTTP2)
			RQS_LOST(http2_connections);
		else if (feed->is_request && !feed->window_at && work->windows[feed->window & (RQS_WINDOWS - 1)].data[0] == 0x16 &&
			 work->windows[feed->window & (RQS_WINDOWS - 1)].data[1] == 3)
			RQS_LOST(tls_connections);
		else if (conn->family != AF_UNIX) /* of Unix sockets it is what is usual */
			RQS_LOST(other_connections);
		break;
	case RQS_CONN_JOIN:
		conn->role = RQS_CONN_UNKNOWN;
		conn->request_known = 0;
		conn->response_known = 0;
		rqs_framing_reset(&conn->request);
		rqs_framing_reset(&conn->response);
		break;
	case RQS_CONN_HTTP:
		if (!conn->out_of_step)
			RQS_LOST(unparsed);
		conn->out_of_step = 1;
		rqs_framing_reset(f);
		if (feed->is_request) /* the response goes on, and is still without a request where it was */
			break;
		conn->unmatched = 0;
		rqs_end_rest(conn, pipe, false, 0);
		break;
	}
	return 0;
}

/* When bytes that are being sent were first in the kernel: of a Unix socket the hook comes after the call. */
static __always_inline __u64 rqs_handed_first(const struct rqs_conn *conn, __u64 now_ns)
{
	if (conn->family != AF_UNIX || !conn->handed_first_ns || conn->handed_first_ns > now_ns)
		return now_ns;
	return conn->handed_first_ns;
}

/* A request's head begins at @seq. */
static __always_inline void rqs_open_begin(struct rqs_open *open, struct rqs_conn *conn, __u32 number, __u32 seq, __u64 now_ns)
{
	struct task_struct *task = bpf_get_current_task_btf();

	__builtin_memset(open, 0, sizeof(*open));
	open->number = number;
	open->tid = task->pid;
	if (conn->role == RQS_CONN_CLIENT) {
		open->start_ns = rqs_handed_first(conn, now_ns);
		return;
	}
	open->start_ns = rqs_arrival_of(conn, seq);
	if (open->start_ns > now_ns)
		open->start_ns = now_ns;
	open->copied_ns = now_ns;
	open->run_delay_ns = task->sched_info.run_delay;
	open->exec_ns = rqs_exec_base(task);
	open->turns = rqs_turn_to(task, conn);
}

/* The first byte of a request's head. */
static __always_inline void rqs_request_begins(struct rqs_feed *feed, struct rqs_conn *conn, struct rqs_pipe *pipe)
{
	struct rqs_open *open;

	conn->path_bytes = 0;
	conn->method_bytes = 0;
	open = rqs_open_make(conn, pipe);
	if (open)
		rqs_open_begin(open, conn, conn->opened, feed->seq + feed->at, feed->now_ns);
}

/* A response's head begins at @seq. */
static __always_inline void rqs_response_begins(struct rqs_conn *conn, __u32 seq, __u64 now_ns)
{
	if (conn->role != RQS_CONN_CLIENT) {
		conn->response_first_ns = rqs_handed_first(conn, now_ns);
		return;
	}
	conn->response_copied_ns = now_ns;
	conn->response_first_ns = rqs_arrival_of(conn, seq);
	if (conn->response_first_ns > now_ns)
		conn->response_first_ns = now_ns;
}

/* Keep the method, and the path without its query, both cut to what there is room for. */
static __always_inline void rqs_keep_target(struct rqs_conn *conn, const struct rqs_scan *scan,
					    const struct rqs_window_bytes *window)
{
	__u32 bytes = scan->target_bytes, word, i;
	const unsigned char *from;

	from = window->data + (scan->method_pos & (RQS_WINDOW_BYTES - 1));
	*(__u64 *)&conn->method[0] = *(const __u64 *)from;
	*(__u64 *)&conn->method[8] = *(const __u64 *)(from + 8);
	conn->method_bytes = scan->method_bytes < RQS_METHOD_MAX ? scan->method_bytes : RQS_METHOD_MAX;
	conn->path_cut = bytes > RQS_PATH_MAX;
	if (bytes > RQS_PATH_MAX)
		bytes = RQS_PATH_MAX;
	for (i = 0; i < RQS_PATH_MAX / 8; i++) {
		__u32 pos = scan->target_pos + 8 * i;
		__u64 text, found;

		if (8 * i >= bytes)
			break;
		text = *(const __u64 *)(window->data + (pos & (RQS_WINDOW_BYTES - 1)));
		found = rqs_framing_find(text, '?');
		*(__u64 *)&conn->path[8 * i] = text;
		if (!found)
			continue;
		word = 8 * i + rqs_framing_byte_of(found);
		if (word < bytes) {
			bytes = word;
			conn->path_cut = 0;
		}
		break;
	}
	conn->path_bytes = bytes;
}

/* The head of a request's final response. */
static __always_inline void rqs_open_answered(const struct rqs_conn *conn, struct rqs_open *open, __u16 status)
{
	open->status = status;
	open->first_ns = conn->response_first_ns;
	if (conn->role != RQS_CONN_CLIENT)
		return;
	open->copied_ns = conn->response_copied_ns;
	if (!open->first_ns)
		open->start_ns = 0; /* its arrival wasn't seen: untimed */
}

/* Whether a response that has no request yet may be the answer to one that is being sent. */
static __always_inline bool rqs_may_be_early(const struct rqs_conn *conn)
{
	return conn->role == RQS_CONN_CLIENT && (RQS_SENDS_ARE_SEEN_LATE || conn->family == AF_UNIX) &&
	       (conn->mode == RQS_CONN_NEW || (conn->mode == RQS_CONN_HTTP && conn->opened));
}

/* A whole head of a request whose answer came before. Where all of that was read its status is known no more. */
static __always_inline void rqs_request_is_late(struct rqs_feed *feed, struct rqs_conn *conn, struct rqs_pipe *pipe, struct rqs_open *open)
{
	bool ended = conn->unmatched == RQS_EARLY_ENDED;

	conn->unmatched = RQS_MATCHED;
	if (!ended && !(conn->request.flags & RQS_FRAMING_IS_HEAD)) {
		if (open)
			rqs_open_answered(conn, open, conn->response.status);
		return;
	}
	if (!ended) /* it has no body */
		rqs_framing_reset(&conn->response);
	conn->parsed++;
	rqs_end_response(conn, pipe, 0, conn->response_seq, feed->now_ns);
}

/* A whole head of a request. */
__noinline int rqs_request_head(struct rqs_feed *feed, struct rqs_conn *conn, struct rqs_pipe *pipe)
{
	struct rqs_http_lane *lane;
	struct rqs_open *open;
	__u32 route;

	if (!feed || !conn || (conn->opened == conn->ended && !rqs_conn_identified(conn) && rqs_conn_identify(conn)))
		return 0;
	conn->mode = RQS_CONN_HTTP;
	conn->out_of_step = 0;
	open = rqs_open_find(conn, pipe, conn->opened);
	if (open) {
		open->is_head = !!(conn->request.flags & RQS_FRAMING_IS_HEAD);
		open->is_connect = !!(conn->request.flags & RQS_FRAMING_IS_CONNECT);
		route = rqs_route_of(conn);
		open->route = route;
	} else {
		RQS_LOST(pipelined);
		route = rqs_route_rest(conn->slot);
	}
	conn->opened++;
	rqs_route_count(route);
	lane = rqs_lane_begin(conn->slot);
	if (lane) {
		__sync_fetch_and_add(&lane->requests, 1);
		__sync_fetch_and_add(&lane->in_flight, 1);
		rqs_count_request(conn, lane, feed->seq + feed->at);
		rqs_lane_end(lane);
	}
	if (conn->unmatched >= RQS_EARLY)
		rqs_request_is_late(feed, conn, pipe, open);
	rqs_framing_body(&conn->request, false, false);
	return 0;
}

/* 101, or 2xx to CONNECT: from here on the connection carries something else. */
static __always_inline void rqs_response_upgrades(struct rqs_feed *feed, struct rqs_conn *conn, struct rqs_pipe *pipe)
{
	__u32 end_seq = feed->seq + feed->at;

	rqs_end_sent(conn, pipe, end_seq, feed->now_ns);
	if (conn->opened != conn->ended)
		rqs_end_upgrade(conn, end_seq);
	else
		RQS_LOST(unmatched);
	/* What looked like further requests was for the other protocol, or will have no answer in this one. */
	rqs_end_rest(conn, pipe, true, feed->now_ns);
	conn->mode = RQS_CONN_OFF;
}

/* A whole head of a response. */
__noinline int rqs_response_head(struct rqs_feed *feed, struct rqs_conn *conn, struct rqs_pipe *pipe)
{
	bool to_head = false, to_connect = false, is_early;
	struct rqs_open *open = NULL;
	__u16 status;

	if (!feed || !conn || (!conn->has_slot && rqs_conn_identify(conn)))
		return 0;
	status = conn->response.status;
	is_early = rqs_may_be_early(conn);
	conn->mode = RQS_CONN_HTTP;
	conn->out_of_step = 0;
	if (conn->unmatched == RQS_EARLY_ENDED && conn->parsed == conn->opened)
		RQS_LOST(unmatched);
	conn->unmatched = conn->parsed != conn->opened ? RQS_MATCHED : is_early ? RQS_EARLY : RQS_UNMATCHED;
	if (!conn->unmatched)
		open = rqs_open_find(conn, pipe, conn->parsed);
	if (open) {
		to_head = open->is_head;
		to_connect = open->is_connect;
	}
	if (status == 101 || (to_connect && status >= 200 && status < 300)) {
		rqs_response_upgrades(feed, conn, pipe);
		return 0;
	}
	if (status < 200) {
		rqs_framing_reset(&conn->response); /* not final: the answer is still to come */
		conn->unmatched = RQS_MATCHED;
		return 0;
	}
	if (open)
		rqs_open_answered(conn, open, status);
	rqs_framing_body(&conn->response, to_head, to_connect);
	return 0;
}

/* The end of a response was found; it may still have to be taken by the kernel. */
__noinline int rqs_response_done(struct rqs_feed *feed, struct rqs_conn *conn, struct rqs_pipe *pipe)
{
	struct rqs_open *open;
	__u32 end_seq;

	if (!feed || !conn)
		return 0;
	end_seq = feed->seq + feed->at;
	if (conn->unmatched == RQS_EARLY) {
		conn->unmatched = RQS_EARLY_ENDED;
	} else if (conn->unmatched) {
		RQS_LOST(unmatched);
		conn->unmatched = RQS_MATCHED;
	} else {
		open = rqs_open_find(conn, pipe, conn->parsed);
		if (open) {
			open->end_seq = end_seq;
			conn->parsed++;
			rqs_end_sent(conn, pipe, feed->sent_seq, feed->now_ns);
		} else {
			/* Too deep to have been kept: what is before it ends now, and so does it. */
			rqs_end_sent(conn, pipe, end_seq, feed->now_ns);
			rqs_end_response(conn, pipe, conn->response.status, end_seq, feed->now_ns);
			conn->parsed = conn->ended;
		}
	}
	rqs_framing_reset(&conn->response);
	return 0;
}

#endif
