// SPDX-License-Identifier: Apache-2.0
/* The lines are inih's to take apart. What it would cut or pass over in silence is refused before it gets to
 * see it: long lines and names, NUL bytes, sections without a setting, what stands behind a section's name. */
#include "agent/config.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Debian's inih has a knob for the longest line; where there is none, the limit is what inih was built with,
 * 200 bytes as a rule. */
extern int ini_max_line __attribute__((weak));

#define LINE_SIZE 4096
#define SECTION_MAX 49 /* bytes that inih keeps of a section's name */

struct parser {
	const char *data;
	size_t size, at;
	unsigned int line;
	unsigned int section_line;
	bool in_callerd;
	struct config *config;
	struct config_error *error;
	int result; /* 0 as long as all is well */
};

__attribute__((format(printf, 3, 4))) static int mistake(struct parser *parser, unsigned int line,
							 const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(parser->error->what, sizeof(parser->error->what), format, arguments);
	va_end(arguments);
	parser->error->line = line;
	parser->result = -EINVAL;
	return parser->result;
}

static int out_of_memory(struct parser *parser)
{
	mistake(parser, parser->line, "out of memory");
	parser->result = -ENOMEM;
	return parser->result;
}

/* Keeps what a function of policy.h said about the line; its REASON went to error->what. */
static int take_over(struct parser *parser, unsigned int line, int result)
{
	if (result == -ENOMEM)
		return out_of_memory(parser);
	parser->error->line = line;
	parser->result = result;
	return result;
}

static int end_section(struct parser *parser)
{
	return take_over(parser, parser->section_line,
			 policy_check(parser->config->policy, parser->error->what,
				      sizeof(parser->error->what)));
}

/* LINE begins with a bracket. One that does not close is left for inih to refuse. */
static int begin_section(struct parser *parser, const char *line)
{
	const char *end = strchr(line, ']'), *rest;
	char name[SECTION_MAX + 1];
	size_t size;

	if (!end)
		return 0;
	size = (size_t)(end - line) - 1;
	rest = end + 1 + strspn(end + 1, " \t");
	if (size > SECTION_MAX)
		return mistake(parser, parser->line, "the section's name is longer than %u bytes",
			       SECTION_MAX);
	if (*rest && *rest != ';' && *rest != '#')
		return mistake(parser, parser->line, "something stands behind the section's name");
	if (end_section(parser))
		return parser->result;
	memcpy(name, line + 1, size);
	name[size] = '\0';
	parser->section_line = parser->line;
	parser->in_callerd = !strcmp(name, "callerd");
	if (parser->in_callerd)
		return 0;
	return take_over(parser, parser->line,
			 policy_set(parser->config->policy, name, NULL, NULL, parser->error->what,
				    sizeof(parser->error->what)));
}

static bool is_printable(const char *line, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (((unsigned char)line[i] < ' ' && line[i] != '\t') || line[i] == 0x7f)
			return false;
	return true;
}

/* The next line without its indentation (inih takes an indented line for more of the one before) and its
 * end. As fgets(); SIZE is of BUFFER. */
static char *read_line(char *buffer, int size, void *stream)
{
	struct parser *parser = stream;
	const char *line = parser->data + parser->at, *end;
	size_t length = parser->size - parser->at;

	if (parser->result || !length)
		return NULL;
	end = memchr(line, '\n', length);
	if (end)
		length = (size_t)(end - line);
	parser->at += length + (end ? 1 : 0);
	parser->line++;
	while (length && strchr(" \t\r", line[length - 1]) && line[length - 1])
		length--;
	while (length && (*line == ' ' || *line == '\t')) {
		line++;
		length--;
	}
	if (length > (size_t)size - 2)
		mistake(parser, parser->line, "the line is longer than %d bytes", size - 2);
	else if (memchr(line, '\0', length))
		mistake(parser, parser->line, "the line holds a NUL byte");
	else if (!is_printable(line, length))
		mistake(parser, parser->line, "the line holds a control character");
	if (parser->result)
		return NULL;
	memcpy(buffer, line, length);
	buffer[length] = '\0';
	return *buffer == '[' && begin_section(parser, buffer) ? NULL : buffer;
}

/* inih knows comments after a value that begin with " ;", and only those. */
static bool has_odd_comment(const char *value)
{
	return *value == ';' || *value == '#' || strstr(value, " #") || strstr(value, "\t#");
}

