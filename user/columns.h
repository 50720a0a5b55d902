/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * columns - the one table of all columns that are kept and shown: name, how windows merge, how it is stored.
 * docs/protocol.md lists the same names. Downstream: row.h, merge.h, history.h, frame.h, snapshot.h.
 * Pure.
 *
 * A row is `double row[RQS_COLUMN_COUNT]`; NAN is "not known" and becomes null.
 * A new metric is a line here and one that fills it in (row.c). A client role is a line in RQS_HISTS and one in
 * RQS_COLUMNS, with HTTP_CLIENT and "http.client", and one in row.c's table of roles. Histories share a budget
 * (history.h): each byte that a row grows by takes 30 KB from the buckets.
 */
#ifndef RQS_COLUMNS_H
#define RQS_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rqs_merge_rule {
	RQS_MERGE_SUM,
	RQS_MERGE_MIN,
	RQS_MERGE_MAX,
	RQS_MERGE_LAST,	    /* the last that is known */
	RQS_MERGE_MEAN,	    /* weighted by time */
	RQS_MERGE_QUANTILE, /* anew, from the added buckets of histogram .hist at .permille */
};

/* How a value is stored in the history's rings. Negative becomes 0, too large the largest there is. */
enum rqs_store {
	RQS_STORE_COUNT,  /* an integer below 1.09e12 */
	RQS_STORE_WIDE,	  /* an integer below 2^53: ns, bytes */
	RQS_STORE_SHARE,  /* six decimals, below 1.09e6 */
	RQS_STORE_BUCKET, /* a percentile: its bucket; exact, since it is a bucket's middle, minimum or maximum */
};

#define RQS_STORE_BYTES_COUNT 5
#define RQS_STORE_BYTES_WIDE 7
#define RQS_STORE_BYTES_SHARE 5
#define RQS_STORE_BYTES_BUCKET 2

