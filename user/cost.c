// SPDX-License-Identifier: GPL-2.0-only
#include "cost.h"

#include <math.h>

/* Mean of the newest timed runs: as many as there were since the last update, filled up to RQS_COST_KEPT with older ones. */
static void cost_keep(struct rqs_cost_program *program, uint32_t timed, uint64_t timed_ns)
{
	double room = timed < RQS_COST_KEPT ? RQS_COST_KEPT - timed : 0;

	if (program->kept > room) {
		program->kept_ns *= room / program->kept;
		program->kept = room;
	}
	program->kept += timed;
	program->kept_ns += (double)timed_ns;
}

/* A counter may be read a little ahead of itself, and is then lower the next time. */
static uint64_t cost_grown(uint64_t before, uint64_t now)
{
	return now > before ? now - before : 0;
}

void rqs_cost_update(struct rqs_cost *cost, uint64_t mono_ns, const struct rqs_program_runs *programs, uint32_t count,
		     struct rqs_self *self)
{
	double seconds = mono_ns > cost->start_ns ? (double)(mono_ns - cost->start_ns) / 1e9 : NAN;

	self->program_count = count;
	self->bpf_ns_per_s = count ? 0 : NAN;
	for (uint32_t i = 0; i < count; i++) {
		struct rqs_cost_program *program = &cost->programs[i];
		struct rqs_program_cost *cost_now = &self->programs[i];
		uint64_t runs = cost_grown(program->before.runs, programs[i].runs);

		cost_keep(program, programs[i].timed - program->before.timed,
			  cost_grown(program->before.timed_ns, programs[i].timed_ns));
		cost_now->name = programs[i].name;
		cost_now->runs_per_s = (double)runs / seconds;
		cost_now->ns_per_run = program->kept > 0 ? program->kept_ns / program->kept : NAN;
		if (runs || isnan(seconds))
			self->bpf_ns_per_s += cost_now->runs_per_s * cost_now->ns_per_run;
		program->before = programs[i];
	}
	if (!isnan(seconds))
		cost->start_ns = mono_ns;
}
