/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * abi - what lies in the BPF maps: written by bpf/, read by user/poll.c and by nothing else.
 *
 * Fixed-width types, explicit padding, no pointers, sizes asserted. All counters are cumulative since
 * attaching and only grow; 32-bit ones may wrap, since a reader that subtracts modulo 2^32 every tick
 * loses nothing. A lane belongs to one CPU.
 */
#ifndef RQS_ABI_H
#define RQS_ABI_H

#include "buckets.h"
#include "routes.h"

#define RQS_COMM_MAX 16
#define RQS_NAME_MAX 32  /* an executable's name, NUL included */
#define RQS_METHOD_MAX 16
#define RQS_UNIX_PATH_MAX 108 /* sun_path of struct sockaddr_un */
#define RQS_UNIX_PATH_ROOM 112 /* with a NUL */
#define RQS_PATH_MAX 64  /* bytes of a request's path that are kept; the query string never is */
#define RQS_SLOT_MAX 256 /* services told apart, at most, a power of 2; slot 0 takes what came after the table was full */
#define RQS_SERVICES_USUAL 126 /* told apart where nobody says how many */
#define RQS_STATUS_LOW 100
#define RQS_STATUS_COUNT 500 /* 100 .. 599 */
#define RQS_EVENT_BUDGET 20  /* events that may leave the kernel a tick */
_Static_assert(RQS_ROUTE_FIRST == RQS_SLOT_MAX && RQS_ROUTE_PATH_MAX == RQS_PATH_MAX, "a route of a slot");

/* Parts that can be left out. http_off, in .bss of an object with the engine: bits of those that are not measured for now. */
enum rqs_part {
	RQS_PART_ROUTES = 1,
	RQS_PART_CLIENT = 2, /* connections of the client role */
	RQS_PART_HTTP = 4,   /* all of it; this and the next ones are whole probes, and no bits of http_off */
	RQS_PART_RUNQUEUE = 8,
	RQS_PART_UNIX = 16, /* Unix stream sockets; has a bit of http_off, too */
};

enum rqs_role { RQS_ROLE_SERVER, RQS_ROLE_CLIENT, RQS_ROLE_COUNT };

enum rqs_metric { RQS_METRIC_DURATION, RQS_METRIC_TTFB, RQS_METRIC_QUEUE, RQS_METRIC_COUNT };

/*
 * Minimum and maximum can't be subtracted, so they are kept per tick: two of these, the one for the tick
 * that runs and the one before, chosen by the lowest bit of the epoch. Stale where epoch differs.
 */
struct rqs_extrema {
	__u32 epoch;
	__u32 pad;
	__u64 min;
	__u64 max;
};
_Static_assert(sizeof(struct rqs_extrema) == 24, "shared layout");

/* sched_lanes, an entry for each CPU; user space maps them. Written in sched_switch alone, interrupts off. */
struct rqs_sched_lane {
	__u64 switches;
	__u64 wait_sum_ns;
	__u64 moved_ns;	 /* of waits that ended here by a migration; the rest of such a wait is in wait_sum_ns */
	__u64 kernel_ns; /* the kernel's own sum of both before the first switch that was seen, less 1 */
	struct rqs_extrema wait[2];
	struct rqs_extrema length[2]; /* tasks waiting on this CPU, seen at switches */
	__u32 length_now;	      /* after the last switch */
	__u32 pad;
	__u32 wait_buckets[RQS_BUCKET_COUNT];
	__u32 pad2[12]; /* no two CPUs write to one cache line */
};
_Static_assert(sizeof(struct rqs_sched_lane) == 32 + 48 + 48 + 8 + 4 * RQS_BUCKET_COUNT + 48, "shared layout");
_Static_assert(sizeof(struct rqs_sched_lane) % 64 == 0, "whole cache lines");

/*
 * http_lanes, for each service slot a lane for each CPU: entry slot * CPUs + CPU. User space maps them. A writer raises @begin,
 * changes what it has to, and raises @end; a copy before which @end was what @begin is after it is consistent.
 */
struct rqs_http_lane {
	__u64 begin;
	__u64 end;
	__u64 requests;
	__u64 responses;
	__u64 upgrades;
	__u64 aborted;
	__s64 in_flight; /* this lane's share; only the sum over all lanes means something */
	__u64 untimed;
	__u64 request_bytes;
	__u64 response_bytes;
	__u64 sum_ns[RQS_METRIC_COUNT];
	__u64 split_count;
	__u64 queued_ns;
	__u64 cpu_wait_ns;
	__u64 on_cpu_ns;
	__u64 blocked_ns;
	__u64 shared;
	__u64 unknown;
	struct rqs_extrema extrema[RQS_METRIC_COUNT][2];
	__u32 buckets[RQS_METRIC_COUNT][RQS_BUCKET_COUNT];
	__u32 status[RQS_STATUS_COUNT];
	__u32 pad[10]; /* no two CPUs write to one cache line */
};
_Static_assert(__builtin_offsetof(struct rqs_http_lane, status) == 20 * 8 + 144 + 4 * RQS_METRIC_COUNT * RQS_BUCKET_COUNT, "shared layout");
_Static_assert(sizeof(struct rqs_http_lane) % 64 == 0, "whole cache lines");
_Static_assert(sizeof(struct rqs_http_lane) < 16384, "under 16 KB a service and CPU");

