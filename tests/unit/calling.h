/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls as the conversation hands them to their reader, and what is said of each as one line of text:
 *
 *	OPERATION VERSION TYPE NAME <ID> IMAGE of CONTAINER <ID> | FINDINGS | FACTS | TECHNIQUES
 *
 * Every call is made whole, byte by byte and in pieces of random sizes. In bodies ' stands for ". Of an id of
 * 64 digits the first four are told.
 */
#ifndef CALLERD_TEST_CALLING_H
#define CALLERD_TEST_CALLING_H

#include "unit.h"

#include "base/idtree.h"
#include "base/text.h"
#include "conversation/exchange.h"
#include "docker/api/shapes.h"
#include "docker/call/call.h"
#include "docker/judge/verdict.h"
#include "record/names.h"

#define PROGRAM "/usr/bin/docker"
#define PROGRAM_INODE 77 /* of what the host has there */
#define STARTED 1000000000ull
#define AMPLE (8u << 20)
#define FORM "application/x-www-form-urlencoded"

/* Ids, of one digit throughout. */
#define ID(digit) digit digit digit digit
#define ID_OF(digit) ID(ID(ID(digit)))
#define A_ID ID_OF("a")
#define B_ID ID_OF("b")
#define C_ID ID_OF("c")
#define D_ID ID_OF("d")
#define E_ID ID_OF("e")

enum split { SPLIT_NOT, SPLIT_BYTES, SPLIT_RANDOM, SPLITS };

/* How much of a request's body is seen. */
enum seen { SEEN_WHOLE, SEEN_WITH_GAP, SEEN_NOT_TO_ITS_END };

struct asked {
	const char *what;      /* "POST /v1.41/containers/create?name=web"; " ": not seen */
	const char *body;      /* NULL: none */
	const char *mime_type; /* NULL: application/json */
	int status;	       /* 0: 200; NO_ANSWER: none came */
	const char *answer;    /* its body; NULL: empty */
	enum seen seen;
	bool endless;		/* the answer, as far as its head says */
	bool unsure;		/* the answer may be content of another one */
	unsigned int anomalies; /* HTTP1_ANOMALY_* */
	const struct caller *caller, *connector;
	const struct caller *candidates[2]; /* who may have sent it */
	unsigned int socket;
};

#define NO_ANSWER (-1)

struct world {
	enum split split;
	unsigned int random;
	struct inventory *inventories[2];
	struct policy *policy;
	struct calls_options options;
	struct calls *calls;
	struct text told, begun;
	unsigned int answered, changed;
	uint64_t account;	     /* of the calls */
	char created[ID_DIGITS + 1]; /* the last one; empty: none */
	char asked[64];		     /* by its name, likewise */
};

/* --- the host --------------------------------------------------------------------------------- */

/* Where /srv/moves leads to; NULL: nowhere. */
static const char *moving;

static inline enum host_path_end resolve_path(void *data, const char *path, char *out, size_t size)
{
	static const char *const links[][2] = {
		{"/srv/all", "/"}, {"/srv/conf", "/etc"}, {"/srv/none", "/srv/none"}};

	if (!strcmp(path, "/srv/lost"))
		return HOST_PATH_LOST;
	if (moving && !strcmp(path, "/srv/moves"))
		return snprintf(out, size, "%s", moving) < (int)size ? HOST_PATH_KNOWN
								     : HOST_PATH_LOST;
	for (size_t i = 0; i < COUNT(links); i++)
		if (!strcmp(path, links[i][0]))
			return snprintf(out, size, "%s", links[i][1]) < (int)size ? HOST_PATH_KNOWN
										  : HOST_PATH_LOST;
	return HOST_PATH_UNKNOWN;
}

static inline bool is_disk(void *data, const char *path)
{
	return !strcmp(path, "/srv/disk");
}

static inline bool user_name(void *data, uint32_t uid, char *name, size_t size)
{
	return uid == 1000 && snprintf(name, size, "alice") > 0;
}

static const char *const engine_sockets[] = {"/srv/engine/engine.sock", NULL};
static const struct host_files host_files = {
	.resolve = resolve_path, .is_block_device = is_disk, .sockets = engine_sockets};
static const struct record_context record_context = {.user_name = user_name};

/* --- the world -------------------------------------------------------------------------------- */

static inline void world_answered(void *data, unsigned int socket)
{
	((struct world *)data)->answered++;
}

