// SPDX-License-Identifier: GPL-2.0-only
/* test_poll - what programs cost, read where they write it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "poll.h"

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
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_runs_of_all_numbers) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
