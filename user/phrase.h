/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * phrase - lines of text for people: durations, and what an event of the kernel means.
 * Upstream: abi.h, text.h. Downstream: eventlog.h. Pure.
 */
#ifndef RQS_PHRASE_H
#define RQS_PHRASE_H

#include "window.h"

#define RQS_DURATION_TEXT_MAX 48

/** rqs_phrase_duration() - "850 µs", "3.4 ms", "180 ms", "1.21 s", "4 min 10 s". Return: @dst. */
const char *rqs_phrase_duration(char dst[RQS_DURATION_TEXT_MAX], uint64_t duration_ns);

/**
 * rqs_phrase_event() - one line that says what happened. Clean UTF-8; all bytes of @event may be hostile.
 * @dst: NUL-terminated on return; what does not fit is cut at a whole character. @dst_bytes: > 0.
 */
void rqs_phrase_event(char *dst, size_t dst_bytes, const struct rqs_kernel_event *event);

#endif
