/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * feed_framing - give a stream to bpf/framing.h in pieces, as the engine does, and write down what it decides.
 *
 * A trace is a line of words: "head@N=..." where a head was whole after N bytes, with its status, its method where that
 * matters, and what follows (none, length=N, chunked, close); "done@N" where a message was over; last how the stream
 * ended: idle, head, body, close, bad, http2.
 */
#ifndef RQS_TEST_FEED_FRAMING_H
#define RQS_TEST_FEED_FRAMING_H

#include "build_window.h"

#include "framing.h"

#define FEED_TRACE_BYTES 4096

enum feed_kind { REQUEST, RESPONSE, TO_HEAD, TO_CONNECT };

/* What lies behind the end of a window, the stream's next bytes among it; none of it may matter. */
#define FEED_NEXT_BYTES (-1)
static const int feed_fillers[] = { '\n', '0', 0xff, ' ', 0, FEED_NEXT_BYTES };
#define FEED_FILLERS (sizeof(feed_fillers) / sizeof(feed_fillers[0]))

struct feed_line {
	char method[32];
	const char *target;
	size_t target_bytes;
};

struct feed {
	struct rqs_framing f;
	enum feed_kind kind;
	int filler;
	bool scans_bodies; /* the engine skips them; a scan must come to the same end */
	struct rqs_window_bytes *window; /* a heap block of its own: nothing beyond it may be read */
	uint64_t offset; /* of the next byte in the stream */
	const char *stream_end; /* where bytes may still be read from, in one block with what is fed */
	const struct feed_line *lines; /* of the requests, where they are known */
	uint32_t line_count;
	uint32_t heads;
	uint32_t targets_seen; /* lay whole in a window */
	bool stopped;
	char trace[FEED_TRACE_BYTES];
	size_t trace_bytes;
};

static inline void feed_open(struct feed *feed)
{
	memset(feed, 0, sizeof(*feed));
	feed->window = malloc(sizeof(*feed->window));
	assert_non_null(feed->window);
}

static inline void feed_close(struct feed *feed)
{
	free(feed->window);
}

/* @stream_end: of the block that all pieces will lie in; NULL where they don't. */
static inline void feed_start(struct feed *feed, enum feed_kind kind, size_t variant, const char *stream_end)
{
	memset(&feed->f, 0, sizeof(feed->f));
	feed->f.flags = kind == REQUEST ? 0 : RQS_FRAMING_IS_RESPONSE;
	feed->kind = kind;
	feed->filler = feed_fillers[variant % FEED_FILLERS];
	feed->scans_bodies = variant & 1;
	feed->offset = 0;
	feed->stream_end = stream_end;
	feed->heads = 0;
	feed->targets_seen = 0;
	feed->stopped = false;
	feed->trace_bytes = 0;
	feed->trace[0] = '\0';
}

__attribute__((format(printf, 2, 3))) static inline void feed_note(struct feed *feed, const char *format, ...)
{
	size_t room = sizeof(feed->trace) - feed->trace_bytes;
	va_list args;
	int bytes;

	va_start(args, format);
	bytes = vsnprintf(feed->trace + feed->trace_bytes, room, format, args);
	va_end(args);
	assert_true(bytes >= 0 && (size_t)bytes < room);
	feed->trace_bytes += bytes;
}

static inline void feed_head(struct feed *feed)
{
	struct rqs_framing *f = &feed->f;

	feed_note(feed, "head@%llu=", (unsigned long long)feed->offset);
	if (feed->kind != REQUEST)
		feed_note(feed, "%u,", f->status);
	if (f->flags & RQS_FRAMING_IS_HEAD)
		feed_note(feed, "HEAD,");
	if (f->flags & RQS_FRAMING_IS_CONNECT)
		feed_note(feed, "CONNECT,");
	rqs_framing_body(f, feed->kind == TO_HEAD, feed->kind == TO_CONNECT);
	switch (f->state) {
	case RQS_FRAMING_DONE:
		feed_note(feed, "none ");
		break;
	case RQS_FRAMING_BODY:
		feed_note(feed, "length=%llu ", (unsigned long long)f->left);
		break;
	case RQS_FRAMING_CHUNK_SIZE:
		feed_note(feed, "chunked ");
		break;
	case RQS_FRAMING_UNTIL_CLOSE:
		feed_note(feed, "close ");
		break;
	default:
		fail_msg("state %u after a head", f->state);
	}
	feed->heads++;
}

static inline void feed_decide(struct feed *feed)
{
	struct rqs_framing *f = &feed->f;

	if (f->state == RQS_FRAMING_HEAD_END)
		feed_head(feed);
	if (f->state == RQS_FRAMING_DONE) {
		feed_note(feed, "done@%llu ", (unsigned long long)feed->offset);
		rqs_framing_reset(f);
	}
	if (f->state == RQS_FRAMING_BAD || f->state == RQS_FRAMING_HTTP2)
		feed->stopped = true;
}

