// SPDX-License-Identifier: GPL-2.0-only
#include "http_api.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "snapshot.h"

#define PLAIN_TYPE "text/plain; charset=utf-8"
#define INFLATED_BYTES_MAX (16u << 20)
#define SECURITY_FIELDS                                                                                              \
	"Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: "    \
	"blob:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'\r\n"                 \
	"Referrer-Policy: no-referrer\r\n"                                                                           \
	"X-Content-Type-Options: nosniff\r\n"                                                                        \
	"Cross-Origin-Resource-Policy: same-origin\r\n"                                                              \
	"Cross-Origin-Opener-Policy: same-origin\r\n"

static const char *reason_of(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 304:
		return "Not Modified";
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 408:
		return "Request Timeout";
	case 426:
		return "Upgrade Required";
	case 431:
		return "Request Header Fields Too Large";
	case 503:
		return "Service Unavailable";
	case 505:
		return "HTTP Version Not Supported";
	default:
		return "Internal Server Error";
	}
}

/* Every field fits: all of them are ours, RQS_ANSWER_HEAD_MAX is checked by the tests of each answer. */
static void add(struct rqs_answer *answer, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct rqs_answer *answer, const char *format, ...)
{
	size_t room = sizeof(answer->head) - answer->head_bytes;
	va_list args;
	int bytes;

	va_start(args, format);
	bytes = vsnprintf(answer->head + answer->head_bytes, room, format, args);
	va_end(args);
	if (bytes > 0)
		answer->head_bytes += (size_t)bytes < room ? (size_t)bytes : room - 1;
}

static void start(struct rqs_answer *answer, int status, const char *type, const char *cache, bool keep)
{
	answer->status = status;
	answer->keep = keep;
	answer->head_bytes = 0;
	add(answer, "HTTP/1.1 %d %s\r\n" SECURITY_FIELDS "Cache-Control: %s\r\n", status, reason_of(status), cache);
	if (status != 304)
		add(answer, "Content-Type: %s\r\n", type);
}

static void finish(struct rqs_answer *answer, const void *body, size_t bytes, bool with_body)
{
	if (answer->status != 304)
		add(answer, "Content-Length: %zu\r\n", bytes);
	add(answer, "Connection: %s\r\n\r\n", answer->keep ? "keep-alive" : "close");
	answer->body = body;
	answer->body_bytes = with_body ? bytes : 0;
}

/* @text: static, ends up in the body as one line. */
static void sentence(struct rqs_answer *answer, const char *text, bool with_body)
{
	size_t bytes = strlen(text);
	struct rqs_blob *blob = rqs_blob_new(NULL, bytes + 1);

	if (!blob) {
		finish(answer, NULL, 0, false);
		return;
	}
	memcpy(blob->data, text, bytes);
	blob->data[bytes] = '\n';
	answer->blob = blob;
	finish(answer, blob->data, blob->bytes, with_body);
}

