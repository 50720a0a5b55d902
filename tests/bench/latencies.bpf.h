/* SPDX-License-Identifier: GPL-2.0-only */
/* latencies - a histogram by powers of 2 ns, which the tracers of the comparison keep. */
#ifndef RQS_BENCH_LATENCIES_BPF_H
#define RQS_BENCH_LATENCIES_BPF_H

#include <bpf/bpf_helpers.h>

#define SLOTS 64

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} latencies SEC(".maps");

static __always_inline __u32 log2_of(__u64 value)
{
	__u32 index = 0;

#pragma unroll
	for (__u32 shift = 32; shift; shift >>= 1) {
		if (value >> shift) {
			value >>= shift;
			index += shift;
		}
	}
	return index;
}

static __always_inline void latencies_add(__u64 ns)
{
	__u32 slot = log2_of(ns);
	__u64 *count = bpf_map_lookup_elem(&latencies, &slot);

	if (count)
		__sync_fetch_and_add(count, 1);
}

#endif
