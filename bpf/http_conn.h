/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * http_conn - what is kept for each connection while it lives: on the socket itself, freed with it.
 * Private to bpf/: user space never sees it.
 */
#ifndef RQS_BPF_HTTP_CONN_H
#define RQS_BPF_HTTP_CONN_H

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "abi.h"
#include "framing.h"

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10

extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym;
#define rqs_cast(type, pointer) ((type *)bpf_rdonly_cast(pointer, bpf_core_type_id_kernel(type)))

#define RQS_PIPE_DEPTH 32 /* requests followed on one connection at a time; a power of 2 */
#define RQS_ARRIVALS 8	  /* packets not yet read whose time is kept; a power of 2 */
#define RQS_ARRIVAL_UNKNOWN 1 /* ns; of the bytes up to there it wasn't kept */
#define RQS_ARRIVALS_REACH (1U << 30) /* bytes; more than can lie unread */

enum rqs_conn_mode {
	RQS_CONN_NEW,  /* seen from its first byte, nothing decided */
	RQS_CONN_JOIN, /* open before rqscope was, or out of step: joined at the next head that is one */
	RQS_CONN_HTTP,
	RQS_CONN_OFF, /* not HTTP, TLS, a tunnel, or rqscope's own: nothing is looked at any more */
};

enum rqs_conn_role { RQS_CONN_UNKNOWN, RQS_CONN_SERVER, RQS_CONN_CLIENT };

/* Whether the response that is being sent has no request. */
enum rqs_unmatched {
	RQS_MATCHED,
	RQS_UNMATCHED,
	/*
	 * A client's, on a connection whose requests are all known, where the hook of what is sent comes after the call: while one thread
	 * is still in the call, another one can read the answer.
	 */
	RQS_EARLY,
	RQS_EARLY_ENDED, /* it is over, and its request is still to come */
};

/* A request that has no end yet. */
struct rqs_open {
	__u64 start_ns;	 /* server: readable in the kernel; client: handed to the kernel. 0: not seen */
	__u64 copied_ns; /* server: first byte read by the process; client: first byte of the response read */
	__u64 first_ns;	 /* server: first byte of the final response handed over; client: readable */
	__u64 run_delay_ns; /* of the thread that read it */
	__u64 exec_ns;	    /* its sum_exec_runtime - exec_start, see http_time.h */
	__u32 tid;
	__u32 turns;	/* how often that thread had turned to another connection */
	__u32 number;	/* of the request on its connection */
	__u32 end_seq;	/* where its response ends in the stream; once parsed */
	__u16 status;
	__u8 is_head;
	__u8 is_connect;
	__u32 route;	/* see http_routes.h */
};
_Static_assert(sizeof(struct rqs_open) == 64, "64 bytes more for each pipelined request");

struct rqs_conn {
	__u8 mode;
	__u8 role;
	__u8 has_slot;
	__u8 unmatched;	    /* enum rqs_unmatched */
	__u8 out_of_step;   /* what came was counted as unparsed; nothing more is until a head comes */
	__u8 arrival_count; /* pushed, modulo 256 */
	__u8 path_bytes;
	__u8 path_cut;
	__u8 method_bytes;
	__u8 has_pipe;	    /* http_pipes has an entry for it */
	__u8 request_known; /* request_seq and response_seq say where the streams are; else the next event does */
	__u8 response_known;
	__u8 generation;    /* of the slot */
	__u8 local_peer;    /* both ends are on this host */
	__u8 closing;	    /* closed while a send is on its way whose hook has yet to come */
	__u8 queue_unknown; /* Unix: whether bytes wait in the queue whose arrival is not known */
	__u32 slot;
	__u32 netns;
	__u16 local_port;   /* host order, as those below */
	__u16 peer_port;
	__u16 family;
	__u8 dying;	    /* Unix: at the last sweep it was found to be of no use any more */
	__u8 joined;	    /* Unix: it was open before; queue_base is an estimate, made anew where nothing is in the queue */
	union {
		__u8 peer_address[16]; /* network order */
		struct {
			__u64 unix_address; /* where the kernel has the listening end's; 0: it has no name */
			__u64 queued_piece; /* the last one that is in queued_seq; 0: it wasn't seen */
		};
	};
	struct rqs_framing request;
	struct rqs_framing response;
	__u32 request_seq;  /* the first byte of the stream not yet looked at */
	__u32 response_seq;
	__u32 request_counted; /* up to where bytes were counted */
	__u32 response_counted;
	/*
	 * Requests are numbered. opened >= parsed >= ended: heads that came whole; responses whose end is known;
	 * responses that have ended.
	 */
	__u32 opened;
	__u32 parsed;
	__u32 ended;
	/* Of a Unix socket, whose hooks come after the call and without a position; see http_unix.h. */
	__u32 copied_seq; /* bytes read from it so far */
	__u32 sent_seq;	  /* bytes sent on it so far */
	__u32 queue_base; /* what the other end sends as its byte sent_seq is read here as byte sent_seq + queue_base */
	__u32 queued_seq; /* up to where bytes sent are known to be in the other end's queue, or to have been: never too far */
	__u16 misses;	  /* events that brought no head */
	__u8 handed_unseen; /* of the call that runs more was queued than queued_seq says */
	__u8 queued_version; /* odd while queued_piece and queued_seq are written */
	__u32 finished;	  /* set by whom its end is booked */
	__u32 handed_tid; /* who handed over bytes last; when, and its CPU time as in struct rqs_open: below */
	/* When data became readable: up to which byte, and when. Written by arrivals, read where a head begins. */
	__u32 arrival_seq[RQS_ARRIVALS];
	__u64 arrival_ns[RQS_ARRIVALS];
	__u64 handed_ns;
	__u64 handed_run_delay_ns;
	__u64 handed_exec_ns;
	__u64 handed_first_ns; /* the first bytes of the call that runs; 0: none yet */
	__u64 response_first_ns; /* of the response whose head isn't whole yet */
	__u64 response_copied_ns;
	struct rqs_open only; /* the one request that is open; further ones are in http_pipes */
	char method[RQS_METHOD_MAX]; /* of the newest request */
	char path[RQS_PATH_MAX];
};
_Static_assert(sizeof(struct rqs_conn) <= 440, "512 bytes a connection, with the 72 that the kernel adds");

