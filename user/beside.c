// SPDX-License-Identifier: GPL-2.0-only
#include "beside.h"

#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define BESIDE_POLL_NS 20000
#define BESIDE_POLLS 50000 /* a second */

static void *beside_run(void *data)
{
	struct rqs_beside *beside = data;

	beside->tid = gettid();
	beside->run(beside->data);
	return NULL;
}

/*
 * Begin on any CPU but the caller's. Where all CPUs are busy, be it with the least urgent of work, the scheduler may leave both
 * threads on one for as long as this takes, and nothing is won. After that it may go wherever the caller may.
 */
static int beside_create(struct rqs_beside *beside)
{
	cpu_set_t own, others;
	pthread_attr_t attr;
	int cpu = sched_getcpu(), err = pthread_attr_init(&attr);

	if (err)
		return err;
	/* On more CPUs than the set has room for it is left to the scheduler. */
	if (cpu >= 0 && cpu < CPU_SETSIZE && !sched_getaffinity(0, sizeof(own), &own)) {
		others = own;
		CPU_CLR(cpu, &others);
		if (CPU_COUNT(&others))
			pthread_attr_setaffinity_np(&attr, sizeof(others), &others);
	} else {
		CPU_ZERO(&own);
	}
	err = pthread_create(&beside->thread, &attr, beside_run, beside);
	if (!err && CPU_COUNT(&own))
		pthread_setaffinity_np(beside->thread, sizeof(own), &own);
	pthread_attr_destroy(&attr);
	return err;
}

/*
 * pthread_join() returns when the thread has no more use for its stack, a moment before the kernel has done with it; and until then
 * rqs_privileges_drop() would find that there are other threads. No system call waits for it: PIDFD_THREAD came with Linux 6.9.
 */
static void beside_gone(pid_t tid)
{
	const struct timespec pause = { .tv_nsec = BESIDE_POLL_NS };

	for (int i = 0; i < BESIDE_POLLS && !tgkill(getpid(), tid, 0); i++)
		nanosleep(&pause, NULL);
}

void rqs_beside_start(struct rqs_beside *beside, void *(*run)(void *data), void *data)
{
	beside->run = run;
	beside->data = data;
	beside->started = !beside_create(beside);
}

void rqs_beside_wait(struct rqs_beside *beside)
{
	if (!beside->started) {
		beside->run(beside->data);
		return;
	}
	pthread_join(beside->thread, NULL);
	beside_gone(beside->tid);
}
