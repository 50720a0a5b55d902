// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_fanout - what it costs to send each window to thousands of clients: by the server of rqscope, by a bare loop of
 * send() of the same bytes on the same sockets, by the npm package ws.
 * Usage: bench_fanout RQSCOPE [FOLDER with node_modules]. Takes half a minute.
 *
 * The server runs in this process, without anything attached to the kernel, and is given windows as fast as all clients have
 * them. The loop runs on the same CPU and takes turns with it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "build_window.h"
#include "clients.h"
#include "loops.h"
#include "process.h"
#include "rounds.h"
#include "rows.h"
#include "server.h"

#define CLIENTS 2000
#define FILES (3 * CLIENTS)
#define WINDOWS 10 /* a round, so that what is sent once a second is in each */
#define FRAMES_MAX 64
#define LIMIT_MS 20000

#define TARGET_BARE 0.8
#define TARGET_WS 1.25 /* "well ahead": what both pay alike, send() itself, is most of it */

/* A message as it went over the wire. */
struct frame {
	const unsigned char *data;
	size_t bytes;
	size_t header_bytes;
};

struct bench {
	uint32_t count;
	struct rqs_model *model;
	struct rqs_handover *handover;
	struct rqs_server *server;
	pthread_t thread;
	struct bench_clients clients;
	int *fds; /* the server's end of each client */
	struct build build;
	uint64_t seq;
	struct frame frames[FRAMES_MAX]; /* of the last round */
	uint32_t frame_count;
	struct bench_process node;
	struct bench_clients node_clients;
	int control;
	double values[3][BENCH_ROUNDS_MAX]; /* ns of CPU for each frame and client */
};

enum { BY_SERVER, BY_LOOP, BY_WS };

static uint64_t cpu_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

/* --- the server --------------------------------------------------------------------------------------------- */

static void *serve(void *data)
{
	struct bench *bench = data;

	prctl(PR_SET_NAME, "fanout-server");
	bench_pin(bench_cpu(false));
	rqs_server_run(bench->server);
	return NULL;
}

static void wake(void *data)
{
	struct bench *bench = data;

	if (bench->server)
		rqs_server_wake(bench->server);
}

static void released(struct rqs_window *window)
{
}

static int start_server(struct bench *bench)
{
	struct rqs_server_config config = { .listen_address = "127.0.0.1", .max_clients = bench->count };
	struct bench_clients_config clients = { .count = bench->count, .cpu = bench_cpu(true),
						.first = "{\"type\":\"subscribe\",\"rate_ms\":100}" };
	char error[256];
	int err;

	bench->model = rqs_model_new(build_host());
	bench->handover = rqs_handover_new(wake, bench);
	bench->fds = calloc(bench->count, sizeof(*bench->fds));
	if (!bench->model || !bench->handover || !bench->fds)
		return -ENOMEM;
	err = rqs_server_open(&config, bench->model, &bench->server, error);
	if (err) {
		fprintf(stderr, "bench_fanout: %s\n", error);
		return err;
	}
	rqs_server_set_source(bench->server, bench->handover);
	clients.port = rqs_server_port(bench->server);
	err = bench_clients_start(&bench->clients, &clients);
	if (!err)
		err = -pthread_create(&bench->thread, NULL, serve, bench);
	return err ?: bench_clients_connected(&bench->clients, bench->count, LIMIT_MS);
}

/* Those of this process's descriptors that are the server's end of a connection. */
static int find_sockets(struct bench *bench)
{
	uint32_t found = 0;

	for (int fd = 3; fd < FILES; fd++) {
		struct sockaddr_in local = {}, peer = {};
		socklen_t bytes = sizeof(local);

		if (getsockname(fd, (struct sockaddr *)&local, &bytes) || local.sin_family != AF_INET ||
		    ntohs(local.sin_port) != rqs_server_port(bench->server))
			continue;
		bytes = sizeof(peer);
		if (!getpeername(fd, (struct sockaddr *)&peer, &bytes) && found < bench->count)
			bench->fds[found++] = fd;
	}
	return found == bench->count ? 0 : -ENOTCONN;
}

