// SPDX-License-Identifier: GPL-2.0-only
#include "loops.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "stats.h"

#define BATCHES_MAX 16384
#define BATCHES_MIN 16 /* that make a result */
#define LIMIT_FACTOR 5 /* so many times as long as asked for a loop tries to get them */

static const char http_request[] =
	"GET /index.html?from=bench HTTP/1.1\r\n"
	"Host: 127.0.0.1:8080\r\n"
	"User-Agent: bench/1\r\n"
	"Accept: */*\r\n"
	"\r\n";
/* The head is as long as nginx's, the body as a small page. */
static const char http_response_head[] =
	"HTTP/1.1 200 OK\r\n"
	"Server: nginx/1.22.1\r\n"
	"Date: Tue, 24 Nov 2026 03:00:00 GMT\r\n"
	"Content-Type: text/html\r\n"
	"Content-Length: 612\r\n"
	"Last-Modified: Tue, 24 Nov 2026 03:00:00 GMT\r\n"
	"Connection: keep-alive\r\n"
	"ETag: \"6744d3a0-264\"\r\n"
	"Accept-Ranges: bytes\r\n"
	"\r\n";
#define HTTP_BODY_BYTES 612

uint64_t bench_now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

void bench_wait_ms(unsigned int ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&time, NULL);
}

static const cpu_set_t *cpus_at_start(void)
{
	static cpu_set_t cpus;
	static bool known;

	if (!known)
		known = !sched_getaffinity(0, sizeof(cpus), &cpus);
	return &cpus;
}

int bench_pin(int cpu)
{
	cpu_set_t cpus = *cpus_at_start();

	if (cpu >= 0) {
		CPU_ZERO(&cpus);
		CPU_SET(cpu, &cpus);
	}
	return sched_setaffinity(0, sizeof(cpus), &cpus) ? -errno : 0;
}

int bench_cpu(bool other)
{
	const cpu_set_t *cpus = cpus_at_start();
	int found = 0;

	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, cpus))
			continue;
		found = cpu;
		if (other)
			break;
	}
	return found;
}

static long switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nivcsw + usage.ru_nvcsw;
}

/*
 * Short batches, so that most of them are undisturbed whatever else the machine does. In one of a loop that doesn't
 * sleep a context switch means that the CPU was taken away; where switching is the work that can't be told, and the
 * first quartile stands for what is undisturbed.
 */
static int time_batches(int (*work)(void *data, uint32_t times), void *data, uint32_t batch, bool sleeps, uint64_t for_ns,
			double *ret_ns)
{
	static double batch_ns[BATCHES_MAX];
	uint64_t begin_ns = bench_now_ns(), from_ns, to_ns;
	struct bench_spread spread;
	size_t kept = 0;
	long before;
	int err;

	do {
		before = switches();
		from_ns = bench_now_ns();
		err = work(data, batch);
		to_ns = bench_now_ns();
		if (err)
			return err;
		if ((sleeps || switches() == before) && kept < BATCHES_MAX)
			batch_ns[kept++] = (double)(to_ns - from_ns) / batch;
	} while (to_ns - begin_ns < for_ns || (kept < BATCHES_MIN && to_ns - begin_ns < LIMIT_FACTOR * for_ns));
	if (kept < BATCHES_MIN)
		return -EAGAIN;
	spread = bench_spread_of(batch_ns, kept);
	*ret_ns = sleeps ? spread.low : spread.median;
	return 0;
}

int bench_http_open(struct bench_http *http)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	struct timeval limit = { .tv_sec = 2 };
	int listener, err = 0, on = 1;

	*http = (struct bench_http){ .client = -1, .server = -1 };
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0)
		return -errno;
	if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&address, &length)) {
		err = -errno;
		goto out;
	}
	http->port = ntohs(address.sin_port);
	http->client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (http->client < 0 || connect(http->client, (struct sockaddr *)&address, length)) {
		err = -errno;
		goto out;
	}
	http->server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (http->server < 0) {
		err = -errno;
		goto out;
	}
	for (int i = 0; i < 2; i++) {
		int fd = i ? http->server : http->client;

		if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ||
		    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)))
			err = -errno;
	}
out:
	close(listener);
	if (err)
		bench_http_close(http);
	return err;
}

