// SPDX-License-Identifier: GPL-2.0-only
/*
 * One thread, in lws_service(). Three things wake it: WebSocket clients (libwebsockets' own sockets), all other
 * connections (front.h, an epoll descriptor among them), and lws_cancel_service() for windows and for the end.
 */
#include "server.h"

#include <errno.h>
#include <libwebsockets.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "front.h"
#include "hub.h"
#include "poll_set.h"

_Static_assert(RQS_BLOB_HEADROOM >= LWS_PRE, "a frame's header fits in front of a blob");

#define SPARE_STREAMS 8 /* that may be told that there are too many */
#define SEND_BUFFER_BYTES (84 << 10) /* what is in the kernel can't be merged any more */
#define GOODBYE_US 150000
#define RECEIVE_BYTES 256 /* of each client's buffer in libwebsockets; what is longer comes to the hub in parts */
#define POLLED_FILES 1024 /* numbers of descriptors, beside those of connections */
#define CLOSES_MAX 16 /* of one connection, one after the other */
#define WINDOWS_MAX 256 /* in one go; more than a handover holds */

struct rqs_server {
	struct rqs_server_config config;
	struct rqs_listener listener;
	struct rqs_http_api api;
	struct rqs_front *front;
	struct rqs_hub *hub;
	struct rqs_model *model;
	struct rqs_handover *source;
	uint64_t sent_bytes; /* of messages, without the WebSocket's own */
	struct rqs_poll_set *polled; /* NULL: poll() itself does it */
	struct lws_context *context;
	struct lws_vhost *vhost;
	uint32_t streams;    /* WebSockets that libwebsockets holds, those being closed included */
	bool upgrading;	     /* within on_upgrade() */
	bool gathering;	     /* within take_windows(): who wants to write is put into @ready */
	struct stream *ready, **ready_end; /* a list by ->next_ready */
	uint64_t expired_ns; /* when the hub last looked for stuck clients */
	atomic_bool stopping;
	bool stopped; /* the last wait is over */
	lws_sorted_usec_list_t goodbye;
};

