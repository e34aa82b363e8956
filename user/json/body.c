/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of a type, as decode.go of Go's encoding/json builds them from the tokens of gojson.h.
 *
 * A frame stands for each object or array that is being read into a value; the slot says where the
 * next value goes. What goes nowhere (no such field, a wrong type) is skipped: only its syntax
 * counts.
 *
 * Memory: elements are judged beyond a half of the limit, and get nothing beyond three quarters;
 * the strings of fields get nothing beyond seven eighths. The rest is for the other fields: these
 * are as many as the shape has, and who sends the body cannot make more of them.
 */
#include "json/body.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "base/wipe.h"
#include "json/gofold.h"
#include "json/gojson.h"

#define FRAMES_MAX 32		     /* deeper shapes are not looked into */
#define FIELD_NAME_MAX 64	     /* of a shape */
#define KEY_MAX (3 * FIELD_NAME_MAX) /* U+212A is three bytes for a k */
#define FIELDS_SEEN 128		     /* fields of a struct whose duplicates are told */
#define BLOCK_COST 16		     /* what an allocation takes beyond its size */
#define INDEX_COST 48		     /* what tsearch() takes for a key */

/* A value and what only the reader needs to know of it. */
struct node {
	struct value value;
	struct node *previous; /* the one whose .next this is */
	struct node *last;     /* child */
	size_t position;       /* of an element in Go's slice */
	size_t written;	       /* LIST: as many elements of Go's array were ever set */
	union {
		struct node *stale; /* LIST: elements beyond its length, see end_list() */
		void *index;	    /* MAP: its keys; of tsearch() */
	};
};

struct frame {
	const struct shape *shape;
	struct node *node;    /* NULL: nothing of it is kept */
	struct node *element; /* LIST, MAP, STRSLICE: the one being read; NULL: it is not kept */
	struct node *old; /* LIST: elements of an earlier occurrence that were not come to yet */
	size_t position;  /* of the next element */
	bool single;	  /* STRSLICE: given as one string */
	unsigned int oddities; /* .passing: those before it */
	unsigned int hint; /* STRUCT: the field after the last one: most callers keep their order */
	uint64_t seen[FIELDS_SEEN / 64]; /* STRUCT: fields, a bit each */
};

/* Where the next value goes. */
struct slot {
	const struct shape *shape; /* NULL: nowhere */
	struct node *node;	   /* NULL: none yet, or it is not kept */
	struct node *owner;	   /* the struct that it becomes a field of; NULL: it does not */
	const char *name;	   /* of the field */
};

enum wanted { WANT_NOTHING, WANT_ALL, WANT_NAME };

/* A string that is being read. */
struct body_text {
	enum wanted wanted;
	bool cut;
	char *data;
	size_t size, capacity;
};

/* Where base64's decoder stands. */
struct base64 {
	unsigned char digits; /* of the group of four */
	unsigned char pads;   /* still due */
	bool ended, bad;
};

struct body {
	struct gojson json;
	const struct shape *shape;
	struct node root;
	void *data;
	size_t limit, memory;
	const char *mistake; /* the first thing that is not of its type */
	unsigned int oddities;
	bool complete, broken, out_of_memory;
	bool in_text;	       /* a key or string was begun */
	unsigned int skipped;  /* depth of the object or array that is skipped; 0: none is */
	unsigned int elements; /* lists and maps that are being read */
	unsigned int depth;    /* frames in use */
	struct slot slot;
	struct node *target; /* of the string that is being read; NULL: none yet, or none at all */
	struct body_text text;
	struct base64 base64;
	size_t key_size; /* may exceed KEY_MAX: then it is none of ours */
	char key[KEY_MAX];
	struct frame frames[FRAMES_MAX];
};

static const struct shape strslice_elements[] = {
	[KEEP_VALUE] = {.kind = SHAPE_STRING},
	[KEEP_NOTHING] = {.kind = SHAPE_STRING, .keep = KEEP_NOTHING},
	[KEEP_NAME] = {.kind = SHAPE_STRING, .keep = KEEP_NAME},
};

/* The shape of the elements of a []byte that is given as an array. */
static const struct shape byte_shape = {
	.kind = SHAPE_INTEGER, .bits = 8, .is_unsigned = true, .keep = KEEP_NOTHING};

/* --- Memory ---------------------------------------------------------------------------------- */

static size_t body_room(const struct body *body, size_t limit)
{
	size_t taken = body->memory + BLOCK_COST;

	return taken < limit ? limit - taken : 0;
}

