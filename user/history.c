// SPDX-License-Identifier: GPL-2.0-only
#include "history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "history_state.h"

#define NS_PER_SECOND 1000000000ULL

/* Of the bytes left for buckets, in percent: as much as each level needs to be of use on a busy host. */
static const uint8_t bucket_share[RQS_HISTORY_LEVELS] = {
	[RQS_HISTORY_TICKS] = 15,
	[RQS_HISTORY_SECONDS] = 40,
	[RQS_HISTORY_TENS] = 45,
};

static int ring_init(struct rqs_history_ring *ring, uint64_t room, uint64_t resolution_ns, size_t bucket_bytes)
{
	ring->entries = calloc(room, sizeof(*ring->entries));
	if (!ring->entries)
		return -ENOMEM;
	ring->room = room;
	ring->resolution_ns = resolution_ns;
	return rqs_bytering_init(&ring->buckets, bucket_bytes);
}

static void ring_push(struct rqs_history_ring *ring, const struct rqs_sample *sample, const uint8_t *packed, size_t packed_bytes)
{
	struct rqs_history_entry *entry = rqs_history_entry(ring, ++ring->newest);

	entry->seq = sample->seq;
	entry->end_real_ns = sample->end_real_ns;
	entry->span_ns = sample->span_ns;
	entry->gap = sample->gap;
	entry->buckets = rqs_bytering_put(&ring->buckets, packed, packed_bytes);
	rqs_row_pack(sample->row, &entry->row);
}

static uint64_t windows_of(uint64_t span_ns, uint64_t resolution_ns)
{
	return (span_ns + resolution_ns - 1) / resolution_ns;
}

/* Of ticks all must be there until their second is closed, and half as long again; seconds must reach back. */
static int services_init(struct rqs_history *history, uint64_t ticks_room, uint64_t second_ticks)
{
	size_t tick_bytes = RQS_HISTORY_SERVICE_TICK_BYTES, second_bytes = RQS_HISTORY_SERVICE_SECOND_BYTES;
	uint64_t seconds = windows_of(RQS_HISTORY_SERVICE_SPAN_NS, history->rings[RQS_HISTORY_SECONDS].resolution_ns);
	int err = rqs_service_log_init(&history->services[RQS_HISTORY_TICKS], ticks_room, tick_bytes,
				       tick_bytes / (2 * second_ticks), 0);

	if (err)
		return err;
	return rqs_service_log_init(&history->services[RQS_HISTORY_SECONDS], seconds, second_bytes, second_bytes / 2 / seconds,
				    second_bytes / 2);
}

struct rqs_history *rqs_history_new(uint64_t tick_ns, uint64_t span_ns, size_t budget_bytes)
{
	uint64_t per_second = (NS_PER_SECOND + tick_ns / 2) / tick_ns, resolution_ns[RQS_HISTORY_LEVELS], room[RQS_HISTORY_LEVELS];
	size_t fixed_bytes = sizeof(struct rqs_history);
	struct rqs_history *history;
	uint32_t i;
	int err = 0;

	resolution_ns[RQS_HISTORY_TICKS] = tick_ns;
	resolution_ns[RQS_HISTORY_SECONDS] = (per_second ? per_second : 1) * tick_ns;
	resolution_ns[RQS_HISTORY_TENS] = 10 * resolution_ns[RQS_HISTORY_SECONDS];
	room[RQS_HISTORY_TICKS] = windows_of(RQS_HISTORY_TICK_SPAN_NS, tick_ns);
	if (room[RQS_HISTORY_TICKS] > RQS_HISTORY_TICKS_MAX)
		room[RQS_HISTORY_TICKS] = RQS_HISTORY_TICKS_MAX;
	room[RQS_HISTORY_SECONDS] = windows_of(span_ns, resolution_ns[RQS_HISTORY_SECONDS]);
	room[RQS_HISTORY_TENS] = windows_of(span_ns, resolution_ns[RQS_HISTORY_TENS]);
	for (i = 0; i < RQS_HISTORY_LEVELS; i++)
		fixed_bytes += room[i] * sizeof(struct rqs_history_entry);
	if (fixed_bytes > budget_bytes) {
		errno = EINVAL;
		return NULL;
	}
	history = calloc(1, sizeof(*history));
	if (!history)
		return NULL;
	rqs_merge_init(&history->service);
	for (i = 0; i < RQS_HISTORY_LEVELS && !err; i++) {
		rqs_merge_init(&history->open[i]);
		err = ring_init(&history->rings[i], room[i], resolution_ns[i],
				(budget_bytes - fixed_bytes) / 100 * bucket_share[i]);
	}
	if (!err)
		err = services_init(history, room[RQS_HISTORY_TICKS], per_second ? per_second : 1);
	if (err) {
		rqs_history_free(history);
		errno = -err;
		return NULL;
	}
	return history;
}

