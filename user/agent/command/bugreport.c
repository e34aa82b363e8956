// SPDX-License-Identifier: Apache-2.0
#include "agent/command/bugreport.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "health/endpoint.h"
#include "kernel/pins.h"

#define WITHHELD "(withheld)"
#define LINE_MAX_SIZE 4096
#define ARGUMENTS_MAX 256

/* --- what is withheld ------------------------------------------------------------------------- */

static void add_line_of(struct text *out, struct bytes line)
{
	text_add_visible(out, line, LINE_MAX_SIZE);
	text_add_char(out, '\n');
}

/* Takes the piece before the first SEPARATOR off REST; all of it where there is none. */
static struct bytes take_before(struct bytes *rest, const char *separator)
{
	const char *at =
		rest->size ? memmem(rest->data, rest->size, separator, strlen(separator)) : NULL;
	struct bytes piece = {rest->data, at ? (size_t)(at - rest->data) : rest->size};

	*rest = bytes_from(*rest, piece.size + (at ? strlen(separator) : 0));
	return piece;
}

static bool is_plain_kind(enum setting_kind kind)
{
	switch (kind) {
	case SETTING_FLAG:
	case SETTING_NUMBER:
	case SETTING_POWER:
	case SETTING_SIZE:
	case SETTING_SECONDS:
	case SETTING_CHOICE:
		return true;
	default:
		return false;
	}
}

/* Whether the values of KEY in SECTION are chosen from what callerd offers. */
static bool is_offered(struct bytes section, struct bytes key)
{
	const struct setting *setting;

	if (!bytes_are(section, "[callerd]"))
		return bytes_are(key, "severity") || bytes_are(key, "operations");
	setting = options_find_setting(key);
	return setting && is_plain_kind(setting->kind);
}

/* NAME = VALUE ; SOURCE. The source has the name of a file. */
static void add_setting(struct text *out, struct bytes section, struct bytes line)
{
	struct bytes rest = line, key = take_before(&rest, " = "), value, source;

	value = take_before(&rest, " ; ");
	source = rest;
	text_add_visible(out, key, LINE_MAX_SIZE);
	text_add_string(out, " = ");
	if (bytes_are(source, "default") || is_offered(section, key))
		text_add_visible(out, value, LINE_MAX_SIZE);
	else
		text_add_string(out, WITHHELD);
	if (bytes_are(source, "default"))
		text_add_string(out, " ; default");
	text_add_char(out, '\n');
}

void bugreport_add_config(struct text *out, struct bytes config)
{
	struct bytes section = {0}, line;

	while (bytes_take(&config, '\n', &line)) {
		if (!line.size || line.data[0] == '#') /* the names of the files */
			continue;
		if (line.data[0] != '[') {
			add_setting(out, section, line);
			continue;
		}
		section = line;
		if (bytes_begin(line, "[expected "))
			text_add_string(out, "[expected " WITHHELD "]\n");
		else /* [callerd], or a finding that callerd knows */
			add_line_of(out, line);
	}
}

static bool is_own_label(struct bytes name)
{
	static const char *const names[] = {"version", "backend", "mode", "action",
					    "reason",  "program", "ring", "state"};

	return bytes_are_any(name, names, COUNT(names));
}

/* The end of a label's value, behind its first quote: its last one. */
static size_t find_value_end(struct bytes text)
{
	size_t at = 0;

	while (at < text.size && text.data[at] != '"')
		at += text.data[at] == '\\' ? 2 : 1;
	return at < text.size ? at : text.size;
}

static void add_sample_line(struct text *out, struct bytes line)
{
	struct bytes name;

	while (line.size) {
		struct bytes before = take_before(&line, "=\"");
		size_t end;

		text_add_bytes(out, before);
		if (!line.size)
			break;
		name = before;
		while (memchr(name.data, '{', name.size) || memchr(name.data, ',', name.size))
			name = bytes_from(name, 1);
		end = find_value_end(line);
		text_add_string(out, "=\"");
		if (is_own_label(name))
			text_add(out, line.data, end);
		else
			text_add_string(out, WITHHELD);
		text_add_char(out, '"');
		line = bytes_from(line, end < line.size ? end + 1 : end);
	}
	text_add_char(out, '\n');
}

void bugreport_add_metrics(struct text *out, struct bytes metrics)
{
	struct bytes line;

	while (bytes_take(&metrics, '\n', &line))
		if (line.size && line.data[0] != '#')
			add_sample_line(out, line);
}

void bugreport_add_health(struct text *out, struct bytes health)
{
	static const char *const named[] = {"output", "engine", "self-test:"};
	struct bytes line;

	while (bytes_take(&health, '\n', &line)) {
		size_t i = 0;

		while (i < COUNT(named) && !bytes_begin(line, named[i]))
			i++;
		if (!line.size)
			continue;
		if (i == COUNT(named)) {
			add_line_of(out, line);
			continue;
		}
		text_add_string(out, named[i]);
		text_add_string(out, " " WITHHELD "\n");
	}
}

/* The size of the path that TEXT begins with, and of what is said of it, but for an error's text behind the last colon:
 * a path may have spaces, and what is in a directory is named behind it. */