/* All clients have the same number of messages, and no more come: a while after they have at least @least. */
static int wait_messages(struct bench_clients *clients, uint32_t count, uint64_t least)
{
	uint64_t end_ns = bench_now_ns() + LIMIT_MS * 1000000ULL, before = 0;

	for (;;) {
		uint64_t first = atomic_load(&clients->told->first_messages), all = atomic_load(&clients->told->messages);

		if (all >= least && all == first * count && all == before)
			return 0;
		if (atomic_load(&clients->told->lost))
			return -ECONNRESET;
		if (bench_now_ns() > end_ns)
			return -ETIMEDOUT;
		before = all;
		bench_wait_ms(all >= least ? 4 : 1);
	}
}

/* Five busy services: what a window of an ordinary host has in it. */
static void make_window(struct bench *bench)
{
	static struct rqs_service_ident idents[5];
	uint64_t waits_ns[300], state = ++bench->seq;

	build_tick(&bench->build, bench->seq);
	for (uint32_t i = 0; i < 5; i++) {
		idents[i] = build_ident(i + RQS_ROLE_COUNT, "service", 8080 + i);
		struct rqs_service_delta *delta = build_service(&bench->build, &idents[i]);

		for (uint32_t k = 0; k < 8; k++)
			build_answers(&bench->build, delta, 200 + k, 10, 1000000 * build_uniform(&state));
		delta->status_count = 8;
	}
	for (uint32_t i = 0; i < 300; i++)
		waits_ns[i] = 1000000 * build_uniform(&state) * build_uniform(&state);
	build_dist(&bench->build, &bench->build.window.runqueue, waits_ns, 300);
	if (bench->seq % 10 == 0)
		build_vitals(&bench->build);
	bench->build.window.release = released;
	atomic_store(&bench->build.window.refs, 1);
}

static int push_window(struct bench *bench)
{
	uint64_t before = atomic_load(&bench->clients.told->messages);
	int err;

	make_window(bench);
	err = rqs_handover_push(bench->handover, &bench->build.window);
	err = err ?: wait_messages(&bench->clients, bench->count, before + bench->count);
	return err ?: atomic_load(&bench->build.window.refs) ? -EBUSY : 0;
}

/* --- what was sent ------------------------------------------------------------------------------------------------ */

/* Cut the first client's bytes into frames. */
static int find_frames(struct bench *bench, size_t from)
{
	const unsigned char *tape = bench->clients.told->tape;
	size_t end = atomic_load(&bench->clients.told->tape_bytes);

	bench->frame_count = 0;
	while (from + 2 <= end && bench->frame_count < FRAMES_MAX) {
		uint64_t payload = tape[from + 1] & 0x7f;
		size_t header = payload == 127 ? 10 : payload == 126 ? 4 : 2;

		payload = header == 2 ? payload : 0;
		for (size_t i = 2; i < header; i++)
			payload = payload << 8 | tape[from + i];
		if ((tape[from] & 0xf) == 1) /* not a ping */
			bench->frames[bench->frame_count++] =
				(struct frame){ .data = tape + from, .bytes = header + payload, .header_bytes = header };
		from += header + payload;
	}
	return bench->frame_count && from == end && end < BENCH_TAPE_BYTES ? 0 : -EBADMSG;
}

static int by_server(struct bench *bench, double *ret_ns)
{
	size_t tape = atomic_load(&bench->clients.told->tape_bytes);
	uint64_t messages = atomic_load(&bench->clients.told->messages), begin_ns;
	clockid_t clock;
	int err = -pthread_getcpuclockid(bench->thread, &clock);

	begin_ns = cpu_ns(clock);
	for (uint32_t i = 0; i < WINDOWS && !err; i++)
		err = push_window(bench);
	if (err)
		return err;
	*ret_ns = (double)(cpu_ns(clock) - begin_ns) / (atomic_load(&bench->clients.told->messages) - messages);
	return find_frames(bench, tape);
}

