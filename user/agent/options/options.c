// SPDX-License-Identifier: Apache-2.0
#include "agent/options/options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "agent/options/config.h"
#include "agent/options/doubts.h"
#include "agent/options/output.h"
#include "broker/broker.h"
#include "engine/engines.h"
#include "kernel/pins.h"
#include "process/environment.h"
#include "secret/mask.h"
#include "setting/setting.h"
#include "state/state.h"

#define HELP_COLUMN 27
#define OPTION_FIRST 256 /* what getopt_long() returns for the first setting */
#define ARGUMENTS_MAX 64
#define WHY_SIZE 768
#define PIN_MAX 256
#define FOLD_MINUTE 1 /* of options.fold */
#define NO_ENVIRONMENT "none"

/* RELOADS: a running agent takes over another value. */
enum { ON_COMMAND_LINE = 1, IN_FILE = 2, RELOADS = 4 };

static const char *const backends[] = {"auto", "trampoline", "tracepoint", NULL};
static const char *const discoveries[] = {"auto", "yes", "no", NULL};
static const char *const guards[] = {"all", "sockets", "none", NULL};
static const char *const confines[] = {"all", "none", NULL};
static const char *const levels[] = {"error", "warning", "info", NULL};
static const char *const severities[] = {"info", "low", "medium", "high", "critical", NULL};
/* FOLD_MINUTE is the place of "yes". */
static const char *const folds[] = {"no", "yes", NULL};
static const char *const no_state[] = {"none", NULL};
static const char *const no_pin[] = {"none", NULL};

static const char help_before[] =
	"callerd tells who called the Docker daemon: one record for every connection to its\n"
	"socket and for every API request.\n"
	"\n"
	"usage: callerd [OPTION]...\n"
	"\n";

static const char help_after[] =
	"  --version, -h, --help\n"
	"\n"
	"callerd verify [--key KEY] FILE...\n"
	"                           checks the chain and the seals of log files, the oldest first\n"
	"callerd policy test [--json] FILE [LOG]...\n"
	"                           what the configuration FILE would do with a log (or stdin):\n"
	"                           records and bytes by level and rule, and what would be gone\n"
	"callerd bugreport [OPTION]... [--with-names]\n"
	"                           prints what helps to find a mistake: the kernel, what is in\n"
	"                           force, counts; names and paths of the site only if asked for\n"
	"\n"
	"SIGTERM and SIGINT: writes what is left, then an agent-stopped record with totals.\n"
	"SIGHUP: opens log files anew, and reads the configuration anew.\n"
	"\n"
	"exit codes: 0 stopped as asked, 1 failed while running, 2 wrong command line or file,\n"
	"  3 a capability is missing, 4 no capture backend can run on this kernel,\n"
	"  5 an output cannot be written, a file to verify not read\n";

/* --- values that the table cannot describe ---------------------------------------------------- */

/* Why PATH cannot be watched as a socket; NULL: it can. */
static const char *why_no_socket(const char *path)
{
	struct stat info;

	if (path[0] != '/')
		return "the path must be absolute";
	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return "longer than a Unix socket's path can be (107 bytes)";
	if (path[strlen(path) - 1] == '/')
		return "names a directory, not a socket";
	if (!broker_stat(AT_FDCWD, path, &info, 0) && !S_ISSOCK(info.st_mode))
		return "exists and is not a socket";
	if (broker_stat(AT_FDCWD, path, &info, AT_SYMLINK_NOFOLLOW) && errno == ENOTDIR)
		return "lies below what is not a directory";
	return NULL;
}

static bool has_value(const char *const *list, const char *value)
{
	while (*list && strcmp(*list, value) != 0)
		list++;
	return *list;
}

static unsigned int count_sockets(const struct options *options)
{
	return options->socket_count + options->containerd_count + options->relay_count;
}

static int add_socket_to(struct setting_reader *reader, const char **list, unsigned int *count,
			 const char *value)
{
	const struct options *options = reader->target;
	const char *why = why_no_socket(value);

	if (why)
		return setting_refuse(reader->why, "%s", why);
	if (has_value(list, value))
		return 0;
	if (has_value(options->sockets, value) || has_value(options->containerds, value) ||
	    has_value(options->relays, value))
		return setting_refuse(reader->why,
				      "it is of Docker, of containerd or of a relay, not of both");
	if (count_sockets(options) == CALLERD_SOCKETS_MAX)
		return setting_refuse(reader->why, "too many sockets (64 at most)");
	list[(*count)++] = value;
	return 0;
}

