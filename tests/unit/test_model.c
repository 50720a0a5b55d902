// SPDX-License-Identifier: GPL-2.0-only
#include "build_window.h"

#include "model_state.h"

struct fixture {
	struct build build;
	struct rqs_model *model;
	struct rqs_recent recent;
};

static int setup(void **state)
{
	struct fixture *fix = calloc(1, sizeof(*fix));

	fix->model = rqs_model_new(build_host());
	assert_non_null(fix->model);
	build_tick(&fix->build, 1);
	*state = fix;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fix = *state;

	rqs_model_free(fix->model);
	free(fix);
	return 0;
}

/* Takes the window in and begins the next one. */
static void apply(struct fixture *fix)
{
	uint64_t seq = fix->build.window.seq;

	assert_int_equal(rqs_model_apply(fix->model, &fix->build.window), 0);
	assert_int_equal(rqs_model_seq(fix->model), seq);
	build_tick(&fix->build, seq + 1);
}

static void apply_idle(struct fixture *fix, uint32_t ticks)
{
	while (ticks--)
		apply(fix);
}

static const struct rqs_event *last_event(const struct fixture *fix)
{
	return rqs_eventlog_get(&fix->model->events, rqs_model_event_seq(fix->model));
}

static void test_windows_are_taken_in_order_only(void **state)
{
	struct fixture *fix = *state;
	struct rqs_service_ident ident = build_ident(1, "nginx", 80);

	fix->build.window.seq = 0;
	assert_int_equal(rqs_model_apply(fix->model, &fix->build.window), -ESTALE);
	build_tick(&fix->build, 2);
	assert_int_equal(rqs_model_apply(fix->model, &fix->build.window), -ESTALE);
	build_tick(&fix->build, 1);
	apply(fix);
	build_tick(&fix->build, 1);
	build_answers(&fix->build, build_service(&fix->build, &ident), 200, 1, MS);
	assert_int_equal(rqs_model_apply(fix->model, &fix->build.window), -ESTALE);
	assert_int_equal(rqs_model_seq(fix->model), 1);
	assert_int_equal(fix->model->services.count, 0);
	assert_int_equal(fix->model->roles[RQS_ROLE_SERVER].books.requests, 0);
	build_tick(&fix->build, 3);
	assert_int_equal(rqs_model_apply(fix->model, &fix->build.window), -ESTALE);
}

static void test_books_add_up_and_balance(void **state)
{
	struct fixture *fix = *state;
	struct rqs_service_ident nginx = build_ident(1, "nginx", 80), node = build_ident(2, "node", 3000);
	const struct rqs_totals *totals = &fix->model->roles[RQS_ROLE_SERVER];
	const struct rqs_books *books = &totals->books;
	uint64_t seed = 2, requests = 0, errors = 0;
	int64_t open[2] = { 0 };
	uint32_t i, s;

	for (i = 0; i < 500; i++) {
		for (s = 0; s < 2; s++) {
			struct rqs_service_delta *delta;
			uint64_t ended, aborted, upgrades;

			if (build_random(&seed) % 3 == 0)
				continue; /* did not move: its open requests stay open */
			delta = build_service(&fix->build, s ? &node : &nginx);
			ended = build_random(&seed) % 20;
			build_answers(&fix->build, delta, s ? 503 : 200, (uint32_t)ended, MS);
			errors += s ? ended : 0;
			aborted = build_random(&seed) % 3;
			upgrades = build_random(&seed) % 2;
			delta->books.aborted = aborted;
			delta->books.upgrades = upgrades;
			delta->books.requests += aborted + upgrades + 1;
			delta->books.in_flight = ++open[s];
			requests += delta->books.requests;
		}
		apply(fix);
		assert_int_equal(books->requests, books->responses + books->upgrades + books->aborted +
							 (uint64_t)books->in_flight);
	}
	assert_int_equal(books->requests, requests);
	assert_int_equal(books->in_flight, open[0] + open[1]);
	assert_int_equal(rqs_totals_errors(totals), errors);
	assert_int_equal(totals->status[200 - RQS_STATUS_LOW] + totals->status[503 - RQS_STATUS_LOW], books->responses);
	assert_int_equal(totals->hists[RQS_METRIC_DURATION].count, books->responses);
	assert_int_equal(totals->split.count, books->responses);
}

