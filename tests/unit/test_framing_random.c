// SPDX-License-Identifier: GPL-2.0-only
/*
 * bpf/framing.h against a reference that sees all of a stream at once and is made of regular expressions, over generated
 * streams; and against bytes that nobody generated with HTTP in mind. Fixed seeds: every run is the same.
 */
#include "feed_framing.h"

#include <regex.h>

#define STREAMS 20000
#define STREAM_MAX 8192
#define GARBAGE_ROUNDS 20000

/* --- reference --- */

enum { R_REQUEST, R_REQUEST_CUT, R_PRI, R_PROXY, R_STATUS, R_STATUS_CUT, R_LENGTH, R_LENGTH_CUT, R_ENCODING, R_CHUNKED, R_NO_CODING,
       R_SIZE, R_SIZE_CUT, R_COUNT };

static const char *const patterns[R_COUNT] = {
	[R_REQUEST] = "^[A-Z][A-Z_-]{0,30} [^\x01-\x20]+ HTTP/1\\.[01]\r*$",
	[R_REQUEST_CUT] = "^[A-Z][A-Z_-]{0,30}( ([^\x01-\x20]+( (H(T(T(P(/(1(\\.([01]\r*)?)?)?)?)?)?)?)?)?)?)?$",
	[R_PRI] = "^PRI [^\x01-\x20]+ HTTP/2",
	[R_PROXY] = "^PROXY ",
	[R_STATUS] = "^HTTP/1\\.[01] [1-5][0-9][0-9]([ \r]|$)",
	[R_STATUS_CUT] = "^H(T(T(P(/(1(\\.([01]( ([0-9]([0-9]([0-9])?)?)?)?)?)?)?)?)?)?)?$|^HTTP/1\\.[01] [1-5][0-9][0-9][ \r]",
	[R_LENGTH] = "^content-length:[ \t\r\n]*([0-9]+)[ \t\r\n]*(,|$)",
	[R_LENGTH_CUT] = "^content-length:[ \t\r\n]*([0-9]*)[ \t\r\n]*$",
	[R_ENCODING] = "^transfer-encoding:",
	[R_CHUNKED] = "(^transfer-encoding:|,)[ \t\r\n]*chunked[ \t\r\n]*$",
	[R_NO_CODING] = "(^transfer-encoding:|,)[ \t\r\n]*(identity)?[ \t\r\n]*$",
	[R_SIZE] = "^(0+|0*[0-9a-f]{1,14})([ \t\r;]|$)",
	[R_SIZE_CUT] = "^0*[0-9a-f]{0,14}$|^(0+|0*[0-9a-f]{1,14})[ \t\r;]",
};

struct reference {
	regex_t regexes[R_COUNT];
	const char *bytes;
	size_t count, pos;
	enum feed_kind kind;
	struct feed_line lines[64];
	uint32_t heads;
	bool bad;
	char trace[FEED_TRACE_BYTES];
	size_t trace_bytes;
};

static void reference_open(struct reference *r)
{
	for (size_t i = 0; i < R_COUNT; i++) {
		bool any_case = i == R_LENGTH || i == R_LENGTH_CUT || i == R_ENCODING || i == R_CHUNKED || i == R_NO_CODING ||
				i == R_SIZE || i == R_SIZE_CUT;

		assert_int_equal(regcomp(&r->regexes[i], patterns[i], REG_EXTENDED | (any_case ? REG_ICASE : 0)), 0);
	}
}

static void reference_close(struct reference *r)
{
	for (size_t i = 0; i < R_COUNT; i++)
		regfree(&r->regexes[i]);
}

struct line {
	const char *text;
	size_t bytes; /* without the LF */
	bool whole;   /* there is one */
};

static struct line next_line(const struct reference *r)
{
	const char *from = r->bytes + r->pos, *lf = memchr(from, '\n', r->count - r->pos);

	return (struct line){ from, lf ? (size_t)(lf - from) : r->count - r->pos, lf };
}

static void take_line(struct reference *r, const struct line *line)
{
	r->pos += line->bytes + line->whole;
}

