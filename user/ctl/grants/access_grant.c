// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/utf8.h"
#include "ctl/grants/access_grant.h"

struct access_grant *access_add(struct access *access, const struct access_socket *socket,
				enum access_kind kind, const char *who)
{
	static struct access_grant spare;
	struct access_grant *grant = &spare;

	if (access->grant_count == access->grant_room && access->grant_room < ACCESS_GRANTS_MAX) {
		unsigned int room = access->grant_room ? 2 * access->grant_room : 64;
		struct access_grant *grants =
			reallocarray(access->grants, room, sizeof(*access->grants));

		if (grants) {
			access->grants = grants;
			access->grant_room = room;
		}
	}
	if (access->grant_count < access->grant_room)
		grant = &access->grants[access->grant_count++];
	else
		access->grants_left_out++;
	*grant = (struct access_grant){.socket = socket, .kind = kind};
	grant->standing = kind != ACCESS_ROOT && kind != ACCESS_NO_WAY && kind != ACCESS_CONTEXT &&
			  (!socket || socket->is_root);
	snprintf(grant->who, sizeof(grant->who), "%s", who);
	return grant;
}

void access_note(struct access *access, const char *format, ...)
{
	char text[512];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	text_add_visible(&access->notes, bytes_of(text), sizeof(text));
	text_add_char(&access->notes, '\n');
}

bool access_next_note(const struct access *access, size_t *at, struct bytes *ret)
{
	struct bytes rest = text_since(&access->notes, *at);

	if (!rest.size || !bytes_take(&rest, '\n', ret))
		return false;
	*at += ret->size + 1;
	return true;
}

bool access_quote(struct text *command, const char *word)
{
	struct bytes rest = bytes_of(word);
	bool plain = rest.size;

	while (rest.size) {
		uint32_t code;
		size_t size = utf8_decode(rest.data, rest.size, &code);

		if (code == UTF8_INVALID || utf8_is_unsafe(code) || code < 0x20 || code == 0x7f)
			return false;
		plain &= code < 0x80 && (isalnum((int)code) || strchr("._-/@:+,", (int)code));
		rest = bytes_from(rest, size);
	}
	if (plain) {
		text_add_string(command, word);
		return true;
	}
	text_add_char(command, '\'');
	for (; *word; word++)
		if (*word == '\'')
			text_add_string(command, "'\\''");
		else
			text_add_char(command, *word);
	text_add_char(command, '\'');
	return true;
}

static bool is_in_groups(uint32_t gid, const uint32_t *groups, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

bool access_user_has(const struct access_user *user, uint32_t gid)
{
	return user->gid == gid || is_in_groups(gid, user->groups, user->group_count);
}

bool access_may_write(const struct access_socket *socket, uint32_t uid, const uint32_t *groups,
		      unsigned int count, bool by_group)
{
	if (socket->group_may && is_in_groups(socket->gid, groups, count))
		return true;
	if (!by_group && (socket->mode & S_IWOTH || uid == socket->uid || !uid))
		return true;
	for (unsigned int i = 0; i < socket->acl_count; i++) {
		const struct access_acl *entry = &socket->acl[i];

		if (entry->is_group ? is_in_groups(entry->id, groups, count)
				    : !by_group && entry->id == uid)
			return true;
	}
	return false;
}

static bool passes_way(const struct access_way *way, uint32_t uid, const uint32_t *groups,
		       unsigned int count)
{
	for (unsigned int i = 0; i < way->step_count; i++) {
		const struct access_step *step = &way->steps[i];
		uint32_t bit = step->uid == uid				? S_IXUSR
			       : is_in_groups(step->gid, groups, count) ? S_IXGRP
									: S_IXOTH;

		if (!(step->mode & bit))
			return false;
	}
	return true;
}

bool access_passes(const struct access_socket *socket, uint32_t uid, const uint32_t *groups,
		   unsigned int count)
{
	if (!uid)
		return true;
	for (unsigned int i = 0; i < socket->way_count; i++)
		if (passes_way(&socket->ways[i], uid, groups, count))
			return true;
	return false;
}
