// SPDX-License-Identifier: Apache-2.0
#include "settings.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "agent/options/config.h"
#include "agent/options/options.h"
#include "secret/mask.h"
#include "setting/setting.h"

#define MIB (1u << 20)
#define KIB 1024u

/* What the last parse() wrote. */
static char said[8192], printed[8192];
static struct options last; /* of those that went well; freed by the next */

/* --- what is replaced ------------------------------------------------------------------------- */

static char file[80], default_file[80]; /* the latter in the place of CONFIG_PATH */
static const struct setting *settings;	/* all there are, up to one without a name */

int __real_config_load(const char *path, struct config **ret, struct config_error *error);
int __real_setting_read(struct setting_reader *reader, struct bytes name, const char *value);

int __wrap_config_load(const char *path, struct config **ret, struct config_error *error)
{
	return __real_config_load(strcmp(path, CONFIG_PATH) ? path : default_file, ret, error);
}

int __wrap_setting_read(struct setting_reader *reader, struct bytes name, const char *value)
{
	if (!settings) /* other tables, of outputs, come later */
		settings = reader->table;
	return __real_setting_read(reader, name, value);
}

/* --- parsing ---------------------------------------------------------------------------------- */

static int redirect(int fd, FILE *stream)
{
	int kept = fcntl(fd, F_DUPFD_CLOEXEC, 10);

	dup2(fileno(stream), fd);
	return kept;
}

static void restore(int fd, int kept, FILE *stream, char *text, size_t size)
{
	dup2(kept, fd);
	close(kept);
	rewind(stream);
	text[fread(text, 1, size - 1, stream)] = '\0';
	fclose(stream);
}

/* Parses the arguments up to NULL. */
static int parse_list(struct options *ret, char **arguments)
{
	FILE *out = tmpfile(), *error = tmpfile();
	char *argv[128] = {(char *)"callerd"};
	int argc = 1, result, kept_out, kept_error;

	while (arguments[argc - 1]) {
		argv[argc] = arguments[argc - 1];
		argc++;
	}
	options_free(&last);
	fflush(stdout);
	kept_out = redirect(STDOUT_FILENO, out);
	kept_error = redirect(STDERR_FILENO, error);
	result = options_parse(argc, argv, ret);
	fflush(stdout);
	restore(STDOUT_FILENO, kept_out, out, printed, sizeof(printed));
	restore(STDERR_FILENO, kept_error, error, said, sizeof(said));
	if (!result)
		last = *ret;
	return result;
}

#define PARSE(options, ...) parse_list(options, (char *[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

/* One sentence that has WHY in it, and no options. */
static void assert_refused(char **arguments, const char *why)
{
	struct options options = {.socket_count = 4242};

	assert_int_equal(parse_list(&options, arguments), -EINVAL);
	assert_int_equal(options.socket_count, 4242);
	assert_says(said, why);
	assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
	assert_string_equal(printed, "");
}

#define ASSERT_REFUSED(why, ...) assert_refused((char *[]){__VA_ARGS__, NULL}, why)

static void test_defaults(void **state)
{
	struct options options;

	assert_int_equal(PARSE(&options), 0);
	assert_int_equal(options.socket_count, 1);
	assert_string_equal(options.sockets[0], "/run/docker.sock");
	assert_null(options.sockets[1]);
	assert_int_equal(options.output_count, 1);
	assert_string_equal(options.outputs[0], "stdout");
	assert_false(options.human);
	assert_int_equal(options.log_level, LOG_LEVEL_WARNING);
	assert_int_equal(options.backend, CAPTURE_AUTO);
	assert_int_equal(options.status_interval, 60);
	assert_int_equal(options.connections, 65536);
	assert_int_equal(options.callers_ring, 8 * MIB);
	assert_int_equal(options.payload_ring, 8 * MIB);
	assert_int_equal(options.request_budget, 4 * MIB + 64 * KIB);
	assert_int_equal(options.response_budget, 65536);
	assert_int_equal(options.event_wait, 2);
	assert_string_equal(options.state_path, "/var/lib/callerd/state.db");
	assert_null(options.explain);
	assert_null(options.event_file);
	assert_null(options.config_path);
	assert_non_null(options.policy);
	assert_string_equal(said, "");
}

