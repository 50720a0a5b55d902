/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernel_btf - the kernel's own type information, read once for all BPF objects.
 * Downstream: probes.h.
 * Threads: hold and drop while nobody loads. Between them any number of threads may load: what is held is only read.
 *
 * libbpf reads and takes apart /sys/kernel/btf/vmlinux, some megabytes, anew for each object that is loaded, and has no way to be
 * given what another one read. So its calls are led here when it is linked (-Wl,--wrap, in the Makefile); where they aren't, as in
 * unit tests, it does as it always did.
 */
#ifndef RQS_KERNEL_BTF_H
#define RQS_KERNEL_BTF_H

/** rqs_kernel_btf_hold() - read it, for all that ask from now on. */
void rqs_kernel_btf_hold(void);

/** rqs_kernel_btf_drop() - nobody loads any more: give its memory back. */
void rqs_kernel_btf_drop(void);

#endif
