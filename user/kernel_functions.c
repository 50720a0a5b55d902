// SPDX-License-Identifier: GPL-2.0-only
#include "kernel_functions.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <unistd.h>

static bool functions_are_on(void)
{
	FILE *file = fopen("/proc/sys/kernel/ftrace_enabled", "re");
	bool on = file && fgetc(file) == '1';

	if (file)
		fclose(file);
	return on;
}

static bool functions_try(int btf_id)
{
	static const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FEXIT, .attach_btf_id = (__u32)btf_id);
	int fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "rqs_nothing", "GPL", nothing, 2, &opts);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

bool rqs_kernel_has_function(const char *name)
{
	struct btf *btf;
	int id;

	if (!functions_are_on())
		return false;
	btf = btf__load_vmlinux_btf();
	if (!btf || libbpf_get_error(btf))
		return false;
	id = btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);
	btf__free(btf);
	return id > 0 && functions_try(id);
}