/* What a scan says of method and target, where it says something, is what stands there. */
static inline void feed_check_line(struct feed *feed, const struct rqs_scan *scan)
{
	const struct feed_line *line = &feed->lines[feed->heads];

	if (scan->method_bytes) {
		assert_true(scan->method_pos + scan->method_bytes <= scan->end);
		if (feed->heads < feed->line_count) {
			assert_int_equal(scan->method_bytes, strlen(line->method));
			assert_memory_equal(feed->window->data + scan->method_pos, line->method, scan->method_bytes);
		}
	}
	if (scan->target_bytes) {
		assert_true(scan->target_pos + scan->target_bytes <= scan->end);
		feed->targets_seen += scan->method_bytes > 0;
		if (feed->heads < feed->line_count) {
			assert_int_equal(scan->target_bytes, line->target_bytes);
			assert_memory_equal(feed->window->data + scan->target_pos, line->target, scan->target_bytes);
		}
	}
}

static inline uint32_t feed_scan(struct feed *feed, uint32_t pos, uint32_t end)
{
	struct rqs_scan scan = { .f = feed->f, .pos = pos, .end = end };

	rqs_framing_scan(&scan, feed->window);
	assert_in_range(scan.pos, pos, end);
	/* It ran to the end or to a decision: the bound on its steps was enough. */
	assert_true(scan.pos == end || rqs_framing_stopped(scan.f.state));
	feed->f = scan.f;
	feed->offset += scan.pos - pos;
	feed_check_line(feed, &scan);
	return scan.pos;
}

static inline void feed_fill(struct feed *feed, const char *bytes, size_t count)
{
	size_t more = 0;

	memset(feed->window, feed->filler, sizeof(*feed->window));
	if (feed->filler == FEED_NEXT_BYTES && feed->stream_end)
		more = feed->stream_end - (bytes + count);
	if (more > sizeof(*feed->window) - count)
		more = sizeof(*feed->window) - count;
	memcpy(feed->window->data, bytes, count + more);
}

/* Bytes that one call showed. */
static inline void feed_piece(struct feed *feed, const char *bytes, size_t count)
{
	size_t at = 0, window_at = 0, window_end = 0;
	struct rqs_framing *f = &feed->f;

	while (at < count && !feed->stopped) {
		size_t skip = count - at;

		if (!feed->scans_bodies && (rqs_framing_skips(f->state) || f->state == RQS_FRAMING_UNTIL_CLOSE)) {
			if (rqs_framing_skips(f->state)) {
				skip = skip < f->left ? skip : f->left;
				rqs_framing_skip(f, skip);
			}
			at += skip;
			feed->offset += skip;
		} else {
			if (at >= window_end) {
				window_at = at;
				window_end = count - at < RQS_WINDOW_BYTES ? count : at + RQS_WINDOW_BYTES;
				feed_fill(feed, bytes + at, window_end - window_at);
			}
			at = window_at + feed_scan(feed, at - window_at, window_end - window_at);
		}
		feed_decide(feed);
	}
}

static inline void feed_finish(struct feed *feed)
{
	__u8 state = feed->f.state;

	if (state == RQS_FRAMING_BAD)
		feed_note(feed, "bad");
	else if (state == RQS_FRAMING_HTTP2)
		feed_note(feed, "http2");
	else if (state == RQS_FRAMING_UNTIL_CLOSE)
		feed_note(feed, "close");
	else if (state == RQS_FRAMING_START)
		feed_note(feed, "idle");
	else
		feed_note(feed, state < RQS_FRAMING_HEAD_END ? "head" : "body");
}

static inline void feed_expect(struct feed *feed, const char *want, const char *name, const char *how, size_t number)
{
	feed_finish(feed);
	if (strcmp(feed->trace, want))
		fail_msg("%s, %s %zu, filler %d:\n  got  %s\n  want %s", name, how, number, feed->filler, feed->trace, want);
}

static inline void feed_whole(struct feed *feed, enum feed_kind kind, const char *bytes, size_t count, const char *want,
			      const char *name)
{
	for (size_t i = 0; i < FEED_FILLERS; i++) {
		feed_start(feed, kind, i, bytes + count);
		feed_piece(feed, bytes, count);
		feed_expect(feed, want, name, "whole", i);
	}
}

static inline void feed_byte_by_byte(struct feed *feed, enum feed_kind kind, const char *bytes, size_t count, const char *want,
				     const char *name, size_t variant)
{
	feed_start(feed, kind, variant, bytes + count);
	for (size_t i = 0; i < count; i++)
		feed_piece(feed, bytes + i, 1);
	feed_expect(feed, want, name, "byte by byte", variant);
}

static inline void feed_random_pieces(struct feed *feed, enum feed_kind kind, const char *bytes, size_t count,
				      const char *want, const char *name, uint64_t *seed)
{
	uint64_t most = 1 + build_random(seed) % (count / 2 + 2);
	uint64_t was = *seed;

	feed_start(feed, kind, build_random(seed), bytes + count);
	for (size_t at = 0; at < count;) {
		size_t piece = 1 + build_random(seed) % most;

		if (piece > count - at)
			piece = count - at;
		feed_piece(feed, bytes + at, piece);
		at += piece;
	}
	feed_expect(feed, want, name, "random pieces of seed", was);
}

#endif
