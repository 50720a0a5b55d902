/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * framing - where HTTP/1 messages begin and end in a stream of bytes (RFC 9112).
 *
 * Pure: values in, values out. The BPF programs and the unit tests compile this same file. A stream may be fed in any
 * pieces, down to single bytes: all state between them is in struct rqs_framing. One scan looks at one window of
 * bytes and stops where somebody has to decide (the head is whole) or count (the message is over).
 *
 * Every state takes one byte a step, but where a run of bytes means nothing (values of headers, targets, bodies) eight
 * at a time or all. Only Content-Length and Transfer-Encoding are read; no other header is looked at.
 */
#ifndef RQS_FRAMING_H
#define RQS_FRAMING_H

#ifndef __bpf__
#include <stdbool.h>
#endif

#include "buckets.h"

#define RQS_WINDOW_BYTES 512		      /* a power of 2 */
#define RQS_WINDOW_ROOM (RQS_WINDOW_BYTES + 32) /* loads of 32 bytes may begin at any byte of the window */
#define RQS_HEAD_MAX 65536		      /* bytes; a longer head is not followed */
#define RQS_BLANKS_MAX 16		      /* CRs and LFs before a request */
#define RQS_METHOD_LETTERS 31		      /* the longest that is registered, UPDATEREDIRECTREF, has 17 */

enum rqs_framing_state {
	RQS_FRAMING_START = 0, /* before the first byte of a message; leading CRLFs are passed over */
	RQS_FRAMING_METHOD,
	RQS_FRAMING_TARGET,
	RQS_FRAMING_VERSION,
	RQS_FRAMING_VERSION_END,
	RQS_FRAMING_STATUS,
	RQS_FRAMING_PROXY, /* a PROXY protocol line before the head */
	RQS_FRAMING_LINE_START,
	RQS_FRAMING_LINE_SKIP,
	RQS_FRAMING_NAME_LENGTH,
	RQS_FRAMING_NAME_ENCODING,
	RQS_FRAMING_LENGTH,
	RQS_FRAMING_LENGTH_LF, /* the next line may go on with the value (obs-fold) */
	RQS_FRAMING_ENCODING,
	RQS_FRAMING_ENCODING_LF,
	RQS_FRAMING_HEAD_LF,
	RQS_FRAMING_HEAD_END, /* stop: the head is whole; rqs_framing_body() says how it goes on */
	RQS_FRAMING_BODY,
	RQS_FRAMING_UNTIL_CLOSE,
	RQS_FRAMING_CHUNK_SIZE,
	RQS_FRAMING_CHUNK_EXTENSION,
	RQS_FRAMING_CHUNK_DATA,
	RQS_FRAMING_CHUNK_END,
	RQS_FRAMING_TRAILER_START,
	RQS_FRAMING_TRAILER_SKIP,
	RQS_FRAMING_TRAILER_LF,
	RQS_FRAMING_DONE,  /* stop: the message is over */
	RQS_FRAMING_BAD,   /* stop: this is not HTTP/1 */
	RQS_FRAMING_HTTP2, /* stop: the preface of HTTP/2 */
};

#define RQS_FRAMING_IS_RESPONSE 1
#define RQS_FRAMING_HAS_LENGTH 2
#define RQS_FRAMING_CHUNKED 4
#define RQS_FRAMING_IS_HEAD 8	  /* the request's method is HEAD */
#define RQS_FRAMING_IS_CONNECT 16 /* ... is CONNECT */
#define RQS_FRAMING_CODED 32	  /* the last of the transfer codings is another one */
#define RQS_FRAMING_KEEP RQS_FRAMING_IS_RESPONSE

struct rqs_framing {
	__u64 left; /* bytes of the body or chunk; in a head the length read so far, in a method its last 8 letters */
	__u32 head_bytes;
	__u16 status;
	__u8 state;
	__u8 match; /* how much of a name or number was seen */
	__u8 flags;
	__u8 pad[7];
};
_Static_assert(sizeof(struct rqs_framing) == 24, "kept for each direction of each connection");

#define RQS_SCAN_NOWHERE (~0U)

/* What lies behind the end of a scan means nothing, but may be read. */
struct rqs_window_bytes {
	unsigned char data[RQS_WINDOW_ROOM];
};

/* One scan over one window. */
struct rqs_scan {
	struct rqs_framing f; /* in and out */
	__u32 pos; /* in: the first byte to look at; out: the first one not taken */
	__u32 end; /* at most RQS_WINDOW_BYTES */
	/* out: where in this window the request's method and target lie; 0 bytes unless all of it does */
	__u32 method_pos;
	__u32 method_bytes;
	__u32 target_pos;
	__u32 target_bytes;
};

