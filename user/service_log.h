/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * service_log - what each service did in the last windows: a ring with one chunk a window, in it a record for each service that
 * had something.
 * Upstream: service_row.h, dist.h, bytering.h. Downstream: history.h. Pure. All memory is reserved at the start.
 *
 * A record is a row (service_row.h) and the packed buckets of duration, ttfb and queue behind it, as far as there is room for
 * them. Rows always come in: where those of all services are too many for the windows that it has room for, it
 * reaches less far back. Buckets come in as far as they leave that reach alone: each window has @fair_bytes, and draws on what
 * windows before it left over (a 64th of it at a time, so that one busy minute does not take it all); where that isn't enough
 * the buckets of queue are left out first, then those of ttfb.
 */
#ifndef RQS_SERVICE_LOG_H
#define RQS_SERVICE_LOG_H

#include "bytering.h"
#include "dist.h"
#include "service_row.h"

/* In one window: as many as there are slots. A slot passes on no sooner than a minute after its service did something last. */
#define RQS_SERVICE_LOG_RECORDS RQS_SLOT_MAX

#define RQS_SERVICE_RECORD_HEAD_MAX 20
#define RQS_SERVICE_BUCKETS_MAX ((size_t)32 << 10) /* of all services */
#define RQS_SERVICE_CHUNK_MAX                                                                       \
	(RQS_SERVICE_LOG_RECORDS * (RQS_SERVICE_RECORD_HEAD_MAX + RQS_SERVICE_ROW_MAX) + RQS_SERVICE_BUCKETS_MAX + \
	 RQS_HIST_PACKED_MAX)

struct rqs_service_chunk {
	uint64_t at; /* in the ring */
	uint32_t bytes;
	uint32_t drawn_bytes; /* beyond its own share */
};

struct rqs_service_log {
	struct rqs_bytering ring;
	struct rqs_service_chunk *chunks; /* of the windows newest - room + 1 .. newest, as far as there are so many */
	uint64_t room;
	uint64_t newest; /* 0: none */
	size_t fair_bytes;
	size_t spare_bytes; /* that windows may still draw */

	/* the window that runs */
	uint8_t *chunk;
	size_t chunk_bytes, bucket_bytes;
	uint32_t records;
	size_t row_bytes; /* of the window before */
};

/* A record: borrowed, valid until the next rqs_service_log_close(). */
struct rqs_service_record {
	const uint8_t *data; /* NULL: the service had nothing */
	size_t bytes;
};

/**
 * rqs_service_log_init() - reserve everything.
 * @room: windows. @bytes: of the ring, at least RQS_SERVICE_CHUNK_MAX. @fair_bytes: of each window; @spare_bytes: for windows that need more.
 * Return: 0, or -ENOMEM (rqs_service_log_fini() gives back what there is).
 */
int rqs_service_log_init(struct rqs_service_log *log, uint64_t room, size_t bytes, size_t fair_bytes, size_t spare_bytes);

/** rqs_service_log_fini() - one of zeros is fine. */
void rqs_service_log_fini(struct rqs_service_log *log);

/** rqs_service_log_memory() - bytes reserved beside the struct itself. */
size_t rqs_service_log_memory(const struct rqs_service_log *log);

/**
 * rqs_service_log_add() - a service's part of the window that runs; once for each service.
 * @service: its number, > 0. @hists: of duration, ttfb and queue. @lost: NULL, or which of them are incomplete.
 */
void rqs_service_log_add(struct rqs_service_log *log, uint64_t service, const double *row, const struct rqs_hist *hists,
			 const bool *lost);

/** rqs_service_log_close() - the window that runs has ended; it has the next number, from 1. */
void rqs_service_log_close(struct rqs_service_log *log);

/** rqs_service_log_oldest() - number of the oldest window that is still there; .newest + 1: none is. */
uint64_t rqs_service_log_oldest(const struct rqs_service_log *log);

/**
 * rqs_service_log_find() - what a service did in a window.
 * Return: whether the window is there.
 */
bool rqs_service_log_find(const struct rqs_service_log *log, uint64_t number, uint64_t service,
			  struct rqs_service_record *ret_record);

/**
 * rqs_service_log_list() - who has a record in the windows @first to @last.
 * @ret_services: room for RQS_SERVICE_LOG_RECORDS; each once. Return: how many.
 */
uint32_t rqs_service_log_list(const struct rqs_service_log *log, uint64_t first, uint64_t last, uint64_t *ret_services);

#endif