static void test_in_flight_is_a_gauge_of_all_services(void **state)
{
	struct fixture *fix = *state;
	struct rqs_service_ident a = build_ident(1, "a", 1), b = build_ident(2, "b", 2);
	struct rqs_range range;
	struct rqs_merge *merge = calloc(1, sizeof(*merge));
	double row[RQS_COLUMN_COUNT];

	build_service(&fix->build, &a)->books.in_flight = 5;
	build_service(&fix->build, &b)->books.in_flight = 7;
	apply(fix);
	build_service(&fix->build, &a)->books.in_flight = 2;
	apply(fix);
	apply(fix);
	assert_int_equal(rqs_services_role_in_flight(&fix->model->services, RQS_ROLE_SERVER), 9);
	assert_int_equal(rqs_services_role_in_flight(&fix->model->services, RQS_ROLE_CLIENT), 0);
	assert_int_equal(rqs_services_in_flight(&fix->model->services, rqs_services_of_slot(&fix->model->services, 2)), 7);
	rqs_history_since(fix->model->history, 2, 3, false, &range);
	rqs_merge_init(merge);
	assert_true(rqs_history_next(fix->model->history, &range, merge));
	rqs_merge_row(merge, row);
	assert_true(row[RQS_COLUMN_HTTP_SERVER_IN_FLIGHT] == 9);
	assert_true(row[RQS_COLUMN_HTTP_SERVER_REQUESTS] == 0);
	free(merge);
}

static void test_slots_of_one_service_are_shown_as_one(void **state)
{
	struct fixture *fix = *state;
	struct rqs_service_ident first = build_ident(3, "nginx", 80), again = build_ident(4, "nginx", 80);
	struct rqs_service_ident other_port = build_ident(5, "nginx", 81), contained = build_ident(6, "nginx", 80);
	struct rqs_service_ident client = build_ident(7, "nginx", 80);
	struct rqs_services *services = &fix->model->services;
	struct rqs_service_delta *delta;

	strcpy(contained.container, "c0ffee");
	client.role = RQS_ROLE_CLIENT;
	again.netns = 99;
	build_answers(&fix->build, build_service(&fix->build, &first), 200, 2, MS);
	delta = build_service(&fix->build, &again);
	build_answers(&fix->build, delta, 200, 3, 2 * MS);
	delta->books.in_flight = 1;
	build_answers(&fix->build, build_service(&fix->build, &other_port), 200, 5, MS);
	build_answers(&fix->build, build_service(&fix->build, &contained), 200, 7, MS);
	build_answers(&fix->build, build_service(&fix->build, &client), 200, 11, MS);
	apply(fix);
	assert_int_equal(services->count, 4);
	assert_ptr_equal(rqs_services_of_slot(services, 3), rqs_services_of_slot(services, 4));
	assert_int_equal(rqs_services_of_slot(services, 3)->totals.books.requests, 5);
	assert_int_equal(rqs_services_of_slot(services, 3)->totals.hists[0].max_ns, 2 * MS);
	assert_int_equal(rqs_services_in_flight(services, rqs_services_of_slot(services, 3)), 1);
	assert_int_equal(rqs_services_of_slot(services, 6)->totals.books.requests, 7);
	assert_int_equal(fix->model->roles[RQS_ROLE_SERVER].books.requests, 17);
	assert_int_equal(fix->model->roles[RQS_ROLE_CLIENT].books.requests, 11);
	assert_int_equal(fix->model->events.counts[RQS_EVENT_SERVICE_START], 4);
}

static void test_services_beyond_the_table_are_other(void **state)
{
	struct fixture *fix = *state;
	struct rqs_service_ident overflow = build_ident(0, "whoever", 4711), wild = build_ident(100000, "x", 1);
	const struct rqs_service *other;

	build_answers(&fix->build, build_service(&fix->build, &overflow), 200, 2, MS);
	build_answers(&fix->build, build_service(&fix->build, &wild), 200, 1, MS);
	apply(fix);
	other = rqs_services_of_slot(&fix->model->services, 0);
	assert_string_equal(other->name, "other");
	assert_int_equal(other->port, 0);
	assert_int_equal(other->totals.books.requests, 3);
	assert_int_equal(rqs_model_event_seq(fix->model), 0);
}

