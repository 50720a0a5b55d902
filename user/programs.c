// SPDX-License-Identifier: GPL-2.0-only
#include "programs.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "beside.h"
#include "probes_reason.h"

#define PROGRAMS_MAX 16

/* What one thread loads: a copy of the object with some of its programs, and maps that are there already. */
struct programs_part {
	struct bpf_object *object;
	int err;
	char complaint[RQS_COMPLAINT_MAX];
};

struct rqs_programs {
	struct programs_part parts[2];
	struct bpf_link *links[PROGRAMS_MAX];
	int fds[PROGRAMS_MAX];
	uint32_t link_count, fd_count;
};

static bool is_named(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

static int part_open(struct programs_part *part, const struct bpf_object_skeleton *skeleton, const char *const *aside, bool is_aside)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = skeleton->name);
	struct bpf_program *program;

	part->object = bpf_object__open_mem(skeleton->data, skeleton->data_sz, &opts);
	if (!part->object)
		return -errno;
	bpf_object__for_each_program(program, part->object) {
		const char *name = bpf_program__name(program);
		const struct bpf_program *model = bpf_object__find_program_by_name(*skeleton->obj, name);

		bpf_program__set_autoload(program, bpf_program__autoload(model) && is_named(aside, name) == is_aside);
		bpf_program__set_autoattach(program, bpf_program__autoattach(model));
	}
	return 0;
}

static int part_share(struct programs_part *part, const struct bpf_object *maps)
{
	struct bpf_map *map, *own = NULL;
	int err = 0;

	/* Both come from the same bytes, so their maps are in the same order. */
	bpf_object__for_each_map(map, maps) {
		own = bpf_object__next_map(part->object, own);
		err = err ?: bpf_map__reuse_fd(own, bpf_map__fd(map));
	}
	return err;
}

static void *part_load(void *data)
{
	struct programs_part *part = data;

	rqs_complaint_set("");
	part->err = bpf_object__load(part->object);
	if (part->err)
		strcpy(part->complaint, rqs_complaint());
	return NULL;
}

/* Its programs are loaded by others. */
static int object_load_maps(struct bpf_object_skeleton *skeleton)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, *skeleton->obj)
		bpf_program__set_autoload(program, false);
	return bpf_object__load_skeleton(skeleton);
}

static int programs_load(struct rqs_programs *programs)
{
	struct programs_part *parts = programs->parts;
	struct rqs_beside beside;

	rqs_beside_start(&beside, part_load, &parts[1]);
	part_load(&parts[0]);
	rqs_beside_wait(&beside);
	for (int i = 0; i < 2; i++) {
		if (parts[i].err) {
			rqs_complaint_set("");
			rqs_complaint_set(parts[i].complaint);
			return parts[i].err;
		}
	}
	return 0;
}

/* File descriptors of their own, which outlive the objects. */
static int programs_keep(struct rqs_programs *programs)
{
	struct bpf_program *program;
	int fd;

	for (int i = 0; i < 2; i++) {
		bpf_object__for_each_program(program, programs->parts[i].object) {
			if (!bpf_program__autoload(program))
				continue;
			if (programs->fd_count == PROGRAMS_MAX)
				return -E2BIG;
			fd = fcntl(bpf_program__fd(program), F_DUPFD_CLOEXEC, 0);
			if (fd < 0)
				return -errno;
			programs->fds[programs->fd_count++] = fd;
		}
	}
	return 0;
}

int rqs_programs_load(struct bpf_object_skeleton *skeleton, const char *const *aside, struct rqs_programs **ret_programs)
{
	struct rqs_programs *programs = calloc(1, sizeof(*programs));
	int err = programs ? 0 : -ENOMEM;

	for (int i = 0; i < 2 && !err; i++)
		err = part_open(&programs->parts[i], skeleton, aside, i);
	err = err ?: object_load_maps(skeleton);
	for (int i = 0; i < 2 && !err; i++)
		err = part_share(&programs->parts[i], *skeleton->obj);
	err = err ?: programs_load(programs);
	err = err ?: programs_keep(programs);
	if (err)
		rqs_programs_free(programs);
	else
		*ret_programs = programs;
	return err;
}

const struct bpf_program *rqs_programs_find(const struct rqs_programs *programs, const char *name)
{
	const struct bpf_program *program;

	for (int i = 0; i < 2; i++) {
		program = bpf_object__find_program_by_name(programs->parts[i].object, name);
		if (program && bpf_program__autoload(program))
			return program;
	}
	return NULL;
}

int rqs_programs_attach(struct rqs_programs *programs)
{
	struct bpf_program *program;
	struct bpf_link *link;

	for (int i = 0; i < 2; i++) {
		bpf_object__for_each_program(program, programs->parts[i].object) {
			if (!bpf_program__autoload(program) || !bpf_program__autoattach(program))
				continue;
			link = bpf_program__attach(program);
			if (!link)
				return -errno;
			programs->links[programs->link_count++] = link;
		}
	}
	return 0;
}

void rqs_programs_settle(struct rqs_programs *programs)
{
	for (int i = 0; i < 2; i++) {
		bpf_object__close(programs->parts[i].object);
		programs->parts[i].object = NULL;
	}
}

uint64_t rqs_program_misses(int fd)
{
	struct bpf_prog_info info = {};
	uint32_t bytes = sizeof(info);

	return fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &bytes) ? info.recursion_misses : 0;
}

uint64_t rqs_programs_misses(const struct rqs_programs *programs)
{
	uint64_t misses = 0;

	for (uint32_t i = 0; i < programs->fd_count; i++)
		misses += rqs_program_misses(programs->fds[i]);
	return misses;
}

void rqs_programs_free(struct rqs_programs *programs)
{
	if (!programs)
		return;
	for (uint32_t i = 0; i < programs->link_count; i++)
		bpf_link__destroy(programs->links[i]);
	rqs_programs_settle(programs);
	for (uint32_t i = 0; i < programs->fd_count; i++)
		close(programs->fds[i]);
	free(programs);
}
