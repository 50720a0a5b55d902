/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snapshot - everything as one JSON document; docs/snapshot.schema.json describes it.
 * Upstream: model.h. Downstream: server.h, main.c.
 * Pure.
 */
#ifndef RQS_SNAPSHOT_H
#define RQS_SNAPSHOT_H

#include "frame.h"

/** rqs_snapshot_encode() - as of the newest window. JSON text ending in a newline; free(data). */
struct rqs_text rqs_snapshot_encode(const struct rqs_model *model);

#endif
