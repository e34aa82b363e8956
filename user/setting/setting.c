// SPDX-License-Identifier: Apache-2.0
#include "setting/setting.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const answers[] = {"no", "yes", NULL};

/* --- values ----------------------------------------------------------------------------------- */

/* A number, and behind it nothing or one letter of UNITS, which multiplies it by its factor. */
static bool setting_read_number(const char *value, const char *units, const uint64_t *factors,
				uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t number, factor = 1;
	char *end;

	if (*value < '0' || *value > '9')
		return false;
	errno = 0;
	number = strtoull(value, &end, 10);
	if (errno)
		return false;
	if (*end) {
		const char *unit = strchr(units, *end);

		if (!unit || end[1])
			return false;
		factor = factors[unit - units];
	}
	if (number > max / factor || number * factor < min)
		return false;
	*ret = number * factor;
	return true;
}

bool setting_number(const char *value, uint64_t min, uint64_t max, uint64_t *ret)
{
	return setting_read_number(value, "", NULL, min, max, ret);
}

/* The place of VALUE among WORDS; -1: it is none of them. */
static int find_word(const char *value, const char *const *words)
{
	for (int i = 0; words && words[i]; i++)
		if (!strcmp(words[i], value))
			return i;
	return -1;
}

static const char *const *words_of(const struct setting *setting)
{
	return setting->kind == SETTING_FLAG ? answers : setting->words;
}

/* The integer that VALUE stands for. False: it is none that SETTING may have. */
static bool read_integer(const struct setting *setting, const char *value, uint64_t *ret)
{
	static const uint64_t sizes[] = {1u << 10, 1u << 20, 1u << 30, 1ull << 40};
	static const uint64_t seconds[] = {1, 60, 3600, 86400};
	int index = find_word(value, words_of(setting));

	if (index >= 0) {
		*ret = (uint64_t)index;
		return true;
	}
	switch (setting->kind) {
	case SETTING_NUMBER:
		return setting_number(value, setting->min, setting->max, ret);
	case SETTING_POWER:
		return setting_number(value, setting->min, setting->max, ret) &&
		       !(*ret & (*ret - 1));
	case SETTING_SIZE:
		return setting_read_number(value, "KMGT", sizes, setting->min, setting->max, ret);
	case SETTING_SECONDS:
		return setting_read_number(value, "smhd", seconds, setting->min, setting->max, ret);
	default:
		return false;
	}
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "integers of any size begin with their low byte");

static void setting_store(const struct setting *setting, void *target, uint64_t value)
{
	memcpy((char *)target + setting->offset, &value, setting->size);
}

static uint64_t setting_load(const struct setting *setting, const void *target)
{
	uint64_t value = 0;

	memcpy(&value, (const char *)target + setting->offset, setting->size);
	return value;
}

/* --- reading ---------------------------------------------------------------------------------- */

