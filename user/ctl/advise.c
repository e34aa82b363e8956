// SPDX-License-Identifier: Apache-2.0
/* callerctl advise: the least that somebody needs, of what he did, as rules for callerd or for a proxy of the socket. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/census.h"
#include "ctl/ctl.h"

#define SECTIONS_MAX 64

struct advice {
	struct ctl *ctl;
	struct bytes name;
	struct census census;
	uint32_t operations[OPERATIONS];
	uint64_t requests, unknown, grpc;
	uint64_t first, last;
};

static bool was_used(const struct advice *advice, const struct ctl_route *route)
{
	return advice->operations[route->operation];
}

static bool is_libpod_path(const char *path)
{
	return !strncmp(path, "/libpod/", strlen("/libpod/"));
}

/* A path of the API: not a call of gRPC, nor Podman's second one of an operation of Docker's. */
static bool is_api(const struct ctl_route *route)
{
	if (strchr(route->path, '.'))
		return false;
	return !is_libpod_path(route->path) || strstr(operation_name(route->operation), "Libpod");
}

static bool advice_reads(const struct ctl_route *route)
{
	return !strcmp(route->method, "GET") || !strcmp(route->method, "HEAD") ||
	       !strcmp(route->method, "OPTIONS");
}

/* Writes what was seen, as comments. */
static void print_seen(const struct advice *advice, const char *comment)
{
	_cleanup_(text_free) struct text seen = {0};

	ctl_add_time(&seen, advice->ctl, advice->first);
	text_add_string(&seen, " to ");
	ctl_add_time(&seen, advice->ctl, advice->last);
	printf("%s %s: %" PRIu64 " requests from %s; what was not used is not in the rules.\n",
	       comment, advice->name.data, advice->requests, seen.data ?: "");
	for (enum operation operation = OPERATION_NONE + 1; operation < OPERATIONS; operation++)
		if (advice->operations[operation])
			printf("%s %8" PRIu32 " %s\n", comment, advice->operations[operation],
			       operation_name(operation));
	if (advice->unknown)
		printf("%s %8" PRIu64 " that callerd does not know: no rule lets them through\n",
		       comment, advice->unknown);
}

/* --- rules for callerd ------------------------------------------------------------------------ */

static void advise_expected(const struct advice *advice)
{
	struct census_caller *caller, *next;
	unsigned int number = 0;

	print_seen(advice, "#");
	HASH_ITER(hh, advice->census.callers, caller, next)
	{
		_cleanup_(text_free) struct text rule = {0};

		if (!caller->requests)
			continue;
		census_add_rule(&rule, caller, ++number);
		printf("\n# %s %s: %" PRIu64 " requests, %" PRIu64 " changes%s%s\n%s",
		       caller->key.who, caller->key.program, caller->requests, caller->changes,
		       *caller->rule ? ", the gravest: " : "", caller->rule, rule.data ?: "");
	}
}

static void advise_policy(const struct advice *advice)
{
	_cleanup_(text_free) struct text level = {0};

	advise_expected(advice);
	census_add_level(&level);
	printf("\n%s", level.data ?: "");
}

/* --- rules for proxies ------------------------------------------------------------------------ */

#define PATTERN_NAME "[a-zA-Z0-9][a-zA-Z0-9_.-]*"
/* Of an image: each of its parts begins with a letter or a digit, so that ".." is none. */
#define PATTERN_PART "[a-zA-Z0-9][a-zA-Z0-9_.:@-]*"

/* Writes PATH, without its first slash, as a regular expression (RE2). */
static void print_pattern(const char *path)
{
	bool deep = !strncmp(path, "images/", 7) || !strncmp(path, "plugins/", 8) ||
		    !strncmp(path, "distribution/", 13) || !strncmp(path, "libpod/", 7);

	for (; *path; path++) {
		if (*path == '{') {
			fputs(deep ? PATTERN_PART "(/" PATTERN_PART ")*" : PATTERN_NAME, stdout);
			path = strchr(path, '}');
			if (!path)
				return;
		} else if (*path == '.') {
			fputs("\\.", stdout);
		} else {
			putchar(*path);
		}
	}
}

/* Writes the paths of METHOD that were used, with bars between; returns how many. */
static unsigned int print_paths(const struct advice *advice, const char *method, const char *before)
{
	unsigned int count = 0;

	for (const struct ctl_route *route = ctl_routes; route->path; route++) {
		if (!was_used(advice, route) || !is_api(route) ||
		    strcmp(route->method, method) != 0)
			continue;
		fputs(count++ ? "|" : before, stdout);
		print_pattern(route->path + 1);
	}
	return count;
}

