// SPDX-License-Identifier: Apache-2.0
#include "docker/buildkit/build.h"

#include <stdlib.h>

#include "http/grpc_message.h"

#define ITEMS_MAX 128  /* of a kind */
#define VALUE_MAX 1024 /* bytes of a name or value */

enum build_id {
	ID_NONE,
	ID_REFERENCE,
	ID_FRONTEND,
	ID_ATTRIBUTE,
	ID_OUTPUT,
	ID_OUTPUT_TYPE,
	ID_OUTPUT_ATTRIBUTE,
	ID_CACHE,
	ID_CACHE_TO,
	ID_CACHE_FROM,
	ID_CACHE_TO_NAME,
	ID_CACHE_FROM_NAME,
	ID_CACHE_TYPE,
	ID_CACHE_ATTRIBUTE,
	ID_ENTITLEMENT,
	ID_DEFINITION,
	ID_INPUT,
	ID_INTERNAL,
	ID_POLICY,
	ID_KEY,
	ID_VALUE,
	ID_STEP,
	ID_PART, /* of a message that says nothing by itself */
	ID_SOURCE,
	ID_SECRET,
	ID_SSH,
	ID_DEVICE,
	ID_CGROUP_PARENT,
	ID_NETWORK,
	ID_SECURITY,
	ID_DELETE,
	ID_NAMED,
	ID_RESULT,
};

/* --- the messages, as BuildKit's proto files have them, up to 0.32 ------------------------------- */

typedef const struct protobuf_field fields[];

static fields entry = {{1, ID_KEY}, {2, ID_VALUE}, {0}};

static fields secret_option = {{1, ID_SECRET}, {0}}, ssh_option = {{1, ID_SSH}, {0}},
	      device = {{1, ID_DEVICE}, {0}};
static fields mount = {{21, ID_PART, secret_option}, {22, ID_PART, ssh_option}, {0}};
static fields meta = {{10, ID_CGROUP_PARENT}, {0}};
static fields step_exec = {{1, ID_PART, meta},
			   {2, ID_PART, mount},
			   {3, ID_NETWORK, NULL, true},
			   {4, ID_SECURITY, NULL, true},
			   {5, ID_PART, secret_option},
			   {6, ID_PART, device},
			   {0}};
static fields step_source = {{1, ID_SOURCE}, {0}};
static fields step = {{2, ID_PART, step_exec}, {3, ID_PART, step_source}, {0}};
static fields definition = {{1, ID_STEP, step}, {0}};
static fields input = {{2, ID_PART, definition}, {0}};

static fields cache_entry = {{1, ID_CACHE_TYPE}, {2, ID_CACHE_ATTRIBUTE, entry}, {0}};
static fields cache = {{1, ID_CACHE_TO_NAME},
		       {2, ID_CACHE_FROM_NAME},
		       {4, ID_CACHE_TO, cache_entry},
		       {5, ID_CACHE_FROM, cache_entry},
		       {0}};
static fields output = {{1, ID_OUTPUT_TYPE}, {2, ID_OUTPUT_ATTRIBUTE, entry}, {0}};
static fields nothing = {{0}};

static fields solve = {{1, ID_REFERENCE},
		       {2, ID_DEFINITION, definition},
		       {3, ID_OUTPUT_TYPE},
		       {4, ID_OUTPUT_ATTRIBUTE, entry},
		       {6, ID_FRONTEND},
		       {7, ID_ATTRIBUTE, entry},
		       {8, ID_CACHE, cache},
		       {9, ID_ENTITLEMENT},
		       {10, ID_INPUT, input},
		       {11, ID_INTERNAL, NULL, true},
		       {12, ID_POLICY, nothing},
		       {13, ID_OUTPUT, output},
		       {0}};
static fields frontend_solve = {{1, ID_DEFINITION, definition},
				{2, ID_FRONTEND},
				{3, ID_ATTRIBUTE, entry},
				{12, ID_CACHE_FROM, cache_entry},
				{13, ID_INPUT, input},
				{15, ID_POLICY, nothing},
				{0}};
