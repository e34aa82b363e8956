// SPDX-License-Identifier: Apache-2.0
#include "agent/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "setting/setting.h"
#include "system/own_file.h"

#define LINE_SIZE_MAX 4094
#define SECTION_MAX 49 /* bytes of a section's name */
#define NEITHER "neither a [section] nor a KEY = VALUE nor a comment"

struct parser {
	const char *section; /* NULL: none has begun */
	unsigned int section_line;
	struct config *config;
	struct config_error *error; /* .line is the line that is read now */
	struct setting_why why;	    /* leads to error->what */
};

static int set_policy(struct parser *parser, const char *key, const char *value)
{
	return policy_set(parser->config->policy, parser->section, key, value, parser->why.text,
			  parser->why.size);
}

static int end_section(struct parser *parser)
{
	int error = policy_check(parser->config->policy, parser->why.text, parser->why.size);

	if (error)
		parser->error->line = parser->section_line;
	return error;
}

/* LINE begins with a bracket. */
static int begin_section(struct parser *parser, char *line)
{
	char *end = strchr(line, ']');
	const char *rest;
	int error;

	if (!end)
		return setting_refuse(parser->why, NEITHER);
	if (end - line - 1 > SECTION_MAX)
		return setting_refuse(parser->why, "the section's name is longer than %u bytes",
				      SECTION_MAX);
	rest = end + 1 + strspn(end + 1, " \t");
	if (*rest && *rest != ';' && *rest != '#')
		return setting_refuse(parser->why, "something stands behind the section's name");
	error = end_section(parser);
	if (error)
		return error;
	*end = '\0';
	parser->section = line + 1;
	parser->section_line = parser->error->line;
	return strcmp(parser->section, "callerd") ? set_policy(parser, NULL, NULL) : 0;
}

