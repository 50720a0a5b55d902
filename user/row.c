// SPDX-License-Identifier: GPL-2.0-only
#include "row.h"

#include <math.h>

/* Where a role's columns and histograms start; they lie as RQS_HTTP_COLUMNS and RQS_HTTP_HISTS have them. */
static const struct {
	bool known;
	enum rqs_column first;
	enum rqs_hist_id first_hist;
} roles[RQS_ROLE_COUNT] = {
	[RQS_ROLE_SERVER] = { true, RQS_COLUMN_HTTP_SERVER_REQUESTS, RQS_HIST_HTTP_SERVER_DURATION },
};

#define OFFSET(ID) (RQS_COLUMN_HTTP_SERVER_##ID - RQS_COLUMN_HTTP_SERVER_REQUESTS)

_Static_assert(RQS_METRIC_DURATION == 0 && RQS_METRIC_TTFB == 1 && RQS_METRIC_QUEUE == 2,
	       "metrics lie as RQS_HTTP_HISTS has them");

static uint32_t class_offset(uint16_t code)
{
	return code >= 200 && code < 600 ? OFFSET(STATUS_2XX) + code / 100 - 2 : OFFSET(STATUS_OTHER);
}

static void add_service(const struct rqs_service_delta *service, double *row, struct rqs_hist *hists)
{
	const struct rqs_books *books = &service->books;
	const struct rqs_split *split = &service->split;
	uint32_t i;

	row[OFFSET(REQUESTS)] += (double)books->requests;
	row[OFFSET(RESPONSES)] += (double)books->responses;
	row[OFFSET(UPGRADES)] += (double)books->upgrades;
	row[OFFSET(ABORTED)] += (double)books->aborted;
	row[OFFSET(UNTIMED)] += (double)books->untimed;
	row[OFFSET(REQUEST_BYTES)] += (double)books->request_bytes;
	row[OFFSET(RESPONSE_BYTES)] += (double)books->response_bytes;
	row[OFFSET(SPLIT_COUNT)] += (double)split->count;
	row[OFFSET(SPLIT_QUEUED_NS)] += (double)split->queued_ns;
	row[OFFSET(SPLIT_CPU_WAIT_NS)] += (double)split->cpu_wait_ns;
	row[OFFSET(SPLIT_ON_CPU_NS)] += (double)split->on_cpu_ns;
	row[OFFSET(SPLIT_BLOCKED_NS)] += (double)split->blocked_ns;
	row[OFFSET(SPLIT_SHARED)] += (double)split->shared;
	row[OFFSET(SPLIT_UNKNOWN)] += (double)split->unknown;
	for (i = 0; i < service->status_count; i++)
		row[class_offset(service->status[i].code)] += service->status[i].count;
	for (i = 0; i < RQS_METRIC_COUNT; i++)
		rqs_hist_add_dist(&hists[i], &service->dist[i]);
}

static void fill_dist(const struct rqs_hist *hist, enum rqs_hist_id id, double *row)
{
	double *to = row + rqs_hists[id].count;
	uint32_t first = rqs_hists[id].count + RQS_DIST_QUANTILES, permilles[RQS_DIST_QUANTILES], i;
	uint64_t values_ns[RQS_DIST_QUANTILES];

	to[0] = (double)hist->count;
	to[RQS_DIST_SUM_NS] = (double)hist->sum_ns;
	if (!hist->count)
		return;
	to[RQS_DIST_MIN_NS] = (double)hist->min_ns;
	to[RQS_DIST_MAX_NS] = (double)hist->max_ns;
	for (i = 0; i < RQS_DIST_QUANTILES; i++)
		permilles[i] = rqs_columns[first + i].permille;
	rqs_hist_quantiles_ns(hist, permilles, RQS_DIST_QUANTILES, hist->min_ns, hist->max_ns, values_ns);
	for (i = 0; i < RQS_DIST_QUANTILES; i++)
		row[first + i] = (double)values_ns[i];
}

/* What is counted, from nothing: all but what is open, which is not of the window alone. */
static void clear_role(double *to)
{
	uint32_t i;

	for (i = 0; i <= OFFSET(RESPONSE_BYTES); i++)
		if (i != OFFSET(IN_FLIGHT))
			to[i] = 0;
	for (i = OFFSET(SPLIT_COUNT); i <= OFFSET(SPLIT_UNKNOWN); i++)
		to[i] = 0;
}

static void fill_role(const struct rqs_window *window, enum rqs_role role, double *row, struct rqs_hist *hists)
{
	double *to = row + roles[role].first;
	uint32_t i;

	clear_role(to);
	for (i = 0; i < window->service_count; i++)
		if (window->services[i].ident->role == role)
			add_service(&window->services[i], to, hists + roles[role].first_hist);
	for (i = 0; i < RQS_METRIC_COUNT; i++)
		fill_dist(&hists[roles[role].first_hist + i], roles[role].first_hist + i, row);
}

void rqs_row_fill_service(const struct rqs_service_delta *const *deltas, uint32_t count, int64_t in_flight,
			  struct rqs_hist *hists, double *ret_row)
{
	uint32_t i;