static size_t element_limit(const struct body *body)
{
	return body->limit / 4 * 3;
}

static size_t text_limit(const struct body *body)
{
	return body->elements ? element_limit(body) : body->limit / 8 * 7;
}

static void out_of_memory(struct body *body)
{
	body->out_of_memory = body->broken = true;
}

static struct node *as_node(struct value *value)
{
	return (struct node *)value;
}

/* Whether null makes it nil, rather than leave it alone. */
static bool is_nullable(const struct shape *shape)
{
	switch (shape->kind) {
	case SHAPE_BASE64:
	case SHAPE_LIST:
	case SHAPE_MAP:
	case SHAPE_STRSLICE:
		return true;
	default:
		return shape->pointer;
	}
}

static bool is_kept(const struct shape *shape)
{
	return shape && shape->keep != KEEP_NOTHING && shape->kind != SHAPE_ANY &&
	       shape->kind != SHAPE_FLOAT && shape->kind != SHAPE_ARRAY;
}

/* NULL: there is no room for one, which is noted. */
static struct node *new_node(struct body *body, const struct shape *shape)
{
	size_t limit = body->elements ? element_limit(body) : body->limit;
	struct node *node;

	if (body_room(body, limit) < sizeof(*node)) {
		body->oddities |= BODY_DROPPED;
		return NULL;
	}
	node = malloc(sizeof(*node));
	if (!node) {
		out_of_memory(body);
		return NULL;
	}
	body->memory += sizeof(*node) + BLOCK_COST;
	*node = (struct node){.value = {.shape = shape, .is_nil = is_nullable(shape)}};
	return node;
}

/* BYTES were owned by a node. */
static void free_bytes(struct body *body, struct bytes *bytes)
{
	if (bytes->size) {
		body->memory -= bytes->size + BLOCK_COST;
		wipe_free((char *)bytes->data, bytes->size);
	}
	*bytes = (struct bytes){0};
}

static void free_nodes(struct body *body, struct node *node);

static void keep_key(void *key)
{
}

/* Makes NODE the zero value; its place and its key stay. */
static void clear_node(struct body *body, struct node *node)
{
	struct value *value = &node->value;

	if (value->shape->kind == SHAPE_MAP) {
		tdestroy(node->index, keep_key);
		body->memory -= (size_t)value->count * INDEX_COST;
		node->index = NULL;
	} else {
		free_nodes(body, node->stale);
		node->stale = NULL;
	}
	free_nodes(body, as_node(value->first));
	free_bytes(body, &value->string);
	value->first = NULL;
	node->last = NULL;
	node->written = 0;
	value->count = value->dropped = 0;
	value->number = 0;
	value->boolean = value->cut = false;
	value->is_nil = is_nullable(value->shape);
}

/* Frees NODE and the nodes after it. A value is no deeper than there are frames. */
static void free_nodes(struct body *body, struct node *node)
{
	struct node *next;

	for (; node; node = next) {
		next = as_node(node->value.next);
		clear_node(body, node);
		free_bytes(body, &node->value.key);
		free(node);
		body->memory -= sizeof(*node) + BLOCK_COST;
	}
}

static void append_child(struct node *parent, struct node *child)
{
	child->value.next = NULL;
	child->previous = parent->last;
	if (parent->last)
		parent->last->value.next = &child->value;
	else
		parent->value.first = &child->value;
	parent->last = child;
	if (parent->value.shape->kind != SHAPE_STRUCT)
		parent->value.count++;
}

/* Undoes append_child(); not for structs. */
static void detach_child(struct node *parent, struct node *child)
{
	struct value *next = child->value.next;

	if (child->previous)
		child->previous->value.next = next;
	else
		parent->value.first = next;
	if (next)
		as_node(next)->previous = child->previous;
	else
		parent->last = child->previous;
	child->value.next = NULL;
	parent->value.count--;
}

/* --- Strings --------------------------------------------------------------------------------- */

static void begin_text(struct body *body, enum wanted wanted)
{
	memset(&body->text, 0, sizeof(body->text));
	body->text.wanted = wanted;
}

