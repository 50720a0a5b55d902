// SPDX-License-Identifier: GPL-2.0-only
#include "handover.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>

#define CAPACITY 64 /* over 6 s of windows at the default tick; a power of two, so that counters may wrap */
#define CACHE_LINE_BYTES 64

struct rqs_handover {
	/* Each counter is written by one side only; on lines of their own they don't slow each other. */
	alignas(CACHE_LINE_BYTES) atomic_uint pushed;
	alignas(CACHE_LINE_BYTES) atomic_uint popped;
	alignas(CACHE_LINE_BYTES) const struct rqs_window *slots[CAPACITY];
	void (*wake)(void *data);
	void *data;
};

struct rqs_handover *rqs_handover_new(void (*wake)(void *data), void *data)
{
	struct rqs_handover *handover = aligned_alloc(CACHE_LINE_BYTES, sizeof(*handover));

	if (!handover)
		return NULL;
	atomic_init(&handover->pushed, 0);
	atomic_init(&handover->popped, 0);
	handover->wake = wake;
	handover->data = data;
	return handover;
}

void rqs_handover_free(struct rqs_handover *handover)
{
	const struct rqs_window *window;

	if (!handover)
		return;
	while ((window = rqs_handover_pop(handover)))
		rqs_window_put(window);
	free(handover);
}

int rqs_handover_push(struct rqs_handover *handover, const struct rqs_window *window)
{
	unsigned int pushed = atomic_load_explicit(&handover->pushed, memory_order_relaxed);

	if (pushed - atomic_load_explicit(&handover->popped, memory_order_acquire) == CAPACITY)
		return -EAGAIN;
	handover->slots[pushed % CAPACITY] = window;
	atomic_store_explicit(&handover->pushed, pushed + 1, memory_order_release);
	if (handover->wake)
		handover->wake(handover->data);
	return 0;
}

const struct rqs_window *rqs_handover_pop(struct rqs_handover *handover)
{
	unsigned int popped = atomic_load_explicit(&handover->popped, memory_order_relaxed);
	const struct rqs_window *window;

	if (atomic_load_explicit(&handover->pushed, memory_order_acquire) == popped)
		return NULL;
	window = handover->slots[popped % CAPACITY];
	atomic_store_explicit(&handover->popped, popped + 1, memory_order_release);
	return window;
}
