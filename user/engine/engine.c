// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/idtree.h"
#include "base/table.h"
#include "docker/api/shapes.h"
#include "docker/host/volumes.h"
#include "docker/known/labels.h"
#include "engine/client.h"

#define API_NEWEST 47 /* N of the newest version 1.N that callerd understands */
#define API_STRICT                                                                                 \
	46 /* of Docker 27, which takes the host's part of a container in HostConfig alone */
#define SILENCE_MAX (10 * NS_PER_S)
#define REQUEST_TIME_MAX (600 * NS_PER_S)
#define AGAIN_FIRST (60 * NS_PER_S) /* until a refresh after a list that failed */
#define AGAIN_MAX (3600 * NS_PER_S)

#define QUEUE_MAX 65536
#define EXECS_MAX 1024
#define EXEC_AGAIN_FIRST (10 * NS_PER_MS) /* until the same exec is asked for again */
#define EXEC_AGAIN_MAX NS_PER_S
#define EXEC_TIME_MAX (60 * NS_PER_S)
#define KEY_MAX 255
#define BODY_MEMORY (512u << 10)
#define LIST_MAX (512u << 20) /* bytes of the answer with a list */
#define ANSWER_MAX (8u << 20)

/* The questions, in the order of a refresh. */
enum engine_question {
	ASK_VERSION,
	ASK_INFO,
	ASK_VOLUMES,
	ASK_IMAGES,
	ASK_CONTAINERS,
	ASK_CONTAINER,
	ASK_EXEC,
	ASK_NOTHING
};

/* The result of a question. */
enum outcome {
	ANSWERED,
	INCOMPLETE, /* or the status is 4xx: asking again would not help */
	FAILED,
};

/* A container to be asked about. */
struct waiting_container {
	UT_hash_handle hh; /* by key; the table's own order is that of the queue */
	size_t size;
	char key[];
};

/* An exec whose process is asked for. */
struct waiting_exec {
	UT_hash_handle hh; /* by id */
	char id[ID_DIGITS];
	uint64_t due, pause, end; /* when it is asked for next, at which distance, and until when */
	bool told;
};

struct engine {
	struct engine_options options;
	struct client client;

	/* Next question of the current refresh; ASK_CONTAINER: there is no refresh. */
	enum engine_question next;
	bool wanted, wanted_later; /* a refresh is wanted: now, or when the queue is empty */
	bool failed, incomplete;   /* a list of the current refresh */
	uint64_t again_at, again;  /* time and delay of the refresh after a failed one; 0: none */
	struct waiting_container *queue;
	struct waiting_exec *execs;
	uint64_t
		clock; /* that execs are due by: of the last engine_run(), or engine_waits_for_execs() */
	bool listed;  /* the lists have ended, and refreshed() was not called yet */
	bool crowded; /* a container of this list had no place in the queue */
	/* If .listed: how many containers of the queue refreshed() waits for. */
	unsigned int to_inspect;

	enum engine_question asked; /* the question under way */
	bool asked_exec;	    /* the last one was ASK_EXEC */
	uint64_t asked_at;
	char key[KEY_MAX]; /* ASK_CONTAINER, ASK_EXEC */
	size_t key_size;
	struct body *body;    /* the answer's body, if the status is 200 */
	struct labels labels; /* of the container that is read */
	struct daemon places;
	bool told;     /* what it is, since it may be another one */
	char id[128];  /* see engine_id() */
	uint64_t told_at;
	struct engine_stats stats;
};

/* --- the queue -------------------------------------------------------------------------------- */

static void engine_dequeue(struct engine *engine, struct waiting_container *waiting)
{
	HASH_DEL(engine->queue, waiting);
	free(waiting);
}

static void empty_queue(struct engine *engine)
{
	while (engine->queue) /* NOLINTNEXTLINE: the analyzer loses track of the table */
		engine_dequeue(engine, engine->queue);
}

