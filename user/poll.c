// SPDX-License-Identifier: GPL-2.0-only
#include "poll.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "container.h"
#include "poll_lanes.h"
#include "poll_routes.h"
#include "text.h"
#include "waiters.h"

#define POLL_PIDS_MAX 1024  /* entries of http_pids */
#define POLL_EVENTS_MAX 256 /* those of a tick, and of some before it whose reading failed; what is more is only counted */

/* A slot is taken back when its service has no process, no open request, and was silent for so long. */
#define POLL_IDLE_SECONDS 60
/* ... and given away no sooner than this: what found it before it was taken back has counted on it, and was told as its own. */
#define POLL_REST_SECONDS 15
/* A change that isn't over for so many ticks: its program was preempted, and may be for long. */
#define POLL_TORN_TICKS 3

/* What is known of a slot beside its name. */
struct poll_slot {
	struct rqs_service_key key;
	int64_t in_flight;
	uint64_t sum;	       /* of its activity when its lanes were last read */
	uint64_t second_sum;   /* ... a second ago */
	uint64_t asked_sum;    /* ... when its name was last asked for, and not there */
	uint32_t idle_seconds; /* without process, open request or activity */
	int64_t vanished;      /* open requests of Unix sockets that went with both their ends, see bpf/http_unix.h */
	uint32_t torn_ticks;   /* in a row in which no whole copy of it could be had */
	bool alive;	       /* a process was seen in this second */
	bool retired;
};

struct rqs_poll {
	const struct rqs_probe_maps *maps;
	uint32_t cpus; /* values that a look-up in a per-CPU map brings */
	struct ring_buffer *ring;
	const struct rqs_sched_lane *sched_map; /* where the kernel writes it, one a CPU; NULL when off */
	struct rqs_sched_lane *sched;		/* a copy */
	struct rqs_event_lane *event_lanes;	/* one a CPU */
	struct rqs_poll_lanes *lanes;
	struct rqs_service_ident *idents; /* RQS_SLOT_MAX; without a name the slot is free, or not looked up yet */
	struct poll_slot *states;	  /* likewise */
	struct rqs_slot_reading *slots;
	uint32_t slot_count;
	struct rqs_kernel_event *events;
	uint32_t event_count;
	uint64_t events_left_out; /* ever */
	struct rqs_pid *pids;
	struct rqs_poll_routes *routes;
	struct rqs_waiters *waiters;
	struct rqs_waiter *tasks; /* RQS_WAITERS_TASKS_MAX */
	struct rqs_waiting waiting[RQS_WAITING_MAX];
};

static int poll_on_event(void *ctx, void *data, size_t bytes)
{
	struct rqs_poll *poll = ctx;

	if (bytes < sizeof(poll->events[0]))
		return 0;
	if (poll->event_count < POLL_EVENTS_MAX)
		memcpy(&poll->events[poll->event_count++], data, sizeof(poll->events[0]));
	else
		poll->events_left_out++;
	return 0;
}

static size_t sched_bytes(const struct rqs_probe_maps *maps)
{
	return maps->cpu_numbers * sizeof(struct rqs_sched_lane);
}

/* Where its probe is off there is nothing to map. */
static int map_sched(struct rqs_poll *poll)
{
	void *map;

	if (poll->maps->sched_lanes < 0)
		return 0;
	map = mmap(NULL, sched_bytes(poll->maps), PROT_READ, MAP_SHARED, poll->maps->sched_lanes, 0);
	if (map == MAP_FAILED)
		return -errno;
	poll->sched_map = map;
	return 0;
}

int rqs_poll_new(const struct rqs_probe_maps *maps, struct rqs_poll **ret_poll)
{
	int cpus = libbpf_num_possible_cpus(), err;
	struct rqs_poll *poll;

	if (cpus < 1)
		return cpus ?: -EINVAL;
	poll = calloc(1, sizeof(*poll));
	if (!poll)
		return -ENOMEM;
	poll->maps = maps;
	poll->cpus = cpus;
	poll->sched = malloc(sched_bytes(maps));
	poll->event_lanes = calloc(cpus, sizeof(*poll->event_lanes));
	poll->lanes = rqs_poll_lanes_new(maps->http_lanes, maps->cpu_numbers);
	poll->states = calloc(RQS_SLOT_MAX, sizeof(*poll->states));
	poll->idents = calloc(RQS_SLOT_MAX, sizeof(*poll->idents));
	poll->slots = calloc(RQS_SLOT_MAX, sizeof(*poll->slots));
	poll->events = calloc(POLL_EVENTS_MAX, sizeof(*poll->events));
	poll->pids = calloc(POLL_PIDS_MAX, sizeof(*poll->pids));
	poll->routes = rqs_poll_routes_new(maps, cpus);
	poll->waiters = rqs_waiters_new();
	poll->tasks = calloc(RQS_WAITERS_TASKS_MAX, sizeof(*poll->tasks));
	poll->ring = ring_buffer__new(maps->events, poll_on_event, poll, NULL);
	if (!poll->sched || !poll->event_lanes || !poll->lanes || !poll->states || !poll->idents || !poll->slots || !poll->events || !poll->pids || !poll->ring || !poll->routes || !poll->waiters || !poll->tasks) {
		rqs_poll_free(poll);
		return -ENOMEM;
	}
	for (uint32_t role = 0; role < RQS_ROLE_COUNT; role++)
		poll->idents[role] = (struct rqs_service_ident){ .name = "other", .role = role, .slot = role };
	err = map_sched(poll);
	if (err) {
		rqs_poll_free(poll);
		return err;
	}
	*ret_poll = poll;
	return 0;
}

