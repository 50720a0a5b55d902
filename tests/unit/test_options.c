// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "options.h"
#include "parts.h"
#include "values.h"

#define MS 1000000ULL
#define WORDS_MAX 80
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Cut a line into words at '|', so that a word may be empty or hold blanks. argv[0] is added. */
static int parse(const char *line, struct rqs_options *ret_options, char *ret_error)
{
	static char copy[8192]; /* outlives the call: the options borrow from it */
	char *argv[WORDS_MAX + 2] = { "rqscope" }, *at = copy, *bar;
	int argc = 1;

	assert_true(strlen(line) < sizeof(copy));
	strcpy(copy, line);
	while (*line) {
		assert_true(argc < WORDS_MAX);
		argv[argc++] = at;
		bar = strchr(at, '|');
		if (!bar)
			break;
		*bar = '\0';
		at = bar + 1;
	}
	memset(ret_error, 0x7f, 256);
	return rqs_options_parse(argc, argv, ret_options, ret_error);
}

static void good(const char *line, struct rqs_options *ret_options)
{
	char error[256];

	memset(ret_options, 0xee, sizeof(*ret_options));
	if (parse(line, ret_options, error))
		fail_msg("'%s' was refused: %s", line, error);
}

/* @needles: words that the sentence must hold, cut at '|'. */
static void bad(const char *line, const char *needles)
{
	struct rqs_options options, before;
	char error[256], copy[256], *needle, *rest = copy;

	memset(&options, 0xee, sizeof(options));
	before = options;
	if (parse(line, &options, error) != -EINVAL)
		fail_msg("'%s' was accepted", line);
	assert_memory_equal(&options, &before, sizeof(options));
	assert_non_null(memchr(error, '\0', sizeof(error)));
	assert_null(strchr(error, '\n'));
	strcpy(copy, needles);
	while ((needle = strsep(&rest, "|")))
		if (!strstr(error, needle))
			fail_msg("'%s': no '%s' in: %s", line, needle, error);
}

static void test_options_defaults_are_those_of_the_contract(void **state)
{
	struct rqs_options o;

	good("", &o);
	assert_int_equal(o.command, RQS_COMMAND_SERVE);
	assert_string_equal(o.listen_address, "127.0.0.1");
	assert_int_equal(o.listen_port, 7117);
	assert_string_equal(o.listen_unix, "");
	assert_null(o.token_file);
	assert_false(o.no_auth);
	assert_false(o.insecure);
	assert_int_equal(o.allow_host_count, 0);
	assert_int_equal(o.max_clients, 64);
	assert_int_equal(o.max_services, 126);
	assert_int_equal(o.max_routes, 200);
	assert_true(o.max_history_ns == 6 * 3600 * 1000 * MS);
	assert_true(o.max_overhead_ratio == 0);
	assert_int_equal(o.tick_ns, 100 * MS);
	assert_int_equal(o.slow_ns, 1000 * MS);
	assert_int_equal(o.tap, 0);
	assert_int_equal(o.without, 0);
	assert_int_equal(o.for_ns, 5000 * MS);
	assert_null(o.from_url);
	assert_null(o.output);
	assert_false(o.json);
}

static void test_options_finds_the_command_anywhere(void **state)
{
	static const struct {
		const char *line;
		enum rqs_command command;
	} table[] = {
		{ "serve", RQS_COMMAND_SERVE },
		{ "--slow|2s", RQS_COMMAND_SERVE },
		{ "snapshot", RQS_COMMAND_SNAPSHOT },
		{ "--for|2s|snapshot", RQS_COMMAND_SNAPSHOT },
		{ "snapshot|--for|2s", RQS_COMMAND_SNAPSHOT },
		{ "--for=2s|--|snapshot", RQS_COMMAND_SNAPSHOT },
		{ "check", RQS_COMMAND_CHECK },
		{ "check|--json", RQS_COMMAND_CHECK },
		{ "--json|check", RQS_COMMAND_CHECK },
		{ "--help", RQS_COMMAND_HELP },
		{ "-h", RQS_COMMAND_HELP },
		{ "snapshot|--help", RQS_COMMAND_HELP },
		{ "snapshot|--help|--nonsense|more", RQS_COMMAND_HELP },
		{ "--version", RQS_COMMAND_VERSION },
		{ "-V", RQS_COMMAND_VERSION },
		{ "check|--version", RQS_COMMAND_VERSION },
		{ "--help|--version", RQS_COMMAND_HELP },
		{ "-hV", RQS_COMMAND_HELP },
	};
	struct rqs_options o;

	for (size_t i = 0; i < COUNT(table); i++) {
		good(table[i].line, &o);
		assert_int_equal(o.command, table[i].command);
	}
}

