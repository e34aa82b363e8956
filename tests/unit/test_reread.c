// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "fields/reread.h"
#include "recording.h"
#include "rereading.h"
#include "where/levels.h"
#include "where/where.h"

static const struct finding finding = {FINDING_PRIVILEGED, SEVERITY_CRITICAL, BYTES("all of it")};
static struct bytes binds[] = {BYTES("/etc:/e"), BYTES("/srv:/s")};
static const struct record_fact facts[] = {
	{.name = "binds", .kind = FACT_LIST, .list = binds, .count = 2},
	{.name = "capabilities.add", .kind = FACT_TEXT, .text = BYTES("SYS_ADMIN")},
	{.name = "privileged", .kind = FACT_TRUE},
};

static struct record full_request(const struct caller *caller)
{
	struct record record = plain_request(caller);

	record.api.findings = &finding;
	record.api.finding_count = 1;
	record.api.facts = facts;
	record.api.fact_count = COUNT(facts);
	record.api.operation = OPERATION_ContainerCreate;
	return record;
}

enum told { TOLD_RECORD, TOLD_BRIEF, TOLD_WHOLE, TOLD_REFERENCE, TOLD_NAME };

#define CALLER_ID "00112233445566778899aabb"

/* Has REREAD read the line that tells what the caller of RECORD is. */
static void read_caller(struct reread *reread, const struct record *record)
{
	struct record line = {
		.action = RECORD_CALLER_SEEN,
		.level = record->level,
		.caller = record->caller,
		.caller_id = bytes_of(CALLER_ID),
		.container_name = record->container_name,
		.container_image = record->container_image,
		.container_labels = record->container_labels,
	};
	struct text out = {0};

	assert_int_equal(ecs_write(&line, &context, &out), 0);
	assert_int_equal(reread_read(reread, (struct bytes){out.data, out.size - 1}), -EINVAL);
	assert_true(reread_is_own(reread));
	assert_true(reread_callers_is_told(text_since(&out, 0)));
	text_free(&out);
}

/* Writes RECORD as one that names its caller. TOLD: that is told to REREAD. */
static void write_reference(const struct record *record, bool told, struct reread *reread,
			    struct text *out)
{
	struct record named = *record;

	if (record->caller)
		named.caller_id = bytes_of(CALLER_ID);
	if (record->caller && told)
		read_caller(reread, record);
	assert_int_equal(ecs_write_reference(&named, &context, out), 0);
	assert_int_equal(reread_callers_is_named(text_since(out, 0)), record->caller != NULL);
}

/* The answer of the record's own fields, or of those of its line. */
static enum where_answer answer(const char *text, const struct record *record, enum told told)
{
	struct text out = {0}, scratch = {0};
	struct reread reread = {0};
	struct where *where = NULL;
	struct fields fields;
	char reason[200] = "";
	enum where_answer ret;

	if (where_parse(text, &where, reason, sizeof(reason)))
		fail_msg("%s: %s", text, reason);
	if (told >= TOLD_REFERENCE)
		write_reference(record, told == TOLD_REFERENCE, &reread, &out);
	else if (told == TOLD_WHOLE)
		assert_int_equal(ecs_write_whole(record, &context, &out), 0);
	else
		assert_int_equal(ecs_write(record, &context, &out), 0);
	assert_int_equal(reread_read(&reread, (struct bytes){out.data, out.size - 1}), 0);
	assert_int_equal(reread.record.action, record->action);
	if (told)
		reread_fields(&reread, &fields, &scratch);
	else
		assert_int_equal(fields_init(&fields, record, &context, IF_ASKED, &scratch), 0);
	ret = where_matches(where, &fields);
	assert_int_equal(fields_free(&fields, 0), 0);
	where_free(where);
	reread_free(&reread);
	text_free(&out);
	text_free(&scratch);
	return ret;
}

