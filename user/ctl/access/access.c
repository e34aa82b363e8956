// SPDX-License-Identifier: Apache-2.0
#include "ctl/access/access.h"

#include <stdlib.h>

/* --- the command ------------------------------------------------------------------------------ */

static bool is_unused_grant(const struct access *access, const struct access_grant *grant)
{
	if (!grant->standing || grant->connections)
		return false;
	return !grant->use.last || grant->use.last < access->ctl->unused;
}

/* The standing grants of root's powers that nobody used stand first, root last. */
static int compare_grants(const void *a, const void *b)
{
	const struct access_grant *one = a, *other = b;
	bool idle = one->standing && !one->use.last && !one->connections;
	bool other_idle = other->standing && !other->use.last && !other->connections;
	int last = (one->kind == ACCESS_ROOT) - (other->kind == ACCESS_ROOT);

	if (one->socket != other->socket) {
		if (!one->socket || !other->socket)
			return one->socket ? -1 : 1;
		return one->socket < other->socket ? -1 : 1;
	}
	if (idle != other_idle)
		return idle ? -1 : 1;
	if (last)
		return last;
	if ((one->kind == ACCESS_NO_WAY) != (other->kind == ACCESS_NO_WAY))
		return one->kind == ACCESS_NO_WAY ? 1 : -1;
	if (one->use.last != other->use.last)
		return one->use.last < other->use.last ? -1 : 1;
	return strcmp(one->who, other->who);
}

static enum ctl_exit judge_access(struct access *access, int error)
{
	if (access->ctl->unused_text)
		for (unsigned int i = 0; i < access->grant_count; i++)
			if (is_unused_grant(access, &access->grants[i]))
				return CTL_FOUND;
	return error ? CTL_UNREAD : CTL_OK;
}

static void free_access(struct access *access)
{
	struct access_use *use, *next;

	HASH_ITER(hh, access->uses, use, next)
	{
		HASH_DEL(access->uses, use);
		free(use);
	}
	for (unsigned int i = 0; i < access->user_count; i++)
		free(access->users[i].groups);
	free(access->users);
	free(access->grants);
	text_free(&access->notes);
	free(access);
}

enum ctl_exit ctl_access(struct ctl *ctl)
{
	struct access *access = calloc(1, sizeof(*access));
	enum ctl_exit code;
	int error;

	if (!access)
		return CTL_UNREAD;
	access->ctl = ctl;
	access->now = clock_now(CLOCK_REALTIME);
	error = access_read_log(access);
	if (geteuid())
		access_note(access, "not root: sudo's rules, connections, what processes hold and "
				    "containers by their mounts were not looked at");
	access_find_sockets(access);
	if (access_list_users(access))
		access_note(access, "no memory for all users");
	access_find_members(access);
	if (!geteuid()) {
		access_ask_sudo(access);
		access_look_at_processes(access);
	}
	access_ask_engines(access);
	for (unsigned int i = 0; i < access->grant_count; i++)
		access_find_use(access, &access->grants[i]);
	access_add_the_rest(access);
	if (access->grants_left_out)
		access_note(access, "%u grants more than are told", access->grants_left_out);
	qsort(access->grants, access->grant_count, sizeof(*access->grants), compare_grants);
	access_show(access, ctl->unused_text ? is_unused_grant : NULL);
	code = judge_access(access, error);
	free_access(access);
	return code;
}