/* Whether KEY needs no escaping in a path. */
static bool key_valid(struct bytes key)
{
	static const char good[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	if (!key.size || key.size > KEY_MAX || key.data[0] == '.')
		return false;
	for (size_t i = 0; i < key.size; i++)
		if (!memchr(good, key.data[i], sizeof(good) - 1))
			return false;
	return true;
}

/* False: the queue is full. */
static bool engine_enqueue(struct engine *engine, struct bytes key)
{
	struct waiting_container *waiting = NULL;

	if (!engine->options.judge_container || !key_valid(key))
		return true;
	HASH_FIND(hh, engine->queue, key.data, key.size, waiting);
	if (waiting)
		return true;
	if (HASH_COUNT(engine->queue) < QUEUE_MAX)
		waiting = calloc(1, sizeof(*waiting) + key.size);
	if (waiting) {
		memcpy(waiting->key, key.data, key.size);
		waiting->size = key.size;
		HASH_ADD_KEYPTR(hh, engine->queue, waiting->key, waiting->size, waiting);
		if (waiting->hh.tbl)
			return true;
		free(waiting);
	}
	engine->stats.overflows++;
	return false;
}

/* --- execs ------------------------------------------------------------------------------------ */

static void drop_waiting_exec(struct engine *engine, struct waiting_exec *exec)
{
	HASH_DEL(engine->execs, exec);
	free(exec);
}

static void forget_execs(struct engine *engine)
{
	while (engine->execs) /* NOLINTNEXTLINE: the analyzer loses track of the table */
		drop_waiting_exec(engine, engine->execs);
}

/* The exec that is to be asked for now; NULL: none. */
static struct waiting_exec *exec_due(const struct engine *engine)
{
	struct waiting_exec *exec = engine->execs;

	while (exec && exec->due > engine->clock)
		exec = exec->hh.next;
	return exec;
}

void engine_inspect_exec(struct engine *engine, struct bytes id)
{
	struct waiting_exec *exec = NULL;

	if (!engine->options.exec_runs || !idtree_is_id(id))
		return;
	HASH_FIND(hh, engine->execs, id.data, ID_DIGITS, exec);
	if (exec)
		return;
	if (HASH_COUNT(engine->execs) < EXECS_MAX)
		exec = calloc(1, sizeof(*exec));
	if (exec) {
		memcpy(exec->id, id.data, ID_DIGITS);
		exec->pause = EXEC_AGAIN_FIRST;
		HASH_ADD(hh, engine->execs, id, ID_DIGITS, exec);
		if (exec->hh.tbl)
			return;
		free(exec);
	}
	engine->stats.overflows++;
}

bool engine_waits_for_execs(struct engine *engine, uint64_t now)
{
	struct waiting_exec *exec, *next;

	engine->clock = now;
	HASH_ITER(hh, engine->execs, exec, next)
	{
		if (!exec->end)
			exec->end = now + EXEC_TIME_MAX;
		if (now >= exec->end)
			drop_waiting_exec(engine, exec);
	}
	return engine->execs;
}

/* The exec that was asked for is to be asked for again: AT_ONCE, or the later, the longer that has gone on. */
static void ask_exec_again(struct engine *engine, struct waiting_exec *exec, bool at_once)
{
	uint64_t now = engine->client.now;

	exec->due = at_once ? 0 : now + exec->pause;
	exec->pause += exec->pause / 4;
	if (exec->pause > EXEC_AGAIN_MAX)
		exec->pause = EXEC_AGAIN_MAX;
}

/* ANSWER: NULL where there is none that could be understood. GONE: the engine has no such exec. */
static void take_exec(struct engine *engine, const struct value *answer, bool gone)
{
	const struct engine_options *options = &engine->options;
	const struct value *pid = body_get(answer, "Pid"), *code = body_get(answer, "ExitCode");
	struct waiting_exec *exec;
	bool runs = body_true(answer, "Running");

	HASH_FIND(hh, engine->execs, engine->key, ID_DIGITS, exec);
	if (!exec)
		return;
	if (runs && pid && pid->number > 0 && pid->number <= INT32_MAX) {
		bool again = exec->told;

		exec->told = true;
		options->exec_runs(options->data, (struct bytes){engine->key, ID_DIGITS},
				   body_string(answer, "ContainerID"), (uint32_t)pid->number,
				   engine->asked_at);
		if (again)
			drop_waiting_exec(engine, exec);
		else
			ask_exec_again(engine, exec, true);
		return;
	}
	/* Before it begins it does not run, either: but Docker has no exit code yet, and Podman 0 and no PID. */
	if (gone || (answer && !runs && code && (code->number || (pid && pid->number))))
		drop_waiting_exec(engine, exec);
	else
		ask_exec_again(engine, exec, false);
}

/* --- answers ---------------------------------------------------------------------------------- */

static bool volume_listed(void *data, const struct value *element);
static bool image_listed(void *data, const struct value *element);
static bool container_listed(void *data, const struct value *element);
static bool label_listed(void *data, const struct value *element);

static const struct shape string = {.kind = SHAPE_STRING};
static const struct shape strings = {.kind = SHAPE_LIST, .element = &string};
static const struct shape string_map = {.kind = SHAPE_MAP, .element = &string};

static const struct shape_field swarm_fields[] = {{"LocalNodeState", &string}, {}};
static const struct shape swarm = {.kind = SHAPE_STRUCT, .fields = swarm_fields};
static const struct shape_field containerd_fields[] = {{"Address", &string}, {}};
static const struct shape containerd = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = containerd_fields};
static const struct shape_field info_fields[] = {
	{"ID", &string},
	{"Swarm", &swarm},
	{"DockerRootDir", &string},
	{"Containerd", &containerd},
	{}};
