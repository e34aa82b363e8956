// SPDX-License-Identifier: Apache-2.0
/*
 * Contexts of users that lead to engines which are not among the sockets here: other hosts, sockets of proxies. Homes are their users':
 * no file system is entered that a program or another host serves, no link is followed in there, and all of it has a limit.
 */
#include "ctl/access/access_context.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "ctl/access/access.h"
#include "host/hostfiles.h"
#include "json/body.h"
#include "secret/mask.h"

#define CONTEXTS_MAX 64		 /* of a user */
#define CONTEXT_FILE (64u << 10) /* bytes */
#define CONTEXT_MEMORY (128u << 10)
#define HOMES_TIME (5 * NS_PER_S)

/* --- files ------------------------------------------------------------------------------------ */

static const struct shape context_string = {.kind = SHAPE_STRING};
static const struct shape_field endpoint_fields[] = {{"Host", &context_string}, {}};
static const struct shape endpoint_shape = {.kind = SHAPE_STRUCT, .fields = endpoint_fields};
static const struct shape_field endpoints_fields[] = {{"docker", &endpoint_shape}, {}};
static const struct shape endpoints_shape = {.kind = SHAPE_STRUCT, .fields = endpoints_fields};
static const struct shape_field meta_fields[] = {
	{"Name", &context_string}, {"Endpoints", &endpoints_shape}, {}};
static const struct shape meta_shape = {.kind = SHAPE_STRUCT, .fields = meta_fields};
static const struct shape_field config_fields[] = {{"currentContext", &context_string}, {}};
static const struct shape config_shape = {.kind = SHAPE_STRUCT, .fields = config_fields};

/* NULL: it is no such JSON. */
static struct body *read_context_json(const struct shape *shape, struct bytes json)
{
	struct body *body;

	if (body_new(shape, CONTEXT_MEMORY, NULL, &body))
		return NULL;
	if (!body_feed(body, json.data, json.size) && body_state(body) == BODY_DONE)
		return body;
	body_free(body);
	return NULL;
}

bool access_context_read(struct bytes json, struct access_context *ret)
{
	struct body *body = read_context_json(&meta_shape, json);
	_cleanup_(text_free) struct text host = {0};
	const struct value *value;

	if (!body)
		return false;
	value = body_value(body);
	text_copy_visible(ret->name, sizeof(ret->name), body_string(value, "Name"),
			  sizeof(ret->name));
	mask_url(&host, body_string(body_get(body_get(value, "Endpoints"), "docker"), "Host"));
	text_copy_visible(ret->host, sizeof(ret->host), text_since(&host, 0), sizeof(ret->host));
	body_free(body);
	return *ret->name;
}

void access_context_current(struct bytes json, char *ret, size_t size)
{
	struct body *body = read_context_json(&config_shape, json);

	ret[0] = '\0';
	if (!body)
		return;
	text_copy_visible(ret, size, body_string(body_value(body), "currentContext"), size);
	body_free(body);
}

/* --- homes ------------------------------------------------------------------------------------ */

static int open_in_home(int at, const char *path, uint64_t flags)
{
	const struct open_how how = {
		.flags = flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};

	return (int)syscall(SYS_openat2, at, path, &how, sizeof(how));
}

/* Reads the file of USER at PATH into TEXT. False: there is none, or it is none of his. */
static bool read_own_file(const struct access_user *user, int at, const char *path,
			  struct text *text)
{
	_close_ int fd = open_in_home(at, path, O_RDONLY);
	struct stat status;
	ssize_t got = -1;
	char *room;

	if (fd < 0 || fstat(fd, &status) || !S_ISREG(status.st_mode) ||
	    status.st_uid != user->uid || status.st_size > CONTEXT_FILE)
		return false;
	text_cut(text, 0);
	while (text->size <= CONTEXT_FILE && (room = text_room(text, 4096)) &&
	       (got = read(fd, room, 4096)) > 0) {
		text->size += (size_t)got;
		text->data[text->size] = '\0';
	}
	return !got;
}

