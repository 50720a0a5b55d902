// SPDX-License-Identifier: GPL-2.0-only
/* test_poll - maps as the programs fill them, read: without the programs. */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "poll.h"

#define SLOT 3 /* of the service that there is */
#define SLOTS 8

struct fixture {
	struct rqs_probe_maps maps;
	struct rqs_control control;
	struct rqs_http_losses losses;
	uint32_t slots_used, routes_used;
	struct rqs_http_lane *lanes; /* one CPU's, by slot */
	struct rqs_poll *poll;
	struct rqs_reading reading;
};

static uint32_t keys_asked; /* of any map */

/* Stands before libbpf's own. */
int bpf_map_get_next_key(int fd, const void *key, void *next_key)
{
	union bpf_attr attr = { .map_fd = (uint32_t)fd, .key = (uintptr_t)key, .next_key = (uintptr_t)next_key };

	keys_asked++;
	return (int)syscall(SYS_bpf, BPF_MAP_GET_NEXT_KEY, &attr, sizeof(attr));
}

static ring_buffer_sample_fn on_event;
static void *on_event_ctx;

/* Likewise: what the kernel's programs write into the ring is handed over by the tests. */
struct ring_buffer *ring_buffer__new(int fd, ring_buffer_sample_fn sample, void *ctx, const struct ring_buffer_opts *opts)
{
	struct ring_buffer *(*real)(int, ring_buffer_sample_fn, void *, const struct ring_buffer_opts *);

	*(void **)&real = dlsym(RTLD_NEXT, "ring_buffer__new");
	on_event = sample;
	on_event_ctx = ctx;
	return real(fd, sample, ctx, opts);
}

static int map(enum bpf_map_type type, uint32_t key_bytes, size_t value_bytes, uint32_t entries, uint32_t flags)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = flags);
	int fd = bpf_map_create(type, "test", key_bytes, (uint32_t)value_bytes, entries, &opts);

	assert_true(fd > 0);
	return fd;
}

static size_t lanes_bytes(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (SLOTS * sizeof(struct rqs_http_lane) + page - 1) & ~(page - 1);
}

/* Services and routes, one service known. */
static void set_up(struct fixture *fix)
{
	struct rqs_service_key key = { .name = "nginx", .port = 8080, .role = RQS_ROLE_SERVER };
	struct rqs_service_value value = { .slot = SLOT, .pid = 1 };
	struct rqs_probe_maps *maps = &fix->maps;

	memset(fix, 0, sizeof(*fix));
	fix->slots_used = SLOT + 1;
	*maps = (struct rqs_probe_maps){ .control = &fix->control, .cpu_numbers = 1, .sched_lanes = -1, .waiters = -1, .look = -1,
					 .http_slots = SLOTS, .http_losses = &fix->losses, .http_pids = -1, .http_free = -1,
					 .http_sweep = -1, .http_slots_used = &fix->slots_used,
					 .routes = { .ids = -1, .names = -1, .times = -1, .free = -1, .used = &fix->routes_used } };
	maps->events = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "events", 0, 0, 64 * 1024, NULL);
	if (maps->events < 0)
		skip(); /* it takes root */
	maps->event_lanes = map(BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct rqs_event_lane), 1, 0);
	maps->http_lanes = map(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct rqs_http_lane), SLOTS, BPF_F_MMAPABLE);
	maps->http_services = map(BPF_MAP_TYPE_HASH, sizeof(key), sizeof(value), SLOTS, 0);
	maps->routes.counts = map(BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct rqs_route_counts), RQS_ROUTE_IDS, 0);
	fix->lanes = mmap(NULL, lanes_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, maps->http_lanes, 0);
	assert_true(fix->lanes != MAP_FAILED);
	assert_int_equal(bpf_map_update_elem(maps->http_services, &key, &value, BPF_ANY), 0);
	assert_int_equal(rqs_poll_new(maps, &fix->poll), 0);
}

