// SPDX-License-Identifier: GPL-2.0-only
#include "trust.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOST_NAME_BYTES_MAX 255

/* The authority of Host and Origin, taken apart. */
struct authority {
	char name[HOST_NAME_BYTES_MAX + 1]; /* without brackets */
	bool bracketed;
	int port; /* -1 when not given */
};

static bool is_name_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
	       c == '_';
}

static int parse_port(const char *digits, size_t bytes, int *ret_port)
{
	int port = 0;
	size_t i;

	if (!bytes || bytes > 5)
		return -EINVAL;
	for (i = 0; i < bytes; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return -EINVAL;
		port = port * 10 + (digits[i] - '0');
	}
	if (port > 65535)
		return -EINVAL;
	*ret_port = port;
	return 0;
}

static int parse_authority(struct rqs_slice text, struct authority *ret)
{
	const char *end = text.data + text.bytes;
	const char *name = text.data, *name_end, *c;
	struct in6_addr address;

	ret->bracketed = text.bytes && *name == '[';
	ret->port = -1;
	if (ret->bracketed) {
		name++;
		name_end = memchr(name, ']', text.bytes - 1);
		if (!name_end)
			return -EINVAL;
		c = name_end + 1;
	} else {
		for (name_end = name; name_end < end && is_name_byte(*name_end); name_end++)
			;
		c = name_end;
	}
	if (name_end == name || name_end - name > HOST_NAME_BYTES_MAX)
		return -EINVAL;
	memcpy(ret->name, name, (size_t)(name_end - name));
	ret->name[name_end - name] = '\0';
	if (ret->bracketed && (memchr(name, '\0', (size_t)(name_end - name)) || inet_pton(AF_INET6, ret->name, &address) != 1))
		return -EINVAL;
	if (c == end)
		return 0;
	if (*c != ':')
		return -EINVAL;
	return parse_port(c + 1, (size_t)(end - c - 1), &ret->port);
}

/* Addresses are compared as such: one has many spellings. */
static bool same_host(const char *a, const char *b)
{
	unsigned char a_address[16], b_address[16];

	if (inet_pton(AF_INET6, a, a_address) == 1)
		return inet_pton(AF_INET6, b, b_address) == 1 && memcmp(a_address, b_address, 16) == 0;
	return strcasecmp(a, b) == 0;
}

