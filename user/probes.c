// SPDX-License-Identifier: GPL-2.0-only
#include "probes.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cpus.h"
#include "kernel_btf.h"
#include "parts.h"

#include "http_a.skel.h"
#include "http_b.skel.h"
#include "oom.skel.h"
#include "sched.skel.h"
#include "waiters.skel.h"

enum probe_index { PROBE_HTTP, PROBE_SCHED, PROBE_WAITERS, PROBE_OOM, PROBE_COUNT };

struct rqs_probes {
	struct rqs_probe_status status[PROBE_COUNT + RQS_PART_COUNT];
	uint32_t status_count;
	struct rqs_probe_maps maps;
	struct rqs_probes_config config;
	struct rqs_http_a_bpf *http_a;
	struct rqs_http_b_bpf *http_b;
	struct bpf_link *look;
	struct rqs_sched_bpf *sched;
	struct rqs_waiters_bpf *waiters;
	struct rqs_oom_bpf *oom;
	struct bpf_link *unix_sweep;
	int control_fd;
	void *control_page;
	size_t control_bytes;
};

/* The last thing that libbpf complained of, for the reason why a probe is off. */
static _Thread_local char probe_complaint[256];

static int probe_print(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[512], *text = line, *end;

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(line, sizeof(line), format, args);
	if (!strncmp(text, "libbpf: ", 8))
		text += 8;
	end = strchr(text, '\n');
	if (end)
		*end = '\0';
	/* The first complaint is the cause, later ones are its consequences; a verifier's log says nothing to a user. */
	if (!probe_complaint[0] && *text && !strstr(text, "BEGIN PROG LOAD LOG"))
		snprintf(probe_complaint, sizeof(probe_complaint), "%.250s", text);
	return 0;
}

/* Where a running kernel tells whether it refuses all that BPF could read. */
static bool probe_locked_down(void)
{
	char text[128] = "";
	FILE *file = fopen("/sys/kernel/security/lockdown", "re");
	bool locked = false;

	if (!file)
		return false;
	if (fgets(text, sizeof(text), file))
		locked = strstr(text, "[confidentiality]");
	fclose(file);
	return locked;
}

/* Say in one sentence why a probe can't be had: what the kernel lacks if that is known, else what it answered. */
static void probe_explain(char reason[256], const char *const *hooks, int err)
{
	struct btf *btf = btf__load_vmlinux_btf();
	char name[96];

	if (!btf || libbpf_get_error(btf)) {
		snprintf(reason, 256, "this kernel has no type information (/sys/kernel/btf/vmlinux is missing)");
		return;
	}
	for (; *hooks; hooks++) {
		snprintf(name, sizeof(name), "btf_trace_%s", *hooks);
		if (btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF) < 0) {
			snprintf(reason, 256, "this kernel has no tracepoint %s", *hooks);
			goto out;
		}
	}
	if (probe_locked_down())
		snprintf(reason, 256, "the kernel is locked down (confidentiality)");
	else if (err == -EPERM || err == -EACCES)
		snprintf(reason, 256, "the kernel refuses it: %s%s%.160s", strerror(-err), probe_complaint[0] ? ": " : "",
			 probe_complaint);
	else
		snprintf(reason, 256, "%s%s%.160s", strerror(-err), probe_complaint[0] ? ": " : "", probe_complaint);
out:
	btf__free(btf);
}

static void probe_set(struct rqs_probe_status *status, int err, const char *const *hooks)
{
	status->state = err ? RQS_PROBE_OFF : RQS_PROBE_ON;
	status->reason[0] = '\0';
	if (err)
		probe_explain(status->reason, hooks, err);
}

/* The maps that all objects share take the place of their own. */
static int probe_share(struct rqs_probes *probes, struct bpf_map *control, struct bpf_map *events,
		       struct bpf_map *event_lanes)
{
	int err = bpf_map__reuse_fd(control, probes->control_fd);

	err = err ?: bpf_map__reuse_fd(events, probes->maps.events);
	return err ?: bpf_map__reuse_fd(event_lanes, probes->maps.event_lanes);
}

/* The process itself as BPF sees it, whatever PID namespace it runs in. */
static void probe_set_self(volatile __u32 *tgid, volatile __u64 *dev, volatile __u64 *ino)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st))
		return;
	*tgid = getpid();
	*dev = st.st_dev;
	*ino = st.st_ino;
}

