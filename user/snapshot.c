// SPDX-License-Identifier: GPL-2.0-only
#include "snapshot.h"

#include <math.h>
#include <stdlib.h>

#include "encode.h"
#include "encode_routes.h"

#define SECOND_NS 1000000000ULL
#define HISTORY_SPAN_NS (60 * SECOND_NS)

/*
 * Longer ranges, coarser as they reach further back, at what the history keeps: merging takes most of the time. Those
 * that only repeat what a shorter one has are left out.
 */
static const struct {
	uint64_t span_ns;
	uint32_t points;
} ranges[] = { { 600 * SECOND_NS, 600 }, { 3600 * SECOND_NS, 360 }, { RQS_HISTORY_SPAN_NS, 360 } };

#define LATEST_SPAN_NS (5 * SECOND_NS)

static void encode_totals(struct rqs_json *json, const struct rqs_totals *totals)
{
	static const char *const metrics[RQS_METRIC_COUNT] = { "duration", "ttfb", "queue" };
	uint32_t i;

	rqs_json_key(json, "status");
	rqs_encode_status(json, totals);
	rqs_encode_uint(json, "request_bytes", totals->books.request_bytes);
	rqs_encode_uint(json, "response_bytes", totals->books.response_bytes);
	for (i = 0; i < RQS_METRIC_COUNT; i++) {
		rqs_json_key(json, metrics[i]);
		rqs_encode_dist(json, &totals->hists[i], false);
	}
	rqs_json_key(json, "split");
	rqs_encode_split(json, &totals->split);
}

static void encode_role(struct rqs_json *json, const struct rqs_model *model, enum rqs_role role, const char *key)
{
	const struct rqs_totals *totals = &model->roles[role];

	rqs_json_key(json, key);
	rqs_json_object(json);
	rqs_encode_books(json, &totals->books, totals->books.in_flight);
	encode_totals(json, totals);
	rqs_json_object_end(json);
}

static void encode_runqueue(struct rqs_json *json, const struct rqs_model *model)
{
	rqs_json_key(json, "runqueue");
	rqs_json_object(json);
	rqs_encode_uint(json, "switches", model->switches);
	rqs_json_key(json, "latency");
	rqs_encode_dist(json, &model->runqueue, false);
	rqs_json_key(json, "length");
	rqs_json_object(json);
	rqs_encode_uint(json, "now", model->length_now);
	rqs_encode_number(json, "mean",
			  model->length_span_ns > 0 ? model->length_weighted_ns / model->length_span_ns : NAN);
	rqs_encode_uint(json, "max", model->length_max);
	rqs_json_object_end(json);
	rqs_json_key(json, "cpus");
	rqs_encode_cpus(json, model);
	rqs_json_key(json, "waiting");
	rqs_encode_waiting(json, model);
	rqs_json_object_end(json);
}

/* What the kernel doesn't tell has no key. */
static void share(struct rqs_json *json, const char *key, double value)
{
	if (!isnan(value))
		rqs_encode_number(json, key, value);
}

static void bytes(struct rqs_json *json, const char *key, uint64_t value)
{
	if (value != UINT64_MAX)
		rqs_encode_uint(json, key, value);
}

static void encode_vitals(struct rqs_json *json, const struct rqs_vitals *vitals)
{
	uint64_t total_bytes = vitals->memory_total_bytes, available_bytes = vitals->memory_available_bytes;
	bool known = total_bytes != UINT64_MAX && available_bytes <= total_bytes;

	rqs_json_key(json, "cpu");
	rqs_json_object(json);
	share(json, "user", vitals->cpu_user);
	share(json, "system", vitals->cpu_system);
	share(json, "iowait", vitals->cpu_iowait);
	share(json, "steal", vitals->cpu_steal);
	share(json, "idle", vitals->cpu_idle);
	rqs_json_object_end(json);
	rqs_json_key(json, "memory");
	rqs_json_object(json);
	bytes(json, "total_bytes", total_bytes);
	bytes(json, "available_bytes", available_bytes);
	bytes(json, "used_bytes", known ? total_bytes - available_bytes : UINT64_MAX);
	bytes(json, "anonymous_bytes", vitals->memory_anonymous_bytes);
	bytes(json, "cached_bytes", vitals->memory_cached_bytes);
	bytes(json, "swap_total_bytes", vitals->swap_total_bytes);
	bytes(json, "swap_used_bytes", vitals->swap_used_bytes);
	rqs_json_object_end(json);
	rqs_json_key(json, "pressure");
	rqs_json_object(json);
	share(json, "cpu_some", vitals->pressure_cpu_some);
	share(json, "memory_some", vitals->pressure_memory_some);
	share(json, "memory_full", vitals->pressure_memory_full);
	share(json, "io_some", vitals->pressure_io_some);
	share(json, "io_full", vitals->pressure_io_full);
	rqs_json_object_end(json);
	rqs_json_key(json, "load");
	rqs_json_object(json);
	share(json, "1m", vitals->load_1m);
	rqs_json_object_end(json);
}

