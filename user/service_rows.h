/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * service_rows - a window's part of each service's history.
 * Upstream: window.h, services.h, row.h. Downstream: model.h. Pure.
 */
#ifndef RQS_SERVICE_ROWS_H
#define RQS_SERVICE_ROWS_H

#include "history.h"
#include "services.h"

/**
 * rqs_service_rows_push() - hand what each service did to the history, before rqs_history_push() takes the window.
 * Those on which nothing moved have a row only while requests are open on them.
 * @services: as they are after the window. @row, @hists: scratch, of all columns and histograms.
 */
void rqs_service_rows_push(const struct rqs_window *window, const struct rqs_services *services, struct rqs_history *history,
			   double *row, struct rqs_hist *hists);

#endif
