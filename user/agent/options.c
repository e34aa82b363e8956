// SPDX-License-Identifier: Apache-2.0
#include "agent/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

enum value_kind { VALUE_NUMBER, VALUE_RING };

/* Options that are numbers within limits. */
struct number_option {
	const char *name;
	enum value_kind kind;
	uint64_t min, max;
	size_t offset, size; /* in struct options */
};

#define NUMBER(name, kind, min, max, member)                                                       \
	{                                                                                          \
		name, kind, min, max, offsetof(struct options, member),                            \
			sizeof(((struct options *)0)->member)                                      \
	}

static const struct number_option numbers[] = {
	NUMBER("status-interval", VALUE_NUMBER, 0, 86400, status_interval),
	NUMBER("connections", VALUE_NUMBER, 16, 1 << 20, connections),
	NUMBER("callers-ring", VALUE_RING, 64 << 10, 256 << 20, callers_ring),
	NUMBER("payload-ring", VALUE_RING, 64 << 10, 1 << 30, payload_ring),
	NUMBER("request-budget", VALUE_NUMBER, 4096, 1 << 30, request_budget),
	NUMBER("response-budget", VALUE_NUMBER, 4096, 1 << 30, response_budget),
};

enum {
	OPTION_SOCKET = 256,
	OPTION_OUTPUT,
	OPTION_BACKEND,
	OPTION_HUMAN,
	OPTION_LOG_LEVEL,
	OPTION_RECORD_EVENTS,
	OPTION_VERSION,
	OPTION_HELP,
	OPTION_NUMBERS, /* + index in numbers[] */
};

static const struct option long_options[] = {
	{"socket", required_argument, NULL, OPTION_SOCKET},
	{"output", required_argument, NULL, OPTION_OUTPUT},
	{"backend", required_argument, NULL, OPTION_BACKEND},
	{"human", no_argument, NULL, OPTION_HUMAN},
	{"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
	{"record-events", required_argument, NULL, OPTION_RECORD_EVENTS},
	{"status-interval", required_argument, NULL, OPTION_NUMBERS + 0},
	{"connections", required_argument, NULL, OPTION_NUMBERS + 1},
	{"callers-ring", required_argument, NULL, OPTION_NUMBERS + 2},
	{"payload-ring", required_argument, NULL, OPTION_NUMBERS + 3},
	{"request-budget", required_argument, NULL, OPTION_NUMBERS + 4},
	{"response-budget", required_argument, NULL, OPTION_NUMBERS + 5},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"help", no_argument, NULL, OPTION_HELP},
	{NULL, 0, NULL, 0},
};

static const char help[] =
	"callerd tells who called the Docker daemon: one record for every connection to its\n"
	"socket and for every API request.\n"
	"\n"
	"usage: callerd [OPTION]...\n"
	"\n"
	"  --socket PATH            a socket to watch; repeatable (default: /run/docker.sock);\n"
	"                           it need not exist yet\n"
	"  --output KIND[:WHERE]    stdout or file:PATH; repeatable (default: stdout)\n"
	"  --human                  readable lines instead of JSON on stdout\n"
	"  --backend NAME           auto, trampoline or tracepoint (default: auto)\n"
	"  --log-level LEVEL        of messages on stderr: error, warning, info (default: "
	"warning)\n"
	"  --status-interval N      seconds between agent-status records; 0: none (default: 60)\n"
	"  --connections N          connections kept track of; more evict the idlest (default: "
	"65536)\n"
	"  --callers-ring BYTES     kernel buffer for callers, a power of two (default: 8388608)\n"
	"  --payload-ring BYTES     kernel buffer for payload, a power of two (default: 8388608)\n"
	"  --request-budget BYTES   copied of a request (default: 4194304)\n"
	"  --response-budget BYTES  copied of a response (default: 65536)\n"
	"  --record-events FILE     keep the raw kernel events too, for tools/replay\n"
	"  --version, --help\n"
	"\n"
	"SIGTERM and SIGINT: writes what is left, then an agent-stopped record with totals.\n"
	"\n"
	"exit codes: 0 stopped as asked, 1 failed while running, 2 wrong command line,\n"
	"  3 a capability is missing, 4 no capture backend can run on this kernel,\n"
	"  5 an output cannot be written\n";

static int usage(const char *what, const char *value, const char *wanted)
{
	fprintf(stderr, "callerd: %s \"%s\": %s\n", what, value, wanted);
	return -EINVAL;
}

static int check_socket(const char *path)
{
	struct stat info;

	if (path[0] != '/')
		return usage("--socket", path, "the path must be absolute");
	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return usage("--socket", path,
			     "longer than a Unix socket's path can be (107 bytes)");
	if (path[strlen(path) - 1] == '/')
		return usage("--socket", path, "names a directory, not a socket");
	if (!stat(path, &info) && !S_ISSOCK(info.st_mode))
		return usage("--socket", path, "exists and is not a socket");
	if (lstat(path, &info) && errno == ENOTDIR)
		return usage("--socket", path, "lies below what is not a directory");
	return 0;
}