static void test_all_slots_can_be_used(void **state)
{
	static struct rqs_service_ident idents[RQS_SLOT_MAX];
	const struct rqs_service *order[RQS_SLOT_MAX];
	struct fixture *fix = *state;
	char name[32];
	uint32_t i, tick;

	for (tick = 0; tick < 25; tick++) {
		for (i = 0; i < RQS_SLOT_MAX; i++) {
			snprintf(name, sizeof(name), "service-%u", i);
			idents[i] = build_ident(i, name, (uint16_t)i);
			build_answers(&fix->build, build_service(&fix->build, &idents[i]), 200, 1 + i % 5, (1 + i) * US);
		}
		apply(fix);
	}
	assert_int_equal(fix->model->services.count, RQS_SLOT_MAX);
	rqs_services_order(&fix->model->services, order);
	for (i = 1; i < RQS_SLOT_MAX; i++) {
		assert_true(order[i - 1]->totals.books.requests >= order[i]->totals.books.requests);
		if (order[i - 1]->totals.books.requests == order[i]->totals.books.requests)
			assert_true(order[i - 1]->slot < order[i]->slot);
	}
}

static void test_slots_pass_to_other_services(void **state)
{
	struct rqs_service_ident ident;
	struct fixture *fix = *state;
	uint64_t sum = 0;
	char name[32];
	uint32_t i;

	/* 300 services, one after the other, in the slots that the kernel gives to services. */
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "service-%u", i);
		ident = build_ident(RQS_ROLE_COUNT + i % (RQS_SLOT_MAX - RQS_ROLE_COUNT), name, (uint16_t)(1000 + i));
		build_answers(&fix->build, build_service(&fix->build, &ident), 200, 1 + i % 5, (1 + i) * US);
		apply(fix);
		memset(ident.name, 'x', 3); /* the slot's name is the kernel's to change after the window */
	}
	assert_int_equal(fix->model->services.count, RQS_SLOT_MAX);
	for (i = 0; i < RQS_SLOT_MAX; i++)
		sum += fix->model->services.list[i].totals.books.requests;
	assert_int_equal(sum, fix->model->roles[RQS_ROLE_SERVER].books.requests);
	assert_int_equal(sum, 900);
	/* The newest is listed by its name, the oldest among the rest; one that comes back is the one that it was. */
	assert_string_equal(rqs_services_of_slot(&fix->model->services, ident.slot)->name, "service-299");
	assert_string_equal(rqs_services_of_slot(&fix->model->services, 0)->name, "other");
	ident = build_ident(7, "service-298", 1298);
	build_answers(&fix->build, build_service(&fix->build, &ident), 200, 10, US);
	apply(fix);
	assert_int_equal(rqs_services_of_slot(&fix->model->services, 7)->totals.books.requests, 1 + 298 % 5 + 10);
}

static void test_recent_covers_ten_whole_seconds(void **state)
{
	struct fixture *fix = *state;
	struct rqs_service_ident ident = build_ident(1, "nginx", 80);
	const struct rqs_service *service;
	uint32_t tick;

	/* 15 seconds; the duration tells in which second a request was */
	for (tick = 0; tick < 150; tick++) {
		if (tick % 10 == 4)
			build_answers(&fix->build, build_service(&fix->build, &ident), tick % 20 == 4 ? 200 : 500, 2,
				      (1 + tick / 10) * MS);
		apply(fix);
	}
	build_answers(&fix->build, build_service(&fix->build, &ident), 200, 50, MS); /* not a whole second yet */
	apply(fix);
	service = rqs_services_of_slot(&fix->model->services, 1);
	rqs_services_recent(&fix->model->services, service, &fix->recent);
	assert_int_equal(fix->recent.span_ns, 10 * SECOND_NS);
	assert_int_equal(fix->recent.sum.requests, 20);
	assert_int_equal(fix->recent.sum.responses, 20);
	assert_int_equal(fix->recent.sum.errors, 10);
	assert_int_equal(fix->recent.sum.split.count, 20);
	assert_int_equal(fix->recent.duration.count, 20);
	assert_int_equal(fix->recent.duration.min_ns, 6 * MS);
	assert_int_equal(fix->recent.duration.max_ns, 15 * MS);
	assert_int_equal(fix->recent.duration.sum_ns, 2 * (6 + 7 + 8 + 9 + 10 + 11 + 12 + 13 + 14 + 15) * MS);
	assert_false(fix->recent.lost);
	assert_true(fabs((double)rqs_hist_quantile_ns(&fix->recent.duration, 500, 0, UINT64_MAX) - 10.0 * MS) <
		    10.0 * MS / 64);
	/* and nothing once it is quiet */
	apply_idle(fix, 119);
	rqs_services_recent(&fix->model->services, service, &fix->recent);
	assert_int_equal(fix->recent.sum.requests, 0);
	assert_int_equal(fix->recent.duration.count, 0);
}