/* Makes room for SIZE bytes in all, or for as many as there can be. */
static void grow_text(struct body *body, size_t size)
{
	struct body_text *text = &body->text;
	size_t most =
		text->capacity + body_room(body, text_limit(body) + (text->data ? BLOCK_COST : 0));
	size_t wanted = 2 * text->capacity;
	char *data;

	if (wanted < size)
		wanted = size;
	if (wanted > BODY_STRING_MAX)
		wanted = BODY_STRING_MAX;
	if (wanted > most)
		wanted = most;
	if (wanted <= text->capacity)
		return;
	data = wipe_realloc(text->data, text->size, text->capacity, wanted);
	if (!data) {
		out_of_memory(body);
		return;
	}
	body->memory += wanted - text->capacity + (text->data ? 0 : BLOCK_COST);
	text->data = data;
	text->capacity = wanted;
}

static void stop_text(struct body *body)
{
	body->text.cut = true;
	body->text.wanted = WANT_NOTHING;
	body->oddities |= BODY_CUT;
}

/* PIECE is whole characters, and remains so where it is cut. */
static void body_add_text(struct body *body, struct bytes piece)
{
	struct body_text *text = &body->text;
	const char *end = text->wanted == WANT_NAME ? memchr(piece.data, '=', piece.size) : NULL;
	size_t size = end ? (size_t)(end - piece.data) : piece.size;

	if (size > text->capacity - text->size)
		grow_text(body, text->size + size);
	if (size > text->capacity - text->size) {
		size = utf8_fit(piece.data, size, text->capacity - text->size);
		stop_text(body);
	}
	if (size)
		memcpy(text->data + text->size, piece.data, size);
	text->size += size;
	if (end)
		text->wanted = WANT_NOTHING;
}

/* Hands over the text that was read. */
static struct bytes end_text(struct body *body)
{
	struct body_text *text = &body->text;
	struct bytes bytes = {text->data, text->size};
	char *data;

	if (text->data && text->size < text->capacity) {
		data = text->size ? wipe_realloc(text->data, text->size, text->capacity, text->size)
				  : NULL;
		if (data)
			bytes.data = data;
		body->memory -= text->capacity - text->size;
	}
	if (!text->size) {
		if (text->data)
			body->memory -= BLOCK_COST;
		wipe_free(text->data, text->capacity);
		bytes.data = "";
	}
	text->data = NULL;
	text->size = text->capacity = 0;
	return bytes;
}

/* As base64.StdEncoding does: CR and LF count nowhere, the last group is padded. */
static void check_base64(struct base64 *base64, struct bytes piece)
{
	for (size_t i = 0; i < piece.size && !base64->bad; i++) {
		char c = piece.data[i], letter = c | 0x20;
		bool digit = (c >= '0' && c <= '9') || (letter >= 'a' && letter <= 'z') ||
			     c == '+' || c == '/';

		if (c == '\n' || c == '\r')
			continue;
		if (digit && !base64->ended) {
			base64->digits = (base64->digits + 1) % 4;
		} else if (c == '=' && !base64->ended && base64->digits >= 2) {
			base64->ended = true;
			base64->pads = 3 - base64->digits;
		} else if (c == '=' && base64->pads) {
			base64->pads--;
		} else {
			base64->bad = true;
		}
	}
}

static bool is_base64(const struct base64 *base64)
{
	return !base64->bad && !base64->pads && (base64->ended || !base64->digits);
}

/* --- Where a value goes ---------------------------------------------------------------------- */

static void body_mistyped(struct body *body, const char *mistake)
{
	if (!body->mistake)
		body->mistake = mistake;
}

static struct frame *body_top(struct body *body)
{
	return body->depth ? &body->frames[body->depth - 1] : NULL;
}

/* Whether the children of a value of SHAPE count as elements. */
static bool has_elements(const struct shape *shape)
{
	return shape->kind == SHAPE_LIST || shape->kind == SHAPE_MAP ||
	       shape->kind == SHAPE_STRSLICE;
}

static const struct shape *element_shape(const struct shape *shape)
{
	switch (shape->kind) {
	case SHAPE_STRSLICE:
		return &strslice_elements[shape->keep];
	case SHAPE_BASE64:
		return &byte_shape;
	default:
		return shape->element;
	}
}

static struct node *find_field(struct node *owner, const char *name)
{
	struct value *value = owner->value.first;

	while (value && value->name != name)
		value = value->next;
	return as_node(value);
}

/* The node that the slot's value is kept in, as far as there is one. */
static struct node *slot_node(struct body *body)
{
	struct slot *slot = &body->slot;

	if (!slot->node && slot->owner)
		slot->node = find_field(slot->owner, slot->name);
	return slot->node;
}

/* The same, made where there is none; for a ZERO of a field it is not made. NULL: the value is not kept. */
static struct node *use_slot(struct body *body, bool zero)
{
	struct slot *slot = &body->slot;
	struct node *node = slot_node(body);

