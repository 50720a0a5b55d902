// SPDX-License-Identifier: GPL-2.0-only
#include "probes.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "beside.h"
#include "cpus.h"
#include "kernel_btf.h"
#include "probes_reason.h"
#include "probes_state.h"
#include "programs.h"

#include "oom.skel.h"
#include "sched.skel.h"
#include "waiters.skel.h"

static const char *const sched_hooks[] = { "sched_switch", NULL };
static const char *const no_hooks[] = { NULL };
static const char *const oom_hooks[] = { "mark_victim", NULL };

int rqs_probes_share(const struct rqs_probes *probes, struct bpf_map *control, struct bpf_map *events, struct bpf_map *event_lanes)
{
	int err = bpf_map__reuse_fd(control, probes->control_fd);

	err = err ?: bpf_map__reuse_fd(events, probes->maps.events);
	return err ?: bpf_map__reuse_fd(event_lanes, probes->maps.event_lanes);
}

void rqs_probes_count(struct rqs_probes *probes, const char *name, const volatile struct rqs_run (*runs)[RQS_RUN_PROGRAMS],
		      uint32_t index)
{
	if (probes->maps.program_count < RQS_PROGRAMS_MAX)
		probes->maps.programs[probes->maps.program_count++] =
			(struct rqs_probe_program){ .name = name, .runs = runs, .index = index };
}

int rqs_probes_open_sched(struct rqs_probes *probes)
{
	struct rqs_sched_bpf *skel;
	int err;

	rqs_complaint_set("");
	probes->status[RQS_PROBE_SCHED].name = "sched";
	skel = rqs_sched_bpf__open();
	err = skel ? rqs_probes_share(probes, skel->maps.control, skel->maps.events, skel->maps.event_lanes) : -errno;
	err = err ?: bpf_map__set_max_entries(skel->maps.sched_lanes, probes->maps.cpu_numbers);
	err = err ?: rqs_sched_bpf__load(skel);
	err = err ?: rqs_sched_bpf__attach(skel);
	if (!err) {
		probes->sched = skel;
		probes->maps.sched_lanes = bpf_map__fd(skel->maps.sched_lanes);
	} else {
		rqs_sched_bpf__destroy(skel);
	}
	rqs_reason_set(&probes->status[RQS_PROBE_SCHED], err, sched_hooks);
	return err;
}

int rqs_probes_open_waiters(struct rqs_probes *probes)
{
	struct rqs_waiters_bpf *skel;
	int err;

	rqs_complaint_set("");
	probes->status[RQS_PROBE_WAITERS].name = "waiters";
	skel = rqs_waiters_bpf__open_and_load();
	err = skel ? rqs_waiters_bpf__attach(skel) : -errno;
	if (!err) {
		probes->waiters = skel;
		probes->maps.waiters = bpf_link__fd(skel->links.waiters_on_task);
	} else {
		rqs_waiters_bpf__destroy(skel);
	}
	rqs_reason_set(&probes->status[RQS_PROBE_WAITERS], err, no_hooks);
	return err;
}

/* The form of the tracepoint whose argument is a task, else the one that every kernel has. */
int rqs_probes_open_oom(struct rqs_probes *probes)
{
	struct rqs_oom_bpf *skel;
	int err = 0;

	rqs_complaint_set("");
	probes->status[RQS_PROBE_OOM].name = "oom";
	for (int with_task = 1; with_task >= 0; with_task--) {
		skel = rqs_oom_bpf__open();
		err = skel ? rqs_probes_share(probes, skel->maps.control, skel->maps.events, skel->maps.event_lanes) : -errno;
		if (!err) {
			bpf_program__set_autoload(skel->progs.oom_on_victim, with_task);
			bpf_program__set_autoload(skel->progs.oom_on_victim_pid, !with_task);
			err = rqs_oom_bpf__load(skel);
		}
		err = err ?: rqs_oom_bpf__attach(skel);
		if (!err) {
			probes->oom = skel;
			break;
		}
		rqs_oom_bpf__destroy(skel);
	}
	rqs_reason_set(&probes->status[RQS_PROBE_OOM], err, oom_hooks);
	return err;
}

static int probe_map(enum bpf_map_type type, const char *name, uint32_t key_bytes, uint32_t value_bytes,
		     uint32_t entries, uint32_t flags)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = flags);
	int fd = bpf_map_create(type, name, key_bytes, value_bytes, entries, &opts);

	return fd < 0 ? -errno : fd;
}

static int probe_make_shared(struct rqs_probes *probes)
{
	void *page;
	int fd;

	fd = probe_map(BPF_MAP_TYPE_ARRAY, "control", 4, sizeof(struct rqs_control), 1, BPF_F_MMAPABLE);
	if (fd < 0)
		return fd;
	probes->control_fd = fd;
	fd = probe_map(BPF_MAP_TYPE_RINGBUF, "events", 0, 0, 64 * 1024, 0);
	if (fd < 0)
		return fd;
	probes->maps.events = fd;
	fd = probe_map(BPF_MAP_TYPE_PERCPU_ARRAY, "event_lanes", 4, sizeof(struct rqs_event_lane), 1, 0);
	if (fd < 0)
		return fd;
	probes->maps.event_lanes = fd;
	probes->control_bytes = sysconf(_SC_PAGESIZE);
	page = mmap(NULL, probes->control_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, probes->control_fd, 0);
	if (page == MAP_FAILED)
		return -errno;
	probes->control_page = page;
	probes->maps.control = page;
	probes->maps.control->event_budget = RQS_EVENT_BUDGET;
	probes->maps.control->epoch = 1; /* 0 is what lanes hold that were never written */
	probes->maps.control->second = 1;
	return 0;
}

