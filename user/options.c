// SPDX-License-Identifier: GPL-2.0-only
#include "options.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "endpoint.h"
#include "parts.h"
#include "remote.h"
#include "values.h"

#define MS 1000000ULL
#define SECOND (1000 * MS)
#define CLIENTS_MAX 5000
#define SERVICES_MAX (RQS_SLOT_MAX - RQS_ROLE_COUNT)

#define SERVE (1u << RQS_COMMAND_SERVE)
#define SNAPSHOT (1u << RQS_COMMAND_SNAPSHOT)
#define CHECK (1u << RQS_COMMAND_CHECK)

static const char *const command_names[] = {
	[RQS_COMMAND_SERVE] = "serve", [RQS_COMMAND_SNAPSHOT] = "snapshot", [RQS_COMMAND_CHECK] = "check"
};
#define COMMAND_COUNT (sizeof(command_names) / sizeof(command_names[0]))

enum { LISTEN, TOKEN_FILE, NO_AUTH, INSECURE, ALLOW_HOST, MAX_CLIENTS, MAX_HISTORY, MAX_OVERHEAD, MAX_ROUTES, MAX_SERVICES, TICK, SLOW,
       TAP, WITHOUT, FOR, FROM, OUTPUT, JSON, HELP, VERSION, RULE_COUNT };

struct rule {
	const char *name;  /* without the dashes */
	const char *value; /* what it takes, as --help calls it; NULL for nothing */
	unsigned int commands;
	int letter; /* its short form, or 0 */
};

static const struct rule rules[RULE_COUNT] = {
	[LISTEN] = { "listen", "ADDR:PORT", SERVE, 0 },
	[TOKEN_FILE] = { "token-file", "FILE", SERVE | SNAPSHOT, 0 },
	[NO_AUTH] = { "no-auth", NULL, SERVE, 0 },
	[INSECURE] = { "insecure", NULL, SERVE | SNAPSHOT, 0 },
	[ALLOW_HOST] = { "allow-host", "NAME", SERVE, 0 },
	[MAX_CLIENTS] = { "max-clients", "N", SERVE, 0 },
	[MAX_HISTORY] = { "max-history", "TIME", SERVE, 0 },
	[MAX_OVERHEAD] = { "max-overhead", "PERCENT", SERVE, 0 },
	[MAX_ROUTES] = { "max-routes", "N", SERVE | SNAPSHOT, 0 },
	[MAX_SERVICES] = { "max-services", "N", SERVE | SNAPSHOT, 0 },
	[TICK] = { "tick", "TIME", SERVE | SNAPSHOT, 0 },
	[SLOW] = { "slow", "TIME", SERVE | SNAPSHOT, 0 },
	[TAP] = { "tap", "A or B", SERVE | SNAPSHOT, 0 },
	[WITHOUT] = { "without", "PART,...", SERVE | SNAPSHOT, 0 },
	[FOR] = { "for", "TIME", SNAPSHOT, 0 },
	[FROM] = { "from", "URL", SNAPSHOT, 0 },
	[OUTPUT] = { "output", "FILE", SNAPSHOT, 'o' },
	[JSON] = { "json", NULL, CHECK, 0 },
	[HELP] = { "help", NULL, SERVE | SNAPSHOT | CHECK, 'h' },
	[VERSION] = { "version", NULL, SERVE | SNAPSHOT | CHECK, 'V' },
};

#define FIRST_VALUE 256 /* what getopt returns for rules[0]; above all letters */

struct parse {
	struct rqs_options options;
	bool given[RULE_COUNT];
	bool has_command;
	bool done; /* --help or --version: what follows isn't looked at */
	const char *listen;
	char *ret_error;
};

