// SPDX-License-Identifier: GPL-2.0-only
#include "rows.h"

#include <stdarg.h>
#include <stdio.h>

void bench_row(const char *what, const char *against, const char *target, enum bench_met met, const char *format, ...)
{
	static const char *const answers[] = { [BENCH_NOT_MET] = "**no**", [BENCH_MET] = "yes", [BENCH_UNTOLD] = "not told" };
	va_list args;

	printf("row: %s | %s | %s | ", what, against, target);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf(" | %s\n", answers[met]);
	fflush(stdout);
}
