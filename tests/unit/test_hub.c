// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hub against a model and frames of a few letters each: "w 3-5" are windows 3 to 5, "m 3-5" the same merged; "service 5 of 50 w 3-5"
 * those of a service.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hub.h"

#define MS 1000000ULL
#define SECOND (1000 * MS)

struct rqs_model {
	uint64_t seq, event_seq;
	uint32_t clients;
	bool no_memory; /* frames of windows can't be made */
	size_t pad;	/* bytes added to frames of windows */
	int made;	/* frames of windows */
	uint64_t service; /* that counts in slot 5 */
	int routes_made;
	int service_made; /* frames of a service's windows */
};

static struct rqs_text text(const char *format, ...)
{
	struct rqs_text text;
	va_list args;
	int bytes;

	va_start(args, format);
	bytes = vasprintf(&text.data, format, args);
	va_end(args);
	assert_true(bytes > 0);
	text.bytes = (size_t)bytes;
	return text;
}

void rqs_model_set_clients(struct rqs_model *model, uint32_t clients)
{
	model->clients = clients;
}

int rqs_model_apply(struct rqs_model *model, const struct rqs_window *window)
{
	if (window->seq != model->seq + 1)
		return -ESTALE;
	model->seq++;
	model->event_seq += window->event_count;
	return 0;
}

uint64_t rqs_model_seq(const struct rqs_model *model)
{
	return model->seq;
}

uint64_t rqs_model_event_seq(const struct rqs_model *model)
{
	return model->event_seq;
}

uint64_t rqs_model_service(const struct rqs_model *model, uint32_t slot)
{
	return slot == 5 ? model->service : slot == 6 ? 60 : 0;
}

int rqs_request_parse(const char *said, size_t bytes, struct rqs_request *ret_request, char ret_error[160])
{
	char copy[32] = "";

	if (bytes < sizeof(copy))
		memcpy(copy, said, bytes);
	memset(ret_request, 0, sizeof(*ret_request));
	if (sscanf(copy, "rate %u", &ret_request->rate_ms) == 1)
		ret_request->kind = RQS_REQUEST_SUBSCRIBE;
	else if (sscanf(copy, "history %u of %u", &ret_request->id, &ret_request->slot) >= 1) {
		ret_request->kind = RQS_REQUEST_HISTORY;
		ret_request->has_slot = strstr(copy, "of");
	}
	else if (sscanf(copy, "watch %u", &ret_request->slot) == 1) {
		ret_request->kind = RQS_REQUEST_WATCH;
		ret_request->has_slot = true;
	} else if (strcmp(copy, "watch none") == 0)
		ret_request->kind = RQS_REQUEST_WATCH;
	else if (strcmp(copy, "look") == 0 || strcmp(copy, "look away") == 0) {
		ret_request->kind = RQS_REQUEST_LOOK;
		ret_request->inflight = strcmp(copy, "look") == 0;
	} else if (strcmp(copy, "ping") == 0)
		ret_request->kind = RQS_REQUEST_PING;
	else {
		strcpy(ret_error, "what?");
		return -EINVAL;
	}
	return 0;
}

struct rqs_text rqs_frame_hello(const struct rqs_model *model, uint32_t rate_ms)
{
	return text("hello %u", rate_ms);
}

struct rqs_text rqs_frame_windows(const struct rqs_model *model, uint64_t after_seq, uint64_t to_seq, uint32_t missed)
{
	((struct rqs_model *)model)->made++;
	if (model->no_memory)
		return (struct rqs_text){ NULL, 0 };
	if (missed)
		assert_int_equal(missed, to_seq - after_seq);
	return text("%c %d-%d%*s", missed ? 'm' : 'w', (int)after_seq + 1, (int)to_seq, (int)model->pad, "");
}

struct rqs_text rqs_frame_service_windows(const struct rqs_model *model, uint32_t slot, uint64_t service, uint64_t after_seq,
					  uint64_t to_seq, uint32_t missed)
{
	((struct rqs_model *)model)->service_made++;
	if (model->no_memory)
		return (struct rqs_text){ NULL, 0 };
	if (missed)
		assert_int_equal(missed, to_seq - after_seq);
	return text("service %u of %d %c %d-%d%s", slot, (int)service, missed ? 'm' : 'w', (int)after_seq + 1, (int)to_seq,
		    rqs_model_service(model, slot) != service ? " ended" : "");
}

struct rqs_text rqs_frame_history(const struct rqs_model *model, const struct rqs_request *request)
{
	if (request->has_slot)
		return text("history %u of %d", request->id, (int)rqs_model_service(model, request->slot));
	return text("history %u%*s", request->id, (int)model->pad, "");
}

struct rqs_text rqs_frame_services(const struct rqs_model *model)
{
	return text("services");
}

struct rqs_text rqs_frame_events(const struct rqs_model *model, uint64_t after_event_seq)
{
	return text("events %d-%d", (int)after_event_seq + 1, (int)model->event_seq);
}

struct rqs_text rqs_frame_status(const struct rqs_model *model)
{
	return text("status");
}

struct rqs_text rqs_frame_routes(const struct rqs_model *model, uint32_t slot, uint64_t service)
{
	((struct rqs_model *)model)->routes_made++;
	if (rqs_model_service(model, slot) != service)
		return text("routes %u ended", slot);
	return text("routes %u of %d", slot, (int)service);
}

struct rqs_text rqs_frame_inflight(const struct rqs_model *model, const struct rqs_inflight *inflight)
{
	return inflight ? text("inflight %d", (int)inflight->requests) : text("inflight unknown");
}

struct rqs_text rqs_frame_error(const char *code, const char *sentence)
{
	return text("error %s", code);
}

/* One client as its connection sees it. */
struct peer {
	struct rqs_hub_client *client;
	bool wants; /* to be called when it can take bytes */
	bool killed;
	unsigned int pings;
	enum rqs_hub_close close;
	unsigned char *last; /* where the bytes of the last message were */
};

