// SPDX-License-Identifier: GPL-2.0-only
#include "build_window.h"

#include "history.h"
#include "row.h"

#define BUDGET ((size_t)22 << 20)
#define SERVICE_BYTES ((size_t)5000000) /* beside the budget */
#define TICKS_MAX 12000
#define VALUES_MAX 40

/* What really happened, tick by tick. */
struct truth {
	uint64_t values[TICKS_MAX + 1][VALUES_MAX];
	uint32_t counts[TICKS_MAX + 1];
	uint32_t switches[TICKS_MAX + 1];
	bool gap[TICKS_MAX + 1];
};

struct fixture {
	struct build build;
	struct truth truth;
	struct rqs_hist hists[RQS_HIST_COUNT];
	struct rqs_merge merge;
	double row[RQS_COLUMN_COUNT];
	struct rqs_service_ident ident;
	struct rqs_history *history;
	uint64_t seed;
	uint64_t seconds; /* closed */
};

static int setup(void **state)
{
	struct fixture *fix = calloc(1, sizeof(*fix));

	fix->ident = build_ident(1, "nginx", 80);
	fix->history = rqs_history_new(TICK_NS, RQS_HISTORY_SPAN_NS, BUDGET);
	assert_non_null(fix->history);
	rqs_merge_init(&fix->merge);
	fix->seed = 17;
	*state = fix;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fix = *state;

	rqs_history_free(fix->history);
	free(fix);
	return 0;
}

static bool push(struct fixture *fix, struct rqs_history *history)
{
	struct rqs_window *window = &fix->build.window;
	struct rqs_row_context context = { .http_measured = true, .runqueue_measured = true };
	struct rqs_sample sample = { .seq = window->seq, .end_real_ns = window->end_real_ns,
				     .span_ns = window->end_ns - window->start_ns, .gap = window->gap,
				     .row = fix->row, .hists = fix->hists };
	bool closed;

	context.in_flight[RQS_ROLE_SERVER] = (int64_t)window->seq % 7;
	rqs_row_fill(window, &context, fix->hists, fix->row);
	closed = rqs_history_push(history, &sample);
	fix->seconds += closed;
	return closed;
}

/* A tick with random durations, noted in the truth. @count is at most VALUES_MAX. */
static bool push_random(struct fixture *fix, uint64_t seq, uint32_t count)
{
	struct build *build = &fix->build;
	struct rqs_service_delta *delta;
	uint64_t *values = fix->truth.values[seq];
	uint32_t i;

	build_tick(build, seq);
	build->window.gap = fix->truth.gap[seq];
	build->window.switches = fix->truth.switches[seq] = (uint32_t)(build_random(&fix->seed) % 1000);
	build->window.length_mean = (double)(seq % 5);
	build->window.length_max = (uint32_t)(seq % 11);
	fix->truth.counts[seq] = count;
	for (i = 0; i < count; i++)
		values[i] = 1024 + (build_random(&fix->seed) >> (30 + build_random(&fix->seed) % 24));
	if (count) {
		delta = build_service(build, &fix->ident);
		delta->books.requests = delta->books.responses = count;
		for (i = 0; i < RQS_METRIC_COUNT; i++)
			build_dist(build, &delta->dist[i], values, count);
		build_dist(build, &build->window.runqueue, values, count);
	}
	return push(fix, fix->history);
}

static void push_many(struct fixture *fix, uint64_t from, uint64_t to)
{
	for (; from <= to; from++)
		push_random(fix, from, (uint32_t)(build_random(&fix->seed) % (VALUES_MAX + 1)));
}

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

