// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "output.h"

static char folder[64];

static const char *in_folder(const char *name)
{
	static char paths[4][512];
	static unsigned int next;
	char *path = paths[next++ % 4];

	snprintf(path, 512, "%s/%s", folder, name);
	return path;
}

static int make_folder(void **state)
{
	strcpy(folder, "/tmp/rqs-output-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int count_files(void)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		count += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
	closedir(dir);
	return count;
}

static int remove_folder(void **state)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			remove(in_folder(entry->d_name));
	closedir(dir);
	return rmdir(folder);
}

static void put(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void assert_content(const char *path, const char *text)
{
	char content[256] = "";
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_true(read(fd, content, sizeof(content) - 1) >= 0);
	close(fd);
	assert_string_equal(content, text);
}

static void write_good(const char *path, const char *text)
{
	struct rqs_output *output = NULL;
	char error[RQS_OUTPUT_ERROR_MAX];

	assert_int_equal(rqs_output_open(path, &output, error), 0);
	assert_int_equal(rqs_output_commit(output, text, strlen(text), error), 0);
	rqs_output_close(output);
}

static void open_bad(const char *path, int err, const char *needle)
{
	struct rqs_output *output = NULL;
	char error[RQS_OUTPUT_ERROR_MAX];

	assert_int_equal(rqs_output_open(path, &output, error), err);
	assert_null(output);
	if (!strstr(error, path) || !strstr(error, needle))
		fail_msg("no '%s' or '%s' in: %s", path, needle, error);
}

static void test_output_makes_a_private_file(void **state)
{
	mode_t mask = umask(0);
	struct stat status;

	write_good(in_folder("new"), "hello\n");
	umask(0777);
	write_good(in_folder("masked"), "hello\n");
	umask(mask);
	assert_content(in_folder("new"), "hello\n");
	assert_int_equal(stat(in_folder("new"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(stat(in_folder("masked"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(count_files(), 2);
}

static void test_output_replaces_a_file_whole(void **state)
{
	struct stat status;

	put(in_folder("old"), "something much longer than what comes", 0644);
	assert_int_equal(link(in_folder("old"), in_folder("other")), 0);
	write_good(in_folder("old"), "new");
	assert_content(in_folder("old"), "new");
	assert_content(in_folder("other"), "something much longer than what comes"); /* not written through */
	assert_int_equal(stat(in_folder("old"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	write_good(in_folder("old"), "");
	assert_content(in_folder("old"), "");
	assert_int_equal(count_files(), 2);
}

static void test_output_leaves_nothing_when_not_committed(void **state)
{
	char error[RQS_OUTPUT_ERROR_MAX];
	struct rqs_output *output;

	put(in_folder("old"), "old", 0644);
	assert_int_equal(rqs_output_open(in_folder("old"), &output, error), 0);
	assert_int_equal(count_files(), 2);
	assert_content(in_folder("old"), "old");
	rqs_output_close(output);
	assert_int_equal(count_files(), 1);
	assert_content(in_folder("old"), "old");
	rqs_output_close(NULL);
}

static void test_output_works_in_the_current_folder(void **state)
{
	char before[4096];

	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(folder), 0);
	write_good("here", "x");
	write_good("./there", "y");
	assert_int_equal(chdir(before), 0);
	assert_content(in_folder("here"), "x");
	assert_content(in_folder("there"), "y");
}

static void test_output_refuses_what_is_not_a_regular_file(void **state)
{
	put(in_folder("target"), "old", 0644);
	assert_int_equal(symlink("target", in_folder("link")), 0);
	assert_int_equal(symlink("missing", in_folder("dangling")), 0);
	assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
	assert_int_equal(mkdir(in_folder("sub"), 0700), 0);

	open_bad(in_folder("link"), -ELOOP, "symbolic link");
	open_bad(in_folder("dangling"), -ELOOP, "symbolic link");
	open_bad(in_folder("fifo"), -EEXIST, "not a regular file");
	open_bad(in_folder("sub"), -EISDIR, "folder");
	open_bad(in_folder("sub/"), -EISDIR, "folder");
	open_bad(in_folder("."), -EISDIR, "folder");
	open_bad(in_folder(".."), -EISDIR, "folder");
	open_bad("/", -EISDIR, "folder");
	open_bad("/dev/null", -EEXIST, "not a regular file");
	open_bad(in_folder("nowhere/file"), -ENOENT, "No such file");
	open_bad(in_folder("target/file"), -ENOTDIR, "Not a directory");
	assert_content(in_folder("target"), "old");
	assert_int_equal(count_files(), 5);
}

static void test_output_refuses_a_symlink_that_came_meanwhile(void **state)
{
	char error[RQS_OUTPUT_ERROR_MAX];
	struct rqs_output *output;

	put(in_folder("target"), "old", 0644);
	assert_int_equal(rqs_output_open(in_folder("new"), &output, error), 0);
	assert_int_equal(symlink("target", in_folder("new")), 0);
	assert_int_equal(rqs_output_commit(output, "x", 1, error), -ELOOP);
	assert_non_null(strstr(error, "symbolic link"));
	rqs_output_close(output);
	assert_content(in_folder("target"), "old");
	assert_int_equal(count_files(), 2);
}

static void test_output_writes_nothing_when_there_is_no_room(void **state)
{
	struct rlimit before, small = { 4096, 0 };
	char error[RQS_OUTPUT_ERROR_MAX];
	struct rqs_output *output;
	static char data[65536];

	put(in_folder("old"), "old", 0644);
	assert_int_equal(rqs_output_open(in_folder("old"), &output, error), 0);
	/* A limit on the size of files fails in the middle of writing, as a full disk does. */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small.rlim_max = before.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(rqs_output_commit(output, data, sizeof(data), error), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_non_null(strstr(error, in_folder("old")));
	rqs_output_close(output);
	assert_content(in_folder("old"), "old");
	assert_int_equal(count_files(), 1);
}

static void test_output_takes_long_names(void **state)
{
	char name[256], path[5000];

	memset(name, 'n', 255);
	name[255] = '\0';
	write_good(in_folder(name), "x");
	assert_content(in_folder(name), "x");

	memset(path, 'p', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	struct rqs_output *output = NULL;
	char error[RQS_OUTPUT_ERROR_MAX];

	assert_int_equal(rqs_output_open(path, &output, error), -ENAMETOOLONG);
	assert_null(output);
	assert_non_null(memchr(error, '\0', sizeof(error)));
}

#define in_a_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_folder(test_output_makes_a_private_file),
		in_a_folder(test_output_replaces_a_file_whole),
		in_a_folder(test_output_leaves_nothing_when_not_committed),
		in_a_folder(test_output_works_in_the_current_folder),
		in_a_folder(test_output_refuses_what_is_not_a_regular_file),
		in_a_folder(test_output_refuses_a_symlink_that_came_meanwhile),
		in_a_folder(test_output_writes_nothing_when_there_is_no_room),
		in_a_folder(test_output_takes_long_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
