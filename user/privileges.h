/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * privileges - what this process may do, and giving it up once everything is attached.
 * Downstream: main.c, probes.
 */
#ifndef RQS_PRIVILEGES_H
#define RQS_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>

#define RQS_PRIVILEGES_ERROR_MAX 256

/** rqs_privileges_can_attach() - CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN, is effective. */
bool rqs_privileges_can_attach(void);

/**
 * rqs_privileges_drop() - become the user nobody with nothing but the capabilities named, for good.
 * @keep: CAP_...; those that the process doesn't have are left out in silence. @keep_count: may be 0.
 * @ret_error: on failure one sentence that names what could not be given up and why.
 *
 * Before any thread is started: capabilities belong to threads. Supplementary groups, bounding, inheritable and
 * ambient sets are emptied, no_new_privs is set, and the process can no longer be traced by others of that user. A process
 * that isn't root stays the user that it is. What was done is read back. Files that are open stay open.
 * Return: 0; -EBUSY there are other threads (nothing was done); another -errno when a step failed: the steps after it were
 * done all the same, and the process has less than before, but more than it should.
 */
int rqs_privileges_drop(const int *keep, size_t keep_count, char ret_error[RQS_PRIVILEGES_ERROR_MAX]);

#endif