static fields container = {{2, ID_PART, mount}, {3, ID_NETWORK, NULL, true}, {0}};
static fields process = {{2, ID_PART, meta}, {5, ID_SECURITY, NULL, true}, {0}};
static fields container_exec = {{2, ID_PART, process}, {0}};
static fields history = {{1, ID_REFERENCE}, {3, ID_DELETE, NULL, true}, {0}};
static fields named = {{1, ID_NAMED}, {0}}, token = {{2, ID_NAMED}, {0}};
static fields result = {{1, ID_RESULT, entry}, {0}};

static const struct protobuf_field *const messages[] = {
	[BUILD_MESSAGE_SOLVE] = solve,	       [BUILD_MESSAGE_FRONTEND] = frontend_solve,
	[BUILD_MESSAGE_CONTAINER] = container, [BUILD_MESSAGE_EXEC] = container_exec,
	[BUILD_MESSAGE_HISTORY] = history,     [BUILD_MESSAGE_NAMED] = named,
	[BUILD_MESSAGE_TOKEN] = token,	       [BUILD_MESSAGE_RESULT] = result,
};

/* --- what is kept --------------------------------------------------------------------------------- */

struct build {
	struct grpc_message message;
	struct build_item *first, **end;
	unsigned int counts[BUILD_KINDS];
	struct bytes reference, frontend;
	unsigned int flags;
	char key[VALUE_MAX]; /* of the entry at hand, and its value */
	char value[VALUE_MAX];
	size_t key_size, value_size;
	bool cut_value;
	struct build_item *cache;
	unsigned int output,
		outputs; /* the one at hand, and how many came; 0: as older clients say it */
};

/* What of the frontend's attributes is kept: keys of dockerui and the gateway. */
static const char *const attributes[] = {
	"filename",
	"target",
	"platform",
	"context",
	"force-network-mode",
	"add-hosts",
	"cgroup-parent",
	"hostname",
	"shm-size",
	"ulimit",
	"no-cache",
	"source",
	"cmdline",
	"cache-from",
	"attest:provenance",
	"attest:sbom",
	"vcs:source",
	"vcs:revision",
	"build-arg:BUILDKIT_SYNTAX",
	"devices",
};
static const char *const output_attributes[] = {"name", "push", "dest", "registry.insecure",
						"push-by-digest"};
static const char *const cache_attributes[] = {"ref", "src", "dest", "scope", "name", "bucket"};
static const char *const results[] = {"containerimage.digest", "containerimage.config.digest",
				      "image.name"};

static struct bytes build_keep(struct build *build, struct bytes text)
{
	struct bytes kept;

	if (text.size > VALUE_MAX) {
		text.size = VALUE_MAX;
		build->message.cut = true;
	}
	build->message.cut |= !grpc_message_keep(&build->message, text, &kept);
	return kept;
}

static struct build_item *find_item(const struct build *build, enum build_kind kind,
				    unsigned int number, struct bytes name)
{
	for (struct build_item *one = build->first; one; one = one->next)
		if (one->kind == kind && one->output == number && bytes_equal(one->name, name))
			return one;
	return NULL;
}

/* Each output has its own attributes. */
static unsigned int output_of(const struct build *build, enum build_kind kind)
{
	return kind == BUILD_OUTPUT_ATTRIBUTE ? build->output : 0;
}

/* NULL: there is no room. */
static struct build_item *add_item(struct build *build, enum build_kind kind, struct bytes name)
{
	struct build_item *item;

	if (build->counts[kind] == ITEMS_MAX) {
		build->message.cut = true;
		return NULL;
	}
	item = pool_take(&build->message.pool, sizeof(*item));
	if (!item)
		return NULL;
	build->counts[kind]++;
	item->kind = kind;
	item->output = output_of(build, kind);
	item->name = build_keep(build, name);
	*build->end = item;
	build->end = &item->next;
	return item;
}

static void add_once(struct build *build, enum build_kind kind, struct bytes name)
{
	if (name.size && !find_item(build, kind, output_of(build, kind), name))
		add_item(build, kind, name);
}

/* The last value of a key counts. */
static void set_value(struct build *build, enum build_kind kind, struct bytes name,
		      struct bytes value)
{
	struct build_item *item =
		find_item(build, kind, output_of(build, kind), name) ?: add_item(build, kind, name);

