// SPDX-License-Identifier: GPL-2.0-only
#include "clients.h"

#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "loops.h"

#define READ_BYTES (256 << 10)
#define HEAD_BYTES 320 /* of a message, where its type, seq, t and missed stand */
#define BATCH 256
#define CHURN_MAX 64 /* that are here at once */

/* Where a client is in what it reads: frames of the server are not masked, their headers have 2, 4 or 10 bytes. */
struct client {
	int fd;
	uint32_t header_bytes;
	unsigned char header[10];
	bool inside; /* a frame's payload */
	uint64_t left; /* of it */
	unsigned char byte; /* its last one: what a ping of rqscope holds */
	uint32_t head_bytes;
	char head[HEAD_BYTES + 1]; /* the begin of the message */
	uint64_t seq; /* of the last window, 0: none yet */
	double delay_ms; /* of the last message, NAN: none yet */
	bool deaf;
};

struct crowd {
	struct bench_clients_config config;
	struct bench_clients_told *told;
	struct client *clients;
	int epoll;
	int churn[CHURN_MAX]; /* a ring */
	uint32_t churned, gone;
	unsigned char *buffer;
};

int bench_clients_room(uint32_t files)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return -errno;
	if (limit.rlim_cur >= files)
		return 0;
	if (limit.rlim_max < files)
		return -EMFILE;
	limit.rlim_cur = files;
	return setrlimit(RLIMIT_NOFILE, &limit) ? -errno : 0;
}

/* --- connecting --------------------------------------------------------------------------------------- */

static int say(int fd, const char *text)
{
	unsigned char frame[6 + 125] = { 0x81 };
	size_t bytes = strlen(text);

	if (bytes > 125)
		return -EINVAL;
	/* A mask of zeros is one, too. */
	frame[1] = 0x80 | (unsigned char)bytes;
	memcpy(frame + 6, text, bytes);
	return write(fd, frame, 6 + bytes) == (ssize_t)(6 + bytes) ? 0 : -EIO;
}

/* Byte by byte, so that nothing of the first frame is taken. */
static int read_answer(int fd)
{
	char text[1024];
	size_t bytes = 0;

	while (bytes + 1 < sizeof(text) && read(fd, text + bytes, 1) == 1) {
		text[++bytes] = '\0';
		if (bytes >= 4 && !memcmp(text + bytes - 4, "\r\n\r\n", 4))
			return strncmp(text, "HTTP/1.1 101", 12) ? -ECONNREFUSED : 0;
	}
	return -ECONNRESET;
}

/* Return: a descriptor of a WebSocket, or -errno. */
static int join(const struct crowd *crowd)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(crowd->config.port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const char *token = crowd->config.token;
	struct timeval limit = { .tv_sec = 10 };
	char request[512];
	int fd, length, err = 0;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	length = snprintf(request, sizeof(request),
			  "GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
			  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			  "Sec-WebSocket-Protocol: rqscope.v1%s%s\r\n\r\n",
			  crowd->config.port, token ? ", rqscope.token." : "", token ?: "");
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) || write(fd, request, length) != length)
		err = -errno;
	err = err ?: read_answer(fd);
	err = err ?: crowd->config.first ? say(fd, crowd->config.first) : 0;
	if (err)
		close(fd);
	return err ?: fd;
}

static void join_one(struct crowd *crowd, uint32_t index)
{
	struct client *client = &crowd->clients[index];
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = index };

	client->fd = join(crowd);
	client->deaf = index && index <= crowd->config.deaf;
	client->delay_ms = NAN;
	if (client->fd < 0) {
		atomic_fetch_add(&crowd->told->lost, 1);
		return;
	}
	if (!client->deaf && epoll_ctl(crowd->epoll, EPOLL_CTL_ADD, client->fd, &event))
		atomic_fetch_add(&crowd->told->lost, 1);
	else
		atomic_fetch_add(&crowd->told->connected, 1);
}

/* --- reading ------------------------------------------------------------------------------------------- */

