// SPDX-License-Identifier: GPL-2.0-only
#include "collector.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "agg.h"
#include "poll.h"
#include "vitals.h"

#define COLLECTOR_SECOND_NS 1000000000ULL

struct rqs_collector {
	struct rqs_probes *probes;
	struct rqs_handover *handover;
	struct rqs_poll *poll;
	struct rqs_agg *agg;
	struct rqs_vitals_reader *vitals;
	struct rqs_cost cost;
	struct rqs_shed shed;
	struct rqs_shed_change shed_change;
	uint64_t tick_ns;
	uint64_t start_ns, start_real_ns;
	uint64_t second_ns; /* when vitals are due */
	const struct rqs_waiting *waiting_tasks; /* as of the last second */
	uint32_t waiting_task_count;
	uint32_t missed; /* ticks without a window since the last one */
	const struct rqs_window *waiting; /* made, and not taken by the handover yet */
	int timer_fd, stop_fd;
	pthread_t thread;
	bool started;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * COLLECTOR_SECOND_NS + time.tv_nsec;
}

int rqs_collector_new(struct rqs_probes *probes, struct rqs_handover *handover, const struct rqs_shed_config *shed,
		      struct rqs_collector **ret_collector, char ret_error[256])
{
	struct rqs_collector *collector = calloc(1, sizeof(*collector));
	int err;

	if (!collector)
		return -ENOMEM;
	collector->probes = probes;
	collector->handover = handover;
	collector->tick_ns = shed->tick_ns;
	collector->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	collector->stop_fd = eventfd(0, EFD_CLOEXEC);
	err = collector->timer_fd < 0 || collector->stop_fd < 0 ? -errno : 0;
	if (err) {
		snprintf(ret_error, 256, "can't make a timer: %s", strerror(-err));
		goto out;
	}
	err = rqs_poll_new(rqs_probes_maps(probes), &collector->poll);
	if (err) {
		snprintf(ret_error, 256, "can't prepare for reading the BPF maps: %s", strerror(-err));
		goto out;
	}
	err = rqs_vitals_open("/proc", &collector->vitals);
	if (err) {
		snprintf(ret_error, 256, "can't read /proc/stat and /proc/meminfo: %s", strerror(-err));
		goto out;
	}
	collector->start_ns = clock_ns(CLOCK_MONOTONIC);
	collector->start_real_ns = clock_ns(CLOCK_REALTIME);
	collector->cost.start_ns = collector->start_ns;
	rqs_shed_init(&collector->shed, shed, collector->start_ns);
	collector->agg = rqs_agg_new(rqs_poll_cpus(collector->poll), collector->start_ns);
	if (!collector->agg) {
		err = -ENOMEM;
		snprintf(ret_error, 256, "no memory for windows");
		goto out;
	}
	*ret_collector = collector;
	return 0;
out:
	rqs_collector_free(collector);
	return err;
}

uint64_t rqs_collector_start_ns(const struct rqs_collector *collector, uint64_t *ret_real_ns)
{
	*ret_real_ns = collector->start_real_ns;
	return collector->start_ns;
}

/* What is read once a second. */
static void collector_second(struct rqs_collector *collector, struct rqs_reading *reading, struct rqs_vitals *vitals,
			     struct rqs_self *self)
{
	struct rqs_program_runs programs[RQS_PROGRAMS_MAX];

	if (reading->mono_ns < collector->second_ns)
		return;
	collector->second_ns += COLLECTOR_SECOND_NS;
	if (collector->second_ns <= reading->mono_ns)
		collector->second_ns = reading->mono_ns + COLLECTOR_SECOND_NS;
	if (rqs_vitals_read(collector->vitals, reading->mono_ns, vitals, self))
		return;
	reading->vitals = vitals;
	reading->self = self;
	rqs_cost_update(&collector->cost, reading->mono_ns, programs, rqs_poll_runs(collector->poll, programs), self);
	if (rqs_shed_second(&collector->shed, reading->mono_ns, self, &collector->shed_change)) {
		rqs_probes_set_off(collector->probes, collector->shed.off);
		reading->shed_change = &collector->shed_change;
	}
	reading->pid_count = rqs_poll_pids(collector->poll, &reading->pids);
	rqs_poll_second(collector->poll, reading);
	reading->waiting = collector->waiting_tasks;
	reading->waiting_count = collector->waiting_task_count;
	reading->recursion_misses = rqs_probes_recursion_misses(collector->probes);
}