/* --help tells the defaults that there are. */
static void test_help(void **state)
{
	struct options options = {.socket_count = 4242};
	static const char *const told[] = {
		"(default: /run/docker.sock, and",
		"(default: stdout)",
		"(default: auto)",
		"(default: warning)",
		"(default: 60)",
		"(default: 65536)",
		"(default: 8388608)",
		"(default: 4259840)",
		"exit codes:",
		"(default: 2)",
		"(default: /var/lib/callerd/state.db)",
	};

	assert_int_equal(PARSE(&options, "--help"), 1);
	assert_int_equal(options.socket_count, 4242);
	for (size_t i = 0; i < sizeof(told) / sizeof(*told); i++)
		assert_non_null(strstr(printed, told[i]));
	for (size_t i = 0; settings[i].name; i++) {
		char name[64];

		snprintf(name, sizeof(name), "--%s", settings[i].name);
		assert_says(printed, name);
	}
	for (const char *line = printed; *line; line = strchr(line, '\n') + 1)
		assert_true(strcspn(line, "\n") <= 100);
	assert_int_equal(PARSE(&options, "-h"), 1);
	assert_non_null(strstr(printed, "exit codes:"));
	assert_int_equal(PARSE(&options, "--version"), 1);
	assert_string_equal(printed, "callerd " CALLERD_VERSION "\n");
}

/* OPTIONS are those that test_all() gives as arguments and test_file() in a file. */
static void assert_all(const struct options *options)
{
	assert_int_equal(options->socket_count, 2);
	assert_string_equal(options->sockets[0], "/none/a");
	assert_string_equal(options->sockets[1], "/none/b");
	assert_null(options->sockets[2]);
	assert_int_equal(options->output_count, 2);
	assert_string_equal(options->outputs[0], "stdout");
	assert_string_equal(options->outputs[1], "file:/x y");
	assert_true(options->human);
	assert_int_equal(options->backend, CAPTURE_TRACEPOINT);
	assert_int_equal(options->log_level, LOG_LEVEL_INFO);
	assert_string_equal(options->event_file, "/tmp/e");
	assert_int_equal(options->status_interval, 0);
	assert_int_equal(options->connections, 16);
	assert_int_equal(options->callers_ring, 65536);
	assert_int_equal(options->payload_ring, 1 << 30);
	assert_int_equal(options->request_budget, 4096);
	assert_int_equal(options->response_budget, 1 << 30);
}

static void test_all(void **state)
{
	struct options options;

	assert_int_equal(PARSE(&options, "--socket", "/none/a", "--socket=/none/b", "--output",
			       "stdout", "--output", "file:/x y", "--human", "--backend",
			       "tracepoint", "--log-level", "info", "--record-events", "/tmp/e",
			       "--status-interval", "0", "--connections", "16", "--callers-ring",
			       "65536", "--payload-ring", "1073741824", "--request-budget", "4096",
			       "--response-budget", "1073741824", "--event-wait", "60", "--state",
			       "/x/y.db", "--explain", "web"),
			 0);
	assert_all(&options);
	assert_int_equal(options.event_wait, 60);
	assert_string_equal(options.state_path, "/x/y.db");
	assert_string_equal(options.explain, "web");
}

static void test_choices(void **state)
{
	static const char *const backend_names[] = {"auto", "trampoline", "tracepoint"};
	static const char *const level_names[] = {"error", "warning", "info"};
	struct options options;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(PARSE(&options, "--backend", (char *)backend_names[i]), 0);
		assert_int_equal(options.backend, i);
		assert_int_equal(PARSE(&options, "--log-level", (char *)level_names[i]), 0);
		assert_int_equal(options.log_level, i);
	}
	ASSERT_REFUSED("--backend \"ebpf\": it is one of auto trampoline tracepoint", "--backend",
		       "ebpf");
	ASSERT_REFUSED("it is one of", "--backend", "");
	ASSERT_REFUSED("it is one of", "--backend", "AUTO");
	ASSERT_REFUSED("--log-level \"debug\": it is one of error warning info", "--log-level",
		       "debug");
}

