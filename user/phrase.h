/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * phrase - lines of text for people: durations, and what an event of the kernel means.
 * Upstream: abi.h, text.h. Downstream: eventlog.h. Pure.
 */
#ifndef RQS_PHRASE_H
#define RQS_PHRASE_H

#include "window.h"

#define RQS_DURATION_TEXT_MAX 48
#define RQS_PEER_TEXT_MAX 64

/** rqs_phrase_duration() - "850 µs", "3.4 ms", "180 ms", "1.21 s", "4 min 10 s". Return: @dst. */
const char *rqs_phrase_duration(char dst[RQS_DURATION_TEXT_MAX], uint64_t duration_ns);

/**
 * rqs_phrase_peer() - "10.0.0.7:4711", "[2001:db8::1]:4711"; "" where @family is none of IP.
 * @address: 4 or 16 bytes, network order; IPv4 within IPv6 is shown as IPv4. @port: host order. Return: @dst.
 */
const char *rqs_phrase_peer(char dst[RQS_PEER_TEXT_MAX], int family, const uint8_t *address, uint16_t port);

/**
 * rqs_phrase_event() - one line that says what happened. Clean UTF-8; all bytes of @event may be hostile.
 * @dst: NUL-terminated on return; what does not fit is cut at a whole character. @dst_bytes: > 0.
 */
void rqs_phrase_event(char *dst, size_t dst_bytes, const struct rqs_kernel_event *event);

#endif
