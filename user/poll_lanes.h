/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * poll_lanes - the lanes of services, read where the kernel writes them: without a system call, and each lane for itself.
 * Upstream: http_lanes, see abi.h. Downstream: poll.c. For the collector's thread alone.
 */
#ifndef RQS_POLL_LANES_H
#define RQS_POLL_LANES_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"

struct rqs_poll_lanes; /* opaque */

/**
 * rqs_poll_lanes_new() - nothing is mapped yet.
 * @fd: of http_lanes; stays the caller's, and open. @cpus: entries that it has for each slot.
 * Return: NULL without memory.
 */
struct rqs_poll_lanes *rqs_poll_lanes_new(int fd, uint32_t cpus);

/** rqs_poll_lanes_free() - NULL is fine. */
void rqs_poll_lanes_free(struct rqs_poll_lanes *lanes);

/**
 * rqs_poll_lanes_reach() - slots below @slots can be read from now on.
 * @slots: at most as many as the map was made for. Return: 0, or -errno, and what could be read before still can.
 */
int rqs_poll_lanes_reach(struct rqs_poll_lanes *lanes, uint32_t slots);

/** rqs_poll_lanes_activity() - how many changes were made to a slot that can be read; grows with each. */
uint64_t rqs_poll_lanes_activity(const struct rqs_poll_lanes *lanes, uint32_t slot);

/**
 * rqs_poll_lanes_read() - what the lanes of a slot hold together, each as it was between two changes.
 * @epoch: of the tick that ended. @ret_sum: extrema[m] of that tick, and of the one that has begun.
 * Return: false where a lane was being written whenever it was looked at, eight times in a row, as where its CPU stands still in the
 * midst of a change (a hypervisor's doing); what was read is off by that change.
 */
bool rqs_poll_lanes_read(struct rqs_poll_lanes *lanes, uint32_t slot, uint32_t epoch, struct rqs_http_lane *ret_sum);

#endif
