// SPDX-License-Identifier: GPL-2.0-only
#include "eventlog.h"

#include <stdio.h>
#include <string.h>

#include "phrase.h"

static const struct {
	const char *name;
	const char *level;
} kinds[RQS_EVENT_COUNT] = {
	[RQS_EVENT_SLOW_REQUEST] = { "slow_request", "warning" },
	[RQS_EVENT_SERVER_ERROR] = { "server_error", "error" },
	[RQS_EVENT_ABORTED_REQUEST] = { "aborted_request", "warning" },
	[RQS_EVENT_RUNQUEUE_STALL] = { "runqueue_stall", "warning" },
	[RQS_EVENT_OOM_KILL] = { "oom_kill", "error" },
	[RQS_EVENT_SERVICE_START] = { "service_start", "info" },
	[RQS_EVENT_SERVICE_END] = { "service_end", "info" },
	[RQS_EVENT_PROBE_LOST] = { "probe_lost", "error" },
	[RQS_EVENT_OVERLOAD] = { "overload", "warning" },
};

const char *rqs_event_kind_name(enum rqs_event_kind kind)
{
	return kinds[kind].name;
}

const char *rqs_event_level(enum rqs_event_kind kind)
{
	return kinds[kind].level;
}

static struct rqs_event *next_event(struct rqs_eventlog *log, enum rqs_event_kind kind, uint64_t real_ns,
				    const struct rqs_service *service)
{
	struct rqs_event *event = &log->ring[log->newest++ % RQS_EVENTS_KEPT];

	memset(event, 0, sizeof(*event));
	event->seq = log->newest;
	event->real_ns = real_ns;
	event->kind = kind;
	if (service) {
		snprintf(event->service, sizeof(event->service), "%s", service->name);
		memcpy(event->path, service->ident.path, sizeof(event->path));
		event->port = service->port;
		if (service->slot)
			memcpy(event->container, service->ident.container, sizeof(event->container));
		event->role = service->ident.role;
		event->serial = service->serial;
	}
	return event;
}

void rqs_eventlog_add(struct rqs_eventlog *log, enum rqs_event_kind kind, uint64_t real_ns,
		      const struct rqs_service *service, const char *text)
{
	struct rqs_event *event = next_event(log, kind, real_ns, service);

	snprintf(event->text, sizeof(event->text), "%s", text);
	log->counts[kind]++;
}

void rqs_eventlog_add_kernel(struct rqs_eventlog *log, const struct rqs_kernel_event *source, uint64_t real_ns,
			     const struct rqs_service *service)
{
	struct rqs_event *event;

	if (source->kind >= RQS_EVENT_KERNEL_COUNT)
		return;
	event = next_event(log, source->kind, real_ns, service);
	event->pid = source->pid;
	event->status = source->status;
	event->has_duration = source->kind != RQS_EVENT_OOM_KILL;
	event->duration_ns = source->duration_ns;
	event->has_split = source->has_split;
	event->queued_ns = source->queued_ns;
	event->cpu_wait_ns = source->cpu_wait_ns;
	event->on_cpu_ns = source->on_cpu_ns;
	event->blocked_ns = source->blocked_ns;
	rqs_phrase_event(event->text, sizeof(event->text), source);
}

void rqs_eventlog_set_seen(struct rqs_eventlog *log, const uint64_t seen[RQS_EVENT_KERNEL_COUNT])
{
	uint32_t i;

	for (i = 0; i < RQS_EVENT_KERNEL_COUNT; i++)
		log->counts[i] = seen[i];
}

uint64_t rqs_eventlog_oldest(const struct rqs_eventlog *log)
{
	return log->newest > RQS_EVENTS_KEPT ? log->newest - RQS_EVENTS_KEPT + 1 : 1;
}

const struct rqs_event *rqs_eventlog_get(const struct rqs_eventlog *log, uint64_t seq)
{
	return &log->ring[(seq - 1) % RQS_EVENTS_KEPT];
}
