// SPDX-License-Identifier: GPL-2.0-only
#include "service_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "varint.h"

#define DRAW_SHIFT 6

_Static_assert(RQS_SERVICE_RECORD_HEAD_MAX == 2 * RQS_VARINT_MAX, "whose it is, and how long");

int rqs_service_log_init(struct rqs_service_log *log, uint64_t room, size_t bytes, size_t fair_bytes, size_t spare_bytes)
{
	int err;

	memset(log, 0, sizeof(*log));
	err = rqs_bytering_init(&log->ring, bytes);
	log->chunks = calloc(room, sizeof(*log->chunks));
	log->chunk = malloc(RQS_SERVICE_CHUNK_MAX);
	log->room = room;
	log->fair_bytes = fair_bytes;
	log->spare_bytes = spare_bytes;
	return err || !log->chunks || !log->chunk ? -ENOMEM : 0;
}

void rqs_service_log_fini(struct rqs_service_log *log)
{
	rqs_bytering_fini(&log->ring);
	free(log->chunks);
	free(log->chunk);
	memset(log, 0, sizeof(*log));
}

size_t rqs_service_log_memory(const struct rqs_service_log *log)
{
	return log->ring.bytes + log->room * sizeof(*log->chunks) + (log->chunk ? RQS_SERVICE_CHUNK_MAX : 0);
}

static struct rqs_service_chunk *chunk_of(const struct rqs_service_log *log, uint64_t number)
{
	return &log->chunks[(number - 1) % log->room];
}

/* What buckets may take in this window, when its rows take what those of the one before took. */
static size_t bucket_room(const struct rqs_service_log *log)
{
	size_t bytes = log->fair_bytes + (log->spare_bytes >> DRAW_SHIFT);

	bytes = bytes > log->row_bytes ? bytes - log->row_bytes : 0;
	return bytes < RQS_SERVICE_BUCKETS_MAX ? bytes : RQS_SERVICE_BUCKETS_MAX;
}

static bool is_empty(const struct rqs_hist *hist)
{
	return hist->low == hist->high;
}

/* Each metric has to leave a quarter more to those before it. The first that is left out ends it: they lie in order. */
static uint8_t *put_buckets(struct rqs_service_log *log, uint8_t *at, const struct rqs_hist *hists, const bool *lost)
{
	size_t room = bucket_room(log), bytes;
	uint32_t i;

	if (is_empty(&hists[0]) && is_empty(&hists[1]) && is_empty(&hists[2]))
		return at;
	for (i = 0; i < RQS_METRIC_COUNT && !(lost && lost[i]); i++) {
		bytes = rqs_hist_pack(&hists[i], at);
		if (log->bucket_bytes + bytes > room - room / 4 * i)
			break;
		log->bucket_bytes += bytes;
		at += bytes;
	}
	return at;
}

void rqs_service_log_add(struct rqs_service_log *log, uint64_t service, const double *row, const struct rqs_hist *hists,
			 const bool *lost)
{
	uint8_t *head = log->chunk + log->chunk_bytes, *body = head + RQS_SERVICE_RECORD_HEAD_MAX, *at = body;
	size_t bytes;

	if (log->records == RQS_SERVICE_LOG_RECORDS) /* there are no more services than that */
		return;
	at += rqs_service_row_pack(row, at);
	if (at == body)
		return;
	at = put_buckets(log, at, hists, lost);
	bytes = (size_t)(at - body);
	head = rqs_varint_put(head, service);
	head = rqs_varint_put(head, bytes);
	memmove(head, body, bytes);
	log->chunk_bytes = (size_t)(head + bytes - log->chunk);
	log->records++;
}

/* A window falls out of the reach: what it had drawn can be drawn again. */
static void give_back(struct rqs_service_log *log, const struct rqs_service_chunk *chunk)
{
	log->spare_bytes += chunk->drawn_bytes;
}

static size_t draw(struct rqs_service_log *log)
{
	size_t bytes = log->chunk_bytes > log->fair_bytes ? log->chunk_bytes - log->fair_bytes : 0;

	if (bytes > log->spare_bytes)
		bytes = log->spare_bytes;
	log->spare_bytes -= bytes;
	return bytes;
}

void rqs_service_log_close(struct rqs_service_log *log)
{
	struct rqs_service_chunk *chunk = chunk_of(log, ++log->newest);
	struct rqs_piece piece = { .at = log->ring.at };

	give_back(log, chunk); /* of a new log it is zero */
	if (log->chunk_bytes)
		piece = rqs_bytering_put(&log->ring, log->chunk, log->chunk_bytes);
	chunk->at = piece.at;
	chunk->bytes = piece.bytes;
	chunk->drawn_bytes = (uint32_t)draw(log);
	log->row_bytes = log->chunk_bytes - log->bucket_bytes;
	log->chunk_bytes = 0;
	log->bucket_bytes = 0;
	log->records = 0;
}

static bool is_there(const struct rqs_service_log *log, uint64_t number)
{
	return number && number <= log->newest && log->newest - number < log->room &&
	       log->ring.at - chunk_of(log, number)->at <= log->ring.bytes;
}

uint64_t rqs_service_log_oldest(const struct rqs_service_log *log)
{
	uint64_t low = log->newest > log->room ? log->newest - log->room + 1 : 1, high = log->newest + 1;

	while (low < high) { /* they go oldest first */
		uint64_t middle = low + (high - low) / 2;

		if (is_there(log, middle))
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* The next record of a chunk. Return: behind it; NULL at the end. */
static const uint8_t *next_record(const uint8_t *at, const uint8_t *end, uint64_t *ret_service,
				  struct rqs_service_record *ret_record)
{
	uint64_t bytes;

	if (at == end)
		return NULL;
	at = rqs_varint_get(at, end, ret_service);
	at = at ? rqs_varint_get(at, end, &bytes) : NULL;
	if (!at || bytes > (size_t)(end - at)) /* nothing that rqs_service_log_add() writes */
		return NULL;
	ret_record->data = at;
	ret_record->bytes = bytes;
	return at + bytes;
}

bool rqs_service_log_find(const struct rqs_service_log *log, uint64_t number, uint64_t service,
			  struct rqs_service_record *ret_record)
{
	struct rqs_service_record record;
	const struct rqs_service_chunk *chunk;
	const uint8_t *at, *end;
	uint64_t of;

	*ret_record = (struct rqs_service_record){ 0 };
	if (!is_there(log, number))
		return false;
	chunk = chunk_of(log, number);
	at = log->ring.data + chunk->at % log->ring.bytes;
	for (end = at + chunk->bytes; (at = next_record(at, end, &of, &record));)
		if (of == service) {
			*ret_record = record;
			break;
		}
	return true;
}

static uint32_t list_chunk(const struct rqs_service_log *log, uint64_t number, uint64_t *services, uint32_t count)
{
	const struct rqs_service_chunk *chunk = chunk_of(log, number);
	const uint8_t *at = log->ring.data + chunk->at % log->ring.bytes, *end = at + chunk->bytes;
	struct rqs_service_record record;
	uint64_t service;
	uint32_t i;

	while ((at = next_record(at, end, &service, &record))) {
		for (i = 0; i < count && services[i] != service; i++)
			;
		if (i == count && count < RQS_SERVICE_LOG_RECORDS)
			services[count++] = service;
	}
	return count;
}

uint32_t rqs_service_log_list(const struct rqs_service_log *log, uint64_t first, uint64_t last, uint64_t *ret_services)
{
	uint32_t count = 0;

	for (; first <= last; first++)
		if (is_there(log, first))
			count = list_chunk(log, first, ret_services, count);
	return count;
}
