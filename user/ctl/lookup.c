// SPDX-License-Identifier: Apache-2.0
/* callerctl findings, operations, fields: the reference, offline. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "errand/verb.h"
#include "record/finding.h"

#define FIELD_PATHS_MAX 2048 /* some paths are several fields' */

const struct ctl_route ctl_routes[] = {
/* clang-format off */
#define OPERATION(method, path, name, ...) {OPERATION_##name, #method, path},
#define LIBPOD(method, path, name, ...) {OPERATION_##name##Libpod, #method, path},
#define ALSO OPERATION
#include "record/operations.def"
	/* clang-format on */
	{0},
};

static bool lookup_wants(const struct ctl *ctl, const char *name)
{
	return !ctl->argument_count || !strcmp(ctl->arguments[0], name);
}

static enum ctl_exit lookup_exit(const struct ctl *ctl, const char *what, unsigned int found)
{
	if (found)
		return CTL_OK;
	fprintf(stderr, "callerctl: there is no %s \"%.60s\"\n", what, ctl->arguments[0]);
	return CTL_FOUND;
}

static void print_catalog(void)
{
	for (enum finding_id id = FINDING_NONE + 1; id < FINDINGS; id++) {
		const struct finding_kind *kind = finding_kind(id);
		char message[33];

		finding_message_id(id, message);
		printf("-- %s\nSubject: callerd: %s\nDefined-By: callerd\n"
		       "Documentation: man:callerd-records(7)\n\n%s\n\n%s\n\n",
		       message, kind->id, kind->meaning, kind->advice);
	}
}

static void print_finding(const struct finding_kind *kind)
{
	const char *technique = finding_technique_name(kind->technique);

	printf("%s\n\n  %s\n\n  severity     %s, unless the case or the site says otherwise "
	       "([finding %s])\n",
	       kind->id, kind->meaning, finding_severity_name(kind->severity), kind->id);
	if (technique)
		printf("  ATT&CK       %s\n", technique);
	printf("  what to do   %s\n  who did it   callerctl what --where 'finding = %s'\n",
	       kind->advice, kind->id);
}

enum ctl_exit ctl_findings(struct ctl *ctl)
{
	unsigned int found = 0;

	if (ctl->as && !strcmp(ctl->as, "catalog")) {
		print_catalog();
		return CTL_OK;
	}

	for (enum finding_id id = FINDING_NONE + 1; id < FINDINGS; id++) {
		const struct finding_kind *kind = finding_kind(id);

		if (!lookup_wants(ctl, kind->id))
			continue;
		found++;
		if (ctl->argument_count) {
			print_finding(kind);
			break;
		}
		printf("%-26s %-9s %-10s %s\n", kind->id, finding_severity_name(kind->severity),
		       finding_technique_name(kind->technique) ?: "", kind->meaning);
	}
	return lookup_exit(ctl, "finding", found);
}

static void print_operation(enum operation operation)
{
	struct verb verb = verb_of(operation, (struct bytes){0});
	const char *name = operation_name(operation);

	printf("%s\n\n", name);
	if (verb.phrase)
		printf("  in words     %s\n", verb.phrase);
	printf("  it           %s\n", !verb.phrase	    ? "may change something"
				      : verb_changes(&verb) ? "changes something"
							    : "looks");
	for (const struct ctl_route *route = ctl_routes; route->path; route++)
		if (route->operation == operation)
			printf("  asked for    %s %s\n", route->method, route->path);
	printf("  who did it   callerctl what --where 'operation = %s'\n", name);
}

enum ctl_exit ctl_operations(struct ctl *ctl)
{
	unsigned int found = 0;

	for (enum operation operation = OPERATION_NONE + 1; operation < OPERATIONS; operation++) {
		struct verb verb = verb_of(operation, (struct bytes){0});

		if (!lookup_wants(ctl, operation_name(operation)))
			continue;
		found++;
		if (ctl->argument_count)
			print_operation(operation);
		else
			printf("%-28s %s\n", operation_name(operation), verb.phrase ?: "");
	}
	return lookup_exit(ctl, "operation", found);
}

struct field_lookup {
	const struct ctl *ctl;
	unsigned int found;
	struct text paths; /* each with its NUL */
};

/* Whether NAME has the text that was asked for in it. */
static bool field_is_wanted(const struct field_lookup *lookup, const char *name)
{
	return !lookup->ctl->argument_count || strstr(name, lookup->ctl->arguments[0]);
}

static void print_name(void *data, const char *name, const char *path)
{
	struct field_lookup *lookup = data;

	if (!field_is_wanted(lookup, name) && !field_is_wanted(lookup, path))
		return;
	printf("%-16s %s\n", name, path);
	lookup->found++;
}

static void add_field_path(void *data, const char *path)
{
	struct field_lookup *lookup = data;

	if (field_is_wanted(lookup, path))
		text_add(&lookup->paths, path, strlen(path) + 1);
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void print_paths_sorted(struct field_lookup *lookup)
{
	const char *paths[FIELD_PATHS_MAX];
	size_t count = 0;

	for (size_t at = 0; at < lookup->paths.size && count < COUNT(paths);
	     at += strlen(lookup->paths.data + at) + 1)
		paths[count++] = lookup->paths.data + at;
	qsort(paths, count, sizeof(*paths), compare_paths);
	for (size_t i = 0; i < count; i++)
		if (!i || strcmp(paths[i], paths[i - 1]) != 0)
			printf("%-16s %s\n", "", paths[i]);
	lookup->found += (unsigned int)count;
}

enum ctl_exit ctl_fields(struct ctl *ctl)
{
	struct field_lookup lookup = {.ctl = ctl};

	where_walk_names(&lookup, print_name);
	fields_walk_paths(&lookup, add_field_path);
	print_paths_sorted(&lookup);
	text_free(&lookup.paths);
	return lookup_exit(ctl, "field", lookup.found);
}
