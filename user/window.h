/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * window - what happened on the host in one tick (100 ms): the only thing that passes from collecting
 * to presenting.
 * Upstream: agg.h makes it. Downstream: model.h takes it in.
 * Immutable once it is handed over; shared by reference count; all pointers lead into its own arena
 * and live as long as it does; so does what rqs_service_ident says.
 */
#ifndef RQS_WINDOW_H
#define RQS_WINDOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

/*
 * Names are clean UTF-8 (text.h) and NUL-terminated. A slot that nobody uses any more is given to another service later:
 * who wants to keep an ident longer than the window copies it.
 */
struct rqs_service_ident {
	char name[4 * RQS_NAME_MAX]; /* of the executable */
	char container[80];	     /* "" on the host itself */
	char path[RQS_UNIX_PATH_ROOM]; /* of a Unix socket, '@' first in the abstract namespace; "": a port, or no name */
	uint32_t netns;
	uint16_t port;
	uint8_t role; /* enum rqs_role */
	uint32_t slot;
};

struct rqs_bin {
	uint32_t index; /* bucket, see buckets.h */
	uint32_t count; /* > 0 */
};

/* The durations of one window: exact count, sum, minimum and maximum, and the buckets they fell in. */
struct rqs_dist {
	uint64_t count;	 /* the sum of the bins */
	uint64_t sum_ns;
	uint64_t min_ns; /* 0 where count is 0 */
	uint64_t max_ns;
	const struct rqs_bin *bins; /* by rising index */
	uint32_t bin_count;
};

struct rqs_status_count {
	uint16_t code; /* 100 .. 599; 0: the head could not be read */
	uint32_t count;
};

/* Where the time went, summed over @count responses; see docs/metrics.md. */
struct rqs_split {
	uint64_t count;
	uint64_t queued_ns;
	uint64_t cpu_wait_ns;
	uint64_t on_cpu_ns;
	uint64_t blocked_ns;
	uint64_t shared;
	uint64_t unknown;
};

/* requests = responses + upgrades + aborted + change of in_flight, each counted on its own. */
struct rqs_books {
	uint64_t requests;
	uint64_t responses;
	uint64_t upgrades;
	uint64_t aborted;
	int64_t in_flight; /* absolute, at the end of the window */
	uint64_t untimed;
	uint64_t request_bytes;
	uint64_t response_bytes;
};

/* What one service did in this window; only services on which something moved are listed. */
struct rqs_service_delta {
	const struct rqs_service_ident *ident;
	struct rqs_books books;
	struct rqs_split split;
	struct rqs_dist dist[RQS_METRIC_COUNT];
	const struct rqs_status_count *status; /* by rising code */
	uint32_t status_count;
};

#define RQS_ROUTE_TEXT_MAX (4 * RQS_ROUTE_PATH_MAX + 1)

/* Which route an id stands for. Text is clean UTF-8 (text.h). */
struct rqs_route_ident {
	const char *method; /* static */
	char path[RQS_ROUTE_TEXT_MAX];
	uint32_t slot;
};

/*
 * What one route did in this window. Over all routes of a service, what is left of it included, requests, responses and errors
 * are those of the service in the same window. Durations come once a second, of what ended since the last ones.
 */
struct rqs_route_delta {
	const struct rqs_route_ident *ident; /* NULL but in the first delta of a named route */
	uint32_t slot;
	uint16_t id; /* below RQS_ROUTE_FIRST: what is left of its service */
	bool ended;  /* nothing more is counted on it; the id may come again for another one */
	uint64_t requests;
	uint64_t responses;
	uint64_t errors;
	struct rqs_dist duration; /* bins are of coarse buckets, see buckets.h */
};

struct rqs_cpu_delta {
	uint64_t switches;
	uint64_t waits;
	uint64_t wait_sum_ns; /* with what tasks waited here that were then moved to another CPU */
	uint32_t length_now;
	uint32_t length_max;
};

/* Time shares are of all CPUs together, 0 .. 1. A field is NAN or UINT64_MAX where the kernel has none. */
struct rqs_vitals {
	double cpu_user, cpu_system, cpu_iowait, cpu_steal, cpu_idle;
	uint64_t memory_total_bytes, memory_available_bytes, memory_anonymous_bytes, memory_cached_bytes;
	uint64_t swap_total_bytes, swap_used_bytes;
	double pressure_cpu_some, pressure_memory_some, pressure_memory_full; /* share of time stalled */
	double pressure_io_some, pressure_io_full;
	double load_1m;
};

#define RQS_PROGRAMS_MAX 16

/* What one of rqscope's BPF programs costs. */
struct rqs_program_cost {
	const char *name;  /* static, or lives as long as the probes */
	double runs_per_s; /* NAN when not measured in this window */
	double ns_per_run; /* NAN until a run was timed */
};

