// SPDX-License-Identifier: GPL-2.0-only
#include "reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEAD_MAX 16384 /* all lines of the head together */
#define LINE_MAX_BYTES 4096
#define CHUNK_LINES_MAX (1u << 20)

enum state { STATUS, HEADER, SIZED, UNTIL_CLOSE, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER, DONE };

struct rqs_reply {
	enum state state;
	size_t limit_bytes;
	uint32_t status;
	bool json, chunked, has_length;
	uint64_t length; /* Content-Length */
	uint64_t left;	 /* of the body, or of the chunk */
	size_t head_bytes;
	uint32_t chunks;
	char line[LINE_MAX_BYTES];
	size_t line_bytes;
	char *body;
	size_t body_bytes, body_capacity;
};

struct rqs_reply *rqs_reply_new(size_t limit_bytes)
{
	struct rqs_reply *reply = calloc(1, sizeof(*reply));

	if (reply)
		reply->limit_bytes = limit_bytes;
	return reply;
}

void rqs_reply_free(struct rqs_reply *reply)
{
	if (!reply)
		return;
	free(reply->body);
	free(reply);
}

static int append(struct rqs_reply *reply, const char *data, size_t bytes)
{
	size_t capacity = reply->body_capacity;

	if (bytes > reply->limit_bytes - reply->body_bytes)
		return -EFBIG;
	while (capacity < reply->body_bytes + bytes + 1)
		capacity = capacity ? capacity * 2 : 65536;
	if (capacity != reply->body_capacity) {
		char *body = realloc(reply->body, capacity);

		if (!body)
			return -ENOMEM;
		reply->body = body;
		reply->body_capacity = capacity;
	}
	memcpy(reply->body + reply->body_bytes, data, bytes);
	reply->body_bytes += bytes;
	return 0;
}

static int parse_number(const char *text, size_t bytes, unsigned int base, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (!bytes || bytes > 15) /* 16^15 fits: no overflow to look for */
		return -EPROTO;
	for (size_t i = 0; i < bytes; i++) {
		unsigned int digit;

		if (text[i] >= '0' && text[i] <= '9')
			digit = (unsigned int)(text[i] - '0');
		else if ((text[i] | 32) >= 'a' && (text[i] | 32) <= 'f')
			digit = (unsigned int)((text[i] | 32) - 'a') + 10;
		else
			return -EPROTO;
		if (digit >= base)
			return -EPROTO;
		number = number * base + digit;
	}
	*ret_number = number;
	return 0;
}

static int on_status(struct rqs_reply *reply, const char *line, size_t bytes)
{
	uint64_t status;

	if (bytes < 12 || memcmp(line, "HTTP/1.", 7) || (line[7] != '0' && line[7] != '1') || line[8] != ' ' ||
	    (bytes > 12 && line[12] != ' ') || parse_number(line + 9, 3, 10, &status))
		return -EPROTO;
	/* Nothing was sent that 100 or 101 would answer. */
	if (status < 200 || status > 599)
		return -EPROTO;
	reply->status = (uint32_t)status;
	reply->state = HEADER;
	return 0;
}

static int on_head_end(struct rqs_reply *reply)
{
	if (reply->chunked && reply->has_length)
		return -EPROTO;
	if (reply->status == 204 || reply->status == 304)
		reply->state = DONE;
	else if (reply->chunked)
		reply->state = CHUNK_SIZE;
	else if (!reply->has_length)
		reply->state = UNTIL_CLOSE;
	else if (reply->length > reply->limit_bytes)
		return -EFBIG;
	else
		reply->state = reply->length ? SIZED : DONE;
	reply->left = reply->length;
	return 0;
}

static bool is_name(const char *line, size_t bytes, const char *name)
{
	return bytes == strlen(name) && !strncasecmp(line, name, bytes);
}

static int on_header(struct rqs_reply *reply, const char *line, size_t bytes)
{
	static const char json[] = "application/json";
	const char *colon = memchr(line, ':', bytes), *value, *end = line + bytes;
	size_t name_bytes, value_bytes;
	uint64_t length;

	if (!bytes)
		return on_head_end(reply);
	if (!colon || colon == line || memchr(line, ' ', (size_t)(colon - line)) ||
	    memchr(line, '\t', (size_t)(colon - line)))
		return -EPROTO;
	name_bytes = (size_t)(colon - line);
	for (value = colon + 1; value < end && (*value == ' ' || *value == '\t'); value++)
		;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	value_bytes = (size_t)(end - value);

	if (is_name(line, name_bytes, "content-length")) {
		if (parse_number(value, value_bytes, 10, &length) || (reply->has_length && length != reply->length))
			return -EPROTO;
		reply->has_length = true;
		reply->length = length;
	} else if (is_name(line, name_bytes, "transfer-encoding")) {
		if (reply->chunked || !is_name(value, value_bytes, "chunked"))
			return -EPROTO;
		reply->chunked = true;
	} else if (is_name(line, name_bytes, "content-encoding")) {
		/* None was asked for. */
		if (!is_name(value, value_bytes, "identity"))
			return -EPROTO;
	} else if (is_name(line, name_bytes, "content-type")) {
		reply->json = value_bytes >= sizeof(json) - 1 && !strncasecmp(value, json, sizeof(json) - 1) &&
			      (value_bytes == sizeof(json) - 1 || strchr("; \t", value[sizeof(json) - 1]));
	}
	return 0;
}

