// SPDX-License-Identifier: Apache-2.0
#include "agent/options/output.h"

#include <assert.h>
#include <stdio.h>

#include "record/view.h"

static bool output_has_word(const char *list, struct bytes wanted)
{
	struct bytes word;

	while (output_next_word(&list, '+', &word))
		if (wanted.size && bytes_equal(word, wanted))
			return true;
	return false;
}

static_assert(FINDINGS <= 64, "output.findings has a bit for each");

static bool output_has_finding(uint64_t wanted, const struct record *record)
{
	for (unsigned int i = 0; i < record->api.finding_count; i++)
		if (wanted >> record->api.findings[i].id & 1)
			return true;
	return false;
}

static bool has_names(const char *list)
{
	return list[strspn(list, "0123456789+")];
}

/* Whether LIST has UID or the name of that user. While the name is still being asked for, it may be any name in LIST. */
static bool has_user(const char *list, uint32_t uid, const struct record_context *context)
{
	char name[VIEW_NAME_SIZE], number[16];

	if (uid == CALLERD_UNSET_ID)
		return false;
	snprintf(number, sizeof(number), "%u", uid);
	if (output_has_word(list, bytes_of(number)))
		return true;
	view_user_name(context, uid, name);
	if (!name[0])
		return has_names(list) && context->user_asked &&
		       context->user_asked(context->data, uid);
	return output_has_word(list, bytes_of(name));
}

bool output_takes(const struct output *output, const struct record *record,
		  const struct record_context *context)
{
	const struct caller *caller = record->caller;

	if (output->actions && !(output->actions >> record->action & 1))
		return false;
	if (record->action == RECORD_RECORDS_LOST)
		return true;
	if (output->min_severity &&
	    finding_severity_number(view_severity(record)) < output->min_severity)
		return false;
	if (output->findings && !output_has_finding(output->findings, record))
		return false;
	return !output->users ||
	       (caller && (has_user(output->users, caller->process.euid, context) ||
			   has_user(output->users, caller->login_uid, context)));
}
