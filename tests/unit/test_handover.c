// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "handover.h"

#define CAPACITY 64
#define PUSHES 1000000
#define POOL (4 * CAPACITY) /* a window is used again only long after it was let go */
#define LIMIT_S 120

static unsigned int released;

static void count_release(struct rqs_window *window)
{
	released++;
}

static struct rqs_window make_window(uint64_t seq)
{
	struct rqs_window window = { .seq = seq, .release = count_release };

	atomic_init(&window.refs, 1);
	return window;
}

static void count_wake(void *data)
{
	++*(unsigned int *)data;
}

static void test_handover_gives_in_order_and_refuses_when_full(void **state)
{
	struct rqs_window windows[CAPACITY + 1];
	unsigned int woken = 0;
	struct rqs_handover *handover = rqs_handover_new(count_wake, &woken);

	assert_non_null(handover);
	assert_null(rqs_handover_pop(handover));
	for (unsigned int round = 0; round < 5; round++) {
		for (unsigned int i = 0; i < CAPACITY; i++) {
			windows[i] = make_window(i);
			assert_int_equal(rqs_handover_push(handover, &windows[i]), 0);
		}
		assert_int_equal(woken, (round + 1) * CAPACITY);
		assert_int_equal(rqs_handover_push(handover, &windows[CAPACITY]), -EAGAIN);
		assert_int_equal(woken, (round + 1) * CAPACITY); /* nothing came: nobody is woken */
		for (unsigned int i = 0; i < CAPACITY; i++)
			assert_ptr_equal(rqs_handover_pop(handover), &windows[i]);
		assert_null(rqs_handover_pop(handover));
	}
	rqs_handover_free(handover);
}

static void test_handover_free_drops_what_is_left(void **state)
{
	struct rqs_handover *handover = rqs_handover_new(NULL, NULL);
	struct rqs_window a = make_window(1), b = make_window(2), shared = make_window(3);

	released = 0;
	assert_int_equal(rqs_handover_push(handover, &a), 0);
	assert_int_equal(rqs_handover_push(handover, &b), 0);
	assert_int_equal(rqs_handover_push(handover, rqs_window_get(&shared)), 0);
	rqs_window_put(rqs_handover_pop(handover));
	assert_int_equal(released, 1);
	rqs_handover_free(handover);
	assert_int_equal(released, 2); /* the shared one is still held here */
	rqs_window_put(&shared);
	assert_int_equal(released, 3);
	rqs_handover_free(NULL);
}

struct producer {
	struct rqs_handover *handover;
	struct rqs_window windows[POOL];
	struct timespec limit;
	uint64_t full, pushed;
};

static bool is_over(const struct timespec *limit)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > limit->tv_sec;
}

/* cmocka's assertions belong to the main thread: this one only counts. */
static void *produce(void *data)
{
	struct producer *producer = data;

	for (uint64_t i = 0; i < PUSHES && !is_over(&producer->limit); i++) {
		struct rqs_window *window = &producer->windows[i % POOL];

		*window = make_window(i + 1);
		window->switches = ~i; /* content that must have arrived with the pointer */
		while (rqs_handover_push(producer->handover, window) == -EAGAIN && !is_over(&producer->limit)) {
			producer->full++;
			sched_yield();
		}
		producer->pushed++;
	}
	return NULL;
}

static void test_handover_loses_nothing_between_two_threads(void **state)
{
	static struct producer producer;
	struct rqs_handover *handover = rqs_handover_new(NULL, NULL);
	uint64_t seq = 0, wrong = 0;
	pthread_t thread;

	assert_non_null(handover);
	producer.handover = handover;
	clock_gettime(CLOCK_MONOTONIC, &producer.limit);
	producer.limit.tv_sec += LIMIT_S;
	released = 0;
	assert_int_equal(pthread_create(&thread, NULL, produce, &producer), 0);
	while (seq < PUSHES && !is_over(&producer.limit)) {
		const struct rqs_window *window = rqs_handover_pop(handover);

		if (!window) {
			sched_yield();
			continue;
		}
		wrong += window->seq != seq + 1 || window->switches != ~seq;
		seq++;
		rqs_window_put(window);
	}
	pthread_join(thread, NULL);
	assert_int_equal(producer.pushed, PUSHES);
	assert_int_equal(seq, PUSHES);
	assert_int_equal(wrong, 0);
	assert_int_equal(released, PUSHES);
	assert_null(rqs_handover_pop(handover));
	print_message("handed over %d windows, ring full %llu times\n", PUSHES, (unsigned long long)producer.full);
	rqs_handover_free(handover);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handover_gives_in_order_and_refuses_when_full),
		cmocka_unit_test(test_handover_free_drops_what_is_left),
		cmocka_unit_test(test_handover_loses_nothing_between_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