	if (!node && slot->owner && !(zero && !is_nullable(slot->shape))) {
		node = new_node(body, slot->shape);
		if (!node)
			return NULL;
		node->value.name = slot->name;
		append_child(slot->owner, node);
		slot->node = node;
	}
	if (node)
		node->value.is_nil = false;
	return node;
}

/* An element where Go already has one: that one is decoded into. If we dropped it, what it held is
 * unknown, which is told where it would show through. */
static struct node *old_element(struct body *body, struct frame *frame, size_t position,
				enum gojson_step step)
{
	const struct shape *shape = element_shape(frame->shape);
	struct node *node = frame->old;

	if (node && node->position == position) {
		frame->old = as_node(node->value.next);
		return node;
	}
	if (position < frame->node->written && (step == GOJSON_OBJECT || step == GOJSON_ARRAY) &&
	    shape->kind != SHAPE_STRSLICE)
		body->oddities |= BODY_DROPPED;
	return NULL;
}

/* The slot of the element of a list that begins with STEP. */
static void next_element(struct body *body, struct frame *frame, enum gojson_step step)
{
	const struct shape *shape = element_shape(frame->shape);
	size_t position = frame->position++;
	struct node *node;

	body->slot = (struct slot){.shape = shape};
	frame->element = NULL;
	if (frame->shape->kind == SHAPE_ARRAY && position >= frame->shape->length)
		body->slot.shape = NULL;
	if (!frame->node || !has_elements(frame->shape) || !is_kept(shape))
		return;
	node = old_element(body, frame, position, step);
	/* null leaves the element that we dropped as it was: still not worth keeping */
	if (!node && position < frame->node->written && step == GOJSON_NULL && !is_nullable(shape))
		return;
	if (!node)
		node = new_node(body, shape);
	if (frame->node->written <= position)
		frame->node->written = position + 1;
	if (!node)
		return;
	node->position = position;
	append_child(frame->node, node);
	frame->element = body->slot.node = node;
}

/* --- Elements -------------------------------------------------------------------------------- */

static int compare_keys(const void *a, const void *b)
{
	const struct bytes *first = &((const struct value *)a)->key;
	const struct bytes *second = &((const struct value *)b)->key;

	if (first->size != second->size)
		return first->size < second->size ? -1 : 1;
	return first->size ? memcmp(first->data, second->data, first->size) : 0;
}

/* Adds an element with the key that was read, which it owns from here. */
static struct node *body_add_key(struct body *body, struct node *map, struct bytes key)
{
	struct node *node = new_node(body, element_shape(map->value.shape));

	if (!node) {
		free_bytes(body, &key);
		return NULL;
	}
	node->value.key = key;
	if (body_room(body, element_limit(body)) < INDEX_COST) {
		body->oddities |= BODY_DROPPED;
		free_nodes(body, node);
		return NULL;
	}
	if (!tsearch(&node->value, &map->index, compare_keys)) {
		out_of_memory(body);
		free_nodes(body, node);
		return NULL;
	}
	body->memory += INDEX_COST;
	append_child(map, node);
	return node;
}

/* The slot of a map's element whose key was read. Go decodes it into a fresh value, whatever the
 * map has. */
static void end_map_key(struct body *body, struct frame *frame)
{
	struct node *map = frame->node, *node;
	const struct shape *shape = element_shape(frame->shape);
	struct value wanted = {0};
	void *found;

	body->slot = (struct slot){.shape = shape};
	frame->element = NULL;
	if (!map)
		return;
	if (body->text.cut) { /* which key it is cannot be said any more */
		wanted.key = end_text(body);
		free_bytes(body, &wanted.key);
		body->oddities |= BODY_DROPPED;
		return;
	}
	wanted.key = end_text(body);
	found = tfind(&wanted, &map->index, compare_keys);
	if (found) {
		node = *(struct node **)found;
		body->oddities |= BODY_DUPLICATE_KEY;
		free_bytes(body, &wanted.key);
		clear_node(body, node);
	} else {
		node = body_add_key(body, map, wanted.key);
	}
	frame->element = node;
	if (is_kept(shape))
		body->slot.node = node;
}

/* Whether an element that is complete stays. */
static bool is_wanted(struct body *body, const struct shape *shape, const struct value *element)
{
	bool wanted = shape->element_done && (shape->always || body->memory > body->limit / 2) &&
		      shape->element_done(body->data, element);

	if (wanted || (shape->element_done && shape->always))
		return wanted;
	if (body->memory <= body->limit / 2)
		return true;
	body->oddities |= BODY_DROPPED;
	return false;
}