static void test_options_obeys_no_environment(void **state)
{
	struct rqs_options o;

	setenv("POSIXLY_CORRECT", "1", 1);
	good("snapshot|--for|2s", &o);
	unsetenv("POSIXLY_CORRECT");
	assert_int_equal(o.for_ns, 2000 * MS);
}

static void test_options_takes_both_spellings_and_the_last_one(void **state)
{
	struct rqs_options o;

	good("--listen=127.0.0.1:1|--tick=50ms|--max-clients=1|--tap=a", &o);
	assert_int_equal(o.listen_port, 1);
	assert_int_equal(o.tick_ns, 50 * MS);
	assert_int_equal(o.max_clients, 1);
	assert_int_equal(o.tap, 'A');
	good("--listen|[::1]:65535|--tick|1s|--max-clients|5000|--tap|B", &o);
	assert_string_equal(o.listen_address, "::1");
	assert_int_equal(o.listen_port, 65535);
	assert_int_equal(o.tick_ns, 1000 * MS);
	assert_int_equal(o.max_clients, 5000);
	assert_int_equal(o.tap, 'B');
	good("--tick|50ms|--tick=200ms|--slow|1ms|--slow|1h|--tap|A|--tap|b", &o);
	assert_int_equal(o.tick_ns, 200 * MS);
	assert_int_equal(o.slow_ns, 3600 * 1000 * MS);
	assert_int_equal(o.tap, 'B');
	good("--without|routes|--without=client,runqueue", &o);
	assert_int_equal(o.without, RQS_PART_CLIENT | RQS_PART_RUNQUEUE);
	good("--max-services|1|--max-history=10m", &o);
	assert_int_equal(o.max_services, 1);
	assert_true(o.max_history_ns == 600 * 1000 * MS);
	good("--max-history=24h", &o);
	good("snapshot|--max-services|254|--max-routes|500", &o);
	assert_int_equal(o.max_routes, 500);
	good("--max-routes=1", &o);
	assert_int_equal(o.max_routes, 1);
	good("snapshot|--max-services|254", &o);
	assert_int_equal(o.max_services, 254);
	good("--max-overhead=0.5", &o);
	assert_true(fabs(o.max_overhead_ratio - 0.005) < 1e-12);
	good("--max-overhead|0.01|--max-overhead|1000", &o);
	assert_true(o.max_overhead_ratio == 10);
	good("--max-overhead|2", &o);
	assert_true(fabs(o.max_overhead_ratio - 0.02) < 1e-12);
	good("--max-overhead|1.25", &o);
	assert_true(fabs(o.max_overhead_ratio - 0.0125) < 1e-12);
	good("snapshot|--without|http,runqueue,routes,routes", &o);
	assert_int_equal(o.without, RQS_PART_HTTP | RQS_PART_RUNQUEUE | RQS_PART_ROUTES);
	good("--listen|unix:/run/x|--listen|127.0.0.1:5", &o);
	assert_string_equal(o.listen_unix, "");
	assert_int_equal(o.listen_port, 5);
	good("--listen|127.0.0.1:5|--listen|unix:/run/x", &o);
	assert_string_equal(o.listen_unix, "/run/x");
	assert_string_equal(o.listen_address, "");
	good("snapshot|-o|a|--output|b", &o);
	assert_string_equal(o.output, "b");
	good("snapshot|-ob", &o);
	assert_string_equal(o.output, "b");
	good("snapshot|--output=b|-o|-", &o);
	assert_null(o.output);
	good("--token-file|f|--token-file=g", &o);
	assert_string_equal(o.token_file, "g");
	/* The one on the network is not the one that counts. */
	good("--listen|0.0.0.0:1|--listen|127.0.0.1:1|--no-auth", &o);
	assert_true(o.no_auth);
}

