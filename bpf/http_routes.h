/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * http_routes - which route a request is of, and what is counted on it.
 * Maps: http_routes, http_route_names, http_route_counts, http_route_times, http_routes_free.
 *
 * rqs_route_of() finds the route of a head; rqs_route_count() and rqs_route_end() count on it and are cheap. A path that was seen
 * lately is found by a hash of its bytes, unfolded, in http_route_cache: two paths of a service whose 50 bits of a secret hash
 * agree would be one. Else it is folded (route_fold.h) and looked up. A route that isn't known gets a name while there is
 * room; see docs/metrics.md.
 */
#ifndef RQS_BPF_HTTP_ROUTES_H
#define RQS_BPF_HTTP_ROUTES_H

#include "http_books.h"
#include "route_fold.h"
#include "route_sketch.h"

#define RQS_ROUTE_CACHE 4096 /* a power of 2 */

/* Set before loading. */
const volatile __u64 rqs_route_seed = 0;
const volatile __u32 rqs_routes_named = RQS_ROUTES_NAMED; /* how many ids of named routes are in use, as many as http_routes has entries */

/* How many more named routes may stay; below 0 newcomers have to be seen as often as the bar says. User space adds what it took back. */
__s32 http_routes_left = RQS_ROUTES_USUAL;
__u32 http_route_bar = 2;
__u32 http_routes_used = 0; /* ids ever given away */
__u16 http_route_generations[RQS_ROUTE_IDS] = { 1 };

/* A cell in one word, so that no half of it is read: hash from bit 26 on, generation, id (10 bits). */
static __u64 http_route_cache[RQS_ROUTE_CACHE];
static __u64 http_route_sketch[RQS_SKETCH_CELLS];

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RQS_ROUTES_NAMED);
	__type(key, struct rqs_route_key);
	__type(value, struct rqs_route_value);
} http_routes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RQS_ROUTES_NAMED);
	__type(key, __u32);
	__type(value, struct rqs_route_key);
} http_route_names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RQS_ROUTE_IDS);
	__type(key, __u32);
	__type(value, struct rqs_route_counts);
} http_route_counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RQS_ROUTE_IDS);
	__type(key, __u32);
	__type(value, struct rqs_route_times);
} http_route_times SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, RQS_ROUTES_NAMED);
	__type(value, __u32);
} http_routes_free SEC(".maps");

/* What folding a path needs. See rqs_work_place(). */
struct rqs_route_work {
	struct rqs_route_key key;
	struct rqs_fold fold;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2 * RQS_ROLE_COUNT);
	__type(key, __u32);
	__type(value, struct rqs_route_work);
} http_route_work SEC(".maps");

/* A route in one number, as kept with an open request: its id, and above it the generation. */
static __always_inline __u32 rqs_route_make(__u32 id, __u32 generation)
{
	return id | generation << 16;
}

/** rqs_route_rest() - what is not told apart of a service. */
static __always_inline __u32 rqs_route_rest(__u32 slot)
{
	return http_off & RQS_PART_ROUTES ? RQS_ROUTE_NONE : slot;
}

/** rqs_route_is_current() - whether a named route that was found before still has its id. False for the others: ask again. */
static __always_inline bool rqs_route_is_current(__u32 route)
{
	__u32 id = route & 0xffff;

	if (id < RQS_ROUTE_FIRST)
		return false;
	barrier_var(id); /* both bounds in one comparison the verifier of 6.12 doesn't follow */
	return id < RQS_ROUTE_IDS && http_route_generations[id] == route >> 16;
}

struct rqs_fold_loop {
	struct rqs_route_work *work;
	const struct rqs_conn *conn;
	__u32 bytes;
};

static long rqs_fold_step(__u32 i, struct rqs_fold_loop *loop)
{
	if (i >= loop->bytes)
		return rqs_loop_stop(true);
	return rqs_loop_stop(!rqs_fold_byte(&loop->work->fold, loop->work->key.path,
					    loop->conn->path[i & (RQS_PATH_MAX - 1)]));
}

