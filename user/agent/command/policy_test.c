// SPDX-License-Identifier: Apache-2.0
#include "agent/command/policy_test.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/logfile.h"
#include "agent/options/options.h"
#include "agent/options/output.h"
#include "base/cleanup.h"
#include "fields/reread.h"
#include "json/json.h"
#include "where/levels.h"

#define TOPS_MAX 64 /* operations, callers: what comes later is "others" */
#define TOPS_SHOWN 10
#define TOP_SIZE 120

static const char policy_help[] =
	"callerd policy test says what a configuration would do with a log that there is: which\n"
	"[level]s its records would have, what would be gone, and what outputs with where= would "
	"take.\n"
	"\n"
	"usage: callerd policy test [--json] FILE [LOG]...\n"
	"\n"
	"FILE is a configuration, LOGs are in ECS; gzip is fine; without one stdin is read. A log "
	"that\n"
	"other [level]s have made smaller lacks what these have left out: what depends on it is "
	"said to\n"
	"be unsure. Names of rules for expected callers are those of the log.\n"
	"\n"
	"exit codes: 0 it was read, 1 lines could not be read, 2 wrong command line or FILE, 5 a "
	"LOG\n"
	"  cannot be read\n";

struct policy_amount {
	uint64_t records, bytes;
};

struct policy_rule {
	const char *name;
	enum record_level level;
	struct policy_amount all;
	uint64_t unsure; /* another rule may fit as well */
	uint64_t gravest;
};

struct policy_tops {
	struct policy_top {
		char name[TOP_SIZE];
		uint64_t records;
	} list[TOPS_MAX];
	unsigned int count;
	uint64_t others;
};

struct policy_output {
	struct output parsed;
	struct policy_amount yes, maybe;
};

struct policy_test {
	struct options options;
	bool as_json;
	char **logs;
	unsigned int log_count;
	struct reread reread;
	struct text text;
	uint64_t lines, unreadable, first_unreadable;
	struct policy_amount before, after, levels[RECORD_LEVELS];
	uint64_t unsure;
	struct policy_rule rules[LEVELS_RULES_MAX];
	struct policy_tops operations, callers; /* of what would be gone */
	uint64_t gravest_gone;
	struct policy_output outputs[OUTPUTS_MAX];
};

/* --- counting --------------------------------------------------------------------------------- */

static void policy_test_add(struct policy_amount *amount, size_t bytes)
{
	amount->records++;
	amount->bytes += bytes;
}

static void policy_count_top(struct policy_tops *tops, const char *name)
{
	unsigned int at = 0;

	while (at < tops->count && strcmp(tops->list[at].name, name) != 0)
		at++;
	if (at == TOPS_MAX) {
		tops->others++;
		return;
	}
	if (at == tops->count) {
		tops->count++;
		snprintf(tops->list[at].name, sizeof(tops->list[at].name), "%s", name);
	}
	tops->list[at].records++;
}

/* Adds TEXT, of at most SIZE bytes with what is at AT: names of a log are not to be trusted. */
static void policy_name(char *at, size_t size, struct bytes text)
{
	_cleanup_(text_free) struct text visible = {0};
	size_t used = strlen(at);

	text_add_visible(&visible, text, 50);
	snprintf(at + used, size - used, "%s", visible.data ?: "");
}

static void policy_count_gone(struct policy_test *test, uint64_t severity)
{
	const struct reread *reread = &test->reread;
	struct bytes operation = reread_text(reread, "callerd.api.operation");
	struct bytes user = reread_text(reread, "user.name"), exe;
	char name[TOP_SIZE] = "";

	policy_name(name, sizeof(name),
		    operation.size ? operation : reread_text(reread, "event.action"));
	policy_count_top(&test->operations, name);
	name[0] = '\0';
	exe = reread_text(reread, "process.executable");
	policy_name(name, sizeof(name), user.size ? user : reread_text(reread, "user.id"));
	policy_name(name, sizeof(name), bytes_of(" "));
	policy_name(name, sizeof(name), exe.size ? exe : reread_text(reread, "process.name"));
	policy_count_top(&test->callers, strcmp(name, " ") != 0 ? name : "(no caller)");
	if (severity > test->gravest_gone)
		test->gravest_gone = severity;
}