/* fix->merge against the ticks that it should consist of. */
static void expect_merge_of(struct fixture *fix, uint64_t first, uint64_t last)
{
	static const uint32_t permilles[] = { 500, 900, 990, 999 };
	uint64_t *values = malloc((last - first + 1) * VALUES_MAX * sizeof(*values)), count = 0, sum = 0, span = 0;
	uint64_t switches = 0, seq;
	const double *duration;
	double row[RQS_COLUMN_COUNT], mean = 0;
	uint32_t i;

	for (seq = first; seq <= last; seq++) {
		if (fix->truth.gap[seq])
			continue;
		memcpy(values + count, fix->truth.values[seq], fix->truth.counts[seq] * sizeof(*values));
		count += fix->truth.counts[seq];
		switches += fix->truth.switches[seq];
		span += TICK_NS;
		mean += (double)(seq % 5);
	}
	qsort(values, count, sizeof(*values), compare);
	for (i = 0; i < count; i++)
		sum += values[i];
	rqs_merge_row(&fix->merge, row);
	assert_int_equal(rqs_merge_span_ns(&fix->merge), span);
	assert_int_equal(fix->merge.seq, last);
	assert_int_equal(fix->merge.end_real_ns, START_REAL_NS + last * TICK_NS);
	assert_true(row[RQS_COLUMN_HTTP_SERVER_REQUESTS] == (double)count);
	assert_true(row[RQS_COLUMN_RUNQUEUE_SWITCHES] == (double)switches);
	assert_true(fabs(row[RQS_COLUMN_RUNQUEUE_LENGTH_MEAN] - mean * (double)TICK_NS / (double)span) < 2e-6);
	assert_true(row[RQS_COLUMN_HTTP_SERVER_IN_FLIGHT] == (double)(last % 7));
	for (i = 0; i < RQS_HIST_COUNT; i++) {
		uint32_t p;

		duration = row + rqs_hists[i].count;
		assert_true(duration[0] == (double)count);
		assert_true(duration[RQS_DIST_SUM_NS] == (double)sum);
		if (!count) {
			assert_true(isnan(duration[RQS_DIST_MIN_NS]) && isnan(duration[RQS_DIST_MAX_NS]));
			continue;
		}
		assert_true(duration[RQS_DIST_MIN_NS] == (double)values[0]);
		assert_true(duration[RQS_DIST_MAX_NS] == (double)values[count - 1]);
		for (p = 0; p < 4; p++) {
			double expected = (double)values[(count * permilles[p] + 999) / 1000 - 1];

			assert_true(fabs(duration[4 + p] - expected) <= expected / 64);
		}
	}
	free(values);
}

static uint64_t real_ns(uint64_t seq)
{
	return START_REAL_NS + seq * TICK_NS;
}

/* All windows of a range, each against the truth; they follow each other without a hole. */
static void expect_range(struct fixture *fix, uint64_t after, uint64_t to, uint32_t points, uint64_t resolution_ns)
{
	struct rqs_range range;
	uint64_t first = after + 1, last;
	uint32_t count = 0, announced;
	bool open_edge = false;

	rqs_history_range(fix->history, real_ns(after), real_ns(to), points, &range);
	assert_int_equal(range.resolution_ns, resolution_ns);
	announced = range.count;
	while (rqs_history_next(fix->history, &range, &fix->merge)) {
		last = fix->merge.seq;
		if (!count) {
			first = last - rqs_merge_span_ns(&fix->merge) / TICK_NS + 1;
			open_edge = first <= after + resolution_ns / TICK_NS;
		}
		expect_merge_of(fix, first, last);
		first = last + 1;
		count++;
	}
	assert_true(open_edge); /* at most one group is missing at the old edge */
	assert_int_equal(first, to + 1);
	assert_int_equal(count, announced);
	assert_true(count <= points);
}

static void test_ticks_come_back_as_they_were(void **state)
{
	struct fixture *fix = *state;

	push_many(fix, 1, 3000);
	expect_range(fix, 0, 3000, 3000, TICK_NS);
	expect_range(fix, 1000, 1600, 600, TICK_NS);
	expect_range(fix, 2999, 3000, 1, TICK_NS);
}

