// SPDX-License-Identifier: GPL-2.0-only
#include "vitals.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum file { STAT, MEMINFO, LOADAVG, PRESSURE_CPU, PRESSURE_MEMORY, PRESSURE_IO, STATM, FILE_COUNT };

static const char *const file_names[FILE_COUNT] = {
	"stat", "meminfo", "loadavg", "pressure/cpu", "pressure/memory", "pressure/io", "self/statm"
};

#define PRESSURES (PRESSURE_IO - PRESSURE_CPU + 1)

struct stall_times {
	uint64_t some_us, full_us; /* UINT64_MAX: not known */
};

struct reading {
	uint64_t mono_ns;
	struct rqs_cpu_times cpu;
	struct stall_times stalls[PRESSURES];
	uint64_t own_cpu_ns;
};

struct rqs_vitals_reader {
	int fds[FILE_COUNT]; /* -1: this kernel doesn't have it */
	struct reading last;
	char text[16384];
};

/* Text that is being read, line by line and word by word. */
struct scan {
	const char *at, *end;
};

static bool scan_number(struct scan *scan, uint64_t *ret_number)
{
	const char *start;
	uint64_t number = 0;

	while (scan->at < scan->end && *scan->at == ' ')
		scan->at++;
	for (start = scan->at; scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9'; scan->at++)
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(*scan->at - '0'), &number))
			return false;
	/* A number at the very end may have been cut off. */
	if (scan->at == start || scan->at == scan->end)
		return false;
	*ret_number = number;
	return true;
}

static bool scan_literal(struct scan *scan, const char *literal)
{
	size_t length = strlen(literal);

	if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, literal, length))
		return false;
	scan->at += length;
	return true;
}

/* The next whole line, without its newline. */
static bool scan_line(struct scan *scan, struct scan *ret_line)
{
	const char *newline = scan->at < scan->end ? memchr(scan->at, '\n', (size_t)(scan->end - scan->at)) : NULL;

	if (!newline)
		return false;
	*ret_line = (struct scan){ scan->at, newline + 1 };
	scan->at = newline + 1;
	return true;
}

int rqs_vitals_parse_stat(const char *text, size_t bytes, struct rqs_cpu_times *ret_times)
{
	/* user nice system idle iowait irq softirq steal; guest and guest_nice follow and are in user and nice */
	struct scan scan = { text, text + bytes }, line;
	uint64_t n[8];

	if (!scan_line(&scan, &line) || !scan_literal(&line, "cpu "))
		return -EINVAL;
	for (size_t i = 0; i < sizeof(n) / sizeof(n[0]); i++)
		if (!scan_number(&line, &n[i]))
			return -EINVAL;
	*ret_times = (struct rqs_cpu_times){
		.user = n[0] + n[1], .system = n[2] + n[5] + n[6], .iowait = n[4], .steal = n[7], .idle = n[3]
	};
	return 0;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
	return a == UINT64_MAX || b == UINT64_MAX ? UINT64_MAX : a + b;
}

static uint64_t minus(uint64_t a, uint64_t b)
{
	if (a == UINT64_MAX || b == UINT64_MAX)
		return UINT64_MAX;
	return a > b ? a - b : 0;
}

int rqs_vitals_parse_meminfo(const char *text, size_t bytes, struct rqs_vitals *ret_vitals)
{
	enum { TOTAL, AVAILABLE, ANONYMOUS, CACHED, BUFFERS, RECLAIMABLE, SHMEM, SWAP_TOTAL, SWAP_FREE, COUNT };
	static const char *const keys[COUNT] = { "MemTotal:", "MemAvailable:", "AnonPages:", "Cached:", "Buffers:",
						 "SReclaimable:", "Shmem:", "SwapTotal:", "SwapFree:" };
	struct scan scan = { text, text + bytes }, line;
	uint64_t values[COUNT], kilobytes;

	memset(values, 0xff, sizeof(values));
	while (scan_line(&scan, &line)) {
		for (int i = 0; i < COUNT; i++) {
			if (!scan_literal(&line, keys[i]))
				continue;
			if (!scan_number(&line, &kilobytes) || !scan_literal(&line, " kB\n") ||
			    kilobytes > UINT64_MAX / 1024 / 8)
				return -EINVAL;
			values[i] = kilobytes * 1024;
			break;
		}
	}
	if (values[TOTAL] == UINT64_MAX)
		return -EINVAL;
	ret_vitals->memory_total_bytes = values[TOTAL];
	ret_vitals->memory_available_bytes = values[AVAILABLE];
	ret_vitals->memory_anonymous_bytes = values[ANONYMOUS];
	/* Shared memory lies in the page cache but can't be dropped from it. */
	ret_vitals->memory_cached_bytes = minus(plus(plus(values[CACHED], values[BUFFERS]), values[RECLAIMABLE]),
						values[SHMEM]);
	ret_vitals->swap_total_bytes = values[SWAP_TOTAL];
	ret_vitals->swap_used_bytes = minus(values[SWAP_TOTAL], values[SWAP_FREE]);
	return 0;
}