void bench_http_close(struct bench_http *http)
{
	if (http->client >= 0)
		close(http->client);
	if (http->server >= 0)
		close(http->server);
	http->client = -1;
	http->server = -1;
}

uint32_t bench_http_request_bytes(void)
{
	return sizeof(http_request) - 1;
}

uint32_t bench_http_response_bytes(void)
{
	return sizeof(http_response_head) - 1 + HTTP_BODY_BYTES;
}

static int http_work(void *data, uint32_t times)
{
	static char response[sizeof(http_response_head) - 1 + HTTP_BODY_BYTES], buffer[4096];
	struct bench_http *http = data;

	if (!response[0]) {
		memset(response, '.', sizeof(response));
		memcpy(response, http_response_head, sizeof(http_response_head) - 1);
	}
	for (uint32_t i = 0; i < times; i++) {
		if (write(http->client, http_request, sizeof(http_request) - 1) != sizeof(http_request) - 1 ||
		    read(http->server, buffer, sizeof(buffer)) != sizeof(http_request) - 1 ||
		    write(http->server, response, sizeof(response)) != sizeof(response) ||
		    read(http->client, buffer, sizeof(buffer)) != sizeof(response))
			return -EIO;
		http->requests++;
	}
	return 0;
}

int bench_http_time(struct bench_http *http, uint64_t for_ns, double *ret_ns)
{
	/* The first ones find cold caches, and TCP still growing its windows. */
	int err = http_work(http, 500);

	return err ?: time_batches(http_work, http, 32, false, for_ns, ret_ns);
}

static int getppid_work(void *data, uint32_t times)
{
	for (uint32_t i = 0; i < times; i++)
		syscall(SYS_getppid);
	return 0;
}

int bench_getppid_time(uint64_t for_ns, double *ret_ns)
{
	return time_batches(getppid_work, NULL, 500, false, for_ns, ret_ns);
}

static int pipe_work(void *data, uint32_t times)
{
	int *fds = data;
	char byte = 'x';

	for (uint32_t i = 0; i < times; i++) {
		if (write(fds[1], &byte, 1) != 1 || read(fds[0], &byte, 1) != 1)
			return -EIO;
	}
	return 0;
}

int bench_pipe_time(uint64_t for_ns, double *ret_ns)
{
	int fds[2], err;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	err = time_batches(pipe_work, fds, 100, false, for_ns, ret_ns);
	close(fds[0]);
	close(fds[1]);
	return err;
}

/* Each thread sleeps until the other one writes. */
struct switching {
	int there[2];
	int back[2];
	int cpu;
};

static void *switching_run(void *data)
{
	struct switching *switching = data;
	int err = bench_pin(switching->cpu);
	char byte;

	/* Ends when the other end is closed. */
	while (!err && read(switching->there[0], &byte, 1) == 1) {
		if (write(switching->back[1], &byte, 1) != 1)
			break;
	}
	close(switching->back[1]);
	return NULL;
}

static int switching_work(void *data, uint32_t times)
{
	struct switching *switching = data;
	char byte = 'x';

	for (uint32_t i = 0; i < times; i++) {
		if (write(switching->there[1], &byte, 1) != 1 || read(switching->back[0], &byte, 1) != 1)
			return -EIO;
	}
	return 0;
}

int bench_switch_time(uint64_t for_ns, double *ret_ns)
{
	struct switching switching = { .cpu = sched_getcpu(), .there = { -1, -1 }, .back = { -1, -1 } };
	bool started = false;
	pthread_t thread;
	double round_ns;
	int err = 0;

	if (pipe2(switching.there, O_CLOEXEC) || pipe2(switching.back, O_CLOEXEC))
		err = -errno;
	if (!err) {
		err = -pthread_create(&thread, NULL, switching_run, &switching);
		started = !err;
	}
	err = err ?: switching_work(&switching, 500);
	err = err ?: time_batches(switching_work, &switching, 32, true, for_ns, &round_ns);
	close(switching.there[1]);
	if (started)
		pthread_join(thread, NULL);
	else
		close(switching.back[1]);
	close(switching.there[0]);
	close(switching.back[0]);
	if (!err)
		*ret_ns = round_ns / 2;
	return err;
}
