// SPDX-License-Identifier: GPL-2.0-only
/*
 * classic - HTTP latencies the way that tools which hook system calls measure them, for comparison only.
 * Hooks:  entry and exit of read, recvfrom, write, sendto and writev. Two forms: one tracepoint for each call and
 *         side (syscalls:*), or the two that all calls share (sys_enter, sys_exit).
 * Output: latencies, a histogram by powers of 2.
 * Both roles of a connection are timed, as rqscope does. It does less than rqscope: no framing, no bytes, no status,
 * no service, no arrival; one request at a time on a descriptor, its head at the start of one read or write.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "latencies.bpf.h"

#define CALLS_MAX 10240

/* arch/x86/entry/syscalls/syscall_64.tbl */
enum {
	NR_READ = 0,
	NR_WRITE = 1,
	NR_WRITEV = 20,
	NR_SENDTO = 44,
	NR_RECVFROM = 45,
};

enum call_kind { CALL_READ, CALL_WRITE, CALL_WRITEV };

struct call {
	__u64 buffer;
	__u64 entered_ns; /* of what sends */
	__u32 fd;
	__u32 kind;
};

/* Calls under way, by thread. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CALLS_MAX);
	__type(key, __u64);
	__type(value, struct call);
} calls SEC(".maps");

/* Requests without an answer, by process and descriptor. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CALLS_MAX);
	__type(key, __u64);
	__type(value, __u64);
} started SEC(".maps");

static __always_inline int call_enters(enum call_kind kind, __u32 fd, __u64 buffer)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct call call = { .buffer = buffer, .fd = fd, .kind = kind };

	if (kind != CALL_READ)
		call.entered_ns = bpf_ktime_get_ns();
	bpf_map_update_elem(&calls, &thread, &call, BPF_ANY);
	return 0;
}

static __always_inline void call_answers(__u64 where)
{
	__u64 *start_ns = bpf_map_lookup_elem(&started, &where);

	if (!start_ns)
		return;
	latencies_add(bpf_ktime_get_ns() - *start_ns);
	bpf_map_delete_elem(&started, &where);
}

static __always_inline void call_passed(const struct call *call, __u64 thread)
{
	__u64 where = (thread & 0xffffffff00000000ULL) | call->fd, start_ns;
	const void *buffer = (const void *)call->buffer;
	char head[8] = {};

	if (call->kind == CALL_WRITEV && bpf_probe_read_user(&buffer, sizeof(buffer), buffer))
		return;
	if (bpf_probe_read_user(head, sizeof(head), buffer))
		return;
	if (head[0] == 'H' && head[1] == 'T' && head[2] == 'T' && head[3] == 'P' && head[4] == '/' && head[5] == '1' &&
	    head[6] == '.') {
		call_answers(where);
	} else if (head[0] == 'G' && head[1] == 'E' && head[2] == 'T' && head[3] == ' ') {
		start_ns = call->kind == CALL_READ ? bpf_ktime_get_ns() : call->entered_ns;
		bpf_map_update_elem(&started, &where, &start_ns, BPF_ANY);
	}
}

static __always_inline int call_leaves(long result)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct call *call = bpf_map_lookup_elem(&calls, &thread);

	if (!call)
		return 0;
	if (result > 0)
		call_passed(call, thread);
	bpf_map_delete_elem(&calls, &thread);
	return 0;
}

/* /sys/kernel/tracing/events/syscalls/sys_enter_read/format and its like. */
struct enter_record {
	__u64 common;
	__s64 number;
	__u64 args[6];
};

struct exit_record {
	__u64 common;
	__s64 number;
	__s64 result;
};

#define CLASSIC_CALL(name, kind)                                                                             \
	SEC("tracepoint/syscalls/sys_enter_" #name)                                                          \
	int classic_enter_##name(struct enter_record *record)                                                \
	{                                                                                                    \
		return call_enters(kind, record->args[0], record->args[1]);                                  \
	}                                                                                                    \
	SEC("tracepoint/syscalls/sys_exit_" #name)                                                           \
	int classic_exit_##name(struct exit_record *record)                                                  \
	{                                                                                                    \
		return call_leaves(record->result);                                                          \
	}

CLASSIC_CALL(read, CALL_READ)
CLASSIC_CALL(recvfrom, CALL_READ)
CLASSIC_CALL(write, CALL_WRITE)
CLASSIC_CALL(sendto, CALL_WRITE)
CLASSIC_CALL(writev, CALL_WRITEV)

static __always_inline bool classic_traces(long number, enum call_kind *kind)
{
	switch (number) {
	case NR_READ:
	case NR_RECVFROM:
		*kind = CALL_READ;
		return true;
	case NR_WRITE:
	case NR_SENDTO:
		*kind = CALL_WRITE;
		return true;
	case NR_WRITEV:
		*kind = CALL_WRITEV;
		return true;
	}
	return false;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(classic_enter_any, struct pt_regs *regs, long number)
{
	enum call_kind kind;

	return classic_traces(number, &kind) ? call_enters(kind, regs->di, regs->si) : 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(classic_exit_any, struct pt_regs *regs, long result)
{
	enum call_kind kind;

	return classic_traces(regs->orig_ax, &kind) ? call_leaves(result) : 0;
}

char LICENSE[] SEC("license") = "GPL";
