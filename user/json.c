// SPDX-License-Identifier: GPL-2.0-only
#include "json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "text.h"

#define ROOM_FIRST 1024

/* @bytes more, or NULL once memory has run out. */
static char *grow(struct rqs_json *json, size_t bytes)
{
	size_t room = json->room ? json->room : ROOM_FIRST;
	char *data;

	if (json->failed)
		return NULL;
	while (room - json->bytes < bytes)
		room *= 2;
	if (room != json->room) {
		data = realloc(json->data, room);
		if (!data) {
			json->failed = true;
			return NULL;
		}
		json->data = data;
		json->room = room;
	}
	data = json->data + json->bytes;
	json->bytes += bytes;
	return data;
}

static void put(struct rqs_json *json, const char *text, size_t bytes)
{
	char *to = grow(json, bytes);

	if (to)
		memcpy(to, text, bytes);
}

/* A whole value, with the comma that it may need. */
static void put_value(struct rqs_json *json, const char *text, size_t bytes)
{
	if (json->comma)
		put(json, ",", 1);
	put(json, text, bytes);
	json->comma = true;
}

static void open_with(struct rqs_json *json, const char *bracket)
{
	put_value(json, bracket, 1);
	json->comma = false;
}

static void close_with(struct rqs_json *json, const char *bracket)
{
	put(json, bracket, 1);
	json->comma = true;
}

void rqs_json_object(struct rqs_json *json)
{
	open_with(json, "{");
}

void rqs_json_object_end(struct rqs_json *json)
{
	close_with(json, "}");
}

void rqs_json_array(struct rqs_json *json)
{
	open_with(json, "[");
}

void rqs_json_array_end(struct rqs_json *json)
{
	close_with(json, "]");
}

void rqs_json_key(struct rqs_json *json, const char *name)
{
	put_value(json, "\"", 1);
	put(json, name, strlen(name));
	put(json, "\":", 2);
	json->comma = false;
}

void rqs_json_null(struct rqs_json *json)
{
	put_value(json, "null", 4);
}

void rqs_json_bool(struct rqs_json *json, bool value)
{
	put_value(json, value ? "true" : "false", value ? 4 : 5);
}

/* @value with the decimal point @decimals digits from its end, no zeros after it. */
static void put_decimal(struct rqs_json *json, bool negative, uint64_t value, uint32_t decimals)
{
	char text[32];
	size_t at = sizeof(text);
	bool digits = false; /* after the point, something that isn't 0 */
	uint32_t i;

	for (i = 0; i < decimals; i++) {
		uint64_t digit = value % 10;

		value /= 10;
		digits |= digit != 0;
		if (digits)
			text[--at] = (char)('0' + digit);
	}
	if (digits)
		text[--at] = '.';
	do {
		text[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	if (negative)
		text[--at] = '-';
	put_value(json, text + at, sizeof(text) - at);
}

void rqs_json_int(struct rqs_json *json, int64_t value)
{
	put_decimal(json, value < 0, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 0);
}

void rqs_json_uint(struct rqs_json *json, uint64_t value)
{
	put_decimal(json, false, value > INT64_MAX ? INT64_MAX : value, 0);
}

void rqs_json_number(struct rqs_json *json, double value)
{
	double size = fabs(value);

	if (!isfinite(value)) {
		rqs_json_null(json);
	} else if (size < 1e9 && size != floor(size)) {
		uint64_t millionths = (uint64_t)(size * 1e6 + 0.5);

		put_decimal(json, value < 0 && millionths, millionths, 6);
	} else if (size < 0x1p63) {
		rqs_json_int(json, (int64_t)round(value));
	} else {
		rqs_json_int(json, value < 0 ? -INT64_MAX : INT64_MAX);
	}
}

void rqs_json_ms(struct rqs_json *json, uint64_t value_ns)
{
	put_decimal(json, false, value_ns / 1000 + (value_ns % 1000 >= 500), 3);
}

void rqs_json_string(struct rqs_json *json, const char *text)
{
	size_t left, bytes;
	char escape[8];

	if (!text) {
		rqs_json_null(json);
		return;
	}
	put_value(json, "\"", 1);
	for (left = strlen(text); left; left -= bytes, text += bytes) {
		unsigned char c = (unsigned char)*text;

		bytes = rqs_text_utf8_bytes(text, left);
		if (!bytes) {
			bytes = 1;
			snprintf(escape, sizeof(escape), "\\\\x%02x", c);
			put(json, escape, 5);
		} else if (c < 0x20 || c == 0x7f) {
			snprintf(escape, sizeof(escape), "\\u%04x", c);
			put(json, escape, 6);
		} else {
			if (c == '"' || c == '\\')
				put(json, "\\", 1);
			put(json, text, bytes);
		}
	}
	put(json, "\"", 1);
}

void rqs_json_time(struct rqs_json *json, uint64_t real_ns)
{
	time_t seconds = (time_t)(real_ns / 1000000000);
	char text[64];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
		 tm.tm_hour, tm.tm_min, tm.tm_sec, (unsigned int)(real_ns % 1000000000 / 1000000));
	rqs_json_string(json, text);
}

void rqs_json_splice(struct rqs_json *json, const struct rqs_json *other)
{
	if (other->failed)
		json->failed = true;
	put_value(json, other->data, other->bytes);
}

void rqs_json_newline(struct rqs_json *json)
{
	put(json, "\n", 1);
}

void rqs_json_free(struct rqs_json *json)
{
	free(json->data);
	*json = (struct rqs_json){ 0 };
}

int rqs_json_finish(struct rqs_json *json, char **ret_data, size_t *ret_bytes)
{
	if (json->failed) {
		rqs_json_free(json);
		return -ENOMEM;
	}
	*ret_data = json->data;
	*ret_bytes = json->bytes;
	*json = (struct rqs_json){ 0 };
	return 0;
}