void rqs_poll_free(struct rqs_poll *poll)
{
	if (!poll)
		return;
	ring_buffer__free(poll->ring);
	if (poll->sched_map)
		munmap((void *)poll->sched_map, sched_bytes(poll->maps));
	free(poll->sched);
	free(poll->event_lanes);
	rqs_poll_lanes_free(poll->lanes);
	free(poll->states);
	free(poll->idents);
	free(poll->slots);
	free(poll->events);
	free(poll->pids);
	rqs_poll_routes_free(poll->routes);
	rqs_waiters_free(poll->waiters);
	free(poll->tasks);
	free(poll);
}

uint32_t rqs_poll_cpus(const struct rqs_poll *poll)
{
	return poll->maps->cpu_numbers;
}

/* Names for slots that were given away since the last time. Once for each service: it reads a file of /proc. */
static void poll_idents(struct rqs_poll *poll)
{
	struct rqs_service_value value;
	struct rqs_service_key key;
	const void *from = NULL;

	for (uint32_t i = 0; i < RQS_SLOT_MAX; i++) {
		struct rqs_service_ident *ident;

		if (bpf_map_get_next_key(poll->maps->http_services, from, &key))
			break;
		from = &key;
		if (bpf_map_lookup_elem(poll->maps->http_services, &key, &value) || value.slot >= RQS_SLOT_MAX)
			continue;
		ident = &poll->idents[value.slot];
		if (ident->name[0])
			continue;
		poll->states[value.slot] = (struct poll_slot){ .key = key, .vanished = poll->states[value.slot].vanished };
		ident->netns = key.netns;
		ident->port = key.port;
		ident->role = key.role;
		ident->slot = value.slot;
		rqs_container_read(value.pid, ident->container);
		rqs_text_clean(ident->name, sizeof(ident->name), key.name, sizeof(key.name));
		rqs_text_clean(ident->path, sizeof(ident->path), key.path, sizeof(key.path));
		if (!ident->name[0])
			strcpy(ident->name, "?");
	}
}

/*
 * A service on which something moved: once its name is known. What is in the midst of a change is told by a later tick: books balance
 * in every one. @sum: of its activity.
 */
static void poll_slot(struct rqs_poll *poll, uint32_t slot, uint32_t epoch, uint64_t sum)
{
	struct rqs_slot_reading *reading = &poll->slots[poll->slot_count];
	struct poll_slot *state = &poll->states[slot];

	if (!rqs_poll_lanes_read(poll->lanes, slot, epoch, &reading->sum) && ++state->torn_ticks < POLL_TORN_TICKS)
		return;
	poll->slot_count++;
	state->torn_ticks = 0;
	state->sum = sum;
	reading->ident = &poll->idents[slot];
	reading->sum.aborted += state->vanished;
	reading->sum.in_flight -= state->vanished;
	state->in_flight = reading->sum.in_flight;
}

static int poll_http(struct rqs_poll *poll, uint32_t epoch)
{
	uint32_t used = *poll->maps->http_slots_used;
	bool looked_up = false;
	int err;

	poll->slot_count = 0;
	/* Several CPUs that take the last one at once count further. */
	if (used > poll->maps->http_slots)
		used = poll->maps->http_slots;
	err = rqs_poll_lanes_reach(poll->lanes, used);
	if (err)
		return err;
	for (uint32_t slot = 0; slot < used; slot++) {
		uint64_t sum = rqs_poll_lanes_activity(poll->lanes, slot);

		if (sum == poll->states[slot].sum)
			continue;
		/* A service is known before anything is counted on its slot. */
		if (!poll->idents[slot].name[0] && !looked_up && sum != poll->states[slot].asked_sum) {
			poll->states[slot].asked_sum = sum;
			poll_idents(poll);
			looked_up = true;
		}
		/* A slot whose name isn't there yet waits for the next tick: nothing of it is lost. */
		if (!poll->idents[slot].name[0])
			continue;
		poll_slot(poll, slot, epoch, sum);
	}
	return 0;
}