struct world {
	struct rqs_model model;
	struct rqs_hub *hub;
	uint64_t now_ns;
};

static void want_write(void *owner)
{
	((struct peer *)owner)->wants = true;
}

static void kill_peer(void *owner)
{
	((struct peer *)owner)->killed = true;
}

static void ping_peer(void *owner)
{
	((struct peer *)owner)->pings++;
}

static const struct rqs_hub_ops ops = { want_write, ping_peer, kill_peer };

static void set_up(struct world *world, uint32_t max_clients)
{
	memset(world, 0, sizeof(*world));
	world->now_ns = 1000 * SECOND;
	world->hub = rqs_hub_new(&world->model, max_clients, &ops);
	assert_non_null(world->hub);
}

static void join(struct world *world, struct peer *peer)
{
	memset(peer, 0, sizeof(*peer));
	peer->client = rqs_hub_add(world->hub, peer, world->now_ns);
	assert_non_null(peer->client);
}

static void leave(struct world *world, struct peer *peer)
{
	rqs_hub_remove(world->hub, peer->client);
	peer->client = NULL;
}

/* A window of 100 ms with some events. */
static void window(struct world *world, uint32_t events)
{
	struct rqs_window made = { .seq = world->model.seq + 1, .start_ns = world->now_ns, .event_count = events };

	world->now_ns += 100 * MS;
	made.end_ns = world->now_ns;
	assert_int_equal(rqs_hub_take(world->hub, &made, world->now_ns), 0);
}

/* Takes one message, "" when there is none. Pads are cut off. */
static const char *take(struct world *world, struct peer *peer)
{
	static char message[64];
	struct rqs_hub_piece piece;
	size_t bytes = 0;

	memset(message, 0, sizeof(message));
	do {
		rqs_hub_next(world->hub, peer->client, world->now_ns, &piece);
		if (!piece.data) {
			peer->wants = false;
			peer->close = piece.close;
			assert_int_equal(bytes, 0);
			return message;
		}
		assert_true(piece.bytes <= RQS_HUB_PIECE_BYTES);
		assert_int_equal(piece.first, bytes == 0);
		if (piece.first)
			peer->last = piece.data;
		if (bytes < sizeof(message) - 1)
			memcpy(message + bytes, piece.data, piece.bytes < 63 - bytes ? piece.bytes : 63 - bytes);
		/* What a writer does with the room in front. */
		memset(piece.data - (piece.first ? RQS_BLOB_HEADROOM : 0), piece.first ? 0xff : piece.data[0],
		       piece.first ? RQS_BLOB_HEADROOM : 1);
		bytes += piece.bytes;
		rqs_hub_sent(world->hub, peer->client, world->now_ns);
	} while (!piece.last);
	peer->wants = piece.more;
	while (strlen(message) && message[strlen(message) - 1] == ' ')
		message[strlen(message) - 1] = '\0';
	return message;
}

static void expect(struct world *world, struct peer *peer, const char *message)
{
	assert_string_equal(take(world, peer), message);
}

/* Takes all there is and returns the last window that came, checking that none is left out. */
static int take_windows(struct world *world, struct peer *peer, int seq)
{
	const char *message;
	int first, last;
	char kind;

	while (*(message = take(world, peer)))
		if (sscanf(message, "%c %d-%d", &kind, &first, &last) == 3 && kind != 'e') {
			assert_int_equal(first, seq + 1);
			seq = last;
		}
	return seq;
}

static void greeted(struct world *world, struct peer *peer)
{
	expect(world, peer, "hello 250");
	expect(world, peer, "services");
	expect(world, peer, "status");
	assert_memory_equal(take(world, peer), "events", 6);
	expect(world, peer, "");
}

static void say(struct world *world, struct peer *peer, const char *message)
{
	rqs_hub_receive(world->hub, peer->client, message, strlen(message), true, true, true, world->now_ns);
}

static void test_hub_greets(void **state)
{
	struct world world;
	struct peer peer;

	set_up(&world, 2);
	window(&world, 3);
	join(&world, &peer);
	assert_true(peer.wants);
	assert_int_equal(world.model.clients, 1);
	expect(&world, &peer, "hello 250");
	expect(&world, &peer, "services");
	expect(&world, &peer, "status");
	expect(&world, &peer, "events 1-3");
	expect(&world, &peer, "");
	assert_int_equal(peer.close, RQS_HUB_OPEN);
	leave(&world, &peer);
	assert_int_equal(world.model.clients, 0);
	rqs_hub_free(world.hub);
}

/* The last 100 on connecting; of one window all. */
static void test_hub_tells_all_events_of_a_window(void **state)
{
	struct world world;
	struct peer peer;

	set_up(&world, 2);
	window(&world, 0);
	join(&world, &peer);
	greeted(&world, &peer);
	say(&world, &peer, "rate 1000");
	window(&world, 150);
	expect(&world, &peer, "events 1-150");
	leave(&world, &peer);
	window(&world, 100);
	join(&world, &peer);
	expect(&world, &peer, "hello 250");
	expect(&world, &peer, "services");
	expect(&world, &peer, "status");
	expect(&world, &peer, "events 151-250");
	leave(&world, &peer);
	rqs_hub_free(world.hub);
}

