// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel says of requests in flight, made fit to show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "inflight.h"

static struct rqs_look look;
static struct rqs_inflight inflight;

static int clear(void **state)
{
	memset(&look, 0, sizeof(look));
	memset(&inflight, 0xaa, sizeof(inflight));
	return 0;
}

static struct rqs_look_request *add(uint64_t age_ns, bool has_age)
{
	struct rqs_look_request *request = &look.list[look.count++];

	request->age_ns = age_ns;
	request->has_age = has_age;
	return request;
}

static void test_inflight_lists_the_oldest_first(void **state)
{
	look.connections = 9;
	look.http = 8;
	look.requests = 100;
	add(5, true)->tid = 2;
	add(0, false)->tid = 4;
	add(7000000000, true)->tid = 1;
	add(0, true)->tid = 3;
	look.list[0].route = 7 << 16 | 200;
	rqs_inflight_of(&look, &inflight);
	assert_int_equal(inflight.connections, 9);
	assert_int_equal(inflight.http, 8);
	assert_int_equal(inflight.requests, 100);
	assert_int_equal(inflight.count, 4);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(inflight.items[i].tid, i + 1);
	assert_int_equal(inflight.items[0].age_ns, 7000000000);
	assert_false(inflight.items[3].has_age);
	assert_int_equal(inflight.items[1].kernel_route, 7 << 16 | 200);
	assert_false(inflight.items[1].has_route);
}

static void test_inflight_lists_no_more_than_there_is_room_for(void **state)
{
	look.count = RQS_LOOK_MAX + 1000;
	rqs_inflight_of(&look, &inflight);
	assert_int_equal(inflight.count, RQS_LOOK_MAX);
}

static void test_inflight_escapes_and_cuts_text(void **state)
{
	struct rqs_look_request *request = add(1, true);

	memcpy(request->comm, "a\x1b[31mb\xff", 9);
	memset(request->method, 'M', sizeof(request->method));
	request->method_bytes = 200; /* more than there are */
	memset(request->path, 0xff, sizeof(request->path));
	request->path_bytes = 255;
	request->path_cut = 1;
	request = add(0, true);
	memcpy(request->path, "/x\0y", 4);
	request->path_bytes = 2;
	memcpy(request->method, "GETTING", 7);
	request->method_bytes = 3;
	rqs_inflight_of(&look, &inflight);
	assert_string_equal(inflight.items[0].comm, "a\\x1b[31mb\\xff");
	assert_string_equal(inflight.items[0].method, "MMMMMMMMMMMMMMMM");
	assert_int_equal(strlen(inflight.items[0].path), 4 * RQS_PATH_MAX + strlen("…"));
	assert_memory_equal(inflight.items[0].path, "\\xff\\xff", 8);
	assert_string_equal(inflight.items[0].path + 4 * RQS_PATH_MAX, "…");
	assert_string_equal(inflight.items[1].path, "/x");
	assert_string_equal(inflight.items[1].method, "GET");
}

static void test_inflight_names_peers(void **state)
{
	static const struct {
		int family;
		const char *address, *shown;
	} cases[] = {
		{ AF_INET, "10.0.0.7", "10.0.0.7:4711" },
		{ AF_INET6, "2001:db8::1", "[2001:db8::1]:4711" },
		{ AF_INET6, "::ffff:10.0.0.7", "10.0.0.7:4711" },
		{ AF_UNIX, NULL, "" },
		{ 0, NULL, "" },
	};
	size_t count = sizeof(cases) / sizeof(cases[0]);

	for (size_t i = 0; i < count; i++) {
		struct rqs_look_request *request = add(count - i, true);

		request->peer_family = (uint16_t)cases[i].family;
		request->peer_port = 4711;
		if (cases[i].address)
			assert_int_equal(inet_pton(cases[i].family, cases[i].address, request->peer_address), 1);
	}
	rqs_inflight_of(&look, &inflight);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(inflight.items[i].peer, cases[i].shown);
}

static void test_inflight_names_stages_and_states(void **state)
{
	assert_string_equal(rqs_stage_name(RQS_STAGE_QUEUED), "queued");
	assert_string_equal(rqs_stage_name(RQS_STAGE_SENDING), "sending");
	assert_null(rqs_stage_name(RQS_STAGE_COUNT));
	assert_null(rqs_task_state_name(RQS_TASK_UNKNOWN));
	assert_string_equal(rqs_task_state_name(RQS_TASK_RUNNING), "running");
	assert_string_equal(rqs_task_state_name(RQS_TASK_EXITING), "exiting");
	assert_null(rqs_task_state_name(255));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_inflight_lists_the_oldest_first, clear),
		cmocka_unit_test_setup(test_inflight_lists_no_more_than_there_is_room_for, clear),
		cmocka_unit_test_setup(test_inflight_escapes_and_cuts_text, clear),
		cmocka_unit_test_setup(test_inflight_names_peers, clear),
		cmocka_unit_test_setup(test_inflight_names_stages_and_states, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
