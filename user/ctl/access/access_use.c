// SPDX-License-Identifier: Apache-2.0
/* What the log has of those who used the sockets. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "ctl/access/access.h"
#include "errand/who.h"

#define SCHEME "tcp://"
#define REFUSED_SHOWN 50 /* users who were refused and have no way in */

static bool is_port(struct bytes socket)
{
	return bytes_begin(socket, SCHEME);
}

static void take_seen(struct access *access, struct bytes path)
{
	if (!(bytes_begin(path, "/") || is_port(path)) || path.size >= LISTENING_SIZE ||
	    access->seen_count == ACCESS_SOCKETS_MAX)
		return;
	for (unsigned int i = 0; i < access->seen_count; i++)
		if (bytes_are(path, access->seen[i]))
			return;
	memcpy(access->seen[access->seen_count], path.data, path.size);
	access->seen[access->seen_count++][path.size] = '\0';
}

static void copy_use_text(char *to, size_t size, struct bytes text)
{
	snprintf(to, size, "%.*s", (int)text.size, text.data ?: "");
}

/* NULL: there are too many, or no memory. Anybody can be refused, by as many numbers as he has, and come from as many addresses: that
 * leaves room for others. */
static struct access_use *find_user_of(struct access *access, const struct reread *record)
{
	bool refused = record->record.action == RECORD_SOCKET_REFUSED;
	struct bytes uid = reread_text(record, "user.id");
	struct bytes socket = reread_text(record, "callerd.connection.socket");
	unsigned int room = refused || !uid.size ? ACCESS_USES_MAX / 2 : ACCESS_USES_MAX;
	/* A name may be another container's a moment later. */
	struct bytes container = reread_text(record, "container.id");
	struct access_key key = {0};
	struct access_use *use;

	if (!uid.size && !is_port(socket))
		return NULL;
	copy_use_text(key.socket, sizeof(key.socket), socket);
	copy_use_text(key.container, sizeof(key.container), container);
	if (!uid.size) {
		struct bytes address = reread_text(record, "callerd.connection.source.ip");

		copy_use_text(key.address, sizeof(key.address),
			      address.size ? address : bytes_of("?"));
	} else if (!container.size) {
		char text[16];

		copy_use_text(text, sizeof(text), uid);
		key.uid = (uint32_t)strtoul(text, NULL, 10);
		key.elevated = reread_text(record, "user.effective.id").size != 0;
	}
	HASH_FIND(hh, access->uses, &key, sizeof(key), use);
	if (use)
		return use;
	if (access->use_count >= room || !(use = calloc(1, sizeof(*use)))) {
		access->uses_left_out |= !refused;
		access->refused_left_out |= refused;
		return NULL;
	}
	use->key = key;
	copy_use_text(use->container, sizeof(use->container),
		      reread_text(record, "container.name"));
	HASH_ADD(hh, access->uses, key, sizeof(use->key), use);
	if (!use->hh.tbl) {
		free(use);
		access->uses_left_out = true;
		return NULL;
	}
	access->use_count++;
	return use;
}

/* Who it was: of a port nobody's grant says it. */
static void note_who(struct access_use *use, const struct reread *record)
{
	_cleanup_(text_free) struct text who = {0};

	if (!is_port(bytes_of(use->key.socket)))
		return;
	if (bytes_are(bytes_of(use->key.address), "?"))
		text_add_string(&who, "somebody");
	else if (*use->key.address)
		text_add_string(&who, use->key.address);
	else
		who_add(&who, record);
	text_copy_visible(use->by, sizeof(use->by), text_since(&who, 0), sizeof(use->by));
}

static void count_use(struct access_use *use, const struct reread *record)
{
	uint64_t times = reread_times(record);
	struct verb verb = verb_of_record(record, NULL);
	enum finding_severity severity = reread_gravest(record);

	use->requests += times;
	if (verb_changes(&verb) || verb.weight == WEIGHT_LIGHT)
		use->changes += times;
	if (reread_true(record, "callerd.expected")) {
		use->expected += times;
		copy_use_text(use->rule, sizeof(use->rule),
			      reread_text(record, "callerd.expected_rule"));
	}
	if (severity > use->severity) {
		use->severity = severity;
		copy_use_text(use->finding, sizeof(use->finding), reread_text(record, "rule.id"));
	}
}

