// SPDX-License-Identifier: GPL-2.0-only
/*
 * connect_client - an HTTP client that opens a new connection for each request and reads until the end.
 * Usage: connect_client PORT THREADS REQUESTS PATH (REQUESTS: for each thread).
 * Prints "completed=N bytes=N": answers read to their end, and all bytes read off the sockets.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct job {
	pthread_t thread;
	int port;
	long requests;
	const char *path;
	long completed;
	long long bytes;
	int error;
};

static int run_one(struct job *job)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(job->port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval limit = { .tv_sec = 10 };
	char buffer[65536];
	ssize_t got;
	int fd, err = 0, length;

	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	length = snprintf(buffer, sizeof(buffer), "GET %s HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", job->path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) || write(fd, buffer, length) != length) {
		err = -errno;
		goto out;
	}
	while ((got = read(fd, buffer, sizeof(buffer))) > 0)
		job->bytes += got;
	if (got < 0)
		err = -errno;
	else
		job->completed++;
out:
	close(fd);
	return err;
}

static void *run_job(void *data)
{
	struct job *job = data;

	for (long i = 0; i < job->requests && !job->error; i++)
		job->error = run_one(job);
	return NULL;
}

int main(int argc, char **argv)
{
	long threads = argc == 5 ? atol(argv[2]) : 0, completed = 0;
	struct job jobs[64] = { 0 };
	long long bytes = 0;
	int error = 0;

	if (threads < 1 || threads > 64) {
		fprintf(stderr, "usage: connect_client PORT THREADS REQUESTS PATH\n");
		return 2;
	}
	for (long i = 0; i < threads; i++) {
		jobs[i] = (struct job){ .port = atoi(argv[1]), .requests = atol(argv[3]), .path = argv[4] };
		if (pthread_create(&jobs[i].thread, NULL, run_job, &jobs[i]))
			return 1;
	}
	for (long i = 0; i < threads; i++) {
		pthread_join(jobs[i].thread, NULL);
		completed += jobs[i].completed;
		bytes += jobs[i].bytes;
		error = error ? error : jobs[i].error;
	}
	printf("completed=%ld bytes=%lld\n", completed, bytes);
	if (error)
		fprintf(stderr, "connect_client: %s\n", strerror(-error));
	return error ? 1 : 0;
}