static void test_recent_says_so_when_buckets_are_lost(void **state)
{
	static struct rqs_service_ident idents[RQS_SLOT_MAX];
	struct fixture *fix = *state;
	uint64_t values[RQS_BUCKET_COUNT];
	const struct rqs_service *service;
	uint32_t i, tick;

	/* every bucket of every service each second: more than is kept */
	for (i = 0; i < RQS_BUCKET_COUNT; i++)
		values[i] = rqs_bucket_low(i);
	for (tick = 0; tick < 110; tick++) {
		struct rqs_dist dist;

		build_dist(&fix->build, &dist, values, RQS_BUCKET_COUNT);
		for (i = 0; i < RQS_SLOT_MAX; i++) {
			idents[i] = build_ident(i, "many", (uint16_t)i);
			build_service(&fix->build, &idents[i])->dist[RQS_METRIC_DURATION] = dist;
		}
		apply(fix);
	}
	service = rqs_services_of_slot(&fix->model->services, 5);
	rqs_services_recent(&fix->model->services, service, &fix->recent);
	assert_true(fix->recent.lost);
	assert_int_equal(fix->recent.duration.count, 100 * RQS_BUCKET_COUNT);
}

static void test_events_are_kept_to_500_and_all_counted(void **state)
{
	struct fixture *fix = *state;
	struct rqs_eventlog *log = &fix->model->events;
	uint32_t tick, i;

	for (tick = 0; tick < 40; tick++) {
		for (i = 0; i < 20; i++)
			build_event(&fix->build, RQS_EVENT_SERVER_ERROR, "GET", "/")->pid = tick * 20 + i;
		fix->build.window.event_seen[RQS_EVENT_SERVER_ERROR] = 1000ULL * (tick + 1);
		apply(fix);
	}
	assert_int_equal(rqs_model_event_seq(fix->model), 800);
	assert_int_equal(rqs_eventlog_oldest(log), 301);
	for (i = 301; i <= 800; i++) {
		assert_int_equal(rqs_eventlog_get(log, i)->seq, i);
		assert_int_equal(rqs_eventlog_get(log, i)->pid, i - 1);
	}
	assert_int_equal(log->counts[RQS_EVENT_SERVER_ERROR], 40000);
	/* more at once than are kept */
	for (i = 0; i < 700; i++)
		build_event(&fix->build, RQS_EVENT_RUNQUEUE_STALL, "", "");
	apply(fix);
	assert_int_equal(rqs_eventlog_oldest(log), 1001);
}

