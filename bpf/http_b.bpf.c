// SPDX-License-Identifier: GPL-2.0-only
/*
 * http_b - tap B: what goes over TCP and Unix sockets by system calls on buffers. Kernel 6.3 and later.
 * Hooks:  tp_btf/sock_recv_length, tp_btf/sock_send_length (net/socket.c, 6.3: after the call, with its result).
 * Bytes:  http_calls.h, and what that misses. Engine: http.h. Unix sockets: http_unix.h.
 */
#define RQS_SENDS_ARE_SEEN_LATE 1 /* the hook comes after the call */
#include "http_unix.h"
#include "http_look.h"

/* So many bytes have just gone by: the stream's position is behind the last of them, but for a peek. */
static __always_inline void http_passed(struct sock *sk, int bytes, bool received, bool peeked)
{
	struct rqs_fast event = { .received = received, .window = received ? RQS_WINDOW_RECEIVED : RQS_WINDOW_SENT };
	struct tcp_sock *tcp;
	struct rqs_conn *conn;
	struct rqs_work *work;
	__u32 zero = 0, seq;

	conn = rqs_conn_of(sk);
	work = bpf_map_lookup_elem(&http_work, &zero);
	if (!conn || !work)
		return;
	tcp = rqs_cast(struct tcp_sock, sk);
	seq = received ? tcp->copied_seq : tcp->write_seq;
	/* A read that came upon the end of the stream has taken the FIN's position too (net/ipv4/tcp.c found_fin_ok). */
	if (received && sk->sk_shutdown & RQS_RCV_SHUTDOWN && seq == tcp->rcv_nxt)
		seq--;
	if (!peeked)
		seq -= bytes;
	event.seq = seq;
	event.bytes = bytes;
	event.is_request = received == (conn->role == RQS_CONN_SERVER);
	rqs_call_take(sk, conn, work, &event);
	if (conn->closing && conn->mode != RQS_CONN_OFF)
		rqs_conn_ends(conn, rqs_pipe_of(conn, sk), tcp->write_seq, true, true);
}

SEC("tp_btf/sock_recv_length")
int RQS_PROG(http_on_receive, RQS_HTTP_RECEIVE, struct sock *sk, int result, int flags)
{
	if (!http_active || flags & (RQS_MSG_ERRQUEUE | RQS_MSG_OOB))
		return 0;
	if (result > 0 && rqs_is_tcp(sk))
		http_passed(sk, result, true, flags & RQS_MSG_PEEK);
	else if (rqs_is_unix(sk))
		rqs_unix_received(sk, result, flags & RQS_MSG_PEEK);
	return 0;
}

SEC("tp_btf/sock_send_length")
int RQS_PROG(http_on_send, RQS_HTTP_SEND, struct sock *sk, int result, int flags)
{
	if (!http_active)
		return 0;
	if (result > 0 && rqs_is_tcp(sk))
		http_passed(sk, result, false, false);
	else if (rqs_is_unix(sk))
		rqs_unix_sent(sk, result);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
