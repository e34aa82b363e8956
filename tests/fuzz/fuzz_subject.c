/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the first line of the input as what `callerctl who` is asked, and the rest as a log: whatever somebody wrote into that, what is
 * said of a process, a job, a login or a container is lines of safe text, and its PIDs are told apart.
 */
#include "fuzz.h"

#include "base/utf8.h"
#include "ctl/subject.h"

static const struct ctl options = {.lines = 3, .utc = true};

static void check_lines(const struct text *text)
{
	uint32_t code;

	for (size_t at = 0; at < text->size;) {
		size_t size = utf8_decode(text->data + at, text->size - at, &code);

		MUST(code == '\n' || (code != UTF8_INVALID && !utf8_is_unsafe(code)));
		at += size;
	}
}

static void take_as(struct subject *subject, const struct reread *record, uint64_t time)
{
	MUST(!subject_take(subject, record, time));
	check_lines(&subject->title);
	check_lines(&subject->facts);
	MUST(!subject->title.size || !memchr(subject->title.data, '\n', subject->title.size));
	MUST(subject->held <= subject->records);
}

static void check_entity(struct bytes entity)
{
	MUST(!subject_start(entity) || entity.size > 2);
	MUST(!subject_same_boot(entity, (struct bytes){0}));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes rest = {(const char *)data, size}, line = {0};
	struct subject *subjects[SUBJECT_CONTAINER + 1];
	struct who_question question;
	struct reread reread = {0};
	char text[2048];
	const char *const arguments[] = {text};
	uint64_t time = 0;

	bytes_take(&rest, '\n', &line);
	snprintf(text, sizeof(text), "%.*s", line.size > 2000 ? 2000 : (int)line.size,
		 line.data ?: "");
	if (question_parse(arguments, 1, &question))
		question = (struct who_question){.kind = QUESTION_NUMBER};
	MUST(question.kind != QUESTION_PID || (question.pid && question.pid <= INT32_MAX));
	for (size_t i = 0; i < COUNT(subjects); i++)
		MUST(subjects[i] = subject_new((enum subject_kind)i, line, &options));
	while (bytes_take(&rest, '\n', &line)) {
		if (reread_read(&reread, line) && !reread_is_own(&reread))
			continue;
		time += (line.size % 7) * NS_PER_S / 2;
		check_entity(reread_text(&reread, "process.entity_id"));
		(void)question_is_job(&question, reread_text(&reread, "callerd.ci.system"),
				      reread_text(&reread, "callerd.ci.pipeline"),
				      reread_text(&reread, "callerd.ci.job"),
				      reread_text(&reread, "callerd.ci.url"));
		for (size_t i = 0; i < COUNT(subjects); i++)
			if (reread_is_own(&reread))
				MUST(!subject_describe(subjects[i], &reread));
			else
				take_as(subjects[i], &reread, time);
	}
	for (size_t i = 0; i < COUNT(subjects); i++)
		subject_free(subjects[i]);
	reread_free(&reread);
	return 0;
}
