// SPDX-License-Identifier: GPL-2.0-only
#include "routes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A second of a busy route takes 100 to 300 bytes. */
#define RING_BYTES 2048 /* for each */

int rqs_routes_init(struct rqs_routes *routes, uint32_t services, uint32_t stay)
{
	int err;

	memset(routes, 0, sizeof(*routes));
	memset(routes->of_id, 0xff, sizeof(routes->of_id));
	routes->room = stay + RQS_ROUTES_NEW;
	routes->services = services;
	routes->named = calloc(routes->room, sizeof(*routes->named));
	routes->rests = calloc(services, sizeof(*routes->rests));
	err = routes->named && routes->rests ? rqs_bytering_init(&routes->bins, (size_t)routes->room * RING_BYTES) : -ENOMEM;
	if (err)
		rqs_routes_fini(routes);
	return err;
}

void rqs_routes_fini(struct rqs_routes *routes)
{
	rqs_bytering_fini(&routes->bins);
	free(routes->named);
	free(routes->rests);
	routes->named = NULL;
	routes->rests = NULL;
}

size_t rqs_routes_memory(const struct rqs_routes *routes)
{
	return (routes->room + routes->services) * sizeof(*routes->named) + routes->bins.bytes;
}

static void numbers_add(struct rqs_route_numbers *into, const struct rqs_route_numbers *from)
{
	into->requests += from->requests;
	into->responses += from->responses;
	into->errors += from->errors;
}

/* A route that isn't told apart any more becomes part of its service's rest. Its last seconds' durations are left out. */
static void fold(struct rqs_routes *routes, struct rqs_route *route)
{
	struct rqs_route *rest = &routes->rests[route->place];

	routes->untold += route->total.requests;
	numbers_add(&rest->total, &route->total);
	numbers_add(&rest->now, &route->now);
	for (uint32_t i = 0; i < RQS_ROUTE_RECENT_SECONDS; i++)
		numbers_add(&rest->seconds[i], &route->seconds[i]);
	rqs_coarse_add(&rest->duration, &route->duration);
	memset(route, 0, sizeof(*route));
}

/* A place for a name: a free one, else that of a route on which nothing is counted any more. There are as many as ids. */
static struct rqs_route *free_route(struct rqs_routes *routes)
{
	struct rqs_route *oldest = NULL;

	for (uint32_t i = 0; i < routes->room; i++) {
		struct rqs_route *route = &routes->named[i];

		if (!route->method)
			return route;
		if (!route->ids && (!oldest || route->last_second < oldest->last_second))
			oldest = route;
	}
	if (oldest)
		fold(routes, oldest);
	return oldest;
}

static void begin(struct rqs_routes *routes, uint32_t number, const struct rqs_route_ident *ident, uint32_t place)
{
	struct rqs_route *route = NULL;

	for (uint32_t i = 0; i < routes->room && !route; i++)
		if (routes->named[i].method && routes->named[i].place == place && routes->named[i].method == ident->method &&
		    !strcmp(routes->named[i].path, ident->path))
			route = &routes->named[i];
	if (!route) {
		route = free_route(routes);
		if (!route)
			return;
		route->method = ident->method;
		memcpy(route->path, ident->path, sizeof(route->path));
		route->place = place;
		route->last_second = routes->second;
	}
	route->ids++;
	routes->of_id[number] = (int16_t)(route - routes->named);
}

/* Its name stays while there is room: the service that it was of may have ended, or come again. */
static void end(struct rqs_routes *routes, uint32_t number)
{
	struct rqs_route *route;
	uint32_t used = 0;

	if (routes->of_id[number] < 0)
		return;
	route = &routes->named[routes->of_id[number]];
	routes->of_id[number] = -1;
	if (--route->ids)
		return;
	for (uint32_t i = 0; i < routes->room; i++)
		used += !!routes->named[i].method;
	if (used > routes->room - RQS_ROUTES_NEW)
		fold(routes, route);
}

static void add_durations(struct rqs_routes *routes, struct rqs_route *route, const struct rqs_dist *dist)
{
	struct rqs_route_durations *into = &route->durations[route->next++ % (RQS_ROUTE_RECENT_SECONDS + 1)];

	rqs_coarse_add_summary(&route->duration, dist->count, dist->sum_ns, dist->min_ns, dist->max_ns);
	rqs_coarse_add_bins(&route->duration, dist->bins, dist->bin_count);
	*into = (struct rqs_route_durations){
		.second = routes->second, .count = dist->count, .sum_ns = dist->sum_ns, .min_ns = dist->min_ns, .max_ns = dist->max_ns,
		.bins = rqs_bytering_put(&routes->bins, (const uint8_t *)dist->bins, dist->bin_count * sizeof(*dist->bins)),
	};
}

