// SPDX-License-Identifier: GPL-2.0-only
/* test_poll_lanes - lanes of services read where they are written: what moved, whole copies, sums; numbers of CPUs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "cpus.h"
#include "poll_lanes.h"

#define CPUS 3
#define SLOTS 40 /* more than are mapped at first, and no power of two */

/* A file in place of the kernel's map. */
struct fixture {
	int fd;
	struct rqs_http_lane (*map)[CPUS];
	struct rqs_poll_lanes *lanes;
	struct rqs_http_lane sum;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture->fd = memfd_create("lanes", MFD_CLOEXEC);
	assert_int_equal(ftruncate(fixture->fd, sizeof(fixture->map[0]) * SLOTS), 0);
	fixture->map = mmap(NULL, sizeof(fixture->map[0]) * SLOTS, PROT_READ | PROT_WRITE, MAP_SHARED, fixture->fd, 0);
	assert_ptr_not_equal(fixture->map, MAP_FAILED);
	fixture->lanes = rqs_poll_lanes_new(fixture->fd, CPUS);
	assert_non_null(fixture->lanes);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	rqs_poll_lanes_free(fixture->lanes);
	munmap(fixture->map, sizeof(fixture->map[0]) * SLOTS);
	close(fixture->fd);
	free(fixture);
	return 0;
}

static void count(struct rqs_http_lane *lane, uint64_t requests)
{
	lane->begin++;
	lane->requests += requests;
	lane->in_flight -= 1;
	lane->sum_ns[RQS_METRIC_TTFB] += 10 * requests;
	lane->buckets[RQS_METRIC_QUEUE][RQS_BUCKET_COUNT - 1] += requests;
	lane->status[RQS_STATUS_COUNT - 1] += requests;
	lane->end++;
}

static void sums_over_cpus(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(rqs_poll_lanes_reach(fixture->lanes, 2), 0);
	count(&fixture->map[1][0], 5);
	count(&fixture->map[1][2], 7);
	count(&fixture->map[1][2], 1);
	count(&fixture->map[0][1], 100);
	assert_int_equal(rqs_poll_lanes_activity(fixture->lanes, 1), 3);
	rqs_poll_lanes_read(fixture->lanes, 1, 1, &fixture->sum);
	assert_int_equal(fixture->sum.requests, 13);
	assert_int_equal(fixture->sum.in_flight, -3);
	assert_int_equal(fixture->sum.sum_ns[RQS_METRIC_TTFB], 130);
	assert_int_equal(fixture->sum.buckets[RQS_METRIC_QUEUE][RQS_BUCKET_COUNT - 1], 13);
	assert_int_equal(fixture->sum.status[RQS_STATUS_COUNT - 1], 13);
}

/* Stamps of both ticks on several lanes, one of them the first; older ones are nobody's. */
static void extrema_of_two_ticks(void **state)
{
	struct fixture *fixture = *state;
	const uint32_t m = RQS_METRIC_DURATION, epoch = 8;

	assert_int_equal(rqs_poll_lanes_reach(fixture->lanes, 1), 0);
	for (uint32_t cpu = 0; cpu < CPUS; cpu++)
		count(&fixture->map[0][cpu], 1);
	fixture->map[0][0].extrema[m][0] = (struct rqs_extrema){ .epoch = 8, .min = 20, .max = 30 };
	fixture->map[0][0].extrema[m][1] = (struct rqs_extrema){ .epoch = 9, .min = 5, .max = 6 };
	fixture->map[0][1].extrema[m][0] = (struct rqs_extrema){ .epoch = 8, .min = 25, .max = 90 };
	fixture->map[0][1].extrema[m][1] = (struct rqs_extrema){ .epoch = 7, .min = 1, .max = 1000 };
	fixture->map[0][2].extrema[m][0] = (struct rqs_extrema){ .epoch = 6, .min = 1, .max = 1000 };
	rqs_poll_lanes_read(fixture->lanes, 0, epoch, &fixture->sum);
	assert_int_equal(fixture->sum.extrema[m][0].min, 20);
	assert_int_equal(fixture->sum.extrema[m][0].max, 90);
	assert_int_equal(fixture->sum.extrema[m][1].epoch, 9);
	assert_int_equal(fixture->sum.extrema[m][1].min, 5);
	assert_int_equal(fixture->sum.extrema[m][1].max, 6);
}

