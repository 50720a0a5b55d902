// SPDX-License-Identifier: GPL-2.0-only
#include "container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ID_BYTES 64 /* hex digits of an id */
#define ID_SHOWN_BYTES 12

/* A part of a cgroup's path, or what is left of one. */
struct piece {
	const char *text;
	size_t bytes;
};

static bool starts_with(struct piece piece, const char *start)
{
	return piece.bytes >= strlen(start) && !memcmp(piece.text, start, strlen(start));
}

static bool strip(struct piece *piece, const char *start, const char *end)
{
	size_t start_bytes = strlen(start), end_bytes = strlen(end);

	if (piece->bytes <= start_bytes + end_bytes || !starts_with(*piece, start) ||
	    memcmp(piece->text + piece->bytes - end_bytes, end, end_bytes))
		return false;
	piece->text += start_bytes;
	piece->bytes -= start_bytes + end_bytes;
	return true;
}

static bool is_id(struct piece piece)
{
	if (piece.bytes != ID_BYTES)
		return false;
	for (size_t i = 0; i < piece.bytes; i++)
		if (!piece.text[i] || !strchr("0123456789abcdef", piece.text[i]))
			return false;
	return true;
}

/* [PREFIX]ID[.scope], or SLICE:PREFIX:ID as the runtimes' systemd notation reads where it isn't systemd that made it. */
static bool match_id(struct piece piece, char *ret_name)
{
	/* Not here: libpod-conmon-, crio-conmon-, the monitors; they are on the host. */
	static const char *const prefixes[] = { "docker-", "cri-containerd-", "crio-", "libpod-", "libpod-payload-",
						"nerdctl-" };
	const char *colon = memrchr(piece.text, ':', piece.bytes);

	if (colon) {
		piece.bytes -= (size_t)(colon + 1 - piece.text);
		piece.text = colon + 1;
	}
	strip(&piece, "", ".scope");
	for (size_t i = 0; !is_id(piece) && i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		struct piece rest = piece;

		if (strip(&rest, prefixes[i], "") && is_id(rest))
			piece = rest;
	}
	if (!is_id(piece))
		return false;
	memcpy(ret_name, piece.text, ID_SHOWN_BYTES);
	ret_name[ID_SHOWN_BYTES] = '\0';
	return true;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* A name with systemd's \xNN undone. Any user can make cgroups below his own: odd names are nobody's container. */
static bool copy_name(struct piece piece, char *ret_name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	char name[RQS_CONTAINER_MAX];
	size_t length = 0;

	for (size_t i = 0; i < piece.bytes; i++) {
		char c = piece.text[i];

		if (c == '\\' && i + 3 < piece.bytes && piece.text[i + 1] == 'x') {
			int high = hex_digit(piece.text[i + 2]), low = hex_digit(piece.text[i + 3]);

			if (high < 0 || low < 0)
				return false;
			c = (char)(high * 16 + low);
			i += 3;
		}
		if (!c || !strchr(allowed, c) || length + 1 == sizeof(name))
			return false;
		name[length++] = c;
	}
	name[length] = '\0';
	memcpy(ret_name, name, length + 1);
	return length > 0;
}

/* @parent: the part before, @child: the part after; empty at the ends. */
static bool match_named(struct piece parent, struct piece piece, struct piece child, char *ret_name)
{
	if (strip(&piece, "lxc.payload.", ""))
		return copy_name(piece, ret_name);
	if (parent.bytes == 3 && starts_with(parent, "lxc"))
		return copy_name(piece, ret_name);
	/* systemd-nspawn itself, and a virtual machine's process, are on the host. */
	if (child.bytes == 10 && starts_with(child, "supervisor"))
		return false;
	if (starts_with(piece, "machine-qemu\\x2d"))
		return false;
	if (strip(&piece, "machine-", ".scope") || strip(&piece, "systemd-nspawn@", ".service"))
		return copy_name(piece, ret_name);
	return false;
}

static struct piece next_piece(struct piece *path)
{
	struct piece piece;
	const char *slash;

	while (path->bytes && *path->text == '/') {
		path->text++;
		path->bytes--;
	}
	slash = memchr(path->text, '/', path->bytes);
	piece = (struct piece){ path->text, slash ? (size_t)(slash - path->text) : path->bytes };
	path->text += piece.bytes;
	path->bytes -= piece.bytes;
	return piece;
}

static bool parse_path(struct piece path, char *ret_name)
{
	struct piece parent = { "", 0 }, piece = next_piece(&path), child;
	bool found = false;

	for (; piece.bytes; parent = piece, piece = child) {
		child = next_piece(&path);
		if (match_id(piece, ret_name) || match_named(parent, piece, child, ret_name))
			found = true;
	}
	return found;
}

void rqs_container_parse(const char *text, size_t bytes, char ret_name[RQS_CONTAINER_MAX])
{
	const char *end = text + bytes;

	ret_name[0] = '\0';
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;
		const char *colon = memchr(text, ':', (size_t)(stop - text)); /* number:controllers:path */

		if (colon)
			colon = memchr(colon + 1, ':', (size_t)(stop - colon - 1));
		if (colon && parse_path((struct piece){ colon + 1, (size_t)(stop - colon - 1) }, ret_name))
			return;
		text = stop + 1;
	}
}

int rqs_container_read(pid_t pid, char ret_name[RQS_CONTAINER_MAX])
{
	char path[32], text[16384];
	size_t bytes = 0;
	int fd, err = 0;

	ret_name[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (bytes < sizeof(text)) {
		ssize_t got = read(fd, text + bytes, sizeof(text) - bytes);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			err = -errno;
		if (got <= 0)
			break;
		bytes += (size_t)got;
	}
	close(fd);
	if (!err)
		rqs_container_parse(text, bytes, ret_name);
	return err;
}
