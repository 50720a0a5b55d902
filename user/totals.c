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

void rqs_totals_add(struct rqs_totals *totals, const struct rqs_service_delta *delta)
{
	struct rqs_books *books = &totals->books;
	uint32_t i;

	books->requests += delta->books.requests;
	books->responses += delta->books.responses;
	books->upgrades += delta->books.upgrades;
	books->aborted += delta->books.aborted;
	books->untimed += delta->books.untimed;
	books->request_bytes += delta->books.request_bytes;
	books->response_bytes += delta->books.response_bytes;
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
	struct rqs_books *books = &totals->books;
	uint32_t i;

	books->requests += other->books.requests;
	books->responses += other->books.responses;
	books->upgrades += other->books.upgrades;
	books->aborted += other->books.aborted;
	books->untimed += other->books.untimed;
	books->request_bytes += other->books.request_bytes;
	books->response_bytes += other->books.response_bytes;
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
