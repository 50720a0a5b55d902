// SPDX-License-Identifier: GPL-2.0-only
/*
 * runqlat - run queue latencies the way that tools which follow each wakeup measure them, for comparison only.
 * Hooks:  sched_wakeup and sched_wakeup_new stamp the time, sched_switch takes the difference.
 * Output: latencies, a histogram by powers of 2.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define TASKS_MAX 10240
#define SLOTS 26

/* include/linux/sched.h; the field is called so since 5.14. */
struct task_struct___state {
	unsigned int __state;
} __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TASKS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} queued SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} latencies SEC(".maps");

static __always_inline int task_queued(struct task_struct *task)
{
	__u32 tid = task->pid;
	__u64 now_ns;

	if (!tid)
		return 0;
	now_ns = bpf_ktime_get_ns();
	bpf_map_update_elem(&queued, &tid, &now_ns, BPF_ANY);
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(runqlat_on_wakeup, struct task_struct *task)
{
	return task_queued(task);
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(runqlat_on_wakeup_new, struct task_struct *task)
{
	return task_queued(task);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(runqlat_on_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	__u32 tid = next->pid, slot = 0, shift;
	__u64 *queued_ns, *count, wait_us;

	if (!((struct task_struct___state *)prev)->__state)
		task_queued(prev);
	queued_ns = bpf_map_lookup_elem(&queued, &tid);
	if (!queued_ns)
		return 0;
	wait_us = (bpf_ktime_get_ns() - *queued_ns) / 1000;
#pragma unroll
	for (shift = 32; shift; shift >>= 1) {
		if (wait_us >> shift) {
			wait_us >>= shift;
			slot += shift;
		}
	}
	if (slot >= SLOTS)
		slot = SLOTS - 1;
	count = bpf_map_lookup_elem(&latencies, &slot);
	if (count)
		__sync_fetch_and_add(count, 1);
	bpf_map_delete_elem(&queued, &tid);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