static void encode_all_totals(struct rqs_json *json, const struct rqs_model *model)
{
	rqs_json_object(json);
	rqs_json_key(json, "http");
	rqs_json_object(json);
	if (rqs_model_measured(model, "http") || model->role_seen[RQS_ROLE_SERVER])
		encode_role(json, model, RQS_ROLE_SERVER, "server");
	if (model->role_seen[RQS_ROLE_CLIENT])
		encode_role(json, model, RQS_ROLE_CLIENT, "client");
	rqs_json_object_end(json);
	if (rqs_model_measured(model, "sched"))
		encode_runqueue(json, model);
	if (model->has_vitals)
		encode_vitals(json, &model->vitals);
	rqs_json_object_end(json);
}

static void encode_services(struct rqs_json *json, const struct rqs_model *model)
{
	const struct rqs_service *order[RQS_SLOT_MAX];
	struct rqs_recent *scratch = malloc(sizeof(*scratch));
	uint32_t i;

	json->failed |= !scratch;
	rqs_services_order(&model->services, order);
	rqs_json_array(json);
	for (i = 0; i < model->services.count && scratch; i++) {
		rqs_json_object(json);
		rqs_encode_service_head(json, model, order[i]);
		rqs_encode_books(json, &order[i]->totals.books, rqs_services_in_flight(&model->services, order[i]));
		rqs_encode_uint(json, "errors", rqs_totals_errors(&order[i]->totals));
		encode_totals(json, &order[i]->totals);
		rqs_encode_service_now(json, model, order[i], scratch);
		if (rqs_model_measured(model, "routes")) { /* of this name there is only a part that was left out */
			rqs_json_key(json, "routes");
			rqs_encode_routes(json, model, order[i], true);
		}
		rqs_json_object_end(json);
	}
	rqs_json_array_end(json);
	free(scratch);
}

static void encode_range(struct rqs_json *json, const struct rqs_model *model, struct rqs_range range,
			 uint64_t resolution_ns)
{
	struct rqs_encode_windows what = { .heat = true };

	rqs_json_object(json);
	rqs_json_key(json, "resolution_ms");
	rqs_json_ms(json, resolution_ns);
	rqs_encode_windows(json, model->history, range, &what);
	rqs_json_object_end(json);
}

/* The first is the last seconds as one window. */
static void encode_ranges(struct rqs_json *json, const struct rqs_model *model)
{
	uint64_t uptime_ns = model->end_ns - model->host.attached_ns, known_ns = HISTORY_SPAN_NS;
	uint64_t ticks = LATEST_SPAN_NS / rqs_history_resolution_ns(model->history, false);
	struct rqs_range range;
	uint64_t from_ns;
	uint32_t i;

	rqs_json_array(json);
	rqs_history_since(model->history, model->seq > ticks ? model->seq - ticks : 0, model->seq, true, &range);
	encode_range(json, model, range, LATEST_SPAN_NS);
	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]) && uptime_ns > known_ns; i++) {
		/* A host without a clock of its own starts in 1970. */
		from_ns = model->end_real_ns > ranges[i].span_ns ? model->end_real_ns - ranges[i].span_ns : 0;
		rqs_history_range(model->history, from_ns, model->end_real_ns, ranges[i].points, &range);
		encode_range(json, model, range, range.resolution_ns);
		known_ns = ranges[i].span_ns;
	}
	rqs_json_array_end(json);
}

