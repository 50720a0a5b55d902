// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "container.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2 "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define SHORT "0123456789ab"
#define SHORT2 "fedcba987654"
#define POD "kubepods-burstable-pod1b2c3d4e_5f60_7182_93a4_b5c6d7e8f901.slice"

static const struct {
	const char *text, *name;
} table[] = {
	/* on the host */
	{ "", "" },
	{ "0::/\n", "" },
	{ "0::/init.scope\n", "" },
	{ "0::/system.slice/nginx.service\n", "" },
	{ "0::/system.slice/docker.service\n", "" },
	{ "0::/system.slice/containerd.service\n", "" },
	{ "0::/user.slice/user-1000.slice/session-3.scope\n", "" },
	{ "12:cpu:/\n0::/\n", "" },
	{ "0::/kubepods.slice\n", "" },
	{ "0::/machine.slice\n", "" },
	{ "0::/system.slice/system-foo.slice/0123456789abcdef0123456789abcdef\n", "" },
	/* docker */
	{ "0::/system.slice/docker-" ID ".scope\n", SHORT },
	{ "0::/docker/" ID "\n", SHORT },
	{ "0::/docker/" ID, SHORT },
	{ "0::/docker/" ID "/init.scope\n", SHORT },
	{ "0::/docker/" ID "/docker/" ID2 "\n", SHORT2 },
	{ "0::/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" ID ".scope\n", SHORT },
	{ "12:pids:/docker/" ID "\n11:memory:/docker/" ID "\n1:name=systemd:/docker/" ID "\n0::/\n", SHORT },
	{ "5:cpu,cpuacct:/\n1:name=systemd:/system.slice/docker-" ID ".scope\n0::/system.slice/docker.service\n", SHORT },
	{ "0::/../../docker/" ID "\n", SHORT },
	{ "0::/ecs/0f1e2d3c4b5a/" ID "\n", SHORT },
	/* kubernetes: containerd, CRI-O, docker */
	{ "0::/kubepods.slice/kubepods-burstable.slice/" POD "/cri-containerd-" ID ".scope\n", SHORT },
	{ "0::/kubepods.slice/" POD "/crio-" ID ".scope\n", SHORT },
	{ "0::/kubepods.slice/" POD "/docker-" ID ".scope\n", SHORT },
	{ "0::/kubepods/burstable/pod1b2c3d4e-5f60-7182-93a4-b5c6d7e8f901/" ID "\n", SHORT },
	{ "9:memory:/kubepods/besteffort/pod1b2c/" ID "\n", SHORT },
	{ "0::/system.slice/containerd.service/" POD ":cri-containerd:" ID "\n", SHORT },
	{ "0::/docker/" ID "/kubelet/kubepods/pod1b2c/" ID2 "\n", SHORT2 },
	{ "0::/kubepods.slice/" POD "\n", "" },
	{ "0::/kubepods.slice/" POD "/crio-conmon-" ID ".scope\n", "" },
	/* podman, nerdctl */
	{ "0::/machine.slice/libpod-" ID ".scope\n", SHORT },
	{ "0::/machine.slice/libpod-" ID ".scope/container\n", SHORT },
	{ "0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope/container\n", SHORT },
	{ "0::/system.slice/web.service/libpod-payload-" ID "\n", SHORT },
	{ "2:cpu:/libpod_parent/libpod-" ID "\n", SHORT },
	{ "0::/machine.slice/libpod-conmon-" ID ".scope\n", "" },
	{ "0::/system.slice/nerdctl-" ID ".scope\n", SHORT },
	/* lxc, lxd */
	{ "0::/lxc.payload.web\n", "web" },
	{ "0::/lxc.payload.web/system.slice/nginx.service\n", "web" },
	{ "0::/lxc.payload.my_project_web-07.x/init.scope\n", "my_project_web-07.x" },
	{ "4:memory:/lxc/web\n", "web" },
	{ "4:memory:/lxc/web/system.slice/nginx.service\n", "web" },
	{ "0::/lxc.payload.outer/lxc.payload.inner\n", "inner" },
	{ "0::/lxc.payload.web/docker/" ID "\n", SHORT },
	{ "0::/lxc.payload.web\\x2d07", "web-07" }, /* and, in the test below, each cut of it */
	{ "0::/lxc.monitor.web\n", "" },
	{ "0::/lxc.payload.\n", "" },
	{ "0::/lxc\n", "" },
	/* systemd-nspawn */
	{ "0::/machine.slice/machine-web.scope\n", "web" },
	{ "0::/machine.slice/machine-web.scope/payload/system.slice/nginx.service\n", "web" },
	{ "0::/machine.slice/machine-web\\x2d07.scope/payload\n", "web-07" },
	{ "0::/machine.slice/systemd-nspawn@web.service/payload\n", "web" },
	{ "0::/machine.slice/machine-web.scope/supervisor\n", "" },
	{ "0::/machine.slice/systemd-nspawn@web.service/supervisor\n", "" },
	{ "0::/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator\n", "" },
	{ "0::/machine.slice/machine-.scope\n", "" },
	/* ids that are none */
	{ "0::/docker/0123456789ab\n", "" },
	{ "0::/docker/" ID "0\n", "" },
	{ "0::/docker/0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef\n", "" },
	{ "0::/docker/g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n", "" },
	{ "0::/docker-.scope\n", "" },
	{ "0::/docker-" ID ".service\n", "" },
	/* names that no runtime gives */
	{ "0::/lxc.payload.a b\n", "" },
	{ "0::/lxc.payload.a\x1b[31m\n", "" },
	{ "0::/lxc.payload.\xe2\x80\xae\n", "" },
	{ "0::/lxc.payload.\xff\n", "" },
	{ "0::/machine-a\\x0ab.scope\n", "" },
	{ "0::/machine-a\\x00b.scope\n", "" },
	{ "0::/machine-a\\x2.scope\n", "" },
	{ "0::/machine-a\\xzz.scope\n", "" },
	{ "0::/machine-a\\\n", "" },
	{ "0::/machine-a\\x2d.scope\n", "a-" },
	{ "0::/lxc.payload." ID ID "\n", "" },	  /* 128 bytes: too long */
	{ "0::/docker/" ID "/lxc.payload.a b\n", SHORT }, /* what is odd inside hides nothing */
	/* lines that are none */
	{ "docker\n", "" },
	{ "0:/docker/" ID "\n", "" },
	{ "::\n", "" },
	{ "\n\n\n", "" },
	{ "nonsense\n0::/docker/" ID "\n", SHORT },
	{ "0::docker/" ID "\n", SHORT },
	{ "0::///docker///" ID "///\n", SHORT },
};

