// SPDX-License-Identifier: GPL-2.0-only
#include "service_rows.h"

#include "row.h"

/* Which delta of a window is whose: a service has more than one where its slots were made anew. */
struct parts {
	int16_t first[RQS_SLOT_MAX]; /* delta, by place of the service in the list; -1: none */
	int16_t next[RQS_SLOT_MAX];  /* delta of the same service, by delta; -1: none */
};

static void sort_out(const struct rqs_window *window, const struct rqs_services *services, struct parts *ret_parts)
{
	uint32_t i;

	for (i = 0; i < RQS_SLOT_MAX; i++)
		ret_parts->first[i] = -1;
	for (i = 0; i < window->service_count && i < RQS_SLOT_MAX; i++) {
		const struct rqs_service *service = rqs_services_of_slot(services, window->services[i].ident->slot);
		int16_t *first;

		if (!service)
			continue;
		first = &ret_parts->first[service - services->list];
		ret_parts->next[i] = *first;
		*first = (int16_t)i;
	}
}

static void push(const struct rqs_window *window, const struct parts *parts, const struct rqs_services *services, uint32_t place,
		 struct rqs_history *history, double *row, struct rqs_hist *hists)
{
	const struct rqs_service *service = &services->list[place];
	const struct rqs_service_delta *deltas[RQS_SLOT_MAX];
	int64_t in_flight = rqs_services_in_flight(services, service);
	uint32_t count = 0;
	int16_t i;

	for (i = parts->first[place]; i >= 0; i = parts->next[i])
		deltas[count++] = &window->services[i];
	if (!count && !in_flight)
		return;
	rqs_row_fill_service(deltas, window->gap ? 0 : count, in_flight, hists, row);
	rqs_history_add_service(history, service->serial, row, hists);
}

void rqs_service_rows_push(const struct rqs_window *window, const struct rqs_services *services, struct rqs_history *history,
			   double *row, struct rqs_hist *hists)
{
	struct parts parts;
	uint32_t i;

	sort_out(window, services, &parts);
	for (i = 0; i < services->count; i++)
		push(window, &parts, services, i, history, row, hists);
}
