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

#include "http_fast.h"
#include "http_messages.h"
#include "http_unix_conn.h"
#include "runs.h"

#define IPPROTO_TCP 6

/* include/net/tcp_states.h */
#define RQS_TCP_ESTABLISHED 1
#define RQS_TCP_SYN_SENT 2
#define RQS_TCP_SYN_RECV 3
#define RQS_TCP_FIN_WAIT1 4
#define RQS_TCP_CLOSE 7
#define RQS_TCP_LAST_ACK 9
#define RQS_RCV_SHUTDOWN 1 /* include/net/sock.h */
#define RQS_SOCK_DONE 2    /* 1 << SOCK_DONE: the other end's FIN came; RCV_SHUTDOWN is set by closing this end, too */

/* Port that rqscope itself listens on, host order; 0 until it is known. */
__u32 http_self_port = 0;
/* Set when all programs are attached: half of a conversation would be taken for a whole one. */
__u32 http_active = 0;

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
	window = &work->windows[feed->window & (RQS_WINDOWS - 1)];
	scan.pos = feed->at - feed->window_at;
	scan.end = feed->window_end - feed->window_at;
	rqs_framing_scan(&scan, window);
	if (begins && scan.f.state != RQS_FRAMING_START) {
		if (feed->is_request)
			rqs_request_begins(feed, conn, pipe);
		else
			rqs_response_begins(conn, feed->seq + feed->at, feed->now_ns);
	}
	*f = scan.f;
	feed->head_bytes = begins && !feed->at && scan.f.state == RQS_FRAMING_HEAD_END ? scan.pos : 0;
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
	feed->is_request = (rqs_framing_load(work->windows[feed->window & (RQS_WINDOWS - 1)].data) & 0xffffffffffffffULL) != RQS_WORD_HTTP1;
	conn->role = feed->received == feed->is_request ? RQS_CONN_SERVER : RQS_CONN_CLIENT;
	rqs_feed_sync(feed, conn);
}

#define RQS_LINE_ROOM 256 /* bytes in which a request's first line is sought whole */