int rqs_probes_new(const struct rqs_probes_config *config, struct rqs_probes **ret_probes)
{
	struct rqs_probes *probes = calloc(1, sizeof(*probes));

	*ret_probes = probes;
	if (!probes)
		return -ENOMEM;
	rqs_complaint_listen();
	probes->config = *config;
	probes->status_count = RQS_PROBE_COUNT;
	probes->control_fd = -1;
	probes->maps = (struct rqs_probe_maps){ .events = -1, .event_lanes = -1, .sched_lanes = -1, .waiters = -1, .look = -1, .http_lanes = -1,
						.cpu_numbers = rqs_cpus_numbers(), .http_services = -1, .http_pids = -1, .http_free = -1, .http_sweep = -1 };
	return probe_make_shared(probes);
}

/* Parts without a probe of their own are told of only where they were left out. */
static void probe_leave_out(struct rqs_probes *probes, uint32_t index, const char *name)
{
	probes->status[index] = (struct rqs_probe_status){ .name = name, .state = RQS_PROBE_OFF, .reason = RQS_PARTS_LEFT_OUT };
}

/* All but HTTP. */
static void *probes_open_rest(void *data)
{
	struct rqs_probes *probes = data;

	if (probes->config.without & RQS_PART_RUNQUEUE) {
		probe_leave_out(probes, RQS_PROBE_SCHED, "sched");
		probe_leave_out(probes, RQS_PROBE_WAITERS, "waiters");
	} else {
		rqs_probes_open_sched(probes);
		rqs_probes_open_waiters(probes);
	}
	rqs_probes_open_oom(probes);
	return NULL;
}

static void probes_open_all(struct rqs_probes *probes)
{
	uint32_t without = probes->config.without;
	struct rqs_beside rest;

	rqs_beside_start(&rest, probes_open_rest, probes);
	if (without & RQS_PART_HTTP)
		probe_leave_out(probes, RQS_PROBE_HTTP, "http");
	else
		rqs_probes_open_http(probes);
	rqs_beside_wait(&rest);
	if (probes->sched)
		rqs_probes_count(probes, "sched_on_switch", probes->sched->bss->rqs_runs, 0);
	for (uint32_t i = 0; i < RQS_PART_COUNT; i++)
		if (without & rqs_parts[i].part & (RQS_PART_CLIENT | RQS_PART_ROUTES | RQS_PART_UNIX))
			probe_leave_out(probes, probes->status_count++, rqs_parts[i].name);
}

int rqs_probes_open(const struct rqs_probes_config *config, struct rqs_probes **ret_probes, char ret_error[256])
{
	struct rqs_probes *probes;
	int err = rqs_probes_new(config, &probes);

	if (err) {
		snprintf(ret_error, 256, "the kernel refuses to make BPF maps: %s", strerror(-err));
		rqs_probes_close(probes);
		return err;
	}
	rqs_kernel_btf_hold();
	probes_open_all(probes);
	rqs_kernel_btf_drop();
	*ret_probes = probes;
	return 0;
}

void rqs_probes_close(struct rqs_probes *probes)
{
	if (!probes)
		return;
	rqs_probes_http_close(probes->http);
	rqs_sched_bpf__destroy(probes->sched);
	rqs_waiters_bpf__destroy(probes->waiters);
	rqs_oom_bpf__destroy(probes->oom);
	if (probes->control_page)
		munmap(probes->control_page, probes->control_bytes);
	if (probes->control_fd >= 0)
		close(probes->control_fd);
	if (probes->maps.events >= 0)
		close(probes->maps.events);
	if (probes->maps.event_lanes >= 0)
		close(probes->maps.event_lanes);
	free(probes);
}

const struct rqs_probe_status *rqs_probes_status(const struct rqs_probes *probes, uint32_t *ret_count)
{
	*ret_count = probes->status_count;
	return probes->status;
}

uint32_t rqs_probes_attached(const struct rqs_probes *probes)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < probes->status_count; i++)
		count += probes->status[i].state == RQS_PROBE_ON;
	return count;
}

const struct rqs_probe_maps *rqs_probes_maps(const struct rqs_probes *probes)
{
	return &probes->maps;
}

void rqs_probes_set_off(struct rqs_probes *probes, uint32_t parts)
{
	if (probes->http)
		rqs_probes_http_set_off(probes->http, parts | probes->config.without);
}

void rqs_probes_set_self(struct rqs_probes *probes, uint16_t port, const char *path)
{
	if (probes->http)
		rqs_probes_http_set_self(probes->http, port, path);
}

uint64_t rqs_probes_recursion_misses(const struct rqs_probes *probes)
{
	uint64_t misses = probes->http ? rqs_probes_http_misses(probes->http) : 0;

	if (probes->sched)
		misses += rqs_program_misses(bpf_program__fd(probes->sched->progs.sched_on_switch));
	return misses;
}
