// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "vitals.h"

#define SECOND_NS 1000000000ULL

static const char stat_text[] = "cpu  100 20 300 4000 50 6 7 8 90 10\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 12345 0 0\n";
static const char meminfo_text[] = "MemTotal:       16000000 kB\n"
				   "MemFree:         1000000 kB\n"
				   "MemAvailable:   12000000 kB\n"
				   "Buffers:          100000 kB\n"
				   "Cached:          5000000 kB\n"
				   "SwapCached:          111 kB\n"
				   "Active:          2222222 kB\n"
				   "SwapTotal:       2000000 kB\n"
				   "SwapFree:        1500000 kB\n"
				   "AnonPages:       3000000 kB\n"
				   "Shmem:            200000 kB\n"
				   "SReclaimable:     400000 kB\n"
				   "HugePages_Total:       0\n";
static const char pressure_text[] = "some avg10=31.22 avg60=12.94 avg300=3.40 total=18871344\n"
				    "full avg10=0.00 avg60=0.00 avg300=0.00 total=42\n";

#define KB(n) ((uint64_t)(n) * 1024)

static void close_to(double value, double wanted)
{
	if (!(fabs(value - wanted) < 1e-9))
		fail_msg("%.12f instead of %.12f", value, wanted);
}

/* A copy that ends where the text ends: reading beyond it is seen by the sanitizer. */
static char *exact(const char *text, size_t bytes)
{
	char *copy = malloc(bytes ? bytes : 1);

	assert_non_null(copy);
	memcpy(copy, text, bytes);
	return copy;
}

static void test_vitals_stat_joins_what_belongs_together(void **state)
{
	struct rqs_cpu_times times;

	assert_int_equal(rqs_vitals_parse_stat(stat_text, strlen(stat_text), &times), 0);
	assert_int_equal(times.user, 120);   /* with nice; guest is in it already */
	assert_int_equal(times.system, 313); /* with irq and softirq */
	assert_int_equal(times.iowait, 50);
	assert_int_equal(times.steal, 8);
	assert_int_equal(times.idle, 4000);
}

static void test_vitals_stat_needs_one_whole_line(void **state)
{
	size_t line_bytes = (size_t)(strchr(stat_text, '\n') - stat_text) + 1;
	static const char *const table[] = { "", "\n", "cpu\n", "cpu  \n", "cpu  1 2 3 4 5 6 7\n", "cpu0 1 2 3 4 5 6 7 8 9 10\n",
					     "cpu  1 2 -3 4 5 6 7 8 9 10\n", "cpu  1 2 x 4 5 6 7 8 9 10\n",
					     "cpu  99999999999999999999 2 3 4 5 6 7 8 9 10\n", "intr 1 2 3 4 5 6 7 8 9\n" };
	struct rqs_cpu_times times = { .user = 77 };

	for (size_t bytes = 0; bytes <= line_bytes; bytes++) {
		char *copy = exact(stat_text, bytes);

		assert_int_equal(rqs_vitals_parse_stat(copy, bytes, &times), bytes == line_bytes ? 0 : -EINVAL);
		assert_int_equal(times.user, bytes == line_bytes ? 120 : 77);
		free(copy);
	}
	times.user = 77;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(rqs_vitals_parse_stat(table[i], strlen(table[i]), &times), -EINVAL);
		assert_int_equal(times.user, 77);
	}
	/* Kernels that know no guest time yet. */
	assert_int_equal(rqs_vitals_parse_stat("cpu  1 2 3 4 5 6 7 8\n", 21, &times), 0);
}

static void test_vitals_meminfo_gives_bytes(void **state)
{
	struct rqs_vitals vitals;

	assert_int_equal(rqs_vitals_parse_meminfo(meminfo_text, strlen(meminfo_text), &vitals), 0);
	assert_true(vitals.memory_total_bytes == KB(16000000));
	assert_true(vitals.memory_available_bytes == KB(12000000));
	assert_true(vitals.memory_anonymous_bytes == KB(3000000));
	assert_true(vitals.memory_cached_bytes == KB(5000000 + 100000 + 400000 - 200000));
	assert_true(vitals.swap_total_bytes == KB(2000000));
	assert_true(vitals.swap_used_bytes == KB(500000));
}

