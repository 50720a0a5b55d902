/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * check - the command "rqscope check": what this kernel and these privileges allow, and what would help.
 * Upstream: probes.h. A shell: it prints.
 */
#ifndef RQS_CHECK_H
#define RQS_CHECK_H

#include <stdbool.h>

/* Exit statuses of the program; see docs/command-line.md. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NOT_ALLOWED = 3 };

/**
 * rqs_check_run() - try each probe and print what came of it.
 * Return: EXIT_DONE, EXIT_NOT_ALLOWED when none can be attached, EXIT_FAILED when nothing could be printed.
 */
int rqs_check_run(bool json);

#endif