static void test_hub_encodes_once_for_all_clients_of_a_rate(void **state)
{
	struct world world;
	struct peer peers[5];
	int i;

	set_up(&world, 5);
	window(&world, 0);
	for (i = 0; i < 5; i++) {
		join(&world, &peers[i]);
		greeted(&world, &peers[i]);
		say(&world, &peers[i], i < 3 ? "rate 500" : "rate 100");
	}
	for (i = 0; i < 5; i++)
		window(&world, 0);
	for (i = 0; i < 5; i++)
		take_windows(&world, &peers[i], 1);
	world.model.made = 0;
	for (i = 0; i < 10; i++) {
		window(&world, 0);
		take_windows(&world, &peers[3], 6 + i);
		take_windows(&world, &peers[4], 6 + i);
	}
	assert_int_equal(world.model.made, 10 + 2);
	for (i = 0; i < 3; i++) {
		assert_memory_equal(take(&world, &peers[i]), "w ", 2);
		assert_ptr_equal(peers[i].last, peers[0].last);
	}
	for (i = 0; i < 5; i++)
		leave(&world, &peers[i]);
	rqs_hub_free(world.hub);
}

static void test_hub_keeps_to_the_rate(void **state)
{
	static const struct {
		const char *rate;
		int min, max; /* windows in a message */
		int messages; /* in 100 windows */
	} rates[] = { { "rate 100", 1, 1, 100 }, { "rate 250", 2, 3, 40 }, { "rate 500", 5, 5, 20 }, { "rate 1000", 10, 10, 10 } };
	struct world world;
	struct peer peer;
	size_t i;

	for (i = 0; i < 4; i++) {
		int seq = 0, messages = 0, first, last, n;

		set_up(&world, 1);
		for (n = 0; n < 20; n++)
			window(&world, 0);
		join(&world, &peer);
		greeted(&world, &peer);
		say(&world, &peer, rates[i].rate);
		for (n = 0; n < 20; n++)
			window(&world, 0);
		seq = take_windows(&world, &peer, 20);
		for (n = 0; n < 100; n++) {
			const char *message;

			window(&world, 0);
			while (*(message = take(&world, &peer)))
				if (sscanf(message, "w %d-%d", &first, &last) == 2) {
					assert_int_equal(first, seq + 1);
					assert_in_range(last - first + 1, rates[i].min, rates[i].max);
					seq = last;
					messages++;
				}
		}
		assert_int_equal(messages, rates[i].messages);
		leave(&world, &peer);
		rqs_hub_free(world.hub);
	}
}

static void test_hub_leaves_no_hole_when_rates_change(void **state)
{
	static const char *const rates[] = { "rate 1000", "rate 100", "rate 250", "rate 500" };
	struct world world;
	struct peer peer, other;
	int i, seq, other_seq;

	set_up(&world, 2);
	for (i = 0; i < 3; i++)
		window(&world, 0);
	join(&world, &peer);
	join(&world, &other);
	seq = other_seq = 3;
	for (i = 0; i < 400; i++) {
		window(&world, 0);
		if (i % 3 == 0)
			say(&world, &peer, rates[(i / 3 + i / 30) % 4]);
		if (i % 7 == 0)
			say(&world, &other, rates[(i / 7) % 4]);
		seq = take_windows(&world, &peer, seq);
		other_seq = take_windows(&world, &other, other_seq);
	}
	assert_in_range(seq, 394, 403);
	assert_in_range(other_seq, 394, 403);
	leave(&world, &peer);
	leave(&world, &other);
	rqs_hub_free(world.hub);
}

static void test_hub_merges_what_a_slow_client_lost(void **state)
{
	struct world world;
	struct peer slow, quick;
	int i, seq;

	set_up(&world, 2);
	window(&world, 0);
	join(&world, &slow);
	join(&world, &quick);
	greeted(&world, &slow);
	say(&world, &slow, "rate 100");
	say(&world, &quick, "rate 100");
	seq = 1;
	for (i = 0; i < 100; i++) {
		window(&world, i == 50);
		seq = take_windows(&world, &quick, seq);
	}
	assert_int_equal(seq, 101);
	/* What was queued before it fell behind, then one window for all the rest, then it is in step again. */
	seq = 1;
	for (i = 0; i <= RQS_HUB_BEHIND_MESSAGES; i++) {
		const char *message = take(&world, &slow);
		int first, last;

		if (sscanf(message, "w %d-%d", &first, &last) == 2) {
			assert_int_equal(first, seq + 1);
			seq = last;
		}
	}
	assert_true(slow.wants);
	assert_true(seq < 101);
	{
		char merged[32];

		snprintf(merged, sizeof(merged), "m %d-101", seq + 1);
		expect(&world, &slow, merged);
	}
	expect(&world, &slow, "events 1-1");
	expect(&world, &slow, "");
	window(&world, 0);
	expect(&world, &slow, "w 102-102");
	leave(&world, &slow);
	leave(&world, &quick);
	rqs_hub_free(world.hub);
}

static void test_hub_bounds_what_it_owes(void **state)
{
	struct world world;
	struct peer peer;
	int i, messages = 0;
	const char *message;

	set_up(&world, 1);
	world.model.pad = 300000;
	window(&world, 0);
	join(&world, &peer);
	say(&world, &peer, "rate 100");
	/* By bytes: four frames of 300 kB are more than 1 MiB. */
	for (i = 0; i < 50; i++)
		window(&world, 0);
	while (*(message = take(&world, &peer)))
		messages += *message == 'w';
	assert_int_equal(messages, 4);
	/* By number: who asks without reading is closed. */
	for (i = 0; i < 200 && peer.close == RQS_HUB_OPEN; i++) {
		world.now_ns += 20 * MS;
		say(&world, &peer, "ping");
	}
	while (*take(&world, &peer))
		;
	assert_int_equal(peer.close, RQS_HUB_TOO_SLOW);
	assert_int_equal(world.model.clients, 0);
	leave(&world, &peer);
	rqs_hub_free(world.hub);
}

