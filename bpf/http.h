/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * http - the engine: what goes over a connection, made into requests and responses. Fed by a tap (http_a, http_b).
 * Hooks:  sk_data_ready (when data became readable), inet_sock_set_state (begin and end); a tap's own for the data.
 * Output: http_lanes and http_losses, cumulative; slow, failed and aborted requests as events.
 * Positions in the streams are TCP's own (copied_seq, write_seq): a byte shown twice (a peek, a write tried again)
 * is seen once, a byte never shown is noticed.
 * Misses: bytes that no hook shows (splice of a head, registered buffers of io_uring) are counted as unparsed.
 */
#ifndef RQS_BPF_HTTP_H
#define RQS_BPF_HTTP_H

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "http_end.h"

#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6

/* include/net/tcp_states.h */
#define RQS_TCP_ESTABLISHED 1
#define RQS_TCP_SYN_SENT 2
#define RQS_TCP_SYN_RECV 3
#define RQS_TCP_FIN_WAIT1 4
#define RQS_TCP_CLOSE 7
#define RQS_TCP_LAST_ACK 9
#define RQS_RCV_SHUTDOWN 1 /* include/net/sock.h */

/* Port that rqscope itself listens on, host order; 0 until it is known. */
__u32 http_self_port = 0;
/* Set when all programs are attached: half of a conversation would be taken for a whole one. */
__u32 http_active = 0;

extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym;
#define rqs_cast(type, pointer) ((type *)bpf_rdonly_cast(pointer, bpf_core_type_id_kernel(type)))

/* Bytes on their way between a process and a socket, as a tap shows them. */
enum rqs_source_kind {
	RQS_SOURCE_NONE,       /* only their number is known */
	RQS_SOURCE_BUFFER,     /* user memory at base */
	RQS_SOURCE_IOVEC,      /* user memory, described by an array in the kernel */
	RQS_SOURCE_USER_IOVEC, /* ... by an array in user memory */
};

/* One event of a tap, and how far it has been looked at. Numbers only: it is given to global functions. */
struct rqs_feed {
	__u64 base;	  /* of the buffer, or of the array */
	__u64 piece;	  /* the part of it that piece_at .. piece_end lies in */
	__u64 now_ns;
	__u32 kind;
	__u32 skb_offset;
	__u32 pieces;	  /* how many are left in the array */
	__u32 piece_at;	  /* offset of the piece in these bytes */
	__u32 piece_end;
	__u32 first_skip; /* bytes of the first piece that were taken before */
	__u32 seq;	  /* position of the first byte in the stream */
	__u32 bytes;
	__u32 at;	  /* how many of them were looked at */
	__u32 window_at;  /* the window holds window_at .. window_end */
	__u32 window_end;
	__u32 sent_seq;	  /* of a response: up to where the kernel takes it now */
	__u32 is_request;
	__u32 received;
};

/* The same with what only the program itself may hold. */
struct rqs_tap {
	struct rqs_feed feed;
	struct rqs_conn *conn;
	struct rqs_window_bytes *window; /* of this CPU */
	const struct sock *sk;
	const struct sk_buff *skb;
};

struct rqs_work {
	struct rqs_window_bytes windows[2]; /* sent, received */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rqs_work);
} http_work SEC(".maps");

static __always_inline int rqs_window_set(struct rqs_feed *feed, __u32 bytes)
{
	feed->window_at = feed->at;
	feed->window_end = feed->at + bytes;
	return 0;
}

/* The next piece of an array of buffers; 1 when it was made the current one. */
static __always_inline int rqs_next_piece(struct rqs_feed *feed)
{
	struct {
		__u64 base, bytes;
	} vec;
	long err;

	if (!feed->pieces)
		return -1;
	if (feed->kind == RQS_SOURCE_IOVEC)
		err = bpf_probe_read_kernel(&vec, sizeof(vec), (void *)feed->base);
	else
		err = bpf_probe_read_user(&vec, sizeof(vec), (void *)feed->base);
	if (err)
		return -1;
	feed->pieces--;
	feed->base += sizeof(vec);
	if (vec.bytes > 0x7fffffff)
		vec.bytes = 0x7fffffff;
	if (feed->first_skip > vec.bytes)
		feed->first_skip = vec.bytes;
	feed->piece = vec.base + feed->first_skip;
	feed->piece_at = feed->piece_end;
	feed->piece_end += vec.bytes - feed->first_skip;
	feed->first_skip = 0;
	return 1;
}

