// SPDX-License-Identifier: Apache-2.0
#include "json/yaml_body.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/cleanup.h"
#include "base/pool.h"
#include "base/text.h"
#include "base/wipe.h"

#define MERGE_TAG "tag:yaml.org,2002:merge"
#define YAML_NODES_MAX 8192
#define YAML_DEPTH_MAX 64
#define YAML_ANCHORS_MAX 64
#define YAML_WORK_MAX (1u << 20) /* bytes of JSON, nodes that are come to, keys that are compared */
#define JSON_PIECE 4096

/* A node of a document. Of a map keys and values take turns. */
struct yaml_node {
	enum { YAML_SCALAR, YAML_LIST, YAML_MAP } kind;
	bool is_null, is_merge;
	unsigned int count; /* of children */
	struct bytes scalar;
	struct yaml_node *first, *last; /* children */
	/* What stands for a child: an alias refers to a node that is a child elsewhere. */
	const struct yaml_node *target;
	struct yaml_node *next;
};

struct yaml_anchor {
	struct bytes name;
	const struct yaml_node *node;
};

struct yaml_reader {
	struct body *to;
	struct pool pool; /* of one document */
	struct yaml_anchor anchors[YAML_ANCHORS_MAX];
	unsigned int anchor_count, nodes, depth;
	struct yaml_node *open[YAML_DEPTH_MAX]; /* lists and maps */
	struct yaml_node root;			/* its child is the document */
	struct text json;			/* that is not handed over yet */
	size_t work;
	unsigned int documents;
	bool stopped; /* nothing more is written */
	const char *trouble;
};

/* --- the text ------------------------------------------------------------------------------------ */

int yaml_body_feed(struct yaml_body *yaml, struct bytes bytes, size_t limit)
{
	size_t wanted = yaml->size + bytes.size;

	if (wanted > limit) {
		yaml->more = true;
		bytes.size = limit > yaml->size ? limit - yaml->size : 0;
		wanted = yaml->size + bytes.size;
	}
	if (!bytes.size)
		return 0;
	if (wanted > yaml->capacity) {
		size_t capacity = 2 * wanted < limit ? 2 * wanted : limit;
		char *data = wipe_realloc(yaml->data, yaml->size, yaml->capacity, capacity);

		if (!data)
			return -ENOMEM;
		yaml->data = data;
		yaml->capacity = capacity;
	}
	memcpy(yaml->data + yaml->size, bytes.data, bytes.size);
	yaml->size = wanted;
	return 0;
}

void yaml_body_free(struct yaml_body *yaml)
{
	wipe_free(yaml->data, yaml->capacity);
	*yaml = (struct yaml_body){0};
}

/* --- scalars ------------------------------------------------------------------------------------- */

bool yaml_body_is_true(struct bytes scalar)
{
	static const char *const words[] = {"true", "True", "TRUE", "yes", "Yes", "YES",
					    "on",   "On",   "ON",   "y",   "Y"};

	return bytes_are_any(scalar, words, COUNT(words));
}

static bool is_null_word(struct bytes scalar)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};

	return bytes_are_any(scalar, words, COUNT(words));
}

/* Whether a node with TAG is what it looks like: others mean something else, as !!binary does. */
static bool is_usual_tag(const yaml_char_t *tag)
{
	static const char *const tags[] = {"!",		 YAML_STR_TAG,	 YAML_BOOL_TAG,
					   YAML_INT_TAG, YAML_FLOAT_TAG, YAML_SEQ_TAG,
					   YAML_MAP_TAG, YAML_NULL_TAG,	 YAML_TIMESTAMP_TAG};

	return !tag || bytes_are_any(bytes_of((const char *)tag), tags, COUNT(tags));
}

/* --- nodes --------------------------------------------------------------------------------------- */

static void yaml_trouble(struct yaml_reader *reader, const char *trouble)
{
	if (!reader->trouble)
		reader->trouble = trouble;
}

static struct yaml_node *yaml_add_node(struct yaml_reader *reader)
{
	struct yaml_node *parent = reader->depth ? reader->open[reader->depth - 1] : &reader->root;
	struct yaml_node *node;

