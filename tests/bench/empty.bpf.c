// SPDX-License-Identifier: GPL-2.0-only
/*
 * empty - programs that do nothing on the hooks that rqscope uses: what being called costs, the floor.
 * Which of them load is the benchmark's choice.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

SEC("tp_btf/skb_copy_datagram_iovec")
int BPF_PROG(empty_on_copy, const struct sk_buff *skb, int bytes)
{
	return 0;
}

SEC("tp_btf/tcp_sendmsg_locked")
int BPF_PROG(empty_on_sendmsg, const struct sock *sk, const struct msghdr *msg, const struct sk_buff *skb, int size_goal)
{
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(empty_on_recv_length, struct sock *sk, int result, int flags)
{
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(empty_on_send_length, struct sock *sk, int result, int flags)
{
	return 0;
}

SEC("tp_btf/sk_data_ready")
int BPF_PROG(empty_on_ready, const struct sock *sk)
{
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(empty_on_state, const struct sock *sk, int old_state, int new_state)
{
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(empty_on_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
