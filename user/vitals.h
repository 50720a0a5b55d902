/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vitals - memory, CPU time, pressure and load from /proc; and what this process itself uses.
 * Downstream: collector.h, once a second. The parsers are pure; rqs_vitals_read() is the shell around them.
 */
#ifndef RQS_VITALS_H
#define RQS_VITALS_H

#include "window.h"

/* The first line of /proc/stat, in clock ticks since boot, all CPUs together. */
struct rqs_cpu_times {
	uint64_t user;	 /* nice included; the kernel has booked guest time here already */
	uint64_t system; /* irq and softirq included */
	uint64_t iowait, steal, idle;
};

/*
 * The parsers take the text of a file, not NUL-terminated. Return: 0, or -EINVAL when it isn't what the kernel
 * writes; nothing is changed then.
 */

/** rqs_vitals_parse_stat() - the first line of /proc/stat; the rest may be missing. */
int rqs_vitals_parse_stat(const char *text, size_t bytes, struct rqs_cpu_times *ret_times);

/** rqs_vitals_parse_meminfo() - sets memory_* and swap_*. A line that is missing: UINT64_MAX; MemTotal must be there. */
int rqs_vitals_parse_meminfo(const char *text, size_t bytes, struct rqs_vitals *ret_vitals);

/** rqs_vitals_parse_pressure() - total= of both lines, in us. @ret_full_us: UINT64_MAX without such a line. */
int rqs_vitals_parse_pressure(const char *text, size_t bytes, uint64_t *ret_some_us, uint64_t *ret_full_us);

int rqs_vitals_parse_loadavg(const char *text, size_t bytes, double *ret_load_1m);

/** rqs_vitals_parse_statm() - resident memory. Source: mm/ counters, exact to some pages a CPU. */
int rqs_vitals_parse_statm(const char *text, size_t bytes, uint64_t page_bytes, uint64_t *ret_rss_bytes);

/**
 * rqs_vitals_shares() - what the CPUs did between two readings; sets cpu_*. Pure.
 * A part that went backwards (iowait and idle may, see Documentation/filesystems/proc.rst) counts as 0. NAN where no
 * time passed.
 */
void rqs_vitals_shares(const struct rqs_cpu_times *before, const struct rqs_cpu_times *after,
		       struct rqs_vitals *ret_vitals);

/**
 * rqs_vitals_stalled() - share of @elapsed_ns in which tasks were stalled, 0 .. 1. Pure.
 * NAN where a reading is UINT64_MAX or lower than before, or no time passed.
 */
double rqs_vitals_stalled(uint64_t before_us, uint64_t after_us, uint64_t elapsed_ns);

struct rqs_vitals_reader; /* opaque: open files (kept open: re-read with pread) and the previous reading */

/**
 * rqs_vitals_open() - open the files below @proc_dir ("/proc" but in tests) and take a first reading.
 * Files that this kernel does not have (pressure) make their fields absent, not an error.
 * Return: 0, or -errno when /proc/stat or /proc/meminfo can't be read.
 */
int rqs_vitals_open(const char *proc_dir, struct rqs_vitals_reader **ret_reader);

void rqs_vitals_close(struct rqs_vitals_reader *reader);

/**
 * rqs_vitals_read() - what changed since the last call.
 * @mono_ns: CLOCK_MONOTONIC now; pressure and own CPU time are divided by the time since the last call.
 *	Not later than then: pressure and own CPU time are NAN.
 * @ret_self: rss_bytes is UINT64_MAX where /proc/self/statm can't be read.
 * Allocates nothing. Return: 0, or -errno (@ret_vitals and @ret_self untouched).
 */
int rqs_vitals_read(struct rqs_vitals_reader *reader, uint64_t mono_ns, struct rqs_vitals *ret_vitals,
		    struct rqs_self *ret_self);

#endif
