// SPDX-License-Identifier: GPL-2.0-only
#include "history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytering.h"

#define NS_PER_SECOND 1000000000ULL

struct entry {
	uint64_t seq;
	uint64_t end_real_ns;
	uint64_t span_ns;
	struct rqs_piece buckets;
	bool gap;
	struct rqs_packed_row row;
};

/* Windows are numbered from 1; the ring holds the last .room of them. The number of a tick is its seq. */
struct ring {
	struct entry *entries;
	uint64_t room;
	uint64_t newest; /* number of the newest, 0: none */
	uint64_t resolution_ns;
	struct rqs_bytering buckets;
};

enum level { TICKS, SECONDS, TENS, LEVELS };

/* Of the bytes left for buckets, in percent: as much as each level needs to be of use on a busy host. */
static const uint8_t bucket_share[LEVELS] = { [TICKS] = 15, [SECONDS] = 40, [TENS] = 45 };

struct rqs_history {
	struct ring rings[LEVELS];
	struct rqs_merge open[LEVELS]; /* the window of each level that runs; no ticks */
	uint64_t second_span_ns;
	double row[RQS_COLUMN_COUNT]; /* scratch */
	uint8_t packed[RQS_HIST_COUNT * RQS_HIST_PACKED_MAX];
};

static int ring_init(struct ring *ring, uint64_t room, uint64_t resolution_ns, size_t bucket_bytes)
{
	ring->entries = calloc(room, sizeof(*ring->entries));
	if (!ring->entries)
		return -ENOMEM;
	ring->room = room;
	ring->resolution_ns = resolution_ns;
	return rqs_bytering_init(&ring->buckets, bucket_bytes);
}

static struct entry *ring_entry(const struct ring *ring, uint64_t number)
{
	return &ring->entries[(number - 1) % ring->room];
}

static uint64_t ring_oldest(const struct ring *ring)
{
	return ring->newest > ring->room ? ring->newest - ring->room + 1 : 1;
}