static void test_number_bounds(void **state)
{
	unsigned int count = 0;

	for (const struct setting *number = settings; number->name; number++) {
		char option[64], value[32];
		struct options options;
		uint64_t got;

		if (number->kind != SETTING_NUMBER && number->kind != SETTING_POWER)
			continue;
		count++;

		snprintf(option, sizeof(option), "--%s", number->name);
		for (int at_max = 0; at_max < 2; at_max++) {
			uint64_t bound = at_max ? number->max : number->min;

			snprintf(value, sizeof(value), "%llu", (unsigned long long)bound);
			assert_int_equal(PARSE(&options, option, value), 0);
			got = number->size == 8 ? *(uint64_t *)((char *)&options + number->offset)
						: *(uint32_t *)((char *)&options + number->offset);
			assert_int_equal(got, bound);
			if (!at_max && !bound)
				continue;
			snprintf(value, sizeof(value), "%llu",
				 (unsigned long long)(at_max ? bound + 1 : bound - 1));
			ASSERT_REFUSED("it is a number from", option, value);
		}
		ASSERT_REFUSED("it is a number from", option, "");
		ASSERT_REFUSED("it is a number from", option, "-1");
		ASSERT_REFUSED("it is a number from", option, " -1");
		ASSERT_REFUSED("it is a number from", option, "+65536");
		ASSERT_REFUSED("it is a number from", option, " 65536");
		ASSERT_REFUSED("it is a number from", option, "65536x");
		ASSERT_REFUSED("it is a number from", option, "65536 ");
		ASSERT_REFUSED("it is a number from", option, "0x10000");
		ASSERT_REFUSED("it is a number from", option, "64k");
		ASSERT_REFUSED("it is a number from", option, "18446744073709551616");
		ASSERT_REFUSED("it is a number from", option, "18446744073709551615");
		if (number->kind == SETTING_POWER) {
			ASSERT_REFUSED("a power of two", option, "65537");
			ASSERT_REFUSED("a power of two", option, "1000000");
		}
	}
	assert_int_equal(count, 9);
}

static void test_socket_paths(void **state)
{
	char path[140] = "/", relative[] = "run/docker.sock";
	struct options options;

	ASSERT_REFUSED("must be absolute", "--socket", relative);
	ASSERT_REFUSED("must be absolute", "--socket", "");
	ASSERT_REFUSED("names a directory", "--socket", "/run/none/");
	ASSERT_REFUSED("names a directory", "--socket", "/");
	ASSERT_REFUSED("is not a socket", "--socket", "/dev/null");
	ASSERT_REFUSED("is not a socket", "--socket", "/tmp");
	ASSERT_REFUSED("is not a socket", "--socket", "/proc/self/exe");
	ASSERT_REFUSED("is not a directory", "--socket", "/dev/null/docker.sock");
	memset(path + 1, 'x', 106);
	assert_int_equal(PARSE(&options, "--socket", path), 0);
	path[107] = 'x';
	ASSERT_REFUSED("longer than a Unix socket's path", "--socket", path);
	/* It need not exist, and the same one twice is one. */
	assert_int_equal(PARSE(&options, "--socket", "/none/a", "--socket", "/none/a", "--socket",
			       "/none/b"),
			 0);
	assert_int_equal(options.socket_count, 2);
}

static void test_containerd_paths(void **state)
{
	struct options options;

	ASSERT_REFUSED("must be absolute", "--containerd", "run/c.sock");
	ASSERT_REFUSED("not of both", "--socket", "/none/a", "--containerd", "/none/a");
	ASSERT_REFUSED("not of both", "--containerd", "/none/a", "--socket", "/none/a");
	assert_int_equal(PARSE(&options, "--containerd", "/none/a", "--containerd=/none/b"), 0);
	assert_int_equal(options.containerd_count, 2);
	/* Engines of Docker are watched as without it. */
	assert_int_equal(options.socket_count, 1);
	assert_true(options.discovers);
}

