// SPDX-License-Identifier: Apache-2.0
/*
 * Every kind of record in every format. What a line must look like, tests/schema/check knows from the formats'
 * own definitions; here is what callerd is to say in it.
 */
#include "unit.h"

#include <jansson.h>

#include "base/text.h"
#include "format/format.h"
#include "naming.h"
#include "recording.h"

#define EVENT_ID "1898b60de27d903f-c0ffee12-0000002a"
#define ALL_MAX 80
#define BOM "\xef\xbb\xbf"
/* What callers could try: ends of fields and lines of each format, a terminal's controls, what is not UTF-8. */
#define HOSTILE "a|b=c\\d]e\"f\ng\rh\033[31m\xff\xe2\x80\xae cs1=x cs1Label=y |10| \\n \\= \x7f"

/* --- the world -------------------------------------------------------------------------------- */

/* alice, who is root by way of sudo, in a container. */
static const struct caller alice = {
	.basis = CALLER_FROM_KERNEL,
	.process =
		{
			.pid = 4711,
			.start = 100000000,
			.name = BYTES("docker"),
			.executable = BYTES("/usr/bin/docker"),
			.args = BYTES("docker\0run\0--password\0hunter2\0bb\0"),
		},
	.tid = 4712,
	.uid = 1000,
	.login_uid = 1000,
	.session = 3,
	.working_directory = BYTES("/home/alice"),
	.root = BYTES("/"),
	.cgroup = BYTES("/system.slice/docker-" ID ".scope"),
	.tty = "pts/3",
	.ancestor_count = 3,
	.ancestors = ancestors,
};

static const struct caller bob = {
	.basis = CALLER_FROM_PEER,
	.process = {.pid = 99, .euid = 1002},
	.uid = 1002,
	.egid = 1002,
};

/* In a pod of Kubernetes. */
static const struct caller trudy = {
	.basis = CALLER_FROM_KERNEL,
	.process = {.pid = 8, .euid = 0, .start = 5, .name = BYTES("curl")},
	.login_uid = CALLERD_UNSET_ID,
	.session = CALLERD_UNSET_ID,
	.cgroup =
		BYTES("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-"
		      "pod0f1e2d3c_0000_1111_2222_333344445555.slice/cri-containerd-" ID ".scope"),
};

static const struct caller mallory = {
	.basis = CALLER_FROM_KERNEL,
	.process =
		{
			.pid = 7,
			.euid = 4000000000,
			.start = 5,
			.name = BYTES("x|y=z]\""),
			.executable = BYTES("/tmp/" HOSTILE),
			.args = BYTES("x\0" HOSTILE "\0"),
			.args_truncated = true,
			.executable_deleted = true,
		},
	.login_uid = CALLERD_UNSET_ID,
	.session = CALLERD_UNSET_ID,
	.working_directory = BYTES(HOSTILE),
	.cgroup = BYTES("/" HOSTILE ".service"),
	.label = BYTES(HOSTILE),
};

static const struct finding findings[] = {
	{FINDING_HOST_ROOT_MOUNT, SEVERITY_CRITICAL, BYTES("/ mounted read-write at /host")},
	{FINDING_CAP_ADD, SEVERITY_HIGH, BYTES(HOSTILE)},
	{FINDING_IMAGE_LOAD, SEVERITY_LOW},
};
static const enum finding_technique techniques[] = {TECHNIQUE_T1611, TECHNIQUE_T1610};
static const struct record_fact facts[] = {{.name = "privileged", .kind = FACT_TRUE}};

static struct record request(const struct caller *caller)
{
	struct record record = plain_request(caller);

	record.time = 120999999;
	record.id = (struct bytes)BYTES(EVENT_ID);
	record.http.target = (struct bytes)BYTES("/v1.41/containers/create?name=web&token=hunter2");
	record.api = (struct record_api){.engine = BRAND_DOCKER,
					 .version = BYTES("1.41"),
					 .operation = OPERATION_ContainerCreate,
					 .target_type = TARGET_CONTAINER,
					 .target_id = BYTES(ID),
					 .target_name = BYTES("web"),
					 .target_image = BYTES("busybox")};
	return record;
}

static struct record dangerous(void)
{
	struct record record = request(&alice);

	record.container_name = (struct bytes)BYTES("runner");
	record.container_image = (struct bytes)BYTES("ci:1");
	record.api.facts = facts;
	record.api.fact_count = COUNT(facts);
	record.api.findings = findings;
	record.api.finding_count = COUNT(findings);
	record.api.techniques = techniques;
	record.api.technique_count = COUNT(techniques);
	record.api.expected_rule = "ci";
	return record;
}