static void end_element(struct body *body, struct frame *frame)
{
	struct node *parent = frame->node, *node = frame->element;

	if (!parent || (frame->shape->kind != SHAPE_MAP && !is_kept(element_shape(frame->shape))))
		return;
	frame->element = NULL;
	if (node && is_wanted(body, frame->shape, &node->value))
		return;
	parent->value.dropped++;
	if (!node)
		return;
	if (frame->shape->kind == SHAPE_MAP) {
		tdelete(&node->value, &parent->index, compare_keys);
		body->memory -= INDEX_COST;
	}
	detach_child(parent, node);
	free_nodes(body, node);
}

/* --- Frames ---------------------------------------------------------------------------------- */

/* Skips the object or array that began: it goes nowhere. */
static void body_skip_rest(struct body *body)
{
	body->skipped = body->json.depth;
}

static void push_frame(struct body *body, const struct shape *shape, struct node *node)
{
	struct frame *frame;

	if (body->depth == FRAMES_MAX) {
		body->oddities |= BODY_DROPPED;
		body_skip_rest(body);
		return;
	}
	frame = &body->frames[body->depth++];
	memset(frame, 0, sizeof(*frame));
	frame->shape = shape;
	frame->node = node;
	body->elements += has_elements(shape);
}

/* The elements of an earlier occurrence are decoded into, one by one. */
static void reuse_elements(struct frame *frame)
{
	struct node *node = frame->node;

	frame->old = as_node(node->value.first);
	if (node->last)
		node->last->value.next = node->stale ? &node->stale->value : NULL;
	else
		frame->old = node->stale;
	node->stale = node->last = NULL;
	node->value.first = NULL;
	node->value.count = node->value.dropped = 0;
}

/* The array is complete. Go shortens the slice but leaves what is behind its end in memory, and a
 * longer array finds it there again, whatever the capacity, as growing copies it (golang/go issue
 * 21092; still so today). Only for an empty one it makes a new slice. */
static void end_list(struct body *body, struct frame *frame)
{
	if (frame->position) {
		frame->node->stale = frame->old;
	} else {
		free_nodes(body, frame->old);
		frame->node->written = 0;
	}
	frame->old = NULL;
}

static void value_done(struct body *body);

/* What passed by in FRAME is no loss. */
static void forgive_oddities(struct body *body, const struct frame *frame)
{
	const unsigned int forgiven = BODY_DROPPED | BODY_CUT | BODY_DUPLICATE_KEY;

	body->oddities = (body->oddities & ~forgiven) | (frame->oddities & forgiven);
}

/* The object or array of the topmost frame is complete. */
static void pop_frame(struct body *body)
{
	struct frame *frame = body_top(body);

	if (frame->shape->passing)
		forgive_oddities(body, frame);
	if (frame->node && frame->shape->kind == SHAPE_LIST)
		end_list(body, frame);
	if (frame->node && frame->shape->kind == SHAPE_BASE64 && frame->position) {
		frame->node->value.cut = true;
		body->oddities |= BODY_CUT;
	}
	body->elements -= has_elements(frame->shape);
	body->depth--;
	value_done(body);
}

static void value_done(struct body *body)
{
	struct frame *frame = body_top(body);

	if (!frame) {
		body->complete = true;
		return;
	}
	if (has_elements(frame->shape))
		end_element(body, frame);
	if (frame->single)
		pop_frame(body);
}

/* --- Keys ------------------------------------------------------------------------------------ */

static void begin_key(struct body *body)
{
	struct frame *frame = body_top(body);

	body->key_size = 0;
	begin_text(body, frame->shape->kind == SHAPE_MAP && frame->node ? WANT_ALL : WANT_NOTHING);
}

static void add_key_piece(struct body *body, struct bytes piece)
{
	if (body_top(body)->shape->kind == SHAPE_MAP) {
		if (body->text.wanted != WANT_NOTHING)
			body_add_text(body, piece);
		return;
	}
	if (body->key_size + piece.size > KEY_MAX) {
		body->key_size = KEY_MAX + 1;
		return;
	}
	memcpy(body->key + body->key_size, piece.data, piece.size);
	body->key_size += piece.size;
}

static bool equal_exactly(const char *name, const char *key, size_t size)
{
	size_t at = 0;

	while (at < size && name[at] && name[at] == key[at])
		at++;
	return at == size && !name[at];
}