static const struct shape info = {.kind = SHAPE_STRUCT, .fields = info_fields};

static const struct shape_field volume_fields[] = {
	{"Name", &string}, {"Driver", &string}, {"Options", &string_map}, {}};
static const struct shape volume = {.kind = SHAPE_STRUCT, .pointer = true, .fields = volume_fields};
static const struct shape volume_list = {
	.kind = SHAPE_LIST, .element = &volume, .element_done = volume_listed, .always = true};
static const struct shape_field volumes_fields[] = {{"Volumes", &volume_list}, {}};
static const struct shape volumes = {.kind = SHAPE_STRUCT, .fields = volumes_fields};

static const struct shape_field image_fields[] = {
	{"Id", &string}, {"RepoTags", &strings}, {"RepoDigests", &strings}, {}};
static const struct shape image = {.kind = SHAPE_STRUCT, .pointer = true, .fields = image_fields};
static const struct shape images = {
	.kind = SHAPE_LIST, .element = &image, .element_done = image_listed, .always = true};

static const struct shape labels = {
	.kind = SHAPE_MAP, .element = &string, .element_done = label_listed, .always = true};
static const struct shape_field container_fields[] = {{"Id", &string},	   {"Names", &strings},
						      {"Image", &string},  {"ImageID", &string},
						      {"Labels", &labels}, {}};
static const struct shape container = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = container_fields};
static const struct shape containers = {.kind = SHAPE_LIST,
					.element = &container,
					.element_done = container_listed,
					.always = true};

static const struct shape truth = {.kind = SHAPE_BOOL};
static const struct shape number = {.kind = SHAPE_INTEGER, .bits = 64};
static const struct shape number_or_none = {.kind = SHAPE_INTEGER, .bits = 64, .pointer = true};
static const struct shape_field exec_fields[] = {{"Running", &truth},
						 {"ExitCode", &number_or_none},
						 {"ContainerID", &string},
						 {"Pid", &number},
						 {}};
static const struct shape exec_inspect = {.kind = SHAPE_STRUCT, .fields = exec_fields};

static const struct {
	const char *path; /* behind the version's prefix */
	const struct shape *shape;
	uint64_t answer_max;
} questions[] = {
	[ASK_VERSION] = {"/version", &client_version_shape, ANSWER_MAX},
	[ASK_INFO] = {"/info", &info, ANSWER_MAX},
	[ASK_VOLUMES] = {"/volumes", &volumes, LIST_MAX},
	[ASK_IMAGES] = {"/images/json", &images, LIST_MAX},
	[ASK_CONTAINERS] = {"/containers/json?all=1", &containers, LIST_MAX},
	[ASK_CONTAINER] = {NULL, &shape_container_inspect, ANSWER_MAX},
	[ASK_EXEC] = {NULL, &exec_inspect, ANSWER_MAX},
};

