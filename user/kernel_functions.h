/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernel_functions - whether BPF programs may be put on the kernel's functions, as on its tracepoints.
 * Downstream: probes.h.
 * Threads: from one thread, the one that loads.
 */
#ifndef RQS_KERNEL_FUNCTIONS_H
#define RQS_KERNEL_FUNCTIONS_H

#include <stdbool.h>

/**
 * rqs_kernel_has_function() - whether a program can be put at the end of a function of this name (fexit).
 * @name: a function of the kernel's own, not of a module.
 *
 * Tried with one that does nothing, which takes some milliseconds less than to find out with a large one. False too where root has
 * switched such programs off (kernel.ftrace_enabled): they would be attached and never run.
 */
bool rqs_kernel_has_function(const char *name);

#endif
