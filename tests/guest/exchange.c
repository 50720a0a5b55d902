// SPDX-License-Identifier: GPL-2.0-only
/*
 * exchange - a server and a client in one process each, over TCP and over a Unix socket: so many requests on so many
 * connections. Alone in a guest without anything else: linked statically.
 * Usage: exchange PORT PATH. Ends with 0 when every request had its answer.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONNECTIONS 5
#define REQUESTS 10 /* on each */
#define LIMIT_S 60

static const char request[] = "GET /guest HTTP/1.1\r\nHost: t\r\n\r\n";
static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

struct place {
	union {
		struct sockaddr any;
		struct sockaddr_in inet;
		struct sockaddr_un unix_socket;
	};
	socklen_t bytes;
};

static int die(const char *what)
{
	perror(what);
	exit(1);
}

/* All of a message that is as long as @text; 0 at the end of the stream. */
static int take(int fd, const char *text, size_t bytes)
{
	char buffer[sizeof(answer) + sizeof(request)];
	size_t at = 0;
	ssize_t got;

	while (at < bytes && (got = read(fd, buffer + at, bytes - at)) > 0)
		at += (size_t)got;
	return at == bytes && !memcmp(buffer, text, bytes);
}

static void serve(int listener)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		int fd = accept(listener, NULL, NULL);

		while (fd >= 0 && take(fd, request, sizeof(request) - 1))
			if (write(fd, answer, sizeof(answer) - 1) < 0)
				die("write");
		close(fd);
	}
	exit(0);
}

static void ask(const struct place *place)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		int fd = socket(place->any.sa_family, SOCK_STREAM, 0);

		if (fd < 0 || connect(fd, &place->any, place->bytes))
			die("connect");
		for (int n = 0; n < REQUESTS; n++)
			if (write(fd, request, sizeof(request) - 1) < 0 || !take(fd, answer, sizeof(answer) - 1))
				die("no answer");
		close(fd);
	}
}

static void exchange(const struct place *place)
{
	int listener = socket(place->any.sa_family, SOCK_STREAM, 0), status = 1;
	pid_t child;

	if (listener < 0 || bind(listener, &place->any, place->bytes) || listen(listener, CONNECTIONS))
		die("listen");
	child = fork();
	if (child < 0)
		die("fork");
	alarm(LIMIT_S);
	if (!child)
		serve(listener);
	ask(place);
	if (waitpid(child, &status, 0) != child || status)
		die("the server");
}

int main(int argc, char **argv)
{
	struct place tcp = { .inet = { .sin_family = AF_INET }, .bytes = sizeof(struct sockaddr_in) };
	struct place local = { .unix_socket = { .sun_family = AF_UNIX }, .bytes = sizeof(struct sockaddr_un) };

	if (argc != 3)
		return 2;
	tcp.inet.sin_port = htons((unsigned short)atoi(argv[1]));
	tcp.inet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	snprintf(local.unix_socket.sun_path, sizeof(local.unix_socket.sun_path), "%s", argv[2]);
	exchange(&tcp);
	exchange(&local);
	return 0;
}