/* What was read of services is not told: they are read again. */
static void poll_again(struct rqs_poll *poll)
{
	for (uint32_t i = 0; i < poll->slot_count; i++)
		poll->states[poll->slots[i].ident->slot].sum = UINT64_MAX;
}

static int poll_events(struct rqs_poll *poll, struct rqs_reading *reading)
{
	uint32_t zero = 0;
	int err;

	err = ring_buffer__consume(poll->ring);
	if (err < 0)
		return err;
	if (bpf_map_lookup_elem(poll->maps->event_lanes, &zero, poll->event_lanes))
		return -errno;
	for (uint32_t cpu = 0; cpu < poll->cpus; cpu++) {
		for (uint32_t kind = 0; kind < RQS_EVENT_KERNEL_COUNT; kind++) {
			reading->event_seen[kind] += poll->event_lanes[cpu].seen[kind];
			reading->event_held_back += poll->event_lanes[cpu].held_back[kind];
		}
	}
	reading->event_held_back += poll->events_left_out;
	reading->events = poll->events;
	reading->event_count = poll->event_count;
	return 0;
}

int rqs_poll_read(struct rqs_poll *poll, struct rqs_reading *ret_reading)
{
	const struct rqs_probe_maps *maps = poll->maps;
	struct rqs_reading *reading = ret_reading;
	int err;

	memset(reading->event_seen, 0, sizeof(reading->event_seen));
	memset(&reading->losses, 0, sizeof(reading->losses));
	memset(&reading->routes, 0, sizeof(reading->routes));
	reading->event_held_back = 0;
	reading->slot_count = 0;
	reading->sched = NULL;
	reading->epoch = maps->control->epoch;
	maps->control->epoch = reading->epoch + 1;
	maps->control->event_budget = RQS_EVENT_BUDGET;
	reading->cpu_count = maps->cpu_numbers;
	/* Before the lanes: then whose an event is has been told of when the event is, also where its slot was another one's. */
	err = poll_events(poll, reading);
	if (err)
		return err;
	if (poll->sched_map) {
		memcpy(poll->sched, poll->sched_map, sched_bytes(maps));
		reading->sched = poll->sched;
	}
	if (maps->http_lanes >= 0) {
		err = poll_http(poll, reading->epoch);
		if (err)
			return err;
		reading->slots = poll->slots;
		reading->slot_count = poll->slot_count;
		err = rqs_poll_routes_read(poll->routes, poll->slots, poll->slot_count, &reading->routes);
		if (err) {
			poll_again(poll);
			return err;
		}
		reading->losses = *maps->http_losses;
	}
	poll->event_count = 0; /* until here they are kept for the next try */
	return 0;
}

int rqs_poll_second(struct rqs_poll *poll, struct rqs_reading *reading)
{
	return poll->maps->http_lanes < 0 ? 0 : rqs_poll_routes_times(poll->routes, &reading->routes);
}

void rqs_poll_second_done(struct rqs_poll *poll)
{
	if (poll->maps->http_lanes >= 0)
		rqs_poll_routes_second(poll->routes);
}

uint32_t rqs_poll_waiters(struct rqs_poll *poll, uint64_t mono_ns, const struct rqs_waiting **ret_waiting)
{
	size_t room = RQS_WAITERS_TASKS_MAX * sizeof(*poll->tasks), used = 0;
	ssize_t bytes;
	int fd;

	*ret_waiting = poll->waiting;
	if (poll->maps->waiters < 0)
		return 0;
	fd = bpf_iter_create(poll->maps->waiters);
	if (fd < 0)
		return 0;
	/* The kernel gives whole records, a page or so at a time. */
	while (used < room && (bytes = read(fd, (char *)poll->tasks + used, room - used)) > 0)
		used += bytes;
	close(fd);
	return rqs_waiters_update(poll->waiters, mono_ns, poll->tasks, used / sizeof(*poll->tasks), poll->waiting);
}

/* A program changes goal and left one after the other. */
static uint64_t run_count(const volatile struct rqs_run *run)
{
	uint64_t goal, left;

	do {
		goal = run->goal;
		left = run->left;
	} while (run->goal != goal);
	return goal - left;
}

