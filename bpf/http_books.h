/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * http_books - counts and times of requests into the lanes of their service.
 * Maps: http_lanes, http_services, http_pids, http_free; http_losses in .bss.
 * Every change to a lane lies between rqs_lane_begin() and rqs_lane_end(), so that a reader can tell a whole copy.
 */
#ifndef RQS_BPF_HTTP_BOOKS_H
#define RQS_BPF_HTTP_BOOKS_H

#include "http_conn.h"
#include "events.h"

/* Set before loading. */
const volatile __u32 rqs_slots = RQS_SLOT_MAX; /* how many of them are in use */
const volatile __u32 rqs_cpus = 1;	       /* numbers that a CPU can have; http_lanes has so many entries for each slot */
const volatile __u64 rqs_slow_ns = 1000000000ULL;
const volatile __u32 rqs_self_tgid = 0; /* as rqs_self_ns sees it */
const volatile __u64 rqs_self_ns_dev = 0;
const volatile __u64 rqs_self_ns_ino = 0;

/* Parts that are not measured for now: bits of enum rqs_part. User space may change it at any time. */
__u32 http_off = 0;

/* No per-CPU map, since user space couldn't map that: it reads the lanes where they are. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, RQS_SLOT_MAX);
	__type(key, __u32);
	__type(value, struct rqs_http_lane);
} http_lanes SEC(".maps");

struct rqs_http_losses http_losses; /* of all CPUs together: they are rare */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RQS_SLOT_MAX);
	__type(key, struct rqs_service_key);
	__type(value, struct rqs_service_value);
} http_services SEC(".maps");

/* Where a key is put together: it is large for the stack. See rqs_work_place(). */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2 * RQS_ROLE_COUNT);
	__type(key, __u32);
	__type(value, struct rqs_service_key);
} http_service_work SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct rqs_pid_key);
	__type(value, __u8);
} http_pids SEC(".maps");

/* How many slots were ever given away; the first two are those for what found none, one a role. */
__u32 http_slots_used = RQS_ROLE_COUNT;
__u8 http_generations[RQS_SLOT_MAX] = { 1 };

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, RQS_SLOT_MAX);
	__type(value, __u32);
} http_free SEC(".maps");

#define RQS_LOST(field) ((void)__sync_fetch_and_add(&http_losses.field, 1))

static __always_inline struct rqs_http_lane *rqs_lane_begin(__u32 slot)
{
	__u32 entry = slot * rqs_cpus + bpf_get_smp_processor_id();
	struct rqs_http_lane *lane = bpf_map_lookup_elem(&http_lanes, &entry);

	if (lane)
		__sync_fetch_and_add(&lane->begin, 1);
	return lane;
}

static __always_inline void rqs_lane_end(struct rqs_http_lane *lane)
{
	__sync_fetch_and_add(&lane->end, 1);
}

static __always_inline void rqs_lane_time(struct rqs_http_lane *lane, __u32 metric, __u32 epoch, __u64 value_ns)
{
	__sync_fetch_and_add(&lane->sum_ns[metric], value_ns);
	__sync_fetch_and_add(&lane->buckets[metric][rqs_bucket_of(value_ns)], 1);
	rqs_extrema_add(lane->extrema[metric], epoch, value_ns);
}

/*
 * Where one finds room that is too large for the stack: apart for what is received and what is sent, which of a request's head
 * is the role's, and for Unix sockets. Programs that may run on one CPU by turns share none.
 */
static __always_inline __u32 rqs_work_place(const struct rqs_conn *conn)
{
	return (conn->role == RQS_CONN_CLIENT) + (conn->family == AF_UNIX ? RQS_ROLE_COUNT : 0);
}

/* The slot of (executable, port or path, role, network namespace); made when it is new. */
static __always_inline __u32 rqs_slot_of(struct rqs_service_key *key, __u32 pid)
{
	struct rqs_service_value fresh = { .pid = pid }, *known;

	known = bpf_map_lookup_elem(&http_services, key);
	if (known)
		return known->slot;
	/* An empty queue gives 0, which is no service's slot. */
	if (bpf_map_pop_elem(&http_free, &fresh.slot))
		fresh.slot = http_slots_used < rqs_slots ? __sync_fetch_and_add(&http_slots_used, 1) : RQS_SLOT_MAX;
	if (fresh.slot < rqs_slots) {
		/* Where another CPU was faster its slot holds, and ours goes back. */
		if (bpf_map_update_elem(&http_services, key, &fresh, BPF_NOEXIST))
			bpf_map_push_elem(&http_free, &fresh.slot, BPF_ANY);
		known = bpf_map_lookup_elem(&http_services, key);
		if (known)
			return known->slot;
	}
	RQS_LOST(services);
	return key->role;
}

/* Whether the running task belongs to rqscope itself. */
static __always_inline bool rqs_is_self(void)
{
	struct bpf_pidns_info info = {};

	if (!rqs_self_tgid || bpf_get_ns_current_pid_tgid(rqs_self_ns_dev, rqs_self_ns_ino, &info, sizeof(info)))
		return false;
	return info.tgid == rqs_self_tgid;
}