static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE"};

static void advise_wollomatic(const struct advice *advice)
{
	print_seen(advice, "#");
	printf("# arguments of wollomatic/socket-proxy\n");
	for (size_t i = 0; i < COUNT(methods); i++) {
		char before[64];

		snprintf(before, sizeof(before), "'-allow%s=(/v1\\.[0-9]+)?/(", methods[i]);
		if (print_paths(advice, methods[i], before))
			printf(")'\n");
	}
}

static void advise_opa(const struct advice *advice)
{
	print_seen(advice, "#");
	printf("# for opa-docker-authz; it does not know who asks: only what is asked\n"
	       "package docker.authz\n\nimport rego.v1\n\ndefault allow := false\n");
	for (size_t i = 0; i < COUNT(methods); i++) {
		char before[160];

		snprintf(
			before, sizeof(before),
			"\nallow if {\n\tinput.Method == \"%s\"\n\tregex.match(`^(/v1\\.[0-9]+)?/(",
			methods[i]);
		if (print_paths(advice, methods[i], before))
			printf(")$`, input.PathPlain)\n}\n");
	}
}

/* --- rules for proxies that know sections -------------------------------------------------------- */

/* A proxy whose variables open sections of the API. */
struct advice_proxy {
	const char *whose;
	bool posts_first; /* without POST=1 it lets only reads through, whatever else is set */
	bool gates;	  /* files, logs and the like have variables beside their section's */
	bool pauses, libpod;
};

struct advice_sections {
	const struct advice *advice;
	const struct advice_proxy *proxy;
	char names[SECTIONS_MAX][32];
	unsigned int count;
	bool posts, libpod; /* it posts; it speaks Podman's own API */
};

/* The variable of the section that PATH is in: CONTAINERS of /containers/json. False: the proxy has none. */
static bool section_of(const struct advice_proxy *proxy, const char *path, char section[32])
{
	static const char *const known[] = {
		"AUTH",	  "BUILD",  "COMMIT",  "CONFIGS", "CONTAINERS", "DISTRIBUTION",
		"EVENTS", "EXEC",   "GRPC",    "IMAGES",  "INFO",	"NETWORKS",
		"NODES",  "PING",   "PLUGINS", "SECRETS", "SERVICES",	"SESSION",
		"SWARM",  "SYSTEM", "TASKS",   "VERSION", "VOLUMES",
	};
	static const char *const libpod[] = {
		"CONTAINERS", "EVENTS",	   "EXEC",     "GENERATE", "IMAGES",
		"INFO",	      "MANIFESTS", "NETWORKS", "PING",	   "PLAY",
		"PODS",	      "SECRETS",   "SYSTEM",   "VERSION",  "VOLUMES",
	};
	bool is_libpod = is_libpod_path(path);
	const char *part = path + (is_libpod ? strlen("/libpod/") : 1);
	size_t count = is_libpod ? COUNT(libpod) : COUNT(known);
	char name[24];

	part += *part == '_';
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(part, "/{"), part);
	for (char *at = name; *at; at++)
		*at = (char)toupper((unsigned char)*at);
	snprintf(section, 32, "%s%s", is_libpod ? "LIBPOD_" : "", name);
	for (size_t i = 0; i < count && (!is_libpod || proxy->libpod); i++)
		if (!strcmp(name, (is_libpod ? libpod : known)[i]))
			return true;
	return false;
}

/* What PATH does to one container, or pod: start. Empty: it is another path. */
static const char *deed_of(const struct advice_proxy *proxy, const char *path)
{
	static const char *const things[] = {"/containers/{", "/libpod/containers/{",
					     "/libpod/pods/{"};

	for (size_t i = 0; i < (proxy->libpod ? COUNT(things) : 1); i++)
		if (!strncmp(path, things[i], strlen(things[i]))) {
			const char *end = strstr(path, "}/");

			return end ? end + 2 : "";
		}
	return "";
}

struct advice_deed {
	const char *deed, *name;
};

static const char *deed_name(const struct advice_deed *deeds, size_t count, const char *deed)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(deeds[i].deed, deed))
			return deeds[i].name;
	return NULL;
}

/* The variable that lets PATH alone through, without its section. NULL: there is none. */
static const char *narrow_name(const struct advice_proxy *proxy, const char *path)
{
	static const struct advice_deed deeds[] = {
		{"start", "ALLOW_START"},   {"stop", "ALLOW_STOP"},   {"restart", "ALLOW_RESTARTS"},
		{"kill", "ALLOW_RESTARTS"}, {"pause", "ALLOW_PAUSE"}, {"unpause", "ALLOW_UNPAUSE"},
	};

	return deed_name(deeds, proxy->pauses ? COUNT(deeds) : 4, deed_of(proxy, path));
}