/* A poller's calls, told once a minute. */
static struct record folded(void)
{
	struct record record = request(&alice);

	record.fold_count = 12;
	record.fold_first = 1000000;
	record.fold_last = 110999999;
	record.fold_different = 2;
	record.connection.id = 0;
	return record;
}

static struct record hostile(void)
{
	struct record record = request(&mallory);

	record.connector = &bob;
	record.id = (struct bytes){0};
	record.http.method = (struct bytes)BYTES(HOSTILE);
	record.http.verb = METHOD_OTHER;
	record.http.target = (struct bytes)BYTES("/" HOSTILE "?" HOSTILE);
	record.http.target_truncated = true;
	record.http.user_agent = (struct bytes)BYTES(HOSTILE);
	record.http.parse_error = "what is wrong";
	record.http.status = 0;
	record.http.request_bytes = INT64_MAX; /* no parser takes more */
	record.http.anomalies = ~0u;
	record.incomplete = ~0u;
	record.api.operation = OPERATION_NONE;
	record.api.target_name = (struct bytes)BYTES(HOSTILE);
	record.api.container_id = (struct bytes)BYTES(ID);
	return record;
}

static struct record event(const char *type, const char *action)
{
	struct record record = {
		.action = RECORD_DOCKER_EVENT,
		.time = 120999999,
		.sequence = 43,
		.caller = &bob,
		.connection = {.socket = BYTES("/run/docker.sock")},
		.api.engine = BRAND_DOCKER,
		.event = {.type = bytes_of(type),
			  .action = bytes_of(action),
			  .id = BYTES(ID),
			  .name = BYTES("web"),
			  .image = BYTES("busybox")},
		.cause = {.kind = CAUSE_REQUEST,
			  .basis = BASIS_ID,
			  .event_id = BYTES(EVENT_ID),
			  .operation = OPERATION_ContainerStart},
	};

	record.event = event_named(record.event);
	return record;
}

static struct record hostile_event(const char *type, const char *action)
{
	struct record record = event(type, action);

	record.caller = NULL;
	record.event.id = (struct bytes){0};
	record.event.name = (struct bytes)BYTES(HOSTILE);
	record.event.has_exit_code = true;
	record.event.exit_code = -1;
	record.cause = (struct record_cause){.kind = CAUSE_DAEMON, .reason = REASON_RESTART_POLICY};
	return record;
}

static struct record nameless_event(const char *type, const char *action)
{
	struct record record = event(type, action);

	record.event.id = record.event.name = (struct bytes){0};
	record.cause = (struct record_cause){.kind = CAUSE_UNKNOWN};
	return record;
}

static struct record refused(int error)
{
	return (struct record){
		.action = RECORD_SOCKET_REFUSED,
		.caller = &alice,
		.connection = {.socket = BYTES("/run/docker.sock")},
		.address = BYTES(HOSTILE),
		.error = error,
	};
}

static struct record agent(enum record_action action)
{
	static const char *const sockets[] = {"/run/docker.sock", HOSTILE, NULL};
	static const struct record_counter counters[] = {{"records", 7}, {"lost.x", UINT64_MAX}};

	return (struct record){
		.action = action,
		.time = 5,
		.sequence = 1,
		.backend = "tracepoint",
		.sockets = sockets,
		.counters = counters,
		.counter_count = 2,
		.lost_reason = "output-full",
		.lost_count = 12,
	};
}

/* Connects that were refused in a row. */
static struct record refused_again(void)
{
	struct record record = refused(EACCES);

	record.refused_count = 3;
	record.refused_first = 20000000;
	record.refused_last = 30000000;
	return record;
}

/* One of each kind that a format may treat in its own way. */
static size_t all(struct record records[ALL_MAX])
{
	static const char *const methods[] = {"GET",   "HEAD",	 "OPTIONS", "PUT",
					      "PATCH", "DELETE", "CONNECT", "BREW"};
	static const char *const events[][2] = {
		{"container", "create"}, {"container", "die"},	 {"container", "exec_start"},
		{"plugin", "enable"},	 {"service", "remove"},	 {"image", "pull"},
		{"volume", "destroy"},	 {"network", "connect"}, {"image", "save"},
		{"daemon", "reload"},	 {"builder", "prune"},	 {"secret", HOSTILE},
	};
	size_t count = 0;

	for (unsigned int i = 0; i < RECORD_ACTION_MAX; i++)
		if (i != RECORD_API_REQUEST && i != RECORD_DOCKER_EVENT)
			records[count++] = agent((enum record_action)i);
	records[count++] = refused(EACCES);
	records[count++] = refused(ECONNREFUSED);
	records[count++] = refused(EAGAIN);
	records[count++] = refused(4000);
	records[count++] = refused_again();
	records[count++] = folded();
	records[count++] = request(NULL);
	records[count++] = request(&bob);
	records[count++] = request(&trudy);
	records[count++] = dangerous();
	records[count++] = hostile();
	for (size_t i = 0; i < COUNT(methods); i++) {
		records[count] = request(&alice);
		records[count].http.verb = method_by_name(bytes_of(methods[i]));
		records[count++].http.method = bytes_of(methods[i]);
	}
	records[count++] = (struct record){.action = RECORD_API_REQUEST};
	records[count++] = (struct record){.action = RECORD_DOCKER_EVENT};
	for (size_t i = 0; i < COUNT(events); i++) {
		records[count++] = event(events[i][0], events[i][1]);
		records[count++] = hostile_event(events[i][0], events[i][1]);
	}
	records[count++] = nameless_event("container", "start");
	records[count++] = nameless_event("image", "prune");
	assert_true(count <= ALL_MAX);
	for (size_t i = 0; i < count; i++)
		records[i].sequence = i + 1;
	return count;
}

