// SPDX-License-Identifier: Apache-2.0
/* callerctl advise: the least that somebody needs, of what he did, as rules for callerd or for a proxy of the socket. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/census.h"
#include "ctl/ctl.h"

#define SECTIONS_MAX 32

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

/* A path of the API: not a call of gRPC, nor Podman's second one of an operation of Docker's. */
static bool is_api(const struct ctl_route *route)
{
	if (strchr(route->path, '.'))
		return false;
	return strncmp(route->path, "/libpod/", 8) != 0 ||
	       strstr(operation_name(route->operation), "Libpod");
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

/* The name of the variable that lets PATH through: CONTAINERS of /containers/json. */
static void section_of(const char *path, char *section, size_t size)
{
	size_t length = strcspn(path + 1, "/{");

	snprintf(section, size, "%.*s", (int)length, path + 1);
	for (char *at = section; *at; at++)
		*at = (char)toupper((unsigned char)*at);
	if (!strcmp(section, "_PING"))
		snprintf(section, size, "PING");
}

/* What POST=1 can be narrowed to, as both proxies have it. */
static const char *narrow_name(enum operation operation)
{
	switch (operation) {
	case OPERATION_ContainerStart:
		return "ALLOW_START";
	case OPERATION_ContainerStop:
		return "ALLOW_STOP";
	case OPERATION_ContainerRestart:
	case OPERATION_ContainerKill:
		return "ALLOW_RESTARTS";
	default:
		return NULL;
	}
}

/* Whether a proxy that lets SECTION through, and POSTS, lets ROUTE through. */
static bool section_opens(const char *section, bool posts, const struct ctl_route *route)
{
	char of_route[24];

	if (!is_api(route) || !(posts || advice_reads(route)))
		return false;
	section_of(route->path, of_route, sizeof(of_route));
	return !strcmp(section, of_route);
}

/* Writes what SECTION opens beside what was used. */
static void print_unused(const struct advice *advice, const char *section, bool posts)
{
	unsigned int count = 0;

	for (const struct ctl_route *route = ctl_routes; route->path; route++) {
		if (was_used(advice, route) || !section_opens(section, posts, route) ||
		    !strncmp(route->path, "/libpod/", 8))
			continue;
		if (!count++)
			printf("# %s=1 lets through what was never used, too:", section);
		printf("%s %s", count > 1 ? "," : "", operation_name(route->operation));
	}
	if (count)
		putchar('\n');
}

static void advise_sections(const struct advice *advice, const char *whose)
{
	char sections[SECTIONS_MAX][24];
	unsigned int count = 0;
	bool posts = false, contents = false;

	print_seen(advice, "#");
	printf("# environment of %s\n", whose);
	for (const struct ctl_route *route = ctl_routes; route->path; route++) {
		const char *narrow = narrow_name(route->operation);
		char section[24];
		unsigned int at = 0;

		if (!was_used(advice, route) || !is_api(route))
			continue;
		if (narrow)
			snprintf(section, sizeof(section), "%s", narrow);
		else
			section_of(route->path, section, sizeof(section));
		posts |= !narrow && !advice_reads(route);
		contents |= !strcmp(section, "CONTAINERS");
		while (at < count && strcmp(sections[at], section) != 0)
			at++;
		if (at < count || count == SECTIONS_MAX)
			continue;
		memcpy(sections[count++], section, sizeof(section));
		printf("%s=1\n", section);
	}
	printf("POST=%d\n", posts);
	for (unsigned int i = 0; i < count; i++)
		print_unused(advice, sections[i], posts);
	if (posts && contents)
		printf("# CONTAINERS=1 with POST=1 lets it create any container: it is root on the "
		       "host.\n");
	else if (contents)
		printf("# CONTAINERS=1 lets it read the environment, the logs and the files of all "
		       "containers.\n");
}

static void advise_tecnativa(const struct advice *advice)
{
	advise_sections(advice, "tecnativa/docker-socket-proxy");
}

static void advise_linuxserver(const struct advice *advice)
{
	advise_sections(advice, "linuxserver/socket-proxy");
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