static void test_hub_splits_a_long_message_and_shares_it(void **state)
{
	struct world world;
	struct peer a, b;

	set_up(&world, 2);
	world.model.pad = 3 * RQS_HUB_PIECE_BYTES;
	window(&world, 0);
	join(&world, &a);
	join(&world, &b);
	greeted(&world, &a);
	greeted(&world, &b);
	window(&world, 0);
	window(&world, 0);
	window(&world, 0);
	assert_memory_equal(take(&world, &a), "w 2-", 4);
	assert_memory_equal(take(&world, &b), "w 2-", 4);
	leave(&world, &a);
	leave(&world, &b);
	rqs_hub_free(world.hub);
}

static void test_hub_sends_events_to_each_once(void **state)
{
	struct world world;
	struct peer a, b;

	set_up(&world, 2);
	window(&world, 2);
	join(&world, &a);
	greeted(&world, &a);
	say(&world, &a, "rate 1000");
	window(&world, 1);
	expect(&world, &a, "events 3-3");
	join(&world, &b);
	greeted(&world, &b);
	say(&world, &b, "rate 1000");
	window(&world, 0);
	expect(&world, &a, "");
	window(&world, 2);
	expect(&world, &a, "events 4-5");
	expect(&world, &b, "events 4-5");
	leave(&world, &a);
	leave(&world, &b);
	rqs_hub_free(world.hub);
}

static void test_hub_limits_history(void **state)
{
	struct world world;
	struct peer peer;

	set_up(&world, 1);
	window(&world, 0);
	join(&world, &peer);
	greeted(&world, &peer);
	say(&world, &peer, "history 1");
	say(&world, &peer, "history 2");
	say(&world, &peer, "history 3");
	world.now_ns += 600 * MS;
	say(&world, &peer, "history 4");
	say(&world, &peer, "history 5");
	expect(&world, &peer, "history 1");
	expect(&world, &peer, "history 2");
	expect(&world, &peer, "history 3");
	expect(&world, &peer, "history 4");
	expect(&world, &peer, "error too_fast");
	world.now_ns += 400 * MS;
	say(&world, &peer, "history 6");
	expect(&world, &peer, "history 6");
	/* Not while a lot of it waits to be read. */
	world.now_ns += 2 * SECOND;
	world.model.pad = RQS_HUB_HISTORY_BYTES;
	say(&world, &peer, "history 7");
	say(&world, &peer, "history 8");
	expect(&world, &peer, "history 7");
	expect(&world, &peer, "error behind");
	leave(&world, &peer);
	rqs_hub_free(world.hub);
}

static void test_hub_reads_messages_in_parts(void **state)
{
	struct world world;
	struct peer peer;
	char large[RQS_HUB_MESSAGE_MAX + 1];

	set_up(&world, 1);
	window(&world, 0);
	join(&world, &peer);
	greeted(&world, &peer);
	rqs_hub_receive(world.hub, peer.client, "pi", 2, true, false, true, world.now_ns);
	rqs_hub_receive(world.hub, peer.client, NULL, 0, false, false, true, world.now_ns);
	rqs_hub_receive(world.hub, peer.client, "ng", 2, false, true, true, world.now_ns);
	expect(&world, &peer, "{\"type\":\"pong\"}");
	/* A message that was given up for another one. */
	rqs_hub_receive(world.hub, peer.client, "x", 1, true, false, true, world.now_ns);
	say(&world, &peer, "ping");
	expect(&world, &peer, "{\"type\":\"pong\"}");
	rqs_hub_receive(world.hub, peer.client, "ping", 4, true, true, false, world.now_ns);
	expect(&world, &peer, "error bad_request");
	memset(large, 'x', sizeof(large));
	rqs_hub_receive(world.hub, peer.client, large, sizeof(large), true, false, true, world.now_ns);
	expect(&world, &peer, "error bad_request");
	rqs_hub_receive(world.hub, peer.client, large, sizeof(large), false, false, true, world.now_ns);
	rqs_hub_receive(world.hub, peer.client, "ping", 4, false, true, true, world.now_ns);
	expect(&world, &peer, "");
	say(&world, &peer, "ping");
	expect(&world, &peer, "{\"type\":\"pong\"}");
	leave(&world, &peer);
	rqs_hub_free(world.hub);
}

static void test_hub_closes_after_ten_bad_messages(void **state)
{
	struct world world;
	struct peer peer;
	int i;

	set_up(&world, 1);
	join(&world, &peer);
	greeted(&world, &peer);
	for (i = 0; i < 12; i++)
		say(&world, &peer, "nonsense");
	for (i = 0; i < RQS_HUB_BAD_MAX; i++)
		expect(&world, &peer, "error bad_request");
	expect(&world, &peer, "");
	assert_int_equal(peer.close, RQS_HUB_MISBEHAVED);
	assert_int_equal(rqs_hub_clients(world.hub), 0);
	leave(&world, &peer);
	rqs_hub_free(world.hub);
}

static void test_hub_closes_who_floods(void **state)
{
	struct world world;
	struct peer peer;
	int i;

	set_up(&world, 1);
	join(&world, &peer);
	for (i = 0; i < RQS_HUB_SPEECH_MAX; i++) {
		say(&world, &peer, "ping");
		while (*take(&world, &peer))
			;
	}
	assert_int_equal(peer.close, RQS_HUB_OPEN);
	say(&world, &peer, "ping");
	expect(&world, &peer, "error too_fast");
	expect(&world, &peer, "");
	assert_int_equal(peer.close, RQS_HUB_MISBEHAVED);
	leave(&world, &peer);
	rqs_hub_free(world.hub);
}

static void test_hub_turns_away_one_too_many(void **state)
{
	struct world world;
	struct peer peers[3], late;
	int i;

	set_up(&world, 2);
	for (i = 0; i < 3; i++)
		join(&world, &peers[i]);
	assert_int_equal(rqs_hub_clients(world.hub), 2);
	greeted(&world, &peers[1]);
	expect(&world, &peers[2], "error too_many_clients");
	expect(&world, &peers[2], "");
	assert_int_equal(peers[2].close, RQS_HUB_TOO_MANY);
	leave(&world, &peers[0]);
	join(&world, &late);
	greeted(&world, &late);
	rqs_hub_free(world.hub);
}