struct rqs_pipe {
	struct rqs_open open[RQS_PIPE_DEPTH];
};

/* What a thread was last at, to tell whether it served others while a request was open. */
struct rqs_turn {
	__u64 conn;
	__u32 turns;
	__u32 pad;
};

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
	return found_ns != RQS_ARRIVAL_UNKNOWN ? found_ns : 0;
}

/* Where the newest byte came in that no record reaches. False: there is no room to keep it. */
static __always_inline bool rqs_arrival_push(struct rqs_conn *conn, __u32 readable_seq, __u64 now_ns)
{
	struct rqs_framing *f = conn->role == RQS_CONN_CLIENT ? &conn->response : &conn->request;
	__u32 looked_seq = conn->role == RQS_CONN_CLIENT ? conn->response_seq : conn->request_seq;
	__u8 count = conn->arrival_count;
	__u8 oldest = count & (RQS_ARRIVALS - 1), newest = (count - 1) & (RQS_ARRIVALS - 1);

	if (conn->arrival_ns[newest] && (__s32)(readable_seq - conn->arrival_seq[newest]) <= 0)
		return true;
	/* Only where a message begins is the time wanted. */
	if (rqs_framing_skips(f->state) && f->left >= readable_seq - looked_seq) {
		/* What is kept is of bytes read long ago; half a turn of the numbers on it would seem to be of later ones. */
		if (conn->arrival_ns[newest] && readable_seq - conn->arrival_seq[newest] > RQS_ARRIVALS_REACH)
			__builtin_memset(conn->arrival_ns, 0, sizeof(conn->arrival_ns));
		return true;
	}
	/* All are in use: what came first is what will be asked for first. */
	if (conn->arrival_ns[oldest] && (__s32)(conn->arrival_seq[oldest] - looked_seq) > 0)
		return false;
	conn->arrival_seq[oldest] = readable_seq;
	conn->arrival_ns[oldest] = now_ns;
	conn->arrival_count = count + 1;
	return true;
}

/* There was no room: what came last and this are of unknown time, so that they don't seem to have come with what comes next. */
static __always_inline void rqs_arrival_drop(struct rqs_conn *conn, __u32 readable_seq)
{
	__u8 newest = (conn->arrival_count - 1) & (RQS_ARRIVALS - 1);

	conn->arrival_seq[newest] = readable_seq;
	conn->arrival_ns[newest] = RQS_ARRIVAL_UNKNOWN;
}

/* An address that is called from itself; of IPv6 the first and the last quarter tell. */
static __always_inline bool rqs_peer_is_local(const struct sock *sk)
{
	const struct sock_common *common = &sk->__sk_common;

	if (common->skc_family == AF_INET)
		return common->skc_daddr == common->skc_rcv_saddr;
	return common->skc_v6_daddr.in6_u.u6_addr32[0] == common->skc_v6_rcv_saddr.in6_u.u6_addr32[0] &&
	       common->skc_v6_daddr.in6_u.u6_addr32[3] == common->skc_v6_rcv_saddr.in6_u.u6_addr32[3];
}

/* Nothing is known of a connection yet; its streams begin at 0. */
static __always_inline void rqs_conn_reset(struct rqs_conn *conn, const struct sock *sk, __u8 mode, __u8 role)
{
	__builtin_memset(conn, 0, sizeof(*conn));
	conn->family = sk->__sk_common.skc_family;
	conn->netns = sk->__sk_common.skc_net.net->ns.inum;
	conn->mode = mode;
	conn->role = role;
	conn->request_known = mode == RQS_CONN_NEW;
	conn->response_known = mode == RQS_CONN_NEW;
	conn->response.flags = RQS_FRAMING_IS_RESPONSE;
	conn->only.number = ~0U;
}

/* A TCP connection's streams from where they are now. */
static __always_inline void rqs_conn_begin(struct rqs_conn *conn, const struct sock *sk, __u8 mode, __u8 role)
{
	struct tcp_sock *tcp = rqs_cast(struct tcp_sock, sk);
	__u32 receive_seq = tcp->copied_seq, send_seq = tcp->write_seq;

	rqs_conn_reset(conn, sk, mode, role);
	conn->peer_port = bpf_ntohs(sk->__sk_common.skc_dport);
	conn->local_port = sk->__sk_common.skc_num;
	conn->local_peer = rqs_peer_is_local(sk);
	if (conn->family == AF_INET)
		*(__u32 *)conn->peer_address = sk->__sk_common.skc_daddr;
	else
		bpf_probe_read_kernel(conn->peer_address, 16, &sk->__sk_common.skc_v6_daddr);
	conn->request_seq = role == RQS_CONN_CLIENT ? send_seq : receive_seq;
	conn->response_seq = role == RQS_CONN_CLIENT ? receive_seq : send_seq;
	conn->request_counted = conn->request_seq;
	conn->response_counted = conn->response_seq;
}

#endif