static const char *const expressions[] = {
	"action = api-request",
	"action = docker-event",
	"severity >= high",
	"severity = 20",
	"severity < critical",
	"callerd.findings.severity >= high",
	"callerd.findings.severity < low",
	"finding",
	"finding = privileged",
	"finding != privileged",
	"finding in (prune, privileged)",
	"type = access",
	"type in (change, creation)",
	"operation = ContainerCreate and not expected",
	"user = alice",
	"user.id = 1000",
	"user.id < 1000",
	"pid = 4711",
	"pid > 1",
	"command contains docker",
	"callerd.request.binds startswith /etc",
	"callerd.request.binds endswith :/s",
	"callerd.request.binds = /nothing",
	"callerd.request.capabilities.add = SYS_ADMIN",
	"callerd.request.privileged",
	"callerd.request.tty",
	"callerd.ancestors.name = sudo",
	"callerd.ancestors.executable matches '/s(udo|u)$'",
	"process.parent.name glob s?do",
	"process.args = nothing",
	"status >= 400",
	"status < 400",
	"event.sequence >= 1",
	"event.duration > 1s",
	"url.original contains containers",
	"callerd.cause.kind",
	"callerd.status.records > 3",
	"agent.version = \"0.1.0\"",
	"event.module = callerd",
	"host.boot.id startswith 5a1c",
	"@timestamp > 5",
	"@timestamp startswith 2026",
	"process.start",
	"process.start > 5",
	"process.args contains run",
	"process.args_count = 2",
	"process.parent.pid = 4700",
	"process.parent.user.id < 1000",
	"callerd.ancestors.pid = 1",
	"callerd.ancestors.start > 5",
	"callerd.lineage contains sudo",
	"callerd.caller.basis = kernel",
	"callerd.caller.basis = peer",
	"callerd.caller.capabilities = ALL",
	"callerd.caller.capabilities = CAP_CHOWN",
	"callerd.caller.capabilities = -CAP_CHOWN",
	"callerd.caller.boot",
	"callerd.capture.complete",
	"process.thread.capabilities.effective = CAP_CHOWN",
	"process.thread.capabilities.effective = CAP_KILL",
	"user.effective.id < 1000",
	"user.effective.name = root",
	"callerd.expected",
	"event.kind = alert",
	"rule.id = privileged",
	"url.path startswith /v1",
	"url.query",
};

/* A line answers as the record that it is of, unless it does not say it. */
static void test_same_answers(void **state)
{
	struct caller known = {
		.process = {.pid = 4711,
			    .start = 100000000,
			    .euid = 1000,
			    .args = BYTES("docker\0run\0")},
		.login_uid = 1000,
		.capabilities = (1ull << 41) - 2,
		.ancestors = ancestors,
		.ancestor_count = 3,
	};
	struct caller few = known, older = known, startless = known;
	struct caller peer = {.basis = CALLER_FROM_PEER, .process = {.pid = 4711, .euid = 1000}};
	struct record records[] = {
		full_request(&known),
		full_request(&few),
		full_request(&older),
		full_request(&startless),
		full_request(&peer),
		full_request(NULL),
		{.action = RECORD_DOCKER_EVENT},
	};
	unsigned int unsure[TOLD_NAME + 1] = {0};

	few.capabilities = 1;
	few.process.euid = 0;
	older.boot_id = bytes_of("0f8a1b2c-7c59-4ad9-9a5e-5a1c0b523d4e");
	startless.process.start = 0;
	for (size_t i = 0; i < COUNT(expressions); i++)
		for (size_t j = 0; j < COUNT(records); j++)
			for (enum told told = TOLD_BRIEF; told <= TOLD_NAME; told++) {
				enum where_answer line = answer(expressions[i], &records[j], told);

				unsure[told] += line == WHERE_MAYBE;
				if (line != WHERE_MAYBE &&
				    line != answer(expressions[i], &records[j], TOLD_RECORD))
					fail_msg("%s of record %zu, told %u", expressions[i], j,
						 told);
			}
	assert_in_range(unsure[TOLD_WHOLE], 1, 30);
	assert_in_range(unsure[TOLD_BRIEF], unsure[TOLD_WHOLE], 90);
	/* One that names its caller is as sure as one in brief, and surer of the ancestors. */
	assert_in_range(unsure[TOLD_REFERENCE], unsure[TOLD_WHOLE], unsure[TOLD_BRIEF] - 1);
	assert_in_range(unsure[TOLD_NAME], unsure[TOLD_BRIEF] + 1, 300);
}

