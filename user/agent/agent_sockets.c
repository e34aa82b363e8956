// SPDX-License-Identifier: Apache-2.0
/* Sockets and ports that are found while the agent runs. */
#include "agent/agent_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sockets that were found: of a user other than root, and of all such users. */
#define SOCKETS_OF_USER_MAX 8
#define SOCKETS_OF_USERS_MAX (CALLERD_SOCKETS_MAX / 2)

/* Has one more socket watched. 0, or -errno. */
static int add_socket(struct agent *agent, const char *path, uint32_t owner,
		      enum engine_brand brand)
{
	unsigned int index = agent->socket_count;
	char *own = index < agent->socket_room ? strdup(path) : NULL;

	if (!own)
		return index < agent->socket_room ? -ENOMEM : -ENOSPC;
	agent->sockets[index] = own;
	agent->owners[index] = owner;
	if (engines_add(agent->engines, !owner && !doors_is_port(path), brand,
			clock_now(CLOCK_BOOTTIME))) {
		agent->sockets[index] = NULL;
		free(own);
		return -ENOMEM;
	}
	agent->socket_count++;
	state_add_socket(agent->state);
	if (!owner && !doors_is_port(path))
		guard_add_socket(agent->guard, own);
	watcher_add(agent->watcher);
	return 0;
}

/* Takes up the sockets that an earlier agent found: what its kernel programs tell has their
 * indices. */
void agent_inherit_sockets(struct agent *agent)
{
	struct callerd_kept_socket kept;

	while (agent->socket_count < agent->socket_room &&
	       capture_kept_socket(agent->capture, agent->socket_count, &kept) &&
	       !add_socket(agent, kept.path, kept.owner, kept.brand))
		;
}

/* What is watched is watched for good: the sockets that users come up with are not to take the room of root's. */
static bool has_room_for_owner(const struct agent *agent, uint32_t owner)
{
	unsigned int own = 0, users = 0;

	for (unsigned int i = 0; i < agent->socket_count; i++) {
		own += agent->owners[i] == owner;
		users += agent->owners[i] != 0;
	}
	return !owner || (own < SOCKETS_OF_USER_MAX && users < SOCKETS_OF_USERS_MAX);
}

/* The index of the watched socket TEXT; negative: it is not watched. */
static int find_socket(const struct agent *agent, const char *text)
{
	for (unsigned int i = 0; text && i < agent->socket_count; i++)
		if (!strcmp(agent->sockets[i], text))
			return (int)i;
	return -ENOENT;
}

/* Has a socket watched that was found, by this agent and those that come. Returns its index, or -errno. */
static int watch_found(struct agent *agent, const struct callerd_kept_socket *found)
{
	unsigned int index = agent->socket_count;
	int error = has_room_for_owner(agent, found->owner)
			    ? add_socket(agent, found->path, found->owner, found->brand)
			    : -ENOSPC;

	if (error)
		return error;
	capture_keep_socket(agent->capture, index, found);
	return (int)index;
}

static int agent_watch(void *data, const char *path, uint32_t owner, enum engine_brand brand)
{
	struct agent *agent = data;
	struct callerd_kept_socket kept = {.owner = owner, .brand = brand};
	int index;

	if (find_socket(agent, path) >= 0)
		return 0;
	snprintf(kept.path, sizeof(kept.path), "%s", path);
	index = watch_found(agent, &kept);
	if (index < 0)
		return index;
	watcher_run(agent->watcher, agent->beside, clock_now(CLOCK_BOOTTIME));
	engines_run(agent->engines,
		    clock_now(CLOCK_BOOTTIME)); /* it listens to its events from now on */
	if (!owner && agent->options.inventory && !agent->options.own_calls)
		servers_ask(agent->servers, agent->capture, (uint32_t)index, path);
	return 0;
}

static int agent_watch_port(void *data, const struct finder_port *port)
{
	struct agent *agent = data;
	struct callerd_kept_socket kept = {.owner = port->owner, .brand = port->brand};
	struct doors_listener listener = {.pid = port->pid, .owner = port->owner, .tls = port->tls};
	int error = doors_parse(port->text, &listener.end), index, engine;

	if (error)
		return error;
	if (!doors_are_seen(capture_doors(agent->capture)))
		return -EOPNOTSUPP;
	doors_name(port->text, port->owner, kept.path, sizeof(kept.path));
	index = find_socket(agent, kept.path);
	if (index < 0)
		index = watch_found(agent, &kept);
	if (index < 0)
		return index;
	listener.socket = (uint32_t)index;
	error = doors_watch(capture_doors(agent->capture), &listener);
	engine = find_socket(agent, port->socket);
	if (!error)
		agent->engine_of[index] = (uint32_t)(engine < 0 ? index : engine);
	return error;
}

static void agent_leave_port(void *data, const char *text, uint32_t owner)
{
	struct agent *agent = data;
	char name[CALLERD_ADDRESS_MAX + 4];
	int index;

	doors_name(text, owner, name, sizeof(name));
	index = find_socket(agent, name);
	if (index >= 0)
		doors_leave(capture_doors(agent->capture), (uint32_t)index);
}

static uint64_t agent_started(void *data)
{
	return capture_started(((struct agent *)data)->capture);
}

static enum finding_severity agent_severity(void *data, enum finding_id id,
					    enum finding_severity severity)
{
	return engines_severity(((struct agent *)data)->engines, id, severity);
}

int agent_open_finder(struct agent *agent)
{
	struct finder_options options = {
		.sockets = agent->options.sockets,
		.ask = agent->options.inventory && !agent->options.own_calls,
		.beside = agent->beside,
		.data = agent,
		.watch = agent_watch,
		.watch_port = agent_watch_port,
		.leave_port = agent_leave_port,
		.started = agent_started,
		.severity = agent_severity,
		.record = agent_on_record,
	};

	return agent->options.discovers ? finder_new(&options, &agent->finder) : 0;
}
