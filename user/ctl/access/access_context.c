// SPDX-License-Identifier: Apache-2.0
#include "ctl/access/access_context.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/access/access_homes.h"
#include "json/body.h"
#include "secret/mask.h"

#define CONTEXTS_MAX 64 /* of a user */
#define CONTEXT_MEMORY (128u << 10)

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

/* --- the contexts of a user -------------------------------------------------------------------- */

static void add_context(struct access *access, const struct access_user *user,
			const struct access_context *context, const char *current)
{
	struct access_grant *grant;

	if (access_homes_known(access, context->host))
		return;
	grant = access_add(access, NULL, ACCESS_CONTEXT, user->name);
	grant->has_uid = true;
	grant->uid = user->uid;
	snprintf(grant->how, sizeof(grant->how), "context %s%s", context->name,
		 !strcmp(current, context->name) ? ", current" : "");
	snprintf(grant->detail, sizeof(grant->detail), "%s", context->host);
}

void access_homes_contexts(struct access *access, const struct access_user *user, int docker)
{
	_close_ int fd = access_homes_open(docker, "contexts/meta", O_RDONLY | O_DIRECTORY);
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
	if (access_homes_read(user->uid, docker, "config.json", &text))
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
		if (access_homes_read(user->uid, fd, path, &text) &&
		    access_context_read(text_since(&text, 0), &context))
			add_context(access, user, &context, current);
	}
}
