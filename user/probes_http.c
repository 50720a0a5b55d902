// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel_functions.h"
#include "probes_reason.h"
#include "probes_state.h"
#include "programs.h"

#include "http_a.skel.h"
#include "http_b.skel.h"

/* Both taps have the same maps and variables; their skeletons are of different types. This is what of one is used. */
struct rqs_probes_http {
	void *owner; /* the skeleton of its own type */
	void (*destroy)(void *owner);
	struct bpf_object_skeleton *skeleton;
	struct {
		struct bpf_map *control, *events, *event_lanes, *conns, *lanes, *services, *pids, *free;
		struct bpf_map *routes, *route_names, *route_counts, *route_times, *routes_free;
	} maps;

	/* Read-only once it is loaded. */
	__u64 *slow_ns, *self_ns_dev, *self_ns_ino, *route_seed;
	__u32 *slots, *cpus, *routes_named, *self_tgid;

	__u32 *off, *active, *unix_listed, *self_port, *open, *slots_used, *routes_used, *route_bar;
	__s32 *routes_left;
	__u16 *route_generations;
	__u8 *generations, *look_ports;
	char *self_path;
	struct rqs_run (*runs)[RQS_RUN_PROGRAMS];
	struct rqs_http_losses *losses;

	struct rqs_programs *programs;
	struct bpf_link *look, *unix_sweep;
};

#define HTTP_TAP(tap)                                                                                        \
	static void http_destroy_##tap(void *owner)                                                          \
	{                                                                                                    \
		rqs_http_##tap##_bpf__destroy(owner);                                                        \
	}                                                                                                    \
                                                                                                             \
	static int http_open_##tap(struct rqs_probes_http *http)                                             \
	{                                                                                                    \
		struct rqs_http_##tap##_bpf *skel = rqs_http_##tap##_bpf__open();                            \
                                                                                                             \
		if (!skel)                                                                                   \
			return -errno;                                                                       \
		*http = (struct rqs_probes_http){                                                            \
			.owner = skel,                                                                       \
			.destroy = http_destroy_##tap,                                                       \
			.skeleton = skel->skeleton,                                                          \
			.maps = { .control = skel->maps.control,                                             \
				  .events = skel->maps.events,                                               \
				  .event_lanes = skel->maps.event_lanes,                                     \
				  .conns = skel->maps.http_conns,                                            \
				  .lanes = skel->maps.http_lanes,                                            \
				  .services = skel->maps.http_services,                                      \
				  .pids = skel->maps.http_pids,                                              \
				  .free = skel->maps.http_free,                                              \
				  .routes = skel->maps.http_routes,                                          \
				  .route_names = skel->maps.http_route_names,                                \
				  .route_counts = skel->maps.http_route_counts,                              \
				  .route_times = skel->maps.http_route_times,                                \
				  .routes_free = skel->maps.http_routes_free },                              \
			.slow_ns = &skel->rodata->rqs_slow_ns,                                               \
			.self_ns_dev = &skel->rodata->rqs_self_ns_dev,                                       \
			.self_ns_ino = &skel->rodata->rqs_self_ns_ino,                                       \
			.route_seed = &skel->rodata->rqs_route_seed,                                         \
			.slots = &skel->rodata->rqs_slots,                                                   \
			.cpus = &skel->rodata->rqs_cpus,                                                     \
			.routes_named = &skel->rodata->rqs_routes_named,                                     \
			.self_tgid = &skel->rodata->rqs_self_tgid,                                           \
			.off = &skel->bss->http_off,                                                         \
			.active = &skel->bss->http_active,                                                   \
			.unix_listed = &skel->bss->http_unix_listed,                                         \
			.self_port = &skel->bss->http_self_port,                                             \
			.open = skel->bss->http_open,                                                        \
			.slots_used = &skel->data->http_slots_used,                                          \
			.routes_used = &skel->bss->http_routes_used,                                         \
			.route_bar = &skel->data->http_route_bar,                                            \
			.routes_left = &skel->data->http_routes_left,                                        \
			.route_generations = skel->data->http_route_generations,                             \
			.generations = skel->data->http_generations,                                         \
			.look_ports = skel->bss->http_look_ports,                                            \
			.self_path = skel->bss->http_self_path,                                              \
			.runs = skel->bss->rqs_runs,                                                         \
			.losses = &skel->bss->http_losses,                                                   \
		};                                                                                           \
		return 0;                                                                                    \
	}