static void test_options_collects_allowed_hosts(void **state)
{
	char line[4096] = "";
	struct rqs_options o;

	good("--allow-host|web-07|--allow-host=web-07.example.org|--allow-host|10.0.0.1|--allow-host|[fd00::1]|"
	     "--allow-host|fd00::2", &o);
	assert_int_equal(o.allow_host_count, 5);
	assert_string_equal(o.allow_hosts[0], "web-07");
	assert_string_equal(o.allow_hosts[1], "web-07.example.org");
	assert_string_equal(o.allow_hosts[4], "fd00::2");

	for (int i = 0; i < RQS_ALLOW_HOST_MAX; i++)
		sprintf(line + strlen(line), "%s--allow-host=h%d", i ? "|" : "", i);
	good(line, &o);
	assert_int_equal(o.allow_host_count, RQS_ALLOW_HOST_MAX);
	strcat(line, "|--allow-host=last");
	bad(line, "--allow-host|last|32");
}

static void test_options_listens_beyond_loopback_only_when_told(void **state)
{
	static const char *const far[] = { "0.0.0.0:7117", "192.168.1.5:80", "[::]:7117", "[fe80::1]:1", "128.0.0.1:1",
					   "126.255.255.255:1", "[::ffff:10.0.0.1]:1" };
	static const char *const near[] = { "127.0.0.1:0", "127.255.255.254:1", "[::1]:7117", "localhost:7117",
					    "[::ffff:127.0.0.1]:1", "[0:0:0:0:0:0:0:1]:1", "unix:/run/rqscope.sock",
					    "unix:relative" };
	struct rqs_options o;
	char line[256];

	for (size_t i = 0; i < COUNT(far); i++) {
		snprintf(line, sizeof(line), "--listen|%s", far[i]);
		bad(line, "--listen|ssh -L|--insecure");
		bad(line, far[i]);
		snprintf(line, sizeof(line), "--listen|%s|--no-auth", far[i]);
		bad(line, "--no-auth|--listen");
		snprintf(line, sizeof(line), "--listen|%s|--no-auth|--insecure", far[i]);
		bad(line, "--no-auth|--listen");
		snprintf(line, sizeof(line), "--insecure|--listen|%s", far[i]);
		good(line, &o);
		assert_true(o.insecure);
	}
	for (size_t i = 0; i < COUNT(near); i++) {
		snprintf(line, sizeof(line), "--listen|%s", near[i]);
		good(line, &o);
		snprintf(line, sizeof(line), "--listen|%s|--no-auth", near[i]);
		good(line, &o);
		assert_true(o.no_auth);
	}
	good("--listen|localhost:7117", &o);
	assert_string_equal(o.listen_address, "127.0.0.1");
	good("--listen|[0:0:0:0:0:0:0:1]:7117", &o);
	assert_string_equal(o.listen_address, "::1");
}

static void test_options_refuses_bad_places_to_listen(void **state)
{
	static const char *const table[] = {
		"7117", ":7117", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:99999", "127.0.0.1:100000",
		"127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1: 1", "127.0.0.1:1 ", "127.0.0.1:0x1", "127.0.0.1:http",
		"127.1:7117", "127.0.0.1.1:7117", "256.0.0.1:7117", "0177.0.0.1:1", "::1:7117", "[::1]", "[::1]7117",
		"[::1:7117", "[]:1", "[127.0.0.1]:1", "[::g]:1", "[fe80::1%eth0]:1", "*:7117", "example.org:7117",
		"http://127.0.0.1:7117", "unix:", "unix:@rqscope", "UNIX:/run/x", " 127.0.0.1:1",
		"1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111:1",
	};
	char line[256], path[128];
	struct rqs_options o;

	for (size_t i = 0; i < COUNT(table); i++) {
		snprintf(line, sizeof(line), "--listen=%s", table[i]);
		bad(line, "--listen|neither ADDR:PORT nor unix:PATH");
	}
	bad("--listen=::1:7117", "brackets");
	bad("--listen=example.org:7117", "numeric");
	bad("--listen=127.0.0.1:65536", "65535");

	memset(path, 'p', sizeof(path));
	path[107] = '\0';
	snprintf(line, sizeof(line), "--listen|unix:%s", path);
	good(line, &o);
	assert_string_equal(o.listen_unix, path);
	path[107] = 'p';
	path[108] = '\0';
	snprintf(line, sizeof(line), "--listen|unix:%s", path);
	bad(line, "--listen|too long|107");
}