static void test_an_event_names_its_service_and_time(void **state)
{
	struct fixture *fix = *state;
	struct rqs_service_ident ident = build_ident(4, "nginx", 8080);
	struct rqs_kernel_event *event;
	const struct rqs_event *shown;

	build_answers(&fix->build, build_service(&fix->build, &ident), 200, 1, MS);
	event = build_event(&fix->build, RQS_EVENT_SLOW_REQUEST, "GET", "/search");
	event->slot = 4;
	event->pid = 71;
	event->status = 200;
	event->duration_ns = 1210 * MS;
	event->has_split = 1;
	event->blocked_ns = 1210 * MS;
	event->mono_ns = fix->build.window.end_ns - 33 * MS;
	apply(fix);
	shown = last_event(fix);
	assert_string_equal(shown->service, "nginx");
	assert_int_equal(shown->port, 8080);
	assert_int_equal(shown->pid, 71);
	assert_int_equal(shown->real_ns, START_REAL_NS + TICK_NS - 33 * MS);
	assert_string_equal(rqs_event_level(shown->kind), "warning");
	assert_true(shown->has_split && shown->has_duration);
	assert_string_equal(shown->text, "GET /search 1.21 s: 0 ns queued, 0 ns waiting for CPU, 0 ns on CPU, "
					 "1.21 s blocked");
	/* one of a service that no window has told of, one of a thread, one of a kind that there isn't */
	build_event(&fix->build, RQS_EVENT_SERVER_ERROR, "GET", "/")->slot = 90;
	apply(fix);
	assert_string_equal(last_event(fix)->service, "");
	build_event(&fix->build, RQS_EVENT_RUNQUEUE_STALL, "", "")->slot = 4;
	apply(fix);
	assert_string_equal(last_event(fix)->service, "");
	build_event(&fix->build, 77, "", "");
	apply(fix);
	assert_int_equal(last_event(fix)->kind, RQS_EVENT_RUNQUEUE_STALL);
}

static void test_services_start_and_end(void **state)
{
	struct fixture *fix = *state;
	struct rqs_service_ident a = build_ident(1, "nginx", 80), b = build_ident(2, "node", 0);
	struct rqs_eventlog *log = &fix->model->events;

	build_answers(&fix->build, build_service(&fix->build, &a), 200, 1, MS);
	build_answers(&fix->build, build_service(&fix->build, &b), 200, 1, MS);
	apply(fix);
	assert_int_equal(log->counts[RQS_EVENT_SERVICE_START], 2);
	assert_string_equal(rqs_eventlog_get(log, 1)->text, "nginx :80 was seen for the first time");
	assert_string_equal(rqs_eventlog_get(log, 2)->text, "node was seen for the first time");
	build_vitals(&fix->build);
	apply(fix); /* no process is known yet: nothing has ended */
	assert_int_equal(log->counts[RQS_EVENT_SERVICE_END], 0);
	build_vitals(&fix->build);
	build_pid(&fix->build, 1, 71);
	build_pid(&fix->build, 1, 72);
	build_pid(&fix->build, 2, 73);
	build_pid(&fix->build, 9, 74); /* of a slot that nobody has seen */
	apply(fix);
	build_vitals(&fix->build);
	build_pid(&fix->build, 1, 72);
	apply(fix);
	assert_int_equal(log->counts[RQS_EVENT_SERVICE_END], 1);
	assert_string_equal(last_event(fix)->text, "node has no process any more");
	apply_idle(fix, 5); /* windows without vitals say nothing of processes */
	build_vitals(&fix->build);
	apply(fix);
	assert_int_equal(log->counts[RQS_EVENT_SERVICE_END], 2);
	build_vitals(&fix->build);
	apply(fix);
	assert_int_equal(log->counts[RQS_EVENT_SERVICE_END], 2);
	/* more processes than are kept */
	build_vitals(&fix->build);
	while (fix->build.window.pid_count < BUILD_PIDS)
		build_pid(&fix->build, 1, fix->build.window.pid_count + 1);
	apply(fix);
	assert_int_equal(fix->model->services.pid_count, RQS_PIDS_MAX);
}