/* Bring bytes from feed.at on into the window. 0 done, 1 call again, -1 they can't be read. */
static __always_inline int rqs_read_user(struct rqs_tap *tap)
{
	struct rqs_feed *feed = &tap->feed;
	__u32 bytes = feed->bytes - feed->at;
	__u64 from;

	if (feed->kind == RQS_SOURCE_BUFFER) {
		from = feed->base + feed->at;
	} else if (feed->kind == RQS_SOURCE_NONE) {
		return -1;
	} else {
		if (feed->at >= feed->piece_end)
			return rqs_next_piece(feed);
		from = feed->piece + (feed->at - feed->piece_at);
		if (bytes > feed->piece_end - feed->at)
			bytes = feed->piece_end - feed->at;
	}
	if (bytes > RQS_WINDOW_BYTES)
		bytes = RQS_WINDOW_BYTES;
	if (bpf_probe_read_user(tap->window->data, bytes, (void *)from))
		return -1;
	return rqs_window_set(feed, bytes);
}

/* When the byte at @seq became readable; 0 if that wasn't seen. */
static __always_inline __u64 rqs_arrival_of(const struct rqs_conn *conn, __u32 seq)
{
	__u8 count = conn->arrival_count, i;
	__u64 found_ns = 0;

	/* From the newest back: the oldest that reaches beyond @seq. Those before are of bytes already read. */
	for (i = 1; i <= RQS_ARRIVALS; i++) {
		__u8 slot = (count - i) & (RQS_ARRIVALS - 1);

		if (conn->arrival_ns[slot] && (__s32)(conn->arrival_seq[slot] - seq) > 0)
			found_ns = conn->arrival_ns[slot];
		else
			break;
	}
	return found_ns;
}

/* Where the newest byte came in that no record reaches. */
static __always_inline void rqs_arrival_push(struct rqs_conn *conn, __u32 readable_seq, __u64 now_ns)
{
	struct rqs_framing *f = conn->role == RQS_CONN_CLIENT ? &conn->response : &conn->request;
	__u32 looked_seq = conn->role == RQS_CONN_CLIENT ? conn->response_seq : conn->request_seq;
	__u8 count = conn->arrival_count;
	__u8 oldest = count & (RQS_ARRIVALS - 1), newest = (count - 1) & (RQS_ARRIVALS - 1);

	if (conn->arrival_ns[newest] && (__s32)(readable_seq - conn->arrival_seq[newest]) <= 0)
		return;
	/* Only where a message begins is the time wanted. */
	if (rqs_framing_skips(f->state) && f->left >= readable_seq - looked_seq)
		return;
	/* All are in use: what came first is what will be asked for first. */
	if (conn->arrival_ns[oldest] && (__s32)(conn->arrival_seq[oldest] - looked_seq) > 0)
		return;
	conn->arrival_seq[oldest] = readable_seq;
	conn->arrival_ns[oldest] = now_ns;
	conn->arrival_count = count + 1;
}

/* A connection's streams from where they are now; nothing is known of it yet. */
static __always_inline void rqs_conn_begin(struct rqs_conn *conn, const struct sock *sk, __u8 mode, __u8 role)
{
	struct tcp_sock *tcp = rqs_cast(struct tcp_sock, sk);
	__u32 receive_seq = tcp->copied_seq, send_seq = tcp->write_seq;

	__builtin_memset(conn, 0, sizeof(*conn));
	conn->family = sk->__sk_common.skc_family;
	conn->peer_port = bpf_ntohs(sk->__sk_common.skc_dport);
	conn->local_port = sk->__sk_common.skc_num;
	conn->netns = sk->__sk_common.skc_net.net->ns.inum;
	if (conn->family == AF_INET)
		*(__u32 *)conn->peer_address = sk->__sk_common.skc_daddr;
	else
		bpf_probe_read_kernel(conn->peer_address, 16, &sk->__sk_common.skc_v6_daddr);
	conn->mode = mode;
	conn->role = role;
	conn->request_known = mode == RQS_CONN_NEW;
	conn->response_known = mode == RQS_CONN_NEW;
	conn->response.flags = RQS_FRAMING_IS_RESPONSE;
	conn->request_seq = role == RQS_CONN_CLIENT ? send_seq : receive_seq;
	conn->response_seq = role == RQS_CONN_CLIENT ? receive_seq : send_seq;
	conn->request_counted = conn->request_seq;
	conn->response_counted = conn->response_seq;
	conn->only.number = ~0U;
}

