// SPDX-License-Identifier: GPL-2.0-only
#include "bytering.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int rqs_bytering_init(struct rqs_bytering *ring, size_t bytes)
{
	uint8_t *data = calloc(1, bytes ? bytes : 1);

	if (!data)
		return -ENOMEM;
	ring->data = data;
	ring->bytes = bytes;
	ring->at = 0;
	return 0;
}

void rqs_bytering_fini(struct rqs_bytering *ring)
{
	free(ring->data);
	ring->data = NULL;
	ring->bytes = 0;
}

struct rqs_piece rqs_bytering_put(struct rqs_bytering *ring, const uint8_t *data, size_t bytes)
{
	struct rqs_piece piece = { 0 };
	size_t offset;

	if (!bytes || bytes > ring->bytes)
		return piece;
	offset = ring->at % ring->bytes;
	if (offset + bytes > ring->bytes) { /* a piece lies in one piece */
		ring->at += ring->bytes - offset;
		offset = 0;
	}
	memcpy(ring->data + offset, data, bytes);
	piece.at = ring->at;
	piece.bytes = (uint32_t)bytes;
	ring->at += bytes;
	return piece;
}

const uint8_t *rqs_bytering_get(const struct rqs_bytering *ring, struct rqs_piece piece)
{
	if (!piece.bytes || ring->at - piece.at > ring->bytes)
		return NULL;
	return ring->data + piece.at % ring->bytes;
}
