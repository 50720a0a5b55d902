/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * history - the windows of the last 10 minutes as they came, and those of the last hours (6, or as asked) merged to seconds.
 * Upstream: merge.h. Downstream: model.h, frame.h, snapshot.h.
 * Pure. All memory is reserved at the start.
 *
 * Three levels: ticks, seconds, and tens of seconds, from which long ranges are answered. Each is a ring of packed
 * rows (about 430 bytes each: 2.6 MB for ticks of 100 ms, 9.3 MB for seconds, 0.9 MB for tens) and a ring of bytes
 * with the rows' buckets; these share what is left of the budget. A second takes 0.1 to 1.4 KB of them, so that at
 * 50,000 requests a second those of the last 45 minutes are there, and tens for all 6 hours. A window whose buckets
 * were overwritten keeps its row: exact on its own; a range that would have to merge it is answered from the next
 * level, and where that has none either, percentiles become null and heat empty.
 */
#ifndef RQS_HISTORY_H
#define RQS_HISTORY_H

#include "merge.h"

#define RQS_HISTORY_TICK_SPAN_NS (600ULL * 1000000000)
#define RQS_HISTORY_SPAN_NS (6ULL * 3600 * 1000000000)
#define RQS_HISTORY_TICKS_MAX 12000

struct rqs_history; /* opaque */

/**
 * rqs_history_new() - reserve everything.
 * @tick_ns: the nominal tick, > 0. @span_ns: of seconds, at least RQS_HISTORY_TICK_SPAN_NS. @budget_bytes: for both resolutions together, rows and buckets.
 * Return: the history, or NULL with errno ENOMEM, or EINVAL when the rows alone don't fit in the budget.
 */
struct rqs_history *rqs_history_new(uint64_t tick_ns, uint64_t span_ns, size_t budget_bytes);

/** rqs_history_free() - NULL is fine. */
void rqs_history_free(struct rqs_history *history);

/** rqs_history_memory() - bytes reserved. */
size_t rqs_history_memory(const struct rqs_history *history);

/**
 * rqs_history_push() - keep one window.
 * @sample: with histograms; its seq is the one before plus one, the first is 1.
 * Return: whether it completed a second (the one that ticks are merged to: 1 s rounded to whole ticks).
 */
bool rqs_history_push(struct rqs_history *history, const struct rqs_sample *sample);

/** rqs_history_second_span_ns() - measured length of the second that was completed last; 0 before the first. */
uint64_t rqs_history_second_span_ns(const struct rqs_history *history);

/** rqs_history_resolution_ns() - nominal length of a window, of ticks or of seconds. */
uint64_t rqs_history_resolution_ns(const struct rqs_history *history, bool seconds);

/** rqs_history_span_ns() - how far back the ring of ticks or of seconds can reach. */
uint64_t rqs_history_span_ns(const struct rqs_history *history, bool seconds);

/* Which windows to read, and how many of them at a time. Made by rqs_history_range() or rqs_history_since(). */
struct rqs_range {
	uint32_t level;
	uint64_t next;	/* numbers in the level's ring, from 1 */
	uint64_t last;
	uint64_t tail_next; /* ticks that aren't part of a whole window of the level yet; they come last, as one */
	uint64_t tail_last;
	uint64_t group; /* windows merged to one */
	uint64_t resolution_ns;
	uint32_t count; /* how many rqs_history_next() will give */
};

/**
 * rqs_history_range() - the windows that ended after @from_ns and not after @to_ns (CLOCK_REALTIME).
 * From the finest level that reaches back to @from_ns, has the buckets and isn't too fine by far; merged in equal
 * groups, which stay the same from call to call, so that at most @points (> 0) come out. Where one group too many
 * would double their size, the oldest is left out instead (from 50 points on).
 */
void rqs_history_range(const struct rqs_history *history, uint64_t from_ns, uint64_t to_ns, uint32_t points,
		       struct rqs_range *ret_range);

/** rqs_history_since() - ticks by number: after @after_seq up to and with @to_seq. @whole: all merged to one. */
void rqs_history_since(const struct rqs_history *history, uint64_t after_seq, uint64_t to_seq, bool whole,
		       struct rqs_range *ret_range);

/**
 * rqs_history_next() - the next window of a range.
 * @merge: initialised; cleared and filled.
 * Return: false at the end of the range.
 */
bool rqs_history_next(const struct rqs_history *history, struct rqs_range *range, struct rqs_merge *merge);

#endif