static void test_relay_paths(void **state)
{
	struct options options;

	ASSERT_REFUSED("must be absolute", "--relay", "run/c.sock");
	ASSERT_REFUSED("not of both", "--socket", "/none/a", "--relay", "/none/a");
	ASSERT_REFUSED("not of both", "--relay", "/none/a", "--containerd", "/none/a");
	assert_int_equal(PARSE(&options, "--relay", "/none/a", "--relay=/none/b"), 0);
	assert_int_equal(options.relay_count, 2);
	ASSERT_REFUSED("an address and a port", "--relay", "tcp://localhost:2375");
	ASSERT_REFUSED("an address and a port", "--relay", "tcp://10.1.2.3");
	assert_int_equal(PARSE(&options, "--relay", "tcp://0.0.0.0:2375", "--relay",
			       "tcp://[::]:2376", "--relay", "/none/a"),
			 0);
	assert_int_equal(options.relay_port_count, 2);
	assert_int_equal(options.relay_count, 3);
	/* Engines are watched as without it. */
	assert_int_equal(options.socket_count, 1);
	assert_true(options.discovers);
}

static void test_existing_socket(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct options options;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", directory);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(PARSE(&options, "--socket", address.sun_path), 0);
	close(fd);
}

static void test_many_sockets(void **state)
{
	char paths[CALLERD_SOCKETS_MAX + 1][32], *arguments[CALLERD_SOCKETS_MAX + 2];
	struct options options;

	for (size_t i = 0; i <= CALLERD_SOCKETS_MAX; i++) {
		snprintf(paths[i], sizeof(paths[i]), "--socket=/none/%zu", i);
		arguments[i] = paths[i];
	}
	arguments[CALLERD_SOCKETS_MAX] = NULL;
	assert_int_equal(parse_list(&options, arguments), 0);
	assert_int_equal(options.socket_count, CALLERD_SOCKETS_MAX);
	assert_null(options.sockets[CALLERD_SOCKETS_MAX]);
	arguments[CALLERD_SOCKETS_MAX] = paths[CALLERD_SOCKETS_MAX];
	arguments[CALLERD_SOCKETS_MAX + 1] = NULL;
	assert_refused(arguments, "too many sockets (64 at most)");
}

static void test_outputs(void **state)
{
	char names[OUTPUTS_MAX + 1][32], *arguments[OUTPUTS_MAX + 2];
	struct options options;

	for (size_t i = 0; i <= OUTPUTS_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "--output=file:/%zu", i);
		arguments[i] = names[i];
	}
	arguments[OUTPUTS_MAX] = NULL;
	assert_int_equal(parse_list(&options, arguments), 0);
	assert_int_equal(options.output_count, OUTPUTS_MAX);
	arguments[OUTPUTS_MAX] = names[OUTPUTS_MAX];
	arguments[OUTPUTS_MAX + 1] = NULL;
	assert_refused(arguments, "too many outputs (16 at most)");
	ASSERT_REFUSED("given twice", "--output", "stdout", "--output", "stdout");
}

static void test_unknown(void **state)
{
	ASSERT_REFUSED("--nonsense", "--nonsense");
	ASSERT_REFUSED("-x", "-x");
	ASSERT_REFUSED("\"--socket\": it needs a value", "--socket");
	ASSERT_REFUSED("it takes no value", "--human=yes");
	ASSERT_REFUSED("\"extra\": callerd takes options only", "extra");
	ASSERT_REFUSED("takes options only", "--human", "--", "--socket");
	/* The first mistake ends it. */
	ASSERT_REFUSED("it is one of", "--backend", "x", "--nonsense");
}

/* --- the file ---------------------------------------------------------------------------------- */

static void write_file(const char *path, const char *text)
{
	files_write(path, text, strlen(text));
}

static void test_file(void **state)
{
	struct options options;

	write_file(file,
		   "[callerd]\nsocket = /none/a\nsocket = /none/b\nsocket = /none/b\n"
		   "output = stdout\noutput = file:/x y\nhuman = yes\nbackend = tracepoint\n"
		   "log-level = info\nstatus-interval = 0\nconnections = 16\n"
		   "callers-ring = 65536\npayload-ring = 1073741824\nrequest-budget = 4096\n"
		   "response-budget = 1073741824\nrecord-events = /tmp/e\nstate = none\n"
		   "event-wait = 0\nmask-name = a\nmask-name = b\nmask-pattern = a(b|c) d\n"
		   "label = site.*\n[expected a]\nuser = root\n[finding prune]\nseverity = off\n");
	assert_int_equal(PARSE(&options, "--config", file), 0);
	assert_string_equal(options.mask_names[1], "b");
	assert_string_equal(options.mask_patterns[0], "a(b|c) d");
	assert_true(mask_is_secret_name(bytes_of("b")));
	assert_string_equal(options.labels[0], "site.*");
	assert_string_equal(options.config_path, file);
	assert_all(&options);
	assert_int_equal(options.event_wait, 0);
	assert_null(options.state_path);
	assert_int_equal(policy_severity(options.policy, FINDING_PRUNE, SEVERITY_LOW),
			 SEVERITY_NONE);
	assert_non_null(policy_expected(options.policy,
					&(struct policy_call){.uid = 0, .user = bytes_of("root")}));
}

