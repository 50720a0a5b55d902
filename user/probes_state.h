/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * probes_state - what the probes are, shared by their own files: probes.c (all of them, and the maps that they share), probes_http.c
 * (HTTP, by either tap), probes_check.c (what of it this kernel allows).
 */
#ifndef RQS_PROBES_STATE_H
#define RQS_PROBES_STATE_H

#include <bpf/libbpf.h>

#include "parts.h"
#include "probes.h"

enum rqs_probe_index { RQS_PROBE_HTTP, RQS_PROBE_SCHED, RQS_PROBE_WAITERS, RQS_PROBE_OOM, RQS_PROBE_COUNT };

struct rqs_sched_bpf;
struct rqs_waiters_bpf;
struct rqs_oom_bpf;
struct rqs_probes_http;

struct rqs_probes {
	struct rqs_probe_status status[RQS_PROBE_COUNT + RQS_PART_COUNT];
	uint32_t status_count;
	struct rqs_probe_maps maps;
	struct rqs_probes_config config;
	struct rqs_probes_http *http; /* NULL when off, as below */
	struct rqs_sched_bpf *sched;
	struct rqs_waiters_bpf *waiters;
	struct rqs_oom_bpf *oom;
	int control_fd;
	void *control_page;
	size_t control_bytes;
};

/** rqs_probes_new() - with the maps that all share. Return: 0 or -errno; free it with rqs_probes_close() either way. */
int rqs_probes_new(const struct rqs_probes_config *config, struct rqs_probes **ret_probes);

/** rqs_probes_share() - those take the place of an object's own, before it is loaded. */
int rqs_probes_share(const struct rqs_probes *probes, struct bpf_map *control, struct bpf_map *events, struct bpf_map *event_lanes);

/** rqs_probes_count() - a program that is attached counts its runs. @name: must outlive the probes. */
void rqs_probes_count(struct rqs_probes *probes, const char *name, const volatile struct rqs_run (*runs)[RQS_RUN_PROGRAMS],
		      uint32_t index);

/*
 * rqs_probes_open_*() - load and attach one, and set its status. Each in any thread; they touch nothing in common.
 * Return: 0 or -errno.
 */
int rqs_probes_open_http(struct rqs_probes *probes); /* by the tap asked for, else the best that loads */
int rqs_probes_open_sched(struct rqs_probes *probes);
int rqs_probes_open_waiters(struct rqs_probes *probes);
int rqs_probes_open_oom(struct rqs_probes *probes);

void rqs_probes_http_close(struct rqs_probes_http *http); /* NULL is fine */
void rqs_probes_http_set_off(struct rqs_probes_http *http, uint32_t parts);
void rqs_probes_http_set_self(struct rqs_probes_http *http, uint16_t port, const char *path);
uint64_t rqs_probes_http_misses(const struct rqs_probes_http *http);

#endif