#define RQS_EACH(byte) (0x0101010101010101ULL * (byte))
#define RQS_HIGH_BITS RQS_EACH(0x80)

/* At any address: what runs BPF takes unaligned words; what runs the tests may not. */
static inline __u64 rqs_framing_load(const unsigned char *bytes)
{
#ifdef __bpf__
	return *(const __u64 *)bytes;
#else
	__u64 word;

	__builtin_memcpy(&word, bytes, sizeof(word));
	return word;
#endif
}

/* The high bit of the lowest byte that equals @byte is the lowest bit set; 0 if there is none. */
static inline __u64 rqs_framing_find(__u64 word, __u8 byte)
{
	word ^= RQS_EACH(byte);
	return (word - RQS_EACH(1)) & ~word & RQS_HIGH_BITS;
}

/* Likewise for the lowest byte below @limit (at most 0x80). */
static inline __u64 rqs_framing_find_below(__u64 word, __u8 limit)
{
	return (word - RQS_EACH(limit)) & ~word & RQS_HIGH_BITS;
}

/* Which byte of the eight a result of the above stands for: 0 .. 7. */
static inline __u32 rqs_framing_byte_of(__u64 found)
{
	return rqs_bucket_msb(found & -found) >> 3;
}

/* Words of letters, little-endian. */
#define RQS_W(a, b, c, d, e, f, g, h)                                                                        \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 |             \
	 (__u64)(f) << 40 | (__u64)(g) << 48 | (__u64)(h) << 56)
#define RQS_WORD_CONTENT RQS_W('c', 'o', 'n', 't', 'e', 'n', 't', '-')
#define RQS_WORD_LENGTH RQS_W('l', 'e', 'n', 'g', 't', 'h', ':', 0)
#define RQS_WORD_TRANSFER RQS_W('t', 'r', 'a', 'n', 's', 'f', 'e', 'r')
#define RQS_WORD_ENCODIN RQS_W('-', 'e', 'n', 'c', 'o', 'd', 'i', 'n')
#define RQS_WORD_G RQS_W('g', ':', 0, 0, 0, 0, 0, 0)
#define RQS_WORD_HTTP1 RQS_W('H', 'T', 'T', 'P', '/', '1', '.', 0)
#define RQS_WORD_CHUNKED RQS_W('c', 'h', 'u', 'n', 'k', 'e', 'd', 0)
#define RQS_WORD_IDENTITY RQS_W('i', 'd', 'e', 'n', 't', 'i', 't', 'y')
/* A method as rqs_framing_step() gathers it: the last letter lowest. */
#define RQS_METHOD_HEAD_WORD ((__u64)'H' << 24 | 'E' << 16 | 'A' << 8 | 'D')
#define RQS_METHOD_PRI_WORD ('P' << 16 | 'R' << 8 | 'I')
#define RQS_METHOD_PROXY_WORD ((__u64)'P' << 32 | (__u64)'R' << 24 | 'O' << 16 | 'X' << 8 | 'Y')
#define RQS_METHOD_CONNECT_WORD                                                                              \
	((__u64)'C' << 48 | (__u64)'O' << 40 | (__u64)'N' << 32 | (__u64)'N' << 24 | 'E' << 16 | 'C' << 8 | 'T')

/* The letter at @index of a name made of words; 0 behind its end. */
static inline __u8 rqs_framing_letter(__u64 first, __u64 second, __u64 third, __u32 index)
{
	__u64 word = index < 8 ? first : index < 16 ? second : third;

	return word >> ((index & 7) * 8);
}

