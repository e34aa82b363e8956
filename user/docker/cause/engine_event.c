// SPDX-License-Identifier: Apache-2.0
/*
 * The words of Docker (daemon/events.go and who calls it) and of Podman (pkg/api/handlers/compat/events.go,
 * pkg/domain/entities/events.go), which come out as Docker's.
 *
 * Docker adds a container's labels over what it says of the event itself, and then sets image and name. Podman sets
 * image, name, containerExitCode, podId and, when a container dies, exitCode over the labels.
 */
#include "docker/cause/engine_event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "json/body.h"
#include "secret/mask.h"

/* For the longest that a caller can make it, so that no label pushes the engine's attributes out: the action, which
 * is there twice, the image and what is kept of the attributes take 56 KiB, and while one is read it takes 32.
 * Three quarters of the limit are for that, and for the reader. */
#define LINE_MEMORY_MAX (128 << 10)

/* Further attributes that are looked for. */
enum {
	KEY_SWARM_TASK = 1 << 16,
	KEY_PODMAN = 1 << 17, /* Podman's own, which is in each of its events */
	KEY_OTHER = 1 << 18,
};

/* Longer ones count as absent. */
#define NAME_MAX_KEPT 2048
#define ID_MAX_KEPT 256
#define WORD_MAX_KEPT 32
#define NEVER_KEPT 0

static const struct attribute {
	const char *key;
	unsigned int bit; /* enum engine_attribute or one of the above */
	size_t longest;
} attributes[] = {
	{"com.docker.swarm.task.id", KEY_SWARM_TASK, NEVER_KEPT},
	{"container", KEY_OTHER, ID_MAX_KEPT},
	{"containerExitCode", KEY_PODMAN, WORD_MAX_KEPT},
	{"execID", ATTRIBUTE_EXEC_ID, ID_MAX_KEPT},
	{"exitCode", ATTRIBUTE_EXIT_CODE, WORD_MAX_KEPT},
	{"image", ATTRIBUTE_IMAGE, NAME_MAX_KEPT},
	{"name", ATTRIBUTE_NAME, NAME_MAX_KEPT},
	{"network", KEY_OTHER, NAME_MAX_KEPT},
	{"podId", KEY_PODMAN, NEVER_KEPT},
	{"signal", ATTRIBUTE_SIGNAL, WORD_MAX_KEPT},
};

#define SOME_ACTIONS (ATTRIBUTE_EXIT_CODE | ATTRIBUTE_SIGNAL | ATTRIBUTE_EXEC_ID)

/* Words of containers' events with attributes of their own, and words of Podman's that are not Docker's. */
static const struct wording {
	enum engine_type kind;
	const char *word;
	enum engine_action act;
	unsigned int given; /* of SOME_ACTIONS, by the engine */
} wordings[] = {
	{ENGINE_CONTAINER, "die", ACTION_DIE, ATTRIBUTE_EXIT_CODE},
	{ENGINE_CONTAINER, "exec_create", ACTION_EXEC_CREATE, ATTRIBUTE_EXEC_ID},
	{ENGINE_CONTAINER, "exec_detach", ACTION_EXEC_DETACH, ATTRIBUTE_EXEC_ID},
	{ENGINE_CONTAINER, "exec_die", ACTION_EXEC_DIE, ATTRIBUTE_EXEC_ID | ATTRIBUTE_EXIT_CODE},
	{ENGINE_CONTAINER, "exec_start", ACTION_EXEC_START, ATTRIBUTE_EXEC_ID},
	{ENGINE_CONTAINER, "kill", ACTION_KILL, ATTRIBUTE_SIGNAL},
	{ENGINE_CONTAINER, "died", ACTION_DIE, ATTRIBUTE_EXIT_CODE},
	{ENGINE_CONTAINER, "exec", ACTION_EXEC_START},
	/* Podman before 6 sets the execID, and then the labels in place of all attributes (libpod/events.go). */
	{ENGINE_CONTAINER, "exec_died", ACTION_EXEC_DIE, ATTRIBUTE_EXEC_ID | ATTRIBUTE_EXIT_CODE},
	{ENGINE_CONTAINER, "remove", ACTION_DESTROY},
	{ENGINE_IMAGE, "loadfromarchive", ACTION_LOAD},
	{ENGINE_IMAGE, "remove", ACTION_DELETE},
	{ENGINE_VOLUME, "remove", ACTION_DESTROY},
};

struct engine_event_reader {
	void (*callback)(void *data, const struct engine_event *event);
	void *data;
	struct body *line; /* NULL: nothing of it came yet, or it is lost */
	bool lost;	   /* there was no memory for it */
	unsigned int seen; /* attributes that the line has, enum engine_attribute and KEY_… */
	uint64_t malformed;
};