static size_t find_path_end(struct bytes text)
{
	size_t end = 0, colon;

	while (end < text.size && !strchr("\n;", text.data[end]))
		end++;
	colon = end;
	while (colon > 0 && text.data[colon - 1] != ':')
		colon--;
	return colon ? colon - 1 : end;
}

void bugreport_add_details(struct text *out, struct bytes details)
{
	while (details.size) {
		struct bytes before = take_before(&details, "/");
		bool path = details.size &&
			    (!before.size || !strchr("abcdefghijklmnopqrstuvwxyz0123456789",
						     before.data[before.size - 1]));

		text_add_bytes(out, before);
		if (!path) {
			if (details.size)
				text_add_char(out, '/');
			continue;
		}
		text_add_string(out, WITHHELD);
		details = bytes_from(details, find_path_end(details));
	}
}

/* --- what there is ---------------------------------------------------------------------------- */

static void begin_part(const char *name)
{
	printf("\n== %s\n", name);
}

static void print_first_line(const char *name, const char *path)
{
	_fclose_ FILE *file = fopen(path, "re");
	_cleanup_(text_free) struct text text = {0};
	char line[512] = "";

	if (file && !fgets(line, sizeof(line), file))
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	text_add_visible(&text, bytes_of(line), sizeof(line));
	printf("%s: %s\n", name, file ? text.data ?: "" : "not there");
}

static void print_kernel(void)
{
	struct utsname name; /* not .nodename */
	struct stat info;

	begin_part("kernel");
	if (!uname(&name))
		printf("%s %s %s %s\n", name.sysname, name.release, name.version, name.machine);
	printf("BTF: %s\n", stat("/sys/kernel/btf/vmlinux", &info) ? "none" : "there");
	print_first_line("lockdown", "/sys/kernel/security/lockdown");
	print_first_line("security modules", "/sys/kernel/security/lsm");
	print_first_line("ftrace_enabled", "/proc/sys/kernel/ftrace_enabled");
	print_first_line("bpf_jit_enable", "/proc/sys/net/core/bpf_jit_enable");
	print_first_line("unprivileged_bpf_disabled", "/proc/sys/kernel/unprivileged_bpf_disabled");
	printf("cgroup2: %s\n", access("/sys/fs/cgroup/cgroup.controllers", F_OK) ? "not at "
										    "/sys/fs/cgroup"
										  : "there");
}

static void print_pins(const char *path)
{
	_closedir_ DIR *directory = path ? opendir(path) : NULL;
	const struct dirent *entry;

	begin_part("pinned programs and maps");
	if (!directory)
		printf("%s\n", !path ? "nothing is to be pinned" : strerror(errno));
	while (directory && (entry = readdir(directory)))
		if (pins_is_own(entry->d_name))
			printf("%s\n", entry->d_name);
}

/* Prints what the running agent says of PAGE, by ADD, or as it is where that is NULL. */
static void print_page(const char *socket, const char *page,
		       void (*add)(struct text *out, struct bytes page))
{
	_cleanup_(text_free) struct text answer = {0}, text = {0};
	int error = -ENOENT;

	begin_part(page);
	if (socket)
		error = endpoint_ask(socket, page, &answer);
	if (error) {
		printf("%s\n", !socket ? "there is no metrics-socket in the configuration"
				       : strerror(-error));
		return;
	}
	if (add)
		add(&text, text_since(&answer, 0));
	else
		text_add_bytes(&text, text_since(&answer, 0));
	fputs(text.data ?: "", stdout);
}

static void print_config(const struct options *options, bool names)
{
	_cleanup_(text_free) struct text config = {0}, text = {0};

	begin_part("configuration");
	if (options_write(options, &config))
		return;
	bugreport_add_config(&text, text_since(&config, 0));
	fputs((names ? config.data : text.data) ?: "", stdout);
}

/* Takes --with-names out of the arguments. */
static bool take_with_names(int *argc, char **argv)
{
	bool found = false;
	int count = 0;

	for (int i = 0; i < *argc; i++) {
		if (!strcmp(argv[i], "--with-names"))
			found = true;
		else
			argv[count++] = argv[i];
	}
	argv[count] = NULL;
	*argc = count;
	return found;
}

enum exit_code bugreport(int argc, char **argv)
{
	_cleanup_(options_free) struct options options = {0};
	char why[OPTIONS_WHY_SIZE] = "";
	bool names = take_with_names(&argc, argv);
	_cleanup_(text_free) struct text now = {0};
	int error = options_read(argc, argv, &options, (struct setting_why){why, sizeof(why)});

	if (error > 0)
		return EXIT_OK;
	if (error) {
		fprintf(stderr, "callerd: %s\n", why);
		return EXIT_USAGE;
	}
	clock_add_rfc3339(&now, clock_now(CLOCK_REALTIME));
	printf("callerd %s, %s\n", CALLERD_VERSION, now.data ?: "");
	print_kernel();
	print_config(&options, names);
	print_pins(options.pin);
	print_page(options.metrics_socket, "/healthz", names ? NULL : bugreport_add_health);
	print_page(options.metrics_socket, "/details", names ? NULL : bugreport_add_details);
	print_page(options.metrics_socket, "/metrics", names ? NULL : bugreport_add_metrics);
	return fflush(stdout) || ferror(stdout) ? EXIT_FAILED : EXIT_OK;
}
