// SPDX-License-Identifier: Apache-2.0
#include "agent/command/verify_command.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/options/options.h"
#include "base/text.h"
#include "chain/key.h"
#include "chain/lines.h"
#include "log/logfile.h"
#include "output/file/sealfile.h"

#define FAULTS_SHOWN 20
#define NAME_COLUMNS 200

static const char help_before[] =
	"callerd verify says whether log files are as callerd wrote them.\n"
	"\n"
	"usage: callerd verify [OPTION]... FILE...\n"
	"\n"
	"FILEs are those of one log, the oldest first; gzip is fine, - is stdin.\n"
	"\n";

static const char help_after[] =
	"  --help\n"
	"\n"
	"exit codes: 0 all lines are as they were written, 1 they are not, 2 wrong command line,\n"
	"  5 a file cannot be read\n";

struct command {
	char **files;
	unsigned int count;
	char key[CHAIN_HEX_SIZE];
	const char *seal_file;
	bool has_key, has_written;
	struct chain written;
	uint64_t faults;
};

/* --- the command line ------------------------------------------------------------------------- */

static int take_key(struct setting_reader *reader, const char *value)
{
	struct command *command = reader->target;
	unsigned char key[CHAIN_KEY_SIZE];

	for (size_t i = 0; i < CHAIN_HEX_SIZE - 1 && value[i]; i++)
		command->key[i] = (char)(value[i] >= 'A' && value[i] <= 'F' ? value[i] - 'A' + 'a'
									    : value[i]);
	if (strlen(value) != CHAIN_HEX_SIZE - 1 || !key_get_hex(command->key, key, sizeof(key)))
		return setting_refuse(reader->why, "a key is 64 hexadecimal digits");
	command->has_key = true;
	return 0;
}

static int verify_command_help(struct setting_reader *reader, const char *value)
{
	fputs(help_before, stdout);
	options_print_help(reader->table);
	fputs(help_after, stdout);
	return 1;
}

static const struct setting settings[] = {
	{.name = "key",
	 .places = 1,
	 .repeats = 1,
	 .take = take_key,
	 .meta = "HEX",
	 .help = "the key of the first seal, from where nobody could change it:\n"
		 "the agent-started record in the SIEM. Without it the first seal\n"
		 "is believed"},
	{.name = "seal-file",
	 .places = 1,
	 .repeats = 1,
	 .kind = SETTING_TEXT,
	 SETTING_AT(struct command, seal_file),
	 .meta = "FILE",
	 .help = "says up to where callerd wrote (default: that of the last\n"
		 "FILE, its name and .seal, if it can be read)"},
	{.name = "help", .places = 1, .take = verify_command_help},
	{.name = NULL},
};

/* 0; 1 after --help; -EINVAL after a message. */
static int verify_command_parse(struct command *command, int argc, char **argv)
{
	char why[64] = "";
	struct setting_reader reader = {settings, 1, command, .why = {why, sizeof(why)}};
	char told[OPTIONS_WHY_SIZE] = "";
	int rest, error = options_read_arguments(&reader, argc, argv, &rest,
						 (struct setting_why){told, sizeof(told)});

	if (error < 0)
		fprintf(stderr, "callerd verify: %s\n", told);
	command->files = argv + rest;
	command->count = (unsigned int)(argc - rest);
	if (error || command->count)
		return error;
	fprintf(stderr, "callerd verify: no FILE; see callerd verify --help\n");
	return -EINVAL;
}

/* --- messages --------------------------------------------------------------------------------- */

static void print_visible(const char *text)
{
	_cleanup_(text_free) struct text visible = {0};

	text_add_visible(&visible, bytes_of(text), NAME_COLUMNS);
	fputs(visible.data ? visible.data : "", stdout);
}

static void on_fault(void *data, enum verify_fault fault, unsigned int file, uint64_t line,
		     const char *what)
{
	struct command *command = data;

	if (++command->faults > FAULTS_SHOWN)
		return;
	print_visible(command->files[file]);
	printf(":%llu: %s: %s\n", (unsigned long long)line, verify_fault_name(fault), what);
}

