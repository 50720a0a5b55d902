// SPDX-License-Identifier: GPL-2.0-only
#include "columns.h"

#include <math.h>

#include "buckets.h"

#define COLUMN_SPEC(ID, NAME, RULE, STORE, HIST, PERMILLE)                                          \
	[RQS_COLUMN_##ID] = { NAME, RQS_MERGE_##RULE, RQS_STORE_##STORE, HIST, PERMILLE, \
			      offsetof(struct rqs_packed_row, ID) },
const struct rqs_column_spec rqs_columns[RQS_COLUMN_COUNT] = { RQS_COLUMNS(COLUMN_SPEC) };

#define HIST_SPEC(ID, NAME, HEAT) [RQS_HIST_##ID] = { NAME, HEAT, RQS_COLUMN_##ID##_COUNT },
const struct rqs_hist_spec rqs_hists[RQS_HIST_COUNT] = { RQS_HISTS(HIST_SPEC) };

_Static_assert(RQS_COLUMN_RUNQUEUE_LATENCY_MAX_NS == RQS_COLUMN_RUNQUEUE_LATENCY_COUNT + RQS_DIST_MAX_NS,
	       "order of a histogram's columns");
_Static_assert(RQS_COLUMN_RUNQUEUE_LATENCY_P999_NS == RQS_COLUMN_RUNQUEUE_LATENCY_COUNT + 2 * RQS_DIST_QUANTILES - 1,
	       "four percentiles end them");
_Static_assert((RQS_HEAT_ROWS - 2) * RQS_HEAT_PER_ROW == RQS_BUCKET_COUNT - 2, "rows cover all buckets");

static const uint8_t store_bytes[] = {
	[RQS_STORE_COUNT] = RQS_STORE_BYTES_COUNT,
	[RQS_STORE_WIDE] = RQS_STORE_BYTES_WIDE,
	[RQS_STORE_SHARE] = RQS_STORE_BYTES_SHARE,
	[RQS_STORE_BUCKET] = RQS_STORE_BYTES_BUCKET,
};

#define SHARE_SCALE 1e6

static uint64_t null_of(enum rqs_store store)
{
	return (1ULL << 8 * store_bytes[store]) - 1;
}

uint64_t rqs_column_stored(uint32_t column, double value)
{
	enum rqs_store store = rqs_columns[column].store;
	uint64_t null = null_of(store);

	if (isnan(value))
		return null;
	if (value < 0)
		value = 0;
	if (store == RQS_STORE_BUCKET)
		return value < 0x1p63 ? rqs_bucket_index((uint64_t)value) : RQS_BUCKET_COUNT - 1;
	if (store == RQS_STORE_SHARE)
		value *= SHARE_SCALE;
	value = round(value);
	return value < (double)null ? (uint64_t)value : null - 1;
}

void rqs_row_pack(const double *row, struct rqs_packed_row *ret_packed)
{
	uint32_t column, i;

	for (column = 0; column < RQS_COLUMN_COUNT; column++) {
		const struct rqs_column_spec *spec = &rqs_columns[column];
		uint64_t stored = rqs_column_stored(column, row[column]);
		uint8_t *at = (uint8_t *)ret_packed + spec->offset;

		for (i = 0; i < store_bytes[spec->store]; i++)
			at[i] = (uint8_t)(stored >> 8 * i);
	}
}

/* A percentile from its bucket. */
static double from_bucket(uint32_t bucket, const struct rqs_column_spec *spec, const double *row)
{
	enum rqs_column count = rqs_hists[spec->hist].count;
	double value = (double)rqs_bucket_mid(bucket);

	return fmin(fmax(value, row[count + RQS_DIST_MIN_NS]), row[count + RQS_DIST_MAX_NS]);
}

double rqs_column_value(uint32_t column, uint64_t stored, const double *row)
{
	const struct rqs_column_spec *spec = &rqs_columns[column];

	if (stored == null_of(spec->store))
		return NAN;
	if (spec->store == RQS_STORE_BUCKET)
		return from_bucket((uint32_t)stored, spec, row);
	return spec->store == RQS_STORE_SHARE ? (double)stored / SHARE_SCALE : (double)stored;
}

static uint64_t read_stored(const struct rqs_packed_row *packed, uint32_t column)
{
	const struct rqs_column_spec *spec = &rqs_columns[column];
	const uint8_t *at = (const uint8_t *)packed + spec->offset;
	uint64_t stored = 0;
	uint32_t i;

	for (i = 0; i < store_bytes[spec->store]; i++)
		stored |= (uint64_t)at[i] << 8 * i;
	return stored;
}

bool rqs_row_knows(const struct rqs_packed_row *packed, uint32_t column)
{
	return read_stored(packed, column) != null_of(rqs_columns[column].store);
}

void rqs_row_unpack(const struct rqs_packed_row *packed, double *ret_row)
{
	uint32_t column;

	for (column = 0; column < RQS_COLUMN_COUNT; column++)
		ret_row[column] = rqs_column_value(column, read_stored(packed, column), ret_row);
}

uint32_t rqs_heat_row(uint32_t bucket)
{
	if (bucket == 0)
		return 0;
	if (bucket >= RQS_BUCKET_COUNT - 1)
		return RQS_HEAT_ROWS - 1;
	return 1 + (bucket - 1) / RQS_HEAT_PER_ROW;
}

uint64_t rqs_heat_low_ns(uint32_t row)
{
	if (row == 0)
		return 0;
	return rqs_bucket_low(1 + (row - 1) * RQS_HEAT_PER_ROW);
}