static int on_chunk_size(struct rqs_reply *reply, const char *line, size_t bytes)
{
	const char *extension = memchr(line, ';', bytes);

	if (extension)
		bytes = (size_t)(extension - line);
	while (bytes && (line[bytes - 1] == ' ' || line[bytes - 1] == '\t'))
		bytes--;
	/* One byte a chunk is legal and never meant well. */
	if (++reply->chunks > CHUNK_LINES_MAX || parse_number(line, bytes, 16, &reply->left))
		return -EPROTO;
	if (reply->left > reply->limit_bytes - reply->body_bytes)
		return -EFBIG;
	reply->state = reply->left ? CHUNK_DATA : TRAILER;
	reply->head_bytes = 0;
	return 0;
}

static int on_line(struct rqs_reply *reply, const char *line, size_t bytes)
{
	switch (reply->state) {
	case STATUS:
		return on_status(reply, line, bytes);
	case HEADER:
		return on_header(reply, line, bytes);
	case CHUNK_SIZE:
		return on_chunk_size(reply, line, bytes);
	case CHUNK_END:
		reply->state = CHUNK_SIZE;
		return bytes ? -EPROTO : 0;
	default: /* TRAILER */
		if (!bytes)
			reply->state = DONE;
		return 0;
	}
}

/* Take one byte of a line. A line ends in CR LF; a CR or LF alone, and a NUL, are malformed. */
static int feed_line(struct rqs_reply *reply, char byte)
{
	size_t bytes = reply->line_bytes;
	bool after_cr = bytes && reply->line[bytes - 1] == '\r';

	if (!byte || after_cr != (byte == '\n'))
		return -EPROTO;
	if (++reply->head_bytes > HEAD_MAX)
		return -EFBIG;
	if (byte == '\n') {
		reply->line_bytes = 0;
		return on_line(reply, reply->line, bytes - 1);
	}
	if (bytes == sizeof(reply->line))
		return -EFBIG;
	reply->line[reply->line_bytes++] = byte;
	return 0;
}

static int feed_body(struct rqs_reply *reply, const char *data, size_t bytes)
{
	int err = append(reply, data, bytes);

	if (err || reply->state == UNTIL_CLOSE)
		return err;
	reply->left -= bytes;
	if (!reply->left) {
		reply->state = reply->state == SIZED ? DONE : CHUNK_END;
		reply->head_bytes = 0;
	}
	return 0;
}

int rqs_reply_feed(struct rqs_reply *reply, const char *data, size_t bytes)
{
	int err;

	while (bytes) {
		size_t taken = 1;

		if (reply->state == DONE)
			return -EPROTO;
		if (reply->state == SIZED || reply->state == CHUNK_DATA || reply->state == UNTIL_CLOSE) {
			taken = reply->state != UNTIL_CLOSE && reply->left < bytes ? (size_t)reply->left : bytes;
			err = feed_body(reply, data, taken);
		} else {
			err = feed_line(reply, *data);
		}
		if (err)
			return err;
		data += taken;
		bytes -= taken;
	}
	return reply->state == DONE;
}

int rqs_reply_end(struct rqs_reply *reply)
{
	if (reply->state == UNTIL_CLOSE)
		reply->state = DONE;
	return reply->state == DONE ? 1 : -EPROTO;
}

uint32_t rqs_reply_status(const struct rqs_reply *reply)
{
	return reply->status;
}

bool rqs_reply_is_json(const struct rqs_reply *reply)
{
	return reply->json;
}

char *rqs_reply_take(struct rqs_reply *reply, size_t *ret_bytes)
{
	char *body = reply->body ? reply->body : calloc(1, 1);

	if (!body)
		return NULL;
	if (reply->body)
		body[reply->body_bytes] = '\0';
	*ret_bytes = reply->body_bytes;
	reply->body = NULL;
	reply->body_bytes = reply->body_capacity = 0;
	return body;
}