static int __attribute__((format(printf, 2, 3))) fail(struct parse *parse, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(parse->ret_error, 256, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

static int set_duration(struct parse *parse, const struct rule *rule, const char *text, uint64_t min_ns,
			uint64_t max_ns, const char *range, uint64_t *ret_ns)
{
	uint64_t ns;

	if (rqs_duration_parse(text, &ns))
		return fail(parse, "--%s: '%.60s' is not a duration; write a whole number and its unit, as in 250us, "
			    "100ms, 5s or 2m", rule->name, text);
	if (ns < min_ns || ns > max_ns)
		return fail(parse, "--%s: %.60s is out of range, it must be %s", rule->name, text, range);
	*ret_ns = ns;
	return 0;
}

static int set_listen(struct parse *parse, const char *text)
{
	struct rqs_options *options = &parse->options;
	struct rqs_endpoint endpoint;
	const char *reason;

	if (rqs_endpoint_parse(text, &endpoint, &reason))
		return fail(parse, "--listen: '%.60s' is neither ADDR:PORT nor unix:PATH: %s", text, reason);
	_Static_assert(sizeof(options->listen_address) == sizeof(endpoint.address) &&
			       sizeof(options->listen_unix) == sizeof(endpoint.unix_path), "copied whole");
	memcpy(options->listen_address, endpoint.address, sizeof(endpoint.address));
	memcpy(options->listen_unix, endpoint.unix_path, sizeof(endpoint.unix_path));
	options->listen_port = endpoint.port;
	parse->listen = text;
	return 0;
}

/* With or without brackets. */
static bool is_ipv6(const char *text, size_t length)
{
	struct in6_addr address;
	char bare[INET6_ADDRSTRLEN];
	bool brackets = length > 2 && text[0] == '[' && text[length - 1] == ']';

	if (length >= sizeof(bare))
		return false;
	snprintf(bare, sizeof(bare), "%.*s", (int)(brackets ? length - 2 : length), brackets ? text + 1 : text);
	return inet_pton(AF_INET6, bare, &address) == 1;
}

static int set_allow_host(struct parse *parse, const char *text)
{
	static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	struct rqs_options *options = &parse->options;
	size_t length = strlen(text);

	if (strspn(text, name) != length && !is_ipv6(text, length))
		return fail(parse, "--allow-host: '%.60s' is not the name of a host; write it as in http://NAME:PORT/, "
			    "without scheme, port and path", text);
	if (length > 253)
		return fail(parse, "--allow-host: '%.60s...' is too long for the name of a host (253 bytes)", text);
	if (options->allow_host_count == RQS_ALLOW_HOST_MAX)
		return fail(parse, "--allow-host: '%.60s' is one too many, at most %d names can be given", text,
			    RQS_ALLOW_HOST_MAX);
	options->allow_hosts[options->allow_host_count++] = text;
	return 0;
}

static int set_count(struct parse *parse, const struct rule *rule, const char *text, uint32_t max, uint32_t *ret_count)
{
	if (rqs_value_whole(text, 1, max, ret_count))
		return fail(parse, "--%s: '%.60s' is not a whole number from 1 to %u", rule->name, text, max);
	return 0;
}

static int set_max_overhead(struct parse *parse, const char *text)
{
	if (rqs_value_percent(text, &parse->options.max_overhead_ratio))
		return fail(parse, "--max-overhead: '%.60s' is not a percentage of one CPU from 0.01 to 1000", text);
	return 0;
}

static int set_tap(struct parse *parse, const char *text)
{
	char tap = (char)toupper((unsigned char)text[0]);

	if ((tap != 'A' && tap != 'B') || text[1])
		return fail(parse, "--tap: '%.60s' is not a tap; there are A and B", text);
	parse->options.tap = tap;
	return 0;
}

static int set_without(struct parse *parse, const char *text)
{
	const char *word;
	uint32_t parts;
	int bytes;

	if (rqs_parts_parse(text, &parts, &word, &bytes))
		return fail(parse, "--without: '%.*s' is no part that can be left out; there are routes, client, unix, "
			    "http and runqueue", bytes < 60 ? bytes : 60, word);
	parse->options.without = parts;
	return 0;
}

static int set_from(struct parse *parse, const char *text)
{
	struct rqs_remote remote;
	char reason[RQS_REMOTE_ERROR_MAX];

	if (rqs_remote_parse(text, &remote, reason))
		return fail(parse, "--from: %s", reason);
	parse->options.from_url = text;
	return 0;
}

static int apply(struct parse *parse, int index, const char *value)
{
	struct rqs_options *options = &parse->options;
	const struct rule *rule = &rules[index];

	parse->given[index] = true;
	switch (index) {
	case LISTEN:
		return set_listen(parse, value);
	case TOKEN_FILE:
		options->token_file = value;
		return 0;
	case NO_AUTH:
		options->no_auth = true;
		return 0;
	case INSECURE:
		options->insecure = true;
		return 0;
	case ALLOW_HOST:
		return set_allow_host(parse, value);
	case MAX_CLIENTS:
		return set_count(parse, rule, value, CLIENTS_MAX, &options->max_clients);
	case MAX_ROUTES:
		return set_count(parse, rule, value, RQS_ROUTES_STAY, &options->max_routes);
	case MAX_SERVICES:
		return set_count(parse, rule, value, SERVICES_MAX, &options->max_services);
	case MAX_HISTORY:
		return set_duration(parse, rule, value, 600 * SECOND, 24 * 3600 * SECOND, "from 10m to 24h", &options->max_history_ns);
	case MAX_OVERHEAD:
		return set_max_overhead(parse, value);
	case TICK:
		return set_duration(parse, rule, value, 50 * MS, SECOND, "from 50ms to 1s", &options->tick_ns);
	case SLOW:
		return set_duration(parse, rule, value, MS, 3600 * SECOND, "from 1ms to 1h", &options->slow_ns);
	case TAP:
		return set_tap(parse, value);
	case FOR:
		return set_duration(parse, rule, value, 50 * MS, 6 * 3600 * SECOND, "from 50ms to 6h", &options->for_ns);
	case WITHOUT:
		return set_without(parse, value);
	case FROM:
		return set_from(parse, value);
	case OUTPUT: /* "-" is standard output, as everywhere */
		options->output = strcmp(value, "-") ? value : NULL;
		return 0;
	case JSON:
		options->json = true;
		return 0;
	default:
		options->command = index == HELP ? RQS_COMMAND_HELP : RQS_COMMAND_VERSION;
		parse->done = true;
		return 0;
	}
}

static int set_command(struct parse *parse, const char *text)
{
	if (parse->has_command)
		return fail(parse, "unexpected argument '%.60s' after the command %s", text,
			    command_names[parse->options.command]);
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(text, command_names[i]))
			continue;
		parse->options.command = (enum rqs_command)i;
		parse->has_command = true;
		return 0;
	}
	return fail(parse, "unknown command '%.60s'; the commands are serve, snapshot and check", text);
}