/* Line number INDEX of RECORD in FORMAT, or NULL; free() it. */
static char *written_line(enum record_format format, const struct record *record,
			  const struct record_context *with, unsigned int index)
{
	struct bytes rest, line;
	struct text text = {0};
	char *found = NULL;

	text_add_string(&text, "before ");
	assert_int_equal(format_write(format, record, with, &text), 0);
	assert_memory_equal(text.data, "before ", 7);
	rest = text_since(&text, 7);
	for (unsigned int i = 0; format_take_line(format, &rest, &line); i++) {
		assert_true(line.size > 1);
		assert_ptr_equal(memchr(line.data, '\n', line.size), line.data + line.size - 1);
		assert_null(memchr(line.data, '\0', line.size));
		/* Where a chain's link goes. */
		if (format == FORMAT_OCSF)
			assert_memory_equal(line.data + line.size - 3, "}}", 2);
		if (i == index)
			found = strndup(line.data, line.size - 1);
		assert_true(i < (format == FORMAT_OCSF ? 2 : 1));
	}
	text_free(&text);
	return found;
}

/* RECORD in FORMAT, without what stands beside it. */
static char *written(enum record_format format, const struct record *record,
		     const struct record_context *with)
{
	char *line = written_line(format, record, with, 0);

	assert_non_null(line);
	return line;
}

static void expect_line(enum record_format format, const struct record *record,
			const char *expected)
{
	char *line = written(format, record, &context);

	assert_string_equal(line, expected);
	free(line);
}

static void expect_part(enum record_format format, const struct record *record, const char *part)
{
	char *line = written(format, record, &context);

	if (!strstr(line, part))
		fail_msg("no %s in %s", part, line);
	free(line);
}

static void expect_no_part(enum record_format format, const struct record *record, const char *part)
{
	char *line = written(format, record, &context);

	for (unsigned int i = 1; line; i++) {
		if (strstr(line, part))
			fail_msg("%s in %s", part, line);
		free(line);
		line = written_line(format, record, &context, i);
	}
}

/* --- tests ------------------------------------------------------------------------------------ */

static void names(void **state)
{
	enum record_format format;

	for (unsigned int i = 0; i < FORMAT_JOURNAL; i++) {
		assert_true(format_by_name(bytes_of(format_name((enum record_format)i)), &format));
		assert_int_equal(format, i);
	}
	assert_string_equal(format_name(FORMAT_RFC5424), "rfc5424");
	assert_false(format_by_name(bytes_of("CEF"), &format));
	assert_false(format_by_name(bytes_of("journal"), &format)); /* no line: not to be chosen */
	assert_false(format_by_name(bytes_of("ce"), &format));
	assert_false(format_by_name((struct bytes){0}, &format));
}

static void write_all(FILE *file, enum record_format format, const struct record_context *with)
{
	struct record records[ALL_MAX];
	size_t count = all(records);

	for (size_t i = 0; i < count; i++) {
		char *line = written(format, &records[i], with);

		for (unsigned int next = 1; line; next++) {
			assert_true(fprintf(file, "%s\n", line) > 0);
			free(line);
			line = written_line(format, &records[i], with, next);
		}
	}
}