static void test_vitals_meminfo_says_what_is_missing(void **state)
{
	static const char only_total[] = "MemTotal: 5 kB\n";
	static const char no_reclaimable[] = "MemTotal: 5 kB\nCached: 4 kB\nBuffers: 1 kB\nShmem: 1 kB\nSwapTotal: 3 kB\n";
	static const char odd_shmem[] = "MemTotal: 5 kB\nCached: 1 kB\nBuffers: 1 kB\nSReclaimable: 1 kB\nShmem: 9 kB\n";
	static const char *const wrong[] = { "", "MemTotal: 5 kB", "MemTotal:\n", "MemTotal: 5\n", "MemTotal: 5 MB\n",
					     "MemTotal: x kB\n", "MemTotal: -5 kB\n", "Cached: 5 kB\n", "xMemTotal: 5 kB\n",
					     "MemTotal: 18446744073709551615 kB\n", "MemTotal: 99999999999999999999 kB\n",
					     "MemTotal: 5 kB\nCached: ? kB\n" };
	struct rqs_vitals vitals = { .memory_total_bytes = 77 };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(rqs_vitals_parse_meminfo(wrong[i], strlen(wrong[i]), &vitals), -EINVAL);
		assert_int_equal(vitals.memory_total_bytes, 77);
	}
	assert_int_equal(rqs_vitals_parse_meminfo(only_total, strlen(only_total), &vitals), 0);
	assert_true(vitals.memory_total_bytes == KB(5));
	assert_true(vitals.memory_available_bytes == UINT64_MAX);
	assert_true(vitals.memory_anonymous_bytes == UINT64_MAX);
	assert_true(vitals.memory_cached_bytes == UINT64_MAX);
	assert_true(vitals.swap_total_bytes == UINT64_MAX);
	assert_true(vitals.swap_used_bytes == UINT64_MAX);
	assert_int_equal(rqs_vitals_parse_meminfo(no_reclaimable, strlen(no_reclaimable), &vitals), 0);
	assert_true(vitals.memory_cached_bytes == UINT64_MAX);
	assert_true(vitals.swap_total_bytes == KB(3));
	assert_true(vitals.swap_used_bytes == UINT64_MAX);
	assert_int_equal(rqs_vitals_parse_meminfo(odd_shmem, strlen(odd_shmem), &vitals), 0);
	assert_true(vitals.memory_cached_bytes == 0);
}

static void test_vitals_pressure_takes_totals(void **state)
{
	static const char *const wrong[] = { "", "some", "some \n", "some avg10=0.00 total=\n", "some avg10=0.00 total=x\n",
					     "some avg10=0.00 total=5", "full avg10=0.00 total=5\n", "some avg10=0.00\n",
					     "some avg10=0.00 total=5\nfull avg10=0.00\n", "some total=-1\n",
					     "some avg10=0.00 total=99999999999999999999\n" };
	uint64_t some_us = 77, full_us = 77;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(rqs_vitals_parse_pressure(wrong[i], strlen(wrong[i]), &some_us, &full_us), -EINVAL);
		assert_int_equal(some_us, 77);
		assert_int_equal(full_us, 77);
	}
	assert_int_equal(rqs_vitals_parse_pressure(pressure_text, strlen(pressure_text), &some_us, &full_us), 0);
	assert_int_equal(some_us, 18871344);
	assert_int_equal(full_us, 42);
	assert_int_equal(rqs_vitals_parse_pressure("some avg10=0.00 total=5\n", 24, &some_us, &full_us), 0);
	assert_int_equal(some_us, 5);
	assert_true(full_us == UINT64_MAX);
}

static void test_vitals_loadavg(void **state)
{
	static const char *const wrong[] = { "", "1", "1.", "1.5", "1.05", "1.5 2.00", "1,05 2.00", "-1.05 2", ".05 2", "1.050 2",
					     "x" };
	double load = 77;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char *copy = exact(wrong[i], strlen(wrong[i]));

		assert_int_equal(rqs_vitals_parse_loadavg(copy, strlen(wrong[i]), &load), -EINVAL);
		close_to(load, 77);
		free(copy);
	}
	assert_int_equal(rqs_vitals_parse_loadavg("0.07 0.05 0.01 1/71 4711\n", 25, &load), 0);
	close_to(load, 0.07);
	assert_int_equal(rqs_vitals_parse_loadavg("1234.50 0.05 0.01 1/71 4711\n", 28, &load), 0);
	close_to(load, 1234.5);
}

