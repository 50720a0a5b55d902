/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * history - the windows of the last 10 minutes as they came, and those of the last hours (6, or as asked) merged to seconds.
 * Upstream: merge.h. Downstream: model.h, frame.h, snapshot.h.
 * Pure. All memory is reserved at the start.
 *
 * Three levels: ticks, seconds, and tens of seconds, from which long ranges are answered. Each is a ring of packed
 * rows (about 430 bytes each: 2.6 MB for ticks of 100 ms, 9.3 MB for seconds, 0.9 MB for tens) and a ring of bytes
 * with the rows' buckets; these share what is left of the budget. A second takes 0.1 to 1.4 KB of them, so that at
 * 50,000 requests a second those of the last 35 minutes are there, and tens for all 6 hours. A window whose buckets
 * were overwritten keeps its row: exact on its own; a range that would have to merge it is answered from the next
 * level, and where that has none either, percentiles become null and heat empty.
 *
 * Beside them, what each service did (service_log.h): as seconds for 10 minutes, as ticks for as long as there is room, 20 s with ten
 * that answer 1000 requests a second each. Seconds reach back all of the 10 minutes as long as no more than 65 services are
 * busy in each of them, 5 minutes with 124. Their buckets are all there for ten services with 1000 requests a second each; for thirty
 * with 200 a second those of duration in half of the seconds. A service that has nothing, in flight included, takes nothing.
 */
#ifndef RQS_HISTORY_H
#define RQS_HISTORY_H

#include "merge.h"

#define RQS_HISTORY_TICK_SPAN_NS (600ULL * 1000000000)
#define RQS_HISTORY_SPAN_NS (6ULL * 3600 * 1000000000)
#define RQS_HISTORY_TICKS_MAX 12000
#define RQS_HISTORY_SERVICE_SPAN_NS RQS_HISTORY_TICK_SPAN_NS /* of services, as seconds */
#define RQS_HISTORY_SERVICE_TICK_BYTES ((size_t)768 << 10)
#define RQS_HISTORY_SERVICE_SECOND_BYTES ((size_t)3584 << 10)

struct rqs_history; /* opaque */

/**
 * rqs_history_new() - reserve everything.
 * @tick_ns: the nominal tick, > 0. @span_ns: of seconds, at least RQS_HISTORY_TICK_SPAN_NS.
 * @budget_bytes: for all resolutions together, rows and buckets; what services have, 4.8 MB, comes on top.
 * Return: the history, or NULL with errno ENOMEM, or EINVAL when the rows alone don't fit in the budget.
 */
struct rqs_history *rqs_history_new(uint64_t tick_ns, uint64_t span_ns, size_t budget_bytes);

/** rqs_history_free() - NULL is fine. */
void rqs_history_free(struct rqs_history *history);

/** rqs_history_memory() - bytes reserved. */
size_t rqs_history_memory(const struct rqs_history *history);

/**
 * rqs_history_add_service() - what a service did in the window that rqs_history_push() takes next; once for each service.
 * @service: its number, > 0. @row, @hists: as in struct rqs_sample; those of http.server are read, whatever its role.
 */
void rqs_history_add_service(struct rqs_history *history, uint64_t service, const double *row, const struct rqs_hist *hists);

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
	uint64_t service; /* whose, as rqs_history_add_service() was told; 0: the host's */
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

/**
 * rqs_history_service_range() - the same of one service, as ticks or seconds, as far back as these are there.
 * A window in which it had nothing, before it was seen the first time too, is one of zeros.
 */
void rqs_history_service_range(const struct rqs_history *history, uint64_t service, uint64_t from_ns, uint64_t to_ns,
			       uint32_t points, struct rqs_range *ret_range);

/**
 * rqs_history_since() - ticks by number: after @after_seq up to and with @to_seq. @whole: all merged to one.
 * Of the host; for those of a service set ret_range->service: ticks of which its part is not there any more are gaps.
 */
void rqs_history_since(const struct rqs_history *history, uint64_t after_seq, uint64_t to_seq, bool whole,
		       struct rqs_range *ret_range);

/**
 * rqs_history_next() - the next window of a range.
 * @merge: initialised; cleared and filled.
 * Return: false at the end of the range.
 */
bool rqs_history_next(const struct rqs_history *history, struct rqs_range *range, struct rqs_merge *merge);

#endif
