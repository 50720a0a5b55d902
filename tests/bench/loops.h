/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * loops - what is timed: the same few system calls over and over, on one CPU.
 * Errors: 0 or -errno. Threads: from one thread, pinned with bench_pin().
 */
#ifndef RQS_BENCH_LOOPS_H
#define RQS_BENCH_LOOPS_H

#include <stdbool.h>
#include <stdint.h>

/** bench_now_ns() - CLOCK_MONOTONIC. */
uint64_t bench_now_ns(void);

/** bench_wait_ms() - between two looks at a condition. */
void bench_wait_ms(unsigned int ms);

/** bench_pin() - the calling thread runs on @cpu only; @cpu < 0: on any CPU that it could run on at start. */
int bench_pin(int cpu);

/** bench_cpu() - a CPU of those that may be used: the last one, or (@other) the first. */
int bench_cpu(bool other);

/* A keep-alive connection over loopback; both ends are ours. */
struct bench_http {
	int client;
	int server;
	uint32_t port;
	uint64_t requests; /* made on it */
};

int bench_http_open(struct bench_http *http);
void bench_http_close(struct bench_http *http);

/** bench_http_request_bytes() and bench_http_response_bytes(): what goes over it for each request. */
uint32_t bench_http_request_bytes(void);
uint32_t bench_http_response_bytes(void);

/**
 * bench_http_time() - time per request: write it, read it, write the response, read it.
 * @ret_ns: median of short batches; a batch in which the CPU was taken away is left out.
 * Return: 0, or -EAGAIN when too few batches were left alone. No other loop but that of switches sleeps either.
 */
int bench_http_time(struct bench_http *http, uint64_t for_ns, double *ret_ns);

/** bench_getppid_time() - as above, of one system call that no tool asked about. */
int bench_getppid_time(uint64_t for_ns, double *ret_ns);

/** bench_pipe_time() - as above, of writing one byte to a pipe and reading it. */
int bench_pipe_time(uint64_t for_ns, double *ret_ns);

/** bench_switch_time() - time per context switch: two threads on one CPU wake each other. First quartile of batches. */
int bench_switch_time(uint64_t for_ns, double *ret_ns);

#endif
