// SPDX-License-Identifier: Apache-2.0
#include "ctl/rules/access_doas.h"

#include <stdlib.h>

#define WORD_MAX 1023 /* bytes: doas refuses longer ones */

enum doas_token { DOAS_END, DOAS_LINE, DOAS_OPEN, DOAS_CLOSE, DOAS_WORD, DOAS_BAD };

struct doas_reader {
	struct bytes rest;
	struct text *words; /* with room for all: what is in there stays where it is */
	enum doas_token token;
	const char *word;
	bool plain; /* without quotes, and no escaped end of line before its end: it may be a keyword */
	bool quotes; /* it is a word, even an empty one */
};

/* --- words ------------------------------------------------------------------------------------ */

/* Reads the rest of a word; false: it is not whole, or doas refuses it. */
static bool doas_read_word(struct doas_reader *reader)
{
	struct bytes *rest = &reader->rest;
	size_t begin = reader->words->size;
	bool quoted = false, escaped = false;

	reader->quotes = false;
	for (; rest->size; *rest = bytes_from(*rest, 1)) {
		char c = *rest->data;

		if (!c || (c == '\n' && quoted))
			return false;
		if (!escaped && (c == '\\' || c == '"')) {
			reader->plain &= c != '"';
			escaped = c == '\\';
			quoted ^= c == '"';
			reader->quotes |= c == '"';
			continue;
		}
		if (!escaped && !quoted && strchr("\n{}# \t", c))
			break;
		if (c != '\n')
			text_add_char(reader->words, c);
		else /* an escaped one: the line goes on */
			reader->plain = false;
		escaped = false;
	}
	if (escaped || quoted || reader->words->size - begin > WORD_MAX)
		return false;
	text_add(reader->words, "", 1);
	reader->word = reader->words->data + begin;
	return true;
}

static void doas_next_of_line(struct doas_reader *reader)
{
	static const char marks[] = "\n{}";
	struct bytes *rest = &reader->rest;
	const char *mark;

	while (rest->size && (*rest->data == ' ' || *rest->data == '\t'))
		*rest = bytes_from(*rest, 1);
	while (rest->size && *rest->data == '#') {
		const char *end = memchr(rest->data, '\n', rest->size);

		*rest = bytes_from(*rest, end ? (size_t)(end - rest->data) : rest->size);
	}
	if (!rest->size) {
		reader->token = DOAS_END;
		return;
	}
	mark = *rest->data ? strchr(marks, *rest->data) : NULL;
	if (mark) {
		reader->token = DOAS_LINE + (enum doas_token)(mark - marks);
		*rest = bytes_from(*rest, 1);
		return;
	}
	reader->token = doas_read_word(reader) ? DOAS_WORD : DOAS_BAD;
}

static void doas_next(struct doas_reader *reader)
{
	reader->plain = true;
	do
		doas_next_of_line(reader);
	while (reader->token == DOAS_WORD && !*reader->word && !reader->quotes);
}

/* --- rules ------------------------------------------------------------------------------------ */

static bool doas_is(const struct doas_reader *reader, const char *word)
{
	return reader->token == DOAS_WORD && reader->plain && !strcmp(reader->word, word);
}

/* Takes KEYWORD, if it is next. */
static bool doas_takes(struct doas_reader *reader, const char *keyword)
{
	if (!doas_is(reader, keyword))
		return false;
	doas_next(reader);
	return true;
}

/* Takes a word that is no keyword; NULL: there is none. */
static const char *doas_take_word(struct doas_reader *reader)
{
	static const char *const keywords[] = {"permit", "deny",    "as",      "cmd",	 "args",
					       "nopass", "persist", "keepenv", "setenv", "nolog"};
	const char *word = reader->word;

	if (reader->token != DOAS_WORD)
		return NULL;
	for (size_t i = 0; i < COUNT(keywords); i++)
		if (doas_is(reader, keywords[i]))
			return NULL;
	doas_next(reader);
	return word;
}

