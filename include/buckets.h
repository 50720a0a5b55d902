/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * buckets - the geometry of every latency histogram, the same in the kernel and in user space.
 *
 * Log-linear, base 2: RQS_BUCKET_SUBS sub-buckets an octave from 2^10 ns (1.024 us) to 2^36 ns (68.7 s).
 * Bucket 0 takes all that is shorter, the last one all that is longer. The middle of a bucket is at most
 * 1/64 (1.6 %) away from any value in it. Shifts and masks on 64-bit values only: no division, no float.
 */
#ifndef RQS_BUCKETS_H
#define RQS_BUCKETS_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define RQS_BUCKET_SUB_BITS 5
#define RQS_BUCKET_SUBS (1 << RQS_BUCKET_SUB_BITS)
#define RQS_BUCKET_MIN_BITS 10 /* shorter than 2^10 ns: bucket 0 */
#define RQS_BUCKET_MAX_BITS 36 /* 2^36 ns and longer: the last bucket */
#define RQS_BUCKET_COUNT (((RQS_BUCKET_MAX_BITS - RQS_BUCKET_MIN_BITS) << RQS_BUCKET_SUB_BITS) + 2)

/* The position of the highest bit set. @value must not be 0. Branch-free: the verifier sees one path. */
static inline __u32 rqs_bucket_msb(__u64 value)
{
	__u32 msb, step;

	msb = (value > 0xffffffffULL) << 5;
	value >>= msb;
	step = (value > 0xffff) << 4;
	value >>= step;
	msb |= step;
	step = (value > 0xff) << 3;
	value >>= step;
	msb |= step;
	step = (value > 0xf) << 2;
	value >>= step;
	msb |= step;
	step = (value > 0x3) << 1;
	value >>= step;
	msb |= step;
	return msb | (__u32)(value >> 1);
}

/**
 * rqs_bucket_index() - the bucket that a duration belongs to.
 * @value_ns: any value.
 * Return: 0 .. RQS_BUCKET_COUNT - 1, never decreasing as @value_ns grows.
 */
static inline __u32 rqs_bucket_index(__u64 value_ns)
{
	__u32 msb;

	if (value_ns < (1ULL << RQS_BUCKET_MIN_BITS))
		return 0;
	if (value_ns >= (1ULL << RQS_BUCKET_MAX_BITS))
		return RQS_BUCKET_COUNT - 1;
	msb = rqs_bucket_msb(value_ns);
	return 1 + ((msb - RQS_BUCKET_MIN_BITS) << RQS_BUCKET_SUB_BITS) +
	       (__u32)((value_ns >> (msb - RQS_BUCKET_SUB_BITS)) & (RQS_BUCKET_SUBS - 1));
}

/**
 * rqs_bucket_low() - the smallest value of a bucket, in ns.
 * @index: 0 .. RQS_BUCKET_COUNT. RQS_BUCKET_COUNT is allowed, as the end of the last bucket that has one.
 */
static inline __u64 rqs_bucket_low(__u32 index)
{
	__u32 octave, sub;

	if (index == 0)
		return 0;
	if (index >= RQS_BUCKET_COUNT - 1)
		return 1ULL << RQS_BUCKET_MAX_BITS;
	octave = (index - 1) >> RQS_BUCKET_SUB_BITS;
	sub = (index - 1) & (RQS_BUCKET_SUBS - 1);
	return (__u64)(RQS_BUCKET_SUBS + sub) << (octave + RQS_BUCKET_MIN_BITS - RQS_BUCKET_SUB_BITS);
}

/**
 * rqs_bucket_mid() - the value that stands for a bucket, in ns; within 1.6 % of all its values but for
 * the first bucket (half of 1.024 us) and the last (its lower end: it has no upper one).
 */
static inline __u64 rqs_bucket_mid(__u32 index)
{
	__u64 low = rqs_bucket_low(index);

	if (index >= RQS_BUCKET_COUNT - 1)
		return low;
	return low + (rqs_bucket_low(index + 1) - low) / 2;
}

/*
 * Coarser ones, four buckets in one: 8 sub-buckets an octave. The middle is at most 1/16 (6.3 %) away from any value in it.
 */
#define RQS_COARSE_SHIFT 2
#define RQS_COARSE_COUNT (((RQS_BUCKET_COUNT - 2) >> RQS_COARSE_SHIFT) + 2)

/** rqs_coarse_of() - the coarse bucket that bucket @index (0 .. RQS_BUCKET_COUNT - 1) lies in. */
static inline __u32 rqs_coarse_of(__u32 index)
{
	return (index + (1 << RQS_COARSE_SHIFT) - 1) >> RQS_COARSE_SHIFT;
}

/** rqs_coarse_mid() - the value that stands for coarse bucket @index, as rqs_bucket_mid(). */
static inline __u64 rqs_coarse_mid(__u32 index)
{
	__u32 first = index ? ((index - 1) << RQS_COARSE_SHIFT) + 1 : 0;
	__u64 low = rqs_bucket_low(first);

	if (index >= RQS_COARSE_COUNT - 1)
		return 1ULL << RQS_BUCKET_MAX_BITS;
	return low + (rqs_bucket_low(index ? first + (1 << RQS_COARSE_SHIFT) : 1) - low) / 2;
}

#endif