HTTP_TAP(a)
HTTP_TAP(b)

/* Programs that read when they are asked to; where the kernel doesn't take them, nothing but what they read is missing. */
#define HTTP_LOOK "http_on_look"
#define HTTP_LIST_UNIX "http_list_unix"
#define HTTP_SWEEP_UNIX "http_sweep_unix"
static const char *const http_on_demand[] = { HTTP_LOOK, HTTP_LIST_UNIX, HTTP_SWEEP_UNIX };

/* Of tap A Unix sockets have programs of their own, on their functions or on tracepoints, of tap B the same ones as TCP. */
#define HTTP_UNIX_FUNCTION "unix_stream_recvmsg"
static const struct {
	const char *program;
	bool on_function;
} http_unix_programs[] = {
	{ "http_on_unix_receive", true },
	{ "http_on_unix_send", true },
	{ "http_on_unix_recv_length", false },
	{ "http_on_unix_send_length", false },
};

/* What the second thread loads, so that both take equally long. */
static const char *const http_aside[] = { "http_on_send", "http_on_unix_send", "http_on_unix_send_length", HTTP_LOOK,
					  HTTP_LIST_UNIX, HTTP_SWEEP_UNIX, NULL };

static const struct {
	const char *program;
	enum rqs_http_program index;
} http_counted[] = {
	{ "http_on_receive", RQS_HTTP_RECEIVE },
	{ "http_on_send", RQS_HTTP_SEND },
	{ "http_on_ready", RQS_HTTP_READY },
	{ "http_on_state", RQS_HTTP_STATE },
	{ "http_on_unix_receive", RQS_HTTP_UNIX_RECEIVE },
	{ "http_on_unix_send", RQS_HTTP_UNIX_SEND },
	{ "http_on_unix_recv_length", RQS_HTTP_UNIX_RECEIVE },
	{ "http_on_unix_send_length", RQS_HTTP_UNIX_SEND },
};

static const struct http_tap {
	char name;
	int (*open)(struct rqs_probes_http *http);
	const char *const *hooks;
} http_taps[] = {
	{ 'A', http_open_a,
	  (const char *const[]){ "skb_copy_datagram_iovec", "tcp_sendmsg_locked", "sk_data_ready", "inet_sock_set_state", NULL } },
	{ 'B', http_open_b,
	  (const char *const[]){ "sock_recv_length", "sock_send_length", "sk_data_ready", "inet_sock_set_state", NULL } },
};

/* The process itself as BPF sees it, whatever PID namespace it runs in. */
static void http_set_self(struct rqs_probes_http *http)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st))
		return;
	*http->self_tgid = getpid();
	*http->self_ns_dev = st.st_dev;
	*http->self_ns_ino = st.st_ino;
}

/* Maps with an entry for each slot are made before any is used. */
static int http_set_slots(struct rqs_probes_http *http, uint32_t slots, uint32_t cpus)
{
	int err;

	*http->slots = slots;
	*http->cpus = cpus;
	err = bpf_map__set_max_entries(http->maps.lanes, slots * cpus);
	err = err ?: bpf_map__set_max_entries(http->maps.services, slots);
	return err ?: bpf_map__set_max_entries(http->maps.free, slots);
}

static int http_set_routes(struct rqs_probes_http *http, uint32_t stay)
{
	uint32_t named = stay + RQS_ROUTES_NEW;
	int err;

	*http->routes_named = named;
	*http->routes_left = (__s32)stay;
	err = bpf_map__set_max_entries(http->maps.routes, named);
	err = err ?: bpf_map__set_max_entries(http->maps.route_names, named);
	err = err ?: bpf_map__set_max_entries(http->maps.routes_free, named);
	err = err ?: bpf_map__set_max_entries(http->maps.route_counts, RQS_ROUTE_FIRST + named);
	return err ?: bpf_map__set_max_entries(http->maps.route_times, RQS_ROUTE_FIRST + named);
}

