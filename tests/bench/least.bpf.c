// SPDX-License-Identifier: GPL-2.0-only
/*
 * least - what classic.bpf.c measures, from the hooks of rqscope's tap A: the least that can be done there, for comparison only.
 * Hooks:  skb_copy_datagram_iovec, tcp_sendmsg_locked, sk_data_ready, inet_sock_set_state, and on Unix sockets' behalf
 *         sock_recv_length and sock_send_length.
 * Output: latencies, a histogram by powers of 2.
 * At each hook the connection is found by its socket; where bytes go by, the clock is read and the first four are looked at. No
 * framing, no bytes, no status, no service, no split; one request at a time.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "latencies.bpf.h"

#define IPPROTO_TCP 6
#define GET 0x20544547 /* "GET ", as a little-endian machine has it */
#define HTTP 0x50545448

extern int bpf_dynptr_from_skb(struct __sk_buff *skb, __u64 flags, struct bpf_dynptr *ptr) __ksym;
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym;
#define cast(type, pointer) ((type *)bpf_rdonly_cast(pointer, bpf_core_type_id_kernel(type)))

struct connection {
	__u64 arrival_ns;
	__u64 start_ns; /* 0: no request is open */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct connection);
} connections SEC(".maps");

static __always_inline void take(struct connection *connection, __u32 first, __u64 begin_ns, __u64 now_ns)
{
	if (first == GET) {
		connection->start_ns = begin_ns;
		return;
	}
	if (first != HTTP || !connection->start_ns)
		return;
	latencies_add(now_ns - connection->start_ns);
	connection->start_ns = 0;
}

SEC("tp_btf/skb_copy_datagram_iovec")
int BPF_PROG(least_on_copy, const struct sk_buff *skb, int bytes)
{
	struct connection *connection;
	struct sock *sk = skb->sk;
	struct bpf_dynptr data;
	__u32 first, offset;
	__u64 now_ns;

	if (!sk || sk->sk_protocol != IPPROTO_TCP)
		return 0;
	connection = bpf_sk_storage_get(&connections, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!connection)
		return 0;
	now_ns = bpf_ktime_get_ns();
	offset = cast(struct tcp_sock, sk)->copied_seq - cast(struct tcp_skb_cb, skb->cb)->seq;
	if (bpf_dynptr_from_skb((struct __sk_buff *)skb, 0, &data) || bpf_dynptr_read(&first, sizeof(first), &data, offset, 0))
		return 0;
	take(connection, first, connection->arrival_ns ?: now_ns, now_ns);
	return 0;
}

SEC("tp_btf/tcp_sendmsg_locked")
int BPF_PROG(least_on_sendmsg, const struct sock *sk, const struct msghdr *msg, const struct sk_buff *skb, int size_goal)
{
	const void *from = (const char *)msg->msg_iter.ubuf + msg->msg_iter.iov_offset;
	struct connection *connection;
	__u64 now_ns;
	__u32 first;

	if (msg->msg_iter.iter_type == bpf_core_enum_value(enum iter_type, ITER_IOVEC))
		from = cast(struct iovec, msg->msg_iter.__iov)->iov_base;
	connection = bpf_sk_storage_get(&connections, (void *)sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!connection)
		return 0;
	now_ns = bpf_ktime_get_ns();
	if (!bpf_probe_read_user(&first, sizeof(first), from))
		take(connection, first, now_ns, now_ns);
	return 0;
}

SEC("tp_btf/sk_data_ready")
int BPF_PROG(least_on_ready, const struct sock *sk)
{
	struct connection *connection;

	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	connection = bpf_sk_storage_get(&connections, (void *)sk, NULL, 0);
	if (connection)
		connection->arrival_ns = cast(struct tcp_sock, sk)->tcp_clock_cache;
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(least_on_state, const struct sock *sk, int old_state, int new_state)
{
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(least_on_recv_length, struct sock *sk, int result, int flags)
{
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(least_on_send_length, struct sock *sk, int result, int flags)
{
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
