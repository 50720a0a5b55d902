/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * services - what each service did: since attaching, in the last 10 seconds, and a line of the last 60.
 * Upstream: window.h. Downstream: model.h, frame.h, snapshot.h. Pure. All memory is reserved at the start.
 *
 * Slots with the same name, port or path, container and role (network namespaces that were made anew) are one service. A slot may
 * pass to another service; then the one before stays listed, until the list is full and it is the longest silent.
 * Slot 0, where the kernel books what came after its table was full, is shown as "other".
 */
#ifndef RQS_SERVICES_H
#define RQS_SERVICES_H

#include "bytering.h"
#include "totals.h"

#define RQS_RECENT_SECONDS 10
#define RQS_SPARK_SECONDS 60
#define RQS_PIDS_MAX 4096

/* One second of a service. The buckets of its durations are packed in a ring. */
struct rqs_second {
	uint64_t requests;
	uint64_t responses;
	uint64_t errors;
	struct rqs_split split;
	uint64_t count;
	uint64_t sum_ns;
	uint64_t min_ns;
	uint64_t max_ns;
	struct rqs_piece buckets;
};

struct rqs_service {
	struct rqs_service_ident ident; /* of the slot that was seen first: for the one that it has now see rqs_services_slot() */
	const char *name;		       /* shown */
	uint64_t serial; /* > 0, of no other service ever; a place in the list may pass to another one */
	uint16_t port;
	uint32_t slot;
	bool had_pids;
	uint32_t pid_count;
	bool moved;		  /* in this second */
	uint64_t first_second;	  /* number of the second in which it was first seen */
	uint64_t last_second;	  /* ... in which something moved last */
	struct rqs_totals totals; /* .books.in_flight: see rqs_services_in_flight() */
	struct rqs_second now;	  /* the second that runs */
	struct rqs_hist now_duration;
	struct rqs_second seconds[RQS_RECENT_SECONDS];
	double spark_requests[RQS_SPARK_SECONDS]; /* a second */
	double spark_p99_ns[RQS_SPARK_SECONDS];	  /* NAN without requests */
};

/* Not a service but the remainder of a role: what came after the kernel's table was full. */
static inline bool rqs_service_is_rest(const struct rqs_service *service)
{
	return !service->slot || (service->slot < RQS_ROLE_COUNT && !service->port);
}

struct rqs_services {
	struct rqs_service *list;
	uint32_t room; /* for as many services as there are slots in use */
	uint32_t count;
	int16_t of_slot[RQS_SLOT_MAX]; /* index in list, -1: not seen */
	int64_t in_flight[RQS_SLOT_MAX];
	uint32_t slot_count; /* slots from here on were never seen */
	uint64_t second; /* number of the second that runs, from 0 */
	uint64_t serial; /* of the service that came last */
	uint64_t span_ns[RQS_RECENT_SECONDS];
	struct rqs_bytering buckets;
	int16_t passed_place; /* where rqs_services_add() found a place for a new service: the one that it took ... */
	int16_t passed_into;  /* ... from a service that is now part of the one here; -1: nobody had it */
	uint32_t pid_count;
	struct rqs_pid pids[RQS_PIDS_MAX];
	uint8_t packed[RQS_HIST_PACKED_MAX];
};

/* The last RQS_RECENT_SECONDS whole seconds of a service together. */
struct rqs_recent {
	struct rqs_second sum;
	uint64_t span_ns;
	bool lost; /* buckets were overwritten: no percentiles */
	struct rqs_hist duration;
};

/**
 * rqs_services_init() - reserve everything.
 * @slots: that the kernel gives away, those of the roles included; at most RQS_SLOT_MAX. Return: 0, or -ENOMEM (nothing is kept).
 */
int rqs_services_init(struct rqs_services *services, uint32_t slots);

/** rqs_services_fini() - give the memory back. */
void rqs_services_fini(struct rqs_services *services);

/** rqs_services_memory() - bytes reserved beside the struct itself. */
size_t rqs_services_memory(const struct rqs_services *services);

/**
 * rqs_services_add() - what one service did in a window.
 * @ret_new: whether it was seen the first time.
 * Return: the service.
 */
struct rqs_service *rqs_services_add(struct rqs_services *services, const struct rqs_service_delta *delta,
				     bool *ret_new);

/** rqs_services_close_second() - a second of measured length @span_ns has ended. */
void rqs_services_close_second(struct rqs_services *services, uint64_t span_ns);

/** rqs_services_set_pids() - all processes that are known now; counts those of each service anew. */
void rqs_services_set_pids(struct rqs_services *services, const struct rqs_pid *pids, uint32_t count);

/** rqs_services_of_slot() - Return: the service, or NULL when the slot wasn't seen yet. */
const struct rqs_service *rqs_services_of_slot(const struct rqs_services *services, uint32_t slot);

/** rqs_services_slot() - Return: a slot that the service has now; -1: others have those that it had. */
int32_t rqs_services_slot(const struct rqs_services *services, const struct rqs_service *service);

/** rqs_services_in_flight() - open requests of a service now. */
int64_t rqs_services_in_flight(const struct rqs_services *services, const struct rqs_service *service);

/** rqs_services_role_in_flight() - open requests of all services of a role now. */
int64_t rqs_services_role_in_flight(const struct rqs_services *services, enum rqs_role role);

/** rqs_services_recent() - the last seconds of a service. @ret_recent: overwritten. */
void rqs_services_recent(const struct rqs_services *services, const struct rqs_service *service,
			 struct rqs_recent *ret_recent);

/** rqs_services_order() - services, the busiest of the last seconds first. @ret_order: room for RQS_SLOT_MAX. */
void rqs_services_order(const struct rqs_services *services, const struct rqs_service **ret_order);

#endif