/* The key of the newest request's route. */
static __always_inline void rqs_route_fold(struct rqs_route_work *work, const struct rqs_conn *conn)
{
	struct rqs_fold_loop loop = { .work = work, .conn = conn, .bytes = conn->path_bytes };

	__builtin_memset(&work->key, 0, sizeof(work->key));
	work->key.slot = conn->slot;
	work->key.method = rqs_route_method((const unsigned char *)conn->method, conn->method_bytes);
	rqs_fold_begin(&work->fold, (const unsigned char *)conn->path);
	bpf_loop(RQS_PATH_MAX, rqs_fold_step, &loop, 0);
	work->key.path_bytes = rqs_fold_end(&work->fold, work->key.path, conn->path_cut);
}

static __always_inline __u64 rqs_route_key_hash(const struct rqs_route_key *key)
{
	__u64 hash = rqs_route_seed ^ ((__u64)key->slot << 32 | key->method << 8 | key->path_bytes);
	__u32 i;

	for (i = 0; i < RQS_ROUTE_PATH_MAX / 8; i++)
		hash = rqs_route_mix(hash, *(const __u64 *)(key->path + 8 * i));
	return hash;
}

/* Whether a route without a name gets one. */
static __always_inline bool rqs_route_admitted(const struct rqs_route_key *key)
{
	struct rqs_control *shared = rqs_control();
	__u64 hash;
	__u32 cell;

	if (http_routes_left > 0)
		return true;
	if (!shared)
		return false;
	hash = rqs_route_key_hash(key);
	cell = rqs_sketch_cell(hash, shared->second) & (RQS_SKETCH_CELLS - 1);
	return rqs_sketch_seen(&http_route_sketch[cell], hash, shared->second, http_route_bar);
}

/* Give a route an id; what stands in @value is 0 when there is none. */
static __always_inline void rqs_route_name(struct rqs_route_key *key, struct rqs_route_value *value)
{
	__u32 id, place;

	if (bpf_map_pop_elem(&http_routes_free, &value->id)) {
		if (http_routes_used >= rqs_routes_named)
			return;
		value->id = RQS_ROUTE_FIRST + __sync_fetch_and_add(&http_routes_used, 1);
	}
	id = value->id;
	if (id < RQS_ROUTE_FIRST)
		return;
	barrier_var(id); /* as in rqs_route_is_current() */
	if (id >= RQS_ROUTE_IDS || id - RQS_ROUTE_FIRST >= rqs_routes_named) { /* several CPUs took the last ones at once */
		value->id = 0;
		return;
	}
	value->generation = http_route_generations[id];
	place = id - RQS_ROUTE_FIRST;
	bpf_map_update_elem(&http_route_names, &place, key, BPF_ANY);
	if (bpf_map_update_elem(&http_routes, key, value, BPF_NOEXIST)) {
		/* Another CPU was faster: this request is not told apart, the next one is. */
		bpf_map_push_elem(&http_routes_free, &value->id, BPF_ANY);
		value->id = 0;
		return;
	}
	__sync_fetch_and_add(&http_routes_left, -1);
}

/* A path that was not seen lately. @hash: of it. Global. */
__noinline int rqs_route_find(struct rqs_conn *conn, __u64 hash)
{
	struct rqs_route_value fresh = {}, *known;
	struct rqs_route_work *work;
	__u32 place, route;

	if (!conn)
		return 0;
	place = rqs_work_place(conn);
	work = bpf_map_lookup_elem(&http_route_work, &place);
	if (!work)
		return conn->slot;
	rqs_route_fold(work, conn);
	known = bpf_map_lookup_elem(&http_routes, &work->key);
	if (known) {
		fresh = *known;
	} else if (rqs_route_admitted(&work->key)) {
		rqs_route_name(&work->key, &fresh);
	}
	route = rqs_route_make(fresh.id, fresh.generation);
	if (!rqs_route_is_current(route))
		return conn->slot;
	*(volatile __u64 *)&http_route_cache[hash & (RQS_ROUTE_CACHE - 1)] =
		(hash >> 26) << 26 | (__u64)(fresh.generation & 0xffff) << 10 | fresh.id;
	return route;
}