/* --- The line ------------------------------------------------------------------------------------ */

/* Keeps those that are looked for, and notes that they were there; labels stream by. */
static bool attribute_matters(void *data, const struct value *element)
{
	struct engine_event_reader *reader = data;

	for (size_t i = 0; i < COUNT(attributes); i++) {
		if (!bytes_equal(element->key, bytes_of(attributes[i].key)))
			continue;
		reader->seen |= attributes[i].bit;
		return !element->cut && element->string.size <= attributes[i].longest;
	}
	return false;
}

static const struct shape text_shape = {.kind = SHAPE_STRING};
static const struct shape number_shape = {.kind = SHAPE_INTEGER, .bits = 64};
/* A map: a struct would take the keys in any case, as labels may have them. */
static const struct shape attributes_shape = {.kind = SHAPE_MAP,
					      .element = &text_shape,
					      .element_done = attribute_matters,
					      .always = true};
static const struct shape_field actor_fields[] = {
	{"ID", &text_shape}, {"Attributes", &attributes_shape}, {0}};
static const struct shape actor_shape = {.kind = SHAPE_STRUCT, .fields = actor_fields};
static const struct shape_field event_fields[] = {{"status", &text_shape},
						  {"id", &text_shape},
						  {"from", &text_shape},
						  {"Type", &text_shape},
						  {"Action", &text_shape},
						  {"Actor", &actor_shape},
						  {"time", &number_shape},
						  {"timeNano", &number_shape},
						  {"HealthStatus", &text_shape}, /* Podman */
						  {0}};
static const struct shape event_shape = {.kind = SHAPE_STRUCT, .fields = event_fields};

/* --- What it says -------------------------------------------------------------------------------- */

/* Empty is absent. */
static struct bytes engine_event_text_of(const struct value *parent, const char *name)
{
	struct bytes text = body_string(parent, name);

	return text.size ? text : (struct bytes){0};
}

static bool is_cut(const struct value *parent, const char *name)
{
	const struct value *field = body_get(parent, name);

	return field && field->cut;
}

/* As strconv.Itoa() writes it. */
static bool parse_integer(struct bytes text, int64_t *ret)
{
	bool negative = text.size && *text.data == '-';
	size_t at = negative;
	int64_t number = 0;

	if (text.size == at || (text.data[at] == '0' && text.size > 1))
		return false;
	for (; at < text.size; at++) {
		int digit = text.data[at] - '0';

		if (digit < 0 || digit > 9 || __builtin_mul_overflow(number, 10, &number) ||
		    __builtin_sub_overflow(number, digit, &number))
			return false;
	}
	if (!negative && number == INT64_MIN)
		return false;
	*ret = negative ? number : -number;
	return true;
}

static uint64_t time_of(const struct value *line)
{
	const struct value *seconds = body_get(line, "time"), *ns = body_get(line, "timeNano");
	int64_t time = 0;

	if (ns && ns->number)
		time = ns->number;
	else if (seconds && __builtin_mul_overflow(seconds->number, INT64_C(1000000000), &time))
		time = 0;
	return time > 0 ? (uint64_t)time : 0;
}

static struct bytes without_blanks_behind(struct bytes text)
{
	while (text.size && text.data[text.size - 1] == ' ')
		text.size--;
	return text;
}

/*
 * TAIL is what follows the colon: the arguments with one blank between them and no quotes. Where an argument ends
 * cannot be told from it, nor, therefore, which words belong to a secret: of the event's own text only the
 * program's name is told. CUT: the end of TAIL is missing.
 */
static void set_program(struct engine_event *event, struct bytes tail, bool cut,
			struct text *program)
{
	size_t end = 0;

	if (!tail.data)
		return;
	if (tail.size && *tail.data == ' ')
		tail = bytes_from(tail, 1);
	if (!cut)
		event->command_hash = engine_event_command_hash(tail);
	while (end < tail.size && !strchr(" \t\r\n=", tail.data[end] ?: ' '))
		end++;
	if (end == tail.size && cut)
		end = 0;
	text_add_string(program, "");
	mask_text(program, (struct bytes){tail.data, end});
	event->program = text_since(program, 0);
}

/* Docker says it behind a colon, Podman in a field of its own. One word: what else stands there, as Docker's
 * description of the API allows for, is a health check's output. */
static void set_health(struct engine_event *event, struct bytes tail, const struct value *line)
{
	struct bytes health = tail;

	if (health.size && *health.data == ' ')
		health = bytes_from(health, 1);
	if (!tail.data)
		health = engine_event_text_of(line, "HealthStatus");
	for (size_t i = 0; i < health.size; i++)
		if (health.data[i] < 'a' || health.data[i] > 'z' || i == WORD_MAX_KEPT)
			return;
	if (health.size)
		event->health = health;
	event->unhealthy = bytes_are(health, "unhealthy");
}

