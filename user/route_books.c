// SPDX-License-Identifier: GPL-2.0-only
#include "route_books.h"

#include <string.h>

static uint64_t delta_errors(const struct rqs_service_delta *delta)
{
	uint64_t errors = 0;

	for (uint32_t i = 0; i < delta->status_count; i++)
		if (delta->status[i].code >= 500)
			errors += delta->status[i].count;
	return errors;
}

/* The delta of an id in this window; made when it is the first. */
static struct rqs_route_delta *delta_of(struct rqs_route_books *books, struct rqs_route_delta *deltas, uint32_t *count,
					uint32_t id, uint32_t slot)
{
	if (books->place[id] < 0) {
		books->place[id] = (int16_t)*count;
		deltas[(*count)++] = (struct rqs_route_delta){ .id = (uint16_t)id, .slot = slot };
	}
	return &deltas[books->place[id]];
}

/* Tell of one count as much of @most as the service still has. */
static uint64_t tell(struct rqs_route_book *book, enum rqs_route_count which, uint64_t *left, uint64_t most)
{
	uint64_t told = most < *left ? most : *left;

	*left -= told;
	book->told[which] += told;
	return told;
}

static void add(struct rqs_route_delta *delta, enum rqs_route_count which, uint64_t count)
{
	if (which == RQS_ROUTE_REQUESTS)
		delta->requests += count;
	else if (which == RQS_ROUTE_RESPONSES)
		delta->responses += count;
	else
		delta->errors += count;
}

/* What the kernel counted and wasn't told. Also what is not there any more (a probe loaded anew) is nothing. */
static uint64_t untold(const struct rqs_route_book *book, const struct rqs_route_counts *counts, enum rqs_route_count which)
{
	uint64_t now = which == RQS_ROUTE_REQUESTS ? counts->requests :
		       which == RQS_ROUTE_RESPONSES ? counts->responses : counts->errors;

	return now > book->told[which] ? now - book->told[which] : 0;
}

/* Who holds an id: NULL for what is left of a service, and where nobody does. */
static const struct rqs_route_holder *holder_of(const struct rqs_route_reading *reading, uint32_t id)
{
	const struct rqs_route_holder *holder;

	if (id < RQS_ROUTE_FIRST || !reading->holders)
		return NULL;
	holder = &reading->holders[id - RQS_ROUTE_FIRST];
	return holder->state == RQS_ROUTE_FREE ? NULL : holder;
}

/*
 * @ahead: only what was read earlier already and had to wait, so that no route waits twice. Else all, and what must wait now
 * is noted.
 */
static void tell_route(struct rqs_route_books *books, const struct rqs_route_reading *reading, uint32_t id, bool ahead,
		       struct rqs_route_delta *deltas, uint32_t *count)
{
	const struct rqs_route_holder *holder = holder_of(reading, id);
	struct rqs_route_book *book = &books->books[id];
	uint32_t slot = id;

	if (id >= RQS_ROUTE_FIRST && !holder)
		return;
	if (holder)
		slot = holder->ident.slot < RQS_SLOT_MAX ? holder->ident.slot : 0;
	for (uint32_t which = 0; which < RQS_ROUTE_COUNTS; which++) {
		uint64_t rest = untold(book, &reading->counts[id], which);
		uint64_t most = ahead && book->ahead[which] < rest ? book->ahead[which] : rest;
		uint64_t told = tell(book, which, &books->left[slot][which], most);

		if (told)
			add(delta_of(books, deltas, count, id, slot), which, told);
		book->ahead[which] = rest - told;
	}
}

/* A name is told with the first that was counted on it: before that its service may not be known yet. */
static void tell_begin(struct rqs_route_books *books, const struct rqs_route_holder *holder, uint32_t id,
		       struct rqs_route_delta *deltas, uint32_t *count)
{
	struct rqs_route_book *book = &books->books[id];

	if (holder->state != RQS_ROUTE_NAMED || books->place[id] < 0 || (book->live && book->generation == holder->generation))
		return;
	delta_of(books, deltas, count, id, holder->ident.slot)->ident = &holder->ident;
	book->live = true;
	book->generation = holder->generation;
}