static bool matches(struct reference *r, int which, const struct line *line, regmatch_t groups[2])
{
	regmatch_t own[2] = { { 0, line->bytes }, { 0, 0 } };
	regmatch_t *at = groups ? groups : own;

	at[0] = own[0];
	return !regexec(&r->regexes[which], line->text, 2, at, REG_STARTEND);
}

static bool is_empty(const struct line *line)
{
	return line->bytes == 0 || (line->bytes == 1 && line->text[0] == '\r');
}

__attribute__((format(printf, 2, 3))) static void note(struct reference *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	r->trace_bytes += vsnprintf(r->trace + r->trace_bytes, sizeof(r->trace) - r->trace_bytes, format, args);
	va_end(args);
	assert_true(r->trace_bytes < sizeof(r->trace));
}

/* Ends the trace; false, so that its callers end too. */
static bool ends(struct reference *r, const char *how)
{
	note(r, "%s", how);
	return false;
}

struct head {
	bool is_head, is_connect, has_length, chunked, coded;
	uint32_t status;
	unsigned __int128 length;
};

static bool reference_first_line(struct reference *r, struct head *head)
{
	struct line line = next_line(r);

	if (r->kind != REQUEST) {
		if (!matches(r, line.whole ? R_STATUS : R_STATUS_CUT, &line, NULL))
			return ends(r, "bad");
		if (!line.whole)
			return ends(r, "head");
		head->status = strtoul(line.text + 9, NULL, 10);
	} else {
		struct feed_line *shown = &r->lines[r->heads];
		const char *blank;

		if (matches(r, R_PRI, &line, NULL))
			return ends(r, "http2");
		if (!matches(r, line.whole ? R_REQUEST : R_REQUEST_CUT, &line, NULL) || memchr(line.text, '\0', line.bytes))
			return ends(r, "bad");
		blank = memchr(line.text, ' ', line.bytes);
		memset(shown, 0, sizeof(*shown));
		if (blank) {
			memcpy(shown->method, line.text, blank - line.text);
			shown->target = blank + 1;
			shown->target_bytes = line.bytes - (blank + 1 - line.text);
			blank = memchr(shown->target, ' ', shown->target_bytes);
			if (blank)
				shown->target_bytes = blank - shown->target;
		}
		if (!line.whole)
			return ends(r, "head");
		head->is_head = !strcmp(shown->method, "HEAD");
		head->is_connect = !strcmp(shown->method, "CONNECT");
	}
	take_line(r, &line);
	return true;
}

static bool reference_header(struct reference *r, struct head *head, const struct line *line)
{
	regmatch_t at[2];

	if (matches(r, R_ENCODING, line, NULL) && line->whole) { /* the last such line counts */
		head->chunked = matches(r, R_CHUNKED, line, NULL);
		head->coded = !head->chunked && !matches(r, R_NO_CODING, line, NULL);
	}
	if (line->bytes < 15 || strncasecmp(line->text, "content-length:", 15) || head->has_length)
		return true;
	if (!matches(r, R_LENGTH, line, at) && (line->whole || !matches(r, R_LENGTH_CUT, line, at)))
		return false;
	for (regoff_t i = at[1].rm_so; i < at[1].rm_eo; i++) {
		if (head->length >= (unsigned __int128)1 << 58)
			return false;
		head->length = head->length * 10 + (line->text[i] - '0');
	}
	head->has_length = line->whole;
	return true;
}

/* A header with the lines that go on with it. It isn't whole before it is known that there is no further one. */
static void unfold(const struct reference *r, struct line *line)
{
	const char *end = r->bytes + r->count, *next, *lf;

	while (line->whole) {
		next = line->text + line->bytes + 1;
		if (next < end && *next != ' ' && *next != '\t')
			return;
		lf = next < end ? memchr(next, '\n', end - next) : NULL;
		line->whole = lf;
		line->bytes = (lf ?: end) - line->text;
	}
}

