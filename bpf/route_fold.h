/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * route_fold - which requests are of one route: a method that is known, and a path whose variable parts became ":id".
 *
 * Pure: values in, values out. The BPF programs and the unit tests compile this same file. A path is hostile: any bytes but
 * blanks and control characters. It is looked at segment by segment (between slashes), and in these token by token (between
 * marks as in "main.3f2a1b9c.js"); what a token or segment is made of decides. One step takes one byte.
 *
 *	segment		only digits ("42"), or digits and marks with four digits or more (dates, addresses)
 *			hexadecimal and marks, 16 digits or more (UUIDs, hashes)
 *			32 bytes or more; or 16 or more in which digits and letters change places six times or more
 *	token		three digits or more; hexadecimal with digits and letters, seven or more
 *			ten or more in which digits and letters change places three times or more
 *
 * A path that was cut ends in "..." in the place of its last segment. What doesn't begin with a slash is kept as it is (CONNECT's
 * "host:port", "*"), "http://host" too, but the path behind it is folded.
 */
#ifndef RQS_ROUTE_FOLD_H
#define RQS_ROUTE_FOLD_H

#include "framing.h"
#include "routes.h"

/* Of what a segment or token is made. */
struct rqs_fold_parts {
	__u8 digits;
	__u8 hex;     /* a to f, A to F */
	__u8 letters; /* other ones */
	__u8 marks;
	__u8 others;
	__u8 turns;   /* from digit to letter or back */
	__u16 pad;
};

struct rqs_fold {
	__u32 at;      /* bytes of the folded path so far */
	__u32 segment; /* where its last segment begins */
	__u32 token;
	__u8 verbatim; /* slashes until folding begins */
	__u8 last;     /* enum rqs_fold_kind of the byte before */
	__u8 full;     /* the folded path has no room for more */
	__u8 pad;
	struct rqs_fold_parts in_token;
	struct rqs_fold_parts in_segment; /* of the tokens that are over */
};

enum rqs_fold_kind {
	RQS_FOLD_NONE,
	RQS_FOLD_DIGIT,
	RQS_FOLD_HEX,
	RQS_FOLD_LETTER,
	RQS_FOLD_OTHER, /* percent signs, bytes above 0x7f */
	RQS_FOLD_MARK,
	RQS_FOLD_SLASH,
};

/* The bytes of a word that are there. @bytes: 1 .. */
static inline __u64 rqs_route_word(const unsigned char *at, __u32 bytes)
{
	__u64 word = rqs_framing_load(at);

	return bytes < 8 ? word & ((1ULL << (8 * bytes)) - 1) : word;
}

/** rqs_route_method() - the number of a method of @bytes letters; 0 when it isn't in the list. @method: 8 bytes that may be read. */
static inline __u32 rqs_route_method(const unsigned char *method, __u32 bytes)
{
	__u64 word;

	if (!bytes || bytes > 8)
		return 0;
	word = rqs_route_word(method, bytes);
#define RQS_ROUTE_METHOD_IS(number, name, a, b, c, d, e, f, g, h)                                            \
	if (word == RQS_W(a, b, c, d, e, f, g, h))                                                           \
		return number;
	RQS_ROUTE_METHOD_LIST(RQS_ROUTE_METHOD_IS)
	return 0;
}

/* One step of a hash: nothing that is put in can be undone without knowing the seed. */
static inline __u64 rqs_route_mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
	hash = (hash ^ (hash >> 32)) * 0xd6e8feb86659fd93ULL;
	return hash ^ (hash >> 32);
}

/**
 * rqs_route_hash() - a hash of a request's slot, method and path.
 * @seed: secret. @method, @path: RQS_METHOD_MAX and RQS_ROUTE_PATH_MAX bytes that may be read.
 */
static inline __u64 rqs_route_hash(__u64 seed, __u32 slot, const unsigned char *method, __u32 method_bytes,
				   const unsigned char *path, __u32 path_bytes, bool cut)
{
	__u64 hash = seed;
	__u32 i;

	hash = rqs_route_mix(hash ^ ((__u64)slot << 32 | path_bytes << 8 | (__u32)cut << 7 | method_bytes),
			     rqs_route_word(method, method_bytes));
	for (i = 0; i < RQS_ROUTE_PATH_MAX / 8; i++) {
		if (8 * i >= path_bytes)
			break;
		hash = rqs_route_mix(hash, rqs_route_word(path + 8 * i, path_bytes - 8 * i));
	}
	return hash;
}

static inline __u32 rqs_fold_kind_of(__u8 c)
{
	__u8 low = c | 0x20;

	if (c >= '0' && c <= '9')
		return RQS_FOLD_DIGIT;
	if (low >= 'a' && low <= 'z')
		return low <= 'f' ? RQS_FOLD_HEX : RQS_FOLD_LETTER;
	if (c == '/')
		return RQS_FOLD_SLASH;
	return c == '%' || c >= 0x7f ? RQS_FOLD_OTHER : RQS_FOLD_MARK;
}

static inline void rqs_fold_put(struct rqs_fold *f, unsigned char *out, __u8 c)
{
	if (f->at >= RQS_ROUTE_PATH_MAX) {
		f->full = 1;
		return;
	}
	out[f->at & (RQS_ROUTE_PATH_MAX - 1)] = c;
	f->at++;
}