/* All that engines tell, of all that they tell of; all that is asked, by each method: their categories and types. */
static void write_each_type(FILE *file)
{
	for (unsigned int i = 0; i < (ENGINE_VOLUME + 1) * ENGINE_ACTIONS; i++) {
		struct record record = event("", "");
		char *line;

		record.event.kind = (enum engine_type)(i / ENGINE_ACTIONS);
		record.event.act = (enum engine_action)(i % ENGINE_ACTIONS);
		line = written(FORMAT_ECS, &record, &context);
		assert_true(fprintf(file, "%s\n", line) > 0);
		free(line);
	}
	for (unsigned int i = 0; i < METHODS * ACTIVITIES; i++) {
		struct record record = request(&bob);
		char *line;

		record.http.verb = (enum method)(i / ACTIVITIES);
		record.api.activity = (enum record_activity)(i % ACTIVITIES);
		record.http.status = i % 2 ? 403 : 200;
		line = written(FORMAT_ECS, &record, &context);
		assert_true(fprintf(file, "%s\n", line) > 0);
		free(line);
	}
}

static void check_all(enum record_format format, const struct record_context *with)
{
	char ecs[] = "/tmp/callerd-format-XXXXXX", command[256];
	int fd = mkstemp(ecs);
	FILE *file = fdopen(fd, "w"), *check;

	assert_non_null(file);
	write_all(file, FORMAT_ECS_WHOLE, with);
	assert_int_equal(fclose(file), 0);
	snprintf(command, sizeof(command), "python3 -B tests/schema/check %s %s >&2",
		 format_name(format), ecs);
	check = popen(command, "w"); /* NOLINT: the command is of this file alone */
	assert_non_null(check);
	write_all(check, format, with);
	assert_int_equal(pclose(check), 0);
	unlink(ecs);
}

/* By the formats' definitions, and against what ECS says of the same. */
static void definitions(void **state)
{
	static const enum record_format checked[] = {FORMAT_ECS, FORMAT_ECS_WHOLE, FORMAT_OCSF,
						     FORMAT_CEF, FORMAT_RFC5424};
	FILE *check;

	if (access("tests/schema/check", X_OK) || system("python3 -c ''")) /* NOLINT */
		skip();
	for (size_t i = 0; i < COUNT(checked); i++) {
		check_all(checked[i], &context);
		check_all(checked[i], &nothing_known);
	}
	check = popen("python3 -B tests/schema/check ecs >&2", "w"); /* NOLINT: as above */
	assert_non_null(check);
	write_each_type(check);
	assert_int_equal(pclose(check), 0);
}

static void secrets(void **state)
{
	struct record records[ALL_MAX];
	size_t count = all(records);

	for (unsigned int format = 0; format < FORMAT_JOURNAL; format++)
		for (size_t i = 0; i < count; i++)
			expect_no_part((enum record_format)format, &records[i], "hunter2");
	for (size_t i = 0; i < count; i++) {
		struct text fields = {0};

		assert_int_equal(format_write(FORMAT_JOURNAL, &records[i], &context, &fields), 0);
		assert_null(memmem(fields.data, fields.size, "hunter2", 7));
		text_free(&fields);
	}
}

static void cef_line(void **state)
{
	struct record record = dangerous();

	expect_line(
		FORMAT_CEF, &record,
		"CEF:0|callerd|callerd|0.1.0|host-root-mount|Engine API request: "
		"host-root-mount|10|"
		"rt=1772366624120 dvchost=build7 deviceExternalId=4d0e1f3a5b6c4d7e8f90a1b2c3d4e5f6 "
		"externalId=42 flexString1=" EVENT_ID
		" flexString1Label=eventId cat=api act=api-request outcome=success suid=0 "
		"suser=root "
		"spid=4711 sproc=/usr/bin/docker sourceServiceName=docker-" ID ".scope "
		"cs1=docker run --password *** bb cs1Label=commandLine cs3=alice "
		"cs3Label=loginUser "
		"cs4=runner cs4Label=callerContainer filePath=/run/docker.sock fileType=socket "
		"destinationServiceName=docker app=HTTP requestMethod=POST "
		"request=/v1.41/containers/create?name\\=web&token\\=*** "
		"requestClientApplication=Docker-Client/20.10.24 (linux) "
		"callerdRequestId=" EVENT_ID " in=1500 out=88 cn1=201 "
		"cn1Label=httpStatus cn2=3100 cn2Label=durationMicroseconds "
		"flexString2=ContainerCreate flexString2Label=operation cs5=web cs5Label=target "
		"callerdTargetType=container callerdTargetId=" ID
		" cs2=critical host-root-mount: / mounted read-write at /host; high cap-add: "
		"a|b\\=c\\\\d]e\"f\\ng\\rh\\\\e[31m\xef\xbf\xbd\\\\u202e cs1\\=x cs1Label\\=y |10| "
		"\\\\n \\\\\\= "
		"\\\\x7f; low image-load cs2Label=findings callerdTechniques=T1611,T1610 "
		"callerdExpectedRule=ci msg=alice → root (sudo) in container runner | docker run "
		"--password *** bb | ContainerCreate web from busybox → 201 (3.1 ms)  expected: ci "
		" "
		"!critical host-root-mount: / mounted read-write at /host; high cap-add: "
		"a|b\\=c\\\\d]e\"f\\\\ng\\\\rh\\\\e[31m\xef\xbf\xbd\\\\u202e cs1\\=x cs1Label\\=y "
		"|10| \\\\n "
		"\\\\\\= \\\\x7f; low image-load");
}

