// SPDX-License-Identifier: GPL-2.0-only
#include "tracers.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "classic.skel.h"
#include "empty.skel.h"
#include "kernel_functions.h"
#include "least.skel.h"
#include "loops.h"
#include "process.h"
#include "runqlat.skel.h"

#define QUIET_LIMIT_NS 20000000000ULL /* in all */

struct bench_tracer {
	enum bench_tracer_kind kind;
	struct bench_empty *empty;
	struct bench_least *least;
	struct bench_classic *classic;
	struct bench_runqlat *runqlat;
	struct bench_rqscope rqscope;
	bool has_rqscope;
};

static unsigned int foreign_links, foreign_most;
static uint64_t quiet_left_ns = QUIET_LIMIT_NS;

/* Links of the kinds that hook into what is timed. */
static unsigned int count_links(void)
{
	unsigned int count = 0;
	__u32 id = 0;

	while (!bpf_link_get_next_id(id, &id)) {
		struct bpf_link_info info = {};
		__u32 bytes = sizeof(info);
		int fd = bpf_link_get_fd_by_id(id);

		if (fd < 0)
			continue;
		if (!bpf_obj_get_info_by_fd(fd, &info, &bytes))
			count += info.type == BPF_LINK_TYPE_RAW_TRACEPOINT || info.type == BPF_LINK_TYPE_TRACING ||
				 info.type == BPF_LINK_TYPE_PERF_EVENT;
		close(fd);
	}
	return count;
}

static void wait_until_quiet(void)
{
	uint64_t begin_ns = bench_now_ns(), waited_ns = 0;
	unsigned int count = count_links();

	while (count && waited_ns < quiet_left_ns) {
		bench_wait_ms(20);
		waited_ns = bench_now_ns() - begin_ns;
		count = count_links();
	}
	quiet_left_ns = waited_ns < quiet_left_ns ? quiet_left_ns - waited_ns : 0;
	if (count > foreign_links)
		fprintf(stderr, "bench: %u programs of others are attached\n", count);
	foreign_links = count;
	foreign_most = count > foreign_most ? count : foreign_most;
}

unsigned int bench_tracers_foreign(void)
{
	return foreign_most;
}

int bench_tracers_prepare(void)
{
	static const char folder[] = "/sys/kernel/tracing";

	if (!access("/sys/kernel/tracing/events", F_OK) || !access("/sys/kernel/debug/tracing/events", F_OK))
		return 0;
	/* Seen by this process and its children only. */
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tracefs", folder, "tracefs", 0, NULL)) {
		fprintf(stderr, "bench: can't mount %s: %s\n", folder, strerror(errno));
		return -errno;
	}
	return 0;
}

/* As rqscope: with tap A some hooks are for Unix sockets, where those have none of their own. */
static bool unix_takes_lengths(void)
{
	return !rqs_kernel_has_function("unix_stream_recvmsg");
}

static int attach_least(struct bench_tracer *tracer)
{
	struct bench_least *least = bench_least__open();

	tracer->least = least;
	if (!least)
		return -errno;
	bpf_program__set_autoload(least->progs.least_on_recv_length, unix_takes_lengths());
	bpf_program__set_autoload(least->progs.least_on_send_length, unix_takes_lengths());
	return bench_least__load(least) ?: bench_least__attach(least);
}

static int attach_empty(struct bench_tracer *tracer)
{
	bool a = tracer->kind == BENCH_EMPTY_A, b = tracer->kind == BENCH_EMPTY_B;
	bool lengths = b || (a && unix_takes_lengths());
	struct bench_empty *empty = bench_empty__open();

	tracer->empty = empty;
	if (!empty)
		return -errno;
	bpf_program__set_autoload(empty->progs.empty_on_copy, a);
	bpf_program__set_autoload(empty->progs.empty_on_sendmsg, a);
	bpf_program__set_autoload(empty->progs.empty_on_recv_length, lengths);
	bpf_program__set_autoload(empty->progs.empty_on_send_length, lengths);
	bpf_program__set_autoload(empty->progs.empty_on_ready, a || b);
	bpf_program__set_autoload(empty->progs.empty_on_state, a || b);
	return bench_empty__load(empty) ?: bench_empty__attach(empty);
}