int setting_refuse(struct setting_why why, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why.text, why.size, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

int setting_check_name(struct setting_why why, const char *kind, const char *name, unsigned int max)
{
	if (!*name || strlen(name) > max)
		return setting_refuse(why, "a rule has a name of 1 to %u bytes: [%s NAME]", max,
				      kind);
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
			return setting_refuse(
				why,
				"rule \"%s\": its name is made of letters, digits, '.', '_', '-'",
				name);
	return 0;
}

static int refuse_value(struct setting_reader *reader, const struct setting *setting)
{
	const char *const *words = words_of(setting);
	size_t size;

	if (setting->wanted)
		return setting_refuse(reader->why, "%s", setting->wanted);
	if (!words)
		return setting_refuse(reader->why, "it is a number from %llu to %llu%s",
				      (unsigned long long)setting->min,
				      (unsigned long long)setting->max,
				      setting->kind == SETTING_POWER ? ", a power of two" : "");
	setting_refuse(reader->why, "it is one of");
	for (; *words; words++) {
		size = strlen(reader->why.text);
		snprintf(reader->why.text + size, reader->why.size - size, " %s", *words);
	}
	return -EINVAL;
}

static const struct setting *find_setting(const struct setting_reader *reader, struct bytes name)
{
	for (const struct setting *setting = reader->table; setting->name; setting++)
		if (setting->places & reader->place && bytes_are(name, setting->name))
			return setting;
	return NULL;
}

static int setting_take_text(struct setting_reader *reader, const struct setting *setting,
			     const char *value)
{
	if (setting->kind == SETTING_PATH ? *value != '/' : setting->wanted && !*value)
		return refuse_value(reader, setting);
	*(const char **)((char *)reader->target + setting->offset) = value;
	return 0;
}

static int take_value(struct setting_reader *reader, const struct setting *setting,
		      const char *value)
{
	uint64_t number;

	reader->setting = setting;
	if (setting->take)
		return setting->take(reader, value);
	if (setting->kind == SETTING_TEXT || setting->kind == SETTING_PATH)
		return setting_take_text(reader, setting, value);
	if (!read_integer(setting, value, &number))
		return refuse_value(reader, setting);
	setting_store(setting, reader->target, number);
	return 0;
}

static int add_note(struct setting_reader *reader, const struct setting *setting, const char *value)
{
	struct setting_notes *notes = reader->notes;
	struct setting_note *list =
		reallocarray(notes->list, notes->count + 1, sizeof(*notes->list));

	if (!list)
		return -ENOMEM;
	notes->list = list;
	list[notes->count++] = (struct setting_note){setting, value, reader->source};
	return 0;
}

int setting_read(struct setting_reader *reader, struct bytes name, const char *value)
{
	const struct setting *setting = find_setting(reader, name);
	uint64_t bit;
	int error;

	if (!setting)
		return -ENOENT;
	assert(setting - reader->table < 64);
	bit = 1ull << (setting - reader->table);
	if (reader->given & bit && !(setting->repeats & reader->place))
		return setting_refuse(reader->why, "given twice");
	reader->given |= bit;
	error = take_value(reader, setting, value);
	return error || !reader->notes ? error : add_note(reader, setting, value);
}

const struct setting_note *setting_find_note(const struct setting_notes *notes,
					     const struct setting *setting, const char *value)
{
	for (unsigned int i = notes->count; i-- > 0;) {
		const struct setting_note *note = &notes->list[i];

		if (note->setting == setting && (!value || !strcmp(note->value, value)))
			return note;
	}
	return NULL;
}

void setting_forget_notes(struct setting_notes *notes)
{
	free(notes->list);
	*notes = (struct setting_notes){0};
}

/* --- writing ---------------------------------------------------------------------------------- */

void setting_write_source(const struct setting_source *source, struct text *out)
{
	text_add_string(out, " ; ");
	if (source && source->file) {
		text_add_string(out, source->file);
		text_add_char(out, ':');
		text_add_number(out, source->line);
	} else {
		text_add_string(out, source ? "command line" : "default");
	}
	text_add_char(out, '\n');
}

/* What setting_write() writes of one setting. */
struct setting_writer {
	const struct setting *setting;
	const struct setting_notes *notes;
	struct text *out;
};

/* OF: which one it is, in a list. */
static void write_line(const struct setting_writer *writer, const char *value, const char *of)
{
	const struct setting_note *note;

	text_add_string(writer->out, writer->setting->name);
	text_add_string(writer->out, " = ");
	text_add_string(writer->out, value);
	if (!writer->notes) {
		text_add_char(writer->out, '\n');
		return;
	}
	note = setting_find_note(writer->notes, writer->setting, of);
	setting_write_source(note ? &note->source : NULL, writer->out);
}

void setting_write(const struct setting *setting, const void *target,
		   const struct setting_notes *notes, struct text *out)
{
	const struct setting_writer writer = {setting, notes, out};
	const void *member = (const char *)target + setting->offset;
	const char *const *words = words_of(setting);
	const char *const *list = member;
	char number[24];

	switch (setting->kind) {
	case SETTING_OTHER:
		break;
	case SETTING_LIST:
		for (; *list; list++)
			write_line(&writer, *list, *list);
		break;
	case SETTING_TEXT:
	case SETTING_PATH:
		if (*list)
			write_line(&writer, *list, NULL);
		else if (words)
			write_line(&writer, words[0], NULL);
		break;
	case SETTING_FLAG:
	case SETTING_CHOICE:
		write_line(&writer, words[setting_load(setting, target)], NULL);
		break;
	case SETTING_SECONDS: /* words stand for numbers below the limit */
		if (words && setting_load(setting, target) < setting->min) {
			write_line(&writer, words[setting_load(setting, target)], NULL);
			break;
		}
		/* fall through */
	default:
		snprintf(number, sizeof(number), "%llu",
			 (unsigned long long)setting_load(setting, target));
		write_line(&writer, number, NULL);
	}
}
