// SPDX-License-Identifier: GPL-2.0-only
#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY 65534

struct drop {
	int err; /* the first one */
	char *ret_error;
};

static void __attribute__((format(printf, 3, 4))) note(struct drop *drop, int err, const char *format, ...)
{
	va_list arguments;

	if (drop->err)
		return;
	drop->err = err ? err : -EPERM;
	va_start(arguments, format);
	vsnprintf(drop->ret_error, RQS_PRIVILEGES_ERROR_MAX, format, arguments);
	va_end(arguments);
}

static bool has(cap_t caps, cap_value_t cap, cap_flag_t set)
{
	cap_flag_value_t value = CAP_CLEAR;

	return !cap_get_flag(caps, cap, set, &value) && value == CAP_SET;
}

bool rqs_privileges_can_attach(void)
{
	cap_t caps = cap_get_proc();
	bool can;

	if (!caps)
		return false;
	can = has(caps, CAP_SYS_ADMIN, CAP_EFFECTIVE) ||
	      (has(caps, CAP_BPF, CAP_EFFECTIVE) && has(caps, CAP_PERFMON, CAP_EFFECTIVE));
	cap_free(caps);
	return can;
}

static void drop_bounding(struct drop *drop)
{
	cap_t caps = cap_get_proc();
	bool may = caps && has(caps, CAP_SETPCAP, CAP_EFFECTIVE);

	cap_free(caps);
	/* Without the right to it no_new_privs has the same effect: no execve() can gain anything. */
	for (cap_value_t cap = 0; may && CAP_IS_SUPPORTED(cap); cap++)
		if (cap_get_bound(cap) == CAP_SET && cap_drop_bound(cap))
			note(drop, -errno, "can't drop capability %d from the bounding set: %s", cap, strerror(errno));
}

static void become_nobody(struct drop *drop, uid_t uid, gid_t gid)
{
	if (setgroups(0, NULL))
		note(drop, -errno, "can't leave the supplementary groups: %s", strerror(errno));
	if (setresgid(gid, gid, gid))
		note(drop, -errno, "can't become group %u (nobody): %s", (unsigned int)gid, strerror(errno));
	if (setresuid(uid, uid, uid))
		note(drop, -errno, "can't become user %u (nobody): %s", (unsigned int)uid, strerror(errno));
}

/* A set with those of @keep that the process has. */
static cap_t make_set(const int *keep, size_t keep_count)
{
	cap_t now = cap_get_proc(), set = cap_init();

	for (size_t i = 0; now && set && i < keep_count; i++) {
		cap_value_t cap = keep[i];

		if (!has(now, cap, CAP_PERMITTED))
			continue;
		if (cap_set_flag(set, CAP_PERMITTED, 1, &cap, CAP_SET) ||
		    cap_set_flag(set, CAP_EFFECTIVE, 1, &cap, CAP_SET)) {
			cap_free(set);
			set = NULL;
		}
	}
	if (!now) {
		cap_free(set);
		set = NULL;
	}
	cap_free(now);
	return set;
}

static void set_capabilities(struct drop *drop, cap_t wanted)
{
	cap_t now;

	if (cap_set_proc(wanted))
		note(drop, -errno, "can't give up capabilities: %s", strerror(errno));
	now = cap_get_proc();
	if (!now || cap_compare(now, wanted))
		note(drop, -EPERM, "giving up capabilities had no effect");
	cap_free(now);
}

static bool is_nobody(uid_t uid, gid_t gid)
{
	uid_t real_uid, effective_uid, saved_uid;
	gid_t real_gid, effective_gid, saved_gid;

	return !getresuid(&real_uid, &effective_uid, &saved_uid) && !getresgid(&real_gid, &effective_gid, &saved_gid) &&
	       real_uid == uid && effective_uid == uid && saved_uid == uid && real_gid == gid && effective_gid == gid &&
	       saved_gid == gid && getgroups(0, NULL) == 0;
}

static bool is_root(void)
{
	uid_t real_uid, effective_uid, saved_uid;

	return getresuid(&real_uid, &effective_uid, &saved_uid) || !real_uid || !effective_uid || !saved_uid;
}

int rqs_privileges_drop(const int *keep, size_t keep_count, char ret_error[RQS_PRIVILEGES_ERROR_MAX])
{
	struct drop drop = { 0, ret_error };
	struct passwd *nobody = getpwnam("nobody");
	uid_t uid = nobody ? nobody->pw_uid : NOBODY;
	gid_t gid = nobody ? nobody->pw_gid : NOBODY;
	bool root = is_root();
	struct stat tasks;
	cap_t wanted;

	/* The folder's link count is 2 + threads: fs/proc/base.c proc_task_getattr(), 6.18. */
	if (!stat("/proc/self/task", &tasks) && tasks.st_nlink > 3) {
		note(&drop, -EBUSY, "privileges can't be given up while there are other threads");
		return drop.err;
	}
	wanted = make_set(keep, keep_count);
	if (!wanted) {
		note(&drop, -ENOMEM, "can't read the capabilities of this process: %s", strerror(errno));
		return drop.err;
	}
	drop_bounding(&drop);
	if (root) {
		if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
			note(&drop, -errno, "can't keep capabilities beyond the change of user: %s", strerror(errno));
		become_nobody(&drop, uid, gid);
	}
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	set_capabilities(&drop, wanted);
	prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
	if (root && !is_nobody(uid, gid))
		note(&drop, -EPERM, "becoming user nobody had no effect");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		note(&drop, -errno, "can't set no_new_privs: %s", strerror(errno));
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	cap_free(wanted);
	return drop.err;
}