static void test_seconds_are_exact_merges(void **state)
{
	struct fixture *fix = *state;
	struct rqs_range range;

	push_many(fix, 1, 3000);
	assert_int_equal(fix->seconds, 300);
	assert_int_equal(rqs_history_second_span_ns(fix->history), SECOND_NS);
	expect_range(fix, 0, 3000, 300, SECOND_NS);
	/* the second that isn't whole yet is there, too */
	push_many(fix, 3001, 3004);
	expect_range(fix, 0, 3004, 301, SECOND_NS);
	rqs_history_range(fix->history, real_ns(3001), real_ns(3004), 1, &range);
	assert_true(rqs_history_next(fix->history, &range, &fix->merge));
	expect_merge_of(fix, 3002, 3004);
	assert_false(rqs_history_next(fix->history, &range, &fix->merge));
}

static void test_groups_are_exact_merges(void **state)
{
	struct fixture *fix = *state;

	push_many(fix, 1, 5000);
	expect_range(fix, 0, 5000, 2000, 3 * TICK_NS);
	expect_range(fix, 0, 5000, 1000, 5 * TICK_NS);
	expect_range(fix, 0, 5000, 600, 9 * TICK_NS);
	expect_range(fix, 0, 5000, 100, 5 * SECOND_NS);
	expect_range(fix, 0, 5000, 60, 9 * SECOND_NS);
	expect_range(fix, 0, 5000, 50, 10 * SECOND_NS);
}

static void test_one_point_holds_everything(void **state)
{
	struct fixture *fix = *state;
	struct rqs_range range;

	push_many(fix, 1, 1234);
	rqs_history_range(fix->history, real_ns(0), real_ns(1234), 1, &range);
	assert_true(rqs_history_next(fix->history, &range, &fix->merge));
	expect_merge_of(fix, 1, 1234);
	assert_false(rqs_history_next(fix->history, &range, &fix->merge));
}

static void test_groups_stay_where_they_are(void **state)
{
	struct fixture *fix = *state;
	struct rqs_range range;
	uint64_t ends[2000], count = 0, i;

	push_many(fix, 1, 4000);
	rqs_history_range(fix->history, real_ns(100), real_ns(4000), 800, &range);
	while (rqs_history_next(fix->history, &range, &fix->merge))
		ends[count++] = fix->merge.seq;
	push_many(fix, 4001, 4001);
	rqs_history_range(fix->history, real_ns(101), real_ns(4001), 800, &range);
	for (i = 0; rqs_history_next(fix->history, &range, &fix->merge); i++)
		if (fix->merge.seq < 4000 && i + 1 < count)
			assert_true(ends[i] == fix->merge.seq || ends[i + 1] == fix->merge.seq);
	assert_true(i > 700);
}

static void test_old_ticks_are_forgotten_and_seconds_remain(void **state)
{
	struct fixture *fix = *state;
	struct rqs_range range;

	push_many(fix, 1, 9000); /* the ring holds 6000 */
	expect_range(fix, 3000, 9000, 6000, TICK_NS);
	expect_range(fix, 0, 9000, 900, SECOND_NS); /* ticks don't reach back */
	expect_range(fix, 0, 9000, 2000, SECOND_NS);
	rqs_history_since(fix->history, 0, 9000, false, &range);
	assert_int_equal(range.count, 6000);
	assert_true(rqs_history_next(fix->history, &range, &fix->merge));
	expect_merge_of(fix, 3001, 3001);
}