	for (i = 0; i < RQS_COLUMN_COUNT; i++)
		ret_row[i] = NAN;
	for (i = 0; i < RQS_HIST_COUNT; i++)
		rqs_hist_clear(&hists[i]);
	clear_role(ret_row + RQS_SERVICE_COLUMN_FIRST);
	for (i = 0; i < count; i++)
		add_service(deltas[i], ret_row + RQS_SERVICE_COLUMN_FIRST, hists + RQS_HIST_HTTP_SERVER_DURATION);
	for (i = 0; i < RQS_METRIC_COUNT; i++)
		fill_dist(&hists[RQS_HIST_HTTP_SERVER_DURATION + i], RQS_HIST_HTTP_SERVER_DURATION + i, ret_row);
	ret_row[RQS_COLUMN_HTTP_SERVER_IN_FLIGHT] = (double)in_flight;
}

static void fill_runqueue(const struct rqs_window *window, double *row, struct rqs_hist *hists)
{
	struct rqs_hist *hist = &hists[RQS_HIST_RUNQUEUE_LATENCY];

	row[RQS_COLUMN_RUNQUEUE_SWITCHES] = (double)window->switches;
	row[RQS_COLUMN_RUNQUEUE_LENGTH_MAX] = window->length_max;
	row[RQS_COLUMN_RUNQUEUE_LENGTH_MEAN] = window->length_mean;
	rqs_hist_add_dist(hist, &window->runqueue);
	fill_dist(hist, RQS_HIST_RUNQUEUE_LATENCY, row);
}

static double known(uint64_t value)
{
	return value == UINT64_MAX ? NAN : (double)value;
}

static void fill_vitals(const struct rqs_vitals *vitals, double *row)
{
	row[RQS_COLUMN_CPU_USER] = vitals->cpu_user;
	row[RQS_COLUMN_CPU_SYSTEM] = vitals->cpu_system;
	row[RQS_COLUMN_CPU_IOWAIT] = vitals->cpu_iowait;
	row[RQS_COLUMN_CPU_STEAL] = vitals->cpu_steal;
	row[RQS_COLUMN_CPU_IDLE] = vitals->cpu_idle;
	row[RQS_COLUMN_MEMORY_TOTAL_BYTES] = known(vitals->memory_total_bytes);
	row[RQS_COLUMN_MEMORY_AVAILABLE_BYTES] = known(vitals->memory_available_bytes);
	row[RQS_COLUMN_MEMORY_USED_BYTES] = known(vitals->memory_total_bytes) - known(vitals->memory_available_bytes);
	row[RQS_COLUMN_MEMORY_ANONYMOUS_BYTES] = known(vitals->memory_anonymous_bytes);
	row[RQS_COLUMN_MEMORY_CACHED_BYTES] = known(vitals->memory_cached_bytes);
	row[RQS_COLUMN_MEMORY_SWAP_TOTAL_BYTES] = known(vitals->swap_total_bytes);
	row[RQS_COLUMN_MEMORY_SWAP_USED_BYTES] = known(vitals->swap_used_bytes);
	row[RQS_COLUMN_PRESSURE_CPU_SOME] = vitals->pressure_cpu_some;
	row[RQS_COLUMN_PRESSURE_MEMORY_SOME] = vitals->pressure_memory_some;
	row[RQS_COLUMN_PRESSURE_MEMORY_FULL] = vitals->pressure_memory_full;
	row[RQS_COLUMN_PRESSURE_IO_SOME] = vitals->pressure_io_some;
	row[RQS_COLUMN_PRESSURE_IO_FULL] = vitals->pressure_io_full;
	row[RQS_COLUMN_LOAD_1M] = vitals->load_1m;
}

void rqs_row_fill(const struct rqs_window *window, const struct rqs_row_context *context, struct rqs_hist *hists,
		  double *ret_row)
{
	uint32_t i;

	for (i = 0; i < RQS_COLUMN_COUNT; i++)
		ret_row[i] = NAN;
	for (i = 0; i < RQS_HIST_COUNT; i++)
		rqs_hist_clear(&hists[i]);

	for (i = 0; i < RQS_ROLE_COUNT; i++) {
		if (!roles[i].known || !context->http_measured)
			continue;
		if (!window->gap)
			fill_role(window, i, ret_row, hists);
		ret_row[roles[i].first + OFFSET(IN_FLIGHT)] = (double)context->in_flight[i];
	}
	if (context->runqueue_measured) {
		if (!window->gap)
			fill_runqueue(window, ret_row, hists);
		ret_row[RQS_COLUMN_RUNQUEUE_LENGTH_NOW] = window->length_now;
	}
	if (window->vitals)
		fill_vitals(window->vitals, ret_row);
	if (window->self) {
		ret_row[RQS_COLUMN_SELF_CPU_RATIO] = window->self->cpu_ratio;
		ret_row[RQS_COLUMN_SELF_RSS_BYTES] = known(window->self->rss_bytes);
	}
	ret_row[RQS_COLUMN_SELF_TICK_LATE_NS] = (double)window->late_ns;
}
