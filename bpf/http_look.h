/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * http_look - what is in flight at this moment: an iterator over the state of all connections.
 * Hook:   iter/bpf_sk_storage_map, run while user space reads it and at no other time. Nothing on a hot path.
 * Output: one struct rqs_look at the end of the walk: counts, and the oldest requests of all. What is kept while it lasts doesn't grow
 *         with the number of connections.
 * Reads:  connections that go on changing, without their locks: what is copied of one is checked to be of one request.
 * Misses: of a connection of which nothing was read yet it isn't known whether it speaks HTTP: what waits on it is counted where
 *         its port is one of a service that does (http_look_ports), and over a Unix socket not at all.
 */
#ifndef RQS_BPF_HTTP_LOOK_H
#define RQS_BPF_HTTP_LOOK_H

#include "http_unix.h"

#define RQS_LOOK_TURN 2048 /* connections in one read(): the kernel doesn't let go of the CPU meanwhile */

/* include/linux/sched.h */
#define RQS_TASK_INTERRUPTIBLE 1
#define RQS_TASK_UNINTERRUPTIBLE 2
#define RQS_TASK_STOPPED_OR_TRACED 12

extern struct task_struct *bpf_task_from_pid(__s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;

/* Local ports of services, a bit each; user space writes it before it looks. */
__u8 http_look_ports[65536 / 8];

struct rqs_looking {
	struct rqs_look out;
	__u64 session;
	__u64 now_ns;
	__u32 turn; /* connections since read() was called */
	/* The list by age: where its ends are, and for each place the next ones; RQS_LOOK_MAX where there is none. */
	__u32 oldest;
	__u32 youngest;
	__u8 older[RQS_LOOK_MAX];
	__u8 younger[RQS_LOOK_MAX];
	struct rqs_conn conn; /* a copy of the one that is looked at */
	struct rqs_open open;
};

/* One reader at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rqs_looking);
} http_looking SEC(".maps");

struct rqs_look_search {
	struct rqs_looking *looking;
	__u64 age_ns;
	__u32 at;
};

/* From the oldest on: the map's newest socket comes first, so most that come are older than all that are listed. */
static long rqs_look_search_step(__u32 i, struct rqs_look_search *search)
{
	__u32 at = search->at;

	if (at >= RQS_LOOK_MAX || search->looking->out.list[at].age_ns < search->age_ns)
		return 1;
	search->at = search->looking->younger[at];
	return 0;
}

/* Place @at is to have a request of this age: into the order by age. */
static __always_inline void rqs_look_chain(struct rqs_looking *looking, __u32 at, __u64 age_ns)
{
	struct rqs_look_search search = { .looking = looking, .age_ns = age_ns, .at = looking->oldest };
	__u32 older, younger;

	bpf_loop(RQS_LOOK_MAX, rqs_look_search_step, &search, 0);
	younger = search.at;
	older = younger < RQS_LOOK_MAX ? looking->older[younger] : looking->youngest;
	looking->older[at] = older;
	looking->younger[at] = younger;
	if (older < RQS_LOOK_MAX)
		looking->younger[older] = at;
	else
		looking->oldest = at;
	if (younger < RQS_LOOK_MAX)
		looking->older[younger] = at;
	else
		looking->youngest = at;
}

/* A place for a request of this age, the youngest's where the list is full; RQS_LOOK_MAX: there is none. */
static __always_inline __u32 rqs_look_place(struct rqs_looking *looking, __u64 age_ns)
{
	__u32 at = looking->out.count, older;

	if (at < RQS_LOOK_MAX) {
		looking->out.count = at + 1;
		return at;
	}
	at = looking->youngest;
	if (at >= RQS_LOOK_MAX || age_ns <= looking->out.list[at].age_ns)
		return RQS_LOOK_MAX;
	older = looking->older[at];
	if (older < RQS_LOOK_MAX)
		looking->younger[older] = RQS_LOOK_MAX;
	looking->youngest = older;
	return at;
}

static __always_inline bool rqs_look_in_head(const struct rqs_framing *f)
{
	return f->state > RQS_FRAMING_START && f->state <= RQS_FRAMING_HEAD_END;
}

/* Bytes that came and that nobody has read, at the next byte of a stream. */
static __always_inline bool rqs_look_unread(const struct sock *sk, const struct rqs_conn *conn, __u32 next_seq)
{
	__u32 end_seq;

	if (conn->family == AF_UNIX)
		return sk->sk_receive_queue.qlen;
	end_seq = rqs_cast(struct tcp_sock, sk)->rcv_nxt;
	if (sk->sk_shutdown & RQS_RCV_SHUTDOWN) /* the FIN has a position too */
		end_seq--;
	return (__s32)(end_seq - next_seq) > 0;
}

/* @number: of a request that is open or whose head has begun. @unread: more lies in the kernel. */
static __always_inline __u8 rqs_look_stage(const struct rqs_conn *conn, __u32 number, bool unread)
{
	bool server = conn->role == RQS_CONN_SERVER;
	bool whole = number != conn->opened && (number + 1 != conn->opened || conn->request.state == RQS_FRAMING_START);

	if (server && (__s32)(number - conn->parsed) < 0)
		return RQS_STAGE_SENDING;
	if (number != conn->opened && number == conn->parsed && conn->response.state != RQS_FRAMING_START)
		return server ? RQS_STAGE_SENDING : RQS_STAGE_READING;
	if (!whole)
		return server ? RQS_STAGE_READING : RQS_STAGE_SENDING;
	return !server && number == conn->parsed && unread ? RQS_STAGE_QUEUED : RQS_STAGE_SERVING;
}

/*
 * One request into the list, if it is old enough; it stands in looking->open, its connection in looking->conn. Global.
 * @has_path: the connection's method and path are its.
 */
__noinline int rqs_look_list(struct rqs_looking *looking, __u32 stage, bool has_path)
{
	struct rqs_look_request *request;
	const struct rqs_conn *conn;
	const struct rqs_open *open;
	__u64 begun_ns, age_ns;
	__u32 at;

	if (!looking)
		return 0;
	conn = &looking->conn;
	open = &looking->open;
	begun_ns = open->start_ns ?: open->copied_ns;
	age_ns = begun_ns && begun_ns < looking->now_ns ? looking->now_ns - begun_ns : 0;
	at = rqs_look_place(looking, age_ns);
	if (at >= RQS_LOOK_MAX)
		return 0;
	rqs_look_chain(looking, at, age_ns);
	request = &looking->out.list[at];
	__builtin_memset(request, 0, sizeof(*request));
	request->age_ns = age_ns;
	request->has_age = begun_ns != 0;
	request->seen_ns = open->copied_ns ?: open->start_ns;
	request->slot = rqs_conn_identified(conn) ? conn->slot : RQS_LOOK_NO_SLOT;
	request->netns = conn->netns;
	request->tid = open->tid;
	request->role = conn->role == RQS_CONN_CLIENT ? RQS_ROLE_CLIENT : RQS_ROLE_SERVER;
	request->stage = stage;
	request->local_port = conn->local_port;
	request->peer_port = conn->peer_port;
	request->peer_family = conn->family;
	request->route = open->route;
	if (conn->family != AF_UNIX)
		__builtin_memcpy(request->peer_address, conn->peer_address, sizeof(request->peer_address));
	if (has_path) {
		request->method_bytes = conn->method_bytes;
		request->path_bytes = conn->path_bytes;
		request->path_cut = conn->path_cut;
		__builtin_memcpy(request->method, conn->method, sizeof(request->method));
		__builtin_memcpy(request->path, conn->path, sizeof(request->path));
	}
	return 0;
}

/* How many requests are open on a connection, with the one whose head has begun. */
static __always_inline __u32 rqs_look_count(const struct rqs_conn *conn)
{
	return conn->opened - conn->ended + rqs_look_in_head(&conn->request);
}

struct rqs_look_walk {
	struct rqs_looking *looking;
	struct rqs_pipe *pipe;
	bool unread;
};

static long rqs_look_open_step(__u32 i, struct rqs_look_walk *walk)
{
	struct rqs_conn *conn = &walk->looking->conn;
	__u32 number = conn->ended + i, last = conn->ended + rqs_look_count(conn) - 1;
	struct rqs_open *open;

	open = rqs_open_find(conn, walk->pipe, number);
	if (!open) /* deeper than is followed */
		return 1;
	walk->looking->open = *open;
	/* It ended, and another one is in its place. */
	if (walk->looking->open.number != number)
		return 1;
	rqs_look_list(walk->looking, rqs_look_stage(conn, number, walk->unread), number == last);
	return number == last;
}

/* Each of them, the oldest first. Global. */
__noinline int rqs_look_open(struct rqs_looking *looking, struct rqs_pipe *pipe, bool unread)
{
	struct rqs_look_walk walk = { .looking = looking, .pipe = pipe, .unread = unread };

	if (looking)
		bpf_loop(RQS_PIPE_DEPTH + 1, rqs_look_open_step, &walk, 0);
	return 0;
}

/* A request that lies in the kernel, and of which the server has read nothing. Global. */
__noinline int rqs_look_queued(struct rqs_looking *looking)
{
	if (!looking)
		return 0;
	__builtin_memset(&looking->open, 0, sizeof(looking->open));
	looking->open.start_ns = rqs_arrival_of(&looking->conn, looking->conn.request_seq);
	rqs_look_list(looking, RQS_STAGE_QUEUED, false);
	return 0;
}

static __always_inline bool rqs_look_is_service(const struct rqs_conn *conn)
{
	return http_look_ports[conn->local_port >> 3] >> (conn->local_port & 7) & 1;
}

/* With nothing open: data came that was not looked at yet. The FIN alone is none. */
static __always_inline bool rqs_look_is_queued(const struct sock *sk, const struct rqs_conn *conn)
{
	__u32 arrived = 0, i;

	if (conn->role != RQS_CONN_SERVER || !conn->request_known || conn->request.state != RQS_FRAMING_START)
		return false;
#pragma unroll
	for (i = 0; i < RQS_ARRIVALS; i++)
		arrived |= conn->request_seq - conn->arrival_seq[i];
	return arrived >> 31 && rqs_look_unread(sk, conn, conn->request_seq);
}

/* Nothing on it would find a place in the list. */
static __always_inline bool rqs_look_is_younger(const struct rqs_looking *looking, const struct rqs_conn *conn)
{
	return looking->out.count == RQS_LOOK_MAX && looking->youngest < RQS_LOOK_MAX && !conn->has_pipe &&
	       conn->only.number == conn->ended &&
	       (__s64)(looking->now_ns - conn->only.start_ns - looking->out.list[looking->youngest].age_ns) <= 0;
}

/* Most connections are idle: no more of them is touched than has to be, since each piece has to come from memory. */
static __always_inline void rqs_look_conn(struct rqs_looking *looking, struct sock *sk, const struct rqs_conn *live)
{
	struct rqs_conn *conn = &looking->conn;
	__u8 mode = live->mode;
	__u32 count;

	if (mode == RQS_CONN_OFF && sk->__sk_common.skc_state == RQS_TCP_CLOSE)
		return;
	if (live->family == AF_UNIX && mode != RQS_CONN_HTTP) /* most of what goes over Unix sockets is not */
		return;
	looking->out.connections++;
	looking->out.http += mode == RQS_CONN_HTTP;
	if ((mode != RQS_CONN_HTTP && mode != RQS_CONN_NEW) || !live->role)
		return;
	count = rqs_look_count(live);
	if (!count && !rqs_look_is_queued(sk, live))
		return;
	if (mode == RQS_CONN_NEW && !live->method_bytes && !rqs_look_is_service(live))
		return;
	looking->out.requests += count ?: 1;
	if (rqs_look_is_younger(looking, live) || bpf_probe_read_kernel(conn, sizeof(*conn), live))
		return;
	/* It went on while it was copied: half of this is of one request, half of another. */
	if (live->opened != conn->opened || live->ended != conn->ended)
		return;
	if (count)
		rqs_look_open(looking, conn->has_pipe ? bpf_sk_storage_get(&http_pipes, sk, NULL, 0) : NULL,
			      conn->response_known && rqs_look_unread(sk, conn, conn->response_seq));
	else
		rqs_look_queued(looking);
}

/* One byte in 7.3, an int before; how wide a load is is adjusted for unsigned ones only. */
struct task_struct___unsigned {
	__u32 on_cpu;
} __attribute__((preserve_access_index));

static __always_inline __u8 rqs_look_state_of(const struct task_struct *task)
{
	__u32 state = task->__state;

	if (task->exit_state)
		return RQS_TASK_EXITING;
	if (!state)
		return ((const struct task_struct___unsigned *)task)->on_cpu ? RQS_TASK_RUNNING : RQS_TASK_RUNNABLE;
	if (state & RQS_TASK_INTERRUPTIBLE)
		return RQS_TASK_SLEEPING;
	if (state & RQS_TASK_UNINTERRUPTIBLE)
		return RQS_TASK_BLOCKED;
	return state & RQS_TASK_STOPPED_OR_TRACED ? RQS_TASK_STOPPED : RQS_TASK_SLEEPING;
}

/* What the thread of a listed request is doing. */
static long rqs_look_thread(__u32 i, struct rqs_looking **ctx)
{
	struct rqs_looking *looking = *ctx;
	struct rqs_look_request *request;
	struct task_struct *task;

	if (i >= RQS_LOOK_MAX || i >= looking->out.count)
		return 1;
	request = &looking->out.list[i];
	task = request->tid ? bpf_task_from_pid(request->tid) : NULL;
	if (!task)
		return 0;
	/* A thread that came later has the same number by chance. */
	if (task->start_time <= request->seen_ns) {
		request->pid = task->tgid;
		request->task_state = rqs_look_state_of(task);
		bpf_probe_read_kernel(request->comm, sizeof(request->comm), task->comm);
	}
	bpf_task_release(task);
	return 0;
}

SEC("iter/bpf_sk_storage_map")
int http_on_look(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct bpf_iter_meta *meta = ctx->meta;
	struct rqs_conn *live = ctx->value;
	struct sock *sk = ctx->sk;
	struct rqs_looking *looking;
	__u32 zero = 0;

	looking = bpf_map_lookup_elem(&http_looking, &zero);
	if (!looking)
		return 0;
	if (looking->session != meta->session_id) {
		looking->session = meta->session_id;
		looking->now_ns = bpf_ktime_get_ns();
		looking->turn = 0;
		looking->oldest = looking->youngest = RQS_LOOK_MAX;
		__builtin_memset(&looking->out, 0, 16);
	}
	if (!sk || !live) {
		bpf_loop(RQS_LOOK_MAX, rqs_look_thread, &looking, 0);
		bpf_seq_write(meta->seq, &looking->out, sizeof(looking->out));
		return 0;
	}
	/* read() gives EAGAIN, and the next one goes on here (kernel/bpf/bpf_iter.c bpf_seq_read()). */
	if (looking->turn++ >= RQS_LOOK_TURN) {
		looking->turn = 0;
		return 1;
	}
	rqs_look_conn(looking, sk, live);
	return 0;
}

#endif
