// SPDX-License-Identifier: GPL-2.0-only
/* cost: from runs and timed runs to time per second. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cost.h"

#define SECOND_NS 1000000000ULL
#define START_NS (7 * SECOND_NS)

struct fixture {
	struct rqs_cost cost;
	struct rqs_program_runs programs[2];
	struct rqs_self self;
};

static struct fixture begin(void)
{
	return (struct fixture){ .cost = { .start_ns = START_NS }, .programs = { { .name = "send" }, { .name = "state" } } };
}

static void run(struct fixture *fix, uint32_t program, uint64_t runs, uint32_t timed, uint64_t timed_ns)
{
	fix->programs[program].runs += runs;
	fix->programs[program].timed += timed;
	fix->programs[program].timed_ns += timed_ns;
}

static void update(struct fixture *fix, uint64_t after_ns)
{
	rqs_cost_update(&fix->cost, START_NS + after_ns, fix->programs, 2, &fix->self);
}

static void test_cost_is_runs_times_what_a_run_costs(void **state)
{
	struct fixture fix = begin();

	run(&fix, 0, 10000, 40, 40 * 300);
	run(&fix, 1, 50, 50, 50 * 1000);
	update(&fix, SECOND_NS);
	assert_int_equal(fix.self.program_count, 2);
	assert_string_equal(fix.self.programs[0].name, "send");
	assert_true(fix.self.programs[0].runs_per_s == 10000);
	assert_true(fix.self.programs[0].ns_per_run == 300);
	assert_true(fix.self.programs[1].ns_per_run == 1000);
	assert_true(fix.self.bpf_ns_per_s == 10000 * 300 + 50 * 1000);
	/* by measured time, not by the second that it should have been */
	run(&fix, 0, 5000, 20, 20 * 300);
	update(&fix, 3 * SECOND_NS);
	assert_true(fix.self.programs[0].runs_per_s == 2500);
	assert_true(fix.self.programs[1].runs_per_s == 0);
	assert_true(fix.self.programs[1].ns_per_run == 1000); /* as was last known */
	assert_true(fix.self.bpf_ns_per_s == 2500 * 300);
}

static void test_cost_follows_the_newest_runs(void **state)
{
	struct fixture fix = begin();

	run(&fix, 0, 1000, 100, 100 * 2000);
	update(&fix, SECOND_NS);
	/* fewer than are kept: the mean of all */
	run(&fix, 0, 1000, 300, 300 * 400);
	update(&fix, 2 * SECOND_NS);
	assert_true(fabs(fix.self.programs[0].ns_per_run - 800) < 1e-6);
	/* 400 that cost 800, of which 212 are kept beside 300 new ones */
	run(&fix, 0, 1000, 300, 300 * 400);
	update(&fix, 3 * SECOND_NS);
	assert_true(fabs(fix.self.programs[0].ns_per_run - (212.0 * 800 + 300 * 400) / 512) < 1e-6);
	/* more than are kept: only they count */
	run(&fix, 0, 100000, 600, 600 * 250);
	update(&fix, 4 * SECOND_NS);
	assert_true(fabs(fix.self.programs[0].ns_per_run - 250) < 1e-6);
}

static void test_cost_is_unknown_until_a_run_was_timed(void **state)
{
	struct fixture fix = begin();

	update(&fix, SECOND_NS); /* nothing ran: that costs nothing */
	assert_true(fix.self.bpf_ns_per_s == 0);
	assert_true(isnan(fix.self.programs[0].ns_per_run));
	run(&fix, 0, 1, 0, 0);
	update(&fix, 2 * SECOND_NS);
	assert_true(isnan(fix.self.bpf_ns_per_s));
	run(&fix, 0, 1, 1, 900);
	update(&fix, 3 * SECOND_NS);
	assert_true(fix.self.bpf_ns_per_s == 900);
}

static void test_cost_without_time_or_programs_is_unknown(void **state)
{
	struct fixture fix = begin();

	run(&fix, 0, 10, 10, 100);
	update(&fix, 0);
	assert_true(isnan(fix.self.bpf_ns_per_s));
	assert_true(isnan(fix.self.programs[0].runs_per_s));
	rqs_cost_update(&fix.cost, START_NS + SECOND_NS, NULL, 0, &fix.self);
	assert_true(isnan(fix.self.bpf_ns_per_s));
	assert_int_equal(fix.self.program_count, 0);
}

static void test_cost_takes_counters_that_wrap_or_step_back(void **state)
{
	struct fixture fix = begin();

	fix.programs[0] = (struct rqs_program_runs){ .name = "send", .runs = 1000, .timed = UINT32_MAX - 9, .timed_ns = 1000 };
	update(&fix, SECOND_NS);
	run(&fix, 0, 1000, 20, 20 * 500);
	update(&fix, 2 * SECOND_NS);
	assert_int_equal(fix.programs[0].timed, 10);
	fix.programs[0].runs -= 5;
	update(&fix, 3 * SECOND_NS);
	assert_true(fix.self.programs[0].runs_per_s == 0);
	assert_true(fix.self.bpf_ns_per_s == 0);
	run(&fix, 0, 8, 0, 0);
	update(&fix, 4 * SECOND_NS);
	assert_true(fix.self.programs[0].runs_per_s == 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cost_is_runs_times_what_a_run_costs),
		cmocka_unit_test(test_cost_follows_the_newest_runs),
		cmocka_unit_test(test_cost_is_unknown_until_a_run_was_timed),
		cmocka_unit_test(test_cost_without_time_or_programs_is_unknown),
		cmocka_unit_test(test_cost_takes_counters_that_wrap_or_step_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
