// SPDX-License-Identifier: GPL-2.0-only
/* poll() by a set, held against poll() itself. */
#include "poll_set.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define PAIRS 24
#define ROOM 4096

struct pairs {
	struct rqs_poll_set *set;
	struct pollfd fds[PAIRS + 1]; /* one end of each that is open, and -1 in between */
	int peers[PAIRS + 1];
	nfds_t count;
	uint64_t state;
};

static uint32_t roll(struct pairs *pairs, uint32_t sides)
{
	pairs->state = pairs->state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(pairs->state >> 33) % sides;
}

static void open_pair(struct pairs *pairs)
{
	int ends[2];

	if (pairs->count == PAIRS)
		return;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	rqs_poll_set_forget(pairs->set, ends[0]);
	pairs->fds[pairs->count] = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	pairs->peers[pairs->count++] = ends[1];
}

/* As libwebsockets does it: the last one takes the place. */
static void close_pair(struct pairs *pairs, uint32_t which)
{
	close(pairs->fds[which].fd);
	if (pairs->peers[which] >= 0)
		close(pairs->peers[which]);
	pairs->count--;
	pairs->fds[which] = pairs->fds[pairs->count];
	pairs->peers[which] = pairs->peers[pairs->count];
}

static void change(struct pairs *pairs)
{
	static const short asked[] = { POLLIN, POLLOUT, POLLIN | POLLOUT, 0, POLLIN | POLLRDHUP };
	char bytes[4096] = "";
	uint32_t which;

	if (!pairs->count)
		return open_pair(pairs);
	which = roll(pairs, pairs->count);
	switch (roll(pairs, 9)) {
	case 0:
	case 1:
		return open_pair(pairs);
	case 2:
		return close_pair(pairs, which);
	case 3: /* another file with the number of one just closed, at its place */
		if (which != pairs->count - 1)
			return;
		close_pair(pairs, which);
		return open_pair(pairs);
	case 4:
		pairs->fds[which].events = asked[roll(pairs, sizeof(asked) / sizeof(asked[0]))];
		return;
	case 5:
		if (pairs->peers[which] >= 0)
			(void)!write(pairs->peers[which], bytes, 1 + roll(pairs, sizeof(bytes)));
		return;
	case 6:
		(void)!read(pairs->fds[which].fd, bytes, sizeof(bytes));
		return;
	case 7: /* until it is full */
		while (pairs->peers[which] >= 0 && write(pairs->fds[which].fd, bytes, sizeof(bytes)) > 0)
			;
		return;
	default:
		if (pairs->peers[which] >= 0 && !roll(pairs, 3)) {
			close(pairs->peers[which]);
			pairs->peers[which] = -1;
		}
	}
}

/* Whatever happens to files, both tell the same. */
static void tells_what_poll_tells(void **state)
{
	struct pairs pairs = { .set = rqs_poll_set_new(ROOM), .state = 7 };
	struct pollfd plain[PAIRS + 1];
	unsigned int told = 0;

	assert_non_null(pairs.set);
	for (int i = 0; i < 20000; i++) {
		nfds_t count;
		int expected, got;

		change(&pairs);
		count = pairs.count;
		memcpy(plain, pairs.fds, sizeof(plain));
		expected = poll(plain, count, 0);
		got = rqs_poll_set_wait(pairs.set, pairs.fds, count, 0);
		assert_int_equal(got, expected);
		for (nfds_t k = 0; k < count; k++)
			assert_int_equal(pairs.fds[k].revents, plain[k].revents);
		told += got;
	}
	assert_true(told > 20000);
	while (pairs.count)
		close_pair(&pairs, 0);
	rqs_poll_set_free(pairs.set);
}

/* A file that is open and asked for no more is not told of, nor does it keep the others from being waited for. */
static void leaves_out_who_left(void **state)
{
	struct rqs_poll_set *set = rqs_poll_set_new(ROOM);
	struct pollfd fds[3] = { { .fd = eventfd(1, 0), .events = POLLIN },
				 { .fd = -1, .events = POLLIN, .revents = POLLIN },
				 { .fd = eventfd(0, 0), .events = POLLIN } };
	int first = fds[0].fd;

	assert_int_equal(rqs_poll_set_wait(set, fds, 3, -1), 1);
	assert_int_equal(fds[0].revents, POLLIN);
	assert_int_equal(fds[1].revents, 0);
	fds[0] = fds[2];
	assert_int_equal(rqs_poll_set_wait(set, fds, 1, 0), 0);
	assert_int_equal(write(fds[0].fd, &(uint64_t){ 1 }, 8), 8);
	assert_int_equal(rqs_poll_set_wait(set, fds, 1, -1), 1);
	/* And is told of again when it comes back. */
	fds[1].fd = first;
	assert_int_equal(rqs_poll_set_wait(set, fds, 2, -1), 2);
	close(first);
	close(fds[0].fd);
	rqs_poll_set_free(set);
}

/* More than are told of in one call: all are in turn. */
static void tells_of_all(void **state)
{
	static struct pollfd fds[600];
	static bool seen[600];
	struct rqs_poll_set *set = rqs_poll_set_new(ROOM);
	int left = 600;

	for (int i = 0; i < 600; i++)
		fds[i] = (struct pollfd){ .fd = eventfd(1, 0), .events = POLLIN };
	for (int round = 0; round < 6 && left; round++) {
		assert_true(rqs_poll_set_wait(set, fds, 600, 0) > 0);
		for (int i = 0; i < 600; i++) {
			left -= fds[i].revents && !seen[i];
			seen[i] |= fds[i].revents;
		}
	}
	assert_int_equal(left, 0);
	for (int i = 0; i < 600; i++)
		close(fds[i].fd);
	rqs_poll_set_free(set);
}

/* What it can't do it says, so that poll() is asked. */
static void gives_up(void **state)
{
	struct rqs_poll_set *set = rqs_poll_set_new(3);
	struct pollfd fd = { .fd = eventfd(0, 0), .events = POLLIN };
	FILE *file = tmpfile();

	assert_int_equal(rqs_poll_set_wait(set, &fd, 1, 0), -1);
	assert_int_equal(errno, ENOTSUP);
	rqs_poll_set_free(set);
	close(fd.fd);
	set = rqs_poll_set_new(ROOM);
	fd.fd = fileno(file); /* which epoll takes none of */
	assert_int_equal(rqs_poll_set_wait(set, &fd, 1, 0), -1);
	assert_int_equal(errno, ENOTSUP);
	fclose(file);
	rqs_poll_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_what_poll_tells),
		cmocka_unit_test(leaves_out_who_left),
		cmocka_unit_test(tells_of_all),
		cmocka_unit_test(gives_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