/* What comes is not understood. Later bytes are looked at again where that can make sense. */
__noinline int rqs_feed_bad(struct rqs_feed *feed, struct rqs_conn *conn, struct rqs_pipe *pipe, bool readable)
{
	struct rqs_framing *f;
	struct rqs_work *work;
	__u32 zero = 0;

	work = bpf_map_lookup_elem(&http_work, &zero);
	if (!feed || !conn || !work)
		return 0;
	f = feed->is_request ? &conn->request : &conn->response;
	feed->at = feed->bytes;
	switch (conn->mode) {
	case RQS_CONN_NEW:
		conn->mode = RQS_CONN_OFF;
		if (!readable)
			RQS_LOST(unparsed);
		else if (f->state == RQS_FRAMING_HTTP2)
			RQS_LOST(http2_connections);
		else if (feed->is_request && !feed->window_at && work->windows[feed->received & 1].data[0] == 0x16 &&
			 work->windows[feed->received & 1].data[1] == 3)
			RQS_LOST(tls_connections);
		else
			RQS_LOST(other_connections);
		break;
	case RQS_CONN_JOIN:
		conn->role = RQS_CONN_UNKNOWN;
		conn->request_known = 0;
		conn->response_known = 0;
		rqs_framing_reset(&conn->request);
		rqs_framing_reset(&conn->response);
		break;
	case RQS_CONN_HTTP:
		if (!conn->out_of_step)
			RQS_LOST(unparsed);
		conn->out_of_step = 1;
		conn->unmatched = 0;
		rqs_framing_reset(f);
		if (!feed->is_request)
			rqs_end_rest(conn, pipe, false, 0);
		break;
	}
	return 0;
}

/* The first byte of a request's head. */
static __always_inline void rqs_request_begins(struct rqs_feed *feed, struct rqs_conn *conn, struct rqs_pipe *pipe)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct rqs_open *open;

	conn->path_bytes = 0;
	conn->method_bytes = 0;
	open = rqs_open_make(conn, pipe);
	if (!open)
		return;
	if (conn->role == RQS_CONN_CLIENT) {
		open->start_ns = feed->now_ns;
		return;
	}
	open->start_ns = rqs_arrival_of(conn, feed->seq + feed->at);
	if (open->start_ns > feed->now_ns)
		open->start_ns = feed->now_ns;
	open->copied_ns = feed->now_ns;
	open->tid = task->pid;
	open->run_delay_ns = task->sched_info.run_delay;
	open->exec_ns = rqs_exec_base(task);
	open->turns = rqs_turn_to(task, conn);
}

static __always_inline void rqs_response_begins(struct rqs_feed *feed, struct rqs_conn *conn)
{
	conn->response_first_ns = feed->now_ns;
	if (conn->role != RQS_CONN_CLIENT)
		return;
	conn->response_copied_ns = feed->now_ns;
	conn->response_first_ns = rqs_arrival_of(conn, feed->seq + feed->at);
	if (conn->response_first_ns > feed->now_ns)
		conn->response_first_ns = feed->now_ns;
}