static bool reference_headers(struct reference *r, struct head *head)
{
	for (;;) {
		struct line line = next_line(r);

		if (line.bytes > 1 && line.text[0] == '\r')
			return ends(r, "bad");
		if (!is_empty(&line)) {
			unfold(r, &line);
			if (!reference_header(r, head, &line))
				return ends(r, "bad");
		}
		if (!line.whole)
			return ends(r, "head");
		take_line(r, &line);
		if (is_empty(&line))
			return true;
	}
}

static bool reference_chunks(struct reference *r)
{
	for (;;) {
		struct line line = next_line(r);
		uint64_t size;

		if (!matches(r, line.whole ? R_SIZE : R_SIZE_CUT, &line, NULL))
			return ends(r, "bad");
		if (!line.whole)
			return ends(r, "body");
		take_line(r, &line);
		size = strtoull(line.text, NULL, 16);
		if (!size)
			break;
		if (size > r->count - r->pos)
			return ends(r, "body");
		r->pos += size;
		for (; r->pos < r->count && r->bytes[r->pos] == '\r'; r->pos++)
			;
		if (r->pos == r->count)
			return ends(r, "body");
		if (r->bytes[r->pos++] != '\n')
			return ends(r, "bad");
	}
	for (;;) {
		struct line line = next_line(r);

		if (line.bytes > 1 && line.text[0] == '\r')
			return ends(r, "bad");
		if (!line.whole)
			return ends(r, "body");
		take_line(r, &line);
		if (is_empty(&line))
			return true;
	}
}

static bool reference_body(struct reference *r, const struct head *head)
{
	bool answer = r->kind != REQUEST;

	note(r, "head@%zu=", r->pos);
	if (answer)
		note(r, "%u,", head->status);
	note(r, "%s%s", head->is_head ? "HEAD," : "", head->is_connect ? "CONNECT," : "");
	r->heads++;
	if (answer && (r->kind == TO_HEAD || head->status / 100 == 1 || head->status == 204 || head->status == 304 ||
		       (r->kind == TO_CONNECT && head->status / 100 == 2))) {
		note(r, "none ");
	} else if (head->chunked) {
		note(r, "chunked ");
		if (!reference_chunks(r))
			return false;
	} else if (head->coded) {
		note(r, "close ");
		return ends(r, "close");
	} else if (head->has_length && head->length) {
		note(r, "length=%llu ", (unsigned long long)head->length);
		if (head->length > r->count - r->pos)
			return ends(r, "body");
		r->pos += head->length;
	} else if (answer && !head->has_length) {
		note(r, "close ");
		return ends(r, "close");
	} else {
		note(r, "none ");
	}
	note(r, "done@%zu ", r->pos);
	return true;
}

static bool reference_blanks(struct reference *r)
{
	size_t first = r->pos;

	for (; r->pos < r->count && (r->bytes[r->pos] == '\r' || r->bytes[r->pos] == '\n'); r->pos++)
		;
	if (r->pos - first > (r->kind == REQUEST ? RQS_BLANKS_MAX : 0))
		return ends(r, "bad");
	return r->pos < r->count || ends(r, "idle");
}

static bool reference_message(struct reference *r)
{
	struct head head = {};

	for (;;) {
		struct line line;

		if (!reference_blanks(r))
			return false;
		line = next_line(r);
		if (r->kind != REQUEST || !matches(r, R_PROXY, &line, NULL))
			break;
		if (!line.whole)
			return ends(r, "head");
		take_line(r, &line);
	}
	return reference_first_line(r, &head) && reference_headers(r, &head) && reference_body(r, &head);
}

static void reference_run(struct reference *r, enum feed_kind kind, const char *bytes, size_t count)
{
	r->kind = kind;
	r->bytes = bytes;
	r->count = count;
	r->pos = 0;
	r->heads = 0;
	r->trace_bytes = 0;
	memset(r->lines, 0, sizeof(r->lines));
	while (reference_message(r))
		assert_true(r->heads < 63);
}

/* --- streams --- */

struct stream {
	char bytes[STREAM_MAX];
	size_t count;
	uint64_t seed;
};

static uint32_t below(struct stream *s, uint32_t limit)
{
	return build_random(&s->seed) % limit;
}