static void test_options_takes_every_port(void **state)
{
	struct rqs_options o;
	char line[64];

	for (int port = 0; port <= 65535; port += port < 100 || port > 65400 ? 1 : 97) {
		snprintf(line, sizeof(line), "--listen=127.0.0.1:%d", port);
		good(line, &o);
		assert_int_equal(o.listen_port, port);
	}
}

static void test_duration_parses_units(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} table[] = {
		{ "0us", 0 }, { "0s", 0 }, { "1us", 1000 }, { "250us", 250000 }, { "100ms", 100 * MS }, { "5s", 5000 * MS },
		{ "05s", 5000 * MS }, { "2m", 120000 * MS }, { "1h", 3600000 * MS }, { "18446744073s", 18446744073000 * MS },
		{ "18446744073709551us", 18446744073709551000ULL },
	};
	uint64_t ns;

	for (size_t i = 0; i < COUNT(table); i++) {
		ns = 77;
		assert_int_equal(rqs_duration_parse(table[i].text, &ns), 0);
		assert_true(ns == table[i].ns);
	}
}

static const char *const bad_durations[] = {
	"", "5", "-1s", "+1s", "5 s", " 5s", "5s ", "1e3s", "99999999999s", "18446744074s", "18446744073709552us",
	"99999999999999999999999999us", "NaN", "nan", "inf", "s", "ms", "5S", "5MS", "5min", "5sec", "5d", "5ns", "0x5s", "1.5s",
	"1,5s", "5s5s", "5sms", "1s500ms", "\xc2\xb5s", "5\xc2\xb5s", "5s\n", "--", "-", "soon",
};

static void test_duration_refuses_all_else(void **state)
{
	uint64_t ns = 77;

	for (size_t i = 0; i < COUNT(bad_durations); i++)
		if (rqs_duration_parse(bad_durations[i], &ns) != -EINVAL || ns != 77)
			fail_msg("'%s' was taken", bad_durations[i]);
}

static void test_options_refuses_bad_durations_by_name(void **state)
{
	static const char *const options[] = { "tick", "slow", "for" };
	char line[128], needles[128];

	for (size_t i = 0; i < COUNT(options); i++) {
		for (size_t j = 0; j < COUNT(bad_durations); j++) {
			snprintf(line, sizeof(line), "snapshot|--%s=%s", options[i], bad_durations[j]);
			if (strchr(bad_durations[j], '\n'))
				continue; /* would be seen as a second line below; the table above has it */
			snprintf(needles, sizeof(needles), "--%s|%s", options[i],
				 *bad_durations[j] ? "is not a duration" : "needs a value");
			bad(line, needles);
		}
	}
}

static void test_options_keeps_durations_in_range(void **state)
{
	struct rqs_options o;

	bad("--tick|49ms", "--tick|49ms|50ms to 1s");
	bad("--tick|49999us", "--tick|49999us");
	good("--tick|50ms", &o);
	good("--tick|1s", &o);
	bad("--tick|1001ms", "--tick|1001ms|50ms to 1s");
	bad("--tick|0s", "--tick");
	bad("--slow|0ms", "--slow|1ms to 1h");
	bad("--slow|999us", "--slow|1ms to 1h");
	good("--slow|1ms", &o);
	assert_int_equal(o.slow_ns, MS);
	bad("--slow|3601s", "--slow");
	bad("snapshot|--for|49ms", "--for|49ms");
	bad("snapshot|--for|99ms", "--for|--tick|100 ms");
	good("snapshot|--for|100ms", &o);
	good("snapshot|--tick|50ms|--for|50ms", &o);
	good("snapshot|--for|6h", &o);
	bad("snapshot|--for|7h", "--for|6h");
}

