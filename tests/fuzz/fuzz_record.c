// SPDX-License-Identifier: Apache-2.0
/*
 * Records made of the fuzzer's bytes. Whatever they are: in every format one line of valid UTF-8 that moves no
 * cursor; in ECS and OCSF it is JSON (RFC 8259) without an empty object, in CEF a header and keys with values, in
 * RFC 5424 a header, structured data and text. The checks here share nothing with the code that is checked.
 */
#include "fuzz.h"

#include "base/text.h"
#include "format/format.h"
#include "secret/mask.h"

/* --- bytes to a record ---------------------------------------------------------------------- */

struct input {
	const uint8_t *data;
	size_t size;
};

static uint8_t take_byte(struct input *input)
{
	if (!input->size)
		return 0;
	input->size--;
	return *input->data++;
}

static uint64_t take_number(struct input *input)
{
	uint8_t width = take_byte(input) % 9;
	uint64_t number = 0;

	while (width--)
		number = number << 8 | take_byte(input);
	return number;
}

/* 255 stands for unknown. */
static struct bytes take_bytes(struct input *input)
{
	size_t size = take_byte(input);
	char *copy;

	if (size == 255)
		return (struct bytes){NULL, 0};
	if (size > input->size)
		size = input->size;
	copy = exact_copy(input->data, size);
	input->data += size;
	input->size -= size;
	return (struct bytes){copy, size};
}

static void free_bytes(struct bytes bytes)
{
	free((void *)bytes.data);
}

static void take_process(struct input *input, struct process *process)
{
	process->pid = (uint32_t)take_number(input);
	process->euid = (uint32_t)take_number(input);
	process->start = take_number(input);
	process->name = take_bytes(input);
	process->executable = take_bytes(input);
	process->args = take_bytes(input);
	process->executable_deleted = take_byte(input) & 1;
	process->args_truncated = take_byte(input) & 1;
}

static void free_process(const struct process *process)
{
	free_bytes(process->name);
	free_bytes(process->executable);
	free_bytes(process->args);
}

#define ANCESTORS_MAX 3

static void take_caller(struct input *input, struct caller *caller,
			struct process ancestors[ANCESTORS_MAX])
{
	caller->basis = take_byte(input) & 1 ? CALLER_FROM_PEER : CALLER_FROM_KERNEL;
	take_process(input, &caller->process);
	caller->tid = (uint32_t)take_number(input);
	caller->uid = (uint32_t)take_number(input);
	caller->egid = (uint32_t)take_number(input);
	caller->fsuid = (uint32_t)take_number(input);
	caller->login_uid = (uint32_t)take_number(input);
	caller->session = (uint32_t)take_number(input);
	caller->capabilities = take_number(input);
	caller->working_directory = take_bytes(input);
	caller->root = take_bytes(input);
	caller->cgroup = take_bytes(input);
	caller->label = take_bytes(input);
	for (size_t i = 0; i + 1 < sizeof(caller->tty); i++)
		caller->tty[i] = (char)take_byte(input);
	caller->has_node = take_byte(input) & 1;
	caller->in_node_group = take_byte(input) & 1;
	caller->node_mode = (uint32_t)take_number(input);
	caller->node_gid = (uint32_t)take_number(input);
	caller->ancestors = ancestors;
	caller->ancestor_count = take_byte(input) % (ANCESTORS_MAX + 1);
	for (unsigned int i = 0; i < caller->ancestor_count; i++)
		take_process(input, &ancestors[i]);
}

static void free_caller(struct caller *caller)
{
	free_process(&caller->process);
	free_bytes(caller->working_directory);
	free_bytes(caller->root);
	free_bytes(caller->cgroup);
	free_bytes(caller->label);
	free_bytes(caller->boot_id);
	for (unsigned int i = 0; i < caller->ancestor_count; i++)
		free_process(&caller->ancestors[i]);
}

static void take_http(struct input *input, struct record_http *http)
{
	http->version_minor = (int)(take_byte(input) % 12) - 1;
	http->method = take_bytes(input);
	http->verb = method_by_name(http->method);
	http->target = take_bytes(input);
	http->target_truncated = take_byte(input) & 1;
	http->mime_type = take_bytes(input);
	http->user_agent = take_bytes(input);
	http->has_request_bytes = take_byte(input) & 1;
	http->has_response_bytes = take_byte(input) & 1;
	http->has_duration = take_byte(input) & 1;
	http->request_bytes = take_number(input);
	http->duration = take_number(input);
	http->status = (int)take_number(input);
	http->anomalies = (unsigned int)take_number(input);
}

static void free_http(struct record_http *http)
{
	free_bytes(http->method);
	free_bytes(http->target);
	free_bytes(http->mime_type);
	free_bytes(http->user_agent);
}