/* Between the end of an agent, or its last record, and the start of the next one nobody watched. */
static void count_gap(struct access *access, const struct reread *record, uint64_t time)
{
	enum record_action action = record->record.action;

	if (action == RECORD_AGENT_STARTED && access->log_last && time > access->log_last)
		access->unwatched += time - access->log_last;
	if (action == RECORD_RECORDS_LOST)
		access->lost++;
	if (!access->log_first || time < access->log_first)
		access->log_first = time;
	if (time > access->log_last)
		access->log_last = time;
	access->has_log = true;
}

/* A record that has no id of a host is known by its name, which may be that of another one. */
static bool is_of_other_host(struct access *access, const struct reread *record)
{
	struct bytes id = reread_text(record, "host.id"), name = reread_text(record, "host.name");

	if (id.size && *access->host_id ? bytes_are(id, access->host_id)
					: !name.size || bytes_are(name, access->host_name))
		return false;
	if (!access->others++)
		text_copy_visible(access->other_host, sizeof(access->other_host), name,
				  sizeof(access->other_host));
	return true;
}

int access_take(struct access *access, const struct reread *record, uint64_t time)
{
	enum record_action action = record->record.action;
	struct access_use *use;
	uint64_t day = time / NS_PER_S / 86400;

	if (is_of_other_host(access, record))
		return 0;
	count_gap(access, record, time);
	for (unsigned int i = 0; action == RECORD_AGENT_STARTED; i++) {
		struct bytes path = reread_text_at(record, "callerd.sockets", i);

		if (!path.size)
			return 0;
		take_seen(access, path);
	}
	if (action == RECORD_ENGINE_FOUND && reread_true(record, "callerd.engine.watched"))
		take_seen(access, reread_text(record, "callerd.engine.address"));
	if (action != RECORD_API_REQUEST && action != RECORD_SOCKET_REFUSED &&
	    action != RECORD_SOCKET_CONNECTED)
		return 0;
	take_seen(access, reread_text(record, "callerd.connection.socket"));
	use = find_user_of(access, record);
	if (!use)
		return 0;
	if (action == RECORD_SOCKET_REFUSED) {
		use->refused += reread_times(record);
		return 0;
	}
	if (!use->first || time < use->first)
		use->first = time;
	if (time >= use->last) {
		use->last = time;
		note_who(use, record);
	}
	use->days += day != use->day || use->days == 0;
	use->day = day;
	if (action == RECORD_SOCKET_CONNECTED)
		use->connects++;
	else
		count_use(use, record);
	return 0;
}

static int take_of_log(void *data, const struct reread *record, uint64_t time, struct bytes line)
{
	return access_take(data, record, time);
}

/* Most of a log are events of the engine, and where it was asked nothing. */
static bool may_be_use(void *data, struct bytes line)
{
	if (line.size > 1000)
		line.size = 1000;
	return !bytes_find(line, bytes_of("\"action\":\"docker-event\""));
}

int access_read_log(struct access *access)
{
	struct ctl_records records = {
		.data = access,
		.take = take_of_log,
		.may_matter = may_be_use,
	};
	int error = ctl_read(access->ctl, &records);

	if (records.unreadable)
		access_note(access, "%llu lines of the log cannot be read",
			    (unsigned long long)records.unreadable);
	return error;
}

/* A port of an engine of another user than root has his number behind it: it may be in a network namespace of its own. */
static bool is_port_of_log(const struct access_socket *socket, const char *name)
{
	char wanted[sizeof(SCHEME) + LISTENING_SIZE + sizeof("#user=4294967295")];

	if (socket->uid)
		snprintf(wanted, sizeof(wanted), SCHEME "%s#user=%u", socket->path, socket->uid);
	else
		snprintf(wanted, sizeof(wanted), SCHEME "%s", socket->path);
	return !strcmp(name, wanted);
}

/* Whether the socket that the log calls PATH is SOCKET. */
static bool is_socket_of_log(const struct access_socket *socket, const char *path)
{
	struct stat status;

	if (socket->tcp)
		return is_port_of_log(socket, path);
	if (!strcmp(path, socket->path) || !strcmp(path, socket->real))
		return true;
	if (!strncmp(path, "/var/run/", 9) && !strcmp(path + 4, socket->real))
		return true;
	return !lstat(path, &status) && status.st_dev == socket->device &&
	       status.st_ino == socket->inode;
}

