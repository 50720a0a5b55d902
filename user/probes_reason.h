/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * probes_reason - why a probe can't be had, in one sentence.
 * Threads: each has a complaint of its own, that of what it loads.
 */
#ifndef RQS_PROBES_REASON_H
#define RQS_PROBES_REASON_H

#include "window.h"

#define RQS_COMPLAINT_MAX 256

/** rqs_complaint_listen() - from now on keep what libbpf complains of, and print nothing of it. */
void rqs_complaint_listen(void);

/** rqs_complaint_set() - what this thread's complaint is, unless it has one already; "" forgets it. */
void rqs_complaint_set(const char *text);

/** rqs_complaint() - the first that libbpf complained of in this thread since it was forgotten; "" for nothing. */
const char *rqs_complaint(void);

/**
 * rqs_reason_set() - a probe is on, or off and why.
 * @err: 0 or -errno of this thread's loading. @hooks: tracepoints that it needs, up to a NULL.
 */
void rqs_reason_set(struct rqs_probe_status *status, int err, const char *const *hooks);

#endif
