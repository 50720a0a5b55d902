// SPDX-License-Identifier: GPL-2.0-only
/*
 * busy - so many threads on each CPU that everything else is preempted in the middle of what it does.
 * Usage: busy THREADS SECONDS: THREADS a CPU. Half of them spin at normal priority; the others run under SCHED_FIFO
 * and SCHED_RR in turns, spin for a moment and sleep, so that the rest of the host gets its turn. Prints "busy" once
 * all run, and at the end "woke=N": how often a real-time thread took a CPU.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 1024

static long long end_ns;
static atomic_long woke;
static int threads_per_cpu;

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void spin(long long spin_ns)
{
	long long until_ns = now_ns() + spin_ns;

	while (now_ns() < until_ns)
		;
}

/* Odd times of sleep: the wake-ups fall everywhere in what the others do. */
static void *run_realtime(void *arg)
{
	long index = (long)arg;
	struct timespec pause = { .tv_nsec = 0 };
	unsigned int seed = index * 7919 + 1;

	while (now_ns() < end_ns) {
		spin(60000);
		pause.tv_nsec = 1000000 + rand_r(&seed) % 2000000;
		nanosleep(&pause, NULL);
		atomic_fetch_add(&woke, 1);
	}
	return NULL;
}

static void *run_normal(void *arg)
{
	while (now_ns() < end_ns)
		spin(100000);
	return NULL;
}

static int start(pthread_t *thread, long index)
{
	struct sched_param param = { .sched_priority = 0 };
	bool realtime = index % threads_per_cpu >= threads_per_cpu / 2;
	pthread_attr_t attr;
	cpu_set_t cpus;
	int err;

	pthread_attr_init(&attr);
	CPU_ZERO(&cpus);
	CPU_SET(index / threads_per_cpu, &cpus);
	pthread_attr_setaffinity_np(&attr, sizeof(cpus), &cpus);
	if (realtime) {
		param.sched_priority = 2 + index % 8;
		pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
		pthread_attr_setschedpolicy(&attr, index % 2 ? SCHED_FIFO : SCHED_RR);
		pthread_attr_setschedparam(&attr, &param);
	}
	err = pthread_create(thread, &attr, realtime ? run_realtime : run_normal, (void *)index);
	pthread_attr_destroy(&attr);
	return err;
}

int main(int argc, char **argv)
{
	static pthread_t threads[THREADS_MAX];
	long count, i;
	int err = 0;

	if (argc != 3 || atoi(argv[1]) < 2 || atoi(argv[2]) < 1 || atoi(argv[2]) > 60) {
		fprintf(stderr, "usage: busy THREADS SECONDS\n");
		return 2;
	}
	threads_per_cpu = atoi(argv[1]);
	count = sysconf(_SC_NPROCESSORS_ONLN) * threads_per_cpu;
	if (count > THREADS_MAX)
		count = THREADS_MAX - THREADS_MAX % threads_per_cpu;
	end_ns = now_ns() + atoi(argv[2]) * 1000000000LL;
	for (i = 0; i < count && !err; i++)
		err = start(&threads[i], i);
	if (err) {
		fprintf(stderr, "busy: cannot start thread %ld: %s\n", i - 1, strerror(err));
		return 1;
	}
	puts("busy");
	fflush(stdout);
	for (i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	printf("woke=%ld\n", (long)woke);
	return 0;
}