/* In the place of what was written from @from on. */
static inline void rqs_fold_put_id(struct rqs_fold *f, unsigned char *out, __u32 from)
{
	f->at = from;
	rqs_fold_put(f, out, ':');
	rqs_fold_put(f, out, 'i');
	rqs_fold_put(f, out, 'd');
}

static inline bool rqs_fold_token_varies(const struct rqs_fold_parts *t)
{
	__u32 letters = t->hex + t->letters, all = t->digits + letters;

	if (t->others || !t->digits)
		return false;
	if (!letters)
		return t->digits >= 3;
	if (!t->letters && all >= 7)
		return true;
	return all >= 10 && t->turns >= 3;
}

static inline bool rqs_fold_segment_varies(const struct rqs_fold_parts *s)
{
	__u32 letters = s->hex + s->letters, all = s->digits + letters;

	if (all + s->marks + s->others >= 32)
		return true;
	if (s->others)
		return false;
	if (!letters)
		return s->digits >= (s->marks ? 4 : 1);
	if (!s->letters && all >= 16)
		return true;
	return all >= 16 && s->turns >= 6;
}

/* A mark, a slash or the end came. */
static inline void rqs_fold_end_token(struct rqs_fold *f, unsigned char *out)
{
	struct rqs_fold_parts *t = &f->in_token, *s = &f->in_segment;

	if (!f->verbatim && rqs_fold_token_varies(t))
		rqs_fold_put_id(f, out, f->token);
	s->digits += t->digits;
	s->hex += t->hex;
	s->letters += t->letters;
	s->others += t->others;
	s->turns += t->turns;
	__builtin_memset(t, 0, sizeof(*t));
	f->last = RQS_FOLD_NONE;
}

/* A slash or the end came. */
static inline void rqs_fold_end_segment(struct rqs_fold *f, unsigned char *out)
{
	rqs_fold_end_token(f, out);
	if (!f->verbatim && rqs_fold_segment_varies(&f->in_segment))
		rqs_fold_put_id(f, out, f->segment);
	__builtin_memset(&f->in_segment, 0, sizeof(f->in_segment));
}

/** rqs_fold_begin() - @path: the first 8 bytes may be read. */
static inline void rqs_fold_begin(struct rqs_fold *f, const unsigned char *path)
{
	__u64 word = rqs_framing_load(path);

	__builtin_memset(f, 0, sizeof(*f));
	if (*path == '/')
		return;
	f->verbatim = 255;
	if ((word & 0xffffffffffffffULL) == RQS_W('h', 't', 't', 'p', ':', '/', '/', 0) ||
	    word == RQS_W('h', 't', 't', 'p', 's', ':', '/', '/'))
		f->verbatim = 3;
}

/** rqs_fold_byte() - the next byte of the path. @out: RQS_ROUTE_PATH_MAX bytes. Return: false when there is no room for more. */
static inline bool rqs_fold_byte(struct rqs_fold *f, unsigned char *out, __u8 c)
{
	struct rqs_fold_parts *t = &f->in_token;
	__u32 kind = rqs_fold_kind_of(c);
	bool digit = kind == RQS_FOLD_DIGIT;

	if (f->full)
		return false;
	if (kind == RQS_FOLD_SLASH) {
		rqs_fold_end_segment(f, out);
		rqs_fold_put(f, out, c);
		f->segment = f->at;
		f->token = f->at;
		if (f->verbatim && f->verbatim < 255)
			f->verbatim--;
		return true;
	}
	if (kind == RQS_FOLD_MARK) {
		rqs_fold_end_token(f, out);
		rqs_fold_put(f, out, c);
		f->token = f->at;
		f->in_segment.marks++;
		return true;
	}
	rqs_fold_put(f, out, c);
	t->digits += digit;
	t->hex += kind == RQS_FOLD_HEX;
	t->letters += kind == RQS_FOLD_LETTER;
	t->others += kind == RQS_FOLD_OTHER;
	t->turns += f->last && digit != (f->last == RQS_FOLD_DIGIT);
	f->last = kind;
	return true;
}

/* What was folded was longer: only zeros may stay behind the path, since all of a key counts. */
static inline void rqs_fold_clear(unsigned char *out, __u32 path_bytes)
{
	__u32 i;

	for (i = 0; i < RQS_ROUTE_PATH_MAX / 8; i++) {
		__u64 word = path_bytes > 8 * i ? rqs_route_word(out + 8 * i, path_bytes - 8 * i) : 0;

		__builtin_memcpy(__builtin_assume_aligned(out + 8 * i, 8), &word, sizeof(word));
	}
}

/**
 * rqs_fold_end() - the path is over. @cut: it went on. @out: at an address that 8 divides; zero behind the folded path
 * afterwards. Return: bytes of the folded path.
 */
static inline __u32 rqs_fold_end(struct rqs_fold *f, unsigned char *out, bool cut)
{
	__u32 i;

	if (!cut && !f->full)
		rqs_fold_end_segment(f, out);
	if (cut || f->full) {
		f->full = 0;
		f->at = f->segment;
		if (f->at > RQS_ROUTE_PATH_MAX - 3)
			f->at = RQS_ROUTE_PATH_MAX - 3;
		for (i = 0; i < 3; i++)
			rqs_fold_put(f, out, '.');
	}
	rqs_fold_clear(out, f->at);
	return f->at;
}

#endif