static void test_options_refuses_bad_values(void **state)
{
	static const char *const clients[] = { "0", "5001", "-1", "+1", "1.5", "1e3", "many", "64 ", "99999999999999999999",
					       "0x10", "00000" };
	static const char *const taps[] = { "C", "AB", "1", "ab", "tap A", "\xc3\xa4" };
	static const char *const shares[] = { "0", "0.00", "0.001", "1000.01", "1001", "-1", ".5", "1.", "1.234", "1,5", "2%", "1e1", "nan",
					      "99999", "1 " };
	static const char *const parts[] = { "cpu", "client,", ",client", "client,,routes", "client routes", "Client", "clients", "," };
	static const char *const hosts[] = { "*", "web 07", "http://web-07", "web-07:80", "web-07/", "a,b", "b\xc3\xbc" "cher",
					     "[web]", "[::1", "x@y", "a\rb" };
	char line[512];

	for (size_t i = 0; i < COUNT(clients); i++) {
		snprintf(line, sizeof(line), "--max-clients=%s", clients[i]);
		bad(line, "--max-clients|1 to 5000");
		bad(line, clients[i]);
	}
	for (size_t i = 0; i < COUNT(taps); i++) {
		snprintf(line, sizeof(line), "--tap=%s", taps[i]);
		bad(line, "--tap|A and B");
	}
	bad("--max-routes=0", "--max-routes|1 to 500");
	bad("--max-routes=501", "--max-routes|1 to 500");
	bad("--max-routes=many", "--max-routes|1 to 500");
	bad("--max-services=0", "--max-services|1 to 254");
	bad("--max-services=255", "--max-services|1 to 254");
	bad("--max-services=1234567890", "--max-services|1 to 254");
	bad("--max-history=599s", "--max-history|10m to 24h");
	bad("--max-history=25h", "--max-history|10m to 24h");
	for (size_t i = 0; i < COUNT(shares); i++) {
		snprintf(line, sizeof(line), "--max-overhead=%s", shares[i]);
		bad(line, "--max-overhead|0.01 to 1000");
		bad(line, shares[i]);
	}
	for (size_t i = 0; i < COUNT(parts); i++) {
		snprintf(line, sizeof(line), "--without=%s", parts[i]);
		bad(line, "--without|no part|routes, client, unix, http and runqueue");
	}
	for (size_t i = 0; i < COUNT(hosts); i++) {
		snprintf(line, sizeof(line), "--allow-host=%s", hosts[i]);
		bad(line, "--allow-host|not the name of a host");
	}
	memset(line, 0, sizeof(line));
	strcpy(line, "--allow-host=");
	memset(line + strlen(line), 'a', 254);
	bad(line, "--allow-host|too long");
}

static void test_options_names_what_it_does_not_know(void **state)
{
	bad("--nonsense", "unknown option|--nonsense|--help");
	bad("--nonsense=5", "unknown option --nonsense;");
	bad("-x", "unknown option -x");
}

static void test_options_stops_at_help(void **state)
{
	struct rqs_options o;

	good("-hx", &o);
	assert_int_equal(o.command, RQS_COMMAND_HELP);
	bad("--nonsense|--help", "--nonsense");
	bad("-xh", "-x");
}

static void test_options_refuses_the_rest(void **state)
{
	bad("servee", "unknown command|servee|serve, snapshot and check");
	bad("Serve", "unknown command|Serve");
	bad("--|--json", "unknown command|--json");
	bad("-", "unknown command");
	bad("serve|snapshot", "unexpected argument|snapshot|serve");
	bad("serve|serve", "unexpected argument");
	bad("check|--json|now", "unexpected argument|now|check");
	bad("check|--|now", "unexpected argument|now");

	/* Beginnings of names. */
	bad("--lis|127.0.0.1:1", "unknown option --lis|--listen");
	bad("--lis=127.0.0.1:1", "--lis|--listen");
	bad("--insec", "--insec|--insecure");
	bad("--t|x", "unknown option --t;");
	bad("--hel", "--hel|--help");
}