static void test_hub_kills_who_is_stuck_and_nobody_else(void **state)
{
	struct world world;
	struct peer stuck, idle;

	set_up(&world, 2);
	join(&world, &stuck);
	join(&world, &idle);
	greeted(&world, &idle);
	/* A clock that was read a moment before the client came. */
	rqs_hub_expire(world.hub, world.now_ns - 1);
	assert_false(stuck.killed);
	for (uint64_t second = 0; second < RQS_HUB_STUCK_NS / SECOND; second++) {
		world.now_ns += SECOND;
		rqs_hub_expire(world.hub, world.now_ns);
	}
	assert_false(stuck.killed);
	world.now_ns += 1;
	rqs_hub_expire(world.hub, world.now_ns);
	assert_true(stuck.killed);
	assert_false(idle.killed);
	leave(&world, &stuck);
	leave(&world, &idle);
	rqs_hub_free(world.hub);
}

static void test_hub_pings_and_kills_who_stays_silent(void **state)
{
	struct world world;
	struct peer silent, answers, speaks;
	unsigned int seconds;

	set_up(&world, 3);
	join(&world, &silent);
	join(&world, &answers);
	join(&world, &speaks);
	greeted(&world, &silent);
	greeted(&world, &answers);
	greeted(&world, &speaks);
	for (seconds = 0; seconds < RQS_HUB_SILENT_NS / SECOND; seconds++) {
		unsigned int pings = answers.pings;

		world.now_ns += SECOND;
		rqs_hub_expire(world.hub, world.now_ns);
		if (answers.pings > pings)
			rqs_hub_heard(answers.client, world.now_ns);
	}
	assert_int_equal(answers.pings, RQS_HUB_SILENT_NS / RQS_HUB_PING_NS);
	assert_int_equal(silent.pings, answers.pings);
	assert_false(silent.killed);
	rqs_hub_receive(world.hub, speaks.client, "ping", 4, true, true, true, world.now_ns);
	world.now_ns += 1;
	rqs_hub_expire(world.hub, world.now_ns);
	assert_true(silent.killed);
	assert_false(answers.killed);
	assert_false(speaks.killed);
	leave(&world, &silent);
	leave(&world, &answers);
	leave(&world, &speaks);
	rqs_hub_free(world.hub);
}

/* What could not be heard or sent meanwhile counts for nobody; from then on all is as before. */
static void test_hub_that_was_stopped_kills_nobody(void **state)
{
	struct world world;
	struct peer idle, owed;

	set_up(&world, 2);
	join(&world, &idle);
	join(&world, &owed);
	greeted(&world, &idle);
	world.now_ns += SECOND;
	rqs_hub_expire(world.hub, world.now_ns);
	world.now_ns += 2 * RQS_HUB_SILENT_NS;
	rqs_hub_expire(world.hub, world.now_ns);
	assert_false(idle.killed);
	assert_false(owed.killed);
	assert_int_equal(idle.pings, 1);
	for (uint64_t second = 0; second <= RQS_HUB_STUCK_NS / SECOND; second++) {
		world.now_ns += SECOND;
		rqs_hub_expire(world.hub, world.now_ns);
	}
	assert_false(idle.killed);
	assert_true(owed.killed);
	for (uint64_t second = 0; second <= RQS_HUB_SILENT_NS / SECOND; second++) {
		world.now_ns += SECOND;
		rqs_hub_expire(world.hub, world.now_ns);
	}
	assert_true(idle.killed);
	leave(&world, &idle);
	leave(&world, &owed);
	rqs_hub_free(world.hub);
}

static void test_hub_says_goodbye_at_once(void **state)
{
	struct world world;
	struct peer peer, halfway;
	struct rqs_hub_piece piece;

	set_up(&world, 2);
	world.model.pad = 2 * RQS_HUB_PIECE_BYTES;
	join(&world, &peer);
	join(&world, &halfway);
	greeted(&world, &halfway);
	window(&world, 0);
	rqs_hub_next(world.hub, halfway.client, world.now_ns, &piece);
	assert_true(piece.data && !piece.last);
	rqs_hub_sent(world.hub, halfway.client, world.now_ns);
	rqs_hub_shut_down(world.hub, world.now_ns);
	expect(&world, &peer, "error shutdown");
	expect(&world, &peer, "");
	assert_int_equal(peer.close, RQS_HUB_SHUTDOWN);
	/* A message that has begun is ended first. */
	do {
		rqs_hub_next(world.hub, halfway.client, world.now_ns, &piece);
		assert_false(piece.first);
		rqs_hub_sent(world.hub, halfway.client, world.now_ns);
	} while (!piece.last);
	expect(&world, &halfway, "error shutdown");
	rqs_hub_free(world.hub);
}

static void test_hub_survives_a_window_without_memory(void **state)
{
	struct world world;
	struct peer peer;

	set_up(&world, 1);
	window(&world, 0);
	join(&world, &peer);
	greeted(&world, &peer);
	say(&world, &peer, "rate 100");
	world.model.no_memory = true;
	window(&world, 0);
	expect(&world, &peer, "");
	world.model.no_memory = false;
	window(&world, 0);
	assert_true(peer.wants);
	expect(&world, &peer, "w 2-3");
	leave(&world, &peer);
	rqs_hub_free(world.hub);
}

static void test_hub_refuses_a_window_out_of_sequence(void **state)
{
	struct world world;
	struct rqs_window wrong = { .seq = 9, .start_ns = 1, .end_ns = 2 };

	set_up(&world, 1);
	window(&world, 0);
	assert_int_equal(rqs_hub_take(world.hub, &wrong, world.now_ns), -ESTALE);
	assert_int_equal(world.model.seq, 1);
	rqs_hub_free(world.hub);
	rqs_hub_free(NULL);
}

