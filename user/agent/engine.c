// SPDX-License-Identifier: Apache-2.0
#define HASH_NONFATAL_OOM 1
#include "agent/engine.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uthash.h>

#include "conversation/http1.h"
#include "docker/idtree.h"
#include "docker/shapes.h"

#ifndef CALLERD_VERSION
#define CALLERD_VERSION "0"
#endif

#define SECOND 1000000000ull

#define API_NEWEST 47 /* N of 1.N that is understood */
#define SILENCE_MAX (10 * SECOND)
#define REQUEST_TIME_MAX (600 * SECOND)
#define BACKOFF_FIRST SECOND
#define BACKOFF_MAX (60 * SECOND)
#define BACKOFF_ABSENT_MAX (4 * SECOND) /* where there is nobody to be bothered */
#define STEADY (60 * SECOND)		/* a connection that lasted is no reason to wait longer */
#define AGAIN_FIRST (60 * SECOND)	/* after a list that failed */
#define AGAIN_MAX (3600 * SECOND)

#define SYSTEMD 1 /* its PID */

#define QUEUE_MAX 65536
#define KEY_MAX 255
#define RUN_REQUESTS 8	      /* in a row */
#define RUN_BYTES (64u << 10) /* read in a row */
#define BODY_MEMORY (512u << 10)
#define LIST_MAX (512u << 20) /* bytes of an answer */
#define ANSWER_MAX (8u << 20)

/* What can be asked, in the order in which a refresh asks it. */
enum question { ASK_VERSION, ASK_VOLUMES, ASK_IMAGES, ASK_CONTAINERS, ASK_CONTAINER, ASK_NOTHING };

/* How a question went. */
enum outcome {
	ANSWERED,
	INCOMPLETE, /* or refused with a status of 4xx: asking again would not help */
	FAILED,
};

/* A container to be asked about. */
struct waiting {
	UT_hash_handle hh; /* by key; the table's own order is that of the queue */
	size_t size;
	char key[];
};

struct engine {
	struct engine_options options;
	struct sockaddr_un address;
	int fd;	    /* -1: none */
	pid_t peer; /* of the last connection: who listens; 0: not known */
	uint64_t now, connected_at, tried_at, retry_at, backoff;
	bool lost; /* the last connection, or none was made */
	bool dormant;

	enum question next;	   /* of the refresh that is under way; ASK_CONTAINER: none is */
	bool wanted, wanted_later; /* a refresh: now, or when nothing waits */
	bool failed, incomplete;   /* a list of this one */
	uint64_t again_at, again;  /* a refresh after one that failed; 0: none */
	struct waiting *queue;

	enum question asked; /* the request that is under way */
	char key[KEY_MAX];   /* ASK_CONTAINER */
	size_t key_size;
	char request[KEY_MAX + 256];
	size_t request_size, sent;
	uint64_t asked_at, heard_at, answer_size;
	struct http1_parser parser;
	int status;	   /* 0: no head yet */
	struct body *body; /* of a status 200 */
	struct engine_stats stats;
};

/* --- the queue -------------------------------------------------------------------------------- */

static void dequeue(struct engine *engine, struct waiting *waiting)
{
	HASH_DEL(engine->queue, waiting);
	free(waiting);
}

static void empty_queue(struct engine *engine)
{
	while (engine->queue) /* NOLINTNEXTLINE: the analyzer loses track of the table */
		dequeue(engine, engine->queue);
}

/* Whether KEY can stand in a path as it is. */
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

/* False: there is no room. */
static bool enqueue(struct engine *engine, struct bytes key)
{
	struct waiting *waiting = NULL;

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

/* --- answers ---------------------------------------------------------------------------------- */

static bool volume_listed(void *data, const struct value *element);
static bool image_listed(void *data, const struct value *element);
static bool container_listed(void *data, const struct value *element);

static const struct shape string = {.kind = SHAPE_STRING};
static const struct shape strings = {.kind = SHAPE_LIST, .element = &string};
static const struct shape string_map = {.kind = SHAPE_MAP, .element = &string};

static const struct shape_field version_fields[] = {
	{"ApiVersion", &string}, {"MinAPIVersion", &string}, {}};
static const struct shape version = {.kind = SHAPE_STRUCT, .fields = version_fields};

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

static const struct shape_field container_fields[] = {
	{"Id", &string}, {"Names", &strings}, {"Image", &string}, {"ImageID", &string}, {}};
static const struct shape container = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = container_fields};
static const struct shape containers = {.kind = SHAPE_LIST,
					.element = &container,
					.element_done = container_listed,
					.always = true};