static void tear_down(struct fixture *fix)
{
	rqs_poll_free(fix->poll);
	munmap(fix->lanes, lanes_bytes());
	close(fix->maps.events);
	close(fix->maps.event_lanes);
	close(fix->maps.http_lanes);
	close(fix->maps.http_services);
	close(fix->maps.routes.counts);
}

static void count_request(struct fixture *fix, uint32_t slot)
{
	fix->lanes[slot].begin++;
	fix->lanes[slot].requests++;
	fix->lanes[slot].end++;
}

/* A service in the midst of a change is told when that is over; or, where it never is, as it is. */
static void test_books_are_told_whole(void **state)
{
	struct fixture fix;

	set_up(&fix);
	count_request(&fix, SLOT);
	fix.lanes[SLOT].begin++;
	fix.lanes[SLOT].requests++;
	assert_int_equal(rqs_poll_read(fix.poll, &fix.reading), 0);
	assert_int_equal(fix.reading.slot_count, 0);
	fix.lanes[SLOT].responses++;
	fix.lanes[SLOT].end++;
	assert_int_equal(rqs_poll_read(fix.poll, &fix.reading), 0);
	assert_int_equal(fix.reading.slot_count, 1);
	assert_int_equal(fix.reading.slots[0].sum.requests, 2);
	assert_int_equal(fix.reading.slots[0].sum.responses, 1);
	count_request(&fix, SLOT);
	fix.lanes[SLOT].begin++;
	for (int tick = 1; tick <= 3; tick++) {
		assert_int_equal(rqs_poll_read(fix.poll, &fix.reading), 0);
		assert_int_equal(fix.reading.slot_count, tick == 3);
	}
	assert_int_equal(fix.reading.slots[0].sum.requests, 3);
	tear_down(&fix);
}

/* What could not be read to its end is told by the next reading, also where nothing more happened. */
static void test_a_failed_reading_is_made_up_for(void **state)
{
	struct fixture fix;
	int counts;

	set_up(&fix);
	count_request(&fix, SLOT);
	counts = fix.maps.routes.counts;
	fix.maps.routes.counts = -1;
	assert_true(rqs_poll_read(fix.poll, &fix.reading) < 0);
	fix.maps.routes.counts = counts;
	assert_int_equal(rqs_poll_read(fix.poll, &fix.reading), 0);
	assert_int_equal(fix.reading.slot_count, 1);
	assert_string_equal(fix.reading.slots[0].ident->name, "nginx");
	assert_int_equal(fix.reading.slots[0].sum.requests, 1);
	assert_int_equal(rqs_poll_read(fix.poll, &fix.reading), 0);
	assert_int_equal(fix.reading.slot_count, 0);
	tear_down(&fix);
}

/* A service told later than it was read goes with the counts of its routes as they are. */
static void test_counts_of_routes_are_there_where_nothing_moved(void **state)
{
	uint32_t id = SLOT, cpus = (uint32_t)libbpf_num_possible_cpus();
	struct rqs_route_counts *counts = calloc(cpus, sizeof(*counts));
	struct fixture fix;

	set_up(&fix);
	counts[cpus - 1].requests = 1;
	assert_int_equal(bpf_map_update_elem(fix.maps.routes.counts, &id, counts, BPF_ANY), 0);
	count_request(&fix, SLOT);
	assert_int_equal(rqs_poll_read(fix.poll, &fix.reading), 0);
	assert_int_equal(fix.reading.slot_count, 1);
	assert_int_equal(rqs_poll_read(fix.poll, &fix.reading), 0);
	assert_int_equal(fix.reading.slot_count, 0);
	assert_non_null(fix.reading.routes.counts);
	assert_int_equal(fix.reading.routes.counts[SLOT].requests, 1);
	tear_down(&fix);
	free(counts);
}

