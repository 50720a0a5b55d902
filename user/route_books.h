/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * route_books - what routes counted, told so that it adds up to what their services did in the same window.
 * Upstream: reading.h. Downstream: agg.h. Pure.
 *
 * The kernel counts on the route first and on its service after; user space reads the services first and the routes after. So
 * routes are never behind, but ahead by the few requests of the microseconds in between: these are told with the next
 * window. What a service has and no route (routes were switched off) is told as what is left of it.
 */
#ifndef RQS_ROUTE_BOOKS_H
#define RQS_ROUTE_BOOKS_H

#include "reading.h"

enum rqs_route_count { RQS_ROUTE_REQUESTS, RQS_ROUTE_RESPONSES, RQS_ROUTE_ERRORS, RQS_ROUTE_COUNTS };

/* All zero is one that nothing was counted on. */
struct rqs_route_book {
	uint64_t told[RQS_ROUTE_COUNTS];
	uint64_t ahead[RQS_ROUTE_COUNTS]; /* read, and not told yet */
	uint32_t generation;
	bool live; /* its name was told, its end wasn't */
};

struct rqs_route_books {
	struct rqs_route_book books[RQS_ROUTE_IDS];
	struct rqs_route_times times[RQS_ROUTE_IDS];   /* as they were last read */
	uint64_t left[RQS_SLOT_MAX][RQS_ROUTE_COUNTS]; /* of what the service did; scratch */
	int16_t place[RQS_ROUTE_IDS];		       /* in the deltas of this window, -1: none; scratch */
};

/**
 * rqs_route_books_tell() - the deltas of one window.
 * @services, @count: what the services did in it.
 * @ret_deltas: room for RQS_ROUTE_IDS; idents lead into the reading. Durations are left empty.
 * Return: their number.
 */
uint32_t rqs_route_books_tell(struct rqs_route_books *books, const struct rqs_route_reading *reading,
			      const struct rqs_service_delta *services, uint32_t count,
			      struct rqs_route_delta *ret_deltas);

/**
 * rqs_route_books_times() - durations of one route since it was last asked.
 * @second: the one that just ended. @bins: room for RQS_COARSE_COUNT, borrowed by @ret_dist.
 */
void rqs_route_books_times(struct rqs_route_books *books, const struct rqs_route_times_reading *reading,
			   struct rqs_bin *bins, struct rqs_dist *ret_dist);

#endif
