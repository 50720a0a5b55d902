// SPDX-License-Identifier: GPL-2.0-only
/* A day by the clock of the readings: what computes takes no more memory at its end than when its history was full. */
#include "read_maps.h"

#include "frame.h"
#include "model_state.h"
#include "snapshot.h"

/* Of the address sanitizer, whose header not all compilers bring. */
size_t __sanitizer_get_current_allocated_bytes(void);

#define HOURS 24
#define FULL_HOURS 7 /* history reaches six hours back */
#define SLOTS 6

static void serve(struct maps *maps, uint32_t epoch, uint64_t *state)
{
	uint64_t request = build_random(state);
	struct rqs_http_lane *lane;
	uint32_t cpu;

	/* One slot moves in most seconds, all of them now and then. */
	maps->reading.slot_count = request % 100 ? 1 : SLOTS;
	for (uint32_t i = 0; i < maps->reading.slot_count; i++) {
		lane = &maps->slots[i].sum;
		lane->requests += 10;
		lane->responses += 10;
		lane->status[200 - RQS_STATUS_LOW] += 10;
		for (uint32_t m = 0; m < RQS_METRIC_COUNT; m++)
			for (uint32_t k = 0; k < 10; k++)
				add_duration(lane, m, 1000 + build_random(state) % 100000000);
	}
	for (cpu = 0; cpu < CPUS; cpu++)
		for (uint32_t k = 0; k < 5; k++)
			add_wait(&maps->sched[cpu], 1000 + build_random(state) % 10000000);
}

static void look(const struct rqs_model *model, uint64_t seq)
{
	struct rqs_text text = rqs_frame_windows(model, seq - 1, seq, 0);

	assert_non_null(text.data);
	free(text.data);
	if (seq % 3600)
		return;
	text = rqs_snapshot_encode(model);
	assert_non_null(text.data);
	free(text.data);
}

/* Windows of a second, as with --tick 1s. */
static void test_day_takes_no_more_memory_than_six_hours(void **state)
{
	struct rqs_host host = *build_host();
	struct maps *maps = maps_new(SLOTS);
	struct rqs_vitals vitals = { .cpu_user = 0.1 };
	struct rqs_self self = { .cpu_ratio = 0.002 };
	const struct rqs_window *window;
	struct rqs_model *model;
	uint64_t random = 1, served = 0;
	size_t full_bytes = 0;

	host.tick_ns = SECOND_NS;
	model = rqs_model_new(&host);
	assert_non_null(model);
	for (uint64_t second = 1; second <= HOURS * 3600; second++) {
		serve(maps, second, &random);
		served += 10 * maps->reading.slot_count;
		maps->reading.vitals = &vitals;
		maps->reading.self = &self;
		window = take_window(maps, 10 * second);
		assert_int_equal(rqs_model_apply(model, window), 0);
		rqs_window_put(window);
		look(model, second);
		if (second == FULL_HOURS * 3600)
			full_bytes = __sanitizer_get_current_allocated_bytes();
		if (second > FULL_HOURS * 3600 && second % 3600 == 0)
			assert_int_equal(__sanitizer_get_current_allocated_bytes(), full_bytes);
	}
	assert_int_equal(model->roles[RQS_ROLE_SERVER].books.requests, served);
	rqs_model_free(model);
	maps_free(maps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_day_takes_no_more_memory_than_six_hours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
