// SPDX-License-Identifier: Apache-2.0
#include "conversation/caller.h"

#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CONTAINER_ID_SIZE 64
#define INITIAL_USER_NS 0xeffffffdu /* PROC_USER_INIT_INO of the kernel */

struct caller *caller_ref(struct caller *caller)
{
	if (caller)
		caller->references++;
	return caller;
}

struct caller *caller_unref(struct caller *caller)
{
	if (!caller || --caller->references)
		return NULL;
	if (caller->cache)
		free(caller->cache->text);
	free(caller->cache);
	free(caller);
	return NULL;
}

static bool same_bytes(struct bytes a, struct bytes b)
{
	if (!a.data || !b.data)
		return !a.data && !b.data;
	return a.size == b.size && !memcmp(a.data, b.data, a.size);
}

bool caller_same_image(const struct caller *a, const struct caller *b)
{
	if (a == b)
		return true;
	if (!a || !b || !a->process.pid || a->process.pid != b->process.pid ||
	    a->process.start != b->process.start)
		return false;
	/* What the kernel did not describe itself has no image to compare. */
	if (a->process.start && (a->basis == CALLER_FROM_PEER || b->basis == CALLER_FROM_PEER))
		return true;
	return same_bytes(a->process.executable, b->process.executable) &&
	       same_bytes(a->process.args, b->process.args);
}

/* --- cgroup paths
 * --------------------------------------------------------------------------------- */

static bool is_lower_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool ends_with(struct bytes bytes, const char *ending)
{
	size_t size = strlen(ending);

	return bytes.size >= size && !memcmp(bytes.data + bytes.size - size, ending, size);
}

/* Takes the last component off *PATH; false where there is none. Slashes at the end do not count.
 */
static bool last_component(struct bytes *path, struct bytes *ret_name)
{
	const char *slash;

	while (path->size && path->data[path->size - 1] == '/')
		path->size--;
	if (!path->size)
		return false;
	slash = memrchr(path->data, '/', path->size);
	ret_name->data = slash ? slash + 1 : path->data;
	ret_name->size = path->size - (size_t)(ret_name->data - path->data);
	path->size -= ret_name->size;
	return true;
}

/*
 * The id in the name of one directory. Known spellings: ID (docker, kubepods), docker-ID.scope,
 * libpod-ID.scope, libpod-ID, cri-containerd-ID.scope, crio-ID.scope, system.slice:docker:ID. The
 * monitors beside a container (libpod-conmon-ID.scope, crio-conmon-ID.scope) are not in it.
 */
static struct bytes container_id(struct bytes name)
{
	const struct bytes none = {0};
	struct bytes id;

	if (ends_with(name, ".scope"))
		name.size -= strlen(".scope");
	if (name.size < CONTAINER_ID_SIZE)
		return none;
	id.data = name.data + name.size - CONTAINER_ID_SIZE;
	id.size = CONTAINER_ID_SIZE;
	for (size_t i = 0; i < id.size; i++)
		if (!is_lower_hex(id.data[i]))
			return none;
	name.size -= CONTAINER_ID_SIZE;
	if (!name.size)
		return id;
	if (name.data[name.size - 1] != '-' && name.data[name.size - 1] != ':')
		return none;
	name.size--;
	return ends_with(name, "conmon") ? none : id;
}

struct bytes caller_container_id(struct bytes cgroup)
{
	struct bytes name, id;

	while (last_component(&cgroup, &name)) {
		id = container_id(name);
		if (id.data)
			return id;
	}
	return (struct bytes){0};
}

/* Whether NAME, of a directory, is that of a unit of this type. Only hidden files begin with a dot.
 */
static bool is_unit(struct bytes name, const char *type)
{
	return ends_with(name, type) && name.data[0] != '.';
}

/* systemd puts an underscore before a unit's name that could be taken for one of the kernel's
 * files. */
static struct bytes unit_name(struct bytes name)
{
	if (name.data[0] == '_') {
		name.data++;
		name.size--;
	}
	return name;
}

struct bytes caller_unit(struct bytes cgroup)
{
	struct bytes slice = {0}, name;

	while (last_component(&cgroup, &name)) {
		name = unit_name(name);
		if (is_unit(name, ".service") || is_unit(name, ".scope"))
			return name;
		if (!slice.data && is_unit(name, ".slice"))
			slice = name;
	}
	return slice;
}

/* --- access
 * --------------------------------------------------------------------------------------- */

/* Whether CAP_DAC_OVERRIDE is in the effective set. */
static bool may_override(const struct caller *caller)
{
	return caller->capabilities >> CAP_DAC_OVERRIDE & 1;
}

/* Where the permission bits did not do: the capability, if it holds on the host. Held in another
 * user namespace it may or may not hold for this node, which is not known here. */
static enum caller_access by_capability(const struct caller *caller, enum caller_access otherwise)
{
	if (!may_override(caller))
		return otherwise;
	if (!caller->user_ns || caller->user_ns == INITIAL_USER_NS)
		return CALLER_ACCESS_CAPABILITY;
	return CALLER_ACCESS_UNKNOWN;
}

/*
 * As acl_permission_check() and generic_permission() of the kernel decide, which ask for MAY_WRITE:
 * the owner's bits alone count for the owner; an ACL, where there is one, before the bits of group
 * and others; the capability last. With an ACL the group's bits of the mode are its mask: it cannot
 * grant what they lack.
 */
enum caller_access caller_access(const struct caller *caller)
{
	uint32_t mode = caller->node_mode;

	if (!caller->has_node)
		return CALLER_ACCESS_UNKNOWN;
	if (!caller->fsuid && may_override(caller))
		return CALLER_ACCESS_ROOT;
	if (caller->fsuid == caller->node_uid)
		return mode & S_IWUSR ? CALLER_ACCESS_OWNER
				      : by_capability(caller, CALLER_ACCESS_UNKNOWN);
	if (caller->in_node_group)
		return mode & S_IWGRP ? CALLER_ACCESS_GROUP
				      : by_capability(caller, CALLER_ACCESS_UNKNOWN);
	if (mode & S_IWOTH)
		return CALLER_ACCESS_OTHER;
	return by_capability(caller, mode & S_IWGRP ? CALLER_ACCESS_ACL : CALLER_ACCESS_UNKNOWN);
}
