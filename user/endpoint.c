// SPDX-License-Identifier: GPL-2.0-only
#include "endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static int parse_port(const char *text, uint16_t *ret_port)
{
	uint32_t port = 0;
	size_t length = strlen(text);

	if (length < 1 || length > 5 || strspn(text, "0123456789") != length)
		return -EINVAL;
	for (; *text; text++)
		port = port * 10 + (uint32_t)(*text - '0');
	if (port > UINT16_MAX)
		return -EINVAL;
	*ret_port = (uint16_t)port;
	return 0;
}

static int parse_unix(const char *path, struct rqs_endpoint *ret_endpoint, const char **ret_reason)
{
	struct rqs_endpoint endpoint = { .port = 0 };

	if (!*path) {
		*ret_reason = "the path after unix: is empty";
		return -EINVAL;
	}
	/* The abstract namespace has no file modes: any local user could connect. */
	if (*path == '@') {
		*ret_reason = "the path after unix: must be that of a file, not an abstract name";
		return -EINVAL;
	}
	if (strlen(path) >= sizeof(endpoint.unix_path)) {
		*ret_reason = "the path after unix: is too long, at most 107 bytes fit in a socket's address";
		return -EINVAL;
	}
	memcpy(endpoint.unix_path, path, strlen(path));
	*ret_endpoint = endpoint;
	return 0;
}

static int parse_address(const char *text, size_t bytes, bool brackets, char ret_address[64], const char **ret_reason)
{
	unsigned char binary[sizeof(struct in6_addr)];
	int family = brackets ? AF_INET6 : AF_INET;
	char copy[64];

	if (bytes < sizeof(copy)) {
		memcpy(copy, text, bytes);
		copy[bytes] = '\0';
		if (!brackets && !strcmp(copy, "localhost"))
			strcpy(copy, "127.0.0.1");
		if (inet_pton(family, copy, binary) == 1 && inet_ntop(family, binary, ret_address, 64))
			return 0;
	}
	if (!brackets && memchr(text, ':', bytes))
		*ret_reason = "an IPv6 address goes in brackets, as in [::1]:7117";
	else if (!bytes)
		*ret_reason = "there is no address before the port";
	else
		*ret_reason = "the address must be numeric, as in 127.0.0.1:7117 or [::1]:7117";
	return -EINVAL;
}

int rqs_endpoint_parse(const char *text, struct rqs_endpoint *ret_endpoint, const char **ret_reason)
{
	struct rqs_endpoint endpoint = { .port = 0 };
	bool brackets = text[0] == '[';
	const char *start, *end, *colon;

	if (!strncmp(text, "unix:", 5))
		return parse_unix(text + 5, ret_endpoint, ret_reason);

	if (brackets) {
		start = text + 1;
		end = strchr(start, ']');
		colon = end && end[1] == ':' ? end + 1 : NULL;
	} else {
		start = text;
		end = colon = strrchr(text, ':');
	}
	if (!colon) {
		*ret_reason = "there must be an address and a port, as in 127.0.0.1:7117";
		return -EINVAL;
	}
	if (parse_address(start, (size_t)(end - start), brackets, endpoint.address, ret_reason))
		return -EINVAL;
	if (parse_port(colon + 1, &endpoint.port)) {
		*ret_reason = "the port must be a whole number from 0 to 65535";
		return -EINVAL;
	}
	*ret_endpoint = endpoint;
	return 0;
}

bool rqs_endpoint_is_local(const struct rqs_endpoint *endpoint)
{
	struct in6_addr six;
	struct in_addr four;

	if (endpoint->unix_path[0])
		return true;
	if (inet_pton(AF_INET, endpoint->address, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, endpoint->address, &six) != 1)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&six) || (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127);
}
