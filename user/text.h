/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text - bytes from the traced host made safe to show: the one place where such text enters.
 * Pure.
 */
#ifndef RQS_TEXT_H
#define RQS_TEXT_H

#include <stddef.h>

/**
 * rqs_text_clean() - copy bytes as valid UTF-8 without control characters.
 * @dst: NUL-terminated on return. @dst_bytes: > 0.
 * @src, @src_bytes: any bytes; a NUL ends them early.
 *
 * Control bytes (C0, DEL, and C1 as UTF-8), bytes that are not UTF-8, surrogates and the characters that turn
 * text around (U+202A..202E, U+2066..2069) become \xNN for each of their bytes. What does not fit is cut
 * at a whole character.
 * Return: bytes written without the NUL.
 */
size_t rqs_text_clean(char *dst, size_t dst_bytes, const char *src, size_t src_bytes);

/** rqs_text_utf8_bytes() - length of the valid UTF-8 character at @src, 1 .. 4; 0 where there is none. */
size_t rqs_text_utf8_bytes(const char *src, size_t src_bytes);

#endif
