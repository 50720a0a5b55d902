/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * http_buffer - bytes that a call has just moved, read where the process has them. For hooks that come after the call, with its
 * result: where that is they find out themselves.
 */
#ifndef RQS_BPF_HTTP_BUFFER_H
#define RQS_BPF_HTTP_BUFFER_H

#include "http.h"

#define RQS_MSG_OOB 1
#define RQS_MSG_PEEK 2
#define RQS_MSG_ERRQUEUE 0x2000

/* Where the process has the bytes. */
struct rqs_buffer {
	__u64 base; /* of the bytes, or of an array */
	__u32 kind; /* enum rqs_source_kind */
	__u32 pieces;
	__u32 first_skip; /* bytes of the array's first piece that are not of this call */
};

/* The short way of what lies in one piece, or begins with one. */
static __always_inline bool rqs_buffer_fast(struct rqs_conn *conn, struct rqs_window_bytes *window, const struct rqs_fast *event,
					    const struct rqs_buffer *buffer)
{
	struct rqs_memo *memo = rqs_fast_memo(event, conn, event->bytes);
	__u64 piece[2] = { buffer->base, ~0ULL };
	long err = 0;

	if (!memo || buffer->kind == RQS_SOURCE_NONE)
		return false;
	if (buffer->kind == RQS_SOURCE_USER_IOVEC)
		err = bpf_probe_read_user(piece, sizeof(piece), (void *)buffer->base);
	else if (buffer->kind == RQS_SOURCE_IOVEC)
		err = bpf_probe_read_kernel(piece, sizeof(piece), (void *)buffer->base);
	if (err || piece[1] < (__u64)memo->head_bytes + buffer->first_skip)
		return false;
	if (bpf_probe_read_user(window->data, rqs_fast_bytes(memo), (void *)(piece[0] + buffer->first_skip)))
		return false;
	return rqs_fast_take(event, conn, memo, window);
}

/* The long way. */
static __always_inline void rqs_buffer_slow(struct sock *sk, struct rqs_conn *conn, struct rqs_work *work, const struct rqs_fast *event,
					    const struct rqs_buffer *buffer)
{
	struct rqs_tap tap = {};

	rqs_tap_begin(&tap, conn, work, event->window);
	tap.sk = sk;
	tap.feed->kind = buffer->kind;
	tap.feed->base = buffer->base;
	tap.feed->pieces = buffer->pieces;
	tap.feed->first_skip = buffer->first_skip;
	tap.feed->seq = event->seq;
	tap.feed->bytes = event->bytes;
	tap.feed->sent_seq = event->seq + event->bytes;
	tap.feed->received = event->received;
	tap.feed->now_ns = event->now_ns;
	rqs_feed(&tap, rqs_user_step);
}

/** rqs_buffer_take() - the engine: take what a call moved. @event: all but is_request is set. */
static __always_inline void rqs_buffer_take(struct sock *sk, struct rqs_conn *conn, struct rqs_fast *event,
					    const struct rqs_buffer *buffer)
{
	struct rqs_work *work;
	__u32 zero = 0;

	work = bpf_map_lookup_elem(&http_work, &zero);
	if (!work)
		return;
	event->is_request = event->received == (conn->role == RQS_CONN_SERVER);
	if (!rqs_buffer_fast(conn, &work->windows[event->window & (RQS_WINDOWS - 1)], event, buffer))
		rqs_buffer_slow(sk, conn, work, event, buffer);
}

#endif
