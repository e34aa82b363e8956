// SPDX-License-Identifier: Apache-2.0
#include "finder/ask.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/descriptor.h"
#include "base/clock.h"
#include "engine/client.h"
#include "host/hostfiles.h"
#include "json/body.h"

#define ANSWER_MAX (1u << 20)
#define BODY_MEMORY (64u << 10)
#define POLL_MILLISECONDS 200

static const struct shape ask_string = {.kind = SHAPE_STRING};
static const struct shape ask_bool = {.kind = SHAPE_BOOL};
static const struct shape ask_strings = {.kind = SHAPE_LIST, .element = &ask_string};

static const struct shape_field part_fields[] = {{"Name", &ask_string}, {}};
static const struct shape part = {.kind = SHAPE_STRUCT, .fields = part_fields};
static const struct shape parts = {.kind = SHAPE_LIST, .element = &part};
static const struct shape_field about_fields[] = {
	{"Version", &ask_string}, {"ApiVersion", &ask_string}, {"Components", &parts}, {}};
static const struct shape about = {.kind = SHAPE_STRUCT, .fields = about_fields};

static const struct shape_field plugins_fields[] = {{"Authorization", &ask_strings}, {}};
static const struct shape plugins = {.kind = SHAPE_STRUCT, .fields = plugins_fields};
static const struct shape_field host_fields[] = {{"DockerRootDir", &ask_string},
						 {"CgroupDriver", &ask_string},
						 {"SecurityOptions", &ask_strings},
						 {"LiveRestoreEnabled", &ask_bool},
						 {"Plugins", &plugins},
						 {}};
static const struct shape host = {.kind = SHAPE_STRUCT, .fields = host_fields};

enum asking_question { ASKING_VERSION, ASKING_INFO, ASKING_OVER };

static const struct {
	const char *path;
	const struct shape *shape;
} asking_questions[] = {
	[ASKING_VERSION] = {"/version", &about},
	[ASKING_INFO] = {"/info", &host},
};

struct asking {
	struct client client;
	enum asking_question next;
	struct body *body;
	struct ask_answer *answer;
};

static void copy_answer(char *to, size_t size, struct bytes text)
{
	snprintf(to, size, "%.*s", (int)text.size, text.data ?: "");
}

static void copy_list(struct ask_list *list, const struct value *values)
{
	EACH (value, values)
		if (list->count < ASK_LIST_MAX)
			copy_answer(list->texts[list->count++], sizeof(*list->texts),
				    value->string);
}

static void take_about(struct ask_answer *answer, const struct value *value)
{
	answer->has_version = true;
	answer->brand = client_version_is_podman(value) ? BRAND_PODMAN : BRAND_DOCKER;
	copy_answer(answer->version, sizeof(answer->version), body_string(value, "Version"));
	copy_answer(answer->api_version, sizeof(answer->api_version),
		    body_string(value, "ApiVersion"));
}

static void take_host(struct ask_answer *answer, const struct value *value)
{
	answer->has_info = true;
	copy_answer(answer->root_directory, sizeof(answer->root_directory),
		    body_string(value, "DockerRootDir"));
	copy_answer(answer->cgroup_driver, sizeof(answer->cgroup_driver),
		    body_string(value, "CgroupDriver"));
	copy_list(&answer->security, body_get(value, "SecurityOptions"));
	copy_list(&answer->plugins, body_get(body_get(value, "Plugins"), "Authorization"));
	answer->live_restore = body_true(value, "LiveRestoreEnabled");
}

static bool asking_has_question(void *data)
{
	return ((struct asking *)data)->next != ASKING_OVER;
}

static bool asking_ask(void *data)
{
	struct asking *asking = data;

	if (asking->next == ASKING_OVER)
		return false;
	client_ask(&asking->client, asking_questions[asking->next].path,
		   &(struct client_limits){.bytes = ANSWER_MAX});
	return true;
}

static void asking_connected(void *data, bool another)
{
	(void)data;
	(void)another;
}

static int asking_head(void *data, int status)
{
	struct asking *asking = data;

	if (status != 200)
		return 0;
	return body_new(asking_questions[asking->next].shape, BODY_MEMORY, NULL, &asking->body);
}

static int asking_body(void *data, const char *bytes, size_t size)
{
	struct asking *asking = data;

	return asking->body ? body_feed(asking->body, bytes, size) : 0;
}

static int asking_end(void *data, bool complete)
{
	struct asking *asking = data;
	bool good = complete && asking->body && body_state(asking->body) == BODY_DONE;

	if (good && asking->next == ASKING_VERSION)
		take_about(asking->answer, body_value(asking->body));
	else if (good)
		take_host(asking->answer, body_value(asking->body));
	body_free(asking->body);
	asking->body = NULL;
	asking->next++;
	return 0;
}

static const struct client_calls asking_calls = {
	.has_question = asking_has_question,
	.ask = asking_ask,
	.connected = asking_connected,
	.head = asking_head,
	.body = asking_body,
	.end = asking_end,
};

void ask_engine(const char *socket, uint64_t time_max, struct ask_answer *ret)
{
	struct asking asking = {.answer = ret};
	uint64_t now = clock_now(CLOCK_BOOTTIME), end = now + time_max;
	_close_ int node = hostfiles_open(socket);
	char path[DESCRIPTOR_PATH_SIZE];

	*ret = (struct ask_answer){.error = node < 0 ? -ENOENT : 0};
	if (ret->error)
		return;
	descriptor_path(node, path);
	ret->error = client_init(&asking.client, path, &asking_calls, &asking);
	while (!ret->error && asking.next != ASKING_OVER) {
		struct pollfd fd = {0};

		client_run(&asking.client, now);
		/* An engine that is busy answers -EAGAIN: then there is another try. */
		if (asking.client.fd < 0 && asking.client.error != -EAGAIN)
			ret->error = asking.client.error;
		if (asking.next == ASKING_OVER || ret->error)
			break;
		fd.fd = client_fd(&asking.client, &fd.events);
		poll(&fd, 1, POLL_MILLISECONDS);
		now = clock_now(CLOCK_BOOTTIME);
		if (now >= end)
			ret->error = -ETIMEDOUT;
	}
	client_close(&asking.client);
	if (!ret->error && !ret->has_version)
		ret->error = -EPROTO;
}

bool ask_has_option(const struct ask_answer *answer, const char *name)
{
	for (unsigned int i = 0; i < answer->security.count; i++) {
		const char *text = answer->security.texts[i];

		if (!strncmp(text, "name=", 5))
			text += 5;
		if (!strncmp(text, name, strlen(name)) &&
		    (!text[strlen(name)] || text[strlen(name)] == ','))
			return true;
	}
	return false;
}