static int attach_classic(struct bench_tracer *tracer)
{
	bool any = tracer->kind == BENCH_CLASSIC_ANY;
	struct bench_classic *classic = bench_classic__open();
	struct bpf_program *program;

	tracer->classic = classic;
	if (!classic)
		return -errno;
	bpf_object__for_each_program(program, classic->obj)
		bpf_program__set_autoload(program, (bpf_program__type(program) == BPF_PROG_TYPE_TRACING) == any);
	return bench_classic__load(classic) ?: bench_classic__attach(classic);
}

static int attach_runqlat(struct bench_tracer *tracer)
{
	tracer->runqlat = bench_runqlat__open_and_load();
	return tracer->runqlat ? bench_runqlat__attach(tracer->runqlat) : -errno;
}

static int attach(struct bench_tracer *tracer, const char *rqscope_path)
{
	char tap = tracer->kind == BENCH_RQSCOPE_B ? 'B' : tracer->kind == BENCH_RQSCOPE ? 0 : 'A';
	const char *without = tracer->kind == BENCH_RQSCOPE_A_ROUTELESS ? "routes" :
			      tracer->kind == BENCH_RQSCOPE_A_SERVER	? "client" :
			      tracer->kind == BENCH_RQSCOPE_A_TCP	? "unix" :
									  NULL;
	int err;

	switch (tracer->kind) {
	case BENCH_NOTHING:
		return 0;
	case BENCH_EMPTY_A:
	case BENCH_EMPTY_B:
	case BENCH_EMPTY_SCHED:
		return attach_empty(tracer);
	case BENCH_LEAST_A:
		return attach_least(tracer);
	case BENCH_RQSCOPE_A:
	case BENCH_RQSCOPE_A_ROUTELESS:
	case BENCH_RQSCOPE_A_SERVER:
	case BENCH_RQSCOPE_A_TCP:
	case BENCH_RQSCOPE_B:
	case BENCH_RQSCOPE:
		err = bench_rqscope_start(&tracer->rqscope, rqscope_path, tap, without);
		tracer->rqscope.roles = tracer->kind == BENCH_RQSCOPE_A_SERVER ? 1 : 2;
		tracer->has_rqscope = !err;
		return err;
	case BENCH_CLASSIC:
	case BENCH_CLASSIC_ANY:
		return attach_classic(tracer);
	case BENCH_RUNQLAT:
		return attach_runqlat(tracer);
	}
	return -EINVAL;
}

static int destroy(struct bench_tracer *tracer)
{
	int err = 0;

	bench_empty__destroy(tracer->empty);
	bench_least__destroy(tracer->least);
	bench_classic__destroy(tracer->classic);
	bench_runqlat__destroy(tracer->runqlat);
	if (tracer->has_rqscope)
		err = bench_rqscope_end(&tracer->rqscope);
	free(tracer);
	return err;
}

int bench_tracer_attach(enum bench_tracer_kind kind, const char *rqscope_path, struct bench_tracer **ret_tracer)
{
	struct bench_tracer *tracer = calloc(1, sizeof(*tracer));
	int err;

	if (!tracer)
		return -ENOMEM;
	wait_until_quiet();
	tracer->kind = kind;
	err = attach(tracer, rqscope_path);
	if (err)
		destroy(tracer);
	else
		*ret_tracer = tracer;
	return err;
}

/* What an array of counts, the histogram, adds up to. */
static uint64_t sum_of(struct bpf_map *map)
{
	uint64_t sum = 0;

	for (uint32_t slot = 0; slot < bpf_map__max_entries(map); slot++) {
		uint64_t count = 0;

		if (!bpf_map_lookup_elem(bpf_map__fd(map), &slot, &count))
			sum += count;
	}
	return sum;
}

bool bench_tracer_counted(struct bench_tracer *tracer, uint32_t port, uint64_t requests)
{
	if (tracer->has_rqscope)
		return !bench_rqscope_counted(&tracer->rqscope, port, requests);
	/* Of the whole host, so there may be more. */
	if (tracer->least)
		return sum_of(tracer->least->maps.latencies) >= 2 * requests;
	return !tracer->classic || sum_of(tracer->classic->maps.latencies) >= 2 * requests;
}

bool bench_tracer_switched(struct bench_tracer *tracer, uint64_t switches)
{
	if (tracer->has_rqscope)
		return !bench_rqscope_switched(&tracer->rqscope, switches);
	return !tracer->runqlat || sum_of(tracer->runqlat->maps.latencies) >= switches;
}

int bench_tracer_detach(struct bench_tracer *tracer)
{
	int err = destroy(tracer);

	return err ?: count_links() == foreign_links ? 0 : -EBUSY;
}
