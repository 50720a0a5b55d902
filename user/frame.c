// SPDX-License-Identifier: GPL-2.0-only
#include "frame.h"

#include <stdio.h>
#include <stdlib.h>

#include "encode.h"
#include "encode_routes.h"

static void begin(struct rqs_json *json, const char *type)
{
	rqs_json_object(json);
	rqs_encode_string(json, "type", type);
}

static struct rqs_text finish(struct rqs_json *json)
{
	rqs_json_object_end(json);
	return rqs_encode_finish(json);
}

static void encode_ms(struct rqs_json *json, const char *key, uint64_t value_ns)
{
	rqs_json_key(json, key);
	rqs_json_ms(json, value_ns);
}

static void encode_resolution(struct rqs_json *json, uint64_t resolution_ns, uint64_t span_ns)
{
	rqs_json_object(json);
	encode_ms(json, "resolution_ms", resolution_ns);
	encode_ms(json, "span_ms", span_ns);
	rqs_json_object_end(json);
}

static void encode_reach(struct rqs_json *json, const struct rqs_history *history)
{
	uint32_t level;

	rqs_json_key(json, "history");
	rqs_json_array(json);
	for (level = 0; level < 2; level++)
		encode_resolution(json, rqs_history_resolution_ns(history, level), rqs_history_span_ns(history, level));
	rqs_json_array_end(json);
	rqs_json_key(json, "service_history");
	rqs_json_array(json);
	encode_resolution(json, rqs_history_resolution_ns(history, true), RQS_HISTORY_SERVICE_SPAN_NS);
	rqs_json_array_end(json);
}

static void encode_lists(struct rqs_json *json)
{
	uint32_t i;

	rqs_json_key(json, "columns");
	rqs_json_array(json);
	for (i = 0; i < RQS_COLUMN_COUNT; i++)
		rqs_json_string(json, rqs_columns[i].name);
	rqs_json_array_end(json);
	rqs_json_key(json, "heat");
	rqs_json_object(json);
	rqs_encode_heat_lows(json);
	rqs_json_object_end(json);
}

struct rqs_text rqs_frame_hello(const struct rqs_model *model, uint32_t rate_ms)
{
	const struct rqs_host *host = &model->host;
	struct rqs_json json = { 0 };

	begin(&json, "hello");
	rqs_encode_uint(&json, "protocol", 1);
	rqs_encode_string(&json, "instance", host->instance);
	rqs_json_key(&json, "tool");
	rqs_json_object(&json);
	rqs_encode_string(&json, "name", "rqscope");
	rqs_encode_string(&json, "version", host->version);
	rqs_json_object_end(&json);
	rqs_json_key(&json, "host");
	rqs_encode_host(&json, model);
	encode_ms(&json, "attached_ms", host->attached_real_ns);
	encode_ms(&json, "now_ms", model->end_real_ns);
	encode_ms(&json, "tick_ms", host->tick_ns);
	rqs_encode_uint(&json, "rate_ms", rate_ms);
	encode_ms(&json, "slow_ms", host->slow_ns);
	rqs_encode_uint(&json, "seq", model->seq);
	encode_lists(&json);
	encode_reach(&json, model->history);
	return finish(&json);
}

struct rqs_text rqs_frame_windows(const struct rqs_model *model, uint64_t after_seq, uint64_t to_seq,
				  uint32_t missed)
{
	struct rqs_encode_windows what = { .heat = true };
	struct rqs_json json = { 0 };
	struct rqs_range range;

	rqs_history_since(model->history, after_seq, to_seq, missed > 0, &range);
	begin(&json, "windows");
	rqs_encode_uint(&json, "missed", missed);
	rqs_encode_windows(&json, model->history, range, &what);
	return finish(&json);
}

struct rqs_text rqs_frame_service_windows(const struct rqs_model *model, uint32_t slot, uint64_t service, uint64_t after_seq,
					  uint64_t to_seq, uint32_t missed)
{
	struct rqs_encode_windows what = { .heat = true };
	struct rqs_json json = { 0 };
	struct rqs_range range;

	rqs_history_since(model->history, after_seq, to_seq, missed > 0, &range);
	range.service = service;
	begin(&json, "service_windows");
	rqs_encode_uint(&json, "slot", slot);
	rqs_encode_uint(&json, "missed", missed);
	rqs_encode_windows(&json, model->history, range, &what);
	if (rqs_model_service(model, slot) != service) {
		rqs_json_key(&json, "ended");
		rqs_json_bool(&json, true);
	}
	return finish(&json);
}

static void find_range(const struct rqs_model *model, const struct rqs_request *request, struct rqs_range *ret_range)
{
	uint64_t from_ns = (uint64_t)request->from_ms * 1000000, to_ns = (uint64_t)request->to_ms * 1000000;

	if (request->has_slot)
		rqs_history_service_range(model->history, rqs_model_service(model, request->slot), from_ns, to_ns,
					  request->points, ret_range);
	else
		rqs_history_range(model->history, from_ns, to_ns, request->points, ret_range);
}

