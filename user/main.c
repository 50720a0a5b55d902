// SPDX-License-Identifier: GPL-2.0-only
/*
 * main - the commands serve and snapshot. Here threads are started and the process ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "collector.h"
#include "look.h"
#include "model.h"
#include "options.h"
#include "output.h"
#include "parts.h"
#include "privileges.h"
#include "probes.h"
#include "remote.h"
#include "server.h"
#include "snapshot.h"
#include "text.h"
#include "trust.h"

#define FILES_BESIDE 512 /* of those that clients have: maps, programs, links, files of /proc; loading has the most of them */
#define REAL_TIME_LIMIT_US 500000 /* of CPU time without sleep, in a thread of real-time priority */

/* All that runs while something is measured. Freed by app_close() in the order that threads and windows need. */
struct app {
	struct rqs_probes *probes;
	struct rqs_handover *handover;
	struct rqs_collector *collector;
	struct rqs_model *model;
	struct rqs_looker *looker;
	struct rqs_server *server;
	int signal_fd;
};

static int complain(int status, const char *text)
{
	fprintf(stderr, "rqscope: %s\n", text);
	return status;
}

static void app_close(struct app *app)
{
	rqs_collector_stop(app->collector);
	rqs_server_free(app->server);
	rqs_looker_free(app->looker);
	rqs_handover_free(app->handover);
	rqs_collector_free(app->collector);
	rqs_model_free(app->model);
	rqs_probes_close(app->probes);
	if (app->signal_fd >= 0)
		close(app->signal_fd);
}

/* Where it was started without standard files, what is opened next would have their numbers, and be written messages to. */
static int open_standard_files(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
			return -errno;
	return 0;
}

/* SIGINT and SIGTERM become readable; blocked before any thread is started, so that all threads have them blocked. */
static int app_signals(struct app *app)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	app->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	return app->signal_fd < 0 ? -errno : 0;
}

/* Attach; an exit status and a sentence when nothing could be. */
static int app_attach(struct app *app, const struct rqs_options *options)
{
	struct rqs_probes_config config = { .slow_ns = options->slow_ns, .tap = options->tap, .without = options->without,
					    .services = options->max_services, .routes = options->max_routes };
	const struct rqs_probe_status *status;
	uint32_t count;
	char error[256] = "";

	if (!rqs_privileges_can_attach())
		return complain(EXIT_NOT_ALLOWED, "it needs the right to use BPF; run it as root, e.g. with sudo");
	if (rqs_probes_open(&config, &app->probes, error))
		return complain(EXIT_NOT_ALLOWED, error);
	status = rqs_probes_status(app->probes, &count);
	for (uint32_t i = 0; i < count; i++)
		if (status[i].state != RQS_PROBE_ON && strcmp(status[i].reason, RQS_PARTS_LEFT_OUT))
			fprintf(stderr, "rqscope: probe %s is off: %s\n", status[i].name, status[i].reason);
	if (!rqs_probes_attached(app->probes))
		return complain(EXIT_NOT_ALLOWED, "none of the probes could be attached; \"rqscope check\" says what would help");
	return EXIT_DONE;
}

static int app_model(struct app *app, const struct rqs_options *options)
{
	unsigned char random[16];
	char instance[33], name[256], host[256] = "";
	struct utsname system;
	const struct rqs_probe_status *status;
	struct rqs_host description;
	uint32_t count;

	if (getrandom(random, sizeof(random), 0) != sizeof(random) || uname(&system))
		return -errno;
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(&instance[2 * i], 3, "%02x", random[i]);
	gethostname(host, sizeof(host) - 1);
	rqs_text_clean(name, sizeof(name), host, sizeof(host));
	description = (struct rqs_host){
		.name = name,
		.kernel = system.release,
		.arch = system.machine,
		.cpus = sysconf(_SC_NPROCESSORS_ONLN),
		.cpu_numbers = rqs_probes_maps(app->probes)->cpu_numbers,
		.services = options->max_services,
		.routes = options->max_routes,
		.version = RQS_VERSION,
		.instance = instance,
		.tick_ns = options->tick_ns,
		.slow_ns = options->slow_ns,
		.history_ns = options->max_history_ns,
	};
	description.attached_ns = rqs_collector_start_ns(app->collector, &description.attached_real_ns);
	app->model = rqs_model_new(&description);
	if (!app->model)
		return -errno;
	status = rqs_probes_status(app->probes, &count);
	rqs_model_set_probes(app->model, status, count);
	return 0;
}

static void app_wake(void *data)
{
	struct app *app = data;

	if (app->server)
		rqs_server_wake(app->server);
}

