/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * options - the command line. Pure: reads argv, prints nothing, opens nothing.
 * Downstream: main.c.
 */
#ifndef RQS_OPTIONS_H
#define RQS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rqs_command { RQS_COMMAND_SERVE, RQS_COMMAND_SNAPSHOT, RQS_COMMAND_CHECK, RQS_COMMAND_HELP, RQS_COMMAND_VERSION };

#define RQS_ALLOW_HOST_MAX 32

struct rqs_options {
	enum rqs_command command;
	/* serve */
	char listen_address[64]; /* numeric, no brackets */
	uint16_t listen_port;
	char listen_unix[108]; /* "" unless unix:PATH was given */
	const char *token_file; /* also of snapshot with from_url */
	bool no_auth;
	bool insecure; /* also of snapshot with from_url */
	const char *allow_hosts[RQS_ALLOW_HOST_MAX];
	size_t allow_host_count;
	uint32_t max_clients;
	uint64_t max_history_ns;
	double max_overhead_ratio; /* of one CPU; 0: no limit */
	/* serve and snapshot */
	uint64_t tick_ns; /* 50 ms .. 1 s */
	uint64_t slow_ns;
	char tap; /* 'A', 'B', or 0: choose */
	uint32_t max_services; /* told apart */
	uint32_t max_routes;   /* of all services together */
	uint32_t without; /* bits of enum rqs_part */
	/* snapshot */
	uint64_t for_ns;
	const char *from_url; /* rqs_remote_parse() takes it */
	const char *output;   /* NULL: standard output */
	/* check */
	bool json;
};

/**
 * rqs_options_parse() - the command line as docs/command-line.md and --help have it.
 * @ret_error: on failure one sentence that names the option and what is wrong with it.
 * Return: 0, or -EINVAL. Strings in @ret_options are borrowed from @argv.
 */
int rqs_options_parse(int argc, char *const *argv, struct rqs_options *ret_options, char ret_error[256]);

/** rqs_options_help() - the text of --help, ending in a newline. */
const char *rqs_options_help(void);

#endif
