/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * encode_routes - the routes of a service as JSON, for the snapshot and the protocol's messages.
 * Upstream: model_state.h, json.h. Pure.
 */
#ifndef RQS_ENCODE_ROUTES_H
#define RQS_ENCODE_ROUTES_H

#include "json.h"
#include "model_state.h"

/**
 * rqs_encode_routes() - [{"method", "path", "requests", "responses", "errors", "duration"}], the busiest of the last 10 seconds
 * first, the rest last, its method and path null.
 * @recent: each also has "recent", the same of the last 10 seconds with their length, "span_ms".
 */
void rqs_encode_routes(struct rqs_json *json, const struct rqs_model *model, const struct rqs_service *service, bool recent);

#endif
