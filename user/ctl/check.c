// SPDX-License-Identifier: Apache-2.0
/* callerctl check: whether a log has what may not be. For pipelines. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/ctl.h"

#define RULES_MAX 64
#define SHOWN 5 /* of each rule */
#define LINE_SIZE (WHERE_SIZE_MAX + 128)

struct check_rule {
	char *text; /* "NAME: EXPRESSION", cut in two */
	const char *name;
	struct where *where;
	uint64_t found, unsure;
	char shown[SHOWN][300];
};

struct check {
	struct check_rule rules[RULES_MAX];
	unsigned int count;
	uint64_t records, lost;
	struct text text;
};

static void check_free(struct check *check)
{
	for (unsigned int i = 0; i < check->count; i++) {
		where_free(check->rules[i].where);
		free(check->rules[i].text);
	}
	text_free(&check->text);
}

/* --- rules ------------------------------------------------------------------------------------ */

/* Adds the rule that TEXT is; NULL-named where it has no name. 0, or -errno after a message. */
static int check_add(struct check *check, const char *file, unsigned int line, const char *text)
{
	struct check_rule *rule = &check->rules[check->count];
	char reason[256];
	char *colon, *expression;
	int error;

	if (check->count == RULES_MAX) {
		fprintf(stderr, "callerctl: %s has more than %d rules\n", file, RULES_MAX);
		return -EINVAL;
	}
	*rule = (struct check_rule){.text = strdup(text)};
	if (!rule->text)
		return -ENOMEM;
	check->count++;
	rule->name = expression = rule->text;
	colon = rule->text +
		strspn(rule->text,
		       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
	if (*colon == ':' && colon > rule->text) {
		*colon = '\0';
		expression = colon + 1;
	}
	error = where_parse(expression, &rule->where, reason, sizeof(reason));
	if (error)
		fprintf(stderr, "callerctl: %s:%u: %s\n", file, line,
			error == -EINVAL ? reason : strerror(-error));
	return error;
}

static int check_read_rules(struct check *check, const char *path)
{
	_cleanup_(cleanup_fclose) FILE *file = fopen(path, "re");
	static char line[LINE_SIZE];
	unsigned int number = 0;
	int error = 0;

	if (!file) {
		fprintf(stderr, "callerctl: cannot read %s: %s\n", path, strerror(errno));
		return -errno;
	}
	while (!error && fgets(line, sizeof(line), file)) {
		size_t length = strcspn(line, "\n");
		char *text = line + strspn(line, " \t");

		number++;
		if (length == sizeof(line) - 1) {
			fprintf(stderr, "callerctl: %s:%u: the line is too long\n", path, number);
			return -EINVAL;
		}
		line[length] = '\0';
		if (*text && *text != '#')
			error = check_add(check, path, number, text);
	}
	return error;
}

/* --- records ---------------------------------------------------------------------------------- */

static void check_one(struct check *check, struct check_rule *rule, const struct reread *record)
{
	struct fields fields;
	enum where_answer answer;

	text_cut(&check->text, 0);
	reread_fields(record, &fields, &check->text);
	answer = where_matches(rule->where, &fields);
	fields_free(&fields, 0);
	if (answer == WHERE_MAYBE)
		rule->unsure++;
	if (answer != WHERE_YES)
		return;
	if (rule->found < SHOWN) {
		_cleanup_(text_free) struct text line = {0};

		text_add_bytes(&line, reread_text(record, "@timestamp"));
		text_add_char(&line, ' ');
		text_add_bytes(&line, reread_text(record, "message"));
		text_cut(&check->text, 0);
		text_add_visible(&check->text, text_since(&line, 0), 250);
		snprintf(rule->shown[rule->found], sizeof(rule->shown[0]), "%s",
			 check->text.data ?: "");
	}
	rule->found++;
}

static int check_record(void *data, const struct reread *record, uint64_t time, struct bytes line)
{
	struct check *check = data;

	check->records++;
	if (record->record.action == RECORD_RECORDS_LOST)
		check->lost += reread_number(record, "callerd.lost.count") ?: 1;
	for (unsigned int i = 0; i < check->count; i++)
		check_one(check, &check->rules[i], record);
	return 0;
}

/* --- the answer ------------------------------------------------------------------------------- */

static bool print_rule(const struct check_rule *rule)
{
	if (!rule->found && !rule->unsure) {
		printf("ok %s\n", rule->name);
		return true;
	}
	printf("not ok %s: %" PRIu64 " records", rule->name, rule->found);
	if (rule->unsure)
		printf(", and %" PRIu64 " that do not tell enough", rule->unsure);
	putchar('\n');
	for (uint64_t i = 0; i < rule->found && i < SHOWN; i++)
		printf("  %s\n", rule->shown[i]);
	if (rule->found > SHOWN)
		printf("  …\n");
	return false;
}

static enum ctl_exit print_answer(const struct check *check, uint64_t unreadable)
{
	bool good = true;

	for (unsigned int i = 0; i < check->count; i++)
		good &= print_rule(&check->rules[i]);
	if (check->lost) {
		printf("not ok whole: %" PRIu64 " records were lost\n", check->lost);
		good = false;
	}
	if (unreadable) {
		printf("not ok readable: %" PRIu64 " lines are no records\n", unreadable);
		good = false;
	}
	if (!check->records) { /* the agent was not there: that proves nothing */
		printf("not ok records: there are none\n");
		good = false;
	}
	return good ? CTL_OK : CTL_FOUND;
}

enum ctl_exit ctl_check(struct ctl *ctl)
{
	static struct check check;
	struct ctl_records records = {.data = &check, .take = check_record};
	enum ctl_exit code = CTL_USAGE;
	int error = 0;

	if (ctl->argument_count) {
		ctl->logs[0] = ctl->arguments[0];
		ctl->log_count = 1;
	}
	if (ctl->policy)
		error = check_read_rules(&check, ctl->policy);
	if (!error && ctl->where_text) {
		error = check_add(&check, "--where", 1, ctl->where_text);
		where_free(ctl->where); /* it chooses what may not be, not what is read */
		ctl->where = NULL;
	}
	if (!error && !check.count) {
		fprintf(stderr, "callerctl: check needs --policy FILE, or --where\n");
		error = -EINVAL;
	}
	if (!error)
		code = ctl_read(ctl, &records) ? CTL_UNREAD
					       : print_answer(&check, records.unreadable);
	check_free(&check);
	return code;
}
