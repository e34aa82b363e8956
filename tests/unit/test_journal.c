// SPDX-License-Identifier: Apache-2.0
/*
 * The journal: what is written, by a decoder of the protocol that knows nothing of the writer, and against what
 * ECS says of the same record; and how it gets there, with a receiver in journald's place.
 */
#include "files.h"

#include <endian.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/text.h"
#include "base/utf8.h"
#include "format/journal_fields.h"
#include "output/driver.h"
#include "recording.h"

/* What would begin a field, end an entry, and be no text. */
#define HOSTILE                                                                                    \
	"a\nMESSAGE=forged\n\nPRIORITY=0\0b\n\x05\0\0\0\0\0\0\0\xff\xe2\x80\xae\x1b[31m=\r\t\x7f"
#define FIELDS 2048

/* --- the world -------------------------------------------------------------------------------- */

static const struct caller caller = {
	.basis = CALLER_FROM_KERNEL,
	.process = {.pid = 4711,
		    .euid = 1001,
		    .start = 100000000,
		    .name = BYTES("d\noc"),
		    .executable = BYTES("/tmp/" HOSTILE),
		    .args = BYTES("docker\0--password\0hunter2\0" HOSTILE "\0"),
		    .args_truncated = true,
		    .executable_deleted = true},
	.tid = 4712,
	.uid = 1000,
	.egid = 5,
	.login_uid = 1000,
	.session = 3,
	.capabilities = 1ull << 21 | 1ull << 63,
	.working_directory = BYTES(HOSTILE),
	.root = BYTES("/jail"),
	.cgroup = BYTES("/system.slice/docker-" ID ".scope"),
	.label = BYTES(HOSTILE),
	.boot_id = BYTES("4a1c0b52-7c59-4ad9-9a5e-0f8a1b2c3d4e"),
	.tty = "pts/3",
	.has_node = true,
	.node_uid = 1001,
	.node_mode = 0600,
	.ancestor_count = COUNT(ancestors),
	.ancestors = ancestors,
};

static const struct caller connector = {
	.basis = CALLER_FROM_PEER,
	.process = {.pid = 99, .euid = 1000, .name = BYTES(HOSTILE)},
};

static struct bytes binds[] = {BYTES("/:/host"), BYTES(HOSTILE), BYTES(""), BYTES("/:/host")};
static struct bytes command[] = {BYTES("sh"), BYTES("-c"), BYTES("a b\nc"), BYTES("")};
static const struct record_fact facts[] = {
	{.name = "image", .kind = FACT_TEXT, .text = BYTES(HOSTILE)},
	{.name = "command", .kind = FACT_COMMAND, .list = command, .count = COUNT(command)},
	{.name = "binds", .kind = FACT_LIST, .list = binds, .count = COUNT(binds), .cut = true},
	{.name = "capabilities.add", .kind = FACT_LIST, .list = binds, .count = 1},
	{.name = "privileged", .kind = FACT_TRUE},
};
static const struct finding findings[] = {
	{FINDING_HOST_ROOT_MOUNT, SEVERITY_CRITICAL, BYTES("/ mounted read-write at /host")},
	{FINDING_CAP_ADD, SEVERITY_HIGH, BYTES(HOSTILE)},
	{FINDING_IMAGE_LOAD, SEVERITY_LOW},
};
static const enum finding_technique techniques[] = {TECHNIQUE_T1611, TECHNIQUE_T1610};

static struct record request(void)
{
	return (struct record){
		.action = RECORD_API_REQUEST,
		.time = 120999999,
		.sequence = 42,
		.caller = &caller,
		.connector = &connector,
		.connection = {.id = 77,
			       .socket = BYTES("/run/docker.sock"),
			       .preexisting = true,
			       .request = 2},
		.http = {.version_minor = 1,
			 .method = BYTES("POST"),
			 .verb = METHOD_POST,
			 .target = BYTES("/v1.41/a/../containers/create?name=w%20b&token=hunter2"),
			 .mime_type = BYTES(HOSTILE),
			 .user_agent = BYTES(HOSTILE),
			 .has_request_bytes = true,
			 .has_response_bytes = true,
			 .has_duration = true,
			 .request_bytes = UINT64_MAX,
			 .response_bytes = 0,
			 .status = 201,
			 .duration = 3100000,
			 .parse_error = "what is wrong",
			 .anomalies = ~0u},
		.api = {.engine = BRAND_DOCKER,
			.version = BYTES("1.41"),
			.operation = OPERATION_ContainerCreate,
			.target_type = TARGET_CONTAINER,
			.target_id = BYTES(ID),
			.target_name = BYTES("web"),
			.target_image = BYTES(HOSTILE),
			.container_id = BYTES(ID),
			.container_name = BYTES(HOSTILE),
			.facts = facts,
			.fact_count = COUNT(facts),
			.findings = findings,
			.finding_count = COUNT(findings),
			.techniques = techniques,
			.technique_count = COUNT(techniques),
			.expected_rule = "ci"},
		.container_name = BYTES("runner"),
		.container_image = BYTES("ci:1"),
		.incomplete = ~0u,
	};
}

