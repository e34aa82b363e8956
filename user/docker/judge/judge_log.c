// SPDX-License-Identifier: Apache-2.0
/* Where the output of a container goes. The engine writes it, as root: to sockets and files that the container's
 * creator may not reach himself, and to other computers. */
#include "base/bytes.h"
#include "docker/judge/judge_inside.h"
#include "json/gofold.h"

enum option_kind {
	OPTION_HARMLESS, /* also files of certificates, which are read and not told */
	OPTION_ADDRESS,
	OPTION_FILE, /* the engine writes to this file */
};

/* clang-format off */
/* Names that end in '*' stand for all that begin so; the first one that fits counts. */
static const struct log_option {
	const char *name;
	enum option_kind kind;
} log_options[] = {
	{"syslog-address", OPTION_ADDRESS}, {"fluentd-address", OPTION_ADDRESS},
	{"gelf-address", OPTION_ADDRESS}, {"splunk-url", OPTION_ADDRESS},
	{"awslogs-endpoint", OPTION_ADDRESS}, {"awslogs-credentials-endpoint", OPTION_ADDRESS},
	{"path", OPTION_FILE}, /* Podman's */
	{"awslogs-*", OPTION_HARMLESS}, {"cache-*", OPTION_HARMLESS},
	{"compress", OPTION_HARMLESS}, {"env", OPTION_HARMLESS}, {"env-regex", OPTION_HARMLESS},
	{"fluentd-*", OPTION_HARMLESS}, {"gcp-*", OPTION_HARMLESS}, {"gelf-*", OPTION_HARMLESS},
	{"labels", OPTION_HARMLESS}, {"labels-regex", OPTION_HARMLESS},
	{"line-only", OPTION_HARMLESS}, {"logentries-token", OPTION_HARMLESS},
	{"max-buffer-size", OPTION_HARMLESS}, {"max-file", OPTION_HARMLESS},
	{"max-size", OPTION_HARMLESS}, {"mode", OPTION_HARMLESS}, {"size", OPTION_HARMLESS},
	{"splunk-*", OPTION_HARMLESS}, {"syslog-*", OPTION_HARMLESS}, {"tag", OPTION_HARMLESS},
};
/* clang-format on */

static const struct log_option *judge_log_find_option(struct bytes name)
{
	for (size_t i = 0; i < COUNT(log_options); i++) {
		const char *known = log_options[i].name;
		size_t size = strlen(known);

		if (known[size - 1] == '*'
			    ? name.size >= size - 1 && !memcmp(name.data, known, size - 1)
			    : bytes_are(name, known))
			return &log_options[i];
	}
	return NULL;
}

/* The path of a socket of this host; data NULL: it is none. */
static struct bytes judge_log_socket_path(struct bytes address)
{
	static const char *const schemes[] = {"unix:", "unixgram:", "unixpacket:"};

	for (size_t i = 0; i < COUNT(schemes); i++) {
		size_t size = gofold_begins(address, schemes[i], GOFOLD_LOWER);

		if (!size || !address.data)
			continue;
		address = bytes_from(address, size);
		return bytes_begin(address, "//") ? bytes_from(address, 2) : address;
	}
	return (struct bytes){0};
}

/* Whether the system's log listens on PATH: the driver would use such a socket by itself. */
static bool is_system_log(struct bytes path)
{
	static const char *const sockets[] = {"/dev/log", "/run/systemd/journal/dev-log",
					      "/run/systemd/journal/socket",
					      "/run/systemd/journal/syslog"};
	_cleanup_(text_free) struct text clean = {0};

	host_paths_clean(&clean, path);
	return bytes_are_any(text_since(&clean, 0), sockets, COUNT(sockets));
}

static void judge_address(struct judging *judging, const struct value *option)
{
	struct bytes path = judge_log_socket_path(option->string);

	if (!option->string.size || (path.data && is_system_log(path)))
		return;
	if (path.data)
		ADD(judging, FINDING_LOG_DESTINATION, SEVERITY_HIGH,
		    "%.*s: the engine writes to the socket %.*s", PRINTED(option->key),
		    PRINTED(path));
	else
		ADD(judging, FINDING_LOG_DESTINATION, SEVERITY_NONE, "%.*s: output goes to %.*s",
		    PRINTED(option->key), PRINTED(option->string));
}

static void judge_file(struct judging *judging, const struct value *option)
{
	struct host_source source;
	_cleanup_(text_free) struct text text = {0};

	if (!option->string.size)
		return;
	host_paths_judge(option->string, false, judging->files, &text, &source);
	ADD(judging, FINDING_LOG_DESTINATION,
	    source.severity > SEVERITY_HIGH ? source.severity : SEVERITY_HIGH,
	    "%.*s: the engine writes to the file %.*s%s%s", PRINTED(option->key),
	    PRINTED(option->string), source.reason ? ": " : "", source.reason ?: "");
}

void judge_log(struct judging *judging, struct bytes driver, const struct value *options)
{
	static const char *const remote[] = {"awslogs", "gcplogs", "logentries"};
	/* These keep the output on this host, or want an address, which is judged. */
	static const char *const known_drivers[] = {"",
						    "default",
						    "etwlogs",
						    "fluentd",
						    "gelf",
						    "journald",
						    "json-file",
						    "k8s-file",
						    "local",
						    "none",
						    "passthrough",
						    "splunk",
						    "passthrough-tty",
						    "syslog"};

	if (bytes_are_any(driver, remote, COUNT(remote)))
		ADD(judging, FINDING_LOG_DESTINATION, SEVERITY_NONE, "output goes to %.*s",
		    PRINTED(driver));
	else if (!bytes_are_any(driver, known_drivers, COUNT(known_drivers)))
		judge_not_judged(judging, SEVERITY_NONE, "log driver", driver);
	EACH (one, options) {
		const struct log_option *known = judge_log_find_option(one->key);

		if (!known)
			judge_not_judged(judging, SEVERITY_NONE, "log option", one->key);
		else if (known->kind == OPTION_ADDRESS)
			judge_address(judging, one);
		else if (known->kind == OPTION_FILE)
			judge_file(judging, one);
	}
}

bool judge_log_option_is_known(struct bytes name)
{
	return judge_log_find_option(name);
}

bool judge_log_option_matters(void *data, const struct value *element)
{
	const struct log_option *known = judge_log_find_option(element->key);

	return !known || known->kind != OPTION_HARMLESS;
}