static int add_setting(struct parser *parser, const char *key, const char *value)
{
	struct config *config = parser->config;
	struct config_setting setting = {.line = parser->line};

	if (config->setting_count == CONFIG_SETTINGS_MAX)
		return mistake(parser, parser->line, "too many settings in [callerd] (%u at most)",
			       CONFIG_SETTINGS_MAX);
	setting.key = strdup(key);
	setting.value = strdup(value);
	if (!setting.key || !setting.value) {
		free(setting.key);
		free(setting.value);
		return out_of_memory(parser);
	}
	config->settings[config->setting_count++] = setting;
	return 0;
}

/* As inih wants it: 1 to go on, 0 where something is wrong. */
static int handle(void *data, const char *section, const char *key, const char *value)
{
	struct parser *parser = data;

	if (parser->result)
		return 0;
	if (!parser->section_line)
		return !mistake(parser, parser->line, "\"%.60s\" stands before the first [section]",
				key);
	if (!*value)
		return !mistake(parser, parser->line, "%.60s: it needs a value", key);
	if (has_odd_comment(value))
		return !mistake(parser, parser->line,
				"%.60s: a comment stands on a line of its own, or after \" ;\"",
				key);
	if (parser->in_callerd)
		return !add_setting(parser, key, value);
	return !take_over(parser, parser->line,
			  policy_set(parser->config->policy, section, key, value,
				     parser->error->what, sizeof(parser->error->what)));
}

int config_parse(const char *data, size_t size, struct config **ret, struct config_error *error)
{
	static const char mark[] =
		"\xef\xbb\xbf"; /* of UTF-8; what editors on Windows begin with */
	struct parser parser = {.data = data, .size = size, .error = error};
	int wrong_line;

	parser.config = calloc(1, sizeof(*parser.config));
	if (!parser.config || policy_new(&parser.config->policy)) {
		out_of_memory(&parser);
		goto out;
	}
	if (size >= 3 && !memcmp(data, mark, 3))
		parser.at = 3;
	if (&ini_max_line)
		ini_max_line = LINE_SIZE;
	wrong_line = ini_parse_stream(read_line, &parser, handle, &parser);
	/* Each line that inih reads is one of ours. It goes on after one that it does not understand. */
	if (wrong_line > 0 && (!parser.result || (unsigned int)wrong_line < parser.line))
		mistake(&parser, (unsigned int)wrong_line,
			"neither a [section] nor a KEY = VALUE nor a comment");
	else if (wrong_line < 0)
		out_of_memory(&parser);
	if (!parser.result)
		end_section(&parser);
out:
	if (parser.result)
		config_free(parser.config);
	else
		*ret = parser.config;
	return parser.result;
}

/* Whether only root and we ourselves can have written the file open as FD, and it is not too long. */
static int check_file(int fd, size_t *ret_size, struct config_error *error)
{
	const char *what = NULL;
	struct stat info;

	if (fstat(fd, &info))
		return -errno;
	if (!S_ISREG(info.st_mode))
		what = "it is not a regular file";
	else if (info.st_uid && info.st_uid != geteuid())
		what = "somebody else owns it: chown root, so that only root can change it";
	else if (info.st_mode & (S_IWGRP | S_IWOTH))
		what = "others than its owner can write to it: chmod go-w";
	else if (info.st_size > CONFIG_SIZE_MAX)
		what = "it is longer than 1 MiB";
	if (what) {
		snprintf(error->what, sizeof(error->what), "%s", what);
		return -EPERM;
	}
	*ret_size = (size_t)info.st_size;
	return 0;
}

/* Reads up to SIZE bytes; fewer where the file has become shorter. */
static ssize_t read_bytes(int fd, char *data, size_t size)
{
	size_t at = 0;

	while (at < size) {
		ssize_t got = read(fd, data + at, size - at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		at += (size_t)got;
	}
	return (ssize_t)at;
}

int config_load(const char *path, struct config **ret, struct config_error *error)
{
	char *data = NULL;
	size_t size = 0;
	ssize_t got;
	int fd, result;

	*error = (struct config_error){0};
	/* A FIFO must not make us wait. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	result = fd < 0 ? -errno : check_file(fd, &size, error);
	if (result)
		goto out;
	data = malloc(size + 1);
	got = data ? read_bytes(fd, data, size) : -ENOMEM;
	result = got < 0 ? (int)got : config_parse(data, (size_t)got, ret, error);
out:
	if (result && !*error->what)
		snprintf(error->what, sizeof(error->what), "cannot be read: %s", strerror(-result));
	free(data);
	if (fd >= 0)
		close(fd);
	return result;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (unsigned int i = 0; i < config->setting_count; i++) {
		free(config->settings[i].key);
		free(config->settings[i].value);
	}
	policy_free(config->policy);
	free(config);
}
