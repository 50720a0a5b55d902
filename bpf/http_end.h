/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * http_end - how a request ends: its times, where they went, and its place in the books.
 * Maps: http_conns, http_pipes, http_turns.
 */
#ifndef RQS_BPF_HTTP_END_H
#define RQS_BPF_HTTP_END_H

#include "http_routes.h"

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct rqs_conn);
} http_conns SEC(".maps");

/* Made only where a second request comes before the first one's answer. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct rqs_pipe);
} http_pipes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct rqs_turn);
} http_turns SEC(".maps");

/* The thread turns to this connection: how often it has turned to another one than before. */
static __always_inline __u32 rqs_turn_to(struct task_struct *task, const struct rqs_conn *conn)
{
	struct rqs_turn *turn = bpf_task_storage_get(&http_turns, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!turn)
		return 0;
	if (turn->conn != (__u64)conn) {
		turn->conn = (__u64)conn;
		turn->turns++;
	}
	return turn->turns;
}

/*
 * CPU time of a task without asking for it: sum_exec_runtime moves at ticks and switches only, but at any moment
 * it lacks just (now - exec_start). The difference of two of these, plus the time between them, is right.
 * exec_start is told by the CPU's clock of tasks, which stands still while interrupts run or a hypervisor has the CPU, where the kernel
 * keeps account of that (kernel/sched/core.c update_rq_clock_task()). By how much it lags is another one on each CPU, and what it
 * missed while the task slept is not the task's.
 */
static __always_inline __u64 rqs_exec_base(const struct task_struct *task)
{
	const struct rq *rq = task->se.cfs_rq->rq;

	return task->se.sum_exec_runtime - task->se.exec_start - (rq->clock - rq->clock_task);
}

/* Where a request of this number is kept, or NULL when it never was (deeper than RQS_PIPE_DEPTH). */
static __always_inline struct rqs_open *rqs_open_find(struct rqs_conn *conn, struct rqs_pipe *pipe, __u32 number)
{
	struct rqs_open *open;

	if (conn->only.number == number)
		return &conn->only;
	if (!pipe)
		return NULL;
	open = &pipe->open[number & (RQS_PIPE_DEPTH - 1)];
	return open->number == number ? open : NULL;
}

/* A place for the request whose head begins, or NULL when too many are open. */
static __always_inline struct rqs_open *rqs_open_make(struct rqs_conn *conn, struct rqs_pipe *pipe)
{
	__u32 number = conn->opened;

	if (conn->ended == number)
		return &conn->only;
	if (!pipe || number - conn->ended >= RQS_PIPE_DEPTH)
		return NULL;
	return &pipe->open[number & (RQS_PIPE_DEPTH - 1)];
}

/* Bytes of the request up to @seq went by. */
static __always_inline void rqs_count_request(struct rqs_conn *conn, struct rqs_http_lane *lane, __u32 seq)
{
	__s32 bytes = seq - conn->request_counted;

	if (bytes > 0) {
		conn->request_counted = seq;
		__sync_fetch_and_add(&lane->request_bytes, bytes);
	}
}

/* Bytes of the response up to @seq were handed over. */
static __always_inline void rqs_count_response(struct rqs_conn *conn, struct rqs_http_lane *lane, __u32 seq)
{
	__s32 bytes = seq - conn->response_counted;

	if (bytes > 0) {
		conn->response_counted = seq;
		__sync_fetch_and_add(&lane->response_bytes, bytes);
	}
}

/* Whose CPU time it is that the end of a response is measured by, and how much it was then. */
struct rqs_worker {
	__u64 run_delay_ns;
	__u64 exec_ns;
	__u32 tid;
};

static __always_inline void rqs_worker_of(const struct rqs_conn *conn, const struct task_struct *task, __u64 now_ns,
					  struct rqs_worker *worker)
{
	worker->run_delay_ns = task->sched_info.run_delay;
	worker->exec_ns = rqs_exec_base(task);
	worker->tid = task->pid;
	/* Chosen between two pointers the values could not be read: the verifier wants one kind of pointer at each load. */
	barrier_var(worker->run_delay_ns);
	barrier_var(worker->tid);
	if (conn->family == AF_UNIX && now_ns == conn->handed_ns) {
		worker->run_delay_ns = conn->handed_run_delay_ns;
		worker->exec_ns = conn->handed_exec_ns;
		worker->tid = conn->handed_tid;
	}
}

