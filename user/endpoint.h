/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * endpoint - where to listen or to connect to: ADDR:PORT with a numeric address, or unix:PATH.
 * Downstream: options.h, remote.h.
 * Pure: names are not resolved, nothing is opened.
 */
#ifndef RQS_ENDPOINT_H
#define RQS_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#define RQS_ENDPOINT_PATH_MAX 108 /* sun_path of struct sockaddr_un, NUL included */

struct rqs_endpoint {
	char address[64]; /* numeric, no brackets, in its shortest form; "" with a path */
	uint16_t port;
	char unix_path[RQS_ENDPOINT_PATH_MAX]; /* "" with an address */
};

/**
 * rqs_endpoint_parse() - "127.0.0.1:7117", "[::1]:7117", "localhost:7117" (127.0.0.1) or "unix:/run/x".
 * @ret_reason: on failure what is wrong, as the second half of a sentence; static.
 * Return: 0, or -EINVAL (@ret_endpoint untouched).
 */
int rqs_endpoint_parse(const char *text, struct rqs_endpoint *ret_endpoint, const char **ret_reason);

/** rqs_endpoint_is_local() - a loopback address (also as IPv4 in IPv6), or a Unix socket. */
bool rqs_endpoint_is_local(const struct rqs_endpoint *endpoint);

#endif
