// SPDX-License-Identifier: Apache-2.0
/* callerctl explain: one record in sentences, and what came of it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/ctl.h"
#include "errand/who.h"
#include "record/finding.h"
#include "secret/command.h"

#define ID_MAX 80
#define COLUMNS 200
#define CONSEQUENCES_MAX 64

struct sentences {
	struct bytes asked;
	bool by_number;
	uint64_t number;
	char id[ID_MAX];      /* event.id of the record, once it was found */
	char request[ID_MAX]; /* its http.request.id */
	unsigned int consequences;
};

/* Prints NAME, and TEXT as a terminal may have it. */
static void print_part(const char *name, struct bytes text)
{
	_cleanup_(text_free) struct text visible = {0};

	if (!text.size)
		return;
	text_add_visible(&visible, text, 2 * COLUMNS);
	printf("  %-12s %s\n", name, visible.data ?: "");
}

static void print_findings(const struct reread *record)
{
	for (unsigned int i = 0;; i++) {
		struct bytes id = reread_text_at(record, "callerd.findings.id", i);
		struct bytes severity = reread_text_at(record, "callerd.findings.severity", i);
		enum finding_id finding =
			id.size ? finding_by_name(id.data, id.size) : FINDING_NONE;
		const struct finding_kind *kind = finding ? finding_kind(finding) : NULL;
		const char *technique = kind ? finding_technique_name(kind->technique) : NULL;
		_cleanup_(text_free) struct text text = {0};

		if (!id.data)
			return;
		text_add_visible(&text, severity, 20);
		text_add_string(&text, "  ");
		text_add_visible(&text, id, 60);
		text_add_string(&text, ": ");
		text_add_string(&text, kind ? kind->meaning : "this callerctl does not know it");
		if (technique) {
			text_add_string(&text, " ATT&CK ");
			text_add_string(&text, technique);
		}
		printf("  ! %s\n", text.data ?: "");
	}
}

static void print_details(const struct reread *record)
{
	for (unsigned int i = 0;; i++) {
		struct bytes detail = reread_text_at(record, "callerd.findings.detail", i);

		if (!detail.data)
			return;
		print_part(i ? "" : "in detail", detail);
	}
}

static void print_command(const struct reread *record)
{
	struct bytes arguments[64];
	_cleanup_(text_free) struct text command = {0};
	unsigned int count =
		reread_texts(record, "callerd.request.command", arguments, COUNT(arguments));

	if (!count)
		return;
	command_add_list(&command, arguments, count);
	print_part("runs", text_since(&command, 0));
}

static void print_answer_of(const struct reread *record)
{
	uint64_t status = reread_number(record, "http.response.status_code");
	uint64_t duration = reread_number(record, "event.duration");
	_cleanup_(text_free) struct text text = {0};
	struct bytes error = reread_text(record, "error.message");

	if (status) {
		text_add_number(&text, status);
		if (duration) {
			text_add_string(&text, " in ");
			clock_add_duration(&text, duration);
		}
	} else if (record->record.action == RECORD_API_REQUEST) {
		text_add_string(&text, "none was seen");
	}
	if (error.size) {
		text_add_string(&text, text.size ? ": " : "");
		text_add_bytes(&text, error);
	}
	print_part("answer", text_since(&text, 0));
}

static void print_certainty(const struct reread *record)
{
	struct bytes reason = reread_text(record, "callerd.capture.reason");
	_cleanup_(text_free) struct text text = {0};

	if (!reread_text(record, "process.entity_id").size) {
		text_add_string(&text, "no: the caller is not known");
	} else if (bytes_are(reread_text(record, "callerd.caller.basis"), "peer")) {
		text_add_string(&text,
				"in part: of the caller only what the kernel kept at its connect");
	} else if (!reason.size) {
		text_add_string(&text, "all bytes were seen; the caller is the kernel's word");
	} else {
		text_add_string(&text, "not all: ");
	}
	for (unsigned int i = 0;
	     (reason = reread_text_at(record, "callerd.capture.reason", i)).data; i++) {
		text_add_string(&text, i ? ", " : text.size ? " " : "");
		text_add_bytes(&text, reason);
	}
	print_part("certain?", text_since(&text, 0));
}

static void print_expected(const struct reread *record)
{
	struct bytes rule = reread_text(record, "callerd.expected_rule");
	_cleanup_(text_free) struct text text = {0};

	if (rule.size) {
		text_add_string(&text, "yes, by the rule ");
		text_add_bytes(&text, rule);
	} else {
		text_add_string(&text, "no rule expects it");
	}
	print_part("expected?", text_since(&text, 0));
}

/* sshd from 10.1.2.3, port 50022, since 2026-11-28T19:02:11Z, which has ended */
static void print_origin(const struct reread *record)
{
	struct bytes from = reread_text(record, "source.ip"), start;
	_cleanup_(text_free) struct text text = {0};

	if (!from.size)
		from = reread_text(record, "source.domain");
	start = reread_text(record, "callerd.session.start");
	text_add_bytes(&text, reread_text(record, "callerd.session.service"));
	if (from.size) {
		text_add_string(&text, text.size ? " from " : "from ");
		text_add_bytes(&text, from);
	}
	if (start.size) {
		text_add_string(&text, ", since ");
		text_add_bytes(&text, start);
	}
	if (reread_true(record, "callerd.session.ended"))
		text_add_string(&text, ", a session that has ended");
	if (reread_text(record, "callerd.session.contradictions").size) {
		text_add_string(&text, "; but ");
		text_add_bytes(&text, reread_text(record, "callerd.session.contradictions"));
	}
	print_part("logged in", text_since(&text, 0));
}

