/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json - JSON text, written from front to back into a buffer that grows.
 * Downstream: encode.h, frame.h, snapshot.h. Pure.
 *
 * No tree is built: the largest answer has 400,000 numbers, which as a tree of libjansson's would take 90 ms and
 * 20 MB. What reads JSON (request.c) uses libjansson.
 * Out of memory sticks: nothing more is written and rqs_json_finish() says so, once for all calls.
 */
#ifndef RQS_JSON_H
#define RQS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is a valid empty one. */
struct rqs_json {
	char *data;
	size_t bytes;
	size_t room;
	bool comma; /* something stands before the next value */
	bool failed;
};

void rqs_json_object(struct rqs_json *json);
void rqs_json_object_end(struct rqs_json *json);
void rqs_json_array(struct rqs_json *json);
void rqs_json_array_end(struct rqs_json *json);

/** rqs_json_key() - the name of the next value; a literal that needs no escape. */
void rqs_json_key(struct rqs_json *json, const char *name);

void rqs_json_null(struct rqs_json *json);
void rqs_json_bool(struct rqs_json *json, bool value);
void rqs_json_int(struct rqs_json *json, int64_t value);

/** rqs_json_uint() - at most INT64_MAX, since that is what readers take. */
void rqs_json_uint(struct rqs_json *json, uint64_t value);

/** rqs_json_number() - an integer where it is one, else up to six decimals; null for NAN and infinities; within -+INT64_MAX. */
void rqs_json_number(struct rqs_json *json, double value);

/** rqs_json_ms() - nanoseconds as milliseconds, to the microsecond. */
void rqs_json_ms(struct rqs_json *json, uint64_t value_ns);

/** rqs_json_string() - NULL becomes null, bytes that are not UTF-8 become \xNN: always valid. */
void rqs_json_string(struct rqs_json *json, const char *text);

/** rqs_json_time() - a moment (CLOCK_REALTIME) as RFC 3339 in UTC, to the millisecond. */
void rqs_json_time(struct rqs_json *json, uint64_t real_ns);

/** rqs_json_splice() - @other, one whole value, as the next value here. A failure of @other is one here. */
void rqs_json_splice(struct rqs_json *json, const struct rqs_json *other);

/** rqs_json_newline() - after the end. */
void rqs_json_newline(struct rqs_json *json);

/** rqs_json_free() - drop it. */
void rqs_json_free(struct rqs_json *json);

/**
 * rqs_json_finish() - hand the text over: free(*ret_data).
 * Return: 0; -ENOMEM (the outputs are untouched, the buffer is freed).
 */
int rqs_json_finish(struct rqs_json *json, char **ret_data, size_t *ret_bytes);

#endif
