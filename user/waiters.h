/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * waiters - which tasks wait longest for a CPU, by name.
 * Upstream: poll.h reads the tasks. Downstream: reading.h.
 * Pure: subtracts one list of all tasks from the one before.
 */
#ifndef RQS_WAITERS_H
#define RQS_WAITERS_H

#include "window.h"

#define RQS_WAITERS_TASKS_MAX 16384 /* tasks beyond are not looked at */
#define RQS_WAITERS_LATE_NS 2000000000ULL /* what tasks waited in more than this is not told as the last second's */

struct rqs_waiters; /* opaque */

/** rqs_waiters_new() - Return: empty, or NULL with errno ENOMEM. */
struct rqs_waiters *rqs_waiters_new(void);

void rqs_waiters_free(struct rqs_waiters *waiters);

/**
 * rqs_waiters_update() - take in what all tasks have waited so far.
 * @mono_ns: when they were read. @tasks: borrowed. A task that wasn't there the last time counts from its start.
 * @ret_waiting: RQS_WAITING_MAX of them, the longest first; names that are the same are one.
 * Return: how many; 0 the first time, and where the last time is too long ago.
 */
uint32_t rqs_waiters_update(struct rqs_waiters *waiters, uint64_t mono_ns, const struct rqs_waiter *tasks, uint32_t count,
			    struct rqs_waiting ret_waiting[RQS_WAITING_MAX]);

#endif