/* The variable that PATH needs beside its section's. NULL: none. */
static const char *gate_name(const struct advice_proxy *proxy, const char *path)
{
	static const struct advice_deed deeds[] = {
		{"archive", "ALLOW_ARCHIVE"}, {"changes", "ALLOW_CHANGES"},
		{"export", "ALLOW_EXPORT"},   {"logs", "ALLOW_LOGS"},
		{"top", "ALLOW_TOP"},
	};

	return deed_name(deeds, proxy->gates ? COUNT(deeds) : 0, deed_of(proxy, path));
}

static bool has_section(const struct advice_sections *sections, const char *name)
{
	for (unsigned int i = 0; i < sections->count; i++)
		if (!strcmp(sections->names[i], name))
			return true;
	return false;
}

static void open_section(struct advice_sections *sections, const char *name)
{
	if (!name || has_section(sections, name) || sections->count == SECTIONS_MAX)
		return;
	snprintf(sections->names[sections->count++], sizeof(*sections->names), "%s", name);
	printf("%s=1\n", name);
}

/* Opens what ROUTE, which was used, needs. */
static void open_route(struct advice_sections *sections, const struct ctl_route *route)
{
	const struct advice_proxy *proxy = sections->proxy;
	const char *narrow = narrow_name(proxy, route->path);
	char section[32];

	sections->libpod |= is_libpod_path(route->path);
	if (narrow) {
		open_section(sections, narrow);
	} else if (section_of(proxy, route->path, section)) {
		open_section(sections, section);
		open_section(sections, gate_name(proxy, route->path));
	} else {
		printf("# no variable lets %s through\n", operation_name(route->operation));
		return;
	}
	sections->posts |= !advice_reads(route) && (!narrow || proxy->posts_first);
}

/* Whether what is open lets ROUTE through by the variable NAME. */
static bool section_opens(const struct advice_sections *sections, const char *name,
			  const struct ctl_route *route)
{
	const struct advice_proxy *proxy = sections->proxy;
	const char *gate = gate_name(proxy, route->path);
	const char *narrow = narrow_name(proxy, route->path);
	char section[32];

	if (!is_api(route) || (is_libpod_path(route->path) && !sections->libpod))
		return false;
	if (narrow && (!strcmp(name, narrow) ||
		       (!strcmp(name, "ALLOW_RESTARTS") && !strcmp(narrow, "ALLOW_STOP"))))
		return true;
	return (sections->posts || advice_reads(route)) && (!gate || has_section(sections, gate)) &&
	       section_of(proxy, route->path, section) && !strcmp(name, section);
}

/* An operation may have several paths. */
static bool is_first_route(const struct ctl_route *route)
{
	for (const struct ctl_route *other = ctl_routes; other < route; other++)
		if (other->operation == route->operation)
			return false;
	return true;
}

/* Writes what NAME opens beside what was used. */
static void print_unused(const struct advice_sections *sections, const char *name)
{
	unsigned int count = 0;

	for (const struct ctl_route *route = ctl_routes; route->path; route++) {
		if (was_used(sections->advice, route) || !section_opens(sections, name, route) ||
		    !is_first_route(route))
			continue;
		if (!count++)
			printf("# %s=1 lets through what was never used, too:", name);
		printf("%s %s", count > 1 ? "," : "", operation_name(route->operation));
	}
	if (count)
		putchar('\n');
}

/* What is open unless it is closed. */
static void close_defaults(const struct advice_sections *sections)
{
	static const char *const defaults[] = {"EVENTS", "PING", "VERSION", "LIBPOD_PING",
					       "LIBPOD_VERSION"};

	for (size_t i = 0; i < (sections->proxy->libpod ? COUNT(defaults) : 3); i++)
		if (!has_section(sections, defaults[i]))
			printf("%s=0\n", defaults[i]);
}

static void advise_sections(const struct advice *advice, const struct advice_proxy *proxy)
{
	struct advice_sections sections = {.advice = advice, .proxy = proxy};
	bool contents;

	print_seen(advice, "#");
	printf("# environment of %s\n", proxy->whose);
	for (const struct ctl_route *route = ctl_routes; route->path; route++)
		if (was_used(advice, route) && is_api(route))
			open_route(&sections, route);
	close_defaults(&sections);
	printf("POST=%d\n", sections.posts);
	for (unsigned int i = 0; i < sections.count; i++)
		print_unused(&sections, sections.names[i]);
	contents = has_section(&sections, "CONTAINERS");
	if (sections.posts && contents)
		printf("# CONTAINERS=1 with POST=1 lets it create any container: it is root on the "
		       "host.\n");
	else if (contents)
		printf("# CONTAINERS=1 lets it read the environment%s of all containers.\n",
		       proxy->gates ? "" : ", the logs and the files");
}