/* The parts of a server's request; they sum to its duration. False: it changed hands. */
static __always_inline bool rqs_split(const struct rqs_open *open, const struct rqs_worker *worker, struct rqs_times *times)
{
	__u64 wait_ns, rest_ns, busy_ns = times->now_ns - open->copied_ns;
	__s64 on_cpu_ns;

	if (!open->copied_ns || open->tid != worker->tid)
		return false;
	wait_ns = worker->run_delay_ns - open->run_delay_ns;
	if (wait_ns > busy_ns)
		wait_ns = busy_ns;
	rest_ns = busy_ns - wait_ns;
	on_cpu_ns = busy_ns + worker->exec_ns - open->exec_ns;
	if (on_cpu_ns < 0)
		on_cpu_ns = 0;
	if ((__u64)on_cpu_ns > rest_ns)
		on_cpu_ns = rest_ns;
	times->queued_ns = open->copied_ns - open->start_ns;
	times->cpu_wait_ns = wait_ns;
	times->on_cpu_ns = on_cpu_ns;
	times->blocked_ns = rest_ns - on_cpu_ns;
	times->has_split = true;
	return true;
}

/* What the end of one response adds to its service's lane. */
static __always_inline void rqs_book_times(struct rqs_conn *conn, struct rqs_http_lane *lane,
					   const struct rqs_open *open, struct rqs_times *times)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 first_ns = open->first_ns, copied_ns = open->copied_ns;
	bool client = conn->role == RQS_CONN_CLIENT;
	struct rqs_worker worker;
	__u32 epoch = rqs_epoch();

	if (first_ns < open->start_ns)
		first_ns = open->start_ns;
	if (first_ns > times->now_ns)
		first_ns = times->now_ns;
	rqs_lane_time(lane, RQS_METRIC_DURATION, epoch, times->now_ns - open->start_ns);
	rqs_lane_time(lane, RQS_METRIC_TTFB, epoch, first_ns - open->start_ns);
	rqs_lane_time(lane, RQS_METRIC_QUEUE, epoch, client ? copied_ns - first_ns : copied_ns - open->start_ns);
	if (client)
		return;
	rqs_worker_of(conn, task, times->now_ns, &worker);
	if (rqs_split(open, &worker, times)) {
		__sync_fetch_and_add(&lane->split_count, 1);
		__sync_fetch_and_add(&lane->queued_ns, times->queued_ns);
		__sync_fetch_and_add(&lane->cpu_wait_ns, times->cpu_wait_ns);
		__sync_fetch_and_add(&lane->on_cpu_ns, times->on_cpu_ns);
		__sync_fetch_and_add(&lane->blocked_ns, times->blocked_ns);
		if (worker.tid == (__u32)task->pid && rqs_turn_to(task, conn) != open->turns)
			__sync_fetch_and_add(&lane->shared, 1);
	} else {
		__sync_fetch_and_add(&lane->unknown, 1);
	}
}

/**
 * rqs_end_response() - the oldest request has its answer.
 * @status: what its head said, 0 when it could not be read. @end_seq: the end of the response in the stream.
 */
__noinline int rqs_end_response(struct rqs_conn *conn, struct rqs_pipe *pipe, __u32 status, __u32 end_seq, __u64 now_ns)
{
	struct rqs_http_lane *lane;
	struct rqs_open *open;
	struct rqs_times times = { .now_ns = now_ns };
	bool timed;
	__u32 index;

	if (!conn)
		return 0;
	open = rqs_open_find(conn, pipe, conn->ended);
	timed = open && open->start_ns && status;
	rqs_route_end(open ? open->route : rqs_route_rest(conn->slot), conn->slot, status, timed,
		      timed ? now_ns - open->start_ns : 0);
	lane = rqs_lane_begin(conn->slot);
	conn->ended++;
	if (!lane)
		return 0;
	index = status >= RQS_STATUS_LOW ? status - RQS_STATUS_LOW : 0;
	__sync_fetch_and_add(&lane->responses, 1);
	__sync_fetch_and_add(&lane->in_flight, -1);
	if (index < RQS_STATUS_COUNT)
		__sync_fetch_and_add(&lane->status[index], 1);
	rqs_count_response(conn, lane, end_seq);
	if (timed)
		rqs_book_times(conn, lane, open, &times);
	else
		__sync_fetch_and_add(&lane->untimed, 1);
	rqs_lane_end(lane);
	if (conn->role == RQS_CONN_CLIENT)
		return 0;
	if (timed && (__s64)(open->first_ns - open->start_ns - rqs_slow_ns) > 0)
		rqs_report_request(conn, open, RQS_EVENT_SLOW_REQUEST, &times);
	if (status >= 500)
		rqs_report_request(conn, open, RQS_EVENT_SERVER_ERROR, &times);
	return 0;
}