static const struct wording *find_wording(const struct engine_event *event)
{
	for (const struct wording *one = wordings; one < wordings + COUNT(wordings); one++)
		if (event->kind == one->kind && bytes_are(event->action, one->word))
			return one;
	return NULL;
}

static void set_act(struct engine_event *event, enum engine_action act)
{
	event->act = act;
	event->action = bytes_of(engine_action_words[act].word);
}

/* Type, id and action, from the fields of before Docker 1.10 where these are missing: only containers had "from".
 * *TAIL: what follows the action's colon. False: it is no event. */
static bool set_action(struct engine_event *event, const struct value *line, struct bytes *tail,
		       bool *tail_cut)
{
	const struct value *actor = body_get(line, "Actor");
	const char *field = engine_event_text_of(line, "Action").data ? "Action" : "status", *colon;
	struct bytes action = engine_event_text_of(line, field);

	event->type = engine_event_text_of(line, "Type");
	if (!event->type.data && engine_event_text_of(line, "from").data)
		event->type = bytes_of("container");
	event->id = engine_event_text_of(actor, "ID");
	if (!event->id.data)
		event->id = engine_event_text_of(line, "id");
	if (!event->type.data || !action.data || is_cut(line, "Type") || is_cut(line, "id") ||
	    is_cut(actor, "ID"))
		return false;
	*tail_cut = is_cut(line, field);
	colon = memchr(action.data, ':', action.size);
	if (colon) {
		*tail = bytes_from(action, colon + 1 - action.data);
		action.size = colon - action.data;
	}
	event->action = action;
	event->act = engine_action_by_name(action);
	event->kind = engine_type_by_name(event->type);
	return action.size && (colon || !*tail_cut);
}

/* What a label may have said, too. */
static void set_given(struct engine_event *event, const struct value *values, unsigned int given,
		      bool podman)
{
	struct bytes code = {0};

	if (given & ATTRIBUTE_EXIT_CODE)
		code = engine_event_text_of(values, podman ? "containerExitCode" : "exitCode");
	event->has_exit_code = parse_integer(code, &event->exit_code);
	if (podman && event->has_exit_code)
		event->attributes |= ATTRIBUTE_EXIT_CODE;
	if (given & ATTRIBUTE_EXEC_ID)
		event->exec_id = engine_event_text_of(values, "execID");
	if (given & ATTRIBUTE_SIGNAL)
		event->signal = engine_event_text_of(values, "signal");
}

static void set_container(struct engine_event *event, const struct value *values,
			  unsigned int given, bool podman)
{
	set_given(event, values, given, podman);
	event->image = engine_event_text_of(values, "image");
	event->labels = event->attributes & SOME_ACTIONS & ~given;
}

/* Podman tells a container's connection as the container's event, with its name. */
static void set_network(struct engine_event *event, const struct value *values, bool podman)
{
	event->container = engine_event_text_of(values, "container");
	if (!podman)
		return;
	if (event->act == ACTION_CONNECT || event->act == ACTION_DISCONNECT) {
		event->container = event->id;
		event->id = (struct bytes){0};
	}
	if (event->act == ACTION_REMOVE)
		set_act(event, ACTION_DESTROY);
	event->name = engine_event_text_of(values, "network");
}

static void set_attributes(struct engine_event *event, const struct value *values,
			   unsigned int seen, unsigned int given, bool podman)
{
	event->attributes = seen & ((1 << ATTRIBUTES) - 1);
	event->swarm_task = seen & KEY_SWARM_TASK;
	event->name = engine_event_text_of(values, "name");
	switch (event->kind) {
	case ENGINE_CONTAINER:
		set_container(event, values, given, podman);
		break;
	case ENGINE_IMAGE:
		event->labels = event->attributes & SOME_ACTIONS;
		break;
	case ENGINE_VOLUME:
		event->container = engine_event_text_of(values, "container");
		if (!event->id.data) /* Podman */
			event->id = event->name;
		break;
	case ENGINE_NETWORK:
		set_network(event, values, seen & KEY_PODMAN);
		break;
	default:
		break;
	}
}

/* PROGRAM is where the name of an exec's program goes. False: it is no event. */
static bool set_event(struct engine_event *event, const struct value *line, unsigned int seen,
		      struct text *program)
{
	const struct value *values = body_get(body_get(line, "Actor"), "Attributes");
	struct bytes tail = {0};
	const struct wording *wording;
	bool tail_cut, podman;

