/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A few calls, as the conversation hands them to their reader, up to the records that are written of them.
 * The input is calls separated by RS (0x1e), each of fields separated by US (0x1f), of which any may be missing:
 *
 *	FLAGS METHOD TARGET MIME-TYPE STATUS
 *	body
 *	body of the answer
 *
 * Of a call of gRPC the body is its message.
 *
 * Whatever the bodies are, secrets are put where those belong: before the members of a body that are the
 * input's, and into the query. They must not come out again.
 */
#include "fuzz.h"

#include "base/text.h"
#include "conversation/exchange.h"
#include "docker/api/route.h"
#include "docker/api/shapes.h"
#include "docker/call/call.h"
#include "http/grpc.h"
#include "http/url.h"

#define CALLS_MAX 8

enum flag {
	FLAG_BYTES = 1 << 0,   /* byte by byte */
	FLAG_SECRETS = 1 << 1, /* put into the body */
	FLAG_QUERY = 1 << 2,   /* put into the query */
	FLAG_GAP = 1 << 3,     /* in the body */
	FLAG_OPEN = 1 << 4,    /* not seen to its end */
	FLAG_TIGHT = 1 << 5,   /* of the first call: next to no memory */
	FLAG_OTHER = 1 << 6,   /* another socket, another sender */
	FLAG_STAYS = 1 << 7,   /* until all are made: several at once */
};

/* --- where secrets belong --------------------------------------------------------------------- */

/* What must not come out: another one for each input, which therefore does not have it. Valid base64. */
static char canary[13];

static void choose_canary(const uint8_t *data, size_t size)
{
	uint64_t hash = 14695981039346656037u;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ data[i]) * 1099511628211u;
	for (size_t i = 0; i + 1 < sizeof(canary); i++, hash /= 26)
		canary[i] = (char)('A' + hash % 26);
}

static void add_secrets(struct text *out, const char *places)
{
	for (; *places; places++)
		if (*places == 2)
			text_add_string(out, canary);
		else
			text_add_char(out, *places);
}

#define C "\x02" /* stands for the canary */
#define PAIRS "{\"password\":\"" C "\",\"o\":\"username=u,password=" C "\"}"
#define ENV "[\"A=" C "\",\"TOKEN=" C "=" C "\"]"
#define ARGS                                                                                       \
	"[\"curl\",\"--password\",\"" C "\",\"--token=" C "\",\"-u\",\"me:" C "\",\"http://me:" C  \
	"@h/\"]"
#define SHELL "[\"sh\",\"-c\",\"curl -u me:" C " http://h\"]"
#define MOUNTS                                                                                     \
	"[{\"Type\":\"volume\",\"Target\":\"/t\",\"VolumeOptions\":{\"Labels\":{\"a\":\"" C        \
	"\"},\"DriverConfig\":{\"Options\":" PAIRS "}}}]"

/* The members that a body of this shape begins with. */
static const struct {
	const struct shape *shape;
	const char *members;
} places[] = {
	{&shape_container_create,
	 "\"Env\":" ENV ",\"Cmd\":" ARGS ",\"Entrypoint\":" SHELL ",\"Labels\":{\"a\":\"" C
	 "\"},\"Healthcheck\":{\"Test\":[\"" C
	 "\"]},\"HostConfig\":{\"LogConfig\":{\"Type\":\"x\",\"Config\":"
	 "{\"a\":\"" C "\"}},\"StorageOpt\":{\"a\":\"" C "\"},\"Annotations\":{\"a\":\"" C
	 "\"},\"Sysctls\":{\"net.token\":\"" C "\"},\"Mounts\":" MOUNTS "}"},
	{&shape_spec, "\"env\":{\"TOKEN\":\"" C "\"},\"command\":" ARGS ",\"entrypoint\":" SHELL
		      ",\"labels\":{\"a\":\"" C "\"},\"annotations\":{\"a\":\"" C
		      "\"},\"log_configuration\":{\"driver\":\"x\",\"options\":{\"a\":\"" C
		      "\"}},\"sysctl\":{\"net.token\":\"" C "\"},\"secret_env\":{\"A\":\"" C "\"}"},
	{&shape_pod, "\"infra_command\":" ARGS ",\"labels\":{\"a\":\"" C
		     "\"},\"pod_create_command\":" ARGS ",\"sysctl\":{\"net.token\":\"" C "\"}"},
	{&shape_limits, "\"Env\":" ENV},
	{&shape_volume_options, "\"Options\":" PAIRS ",\"Labels\":{\"a\":\"" C "\"}"},
	{&shape_network_options, "\"options\":" PAIRS ",\"labels\":{\"a\":\"" C "\"}"},
	{&shape_network_join, "\"options\":" PAIRS},
	{&shape_kube, "\"kind\":\"Secret\",\"data\":{\"a\":\"" C "\"},\"stringData\":{\"a\":\"" C
		      "\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"command\":" SHELL
		      ",\"args\":" ARGS ",\"env\":[{\"name\":\"A\",\"value\":\"" C
		      "\"}]}]},\"metadata\":{\"annotations\":{\"a\":\"" C "\"}}"},
	{&shape_container_start, "\"Mounts\":" MOUNTS},
	{&shape_exec_create, "\"Env\":" ENV ",\"Cmd\":" ARGS},
	{&shape_volume_create, "\"DriverOpts\":" PAIRS ",\"Labels\":{\"a\":\"" C "\"}"},
	{&shape_network_create,
	 "\"Options\":" PAIRS ",\"Labels\":{\"a\":\"" C "\"},\"IPAM\":\"" C "\""},
	{&shape_service_spec,
	 "\"Labels\":{\"a\":\"" C "\"},\"TaskTemplate\":{\"ContainerSpec\":{\"Env\":" ENV
	 ",\"Args\":" ARGS ",\"Command\":" SHELL ",\"Labels\":{\"a\":\"" C "\"},\"Mounts\":" MOUNTS
	 "}}"},
	{&shape_swarm_join, "\"JoinToken\":\"" C "\""},
	{&shape_secret_spec, "\"Data\":\"" C "\""},
};

