/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * http_unix - HTTP over Unix stream sockets. Both ends of such a connection are on this host, and each is measured where it is.
 * Hooks:  the end of each call that reads or writes, with its result: functions of Unix sockets alone (tap A, http_unix_calls.h),
 *         or those of every socket (tap B); sk_data_ready, which fires in the sender's call for each piece that it queues, and so
 *         tells when a byte was handed over and became readable; two iterators.
 * Engine: http.h. Bytes: http_buffer.h.
 * A Unix socket has no positions of its own: bytes are counted here (copied_seq, sent_seq). Its end shows in no
 * hook either: it is noticed by the other end's next call (a read of nothing, a refused write), or at the next sweep, since
 * the kernel keeps a closed socket as long as its peer (net/unix/af_unix.c unix_release_sock(), unix_peer()). Where both ends
 * go between two sweeps, the sweep says how many requests are still open, and user space sees how many are not.
 * Misses: bytes that are read by splice(2): their number is noticed by the next read that leaves little in the queue, and where a
 *         head was among them it is counted as unparsed.
 */
#ifndef RQS_BPF_HTTP_UNIX_H
#define RQS_BPF_HTTP_UNIX_H

#include "http_buffer.h"

#define RQS_SHUTDOWN_BOTH 3 /* include/net/sock.h */
#define RQS_SOCK_DEAD 1	    /* 1 << SOCK_DEAD: closed by its process */
#define RQS_UNIX_MISSES 1024 /* events without a head after which a connection that was open before is given up */

#define RQS_UNIX_PIECES 8 /* in a queue that is counted */

/* Requests that the sweep found open, by the slot of their service. User space sets it to 0 before. */
__u32 http_open[RQS_SLOT_MAX];

/* The end of a connection whose other end has gone, or that has itself. @in_order: its sender closed it. */
static __always_inline void rqs_unix_finish(struct rqs_conn *conn, const struct sock *sk, bool in_order)
{
	struct rqs_pipe *pipe;

	if (conn->mode == RQS_CONN_OFF || __sync_val_compare_and_swap(&conn->finished, 0, 1))
		return;
	pipe = rqs_pipe_of(conn, sk);
	if (rqs_conn_is_off(conn)) {
		rqs_conn_leave(conn, pipe);
		conn->mode = RQS_CONN_OFF;
		return;
	}
	if (conn->role == RQS_CONN_SERVER && in_order)
		rqs_conn_ends(conn, pipe, conn->sent_seq, false, true);
	rqs_conn_ends(conn, pipe, conn->role == RQS_CONN_CLIENT ? conn->copied_seq : conn->sent_seq, true, in_order);
}

/* Nothing comes any more and nothing can be sent. @reset: what the other end had not read yet is lost. */
static __always_inline void rqs_unix_over(struct sock *sk, struct rqs_conn *conn, bool reset)
{
	struct unix_sock *unix_sock = bpf_skc_to_unix_sock(sk);
	struct rqs_conn *other;
	struct sock *peer;

	if (conn)
		rqs_unix_finish(conn, sk, conn->role == RQS_CONN_CLIENT && !reset);
	peer = unix_sock ? unix_sock->peer : NULL;
	if (!peer || !(peer->__sk_common.skc_flags & RQS_SOCK_DEAD))
		return;
	other = bpf_sk_storage_get(&http_conns, peer, NULL, 0);
	if (other)
		rqs_unix_finish(other, peer, other->role == RQS_CONN_SERVER);
}

/* The state of a connection; made for one of which nothing was seen so far. */
static __always_inline struct rqs_conn *rqs_unix_conn_of(struct sock *sk, bool received)
{
	struct rqs_conn *conn = bpf_sk_storage_get(&http_conns, sk, NULL, 0);
	struct unix_sock *unix_sock;

	if (conn)
		return conn;
	unix_sock = bpf_skc_to_unix_sock(sk);
	if (!unix_sock)
		return NULL;
	return rqs_unix_opened(sk, unix_sock, unix_sock->peer, received ? RQS_CONN_SERVER : RQS_CONN_CLIENT,
			       received ? RQS_UNIX_RECEIVED : RQS_UNIX_SENT);
}

/* Whether what goes over it is looked at. */
static __always_inline bool rqs_unix_is_on(struct rqs_conn *conn, const struct sock *sk)
{
	if (conn->mode == RQS_CONN_OFF)
		return false;
	if (!rqs_conn_is_off(conn))
		return true;
	if (conn->mode != RQS_CONN_JOIN)
		rqs_conn_leave(conn, rqs_pipe_of(conn, sk));
	return false;
}

