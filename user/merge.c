// SPDX-License-Identifier: GPL-2.0-only
#include "merge.h"

#include <math.h>
#include <string.h>

static void clear_row(struct rqs_merge *merge)
{
	uint32_t i;

	for (i = 0; i < RQS_COLUMN_COUNT; i++) {
		merge->row[i] = NAN;
		merge->weight_ns[i] = 0;
	}
}

void rqs_merge_init(struct rqs_merge *merge)
{
	memset(merge, 0, sizeof(*merge));
	clear_row(merge);
}

void rqs_merge_clear(struct rqs_merge *merge)
{
	uint32_t i;

	for (i = 0; i < RQS_HIST_COUNT; i++)
		rqs_hist_clear(&merge->hists[i]);
	memset(merge, 0, offsetof(struct rqs_merge, row));
	memset(merge->lost, 0, sizeof(merge->lost));
	clear_row(merge);
}

static void add_column(struct rqs_merge *merge, uint32_t column, double value, uint64_t span_ns)
{
	double *mine = &merge->row[column];

	if (isnan(value))
		return;
	switch (rqs_columns[column].rule) {
	case RQS_MERGE_SUM:
		*mine = isnan(*mine) ? value : *mine + value;
		break;
	case RQS_MERGE_MIN:
		*mine = fmin(*mine, value); /* ignores a NAN */
		break;
	case RQS_MERGE_MAX:
		*mine = fmax(*mine, value);
		break;
	case RQS_MERGE_MEAN:
		*mine = (isnan(*mine) ? 0 : *mine) + value * (double)span_ns;
		merge->weight_ns[column] += (double)span_ns;
		break;
	case RQS_MERGE_LAST:
	case RQS_MERGE_QUANTILE: /* stands only where it stays the only one */
		*mine = value;
		break;
	}
}

static void add_buckets(struct rqs_merge *merge, const struct rqs_sample *sample)
{
	const uint8_t *at = sample->packed;
	size_t left = sample->packed_bytes;
	uint32_t i;

	for (i = 0; i < RQS_HIST_COUNT; i++) {
		bool have = false;

		if (sample->hists) {
			rqs_hist_add_buckets(&merge->hists[i], &sample->hists[i]);
			have = true;
		} else if (at) {
			size_t bytes = rqs_hist_add_packed(&merge->hists[i], at, left);

			have = bytes > 0;
			at = have ? at + bytes : NULL;
			left -= bytes;
		}
		if (!have && sample->row[rqs_hists[i].count] > 0)
			merge->lost[i] = true;
	}
}

void rqs_merge_add(struct rqs_merge *merge, const struct rqs_sample *sample)
{
	uint32_t i;

	for (i = 0; i < RQS_COLUMN_COUNT; i++)
		add_column(merge, i, sample->row[i], sample->span_ns);
	merge->windows++;
	merge->seq = sample->seq;
	merge->end_real_ns = sample->end_real_ns;
	if (sample->gap) {
		merge->gaps++;
		merge->gap_span_ns += sample->span_ns;
		return;
	}
	merge->span_ns += sample->span_ns;
	add_buckets(merge, sample);
}

uint64_t rqs_merge_span_ns(const struct rqs_merge *merge)
{
	return merge->windows > merge->gaps ? merge->span_ns : merge->gap_span_ns;
}

static uint64_t to_ns(double value)
{
	return value < 0x1p63 ? (uint64_t)value : 1ULL << 63;
}

static void quantiles(const struct rqs_merge *merge, uint32_t index, double *row)
{
	const struct rqs_hist *hist = &merge->hists[index];
	uint32_t first = rqs_hists[index].count + RQS_DIST_QUANTILES, permilles[RQS_DIST_QUANTILES], i;
	double min_ns = merge->row[rqs_hists[index].count + RQS_DIST_MIN_NS];
	double max_ns = merge->row[rqs_hists[index].count + RQS_DIST_MAX_NS];
	bool known = !merge->lost[index] && hist->low != hist->high && !isnan(min_ns) && !isnan(max_ns);
	uint64_t values_ns[RQS_DIST_QUANTILES];

	for (i = 0; i < RQS_DIST_QUANTILES; i++)
		permilles[i] = rqs_columns[first + i].permille;
	if (known)
		rqs_hist_quantiles_ns(hist, permilles, RQS_DIST_QUANTILES, to_ns(min_ns), to_ns(max_ns), values_ns);
	for (i = 0; i < RQS_DIST_QUANTILES; i++)
		row[first + i] = known ? (double)values_ns[i] : NAN;
}

void rqs_merge_row(const struct rqs_merge *merge, double *ret_row)
{
	bool single = merge->windows - merge->gaps == 1;
	uint32_t i;

	for (i = 0; i < RQS_COLUMN_COUNT; i++) {
		ret_row[i] = merge->row[i];
		if (rqs_columns[i].rule == RQS_MERGE_MEAN)
			ret_row[i] = merge->weight_ns[i] > 0 ? merge->row[i] / merge->weight_ns[i] : NAN;
	}
	for (i = 0; i < RQS_HIST_COUNT && !single; i++)
		quantiles(merge, i, ret_row);
}