	if (++reader->nodes > YAML_NODES_MAX) {
		yaml_trouble(reader, "it has more nodes than are kept");
		return NULL;
	}
	node = pool_take(&reader->pool, sizeof(*node));
	if (!node) {
		yaml_trouble(reader, "there was no memory for it");
		return NULL;
	}
	node->target = node;
	if (parent->last)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
	parent->count++;
	return node;
}

static void yaml_add_anchor(struct yaml_reader *reader, const yaml_char_t *name,
			    const struct yaml_node *node)
{
	struct yaml_anchor *anchor = &reader->anchors[reader->anchor_count];

	if (!name)
		return;
	if (reader->anchor_count == YAML_ANCHORS_MAX) {
		yaml_trouble(reader, "it has more anchors than are kept");
		return;
	}
	anchor->name = pool_copy(&reader->pool, bytes_of((const char *)name));
	anchor->node = node;
	reader->anchor_count++;
}

/* The last node of that name counts. */
static void yaml_add_alias(struct yaml_reader *reader, const yaml_char_t *name)
{
	struct yaml_node *node = yaml_add_node(reader);

	if (!node)
		return;
	for (unsigned int i = reader->anchor_count; i-- > 0;)
		if (bytes_are(reader->anchors[i].name, (const char *)name)) {
			node->target = reader->anchors[i].node;
			return;
		}
	node->is_null = true;
	yaml_trouble(reader, "an alias of nothing");
}

static void yaml_add_scalar(struct yaml_reader *reader, const yaml_event_t *event)
{
	struct yaml_node *node = yaml_add_node(reader);
	struct bytes text = {(const char *)event->data.scalar.value, event->data.scalar.length};
	const yaml_char_t *tag = event->data.scalar.tag;
	bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	if (!node)
		return;
	node->scalar = pool_copy(&reader->pool, text);
	if (reader->pool.failed)
		yaml_trouble(reader, "there was no memory for it");
	node->is_null = (plain && !tag && is_null_word(text)) ||
			(tag && !strcmp((const char *)tag, YAML_NULL_TAG));
	node->is_merge = (plain && !tag && bytes_are(text, "<<")) ||
			 (tag && !strcmp((const char *)tag, MERGE_TAG));
	if (!node->is_merge && !is_usual_tag(tag))
		yaml_trouble(reader, "a tag gives a text another meaning");
	yaml_add_anchor(reader, event->data.scalar.anchor, node);
}

static void yaml_open_node(struct yaml_reader *reader, bool is_map, const yaml_char_t *anchor,
			   const yaml_char_t *tag)
{
	struct yaml_node *node = yaml_add_node(reader);

	if (!node)
		return;
	node->kind = is_map ? YAML_MAP : YAML_LIST;
	if (!is_usual_tag(tag))
		yaml_trouble(reader, "a tag gives a text another meaning");
	if (reader->depth == YAML_DEPTH_MAX) {
		yaml_trouble(reader, "it is deeper than is looked into");
		return;
	}
	reader->open[reader->depth++] = node;
	yaml_add_anchor(reader, anchor, node);
}

/* --- JSON ---------------------------------------------------------------------------------------- */

static void yaml_stop(struct yaml_reader *reader, const char *trouble)
{
	yaml_trouble(reader, trouble);
	reader->stopped = true;
}

/* Aliases can make much of little. */
static void yaml_spend(struct yaml_reader *reader, size_t work)
{
	reader->work += work;
	if (reader->work > YAML_WORK_MAX)
		yaml_stop(reader, "its aliases make more of it than is read");
}

static void hand_over_json(struct yaml_reader *reader)
{
	struct text *json = &reader->json;

	yaml_spend(reader, json->size);
	if (json->error || (json->size && body_feed(reader->to, json->data, json->size)))
		yaml_stop(reader, "there was no memory for it");
	text_cut(json, 0);
}

