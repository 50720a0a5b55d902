/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * look - read what is in flight at this moment from the kernel: the BPF iterator http_on_look.
 * Upstream: probes.h. Downstream: inflight.h, taken by hub.h.
 * Threads: none of its own; call from one thread. Not the collector's: with 50,000 connections it takes some milliseconds.
 */
#ifndef RQS_LOOK_H
#define RQS_LOOK_H

#include "inflight.h"
#include "probes.h"

struct rqs_looker; /* opaque */

/** rqs_looker_new() - @maps: borrowed until rqs_looker_free(). Return: NULL with errno ENOMEM. */
struct rqs_looker *rqs_looker_new(const struct rqs_probe_maps *maps);

/** rqs_looker_free() - NULL is fine. */
void rqs_looker_free(struct rqs_looker *looker);

/**
 * rqs_looker_read() - walk over all connections. Allocates nothing, needs no privileges.
 * @looker: a struct rqs_looker; fits rqs_hub_set_look().
 * @ret_inflight: set only on 0.
 * Return: 0; -ENOTSUP where HTTP isn't measured; -E2BIG after 4 million connections; another -errno of the kernel.
 */
int rqs_looker_read(void *looker, struct rqs_inflight *ret_inflight);

#endif
