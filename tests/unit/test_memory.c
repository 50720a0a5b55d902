// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation of the model and of what encodes it fails once. The sources are compiled in here, with
 * functions of their own for memory.
 */
#include "build_window.h"

#include <errno.h>

static uint32_t allocations;
static uint32_t fail_at; /* number of the allocation that fails, 0: none */

static bool fails(void)
{
	if (++allocations != fail_at)
		return false;
	errno = ENOMEM;
	return true;
}

static void *test_memory_malloc(size_t bytes)
{
	return fails() ? NULL : malloc(bytes);
}

static void *test_memory_calloc(size_t count, size_t bytes)
{
	return fails() ? NULL : calloc(count, bytes);
}

static void *test_memory_realloc(void *data, size_t bytes)
{
	return fails() ? NULL : realloc(data, bytes);
}

static char *test_memory_strdup(const char *text)
{
	return fails() ? NULL : strdup(text);
}

#define malloc test_memory_malloc
#define calloc test_memory_calloc
#define realloc test_memory_realloc
#undef strdup
#define strdup test_memory_strdup

/* static functions whose names occur in more than one of them */
#define close_second services_close_second
#include "services.c"
#undef close_second
#include "bytering.c"
#include "service_log.c"
#include "history.c"
#include "model.c"
#include "json.c"
#include "encode_windows.c"
#include "frame.c"
#define encode_event snapshot_encode_event
#include "snapshot.c"
#undef encode_event

#undef malloc
#undef calloc
#undef realloc
#undef strdup

static void test_a_model_without_memory(void **state)
{
	uint32_t count = 0;
	struct rqs_model *model;

	for (fail_at = 1;; fail_at++) {
		allocations = 0;
		errno = 0;
		model = rqs_model_new(build_host());
		if (model)
			break;
		assert_int_equal(errno, ENOMEM);
		count++;
	}
	rqs_model_free(model);
	assert_true(count >= 22); /* itself, five strings, services, three rings twice, two logs thrice, CPUs */
}

static struct rqs_text encode(const struct rqs_model *model, uint32_t which)
{
	static const struct rqs_request request = { .kind = RQS_REQUEST_HISTORY, .to_ms = 9000000000000, .points = 100 };
	static const struct rqs_request of_service = { .kind = RQS_REQUEST_HISTORY, .to_ms = 9000000000000, .points = 100,
						       .has_slot = true, .slot = 1 };

	switch (which) {
	case 0:
		return rqs_frame_hello(model, 250);
	case 1:
		return rqs_frame_windows(model, 0, 30, 0);
	case 2:
		return rqs_frame_windows(model, 0, 30, 5);
	case 3:
		return rqs_frame_history(model, &request);
	case 4:
		return rqs_frame_services(model);
	case 5:
		return rqs_frame_events(model, 0);
	case 6:
		return rqs_frame_status(model);
	case 7:
		return rqs_frame_error("bad_request", "no");
	case 8:
		return rqs_frame_service_windows(model, 1, rqs_model_service(model, 1), 0, 30, 0);
	case 9:
		return rqs_frame_history(model, &of_service);
	default:
		return rqs_snapshot_encode(model);
	}
}

static void test_texts_without_memory(void **state)
{
	struct build *build = calloc(1, sizeof(*build));
	struct rqs_service_ident ident = build_ident(1, "nginx", 80);
	struct rqs_model *model;
	struct rqs_text text;
	uint32_t which, count;
	uint64_t seq;

	fail_at = 0;
	model = rqs_model_new(build_host());
	assert_non_null(model);
	allocations = 0;
	for (seq = 1; seq <= 30; seq++) {
		build_tick(build, seq);
		build_answers(build, build_service(build, &ident), 200, 3, seq * MS);
		build_event(build, RQS_EVENT_SERVER_ERROR, "GET", "/");
		build_vitals(build);
		assert_int_equal(rqs_model_apply(model, &build->window), 0);
	}
	assert_int_equal(allocations, 0); /* the tick path takes no memory */
	for (which = 0; which <= 10; which++) {
		for (count = 0, fail_at = 1;; fail_at++, count++) {
			allocations = 0;
			errno = 0;
			text = encode(model, which);
			if (text.data)
				break;
			assert_int_equal(errno, ENOMEM);
			assert_int_equal(text.bytes, 0);
		}
		assert_true(count > 0);
		assert_int_equal(text.data[0], '{');
		free(text.data);
	}
	rqs_model_free(model);
	free(build);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_model_without_memory),
		cmocka_unit_test(test_texts_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
