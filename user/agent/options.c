// SPDX-License-Identifier: Apache-2.0
#include "agent/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "agent/config.h"
#include "agent/output.h"
#include "base/bytes.h"
#include "base/text.h"
#include "engine/engines.h"
#include "secret/mask.h"
#include "state/state.h"

/* One option with its value, and where it was given. */
struct setting {
	const char *file; /* NULL: the command line */
	unsigned int line;
	const char *name, *value; /* empty: it takes none */
};

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
	NUMBER("inventory", VALUE_NUMBER, 0, 1 << 20, inventory),
	NUMBER("event-wait", VALUE_NUMBER, 0, 60, event_wait),
};

enum {
	OPTION_SOCKET = 256,
	OPTION_OUTPUT,
	OPTION_BACKEND,
	OPTION_HUMAN,
	OPTION_OWN_CALLS,
	OPTION_LOG_LEVEL,
	OPTION_RECORD_EVENTS,
	OPTION_STATE,
	OPTION_MASK_NAME,
	OPTION_MASK_PATTERN,
	/* Not in a file: */
	OPTION_CONFIG,
	OPTION_CHECK_CONFIG,
	OPTION_EXPLAIN,
	OPTION_VERSION,
	OPTION_HELP,
	OPTION_NUMBERS, /* + index in numbers[] */
};

