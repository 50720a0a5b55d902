// SPDX-License-Identifier: GPL-2.0-only
#include "kernel_btf.h"

#include <bpf/btf.h>
#include <stdbool.h>
#include <stddef.h>

/* The linker's names for libbpf's own functions and for those that its calls are led to. */
struct btf *__real_btf__load_vmlinux_btf(void) __attribute__((weak));
void __real_btf__free(struct btf *btf) __attribute__((weak));
struct btf *__wrap_btf__load_vmlinux_btf(void);
void __wrap_btf__free(struct btf *btf);

static struct btf *kernel_btf;
static bool kernel_btf_held;

struct btf *__wrap_btf__load_vmlinux_btf(void)
{
	struct btf *btf;

	if (kernel_btf)
		return kernel_btf;
	btf = __real_btf__load_vmlinux_btf();
	if (kernel_btf_held)
		kernel_btf = btf; /* NULL on failure: the next one tries again */
	return btf;
}

void __wrap_btf__free(struct btf *btf)
{
	if (!btf || btf != kernel_btf)
		__real_btf__free(btf);
}

void rqs_kernel_btf_hold(void)
{
	kernel_btf_held = true;
}

void rqs_kernel_btf_drop(void)
{
	struct btf *btf = kernel_btf;

	kernel_btf_held = false;
	kernel_btf = NULL;
	if (btf)
		__real_btf__free(btf);
}