static void put(struct stream *s, const char *text)
{
	size_t bytes = strlen(text);

	if (s->count + bytes <= sizeof(s->bytes)) {
		memcpy(s->bytes + s->count, text, bytes);
		s->count += bytes;
	}
}

static void put_one(struct stream *s, const char *const *texts, uint32_t count)
{
	put(s, texts[below(s, count)]);
}
#define PUT_ONE(s, ...)                                                                                                    \
	put_one(s, (const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static void put_run(struct stream *s, uint32_t most)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzHTP/1.0\r\n: ;,=-";
	uint32_t bytes = below(s, most + 1);

	for (uint32_t i = 0; i < bytes && s->count < sizeof(s->bytes); i++)
		s->bytes[s->count++] = letters[below(s, 26)];
}

static void put_bytes(struct stream *s, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes && s->count < sizeof(s->bytes); i++)
		s->bytes[s->count++] = below(s, 3) ? "GET / HTTP/1.1\r\n\r\n0\r\n"[below(s, 21)] : (char)below(s, 256);
}

static void put_eol(struct stream *s)
{
	put(s, below(s, 8) ? "\r\n" : "\n");
}

static void put_first_line(struct stream *s, enum feed_kind kind)
{
	if (kind == REQUEST) {
		if (!below(s, 40))
			put(s, "PRI * HTTP/2.0\r\n");
		if (!below(s, 8))
			PUT_ONE(s, "\r\n", "\n", "\r\n\r\n", "PROXY UNKNOWN\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n");
		PUT_ONE(s, "GET", "GET", "POST", "POST", "HEAD", "CONNECT", "OPTIONS", "PUT", "PRI", "M-SEARCH", "GETS", "POS", "UPDATEREDIRECTREF");
		put(s, " /");
		put_run(s, below(s, 6) ? 30 : 900);
		PUT_ONE(s, " HTTP/1.1", " HTTP/1.1", " HTTP/1.1", " HTTP/1.0");
	} else {
		PUT_ONE(s, "HTTP/1.1 ", "HTTP/1.1 ", "HTTP/1.0 ");
		PUT_ONE(s, "200", "200", "200", "200", "404", "500", "304", "204", "100", "103", "302", "599", "407");
		PUT_ONE(s, "", " ", " OK", " Not Found", " HTTP/1.1 200 OK");
	}
	put_eol(s);
}

static void put_other_header(struct stream *s)
{
	PUT_ONE(s, "Host", "Connection", "Content-Type", "Content-Lengthy", "Content-Encoding", "Content-Length ", "TE", "T", "C",
		"Transfer", "Transfer-Encodings", "Transfer-Encoding ", "Trailer", "Cookie", "X-Content-Length", " Content-Length",
		"cache-control", "Content-", "tracestate");
	PUT_ONE(s, ": ", ":", ":\t");
	put_run(s, below(s, 12) ? 40 : 700);
	put_eol(s);
}

static void put_body_header(struct stream *s, uint32_t length, bool chunked)
{
	char number[32];

	if (chunked) {
		PUT_ONE(s, "Transfer-Encoding:", "transfer-encoding:", "TRANSFER-ENCODING:", "Transfer-encoding: gzip,",
			"Transfer-Encoding: gzip\r\ntransfer-encoding:");
		PUT_ONE(s, " chunked", "chunked", " CHUNKED ", "\tChunked\t", " chunked", below(s, 4) ? "Chunked" : " identity",
			below(s, 4) ? "chunked" : " gzip", below(s, 4) ? "chunked" : " chunked, deflate\r\nContent-Length: 9", "\r\n chunked",
			below(s, 4) ? "gzip,\r\n\tchunked\n " : "gzip\n ,");
	} else {
		PUT_ONE(s, "Content-Length:", "content-length:", "CONTENT-LENGTH:", "Content-length:");
		PUT_ONE(s, " ", " ", "", "\t", "  0", "\r\n ");
		snprintf(number, sizeof(number), "%u", length);
		put(s, number);
		PUT_ONE(s, "", "", "", " ", "\r\nContent-Length: 7", ", 7", "\n\t", "\n\t ,\n 7");
	}
	put_eol(s);
}