static struct policy_rule *policy_find_rule(struct policy_test *test, const char *name)
{
	for (unsigned int i = 0; i < LEVELS_RULES_MAX && name; i++)
		if (!strcmp(levels_rule(test->options.levels, i), name))
			return &test->rules[i];
	return NULL;
}

/* Bytes of the line, at LEVEL: about, as the chain and the mark of the level are not reckoned. */
static size_t policy_size(const struct reread *reread, enum record_level level, size_t size)
{
	if (level == LEVEL_NONE)
		return 0;
	if (level >= LEVEL_REQUEST)
		size -= reread->lineage;
	if (level >= LEVEL_METADATA)
		size -= reread->content;
	return size;
}

static void policy_count_outputs(struct policy_test *test, struct fields *fields, size_t size)
{
	for (unsigned int i = 0; i < test->options.output_count; i++) {
		struct policy_output *output = &test->outputs[i];
		enum where_answer answer;

		if (!output->parsed.where)
			continue;
		answer = where_matches(output->parsed.where, fields);
		if (answer == WHERE_YES || test->reread.record.action == RECORD_RECORDS_LOST)
			policy_test_add(&output->yes, size);
		else if (answer == WHERE_MAYBE)
			policy_test_add(&output->maybe, size);
	}
}

static void policy_take_record(struct policy_test *test, size_t size)
{
	struct levels_decision decision;
	struct policy_rule *rule;
	struct fields fields;
	uint64_t severity = reread_number(&test->reread, "event.severity");
	size_t left;

	reread_fields(&test->reread, &fields, &test->text);
	levels_decide(test->options.levels, options_full_from(&test->options), &test->reread.record,
		      &fields, &decision);
	left = policy_size(&test->reread, decision.level, size);
	policy_test_add(&test->before, size);
	policy_test_add(&test->levels[decision.level], left);
	test->unsure += decision.unsure;
	rule = policy_find_rule(test, decision.rule);
	if (rule) {
		policy_test_add(&rule->all, size);
		rule->unsure += decision.unsure;
		if (severity > rule->gravest)
			rule->gravest = severity;
	}
	if (decision.level == LEVEL_NONE)
		policy_count_gone(test, severity);
	else {
		policy_test_add(&test->after, left);
		policy_count_outputs(test, &fields, left);
	}
	fields_free(&fields, 0);
}

static int policy_take_line(struct policy_test *test, struct bytes line)
{
	int error = reread_read(&test->reread, line);

	test->lines++;
	if (error == -ENOMEM)
		return error;
	if (!error)
		policy_take_record(test, line.size + 1);
	else if (!reread_is_own(&test->reread) && !test->unreadable++)
		test->first_unreadable = test->lines;
	return 0;
}

static int policy_read_log(struct policy_test *test, const char *path)
{
	struct logfile log;
	struct bytes line;
	bool complete;
	int result = logfile_open(&log, path, false);

	if (result) {
		fprintf(stderr, "callerd policy: cannot read %s: %s\n", path, strerror(-result));
		return result;
	}
	while ((result = lines_next(&log.lines, &line, &complete)) > 0) {
		result = line.size || complete ? policy_take_line(test, line) : 0;
		if (result)
			break;
	}
	if (result)
		fprintf(stderr, "callerd policy: cannot read %s: %s\n", path,
			log.error ?: strerror(-result));
	logfile_close(&log);
	return result;
}

/* --- telling ---------------------------------------------------------------------------------- */

static int compare_tops(const void *a, const void *b)
{
	const struct policy_top *one = a, *other = b;

	return one->records < other->records ? 1 : one->records > other->records ? -1 : 0;
}

