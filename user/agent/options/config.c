// SPDX-License-Identifier: Apache-2.0
#include "agent/options/config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "broker/broker.h"
#include "setting/setting.h"
#include "system/own_file.h"

#define LINE_SIZE_MAX 4094
#define CONFIG_MAIN "callerd.conf"
#define CONFIG_PARTS "conf.d"
#define SECTION_MAX 49 /* bytes of a section's name */
#define NEITHER "neither a [section] nor a KEY = VALUE nor a comment"

struct parser {
	const char *section; /* NULL: none has begun */
	unsigned int section_line;
	struct config *config;
	const struct config_file *file;
	struct config_error *error; /* .line is the line that is read now */
	struct setting_why why;	    /* leads to error->what */
};

static struct setting_source source_of(const struct parser *parser)
{
	return (struct setting_source){parser->file->name, parser->error->line};
}

/* Sets a value of a section other than [callerd]. */
static int set_in_section(struct parser *parser, const char *key, const char *value)
{
	if (!strncmp(parser->section, "level ", 6))
		return levels_set(parser->config->levels, source_of(parser), parser->section + 6,
				  key, value, parser->why.text, parser->why.size);
	return policy_set(parser->config->policy, source_of(parser), parser->section, key, value,
			  parser->why.text, parser->why.size);
}

