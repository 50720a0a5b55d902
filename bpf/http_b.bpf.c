// SPDX-License-Identifier: GPL-2.0-only
/*
 * http_b - tap B: what goes over TCP and Unix sockets by system calls on buffers. Kernel 6.3 and later.
 * Hooks:  tp_btf/sock_recv_length, tp_btf/sock_send_length (net/socket.c, 6.3: after the call, with its result).
 * Bytes:  http_calls.h, and what that misses. Engine: http.h. Unix sockets: http_unix.h.
 */
#define RQS_SENDS_ARE_SEEN_LATE 1 /* the hook comes after the call */
#include "http_calls.h"
#include "http_unix.h"
#include "http_look.h"

/* So many bytes have just gone by: the stream's position is behind the last of them, but for a peek. NULL: nothing to look at. */
static __always_inline struct rqs_conn *http_passed(struct sock *sk, int bytes, bool peeked, struct rqs_fast *event)
{
	struct tcp_sock *tcp = rqs_cast(struct tcp_sock, sk);

	event->seq = event->received ? tcp->copied_seq : tcp->write_seq;
	/* A read that came upon the end of the stream has taken the FIN's position too (net/ipv4/tcp.c found_fin_ok). */
	if (event->received && sk->sk_shutdown & RQS_RCV_SHUTDOWN && event->seq == tcp->rcv_nxt)
		event->seq--;
	if (!peeked)
		event->seq -= bytes;
	event->bytes = bytes;
	return rqs_conn_of(sk);
}

static __always_inline void http_take(struct sock *sk, struct rqs_conn *conn, struct rqs_fast *event)
{
	struct rqs_buffer buffer = {};

	rqs_call_find(&buffer);
	rqs_buffer_take(sk, conn, event, &buffer);
	if (conn->family == AF_UNIX)
		rqs_unix_taken(conn, event->received);
	else if (conn->closing && conn->mode != RQS_CONN_OFF)
		rqs_conn_ends(conn, rqs_pipe_of(conn, sk), rqs_cast(struct tcp_sock, sk)->write_seq, true, true);
}

SEC("tp_btf/sock_recv_length")
int RQS_PROG(http_on_receive, RQS_HTTP_RECEIVE, struct sock *sk, int result, int flags)
{
	struct rqs_fast event = { .received = true, .window = RQS_WINDOW_RECEIVED };
	struct rqs_conn *conn = NULL;

	if (!http_active || flags & (RQS_MSG_ERRQUEUE | RQS_MSG_OOB))
		return 0;
	if (rqs_is_tcp(sk) && result > 0)
		conn = http_passed(sk, result, flags & RQS_MSG_PEEK, &event);
	else if (rqs_is_unix(sk))
		conn = rqs_unix_received(sk, result, flags & RQS_MSG_PEEK, &event);
	if (conn)
		http_take(sk, conn, &event);
	return 0;
}

SEC("tp_btf/sock_send_length")
int RQS_PROG(http_on_send, RQS_HTTP_SEND, struct sock *sk, int result, int flags)
{
	struct rqs_fast event = { .window = RQS_WINDOW_SENT };
	struct rqs_conn *conn = NULL;

	if (!http_active)
		return 0;
	if (rqs_is_tcp(sk) && result > 0)
		conn = http_passed(sk, result, false, &event);
	else if (rqs_is_unix(sk))
		conn = rqs_unix_sent(sk, result, &event);
	if (conn)
		http_take(sk, conn, &event);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
