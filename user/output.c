// SPDX-License-Identifier: GPL-2.0-only
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

struct rqs_output {
	int folder_fd;
	int fd; /* -1 once committed */
	char *path;
	const char *name; /* the last part of path */
	char temporary[48];
};

static int __attribute__((format(printf, 3, 4))) fail(char *ret_error, int err, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(ret_error, RQS_OUTPUT_ERROR_MAX, format, arguments);
	va_end(arguments);
	return err;
}

static int open_folder(struct rqs_output *output)
{
	char *slash = strrchr(output->path, '/');

	output->name = slash ? slash + 1 : output->path;
	if (!slash)
		output->folder_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	else if (slash == output->path)
		output->folder_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	else {
		*slash = '\0';
		output->folder_fd = open(output->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		*slash = '/';
	}
	return output->folder_fd < 0 ? -errno : 0;
}

static int check_target(const struct rqs_output *output, char *ret_error)
{
	struct stat target;

	if (!*output->name || !strcmp(output->name, ".") || !strcmp(output->name, ".."))
		return fail(ret_error, -EISDIR, "can't write %s: it names a folder", output->path);
	if (fstatat(output->folder_fd, output->name, &target, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : fail(ret_error, -errno, "can't write %s: %s", output->path, strerror(errno));
	if (S_ISLNK(target.st_mode))
		return fail(ret_error, -ELOOP, "can't write %s: it is a symbolic link, which is not followed", output->path);
	if (S_ISDIR(target.st_mode))
		return fail(ret_error, -EISDIR, "can't write %s: it is a folder", output->path);
	if (!S_ISREG(target.st_mode))
		return fail(ret_error, -EEXIST, "can't write %s: it is not a regular file", output->path);
	return 0;
}

static int open_temporary(struct rqs_output *output)
{
	uint64_t random;

	for (int tries = 0; tries < 8; tries++) {
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return errno ? -errno : -EIO;
		snprintf(output->temporary, sizeof(output->temporary), ".rqscope-%016llx.tmp",
			 (unsigned long long)random);
		output->fd = openat(output->folder_fd, output->temporary,
				    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (output->fd >= 0)
			return fchmod(output->fd, 0600) ? -errno : 0; /* whatever the umask took */
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

int rqs_output_open(const char *path, struct rqs_output **ret_output, char ret_error[RQS_OUTPUT_ERROR_MAX])
{
	struct rqs_output *output = calloc(1, sizeof(*output));
	int err = -ENOMEM;

	if (!output)
		return fail(ret_error, err, "can't write %s: %s", path, strerror(-err));
	output->folder_fd = output->fd = -1;
	output->path = strdup(path);
	if (output->path)
		err = open_folder(output);
	if (err) {
		fail(ret_error, err, "can't write %s: %s (its folder)", path, strerror(-err));
		goto out;
	}
	err = check_target(output, ret_error);
	if (err)
		goto out;
	err = open_temporary(output);
	if (err)
		fail(ret_error, err, "can't write %s: %s (a new file in its folder)", path, strerror(-err));
out:
	if (err)
		rqs_output_close(output);
	else
		*ret_output = output;
	return err;
}

static int write_all(int fd, const char *data, size_t bytes)
{
	while (bytes) {
		ssize_t written = write(fd, data, bytes);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written < 0 ? -errno : -EIO;
		data += written;
		bytes -= (size_t)written;
	}
	return fsync(fd) ? -errno : 0;
}

int rqs_output_commit(struct rqs_output *output, const void *data, size_t bytes, char ret_error[RQS_OUTPUT_ERROR_MAX])
{
	int err = write_all(output->fd, data, bytes);

	if (err)
		return fail(ret_error, err, "can't write %s: %s", output->path, strerror(-err));
	err = check_target(output, ret_error); /* something else may have come there meanwhile */
	if (err)
		return err;
	if (renameat(output->folder_fd, output->temporary, output->folder_fd, output->name))
		return fail(ret_error, -errno, "can't write %s: %s", output->path, strerror(errno));
	close(output->fd);
	output->fd = -1;
	/* The file is in its place; that the folder's entry can't be synced (some filesystems) takes nothing away. */
	fsync(output->folder_fd);
	return 0;
}

void rqs_output_close(struct rqs_output *output)
{
	if (!output)
		return;
	if (output->fd >= 0) {
		unlinkat(output->folder_fd, output->temporary, 0);
		close(output->fd);
	}
	if (output->folder_fd >= 0)
		close(output->folder_fd);
	free(output->path);
	free(output);
}
