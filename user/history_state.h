/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * history_state - what the history is made of, shared by its own files: history.c (taking windows in), history_range.c (which of
 * them are asked for, and reading them).
 */
#ifndef RQS_HISTORY_STATE_H
#define RQS_HISTORY_STATE_H

#include "bytering.h"
#include "history.h"
#include "service_log.h"

struct rqs_history_entry {
	uint64_t seq;
	uint64_t end_real_ns;
	uint64_t span_ns;
	struct rqs_piece buckets;
	bool gap;
	struct rqs_packed_row row;
};

/* Windows are numbered from 1; the ring holds the last .room of them. The number of a tick is its seq. */
struct rqs_history_ring {
	struct rqs_history_entry *entries;
	uint64_t room;
	uint64_t newest; /* number of the newest, 0: none */
	uint64_t resolution_ns;
	struct rqs_bytering buckets;
};

enum rqs_history_level { RQS_HISTORY_TICKS, RQS_HISTORY_SECONDS, RQS_HISTORY_TENS, RQS_HISTORY_LEVELS };

#define RQS_HISTORY_SERVICE_LEVELS RQS_HISTORY_TENS /* ticks and seconds */

struct rqs_history {
	struct rqs_history_ring rings[RQS_HISTORY_LEVELS];
	struct rqs_service_log services[RQS_HISTORY_SERVICE_LEVELS]; /* their windows have the numbers of those in the rings */
	struct rqs_merge open[RQS_HISTORY_LEVELS]; /* the window of each level that runs; no ticks */
	uint64_t second_span_ns;
	double row[RQS_COLUMN_COUNT]; /* scratch */
	uint8_t packed[RQS_HIST_COUNT * RQS_HIST_PACKED_MAX];
	struct rqs_merge service; /* scratch */
	uint64_t service_list[RQS_SERVICE_LOG_RECORDS];
};

static inline struct rqs_history_entry *rqs_history_entry(const struct rqs_history_ring *ring, uint64_t number)
{
	return &ring->entries[(number - 1) % ring->room];
}

/** rqs_history_add_entry() - add a window of a level to a merge. @service: of this one; 0: of the host. */
void rqs_history_add_entry(const struct rqs_history *history, uint32_t level, uint64_t number, uint64_t service,
			   struct rqs_merge *merge);

#endif