static void print_notes(const struct command *command, const struct verify_report *report)
{
	if (command->faults > FAULTS_SHOWN)
		printf("and %llu faults more\n",
		       (unsigned long long)(command->faults - FAULTS_SHOWN));
	if (report->lines && !report->starts_at_beginning)
		puts("note: the chain began before these files");
	if (report->sealed && !command->has_key && !command->has_written)
		puts("note: the first key is believed; give --key to have it compared");
	if (!report->lines && report->faults)
		puts("note: no line is of a chain: was the file written with chain=no, or in a "
		     "format other than ecs and ocsf?");
	if (report->lines && !report->sealed)
		puts("note: there is no good seal: whoever can write to these files could have "
		     "made them");
}

static void print_summary(const struct command *command, const struct verify_report *report)
{
	print_notes(command, report);
	printf("%llu lines as they were written, %llu seals, %llu faults",
	       (unsigned long long)report->lines, (unsigned long long)report->seals,
	       (unsigned long long)report->faults);
	if (report->sealed)
		printf("; last seal: %llu%s%s", (unsigned long long)report->last_seal,
		       *report->last_seal_time ? " of " : "", report->last_seal_time);
	printf("; lines that no seal covers: %llu", (unsigned long long)report->unsealed);
	if (*report->first_key)
		printf("; first key: %s", report->first_key);
	putchar('\n');
}

/* --- files ------------------------------------------------------------------------------------ */

static int verify_command_unreadable(const char *path, const char *why)
{
	fprintf(stderr, "callerd verify: cannot read %s: %s\n", path, why);
	return -EIO;
}

static int read_lines(struct verify *verify, struct logfile *source, const char *path)
{
	struct bytes line;
	bool complete;
	int result;

	while ((result = lines_next(&source->lines, &line, &complete)) > 0) {
		result = verify_line(verify, line, complete);
		if (result)
			break;
	}
	if (result < 0)
		return verify_command_unreadable(path,
						 source->error ? source->error : strerror(-result));
	return 0;
}

static int verify_command_check_file(struct verify *verify, const char *path, bool last)
{
	struct logfile source;
	int error = logfile_open(&source, path, last);

	if (error)
		return verify_command_unreadable(path, strerror(-error));
	verify_file(verify);
	error = read_lines(verify, &source, path);
	logfile_close(&source);
	return error;
}

/* Reads the seal file before the log files: callerd may be writing both, and the log files must
 * have all lines that the seal covers. */
static int read_seal_file(struct command *command)
{
	const char *last = command->files[command->count - 1];
	char beside[PATH_MAX];
	int error;

	if (!command->seal_file && !strcmp(last, "-"))
		return 0;
	snprintf(beside, sizeof(beside), "%s.seal", last);
	error = sealfile_peek(command->seal_file ? command->seal_file : beside, &command->written);
	command->has_written = !error;
	if (!error || (!command->seal_file && error != -EBADMSG))
		return 0;
	verify_command_unreadable(command->seal_file ? command->seal_file : beside,
				  error == -EBADMSG ? "it is damaged, or no seal file"
						    : strerror(-error));
	return command->seal_file ? error : 0;
}

CLEANUP_DEFINE(drop_verify, struct verify *, verify_free)

static enum exit_code verify_command_check(struct command *command)
{
	const struct verify_options options = {
		.key = command->has_key ? command->key : NULL,
		.written = command->has_written ? &command->written : NULL,
		.data = command,
		.fault = on_fault,
	};
	_cleanup_(drop_verify) struct verify *verify = verify_new(&options);
	struct verify_report report;
	int error = verify ? 0 : verify_command_unreadable(command->files[0], strerror(ENOMEM));

	for (unsigned int i = 0; i < command->count && !error; i++)
		error = verify_command_check_file(verify, command->files[i],
						  i + 1 == command->count);
	if (!error) {
		verify_end(verify, &report);
		print_summary(command, &report);
	}
	if (command->faults)
		return EXIT_FAILED;
	return error ? EXIT_OUTPUT : EXIT_OK;
}

int verify_command(int argc, char **argv)
{
	struct command command = {0};
	enum exit_code code;
	int error = verify_command_parse(&command, argc, argv);

	if (error)
		return error > 0 ? EXIT_OK : EXIT_USAGE;
	code = read_seal_file(&command) ? EXIT_OUTPUT : verify_command_check(&command);
	if (fflush(stdout) && code == EXIT_OK)
		code = EXIT_OUTPUT;
	return code;
}