	build->message.cut |= build->cut_value;
	if (item)
		item->value = build_keep(build, value);
}

static void take_attribute(struct build *build, struct bytes key, struct bytes value)
{
	static const char argument[] = "build-arg:", label[] = "label:", context[] = "context:";

	if (bytes_begin(key, argument))
		add_once(build, BUILD_ARGUMENT, bytes_from(key, sizeof(argument) - 1));
	else if (bytes_begin(key, label))
		add_once(build, BUILD_LABEL, bytes_from(key, sizeof(label) - 1));
	if (bytes_are_any(key, attributes, COUNT(attributes)) || bytes_begin(key, context))
		set_value(build, BUILD_ATTRIBUTE, key, value);
}

/* TYPE, and what is known of where. */
static void take_cache(struct build *build, struct bytes key, struct bytes value)
{
	if (build->cache && bytes_are_any(key, cache_attributes, COUNT(cache_attributes)) &&
	    !build->cache->value.size)
		build->cache->value = build_keep(build, value);
}

static void take_entry(struct build *build, enum build_id id)
{
	struct bytes key = {build->key, build->key_size};
	struct bytes value = {build->value, build->value_size};

	switch (id) {
	case ID_ATTRIBUTE:
		take_attribute(build, key, value);
		break;
	case ID_OUTPUT_ATTRIBUTE:
		if (bytes_are_any(key, output_attributes, COUNT(output_attributes)))
			set_value(build, BUILD_OUTPUT_ATTRIBUTE, key, value);
		break;
	case ID_CACHE_ATTRIBUTE:
		take_cache(build, key, value);
		break;
	case ID_RESULT:
		if (bytes_are_any(key, results, COUNT(results)))
			set_value(build, BUILD_RESULT, key, value);
		break;
	default:
		break;
	}
	explicit_bzero(build->value, sizeof(build->value));
	build->key_size = build->value_size = 0;
	build->cut_value = false;
}

static void on_message(void *data, int id, bool ended)
{
	struct build *build = data;

	switch (id) {
	case ID_ATTRIBUTE:
	case ID_OUTPUT_ATTRIBUTE:
	case ID_CACHE_ATTRIBUTE:
	case ID_RESULT:
		if (ended)
			take_entry(build, id);
		break;
	case ID_CACHE_TO:
	case ID_CACHE_FROM:
		build->cache =
			ended ? NULL
			      : add_item(build,
					 id == ID_CACHE_TO ? BUILD_CACHE_TO : BUILD_CACHE_FROM,
					 (struct bytes){0});
		break;
	case ID_OUTPUT:
		build->output = ended ? 0 : ++build->outputs;
		break;
	case ID_STEP:
		build->flags |= BUILD_OWN_STEPS;
		break;
	case ID_POLICY:
		build->flags |= BUILD_POLICY;
		break;
	default:
		break;
	}
}

static size_t copy_part(char *to, struct bytes text)
{
	size_t size = text.size < VALUE_MAX ? text.size : VALUE_MAX;

	if (size)
		memcpy(to, text.data, size);
	return size;
}

static void on_text(void *data, int id, struct bytes text, bool cut)
{
	static const enum build_kind kinds[] = {
		[ID_OUTPUT_TYPE] = BUILD_OUTPUT,
		[ID_ENTITLEMENT] = BUILD_ENTITLEMENT,
		[ID_SOURCE] = BUILD_SOURCE,
		[ID_SECRET] = BUILD_SECRET,
		[ID_SSH] = BUILD_SSH,
		[ID_DEVICE] = BUILD_DEVICE,
		[ID_NAMED] = BUILD_NAMED,
		[ID_CGROUP_PARENT] = BUILD_CGROUP_PARENT,
	};
	struct build *build = data;

	switch (id) {
	case ID_REFERENCE:
		build->reference = build_keep(build, text);
		break;
	case ID_FRONTEND:
		build->frontend = build_keep(build, text);
		break;
	case ID_KEY:
		build->key_size = copy_part(build->key, text);
		break;
	case ID_VALUE:
		/* What does not fit matters only where the key does. */
		build->value_size = copy_part(build->value, text);
		build->cut_value = cut || text.size > VALUE_MAX;
		break;
	case ID_CACHE_TYPE:
		if (build->cache)
			build->cache->name = build_keep(build, text);
		break;
	case ID_CACHE_TO_NAME:
	case ID_CACHE_FROM_NAME:
		set_value(build, id == ID_CACHE_TO_NAME ? BUILD_CACHE_TO : BUILD_CACHE_FROM,
			  bytes_of("registry"), text);
		break;
	default:
		build->message.cut |= cut;
		add_once(build, kinds[id], text);
		break;
	}
}

