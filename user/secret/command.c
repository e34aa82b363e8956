// SPDX-License-Identifier: Apache-2.0
#include "secret/command.h"

#include "base/utf8.h"
#include "secret/mask.h"

/* Bytes that a shell takes as they are, anywhere in a word. */
static const bool bare[256] = {
	['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['%'] = true,
	['+'] = true,	      [','] = true,	    ['-'] = true,	  ['.'] = true,
	['/'] = true,	      [':'] = true,	    ['='] = true,	  ['@'] = true,
	['^'] = true,	      ['_'] = true,	    ['{'] = true,	  ['}'] = true,
};

enum quoting { QUOTE_NONE, QUOTE_SINGLE, QUOTE_DOUBLE, QUOTE_ANSI };

bool command_next(struct bytes *args, struct bytes *ret_argument)
{
	const char *nul;

	if (!args->size)
		return false;
	nul = memchr(args->data, '\0', args->size);
	ret_argument->data = args->data;
	ret_argument->size = nul ? (size_t)(nul - args->data) : args->size;
	*args = bytes_from(*args, nul ? ret_argument->size + 1 : args->size);
	return true;
}

static enum quoting choose_quoting(struct bytes argument)
{
	bool special = !argument.size, single = false, expands = false;

	for (size_t at = 0; at < argument.size;) {
		unsigned char c = (unsigned char)argument.data[at];
		uint32_t code;

		if (bare[c]) {
			at++;
			continue;
		}
		if (mask_begins(bytes_from(argument, at))) { /* *** reads better without quotes */
			at += MASK_SIZE;
			continue;
		}
		special = true;
		single |= c == '\'';
		expands |= c == '"' || c == '$' || c == '`' || c == '\\' || c == '!';
		at += utf8_decode(argument.data + at, argument.size - at, &code);
		if (code != UTF8_INVALID && utf8_is_unsafe(code))
			return QUOTE_ANSI;
	}
	if (!special)
		return QUOTE_NONE;
	return single && !expands ? QUOTE_DOUBLE : QUOTE_SINGLE;
}

static void add_single_quoted(struct text *out, struct bytes argument)
{
	const char *quote;

	text_add_char(out, '\'');
	while (argument.size && (quote = memchr(argument.data, '\'', argument.size))) {
		size_t size = (size_t)(quote - argument.data);

		text_add(out, argument.data, size);
		text_add_string(out, "'\\''");
		argument = bytes_from(argument, size + 1);
	}
	text_add_bytes(out, argument);
	text_add_char(out, '\'');
}

static void add_ansi_quoted(struct text *out, struct bytes argument)
{
	text_add_string(out, "$'");
	for (size_t at = 0; at < argument.size;) {
		uint32_t code;
		size_t size = utf8_decode(argument.data + at, argument.size - at, &code);

		if (code == '\'' || code == '\\')
			text_add_char(out, '\\');
		if (code != UTF8_INVALID && utf8_is_unsafe(code))
			text_add_spelled(out, code);
		else
			text_add(out, argument.data + at, size);
		at += size;
	}
	text_add_char(out, '\'');
}

void command_add_argument(struct text *out, struct bytes argument)
{
	switch (choose_quoting(argument)) {
	case QUOTE_NONE:
		text_add_bytes(out, argument);
		break;
	case QUOTE_SINGLE:
		add_single_quoted(out, argument);
		break;
	case QUOTE_DOUBLE:
		text_add_char(out, '"');
		text_add_bytes(out, argument);
		text_add_char(out, '"');
		break;
	case QUOTE_ANSI:
		add_ansi_quoted(out, argument);
		break;
	}
}

void command_add(struct text *out, struct bytes args)
{
	struct bytes argument;

	for (bool first = true; command_next(&args, &argument); first = false) {
		if (!first)
			text_add_char(out, ' ');
		command_add_argument(out, argument);
	}
}

void command_add_list(struct text *out, const struct bytes *arguments, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (out->size)
			text_add_char(out, ' ');
		command_add_argument(out, arguments[i]);
	}
}
