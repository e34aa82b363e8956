// SPDX-License-Identifier: Apache-2.0
/* callerctl: asks the logs of callerd. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "log/moment.h"

#define LINES_DEFAULT 20
#define LINES_MAX 100000

static const struct ctl_command commands[] = {
	{"tail", "", 0, 0, "what is being done, a line for each command of somebody", ctl_tail},
	{"top", "", 0, 0, "who calls now, how often, what of it changes something", ctl_top},
	{"what", "[WHO]", 0, 1, "what somebody did: a user, a program, a unit, a container",
	 ctl_what},
	{"who", "WHAT", 1, 3,
	 "who is behind a process, a container, an address, a job; who used what", ctl_who},
	{"explain", "WHAT", 1, 1, "a record, by its sequence or id, or an object, in sentences",
	 ctl_explain},
	{"advise", "WHO", 1, 1, "the least that somebody needs, as rules: --as", ctl_advise},
	{"report", "", 0, 0, "what happened in a time (7 days), counted: --as", ctl_report},
	{"check", "[LOG]", 0, 1, "whether a log has what --policy or --where say may not be",
	 ctl_check},
	{"access", "[SOCKET]", 0, 1, "who can reach the engines now, and who did", ctl_access},
	{"findings", "[NAME]", 0, 1, "the findings, and what they mean", ctl_findings},
	{"operations", "[NAME]", 0, 1, "the operations of engines, by name and in words",
	 ctl_operations},
	{"fields", "[NAME]", 0, 1, "the fields for --where, and their short names", ctl_fields},
};

static const char help_options[] =
	"\n"
	"WHAT of who: pid:4711, container:web, ip:10.1.2.3, job:4711, gitlab 4711, a job's URL; "
	"else "
	"what it\n"
	"looks like, or the name of a container, an image, a volume, a path …\n"
	"\n"
	"  -r, --read FILE    a log, with what was rotated from it; - is stdin; agent: is what "
	"the\n"
	"                     callerd that runs tells (" CTL_LOG ")\n"
	"  -S, --since TIME   recent, today, yesterday 15:00, boot, 15:00, 2026-11-30 15:00, 2h …\n"
	"  -U, --until TIME\n"
	"  -w, --where EXPR   only records that it chooses: docs/where.md\n"
	"  -n, --lines N      of tail: so many lines of what was before; of who: so many commands "
	"(20)\n"
	"      --no-follow    of tail and top: no more than what the log has\n"
	"  -a, --all          nothing is left out or counted together\n"
	"      --as FORM      of advise: expected, policy, wollomatic, tecnativa, linuxserver, "
	"opa,\n"
	"                     check\n"
	"                     of report: text, html, csv; of findings: catalog, for the journal\n"
	"      --unused TIME  of access: only grants of root's powers that nobody used since: 90d\n"
	"      --for WHO      the same as WHO behind the command\n"
	"      --policy FILE  of check: a rule a line, NAME: EXPR, of what may not be\n"
	"      --json         the records themselves\n"
	"      --utc          times in UTC\n"
	"      --color WHEN   auto, always, never\n"
	"      --width N      columns\n"
	"\n"
	"exit codes: 0 it was found, 1 there is no such thing, of access --unused: there is one,\n"
	"  2 wrong command line, 5 a log cannot be read\n"
	"\n"
	"docs/reading.md, man callerctl\n";

enum {
	OPTION_NO_FOLLOW = 256,
	OPTION_JSON,
	OPTION_UTC,
	OPTION_COLOUR,
	OPTION_WIDTH,
	OPTION_AS,
	OPTION_POLICY,
	OPTION_UNUSED,
	OPTION_FOR
};

static const struct option long_options[] = {
	{"read", required_argument, NULL, 'r'},
	{"since", required_argument, NULL, 'S'},
	{"until", required_argument, NULL, 'U'},
	{"where", required_argument, NULL, 'w'},
	{"lines", required_argument, NULL, 'n'},
	{"all", no_argument, NULL, 'a'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{"no-follow", no_argument, NULL, OPTION_NO_FOLLOW},
	{"json", no_argument, NULL, OPTION_JSON},
	{"utc", no_argument, NULL, OPTION_UTC},
	{"color", required_argument, NULL, OPTION_COLOUR},
	{"width", required_argument, NULL, OPTION_WIDTH},
	{"as", required_argument, NULL, OPTION_AS},
	{"policy", required_argument, NULL, OPTION_POLICY},
	{"unused", required_argument, NULL, OPTION_UNUSED},
	{"for", required_argument, NULL, OPTION_FOR},
	{0},
};

static void print_help(void)
{
	printf("callerctl asks the logs of callerd.\n\nusage: callerctl COMMAND [OPTION]... "
	       "[ARGUMENT]\n\n");
	for (size_t i = 0; i < COUNT(commands); i++)
		printf("  %-10s %-7s %s\n", commands[i].name, commands[i].arguments,
		       commands[i].help);
	fputs(help_options, stdout);
}

static int refuse_word(const char *what, const char *value)
{
	fprintf(stderr, "callerctl: %s: \"%.80s\"\n", what, value);
	return -EINVAL;
}

static int take_number(const char *text, unsigned int max, unsigned int *ret)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || number > max)
		return refuse_word("not a number in its limits", text);
	*ret = (unsigned int)number;
	return 0;
}

static int take_colour(struct ctl *ctl, const char *word)
{
	static const char *const words[] = {"auto", "always", "never"};

	for (size_t i = 0; i < COUNT(words); i++)
		if (!strcmp(word, words[i])) {
			ctl->colour = (enum ctl_colour)i;
			return 0;
		}
	return refuse_word("not auto, always or never", word);
}

/* 0; -EINVAL after a message; 1: help was given. */
static int ctl_take_option(struct ctl *ctl, int option)
{
	switch (option) {
	case 'r':
		if (ctl->log_count == CTL_LOGS_MAX)
			return refuse_word("too many logs", optarg);
		ctl->logs[ctl->log_count++] = optarg;
		return 0;
	case 'S':
		ctl->since_text = optarg;
		return 0;
	case 'U':
		ctl->until_text = optarg;
		return 0;
	case 'w':
		ctl->where_text = optarg;
		return 0;
	case 'n':
		return take_number(optarg, LINES_MAX, &ctl->lines);
	case 'a':
		ctl->all = true;
		return 0;
	case OPTION_NO_FOLLOW:
		ctl->no_follow = true;
		return 0;
	case OPTION_JSON:
		ctl->json = true;
		return 0;
	case OPTION_UTC:
		ctl->utc = true;
		return 0;
	case OPTION_AS:
		ctl->as = optarg;
		return 0;
	case OPTION_UNUSED:
		ctl->unused_text = optarg;
		return 0;
	case OPTION_FOR:
		ctl->whom = optarg;
		return 0;
	case OPTION_POLICY:
		ctl->policy = optarg;
		return 0;
	case OPTION_COLOUR:
		return take_colour(ctl, optarg);
	case OPTION_WIDTH:
		return take_number(optarg, 10000, &ctl->width);
	case 'h':
		print_help();
		return 1;
	case 'V':
		puts("callerctl " CALLERD_VERSION);
		return 1;
	default:
		return -EINVAL; /* getopt said it */
	}
}