static inline void world_created(void *data, unsigned int socket, struct bytes container)
{
	struct world *world = data;

	if (container.size == ID_DIGITS)
		memcpy(world->created, container.data, ID_DIGITS);
	else
		snprintf(world->asked, sizeof(world->asked), "%.*s", (int)container.size,
			 container.data);
}

static inline void world_changed(void *data, unsigned int socket)
{
	((struct world *)data)->changed++;
}

/* A container that is known: its id is DIGIT's. */
static inline void know_container(struct inventory *inventory, const char *id, const char *name,
				  const char *user)
{
	struct inventory_container container = {
		.id = bytes_of(id),
		.name = bytes_of(name),
		.image = bytes_of("alpine"),
		.user = bytes_of(user),
		.inspected = true,
	};

	assert_int_equal(inventory_put_container(inventory, &container), 0);
}

/* Containers web <aaaa>, which is harmless, and donor <dddd>, which is not; the exec <eeee> in web; volumes
 * conf, which is /etc, and plain. */
static inline void know_some(struct inventory *inventory)
{
	static const struct inventory_volume volumes[] = {
		{.name = {"conf", 4}, .host_path = {"/etc", 4}},
		{.name = {"plain", 5}, .host_path = {"", 0}},
	};
	struct inventory_container donor = {
		.id = bytes_of(D_ID),
		.name = bytes_of("donor"),
		.image = bytes_of("busybox"),
		.findings = {{FINDING_HOST_ROOT_MOUNT, SEVERITY_CRITICAL, bytes_of("the root")},
			     {FINDING_PRIVILEGED, SEVERITY_CRITICAL, bytes_of("all of it")},
			     {FINDING_VOLUME_HOST_PATH, SEVERITY_HIGH, bytes_of("a path")},
			     {FINDING_HOST_PATH_MOUNT, SEVERITY_LOW, bytes_of("a log")},
			     {FINDING_ENGINE_SOCKET_MOUNT, SEVERITY_HIGH, bytes_of("a socket")}},
		.finding_count = 5,
	};
	struct inventory_exec exec = {
		.id = bytes_of(E_ID),
		.container_id = bytes_of(A_ID),
		.findings = {{FINDING_EXEC_PRIVILEGED, SEVERITY_CRITICAL,
			      bytes_of("it was asked for")}},
		.finding_count = 1,
	};

	know_container(inventory, A_ID, "web", "1000");
	assert_int_equal(inventory_put_container(inventory, &donor), 0);
	assert_int_equal(inventory_put_exec(inventory, &exec), 0);
	for (size_t i = 0; i < COUNT(volumes); i++)
		assert_int_equal(inventory_put_volume(inventory, &volumes[i]), 0);
}

static inline bool is_program(void *data, struct bytes path, const struct callerd_node_key *file)
{
	return bytes_equal(path, bytes_of(PROGRAM)) && file->inode == PROGRAM_INODE;
}

static struct record_server other_server; /* pid 0: it is the usual one */

static inline const struct record_server *server_of(void *data, unsigned int socket)
{
	return other_server.pid ? &other_server : NULL;
}

static inline void world_open(struct world *world)
{
	for (size_t i = 0; i < COUNT(world->inventories); i++)
		assert_int_equal(inventory_new(64, &world->inventories[i]), 0);
	assert_int_equal(policy_new(&world->policy), 0);
	world->options = (struct calls_options){
		.socket_count = COUNT(world->inventories),
		.inventories = world->inventories,
		.files = &host_files,
		.policy = world->policy,
		.context = &record_context,
		.is_program = is_program,
		.server = server_of,
		.memory_max = AMPLE,
		.data = world,
		.answered = world_answered,
		.created = world_created,
		.changed = world_changed,
	};
	assert_int_equal(calls_new(&world->options, &world->calls), 0);
}

static inline void world_close(struct world *world)
{
	calls_free(world->calls);
	policy_free(world->policy);
	for (size_t i = 0; i < COUNT(world->inventories); i++)
		inventory_free(world->inventories[i]);
	text_free(&world->told);
	text_free(&world->begun);
	*world = (struct world){.split = world->split};
}

/* What was set up anew: of the options, which calls_new() copies. */
static inline void world_renew(struct world *world)
{
	calls_free(world->calls);
	assert_int_equal(calls_new(&world->options, &world->calls), 0);
}

/* --- a call ----------------------------------------------------------------------------------- */

