// SPDX-License-Identifier: GPL-2.0-only
#include "waiters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define SEEN_SLOTS (4 * RQS_WAITERS_TASKS_MAX) /* a power of 2; at most a quarter of it is of one round */
#define NAME_SLOTS 4096			       /* a power of 2 */

/* What a task had waited when it was seen last. */
struct seen {
	uint32_t tid;
	uint32_t round;
	uint64_t run_delay_ns;
};

struct name {
	char comm[RQS_COMM_MAX];
	uint32_t round;
	uint32_t tasks;
	uint32_t pid; /* of the task that waited longest */
	uint64_t longest_ns;
	uint64_t wait_ns;
};

struct rqs_waiters {
	uint32_t round;
	uint64_t last_ns;
	struct seen *seen; /* two tables: of this round and of the one before */
	struct name names[NAME_SLOTS];
};

struct rqs_waiters *rqs_waiters_new(void)
{
	struct rqs_waiters *waiters = calloc(1, sizeof(*waiters));

	if (!waiters)
		return NULL;
	waiters->seen = calloc(2 * SEEN_SLOTS, sizeof(*waiters->seen));
	if (!waiters->seen) {
		free(waiters);
		errno = ENOMEM;
		return NULL;
	}
	return waiters;
}

void rqs_waiters_free(struct rqs_waiters *waiters)
{
	if (!waiters)
		return;
	free(waiters->seen);
	free(waiters);
}

/* The place of a task in the table of a round; one that is free or left from earlier rounds when it isn't there. */
static struct seen *seen_find(struct rqs_waiters *waiters, uint32_t round, uint32_t tid)
{
	struct seen *table = waiters->seen + (round & 1) * SEEN_SLOTS;
	uint32_t at = (tid * 2654435761u) >> 7;

	while (table[at % SEEN_SLOTS].round == round && table[at % SEEN_SLOTS].tid != tid)
		at++;
	return &table[at % SEEN_SLOTS];
}

static struct name *name_find(struct rqs_waiters *waiters, const char *comm)
{
	uint32_t hash = 2166136261u, tries;

	for (uint32_t i = 0; i < RQS_COMM_MAX && comm[i]; i++)
		hash = (hash ^ (uint8_t)comm[i]) * 16777619u;
	for (tries = 0; tries < NAME_SLOTS; tries++, hash++) {
		struct name *name = &waiters->names[hash % NAME_SLOTS];

		if (name->round != waiters->round) {
			*name = (struct name){ .round = waiters->round };
			memcpy(name->comm, comm, sizeof(name->comm));
			return name;
		}
		if (!strncmp(name->comm, comm, sizeof(name->comm)))
			return name;
	}
	return NULL; /* more names than any host has: what is left is not listed */
}

/* Keep the list sorted, the longest first. */
static uint32_t waiting_insert(struct rqs_waiting *list, uint32_t count, const struct name *name)
{
	uint32_t at = count;

	while (at > 0 && list[at - 1].wait_ns < name->wait_ns)
		at--;
	if (at == RQS_WAITING_MAX)
		return count;
	if (count == RQS_WAITING_MAX)
		count--;
	memmove(&list[at + 1], &list[at], (count - at) * sizeof(*list));
	list[at] = (struct rqs_waiting){ .wait_ns = name->wait_ns, .pid = name->pid, .tasks = name->tasks };
	rqs_text_clean(list[at].name, sizeof(list[at].name), name->comm, sizeof(name->comm));
	return count + 1;
}

uint32_t rqs_waiters_update(struct rqs_waiters *waiters, uint64_t mono_ns, const struct rqs_waiter *tasks, uint32_t count,
			    struct rqs_waiting ret_waiting[RQS_WAITING_MAX])
{
	bool late = mono_ns - waiters->last_ns > RQS_WAITERS_LATE_NS;
	uint32_t listed = 0, last = waiters->round, round = ++waiters->round;

	waiters->last_ns = mono_ns;
	/* 0 is what places hold that were never used. */
	if (!round)
		round = waiters->round = 2;

	if (count > RQS_WAITERS_TASKS_MAX)
		count = RQS_WAITERS_TASKS_MAX;
	for (uint32_t i = 0; i < count; i++) {
		const struct seen *before = last ? seen_find(waiters, last, tasks[i].tid) : NULL;
		uint64_t wait_ns = tasks[i].run_delay_ns;
		struct name *name;

		*seen_find(waiters, round, tasks[i].tid) =
			(struct seen){ .tid = tasks[i].tid, .round = round, .run_delay_ns = wait_ns };
		if (!before || late)
			continue;
		/* A number that was used again has waited less than its predecessor, or is as good as new. */
		if (before->round == last && before->tid == tasks[i].tid && before->run_delay_ns <= wait_ns)
			wait_ns -= before->run_delay_ns;
		name = wait_ns ? name_find(waiters, tasks[i].comm) : NULL;
		if (!name)
			continue;
		name->wait_ns += wait_ns;
		name->tasks++;
		if (wait_ns > name->longest_ns) {
			name->longest_ns = wait_ns;
			name->pid = tasks[i].pid;
		}
	}
	for (uint32_t i = 0; i < NAME_SLOTS; i++)
		if (waiters->names[i].round == round && waiters->names[i].wait_ns)
			listed = waiting_insert(ret_waiting, listed, &waiters->names[i]);
	return listed;
}