static void print_record(const struct reread *record)
{
	struct bytes message = reread_text(record, "message");
	_cleanup_(text_free) struct text head = {0};
	_cleanup_(text_free) struct text who = {0};

	text_add_visible(&head, reread_text(record, "@timestamp"), 40);
	text_add_string(&head, "  ");
	text_add_visible(&head, message, 2 * COLUMNS);
	printf("%s\n", head.data ?: "");
	print_findings(record);
	print_details(record);
	who_add_origin(&who, record, false);
	print_part("who", text_since(&who, 0));
	print_origin(record);
	print_part("command", reread_text(record, "process.command_line"));
	print_part("below", reread_text(record, "callerd.lineage"));
	print_part("directory", reread_text(record, "process.working_directory"));
	print_part("unit", reread_text(record, "callerd.caller.unit"));
	print_part("let in by", reread_text(record, "callerd.caller.access"));
	print_part("asked", reread_text(record, "url.original"));
	print_part("of", reread_text(record, "callerd.target.name"));
	print_part("image", reread_text(record, "callerd.target.image"));
	print_command(record);
	if (record->record.action == RECORD_API_REQUEST)
		print_expected(record);
	print_answer_of(record);
	print_certainty(record);
	print_part("record", reread_text(record, "event.id"));
}

static void keep_id(char to[ID_MAX], struct bytes id)
{
	snprintf(to, ID_MAX, "%.*s", (int)(id.size < ID_MAX ? id.size : ID_MAX - 1), id.data ?: "");
}

static bool is_asked_for(const struct sentences *sentences, const struct reread *record)
{
	if (sentences->by_number)
		return reread_number(record, "event.sequence") == sentences->number;
	return bytes_equal(reread_text(record, "event.id"), sentences->asked);
}

static int explain_record(void *data, const struct reread *record, uint64_t time, struct bytes line)
{
	struct sentences *sentences = data;
	bool of_request = *sentences->request &&
			  bytes_are(reread_text(record, "http.request.id"), sentences->request);

	if (!*sentences->id) {
		if (!is_asked_for(sentences, record))
			return 0;
		keep_id(sentences->id, reread_text(record, "event.id"));
		keep_id(sentences->request, reread_text(record, "http.request.id"));
		print_record(record);
		return 0;
	}
	if (!of_request && !bytes_are(reread_text(record, "callerd.cause.event_id"), sentences->id))
		return 0;
	if (sentences->consequences++ < CONSEQUENCES_MAX)
		print_part(sentences->consequences == 1 ? "came of it" : "", reread_what(record));
	return 0;
}

static bool explain_may_matter(void *data, struct bytes line)
{
	const struct sentences *sentences = data;
	const char *needle = *sentences->id	    ? sentences->id
			     : sentences->by_number ? "\"sequence\":"
						    : sentences->asked.data;

	return bytes_find(line, bytes_of(needle));
}

/* Whether TEXT is an event.id: TIME-RUN-NUMBER. */
static bool is_event_id(const char *text)
{
	return strspn(text, "0123456789abcdef") == 16 && text[16] == '-' &&
	       strspn(text + 17, "0123456789abcdef") == 16 && text[33] == '-';
}

/* The record that SENTENCES ask for. */
static enum ctl_exit explain_one(struct ctl *ctl, struct sentences *sentences)
{
	struct ctl_records records = {
		.data = sentences,
		.take = explain_record,
		.may_matter = explain_may_matter,
	};

	if (ctl_read(ctl, &records))
		return CTL_UNREAD;
	if (*sentences->id)
		return CTL_OK;
	fprintf(stderr, "callerctl: there is no such record in the log\n");
	return CTL_FOUND;
}

/* An object: what was done to it, and the gravest of that in sentences. */
static enum ctl_exit explain_object(struct ctl *ctl)
{
	struct sentences sentences = {0};
	char gravest[64];
	enum ctl_exit code = ctl_who_and_gravest(ctl, gravest, sizeof(gravest));

	if (code != CTL_OK || !*gravest || ctl->json || !strcmp(ctl->logs[0], "-"))
		return code;
	putchar('\n');
	sentences.asked = bytes_of(gravest);
	return explain_one(ctl, &sentences);
}

enum ctl_exit ctl_explain(struct ctl *ctl)
{
	struct sentences sentences = {.asked = bytes_of(ctl->arguments[0])};

	if (strspn(ctl->arguments[0], "0123456789") == sentences.asked.size &&
	    sentences.asked.size < 12) {
		sentences.by_number = true;
		sentences.number = strtoull(ctl->arguments[0], NULL, 10);
	} else if (!is_event_id(ctl->arguments[0])) {
		return explain_object(ctl);
	}
	return explain_one(ctl, &sentences);
}
