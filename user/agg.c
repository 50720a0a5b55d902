// SPDX-License-Identifier: GPL-2.0-only
#include "agg.h"
#include "route_books.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* More than this many windows are never on their way: the handover holds fewer. */
#define AGG_WINDOWS 80
#define AGG_EVENTS_MAX 256
#define AGG_PIDS_MAX 1024

/* The most that one service can need in a window, and all of it together. Memory that isn't touched costs nothing. */
#define AGG_SERVICE_BYTES                                                                                    \
	(sizeof(struct rqs_service_delta) + sizeof(struct rqs_service_ident) + 16 + RQS_METRIC_COUNT * RQS_BUCKET_COUNT * sizeof(struct rqs_bin) +  \
	 RQS_STATUS_COUNT * sizeof(struct rqs_status_count))

#define AGG_ROUTE_BYTES                                                                                      \
	(sizeof(struct rqs_route_delta) + sizeof(struct rqs_route_ident) + 16 + RQS_COARSE_COUNT * sizeof(struct rqs_bin))

struct agg_slab {
	struct rqs_window window;
	atomic_bool taken;
	size_t used;
	uint8_t arena[] __attribute__((aligned(16)));
};

struct rqs_agg {
	uint32_t cpu_count;
	uint64_t last_ns;
	uint64_t seq;
	uint32_t skipped; /* ticks since the last window */
	uint64_t late_ns; /* the worst of them */
	uint64_t merged;  /* ticks joined to another, ever */
	struct rqs_sched_lane *prev_sched;
	struct rqs_http_lane *prev_slots; /* RQS_SLOT_MAX */
	struct rqs_slot_reading *kept;	  /* RQS_SLOT_MAX: read since the last window; those without an ident weren't */
	uint32_t kept_count;
	struct rqs_route_books route_books;
	uint64_t recursion_misses;
	size_t slab_bytes;
	uint8_t *slabs;
};

static size_t agg_slab_bytes(uint32_t cpu_count)
{
	size_t bytes = sizeof(struct agg_slab) + RQS_SLOT_MAX * AGG_SERVICE_BYTES +
		       RQS_ROUTE_IDS * AGG_ROUTE_BYTES + RQS_BUCKET_COUNT * sizeof(struct rqs_bin) + cpu_count * sizeof(struct rqs_cpu_delta) +
		       AGG_EVENTS_MAX * sizeof(struct rqs_kernel_event) + AGG_PIDS_MAX * sizeof(struct rqs_pid) +
		       RQS_WAITING_MAX * sizeof(struct rqs_waiting) + sizeof(struct rqs_vitals) + sizeof(struct rqs_self) +
		       sizeof(struct rqs_shed_change) + 16 * 1024;

	return (bytes + 4095) & ~(size_t)4095;
}

struct rqs_agg *rqs_agg_new(uint32_t cpu_count, uint64_t start_ns)
{
	struct rqs_agg *agg = calloc(1, sizeof(*agg));