void rqs_routes_add(struct rqs_routes *routes, const struct rqs_route_delta *delta, uint32_t place, bool whole)
{
	const struct rqs_route_numbers numbers = { delta->requests, delta->responses, delta->errors };
	uint32_t number = delta->id - RQS_ROUTE_FIRST;
	struct rqs_route *route = &routes->rests[place];
	bool named = delta->id >= RQS_ROUTE_FIRST && delta->id < RQS_ROUTE_IDS && !whole;

	if (named && delta->ident) {
		end(routes, number);
		begin(routes, number, delta->ident, place);
	}
	if (named && routes->of_id[number] >= 0)
		route = &routes->named[routes->of_id[number]];
	if (!route->method)
		routes->untold += delta->requests;
	route->last_second = routes->second;
	numbers_add(&route->total, &numbers);
	numbers_add(&route->now, &numbers);
	if (delta->duration.count)
		add_durations(routes, route, &delta->duration);
	if (named && delta->ended)
		end(routes, number);
}

void rqs_routes_fold(struct rqs_routes *routes, uint32_t place)
{
	for (uint32_t i = 0; i < routes->room; i++) {
		if (!routes->named[i].method || routes->named[i].place != place)
			continue;
		for (uint32_t number = 0; number < RQS_ROUTES_NAMED; number++)
			if (routes->of_id[number] == (int16_t)i)
				routes->of_id[number] = -1;
		fold(routes, &routes->named[i]);
	}
}

void rqs_routes_move(struct rqs_routes *routes, uint32_t place, uint32_t into)
{
	struct rqs_route *rest = &routes->rests[place];

	rqs_routes_fold(routes, place);
	numbers_add(&routes->rests[into].total, &rest->total);
	rqs_coarse_add(&routes->rests[into].duration, &rest->duration);
	memset(rest, 0, sizeof(*rest));
}

static void close_second(const struct rqs_routes *routes, struct rqs_route *route)
{
	route->seconds[routes->second % RQS_ROUTE_RECENT_SECONDS] = route->now;
	memset(&route->now, 0, sizeof(route->now));
}

void rqs_routes_close_second(struct rqs_routes *routes)
{
	for (uint32_t i = 0; i < routes->room; i++)
		if (routes->named[i].method)
			close_second(routes, &routes->named[i]);
	for (uint32_t i = 0; i < routes->services; i++)
		close_second(routes, &routes->rests[i]);
	routes->second++;
}

static void view(const struct rqs_route *route, struct rqs_route_view *ret_view)
{
	ret_view->route = route;
	memset(&ret_view->recent, 0, sizeof(ret_view->recent));
	for (uint32_t i = 0; i < RQS_ROUTE_RECENT_SECONDS; i++)
		numbers_add(&ret_view->recent, &route->seconds[i]);
}

static int compare(const void *left, const void *right)
{
	const struct rqs_route_view *a = left, *b = right;

	if (a->recent.requests != b->recent.requests)
		return a->recent.requests > b->recent.requests ? -1 : 1;
	if (a->route->total.requests != b->route->total.requests)
		return a->route->total.requests > b->route->total.requests ? -1 : 1;
	return a->route < b->route ? -1 : a->route > b->route;
}

uint32_t rqs_routes_of(const struct rqs_routes *routes, uint32_t place, struct rqs_route_view *ret_views)
{
	const struct rqs_route *rest = &routes->rests[place];
	uint32_t count = 0;

	for (uint32_t i = 0; i < routes->room; i++)
		if (routes->named[i].method && routes->named[i].place == place)
			view(&routes->named[i], &ret_views[count++]);
	qsort(ret_views, count, sizeof(*ret_views), compare);
	if (rest->total.requests || rest->total.responses || rest->duration.count)
		view(rest, &ret_views[count++]);
	return count;
}

bool rqs_routes_recent(const struct rqs_routes *routes, const struct rqs_route *route, struct rqs_coarse *ret_duration)
{
	bool whole = true;

	memset(ret_duration, 0, sizeof(*ret_duration));
	for (uint32_t i = 0; i <= RQS_ROUTE_RECENT_SECONDS; i++) {
		const struct rqs_route_durations *from = &route->durations[i];
		const uint8_t *bins;

		if (!from->count || from->second >= routes->second || from->second + RQS_ROUTE_RECENT_SECONDS < routes->second)
			continue;
		rqs_coarse_add_summary(ret_duration, from->count, from->sum_ns, from->min_ns, from->max_ns);
		bins = rqs_bytering_get(&routes->bins, from->bins);
		if (bins)
			rqs_coarse_add_bins(ret_duration, (const struct rqs_bin *)bins, from->bins.bytes / sizeof(struct rqs_bin));
		else
			whole = false;
	}
	return whole;
}
