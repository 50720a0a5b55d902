// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_rate - whether rqscope's own process needs more CPU when more requests are served: nginx at 1,000 a second and as fast as
 * it can, in turn.
 * Usage: bench_rate RQSCOPE. Takes half a minute; needs root, nginx and wrk.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "loops.h"
#include "process.h"
#include "rounds.h"
#include "rows.h"

#define SECONDS 2 /* of each, a round */
#define ROUNDS 7
#define SLOW_PER_S 1000
#define BURST 10
#define TARGET 1.25 /* no growth, within what one round differs from the next */

static uint64_t process_cpu_ns(pid_t pid)
{
	struct timespec time = {};
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &time))
		return 0;
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static int connect_to(uint32_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval limit = { .tv_sec = 5 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -ECONNREFUSED;
}

/* One request; its answer of a known length comes in one piece or several. */
static int ask(int fd)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
	char text[4096];
	size_t bytes = 0, wanted = 0;

	if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) != (ssize_t)(sizeof(request) - 1))
		return -EPIPE;
	while (!wanted || bytes < wanted) {
		ssize_t got = recv(fd, text + bytes, sizeof(text) - 1 - bytes, 0);
		const char *length, *end;

		if (got <= 0)
			return -EPIPE;
		bytes += got;
		text[bytes] = '\0';
		length = strstr(text, "Content-Length: ");
		end = strstr(text, "\r\n\r\n");
		if (length && end)
			wanted = end + 4 - text + atoi(length + 16);
	}
	return 0;
}

/* A few each hundredth of a second. nginx closes a connection after a number of requests. */
static int ask_slowly(uint32_t port, uint64_t *ret_requests)
{
	uint64_t start_ns = bench_now_ns(), requests = 0;
	int fd = connect_to(port);

	while (bench_now_ns() - start_ns < SECONDS * 1000000000ULL) {
		if (fd < 0)
			return fd;
		for (uint32_t i = 0; i < BURST && fd >= 0; i++, requests++)
			if (ask(fd)) {
				close(fd);
				fd = connect_to(port);
			}
		while ((bench_now_ns() - start_ns) / 1e9 < (double)requests / SLOW_PER_S)
			bench_wait_ms(1);
	}
	close(fd);
	*ret_requests = requests;
	return 0;
}

static int measure(struct bench_nginx *nginx, const struct bench_rqscope *rqscope, double *ret_slow, double *ret_full,
		   double *ret_rate)
{
	uint64_t begin_ns = bench_now_ns(), cpu_ns = process_cpu_ns(rqscope->process.pid), requests;
	struct bench_load load = {};
	int err = ask_slowly(nginx->port, &requests);

	if (err)
		return err;
	*ret_slow = (double)(process_cpu_ns(rqscope->process.pid) - cpu_ns) / (bench_now_ns() - begin_ns);
	begin_ns = bench_now_ns();
	cpu_ns = process_cpu_ns(rqscope->process.pid);
	err = bench_nginx_load(nginx, SECONDS, &load);
	*ret_full = (double)(process_cpu_ns(rqscope->process.pid) - cpu_ns) / (bench_now_ns() - begin_ns);
	*ret_rate = load.requests_per_s;
	return err;
}

int main(int argc, char **argv)
{
	double slow[ROUNDS], full[ROUNDS], rates[ROUNDS], ratios[ROUNDS];
	uint32_t rounds = bench_rounds_count() < ROUNDS ? bench_rounds_count() : ROUNDS;
	struct bench_rqscope rqscope;
	struct bench_nginx nginx;
	double ratio;
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: bench_rate RQSCOPE\n");
		return 2;
	}
	if (bench_nginx_start(&nginx)) {
		bench_row("user-space CPU at full load", "at 1,000 requests/s", "no growth", BENCH_UNTOLD, "nginx is not installed");
		return 0;
	}
	err = bench_rqscope_start(&rqscope, argv[1], 0, NULL);
	if (!err) {
		for (uint32_t i = 0; i < rounds && !err; i++) {
			err = measure(&nginx, &rqscope, &slow[i], &full[i], &rates[i]);
			ratios[i] = full[i] / slow[i];
		}
		bench_rqscope_end(&rqscope);
	}
	bench_nginx_end(&nginx);
	if (err) {
		fprintf(stderr, "bench_rate: could not be measured: %s\n", strerror(-err));
		return 1;
	}
	ratio = bench_spread_of(ratios, rounds).median;
	printf("rqscope's process: %.2f %% of one CPU at 1,000 requests/s, %.2f %% at %.0f; medians of %u rounds of %u s each\n",
	       100 * bench_spread_of(slow, rounds).median, 100 * bench_spread_of(full, rounds).median,
	       bench_spread_of(rates, rounds).median, rounds, SECONDS);
	bench_row("user-space CPU while nginx serves as fast as it can", "the same at 1,000 requests/s", "no growth, within noise: 1.25 x",
		  bench_met_if(ratio <= TARGET), "%.2f x, %.0f requests/s", ratio, bench_spread_of(rates, rounds).median);
	return 0;
}