static void take_event(struct input *input, struct record_event *event)
{
	event->type = take_bytes(input);
	event->action = take_bytes(input);
	event->id = take_bytes(input);
	event->name = take_bytes(input);
	event->image = take_bytes(input);
	event->container_id = take_bytes(input);
	event->container_name = take_bytes(input);
	event->exec_id = take_bytes(input);
	event->command = take_bytes(input);
	event->health = take_bytes(input);
	event->signal = take_bytes(input);
	event->has_exit_code = take_byte(input) & 1;
	event->exit_code = (int64_t)take_number(input);
	event->time = take_number(input);
	event->recovered = take_byte(input) & 1;
	event->kind = engine_type_by_name(event->type);
	event->act = engine_action_by_name(event->action);
}

static void free_event(struct record_event *event)
{
	free_bytes(event->type);
	free_bytes(event->action);
	free_bytes(event->id);
	free_bytes(event->name);
	free_bytes(event->image);
	free_bytes(event->container_id);
	free_bytes(event->container_name);
	free_bytes(event->exec_id);
	free_bytes(event->command);
	free_bytes(event->health);
	free_bytes(event->signal);
}

static void take_cause(struct input *input, struct record_cause *cause)
{
	cause->kind = take_byte(input) % CAUSE_KINDS;
	cause->basis = take_byte(input) % CAUSE_BASES;
	cause->reason = take_byte(input) % CAUSE_REASONS;
	cause->event_id = take_bytes(input);
	cause->operation = take_byte(input) % OPERATIONS;
}

static void take_boot(struct input *input, struct caller *caller)
{
	caller->boot_id = take_bytes(input);
	caller->boot_to_real = (int64_t)take_number(input);
}

static bool any_name(void *data, uint32_t id, char *name, size_t size)
{
	if (id % 3 == 0)
		return false;
	snprintf(name, size, id % 3 == 1 ? "alice" : "\033[31m\n\xff\"%u", id);
	return true;
}

/* --- checks --------------------------------------------------------------------------------- */

/* The size of the valid UTF-8 character that TEXT begins with; not one that a terminal obeys. */
static size_t check_character(const unsigned char *text, size_t size)
{
	uint32_t code;
	size_t length = fuzz_character(text, size, &code);

	MUST(length);
	MUST(code >= 0x20 && (code < 0x7f || code > 0x9f));
	MUST(code != 0x2028 && code != 0x2029);
	MUST(code < 0x202a || code > 0x202e);
	MUST(code < 0x2066 || code > 0x2069);
	return length;
}

static void check_line(const struct text *text)
{
	size_t at = 0;

	MUST(!text->error && text->size && text->data[text->size] == '\0');
	MUST(text->data[text->size - 1] == '\n');
	while (at < text->size - 1)
		at += check_character((const unsigned char *)text->data + at, text->size - 1 - at);
}

struct parser {
	const char *at;
	unsigned int depth;
};

static void parse_value(struct parser *parser);

static void expect(struct parser *parser, char c)
{
	MUST(*parser->at == c);
	parser->at++;
}

static void parse_string(struct parser *parser)
{
	expect(parser, '"');
	while (*parser->at != '"') {
		MUST(*parser->at && *parser->at != '\n');
		if (*parser->at++ != '\\')
			continue;
		if (*parser->at == 'u')
			MUST(strspn(parser->at + 1, "0123456789abcdef") >= 4);
		else
			MUST(*parser->at == '"' || *parser->at == '\\');
		parser->at++;
	}
	parser->at++;
}

static void parse_members(struct parser *parser, char open, char close)
{
	MUST(++parser->depth < 16);
	expect(parser, open);
	MUST(*parser->at != close); /* what is empty is left out */
	for (;;) {
		if (open == '{') {
			MUST(parser->at[1] != '"');
			parse_string(parser);
			expect(parser, ':');
		}
		parse_value(parser);
		if (*parser->at == close)
			break;
		expect(parser, ',');
	}
	parser->at++;
	parser->depth--;
}

static void parse_value(struct parser *parser)
{
	bool negative = *parser->at == '-';
	size_t digits = strspn(parser->at + negative, "0123456789");

	if (*parser->at == '{') {
		parse_members(parser, '{', '}');
	} else if (*parser->at == '[') {
		parse_members(parser, '[', ']');
	} else if (*parser->at == '"') {
		parse_string(parser);
	} else if (digits) {
		MUST((digits == 1 && !negative) || parser->at[negative] != '0');
		parser->at += negative + digits;
	} else {
		bool is_true = !strncmp(parser->at, "true", 4);

		MUST(is_true || !strncmp(parser->at, "false", 5));
		parser->at += is_true ? 4 : 5;
	}
}