static const struct {
	const char *path; /* below the version */
	const struct shape *shape;
	uint64_t answer_max;
} questions[] = {
	[ASK_VERSION] = {"/version", &version, ANSWER_MAX},
	[ASK_VOLUMES] = {"/volumes", &volumes, LIST_MAX},
	[ASK_IMAGES] = {"/images/json", &images, LIST_MAX},
	[ASK_CONTAINERS] = {"/containers/json?all=1", &containers, LIST_MAX},
	[ASK_CONTAINER] = {NULL, &shape_container_inspect, ANSWER_MAX},
};

/* The N of 1.N; 0: it is none. */
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

/* The newest version that both know; where there is none, the engine's oldest. */
static void take_version(struct engine *engine, const struct value *answer)
{
	unsigned int newest = api_minor(value_string(answer, "ApiVersion"));
	unsigned int oldest = api_minor(value_string(answer, "MinAPIVersion"));

	engine->stats.api = newest < API_NEWEST ? newest : API_NEWEST;
	if (engine->stats.api && engine->stats.api < oldest)
		engine->stats.api = oldest;
}

static bool volume_listed(void *data, const struct value *element)
{
	struct engine *engine = data;
	struct inventory_volume known = {
		.name = value_string(element, "Name"),
		.driver = value_string(element, "Driver"),
		.host_path = {"", 0},
	};
	struct text path = {0};

	if (volume_value_path(known.driver, value_get(element, "Options"), engine->options.files,
			      &path))
		known.host_path = (struct bytes){path.data, path.size};
	inventory_put_volume(engine->options.inventory, &known);
	text_free(&path);
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
	struct bytes id = value_string(element, "Id");

	inventory_put_image(engine->options.inventory, id, (struct bytes){});
	put_names(engine, id, value_get(element, "RepoTags"));
	put_names(engine, id, value_get(element, "RepoDigests"));
	return false;
}

/* /OTHER/NAME, for OTHER's links. */
static bool is_alias(struct bytes name)
{
	return name.size > 1 && memchr(name.data + 1, '/', name.size - 1);
}

static bool container_listed(void *data, const struct value *element)
{
	struct engine *engine = data;
	struct inventory *inventory = engine->options.inventory;
	const struct value *names = value_get(element, "Names"), *name;
	struct inventory_container known = {
		.id = value_string(element, "Id"),
		.image = value_string(element, "Image"),
		.image_id = value_string(element, "ImageID"),
	};

	if (!id_valid(known.id))
		return false;
	engine->stats.listed++;
	/* What the list says where the name is another image's by now. */
	if (bytes_equal(known.image, known.image_id))
		known.image = (struct bytes){};
	for (name = names ? names->first : NULL; name; name = name->next)
		if (!is_alias(name->string))
			known.name = name->string;
	inventory_put_container(inventory, &known);
	for (name = names ? names->first : NULL; name; name = name->next)
		if (is_alias(name->string))
			inventory_alias_container(inventory, known.id, name->string);
	enqueue(engine, known.id);
	return false;
}

static bool is_full_id(const struct engine *engine)
{
	return id_valid((struct bytes){engine->key, engine->key_size});
}

static enum outcome take_container(struct engine *engine, const struct value *answer)
{
	const struct value *config = value_get(answer, "Config");
	struct inventory_container known = {
		.id = value_string(answer, "Id"),
		.name = value_string(answer, "Name"),
		.image = value_string(config, "Image"),
		.image_id = value_string(answer, "Image"),
		.user = value_string(config, "User"),
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

static enum outcome take_answer(struct engine *engine)
{
	enum body_state state = engine->body ? body_state(engine->body) : BODY_INVALID;

