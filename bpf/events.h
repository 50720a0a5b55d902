/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * events - what every BPF object shares: the tick's control block and the way by which single events leave the kernel.
 * Maps: control, events, event_lanes; user space makes one of each and gives it to all objects.
 */
#ifndef RQS_BPF_EVENTS_H
#define RQS_BPF_EVENTS_H

#include "abi.h"
#include "buckets.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct rqs_control);
} control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rqs_event_lane);
} event_lanes SEC(".maps");

static __always_inline struct rqs_control *rqs_control(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&control, &zero);
}

static __always_inline __u32 rqs_epoch(void)
{
	struct rqs_control *shared = rqs_control();

	return shared ? shared->epoch : 0;
}

/* rqs_bucket_index(), whose range the verifier of 6.1 loses in its shifts. */
static __always_inline __u32 rqs_bucket_of(__u64 value_ns)
{
	__u32 index = rqs_bucket_index(value_ns);

	return index < RQS_BUCKET_COUNT ? index : RQS_BUCKET_COUNT - 1;
}

/* Keep the smallest and largest value of the tick that runs. */
static __always_inline void rqs_extrema_add(struct rqs_extrema *pair, __u32 epoch, __u64 value)
{
	struct rqs_extrema *now = &pair[epoch & 1];

	if (now->epoch != epoch) {
		now->min = value;
		now->max = value;
		now->epoch = epoch;
		return;
	}
	if (value < now->min)
		now->min = value;
	if (value > now->max)
		now->max = value;
}

/*
 * Count an event and, where this tick's budget allows, reserve its record. NULL: held back and counted as such.
 * What is reserved must be given to rqs_event_end().
 */
static __always_inline struct rqs_kernel_event *rqs_event_begin(__u32 kind)
{
	struct rqs_control *shared = rqs_control();
	struct rqs_kernel_event *event = NULL;
	struct rqs_event_lane *lane;
	__u32 zero = 0;
	__s32 floor;

	lane = bpf_map_lookup_elem(&event_lanes, &zero);
	if (!lane || !shared || kind >= RQS_EVENT_KERNEL_COUNT)
		return NULL;
	__sync_fetch_and_add(&lane->seen[kind], 1);
	/* Stalls come in crowds: half of the budget is kept for the rest. */
	floor = kind == RQS_EVENT_RUNQUEUE_STALL ? RQS_EVENT_BUDGET / 2 : 0;
	if (shared->event_budget > floor && __sync_fetch_and_add(&shared->event_budget, -1) > floor)
		event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&lane->held_back[kind], 1);
		return NULL;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->kind = kind;
	event->cpu = bpf_get_smp_processor_id();
	return event;
}

static __always_inline void rqs_event_end(struct rqs_kernel_event *event, __u64 now_ns)
{
	event->mono_ns = now_ns;
	/* User space looks ten times a second; waking it for each event would cost more than it brings. */
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}

#endif
