// SPDX-License-Identifier: GPL-2.0-only
/* Rows of services in few bytes, and the ring that they lie in. */
#include "build_window.h"

#include "service_log.h"

#define SERVICES 12
#define WINDOWS 2000
#define RING_BYTES RQS_SERVICE_CHUNK_MAX

/* A row as a window would give it: what has no duration has no minimum either. */
static void make_row(uint64_t *seed, double *row)
{
	uint32_t i, hist;

	rqs_service_row_clear(row);
	for (i = RQS_SERVICE_COLUMN_FIRST; i <= RQS_SERVICE_COLUMN_LAST; i++)
		if (rqs_columns[i].hist == RQS_HIST_NONE && build_random(seed) % 3)
			row[i] = (double)(build_random(seed) >> (rqs_columns[i].store == RQS_STORE_COUNT ? 25 : 12));
	for (hist = 0; hist < RQS_METRIC_COUNT; hist++) {
		double *dist = row + rqs_hists[RQS_HIST_HTTP_SERVER_DURATION + hist].count;

		if (build_random(seed) % 4 == 0)
			continue;
		dist[0] = 1 + (double)(build_random(seed) % 1000);
		dist[RQS_DIST_SUM_NS] = (double)(build_random(seed) >> 12);
		dist[RQS_DIST_MIN_NS] = (double)(build_random(seed) % 3);
		dist[RQS_DIST_MAX_NS] = 0x1p40;
		for (i = 0; i < RQS_DIST_QUANTILES; i++)
			dist[RQS_DIST_QUANTILES + i] =
				build_random(seed) % 5 ? (double)rqs_bucket_mid((uint32_t)(build_random(seed) % RQS_BUCKET_COUNT)) : NAN;
	}
}

static void expect_row(const double *is, const double *should)
{
	uint32_t i;

	for (i = 0; i < RQS_COLUMN_COUNT; i++)
		if (isnan(should[i]) ? !isnan(is[i]) : is[i] != should[i])
			fail_msg("%s is %f instead of %f", rqs_columns[i].name, is[i], should[i]);
}

static void test_rows_of_services_survive_packing(void **state)
{
	uint8_t packed[RQS_SERVICE_ROW_MAX + 1];
	double row[RQS_COLUMN_COUNT], back[RQS_COLUMN_COUNT];
	uint64_t seed = 5;
	uint32_t round;
	size_t bytes, cut;

	for (round = 0; round < 3000; round++) {
		make_row(&seed, row);
		packed[RQS_SERVICE_ROW_MAX] = 0x5a;
		bytes = rqs_service_row_pack(row, packed);
		assert_in_range(bytes, 1, RQS_SERVICE_ROW_MAX);
		assert_int_equal(packed[RQS_SERVICE_ROW_MAX], 0x5a);
		assert_int_equal(rqs_service_row_unpack(packed, bytes, back), bytes);
		expect_row(back, row);
		cut = build_random(&seed) % bytes;
		assert_int_equal(rqs_service_row_unpack(packed, cut, back), 0);
	}
	rqs_service_row_clear(row);
	assert_int_equal(rqs_service_row_pack(row, packed), 0); /* who has nothing takes nothing */
	row[RQS_COLUMN_HTTP_SERVER_IN_FLIGHT] = 1;
	assert_int_equal(rqs_service_row_pack(row, packed), 3);
	rqs_service_row_forget(row, false);
	assert_true(isnan(row[RQS_COLUMN_HTTP_SERVER_REQUESTS]) && row[RQS_COLUMN_HTTP_SERVER_IN_FLIGHT] == 1);
	rqs_service_row_forget(row, true);
	assert_true(isnan(row[RQS_COLUMN_HTTP_SERVER_IN_FLIGHT]));
}

static void test_any_bytes_as_a_row_of_a_service(void **state)
{
	uint64_t seed = 8;
	uint32_t round, i;

	for (round = 0; round < 50000; round++) {
		size_t bytes = build_random(&seed) % 40;
		uint8_t *data = malloc(bytes + 1); /* exact: nothing behind it to lean on */
		double row[RQS_COLUMN_COUNT];

		for (i = 0; i < bytes; i++)
			data[i] = (uint8_t)build_random(&seed);
		data = realloc(data, bytes ? bytes : 1);
		assert_true(rqs_service_row_unpack(data, bytes, row) <= bytes);
		for (i = 0; i < RQS_COLUMN_COUNT; i++)
			assert_true(rqs_is_service_column(i) || isnan(row[i]));
		free(data);
	}
}

/* One service's part of a window, made from its number and the window's. */
struct part {
	double row[RQS_COLUMN_COUNT];
	struct rqs_hist hists[RQS_METRIC_COUNT];
};