/* Whether a name may be that of a key, by the first byte of each. */
static bool may_equal(const char *name, const char *key)
{
	return !((*name ^ *key) & 0xdf) || (*key & 0x80);
}

/* The field of the key that was read, or NULL. Go takes the exact name, else the first one that
 * folds to the same. */
static const struct shape_field *find_by_key(struct body *body, struct frame *frame)
{
	const struct shape_field *fields = frame->shape->fields, *field, *folded = NULL;
	const char *key = body->key;
	size_t size = body->key_size;

	if (!fields || !size || size > KEY_MAX)
		return NULL;
	for (field = fields + frame->hint; field->name; field++)
		if (equal_exactly(field->name, key, size))
			return field;
	for (field = fields; field->name; field++) {
		if (!may_equal(field->name, key))
			continue;
		if (equal_exactly(field->name, key, size))
			return field;
		if (!folded && gofold_is((struct bytes){key, size}, field->name, GOFOLD_EQUAL))
			folded = field;
	}
	if (folded)
		body->oddities |= BODY_FOLDED_KEY;
	return folded;
}

/* The slot of the field whose key was read. */
static void end_field_key(struct body *body, struct frame *frame)
{
	const struct shape_field *field = find_by_key(body, frame);
	unsigned int number;

	body->slot = (struct slot){0};
	if (!field)
		return;
	number = field - frame->shape->fields;
	frame->hint = number + 1;
	if (body->json.escaped)
		body->oddities |= BODY_ESCAPED_KEY;
	if (number < FIELDS_SEEN) {
		if (frame->seen[number / 64] >> number % 64 & 1)
			body->oddities |= BODY_DUPLICATE_KEY;
		frame->seen[number / 64] |= UINT64_C(1) << number % 64;
	}
	body->slot.shape = field->shape;
	body->slot.name = field->name;
	if (is_kept(field->shape))
		body->slot.owner = frame->node;
}

static void end_key(struct body *body)
{
	struct frame *frame = body_top(body);

	if (frame->shape->kind == SHAPE_MAP)
		end_map_key(body, frame);
	else
		end_field_key(body, frame);
}

/* --- Values ---------------------------------------------------------------------------------- */

static void begin_object(struct body *body)
{
	const struct shape *shape = body->slot.shape;

	if (shape && (shape->kind == SHAPE_STRUCT || shape->kind == SHAPE_MAP)) {
		unsigned int oddities = body->oddities, depth = body->depth;

		push_frame(body, shape, use_slot(body, false));
		if (body->depth > depth)
			body_top(body)->oddities = oddities;
		return;
	}
	if (shape && shape->kind != SHAPE_ANY)
		body_mistyped(body, "an object where none belongs");
	body_skip_rest(body);
}

static void begin_array(struct body *body)
{
	const struct shape *shape = body->slot.shape;
	struct node *node;

	switch (shape ? shape->kind : SHAPE_ANY) {
	case SHAPE_ANY:
		body_skip_rest(body);
		return;
	case SHAPE_LIST:
	case SHAPE_ARRAY:
	case SHAPE_STRSLICE:
	case SHAPE_BASE64:
		break;
	default:
		body_mistyped(body, "an array where none belongs");
		body_skip_rest(body);
		return;
	}
	node = use_slot(body, false);
	push_frame(body, shape, node);
	if (!node || body->skipped)
		return;
	if (shape->kind == SHAPE_LIST) {
		reuse_elements(body_top(body));
	} else {
		clear_node(body, node);
		node->value.is_nil = false;
	}
}

/* Reads a string into the slot, whose SHAPE it fits. */
static void begin_kept_string(struct body *body, const struct shape *shape)
{
	struct node *node = use_slot(body, true);

	memset(&body->base64, 0, sizeof(body->base64));
	body->target = node;
	if (!node && !body->slot.owner)
		return;
	if (node) {
		free_bytes(body, &node->value.string);
		node->value.cut = false;
	}
	begin_text(body, shape->keep == KEEP_NAME ? WANT_NAME : WANT_ALL);
}

/* The single string of a StrSlice is its only element. */
static void begin_strslice(struct body *body, const struct shape *shape)
{
	begin_array(body);
	if (body->skipped) { /* there was no frame left: nothing to skip within a string */
		body->skipped = 0;
		body->slot.shape = NULL;
		return;
	}
	body_top(body)->single = true;
	next_element(body, body_top(body), GOJSON_STRING);
	begin_kept_string(body, element_shape(shape));
}

