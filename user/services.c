// SPDX-License-Identifier: GPL-2.0-only
#include "services.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* 400 bytes a second for each service; a second of a busy one takes 100 to 400. */
#define RING_BYTES 4096

int rqs_services_init(struct rqs_services *services, uint32_t slots)
{
	uint32_t i;
	int err;

	memset(services, 0, sizeof(*services));
	for (i = 0; i < RQS_SLOT_MAX; i++)
		services->of_slot[i] = -1;
	services->room = slots;
	services->list = calloc(slots, sizeof(*services->list));
	if (!services->list)
		return -ENOMEM;
	err = rqs_bytering_init(&services->buckets, (size_t)slots * RING_BYTES);
	if (err)
		rqs_services_fini(services);
	return err;
}

void rqs_services_fini(struct rqs_services *services)
{
	rqs_bytering_fini(&services->buckets);
	free(services->list);
	services->list = NULL;
}

size_t rqs_services_memory(const struct rqs_services *services)
{
	return services->room * sizeof(*services->list) + services->buckets.bytes;
}

/* A slot that there isn't can only be the kernel's table running over. */
static uint32_t slot_of(uint32_t slot)
{
	return slot < RQS_SLOT_MAX ? slot : 0;
}

static bool same_service(const struct rqs_service *service, const struct rqs_service_ident *ident)
{
	const struct rqs_service_ident *mine = &service->ident;

	return service->slot && mine->port == ident->port && mine->role == ident->role &&
	       !strcmp(mine->name, ident->name) && !strcmp(mine->container, ident->container) && !strcmp(mine->path, ident->path);
}

/* The service that no slot belongs to and that is silent for longest. One slot is being given away, so there is one. */
static uint32_t oldest_unused(const struct rqs_services *services)
{
	bool used[RQS_SLOT_MAX] = { false };
	uint32_t i, oldest = RQS_SLOT_MAX;

	for (i = 0; i < RQS_SLOT_MAX; i++)
		if (services->of_slot[i] >= 0)
			used[services->of_slot[i]] = true;
	for (i = 0; i < services->count; i++)
		if (!used[i] && !rqs_service_is_rest(&services->list[i]) &&
		    (oldest == RQS_SLOT_MAX || services->list[i].last_second < services->list[oldest].last_second))
			oldest = i;
	return oldest;
}

/* The remainder of a role; NULL until there is one. */
static struct rqs_service *rest_of(struct rqs_services *services, uint8_t role)
{
	uint32_t i;

	for (i = 0; i < services->count; i++)
		if (services->list[i].ident.role == role && rqs_service_is_rest(&services->list[i]))
			return &services->list[i];
	return NULL;
}

/* What it counted stays in the sums, as that of nobody in particular. */
static void become_rest(struct rqs_services *services, uint32_t place)
{
	struct rqs_service *service = &services->list[place];
	uint8_t role = service->ident.role;

	service->ident = (struct rqs_service_ident){ .name = "other", .role = role, .slot = role };
	service->name = "other";
	service->port = 0;
	service->slot = role;
	service->pid_count = 0;
	if (services->of_slot[role] < 0)
		services->of_slot[role] = (int16_t)place;
}

/* A new place in the list. When it is full somebody must go: into the remainder of its role. */
static uint32_t free_place(struct rqs_services *services)
{
	struct rqs_service *gone, *rest;
	uint32_t place;

	services->passed_into = -1;
	if (services->count < services->room)
		return services->count++;
	for (;;) {
		place = oldest_unused(services);
		if (place == RQS_SLOT_MAX) /* not as long as the kernel gives the roles' own slots to nobody */
			return services->room - 1;
		gone = &services->list[place];
		rest = rest_of(services, gone->ident.role);
		if (rest)
			break;
		become_rest(services, place); /* at most once a role */
	}
	services->passed_place = (int16_t)place;
	services->passed_into = (int16_t)(rest - services->list);
	rqs_totals_fold(&rest->totals, &gone->totals);
	memset(gone, 0, sizeof(*gone));
	return place;
}