/* Keep the path without its query, cut to what there is room for. */
static __always_inline void rqs_keep_target(struct rqs_conn *conn, const struct rqs_scan *scan,
					    const struct rqs_window_bytes *window)
{
	__u32 bytes = scan->target_bytes, word, i;
	const unsigned char *from;

	from = window->data + (scan->method_pos & (RQS_WINDOW_BYTES - 1));
	*(__u64 *)&conn->method[0] = *(const __u64 *)from;
	*(__u64 *)&conn->method[8] = *(const __u64 *)(from + 8);
	conn->method_bytes = scan->method_bytes;
	conn->path_cut = bytes > RQS_PATH_MAX;
	if (bytes > RQS_PATH_MAX)
		bytes = RQS_PATH_MAX;
	for (i = 0; i < RQS_PATH_MAX / 8; i++) {
		__u32 pos = scan->target_pos + 8 * i;
		__u64 text, found;

		if (8 * i >= bytes)
			break;
		text = *(const __u64 *)(window->data + (pos & (RQS_WINDOW_BYTES - 1)));
		found = rqs_framing_find(text, '?');
		*(__u64 *)&conn->path[8 * i] = text;
		if (!found)
			continue;
		word = 8 * i + rqs_framing_byte_of(found);
		if (word < bytes) {
			bytes = word;
			conn->path_cut = 0;
		}
		break;
	}
	conn->path_bytes = bytes;
}

/* A whole head of a request. */
__noinline int rqs_request_head(struct rqs_feed *feed, struct rqs_conn *conn, struct rqs_pipe *pipe)
{
	struct rqs_http_lane *lane;
	struct rqs_open *open;

	if (!feed || !conn || (!conn->has_slot && rqs_conn_identify(conn)))
		return 0;
	conn->mode = RQS_CONN_HTTP;
	conn->out_of_step = 0;
	open = rqs_open_find(conn, pipe, conn->opened);
	if (open) {
		open->is_head = !!(conn->request.flags & RQS_FRAMING_IS_HEAD);
		open->is_connect = !!(conn->request.flags & RQS_FRAMING_IS_CONNECT);
	} else {
		RQS_LOST(pipelined);
	}
	conn->opened++;
	lane = rqs_lane_begin(conn->slot);
	if (lane) {
		__sync_fetch_and_add(&lane->requests, 1);
		__sync_fetch_and_add(&lane->in_flight, 1);
		rqs_count_request(conn, lane, feed->seq + feed->at);
		rqs_lane_end(lane, conn->slot);
	}
	rqs_framing_body(&conn->request, false, false);
	return 0;
}

/* 101, or 2xx to CONNECT: from here on the connection carries something else. */
static __always_inline void rqs_response_upgrades(struct rqs_feed *feed, struct rqs_conn *conn, struct rqs_pipe *pipe)
{
	__u32 end_seq = feed->seq + feed->at;

	rqs_end_sent(conn, pipe, end_seq, feed->now_ns);
	if (conn->opened != conn->ended)
		rqs_end_upgrade(conn, end_seq);
	else
		RQS_LOST(unmatched);
	conn->mode = RQS_CONN_OFF;
}

/* A whole head of a response. */
__noinline int rqs_response_head(struct rqs_feed *feed, struct rqs_conn *conn, struct rqs_pipe *pipe)
{
	bool to_head = false, to_connect = false;
	struct rqs_open *open = NULL;
	__u16 status;

	if (!feed || !conn || (!conn->has_slot && rqs_conn_identify(conn)))
		return 0;
	status = conn->response.status;
	conn->mode = RQS_CONN_HTTP;
	conn->out_of_step = 0;
	conn->unmatched = conn->parsed == conn->opened;
	if (!conn->unmatched)
		open = rqs_open_find(conn, pipe, conn->parsed);
	if (open) {
		to_head = open->is_head;
		to_connect = open->is_connect;
	}
	if (status == 101 || (to_connect && status >= 200 && status < 300)) {
		rqs_response_upgrades(feed, conn, pipe);
		return 0;
	}
	if (status < 200) {
		rqs_framing_reset(&conn->response); /* not final: the answer is still to come */
		return 0;
	}
	if (open) {
		open->status = status;
		open->first_ns = conn->response_first_ns;
		if (conn->role == RQS_CONN_CLIENT) {
			open->copied_ns = conn->response_copied_ns;
			if (!open->first_ns)
				open->start_ns = 0; /* its arrival wasn't seen: untimed */
		}
	}
	rqs_framing_body(&conn->response, to_head, to_connect);
	return 0;
}

