// SPDX-License-Identifier: GPL-2.0-only
#include "pairs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loops.h"

#define LIMIT_NS 180000000000ULL

struct bench_pairs_told {
	atomic_uint ports[BENCH_PAIRS_MAX];
	atomic_uint rounds; /* of requests that are wanted on the connections that are held */
	atomic_uint done[BENCH_PAIRS_MAX]; /* rounds that a process has made */
	atomic_bool end;
};

struct pair {
	int client;
	int server;
};

static const char request[] = "GET /one HTTP/1.1\r\nHost: localhost\r\n\r\n";
static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

static bool pass(int from, int to, const char *text, size_t bytes)
{
	char read_back[sizeof(request) + sizeof(response)];
	size_t got = 0;

	if (send(from, text, bytes, MSG_NOSIGNAL) != (ssize_t)bytes)
		return false;
	while (got < bytes) {
		ssize_t part = recv(to, read_back, bytes - got, 0);

		if (part <= 0)
			return false;
		got += part;
	}
	return true;
}

static bool ask(const struct pair *pair)
{
	return pass(pair->client, pair->server, request, sizeof(request) - 1) &&
	       pass(pair->server, pair->client, response, sizeof(response) - 1);
}

static int open_listener(struct sockaddr_in *address)
{
	socklen_t bytes = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (fd < 0 || bind(fd, (struct sockaddr *)address, sizeof(*address)) || listen(fd, 128) ||
	    getsockname(fd, (struct sockaddr *)address, &bytes))
		return -1;
	return fd;
}

static bool open_pair(int listener, const struct sockaddr_in *address, struct pair *pair)
{
	/* With a reset no port is blocked for a minute after it. */
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	pair->server = -1;
	pair->client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (pair->client < 0 || connect(pair->client, (const struct sockaddr *)address, sizeof(*address)))
		return false;
	setsockopt(pair->client, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	pair->server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	return pair->server >= 0;
}

static void close_pair(struct pair *pair)
{
	close(pair->client);
	close(pair->server);
}

static bool hold(struct bench_pairs_told *told, uint32_t index, uint32_t each, int listener, const struct sockaddr_in *address)
{
	struct pair *pairs = calloc(each, sizeof(*pairs));

	if (!pairs)
		return false;
	for (uint32_t i = 0; i < each; i++)
		if (!open_pair(listener, address, &pairs[i]) || !ask(&pairs[i]))
			return false;
	atomic_store(&told->done[index], 1);
	while (!atomic_load(&told->end)) {
		if (atomic_load(&told->rounds) == atomic_load(&told->done[index])) {
			bench_wait_ms(5);
			continue;
		}
		for (uint32_t i = 0; i < each; i++)
			if (!ask(&pairs[i]))
				return false;
		atomic_fetch_add(&told->done[index], 1);
	}
	for (uint32_t i = 0; i < each; i++)
		close_pair(&pairs[i]);
	return true;
}

static bool churn(struct bench_pairs_told *told, uint32_t index, uint32_t each, int listener, const struct sockaddr_in *address)
{
	for (uint32_t i = 0; i < each && !atomic_load(&told->end); i++) {
		struct pair pair;

		if (!open_pair(listener, address, &pair) || !ask(&pair))
			return false;
		close_pair(&pair);
	}
	atomic_store(&told->done[index], 1);
	while (!atomic_load(&told->end))
		bench_wait_ms(5);
	return true;
}

static int start(struct bench_pairs *pairs, uint32_t count, uint32_t each,
		 bool (*run)(struct bench_pairs_told *told, uint32_t index, uint32_t each, int listener,
			     const struct sockaddr_in *address))
{
	*pairs = (struct bench_pairs){ .each = each };
	pairs->told = mmap(NULL, sizeof(*pairs->told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (pairs->told == MAP_FAILED)
		return -errno;
	atomic_store(&pairs->told->rounds, 1);
	for (uint32_t i = 0; i < count; i++) {
		struct sockaddr_in address;
		int listener = open_listener(&address);

		if (listener < 0)
			return -errno;
		pairs->ports[i] = ntohs(address.sin_port);
		pairs->pids[i] = fork();
		if (!pairs->pids[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			_exit(run(pairs->told, i, each, listener, &address) ? 0 : 1);
		}
		close(listener);
		if (pairs->pids[i] < 0)
			return -errno;
		pairs->count++;
	}
	return 0;
}

/* Until all processes have made as many rounds as are wanted. */
static int wait_done(struct bench_pairs *pairs)
{
	uint64_t end_ns = bench_now_ns() + LIMIT_NS;
	uint32_t wanted = atomic_load(&pairs->told->rounds);

	for (uint32_t i = 0; i < pairs->count; i++) {
		while (atomic_load(&pairs->told->done[i]) < wanted) {
			if (waitpid(pairs->pids[i], NULL, WNOHANG)) {
				pairs->pids[i] = -1;
				return -ECHILD;
			}
			if (bench_now_ns() > end_ns)
				return -ETIMEDOUT;
			bench_wait_ms(5);
		}
	}
	return 0;
}

int bench_pairs_hold(struct bench_pairs *pairs, uint32_t count, uint32_t each)
{
	int err = start(pairs, count, each, hold);

	return err ?: wait_done(pairs);
}

int bench_pairs_ask(struct bench_pairs *pairs)
{
	atomic_fetch_add(&pairs->told->rounds, 1);
	return wait_done(pairs);
}

int bench_pairs_churn(struct bench_pairs *pairs, uint32_t count, uint32_t each)
{
	int err = start(pairs, count, each, churn);

	return err ?: wait_done(pairs);
}

void bench_pairs_end(struct bench_pairs *pairs)
{
	atomic_store(&pairs->told->end, true);
	for (uint32_t i = 0; i < pairs->count; i++)
		if (pairs->pids[i] > 0)
			waitpid(pairs->pids[i], NULL, 0);
	munmap(pairs->told, sizeof(*pairs->told));
}
