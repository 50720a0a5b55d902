/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * merge - several windows made into one: counts add, extrema survive, percentiles come anew from added buckets.
 * Upstream: columns.h, dist.h. Downstream: history.h, frame.h, snapshot.h.
 * Pure.
 */
#ifndef RQS_MERGE_H
#define RQS_MERGE_H

#include "columns.h"
#include "dist.h"

/* One window. Buckets are given as histograms, or packed one after the other, or not at all: lost. */
struct rqs_sample {
	uint64_t seq;	  /* of its newest tick */
	uint64_t end_real_ns;
	uint64_t span_ns;
	bool gap;	  /* no rate can be told: columns of counters are NAN */
	const double *row;
	const struct rqs_hist *hists; /* RQS_HIST_COUNT of them, or NULL */
	const uint8_t *packed;	      /* or NULL */
	size_t packed_bytes;
};

struct rqs_merge {
	uint32_t windows; /* added so far, gaps included */
	uint32_t gaps;
	uint64_t seq;	      /* of the newest */
	uint64_t end_real_ns; /* of the newest */
	uint64_t span_ns;     /* of all that are no gaps */
	uint64_t gap_span_ns;
	double row[RQS_COLUMN_COUNT];
	double weight_ns[RQS_COLUMN_COUNT];
	bool lost[RQS_HIST_COUNT]; /* buckets of a window that had durations are gone */
	struct rqs_hist hists[RQS_HIST_COUNT]; /* buckets only */
};

/** rqs_merge_init() - empty, whatever it held before. */
void rqs_merge_init(struct rqs_merge *merge);

/** rqs_merge_clear() - empty one that was initialised; faster. */
void rqs_merge_clear(struct rqs_merge *merge);

/**
 * rqs_merge_add() - add a later window.
 * The columns of counters of a gap are NAN and add nothing; nor does its time: a rate stays count / span.
 */
void rqs_merge_add(struct rqs_merge *merge, const struct rqs_sample *sample);

/** rqs_merge_span_ns() - the time that the columns of counters stand for; of the gaps where there is nothing else. */
uint64_t rqs_merge_span_ns(const struct rqs_merge *merge);

/** rqs_merge_row() - the merged row. Percentiles are NAN where there was nothing or buckets are lost. */
void rqs_merge_row(const struct rqs_merge *merge, double *ret_row);

#endif