/* The N of TEXT, "1.N"; 0: TEXT is no such version. */
static unsigned int api_minor(struct bytes text)
{
	unsigned int minor = 0;

	if (text.size < 3 || text.size > 5 || memcmp(text.data, "1.", 2) != 0)
		return 0;
	for (size_t i = 2; i < text.size; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return 0;
		minor = 10 * minor + (unsigned int)(text.data[i] - '0');
	}
	return minor;
}

/* Takes the newest version that callerd and the engine both know; if there is none, the engine's
 * oldest. */
static void engine_take_version(struct engine *engine, const struct value *answer)
{
	unsigned int newest = api_minor(body_string(answer, "ApiVersion"));
	unsigned int oldest = api_minor(body_string(answer, "MinAPIVersion"));

	engine->stats.api = newest < API_NEWEST ? newest : API_NEWEST;
	if (engine->stats.api && engine->stats.api < oldest)
		engine->stats.api = oldest;
	engine->stats.podman = client_version_is_podman(answer);
	inventory_set_strict(engine->options.inventory,
			     !engine->stats.podman && newest >= API_STRICT);
}

static void take_info(struct engine *engine, const struct value *answer)
{
	struct bytes id = body_string(answer, "ID");

	if (!engine->stats.podman && id.size < sizeof(engine->id))
		snprintf(engine->id, sizeof(engine->id), "%.*s", (int)id.size, id.data ?: "");
	engine->stats.swarm = bytes_equal(body_string(body_get(answer, "Swarm"), "LocalNodeState"),
					  (struct bytes){"active", sizeof("active") - 1});
	daemon_set(&engine->places, DAEMON_DATA_ROOT, body_string(answer, "DockerRootDir"));
	daemon_set(&engine->places, DAEMON_CONTAINERD,
		   body_string(body_get(answer, "Containerd"), "Address"));
}

static bool volume_listed(void *data, const struct value *element)
{
	struct engine *engine = data;
	struct inventory_volume known = {
		.name = body_string(element, "Name"),
		.driver = body_string(element, "Driver"),
		.host_path = {"", 0},
	};
	_cleanup_(text_free) struct text path = {0};

	if (volumes_value_path(known.driver, body_get(element, "Options"), engine->options.files,
			       &path))
		known.host_path = (struct bytes){path.data, path.size};
	inventory_put_volume(engine->options.inventory, &known);
	return false;
}

static void put_names(struct engine *engine, struct bytes id, const struct value *names)
{
	for (const struct value *name = names ? names->first : NULL; name; name = name->next)
		inventory_put_image(engine->options.inventory, id, name->string);
}

static bool image_listed(void *data, const struct value *element)
{
	struct engine *engine = data;
	struct bytes id = body_string(element, "Id");

	inventory_put_image(engine->options.inventory, id, (struct bytes){});
	put_names(engine, id, body_get(element, "RepoTags"));
	put_names(engine, id, body_get(element, "RepoDigests"));
	return false;
}

/* Whether NAME is /OTHER/NAME, a name that a link of the container OTHER gives. */
static bool is_alias(struct bytes name)
{
	return name.size > 1 && memchr(name.data + 1, '/', name.size - 1);
}

static bool label_listed(void *data, const struct value *element)
{
	return labels_gather(&((struct engine *)data)->labels, element);
}

static bool container_listed(void *data, const struct value *element)
{
	struct engine *engine = data;
	struct inventory *inventory = engine->options.inventory;
	const struct value *names = body_get(element, "Names"), *name;
	struct inventory_container known = {
		.id = body_string(element, "Id"),
		.image = body_string(element, "Image"),
		.image_id = body_string(element, "ImageID"),
		.labels = labels_packed(&engine->labels),
	};

	if (!idtree_is_id(known.id)) {
		labels_clear(&engine->labels);
		return false;
	}
	engine->stats.listed++;
	/* The list has the id in place of the name when the name belongs to another image by
	 * now. */
	if (bytes_equal(known.image, known.image_id))
		known.image = (struct bytes){};
	for (name = names ? names->first : NULL; name; name = name->next)
		if (!is_alias(name->string))
			known.name = name->string;
	inventory_put_container(inventory, &known);
	labels_clear(&engine->labels);
	for (name = names ? names->first : NULL; name; name = name->next)
		if (is_alias(name->string))
			inventory_alias_container(inventory, known.id, name->string);
	engine->crowded |= !engine_enqueue(engine, known.id);
	return false;
}

