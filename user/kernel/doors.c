// SPDX-License-Identifier: Apache-2.0
#include "kernel/doors.h"

#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/walk.h"

void doors_init(struct doors *doors, const struct bpf_object *object,
		struct callerd_control *control)
{
	struct bpf_program *mark = bpf_object__find_program_by_name(object, "mark_listener");

	doors->mark = mark && bpf_program__autoload(mark) ? mark : NULL;
	doors->control = control;
}

void doors_name(const char *text, uint32_t owner, char *ret, size_t size)
{
	if (owner)
		snprintf(ret, size, DOORS_SCHEME "%s#user=%u", text, owner);
	else
		snprintf(ret, size, DOORS_SCHEME "%s", text);
}

bool doors_is_port(const char *name)
{
	return !strncmp(name, DOORS_SCHEME, strlen(DOORS_SCHEME));
}

int doors_parse(const char *text, struct callerd_endpoint *ret)
{
	char address[INET6_ADDRSTRLEN + 1] = "";
	const char *colon = strrchr(text, ':');
	unsigned long port = colon ? strtoul(colon + 1, NULL, 10) : 0;
	size_t size = colon ? (size_t)(colon - text) : 0;
	bool v6 = text[0] == '[' && size > 2;

	*ret = (struct callerd_endpoint){.port = (__u32)port};
	if (!port || port > UINT16_MAX || size >= sizeof(address))
		return -EINVAL;
	memcpy(address, text + v6, size - 2 * v6);
	if (v6)
		return inet_pton(AF_INET6, address, ret->address) == 1 ? 0 : -EINVAL;
	ret->address[2] = htonl(0xffff);
	return inet_pton(AF_INET, address, &ret->address[3]) == 1 ? 0 : -EINVAL;
}

/* The kernel looks through the files of PID. */
static int mark_files(struct doors *doors, uint32_t pid)
{
	struct bpf_link *link = walk_attach(doors->mark, pid);
	int error = link ? walk_run(link) : -errno;

	bpf_link__destroy(link);
	return error;
}

/* The place of the watched socket SOCKET; NULL: it has none. */
static struct callerd_door *find_watched_door(struct doors *doors, uint32_t socket)
{
	for (unsigned int i = 0; i < CALLERD_DOORS_MAX; i++)
		if (doors->control->doors[i].end.port && doors->control->doors[i].socket == socket)
			return &doors->control->doors[i];
	return NULL;
}

/* A free place for a door of OWNER; NULL: there is none. Half of them are root's. */
static struct callerd_door *find_door_room(struct doors *doors, uint32_t owner)
{
	struct callerd_door *found = NULL;
	unsigned int users = 0;

	for (unsigned int i = 0; i < CALLERD_DOORS_MAX; i++) {
		struct callerd_door *door = &doors->control->doors[i];

		users += door->end.port && door->owner;
		if (!door->end.port && !found)
			found = door;
	}
	return owner && users >= CALLERD_DOORS_OF_USERS_MAX ? NULL : found;
}

bool doors_are_seen(const struct doors *doors)
{
	return doors->mark;
}

int doors_watch(struct doors *doors, const struct doors_listener *listener)
{
	struct callerd_control *control = doors->control;
	struct callerd_door *door = find_watched_door(doors, listener->socket), before;
	uint64_t marked = __atomic_load_n(&control->tcp_marked, __ATOMIC_SEQ_CST);
	uint64_t elsewhere = __atomic_load_n(&control->tcp_elsewhere, __ATOMIC_SEQ_CST);
	uint64_t beyond = __atomic_load_n(&control->tcp_beyond, __ATOMIC_SEQ_CST);
	size_t place;
	int error;

	door = door ?: find_door_room(doors, listener->owner);
	if (!door)
		return -ENOSPC;
	if (!doors->mark)
		return -EOPNOTSUPP;
	place = (size_t)(door - control->doors);
	before = *door;
	*door = (struct callerd_door){
		.end = listener->end,
		.socket = listener->socket,
		.flags = listener->tls ? CALLERD_FLAG_TLS : 0,
		/* What an earlier agent found may have gone since. */
		.net = before.end.port && doors->held[place] ? before.net : 0,
		.owner = listener->owner,
	};
	__atomic_store_n(&control->tcp_wanted, place, __ATOMIC_SEQ_CST);
	error = mark_files(doors, listener->pid);
	if (!error && __atomic_load_n(&control->tcp_marked, __ATOMIC_SEQ_CST) == marked)
		error = __atomic_load_n(&control->tcp_elsewhere, __ATOMIC_SEQ_CST) != elsewhere
				? -EADDRINUSE
			: __atomic_load_n(&control->tcp_beyond, __ATOMIC_SEQ_CST) != beyond
				? -EPROTONOSUPPORT
				: -ENOENT;
	if (error)
		*door = before;
	else
		doors->held[place] = true;
	return error;
}

void doors_leave(struct doors *doors, uint32_t socket)
{
	struct callerd_door *door = find_watched_door(doors, socket);

	if (!door)
		return;
	doors->held[door - doors->control->doors] = false;
	door->end.port = 0;
}
