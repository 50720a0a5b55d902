// SPDX-License-Identifier: GPL-2.0-only
#include "poll_routes.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "route_room.h"
#include "text.h"

#define POLL_REST_SECONDS 2 /* between taking an id back and giving it away */
#define POLL_CALL_COST 4    /* a call takes as long as so many more ids in a batch */

struct rqs_poll_routes {
	const struct rqs_probe_maps *maps;
	uint32_t cpus;
	uint32_t used; /* ids that are read */
	uint32_t keys[RQS_ROUTE_IDS];
	uint32_t wanted[RQS_ROUTE_IDS]; /* in this tick; scratch */
	bool moved[RQS_SLOT_MAX];	/* likewise */
	struct rqs_route_counts counts[RQS_ROUTE_IDS];
	uint64_t responses[RQS_ROUTE_IDS]; /* when the times were last told */
	struct rqs_route_holder holders[RQS_ROUTES_NAMED];
	uint32_t retired_seconds[RQS_ROUTES_NAMED];
	struct rqs_route_room room;
	uint64_t requests[RQS_ROUTES_NAMED]; /* for the room */
	struct rqs_route_times_reading times[RQS_ROUTE_IDS];
	uint32_t time_count;
	struct rqs_route_counts *lanes; /* RQS_ROUTE_IDS x CPUs */
	struct rqs_route_times *time_lanes; /* CPUs */
};

struct rqs_poll_routes *rqs_poll_routes_new(const struct rqs_probe_maps *maps, uint32_t cpus)
{
	struct rqs_poll_routes *routes = calloc(1, sizeof(*routes));

	if (!routes)
		return NULL;
	routes->maps = maps;
	routes->cpus = cpus;
	routes->lanes = calloc((size_t)cpus * RQS_ROUTE_IDS, sizeof(*routes->lanes));
	routes->time_lanes = calloc(cpus, sizeof(*routes->time_lanes));
	if (!routes->lanes || !routes->time_lanes) {
		rqs_poll_routes_free(routes);
		errno = ENOMEM;
		return NULL;
	}
	return routes;
}

void rqs_poll_routes_free(struct rqs_poll_routes *routes)
{
	if (!routes)
		return;
	free(routes->lanes);
	free(routes->time_lanes);
	free(routes);
}

static const char *method_name(uint32_t number)
{
	static const char *const names[RQS_ROUTE_METHODS] = {
		"_OTHER",
#define NAME(at, name, ...) [at] = name,
		RQS_ROUTE_METHOD_LIST(NAME)
	};

	return number < RQS_ROUTE_METHODS ? names[number] : names[0];
}

static int read_ident(const struct rqs_probe_maps *maps, uint32_t place, struct rqs_route_ident *ident)
{
	struct rqs_route_key key;

	if (bpf_map_lookup_elem(maps->routes.names, &place, &key))
		return -errno;
	ident->slot = key.slot;
	ident->method = method_name(key.method);
	rqs_text_clean(ident->path, sizeof(ident->path), (const char *)key.path,
		       key.path_bytes < sizeof(key.path) ? key.path_bytes : sizeof(key.path));
	return 0;
}

bool rqs_poll_routes_name(const struct rqs_probe_maps *maps, uint32_t route, struct rqs_route_ident *ret_ident)
{
	uint32_t id = route & 0xffff;

	if (id < RQS_ROUTE_FIRST || id >= RQS_ROUTE_IDS || read_ident(maps, id - RQS_ROUTE_FIRST, ret_ident))
		return false;
	return maps->routes.generations[id] == route >> 16; /* asked after the name was read: it wasn't another's */
}

/* An id on which something was counted, and whose route isn't known yet. */
static void name(struct rqs_poll_routes *routes, uint32_t place, uint64_t requests_before)
{
	struct rqs_route_holder *holder = &routes->holders[place];

	if (read_ident(routes->maps, place, &holder->ident))
		return;
	holder->generation = routes->maps->routes.generations[RQS_ROUTE_FIRST + place];
	holder->state = RQS_ROUTE_NAMED;
	rqs_route_room_begin(&routes->room, place, requests_before);
}