static struct record event(void)
{
	return (struct record){
		.action = RECORD_DOCKER_EVENT,
		.sequence = 43,
		.caller = &caller,
		.connection = {.socket = BYTES("/run/docker.sock")},
		.api.engine = BRAND_DOCKER,
		.event = {.type = BYTES("container"),
			  .action = BYTES("die"),
			  .id = BYTES(ID),
			  .name = BYTES(HOSTILE),
			  .image = BYTES("busybox"),
			  .container_id = BYTES(ID),
			  .container_name = BYTES("web"),
			  .exec_id = BYTES(ID),
			  .command = BYTES(HOSTILE),
			  .health = BYTES("unhealthy"),
			  .signal = BYTES("15"),
			  .has_exit_code = true,
			  .exit_code = -1,
			  .time = 1772366624000000001,
			  .recovered = true,
			  .kind = ENGINE_CONTAINER,
			  .act = ACTION_DIE,
			  .unhealthy = true},
		.cause = {.kind = CAUSE_INHERITED,
			  .basis = BASIS_ID,
			  .reason = REASON_RESTART_POLICY,
			  .event_id = BYTES("1898b60de27d903f-c0ffee12-0000002a"),
			  .operation = OPERATION_ContainerStart},
	};
}

static struct record of_agent(enum record_action action)
{
	static const char *const sockets[] = {"/run/docker.sock", "/run/b\nsock", NULL};
	static const struct record_output outputs[] = {
		{"stdout", NULL, .outcome = "filtered"},
		{"file:/a b", "c0ffee", 3, 5, 8, "full\nup", "waiting"},
		{"file:/c", "5ea1", .outcome = "written"},
	};
	static const struct record_program programs[] = {
		{"connect_begin", 120, 81234, 2},
		{"data_ready", .detached = true},
	};
	static const struct record_watched engines[] = {
		{"/run/docker.sock", ENGINE_REACHED},
		{"/run/b\nsock", ENGINE_UNREACHABLE, EACCES},
	};
	static const struct record_counter counters[] = {{"records", 7},
							 {"lost.ring-full", UINT64_MAX}};

	return (struct record){
		.action = action,
		.sequence = 1,
		.caller = action == RECORD_SOCKET_CONNECTED || action == RECORD_SOCKET_REFUSED
				  ? &caller
				  : NULL,
		.address = BYTES(HOSTILE),
		.error = EACCES,
		.backend = "tracepoint",
		.backend_reason = "no BTF",
		.sockets = sockets,
		.outputs = outputs,
		.output_count = COUNT(outputs),
		.counters = counters,
		.counter_count = COUNT(counters),
		.programs = programs,
		.program_count = COUNT(programs),
		.engines = engines,
		.engine_count = COUNT(engines),
		.test_fault = "no record\ncame",
		.test_unseen = 3,
		.lost_reason = "output-full",
		.lost_count = 12,
		.lost_output = "file:/a b",
	};
}

static size_t all(struct record records[RECORD_ACTION_MAX + 4])
{
	size_t count = 0;

	for (unsigned int i = 0; i < RECORD_ACTION_MAX; i++)
		records[count++] = i == RECORD_API_REQUEST    ? request()
				   : i == RECORD_DOCKER_EVENT ? event()
							      : of_agent((enum record_action)i);
	records[count] = request();
	records[count++].caller = &connector;
	records[count++] = (struct record){.action = RECORD_API_REQUEST};
	records[count++] = (struct record){.action = RECORD_DOCKER_EVENT};
	return count;
}

/* --- the protocol ----------------------------------------------------------------------------- */

struct field {
	char name[JOURNAL_NAME_MAX + 1];
	struct bytes value;
	bool expected; /* ECS says the same */
};

struct fields {
	struct field list[FIELDS];
	size_t count;
	char *data;
};

