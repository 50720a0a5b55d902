// SPDX-License-Identifier: GPL-2.0-only
#include "build_window.h"

#include "buckets.h"
#include "columns.h"

static void test_index_of_every_edge(void **state)
{
	uint32_t i;

	for (i = 1; i < RQS_BUCKET_COUNT; i++) {
		assert_int_equal(rqs_bucket_index(rqs_bucket_low(i)), i);
		assert_int_equal(rqs_bucket_index(rqs_bucket_low(i) - 1), i - 1);
	}
	assert_int_equal(rqs_bucket_index(0), 0);
	assert_int_equal(rqs_bucket_index(1), 0);
	assert_int_equal(rqs_bucket_index(1023), 0);
	assert_int_equal(rqs_bucket_index(1024), 1);
	assert_int_equal(rqs_bucket_index((1ULL << 36) - 1), RQS_BUCKET_COUNT - 2);
	assert_int_equal(rqs_bucket_index(1ULL << 36), RQS_BUCKET_COUNT - 1);
	assert_int_equal(rqs_bucket_index(UINT64_MAX), RQS_BUCKET_COUNT - 1);
}

static void test_lows_rise_and_end_where_the_range_ends(void **state)
{
	uint32_t i;

	for (i = 1; i < RQS_BUCKET_COUNT; i++)
		assert_true(rqs_bucket_low(i) > rqs_bucket_low(i - 1));
	assert_int_equal(rqs_bucket_low(0), 0);
	assert_int_equal(rqs_bucket_low(1), 1024);
	assert_int_equal(rqs_bucket_low(RQS_BUCKET_COUNT - 1), 1ULL << 36);
	assert_int_equal(rqs_bucket_low(RQS_BUCKET_COUNT), 1ULL << 36);
}

static void test_middle_is_within_a_sixtyfourth(void **state)
{
	uint32_t i;

	for (i = 1; i < RQS_BUCKET_COUNT - 1; i++) {
		double mid = (double)rqs_bucket_mid(i), low = (double)rqs_bucket_low(i);
		double last = (double)rqs_bucket_low(i + 1) - 1;

		assert_true(mid >= low && mid <= last);
		assert_true(mid - low <= low / 64);
		assert_true(last - mid <= last / 64);
	}
	assert_int_equal(rqs_bucket_mid(0), 512);
	assert_int_equal(rqs_bucket_mid(RQS_BUCKET_COUNT - 1), 1ULL << 36);
}

static void test_index_never_falls(void **state)
{
	uint64_t seed = 1, value;
	uint32_t i;

	for (i = 0; i < 200000; i++) {
		value = build_random(&seed) >> (build_random(&seed) & 63);
		assert_true(rqs_bucket_index(value) < RQS_BUCKET_COUNT);
		if (value < UINT64_MAX)
			assert_true(rqs_bucket_index(value + 1) >= rqs_bucket_index(value));
		assert_true(rqs_bucket_low(rqs_bucket_index(value)) <= value);
	}
}

static void test_highest_bit(void **state)
{
	uint32_t bit;

	for (bit = 0; bit < 64; bit++) {
		assert_int_equal(rqs_bucket_msb(1ULL << bit), bit);
		assert_int_equal(rqs_bucket_msb((1ULL << bit) | ((1ULL << bit) - 1)), bit);
	}
}

static void test_heat_rows_are_four_an_octave(void **state)
{
	static const uint64_t lows_ns[] = { 0, 1024, 1280, 1536, 1792, 2048 };
	uint32_t i;

	for (i = 0; i < 6; i++)
		assert_int_equal(rqs_heat_low_ns(i), lows_ns[i]);
	assert_int_equal(rqs_heat_low_ns(RQS_HEAT_ROWS - 1), 1ULL << 36);
	for (i = 0; i < RQS_BUCKET_COUNT; i++) {
		uint32_t row = rqs_heat_row(i);

		assert_true(row < RQS_HEAT_ROWS);
		assert_true(rqs_heat_low_ns(row) <= rqs_bucket_low(i));
		if (row + 1 < RQS_HEAT_ROWS)
			assert_true(rqs_bucket_low(i) < rqs_heat_low_ns(row + 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_index_of_every_edge),
		cmocka_unit_test(test_lows_rise_and_end_where_the_range_ends),
		cmocka_unit_test(test_middle_is_within_a_sixtyfourth),
		cmocka_unit_test(test_index_never_falls),
		cmocka_unit_test(test_highest_bit),
		cmocka_unit_test(test_heat_rows_are_four_an_octave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