static const struct option long_options[] = {
	{"socket", required_argument, NULL, OPTION_SOCKET},
	{"output", required_argument, NULL, OPTION_OUTPUT},
	{"backend", required_argument, NULL, OPTION_BACKEND},
	{"human", no_argument, NULL, OPTION_HUMAN},
	{"own-calls", no_argument, NULL, OPTION_OWN_CALLS},
	{"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
	{"record-events", required_argument, NULL, OPTION_RECORD_EVENTS},
	{"status-interval", required_argument, NULL, OPTION_NUMBERS + 0},
	{"connections", required_argument, NULL, OPTION_NUMBERS + 1},
	{"callers-ring", required_argument, NULL, OPTION_NUMBERS + 2},
	{"payload-ring", required_argument, NULL, OPTION_NUMBERS + 3},
	{"request-budget", required_argument, NULL, OPTION_NUMBERS + 4},
	{"response-budget", required_argument, NULL, OPTION_NUMBERS + 5},
	{"inventory", required_argument, NULL, OPTION_NUMBERS + 6},
	{"event-wait", required_argument, NULL, OPTION_NUMBERS + 7},
	{"state", required_argument, NULL, OPTION_STATE},
	{"mask-name", required_argument, NULL, OPTION_MASK_NAME},
	{"mask-pattern", required_argument, NULL, OPTION_MASK_PATTERN},
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"check-config", no_argument, NULL, OPTION_CHECK_CONFIG},
	{"explain", required_argument, NULL, OPTION_EXPLAIN},
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
	"  --output KIND[:WHERE][,OPTION=VALUE]...\n"
	"                           stdout, file:PATH, journal[:SOCKET], syslog,\n"
	"                           syslog:unix:PATH, or syslog:udp|tcp|tls:HOST[:PORT];\n"
	"                           repeatable (default: stdout). Options of all:\n"
	"                           format=ecs|human|ocsf|cef|rfc5424, min-severity=N, lists with\n"
	"                           + between: actions=, findings=, users=; what happens to "
	"records\n"
	"                           that find no room: overflow=drop-newest|drop-oldest|spool,\n"
	"                           queue-size=, spool=DIRECTORY, spool-size=\n"
	"                           of files: mode=, group=, rotate-size=, rotate-interval=, "
	"keep=,\n"
	"                           fsync=none|interval|always, chain=yes|no, seal-lines=,\n"
	"                           seal-interval=\n"
	"                           of syslog: facility=, header=rfc5424|local, ca=, cert=, key=,\n"
	"                           server-name=. docs/outputs.md has them all\n"
	"  --human                  readable lines instead of JSON on stdout\n"
	"  --own-calls              records of callerd's own calls to the engines, too\n"
	"  --backend NAME           auto, trampoline or tracepoint (default: auto)\n"
	"  --log-level LEVEL        of messages on stderr: error, warning, info (default: "
	"warning)\n"
	"  --status-interval N      seconds between agent-status records; 0: none (default: 60)\n"
	"  --connections N          connections kept track of; more evict the idlest (default: "
	"65536)\n"
	"  --callers-ring BYTES     kernel buffer for callers, a power of two (default: 8388608)\n"
	"  --payload-ring BYTES     kernel buffer for payload, a power of two (default: 8388608)\n"
	"  --request-budget BYTES   copied of a request (default: 4259840)\n"
	"  --response-budget BYTES  copied of a response (default: 65536)\n"
	"  --inventory N            containers, images and volumes remembered of each engine;\n"
	"                           0: the engine is not asked about them (default: 65536)\n"
	"  --event-wait SECONDS     an engine's event waits at most so long for the request that\n"
	"                           caused it (default: 2)\n"
	"  --state PATH             what is known of containers is kept there; none: it is not\n"
	"                           (default: " STATE_PATH ")\n"
	"  --mask-name NAME         what is called NAME, or has it as a part of its name, is a\n"
	"                           secret, and *** in all records; repeatable\n"
	"  --mask-pattern REGEX     what matches (or its first group) is a secret, likewise\n"
	"  --record-events FILE     keep the raw kernel events too, for tools/replay\n"
	"  --config FILE            settings, and who is expected to do what; see\n"
	"                           docs/configuration.md. The command line goes first\n"
	"                           (default: " CONFIG_PATH ", if there is one)\n"
	"  --check-config           say what is in force, or what is wrong, and exit\n"
	"  --explain CONTAINER      say from the state who made, started and stopped it, and why,\n"
	"                           and exit; an id, its beginning, or a name\n"
	"  --version, --help\n"
	"\n"
	"callerd verify [--key KEY] FILE...\n"
	"                           checks the chain and the seals of log files, the oldest first\n"
	"\n"
	"SIGTERM and SIGINT: writes what is left, then an agent-stopped record with totals.\n"
	"SIGHUP: opens log files anew, for logrotate.\n"
	"\n"
	"exit codes: 0 stopped as asked, 1 failed while running, 2 wrong command line or file,\n"
	"  3 a capability is missing, 4 no capture backend can run on this kernel,\n"
	"  5 an output cannot be written, a file to verify not read\n";

static int usage(const char *what, const char *value, const char *wanted)
{
	fprintf(stderr, "callerd: %s \"%s\": %s\n", what, value, wanted);
	return -EINVAL;
}

static int refuse(const struct setting *setting, const char *wanted)
{
	if (setting->file)
		fprintf(stderr, "callerd: %s:%u: %s \"%s\": %s\n", setting->file, setting->line,
			setting->name, setting->value, wanted);
	else
		fprintf(stderr, "callerd: --%s \"%s\": %s\n", setting->name, setting->value,
			wanted);
	return -EINVAL;
}

static int check_socket(const struct setting *setting)
{
	const char *path = setting->value;
	struct stat info;

	if (path[0] != '/')
		return refuse(setting, "the path must be absolute");
	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return refuse(setting, "longer than a Unix socket's path can be (107 bytes)");
	if (path[strlen(path) - 1] == '/')
		return refuse(setting, "names a directory, not a socket");
	if (!stat(path, &info) && !S_ISSOCK(info.st_mode))
		return refuse(setting, "exists and is not a socket");
	if (lstat(path, &info) && errno == ENOTDIR)
		return refuse(setting, "lies below what is not a directory");
	return 0;
}

static int add_socket(struct options *options, const struct setting *setting)
{
	int error = check_socket(setting);

	if (error)
		return error;
	for (unsigned int i = 0; i < options->socket_count; i++)
		if (!strcmp(options->sockets[i], setting->value))
			return 0;
	if (options->socket_count == CALLERD_SOCKETS_MAX)
		return refuse(setting, "too many sockets (64 at most)");
	options->sockets[options->socket_count++] = setting->value;
	return 0;
}

static int add_output(struct options *options, const struct setting *setting)
{
	struct output output;
	char reason[768] = "";
	int error = output_parse(setting->value, options->human, &output, reason, sizeof(reason));

	output_free(&output);
	if (error)
		return error == -EINVAL ? refuse(setting, reason) : error;
	for (unsigned int i = 0; i < options->output_count; i++)
		if (!strcmp(options->outputs[i], setting->value))
			return refuse(setting, "given twice");
	if (options->output_count == OUTPUTS_MAX)
		return refuse(setting, "too many outputs (16 at most)");
	options->outputs[options->output_count++] = setting->value;
	return 0;
}

static int set_state(struct options *options, const struct setting *setting)
{
	size_t size = strlen(setting->value);

	if (!size)
		return refuse(setting, "it names no file; it is a path, or none");
	if (setting->value[size - 1] == '/')
		return refuse(setting, "names a directory, not a file");
	options->state_path = strcmp(setting->value, "none") != 0 ? setting->value : NULL;
	return 0;
}

static int add_mask(const struct setting *setting, bool pattern)
{
	char reason[256] = "it is no name (1 to 256 bytes)";
	int error = pattern ? mask_add_pattern(setting->value, reason, sizeof(reason))
			    : mask_add_name(setting->value);

	if (error == -EINVAL)
		return refuse(setting, reason);
	if (error == -E2BIG)
		return refuse(setting, "too many of them (64 at most)");
	return error;
}

static int set_explain(struct options *options, const struct setting *setting)
{
	if (options->explain)
		return refuse(setting, "given twice");
	if (!*setting->value)
		return refuse(setting, "it names no container");
	options->explain = setting->value;
	return 0;
}

static const char *const backends[] = {"auto", "trampoline", "tracepoint", NULL};
static const char *const levels[] = {"error", "warning", "info", NULL};
static const char *const answers[] = {"no", "yes", NULL};

/* The index of the value among NAMES, or -EINVAL. */
static int choose(const struct setting *setting, const char *const *names)
{
	char wanted[128] = "it is one of";

	for (int i = 0; names[i]; i++)
		if (!strcmp(names[i], setting->value))
			return i;
	for (int i = 0; names[i]; i++)
		snprintf(wanted + strlen(wanted), sizeof(wanted) - strlen(wanted), " %s", names[i]);
	return refuse(setting, wanted);
}

static uint64_t get_number(const struct options *options, const struct number_option *number)
{
	const void *member = (const char *)options + number->offset;

	return number->size == sizeof(uint64_t) ? *(const uint64_t *)member
						: *(const uint32_t *)member;
}

static int set_number(struct options *options, const struct number_option *number,
		      const struct setting *setting)
{
	const char *text = setting->value;
	char wanted[128], *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 10);
	snprintf(wanted, sizeof(wanted), "it is a number from %llu to %llu%s",
		 (unsigned long long)number->min, (unsigned long long)number->max,
		 number->kind == VALUE_RING ? ", a power of two" : "");
	if (errno || *end || text[0] < '0' || text[0] > '9' || value < number->min ||
	    value > number->max || (number->kind == VALUE_RING && value & (value - 1)))
		return refuse(setting, wanted);
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

static int set_option(struct options *options, int option, const struct setting *setting)
{
	int chosen;

	switch (option) {
	case OPTION_SOCKET:
		return add_socket(options, setting);
	case OPTION_OUTPUT:
		return add_output(options, setting);
	case OPTION_HUMAN:
		chosen = *setting->value ? choose(setting, answers) : 1;
		options->human = chosen > 0;
		return chosen < 0 ? chosen : 0;
	case OPTION_OWN_CALLS:
		chosen = *setting->value ? choose(setting, answers) : 1;
		options->own_calls = chosen > 0;
		return chosen < 0 ? chosen : 0;
	case OPTION_RECORD_EVENTS:
		options->event_file = setting->value;
		return 0;
	case OPTION_BACKEND:
		chosen = choose(setting, backends);
		options->backend = chosen < 0 ? CAPTURE_AUTO : (enum capture_backend)chosen;
		return chosen < 0 ? chosen : 0;
	case OPTION_LOG_LEVEL:
		chosen = choose(setting, levels);
		options->log_level = chosen < 0 ? LOG_LEVEL_ERROR : (enum log_level)chosen;
		return chosen < 0 ? chosen : 0;
	case OPTION_CONFIG:
		if (options->config_path)
			return refuse(setting, "given twice");
		if (!*setting->value)
			return refuse(setting, "it names no file");
		options->config_path = setting->value;
		return 0;
	case OPTION_STATE:
		return set_state(options, setting);
	case OPTION_MASK_NAME:
		return add_mask(setting, false);
	case OPTION_MASK_PATTERN:
		return add_mask(setting, true);
	case OPTION_CHECK_CONFIG:
		options->check_config = true;
		return 0;
	case OPTION_EXPLAIN:
		return set_explain(options, setting);
	case OPTION_VERSION:
		printf("callerd %s\n", CALLERD_VERSION);
		return 1;
	case OPTION_HELP:
		fputs(help, stdout);
		return 1;
	default:
		return option >= OPTION_NUMBERS
			       ? set_number(options, &numbers[option - OPTION_NUMBERS], setting)
			       : -EINVAL;
	}
}

static int read_arguments(int argc, char **argv, struct options *options)
{
	int option, index, error = 0;

	opterr = 0; /* we say it in one way */
	optind = 0; /* from the first on */
	while (!error && (option = getopt_long(argc, argv, ":", long_options, &index)) != -1)
		error = option == '?' || option == ':'
				? wrong_option(option, argv)
				: set_option(options, option,
					     &(struct setting){.name = long_options[index].name,
							       .value = optarg ? optarg : ""});
	if (!error && optind < argc)
		error = usage("argument", argv[optind], "callerd takes options only, see --help");
	return error;
}

/* Takes over the lines of [callerd]. What may be there once only, is. */
static int read_settings(const char *path, const struct config *config, struct options *options)
{
	bool seen[COUNT(long_options)] = {false};
	int error = 0;

	for (unsigned int i = 0; i < config->setting_count && !error; i++) {
		const struct config_setting *line = &config->settings[i];
		const struct setting setting = {path, line->line, line->key, line->value};
		unsigned int index = 0;
		int option;

		while (long_options[index].name && strcmp(long_options[index].name, line->key) != 0)
			index++;
		option = long_options[index].val;
		if (!option || (option >= OPTION_CONFIG && option < OPTION_NUMBERS))
			return refuse(&setting, "there is no such setting in [callerd]");
		if (seen[index] && option != OPTION_SOCKET && option != OPTION_OUTPUT &&
		    option != OPTION_MASK_NAME && option != OPTION_MASK_PATTERN)
			return refuse(&setting, "given twice");
		seen[index] = true;
		error = set_option(options, option, &setting);
	}
	return error;
}

/* The file at PATH, or, where that is NULL, the usual one if there is one. */
static int read_file(const char *path, struct options *options)
{
	const char *actual = path ? path : CONFIG_PATH;
	struct config_error error;
	int result = config_load(actual, &options->config, &error);

	if (!path && (result == -ENOENT || result == -ENOTDIR))
		return 0;
	if (!result) {
		options->config_path = actual;
		options->policy = options->config->policy;
		options->config->policy = NULL;
		return read_settings(actual, options->config, options);
	}
	if (error.line)
		fprintf(stderr, "callerd: %s:%u: %s\n", actual, error.line, error.what);
	else
		fprintf(stderr, "callerd: %s: %s\n", actual, error.what);
	return -EINVAL;
}

/* What is in force, as a file that would say the same. */
static int print_options(const struct options *options)
{
	struct text text = {0};

	printf("# %s\n[callerd]\n",
	       options->config_path ? options->config_path : "no configuration file");
	for (unsigned int i = 0; i < options->socket_count; i++)
		printf("socket = %s\n", options->sockets[i]);
	for (unsigned int i = 0; i < options->output_count; i++)
		printf("output = %s\n", options->outputs[i]);
	printf("human = %s\nown-calls = %s\nbackend = %s\nlog-level = %s\n",
	       answers[options->human], answers[options->own_calls], backends[options->backend],
	       levels[options->log_level]);
	for (size_t i = 0; i < COUNT(numbers); i++)
		printf("%s = %llu\n", numbers[i].name,
		       (unsigned long long)get_number(options, &numbers[i]));
	printf("state = %s\n", options->state_path ? options->state_path : "none");
	for (const char *const *name = mask_names(); *name; name++)
		printf("mask-name = %s\n", *name);
	for (const char *const *pattern = mask_patterns(); *pattern; pattern++)
		printf("mask-pattern = %s\n", *pattern);
	if (options->event_file)
		printf("record-events = %s\n", options->event_file);
	policy_write(options->policy, &text);
	if (text.size)
		printf("\n%s", text.data);
	text_free(&text);
	return text.error;
}

/* What the command line says goes before what the file says, and nothing is read from a file when the
 * command line is wrong: so it is read twice. */
static int read_all(int argc, char **argv, struct options *options)
{
	struct options given = *options;
	int error = read_arguments(argc, argv, &given);

	if (error)
		return error;
	error = read_file(given.config_path, options);
	if (error)
		return error;
	if (given.socket_count) {
		memset(options->sockets, 0, sizeof(options->sockets));
		options->socket_count = 0;
	}
	if (given.output_count)
		options->output_count = 0;
	given.config_path = options->config_path;
	options->config_path = NULL;
	error = read_arguments(argc, argv, options);
	options->config_path = given.config_path;
	return error;
}

int options_parse(int argc, char **argv, struct options *ret)
{
	struct options options = {
		.log_level = LOG_LEVEL_WARNING,
		.status_interval = 60,
		.inventory = ENGINES_INVENTORY_DEFAULT,
		.event_wait = 2,
		.state_path = STATE_PATH,
		.connections = 65536,
		.callers_ring = 8 << 20,
		.payload_ring = 8 << 20,
		.request_budget = (4 << 20) + (64 << 10), /* a body of 4 MiB, and its head */
		.response_budget = 64 << 10,
	};
	int error = read_all(argc, argv, &options);

	if (!error && !options.socket_count)
		error = add_socket(
			&options, &(struct setting){.name = "socket", .value = "/run/docker.sock"});
	if (!error && !options.output_count)
		options.outputs[options.output_count++] = "stdout";
	if (!error && !options.policy)
		error = policy_new(&options.policy);
	if (!error && options.check_config)
		error = print_options(&options) ? -ENOMEM : 1;
	if (error)
		options_free(&options);
	else
		*ret = options;
	return error;
}

void options_free(struct options *options)
{
	mask_forget_site();
	policy_free(options->policy);
	config_free(options->config);
	options->policy = NULL;
	options->config = NULL;
}
