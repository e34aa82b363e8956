// SPDX-License-Identifier: Apache-2.0
/* callerctl findings, operations, fields: the reference, offline. */
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "errand/verb.h"
#include "record/finding.h"

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

enum ctl_exit ctl_operations(struct ctl *ctl)
{
	unsigned int found = 0;

	for (enum operation operation = OPERATION_NONE + 1; operation < OPERATIONS; operation++) {
		struct verb verb = verb_of(operation, (struct bytes){0});

		if (!lookup_wants(ctl, operation_name(operation)))
			continue;
		found++;
		printf("%-28s %s\n", operation_name(operation), verb.phrase ?: "");
	}
	return lookup_exit(ctl, "operation", found);
}

static void print_name(void *data, const char *name, const char *path)
{
	unsigned int *found = data;

	printf("%-16s %s\n", name, path);
	++*found;
}

enum ctl_exit ctl_fields(struct ctl *ctl)
{
	unsigned int found = 0;

	where_walk_names(&found, print_name);
	return lookup_exit(ctl, "field", found);
}
