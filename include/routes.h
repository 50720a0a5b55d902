/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * routes - what lies in the BPF maps of routes: a method and a path with its variable parts folded, of one service.
 * Included by abi.h, whose rules hold: counters are cumulative and only grow, a lane belongs to one CPU.
 *
 * A route has an id. Those below RQS_SLOT_MAX stand for what is not told apart of the service with that slot; those above
 * are named, and pass on: user space takes back the id of a route that is little used, raises the id's generation, and
 * gives it to http_routes_free. Who still holds the old generation counts on what is not told apart.
 */
#ifndef RQS_ROUTES_H
#define RQS_ROUTES_H

#include "buckets.h"

#define RQS_ROUTES_USUAL 200 /* named routes of this host that stay, where nobody says how many */
#define RQS_ROUTES_STAY 500  /* ... at most */
#define RQS_ROUTES_NEW 56    /* more that there is room for: newcomers */
#define RQS_ROUTES_NAMED (RQS_ROUTES_STAY + RQS_ROUTES_NEW)
#define RQS_ROUTE_FIRST 256  /* the first id that is named: RQS_SLOT_MAX */
#define RQS_ROUTE_IDS (RQS_ROUTE_FIRST + RQS_ROUTES_NAMED)
_Static_assert(RQS_ROUTE_IDS <= 1024, "10 bits in http_route_cache");
#define RQS_ROUTE_NONE 0xffffU /* not an id: the request isn't counted by route */

#define RQS_ROUTE_PATH_MAX 64
#define RQS_ROUTE_METHODS 20 /* method 0 is any that is not in the list */

/* Known methods, of at most 8 letters; their number is their place in this list, from 1. */
#define RQS_ROUTE_METHOD_LIST(X)                                                                             \
	X(1, "GET", 'G', 'E', 'T', 0, 0, 0, 0, 0)                                                            \
	X(2, "POST", 'P', 'O', 'S', 'T', 0, 0, 0, 0)                                                         \
	X(3, "PUT", 'P', 'U', 'T', 0, 0, 0, 0, 0)                                                            \
	X(4, "DELETE", 'D', 'E', 'L', 'E', 'T', 'E', 0, 0)                                                   \
	X(5, "HEAD", 'H', 'E', 'A', 'D', 0, 0, 0, 0)                                                         \
	X(6, "PATCH", 'P', 'A', 'T', 'C', 'H', 0, 0, 0)                                                      \
	X(7, "OPTIONS", 'O', 'P', 'T', 'I', 'O', 'N', 'S', 0)                                                \
	X(8, "CONNECT", 'C', 'O', 'N', 'N', 'E', 'C', 'T', 0)                                                \
	X(9, "TRACE", 'T', 'R', 'A', 'C', 'E', 0, 0, 0)                                                      \
	X(10, "PROPFIND", 'P', 'R', 'O', 'P', 'F', 'I', 'N', 'D')                                            \
	X(11, "MKCOL", 'M', 'K', 'C', 'O', 'L', 0, 0, 0)                                                     \
	X(12, "COPY", 'C', 'O', 'P', 'Y', 0, 0, 0, 0)                                                        \
	X(13, "MOVE", 'M', 'O', 'V', 'E', 0, 0, 0, 0)                                                        \
	X(14, "LOCK", 'L', 'O', 'C', 'K', 0, 0, 0, 0)                                                        \
	X(15, "UNLOCK", 'U', 'N', 'L', 'O', 'C', 'K', 0, 0)                                                  \
	X(16, "REPORT", 'R', 'E', 'P', 'O', 'R', 'T', 0, 0)                                                  \
	X(17, "SEARCH", 'S', 'E', 'A', 'R', 'C', 'H', 0, 0)                                                  \
	X(18, "PURGE", 'P', 'U', 'R', 'G', 'E', 0, 0, 0)                                                     \
	X(19, "QUERY", 'Q', 'U', 'E', 'R', 'Y', 0, 0, 0)

/* http_routes: which id a route has. All of it counts; what is behind the path is zero. */
struct rqs_route_key {
	__u32 slot;
	__u8 method; /* its number in the list */
	__u8 path_bytes;
	__u16 pad;
	unsigned char path[RQS_ROUTE_PATH_MAX]; /* folded; hostile, not terminated */
};
_Static_assert(sizeof(struct rqs_route_key) == 72, "shared layout");

struct rqs_route_value {
	__u32 id;
	__u32 generation; /* of the id when the route was made */
};

/* http_route_names, by id - RQS_ROUTE_FIRST: the newest that was made. Written before anything is counted on it. */

/* http_route_counts, by id: small, so that all are read in one call. */
struct rqs_route_counts {
	__u64 requests;
	__u64 responses;
	__u64 errors; /* of these, with 5xx */
};
_Static_assert(sizeof(struct rqs_route_counts) == 24, "shared layout");

/* As struct rqs_extrema of abi.h, but of seconds: stale where @second differs from the control block's. */
struct rqs_route_extrema {
	__u32 second;
	__u32 pad;
	__u64 min_ns;
	__u64 max_ns;
};

/* http_route_times, by id: read once a second where something was counted. */
struct rqs_route_times {
	__u64 sum_ns;
	struct rqs_route_extrema extrema[2]; /* by the lowest bit of the second */
	__u32 buckets[RQS_COARSE_COUNT];
};
_Static_assert(sizeof(struct rqs_route_times) == 8 + 48 + 4 * RQS_COARSE_COUNT, "shared layout");

#endif