static void test_six_hours_are_kept_and_no_more(void **state)
{
	struct fixture *fix = *state;
	const uint64_t ticks = 230000; /* 6 h are 216,000 */
	struct rqs_range range;
	uint64_t seq, requests = 0, first = 0;
	uint32_t count = 0, percentiles = 0;
	double row[RQS_COLUMN_COUNT];

	for (seq = 1; seq <= ticks; seq++) {
		build_tick(&fix->build, seq);
		if (seq % 4 == 0)
			build_answers(&fix->build, build_service(&fix->build, &fix->ident), 200, 3, seq * US);
		push(fix, fix->history);
	}
	assert_int_equal(fix->seconds, ticks / 10);
	rqs_history_range(fix->history, 0, UINT64_MAX, 2000, &range);
	while (rqs_history_next(fix->history, &range, &fix->merge)) {
		if (!count++)
			first = fix->merge.seq - rqs_merge_span_ns(&fix->merge) / TICK_NS;
		rqs_merge_row(&fix->merge, row);
		requests += (uint64_t)row[RQS_COLUMN_HTTP_SERVER_REQUESTS];
		percentiles += !isnan(row[RQS_COLUMN_HTTP_SERVER_DURATION_P99_NS]);
	}
	assert_true(count <= 2000 && count > 1000);
	assert_int_equal(percentiles, count);
	assert_in_range(first, ticks - 216000, ticks - 216000 + 200); /* one group at most is missing */
	assert_int_equal(requests, (ticks / 4 - first / 4) * 3);
}

static void test_lost_buckets_give_null_and_never_a_wrong_number(void **state)
{
	struct fixture *fix = *state;
	struct rqs_history *full = fix->history;
	struct rqs_range range;
	double row[RQS_COLUMN_COUNT];
	uint32_t lost = 0, kept = 0;
	size_t budget = BUDGET;

	/* little more than the smallest budget that rows fit in leaves little for buckets */
	for (; budget > 1 << 20; budget -= 16384) {
		fix->history = rqs_history_new(TICK_NS, RQS_HISTORY_SPAN_NS, budget);
		if (!fix->history)
			break;
		rqs_history_free(fix->history);
	}
	assert_int_equal(errno, EINVAL);
	fix->history = rqs_history_new(TICK_NS, RQS_HISTORY_SPAN_NS, budget + 49152);
	assert_non_null(fix->history);
	push_many(fix, 1, 3000);
	rqs_history_range(fix->history, real_ns(0), real_ns(3000), 10, &range);
	while (rqs_history_next(fix->history, &range, &fix->merge)) {
		rqs_merge_row(&fix->merge, row);
		assert_false(isnan(row[RQS_COLUMN_HTTP_SERVER_DURATION_MAX_NS]));
		if (isnan(row[RQS_COLUMN_HTTP_SERVER_DURATION_P99_NS])) {
			assert_true(fix->merge.lost[RQS_HIST_HTTP_SERVER_DURATION]);
			assert_int_equal(kept, 0); /* the oldest are lost first */
			lost++;
		} else {
			kept++;
		}
	}
	assert_true(lost > 0 && kept > 0);
	/* on its own a window keeps its percentiles */
	rqs_history_since(fix->history, 0, 1, false, &range);
	assert_true(rqs_history_next(fix->history, &range, &fix->merge));
	expect_merge_of(fix, 1, 1);
	rqs_history_free(full);
}

static void test_a_gap_adds_neither_counts_nor_time(void **state)
{
	struct fixture *fix = *state;
	struct rqs_range range;
	double row[RQS_COLUMN_COUNT];
	uint64_t seq;

	fix->truth.gap[5] = true;
	for (seq = 31; seq <= 40; seq++)
		fix->truth.gap[seq] = true;
	push_many(fix, 1, 60);
	rqs_history_since(fix->history, 4, 5, false, &range);
	assert_true(rqs_history_next(fix->history, &range, &fix->merge));
	rqs_merge_row(&fix->merge, row);
	assert_true(isnan(row[RQS_COLUMN_HTTP_SERVER_REQUESTS]));
	assert_true(isnan(row[RQS_COLUMN_RUNQUEUE_SWITCHES]));
	assert_true(isnan(row[RQS_COLUMN_HTTP_SERVER_DURATION_P50_NS]));
	assert_false(isnan(row[RQS_COLUMN_HTTP_SERVER_IN_FLIGHT]));
	assert_int_equal(rqs_merge_span_ns(&fix->merge), TICK_NS);
	rqs_history_since(fix->history, 0, 10, true, &range);
	assert_true(rqs_history_next(fix->history, &range, &fix->merge));
	expect_merge_of(fix, 1, 10);
	assert_int_equal(rqs_merge_span_ns(&fix->merge), 9 * TICK_NS);
	/* a second of gaps only is a gap itself */
	rqs_history_range(fix->history, real_ns(30), real_ns(40), 1, &range);
	assert_true(rqs_history_next(fix->history, &range, &fix->merge));
	rqs_merge_row(&fix->merge, row);
	assert_true(isnan(row[RQS_COLUMN_HTTP_SERVER_REQUESTS]));
	assert_int_equal(rqs_merge_span_ns(&fix->merge), SECOND_NS);
}

