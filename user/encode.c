// SPDX-License-Identifier: GPL-2.0-only
#include "encode.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "parts.h"

void rqs_encode_uint(struct rqs_json *json, const char *key, uint64_t value)
{
	rqs_json_key(json, key);
	rqs_json_uint(json, value);
}

void rqs_encode_number(struct rqs_json *json, const char *key, double value)
{
	rqs_json_key(json, key);
	rqs_json_number(json, value);
}

void rqs_encode_string(struct rqs_json *json, const char *key, const char *value)
{
	rqs_json_key(json, key);
	rqs_json_string(json, value);
}

void rqs_encode_uint_or_null(struct rqs_json *json, const char *key, bool known, uint64_t value)
{
	rqs_json_key(json, key);
	if (known)
		rqs_json_uint(json, value);
	else
		rqs_json_null(json);
}

void rqs_encode_dist(struct rqs_json *json, const struct rqs_hist *hist, bool lost)
{
	static const struct {
		const char *key;
		uint32_t permille;
	} quantiles[] = { { "p50_ns", 500 }, { "p90_ns", 900 }, { "p99_ns", 990 }, { "p999_ns", 999 } };
	bool known = hist->count > 0;
	uint32_t i;

	rqs_json_object(json);
	rqs_encode_uint(json, "count", hist->count);
	rqs_encode_uint(json, "sum_ns", hist->sum_ns);
	rqs_encode_uint_or_null(json, "min_ns", known, hist->min_ns);
	rqs_encode_uint_or_null(json, "max_ns", known, hist->max_ns);
	for (i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
		rqs_encode_uint_or_null(json, quantiles[i].key, known && !lost,
			       rqs_hist_quantile_ns(hist, quantiles[i].permille, hist->min_ns, hist->max_ns));
	rqs_json_object_end(json);
}

void rqs_encode_split(struct rqs_json *json, const struct rqs_split *split)
{
	rqs_json_object(json);
	rqs_encode_uint(json, "count", split->count);
	rqs_encode_uint(json, "queued_ns", split->queued_ns);
	rqs_encode_uint(json, "cpu_wait_ns", split->cpu_wait_ns);
	rqs_encode_uint(json, "on_cpu_ns", split->on_cpu_ns);
	rqs_encode_uint(json, "blocked_ns", split->blocked_ns);
	rqs_encode_uint(json, "shared", split->shared);
	rqs_encode_uint(json, "unknown", split->unknown);
	rqs_json_object_end(json);
}

void rqs_encode_status(struct rqs_json *json, const struct rqs_totals *totals)
{
	char code[8];
	uint32_t i;

	rqs_json_object(json);
	for (i = 0; i < RQS_STATUS_COUNT; i++) {
		if (!totals->status[i])
			continue;
		if (i)
			snprintf(code, sizeof(code), "%u", i + RQS_STATUS_LOW);
		else
			strcpy(code, "unknown");
		rqs_encode_uint(json, code, totals->status[i]);
	}
	rqs_json_object_end(json);
}

void rqs_encode_books(struct rqs_json *json, const struct rqs_books *books, int64_t in_flight)
{
	rqs_encode_uint(json, "requests", books->requests);
	rqs_encode_uint(json, "responses", books->responses);
	rqs_encode_uint(json, "upgrades", books->upgrades);
	rqs_encode_uint(json, "aborted", books->aborted);
	rqs_json_key(json, "in_flight");
	rqs_json_int(json, in_flight);
	rqs_encode_uint(json, "untimed", books->untimed);
}

void rqs_encode_service_head(struct rqs_json *json, const struct rqs_model *model, const struct rqs_service *service)
{
	const struct rqs_services *services = &model->services;
	const char *container = service->ident.container;
	uint32_t i;

	rqs_encode_string(json, "name", service->name);
	rqs_encode_string(json, "role", service->ident.role == RQS_ROLE_CLIENT ? "client" : "server");
	rqs_encode_uint(json, "port", service->port);
	rqs_encode_string(json, "path", *service->ident.path ? service->ident.path : NULL);
	rqs_encode_string(json, "container", service->slot && *container ? container : NULL);
	rqs_json_key(json, "pids");
	rqs_json_array(json);
	for (i = 0; i < services->pid_count; i++)
		if (rqs_services_of_slot(services, services->pids[i].slot) == service)
			rqs_json_uint(json, services->pids[i].pid);
	rqs_json_array_end(json);
}

void rqs_encode_host(struct rqs_json *json, const struct rqs_model *model)
{
	const struct rqs_host *host = &model->host;

	rqs_json_object(json);
	rqs_encode_string(json, "name", host->name);
	rqs_encode_string(json, "kernel", host->kernel);
	rqs_encode_string(json, "arch", host->arch);
	rqs_encode_uint(json, "cpus", host->cpus);
	rqs_json_object_end(json);
}

void rqs_encode_cpus(struct rqs_json *json, const struct rqs_model *model)
{
	uint64_t span_ns = rqs_history_second_span_ns(model->history);
	uint32_t i;

	rqs_json_array(json);
	for (i = 0; i < model->cpu_shown && span_ns; i++) {
		const struct rqs_cpu_second *cpu = &model->cpu_second[i];

		rqs_json_object(json);
		rqs_encode_uint(json, "length", cpu->length_now);
		rqs_encode_uint(json, "length_max", cpu->length_max);
		rqs_encode_number(json, "mean", (double)cpu->wait_sum_ns / (double)span_ns);
		rqs_encode_uint(json, "switches", cpu->switches);
		rqs_json_object_end(json);
	}
	rqs_json_array_end(json);
}

void rqs_encode_waiting(struct rqs_json *json, const struct rqs_model *model)
{
	uint32_t i;

	rqs_json_array(json);
	for (i = 0; i < model->waiting_count; i++) {
		const struct rqs_waiting *waiting = &model->waiting[i];

		rqs_json_object(json);
		rqs_encode_string(json, "name", waiting->name);
		rqs_encode_uint(json, "wait_ns", waiting->wait_ns);
		rqs_encode_uint(json, "tasks", waiting->tasks);
		rqs_encode_uint(json, "pid", waiting->pid);
		rqs_json_object_end(json);
	}
	rqs_json_array_end(json);
}

void rqs_encode_event_service(struct rqs_json *json, const struct rqs_model *model, const struct rqs_event *event)
{
	const char *role = event->role == RQS_ROLE_CLIENT ? "client" : "server";
	const struct rqs_services *services = &model->services;
	int32_t slot = -1;

	for (uint32_t i = 0; i < services->count && event->serial; i++)
		if (services->list[i].serial == event->serial)
			slot = rqs_services_slot(services, &services->list[i]);
	rqs_encode_string(json, "role", event->serial ? role : NULL);
	rqs_encode_string(json, "container", *event->container ? event->container : NULL);
	rqs_encode_uint_or_null(json, "slot", slot >= 0, (uint64_t)slot);
}

void rqs_encode_pid(struct rqs_json *json, const struct rqs_event *event)
{
	if (event->pid)
		rqs_json_uint(json, event->pid);
	else
		rqs_json_null(json);
}

void rqs_encode_event_counts(struct rqs_json *json, const struct rqs_model *model)
{
	uint32_t kind;

	rqs_json_object(json);
	for (kind = 0; kind < RQS_EVENT_COUNT; kind++)
		rqs_encode_uint(json, rqs_event_kind_name(kind), model->events.counts[kind]);
	rqs_json_object_end(json);
}

void rqs_encode_event_details(struct rqs_json *json, const struct rqs_event *event)
{
	if (event->has_duration)
		rqs_encode_uint(json, "duration_ns", event->duration_ns);
	if (event->status)
		rqs_encode_uint(json, "status", event->status);
	if (!event->has_split)
		return;
	rqs_json_key(json, "split");
	rqs_json_object(json);
	rqs_encode_uint(json, "queued_ns", event->queued_ns);
	rqs_encode_uint(json, "cpu_wait_ns", event->cpu_wait_ns);
	rqs_encode_uint(json, "on_cpu_ns", event->on_cpu_ns);
	rqs_encode_uint(json, "blocked_ns", event->blocked_ns);
	rqs_json_object_end(json);
}

static void encode_probe(struct rqs_json *json, const struct rqs_probe *probe)
{
	static const char *const states[] = {
		[RQS_PROBE_OFF] = "off", [RQS_PROBE_ON] = "on", [RQS_PROBE_LOST] = "lost"
	};
	char tap[2] = { probe->tap, '\0' };

	rqs_json_object(json);
	rqs_encode_string(json, "name", probe->name);
	rqs_encode_string(json, "state", states[probe->state]);
	rqs_encode_string(json, "tap", *tap ? tap : NULL);
	rqs_encode_string(json, "reason", *probe->reason ? probe->reason : NULL);
	rqs_json_object_end(json);
}

void rqs_encode_coverage(struct rqs_json *json, const struct rqs_model *model)
{
	const struct rqs_losses *losses = &model->losses;
	uint32_t i;

	rqs_json_object(json);
	rqs_json_key(json, "probes");
	rqs_json_array(json);
	for (i = 0; i < model->probe_count; i++)
		encode_probe(json, &model->probes[i]);
	rqs_json_array_end(json);
	rqs_json_key(json, "shed");
	rqs_json_array(json);
	for (i = 0; i < RQS_PART_COUNT; i++)
		if (model->shed & rqs_parts[i].part)
			rqs_json_string(json, rqs_parts[i].name);
	rqs_json_array_end(json);
	rqs_json_key(json, "lost");
	rqs_json_object(json);
	rqs_encode_uint(json, "events", losses->events);
	rqs_encode_uint(json, "services", losses->http.services);
	rqs_encode_uint(json, "routes", model->routes.untold);
	rqs_encode_uint(json, "unparsed", losses->http.unparsed);
	rqs_encode_uint(json, "partial_heads", losses->http.partial_heads);
	rqs_encode_uint(json, "unmatched", losses->http.unmatched);
	rqs_encode_uint(json, "connections", losses->http.connections);
	rqs_encode_uint(json, "pipelined", losses->http.pipelined);
	rqs_encode_uint(json, "recursion_misses", losses->recursion_misses);
	rqs_encode_uint(json, "windows_merged", losses->windows_merged);
	rqs_json_object_end(json);
	rqs_json_key(json, "connections");
	rqs_encode_connections(json, model);
	rqs_json_object_end(json);
}

void rqs_encode_connections(struct rqs_json *json, const struct rqs_model *model)
{
	rqs_json_object(json);
	rqs_encode_uint(json, "tls", model->losses.http.tls_connections);
	rqs_encode_uint(json, "http2", model->losses.http.http2_connections);
	rqs_encode_uint(json, "other", model->losses.http.other_connections);
	rqs_json_object_end(json);
}

static void encode_programs(struct rqs_json *json, const struct rqs_self *self)
{
	rqs_json_array(json);
	for (uint32_t i = 0; i < self->program_count; i++) {
		rqs_json_object(json);
		rqs_encode_string(json, "name", self->programs[i].name);
		rqs_encode_number(json, "runs_per_s", self->programs[i].runs_per_s);
		rqs_encode_number(json, "ns_per_run", self->programs[i].ns_per_run);
		rqs_json_object_end(json);
	}
	rqs_json_array_end(json);
}

void rqs_encode_self(struct rqs_json *json, const struct rqs_model *model)
{
	rqs_json_object(json);
	rqs_encode_number(json, "cpu_ratio", model->has_self ? model->self.cpu_ratio : NAN);
	rqs_encode_uint_or_null(json, "rss_bytes", model->has_self && model->self.rss_bytes != UINT64_MAX, model->self.rss_bytes);
	rqs_encode_number(json, "bpf_ns_per_s", model->has_self ? model->self.bpf_ns_per_s : NAN);
	rqs_encode_uint(json, "tick_late_max_ns", model->late_max_ns);
	rqs_encode_uint(json, "clients", model->clients);
	rqs_encode_uint(json, "sent_bytes", model->sent_bytes);
	rqs_json_key(json, "programs");
	encode_programs(json, &model->self);
	rqs_json_object_end(json);
}

struct rqs_text rqs_encode_finish(struct rqs_json *json)
{
	struct rqs_text text = { 0 };
	int err = rqs_json_finish(json, &text.data, &text.bytes);

	if (err)
		errno = -err;
	return text;
}