static bool is_full_id(const struct engine *engine)
{
	return idtree_is_id((struct bytes){engine->key, engine->key_size});
}

static enum outcome take_container(struct engine *engine, const struct value *answer)
{
	const struct value *config = body_get(answer, "Config");
	struct inventory_container known = {
		.id = body_string(answer, "Id"),
		.name = body_string(answer, "Name"),
		.image = body_string(config, "Image"),
		.image_id = body_string(answer, "Image"),
		.user = body_string(config, "User"),
		.labels = labels_packed(&engine->labels),
		.inspected = true,
	};

	if (is_full_id(engine) &&
	    !bytes_equal(known.id, (struct bytes){engine->key, engine->key_size}))
		return FAILED;
	if (engine->options.judge_container(engine->options.data, answer, &known)) {
		known.inspected = false;
		known.finding_count = 0;
	}
	if (inventory_put_container(engine->options.inventory, &known) || !known.inspected)
		return FAILED;
	engine->stats.inspected++;
	return ANSWERED;
}

static void container_gone(struct engine *engine, struct bytes id)
{
	inventory_remove_container(engine->options.inventory, id);
	if (engine->options.gone)
		engine->options.gone(engine->options.data, id);
}

static enum outcome engine_take_answer(struct engine *engine)
{
	enum body_state state = engine->body ? body_state(engine->body) : BODY_INVALID;

	if (engine->asked == ASK_EXEC) {
		take_exec(engine, state == BODY_DONE ? body_value(engine->body) : NULL,
			  engine->client.status == 404);
		return engine->client.status == 404 || state == BODY_DONE ? ANSWERED : FAILED;
	}
	if (engine->client.status == 404 && engine->asked == ASK_CONTAINER) {
		engine->stats.gone++;
		if (is_full_id(engine))
			container_gone(engine, (struct bytes){engine->key, engine->key_size});
		return ANSWERED;
	}
	if (engine->client.status / 100 == 4)
		return INCOMPLETE;
	/* Fields of a type that Docker does not use were left out; the others are good. */
	if (state != BODY_DONE && state != BODY_MISTYPED)
		return FAILED;
	if (engine->asked == ASK_VERSION)
		engine_take_version(engine, body_value(engine->body));
	if (engine->asked == ASK_INFO)
		take_info(engine, body_value(engine->body));
	if (engine->asked == ASK_CONTAINER)
		return take_container(engine, body_value(engine->body));
	return state == BODY_DONE ? ANSWERED : INCOMPLETE;
}

/* --- a refresh -------------------------------------------------------------------------------- */

static uint64_t engine_doubled(uint64_t time, uint64_t first, uint64_t max)
{
	return !time ? first : 2 * time < max ? 2 * time : max;
}

static void begin_refresh(struct engine *engine)
{
	engine->wanted = engine->wanted_later = engine->failed = engine->incomplete = false;
	engine->listed = engine->crowded = false;
	engine->again_at = 0;
	engine->next = ASK_VERSION;
	engine->stats.listed = 0;
	empty_queue(engine); /* the list fills it */
	inventory_sweep(engine->options.inventory);
}

/* Calls refreshed() when the lists of this refresh and their inspections have ended. */
static void tell_refreshed(struct engine *engine)
{
	if (!engine->listed || engine->to_inspect)
		return;
	engine->listed = false;
	if (engine->options.refreshed)
		engine->options.refreshed(engine->options.data, !engine->failed &&
									!engine->incomplete &&
									!engine->crowded);
}