/* What each long option is, the file can say too. */
static void test_file_has_all(void **state)
{
	static const char others[] =
		" config check-config print-config detach explain self-test version help ";

	for (size_t i = 0; settings[i].name; i++) {
		struct options options = {.socket_count = 4242};
		char text[128];
		bool ours;

		snprintf(text, sizeof(text), " %s ", settings[i].name);
		ours = !strstr(others, text);

		snprintf(text, sizeof(text), "[callerd]\n%s = ?\n", settings[i].name);
		write_file(file, text);
		if (PARSE(&options, "--config", file) && ours == !!strstr(said, "no such setting"))
			fail_msg("%s: %s", settings[i].name, said);
	}
}

static void test_file_is_overridden(void **state)
{
	struct options options;

	write_file(file, "[callerd]\nsocket = /none/a\nsocket = /none/b\noutput = file:/a\n"
			 "output = file:/b\nbackend = tracepoint\nstatus-interval = 7\n"
			 "connections = 77\nlog-level = info\n");
	assert_int_equal(PARSE(&options, "--socket", "/none/c", "--status-interval", "8",
			       "--config", file, "--human"),
			 0);
	assert_int_equal(options.socket_count, 1);
	assert_string_equal(options.sockets[0], "/none/c");
	assert_null(options.sockets[1]);
	assert_int_equal(options.output_count, 2);
	assert_int_equal(options.status_interval, 8);
	assert_int_equal(options.connections, 77);
	assert_int_equal(options.backend, CAPTURE_TRACEPOINT);
	assert_true(options.human);
	/* Also with what is the default. */
	assert_int_equal(PARSE(&options, "--config", file, "--backend", "auto", "--output",
			       "stdout", "--log-level", "warning", "--connections", "65536"),
			 0);
	assert_int_equal(options.socket_count, 2);
	assert_int_equal(options.output_count, 1);
	assert_string_equal(options.outputs[0], "stdout");
	assert_int_equal(options.backend, CAPTURE_AUTO);
	assert_int_equal(options.log_level, LOG_LEVEL_WARNING);
	assert_int_equal(options.connections, 65536);
	/* The same output in both is no mistake. */
	assert_int_equal(PARSE(&options, "--config", file, "--output", "file:/a"), 0);
	assert_int_equal(options.output_count, 1);
}

static void test_file_mistakes(void **state)
{
	static const struct {
		const char *text, *why;
	} table[] = {
		{"[callerd]\n\nsocket = x\n", ":3: socket \"x\": the path must be absolute"},
		{"[callerd]\nbackend = ebpf\n", ":2: backend \"ebpf\": it is one of auto"},
		{"[callerd]\nconnections = 1\n", ":2: connections \"1\": it is a number from 16"},
		{"[callerd]\nhuman = maybe\n", ":2: human \"maybe\": it is one of no yes"},
		{"[callerd]\nhuman = \n", ":2: human: it needs a value"},
		{"[callerd]\nhuman = yes\n[callerd]\nhuman = no\n",
		 ":4: human \"no\": given twice"},
		{"[callerd]\noutput = file:/a\noutput = file:/a\n",
		 ":3: output \"file:/a\": given twice"},
		{"[callerd]\nsockets = /a\n", ":2: sockets \"/a\": there is no such setting"},
		{"[callerd]\nsock = /a\n", "there is no such setting"},
		{"[callerd]\n--socket = /a\n", "there is no such setting"},
		{"[callerd]\nconfig = /a\n", "there is no such setting"},
		{"[callerd]\nhelp = yes\n", "there is no such setting"},
		{"[expected a]\nuser = \"\n[finding x]\n", ":3: there is no finding \"x\""},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		char why[256];

		write_file(file, table[i].text);
		snprintf(why, sizeof(why), "callerd: %s%s", table[i].why[0] == ':' ? file : "",
			 table[i].why);
		ASSERT_REFUSED(table[i].why[0] == ':' ? why : table[i].why, "--config", file);
		ASSERT_REFUSED(table[i].why, "--config", file, "--check-config");
	}
	ASSERT_REFUSED("--config \"/b\": given twice", "--config", "/a", "--config", "/b");
	ASSERT_REFUSED("callerd: /none/file: cannot be read: No such file", "--config",
		       "/none/file");
	ASSERT_REFUSED("--config \"\": it names no file", "--config", "");
	/* The command line's mistakes come first. */
	ASSERT_REFUSED("it is one of", "--config", "/none/file", "--backend", "x");
}