static void yaml_write_string(struct yaml_reader *reader, struct bytes string)
{
	struct text *json = &reader->json;
	size_t start = 0;

	text_add_char(json, '"');
	for (size_t i = 0; i < string.size; i++) {
		unsigned char c = (unsigned char)string.data[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		text_add(json, string.data + start, i - start);
		text_add_string(json, "\\u");
		text_add_hex(json, c, 4);
		start = i + 1;
	}
	text_add(json, string.data + start, string.size - start);
	text_add_char(json, '"');
}

/* The end of a list or a map, if it was come to. */
static void yaml_close(struct yaml_reader *reader, char c)
{
	if (!reader->stopped)
		text_add_char(&reader->json, c);
}

static void yaml_write_node(struct yaml_reader *reader, const struct yaml_node *node,
			    unsigned int depth);

/* Keys of a map that yaml_has_merges others: those that count already. */
struct yaml_keys {
	struct bytes *keys;
	size_t count, room;
	bool any;     /* member was written */
	bool merging; /* keys are of interest */
};

static bool yaml_has_key(struct yaml_reader *reader, const struct bytes *keys, size_t count,
			 struct bytes key)
{
	yaml_spend(reader, count);
	for (size_t i = 0; i < count; i++)
		if (bytes_equal(keys[i], key))
			return true;
	return false;
}

static void yaml_add_key(struct yaml_reader *reader, struct yaml_keys *keys, struct bytes key)
{
	if (keys->count == keys->room) {
		size_t room = 2 * keys->room + 16;
		struct bytes *grown = reallocarray(keys->keys, room, sizeof(*grown));

		if (!grown) {
			yaml_stop(reader, "there was no memory for it");
			return;
		}
		keys->keys = grown;
		keys->room = room;
	}
	keys->keys[keys->count++] = key;
}

/* Each KEY with its VALUE. */
/* NOLINTBEGIN(bugprone-macro-parentheses): both are names */
#define EACH_PAIR(key, value, map)                                                                 \
	for (const struct yaml_node *key = (map)->first, *value = key ? key->next : NULL; value;   \
	     key = value->next, value = key ? key->next : NULL)
/* NOLINTEND(bugprone-macro-parentheses) */

static bool yaml_has_merges(const struct yaml_node *map)
{
	EACH_PAIR(key, value, map)
	if (key->target->is_merge)
		return true;
	return false;
}

/* The members of MAP itself, but for those whose keys count already. */
static void yaml_write_own(struct yaml_reader *reader, const struct yaml_node *map,
			   struct yaml_keys *keys, unsigned int depth)
{
	size_t before = keys->count;

	EACH_PAIR(key, value, map)
	{
		const struct yaml_node *name = key->target;

		if (name->kind != YAML_SCALAR)
			yaml_stop(reader, "a key is no text");
		if (reader->stopped)
			return;
		if (name->is_merge || yaml_has_key(reader, keys->keys, before, name->scalar))
			continue;
		if (keys->merging)
			yaml_add_key(reader, keys, name->scalar);
		if (keys->any)
			text_add_char(&reader->json, ',');
		keys->any = true;
		yaml_write_string(reader, name->scalar);
		text_add_char(&reader->json, ':');
		yaml_write_node(reader, value->target, depth + 1);
	}
}

/* What stands in MAP counts before what it yaml_has_merges, and of that what comes first. */
static void yaml_write_members(struct yaml_reader *reader, const struct yaml_node *map,
			       struct yaml_keys *keys, unsigned int depth)
{
	if (map->kind != YAML_MAP || depth > YAML_DEPTH_MAX)
		yaml_stop(reader, "what is merged is no map");
	yaml_spend(reader, 1 + map->count);
	if (reader->stopped)
		return;
	keys->merging |= yaml_has_merges(map);
	yaml_write_own(reader, map, keys, depth);
	EACH_PAIR(key, value, map)
	{
		const struct yaml_node *source = value->target;

		if (!key->target->is_merge || reader->stopped)
			continue;
		if (source->kind != YAML_LIST) {
			yaml_write_members(reader, source, keys, depth + 1);
			continue;
		}
		for (const struct yaml_node *one = source->first; one; one = one->next)
			yaml_write_members(reader, one->target, keys, depth + 1);
	}
}

static void yaml_write_list(struct yaml_reader *reader, const struct yaml_node *list,
			    unsigned int depth)
{
	text_add_char(&reader->json, '[');
	for (const struct yaml_node *one = list->first; one && !reader->stopped; one = one->next) {
		if (one != list->first)
			text_add_char(&reader->json, ',');
		yaml_write_node(reader, one->target, depth + 1);
	}
	yaml_close(reader, ']');
}

/* A node that refers to itself ends at the depth. */
static void yaml_write_node(struct yaml_reader *reader, const struct yaml_node *node,
			    unsigned int depth)
{
	struct yaml_keys keys = {0};

	if (depth > YAML_DEPTH_MAX)
		yaml_stop(reader, "it is deeper than is looked into");
	yaml_spend(reader, 1);
	if (reader->stopped)
		return;
	switch (node->kind) {
	case YAML_SCALAR:
		if (node->is_null)
			text_add_string(&reader->json, "null");
		else
			yaml_write_string(reader, node->scalar);
		break;
	case YAML_LIST:
		yaml_write_list(reader, node, depth);
		break;
	case YAML_MAP:
		text_add_char(&reader->json, '{');
		yaml_write_members(reader, node, &keys, depth);
		yaml_close(reader, '}');
		free(keys.keys);
		break;
	}
	if (reader->json.size > JSON_PIECE && !reader->stopped)
		hand_over_json(reader);
}

/* Writes the document, as far as it is there, and forgets it. */
static void yaml_end_document(struct yaml_reader *reader)
{
	if (reader->root.first && !reader->stopped) {
		if (reader->documents++)
			text_add_char(&reader->json, ',');
		yaml_write_node(reader, reader->root.first->target, 0);
	}
	pool_free(&reader->pool);
	reader->root = (struct yaml_node){.kind = YAML_LIST};
	reader->anchor_count = reader->depth = 0;
}

/* --- events -------------------------------------------------------------------------------------- */

static void yaml_take_event(struct yaml_reader *reader, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_ALIAS_EVENT:
		yaml_add_alias(reader, event->data.alias.anchor);
		break;
	case YAML_SCALAR_EVENT:
		yaml_add_scalar(reader, event);
		break;
	case YAML_SEQUENCE_START_EVENT:
		yaml_open_node(reader, false, event->data.sequence_start.anchor,
			       event->data.sequence_start.tag);
		break;
	case YAML_MAPPING_START_EVENT:
		yaml_open_node(reader, true, event->data.mapping_start.anchor,
			       event->data.mapping_start.tag);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		reader->depth--;
		break;
	case YAML_DOCUMENT_END_EVENT:
		yaml_end_document(reader);
		break;
	default:
		break;
	}
}

static void yaml_read_events(struct yaml_reader *reader, yaml_parser_t *parser)
{
	bool ended = false;

	while (!ended && !reader->trouble) {
		yaml_event_t event;

		if (!yaml_parser_parse(parser, &event)) {
			yaml_trouble(reader, "it is no YAML");
			break;
		}
		yaml_take_event(reader, &event);
		ended = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
}

const char *yaml_body_read(struct yaml_body *yaml, struct body *to)
{
	struct yaml_reader reader = {.to = to, .root = {.kind = YAML_LIST}};
	const char *more = yaml->more ? "it is longer than what is kept of it" : NULL;
	yaml_parser_t parser;

	if (!yaml_parser_initialize(&parser))
		return "there was no memory for it";
	yaml_parser_set_input_string(&parser, (const unsigned char *)(yaml->data ?: ""),
				     yaml->size);
	text_add_char(&reader.json, '[');
	yaml_read_events(&reader, &parser);
	yaml_end_document(&reader);
	if (!reader.trouble)
		text_add_char(&reader.json, ']');
	hand_over_json(&reader);
	yaml_parser_delete(&parser);
	text_free(&reader.json);
	yaml_body_free(yaml);
	return more ?: reader.trouble;
}