static void policy_print_tops(const char *what, struct policy_tops *tops)
{
	qsort(tops->list, tops->count, sizeof(*tops->list), compare_tops);
	printf("  %s:", what);
	for (unsigned int i = 0; i < tops->count && i < TOPS_SHOWN; i++)
		printf("%s %s %" PRIu64, i ? "," : "", tops->list[i].name, tops->list[i].records);
	if (tops->count > TOPS_SHOWN || tops->others)
		printf(", and others");
	putchar('\n');
}

static void policy_print_amount(const char *what, const struct policy_amount *amount)
{
	printf("%-32s %10" PRIu64 " records %12" PRIu64 " bytes", what, amount->records,
	       amount->bytes);
}

static void policy_print(struct policy_test *test)
{
	char name[80];

	policy_print_amount("the log", &test->before);
	printf("\n");
	policy_print_amount("would be", &test->after);
	printf("\n");
	for (enum record_level level = 0; level < RECORD_LEVELS; level++) {
		snprintf(name, sizeof(name), "  %s", name_level(level));
		policy_print_amount(name, &test->levels[level]);
		printf("\n");
	}
	for (unsigned int i = 0; i < LEVELS_RULES_MAX && test->rules[i].name; i++) {
		const struct policy_rule *rule = &test->rules[i];

		snprintf(name, sizeof(name), "[level %s]", rule->name);
		policy_print_amount(name, &rule->all);
		printf(", the gravest of severity %" PRIu64, rule->gravest);
		if (rule->unsure)
			printf(", %" PRIu64 " unsure", rule->unsure);
		printf("\n");
	}
	if (test->levels[LEVEL_NONE].records) {
		printf("gone: %" PRIu64 " records, the gravest of severity %" PRIu64 "\n",
		       test->levels[LEVEL_NONE].records, test->gravest_gone);
		policy_print_tops("operations", &test->operations);
		policy_print_tops("callers", &test->callers);
	}
	for (unsigned int i = 0; i < test->options.output_count; i++) {
		const struct policy_output *output = &test->outputs[i];

		if (!output->parsed.where)
			continue;
		policy_print_amount(output->parsed.sink.name, &output->yes);
		printf(", and %" PRIu64 " records perhaps\n", output->maybe.records);
	}
	if (test->unsure)
		printf("unsure: %" PRIu64
		       " records: a rule asks for what the log does not have of them\n",
		       test->unsure);
	if (test->unreadable)
		printf("lines that are no records: %" PRIu64 ", the first is line %" PRIu64 "\n",
		       test->unreadable, test->first_unreadable);
}

static void policy_put_amount(struct json *json, const char *key,
			      const struct policy_amount *amount)
{
	json_open_object(json, key);
	json_put_number(json, "records", amount->records);
	json_put_number(json, "bytes", amount->bytes);
	json_close(json);
}

static void policy_put_tops(struct json *json, const char *key, struct policy_tops *tops)
{
	qsort(tops->list, tops->count, sizeof(*tops->list), compare_tops);
	json_open_array(json, key);
	for (unsigned int i = 0; i < tops->count; i++) {
		json_open_object(json, NULL);
		json_put_string(json, "name", bytes_of(tops->list[i].name));
		json_put_number(json, "records", tops->list[i].records);
		json_close(json);
	}
	json_close(json);
}