/* http_services: which slot a service has. The key is zeroed before it is filled. */
struct rqs_service_key {
	char name[RQS_NAME_MAX]; /* of the executable, NUL-terminated */
	__u32 netns;		 /* inode number of the network namespace */
	__u16 port;		 /* host order; for a client the one that it calls */
	__u8 role;		 /* enum rqs_role */
	__u8 pad;
	char path[RQS_UNIX_PATH_MAX]; /* of a Unix socket, in place of a port: NUL-terminated unless full; '@': abstract; else empty */
};
_Static_assert(sizeof(struct rqs_service_key) == 148, "shared layout");

struct rqs_service_value {
	__u32 slot;
	__u32 pid; /* the process that was seen first */
};

/*
 * http_free: slots that user space took back from services that have no process and no open request. Before it gives one
 * back it raises the slot's generation (http_generations): a connection that still holds the old one asks anew.
 */

/* http_pids: processes seen at work on a service; least recently used ones are forgotten. */
struct rqs_pid_key {
	__u32 slot;
	__u32 pid;
};

/* http_losses, in .bss: what could not be measured. */
struct rqs_http_losses {
	__u64 unparsed;	     /* messages whose head was too long, malformed or not readable */
	__u64 partial_heads; /* connections that ended inside a request head */
	__u64 unmatched;     /* responses whose request came before attaching */
	__u64 services;	     /* connections booked on slot 0 for want of a free slot */
	__u64 connections;   /* connections for which the kernel gave no storage */
	__u64 pipelined;     /* requests beyond the depth that is followed */
	__u64 tls_connections;
	__u64 http2_connections;
	__u64 other_connections; /* traffic that is not HTTP; nothing is lost here */
};

enum rqs_event_kind {
	RQS_EVENT_SLOW_REQUEST,
	RQS_EVENT_SERVER_ERROR,
	RQS_EVENT_ABORTED_REQUEST,
	RQS_EVENT_RUNQUEUE_STALL,
	RQS_EVENT_OOM_KILL,
	RQS_EVENT_KERNEL_COUNT, /* those above come from the kernel, those below from user space */
	RQS_EVENT_SERVICE_START = RQS_EVENT_KERNEL_COUNT,
	RQS_EVENT_SERVICE_END,
	RQS_EVENT_PROBE_LOST,
	RQS_EVENT_OVERLOAD,
	RQS_EVENT_COUNT
};

/* A record of the ring buffer "events". Text is what the traced process sent: hostile, not terminated. */
struct rqs_kernel_event {
	__u64 mono_ns; /* CLOCK_MONOTONIC */
	__u32 kind;    /* enum rqs_event_kind */
	__u32 cpu;
	__u32 pid;
	__u32 tid;
	__u32 slot;   /* of the service; requests only */
	__u32 status; /* HTTP status, 0 where there was none yet */
	__u64 duration_ns; /* of the request so far, or of the wait */
	__u64 ttfb_ns;
	__u64 queued_ns;
	__u64 cpu_wait_ns;
	__u64 on_cpu_ns;
	__u64 blocked_ns;
	__u8 has_split;
	__u8 method_bytes;
	__u8 path_bytes;
	__u8 path_cut;	   /* the path was longer than RQS_PATH_MAX */
	__u16 peer_family; /* AF_INET, AF_INET6, or 0 */
	__u16 peer_port;   /* host order */
	__u8 peer_address[16]; /* network order */
	char comm[RQS_COMM_MAX];
	char method[RQS_METHOD_MAX];
	char path[RQS_PATH_MAX];
};
_Static_assert(sizeof(struct rqs_kernel_event) == 32 + 48 + 8 + 16 + 16 + 16 + 64, "shared layout");

/* event_lanes, one entry, one lane per CPU: all events by kind, and what the budget held back. */
struct rqs_event_lane {
	__u64 seen[RQS_EVENT_KERNEL_COUNT];
	__u64 held_back[RQS_EVENT_KERNEL_COUNT];
};

/* A record of the iterator "waiters": a task, and how long it has waited for a CPU in its life. */
struct rqs_waiter {
	__u64 run_delay_ns;
	__u32 pid;
	__u32 tid;
	char comm[RQS_COMM_MAX];
};
_Static_assert(sizeof(struct rqs_waiter) == 32, "shared layout");

/*
 * What the iterator http_on_look gives: one struct rqs_look, then the end. Text is what the traced process sent: hostile, not
 * terminated.
 */