static void check_json(const struct text *text)
{
	struct parser parser = {.at = text->data};

	parse_members(&parser, '{', '}');
	MUST(!strcmp(parser.at, "\n"));
	MUST(parser.at == text->data + text->size - 1);
}

/* What stands before the next of ENDS that no backslash stands before; what is escaped is of ESCAPABLE. */
static const char *skip_escaped(const char *at, const char *ends, const char *escapable)
{
	for (; !strchr(ends, *at); at++) {
		if (*at != '\\')
			continue;
		at++;
		MUST(*at && strchr(escapable, *at));
	}
	return at;
}

static const char *skip_key(const char *at)
{
	size_t size = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");

	MUST(size && size <= 32 && at[size] == '=');
	return at + size + 1;
}

static void check_cef(const struct text *text)
{
	const char *at = text->data, *value;

	MUST(!strncmp(at, "CEF:0|callerd|callerd|", 22));
	for (unsigned int i = 0; i < 7; i++)
		at = skip_escaped(at, "|\n", "\\|") + 1;
	MUST(at[-1] == '|');
	/* An equals sign ends the next key, and the value before it ends at the last space before that. */
	for (;;) {
		value = skip_key(at);
		at = skip_escaped(value, "=\n", "\\=nr");
		MUST(at > value);
		if (*at == '\n')
			break;
		while (*--at != ' ')
			MUST(at > value);
		at++;
	}
	MUST(at == text->data + text->size - 1);
}

static const char *skip_element(const char *at)
{
	MUST(*at++ == '[');
	at += strcspn(at, " ]");
	while (*at == ' ') {
		at = skip_key(at + 1);
		MUST(*at == '"' && at[1] != '"');
		at = skip_escaped(at + 1, "\"]\n", "\"\\]");
		MUST(*at++ == '"');
	}
	MUST(*at == ']');
	return at + 1;
}

static void check_rfc5424(const struct text *text)
{
	const char *at = text->data;

	MUST(!strncmp(at, "<10", 3) || !strncmp(at, "<110>", 5));
	for (unsigned int i = 0; i < 6; i++) {
		size_t size = strcspn(at, " \n");

		MUST(size && size <= 255 && at[size] == ' ');
		at += size + 1;
	}
	MUST(!strncmp(at, "[callerd@32473 ", 15));
	while (*at == '[')
		at = skip_element(at);
	MUST(!strncmp(at, " \xef\xbb\xbf", 4));
}

/* What is printable ASCII comes back as it was, and so do ends of lines where they are escaped. */
static void check_escapes(struct bytes bytes)
{
	struct text plain = {0}, escaped = {0}, back = {0};

	for (size_t i = 0; i < bytes.size; i++)
		if ((bytes.data[i] >= ' ' && bytes.data[i] < 0x7f) || bytes.data[i] == '\n' ||
		    bytes.data[i] == '\r')
			text_add_char(&plain, bytes.data[i]);
	text_add_escaped(&escaped, text_since(&plain, 0), "=\n\r", SIZE_MAX);
	for (size_t i = 0; i < escaped.size; i++) {
		char c = escaped.data[i];

		MUST(c != '\n' && c != '\r' && c != '=');
		if (c == '\\') {
			c = escaped.data[++i];
			c = c == 'n' ? '\n' : c == 'r' ? '\r' : c;
		}
		text_add_char(&back, c);
	}
	MUST(bytes_equal(text_since(&back, 0), text_since(&plain, 0)));
	text_cut(&back, 0);
	text_add_escaped(&back, bytes, "=", bytes.size / 2);
	text_free(&plain);
	text_free(&escaped);
	text_free(&back);
}

