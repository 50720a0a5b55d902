// SPDX-License-Identifier: GPL-2.0-only
/*
 * http_a - tap A: what goes over TCP sockets, whatever system call carries it. Kernel 6.16 and later.
 * Hooks:  tp_btf/skb_copy_datagram_iovec (net/core/datagram.c skb_copy_datagram_iter(): received bytes on their way to
 *         the process), tp_btf/tcp_sendmsg_locked (net/ipv4/tcp.c, 6.16: once a loop, before the bytes are taken).
 *         Both run under the socket's lock.
 *         Unix sockets have functions, and so hooks, of their own: http_unix_calls.h.
 * Engine: http.h.
 */
#define RQS_SENDS_ARE_SEEN_LATE 0
#include "http_unix_calls.h"
#include "http_look.h"

extern int bpf_dynptr_from_skb(struct __sk_buff *skb, __u64 flags, struct bpf_dynptr *ptr) __ksym;

#define RQS_MSG_ZEROCOPY 0x4000000 /* include/linux/socket.h */
#define RQS_SEND_PAGES_MAX 32768 /* net/core/sock.c SKB_FRAG_PAGE_ORDER: what one loop copies at most */

static __always_inline int http_read_skb(struct rqs_tap *tap)
{
	struct rqs_feed *feed = tap->feed;
	__u32 bytes = feed->bytes - feed->at;
	struct bpf_dynptr data;

	if (bytes > RQS_WINDOW_BYTES)
		bytes = RQS_WINDOW_BYTES;
	if (bpf_dynptr_from_skb((struct __sk_buff *)tap->skb, 0, &data) ||
	    bpf_dynptr_read(tap->window->data, bytes, &data, feed->skb_offset + feed->at, 0))
		return -1;
	return rqs_window_set(feed, bytes);
}

static long http_skb_step(__u32 unused, struct rqs_tap *tap)
{
	return rqs_loop_stop(rqs_tap_step(tap, http_read_skb));
}

/* The short way, where it may be taken; true when it was. */
static __always_inline bool http_receive_fast(const struct sk_buff *skb, struct rqs_conn *conn, struct rqs_work *work,
					      __u32 seq, __u32 skb_offset, __u32 bytes)
{
	struct rqs_fast event = { .seq = seq, .bytes = bytes, .is_request = conn->role == RQS_CONN_SERVER, .received = true,
				   .window = RQS_WINDOW_RECEIVED };
	struct rqs_memo *memo = rqs_fast_memo(&event, conn, bytes);
	struct bpf_dynptr data;

	if (!memo || bpf_dynptr_from_skb((struct __sk_buff *)skb, 0, &data) ||
	    bpf_dynptr_read(work->windows[RQS_WINDOW_RECEIVED].data, rqs_fast_bytes(memo), &data, skb_offset, 0))
		return false;
	return rqs_fast_take(&event, conn, memo, &work->windows[RQS_WINDOW_RECEIVED]);
}

/* The long way. */
static __always_inline void http_receive(const struct sk_buff *skb, struct sock *sk, struct rqs_conn *conn, struct rqs_work *work,
					 const struct rqs_span *span)
{
	struct rqs_tap tap = {};

	rqs_tap_begin(&tap, conn, work, RQS_WINDOW_RECEIVED);
	tap.sk = sk;
	tap.skb = skb;
	tap.feed->skb_offset = span->offset;
	tap.feed->seq = span->seq;
	tap.feed->bytes = span->bytes;
	tap.feed->sent_seq = span->seq + span->bytes;
	tap.feed->received = true;
	rqs_feed(&tap, http_skb_step);
}

SEC("tp_btf/skb_copy_datagram_iovec")
int RQS_PROG(http_on_receive, RQS_HTTP_RECEIVE, const struct sk_buff *skb, int bytes)
{
	struct sock *sk = skb->sk;
	__u32 zero = 0, skb_seq, seq;
	struct rqs_work *work;
	struct rqs_conn *conn;

	if (!http_active || !sk || !rqs_is_tcp(sk) || bytes <= 0)
		return 0;
	conn = rqs_conn_of(sk);
	work = bpf_map_lookup_elem(&http_work, &zero);
	if (!conn || !work)
		return 0;
	skb_seq = rqs_cast(struct tcp_skb_cb, skb->cb)->seq;
	/* A peek goes on to later packets while copied_seq stays: those begin at their own start. */
	seq = rqs_cast(struct tcp_sock, sk)->copied_seq;
	if ((__s32)(seq - skb_seq) < 0)
		seq = skb_seq;
	if (!http_receive_fast(skb, conn, work, seq, seq - skb_seq, bytes)) {
		struct rqs_span span = { .seq = seq, .offset = seq - skb_seq, .bytes = bytes };

		http_receive(skb, sk, conn, work, &span);
	}
	return 0;
}