static void ring_push(struct ring *ring, const struct rqs_sample *sample, const uint8_t *packed, size_t packed_bytes)
{
	struct entry *entry = ring_entry(ring, ++ring->newest);

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

struct rqs_history *rqs_history_new(uint64_t tick_ns, uint64_t span_ns, size_t budget_bytes)
{
	uint64_t per_second = (NS_PER_SECOND + tick_ns / 2) / tick_ns, resolution_ns[LEVELS], room[LEVELS];
	size_t fixed_bytes = sizeof(struct rqs_history);
	struct rqs_history *history;
	uint32_t i;
	int err = 0;

	resolution_ns[TICKS] = tick_ns;
	resolution_ns[SECONDS] = (per_second ? per_second : 1) * tick_ns;
	resolution_ns[TENS] = 10 * resolution_ns[SECONDS];
	room[TICKS] = windows_of(RQS_HISTORY_TICK_SPAN_NS, tick_ns);
	if (room[TICKS] > RQS_HISTORY_TICKS_MAX)
		room[TICKS] = RQS_HISTORY_TICKS_MAX;
	room[SECONDS] = windows_of(span_ns, resolution_ns[SECONDS]);
	room[TENS] = windows_of(span_ns, resolution_ns[TENS]);
	for (i = 0; i < LEVELS; i++)
		fixed_bytes += room[i] * sizeof(struct entry);
	if (fixed_bytes > budget_bytes) {
		errno = EINVAL;
		return NULL;
	}
	history = calloc(1, sizeof(*history));
	if (!history)
		return NULL;
	for (i = 0; i < LEVELS && !err; i++) {
		rqs_merge_init(&history->open[i]);
		err = ring_init(&history->rings[i], room[i], resolution_ns[i],
				(budget_bytes - fixed_bytes) / 100 * bucket_share[i]);
	}
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
	for (i = 0; i < LEVELS; i++) {
		rqs_bytering_fini(&history->rings[i].buckets);
		free(history->rings[i].entries);
	}
	free(history);
}

size_t rqs_history_memory(const struct rqs_history *history)
{
	size_t bytes = sizeof(*history);
	uint32_t i;

	for (i = 0; i < LEVELS; i++)
		bytes += history->rings[i].room * sizeof(struct entry) + history->rings[i].buckets.bytes;
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

/* A level's open window has its length: it becomes one. */
static void close_window(struct rqs_history *history, enum level level)
{
	struct rqs_merge *open = &history->open[level];
	struct rqs_sample sample = { .seq = open->seq, .end_real_ns = open->end_real_ns,
				     .span_ns = rqs_merge_span_ns(open), .gap = open->windows == open->gaps,
				     .row = history->row, .hists = open->hists };

	rqs_merge_row(open, history->row);
	ring_push(&history->rings[level], &sample, history->packed, pack_hists(history, sample.hists));
	if (level == SECONDS)
		history->second_span_ns = sample.span_ns;
	if (level + 1 < LEVELS)
		rqs_merge_add(&history->open[level + 1], &sample);
	rqs_merge_clear(open);
}

/* By time, so that ticks that were joined count for what they are; half a part early is nearer than half late. */
static bool is_whole(const struct rqs_history *history, enum level level)
{
	const struct rqs_merge *open = &history->open[level];

	return open->windows && open->span_ns + open->gap_span_ns + history->rings[level - 1].resolution_ns / 2 >=
					history->rings[level].resolution_ns;
}

bool rqs_history_push(struct rqs_history *history, const struct rqs_sample *sample)
{
	ring_push(&history->rings[TICKS], sample, history->packed, pack_hists(history, sample->hists));
	rqs_merge_add(&history->open[SECONDS], sample);
	if (!is_whole(history, SECONDS))
		return false;
	close_window(history, SECONDS);
	if (is_whole(history, TENS))
		close_window(history, TENS);
	return true;
}

uint64_t rqs_history_second_span_ns(const struct rqs_history *history)
{
	return history->second_span_ns;
}

uint64_t rqs_history_resolution_ns(const struct rqs_history *history, bool seconds)
{
	return history->rings[seconds ? SECONDS : TICKS].resolution_ns;
}

uint64_t rqs_history_span_ns(const struct rqs_history *history, bool seconds)
{
	const struct ring *ring = &history->rings[seconds ? SECONDS : TICKS];

	return ring->room * ring->resolution_ns;
}

/* Numbers of the windows that ended in the range: *ret_last < *ret_first when there are none. */
static void find(const struct ring *ring, uint64_t from_ns, uint64_t to_ns, uint64_t *ret_first, uint64_t *ret_last)
{
	uint64_t first = ring_oldest(ring), last = ring->newest;

	while (first <= last && ring_entry(ring, first)->end_real_ns <= from_ns)
		first++;
	while (last >= first && ring_entry(ring, last)->end_real_ns > to_ns)
		last--;
	*ret_first = first;
	*ret_last = last;
}

static uint64_t groups(uint64_t first, uint64_t last, uint64_t group)
{
	return last < first ? 0 : last / group - first / group + 1;
}

/* The smallest groups, cut at multiples of their size, that are no more than @points. */
static uint64_t group_size(uint64_t first, uint64_t last, uint32_t points)
{
	uint64_t group;

	if (last < first)
		return 1;
	group = (last - first) / points + 1;
	while (groups(first, last, group) > points)
		group++;
	return group;
}

static bool has_tail(const struct rqs_range *range)
{
	return range->tail_next <= range->tail_last;
}

/* The windows of one level in the range, in groups. */
static void plan(const struct rqs_history *history, enum level level, uint64_t from_ns, uint64_t to_ns,
		 uint32_t points, struct rqs_range *ret_range)
{
	const struct ring *ring = &history->rings[level];
	struct rqs_range range = { .level = level, .tail_next = 1, .tail_last = 0 };
	uint64_t whole_seq = ring->newest ? ring_entry(ring, ring->newest)->seq : 0, last;
	uint32_t spare = points >= 50;

	find(ring, from_ns, to_ns, &range.next, &range.last);
	if (level != TICKS && range.last == ring->newest) {
		find(&history->rings[TICKS], from_ns, to_ns, &range.tail_next, &range.tail_last);
		if (range.tail_next <= whole_seq)
			range.tail_next = whole_seq + 1;
	}
	last = range.last + has_tail(&range);
	range.group = group_size(range.next, last, points + spare);
	if (groups(range.next, last, range.group) > points)
		range.next = (range.next / range.group + 1) * range.group;
	range.count = (uint32_t)groups(range.next, last, range.group);
	range.resolution_ns = range.group * ring->resolution_ns;
	*ret_range = range;
}

/* Nothing was forgotten, or only what ended before. */
static bool reaches(const struct ring *ring, uint64_t from_ns)
{
	const struct entry *oldest;

	if (ring->newest <= ring->room)
		return true;
	oldest = ring_entry(ring, ring_oldest(ring));
	return oldest->end_real_ns - oldest->span_ns <= from_ns;
}

/* Buckets go oldest first: where the first window has them, all have. */
static bool can_merge(const struct ring *ring, const struct rqs_range *range)
{
	return range->group == 1 || range->next > range->last ||
	       rqs_bytering_get(&ring->buckets, ring_entry(ring, range->next)->buckets);
}

void rqs_history_range(const struct rqs_history *history, uint64_t from_ns, uint64_t to_ns, uint32_t points,
		       struct rqs_range *ret_range)
{
	uint32_t level;

	for (level = TICKS; level < LEVELS; level++) {
		const struct ring *ring = &history->rings[level];

		plan(history, level, from_ns, to_ns, points, ret_range);
		if (level + 1 == LEVELS || (reaches(ring, from_ns) && can_merge(ring, ret_range) &&
					    ret_range->resolution_ns < history->rings[level + 1].resolution_ns))
			return;
	}
}

void rqs_history_since(const struct rqs_history *history, uint64_t after_seq, uint64_t to_seq, bool whole,
		       struct rqs_range *ret_range)
{
	const struct ring *ring = &history->rings[TICKS];
	struct rqs_range range = { .level = TICKS, .tail_next = 1, .group = 1, .resolution_ns = ring->resolution_ns };

	range.last = to_seq < ring->newest ? to_seq : ring->newest;
	range.next = ring_oldest(ring);
	if (after_seq >= range.next)
		range.next = after_seq < range.last ? after_seq + 1 : range.last + 1;
	if (whole)
		range.group = UINT64_MAX; /* one group: no number reaches a multiple of it */
	range.count = (uint32_t)groups(range.next, range.last, range.group);
	*ret_range = range;
}

static void add_entry(const struct ring *ring, uint64_t number, struct rqs_merge *merge)
{
	const struct entry *entry = ring_entry(ring, number);
	double row[RQS_COLUMN_COUNT];
	struct rqs_sample sample = { .seq = entry->seq, .end_real_ns = entry->end_real_ns,
				     .span_ns = entry->span_ns, .gap = entry->gap, .row = row };

	rqs_row_unpack(&entry->row, row);
	sample.packed = rqs_bytering_get(&ring->buckets, entry->buckets);
	sample.packed_bytes = entry->buckets.bytes;
	rqs_merge_add(merge, &sample);
}

bool rqs_history_next(const struct rqs_history *history, struct rqs_range *range, struct rqs_merge *merge)
{
	uint64_t group = range->next / range->group;

	if (range->next > range->last && !has_tail(range))
		return false;
	rqs_merge_clear(merge);
	while (range->next <= range->last && range->next / range->group == group)
		add_entry(&history->rings[range->level], range->next++, merge);
	if (range->next <= range->last || (range->last + 1) / range->group != group)
		return true;
	while (has_tail(range))
		add_entry(&history->rings[TICKS], range->tail_next++, merge);
	return true;
}