static void on_number(void *data, int id, uint64_t number)
{
	struct build *build = data;

	if (id == ID_NETWORK && number == 1)
		build->flags |= BUILD_HOST_NETWORK;
	else if (id == ID_SECURITY && number == 1)
		build->flags |= BUILD_INSECURE;
	else if (id == ID_DELETE && number)
		build->flags |= BUILD_DELETES;
	else if (id == ID_INTERNAL && number)
		build->flags |= BUILD_INTERNAL;
}

/* --- all of it ------------------------------------------------------------------------------------ */

struct build *build_new(enum build_message message)
{
	struct build *build;

	assert(message < COUNT(messages));
	if (message == BUILD_MESSAGE_NONE)
		return NULL;
	build = calloc(1, sizeof(*build));
	if (!build)
		return NULL;
	build->end = &build->first;
	grpc_message_begin(&build->message, messages[message],
			   (struct protobuf_user){.data = build,
						  .message = on_message,
						  .text = on_text,
						  .number = on_number});
	/* Any of them may begin a process more. */
	build->message.all = message == BUILD_MESSAGE_EXEC;
	return build;
}

void build_free(struct build *build)
{
	if (!build)
		return;
	grpc_message_free(&build->message);
	explicit_bzero(build, sizeof(*build));
	free(build);
}

void build_feed(struct build *build, struct bytes data)
{
	grpc_message_feed(&build->message, data);
}

bool build_is_complete(const struct build *build)
{
	return grpc_message_is_complete(&build->message);
}

const char *build_trouble(const struct build *build)
{
	return grpc_message_trouble(&build->message);
}

size_t build_memory(const struct build *build)
{
	return sizeof(*build) + 2 * build->message.kept;
}

struct bytes build_reference(const struct build *build)
{
	return build->reference;
}

struct bytes build_frontend(const struct build *build)
{
	return build->frontend;
}

unsigned int build_flags(const struct build *build)
{
	return build->flags;
}

const struct build_item *build_items(const struct build *build)
{
	return build->first;
}

struct bytes build_value(const struct build *build, enum build_kind kind, const char *name)
{
	const struct build_item *item = find_item(build, kind, 0, bytes_of(name));

	return item ? item->value : (struct bytes){0};
}

static bool is_of_output(const struct build_item *item, const char *name)
{
	return item->kind == BUILD_OUTPUT_ATTRIBUTE && bytes_are(item->name, name);
}

struct bytes build_output_name(const struct build *build, unsigned int number)
{
	for (const struct build_item *one = build->first; one; one = one->next)
		if (is_of_output(one, "name") && one->output == number)
			return one->value;
	return (struct bytes){0};
}

/* Clients say the first output twice, as older engines read it and as newer ones do. */
static bool is_said_before(const struct build *build, const struct build_item *item,
			   const char *name)
{
	struct bytes of_item = build_output_name(build, item->output);

	for (const struct build_item *one = build->first; one != item; one = one->next)
		if (is_of_output(one, name) && bytes_equal(one->value, item->value) &&
		    bytes_equal(build_output_name(build, one->output), of_item))
			return true;
	return false;
}

const struct build_item *build_next_output(const struct build *build, const struct build_item *last,
					   const char *name)
{
	const struct build_item *one = last ? last->next : build->first;

	while (one && (!is_of_output(one, name) || is_said_before(build, one, name)))
		one = one->next;
	return one;
}

void build_add_names(const struct build *build, struct text *out)
{
	const struct build_item *one = NULL;

	while ((one = build_next_output(build, one, "name"))) {
		if (out->size)
			text_add_char(out, ',');
		text_add_bytes(out, one->value);
	}
}