/* Nothing is in the queue: which of the sender's bytes comes next. Not while a call of the sender's has yet to be counted. */
static __always_inline void rqs_unix_settle(const struct sock *sk, struct rqs_conn *conn)
{
	struct unix_sock *unix_sock = bpf_skc_to_unix_sock((void *)sk);
	struct sock *peer = unix_sock ? unix_sock->peer : NULL;
	const struct rqs_conn *sender;

	if (!peer)
		return;
	sender = bpf_sk_storage_get(&http_conns, peer, NULL, 0);
	if (!sender || sender->handed_first_ns)
		return;
	conn->queue_base = conn->copied_seq - sender->sent_seq;
	conn->queue_unknown = 0;
}

/* How many bytes lie in the queue of @sk up to the piece @last; behind it there may be newer ones. False: it isn't there. */
static __always_inline bool rqs_unix_queued(const struct sock *sk, __u64 last, __u32 *ret_bytes)
{
	const struct sk_buff *piece;
	__u32 pieces = sk->sk_receive_queue.qlen, bytes, i;

	*ret_bytes = 0;
	if (!pieces)
		return true;
	piece = sk->sk_receive_queue.next;
	bytes = -rqs_cast(struct unix_skb_parms, piece->cb)->consumed;
	for (i = 0; i < RQS_UNIX_PIECES; i++) {
		bytes += piece->len;
		if ((__u64)piece == last) {
			*ret_bytes = bytes;
			return true;
		}
		if (i + 1 == pieces)
			break;
		piece = piece->next;
	}
	return false;
}

/*
 * How many bytes were taken out of the queue by a call that no hook shows, splice(2), before the @bytes that were just read. Of a
 * connection that was open before it isn't known, since where its streams are is an estimate.
 */
static __always_inline __u32 rqs_unix_unseen(const struct sock *sk, const struct rqs_conn *conn, __u32 bytes)
{
	struct unix_sock *unix_sock = bpf_skc_to_unix_sock((void *)sk);
	struct sock *peer = unix_sock ? unix_sock->peer : NULL;
	const struct rqs_conn *sender;
	__u32 sent_seq, left;
	__u8 version;
	__u64 last;
	__s32 unseen;

	sender = peer && !conn->joined ? bpf_sk_storage_get(&http_conns, peer, NULL, 0) : NULL;
	if (!sender)
		return 0;
	version = sender->queued_version;
	barrier();
	last = sender->queued_piece;
	sent_seq = sender->queued_seq;
	barrier(); /* first these, then the queue: what is in it must be counted */
	if (version & 1 || version != sender->queued_version || !rqs_unix_queued(sk, last, &left))
		return 0;
	unseen = sent_seq + conn->queue_base - left - (conn->copied_seq + bytes);
	return unseen > 0 ? unseen : 0;
}

/* Bytes were read: what is known of when they came. */
static __always_inline void rqs_unix_read(const struct sock *sk, struct rqs_conn *conn, __u32 bytes, bool peeked)
{
	/* It was quicker than the hook of who sent it: it came just now. */
	if (!conn->queue_unknown && !rqs_arrival_of(conn, conn->copied_seq))
		rqs_arrival_push(conn, conn->copied_seq + bytes, bpf_ktime_get_ns());
	if (peeked)
		return;
	conn->copied_seq += bytes;
	if (sk->sk_receive_queue.qlen)
		return;
	if (conn->joined)
		rqs_unix_settle(sk, conn);
	else
		conn->queue_unknown = 0;
}

/* After a call that reads: @result bytes, 0 at the end of the stream, or an error. NULL: nothing to look at. */
static __always_inline struct rqs_conn *rqs_unix_received(struct sock *sk, int result, bool peeked, struct rqs_fast *event)
{
	struct rqs_conn *conn;

	if (result <= 0) {
		if (!(sk->sk_shutdown & RQS_RCV_SHUTDOWN) || sk->sk_receive_queue.qlen)
			return NULL;
		conn = bpf_sk_storage_get(&http_conns, sk, NULL, 0);
		/* A client that only says that it has no more to say is still to be answered. */
		if (sk->sk_shutdown == RQS_SHUTDOWN_BOTH || (conn && conn->role == RQS_CONN_CLIENT))
			rqs_unix_over(sk, conn, result < 0);
		return NULL;
	}
	conn = rqs_unix_conn_of(sk, true);
	if (!conn)
		return NULL;
	if (!peeked && conn->mode != RQS_CONN_OFF)
		conn->copied_seq += rqs_unix_unseen(sk, conn, result);
	event->seq = conn->copied_seq;
	event->bytes = result;
	/* Positions go on whether or not anything is looked at: the other end's arrivals rest on them. */
	if (conn->mode != RQS_CONN_OFF)
		rqs_unix_read(sk, conn, result, peeked);
	else if (!peeked)
		conn->copied_seq += result;
	return rqs_unix_is_on(conn, sk) ? conn : NULL;
}