static int end_section(struct parser *parser)
{
	int error =
		policy_check(parser->config->policy, parser->why.text, parser->why.size)
			?: levels_check(parser->config->levels, parser->why.text, parser->why.size);

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
	return strcmp(parser->section, "callerd") ? set_in_section(parser, NULL, NULL) : 0;
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
		(struct config_setting){source_of(parser), key, value};
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
	return strcmp(parser->section, "callerd") ? set_in_section(parser, key, value)
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

/* --- files ------------------------------------------------------------------------------------ */

CLEANUP_DEFINE(drop_config, struct config *, config_free)

static int config_new(struct config **ret)
{
	_cleanup_(drop_config) struct config *config = calloc(1, sizeof(*config));
	int error = config ? policy_new(&config->policy) ?: levels_new(&config->levels) : -ENOMEM;

	if (!error)
		*ret = take_ptr(config);
	return error;
}

/* What is wrong from now on is so with the whole file PATH. */
static void config_set_place(struct config_error *error, const char *path)
{
	snprintf(error->file, sizeof(error->file), "%s", path);
	error->line = 0;
}

/* Adds to CONFIG what SIZE bytes at DATA say, as the file NAME. */
static int config_add_text(struct config *config, const char *name, const char *data, size_t size,
			   struct config_error *error)
{
	struct config_file *file = &config->files[config->file_count];
	struct parser parser = {.config = config,
				.file = file,
				.error = error,
				.why = {error->what, sizeof(error->what)}};

	config_set_place(error, name);
	if (config->file_count == CONFIG_FILES_MAX)
		return setting_refuse(parser.why, "too many files (%u at most)", CONFIG_FILES_MAX);
	config->file_count++;
	file->name = strdup(name);
	file->text = malloc(size + 1);
	if (!file->name || !file->text)
		return -ENOMEM;
	memcpy(file->text, data, size);
	file->text[size] = '\0';
	return parse_lines(&parser, file->text, size);
}

static void say_error(struct config_error *error, int result)
{
	if (result == -ENOMEM)
		snprintf(error->what, sizeof(error->what), "out of memory");
	else if (result && !*error->what)
		snprintf(error->what, sizeof(error->what), "cannot be read: %s", strerror(-result));
}

int config_parse(const char *name, const char *data, size_t size, struct config **ret,
		 struct config_error *error)
{
	_cleanup_(drop_config) struct config *config = NULL;
	int result;

	*error = (struct config_error){0};
	result = config_new(&config) ?: config_add_text(config, name, data, size, error);
	say_error(error, result);
	if (!result)
		*ret = take_ptr(config);
	return result;
}

/* Refuses a file, or a directory, that others than root and the user of this process can have written. */
static int config_check_node(int fd, mode_t type, size_t *ret_size, struct config_error *error)
{
	const char *fault;
	struct stat info;

	if (fstat(fd, &info))
		return -errno;
	fault = own_file_fault(&info, type);
	if (!fault && type == S_IFREG && info.st_size > CONFIG_SIZE_MAX)
		fault = "is longer than 1 MiB";
	if (fault) {
		snprintf(error->what, sizeof(error->what), "it %s", fault);
		return -EPERM;
	}
	*ret_size = (size_t)info.st_size;
	return 0;
}

/* Adds the file NAME in the directory AT. */
static int config_add_file(struct config *config, int at, const char *name, const char *path,
			   struct config_error *error)
{
	/* Opening a FIFO must not wait for a writer; config_check_node() refuses it. */
	_close_ int fd = broker_open(at, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
	_fclose_ FILE *stream = fd < 0 ? NULL : fdopen(fd, "r");
	_free_ char *data = NULL;
	size_t size = 0;
	int result;

	config_set_place(error, path);
	if (!stream)
		return -errno;
	(void)take_fd(fd); /* STREAM has it */
	result = config_check_node(fileno(stream), S_IFREG, &size, error);
	if (result)
		return result;
	data = malloc(size + 1);
	size = data ? fread(data, 1, size, stream) : 0;
	return data && !ferror(stream) ? config_add_text(config, path, data, size, error) : -errno;
}

/* Nothing at all has the name NAME: a link that leads nowhere is a mistake. */
static bool config_is_absent(int at, const char *name)
{
	struct stat info;

	return broker_stat(at, name, &info, AT_SYMLINK_NOFOLLOW) && errno == ENOENT;
}

static int is_conf_file(const struct dirent *entry)
{
	const char *end = strrchr(entry->d_name, '.');

	return *entry->d_name != '.' && end && !strcmp(end, ".conf");
}

/* The directory NAME in AT; or -errno. */
static int config_open_directory(int at, const char *name, const char *path,
				 struct config_error *error)
{
	_close_ int fd = broker_open(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	size_t size;
	int result;

	config_set_place(error, path);
	result = fd < 0 ? -errno : config_check_node(fd, S_IFDIR, &size, error);
	return result ?: take_fd(fd);
}

/* Adds the files of conf.d in AT, the directory PATH. */
static int config_add_parts(struct config *config, int at, const char *path,
			    struct config_error *error)
{
	char name[sizeof(error->file)];
	struct dirent **entries = NULL;
	_close_ int fd = -1;
	int result, count;

	snprintf(name, sizeof(name), "%s/" CONFIG_PARTS, path);
	fd = config_open_directory(at, CONFIG_PARTS, name, error);
	count = fd < 0 ? fd : scandirat(fd, ".", &entries, is_conf_file, alphasort);
	result = count < 0 ? (fd < 0 ? fd : -errno) : 0;
	for (int i = 0; i < count && !result; i++) {
		snprintf(name, sizeof(name), "%s/" CONFIG_PARTS "/%s", path, entries[i]->d_name);
		result = config_add_file(config, fd, entries[i]->d_name, name, error);
	}
	while (count > 0)
		free(entries[--count]);
	free(entries);
	return result;
}

/* Adds the files in the directory PATH. */
static int config_add_directory(struct config *config, const char *path, struct config_error *error)
{
	_close_ int fd = config_open_directory(AT_FDCWD, path, path, error);
	char name[sizeof(error->file)];
	int result = fd < 0 ? fd : 0;

	snprintf(name, sizeof(name), "%s/" CONFIG_MAIN, path);
	if (!result && !config_is_absent(fd, CONFIG_MAIN))
		result = config_add_file(config, fd, CONFIG_MAIN, name, error);
	if (!result && !config_is_absent(fd, CONFIG_PARTS))
		result = config_add_parts(config, fd, path, error);
	if (result) {
		say_error(error, result);
		return -EINVAL;
	}
	if (config->file_count)
		return 0;
	config_set_place(error, path);
	snprintf(error->what, sizeof(error->what),
		 "has neither " CONFIG_MAIN " nor a *.conf in " CONFIG_PARTS);
	return -ENOENT;
}

int config_load(const char *path, struct config **ret, struct config_error *error)
{
	_cleanup_(drop_config) struct config *config = NULL;
	struct stat info;
	bool whole = !broker_stat(AT_FDCWD, path, &info, 0) && S_ISDIR(info.st_mode);
	int result;

	*error = (struct config_error){0};
	result = config_new(&config);
	if (!result)
		result = whole ? config_add_directory(config, path, error)
			       : config_add_file(config, AT_FDCWD, path, path, error);
	say_error(error, result);
	if (!result)
		*ret = take_ptr(config);
	return result;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	policy_free(config->policy);
	levels_free(config->levels);
	for (unsigned int i = 0; i < config->file_count; i++) {
		free(config->files[i].name);
		free(config->files[i].text);
	}
	free(config);
}
