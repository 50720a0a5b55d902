/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * process - the programs that the benchmarks start: rqscope itself, nginx and wrk.
 * Errors: 0 or -errno; why is said on standard error. Each one is ended by its pid.
 */
#ifndef RQS_BENCH_PROCESS_H
#define RQS_BENCH_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

struct bench_process {
	pid_t pid;
	int output; /* what it prints is read here */
};

/** bench_process_start() - run @argv on @cpu (as bench_pin()). Found through PATH; also /usr/sbin is looked at. */
int bench_process_start(struct bench_process *process, char *const argv[], int cpu);

/** bench_process_read() - what it prints, up to @until, its end, or the limit (-ETIMEDOUT). @ret_text ends with 0. */
int bench_process_read(struct bench_process *process, const char *until, unsigned int limit_ms, char *ret_text,
		       size_t text_bytes);

/** bench_process_end() - SIGTERM, and SIGKILL (-ETIMEDOUT) when it is still there after @limit_ms. */
int bench_process_end(struct bench_process *process, unsigned int limit_ms);

/** bench_process_rss_kb() - what it has in memory; 0 when it has ended. */
uint64_t bench_process_rss_kb(pid_t pid);

struct bench_rqscope {
	struct bench_process process;
	uint32_t port;
	char token[128];
	uint32_t roles; /* that count a request */
};

/**
 * bench_rqscope_start() - run the binary at @path until it serves.
 * @tap: 'A', 'B'; 0: its own choice. @without: parts that it leaves out, or NULL. Sets ->roles to 2.
 */
int bench_rqscope_start(struct bench_rqscope *rqscope, const char *path, char tap, const char *without);

/** bench_rqscope_start_with() - likewise, with these options, up to a NULL; at most 12 words. */
int bench_rqscope_start_with(struct bench_rqscope *rqscope, const char *path, const char *const *options);

/**
 * bench_rqscope_counted() - wait until rqscope has counted what was sent to the service at @port.
 * Return: 0 when requests and responses are @requests in each of its roles and none is open or was aborted, -ERANGE when they aren't after 2 s.
 */
int bench_rqscope_counted(struct bench_rqscope *rqscope, uint32_t port, uint64_t requests);

/** bench_rqscope_switched() - likewise, for context switches of the host: at least so many. */
int bench_rqscope_switched(struct bench_rqscope *rqscope, uint64_t switches);

int bench_rqscope_end(struct bench_rqscope *rqscope);

struct bench_nginx {
	struct bench_process process;
	char folder[64];
	uint32_t port;
};

struct bench_load {
	double requests_per_s;
	double server_cpu_ns; /* CPU time of nginx for each request */
};

/** bench_nginx_start() - one worker on one CPU that answers from memory. -ENOENT: not installed. */
int bench_nginx_start(struct bench_nginx *nginx);
void bench_nginx_end(struct bench_nginx *nginx);

/** bench_nginx_load() - wrk with 16 connections on another CPU for @seconds. */
int bench_nginx_load(struct bench_nginx *nginx, unsigned int seconds, struct bench_load *ret_load);

#endif