/* X(ID, name, heat): histograms whose buckets are kept with each row; heat: shown as a heatmap too. */
#define RQS_HTTP_HISTS(X, ID, NAME)           \
	X(ID##_DURATION, NAME ".duration", true) \
	X(ID##_TTFB, NAME ".ttfb", false)        \
	X(ID##_QUEUE, NAME ".queue", false)

#define RQS_HISTS(X)                                 \
	RQS_HTTP_HISTS(X, HTTP_SERVER, "http.server") \
	X(RUNQUEUE_LATENCY, "runqueue.latency", true)

/* X(ID, name, rule, store, histogram, permille). Histogram: RQS_HIST_NONE but for RQS_DIST_COLUMNS. */
#define RQS_DIST_COLUMNS(X, ID, NAME)                                             \
	X(ID##_COUNT, NAME ".count", SUM, COUNT, RQS_HIST_##ID, 0)                \
	X(ID##_SUM_NS, NAME ".sum_ns", SUM, WIDE, RQS_HIST_##ID, 0)               \
	X(ID##_MIN_NS, NAME ".min_ns", MIN, WIDE, RQS_HIST_##ID, 0)               \
	X(ID##_MAX_NS, NAME ".max_ns", MAX, WIDE, RQS_HIST_##ID, 0)               \
	X(ID##_P50_NS, NAME ".p50_ns", QUANTILE, BUCKET, RQS_HIST_##ID, 500)      \
	X(ID##_P90_NS, NAME ".p90_ns", QUANTILE, BUCKET, RQS_HIST_##ID, 900)      \
	X(ID##_P99_NS, NAME ".p99_ns", QUANTILE, BUCKET, RQS_HIST_##ID, 990)      \
	X(ID##_P999_NS, NAME ".p999_ns", QUANTILE, BUCKET, RQS_HIST_##ID, 999)

#define RQS_HTTP_COLUMNS(X, ID, NAME)                                                       \
	X(ID##_REQUESTS, NAME ".requests", SUM, COUNT, RQS_HIST_NONE, 0)                    \
	X(ID##_RESPONSES, NAME ".responses", SUM, COUNT, RQS_HIST_NONE, 0)                  \
	X(ID##_UPGRADES, NAME ".upgrades", SUM, COUNT, RQS_HIST_NONE, 0)                    \
	X(ID##_ABORTED, NAME ".aborted", SUM, COUNT, RQS_HIST_NONE, 0)                      \
	X(ID##_UNTIMED, NAME ".untimed", SUM, COUNT, RQS_HIST_NONE, 0)                      \
	X(ID##_IN_FLIGHT, NAME ".in_flight", LAST, COUNT, RQS_HIST_NONE, 0)                 \
	X(ID##_STATUS_2XX, NAME ".status_2xx", SUM, COUNT, RQS_HIST_NONE, 0)                \
	X(ID##_STATUS_3XX, NAME ".status_3xx", SUM, COUNT, RQS_HIST_NONE, 0)                \
	X(ID##_STATUS_4XX, NAME ".status_4xx", SUM, COUNT, RQS_HIST_NONE, 0)                \
	X(ID##_STATUS_5XX, NAME ".status_5xx", SUM, COUNT, RQS_HIST_NONE, 0)                \
	X(ID##_STATUS_OTHER, NAME ".status_other", SUM, COUNT, RQS_HIST_NONE, 0)            \
	X(ID##_REQUEST_BYTES, NAME ".request_bytes", SUM, WIDE, RQS_HIST_NONE, 0)           \
	X(ID##_RESPONSE_BYTES, NAME ".response_bytes", SUM, WIDE, RQS_HIST_NONE, 0)         \
	RQS_DIST_COLUMNS(X, ID##_DURATION, NAME ".duration")                                \
	RQS_DIST_COLUMNS(X, ID##_TTFB, NAME ".ttfb")                                        \
	RQS_DIST_COLUMNS(X, ID##_QUEUE, NAME ".queue")                                      \
	X(ID##_SPLIT_COUNT, NAME ".split.count", SUM, COUNT, RQS_HIST_NONE, 0)              \
	X(ID##_SPLIT_QUEUED_NS, NAME ".split.queued_ns", SUM, WIDE, RQS_HIST_NONE, 0)       \
	X(ID##_SPLIT_CPU_WAIT_NS, NAME ".split.cpu_wait_ns", SUM, WIDE, RQS_HIST_NONE, 0)   \
	X(ID##_SPLIT_ON_CPU_NS, NAME ".split.on_cpu_ns", SUM, WIDE, RQS_HIST_NONE, 0)       \
	X(ID##_SPLIT_BLOCKED_NS, NAME ".split.blocked_ns", SUM, WIDE, RQS_HIST_NONE, 0)     \
	X(ID##_SPLIT_SHARED, NAME ".split.shared", SUM, COUNT, RQS_HIST_NONE, 0)            \
	X(ID##_SPLIT_UNKNOWN, NAME ".split.unknown", SUM, COUNT, RQS_HIST_NONE, 0)

#define RQS_COLUMNS(X)                                                                             \
	RQS_HTTP_COLUMNS(X, HTTP_SERVER, "http.server")                                            \
	X(RUNQUEUE_SWITCHES, "runqueue.switches", SUM, COUNT, RQS_HIST_NONE, 0)                    \
	RQS_DIST_COLUMNS(X, RUNQUEUE_LATENCY, "runqueue.latency")                                  \
	X(RUNQUEUE_LENGTH_NOW, "runqueue.length.now", LAST, COUNT, RQS_HIST_NONE, 0)               \
	X(RUNQUEUE_LENGTH_MAX, "runqueue.length.max", MAX, COUNT, RQS_HIST_NONE, 0)                \
	X(RUNQUEUE_LENGTH_MEAN, "runqueue.length.mean", MEAN, SHARE, RQS_HIST_NONE, 0)             \
	X(CPU_USER, "cpu.user", LAST, SHARE, RQS_HIST_NONE, 0)                                     \
	X(CPU_SYSTEM, "cpu.system", LAST, SHARE, RQS_HIST_NONE, 0)                                 \
	X(CPU_IOWAIT, "cpu.iowait", LAST, SHARE, RQS_HIST_NONE, 0)                                 \
	X(CPU_STEAL, "cpu.steal", LAST, SHARE, RQS_HIST_NONE, 0)                                   \
	X(CPU_IDLE, "cpu.idle", LAST, SHARE, RQS_HIST_NONE, 0)                                     \
	X(MEMORY_TOTAL_BYTES, "memory.total_bytes", LAST, WIDE, RQS_HIST_NONE, 0)                  \
	X(MEMORY_AVAILABLE_BYTES, "memory.available_bytes", LAST, WIDE, RQS_HIST_NONE, 0)          \
	X(MEMORY_USED_BYTES, "memory.used_bytes", LAST, WIDE, RQS_HIST_NONE, 0)                    \
	X(MEMORY_ANONYMOUS_BYTES, "memory.anonymous_bytes", LAST, WIDE, RQS_HIST_NONE, 0)          \
	X(MEMORY_CACHED_BYTES, "memory.cached_bytes", LAST, WIDE, RQS_HIST_NONE, 0)                \
	X(MEMORY_SWAP_TOTAL_BYTES, "memory.swap_total_bytes", LAST, WIDE, RQS_HIST_NONE, 0)        \
	X(MEMORY_SWAP_USED_BYTES, "memory.swap_used_bytes", LAST, WIDE, RQS_HIST_NONE, 0)          \
	X(PRESSURE_CPU_SOME, "pressure.cpu_some", LAST, SHARE, RQS_HIST_NONE, 0)                   \
	X(PRESSURE_MEMORY_SOME, "pressure.memory_some", LAST, SHARE, RQS_HIST_NONE, 0)             \
	X(PRESSURE_MEMORY_FULL, "pressure.memory_full", LAST, SHARE, RQS_HIST_NONE, 0)             \
	X(PRESSURE_IO_SOME, "pressure.io_some", LAST, SHARE, RQS_HIST_NONE, 0)                     \
	X(PRESSURE_IO_FULL, "pressure.io_full", LAST, SHARE, RQS_HIST_NONE, 0)                     \
	X(LOAD_1M, "load.1m", LAST, SHARE, RQS_HIST_NONE, 0)                                       \
	X(SELF_CPU_RATIO, "self.cpu_ratio", LAST, SHARE, RQS_HIST_NONE, 0)                         \
	X(SELF_RSS_BYTES, "self.rss_bytes", LAST, WIDE, RQS_HIST_NONE, 0)                          \
	X(SELF_TICK_LATE_NS, "self.tick_late_ns", MAX, WIDE, RQS_HIST_NONE, 0)

#define RQS_HIST_ENUM(ID, ...) RQS_HIST_##ID,
enum rqs_hist_id { RQS_HISTS(RQS_HIST_ENUM) RQS_HIST_COUNT, RQS_HIST_NONE = RQS_HIST_COUNT };
#undef RQS_HIST_ENUM

#define RQS_COLUMN_ENUM(ID, ...) RQS_COLUMN_##ID,
enum rqs_column { RQS_COLUMNS(RQS_COLUMN_ENUM) RQS_COLUMN_COUNT };
#undef RQS_COLUMN_ENUM

struct rqs_column_spec {
	const char *name;
	enum rqs_merge_rule rule;
	enum rqs_store store;
	enum rqs_hist_id hist;
	uint16_t permille;
	uint16_t offset; /* in a packed row */
};

struct rqs_hist_spec {
	const char *name;
	bool heat;
	enum rqs_column count; /* the columns of a histogram follow each other as in RQS_DIST_COLUMNS */
};

/* A service has the columns of its role, whichever that is, and is kept in those of http.server. */
#define RQS_SERVICE_COLUMN_FIRST RQS_COLUMN_HTTP_SERVER_REQUESTS
#define RQS_SERVICE_COLUMN_LAST RQS_COLUMN_HTTP_SERVER_SPLIT_UNKNOWN
#define RQS_SERVICE_COLUMNS (RQS_SERVICE_COLUMN_LAST - RQS_SERVICE_COLUMN_FIRST + 1)

static inline bool rqs_is_service_column(uint32_t column)
{
	return column - RQS_SERVICE_COLUMN_FIRST < RQS_SERVICE_COLUMNS;
}

/* A column's or a histogram's name as that of a service: this in place of "http.server". */
#define RQS_SERVICE_PREFIX "service"

/** rqs_service_suffix() - the rest of such a name, from its dot. @name: of one of http.server. */
static inline const char *rqs_service_suffix(const char *name)
{
	return name + sizeof("http.server") - 1;
}

extern const struct rqs_column_spec rqs_columns[RQS_COLUMN_COUNT];
extern const struct rqs_hist_spec rqs_hists[RQS_HIST_COUNT];

/* From a histogram's first column to the others. */
#define RQS_DIST_SUM_NS 1
#define RQS_DIST_MIN_NS 2
#define RQS_DIST_MAX_NS 3
#define RQS_DIST_QUANTILES 4 /* the first of as many */

/* A row as it lies in a ring: all bytes are values, no padding. */
#define RQS_PACKED_MEMBER(ID, NAME, RULE, STORE, ...) uint8_t ID[RQS_STORE_BYTES_##STORE];
struct rqs_packed_row {
	RQS_COLUMNS(RQS_PACKED_MEMBER)
};
#undef RQS_PACKED_MEMBER

/** rqs_column_stored() - one value as it is stored; all ones of its width where it is NAN. */
uint64_t rqs_column_stored(uint32_t column, double value);

/** rqs_column_value() - the value again. @row: for a percentile, its minimum and maximum are read from there. */
double rqs_column_value(uint32_t column, uint64_t stored, const double *row);

/** rqs_row_pack() - store a row. */
void rqs_row_pack(const double *row, struct rqs_packed_row *ret_packed);

/** rqs_row_unpack() - the row again: equal but for six decimals (RQS_STORE_SHARE) and the limits of storage. */
void rqs_row_unpack(const struct rqs_packed_row *packed, double *ret_row);

/** rqs_row_knows() - whether one value of a stored row is not NAN. */
bool rqs_row_knows(const struct rqs_packed_row *packed, uint32_t column);

/* Heatmaps: 4 rows an octave from 1.024 us to 68.7 s, row 0 below, the last one above. */
#define RQS_HEAT_PER_ROW 8 /* buckets of a row */
#define RQS_HEAT_ROWS 106

/** rqs_heat_row() - the row that a bucket belongs to. */
uint32_t rqs_heat_row(uint32_t bucket);

/** rqs_heat_low_ns() - the lower end of a row. */
uint64_t rqs_heat_low_ns(uint32_t row);

#endif