/* What holds only for all options together. */
static int check_whole(struct parse *parse)
{
	static const int alone[] = { FOR, TICK, SLOW, TAP, WITHOUT, MAX_ROUTES, MAX_SERVICES };
	const struct rqs_options *options = &parse->options;
	struct rqs_endpoint endpoint = { .port = options->listen_port };

	for (int i = 0; i < RULE_COUNT; i++) {
		const char *owner = rules[i].commands & SERVE ? "serve" : rules[i].commands & SNAPSHOT ? "snapshot" : "check";

		if (parse->given[i] && !(rules[i].commands & (1u << options->command)))
			return fail(parse, "--%s is an option of %s, not of %s", rules[i].name, owner,
				    command_names[options->command]);
	}
	if (options->command == RQS_COMMAND_SERVE) {
		memcpy(endpoint.address, options->listen_address, sizeof(endpoint.address));
		memcpy(endpoint.unix_path, options->listen_unix, sizeof(endpoint.unix_path));
		if (options->no_auth && options->token_file)
			return fail(parse, "--no-auth and --token-file exclude each other");
		if (options->no_auth && !rqs_endpoint_is_local(&endpoint))
			return fail(parse, "--no-auth is refused with --listen %.60s: without a token only a loopback "
				    "address or a Unix socket may be served", parse->listen);
		if (!options->insecure && !rqs_endpoint_is_local(&endpoint))
			return fail(parse, "--listen %.60s would send data and token in plain text over the network; "
				    "listen on 127.0.0.1 and use `ssh -L 7117:127.0.0.1:7117 HOST`, or add --insecure",
				    parse->listen);
	}
	if (options->command == RQS_COMMAND_SNAPSHOT && options->from_url) {
		struct rqs_remote remote;
		char reason[RQS_REMOTE_ERROR_MAX];

		for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++)
			if (parse->given[alone[i]])
				return fail(parse, "--%s can't be used with --from: the rqscope that is asked has its own",
					    rules[alone[i]].name);
		if (!rqs_remote_parse(options->from_url, &remote, reason) &&
		    !rqs_endpoint_is_local(&remote.endpoint) && !options->insecure)
			return fail(parse, "--from would send the token in plain text over the network to %s; use `ssh -L "
				    "7117:127.0.0.1:7117 HOST` and a loopback URL, or add --insecure",
				    remote.endpoint.address);
	} else if (options->command == RQS_COMMAND_SNAPSHOT) {
		if (options->token_file || options->insecure)
			return fail(parse, "--%s needs --from in a snapshot",
				    options->token_file ? rules[TOKEN_FILE].name : rules[INSECURE].name);
		if (options->for_ns < options->tick_ns)
			return fail(parse, "--for must not be shorter than --tick (%llu ms)",
				    (unsigned long long)(options->tick_ns / MS));
	}
	return 0;
}

