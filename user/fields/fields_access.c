// SPDX-License-Identifier: Apache-2.0
/* Changes of what decides who may use a socket. */
#include "fields/fields_table.h"

static void get_change(struct fields *fields, struct field_value *ret)
{
	fields_set_bits(ret, fields->view.record->change.what, name_change, NULL);
}

static void get_added(struct fields *fields, struct field_value *ret)
{
	const struct record_change *change = &fields->view.record->change;

	fields_set_list(ret, change->added_count ? VALUE_TEXTS : VALUE_NONE, change->added,
			change->added_count);
}

static void get_removed(struct fields *fields, struct field_value *ret)
{
	const struct record_change *change = &fields->view.record->change;

	fields_set_list(ret, change->removed_count ? VALUE_TEXTS : VALUE_NONE, change->removed,
			change->removed_count);
}

static int enter_access(struct fields *fields, const struct record_access *access,
			unsigned int index)
{
	if (index || !access->known)
		return 0;
	fields->of[FIELDS_record_access] = access;
	return 1;
}

static int enter_before(struct fields *fields, unsigned int index)
{
	return enter_access(fields, &fields->view.record->change.before, index);
}

static int enter_after(struct fields *fields, unsigned int index)
{
	return enter_access(fields, &fields->view.record->change.after, index);
}

static void get_owner(struct fields *fields, struct field_value *ret)
{
	const struct record_access *access = fields->of[FIELDS_record_access];

	fields_name_user(fields, access->uid, ret);
}

static void get_group(struct fields *fields, struct field_value *ret)
{
	const struct record_access *access = fields->of[FIELDS_record_access];
	const struct record_context *context = fields->view.context;

	fields->name[0] = '\0';
	if (context->group_name)
		context->group_name(context->data, access->gid, fields->name, sizeof(fields->name));
	fields_set_text(ret, bytes_of(fields->name));
}

/* clang-format off */
#define ACCESS \
	CHARS("mode", record_access, mode), \
	ID32("uid", record_access, uid), \
	GET("owner", get_owner), \
	ID32("gid", record_access, gid), \
	GET("group", get_group), \
	BYTES("acl", record_access, acl), \
	BYTES("label", record_access, label)

const struct record_field fields_of_change[] = {
	OBJECT("change", IF_CHANGE,
		NAMED("object", CHANGE_OBJECT, record, change.object),
		BYTES("path", record, change.path),
		GET("what", get_change),
		ABOUT("before", 0, enter_before, ACCESS),
		ABOUT("after", 0, enter_after, ACCESS),
		BYTES("group", record, change.group),
		GET("added", get_added),
		GET("removed", get_removed),
		NUMBER32("pid", record, change.pid, .optional = true)),
	{0},
};
/* clang-format on */