/* Takes the next field off *AT, as journald does. */
static void decode_field(const char **at, const char *end, struct field *ret)
{
	const char *line = memchr(*at, '\n', (size_t)(end - *at)), *equals;
	uint64_t size;

	assert_non_null(line);
	equals = memchr(*at, '=', (size_t)(line - *at));
	size = (uint64_t)((equals ?: line) - *at);
	assert_true(size && size <= JOURNAL_NAME_MAX);
	memcpy(ret->name, *at, size);
	ret->name[size] = '\0';
	assert_true(*ret->name >= 'A' && *ret->name <= 'Z');
	assert_int_equal(strspn(ret->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"), size);
	ret->expected = false;
	if (equals) {
		ret->value = (struct bytes){equals + 1, (size_t)(line - equals - 1)};
		*at = line + 1;
		return;
	}
	assert_true(end - line > 9);
	memcpy(&size, line + 1, sizeof(size));
	size = le64toh(size);
	assert_true(size < (uint64_t)(end - line - 9));
	ret->value = (struct bytes){line + 9, size};
	*at = line + 9 + size;
	assert_int_equal(**at, '\n');
	++*at;
}

static void decode(struct fields *fields, struct bytes entry)
{
	const char *at = entry.data, *end = at + entry.size;

	fields->count = 0;
	while (at < end) {
		assert_true(fields->count < FIELDS);
		decode_field(&at, end, &fields->list[fields->count++]);
	}
}

/* RECORD as it is written. */
static void written(struct fields *fields, const struct record *record,
		    const struct record_context *with)
{
	struct text text = {0};

	text_add_string(&text, "before");
	assert_int_equal(journal_fields_write(record, with, &text), 0);
	assert_memory_equal(text.data, "before", 6);
	free(fields->data);
	fields->data = malloc(text.size);
	assert_non_null(fields->data);
	memcpy(fields->data, text.data + 6, text.size - 6);
	decode(fields, (struct bytes){fields->data, text.size - 6});
	text_free(&text);
}

/* The value of the INDEXth field called NAME; data NULL: there is none. */
static struct bytes value_of(const struct fields *fields, const char *name, unsigned int index)
{
	for (size_t i = 0; i < fields->count; i++)
		if (!strcmp(fields->list[i].name, name) && !index--)
			return fields->list[i].value;
	return (struct bytes){0};
}

static void expect(const struct fields *fields, const char *name, struct bytes wanted)
{
	struct bytes value = value_of(fields, name, 0);

	if (!value.data || !bytes_equal(value, wanted))
		fail_msg("%s is %.*s", name, (int)value.size, value.data ?: "");
	assert_null(value_of(fields, name, 1).data);
}

/* --- against ECS ------------------------------------------------------------------------------ */

/* Those that only readers of ECS need, and those that are told in other words, of which other tests are. */
static bool is_left_out(const char *path)
{
	static const char *const paths[] = {
		"ecs.version",
		"event.kind",
		"event.category",
		"event.type",
		"event.module",
		"related.hosts",
		"event.dataset",
		"agent.type",
		"host.boot.id",
		"process.args",
		"process.args_count",
		"process.parent.args",
		"process.parent.args_count",
		"callerd.request.command",
		"callerd.outputs.seal_key",
		"callerd.outputs.waiting",
		"callerd.outputs.written",
		"callerd.outputs.lost",
		"callerd.outputs.error",
		"callerd.outputs.outcome",
	};

	for (size_t i = 0; i < COUNT(paths); i++)
		if (!strcmp(path, paths[i]))
			return true;
	return !strncmp(path, "callerd.ancestors", strlen("callerd.ancestors")) ||
	       !strncmp(path, "callerd.programs.", strlen("callerd.programs.")) ||
	       !strncmp(path, "callerd.engines.", strlen("callerd.engines.")) ||
	       !strncmp(path, "callerd.findings.", strlen("callerd.findings."));
}

static void name_of(const char *path, char name[128])
{
	size_t i;

	snprintf(name, 128, "%s%s", strncmp(path, "container.", 10) ? "" : "CALLERD_", path);
	if (!strcmp(path, "@timestamp"))
		snprintf(name, 128, "CALLERD_TIMESTAMP");
	for (i = 0; name[i]; i++)
		if (name[i] >= 'a' && name[i] <= 'z')
			name[i] = (char)(name[i] - 'a' + 'A');
		else if (name[i] < 'A')
			name[i] = name[i] >= '0' && name[i] <= '9' ? name[i] : '_';
}

/* VALUE as a string of JSON can have it. */
static void add_valid(struct text *out, struct bytes value)
{
	for (size_t at = 0; at < value.size;) {
		uint32_t code;
		size_t size = utf8_decode(value.data + at, value.size - at, &code);

		if (code == UTF8_INVALID)
			text_add_string(out, UTF8_REPLACEMENT);
		else
			text_add(out, value.data + at, size);
		at += size;
	}
}

static struct bytes text_of(const json_t *value, char number[32])
{
	if (json_is_string(value))
		return (struct bytes){json_string_value(value), json_string_length(value)};
	if (json_is_boolean(value))
		return bytes_of(json_is_true(value) ? "true" : "false");
	assert_true(json_is_integer(value));
	snprintf(number, 32, "%lld", (long long)json_integer_value(value));
	return bytes_of(number);
}

/* Whether the field NAME has the value; one that was not taken for another before. */
static void find_value(struct fields *fields, const char *name, const json_t *value)
{
	char number[32];
	struct bytes wanted = text_of(value, number);

	for (size_t i = 0; i < fields->count; i++) {
		struct field *field = &fields->list[i];
		struct text got = {0};
		bool same;

		if (field->expected || strcmp(field->name, name) != 0)
			continue;
		add_valid(&got, field->value);
		same = bytes_equal(text_since(&got, 0), wanted);
		text_free(&got);
		if (!same)
			continue;
		field->expected = true;
		return;
	}
	fail_msg("no %s with %.*s", name, (int)wanted.size, wanted.data);
}

static void compare(struct fields *fields, const json_t *value, const char *path)
{
	char inner[256], name[128];
	const json_t *element;
	const char *key;
	size_t i;

	if (is_left_out(path))
		return;
	if (json_is_object(value)) {
		json_object_foreach((json_t *)value, key, element)
		{
			snprintf(inner, sizeof(inner), "%s%s%s", path, *path ? "." : "", key);
			compare(fields, element, inner);
		}
	} else if (json_is_array(value)) {
		json_array_foreach(value, i, element) compare(fields, element, path);
	} else {
		name_of(path, name);
		find_value(fields, name, value);
	}
}

/* Of those that ECS has under other names. */
static void mark_others(struct fields *fields)
{
	static const char *const names[] = {
		"PRIORITY",
		"MESSAGE_ID",
		"SYSLOG_IDENTIFIER",
		"SYSLOG_FACILITY",
		"CALLERD_FINDINGS",
		"CALLERD_FINDINGS_ID",
		"CALLERD_ANCESTORS",
		"CALLERD_REQUEST_COMMAND",
		"CALLERD_OUTPUTS_SEAL_KEY",
		"CALLERD_OUTPUTS",
		"CALLERD_PROGRAMS",
		"CALLERD_ENGINES",
	};

	for (size_t i = 0; i < fields->count; i++)
		for (size_t j = 0; j < COUNT(names); j++)
			if (!strcmp(fields->list[i].name, names[j]))
				fields->list[i].expected = true;
}

/* Numbers as they are: JSON in C has none above 2^63. */
static json_t *ecs_of(const struct record *record, const struct record_context *with)
{
	struct text text = {0};
	json_t *root;
	char *large;

	assert_int_equal(ecs_write_whole(record, with, &text), 0);
	while ((large = strstr(text.data, ":18446744073709551615")))
		memcpy(large, ":7777777777777777777 ", strlen(":18446744073709551615"));
	root = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	assert_non_null(root);
	text_free(&text);
	return root;
}

static void shorten_large(struct fields *fields)
{
	for (size_t i = 0; i < fields->count; i++)
		if (bytes_equal(fields->list[i].value, bytes_of("18446744073709551615")))
			fields->list[i].value = bytes_of("7777777777777777777");
}

static void compare_all(const struct record_context *with)
{
	struct record records[RECORD_ACTION_MAX + 4];
	size_t count = all(records);
	struct fields fields = {.data = NULL};

	for (size_t i = 0; i < count; i++) {
		json_t *ecs = ecs_of(&records[i], with);

		written(&fields, &records[i], with);
		shorten_large(&fields);
		compare(&fields, ecs, "");
		mark_others(&fields);
		for (size_t j = 0; j < fields.count; j++)
			if (!fields.list[j].expected)
				fail_msg("ECS knows no %s=%.*s", fields.list[j].name,
					 (int)fields.list[j].value.size, fields.list[j].value.data);
		json_decref(ecs);
	}
	free(fields.data);
}

static void as_ecs(void **state)
{
	compare_all(&context);
	compare_all(&nothing_known);
}

/* --- what is written -------------------------------------------------------------------------- */

static void head(void **state)
{
	static const struct {
		enum finding_severity severity;
		const char *priority;
	} severities[] = {{SEVERITY_INFO, "6"},
			  {SEVERITY_LOW, "5"},
			  {SEVERITY_MEDIUM, "4"},
			  {SEVERITY_HIGH, "3"},
			  {SEVERITY_CRITICAL, "2"}};
	struct finding finding = findings[0];
	struct fields fields = {.data = NULL};
	struct record record = request();
	struct bytes message;

	record.caller = NULL; /* a doubtful one is 40 in any case */
	record.incomplete = record.http.anomalies = 0;
	record.api.findings = &finding;
	record.api.finding_count = 1;
	for (size_t i = 0; i < COUNT(severities); i++) {
		finding.severity = severities[i].severity;
		written(&fields, &record, &context);
		expect(&fields, "PRIORITY", bytes_of(severities[i].priority));
	}
	expect(&fields, "SYSLOG_IDENTIFIER", bytes_of("callerd"));
	expect(&fields, "SYSLOG_FACILITY", bytes_of("13"));
	message = value_of(&fields, "MESSAGE", 0);
	assert_null(memchr(message.data, '\n', message.size));
	assert_non_null(memmem(message.data, message.size, "host-root-mount", 15));
	assert_null(value_of(&fields, "MESSAGE", 1).data);
	record = of_agent(RECORD_AGENT_STATUS);
	written(&fields, &record, &context);
	expect(&fields, "PRIORITY", bytes_of("6"));
	assert_true(bytes_equal(value_of(&fields, "CALLERD_PROGRAMS", 0),
				bytes_of("connect_begin: 120 runs, 81234 ns, 2 missed")));
	assert_true(bytes_equal(value_of(&fields, "CALLERD_PROGRAMS", 1),
				bytes_of("data_ready: 0 runs, 0 ns, 0 missed, detached")));
	assert_true(bytes_equal(value_of(&fields, "CALLERD_ENGINES", 1),
				bytes_of("unreachable /run/b\nsock")));
	assert_true(bytes_equal(value_of(&fields, "CALLERD_OUTPUTS", 1),
				bytes_of("file:/a b: 3 waiting, 5 written, 8 lost: full\nup")));
	record = of_agent(RECORD_SELF_TEST);
	written(&fields, &record, &context);
	expect(&fields, "PRIORITY", bytes_of("4"));
	assert_true(
		bytes_equal(value_of(&fields, "CALLERD_OUTPUTS", 2), bytes_of("written file:/c")));
	free(fields.data);
}

static void bytes_as_they_are(void **state)
{
	struct record record = request();
	struct fields fields = {.data = NULL};

	written(&fields, &record, &context);
	expect(&fields, "PROCESS_EXECUTABLE", (struct bytes)BYTES("/tmp/" HOSTILE));
	expect(&fields, "PROCESS_WORKING_DIRECTORY", (struct bytes)BYTES(HOSTILE));
	expect(&fields, "USER_AGENT_ORIGINAL", (struct bytes)BYTES(HOSTILE));
	expect(&fields, "CALLERD_REQUEST_IMAGE", (struct bytes)BYTES(HOSTILE));
	expect(&fields, "CALLERD_CONTAINER_ID", bytes_of(ID));
	expect(&fields, "CALLERD_TARGET_CONTAINER_ID", bytes_of(ID));
	assert_true(bytes_equal(value_of(&fields, "CALLERD_REQUEST_BINDS", 1),
				(struct bytes)BYTES(HOSTILE)));
	/* Docker's log driver has these, and journald those. */
	assert_null(value_of(&fields, "CONTAINER_ID", 0).data);
	assert_null(value_of(&fields, "CONTAINER_NAME", 0).data);
	assert_null(value_of(&fields, "OBJECT_PID", 0).data);
	free(fields.data);
}

/* What has an order is one value. */
static void told_in_other_words(void **state)
{
	static const char *const wanted[] = {"1 4700 /usr/bin/sudo: sudo docker login -p ***",
					     "2 1 systemd"};
	static const char *const keys[] = {"c0ffee file:/a b", "5ea1 file:/c"};
	static const char *const found[] = {
		"host-root-mount", "critical host-root-mount: / mounted read-write at /host",
		"image-load", "low image-load"};
	struct record record = request();
	struct fields fields = {.data = NULL};

	written(&fields, &record, &context);
	for (unsigned int i = 0; i < COUNT(wanted); i++)
		assert_true(bytes_equal(value_of(&fields, "CALLERD_ANCESTORS", i),
					bytes_of(wanted[i])));
	assert_null(value_of(&fields, "CALLERD_ANCESTORS", COUNT(wanted)).data);
	expect(&fields, "CALLERD_REQUEST_COMMAND", bytes_of("sh -c $'a b\\nc' ''"));
	for (unsigned int i = 0; i < 3; i += 2) { /* those without what is hostile */
		assert_true(bytes_equal(value_of(&fields, "CALLERD_FINDINGS_ID", i),
					bytes_of(found[i])));
		assert_true(bytes_equal(value_of(&fields, "CALLERD_FINDINGS", i),
					bytes_of(found[i + 1])));
	}
	assert_null(value_of(&fields, "CALLERD_FINDINGS", 3).data);
	record = of_agent(RECORD_AGENT_STARTED);
	written(&fields, &record, &context);
	for (unsigned int i = 0; i < COUNT(keys); i++)
		assert_true(bytes_equal(value_of(&fields, "CALLERD_OUTPUTS_SEAL_KEY", i),
					bytes_of(keys[i])));
	assert_null(value_of(&fields, "CALLERD_OUTPUTS_SEAL_KEY", COUNT(keys)).data);
	free(fields.data);
}

static void secrets(void **state)
{
	struct record records[RECORD_ACTION_MAX + 4];
	size_t count = all(records);

	for (size_t i = 0; i < count; i++) {
		struct text text = {0};

		assert_int_equal(journal_fields_write(&records[i], &context, &text), 0);
		assert_null(memmem(text.data, text.size, "hunter2", 7));
		text_free(&text);
	}
}

/* journald drops an entry of more than 1024 fields: by asking for much nobody gets out of sight. */
static void as_many_as_fit(void **state)
{
	static char names[64][96];
	struct bytes list[128];
	struct record_fact many[64];
	struct record record = request();
	struct fields fields = {.data = NULL};

	for (size_t i = 0; i < COUNT(list); i++)
		list[i] = bytes_of("x");
	for (size_t i = 0; i < COUNT(many); i++) {
		memset(names[i], 'n', sizeof(names[i]) - 1); /* cut to what a name may have */
		names[i][0] = (char)('a' + i % 26);
		many[i] = (struct record_fact){
			.name = names[i], .kind = FACT_LIST, .list = list, .count = COUNT(list)};
		if (i >= 50)
			many[i] = (struct record_fact){
				.name = names[i], .kind = FACT_TEXT, .text = bytes_of("x")};
	}
	record.api.facts = many;
	record.api.fact_count = COUNT(many);
	written(&fields, &record, &context);
	assert_in_range(fields.count, 900, JOURNAL_FIELDS_MAX - 64);
	assert_non_null(value_of(&fields, "CALLERD_REQUEST_CUT", 40).data);
	assert_non_null(value_of(&fields, "MESSAGE", 0).data);
	free(fields.data);
}

/* --- the receiver ----------------------------------------------------------------------------- */

struct place {
	char path[96];
	int listener, stop;
	struct sink_options options;
	struct driver *driver;
};

static int bound(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void listen_there(struct place *place)
{
	place->listener = bound(place->path);
}

static void go_away(struct place *place)
{
	close(place->listener);
	place->listener = -1;
	assert_int_equal(unlink(place->path), 0);
}

static int prepare(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	char reason[256];

	assert_non_null(place);
	assert_int_equal(files_prepare("/tmp"), 0);
	snprintf(place->path, sizeof(place->path), "%s/socket", directory);
	place->listener = -1;
	place->stop = eventfd(0, EFD_CLOEXEC);
	place->options = (struct sink_options){
		.name = "journal:there", .kind = SINK_JOURNAL, .path = place->path};
	assert_int_equal(
		journald_open(&place->options, place->stop, &place->driver, reason, sizeof(reason)),
		0);
	*state = place;
	return 0;
}

static int remove_place(void **state)
{
	struct place *place = *state;

	place->driver->ops->close(place->driver);
	if (place->listener >= 0)
		close(place->listener);
	close(place->stop);
	free(place);
	return files_remove(directory);
}

static struct entry *entry_of(const char *text)
{
	struct entry *entry = entry_new(text, strlen(text));

	assert_non_null(entry);
	return entry;
}

/* Sends one entry; whether it went. */
static bool send_one(struct place *place, struct entry *entry)
{
	unsigned int sent = place->driver->ops->send(place->driver, &entry, 1);

	assert_int_equal(place->driver->confirmed, sent);
	assert_int_equal(place->driver->error == 0, sent);
	place->driver->confirmed = 0;
	return sent;
}

static bool send_text(struct place *place, const char *text)
{
	struct entry *entry = entry_of(text);
	bool sent = send_one(place, entry);

	entry_unref(entry);
	return sent;
}

/* A datagram of FD, and the descriptor that came with it, or -1. */
static size_t receive(int fd, char *data, size_t size, int *ret_fd)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec part = {data, size};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	assert_true(got >= 0);
	assert_int_equal(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC), 0);
	*ret_fd = -1;
	if (header) {
		assert_int_equal(header->cmsg_type, SCM_RIGHTS);
		memcpy(ret_fd, CMSG_DATA(header), sizeof(*ret_fd));
	}
	return (size_t)got;
}

static void expect_text(int fd, const char *text)
{
	char data[4096];
	int passed;
	size_t size = receive(fd, data, sizeof(data), &passed);

	assert_int_equal(passed, -1);
	assert_int_equal(size, strlen(text));
	assert_memory_equal(data, text, size);
}

static void expect_nothing(int fd)
{
	struct pollfd one = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&one, 1, 0), 0);
}