static int policy_print_json(struct policy_test *test)
{
	_cleanup_(text_free) struct text text = {0};
	struct json json = {.out = &text};

	json_open_object(&json, NULL);
	policy_put_amount(&json, "before", &test->before);
	policy_put_amount(&json, "after", &test->after);
	json_open_object(&json, "levels");
	for (enum record_level level = 0; level < RECORD_LEVELS; level++)
		policy_put_amount(&json, name_level(level), &test->levels[level]);
	json_close(&json);
	json_open_array(&json, "rules");
	for (unsigned int i = 0; i < LEVELS_RULES_MAX && test->rules[i].name; i++) {
		json_open_object(&json, NULL);
		json_put_word(&json, "name", test->rules[i].name);
		policy_put_amount(&json, "fits", &test->rules[i].all);
		json_put_number(&json, "unsure", test->rules[i].unsure);
		json_put_number(&json, "gravest", test->rules[i].gravest);
		json_close(&json);
	}
	json_close(&json);
	json_open_object(&json, "gone");
	json_put_number(&json, "gravest", test->gravest_gone);
	policy_put_tops(&json, "operations", &test->operations);
	policy_put_tops(&json, "callers", &test->callers);
	json_close(&json);
	json_open_array(&json, "outputs");
	for (unsigned int i = 0; i < test->options.output_count; i++) {
		if (!test->outputs[i].parsed.where)
			continue;
		json_open_object(&json, NULL);
		json_put_string(&json, "name", bytes_of(test->outputs[i].parsed.sink.name));
		policy_put_amount(&json, "takes", &test->outputs[i].yes);
		policy_put_amount(&json, "perhaps", &test->outputs[i].maybe);
		json_close(&json);
	}
	json_close(&json);
	json_put_number(&json, "unsure", test->unsure);
	json_put_number(&json, "unreadable", test->unreadable);
	json_close(&json);
	if (text.error)
		return text.error;
	puts(text.data);
	return 0;
}

/* --- the command ------------------------------------------------------------------------------ */

static int policy_read_options(struct policy_test *test, char *file)
{
	char why[OPTIONS_WHY_SIZE] = "";
	char *arguments[] = {"callerd", "--config", file, NULL};
	int error =
		options_read(3, arguments, &test->options, (struct setting_why){why, sizeof(why)});

	for (unsigned int i = 0; !error && i < test->options.output_count; i++)
		error = output_parse(test->options.outputs[i], false, &test->outputs[i].parsed, why,
				     sizeof(why));
	for (unsigned int i = 0; !error && i < LEVELS_RULES_MAX; i++)
		test->rules[i].name = levels_rule(test->options.levels, i);
	if (error)
		fprintf(stderr, "callerd policy: %s\n", why[0] ? why : strerror(-error));
	return error;
}

/* 0; 1: nothing more is to be done; -EINVAL after a message. */
static int policy_parse(struct policy_test *test, int argc, char **argv)
{
	int at = 2;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(policy_help, stdout);
		return 1;
	}
	for (; at < argc && !strncmp(argv[at], "--", 2); at++) {
		if (!strcmp(argv[at], "--help")) {
			fputs(policy_help, stdout);
			return 1;
		}
		test->as_json = !strcmp(argv[at], "--json");
		if (!test->as_json) {
			fprintf(stderr, "callerd policy: option \"%.60s\": there is no such one\n",
				argv[at]);
			return -EINVAL;
		}
	}
	if (argc < 2 || strcmp(argv[1], "test") != 0 || at == argc) {
		fprintf(stderr,
			"callerd policy: it is test FILE [LOG]...; see callerd policy --help\n");
		return -EINVAL;
	}
	test->logs = argv + at + 1;
	test->log_count = (unsigned int)(argc - at - 1);
	return policy_read_options(test, argv[at]);
}

static void policy_test_free(struct policy_test *test)
{
	for (unsigned int i = 0; i < OUTPUTS_MAX; i++)
		output_free(&test->outputs[i].parsed);
	options_free(&test->options);
	reread_free(&test->reread);
	text_free(&test->text);
	free(test);
}

CLEANUP_DEFINE(drop_policy_test, struct policy_test *, policy_test_free)

int policy_test(int argc, char **argv)
{
	_cleanup_(drop_policy_test) struct policy_test *test = calloc(1, sizeof(*test));
	int error = test ? policy_parse(test, argc, argv) : -ENOMEM;

	if (error)
		return error > 0 ? EXIT_OK : EXIT_USAGE;
	if (!test->log_count)
		error = policy_read_log(test, "-");
	for (unsigned int i = 0; !error && i < test->log_count; i++)
		error = policy_read_log(test, test->logs[i]);
	if (error)
		return EXIT_OUTPUT;
	if (test->as_json)
		error = policy_print_json(test);
	else
		policy_print(test);
	if (error || fflush(stdout))
		return EXIT_OUTPUT;
	return test->unreadable ? EXIT_FAILED : EXIT_OK;
}