static struct rqs_service *find_or_add(struct rqs_services *services, const struct rqs_service_ident *ident,
				       bool *ret_new)
{
	uint32_t slot = slot_of(ident->slot), i = services->count;
	int16_t index = services->of_slot[slot];
	struct rqs_service *service;

	*ret_new = false;
	if (index >= 0 && (!slot || same_service(&services->list[index], ident)))
		return &services->list[index];
	services->of_slot[slot] = -1;
	if (slot)
		for (i = 0; i < services->count && !same_service(&services->list[i], ident); i++)
			;
	if (i < services->count) {
		services->of_slot[slot] = (int16_t)i;
		return &services->list[i];
	}
	i = free_place(services);
	services->of_slot[slot] = (int16_t)i;
	service = &services->list[i];
	service->ident = *ident;
	service->name = slot ? service->ident.name : "other";
	service->port = slot ? ident->port : 0;
	service->slot = slot;
	service->first_second = services->second;
	service->serial = ++services->serial;
	*ret_new = true;
	return service;
}

struct rqs_service *rqs_services_add(struct rqs_services *services, const struct rqs_service_delta *delta,
				     bool *ret_new)
{
	struct rqs_service *service = find_or_add(services, delta->ident, ret_new);
	struct rqs_second *now = &service->now;
	uint32_t slot = slot_of(delta->ident->slot);

	services->in_flight[slot] = delta->books.in_flight;
	if (slot >= services->slot_count)
		services->slot_count = slot + 1;
	rqs_totals_add(&service->totals, delta);
	service->moved = true;
	service->last_second = services->second;
	now->requests += delta->books.requests;
	now->responses += delta->books.responses;
	now->errors += rqs_delta_errors(delta);
	rqs_split_add(&now->split, &delta->split);
	rqs_hist_add_dist(&service->now_duration, &delta->dist[RQS_METRIC_DURATION]);
	return service;
}

static void close_second(struct rqs_services *services, struct rqs_service *service, uint64_t span_ns)
{
	struct rqs_second *second = &service->seconds[services->second % RQS_RECENT_SECONDS];
	uint32_t spark = services->second % RQS_SPARK_SECONDS;
	struct rqs_hist *duration = &service->now_duration;

	*second = service->now;
	service->spark_requests[spark] = span_ns ? round((double)second->requests * 1e11 / (double)span_ns) / 100 : 0;
	service->spark_p99_ns[spark] = NAN;
	if (duration->count) {
		second->count = duration->count;
		second->sum_ns = duration->sum_ns;
		second->min_ns = duration->min_ns;
		second->max_ns = duration->max_ns;
		second->buckets = rqs_bytering_put(&services->buckets, services->packed,
						rqs_hist_pack(duration, services->packed));
		service->spark_p99_ns[spark] =
			(double)rqs_hist_quantile_ns(duration, 990, duration->min_ns, duration->max_ns);
	}
	if (service->moved) {
		memset(&service->now, 0, sizeof(service->now));
		rqs_hist_clear(duration);
		service->moved = false;
	}
}

void rqs_services_close_second(struct rqs_services *services, uint64_t span_ns)
{
	uint32_t i;

	for (i = 0; i < services->count; i++)
		close_second(services, &services->list[i], span_ns);
	services->span_ns[services->second % RQS_RECENT_SECONDS] = span_ns;
	services->second++;
}

void rqs_services_set_pids(struct rqs_services *services, const struct rqs_pid *pids, uint32_t count)
{
	uint32_t i;

	if (count > RQS_PIDS_MAX)
		count = RQS_PIDS_MAX;
	for (i = 0; i < services->count; i++)
		services->list[i].pid_count = 0;
	services->pid_count = count;
	for (i = 0; i < count; i++) {
		uint32_t slot = slot_of(pids[i].slot);

		services->pids[i] = pids[i];
		services->pids[i].slot = slot;
		if (services->of_slot[slot] >= 0)
			services->list[services->of_slot[slot]].pid_count++;
	}
}