/* What rqscope itself costs. */
struct rqs_self {
	double cpu_ratio; /* of one CPU, user and system time of this process; NAN when not measured in this window */
	uint64_t rss_bytes;
	double bpf_ns_per_s; /* time in its BPF programs, all CPUs together; NAN when not known */
	struct rqs_program_cost programs[RQS_PROGRAMS_MAX];
	uint32_t program_count;
};

/* rqscope stopped to measure a part, or took it up again; see shed.h. */
struct rqs_shed_change {
	uint32_t part; /* enum rqs_part */
	bool back;
	double cost_ratio;  /* of one CPU: what all cost, or, with the part back, would cost */
	double limit_ratio; /* --max-overhead */
	uint64_t late_ns;   /* of the median tick, where that was the reason; else 0 */
};

/* Cumulative since attaching. */
struct rqs_losses {
	struct rqs_http_losses http;
	uint64_t events;	   /* held back by the budget, all kinds */
	uint64_t recursion_misses; /* runs that the kernel skipped */
	uint64_t windows_merged;   /* ticks that were joined because the reader was behind */
};

enum rqs_probe_state { RQS_PROBE_OFF, RQS_PROBE_ON, RQS_PROBE_LOST };

struct rqs_probe_status {
	const char *name; /* "http", "sched", "oom" */
	enum rqs_probe_state state;
	char tap;	  /* 'A', 'B', or 0 */
	char reason[256]; /* "" when on */
};

struct rqs_pid {
	uint32_t slot;
	uint32_t pid;
};

#define RQS_WAITING_MAX 8

/* Tasks of one name, and how long they waited for a CPU in the last second, all together. */
struct rqs_waiting {
	char name[4 * RQS_COMM_MAX];
	uint64_t wait_ns;
	uint32_t pid;	/* of the one that waited longest */
	uint32_t tasks; /* that waited at all */
};

struct rqs_window {
	atomic_uint refs;
	uint64_t seq;	     /* 1, 2, 3, ... without a hole */
	uint32_t ticks;	     /* 1; more where ticks were joined */
	bool gap;	     /* a counter went backwards: no rate can be told */
	uint64_t start_ns;   /* CLOCK_MONOTONIC; the end of the window before */
	uint64_t end_ns;
	uint64_t end_real_ns; /* CLOCK_REALTIME at end_ns */
	uint64_t late_ns;     /* how long after its deadline the tick ran, the worst of the ticks */

	struct rqs_dist runqueue; /* waits that ended in this window, all CPUs; the sum as in struct rqs_cpu_delta */
	uint64_t switches;
	uint32_t length_now, length_max; /* tasks waiting, summed over CPUs */
	double length_mean;		 /* sum of waits / time: exact over time (Little's law) */
	const struct rqs_cpu_delta *cpus;
	uint32_t cpu_count;

	const struct rqs_service_delta *services;
	uint32_t service_count;
	const struct rqs_route_delta *routes; /* only those on which something moved, began or ended */
	uint32_t route_count;

	const struct rqs_vitals *vitals; /* NULL but for once a second */
	const struct rqs_self *self;	 /* NULL but for once a second */
	uint32_t shed; /* parts that are not measured for now, bits of enum rqs_part */
	const struct rqs_shed_change *shed_change; /* NULL but where that changed */
	const struct rqs_pid *pids;	 /* all known processes, with vitals; else NULL */
	uint32_t pid_count;
	const struct rqs_waiting *waiting; /* with vitals, the longest first */
	uint32_t waiting_count;
	const struct rqs_probe_status *probes; /* NULL unless a state changed; then all of them */
	uint32_t probe_count;

	const struct rqs_kernel_event *events;
	uint32_t event_count;
	uint64_t event_seen[RQS_EVENT_KERNEL_COUNT]; /* cumulative, held back ones included */
	struct rqs_losses losses;

	void (*release)(struct rqs_window *window); /* gives the memory back; called at the last put */
	void *owner;
};

/** rqs_window_get() - take one more reference. Any thread. */
static inline const struct rqs_window *rqs_window_get(const struct rqs_window *window)
{
	atomic_fetch_add_explicit(&((struct rqs_window *)window)->refs, 1, memory_order_relaxed);
	return window;
}

/** rqs_window_put() - drop a reference; NULL is fine. Any thread. */
static inline void rqs_window_put(const struct rqs_window *window)
{
	struct rqs_window *mine = (struct rqs_window *)window;

	if (mine && atomic_fetch_sub_explicit(&mine->refs, 1, memory_order_acq_rel) == 1)
		mine->release(mine);
}

#endif