static bool leads_to_known_socket(const struct access *access, const char *host)
{
	if (!*host)
		return true; /* to what DOCKER_HOST says, or the usual one */
	if (strncmp(host, "unix://", strlen("unix://")) != 0)
		return false;
	for (unsigned int i = 0; i < access->socket_count; i++) {
		const struct access_socket *socket = &access->sockets[i];
		const char *path = host + strlen("unix://");

		if (!socket->tcp && (!strcmp(path, socket->path) || !strcmp(path, socket->real) ||
				     (!strncmp(path, "/var/run/", 9) &&
				      !strcmp(path + strlen("/var"), socket->real))))
			return true;
	}
	return false;
}

static void add_context(struct access *access, const struct access_user *user,
			const struct access_context *context, const char *current)
{
	struct access_grant *grant;

	if (leads_to_known_socket(access, context->host))
		return;
	grant = access_add(access, NULL, ACCESS_CONTEXT, user->name);
	grant->has_uid = true;
	grant->uid = user->uid;
	snprintf(grant->how, sizeof(grant->how), "context %s%s", context->name,
		 !strcmp(current, context->name) ? ", current" : "");
	snprintf(grant->detail, sizeof(grant->detail), "%s", context->host);
}

static void look_at_client(struct access *access, const struct access_user *user, int docker)
{
	_close_ int fd = open_in_home(docker, "contexts/meta", O_RDONLY | O_DIRECTORY);
	_cleanup_(text_free) struct text text = {0};
	_closedir_ DIR *directory = NULL;
	const struct dirent *entry;
	struct access_context context;
	unsigned int count = 0;
	char current[80] = "";

	if (fd >= 0)
		directory = fdopendir(dup(fd));
	if (!directory)
		return;
	if (read_own_file(user, docker, "config.json", &text))
		access_context_current(text_since(&text, 0), current, sizeof(current));
	while ((entry = readdir(directory))) {
		char path[300];

		if (*entry->d_name == '.')
			continue;
		if (count++ == CONTEXTS_MAX) {
			access_note(access, "%s has more contexts than are looked at", user->name);
			return;
		}
		snprintf(path, sizeof(path), "%.255s/meta.json", entry->d_name);
		if (read_own_file(user, fd, path, &text) &&
		    access_context_read(text_since(&text, 0), &context))
			add_context(access, user, &context, current);
	}
}

/* False: that is a file system which is not entered. */
static bool look_at_home(struct access *access, const struct access_user *user,
			 struct hostfiles_end *end)
{
	struct hostfiles_place place = {"/", "/proc/self/mountinfo"};
	char path[PATH_MAX], self[40];
	_close_ int at = -1, docker = -1;

	if (!user->home || *user->home != '/' || strlen(user->home) + 16 > sizeof(path))
		return true;
	snprintf(path, sizeof(path), "%s/.docker", user->home);
	at = hostfiles_walk(&place, path, NULL, end);
	if (at < 0)
		return at != -EXDEV;
	if (end->missing || !end->whole)
		return end->missing;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", at);
	docker = open(self, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	if (docker >= 0)
		look_at_client(access, user, docker);
	return true;
}

void access_find_contexts(struct access *access)
{
	uint64_t end = clock_now(CLOCK_MONOTONIC) + HOMES_TIME;
	_free_ struct hostfiles_end *place = malloc(sizeof(*place));
	unsigned int unentered = 0, left = 0;

	for (unsigned int i = 0; place && i < access->user_count; i++)
		if (clock_now(CLOCK_MONOTONIC) > end)
			left++;
		else if (!look_at_home(access, access->users[i], place))
			unentered++;
	if (!place || left)
		access_note(access, "the contexts of %u users were not looked at", left);
	if (unentered)
		access_note(access,
			    "the contexts of %u users were not looked at: their homes are on "
			    "file systems that others serve",
			    unentered);
}