static bool is_loopback(const struct authority *host)
{
	struct in_addr address;

	if (host->bracketed)
		return same_host(host->name, "::1");
	if (strcasecmp(host->name, "localhost") == 0)
		return true;
	return inet_pton(AF_INET, host->name, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

static bool is_allowed(const struct rqs_trust *trust, const struct authority *host)
{
	char bare[HOST_NAME_BYTES_MAX + 1];
	size_t i, bytes;

	if (same_host(host->name, trust->listen_address))
		return true;
	for (i = 0; i < trust->allow_host_count; i++) {
		const char *allowed = trust->allow_hosts[i];

		bytes = strlen(allowed);
		if (bytes > 2 && bytes < sizeof(bare) && allowed[0] == '[' && allowed[bytes - 1] == ']') {
			memcpy(bare, allowed + 1, bytes - 2);
			bare[bytes - 2] = '\0';
			allowed = bare;
		}
		if (same_host(host->name, allowed))
			return true;
	}
	return false;
}

static int read_host(const struct rqs_http_head *head, struct authority *ret_host, const char **ret_text)
{
	const struct rqs_slice *value = rqs_http_head_field(head, "host", 0);

	if (!value) {
		*ret_text = "The request has no Host.";
		return 400;
	}
	if (rqs_http_head_field(head, "host", 1)) {
		*ret_text = "The request has more than one Host.";
		return 400;
	}
	if (parse_authority(*value, ret_host)) {
		*ret_text = "The request's Host can't be read.";
		return 400;
	}
	return 0;
}

int rqs_trust_check_host(const struct rqs_trust *trust, const struct rqs_http_head *head, const char **ret_text)
{
	struct authority host;
	int status = read_host(head, &host, ret_text);

	if (status || !trust->listen_address || is_loopback(&host) || is_allowed(trust, &host))
		return status;
	*ret_text = "This server does not answer to that Host; start rqscope with --allow-host NAME to let it.";
	return 403;
}

int rqs_trust_check_origin(const struct rqs_http_head *head, const char **ret_text)
{
	const struct rqs_slice *origin = rqs_http_head_field(head, "origin", 0);
	struct authority host, from;
	struct rqs_slice rest;
	int status, port;

	if (!origin)
		return 0;
	if (rqs_http_head_field(head, "origin", 1)) {
		*ret_text = "The request has more than one Origin.";
		return 400;
	}
	status = read_host(head, &host, ret_text);
	if (status)
		return status;
	*ret_text = "The request comes from a page of another site.";
	if (origin->bytes > 7 && memcmp(origin->data, "http://", 7) == 0) {
		rest = (struct rqs_slice){ origin->data + 7, origin->bytes - 7 };
		port = 80;
	} else if (origin->bytes > 8 && memcmp(origin->data, "https://", 8) == 0) {
		rest = (struct rqs_slice){ origin->data + 8, origin->bytes - 8 };
		port = 443;
	} else {
		return 403;
	}
	if (parse_authority(rest, &from) || from.bracketed != host.bracketed || !same_host(from.name, host.name))
		return 403;
	if ((from.port < 0 ? port : from.port) != (host.port < 0 ? port : host.port))
		return 403;
	return 0;
}

bool rqs_trust_equal(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
	unsigned char difference = 0;
	size_t i;

	if (a_bytes != b_bytes)
		return false;
	for (i = 0; i < a_bytes; i++)
		difference |= (unsigned char)(((const volatile char *)a)[i] ^ ((const volatile char *)b)[i]);
	return difference == 0;
}

int rqs_trust_check_bearer(const struct rqs_trust *trust, const struct rqs_http_head *head, const char **ret_text)
{
	const struct rqs_slice *value = rqs_http_head_field(head, "authorization", 0);
	struct rqs_slice token;

	if (!trust->token)
		return 0;
	*ret_text = "This needs the token that rqscope printed when it started, as Authorization: Bearer TOKEN.";
	if (!value || rqs_http_head_field(head, "authorization", 1))
		return 401;
	if (value->bytes < 7 || strncasecmp(value->data, "Bearer ", 7) != 0)
		return 401;
	token = (struct rqs_slice){ value->data + 7, value->bytes - 7 };
	while (token.bytes && *token.data == ' ')
		token = (struct rqs_slice){ token.data + 1, token.bytes - 1 };
	return rqs_trust_equal(token.data, token.bytes, trust->token, strlen(trust->token)) ? 0 : 401;
}

/* Whether any field of that name lists the element; a field may be given several times. */
static bool lists(const struct rqs_http_head *head, const char *name, const char *element)
{
	const struct rqs_slice *value;
	struct rqs_slice list, item;
	size_t nth;

	for (nth = 0; (value = rqs_http_head_field(head, name, nth)); nth++) {
		list = *value;
		while (rqs_slice_next(&list, &item))
			if (rqs_slice_is_nocase(item, element))
				return true;
	}
	return false;
}

static bool offers_token(const struct rqs_http_head *head, const char *token)
{
	const size_t prefix = sizeof(RQS_TOKEN_PROTOCOL) - 1;
	const struct rqs_slice *value;
	struct rqs_slice list, item;
	bool found = false;
	size_t nth;

	for (nth = 0; (value = rqs_http_head_field(head, "sec-websocket-protocol", nth)); nth++) {
		list = *value;
		while (rqs_slice_next(&list, &item))
			if (item.bytes > prefix && memcmp(item.data, RQS_TOKEN_PROTOCOL, prefix) == 0)
				found |= rqs_trust_equal(item.data + prefix, item.bytes - prefix, token, strlen(token));
	}
	return found;
}

static bool is_browser(const struct rqs_http_head *head)
{
	const struct rqs_slice *agent = rqs_http_head_field(head, "user-agent", 0);
	size_t i;

	for (i = 0; i < head->field_count; i++)
		if (head->fields[i].name.bytes > 10 && strncasecmp(head->fields[i].name.data, "Sec-Fetch-", 10) == 0)
			return true;
	return agent && agent->bytes >= 7 && strncasecmp(agent->data, "Mozilla", 7) == 0;
}

/* 16 bytes in base64: 22 letters, the last of which has four unused bits, and "==". */
static int check_key(const struct rqs_http_head *head, char ret_key[RQS_WEBSOCKET_KEY_BYTES + 1])
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const struct rqs_slice *key = rqs_http_head_field(head, "sec-websocket-key", 0);
	size_t i;

	if (!key || key->bytes != RQS_WEBSOCKET_KEY_BYTES || rqs_http_head_field(head, "sec-websocket-key", 1))
		return -EINVAL;
	for (i = 0; i < 22; i++)
		if (!key->data[i] || !strchr(alphabet, key->data[i]))
			return -EINVAL;
	if (memcmp(key->data + 22, "==", 2) != 0)
		return -EINVAL;
	memcpy(ret_key, key->data, RQS_WEBSOCKET_KEY_BYTES);
	ret_key[RQS_WEBSOCKET_KEY_BYTES] = '\0';
	return 0;
}

int rqs_trust_check_upgrade(const struct rqs_trust *trust, const struct rqs_http_head *head,
			    char ret_key[RQS_WEBSOCKET_KEY_BYTES + 1], const char **ret_text)
{
	const struct rqs_slice *upgrade = rqs_http_head_field(head, "upgrade", 0);
	const struct rqs_slice *version = rqs_http_head_field(head, "sec-websocket-version", 0);
	char key[RQS_WEBSOCKET_KEY_BYTES + 1];

	if (!upgrade) {
		*ret_text = "This is a WebSocket: ask for an upgrade.";
		return 426;
	}
	if (!rqs_slice_is_nocase(*upgrade, "websocket") || rqs_http_head_field(head, "upgrade", 1)) {
		*ret_text = "The only upgrade is that to websocket.";
		return 400;
	}
	if (head->minor < 1 || !lists(head, "connection", "upgrade") || check_key(head, key)) {
		*ret_text = "This is not a WebSocket handshake as RFC 6455 has it.";
		return 400;
	}
	if (!version || !rqs_slice_is(*version, "13")) {
		*ret_text = "The only WebSocket version is 13.";
		return 426;
	}
	if (is_browser(head) && !rqs_http_head_field(head, "origin", 0)) {
		*ret_text = "A browser must send an Origin.";
		return 403;
	}
	if (trust->token && !offers_token(head, trust->token)) {
		*ret_text = "This needs the token that rqscope printed when it started, as the subprotocol "
			    RQS_TOKEN_PROTOCOL "TOKEN.";
		return 401;
	}
	if (!lists(head, "sec-websocket-protocol", RQS_STREAM_PROTOCOL)) {
		*ret_text = "The subprotocol " RQS_STREAM_PROTOCOL " must be offered.";
		return 400;
	}
	memcpy(ret_key, key, sizeof(key));
	return 0;
}

int rqs_token_generate(char ret_token[RQS_TOKEN_BYTES_MAX + 1])
{
	uint8_t random[16];
	size_t i;

	/* Up to 256 bytes come whole or not at all, random(4). */
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return errno ? -errno : -EIO;
	for (i = 0; i < sizeof(random); i++)
		snprintf(ret_token + 2 * i, 3, "%02x", random[i]);
	return 0;
}

int rqs_token_parse(const char *text, size_t bytes, char ret_token[RQS_TOKEN_BYTES_MAX + 1], const char **ret_error)
{
	size_t i;

	if (bytes && text[bytes - 1] == '\n')
		bytes--;
	if (bytes && text[bytes - 1] == '\r')
		bytes--;
	if (bytes < RQS_TOKEN_BYTES_MIN || bytes > RQS_TOKEN_BYTES_MAX) {
		*ret_error = "a token has 16 to 128 characters";
		return -EINVAL;
	}
	for (i = 0; i < bytes; i++) {
		if (!is_name_byte(text[i]) && text[i] != '~') {
			*ret_error = "a token is one line of letters, digits, '-', '.', '_' or '~'";
			return -EINVAL;
		}
	}
	memcpy(ret_token, text, bytes);
	ret_token[bytes] = '\0';
	return 0;
}

int rqs_token_read_file(const char *path, char ret_token[RQS_TOKEN_BYTES_MAX + 1], char ret_error[256])
{
	char text[RQS_TOKEN_BYTES_MAX + 8];
	const char *reason = NULL;
	struct stat status;
	ssize_t bytes = 0;
	int err = 0;
	int fd;

	/* Not blocking: a FIFO without a writer would hang the start. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &status)) {
		err = -errno;
	} else if (!S_ISREG(status.st_mode)) {
		err = -EINVAL;
		reason = "it is not a regular file";
	} else {
		bytes = read(fd, text, sizeof(text));
		if (bytes < 0)
			err = -errno;
	}
	if (!err)
		err = rqs_token_parse(text, (size_t)bytes, ret_token, &reason);
	if (fd >= 0)
		close(fd);
	if (err)
		snprintf(ret_error, 256, "can't take the token from %s: %s", path, reason ? reason : strerror(-err));
	explicit_bzero(text, sizeof(text));
	return err;
}
