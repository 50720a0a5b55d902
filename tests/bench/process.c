// SPDX-License-Identifier: GPL-2.0-only
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loops.h"

static void child(char *const argv[], int cpu, int output)
{
	const char *path = getenv("PATH");
	char with_sbin[4096];

	snprintf(with_sbin, sizeof(with_sbin), "%s:/usr/sbin:/sbin", path ?: "/usr/bin:/bin");
	setenv("PATH", with_sbin, 1);
	bench_pin(cpu);
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* nothing stays when the benchmark is interrupted */
	if (dup2(output, STDOUT_FILENO) >= 0)
		execvp(argv[0], argv);
	_exit(errno == ENOENT ? 127 : 126);
}

int bench_process_start(struct bench_process *process, char *const argv[], int cpu)
{
	int fds[2], err;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	process->pid = fork();
	if (!process->pid)
		child(argv, cpu, fds[1]);
	err = process->pid < 0 ? -errno : 0;
	close(fds[1]);
	if (err)
		close(fds[0]);
	process->output = fds[0];
	return err;
}

int bench_process_read(struct bench_process *process, const char *until, unsigned int limit_ms, char *ret_text,
		       size_t text_bytes)
{
	uint64_t end_ns = bench_now_ns() + limit_ms * 1000000ULL, now_ns;
	struct pollfd poll_fd = { .fd = process->output, .events = POLLIN };
	size_t bytes = 0;
	ssize_t got;

	ret_text[0] = '\0';
	while ((now_ns = bench_now_ns()) < end_ns && bytes + 1 < text_bytes) {
		if (poll(&poll_fd, 1, (int)((end_ns - now_ns) / 1000000) + 1) < 0 && errno != EINTR)
			return -errno;
		if (!poll_fd.revents)
			continue;
		got = read(process->output, ret_text + bytes, text_bytes - 1 - bytes);
		if (got < 0)
			return -errno;
		if (!got)
			return until ? -EPIPE : 0;
		bytes += got;
		ret_text[bytes] = '\0';
		if (until && strstr(ret_text, until))
			return 0;
	}
	return bench_now_ns() >= end_ns ? -ETIMEDOUT : -E2BIG;
}

int bench_process_end(struct bench_process *process, unsigned int limit_ms)
{
	struct pollfd poll_fd = { .events = POLLIN };
	int err = 0;

	poll_fd.fd = syscall(SYS_pidfd_open, process->pid, 0);
	kill(process->pid, SIGTERM);
	if (poll_fd.fd >= 0 && poll(&poll_fd, 1, limit_ms) != 1) {
		fprintf(stderr, "bench: process %d does not end, it is killed\n", process->pid);
		err = -ETIMEDOUT;
		kill(process->pid, SIGKILL);
	}
	waitpid(process->pid, NULL, 0);
	if (poll_fd.fd >= 0)
		close(poll_fd.fd);
	close(process->output);
	return err;
}

uint64_t bench_process_rss_kb(pid_t pid)
{
	unsigned long long kb = 0;
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "VmRSS: %llu kB", &kb) == 1)
			break;
	fclose(file);
	return kb;
}