struct rqs_text rqs_frame_history(const struct rqs_model *model, const struct rqs_request *request)
{
	struct rqs_encode_windows what = { .heat = true };
	struct rqs_json json = { 0 };
	struct rqs_range range;

	find_range(model, request, &range);
	begin(&json, "history");
	rqs_encode_uint(&json, "id", request->id);
	if (request->has_slot)
		rqs_encode_uint(&json, "slot", request->slot);
	rqs_encode_uint(&json, "from_ms", (uint64_t)request->from_ms);
	rqs_encode_uint(&json, "to_ms", (uint64_t)request->to_ms);
	encode_ms(&json, "resolution_ms", range.resolution_ns);
	rqs_encode_uint(&json, "missed", 0);
	rqs_encode_windows(&json, model->history, range, &what);
	return finish(&json);
}

static void encode_service(struct rqs_json *json, const struct rqs_model *model, const struct rqs_service *service,
			   struct rqs_recent *scratch)
{
	rqs_json_object(json);
	rqs_encode_service_head(json, model, service);
	rqs_encode_books(json, &service->totals.books, rqs_services_in_flight(&model->services, service));
	rqs_encode_uint(json, "errors", rqs_totals_errors(&service->totals));
	rqs_encode_service_now(json, model, service, scratch);
	rqs_json_object_end(json);
}

struct rqs_text rqs_frame_services(const struct rqs_model *model)
{
	const struct rqs_service *order[RQS_SLOT_MAX];
	struct rqs_recent *scratch = malloc(sizeof(*scratch));
	struct rqs_json json = { .failed = !scratch };
	uint32_t i;

	begin(&json, "services");
	encode_ms(&json, "t", model->end_real_ns);
	rqs_encode_uint(&json, "over_ms", RQS_RECENT_SECONDS * 1000);
	rqs_json_key(&json, "items");
	rqs_json_array(&json);
	rqs_services_order(&model->services, order);
	for (i = 0; i < model->services.count && scratch; i++)
		encode_service(&json, model, order[i], scratch);
	rqs_json_array_end(&json);
	free(scratch);
	return finish(&json);
}

struct rqs_text rqs_frame_routes(const struct rqs_model *model, uint32_t slot, uint64_t service)
{
	bool ended = !service || rqs_model_service(model, slot) != service;
	struct rqs_json json = { 0 };

	begin(&json, "routes");
	rqs_encode_uint(&json, "slot", slot);
	encode_ms(&json, "t", model->end_real_ns);
	rqs_encode_uint(&json, "over_ms", RQS_RECENT_SECONDS * 1000);
	rqs_json_key(&json, "items");
	if (ended) {
		rqs_json_array(&json);
		rqs_json_array_end(&json);
		rqs_json_key(&json, "ended");
		rqs_json_bool(&json, true);
	} else {
		rqs_encode_routes(&json, model, rqs_services_of_slot(&model->services, slot), true);
	}
	return finish(&json);
}

static void encode_label(struct rqs_json *json, const char *name, uint16_t port, const char *path)
{
	char label[4 * RQS_NAME_MAX + RQS_UNIX_PATH_ROOM + 1];

	if (port)
		snprintf(label, sizeof(label), "%s :%u", name, port);
	else if (*path)
		snprintf(label, sizeof(label), "%s %s", name, path);
	else
		snprintf(label, sizeof(label), "%s", name);
	rqs_json_string(json, *label ? label : NULL);
}

static void encode_event(struct rqs_json *json, const struct rqs_model *model, const struct rqs_event *event)
{
	rqs_json_object(json);
	rqs_encode_uint(json, "seq", event->seq);
	encode_ms(json, "t", event->real_ns);
	rqs_encode_string(json, "level", rqs_event_level(event->kind));
	rqs_encode_string(json, "kind", rqs_event_kind_name(event->kind));
	rqs_json_key(json, "service");
	encode_label(json, event->service, event->port, event->path);
	rqs_encode_event_service(json, model, event);
	rqs_json_key(json, "pid");
	rqs_encode_pid(json, event);
	rqs_encode_string(json, "text", event->text);
	rqs_encode_event_details(json, event);
	rqs_json_object_end(json);
}

struct rqs_text rqs_frame_events(const struct rqs_model *model, uint64_t after_event_seq)
{
	const struct rqs_eventlog *log = &model->events;
	uint64_t seq = rqs_eventlog_oldest(log);
	struct rqs_json json = { 0 };

