/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trust - who may ask: the rules on Host, Origin, token and upgrade that every request must pass.
 * Upstream: http_head.h. Downstream: http_api.h, main.c (tokens).
 * Pure but for rqs_token_generate() and rqs_token_read_file().
 *
 * Host keeps DNS rebinding out, Origin other sites' scripts, the token other local users.
 */
#ifndef RQS_TRUST_H
#define RQS_TRUST_H

#include "http_head.h"

#define RQS_TOKEN_BYTES_MIN 16
#define RQS_TOKEN_BYTES_MAX 128
#define RQS_TOKEN_PROTOCOL "rqscope.token." /* WebSocket subprotocol that carries the token */
#define RQS_STREAM_PROTOCOL "rqscope.v1"
#define RQS_WEBSOCKET_KEY_BYTES 24

/* All borrowed. */
struct rqs_trust {
	const char *token;	    /* NULL: none is asked for */
	const char *listen_address; /* numeric; NULL with a Unix socket: any one Host will do */
	const char *const *allow_hosts;
	size_t allow_host_count;
};

/*
 * The checks below return 0, or the HTTP status to refuse with. @ret_text: then one sentence, static.
 */

/**
 * rqs_trust_check_host() - exactly one Host, that names this server: "localhost", 127.0.0.0/8, [::1], the
 * address listened on, or an allowed name; with any port, so that a forwarded one works.
 * Return: 0, 400 (none, several, malformed) or 403 (another one).
 */
int rqs_trust_check_host(const struct rqs_trust *trust, const struct rqs_http_head *head, const char **ret_text);

/**
 * rqs_trust_check_origin() - an Origin that was sent must be http or https and have Host's name and port.
 * Return: 0, 400 (several) or 403.
 */
int rqs_trust_check_origin(const struct rqs_http_head *head, const char **ret_text);

/** rqs_trust_check_bearer() - "Authorization: Bearer TOKEN". Return: 0 or 401. */
int rqs_trust_check_bearer(const struct rqs_trust *trust, const struct rqs_http_head *head, const char **ret_text);

/**
 * rqs_trust_check_upgrade() - a request for the stream: an upgrade to websocket and nothing else, the right
 * subprotocols, and an Origin when it comes from a browser. A browser is who sends Sec-Fetch-... or calls
 * itself Mozilla; no page's script can take these away.
 * @ret_key: the value of Sec-WebSocket-Key, checked; set only on 0.
 * Return: 0, 400, 401, 403 or 426.
 */
int rqs_trust_check_upgrade(const struct rqs_trust *trust, const struct rqs_http_head *head,
			    char ret_key[RQS_WEBSOCKET_KEY_BYTES + 1], const char **ret_text);

/** rqs_trust_equal() - compare in a time that depends on the lengths only. */
bool rqs_trust_equal(const char *a, size_t a_bytes, const char *b, size_t b_bytes);

/** rqs_token_generate() - 128 bits of the kernel's randomness as 32 hex digits. Return: 0, or -errno. */
int rqs_token_generate(char ret_token[RQS_TOKEN_BYTES_MAX + 1]);

/**
 * rqs_token_parse() - the content of a token file: one token of 16 to 128 letters, digits or "-._~" (what
 * stands unescaped in a URL and in a subprotocol), and perhaps an end of line.
 * @ret_error: on failure one sentence without the file's name; static.
 * Return: 0, or -EINVAL (@ret_token untouched).
 */
int rqs_token_parse(const char *text, size_t bytes, char ret_token[RQS_TOKEN_BYTES_MAX + 1], const char **ret_error);

/**
 * rqs_token_read_file() - read a token from a regular file.
 * @ret_error: on failure one sentence that names the file and what is wrong.
 * Return: 0, or -errno (@ret_token untouched).
 */
int rqs_token_read_file(const char *path, char ret_token[RQS_TOKEN_BYTES_MAX + 1], char ret_error[256]);

#endif