#define RQS_LOOK_MAX 50	      /* requests, the oldest of all that are in flight */
#define RQS_LOOK_NO_SLOT (~0U) /* its service isn't known: nothing of its connection was read yet, or the slot was taken back */

/* What is done with a request, as the process at this end sees it. */
enum rqs_stage {
	RQS_STAGE_QUEUED,  /* in the kernel, not read: a server's request, a client's response */
	RQS_STAGE_READING, /* the process reads it, and not all of it came yet */
	RQS_STAGE_SERVING, /* a server's was read and has no answer; a client's was sent and has none */
	RQS_STAGE_SENDING, /* the process sends it, and not all of it went yet */
	RQS_STAGE_COUNT
};

enum rqs_task_state {
	RQS_TASK_UNKNOWN, /* it has ended, or nobody has read the request */
	RQS_TASK_RUNNING,
	RQS_TASK_RUNNABLE, /* waits for a CPU */
	RQS_TASK_SLEEPING,
	RQS_TASK_BLOCKED, /* sleeps, and no signal wakes it */
	RQS_TASK_STOPPED,
	RQS_TASK_EXITING,
	RQS_TASK_STATE_COUNT
};

struct rqs_look_request {
	__u64 age_ns;
	__u64 seen_ns; /* when the thread was at it, CLOCK_MONOTONIC */
	__u32 slot;
	__u32 netns;
	__u32 pid; /* 0 where the thread has ended */
	__u32 tid; /* which read its first byte, or a client's that sent it; 0: none did yet */
	__u8 role; /* enum rqs_role */
	__u8 stage; /* enum rqs_stage */
	__u8 task_state; /* enum rqs_task_state */
	__u8 has_age; /* when it came was seen */
	__u8 method_bytes; /* 0 where the path of another request has taken its place */
	__u8 path_bytes;
	__u8 path_cut;
	__u8 pad;
	__u16 local_port; /* host order, as the peer's */
	__u16 peer_port;
	__u16 peer_family;
	__u16 pad2;
	__u8 peer_address[16]; /* network order */
	char comm[RQS_COMM_MAX];
	char method[RQS_METHOD_MAX];
	char path[RQS_PATH_MAX];
	__u32 route; /* as in struct rqs_open: id, and above it the generation; not a named one until the head is whole */
	__u32 pad3;
};
_Static_assert(sizeof(struct rqs_look_request) == 168, "shared layout");

struct rqs_look {
	__u32 connections; /* open, and seen since they carried data or were opened; of Unix sockets those of HTTP */
	__u32 http;	   /* of these */
	__u32 requests;	   /* in flight on them */
	__u32 count;	   /* of those listed, in no order */
	struct rqs_look_request list[RQS_LOOK_MAX];
};
_Static_assert(sizeof(struct rqs_look) == 16 + 168 * RQS_LOOK_MAX, "shared layout");

/*
 * rqs_runs, in .bss of an object: how often each of its programs ran on a CPU, and how long the timed ones of these runs
 * took. The first runs are all timed, later one in RQS_RUN_PERIOD.
 */
#define RQS_RUN_LANES 256  /* CPUs; beyond that two share a lane, which may then miss a few */
#define RQS_RUN_PROGRAMS 6 /* of one object at most: three cache lines a CPU */
#define RQS_RUN_FIRST 32
#define RQS_RUN_PERIOD 256 /* on average; a power of 2 */
#define RQS_RUN_NS_MAX 16384 /* longer is an interrupt in the middle of it: counted as this */

enum rqs_http_program {
	RQS_HTTP_RECEIVE,
	RQS_HTTP_SEND,
	RQS_HTTP_READY,
	RQS_HTTP_STATE,
	RQS_HTTP_UNIX_RECEIVE, /* tap A: Unix sockets have programs of their own */
	RQS_HTTP_UNIX_SEND,
	RQS_HTTP_PROGRAMS
};
_Static_assert(RQS_HTTP_PROGRAMS <= RQS_RUN_PROGRAMS, "each has its place");

struct rqs_run {
	__u32 left;  /* runs until the next timed one has begun; 0 while it lasts */
	__u32 timed; /* how many were timed, and ... */
	__u64 goal;  /* how many runs there will have been then: there were goal - left */
	__u64 timed_ns; /* ... how long they took, without the clock */
	__u64 begun_ns; /* the last of them */
};
_Static_assert(sizeof(struct rqs_run) == 32, "shared layout");

/* control, one entry, mapped: written by user space every tick, read by the programs. */
struct rqs_control {
	__u32 epoch;	    /* number of the tick that runs */
	__s32 event_budget; /* set to RQS_EVENT_BUDGET every tick, counted down by the programs */
	__u32 second;	    /* number of the second that runs: when the times of routes are read, it is raised */
	__u32 pad;
};

#endif