/**
 * rqs_route_of() - the route of the request whose head is whole; its service, method and path stand in @conn.
 * Global. Return: as rqs_route_make(); what is not told apart: the slot; RQS_ROUTE_NONE when routes are switched off.
 */
__noinline int rqs_route_of(struct rqs_conn *conn)
{
	__u64 hash, cell;
	__u32 route;

	if (!conn || http_off & RQS_PART_ROUTES)
		return RQS_ROUTE_NONE;
	if (conn->slot < RQS_ROLE_COUNT || !conn->method_bytes || !conn->path_bytes)
		return conn->slot;
	hash = rqs_route_hash(rqs_route_seed, conn->slot, (const unsigned char *)conn->method, conn->method_bytes,
			      (const unsigned char *)conn->path, conn->path_bytes, conn->path_cut);
	cell = *(volatile __u64 *)&http_route_cache[hash & (RQS_ROUTE_CACHE - 1)];
	route = rqs_route_make(cell & 0x3ff, (cell >> 10) & 0xffff);
	if (cell >> 26 == hash >> 26 && rqs_route_is_current(route))
		return route;
	return rqs_route_find(conn, hash);
}

/** rqs_route_again() - rqs_route_of() a request with the same slot, method and path as one that was of @route. */
static __always_inline __u32 rqs_route_again(struct rqs_conn *conn, __u32 route)
{
	return rqs_route_is_current(route) && !(http_off & RQS_PART_ROUTES) ? route : (__u32)rqs_route_of(conn);
}

/** rqs_route_count() - a request of this route. Before it is counted on its service: see user/route_books.h. */
static __always_inline void rqs_route_count(__u32 route)
{
	__u32 id = route & 0xffff;
	struct rqs_route_counts *counts = bpf_map_lookup_elem(&http_route_counts, &id);

	if (counts)
		__sync_fetch_and_add(&counts->requests, 1);
}

/**
 * rqs_route_end() - a request has its answer. Before that is counted on its service.
 * @route: as the request was counted; of @slot. @timed: @duration_ns is known.
 */
static __always_inline void rqs_route_end(__u32 route, __u32 slot, __u32 status, bool timed, __u64 duration_ns)
{
	__u32 id = rqs_route_is_current(route) || (route & 0xffff) == RQS_ROUTE_NONE ? route & 0xffff : slot;
	struct rqs_route_counts *counts = bpf_map_lookup_elem(&http_route_counts, &id);
	struct rqs_route_extrema *now;
	struct rqs_route_times *times;
	struct rqs_control *shared;
	__u32 bucket;

	if (!counts)
		return;
	__sync_fetch_and_add(&counts->responses, 1);
	if (status >= 500)
		__sync_fetch_and_add(&counts->errors, 1);
	times = timed ? bpf_map_lookup_elem(&http_route_times, &id) : NULL;
	shared = rqs_control();
	if (!times || !shared)
		return;
	bucket = rqs_coarse_of(rqs_bucket_of(duration_ns));
	__sync_fetch_and_add(&times->sum_ns, duration_ns);
	if (bucket < RQS_COARSE_COUNT)
		__sync_fetch_and_add(&times->buckets[bucket], 1);
	now = &times->extrema[shared->second & 1];
	if (now->second != shared->second) {
		now->min_ns = duration_ns;
		now->max_ns = duration_ns;
		now->second = shared->second;
		return;
	}
	if (duration_ns < now->min_ns)
		now->min_ns = duration_ns;
	if (duration_ns > now->max_ns)
		now->max_ns = duration_ns;
}

#endif
