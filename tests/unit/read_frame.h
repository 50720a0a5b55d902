/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * read_frame - a message of the protocol read again, and what is expected of it.
 */
#ifndef RQS_TEST_READ_FRAME_H
#define RQS_TEST_READ_FRAME_H

#include <jansson.h>

#include "build_window.h"
#include "frame.h"

static inline json_t *parse(struct rqs_text text, const char *type)
{
	json_error_t why;
	json_t *json;

	assert_non_null(text.data);
	json = json_loadb(text.data, text.bytes, JSON_REJECT_DUPLICATES, &why);
	if (!json)
		fail_msg("%s at %d in %.*s", why.text, why.position, (int)text.bytes, text.data);
	assert_null(memchr(text.data, '\n', text.bytes));
	assert_string_equal(json_string_value(json_object_get(json, "type")), type);
	free(text.data);
	return json;
}

/* The value at "a.b[3].c"; names of columns have dots: '/' separates instead. */
static inline json_t *at(json_t *json, const char *path)
{
	char name[128];

	while (json && *path) {
		size_t bytes = strcspn(path, "/");

		snprintf(name, sizeof(name), "%.*s", (int)bytes, path);
		json = json_is_array(json) ? json_array_get(json, strtoul(name, NULL, 10)) : json_object_get(json, name);
		path += bytes + (path[bytes] == '/');
	}
	return json;
}

static inline void expect_number(json_t *json, const char *path, double expected)
{
	json_t *value = at(json, path);

	if (!json_is_number(value) || fabs(json_number_value(value) - expected) > 1e-9 * fabs(expected))
		fail_msg("%s is %f instead of %f", path, json_number_value(value), expected);
	if (expected == floor(expected))
		assert_true(json_is_integer(value));
}

static inline void expect_text(json_t *json, const char *path, const char *expected)
{
	json_t *value = at(json, path);

	if (!json_is_string(value) || strcmp(json_string_value(value), expected))
		fail_msg("%s is \"%s\" instead of \"%s\"", path, json_string_value(value), expected);
}

static inline void expect_null(json_t *json, const char *path)
{
	if (!json_is_null(at(json, path)))
		fail_msg("%s is not null", path);
}

#endif
