// SPDX-License-Identifier: Apache-2.0
#include "host/servers.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "broker/broker.h"
#include "host/proc.h"

struct server {
	uint32_t pid, uid;
	uint64_t start;
	struct callerd_node_key node; /* of the executable; zeros: not known */
	char executable[PATH_MAX];    /* empty: not known; so is .unit */
	char unit[256];
};

struct server_place {
	bool seen;
	struct server usual, present;
	struct record_server told; /* how .present differs from .usual */
};

struct servers {
	struct programs *programs;
	struct server_place places[CALLERD_SOCKETS_MAX];
};

int servers_new(struct programs *programs, struct servers **ret)
{
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	(*ret)->programs = programs;
	return 0;
}

void servers_free(struct servers *servers)
{
	free(servers);
}

/* --- what it is ------------------------------------------------------------------------------- */

/* Sets the unit that the cgroup2 path names, else the unit that the path of another hierarchy
 * names. */
static void read_unit(int process, struct server *server)
{
	char text[16384], *save = NULL;
	ssize_t size = proc_read(process, "cgroup", text, sizeof(text) - 1);

	if (size <= 0)
		return;
	text[size] = '\0';
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *path = strchr(line, '/');
		struct caller caller = {.cgroup = bytes_of(path ?: "")};
		struct bytes unit = caller_unit(&caller);

		if (unit.size && unit.size < sizeof(server->unit) &&
		    (!server->unit[0] || !strncmp(line, "0::", 3))) {
			memcpy(server->unit, unit.data, unit.size);
			server->unit[unit.size] = '\0';
		}
	}
}

static void read_executable(int process, struct capture *capture, struct server *server)
{
	ssize_t size =
		broker_readlink(process, "exe", server->executable, sizeof(server->executable) - 1);
	_close_ int fd = broker_open(process, "exe", O_PATH | O_CLOEXEC, 0);

	server->executable[size > 0 ? size : 0] = '\0';
	if (fd >= 0)
		watches_identify(capture_watches(capture), fd, &server->node);
}

/* Describes the process of the server's PID, unless another process has that PID by now. */
static void servers_look(struct capture *capture, struct server *server)
{
	struct server found = *server;
	_close_ int process = server->start ? proc_open(server->pid, server->start) : -1;

	if (process < 0)
		return;
	read_executable(process, capture, &found);
	read_unit(process, &found);
	if (proc_start_ticks(process)) /* it has not ended meanwhile */
		*server = found;
}

/* --- what has changed ------------------------------------------------------------------------- */

static bool same_node(const struct callerd_node_key *a, const struct callerd_node_key *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* Whether both have the same executable, or the present one has taken the usual one's path on the
 * host, as after an upgrade. */
static bool same_executable(struct servers *servers, struct capture *capture,
			    const struct server *usual, const struct server *present, uint64_t now)
{
	return same_node(&usual->node, &present->node) ||
	       (!strcmp(usual->executable, present->executable) &&
		programs_is(servers->programs, capture, bytes_of(present->executable),
			    &present->node, now));
}

static enum server_change servers_compare(struct servers *servers, struct capture *capture,
					  const struct server *usual, const struct server *present,
					  uint64_t now)
{
	if (usual->uid != present->uid)
		return SERVER_OTHER_USER;
	if (!present->node.inode && usual->node.inode)
		return SERVER_UNKNOWN;
	if (usual->node.inode && !same_executable(servers, capture, usual, present, now))
		return SERVER_OTHER_EXECUTABLE;
	return strcmp(usual->unit, present->unit) ? SERVER_OTHER_UNIT : SERVER_SAME;
}

const struct record_server *servers_note(struct servers *servers, struct capture *capture,
					 unsigned int socket, uint32_t pid, uint32_t uid,
					 uint64_t start, uint64_t now)
{
	struct server_place *place = &servers->places[socket];
	struct server *present = &place->present;

	if (socket >= CALLERD_SOCKETS_MAX || !pid ||
	    (place->seen && present->pid == pid && present->start == start && present->uid == uid))
		return NULL;
	*present = (struct server){.pid = pid, .uid = uid, .start = start};
	servers_look(capture, present);
	if (!place->seen)
		place->usual = *present;
	place->seen = true;
	place->told = (struct record_server){
		.pid = pid,
		.uid = uid,
		.start = start,
		.executable = bytes_of(present->executable),
		.unit = bytes_of(present->unit),
		.change = servers_compare(servers, capture, &place->usual, present, now),
		.usual_executable = bytes_of(place->usual.executable),
		.usual_unit = bytes_of(place->usual.unit),
		.usual_uid = place->usual.uid,
	};
	return &place->told;
}

const struct record_server *servers_differ(const struct servers *servers, unsigned int socket)
{
	const struct record_server *told =
		socket < CALLERD_SOCKETS_MAX ? &servers->places[socket].told : NULL;

	return told && told->change != SERVER_SAME ? told : NULL;
}

/* What was asked for its start knows that in ticks only. */
static bool is_server(const struct server *server, uint32_t pid, uint64_t start)
{
	uint64_t tick = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);

	return server->pid == pid && !server->uid && server->start &&
	       server->start / tick == start / tick;
}

bool servers_has(const struct servers *servers, unsigned int socket, uint32_t pid, uint64_t start)
{
	const struct server_place *place = &servers->places[socket];

	assert(socket < CALLERD_SOCKETS_MAX);
	if (!place->seen || place->told.change != SERVER_SAME)
		return false;
	return is_server(place->present.pid ? &place->present : &place->usual, pid, start);
}

void servers_ask(struct servers *servers, struct capture *capture, unsigned int index,
		 const char *path)
{
	struct server_place *place = &servers->places[index];
	_close_ int process = -1;
	struct ucred peer = {0};

	assert(index < CALLERD_SOCKETS_MAX);
	if (place->seen || broker_peer(path, &peer))
		return;
	process = proc_open((uint32_t)peer.pid, 0);
	if (process < 0)
		return;
	place->usual = (struct server){
		.pid = (uint32_t)peer.pid,
		.uid = peer.uid,
		.start = proc_start_ticks(process) * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK)),
	};
	servers_look(capture, &place->usual);
	place->seen = true;
}