void rqs_history_free(struct rqs_history *history)
{
	uint32_t i;

	if (!history)
		return;
	for (i = 0; i < RQS_HISTORY_LEVELS; i++) {
		rqs_bytering_fini(&history->rings[i].buckets);
		free(history->rings[i].entries);
	}
	for (i = 0; i < RQS_HISTORY_SERVICE_LEVELS; i++)
		rqs_service_log_fini(&history->services[i]);
	free(history);
}

size_t rqs_history_memory(const struct rqs_history *history)
{
	size_t bytes = sizeof(*history);
	uint32_t i;

	for (i = 0; i < RQS_HISTORY_LEVELS; i++)
		bytes += history->rings[i].room * sizeof(struct rqs_history_entry) + history->rings[i].buckets.bytes;
	for (i = 0; i < RQS_HISTORY_SERVICE_LEVELS; i++)
		bytes += rqs_service_log_memory(&history->services[i]);
	return bytes;
}

static size_t pack_hists(struct rqs_history *history, const struct rqs_hist *hists)
{
	size_t bytes = 0;
	uint32_t i;

	for (i = 0; i < RQS_HIST_COUNT; i++)
		bytes += rqs_hist_pack(&hists[i], history->packed + bytes);
	return bytes;
}

void rqs_history_add_service(struct rqs_history *history, uint64_t service, const double *row, const struct rqs_hist *hists)
{
	rqs_service_log_add(&history->services[RQS_HISTORY_TICKS], service, row, hists + RQS_HIST_HTTP_SERVER_DURATION, NULL);
}

/* The second's ticks are there still: no service needs room for its part of a second that runs. */
static void close_services(struct rqs_history *history)
{
	struct rqs_service_log *log = &history->services[RQS_HISTORY_SECONDS];
	struct rqs_merge *merge = &history->service;
	uint64_t last = history->rings[RQS_HISTORY_TICKS].newest, first = last - history->open[RQS_HISTORY_SECONDS].windows + 1;
	uint32_t count = rqs_service_log_list(&history->services[RQS_HISTORY_TICKS], first, last, history->service_list), i;
	uint64_t tick;

	for (i = 0; i < count; i++) {
		rqs_merge_clear(merge);
		for (tick = first; tick <= last; tick++)
			rqs_history_add_entry(history, RQS_HISTORY_TICKS, tick, history->service_list[i], merge);
		rqs_merge_row(merge, history->row);
		rqs_service_log_add(log, history->service_list[i], history->row, merge->hists + RQS_HIST_HTTP_SERVER_DURATION,
				    merge->lost + RQS_HIST_HTTP_SERVER_DURATION);
	}
	rqs_service_log_close(log);
}

/* A level's open window has its length: it becomes one. */
static void close_window(struct rqs_history *history, enum rqs_history_level level)
{
	struct rqs_merge *open = &history->open[level];
	struct rqs_sample sample = { .seq = open->seq, .end_real_ns = open->end_real_ns,
				     .span_ns = rqs_merge_span_ns(open), .gap = open->windows == open->gaps,
				     .row = history->row, .hists = open->hists };

	rqs_merge_row(open, history->row);
	ring_push(&history->rings[level], &sample, history->packed, pack_hists(history, sample.hists));
	if (level == RQS_HISTORY_SECONDS)
		history->second_span_ns = sample.span_ns;
	if (level + 1 < RQS_HISTORY_LEVELS)
		rqs_merge_add(&history->open[level + 1], &sample);
	if (level == RQS_HISTORY_SECONDS)
		close_services(history); /* last: it takes the scratch row */
	rqs_merge_clear(open);
}

/* By time, so that ticks that were joined count for what they are; half a part early is nearer than half late. */
static bool is_whole(const struct rqs_history *history, enum rqs_history_level level)
{
	const struct rqs_merge *open = &history->open[level];

	return open->windows && open->span_ns + open->gap_span_ns + history->rings[level - 1].resolution_ns / 2 >=
					history->rings[level].resolution_ns;
}

bool rqs_history_push(struct rqs_history *history, const struct rqs_sample *sample)
{
	ring_push(&history->rings[RQS_HISTORY_TICKS], sample, history->packed, pack_hists(history, sample->hists));
	rqs_service_log_close(&history->services[RQS_HISTORY_TICKS]);
	rqs_merge_add(&history->open[RQS_HISTORY_SECONDS], sample);
	if (!is_whole(history, RQS_HISTORY_SECONDS))
		return false;
	close_window(history, RQS_HISTORY_SECONDS);
	if (is_whole(history, RQS_HISTORY_TENS))
		close_window(history, RQS_HISTORY_TENS);
	return true;
}

uint64_t rqs_history_second_span_ns(const struct rqs_history *history)
{
	return history->second_span_ns;
}

uint64_t rqs_history_resolution_ns(const struct rqs_history *history, bool seconds)
{
	return history->rings[seconds ? RQS_HISTORY_SECONDS : RQS_HISTORY_TICKS].resolution_ns;
}

uint64_t rqs_history_span_ns(const struct rqs_history *history, bool seconds)
{
	const struct rqs_history_ring *ring = &history->rings[seconds ? RQS_HISTORY_SECONDS : RQS_HISTORY_TICKS];

	return ring->room * ring->resolution_ns;
}
