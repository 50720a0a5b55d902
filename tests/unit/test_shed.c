// SPDX-License-Identifier: GPL-2.0-only
/* shed: what goes when, and when it comes back. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shed.h"

#define MS 1000000ULL
#define SECOND_NS (1000 * MS)
#define BOTH (RQS_PART_ROUTES | RQS_PART_CLIENT)

/* The process takes 0.2 %; each of the runs, @ns. */
struct fixture {
	struct rqs_shed shed;
	struct rqs_shed_change change;
	uint64_t mono_ns;
	double runs_per_s, ns_per_run;
	uint64_t late_ns;
};

static void begin(struct fixture *fix, double limit_ratio, uint32_t parts)
{
	struct rqs_shed_config config = { .limit_ratio = limit_ratio, .tick_ns = 100 * MS, .parts = parts };

	*fix = (struct fixture){ .mono_ns = 7 * SECOND_NS };
	rqs_shed_init(&fix->shed, &config, fix->mono_ns);
}

static bool second(struct fixture *fix)
{
	struct rqs_self self = { .cpu_ratio = 0.002, .program_count = 1 };

	self.programs[0] = (struct rqs_program_cost){ "send", fix->runs_per_s, fix->ns_per_run };
	self.bpf_ns_per_s = fix->runs_per_s * fix->ns_per_run;
	for (int i = 0; i < 10; i++)
		rqs_shed_tick(&fix->shed, fix->late_ns);
	fix->mono_ns += SECOND_NS;
	return rqs_shed_second(&fix->shed, fix->mono_ns, &self, &fix->change);
}

/* How many seconds go by until something changes; 0: nothing did in @limit seconds. */
static int seconds_until_change(struct fixture *fix, int limit)
{
	for (int i = 1; i <= limit; i++)
		if (second(fix))
			return i;
	return 0;
}

static void load(struct fixture *fix, double runs_per_s, double ns_per_run)
{
	fix->runs_per_s = runs_per_s;
	fix->ns_per_run = ns_per_run;
}

static void test_shed_does_nothing_without_a_limit(void **state)
{
	struct fixture fix;

	begin(&fix, 0, BOTH);
	load(&fix, 1e6, 1000);
	fix.late_ns = 99 * MS;
	assert_int_equal(seconds_until_change(&fix, 100), 0);
	assert_int_equal(fix.shed.off, 0);
}

static void test_shed_lets_routes_go_first_then_the_client_role(void **state)
{
	struct fixture fix;

	begin(&fix, 0.02, BOTH);
	load(&fix, 100000, 500); /* 5 % */
	assert_int_equal(seconds_until_change(&fix, 20), 5);
	assert_int_equal(fix.change.part, RQS_PART_ROUTES);
	assert_false(fix.change.back);
	assert_true(fabs(fix.change.cost_ratio - 0.052) < 1e-9);
	assert_true(fix.change.limit_ratio == 0.02);
	assert_int_equal(fix.change.late_ns, 0);
	assert_int_equal(seconds_until_change(&fix, 20), 5);
	assert_int_equal(fix.change.part, RQS_PART_CLIENT);
	assert_int_equal(fix.shed.off, BOTH);
	/* then there is nothing left, however dear it stays */
	assert_int_equal(seconds_until_change(&fix, 200), 0);
	assert_int_equal(fix.shed.off, BOTH);
}

static void test_shed_forgives_what_is_short(void **state)
{
	struct fixture fix;

	begin(&fix, 0.02, BOTH);
	for (int i = 0; i < 20; i++) {
		load(&fix, 100000, 500);
		assert_int_equal(seconds_until_change(&fix, 4), 0);
		load(&fix, 1000, 500);
		assert_false(second(&fix));
	}
	/* a second of which nothing is known ends it too */
	load(&fix, 100000, 500);
	assert_int_equal(seconds_until_change(&fix, 4), 0);
	load(&fix, 100000, NAN);
	assert_false(second(&fix));
	load(&fix, 100000, 500);
	assert_int_equal(seconds_until_change(&fix, 20), 5);
}

static void test_shed_keeps_to_the_parts_that_are_there(void **state)
{
	struct fixture fix;

	begin(&fix, 0.02, RQS_PART_CLIENT);
	load(&fix, 100000, 500);
	assert_int_equal(seconds_until_change(&fix, 20), 5);
	assert_int_equal(fix.shed.off, RQS_PART_CLIENT);
	assert_int_equal(seconds_until_change(&fix, 50), 0);
	load(&fix, 0, 500);
	assert_int_equal(seconds_until_change(&fix, 50), 30);
	assert_int_equal(fix.shed.off, 0);
	assert_int_equal(seconds_until_change(&fix, 50), 0);
	begin(&fix, 0.02, 0);
	load(&fix, 100000, 500);
	assert_int_equal(seconds_until_change(&fix, 50), 0);
}