	if (!agg)
		return NULL;
	agg->cpu_count = cpu_count;
	agg->last_ns = start_ns;
	agg->slab_bytes = agg_slab_bytes(cpu_count);
	agg->prev_sched = calloc(cpu_count, sizeof(*agg->prev_sched));
	agg->prev_slots = calloc(RQS_SLOT_MAX, sizeof(*agg->prev_slots));
	agg->kept = calloc(RQS_SLOT_MAX, sizeof(*agg->kept));
	agg->slabs = mmap(NULL, AGG_WINDOWS * agg->slab_bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (agg->slabs == MAP_FAILED)
		agg->slabs = NULL;
	if (!agg->prev_sched || !agg->prev_slots || !agg->kept || !agg->slabs) {
		rqs_agg_free(agg);
		errno = ENOMEM;
		return NULL;
	}
	return agg;
}

void rqs_agg_free(struct rqs_agg *agg)
{
	if (!agg)
		return;
	if (agg->slabs)
		munmap(agg->slabs, AGG_WINDOWS * agg->slab_bytes);
	free(agg->prev_sched);
	free(agg->prev_slots);
	free(agg->kept);
	free(agg);
}

static void slab_release(struct rqs_window *window)
{
	struct agg_slab *slab = (struct agg_slab *)window;

	atomic_store_explicit(&slab->taken, false, memory_order_release);
}

/* The first that is free, so that the same few pages are used again and again. */
static struct agg_slab *slab_take(struct rqs_agg *agg)
{
	for (size_t i = 0; i < AGG_WINDOWS; i++) {
		struct agg_slab *slab = (struct agg_slab *)(agg->slabs + i * agg->slab_bytes);

		if (atomic_load_explicit(&slab->taken, memory_order_acquire))
			continue;
		memset(&slab->window, 0, sizeof(slab->window));
		atomic_store_explicit(&slab->taken, true, memory_order_relaxed);
		atomic_store_explicit(&slab->window.refs, 1, memory_order_relaxed);
		slab->window.release = slab_release;
		slab->used = 0;
		return slab;
	}
	return NULL;
}

/* The arena is made for the worst case (agg_slab_bytes()), so this does not fail. */
static void *slab_alloc(struct agg_slab *slab, size_t bytes)
{
	void *memory = slab->arena + slab->used;

	slab->used += (bytes + 15) & ~(size_t)15;
	return memory;
}

/* Give back the end of the newest piece: @bytes of it are used. */
static void slab_trim(struct agg_slab *slab, const void *piece, size_t bytes)
{
	slab->used = (size_t)((const uint8_t *)piece - slab->arena) + ((bytes + 15) & ~(size_t)15);
}

static void *slab_copy(struct agg_slab *slab, const void *from, size_t bytes)
{
	return from ? memcpy(slab_alloc(slab, bytes), from, bytes) : NULL;
}

#define AGG_STRIDE 16 /* buckets looked at together */

/*
 * The non-empty buckets of now - before; then before is now. Most are empty, so many are looked at together; which of the others
 * are follows no pattern that a CPU could guess, so they are taken without a branch for each.
 */
static uint64_t dist_bins(struct agg_slab *slab, struct rqs_dist *dist, const uint32_t *now, uint32_t *before)
{
	struct rqs_bin *bins = slab_alloc(slab, RQS_BUCKET_COUNT * sizeof(*bins));
	uint64_t count = 0;
	uint32_t used = 0;

	for (uint32_t from = 0; from < RQS_BUCKET_COUNT; from += AGG_STRIDE) {
		uint32_t to = from + AGG_STRIDE < RQS_BUCKET_COUNT ? from + AGG_STRIDE : RQS_BUCKET_COUNT;

		if (!memcmp(now + from, before + from, (to - from) * sizeof(*now)))
			continue;
		for (uint32_t i = from; i < to; i++) {
			uint32_t delta = now[i] - before[i];

			bins[used] = (struct rqs_bin){ .index = i, .count = delta };
			used += delta != 0;
			count += delta;
			before[i] = now[i];
		}
	}
	slab_trim(slab, bins, used * sizeof(*bins));
	dist->bins = bins;
	dist->bin_count = used;
	dist->count = count;
	return count;
}

/*
 * Minimum and maximum come from the tick's stamps. What was counted in the microseconds between the change of the tick and
 * the reading of the buckets is stamped for the next tick, so a stamp holds only if it lies in the outermost
 * bucket; failing that the bucket's middle is as near as can be told.
 */
static void dist_extrema(struct rqs_dist *dist, const struct rqs_extrema stamps[2])
{
	uint32_t lowest, highest;

	if (!dist->count)
		return;
	lowest = dist->bins[0].index;
	highest = dist->bins[dist->bin_count - 1].index;
	dist->min_ns = rqs_bucket_mid(lowest);
	dist->max_ns = rqs_bucket_mid(highest);
	for (int i = 1; i >= 0; i--) {
		if (!stamps[i].epoch)
			continue;
		if (rqs_bucket_index(stamps[i].min) == lowest)
			dist->min_ns = stamps[i].min;
		if (rqs_bucket_index(stamps[i].max) == highest)
			dist->max_ns = stamps[i].max;
	}
	if (dist->min_ns > dist->max_ns)
		dist->min_ns = dist->max_ns;
}

static void agg_cpu(struct rqs_cpu_delta *cpu, const struct rqs_sched_lane *now, const struct rqs_sched_lane *before,
		    uint32_t epoch)
{
	struct rqs_extrema length = {};

	cpu->switches = now->switches - before->switches;
	cpu->wait_sum_ns = now->wait_sum_ns + now->moved_ns - before->wait_sum_ns - before->moved_ns;
	cpu->length_now = now->length_now;
	cpu->length_max = now->length_now;
	rqs_extrema_join(&length, &now->length[0], epoch);
	rqs_extrema_join(&length, &now->length[1], epoch);
	if (length.epoch && length.max > cpu->length_max)
		cpu->length_max = length.max;
	for (uint32_t i = 0; i < RQS_BUCKET_COUNT; i++)
		cpu->waits += now->wait_buckets[i] - before->wait_buckets[i];
}

static void agg_sched(struct rqs_agg *agg, struct agg_slab *slab, const struct rqs_reading *reading)
{
	struct rqs_window *window = &slab->window;
	struct rqs_cpu_delta *cpus = slab_alloc(slab, agg->cpu_count * sizeof(*cpus));
	uint32_t now[RQS_BUCKET_COUNT] = {}, before[RQS_BUCKET_COUNT] = {};
	struct rqs_extrema stamps[2] = {};

	memset(cpus, 0, agg->cpu_count * sizeof(*cpus));
	for (uint32_t i = 0; i < agg->cpu_count; i++) {
		const struct rqs_sched_lane *lane = &reading->sched[i], *prev = &agg->prev_sched[i];

		if (lane->switches < prev->switches || lane->wait_sum_ns < prev->wait_sum_ns || lane->moved_ns < prev->moved_ns) {
			window->gap = true;
			continue;
		}
		agg_cpu(&cpus[i], lane, prev, reading->epoch);
		window->switches += cpus[i].switches;
		window->runqueue.sum_ns += cpus[i].wait_sum_ns;
		window->length_now += cpus[i].length_now;
		window->length_max += cpus[i].length_max;
		for (uint32_t k = 0; k < RQS_BUCKET_COUNT; k++) {
			now[k] += lane->wait_buckets[k];
			before[k] += prev->wait_buckets[k];
		}
		for (uint32_t k = 0; k < 2; k++) {
			rqs_extrema_join(&stamps[0], &lane->wait[k], reading->epoch);
			rqs_extrema_join(&stamps[1], &lane->wait[k], reading->epoch + 1);
		}
	}
	dist_bins(slab, &window->runqueue, now, before);
	dist_extrema(&window->runqueue, stamps);
	window->length_mean = (double)window->runqueue.sum_ns / (double)(window->end_ns - window->start_ns);
	window->cpus = cpus;
	window->cpu_count = agg->cpu_count;
	memcpy(agg->prev_sched, reading->sched, agg->cpu_count * sizeof(*agg->prev_sched));
}

static void agg_status(struct agg_slab *slab, struct rqs_service_delta *delta, const struct rqs_http_lane *now,
		       struct rqs_http_lane *before)
{
	struct rqs_status_count *counts = slab_alloc(slab, RQS_STATUS_COUNT * sizeof(*counts));
	uint32_t used = 0;

