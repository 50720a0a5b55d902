// SPDX-License-Identifier: GPL-2.0-only
#include "phrase.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

#define NS_PER_US 1000ULL
#define NS_PER_MS 1000000ULL
#define NS_PER_SECOND 1000000000ULL

/* value / unit with so many decimals, rounded, no zeros at the end. */
static void decimals(char *dst, uint64_t value, uint64_t unit, uint32_t scale, const char *name)
{
	uint64_t parts = (value + unit / scale / 2) / (unit / scale);
	uint64_t rest = parts % scale;

	if (!rest)
		snprintf(dst, RQS_DURATION_TEXT_MAX, "%llu %s", (unsigned long long)(parts / scale), name);
	else if (scale == 100 && rest % 10)
		snprintf(dst, RQS_DURATION_TEXT_MAX, "%llu.%02llu %s", (unsigned long long)(parts / scale),
			 (unsigned long long)rest, name);
	else
		snprintf(dst, RQS_DURATION_TEXT_MAX, "%llu.%llu %s", (unsigned long long)(parts / scale),
			 (unsigned long long)(scale == 100 ? rest / 10 : rest), name);
}

const char *rqs_phrase_peer(char dst[RQS_PEER_TEXT_MAX], int family, const uint8_t *address, uint16_t port)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char text[INET6_ADDRSTRLEN];

	dst[0] = '\0';
	if (family == AF_INET6 && !memcmp(address, mapped, sizeof(mapped))) {
		family = AF_INET;
		address += sizeof(mapped);
	}
	if ((family == AF_INET || family == AF_INET6) && inet_ntop(family, address, text, sizeof(text)))
		snprintf(dst, RQS_PEER_TEXT_MAX, family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, port);
	return dst;
}

/* Each limit lies where rounding would reach the next unit or lose a decimal. */
const char *rqs_phrase_duration(char dst[RQS_DURATION_TEXT_MAX], uint64_t duration_ns)
{
	uint64_t seconds;

	if (duration_ns < NS_PER_US)
		snprintf(dst, RQS_DURATION_TEXT_MAX, "%llu ns", (unsigned long long)duration_ns);
	else if (duration_ns < 999500)
		decimals(dst, duration_ns, NS_PER_US, 1, "\302\265s");
	else if (duration_ns < 9950000)
		decimals(dst, duration_ns, NS_PER_MS, 10, "ms");
	else if (duration_ns < 999500000)
		decimals(dst, duration_ns, NS_PER_MS, 1, "ms");
	else if (duration_ns < 9995000000)
		decimals(dst, duration_ns, NS_PER_SECOND, 100, "s");
	else if (duration_ns < 59950000000)
		decimals(dst, duration_ns, NS_PER_SECOND, 10, "s");
	else {
		seconds = duration_ns / NS_PER_SECOND + (duration_ns % NS_PER_SECOND >= NS_PER_SECOND / 2);
		snprintf(dst, RQS_DURATION_TEXT_MAX, "%llu min %llu s", (unsigned long long)(seconds / 60),
			 (unsigned long long)(seconds % 60));
	}
	return dst;
}

/* A line that grows; once something did not fit nothing more is added. */
struct line {
	char *data;
	size_t room; /* NUL included */
	size_t bytes;
	bool full;
};

/* Whole characters of clean text. */
static void add_clean(struct line *line, const char *text, size_t text_bytes)
{
	while (text_bytes && !line->full) {
		size_t bytes = rqs_text_utf8_bytes(text, text_bytes);

		if (line->bytes + bytes >= line->room || !bytes) {
			line->full = true;
			return;
		}
		memcpy(line->data + line->bytes, text, bytes);
		line->bytes += bytes;
		line->data[line->bytes] = '\0';
		text += bytes;
		text_bytes -= bytes;
	}
}

static void add(struct line *line, const char *text)
{
	add_clean(line, text, strlen(text));
}

static void add_hostile(struct line *line, const char *bytes, size_t count)
{
	char clean[4 * RQS_PATH_MAX + 1];

	add_clean(line, clean, rqs_text_clean(clean, sizeof(clean), bytes, count));
}

static void add_duration(struct line *line, uint64_t duration_ns, const char *after)
{
	char text[RQS_DURATION_TEXT_MAX];

	add(line, rqs_phrase_duration(text, duration_ns));
	add(line, after);
}

static void add_number(struct line *line, uint32_t number)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", number);
	add(line, text);
}

static size_t at_most(size_t bytes, size_t limit)
{
	return bytes < limit ? bytes : limit;
}

static void add_request(struct line *line, const struct rqs_kernel_event *event)
{
	if (!event->method_bytes) {
		add(line, "a request"); /* its line came in pieces, or others came after it */
		return;
	}
	add_hostile(line, event->method, at_most(event->method_bytes, RQS_METHOD_MAX));
	if (!event->path_bytes)
		return;
	add(line, " ");
	add_hostile(line, event->path, at_most(event->path_bytes, RQS_PATH_MAX));
	if (event->path_cut)
		add(line, "\342\200\246");
}

static void add_peer(struct line *line, const struct rqs_kernel_event *event)
{
	char text[RQS_PEER_TEXT_MAX];

	if (!*rqs_phrase_peer(text, event->peer_family, event->peer_address, event->peer_port))
		return;
	add(line, " from ");
	add(line, text);
}

static void add_split(struct line *line, const struct rqs_kernel_event *event)
{
	if (!event->has_split)
		return;
	add(line, ": ");
	add_duration(line, event->queued_ns, " queued, ");
	add_duration(line, event->cpu_wait_ns, " waiting for CPU, ");
	add_duration(line, event->on_cpu_ns, " on CPU, ");
	add_duration(line, event->blocked_ns, " blocked");
}

void rqs_phrase_event(char *dst, size_t dst_bytes, const struct rqs_kernel_event *event)
{
	struct line line = { .data = dst, .room = dst_bytes };

	dst[0] = '\0';
	switch (event->kind) {
	case RQS_EVENT_SLOW_REQUEST:
		add_request(&line, event);
		add(&line, " ");
		add_duration(&line, event->duration_ns, "");
		add_split(&line, event);
		break;
	case RQS_EVENT_SERVER_ERROR:
		add_request(&line, event);
		add(&line, " ");
		add_number(&line, event->status);
		add_peer(&line, event);
		break;
	case RQS_EVENT_ABORTED_REQUEST:
		add_request(&line, event);
		add(&line, " after ");
		add_duration(&line, event->duration_ns, "");
		add_peer(&line, event);
		break;
	case RQS_EVENT_RUNQUEUE_STALL:
		add_hostile(&line, event->comm, RQS_COMM_MAX);
		add(&line, " waited ");
		add_duration(&line, event->duration_ns, " for CPU ");
		add_number(&line, event->cpu);
		break;
	case RQS_EVENT_OOM_KILL:
		add(&line, "out of memory: ");
		add_hostile(&line, event->comm, RQS_COMM_MAX);
		add(&line, " (pid ");
		add_number(&line, event->pid);
		add(&line, ") was killed");
		break;
	default:
		break;
	}
}
