// SPDX-License-Identifier: GPL-2.0-only
/*
 * oom - tells when the kernel kills a process for want of memory.
 * Hook:   tracepoint oom/mark_victim, in mm/oom_kill.c mark_oom_victim(). Its BTF form carries a task since 6.8 and
 *         only a pid before; the classic form has a pid in all.
 * Output: events.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "events.h"

/* /sys/kernel/tracing/events/oom/mark_victim/format: the fields that all kernels have. */
struct oom_record {
	__u64 common;
	int pid;
};

SEC("tp_btf/mark_victim")
int BPF_PROG(oom_on_victim, struct task_struct *task)
{
	struct rqs_kernel_event *event = rqs_event_begin(RQS_EVENT_OOM_KILL);

	if (!event)
		return 0;
	event->pid = task->tgid;
	event->tid = task->pid;
	bpf_probe_read_kernel(event->comm, sizeof(event->comm), task->comm);
	rqs_event_end(event, bpf_ktime_get_ns());
	return 0;
}

SEC("tracepoint/oom/mark_victim")
int oom_on_victim_pid(struct oom_record *record)
{
	struct rqs_kernel_event *event = rqs_event_begin(RQS_EVENT_OOM_KILL);

	if (!event)
		return 0;
	event->pid = record->pid;
	event->tid = record->pid;
	rqs_event_end(event, bpf_ktime_get_ns());
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