/* Maps with an entry for each slot are made before any is used. */
static int probe_size(struct bpf_object *object, uint32_t slots, uint32_t cpus)
{
	static const char *const names[] = { "http_services", "http_free" };
	int err = bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "http_lanes"), slots * cpus);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !err; i++)
		err = bpf_map__set_max_entries(bpf_object__find_map_by_name(object, names[i]), slots);
	return err;
}

static void probe_count(struct rqs_probes *probes, const struct bpf_program *program,
			const volatile struct rqs_run (*runs)[RQS_RUN_PROGRAMS], uint32_t index)
{
	if (probes->maps.program_count < RQS_PROGRAMS_MAX)
		probes->maps.programs[probes->maps.program_count++] =
			(struct rqs_probe_program){ .name = bpf_program__name(program), .runs = runs, .index = index };
}

/* The program that walks over a map of connections when it is read; without it nothing but that is missing. */
static void probe_attach_look(struct rqs_probes *probes, const struct bpf_program *program, const struct bpf_map *connections,
			      volatile uint8_t *ports)
{
	union bpf_iter_link_info info = { .map.map_fd = bpf_map__fd(connections) };
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info, .link_info_len = sizeof(info));

	probes->look = bpf_program__attach_iter(program, &opts);
	probes->maps.look = probes->look ? bpf_link__fd(probes->look) : -1;
	probes->maps.look_ports = ports;
}

/* What nobody who sends requests can know. */
static int probe_seed(volatile __u64 *seed)
{
	__u64 value;

	if (getrandom(&value, sizeof(value), 0) != sizeof(value))
		return -errno;
	*seed = value;
	return 0;
}

/*
 * Unix sockets: list the connections that there are, and make ready for sweeps. Where the kernel can't, all connections are
 * taken for old ones: then the first request of each has no time.
 */
static void probe_unix(struct rqs_probes *probes, struct bpf_program *list, struct bpf_program *sweep, struct bpf_map *conns,
		       volatile __u32 *ret_listed)
{
	union bpf_iter_link_info info = { .map.map_fd = (__u32)bpf_map__fd(conns) };
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info, .link_info_len = sizeof(info));
	struct bpf_link *link = bpf_program__attach_iter(list, NULL);
	ssize_t bytes = -1;
	char text[16];
	int fd;

	fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
	if (fd >= 0) {
		while ((bytes = read(fd, text, sizeof(text))) > 0)
			;
		close(fd);
	}
	*ret_listed = !bytes;
	bpf_link__destroy(link);
	probes->unix_sweep = bpf_program__attach_iter(sweep, &opts);
	if (probes->unix_sweep)
		probes->maps.http_sweep = bpf_link__fd(probes->unix_sweep);
}

/* Of tap A they are programs of their own, of tap B the same ones as for TCP. */
#define PROBE_HTTP_UNIX_a(skel, on)                                                                          \
	do {                                                                                                 \
		bpf_program__set_autoload(skel->progs.http_on_unix_receive, on);                             \
		bpf_program__set_autoload(skel->progs.http_on_unix_send, on);                                \
	} while (0)
#define PROBE_HTTP_UNIX_b(skel, on) ((void)0)
#define PROBE_HTTP_UNIX_COUNT_a(probes, skel)                                                                \
	do {                                                                                                 \
		if ((probes)->config.without & RQS_PART_UNIX)                                                \
			break;                                                                               \
		probe_count(probes, skel->progs.http_on_unix_receive, skel->bss->rqs_runs, RQS_HTTP_UNIX_RECEIVE); \
		probe_count(probes, skel->progs.http_on_unix_send, skel->bss->rqs_runs, RQS_HTTP_UNIX_SEND); \
	} while (0)
#define PROBE_HTTP_UNIX_COUNT_b(probes, skel) ((void)0)