static void end_refresh(struct engine *engine)
{
	engine->listed = true;
	engine->to_inspect =
		HASH_COUNT(engine->queue); /* containers added later come after these */
	if (engine->failed) {
		engine->again = engine_doubled(engine->again, AGAIN_FIRST, AGAIN_MAX);
		engine->again_at = engine->client.now + engine->again;
		return;
	}
	engine->again = 0;
	engine->stats.refreshes++;
	if (!engine->incomplete) /* an incomplete list does not show that the rest is gone */
		inventory_swept(engine->options.inventory);
}

/* The question to ask now. */
static enum engine_question next_question(struct engine *engine)
{
	/* By turns: many execs do not hold up what is asked of containers. */
	if (exec_due(engine) && !(engine->asked_exec && engine->queue))
		return ASK_EXEC;
	if (engine->wanted || (engine->again_at && engine->client.now >= engine->again_at) ||
	    (engine->wanted_later && !engine->queue && engine->next == ASK_CONTAINER))
		begin_refresh(engine);
	if (engine->next == ASK_CONTAINER && !engine->queue)
		return ASK_NOTHING;
	return engine->next;
}

static bool engine_has_question(void *data)
{
	const struct engine *engine = data;

	return engine->wanted || engine->wanted_later || engine->next != ASK_CONTAINER ||
	       engine->queue || exec_due(engine) ||
	       (engine->again_at && engine->client.now >= engine->again_at);
}

/* --- requests --------------------------------------------------------------------------------- */

/* Whether a refresh fails without an answer to QUESTION. It can do without the version and the
 * info: paths work without a version. */
static bool is_list(enum engine_question question)
{
	return question != ASK_VERSION && question != ASK_INFO;
}

static void end_question(struct engine *engine, enum outcome outcome)
{
	enum engine_question asked = engine->asked;

	body_free(engine->body);
	engine->body = NULL;
	engine->asked = ASK_NOTHING;
	engine->stats.failures += outcome != ANSWERED;
	if (asked == ASK_EXEC)
		return;
	if (asked == ASK_CONTAINER && engine->listed)
		engine->to_inspect--;
	if (asked == engine->next && asked != ASK_CONTAINER) {
		engine->failed |= outcome == FAILED && is_list(asked);
		engine->incomplete |= outcome == INCOMPLETE && is_list(asked);
		engine->next++;
		if (asked == ASK_INFO) {
			engine->told = true;
			engine->told_at = engine->client.now;
		}
		if (asked == ASK_INFO && outcome != FAILED && engine->options.introduced)
			engine->options.introduced(engine->options.data);
		if (engine->next == ASK_CONTAINER)
			end_refresh(engine);
	}
	tell_refreshed(engine);
}

static void write_path(struct engine *engine, enum engine_question question, char *path,
		       size_t size)
{
	char version_text[16] = "";

	if (question == ASK_VERSION)
		engine->stats.api = 0;
	if (engine->stats.api)
		snprintf(version_text, sizeof(version_text), "/v1.%u", engine->stats.api);
	if (question == ASK_CONTAINER)
		snprintf(path, size, "%s/containers/%.*s/json", version_text, (int)engine->key_size,
			 engine->key);
	else if (question == ASK_EXEC)
		snprintf(path, size, "%s/exec/%.*s/json", version_text, (int)engine->key_size,
			 engine->key);
	else
		snprintf(path, size, "%s%s", version_text, questions[question].path);
}

static bool engine_ask(void *data)
{
	struct engine *engine = data;
	enum engine_question question = next_question(engine);
	char path[KEY_MAX + 64];

	if (question == ASK_NOTHING)
		return false;
	if (question == ASK_CONTAINER) {
		engine->key_size = engine->queue->size;
		memcpy(engine->key, engine->queue->key, engine->key_size);
		engine_dequeue(engine, engine->queue);
	}
	if (question == ASK_EXEC) {
		engine->key_size = ID_DIGITS;
		memcpy(engine->key, exec_due(engine)->id, ID_DIGITS);
	}
	write_path(engine, question, path, sizeof(path));
	client_ask(&engine->client, path,
		   &(struct client_limits){.bytes = questions[question].answer_max,
					   .whole = REQUEST_TIME_MAX,
					   .silence = SILENCE_MAX});
	engine->asked = question;
	engine->asked_exec = question == ASK_EXEC;
	engine->asked_at = engine->client.now;
	engine->stats.requests++;
	return true;
}