static void test_lost_probes_are_told_once_and_give_null(void **state)
{
	struct rqs_probe_status probes[] = { { .name = "http", .state = RQS_PROBE_ON, .tap = 'A' },
					     { .name = "sched", .state = RQS_PROBE_OFF, .reason = "no \x1b[0m BTF" } };
	struct fixture *fix = *state;
	struct rqs_merge *merge = calloc(1, sizeof(*merge));
	struct rqs_range range;
	double row[RQS_COLUMN_COUNT];

	rqs_model_set_probes(fix->model, probes, 2);
	apply(fix);
	rqs_history_since(fix->model->history, 0, 1, false, &range);
	rqs_merge_init(merge);
	assert_true(rqs_history_next(fix->model->history, &range, merge));
	rqs_merge_row(merge, row);
	assert_true(row[RQS_COLUMN_HTTP_SERVER_REQUESTS] == 0);
	assert_true(isnan(row[RQS_COLUMN_RUNQUEUE_SWITCHES]) && isnan(row[RQS_COLUMN_RUNQUEUE_LENGTH_NOW]));
	assert_string_equal(fix->model->probes[1].reason, "no \\x1b[0m BTF");

	probes[0].state = RQS_PROBE_LOST;
	strcpy(probes[0].reason, "detached");
	fix->build.window.probes = probes;
	fix->build.window.probe_count = 2;
	apply(fix);
	assert_int_equal(fix->model->events.counts[RQS_EVENT_PROBE_LOST], 1);
	assert_string_equal(last_event(fix)->text, "probe http was lost: detached");
	assert_string_equal(rqs_event_level(last_event(fix)->kind), "error");
	fix->build.window.probes = probes;
	fix->build.window.probe_count = 2;
	apply(fix);
	assert_int_equal(fix->model->events.counts[RQS_EVENT_PROBE_LOST], 1);
	rqs_history_since(fix->model->history, 2, 3, false, &range);
	assert_true(rqs_history_next(fix->model->history, &range, merge));
	rqs_merge_row(merge, row);
	assert_true(isnan(row[RQS_COLUMN_HTTP_SERVER_REQUESTS]) && isnan(row[RQS_COLUMN_HTTP_SERVER_IN_FLIGHT]));
	assert_true(rqs_model_measured(fix->model, "http"));
	assert_false(rqs_model_measured(fix->model, "sched"));
	free(merge);
}

static void test_overload_is_told_once_in_a_while(void **state)
{
	struct fixture *fix = *state;
	uint32_t i;

	for (i = 0; i < 150; i++) {
		fix->build.window.ticks = 3;
		apply(fix);
	}
	assert_int_equal(fix->model->events.counts[RQS_EVENT_OVERLOAD], 2);
	assert_string_equal(last_event(fix)->text, "rqscope fell behind: 3 ticks became one window of 100 ms");
}

static void test_memory_is_as_documented(void **state)
{
	/* docs/command-line.md: 12 MB, and 2.4 MB for each hour; services and events are beside that. */
	static const struct {
		uint64_t hours10; /* tenths of an hour */
		uint64_t tick_ms;
	} spans[] = { { 2, 50 }, { 2, 100 }, { 60, 100 }, { 60, 1000 }, { 240, 50 } };
	struct fixture *fix = *state;
	size_t rest = rqs_model_memory(fix->model) - rqs_history_memory(fix->model->history), i;

	for (i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		struct rqs_host host = *build_host();
		struct rqs_model *model;
		size_t most = 12000000 + spans[i].hours10 * 240000;

		host.history_ns = spans[i].hours10 * 360 * 1000 * MS;
		host.tick_ns = spans[i].tick_ms * MS;
		model = rqs_model_new(&host);
		assert_non_null(model);
		assert_in_range(rqs_model_memory(model) - rest, most / 2, most);
		assert_true(rqs_history_span_ns(model->history, true) >= host.history_ns);
		rqs_model_free(model);
	}
}

static void test_shed_is_told(void **state)
{
	struct rqs_shed_change change = { .part = RQS_PART_ROUTES, .cost_ratio = 0.0631, .limit_ratio = 0.02 };
	struct fixture *fix = *state;

	fix->build.window.shed = RQS_PART_ROUTES;
	fix->build.window.shed_change = &change;
	apply(fix);
	assert_int_equal(fix->model->shed, RQS_PART_ROUTES);
	assert_int_equal(last_event(fix)->kind, RQS_EVENT_OVERLOAD);
	assert_string_equal(last_event(fix)->text, "rqscope goes on without routes: it took 6.31 % of a CPU, 2 % is the limit");
	fix->build.window.shed = RQS_PART_ROUTES; /* no change, no event */
	apply(fix);
	assert_int_equal(fix->model->events.counts[RQS_EVENT_OVERLOAD], 1);
	change = (struct rqs_shed_change){ .part = RQS_PART_CLIENT, .cost_ratio = 0.001, .limit_ratio = 0.02, .late_ns = 12 * MS + MS / 2 };
	fix->build.window.shed = RQS_PART_ROUTES | RQS_PART_CLIENT;
	fix->build.window.shed_change = &change;
	apply(fix);
	assert_string_equal(last_event(fix)->text, "rqscope goes on without the client role: its ticks came 12.5 ms late");
	change = (struct rqs_shed_change){ .part = RQS_PART_CLIENT, .back = true, .cost_ratio = 0.00123, .limit_ratio = 0.0025 };
	fix->build.window.shed = RQS_PART_ROUTES;
	fix->build.window.shed_change = &change;
	apply(fix);
	assert_string_equal(last_event(fix)->text,
			    "rqscope measures the client role again: all will take 0.12 % of a CPU, 0.25 % is the limit");
	apply(fix);
	assert_int_equal(fix->model->shed, 0);
	assert_int_equal(fix->model->events.counts[RQS_EVENT_OVERLOAD], 3);
}

