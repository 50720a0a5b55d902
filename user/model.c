// SPDX-License-Identifier: GPL-2.0-only
#include "model_state.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"
#include "service_rows.h"
#include "text.h"

/* Of 32 MB for all of the model; the history of services takes 4.7 MB of them, services up to 5, routes 2.1, events 0.4. */
#define HISTORY_BYTES ((size_t)20 << 20)
#define OVERLOAD_PAUSE_NS 10000000000ULL

static int copy_host(struct rqs_host *to, const struct rqs_host *from)
{
	*to = *from;
	to->name = strdup(from->name);
	to->kernel = strdup(from->kernel);
	to->arch = strdup(from->arch);
	to->version = strdup(from->version);
	to->instance = strdup(from->instance);
	return to->name && to->kernel && to->arch && to->version && to->instance ? 0 : -ENOMEM;
}

/* A third is for the ticks and what doesn't grow with the span. */
static size_t history_bytes(uint64_t span_ns)
{
	return HISTORY_BYTES / 3 + (size_t)((double)(HISTORY_BYTES - HISTORY_BYTES / 3) * ((double)span_ns / RQS_HISTORY_SPAN_NS));
}

struct rqs_model *rqs_model_new(const struct rqs_host *host)
{
	struct rqs_model *model = calloc(1, sizeof(*model));
	uint64_t span_ns;
	int err;

	if (!model)
		return NULL;
	err = copy_host(&model->host, host);
	if (err)
		goto out;
	err = rqs_services_init(&model->services, RQS_ROLE_COUNT + (host->services ? host->services : RQS_SERVICES_USUAL));
	if (err)
		goto out;
	err = rqs_routes_init(&model->routes, model->services.room, host->routes ? host->routes : RQS_ROUTES_USUAL);
	if (err)
		goto out;
	model->cpu_shown = host->cpus;
	model->cpu_count = host->cpu_numbers > host->cpus ? host->cpu_numbers : host->cpus;
	model->cpus = calloc(model->cpu_count + 1, sizeof(*model->cpus));
	model->cpu_second = calloc(model->cpu_count + 1, sizeof(*model->cpu_second));
	span_ns = host->history_ns ? host->history_ns : RQS_HISTORY_SPAN_NS;
	model->history = rqs_history_new(host->tick_ns ? host->tick_ns : 1, span_ns, history_bytes(span_ns));
	if (!model->cpus || !model->cpu_second || !model->history)
		err = -ENOMEM;
	model->end_ns = host->attached_ns;
	model->end_real_ns = host->attached_real_ns;
out:
	if (err) {
		rqs_model_free(model);
		errno = -err;
		return NULL;
	}
	return model;
}

void rqs_model_free(struct rqs_model *model)
{
	if (!model)
		return;
	rqs_history_free(model->history);
	rqs_services_fini(&model->services);
	rqs_routes_fini(&model->routes);
	free(model->cpus);
	free(model->cpu_second);
	free((char *)model->host.name);
	free((char *)model->host.kernel);
	free((char *)model->host.arch);
	free((char *)model->host.version);
	free((char *)model->host.instance);
	free(model);
}

size_t rqs_model_memory(const struct rqs_model *model)
{
	return sizeof(*model) + rqs_history_memory(model->history) + rqs_services_memory(&model->services) +
	       rqs_routes_memory(&model->routes) +
	       2 * (model->cpu_count + 1) * sizeof(*model->cpus);
}

static struct rqs_probe *find_probe(const struct rqs_model *model, const char *name)
{
	uint32_t i;

	for (i = 0; i < model->probe_count; i++)
		if (!strcmp(model->probes[i].name, name))
			return (struct rqs_probe *)&model->probes[i];
	return NULL;
}

bool rqs_model_measures(const struct rqs_model *model, const char *name)
{
	const struct rqs_probe *probe = find_probe(model, name);

	return !probe || probe->state == RQS_PROBE_ON;
}