/* The end of a response was found; it may still have to be taken by the kernel. */
__noinline int rqs_response_done(struct rqs_feed *feed, struct rqs_conn *conn, struct rqs_pipe *pipe)
{
	struct rqs_open *open;
	__u32 end_seq;

	if (!feed || !conn)
		return 0;
	end_seq = feed->seq + feed->at;
	if (conn->unmatched) {
		RQS_LOST(unmatched);
		conn->unmatched = 0;
	} else {
		open = rqs_open_find(conn, pipe, conn->parsed);
		if (open) {
			open->end_seq = end_seq;
			conn->parsed++;
			rqs_end_sent(conn, pipe, feed->sent_seq, feed->now_ns);
		} else {
			/* Too deep to have been kept: what is before it ends now, and so does it. */
			rqs_end_sent(conn, pipe, end_seq, feed->now_ns);
			rqs_end_response(conn, pipe, conn->response.status, end_seq, feed->now_ns);
			conn->parsed = conn->ended;
		}
	}
	rqs_framing_reset(&conn->response);
	return 0;
}

/* Scan the window from where it was looked at up to the next decision. */
__noinline int rqs_feed_scan(struct rqs_feed *feed, struct rqs_conn *conn, struct rqs_pipe *pipe)
{
	struct rqs_window_bytes *window;
	struct rqs_scan scan = {};
	struct rqs_framing *f;
	struct rqs_work *work;
	__u32 zero = 0;
	bool begins;

	work = bpf_map_lookup_elem(&http_work, &zero);
	if (!feed || !conn || !work)
		return 0;
	f = feed->is_request ? &conn->request : &conn->response;
	begins = f->state == RQS_FRAMING_START;
	scan.f = *f;
	window = &work->windows[feed->received & 1];
	scan.pos = feed->at - feed->window_at;
	scan.end = feed->window_end - feed->window_at;
	rqs_framing_scan(&scan, window);
	if (begins && scan.f.state != RQS_FRAMING_START) {
		if (feed->is_request)
			rqs_request_begins(feed, conn, pipe);
		else
			rqs_response_begins(feed, conn);
	}
	*f = scan.f;
	feed->at = feed->window_at + scan.pos;
	if (scan.target_bytes && scan.method_bytes)
		rqs_keep_target(conn, &scan, window);
	return 0;
}

/* The next byte of this direction is where the event begins. */
static __always_inline void rqs_feed_sync(struct rqs_feed *feed, struct rqs_conn *conn)
{
	if (feed->is_request) {
		conn->request_seq = feed->seq;
		conn->request_counted = feed->seq;
		conn->request_known = 1;
	} else {
		conn->response_seq = feed->seq;
		conn->response_counted = feed->seq;
		conn->response_known = 1;
	}
}

/* A few bytes of an open connection: a response's head, or whatever else. Decides who is the server. */
static __always_inline void rqs_feed_role(struct rqs_feed *feed, struct rqs_conn *conn)
{
	struct rqs_work *work;
	__u32 zero = 0;

	work = bpf_map_lookup_elem(&http_work, &zero);
	if (!work)
		return;
	feed->is_request = (rqs_framing_load(work->windows[feed->received & 1].data) & 0xffffffffffffffULL) != RQS_WORD_HTTP1;
	conn->role = feed->received == feed->is_request ? RQS_CONN_SERVER : RQS_CONN_CLIENT;
	rqs_feed_sync(feed, conn);
}

enum rqs_feed_next { RQS_FEED_GO_ON, RQS_FEED_READ, RQS_FEED_PIPE, RQS_FEED_STOP };

/**
 * rqs_feed_step() - one step over the bytes of an event: skip, or scan up to the next decision, and decide.
 * Global: the verifier looks at it once, whatever calls it.
 * Return: enum rqs_feed_next: READ when the window must hold bytes from feed->at on, PIPE when the connection needs
 * its entry in http_pipes.
 */