static int take_socket(struct setting_reader *reader, const char *value)
{
	struct options *options = reader->target;

	return add_socket_to(reader, options->sockets, &options->socket_count, value);
}

static int take_containerd(struct setting_reader *reader, const char *value)
{
	struct options *options = reader->target;

	return add_socket_to(reader, options->containerds, &options->containerd_count, value);
}

static int add_relay_port(struct setting_reader *reader, const char *value)
{
	struct options *options = reader->target;
	struct callerd_endpoint end;

	if (doors_parse(value + strlen(DOORS_SCHEME), &end))
		return setting_refuse(reader->why,
				      "an address and a port are wanted, as tcp://0.0.0.0:2375");
	if (has_value(options->relays, value))
		return 0;
	if (options->relay_port_count == RELAY_PORTS_MAX ||
	    count_sockets(options) == CALLERD_SOCKETS_MAX)
		return setting_refuse(reader->why,
				      "too many sockets (64 at most), or ports of relays (8)");
	options->relays[options->relay_count++] = value;
	options->relay_port_count++;
	return 0;
}

static int take_relay(struct setting_reader *reader, const char *value)
{
	struct options *options = reader->target;

	if (doors_is_port(value))
		return add_relay_port(reader, value);
	return add_socket_to(reader, options->relays, &options->relay_count, value);
}

static int take_output(struct setting_reader *reader, const char *value)
{
	_cleanup_(output_free) struct output output = {0};
	struct options *options = reader->target;
	int error =
		output_parse(value, options->human, &output, reader->why.text, reader->why.size);

	if (error)
		return error;
	if (has_value(options->outputs, value))
		return setting_refuse(reader->why, "given twice");
	if (options->output_count == OUTPUTS_MAX)
		return setting_refuse(reader->why, "too many outputs (16 at most)");
	options->outputs[options->output_count++] = value;
	return 0;
}

static int take_state(struct setting_reader *reader, const char *value)
{
	struct options *options = reader->target;

	if (!*value)
		return setting_refuse(reader->why, "it names no file; it is a path, or none");
	if (value[strlen(value) - 1] == '/')
		return setting_refuse(reader->why, "names a directory, not a file");
	options->state_path = strcmp(value, "none") != 0 ? value : NULL;
	return 0;
}

static int take_pin(struct setting_reader *reader, const char *value)
{
	struct options *options = reader->target;

	options->pin = strcmp(value, "none") != 0 ? value : NULL;
	if (options->pin && value[0] != '/')
		return setting_refuse(reader->why, "it is an absolute path, or none");
	if (options->pin && (strlen(value) > PIN_MAX || value[strlen(value) - 1] == '/'))
		return setting_refuse(reader->why, "it names no directory of its own");
	return 0;
}

static int take_metrics_group(struct setting_reader *reader, const char *value)
{
	struct options *options = reader->target;

	if (output_find_group(value, &options->metrics_gid))
		return setting_refuse(reader->why, "there is no such group");
	options->metrics_group = value;
	return 0;
}

static int take_control_group(struct setting_reader *reader, const char *value)
{
	struct options *options = reader->target;

	if (output_find_group(value, &options->control_gid))
		return setting_refuse(reader->why, "there is no such group");
	options->control_group = value;
	return 0;
}

static int options_add_mask(struct setting_reader *reader, const char **list, unsigned int *count,
			    const char *value)
{
	if (has_value(list, value))
		return 0;
	if (*count == MASK_SITE_MAX)
		return setting_refuse(reader->why, "too many of them (64 at most)");
	list[(*count)++] = value;
	return 0;
}

static int take_mask_name(struct setting_reader *reader, const char *value)
{
	struct options *options = reader->target;

	if (mask_check_name(value))
		return setting_refuse(reader->why, "it is no name (1 to 256 bytes)");
	return options_add_mask(reader, options->mask_names, &options->mask_name_count, value);
}