static bool make_part(uint64_t window, uint64_t service, uint32_t buckets, struct part *part)
{
	uint64_t seed = window * 1000 + service;
	uint32_t i, k;

	if (build_random(&seed) % 3 == 0)
		return false;
	make_row(&seed, part->row);
	part->row[RQS_COLUMN_HTTP_SERVER_REQUESTS] = (double)(window * SERVICES + service);
	memset(part->hists, 0, sizeof(part->hists));
	for (i = 0; i < RQS_METRIC_COUNT; i++)
		for (k = 0; k < buckets; k++) {
			const struct rqs_bin bin = { (uint32_t)(build_random(&seed) % RQS_BUCKET_COUNT), 1 + k };
			const struct rqs_dist dist = { .count = 1 + k, .bins = &bin, .bin_count = 1, .min_ns = 1, .max_ns = 2 };

			rqs_hist_add_dist(&part->hists[i], &dist);
		}
	return true;
}

static void push_window(struct rqs_service_log *log, uint32_t services, uint32_t buckets, struct part *part)
{
	uint64_t window = log->newest + 1, service;

	for (service = 1; service <= services; service++)
		if (make_part(window, service, buckets, part))
			rqs_service_log_add(log, service, part->row, part->hists, NULL);
	rqs_service_log_close(log);
}

/* How many of the histograms are there, the first ones; all that is there is as it was. */
static uint32_t expect_part(const struct rqs_service_log *log, uint64_t window, uint64_t service, uint32_t buckets, struct part *part)
{
	struct rqs_service_record record;
	struct rqs_hist *hist = calloc(1, sizeof(*hist));
	double row[RQS_COLUMN_COUNT];
	uint32_t count = 0;
	size_t at, bytes;

	assert_true(rqs_service_log_find(log, window, service, &record));
	if (!make_part(window, service, buckets, part)) {
		assert_null(record.data);
		free(hist);
		return RQS_METRIC_COUNT;
	}
	assert_non_null(record.data);
	at = rqs_service_row_unpack(record.data, record.bytes, row);
	expect_row(row, part->row);
	for (; at < record.bytes; at += bytes, count++) {
		rqs_hist_clear(hist);
		bytes = rqs_hist_add_packed(hist, record.data + at, record.bytes - at);
		assert_true(bytes > 0 && count < RQS_METRIC_COUNT);
		assert_memory_equal(hist->buckets, part->hists[count].buckets, sizeof(hist->buckets));
	}
	free(hist);
	return count;
}

static void test_windows_are_there_whole_or_not_at_all(void **state)
{
	struct part *part = calloc(1, sizeof(*part));
	struct rqs_service_record record;
	struct rqs_service_log log;
	uint64_t window, service, oldest, first_lost = 0;

	assert_int_equal(rqs_service_log_init(&log, WINDOWS, RING_BYTES, RING_BYTES, 0), 0);
	assert_int_equal(rqs_service_log_oldest(&log), 1);
	assert_false(rqs_service_log_find(&log, 0, 1, &record));
	assert_false(rqs_service_log_find(&log, 1, 1, &record));
	for (window = 1; window <= 3 * WINDOWS; window++) {
		push_window(&log, SERVICES, 3, part);
		if (window % 97)
			continue;
		oldest = rqs_service_log_oldest(&log);
		assert_true(oldest <= window && window - oldest < WINDOWS);
		if (oldest > 1 && !first_lost)
			first_lost = window;
		assert_false(rqs_service_log_find(&log, oldest - 1, 1, &record));
		assert_false(rqs_service_log_find(&log, window + 1, 1, &record));
		for (; oldest <= window; oldest += 1 + build_uniform(&(uint64_t){ oldest }) * 9)
			for (service = 1; service <= SERVICES + 1; service++)
				if (service <= SERVICES)
					assert_int_equal(expect_part(&log, oldest, service, 3, part), RQS_METRIC_COUNT);
				else
					assert_true(rqs_service_log_find(&log, oldest, service, &record) && !record.data);
	}
	assert_in_range(first_lost, 50, WINDOWS); /* by bytes, not by windows */
	rqs_service_log_fini(&log);
	free(part);
}

static void test_windows_of_nothing_take_nothing(void **state)
{
	struct part *part = calloc(1, sizeof(*part));
	struct rqs_service_record record;
	struct rqs_service_log log;
	uint64_t services[RQS_SERVICE_LOG_RECORDS];
	uint32_t i;

	assert_int_equal(rqs_service_log_init(&log, WINDOWS, RING_BYTES, RING_BYTES, 0), 0);
	push_window(&log, SERVICES, 3, part);
	for (i = 0; i < WINDOWS - 1; i++)
		rqs_service_log_close(&log);
	assert_int_equal(rqs_service_log_oldest(&log), 1);
	assert_int_equal(expect_part(&log, 1, 5, 3, part), RQS_METRIC_COUNT);
	assert_true(rqs_service_log_find(&log, WINDOWS, 5, &record) && !record.data);
	assert_int_equal(rqs_service_log_list(&log, 2, WINDOWS, services), 0);
	assert_in_range(rqs_service_log_list(&log, 1, WINDOWS, services), 1, SERVICES);
	rqs_service_log_close(&log);
	assert_int_equal(rqs_service_log_oldest(&log), 2);
	rqs_service_log_fini(&log);
	free(part);
}