static void cef_header(void **state)
{
	struct record record = event("container", "a|b\\c\nd");

	expect_part(FORMAT_CEF, &record,
		    "CEF:0|callerd|callerd|0.1.0|container-a\\|b\\\\c\\\\nd|"
		    "Engine event: container a\\|b\\\\c\\\\nd|1|rt=");
	record = request(&bob);
	expect_part(FORMAT_CEF, &record, "|ContainerCreate|Engine API request: ContainerCreate|1|");
	record.api.operation = OPERATION_NONE;
	expect_part(FORMAT_CEF, &record, "|api-request|Engine API request|1|");
	record = agent(RECORD_RECORDS_LOST);
	expect_part(FORMAT_CEF, &record, "|records-lost|Records lost|6|");
	expect_part(FORMAT_CEF, &record, " reason=output-full callerdLost=12 ");
}

/* A finding that is but for information does not name the event. */
static void cef_information(void **state)
{
	static const struct finding information = {FINDING_EXEC_ROOT, SEVERITY_INFO};
	struct record record = request(&bob);

	record.api.findings = &information;
	record.api.finding_count = 1;
	expect_part(FORMAT_CEF, &record, "|ContainerCreate|");
	expect_part(FORMAT_CEF, &record, " cs2=info exec-root cs2Label=findings ");
}

/* What is longer than the dictionary allows is cut between characters, and one can see it. */
static void cef_limits(void **state)
{
	struct record record = request(&bob);
	char agent_name[1200], *line, *value;

	memset(agent_name, 'x', sizeof(agent_name));
	for (size_t i = 1; i + 1 < sizeof(agent_name); i += 2)
		memcpy(agent_name + i, "\xc3\xa9", 2);
	record.http.user_agent = (struct bytes){agent_name, sizeof(agent_name)};
	line = written(FORMAT_CEF, &record, &context);
	value = strstr(line, "requestClientApplication=") + strlen("requestClientApplication=");
	assert_int_equal(strcspn(value, " "), 1 + 509 * 2 + strlen("…"));
	assert_memory_equal(value + 1 + 509 * 2, "… ", strlen("… "));
	free(line);
	/* What does not fit an integer is not there. */
	record.http.request_bytes = 1ull << 31;
	expect_no_part(FORMAT_CEF, &record, " in=");
	record.http.request_bytes--;
	expect_part(FORMAT_CEF, &record, " in=2147483647 ");
}

static void rfc5424_line(void **state)
{
	struct record record = event("container", "start");

	expect_line(
		FORMAT_RFC5424, &record,
		"<110>1 2026-03-01T12:03:44.120999Z build7 callerd c0ffee12 docker-event "
		"[callerd@32473 eventId=\"1898b60de27d903f-c0ffee12-0000002b\" "
		"hostId=\"4d0e1f3a5b6c4d7e8f90a1b2c3d4e5f6\" severity=\"20\" "
		"outcome=\"success\" pid=\"99\" uid=\"1002\" socket=\"/run/docker.sock\" "
		"engine=\"docker\" eventAction=\"start\" targetType=\"container\" targetId=\"" ID
		"\" targetName=\"web\" targetImage=\"busybox\" cause=\"request\" causeBasis=\"id\" "
		"causeEventId=\"" EVENT_ID "\" causeOperation=\"ContainerStart\"]"
		"[origin software=\"callerd\" swVersion=\"0.1.0\"][meta sequenceId=\"43\"] " BOM
		"uid 1002 | PID 99 | container start web (busybox)  by its ContainerStart");
}

/* The pod of a caller, where a format has a place for it. */
static void pods(void **state)
{
	struct record record = request(&trudy);

	expect_part(
		FORMAT_ECS, &record,
		"\"orchestrator\":{\"type\":\"kubernetes\",\"resource\":{\"type\":\"pod\",\"id\":"
		"\"0f1e2d3c-0000-1111-2222-333344445555\"}}");
	expect_part(FORMAT_OCSF, &record,
		    "\"pod_uuid\":\"0f1e2d3c-0000-1111-2222-333344445555\",\"orchestrator\":"
		    "\"kubernetes\"");
	expect_part(FORMAT_CEF, &record, "callerdPodUid=0f1e2d3c-0000-1111-2222-333344445555");
	expect_part(FORMAT_RFC5424, &record, "podUid=\"0f1e2d3c-0000-1111-2222-333344445555\"");
	record = request(&alice);
	expect_no_part(FORMAT_ECS, &record, "orchestrator");
}