bool rqs_model_measured(const struct rqs_model *model, const char *name)
{
	const struct rqs_probe *probe = find_probe(model, name);

	return !probe || probe->was_on;
}

static void set_probes(struct rqs_model *model, const struct rqs_probe_status *probes, uint32_t count,
		       uint64_t real_ns)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		struct rqs_probe *probe = find_probe(model, probes[i].name);
		bool lost = probes[i].state == RQS_PROBE_LOST;
		char text[sizeof(probe->reason) + RQS_PROBE_NAME_MAX + 16];

		if (!probe) {
			if (model->probe_count == RQS_PROBES_MAX)
				continue;
			probe = &model->probes[model->probe_count++];
			rqs_text_clean(probe->name, sizeof(probe->name), probes[i].name, strlen(probes[i].name));
		} else {
			lost = lost && probe->state != RQS_PROBE_LOST;
		}
		probe->state = probes[i].state;
		probe->was_on |= probe->state != RQS_PROBE_OFF;
		probe->tap = probes[i].tap;
		rqs_text_clean(probe->reason, sizeof(probe->reason), probes[i].reason, sizeof(probes[i].reason));
		if (!lost)
			continue;
		snprintf(text, sizeof(text), "probe %s was lost%s%s", probe->name, *probe->reason ? ": " : "",
			 probe->reason);
		text[RQS_EVENT_TEXT_MAX - 1] = '\0';
		rqs_eventlog_add(&model->events, RQS_EVENT_PROBE_LOST, real_ns, NULL, text);
	}
}

void rqs_model_set_probes(struct rqs_model *model, const struct rqs_probe_status *probes, uint32_t count)
{
	set_probes(model, probes, count, model->end_real_ns);
}

void rqs_model_set_clients(struct rqs_model *model, uint32_t clients)
{
	model->clients = clients;
}

void rqs_model_set_sent(struct rqs_model *model, uint64_t sent_bytes)
{
	model->sent_bytes = sent_bytes;
}

uint64_t rqs_model_seq(const struct rqs_model *model)
{
	return model->seq;
}

uint64_t rqs_model_event_seq(const struct rqs_model *model)
{
	return model->events.newest;
}

uint64_t rqs_model_service(const struct rqs_model *model, uint32_t slot)
{
	const struct rqs_service *service = NULL;

	if (slot < RQS_SLOT_MAX)
		service = rqs_services_of_slot(&model->services, slot);
	return service ? service->serial : 0;
}

static void add_service_event(struct rqs_model *model, enum rqs_event_kind kind, const struct rqs_service *service,
			      const char *what)
{
	const char *asking = service->ident.role == RQS_ROLE_CLIENT ? " asking" : "";
	char text[RQS_EVENT_TEXT_MAX];

	if (service->port)
		snprintf(text, sizeof(text), "%s%s :%u %s", service->name, asking, service->port, what);
	else if (*service->ident.path)
		snprintf(text, sizeof(text), "%s%s %s %s", service->name, asking, service->ident.path, what);
	else
		snprintf(text, sizeof(text), "%s %s", service->name, what);
	rqs_eventlog_add(&model->events, kind, model->end_real_ns, service, text);
}

/* A new service may have taken the place of another one, and one may have become the remainder of its role. */
static void pass_routes(struct rqs_model *model)
{
	const struct rqs_services *services = &model->services;
	uint32_t i;

	if (services->passed_into < 0)
		return;
	rqs_routes_move(&model->routes, (uint32_t)services->passed_place, (uint32_t)services->passed_into);
	for (i = 0; i < services->count; i++)
		if (rqs_service_is_rest(&services->list[i]))
			rqs_routes_fold(&model->routes, i);
}

static void apply_routes(struct rqs_model *model, const struct rqs_window *window)
{
	uint32_t i;

	for (i = 0; i < window->route_count; i++) {
		const struct rqs_route_delta *delta = &window->routes[i];
		const struct rqs_service *service = rqs_services_of_slot(&model->services, delta->slot);

		if (service)
			rqs_routes_add(&model->routes, delta, (uint32_t)(service - model->services.list),
				       rqs_service_is_rest(service));
	}
}

