/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * model - all that can be shown: totals since attaching, history, services, events, coverage.
 * Upstream: window.h. Downstream: frame.h, snapshot.h.
 * Pure: no I/O, clock, lock or log; time comes with the windows.
 * Threads: none of its own; owned by the thread that serves.
 */
#ifndef RQS_MODEL_H
#define RQS_MODEL_H

#include "window.h"

struct rqs_model; /* opaque */

/* Borrowed strings; copied by rqs_model_new(). */
struct rqs_host {
	const char *name;	/* host name, clean UTF-8 */
	const char *kernel;	/* release, as uname prints it */
	const char *arch;
	uint32_t cpus;		/* that are online */
	uint32_t cpu_numbers;	/* one more than the highest that one can ever have; 0: as many as are online */
	uint32_t services;	/* that are told apart; 0: RQS_SERVICES_USUAL */
	uint32_t routes;	/* likewise; 0: RQS_ROUTES_USUAL */
	const char *version;	/* of rqscope */
	const char *instance;	/* random, new at each start: tells a page that rqscope was restarted */
	uint64_t tick_ns;
	uint64_t slow_ns;	/* threshold of slow_request */
	uint64_t history_ns;	/* how much is kept, as seconds; 0: RQS_HISTORY_SPAN_NS */
	uint64_t attached_ns;	   /* CLOCK_MONOTONIC */
	uint64_t attached_real_ns; /* CLOCK_REALTIME */
};

/**
 * rqs_model_new() - an empty model with all the memory that its history will ever need reserved.
 * Return: the model, or NULL with errno ENOMEM.
 */
struct rqs_model *rqs_model_new(const struct rqs_host *host);

/** rqs_model_free() - NULL is fine. */
void rqs_model_free(struct rqs_model *model);

/** rqs_model_set_probes() - the state of the probes; copied. Also done by windows that carry them. */
void rqs_model_set_probes(struct rqs_model *model, const struct rqs_probe_status *probes, uint32_t count);

/** rqs_model_set_clients() - how many browsers are connected, for the snapshot's "self". */
void rqs_model_set_clients(struct rqs_model *model, uint32_t clients);

/** rqs_model_set_sent() - how many bytes were sent to them and to who asked by HTTP, since the start. */
void rqs_model_set_sent(struct rqs_model *model, uint64_t sent_bytes);

/**
 * rqs_model_apply() - take one window in. Borrowed for this call.
 * Return: 0; -ESTALE when its seq isn't the next one (the model is unchanged).
 */
int rqs_model_apply(struct rqs_model *model, const struct rqs_window *window);

/** rqs_model_seq() - seq of the newest window taken in, 0 before the first. */
uint64_t rqs_model_seq(const struct rqs_model *model);

/** rqs_model_event_seq() - number of the newest event, 0 before the first; rises by one an event. */
uint64_t rqs_model_event_seq(const struct rqs_model *model);

/**
 * rqs_model_service() - which service counts in a slot now.
 * Return: a number > 0 that no other service of this run has; 0 when nothing was seen in the slot yet.
 */
uint64_t rqs_model_service(const struct rqs_model *model, uint32_t slot);

/** rqs_model_memory() - bytes reserved for history and tables. */
size_t rqs_model_memory(const struct rqs_model *model);

#endif
