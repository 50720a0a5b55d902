// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "privileges.h"

/* What is given up can't be had back: each case runs in a child. It returns NULL, or the line that failed. */
#define check(what)                  \
	do {                         \
		if (!(what))         \
			return #what; \
	} while (0)

static void in_child(const char *(*body)(void))
{
	int status = -1, fds[2];
	char text[512] = "";
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		const char *wrong = body();

		if (wrong && write(fds[1], wrong, strlen(wrong)) < 0)
			_exit(2);
		_exit(wrong ? 1 : 0);
	}
	close(fds[1]);
	if (read(fds[0], text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status)
		fail_msg("child: status 0x%x, %s", (unsigned int)status, text);
}

static bool has(cap_value_t cap, cap_flag_t set)
{
	cap_flag_value_t value = CAP_SET;
	cap_t caps = cap_get_proc();

	cap_get_flag(caps, cap, set, &value);
	cap_free(caps);
	return value == CAP_SET;
}

static void need_root(void)
{
	if (geteuid() || !has(CAP_SETUID, CAP_EFFECTIVE) || !has(CAP_SETGID, CAP_EFFECTIVE)) {
		print_message("skipped: needs root\n");
		skip();
	}
}

static const char *drop_all(void)
{
	gid_t groups[] = { 0, 4, 27 };
	char error[RQS_PRIVILEGES_ERROR_MAX] = "";
	cap_t none = cap_init(), now;

	check(!setgroups(3, groups));
	check(!rqs_privileges_drop(NULL, 0, error));
	check(getuid() == 65534 && geteuid() == 65534 && getgid() == 65534 && getegid() == 65534);
	check(getgroups(0, NULL) == 0);
	now = cap_get_proc();
	check(!cap_compare(now, none));
	for (cap_value_t cap = 0; CAP_IS_SUPPORTED(cap); cap++)
		check(cap_get_bound(cap) == 0);
	check(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	check(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
	check(prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0) == 0);
	/* and there is no way back */
	check(setuid(0) && setresuid(-1, 0, -1) && setgid(0) && setgroups(3, groups));
	check(open("/etc/shadow", O_RDONLY) < 0 && errno == EACCES);
	check(open("/etc/hostname", O_WRONLY) < 0);
	check(!rqs_privileges_can_attach());
	return NULL;
}

static const char *keep_some(void)
{
	static const int keep[] = { CAP_PERFMON, CAP_BPF, CAP_SYS_RESOURCE };
	char error[RQS_PRIVILEGES_ERROR_MAX] = "";
	bool had_resource = has(CAP_SYS_RESOURCE, CAP_PERMITTED);

	check(!rqs_privileges_drop(keep, 3, error));
	check(getuid() == 65534);
	check(has(CAP_PERFMON, CAP_EFFECTIVE) && has(CAP_BPF, CAP_EFFECTIVE));
	check(has(CAP_SYS_RESOURCE, CAP_EFFECTIVE) == had_resource); /* what wasn't there is no failure */
	check(!has(CAP_SETUID, CAP_PERMITTED) && !has(CAP_SYS_ADMIN, CAP_PERMITTED) && !has(CAP_DAC_OVERRIDE, CAP_PERMITTED));
	check(!has(CAP_BPF, CAP_INHERITABLE));
	check(rqs_privileges_can_attach());
	check(setuid(0));
	return NULL;
}

static const char *drop_twice(void)
{
	char error[RQS_PRIVILEGES_ERROR_MAX] = "";

	check(!rqs_privileges_drop(NULL, 0, error));
	check(!rqs_privileges_drop(NULL, 0, error)); /* not root any more: stays who it is */
	check(getuid() == 65534);
	return NULL;
}

static const char *without_setpcap(void)
{
	static const cap_value_t cap = CAP_SETPCAP;
	char error[RQS_PRIVILEGES_ERROR_MAX] = "";
	cap_t caps = cap_get_proc();

	check(!cap_set_flag(caps, CAP_EFFECTIVE, 1, &cap, CAP_CLEAR) && !cap_set_flag(caps, CAP_PERMITTED, 1, &cap, CAP_CLEAR));
	check(!cap_set_proc(caps));
	check(!rqs_privileges_drop(NULL, 0, error));
	check(getuid() == 65534 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	return NULL;
}

static const char *without_setuid(void)
{
	static const cap_value_t cap = CAP_SETUID;
	char error[RQS_PRIVILEGES_ERROR_MAX] = "";
	cap_t caps = cap_get_proc();

	check(!cap_set_flag(caps, CAP_EFFECTIVE, 1, &cap, CAP_CLEAR) && !cap_set_flag(caps, CAP_PERMITTED, 1, &cap, CAP_CLEAR));
	check(!cap_set_proc(caps));
	check(rqs_privileges_drop(NULL, 0, error) == -EPERM);
	check(strstr(error, "can't become user 65534"));
	/* the rest is done all the same */
	check(getuid() == 0 && getgid() == 65534 && !has(CAP_SYS_ADMIN, CAP_PERMITTED));
	check(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	return NULL;
}

static void *wait_for_end(void *data)
{
	char byte;

	return read(*(int *)data, &byte, 1) < 0 ? data : NULL;
}

static const char *with_a_thread(void)
{
	char error[RQS_PRIVILEGES_ERROR_MAX] = "";
	pthread_t thread;
	uid_t uid = getuid();
	int fds[2];

	check(!pipe(fds));
	check(!pthread_create(&thread, NULL, wait_for_end, &fds[0]));
	check(rqs_privileges_drop(NULL, 0, error) == -EBUSY);
	check(strstr(error, "threads"));
	check(getuid() == uid && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0);
	close(fds[1]);
	pthread_join(thread, NULL);
	return NULL;
}

static void test_privileges_drop_leaves_nothing(void **state)
{
	need_root();
	in_child(drop_all);
}

static void test_privileges_drop_keeps_what_is_named(void **state)
{
	need_root();
	if (!has(CAP_BPF, CAP_PERMITTED) || !has(CAP_PERFMON, CAP_PERMITTED)) {
		print_message("skipped: needs CAP_BPF and CAP_PERFMON\n");
		skip();
	}
	in_child(keep_some);
}

static void test_privileges_drop_can_be_repeated(void **state)
{
	need_root();
	in_child(drop_twice);
}

static void test_privileges_drop_works_without_setpcap(void **state)
{
	need_root();
	in_child(without_setpcap);
}

static void test_privileges_drop_says_when_it_stays_root(void **state)
{
	need_root();
	in_child(without_setuid);
}

static void test_privileges_drop_refuses_beside_threads(void **state)
{
	in_child(with_a_thread);
}

static void test_privileges_can_attach_follows_capabilities(void **state)
{
	bool can = has(CAP_SYS_ADMIN, CAP_EFFECTIVE) || (has(CAP_BPF, CAP_EFFECTIVE) && has(CAP_PERFMON, CAP_EFFECTIVE));

	assert_int_equal(rqs_privileges_can_attach(), can);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_privileges_drop_leaves_nothing),
		cmocka_unit_test(test_privileges_drop_keeps_what_is_named),
		cmocka_unit_test(test_privileges_drop_can_be_repeated),
		cmocka_unit_test(test_privileges_drop_works_without_setpcap),
		cmocka_unit_test(test_privileges_drop_says_when_it_stays_root),
		cmocka_unit_test(test_privileges_drop_refuses_beside_threads),
		cmocka_unit_test(test_privileges_can_attach_follows_capabilities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