static void rfc5424_escapes(void **state)
{
	struct record record = dangerous();

	expect_part(FORMAT_RFC5424, &record, "<106>1 ");
	expect_part(FORMAT_RFC5424, &record,
		    " finding=\"high cap-add: "
		    "a|b=c\\\\d\\]e\\\"f\\\\ng\\\\rh\\\\e[31m\xef\xbf\xbd\\\\u202e "
		    "cs1=x cs1Label=y |10| \\\\n \\\\= \\\\x7f\" finding=\"low image-load\" "
		    "technique=\"T1611\" technique=\"T1610\" expectedRule=\"ci\"]");
}

/* Names of hosts and runs go into the header, where there is room for so much of ASCII. */
static void rfc5424_header(void **state)
{
	struct record_context with = nothing_known;
	struct record record = agent(RECORD_AGENT_STATUS);
	char host[300], expected[400], *line;

	line = written(FORMAT_RFC5424, &record, &nothing_known);
	assert_ptr_equal(
		strstr(line, "<110>1 1970-01-01T00:00:00.000000Z - callerd - agent-status "), line);
	free(line);
	memset(host, 'h', sizeof(host) - 1);
	host[sizeof(host) - 1] = '\0';
	memcpy(host, "a b\xc3\xa9]", 6);
	with.host_name = host;
	snprintf(expected, sizeof(expected), "Z a?b??]%.249s callerd - ", host + 6);
	line = written(FORMAT_RFC5424, &record, &with);
	assert_non_null(strstr(line, expected));
	free(line);
}

/* The RFC has the number begin anew. */
static void rfc5424_sequence(void **state)
{
	struct record record = agent(RECORD_AGENT_STATUS);

	record.sequence = INT32_MAX;
	expect_part(FORMAT_RFC5424, &record, "[meta sequenceId=\"2147483647\"]");
	record.sequence++;
	expect_part(FORMAT_RFC5424, &record, "[meta sequenceId=\"1\"]");
	record.sequence = 0;
	expect_no_part(FORMAT_RFC5424, &record, "meta");
}

static void ocsf_line(void **state)
{
	struct record record = agent(RECORD_RECORDS_LOST);

	expect_line(
		FORMAT_OCSF, &record,
		"{\"time\":1772366624000,\"message\":\"callerd LOST 12: output-full\","
		"\"category_uid\":6,\"category_name\":\"Application Activity\",\"class_uid\":6008,"
		"\"class_name\":\"Application Error\",\"activity_id\":1,"
		"\"activity_name\":\"General Error\",\"type_uid\":600801,\"severity_id\":3,"
		"\"severity\":\"Medium\",\"status_code\":\"output-full\",\"metadata\":{"
		"\"version\":\"1.8.0\",\"profiles\":[\"host\"],\"product\":{\"name\":\"callerd\","
		"\"vendor_name\":\"callerd\",\"version\":\"0.1.0\"},"
		"\"uid\":\"1898b60ddb474005-c0ffee12-00000001\",\"sequence\":1,"
		"\"event_code\":\"records-lost\",\"log_name\":\"callerd.audit\"},\"device\":{"
		"\"type_id\":0,\"type\":\"Unknown\",\"hostname\":\"build7\","
		"\"uid\":\"4d0e1f3a5b6c4d7e8f90a1b2c3d4e5f6\","
		"\"boot_uid\":\"5a1c0b52-7c59-4ad9-9a5e-0f8a1b2c3d4e\",\"os\":{\"name\":\"Linux\","
		"\"type_id\":200}},\"unmapped\":{\"callerd\":{\"lost\":{"
		"\"reason\":\"output-full\",\"count\":12}}}}");
}

static void expect_in_line(char *line, const char *key, const char *format, va_list values)
{
	json_t *root, *wanted;

	assert_non_null(line);
	root = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	wanted = json_vpack_ex(NULL, 0, format, values);
	assert_non_null(wanted);
	if (!json_equal(json_object_get(root, key), wanted))
		fail_msg("another %s in %s", key, line);
	json_decref(wanted);
	json_decref(root);
	free(line);
}

static void expect_json(const struct record *record, const char *key, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	expect_in_line(written(FORMAT_OCSF, record, &context), key, format, values);
	va_end(values);
}

/* The same of the Detection Finding. */
static void expect_found(const struct record *record, const char *key, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	expect_in_line(written_line(FORMAT_OCSF, record, &context, 1), key, format, values);
	va_end(values);
}

