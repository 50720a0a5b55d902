// SPDX-License-Identifier: GPL-2.0-only
/* What is done in a thread beside the caller's. */
#include "beside.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct work {
	pid_t tid;
	int cpu; /* where it began */
};

static void *work(void *data)
{
	struct work *done = data;

	done->tid = gettid();
	done->cpu = sched_getcpu();
	return NULL;
}

/* As rqs_privileges_drop() counts them: fs/proc/base.c proc_task_getattr(). */
static unsigned int threads(void)
{
	struct stat tasks;

	assert_int_equal(stat("/proc/self/task", &tasks), 0);
	return tasks.st_nlink - 2;
}

/* On one CPU alone it has no other to go to; with more it may go to all of them. */
static void runs_where_the_caller_may(void **state)
{
	struct rqs_beside beside;
	struct work done = { 0 };
	cpu_set_t before, one;
	int cpu = sched_getcpu();

	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	rqs_beside_start(&beside, work, &done);
	rqs_beside_wait(&beside);
	assert_int_equal(done.cpu, cpu);
	assert_int_not_equal(done.tid, gettid());
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
}

/* Many times: the kernel is done with a thread a moment after pthread_join(). */
static void leaves_no_thread(void **state)
{
	unsigned int before = threads();

	for (int i = 0; i < 2000; i++) {
		struct work done = { 0 };
		struct rqs_beside beside;

		rqs_beside_start(&beside, work, &done);
		rqs_beside_wait(&beside);
		assert_int_not_equal(done.tid, 0);
		assert_int_equal(threads(), before);
	}
}

/* Where no thread can be had it is done all the same. */
static void runs_without_a_thread(void **state)
{
	struct work done = { 0 };
	struct rqs_beside beside = { .run = work, .data = &done };

	rqs_beside_wait(&beside); /* as rqs_beside_start() leaves it when pthread_create() fails */
	assert_int_equal(done.tid, gettid());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_where_the_caller_may),
		cmocka_unit_test(leaves_no_thread),
		cmocka_unit_test(runs_without_a_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
