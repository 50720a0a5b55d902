// SPDX-License-Identifier: GPL-2.0-only
/*
 * http_b - tap B: what goes over TCP sockets by system calls on buffers. Kernel 6.3 and later.
 * Hooks:  tp_btf/sock_recv_length, tp_btf/sock_send_length (net/socket.c, 6.3: after the call, with its result).
 *         The bytes are read where the process has them: the buffer is found by the system call's own arguments.
 * Engine: http.h.
 * Misses: what io_uring carries is seen as a number of bytes only and counted as unparsed; of sendmmsg the first message is
 *         read; 32-bit processes are not.
 */
#define RQS_SENDS_ARE_SEEN_LATE 1 /* the hook comes after the call */
#include "http.h"

#ifdef __TARGET_ARCH_x86
/* arch/x86/entry/syscalls/syscall_64.tbl */
enum {
	NR_READ = 0,
	NR_WRITE = 1,
	NR_READV = 19,
	NR_WRITEV = 20,
	NR_SENDTO = 44,
	NR_RECVFROM = 45,
	NR_SENDMSG = 46,
	NR_RECVMSG = 47,
	NR_PREADV2 = 327,
	NR_PWRITEV2 = 328,
};
#define RQS_TS_COMPAT 2 /* arch/x86/include/asm/thread_info.h: a 32-bit system call */
#else
#error "tap B knows the system calls of x86-64 only"
#endif

#define RQS_MSG_OOB 1
#define RQS_MSG_PEEK 2
#define RQS_MSG_ERRQUEUE 0x2000

/* Of struct msghdr as user space has it. */
struct user_msghdr {
	__u64 name;
	__u64 name_bytes;
	__u64 iov;
	__u64 iov_count;
};

/* Where the process has the bytes. */
struct http_buffer {
	__u64 base;
	__u32 kind; /* enum rqs_source_kind */
	__u32 pieces;
};

static __always_inline void http_find_buffer(struct http_buffer *buffer)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	__u64 first = regs->si, second = regs->dx;
	struct user_msghdr msg;

	if (bpf_core_field_exists(task->thread_info.status) && task->thread_info.status & RQS_TS_COMPAT)
		return;
	switch ((__s32)regs->orig_ax) {
	case NR_READ:
	case NR_WRITE:
	case NR_SENDTO:
	case NR_RECVFROM:
		buffer->kind = RQS_SOURCE_BUFFER;
		buffer->base = first;
		break;
	case NR_READV:
	case NR_WRITEV:
	case NR_PREADV2:
	case NR_PWRITEV2:
		buffer->kind = RQS_SOURCE_USER_IOVEC;
		buffer->base = first;
		buffer->pieces = second;
		break;
	case NR_SENDMSG:
	case NR_RECVMSG:
		if (bpf_probe_read_user(&msg, sizeof(msg), (void *)first))
			return;
		buffer->kind = RQS_SOURCE_USER_IOVEC;
		buffer->base = msg.iov;
		buffer->pieces = msg.iov_count;
		break;
	}
}

/* The short way of what lies in one buffer, or begins with one. */
static __always_inline bool http_fast(struct rqs_conn *conn, struct rqs_window_bytes *window, const struct rqs_fast *event,
				      const struct http_buffer *buffer)
{
	struct rqs_memo *memo = rqs_fast_memo(event, conn, event->bytes);
	__u64 piece[2] = { buffer->base, ~0ULL };

	if (!memo || buffer->kind == RQS_SOURCE_NONE)
		return false;
	if (buffer->kind == RQS_SOURCE_USER_IOVEC &&
	    (bpf_probe_read_user(piece, sizeof(piece), (void *)buffer->base) || piece[1] < memo->head_bytes))
		return false;
	if (bpf_probe_read_user(window->data, rqs_fast_bytes(memo), (void *)piece[0]))
		return false;
	return rqs_fast_take(event, conn, memo, window);
}

/* The long way. */
static __always_inline void http_slow(struct sock *sk, struct rqs_conn *conn, struct rqs_window_bytes *window,
				 const struct rqs_fast *event, const struct http_buffer *buffer)
{
	struct rqs_tap tap = {};

	tap.conn = conn;
	tap.window = window;
	tap.sk = sk;
	tap.feed.kind = buffer->kind;
	tap.feed.base = buffer->base;
	tap.feed.pieces = buffer->pieces;
	tap.feed.seq = event->seq;
	tap.feed.bytes = event->bytes;
	tap.feed.sent_seq = event->seq + event->bytes;
	tap.feed.received = event->received;
	rqs_feed(&tap, rqs_user_step);
}

/* So many bytes have just gone by: the stream's position is behind the last of them, but for a peek. */
static __always_inline void http_passed(struct sock *sk, int bytes, bool received, bool peeked)
{
	struct rqs_window_bytes *window;
	struct http_buffer buffer = {};
	struct rqs_fast event;
	struct tcp_sock *tcp;
	struct rqs_conn *conn;
	struct rqs_work *work;
	__u32 zero = 0, seq;

	conn = rqs_conn_of(sk);
	work = bpf_map_lookup_elem(&http_work, &zero);
	if (!conn || !work)
		return;
	window = &work->windows[received];
	tcp = rqs_cast(struct tcp_sock, sk);
	seq = received ? tcp->copied_seq : tcp->write_seq;
	/* A read that came upon the end of the stream has taken the FIN's position too (net/ipv4/tcp.c found_fin_ok). */
	if (received && sk->sk_shutdown & RQS_RCV_SHUTDOWN && seq == tcp->rcv_nxt)
		seq--;
	if (!peeked)
		seq -= bytes;
	event.seq = seq;
	event.bytes = bytes;
	event.received = received;
	event.is_request = received == (conn->role == RQS_CONN_SERVER);
	http_find_buffer(&buffer);
	if (!http_fast(conn, window, &event, &buffer))
		http_slow(sk, conn, window, &event, &buffer);
	if (conn->closing && conn->mode != RQS_CONN_OFF)
		rqs_conn_ends(conn, rqs_pipe_of(conn, sk), tcp->write_seq, true, true);
}

SEC("tp_btf/sock_recv_length")
int RQS_PROG(http_on_receive, RQS_HTTP_RECEIVE, struct sock *sk, int result, int flags)
{
	if (http_active && result > 0 && rqs_is_tcp(sk) && !(flags & (RQS_MSG_ERRQUEUE | RQS_MSG_OOB)))
		http_passed(sk, result, true, flags & RQS_MSG_PEEK);
	return 0;
}

SEC("tp_btf/sock_send_length")
int RQS_PROG(http_on_send, RQS_HTTP_SEND, struct sock *sk, int result, int flags)
{
	if (http_active && result > 0 && rqs_is_tcp(sk))
		http_passed(sk, result, false, false);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
