// SPDX-License-Identifier: GPL-2.0-only
#include "blob.h"

#include <stdlib.h>
#include <string.h>

struct rqs_blob *rqs_blob_new(const void *data, size_t bytes)
{
	struct rqs_blob *blob = malloc(sizeof(*blob) + RQS_BLOB_HEADROOM + bytes);

	if (!blob)
		return NULL;
	blob->refs = 1;
	blob->bytes = bytes;
	blob->data = blob->room + RQS_BLOB_HEADROOM;
	memset(blob->room, 0, RQS_BLOB_HEADROOM);
	if (data && bytes)
		memcpy(blob->data, data, bytes);
	return blob;
}

struct rqs_blob *rqs_blob_take(struct rqs_text text)
{
	struct rqs_blob *blob = text.data ? rqs_blob_new(text.data, text.bytes) : NULL;

	free(text.data);
	return blob;
}

struct rqs_blob *rqs_blob_get(struct rqs_blob *blob)
{
	blob->refs++;
	return blob;
}

void rqs_blob_put(struct rqs_blob *blob)
{
	if (blob && --blob->refs == 0)
		free(blob);
}