static void test_run_queue_totals(void **state)
{
	static const uint64_t waits[] = { 2000, 3000, 70 * MS };
	struct fixture *fix = *state;
	uint32_t i;

	for (i = 0; i < 20; i++) {
		struct rqs_window *window = &fix->build.window;

		build_dist(&fix->build, &window->runqueue, waits, 3);
		window->switches = 100;
		window->length_now = i;
		window->length_max = i == 7 ? 30 : 2;
		window->length_mean = i < 10 ? 1 : 2;
		window->gap = i == 19; /* its mean can't be told */
		fix->build.cpus[1] = (struct rqs_cpu_delta){ .switches = 10, .wait_sum_ns = 50 * MS, .length_now = 1,
							     .length_max = i };
		apply(fix);
	}
	assert_int_equal(fix->model->switches, 2000);
	assert_int_equal(fix->model->runqueue.count, 60);
	assert_int_equal(fix->model->length_now, 19);
	assert_int_equal(fix->model->length_max, 30);
	assert_true(fabs(fix->model->length_weighted_ns / fix->model->length_span_ns - 28.0 / 19) < 1e-9);
	assert_int_equal(fix->model->cpu_second[1].switches, 100);
	assert_int_equal(fix->model->cpu_second[1].length_max, 19);
	assert_int_equal(fix->model->cpu_second[0].switches, 0);
}

static void test_memory_is_bounded(void **state)
{
	struct fixture *fix = *state;
	size_t before = rqs_model_memory(fix->model), usual;
	struct rqs_host host = *build_host();
	struct rqs_model *model;

	apply_idle(fix, 7000);
	assert_int_equal(rqs_model_memory(fix->model), before);
	host.services = host.routes = 0;
	model = rqs_model_new(&host);
	assert_non_null(model);
	usual = rqs_model_memory(model);
	rqs_model_free(model);
	assert_in_range(usual, 20 << 20, 32 << 20);
	assert_in_range(before - usual, 1, (RQS_SLOT_MAX - RQS_ROLE_COUNT - RQS_SERVICES_USUAL) * (44 << 10) + (RQS_ROUTES_STAY - RQS_ROUTES_USUAL) * (7 << 10));
	rqs_model_free(NULL);
}

#define with_model(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_model(test_windows_are_taken_in_order_only),
		with_model(test_books_add_up_and_balance),
		with_model(test_in_flight_is_a_gauge_of_all_services),
		with_model(test_slots_of_one_service_are_shown_as_one),
		with_model(test_services_beyond_the_table_are_other),
		with_model(test_all_slots_can_be_used),
		with_model(test_slots_pass_to_other_services),
		with_model(test_recent_covers_ten_whole_seconds),
		with_model(test_recent_says_so_when_buckets_are_lost),
		with_model(test_events_are_kept_to_500_and_all_counted),
		with_model(test_an_event_names_its_service_and_time),
		with_model(test_services_start_and_end),
		with_model(test_lost_probes_are_told_once_and_give_null),
		with_model(test_overload_is_told_once_in_a_while),
		with_model(test_shed_is_told),
		with_model(test_memory_is_as_documented),
		with_model(test_run_queue_totals),
		with_model(test_memory_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
