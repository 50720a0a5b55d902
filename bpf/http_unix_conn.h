/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * http_unix_conn - what is kept of a connection over a Unix stream socket, and when bytes were handed over.
 * rqs_unix_handed() is of sk_data_ready, which fires in the sender's own call for each piece that it queues: for the reader
 * the moment of arrival, for the sender that of handing over.
 */
#ifndef RQS_BPF_HTTP_UNIX_CONN_H
#define RQS_BPF_HTTP_UNIX_CONN_H

#include "http_end.h"

#define RQS_SOCK_STREAM 1
#define RQS_UNIX_PIECE_MAX (1 << 20) /* more than one piece in a queue ever has */

/* Set when the Unix connections are known that were open before: others are seen from their first byte. */
__u32 http_unix_listed = 0;
/* The socket that rqscope itself listens on; the rest is 0. Empty where it has none. */
char http_self_path[RQS_UNIX_PATH_ROOM] __attribute__((aligned(8))) = "";

static __always_inline bool rqs_is_unix(const struct sock *sk)
{
	return sk->__sk_common.skc_family == AF_UNIX && sk->sk_type == RQS_SOCK_STREAM && !(http_off & RQS_PART_UNIX);
}

/* Whether a connection is one of rqscope's own. Global. */
__noinline int rqs_unix_is_self(const struct rqs_conn *conn)
{
	char path[RQS_UNIX_PATH_ROOM] __attribute__((aligned(8))) = "";
	__u32 i;

	if (!conn || !http_self_path[0])
		return false;
	rqs_read_unix_path(conn, path);
	for (i = 0; i < RQS_UNIX_PATH_ROOM; i += 8)
		if (*(__u64 *)&path[i] != *(__u64 *)&http_self_path[i])
			return false;
	return true;
}

/* What runs where a connection is seen first: at one time one of each on a CPU. */
enum rqs_unix_place { RQS_UNIX_READY, RQS_UNIX_RECEIVED, RQS_UNIX_SENT, RQS_UNIX_LISTED, RQS_UNIX_PLACES };

/* Where the state of a new connection is put together. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RQS_UNIX_PLACES);
	__type(key, __u32);
	__type(value, struct rqs_conn);
} http_unix_fresh SEC(".maps");

/*
 * A Unix connection of which nothing was seen. @role: what it is if its first byte is still to come. No lock is held here: who
 * sends and who reads may come upon it at one moment, so it is made whole, and by one of them.
 */
static __always_inline struct rqs_conn *rqs_unix_opened(struct sock *sk, struct unix_sock *unix_sock, struct sock *peer, __u8 role,
							__u32 place)
{
	bool is_new = http_unix_listed && role != RQS_CONN_UNKNOWN && !(role == RQS_CONN_CLIENT && http_off & RQS_PART_CLIENT);
	const struct unix_address *address = unix_sock->addr;
	struct rqs_conn *fresh = bpf_map_lookup_elem(&http_unix_fresh, &place), *conn;

	if (!fresh)
		return NULL;
	rqs_conn_reset(fresh, sk, is_new ? RQS_CONN_NEW : RQS_CONN_JOIN, http_unix_listed ? role : RQS_CONN_UNKNOWN);
	fresh->local_peer = 1;
	fresh->joined = !http_unix_listed || role == RQS_CONN_UNKNOWN;
	fresh->queue_unknown = fresh->joined;
	/* The end that listened has a name, and so have all that it accepted. */
	if (peer && (role == RQS_CONN_CLIENT || !address))
		address = rqs_cast(struct unix_sock, peer)->addr;
	fresh->unix_address = (__u64)address;
	if (rqs_unix_is_self(fresh))
		fresh->mode = RQS_CONN_OFF;
	conn = bpf_sk_storage_get(&http_conns, sk, fresh, BPF_SK_STORAGE_GET_F_CREATE);
	if (!conn) /* where another CPU was faster by a little, it is there now (net/core/bpf_sk_storage.c, BPF_NOEXIST) */
		conn = bpf_sk_storage_get(&http_conns, sk, NULL, 0);
	if (!conn)
		RQS_LOST(connections);
	return conn;
}

