// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_connections - tens of thousands of traced connections at once, and a million one after the other: whether all is counted,
 * nothing stays, and how much memory of the kernel each takes.
 * Usage: bench_connections RQSCOPE. Takes a minute; needs root.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients.h"
#include "loops.h"
#include "pairs.h"
#include "process.h"
#include "rows.h"

#define FILES 20000
#define HELD_PROCESSES 6
#define HELD_EACH 8400
#define CHURN_PROCESSES 2
#define CHURN_EACH 500000
#define SETTLE_NS 10000000000ULL
#define TARGET_BYTES 512
#define GROWTH_KB 4096 /* its history grows, too; a few bytes of each connection would be more */

static uint32_t shrink = 1;

/*
 * What objects of the general slabs take, in which the kernel keeps what BPF has on a socket. All slabs together also hold inodes
 * and buffers of whoever else does something.
 */
static uint64_t slab_kb(void)
{
	FILE *file = fopen("/proc/slabinfo", "re");
	unsigned long long objects, object_bytes, bytes = 0;
	char line[512];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, "kmalloc-", 8) && sscanf(line, "%*s %llu %*u %llu", &objects, &object_bytes) == 2)
			bytes += objects * object_bytes;
	fclose(file);
	return bytes / 1024;
}

/* Wait until the kernel has given back what connections took. Return: what is still taken, in kB. */
static int64_t settle(uint64_t before_kb, int64_t least_kb)
{
	uint64_t end_ns = bench_now_ns() + SETTLE_NS;
	int64_t left_kb;

	do {
		bench_wait_ms(100);
		left_kb = (int64_t)slab_kb() - (int64_t)before_kb;
	} while (left_kb > least_kb && bench_now_ns() < end_ns);
	return left_kb;
}

static int counted(struct bench_rqscope *rqscope, const struct bench_pairs *pairs, uint64_t each)
{
	int err = 0;

	for (uint32_t i = 0; i < pairs->count && !err; i++)
		err = bench_rqscope_counted(rqscope, pairs->ports[i], each);
	return err;
}

/* @rqscope: NULL, or what must have counted. @ret_kb: what slabs grew by. */
static int hold(struct bench_rqscope *rqscope, int64_t *ret_kb, int64_t *ret_left_kb)
{
	uint64_t before_kb = slab_kb();
	struct bench_pairs pairs;
	int err = bench_pairs_hold(&pairs, HELD_PROCESSES, HELD_EACH / shrink);

	*ret_kb = (int64_t)slab_kb() - (int64_t)before_kb;
	if (!err && rqscope) {
		err = counted(rqscope, &pairs, pairs.each);
		err = err ?: bench_pairs_ask(&pairs);
		err = err ?: counted(rqscope, &pairs, 2ULL * pairs.each);
	}
	bench_pairs_end(&pairs);
	*ret_left_kb = settle(before_kb, *ret_kb / 20);
	return err;
}

static int hold_all(const char *path)
{
	uint32_t count = HELD_PROCESSES * (HELD_EACH / shrink);
	int64_t bare_kb, traced_kb, left_kb, each;
	struct bench_rqscope rqscope;
	int err = hold(NULL, &bare_kb, &left_kb); /* what is kept for later reuse grows once */

	err = err ?: hold(NULL, &bare_kb, &left_kb);
	err = err ?: bench_rqscope_start(&rqscope, path, 0, NULL);
	if (err)
		return err;
	err = hold(&rqscope, &traced_kb, &left_kb);
	bench_rqscope_end(&rqscope);
	if (err && err != -ERANGE)
		return err;
	each = (traced_kb - bare_kb) * 1024 / (2 * (int64_t)count);
	printf("%u connections open at once, both ends traced: slabs grew by %lld kB, by %lld kB with nothing attached; %s; %lld kB stayed\n",
	       count, (long long)traced_kb, (long long)bare_kb, err ? "not all was counted" : "all requests counted in both roles",
	       (long long)left_kb);
	bench_row("50,000 traced connections open at once", "", "counts exact, nothing left behind",
		  bench_met_if(!err && left_kb <= traced_kb / 20), "%u: %s", count, err ? "not exact" : "exact");
	bench_row("kernel memory of a traced connection, each end", "the same connections untraced", "under 512 B",
		  shrink > 1 ? BENCH_UNTOLD : bench_met_if(each < TARGET_BYTES), "%lld B", (long long)each);
	return 0;
}

static int churn_all(const char *path)
{
	uint64_t count = CHURN_PROCESSES * (uint64_t)(CHURN_EACH / shrink), before_kb, rss_before_kb, begin_ns;
	struct bench_rqscope rqscope;
	struct bench_pairs pairs;
	int64_t left_kb, grown_kb;
	int err = bench_rqscope_start(&rqscope, path, 0, NULL), count_err;

	if (err)
		return err;
	/* One that is small, so that what is made once is there. */
	err = bench_pairs_churn(&pairs, CHURN_PROCESSES, 1000);
	bench_pairs_end(&pairs);
	before_kb = slab_kb();
	rss_before_kb = bench_process_rss_kb(rqscope.process.pid);
	begin_ns = bench_now_ns();
	err = err ?: bench_pairs_churn(&pairs, CHURN_PROCESSES, CHURN_EACH / shrink);
	count_err = err ?: counted(&rqscope, &pairs, pairs.each);
	printf("%llu connections opened, used and closed in %.0f s: ", (unsigned long long)count, (bench_now_ns() - begin_ns) / 1e9);
	bench_pairs_end(&pairs);
	left_kb = settle(before_kb, 4096);
	grown_kb = (int64_t)bench_process_rss_kb(rqscope.process.pid) - (int64_t)rss_before_kb;
	bench_rqscope_end(&rqscope);
	if (err)
		return err;
	printf("%s; slabs grew by %lld kB, rqscope by %lld kB\n", count_err ? "not all was counted" : "all counted in both roles",
	       (long long)left_kb, (long long)grown_kb);
	bench_row("1,000,000 connections opened and closed", "", "counts exact, nothing left behind",
		  bench_met_if(!count_err && grown_kb < GROWTH_KB), "%s; rqscope grew by %lld kB", count_err ? "not exact" : "exact",
		  (long long)grown_kb);
	return 0;
}

int main(int argc, char **argv)
{
	const char *limit = getenv("BENCH_LIMIT_S");
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: bench_connections RQSCOPE\n");
		return 2;
	}
	if (limit && atoi(limit) < 10)
		shrink = 500;
	err = bench_clients_room(FILES);
	err = err ?: hold_all(argv[1]);
	err = err ?: churn_all(argv[1]);
	if (err)
		fprintf(stderr, "bench_connections: could not be measured: %s\n", strerror(-err));
	return err ? 1 : 0;
}
