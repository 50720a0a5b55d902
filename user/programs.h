/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * programs - the programs of one BPF object, loaded by two threads at once, and attached.
 * Downstream: probes_http.c.
 *
 * The verifier takes up to a tenth of a second for one of them, and lets those with CAP_BPF go on side by side (kernel/bpf/verifier.c,
 * bpf_check(): its lock is for the others). libbpf loads an object's programs one after the other. So the object itself is loaded with
 * its maps alone, then two copies of it that share these maps, each with its part of the programs.
 */
#ifndef RQS_PROGRAMS_H
#define RQS_PROGRAMS_H

#include <bpf/libbpf.h>
#include <stdint.h>

struct rqs_programs; /* opaque */

/**
 * rqs_programs_load() - make the maps of an object that is open, and load those of its programs that are to be loaded.
 * @skeleton: its maps and variables are used as always; of its programs only what is set before: autoload and autoattach.
 * @aside: names, up to a NULL, of those that the other thread loads; about half of the work.
 * Return: 0; -errno with the cause in rqs_complaint() and nothing left behind but the maps, which are the skeleton's.
 */
int rqs_programs_load(struct bpf_object_skeleton *skeleton, const char *const *aside, struct rqs_programs **ret_programs);

/** rqs_programs_find() - a program that was loaded, or NULL; valid until rqs_programs_settle(). */
const struct bpf_program *rqs_programs_find(const struct rqs_programs *programs, const char *name);

/** rqs_programs_attach() - all that are to be attached. Return: 0 or -errno; what is attached stays so until rqs_programs_free(). */
int rqs_programs_attach(struct rqs_programs *programs);

/** rqs_programs_settle() - all is attached: give back the memory that only loading and finding need. */
void rqs_programs_settle(struct rqs_programs *programs);

/** rqs_programs_misses() - runs that the kernel skipped since a program was already running on that CPU. */
uint64_t rqs_programs_misses(const struct rqs_programs *programs);

/** rqs_programs_free() - detach and unload. NULL is fine. */
void rqs_programs_free(struct rqs_programs *programs);

/** rqs_program_misses() - of a single one, by its file descriptor; what is none has none. */
uint64_t rqs_program_misses(int fd);

#endif