static void refuse(struct rqs_answer *answer, int status, const char *text, bool keep, bool with_body)
{
	start(answer, status, PLAIN_TYPE, "no-store", keep);
	if (status == 401)
		add(answer, "WWW-Authenticate: Bearer\r\n");
	if (status == 405)
		add(answer, "Allow: GET, HEAD\r\n");
	if (status == 426)
		add(answer, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
	sentence(answer, text, with_body);
}

void rqs_http_api_refuse(int status, const char *text, struct rqs_answer *ret_answer)
{
	memset(ret_answer, 0, sizeof(*ret_answer));
	refuse(ret_answer, status, text, false, true);
}

/* Whether the client takes gzip: "gzip" or "*" in the list, and not with q=0. */
static bool takes_gzip(const struct rqs_http_head *head)
{
	const struct rqs_slice *value;
	struct rqs_slice list, item;
	size_t nth, name;
	bool star = false;

	for (nth = 0; (value = rqs_http_head_field(head, "accept-encoding", nth)); nth++) {
		list = *value;
		while (rqs_slice_next(&list, &item)) {
			const char *q = memchr(item.data, ';', item.bytes);
			bool no = false;

			for (name = 0; name < item.bytes && !strchr("; \t", item.data[name]); name++)
				;
			if (q) {
				const char *end = item.data + item.bytes;

				for (q++; q < end && strchr(" \tqQ=", *q) && *q; q++)
					;
				for (no = q < end; q < end; q++)
					no = no && (*q == '0' || *q == '.');
			}
			item.bytes = name;
			if (rqs_slice_is_nocase(item, "gzip"))
				return !no;
			if (rqs_slice_is(item, "*"))
				star = !no;
		}
	}
	return star;
}

/* Return: the plain content of an asset, or NULL. */
static struct rqs_blob *inflated(const struct rqs_asset *asset)
{
	z_stream stream = { 0 };
	struct rqs_blob *blob = NULL;
	const unsigned char *tail;
	size_t bytes;

	/* The last four bytes of a gzip file are its plain size, RFC 1952 2.3.1. */
	if (asset->gzip_bytes < 18)
		return NULL;
	tail = asset->gzip + asset->gzip_bytes - 4;
	bytes = tail[0] | (size_t)tail[1] << 8 | (size_t)tail[2] << 16 | (size_t)tail[3] << 24;
	if (bytes > INFLATED_BYTES_MAX || inflateInit2(&stream, 15 + 16) != Z_OK)
		return NULL;
	blob = rqs_blob_new(NULL, bytes);
	if (blob) {
		stream.next_in = (unsigned char *)asset->gzip;
		stream.avail_in = (unsigned int)asset->gzip_bytes;
		stream.next_out = blob->data;
		stream.avail_out = (unsigned int)bytes;
		if (inflate(&stream, Z_FINISH) != Z_STREAM_END || stream.total_out != bytes) {
			rqs_blob_put(blob);
			blob = NULL;
		}
	}
	inflateEnd(&stream);
	return blob;
}

/* FNV-1a: tells versions of the page apart, no more. */
static uint64_t hash_of(const unsigned char *data, size_t bytes)
{
	uint64_t hash = 14695981039346656037ULL;
	size_t i;

	for (i = 0; i < bytes; i++)
		hash = (hash ^ data[i]) * 1099511628211ULL;
	return hash;
}

static bool has_tag(const struct rqs_http_head *head, const char *tag)
{
	const struct rqs_slice *value;
	struct rqs_slice list, item;
	size_t nth;

	for (nth = 0; (value = rqs_http_head_field(head, "if-none-match", nth)); nth++) {
		list = *value;
		while (rqs_slice_next(&list, &item)) {
			if (item.bytes > 2 && memcmp(item.data, "W/", 2) == 0)
				item = (struct rqs_slice){ item.data + 2, item.bytes - 2 };
			if (rqs_slice_is(item, tag))
				return true;
		}
	}
	return false;
}

static void answer_asset(struct rqs_http_api *api, size_t index, const struct rqs_http_head *head, bool keep,
			 bool with_body, struct rqs_answer *answer)
{
	const struct rqs_asset *asset = &api->assets[index];
	struct rqs_asset_state *state = &api->asset_states[index];
	bool gzip = takes_gzip(head);
	char tag[32];

	snprintf(tag, sizeof(tag), "\"%016llx%s\"", (unsigned long long)state->hash, gzip ? "" : "-p");
	if (has_tag(head, tag)) {
		start(answer, 304, asset->content_type, "no-cache", keep);
		add(answer, "ETag: %s\r\nVary: Accept-Encoding\r\n", tag);
		finish(answer, NULL, 0, false);
		return;
	}
	if (!gzip) {
		if (!state->plain)
			state->plain = inflated(asset);
		if (!state->plain) {
			refuse(answer, 500, "The page could not be unpacked.", keep, with_body);
			return;
		}
	}
	if (!gzip)
		answer->blob = rqs_blob_get(state->plain);
	start(answer, 200, asset->content_type, "no-cache", keep);
	add(answer, "ETag: %s\r\nVary: Accept-Encoding\r\n%s", tag, gzip ? "Content-Encoding: gzip\r\n" : "");
	if (gzip)
		finish(answer, asset->gzip, asset->gzip_bytes, with_body);
	else
		finish(answer, answer->blob->data, answer->blob->bytes, with_body);
}

static void answer_snapshot(struct rqs_http_api *api, bool keep, bool with_body, struct rqs_answer *answer)
{
	uint64_t seq = rqs_model_seq(api->model);

	if (!api->snapshot || api->snapshot_seq != seq) {
		rqs_blob_put(api->snapshot);
		api->snapshot = rqs_blob_take(rqs_snapshot_encode(api->model));
		api->snapshot_seq = seq;
	}
	if (!api->snapshot) {
		refuse(answer, 503, "There is no memory for a snapshot now.", keep, with_body);
		return;
	}
	answer->blob = rqs_blob_get(api->snapshot);
	start(answer, 200, "application/json", "no-store", keep);
	finish(answer, answer->blob->data, answer->blob->bytes, with_body);
}

int rqs_http_api_init(struct rqs_http_api *api, const struct rqs_model *model, const struct rqs_trust *trust,
		      const struct rqs_asset *assets, size_t asset_count)
{
	size_t i;

	*api = (struct rqs_http_api){ .model = model, .trust = *trust, .assets = assets, .asset_count = asset_count };
	api->asset_states = calloc(asset_count ? asset_count : 1, sizeof(*api->asset_states));
	if (!api->asset_states)
		return -ENOMEM;
	for (i = 0; i < asset_count; i++)
		api->asset_states[i].hash = hash_of(assets[i].gzip, assets[i].gzip_bytes);
	return 0;
}

void rqs_http_api_clear(struct rqs_http_api *api)
{
	size_t i;

	for (i = 0; api->asset_states && i < api->asset_count; i++)
		rqs_blob_put(api->asset_states[i].plain);
	free(api->asset_states);
	rqs_blob_put(api->snapshot);
	memset(api, 0, sizeof(*api));
}

/* A body isn't read, so what follows it can't be either: such a connection is closed after the answer. */
static bool has_body(const struct rqs_http_head *head)
{
	const struct rqs_slice *length = rqs_http_head_field(head, "content-length", 0);

	return rqs_http_head_field(head, "transfer-encoding", 0) || rqs_http_head_field(head, "content-length", 1) ||
	       (length && !rqs_slice_is(*length, "0"));
}

static bool keeps(const struct rqs_http_head *head)
{
	const struct rqs_slice *value;
	struct rqs_slice list, item;
	bool keep = head->minor >= 1;
	size_t nth;

	for (nth = 0; (value = rqs_http_head_field(head, "connection", nth)); nth++) {
		list = *value;
		while (rqs_slice_next(&list, &item)) {
			if (rqs_slice_is_nocase(item, "close"))
				return false;
			if (rqs_slice_is_nocase(item, "keep-alive"))
				keep = true;
		}
	}
	return keep && !has_body(head);
}

static void answer_stream(struct rqs_http_api *api, const struct rqs_http_head *head, bool with_body,
			  struct rqs_answer *answer)
{
	const char *text = NULL;
	int status = rqs_trust_check_upgrade(&api->trust, head, answer->key, &text);

	if (status == 0 && !with_body) {
		status = 405;
		text = "Only GET makes a WebSocket.";
	}
	if (status)
		refuse(answer, status, text, false, with_body);
	else
		answer->status = 101;
}

void rqs_http_api_answer(struct rqs_http_api *api, const struct rqs_http_head *head, struct rqs_answer *ret_answer)
{
	bool with_body = !rqs_slice_is(head->method, "HEAD");
	bool keep = keeps(head);
	const char *text = NULL;
	int status;
	size_t i;

	memset(ret_answer, 0, sizeof(*ret_answer));
	status = rqs_trust_check_host(&api->trust, head, &text);
	if (!status)
		status = rqs_trust_check_origin(head, &text);
	if (!status && with_body && !rqs_slice_is(head->method, "GET")) {
		status = 405;
		text = "Only GET and HEAD are answered.";
	}
	if (status) {
		refuse(ret_answer, status, text, false, with_body);
		return;
	}
	if (rqs_slice_is(head->path, "/api/v1/stream")) {
		answer_stream(api, head, with_body, ret_answer);
		return;
	}
	if (rqs_http_head_field(head, "upgrade", 0)) {
		refuse(ret_answer, 400, "The only upgrade is that of /api/v1/stream to websocket.", false, with_body);
		return;
	}
	if (rqs_slice_is(head->path, "/api/v1/snapshot")) {
		status = rqs_trust_check_bearer(&api->trust, head, &text);
		if (status)
			refuse(ret_answer, status, text, keep, with_body);
		else
			answer_snapshot(api, keep, with_body, ret_answer);
		return;
	}
	if (rqs_slice_is(head->path, "/livez") || rqs_slice_is(head->path, "/readyz")) {
		bool ready = head->path.data[1] == 'l' || rqs_model_seq(api->model) > 0;

		start(ret_answer, ready ? 200 : 503, PLAIN_TYPE, "no-store", keep);
		sentence(ret_answer, ready ? "ok" : "Nothing has been measured yet.", with_body);
		return;
	}
	for (i = 0; i < api->asset_count; i++) {
		if (rqs_slice_is(head->path, api->assets[i].path)) {
			answer_asset(api, i, head, keep, with_body, ret_answer);
			return;
		}
	}
	refuse(ret_answer, 404, "There is nothing at this address.", keep, with_body);
}