/*
 * A piece of @bytes came into the queue; 0: it isn't known how many, since somebody was quick to read it. Where it begins in the
 * stream is known by what its sender has sent before: the number of bytes in the queue changes meanwhile.
 */
static __always_inline void rqs_unix_arrives(struct rqs_conn *conn, struct rqs_conn *sender, __u32 bytes, __u64 piece, __u64 now_ns)
{
	__u32 end_seq = sender->queued_seq + conn->queue_base + (bytes ?: 1);

	if (sender->handed_unseen)
		return;
	sender->handed_unseen = !bytes;
	sender->queued_version++;
	barrier(); /* who reads both sees that they belong together */
	sender->queued_seq += bytes;
	sender->queued_piece = piece;
	barrier();
	sender->queued_version++;
	if (!conn->queue_unknown && !rqs_arrival_push(conn, end_seq, now_ns))
		conn->queue_unknown = 1;
}

/* The piece that @peer has just put into the queue of @sk, and how many bytes it has; 0: somebody was quick to read it. */
static __always_inline __u32 rqs_unix_piece(const struct sock *sk, const struct sock *peer, __u64 *ret_piece)
{
	const struct sk_buff *piece = sk->sk_receive_queue.prev;
	__u32 bytes = piece->sk == peer ? piece->len : 0;

	barrier_var(bytes);
	/* It was in the queue all the while, and so not freed. */
	if (sk->sk_receive_queue.prev != piece || bytes >= RQS_UNIX_PIECE_MAX)
		bytes = 0;
	*ret_piece = bytes ? (__u64)piece : 0;
	return bytes;
}

/* The other end of @sk hands bytes to it: the running task is in the call that does it. */
static __always_inline void rqs_unix_handed(struct sock *sk)
{
	struct unix_sock *unix_sock = bpf_skc_to_unix_sock(sk);
	struct task_struct *task = bpf_get_current_task_btf();
	struct rqs_conn *conn, *sender;
	struct sock *peer;
	__u64 now_ns, piece;
	__u32 bytes;

	peer = unix_sock ? unix_sock->peer : NULL;
	if (!peer)
		return;
	conn = bpf_sk_storage_get(&http_conns, sk, NULL, 0);
	sender = bpf_sk_storage_get(&http_conns, peer, NULL, 0);
	/* In HTTP the client speaks first; but where this hook is late the server may have read that, and be the sender. */
	if (!conn && http_unix_listed)
		conn = rqs_unix_opened(sk, unix_sock, peer,
				       sender && sender->role == RQS_CONN_SERVER ? RQS_CONN_CLIENT : RQS_CONN_SERVER, RQS_UNIX_READY);
	if (!sender && http_unix_listed)
		sender = rqs_unix_opened(peer, rqs_cast(struct unix_sock, peer), sk,
					 conn && conn->role == RQS_CONN_CLIENT ? RQS_CONN_SERVER : RQS_CONN_CLIENT, RQS_UNIX_READY);
	if (!conn || !sender || (conn->mode == RQS_CONN_OFF && sender->mode == RQS_CONN_OFF))
		return;
	now_ns = bpf_ktime_get_ns();
	bytes = rqs_unix_piece(sk, peer, &piece);
	rqs_unix_arrives(conn, sender, bytes, piece, now_ns);
	if (!sender->handed_first_ns)
		sender->handed_first_ns = now_ns;
	sender->handed_ns = now_ns;
	sender->handed_tid = task->pid;
	sender->handed_run_delay_ns = task->sched_info.run_delay;
	sender->handed_exec_ns = rqs_exec_base(task);
}

#endif