static int read_times(struct ctl *ctl)
{
	uint64_t now = clock_now(CLOCK_REALTIME);

	if (ctl->since_text && moment_parse(ctl->since_text, now, &ctl->since))
		return refuse_word("not a time", ctl->since_text);
	if (ctl->unused_text && moment_parse(ctl->unused_text, now, &ctl->unused))
		return refuse_word("not a time", ctl->unused_text);
	if (ctl->until_text && moment_parse(ctl->until_text, now, &ctl->until))
		return refuse_word("not a time", ctl->until_text);
	return 0;
}

static int read_where(struct ctl *ctl)
{
	char reason[256];
	int error;

	if (!ctl->where_text)
		return 0;
	error = where_parse(ctl->where_text, &ctl->where, reason, sizeof(reason));
	if (error)
		fprintf(stderr, "callerctl: --where: %s\n",
			error == -EINVAL ? reason : strerror(-error));
	return error;
}

/* 0; -EINVAL after a message; 1: there is nothing more to do. */
static int read_command_line(struct ctl *ctl, int argc, char **argv, const struct ctl_command **ret)
{
	const struct ctl_command *command = NULL;
	int option, error;

	while ((option = getopt_long(argc, argv, "r:S:U:w:n:ahV", long_options, NULL)) != -1) {
		error = ctl_take_option(ctl, option);
		if (error)
			return error;
	}
	if (optind == argc) {
		print_help();
		return -EINVAL;
	}
	for (size_t i = 0; i < COUNT(commands); i++)
		if (!strcmp(argv[optind], commands[i].name))
			command = &commands[i];
	if (!command)
		return refuse_word("there is no such command; see callerctl --help", argv[optind]);
	ctl->arguments = (const char *const *)argv + optind + 1;
	ctl->argument_count = (unsigned int)(argc - optind - 1);
	if (ctl->whom && !ctl->argument_count) {
		ctl->arguments = &ctl->whom;
		ctl->argument_count = 1;
	}
	if (ctl->argument_count < command->arguments_min ||
	    ctl->argument_count > command->arguments_max) {
		fprintf(stderr, "callerctl: it is callerctl %s %s\n", command->name,
			command->arguments);
		return -EINVAL;
	}
	*ret = command;
	return read_times(ctl) ?: read_where(ctl);
}

/* The log; where there is none that may be read, what is live comes from the agent itself. */
static const char *default_log(const struct ctl_command *command)
{
	bool live = command->run == ctl_tail || command->run == ctl_top;

	return live && access(CTL_LOG, R_OK) && !access(CTL_SOCKET, W_OK) ? CTL_AGENT : CTL_LOG;
}

int main(int argc, char **argv)
{
	struct ctl ctl = {.lines = LINES_DEFAULT};
	const struct ctl_command *command = NULL;
	enum ctl_exit code;
	int error = read_command_line(&ctl, argc, argv, &command);

	if (error) {
		where_free(ctl.where);
		return error > 0 ? CTL_OK : CTL_USAGE;
	}
	if (!ctl.log_count)
		ctl.logs[ctl.log_count++] = default_log(command);
	code = command->run(&ctl);
	where_free(ctl.where);
	if (fflush(stdout))
		return CTL_UNREAD;
	return code;
}