static int add_socket(struct options *options, const char *path)
{
	int error = check_socket(path);

	if (error)
		return error;
	for (unsigned int i = 0; i < options->socket_count; i++)
		if (!strcmp(options->sockets[i], path))
			return 0;
	if (options->socket_count == SOCKETS_MAX)
		return usage("--socket", path, "too many sockets (64 at most)");
	options->sockets[options->socket_count++] = path;
	return 0;
}

static int add_output(struct options *options, const char *spec)
{
	for (unsigned int i = 0; i < options->output_count; i++)
		if (!strcmp(options->outputs[i], spec))
			return usage("--output", spec, "given twice");
	if (options->output_count == OUTPUTS_MAX)
		return usage("--output", spec, "too many outputs (16 at most)");
	options->outputs[options->output_count++] = spec;
	return 0;
}

/* The index of VALUE among NAMES, or -EINVAL. */
static int choose(const char *option, const char *value, const char *const *names)
{
	char wanted[128] = "it is one of";

	for (int i = 0; names[i]; i++)
		if (!strcmp(names[i], value))
			return i;
	for (int i = 0; names[i]; i++)
		snprintf(wanted + strlen(wanted), sizeof(wanted) - strlen(wanted), " %s", names[i]);
	return usage(option, value, wanted);
}

static int set_number(struct options *options, const struct number_option *number, const char *text)
{
	char option[64], wanted[128], *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 10);
	snprintf(option, sizeof(option), "--%s", number->name);
	snprintf(wanted, sizeof(wanted), "it is a number from %llu to %llu%s",
		 (unsigned long long)number->min, (unsigned long long)number->max,
		 number->kind == VALUE_RING ? ", a power of two" : "");
	if (errno || *end || text[0] < '0' || text[0] > '9' || value < number->min ||
	    value > number->max || (number->kind == VALUE_RING && value & (value - 1)))
		return usage(option, text, wanted);
	if (number->size == sizeof(uint64_t))
		*(uint64_t *)((char *)options + number->offset) = value;
	else
		*(uint32_t *)((char *)options + number->offset) = value;
	return 0;
}

/* getopt_long() returned WHY: a colon where a value is missing, else a question mark. */
static int wrong_option(int why, char **argv)
{
	const char letter[] = {'-', optopt, '\0'};

	if (why == ':')
		return usage("option", argv[optind - 1], "it needs a value, see --help");
	if (optopt >= OPTION_SOCKET)
		return usage("option", argv[optind - 1], "it takes no value");
	return usage("option", optopt ? letter : argv[optind - 1],
		     "there is no such one, see --help");
}

static int set_option(struct options *options, int option, const char *value)
{
	static const char *const backends[] = {"auto", "trampoline", "tracepoint", NULL};
	static const char *const levels[] = {"error", "warning", "info", NULL};
	int chosen;

	switch (option) {
	case OPTION_SOCKET:
		return add_socket(options, value);
	case OPTION_OUTPUT:
		return add_output(options, value);
	case OPTION_HUMAN:
		options->human = true;
		return 0;
	case OPTION_RECORD_EVENTS:
		options->event_file = value;
		return 0;
	case OPTION_BACKEND:
		chosen = choose("--backend", value, backends);
		options->backend = chosen < 0 ? CAPTURE_AUTO : (enum capture_backend)chosen;
		return chosen < 0 ? chosen : 0;
	case OPTION_LOG_LEVEL:
		chosen = choose("--log-level", value, levels);
		options->log_level = chosen < 0 ? LOG_LEVEL_ERROR : (enum log_level)chosen;
		return chosen < 0 ? chosen : 0;
	case OPTION_VERSION:
		printf("callerd %s\n", CALLERD_VERSION);
		return 1;
	case OPTION_HELP:
		fputs(help, stdout);
		return 1;
	default:
		return option >= OPTION_NUMBERS
			       ? set_number(options, &numbers[option - OPTION_NUMBERS], value)
			       : -EINVAL;
	}
}

int options_parse(int argc, char **argv, struct options *ret)
{
	struct options options = {
		.log_level = LOG_LEVEL_WARNING,
		.status_interval = 60,
		.connections = 65536,
		.callers_ring = 8 << 20,
		.payload_ring = 8 << 20,
		.request_budget = 4 << 20,
		.response_budget = 64 << 10,
	};
	int option, error = 0;

	opterr = 0; /* we say it in one way */
	while (!error && (option = getopt_long(argc, argv, ":", long_options, NULL)) != -1)
		error = option == '?' || option == ':' ? wrong_option(option, argv)
						       : set_option(&options, option, optarg);
	if (!error && optind < argc)
		error = usage("argument", argv[optind], "callerd takes options only, see --help");
	if (!error && !options.socket_count)
		error = add_socket(&options, "/run/docker.sock");
	if (!error && !options.output_count)
		options.outputs[options.output_count++] = "stdout";
	if (!error)
		*ret = options;
	return error;
}
