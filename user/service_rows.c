// SPDX-License-Identifier: GPL-2.0-only
#include "service_rows.h"

#include "row.h"

/* Those of one service: more than one where its slots were made anew. */
static uint32_t deltas_of(const struct rqs_window *window, const struct rqs_services *services, const struct rqs_service *service,
			  const struct rqs_service_delta **deltas)
{
	uint32_t i, count = 0;

	for (i = 0; i < window->service_count && count < RQS_SLOT_MAX; i++)
		if (rqs_services_of_slot(services, window->services[i].ident->slot) == service)
			deltas[count++] = &window->services[i];
	return count;
}

void rqs_service_rows_push(const struct rqs_window *window, const struct rqs_services *services, struct rqs_history *history,
			   double *row, struct rqs_hist *hists)
{
	const struct rqs_service_delta *deltas[RQS_SLOT_MAX];
	uint32_t i, count;

	for (i = 0; i < services->count; i++) {
		const struct rqs_service *service = &services->list[i];
		int64_t in_flight = rqs_services_in_flight(services, service);

		count = deltas_of(window, services, service, deltas);
		if (!count && !in_flight)
			continue;
		rqs_row_fill_service(deltas, window->gap ? 0 : count, in_flight, hists, row);
		rqs_history_add_service(history, service->serial, row, hists);
	}
}
