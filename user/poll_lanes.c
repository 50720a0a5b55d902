// SPDX-License-Identifier: GPL-2.0-only
#include "poll_lanes.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "reading.h"

#define LANES_TRIES 8
#define LANES_FIRST 16 /* slots mapped at first: what is mapped counts as resident memory, and few hosts have more services */

struct rqs_poll_lanes {
	int fd;
	uint32_t cpus;
	uint32_t slots; /* mapped */
	const struct rqs_http_lane *map;
	struct rqs_http_lane copy;
};

struct rqs_poll_lanes *rqs_poll_lanes_new(int fd, uint32_t cpus)
{
	struct rqs_poll_lanes *lanes = calloc(1, sizeof(*lanes));

	if (lanes)
		*lanes = (struct rqs_poll_lanes){ .fd = fd, .cpus = cpus };
	return lanes;
}

static size_t map_bytes(const struct rqs_poll_lanes *lanes, uint32_t slots)
{
	size_t page = sysconf(_SC_PAGESIZE), bytes = (size_t)slots * lanes->cpus * sizeof(*lanes->map);

	return (bytes + page - 1) & ~(page - 1);
}

void rqs_poll_lanes_free(struct rqs_poll_lanes *lanes)
{
	if (lanes && lanes->map)
		munmap((void *)lanes->map, map_bytes(lanes, lanes->slots));
	free(lanes);
}

int rqs_poll_lanes_reach(struct rqs_poll_lanes *lanes, uint32_t slots)
{
	uint32_t more = lanes->slots ?: LANES_FIRST;
	void *map;

	if (slots <= lanes->slots)
		return 0;
	while (more < slots)
		more *= 2;
	/* The map may end before that. */
	map = mmap(NULL, map_bytes(lanes, more), PROT_READ, MAP_SHARED, lanes->fd, 0);
	if (map == MAP_FAILED) {
		more = slots;
		map = mmap(NULL, map_bytes(lanes, more), PROT_READ, MAP_SHARED, lanes->fd, 0);
	}
	if (map == MAP_FAILED)
		return -errno;
	if (lanes->map)
		munmap((void *)lanes->map, map_bytes(lanes, lanes->slots));
	lanes->map = map;
	lanes->slots = more;
	return 0;
}

static const struct rqs_http_lane *lane_of(const struct rqs_poll_lanes *lanes, uint32_t slot, uint32_t cpu)
{
	return &lanes->map[(size_t)slot * lanes->cpus + cpu];
}

uint64_t rqs_poll_lanes_activity(const struct rqs_poll_lanes *lanes, uint32_t slot)
{
	uint64_t sum = 0;

	for (uint32_t cpu = 0; cpu < lanes->cpus; cpu++)
		sum += __atomic_load_n(&lane_of(lanes, slot, cpu)->end, __ATOMIC_RELAXED);
	return sum;
}

/* The kernel may change it meanwhile: a change that had begun by the end of the copy had ended before it, or the copy is no good. */
static bool copy_lane(struct rqs_http_lane *copy, const struct rqs_http_lane *lane)
{
	for (uint32_t try = 0; try < LANES_TRIES; try++) {
		uint64_t end = __atomic_load_n(&lane->end, __ATOMIC_ACQUIRE);

		memcpy(copy, lane, sizeof(*copy));
		atomic_thread_fence(memory_order_acquire);
		if (__atomic_load_n(&lane->begin, __ATOMIC_RELAXED) == end)
			return true;
	}
	return false;
}

/* Extrema of the tick that ended, and of the one that has begun. */
static void join_extrema(struct rqs_http_lane *sum, const struct rqs_extrema extrema[RQS_METRIC_COUNT][2], uint32_t epoch)
{
	for (uint32_t m = 0; m < RQS_METRIC_COUNT; m++) {
		for (uint32_t i = 0; i < 2; i++) {
			rqs_extrema_join(&sum->extrema[m][0], &extrema[m][i], epoch);
			rqs_extrema_join(&sum->extrema[m][1], &extrema[m][i], epoch + 1);
		}
	}
}

/* Everything in a lane is a counter, but its extrema. */
static void add_lane(struct rqs_http_lane *sum, const struct rqs_http_lane *lane, uint32_t epoch)
{
	sum->requests += lane->requests;
	sum->responses += lane->responses;
	sum->upgrades += lane->upgrades;
	sum->aborted += lane->aborted;
	sum->in_flight += lane->in_flight;
	sum->untimed += lane->untimed;
	sum->request_bytes += lane->request_bytes;
	sum->response_bytes += lane->response_bytes;
	sum->split_count += lane->split_count;
	sum->queued_ns += lane->queued_ns;
	sum->cpu_wait_ns += lane->cpu_wait_ns;
	sum->on_cpu_ns += lane->on_cpu_ns;
	sum->blocked_ns += lane->blocked_ns;
	sum->shared += lane->shared;
	sum->unknown += lane->unknown;
	for (uint32_t m = 0; m < RQS_METRIC_COUNT; m++) {
		sum->sum_ns[m] += lane->sum_ns[m];
		for (uint32_t i = 0; i < RQS_BUCKET_COUNT; i++)
			sum->buckets[m][i] += lane->buckets[m][i];
	}
	for (uint32_t i = 0; i < RQS_STATUS_COUNT; i++)
		sum->status[i] += lane->status[i];
	join_extrema(sum, lane->extrema, epoch);
}

/* The first lane is the sum so far. */
static void begin_sum(struct rqs_http_lane *sum, uint32_t epoch)
{
	struct rqs_extrema extrema[RQS_METRIC_COUNT][2];

	memcpy(extrema, sum->extrema, sizeof(extrema));
	memset(sum->extrema, 0, sizeof(sum->extrema));
	join_extrema(sum, extrema, epoch);
}

bool rqs_poll_lanes_read(struct rqs_poll_lanes *lanes, uint32_t slot, uint32_t epoch, struct rqs_http_lane *ret_sum)
{
	bool whole = copy_lane(ret_sum, lane_of(lanes, slot, 0));

	begin_sum(ret_sum, epoch);
	for (uint32_t cpu = 1; cpu < lanes->cpus; cpu++) {
		const struct rqs_http_lane *lane = lane_of(lanes, slot, cpu);

		/* Nothing was ever counted there. */
		if (!__atomic_load_n(&lane->begin, __ATOMIC_RELAXED))
			continue;
		whole &= copy_lane(&lanes->copy, lane);
		add_lane(ret_sum, &lanes->copy, epoch);
	}
	return whole;
}
