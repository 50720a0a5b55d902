// SPDX-License-Identifier: GPL-2.0-only
#include "http_head.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static bool is_token_byte(unsigned char c)
{
	if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return true;
	return c && strchr("!#$%&'*+-.^_`|~", c);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct rqs_slice trimmed(const char *start, const char *end)
{
	while (start < end && is_blank(*start))
		start++;
	while (end > start && is_blank(end[-1]))
		end--;
	return (struct rqs_slice){ start, (size_t)(end - start) };
}

/* Whether what has come of an unfinished line can still become one: garbage is told at once, not after 16 KiB. */
static int check_line(const char *line, const char *end)
{
	for (; line < end; line++) {
		unsigned char c = *line;

		if ((c < 0x20 && c != '\t' && !(c == '\r' && line + 1 == end)) || c == 0x7f)
			return -EINVAL;
	}
	return 0;
}

/* Sets @ret_end to the CR of the first line's CRLF. Return: as rqs_http_head_parse(). */
static int find_line(const char *line, const char *end, const char **ret_end)
{
	const char *feed = memchr(line, '\n', (size_t)(end - line));
	int err = check_line(line, feed ? feed : end);

	if (err || !feed)
		return err;
	if (feed == line || feed[-1] != '\r')
		return -EINVAL;
	*ret_end = feed - 1;
	return 1;
}

static int parse_version(const char *version, const char *end, unsigned int *ret_minor)
{
	if (end - version != 8 || memcmp(version, "HTTP/", 5) || version[6] != '.')
		return -EINVAL;
	if (version[5] < '0' || version[5] > '9' || version[7] < '0' || version[7] > '9')
		return -EINVAL;
	if (version[5] != '1' || version[7] > '1')
		return -EPROTONOSUPPORT;
	*ret_minor = (unsigned int)(version[7] - '0');
	return 0;
}

static int parse_request_line(const char *line, const char *end, struct rqs_http_head *head)
{
	const char *method_end = memchr(line, ' ', (size_t)(end - line));
	const char *target, *target_end, *query, *c;
	int err;

	if (!method_end || method_end == line)
		return -EINVAL;
	for (c = line; c < method_end; c++)
		if (!is_token_byte(*c))
			return -EINVAL;
	target = method_end + 1;
	target_end = memchr(target, ' ', (size_t)(end - target));
	if (!target_end || target_end == target)
		return -EINVAL;
	for (c = target; c < target_end; c++)
		if (*c <= ' ' || *c > '~')
			return -EINVAL;
	err = parse_version(target_end + 1, end, &head->minor);
	if (err)
		return err;
	head->method = (struct rqs_slice){ line, (size_t)(method_end - line) };
	/* "*" belongs to OPTIONS; it is a path that nothing is found at. */
	if (*target != '/' && !(*target == '*' && target_end == target + 1))
		return -EINVAL;
	query = memchr(target, '?', (size_t)(target_end - target));
	if (!query)
		query = target_end;
	head->path = (struct rqs_slice){ target, (size_t)(query - target) };
	head->query = (struct rqs_slice){ query, (size_t)(target_end - query) };
	return 0;
}

static int parse_field(const char *line, const char *end, struct rqs_http_head *head)
{
	const char *colon = memchr(line, ':', (size_t)(end - line));
	const char *c;

	if (!colon || colon == line)
		return -EINVAL;
	for (c = line; c < colon; c++)
		if (!is_token_byte(*c))
			return -EINVAL;
	if (head->field_count == RQS_HEAD_FIELDS_MAX)
		return -E2BIG;
	head->fields[head->field_count].name = (struct rqs_slice){ line, (size_t)(colon - line) };
	head->fields[head->field_count].value = trimmed(colon + 1, end);
	head->field_count++;
	return 0;
}

/* All that is known yet may be an unfinished line: a method can't be longer than this, so a request line tells early. */
static int check_start(const char *line, const char *end)
{
	size_t i, bytes = (size_t)(end - line);

	for (i = 0; i < bytes && line[i] != ' '; i++)
		if (i == 32 || (!is_token_byte(line[i]) && line[i] != '\r'))
			return -EINVAL;
	return 0;
}

int rqs_http_head_parse(const char *data, size_t bytes, struct rqs_http_head *ret_head)
{
	const char *end = data + (bytes > RQS_HEAD_BYTES_MAX ? RQS_HEAD_BYTES_MAX : bytes);
	const char *line = data, *line_end;
	struct rqs_http_head head = { .minor = 1 };
	int found, err;

	while (end - line >= 2 && line[0] == '\r' && line[1] == '\n')
		line += 2;
	err = check_start(line, end);
	if (err)
		return err;
	found = find_line(line, end, &line_end);
	if (found == 1) {
		err = parse_request_line(line, line_end, &head);
		if (err)
			return err;
	}
	while (found == 1) {
		line = line_end + 2;
		found = find_line(line, end, &line_end);
		if (found != 1)
			break;
		if (line == line_end) {
			head.bytes = (size_t)(line + 2 - data);
			*ret_head = head;
			return 1;
		}
		err = parse_field(line, line_end, &head);
		if (err)
			return err;
	}
	if (found == 0 && bytes >= RQS_HEAD_BYTES_MAX)
		return -E2BIG;
	return found;
}

const struct rqs_slice *rqs_http_head_field(const struct rqs_http_head *head, const char *name, size_t nth)
{
	size_t i;

	for (i = 0; i < head->field_count; i++)
		if (rqs_slice_is_nocase(head->fields[i].name, name) && nth-- == 0)
			return &head->fields[i].value;
	return NULL;
}

bool rqs_slice_is(struct rqs_slice slice, const char *text)
{
	return slice.bytes == strlen(text) && (!slice.bytes || memcmp(slice.data, text, slice.bytes) == 0);
}

bool rqs_slice_is_nocase(struct rqs_slice slice, const char *text)
{
	return slice.bytes == strlen(text) && (!slice.bytes || strncasecmp(slice.data, text, slice.bytes) == 0);
}

bool rqs_slice_next(struct rqs_slice *list, struct rqs_slice *ret_element)
{
	const char *end = list->data + list->bytes;
	const char *comma;

	if (!list->bytes)
		return false;
	comma = memchr(list->data, ',', list->bytes);
	*ret_element = trimmed(list->data, comma ? comma : end);
	if (comma)
		*list = (struct rqs_slice){ comma + 1, (size_t)(end - comma - 1) };
	else
		*list = (struct rqs_slice){ end, 0 };
	return true;
}