static void test_default_file(void **state)
{
	struct options options;

	write_file(default_file, "[callerd]\nconnections = 99\n");
	assert_int_equal(PARSE(&options), 0);
	assert_int_equal(options.connections, 99);
	assert_string_equal(options.config_path, CONFIG_PATH);
	write_file(file, "[callerd]\nstatus-interval = 9\n");
	assert_int_equal(PARSE(&options, "--config", file), 0);
	assert_int_equal(options.connections, 65536);
	assert_int_equal(options.status_interval, 9);
	write_file(default_file, "x");
	ASSERT_REFUSED(":1: neither", "--human");
	unlink(default_file);
}

static void test_state_path(void **state)
{
	struct options options;

	assert_int_equal(PARSE(&options, "--state", "none"), 0);
	assert_null(options.state_path);
	assert_int_equal(PARSE(&options, "--state", "./none"), 0);
	assert_string_equal(options.state_path, "./none");
	ASSERT_REFUSED("--state \"\": it names no file", "--state", "");
	ASSERT_REFUSED("names a directory", "--state", "/var/lib/");
	/* The command line goes before the file. */
	write_file(default_file, "[callerd]\nstate = /a\n");
	assert_int_equal(PARSE(&options, "--explain", "x"), 0);
	assert_string_equal(options.state_path, "/a");
	assert_int_equal(PARSE(&options, "--state", "none"), 0);
	assert_null(options.state_path);
	unlink(default_file);
}

static void test_explain(void **state)
{
	struct options options;

	assert_int_equal(PARSE(&options, "--explain", "web", "--output", "stdout", "--human"), 0);
	assert_string_equal(options.explain, "web");
	ASSERT_REFUSED("--explain \"\": it names no container", "--explain", "");
	ASSERT_REFUSED("--explain \"b\": given twice", "--explain", "a", "--explain", "b");
	ASSERT_REFUSED("it needs a value", "--explain");
	write_file(file, "[callerd]\nexplain = web\n");
	ASSERT_REFUSED("there is no such setting in [callerd]", "--config", file);
}

/* It says what is wrong, or may be, and nothing where all is well. */
static void test_check_config(void **state)
{
	struct options options = {.socket_count = 4242};

	assert_int_equal(PARSE(&options, "--check-config"), 1);
	assert_int_equal(options.socket_count, 4242);
	assert_string_equal(said, "");
	assert_string_equal(printed, "");
	ASSERT_REFUSED("--backend \"x\": it is one of", "--check-config", "--backend", "x");
}

