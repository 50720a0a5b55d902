// SPDX-License-Identifier: GPL-2.0-only
/* Which windows of which level a range is answered from, and reading them. */
#include "history_state.h"

static uint64_t ring_oldest(const struct rqs_history_ring *ring)
{
	return ring->newest > ring->room ? ring->newest - ring->room + 1 : 1;
}

/* Numbers of the windows that ended in the range: *ret_last < *ret_first when there are none. */
static void find(const struct rqs_history_ring *ring, uint64_t from_ns, uint64_t to_ns, uint64_t *ret_first, uint64_t *ret_last)
{
	uint64_t first = ring_oldest(ring), last = ring->newest;

	while (first <= last && rqs_history_entry(ring, first)->end_real_ns <= from_ns)
		first++;
	while (last >= first && rqs_history_entry(ring, last)->end_real_ns > to_ns)
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

/* As find(), and of a service's only what is there. */
static void find_of(const struct rqs_history *history, enum rqs_history_level level, uint64_t service, uint64_t from_ns, uint64_t to_ns,
		    uint64_t *ret_first, uint64_t *ret_last)
{
	uint64_t oldest = service ? rqs_service_log_oldest(&history->services[level]) : 0;

	find(&history->rings[level], from_ns, to_ns, ret_first, ret_last);
	if (*ret_first < oldest)
		*ret_first = oldest;
}

/* The windows of one level in the range, in groups. */
static void plan(const struct rqs_history *history, enum rqs_history_level level, uint64_t service, uint64_t from_ns,
		 uint64_t to_ns, uint32_t points, struct rqs_range *ret_range)
{
	const struct rqs_history_ring *ring = &history->rings[level];
	struct rqs_range range = { .level = level, .service = service, .tail_next = 1, .tail_last = 0 };
	uint64_t whole_seq = ring->newest ? rqs_history_entry(ring, ring->newest)->seq : 0, last;
	uint32_t spare = points >= 50;

	find_of(history, level, service, from_ns, to_ns, &range.next, &range.last);
	if (level != RQS_HISTORY_TICKS && range.last == ring->newest) {
		find_of(history, RQS_HISTORY_TICKS, service, from_ns, to_ns, &range.tail_next, &range.tail_last);
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
static bool reaches(const struct rqs_history_ring *ring, uint64_t from_ns)
{
	const struct rqs_history_entry *oldest;

	if (ring->newest <= ring->room)
		return true;
	oldest = rqs_history_entry(ring, ring_oldest(ring));
	return oldest->end_real_ns - oldest->span_ns <= from_ns;
}

/* Buckets go oldest first: where the first window has them, all have. */
static bool can_merge(const struct rqs_history_ring *ring, const struct rqs_range *range)
{
	return range->group == 1 || range->next > range->last ||
	       rqs_bytering_get(&ring->buckets, rqs_history_entry(ring, range->next)->buckets);
}

void rqs_history_range(const struct rqs_history *history, uint64_t from_ns, uint64_t to_ns, uint32_t points,
		       struct rqs_range *ret_range)
{
	uint32_t level;

	for (level = RQS_HISTORY_TICKS; level < RQS_HISTORY_LEVELS; level++) {
		const struct rqs_history_ring *ring = &history->rings[level];

		plan(history, level, 0, from_ns, to_ns, points, ret_range);
		if (level + 1 == RQS_HISTORY_LEVELS ||
		    (reaches(ring, from_ns) && can_merge(ring, ret_range) &&
		     ret_range->resolution_ns < history->rings[level + 1].resolution_ns))
			return;
	}
}

/* As reaches(), of what services did. */
static bool services_reach(const struct rqs_history *history, enum rqs_history_level level, uint64_t from_ns)
{
	uint64_t number = rqs_service_log_oldest(&history->services[level]);
	const struct rqs_history_entry *oldest;

	if (number == 1 || number > history->rings[level].newest)
		return number == 1;
	oldest = rqs_history_entry(&history->rings[level], number);
	return oldest->end_real_ns - oldest->span_ns <= from_ns;
}

void rqs_history_service_range(const struct rqs_history *history, uint64_t service, uint64_t from_ns, uint64_t to_ns,
			       uint32_t points, struct rqs_range *ret_range)
{
	plan(history, RQS_HISTORY_TICKS, service, from_ns, to_ns, points, ret_range);
	if (!services_reach(history, RQS_HISTORY_TICKS, from_ns) ||
	    ret_range->resolution_ns >= history->rings[RQS_HISTORY_SECONDS].resolution_ns)
		plan(history, RQS_HISTORY_SECONDS, service, from_ns, to_ns, points, ret_range);
}

void rqs_history_since(const struct rqs_history *history, uint64_t after_seq, uint64_t to_seq, bool whole,
		       struct rqs_range *ret_range)
{
	const struct rqs_history_ring *ring = &history->rings[RQS_HISTORY_TICKS];
	struct rqs_range range = { .level = RQS_HISTORY_TICKS, .tail_next = 1, .group = 1, .resolution_ns = ring->resolution_ns };

	range.last = to_seq < ring->newest ? to_seq : ring->newest;
	range.next = ring_oldest(ring);
	if (after_seq >= range.next)
		range.next = after_seq < range.last ? after_seq + 1 : range.last + 1;
	if (whole)
		range.group = UINT64_MAX; /* one group: no number reaches a multiple of it */
	range.count = (uint32_t)groups(range.next, range.last, range.group);
	*ret_range = range;
}

/* Of what was not measured on the host nothing can be told of a service either. */
static void read_service(const struct rqs_service_log *log, uint64_t number, uint64_t service, const struct rqs_packed_row *host,
			 double *row, struct rqs_sample *sample)
{
	bool measured = rqs_row_knows(host, RQS_COLUMN_HTTP_SERVER_IN_FLIGHT);
	bool counted = rqs_row_knows(host, RQS_COLUMN_HTTP_SERVER_REQUESTS);
	struct rqs_service_record record;
	size_t bytes;

	if (!rqs_service_log_find(log, number, service, &record)) {
		measured = counted = false;
		sample->gap = true;
	}
	if (record.data) {
		bytes = rqs_service_row_unpack(record.data, record.bytes, row);
		sample->packed = record.data + bytes;
		sample->packed_bytes = record.bytes - bytes;
	} else {
		rqs_service_row_clear(row);
	}
	if (!counted)
		rqs_service_row_forget(row, !measured);
}

void rqs_history_add_entry(const struct rqs_history *history, uint32_t level, uint64_t number, uint64_t service,
			   struct rqs_merge *merge)
{
	const struct rqs_history_ring *ring = &history->rings[level];
	const struct rqs_history_entry *entry = rqs_history_entry(ring, number);
	double row[RQS_COLUMN_COUNT];
	struct rqs_sample sample = { .seq = entry->seq, .end_real_ns = entry->end_real_ns,
				     .span_ns = entry->span_ns, .gap = entry->gap, .row = row };

	if (service) {
		read_service(&history->services[level], number, service, &entry->row, row, &sample);
	} else {
		rqs_row_unpack(&entry->row, row);
		sample.packed = rqs_bytering_get(&ring->buckets, entry->buckets);
		sample.packed_bytes = entry->buckets.bytes;
	}
	rqs_merge_add(merge, &sample);
}

bool rqs_history_next(const struct rqs_history *history, struct rqs_range *range, struct rqs_merge *merge)
{
	uint64_t group = range->next / range->group;

	if (range->next > range->last && !has_tail(range))
		return false;
	rqs_merge_clear(merge);
	while (range->next <= range->last && range->next / range->group == group)
		rqs_history_add_entry(history, range->level, range->next++, range->service, merge);
	if (range->next <= range->last || (range->last + 1) / range->group != group)
		return true;
	while (has_tail(range))
		rqs_history_add_entry(history, RQS_HISTORY_TICKS, range->tail_next++, range->service, merge);
	return true;
}
