// SPDX-License-Identifier: GPL-2.0-only
/* waiters: differences of what tasks waited, summed by name, the longest first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "waiters.h"

static struct rqs_waiter task(uint32_t tid, const char *comm, uint64_t run_delay_ns)
{
	struct rqs_waiter waiter = { .pid = tid / 10 * 10, .tid = tid, .run_delay_ns = run_delay_ns };

	strncpy(waiter.comm, comm, sizeof(waiter.comm));
	return waiter;
}

static uint64_t second(void)
{
	static uint64_t mono_ns = 1000000000000;

	return mono_ns += 1000000000;
}

static void test_waiters_tell_differences_by_name(void **state)
{
	struct rqs_waiters *waiters = rqs_waiters_new();
	struct rqs_waiting waiting[RQS_WAITING_MAX];
	struct rqs_waiter first[] = { task(10, "cc1", 100), task(11, "cc1", 200), task(20, "nginx", 5), task(30, "idle", 7) };
	struct rqs_waiter later[] = { task(10, "cc1", 150), task(11, "cc1", 500), task(20, "nginx", 1005), task(30, "idle", 7),
				       task(40, "new", 50) };

	assert_int_equal(rqs_waiters_update(waiters, second(), first, 4, waiting), 0);
	assert_int_equal(rqs_waiters_update(waiters, second(), later, 5, waiting), 3);
	assert_string_equal(waiting[0].name, "nginx");
	assert_int_equal(waiting[0].wait_ns, 1000);
	assert_string_equal(waiting[1].name, "cc1");
	assert_int_equal(waiting[1].wait_ns, 350);
	assert_int_equal(waiting[1].tasks, 2);
	assert_int_equal(waiting[1].pid, 10);
	assert_string_equal(waiting[2].name, "new");
	assert_int_equal(waiting[2].wait_ns, 50);
	/* Nobody waited since. */
	assert_int_equal(rqs_waiters_update(waiters, second(), later, 5, waiting), 0);
	rqs_waiters_free(waiters);
}

static void test_waiters_follow_a_number_that_is_used_again(void **state)
{
	struct rqs_waiters *waiters = rqs_waiters_new();
	struct rqs_waiting waiting[RQS_WAITING_MAX];
	struct rqs_waiter old = task(10, "old", 1000), new = task(10, "new", 30);

	rqs_waiters_update(waiters, second(), &old, 1, waiting);
	assert_int_equal(rqs_waiters_update(waiters, second(), &new, 1, waiting), 1);
	assert_string_equal(waiting[0].name, "new");
	assert_int_equal(waiting[0].wait_ns, 30);
	/* Away for a round and back: it counts from its start. */
	assert_int_equal(rqs_waiters_update(waiters, second(), NULL, 0, waiting), 0);
	assert_int_equal(rqs_waiters_update(waiters, second(), &new, 1, waiting), 1);
	rqs_waiters_free(waiters);
}

/* A collector that was stopped: what came together meanwhile is not of one second. */
static void test_waiters_of_more_than_a_second_are_left_out(void **state)
{
	struct rqs_waiters *waiters = rqs_waiters_new();
	struct rqs_waiting waiting[RQS_WAITING_MAX];
	struct rqs_waiter cc1 = task(10, "cc1", 100);

	rqs_waiters_update(waiters, second(), &cc1, 1, waiting);
	cc1.run_delay_ns += 40000000000;
	assert_int_equal(rqs_waiters_update(waiters, second() + 69000000000, &cc1, 1, waiting), 0);
	cc1.run_delay_ns += 7;
	assert_int_equal(rqs_waiters_update(waiters, second() + 69000000000, &cc1, 1, waiting), 1);
	assert_int_equal(waiting[0].wait_ns, 7);
	rqs_waiters_free(waiters);
}

static void test_waiters_hold_as_many_tasks_and_names_as_they_say(void **state)
{
	struct rqs_waiter *tasks = calloc(RQS_WAITERS_TASKS_MAX + 5, sizeof(*tasks));
	struct rqs_waiters *waiters = rqs_waiters_new();
	struct rqs_waiting waiting[RQS_WAITING_MAX];
	uint32_t count;

	for (uint32_t round = 1; round <= 4; round++) {
		for (uint32_t i = 0; i < RQS_WAITERS_TASKS_MAX + 5; i++) {
			char name[RQS_COMM_MAX];

			snprintf(name, sizeof(name), "t%u", i);
			tasks[i] = task(1 + i * 7, name, (uint64_t)round * (i + 1));
		}
		count = rqs_waiters_update(waiters, second(), tasks, RQS_WAITERS_TASKS_MAX + 5, waiting);
		assert_int_equal(count, round == 1 ? 0 : RQS_WAITING_MAX);
	}
	for (uint32_t i = 1; i < RQS_WAITING_MAX; i++)
		assert_true(waiting[i - 1].wait_ns >= waiting[i].wait_ns);
	rqs_waiters_free(waiters);
	free(tasks);
}

static void test_waiters_clean_names(void **state)
{
	struct rqs_waiters *waiters = rqs_waiters_new();
	struct rqs_waiting waiting[RQS_WAITING_MAX];
	struct rqs_waiter hostile = task(10, "a\x1b[31m\xff", 0), later = hostile;

	later.run_delay_ns = 9;
	rqs_waiters_update(waiters, second(), &hostile, 1, waiting);
	assert_int_equal(rqs_waiters_update(waiters, second(), &later, 1, waiting), 1);
	assert_string_equal(waiting[0].name, "a\\x1b[31m\\xff");
	rqs_waiters_free(waiters);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waiters_tell_differences_by_name),
		cmocka_unit_test(test_waiters_follow_a_number_that_is_used_again),
		cmocka_unit_test(test_waiters_of_more_than_a_second_are_left_out),
		cmocka_unit_test(test_waiters_hold_as_many_tasks_and_names_as_they_say),
		cmocka_unit_test(test_waiters_clean_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