static int take_mask_pattern(struct setting_reader *reader, const char *value)
{
	struct options *options = reader->target;

	return mask_check_pattern(value, reader->why.text, reader->why.size)
		       ?: options_add_mask(reader, options->mask_patterns,
					   &options->mask_pattern_count, value);
}

static int take_environment(struct setting_reader *reader, const char *value)
{
	struct options *options = reader->target;
	bool none = !strcmp(value, NO_ENVIRONMENT);
	const char *why = none ? NULL : environment_refuse_name(value);

	if (why)
		return setting_refuse(reader->why, "%s", why);
	if (has_value(options->environment, value))
		return 0;
	if (options->environment_count && (none || has_value(options->environment, NO_ENVIRONMENT)))
		return setting_refuse(reader->why, "none stands alone");
	if (options->environment_count == ENVIRONMENT_SITE_MAX)
		return setting_refuse(reader->why, "too many of them (32 at most)");
	options->environment[options->environment_count++] = value;
	return 0;
}

static int take_label(struct setting_reader *reader, const char *value)
{
	struct options *options = reader->target;

	if (has_value(options->labels, value))
		return 0;
	if (labels_check_pattern(value))
		return setting_refuse(reader->why, "it is no key of a label (letters, digits, . _ "
						   "- / and the wildcards * ?, 128 bytes at most)");
	if (options->label_count == LABELS_SITE_MAX)
		return setting_refuse(reader->why, "too many of them (64 at most)");
	options->labels[options->label_count++] = value;
	return 0;
}

static int options_take_version(struct setting_reader *reader, const char *value)
{
	printf("callerd %s\n", CALLERD_VERSION);
	return 1;
}

static void print_help_of(const struct setting *setting)
{
	const char *line = setting->help, *end;
	int column = printf("  --%s%s%s", setting->name, setting->meta ? " " : "",
			    setting->meta ? setting->meta : "");

	if (column > HELP_COLUMN) {
		putchar('\n');
		column = 0;
	}
	for (; *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		printf("%*s%.*s\n", HELP_COLUMN - column, "", (int)(end - line), line);
		column = 0;
	}
}

void options_print_help(const struct setting *table)
{
	for (; table->help; table++)
		print_help_of(table);
}

static int take_help(struct setting_reader *reader, const char *value)
{
	fputs(help_before, stdout);
	options_print_help(reader->table);
	fputs(help_after, stdout);
	return 1;
}

/* --- the table -------------------------------------------------------------------------------- */

#define AT(member) SETTING_AT(struct options, member)
#define ANYWHERE(text, type, member, more)                                                         \
	.name = (text), .kind = (type), AT(member), .places = ON_COMMAND_LINE | IN_FILE | (more)
#define SETTING(text, type, member) ANYWHERE(text, type, member, 0), .repeats = ON_COMMAND_LINE
#define RELOADED(text, type, member)                                                               \
	ANYWHERE(text, type, member, RELOADS), .repeats = ON_COMMAND_LINE
#define LIST(text, member, more)                                                                   \
	ANYWHERE(text, SETTING_LIST, member, more), .repeats = ON_COMMAND_LINE | IN_FILE
#define OPTION(text, type, member)                                                                 \
	.name = (text), .kind = (type), AT(member), .places = ON_COMMAND_LINE
#define LIMITS(lowest, highest) .min = (lowest), .max = (highest)
#define HELP(value, ...) .meta = (value), .help = (__VA_ARGS__)

