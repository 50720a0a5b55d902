// SPDX-License-Identifier: GPL-2.0-only
#include "process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loops.h"

#define BODY_BYTES 612

static uint32_t free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return 0;
	if (bind(fd, (struct sockaddr *)&address, length) || getsockname(fd, (struct sockaddr *)&address, &length))
		address.sin_port = 0;
	close(fd);
	return ntohs(address.sin_port);
}

static int write_config(const struct bench_nginx *nginx)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/nginx.conf", nginx->folder);
	file = fopen(path, "we");
	if (!file)
		return -errno;
	fprintf(file,
		"daemon off;\nmaster_process off;\npid %s/pid;\nerror_log stderr crit;\nevents {}\n"
		"http {\n\taccess_log off;\n\tkeepalive_requests 100000000;\n"
		"\tclient_body_temp_path %s/b;\n\tproxy_temp_path %s/p;\n\tfastcgi_temp_path %s/f;\n"
		"\tuwsgi_temp_path %s/u;\n\tscgi_temp_path %s/s;\n"
		"\tserver {\n\t\tlisten 127.0.0.1:%u;\n\t\tlocation / { return 200 \"%0*d\"; }\n\t}\n}\n",
		nginx->folder, nginx->folder, nginx->folder, nginx->folder, nginx->folder, nginx->folder, nginx->port,
		BODY_BYTES, 0);
	return fclose(file) ? -errno : 0;
}

static bool answers(uint32_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool connected = fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address));

	if (fd >= 0)
		close(fd);
	return connected;
}

static void remove_folder(const char *folder)
{
	static const char *const names[] = { "nginx.conf", "pid", "b", "p", "f", "u", "s" };
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		remove(path);
	}
	rmdir(folder);
}

int bench_nginx_start(struct bench_nginx *nginx)
{
	uint64_t end_ns = bench_now_ns() + 5000000000ULL;
	char config[128];
	char *argv[] = { "nginx", "-c", config, "-e", "stderr", NULL };
	int err;

	snprintf(nginx->folder, sizeof(nginx->folder), "/tmp/rqscope-bench-XXXXXX");
	if (!mkdtemp(nginx->folder))
		return -errno;
	snprintf(config, sizeof(config), "%s/nginx.conf", nginx->folder);
	nginx->port = free_port();
	err = nginx->port ? write_config(nginx) : -EADDRNOTAVAIL;
	err = err ?: bench_process_start(&nginx->process, argv, bench_cpu(false));
	if (!err) {
		while (!answers(nginx->port) && bench_now_ns() < end_ns)
			bench_wait_ms(10);
		if (answers(nginx->port))
			return 0;
		err = -ENOENT;
		bench_process_end(&nginx->process, 5000);
	}
	fprintf(stderr, "bench: nginx does not start\n");
	remove_folder(nginx->folder);
	return err;
}

void bench_nginx_end(struct bench_nginx *nginx)
{
	bench_process_end(&nginx->process, 5000);
	remove_folder(nginx->folder);
}

/* Exact, and not touched by who else wants the CPU. */
static uint64_t cpu_time_ns(pid_t pid)
{
	unsigned long long run_ns = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%llu", &run_ns) != 1)
		run_ns = 0;
	fclose(file);
	return run_ns;
}

int bench_nginx_load(struct bench_nginx *nginx, unsigned int seconds, struct bench_load *ret_load)
{
	char duration[16], url[64], text[4096];
	char *argv[] = { "wrk", "-t1", "-c16", "-d", duration, url, NULL };
	struct bench_process wrk;
	unsigned long long requests;
	uint64_t before_ns;
	const char *at;
	int err;

	snprintf(duration, sizeof(duration), "%us", seconds);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", nginx->port);
	before_ns = cpu_time_ns(nginx->process.pid);
	err = bench_process_start(&wrk, argv, bench_cpu(true));
	if (err)
		return err;
	err = bench_process_read(&wrk, NULL, seconds * 1000 + 5000, text, sizeof(text));
	bench_process_end(&wrk, 5000);
	if (err)
		return err;
	at = strstr(text, " requests in ");
	while (at && at > text && at[-1] != ' ')
		at--;
	if (!at || sscanf(at, "%llu", &requests) != 1 || !requests)
		return -EPROTO;
	at = strstr(text, "Requests/sec:");
	if (!at || sscanf(at, "Requests/sec: %lf", &ret_load->requests_per_s) != 1)
		return -EPROTO;
	ret_load->server_cpu_ns = (double)(cpu_time_ns(nginx->process.pid) - before_ns) / requests;
	return 0;
}
