// SPDX-License-Identifier: GPL-2.0-only
#include "route_room.h"

#include <stdlib.h>

#define BUSY_UNIT 16
#define BUSY_SECONDS 8
#define BAR_MIN 2
#define BAR_MAX 60000
#define RAISED_MAX 14

void rqs_route_room_begin(struct rqs_route_room *room, uint32_t place, uint64_t requests)
{
	room->live += !room->routes[place].live;
	room->routes[place].live = true;
	room->routes[place].requests = requests;
	room->routes[place].busy = 0;
	room->routes[place].seconds = 0;
}

void rqs_route_room_end(struct rqs_route_room *room, uint32_t place)
{
	room->live -= room->routes[place].live;
	room->routes[place].live = false;
}

/* The first second isn't a whole one: it is taken for the rate of all 8, so that a newcomer is no worse off. */
static void look(struct rqs_route_room *room, uint32_t place, uint64_t requests)
{
	uint64_t delta = requests - room->routes[place].requests, busy = room->routes[place].busy;

	room->routes[place].requests = requests;
	if (room->routes[place].seconds++ < 2)
		room->routes[place].busy = delta * BUSY_UNIT * BUSY_SECONDS;
	else
		room->routes[place].busy = busy - (busy + BUSY_SECONDS - 1) / BUSY_SECONDS + delta * BUSY_UNIT;
}

struct rank {
	uint64_t busy;
	uint16_t place;
};

static int compare(const void *left, const void *right)
{
	const struct rank *a = left, *b = right;

	if (a->busy != b->busy)
		return a->busy < b->busy ? -1 : 1;
	return a->place < b->place ? -1 : 1;
}

uint32_t rqs_route_room_second(struct rqs_route_room *room, const uint64_t *requests, uint32_t stay, bool full,
			       uint16_t *ret_evict, uint32_t *ret_bar)
{
	uint32_t count = 0, excess = room->live > stay ? room->live - stay : 0;
	struct rank ranks[RQS_ROUTES_NAMED];
	uint32_t evicted = 0;
	uint64_t bar = 0;

	for (uint32_t i = 0; i < RQS_ROUTES_NAMED; i++) {
		if (!room->routes[i].live)
			continue;
		look(room, i, requests[i]);
		ranks[count++] = (struct rank){ room->routes[i].busy, (uint16_t)i };
	}
	qsort(ranks, count, sizeof(ranks[0]), compare);
	/* A newcomer among the least busy stays for now, but nobody busier goes in its place. */
	for (uint32_t i = 0; i < excess; i++)
		if (room->routes[ranks[i].place].seconds >= RQS_ROUTE_GRACE_SECONDS)
			ret_evict[evicted++] = ranks[i].place;
	/* Who stays and is least busy is who a newcomer is measured by. */
	if (count)
		bar = 2 * ranks[excess].busy / BUSY_UNIT;
	if (full && room->raised < RAISED_MAX)
		room->raised++;
	else if (!full && room->raised)
		room->raised--;
	bar = (bar < BAR_MIN ? BAR_MIN : bar) << room->raised;
	*ret_bar = bar > BAR_MAX ? BAR_MAX : (uint32_t)bar;
	return evicted;
}