/* FIELD=value lines; FIELD, a size and so many bytes. */
static void check_journal(const struct text *text)
{
	const char *at = text->data, *end = text->data + text->size;

	while (at < end) {
		const char *name = at;
		uint64_t size;

		while (at < end && ((*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') ||
				    (*at == '_' && at > name)))
			at++;
		MUST(at > name && at - name <= 64 && at < end);
		if (*at == '=') {
			at = memchr(at, '\n', (size_t)(end - at));
			MUST(at != NULL);
			at++;
			continue;
		}
		MUST(*at++ == '\n' && end - at > (long)sizeof(size));
		memcpy(&size, at, sizeof(size));
		at += sizeof(size);
		MUST(size < (uint64_t)(end - at) && at[size] == '\n');
		at += size + 1;
	}
}

/* The line that tells what the caller is, and the record that names it. */
static void check_reference(const struct record *record, const struct record_context *context)
{
	struct record named = *record;
	struct text text = {0};

	if (!record->caller)
		return;
	named.caller_id = bytes_of("0123456789abcdef01234567");
	MUST(!ecs_write_reference(&named, context, &text));
	check_line(&text);
	check_json(&text);
	text_cut(&text, 0);
	named.action = RECORD_CALLER_SEEN;
	MUST(!ecs_write(&named, context, &text));
	check_line(&text);
	check_json(&text);
	text_free(&text);
}

static void check_formats(const struct record *record, const struct record_context *context)
{
	static void (*const checks[RECORD_FORMATS])(const struct text *text) = {
		[FORMAT_ECS] = check_json,
		[FORMAT_OCSF] = check_json,
		[FORMAT_CEF] = check_cef,
		[FORMAT_RFC5424] = check_rfc5424,
		[FORMAT_JOURNAL] = check_journal,
		[FORMAT_ECS_WHOLE] = check_json,
		[FORMAT_ECS_REFERENCE] = check_json,
	};
	struct text all = {0}, text = {0};

	for (enum record_format i = 0; i < RECORD_FORMATS; i++) {
		struct bytes rest, line;

		text_cut(&all, 0);
		MUST(!format_write(i, record, context, &all));
		rest = text_since(&all, 0);
		while (format_take_line(i, &rest, &line)) {
			text_cut(&text, 0);
			text_add_bytes(&text, line);
			MUST(i == FORMAT_OCSF || !rest.size);
			if (i != FORMAT_JOURNAL)
				check_line(&text);
			if (checks[i])
				checks[i](&text);
		}
	}
	text_free(&all);
	text_free(&text);
}

/* Where nothing was masked, nothing was changed; and what was masked can be read again. */
static void check_mask(struct bytes args)
{
	struct text once = {0}, twice = {0};

	if (!args.size)
		return;
	if (!mask_args(&once, args))
		MUST(once.size - args.size <= 1 && !memcmp(once.data, args.data, args.size));
	mask_args(&twice, text_since(&once, 0));
	MUST(!once.error && !twice.error);
	text_free(&once);
	text_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const sockets[] = {"/run/docker.sock", "/run/\"\n", NULL};
	static const struct record_counter counters[] = {{"records", 1}, {"lost.x", UINT64_MAX}};
	struct input input = {data, size};
	struct process ancestors[2][ANCESTORS_MAX] = {0};
	struct caller caller = {0}, connector = {0};
	struct finding finding = {FINDING_PRIVILEGED, SEVERITY_HIGH};
	uint8_t shape = take_byte(&input);
	struct record_context context = {
		.host_name = shape & 1 ? "host\n" : NULL,
		.boot_id = shape & 2 ? "5a1c-0b52" : NULL,
		.run_id = shape & 4 ? "run" : NULL,
		.boot_to_real = (int64_t)take_number(&input),
		.user_name = shape & 8 ? any_name : NULL,
		.group_name = shape & 8 ? any_name : NULL,
	};
	struct record record = {
		.action = (enum record_action)(take_byte(&input) % RECORD_ACTION_MAX),
		.caller = shape & 16 ? &caller : NULL,
		.connector = shape & 32 ? &connector : NULL,
		.backend = "tracepoint",
		.sockets = shape & 64 ? sockets : NULL,
		.counters = counters,
		.counter_count = 2,
	};

	record.time = take_number(&input);
	record.sequence = take_number(&input);
	record.connection.id = take_number(&input);
	record.incomplete = (unsigned int)take_number(&input);
	record.error = (int)take_number(&input);
	record.connection.preexisting = shape & 128;
	take_http(&input, &record.http);
	record.connection.socket = take_bytes(&input);
	record.address = take_bytes(&input);
	take_caller(&input, &caller, ancestors[0]);
	take_caller(&input, &connector, ancestors[1]);
	take_event(&input, &record.event);
	take_cause(&input, &record.cause);
	take_boot(&input, &caller);
	take_boot(&input, &connector);
	record.id = take_bytes(&input);

	record.api.target_name = take_bytes(&input);
	finding.detail = take_bytes(&input);
	record.api.findings = &finding;
	record.api.finding_count = take_byte(&input) & 1;

	check_formats(&record, &context);
	check_reference(&record, &context);
	check_mask(caller.process.args);
	check_escapes(caller.process.args);

	free_http(&record.http);
	free_bytes(record.connection.socket);
	free_bytes(record.address);
	free_event(&record.event);
	free_bytes(record.cause.event_id);
	free_bytes(record.id);
	free_bytes(record.api.target_name);
	free_bytes(finding.detail);
	free_caller(&caller);
	free_caller(&connector);
	return 0;
}