/* The call is over: what is handed over next is of another one. */
static __always_inline void rqs_unix_call_ends(struct rqs_conn *conn)
{
	conn->handed_first_ns = 0;
	conn->handed_unseen = 0;
}

/* After a call that writes: @result bytes, or an error. NULL: nothing to look at. */
static __always_inline struct rqs_conn *rqs_unix_sent(struct sock *sk, int result, struct rqs_fast *event)
{
	struct rqs_conn *conn;

	if (result <= 0) {
		if (sk->sk_shutdown != RQS_SHUTDOWN_BOTH)
			return NULL;
		conn = bpf_sk_storage_get(&http_conns, sk, NULL, 0);
		/* What a client was sent it may still read. */
		if (!conn || conn->role == RQS_CONN_SERVER)
			rqs_unix_over(sk, conn, true);
		return NULL;
	}
	conn = rqs_unix_conn_of(sk, false);
	if (!conn)
		return NULL;
	event->seq = conn->sent_seq;
	event->bytes = result;
	conn->sent_seq += result;
	conn->queued_seq = conn->sent_seq;
	if (conn->handed_first_ns)
		event->now_ns = conn->handed_ns;
	if (rqs_unix_is_on(conn, sk))
		return conn;
	rqs_unix_call_ends(conn);
	return NULL;
}

/* What either said was looked at. */
static __always_inline void rqs_unix_taken(struct rqs_conn *conn, bool received)
{
	if (!received)
		rqs_unix_call_ends(conn);
	if (conn->mode == RQS_CONN_JOIN && ++conn->misses >= RQS_UNIX_MISSES)
		conn->mode = RQS_CONN_OFF;
}

/*
 * Connections that were open before rqscope was are told from later ones: all that there are when the hooks are at work,
 * and before http_unix_listed is set.
 */
SEC("iter/unix")
int http_list_unix(struct bpf_iter__unix *ctx)
{
	struct unix_sock *unix_sock = ctx->unix_sk;
	struct sock *sk = (struct sock *)unix_sock;

	if (unix_sock && rqs_is_unix(sk) && unix_sock->peer && !bpf_sk_storage_get(&http_conns, sk, NULL, 0))
		rqs_unix_opened(sk, unix_sock, unix_sock->peer, RQS_CONN_UNKNOWN, RQS_UNIX_LISTED);
	return 0;
}

/* Requests open on a socket that nobody holds any more, or whose client has gone. */
static __always_inline void rqs_unix_sweep(struct sock *sk, struct rqs_conn *conn)
{
	struct unix_sock *unix_sock = bpf_skc_to_unix_sock(sk);
	struct sock *peer = unix_sock ? unix_sock->peer : NULL;
	bool dead = sk->__sk_common.skc_flags & RQS_SOCK_DEAD;
	bool left = conn->role == RQS_CONN_SERVER && sk->sk_shutdown == RQS_SHUTDOWN_BOTH && peer &&
		    peer->__sk_common.skc_flags & RQS_SOCK_DEAD;

	if (!dead && !left)
		return;
	/* What is found twice is ended: a call that was under way at the first time is over. */
	if (!conn->dying)
		conn->dying = 1;
	else
		rqs_unix_finish(conn, sk, dead && conn->role == RQS_CONN_SERVER);
}

/* Run once a second where requests are open on Unix sockets; tells in http_open what is open. */
SEC("iter/bpf_sk_storage_map")
int http_sweep_unix(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct sock *sk = ctx->sk;
	struct rqs_conn *conn;

	if (!sk)
		return 0;
	conn = bpf_sk_storage_get(&http_conns, sk, NULL, 0);
	if (!conn || conn->opened == conn->ended)
		return 0;
	if (conn->family == AF_UNIX)
		rqs_unix_sweep(sk, conn);
	http_open[conn->slot & (RQS_SLOT_MAX - 1)] += conn->opened - conn->ended;
	return 0;
}

#endif