static void advise_tecnativa(const struct advice *advice)
{
	static const struct advice_proxy proxy = {
		.whose = "tecnativa/docker-socket-proxy",
		.posts_first = true,
	};

	advise_sections(advice, &proxy);
}

static void advise_linuxserver(const struct advice *advice)
{
	static const struct advice_proxy proxy = {
		.whose = "linuxserver/socket-proxy",
		.gates = true,
		.pauses = true,
		.libpod = true,
	};

	advise_sections(advice, &proxy);
}

/* --- a rule for callerctl check ---------------------------------------------------------------- */

/* Writes that the caller is whom was asked for, as ctl_is_by() has it. */
static void print_caller(const char *name)
{
	if (!name[strspn(name, "0123456789")])
		printf("user.id = '%s' or ", name);
	printf("user = '%s' or effective_user = '%s' or process.name = '%s' or exe = '%s' or exe "
	       "endswith '/%s' or container = '%s' or unit in ('%s', '%s.service')",
	       name, name, name, name, name, name, name, name);
	if (strlen(name) >= 12)
		printf(" or container.id startswith '%s'", name);
}

static void advise_check(const struct advice *advice)
{
	const char *name = advice->name.data;
	unsigned int count = 0;

	if (name[strcspn(name, "'\\\n")]) {
		printf("# \"%s\" has odd characters: there is no rule for it\n", name);
		return;
	}
	print_seen(advice, "#");
	printf("# for callerctl check --policy: there is a record where it did anything else\n"
	       "something-else: action = api-request and (");
	print_caller(name);
	printf(") and not operation in (");
	for (enum operation operation = OPERATION_NONE + 1; operation < OPERATIONS; operation++)
		if (advice->operations[operation])
			printf("%s%s", count++ ? ", " : "", operation_name(operation));
	printf("%s)\n", count ? "" : "''");
}

/* --- the command ------------------------------------------------------------------------------ */

static int advice_record(void *data, const struct reread *record, uint64_t time, struct bytes line)
{
	struct advice *advice = data;
	uint64_t times = reread_times(record);
	enum operation operation;

	if (!ctl_is_by(record, advice->name))
		return 0;
	if (record->record.action == RECORD_API_REQUEST) {
		operation = verb_operation(reread_text(record, "callerd.api.operation"));
		if (!advice->requests || time < advice->first)
			advice->first = time;
		if (time > advice->last)
			advice->last = time;
		advice->requests += times;
		advice->operations[operation] += (uint32_t)times;
		advice->unknown += operation == OPERATION_NONE ? times : 0;
	}
	return census_take(&advice->census, record, time);
}

static bool advice_may_matter(void *data, struct bytes line)
{
	const struct advice *advice = data;

	return ctl_may_hold(line, advice->name);
}

enum ctl_exit ctl_advise(struct ctl *ctl)
{
	static const struct {
		const char *name;
		void (*write)(const struct advice *advice);
	} forms[] = {
		{"expected", advise_expected},
		{"policy", advise_policy},
		{"wollomatic", advise_wollomatic},
		{"tecnativa", advise_tecnativa},
		{"linuxserver", advise_linuxserver},
		{"opa", advise_opa},
		{"check", advise_check},
	};
	struct advice advice = {.ctl = ctl, .name = bytes_of(ctl->arguments[0])};
	struct ctl_records records = {
		.data = &advice,
		.take = advice_record,
		.may_matter = advice_may_matter,
	};
	size_t form = 0;
	int error;

	while (form < COUNT(forms) && strcmp(forms[form].name, ctl->as ?: "expected") != 0)
		form++;
	if (form == COUNT(forms)) {
		fprintf(stderr, "callerctl: --as is expected, policy, wollomatic, tecnativa, "
				"linuxserver, opa or check\n");
		return CTL_USAGE;
	}
	error = ctl_read(ctl, &records);
	if (!error && advice.requests)
		forms[form].write(&advice);
	else if (!error)
		fprintf(stderr, "callerctl: it asked for nothing in the log\n");
	census_free(&advice.census);
	return error ? CTL_UNREAD : advice.requests ? CTL_OK : CTL_FOUND;
}