static bool is_printable(const char *line, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (((unsigned char)line[i] < ' ' && line[i] != '\t') || line[i] == 0x7f)
			return false;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The first of CHARACTERS in TEXT; the blank before a semicolon, where a comment begins; or the end of TEXT. */
static char *config_find_end(char *text, const char *characters)
{
	while (*text && !strchr(characters, *text) && !(is_blank(*text) && text[1] == ';'))
		text++;
	return text;
}

/* Ends the text from START on before END and the blanks before END. Returns its first character that is no blank. */
static char *cut_word(char *start, char *end)
{
	while (start < end && is_blank(*start))
		start++;
	while (end > start && is_blank(end[-1]))
		end--;
	*end = '\0';
	return start;
}

static int config_add_setting(struct parser *parser, const char *key, const char *value)
{
	struct config *config = parser->config;

	if (config->setting_count == CONFIG_SETTINGS_MAX)
		return setting_refuse(parser->why, "too many settings in [callerd] (%u at most)",
				      CONFIG_SETTINGS_MAX);
	config->settings[config->setting_count++] =
		(struct config_setting){parser->error->line, key, value};
	return 0;
}

static int parse_setting(struct parser *parser, char *line)
{
	char *end = config_find_end(line, "=:"), *key, *value;

	if (*end != '=' && *end != ':')
		return setting_refuse(parser->why, NEITHER);
	value = cut_word(end + 1, config_find_end(end + 1, ""));
	key = cut_word(line, end);
	if (!parser->section)
		return setting_refuse(parser->why, "\"%.60s\" stands before the first [section]",
				      key);
	if (!*value)
		return setting_refuse(parser->why, "%.60s: it needs a value", key);
	if (*value == ';' || *value == '#' || strstr(value, " #") || strstr(value, "\t#"))
		return setting_refuse(
			parser->why,
			"%.60s: a comment stands on a line of its own, or after \" ;\"", key);
	return strcmp(parser->section, "callerd") ? set_policy(parser, key, value)
						  : config_add_setting(parser, key, value);
}

/* LINE has SIZE bytes, and a line feed or a NUL behind them, which may be overwritten. */
static int parse_line(struct parser *parser, char *line, size_t size)
{
	while (size && (is_blank(line[size - 1]) || line[size - 1] == '\r'))
		size--;
	for (; size && is_blank(*line); size--)
		line++;
	if (size > LINE_SIZE_MAX)
		return setting_refuse(parser->why, "the line is longer than %d bytes",
				      LINE_SIZE_MAX);
	if (memchr(line, '\0', size))
		return setting_refuse(parser->why, "the line holds a NUL byte");
	if (!is_printable(line, size))
		return setting_refuse(parser->why, "the line holds a control character");
	line[size] = '\0';
	if (*line == '[')
		return begin_section(parser, line);
	/* strchr() finds the NUL of an empty line, too. */
	return strchr(";#", *line) ? 0 : parse_setting(parser, line);
}

static int parse_lines(struct parser *parser, char *text, size_t size)
{
	static const char mark[] = "\xef\xbb\xbf"; /* of UTF-8; editors on Windows begin with it */
	char *line = text + (size >= 3 && !memcmp(text, mark, 3) ? 3 : 0), *end;
	int error = 0;

	for (; line < text + size && !error; line = end + 1) {
		end = memchr(line, '\n', (size_t)(text + size - line)) ?: text + size;
		parser->error->line++;
		error = parse_line(parser, line, (size_t)(end - line));
	}
	return error ? error : end_section(parser);
}

CLEANUP_DEFINE(drop_config, struct config *, config_free)

int config_parse(const char *data, size_t size, struct config **ret, struct config_error *error)
{
	_cleanup_(drop_config) struct config *config = calloc(1, sizeof(*config));
	struct parser parser = {
		.config = config, .error = error, .why = {error->what, sizeof(error->what)}};
	int result = -ENOMEM;

	error->line = 0;
	if (config)
		config->text = malloc(size + 1);
	if (config && config->text && !policy_new(&config->policy)) {
		memcpy(config->text, data, size);
		config->text[size] = '\0';
		result = parse_lines(&parser, config->text, size);
	}
	if (result == -ENOMEM)
		snprintf(error->what, sizeof(error->what), "out of memory");
	if (!result)
		*ret = take_ptr(config);
	return result;
}

/* Refuses a file that others than root and the user of this process can have written, or that is too long. */
static int config_check_file(int fd, size_t *ret_size, struct config_error *error)
{
	const char *fault;
	struct stat info;

	if (fstat(fd, &info))
		return -errno;
	fault = own_file_fault(&info, S_IFREG);
	if (!fault && info.st_size > CONFIG_SIZE_MAX)
		fault = "is longer than 1 MiB";
	if (fault) {
		snprintf(error->what, sizeof(error->what), "it %s", fault);
		return -EPERM;
	}
	*ret_size = (size_t)info.st_size;
	return 0;
}

static int config_read(const char *path, struct config **ret, struct config_error *error)
{
	/* Opening a FIFO must not wait for a writer; config_check_file() refuses it. */
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	_fclose_ FILE *stream = fd < 0 ? NULL : fdopen(fd, "r");
	_free_ char *data = NULL;
	size_t size;
	int result;

	if (!stream)
		return -errno;
	(void)take_fd(fd); /* STREAM has it */
	result = config_check_file(fileno(stream), &size, error);
	if (result)
		return result;
	data = malloc(size + 1);
	size = data ? fread(data, 1, size, stream) : 0;
	return data && !ferror(stream) ? config_parse(data, size, ret, error) : -errno;
}

int config_load(const char *path, struct config **ret, struct config_error *error)
{
	int result;

	*error = (struct config_error){0};
	result = config_read(path, ret, error);
	if (result && !*error->what)
		snprintf(error->what, sizeof(error->what), "cannot be read: %s", strerror(-result));
	return result;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	policy_free(config->policy);
	free(config->text);
	free(config);
}
