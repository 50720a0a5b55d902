/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * http_head - the head of an HTTP/1 request that a client sent to us, read strictly.
 * Downstream: trust.h, http_api.h, front.h.
 * Pure: no I/O, clock, lock or log; allocates nothing.
 *
 * What two readers could understand in two ways is refused, not repaired: bare line feeds, folded lines,
 * spaces before a colon, control bytes, targets that aren't a path.
 */
#ifndef RQS_HTTP_HEAD_H
#define RQS_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#define RQS_HEAD_BYTES_MAX 16384 /* browsers send the cookies of every local web server along */
#define RQS_HEAD_FIELDS_MAX 64

/* Borrowed bytes, not NUL-terminated. */
struct rqs_slice {
	const char *data;
	size_t bytes;
};

struct rqs_field {
	struct rqs_slice name;
	struct rqs_slice value; /* without white space around it */
};

/* All slices lead into the buffer that was parsed. */
struct rqs_http_head {
	struct rqs_slice method;
	struct rqs_slice path;	/* the target up to its query string */
	struct rqs_slice query; /* with its '?'; empty without one */
	unsigned int minor;	/* HTTP/1.minor: 0 or 1 */
	size_t bytes;		/* of the whole head, its empty line included */
	size_t field_count;
	struct rqs_field fields[RQS_HEAD_FIELDS_MAX];
};

/**
 * rqs_http_head_parse() - read a request's head.
 * @data, @bytes: what has come so far, from the first byte of the request.
 * @ret_head: set only on 1.
 *
 * Empty lines before the request line are skipped, as RFC 9112 2.2 asks for.
 * Return: 1 when the head is complete, 0 when more bytes are needed, -EINVAL when it can't become a request,
 * -E2BIG when it has too many fields or bytes, -EPROTONOSUPPORT when it is another version of HTTP.
 */
int rqs_http_head_parse(const char *data, size_t bytes, struct rqs_http_head *ret_head);

/**
 * rqs_http_head_field() - a field by its name, in any case.
 * @name: in lower case.
 * @nth: 0 for the first of that name, 1 for the second, ...
 * Return: the value, or NULL when there are not so many.
 */
const struct rqs_slice *rqs_http_head_field(const struct rqs_http_head *head, const char *name, size_t nth);

/** rqs_slice_is() - whether the bytes are those of @text. */
bool rqs_slice_is(struct rqs_slice slice, const char *text);

/** rqs_slice_is_nocase() - the same, not minding the case of ASCII letters. */
bool rqs_slice_is_nocase(struct rqs_slice slice, const char *text);

/**
 * rqs_slice_next() - take the next element off a comma-separated list.
 * @list: shortened by what was taken.
 * @ret_element: without white space around it, may be empty.
 * Return: false when the list is used up.
 */
bool rqs_slice_next(struct rqs_slice *list, struct rqs_slice *ret_element);

#endif
