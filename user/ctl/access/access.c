// SPDX-License-Identifier: Apache-2.0
#include "ctl/access/access.h"

#include <stdio.h>
#include <stdlib.h>

#include "ctl/become/access_become.h"
#include "host/host.h"

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
	bool idle = access_is_idle(one), other_idle = access_is_idle(other);
	int last = (one->kind == ACCESS_ROOT) - (other->kind == ACCESS_ROOT);

	if (one->socket != other->socket) {
		if (!one->socket || !other->socket)
			return one->socket ? -1 : 1;
		return one->socket < other->socket ? -1 : 1;
	}
	if ((one->kind == ACCESS_CONTEXT) != (other->kind == ACCESS_CONTEXT))
		return one->kind == ACCESS_CONTEXT ? 1 : -1;
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

struct access *access_new(struct ctl *ctl)
{
	_cleanup_(drop_access) struct access *access = calloc(1, sizeof(*access));
	_cleanup_(host_drop) struct host *host = NULL;
	const struct record_context *context;

	if (!access || host_new(&host))
		return NULL;
	context = host_context(host);
	access->ctl = ctl;
	access->now = clock_now(CLOCK_REALTIME);
	snprintf(access->host_id, sizeof(access->host_id), "%s", context->host_id ?: "");
	snprintf(access->host_name, sizeof(access->host_name), "%s", context->host_name ?: "");
	return take_ptr(access);
}

void access_free(struct access *access)
{
	struct access_use *use, *next;

	if (!access)
		return;
	HASH_ITER(hh, access->uses, use, next)
	{
		HASH_DEL(access->uses, use);
		free(use);
	}
	access_free_users(access);
	free(access->grants);
	text_free(&access->notes);
	free(access);
}

void access_look(struct access *access)
{
	if (access->uses_left_out)
		access_note(access, "the log has more callers than are told apart: some grants may "
				    "have been used");
	if (access->others)
		access_note(access,
			    "%llu records of the log are of another host (%s): they are left out",
			    (unsigned long long)access->others, access->other_host);
	if (geteuid())
		access_note(access, "not root: sudo's rules, those of doas and polkit, "
				    "connections, what processes hold and "
				    "containers by their mounts were not looked at");
	access_list_users(access);
	access_ask_for_more(access);
	access_find_sockets(access);
	access_find_members(access);
	if (!geteuid()) {
		access_ask_sudo(access);
		access_ask_doas(access);
		access_ask_polkit(access);
		access_look_at_processes(access);
		access_find_contexts(access);
	}
	access_ask_engines(access);
	for (unsigned int i = 0; i < access->grant_count; i++)
		access_find_use(access, &access->grants[i]);
	access_add_the_rest(access);
	if (access->grants_left_out)
		access_note(access, "%u grants more than are told", access->grants_left_out);
	qsort(access->grants, access->grant_count, sizeof(*access->grants), compare_grants);
}

const char *access_why_not(const struct access *access)
{
	if (geteuid())
		return "who can reach the engines only root can look at";
	if (access->ctl->where)
		return "--where leaves records out: who seems not to have used a grant may have";
	if (!access->has_log)
		return access->others ? "the log is another host's: who can reach the engines "
					"there is to be asked there"
				      : "the log has no record of this host";
	return NULL;
}

enum ctl_exit ctl_access(struct ctl *ctl)
{
	_cleanup_(drop_access) struct access *access = NULL;
	_cleanup_(text_free) struct text out = {0};
	bool (*wanted)(const struct access *access, const struct access_grant *grant) =
		ctl->unused_text ? is_unused_grant : NULL;
	struct screen screen;
	int error;

	if (ctl->where || ctl->until) {
		fprintf(stderr, "callerctl: access takes no --where and no --until: who seems not "
				"to have used a grant may have\n");
		return CTL_USAGE;
	}
	access = access_new(ctl);
	if (!access)
		return CTL_UNREAD;
	error = access_read_log(access);
	access_look(access);
	screen_open(&screen, ctl);
	if (ctl->json)
		access_add_json(&out, access, wanted);
	else
		access_add_lines(&out, access, screen.columns, screen.colour, wanted);
	screen_close(&screen);
	if (out.error)
		return CTL_UNREAD;
	if (out.size)
		fwrite(out.data, 1, out.size, stdout);
	return judge_access(access, error);
}
