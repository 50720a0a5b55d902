// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_scale - rqscope with thousands of clients: whether its ticks are on time while all CPUs are busy, and whether each client
 * gets every window in time while others read nothing, come and go.
 * Usage: bench_scale RQSCOPE. Takes a minute; needs root.
 */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clients.h"
#include "loops.h"
#include "process.h"
#include "rows.h"
#include "stats.h"

#define FILES 20000
#define LATES_MAX 10000
#define SPINNERS_MAX 256
#define LIMIT_MS 60000

#define PUNCTUAL_CLIENTS 2000
#define PUNCTUAL_MS 2.0
#define TICK_NS 100000000ULL
#define CROWD_CLIENTS 4900 /* and 64 of those that come and go: nearly as many as rqscope serves at most */
#define CROWD_DEAF 500
#define CROWD_CHURN 100
#define CROWD_JITTER_MS 50.0
#define CROWD_MERGED 4

struct bench {
	const char *path;
	uint32_t seconds;
	uint32_t shrink; /* this many times fewer clients */
	struct bench_rqscope rqscope;
	struct bench_clients clients;
	pid_t spinners[SPINNERS_MAX];
	uint32_t spinner_count;
};

/* One on each CPU, of ordinary priority. */
static int start_spinners(struct bench *bench)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	for (long cpu = 0; cpu < cpus && cpu < SPINNERS_MAX; cpu++) {
		pid_t pid = fork();

		if (pid < 0)
			return -errno;
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			bench_pin(cpu);
			for (volatile uint64_t i = 0;; i++)
				;
		}
		bench->spinners[bench->spinner_count++] = pid;
	}
	return 0;
}