/* --- how it gets there ------------------------------------------------------------------------ */

static void delivered(void **state)
{
	struct place *place = *state;
	struct entry *entries[] = {entry_of("MESSAGE=a\n"), entry_of("MESSAGE=b\n")};

	listen_there(place);
	assert_int_equal(place->driver->ops->send(place->driver, entries, 2), 2);
	assert_int_equal(place->driver->confirmed, 2);
	assert_int_equal(place->driver->error, 0);
	expect_text(place->listener, "MESSAGE=a\n");
	expect_text(place->listener, "MESSAGE=b\n");
	expect_nothing(place->listener);
	place->driver->confirmed = 0;
	entry_unref(entries[0]);
	entry_unref(entries[1]);
}

/* The writer's own bytes, by way of the socket. */
static void record_round_trip(void **state)
{
	struct place *place = *state;
	struct record record = request();
	struct fields fields = {.data = NULL};
	struct text text = {0};
	static char data[1 << 16];
	struct entry *entry;
	int passed;

	listen_there(place);
	assert_int_equal(journal_fields_write(&record, &context, &text), 0);
	entry = entry_new(text.data, text.size);
	assert_true(send_one(place, entry));
	decode(&fields,
	       (struct bytes){data, receive(place->listener, data, sizeof(data), &passed)});
	assert_int_equal(passed, -1);
	expect(&fields, "PROCESS_EXECUTABLE", (struct bytes)BYTES("/tmp/" HOSTILE));
	entry_unref(entry);
	text_free(&text);
}

