// SPDX-License-Identifier: GPL-2.0-only
/*
 * waiters - who waits for a CPU: what each task has waited so far.
 * Hook:   an iterator over all tasks, run when user space reads it, once a second. Nothing on a hot path.
 * Output: struct rqs_waiter records, of tasks that ever waited. User space subtracts.
 * Source: sched_info.run_delay, as /proc/PID/schedstat has it.
 * Misses: what a task waited in the second in which it ended.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "abi.h"

SEC("iter/task")
int waiters_on_task(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct rqs_waiter waiter = {};

	if (!task || !task->sched_info.run_delay)
		return 0;
	waiter.run_delay_ns = task->sched_info.run_delay;
	waiter.pid = task->tgid;
	waiter.tid = task->pid;
	bpf_probe_read_kernel(waiter.comm, sizeof(waiter.comm), task->comm);
	bpf_seq_write(ctx->meta->seq, &waiter, sizeof(waiter));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