/* Both taps have the same maps and read-only data; their skeletons are of different types. */
#define PROBE_HTTP_LOAD(tap, probes, err)                                                                    \
	do {                                                                                                 \
		struct rqs_http_##tap##_bpf *skel = rqs_http_##tap##_bpf__open();                            \
		(err) = skel ? 0 : -errno;                                                                   \
		if (!skel)                                                                                   \
			break;                                                                               \
		skel->rodata->rqs_slow_ns = (probes)->config.slow_ns;                                        \
		probe_set_self(&skel->rodata->rqs_self_tgid, &skel->rodata->rqs_self_ns_dev,                 \
			       &skel->rodata->rqs_self_ns_ino);                                              \
		skel->bss->http_off = (probes)->config.without;                                              \
		skel->rodata->rqs_slots = (probes)->config.services + RQS_ROLE_COUNT;                        \
		skel->rodata->rqs_cpus = (probes)->maps.cpu_numbers;                                         \
		(err) = probe_size(skel->obj, skel->rodata->rqs_slots, skel->rodata->rqs_cpus);              \
		(err) = (err) ?: probe_seed(&skel->rodata->rqs_route_seed);                                  \
		(err) = (err) ?: probe_share(probes, skel->maps.control, skel->maps.events, skel->maps.event_lanes); \
		bpf_program__set_autoattach(skel->progs.http_list_unix, false);                              \
		bpf_program__set_autoattach(skel->progs.http_sweep_unix, false);                             \
		PROBE_HTTP_UNIX_##tap(skel, !((probes)->config.without & RQS_PART_UNIX));                    \
		(err) = (err) ?: rqs_http_##tap##_bpf__load(skel);                                           \
		bpf_program__set_autoattach(skel->progs.http_on_look, false);                                \
		(err) = (err) ?: rqs_http_##tap##_bpf__attach(skel);                                         \
		if (err) {                                                                                   \
			rqs_http_##tap##_bpf__destroy(skel);                                                 \
			break;                                                                               \
		}                                                                                            \
		probe_attach_look(probes, skel->progs.http_on_look, skel->maps.http_conns, skel->bss->http_look_ports); \
		skel->bss->http_active = 1;                                                                  \
		if (!((probes)->config.without & RQS_PART_UNIX))                                             \
			probe_unix(probes, skel->progs.http_list_unix, skel->progs.http_sweep_unix,          \
				   skel->maps.http_conns, &skel->bss->http_unix_listed);                     \
		(probes)->maps.http_open = skel->bss->http_open;                                             \
		(probes)->http_##tap = skel;                                                                 \
		(probes)->maps.http_lanes = bpf_map__fd(skel->maps.http_lanes);                              \
		(probes)->maps.http_losses = &skel->bss->http_losses;                                        \
		(probes)->maps.http_services = bpf_map__fd(skel->maps.http_services);                        \
		(probes)->maps.http_pids = bpf_map__fd(skel->maps.http_pids);                                \
		(probes)->maps.http_free = bpf_map__fd(skel->maps.http_free);                                \
		(probes)->maps.http_slots_used = &skel->data->http_slots_used;                               \
		(probes)->maps.http_generations = skel->data->http_generations;                              \
		probe_count(probes, skel->progs.http_on_receive, skel->bss->rqs_runs, RQS_HTTP_RECEIVE);     \
		probe_count(probes, skel->progs.http_on_send, skel->bss->rqs_runs, RQS_HTTP_SEND);           \
		probe_count(probes, skel->progs.http_on_ready, skel->bss->rqs_runs, RQS_HTTP_READY);         \
		probe_count(probes, skel->progs.http_on_state, skel->bss->rqs_runs, RQS_HTTP_STATE);         \
		PROBE_HTTP_UNIX_COUNT_##tap(probes, skel);                                                   \
		(probes)->maps.routes = (struct rqs_route_maps){                                             \
			.ids = bpf_map__fd(skel->maps.http_routes),                                          \
			.names = bpf_map__fd(skel->maps.http_route_names),                                   \
			.counts = bpf_map__fd(skel->maps.http_route_counts),                                 \
			.times = bpf_map__fd(skel->maps.http_route_times),                                   \
			.free = bpf_map__fd(skel->maps.http_routes_free),                                    \
			.used = &skel->bss->http_routes_used,                                                \
			.generations = skel->data->http_route_generations,                                   \
			.left = &skel->data->http_routes_left,                                               \
			.bar = &skel->data->http_route_bar,                                                  \
		};                                                                                           \
	} while (0)

static const char *const http_a_hooks[] = { "skb_copy_datagram_iovec", "tcp_sendmsg_locked", "sk_data_ready",
					    "inet_sock_set_state", NULL };
static const char *const http_b_hooks[] = { "sock_recv_length", "sock_send_length", "sk_data_ready",
					    "inet_sock_set_state", NULL };
static const char *const sched_hooks[] = { "sched_switch", NULL };
static const char *const no_hooks[] = { NULL };
static const char *const oom_hooks[] = { "mark_victim", NULL };