static uint64_t number_after(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static void note(atomic_ulong *counts, double ms)
{
	uint32_t index = ms < 0 ? 0 : ms * 10 >= BENCH_DELAYS - 1 ? BENCH_DELAYS - 1 : (uint32_t)(ms * 10);

	atomic_fetch_add(&counts[index], 1);
}

double bench_clients_quantile(const atomic_ulong *counts, double share)
{
	uint64_t all = 0, seen = 0;

	for (uint32_t i = 0; i < BENCH_DELAYS; i++)
		all += atomic_load(&counts[i]);
	for (uint32_t i = 0; i < BENCH_DELAYS && all; i++) {
		seen += atomic_load(&counts[i]);
		if (seen >= share * all)
			return (i + 1) / 10.0;
	}
	return NAN;
}

static void note_delay(struct crowd *crowd, struct client *client)
{
	struct timespec now;
	const char *at = strstr(client->head, "\"t\":["), *comma;
	double delay_ms;

	if (!at)
		return;
	/* The last of them is the one that it had to wait for. */
	at += 5;
	for (comma = at; *comma && *comma != ']'; comma++)
		if (*comma == ',')
			at = comma + 1;
	clock_gettime(CLOCK_REALTIME, &now);
	delay_ms = now.tv_sec * 1e3 + now.tv_nsec / 1e6 - strtod(at, NULL);
	if (atomic_load(&crowd->told->noting)) {
		note(crowd->told->delays, delay_ms);
		if (!isnan(client->delay_ms))
			note(crowd->told->jitters, fabs(delay_ms - client->delay_ms));
	}
	client->delay_ms = delay_ms;
}

/* A message of windows: do they follow the last ones? */
static void take_windows(struct crowd *crowd, struct client *client)
{
	const char *at = strstr(client->head, "\"seq\":[");
	uint32_t count = number_after(client->head, "\"missed\":");
	uint64_t first, last;
	char *end;

	atomic_fetch_add(&crowd->told->windows, 1);
	if (!at)
		return;
	first = last = strtoull(at + 7, &end, 10);
	while (*end == ',')
		last = strtoull(end + 1, &end, 10);
	if (count)
		first = last - count + 1; /* one that so many were merged into */
	if (client->seq && first != client->seq + 1)
		atomic_fetch_add(&crowd->told->holes, first > client->seq ? first - client->seq - 1 : 1);
	client->seq = last;
	count = last - first + 1;
	if (count > atomic_load(&crowd->told->merged_max))
		atomic_store(&crowd->told->merged_max, count);
	note_delay(crowd, client);
}

static void end_message(struct crowd *crowd, struct client *client)
{
	client->head[client->head_bytes] = '\0';
	if (strstr(client->head, "\"type\":\"windows\""))
		take_windows(crowd, client);
	client->head_bytes = 0;
	if (client == crowd->clients)
		atomic_fetch_add(&crowd->told->first_messages, 1);
	atomic_fetch_add(&crowd->told->messages, 1);
}

static void end_frame(struct crowd *crowd, struct client *client)
{
	unsigned char pong[6 + 1] = { 0x8a, 0x81, [6] = client->byte };
	uint32_t opcode = client->header[0] & 0xf;

	client->inside = false;
	client->header_bytes = 0;
	if (opcode == 9 && write(client->fd, pong, sizeof(pong)) < 0)
		return; /* that it is gone is seen by reading */
	if (opcode <= 2 && client->header[0] & 0x80)
		end_message(crowd, client);
}

/* One more byte of a header. */
static void take_header(struct client *client, unsigned char byte)
{
	uint32_t size, shown;

	client->header[client->header_bytes++] = byte;
	if (client->header_bytes < 2)
		return;
	shown = client->header[1] & 0x7f;
	size = shown == 127 ? 10 : shown == 126 ? 4 : 2;
	if (client->header_bytes < size)
		return;
	client->left = shown < 126 ? shown : 0;
	for (uint32_t i = 2; i < size; i++)
		client->left = client->left << 8 | client->header[i];
	client->inside = true;
}

static void take(struct crowd *crowd, struct client *client, const unsigned char *data, size_t bytes)
{
	while (bytes) {
		size_t part = 1;

		if (!client->inside) {
			take_header(client, *data);
		} else {
			size_t room = HEAD_BYTES - client->head_bytes;

			part = bytes < client->left ? bytes : client->left;
			room = (client->header[0] & 0xf) > 2 ? 0 : room < part ? room : part;
			memcpy(client->head + client->head_bytes, data, room);
			client->head_bytes += room;
			client->left -= part;
			client->byte = data[part - 1];
		}
		data += part;
		bytes -= part;
		if (client->inside && !client->left)
			end_frame(crowd, client);
	}
}

static void record(struct bench_clients_told *told, const unsigned char *data, size_t bytes)
{
	size_t used = atomic_load(&told->tape_bytes);

	if (bytes > BENCH_TAPE_BYTES - used)
		bytes = BENCH_TAPE_BYTES - used;
	memcpy(told->tape + used, data, bytes);
	atomic_store(&told->tape_bytes, used + bytes);
}

static void read_one(struct crowd *crowd, struct client *client)
{
	ssize_t got = recv(client->fd, crowd->buffer, READ_BYTES, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		close(client->fd);
		client->fd = -1;
		atomic_fetch_add(&crowd->told->lost, 1);
		return;
	}
	if (client == crowd->clients)
		record(crowd->told, crowd->buffer, got);
	take(crowd, client, crowd->buffer, got);
}

/* --- those that come and go ------------------------------------------------------------------------------ */

/* The one that came first goes, mostly without a word. */
static void churn(struct crowd *crowd)
{
	int fd;

	if (crowd->churned - crowd->gone == CHURN_MAX)
		close(crowd->churn[crowd->gone++ % CHURN_MAX]);
	fd = join(crowd);
	if (fd < 0) {
		atomic_fetch_add(&crowd->told->turned_away, 1);
		return;
	}
	crowd->churn[crowd->churned++ % CHURN_MAX] = fd;
	atomic_fetch_add(&crowd->told->come, 1);
}

/* Beside what is read. A connection waits for the server's answer, so all of that is in a process of its own. */
static void churn_run(struct crowd *crowd)
{
	uint64_t next_ns = bench_now_ns();

	for (;;) {
		uint64_t now_ns = bench_now_ns();

		if (now_ns < next_ns) {
			bench_wait_ms((next_ns - now_ns) / 1000000 + 1);
			continue;
		}
		next_ns += 1000000000ULL / crowd->config.churn_per_s;
		churn(crowd);
	}
}

/* --- the process -------------------------------------------------------------------------------------------- */

static void read_ready(struct crowd *crowd, int wait_ms)
{
	struct epoll_event events[BATCH];
	int count = epoll_wait(crowd->epoll, events, BATCH, wait_ms);

	for (int i = 0; i < count; i++)
		read_one(crowd, &crowd->clients[events[i].data.u32]);
}

static void run(struct crowd *crowd)
{
	uint64_t start_ns = bench_now_ns();

	for (uint32_t i = 0; i < crowd->config.count; i++) {
		join_one(crowd, i);
		while (crowd->config.pace_per_s &&
		       (i + 1) * 1000000000ULL / crowd->config.pace_per_s > bench_now_ns() - start_ns)
			read_ready(crowd, 1);
		read_ready(crowd, 0);
	}
	for (;;)
		read_ready(crowd, -1);
}

static void fork_churn(struct crowd *crowd)
{
	if (!crowd->config.churn_per_s || fork())
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	churn_run(crowd);
}

static void child(const struct bench_clients_config *config, struct bench_clients_told *told)
{
	struct crowd crowd = { .config = *config, .told = told };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	bench_pin(config->cpu);
	fork_churn(&crowd);
	crowd.clients = calloc(config->count, sizeof(*crowd.clients));
	crowd.buffer = malloc(READ_BYTES);
	crowd.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!crowd.clients || !crowd.buffer || crowd.epoll < 0)
		_exit(1);
	run(&crowd);
	_exit(0);
}

int bench_clients_start(struct bench_clients *clients, const struct bench_clients_config *config)
{
	struct bench_clients_told *told;

	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (told == MAP_FAILED)
		return -errno;
	clients->told = told;
	fflush(NULL);
	clients->pid = fork();
	if (!clients->pid)
		child(config, told);
	if (clients->pid < 0) {
		munmap(told, sizeof(*told));
		return -errno;
	}
	return 0;
}

int bench_clients_connected(struct bench_clients *clients, uint32_t count, unsigned int limit_ms)
{
	uint64_t end_ns = bench_now_ns() + limit_ms * 1000000ULL;

	while (atomic_load(&clients->told->connected) < count) {
		if (atomic_load(&clients->told->lost))
			return -ECONNRESET;
		if (bench_now_ns() > end_ns)
			return -ETIMEDOUT;
		bench_wait_ms(2);
	}
	return 0;
}

void bench_clients_end(struct bench_clients *clients)
{
	kill(clients->pid, SIGKILL);
	waitpid(clients->pid, NULL, 0);
	munmap(clients->told, sizeof(*clients->told));
}