static int rule_of(int value)
{
	if (value >= FIRST_VALUE)
		return value - FIRST_VALUE;
	for (int i = 0; value && i < RULE_COUNT; i++)
		if (rules[i].letter == value)
			return i;
	return -1;
}

/* @value: what getopt left in optopt. @word: the argument that it was reading. */
static int refuse(struct parse *parse, int value, const char *word, bool lacks_value)
{
	int index = rule_of(value);
	size_t length = strcspn(word, "=");

	if (index >= 0 && lacks_value)
		return fail(parse, "%.60s needs a value: %s", word, rules[index].value);
	if (index >= 0)
		return fail(parse, "--%s takes no value", rules[index].name);
	if (value)
		return fail(parse, "unknown option -%c; see rqscope --help", isprint(value) ? value : '?');
	return fail(parse, "unknown option %.*s; see rqscope --help", (int)(length < 60 ? length : 60), word);
}

/* @next: the argument that getopt would have taken a separate value from. */
static int take(struct parse *parse, int value, const char *word, const char *next)
{
	const struct rule *rule = &rules[rule_of(value)];
	size_t length = strcspn(word, "=");

	/* getopt takes any beginning of a name; a later option could then change what an old script means. */
	if (value >= FIRST_VALUE && length != strlen(rule->name) + 2)
		return fail(parse, "unknown option %.60s; did you mean --%s?", word, rule->name);
	if (rule->value && !*optarg)
		return fail(parse, "%.*s needs a value: %s", (int)length, word, rule->value);
	if (rule->value && optarg == next && !strncmp(optarg, "--", 2))
		return fail(parse, "%.60s needs a value (%s), but %.60s follows", word, rule->value, optarg);
	return apply(parse, rule_of(value), optarg);
}

static int walk(struct parse *parse, int argc, char *const *argv)
{
	struct option table[RULE_COUNT + 1] = { { NULL, 0, NULL, 0 } };
	int err, value;

	for (int i = 0; i < RULE_COUNT; i++)
		table[i] = (struct option){ rules[i].name, rules[i].value ? required_argument : no_argument, NULL,
					    FIRST_VALUE + i };
	optind = 0; /* glibc: start anew */
	opterr = 0;
	while (!parse->done) {
		const char *word = argv[optind ? optind : 1];

		/* '-': arguments come in their order whatever POSIXLY_CORRECT says, and argv stays as it is. */
		value = getopt_long(argc, argv, "-:o:hV", table, NULL);
		if (value == -1)
			break;
		if (value == 1)
			err = set_command(parse, optarg);
		else if (value == ':' || value == '?')
			err = refuse(parse, optopt, word, value == ':');
		else
			err = take(parse, value, word, argv[optind - 1]);
		if (err)
			return err;
	}
	for (; !parse->done && optind < argc; optind++) {
		err = set_command(parse, argv[optind]);
		if (err)
			return err;
	}
	return 0;
}

int rqs_options_parse(int argc, char *const *argv, struct rqs_options *ret_options, char ret_error[256])
{
	struct parse parse = {
		.options = {
			.command = RQS_COMMAND_SERVE,
			.listen_address = "127.0.0.1",
			.listen_port = 7117,
			.max_clients = 64,
			.max_history_ns = 6 * 3600 * SECOND,
			.max_routes = RQS_ROUTES_USUAL,
			.max_services = RQS_SERVICES_USUAL,
			.tick_ns = 100 * MS,
			.slow_ns = SECOND,
			.for_ns = 5 * SECOND,
		},
		.ret_error = ret_error,
	};
	int err = argc > 1 ? walk(&parse, argc, argv) : 0;

	if (!err && !parse.done)
		err = check_whole(&parse);
	if (err)
		return err;
	*ret_options = parse.options;
	return 0;
}