/* A request on its way. */
struct way {
	struct exchange *exchange;
	char *body, *answer;
	size_t body_size;
};

/* A copy of TEXT of its own size, so that ASan sees a read beyond it, with " for '. */
static inline char *quoted(const char *text, size_t *ret_size)
{
	size_t size = text ? strlen(text) : 0;
	char *copy = malloc(size ? size : 1);

	assert_non_null(copy);
	for (size_t i = 0; i < size; i++)
		copy[i] = (char)(text[i] == '\'' ? '"' : text[i]);
	*ret_size = size;
	return copy;
}

/* Hands over BYTES in the pieces that the world is made of. */
static inline void feed(struct world *world, struct exchange *exchange, const char *bytes,
			size_t size,
			void (*take)(struct exchange *exchange, const char *bytes, size_t size))
{
	while (size) {
		size_t part = size;

		if (world->split == SPLIT_BYTES)
			part = 1;
		else if (world->split == SPLIT_RANDOM)
			part = 1 +
			       (world->random = world->random * 1103515245 + 12345) / 65536 % 16;
		if (part > size)
			part = size;
		take(exchange, bytes, part);
		bytes += part;
		size -= part;
	}
}

static inline void way_begin(struct world *world, const struct asked *request, struct way *way)
{
	size_t method = strcspn(request->what, " ");
	struct exchange *exchange = exchange_new(1, 1, 0, STARTED, calls_reader(world->calls));
	const char *mime_type = request->mime_type ?: request->body ? "application/json" : NULL;

	exchange->account = world->account;
	assert_non_null(exchange);
	*way = (struct way){.exchange = exchange};
	way->body = quoted(request->body, &way->body_size);
	exchange->has_head = true;
	exchange->complete = request->seen == SEEN_WHOLE;
	exchange->http.status_unsure = request->unsure;
	exchange->http.anomalies = request->anomalies;
	exchange->http.version_minor = 1;
	memcpy(exchange->method, request->what, method);
	exchange->http.verb = method_by_name(bytes_of(exchange->method));
	exchange->target = quoted(request->what + method + 1, &exchange->target_size);
	exchange->mime_type = mime_type ? strdup(mime_type) : NULL;
	exchange->http.has_request_bytes = true;
	exchange->http.request_bytes = way->body_size;
	exchange_read(exchange, request->socket);
}

static inline void way_body(struct world *world, const struct asked *request, struct way *way)
{
	size_t half = request->seen == SEEN_WHOLE ? way->body_size : way->body_size / 2;

	feed(world, way->exchange, way->body, half, exchange_body);
	if (request->seen != SEEN_WITH_GAP)
		return;
	exchange_body_gap(way->exchange);
	feed(world, way->exchange, way->body + half + 1, way->body_size - half - 1, exchange_body);
}

static inline void way_answer(struct world *world, const struct asked *request, struct way *way)
{
	struct http1_head head = {.status = request->status ?: 200};
	size_t size;

	if (request->status == NO_ANSWER)
		return;
	way->answer = quoted(request->answer, &size);
	head.framing = request->endless ? HTTP1_BODY_UNTIL_CLOSE : HTTP1_BODY_LENGTH;
	head.content_length = size;
	exchange_answer(way->exchange, &head, STARTED + 1);
	feed(world, way->exchange, way->answer, size, exchange_answer_body);
}

static inline void tell(struct text *out, const struct record *record);

static inline void add_candidates(struct record *record, const struct asked *request)
{
	record->candidates = request->candidates;
	while (record->candidate_count < 2 && request->candidates[record->candidate_count])
		record->candidate_count++;
}

/* Tells in world->begun what is known while there is no answer. That it was told changes nothing. */
static inline void way_going_on(struct world *world, const struct asked *request, struct way *way)
{
	struct record record = {
		.action = RECORD_API_STARTED,
		.caller = request->caller,
		.connector = request->connector,
	};

	add_candidates(&record, request);
	exchange_describe(way->exchange, &record);
	calls_describe_caller(world->calls, &record);
	text_cut(&world->begun, 0);
	tell(&world->begun, &record);
	exchange_written(way->exchange, record.action, NULL);
	assert_null(record.id.data);
}