	if (!set_action(event, line, &tail, &tail_cut))
		return false;
	wording = find_wording(event);
	podman = wording && wording->act != event->act;
	if (podman)
		set_act(event, wording->act);
	set_attributes(event, values, seen, wording ? wording->given : 0, podman);
	if (event->kind == ENGINE_CONTAINER) {
		if (!event->image.data && !(seen & ATTRIBUTE_IMAGE))
			event->image = engine_event_text_of(line, "from");
		if (event->act == ACTION_EXEC_CREATE || event->act == ACTION_EXEC_START)
			set_program(event, tail, tail_cut, program);
		if (event->act == ACTION_HEALTH_STATUS)
			set_health(event, tail, line);
	}
	event->time = time_of(line);
	return true;
}

/* --- The stream ---------------------------------------------------------------------------------- */

uint64_t engine_event_command_hash(struct bytes command)
{
	uint64_t hash;

	command = without_blanks_behind(command);
	hash = hash_add(HASH_START, command.data, command.size);
	return hash ? hash : 1;
}

int engine_event_reader_new(void (*callback)(void *data, const struct engine_event *event),
			    void *data, struct engine_event_reader **ret)
{
	struct engine_event_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return -ENOMEM;
	reader->callback = callback;
	reader->data = data;
	*ret = reader;
	return 0;
}

void engine_event_reader_free(struct engine_event_reader *reader)
{
	if (reader)
		engine_event_reader_reset(reader);
	free(reader);
}

void engine_event_reader_reset(struct engine_event_reader *reader)
{
	body_free(reader->line);
	reader->line = NULL;
	reader->lost = false;
	reader->seen = 0;
}

uint64_t engine_event_reader_malformed(const struct engine_event_reader *reader)
{
	return reader->malformed;
}

/* Takes a part of a line in. */
static int feed_line(struct engine_event_reader *reader, const char *bytes, size_t size)
{
	int error = 0;

	if (!size || reader->lost)
		return 0;
	if (!reader->line)
		error = body_new(&event_shape, LINE_MEMORY_MAX, reader, &reader->line);
	if (!error)
		error = body_feed(reader->line, bytes, size);
	if (error) {
		engine_event_reader_reset(reader);
		reader->lost = true;
	}
	return error;
}

static int engine_event_end_line(struct engine_event_reader *reader)
{
	struct engine_event event = {0};
	struct text program = {0};
	bool understood = reader->line && body_state(reader->line) == BODY_DONE &&
			  !(body_oddities(reader->line) & BODY_TRAILING) &&
			  set_event(&event, body_value(reader->line), reader->seen, &program);
	int error = program.error;

	if (understood && !error)
		reader->callback(reader->data, &event);
	else
		reader->malformed++;
	text_free(&program);
	engine_event_reader_reset(reader);
	return error;
}

int engine_event_reader_feed(struct engine_event_reader *reader, const char *bytes, size_t size)
{
	int ret = 0;

	while (size) {
		const char *end = memchr(bytes, '\n', size);
		size_t piece = end ? (size_t)(end - bytes) : size;
		int error = feed_line(reader, bytes, piece);

		if (error)
			ret = error;
		error = end ? engine_event_end_line(reader) : 0;
		if (error)
			ret = error;
		piece += end != NULL;
		bytes += piece;
		size -= piece;
	}
	return ret;
}

/* --- A copy -------------------------------------------------------------------------------------- */

#define TEXTS(event)                                                                               \
	{                                                                                          \
		&(event)->type, &(event)->action, &(event)->id, &(event)->name, &(event)->image,   \
			&(event)->container, &(event)->exec_id, &(event)->program,                 \
			&(event)->health, &(event)->signal                                         \
	}

uint64_t engine_event_identity(const struct engine_event *event)
{
	const struct bytes parts[] = {event->type, event->action,  event->id,
				      event->name, event->exec_id, event->container};
	uint64_t hash = hash_add(HASH_START, &event->time, sizeof(event->time));

	for (size_t i = 0; i < COUNT(parts); i++) {
		hash = hash_add(hash, &parts[i].size, sizeof(parts[i].size));
		hash = hash_add(hash, parts[i].data, parts[i].size);
	}
	return hash ?: 1;
}

struct engine_event *engine_event_copy(const struct engine_event *event)
{
	const struct bytes *const texts[] = TEXTS(event);
	size_t size = sizeof(*event);
	struct engine_event *copy;
	char *room;

	for (size_t i = 0; i < COUNT(texts); i++)
		size += texts[i]->size;
	copy = malloc(size);
	if (!copy)
		return NULL;
	*copy = *event;
	room = (char *)(copy + 1);
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct bytes *const copied[] = TEXTS(copy);

		if (!texts[i]->data)
			continue;
		if (texts[i]->size)
			memcpy(room, texts[i]->data, texts[i]->size);
		copied[i]->data = room;
		room += texts[i]->size;
	}
	return copy;
}