struct rqs_ending {
	struct rqs_conn *conn;
	struct rqs_pipe *pipe;
	__u64 now_ns;
	__u32 sent_seq;
};

static long rqs_end_step(__u32 unused, struct rqs_ending *ending)
{
	struct rqs_conn *conn = ending->conn;
	struct rqs_open *open;
	__u32 status = 0, end_seq = ending->sent_seq;

	if (conn->ended == conn->parsed)
		return 1;
	open = rqs_open_find(conn, ending->pipe, conn->ended);
	if (open) {
		status = open->status;
		end_seq = open->end_seq;
	}
	if ((__s32)(ending->sent_seq - end_seq) < 0)
		return 1;
	if (!ending->now_ns)
		ending->now_ns = bpf_ktime_get_ns();
	rqs_end_response(conn, ending->pipe, status, end_seq, ending->now_ns);
	return 0;
}

/** rqs_end_sent() - everything up to @sent_seq was taken by the kernel: end the responses that end there. */
__noinline int rqs_end_sent(struct rqs_conn *conn, struct rqs_pipe *pipe, __u32 sent_seq, __u64 now_ns)
{
	struct rqs_ending ending = { .conn = conn, .pipe = pipe, .now_ns = now_ns, .sent_seq = sent_seq };

	if (conn && conn->ended != conn->parsed)
		bpf_loop(RQS_PIPE_DEPTH + 1, rqs_end_step, &ending, 0);
	return 0;
}

/** rqs_end_upgrade() - the oldest request turned its connection into something else. */
static __always_inline void rqs_end_upgrade(struct rqs_conn *conn, __u32 end_seq)
{
	struct rqs_http_lane *lane = rqs_lane_begin(conn->slot);

	conn->ended++;
	conn->parsed = conn->ended;
	if (!lane)
		return;
	__sync_fetch_and_add(&lane->upgrades, 1);
	__sync_fetch_and_add(&lane->in_flight, -1);
	rqs_count_response(conn, lane, end_seq);
	rqs_lane_end(lane);
}

/** rqs_end_rest() - what is still open never gets its answer: it is aborted, or, unread, of unknown status. */
__noinline int rqs_end_rest(struct rqs_conn *conn, struct rqs_pipe *pipe, bool aborted, __u64 now_ns)
{
	struct rqs_times times = { .now_ns = now_ns };
	struct rqs_http_lane *lane;
	struct rqs_open *open;
	__u32 rest;

	if (!conn || conn->opened == conn->ended)
		return 0;
	rest = conn->opened - conn->ended;
	open = rqs_open_find(conn, pipe, conn->ended);
	if (!aborted && open) /* of several the others' answers are told as what is left of the service */
		rqs_route_end(open->route, conn->slot, 0, false, 0);
	lane = rqs_lane_begin(conn->slot);
	if (lane) {
		if (aborted) {
			__sync_fetch_and_add(&lane->aborted, rest);
		} else {
			__sync_fetch_and_add(&lane->responses, rest);
			__sync_fetch_and_add(&lane->status[0], rest);
			__sync_fetch_and_add(&lane->untimed, rest);
		}
		__sync_fetch_and_add(&lane->in_flight, -(__s64)rest);
		rqs_lane_end(lane);
	}
	if (aborted && conn->role == RQS_CONN_SERVER)
		rqs_report_request(conn, open, RQS_EVENT_ABORTED_REQUEST, &times);
	conn->parsed = conn->opened;
	conn->ended = conn->opened;
	return 0;
}

/**
 * rqs_conn_leave() - its role is not measured for now: what is open on it ends as of unknown status, untimed, and where
 * the role comes back the connection is joined at its next head, as one that was open before rqscope was.
 */
__noinline int rqs_conn_leave(struct rqs_conn *conn, struct rqs_pipe *pipe)
{
	if (!conn || conn->mode == RQS_CONN_OFF)
		return 0;
	rqs_end_rest(conn, pipe, false, 0);
	rqs_framing_reset(&conn->request);
	rqs_framing_reset(&conn->response);
	conn->mode = RQS_CONN_JOIN;
	conn->request_known = 0;
	conn->response_known = 0;
	conn->unmatched = 0;
	conn->out_of_step = 0;
	return 0;
}

#endif
