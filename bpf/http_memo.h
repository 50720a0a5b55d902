/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * http_memo - heads as they were last read, and what they meant: the same bytes mean the same.
 * Clients and servers repeat themselves; comparing a head costs a fifth of reading it. Nothing is guessed: all of it is
 * compared. Map: http_memos, private to bpf/.
 */
#ifndef RQS_BPF_HTTP_MEMO_H
#define RQS_BPF_HTTP_MEMO_H

#include "http_end.h"
#include "http_source.h"

#define RQS_MEMOS 128 /* a CPU, a quarter of them for each window; a power of 2 */
#define RQS_MEMO_CREDIT 8

struct rqs_memo {
	__u32 owner; /* slot + 1, and in the highest bit whether it is a request; 0: none */
	__u32 head_bytes;
	__u32 message_bytes; /* with the body that it announces */
	__u16 status;
	__u8 credit; /* how often it may miss before another head takes its place */
	__u8 method_bytes;
	__u8 path_bytes;
	__u8 path_cut;
	__u8 is_head; /* the method, as in struct rqs_open */
	__u8 is_connect;
	__u32 route; /* of a request, as in struct rqs_open: where it is current there is none to look for */
	char method[RQS_METHOD_MAX];
	char path[RQS_PATH_MAX];
	struct rqs_window_bytes head;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RQS_MEMOS);
	__type(key, __u32);
	__type(value, struct rqs_memo);
} http_memos SEC(".maps");

static __always_inline __u32 rqs_memo_owner(const struct rqs_conn *conn, bool is_request)
{
	return (conn->slot + 1) | (is_request ? 1U << 31 : 0);
}

/*
 * Where a message of this length is kept: those of one service that differ mostly differ in length. What is received and
 * what is sent, each seen by a program of its own, share no memo: where programs may be preempted, one of them could
 * change it between the other's comparing and using it.
 */
static __always_inline struct rqs_memo *rqs_memo_of(const struct rqs_conn *conn, bool is_request, __u32 window,
						    __u32 message_bytes)
{
	__u32 mixed = ((conn->slot * 2 + is_request) * 0x9e3779b1U) ^ (message_bytes * 0x85ebca6bU);
	__u32 index = ((mixed >> 20) & (RQS_MEMOS / RQS_WINDOWS - 1)) * RQS_WINDOWS + window;

	return bpf_map_lookup_elem(&http_memos, &index);
}

/* Whether the window begins with this head. Global. */
__noinline int rqs_memo_is(const struct rqs_memo *memo, const struct rqs_window_bytes *window)
{
	__u32 bytes, at, word;

	if (!memo || !window)
		return 0;
	bytes = memo->head_bytes;
	for (at = 0; at + 32 <= RQS_WINDOW_BYTES; at += 32) {
		const __u64 *a = (const __u64 *)(memo->head.data + at), *b = (const __u64 *)(window->data + at);

		if (at + 32 > bytes)
			break;
		if (((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3])))
			return 0;
	}
	for (word = 0; word < 4; word++) {
		__u32 from = (at + 8 * word) & (RQS_WINDOW_BYTES - 8), left = bytes - (at + 8 * word);
		__u64 differ = *(const __u64 *)(memo->head.data + from) ^ *(const __u64 *)(window->data + from);

		if ((__s32)left <= 0)
			break;
		if (left < 8)
			differ <<= 64 - 8 * left;
		if (differ)
			return 0;
	}
	return 1;
}

/*
 * The window begins with a head of feed->head_bytes, and the event is one message: keep it for the next one like it. Called
 * when what follows the head is known. Global.
 */
__noinline int rqs_memo_keep(struct rqs_feed *feed, struct rqs_conn *conn)
{
	const struct rqs_framing *f;
	struct rqs_memo *memo;
	struct rqs_work *work;
	__u32 zero = 0, owner, message_bytes;

	work = bpf_map_lookup_elem(&http_work, &zero);
	if (!feed || !conn || !work || conn->mode != RQS_CONN_HTTP)
		return 0;
	f = feed->is_request ? &conn->request : &conn->response;
	message_bytes = feed->head_bytes;
	if (f->state == RQS_FRAMING_BODY)
		message_bytes += f->left;
	else if (f->state != RQS_FRAMING_DONE)
		return 0;
	if (message_bytes != feed->bytes || f->left > feed->bytes)
		return 0;
	if (!feed->is_request && (conn->has_pipe || conn->only.number != conn->parsed || conn->only.is_head ||
				  conn->only.is_connect))
		return 0; /* what it meant isn't in the head alone */
	memo = rqs_memo_of(conn, feed->is_request, feed->window & (RQS_WINDOWS - 1), message_bytes);
	if (!memo)
		return 0;
	owner = rqs_memo_owner(conn, feed->is_request);
	if (memo->owner == owner && memo->credit) {
		memo->credit--;
		return 0;
	}
	memo->owner = owner;
	memo->credit = 1;
	memo->head_bytes = feed->head_bytes;
	memo->message_bytes = message_bytes;
	memo->status = f->status;
	memo->method_bytes = conn->method_bytes;
	memo->path_bytes = conn->path_bytes;
	memo->path_cut = conn->path_cut;
	memo->is_head = !!(f->flags & RQS_FRAMING_IS_HEAD);
	memo->is_connect = !!(f->flags & RQS_FRAMING_IS_CONNECT);
	memo->route = conn->slot;
	__builtin_memcpy(memo->method, conn->method, sizeof(memo->method));
	__builtin_memcpy(memo->path, conn->path, sizeof(memo->path));
	__builtin_memcpy(&memo->head, &work->windows[feed->window & (RQS_WINDOWS - 1)], sizeof(memo->head));
	return 0;
}

#endif