/* Everything but the server, ready and not yet running. Return: an exit status. */
static int app_open(struct app *app, const struct rqs_options *options)
{
	struct rqs_shed_config shed = {
		.limit_ratio = options->max_overhead_ratio,
		.tick_ns = options->tick_ns,
		.parts = (RQS_PART_ROUTES | RQS_PART_CLIENT) & ~options->without,
	};
	char error[256] = "not enough memory";
	int status = app_attach(app, options);

	if (status)
		return status;
	app->handover = rqs_handover_new(app_wake, app);
	if (!app->handover ||
	    rqs_collector_new(app->probes, app->handover, &shed, &app->collector, error) || app_model(app, options))
		return complain(EXIT_FAILED, error);
	return EXIT_DONE;
}

static void *serve_run(void *data)
{
	struct app *app = data;
	int err = rqs_server_run(app->server);

	if (err) {
		fprintf(stderr, "rqscope: the server ended: %s\n", strerror(-err));
		kill(getpid(), SIGTERM);
	}
	return (void *)(intptr_t)err;
}

static void serve_announce(const struct app *app, const struct rqs_options *options, const char *token)
{
	bool v6 = strchr(options->listen_address, ':');

	if (options->listen_unix[0])
		printf("rqscope: dashboard at unix:%s%s%s\n", options->listen_unix, token ? "#token=" : "", token ? token : "");
	else
		printf("rqscope: dashboard at http://%s%s%s:%u/%s%s\n", v6 ? "[" : "", options->listen_address, v6 ? "]" : "",
		       rqs_server_port(app->server), token ? "#token=" : "", token ? token : "");
	fflush(stdout);
}