static void test_vitals_statm(void **state)
{
	uint64_t bytes = 77;

	assert_int_equal(rqs_vitals_parse_statm("", 0, 4096, &bytes), -EINVAL);
	assert_int_equal(rqs_vitals_parse_statm("5000", 4, 4096, &bytes), -EINVAL);
	assert_int_equal(rqs_vitals_parse_statm("5000 12", 7, 4096, &bytes), -EINVAL); /* may have been cut off */
	assert_int_equal(rqs_vitals_parse_statm("5000 18446744073709551615 1\n", 28, 4096, &bytes), -EINVAL);
	assert_int_equal(bytes, 77);
	assert_int_equal(rqs_vitals_parse_statm("5000 123 45 1 0 99 0\n", 21, 4096, &bytes), 0);
	assert_int_equal(bytes, 123 * 4096);
}

static void test_vitals_shares_sum_to_one(void **state)
{
	struct rqs_cpu_times before = { 100, 200, 300, 400, 500 }, after = { 110, 220, 330, 440, 600 };
	struct rqs_vitals vitals;

	rqs_vitals_shares(&before, &after, &vitals);
	close_to(vitals.cpu_user, 0.05);
	close_to(vitals.cpu_system, 0.1);
	close_to(vitals.cpu_iowait, 0.15);
	close_to(vitals.cpu_steal, 0.2);
	close_to(vitals.cpu_idle, 0.5);

	/* iowait went back, as it may when a CPU goes to sleep */
	after.iowait = 299;
	rqs_vitals_shares(&before, &after, &vitals);
	close_to(vitals.cpu_iowait, 0);
	close_to(vitals.cpu_user + vitals.cpu_system + vitals.cpu_steal + vitals.cpu_idle, 1);

	rqs_vitals_shares(&before, &before, &vitals);
	assert_true(isnan(vitals.cpu_user) && isnan(vitals.cpu_system) && isnan(vitals.cpu_iowait) &&
		    isnan(vitals.cpu_steal) && isnan(vitals.cpu_idle));
}

static void test_vitals_stalled_is_a_share_of_time(void **state)
{
	close_to(rqs_vitals_stalled(1000, 1000, SECOND_NS), 0);
	close_to(rqs_vitals_stalled(1000, 251000, SECOND_NS), 0.25);
	close_to(rqs_vitals_stalled(0, 500000, SECOND_NS / 2), 1);
	close_to(rqs_vitals_stalled(0, 1000100, SECOND_NS), 1);
	assert_true(isnan(rqs_vitals_stalled(0, 5, 0)));
	assert_true(isnan(rqs_vitals_stalled(5, 4, SECOND_NS)));
	assert_true(isnan(rqs_vitals_stalled(UINT64_MAX, 5, SECOND_NS)));
	assert_true(isnan(rqs_vitals_stalled(5, UINT64_MAX, SECOND_NS)));
}

/* A folder in the place of /proc. */

struct proc {
	char path[64];
};

