/* SPDX-License-Identifier: Apache-2.0 */
/* The words of an expression. */
#ifndef CALLERD_LEXER_H
#define CALLERD_LEXER_H

#include "base/bytes.h"

enum lexer_kind {
	LEXER_END,
	LEXER_WORD,   /* a name, a number, a keyword */
	LEXER_STRING, /* in quotes: never a keyword, nor a number */
	LEXER_MARK,   /* ( ) , and the operators */
	LEXER_WRONG,  /* a quote without its end */
};

struct lexer {
	const char *text; /* NUL-terminated */
	size_t at;
	/* What was read last: where it began, and what it is. .word of a string is what it says: it lies in .room. */
	size_t start;
	enum lexer_kind kind;
	struct bytes word;
	char *room; /* has as many bytes as the text */
	size_t used;
};

/* Reads what comes next. */
void lexer_next(struct lexer *lexer);

/* Whether MARK, or the keyword WORD, was read last. */
bool lexer_is(const struct lexer *lexer, const char *word);

#endif