/* Which of the programs for Unix sockets are to be loaded. */
static void http_choose_unix(const struct rqs_probes_http *http, bool has_unix)
{
	const size_t count = sizeof(http_unix_programs) / sizeof(http_unix_programs[0]);
	struct bpf_program *program = bpf_object__find_program_by_name(*http->skeleton->obj, http_unix_programs[0].program);
	bool on_functions = program && has_unix && rqs_kernel_has_function(HTTP_UNIX_FUNCTION);

	for (size_t i = 0; i < count && program; i++) {
		program = bpf_object__find_program_by_name(*http->skeleton->obj, http_unix_programs[i].program);
		bpf_program__set_autoload(program, has_unix && http_unix_programs[i].on_function == on_functions);
	}
}

static int http_configure(const struct rqs_probes *probes, struct rqs_probes_http *http, bool with_on_demand)
{
	struct bpf_program *program;
	int err;

	*http->slow_ns = probes->config.slow_ns;
	*http->off = probes->config.without;
	http_set_self(http);
	/* What nobody who sends requests can know. */
	if (getrandom(http->route_seed, sizeof(*http->route_seed), 0) != sizeof(*http->route_seed))
		return -errno;
	err = http_set_slots(http, probes->config.services + RQS_ROLE_COUNT, probes->maps.cpu_numbers);
	err = err ?: http_set_routes(http, probes->config.routes);
	err = err ?: rqs_probes_share(probes, http->maps.control, http->maps.events, http->maps.event_lanes);
	for (size_t i = 0; i < sizeof(http_on_demand) / sizeof(http_on_demand[0]); i++) {
		program = bpf_object__find_program_by_name(*http->skeleton->obj, http_on_demand[i]);
		bpf_program__set_autoattach(program, false);
		bpf_program__set_autoload(program, with_on_demand);
	}
	http_choose_unix(http, !(probes->config.without & RQS_PART_UNIX));
	return err;
}

/* NULL where it wasn't loaded. */
static struct bpf_link *http_attach_iter(const struct rqs_probes_http *http, const char *name, const struct bpf_iter_attach_opts *opts)
{
	const struct bpf_program *program = rqs_programs_find(http->programs, name);

	return program ? bpf_program__attach_iter(program, opts) : NULL;
}

static struct bpf_link *http_attach_to_conns(const struct rqs_probes_http *http, const char *program)
{
	union bpf_iter_link_info info = { .map.map_fd = (__u32)bpf_map__fd(http->maps.conns) };
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info, .link_info_len = sizeof(info));

	return http_attach_iter(http, program, &opts);
}

/*
 * Unix sockets: list the connections that there are, and make ready for sweeps. Where the kernel can't, all connections are
 * taken for old ones: then the first request of each has no time.
 */
static void http_begin_unix(struct rqs_probes_http *http)
{
	struct bpf_link *link = http_attach_iter(http, HTTP_LIST_UNIX, NULL);
	ssize_t bytes = -1;
	char text[16];
	int fd;

	fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
	if (fd >= 0) {
		while ((bytes = read(fd, text, sizeof(text))) > 0)
			;
		close(fd);
	}
	*http->unix_listed = !bytes;
	bpf_link__destroy(link);
	http->unix_sweep = http_attach_to_conns(http, HTTP_SWEEP_UNIX);
}