/* Takes all there is; how many messages were @message, and whether other routes came. */
static int count_routes(struct world *world, struct peer *peer, const char *message)
{
	const char *taken;
	int count = 0;

	while (*(taken = take(world, peer)))
		if (strcmp(taken, message) == 0)
			count++;
		else
			assert_int_not_equal(strncmp(taken, "routes", 6), 0);
	return count;
}

static void pass_second(struct world *world)
{
	int i;

	for (i = 0; i < 10; i++)
		window(world, 0);
}

static void test_hub_sends_routes_once_for_all_who_watch_a_service(void **state)
{
	struct world world;
	struct peer first, second, other, idle;
	unsigned char *shared = NULL;
	const char *taken;

	set_up(&world, 4);
	world.model.service = 50;
	join(&world, &first);
	join(&world, &second);
	join(&world, &other);
	join(&world, &idle);
	pass_second(&world);
	assert_int_equal(world.model.routes_made, 0); /* nobody watches */
	count_routes(&world, &first, "");
	count_routes(&world, &second, "");
	count_routes(&world, &other, "");
	count_routes(&world, &idle, "");
	say(&world, &first, "watch 5");
	say(&world, &second, "watch 5");
	say(&world, &other, "watch 6");
	assert_int_equal(world.model.routes_made, 0); /* a flood of these makes no frames */
	pass_second(&world);
	assert_int_equal(world.model.routes_made, 2);
	while (*(taken = take(&world, &first)))
		if (strcmp(taken, "routes 5 of 50") == 0)
			shared = first.last;
	assert_non_null(shared);
	while (strcmp(taken = take(&world, &second), "routes 5 of 50") != 0)
		assert_true(*taken);
	assert_ptr_equal(second.last, shared);
	assert_int_equal(count_routes(&world, &other, "routes 6 of 60"), 1);
	assert_int_equal(count_routes(&world, &idle, ""), 0);

	say(&world, &first, "watch none");
	say(&world, &second, "watch 6");
	pass_second(&world);
	assert_int_equal(world.model.routes_made, 3);
	assert_int_equal(count_routes(&world, &first, ""), 0);
	assert_int_equal(count_routes(&world, &second, "routes 6 of 60"), 1);
	rqs_hub_free(world.hub);
}

/* Counts how often it is asked; the kernel can't tell while @fails. */
struct looked {
	uint32_t times;
	bool fails;
};

static int look(void *data, struct rqs_inflight *ret_inflight)
{
	struct looked *looked = data;

	looked->times++;
	if (looked->fails)
		return -ENOTSUP;
	ret_inflight->requests = looked->times;
	return 0;
}

/* Takes all, and returns how many of them were this one; @ret_last: where the last of these was. */
static int count_looks(struct world *world, struct peer *peer, const char *message, unsigned char **ret_last)
{
	const char *taken;
	int count = 0;

	while (*(taken = take(world, peer))) {
		if (strcmp(taken, message) == 0) {
			count++;
			*ret_last = peer->last;
		} else {
			assert_int_not_equal(strncmp(taken, "inflight", 8), 0);
		}
	}
	return count;
}

static void test_hub_looks_once_for_all_and_only_while_somebody_does(void **state)
{
	struct looked looked = { 0 };
	struct world world;
	struct peer first, second, idle;
	unsigned char *one = NULL, *two = NULL;

	set_up(&world, 4);
	rqs_hub_set_look(world.hub, look, &looked);
	join(&world, &first);
	join(&world, &second);
	join(&world, &idle);
	pass_second(&world);
	assert_int_equal(looked.times, 0);
	assert_int_equal(count_looks(&world, &first, "", &one), 0);
	assert_int_equal(count_looks(&world, &second, "", &two), 0);
	assert_int_equal(count_looks(&world, &idle, "", &two), 0);
	say(&world, &first, "look");
	say(&world, &first, "look");
	say(&world, &second, "look");
	assert_int_equal(looked.times, 0); /* a flood of these reads nothing */
	pass_second(&world);
	assert_int_equal(looked.times, 1);
	assert_int_equal(count_looks(&world, &first, "inflight 1", &one), 1);
	assert_int_equal(count_looks(&world, &second, "inflight 1", &two), 1);
	assert_ptr_equal(one, two);
	assert_int_equal(count_looks(&world, &idle, "", &two), 0);

	looked.fails = true;
	say(&world, &second, "look away");
	pass_second(&world);
	assert_int_equal(looked.times, 2);
	assert_int_equal(count_looks(&world, &first, "inflight unknown", &one), 1);
	assert_int_equal(count_looks(&world, &second, "", &two), 0);

	leave(&world, &first);
	pass_second(&world);
	assert_int_equal(looked.times, 2);
	rqs_hub_free(world.hub);
}

static void test_hub_does_not_look_for_who_is_behind(void **state)
{
	struct looked looked = { 0 };
	unsigned char *last = NULL;
	struct world world;
	struct peer slow;
	int i;

	set_up(&world, 4);
	rqs_hub_set_look(world.hub, look, &looked);
	join(&world, &slow);
	say(&world, &slow, "look");
	for (i = 0; i < 8; i++)
		pass_second(&world);
	assert_in_range(looked.times, 1, 3); /* then more than RQS_HUB_BEHIND_MESSAGES wait */
	i = (int)looked.times;
	pass_second(&world);
	assert_int_equal(looked.times, i);
	while (*take(&world, &slow))
		;
	pass_second(&world);
	assert_int_equal(looked.times, i + 1);
	assert_int_equal(count_looks(&world, &slow, i == 1 ? "inflight 2" : i == 2 ? "inflight 3" : "inflight 4", &last), 1);
	rqs_hub_free(world.hub);
}

