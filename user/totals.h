/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * totals - requests counted since attaching, of a role or a service.
 * Upstream: window.h, dist.h. Downstream: services.h, model.h, encode.h. Pure.
 */
#ifndef RQS_TOTALS_H
#define RQS_TOTALS_H

#include "dist.h"

/* All zero is a valid empty one. 24 KB. */
struct rqs_totals {
	struct rqs_books books; /* .in_flight is of now */
	struct rqs_split split;
	uint64_t status[RQS_STATUS_COUNT]; /* by code, from RQS_STATUS_LOW; 100 is never final, [0]: not readable */
	struct rqs_hist hists[RQS_METRIC_COUNT];
};

/** rqs_totals_add() - add what a service did in a window; in_flight excepted, which is no counter. */
void rqs_totals_add(struct rqs_totals *totals, const struct rqs_service_delta *delta);

/** rqs_totals_fold() - add all that another one holds; in_flight excepted. */
void rqs_totals_fold(struct rqs_totals *totals, const struct rqs_totals *other);

/** rqs_totals_errors() - responses with status 5xx. */
uint64_t rqs_totals_errors(const struct rqs_totals *totals);

/** rqs_delta_errors() - the same of one window. */
uint64_t rqs_delta_errors(const struct rqs_service_delta *delta);

/** rqs_split_add() - add @other to @split. */
void rqs_split_add(struct rqs_split *split, const struct rqs_split *other);

#endif