int rqs_vitals_parse_pressure(const char *text, size_t bytes, uint64_t *ret_some_us, uint64_t *ret_full_us)
{
	struct scan scan = { text, text + bytes }, line;
	uint64_t some_us = UINT64_MAX, full_us = UINT64_MAX;

	while (scan_line(&scan, &line)) {
		uint64_t *value = scan_literal(&line, "some ") ? &some_us : scan_literal(&line, "full ") ? &full_us : NULL;
		const char *total = memmem(line.at, (size_t)(line.end - line.at), " total=", 7);

		if (!value)
			continue;
		if (!total)
			return -EINVAL;
		line.at = total + 7;
		if (!scan_number(&line, value))
			return -EINVAL;
	}
	if (some_us == UINT64_MAX)
		return -EINVAL;
	*ret_some_us = some_us;
	*ret_full_us = full_us;
	return 0;
}

int rqs_vitals_parse_loadavg(const char *text, size_t bytes, double *ret_load_1m)
{
	struct scan scan = { text, text + bytes };
	uint64_t whole, hundredths;

	/* Two digits, always: fs/proc/loadavg.c. By hand, since strtod() obeys the locale. */
	if (!scan_number(&scan, &whole) || !scan_literal(&scan, ".") || scan.end - scan.at < 3 || scan.at[2] != ' ' ||
	    !scan_number(&scan, &hundredths) || hundredths > 99)
		return -EINVAL;
	*ret_load_1m = (double)whole + (double)hundredths / 100;
	return 0;
}

int rqs_vitals_parse_statm(const char *text, size_t bytes, uint64_t page_bytes, uint64_t *ret_rss_bytes)
{
	struct scan scan = { text, text + bytes };
	uint64_t size, resident;

	if (!scan_number(&scan, &size) || !scan_number(&scan, &resident) ||
	    __builtin_mul_overflow(resident, page_bytes, &resident))
		return -EINVAL;
	*ret_rss_bytes = resident;
	return 0;
}

void rqs_vitals_shares(const struct rqs_cpu_times *before, const struct rqs_cpu_times *after,
		       struct rqs_vitals *ret_vitals)
{
	double user = (double)minus(after->user, before->user);
	double system = (double)minus(after->system, before->system);
	double iowait = (double)minus(after->iowait, before->iowait);
	double steal = (double)minus(after->steal, before->steal);
	double idle = (double)minus(after->idle, before->idle);
	double total = user + system + iowait + steal + idle;

	ret_vitals->cpu_user = total > 0 ? user / total : NAN;
	ret_vitals->cpu_system = total > 0 ? system / total : NAN;
	ret_vitals->cpu_iowait = total > 0 ? iowait / total : NAN;
	ret_vitals->cpu_steal = total > 0 ? steal / total : NAN;
	ret_vitals->cpu_idle = total > 0 ? idle / total : NAN;
}

double rqs_vitals_stalled(uint64_t before_us, uint64_t after_us, uint64_t elapsed_ns)
{
	double share;

	if (before_us == UINT64_MAX || after_us == UINT64_MAX || after_us < before_us || !elapsed_ns)
		return NAN;
	/* The file is read a little after the clock: a share of 1 can come out above. */
	share = (double)(after_us - before_us) * 1000 / (double)elapsed_ns;
	return share < 1 ? share : 1;
}

/* Into reader->text. Return: bytes, or -errno; -ENOENT for a file that isn't there. */
static ssize_t read_file(struct rqs_vitals_reader *reader, enum file file)
{
	size_t bytes = 0;

	if (reader->fds[file] < 0)
		return -ENOENT;
	while (bytes < sizeof(reader->text)) {
		ssize_t got = pread(reader->fds[file], reader->text + bytes, sizeof(reader->text) - bytes, (off_t)bytes);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		bytes += (size_t)got;
		/* Of stat only the first line is wanted, and it grows with CPUs and interrupts. */
		if (file == STAT)
			break;
	}
	return (ssize_t)bytes;
}

static int read_stat(struct rqs_vitals_reader *reader, struct rqs_cpu_times *ret_times)
{
	ssize_t bytes = read_file(reader, STAT);

	return bytes < 0 ? (int)bytes : rqs_vitals_parse_stat(reader->text, (size_t)bytes, ret_times);
}

static int read_meminfo(struct rqs_vitals_reader *reader, struct rqs_vitals *ret_vitals)
{
	ssize_t bytes = read_file(reader, MEMINFO);

	return bytes < 0 ? (int)bytes : rqs_vitals_parse_meminfo(reader->text, (size_t)bytes, ret_vitals);
}

