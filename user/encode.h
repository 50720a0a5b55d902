/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * encode - the parts that the protocol's messages and the snapshot have in common.
 * Upstream: model_state.h, json.h. Downstream: frame*.c, snapshot.c. Pure.
 */
#ifndef RQS_ENCODE_H
#define RQS_ENCODE_H

#include "frame.h"
#include "json.h"
#include "model_state.h"

/* A key and its value, for what comes often. */
void rqs_encode_uint(struct rqs_json *json, const char *key, uint64_t value);
void rqs_encode_uint_or_null(struct rqs_json *json, const char *key, bool known, uint64_t value);
void rqs_encode_number(struct rqs_json *json, const char *key, double value);
void rqs_encode_string(struct rqs_json *json, const char *key, const char *value);

/** rqs_encode_dist() - {"count", "sum_ns", "min_ns", ...}. @lost: its buckets are incomplete: no percentiles. */
void rqs_encode_dist(struct rqs_json *json, const struct rqs_hist *hist, bool lost);

void rqs_encode_split(struct rqs_json *json, const struct rqs_split *split);

/** rqs_encode_status() - {"200": 3, ...}; codes that did not come are left out. */
void rqs_encode_status(struct rqs_json *json, const struct rqs_totals *totals);

/** rqs_encode_books() - members "requests" to "untimed", into the object that is open. */
void rqs_encode_books(struct rqs_json *json, const struct rqs_books *books, int64_t in_flight);

/** rqs_encode_service_head() - members "name" to "pids", into the object that is open. */
void rqs_encode_service_head(struct rqs_json *json, const struct rqs_model *model, const struct rqs_service *service);

/**
 * rqs_encode_service_now() - members "slot", "active", "recent", "spark" and "spark_p99_ns" of the last seconds, into
 * the object that is open. @scratch: overwritten; large, so that callers with many services keep one.
 */
void rqs_encode_service_now(struct rqs_json *json, const struct rqs_model *model, const struct rqs_service *service,
			    struct rqs_recent *scratch);

/** rqs_encode_host() - {"name", "kernel", "arch", "cpus"}. */
void rqs_encode_host(struct rqs_json *json, const struct rqs_model *model);

/** rqs_encode_cpus() - the run queue of each CPU in the last whole second: [{"length", "length_max", ...}]. */
void rqs_encode_cpus(struct rqs_json *json, const struct rqs_model *model);

/** rqs_encode_waiting() - which tasks waited longest for a CPU in the last second. */
void rqs_encode_waiting(struct rqs_json *json, const struct rqs_model *model);

/** rqs_encode_event_service() - members "role", "container" and "slot" of whose an event is; null where it is nobody's, "slot" also once another service has it. */
void rqs_encode_event_service(struct rqs_json *json, const struct rqs_model *model, const struct rqs_event *event);

/** rqs_encode_pid() - the process of an event, or null. */
void rqs_encode_pid(struct rqs_json *json, const struct rqs_event *event);

/** rqs_encode_event_counts() - {"slow_request": 3, ...}, all kinds. */
void rqs_encode_event_counts(struct rqs_json *json, const struct rqs_model *model);

/** rqs_encode_event_details() - members "duration_ns", "status" and "split" as far as they apply. */
void rqs_encode_event_details(struct rqs_json *json, const struct rqs_event *event);

/** rqs_encode_coverage() - {"probes", "lost", "connections"}. */
void rqs_encode_coverage(struct rqs_json *json, const struct rqs_model *model);

/** rqs_encode_connections() - {"tls", "http2", "other"}. */
void rqs_encode_connections(struct rqs_json *json, const struct rqs_model *model);

void rqs_encode_self(struct rqs_json *json, const struct rqs_model *model);

/** rqs_encode_finish() - the text; { NULL, 0 } with errno ENOMEM when memory ran out anywhere. */
struct rqs_text rqs_encode_finish(struct rqs_json *json);

/** rqs_encode_heat_lows() - member "lows_ns": the lower end of each row of the heatmaps. */
void rqs_encode_heat_lows(struct rqs_json *json);

/* Windows as columns; "t", "span_ms", "seq", "columns" and "heat" go into the object that is open. */
struct rqs_encode_windows {
	bool heat;
	bool heat_lows; /* with .heat: "lows_ns" in it */
	uint32_t count;
	uint64_t span_ns;  /* sum */
	uint64_t start_real_ns; /* of the first */
};

/**
 * rqs_encode_windows() - the windows of a range. Of a service all names begin with "service" in place of "http.server".
 * @what: .heat and .heat_lows are input, the rest is set. Return: 0, or -ENOMEM (the text then failed too).
 */
int rqs_encode_windows(struct rqs_json *json, const struct rqs_history *history, struct rqs_range range,
		       struct rqs_encode_windows *what);

#endif