static void encode_history(struct rqs_json *json, const struct rqs_model *model)
{
	uint64_t tick_ns = rqs_history_resolution_ns(model->history, false), wanted = HISTORY_SPAN_NS / tick_ns;
	struct rqs_encode_windows what = { .heat = true, .heat_lows = true };
	struct rqs_range range;

	rqs_history_since(model->history, model->seq > wanted ? model->seq - wanted : 0, model->seq, false, &range);
	rqs_json_object(json);
	rqs_json_key(json, "tick_ms");
	rqs_json_ms(json, tick_ns);
	rqs_encode_windows(json, model->history, range, &what);
	rqs_json_key(json, "start");
	rqs_json_time(json, what.count ? what.start_real_ns : model->host.attached_real_ns);
	rqs_encode_uint(json, "windows", what.count);
	rqs_encode_uint(json, "span_ns", what.span_ns);
	rqs_json_key(json, "ranges");
	encode_ranges(json, model);
	rqs_json_object_end(json);
}

static void encode_event(struct rqs_json *json, const struct rqs_model *model, const struct rqs_event *event)
{
	rqs_json_object(json);
	rqs_json_key(json, "at");
	rqs_json_time(json, event->real_ns);
	rqs_encode_string(json, "level", rqs_event_level(event->kind));
	rqs_encode_string(json, "kind", rqs_event_kind_name(event->kind));
	rqs_encode_string(json, "service", *event->service ? event->service : NULL);
	rqs_json_key(json, "port");
	if (event->port)
		rqs_json_uint(json, event->port);
	else
		rqs_json_null(json);
	rqs_encode_string(json, "path", *event->path ? event->path : NULL);
	rqs_encode_event_service(json, model, event);
	rqs_json_key(json, "pid");
	rqs_encode_pid(json, event);
	rqs_encode_string(json, "text", event->text);
	rqs_encode_event_details(json, event);
	rqs_json_object_end(json);
}

static void encode_events(struct rqs_json *json, const struct rqs_model *model)
{
	const struct rqs_eventlog *log = &model->events;
	uint64_t seq;

	rqs_json_object(json);
	rqs_json_key(json, "counts");
	rqs_encode_event_counts(json, model);
	rqs_encode_uint(json, "held_back", model->losses.events);
	rqs_json_key(json, "recent");
	rqs_json_array(json);
	for (seq = rqs_eventlog_oldest(log); seq <= log->newest; seq++)
		encode_event(json, model, rqs_eventlog_get(log, seq));
	rqs_json_array_end(json);
	rqs_json_object_end(json);
}

struct rqs_text rqs_snapshot_encode(const struct rqs_model *model)
{
	struct rqs_json json = { 0 };

	rqs_json_object(&json);
	rqs_encode_string(&json, "schema", "rqscope/snapshot/1");
	rqs_json_key(&json, "tool");
	rqs_json_object(&json);
	rqs_encode_string(&json, "name", "rqscope");
	rqs_encode_string(&json, "version", model->host.version);
	rqs_json_object_end(&json);
	rqs_json_key(&json, "host");
	rqs_encode_host(&json, model);
	rqs_json_key(&json, "taken_at");
	rqs_json_time(&json, model->end_real_ns);
	rqs_encode_uint(&json, "uptime_ns", model->end_ns - model->host.attached_ns);
	rqs_json_key(&json, "slow_ms");
	rqs_json_ms(&json, model->host.slow_ns);
	rqs_json_key(&json, "totals");
	encode_all_totals(&json, model);
	rqs_json_key(&json, "services");
	encode_services(&json, model);
	rqs_json_key(&json, "history");
	encode_history(&json, model);
	rqs_json_key(&json, "events");
	encode_events(&json, model);
	rqs_json_key(&json, "coverage");
	rqs_encode_coverage(&json, model);
	rqs_json_key(&json, "self");
	rqs_encode_self(&json, model);
	rqs_json_object_end(&json);
	rqs_json_newline(&json);
	return rqs_encode_finish(&json);
}