/* In the order of --help and of --check-config. */
static const struct setting settings[] = {
	{LIST("socket", sockets, 0), .take = take_socket,
	 HELP("PATH", "a socket to watch; repeatable (default: /run/docker.sock, and\n"
		      "what --discover finds); it need not exist yet")},
	{SETTING("discover", SETTING_CHOICE, discover), .words = discoveries,
	 HELP("WHAT", "find engines, watch their sockets, tell of their TCP ports: yes,\n"
		      "no, or auto: where no socket is given (default: auto)")},
	{LIST("containerd", containerds, 0), .take = take_containerd,
	 HELP("PATH", "a socket of containerd to watch, as\n"
		      "/run/containerd/containerd.sock; repeatable (default: none)")},
	{LIST("relay", relays, 0), .take = take_relay,
	 HELP("WHERE", "a socket of a proxy or relay before an engine, or its port,\n"
		       "as tcp://0.0.0.0:2375: records of the engine say who asked\n"
		       "the relay; repeatable (default: none)")},
	{SETTING("engine-calls", SETTING_FLAG, engine_calls),
	 HELP(NULL, "records of what dockerd and kubelet call there, too")},
	{LIST("output", outputs, RELOADS), .take = take_output,
	 HELP("KIND[:WHERE][,OPTION=VALUE]...",
	      "stdout, file:PATH, journal[:SOCKET], syslog,\n"
	      "syslog:unix:PATH, or syslog:udp|tcp|tls:HOST[:PORT];\n"
	      "repeatable (default: stdout). Options of all:\n"
	      "format=ecs|human|ocsf|cef|rfc5424,\n"
	      "detail=lineage|full|reference, min-severity=N,\n"
	      "lists with + between: actions=, findings=, users=;\n"
	      "what happens to records that find no room:\n"
	      "overflow=drop-newest|drop-oldest|spool, queue-size=,\n"
	      "spool=DIRECTORY, spool-size=\n"
	      "of files: mode=, group=, rotate-size=, rotate-interval=, keep=,\n"
	      "fsync=none|interval|always, chain=yes|no, seal-lines=,\n"
	      "seal-interval=\n"
	      "of syslog: facility=, header=rfc5424|local, ca=, cert=, key=,\n"
	      "server-name=. docs/outputs.md has them all")},
	{RELOADED("human", SETTING_FLAG, human),
	 HELP(NULL, "readable lines instead of JSON on stdout")},
	{SETTING("own-calls", SETTING_FLAG, own_calls),
	 HELP(NULL, "records of callerd's own calls to the engines, too")},
	{SETTING("guard", SETTING_CHOICE, guard), .words = guards,
	 HELP("WHAT", "record changes of who may use the sockets: all (nodes, groups,\n"
		      "sudoers, units, programs), sockets, or none (default: all)")},
	{SETTING("confine", SETTING_CHOICE, confine), .words = confines,
	 HELP("WHAT", "callerd gives up root, files and system calls once it has started,\n"
		      "but for a second process with little power (all), or does not\n"
		      "(none), for debuggers and unknown C libraries (default: all)")},
	{SETTING("backend", SETTING_CHOICE, backend), .words = backends,
	 HELP("NAME", "auto, trampoline or tracepoint (default: auto)")},
	{RELOADED("log-level", SETTING_CHOICE, log_level), .words = levels,
	 HELP("LEVEL", "of messages on stderr: error, warning, info (default: warning)")},
	{RELOADED("full-from", SETTING_CHOICE, full_from), .words = severities,
	 HELP("SEVERITY", "records with a finding of at least that severity tell all,\n"
			  "whatever a [level] says: info, low, medium, high, critical\n"
			  "(default: low)")},
	{RELOADED("fold", SETTING_SECONDS, fold), LIMITS(2, 3600), .words = folds,
	 .wanted = "it is yes, no, or from 2s to 1h",
	 HELP("TIME", "equal reads by one process, and the events of health checks, are\n"
		      "one record with a count for each minute (yes) or TIME, but for\n"
		      "the first one in an hour; no: each has its own (default: yes)")},
	{RELOADED("status-interval", SETTING_NUMBER, status_interval), LIMITS(0, 86400),
	 HELP("N", "seconds between agent-status records; 0: none (default: 60)")},
	{SETTING("metrics-socket", SETTING_PATH, metrics_socket),
	 HELP("PATH", "a Unix socket that answers GET /metrics (for Prometheus) and\n"
		      "GET /healthz, for root only")},
	{SETTING("metrics-group", SETTING_TEXT, metrics_group), .take = take_metrics_group,
	 HELP("GROUP", "may use that socket, too")},
	{SETTING("control-socket", SETTING_PATH, control_socket),
	 HELP("PATH", "a Unix socket at which callerctl sees records as they come, for\n"
		      "root only")},
	{SETTING("control-group", SETTING_TEXT, control_group), .take = take_control_group,
	 HELP("GROUP", "may use that socket, too: it sees all records")},
	{SETTING("metrics-file", SETTING_PATH, metrics_file),
	 HELP("PATH", "gets the same metrics, for node_exporter's textfile collector")},
	{SETTING("program-statistics", SETTING_FLAG, count_runs),
	 HELP(NULL, "have the kernel count the runs of all BPF programs, and their time,\n"
		    "which slows each of them a little")},
	{SETTING("self-test-at-start", SETTING_FLAG, test_at_start),
	 HELP(NULL, "once an engine is there: call it, and say in a record whether\n"
		    "the call was seen, and which outputs have it")},
	{SETTING("connections", SETTING_NUMBER, connections), LIMITS(16, 1 << 20),
	 HELP("N", "connections kept track of; more evict the idlest (default: 65536)")},
	{SETTING("callers-ring", SETTING_POWER, callers_ring), LIMITS(64 << 10, 256 << 20),
	 HELP("BYTES", "kernel buffer for callers, a power of two (default: 8388608)")},
	{SETTING("payload-ring", SETTING_POWER, payload_ring), LIMITS(64 << 10, 1 << 30),
	 HELP("BYTES", "kernel buffer for payload, a power of two (default: 8388608)")},
	{SETTING("request-budget", SETTING_NUMBER, request_budget), LIMITS(4096, 1 << 30),
	 HELP("BYTES", "copied of a request (default: 4259840)")},
	{SETTING("response-budget", SETTING_NUMBER, response_budget), LIMITS(4096, 1 << 30),
	 HELP("BYTES", "copied of a response (default: 65536)")},
	{SETTING("pin", SETTING_TEXT, pin), .words = no_pin, .take = take_pin,
	 HELP("DIRECTORY", "in bpffs: kernel programs and their memory stay there, and go on\n"
			   "while callerd is away; none: they end with it\n"
			   "(default: " PINS_PATH ")")},
	{SETTING("away-limit", SETTING_NUMBER, away_limit), LIMITS(5, 86400),
	 HELP("SECONDS", "without callerd for longer, they only count (default: 300)")},
	{SETTING("inventory", SETTING_NUMBER, inventory), LIMITS(0, 1 << 20),
	 HELP("N", "containers, images and volumes remembered of each engine;\n"
		   "0: the engine is not asked about them (default: 65536)")},
	{SETTING("event-wait", SETTING_NUMBER, event_wait), LIMITS(0, 60),
	 HELP("SECONDS", "an engine's event waits at most so long for the request that\n"
			 "caused it (default: 2)")},
	{SETTING("state", SETTING_TEXT, state_path), .words = no_state, .take = take_state,
	 HELP("PATH", "what is known of containers is kept there; none: it is not\n"
		      "(default: " STATE_PATH ")")},
	{LIST("mask-name", mask_names, 0), .take = take_mask_name,
	 HELP("NAME", "what is called NAME, or has it as a part of its name, is a\n"
		      "secret, and *** in all records; repeatable")},
	{LIST("mask-pattern", mask_patterns, 0), .take = take_mask_pattern,
	 HELP("REGEX", "what matches (or its first group) is a secret, likewise")},
	{LIST("environment", environment, 0), .take = take_environment,
	 HELP("NAME", "a variable of callers' environments that records tell, beside\n"
		      "those of CI systems and AI agents; repeatable. none: none is read")},
	{LIST("label", labels, 0), .take = take_label,
	 HELP("KEY", "labels of containers that are told besides those of CI, Compose,\n"
		     "Swarm, Kubernetes and images' sources; with * and ?; repeatable")},
	{SETTING("record-events", SETTING_TEXT, event_file),
	 HELP("FILE", "keep the raw kernel events too, for tools/replay")},
	{OPTION("config", SETTING_TEXT, config_path), .wanted = "it names no file",
	 HELP("PATH", "settings, and who is expected to do what: a file, or a\n"
		      "directory with callerd.conf and conf.d/*.conf; see\n"
		      "docs/configuration.md. The command line goes first\n"
		      "(default: " CONFIG_PATH ", if there is one)")},
	{OPTION("check-config", SETTING_FLAG, check_config), .repeats = ON_COMMAND_LINE,
	 HELP(NULL, "say what is wrong, or may be, and exit")},
	{OPTION("print-config", SETTING_FLAG, print_config), .repeats = ON_COMMAND_LINE,
	 HELP(NULL, "print what is in force, and from where, and exit")},
	{OPTION("detach", SETTING_FLAG, detach), .repeats = ON_COMMAND_LINE,
	 HELP(NULL, "end the kernel programs that are pinned, remove the pins, and exit")},
	{OPTION("self-test", SETTING_FLAG, self_test), .repeats = ON_COMMAND_LINE,
	 HELP(NULL, "do that now, by way of the callerd that listens on the socket of\n"
		    "--metrics-socket, or else alone, and exit: 0 all is well, 5 an\n"
		    "output is at fault, 1 something else")},
	{OPTION("explain", SETTING_TEXT, explain), .wanted = "it names no container",
	 HELP("CONTAINER", "say from the state who made, started and stopped it, and why,\n"
			   "and exit; an id, its beginning, or a name")},
	{.name = "version", .places = ON_COMMAND_LINE, .take = options_take_version},
	{.name = "help", .places = ON_COMMAND_LINE, .take = take_help},
	{.name = NULL},
};