static int engine_answer_begins(void *data, int status)
{
	struct engine *engine = data;

	if (status != 200)
		return 0;
	labels_clear(&engine->labels);
	return body_new(questions[engine->asked].shape, BODY_MEMORY,
			engine->asked == ASK_CONTAINER ? (void *)&engine->labels : engine,
			&engine->body);
}

static int engine_answer_goes_on(void *data, const char *bytes, size_t size)
{
	struct engine *engine = data;

	return engine->body ? body_feed(engine->body, bytes, size) : 0;
}

static int engine_answer_ends(void *data, bool complete)
{
	struct engine *engine = data;

	if (engine->asked == ASK_EXEC && !complete)
		take_exec(engine, NULL, false);
	end_question(engine, complete ? engine_take_answer(engine) : FAILED);
	return 0;
}

static void engine_connected(void *data, bool another)
{
	struct engine *engine = data;

	engine->wanted |= another;
	if (!another)
		return;
	engine->told = false;
	engine->id[0] = '\0';
	inventory_set_strict(engine->options.inventory,
			     false); /* it may be of an older version */
}

static const struct client_calls engine_calls = {
	.has_question = engine_has_question,
	.ask = engine_ask,
	.connected = engine_connected,
	.head = engine_answer_begins,
	.body = engine_answer_goes_on,
	.end = engine_answer_ends,
};

/* --- the rest --------------------------------------------------------------------------------- */

void engine_run(struct engine *engine, uint64_t now)
{
	engine->clock = now;
	client_run(&engine->client, now);
}

int engine_fd(const struct engine *engine, short *ret_events)
{
	return client_fd(&engine->client, ret_events);
}

void engine_seen(struct engine *engine)
{
	client_seen(&engine->client);
}

void engine_refresh(struct engine *engine)
{
	client_hurry(&engine->client);
	if (engine->next == ASK_CONTAINER)
		engine->wanted = true;
	else
		engine->wanted_later = true;
}

void engine_inspect(struct engine *engine, struct bytes key)
{
	if (!engine_enqueue(engine, key))
		engine->wanted_later = true;
}

const char *engine_id(const struct engine *engine)
{
	return engine->told && engine->client.fd >= 0 ? engine->id : NULL;
}

uint64_t engine_told_at(const struct engine *engine)
{
	return engine->told_at;
}

bool engine_was_absent(const struct engine *engine, uint64_t time)
{
	return client_nobody_listens(engine->client.error) && engine->client.tried_at > time;
}

pid_t engine_peer(const struct engine *engine)
{
	return engine->client.peer;
}

bool engine_is_of_user(const struct engine *engine)
{
	return engine->client.peer_uid != 0;
}

const struct daemon *engine_places(const struct engine *engine)
{
	return &engine->places;
}

void engine_stats(const struct engine *engine, struct engine_stats *ret)
{
	*ret = engine->stats;
	ret->waiting = HASH_COUNT(engine->queue) + (engine->asked == ASK_CONTAINER);
	ret->connects = engine->client.connects;
	ret->error = engine->client.error;
	ret->connected = engine->client.fd >= 0;
	ret->dormant = engine->client.dormant;
	ret->listing = engine->wanted || engine->next != ASK_CONTAINER;
}

int engine_new(const struct engine_options *options, struct engine **ret)
{
	_free_ struct engine *engine = calloc(1, sizeof(*engine));
	int error;

	if (!engine)
		return -ENOMEM;
	error = client_init(&engine->client, options->socket, &engine_calls, engine);
	if (error)
		return error;
	engine->options = *options;
	engine->asked = ASK_NOTHING;
	engine->next = ASK_CONTAINER;
	engine->wanted = true;
	*ret = take_ptr(engine);
	return 0;
}

void engine_free(struct engine *engine)
{
	if (!engine)
		return;
	engine->options.introduced = NULL;
	engine->options.refreshed = NULL;
	client_close(&engine->client);
	empty_queue(engine);
	forget_execs(engine);
	labels_free(&engine->labels);
	free(engine);
}
