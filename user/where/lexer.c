// SPDX-License-Identifier: Apache-2.0
#include "where/lexer.h"

static const char blanks[] = " \t\r\n", marks[] = "(),=!<>";

/* A string up to its quote. A backslash takes the next byte as it is. */
static void lexer_read_string(struct lexer *lexer)
{
	char quote = lexer->text[lexer->at++];
	char *word = lexer->room + lexer->used;
	size_t size = 0;

	while (lexer->text[lexer->at] && lexer->text[lexer->at] != quote) {
		if (lexer->text[lexer->at] == '\\' && lexer->text[lexer->at + 1])
			lexer->at++;
		word[size++] = lexer->text[lexer->at++];
	}
	lexer->kind = lexer->text[lexer->at] ? LEXER_STRING : LEXER_WRONG;
	lexer->at += lexer->kind == LEXER_STRING;
	lexer->used += size;
	lexer->word = (struct bytes){word, size};
}

static size_t mark_size(const char *text)
{
	return strchr("=!<>", *text) && text[1] == '=' ? 2 : 1;
}

void lexer_next(struct lexer *lexer)
{
	const char *text;
	size_t size;

	lexer->at += strspn(lexer->text + lexer->at, blanks);
	lexer->start = lexer->at;
	text = lexer->text + lexer->at;
	if (*text == '"' || *text == '\'') {
		lexer_read_string(lexer);
		return;
	}
	if (!*text) {
		lexer->kind = LEXER_END;
		size = 0;
	} else if (strchr(marks, *text)) {
		lexer->kind = LEXER_MARK;
		size = mark_size(text);
	} else {
		lexer->kind = LEXER_WORD;
		size = strcspn(text, " \t\r\n(),=!<>\"'");
	}
	lexer->word = (struct bytes){text, size};
	lexer->at += size;
}

bool lexer_is(const struct lexer *lexer, const char *word)
{
	return (lexer->kind == LEXER_WORD || lexer->kind == LEXER_MARK) &&
	       bytes_are(lexer->word, word);
}