#define QUERY "password=" C "&X-Registry-Auth=" C "&buildargs=%7B%22A%22%3A%22" C "%22%7D&token=" C

/* TARGET with secrets at the begin of its query. */
static void add_target(struct text *out, struct bytes target, unsigned int flags)
{
	const char *mark = target.size ? memchr(target.data, '?', target.size) : NULL;
	size_t size = mark ? (size_t)(mark - target.data) : target.size;

	if (!(flags & FLAG_QUERY)) {
		text_add_bytes(out, target);
		return;
	}
	text_add_bytes(out, (struct bytes){target.data, size});
	add_secrets(out, "?" QUERY);
	if (mark) {
		text_add_char(out, '&');
		text_add_bytes(out, bytes_from(target, size + 1));
	}
}

static const char *members_of(struct bytes method, struct bytes target)
{
	struct text path = {0};
	struct route_match match;
	const char *members = NULL;

	route_find(method_by_name(method), target, &path, &match);
	for (size_t i = 0; match.route && i < sizeof(places) / sizeof(*places); i++)
		if (match.route->body == places[i].shape)
			members = places[i].members;
	if (match.route && !match.route->body)
		members = "\"a\":\"" C "\"";
	text_free(&path);
	return members;
}

/* BODY, the members of an object, with secrets before them. */
static void add_body(struct text *out, struct bytes body, const char *members)
{
	if (members) {
		text_add_char(out, '{');
		add_secrets(out, members);
		if (body.size && *body.data == '{') {
			body = bytes_from(body, 1);
			if (body.size && *body.data != '}')
				text_add_char(out, ',');
		}
	}
	text_add_bytes(out, body);
}

/* --- the input -------------------------------------------------------------------------------- */

/* Takes from INPUT what stands before SEPARATOR, and that; or all. */
static struct bytes take(struct bytes *input, char separator)
{
	const char *end = input->size ? memchr(input->data, separator, input->size) : NULL;
	struct bytes part = *input;

	if (!end) {
		*input = (struct bytes){0};
		return part;
	}
	part.size = (size_t)(end - part.data);
	*input = bytes_from(*input, part.size + 1);
	return part;
}

/* A copy of its own size, so that ASan sees a read beyond it. */
static char *copy(struct bytes bytes)
{
	char *ret = malloc(bytes.size ? bytes.size : 1);

	MUST(ret);
	if (bytes.size)
		memcpy(ret, bytes.data, bytes.size);
	return ret;
}

static char *string(struct bytes bytes)
{
	char *ret = bytes.size ? strndup(bytes.data, bytes.size) : NULL;

	MUST(ret || !bytes.size);
	return ret;
}

static void hand_over(struct exchange *exchange, struct bytes bytes, bool single,
		      void (*to)(struct exchange *exchange, const char *bytes, size_t size))
{
	while (bytes.size) {
		struct bytes part = {bytes.data, single ? 1 : bytes.size};
		char *piece = copy(part);

		to(exchange, piece, part.size);
		free(piece);
		bytes = bytes_from(bytes, part.size);
	}
}