static bool doas_take_options(struct doas_reader *reader)
{
	bool nopass = false, persist = false;

	for (;;) {
		if (doas_takes(reader, "nopass")) {
			nopass = true;
		} else if (doas_takes(reader, "persist")) {
			persist = true;
		} else if (doas_takes(reader, "setenv")) {
			if (reader->token != DOAS_OPEN)
				return false;
			doas_next(reader);
			while (doas_take_word(reader))
				;
			if (reader->token != DOAS_CLOSE)
				return false;
			doas_next(reader);
		} else if (!doas_takes(reader, "keepenv") && !doas_takes(reader, "nolog")) {
			return !(nopass && persist);
		}
	}
}

static bool doas_take_arguments(struct doas_reader *reader, struct access_doas_rule *rule)
{
	size_t begin = reader->words->size;
	_cleanup_(text_free) struct text arguments = {0};
	const char *word;

	rule->has_arguments = doas_takes(reader, "args");
	while (rule->has_arguments && (word = doas_take_word(reader))) {
		text_add_char(&arguments, ' ');
		text_add_string(&arguments, word);
	}
	begin = reader->words->size;
	text_add_bytes(reader->words, text_since(&arguments, 0));
	text_add(reader->words, "", 1);
	rule->arguments = reader->words->data + begin;
	return !arguments.error && !reader->words->error;
}

static bool doas_take_rule(struct doas_reader *reader, struct access_doas_rule *rule)
{
	*rule = (struct access_doas_rule){.permits = doas_takes(reader, "permit")};
	if (rule->permits ? !doas_take_options(reader) : !doas_takes(reader, "deny"))
		return false;
	rule->identity = doas_take_word(reader);
	if (!rule->identity)
		return false;
	if (doas_takes(reader, "as") && !(rule->target = doas_take_word(reader)))
		return false;
	if (doas_takes(reader, "cmd") && !(rule->command = doas_take_word(reader)))
		return false;
	if (!rule->command)
		rule->arguments = "";
	else if (!doas_take_arguments(reader, rule))
		return false;
	return reader->token == DOAS_LINE;
}

bool access_doas_read(struct bytes file, struct access_doas *ret)
{
	struct doas_reader reader = {.rest = file, .words = &ret->words};

	/* Each word twice, as arguments, with a NUL. */
	if (!text_room(&ret->words, 4 * file.size + 64))
		return false;
	for (doas_next(&reader); reader.token != DOAS_END; doas_next(&reader)) {
		if (reader.token == DOAS_LINE)
			continue;
		if (ret->count == DOAS_RULES_MAX ||
		    !doas_take_rule(&reader, &ret->rules[ret->count]))
			return false;
		ret->count++;
	}
	return true;
}

void access_doas_free(struct access_doas *doas)
{
	text_free(&doas->words);
	free(doas);
}

static bool doas_same_user(const char *one, const char *other)
{
	return !strcmp(!strcmp(one, "0") ? "root" : one, !strcmp(other, "0") ? "root" : other);
}

/* Whether LATER denies all that RULE permits. A denial of one target or command leaves others to a rule for any. */
static bool doas_denies(const struct access_doas_rule *later, const struct access_doas_rule *rule)
{
	if (later->permits)
		return false;
	if (later->target && (!rule->target || !doas_same_user(later->target, rule->target)))
		return false;
	if (!later->command)
		return true;
	return rule->command && !strcmp(later->command, rule->command) &&
	       (!later->has_arguments ||
		(rule->has_arguments && !strcmp(later->arguments, rule->arguments)));
}

bool access_doas_holds(const struct access_doas *doas, unsigned int number, void *data,
		       bool (*is)(void *data, const struct access_doas_rule *rule))
{
	const struct access_doas_rule *rule = &doas->rules[number];

	if (!rule->permits || !is(data, rule))
		return false;
	for (unsigned int later = number + 1; later < doas->count; later++)
		if (doas_denies(&doas->rules[later], rule) && is(data, &doas->rules[later]))
			return false;
	return true;
}