static inline __u8 rqs_framing_lower(__u8 c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/** rqs_framing_reset() - be ready for the next message of the same direction. */
static inline void rqs_framing_reset(struct rqs_framing *f)
{
	f->left = 0;
	f->head_bytes = 0;
	f->status = 0;
	f->state = RQS_FRAMING_START;
	f->match = 0;
	f->flags &= RQS_FRAMING_KEEP;
}

/**
 * rqs_framing_body() - after a whole head: what comes now.
 * @to_head, @to_connect: for a response, what its request was.
 * A response without a length lasts until the connection ends; a request without one is over. A transfer coding that isn't chunked
 * hides where the body ends, whatever length is named beside it (RFC 9112, 6.3).
 */
static inline void rqs_framing_body(struct rqs_framing *f, bool to_head, bool to_connect)
{
	__u16 status = f->status;
	bool response = f->flags & RQS_FRAMING_IS_RESPONSE;

	if (response && (to_head || status < 200 || status == 204 || status == 304 ||
			 (to_connect && status < 300)))
		f->state = RQS_FRAMING_DONE;
	else if (f->flags & RQS_FRAMING_CHUNKED) {
		f->state = RQS_FRAMING_CHUNK_SIZE;
		f->left = 0;
		f->match = 0;
	} else if (f->flags & RQS_FRAMING_CODED)
		f->state = RQS_FRAMING_UNTIL_CLOSE;
	else if (f->flags & RQS_FRAMING_HAS_LENGTH)
		f->state = f->left ? RQS_FRAMING_BODY : RQS_FRAMING_DONE;
	else
		f->state = response ? RQS_FRAMING_UNTIL_CLOSE : RQS_FRAMING_DONE;
}

/** rqs_framing_stopped() - whether a scan can't go on by itself from this state. */
static inline bool rqs_framing_stopped(__u8 state)
{
	return state == RQS_FRAMING_HEAD_END || state >= RQS_FRAMING_DONE;
}

/** rqs_framing_skips() - whether the next bytes mean nothing, and @left says how many. */
static inline bool rqs_framing_skips(__u8 state)
{
	return state == RQS_FRAMING_BODY || state == RQS_FRAMING_CHUNK_DATA;
}

/** rqs_framing_skip() - @bytes (at most f->left) of a body or chunk went by unseen. */
static inline void rqs_framing_skip(struct rqs_framing *f, __u64 bytes)
{
	f->left -= bytes;
	if (f->left)
		return;
	f->state = f->state == RQS_FRAMING_BODY ? RQS_FRAMING_DONE : RQS_FRAMING_CHUNK_END;
}

static inline void rqs_framing_chunk(struct rqs_framing *f)
{
	if (!f->match)
		f->state = RQS_FRAMING_BAD;
	else
		f->state = f->left ? RQS_FRAMING_CHUNK_DATA : RQS_FRAMING_TRAILER_START;
	f->match = 0;
}

/* Skip to behind the next LF, looking at up to 32 bytes; true when it was found. */
static inline bool rqs_framing_to_lf(struct rqs_scan *s, const unsigned char *at, __u32 room)
{
	__u32 word;
	__u64 found;

	if (room < 8) {
		s->pos++;
		return *at == '\n';
	}
	for (word = 0; word < 4; word++) {
		if (room < 8 * (word + 1))
			break;
		found = rqs_framing_find(rqs_framing_load(at + 8 * word), '\n');
		if (found) {
			s->pos += rqs_framing_byte_of(found) + 1;
			return true;
		}
		s->pos += 8;
	}
	return false;
}

/* Behind the colon of one of the two headers that matter. */
static inline void rqs_framing_value(struct rqs_framing *f, bool length)
{
	f->match = 0;
	if (!length) {
		f->flags &= ~(RQS_FRAMING_CHUNKED | RQS_FRAMING_CODED); /* of several such lines the last one names the last coding */
		f->state = RQS_FRAMING_ENCODING;
	} else if (f->flags & RQS_FRAMING_HAS_LENGTH) {
		f->state = RQS_FRAMING_LINE_SKIP; /* a second one: the first holds */
	} else {
		f->left = 0;
		f->state = RQS_FRAMING_LENGTH;
	}
}

/* A byte of a header's name that may be one of the two that matter. */
static inline void rqs_framing_name(struct rqs_scan *s, __u8 c)
{
	struct rqs_framing *f = &s->f;
	bool length = f->state == RQS_FRAMING_NAME_LENGTH;
	__u8 want;

	if (length)
		want = rqs_framing_letter(RQS_WORD_CONTENT, RQS_WORD_LENGTH, 0, f->match);
	else
		want = rqs_framing_letter(RQS_WORD_TRANSFER, RQS_WORD_ENCODIN, RQS_WORD_G, f->match);
	if (rqs_framing_lower(c) != want) {
		f->state = RQS_FRAMING_LINE_SKIP; /* this byte may be the LF */
		return;
	}
	s->pos++;
	if (++f->match == (length ? 15 : 18))
		rqs_framing_value(f, length);
}

/* The first byte of a header line. */
static inline void rqs_framing_line_start(struct rqs_scan *s, const unsigned char *at, __u32 room)
{
	struct rqs_framing *f = &s->f;
	__u8 c = *at;
	__u64 first, second;

	if (c == '\r' || c == '\n') {
		bool whole = c == '\r' && room >= 2 && at[1] == '\n';

		s->pos += 1 + whole;
		f->state = c == '\n' || whole ? RQS_FRAMING_HEAD_END : RQS_FRAMING_HEAD_LF;
		return;
	}
	c |= 0x20;
	f->match = 0;
	if (c != 'c' && c != 't') {
		f->state = RQS_FRAMING_LINE_SKIP;
		return;
	}
	if (room < 16) {
		f->state = c == 'c' ? RQS_FRAMING_NAME_LENGTH : RQS_FRAMING_NAME_ENCODING;
		return;
	}
	/* One OR folds the case of letters; for '-' and ':' it would let a control byte pass, so they are looked at. */
	first = rqs_framing_load(at) | RQS_EACH(0x20);
	second = rqs_framing_load(at + 8) | RQS_EACH(0x20);
	if (first == RQS_WORD_CONTENT && (second & 0xffffffffffffffULL) == RQS_WORD_LENGTH && at[7] == '-' &&
	    at[14] == ':') {
		s->pos += 15;
		rqs_framing_value(f, true);
	} else if (first == RQS_WORD_TRANSFER && second == RQS_WORD_ENCODIN && at[8] == '-') {
		s->pos += 16;
		f->match = 16;
		f->state = RQS_FRAMING_NAME_ENCODING;
	} else {
		f->state = RQS_FRAMING_LINE_SKIP;
	}
}

static inline bool rqs_framing_blank(__u8 c)
{
	return c == ' ' || c == '\t';
}

static inline void rqs_framing_length_end(struct rqs_framing *f)
{
	f->flags |= RQS_FRAMING_HAS_LENGTH;
	f->state = f->match ? RQS_FRAMING_LINE_START : RQS_FRAMING_BAD;
}

/* The byte behind a line of it: whether the value goes on. */
static inline void rqs_framing_length_lf(struct rqs_framing *f, __u8 next)
{
	if (rqs_framing_blank(next))
		f->state = RQS_FRAMING_LENGTH;
	else
		rqs_framing_length_end(f);
}

static inline void rqs_framing_length(struct rqs_framing *f, __u8 c)
{
	if (c >= '0' && c <= '9' && f->match < 2 && f->left < (1ULL << 58)) {
		f->left = f->left * 10 + (c - '0');
		f->match = 1;
	} else if (c == ' ' || c == '\t' || c == '\r') {
		if (f->match)
			f->match = 2; /* the number is over */
	} else if (c == '\n') {
		f->state = RQS_FRAMING_LENGTH_LF;
	} else if (c == ',' && f->match) {
		f->flags |= RQS_FRAMING_HAS_LENGTH;
		f->state = RQS_FRAMING_LINE_SKIP; /* it is said again: the first holds */
	} else {
		f->state = RQS_FRAMING_BAD;
	}
}

/* What was seen of a coding's name: so many letters of "chunked", or of "identity", which stands for none; or another one. */
#define RQS_CODING_CHUNKED 7
#define RQS_CODING_OTHER 8
#define RQS_CODING_IDENTITY 16 /* all 8 letters */

/* The last of the codings named is the one that matters. */
static inline void rqs_framing_encoding_end(struct rqs_framing *f)
{
	if (f->match == RQS_CODING_CHUNKED)
		f->flags |= RQS_FRAMING_CHUNKED;
	else if (f->match && f->match != RQS_CODING_IDENTITY)
		f->flags |= RQS_FRAMING_CODED;
	f->state = RQS_FRAMING_LINE_START;
}

static inline void rqs_framing_encoding(struct rqs_framing *f, const unsigned char *at, __u32 room)
{
	__u8 c = *at;

	if (c == '\n') {
		if (room > 1 && !rqs_framing_blank(at[1]))
			rqs_framing_encoding_end(f);
		else
			f->state = RQS_FRAMING_ENCODING_LF;
		return;
	}
	if (c == ',') {
		f->match = 0;
		return;
	}
	if (c == ' ' || c == '\t' || c == '\r') {
		if (f->match && f->match != RQS_CODING_CHUNKED && f->match != RQS_CODING_IDENTITY)
			f->match = RQS_CODING_OTHER;
		return;
	}
	c = rqs_framing_lower(c);
	if (!f->match && c == 'i')
		f->match = RQS_CODING_OTHER + 1;
	else if (f->match < RQS_CODING_CHUNKED && c == rqs_framing_letter(RQS_WORD_CHUNKED, 0, 0, f->match))
		f->match++;
	else if (f->match > RQS_CODING_OTHER && f->match < RQS_CODING_IDENTITY &&
		 c == rqs_framing_letter(RQS_WORD_IDENTITY, 0, 0, f->match - RQS_CODING_OTHER))
		f->match++;
	else
		f->match = RQS_CODING_OTHER;
}

/* "HTTP/1.x NNN" at once, where all of it is there; else byte by byte. */
static inline bool rqs_framing_status_line(struct rqs_scan *s, const unsigned char *at, __u32 room)
{
	struct rqs_framing *f = &s->f;
	__u32 a = at[9] - '0', b = at[10] - '0', c = at[11] - '0';

	if (room < 16 || (rqs_framing_load(at) & 0xffffffffffffffULL) != RQS_WORD_HTTP1 || (at[7] & 0xfe) != '0' ||
	    at[8] != ' ' || a < 1 || a > 5 || b > 9 || c > 9 || (at[12] != ' ' && at[12] != '\r' && at[12] != '\n'))
		return false;
	f->status = a * 100 + b * 10 + c;
	f->state = RQS_FRAMING_LINE_SKIP;
	s->pos += 12;
	return true;
}

/* The first byte of a message, and where it is one of the usual beginnings, all of that. */
static inline void rqs_framing_start(struct rqs_scan *s, const unsigned char *at, __u32 room)
{
	struct rqs_framing *f = &s->f;
	__u64 word = rqs_framing_load(at);
	__u32 method_bytes = 0;
	__u8 c = *at;

	if (c == '\r' || c == '\n') {
		s->pos++;
		if (f->flags & RQS_FRAMING_IS_RESPONSE || ++f->match > RQS_BLANKS_MAX)
			f->state = RQS_FRAMING_BAD;
		return;
	}
	f->match = 0;
	f->left = 0;
	if (f->flags & RQS_FRAMING_IS_RESPONSE) {
		if (!rqs_framing_status_line(s, at, room))
			f->state = c == 'H' ? RQS_FRAMING_VERSION : RQS_FRAMING_BAD;
		return;
	}
	if (c < 'A' || c > 'Z') {
		f->state = RQS_FRAMING_BAD;
		return;
	}
	s->method_pos = s->pos;
	f->state = RQS_FRAMING_METHOD;
	if ((__u32)word == (__u32)RQS_W('G', 'E', 'T', ' ', 0, 0, 0, 0))
		method_bytes = 3;
	else if ((word & 0xffffffffffULL) == RQS_W('P', 'O', 'S', 'T', ' ', 0, 0, 0))
		method_bytes = 4;
	if (!method_bytes || room < 8)
		return;
	s->method_bytes = method_bytes;
	s->pos += method_bytes + 1;
	s->target_pos = s->pos;
	f->state = RQS_FRAMING_TARGET;
}

static inline void rqs_framing_method(struct rqs_scan *s, __u8 c)
{
	struct rqs_framing *f = &s->f;

	s->pos++;
	if (c == ' ' && f->match) {
		f->state = RQS_FRAMING_TARGET;
		if (f->left == RQS_METHOD_HEAD_WORD)
			f->flags |= RQS_FRAMING_IS_HEAD;
		else if (f->left == RQS_METHOD_CONNECT_WORD)
			f->flags |= RQS_FRAMING_IS_CONNECT;
		else if (f->left == RQS_METHOD_PROXY_WORD)
			f->state = RQS_FRAMING_PROXY;
		s->method_bytes = s->method_pos != RQS_SCAN_NOWHERE && f->state == RQS_FRAMING_TARGET ? f->match : 0;
		s->target_pos = s->pos;
		/* PRI is kept: only it may be followed by HTTP/2. */
		f->left = f->left == RQS_METHOD_PRI_WORD;
		f->match = 0;
	} else if (((c >= 'A' && c <= 'Z') || c == '-' || c == '_') && f->match < RQS_METHOD_LETTERS) {
		f->left = f->left << 8 | c;
		f->match++;
	} else {
		f->state = RQS_FRAMING_BAD;
	}
}

static inline void rqs_framing_target(struct rqs_scan *s, const unsigned char *at, __u32 room)
{
	struct rqs_framing *f = &s->f;
	__u32 word, run = 0;
	__u64 found = 0;

	if (room < 8) {
		found = *at < 0x21;
		run = !found;
	}
	for (word = 0; word < 4; word++) {
		if (found || room < 8 * (word + 1))
			break;
		found = rqs_framing_find_below(rqs_framing_load(at + 8 * word), 0x21);
		run += found ? rqs_framing_byte_of(found) : 8;
	}
	s->pos += run;
	f->match |= run > 0; /* a target isn't empty */
	if (!found)
		return;
	if (at[run & 31] != ' ' || !f->match) {
		f->state = RQS_FRAMING_BAD;
		return;
	}
	s->target_bytes = s->target_pos != RQS_SCAN_NOWHERE ? s->pos - s->target_pos : 0;
	s->pos++;
	f->state = RQS_FRAMING_VERSION;
	f->match = 0;
}

static inline void rqs_framing_version(struct rqs_scan *s, const unsigned char *at, __u32 room)
{
	struct rqs_framing *f = &s->f;
	__u8 c = *at;

	if (f->match == 0 && room >= 8 && (rqs_framing_load(at) & 0xffffffffffffffULL) == RQS_WORD_HTTP1) {
		s->pos += 7;
		f->match = 7;
		if (room < 10 || (at[7] & 0xfe) != '0' || at[8] != '\r' || at[9] != '\n' ||
		    f->flags & RQS_FRAMING_IS_RESPONSE)
			return;
		s->pos += 3;
		f->match = 0;
		f->left = 0;
		f->state = RQS_FRAMING_LINE_START;
		return;
	}
	s->pos++;
	if (f->match == 5 && c == '2' && f->left == 1) {
		f->state = RQS_FRAMING_HTTP2;
	} else if (f->match < 7) {
		if (c != rqs_framing_letter(RQS_WORD_HTTP1, 0, 0, f->match))
			f->state = RQS_FRAMING_BAD;
		f->match++;
	} else if (c != '0' && c != '1') {
		f->state = RQS_FRAMING_BAD;
	} else {
		f->match = 0;
		f->left = 0;
		f->state = f->flags & RQS_FRAMING_IS_RESPONSE ? RQS_FRAMING_STATUS : RQS_FRAMING_VERSION_END;
	}
}

/* " NNN", then a blank or the line's end. */
static inline void rqs_framing_status(struct rqs_scan *s, __u8 c)
{
	struct rqs_framing *f = &s->f;

	if (f->match == 4) {
		/* The byte is left for the skipping of the line: it may be the LF. */
		f->state = c == ' ' || c == '\r' || c == '\n' ? RQS_FRAMING_LINE_SKIP : RQS_FRAMING_BAD;
		if (f->status < 100 || f->status > 599)
			f->state = RQS_FRAMING_BAD;
		return;
	}
	s->pos++;
	if (f->match == 0 ? c != ' ' : c < '0' || c > '9') {
		f->state = RQS_FRAMING_BAD;
		return;
	}
	if (f->match)
		f->status = f->status * 10 + (c - '0');
	f->match++;
}

static inline void rqs_framing_chunk_size(struct rqs_scan *s, __u8 c)
{
	struct rqs_framing *f = &s->f;
	__u8 low = c | 0x20;

	s->pos++;
	if (c >= '0' && c <= '9')
		c -= '0';
	else if (low >= 'a' && low <= 'f')
		c = low - 'a' + 10;
	else {
		if (c == '\n')
			rqs_framing_chunk(f);
		else if (f->match && (c == '\r' || c == ';' || c == ' ' || c == '\t'))
			f->state = RQS_FRAMING_CHUNK_EXTENSION;
		else
			f->state = RQS_FRAMING_BAD;
		return;
	}
	if (f->left < (1ULL << 52)) {
		f->left = f->left << 4 | c;
		f->match = 1;
	} else {
		f->state = RQS_FRAMING_BAD;
	}
}

/* Whether a header line that begins with this byte has to be looked at: it may be the end of the head, or name a length or coding. */
static inline bool rqs_framing_matters(__u8 c)
{
	return c == '\r' || c == '\n' || (c | 0x20) == 'c' || (c | 0x20) == 't';
}

#define RQS_LINE_WORDS 24 /* that one step skips over at most */

/* Skip header lines up to the next one that matters: most of a head at once. */
static inline void rqs_framing_lines(struct rqs_scan *s, const struct rqs_window_bytes *window)
{
	const unsigned char *at;
	__u32 room, word;
	__u64 found;

	for (word = 0; word < RQS_LINE_WORDS; word++) {
		if (s->pos >= s->end)
			return;
		at = window->data + (s->pos & (RQS_WINDOW_BYTES - 1));
		room = s->end - s->pos;
		found = rqs_framing_find(rqs_framing_load(at), '\n');
		/* What lies behind the end may have an LF too. */
		if (!found || rqs_framing_byte_of(found) >= room) {
			s->pos += room < 8 ? room : 8;
			continue;
		}
		s->pos += rqs_framing_byte_of(found) + 1;
		s->f.state = RQS_FRAMING_LINE_START;
		if (s->pos >= s->end)
			return;
		at = window->data + (s->pos & (RQS_WINDOW_BYTES - 1));
		if (rqs_framing_matters(*at))
			rqs_framing_line_start(s, at, s->end - s->pos);
		else
			s->f.state = RQS_FRAMING_LINE_SKIP;
		if (s->f.state != RQS_FRAMING_LINE_SKIP)
			return;
	}
}

/* Whether the scan stands in this state with a byte to look at; @at and @room are then set for it. */
static inline bool rqs_framing_stands(const struct rqs_scan *s, __u8 state, const struct rqs_window_bytes *window,
				      const unsigned char **at, __u32 *room)
{
	if (s->f.state != state || s->pos >= s->end)
		return false;
	*at = window->data + (s->pos & (RQS_WINDOW_BYTES - 1));
	*room = s->end - s->pos;
	return true;
}

static inline bool rqs_framing_length_byte(struct rqs_scan *s, const struct rqs_window_bytes *window)
{
	const unsigned char *at;
	__u32 room;

	if (!rqs_framing_stands(s, RQS_FRAMING_LENGTH, window, &at, &room))
		return false;
	s->pos++;
	rqs_framing_length(&s->f, *at);
	return true;
}

/* The way that nearly every head takes, in one go as far as it leads. False: the state isn't on that way. */
static inline bool rqs_framing_usual(struct rqs_scan *s, const struct rqs_window_bytes *window)
{
	const unsigned char *at = window->data;
	bool moved = false;
	__u32 room = 0, i;

	if (rqs_framing_stands(s, RQS_FRAMING_START, window, &at, &room)) {
		rqs_framing_start(s, at, room);
		moved = true;
	}
	if (rqs_framing_stands(s, RQS_FRAMING_TARGET, window, &at, &room)) {
		rqs_framing_target(s, at, room);
		moved = true;
	}
	if (rqs_framing_stands(s, RQS_FRAMING_VERSION, window, &at, &room)) {
		rqs_framing_version(s, at, room);
		moved = true;
	}
	/* " 123\r\n": what may stand beside the digits is not looked for at each of them, verifiers would follow all of that. */
	moved |= rqs_framing_length_byte(s, window);
	for (i = 0; i < 16 && rqs_framing_stands(s, RQS_FRAMING_LENGTH, window, &at, &room) && *at >= '0' && *at <= '9'; i++) {
		s->pos++;
		rqs_framing_length(&s->f, *at);
		moved = true;
	}
	moved |= rqs_framing_length_byte(s, window);
	moved |= rqs_framing_length_byte(s, window);
	if (rqs_framing_stands(s, RQS_FRAMING_LENGTH_LF, window, &at, &room))
		rqs_framing_length_lf(&s->f, *at);
	if (rqs_framing_stands(s, RQS_FRAMING_LINE_START, window, &at, &room)) {
		rqs_framing_line_start(s, at, room);
		moved = true;
	}
	if (s->f.state == RQS_FRAMING_LINE_SKIP) {
		rqs_framing_lines(s, window);
		moved = true;
	}
	return moved;
}

#ifdef __bpf__
#define RQS_GLOBAL __noinline /* the verifier looks at it once, whatever calls it */
#else
#define RQS_GLOBAL static inline
#endif

/**
 * rqs_framing_step() - one step of a scan.
 * Return: 1 when the scan must stop (no byte left, or rqs_framing_stopped()), 0 to go on.
 */
RQS_GLOBAL int rqs_framing_step(struct rqs_scan *s, const struct rqs_window_bytes *window)
{
	const unsigned char *at;
	struct rqs_framing *f;
	__u32 room, n;
	__u8 c;

	if (!s || !window)
		return 1;
	f = &s->f;
	if (s->pos >= s->end || rqs_framing_stopped(f->state))
		return 1;
	if (rqs_framing_usual(s, window))
		return 0;
	at = window->data + (s->pos & (RQS_WINDOW_BYTES - 1));
	room = s->end - s->pos;
	c = *at;
	switch (f->state) {
	case RQS_FRAMING_METHOD:
		rqs_framing_method(s, c);
		break;
	case RQS_FRAMING_STATUS:
		rqs_framing_status(s, c);
		break;
	case RQS_FRAMING_NAME_LENGTH:
	case RQS_FRAMING_NAME_ENCODING:
		rqs_framing_name(s, c);
		break;
	case RQS_FRAMING_ENCODING:
		s->pos++;
		rqs_framing_encoding(f, at, room);
		break;
	case RQS_FRAMING_LENGTH_LF:
		rqs_framing_length_lf(f, c);
		break;
	case RQS_FRAMING_ENCODING_LF:
		if (rqs_framing_blank(c))
			f->state = RQS_FRAMING_ENCODING;
		else
			rqs_framing_encoding_end(f);
		break;
	case RQS_FRAMING_VERSION_END:
		s->pos++;
		if (c == '\n')
			f->state = RQS_FRAMING_LINE_START;
		else if (c != '\r')
			f->state = RQS_FRAMING_BAD;
		break;
	case RQS_FRAMING_HEAD_LF:
		s->pos++;
		f->state = c == '\n' ? RQS_FRAMING_HEAD_END : RQS_FRAMING_BAD;
		break;
	case RQS_FRAMING_BODY:
	case RQS_FRAMING_CHUNK_DATA:
		n = f->left < room ? f->left : room;
		s->pos += n;
		rqs_framing_skip(f, n);
		break;
	case RQS_FRAMING_CHUNK_SIZE:
		rqs_framing_chunk_size(s, c);
		break;
	case RQS_FRAMING_CHUNK_EXTENSION:
		if (rqs_framing_to_lf(s, at, room))
			rqs_framing_chunk(f);
		break;
	case RQS_FRAMING_CHUNK_END:
		s->pos++;
		if (c == '\n') {
			f->state = RQS_FRAMING_CHUNK_SIZE;
			f->left = 0;
			f->match = 0;
		} else if (c != '\r') {
			f->state = RQS_FRAMING_BAD;
		}
		break;
	case RQS_FRAMING_TRAILER_START:
		if (c == '\r' || c == '\n') {
			s->pos++;
			f->state = c == '\n' ? RQS_FRAMING_DONE : RQS_FRAMING_TRAILER_LF;
		} else {
			f->state = RQS_FRAMING_TRAILER_SKIP;
		}
		break;
	case RQS_FRAMING_TRAILER_SKIP:
		if (rqs_framing_to_lf(s, at, room))
			f->state = RQS_FRAMING_TRAILER_START;
		break;
	case RQS_FRAMING_TRAILER_LF:
		s->pos++;
		f->state = c == '\n' ? RQS_FRAMING_DONE : RQS_FRAMING_BAD;
		break;
	case RQS_FRAMING_PROXY:
		if (rqs_framing_to_lf(s, at, room))
			f->state = RQS_FRAMING_START;
		break;
	case RQS_FRAMING_UNTIL_CLOSE:
		s->pos = s->end;
		break;
	}
	return 0;
}

/* A step takes a byte or changes the state, and no state is left without taking one more than once. */
#define RQS_SCAN_STEPS (3 * RQS_WINDOW_BYTES)

#ifdef __bpf__
/*
 * What a function given to bpf_loop() returns. The verifier must see that it is 0 or 1, which a compiler (clang 19)
 * hides from it: where it knows that a register holds this value, it returns that. So the value is kept from the
 * compiler, then cut to its one bit.
 */
static __always_inline long rqs_loop_stop(bool stop)
{
	long value = stop;

	barrier_var(value);
	return value & 1;
}

struct rqs_scan_loop {
	struct rqs_scan *scan;
	const struct rqs_window_bytes *window;
};

static long rqs_scan_loop_step(__u32 unused, struct rqs_scan_loop *loop)
{
	return rqs_loop_stop(rqs_framing_step(loop->scan, loop->window));
}
#endif

/** rqs_framing_scan() - go over the window until its end or a stop; see struct rqs_scan. */
static inline void rqs_framing_scan(struct rqs_scan *s, const struct rqs_window_bytes *window)
{
	bool in_head = s->f.state < RQS_FRAMING_HEAD_END;
	__u32 from = s->pos;

	s->method_pos = RQS_SCAN_NOWHERE;
	s->target_pos = RQS_SCAN_NOWHERE;
	s->method_bytes = 0;
	s->target_bytes = 0;
#ifdef __bpf__
	struct rqs_scan_loop loop = { .scan = s, .window = window };

	bpf_loop(RQS_SCAN_STEPS, rqs_scan_loop_step, &loop, 0);
#else
	for (__u32 i = 0; i < RQS_SCAN_STEPS && !rqs_framing_step(s, window); i++)
		;
#endif
	if (!in_head)
		return;
	s->f.head_bytes += s->pos - from;
	if (s->f.head_bytes > RQS_HEAD_MAX)
		s->f.state = RQS_FRAMING_BAD;
}

#endif
