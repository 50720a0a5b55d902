/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * routes - what each route did: since attaching, and in the last 10 seconds.
 * Upstream: window.h. Downstream: model.h, encode_routes.h. Pure. All memory is reserved at the start.
 *
 * A route belongs to a service's place in rqs_services.list, so that slots of the same service have the same routes. At most
 * RQS_ROUTES_NAMED have a name. What a service did beside its named routes is its rest; requests, responses and errors over all
 * of them are the service's own, at any moment. Durations come once a second and lag by up to one.
 */
#ifndef RQS_ROUTES_MODEL_H
#define RQS_ROUTES_MODEL_H

#include "bytering.h"
#include "coarse.h"

#define RQS_ROUTE_RECENT_SECONDS 10 /* RQS_RECENT_SECONDS */

struct rqs_route_numbers {
	uint64_t requests;
	uint64_t responses;
	uint64_t errors; /* of these, with 5xx */
};

/* Durations that came in one second; its buckets are bins in a ring. */
struct rqs_route_durations {
	uint64_t second;
	uint64_t count; /* 0: none */
	uint64_t sum_ns;
	uint64_t min_ns;
	uint64_t max_ns;
	struct rqs_piece bins;
};

struct rqs_route {
	const char *method; /* NULL: not in use, or a rest */
	char path[RQS_ROUTE_TEXT_MAX];
	uint32_t place; /* of its service */
	uint32_t ids;	/* of the kernel that stand for it; 0: nothing more is counted on it, the name stays while there is room */
	uint64_t last_second; /* in which something moved last */
	struct rqs_route_numbers total, now;
	struct rqs_route_numbers seconds[RQS_ROUTE_RECENT_SECONDS];
	struct rqs_coarse duration;
	struct rqs_route_durations durations[RQS_ROUTE_RECENT_SECONDS + 1]; /* a ring */
	uint32_t next;
};

struct rqs_routes {
	struct rqs_route *named;
	uint32_t room;		 /* for so many named ones */
	uint32_t services;	 /* places of services */
	struct rqs_route *rests; /* by place of the service */
	int16_t of_id[RQS_ROUTES_NAMED]; /* in named, -1: none */
	uint64_t second;	 /* number of the second that runs, from 0 */
	uint64_t untold;	 /* requests that are told as what is left of their service, ever */
	struct rqs_bytering bins;
};

/* One route as it is shown. */
struct rqs_route_view {
	const struct rqs_route *route;
	struct rqs_route_numbers recent; /* in the last RQS_ROUTE_RECENT_SECONDS whole seconds */
};

/**
 * rqs_routes_init() - reserve everything.
 * @services: how many there can be. @stay: so many named routes stay, at most RQS_ROUTES_STAY; there is room for newcomers beside them.
 * Return: 0, or -ENOMEM (nothing is kept).
 */
int rqs_routes_init(struct rqs_routes *routes, uint32_t services, uint32_t stay);

void rqs_routes_fini(struct rqs_routes *routes);

/** rqs_routes_memory() - bytes reserved beside the struct itself. */
size_t rqs_routes_memory(const struct rqs_routes *routes);

/**
 * rqs_routes_add() - what one route did in a window.
 * @place: of its service. @whole: the service is the remainder of a role, whose routes are not told apart.
 */
void rqs_routes_add(struct rqs_routes *routes, const struct rqs_route_delta *delta, uint32_t place, bool whole);

/** rqs_routes_fold() - none of the routes of the service at @place is told apart any more. */
void rqs_routes_fold(struct rqs_routes *routes, uint32_t place);

/** rqs_routes_move() - the place passes to another service; what this one did becomes part of the rest of the one at @into. */
void rqs_routes_move(struct rqs_routes *routes, uint32_t place, uint32_t into);

/** rqs_routes_close_second() - a second has ended. */
void rqs_routes_close_second(struct rqs_routes *routes);

/**
 * rqs_routes_of() - the routes of the service at @place, the busiest of the last seconds first; last the rest, where anything is
 * in it (its method is NULL).
 * @ret_views: room for RQS_ROUTES_NAMED + 1; valid until the next change. Return: their number.
 */
uint32_t rqs_routes_of(const struct rqs_routes *routes, uint32_t place, struct rqs_route_view *ret_views);

/**
 * rqs_routes_recent() - the durations of the last seconds of a route. @ret_duration: overwritten.
 * Return: false when buckets were overwritten since: there are no percentiles.
 */
bool rqs_routes_recent(const struct rqs_routes *routes, const struct rqs_route *route, struct rqs_coarse *ret_duration);

#endif