/* --- the records ------------------------------------------------------------------------------ */

static void check_line(const struct text *text)
{
	MUST(!text->error && text->size > 1 && text->data[text->size - 1] == '\n');
	for (size_t i = 0; i + 1 < text->size; i++)
		MUST((unsigned char)text->data[i] >= 0x20 && text->data[i] != 0x7f);
	MUST(!memmem(text->data, text->size, canary, strlen(canary)));
}

static void check_api(const struct record_api *api)
{
	enum finding_severity before = SEVERITY_CRITICAL;

	for (unsigned int i = 0; i < api->finding_count; i++) {
		MUST(api->findings[i].severity > SEVERITY_NONE);
		MUST(api->findings[i].severity <= before);
		before = api->findings[i].severity;
	}
	for (unsigned int i = 0; i < api->fact_count; i++)
		MUST(api->facts[i].count <= api->facts[i].room);
}

static void write_record(struct calls *calls, struct exchange *exchange, unsigned int flags)
{
	static const struct record_context context = {
		.host_name = "h", .boot_id = "b", .run_id = "r"};
	static const char root[] = "/";
	struct caller caller = {
		.process = {.pid = 1 + (flags & 1), .start = 1},
		.login_uid = CALLERD_UNSET_ID,
		.root = {root, 1},
	};
	struct record record = {
		.action = RECORD_API_REQUEST,
		.time = 1,
		.caller = flags & FLAG_OTHER ? NULL : &caller,
		.connector = flags & FLAG_OTHER ? &caller : NULL,
	};
	struct text text = {0};

	exchange_describe(exchange, &record);
	calls_describe_caller(calls, &record);
	check_api(&record.api);
	MUST(!ecs_write(&record, &context, &text));
	check_line(&text);
	text_cut(&text, 0);
	MUST(!human_write(&record, &context, &text));
	check_line(&text);
	text_free(&text);
}

/* --- the calls -------------------------------------------------------------------------------- */

static void feed_body(struct exchange *exchange, struct bytes body, unsigned int flags)
{
	struct bytes rest = {0};

	if (body.size && flags & (FLAG_GAP | FLAG_OPEN)) {
		rest = bytes_from(body, body.size / 2);
		body.size /= 2;
	}
	hand_over(exchange, body, flags & FLAG_BYTES, exchange_body);
	if (flags & FLAG_GAP) {
		exchange_body_gap(exchange);
		hand_over(exchange, rest, flags & FLAG_BYTES, exchange_body);
	}
}

static void answer(struct exchange *exchange, int status, struct bytes body, unsigned int flags)
{
	struct http1_head head = {.status = status, .content_length = body.size};
	struct text text = {0};

	if (status < 200 && status != 101)
		return;
	head.framing = flags & 1 ? HTTP1_BODY_LENGTH : HTTP1_BODY_UNTIL_CLOSE;
	exchange_answer(exchange, &head, 2);
	if (flags & FLAG_SECRETS && body.size && *body.data == '{')
		add_body(&text, body, "\"Token\":\"" C "\",\"Warnings\":[\"" C "\"]");
	else
		text_add_bytes(&text, body);
	hand_over(exchange, text_since(&text, 0), flags & FLAG_BYTES, exchange_answer_body);
	text_free(&text);
	if (!(flags & FLAG_OPEN))
		exchange_outcome(exchange, flags & 1 ? 0 : status % 20, 3);
}

/* Adds a field of a map of texts, as Solve has its attributes: the key, and a value with the canary. */
static void add_attribute(struct text *out, const char *key, const char *before, const char *behind)
{
	size_t value = strlen(before) + strlen(canary) + strlen(behind);
	size_t size = strlen(key) + value + 4;

	MUST(size < 128);
	text_add(out, (char[]){0x3a, (char)size, 0x0a, (char)strlen(key)}, 4);
	text_add_string(out, key);
	text_add(out, (char[]){0x12, (char)value}, 2);
	text_add_string(out, before);
	text_add_string(out, canary);
	text_add_string(out, behind);
}

/* The message of a call of gRPC: BODY, with secrets before it where a build has them. */
static void add_message(struct text *out, struct bytes body, unsigned int flags)
{
	struct text message = {0};

	if (flags & FLAG_SECRETS) {
		add_attribute(&message, "build-arg:A", "", "");
		add_attribute(&message, "label:l", "", "");
		add_attribute(&message, "unknown", "", "");
		add_attribute(&message, "context", "https://u:", "@h/x.git");
	}
	text_add_bytes(&message, body);
	text_add(out,
		 (char[]){0, 0, (char)(message.size >> 16), (char)(message.size >> 8),
			  (char)message.size},
		 5);
	text_add_bytes(out, text_since(&message, 0));
	text_free(&message);
}

