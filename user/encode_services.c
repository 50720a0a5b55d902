// SPDX-License-Identifier: GPL-2.0-only
#include "encode.h"

static void encode_recent(struct rqs_json *json, const struct rqs_recent *recent)
{
	rqs_json_object(json);
	rqs_encode_uint(json, "requests", recent->sum.requests);
	rqs_encode_uint(json, "responses", recent->sum.responses);
	rqs_encode_uint(json, "errors", recent->sum.errors);
	rqs_json_key(json, "span_ms");
	rqs_json_ms(json, recent->span_ns);
	rqs_json_key(json, "duration");
	rqs_encode_dist(json, &recent->duration, recent->lost);
	rqs_json_key(json, "split");
	rqs_encode_split(json, &recent->sum.split);
	rqs_json_object_end(json);
}

/* Oldest first, always RQS_SPARK_SECONDS values; null before the service was known. */
static void encode_spark(struct rqs_json *json, const struct rqs_services *services,
			 const struct rqs_service *service, const double *values)
{
	uint32_t ago;

	rqs_json_array(json);
	for (ago = RQS_SPARK_SECONDS; ago; ago--) {
		uint64_t second = services->second - ago;

		if (services->second < ago || second < service->first_second)
			rqs_json_null(json);
		else
			rqs_json_number(json, values[second % RQS_SPARK_SECONDS]);
	}
	rqs_json_array_end(json);
}

void rqs_encode_service_now(struct rqs_json *json, const struct rqs_model *model, const struct rqs_service *service,
			    struct rqs_recent *scratch)
{
	int32_t slot = rqs_services_slot(&model->services, service);

	rqs_services_recent(&model->services, service, scratch);
	rqs_encode_uint_or_null(json, "slot", slot >= 0, (uint64_t)slot);
	rqs_json_key(json, "active");
	rqs_json_bool(json, service->pid_count || service->now.requests || scratch->sum.requests ||
				    scratch->sum.responses);
	rqs_json_key(json, "recent");
	encode_recent(json, scratch);
	rqs_json_key(json, "spark");
	encode_spark(json, &model->services, service, service->spark_requests);
	rqs_json_key(json, "spark_p99_ns");
	encode_spark(json, &model->services, service, service->spark_p99_ns);
}