static int probe_open_http(struct rqs_probes *probes)
{
	struct rqs_probe_status *status = &probes->status[PROBE_HTTP];
	char first_reason[104] = "";
	int err = -ENOENT;

	status->name = "http";
	if (probes->config.tap != 'B') {
		probe_complaint[0] = '\0';
		PROBE_HTTP_LOAD(a, probes, err);
		status->tap = 'A';
		probe_set(status, err, http_a_hooks);
		if (!err || probes->config.tap)
			return err;
		snprintf(first_reason, sizeof(first_reason), "tap A: %.80s; tap B: ", status->reason);
	}
	probe_complaint[0] = '\0';
	PROBE_HTTP_LOAD(b, probes, err);
	status->tap = 'B';
	probe_set(status, err, http_b_hooks);
	if (err) {
		char second_reason[256];

		memcpy(second_reason, status->reason, sizeof(second_reason));
		snprintf(status->reason, sizeof(status->reason), "%s%.150s", first_reason, second_reason);
		if (!probes->config.tap)
			status->tap = 0;
	}
	return err;
}

static int probe_open_sched(struct rqs_probes *probes)
{
	struct rqs_sched_bpf *skel;
	int err;

	probe_complaint[0] = '\0';
	probes->status[PROBE_SCHED].name = "sched";
	skel = rqs_sched_bpf__open();
	err = skel ? probe_share(probes, skel->maps.control, skel->maps.events, skel->maps.event_lanes) : -errno;
	err = err ?: bpf_map__set_max_entries(skel->maps.sched_lanes, probes->maps.cpu_numbers);
	err = err ?: rqs_sched_bpf__load(skel);
	err = err ?: rqs_sched_bpf__attach(skel);
	if (!err) {
		probes->sched = skel;
		probes->maps.sched_lanes = bpf_map__fd(skel->maps.sched_lanes);
		probe_count(probes, skel->progs.sched_on_switch, skel->bss->rqs_runs, 0);
	} else {
		rqs_sched_bpf__destroy(skel);
	}
	probe_set(&probes->status[PROBE_SCHED], err, sched_hooks);
	return err;
}

static int probe_open_waiters(struct rqs_probes *probes)
{
	struct rqs_waiters_bpf *skel;
	int err;

	probe_complaint[0] = '\0';
	probes->status[PROBE_WAITERS].name = "waiters";
	skel = rqs_waiters_bpf__open_and_load();
	err = skel ? rqs_waiters_bpf__attach(skel) : -errno;
	if (!err) {
		probes->waiters = skel;
		probes->maps.waiters = bpf_link__fd(skel->links.waiters_on_task);
	} else {
		rqs_waiters_bpf__destroy(skel);
	}
	probe_set(&probes->status[PROBE_WAITERS], err, no_hooks);
	return err;
}

