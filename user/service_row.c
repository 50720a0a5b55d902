// SPDX-License-Identifier: GPL-2.0-only
#include "service_row.h"

#include <math.h>

#include "varint.h"

/* Has no value where there were no requests. */
static bool may_be_null(uint32_t column)
{
	enum rqs_merge_rule rule = rqs_columns[column].rule;

	return rule == RQS_MERGE_MIN || rule == RQS_MERGE_MAX || rule == RQS_MERGE_QUANTILE;
}

static uint64_t number_of(const double *row, uint32_t column)
{
	if (isnan(row[column]))
		return 0;
	return rqs_column_stored(column, row[column]) + may_be_null(column);
}

size_t rqs_service_row_pack(const double *row, uint8_t *dst)
{
	uint32_t column, expected = RQS_SERVICE_COLUMN_FIRST;
	uint8_t *at = dst;

	for (column = RQS_SERVICE_COLUMN_FIRST; column <= RQS_SERVICE_COLUMN_LAST; column++) {
		uint64_t number = number_of(row, column);

		if (!number)
			continue;
		at = rqs_varint_put(at, number << 1 | (column != expected));
		if (column != expected)
			at = rqs_varint_put(at, column - expected);
		expected = column + 1;
	}
	if (at == dst)
		return 0;
	*at++ = 0;
	return (size_t)(at - dst);
}

void rqs_service_row_clear(double *ret_row)
{
	uint32_t column;

	for (column = 0; column < RQS_COLUMN_COUNT; column++)
		ret_row[column] = rqs_is_service_column(column) && !may_be_null(column) ? 0 : NAN;
}

size_t rqs_service_row_unpack(const uint8_t *src, size_t bytes, double *ret_row)
{
	const uint8_t *at = src, *end = src + bytes;
	uint64_t column = RQS_SERVICE_COLUMN_FIRST, number, left_out;

	rqs_service_row_clear(ret_row);
	for (;;) {
		at = rqs_varint_get(at, end, &number);
		if (!at)
			return 0;
		if (!number)
			return (size_t)(at - src);
		if (number & 1) {
			at = rqs_varint_get(at, end, &left_out);
			if (!at || left_out > RQS_SERVICE_COLUMNS)
				return 0;
			column += left_out;
		}
		if (column > RQS_SERVICE_COLUMN_LAST || number >> 1 < may_be_null((uint32_t)column))
			return 0;
		ret_row[column] = rqs_column_value((uint32_t)column, (number >> 1) - may_be_null((uint32_t)column), ret_row);
		column++;
	}
}

void rqs_service_row_forget(double *row, bool in_flight)
{
	uint32_t column;

	for (column = RQS_SERVICE_COLUMN_FIRST; column <= RQS_SERVICE_COLUMN_LAST; column++)
		if (in_flight || column != RQS_COLUMN_HTTP_SERVER_IN_FLIGHT)
			row[column] = NAN;
}