/* --- reading ---------------------------------------------------------------------------------- */

/* KIND is what getopt_long() returned: a colon when a value is missing, else a question mark. */
static int refuse_option(struct setting_why why, int kind, const char *given)
{
	const char letter[] = {'-', optopt, '\0'};

	if (kind == ':')
		return setting_refuse(why, "option \"%s\": it needs a value, see --help", given);
	if (optopt >= OPTION_FIRST)
		return setting_refuse(why, "option \"%s\": it takes no value", given);
	return setting_refuse(why, "option \"%s\": there is no such one, see --help",
			      optopt ? letter : given);
}

static int options_read_option(struct setting_reader *reader, const char *name, const char *value,
			       struct setting_why why)
{
	int error = setting_read(reader, bytes_of(name), value);

	if (error == -EINVAL)
		setting_refuse(why, "--%s \"%.4000s\": %s", name, value, reader->why.text);
	return error;
}

int options_read_arguments(struct setting_reader *reader, int argc, char **argv, int *ret_rest,
			   struct setting_why why)
{
	const struct setting *table = reader->table;
	struct option options[ARGUMENTS_MAX + 1] = {0};
	int option, error = 0;

	for (int i = 0; table[i].name; i++) {
		assert(i < ARGUMENTS_MAX);
		options[i] = (struct option){table[i].name,
					     table[i].meta ? required_argument : no_argument, NULL,
					     OPTION_FIRST + i};
	}
	opterr = 0; /* getopt_long() prints no messages */
	optind = 0; /* getopt_long() begins anew */
	while (!error && (option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (option == 'h')
			error = options_read_option(reader, "help", "yes", why);
		else if (option < OPTION_FIRST)
			error = refuse_option(why, option, argv[optind - 1]);
		else
			error = options_read_option(reader, table[option - OPTION_FIRST].name,
						    optarg ? optarg : "yes", why);
	}
	*ret_rest = optind;
	return error;
}

/* NOTES: get what is read; may be NULL. */
static int read_arguments(int argc, char **argv, struct options *options,
			  struct setting_notes *notes, struct setting_why why)
{
	char text[WHY_SIZE] = "";
	struct setting_reader reader = {settings, ON_COMMAND_LINE, options,
					.why = {text, sizeof(text)}, .notes = notes};
	int rest, error = options_read_arguments(&reader, argc, argv, &rest, why);