static void sealed_as(int fd, const struct entry *entry)
{
	int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
	struct stat info;
	char *data = malloc(entry->size);

	assert_non_null(data);
	assert_int_equal(fstat(fd, &info), 0);
	assert_true(S_ISREG(info.st_mode));
	assert_int_equal(info.st_size, entry->size);
	assert_int_equal(fcntl(fd, F_GET_SEALS) & seals, seals);
	assert_int_equal(pread(fd, data, entry->size, 0), entry->size);
	assert_memory_equal(data, entry->data, entry->size);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	free(data);
}

/* What no datagram holds comes in a file that nobody changes; between others, in their order. */
static void large(void **state)
{
	struct place *place = *state;
	struct entry *entries[] = {entry_of("A=1\n"), entry_new(NULL, 24 << 20), entry_of("B=2\n")};
	char byte;
	int passed;

	listen_there(place);
	for (size_t i = 0; i < entries[1]->size; i++)
		entries[1]->data[i] = (char)(i * 7 >> 3);
	assert_int_equal(place->driver->ops->send(place->driver, entries, 3), 3);
	assert_int_equal(place->driver->too_large, 0);
	expect_text(place->listener, "A=1\n");
	assert_int_equal(receive(place->listener, &byte, 1, &passed), 0);
	assert_true(passed >= 0);
	sealed_as(passed, entries[1]);
	close(passed);
	expect_text(place->listener, "B=2\n");
	for (size_t i = 0; i < COUNT(entries); i++)
		entry_unref(entries[i]);
}