static void body_begin_string(struct body *body)
{
	const struct shape *shape = body->slot.shape;

	body->target = NULL;
	begin_text(body, WANT_NOTHING);
	if (!shape || shape->kind == SHAPE_ANY)
		return;
	if (shape->kind == SHAPE_STRSLICE)
		begin_strslice(body, shape);
	else if (shape->kind == SHAPE_STRING || shape->kind == SHAPE_BASE64)
		begin_kept_string(body, shape);
	else
		body_mistyped(body, "a string where none belongs");
}

static void add_piece(struct body *body, struct bytes piece)
{
	if (!piece.size)
		return;
	if (body->json.in_key) {
		add_key_piece(body, piece);
		return;
	}
	if (body->text.wanted != WANT_NOTHING) {
		body->target = body->target ?: use_slot(body, false);
		if (body->target)
			body_add_text(body, piece);
	}
	if (body->slot.shape && body->slot.shape->kind == SHAPE_BASE64)
		check_base64(&body->base64, piece);
}

static void body_end_string(struct body *body)
{
	const struct shape *shape = body->slot.shape;
	struct node *node = body->target;

	if (shape && shape->kind == SHAPE_BASE64 && !is_base64(&body->base64))
		body_mistyped(body, "malformed base64");
	if (node) {
		node->value.cut = body->text.cut;
		node->value.string = end_text(body);
	}
	body->target = NULL;
	value_done(body);
}

static bool body_fits(const struct shape *shape, const struct gojson_number *number)
{
	unsigned int bits = shape->bits ? shape->bits : 64;
	uint64_t most = UINT64_MAX >> (64 - bits);

	if (!number->integral || number->overflow)
		return false;
	if (shape->is_unsigned)
		return !number->negative && number->magnitude <= most;
	return number->magnitude <= most / 2 + number->negative;
}

static void body_set_integer(struct body *body, const struct gojson_number *number)
{
	struct node *node = use_slot(body, !number->magnitude);

	if (!node)
		return;
	if (number->negative)
		node->value.number = (int64_t)(0 - number->magnitude);
	else
		node->value.number =
			number->magnitude > INT64_MAX ? INT64_MAX : (int64_t)number->magnitude;
}

static void body_take_number(struct body *body)
{
	const struct shape *shape = body->slot.shape;
	const struct gojson_number *number = &body->json.number;

	switch (shape ? shape->kind : SHAPE_ANY) {
	case SHAPE_ANY:
		break;
	case SHAPE_FLOAT:
		if (number->infinite)
			body_mistyped(body, "a number out of range");
		break;
	case SHAPE_INTEGER:
		if (body_fits(shape, number))
			body_set_integer(body, number);
		else
			body_mistyped(body, "a number that does not fit");
		break;
	default:
		body_mistyped(body, "a number where none belongs");
	}
	value_done(body);
}

static void take_bool(struct body *body, bool boolean)
{
	const struct shape *shape = body->slot.shape;
	struct node *node;

	if (shape && shape->kind == SHAPE_BOOL) {
		node = use_slot(body, !boolean);
		if (node)
			node->value.boolean = boolean;
	} else if (shape && shape->kind != SHAPE_ANY) {
		body_mistyped(body, "true or false where none belongs");
	}
	value_done(body);
}

static void take_null(struct body *body)
{
	struct node *node = slot_node(body);

	if (node && is_nullable(node->value.shape))
		clear_node(body, node);
	value_done(body);
}

/* --- The whole ------------------------------------------------------------------------------- */

/* Takes a step within an object or array that goes nowhere. */
static void pass_skipped(struct body *body, enum gojson_step step)
{
	if ((step == GOJSON_OBJECT_END || step == GOJSON_ARRAY_END) &&
	    body->json.depth < body->skipped) {
		body->skipped = 0;
		value_done(body);
	}
}

/* A value begins with STEP. */
static void body_begin_value(struct body *body, enum gojson_step step)
{
	struct frame *frame = body_top(body);

	if (frame && frame->shape->kind != SHAPE_STRUCT && frame->shape->kind != SHAPE_MAP)
		next_element(body, frame, step);
}

