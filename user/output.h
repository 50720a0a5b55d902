/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * output - a file that is written whole or not at all.
 * Downstream: main.c.
 *
 * Opened before measuring, so that a path that can't be written is known at once; nothing at the path itself changes
 * until the commit. No symlink is followed at the path's last part, and what is not a regular file is never replaced.
 */
#ifndef RQS_OUTPUT_H
#define RQS_OUTPUT_H

#include <stddef.h>

#define RQS_OUTPUT_ERROR_MAX 256

struct rqs_output; /* opaque: the folder and a temporary file in it */

/**
 * rqs_output_open() - look at what is there and create a temporary file beside it, mode 0600.
 * @ret_error: on failure one sentence that names @path and why.
 * Return: 0, or -errno (-ELOOP a symlink, -EISDIR, -EEXIST not a regular file, -EACCES, ...).
 */
int rqs_output_open(const char *path, struct rqs_output **ret_output, char ret_error[RQS_OUTPUT_ERROR_MAX]);

/**
 * rqs_output_commit() - write, sync, and put the file in its place; once at most.
 * Needs the right to write in the folder: commit before giving up privileges, or keep them.
 * Return: 0, or -errno; then what was at the path is unchanged.
 */
int rqs_output_commit(struct rqs_output *output, const void *data, size_t bytes, char ret_error[RQS_OUTPUT_ERROR_MAX]);

/** rqs_output_close() - remove the temporary file if it wasn't committed, and free. NULL is fine. */
void rqs_output_close(struct rqs_output *output);

#endif