static void test_windows_by_number(void **state)
{
	static const struct {
		uint64_t after, to;
		bool whole;
		uint32_t count;
	} cases[] = { { 0, 100, false, 100 }, { 97, 100, false, 3 }, { 97, 100, true, 1 }, { 100, 100, false, 0 },
		      { 100, 100, true, 0 }, { 500, 600, false, 0 }, { 99, 4000, false, 1 }, { 50, 40, false, 0 },
		      { UINT64_MAX, UINT64_MAX, true, 0 }, { 0, 0, false, 0 } };
	struct fixture *fix = *state;
	struct rqs_range range;
	size_t i;

	rqs_history_since(fix->history, 0, 100, false, &range);
	assert_int_equal(range.count, 0);
	assert_false(rqs_history_next(fix->history, &range, &fix->merge));
	rqs_history_range(fix->history, 0, UINT64_MAX, 2000, &range);
	assert_int_equal(range.count, 0);
	assert_false(rqs_history_next(fix->history, &range, &fix->merge));
	push_many(fix, 1, 100);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t count = 0;

		rqs_history_since(fix->history, cases[i].after, cases[i].to, cases[i].whole, &range);
		assert_int_equal(range.count, cases[i].count);
		while (rqs_history_next(fix->history, &range, &fix->merge))
			count++;
		assert_int_equal(count, cases[i].count);
	}
	rqs_history_since(fix->history, 90, 100, true, &range);
	assert_true(rqs_history_next(fix->history, &range, &fix->merge));
	expect_merge_of(fix, 91, 100);
}

static void test_joined_ticks_and_time_without_windows(void **state)
{
	struct fixture *fix = *state;
	struct rqs_range range;
	uint64_t seq;

	for (seq = 1; seq <= 8; seq++) {
		build_tick(&fix->build, seq);
		if (seq == 3) { /* three ticks in one, then ten minutes of sleep */
			fix->build.window.ticks = 3;
			fix->build.window.start_ns -= 2 * TICK_NS;
		}
		if (seq > 3)
			fix->build.window.end_real_ns += 600 * SECOND_NS;
		push(fix, fix->history);
	}
	assert_int_equal(fix->seconds, 1); /* 10 tick lengths in 8 windows */
	assert_int_equal(rqs_history_second_span_ns(fix->history), SECOND_NS);
	rqs_history_range(fix->history, START_REAL_NS + 100 * SECOND_NS, START_REAL_NS + 500 * SECOND_NS, 100, &range);
	assert_int_equal(range.count, 0);
	rqs_history_range(fix->history, START_REAL_NS, START_REAL_NS + 700 * SECOND_NS, 100, &range);
	assert_int_equal(range.count, 8);
}

