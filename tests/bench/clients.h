/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clients - a process of thousands of WebSocket clients, and what they tell of what they got.
 * Errors: 0 or -errno. Threads: started before the caller has any; what is told may be read at any time.
 */
#ifndef RQS_BENCH_CLIENTS_H
#define RQS_BENCH_CLIENTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define BENCH_TAPE_BYTES (16u << 20)
#define BENCH_DELAYS 2000 /* of a tenth of a millisecond; the last one is of all that took longer */

struct bench_clients_config {
	uint32_t count;
	uint16_t port; /* on 127.0.0.1 */
	const char *token; /* NULL: none is asked for */
	const char *first; /* what each says first, or NULL */
	uint32_t deaf;	   /* so many of them read nothing once they are connected */
	uint32_t churn_per_s; /* so many come and go again, beside the others */
	uint32_t pace_per_s;  /* connections made in a second, 0: as fast as it goes */
	int cpu;	   /* as bench_pin() */
};

/* What they got so far, in memory shared with their process. Of clients that are deaf or come and go nothing is told. */
struct bench_clients_told {
	atomic_uint connected;
	atomic_uint lost;     /* closed by the server, or failed */
	atomic_ulong messages; /* whole ones */
	atomic_ulong windows; /* messages of this type */
	atomic_ulong first_messages; /* of those the first client's */
	atomic_ulong holes;   /* windows that a client did not get, neither alone nor merged */
	atomic_uint merged_max; /* windows in one message, at most */
	atomic_uint come;     /* clients that came and went */
	atomic_uint turned_away; /* that would have come, when all places were taken */
	atomic_ulong delays[BENCH_DELAYS]; /* from the end of a message's last window to when it was read */
	atomic_ulong jitters[BENCH_DELAYS]; /* how much a delay differs from the same client's one before */
	atomic_bool noting; /* set by the caller: delays and jitters are noted */
	atomic_ulong tape_bytes;
	unsigned char tape[BENCH_TAPE_BYTES]; /* all bytes that the first client got, frames with their headers */
};

struct bench_clients {
	pid_t pid;
	struct bench_clients_told *told;
};

/** bench_clients_room() - let this process and those it starts open @files files. Return: 0, or -EMFILE. */
int bench_clients_room(uint32_t files);

/** bench_clients_start() - returns at once; ->told->connected tells how far they are. */
int bench_clients_start(struct bench_clients *clients, const struct bench_clients_config *config);

/** bench_clients_quantile() - of ->delays or ->jitters, in ms; NAN when there are none. */
double bench_clients_quantile(const atomic_ulong *counts, double share);

/** bench_clients_connected() - wait until all are. -ETIMEDOUT after @limit_ms, -ECONNRESET when some were lost. */
int bench_clients_connected(struct bench_clients *clients, uint32_t count, unsigned int limit_ms);

void bench_clients_end(struct bench_clients *clients);

#endif