/* Slots beyond those mapped so far, up to the last one that the map has; what was read stays. */
static void reaches_further(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(rqs_poll_lanes_reach(fixture->lanes, 1), 0);
	count(&fixture->map[SLOTS - 1][CPUS - 1], 3);
	count(&fixture->map[0][0], 2);
	assert_int_equal(rqs_poll_lanes_reach(fixture->lanes, SLOTS), 0);
	rqs_poll_lanes_read(fixture->lanes, SLOTS - 1, 1, &fixture->sum);
	assert_int_equal(fixture->sum.requests, 3);
	rqs_poll_lanes_read(fixture->lanes, 0, 1, &fixture->sum);
	assert_int_equal(fixture->sum.requests, 2);
}

/* A writer that never comes to its end doesn't hold up the reader. */
static void never_whole(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(rqs_poll_lanes_reach(fixture->lanes, 1), 0);
	count(&fixture->map[0][0], 4);
	assert_true(rqs_poll_lanes_read(fixture->lanes, 0, 1, &fixture->sum));
	fixture->map[0][0].begin++;
	assert_false(rqs_poll_lanes_read(fixture->lanes, 0, 1, &fixture->sum));
	assert_int_equal(fixture->sum.requests, 4);
	fixture->map[0][0].end++;
	count(&fixture->map[0][1], 1);
	fixture->map[0][1].begin++;
	assert_false(rqs_poll_lanes_read(fixture->lanes, 0, 1, &fixture->sum));
}

static void says_that_it_cannot_map(void **state)
{
	struct rqs_poll_lanes *lanes = rqs_poll_lanes_new(-1, CPUS);

	(void)state;
	assert_non_null(lanes);
	assert_true(rqs_poll_lanes_reach(lanes, 1) < 0);
	rqs_poll_lanes_free(lanes);
}

static void highest_cpu(void **state)
{
	(void)state;
	assert_int_equal(rqs_cpus_last("0\n"), 0);
	assert_int_equal(rqs_cpus_last("0-127\n"), 127);
	assert_int_equal(rqs_cpus_last("0,2-3,8"), 8);
	assert_int_equal(rqs_cpus_last(""), -1);
	assert_int_equal(rqs_cpus_last("0-"), -1);
	assert_int_equal(rqs_cpus_last("none"), -1);
	assert_int_equal(rqs_cpus_last("0;1"), -1);
	assert_true(rqs_cpus_numbers() >= (uint32_t)sysconf(_SC_NPROCESSORS_ONLN));
}

/* With every other number missing a list is as long as the kernel makes it: a page. */
static void highest_cpu_of_a_long_list(void **state)
{
	int fd = memfd_create("cpus", MFD_CLOEXEC);
	char path[32];

	(void)state;
	for (int cpu = 0; cpu < 800; cpu += 2)
		dprintf(fd, "%s%d", cpu ? "," : "", cpu);
	dprintf(fd, "\n");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(rqs_cpus_read(path), 798);
	assert_int_equal(rqs_cpus_read("/proc/self/no such file"), -1);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sums_over_cpus, setup, teardown),
		cmocka_unit_test_setup_teardown(extrema_of_two_ticks, setup, teardown),
		cmocka_unit_test_setup_teardown(reaches_further, setup, teardown),
		cmocka_unit_test_setup_teardown(never_whole, setup, teardown),
		cmocka_unit_test(says_that_it_cannot_map),
		cmocka_unit_test(highest_cpu),
		cmocka_unit_test(highest_cpu_of_a_long_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