/* What is still counted on a slot that was taken back is asked for once, not in each tick; who gets the slot is found at once. */
static void test_a_slot_of_nobody_is_asked_for_once(void **state)
{
	struct rqs_service_key key = { .name = "redis", .port = 6379, .role = RQS_ROLE_SERVER };
	struct rqs_service_value value = { .slot = SLOT + 1, .pid = 1 };
	struct fixture fix;
	uint32_t asked;

	set_up(&fix);
	fix.slots_used = SLOT + 2;
	count_request(&fix, SLOT + 1);
	assert_int_equal(rqs_poll_read(fix.poll, &fix.reading), 0);
	asked = keys_asked;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(rqs_poll_read(fix.poll, &fix.reading), 0);
		assert_int_equal(fix.reading.slot_count, 0);
	}
	assert_int_equal(keys_asked, asked);
	assert_int_equal(bpf_map_update_elem(fix.maps.http_services, &key, &value, BPF_ANY), 0);
	count_request(&fix, SLOT + 1);
	assert_int_equal(rqs_poll_read(fix.poll, &fix.reading), 0);
	assert_int_equal(fix.reading.slot_count, 1);
	assert_string_equal(fix.reading.slots[0].ident->name, "redis");
	assert_int_equal(fix.reading.slots[0].sum.requests, 2);
	tear_down(&fix);
}

/* Events of readings that failed are kept as far as there is room; the rest is counted. */
static void test_events_without_room_are_counted(void **state)
{
	struct rqs_kernel_event event = { .kind = RQS_EVENT_SLOW_REQUEST };
	struct fixture fix;

	set_up(&fix);
	for (int i = 0; i < 300; i++)
		on_event(on_event_ctx, &event, sizeof(event));
	assert_int_equal(rqs_poll_read(fix.poll, &fix.reading), 0);
	assert_int_equal(fix.reading.event_count + fix.reading.event_held_back, 300);
	assert_int_equal(rqs_poll_read(fix.poll, &fix.reading), 0);
	assert_int_equal(fix.reading.event_count, 0);
	assert_in_range(fix.reading.event_held_back, 1, 300);
	tear_down(&fix);
}

static struct rqs_run runs[RQS_RUN_LANES][RQS_RUN_PROGRAMS];

/* Where numbers are missing among those of the CPUs, the highest is above how many there are. */
static void test_runs_of_all_numbers(void **state)
{
	uint32_t last = (uint32_t)libbpf_num_possible_cpus() + 2;
	struct rqs_probe_maps maps = { .event_lanes = -1, .sched_lanes = -1, .waiters = -1, .look = -1, .http_lanes = -1,
				       .cpu_numbers = last + 1, .programs = { { .name = "a program", .runs = runs, .index = 1 } },
				       .program_count = 1 };
	struct rqs_program_runs programs[RQS_PROGRAMS_MAX];
	struct rqs_poll *poll;

	maps.events = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "events", 0, 0, 64 * 1024, NULL);
	if (maps.events < 0)
		skip(); /* it takes root */
	assert_int_equal(rqs_poll_new(&maps, &poll), 0);
	runs[0][1] = (struct rqs_run){ .goal = 10, .left = 3, .timed = 2, .timed_ns = 100 };
	runs[last][1] = (struct rqs_run){ .goal = 1000, .timed = 5, .timed_ns = 500 };
	assert_int_equal(rqs_poll_runs(poll, programs), 1);
	assert_int_equal(programs[0].runs, 1007);
	assert_int_equal(programs[0].timed, 7);
	assert_int_equal(programs[0].timed_ns, 600);
	rqs_poll_free(poll);
	close(maps.events);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_books_are_told_whole),
		cmocka_unit_test(test_a_failed_reading_is_made_up_for),
		cmocka_unit_test(test_counts_of_routes_are_there_where_nothing_moved),
		cmocka_unit_test(test_a_slot_of_nobody_is_asked_for_once),
		cmocka_unit_test(test_events_without_room_are_counted),
		cmocka_unit_test(test_runs_of_all_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