static void test_options_wants_values_where_they_belong(void **state)
{
	static const char *const takers[] = { "listen", "token-file", "allow-host", "max-clients", "tick", "slow", "tap",
					      "without", "max-overhead", "max-services", "max-routes", "max-history" };
	static const char *const flags[] = { "no-auth", "insecure", "help", "version" };
	char line[64], needles[64];

	for (size_t i = 0; i < COUNT(takers); i++) {
		snprintf(needles, sizeof(needles), "--%s needs a value", takers[i]);
		snprintf(line, sizeof(line), "--%s", takers[i]);
		bad(line, needles);
		snprintf(line, sizeof(line), "--%s=", takers[i]);
		bad(line, needles);
		snprintf(line, sizeof(line), "--%s||--insecure", takers[i]);
		bad(line, needles);
		snprintf(line, sizeof(line), "--%s|--insecure", takers[i]);
		bad(line, needles);
		bad(line, "--insecure follows");
	}
	for (size_t i = 0; i < COUNT(flags); i++) {
		snprintf(line, sizeof(line), "--%s=yes", flags[i]);
		snprintf(needles, sizeof(needles), "--%s takes no value", flags[i]);
		bad(line, needles);
	}
	bad("check|--json=1", "--json takes no value");
	bad("snapshot|-o", "-o needs a value");
	bad("snapshot|-o|--json", "-o needs a value|--json follows");
}

static void test_options_refuses_those_of_other_commands(void **state)
{
	static const struct {
		const char *line, *needles;
	} table[] = {
		{ "--json", "--json|check|serve" },
		{ "snapshot|--json", "--json|check|snapshot" },
		{ "--for|5s", "--for|snapshot|serve" },
		{ "serve|--from|http://127.0.0.1:1/#token=a", "--from|snapshot|serve" },
		{ "-o|x", "--output|snapshot" },
		{ "snapshot|--listen|127.0.0.1:1", "--listen|serve|snapshot" },
		{ "snapshot|--no-auth", "--no-auth|serve" },
		{ "snapshot|--allow-host|x", "--allow-host" },
		{ "snapshot|--max-clients|5", "--max-clients" },
		{ "snapshot|--max-overhead|5", "--max-overhead" },
		{ "snapshot|--max-history|1h", "--max-history" },
		{ "check|--max-services|5", "--max-services" },
		{ "check|--max-routes|5", "--max-routes" },
		{ "check|--listen|127.0.0.1:1", "--listen|check" },
		{ "check|--tick|100ms", "--tick|check" },
		{ "check|--slow|1s", "--slow" },
		{ "check|--tap|A", "--tap" },
		{ "check|--without|routes", "--without" },
		{ "check|--token-file|f", "--token-file" },
		{ "check|--insecure", "--insecure" },
		{ "check|--for|5s", "--for" },
		{ "check|-o|f", "--output" },
	};

	for (size_t i = 0; i < COUNT(table); i++)
		bad(table[i].line, table[i].needles);
}

static void test_options_refuses_what_contradicts(void **state)
{
	bad("--no-auth|--token-file|f", "--no-auth|--token-file");
	bad("snapshot|--token-file|f", "--token-file|--from");
	bad("snapshot|--insecure", "--insecure|--from");
	bad("snapshot|--from|unix:/run/x|--for|5s", "--for|--from");
	bad("snapshot|--from|unix:/run/x|--tick|100ms", "--tick|--from");
	bad("snapshot|--from|unix:/run/x|--slow|1s", "--slow|--from");
	bad("snapshot|--from|unix:/run/x|--tap|A", "--tap|--from");
	bad("snapshot|--from|unix:/run/x|--without|routes", "--without|--from");
	bad("snapshot|--from|unix:/run/x|--max-services|5", "--max-services|--from");
	bad("snapshot|--from|unix:/run/x|--max-routes|5", "--max-routes|--from");
	bad("snapshot|--from|http://10.0.0.1:7117/#token=abc", "--from|10.0.0.1|ssh -L|--insecure");
	bad("snapshot|--from|https://127.0.0.1:7117/", "--from|https");
	bad("snapshot|--from|127.0.0.1:7117", "--from");
}

static void test_options_never_repeats_a_token(void **state)
{
	static const char *const table[] = {
		"snapshot|--from|http://10.0.0.1:7117/#token=5ecre7", "snapshot|--from|http://x:7117/#token=5ecre7",
		"snapshot|--from|http://127.0.0.1:7117/#secret=5ecre7", "snapshot|--from|nonsense#token=5ecre7",
	};
	struct rqs_options o;
	char error[256];

	for (size_t i = 0; i < COUNT(table); i++) {
		assert_int_equal(parse(table[i], &o, error), -EINVAL);
		assert_null(strstr(error, "5ecre7"));
	}
}

