// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_memory - what rqscope takes: alone with six hours of history, for each client, in the kernel for each service.
 * Usage: bench_memory RQSCOPE. Takes half a minute; needs root.
 *
 * Six hours are played to the model of this process, by the clock of its windows; what that took is added to a real rqscope's.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build_window.h"
#include "clients.h"
#include "loops.h"
#include "process.h"
#include "rows.h"

#define CLIENTS 2000
#define SERVICES_FEW 2
#define SERVICES_MANY 102
#define YOUNG 100 /* windows */
#define OLD (6 * 3600 * 10 + 6000)
#define LIMIT_MS 30000

#define TARGET_ALONE_KB (40 << 10)
#define TARGET_CLIENT_BYTES 4096
#define TARGET_SERVICE_BYTES 16384

/* --- history ------------------------------------------------------------------------------------------------ */

/* Five services, two of which are busy now and then, and a run queue: an ordinary host. */
static void play(struct build *build, struct rqs_model *model, uint64_t from, uint64_t to)
{
	static struct rqs_service_ident idents[5];
	uint64_t waits_ns[40], state = from;

	for (uint32_t i = 0; i < 5; i++)
		idents[i] = build_ident(i + RQS_ROLE_COUNT, "service", 8080 + i);
	for (uint64_t seq = from; seq <= to; seq++) {
		build_tick(build, seq);
		for (uint32_t i = 0; i < 5; i++)
			if (i < 2 || seq % 50 == i)
				build_answers(build, build_service(build, &idents[i]), 200, 5, 20000000 * build_uniform(&state));
		for (uint32_t i = 0; i < 40; i++)
			waits_ns[i] = 5000000 * build_uniform(&state) * build_uniform(&state);
		build_dist(build, &build->window.runqueue, waits_ns, 40);
		if (seq % 10 == 0)
			build_vitals(build);
		if (rqs_model_apply(model, &build->window)) {
			fprintf(stderr, "bench_memory: a window is refused\n");
			exit(1);
		}
	}
}

static int alone(const char *path)
{
	static struct build build;
	struct bench_rqscope rqscope;
	uint64_t young_kb, old_kb, real_kb;
	struct rqs_model *model = rqs_model_new(build_host());
	int err = model ? bench_rqscope_start(&rqscope, path, 0, NULL) : -ENOMEM;

	if (err)
		return err;
	bench_wait_ms(YOUNG * 100);
	real_kb = bench_process_rss_kb(rqscope.process.pid);
	err = bench_rqscope_end(&rqscope);
	play(&build, model, 1, YOUNG);
	young_kb = bench_process_rss_kb(getpid());
	play(&build, model, YOUNG + 1, getenv("BENCH_LIMIT_S") ? 20 * YOUNG : OLD);
	old_kb = bench_process_rss_kb(getpid());
	rqs_model_free(model);
	printf("rqscope alone: %.1f MB resident after %u s; six hours of history take %.1f MB more\n", real_kb / 1024.0, YOUNG / 10,
	       (old_kb - young_kb) / 1024.0);
	bench_row("resident memory, alone with full history", "", "under 40 MB",
		  bench_met_if(real_kb + old_kb - young_kb < TARGET_ALONE_KB), "%.1f MB", (real_kb + old_kb - young_kb) / 1024.0);
	return err;
}

/* --- clients --------------------------------------------------------------------------------------------------- */

static int each_client(const char *path)
{
	static const char *const options[] = { "--max-clients", "2000", NULL };
	struct bench_rqscope rqscope;
	struct bench_clients clients;
	struct bench_clients_config config = { .count = getenv("BENCH_LIMIT_S") ? CLIENTS / 20 : CLIENTS, .cpu = -1 };
	uint64_t before_kb, after_kb;
	int64_t each;
	int err = bench_rqscope_start_with(&rqscope, path, options);

	if (err)
		return err;
	bench_wait_ms(2000);
	before_kb = bench_process_rss_kb(rqscope.process.pid);
	config.port = rqscope.port;
	config.token = rqscope.token;
	err = bench_clients_start(&clients, &config);
	err = err ?: bench_clients_connected(&clients, config.count, LIMIT_MS);
	bench_wait_ms(3000);
	after_kb = bench_process_rss_kb(rqscope.process.pid);
	bench_clients_end(&clients);
	bench_rqscope_end(&rqscope);
	if (err)
		return err;
	each = ((int64_t)after_kb - (int64_t)before_kb) * 1024 / config.count;
	printf("%u clients: %.1f MB resident, %.1f MB without them\n", config.count, after_kb / 1024.0, before_kb / 1024.0);
	bench_row("resident memory of a client, of 2,000", "", "under 4 KB",
		  config.count == CLIENTS ? bench_met_if(each < TARGET_CLIENT_BYTES) : BENCH_UNTOLD, "%lld B",
		  (long long)each);
	return 0;
}

/* --- services ----------------------------------------------------------------------------------------------------- */

/* What the kernel says that a process's BPF maps take. A map that was opened twice counts once: by its id. */
static uint64_t maps_bytes(pid_t pid)
{
	unsigned int ids[512], count = 0;
	char path[300], line[256];
	struct dirent *entry;
	uint64_t bytes = 0;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo", pid);
	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		unsigned long long memlock = 0;
		unsigned int id = 0;
		bool known = false;
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/fdinfo/%.200s", pid, entry->d_name);
		file = fopen(path, "re");
		while (file && fgets(line, sizeof(line), file))
			if (sscanf(line, "memlock: %llu", &memlock) != 1)
				(void)!sscanf(line, "map_id: %u", &id);
		if (file)
			fclose(file);
		for (unsigned int i = 0; i < count; i++)
			known |= ids[i] == id;
		if (!id || known || count == 512)
			continue;
		ids[count++] = id;
		bytes += memlock;
	}
	if (folder)
		closedir(folder);
	return bytes;
}

static int maps_with(const char *path, uint32_t services, uint64_t *ret_bytes)
{
	char number[16];
	const char *options[] = { "--max-services", number, NULL };
	struct bench_rqscope rqscope;
	int err;

	snprintf(number, sizeof(number), "%u", services);
	err = bench_rqscope_start_with(&rqscope, path, options);
	if (err)
		return err;
	*ret_bytes = maps_bytes(rqscope.process.pid);
	return bench_rqscope_end(&rqscope);
}

static int each_service(const char *path)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	uint64_t few_bytes, many_bytes;
	double each;
	int err = maps_with(path, SERVICES_FEW, &few_bytes);

	err = err ?: maps_with(path, SERVICES_MANY, &many_bytes);
	if (err)
		return err;
	each = (double)(many_bytes - few_bytes) / (SERVICES_MANY - SERVICES_FEW) / cpus;
	printf("BPF maps: %.1f MB for %u services, %.1f MB for %u, %ld CPUs\n", few_bytes / 1048576.0, SERVICES_FEW,
	       many_bytes / 1048576.0, SERVICES_MANY, cpus);
	bench_row("kernel memory of a service, for each CPU", "", "under 16 KB",
		  many_bytes > few_bytes ? bench_met_if(each < TARGET_SERVICE_BYTES) : BENCH_UNTOLD, "%.0f B", each);
	return 0;
}

int main(int argc, char **argv)
{
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: bench_memory RQSCOPE\n");
		return 2;
	}
	err = bench_clients_room(3 * CLIENTS);
	err = err ?: alone(argv[1]);
	err = err ?: each_client(argv[1]);
	err = err ?: each_service(argv[1]);
	if (err)
		fprintf(stderr, "bench_memory: could not be measured: %s\n", strerror(-err));
	return err ? 1 : 0;
}
