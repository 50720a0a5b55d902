/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * listener - the socket that clients connect to: a numeric address and port, or a path.
 * Downstream: front.h.
 */
#ifndef RQS_LISTENER_H
#define RQS_LISTENER_H

#include <stdint.h>
#include <sys/types.h>

struct rqs_listener {
	int fd;	       /* not blocking; -1: none */
	uint16_t port; /* 0 for a Unix socket */
	char path[108]; /* "" but for a Unix socket */
	dev_t dev;
	ino_t ino;
};

/**
 * rqs_listener_open_tcp() - listen on an address of this host.
 * @address: numeric, IPv4 or IPv6, no brackets; an IPv6 one takes no IPv4 clients.
 * @port: 0 lets the kernel choose; see @ret_listener->port.
 * @ret_error: on failure one sentence that names address and port and says why.
 * Return: 0, or -errno (@ret_listener untouched).
 */
int rqs_listener_open_tcp(const char *address, uint16_t port, struct rqs_listener *ret_listener, char ret_error[256]);

/**
 * rqs_listener_open_unix() - listen at a path that only this user may connect to (mode 0600 from the start).
 * A socket that nobody listens at any more is replaced; anything else that is there stays: -EADDRINUSE.
 * Return: as above.
 */
int rqs_listener_open_unix(const char *path, struct rqs_listener *ret_listener, char ret_error[256]);

/** rqs_listener_accept() - the next client. Return: its socket, not blocking, or -errno (-EAGAIN: there is none). */
int rqs_listener_accept(const struct rqs_listener *listener);

/** rqs_listener_close() - and remove the path, if it is still ours and we still may. */
void rqs_listener_close(struct rqs_listener *listener);

#endif