static void test_shed_takes_up_again_what_fits(void **state)
{
	struct fixture fix;

	begin(&fix, 0.02, BOTH);
	load(&fix, 100000, 500);
	assert_int_equal(seconds_until_change(&fix, 20), 5);
	load(&fix, 100000, 400); /* without routes a run costs less */
	assert_int_equal(seconds_until_change(&fix, 20), 5);
	load(&fix, 100000, 100); /* 1.2 %, but 4.2 % with the client role back */
	assert_int_equal(seconds_until_change(&fix, 300), 0);
	load(&fix, 36000, 100); /* 1.64 %: no room to spare */
	assert_int_equal(seconds_until_change(&fix, 300), 0);
	load(&fix, 34000, 100); /* 1.56 % */
	assert_int_equal(seconds_until_change(&fix, 300), 30);
	assert_true(fix.change.back);
	assert_int_equal(fix.change.part, RQS_PART_CLIENT);
	assert_true(fabs(fix.change.cost_ratio - 0.0156) < 1e-9);
	assert_int_equal(fix.shed.off, RQS_PART_ROUTES);
	load(&fix, 34000, 400); /* 1.9 % with routes */
	assert_int_equal(seconds_until_change(&fix, 300), 0);
	load(&fix, 20000, 400);
	assert_int_equal(seconds_until_change(&fix, 300), 30);
	assert_int_equal(fix.change.part, RQS_PART_ROUTES);
	assert_int_equal(fix.shed.off, 0);
}

static void test_shed_wants_it_to_fit_without_a_break(void **state)
{
	struct fixture fix;

	begin(&fix, 0.02, RQS_PART_CLIENT);
	load(&fix, 100000, 500);
	assert_int_equal(seconds_until_change(&fix, 20), 5);
	for (int i = 0; i < 5; i++) {
		load(&fix, 1000, 500);
		assert_int_equal(seconds_until_change(&fix, 29), 0);
		load(&fix, 100000, 500);
		assert_false(second(&fix));
	}
	load(&fix, 1000, 500);
	assert_int_equal(seconds_until_change(&fix, 100), 30);
}

static void test_shed_waits_longer_when_it_comes_again(void **state)
{
	struct fixture fix;

	begin(&fix, 0.02, BOTH);
	for (int pause = 30, i = 0; i < 9; i++) {
		load(&fix, 100000, 500);
		assert_int_equal(seconds_until_change(&fix, 20), 5);
		assert_int_equal(seconds_until_change(&fix, 20), 5);
		load(&fix, 1000, 500);
		assert_int_equal(seconds_until_change(&fix, 5000), pause);
		assert_int_equal(seconds_until_change(&fix, 5000), pause);
		if (pause < 1920)
			pause *= 2;
	}
	/* after a long rest it is as in the beginning */
	assert_int_equal(seconds_until_change(&fix, 4 * 1920), 0);
	load(&fix, 100000, 500);
	assert_int_equal(seconds_until_change(&fix, 20), 5);
	load(&fix, 1000, 500);
	assert_int_equal(seconds_until_change(&fix, 5000), 30);
}

static void test_shed_heeds_ticks_that_are_late(void **state)
{
	struct fixture fix;

	begin(&fix, 0.02, BOTH);
	load(&fix, 1000, 500);
	fix.late_ns = 10 * MS; /* a tenth of a tick is not too late */
	assert_int_equal(seconds_until_change(&fix, 50), 0);
	fix.late_ns = 11 * MS;
	assert_int_equal(seconds_until_change(&fix, 50), 3); /* the median of 5 s */
	assert_int_equal(fix.change.part, RQS_PART_ROUTES);
	assert_int_equal(fix.change.late_ns, 11 * MS);
	assert_int_equal(seconds_until_change(&fix, 50), 5); /* counted anew */
	assert_int_equal(fix.shed.off, BOTH);
	assert_int_equal(seconds_until_change(&fix, 100), 0);
	fix.late_ns = MS;
	assert_int_equal(seconds_until_change(&fix, 100), 32); /* 2 s until the median is low, and the pause */
	assert_int_equal(fix.shed.off, RQS_PART_ROUTES);
}

static void test_shed_counts_seconds_as_long_as_they_were(void **state)
{
	struct rqs_self self = { .cpu_ratio = 0.5, .program_count = 0 };
	struct fixture fix;

	begin(&fix, 0.02, BOTH);
	assert_false(rqs_shed_second(&fix.shed, fix.mono_ns + 4999 * MS, &self, &fix.change));
	assert_true(rqs_shed_second(&fix.shed, fix.mono_ns + 5000 * MS, &self, &fix.change));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shed_does_nothing_without_a_limit),
		cmocka_unit_test(test_shed_lets_routes_go_first_then_the_client_role),
		cmocka_unit_test(test_shed_forgives_what_is_short),
		cmocka_unit_test(test_shed_keeps_to_the_parts_that_are_there),
		cmocka_unit_test(test_shed_takes_up_again_what_fits),
		cmocka_unit_test(test_shed_wants_it_to_fit_without_a_break),
		cmocka_unit_test(test_shed_waits_longer_when_it_comes_again),
		cmocka_unit_test(test_shed_heeds_ticks_that_are_late),
		cmocka_unit_test(test_shed_counts_seconds_as_long_as_they_were),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
