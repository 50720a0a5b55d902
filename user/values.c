// SPDX-License-Identifier: GPL-2.0-only
#include "values.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define MS 1000000ULL
#define SECOND (1000 * MS)
#define DIGITS "0123456789"

int rqs_duration_parse(const char *text, uint64_t *ret_ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = { { "us", 1000 }, { "ms", MS }, { "s", SECOND }, { "m", 60 * SECOND }, { "h", 3600 * SECOND } };
	uint64_t number = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(*p - '0'), &number))
			return -EINVAL;
	if (p == text)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(p, units[i].name))
			continue;
		if (__builtin_mul_overflow(number, units[i].ns, &number))
			return -EINVAL;
		*ret_ns = number;
		return 0;
	}
	return -EINVAL;
}

int rqs_value_whole(const char *text, uint32_t min, uint32_t max, uint32_t *ret_number)
{
	uint32_t number = 0;

	if (!*text || strlen(text) > 9 || text[strspn(text, DIGITS)])
		return -EINVAL;
	for (; *text; text++)
		number = number * 10 + (uint32_t)(*text - '0');
	if (number < min || number > max)
		return -EINVAL;
	*ret_number = number;
	return 0;
}

int rqs_value_percent(const char *text, double *ret_ratio)
{
	size_t whole = strspn(text, DIGITS), rest = 0;
	bool point = text[whole] == '.';
	uint32_t hundredths = 0;

	if (point)
		rest = strspn(text + whole + 1, DIGITS);
	if (whole < 1 || whole > 4 || rest > 2 || point != (rest > 0) || text[whole + point + rest])
		return -EINVAL;
	for (; *text; text++)
		if (*text != '.')
			hundredths = hundredths * 10 + (uint32_t)(*text - '0');
	for (; rest < 2; rest++)
		hundredths *= 10;
	if (hundredths < 1 || hundredths > 100000)
		return -EINVAL;
	*ret_ratio = hundredths / 10000.0;
	return 0;
}
