/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reply - one HTTP/1.1 answer, taken in as it arrives.
 * Downstream: remote.h.
 * Pure but for the memory of the body. Strict: what is not plainly right is an error, nothing is guessed.
 */
#ifndef RQS_REPLY_H
#define RQS_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rqs_reply; /* opaque */

/** rqs_reply_new() - @limit_bytes: of the body. Return: the parser, or NULL with errno ENOMEM. */
struct rqs_reply *rqs_reply_new(size_t limit_bytes);

/** rqs_reply_free() - NULL is fine. */
void rqs_reply_free(struct rqs_reply *reply);

/**
 * rqs_reply_feed() - take in what was received, in pieces of any size.
 * Return: 1 the answer is complete, 0 more is needed, -EPROTO malformed or bytes after its end, -EFBIG too large a
 * head or body, -ENOMEM. After an error the parser can only be freed.
 */
int rqs_reply_feed(struct rqs_reply *reply, const char *data, size_t bytes);

/** rqs_reply_end() - the connection was closed. Return: 1 the answer is complete, or -EPROTO: it was cut off. */
int rqs_reply_end(struct rqs_reply *reply);

/** rqs_reply_status() - 200 .. 599, or 0 before it is known. */
uint32_t rqs_reply_status(const struct rqs_reply *reply);

/** rqs_reply_is_json() - the Content-Type is application/json. */
bool rqs_reply_is_json(const struct rqs_reply *reply);

/** rqs_reply_take() - the body, NUL-terminated; the caller must free() it. NULL with errno ENOMEM. */
char *rqs_reply_take(struct rqs_reply *reply, size_t *ret_bytes);

#endif
