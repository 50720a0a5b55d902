// SPDX-License-Identifier: GPL-2.0-only
#include "shed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t steps[RQS_SHED_STEPS] = { RQS_PART_ROUTES, RQS_PART_CLIENT };

void rqs_shed_init(struct rqs_shed *shed, const struct rqs_shed_config *config, uint64_t mono_ns)
{
	memset(shed, 0, sizeof(*shed));
	shed->config = *config;
	shed->second_ns = mono_ns;
	shed->pause_ns = RQS_SHED_PAUSE_NS;
}

/* So many ticks make RQS_SHED_OVER_NS. */
static uint32_t shed_ticks(const struct rqs_shed *shed)
{
	uint64_t ticks = RQS_SHED_OVER_NS / shed->config.tick_ns;

	return ticks < RQS_SHED_TICKS ? ticks : RQS_SHED_TICKS;
}

void rqs_shed_tick(struct rqs_shed *shed, uint64_t late_ns)
{
	uint32_t ticks = shed_ticks(shed);

	shed->late_ns[shed->late_next] = late_ns;
	shed->late_next = (shed->late_next + 1) % ticks;
	if (shed->late_count < ticks)
		shed->late_count++;
}

static int shed_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The median, once there are enough; 0 before. */
static uint64_t shed_late_ns(const struct rqs_shed *shed)
{
	uint64_t sorted[RQS_SHED_TICKS];

	if (shed->late_count < shed_ticks(shed))
		return 0;
	memcpy(sorted, shed->late_ns, shed->late_count * sizeof(*sorted));
	qsort(sorted, shed->late_count, sizeof(*sorted), shed_compare);
	return sorted[shed->late_count / 2];
}

/* What all would cost if what the last step shed were back: as many runs, each as dear as it was. */
static double shed_cost_back(const struct rqs_shed *shed, const struct rqs_self *self)
{
	const double *before_ns = shed->before_ns[shed->steps_done - 1];
	double ns = 0;

	for (uint32_t i = 0; i < self->program_count; i++) {
		const struct rqs_program_cost *program = &self->programs[i];

		if (program->runs_per_s > 0) /* NAN is not the larger one */
			ns += program->runs_per_s * fmax(program->ns_per_run, before_ns[i]);
	}
	return self->cpu_ratio + ns / 1e9;
}

/* The next part that there is to shed; RQS_SHED_STEPS: none. */
static uint32_t shed_next(const struct rqs_shed *shed)
{
	uint32_t step = shed->steps_done;

	while (step < RQS_SHED_STEPS && !(shed->config.parts & steps[step]))
		step++;
	return step;
}

/* Something changed: what was too dear or too late until now says nothing any more. */
static void shed_begin_anew(struct rqs_shed *shed)
{
	shed->over_ns = 0;
	shed->fits_ns = 0;
	shed->late_count = 0;
	shed->late_next = 0;
}

static void shed_step(struct rqs_shed *shed, uint64_t mono_ns, uint32_t step, const struct rqs_self *self)
{
	if (shed->is_back) {
		bool soon = mono_ns - shed->back_ns < RQS_SHED_SOON * shed->pause_ns;

		shed->pause_ns = soon ? 2 * shed->pause_ns : RQS_SHED_PAUSE_NS;
		if (shed->pause_ns > RQS_SHED_PAUSE_MAX_NS)
			shed->pause_ns = RQS_SHED_PAUSE_MAX_NS;
		shed->is_back = false;
	}
	for (uint32_t i = 0; i < self->program_count; i++)
		shed->before_ns[step][i] = self->programs[i].ns_per_run;
	shed->off |= steps[step];
	shed->steps_done = step + 1;
	shed_begin_anew(shed);
}

static uint32_t shed_back(struct rqs_shed *shed, uint64_t mono_ns)
{
	uint32_t part = steps[shed->steps_done - 1];

	shed->off &= ~part;
	do
		shed->steps_done--;
	while (shed->steps_done && !(shed->off & steps[shed->steps_done - 1]));
	shed->back_ns = mono_ns;
	shed->is_back = true;
	shed_begin_anew(shed);
	return part;
}

/* Since when a thing lasts that was so in the second that ends now. */
static void shed_lasts(uint64_t *since_ns, bool is_so, uint64_t second_ns)
{
	if (!is_so)
		*since_ns = 0;
	else if (!*since_ns)
		*since_ns = second_ns;
}

bool rqs_shed_second(struct rqs_shed *shed, uint64_t mono_ns, const struct rqs_self *self,
		     struct rqs_shed_change *ret_change)
{
	double cost = self->cpu_ratio + self->bpf_ns_per_s / 1e9, limit = shed->config.limit_ratio;
	uint64_t late_ns = shed_late_ns(shed), begun_ns = shed->second_ns;
	bool late = late_ns > shed->config.tick_ns / RQS_SHED_LATE;
	uint32_t step = shed_next(shed);

	shed->second_ns = mono_ns;
	if (!(limit > 0))
		return false;
	*ret_change = (struct rqs_shed_change){ .cost_ratio = cost, .limit_ratio = limit, .late_ns = late ? late_ns : 0 };
	shed_lasts(&shed->over_ns, cost > limit, begun_ns);
	if ((late || (shed->over_ns && mono_ns - shed->over_ns >= RQS_SHED_OVER_NS)) && step < RQS_SHED_STEPS) {
		if (shed->over_ns && mono_ns - shed->over_ns >= RQS_SHED_OVER_NS)
			ret_change->late_ns = 0;
		ret_change->part = steps[step];
		shed_step(shed, mono_ns, step, self);
		return true;
	}
	if (!shed->off)
		return false;
	ret_change->cost_ratio = shed_cost_back(shed, self);
	shed_lasts(&shed->fits_ns, !late && ret_change->cost_ratio <= limit * RQS_SHED_ROOM, begun_ns);
	if (!shed->fits_ns || mono_ns - shed->fits_ns < shed->pause_ns)
		return false;
	ret_change->back = true;
	ret_change->part = shed_back(shed, mono_ns);
	return true;
}
