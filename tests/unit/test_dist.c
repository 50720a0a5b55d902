// SPDX-License-Identifier: GPL-2.0-only
#include "build_window.h"

#include "bytering.h"
#include "dist.h"

#define VALUES 20000

static const uint32_t permilles[] = { 1, 100, 500, 900, 990, 999, 1000 };

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

static double normal(uint64_t *seed)
{
	return sqrt(-2 * log(build_uniform(seed))) * cos(2 * 3.14159265358979 * build_uniform(seed));
}

static uint64_t uniform(uint64_t *seed)
{
	return 1024 + build_random(seed) % (50 * MS);
}

static uint64_t lognormal(uint64_t *seed)
{
	return 1024 + (uint64_t)(200000 * exp(1.3 * normal(seed)));
}

static uint64_t bimodal(uint64_t *seed)
{
	return build_random(seed) % 10 ? 40000 + build_random(seed) % 5000 : 700 * MS + build_random(seed) % (90 * MS);
}

static uint64_t heavy_tail(uint64_t *seed)
{
	double value = 5000 / pow(build_uniform(seed), 1 / 0.9);

	return value < 0x1p36 - 1 ? (uint64_t)value : (1ULL << 36) - 1;
}

static uint64_t constant(uint64_t *seed)
{
	return 1234567;
}

static uint64_t (*const distributions[])(uint64_t *) = { uniform, lognormal, bimodal, heavy_tail, constant };
#define DISTRIBUTIONS (sizeof(distributions) / sizeof(distributions[0]))

static uint64_t true_quantile(const uint64_t *sorted, uint64_t count, uint32_t permille)
{
	uint64_t rank = (count * permille + 999) / 1000;

	return sorted[(rank ? rank : 1) - 1];
}

static void expect_quantiles(const struct rqs_hist *hist, uint64_t *values, uint64_t count)
{
	size_t i;

	qsort(values, count, sizeof(*values), compare);
	assert_int_equal(hist->count, count);
	assert_int_equal(hist->min_ns, values[0]);
	assert_int_equal(hist->max_ns, values[count - 1]);
	for (i = 0; i < sizeof(permilles) / sizeof(permilles[0]); i++) {
		double expected = (double)true_quantile(values, count, permilles[i]);
		double got = (double)rqs_hist_quantile_ns(hist, permilles[i], hist->min_ns, hist->max_ns);

		if (fabs(got - expected) > expected / 64)
			fail_msg("permille %u: %.0f instead of %.0f", permilles[i], got, expected);
	}
}

static void test_percentiles_are_those_of_the_sorted_values(void **state)
{
	static const uint32_t counts[] = { 1, 2, 3, 10, 99, 1000, VALUES };
	struct build *build = calloc(1, sizeof(*build));
	struct rqs_hist *hist = calloc(1, sizeof(*hist));
	uint64_t *values = malloc(VALUES * sizeof(*values)), seed = 42;
	struct rqs_dist dist;
	size_t d, c, i;

	for (d = 0; d < DISTRIBUTIONS; d++)
		for (c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
			for (i = 0; i < counts[c]; i++)
				values[i] = distributions[d](&seed);
			build->bin_count = 0;
			build_dist(build, &dist, values, counts[c]);
			rqs_hist_clear(hist);
			rqs_hist_add_dist(hist, &dist);
			expect_quantiles(hist, values, counts[c]);
		}
	free(values);
	free(hist);
	free(build);
}

