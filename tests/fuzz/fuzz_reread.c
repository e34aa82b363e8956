/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the input as lines of a log. Each says the same, be it read as callerd's or as any JSON. One that is a record has an answer
 * for each expression, always the same, and its opposite is the answer of "not" before it. What a level would leave out is no more
 * than the line. Lines may tell what callers are, and others name them.
 */
#include "fuzz.h"

#include "../unit/rereading.h"
#include "fields/reread.h"
#include "where/where.h"

static struct where *expressions[2][10];

static const char *const texts[] = {
	"severity >= high",
	"user = alice",
	"container = web or unit",
	"finding",
	"callerd.request.binds contains /",
	"callerd.findings = x",
	"pid in (1, 2, 42)",
	"url.original glob *containers*",
	"command matches '^a'",
	"callerd.ancestors.name = sudo and process.executable",
};

static enum where_answer ask(const struct reread *reread, struct where *where)
{
	struct text out = {0};
	struct fields fields;
	enum where_answer answer;

	reread_fields(reread, &fields, &out);
	answer = where_matches(where, &fields);
	MUST(answer <= WHERE_YES && answer == where_matches(where, &fields));
	MUST(!fields_free(&fields, 0));
	text_free(&out);
	return answer;
}

static void parse_expressions(void)
{
	static char opposites[COUNT(texts)][100]; /* outlive what is parsed of them */
	char reason[100];

	for (size_t i = 0; i < COUNT(texts); i++) {
		char *text = opposites[i];

		snprintf(text, sizeof(opposites[i]), "not (%s)", texts[i]);
		MUST(!where_parse(texts[i], &expressions[0][i], reason, sizeof(reason)));
		MUST(!where_parse(text, &expressions[1][i], reason, sizeof(reason)));
	}
}

static void read_line(struct rereading *rereading, struct bytes line)
{
	const struct reread *reread = &rereading->own;
	int error;

	MUST(rereading_read(rereading, line, &error));
	if (error)
		return;
	MUST(!reread->joined || reread->named);
	MUST(reread->lineage + reread->content <= line.size);
	for (size_t i = 0; i < COUNT(texts); i++)
		MUST(ask(reread, expressions[0][i]) == WHERE_YES - ask(reread, expressions[1][i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes rest = {(const char *)data, size};
	struct rereading rereading = {0};

	if (!expressions[0][0])
		parse_expressions();
	while (rest.size) {
		const char *end = memchr(rest.data, '\n', rest.size);
		struct bytes line = {rest.data, end ? (size_t)(end - rest.data) : rest.size};

		read_line(&rereading, line);
		rest = bytes_from(rest, line.size + (end != NULL));
	}
	rereading_free(&rereading);
	return 0;
}