static void collector_tick(struct rqs_collector *collector, uint64_t deadline_ns, uint32_t missed)
{
	struct rqs_reading reading = { .deadline_ns = deadline_ns, .missed = missed + collector->missed };
	struct rqs_vitals vitals;
	struct rqs_self self;
	int err;

	if (collector->waiting && !rqs_handover_push(collector->handover, collector->waiting))
		collector->waiting = NULL;
	reading.mono_ns = clock_ns(CLOCK_MONOTONIC);
	reading.real_ns = clock_ns(CLOCK_REALTIME);
	/* Nobody takes windows: what happens now goes into the next one that can be handed over. */
	if (collector->waiting || rqs_poll_read(collector->poll, &reading)) {
		collector->missed += 1 + missed;
		return;
	}
	collector->missed = 0;
	rqs_shed_tick(&collector->shed, reading.mono_ns > deadline_ns ? reading.mono_ns - deadline_ns : 0);
	collector_second(collector, &reading, &vitals, &self);
	reading.shed = collector->shed.off;
	err = rqs_agg_push(collector->agg, &reading, &collector->waiting);
	if (!err && reading.vitals)
		rqs_poll_second_done(collector->poll);
	if (!err && !rqs_handover_push(collector->handover, collector->waiting))
		collector->waiting = NULL;
	/* After the window is on its way: with many tasks or connections this takes a while. */
	if (reading.vitals) {
		rqs_poll_sweep(collector->poll);
		collector->waiting_task_count = rqs_poll_waiters(collector->poll, clock_ns(CLOCK_MONOTONIC), &collector->waiting_tasks);
	}
}

static void *collector_run(void *data)
{
	struct rqs_collector *collector = data;
	struct pollfd fds[] = { { .fd = collector->stop_fd, .events = POLLIN }, { .fd = collector->timer_fd, .events = POLLIN } };
	uint64_t deadline_ns = collector->start_ns, expired;

	prctl(PR_SET_NAME, "rqs-collect");
	while (poll(fds, 2, -1) >= 0 || errno == EINTR) {
		if (fds[0].revents)
			break;
		if (!fds[1].revents || read(collector->timer_fd, &expired, sizeof(expired)) != sizeof(expired))
			continue;
		/* Of several that passed the first was the one that is late. */
		collector_tick(collector, deadline_ns + collector->tick_ns, expired - 1);
		deadline_ns += expired * collector->tick_ns;
	}
	return NULL;
}

int rqs_collector_start(struct rqs_collector *collector)
{
	uint64_t first_ns = collector->start_ns + collector->tick_ns, tick_ns = collector->tick_ns;
	struct itimerspec timer = {
		.it_value = { .tv_sec = first_ns / COLLECTOR_SECOND_NS, .tv_nsec = first_ns % COLLECTOR_SECOND_NS },
		.it_interval = { .tv_sec = tick_ns / COLLECTOR_SECOND_NS, .tv_nsec = tick_ns % COLLECTOR_SECOND_NS },
	};
	int err;

	if (timerfd_settime(collector->timer_fd, TFD_TIMER_ABSTIME, &timer, NULL))
		return -errno;
	err = pthread_create(&collector->thread, NULL, collector_run, collector);
	collector->started = !err;
	return -err;
}

void rqs_collector_stop(struct rqs_collector *collector)
{
	uint64_t one = 1;

	if (!collector || !collector->started)
		return;
	if (write(collector->stop_fd, &one, sizeof(one)) == sizeof(one))
		pthread_join(collector->thread, NULL);
	collector->started = false;
	rqs_window_put(collector->waiting);
	collector->waiting = NULL;
}

void rqs_collector_free(struct rqs_collector *collector)
{
	if (!collector)
		return;
	rqs_collector_stop(collector);
	rqs_agg_free(collector->agg);
	rqs_vitals_close(collector->vitals);
	rqs_poll_free(collector->poll);
	if (collector->timer_fd >= 0)
		close(collector->timer_fd);
	if (collector->stop_fd >= 0)
		close(collector->stop_fd);
	free(collector);
}
