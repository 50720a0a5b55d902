/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * remote - a snapshot asked of an rqscope that runs already: GET /api/v1/snapshot.
 * Downstream: options.h (the URL), main.c.
 * Threads: none of its own.
 */
#ifndef RQS_REMOTE_H
#define RQS_REMOTE_H

#include <stddef.h>
#include <stdint.h>

#include "endpoint.h"

#define RQS_REMOTE_ERROR_MAX 200
#define RQS_REMOTE_TOKEN_MAX 256 /* NUL included */
#define RQS_REMOTE_LIMIT_MS 10000
#define RQS_REMOTE_LIMIT_BYTES (64u << 20)

struct rqs_remote {
	struct rqs_endpoint endpoint;
	char token[RQS_REMOTE_TOKEN_MAX]; /* "": none */
};

/**
 * rqs_remote_parse() - a URL as serve prints it, "http://ADDR:PORT/#token=TOKEN", or "unix:PATH#token=TOKEN". Pure.
 * @ret_error: on failure one sentence; it never holds the token.
 * The token may be missing. Return: 0, or -EINVAL (@ret_remote untouched).
 */
int rqs_remote_parse(const char *url, struct rqs_remote *ret_remote, char ret_error[RQS_REMOTE_ERROR_MAX]);

/**
 * rqs_remote_set_token() - use this token (of a token file) instead of the URL's. Pure.
 * @token: 1 .. 255 visible ASCII characters. Return: 0, or -EINVAL (@remote unchanged).
 */
int rqs_remote_set_token(struct rqs_remote *remote, const char *token);

/**
 * rqs_remote_fetch() - ask, and wait for the whole answer.
 * @limit_ms: for all of it, connecting included. @limit_bytes: of the document.
 * @ret_data: the JSON text; free() it. @ret_bytes: without the NUL that follows it.
 * @ret_error: on failure one sentence that names the address and what is wrong.
 *
 * No name is resolved, no proxy used, no redirect followed.
 * Return: 0; -ETIMEDOUT, -EACCES (token refused), -EPROTO (not an rqscope, or not one that can answer), -EFBIG, or
 * another -errno of the connection. @ret_data and @ret_bytes are untouched on failure.
 */
int rqs_remote_fetch(const struct rqs_remote *remote, uint32_t limit_ms, size_t limit_bytes, char **ret_data,
		     size_t *ret_bytes, char ret_error[RQS_REMOTE_ERROR_MAX]);

#endif
