/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * route_room - which named routes stay: the busiest of this host.
 * Upstream: what poll_routes.h read. Pure; called once a second.
 */
#ifndef RQS_ROUTE_ROOM_H
#define RQS_ROUTE_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"

#define RQS_ROUTE_GRACE_SECONDS 3 /* nobody is judged by less than so many seconds */

/* All zero is an empty one. */
struct rqs_route_room {
	struct {
		uint64_t requests; /* counted when it was last looked at */
		uint64_t busy;	   /* 16 times the requests of about the last 8 seconds, older ones weighing less */
		uint32_t seconds;  /* looked at so often */
		bool live;
	} routes[RQS_ROUTES_NAMED];
	uint32_t live;
	uint32_t raised; /* the bar is doubled so often */
};

/** rqs_route_room_begin() - a route was named. @requests: what the kernel had counted under its id before. */
void rqs_route_room_begin(struct rqs_route_room *room, uint32_t place, uint64_t requests);

/** rqs_route_room_end() - it isn't any more. */
void rqs_route_room_end(struct rqs_route_room *room, uint32_t place);

/**
 * rqs_route_room_second() - a second is over.
 * @requests: counted so far, by place, RQS_ROUTES_NAMED. @stay: so many stay. @full: there was no id left for a newcomer.
 * @ret_evict: the places that must go, the least busy first; room for RQS_ROUTES_NAMED. They stay live until rqs_route_room_end().
 * @ret_bar: how often a newcomer must be seen in 8 seconds: twice as often as the least busy that stays, at least 2. Doubled
 *	with each second in which @full, and halved again when it isn't, so that of many newcomers the busiest come in.
 * Return: how many must go: as many as are more than @stay, but for newcomers that have their grace.
 */
uint32_t rqs_route_room_second(struct rqs_route_room *room, const uint64_t *requests, uint32_t stay, bool full,
			       uint16_t *ret_evict, uint32_t *ret_bar);

#endif
