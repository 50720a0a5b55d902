/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * probes - load and attach the BPF programs; each is optional, and one that can't be had says why.
 * Downstream: poll.h reads the maps; main.c.
 */
#ifndef RQS_PROBES_H
#define RQS_PROBES_H

#include "window.h"

struct rqs_probes; /* opaque */

struct rqs_probes_config {
	uint64_t slow_ns; /* from which time to first byte on a request is an event */
	char tap;	  /* 'A' or 'B' forces one, 0 takes the best that loads */
	uint32_t services; /* told apart, at most RQS_SLOT_MAX - RQS_ROLE_COUNT; what comes after is counted together */
	uint32_t routes; /* of the host that stay told apart, at most RQS_ROUTES_STAY */
	uint32_t without; /* parts that are left out, bits of enum rqs_part */
};

/* A program that is attached and counts its runs: rqs_runs[CPU % RQS_RUN_LANES][index]. */
struct rqs_probe_program {
	const char *name;
	const volatile struct rqs_run (*runs)[RQS_RUN_PROGRAMS];
	uint32_t index;
};

/* Of routes: see bpf/http_routes.h. */
struct rqs_route_maps {
	int ids; /* http_routes */
	int names;
	int counts;
	int times;
	int free;
	const volatile uint32_t *used; /* NULL when off, as below */
	volatile uint16_t *generations;
	volatile int32_t *left;
	volatile uint32_t *bar;
	uint32_t stay; /* as in the configuration */
};

/* What can be read. A file descriptor is -1 where its probe is off; all belong to the probes. */
struct rqs_probe_maps {
	volatile struct rqs_control *control;
	uint32_t cpu_numbers; /* lanes of sched_lanes, and of http_lanes for each slot */
	int events;
	int event_lanes;
	int sched_lanes;
	int waiters; /* a link: rqs_poll_waiters() makes iterators of it */
	int look; /* a link as well, for rqs_looker_read(), and ports of services, a bit each: see bpf/http_look.h */
	volatile uint8_t *look_ports;
	int http_lanes;
	uint32_t http_slots; /* that it has lanes for */
	const volatile struct rqs_http_losses *http_losses; /* NULL when off, as below */
	int http_services;
	int http_pids;
	int http_free;
	int http_sweep; /* a link, as waiters; read to its end it ends what is open on Unix sockets that nobody holds ... */
	volatile uint32_t *http_open; /* ... and adds to these, by slot, how many requests are open */
	const volatile uint32_t *http_slots_used;
	volatile uint8_t *http_generations;
	struct rqs_probe_program programs[RQS_PROGRAMS_MAX];
	uint32_t program_count;
	struct rqs_route_maps routes;
};

/**
 * rqs_probes_open() - attach all that this kernel and these privileges allow.
 * Return: 0, even when no probe could be attached; -errno when not even maps can be made.
 */
int rqs_probes_open(const struct rqs_probes_config *config, struct rqs_probes **ret_probes, char ret_error[256]);

/** rqs_probes_close() - detach all. NULL is fine. */
void rqs_probes_close(struct rqs_probes *probes);

/** rqs_probes_status() - all probes, and parts of one that were left out; valid until rqs_probes_close(). */
const struct rqs_probe_status *rqs_probes_status(const struct rqs_probes *probes, uint32_t *ret_count);

/** rqs_probes_attached() - how many are on. */
uint32_t rqs_probes_attached(const struct rqs_probes *probes);

const struct rqs_probe_maps *rqs_probes_maps(const struct rqs_probes *probes);

/**
 * rqs_probes_set_off() - stop measuring parts, or measure them again: RQS_PART_ROUTES, RQS_PART_CLIENT. Needs no privileges.
 * @parts: beside those left out from the start.
 */
void rqs_probes_set_off(struct rqs_probes *probes, uint32_t parts);

/**
 * rqs_probes_set_self() - leave out rqscope's own connections: those to a port of this host, or to a Unix socket.
 * @port: 0: none. @path: at most RQS_UNIX_PATH_MAX bytes; "": none.
 */
void rqs_probes_set_self(struct rqs_probes *probes, uint16_t port, const char *path);

/** rqs_probes_recursion_misses() - runs that the kernel skipped since a program was already running on that CPU. */
uint64_t rqs_probes_recursion_misses(const struct rqs_probes *probes);

/* One thing that `rqscope check` tries. */
struct rqs_check {
	const char *name; /* "http", "sched", "waiters", "oom" */
	char tap;
	bool on;
	char reason[256]; /* "" when on */
	const char *help; /* what would help, or "" */
};

#define RQS_CHECK_COUNT 5

/** rqs_probes_check() - load and attach each probe and each tap for itself, and detach it again. */
void rqs_probes_check(struct rqs_check ret_checks[RQS_CHECK_COUNT]);

#endif