/* A request begins so near the end of the window that its line may go beyond, and there is more to bring in. */
static __always_inline bool rqs_feed_begins_late(const struct rqs_feed *feed, const struct rqs_framing *f)
{
	return feed->is_request && f->state == RQS_FRAMING_START && feed->at > feed->window_at &&
	       feed->window_end < feed->bytes && feed->window_end - feed->at < RQS_LINE_ROOM;
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
	if (rqs_conn_is_off(conn)) {
		rqs_conn_leave(conn, pipe);
		feed->at = feed->bytes;
		return RQS_FEED_STOP;
	}
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
		if (feed->at >= feed->window_end || feed->at < feed->window_at || rqs_feed_begins_late(feed, f))
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
		if (feed->head_bytes)
			rqs_memo_keep(feed, conn);
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

/* One step, and what it asks for that only the program itself can do; @read as rqs_read_user(). True when it was the last. */
static __always_inline bool rqs_tap_step(struct rqs_tap *tap, int (*read)(struct rqs_tap *tap))
{
	struct rqs_conn *conn = tap->conn;
	struct rqs_pipe *pipe = rqs_pipe_of(conn, tap->sk);

	switch (rqs_feed_step(tap->feed, conn, pipe)) {
	case RQS_FEED_GO_ON:
		return false;
	case RQS_FEED_READ:
		if (read(tap) < 0)
			rqs_feed_bad(tap->feed, conn, pipe, false);
		return false;
	case RQS_FEED_PIPE:
		bpf_sk_storage_get(&http_pipes, (void *)tap->sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
		conn->has_pipe = 1;
		return false;
	}
	return true;
}

static long rqs_user_step(__u32 unused, struct rqs_tap *tap)
{
	return rqs_loop_stop(rqs_tap_step(tap, rqs_read_user));
}

#define RQS_FEED_STEPS 4096 /* three for each buffer of a call that has as many as it may, 1024 */

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
			rqs_lane_end(lane);
		}
		return 0;
	}
	rqs_end_sent(conn, pipe, feed->sent_seq, feed->now_ns);
	/* A long answer shows while it lasts; a short one is counted where it ends. */
	if ((__s32)(feed->seq - conn->response_counted) > RQS_HEAD_MAX) {
		lane = rqs_lane_begin(conn->slot);
		if (lane) {
			rqs_count_response(conn, lane, feed->seq);
			rqs_lane_end(lane);
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
	bool looks = rqs_feed_begin(tap->feed, tap->conn, pipe);

	if (looks) {
		if (!tap->feed->now_ns)
			tap->feed->now_ns = bpf_ktime_get_ns();
		bpf_loop(RQS_FEED_STEPS, step, tap, 0);
		pipe = rqs_pipe_of(tap->conn, tap->sk);
		if (tap->feed->at < tap->feed->bytes && tap->conn->mode != RQS_CONN_OFF)
			rqs_feed_bad(tap->feed, tap->conn, pipe, false);
	}
	rqs_feed_end(tap->feed, tap->conn, pipe, looks);
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

	if (conn) {
		if (conn->mode == RQS_CONN_OFF)
			return NULL;
		if (!rqs_conn_is_off(conn))
			return conn;
		if (conn->mode != RQS_CONN_JOIN)
			rqs_conn_leave(conn, rqs_pipe_of(conn, sk));
		return NULL;
	}
	conn = bpf_sk_storage_get(&http_conns, (void *)sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!conn) {
		RQS_LOST(connections);
		return NULL;
	}
	rqs_conn_begin(conn, sk, RQS_CONN_JOIN, RQS_CONN_UNKNOWN);
	return conn;
}

SEC("tp_btf/sk_data_ready")
int RQS_PROG(http_on_ready, RQS_HTTP_READY, struct sock *sk)
{
	struct tcp_sock *tcp;
	struct rqs_conn *conn;

	if (!http_active)
		return 0;
	if (rqs_is_unix(sk)) {
		rqs_unix_handed(sk);
		return 0;
	}
	if (!rqs_is_tcp(sk))
		return 0;
	conn = bpf_sk_storage_get(&http_conns, (void *)sk, NULL, 0);
	if (!conn || conn->mode == RQS_CONN_OFF || rqs_conn_is_off(conn))
		return 0;
	tcp = rqs_cast(struct tcp_sock, sk);
	/* TCP's own clock, read when it processed the packet, is this moment but for a microsecond or two. */
	if (!rqs_arrival_push(conn, tcp->rcv_nxt, tcp->tcp_clock_cache))
		rqs_arrival_drop(conn, tcp->rcv_nxt);
	return 0;
}

static __always_inline void rqs_conn_opened(const struct sock *sk, bool server)
{
	struct rqs_conn *conn = bpf_sk_storage_get(&http_conns, (void *)sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);

	if (!conn) {
		RQS_LOST(connections);
		return;
	}
	/* A request that came with the SYN (TCP Fast Open) may have been read, and answered, before the handshake was over. */
	if (server && conn->role == RQS_CONN_SERVER && conn->mode != RQS_CONN_OFF)
		return;
	if (conn->has_pipe) /* of the connection that this socket had before */
		bpf_sk_storage_delete(&http_pipes, (void *)sk);
	rqs_conn_begin(conn, sk, !server && http_off & RQS_PART_CLIENT ? RQS_CONN_JOIN : RQS_CONN_NEW,
		       server ? RQS_CONN_SERVER : RQS_CONN_CLIENT);
	/* The far end of one of rqscope's own connections. */
	if (!server && http_self_port && conn->peer_port == http_self_port && conn->local_peer)
		conn->mode = RQS_CONN_OFF;
}

/*
 * Nothing more will be sent; at the end (@closed) also nothing received. Global.
 * @passed_seq: up to where the response was handed over, or, in the client role, read.
 */
__noinline int rqs_conn_ends(struct rqs_conn *conn, struct rqs_pipe *pipe, __u32 passed_seq, bool closed, bool half_closed)
{
	__u64 now_ns = bpf_ktime_get_ns();
	struct rqs_http_lane *lane;
	struct rqs_open *open;
	bool server, in_order;
	__u32 sent_seq;

	if (!conn)
		return 0;
	server = conn->role == RQS_CONN_SERVER;
	/* The rest of a body may have been read without a copy, or thrown away: no hook showed that. */
	if (!server && (__s32)(passed_seq - conn->response_seq) > 0 &&
	    rqs_feed_gap(&conn->response, passed_seq - conn->response_seq))
		conn->response_seq = passed_seq;
	if (!server && !closed && conn->response.state != RQS_FRAMING_DONE)
		return 0;
	/* A reset can come back while a send is still on its way; whether that was the answer, its hook will say. */
	if (RQS_SENDS_ARE_SEEN_LATE && conn->family != AF_UNIX && closed && server && !conn->closing && conn->opened != conn->ended &&
	    (__s32)(passed_seq - conn->response_seq) > 0) {
		conn->closing = 1;
		return 0;
	}
	sent_seq = server ? passed_seq : conn->response_seq;
	/* A body without a length is over where its sender closes in order. */
	in_order = server ? !closed : half_closed;
	if (conn->response.state == RQS_FRAMING_DONE || (conn->response.state == RQS_FRAMING_UNTIL_CLOSE && in_order)) {
		if (conn->unmatched) {
			RQS_LOST(unmatched);
			conn->unmatched = RQS_MATCHED;
		} else {
			open = rqs_open_find(conn, pipe, conn->parsed);
			if (open)
				open->end_seq = sent_seq;
			conn->parsed++;
		}
		rqs_framing_reset(&conn->response);
		/* A Unix socket's close is seen later than it was. */
		if (server && conn->family == AF_UNIX && conn->handed_ns)
			now_ns = conn->handed_ns;
	}
	rqs_end_sent(conn, pipe, sent_seq, now_ns);
	if (!server && !closed)
		return 0;
	if (conn->opened != conn->ended) {
		lane = rqs_lane_begin(conn->slot);
		if (lane) {
			if ((__s32)(conn->response_seq - sent_seq) < 0)
				sent_seq = conn->response_seq;
			rqs_count_response(conn, lane, sent_seq);
			rqs_lane_end(lane);
		}
		rqs_end_rest(conn, pipe, true, now_ns);
	}
	if (!closed)
		return 0;
	if (conn->unmatched == RQS_EARLY_ENDED)
		RQS_LOST(unmatched);
	if (server && conn->request.state > RQS_FRAMING_START && conn->request.state < RQS_FRAMING_HEAD_END &&
	    conn->mode != RQS_CONN_JOIN)
		RQS_LOST(partial_heads);
	conn->mode = RQS_CONN_OFF;
	return 0;
}

/* Up to where a socket's stream was read. The FIN has a position too. */
static __always_inline __u32 rqs_read_seq(const struct sock *sk)
{
	struct tcp_sock *tcp = rqs_cast(struct tcp_sock, sk);
	__u32 seq = tcp->copied_seq;

	return sk->__sk_common.skc_flags & RQS_SOCK_DONE && seq == tcp->rcv_nxt ? seq - 1 : seq;
}

SEC("tp_btf/inet_sock_set_state")
int RQS_PROG(http_on_state, RQS_HTTP_STATE, const struct sock *sk, int old_state, int new_state)
{
	struct rqs_conn *conn;
	__u32 passed_seq;

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
	if (!conn || conn->mode == RQS_CONN_OFF)
		return 0;
	passed_seq = conn->role == RQS_CONN_CLIENT ? rqs_read_seq(sk) : rqs_cast(struct tcp_sock, sk)->write_seq;
	if (rqs_conn_is_off(conn))
		rqs_conn_leave(conn, rqs_pipe_of(conn, sk));
	else
		rqs_conn_ends(conn, rqs_pipe_of(conn, sk), passed_seq, new_state == RQS_TCP_CLOSE, sk->__sk_common.skc_flags & RQS_SOCK_DONE);
	return 0;
}

#endif