uint32_t rqs_poll_runs(const struct rqs_poll *poll, struct rqs_program_runs ret_programs[RQS_PROGRAMS_MAX])
{
	uint32_t numbers = poll->maps->cpu_numbers, lanes = numbers < RQS_RUN_LANES ? numbers : RQS_RUN_LANES;

	for (uint32_t i = 0; i < poll->maps->program_count; i++) {
		const struct rqs_probe_program *program = &poll->maps->programs[i];

		ret_programs[i] = (struct rqs_program_runs){ .name = program->name };
		for (uint32_t lane = 0; lane < lanes; lane++) {
			const volatile struct rqs_run *run = &program->runs[lane][program->index];

			ret_programs[i].runs += run_count(run);
			ret_programs[i].timed += run->timed;
			ret_programs[i].timed_ns += run->timed_ns;
		}
	}
	return poll->maps->program_count;
}

/* Only services on Unix sockets have no port. */
static bool is_unix(const struct poll_slot *state)
{
	return !state->key.port;
}

/* Whether a request is open on a Unix socket, or may be. */
static bool has_open_unix(const struct rqs_poll *poll)
{
	for (uint32_t slot = 0; slot < RQS_SLOT_MAX; slot++)
		if (poll->states[slot].in_flight > 0 && is_unix(&poll->states[slot]))
			return true;
	return false;
}

/*
 * Requests that are open on no socket any more are aborted; the next reading says so. Only where nothing has happened on the
 * service since its lanes were read are the two numbers of one moment.
 */
static void poll_vanished(struct rqs_poll *poll, uint32_t slot, int64_t open)
{
	struct poll_slot *state = &poll->states[slot];

	if (!is_unix(state) || state->in_flight <= open || rqs_poll_lanes_activity(poll->lanes, slot) != state->sum)
		return;
	state->vanished += state->in_flight - open;
	state->sum = UINT64_MAX; /* so that it is read again */
}

void rqs_poll_sweep(struct rqs_poll *poll)
{
	volatile uint32_t *open = poll->maps->http_open;
	ssize_t bytes;
	char text[16];
	int fd;

	if (poll->maps->http_sweep < 0 || !has_open_unix(poll))
		return;
	fd = bpf_iter_create(poll->maps->http_sweep);
	if (fd < 0)
		return;
	for (uint32_t slot = 0; slot < RQS_SLOT_MAX; slot++)
		open[slot] = 0;
	do
		bytes = read(fd, text, sizeof(text));
	while (bytes > 0);
	close(fd);
	for (uint32_t slot = 0; !bytes && slot < RQS_SLOT_MAX; slot++)
		poll_vanished(poll, slot, open[slot]);
}

/* Once a second: take back a slot that nobody uses, and after a rest give it away. */
static void poll_retire(struct rqs_poll *poll, uint32_t slot)
{
	struct poll_slot *state = &poll->states[slot];
	bool idle = !state->alive && !state->in_flight && state->sum == state->second_sum;

	state->second_sum = state->sum;
	state->alive = false;
	state->idle_seconds = idle || state->retired ? state->idle_seconds + 1 : 0;
	if (!state->retired && state->idle_seconds >= POLL_IDLE_SECONDS) {
		/* In this order: who looks for the service meanwhile gets a new slot, who has this one asks anew. */
		bpf_map_delete_elem(poll->maps->http_services, &state->key);
		poll->maps->http_generations[slot]++;
		rqs_poll_routes_end_slot(poll->routes, slot);
		state->retired = true;
	} else if (state->retired && state->idle_seconds >= POLL_IDLE_SECONDS + POLL_REST_SECONDS) {
		poll->idents[slot].name[0] = '\0';
		bpf_map_update_elem(poll->maps->http_free, NULL, &slot, BPF_ANY);
	}
}

uint32_t rqs_poll_pids(struct rqs_poll *poll, const struct rqs_pid **ret_pids)
{
	struct rqs_pid_key key, next;
	uint32_t count = 0;
	bool more;

	*ret_pids = poll->pids;
	if (poll->maps->http_pids < 0)
		return 0;
	more = !bpf_map_get_next_key(poll->maps->http_pids, NULL, &next);
	for (uint32_t i = 0; more && i < POLL_PIDS_MAX; i++) {
		key = next;
		more = !bpf_map_get_next_key(poll->maps->http_pids, &key, &next);
		if (key.slot >= RQS_SLOT_MAX || (kill(key.pid, 0) && errno != EPERM)) {
			bpf_map_delete_elem(poll->maps->http_pids, &key);
			continue;
		}
		poll->pids[count++] = (struct rqs_pid){ .slot = key.slot, .pid = key.pid };
		poll->states[key.slot].alive = true;
	}
	for (uint32_t slot = RQS_ROLE_COUNT; slot < RQS_SLOT_MAX; slot++)
		if (poll->idents[slot].name[0])
			poll_retire(poll, slot);
	return count;
}
