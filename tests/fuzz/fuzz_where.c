/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the input as an expression. What is refused has one sentence. What is accepted has an answer for any record, always the
 * same, and its opposite is the answer of "not" before it.
 */
#include "fuzz.h"

#include <errno.h>

#include "../unit/recording.h"
#include "where/where.h"

static enum where_answer ask(struct where *where, const struct record *record)
{
	struct text out = {0};
	struct fields fields;
	enum where_answer answer = WHERE_MAYBE;

	if (!fields_init(&fields, record, &context, IF_ASKED, &out)) {
		answer = where_matches(where, &fields);
		MUST(answer == where_matches(where, &fields));
	}
	MUST(!fields_free(&fields, 0) && !out.size);
	text_free(&out);
	return answer;
}

static void check_answers(const char *text, struct where *where)
{
	static const struct finding finding = {FINDING_PRIVILEGED, SEVERITY_CRITICAL, BYTES("all")};
	static const struct record_fact fact = {
		.name = "capabilities.add", .kind = FACT_TEXT, .text = BYTES("SYS_ADMIN")};
	static const struct caller caller = {
		.login_uid = 1000, .ancestors = ancestors, .ancestor_count = 3};
	struct record records[] = {plain_request(&caller), {.action = RECORD_RECORDS_LOST}};
	char not [WHERE_SIZE_MAX + 8], reason[200] = "";
	struct where *opposite = NULL;

	records[0].api.findings = &finding;
	records[0].api.finding_count = 1;
	records[0].api.facts = &fact;
	records[0].api.fact_count = 1;
	snprintf(not, sizeof(not ), "not(%s)", text);
	if (where_parse(not, &opposite, reason, sizeof(reason)))
		opposite = NULL; /* too long, or too many by now */
	for (size_t i = 0; i < COUNT(records); i++) {
		enum where_answer answer = ask(where, &records[i]);

		MUST(answer <= WHERE_YES);
		MUST(!opposite || ask(opposite, &records[i]) == WHERE_YES - answer);
	}
	where_free(opposite);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	char reason[200] = "";
	struct where *where;
	int error = where_parse(text, &where, reason, sizeof(reason));

	MUST(error == 0 || (error == -EINVAL && reason[0]));
	if (!error) {
		check_answers(text, where);
		where_free(where);
	}
	free(text);
	return 0;
}