static void ocsf_caller(void **state)
{
	struct record record = dangerous();

	expect_json(&record, "api", "{s:s, s:s, s:{s:s}, s:{s:s}, s:{s:i}}", "operation",
		    "ContainerCreate", "version", "1.41", "service", "name", "docker", "request",
		    "uid", "c0ffee12-77-2", "response", "code", 201);
	expect_json(&record, "src_endpoint", "{s:s, s:{s:s, s:s}}", "hostname", "build7",
		    "container", "uid", ID, "name", "runner");
	expect_part(FORMAT_OCSF, &record, "\"user\":{\"uid\":\"0\",\"name\":\"root\"},\"euid\":0");
	expect_part(FORMAT_OCSF, &record, "\"auid\":1000,");
	/* Who logged in, not whom they act as. */
	expect_part(FORMAT_OCSF, &record,
		    "\"user\":{\"uid\":\"1000\",\"name\":\"alice\"},"
		    "\"session\":{\"uid\":\"3\",\"terminal\":\"pts/3\"}}");
	expect_part(FORMAT_OCSF, &record, "\"process\":{\"real_user\":{\"id\":\"1000\"");
	expect_part(FORMAT_OCSF, &record, "\"container\":{\"image\":{\"name\":\"ci:1\"}}");
	expect_json(&record, "attacks", "[{s:{s:s}}, {s:{s:s}}]", "technique", "uid", "T1611",
		    "technique", "uid", "T1610");
	record = request(NULL);
	expect_json(&record, "actor", "{s:s}", "app_name", "unknown");
}

static void expect_no_finding(const struct record *record)
{
	assert_null(written_line(FORMAT_OCSF, record, &context, 1));
}

static void ocsf_finding(void **state)
{
	static const enum finding_technique one[] = {TECHNIQUE_T1548_003};
	static const struct finding info = {FINDING_SENDER_DIFFERS, SEVERITY_INFO};
	struct record record = dangerous();

	expect_found(&record, "type_uid", "i", 200401);
	expect_found(&record, "severity", "s", "Critical");
	/* An event of its own, that leads to the other one. */
	expect_json(
		&record, "metadata",
		"{s:s, s:[s,s,s,s], s:[{s:s,s:s,s:s}], s:{s:s,s:s,s:s}, s:s, s:s, s:i, s:s, s:s}",
		"version", "1.8.0", "profiles", "host", "container", "security_control",
		"linux/linux_users", "extensions", "name", "linux", "uid", "1", "version", "1.8.0",
		"product", "name", "callerd", "vendor_name", "callerd", "version", "0.1.0", "uid",
		EVENT_ID, "correlation_uid", EVENT_ID, "sequence", 42, "event_code", "api-request",
		"log_name", "callerd.audit");
	expect_found(&record, "metadata",
		     "{s:s, s:[s,s,s], s:[{s:s,s:s,s:s}], s:{s:s,s:s,s:s}, s:s, s:s, s:s, s:s}",
		     "version", "1.8.0", "profiles", "host", "container", "linux/linux_users",
		     "extensions", "name", "linux", "uid", "1", "version", "1.8.0", "product",
		     "name", "callerd", "vendor_name", "callerd", "version", "0.1.0", "uid",
		     EVENT_ID "-finding", "correlation_uid", EVENT_ID, "event_code", "api-request",
		     "log_name", "callerd.audit");
	expect_found(&record, "evidences", "[{s:{s:s, s:s, s:{s:s}, s:{s:s}, s:{s:i}}}]", "api",
		     "operation", "ContainerCreate", "version", "1.41", "service", "name", "docker",
		     "request", "uid", "c0ffee12-77-2", "response", "code", 201);
	/* The site expects it: it wakes nobody. */
	expect_found(&record, "status", "s", "Suppressed");
	expect_found(&record, "is_alert", "b", 0);
	expect_found(&record, "unmapped", "{s:{s:b, s:s}}", "callerd", "expected", 1,
		     "expected_rule", "ci");
	record.api.expected_rule = NULL;
	expect_found(&record, "status", "s", "New");
	expect_found(&record, "is_alert", "b", 1);
	expect_found(&record, "confidence", "s", "High");
	record.incomplete = 1;
	expect_found(&record, "confidence", "s", "Medium");
	/* The record of its beginning told of it. */
	record.http.begun = true;
	expect_found(&record, "activity_name", "s", "Update");
	record.api.techniques = one;
	record.api.technique_count = 1;
	expect_json(&record, "attacks", "[{s:{s:s}, s:{s:s}}]", "technique", "uid", "T1548",
		    "sub_technique", "uid", "T1548.003");
	record.api.findings = &info;
	record.api.finding_count = 1;
	expect_no_finding(&record);
	record.api.finding_count = 0;
	expect_no_finding(&record);
}