/* Where pressure is compiled in but switched off the file opens, and reading it gives EOPNOTSUPP. */
static struct stall_times read_pressure(struct rqs_vitals_reader *reader, enum file file)
{
	struct stall_times times = { UINT64_MAX, UINT64_MAX };
	ssize_t bytes = read_file(reader, file);

	if (bytes >= 0)
		rqs_vitals_parse_pressure(reader->text, (size_t)bytes, &times.some_us, &times.full_us);
	return times;
}

static uint64_t read_own_cpu_ns(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage); /* fails for bad arguments only */
	return ((uint64_t)usage.ru_utime.tv_sec + (uint64_t)usage.ru_stime.tv_sec) * 1000000000 +
	       ((uint64_t)usage.ru_utime.tv_usec + (uint64_t)usage.ru_stime.tv_usec) * 1000;
}

/* What is only of use beside an earlier reading. */
static int read_counters(struct rqs_vitals_reader *reader, uint64_t mono_ns, struct reading *ret_reading)
{
	ret_reading->mono_ns = mono_ns;
	ret_reading->own_cpu_ns = read_own_cpu_ns();
	for (int i = 0; i < PRESSURES; i++)
		ret_reading->stalls[i] = read_pressure(reader, PRESSURE_CPU + i);
	return read_stat(reader, &ret_reading->cpu);
}

int rqs_vitals_open(const char *proc_dir, struct rqs_vitals_reader **ret_reader)
{
	struct rqs_vitals_reader *reader = calloc(1, sizeof(*reader));
	struct rqs_vitals scratch;
	struct timespec now;
	char path[512];
	int err = 0;

	if (!reader)
		return -ENOMEM;
	for (int i = 0; i < FILE_COUNT; i++) {
		reader->fds[i] = -1;
		if ((size_t)snprintf(path, sizeof(path), "%s/%s", proc_dir, file_names[i]) >= sizeof(path)) {
			err = -ENAMETOOLONG;
			continue;
		}
		reader->fds[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (reader->fds[i] < 0 && (i == STAT || i == MEMINFO))
			err = -errno;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!err)
		err = read_counters(reader, (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec, &reader->last);
	if (!err)
		err = read_meminfo(reader, &scratch);
	if (err) {
		rqs_vitals_close(reader);
		return err;
	}
	*ret_reader = reader;
	return 0;
}

void rqs_vitals_close(struct rqs_vitals_reader *reader)
{
	if (!reader)
		return;
	for (int i = 0; i < FILE_COUNT; i++)
		if (reader->fds[i] >= 0)
			close(reader->fds[i]);
	free(reader);
}

int rqs_vitals_read(struct rqs_vitals_reader *reader, uint64_t mono_ns, struct rqs_vitals *ret_vitals,
		    struct rqs_self *ret_self)
{
	const struct reading *last = &reader->last;
	uint64_t elapsed_ns = mono_ns > last->mono_ns ? mono_ns - last->mono_ns : 0;
	struct rqs_self self = { .rss_bytes = UINT64_MAX };
	struct rqs_vitals vitals;
	struct reading now;
	ssize_t bytes;
	int err = read_counters(reader, mono_ns, &now);

	if (!err)
		err = read_meminfo(reader, &vitals);
	if (err)
		return err;
	rqs_vitals_shares(&last->cpu, &now.cpu, &vitals);
	vitals.pressure_cpu_some = rqs_vitals_stalled(last->stalls[0].some_us, now.stalls[0].some_us, elapsed_ns);
	vitals.pressure_memory_some = rqs_vitals_stalled(last->stalls[1].some_us, now.stalls[1].some_us, elapsed_ns);
	vitals.pressure_memory_full = rqs_vitals_stalled(last->stalls[1].full_us, now.stalls[1].full_us, elapsed_ns);
	vitals.pressure_io_some = rqs_vitals_stalled(last->stalls[2].some_us, now.stalls[2].some_us, elapsed_ns);
	vitals.pressure_io_full = rqs_vitals_stalled(last->stalls[2].full_us, now.stalls[2].full_us, elapsed_ns);

	vitals.load_1m = NAN;
	bytes = read_file(reader, LOADAVG);
	if (bytes >= 0)
		rqs_vitals_parse_loadavg(reader->text, (size_t)bytes, &vitals.load_1m);
	bytes = read_file(reader, STATM);
	if (bytes >= 0)
		rqs_vitals_parse_statm(reader->text, (size_t)bytes, (uint64_t)sysconf(_SC_PAGESIZE), &self.rss_bytes);
	self.cpu_ratio = elapsed_ns ? (double)minus(now.own_cpu_ns, last->own_cpu_ns) / (double)elapsed_ns : NAN;

	reader->last = now;
	*ret_vitals = vitals;
	*ret_self = self;
	return 0;
}