static void put_chunks(struct stream *s)
{
	char size[32];

	for (uint32_t i = below(s, 4); i > 0; i--) {
		uint32_t bytes = 1 + below(s, below(s, 5) ? 40 : 800);

		snprintf(size, sizeof(size), below(s, 2) ? "%x" : below(s, 2) ? "%04X" : "%016x", bytes);
		put(s, size);
		PUT_ONE(s, "", "", "", ";a=b", " ", ";a=\"\r\"");
		put_eol(s);
		put_bytes(s, bytes);
		put_eol(s);
	}
	PUT_ONE(s, "0", "0", "000", "0;last", "0000000000000000");
	put_eol(s);
	for (uint32_t i = below(s, 8) ? 0 : below(s, 3); i > 0; i--)
		put_other_header(s);
	put_eol(s);
}

static void put_message(struct stream *s, enum feed_kind kind)
{
	uint32_t shape = below(s, 4), length = below(s, 4) ? below(s, 30) : below(s, 1500);

	put_first_line(s, kind);
	for (uint32_t i = below(s, 6); i > 0; i--)
		put_other_header(s);
	if (shape > 1)
		put_body_header(s, length, shape == 3);
	for (uint32_t i = below(s, 3); i > 0; i--)
		put_other_header(s);
	put_eol(s);
	if (kind == TO_HEAD)
		return;
	if (shape == 2)
		put_bytes(s, length);
	else if (shape == 3)
		put_chunks(s);
}

/* A few bytes changed, left out or doubled: mostly still near to HTTP. */
static void spoil(struct stream *s)
{
	static const char bytes[] = "\r\n\r\n\0\x7f\xff :,;-_0123459afgxHTPGETchunked\x1a";

	for (uint32_t i = 1 + below(s, 3); i > 0 && s->count; i--) {
		size_t at = below(s, s->count), rest = s->count - at - 1;

		switch (below(s, 3)) {
		case 0:
			s->bytes[at] = bytes[below(s, sizeof(bytes) - 1)];
			break;
		case 1:
			memmove(s->bytes + at, s->bytes + at + 1, rest);
			s->count--;
			break;
		case 2:
			if (s->count == sizeof(s->bytes))
				break;
			memmove(s->bytes + at + 1, s->bytes + at, rest + 1);
			s->count++;
			break;
		}
	}
}

static enum feed_kind make_stream(struct stream *s)
{
	uint32_t what = below(s, 16);
	enum feed_kind kind = what < 7 ? REQUEST : what < 14 ? RESPONSE : what == 14 ? TO_HEAD : TO_CONNECT;

	s->count = 0;
	for (uint32_t i = 1 + below(s, 3); i > 0; i--)
		put_message(s, kind);
	if (!below(s, 3))
		spoil(s);
	if (!below(s, 4))
		s->count = below(s, s->count + 1);
	return kind;
}

/* --- tests --- */

/* Both write the same trace; how often a stream came to each end shows that the streams are worth it. */
static void test_framing_agrees_with_a_reference(void **state)
{
	static const char *const words[] = { "idle", "head", "body", "close", "bad", "http2" };
	struct reference *r = malloc(sizeof(*r));
	struct stream *s = malloc(sizeof(*s));
	struct feed *feed = malloc(sizeof(*feed));
	uint32_t ends_seen[6] = {}, heads = 0;

	feed_open(feed);
	reference_open(r);
	s->seed = 20261124;
	for (uint32_t i = 0; i < STREAMS; i++) {
		enum feed_kind kind = make_stream(s);
		char name[32];

		reference_run(r, kind, s->bytes, s->count);
		snprintf(name, sizeof(name), "stream %u", i);
		feed->lines = r->lines;
		feed->line_count = kind == REQUEST ? r->heads : 0;
		feed_whole(feed, kind, s->bytes, s->count, r->trace, name);
		feed_byte_by_byte(feed, kind, s->bytes, s->count, r->trace, name, i);
		for (uint32_t k = 0; k < 3; k++)
			feed_random_pieces(feed, kind, s->bytes, s->count, r->trace, name, &s->seed);
		for (uint32_t k = 0; k < 6; k++)
			ends_seen[k] += !strcmp(r->trace + strlen(r->trace) - strlen(words[k]), words[k]);
		heads += r->heads;
	}
	print_message("%u streams, %u heads:", STREAMS, heads);
	for (uint32_t k = 0; k < 6; k++) {
		print_message(" %u %s", ends_seen[k], words[k]);
		assert_true(ends_seen[k] >= 20);
	}
	print_message("\n");
	reference_close(r);
	feed_close(feed);
	free(feed);
	free(s);
	free(r);
}

