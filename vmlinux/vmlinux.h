/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vmlinux - the kernel types that bpf/ reads, written by hand: only the fields that are used, each
 * relocated at load time, so that the object is the same whatever kernel it was built on.
 * Field names and types are those of the kernel's BTF; `make test-btf` checks each against the running
 * kernel's. Fields that only some kernels have carry the comment "optional".
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#include <linux/types.h>
#include <linux/bpf.h>
#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* --- scheduler --- */
struct rq;

struct sched_info {
	unsigned long long run_delay;
	unsigned long long last_queued;
};

struct cfs_rq {
	unsigned int h_nr_runnable; /* optional: 6.13 and later, kernel/sched/sched.h */
	struct rq *rq;
};

struct rt_rq {
	unsigned int rt_nr_running;
};


struct sched_entity {
	__u64 exec_start;
	__u64 sum_exec_runtime;
	struct cfs_rq *cfs_rq;
};

struct rq {
	unsigned int nr_running;
	struct cfs_rq cfs;
	struct rt_rq rt;
	__u64 clock;
	__u64 clock_task;
	struct sched_info rq_sched_info; /* optional: CONFIG_SCHEDSTATS */
};

struct thread_info {
	__u32 status; /* optional: x86 */
};

/* --- what a process is --- */
struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct qstr d_name;
};

struct path {
	struct dentry *dentry;
};

struct file {
	struct path f_path;
};

struct mm_struct {
	struct file *exe_file;
};

struct task_struct {
	struct thread_info thread_info;
	struct sched_entity se;
	struct sched_info sched_info;
	struct mm_struct *mm;
	unsigned int __state;
	int exit_state;
	int on_cpu;
	int pid;
	int tgid;
	__u64 start_time;
	char comm[16];
};

/* Registers at the system call's entry, x86-64; user space numbers and arguments. */
struct pt_regs {
	unsigned long r10;
	unsigned long r9;
	unsigned long r8;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
};

/* --- sockets --- */
struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct in6_addr {
	union {
		__u8 u6_addr8[16];
		__be32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	short unsigned int skc_family;
	volatile unsigned char skc_state;
	unsigned long skc_flags;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sk_buff_head {
	struct sk_buff *next;
	struct sk_buff *prev;
	__u32 qlen;
};

struct sock {
	struct sock_common __sk_common;
	struct sk_buff_head sk_receive_queue;
	int sk_wmem_queued;
	__u16 sk_protocol;
	__u16 sk_type;
	int sk_sndbuf;
	__u8 sk_shutdown;
};

struct socket {
	struct sock *sk;
};

struct sockaddr_un {
	char sun_path[108];
};

struct unix_address {
	int len; /* of the family and what follows */
	struct sockaddr_un name[0];
};

struct unix_sock {
	struct unix_address *addr;
	struct sock *peer;
};

struct tcp_sock {
	__u32 copied_seq;
	__u32 write_seq;
	__u32 rcv_nxt;
	__u64 tcp_clock_cache;
};

struct sk_buff {
	struct sk_buff *next;
	struct sock *sk;
	char cb[48];
	unsigned int len;
};

struct unix_skb_parms {
	__u32 consumed;
};

struct tcp_skb_cb {
	__u32 seq;
};

struct iovec {
	void *iov_base;
	__kernel_size_t iov_len;
};

struct iov_iter {
	__u8 iter_type;
	unsigned long iov_offset;
	const struct iovec *__iov; /* optional: 6.4 and later */
	void *ubuf;
	unsigned long count;
	unsigned long nr_segs;
};

struct msghdr {
	struct iov_iter msg_iter;
	unsigned int msg_flags;
};

enum iter_type {
	ITER_UBUF = 0,
	ITER_IOVEC = 1,
};

/* --- iterators --- */
struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__unix {
	struct bpf_iter_meta *meta;
	struct unix_sock *unix_sk;
};

struct bpf_iter__bpf_sk_storage_map {
	struct bpf_iter_meta *meta;
	struct sock *sk;
	void *value;
};

#pragma clang attribute pop

#endif