/* Its end with the times of its last second. */
static void tell_end(struct rqs_route_books *books, const struct rqs_route_holder *holder, uint32_t id,
		     struct rqs_route_delta *deltas, uint32_t *count)
{
	if (holder->state == RQS_ROUTE_NAMED || !books->books[id].live)
		return;
	delta_of(books, deltas, count, id, holder->ident.slot)->ended = true;
	books->books[id].live = false;
}

uint32_t rqs_route_books_tell(struct rqs_route_books *books, const struct rqs_route_reading *reading,
			      const struct rqs_service_delta *services, uint32_t count,
			      struct rqs_route_delta *ret_deltas)
{
	uint32_t used = 0, end = reading->end ? reading->end : RQS_ROUTE_IDS;

	memset(books->left, 0, sizeof(books->left));
	memset(books->place, 0xff, end * sizeof(books->place[0]));
	for (uint32_t i = 0; i < count; i++) {
		uint32_t slot = services[i].ident->slot < RQS_SLOT_MAX ? services[i].ident->slot : 0;

		books->left[slot][RQS_ROUTE_REQUESTS] += services[i].books.requests;
		books->left[slot][RQS_ROUTE_RESPONSES] += services[i].books.responses;
		books->left[slot][RQS_ROUTE_ERRORS] += delta_errors(&services[i]);
	}
	for (int ahead = 1; ahead >= 0 && reading->counts && count; ahead--)
		for (uint32_t id = 0; id < end; id++)
			tell_route(books, reading, id, ahead, ret_deltas, &used);
	for (uint32_t slot = 0; slot < RQS_SLOT_MAX; slot++)
		for (uint32_t which = 0; which < RQS_ROUTE_COUNTS; which++)
			if (books->left[slot][which])
				add(delta_of(books, ret_deltas, &used, slot, slot), which, books->left[slot][which]);
	if (!reading->holders)
		return used;
	for (uint32_t id = RQS_ROUTE_FIRST; id < end; id++)
		tell_begin(books, &reading->holders[id - RQS_ROUTE_FIRST], id, ret_deltas, &used);
	for (uint32_t i = 0; i < reading->time_count; i++) {
		uint32_t id = reading->times[i].id;

		if (id < RQS_ROUTE_FIRST)
			delta_of(books, ret_deltas, &used, id, id);
		else if (books->books[id].live)
			delta_of(books, ret_deltas, &used, id, reading->holders[id - RQS_ROUTE_FIRST].ident.slot);
	}
	for (uint32_t id = RQS_ROUTE_FIRST; id < RQS_ROUTE_IDS && reading->second; id++)
		tell_end(books, &reading->holders[id - RQS_ROUTE_FIRST], id, ret_deltas, &used);
	return used;
}

void rqs_route_books_times(struct rqs_route_books *books, const struct rqs_route_times_reading *reading,
			   struct rqs_bin *bins, struct rqs_dist *ret_dist)
{
	const struct rqs_route_times *now = &reading->sum;
	struct rqs_route_times *before = &books->times[reading->id];
	struct rqs_dist dist = { .bins = bins, .sum_ns = now->sum_ns - before->sum_ns };

	for (uint32_t i = 0; i < RQS_COARSE_COUNT; i++) {
		uint32_t delta = now->buckets[i] - before->buckets[i];

		if (!delta)
			continue;
		bins[dist.bin_count++] = (struct rqs_bin){ .index = i, .count = delta };
		dist.count += delta;
	}
	*before = *now;
	*ret_dist = dist;
	if (!dist.count)
		return;
	/* As in agg.c: what was stamped for the next second may count already; the outermost bucket tells which stamp holds. */
	ret_dist->min_ns = rqs_coarse_mid(bins[0].index);
	ret_dist->max_ns = rqs_coarse_mid(bins[dist.bin_count - 1].index);
	for (int i = 1; i >= 0; i--) {
		const struct rqs_route_extrema *stamp = &now->extrema[i];

		if (!stamp->second)
			continue;
		if (rqs_coarse_of(rqs_bucket_index(stamp->min_ns)) == bins[0].index)
			ret_dist->min_ns = stamp->min_ns;
		if (rqs_coarse_of(rqs_bucket_index(stamp->max_ns)) == bins[dist.bin_count - 1].index)
			ret_dist->max_ns = stamp->max_ns;
	}
	if (ret_dist->min_ns > ret_dist->max_ns)
		ret_dist->min_ns = ret_dist->max_ns;
}