__noinline int rqs_feed_step(struct rqs_feed *feed, struct rqs_conn *conn, struct rqs_pipe *pipe)
{
	struct rqs_framing *f;
	__u32 bytes;

	if (!feed || !conn || feed->at >= feed->bytes || conn->mode == RQS_CONN_OFF)
		return RQS_FEED_STOP;
	f = feed->is_request ? &conn->request : &conn->response;
	if (conn->role && rqs_framing_skips(f->state)) {
		bytes = feed->bytes - feed->at;
		if (bytes > f->left)
			bytes = f->left;
		feed->at += bytes;
		rqs_framing_skip(f, bytes);
	} else if (conn->role && f->state == RQS_FRAMING_UNTIL_CLOSE) {
		feed->at = feed->bytes;
		return RQS_FEED_STOP;
	} else {
		if (feed->at >= feed->window_end || feed->at < feed->window_at)
			return RQS_FEED_READ;
		if (!conn->role)
			rqs_feed_role(feed, conn);
		f = feed->is_request ? &conn->request : &conn->response;
		if (feed->is_request && f->state == RQS_FRAMING_START && !pipe && conn->opened != conn->ended &&
		    !conn->has_pipe)
			return RQS_FEED_PIPE;
		rqs_feed_scan(feed, conn, pipe);
	}
	if (f->state == RQS_FRAMING_HEAD_END) {
		if (feed->is_request)
			rqs_request_head(feed, conn, pipe);
		else
			rqs_response_head(feed, conn, pipe);
	}
	if (f->state == RQS_FRAMING_DONE) {
		if (feed->is_request)
			rqs_framing_reset(f);
		else
			rqs_response_done(feed, conn, pipe);
	}
	if (f->state >= RQS_FRAMING_BAD)
		rqs_feed_bad(feed, conn, pipe, true);
	return RQS_FEED_GO_ON;
}

static __always_inline struct rqs_pipe *rqs_pipe_of(struct rqs_conn *conn, const struct sock *sk)
{
	return conn->has_pipe ? bpf_sk_storage_get(&http_pipes, (void *)sk, NULL, 0) : NULL;
}