	if (engine->status == 404 && engine->asked == ASK_CONTAINER) {
		engine->stats.gone++;
		if (is_full_id(engine))
			inventory_remove_container(engine->options.inventory,
						   (struct bytes){engine->key, engine->key_size});
		return ANSWERED;
	}
	if (engine->status / 100 == 4)
		return INCOMPLETE;
	/* What is of another type than with Docker was left out; the rest stands. */
	if (state != BODY_DONE && state != BODY_MISTYPED)
		return FAILED;
	if (engine->asked == ASK_VERSION)
		take_version(engine, body_value(engine->body));
	if (engine->asked == ASK_CONTAINER)
		return take_container(engine, body_value(engine->body));
	return state == BODY_DONE ? ANSWERED : INCOMPLETE;
}

/* --- a refresh -------------------------------------------------------------------------------- */

static uint64_t doubled(uint64_t time, uint64_t first, uint64_t max)
{
	return !time ? first : 2 * time < max ? 2 * time : max;
}

static void begin_refresh(struct engine *engine)
{
	engine->wanted = engine->wanted_later = engine->failed = engine->incomplete = false;
	engine->again_at = 0;
	engine->next = ASK_VERSION;
	engine->stats.listed = 0;
	empty_queue(engine); /* the list fills it */
	inventory_sweep(engine->options.inventory);
}

static void end_refresh(struct engine *engine)
{
	if (engine->failed) {
		engine->again = doubled(engine->again, AGAIN_FIRST, AGAIN_MAX);
		engine->again_at = engine->now + engine->again;
		return;
	}
	engine->again = 0;
	engine->stats.refreshes++;
	if (!engine->incomplete) /* what was not told is not gone */
		inventory_swept(engine->options.inventory);
}

/* What to ask now. */
static enum question next_question(struct engine *engine)
{
	if (engine->wanted || (engine->again_at && engine->now >= engine->again_at) ||
	    (engine->wanted_later && !engine->queue && engine->next == ASK_CONTAINER))
		begin_refresh(engine);
	if (engine->next == ASK_CONTAINER && !engine->queue)
		return ASK_NOTHING;
	return engine->next;
}

static bool has_question(const struct engine *engine)
{
	return engine->wanted || engine->wanted_later || engine->next != ASK_CONTAINER ||
	       engine->queue || (engine->again_at && engine->now >= engine->again_at);
}

/* --- requests --------------------------------------------------------------------------------- */

static void end_question(struct engine *engine, enum outcome outcome)
{
	enum question asked = engine->asked;

	body_free(engine->body);
	engine->body = NULL;
	engine->asked = ASK_NOTHING;
	engine->stats.failures += outcome != ANSWERED;
	if (asked != engine->next || asked == ASK_CONTAINER)
		return;
	/* Without a version, the paths without one will do. */
	engine->failed |= outcome == FAILED && asked != ASK_VERSION;
	engine->incomplete |= outcome == INCOMPLETE && asked != ASK_VERSION;
	engine->next++;
	if (engine->next == ASK_CONTAINER)
		end_refresh(engine);
}

static void disconnect(struct engine *engine)
{
	if (engine->fd >= 0)
		close(engine->fd);
	engine->fd = -1;
	if (engine->asked != ASK_NOTHING)
		end_question(engine, FAILED);
}

/* Waits before it connects again. */
static void back_off(struct engine *engine, uint64_t max)
{
	engine->backoff = doubled(engine->backoff, BACKOFF_FIRST, max);
	engine->retry_at = engine->now + engine->backoff;
}

/* The connection is of no more use; CLOSED: by the engine. */
static void lose(struct engine *engine, bool closed)
{
	disconnect(engine);
	engine->lost = true;
	engine->dormant = closed && engine->peer == SYSTEMD;
	if (engine->now - engine->connected_at >= STEADY)
		engine->backoff = 0;
	back_off(engine, BACKOFF_MAX);
}

static void write_request(struct engine *engine, enum question question)
{
	char version_text[16] = "", path[KEY_MAX + 32];

	if (question == ASK_VERSION)
		engine->stats.api = 0;
	if (engine->stats.api)
		snprintf(version_text, sizeof(version_text), "/v1.%u", engine->stats.api);
	if (question == ASK_CONTAINER)
		snprintf(path, sizeof(path), "/containers/%.*s/json", (int)engine->key_size,
			 engine->key);
	else
		snprintf(path, sizeof(path), "%s", questions[question].path);
	engine->request_size = (size_t)snprintf(engine->request, sizeof(engine->request),
						"GET %s%s HTTP/1.1\r\nHost: docker\r\n"
						"User-Agent: callerd/" CALLERD_VERSION "\r\n\r\n",
						version_text, path);
}

/* False: there is nothing to ask. */
static bool ask(struct engine *engine)
{
	enum question question = next_question(engine);

	if (question == ASK_NOTHING)
		return false;
	if (question == ASK_CONTAINER) {
		engine->key_size = engine->queue->size;
		memcpy(engine->key, engine->queue->key, engine->key_size);
		dequeue(engine, engine->queue);
	}
	write_request(engine, question);
	http1_init(&engine->parser, HTTP1_RESPONSE);
	engine->asked = question;
	engine->sent = engine->answer_size = 0;
	engine->status = 0;
	engine->asked_at = engine->heard_at = engine->now;
	engine->stats.requests++;
	return true;
}

/* 0, -EAGAIN, or that the connection is gone. */
static int send_request(struct engine *engine)
{
	while (engine->sent < engine->request_size) {
		ssize_t size =
			send(engine->fd, engine->request + engine->sent,
			     engine->request_size - engine->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (size < 0)
			return errno == EINTR ? -EAGAIN : -errno;
		engine->sent += (size_t)size;
	}
	return 0;
}

static int take_head(struct engine *engine)
{
	http1_response_to(&engine->parser, "GET");
	engine->status = engine->parser.head.status;
	if (engine->status == 101)
		return -EPROTO;
	if (engine->status != 200)
		return 0;
	return body_new(questions[engine->asked].shape, BODY_MEMORY, engine, &engine->body);
}

/* The answer is complete. */
static int end_answer(struct engine *engine)
{
	bool last =
		engine->parser.head.close || engine->parser.head.framing == HTTP1_BODY_UNTIL_CLOSE;

	if (engine->status < 200) { /* the one that counts follows */
		engine->status = 0;
		return 0;
	}
	end_question(engine, take_answer(engine));
	if (last)
		disconnect(engine);
	return 0;
}

/* Takes SIZE bytes of the answer in. 0, or that it is of no use. */
static int take_bytes(struct engine *engine, const char *data, size_t size)
{
	engine->heard_at = engine->now;
	engine->answer_size += size;
	if (engine->asked == ASK_NOTHING ||
	    engine->answer_size > questions[engine->asked].answer_max)
		return -EPROTO;
	for (;;) {
		const char *piece;
		size_t used, piece_size;
		int error = 0;

		if (engine->asked ==
		    ASK_NOTHING) /* it came with the last bytes, or there are too many */
			return size ? -EPROTO : 0;
		switch (http1_next(&engine->parser, data, size, &used, &piece, &piece_size)) {
		case HTTP1_MORE:
			return 0;
		case HTTP1_HEAD:
			error = take_head(engine);
			break;
		case HTTP1_BODY:
			if (engine->body && engine->status == 200)
				error = body_feed(engine->body, piece, piece_size);
			break;
		case HTTP1_END:
			error = end_answer(engine);
			break;
		case HTTP1_ERROR:
			error = -EPROTO;
			break;
		}
		if (error)
			return error;
		data += used;
		size -= used;
	}
}

/* The engine closed: an answer may end so. */
static int take_end(struct engine *engine)
{
	bool complete = false;

	if (engine->asked == ASK_NOTHING || http1_finish(&engine->parser, &complete) || !complete)
		return -ECONNRESET;
	return end_answer(engine);
}

/* Reads once. Returns the bytes, 0 where it was the end of a complete answer, -EAGAIN, or that the
 * connection is of no more use. */
static int receive(struct engine *engine)
{
	char bytes[16384];
	ssize_t size = recv(engine->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	int error;

	if (size < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	if (!size)
		return take_end(engine);
	error = take_bytes(engine, bytes, (size_t)size);
	explicit_bzero(bytes, (size_t)size); /* the environment of a container, for one */
	return error ?: (int)size;
}

/* --- the connection --------------------------------------------------------------------------- */

static pid_t peer_of(int fd)
{
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) ? 0 : peer.pid;
}

static bool may_connect(const struct engine *engine)
{
	/* One that was lost is sought anew; one that the engine never keeps, when there is a question. */
	return !engine->dormant && engine->now >= engine->retry_at &&
	       (engine->lost || has_question(engine));
}

/* Takes FD, just connected. */
static void connected(struct engine *engine, int fd)
{
	pid_t peer = peer_of(fd);

	/* Another engine listens; or perhaps so, where that is not to be seen. */
	if (peer != engine->peer || (engine->lost && peer <= SYSTEMD))
		engine->wanted = true;
	engine->peer = peer;
	engine->fd = fd;
	engine->lost = false;
	engine->connected_at = engine->now;
	engine->retry_at = 0;
	engine->stats.connects++;
}

static void connect_engine(struct engine *engine)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool absent;

	engine->tried_at = engine->now;
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&engine->address, sizeof(engine->address))) {
		connected(engine, fd);
		return;
	}
	absent = fd >= 0 && (errno == ENOENT || errno == ECONNREFUSED);
	if (fd >= 0)
		close(fd);
	if (absent)
		engine->peer = 0;
	engine->lost = true;
	back_off(engine, absent ? BACKOFF_ABSENT_MAX : BACKOFF_MAX);
}

static bool timed_out(const struct engine *engine)
{
	return engine->asked != ASK_NOTHING && (engine->now - engine->heard_at >= SILENCE_MAX ||
						engine->now - engine->asked_at >= REQUEST_TIME_MAX);
}

/* Sends or reads what can be. Returns as receive() does. */
static int step(struct engine *engine)
{
	int error = engine->asked == ASK_NOTHING ? 0 : send_request(engine);

	return error ?: receive(engine);
}

void engine_run(struct engine *engine, uint64_t now)
{
	unsigned int requests = 0;
	size_t bytes = 0;
	int size = 0;

	engine->now = now;
	while (bytes < RUN_BYTES && requests <= RUN_REQUESTS) {
		if (engine->fd < 0 && may_connect(engine))
			connect_engine(engine);
		if (engine->fd < 0)
			break;
		if (engine->asked == ASK_NOTHING && requests < RUN_REQUESTS)
			requests += ask(engine);
		else if (engine->asked == ASK_NOTHING)
			break;
		size = step(engine);
		if (size < 0)
			break;
		bytes += (size_t)size;
	}
	if (engine->fd >= 0 && size < 0 && size != -EAGAIN)
		lose(engine, size == -ECONNRESET || size == -EPIPE);
	else if (engine->fd >= 0 && timed_out(engine))
		lose(engine, false);
}

int engine_fd(const struct engine *engine, short *ret_events)
{
	bool write = engine->asked == ASK_NOTHING ? has_question(engine)
						  : engine->sent < engine->request_size;

	*ret_events = write ? POLLOUT : POLLIN;
	return engine->fd;
}

/* --- the rest --------------------------------------------------------------------------------- */

void engine_seen(struct engine *engine)
{
	engine->dormant = false;
}

void engine_refresh(struct engine *engine)
{
	engine->dormant = false;
	if (engine->next == ASK_CONTAINER)
		engine->wanted = true;
	else
		engine->wanted_later = true;
	if (engine->retry_at > engine->tried_at + BACKOFF_FIRST)
		engine->retry_at = engine->tried_at + BACKOFF_FIRST;
}

void engine_inspect(struct engine *engine, struct bytes key)
{
	if (!enqueue(engine, key))
		engine->wanted_later = true;
}

void engine_stats(const struct engine *engine, struct engine_stats *ret)
{
	*ret = engine->stats;
	ret->waiting = HASH_COUNT(engine->queue) + (engine->asked == ASK_CONTAINER);
	ret->connected = engine->fd >= 0;
	ret->dormant = engine->dormant;
	ret->listing = engine->wanted || engine->next != ASK_CONTAINER;
}

int engine_new(const struct engine_options *options, struct engine **ret)
{
	struct engine *engine;

	if (strlen(options->socket) >= sizeof(engine->address.sun_path))
		return -ENAMETOOLONG;
	engine = calloc(1, sizeof(*engine));
	if (!engine)
		return -ENOMEM;
	engine->options = *options;
	engine->address.sun_family = AF_UNIX;
	memcpy(engine->address.sun_path, options->socket, strlen(options->socket) + 1);
	engine->fd = -1;
	engine->lost = true;
	engine->asked = ASK_NOTHING;
	engine->next = ASK_CONTAINER;
	engine->wanted = true;
	*ret = engine;
	return 0;
}

void engine_free(struct engine *engine)
{
	if (!engine)
		return;
	disconnect(engine);
	empty_queue(engine);
	free(engine);
}
