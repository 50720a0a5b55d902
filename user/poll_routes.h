/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * poll_routes - the part of poll.h that reads the maps of routes, and takes ids back from those that are little used.
 * Upstream: probes.h, route_room.h. Threads: as poll.h.
 */
#ifndef RQS_POLL_ROUTES_H
#define RQS_POLL_ROUTES_H

#include "probes.h"
#include "reading.h"

struct rqs_poll_routes; /* opaque */

/** rqs_poll_routes_new() - @maps: borrowed. Return: NULL with errno ENOMEM. */
struct rqs_poll_routes *rqs_poll_routes_new(const struct rqs_probe_maps *maps, uint32_t cpus);

void rqs_poll_routes_free(struct rqs_poll_routes *routes);

/**
 * rqs_poll_routes_read() - counts of routes, and the names of new ones. After the services were read.
 * @slots, @slot_count: those that moved; only of these routes are read, the others' counts are as they were last read.
 * @ret_reading: all but the times; valid until the next call. Return: 0, or -errno.
 */
int rqs_poll_routes_read(struct rqs_poll_routes *routes, const struct rqs_slot_reading *slots, uint32_t slot_count,
			 struct rqs_route_reading *ret_reading);

/** rqs_poll_routes_times() - once a second: the times of routes on which something ended since rqs_poll_routes_second(). */
int rqs_poll_routes_times(struct rqs_poll_routes *routes, struct rqs_route_reading *reading);

/**
 * rqs_poll_routes_second() - once a second, when what was read is in a window: take back the ids of routes that are
 * too many, and give away those that were taken back before the last second, so that what is still counted on one has
 * been told under its old name.
 */
void rqs_poll_routes_second(struct rqs_poll_routes *routes);

/**
 * rqs_poll_routes_name() - which route the kernel keeps with an open request.
 * @route: id and generation, as rqs_route_make() of bpf/http_routes.h. From any thread.
 * Return: false where it isn't a named one, or not any more (@ret_ident is then of no use).
 */
bool rqs_poll_routes_name(const struct rqs_probe_maps *maps, uint32_t route, struct rqs_route_ident *ret_ident);

/** rqs_poll_routes_end_slot() - a service's slot was taken back: so are the ids of its routes. */
void rqs_poll_routes_end_slot(struct rqs_poll_routes *routes, uint32_t slot);

#endif
