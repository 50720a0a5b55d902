// SPDX-License-Identifier: GPL-2.0-only
/*
 * sched - how long tasks wait on a run queue and how many do, per CPU.
 * Hook:   tp_btf/sched_switch. Hot path: one map lookup, no clock, no lock.
 * Output: sched_lanes, cumulative since attach; user space subtracts. Waits over 50 ms also as events.
 * Source: sched_info.last_queued, set in kernel/sched/stats.h sched_info_enqueue(); the difference to
 *         rq->clock is what the kernel is about to add to run_delay.
 * A task that waits and is moved to another CPU is dequeued, and what it waited until then booked by the kernel alone
 * (kernel/sched/stats.h sched_info_dequeue()). Where the kernel sums waits for each CPU (CONFIG_SCHEDSTATS), that part is what the
 * sum has more than what was seen here; elsewhere it is missed.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "events.h"
#include "runs.h"

#define STALL_NS 50000000ULL

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* as many as there are CPUs: set before loading */
	__type(key, __u32);
	__type(value, struct rqs_sched_lane);
} sched_lanes SEC(".maps");

/*
 * Tasks that are runnable on this CPU, the running one included. rq->nr_running also counts tasks that sleep
 * and whose dequeue is delayed (6.12, kernel/sched/fair.c); cfs_rq.h_nr_runnable (6.13) doesn't.
 */
static __always_inline __u32 sched_runnable(struct rq *rq)
{
	if (bpf_core_field_exists(rq->cfs.h_nr_runnable))
		return rq->cfs.h_nr_runnable + rq->rt.rt_nr_running;
	return rq->nr_running;
}

static __noinline void sched_report_stall(struct task_struct *task, __u64 wait_ns, __u64 now_ns)
{
	struct rqs_kernel_event *event = rqs_event_begin(RQS_EVENT_RUNQUEUE_STALL);

	if (!event)
		return;
	event->pid = task->tgid;
	event->tid = task->pid;
	event->duration_ns = wait_ns;
	bpf_probe_read_kernel(event->comm, sizeof(event->comm), task->comm);
	rqs_event_end(event, now_ns);
}

static __always_inline void sched_count_moved(struct rqs_sched_lane *lane, struct rq *rq)
{
	__u64 kernel_ns;

	if (!bpf_core_field_exists(rq->rq_sched_info))
		return;
	/* The task that comes in now isn't in either sum yet. */
	kernel_ns = rq->rq_sched_info.run_delay;
	if (!lane->kernel_ns)
		lane->kernel_ns = kernel_ns + 1;
	lane->moved_ns = kernel_ns + 1 - lane->kernel_ns - lane->wait_sum_ns;
}

SEC("tp_btf/sched_switch")
int RQS_PROG(sched_on_switch, 0, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	__u64 queued_ns = next->sched_info.last_queued;
	struct rq *rq = next->se.cfs_rq->rq;
	struct rqs_sched_lane *lane;
	__u32 cpu = bpf_get_smp_processor_id(), epoch, waiting;
	__u64 wait_ns;

	lane = bpf_map_lookup_elem(&sched_lanes, &cpu);
	if (!lane)
		return 0;
	/* Interrupts are off: plain adds are exact. */
	epoch = rqs_epoch();
	lane->switches++;
	sched_count_moved(lane, rq);
	waiting = sched_runnable(rq);
	if (next->pid && waiting)
		waiting--;
	lane->length_now = waiting;
	rqs_extrema_add(lane->length, epoch, waiting);
	if (!next->pid || !queued_ns)
		return 0;
	wait_ns = rq->clock - queued_ns;
	if ((__s64)wait_ns < 0)
		return 0;
	lane->wait_sum_ns += wait_ns;
	lane->wait_buckets[rqs_bucket_of(wait_ns)]++;
	rqs_extrema_add(lane->wait, epoch, wait_ns);
	if (wait_ns > STALL_NS)
		sched_report_stall(next, wait_ns, bpf_ktime_get_ns());
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