	if (after_event_seq >= seq)
		seq = after_event_seq < log->newest ? after_event_seq + 1 : log->newest + 1;
	begin(&json, "events");
	rqs_encode_uint(&json, "seq", log->newest);
	rqs_json_key(&json, "counts");
	rqs_encode_event_counts(&json, model);
	rqs_encode_uint(&json, "held_back", model->losses.events);
	rqs_json_key(&json, "items");
	rqs_json_array(&json);
	for (; seq <= log->newest; seq++)
		encode_event(&json, model, rqs_eventlog_get(log, seq));
	rqs_json_array_end(&json);
	return finish(&json);
}

struct rqs_text rqs_frame_status(const struct rqs_model *model)
{
	struct rqs_json json = { 0 };

	begin(&json, "status");
	encode_ms(&json, "t", model->end_real_ns);
	encode_ms(&json, "uptime_ms", model->end_ns - model->host.attached_ns);
	rqs_encode_uint(&json, "clients", model->clients);
	rqs_json_key(&json, "coverage");
	rqs_encode_coverage(&json, model);
	rqs_json_key(&json, "connections");
	rqs_encode_connections(&json, model);
	if (rqs_model_measures(model, "sched")) {
		rqs_json_key(&json, "runqueue");
		rqs_json_object(&json);
		rqs_json_key(&json, "cpus");
		rqs_encode_cpus(&json, model);
		rqs_json_key(&json, "waiting");
		rqs_encode_waiting(&json, model);
		rqs_json_object_end(&json);
	}
	rqs_json_key(&json, "self");
	rqs_encode_self(&json, model);
	return finish(&json);
}

static void encode_thread(struct rqs_json *json, const struct rqs_inflight_item *item)
{
	const char *state = rqs_task_state_name(item->task_state);

	rqs_encode_uint_or_null(json, "pid", item->pid, item->pid);
	rqs_encode_uint_or_null(json, "tid", item->tid, item->tid);
	rqs_json_key(json, "thread");
	if (!state) {
		rqs_json_null(json);
		return;
	}
	rqs_json_object(json);
	rqs_encode_string(json, "comm", item->comm);
	rqs_encode_string(json, "state", state);
	rqs_json_object_end(json);
}

static void encode_route(struct rqs_json *json, const struct rqs_inflight_item *item)
{
	rqs_json_key(json, "route");
	if (!item->has_route) {
		rqs_json_null(json);
		return;
	}
	rqs_json_object(json);
	rqs_encode_string(json, "method", item->route.method);
	rqs_encode_string(json, "path", item->route.path);
	rqs_json_object_end(json);
}

static void encode_inflight_item(struct rqs_json *json, const struct rqs_model *model, const struct rqs_inflight_item *item)
{
	const struct rqs_service *service = NULL;

	if (item->slot < RQS_SLOT_MAX)
		service = rqs_services_of_slot(&model->services, item->slot);
	rqs_json_object(json);
	rqs_encode_uint_or_null(json, "age_ns", item->has_age, item->age_ns);
	rqs_encode_uint_or_null(json, "slot", service, item->slot);
	rqs_json_key(json, "service");
	encode_label(json, service ? service->name : "", service ? service->port : 0, service ? service->ident.path : "");
	rqs_encode_string(json, "role", item->role == RQS_ROLE_CLIENT ? "client" : "server");
	rqs_encode_string(json, "method", *item->method ? item->method : NULL);
	rqs_encode_string(json, "path", *item->path ? item->path : NULL);
	encode_route(json, item);
	rqs_encode_string(json, "peer", *item->peer ? item->peer : NULL);
	rqs_encode_string(json, "stage", rqs_stage_name(item->stage));
	encode_thread(json, item);
	rqs_json_object_end(json);
}

struct rqs_text rqs_frame_inflight(const struct rqs_model *model, const struct rqs_inflight *inflight)
{
	struct rqs_json json = { 0 };

	begin(&json, "inflight");
	encode_ms(&json, "t", model->end_real_ns);
	rqs_json_key(&json, "connections");
	rqs_json_object(&json);
	rqs_encode_uint_or_null(&json, "open", inflight, inflight ? inflight->connections : 0);
	rqs_encode_uint_or_null(&json, "http", inflight, inflight ? inflight->http : 0);
	rqs_json_object_end(&json);
	rqs_encode_uint_or_null(&json, "requests", inflight, inflight ? inflight->requests : 0);
	rqs_json_key(&json, "items");
	if (inflight) {
		rqs_json_array(&json);
		for (uint32_t i = 0; i < inflight->count; i++)
			encode_inflight_item(&json, model, &inflight->items[i]);
		rqs_json_array_end(&json);
	} else {
		rqs_json_null(&json);
	}
	return finish(&json);
}

struct rqs_text rqs_frame_error(const char *code, const char *text)
{
	struct rqs_json json = { 0 };

	begin(&json, "error");
	rqs_encode_string(&json, "code", code);
	rqs_encode_string(&json, "text", text);
	return finish(&json);
}