/* Sum up the lanes of an id; whoever is new on it gets a name. An id of a slot stands below all others. */
static void take(struct rqs_poll_routes *routes, uint32_t id, const struct rqs_route_counts *lanes)
{
	struct rqs_route_counts sum = { 0 };

	for (uint32_t cpu = 0; cpu < routes->cpus; cpu++) {
		sum.requests += lanes[cpu].requests;
		sum.responses += lanes[cpu].responses;
		sum.errors += lanes[cpu].errors;
	}
	if (id >= RQS_ROUTE_FIRST && sum.requests != routes->counts[id].requests &&
	    routes->holders[id - RQS_ROUTE_FIRST].state == RQS_ROUTE_FREE)
		name(routes, id - RQS_ROUTE_FIRST, routes->counts[id].requests);
	routes->counts[id] = sum;
}

/*
 * What can be told in this window: of services that moved, what is left of them and their routes; and ids whose service isn't
 * known yet. A route that counted before its service did so waits for it anyway, see route_books.h.
 */
static uint32_t want(struct rqs_poll_routes *routes, const struct rqs_slot_reading *slots, uint32_t slot_count)
{
	uint32_t count = 0;

	memset(routes->moved, 0, sizeof(routes->moved));
	for (uint32_t i = 0; i < slot_count; i++) {
		uint32_t slot = slots[i].ident->slot;

		routes->moved[slot] = true;
		routes->wanted[count++] = slot; /* they come by rising slot */
	}
	for (uint32_t id = RQS_ROUTE_FIRST; id < routes->used; id++) {
		const struct rqs_route_holder *holder = &routes->holders[id - RQS_ROUTE_FIRST];

		if (holder->state == RQS_ROUTE_FREE || holder->ident.slot >= RQS_SLOT_MAX || routes->moved[holder->ident.slot])
			routes->wanted[count++] = id;
	}
	return count;
}

/* Ids from @from up to @to, with the few in between that nobody asked for. */
static int read_range(struct rqs_poll_routes *routes, uint32_t from, uint32_t to)
{
	uint32_t before = from - 1, count = to - from + 1, cursor;

	if (bpf_map_lookup_batch(routes->maps->routes.counts, from ? &before : NULL, &cursor, routes->keys, routes->lanes, &count,
				 NULL) &&
	    errno != ENOENT)
		return -errno;
	for (uint32_t i = 0; i < count; i++)
		take(routes, routes->keys[i], routes->lanes + (size_t)i * routes->cpus);
	return 0;
}

static int read_wanted(struct rqs_poll_routes *routes, uint32_t count)
{
	uint32_t from = 0;
	int err = 0;

	for (uint32_t i = 0; i < count && !err; i++) {
		if (i + 1 < count && routes->wanted[i + 1] - routes->wanted[i] <= POLL_CALL_COST)
			continue;
		err = read_range(routes, routes->wanted[from], routes->wanted[i]);
		from = i + 1;
	}
	return err;
}

int rqs_poll_routes_read(struct rqs_poll_routes *routes, const struct rqs_slot_reading *slots, uint32_t slot_count,
			 struct rqs_route_reading *ret_reading)
{
	uint32_t named = *routes->maps->routes.used, room = routes->maps->routes.stay + RQS_ROUTES_NEW, wanted;

	routes->used = RQS_ROUTE_FIRST + (named < room ? named : room);
	ret_reading->holders = routes->holders;
	ret_reading->end = routes->used;
	ret_reading->counts = routes->counts;
	if (!slot_count)
		return 0;
	wanted = want(routes, slots, slot_count);
	return read_wanted(routes, wanted);
}