/* Takes a PIECE of a key or a string, which is complete unless STEP is GOJSON_PIECE. */
static void body_take_text(struct body *body, enum gojson_step step, struct bytes piece)
{
	if (!body->in_text && body->json.in_key) {
		begin_key(body);
	} else if (!body->in_text) {
		body_begin_value(body, GOJSON_STRING);
		body_begin_string(body);
	}
	add_piece(body, piece);
	body->in_text = step == GOJSON_PIECE;
	if (step == GOJSON_KEY)
		end_key(body);
	else if (step == GOJSON_STRING)
		body_end_string(body);
}

static void body_take(struct body *body, enum gojson_step step, struct bytes piece)
{
	switch (step) {
	case GOJSON_OBJECT:
		body_begin_value(body, step);
		begin_object(body);
		break;
	case GOJSON_ARRAY:
		body_begin_value(body, step);
		begin_array(body);
		break;
	case GOJSON_OBJECT_END:
	case GOJSON_ARRAY_END:
		pop_frame(body);
		break;
	case GOJSON_PIECE:
	case GOJSON_KEY:
	case GOJSON_STRING:
		body_take_text(body, step, piece);
		break;
	case GOJSON_NUMBER:
		body_begin_value(body, step);
		body_take_number(body);
		break;
	case GOJSON_TRUE:
	case GOJSON_FALSE:
		body_begin_value(body, step);
		take_bool(body, step == GOJSON_TRUE);
		break;
	case GOJSON_NULL:
		body_begin_value(body, step);
		take_null(body);
		break;
	default:
		break;
	}
}

int body_new(const struct shape *shape, size_t limit, void *data, struct body **ret)
{
	struct body *body = calloc(1, sizeof(*body));

	if (!body)
		return -ENOMEM;
	gojson_init(&body->json);
	body->shape = shape;
	body->limit = limit;
	body->data = data;
	body->memory = sizeof(*body) + BLOCK_COST;
	body->root.value.shape = shape;
	body->root.value.is_nil = true;
	body->slot.shape = shape;
	if (is_kept(shape))
		body->slot.node = &body->root;
	*ret = body;
	return 0;
}

void body_free(struct body *body)
{
	struct bytes text;

	if (!body)
		return;
	for (unsigned int i = 0; i < body->depth; i++)
		free_nodes(body, body->frames[i].old);
	text = end_text(body);
	free_bytes(body, &text);
	clear_node(body, &body->root);
	explicit_bzero(body, sizeof(*body));
	free(body);
}

int body_feed(struct body *body, const char *bytes, size_t size)
{
	enum gojson_step step;
	struct bytes piece;
	size_t used;

	while (!body->broken) {
		step = gojson_next(&body->json, bytes, size, &used, &piece);
		if (step == GOJSON_MORE)
			break;
		bytes += used;
		size -= used;
		if (step == GOJSON_ERROR)
			body->broken = true;
		else if (step == GOJSON_TRAILING)
			body->oddities |= BODY_TRAILING;
		else if (body->skipped)
			pass_skipped(body, step);
		else
			body_take(body, step, piece);
	}
	if (body->json.bad_utf8)
		body->oddities |= BODY_BAD_UTF8;
	return body->out_of_memory ? -ENOMEM : 0;
}

enum body_state body_state(const struct body *body)
{
	if (body->broken)
		return BODY_INVALID;
	if (!body->complete)
		return BODY_OPEN;
	return body->mistake ? BODY_MISTYPED : BODY_DONE;
}

const char *body_error(const struct body *body)
{
	switch (body_state(body)) {
	case BODY_INVALID:
		return body->out_of_memory ? "out of memory" : body->json.error;
	case BODY_MISTYPED:
		return body->mistake;
	default:
		return NULL;
	}
}

unsigned int body_oddities(const struct body *body)
{
	return body->oddities;
}

size_t body_memory(const struct body *body)
{
	return body->memory;
}

const struct value *body_value(const struct body *body)
{
	return &body->root.value;
}

const struct value *body_get(const struct value *value, const char *name)
{
	const struct value *child = value && value->shape ? value->first : NULL;
	bool map = child && value->shape->kind == SHAPE_MAP;
	size_t size = map ? strlen(name) : 0;

	for (; child; child = child->next) {
		if (map ? child->key.size == size && !memcmp(child->key.data, name, size)
			: child->name && *child->name == *name && !strcmp(child->name, name))
			return child->is_nil ? NULL : child;
	}
	return NULL;
}

struct bytes body_string(const struct value *value, const char *name)
{
	const struct value *field = body_get(value, name);

	return field ? field->string : (struct bytes){0};
}

bool body_true(const struct value *value, const char *name)
{
	const struct value *field = body_get(value, name);

	return field && field->boolean;
}
