/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * http_source - bytes on their way between a process and a socket, brought into a window of this CPU piece by piece.
 * Map: http_work.
 */
#ifndef RQS_BPF_HTTP_SOURCE_H
#define RQS_BPF_HTTP_SOURCE_H

#include "http_conn.h"

/* Bytes on their way between a process and a socket, as a tap shows them. */
enum rqs_source_kind {
	RQS_SOURCE_NONE,       /* only their number is known */
	RQS_SOURCE_BUFFER,     /* user memory at base */
	RQS_SOURCE_IOVEC,      /* user memory, described by an array in the kernel */
	RQS_SOURCE_USER_IOVEC, /* ... by an array in user memory */
};

/* One event of a tap, and how far it has been looked at. Numbers only: it is given to global functions. */
struct rqs_feed {
	__u64 base;	  /* of the buffer, or of the array */
	__u64 piece;	  /* the part of it that piece_at .. piece_end lies in */
	__u64 now_ns;
	__u32 kind;
	__u32 skb_offset;
	__u32 pieces;	  /* how many are left in the array */
	__u32 piece_at;	  /* offset of the piece in these bytes */
	__u32 piece_end;
	__u32 first_skip; /* bytes of the first piece that were taken before */
	__u32 seq;	  /* position of the first byte in the stream */
	__u32 bytes;
	__u32 at;	  /* how many of them were looked at */
	__u32 window_at;  /* the window holds window_at .. window_end */
	__u32 window_end;
	__u32 sent_seq;	  /* of a response: up to where the kernel takes it now */
	__u32 head_bytes; /* of a head that is all there is in the window before `at`; 0: none */
	__u32 is_request;
	__u32 received;
	__u32 window; /* enum rqs_window_index */
};

/* Where the bytes of an event are: in the stream, and in a packet; of what is sent how many the kernel takes now. */
struct rqs_span {
	__u32 seq;
	__u32 bytes;
	__u32 offset;
	__u32 room;
};

/* What only the program itself may hold, and where the rest is. */
struct rqs_tap {
	struct rqs_feed *feed; /* of this CPU, as the window */
	struct rqs_conn *conn;
	struct rqs_window_bytes *window; /* of this CPU */
	const struct sock *sk;
	const struct sk_buff *skb;
};

/* Programs that may run on one CPU by turns share no window. */
enum rqs_window_index { RQS_WINDOW_SENT, RQS_WINDOW_RECEIVED, RQS_WINDOW_UNIX_SENT, RQS_WINDOW_UNIX_RECEIVED, RQS_WINDOWS };

struct rqs_work {
	struct rqs_window_bytes windows[RQS_WINDOWS];
	struct rqs_feed feeds[RQS_WINDOWS]; /* not on the stack, which is short on kernels before 6.13 */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rqs_work);
} http_work SEC(".maps");

/* A tap's window and what is known of the event that it is for: nothing yet. @index: enum rqs_window_index. */
static __always_inline void rqs_tap_begin(struct rqs_tap *tap, struct rqs_conn *conn, struct rqs_work *work, __u32 index)
{
	tap->conn = conn;
	tap->window = &work->windows[index & (RQS_WINDOWS - 1)];
	tap->feed = &work->feeds[index & (RQS_WINDOWS - 1)];
	__builtin_memset(tap->feed, 0, sizeof(*tap->feed));
	tap->feed->window = index;
}

static __always_inline int rqs_window_set(struct rqs_feed *feed, __u32 bytes)
{
	feed->window_at = feed->at;
	feed->window_end = feed->at + bytes;
	return 0;
}

/* The next piece of an array of buffers; 1 when it was made the current one. */
static __always_inline int rqs_next_piece(struct rqs_feed *feed)
{
	struct {
		__u64 base, bytes;
	} vec;
	long err;

	if (!feed->pieces)
		return -1;
	if (feed->kind == RQS_SOURCE_IOVEC)
		err = bpf_probe_read_kernel(&vec, sizeof(vec), (void *)feed->base);
	else
		err = bpf_probe_read_user(&vec, sizeof(vec), (void *)feed->base);
	if (err)
		return -1;
	feed->pieces--;
	feed->base += sizeof(vec);
	if (vec.bytes > 0x7fffffff)
		vec.bytes = 0x7fffffff;
	if (feed->first_skip > vec.bytes)
		feed->first_skip = vec.bytes;
	feed->piece = vec.base + feed->first_skip;
	feed->piece_at = feed->piece_end;
	feed->piece_end += vec.bytes - feed->first_skip;
	feed->first_skip = 0;
	return 1;
}

/* Bring bytes from feed.at on into the window. 0 done, 1 call again, -1 they can't be read. */
static __always_inline int rqs_read_user(struct rqs_tap *tap)
{
	struct rqs_feed *feed = tap->feed;
	__u32 bytes = feed->bytes - feed->at;
	__u64 from;

	if (feed->kind == RQS_SOURCE_BUFFER) {
		from = feed->base + feed->at;
	} else if (feed->kind == RQS_SOURCE_NONE) {
		return -1;
	} else {
		if (feed->at >= feed->piece_end)
			return rqs_next_piece(feed);
		from = feed->piece + (feed->at - feed->piece_at);
		if (bytes > feed->piece_end - feed->at)
			bytes = feed->piece_end - feed->at;
	}
	if (bytes > RQS_WINDOW_BYTES)
		bytes = RQS_WINDOW_BYTES;
	if (bpf_probe_read_user(tap->window->data, bytes, (void *)from))
		return -1;
	return rqs_window_set(feed, bytes);
}

#endif