/* What journald never takes is counted, and keeps nobody waiting. */
static void too_large(void **state)
{
	struct place *place = *state;
	struct entry *entries[] = {entry_of("A=1\n"), entry_of("B=2\n")};

	listen_there(place);
	entries[0]->size = (1ull << 30) + 1;
	assert_int_equal(place->driver->ops->send(place->driver, entries, 2), 2);
	assert_int_equal(place->driver->too_large, 1);
	assert_int_equal(place->driver->confirmed, 2);
	expect_text(place->listener, "B=2\n");
	expect_nothing(place->listener);
	entry_unref(entries[0]);
	entry_unref(entries[1]);
}

static void not_there_yet(void **state)
{
	struct place *place = *state;
	int file;

	assert_false(send_text(place, "A=1\n"));
	assert_int_equal(place->driver->error, -ENOENT);
	assert_string_equal(place->driver->why,
			    "cannot write journal:there: No such file or directory");
	file = open(place->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(file >= 0);
	close(file);
	assert_false(send_text(place, "A=1\n"));
	assert_int_equal(place->driver->error, -ECONNREFUSED);
	unlink(place->path);
	listen_there(place);
	assert_true(send_text(place, "A=1\n"));
	assert_string_equal(place->driver->why, "");
	expect_text(place->listener, "A=1\n");
}

static void restarted(void **state)
{
	struct place *place = *state;

	listen_there(place);
	assert_true(send_text(place, "A=1\n"));
	go_away(place);
	assert_false(send_text(place, "B=2\n"));
	assert_int_equal(place->driver->error, -ENOENT);
	listen_there(place);
	assert_true(send_text(place, "B=2\n"));
	expect_text(place->listener, "B=2\n");
	go_away(place); /* and back before anybody noticed */
	listen_there(place);
	assert_true(send_text(place, "C=3\n"));
	expect_text(place->listener, "C=3\n");
	expect_nothing(place->listener);
}

/* The old socket is still somebody's, who reads it no more. */
static void replaced_while_open(void **state)
{
	struct place *place = *state;
	char path[128];
	int old, new;

	listen_there(place);
	assert_true(send_text(place, "A=1\n"));
	place->driver->ops->run(place->driver);
	assert_true(send_text(place, "B=2\n"));
	snprintf(path, sizeof(path), "%s/new", directory);
	old = place->listener;
	new = bound(path);
	assert_int_equal(rename(path, place->path), 0);
	place->driver->ops->run(place->driver);
	assert_true(send_text(place, "C=3\n"));
	expect_text(old, "A=1\n");
	expect_text(old, "B=2\n");
	expect_nothing(old);
	expect_text(new, "C=3\n");
	place->listener = new;
	close(old);
}

#define MANY 3000

static void *read_many(void *data)
{
	char text[64], wanted[64];
	int fd = *(int *)data;

	for (int i = 0; i < MANY; i++) {
		ssize_t size = recv(fd, text, sizeof(text), 0);

		snprintf(wanted, sizeof(wanted), "N=%d\n", i);
		if (size != (ssize_t)strlen(wanted) || memcmp(text, wanted, (size_t)size) != 0)
			return "another entry than the next one";
	}
	return NULL;
}

/* A full socket is waited for; nothing is dropped, and all stays in its order. */
static void slow_reader(void **state)
{
	struct place *place = *state;
	struct entry *entries[MANY];
	unsigned int sent = 0;
	pthread_t reader;
	void *wrong;

	listen_there(place);
	for (int i = 0; i < MANY; i++) {
		char text[64];

		snprintf(text, sizeof(text), "N=%d\n", i);
		entries[i] = entry_of(text);
	}
	/* Told to give up where it would have to wait. */
	eventfd_write(place->stop, 1);
	sent = place->driver->ops->send(place->driver, entries, MANY);
	assert_in_range(sent, 1, MANY - 1);
	assert_int_equal(place->driver->error, -ECANCELED);
	eventfd_read(place->stop, &(eventfd_t){0});
	assert_int_equal(pthread_create(&reader, NULL, read_many, &place->listener), 0);
	while (sent < MANY) {
		sent += place->driver->ops->send(place->driver, entries + sent, MANY - sent);
		if (sent < MANY) /* this machine is slow as well */
			assert_int_equal(place->driver->error, -EAGAIN);
	}
	assert_int_equal(pthread_join(reader, &wrong), 0);
	assert_null(wrong);
	assert_int_equal(place->driver->confirmed, MANY);
	for (int i = 0; i < MANY; i++)
		entry_unref(entries[i]);
}

static void bad_path(void **state)
{
	char path[128], reason[256];
	struct sink_options options = {.name = "journal:x", .kind = SINK_JOURNAL, .path = path};
	struct driver *driver;

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(journald_open(&options, -1, &driver, reason, sizeof(reason)),
			 -ENAMETOOLONG);
	assert_string_equal(reason,
			    "cannot write journal:x: the path of a socket has at most 107 bytes");
	path[107] = '\0';
	assert_int_equal(journald_open(&options, -1, &driver, reason, sizeof(reason)), 0);
	driver->ops->close(driver);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_ecs),
		cmocka_unit_test(head),
		cmocka_unit_test(bytes_as_they_are),
		cmocka_unit_test(told_in_other_words),
		cmocka_unit_test(secrets),
		cmocka_unit_test(as_many_as_fit),
		cmocka_unit_test_setup_teardown(delivered, prepare, remove_place),
		cmocka_unit_test_setup_teardown(record_round_trip, prepare, remove_place),
		cmocka_unit_test_setup_teardown(large, prepare, remove_place),
		cmocka_unit_test_setup_teardown(too_large, prepare, remove_place),
		cmocka_unit_test_setup_teardown(not_there_yet, prepare, remove_place),
		cmocka_unit_test_setup_teardown(restarted, prepare, remove_place),
		cmocka_unit_test_setup_teardown(replaced_while_open, prepare, remove_place),
		cmocka_unit_test_setup_teardown(slow_reader, prepare, remove_place),
		cmocka_unit_test(bad_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