static void test_merged_percentiles_too(void **state)
{
	struct build *build = calloc(1, sizeof(*build));
	struct rqs_hist *parts = calloc(10, sizeof(*parts)), *hist = calloc(1, sizeof(*hist));
	uint64_t *values = malloc(VALUES * sizeof(*values)), seed = 5;
	uint8_t *packed = malloc(RQS_HIST_PACKED_MAX);
	struct rqs_dist dist;
	uint32_t part, i;

	/* ten windows of different sizes and shapes, by way of the packed form for every other one */
	for (i = 0, part = 0; part < 10; part++) {
		uint32_t first = i, last = part == 9 ? VALUES : first + 100 + 200 * part;

		for (; i < last; i++)
			values[i] = distributions[part % DISTRIBUTIONS](&seed);
		build->bin_count = 0;
		build_dist(build, &dist, values + first, last - first);
		rqs_hist_add_dist(&parts[part], &dist);
		if (part & 1) {
			size_t bytes = rqs_hist_pack(&parts[part], packed);
			struct rqs_hist only_summary = parts[part];

			memset(only_summary.buckets, 0, sizeof(only_summary.buckets));
			only_summary.low = only_summary.high = 0;
			assert_true(bytes <= RQS_HIST_PACKED_MAX);
			assert_int_equal(rqs_hist_add_packed(&only_summary, packed, bytes), bytes);
			assert_memory_equal(&only_summary, &parts[part], sizeof(only_summary));
			rqs_hist_add(hist, &only_summary);
		} else {
			rqs_hist_add(hist, &parts[part]);
		}
	}
	expect_quantiles(hist, values, VALUES);
	free(packed);
	free(values);
	free(hist);
	free(parts);
	free(build);
}

static void test_percentiles_of_nothing_and_of_extremes(void **state)
{
	static const struct rqs_bin bins[] = { { 0, 3 }, { RQS_BUCKET_COUNT - 1, 1 }, { 100000, 1 } };
	struct rqs_dist dist = { .count = 5, .sum_ns = 1, .min_ns = 7, .max_ns = UINT64_MAX, .bins = bins, .bin_count = 3 };
	struct rqs_hist *hist = calloc(1, sizeof(*hist));

	assert_int_equal(rqs_hist_quantile_ns(hist, 500, 0, 0), 0);
	rqs_hist_add_dist(hist, &dist);
	assert_int_equal(hist->buckets[RQS_BUCKET_COUNT - 1], 2); /* a bin that has no bucket is not lost */
	assert_int_equal(rqs_hist_quantile_ns(hist, 500, hist->min_ns, hist->max_ns), 512);
	assert_int_equal(rqs_hist_quantile_ns(hist, 999, hist->min_ns, hist->max_ns), 1ULL << 36);
	assert_int_equal(rqs_hist_quantile_ns(hist, 0, hist->min_ns, hist->max_ns), 512);
	/* neither below the minimum nor above the maximum */
	assert_int_equal(rqs_hist_quantile_ns(hist, 500, 900, 1000), 900);
	assert_int_equal(rqs_hist_quantile_ns(hist, 999, 7, 1ULL << 35), 1ULL << 35);
	free(hist);
}

static void test_ranks_of_huge_counts_do_not_overflow(void **state)
{
	struct rqs_hist *hist = calloc(1, sizeof(*hist));

	hist->low = 10;
	hist->high = 12;
	hist->buckets[10] = 1ULL << 61;
	hist->buckets[11] = 1ULL << 61;
	assert_int_equal(rqs_hist_quantile_ns(hist, 500, 0, UINT64_MAX), rqs_bucket_mid(10));
	assert_int_equal(rqs_hist_quantile_ns(hist, 501, 0, UINT64_MAX), rqs_bucket_mid(11));
	free(hist);
}

