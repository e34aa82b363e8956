// SPDX-License-Identifier: Apache-2.0
#include "agent/engines.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "agent/engine.h"
#include "agent/hostfiles.h"
#include "docker/call.h"

#define CONTENTS_MAX (32u << 20) /* bytes of all bodies at hand */

/* One of them, for callbacks that ask which. */
struct one {
	struct engines *engines;
	unsigned int index;
	struct engine *engine; /* NULL: it is not asked */
};

struct engines {
	unsigned int count;
	struct one ones[SOCKETS_MAX];
	struct inventory *inventories[SOCKETS_MAX];
	struct host_files files;
	struct calls *calls;
};

static int judge_container(void *data, const struct value *inspect,
			   struct inventory_container *container)
{
	struct one *one = data;

	calls_judge_inspected(one->engines->calls, one->index, inspect, container);
	return 0;
}

static void answered(void *data, unsigned int socket)
{
	struct engine *engine = ((struct engines *)data)->ones[socket].engine;

	if (engine)
		engine_seen(engine);
}

static void created(void *data, unsigned int socket, struct bytes container_id)
{
	struct engine *engine = ((struct engines *)data)->ones[socket].engine;

	if (engine)
		engine_inspect(engine, container_id);
}

static void changed(void *data, unsigned int socket)
{
	struct engine *engine = ((struct engines *)data)->ones[socket].engine;

	if (engine)
		engine_refresh(engine);
}

static int open_one(struct engines *engines, const char *socket, unsigned int entries)
{
	unsigned int index = engines->count++;
	struct one *one = &engines->ones[index];
	struct engine_options options = {
		.socket = socket,
		.files = &engines->files,
		.data = one,
		.judge_container = judge_container,
	};
	int error = inventory_new(entries ?: INVENTORY_DEFAULT, &engines->inventories[index]);

	*one = (struct one){engines, index, NULL};
	if (error || !entries)
		return error;
	options.inventory = engines->inventories[index];
	return engine_new(&options, &one->engine);
}

static uint32_t own_mount_namespace(void)
{
	struct stat status;

	return stat("/proc/self/ns/mnt", &status) ? 0 : (uint32_t)status.st_ino;
}

int engines_new(const struct options *options, const struct record_context *context,
		struct engines **ret)
{
	struct engines *engines = calloc(1, sizeof(*engines));
	struct calls_options calls = {
		.socket_count = options->socket_count,
		.policy = options->policy,
		.context = context,
		.memory_max = CONTENTS_MAX,
		.data = engines,
		.answered = answered,
		.created = created,
		.changed = changed,
	};
	int error = 0;

	if (!engines)
		return -ENOMEM;
	engines->files = hostfiles(options->sockets);
	calls.files = &engines->files;
	calls.inventories = engines->inventories;
	calls.mnt_ns = own_mount_namespace();
	for (unsigned int i = 0; !error && i < options->socket_count; i++)
		error = open_one(engines, options->sockets[i], options->inventory);
	if (!error)
		error = calls_new(&calls, &engines->calls);
	if (error) {
		engines_free(engines);
		return error;
	}
	*ret = engines;
	return 0;
}

void engines_free(struct engines *engines)
{
	if (!engines)
		return;
	for (unsigned int i = 0; i < engines->count; i++) {
		engine_free(engines->ones[i].engine);
		inventory_free(engines->inventories[i]);
	}
	calls_free(engines->calls);
	free(engines);
}

const struct reader *engines_reader(const struct engines *engines)
{
	return calls_reader(engines->calls);
}

void engines_describe_caller(struct engines *engines, struct record *record)
{
	calls_describe_caller(engines->calls, record);
}

void engines_refresh(struct engines *engines)
{
	for (unsigned int i = 0; i < engines->count; i++)
		changed(engines, i);
}

unsigned int engines_fds(const struct engines *engines, struct pollfd *fds)
{
	for (unsigned int i = 0; i < engines->count; i++) {
		fds[i] = (struct pollfd){0};
		fds[i].fd = engines->ones[i].engine
				    ? engine_fd(engines->ones[i].engine, &fds[i].events)
				    : -1;
	}
	return engines->count;
}

bool engines_settled(const struct engines *engines)
{
	for (unsigned int i = 0; i < engines->count; i++) {
		struct engine_stats stats;

		if (!engines->ones[i].engine)
			continue;
		engine_stats(engines->ones[i].engine, &stats);
		if (stats.connected && (stats.listing || stats.waiting))
			return false;
	}
	return true;
}

void engines_run(struct engines *engines, uint64_t now)
{
	for (unsigned int i = 0; i < engines->count; i++)
		if (engines->ones[i].engine)
			engine_run(engines->ones[i].engine, now);
}