/* What is printed says, as a file, the same. */
static void test_print_config(void **state)
{
	struct options options = {.socket_count = 4242};
	char wanted[1024], first[sizeof(printed)];

	assert_int_equal(PARSE(&options, "--print-config", "--status-interval", "60"), 1);
	assert_int_equal(options.socket_count, 4242);
	assert_string_equal(said, "");
	assert_string_equal(printed, "# no configuration file\n"
				     "[callerd]\n"
				     "socket = /run/docker.sock ; default\n"
				     "discover = auto ; default\n"
				     "engine-calls = no ; default\n"
				     "output = stdout ; default\n"
				     "human = no ; default\n"
				     "own-calls = no ; default\n"
				     "guard = all ; default\n"
				     "confine = all ; default\n"
				     "backend = auto ; default\n"
				     "log-level = warning ; default\n"
				     "full-from = low ; default\n"
				     "fold = yes ; default\n"
				     "status-interval = 60 ; command line\n"
				     "program-statistics = no ; default\n"
				     "self-test-at-start = no ; default\n"
				     "connections = 65536 ; default\n"
				     "callers-ring = 8388608 ; default\n"
				     "payload-ring = 8388608 ; default\n"
				     "request-budget = 4259840 ; default\n"
				     "response-budget = 65536 ; default\n"
				     "pin = /sys/fs/bpf/callerd ; default\n"
				     "away-limit = 300 ; default\n"
				     "inventory = 65536 ; default\n"
				     "event-wait = 2 ; default\n"
				     "state = /var/lib/callerd/state.db ; default\n");
	write_file(file, "[callerd]\nsocket=/none/a\n  socket : /none/b ; two\nhuman=yes\n"
			 "record-events=/tmp/e\nmask-pattern=x{2}\n[finding prune]\nseverity=off\n"
			 "[expected a]\nuser=root\noperations=ContainerList,Image*\n");
	assert_int_equal(PARSE(&options, "--print-config", "--config", file, "--output", "file:/x"),
			 1);
	snprintf(wanted, sizeof(wanted),
		 "# %s\n[callerd]\nsocket = /none/a ; %s:2\nsocket = /none/b ; %s:3\n"
		 "discover = auto ; default\nengine-calls = no ; default\n"
		 "output = file:/x ; command line\nhuman = yes ; %s:4\n",
		 file, file, file, file);
	assert_int_equal(strncmp(printed, wanted, strlen(wanted)), 0);
	snprintf(wanted, sizeof(wanted),
		 "mask-pattern = x{2} ; %s:6\nrecord-events = /tmp/e ; %s:5\n\n[finding prune]\n"
		 "severity = off ; %s:8\n\n[expected a]\nuser = root ; %s:10\n"
		 "operations = ContainerList ; %s:11\noperations = Image* ; %s:11\n",
		 file, file, file, file, file, file);
	assert_non_null(strstr(printed, wanted));
	memcpy(first, printed, sizeof(first));
	write_file(file, first);
	assert_int_equal(PARSE(&options, "--config", file, "--print-config"), 1);
	for (char *line = strtok(first, "\n"); line; line = strtok(NULL, "\n")) {
		line[strcspn(line, ";")] = '\0';
		assert_non_null(strstr(printed, line));
	}
}

/* A later file says again what an earlier one says once; lists add up, and the command line goes first. */
static void test_parts(void **state)
{
	struct options options;
	char parts[128], name[160], wanted[512];

	snprintf(parts, sizeof(parts), "%s/etc", directory);
	assert_int_equal(mkdir(parts, 0755), 0);
	ASSERT_REFUSED("has neither callerd.conf nor a *.conf in conf.d", "--config", parts);
	snprintf(name, sizeof(name), "%s/callerd.conf", parts);
	write_file(name, "[callerd]\nconnections = 99\nstatus-interval = 1\noutput = file:/a\n");
	snprintf(name, sizeof(name), "%s/conf.d", parts);
	assert_int_equal(mkdir(name, 0755), 0);
	snprintf(name, sizeof(name), "%s/conf.d/20.conf", parts);
	write_file(name, "[callerd]\nstatus-interval = 3\n[expected b]\nuser = root\n");
	snprintf(name, sizeof(name), "%s/conf.d/10.conf", parts);
	write_file(name, "[callerd]\nstatus-interval = 2\noutput = file:/b\nevent-wait = 5\n");
	snprintf(name, sizeof(name), "%s/conf.d/30.conf.dpkg-old", parts);
	write_file(name, "nonsense");
	snprintf(name, sizeof(name), "%s/conf.d/.40.conf", parts);
	write_file(name, "nonsense");
	assert_int_equal(PARSE(&options, "--config", parts, "--event-wait", "6"), 0);
	assert_int_equal(options.connections, 99);
	assert_int_equal(options.status_interval, 3);
	assert_int_equal(options.event_wait, 6);
	assert_int_equal(options.output_count, 2);
	assert_string_equal(options.outputs[1], "file:/b");
	assert_int_equal(PARSE(&options, "--config", parts, "--print-config"), 1);
	snprintf(wanted, sizeof(wanted), "status-interval = 3 ; %s/conf.d/20.conf:2\n", parts);
	assert_non_null(strstr(printed, wanted));
	snprintf(wanted, sizeof(wanted), "output = file:/a ; %s/callerd.conf:4\n", parts);
	assert_non_null(strstr(printed, wanted));
	/* What is wrong with a part is wrong with all. */
	write_file(name, "[callerd]\n");
	snprintf(name, sizeof(name), "%s/conf.d/15.conf", parts);
	write_file(name, "[callerd]\nevent-wait = 1\nevent-wait = 2\n");
	ASSERT_REFUSED("/conf.d/15.conf:3: event-wait \"2\": given twice", "--config", parts);
	write_file(name, "[expected b]\nuser = root\n");
	ASSERT_REFUSED("/conf.d/20.conf:3: [expected b] is there twice", "--config", parts);
	write_file(name, "");
	assert_int_equal(chmod(name, 0620), 0);
	ASSERT_REFUSED("/conf.d/15.conf: it can be written to by others", "--config", parts);
	assert_int_equal(unlink(name) | symlink("/none", name), 0);
	ASSERT_REFUSED("/conf.d/15.conf: cannot be read: No such file", "--config", parts);
	assert_int_equal(unlink(name), 0);
	snprintf(name, sizeof(name), "%s/conf.d", parts);
	assert_int_equal(chmod(name, 0770), 0);
	ASSERT_REFUSED("/conf.d: it can be written to by others", "--config", parts);
	assert_int_equal(chmod(name, 0755) | chmod(parts, 0757), 0);
	ASSERT_REFUSED("/etc: it can be written to by others", "--config", parts);
	assert_int_equal(chmod(parts, 0755), 0);
}

