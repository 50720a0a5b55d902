/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * handover - windows on their way from the collector's thread to the one that serves.
 * Upstream: collector.h. Downstream: server.h, main.c.
 * A ring for one producer and one consumer; neither ever waits for the other.
 */
#ifndef RQS_HANDOVER_H
#define RQS_HANDOVER_H

#include "window.h"

struct rqs_handover; /* opaque */

/**
 * rqs_handover_new() - an empty ring.
 * @wake: called on the producer's thread after each push, to wake the consumer; may be NULL.
 * Return: the ring, or NULL with errno ENOMEM.
 */
struct rqs_handover *rqs_handover_new(void (*wake)(void *data), void *data);

/** rqs_handover_free() - drops what is still in it; NULL is fine. */
void rqs_handover_free(struct rqs_handover *handover);

/** rqs_handover_push() - producer only; takes over the reference on 0. Return: 0, or -EAGAIN when full. */
int rqs_handover_push(struct rqs_handover *handover, const struct rqs_window *window);

/** rqs_handover_pop() - consumer only. Return: a reference that the caller must put, or NULL. */
const struct rqs_window *rqs_handover_pop(struct rqs_handover *handover);

#endif
