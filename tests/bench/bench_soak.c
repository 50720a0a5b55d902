// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_soak - rqscope for ten minutes under load: nginx as fast as it can, clients that read, read nothing, come and go.
 * Usage: bench_soak RQSCOPE [SECONDS]. Needs root; nginx and wrk where they are installed.
 *
 * History takes ten minutes to be full of ticks, and six hours to be full of seconds; memory that was reserved for it counts as soon as it
 * is touched, so what a run of ten minutes can tell is that nothing else grows as much. test_day.c tells it to the byte, of what computes.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clients.h"
#include "loops.h"
#include "process.h"
#include "rows.h"

#define SECONDS 600
#define BEGIN_PART 6 /* after this part of the time things have settled */
#define STEP_S 10
#define FILES 5000
#define CLIENTS 200
#define DEAF 20
#define CHURN 20
#define HISTORY_KB_PER_S 34 /* 12 MB of ticks and 8 MB of services are touched in the first ten minutes, see docs/command-line.md */
#define SETTLE_KB 2048	    /* what the allocator keeps for the next client */

static uint32_t files_open(pid_t pid)
{
	uint32_t count = 0;
	char path[64];
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	folder = opendir(path);
	while (folder && readdir(folder))
		count++;
	if (folder)
		closedir(folder);
	return count;
}

struct extent {
	uint64_t first_kb, last_kb;
	uint32_t files_min, files_max;
};

static int soak(struct bench_rqscope *rqscope, struct bench_nginx *nginx, uint32_t seconds, struct extent *ret)
{
	uint64_t begin_ns = bench_now_ns();
	uint32_t at_s = 0;

	*ret = (struct extent){ .files_min = UINT32_MAX };
	while (at_s < seconds) {
		struct bench_load load;
		uint32_t files;

		if (!nginx || bench_nginx_load(nginx, STEP_S < seconds ? STEP_S : seconds, &load))
			bench_wait_ms(STEP_S < seconds ? 1000 * STEP_S : 1000 * seconds);
		at_s = (bench_now_ns() - begin_ns) / 1000000000ULL;
		ret->last_kb = bench_process_rss_kb(rqscope->process.pid);
		files = files_open(rqscope->process.pid);
		if (!ret->last_kb)
			return -ESRCH;
		if (at_s < seconds / BEGIN_PART)
			continue;
		if (!ret->first_kb)
			ret->first_kb = ret->last_kb;
		ret->files_min = files < ret->files_min ? files : ret->files_min;
		ret->files_max = files > ret->files_max ? files : ret->files_max;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *limit = getenv("BENCH_LIMIT_S");
	uint32_t seconds = argc > 2 ? (uint32_t)atoi(argv[2]) : limit ? (uint32_t)atoi(limit) * 2 : SECONDS;
	struct bench_clients_config config = { .count = CLIENTS, .deaf = DEAF, .churn_per_s = CHURN, .cpu = -1 };
	struct bench_clients clients;
	struct bench_rqscope rqscope;
	struct bench_nginx nginx;
	struct extent extent = { 0 };
	bool has_nginx;
	char what[80];
	int err;

	if (argc < 2 || !seconds || seconds > 86400) {
		fprintf(stderr, "usage: bench_soak RQSCOPE [SECONDS]\n");
		return 2;
	}
	err = bench_clients_room(FILES);
	err = err ?: bench_rqscope_start_with(&rqscope, argv[1], (const char *const[]){ "--max-clients", "1000", NULL });
	if (err)
		return 1;
	has_nginx = !bench_nginx_start(&nginx);
	config.port = rqscope.port;
	config.token = rqscope.token;
	err = bench_clients_start(&clients, &config);
	if (!err) {
		err = bench_clients_connected(&clients, CLIENTS, 30000);
		err = err ?: soak(&rqscope, has_nginx ? &nginx : NULL, seconds, &extent);
		printf("%u windows missing, %u clients lost, %u came and went\n", (unsigned int)atomic_load(&clients.told->holes),
		       atomic_load(&clients.told->lost), atomic_load(&clients.told->come));
		err = err ?: atomic_load(&clients.told->holes) ? -ENODATA : 0;
		bench_clients_end(&clients);
	}
	if (has_nginx)
		bench_nginx_end(&nginx);
	err = bench_rqscope_end(&rqscope) ?: err;
	if (err) {
		fprintf(stderr, "bench_soak: rqscope did not serve to the end: %s\n", strerror(-err));
		return 1;
	}
	snprintf(what, sizeof(what), "%u s under load: memory and descriptors", seconds);
	bench_row(what, "", "no more than history reserves",
		  bench_met_if((int64_t)(extent.last_kb - extent.first_kb) < (int64_t)HISTORY_KB_PER_S * seconds + SETTLE_KB &&
			       extent.files_max - extent.files_min < 2 * CHURN + DEAF),
		  "%+lld kB, %u to %u open", (long long)(extent.last_kb - extent.first_kb), extent.files_min, extent.files_max);
	return 0;
}
