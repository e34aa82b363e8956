// SPDX-License-Identifier: Apache-2.0
/* Which containers have a socket, or a directory above it: what their engine says, whether they run or not. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/access/access.h"
#include "engine/client.h"
#include "host/hostfiles.h"
#include "json/body.h"

#define LIST_MEMORY (256u << 10)
#define LIST_BYTES (64u << 20)
#define LIST_TIME (20 * NS_PER_S) /* it takes long where there are thousands */
#define PAUSE 100		  /* ms */

static bool take_listed(void *data, const struct value *container);

static const struct shape list_string = {.kind = SHAPE_STRING};
static const struct shape list_bool = {.kind = SHAPE_BOOL};
static const struct shape list_strings = {.kind = SHAPE_LIST, .element = &list_string};
static const struct shape_field mount_fields[] = {
	{"Source", &list_string}, {"Destination", &list_string}, {"RW", &list_bool}, {}};
static const struct shape mount_shape = {.kind = SHAPE_STRUCT, .fields = mount_fields};
static const struct shape mount_shapes = {.kind = SHAPE_LIST, .element = &mount_shape};
static const struct shape_field listed_fields[] = {{"Id", &list_string},
						   {"Names", &list_strings},
						   {"State", &list_string},
						   {"Mounts", &mount_shapes},
						   {}};
static const struct shape listed_shape = {.kind = SHAPE_STRUCT, .fields = listed_fields};
static const struct shape list_shape = {
	.kind = SHAPE_LIST, .element = &listed_shape, .element_done = take_listed, .always = true};

struct access_asking {
	struct access *access;
	const struct access_socket *engine;
	struct client client;
	struct body *body;
	unsigned int before; /* grants that there were */
	bool over, good;
};

/* The path without links of what was mounted; the engine walked it when the container was made. */
static bool find_source(struct bytes source, struct hostfiles_end *end)
{
	struct hostfiles_place place = {"/", "/proc/self/mountinfo"};
	char path[PATH_MAX];
	_close_ int fd = -1;

	if (!source.size || source.size >= sizeof(path) || *source.data != '/' ||
	    memchr(source.data, '\0', source.size))
		return false;
	snprintf(path, sizeof(path), "%.*s", (int)source.size, source.data);
	fd = hostfiles_walk(&place, path, NULL, end);
	return fd >= 0 && end->whole && !end->missing;
}

static bool is_at_or_above(const char *source, const char *socket)
{
	size_t size = strcmp(source, "/") != 0 ? strlen(source) : 0;

	return !strncmp(source, socket, size) && (!socket[size] || socket[size] == '/');
}

static bool leads_to_socket(const struct access_socket *socket, const char *source)
{
	for (unsigned int i = 0; !socket->tcp && i < socket->way_count; i++)
		if (is_at_or_above(source, socket->ways[i].path))
			return true;
	return false;
}

static bool is_grant_of(const struct access_grant *grant, const struct access_socket *socket,
			const char *id)
{
	return grant->kind == ACCESS_CONTAINER && grant->socket == socket &&
	       !strcmp(grant->container_id, id);
}

/* The grant that its mounts gave the container already, or another one. Those of one container come one behind the other. */
static struct access_grant *find_holding_container(const struct access_asking *asking,
						   const struct access_socket *socket,
						   const char *id, const char *name)
{
	struct access *access = asking->access;
	struct access_grant *found = NULL;

	for (unsigned int i = 0; i < asking->before && !found; i++)
		if (is_grant_of(&access->grants[i], socket, id))
			found = &access->grants[i];
	for (unsigned int i = access->grant_count; i > asking->before && !found; i--) {
		if (strcmp(access->grants[i - 1].container_id, id) != 0)
			break;
		if (is_grant_of(&access->grants[i - 1], socket, id))
			found = &access->grants[i - 1];
	}
	if (!found)
		return access_add(access, socket, ACCESS_CONTAINER, name);
	snprintf(found->who, sizeof(found->who), "%s", name);
	return found;
}

/* Another engine may have a container of that name. */
static bool add_removal(struct text *command, const struct access_socket *engine, const char *name)
{
	char host[sizeof(engine->real) + sizeof("unix://")];

	if (engine->brand == BRAND_PODMAN) {
		text_add_string(command, "podman rm -f ");
		return access_quote(command, name);
	}
	text_add_string(command, "docker ");
	if (strcmp(engine->real, "/run/docker.sock") != 0) {
		snprintf(host, sizeof(host), "unix://%s", engine->real);
		text_add_string(command, "-H ");
		if (!access_quote(command, host))
			return false;
		text_add_char(command, ' ');
	}
	text_add_string(command, "rm -f ");
	return access_quote(command, name);
}