/* How many bytes this turn of the loop takes at most; 0 when it has to wait for memory first. @pages: it need not copy them. */
static __always_inline __u32 rqs_send_room(const struct sock *sk, const struct sk_buff *skb, int size_goal, bool pages)
{
	int room = skb ? size_goal - (int)skb->len : 0;

	if (room <= 0) {
		if (sk->sk_wmem_queued >= sk->sk_sndbuf)
			return 0;
		room = size_goal;
	}
	return !pages && room > RQS_SEND_PAGES_MAX ? RQS_SEND_PAGES_MAX : room;
}

/* The short way of what lies in one buffer, or begins with one. */
static __always_inline bool http_send_fast(const struct msghdr *msg, struct rqs_conn *conn, struct rqs_work *work,
					   const struct rqs_fast *event, __u32 room)
{
	struct rqs_memo *memo = rqs_fast_memo(event, conn, room);
	__u8 type = msg->msg_iter.iter_type;
	__u64 from;
	__u32 head_bytes;

	if (!memo)
		return false;
	head_bytes = rqs_fast_bytes(memo);
	if (type == bpf_core_enum_value(enum iter_type, ITER_UBUF)) {
		from = (__u64)msg->msg_iter.ubuf + msg->msg_iter.iov_offset;
	} else if (type == bpf_core_enum_value(enum iter_type, ITER_IOVEC)) {
		/* 6.16 doesn't know the type of what a union points to. */
		const struct iovec *piece = rqs_cast(struct iovec, msg->msg_iter.__iov);

		if (piece->iov_len - msg->msg_iter.iov_offset < head_bytes)
			return false;
		from = (__u64)piece->iov_base + msg->msg_iter.iov_offset;
	} else {
		return false;
	}
	if (bpf_probe_read_user(work->windows[RQS_WINDOW_SENT].data, head_bytes, (void *)from))
		return false;
	return rqs_fast_take(event, conn, memo, &work->windows[RQS_WINDOW_SENT]);
}

/* The long way. */
static __always_inline void http_send(const struct sock *sk, const struct msghdr *msg, struct rqs_conn *conn,
				      struct rqs_work *work, const struct rqs_span *span)
{
	struct rqs_tap tap = {};
	__u64 offset = msg->msg_iter.iov_offset;
	__u8 type = msg->msg_iter.iter_type;

	rqs_tap_begin(&tap, conn, work, RQS_WINDOW_SENT);
	if (type == bpf_core_enum_value(enum iter_type, ITER_UBUF)) {
		tap.feed->kind = RQS_SOURCE_BUFFER;
		tap.feed->base = (__u64)msg->msg_iter.ubuf + offset;
	} else if (type == bpf_core_enum_value(enum iter_type, ITER_IOVEC)) {
		tap.feed->kind = RQS_SOURCE_IOVEC;
		tap.feed->base = (__u64)msg->msg_iter.__iov;
		tap.feed->pieces = msg->msg_iter.nr_segs;
		tap.feed->first_skip = offset;
	}
	tap.sk = sk;
	tap.feed->seq = span->seq;
	tap.feed->bytes = span->bytes;
	tap.feed->sent_seq = span->seq + span->room;
	rqs_feed(&tap, rqs_user_step);
}

SEC("tp_btf/tcp_sendmsg_locked")
int RQS_PROG(http_on_send, RQS_HTTP_SEND, const struct sock *sk, const struct msghdr *msg, const struct sk_buff *skb, int size_goal)
{
	struct rqs_fast event;
	struct rqs_work *work;
	struct rqs_conn *conn;
	__u32 zero = 0, room;
	__u64 count;
	__u8 type;

	if (!http_active)
		return 0;
	conn = rqs_conn_of(sk);
	work = bpf_map_lookup_elem(&http_work, &zero);
	if (!conn || !work)
		return 0;
	type = msg->msg_iter.iter_type;
	count = msg->msg_iter.count;
	event.seq = rqs_cast(struct tcp_sock, sk)->write_seq;
	event.bytes = count > 0x7fffffff ? 0x7fffffff : count;
	event.is_request = conn->role == RQS_CONN_CLIENT;
	event.received = false;
	event.now_ns = 0;
	event.window = RQS_WINDOW_SENT;
	room = rqs_send_room(sk, skb, size_goal,
			     msg->msg_flags & RQS_MSG_ZEROCOPY || (type != bpf_core_enum_value(enum iter_type, ITER_UBUF) &&
								   type != bpf_core_enum_value(enum iter_type, ITER_IOVEC)));
	if (!http_send_fast(msg, conn, work, &event, room)) {
		struct rqs_span span = { .seq = event.seq, .bytes = event.bytes, .room = room };

		http_send(sk, msg, conn, work, &span);
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