/* A window has 1 KB for sure, about what the rows take; buckets would take three times as much. */
static void test_buckets_never_shorten_the_reach(void **state)
{
	const uint64_t room = 400, services = 5;
	struct part *part = calloc(1, sizeof(*part));
	struct rqs_service_log log;
	uint64_t window, service, kept[RQS_METRIC_COUNT + 1] = { 0 };

	assert_int_equal(rqs_service_log_init(&log, room, 2 * room * 1024, 1024, room * 1024), 0);
	for (window = 1; window <= 5 * room; window++) {
		push_window(&log, services, 100, part);
		assert_true(rqs_service_log_oldest(&log) <= (window > room ? window - room + 1 : 1));
	}
	for (window = 4 * room + 1; window <= 5 * room; window++)
		for (service = 1; service <= services; service++)
			if (make_part(window, service, 100, part))
				kept[expect_part(&log, window, service, 100, part)]++;
	/* Durations are there more often than ttfb, that more often than queue; of none all. */
	assert_true(kept[0] > 0 && kept[3] > 0);
	assert_true(kept[1] > (kept[2] + kept[3]) / 3 && kept[2] > kept[3] / 3);
	assert_true(log.spare_bytes < room * 1024 / 4);

	/* Where little happens there is room for all again. */
	for (window = 0; window < room; window++)
		push_window(&log, 3, 1, part);
	assert_true(log.spare_bytes > room * 1024 * 9 / 10);
	push_window(&log, services, 100, part);
	for (service = 1; service <= services; service++)
		assert_int_equal(expect_part(&log, log.newest, service, 100, part), RQS_METRIC_COUNT);
	rqs_service_log_fini(&log);
	free(part);
}

static void test_all_services_fit_in_a_window(void **state)
{
	struct rqs_service_record record;
	struct rqs_service_log log;
	uint64_t services[RQS_SERVICE_LOG_RECORDS], service;
	struct part *part = calloc(1, sizeof(*part));
	uint32_t i;

	assert_int_equal(rqs_service_log_init(&log, 10, RING_BYTES, RING_BYTES, RING_BYTES), 0);
	for (i = RQS_SERVICE_COLUMN_FIRST; i <= RQS_SERVICE_COLUMN_LAST; i++)
		part->row[i] = 1e300; /* the largest that there is of each */
	for (i = 0; i < RQS_METRIC_COUNT; i++) {
		uint32_t k;

		part->hists[i].high = RQS_BUCKET_COUNT;
		part->hists[i].count = 1;
		for (k = 0; k < RQS_BUCKET_COUNT; k++)
			part->hists[i].buckets[k] = UINT64_MAX;
	}
	for (service = 1; service <= RQS_SERVICE_LOG_RECORDS + 5; service++)
		rqs_service_log_add(&log, UINT64_MAX - service, part->row, part->hists, NULL);
	rqs_service_log_close(&log);
	for (service = 1; service <= RQS_SERVICE_LOG_RECORDS + 5; service++) {
		assert_true(rqs_service_log_find(&log, 1, UINT64_MAX - service, &record));
		assert_int_equal(record.data != NULL, service <= RQS_SERVICE_LOG_RECORDS);
	}
	assert_int_equal(rqs_service_log_list(&log, 1, 1, services), RQS_SERVICE_LOG_RECORDS);
	rqs_service_log_fini(&log);
	free(part);
}

static void test_incomplete_buckets_are_left_out(void **state)
{
	static const bool lost[RQS_METRIC_COUNT] = { false, true, false };
	struct part *part = calloc(1, sizeof(*part));
	struct rqs_service_log log;
	uint64_t service = 1;

	assert_int_equal(rqs_service_log_init(&log, 10, RING_BYTES, RING_BYTES, 0), 0);
	while (!make_part(1, service, 5, part))
		service++;
	rqs_service_log_add(&log, service, part->row, part->hists, lost);
	rqs_service_log_close(&log);
	assert_int_equal(expect_part(&log, 1, service, 5, part), 1);
	rqs_service_log_fini(&log);
	free(part);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_of_services_survive_packing),
		cmocka_unit_test(test_any_bytes_as_a_row_of_a_service),
		cmocka_unit_test(test_windows_are_there_whole_or_not_at_all),
		cmocka_unit_test(test_windows_of_nothing_take_nothing),
		cmocka_unit_test(test_buckets_never_shorten_the_reach),
		cmocka_unit_test(test_all_services_fit_in_a_window),
		cmocka_unit_test(test_incomplete_buckets_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
