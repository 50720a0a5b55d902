/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * eventlog - what a person would want to be told: the last 500 events, and all of them counted by kind.
 * Upstream: window.h, services.h, phrase.h. Downstream: model.h, encode.h. Pure.
 */
#ifndef RQS_EVENTLOG_H
#define RQS_EVENTLOG_H

#include "container.h"
#include "services.h"

#define RQS_EVENTS_KEPT 500
#define RQS_EVENT_TEXT_MAX 512

struct rqs_event {
	uint64_t seq; /* from 1 */
	uint64_t real_ns;
	enum rqs_event_kind kind;
	uint32_t pid; /* 0: none */
	char service[4 * RQS_NAME_MAX]; /* "": none */
	uint16_t port;			/* 0: none */
	char path[RQS_UNIX_PATH_ROOM]; /* of a Unix socket; "": none */
	char container[RQS_CONTAINER_MAX]; /* "": none */
	uint8_t role;			   /* enum rqs_role */
	uint64_t serial;		   /* of the service; 0: none */
	char text[RQS_EVENT_TEXT_MAX];
	bool has_duration;
	bool has_split;
	uint32_t status; /* 0: none */
	uint64_t duration_ns;
	uint64_t queued_ns;
	uint64_t cpu_wait_ns;
	uint64_t on_cpu_ns;
	uint64_t blocked_ns;
};

/* All zero is a valid empty one. 500 KB. */
struct rqs_eventlog {
	uint64_t newest; /* seq of the newest, 0: none */
	uint64_t counts[RQS_EVENT_COUNT];
	struct rqs_event ring[RQS_EVENTS_KEPT];
};

/** rqs_event_kind_name() - "slow_request", ... */
const char *rqs_event_kind_name(enum rqs_event_kind kind);

/** rqs_event_level() - "info", "warning" or "error". */
const char *rqs_event_level(enum rqs_event_kind kind);

/**
 * rqs_eventlog_add() - a new event of a kind that user space finds; counted.
 * @service: may be NULL; borrowed for this call. @text: clean UTF-8, copied.
 */
void rqs_eventlog_add(struct rqs_eventlog *log, enum rqs_event_kind kind, uint64_t real_ns,
		      const struct rqs_service *service, const char *text);

/** rqs_eventlog_add_kernel() - one of the kernel's; not counted: see rqs_eventlog_set_seen(). */
void rqs_eventlog_add_kernel(struct rqs_eventlog *log, const struct rqs_kernel_event *event, uint64_t real_ns,
			     const struct rqs_service *service);

/** rqs_eventlog_set_seen() - how many there were in the kernel, those that were held back included. */
void rqs_eventlog_set_seen(struct rqs_eventlog *log, const uint64_t seen[RQS_EVENT_KERNEL_COUNT]);

/** rqs_eventlog_oldest() - seq of the oldest that is kept; newest + 1 when there is none. */
uint64_t rqs_eventlog_oldest(const struct rqs_eventlog *log);

/** rqs_eventlog_get() - @seq: oldest .. newest. */
const struct rqs_event *rqs_eventlog_get(const struct rqs_eventlog *log, uint64_t seq);

#endif
