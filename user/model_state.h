/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * model_state - what is inside of struct rqs_model. For model.c and what encodes it (frame*.c, snapshot.c) only.
 */
#ifndef RQS_MODEL_STATE_H
#define RQS_MODEL_STATE_H

#include "eventlog.h"
#include "history.h"
#include "model.h"
#include "routes.h"
#include "row.h"
#include "services.h"

#define RQS_PROBES_MAX 16
#define RQS_PROBE_NAME_MAX 32

struct rqs_probe {
	char name[RQS_PROBE_NAME_MAX];
	enum rqs_probe_state state;
	bool was_on;
	char tap;
	char reason[1024]; /* clean */
};

struct rqs_cpu_second {
	uint64_t switches;
	uint64_t wait_sum_ns;
	uint32_t length_now;
	uint32_t length_max;
};

struct rqs_model {
	struct rqs_host host; /* its strings are copies */
	uint64_t seq;
	uint64_t end_ns;      /* of the newest window */
	uint64_t end_real_ns;
	uint32_t clients;
	uint64_t sent_bytes;
	uint32_t shed; /* parts that are not measured for now, bits of enum rqs_part */
	struct rqs_probe probes[RQS_PROBES_MAX];
	uint32_t probe_count;

	struct rqs_history *history;
	struct rqs_services services;
	struct rqs_routes routes;
	struct rqs_eventlog events;
	uint64_t overload_ns; /* when the last one was reported, 0: never */

	bool role_seen[RQS_ROLE_COUNT];
	struct rqs_totals roles[RQS_ROLE_COUNT];
	struct rqs_hist runqueue;
	uint64_t switches;
	uint32_t length_now, length_max;
	double length_weighted_ns; /* sum of mean length * time */
	double length_span_ns;
	uint32_t cpu_count; /* room, by number */
	uint32_t cpu_shown; /* of these: as many as were online at the start, and up to the highest on which anything ran since */
	struct rqs_cpu_second *cpus;	  /* the second that runs */
	struct rqs_cpu_second *cpu_second; /* the last whole one */

	struct rqs_waiting waiting[RQS_WAITING_MAX]; /* the longest first */
	uint32_t waiting_count;

	bool has_vitals, has_self;
	struct rqs_vitals vitals;
	struct rqs_self self;
	uint64_t late_max_ns;
	struct rqs_losses losses;

	/* scratch of rqs_model_apply() */
	struct rqs_hist hists[RQS_HIST_COUNT];
	double row[RQS_COLUMN_COUNT];
};

/** rqs_model_measures() - whether probe @name is at work; true where nothing is known of it. */
bool rqs_model_measures(const struct rqs_model *model, const char *name);

/** rqs_model_measured() - whether it has been at work since attaching. */
bool rqs_model_measured(const struct rqs_model *model, const char *name);

#endif