static void test_garbage_is_the_same_in_all_pieces(void **state)
{
	static const char *const starts[] = { "", "GET ", "GET /", "HTTP", "HTTP/1.1 200 ", "POST / HTTP/1.1\r\n", "PRI * HTTP/",
					      "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "PROXY ", "\x16\x03\x01",
					      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" };
	static const char alphabet[] = "\r\n\r\n :ct0aGH/1.\0\xff";
	struct feed *feed = malloc(sizeof(*feed));
	char want[FEED_TRACE_BYTES], bytes[3000];
	uint64_t seed = 77;

	feed_open(feed);
	for (uint32_t i = 0; i < GARBAGE_ROUNDS; i++) {
		const char *start = starts[build_random(&seed) % (sizeof(starts) / sizeof(starts[0]))];
		enum feed_kind kind = start[0] == 'H' ? RESPONSE : REQUEST;
		size_t count = strlen(start) + build_random(&seed) % (i % 16 ? 300 : sizeof(bytes) - 100);

		for (size_t k = 0; k < count; k++)
			bytes[k] = i & 1 ? (char)build_random(&seed) : alphabet[build_random(&seed) % (sizeof(alphabet) - 1)];
		memcpy(bytes, start, strlen(start));
		feed_start(feed, kind, i, bytes + count);
		feed_piece(feed, bytes, count);
		feed_finish(feed);
		memcpy(want, feed->trace, sizeof(want));
		feed_whole(feed, kind, bytes, count, want, "garbage");
		feed_byte_by_byte(feed, kind, bytes, count, want, "garbage", i);
		feed_random_pieces(feed, kind, bytes, count, want, "garbage", &seed);
	}
	feed_close(feed);
	free(feed);
}

/* Whatever was kept of a connection, even what no stream leads to: a scan ends in time and within its window. */
static void test_a_scan_of_any_state_ends(void **state)
{
	static const char alphabet[] = "\r\n\r\nct x0;GH";
	struct rqs_window_bytes *window = malloc(sizeof(*window));
	uint64_t seed = 5;

	for (uint32_t i = 0; i < 20 * GARBAGE_ROUNDS; i++) {
		struct rqs_scan scan = { .end = build_random(&seed) % (RQS_WINDOW_BYTES + 1) };
		uint32_t steps = 0, last;

		scan.pos = build_random(&seed) % (scan.end + 1);
		scan.f.state = build_random(&seed) % (RQS_FRAMING_HTTP2 + 1);
		scan.f.match = build_random(&seed);
		scan.f.flags = build_random(&seed);
		scan.f.left = build_random(&seed) >> build_random(&seed) % 64;
		if (i % 32 == 0)
			for (size_t k = 0; k < sizeof(*window); k++)
				window->data[k] = i & 32 ? (char)build_random(&seed)
							 : alphabet[build_random(&seed) % (sizeof(alphabet) - 1)];
		for (last = scan.pos; !rqs_framing_step(&scan, window); last = scan.pos, steps++) {
			assert_true(steps < RQS_SCAN_STEPS);
			assert_in_range(scan.pos, last, scan.end);
		}
		assert_true(scan.pos == scan.end || rqs_framing_stopped(scan.f.state));
	}
	free(window);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_framing_agrees_with_a_reference),
		cmocka_unit_test(test_garbage_is_the_same_in_all_pieces),
		cmocka_unit_test(test_a_scan_of_any_state_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
