/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bytering - a ring of bytes for pieces of any length; new ones overwrite the oldest.
 * Downstream: history.h, services.h. Pure.
 */
#ifndef RQS_BYTERING_H
#define RQS_BYTERING_H

#include <stddef.h>
#include <stdint.h>

struct rqs_bytering {
	uint8_t *data;
	size_t bytes;
	uint64_t at; /* bytes written since the start, those skipped at the end of the ring included */
};

/* Where a piece lies. All zero: none. */
struct rqs_piece {
	uint64_t at;
	uint32_t bytes;
};

/** rqs_bytering_init() - reserve @bytes. Return: 0, or -ENOMEM. */
int rqs_bytering_init(struct rqs_bytering *ring, size_t bytes);

/** rqs_bytering_fini() - give the memory back; a ring of zeros is fine. */
void rqs_bytering_fini(struct rqs_bytering *ring);

/** rqs_bytering_put() - keep a copy. Return: the piece; none when it is larger than the ring or empty. */
struct rqs_piece rqs_bytering_put(struct rqs_bytering *ring, const uint8_t *data, size_t bytes);

/** rqs_bytering_get() - Return: piece.bytes bytes, valid until the next put; NULL when overwritten or none. */
const uint8_t *rqs_bytering_get(const struct rqs_bytering *ring, struct rqs_piece piece);

#endif