/* In the schema's words, and in no others. */
static void ocsf_sums(void **state)
{
	struct record several[] = {folded(), refused_again()};
	static const int counts[] = {12, 3};

	for (size_t i = 0; i < COUNT(several); i++) {
		expect_json(&several[i], "count", "i", counts[i]);
		expect_no_part(FORMAT_OCSF, &several[i], "\"first\"");
		expect_no_part(FORMAT_OCSF, &several[i], "\"duration\"");
	}
	expect_json(several, "start_time", "I", 1772366624001);
	expect_json(several, "end_time", "I", 1772366624110);
	expect_part(FORMAT_OCSF, several, "\"folded\":{\"different\":2}");
	expect_part(FORMAT_ECS, several, "\"folded\":{\"count\":12,\"different\":2,\"first\":");
}

static void expect_type(const struct record *record, int type, const char *name)
{
	expect_json(record, "type_uid", "i", type);
	expect_json(record, "activity_name", "s", name);
}

static void ocsf_types_of_requests(void **state)
{
	static const struct {
		const char *method, *operation, *name;
		int type;
		enum record_activity activity;
	} requests[] = {
		{"GET", "ContainerList", "Read", 600302},
		{"HEAD", NULL, "Read", 600302},
		{"POST", "ContainerCreate", "Create", 600301, ACTIVITY_CREATE},
		{"POST", "ContainerExec", "Create", 600301, ACTIVITY_CREATE},
		{"POST", "ImageCommit", "Create", 600301, ACTIVITY_CREATE},
		{"POST", "ContainerStart", "Update", 600303},
		{"POST", "ExecStart", "Update", 600303},
		{"POST", "VolumePrune", "Delete", 600304, ACTIVITY_DELETE},
		{"POST", NULL, "Update", 600303},
		{"PUT", "PutContainerArchive", "Update", 600303},
		{"DELETE", "ContainerDelete", "Delete", 600304},
		{"BREW", NULL, "BREW", 600399},
		{NULL, NULL, "Unknown", 600300},
	};

	for (size_t i = 0; i < COUNT(requests); i++) {
		struct record record = request(&bob);

		record.http.method = bytes_of(requests[i].method);
		record.http.verb = method_by_name(record.http.method);
		record.api.operation = operation_named(requests[i].operation);
		record.api.activity = requests[i].activity;
		expect_type(&record, requests[i].type, requests[i].name);
	}
}

static void ocsf_types_of_events(void **state)
{
	static const struct {
		const char *type, *action, *name;
		int uid;
	} events[] = {
		{"container", "create", "Install", 600201},
		{"container", "start", "Start", 600203},
		{"container", "die", "Stop", 600204},
		{"container", "destroy", "Remove", 600202},
		{"container", "exec_create", "exec_create", 600299},
		{"plugin", "enable", "Enable", 600206},
		{"image", "pull", "Create", 300401},
		{"image", "delete", "Delete", 300404},
		{"network", "connect", "Update", 300403},
		{"volume", "mount", "Read", 300402},
		{"image", "other", "other", 300499},
	};
	struct record record = refused(EACCES);

	for (size_t i = 0; i < COUNT(events); i++) {
		struct record happened = event(events[i].type, events[i].action);

		expect_type(&happened, events[i].uid, events[i].name);
	}
	expect_type(&record, 400105, "Refuse");
	expect_json(&record, "disposition_id", "i", 26);
	record.error = ECONNREFUSED;
	expect_type(&record, 400105, "Refuse");
	expect_json(&record, "status_code", "s", "ECONNREFUSED");
	record.error = EAGAIN;
	expect_type(&record, 400104, "Fail");
	expect_no_part(FORMAT_OCSF, &record, "security_control");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(definitions),
		cmocka_unit_test(secrets),
		cmocka_unit_test(cef_line),
		cmocka_unit_test(cef_header),
		cmocka_unit_test(cef_information),
		cmocka_unit_test(cef_limits),
		cmocka_unit_test(rfc5424_line),
		cmocka_unit_test(pods),
		cmocka_unit_test(rfc5424_escapes),
		cmocka_unit_test(rfc5424_header),
		cmocka_unit_test(rfc5424_sequence),
		cmocka_unit_test(ocsf_line),
		cmocka_unit_test(ocsf_caller),
		cmocka_unit_test(ocsf_finding),
		cmocka_unit_test(ocsf_sums),
		cmocka_unit_test(ocsf_types_of_requests),
		cmocka_unit_test(ocsf_types_of_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
