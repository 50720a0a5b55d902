// SPDX-License-Identifier: GPL-2.0-only
#include "text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

size_t rqs_text_utf8_bytes(const char *src, size_t src_bytes)
{
	const unsigned char *s = (const unsigned char *)src;
	unsigned char low = 0x80, high = 0xbf;
	size_t bytes, i;

	if (!src_bytes)
		return 0;
	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		bytes = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		bytes = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		bytes = 4;
	else
		return 0;
	if (src_bytes < bytes)
		return 0;
	/* the second byte rules out overlong forms, surrogates and what lies above U+10FFFF */
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (i = 2; i < bytes; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return bytes;
}

/* A valid character that must not be shown as it is. */
static bool is_hidden(const unsigned char *s, size_t bytes)
{
	if (bytes == 1)
		return s[0] < 0x20 || s[0] == 0x7f;
	if (bytes == 2)
		return s[0] == 0xc2 && s[1] < 0xa0;
	if (bytes == 3 && s[0] == 0xe2)
		return (s[1] == 0x80 && s[2] >= 0xaa && s[2] <= 0xae) ||
		       (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9);
	return false;
}

size_t rqs_text_clean(char *dst, size_t dst_bytes, const char *src, size_t src_bytes)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *s = (const unsigned char *)src;
	size_t at = 0, out = 0, i;

	while (at < src_bytes && s[at]) {
		size_t bytes = rqs_text_utf8_bytes(src + at, src_bytes - at);
		bool escape = !bytes || is_hidden(s + at, bytes);

		if (!bytes)
			bytes = 1;
		if (bytes * (escape ? 4 : 1) > dst_bytes - 1 - out)
			break;
		for (i = 0; i < bytes; i++) {
			if (escape) {
				dst[out++] = '\\';
				dst[out++] = 'x';
				dst[out++] = hex[s[at + i] >> 4];
				dst[out++] = hex[s[at + i] & 15];
			} else {
				dst[out++] = src[at + i];
			}
		}
		at += bytes;
	}
	dst[out] = '\0';
	return out;
}
