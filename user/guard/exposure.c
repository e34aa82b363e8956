// SPDX-License-Identifier: Apache-2.0
#include "guard/exposure.h"

#include <string.h>
#include <sys/stat.h>

#define SHOWN 256

unsigned int exposure_compare(const struct look_file *before, const struct look_file *now)
{
	unsigned int what = 0;

	if (before->present != now->present)
		return now->present ? CHANGE_CREATED : CHANGE_DELETED;
	if (!now->present)
		return 0;
	if (before->inode != now->inode || before->device_major != now->device_major ||
	    before->device_minor != now->device_minor ||
	    (before->mode & S_IFMT) != (now->mode & S_IFMT))
		what |= before->mount != now->mount ? CHANGE_MOUNTED : CHANGE_REPLACED;
	else if (before->mount != now->mount)
		what |= CHANGE_MOUNTED;
	if (before->mode != now->mode)
		what |= CHANGE_MODE;
	if (before->uid != now->uid)
		what |= CHANGE_OWNER;
	if (before->gid != now->gid)
		what |= CHANGE_GROUP;
	if (before->acl_hash != now->acl_hash)
		what |= CHANGE_ACL;
	if (strcmp(before->label, now->label) != 0)
		what |= CHANGE_LABEL;
	if (strcmp(before->content, now->content) != 0)
		what |= CHANGE_CONTENT;
	return what;
}

static void add_reason(struct text *detail, const char *reason)
{
	if (detail->size)
		text_add_string(detail, "; ");
	text_add_string(detail, reason);
}

static void add_id_reason(struct text *detail, const char *reason, uint32_t id)
{
	add_reason(detail, reason);
	text_add_number(detail, id);
}

bool exposure_widens(const struct look_file *before, const struct look_file *now,
		     struct text *detail)
{
	static const struct look_file nothing;
	bool was = before->present;
	size_t start = detail->size;

	if (!now->present)
		return false;
	if (!was)
		before = &nothing;
	if (now->mode & S_IWOTH && !(before->mode & S_IWOTH))
		add_reason(detail, "every user may write");
	if (now->mode & S_IWGRP && now->gid &&
	    !(was && before->mode & S_IWGRP && before->gid == now->gid))
		add_id_reason(detail, "its group may write: gid ", now->gid);
	if (now->uid && !(was && before->uid == now->uid))
		add_id_reason(detail, "it belongs to uid ", now->uid);
	if (now->acl_writes && now->acl_hash != before->acl_hash) {
		add_reason(detail, "its ACL is ");
		text_add_visible(detail, bytes_of(now->acl), SHOWN);
	}
	return detail->size > start;
}

enum finding_id exposure_find(enum change_object object, unsigned int what, bool engine)
{
	if (what == CHANGE_TOUCHED)
		return engine ? FINDING_NONE : FINDING_NOT_JUDGED;
	switch (object) {
	case CHANGE_SOCKET:
		if (engine)
			return FINDING_NONE;
		return what & (CHANGE_CREATED | CHANGE_REPLACED | CHANGE_MOUNTED)
			       ? FINDING_SOCKET_REPLACED
		       : what & (CHANGE_DELETED | CHANGE_MOVED) ? FINDING_SOCKET_REMOVED
		       : what & CHANGE_TOUCHED			? FINDING_NOT_JUDGED
								: FINDING_NONE;
	case CHANGE_SUDOERS:
		return FINDING_SUDOERS_CHANGED;
	case CHANGE_CONFIGURATION:
	case CHANGE_UNIT:
		return FINDING_ENGINE_CONFIGURATION_CHANGED;
	case CHANGE_PROGRAM:
		return FINDING_ENGINE_PROGRAM_CHANGED;
	default:
		return FINDING_NONE;
	}
}
