/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * http_unix_calls - tap A: what goes over Unix stream sockets, whatever system call carries it.
 * Hooks:  fexit of unix_stream_recvmsg() and unix_stream_sendmsg() (net/unix/af_unix.c): no other socket's calls pass them. Where
 *         the kernel refuses that (no CONFIG_FUNCTION_TRACER, kernel.ftrace_enabled 0, EPERM on some hosts): sock_recv_length and
 *         sock_send_length, which all pass, with what http_calls.h misses.
 * Bytes:  in the process's buffers, as the call's own message tells; where there are none (registered buffers of io_uring, pages of
 *         a file) their number is all that is known.
 * Misses: the end of a call that was under way before the hook was there.
 */
#ifndef RQS_BPF_HTTP_UNIX_CALLS_H
#define RQS_BPF_HTTP_UNIX_CALLS_H

#include "http_calls.h"
#include "http_unix.h"

#define RQS_UIO_MAXIOV 1024 /* include/uapi/linux/uio.h */

/* From where an array of buffers was left, back to where it was begun. */
struct rqs_rewind {
	__u64 array;
	__u64 left; /* bytes still to go back */
	__u32 pieces;
	__u32 offset; /* in the piece that was reached */
};

static long rqs_rewind_step(__u32 unused, struct rqs_rewind *rewind)
{
	__u64 vec[2]; /* struct iovec: base, bytes */

	rewind->array -= sizeof(vec);
	if (bpf_probe_read_kernel(vec, sizeof(vec), (void *)rewind->array))
		return 1;
	rewind->pieces++;
	if (vec[1] < rewind->left) {
		rewind->left -= vec[1];
		return 0;
	}
	rewind->offset = vec[1] - rewind->left;
	rewind->left = 0;
	return 1;
}

/* Where a call of @size bytes has the @moved ones that its message was just moved on by; nowhere, if that isn't known. */
static __always_inline void rqs_buffer_behind(struct rqs_buffer *buffer, const struct msghdr *msg, __u64 size, __u32 moved)
{
	struct rqs_rewind rewind = { .left = moved };
	__u64 offset = msg->msg_iter.iov_offset;
	__u8 type = msg->msg_iter.iter_type;

	/* A copy that failed in the middle has moved it further than the call says. */
	if (msg->msg_iter.count != size - moved)
		return;
	if (type == bpf_core_enum_value(enum iter_type, ITER_UBUF)) {
		buffer->kind = RQS_SOURCE_BUFFER;
		buffer->base = (__u64)msg->msg_iter.ubuf + offset - moved;
	} else if (type == bpf_core_enum_value(enum iter_type, ITER_IOVEC)) {
		rewind.array = (__u64)msg->msg_iter.__iov;
		rewind.pieces = msg->msg_iter.nr_segs;
		if (offset >= moved) {
			rewind.offset = offset - moved;
		} else {
			rewind.left = moved - offset;
			bpf_loop(RQS_UIO_MAXIOV, rqs_rewind_step, &rewind, 0);
			if (rewind.left)
				return;
		}
		buffer->kind = RQS_SOURCE_IOVEC;
		buffer->base = rewind.array;
		buffer->pieces = rewind.pieces;
		buffer->first_skip = rewind.offset;
	}
}

SEC("fexit/unix_stream_recvmsg")
int RQS_FUNCTION_PROG(http_on_unix_receive, RQS_HTTP_UNIX_RECEIVE, struct socket *sock, struct msghdr *msg, unsigned long size, int flags,
		      int result)
{
	struct rqs_fast event = { .received = true, .window = RQS_WINDOW_UNIX_RECEIVED };
	struct rqs_buffer buffer = {};
	struct sock *sk = sock->sk;
	struct rqs_conn *conn;

	if (!http_active || !sk || !rqs_is_unix(sk) || flags & (RQS_MSG_ERRQUEUE | RQS_MSG_OOB))
		return 0;
	conn = rqs_unix_received(sk, result, flags & RQS_MSG_PEEK, &event);
	if (!conn)
		return 0;
	rqs_buffer_behind(&buffer, msg, size, result);
	rqs_buffer_take(sk, conn, &event, &buffer);
	rqs_unix_taken(conn, true);
	return 0;
}

SEC("fexit/unix_stream_sendmsg")
int RQS_FUNCTION_PROG(http_on_unix_send, RQS_HTTP_UNIX_SEND, struct socket *sock, struct msghdr *msg, unsigned long size, int result)
{
	struct rqs_fast event = { .window = RQS_WINDOW_UNIX_SENT };
	struct rqs_buffer buffer = {};
	struct sock *sk = sock->sk;
	struct rqs_conn *conn;

	if (!http_active || !sk || !rqs_is_unix(sk))
		return 0;
	conn = rqs_unix_sent(sk, result, &event);
	if (!conn)
		return 0;
	rqs_buffer_behind(&buffer, msg, size, result);
	rqs_buffer_take(sk, conn, &event, &buffer);
	rqs_unix_taken(conn, false);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int RQS_PROG(http_on_unix_recv_length, RQS_HTTP_UNIX_RECEIVE, struct sock *sk, int result, int flags)
{
	struct rqs_fast event = { .received = true, .window = RQS_WINDOW_UNIX_RECEIVED };
	struct rqs_buffer buffer = {};
	struct rqs_conn *conn;

	if (!http_active || !rqs_is_unix(sk) || flags & (RQS_MSG_ERRQUEUE | RQS_MSG_OOB))
		return 0;
	conn = rqs_unix_received(sk, result, flags & RQS_MSG_PEEK, &event);
	if (!conn)
		return 0;
	rqs_call_find(&buffer);
	rqs_buffer_take(sk, conn, &event, &buffer);
	rqs_unix_taken(conn, true);
	return 0;
}

SEC("tp_btf/sock_send_length")
int RQS_PROG(http_on_unix_send_length, RQS_HTTP_UNIX_SEND, struct sock *sk, int result, int flags)
{
	struct rqs_fast event = { .window = RQS_WINDOW_UNIX_SENT };
	struct rqs_buffer buffer = {};
	struct rqs_conn *conn;

	if (!http_active || !rqs_is_unix(sk))
		return 0;
	conn = rqs_unix_sent(sk, result, &event);
	if (!conn)
		return 0;
	rqs_call_find(&buffer);
	rqs_buffer_take(sk, conn, &event, &buffer);
	rqs_unix_taken(conn, false);
	return 0;
}

#endif