static void test_other_ticks(void **state)
{
	static const struct {
		uint64_t tick_ns, second_ns, tick_span_ns;
	} ticks[] = { { 50 * MS, SECOND_NS, 600 * SECOND_NS },
		      { 300 * MS, 900 * MS, 600 * SECOND_NS },
		      { 1000 * MS, SECOND_NS, 600 * SECOND_NS },
		      { 2000 * MS, 2 * SECOND_NS, 600 * SECOND_NS },
		      { 10 * MS, SECOND_NS, 120 * SECOND_NS } };
	struct fixture *fix = *state;
	size_t i;

	for (i = 0; i < sizeof(ticks) / sizeof(ticks[0]); i++) {
		struct rqs_history *history = rqs_history_new(ticks[i].tick_ns, RQS_HISTORY_SPAN_NS, BUDGET);
		uint64_t seq, per_second = ticks[i].second_ns / ticks[i].tick_ns;

		assert_non_null(history);
		assert_in_range(rqs_history_memory(history), BUDGET / 2, BUDGET + SERVICE_BYTES);
		assert_int_equal(rqs_history_resolution_ns(history, false), ticks[i].tick_ns);
		assert_int_equal(rqs_history_resolution_ns(history, true), ticks[i].second_ns);
		assert_int_equal(rqs_history_span_ns(history, false), ticks[i].tick_span_ns);
		assert_in_range(rqs_history_span_ns(history, true), 21600 * SECOND_NS, 21602 * SECOND_NS);
		for (seq = 1; seq <= 3 * per_second; seq++) {
			build_tick(&fix->build, seq);
			fix->build.window.end_ns = fix->build.window.start_ns + ticks[i].tick_ns;
			assert_int_equal(push(fix, history), seq % per_second == 0);
		}
		rqs_history_free(history);
	}
	rqs_history_free(NULL);
}

static void test_rows_survive_packing(void **state)
{
	struct rqs_packed_row packed;
	double row[RQS_COLUMN_COUNT], back[RQS_COLUMN_COUNT];
	uint64_t seed = 4;
	uint32_t round, i;

	for (round = 0; round < 2000; round++) {
		for (i = 0; i < RQS_COLUMN_COUNT; i++) {
			const struct rqs_column_spec *spec = &rqs_columns[i];

			if (build_random(&seed) % 8 == 0)
				row[i] = NAN;
			else if (spec->store == RQS_STORE_SHARE)
				row[i] = (double)(build_random(&seed) % 1000000000000) / 1e6;
			else if (spec->store == RQS_STORE_BUCKET)
				row[i] = (double)rqs_bucket_mid((uint32_t)(build_random(&seed) % RQS_BUCKET_COUNT));
			else
				row[i] = (double)(build_random(&seed) >> (spec->store == RQS_STORE_COUNT ? 25 : 12));
			if (spec->rule == RQS_MERGE_MIN)
				row[i] = 0;
			if (spec->rule == RQS_MERGE_MAX && spec->store == RQS_STORE_WIDE)
				row[i] = 0x1p53;
		}
		rqs_row_pack(row, &packed);
		rqs_row_unpack(&packed, back);
		for (i = 0; i < RQS_COLUMN_COUNT; i++)
			assert_true(isnan(row[i]) ? isnan(back[i]) : row[i] == back[i]);
	}
	for (i = 0; i < RQS_COLUMN_COUNT; i++)
		row[i] = i % 2 ? -5 : 1e300;
	rqs_row_pack(row, &packed);
	rqs_row_unpack(&packed, back);
	for (i = 0; i < RQS_COLUMN_COUNT; i++)
		assert_true(back[i] >= 0 && back[i] < 0x1p57);
}

#define with_history(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_history(test_ticks_come_back_as_they_were),
		with_history(test_seconds_are_exact_merges),
		with_history(test_groups_are_exact_merges),
		with_history(test_one_point_holds_everything),
		with_history(test_groups_stay_where_they_are),
		with_history(test_old_ticks_are_forgotten_and_seconds_remain),
		with_history(test_six_hours_are_kept_and_no_more),
		with_history(test_lost_buckets_give_null_and_never_a_wrong_number),
		with_history(test_a_gap_adds_neither_counts_nor_time),
		with_history(test_windows_by_number),
		with_history(test_joined_ticks_and_time_without_windows),
		with_history(test_other_ticks),
		cmocka_unit_test(test_rows_survive_packing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