static void test_options_takes_a_running_rqscope(void **state)
{
	struct rqs_options o;

	good("snapshot|--from|http://127.0.0.1:7117/#token=00ff|-o|x.json", &o);
	assert_string_equal(o.from_url, "http://127.0.0.1:7117/#token=00ff");
	assert_string_equal(o.output, "x.json");
	good("snapshot|--from|unix:/run/x|--token-file|f", &o);
	assert_string_equal(o.token_file, "f");
	good("snapshot|--insecure|--from|http://10.0.0.1:7117/", &o);
}

static void test_options_survives_long_and_odd_words(void **state)
{
	static const char *const forms[] = { "%s", "--%s", "-%s", "--listen=%s", "--listen|unix:%s", "--tick=%s", "--tap=%s", "--without=%s", "--max-overhead=%s",
					     "--allow-host=%s", "--max-clients=%s", "snapshot|--from=%s", "--%s=x",
					     "serve|%s", "--token-file|--%s", "--listen|[%s]:1", "--listen=127.0.0.1:%s",
					     "snapshot|--from=http://%s/", "snapshot|--from=unix:/x#token=%s" };
	static const char fill[] = { 'a', '%', '\x80', '\x01', ' ', '"' };
	char word[3001], line[3100];
	struct rqs_options o;
	char error[256];

	for (size_t i = 0; i < COUNT(fill); i++) {
		memset(word, fill[i], sizeof(word));
		word[3000] = '\0';
		for (size_t j = 0; j < COUNT(forms); j++) {
			/* The forms are the literals above. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
			snprintf(line, sizeof(line), forms[j], word);
#pragma GCC diagnostic pop
			assert_int_equal(parse(line, &o, error), -EINVAL);
			assert_non_null(memchr(error, '\0', sizeof(error)));
		}
	}
}

static void test_help_fits_and_names_every_option(void **state)
{
	static const char *const words[] = {
		"rqscope snapshot", "rqscope check", "--listen", "unix:PATH", "--token-file", "--no-auth", "--allow-host",
		"--insecure", "--max-clients", "--max-overhead", "--max-services", "--max-routes", "--max-history", "--tick", "--slow", "--tap", "--without", "--for", "--from", "--output", "-o", "--json",
		"--help", "--version", "ssh -L", "Examples", "Exit codes", "7117",
	};
	const char *help = rqs_options_help(), *line = help, *end;

	for (size_t i = 0; i < COUNT(words); i++)
		assert_non_null(strstr(help, words[i]));
	for (; (end = strchr(line, '\n')); line = end + 1) {
		assert_true(end - line <= 80);
		assert_true(end == line || end[-1] != ' ');
		assert_null(memchr(line, '\t', (size_t)(end - line)));
	}
	assert_string_equal(line, ""); /* ends in a newline */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options_defaults_are_those_of_the_contract),
		cmocka_unit_test(test_options_finds_the_command_anywhere),
		cmocka_unit_test(test_options_obeys_no_environment),
		cmocka_unit_test(test_options_takes_both_spellings_and_the_last_one),
		cmocka_unit_test(test_options_collects_allowed_hosts),
		cmocka_unit_test(test_options_listens_beyond_loopback_only_when_told),
		cmocka_unit_test(test_options_refuses_bad_places_to_listen),
		cmocka_unit_test(test_options_takes_every_port),
		cmocka_unit_test(test_duration_parses_units),
		cmocka_unit_test(test_duration_refuses_all_else),
		cmocka_unit_test(test_options_refuses_bad_durations_by_name),
		cmocka_unit_test(test_options_keeps_durations_in_range),
		cmocka_unit_test(test_options_refuses_bad_values),
		cmocka_unit_test(test_options_names_what_it_does_not_know),
		cmocka_unit_test(test_options_stops_at_help),
		cmocka_unit_test(test_options_refuses_the_rest),
		cmocka_unit_test(test_options_wants_values_where_they_belong),
		cmocka_unit_test(test_options_refuses_those_of_other_commands),
		cmocka_unit_test(test_options_refuses_what_contradicts),
		cmocka_unit_test(test_options_never_repeats_a_token),
		cmocka_unit_test(test_options_takes_a_running_rqscope),
		cmocka_unit_test(test_options_survives_long_and_odd_words),
		cmocka_unit_test(test_help_fits_and_names_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
