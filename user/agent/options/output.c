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

/* Whether the fields of OFFER can be asked for. */
static bool find_fields(struct output_offer *offer)
{
	if (offer->state == OFFER_NEW)
		offer->state = fields_init(&offer->fields, offer->record, offer->context, IF_ASKED,
					   &offer->text)
				       ? OFFER_FAILED
				       : OFFER_HAS_FIELDS;
	return offer->state == OFFER_HAS_FIELDS;
}

void output_offer_free(struct output_offer *offer)
{
	if (offer->state != OFFER_NEW)
		fields_free(&offer->fields, 0);
	text_free(&offer->text);
}

bool output_takes(const struct output *output, struct output_offer *offer)
{
	const struct record *record = offer->record;
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
	if (output->users &&
	    !(caller && (has_user(output->users, caller->process.euid, offer->context) ||
			 has_user(output->users, caller->login_uid, offer->context))))
		return false;
	return !output->where || !find_fields(offer) ||
	       where_matches(output->where, &offer->fields) != WHERE_NO;
}
