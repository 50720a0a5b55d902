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

static __always_inline void http_find_buffer(struct rqs_feed *feed)
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
		feed->kind = RQS_SOURCE_BUFFER;
		feed->base = first;
		break;
	case NR_READV:
	case NR_WRITEV:
	case NR_PREADV2:
	case NR_PWRITEV2:
		feed->kind = RQS_SOURCE_USER_IOVEC;
		feed->base = first;
		feed->pieces = second;
		break;
	case NR_SENDMSG:
	case NR_RECVMSG:
		if (bpf_probe_read_user(&msg, sizeof(msg), (void *)first))
			return;
		feed->kind = RQS_SOURCE_USER_IOVEC;
		feed->base = msg.iov;
		feed->pieces = msg.iov_count;
		break;
	}
}

/* So many bytes have just gone by: the stream's position is behind the last of them, but for a peek. */
static __always_inline void http_passed(struct sock *sk, int bytes, bool received, bool peeked)
{
	struct rqs_tap tap = {};
	struct tcp_sock *tcp;
	struct rqs_work *work;
	__u32 zero = 0, seq;

	tap.conn = rqs_conn_of(sk);
	work = bpf_map_lookup_elem(&http_work, &zero);
	if (!tap.conn || !work)
		return;
	tcp = rqs_cast(struct tcp_sock, sk);
	seq = received ? tcp->copied_seq : tcp->write_seq;
	/* A read that came upon the end of the stream has taken the FIN's position too (net/ipv4/tcp.c found_fin_ok). */
	if (received && sk->sk_shutdown & RQS_RCV_SHUTDOWN && seq == tcp->rcv_nxt)
		seq--;
	if (!peeked)
		seq -= bytes;
	tap.window = &work->windows[received];
	tap.sk = sk;
	tap.feed.seq = seq;
	tap.feed.bytes = bytes;
	tap.feed.sent_seq = seq + bytes;
	tap.feed.received = received;
	http_find_buffer(&tap.feed);
	rqs_feed(&tap, rqs_user_step);
	if (tap.conn->closing && tap.conn->mode != RQS_CONN_OFF)
		rqs_conn_ends(tap.conn, rqs_pipe_of(tap.conn, sk), tcp->write_seq, true, true);
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
