// SPDX-License-Identifier: GPL-2.0-only
#include "process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "loops.h"

#define SNAPSHOT_BYTES (8 << 20)

int bench_rqscope_start(struct bench_rqscope *rqscope, const char *path, char tap, const char *without)
{
	char tap_text[2] = { tap, '\0' };
	const char *options[5] = { NULL };
	uint32_t words = 0;

	if (tap) {
		options[words++] = "--tap";
		options[words++] = tap_text;
	}
	if (without) {
		options[words++] = "--without";
		options[words++] = without;
	}
	return bench_rqscope_start_with(rqscope, path, options);
}

int bench_rqscope_start_with(struct bench_rqscope *rqscope, const char *path, const char *const *options)
{
	char *argv[16] = { (char *)path, "--listen", "127.0.0.1:0" }, text[512];
	int err;

	for (uint32_t i = 0; options[i] && i < 12; i++)
		argv[3 + i] = (char *)options[i];
	rqscope->roles = 2;
	err = bench_process_start(&rqscope->process, argv, -1);
	if (err)
		return err;
	err = bench_process_read(&rqscope->process, "\n", 10000, text, sizeof(text));
	if (!err && sscanf(text, "rqscope: dashboard at http://127.0.0.1:%u/#token=%127s", &rqscope->port, rqscope->token) != 2)
		err = -EPROTO;
	if (err) {
		fprintf(stderr, "bench: %s does not start: %s %s\n", path, strerror(-err), text);
		bench_process_end(&rqscope->process, 5000);
	}
	return err;
}

int bench_rqscope_end(struct bench_rqscope *rqscope)
{
	return bench_process_end(&rqscope->process, 5000);
}

/* The body of the answer to one request, or NULL; the caller frees it. */
static char *fetch(const struct bench_rqscope *rqscope, const char *path)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(rqscope->port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval limit = { .tv_sec = 5 };
	char request[512], *text = malloc(SNAPSHOT_BYTES), *body = NULL;
	size_t bytes = 0;
	ssize_t got = -1;
	int fd, length;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || !text)
		goto out;
	length = snprintf(request, sizeof(request),
			  "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n", path,
			  rqscope->port, rqscope->token);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) || write(fd, request, length) != length)
		goto out;
	while (bytes + 1 < SNAPSHOT_BYTES && (got = read(fd, text + bytes, SNAPSHOT_BYTES - 1 - bytes)) > 0)
		bytes += got;
	text[bytes] = '\0';
	body = got ? NULL : strstr(text, "\r\n\r\n");
	if (body)
		body = strdup(body + 4);
out:
	if (fd >= 0)
		close(fd);
	free(text);
	return body;
}

static uint64_t number_of(json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* Of the service at this port; in how many roles. */
static uint32_t roles_counted(json_t *snapshot, uint32_t port, uint64_t requests)
{
	json_t *service;
	uint32_t roles = 0;
	size_t i;

	json_array_foreach (json_object_get(snapshot, "services"), i, service) {
		if (number_of(service, "port") == port && number_of(service, "requests") == requests &&
		    number_of(service, "responses") == requests && !number_of(service, "in_flight") &&
		    !number_of(service, "aborted"))
			roles++;
	}
	return roles;
}

static bool all_counted(json_t *snapshot, uint32_t port, uint64_t requests)
{
	return roles_counted(snapshot, port, requests) == 2;
}

static bool one_counted(json_t *snapshot, uint32_t port, uint64_t requests)
{
	return roles_counted(snapshot, port, requests) == 1;
}

/* Wait for a snapshot in which @holds. */
static int wait_for(struct bench_rqscope *rqscope, bool (*holds)(json_t *snapshot, uint32_t port, uint64_t count),
		    uint32_t port, uint64_t count)
{
	uint64_t end_ns = bench_now_ns() + 2000000000ULL;
	bool held = false;

	do {
		char *text = fetch(rqscope, "/api/v1/snapshot");
		json_t *snapshot = text ? json_loads(text, 0, NULL) : NULL;

		held = snapshot && holds(snapshot, port, count);
		json_decref(snapshot);
		free(text);
		if (!held)
			bench_wait_ms(5);
	} while (!held && bench_now_ns() < end_ns);
	return held ? 0 : -ERANGE;
}

int bench_rqscope_counted(struct bench_rqscope *rqscope, uint32_t port, uint64_t requests)
{
	return wait_for(rqscope, rqscope->roles == 2 ? all_counted : one_counted, port, requests);
}

static bool all_switched(json_t *snapshot, uint32_t port, uint64_t switches)
{
	json_t *runqueue = json_object_get(json_object_get(snapshot, "totals"), "runqueue");

	return number_of(runqueue, "switches") >= switches;
}

int bench_rqscope_switched(struct bench_rqscope *rqscope, uint64_t switches)
{
	return wait_for(rqscope, all_switched, 0, switches);
}