static void add_holding_container(struct access_asking *asking, const struct value *container,
				  const struct access_socket *socket, struct bytes destination,
				  bool writable)
{
	struct bytes id = body_string(container, "Id"), state = body_string(container, "State");
	const struct value *names = body_get(container, "Names");
	struct bytes first = names && names->first ? names->first->string : id;
	char name[ACCESS_NAME_SIZE], text[72];
	_cleanup_(text_free) struct text command = {0};
	struct access_grant *grant;

	if (first.size && *first.data == '/')
		first = bytes_from(first, 1);
	snprintf(name, sizeof(name), "%.*s", (int)first.size, first.data ?: "");
	snprintf(text, sizeof(text), "%.*s", (int)id.size, id.data ?: "");
	grant = find_holding_container(asking, socket, text, name);
	memcpy(grant->container_id, text, sizeof(text));
	snprintf(grant->how, sizeof(grant->how), "mount %.*s",
		 (int)(destination.size < 100 ? destination.size : 100), destination.data ?: "");
	snprintf(grant->detail, sizeof(grant->detail), "%.*s%s",
		 (int)(state.size < 20 ? state.size : 20), state.data ?: "",
		 writable ? "" : ", :ro (that does not limit it)");
	if (add_removal(&command, asking->engine, name) && !command.error &&
	    command.size < sizeof(grant->remove))
		memcpy(grant->remove, command.data, command.size + 1);
}

static bool take_listed(void *data, const struct value *container)
{
	struct access_asking *asking = data;
	struct access *access = asking->access;
	_free_ struct hostfiles_end *end = malloc(sizeof(*end));

	EACH (mount, body_get(container, "Mounts")) {
		if (!end || !find_source(body_string(mount, "Source"), end))
			continue;
		for (unsigned int i = 0; i < access->socket_count; i++)
			if (leads_to_socket(&access->sockets[i], end->done))
				add_holding_container(asking, container, &access->sockets[i],
						      body_string(mount, "Destination"),
						      body_true(mount, "RW"));
	}
	return false;
}

static bool list_has_question(void *data)
{
	return !((struct access_asking *)data)->over;
}

static bool list_ask(void *data)
{
	struct access_asking *asking = data;

	if (asking->over)
		return false;
	client_ask(&asking->client, "/containers/json?all=1",
		   &(struct client_limits){.bytes = LIST_BYTES});
	return true;
}

static void list_connected(void *data, bool another)
{
	(void)data;
	(void)another;
}

static int list_head(void *data, int status)
{
	struct access_asking *asking = data;

	return status == 200 ? body_new(&list_shape, LIST_MEMORY, asking, &asking->body) : 0;
}

static int list_body(void *data, const char *bytes, size_t size)
{
	struct access_asking *asking = data;

	return asking->body ? body_feed(asking->body, bytes, size) : 0;
}

static int list_end(void *data, bool complete)
{
	struct access_asking *asking = data;

	asking->good = complete && asking->body && body_state(asking->body) == BODY_DONE;
	body_free(asking->body);
	asking->body = NULL;
	asking->over = true;
	return 0;
}

static const struct client_calls list_calls = {
	.has_question = list_has_question,
	.ask = list_ask,
	.connected = list_connected,
	.head = list_head,
	.body = list_body,
	.end = list_end,
};

static void ask_for_containers(struct access *access, const struct access_socket *engine)
{
	struct access_asking asking = {
		.access = access, .engine = engine, .before = access->grant_count};
	uint64_t now = clock_now(CLOCK_BOOTTIME), end = now + LIST_TIME;
	int error = client_init(&asking.client, engine->real, &list_calls, &asking);

	while (!error && !asking.over) {
		struct pollfd fd = {0};

		client_run(&asking.client, now);
		if (asking.client.fd < 0 && asking.client.error != -EAGAIN)
			error = asking.client.error;
		if (asking.over || error)
			break;
		fd.fd = client_fd(&asking.client, &fd.events);
		poll(&fd, 1, PAUSE);
		now = clock_now(CLOCK_BOOTTIME);
		if (now >= end)
			error = -ETIMEDOUT;
	}
	client_close(&asking.client);
	body_free(asking.body);
	if (error || !asking.good)
		access_note(access, "%s: its engine does not say what containers it has: %s",
			    engine->path, error ? strerror(-error) : "no such answer");
}

static bool was_asked(const struct access *access, const struct access_socket *engine)
{
	for (const struct access_socket *other = access->sockets; other < engine; other++)
		if (!other->tcp && other->pid && other->pid == engine->pid)
			return true;
	return false;
}

/* Where no engine is known to run, a connect might start one. One of another user is not root's to ask. */
void access_ask_engines(struct access *access)
{
	for (unsigned int i = 0; i < access->socket_count; i++) {
		const struct access_socket *engine = &access->sockets[i];
		bool docker = engine->brand == BRAND_DOCKER || engine->brand == BRAND_PODMAN;

		if (engine->tcp || !engine->is_root || was_asked(access, engine))
			continue;
		if (engine->pid > 1 && docker)
			ask_for_containers(access, engine);
		else if (docker || access->ctl->argument_count ||
			 !strcmp(engine->real, "/run/docker.sock"))
			access_note(
				access,
				"%s: no engine is seen there, so it was not asked for containers",
				engine->path);
	}
}