static void apply_services(struct rqs_model *model, const struct rqs_window *window)
{
	uint32_t i;

	for (i = 0; i < window->service_count; i++) {
		const struct rqs_service_delta *delta = &window->services[i];
		struct rqs_service *service;
		bool is_new;

		if (delta->ident->role >= RQS_ROLE_COUNT)
			continue;
		service = rqs_services_add(&model->services, delta, &is_new);
		model->role_seen[delta->ident->role] = true;
		rqs_totals_add(&model->roles[delta->ident->role], delta);
		if (is_new)
			pass_routes(model);
		if (is_new && !rqs_service_is_rest(service))
			add_service_event(model, RQS_EVENT_SERVICE_START, service, "was seen for the first time");
	}
}

static void apply_pids(struct rqs_model *model, const struct rqs_window *window)
{
	uint32_t i;

	if (!window->pids && !window->vitals)
		return;
	rqs_services_set_pids(&model->services, window->pids, window->pids ? window->pid_count : 0);
	for (i = 0; i < model->services.count; i++) {
		struct rqs_service *service = &model->services.list[i];
		bool has_pids = service->pid_count > 0;

		if (!has_pids && service->had_pids && !rqs_service_is_rest(service))
			add_service_event(model, RQS_EVENT_SERVICE_END, service, "has no process any more");
		service->had_pids = has_pids;
	}
}

static void apply_events(struct rqs_model *model, const struct rqs_window *window)
{
	uint32_t i;

	for (i = 0; i < window->event_count; i++) {
		const struct rqs_kernel_event *event = &window->events[i];
		const struct rqs_service *service = NULL;

		if (event->kind <= RQS_EVENT_ABORTED_REQUEST)
			service = rqs_services_of_slot(&model->services, event->slot);
		rqs_eventlog_add_kernel(&model->events, event, window->end_real_ns + (event->mono_ns - window->end_ns),
					service);
	}
	rqs_eventlog_set_seen(&model->events, window->event_seen);
}

static void apply_overload(struct rqs_model *model, const struct rqs_window *window)
{
	char text[RQS_EVENT_TEXT_MAX];

	if (window->ticks <= 1 || (model->overload_ns && window->end_ns - model->overload_ns < OVERLOAD_PAUSE_NS))
		return;
	model->overload_ns = window->end_ns;
	snprintf(text, sizeof(text), "rqscope fell behind: %u ticks became one window of %llu ms", window->ticks,
		 (unsigned long long)((window->end_ns - window->start_ns) / 1000000));
	rqs_eventlog_add(&model->events, RQS_EVENT_OVERLOAD, model->end_real_ns, NULL, text);
}

static void apply_shed(struct rqs_model *model, const struct rqs_window *window)
{
	const struct rqs_shed_change *change = window->shed_change;
	char text[RQS_EVENT_TEXT_MAX];
	const char *title;

	model->shed = window->shed;
	if (!change)
		return;
	title = rqs_part_title(change->part);
	if (change->back)
		snprintf(text, sizeof(text), "rqscope measures %s again: all will take %.2f %% of a CPU, %g %% is the limit", title,
			 100 * change->cost_ratio, 100 * change->limit_ratio);
	else if (change->late_ns)
		snprintf(text, sizeof(text), "rqscope goes on without %s: its ticks came %.1f ms late", title,
			 (double)change->late_ns / 1e6);
	else
		snprintf(text, sizeof(text), "rqscope goes on without %s: it took %.2f %% of a CPU, %g %% is the limit", title,
			 100 * change->cost_ratio, 100 * change->limit_ratio);
	rqs_eventlog_add(&model->events, RQS_EVENT_OVERLOAD, model->end_real_ns, NULL, text);
}