const struct rqs_service *rqs_services_of_slot(const struct rqs_services *services, uint32_t slot)
{
	int16_t index = services->of_slot[slot_of(slot)];

	return index >= 0 ? &services->list[index] : NULL;
}

int32_t rqs_services_slot(const struct rqs_services *services, const struct rqs_service *service)
{
	ptrdiff_t place = service - services->list;
	uint32_t slot;

	if (services->of_slot[service->slot] == place)
		return (int32_t)service->slot;
	for (slot = 0; slot < RQS_SLOT_MAX; slot++)
		if (services->of_slot[slot] == place)
			return (int32_t)slot;
	return -1;
}

int64_t rqs_services_in_flight(const struct rqs_services *services, const struct rqs_service *service)
{
	uint64_t sum = 0; /* wraps where signed numbers must not */
	uint32_t i;

	for (i = 0; i < services->slot_count; i++)
		if (services->of_slot[i] == service - services->list)
			sum += (uint64_t)services->in_flight[i];
	return (int64_t)sum;
}

int64_t rqs_services_role_in_flight(const struct rqs_services *services, enum rqs_role role)
{
	uint64_t sum = 0; /* wraps where signed numbers must not */
	uint32_t i;

	for (i = 0; i < services->slot_count; i++)
		if (services->of_slot[i] >= 0 && services->list[services->of_slot[i]].ident.role == role)
			sum += (uint64_t)services->in_flight[i];
	return (int64_t)sum;
}

static void add_second(const struct rqs_services *services, const struct rqs_second *second,
		       struct rqs_recent *recent)
{
	struct rqs_second *sum = &recent->sum;
	const uint8_t *packed;

	sum->requests += second->requests;
	sum->responses += second->responses;
	sum->errors += second->errors;
	rqs_split_add(&sum->split, &second->split);
	if (!second->count)
		return;
	if (!recent->duration.count || second->min_ns < recent->duration.min_ns)
		recent->duration.min_ns = second->min_ns;
	if (!recent->duration.count || second->max_ns > recent->duration.max_ns)
		recent->duration.max_ns = second->max_ns;
	recent->duration.count += second->count;
	recent->duration.sum_ns += second->sum_ns;
	packed = rqs_bytering_get(&services->buckets, second->buckets);
	if (!packed || !rqs_hist_add_packed(&recent->duration, packed, second->buckets.bytes))
		recent->lost = true;
}

void rqs_services_recent(const struct rqs_services *services, const struct rqs_service *service,
			 struct rqs_recent *ret_recent)
{
	uint64_t second = services->second > RQS_RECENT_SECONDS ? services->second - RQS_RECENT_SECONDS : 0;

	memset(ret_recent, 0, sizeof(*ret_recent));
	for (; second < services->second; second++) {
		ret_recent->span_ns += services->span_ns[second % RQS_RECENT_SECONDS];
		if (second >= service->first_second)
			add_second(services, &service->seconds[second % RQS_RECENT_SECONDS], ret_recent);
	}
}

struct rank {
	const struct rqs_service *service;
	uint64_t recent;
};

static int compare(const void *left, const void *right)
{
	const struct rank *a = left, *b = right;

	if (a->recent != b->recent)
		return a->recent > b->recent ? -1 : 1;
	if (a->service->totals.books.requests != b->service->totals.books.requests)
		return a->service->totals.books.requests > b->service->totals.books.requests ? -1 : 1;
	return a->service->slot < b->service->slot ? -1 : 1;
}

void rqs_services_order(const struct rqs_services *services, const struct rqs_service **ret_order)
{
	struct rank ranks[RQS_SLOT_MAX];
	uint32_t i, j;

	for (i = 0; i < services->count; i++) {
		ranks[i].service = &services->list[i];
		ranks[i].recent = services->list[i].now.requests;
		for (j = 0; j < RQS_RECENT_SECONDS; j++)
			ranks[i].recent += services->list[i].seconds[j].requests;
	}
	qsort(ranks, services->count, sizeof(ranks[0]), compare);
	for (i = 0; i < services->count; i++)
		ret_order[i] = ranks[i].service;
}
