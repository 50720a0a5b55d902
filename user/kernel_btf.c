// SPDX-License-Identifier: GPL-2.0-only
#include "kernel_btf.h"

#include <bpf/btf.h>
#include <stddef.h>

/* The linker's names for libbpf's own functions and for those that its calls are led to. */
struct btf *__real_btf__load_vmlinux_btf(void) __attribute__((weak));
void __real_btf__free(struct btf *btf) __attribute__((weak));
struct btf *__wrap_btf__load_vmlinux_btf(void);
void __wrap_btf__free(struct btf *btf);

static struct btf *kernel_btf; /* set before threads begin to load, and only read by them */

struct btf *__wrap_btf__load_vmlinux_btf(void)
{
	return kernel_btf ? kernel_btf : __real_btf__load_vmlinux_btf();
}

void __wrap_btf__free(struct btf *btf)
{
	if (!btf || btf != kernel_btf)
		__real_btf__free(btf);
}

void rqs_kernel_btf_hold(void)
{
	if (__real_btf__load_vmlinux_btf)
		kernel_btf = __real_btf__load_vmlinux_btf(); /* NULL on failure: each one tries for itself, and complains */
}

void rqs_kernel_btf_drop(void)
{
	struct btf *btf = kernel_btf;

	kernel_btf = NULL;
	if (btf)
		__real_btf__free(btf);
}