/* One step, and what it asks for that only the program itself can do; @read as rqs_read_user(). */
static __always_inline long rqs_tap_step(struct rqs_tap *tap, int (*read)(struct rqs_tap *tap))
{
	struct rqs_conn *conn = tap->conn;
	struct rqs_pipe *pipe = rqs_pipe_of(conn, tap->sk);

	switch (rqs_feed_step(&tap->feed, conn, pipe)) {
	case RQS_FEED_GO_ON:
		return 0;
	case RQS_FEED_READ:
		if (read(tap) < 0)
			rqs_feed_bad(&tap->feed, conn, pipe, false);
		return 0;
	case RQS_FEED_PIPE:
		bpf_sk_storage_get(&http_pipes, (void *)tap->sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
		conn->has_pipe = 1;
		return 0;
	}
	return 1;
}

static long rqs_user_step(__u32 unused, struct rqs_tap *tap)
{
	return rqs_tap_step(tap, rqs_read_user);
}

#define RQS_FEED_STEPS 1024

/* Bytes that no hook showed went by. False when they can't all have been of a body. */
static __always_inline bool rqs_feed_gap(struct rqs_framing *f, __u32 gap)
{
	if (f->state == RQS_FRAMING_UNTIL_CLOSE)
		return true;
	if (!rqs_framing_skips(f->state) || f->left < gap)
		return false;
	rqs_framing_skip(f, gap);
	return true;
}

/*
 * Which of the bytes were looked at before, and what was missed in between. Global.
 * Return: true when there is something to look at.
 */
__noinline int rqs_feed_begin(struct rqs_feed *feed, struct rqs_conn *conn, struct rqs_pipe *pipe)
{
	struct rqs_framing *f;
	__s32 ahead;

	if (!feed || !conn)
		return 0;
	feed->is_request = feed->received == (conn->role == RQS_CONN_SERVER);
	if (!conn->role)
		return 1;
	if (!(feed->is_request ? conn->request_known : conn->response_known))
		rqs_feed_sync(feed, conn);
	f = feed->is_request ? &conn->request : &conn->response;
	ahead = (feed->is_request ? conn->request_seq : conn->response_seq) - feed->seq;
	if (ahead >= (__s32)feed->bytes)
		return 0;
	if (ahead >= 0) {
		feed->at = ahead;
		return 1;
	}
	if (!rqs_feed_gap(f, -ahead)) {
		rqs_feed_bad(feed, conn, pipe, false);
		feed->at = 0;
		rqs_feed_sync(feed, conn);
	} else if (f->state == RQS_FRAMING_DONE) {
		if (feed->is_request)
			rqs_framing_reset(f);
		else
			rqs_response_done(feed, conn, pipe);
	}
	return conn->mode != RQS_CONN_OFF;
}

/* Bytes into the books, and what was waiting for the kernel to take them. Global. */
__noinline int rqs_feed_end(struct rqs_feed *feed, struct rqs_conn *conn, struct rqs_pipe *pipe, bool looked)
{
	struct rqs_http_lane *lane;

	if (!feed || !conn)
		return 0;
	if (looked && feed->is_request)
		conn->request_seq = feed->seq + feed->bytes;
	else if (looked)
		conn->response_seq = feed->seq + feed->bytes;
	if (conn->mode != RQS_CONN_HTTP)
		return 0;
	if (feed->is_request) {
		if (conn->request_counted == conn->request_seq)
			return 0;
		lane = rqs_lane_begin(conn->slot);
		if (lane) {
			rqs_count_request(conn, lane, conn->request_seq);
			rqs_lane_end(lane, conn->slot);
		}
		return 0;
	}
	rqs_end_sent(conn, pipe, feed->sent_seq, feed->now_ns);
	/* A long answer shows while it lasts; a short one is counted where it ends. */
	if ((__s32)(feed->seq - conn->response_counted) > RQS_HEAD_MAX) {
		lane = rqs_lane_begin(conn->slot);
		if (lane) {
			rqs_count_response(conn, lane, feed->seq);
			rqs_lane_end(lane, conn->slot);
		}
	}
	return 0;
}

/**
 * rqs_feed() - the engine: take what goes over a connection.
 * @tap: all but the positions in the event is set. @step: rqs_user_step() or the tap's own.
 */
static __always_inline void rqs_feed(struct rqs_tap *tap, long (*step)(__u32, struct rqs_tap *))
{
	struct rqs_pipe *pipe = rqs_pipe_of(tap->conn, tap->sk);
	bool looks = rqs_feed_begin(&tap->feed, tap->conn, pipe);

	if (looks) {
		tap->feed.now_ns = bpf_ktime_get_ns();
		bpf_loop(RQS_FEED_STEPS, step, tap, 0);
		pipe = rqs_pipe_of(tap->conn, tap->sk);
		if (tap->feed.at < tap->feed.bytes && tap->conn->mode != RQS_CONN_OFF)
			rqs_feed_bad(&tap->feed, tap->conn, pipe, false);
	}
	rqs_feed_end(&tap->feed, tap->conn, pipe, looks);
}

static __always_inline bool rqs_is_tcp(const struct sock *sk)
{
	__u16 family = sk->__sk_common.skc_family;

	return sk->sk_protocol == IPPROTO_TCP && (family == AF_INET || family == AF_INET6);
}

/* The state of a connection; made for one that was open before, if it carries data for a hook. */
static __always_inline struct rqs_conn *rqs_conn_of(const struct sock *sk)
{
	struct rqs_conn *conn = bpf_sk_storage_get(&http_conns, (void *)sk, NULL, 0);

	if (conn)
		return conn->mode == RQS_CONN_OFF ? NULL : conn;
	conn = bpf_sk_storage_get(&http_conns, (void *)sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!conn) {
		RQS_LOST(connections);
		return NULL;
	}
	rqs_conn_begin(conn, sk, RQS_CONN_JOIN, RQS_CONN_UNKNOWN);
	return conn;
}

SEC("tp_btf/sk_data_ready")
int BPF_PROG(http_on_ready, const struct sock *sk)
{
	struct tcp_sock *tcp;
	struct rqs_conn *conn;

	if (!http_active || !rqs_is_tcp(sk))
		return 0;
	conn = bpf_sk_storage_get(&http_conns, (void *)sk, NULL, 0);
	if (!conn || conn->mode == RQS_CONN_OFF)
		return 0;
	tcp = rqs_cast(struct tcp_sock, sk);
	/* TCP's own clock, read when it processed the packet, is this moment but for a microsecond or two. */
	rqs_arrival_push(conn, tcp->rcv_nxt, tcp->tcp_clock_cache);
	return 0;
}

/* rqscope's own port, called on this host: the far end of one of its own connections. */
static __always_inline bool rqs_calls_self(const struct sock *sk)
{
	if (!http_self_port || bpf_ntohs(sk->__sk_common.skc_dport) != http_self_port)
		return false;
	if (sk->__sk_common.skc_family == AF_INET)
		return sk->__sk_common.skc_daddr == sk->__sk_common.skc_rcv_saddr;
	return sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[3] == sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[3] &&
	       sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[0] == sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[0];
}

static __always_inline void rqs_conn_opened(const struct sock *sk, bool server)
{
	struct rqs_conn *conn = bpf_sk_storage_get(&http_conns, (void *)sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);

	if (!conn) {
		RQS_LOST(connections);
		return;
	}
	rqs_conn_begin(conn, sk, RQS_CONN_NEW, server ? RQS_CONN_SERVER : RQS_CONN_CLIENT);
	if (!server && rqs_calls_self(sk))
		conn->mode = RQS_CONN_OFF;
}

/* Nothing more will be sent; at the end (@closed) also nothing received. Global. */
__noinline int rqs_conn_ends(struct rqs_conn *conn, struct rqs_pipe *pipe, __u32 write_seq, bool closed, bool half_closed)
{
	__u64 now_ns = bpf_ktime_get_ns();
	struct rqs_http_lane *lane;
	struct rqs_open *open;
	bool server, in_order;
	__u32 sent_seq;

	if (!conn)
		return 0;
	server = conn->role == RQS_CONN_SERVER;
	if (!server && !closed)
		return 0;
	sent_seq = server ? write_seq : conn->response_seq;
	/* A body without a length is over where its sender closes in order. */
	in_order = server ? !closed : half_closed;
	if (conn->response.state == RQS_FRAMING_UNTIL_CLOSE && in_order) {
		if (conn->unmatched) {
			RQS_LOST(unmatched);
		} else {
			open = rqs_open_find(conn, pipe, conn->parsed);
			if (open)
				open->end_seq = sent_seq;
			conn->parsed++;
		}
		rqs_framing_reset(&conn->response);
	}
	rqs_end_sent(conn, pipe, sent_seq, now_ns);
	if (conn->opened != conn->ended) {
		lane = rqs_lane_begin(conn->slot);
		if (lane) {
			if ((__s32)(conn->response_seq - sent_seq) < 0)
				sent_seq = conn->response_seq;
			rqs_count_response(conn, lane, sent_seq);
			rqs_lane_end(lane, conn->slot);
		}
		rqs_end_rest(conn, pipe, true, now_ns);
	}
	if (!closed)
		return 0;
	if (server && conn->request.state > RQS_FRAMING_START && conn->request.state < RQS_FRAMING_HEAD_END &&
	    conn->mode != RQS_CONN_JOIN)
		RQS_LOST(partial_heads);
	conn->mode = RQS_CONN_OFF;
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(http_on_state, const struct sock *sk, int old_state, int new_state)
{
	struct rqs_conn *conn;

	if (!http_active || !rqs_is_tcp(sk))
		return 0;
	if (new_state == RQS_TCP_ESTABLISHED) {
		if (old_state == RQS_TCP_SYN_RECV || old_state == RQS_TCP_SYN_SENT)
			rqs_conn_opened(sk, old_state == RQS_TCP_SYN_RECV);
		return 0;
	}
	if (new_state != RQS_TCP_CLOSE && new_state != RQS_TCP_FIN_WAIT1 && new_state != RQS_TCP_LAST_ACK)
		return 0;
	conn = bpf_sk_storage_get(&http_conns, (void *)sk, NULL, 0);
	if (conn && conn->mode != RQS_CONN_OFF)
		rqs_conn_ends(conn, rqs_pipe_of(conn, sk), rqs_cast(struct tcp_sock, sk)->write_seq,
			      new_state == RQS_TCP_CLOSE, sk->sk_shutdown & RQS_RCV_SHUTDOWN);
	return 0;
}

#endif