/* Whether its role is not measured for now. */
static __always_inline bool rqs_conn_is_off(const struct rqs_conn *conn)
{
	return http_off & RQS_PART_CLIENT && conn->role == RQS_CONN_CLIENT;
}

/* Whether the connection's slot is still that of its service. Asked where nothing is open on it. */
static __always_inline bool rqs_conn_identified(const struct rqs_conn *conn)
{
	return conn->has_slot && conn->generation == http_generations[conn->slot & (RQS_SLOT_MAX - 1)];
}

/* The name of a Unix socket; @path is all 0. One in the abstract namespace begins with NUL, shown as '@'. */
static __always_inline void rqs_read_unix_path(const struct rqs_conn *conn, char path[RQS_UNIX_PATH_MAX])
{
	const struct unix_address *address = (const void *)conn->unix_address;
	__u32 bytes;

	if (!address)
		return;
	bytes = BPF_CORE_READ(address, len) - sizeof(__u16);
	if (bytes > RQS_UNIX_PATH_MAX)
		return;
	bpf_probe_read_kernel(path, bytes, address->name[0].sun_path);
	if (bytes && !path[0])
		path[0] = '@';
}

/* Who is it? Once for each connection, and again when its slot was taken back. Not 0: nobody to be shown. */
__noinline int rqs_conn_identify(struct rqs_conn *conn)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct rqs_service_key *key;
	struct rqs_pid_key pid = {};
	struct file *exe;
	__u32 place;
	__u8 one = 1;

	if (!conn)
		return -1;
	if (rqs_is_self()) {
		conn->mode = RQS_CONN_OFF;
		return -1;
	}
	if (rqs_conn_is_off(conn)) /* it was open before, and its role not known */
		return -1;
	place = rqs_work_place(conn);
	key = bpf_map_lookup_elem(&http_service_work, &place);
	if (!key)
		return -1;
	__builtin_memset(key, 0, sizeof(*key));
	key->role = conn->role == RQS_CONN_CLIENT ? RQS_ROLE_CLIENT : RQS_ROLE_SERVER;
	key->port = key->role == RQS_ROLE_CLIENT ? conn->peer_port : conn->local_port;
	if (conn->family == AF_UNIX)
		rqs_read_unix_path(conn, key->path);
	key->netns = conn->netns;
	exe = BPF_CORE_READ(task, mm, exe_file);
	if (exe)
		bpf_probe_read_kernel_str(key->name, sizeof(key->name), BPF_CORE_READ(exe, f_path.dentry, d_name.name));
	else
		bpf_probe_read_kernel(key->name, RQS_COMM_MAX, task->comm);
	conn->slot = rqs_slot_of(key, task->tgid);
	conn->generation = http_generations[conn->slot & (RQS_SLOT_MAX - 1)];
	conn->has_slot = 1;
	pid.slot = conn->slot;
	pid.pid = task->tgid;
	if (!bpf_map_lookup_elem(&http_pids, &pid))
		bpf_map_update_elem(&http_pids, &pid, &one, BPF_ANY);
	return 0;
}

/* When a request ended and where its time went. */
struct rqs_times {
	__u64 now_ns;
	__u64 queued_ns;
	__u64 cpu_wait_ns;
	__u64 on_cpu_ns;
	__u64 blocked_ns;
	__u64 has_split;
};

__noinline int rqs_report_request(struct rqs_conn *conn, const struct rqs_open *open, __u32 kind,
				  const struct rqs_times *times)
{
	struct rqs_kernel_event *event;

	if (!conn || !times)
		return 0;
	event = rqs_event_begin(kind);
	if (!event)
		return 0;
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->tid = bpf_get_current_pid_tgid();
	event->slot = conn->slot;
	if (open) {
		event->status = open->status;
		if (open->start_ns) {
			event->duration_ns = times->now_ns - open->start_ns;
			if (open->first_ns > open->start_ns)
				event->ttfb_ns = open->first_ns - open->start_ns;
		}
		/* The path kept is that of the newest request. */
		if (open->number + 1 == conn->opened) {
			event->path_bytes = conn->path_bytes;
			event->path_cut = conn->path_cut;
			event->method_bytes = conn->method_bytes;
			__builtin_memcpy(event->path, conn->path, sizeof(event->path));
			__builtin_memcpy(event->method, conn->method, sizeof(event->method));
		}
	}
	if (times->has_split) {
		event->has_split = 1;
		event->queued_ns = times->queued_ns;
		event->cpu_wait_ns = times->cpu_wait_ns;
		event->on_cpu_ns = times->on_cpu_ns;
		event->blocked_ns = times->blocked_ns;
	}
	event->peer_family = conn->family;
	event->peer_port = conn->peer_port;
	__builtin_memcpy(event->peer_address, conn->peer_address, sizeof(event->peer_address));
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	rqs_event_end(event, times->now_ns);
	return 0;
}

#endif