	if (error || rest >= argc)
		return error;
	return setting_refuse(why, "argument \"%s\": callerd takes options only, see --help",
			      argv[rest]);
}

/* What one file says once, a later one may say again. */
static int read_settings(const struct config *config, struct options *options,
			 struct setting_why why)
{
	char text[WHY_SIZE] = "";
	struct setting_reader reader = {settings, IN_FILE, options, .why = {text, sizeof(text)},
					.notes = &options->notes};
	int error = 0;

	for (unsigned int i = 0; i < config->setting_count && !error; i++) {
		const struct config_setting *line = &config->settings[i];

		if (line->source.file != reader.source.file)
			reader.given = 0;
		reader.source = line->source;
		error = setting_read(&reader, bytes_of(line->key), line->value);
		if (error == -ENOENT)
			error = setting_refuse(reader.why, "there is no such setting in [callerd]");
		if (error == -EINVAL)
			setting_refuse(why, "%s:%u: %s \"%.4000s\": %s", line->source.file,
				       line->source.line, line->key, line->value, text);
	}
	return error;
}

/* Reads what is at PATH. When PATH is NULL: at CONFIG_PATH, if there is anything. */
static int options_read_file(const char *path, struct options *options, struct setting_why why)
{
	const char *actual = path ? path : CONFIG_PATH;
	struct config_error error;
	int result = config_load(actual, &options->config, &error);

	if (!path && result == -ENOENT)
		return 0;
	if (!result) {
		options->config_path = actual;
		options->policy = take_ptr(options->config->policy);
		options->levels = take_ptr(options->config->levels);
		return read_settings(options->config, options, why);
	}
	if (error.line)
		return setting_refuse(why, "%s:%u: %s", error.file, error.line, error.what);
	return setting_refuse(why, "%s: %s", error.file, error.what);
}

const struct setting *options_setting(const char *name)
{
	const struct setting *setting = settings;

	while (strcmp(setting->name, name) != 0)
		setting++;
	return setting;
}

const struct setting *options_find_setting(struct bytes name)
{
	for (const struct setting *setting = settings; setting->name; setting++)
		if (bytes_are(name, setting->name))
			return setting;
	return NULL;
}

int options_write(const struct options *options, struct text *out)
{
	_cleanup_(text_free) struct text policy = {0};

	if (!options->config)
		text_add_string(out, "# no configuration file\n");
	for (unsigned int i = 0; options->config && i < options->config->file_count; i++) {
		text_add_string(out, "# ");
		text_add_string(out, options->config->files[i].name);
		text_add_char(out, '\n');
	}
	text_add_string(out, "[callerd]\n");
	for (const struct setting *setting = settings; setting->name; setting++)
		if (setting->places & IN_FILE)
			setting_write(setting, options, &options->notes, out);
	policy_write(options->policy, true, &policy);
	if (policy.size)
		text_add_char(out, '\n');
	text_add_bytes(out, text_since(&policy, 0));
	levels_write(options->levels, out);
	return policy.error ?: out->error;
}

enum finding_severity options_full_from(const struct options *options)
{
	return SEVERITY_INFO + (enum finding_severity)options->full_from;
}

uint64_t options_fold(const struct options *options)
{
	return (options->fold == FOLD_MINUTE ? 60 : options->fold) * NS_PER_S;
}

static int print_options(const struct options *options)
{
	_cleanup_(text_free) struct text text = {0};

	if (options_write(options, &text))
		return -ENOMEM;
	fputs(text.data, stdout);
	return 0;
}

/* The command line overrides the files, and no file is read when the command line is wrong. So the command line is read
 * twice: before the files, into a copy, and after them. */
static int options_read_all(int argc, char **argv, struct options *options, struct setting_why why)
{
	struct options given = *options;
	int error = read_arguments(argc, argv, &given, NULL, why);

	if (error)
		return error;
	error = options_read_file(given.config_path, options, why);
	if (error)
		return error;
	if (given.socket_count) {
		memset(options->sockets, 0, sizeof(options->sockets));
		options->socket_count = 0;
	}
	if (given.containerd_count) {
		memset(options->containerds, 0, sizeof(options->containerds));
		options->containerd_count = 0;
	}
	if (given.relay_count) {
		memset(options->relays, 0, sizeof(options->relays));
		options->relay_count = options->relay_port_count = 0;
	}
	if (given.output_count) {
		memset(options->outputs, 0, sizeof(options->outputs));
		options->output_count = 0;
	}
	return read_arguments(argc, argv, options, &options->notes, why);
}

int options_read(int argc, char **argv, struct options *ret, struct setting_why why)
{
	struct options options = {
		.log_level = LOG_LEVEL_WARNING,
		.status_interval = 60,
		.inventory = ENGINES_INVENTORY_DEFAULT,
		.event_wait = 2,
		.state_path = STATE_PATH,
		.pin = PINS_PATH,
		.away_limit = 300,
		.fold = FOLD_MINUTE,
		.full_from = SEVERITY_LOW - SEVERITY_INFO,
		.metrics_gid = (gid_t)-1,
		.control_gid = (gid_t)-1,
		.connections = 65536,
		.callers_ring = 8 << 20,
		.payload_ring = 8 << 20,
		.request_budget = (4 << 20) + (64 << 10), /* a body of 4 MiB, and its head */
		.response_budget = 64 << 10,
	};
	int error = options_read_all(argc, argv, &options, why);

	options.discovers = options.discover == DISCOVER_AUTO ? !options.socket_count
							      : options.discover == DISCOVER_YES;
	if (!error && !options.socket_count)
		error = read_arguments(2, (char *[]){"callerd", "--socket=/run/docker.sock", NULL},
				       &options, NULL, why);
	if (!error && !options.output_count)
		options.outputs[options.output_count++] = "stdout";
	if (!error && !options.policy)
		error = policy_new(&options.policy) ?: levels_new(&options.levels);
	if (error == -ENOMEM)
		setting_refuse(why, "out of memory");
	if (error)
		options_free(&options);
	else
		*ret = options;
	return error;
}

/* Gives mask.h and labels.h what the site adds. */
static int options_add_site(const struct options *options)
{
	char why[WHY_SIZE];
	int error = 0;

	for (unsigned int i = 0; i < options->mask_name_count && !error; i++)
		error = mask_add_name(options->mask_names[i]);
	for (unsigned int i = 0; i < options->mask_pattern_count && !error; i++)
		error = mask_add_pattern(options->mask_patterns[i], why, sizeof(why));
	for (unsigned int i = 0; i < options->label_count && !error; i++)
		error = labels_add_pattern(options->labels[i]);
	return error;
}

/* Gives environment.h what the site adds. */
static int add_variables(const struct options *options)
{
	int error = 0;

	if (has_value(options->environment, NO_ENVIRONMENT))
		environment_read_none();
	else
		for (unsigned int i = 0; i < options->environment_count && !error; i++)
			error = environment_add_name(options->environment[i]);
	return error;
}

static void print_doubt(void *data, const char *doubt)
{
	fprintf(stderr, "callerd: warning: %s\n", doubt);
}

int options_parse(int argc, char **argv, struct options *ret)
{
	char why[OPTIONS_WHY_SIZE] = "";
	struct options options;
	int error = options_read(argc, argv, &options, (struct setting_why){why, sizeof(why)});

	if (error < 0)
		fprintf(stderr, "callerd: %s\n", why);
	if (error)
		return error;
	if (options.log_level >= LOG_LEVEL_WARNING && !options.explain)
		doubts_tell(&options, NULL, print_doubt);
	error = options.print_config ? print_options(&options) : 0;
	if (!error && (options.check_config || options.print_config))
		error = 1;
	error = error ?: options_add_site(&options) ?: add_variables(&options);
	if (error)
		options_free(&options);
	else
		*ret = options;
	return error;
}

static bool has_same_value(const struct setting *setting, const struct options *a,
			   const struct options *b)
{
	_cleanup_(text_free) struct text one = {0}, other = {0};

	setting_write(setting, a, NULL, &one);
	setting_write(setting, b, NULL, &other);
	return one.error || other.error || bytes_equal(text_since(&one, 0), text_since(&other, 0));
}

const struct setting *options_next_restart(const struct options *a, const struct options *b,
					   const struct setting *last)
{
	for (last = last ? last + 1 : settings; last->name; last++)
		if (last->places & IN_FILE && !(last->places & RELOADS) &&
		    !has_same_value(last, a, b))
			return last;
	return NULL;
}

void options_free(struct options *options)
{
	policy_free(options->policy);
	levels_free(options->levels);
	config_free(options->config);
	setting_forget_notes(&options->notes);
	options->policy = NULL;
	options->levels = NULL;
	options->config = NULL;
}