/* What libwebsockets keeps for each WebSocket. */
struct stream {
	struct rqs_hub_client *client;
	struct lws *wsi;
	struct stream *next_ready;
	bool is_ready; /* in the server's list */
	bool counted;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

/* --- WebSockets --------------------------------------------------------------------------------------- */

static void want_write(void *owner)
{
	struct rqs_server *server = lws_context_user(lws_get_context(owner));
	struct stream *stream = lws_wsi_user(owner);

	if (!server->gathering) {
		lws_callback_on_writable(owner);
	} else if (!stream->is_ready) {
		/* At the end: who is owed more than one message gets the next when all others had their first. */
		stream->is_ready = true;
		stream->next_ready = NULL;
		*server->ready_end = stream;
		server->ready_end = &stream->next_ready;
	}
}

static void kill_stream(void *owner)
{
	lws_set_timeout(owner, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

/* Its answer brings the byte back: libwebsockets doesn't tell of pongs without. What waits to be sent asks as much as a ping. */
static void ping_stream(void *owner)
{
	unsigned char frame[LWS_PRE + 1] = { 0 };

	if (!lws_partial_buffered(owner) && lws_write(owner, frame + LWS_PRE, 1, LWS_WRITE_PING) < 0)
		kill_stream(owner);
}

static const struct rqs_hub_ops hub_ops = { .want_write = want_write, .ping = ping_stream, .kill = kill_stream };

static int close_stream(struct rqs_server *server, struct lws *wsi, struct stream *stream, enum rqs_hub_close why)
{
	static const struct {
		enum lws_close_status status;
		const char *text;
	} reasons[] = {
		[RQS_HUB_OPEN] = { LWS_CLOSE_STATUS_NORMAL, "" },
		[RQS_HUB_TOO_SLOW] = { LWS_CLOSE_STATUS_POLICY_VIOLATION, "too_slow" },
		[RQS_HUB_TOO_MANY] = { 1013 /* try again later */, "too_many_clients" },
		[RQS_HUB_MISBEHAVED] = { LWS_CLOSE_STATUS_POLICY_VIOLATION, "bad_request" },
		[RQS_HUB_SHUTDOWN] = { LWS_CLOSE_STATUS_GOINGAWAY, "shutdown" },
	};

	rqs_hub_remove(server->hub, stream->client);
	stream->client = NULL;
	lws_close_reason(wsi, reasons[why].status, (unsigned char *)reasons[why].text, strlen(reasons[why].text));
	return -1;
}

static int write_piece(struct rqs_server *server, struct lws *wsi, struct stream *stream, uint64_t time_ns)
{
	unsigned char room[RQS_BLOB_HEADROOM];
	struct rqs_hub_piece piece;
	int taken;

	if (!stream->client)
		return 0;
	rqs_hub_next(server->hub, stream->client, time_ns, &piece);
	if (!piece.data && piece.close == RQS_HUB_OPEN)
		return 0;
	if (!piece.data && server->gathering) {
		/* Only from its own callback libwebsockets says farewell with a reason. */
		lws_callback_on_writable(wsi);
		return 0;
	}
	if (!piece.data)
		return close_stream(server, wsi, stream, piece.close);
	/* The header is written in front of the piece, over bytes that other clients have yet to get. */
	memcpy(room, piece.data - sizeof(room), sizeof(room));
	taken = lws_write(wsi, piece.data, piece.bytes,
			  (enum lws_write_protocol)lws_write_ws_flags(LWS_WRITE_TEXT, piece.first, piece.last));
	memcpy(piece.data - sizeof(room), room, sizeof(room));
	if (taken < (int)piece.bytes)
		return -1;
	server->sent_bytes += piece.bytes;
	rqs_hub_sent(server->hub, stream->client, time_ns);
	if (piece.more)
		want_write(wsi);
	return 0;
}

/*
 * What a window brought goes out at once: to ask libwebsockets when each of thousands of sockets can take bytes costs half as
 * much again as to send them. Which it almost always can; what the kernel does not take libwebsockets keeps and sends before
 * all else, and while it has such a rest nothing is added to it.
 */
static void write_ready(struct rqs_server *server)
{
	uint64_t time_ns = now_ns(); /* once for all: where the clock is slow it would cost as much as the rest of this */

	while (server->ready) {
		struct stream *stream = server->ready;

		server->ready = stream->next_ready;
		if (!server->ready)
			server->ready_end = &server->ready;
		stream->is_ready = false;
		if (!stream->client)
			continue;
		if (lws_partial_buffered(stream->wsi))
			lws_callback_on_writable(stream->wsi);
		else if (write_piece(server, stream->wsi, stream, time_ns))
			kill_stream(stream->wsi);
	}
}

static int open_stream(struct rqs_server *server, struct lws *wsi, struct stream *stream)
{
	stream->wsi = wsi;
	stream->counted = true;
	rqs_front_set_streams(server->front, ++server->streams);
	/* The greeting goes out at once, too: four messages would be four rounds of poll() over all sockets. */
	server->gathering = true;
	stream->client = rqs_hub_add(server->hub, wsi, now_ns());
	write_ready(server);
	server->gathering = false;
	return stream->client ? 0 : -1;
}

static void forget_stream(struct rqs_server *server, struct stream *stream)
{
	rqs_hub_remove(server->hub, stream->client);
	stream->client = NULL;
	if (stream->counted)
		rqs_front_set_streams(server->front, --server->streams);
	stream->counted = false;
}

/* All that could come here otherwise was refused by front.h; this is the second lock on the door. */
static int confirm_upgrade(struct rqs_server *server, struct lws *wsi)
{
	char to[16];

	if (!server->upgrading || lws_hdr_copy(wsi, to, sizeof(to), WSI_TOKEN_UPGRADE) <= 0)
		return -1;
	return strcasecmp(to, "websocket") == 0 ? 0 : -1;
}

static void take_windows(struct rqs_server *server)
{
	const struct rqs_window *window;
	int i;

	rqs_model_set_sent(server->model, server->sent_bytes + rqs_front_sent(server->front));
	server->gathering = true;
	for (i = 0; server->source && i < WINDOWS_MAX; i++) {
		window = rqs_handover_pop(server->source);
		if (!window)
			break;
		/* One that does not follow the last is no window that anybody waits for. */
		(void)rqs_hub_take(server->hub, window, now_ns());
		rqs_window_put(window);
	}
	write_ready(server);
	server->gathering = false;
}

static int on_stream(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t bytes)
{
	struct rqs_server *server = lws_context_user(lws_get_context(wsi));
	struct stream *stream = user;

	switch ((int)reason) {
	case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
		take_windows(server);
		return 0;
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return confirm_upgrade(server, wsi);
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		return server->upgrading ? 0 : -1;
	case LWS_CALLBACK_HTTP:
		return -1;
	case LWS_CALLBACK_ESTABLISHED:
		return open_stream(server, wsi, stream);
	case LWS_CALLBACK_RECEIVE:
		if (stream->client)
			rqs_hub_receive(server->hub, stream->client, in, bytes, lws_is_first_fragment(wsi),
					lws_is_final_fragment(wsi), !lws_frame_is_binary(wsi), now_ns());
		return 0;
	case LWS_CALLBACK_RECEIVE_PONG:
		if (stream->client)
			rqs_hub_heard(stream->client, now_ns());
		return 0;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return write_piece(server, wsi, stream, now_ns());
	case LWS_CALLBACK_CLOSED:
		forget_stream(server, stream);
		return 0;
	default:
		return 0;
	}
}

/* Hands a checked client over to libwebsockets, with a handshake of our own making. */
static bool on_upgrade(void *data, int fd, const char *key, const void *rest, size_t rest_bytes)
{
	struct rqs_server *server = data;
	int send_buffer = SEND_BUFFER_BYTES;
	char *head;
	int bytes;

	if (atomic_load(&server->stopping) || server->streams >= server->config.max_clients + SPARE_STREAMS)
		return false;
	head = malloc(512 + rest_bytes);
	if (!head)
		return false;
	bytes = snprintf(head, 512,
			 "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
			 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Protocol: " RQS_STREAM_PROTOCOL
			 "\r\n\r\n",
			 key);
	memcpy(head + bytes, rest, rest_bytes);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof(send_buffer));
	if (server->polled)
		rqs_poll_set_forget(server->polled, fd);
	server->upgrading = true;
	/* On failure it has closed the socket: either way it is no longer ours. */
	(void)lws_adopt_socket_vhost_readbuf(server->vhost, fd, head, (size_t)bytes + rest_bytes);
	server->upgrading = false;
	free(head);
	return true;
}

/* --- all other connections --------------------------------------------------------------------------------- */

static const struct rqs_front_ops front_ops = { .upgrade = on_upgrade };

static int on_front(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t bytes)
{
	struct rqs_server *server = lws_context_user(lws_get_context(wsi));
	uint64_t now;

	if (reason != LWS_CALLBACK_RAW_RX_FILE)
		return 0;
	rqs_front_serve(server->front, now_ns());
	now = now_ns();
	if (now - server->expired_ns > 1000000000ULL) {
		server->expired_ns = now;
		rqs_hub_expire(server->hub, now);
	}
	return 0;
}

/* --- libwebsockets' own round ----------------------------------------------------------------------------- */

/* The linker's names for libwebsockets' function and for the one that its calls are led to (-Wl,--wrap, in the Makefile). */
int __real_lws_service_fd_tsi(struct lws_context *context, struct lws_pollfd *file, int thread) __attribute__((weak));
int __wrap_lws_service_fd_tsi(struct lws_context *context, struct lws_pollfd *file, int thread);

/*
 * A closed connection's place in the round passes to another one, so libwebsockets serves the place once more. Where bytes are still
 * to be sent the connection stays, for 5 s at most (lib/core-net/close.c, 4.1.6), and with it that it can be read: of a client that
 * reads nothing and says that it sends no more, the end would be read again and again, and the round be over never.
 */
int __wrap_lws_service_fd_tsi(struct lws_context *context, struct lws_pollfd *file, int thread)
{
	static _Thread_local int last_fd = -1;
	static _Thread_local unsigned int repeats;
	int fd = file->fd, closed = __real_lws_service_fd_tsi(context, file, thread);

	repeats = closed > 0 && file->fd == fd && fd == last_fd ? repeats + 1 : 0;
	last_fd = fd;
	/* An orderly end takes a few of them. What waits to be sent may still go. */
	if (repeats == CLOSES_MAX) {
		file->events &= (short)~POLLIN;
		file->revents = 0;
	}
	return closed;
}

/* --- start and end -------------------------------------------------------------------------------------------- */

static const struct lws_protocols protocols[] = {
	{ .name = RQS_STREAM_PROTOCOL,
	  .callback = on_stream,
	  .per_session_data_size = sizeof(struct stream),
	  .rx_buffer_size = RECEIVE_BYTES,
	  .tx_packet_size = RQS_HUB_PIECE_BYTES + LWS_PRE },
	{ .name = "front", .callback = on_front },
	{ .name = NULL },
};

/*
 * The hub pings, all whose time it is at once. Left to libwebsockets, each client has a timer of its own, and with thousands of
 * them each ping costs several rounds of poll() over all sockets.
 */
static const lws_retry_bo_t no_keepalive = { 0 };

static int open_context(struct rqs_server *server)
{
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.protocols = protocols,
		.uid = -1,
		.gid = -1,
		.user = server,
		.vhost_name = "rqscope",
		.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME,
		/* Its tables are as large as this, instead of as RLIMIT_NOFILE. */
		.fd_limit_per_thread = server->config.max_clients + 2 * SPARE_STREAMS,
		.max_http_header_data = 1024,
		.max_http_header_pool = 4,
		.timeout_secs = 10,
		.retry_and_idle_policy = &no_keepalive,
	};
	lws_sock_file_fd_type fd;

	server->polled = rqs_poll_set_new(POLLED_FILES + 4 * server->config.max_clients);
	lws_set_log_level(0, NULL);
	server->context = lws_create_context(&info);
	if (!server->context)
		return -ENOMEM;
	server->vhost = lws_create_vhost(server->context, &info);
	if (!server->vhost)
		return -ENOMEM;
	/* libwebsockets closes what it was given. */
	fd.filefd = dup(rqs_front_fd(server->front));
	if (fd.filefd < 0)
		return -errno;
	if (!lws_adopt_descriptor_vhost(server->vhost, LWS_ADOPT_RAW_FILE_DESC, fd, "front", NULL)) {
		close(fd.filefd);
		return -ENOMEM;
	}
	return 0;
}

static int open_listener(struct rqs_server *server, char ret_error[256])
{
	const struct rqs_server_config *config = &server->config;

	if (config->listen_unix)
		return rqs_listener_open_unix(config->listen_unix, &server->listener, ret_error);
	return rqs_listener_open_tcp(config->listen_address, config->listen_port, &server->listener, ret_error);
}

static int open_rest(struct rqs_server *server)
{
	const struct rqs_server_config *config = &server->config;
	const struct rqs_trust trust = {
		.token = config->token,
		.listen_address = config->listen_unix ? NULL : config->listen_address,
		.allow_hosts = config->allow_hosts,
		.allow_host_count = config->allow_host_count,
	};
	int err;

	server->hub = rqs_hub_new(server->model, config->max_clients, &hub_ops);
	if (!server->hub)
		return -ENOMEM;
	err = rqs_http_api_init(&server->api, server->model, &trust, rqs_assets, rqs_asset_count);
	if (!err)
		err = rqs_front_new(&server->listener, &server->api, 2 * config->max_clients + 16, &front_ops, server,
				    &server->front);
	return err ? err : open_context(server);
}

int rqs_server_open(const struct rqs_server_config *config, struct rqs_model *model, struct rqs_server **ret_server,
		    char ret_error[256])
{
	struct rqs_server *server = calloc(1, sizeof(*server));
	int err;

	if (!server) {
		snprintf(ret_error, 256, "can't start the server: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	server->config = *config;
	server->model = model;
	server->ready_end = &server->ready;
	server->listener.fd = -1;
	err = open_listener(server, ret_error);
	if (!err) {
		err = open_rest(server);
		if (err)
			snprintf(ret_error, 256, "can't start the server: %s", strerror(-err));
	}
	if (err) {
		rqs_server_free(server);
		return err;
	}
	*ret_server = server;
	return 0;
}

void rqs_server_set_source(struct rqs_server *server, struct rqs_handover *handover)
{
	server->source = handover;
}

void rqs_server_set_look(struct rqs_server *server, int (*read)(void *data, struct rqs_inflight *ret_inflight), void *data)
{
	rqs_hub_set_look(server->hub, read, data);
}

uint16_t rqs_server_port(const struct rqs_server *server)
{
	return server->listener.port;
}

void rqs_server_wake(void *server)
{
	lws_cancel_service(((struct rqs_server *)server)->context);
}

void rqs_server_stop(struct rqs_server *server)
{
	atomic_store(&server->stopping, true);
	lws_cancel_service(server->context);
}

static void end_goodbye(lws_sorted_usec_list_t *timer)
{
	struct rqs_server *server = lws_container_of(timer, struct rqs_server, goodbye);

	server->stopped = true;
}

/* Who can take a word is told; nobody is waited for long. */
static void say_goodbye(struct rqs_server *server)
{
	rqs_hub_shut_down(server->hub, now_ns());
	lws_sul_schedule(server->context, 0, &server->goodbye, end_goodbye, GOODBYE_US);
	while (!server->stopped && server->streams)
		if (lws_service(server->context, 0) < 0)
			break;
	lws_sul_cancel(&server->goodbye);
}

int rqs_server_run(struct rqs_server *server)
{
	int err = 0;

	rqs_poll_set_use(server->polled);
	while (!err && !atomic_load(&server->stopping))
		if (lws_service(server->context, 0) < 0)
			err = -EIO;
	if (!err)
		say_goodbye(server);
	rqs_poll_set_use(NULL);
	return err;
}

void rqs_server_free(struct rqs_server *server)
{
	if (!server)
		return;
	rqs_listener_close(&server->listener);
	/* Tells of every WebSocket that it is closed, so the hub and the front must outlive it. */
	if (server->context)
		lws_context_destroy(server->context);
	rqs_poll_set_free(server->polled);
	rqs_front_free(server->front);
	rqs_hub_free(server->hub);
	rqs_http_api_clear(&server->api);
	free(server);
}
