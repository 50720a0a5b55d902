// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kernel_btf.h"
#include "probes_state.h"

static void check_one(struct rqs_check *check, const char *name, char tap, int (*open)(struct rqs_probes *),
		      enum rqs_probe_index index, const char *help)
{
	struct rqs_probes_config config = { .slow_ns = UINT64_MAX, .tap = tap, .services = 1 };
	struct rqs_probes *probes;
	int err = rqs_probes_new(&config, &probes);

	*check = (struct rqs_check){ .name = name, .tap = tap, .help = "" };
	if (err)
		snprintf(check->reason, sizeof(check->reason), "the kernel refuses to make BPF maps: %s", strerror(-err));
	else if (open(probes))
		memcpy(check->reason, probes->status[index].reason, sizeof(check->reason));
	else
		check->on = true;
	if (!check->on)
		check->help = geteuid() ? "run it as root" : help;
	rqs_probes_close(probes);
}

void rqs_probes_check(struct rqs_check ret_checks[RQS_CHECK_COUNT])
{
	rqs_kernel_btf_hold();
	check_one(&ret_checks[0], "http", 'A', rqs_probes_open_http, RQS_PROBE_HTTP, "a kernel of 6.16 or later, built with BTF");
	check_one(&ret_checks[1], "http", 'B', rqs_probes_open_http, RQS_PROBE_HTTP, "a kernel of 6.3 or later, built with BTF");
	check_one(&ret_checks[2], "sched", 0, rqs_probes_open_sched, RQS_PROBE_SCHED,
		  "a kernel built with BTF, CONFIG_SCHED_INFO and CONFIG_FAIR_GROUP_SCHED");
	check_one(&ret_checks[3], "waiters", 0, rqs_probes_open_waiters, RQS_PROBE_WAITERS, "a kernel of 5.8 or later, built with BTF");
	check_one(&ret_checks[4], "oom", 0, rqs_probes_open_oom, RQS_PROBE_OOM, "a kernel built with BTF and tracepoints");
	rqs_kernel_btf_drop();
}
