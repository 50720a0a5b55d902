/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * row - a window's columns and histograms.
 * Upstream: window.h, columns.h. Downstream: model.h. Pure.
 */
#ifndef RQS_ROW_H
#define RQS_ROW_H

#include "columns.h"
#include "dist.h"

/* What the window alone doesn't tell. */
struct rqs_row_context {
	bool http_measured;
	bool runqueue_measured;
	int64_t in_flight[RQS_ROLE_COUNT]; /* all services, those that did not move included */
};

/**
 * rqs_row_fill() - the columns of a window; what was not measured is NAN, as are the counters of a gap.
 * @hists: RQS_HIST_COUNT of them; cleared and filled.
 * @ret_row: RQS_COLUMN_COUNT values.
 */
void rqs_row_fill(const struct rqs_window *window, const struct rqs_row_context *context, struct rqs_hist *hists,
		  double *ret_row);

/**
 * rqs_row_fill_service() - the same of one service, in the columns and histograms of http.server whatever its role.
 * @deltas: what its slots did in the window, @count of them; 0: nothing.
 * @in_flight: of all its slots, at the end of the window.
 */
void rqs_row_fill_service(const struct rqs_service_delta *const *deltas, uint32_t count, int64_t in_flight,
			  struct rqs_hist *hists, double *ret_row);

#endif
