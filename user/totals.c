// SPDX-License-Identifier: GPL-2.0-only
#include "totals.h"

void rqs_split_add(struct rqs_split *split, const struct rqs_split *other)
{
	split->count += other->count;
	split->queued_ns += other->queued_ns;
	split->cpu_wait_ns += other->cpu_wait_ns;
	split->on_cpu_ns += other->on_cpu_ns;
	split->blocked_ns += other->blocked_ns;
	split->shared += other->shared;
	split->unknown += other->unknown;
}

/* in_flight is no counter. */
static void books_add(struct rqs_books *books, const struct rqs_books *other)
{
	books->requests += other->requests;
	books->responses += other->responses;
	books->upgrades += other->upgrades;
	books->aborted += other->aborted;
	books->untimed += other->untimed;
	books->request_bytes += other->request_bytes;
	books->response_bytes += other->response_bytes;
}

void rqs_totals_add(struct rqs_totals *totals, const struct rqs_service_delta *delta)
{
	uint32_t i;

	books_add(&totals->books, &delta->books);
	rqs_split_add(&totals->split, &delta->split);
	for (i = 0; i < delta->status_count; i++) {
		uint32_t code = delta->status[i].code, index = code ? code - RQS_STATUS_LOW : 0;

		if (index < RQS_STATUS_COUNT)
			totals->status[index] += delta->status[i].count;
	}
	for (i = 0; i < RQS_METRIC_COUNT; i++)
		rqs_hist_add_dist(&totals->hists[i], &delta->dist[i]);
}

void rqs_totals_fold(struct rqs_totals *totals, const struct rqs_totals *other)
{
	uint32_t i;

	books_add(&totals->books, &other->books);
	rqs_split_add(&totals->split, &other->split);
	for (i = 0; i < RQS_STATUS_COUNT; i++)
		totals->status[i] += other->status[i];
	for (i = 0; i < RQS_METRIC_COUNT; i++)
		rqs_hist_add(&totals->hists[i], &other->hists[i]);
}

uint64_t rqs_totals_errors(const struct rqs_totals *totals)
{
	uint64_t errors = 0;
	uint32_t i;

	for (i = 500 - RQS_STATUS_LOW; i < RQS_STATUS_COUNT; i++)
		errors += totals->status[i];
	return errors;
}

uint64_t rqs_delta_errors(const struct rqs_service_delta *delta)
{
	uint64_t errors = 0;
	uint32_t i;

	for (i = 0; i < delta->status_count; i++)
		if (delta->status[i].code >= 500 && delta->status[i].code < 600)
			errors += delta->status[i].count;
	return errors;
}