static void test_container_knows_the_runtimes(void **state)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		size_t bytes = strlen(table[i].text);
		char name[RQS_CONTAINER_MAX] = "x", *copy = malloc(bytes + !bytes);

		memcpy(copy, table[i].text, bytes); /* without a NUL: the sanitizer sees a read beyond the end */
		rqs_container_parse(copy, bytes, name);
		free(copy);
		if (strcmp(name, table[i].name))
			fail_msg("'%s' instead of '%s' from %s", name, table[i].name, table[i].text);
	}
}

static void test_container_survives_every_cut(void **state)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		for (size_t bytes = 0; bytes < strlen(table[i].text); bytes++) {
			char name[RQS_CONTAINER_MAX], *copy = malloc(bytes + !bytes);

			memcpy(copy, table[i].text, bytes);
			rqs_container_parse(copy, bytes, name);
			free(copy);
			assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"),
					 strlen(name));
		}
	}
}

static void test_container_takes_names_up_to_its_limit(void **state)
{
	char text[200] = "0::/lxc.payload.", name[RQS_CONTAINER_MAX];
	size_t start = strlen(text);

	memset(text + start, 'n', RQS_CONTAINER_MAX - 1);
	rqs_container_parse(text, strlen(text), name);
	assert_string_equal(name, text + start);
	strcat(text, "n");
	rqs_container_parse(text, strlen(text), name);
	assert_string_equal(name, "");
}

static void test_container_reads_processes(void **state)
{
	char name[RQS_CONTAINER_MAX] = "x";

	assert_int_equal(rqs_container_read(getpid(), name), 0);
	assert_true(strlen(name) < sizeof(name));
	strcpy(name, "x");
	assert_int_equal(rqs_container_read(0x7fffffff, name), -ENOENT); /* above the kernel's limit on ids */
	assert_string_equal(name, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_container_knows_the_runtimes),
		cmocka_unit_test(test_container_survives_every_cut),
		cmocka_unit_test(test_container_takes_names_up_to_its_limit),
		cmocka_unit_test(test_container_reads_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