static int by_loop(struct bench *bench, double *ret_ns)
{
	uint64_t used_ns = 0;

	for (uint32_t i = 0; i < bench->frame_count; i++) {
		const struct frame *frame = &bench->frames[i];
		uint64_t before = atomic_load(&bench->clients.told->messages), begin_ns = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
		int err;

		for (uint32_t k = 0; k < bench->count; k++)
			if (send(bench->fds[k], frame->data, frame->bytes, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)frame->bytes)
				return -EAGAIN;
		used_ns += cpu_ns(CLOCK_THREAD_CPUTIME_ID) - begin_ns;
		err = wait_messages(&bench->clients, bench->count, before + bench->count);
		if (err)
			return err;
	}
	*ret_ns = (double)used_ns / bench->frame_count / bench->count;
	return 0;
}

/* --- ws ------------------------------------------------------------------------------------------------------------ */

static int start_ws(struct bench *bench, const char *folder)
{
	char *argv[] = { "node", "tests/bench/ws_broadcast.mjs", (char *)folder, NULL };
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct bench_clients_config clients = { .count = bench->count, .cpu = bench_cpu(true) };
	unsigned int port, control;
	char text[128];
	int err = bench_process_start(&bench->node, argv, bench_cpu(false));

	err = err ?: bench_process_read(&bench->node, "\n", LIMIT_MS, text, sizeof(text));
	if (!err && sscanf(text, "%u %u", &port, &control) != 2)
		err = -EPROTO;
	if (err)
		return err;
	address.sin_port = htons(control);
	bench->control = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(bench->control, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	clients.port = port;
	err = bench_clients_start(&bench->node_clients, &clients);
	return err ?: bench_clients_connected(&bench->node_clients, bench->count, LIMIT_MS);
}

static int ws_cpu_ns(struct bench *bench, uint64_t *ret_ns)
{
	char text[64] = "";
	size_t bytes = 0;

	if (write(bench->control, "cpu\n", 4) != 4)
		return -errno;
	while (!strchr(text, '\n') && bytes + 1 < sizeof(text)) {
		ssize_t got = read(bench->control, text + bytes, sizeof(text) - 1 - bytes);

		if (got <= 0)
			return -ECONNRESET;
		bytes += got;
		text[bytes] = '\0';
	}
	*ret_ns = strtoull(text, NULL, 10) * 1000;
	return 0;
}

static int by_ws(struct bench *bench, double *ret_ns)
{
	uint64_t begin_ns, end_ns;
	int err = ws_cpu_ns(bench, &begin_ns);

	for (uint32_t i = 0; i < bench->frame_count && !err; i++) {
		const struct frame *frame = &bench->frames[i];
		uint64_t before = atomic_load(&bench->node_clients.told->messages);
		size_t bytes = frame->bytes - frame->header_bytes;

		if (send(bench->control, frame->data + frame->header_bytes, bytes, MSG_NOSIGNAL) != (ssize_t)bytes ||
		    send(bench->control, "\n", 1, MSG_NOSIGNAL) != 1)
			return -EIO;
		err = wait_messages(&bench->node_clients, bench->count, before + bench->count);
	}
	err = err ?: ws_cpu_ns(bench, &end_ns);
	if (!err)
		*ret_ns = (double)(end_ns - begin_ns) / bench->frame_count / bench->count;
	return err;
}

/* --- all of it ---------------------------------------------------------------------------------------------------------- */

static int run(struct bench *bench, unsigned int *rounds, bool has_ws)
{
	const char *limit = getenv("BENCH_LIMIT_S");
	uint64_t end_ns = bench_now_ns() + (limit ? atoi(limit) : 40) * 1000000000ULL;
	static int (*const measures[])(struct bench *bench, double *ret_ns) = { by_server, by_loop, by_ws };
	double warm;
	int err = by_server(bench, &warm);

	for (unsigned int i = 0; i < *rounds && !err; i++) {
		if (i && bench_now_ns() > end_ns) {
			*rounds = i;
			break;
		}
		bench->values[BY_WS][i] = NAN;
		/* Who comes after whom finds which of its memory in the caches: the order turns. */
		for (unsigned int k = 0; k < 3 && !err; k++) {
			unsigned int who = (i + k) % 3;

			if (who != BY_WS || has_ws)
				err = measures[who](bench, &bench->values[who][i]);
		}
	}
	return err;
}

static void print(const struct bench *bench, unsigned int rounds)
{
	static const char *const names[] = { "rqscope", "bare send()", "npm ws" };
	const char *what = "frames sent per second of CPU to 2,000 clients";
	double ratios[BENCH_ROUNDS_MAX];
	struct bench_spread server = bench_spread_of(bench->values[BY_SERVER], rounds);
	size_t bytes = 0;

	for (uint32_t i = 0; i < bench->frame_count; i++)
		bytes += bench->frames[i].bytes;
	printf("fan-out to %u clients, %u frames of %zu bytes on average, %u rounds:\n", bench->count, bench->frame_count,
	       bytes / bench->frame_count, rounds);
	for (int i = 0; i < 3; i++) {
		struct bench_spread spread = bench_spread_of(bench->values[i], rounds);

		if (!isnan(spread.median))
			printf("%-12s %6.0f ns of CPU a frame (%.0f to %.0f): %.0f frames a second of CPU\n", names[i], spread.median,
			       spread.low, spread.high, 1e9 / spread.median);
	}
	bench_ratios(bench->values[BY_LOOP], bench->values[BY_SERVER], rounds, ratios);
	bench_row(what, "a bare loop of `send()` of the same bytes on the same sockets", "at least 0.8 x",
		  bench_met_if(bench_spread_of(ratios, rounds).median >= TARGET_BARE), "%.2f x, %.0f",
		  bench_spread_of(ratios, rounds).median, 1e9 / server.median);
	bench_ratios(bench->values[BY_WS], bench->values[BY_SERVER], rounds, ratios);
	if (isnan(bench_spread_of(ratios, rounds).median))
		bench_row(what, "npm `ws`", "at least 1.25 x", BENCH_UNTOLD, "not installed");
	else
		bench_row(what, "npm `ws`, broadcasting the same bytes", "at least 1.25 x",
			  bench_met_if(bench_spread_of(ratios, rounds).median >= TARGET_WS), "%.2f x",
			  bench_spread_of(ratios, rounds).median);
}

int main(int argc, char **argv)
{
	static struct bench bench = { .count = CLIENTS };
	const char *folder = argc > 2 ? argv[2] : "build/npm";
	unsigned int rounds = bench_rounds_count();
	bool has_ws;
	int err;

	if (argc < 2) {
		fprintf(stderr, "usage: bench_fanout RQSCOPE [FOLDER with node_modules]\n");
		return 2;
	}
	err = bench_clients_room(FILES);
	err = err ?: bench_pin(bench_cpu(false));
	err = err ?: start_server(&bench);
	err = err ?: find_sockets(&bench);
	has_ws = !err && !start_ws(&bench, folder);
	err = err ?: run(&bench, &rounds, has_ws);
	if (!err)
		print(&bench, rounds);
	else
		fprintf(stderr, "bench_fanout: could not be measured: %s\n", strerror(-err));
	if (bench.server) {
		rqs_server_stop(bench.server);
		pthread_join(bench.thread, NULL);
		bench_clients_end(&bench.clients);
	}
	if (has_ws)
		bench_clients_end(&bench.node_clients);
	if (bench.node.pid > 0)
		bench_process_end(&bench.node, 5000);
	return err ? 1 : 0;
}