/* Who is behind a caller in a container is in its record, also where what the caller is stands in another line. Who is not told
 * is not known, not nobody. */
static void test_behind(void **state)
{
	static const struct {
		const char *text;
		enum where_answer wanted;
	} cases[] = {
		{"callerd.caller.behind.user.id = 1000", WHERE_YES},
		{"callerd.caller.behind.user.id = 1001", WHERE_NO},
		{"callerd.caller.container.exec_by.event_id = x1", WHERE_YES},
		{"callerd.caller.container.created_by.user.id = 1001", WHERE_MAYBE},
	};
	struct caller human = {.process = {.pid = 4712, .euid = 1000}, .login_uid = 1000};
	struct caller contained = {
		.process = {.pid = 4711, .start = 100000000},
		.login_uid = CALLERD_UNSET_ID,
		.cgroup = bytes_of(
			"/docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
	};
	struct record record = full_request(&contained);

	record.makers[MAKER_EXEC] = record.makers[MAKER_BEHIND] =
		(struct record_maker){.caller = &human, .event_id = bytes_of("x1")};
	for (size_t i = 0; i < COUNT(cases); i++)
		for (enum told told = TOLD_RECORD; told <= TOLD_NAME; told++)
			if (answer(cases[i].text, &record, told) != cases[i].wanted)
				fail_msg("%s, told %u", cases[i].text, told);
	/* What the caller is, is told in another line, which is not there. */
	record.container_labels = (struct bytes)BYTES("a.b\0one\0");
	for (enum told told = TOLD_RECORD; told <= TOLD_NAME; told++)
		assert_int_equal(answer("container.labels.a_b = one", &record, told),
				 told == TOLD_NAME ? WHERE_MAYBE : WHERE_YES);
}

/* A line in full is sure of what it does not have; one in brief, as by default, where it says all. */
static void test_what_a_line_says(void **state)
{
	static const struct {
		const char *text;
		enum where_answer brief, whole;
	} wanted[] = {
		{"process.args = nothing", WHERE_MAYBE, WHERE_NO},
		{"process.start", WHERE_MAYBE, WHERE_YES},
		{"url.query = nothing", WHERE_MAYBE, WHERE_NO},
		{"callerd.ancestors.pid = 3", WHERE_MAYBE, WHERE_NO},
		{"callerd.lineage contains cron", WHERE_NO, WHERE_MAYBE},
		{"callerd.lineage contains sudo", WHERE_YES, WHERE_MAYBE},
		{"process.parent.name = cron", WHERE_NO, WHERE_NO},
		{"process.thread.capabilities.effective = CAP_KILL", WHERE_NO, WHERE_NO},
		{"process.thread.capabilities.effective = CAP_CHOWN", WHERE_YES, WHERE_YES},
		{"process.parent.pid = 4700", WHERE_YES, WHERE_YES},
	};
	struct caller caller = {
		.process = {.pid = 4711, .start = 100000000, .euid = 1000},
		.login_uid = 1000,
		.capabilities = 1,
		.ancestors = ancestors,
		.ancestor_count = 3,
	};
	struct record record = full_request(&caller);

	for (size_t i = 0; i < COUNT(wanted); i++) {
		if (answer(wanted[i].text, &record, TOLD_BRIEF) != wanted[i].brief)
			fail_msg("%s in brief", wanted[i].text);
		if (answer(wanted[i].text, &record, TOLD_WHOLE) != wanted[i].whole)
			fail_msg("%s in full", wanted[i].text);
	}
}

/* What a record does not have since a level, or a count, left it out may have been anything. */
static void test_what_was_left_out(void **state)
{
	struct caller caller = {
		.process = {.pid = 4711, .euid = 4711},
		.login_uid = CALLERD_UNSET_ID,
		.ancestors = ancestors,
		.ancestor_count = 3,
	};
	struct record record = full_request(&caller);

	assert_int_equal(answer("callerd.request.tty", &record, TOLD_BRIEF), WHERE_NO);
	assert_int_equal(answer("user = dave", &record, TOLD_BRIEF), WHERE_MAYBE);
	assert_int_equal(answer("not user = dave", &record, TOLD_BRIEF), WHERE_MAYBE);
	assert_int_equal(answer("user.id = 4711", &record, TOLD_BRIEF), WHERE_YES);
	record.level = LEVEL_METADATA;
	assert_int_equal(answer("callerd.request.tty", &record, TOLD_BRIEF), WHERE_MAYBE);
	assert_int_equal(answer("callerd.ancestors.name = cron", &record, TOLD_BRIEF), WHERE_MAYBE);
	assert_int_equal(answer("callerd.lineage contains cron", &record, TOLD_BRIEF), WHERE_MAYBE);
	assert_int_equal(answer("process.parent.name = cron", &record, TOLD_WHOLE), WHERE_MAYBE);
	assert_int_equal(answer("operation = ContainerCreate", &record, TOLD_BRIEF), WHERE_YES);
	record.level = LEVEL_FULL;
	record.http.user_agent = (struct bytes){0};
	assert_int_equal(answer("client = curl", &record, TOLD_BRIEF), WHERE_NO);
	record.fold_count = record.fold_different = 2;
	assert_int_equal(answer("client = curl", &record, TOLD_BRIEF), WHERE_MAYBE);
	assert_int_equal(answer("callerd.findings = x", &record, TOLD_BRIEF), WHERE_MAYBE);
	/* The longest, and what they are together. */
	record.http.has_duration = true;
	record.http.duration = 1;
	assert_int_equal(answer("duration < 1s", &record, TOLD_BRIEF), WHERE_MAYBE);
	assert_int_equal(answer("type = access", &record, TOLD_WHOLE), WHERE_MAYBE);
	assert_int_equal(answer("message contains docker", &record, TOLD_BRIEF), WHERE_MAYBE);
	assert_int_equal(answer("user.id = 4711", &record, TOLD_BRIEF), WHERE_YES);
}

#define SEEN(id, members)                                                                          \
	"{\"event\":{\"dataset\":\"callerd.audit\",\"action\":\"caller-seen\"},\"callerd\":{"      \
	"\"caller\":"                                                                              \
	"{\"id\":\"" id "\"}}" members "}"
#define NAMING(id, members)                                                                        \
	"{\"event\":{\"dataset\":\"callerd.audit\",\"action\":\"api-request\"},\"callerd\":{"      \
	"\"caller\":"                                                                              \
	"{\"id\":\"" id "\"}}" members "}"

/* What a line tells goes before what the record says, and is no other record's. */
static void test_callers(void **state)
{
	struct reread reread = {0};

	assert_int_equal(reread_read(&reread, bytes_of(SEEN("a", ",\"process\":{\"name\":\"long\","
								 "\"args\":[1,2]},\"url\":\"x\""))),
			 -EINVAL);
	assert_true(reread_is_own(&reread));
	assert_int_equal(reread_read(&reread, bytes_of(NAMING("a", ",\"process\":{\"name\":\"l\","
								   "\"thread\":{\"id\":7}}"))),
			 0);
	assert_true(reread.joined);
	assert_true(bytes_are(reread_text(&reread, "process.name"), "long"));
	assert_int_equal(reread_number(&reread, "process.thread.id"), 7);
	assert_null(reread_text(&reread, "url").data);
	assert_null(reread_text(&reread, "http.request.id").data);
	assert_int_equal(reread.lineage + reread.content, 0);
	assert_int_equal(
		reread_read(&reread,
			    bytes_of("{\"event\":{\"dataset\":\"callerd.audit\",\"action\":"
				     "\"api-request\",\"id\":\"e\"},\"process\":{\"name\":"
				     "\"n\"},\"callerd\":{\"caller\":{\"id\":\"b\"}}}")),
		0);
	assert_true(reread.named && !reread.joined);
	assert_true(bytes_are(reread_text(&reread, "process.name"), "n"));
	assert_true(bytes_are(reread_text(&reread, "http.request.id"), "e"));
	/* The last one counts. */
	assert_int_equal(
		reread_read(&reread, bytes_of(SEEN("a", ",\"process\":{\"name\":\"new\"}"))),
		-EINVAL);
	assert_int_equal(reread_read(&reread, bytes_of(NAMING("a", ""))), 0);
	assert_true(bytes_are(reread_text(&reread, "process.name"), "new"));
	assert_false(reread_number(&reread, "process.args"));
	reread_free(&reread);
}

static void test_callers_are_bounded(void **state)
{
	static char line[40000];
	struct reread_callers callers = {0};
	char id[16];

	for (unsigned int i = 0; i < REREAD_CALLERS_MAX + 10; i++) {
		snprintf(id, sizeof(id), "%u", i);
		assert_int_equal(reread_callers_keep(&callers, bytes_of(id), bytes_of("x")), 0);
		assert_true(reread_callers_find(&callers, bytes_of("0"))
				    .size); /* named again and again */
	}
	assert_null(reread_callers_find(&callers, bytes_of("1")).data);
	assert_null(reread_callers_find(&callers, bytes_of("10")).data);
	assert_true(reread_callers_find(&callers, bytes_of("11")).size);
	for (unsigned int i = 0; i < 2000; i++) {
		snprintf(id, sizeof(id), "%u", i);
		assert_int_equal(reread_callers_keep(&callers, bytes_of(id),
						     (struct bytes){line, sizeof(line)}),
				 0);
	}
	assert_in_range(callers.bytes, REREAD_CALLERS_BYTES - 50000, REREAD_CALLERS_BYTES);
	assert_int_equal(reread_callers_find(&callers, bytes_of("1999")).size, sizeof(line));
	assert_null(reread_callers_find(&callers, bytes_of("5")).data);
	assert_int_equal(reread_callers_keep(&callers, (struct bytes){line, 65}, bytes_of("x")), 0);
	assert_null(reread_callers_find(&callers, (struct bytes){line, 65}).data);
	reread_callers_free(&callers);
}

static void test_not_a_record(void **state)
{
	static const char *const lines[] = {
		"",
		"{",
		"{}",
		"[]",
		"1",
		"{\"event\":{\"dataset\":\"callerd.audit\"}}",
		"{}}",
		"{\"event\":{\"dataset\":\"callerd.audit\",\"action\":\"what\"}}",
		"{\"event\":{\"dataset\":\"callerd.audit\",\"action\":\"api-request\","
		"\"severity\":40.5}}",
		"{\"event\":{\"dataset\":\"callerd.audit\",\"action\":\"api-request\","
		"\"severity\":-20}}",
		"{\"event\":{\"dataset\":\"other\",\"action\":\"api-request\"}}",
		"{\"event\":{\"dataset\":\"callerd.audit\",\"action\":\"api-request\"}} x",
	};
	struct reread reread = {0};

	for (size_t i = 0; i < COUNT(lines); i++)
		assert_int_equal(reread_read(&reread, bytes_of(lines[i])), -EINVAL);
	assert_int_equal(reread_read(&reread, bytes_of("{\"event\":{\"dataset\":\"callerd.audit\","
						       "\"action\":\"api-request\"}}")),
			 0);
	reread_free(&reread);
}

#define LINE(members)                                                                              \
	"{\"event\":{\"dataset\":\"callerd.audit\",\"action\":\"api-request\"}" members "}"

static enum record_level level_of(struct levels *levels, struct reread *reread, const char *line)
{
	struct levels_decision decision;
	struct text scratch = {0};
	struct fields fields;

	assert_int_equal(reread_read(reread, bytes_of(line)), 0);
	reread_fields(reread, &fields, &scratch);
	levels_decide(levels, SEVERITY_LOW, &reread->record, &fields, &decision);
	assert_int_equal(fields_free(&fields, 0), 0);
	text_free(&scratch);
	return decision.level;
}

/* A finding of a line is never less than all, and none that is not known is harmless. */
static void test_levels_of_a_line(void **state)
{
	static const char *const odd[] = {
		LINE(",\"callerd\":{\"findings\":[{\"id\":\"x\",\"severity\":\"odd\"}]}"),
		LINE(",\"callerd\":{\"findings\":[{\"id\":\"x\",\"severity\":7}]}"),
		LINE(",\"callerd\":{\"findings\":[{\"id\":\"x\"}]}"),
		LINE(",\"callerd\":{\"findings\":[\"privileged\"]}"),
		LINE(",\"callerd\":{\"cause\":{\"findings\":[{\"id\":\"x\"}]}}"),
	};
	static const char info[] = "{\"id\":\"x\",\"severity\":\"info\"},";
	struct reread reread = {0};
	struct levels *levels;
	struct text line = {0};
	char reason[100];

	assert_int_equal(levels_new(&levels), 0);
	assert_int_equal(levels_set(levels, (struct setting_source){0}, "all", NULL, NULL, reason,
				    sizeof(reason)),
			 0);
	levels_set(levels, (struct setting_source){0}, "all", "where", "action", reason,
		   sizeof(reason));
	levels_set(levels, (struct setting_source){0}, "all", "level", "none", reason,
		   sizeof(reason));
	assert_int_equal(level_of(levels, &reread, LINE("")), LEVEL_NONE);
	for (size_t i = 0; i < COUNT(odd); i++)
		assert_int_equal(level_of(levels, &reread, odd[i]), LEVEL_FULL);
	/* The last one is the grave one, and beyond what there is room for. */
	for (unsigned int count = 1; count <= REREAD_FINDINGS_MAX;
	     count += REREAD_FINDINGS_MAX - 1) {
		text_cut(&line, 0);
		text_add_string(&line, "{\"callerd\":{\"findings\":[");
		for (unsigned int i = 0; i < count; i++)
			text_add_string(&line, info);
		text_add_string(&line, "{\"id\":\"x\",\"severity\":\"");
		text_add_string(&line, count == 1 ? "info" : "critical");
		text_add_string(&line, "\"}]},\"event\":{\"dataset\":\"callerd.audit\","
				       "\"action\":\"api-request\"}}");
		text_add_char(&line, '\0');
		assert_int_equal(level_of(levels, &reread, line.data),
				 count == 1 ? LEVEL_NONE : LEVEL_FULL);
	}
	assert_string_equal(levels_rule(levels, 0), "all");
	assert_null(levels_rule(levels, 1));
	levels_free(levels);
	reread_free(&reread);
	text_free(&line);
}

static enum where_answer answer_of_line(const char *text, const char *line)
{
	struct text scratch = {0};
	struct reread reread = {0};
	struct where *where = NULL;
	struct fields fields;
	char reason[200] = "";
	enum where_answer ret;

	assert_int_equal(where_parse(text, &where, reason, sizeof(reason)), 0);
	assert_int_equal(reread_read(&reread, bytes_of(line)), 0);
	reread_fields(&reread, &fields, &scratch);
	ret = where_matches(where, &fields);
	assert_int_equal(fields_free(&fields, 0), 0);
	where_free(where);
	reread_free(&reread);
	text_free(&scratch);
	return ret;
}

/* What callerd does not write is no number that it seems to be. */
static void test_odd_values(void **state)
{
	static const char *const ids[] = {
		"\"99999999999999999999\"",
		"\"18446744073709551616\"",
		"\"1.5\"",
		"\"-1\"",
		"\"x\"",
		"\"\"",
		"7",
	};
	static const char *const numbers[] = {
		"1.5", "1e3", "18446744073709551616", "-9223372036854775809", "\"7\"", "true",
	};
	char line[200];

	for (size_t i = 0; i < COUNT(ids); i++) {
		snprintf(line, sizeof(line), LINE(",\"process\":{\"real_user\":{\"id\":%s}}"),
			 ids[i]);
		if (answer_of_line("process.real_user.id < 5", line) != WHERE_MAYBE ||
		    answer_of_line("process.real_user.id > 5", line) != WHERE_MAYBE ||
		    answer_of_line("not process.real_user.id = 5", line) != WHERE_MAYBE)
			fail_msg("%s", line);
	}
	for (size_t i = 0; i < COUNT(numbers); i++) {
		snprintf(line, sizeof(line), LINE(",\"process\":{\"pid\":%s}"), numbers[i]);
		if (answer_of_line("pid < 5", line) != WHERE_MAYBE ||
		    answer_of_line("pid > 5", line) != WHERE_MAYBE)
			fail_msg("%s", line);
	}
	assert_int_equal(answer_of_line("status < 400",
					LINE(",\"http\":{\"response\":{\"status_code\":\"x\"}}")),
			 WHERE_MAYBE);
	assert_int_equal(answer_of_line("user.id = 18446744073709551615",
					LINE(",\"user\":{\"id\":\"18446744073709551615\"}")),
			 WHERE_YES);
	assert_int_equal(answer_of_line("pid = 7", LINE(",\"process\":{\"pid\":7}")), WHERE_YES);
}

/* What a level would leave out of a line, in either form. */
static void test_sizes(void **state)
{
	struct caller caller = {
		.process = {.pid = 4711, .start = 100000000, .euid = 1000},
		.login_uid = 1000,
		.ancestors = ancestors,
		.ancestor_count = 3,
	};
	struct record record = full_request(&caller);
	struct reread reread = {0};

	for (int whole = 0; whole <= 1; whole++) {
		struct text full = {0}, less = {0};
		int (*write)(const struct record *record, const struct record_context *context,
			     struct text *out) = whole ? ecs_write_whole : ecs_write;

		record.level = LEVEL_FULL;
		assert_int_equal(write(&record, &context, &full), 0);
		record.level = LEVEL_REQUEST;
		assert_int_equal(write(&record, &context, &less), 0);
		assert_int_equal(reread_read(&reread, (struct bytes){full.data, full.size - 1}), 0);
		/* But for keys and commas, and the mark of the level. */
		assert_in_range(full.size - reread.lineage, less.size - 20, less.size + 20);
		text_free(&full);
		text_free(&less);
	}
	reread_free(&reread);
}

/* What is learned of callerd's lines changes nothing of what any line says. */
static void test_read_alike(void **state)
{
	static const char *const lines[] = {
		LINE(",\"a\":1,\"b\":\"x\",\"c\":true,\"d\":null"),
		LINE(",\"a\":\"x\",\"b\":1,\"c\":false,\"d\":[]"),
		LINE(",\"a\":-1,\"b\":\"\",\"c\":null,\"d\":{}"),
		LINE(",\"a\":-0"),
		LINE(",\"a\":-"),
		LINE(",\"a\":01"),
		LINE(",\"a\":0"),
		LINE(",\"a\":1.5"),
		LINE(",\"a\":1e2"),
		LINE(",\"a\":999999999999999999"),
		LINE(",\"a\":9999999999999999999"),
		LINE(",\"a\":99999999999999999999"),
		LINE(",\"a\":1,\"a\":2,\"a\":\"3\""),
		LINE(",\"a\":{\"b\":1},\"a\":{\"b\":2},\"a.b\":3,\"\":{\"\":4},\"a\":[]"),
		LINE(",\"a\":[1,\"x\",[2,[],{\"b\":3}],{\"b\":4,\"c\":[5]},null,true]"),
		LINE(",\"a\":[{\"b\":1},{\"b\":2},{\"c\":3}]"),
		LINE(",\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u003c\\u00e9\\u20ac\""),
		LINE(",\"a\":\"\\ud83d\\ude00\\ud83d\\u0000\""),
		LINE(",\"a\":\"\\x\""),
		LINE(",\"a\":\"\\u00g0\""),
		LINE(",\"a\":\"\\u00\""),
		LINE(",\"a\":\"\xe2\x82\xac\xc3\xa9\xf0\x9f\x98\x80\""),
		LINE(",\"a\":\"\xff\xe2\x82\xed\xa0\x80\""),
		LINE(",\"a\":\"\x01\""),
		LINE(",\"\\u0061\":1,\"a\\nb\":2,\"\xff\":3"),
		LINE(",\"a\":tru"),
		LINE(",\"a\":truex"),
		LINE(",\"a\" :1"),
		LINE(", \"a\":1"),
		LINE(",\"a\":1,"),
		LINE(",\"process\":{\"parent\":{\"pid\":1,\"args\":[\"a\",\"b\"]},\"parent\":[]}"),
		LINE(",\"callerd\":{\"ancestors\":[{\"pid\":1,\"args\":[[]]},{\"pid\":2}],"
		     "\"lineage\":\"a < b\"}"),
		LINE(",\"callerd\":{\"ancestors\":[[1,[\"x\"]]],\"lineage\":[\"a\",1,\"b\"],"
		     "\"lineage\":1}"),
		LINE(",\"callerd\":{\"request\":{\"image\":\"a\",\"binds\":[\"b\",\"c\"]},"
		     "\"request\":{}}"),
		LINE(",\"callerd\":{\"findings\":[{\"id\":\"x\",\"severity\":\"high\"},{\"id\":"
		     "\"y\"}]}"),
		LINE("}"),
		LINE("]"),
		LINE("") "{}",
		LINE("") "\n",
	};
	struct rereading rereading = {0};
	int error;

	for (unsigned int round = 0; round < 3;
	     round++) { /* in another order, when all are known */
		for (size_t i = 0; i < COUNT(lines); i++) {
			struct bytes line = bytes_of(lines[round == 1 ? COUNT(lines) - 1 - i : i]);

			if (!rereading_read(&rereading, line, &error))
				fail_msg("%s", line.data);
		}
	}
	rereading_free(&rereading);
}

/* No line that was cut is read, whatever is known of it; and what callerd writes is read by what is known. */
static void test_read_by_seams(void **state)
{
	struct caller known = {
		.process = {.pid = 4711,
			    .start = 100000000,
			    .euid = 1000,
			    .args = BYTES("docker\0run\0")},
		.login_uid = 1000,
		.ancestors = ancestors,
		.ancestor_count = 3,
	};
	struct record record = full_request(&known);
	struct rereading rereading = {0};
	struct text out = {0};
	int error;

	for (unsigned int round = 0; round < 3; round++) {
		text_cut(&out, 0);
		assert_int_equal((round ? ecs_write_whole : ecs_write)(&record, &context, &out), 0);
		out.size--; /* the line feed */
		for (size_t size = 0; size <= out.size; size++) {
			assert_true(
				rereading_read(&rereading, (struct bytes){out.data, size}, &error));
			assert_int_equal(error, size == out.size ? 0 : -EINVAL);
		}
		for (unsigned int i = 0; i < rereading.own.count; i++) {
			assert_non_null(rereading.own.values[i].path_of_seam);
			assert_null(rereading.any.values[i].path_of_seam);
		}
	}
	rereading_free(&rereading);
	text_free(&out);
}

/* Lines that have ever other keys: what is kept of them is bounded, and they say the same. */
static void test_seams_are_bounded(void **state)
{
	struct rereading rereading = {0};
	char line[400], key[20];
	int error;

	for (unsigned int i = 0; i < 20000; i++) {
		snprintf(line, sizeof(line), LINE(",\"k%u\":%u,\"l%u\":[\"%u\"]"), i, i, i % 7, i);
		assert_true(rereading_read(&rereading, bytes_of(line), &error));
		assert_int_equal(error, 0);
		snprintf(key, sizeof(key), "k%u", i);
		assert_int_equal(reread_number(&rereading.own, key), i);
	}
	/* It has given up on them. */
	assert_null(rereading.own.values[0].path_of_seam);
	rereading_free(&rereading);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_answers),
		cmocka_unit_test(test_behind),
		cmocka_unit_test(test_what_a_line_says),
		cmocka_unit_test(test_what_was_left_out),
		cmocka_unit_test(test_callers),
		cmocka_unit_test(test_callers_are_bounded),
		cmocka_unit_test(test_not_a_record),
		cmocka_unit_test(test_levels_of_a_line),
		cmocka_unit_test(test_odd_values),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_read_alike),
		cmocka_unit_test(test_read_by_seams),
		cmocka_unit_test(test_seams_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
