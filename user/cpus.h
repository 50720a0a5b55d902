/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cpus - which numbers the host's CPUs have.
 * Source: /sys/devices/system/cpu/possible.
 */
#ifndef RQS_CPUS_H
#define RQS_CPUS_H

#include <stdint.h>

/** rqs_cpus_last() - the highest number that a list such as "0-3,8" holds; -1 where it isn't one. */
int rqs_cpus_last(const char *list);

/** rqs_cpus_read() - the same of a file's first line. */
int rqs_cpus_read(const char *path);

/** rqs_cpus_numbers() - one more than the highest number a CPU of this host can ever have; at least 1. Numbers may be missing in between. */
uint32_t rqs_cpus_numbers(void);

#endif