static void test_packing_any_buckets_and_back(void **state)
{
	struct rqs_hist *hist = calloc(1, sizeof(*hist)), *back = calloc(1, sizeof(*back));
	uint8_t *packed = malloc(RQS_HIST_PACKED_MAX);
	uint64_t seed = 9;
	uint32_t round, i;

	for (round = 0; round < 300; round++) {
		size_t bytes, cut;

		rqs_hist_clear(hist);
		rqs_hist_clear(back);
		hist->high = RQS_BUCKET_COUNT;
		for (i = 0; i < RQS_BUCKET_COUNT; i++)
			if (round == 0 || build_random(&seed) % 300 < round)
				hist->buckets[i] = round == 0 ? UINT64_MAX >> 1
							      : 1 + (build_random(&seed) >> (1 + build_random(&seed) % 63));
		bytes = rqs_hist_pack(hist, packed);
		assert_true(bytes >= 1 && bytes <= RQS_HIST_PACKED_MAX);
		assert_int_equal(rqs_hist_add_packed(NULL, packed, bytes), bytes);
		assert_int_equal(rqs_hist_add_packed(back, packed, bytes), bytes);
		assert_memory_equal(back->buckets, hist->buckets, sizeof(hist->buckets));
		for (cut = bytes - 1; cut > 0 && cut + 20 > bytes; cut--)
			assert_int_equal(rqs_hist_add_packed(NULL, packed, cut), 0);
	}
	free(packed);
	free(back);
	free(hist);
}

static void test_unpacking_garbage_is_refused(void **state)
{
	static const uint8_t beyond[] = { 3, 0xff, 0xff, 0xff, 0x7f, 0 }; /* a gap past the last bucket */
	static const uint8_t endless[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0 };
	struct rqs_hist *hist = calloc(1, sizeof(*hist));
	uint8_t bytes[64];
	uint64_t seed = 11;
	uint32_t round, i;

	assert_int_equal(rqs_hist_add_packed(hist, beyond, sizeof(beyond)), 0);
	assert_int_equal(rqs_hist_add_packed(hist, endless, sizeof(endless)), 0);
	assert_int_equal(rqs_hist_add_packed(hist, bytes, 0), 0);
	for (round = 0; round < 50000; round++) {
		for (i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)build_random(&seed);
		assert_true(rqs_hist_add_packed(hist, bytes, sizeof(bytes)) <= sizeof(bytes));
	}
	free(hist);
}

static void test_bytering_keeps_the_newest(void **state)
{
	struct rqs_bytering ring = { 0 };
	struct rqs_piece pieces[200], none = { 0 };
	uint8_t data[64];
	uint32_t i, kept = 0;

	assert_int_equal(rqs_bytering_init(&ring, 1000), 0);
	assert_null(rqs_bytering_get(&ring, none));
	for (i = 0; i < 200; i++) {
		memset(data, (int)i, sizeof(data));
		pieces[i] = rqs_bytering_put(&ring, data, 1 + i % 64);
	}
	for (i = 0; i < 200; i++) {
		const uint8_t *got = rqs_bytering_get(&ring, pieces[i]);

		if (!got) {
			assert_int_equal(kept, 0); /* the oldest go first */
			continue;
		}
		memset(data, (int)i, sizeof(data));
		assert_memory_equal(got, data, 1 + i % 64);
		kept += 1 + i % 64;
	}
	assert_in_range(kept, 1000 - 3 * 64, 1000);
	pieces[0] = rqs_bytering_put(&ring, (const uint8_t *)&pieces, 1001); /* larger than all of it */
	assert_null(rqs_bytering_get(&ring, pieces[0]));
	pieces[0] = rqs_bytering_put(&ring, data, 0);
	assert_null(rqs_bytering_get(&ring, pieces[0]));
	rqs_bytering_fini(&ring);
	rqs_bytering_fini(&ring);
	assert_int_equal(rqs_bytering_init(&ring, 0), 0);
	assert_int_equal(rqs_bytering_put(&ring, data, 1).bytes, 0);
	rqs_bytering_fini(&ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percentiles_are_those_of_the_sorted_values),
		cmocka_unit_test(test_merged_percentiles_too),
		cmocka_unit_test(test_percentiles_of_nothing_and_of_extremes),
		cmocka_unit_test(test_ranks_of_huge_counts_do_not_overflow),
		cmocka_unit_test(test_packing_any_buckets_and_back),
		cmocka_unit_test(test_unpacking_garbage_is_refused),
		cmocka_unit_test(test_bytering_keeps_the_newest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
