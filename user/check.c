// SPDX-License-Identifier: GPL-2.0-only
#include "check.h"

#include <jansson.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "privileges.h"
#include "probes.h"

static json_t *check_probe(const struct rqs_check *check)
{
	json_t *object = json_pack("{s:s, s:s}", "name", check->name, "state", check->on ? "on" : "off");
	char letter[2] = { check->tap };

	json_object_set_new(object, "tap", check->tap ? json_string(letter) : json_null());
	json_object_set_new(object, "reason", check->on ? json_null() : json_string(check->reason));
	json_object_set_new(object, "help", check->on ? json_null() : json_string(check->help));
	return object;
}

static int check_print_json(const struct rqs_check *checks, bool any)
{
	struct utsname system = {};
	json_t *probes = json_array(), *document;

	uname(&system);
	for (uint32_t i = 0; i < RQS_CHECK_COUNT; i++)
		json_array_append_new(probes, check_probe(&checks[i]));
	document = json_pack("{s:s, s:s, s:s, s:o}", "schema", "rqscope/check/1", "kernel", system.release, "arch",
			     system.machine, "probes", probes);
	if (!document || json_dumpf(document, stdout, JSON_INDENT(2)) || printf("\n") < 0) {
		fprintf(stderr, "rqscope: can't write to standard output\n");
		return EXIT_FAILED;
	}
	json_decref(document);
	return any ? EXIT_DONE : EXIT_NOT_ALLOWED;
}

int rqs_check_run(bool json)
{
	static const char *const meanings[RQS_CHECK_COUNT] = {
		"HTTP requests, whatever system call carries them, io_uring too",
		"HTTP requests by system calls on buffers",
		"run queue: latency, length, switches",
		"which tasks wait longest for a CPU",
		"out-of-memory kills",
	};
	struct rqs_check checks[RQS_CHECK_COUNT];
	bool any = false;

	if (!rqs_privileges_can_attach() && !json)
		fprintf(stderr, "rqscope: it needs the right to use BPF; run it as root, e.g. with sudo\n");
	rqs_probes_check(checks);
	for (uint32_t i = 0; i < RQS_CHECK_COUNT; i++)
		any |= checks[i].on;
	if (json)
		return check_print_json(checks, any);
	for (uint32_t i = 0; i < RQS_CHECK_COUNT; i++) {
		const struct rqs_check *one = &checks[i];

		printf("%-8s%s%c  %-4s %s\n", one->name, one->tap ? " tap " : "     ", one->tap ? one->tap : ' ',
		       one->on ? "yes" : "no", meanings[i]);
		if (!one->on)
			printf("                    %s\n                    would help: %s\n", one->reason, one->help);
	}
	if (checks[0].on || checks[1].on)
		printf("rqscope uses tap %c.\n", checks[0].on ? 'A' : 'B');
	return any ? EXIT_DONE : EXIT_NOT_ALLOWED;
}
