/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * http_calls - where a process has the bytes that a system call has just moved, by the call's own arguments. For hooks that come
 * after the call and know only its result.
 * Misses: what io_uring carries is seen as a number of bytes only and counted as unparsed; of sendmmsg the first message is
 * read; 32-bit processes are not.
 */
#ifndef RQS_BPF_HTTP_CALLS_H
#define RQS_BPF_HTTP_CALLS_H

#include "http_buffer.h"

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

/* Of struct msghdr as user space has it. */
struct user_msghdr {
	__u64 name;
	__u64 name_bytes;
	__u64 iov;
	__u64 iov_count;
};

/* Where the process has the bytes of the call that ends. */
static __always_inline void rqs_call_find(struct rqs_buffer *buffer)
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

#endif
