/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * http_calls - bytes that a system call has just moved, read where the process has them: the buffer is found by the
 * call's own arguments. For hooks that come after the call, with its result.
 * Misses: what io_uring carries is seen as a number of bytes only and counted as unparsed; of sendmmsg the first message is
 * read; 32-bit processes are not.
 */
#ifndef RQS_BPF_HTTP_CALLS_H
#define RQS_BPF_HTTP_CALLS_H

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
#error "it knows the system calls of x86-64 only"
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
struct rqs_call_buffer {
	__u64 base;
	__u32 kind; /* enum rqs_source_kind */
	__u32 pieces;
};

static __always_inline void rqs_call_find(struct rqs_call_buffer *buffer)
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
static __always_inline bool rqs_call_fast(struct rqs_conn *conn, struct rqs_window_bytes *window, const struct rqs_fast *event,
				      const struct rqs_call_buffer *buffer)
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
static __always_inline void rqs_call_slow(struct sock *sk, struct rqs_conn *conn, struct rqs_work *work, const struct rqs_fast *event,
					  const struct rqs_call_buffer *buffer)
{
	struct rqs_tap tap = {};

	rqs_tap_begin(&tap, conn, work, event->window);
	tap.sk = sk;
	tap.feed->kind = buffer->kind;
	tap.feed->base = buffer->base;
	tap.feed->pieces = buffer->pieces;
	tap.feed->seq = event->seq;
	tap.feed->bytes = event->bytes;
	tap.feed->sent_seq = event->seq + event->bytes;
	tap.feed->received = event->received;
	tap.feed->now_ns = event->now_ns;
	rqs_feed(&tap, rqs_user_step);
}

/** rqs_call_take() - the engine: take what a call moved. @event: all but is_request is set. */
static __always_inline void rqs_call_take(struct sock *sk, struct rqs_conn *conn, struct rqs_fast *event)
{
	struct rqs_call_buffer buffer = {};
	struct rqs_work *work;
	__u32 zero = 0;

	work = bpf_map_lookup_elem(&http_work, &zero);
	if (!work)
		return;
	event->is_request = event->received == (conn->role == RQS_CONN_SERVER);
	rqs_call_find(&buffer);
	if (!rqs_call_fast(conn, &work->windows[event->window & (RQS_WINDOWS - 1)], event, &buffer))
		rqs_call_slow(sk, conn, work, event, &buffer);
}

#endif
