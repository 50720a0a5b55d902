/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * service_row - the columns of one service in one window, in few bytes: 60 to 120 for one that is busy, 3 for one that only has
 * something open, none for one that has nothing at all.
 * Upstream: columns.h, varint.h. Downstream: service_log.h, history.h. Pure.
 *
 * One number a column that isn't 0: its stored value shifted up by one; the lowest bit says that a second number follows, which
 * tells how many columns lie before it that are left out. A 0 ends it. Minimum, maximum and percentiles, which may be not
 * known, are stored as one more than they are.
 */
#ifndef RQS_SERVICE_ROW_H
#define RQS_SERVICE_ROW_H

#include "columns.h"

/* The most that is ever written: a value below 2^57 in 9 bytes and a gap in 1 for each column, the end. */
#define RQS_SERVICE_ROW_MAX (RQS_SERVICE_COLUMNS * 10 + 1)

/**
 * rqs_service_row_pack() - store a row's columns of http.server.
 * @dst: room for RQS_SERVICE_ROW_MAX bytes. Return: bytes written; 0 where nothing but zeros was to be told.
 */
size_t rqs_service_row_pack(const double *row, uint8_t *dst);

/** rqs_service_row_clear() - the row of a service that had nothing; the columns of others are NAN. */
void rqs_service_row_clear(double *ret_row);

/**
 * rqs_service_row_unpack() - the row again; the columns of others are NAN.
 * Return: bytes read; 0 when they don't end within @bytes or name a column that there isn't, @ret_row has what was read.
 */
size_t rqs_service_row_unpack(const uint8_t *src, size_t bytes, double *ret_row);

/**
 * rqs_service_row_forget() - what can't be told of a window becomes NAN.
 * @in_flight: this too, not only what is counted.
 */
void rqs_service_row_forget(double *row, bool in_flight);

#endif
