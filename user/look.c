// SPDX-License-Identifier: GPL-2.0-only
#include "look.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "poll_routes.h"

#define READS_MAX 2048 /* of 2048 connections each: bpf/http_look.h */
#define PORT_BYTES 8192

struct rqs_looker {
	const struct rqs_probe_maps *maps;
	uint8_t ports[PORT_BYTES];
	struct rqs_service_key servers[RQS_SLOT_MAX]; /* those there are now */
	uint32_t slots[RQS_SLOT_MAX];
	uint32_t server_count;
	struct rqs_look look;
};

struct rqs_looker *rqs_looker_new(const struct rqs_probe_maps *maps)
{
	struct rqs_looker *looker = calloc(1, sizeof(*looker));

	if (looker)
		looker->maps = maps;
	return looker;
}

void rqs_looker_free(struct rqs_looker *looker)
{
	free(looker);
}

/* The kernel lists what waits on a connection that was never read from only where it belongs to one of these. */
static void find_servers(struct rqs_looker *looker)
{
	struct rqs_service_value value;
	struct rqs_service_key key;
	const void *from = NULL;

	memset(looker->ports, 0, sizeof(looker->ports));
	looker->server_count = 0;
	for (uint32_t i = 0; i < RQS_SLOT_MAX && !bpf_map_get_next_key(looker->maps->http_services, from, &key); i++) {
		from = &key;
		if (key.role != RQS_ROLE_SERVER || !key.port || bpf_map_lookup_elem(looker->maps->http_services, &key, &value))
			continue;
		looker->ports[key.port >> 3] |= (uint8_t)(1 << (key.port & 7));
		looker->slots[looker->server_count] = value.slot;
		looker->servers[looker->server_count++] = key;
	}
	memcpy((void *)looker->maps->look_ports, looker->ports, sizeof(looker->ports));
}

/* Whose a request will be that nobody has read yet: of the one service at its port, if it is one. */
static void find_slot(const struct rqs_looker *looker, struct rqs_look_request *request)
{
	uint32_t found = RQS_LOOK_NO_SLOT;

	if (request->slot != RQS_LOOK_NO_SLOT || request->role != RQS_ROLE_SERVER || !request->local_port)
		return;
	for (uint32_t i = 0; i < looker->server_count; i++) {
		const struct rqs_service_key *key = &looker->servers[i];

		if (key->port != request->local_port || key->netns != request->netns)
			continue;
		if (found != RQS_LOOK_NO_SLOT)
			return;
		found = looker->slots[i];
	}
	request->slot = found;
}

/* All that one iterator gives. */
static int read_all(int fd, struct rqs_look *ret_look)
{
	size_t used = 0;
	ssize_t bytes;

	for (uint32_t i = 0; i < READS_MAX; i++) {
		bytes = read(fd, (char *)ret_look + used, sizeof(*ret_look) - used);
		if (bytes < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (bytes > 0)
			used += (size_t)bytes;
		if (used == sizeof(*ret_look))
			return 0;
		if (!bytes)
			return -EIO;
	}
	return -E2BIG;
}

int rqs_looker_read(void *data, struct rqs_inflight *ret_inflight)
{
	struct rqs_looker *looker = data;
	int fd, err;

	if (looker->maps->look < 0)
		return -ENOTSUP;
	find_servers(looker);
	fd = bpf_iter_create(looker->maps->look);
	if (fd < 0)
		return -errno;
	err = read_all(fd, &looker->look);
	close(fd);
	if (err)
		return err;
	for (uint32_t i = 0; i < looker->look.count && i < RQS_LOOK_MAX; i++)
		find_slot(looker, &looker->look.list[i]);
	rqs_inflight_of(&looker->look, ret_inflight);
	for (uint32_t i = 0; i < ret_inflight->count; i++) {
		struct rqs_inflight_item *item = &ret_inflight->items[i];

		item->has_route = rqs_poll_routes_name(looker->maps, item->kernel_route, &item->route);
	}
	return 0;
}
