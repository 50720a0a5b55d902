// SPDX-License-Identifier: GPL-2.0-only
#include "encode.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Rows come one by one, columns are written one by one: all rows are gathered first, heat is written on the way. */
struct gathered {
	uint32_t count;
	uint32_t room;
	double (*rows)[RQS_COLUMN_COUNT];
	uint64_t *seq;
	uint64_t *end_real_ns;
	uint64_t *span_ns;
	struct rqs_merge merge;
	struct rqs_json heat[RQS_HIST_COUNT];
};

static void gathered_free(struct gathered *all)
{
	uint32_t i;

	if (!all)
		return;
	for (i = 0; i < RQS_HIST_COUNT; i++)
		rqs_json_free(&all->heat[i]);
	free(all->rows);
	free(all->seq);
	free(all->end_real_ns);
	free(all->span_ns);
	free(all);
}

static struct gathered *gathered_new(uint32_t room)
{
	struct gathered *all = calloc(1, sizeof(*all));
	size_t entries = (size_t)room + 1;

	if (!all)
		return NULL;
	all->room = room;
	all->rows = malloc(entries * sizeof(*all->rows));
	all->seq = malloc(entries * sizeof(*all->seq));
	all->end_real_ns = malloc(entries * sizeof(*all->end_real_ns));
	all->span_ns = malloc(entries * sizeof(*all->span_ns));
	if (!all->rows || !all->seq || !all->end_real_ns || !all->span_ns) {
		gathered_free(all);
		return NULL;
	}
	rqs_merge_init(&all->merge);
	return all;
}

/* One window of a heatmap: pairs of row and count. Nothing where buckets are lost: part of them would be wrong. */
static void encode_heat(struct rqs_json *json, const struct rqs_hist *hist, bool lost)
{
	uint64_t count = 0;
	uint32_t i;

	rqs_json_array(json);
	for (i = hist->low; i < hist->high && !lost; i++) {
		count += hist->buckets[i];
		if (!count || (i + 1 < hist->high && rqs_heat_row(i + 1) == rqs_heat_row(i)))
			continue;
		rqs_json_uint(json, rqs_heat_row(i));
		rqs_json_uint(json, count);
		count = 0;
	}
	rqs_json_array_end(json);
}

static void gather(struct gathered *all, const struct rqs_history *history, struct rqs_range *range, bool heat)
{
	struct rqs_merge *merge = &all->merge;
	uint32_t i;

	for (i = 0; i < RQS_HIST_COUNT; i++)
		rqs_json_array(&all->heat[i]);
	while (all->count < all->room && rqs_history_next(history, range, merge)) {
		rqs_merge_row(merge, all->rows[all->count]);
		all->seq[all->count] = merge->seq;
		all->end_real_ns[all->count] = merge->end_real_ns;
		all->span_ns[all->count] = rqs_merge_span_ns(merge);
		for (i = 0; i < RQS_HIST_COUNT && heat; i++)
			if (rqs_hists[i].heat)
				encode_heat(&all->heat[i], &merge->hists[i], merge->lost[i]);
		all->count++;
	}
	for (i = 0; i < RQS_HIST_COUNT; i++)
		rqs_json_array_end(&all->heat[i]);
}

static bool is_known(const struct gathered *all, uint32_t column)
{
	uint32_t i;

	for (i = 0; i < all->count; i++)
		if (!isnan(all->rows[i][column]))
			return true;
	return false;
}

/* @name: as a column or a histogram of the host has it. */
static void encode_key(struct rqs_json *json, const char *name, bool service)
{
	char key[64];

	if (!service) {
		rqs_json_key(json, name);
		return;
	}
	snprintf(key, sizeof(key), "%s%s", RQS_SERVICE_PREFIX, rqs_service_suffix(name));
	rqs_json_key(json, key);
}

static void encode_columns(struct rqs_json *json, const struct gathered *all, bool service)
{
	uint32_t column, i;

	rqs_json_key(json, "columns");
	rqs_json_object(json);
	for (column = 0; column < RQS_COLUMN_COUNT; column++) {
		if (!is_known(all, column))
			continue;
		encode_key(json, rqs_columns[column].name, service);
		rqs_json_array(json);
		for (i = 0; i < all->count; i++)
			rqs_json_number(json, all->rows[i][column]);
		rqs_json_array_end(json);
	}
	rqs_json_object_end(json);
}

static void encode_axis(struct rqs_json *json, const struct gathered *all)
{
	uint32_t i;

	rqs_json_key(json, "seq");
	rqs_json_array(json);
	for (i = 0; i < all->count; i++)
		rqs_json_uint(json, all->seq[i]);
	rqs_json_array_end(json);
	rqs_json_key(json, "t");
	rqs_json_array(json);
	for (i = 0; i < all->count; i++)
		rqs_json_ms(json, all->end_real_ns[i]);
	rqs_json_array_end(json);
	rqs_json_key(json, "span_ms");
	rqs_json_array(json);
	for (i = 0; i < all->count; i++)
		rqs_json_ms(json, all->span_ns[i]);
	rqs_json_array_end(json);
}

void rqs_encode_heat_lows(struct rqs_json *json)
{
	uint32_t i;

	rqs_json_key(json, "lows_ns");
	rqs_json_array(json);
	for (i = 0; i < RQS_HEAT_ROWS; i++)
		rqs_json_uint(json, rqs_heat_low_ns(i));
	rqs_json_array_end(json);
}

int rqs_encode_windows(struct rqs_json *json, const struct rqs_history *history, struct rqs_range range,
		       struct rqs_encode_windows *what)
{
	struct gathered *all = gathered_new(range.count);
	uint32_t i;

	if (!all) {
		json->failed = true;
		return -ENOMEM;
	}
	gather(all, history, &range, what->heat);
	encode_axis(json, all);
	encode_columns(json, all, range.service);
	if (what->heat) {
		rqs_json_key(json, "heat");
		rqs_json_object(json);
		if (what->heat_lows)
			rqs_encode_heat_lows(json);
		for (i = 0; i < RQS_HIST_COUNT; i++) {
			if (!rqs_hists[i].heat || !is_known(all, rqs_hists[i].count))
				continue;
			encode_key(json, rqs_hists[i].name, range.service);
			rqs_json_splice(json, &all->heat[i]);
		}
		rqs_json_object_end(json);
	}
	what->count = all->count;
	what->start_real_ns = all->count ? all->end_real_ns[0] - all->span_ns[0] : 0;
	what->span_ns = 0;
	for (i = 0; i < all->count; i++)
		what->span_ns += all->span_ns[i];
	gathered_free(all);
	return json->failed ? -ENOMEM : 0;
}