/* What somebody can mean, but hardly does. */
static void test_doubts(void **state)
{
	struct options options;
	char wanted[256];

	write_file(file,
		   "[callerd]\nsocket = /none/a\noutput = file:/x,users=0+root+nobody-at-all\n"
		   "[expected a]\nuser = root\nuser = 4711\nlogin-user = nobody-here\n"
		   "exe = /bin/s?\nexe = /none/*\nexe = /proc/self/exe\n");
	assert_int_equal(PARSE(&options, "--config", file, "--socket", "/none/b"), 0);
	snprintf(wanted, sizeof(wanted),
		 "callerd: warning: --socket \"/none/b\": it is not there yet: callerd watches it "
		 "once it is\n"
		 "callerd: warning: %s:3: output \"file:/x,users=0+root+nobody-at-all\": there is "
		 "no user \"nobody-at-all\"\n",
		 file);
	assert_int_equal(strncmp(said, wanted, strlen(wanted)), 0);
	snprintf(wanted, sizeof(wanted),
		 "callerd: warning: %s:7: login-user \"nobody-here\": there is no such user\n"
		 "callerd: warning: %s:9: exe \"/none/*\": there is no such file now\n",
		 file, file);
	assert_string_equal(said + strlen(said) - strlen(wanted), wanted);
	assert_int_equal(PARSE(&options, "--config", file, "--check-config"), 1);
	assert_says(said, wanted);
	assert_int_equal(PARSE(&options, "--config", file, "--log-level", "error"), 0);
	assert_string_equal(said, "");
}

static int prepare(void **state)
{
	struct options options;

	if (files_prepare("/tmp"))
		return -1;
	snprintf(file, sizeof(file), "%s/callerd.conf", directory);
	snprintf(default_file, sizeof(default_file), "%s/default.conf", directory);
	assert_int_equal(PARSE(&options), 0);
	return 0;
}

static int tidy(void **state)
{
	options_free(&last);
	return files_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_choices),
		cmocka_unit_test(test_number_bounds),
		cmocka_unit_test(test_containerd_paths),
		cmocka_unit_test(test_relay_paths),
		cmocka_unit_test(test_socket_paths),
		cmocka_unit_test(test_existing_socket),
		cmocka_unit_test(test_many_sockets),
		cmocka_unit_test(test_outputs),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_file_has_all),
		cmocka_unit_test(test_file_is_overridden),
		cmocka_unit_test(test_file_mistakes),
		cmocka_unit_test(test_default_file),
		cmocka_unit_test(test_check_config),
		cmocka_unit_test(test_print_config),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_doubts),
		cmocka_unit_test(test_state_path),
		cmocka_unit_test(test_explain),
	};

	return cmocka_run_group_tests(tests, prepare, tidy);
}
