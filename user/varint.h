/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * varint - whole numbers in as few bytes as they need: seven bits a byte, lowest first, the highest bit says that more follow.
 * Downstream: dist.h, service_row.h, service_log.h. Pure.
 */
#ifndef RQS_VARINT_H
#define RQS_VARINT_H

#include <stddef.h>
#include <stdint.h>

#define RQS_VARINT_MAX 10 /* the most bytes of one number */

/** rqs_varint_put() - Return: behind the bytes written, at most RQS_VARINT_MAX. */
static inline uint8_t *rqs_varint_put(uint8_t *dst, uint64_t value)
{
	while (value >= 0x80) {
		*dst++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*dst++ = (uint8_t)value;
	return dst;
}

/** rqs_varint_get() - Return: behind the bytes read; NULL when the number doesn't end before @end, @ret_value untouched then. */
static inline const uint8_t *rqs_varint_get(const uint8_t *src, const uint8_t *end, uint64_t *ret_value)
{
	uint64_t value = 0;
	uint32_t shift;

	for (shift = 0; src < end && shift < 64; shift += 7) {
		value |= (uint64_t)(*src & 0x7f) << shift;
		if (!(*src++ & 0x80)) {
			*ret_value = value;
			return src;
		}
	}
	return NULL;
}

#endif
