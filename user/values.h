/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * values - what an option's value may be. Pure. Each returns 0, or -EINVAL with its output untouched.
 * Downstream: options.c.
 */
#ifndef RQS_VALUES_H
#define RQS_VALUES_H

#include <stdint.h>

/** rqs_duration_parse() - "250us", "100ms", "5s", "2m"; a number needs its unit. */
int rqs_duration_parse(const char *text, uint64_t *ret_ns);

/** rqs_value_whole() - digits and nothing else, @min .. @max, of at most 9. */
int rqs_value_whole(const char *text, uint32_t min, uint32_t max, uint32_t *ret_number);

/** rqs_value_percent() - "2", "0.5": 0.01 to 1000, at most two digits behind the point. */
int rqs_value_percent(const char *text, double *ret_ratio);

#endif
