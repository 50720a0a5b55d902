/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * container - which container a process is in, as told by its cgroup.
 * Downstream: whoever fills struct rqs_service_ident.
 */
#ifndef RQS_CONTAINER_H
#define RQS_CONTAINER_H

#include <stddef.h>
#include <sys/types.h>

#define RQS_CONTAINER_MAX 80 /* a name, NUL included */

/**
 * rqs_container_parse() - from the text of /proc/PID/cgroup, cgroup v1 and v2. Pure.
 * @ret_name: the first 12 hex digits of the id (docker, containerd, CRI-O, podman, kubernetes), or the name (lxc,
 *	systemd-nspawn); of nested containers the innermost; "" for a process on the host, or in something unknown.
 *	Always clean ASCII: letters, digits, '.', '_', '-'.
 */
void rqs_container_parse(const char *text, size_t bytes, char ret_name[RQS_CONTAINER_MAX]);

/**
 * rqs_container_read() - rqs_container_parse() of /proc/@pid/cgroup.
 * Return: 0, or -errno (-ENOENT, -ESRCH: the process is gone), @ret_name then "".
 */
int rqs_container_read(pid_t pid, char ret_name[RQS_CONTAINER_MAX]);

#endif