static void put(const struct proc *proc, const char *name, const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", proc->path, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600); /* the same file: the reader has it open */
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void drop(const struct proc *proc, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", proc->path, name);
	assert_int_equal(remove(path), 0);
}

static int make_proc(void **state)
{
	static struct proc proc;
	char path[128];

	strcpy(proc.path, "/tmp/rqs-vitals-XXXXXX");
	if (!mkdtemp(proc.path))
		return -1;
	snprintf(path, sizeof(path), "%s/pressure", proc.path);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/self", proc.path);
	mkdir(path, 0700);
	put(&proc, "stat", stat_text);
	put(&proc, "meminfo", meminfo_text);
	put(&proc, "loadavg", "0.50 0.05 0.01 1/71 4711\n");
	put(&proc, "pressure/cpu", pressure_text);
	put(&proc, "pressure/memory", pressure_text);
	put(&proc, "pressure/io", pressure_text);
	put(&proc, "self/statm", "5000 100 45 1 0 99 0\n");
	*state = &proc;
	return 0;
}

static int remove_proc(void **state)
{
	static const char *const names[] = { "stat", "meminfo", "loadavg", "pressure/cpu", "pressure/memory", "pressure/io",
					     "self/statm", "pressure", "self", "" };
	struct proc *proc = *state;
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", proc->path, names[i]);
		remove(path);
	}
	return access(proc->path, F_OK) ? 0 : -1;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static void test_vitals_read_tells_what_changed(void **state)
{
	struct rqs_vitals_reader *reader;
	struct rqs_vitals vitals;
	struct rqs_self self;
	uint64_t base_ns;

	assert_int_equal(rqs_vitals_open(((struct proc *)*state)->path, &reader), 0);
	base_ns = now_ns() + 5 * SECOND_NS;
	assert_int_equal(rqs_vitals_read(reader, base_ns, &vitals, &self), 0);
	assert_true(isnan(vitals.cpu_user)); /* no time passed in the file */
	assert_true(vitals.memory_total_bytes == KB(16000000));
	assert_int_equal(self.rss_bytes, 100 * sysconf(_SC_PAGESIZE));

	put(*state, "stat", "cpu  110 30 300 4060 70 6 7 8 90 10\n");
	put(*state, "pressure/cpu", "some avg10=0.00 total=18971344\n");
	put(*state, "pressure/memory", "some avg10=0.00 total=19371344\nfull avg10=0.00 total=200042\n");
	put(*state, "pressure/io", "some avg10=0.00 total=18871344\nfull avg10=0.00 total=1000042\n");
	put(*state, "loadavg", "2.25 0.05 0.01 1/71 4711\n");
	put(*state, "self/statm", "5000 200 45 1 0 99 0\n");
	assert_int_equal(rqs_vitals_read(reader, base_ns + SECOND_NS, &vitals, &self), 0);
	close_to(vitals.cpu_user, 0.2);
	close_to(vitals.cpu_iowait, 0.2);
	close_to(vitals.cpu_idle, 0.6);
	close_to(vitals.pressure_cpu_some, 0.1);
	close_to(vitals.pressure_memory_some, 0.5);
	close_to(vitals.pressure_memory_full, 0.2);
	close_to(vitals.pressure_io_some, 0);
	close_to(vitals.pressure_io_full, 1);
	close_to(vitals.load_1m, 2.25);
	assert_int_equal(self.rss_bytes, 200 * sysconf(_SC_PAGESIZE));
	assert_true(self.cpu_ratio >= 0 && self.cpu_ratio < 1.5);

	/* Time that doesn't advance gives no rate. */
	assert_int_equal(rqs_vitals_read(reader, base_ns + SECOND_NS, &vitals, &self), 0);
	assert_true(isnan(vitals.pressure_io_full));
	assert_true(isnan(self.cpu_ratio));
	rqs_vitals_close(reader);
}

static void test_vitals_read_leaves_all_as_it_was_on_failure(void **state)
{
	struct rqs_vitals_reader *reader;
	struct rqs_vitals vitals;
	struct rqs_self self;

	assert_int_equal(rqs_vitals_open(((struct proc *)*state)->path, &reader), 0);
	put(*state, "stat", "nonsense\n");
	memset(&vitals, 0x55, sizeof(vitals));
	memset(&self, 0x55, sizeof(self));
	assert_int_equal(rqs_vitals_read(reader, now_ns() + SECOND_NS, &vitals, &self), -EINVAL);
	assert_true(vitals.memory_total_bytes == 0x5555555555555555ULL && self.rss_bytes == 0x5555555555555555ULL);
	put(*state, "stat", "cpu  110 30 300 4060 70 6 7 8 90 10\n");
	put(*state, "meminfo", "");
	assert_int_equal(rqs_vitals_read(reader, now_ns() + SECOND_NS, &vitals, &self), -EINVAL);
	assert_true(vitals.memory_total_bytes == 0x5555555555555555ULL);
	put(*state, "meminfo", meminfo_text);
	assert_int_equal(rqs_vitals_read(reader, now_ns() + SECOND_NS, &vitals, &self), 0);
	close_to(vitals.cpu_user, 0.2); /* since the last good reading */
	rqs_vitals_close(reader);
}

static void test_vitals_works_without_optional_files(void **state)
{
	struct rqs_vitals_reader *reader;
	struct rqs_vitals vitals;
	struct rqs_self self;

	drop(*state, "pressure/cpu");
	drop(*state, "pressure/memory");
	drop(*state, "loadavg");
	drop(*state, "self/statm");
	put(*state, "pressure/io", "");
	assert_int_equal(rqs_vitals_open(((struct proc *)*state)->path, &reader), 0);
	assert_int_equal(rqs_vitals_read(reader, now_ns() + SECOND_NS, &vitals, &self), 0);
	assert_true(isnan(vitals.pressure_cpu_some) && isnan(vitals.pressure_memory_full) && isnan(vitals.pressure_io_some));
	assert_true(isnan(vitals.load_1m));
	assert_true(self.rss_bytes == UINT64_MAX);
	assert_true(vitals.memory_available_bytes == KB(12000000));
	rqs_vitals_close(reader);
}

/* What reading gives where pressure is switched off is an errno; a folder in the file's place gives one too. */
static void test_vitals_takes_an_unreadable_pressure_file_as_absent(void **state)
{
	struct rqs_vitals_reader *reader;
	struct rqs_vitals vitals;
	struct rqs_self self;
	char path[128];

	drop(*state, "pressure/cpu");
	snprintf(path, sizeof(path), "%s/pressure/cpu", ((struct proc *)*state)->path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(rqs_vitals_open(((struct proc *)*state)->path, &reader), 0);
	assert_int_equal(rqs_vitals_read(reader, now_ns() + SECOND_NS, &vitals, &self), 0);
	assert_true(isnan(vitals.pressure_cpu_some));
	close_to(vitals.pressure_memory_some, 0);
	rqs_vitals_close(reader);
}

static void test_vitals_open_fails_without_what_it_needs(void **state)
{
	struct rqs_vitals_reader *reader = NULL;

	put(*state, "meminfo", "nonsense");
	assert_int_equal(rqs_vitals_open(((struct proc *)*state)->path, &reader), -EINVAL);
	drop(*state, "meminfo");
	assert_int_equal(rqs_vitals_open(((struct proc *)*state)->path, &reader), -ENOENT);
	assert_int_equal(rqs_vitals_open("/nowhere", &reader), -ENOENT);
	assert_null(reader);
	rqs_vitals_close(NULL);
}

/* The running kernel's own files; the oracle for memory and CPU are other files of its. */
static void test_vitals_reads_this_host(void **state)
{
	uint64_t start_ns = now_ns(), used_ns = 0;
	struct rqs_vitals_reader *reader;
	struct rqs_vitals vitals;
	struct rqs_self self;
	struct timespec cpu;
	double sum;

	assert_int_equal(rqs_vitals_open("/proc", &reader), 0);
	/* Burn until 100 ms of own CPU time have passed, 20 s at most. */
	while (used_ns < SECOND_NS / 10 && now_ns() < start_ns + 20 * SECOND_NS) {
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
		used_ns = (uint64_t)cpu.tv_sec * SECOND_NS + (uint64_t)cpu.tv_nsec;
	}
	assert_int_equal(rqs_vitals_read(reader, now_ns(), &vitals, &self), 0);
	sum = vitals.cpu_user + vitals.cpu_system + vitals.cpu_iowait + vitals.cpu_steal + vitals.cpu_idle;
	close_to(sum, 1);
	assert_true(vitals.cpu_user + vitals.cpu_system > 0);
	assert_true(self.cpu_ratio > 0.01 && self.cpu_ratio < 1.1);
	assert_true(self.rss_bytes > 100000 && self.rss_bytes < vitals.memory_total_bytes);
	assert_int_equal(vitals.memory_total_bytes / sysconf(_SC_PAGESIZE), sysconf(_SC_PHYS_PAGES));
	assert_true(vitals.memory_available_bytes <= vitals.memory_total_bytes);
	assert_true(vitals.load_1m >= 0);
	rqs_vitals_close(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vitals_stat_joins_what_belongs_together),
		cmocka_unit_test(test_vitals_stat_needs_one_whole_line),
		cmocka_unit_test(test_vitals_meminfo_gives_bytes),
		cmocka_unit_test(test_vitals_meminfo_says_what_is_missing),
		cmocka_unit_test(test_vitals_pressure_takes_totals),
		cmocka_unit_test(test_vitals_loadavg),
		cmocka_unit_test(test_vitals_statm),
		cmocka_unit_test(test_vitals_shares_sum_to_one),
		cmocka_unit_test(test_vitals_stalled_is_a_share_of_time),
		cmocka_unit_test_setup_teardown(test_vitals_read_tells_what_changed, make_proc, remove_proc),
		cmocka_unit_test_setup_teardown(test_vitals_read_leaves_all_as_it_was_on_failure, make_proc, remove_proc),
		cmocka_unit_test_setup_teardown(test_vitals_works_without_optional_files, make_proc, remove_proc),
		cmocka_unit_test_setup_teardown(test_vitals_takes_an_unreadable_pressure_file_as_absent, make_proc, remove_proc),
		cmocka_unit_test_setup_teardown(test_vitals_open_fails_without_what_it_needs, make_proc, remove_proc),
		cmocka_unit_test(test_vitals_reads_this_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
