/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * http_api - what is answered to a request: the page, the snapshot, the two probes, or a refusal.
 * Upstream: http_head.h, trust.h, assets.h, snapshot.h. Downstream: front.h.
 * Pure: a request in, an answer out. Nothing is ever read from disk.
 *
 *   GET /, /app.js, ...     the page; public, since it holds no data
 *   GET /livez, /readyz     200 when the thread runs; when there are data too (else 503)
 *   GET /api/v1/snapshot    JSON, with the token
 *   GET /api/v1/stream      a WebSocket, docs/protocol.md
 */
#ifndef RQS_HTTP_API_H
#define RQS_HTTP_API_H

#include <stdint.h>

#include "assets.h"
#include "blob.h"
#include "trust.h"

#define RQS_ANSWER_HEAD_MAX 1024

/* What is known about an asset beside the asset itself. */
struct rqs_asset_state {
	uint64_t hash;		/* tells versions of it apart */
	struct rqs_blob *plain; /* unpacked, once somebody asked for it so; else NULL */
};

struct rqs_http_api {
	const struct rqs_model *model;
	struct rqs_trust trust;
	const struct rqs_asset *assets;
	size_t asset_count;
	struct rqs_asset_state *asset_states;
	struct rqs_blob *snapshot; /* that of window @snapshot_seq: made once for all who ask meanwhile */
	uint64_t snapshot_seq;
};

struct rqs_answer {
	int status;	  /* 101: upgrade, with @key; head and body are empty */
	bool keep;	  /* the connection may be used again */
	char head[RQS_ANSWER_HEAD_MAX];
	size_t head_bytes;
	const unsigned char *body; /* borrowed from an asset or held by @blob */
	size_t body_bytes;
	struct rqs_blob *blob; /* NULL, or to be put by the receiver */
	char key[RQS_WEBSOCKET_KEY_BYTES + 1];
};

/**
 * rqs_http_api_init() - all is borrowed until rqs_http_api_clear().
 * Return: 0, or -ENOMEM.
 */
int rqs_http_api_init(struct rqs_http_api *api, const struct rqs_model *model, const struct rqs_trust *trust,
		      const struct rqs_asset *assets, size_t asset_count);

/** rqs_http_api_clear() - give up what the api keeps. Harmless on one that is zeroed. */
void rqs_http_api_clear(struct rqs_http_api *api);

/**
 * rqs_http_api_answer() - what to answer to a request. Never fails: what can't be served is an answer too.
 * @ret_answer: its blob belongs to the caller.
 */
void rqs_http_api_answer(struct rqs_http_api *api, const struct rqs_http_head *head, struct rqs_answer *ret_answer);

/** rqs_http_api_refuse() - an answer of one plain sentence, after which the connection is closed. */
void rqs_http_api_refuse(int status, const char *text, struct rqs_answer *ret_answer);

#endif