static void http_show_maps(struct rqs_probes_http *http, struct rqs_probe_maps *maps)
{
	maps->look = http->look ? bpf_link__fd(http->look) : -1;
	maps->look_ports = http->look_ports;
	maps->http_lanes = bpf_map__fd(http->maps.lanes);
	maps->http_slots = bpf_map__max_entries(http->maps.lanes) / maps->cpu_numbers;
	maps->http_losses = http->losses;
	maps->http_services = bpf_map__fd(http->maps.services);
	maps->http_pids = bpf_map__fd(http->maps.pids);
	maps->http_free = bpf_map__fd(http->maps.free);
	maps->http_sweep = http->unix_sweep ? bpf_link__fd(http->unix_sweep) : -1;
	maps->http_open = http->open;
	maps->http_slots_used = http->slots_used;
	maps->http_generations = http->generations;
	maps->routes = (struct rqs_route_maps){
		.ids = bpf_map__fd(http->maps.routes),
		.names = bpf_map__fd(http->maps.route_names),
		.counts = bpf_map__fd(http->maps.route_counts),
		.times = bpf_map__fd(http->maps.route_times),
		.free = bpf_map__fd(http->maps.routes_free),
		.used = http->routes_used,
		.generations = http->route_generations,
		.left = http->routes_left,
		.bar = http->route_bar,
		.stay = *http->routes_named - RQS_ROUTES_NEW,
	};
}

/* Everything of one tap, or nothing. */
static int http_open(struct rqs_probes *probes, const struct http_tap *tap, bool with_on_demand)
{
	struct rqs_probes_http *http = calloc(1, sizeof(*http));
	int err = http ? tap->open(http) : -ENOMEM;

	err = err ?: http_configure(probes, http, with_on_demand);
	err = err ?: rqs_programs_load(http->skeleton, http_aside, &http->programs);
	err = err ?: rqs_programs_attach(http->programs);
	if (err) {
		rqs_probes_http_close(http);
		return err;
	}
	http->look = http_attach_to_conns(http, HTTP_LOOK);
	*http->active = 1;
	if (!(probes->config.without & RQS_PART_UNIX))
		http_begin_unix(http);
	http_show_maps(http, &probes->maps);
	for (size_t i = 0; i < sizeof(http_counted) / sizeof(http_counted[0]); i++)
		if (rqs_programs_find(http->programs, http_counted[i].program))
			rqs_probes_count(probes, http_counted[i].program, http->runs, http_counted[i].index);
	rqs_programs_settle(http->programs);
	probes->http = http;
	return 0;
}

int rqs_probes_open_http(struct rqs_probes *probes)
{
	struct rqs_probe_status *status = &probes->status[RQS_PROBE_HTTP];
	char before[104] = "", reason[sizeof(status->reason)];
	int err = -ENOENT;

	status->name = "http";
	for (size_t i = 0; i < sizeof(http_taps) / sizeof(http_taps[0]) && err; i++) {
		const struct http_tap *tap = &http_taps[i];

		if (probes->config.tap && probes->config.tap != tap->name)
			continue;
		if (i && !probes->config.tap)
			snprintf(before, sizeof(before), "tap A: %.80s; tap B: ", status->reason);
		rqs_complaint_set("");
		err = http_open(probes, tap, true);
		err = err ? http_open(probes, tap, false) : 0;
		status->tap = tap->name;
		rqs_reason_set(status, err, tap->hooks);
	}
	if (err && !probes->config.tap) {
		memcpy(reason, status->reason, sizeof(reason));
		snprintf(status->reason, sizeof(status->reason), "%s%.150s", before, reason);
		status->tap = 0;
	}
	return err;
}

void rqs_probes_http_close(struct rqs_probes_http *http)
{
	if (!http)
		return;
	bpf_link__destroy(http->unix_sweep);
	bpf_link__destroy(http->look);
	rqs_programs_free(http->programs);
	if (http->owner)
		http->destroy(http->owner);
	free(http);
}

void rqs_probes_http_set_off(struct rqs_probes_http *http, uint32_t parts)
{
	__atomic_store_n(http->off, parts, __ATOMIC_RELAXED);
}

void rqs_probes_http_set_self(struct rqs_probes_http *http, uint16_t port, const char *path)
{
	memcpy(http->self_path, path, strnlen(path, RQS_UNIX_PATH_MAX));
	*http->self_port = port;
}

uint64_t rqs_probes_http_misses(const struct rqs_probes_http *http)
{
	return rqs_programs_misses(http->programs);
}
