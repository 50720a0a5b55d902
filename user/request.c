// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "frame.h"

#define MESSAGE_BYTES_MAX 1024
#define ERROR_BYTES 160
#define MOMENT_MAX_MS 9e12 /* year 2255: its nanoseconds fit in 63 bits */

static int refuse(char *ret_error, const char *what)
{
	snprintf(ret_error, ERROR_BYTES, "%s", what);
	return -EINVAL;
}

/* A member that is a whole number of a range; fractions are cut where @fractions. */
static bool get_number(const json_t *message, const char *key, double low, double high, bool fractions,
		       double *ret_value)
{
	const json_t *member = json_object_get(message, key);
	double value;

	if (!json_is_number(member))
		return false;
	value = json_number_value(member);
	if (!(value >= low && value <= high) || (!fractions && value != floor(value)))
		return false;
	*ret_value = floor(value);
	return true;
}

static int parse_subscribe(const json_t *message, struct rqs_request *request, char *ret_error)
{
	double rate_ms;

	if (!get_number(message, "rate_ms", 100, 1000, false, &rate_ms) ||
	    (rate_ms != 100 && rate_ms != 250 && rate_ms != 500 && rate_ms != 1000))
		return refuse(ret_error, "rate_ms must be 100, 250, 500 or 1000.");
	request->kind = RQS_REQUEST_SUBSCRIBE;
	request->rate_ms = (uint32_t)rate_ms;
	return 0;
}

/* Absent or null: none. */
static int parse_slot(const json_t *message, struct rqs_request *request, char *ret_error)
{
	const json_t *member = json_object_get(message, "slot");
	double slot;

	if (!member || json_is_null(member))
		return 0;
	if (!get_number(message, "slot", 0, RQS_SLOT_MAX - 1, false, &slot))
		return refuse(ret_error, "slot must be the slot of a service, or null.");
	request->has_slot = true;
	request->slot = (uint32_t)slot;
	return 0;
}

static int parse_history(const json_t *message, struct rqs_request *request, char *ret_error)
{
	double id, from_ms, to_ms, points;

	if (!get_number(message, "id", 0, UINT32_MAX, false, &id))
		return refuse(ret_error, "id must be a whole number from 0 to 4294967295.");
	if (!get_number(message, "from_ms", 0, MOMENT_MAX_MS, true, &from_ms) ||
	    !get_number(message, "to_ms", 0, MOMENT_MAX_MS, true, &to_ms))
		return refuse(ret_error, "from_ms and to_ms must be UNIX times in milliseconds.");
	if (from_ms > to_ms)
		return refuse(ret_error, "from_ms must not be later than to_ms.");
	if (!get_number(message, "points", 1, RQS_HISTORY_POINTS_MAX, false, &points))
		return refuse(ret_error, "points must be a whole number from 1 to 2000.");
	request->kind = RQS_REQUEST_HISTORY;
	request->id = (uint32_t)id;
	request->from_ms = (int64_t)from_ms;
	request->to_ms = (int64_t)to_ms;
	request->points = (uint32_t)points;
	return parse_slot(message, request, ret_error);
}

static int parse_watch(const json_t *message, struct rqs_request *request, char *ret_error)
{
	request->kind = RQS_REQUEST_WATCH;
	if (!json_object_get(message, "slot"))
		return refuse(ret_error, "slot must be the slot of a service, or null.");
	return parse_slot(message, request, ret_error);
}

static int parse_look(const json_t *message, struct rqs_request *request, char *ret_error)
{
	const json_t *inflight = json_object_get(message, "inflight");

	if (!json_is_boolean(inflight))
		return refuse(ret_error, "inflight must be true or false.");
	request->kind = RQS_REQUEST_LOOK;
	request->inflight = json_is_true(inflight);
	return 0;
}

int rqs_request_parse(const char *text, size_t bytes, struct rqs_request *ret_request, char ret_error[160])
{
	struct rqs_request request = { 0 };
	json_error_t why;
	json_t *message;
	const char *type;
	int err = 0;

	if (bytes > MESSAGE_BYTES_MAX)
		return refuse(ret_error, "A message must not be longer than 1024 bytes.");
	message = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &why);
	type = json_string_value(json_object_get(message, "type"));
	if (!json_is_object(message))
		err = refuse(ret_error, "A message must be one JSON object.");
	else if (!type)
		err = refuse(ret_error, "A message needs a type that is a string.");
	else if (!strcmp(type, "subscribe"))
		err = parse_subscribe(message, &request, ret_error);
	else if (!strcmp(type, "history"))
		err = parse_history(message, &request, ret_error);
	else if (!strcmp(type, "watch"))
		err = parse_watch(message, &request, ret_error);
	else if (!strcmp(type, "look"))
		err = parse_look(message, &request, ret_error);
	else if (!strcmp(type, "ping"))
		request.kind = RQS_REQUEST_PING;
	else
		err = refuse(ret_error, "The type must be subscribe, history, watch, look or ping.");
	json_decref(message);
	if (!err)
		*ret_request = request;
	return err;
}
