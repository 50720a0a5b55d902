// SPDX-License-Identifier: GPL-2.0-only
#include "encode_routes.h"

#include "encode.h"

static void encode_duration(struct rqs_json *json, const struct rqs_coarse *duration, bool whole)
{
	static const struct {
		const char *key;
		uint32_t permille;
	} quantiles[] = { { "p50_ns", 500 }, { "p90_ns", 900 }, { "p99_ns", 990 }, { "p999_ns", 999 } };
	uint32_t i;

	rqs_json_key(json, "duration");
	rqs_json_object(json);
	rqs_encode_uint(json, "count", duration->count);
	rqs_encode_uint(json, "sum_ns", duration->sum_ns);
	rqs_encode_uint_or_null(json, "min_ns", duration->count, duration->min_ns);
	rqs_encode_uint_or_null(json, "max_ns", duration->count, duration->max_ns);
	for (i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
		rqs_encode_uint_or_null(json, quantiles[i].key, duration->count && whole,
					rqs_coarse_quantile_ns(duration, quantiles[i].permille));
	rqs_json_object_end(json);
}

static void encode_numbers(struct rqs_json *json, const struct rqs_route_numbers *numbers)
{
	rqs_encode_uint(json, "requests", numbers->requests);
	rqs_encode_uint(json, "responses", numbers->responses);
	rqs_encode_uint(json, "errors", numbers->errors);
}

static void encode_recent(struct rqs_json *json, const struct rqs_model *model, const struct rqs_route_view *view)
{
	struct rqs_coarse duration;
	uint64_t span_ns = 0;
	bool whole = rqs_routes_recent(&model->routes, view->route, &duration);
	uint32_t i;

	for (i = 0; i < RQS_RECENT_SECONDS; i++)
		span_ns += model->services.span_ns[i];
	rqs_json_key(json, "recent");
	rqs_json_object(json);
	encode_numbers(json, &view->recent);
	rqs_json_key(json, "span_ms");
	rqs_json_ms(json, span_ns);
	encode_duration(json, &duration, whole);
	rqs_json_object_end(json);
}

void rqs_encode_routes(struct rqs_json *json, const struct rqs_model *model, const struct rqs_service *service, bool recent)
{
	struct rqs_route_view views[RQS_ROUTES_NAMED + 1];
	uint32_t count = rqs_routes_of(&model->routes, (uint32_t)(service - model->services.list), views), i;

	rqs_json_array(json);
	for (i = 0; i < count; i++) {
		const struct rqs_route *route = views[i].route;

		rqs_json_object(json);
		rqs_encode_string(json, "method", route->method);
		rqs_encode_string(json, "path", route->method ? route->path : NULL);
		encode_numbers(json, &route->total);
		encode_duration(json, &route->duration, true);
		if (recent)
			encode_recent(json, model, &views[i]);
		rqs_json_object_end(json);
	}
	rqs_json_array_end(json);
}