static void apply_runqueue(struct rqs_model *model, const struct rqs_window *window)
{
	double span_ns = (double)(window->end_ns - window->start_ns);
	uint32_t i;

	rqs_hist_add_dist(&model->runqueue, &window->runqueue);
	model->switches += window->switches;
	model->length_now = window->length_now;
	if (window->length_max > model->length_max)
		model->length_max = window->length_max;
	if (!window->gap && !isnan(window->length_mean)) {
		model->length_weighted_ns += window->length_mean * span_ns;
		model->length_span_ns += span_ns;
	}
	for (i = 0; i < window->cpu_count && i < model->cpu_count; i++) {
		struct rqs_cpu_second *cpu = &model->cpus[i];

		if (window->cpus[i].switches && i >= model->cpu_shown)
			model->cpu_shown = i + 1;
		cpu->switches += window->cpus[i].switches;
		cpu->wait_sum_ns += window->cpus[i].wait_sum_ns;
		cpu->length_now = window->cpus[i].length_now;
		if (window->cpus[i].length_max > cpu->length_max)
			cpu->length_max = window->cpus[i].length_max;
	}
}

static void apply_waiting(struct rqs_model *model, const struct rqs_window *window)
{
	if (!window->vitals)
		return;
	model->waiting_count = window->waiting_count < RQS_WAITING_MAX ? window->waiting_count : RQS_WAITING_MAX;
	if (model->waiting_count)
		memcpy(model->waiting, window->waiting, model->waiting_count * sizeof(*model->waiting));
}

/* A second in which a rate could not be measured leaves the one before. */
static void apply_self(struct rqs_model *model, const struct rqs_self *self)
{
	struct rqs_self before = model->self;

	model->self = *self;
	if (model->has_self && isnan(self->cpu_ratio))
		model->self.cpu_ratio = before.cpu_ratio;
	model->has_self = true;
}

static void close_second(struct rqs_model *model)
{
	rqs_services_close_second(&model->services, rqs_history_second_span_ns(model->history));
	rqs_routes_close_second(&model->routes);
	memcpy(model->cpu_second, model->cpus, model->cpu_count * sizeof(*model->cpus));
	memset(model->cpus, 0, model->cpu_count * sizeof(*model->cpus));
}

static bool push_history(struct rqs_model *model, const struct rqs_window *window)
{
	struct rqs_row_context context = { .http_measured = rqs_model_measures(model, "http"),
					   .runqueue_measured = rqs_model_measures(model, "sched") };
	struct rqs_sample sample = { .seq = window->seq, .end_real_ns = window->end_real_ns,
				     .span_ns = window->end_ns - window->start_ns, .gap = window->gap,
				     .row = model->row, .hists = model->hists };
	uint32_t role;

	for (role = 0; role < RQS_ROLE_COUNT; role++) {
		context.in_flight[role] = rqs_services_role_in_flight(&model->services, role);
		model->roles[role].books.in_flight = context.in_flight[role];
	}
	rqs_service_rows_push(window, &model->services, model->history, model->row, model->hists);
	rqs_row_fill(window, &context, model->hists, model->row);
	return rqs_history_push(model->history, &sample);
}

int rqs_model_apply(struct rqs_model *model, const struct rqs_window *window)
{
	if (window->seq != model->seq + 1)
		return -ESTALE;
	model->seq = window->seq;
	model->end_ns = window->end_ns;
	model->end_real_ns = window->end_real_ns;

	if (window->probes)
		set_probes(model, window->probes, window->probe_count, window->end_real_ns);
	apply_services(model, window);
	apply_routes(model, window);
	apply_pids(model, window);
	apply_events(model, window);
	apply_overload(model, window);
	apply_shed(model, window);
	apply_runqueue(model, window);
	apply_waiting(model, window);
	if (window->vitals) {
		model->vitals = *window->vitals;
		model->has_vitals = true;
	}
	if (window->self)
		apply_self(model, window->self);
	if (window->late_ns > model->late_max_ns)
		model->late_max_ns = window->late_ns;
	model->losses = window->losses;
	if (push_history(model, window))
		close_second(model);
	return 0;
}
