/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * blob - bytes made once and sent to many: what every client of a rate gets is one of these.
 * Downstream: hub.h, http_api.h, front.h.
 * Counted without atomics: all references belong to the thread that serves.
 */
#ifndef RQS_BLOB_H
#define RQS_BLOB_H

#include <stddef.h>

#include "frame.h"

/* Room in front of the bytes, for the header of a WebSocket frame: libwebsockets' LWS_PRE. */
#define RQS_BLOB_HEADROOM 16

struct rqs_blob {
	unsigned int refs;
	size_t bytes;
	unsigned char *data; /* what is in front of it, RQS_BLOB_HEADROOM bytes, may be written to */
	unsigned char room[];
};

/** rqs_blob_new() - a copy of @bytes bytes (NULL: not filled), with one reference. NULL with errno ENOMEM. */
struct rqs_blob *rqs_blob_new(const void *data, size_t bytes);

/** rqs_blob_take() - the same from a text that is freed; NULL when the text could not be made. */
struct rqs_blob *rqs_blob_take(struct rqs_text text);

struct rqs_blob *rqs_blob_get(struct rqs_blob *blob);

/** rqs_blob_put() - NULL is fine. */
void rqs_blob_put(struct rqs_blob *blob);

#endif
