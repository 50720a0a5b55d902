// SPDX-License-Identifier: GPL-2.0-only
/*
 * http_a - tap A: what goes over TCP sockets, whatever system call carries it. Kernel 6.16 and later.
 * Hooks:  tp_btf/skb_copy_datagram_iovec (net/core/datagram.c skb_copy_datagram_iter(): received bytes on their way to
 *         the process), tp_btf/tcp_sendmsg_locked (net/ipv4/tcp.c, 6.16: once a loop, before the bytes are taken).
 *         Both run under the socket's lock.
 * Engine: http.h.
 */
#define RQS_SENDS_ARE_SEEN_LATE 0
#include "http.h"

extern int bpf_dynptr_from_skb(struct __sk_buff *skb, __u64 flags, struct bpf_dynptr *ptr) __ksym;

#define RQS_SEND_PAGES_MAX 32768 /* net/core/sock.c SKB_FRAG_PAGE_ORDER: what one loop copies at most */

static __always_inline int http_read_skb(struct rqs_tap *tap)
{
	struct rqs_feed *feed = &tap->feed;
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

SEC("tp_btf/skb_copy_datagram_iovec")
int RQS_PROG(http_on_receive, RQS_HTTP_RECEIVE, const struct sk_buff *skb, int bytes)
{
	struct sock *sk = skb->sk;
	struct rqs_tap tap = {};
	struct rqs_work *work;
	__u32 zero = 0, skb_seq, seq;

	if (!http_active || !sk || !rqs_is_tcp(sk) || bytes <= 0)
		return 0;
	tap.conn = rqs_conn_of(sk);
	work = bpf_map_lookup_elem(&http_work, &zero);
	if (!tap.conn || !work)
		return 0;
	skb_seq = rqs_cast(struct tcp_skb_cb, skb->cb)->seq;
	/* A peek goes on to later packets while copied_seq stays: those begin at their own start. */
	seq = rqs_cast(struct tcp_sock, sk)->copied_seq;
	if ((__s32)(seq - skb_seq) < 0)
		seq = skb_seq;
	tap.window = &work->windows[1];
	tap.sk = sk;
	tap.skb = skb;
	tap.feed.skb_offset = seq - skb_seq;
	tap.feed.seq = seq;
	tap.feed.bytes = bytes;
	tap.feed.sent_seq = seq + bytes;
	tap.feed.received = true;
	rqs_feed(&tap, http_skb_step);
	return 0;
}

/* How many bytes this turn of the loop takes at most; 0 when it has to wait for memory first. */
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

SEC("tp_btf/tcp_sendmsg_locked")
int RQS_PROG(http_on_send, RQS_HTTP_SEND, const struct sock *sk, const struct msghdr *msg, const struct sk_buff *skb, int size_goal)
{
	struct rqs_tap tap = {};
	struct rqs_work *work;
	__u64 count, offset;
	__u32 zero = 0;
	__u8 type;

	if (!http_active)
		return 0;
	tap.conn = rqs_conn_of(sk);
	work = bpf_map_lookup_elem(&http_work, &zero);
	if (!tap.conn || !work)
		return 0;
	type = msg->msg_iter.iter_type;
	count = msg->msg_iter.count;
	offset = msg->msg_iter.iov_offset;
	if (type == bpf_core_enum_value(enum iter_type, ITER_UBUF)) {
		tap.feed.kind = RQS_SOURCE_BUFFER;
		tap.feed.base = (__u64)msg->msg_iter.ubuf + offset;
	} else if (type == bpf_core_enum_value(enum iter_type, ITER_IOVEC)) {
		tap.feed.kind = RQS_SOURCE_IOVEC;
		tap.feed.base = (__u64)msg->msg_iter.__iov;
		tap.feed.pieces = msg->msg_iter.nr_segs;
		tap.feed.first_skip = offset;
	}
	tap.window = &work->windows[0];
	tap.sk = sk;
	tap.feed.seq = rqs_cast(struct tcp_sock, sk)->write_seq;
	tap.feed.bytes = count > 0x7fffffff ? 0x7fffffff : count;
	tap.feed.sent_seq = tap.feed.seq + rqs_send_room(sk, skb, size_goal, tap.feed.kind == RQS_SOURCE_NONE);
	rqs_feed(&tap, rqs_user_step);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