static void end_spinners(struct bench *bench)
{
	while (bench->spinner_count) {
		pid_t pid = bench->spinners[--bench->spinner_count];

		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

static int start(struct bench *bench, uint32_t count, uint32_t deaf, uint32_t churn)
{
	struct bench_clients_config config = { .count = count / bench->shrink, .deaf = deaf / bench->shrink,
					       .churn_per_s = churn / bench->shrink, .cpu = -1 };
	static const char *const options[] = { "--max-clients", "5000", NULL };
	int err = bench_rqscope_start_with(&bench->rqscope, bench->path, options);

	if (err)
		return err;
	config.port = bench->rqscope.port;
	config.token = bench->rqscope.token;
	err = bench_clients_start(&bench->clients, &config);
	return err ?: bench_clients_connected(&bench->clients, config.count, LIMIT_MS);
}

static int end(struct bench *bench)
{
	end_spinners(bench);
	bench_clients_end(&bench->clients);
	return bench_rqscope_end(&bench->rqscope);
}

/* --- what the first client got --------------------------------------------------------------------------------- */

struct ticks {
	double late_ms[LATES_MAX]; /* of each window the worst */
	uint32_t count;
	uint64_t first_seq, last_seq;
	uint64_t merged; /* ticks that were joined with others, since the start of rqscope */
};

static void take_message(struct ticks *ticks, const char *text, size_t bytes)
{
	json_t *message = json_loadb(text, bytes, 0, NULL), *late, *seq;
	const char *type = json_string_value(json_object_get(message, "type"));

	if (type && !strcmp(type, "windows")) {
		seq = json_object_get(message, "seq");
		late = json_object_get(json_object_get(message, "columns"), "self.tick_late_ns");
		for (size_t i = 0; i < json_array_size(late) && ticks->count < LATES_MAX; i++)
			ticks->late_ms[ticks->count++] = json_number_value(json_array_get(late, i)) / 1e6;
		ticks->last_seq = json_integer_value(json_array_get(seq, json_array_size(seq) - 1));
		if (!ticks->first_seq)
			ticks->first_seq = json_integer_value(json_array_get(seq, 0));
	} else if (type && !strcmp(type, "status")) {
		ticks->merged = json_integer_value(
			json_object_get(json_object_get(json_object_get(message, "coverage"), "lost"), "windows_merged"));
	}
	json_decref(message);
}

/* Frames on the tape from @from on; a message of several frames is nothing that is looked for. */
static void read_tape(const struct bench_clients_told *told, size_t from, struct ticks *ret_ticks)
{
	size_t used = atomic_load(&told->tape_bytes);

	memset(ret_ticks, 0, sizeof(*ret_ticks));
	while (from + 10 < used) {
		uint64_t bytes = told->tape[from + 1] & 0x7f;
		size_t header = bytes == 127 ? 10 : bytes == 126 ? 4 : 2;

		bytes = header == 2 ? bytes : 0;
		for (size_t i = 2; i < header; i++)
			bytes = bytes << 8 | told->tape[from + i];
		if (from + header + bytes > used)
			break;
		if (told->tape[from] == 0x81)
			take_message(ret_ticks, (const char *)told->tape + from + header, bytes);
		from += header + bytes;
	}
}

/* --- a timer and nothing else ---------------------------------------------------------------------------------- */

/* What this machine does to anybody of the collector's priority who waits for the same 100 ms. */
struct alarm_clock {
	pthread_t thread;
	double late_ms[LATES_MAX];
	uint32_t count; /* how often to wait */
	int err;
};

static void *alarm_run(void *data)
{
	struct sched_param param = { .sched_priority = 1 };
	struct alarm_clock *bare = data;
	struct timespec at, now;

	bare->err = -pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
	if (bare->err)
		return NULL;
	clock_gettime(CLOCK_MONOTONIC, &at);
	for (uint32_t i = 0; i < bare->count; i++) {
		at.tv_nsec += TICK_NS;
		at.tv_sec += at.tv_nsec / 1000000000;
		at.tv_nsec %= 1000000000;
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
			;
		clock_gettime(CLOCK_MONOTONIC, &now);
		bare->late_ms[i] = (now.tv_sec - at.tv_sec) * 1e3 + (now.tv_nsec - at.tv_nsec) / 1e6;
	}
	return NULL;
}

/* Of @late_ms the worst, and how many were too late. */
static double worst_of(const double *late_ms, uint32_t count, uint32_t *ret_over)
{
	double worst_ms = 0;

	*ret_over = 0;
	for (uint32_t i = 0; i < count; i++) {
		worst_ms = fmax(worst_ms, late_ms[i]);
		*ret_over += late_ms[i] >= PUNCTUAL_MS;
	}
	return worst_ms;
}

/* --- the two scenes --------------------------------------------------------------------------------------------------- */

static int punctual(struct bench *bench)
{
	static struct ticks before, ticks;
	static struct alarm_clock bare;
	double worst_ms, bare_worst_ms;
	uint32_t over, bare_over;
	bool met;
	size_t tape;
	int err = start(bench, PUNCTUAL_CLIENTS, 0, 0);

	err = err ?: start_spinners(bench);
	if (err)
		return err;
	bench_wait_ms(2000);
	tape = atomic_load(&bench->clients.told->tape_bytes);
	read_tape(bench->clients.told, 0, &before);
	bare.count = bench->seconds * 1000000000ULL / TICK_NS;
	err = -pthread_create(&bare.thread, NULL, alarm_run, &bare);
	if (err)
		return err;
	pthread_join(bare.thread, NULL);
	read_tape(bench->clients.told, tape, &ticks);
	err = end(bench) ?: bare.err;
	if (!ticks.count || err)
		return err ?: -ENODATA;
	worst_ms = worst_of(ticks.late_ms, ticks.count, &over);
	bare_worst_ms = worst_of(bare.late_ms, bare.count, &bare_over);
	met = over * 100 <= ticks.count && ticks.merged == before.merged;
	printf("ticks with %u clients and a busy loop on each CPU: %u, late by %.2f ms in the median, %.2f ms at worst, %u of them by "
	       "%.0f ms or more; %llu joined; a thread of the same priority that does nothing else: %u, %.2f ms, %.2f ms, %u\n",
	       PUNCTUAL_CLIENTS / bench->shrink, ticks.count, bench_spread_of(ticks.late_ms, ticks.count).median, worst_ms, over, PUNCTUAL_MS,
	       (unsigned long long)(ticks.merged - before.merged), bare.count, bench_spread_of(bare.late_ms, bare.count).median,
	       bare_worst_ms, bare_over);
	/* Where the machine itself is late more often than one time in a hundred, it tells nothing of a tick. */
	bench_row("tick with 2,000 clients and full load on every CPU, p99", "its deadline", "under 2 ms late, none skipped",
		  met || bare_over * 100 <= bare.count ? bench_met_if(met) : BENCH_UNTOLD,
		  "%s 2 ms, at worst %.2f ms (a thread that only waits: %.2f); %llu skipped", over * 100 <= ticks.count ? "under" : "over", worst_ms,
		  bare_worst_ms, (unsigned long long)(ticks.merged - before.merged));
	return 0;
}

static int crowd(struct bench *bench)
{
	const struct bench_clients_told *told;
	double jitter_ms, delay_ms;
	uint64_t messages;
	int err = start(bench, CROWD_CLIENTS, CROWD_DEAF, CROWD_CHURN);
	bool met;

	if (err)
		return err;
	told = bench->clients.told;
	bench_wait_ms(2000);
	atomic_store(&bench->clients.told->noting, true);
	messages = atomic_load(&told->windows);
	bench_wait_ms(bench->seconds * 1000);
	atomic_store(&bench->clients.told->noting, false);
	messages = atomic_load(&told->windows) - messages;
	jitter_ms = bench_clients_quantile(told->jitters, 0.99);
	delay_ms = bench_clients_quantile(told->delays, 0.99);
	met = !atomic_load(&told->holes) && !atomic_load(&told->lost) && atomic_load(&told->merged_max) <= CROWD_MERGED &&
	      jitter_ms < CROWD_JITTER_MS;
	printf("%u clients at 4 Hz, %u of them deaf, %u came and went (%u were turned away): %llu messages of windows in %u s, %u windows in one at most, %llu "
	       "windows missing, %u clients lost; delay p50 %.1f, p99 %.1f ms; jitter p50 %.1f, p99 %.1f ms\n",
	       CROWD_CLIENTS / bench->shrink, CROWD_DEAF / bench->shrink, atomic_load(&told->come),
	       atomic_load(&told->turned_away), (unsigned long long)messages,
	       bench->seconds, atomic_load(&told->merged_max), (unsigned long long)atomic_load(&told->holes), atomic_load(&told->lost),
	       bench_clients_quantile(told->delays, 0.5), delay_ms, bench_clients_quantile(told->jitters, 0.5), jitter_ms);
	bench_row("5,000 clients at 4 Hz, of which 500 read nothing, and 100 a second come and go", "",
		  "every window, by fours or fewer; jitter p99 under 50 ms", bench_met_if(met), "%llu missing, by %u; %.0f ms",
		  (unsigned long long)atomic_load(&told->holes), atomic_load(&told->merged_max), jitter_ms);
	return end(bench);
}

int main(int argc, char **argv)
{
	const char *limit = getenv("BENCH_LIMIT_S");
	bool smoke = limit && atoi(limit) < 10;
	static struct bench bench;
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: bench_scale RQSCOPE\n");
		return 2;
	}
	bench.path = argv[1];
	bench.seconds = smoke ? 2 : 20;
	bench.shrink = smoke ? 20 : 1;
	err = bench_clients_room(FILES);
	err = err ?: punctual(&bench);
	err = err ?: crowd(&bench);
	if (err)
		fprintf(stderr, "bench_scale: could not be measured: %s\n", strerror(-err));
	return err ? 1 : 0;
}