static void test_hub_tells_that_a_watched_service_ended(void **state)
{
	struct world world;
	struct peer peer, slow;

	set_up(&world, 2);
	world.model.service = 50;
	join(&world, &peer);
	join(&world, &slow);
	count_routes(&world, &peer, "");
	count_routes(&world, &slow, "");
	say(&world, &peer, "watch 7");
	expect(&world, &peer, "error no_service");
	say(&world, &peer, "watch 5");
	say(&world, &slow, "watch 5");
	pass_second(&world);
	assert_int_equal(count_routes(&world, &peer, "routes 5 of 50"), 1);
	pass_second(&world); /* more than 8 messages wait for the slow one: it is owed no more */
	assert_int_equal(count_routes(&world, &peer, "routes 5 of 50"), 1);
	world.model.service = 51;
	pass_second(&world);
	/* Once, and the service that came after is not taken for it. */
	assert_int_equal(count_routes(&world, &peer, "routes 5 ended"), 1);
	assert_int_equal(world.model.routes_made, 3);
	pass_second(&world);
	assert_int_equal(count_routes(&world, &peer, ""), 0);
	assert_int_equal(world.model.routes_made, 3);
	while (*take(&world, &slow))
		;
	pass_second(&world);
	assert_int_equal(count_routes(&world, &slow, "routes 5 ended"), 1);
	assert_int_equal(world.model.routes_made, 4);
	rqs_hub_free(world.hub);
}

/* Takes all there is; returns the last window of the service that came, checking that none is left out. */
static int take_service(struct world *world, struct peer *peer, const char *of, int seq)
{
	const char *message;
	size_t bytes = strlen(of);
	int first, last;
	char kind;

	while (*(message = take(world, peer))) {
		if (strncmp(message, "service ", 8) != 0)
			continue;
		assert_memory_equal(message, of, bytes);
		assert_int_equal(sscanf(message + bytes, " %c %d-%d", &kind, &first, &last), 3);
		assert_int_equal(first, seq + 1);
		assert_null(strstr(message, "ended"));
		seq = last;
	}
	return seq;
}

static void test_hub_sends_windows_of_a_service_once_for_all_of_a_rate(void **state)
{
	struct world world;
	struct peer fast, twin, slow, other, idle;
	struct peer *all[] = { &fast, &twin, &slow, &other, &idle };
	unsigned char *shared = NULL;
	char expected[64];
	int i, seq;

	set_up(&world, 5);
	world.model.service = 50;
	for (i = 0; i < 5; i++) {
		join(&world, all[i]);
		greeted(&world, all[i]);
		say(&world, all[i], i == 2 ? "rate 500" : "rate 100");
	}
	do /* until the slow one has just had its time */
		window(&world, 0);
	while (!*take(&world, &slow) || world.model.seq < 5);
	seq = (int)world.model.seq;
	for (i = 0; i < 5; i++)
		while (*take(&world, all[i]))
			;
	assert_int_equal(world.model.service_made, 0);
	say(&world, &fast, "watch 5");
	say(&world, &twin, "watch 5");
	say(&world, &slow, "watch 5");
	say(&world, &other, "watch 6");
	assert_int_equal(world.model.service_made, 0); /* a flood of these makes no frames */
	window(&world, 0);
	assert_int_equal(world.model.service_made, 2); /* of 5 for two, of 6 for one; the slow one's time has not come */
	snprintf(expected, sizeof(expected), "service 5 of 50 w %d-%d", seq + 1, seq + 1);
	for (i = 0; i < 2; i++) {
		assert_memory_equal(take(&world, all[i]), "w ", 2);
		expect(&world, all[i], expected);
		assert_true(!shared || all[i]->last == shared);
		shared = all[i]->last;
	}
	assert_int_equal(take_service(&world, &other, "service 6 of 60", seq), seq + 1);
	assert_int_equal(take_service(&world, &slow, "", seq), seq);
	for (i = 0; i < 4; i++)
		window(&world, 0);
	assert_int_equal(world.model.service_made, 2 * 5 + 1);
	assert_int_equal(take_service(&world, &slow, "service 5 of 50", seq), seq + 5);
	assert_int_equal(take_service(&world, &idle, "", 0), 0);
	take_service(&world, &fast, "service 5 of 50", seq + 1);

	/* Said again it changes nothing; another service comes in the place of the one before, none ends it. */
	say(&world, &fast, "watch 5");
	window(&world, 0);
	assert_int_equal(take_service(&world, &fast, "service 5 of 50", seq + 5), seq + 6);
	take_service(&world, &twin, "service 5 of 50", seq + 1);
	take_service(&world, &other, "service 6 of 60", seq + 1);
	say(&world, &fast, "watch 6");
	say(&world, &twin, "watch none");
	world.model.service_made = 0;
	window(&world, 0);
	assert_int_equal(world.model.service_made, 1); /* for fast and other */
	assert_int_equal(take_service(&world, &fast, "service 6 of 60", seq + 6), seq + 7);
	assert_int_equal(take_service(&world, &twin, "", 0), 0);
	rqs_hub_free(world.hub);
}

static void test_hub_leaves_no_hole_in_a_service_when_rates_change(void **state)
{
	static const char *const rates[] = { "rate 100", "rate 1000", "rate 250", "rate 500" };
	struct world world;
	struct peer peer, steady;
	int seq, i;

	set_up(&world, 2);
	world.model.service = 50;
	window(&world, 0);
	join(&world, &steady);
	join(&world, &peer);
	say(&world, &peer, "watch 5");
	say(&world, &steady, "watch 5");
	for (seq = 1, i = 0; i < 400; i++) {
		if (i % 7 == 0)
			say(&world, &peer, rates[i / 7 % 4]);
		window(&world, 0);
		seq = take_service(&world, &peer, "service 5 of 50", seq);
		while (*take(&world, &steady))
			;
	}
	assert_in_range(seq, 401 - 10, 401);
	rqs_hub_free(world.hub);
}