static struct exchange *make_call(const struct calls *calls, struct bytes input,
				  unsigned int *ret_flags)
{
	struct exchange *exchange = exchange_new(1, 1, 0, 1, calls_reader(calls));
	struct bytes head = take(&input, '\x1f'), body = take(&input, '\x1f'),
		     reply = take(&input, '\x1f');
	struct bytes flag_text = take(&head, ' '), method = take(&head, ' ');
	struct bytes target = take(&head, ' '), type = take(&head, ' ');
	unsigned int flags = flag_text.size ? (unsigned char)*flag_text.data : 0;
	struct text text = {0};

	MUST(exchange);
	*ret_flags = flags;
	if (method.size >= sizeof(exchange->method))
		method.size = sizeof(exchange->method) - 1;
	memcpy(exchange->method, method.data ?: "", method.size);
	exchange->http.verb = method_by_name(bytes_of(exchange->method));
	add_target(&text, target, flags);
	exchange->target = copy(text_since(&text, 0));
	exchange->target_size = text.size;
	exchange->mime_type = string(type);
	exchange->has_head = exchange->http.has_request_bytes = true;
	exchange->complete = !(flags & FLAG_OPEN);
	exchange->http.version_minor = 1;
	exchange->http.grpc = exchange->http.http2 = exchange->http.verb == METHOD_POST &&
						     exchange->mime_type &&
						     grpc_is(exchange->mime_type);
	text_cut(&text, 0);
	/* The type may hold a NUL: what is told of it ends there. */
	if (exchange->http.grpc)
		add_message(&text, body, flags);
	else
		add_body(&text, body,
			 flags & FLAG_SECRETS ? members_of(bytes_of(exchange->method),
							   (struct bytes){exchange->target,
									  exchange->target_size})
					      : NULL);
	exchange->http.request_bytes = text.size;
	exchange_read(exchange, flags & FLAG_OTHER ? 1 : 0);
	feed_body(exchange, text_since(&text, 0), flags);
	text_free(&text);
	answer(exchange, head.size ? (int)(strtol(head.data, NULL, 10) % 1000) : 0, reply, flags);
	return exchange;
}

/* What was counted was given back: with no memory at all, one call at a time is still read. */
static void check_memory(const struct calls *calls)
{
	struct exchange *exchange = exchange_new(1, 1, 0, 1, calls_reader(calls));
	struct record record = {.action = RECORD_API_REQUEST};

	MUST(exchange);
	strcpy(exchange->method, "POST");
	exchange->http.verb = METHOD_POST;
	exchange->target = strdup("/networks/create");
	exchange->target_size = strlen(exchange->target);
	exchange->has_head = exchange->complete = exchange->http.has_request_bytes = true;
	exchange->http.request_bytes = 2;
	exchange_read(exchange, 0);
	exchange_body(exchange, "{}", 2);
	exchange_describe(exchange, &record);
	MUST(!record.api.finding_count);
	exchange_free(exchange);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes input = {(const char *)data, size};
	struct inventory *inventories[2];
	struct exchange *staying[CALLS_MAX];
	unsigned int staying_flags[CALLS_MAX], staying_count = 0;
	struct calls_options options = {
		.socket_count = 2,
		.inventories = inventories,
		.memory_max = size && *data & FLAG_TIGHT ? 0 : 1 << 20,
	};
	struct calls *calls;
	char *text;

	choose_canary(data, size);
	/* As a text of C, for strtol(). */
	text = malloc(size + 1);
	MUST(text && !inventory_new(4, &inventories[0]) && !inventory_new(4, &inventories[1]));
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	input.data = text;
	MUST(!calls_new(&options, &calls));
	for (unsigned int i = 0; i < CALLS_MAX && input.size; i++) {
		unsigned int flags;
		struct exchange *exchange = make_call(calls, take(&input, '\x1e'), &flags);

		if (flags & FLAG_STAYS) {
			staying_flags[staying_count] = flags;
			staying[staying_count++] = exchange;
			continue;
		}
		write_record(calls, exchange, flags);
		exchange_free(exchange);
	}
	for (unsigned int i = 0; i < staying_count; i++) {
		write_record(calls, staying[i], staying_flags[i]);
		exchange_free(staying[i]);
	}
	if (!options.memory_max)
		check_memory(calls);
	calls_free(calls);
	inventory_free(inventories[0]);
	inventory_free(inventories[1]);
	free(text);
	return 0;
}