static bool is_use_of(const struct access_use *use, const struct access_grant *grant)
{
	if (grant->kind == ACCESS_TCP)
		return is_port_of_log(grant->socket, use->key.socket);
	if (grant->kind == ACCESS_CONTAINER) {
		if (!*use->key.container ||
		    (*grant->container_id ? strcmp(use->key.container, grant->container_id)
					  : strcmp(use->container, grant->who)))
			return false;
	} else if (*use->key.container || *use->key.address || !grant->has_uid ||
		   grant->elsewhere || use->key.uid != grant->uid ||
		   (bool)use->key.elevated != access_is_by_root(grant->kind)) {
		return false;
	}
	return !grant->socket || is_socket_of_log(grant->socket, use->key.socket);
}

static void add_use(struct access_use *sum, const struct access_use *use)
{
	sum->requests += use->requests;
	sum->changes += use->changes;
	sum->refused += use->refused;
	sum->connects += use->connects;
	sum->expected += use->expected;
	if (use->last > sum->last) {
		sum->last = use->last;
		memcpy(sum->by, use->by, sizeof(sum->by));
	}
	if (use->first && (!sum->first || use->first < sum->first))
		sum->first = use->first;
	if (use->days > sum->days)
		sum->days = use->days;
	if (use->severity > sum->severity) {
		sum->severity = use->severity;
		memcpy(sum->finding, use->finding, sizeof(sum->finding));
	}
	if (*use->rule)
		memcpy(sum->rule, use->rule, sizeof(sum->rule));
}

void access_find_use(struct access *access, struct access_grant *grant)
{
	struct access_use *use, *next;

	if (grant->kind == ACCESS_CONTEXT ||
	    (!grant->has_uid && grant->kind != ACCESS_CONTAINER && grant->kind != ACCESS_TCP))
		return; /* such calls are not in a log, or nobody's in particular */
	grant->watched = access->has_log && !grant->socket && !grant->unseen;
	for (unsigned int i = 0; grant->socket && i < access->seen_count; i++)
		grant->watched |= is_socket_of_log(grant->socket, access->seen[i]);
	HASH_ITER(hh, access->uses, use, next)
	{
		if (!is_use_of(use, grant))
			continue;
		use->matched = true;
		add_use(&grant->use, use);
	}
}

static const struct access_socket *find_socket_of_log(const struct access *access, const char *path)
{
	for (unsigned int i = 0; i < access->socket_count; i++)
		if (!access->sockets[i].tcp && is_socket_of_log(&access->sockets[i], path))
			return &access->sockets[i];
	return NULL;
}

void access_add_the_rest(struct access *access)
{
	struct access_use *use, *next;
	unsigned int containers = 0, refused = 0;

	HASH_ITER(hh, access->uses, use, next)
	{
		const struct access_socket *socket = find_socket_of_log(access, use->key.socket);
		const struct access_user *user;
		struct access_grant *grant;
		char who[32];

		if (use->matched || (!socket && access->ctl->argument_count))
			continue;
		if (*use->key.container && !access->ctl->all) {
			containers++;
			continue;
		}
		if (!use->last && refused++ >= REFUSED_SHOWN && !access->ctl->all)
			continue;
		snprintf(who, sizeof(who), "uid %u", use->key.uid);
		user = *use->key.address ? NULL : access_user_of(access, use->key.uid);
		grant = access_add(access, socket, ACCESS_NO_WAY,
				   *use->container	 ? use->container
				   : *use->key.container ? use->key.container
				   : *use->key.address	 ? use->by
				   : user		 ? user->name
							 : who);
		grant->has_uid = !*use->key.container && !*use->key.address;
		grant->uid = use->key.uid;
		grant->watched = true;
		snprintf(grant->how, sizeof(grant->how), "%s",
			 *use->key.container ? "container, gone"
			 : use->key.elevated ? "became another user"
					     : "no way in now");
		add_use(&grant->use, use);
	}
	if ((refused > REFUSED_SHOWN && !access->ctl->all) || access->refused_left_out)
		access_note(access, "%s%u users were refused, not all of whom are told%s",
			    access->refused_left_out ? "more than " : "", refused,
			    access->ctl->all ? "" : ": --all");
	if (containers)
		access_note(access, "%u containers called that have no way in now: --all",
			    containers);
}