/* A login's soft limit is often 1024, which is for programs that use select(): fewer than so many clients need. */
static void raise_files(uint32_t clients)
{
	rlim_t wanted = FILES_BESIDE + 2 * (rlim_t)clients; /* as many connections as the server takes */
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int serve_open(struct app *app, const struct rqs_options *options, const char *token)
{
	struct rqs_server_config config = {
		.listen_address = options->listen_unix[0] ? NULL : options->listen_address,
		.listen_port = options->listen_port,
		.listen_unix = options->listen_unix[0] ? options->listen_unix : NULL,
		.token = token,
		.allow_hosts = options->allow_hosts,
		.allow_host_count = options->allow_host_count,
		.max_clients = options->max_clients,
	};
	char error[256];

	app->looker = rqs_looker_new(rqs_probes_maps(app->probes));
	if (!app->looker)
		return complain(EXIT_FAILED, "not enough memory");
	if (rqs_server_open(&config, app->model, &app->server, error))
		return complain(EXIT_FAILED, error);
	rqs_server_set_source(app->server, app->handover);
	rqs_server_set_look(app->server, rqs_looker_read, app->looker);
	rqs_probes_set_self(app->probes, rqs_server_port(app->server), options->listen_unix);
	return EXIT_DONE;
}

/*
 * A tick must not wait for the load that it measures: the collector's thread, and no other, gets the lowest real-time
 * priority, or where that is refused a better nice value. It sleeps but for a part of a millisecond a tick. A thread
 * inherits both, and needs no privilege to give them up.
 */
static void prefer_next_thread(bool prefer)
{
	struct sched_param param = { .sched_priority = prefer ? 1 : 0 };
	/* Should it ever not come to an end, the kernel ends the process before the host feels it. */
	struct rlimit limit = { .rlim_cur = REAL_TIME_LIMIT_US, .rlim_max = REAL_TIME_LIMIT_US };

	if (prefer)
		setrlimit(RLIMIT_RTTIME, &limit);
	if (sched_setscheduler(0, prefer ? SCHED_FIFO : SCHED_OTHER, &param) && prefer)
		setpriority(PRIO_PROCESS, 0, -10);
	else if (!prefer)
		setpriority(PRIO_PROCESS, 0, 0);
}

static int serve(struct app *app, const struct rqs_options *options)
{
	char token_text[RQS_TOKEN_BYTES_MAX + 1], error[256];
	const char *token = options->no_auth ? NULL : token_text;
	struct signalfd_siginfo info;
	pthread_t thread;
	void *result;
	int status;

	if (token && options->token_file) {
		if (rqs_token_read_file(options->token_file, token_text, error))
			return complain(EXIT_FAILED, error);
	} else if (token && rqs_token_generate(token_text)) {
		return complain(EXIT_FAILED, "the kernel gives no random numbers");
	}
	raise_files(options->max_clients);
	status = app_open(app, options);
	status = status ?: serve_open(app, options, token);
	if (status)
		return status;
	if (options->no_auth)
		complain(0, "warning: without a token every local user can read what the dashboard shows, paths of requests included");
	/* What is open stays open: maps, links, files of /proc and the port. Nothing else is needed from here on. */
	prefer_next_thread(true);
	if (rqs_privileges_drop(NULL, 0, error))
		complain(0, error);
	status = rqs_collector_start(app->collector);
	prefer_next_thread(false);
	if (status || pthread_create(&thread, NULL, serve_run, app))
		return complain(EXIT_FAILED, "can't start a thread");
	serve_announce(app, options, token);
	while (read(app->signal_fd, &info, sizeof(info)) < 0 && errno == EINTR)
		;
	rqs_server_stop(app->server);
	pthread_join(thread, &result);
	return result ? EXIT_FAILED : EXIT_DONE;
}

static int write_out(struct rqs_output *output, const void *data, size_t bytes)
{
	char error[RQS_OUTPUT_ERROR_MAX];

	if (output)
		return rqs_output_commit(output, data, bytes, error) ? complain(EXIT_FAILED, error) : EXIT_DONE;
	if (fwrite(data, 1, bytes, stdout) != bytes || fflush(stdout))
		return complain(EXIT_FAILED, "can't write to standard output");
	return EXIT_DONE;
}

static int snapshot_remote(const struct rqs_options *options, struct rqs_output *output)
{
	char error[256], token[RQS_TOKEN_BYTES_MAX + 1];
	struct rqs_remote remote;
	size_t bytes;
	char *data;
	int status;

	if (rqs_remote_parse(options->from_url, &remote, error))
		return complain(EXIT_USAGE, error);
	if (options->token_file) {
		if (rqs_token_read_file(options->token_file, token, error))
			return complain(EXIT_FAILED, error);
		if (rqs_remote_set_token(&remote, token))
			return complain(EXIT_FAILED, "the token file holds no token");
	}
	if (rqs_remote_fetch(&remote, RQS_REMOTE_LIMIT_MS, RQS_REMOTE_LIMIT_BYTES, &data, &bytes, error))
		return complain(EXIT_FAILED, error);
	status = write_out(output, data, bytes);
	free(data);
	return status;
}

static void take_windows(struct app *app)
{
	const struct rqs_window *window;

	while ((window = rqs_handover_pop(app->handover))) {
		rqs_model_apply(app->model, window);
		rqs_window_put(window);
	}
}

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

/* Measure for the time asked for; a signal ends it early and gives what there is. */
static int snapshot_local(struct app *app, const struct rqs_options *options, struct rqs_output *output)
{
	struct pollfd fd = { .events = POLLIN };
	struct rqs_text text;
	uint64_t end_ns;
	int status = app_open(app, options);

	if (status)
		return status;
	if (rqs_collector_start(app->collector))
		return complain(EXIT_FAILED, "can't start a thread");
	fd.fd = app->signal_fd;
	end_ns = now_ns() + options->for_ns;
	while (now_ns() < end_ns && !fd.revents) {
		uint64_t left_ns = end_ns - now_ns();

		if (left_ns > options->tick_ns)
			left_ns = options->tick_ns;
		poll(&fd, 1, (int)(left_ns / 1000000) + 1);
		take_windows(app);
	}
	rqs_collector_stop(app->collector);
	take_windows(app);
	text = rqs_snapshot_encode(app->model);
	if (!text.data)
		return complain(EXIT_FAILED, "not enough memory");
	status = write_out(output, text.data, text.bytes);
	free(text.data);
	return status;
}

static int snapshot(struct app *app, const struct rqs_options *options)
{
	char error[RQS_OUTPUT_ERROR_MAX];
	struct rqs_output *output = NULL;
	int status;

	if (options->output && rqs_output_open(options->output, &output, error))
		return complain(EXIT_FAILED, error);
	status = options->from_url ? snapshot_remote(options, output) : snapshot_local(app, options, output);
	rqs_output_close(output);
	return status;
}

int main(int argc, char **argv)
{
	struct app app = { .signal_fd = -1 };
	struct rqs_options options;
	char error[256];
	int status;

	if (open_standard_files())
		return EXIT_FAILED;
	if (rqs_options_parse(argc, argv, &options, error))
		return complain(EXIT_USAGE, error);
	switch (options.command) {
	case RQS_COMMAND_HELP:
		return fputs(rqs_options_help(), stdout) < 0 ? EXIT_FAILED : EXIT_DONE;
	case RQS_COMMAND_VERSION:
		return printf("rqscope %s\n", RQS_VERSION) < 0 ? EXIT_FAILED : EXIT_DONE;
	case RQS_COMMAND_CHECK:
		return rqs_check_run(options.json);
	case RQS_COMMAND_SERVE:
	case RQS_COMMAND_SNAPSHOT:
		break;
	}
	if (app_signals(&app))
		return complain(EXIT_FAILED, "can't receive signals");
	status = options.command == RQS_COMMAND_SERVE ? serve(&app, &options) : snapshot(&app, &options);
	app_close(&app);
	return status;
}