	for (uint32_t i = 0; i < RQS_STATUS_COUNT; i++) {
		uint32_t count = now->status[i] - before->status[i];

		/* 100 is never final: its place holds the answers whose head could not be read. */
		if (count)
			counts[used++] = (struct rqs_status_count){ .code = i ? RQS_STATUS_LOW + i : 0, .count = count };
	}
	slab_trim(slab, counts, used * sizeof(*counts));
	delta->status = counts;
	delta->status_count = used;
	memcpy(before->status, now->status, sizeof(before->status));
}

static void agg_slot(struct rqs_agg *agg, struct agg_slab *slab, struct rqs_service_delta *delta,
		     const struct rqs_slot_reading *slot)
{
	const struct rqs_http_lane *now = &slot->sum;
	struct rqs_http_lane *before = &agg->prev_slots[slot->ident->slot];

	memset(delta, 0, sizeof(*delta));
	delta->ident = slab_copy(slab, slot->ident, sizeof(*slot->ident));
	if (now->requests < before->requests || now->responses < before->responses) {
		slab->window.gap = true;
		*before = *now;
		delta->books.in_flight = now->in_flight;
		return;
	}
	delta->books = (struct rqs_books){
		.requests = now->requests - before->requests,
		.responses = now->responses - before->responses,
		.upgrades = now->upgrades - before->upgrades,
		.aborted = now->aborted - before->aborted,
		.in_flight = now->in_flight,
		.untimed = now->untimed - before->untimed,
		.request_bytes = now->request_bytes - before->request_bytes,
		.response_bytes = now->response_bytes - before->response_bytes,
	};
	delta->split = (struct rqs_split){
		.count = now->split_count - before->split_count,
		.queued_ns = now->queued_ns - before->queued_ns,
		.cpu_wait_ns = now->cpu_wait_ns - before->cpu_wait_ns,
		.on_cpu_ns = now->on_cpu_ns - before->on_cpu_ns,
		.blocked_ns = now->blocked_ns - before->blocked_ns,
		.shared = now->shared - before->shared,
		.unknown = now->unknown - before->unknown,
	};
	for (uint32_t m = 0; m < RQS_METRIC_COUNT; m++) {
		dist_bins(slab, &delta->dist[m], now->buckets[m], before->buckets[m]);
		delta->dist[m].sum_ns = now->sum_ns[m] - before->sum_ns[m];
		dist_extrema(&delta->dist[m], now->extrema[m]);
	}
	agg_status(slab, delta, now, before);
	memcpy(before, now, offsetof(struct rqs_http_lane, buckets)); /* buckets and status are there already */
}

/* A slot is read only when it moved, so what is read in a tick without a window has to be kept for the next one. */
static void agg_keep(struct rqs_agg *agg, const struct rqs_reading *reading)
{
	for (uint32_t i = 0; i < reading->slot_count; i++) {
		struct rqs_slot_reading *kept = &agg->kept[reading->slots[i].ident->slot];

		agg->kept_count += !kept->ident;
		*kept = reading->slots[i];
	}
}

static void agg_services(struct rqs_agg *agg, struct agg_slab *slab, const struct rqs_reading *reading)
{
	struct rqs_service_delta *deltas;
	uint32_t used = 0;

	if (agg->kept_count)
		agg_keep(agg, reading);
	slab->window.service_count = agg->kept_count ? agg->kept_count : reading->slot_count;
	deltas = slab_alloc(slab, slab->window.service_count * sizeof(*deltas));
	slab->window.services = deltas;
	if (!agg->kept_count) {
		for (; used < reading->slot_count; used++)
			agg_slot(agg, slab, &deltas[used], &reading->slots[used]);
		return;
	}
	for (uint32_t i = 0; i < RQS_SLOT_MAX; i++) {
		if (!agg->kept[i].ident)
			continue;
		agg_slot(agg, slab, &deltas[used++], &agg->kept[i]);
		agg->kept[i].ident = NULL;
	}
	agg->kept_count = 0;
}

/* After the services: routes are told so that they add up to them. */
static void agg_routes(struct rqs_agg *agg, struct agg_slab *slab, const struct rqs_route_reading *reading)
{
	struct rqs_route_delta *deltas = slab_alloc(slab, RQS_ROUTE_IDS * sizeof(*deltas));
	struct rqs_window *window = &slab->window;
	uint32_t count;

	count = rqs_route_books_tell(&agg->route_books, reading, window->services, window->service_count, deltas);
	slab_trim(slab, deltas, count * sizeof(*deltas));
	window->routes = deltas;
	window->route_count = count;
	for (uint32_t i = 0; i < count; i++)
		deltas[i].ident = slab_copy(slab, deltas[i].ident, sizeof(*deltas[i].ident));
	for (uint32_t i = 0; i < reading->time_count; i++) {
		int16_t place = agg->route_books.place[reading->times[i].id];
		struct rqs_bin *bins;

		if (place < 0)
			continue;
		bins = slab_alloc(slab, RQS_COARSE_COUNT * sizeof(*bins));
		rqs_route_books_times(&agg->route_books, &reading->times[i], bins, &deltas[place].duration);
		slab_trim(slab, bins, deltas[place].duration.bin_count * sizeof(*bins));
	}
}

int rqs_agg_push(struct rqs_agg *agg, const struct rqs_reading *reading, const struct rqs_window **ret_window)
{
	uint64_t late_ns = reading->mono_ns > reading->deadline_ns ? reading->mono_ns - reading->deadline_ns : 0;
	struct rqs_window *window;
	struct agg_slab *slab;

	if (reading->mono_ns <= agg->last_ns)
		return -ESTALE;
	if (late_ns > agg->late_ns)
		agg->late_ns = late_ns;
	slab = slab_take(agg);
	if (!slab) {
		agg->skipped += 1 + reading->missed;
		agg_keep(agg, reading);
		return -EAGAIN;
	}
	agg->skipped += reading->missed;
	agg->merged += agg->skipped;
	window = &slab->window;
	window->seq = ++agg->seq;
	window->ticks = 1 + agg->skipped;
	window->start_ns = agg->last_ns;
	window->end_ns = reading->mono_ns;
	window->end_real_ns = reading->real_ns;
	window->late_ns = agg->late_ns;
	agg->skipped = 0;
	agg->late_ns = 0;
	agg->last_ns = reading->mono_ns;
	if (reading->sched)
		agg_sched(agg, slab, reading);
	agg_services(agg, slab, reading);
	agg_routes(agg, slab, &reading->routes);
	window->vitals = slab_copy(slab, reading->vitals, sizeof(*reading->vitals));
	window->self = slab_copy(slab, reading->self, sizeof(*reading->self));
	window->shed = reading->shed;
	window->shed_change = slab_copy(slab, reading->shed_change, sizeof(*reading->shed_change));
	window->pid_count = reading->pid_count < AGG_PIDS_MAX ? reading->pid_count : AGG_PIDS_MAX;
	window->pids = slab_copy(slab, reading->pids, window->pid_count * sizeof(*reading->pids));
	window->waiting_count = reading->waiting_count < RQS_WAITING_MAX ? reading->waiting_count : RQS_WAITING_MAX;
	window->waiting = slab_copy(slab, reading->waiting, window->waiting_count * sizeof(*reading->waiting));
	window->event_count = reading->event_count < AGG_EVENTS_MAX ? reading->event_count : AGG_EVENTS_MAX;
	window->events = slab_copy(slab, reading->events, window->event_count * sizeof(*reading->events));
	memcpy(window->event_seen, reading->event_seen, sizeof(window->event_seen));
	window->losses.http = reading->losses;
	window->losses.events = reading->event_held_back;
	window->losses.windows_merged = agg->merged;
	if (reading->vitals)
		agg->recursion_misses = reading->recursion_misses;
	window->losses.recursion_misses = agg->recursion_misses;
	*ret_window = window;
	return 0;
}
