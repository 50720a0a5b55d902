/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inflight - the requests that have no answer yet, and what is done with each.
 * Upstream: look.h reads the kernel; phrase.h. Downstream: frame.h.
 * Pure: no I/O, clock, lock or log.
 */
#ifndef RQS_INFLIGHT_H
#define RQS_INFLIGHT_H

#include "phrase.h"

/* Text is clean UTF-8 (text.h); "" where it isn't known. */
struct rqs_inflight_item {
	bool has_age;
	uint64_t age_ns; /* since it came, or was sent */
	uint32_t slot;	 /* RQS_LOOK_NO_SLOT: not known */
	uint8_t role;	 /* enum rqs_role */
	uint8_t stage;	 /* enum rqs_stage */
	uint32_t pid, tid; /* 0: not known */
	uint8_t task_state; /* enum rqs_task_state */
	char comm[4 * RQS_COMM_MAX];
	char method[4 * RQS_METHOD_MAX + 1];
	char path[4 * RQS_PATH_MAX + 4]; /* with "…" where it was cut */
	uint32_t kernel_route; /* as the kernel calls it */
	bool has_route;	       /* not set here: look.h knows the names */
	struct rqs_route_ident route;
	char peer[RQS_PEER_TEXT_MAX]; /* "10.0.0.7:4711", "[2001:db8::1]:4711" */
};

struct rqs_inflight {
	uint32_t connections; /* open, as far as they were seen to be */
	uint32_t http;	      /* of these */
	uint64_t requests;    /* in flight on them */
	uint32_t count;	      /* of those listed, the oldest of all first */
	struct rqs_inflight_item items[RQS_LOOK_MAX];
};

/** rqs_inflight_of() - what the kernel gave, made fit to show. @look: borrowed; hostile but for its numbers. */
void rqs_inflight_of(const struct rqs_look *look, struct rqs_inflight *ret_inflight);

/** rqs_stage_name() - "queued", "reading", "serving", "sending". */
const char *rqs_stage_name(uint8_t stage);

/** rqs_task_state_name() - "running", "runnable", "sleeping", "blocked", "stopped", "exiting", or NULL where it isn't known. */
const char *rqs_task_state_name(uint8_t state);

#endif