static void times_add(struct rqs_route_times *sum, const struct rqs_route_times *lane, uint32_t second)
{
	sum->sum_ns += lane->sum_ns;
	for (uint32_t i = 0; i < RQS_COARSE_COUNT; i++)
		sum->buckets[i] += lane->buckets[i];
	for (uint32_t i = 0; i < 2; i++) {
		const struct rqs_route_extrema *from = &lane->extrema[i];
		struct rqs_route_extrema *into = &sum->extrema[from->second == second + 1];

		if (from->second != second && from->second != second + 1)
			continue;
		if (!into->second || from->min_ns < into->min_ns)
			into->min_ns = from->min_ns;
		if (!into->second || from->max_ns > into->max_ns)
			into->max_ns = from->max_ns;
		into->second = from->second;
	}
}

int rqs_poll_routes_times(struct rqs_poll_routes *routes, struct rqs_route_reading *reading)
{
	uint32_t second = routes->maps->control->second;

	routes->maps->control->second = second + 1;
	routes->time_count = 0;
	for (uint32_t id = 0; id < routes->used; id++) {
		struct rqs_route_times_reading *times = &routes->times[routes->time_count];

		if (routes->counts[id].responses == routes->responses[id])
			continue;
		if (bpf_map_lookup_elem(routes->maps->routes.times, &id, routes->time_lanes))
			return -errno;
		times->id = id;
		memset(&times->sum, 0, sizeof(times->sum));
		for (uint32_t cpu = 0; cpu < routes->cpus; cpu++)
			times_add(&times->sum, &routes->time_lanes[cpu], second);
		routes->time_count++;
	}
	reading->second = true;
	reading->times = routes->times;
	reading->time_count = routes->time_count;
	return 0;
}

/* In this order: who finds the route meanwhile sees that its generation is over. */
static void retire(struct rqs_poll_routes *routes, uint32_t place)
{
	struct rqs_route_key key;

	routes->maps->routes.generations[RQS_ROUTE_FIRST + place]++;
	if (!bpf_map_lookup_elem(routes->maps->routes.names, &place, &key))
		bpf_map_delete_elem(routes->maps->routes.ids, &key);
	routes->holders[place].state = RQS_ROUTE_RETIRED;
	routes->retired_seconds[place] = 0;
	rqs_route_room_end(&routes->room, place);
}

void rqs_poll_routes_end_slot(struct rqs_poll_routes *routes, uint32_t slot)
{
	for (uint32_t place = 0; place < RQS_ROUTES_NAMED; place++)
		if (routes->holders[place].state == RQS_ROUTE_NAMED && routes->holders[place].ident.slot == slot)
			retire(routes, place);
}

void rqs_poll_routes_second(struct rqs_poll_routes *routes)
{
	uint16_t evict[RQS_ROUTES_NAMED];
	bool full = *routes->maps->routes.left <= -RQS_ROUTES_NEW;
	uint32_t count, bar;

	for (uint32_t i = 0; i < routes->time_count; i++)
		routes->responses[routes->times[i].id] = routes->counts[routes->times[i].id].responses;
	routes->time_count = 0;
	for (uint32_t place = 0; place < RQS_ROUTES_NAMED; place++) {
		uint32_t id = RQS_ROUTE_FIRST + place;

		routes->requests[place] = routes->counts[id].requests;
		if (routes->holders[place].state != RQS_ROUTE_RETIRED || ++routes->retired_seconds[place] <= POLL_REST_SECONDS)
			continue;
		routes->holders[place].state = RQS_ROUTE_FREE;
		if (!bpf_map_update_elem(routes->maps->routes.free, NULL, &id, BPF_ANY))
			__atomic_fetch_add(routes->maps->routes.left, 1, __ATOMIC_RELAXED);
	}
	count = rqs_route_room_second(&routes->room, routes->requests, routes->maps->routes.stay, full, evict, &bar);
	*routes->maps->routes.bar = bar;
	for (uint32_t i = 0; i < count; i++)
		retire(routes, evict[i]);
}
