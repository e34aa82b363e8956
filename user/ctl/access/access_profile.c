// SPDX-License-Identifier: Apache-2.0
#include "ctl/access/access_profile.h"

#include <ctype.h>

#include "base/text.h"
#include "secret/mask.h"

#define DEFAULT_ENVIRONMENT "DefaultEnvironment="

struct profile_reader {
	enum access_profile_form form;
	struct bytes rest; /* of the line */
	char word[1024];   /* without its quotes; a longer one is cut, and not literal */
	size_t size;
	bool literal;
	char open; /* the quote that the last line left open */
	size_t quoted; /* where its first quote was: a shell assigns nothing by a quoted name; SIZE_MAX: none */
	void *data;
	void (*take)(void *data, const struct access_profile *assigned);
};

static bool ends_word(const struct profile_reader *reader, char c)
{
	return c == ' ' || c == '\t' || c == '\r' ||
	       (reader->form == PROFILE_SHELL && c && strchr(";&|()<>", c));
}

static void add_to_word(struct profile_reader *reader, char c)
{
	if (reader->size < sizeof(reader->word))
		reader->word[reader->size++] = c;
	else
		reader->literal = false;
}

/* Reads a word; false: the line, or a command in it, is over. */
static bool next_profile_word(struct profile_reader *reader)
{
	struct bytes *rest = &reader->rest;
	char quote = 0;

	while (rest->size && (*rest->data == ' ' || *rest->data == '\t' || *rest->data == '\r'))
		*rest = bytes_from(*rest, 1);
	reader->size = 0;
	reader->literal = true;
	reader->quoted = SIZE_MAX;
	if (!rest->size || *rest->data == '#' || ends_word(reader, *rest->data))
		return false;
	for (; rest->size && (quote || !ends_word(reader, *rest->data));
	     *rest = bytes_from(*rest, 1)) {
		char c = *rest->data;

		if (c == '\\' && (quote != '\'' || reader->form != PROFILE_SHELL)) {
			reader->literal = false;
			*rest = bytes_from(*rest, rest->size > 1);
			continue;
		}
		if (quote ? c == quote : c == '"' || c == '\'') {
			quote = quote ? 0 : c;
			if (reader->quoted == SIZE_MAX)
				reader->quoted = reader->size;
			continue;
		}
		if (quote != '\'' || reader->form != PROFILE_SHELL)
			reader->literal &= c != '$' && c != '`';
		if (!quote && reader->form == PROFILE_SHELL)
			reader->literal &= c != '*' && c != '?' && c != '[' && c != '~';
		if (reader->form == PROFILE_SYSTEMD)
			reader->literal &= c != '%';
		add_to_word(reader, c);
	}
	reader->literal &= !quote; /* else it goes on in the next line */
	reader->open = quote;
	return true;
}

/* Drops what belongs to a text that began in a line before. */
static void drop_open_text(struct profile_reader *reader)
{
	struct bytes *rest = &reader->rest;

	for (; reader->open && rest->size; *rest = bytes_from(*rest, 1))
		if (*rest->data == '\\' && reader->open == '"')
			*rest = bytes_from(*rest, rest->size > 1);
		else if (*rest->data == reader->open)
			reader->open = 0;
}

/* How much of the word is a name, with "=" or "+=" behind it; 0: it is no assignment. */
static size_t assigned_size(const struct profile_reader *reader)
{
	size_t size = 0;

	while (size < reader->size &&
	       (isalnum((unsigned char)reader->word[size]) || reader->word[size] == '_'))
		size++;
	if (size == reader->size || (reader->quoted <= size && reader->form == PROFILE_SHELL))
		return 0;
	return reader->word[size] == '=' || (reader->word[size] == '+' && size + 1 < reader->size &&
					     reader->word[size + 1] == '=')
		       ? size
		       : 0;
}

/* Tells the assignment that the word is. False: it is none, of any variable. */
static bool take_assignment(struct profile_reader *reader)
{
	static const char *const names[] = {"DOCKER_HOST", "DOCKER_CONTEXT", "CONTAINER_HOST"};
	size_t size = assigned_size(reader);
	struct access_profile assigned = {.literal = reader->literal};
	struct bytes value = {reader->word + size + 1, reader->size - size - 1};

	if (!size)
		return false;
	for (size_t i = 0; i < COUNT(names); i++)
		if (bytes_are((struct bytes){reader->word, size}, names[i]))
			assigned.name = names[i];
	if (!assigned.name)
		return true;
	if (reader->word[size] == '+')
		assigned.literal = false;
	if (assigned.literal) {
		_cleanup_(text_free) struct text masked = {0};

		mask_url(&masked, value);
		text_copy_visible(assigned.value, sizeof(assigned.value), text_since(&masked, 0),
				  sizeof(assigned.value));
	}
	reader->take(reader->data, &assigned);
	return true;
}

static bool is_word(const struct profile_reader *reader, const char *word)
{
	return bytes_are((struct bytes){reader->word, reader->size}, word);
}

/* One command of a shell: assignments before it, or what export and its like assign. */
static void read_shell_command(struct profile_reader *reader)
{
	static const char *const before[] = {"then", "else", "do", "{", "!", "time"};
	static const char *const exports[] = {"export", "declare", "typeset", "readonly"};
	bool exported = false, first = true;

	while (next_profile_word(reader)) {
		bool plain = false;

		if (take_assignment(reader))
			continue;
		for (size_t i = 0; first && i < COUNT(before); i++)
			plain |= is_word(reader, before[i]);
		if (plain)
			continue;
		for (size_t i = 0; first && i < COUNT(exports); i++)
			exported |= is_word(reader, exports[i]);
		first = false;
		if (exported)
			continue; /* of its options, and names without a value, none is an assignment */
		while (next_profile_word(reader))
			;
		return;
	}
}

static void read_shell_line(struct profile_reader *reader)
{
	struct bytes *rest = &reader->rest;

	drop_open_text(reader);
	for (;;) {
		read_shell_command(reader);
		if (!rest->size || *rest->data == '#')
			return;
		*rest = bytes_from(*rest, 1); /* what ended the command */
	}
}

static void read_systemd_line(struct profile_reader *reader)
{
	while (reader->rest.size && isspace((unsigned char)*reader->rest.data))
		reader->rest = bytes_from(reader->rest, 1);
	if (!bytes_begin(reader->rest, DEFAULT_ENVIRONMENT))
		return;
	reader->rest = bytes_from(reader->rest, strlen(DEFAULT_ENVIRONMENT));
	while (next_profile_word(reader))
		take_assignment(reader);
}

void access_profile_read(struct bytes file, enum access_profile_form form, void *data,
			 void (*take)(void *data, const struct access_profile *assigned))
{
	struct profile_reader reader = {.form = form, .data = data, .take = take};

	while (bytes_take(&file, '\n', &reader.rest))
		switch (form) {
		case PROFILE_SHELL:
			read_shell_line(&reader);
			break;
		case PROFILE_ENVIRONMENT:
			while (next_profile_word(&reader) &&
			       (take_assignment(&reader) || is_word(&reader, "export")))
				;
			break;
		case PROFILE_SYSTEMD:
			read_systemd_line(&reader);
			break;
		}
}
