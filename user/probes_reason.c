// SPDX-License-Identifier: GPL-2.0-only
#include "probes_reason.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char complaint[RQS_COMPLAINT_MAX];

static int complaint_take(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[512], *text = line, *end;

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(line, sizeof(line), format, args);
	if (!strncmp(text, "libbpf: ", 8))
		text += 8;
	end = strchr(text, '\n');
	if (end)
		*end = '\0';
	/* A verifier's log says nothing to a user. */
	if (*text && !strstr(text, "BEGIN PROG LOAD LOG"))
		rqs_complaint_set(text);
	return 0;
}

void rqs_complaint_listen(void)
{
	libbpf_set_print(complaint_take);
}

void rqs_complaint_set(const char *text)
{
	/* The first complaint is the cause, later ones are its consequences. */
	if (!*text || !complaint[0])
		snprintf(complaint, sizeof(complaint), "%.250s", text);
}

const char *rqs_complaint(void)
{
	return complaint;
}

/* Where a running kernel tells whether it refuses all that BPF could read. */
static bool reason_locked_down(void)
{
	char text[128] = "";
	FILE *file = fopen("/sys/kernel/security/lockdown", "re");
	bool locked = false;

	if (!file)
		return false;
	if (fgets(text, sizeof(text), file))
		locked = strstr(text, "[confidentiality]");
	fclose(file);
	return locked;
}

/* What the kernel lacks if that is known, else what it answered. */
static void reason_explain(char reason[256], const char *const *hooks, int err)
{
	struct btf *btf = btf__load_vmlinux_btf();
	char name[96];

	if (!btf || libbpf_get_error(btf)) {
		snprintf(reason, 256, "this kernel has no type information (/sys/kernel/btf/vmlinux is missing)");
		return;
	}
	for (; *hooks; hooks++) {
		snprintf(name, sizeof(name), "btf_trace_%s", *hooks);
		if (btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF) < 0) {
			snprintf(reason, 256, "this kernel has no tracepoint %s", *hooks);
			goto out;
		}
	}
	if (reason_locked_down())
		snprintf(reason, 256, "the kernel is locked down (confidentiality)");
	else if (err == -EPERM || err == -EACCES)
		snprintf(reason, 256, "the kernel refuses it: %s%s%.160s", strerror(-err), complaint[0] ? ": " : "", complaint);
	else
		snprintf(reason, 256, "%s%s%.160s", strerror(-err), complaint[0] ? ": " : "", complaint);
out:
	btf__free(btf);
}

void rqs_reason_set(struct rqs_probe_status *status, int err, const char *const *hooks)
{
	status->state = err ? RQS_PROBE_OFF : RQS_PROBE_ON;
	status->reason[0] = '\0';
	if (err)
		reason_explain(status->reason, hooks, err);
}