/* The form of the tracepoint whose argument is a task, else the one that every kernel has. */
static int probe_open_oom(struct rqs_probes *probes)
{
	struct rqs_oom_bpf *skel;
	int err = 0;

	probe_complaint[0] = '\0';
	probes->status[PROBE_OOM].name = "oom";
	for (int with_task = 1; with_task >= 0; with_task--) {
		skel = rqs_oom_bpf__open();
		err = skel ? probe_share(probes, skel->maps.control, skel->maps.events, skel->maps.event_lanes) : -errno;
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
	probe_set(&probes->status[PROBE_OOM], err, oom_hooks);
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

static struct rqs_probes *probes_new(const struct rqs_probes_config *config)
{
	struct rqs_probes *probes = calloc(1, sizeof(*probes));

	if (!probes)
		return NULL;
	libbpf_set_print(probe_print);
	probes->config = *config;
	probes->status_count = PROBE_COUNT;
	probes->control_fd = -1;
	probes->maps = (struct rqs_probe_maps){ .events = -1, .event_lanes = -1, .sched_lanes = -1, .waiters = -1, .look = -1, .http_lanes = -1,
						.cpu_numbers = rqs_cpus_numbers(), .http_services = -1, .http_pids = -1, .http_free = -1, .http_sweep = -1 };
	return probes;
}

/* Parts without a probe of their own are told of only where they were left out. */
static void probe_leave_out(struct rqs_probes *probes, uint32_t index, const char *name)
{
	probes->status[index] = (struct rqs_probe_status){ .name = name, .state = RQS_PROBE_OFF, .reason = RQS_PARTS_LEFT_OUT };
}

static void probes_open_all(struct rqs_probes *probes)
{
	uint32_t without = probes->config.without;

	if (without & RQS_PART_HTTP)
		probe_leave_out(probes, PROBE_HTTP, "http");
	else
		probe_open_http(probes);
	if (without & RQS_PART_RUNQUEUE) {
		probe_leave_out(probes, PROBE_SCHED, "sched");
		probe_leave_out(probes, PROBE_WAITERS, "waiters");
	} else {
		probe_open_sched(probes);
		probe_open_waiters(probes);
	}
	probe_open_oom(probes);
	for (uint32_t i = 0; i < RQS_PART_COUNT; i++)
		if (without & rqs_parts[i].part & (RQS_PART_CLIENT | RQS_PART_ROUTES | RQS_PART_UNIX))
			probe_leave_out(probes, probes->status_count++, rqs_parts[i].name);
}

int rqs_probes_open(const struct rqs_probes_config *config, struct rqs_probes **ret_probes, char ret_error[256])
{
	struct rqs_probes *probes = probes_new(config);
	int err;

	if (!probes)
		return -ENOMEM;
	err = probe_make_shared(probes);
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
	bpf_link__destroy(probes->unix_sweep);
	bpf_link__destroy(probes->look);
	rqs_http_a_bpf__destroy(probes->http_a);
	rqs_http_b_bpf__destroy(probes->http_b);
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
	parts |= probes->config.without;
	if (probes->http_a)
		__atomic_store_n(&probes->http_a->bss->http_off, parts, __ATOMIC_RELAXED);
	if (probes->http_b)
		__atomic_store_n(&probes->http_b->bss->http_off, parts, __ATOMIC_RELAXED);
}

void rqs_probes_set_self(struct rqs_probes *probes, uint16_t port, const char *path)
{
	size_t bytes = strnlen(path, RQS_UNIX_PATH_MAX);

	if (probes->http_a) {
		memcpy(probes->http_a->bss->http_self_path, path, bytes);
		probes->http_a->bss->http_self_port = port;
	}
	if (probes->http_b) {
		memcpy(probes->http_b->bss->http_self_path, path, bytes);
		probes->http_b->bss->http_self_port = port;
	}
}

static uint64_t object_recursion_misses(const struct bpf_object *object)
{
	struct bpf_program *program;
	uint64_t misses = 0;

	bpf_object__for_each_program(program, object) {
		struct bpf_prog_info info = {};
		uint32_t bytes = sizeof(info);

		if (bpf_program__fd(program) >= 0 && !bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &bytes))
			misses += info.recursion_misses;
	}
	return misses;
}

uint64_t rqs_probes_recursion_misses(const struct rqs_probes *probes)
{
	uint64_t misses = 0;

	if (probes->http_a)
		misses += object_recursion_misses(probes->http_a->obj);
	if (probes->http_b)
		misses += object_recursion_misses(probes->http_b->obj);
	if (probes->sched)
		misses += object_recursion_misses(probes->sched->obj);
	return misses;
}

static void check_one(struct rqs_check *check, const char *name, char tap, int (*open)(struct rqs_probes *),
		      enum probe_index index, const char *help)
{
	struct rqs_probes_config config = { .slow_ns = UINT64_MAX, .tap = tap, .services = 1 };
	struct rqs_probes *probes = probes_new(&config);
	int err = probes ? probe_make_shared(probes) : -ENOMEM;

	*check = (struct rqs_check){ .name = name, .tap = tap, .help = "" };
	if (err)
		snprintf(check->reason, sizeof(check->reason), "the kernel refuses to make BPF maps: %s", strerror(-err));
	else if (open(probes))
		memcpy(check->reason, probes->status[index].reason, sizeof(check->reason));
	else
		check->on = true;
	if (!check->on)
		check->help = geteuid() ? "run it as root" : help;
	rqs_probes_close(probes);
}

void rqs_probes_check(struct rqs_check ret_checks[RQS_CHECK_COUNT])
{
	rqs_kernel_btf_hold();
	check_one(&ret_checks[0], "http", 'A', probe_open_http, PROBE_HTTP, "a kernel of 6.16 or later, built with BTF");
	check_one(&ret_checks[1], "http", 'B', probe_open_http, PROBE_HTTP, "a kernel of 6.3 or later, built with BTF");
	check_one(&ret_checks[2], "sched", 0, probe_open_sched, PROBE_SCHED,
		  "a kernel built with BTF, CONFIG_SCHED_INFO and CONFIG_FAIR_GROUP_SCHED");
	check_one(&ret_checks[3], "waiters", 0, probe_open_waiters, PROBE_WAITERS, "a kernel of 5.8 or later, built with BTF");
	check_one(&ret_checks[4], "oom", 0, probe_open_oom, PROBE_OOM, "a kernel built with BTF and tracepoints");
	rqs_kernel_btf_drop();
}
