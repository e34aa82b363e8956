// SPDX-License-Identifier: Apache-2.0
#include "guard/members.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Takes the next line off TEXT. */
static bool next_line(struct bytes *text, struct bytes *ret)
{
	const char *end = text->size ? memchr(text->data, '\n', text->size) : NULL;
	size_t size = end ? (size_t)(end - text->data) : text->size;

	if (!text->size)
		return false;
	*ret = (struct bytes){text->data, size};
	text->data += size + !!end;
	text->size -= size + !!end;
	return true;
}

/* Field number INDEX of LINE, whose fields are separated by SEPARATOR; data NULL: there is none. */
static struct bytes find_column(struct bytes line, char separator, unsigned int index)
{
	for (;; index--) {
		const char *end = line.size ? memchr(line.data, separator, line.size) : NULL;
		size_t size = end ? (size_t)(end - line.data) : line.size;

		if (!index)
			return (struct bytes){line.data, size};
		if (!end)
			return (struct bytes){0};
		line.data += size + 1;
		line.size -= size + 1;
	}
}

static bool read_id(struct bytes field, uint32_t *ret)
{
	uint64_t id = 0;

	if (!field.size || field.size > 10)
		return false;
	for (size_t i = 0; i < field.size; i++) {
		if (field.data[i] < '0' || field.data[i] > '9')
			return false;
		id = id * 10 + (uint64_t)(field.data[i] - '0');
	}
	*ret = (uint32_t)id;
	return id <= UINT32_MAX;
}

static bool is_among(uint32_t id, const uint32_t *ids, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (ids[i] == id)
			return true;
	return false;
}

static void add_member(struct text *out, struct bytes group, struct bytes name)
{
	text_add_bytes(out, group);
	text_add_char(out, '/');
	text_add_bytes(out, name);
	text_add_char(out, '\n');
}

/* Adds the accounts whose own group is GID. */
static void add_accounts_of(struct text *out, struct bytes passwd, struct bytes group, uint32_t gid)
{
	struct bytes line;
	uint32_t own;

	while (next_line(&passwd, &line))
		if (read_id(find_column(line, ':', 3), &own) && own == gid)
			add_member(out, group, find_column(line, ':', 0));
}

static void add_listed(struct text *out, struct bytes group, struct bytes list)
{
	struct bytes name;

	for (unsigned int i = 0; (name = find_column(list, ',', i)).data; i++)
		if (name.size)
			add_member(out, group, name);
}

/* Whether the group with this NAME has a password: not empty, no "!", no "*". */
static bool has_password(struct bytes gshadow, struct bytes name)
{
	struct bytes line, field;

	while (next_line(&gshadow, &line)) {
		if (!bytes_equal(find_column(line, ':', 0), name))
			continue;
		field = find_column(line, ':', 1);
		return field.size && *field.data != '!' && *field.data != '*';
	}
	return false;
}

static void add_roots(struct text *out, struct bytes passwd)
{
	struct bytes line;
	uint32_t uid;

	add_member(out, bytes_of("uid 0"), (struct bytes){0});
	while (next_line(&passwd, &line))
		if (read_id(find_column(line, ':', 2), &uid) && !uid)
			add_member(out, bytes_of("uid 0"), find_column(line, ':', 0));
}

static int compare_lines(const void *a, const void *b)
{
	const struct bytes *left = a, *right = b;
	size_t size = left->size < right->size ? left->size : right->size;
	int order = memcmp(left->data, right->data, size);

	return order ? order : (left->size > right->size) - (left->size < right->size);
}

/* Sorts the lines of TEXT, and drops those that stand twice. */
static int sort_lines(const struct text *text, struct text *out)
{
	struct bytes rest = text_since(text, 0), line, *lines;
	size_t count = 0;

	for (size_t i = 0; i < text->size; i++)
		count += text->data[i] == '\n';
	lines = calloc(count + 1, sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	count = 0;
	while (next_line(&rest, &line))
		lines[count++] = line;
	qsort(lines, count, sizeof(*lines), compare_lines);
	for (size_t i = 0; i < count; i++) {
		if (i && bytes_equal(lines[i], lines[i - 1]))
			continue;
		text_add_bytes(out, lines[i]);
		text_add_char(out, '\n');
	}
	free(lines);
	return out->error;
}

int members_list(struct bytes passwd, struct bytes group, struct bytes gshadow,
		 const uint32_t *groups, unsigned int count, struct members *ret)
{
	struct text found = {0};
	struct bytes line, name;
	uint32_t gid;
	int error;

	ret->lines = (struct text){0};
	add_roots(&found, passwd);
	while (next_line(&group, &line)) {
		if (!read_id(find_column(line, ':', 2), &gid) || !is_among(gid, groups, count))
			continue;
		name = find_column(line, ':', 0);
		add_member(&found, name, (struct bytes){0});
		add_listed(&found, name, find_column(line, ':', 3));
		add_accounts_of(&found, passwd, name, gid);
		if (has_password(gshadow, name))
			add_member(&found, name, bytes_of(":"));
	}
	error = found.error ?: sort_lines(&found, &ret->lines);
	text_free(&found);
	if (error)
		text_free(&ret->lines);
	return error;
}

void members_free(struct members *members)
{
	text_free(&members->lines);
}

static bool has_line(const struct members *members, struct bytes wanted)
{
	struct bytes rest = text_since(&members->lines, 0), line;

	while (next_line(&rest, &line))
		if (bytes_equal(line, wanted))
			return true;
	return false;
}

bool members_has_group(const struct members *members, struct bytes group)
{
	struct bytes rest = text_since(&members->lines, 0), line;

	while (next_line(&rest, &line))
		if (line.size == group.size + 1 && !memcmp(line.data, group.data, group.size))
			return true;
	return false;
}

bool members_next_new(const struct members *before, const struct members *now, size_t *at,
		      struct bytes *ret)
{
	struct bytes rest = text_since(&now->lines, *at);

	while (next_line(&rest, ret)) {
		*at = now->lines.size - rest.size;
		if (!has_line(before, *ret))
			return true;
	}
	return false;
}
