/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * beside - work that is done in a thread of its own while the caller does something else.
 * Downstream: probes.c, programs.c: what takes long at start.
 */
#ifndef RQS_BESIDE_H
#define RQS_BESIDE_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

struct rqs_beside {
	pthread_t thread;
	pid_t tid;
	bool started;
	void *(*run)(void *data);
	void *data;
};

/**
 * rqs_beside_start() - begin; where no thread can be had, it is done in rqs_beside_wait().
 * @beside, @data: must stay, and be left alone, until rqs_beside_wait().
 */
void rqs_beside_start(struct rqs_beside *beside, void *(*run)(void *data), void *data);

/** rqs_beside_wait() - return when it is done, and the thread is one of this process no more. */
void rqs_beside_wait(struct rqs_beside *beside);

#endif