static void test_hub_merges_what_a_slow_client_lost_of_a_service(void **state)
{
	struct world world;
	struct peer peer;
	const char *message;
	int i, seq = 0, merged = 0, first, last;
	char kind;

	set_up(&world, 1);
	world.model.service = 50;
	join(&world, &peer);
	say(&world, &peer, "rate 100");
	say(&world, &peer, "watch 5");
	for (i = 0; i < 100; i++)
		window(&world, 0);
	while (*(message = take(&world, &peer)))
		if (sscanf(message, "service 5 of 50 %c %d-%d", &kind, &first, &last) == 3) {
			assert_int_equal(first, seq + 1);
			seq = last;
			merged += kind == 'm';
		}
	assert_int_equal(seq, 100);
	assert_int_equal(merged, 1);
	window(&world, 0);
	assert_int_equal(take_service(&world, &peer, "service 5 of 50", seq), 101);
	/* What there was no memory for comes later. */
	world.model.no_memory = true;
	window(&world, 0);
	expect(&world, &peer, "");
	world.model.no_memory = false;
	window(&world, 0);
	assert_int_equal(take_service(&world, &peer, "service 5 of 50", 101), 103);
	rqs_hub_free(world.hub);
}

static void test_hub_tells_once_that_a_service_has_no_more_windows(void **state)
{
	struct world world;
	struct peer peer, slow;
	int i, ended = 0;
	const char *message;

	set_up(&world, 2);
	world.model.service = 50;
	join(&world, &peer);
	join(&world, &slow);
	greeted(&world, &peer);
	say(&world, &peer, "rate 100");
	say(&world, &slow, "rate 100");
	say(&world, &peer, "watch 7");
	expect(&world, &peer, "error no_service");
	say(&world, &peer, "watch 5");
	say(&world, &slow, "watch 5");
	window(&world, 0);
	expect(&world, &peer, "w 1-1");
	expect(&world, &peer, "service 5 of 50 w 1-1");
	while (*take(&world, &peer))
		;
	for (i = 0; i < 8; i++)
		window(&world, 0);
	assert_int_equal(take_service(&world, &peer, "service 5 of 50", 1), 9);
	world.model.service = 51;
	window(&world, 0);
	/* With what it did until then; the one that came after is not taken for it. */
	while (*(message = take(&world, &peer)))
		ended += strcmp(message, "service 5 of 50 w 10-10 ended") == 0;
	assert_int_equal(ended, 1);
	pass_second(&world);
	while (*(message = take(&world, &peer)))
		assert_int_not_equal(strncmp(message, "service ", 8), 0);
	/* The slow one learns it from what was held back. */
	for (ended = 0; *(message = take(&world, &slow));)
		ended += !!strstr(message, "-20 ended");
	assert_int_equal(ended, 1);
	say(&world, &peer, "watch 5");
	window(&world, 0);
	assert_int_equal(take_service(&world, &peer, "service 5 of 51", 20), 21);
	rqs_hub_free(world.hub);
}

static void test_hub_gives_history_of_a_service_that_there_is(void **state)
{
	struct world world;
	struct peer peer;

	set_up(&world, 1);
	world.model.service = 50;
	join(&world, &peer);
	greeted(&world, &peer);
	say(&world, &peer, "history 1 of 5");
	expect(&world, &peer, "history 1 of 50");
	say(&world, &peer, "history 2 of 7");
	expect(&world, &peer, "error no_service");
	say(&world, &peer, "history 3");
	expect(&world, &peer, "history 3");
	rqs_hub_free(world.hub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hub_greets),
		cmocka_unit_test(test_hub_tells_all_events_of_a_window),
		cmocka_unit_test(test_hub_encodes_once_for_all_clients_of_a_rate),
		cmocka_unit_test(test_hub_keeps_to_the_rate),
		cmocka_unit_test(test_hub_leaves_no_hole_when_rates_change),
		cmocka_unit_test(test_hub_merges_what_a_slow_client_lost),
		cmocka_unit_test(test_hub_bounds_what_it_owes),
		cmocka_unit_test(test_hub_splits_a_long_message_and_shares_it),
		cmocka_unit_test(test_hub_sends_events_to_each_once),
		cmocka_unit_test(test_hub_limits_history),
		cmocka_unit_test(test_hub_reads_messages_in_parts),
		cmocka_unit_test(test_hub_closes_after_ten_bad_messages),
		cmocka_unit_test(test_hub_closes_who_floods),
		cmocka_unit_test(test_hub_turns_away_one_too_many),
		cmocka_unit_test(test_hub_kills_who_is_stuck_and_nobody_else),
		cmocka_unit_test(test_hub_pings_and_kills_who_stays_silent),
		cmocka_unit_test(test_hub_that_was_stopped_kills_nobody),
		cmocka_unit_test(test_hub_says_goodbye_at_once),
		cmocka_unit_test(test_hub_survives_a_window_without_memory),
		cmocka_unit_test(test_hub_sends_routes_once_for_all_who_watch_a_service),
		cmocka_unit_test(test_hub_tells_that_a_watched_service_ended),
		cmocka_unit_test(test_hub_sends_windows_of_a_service_once_for_all_of_a_rate),
		cmocka_unit_test(test_hub_leaves_no_hole_in_a_service_when_rates_change),
		cmocka_unit_test(test_hub_merges_what_a_slow_client_lost_of_a_service),
		cmocka_unit_test(test_hub_tells_once_that_a_service_has_no_more_windows),
		cmocka_unit_test(test_hub_gives_history_of_a_service_that_there_is),
		cmocka_unit_test(test_hub_looks_once_for_all_and_only_while_somebody_does),
		cmocka_unit_test(test_hub_does_not_look_for_who_is_behind),
		cmocka_unit_test(test_hub_refuses_a_window_out_of_sequence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