/* Tells the request in world->told. */
static inline void way_end(struct world *world, const struct asked *request, struct way *way)
{
	struct record record = {
		.action = RECORD_API_REQUEST,
		.caller = request->caller,
		.connector = request->connector,
	};

	add_candidates(&record, request);
	exchange_describe(way->exchange, &record);
	calls_describe_caller(world->calls, &record);
	text_cut(&world->told, 0);
	tell(&world->told, &record);
	assert_int_equal(world->told.error, 0);
	exchange_written(way->exchange, record.action, NULL);
	exchange_free(way->exchange);
	free(way->body);
	free(way->answer);
}

static inline void make_call(struct world *world, const struct asked *request)
{
	struct way way;

	way_begin(world, request, &way);
	way_body(world, request, &way);
	way_going_on(world, request, &way);
	way_answer(world, request, &way);
	way_end(world, request, &way);
}

/* Makes the call; the line that is told of it must be TOLD. */
static inline void expect_call(struct world *world, const struct asked *request, const char *told)
{
	make_call(world, request);
	if (strcmp(world->told.data, told) != 0)
		fail_msg("%s %.300s\nsays   %s\nwanted %s", request->what, request->body ?: "",
			 world->told.data, told);
}

/* --- the line --------------------------------------------------------------------------------- */

static inline void tell_name(struct text *out, const char *before, struct bytes name)
{
	if (!name.data || !name.size)
		return;
	text_add_string(out, before);
	text_add_bytes(out, name);
}

static inline void tell_id(struct text *out, struct bytes id)
{
	if (!id.size)
		return;
	text_add_string(out, " <");
	text_add_bytes(out, id.size == ID_DIGITS ? (struct bytes){id.data, 4} : id);
	text_add_char(out, '>');
}

static inline void tell_fact(struct text *out, const struct record_fact *fact)
{
	text_add_char(out, ' ');
	text_add_string(out, fact->name);
	if (fact->kind != FACT_TRUE)
		text_add_char(out, '=');
	text_add_bytes(out, fact->text);
	for (unsigned int i = 0; i < fact->count; i++) {
		if (i)
			text_add_string(out, ";");
		text_add_bytes(out, fact->list[i]);
	}
	if (fact->cut)
		text_add_string(out, ";…");
}

static inline void tell_findings(struct text *out, const struct record_api *api)
{
	text_add_string(out, " |");
	for (unsigned int i = 0; i < api->finding_count; i++) {
		const struct finding *finding = &api->findings[i];

		text_add_string(out, i ? "; " : " ");
		text_add_string(out, finding_kind(finding->id)->id);
		text_add_char(out, ' ');
		text_add_string(out, finding_severity_name(finding->severity));
		tell_name(out, ": ", finding->detail);
		if (i) /* the gravest first */
			assert_in_range(finding->severity, SEVERITY_INFO, finding[-1].severity);
	}
}

static inline void tell(struct text *out, const struct record *record)
{
	const struct record_api *api = &record->api;

	text_add_string(out, operation_name(api->operation) ?: "?");
	tell_name(out, " ", api->version);
	if (api->target_type)
		tell_name(out, " ", bytes_of(name_target(api->target_type)));
	tell_name(out, " ", api->target_name);
	tell_id(out, api->target_id);
	tell_name(out, " ", api->target_image);
	if (api->container_id.size || api->container_name.size)
		text_add_string(out, " of");
	tell_name(out, " ", api->container_name);
	tell_id(out, api->container_id);
	tell_findings(out, api);
	text_add_string(out, " |");
	for (unsigned int i = 0; i < api->fact_count; i++)
		tell_fact(out, &api->facts[i]);
	text_add_string(out, " |");
	for (unsigned int i = 0; i < api->technique_count; i++)
		tell_name(out, " ", bytes_of(finding_technique_name(api->techniques[i])));
	tell_name(out, " | from ", record->container_name);
	tell_name(out, " ", record->container_image);
	if (api->expected_rule)
		tell_name(out, " | expected by ", bytes_of(api->expected_rule));
	tell_name(out, " | failed: ", record->http.failure);
}

/* The part of what was told that is number NUMBER, without the spaces around it; of static memory. */
static inline const char *part_told(const struct world *world, unsigned int number)
{
	static char part[4096];
	const char *at = world->told.data, *end;

	for (; number; number--)
		at = strstr(at, " |") + 2;
	end = strstr(at, " |");
	at += *at == ' ' && at != end;
	snprintf(part, sizeof(part), "%.*s", end ? (int)(end - at) : (int)strlen(at), at);
	return part;
}

enum { TOLD_TARGET, TOLD_FINDINGS, TOLD_FACTS, TOLD_TECHNIQUES };

#endif
