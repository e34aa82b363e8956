// SPDX-License-Identifier: Apache-2.0
#include "guard/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "guard/exposure.h"
#include "guard/look.h"
#include "guard/members.h"
#include "guard/targets.h"
#include "guard/touches.h"

#define SETTLE (30 * NS_PER_MS) /* from the first event of a file to the look at it */
#define LOOK_INTERVAL (60 * NS_PER_S)
#define PATIENCE (8 * NS_PER_S)
#define READS_MAX 16 /* buffers that are read at once */
#define NAMES_MAX 64 /* members that a record names */

/* The accounts of the looks are far from those of users, and from those of other looks. */
#define ACCOUNT (UINT64_MAX - 1000)

/* A guarded file. */
struct guarded {
	enum change_object object;
	enum look_kind kind;
	const char *path;
	struct look last;
	struct look_file known;	      /* as it was when it was there last */
	bool looked;		      /* .last is set */
	bool recalled;		      /* .last is what an earlier agent saw */
	uint64_t kept;		      /* a hash of what the keeper has of it */
	bool asked;		      /* a look is under way */
	struct touches asked_touches; /* those of the time before it */
	struct touches touches;	      /* those that came since */
	uint64_t due;		      /* when to look; 0: nothing has changed */
};

struct guard {
	struct guard_options options;
	struct marks *marks;
	int mounts;	   /* /proc/self/mountinfo, which polls as urgent when mounts change */
	uint64_t empty_at; /* when the queue of events was last empty */
	uint64_t next_look, overflows;
	struct members members;
	bool members_known;
	bool members_recalled; /* .members are those that an earlier agent saw */
	uint64_t members_kept; /* a hash of what the keeper has */
	unsigned int waiting;  /* files with .due or .asked */
	size_t count;
	unsigned int added; /* sockets */
	struct guarded files[];
};

/* Of what was done while no agent ran: nobody knows by whom. */
static const struct touches while_away = {.away = true};

/* The thread alone uses .marks, .path, .kind and .look, the loop everything else. */
struct guard_look {
	struct job job;
	struct guard *guard;
	struct marks *marks;
	size_t index;
	enum look_kind kind;
	char path[PATH_MAX];
	struct look look;
};

static void set_due(struct guarded *file, uint64_t due)
{
	if (!file->due)
		file->due = due;
}

/* --- records ---------------------------------------------------------------------------------- */

static void describe_access(const struct look_file *file, struct record_access *ret)
{
	ret->known = file->present;
	if (!file->present)
		return;
	snprintf(ret->mode, sizeof(ret->mode), "%04o", file->mode & 07777);
	ret->uid = file->uid;
	ret->gid = file->gid;
	ret->acl = bytes_of(file->acl);
	ret->label = bytes_of(file->label);
}

/* Names the processes of TOUCHES in RECORD: one as the caller, several as candidates. */
static void name_processes(struct record *record, const struct touches *touches)
{
	bool one = touches->count == 1 && !touches->cut && !touches->unknown;

	if (touches->away) {
		record->incomplete |= RECORD_INCOMPLETE_AGENT_AWAY;
		return;
	}
	if (one) {
		record->caller = touches->callers[0];
		return;
	}
	record->candidates = (const struct caller *const *)touches->callers;
	record->candidate_count = touches->count;
	record->candidates_cut = touches->cut;
	if (touches->count)
		record->incomplete |= RECORD_INCOMPLETE_SENDER_AMBIGUOUS;
	record->change.pid = touches->pid;
	if (touches->unknown || !touches->count)
		record->incomplete |= RECORD_INCOMPLETE_SENDER_LOST;
}

/* Whether CALLER is an engine, or systemd, which makes sockets for engines. */
static bool is_engine(const struct guard *guard, const struct caller *caller)
{
	static const char *const engines[] = {"dockerd", "podman", "systemd", "containerd"};
	struct bytes path = caller->process.executable;
	const char *base = path.size ? memrchr(path.data, '/', path.size) : NULL;
	struct callerd_node_key node = caller_file(caller);
	struct bytes name;

	if (!base || caller->process.euid || caller->process.executable_exchanged)
		return false;
	name = (struct bytes){base + 1, path.size - (size_t)(base + 1 - path.data)};
	return bytes_are_any(name, engines, COUNT(engines)) &&
	       guard->options.is_program(guard->options.data, path, &node);
}

static bool are_engines(const struct guard *guard, const struct touches *touches)
{
	for (unsigned int i = 0; i < touches->count; i++)
		if (!is_engine(guard, touches->callers[i]))
			return false;
	return touches->count && !touches->unknown && !touches->cut;
}

/* What a record is made of. */
struct change {
	struct record_change change;
	const struct touches *touches;
	enum finding_id findings[2];
	struct bytes details[2];
	unsigned int finding_count;
};

static void add_change_finding(struct change *change, enum finding_id id, struct bytes detail)
{
	if (!id || change->finding_count == COUNT(change->findings))
		return;
	change->findings[change->finding_count] = id;
	change->details[change->finding_count++] = detail;
}

static void tell_change(struct guard *guard, const struct change *change)
{
	struct finding findings[COUNT(change->findings)];
	enum finding_technique techniques[COUNT(change->findings)];
	struct record record = {
		.action = change->change.object <= CHANGE_DIRECTORY ? RECORD_SOCKET_CHANGED
								    : RECORD_ACCESS_CHANGED,
		.time = clock_now(CLOCK_BOOTTIME),
		.change = change->change,
		.api = {.findings = findings,
			.finding_count = change->finding_count,
			.techniques = techniques},
	};

	for (unsigned int i = 0; i < change->finding_count; i++) {
		const struct finding_kind *kind = finding_kind(change->findings[i]);

		findings[i] =
			(struct finding){change->findings[i], kind->severity, change->details[i]};
		if (kind->technique)
			techniques[record.api.technique_count++] = kind->technique;
	}
	name_processes(&record, change->touches);
	guard->options.record(guard->options.data, &record);
}

/* What became of FILE is not known, for the reason WHY. */
static void tell_unjudged(struct guard *guard, const struct guarded *file,
			  const struct touches *touches, const char *why)
{
	struct change change = {.touches = touches};

	change.change.object = file->object;
	change.change.path = bytes_of(file->path);
	change.change.what = CHANGE_TOUCHED;
	add_change_finding(&change, FINDING_NOT_JUDGED, bytes_of(why));
	tell_change(guard, &change);
}

/* --- what changed ----------------------------------------------------------------------------- */

/* What the events say of a name that is as it was before. */
static unsigned int what_of_touches(const struct touches *touches)
{
	return touches->any && touches->what & ~(unsigned int)MARKS_WRITTEN ? CHANGE_TOUCHED : 0;
}

/* A directory above a socket is open to others than root now, in another way than before. */
static void compare_directories(struct guard *guard, const struct guarded *file,
				const struct look *now, const struct touches *touches)
{
	struct change change = {.touches = touches};
	bool same =
		!now->directory.present || bytes_equal(text_since(&file->last.directory_path, 0),
						       text_since(&now->directory_path, 0));
	struct look_file nothing = {0};
	struct text detail = {0};

	if (!now->directory.present && !file->last.directory.present)
		return;
	change.change.object = CHANGE_DIRECTORY;
	change.change.path = text_since(
		now->directory.present ? &now->directory_path : &file->last.directory_path, 0);
	change.change.what =
		exposure_compare(same ? &file->last.directory : &nothing, &now->directory);
	change.change.what &= CHANGE_MODE | CHANGE_OWNER | CHANGE_GROUP | CHANGE_ACL |
			      CHANGE_CREATED | CHANGE_DELETED;
	if (change.change.what & (CHANGE_CREATED | CHANGE_DELETED)) /* of the opening */
		change.change.what = CHANGE_MODE;
	if (!change.change.what)
		return;
	describe_access(&file->last.directory, &change.change.before);
	describe_access(&now->directory, &change.change.after);
	if (exposure_widens(same ? &file->last.directory : &nothing, &now->directory, &detail))
		add_change_finding(&change, FINDING_SOCKET_EXPOSED, text_since(&detail, 0));
	tell_change(guard, &change);
	text_free(&detail);
}

static void compare_nodes(struct guard *guard, const struct guarded *file, const struct look *now,
			  const struct touches *touches)
{
	bool engine = are_engines(guard, touches);
	struct change change = {.touches = touches};
	struct text detail = {0};

	change.change.object = file->object;
	change.change.path = bytes_of(file->path);
	change.change.what = exposure_compare(&file->last.file, &now->file);
	if (!change.change.what && !engine)
		change.change.what = what_of_touches(touches);
	if (change.change.what == CHANGE_DELETED && touches->what & MARKS_MOVED_FROM)
		change.change.what = CHANGE_MOVED;
	if (!change.change.what)
		return;
	describe_access(file->known.present ? &file->known : &file->last.file,
			&change.change.before);
	describe_access(&now->file, &change.change.after);
	if (exposure_widens(&file->known, &now->file, &detail) &&
	    !(engine && !(now->file.mode & S_IWOTH)))
		add_change_finding(&change, FINDING_SOCKET_EXPOSED, text_since(&detail, 0));
	add_change_finding(&change, exposure_find(file->object, change.change.what, engine),
			   (struct bytes){0});
	tell_change(guard, &change);
	text_free(&detail);
}

/* FILE is as it was before, but something was done to it. Of a program, whose content is not read, that is said even
 * if no event told of it. */
static bool was_changed_back(const struct guarded *file, const struct look *now,
			     const struct touches *touches)
{
	return now->file.present && now->file.changed != file->last.file.changed &&
	       (touches->any || file->kind == LOOK_PROGRAM);
}

/* A file that lists members: what changed is compared of all together. */
static void compare_list(struct guard *guard, const struct guarded *file, const struct look *now,
			 const struct touches *touches)
{
	if (exposure_compare(&file->last.file, &now->file) & CHANGE_CONTENT)
		return;
	if (!touches->away && was_changed_back(file, now, touches))
		tell_unjudged(guard, file, touches, "it was written, and is as it was before");
}

/* A file whose content and owner count. */
static void compare_file(struct guard *guard, const struct guarded *file, const struct look *now,
			 const struct touches *touches)
{
	struct change change = {.touches = touches};
	bool engine = now->engine_lines && now->engine_lines != file->last.engine_lines;

	change.change.object = file->object;
	change.change.path = bytes_of(file->path);
	change.change.what = exposure_compare(&file->last.file, &now->file) &
			     ~(unsigned int)(CHANGE_REPLACED | CHANGE_LABEL);
	/* Editors and package managers replace files: that alone changes nothing. */
	if (file->kind == LOOK_PROGRAM)
		change.change.what |=
			exposure_compare(&file->last.file, &now->file) & CHANGE_REPLACED;
	if (!change.change.what && was_changed_back(file, now, touches))
		change.change.what = CHANGE_TOUCHED;
	if (!change.change.what)
		return;
	describe_access(&file->last.file, &change.change.before);
	describe_access(&now->file, &change.change.after);
	if (file->object == CHANGE_SUDOERS && engine)
		add_change_finding(&change, FINDING_ACCESS_GRANTED,
				   bytes_of("a rule names a container engine"));
	add_change_finding(&change, exposure_find(file->object, change.change.what, false),
			   (struct bytes){0});
	tell_change(guard, &change);
}

static void tell_entry(struct guard *guard, const struct guarded *file, struct bytes name,
		       unsigned int what, bool grants, const struct touches *touches)
{
	struct touches selected;
	struct change change = {.touches = &selected};
	struct text path = {0};

	touches_select(touches, name, &selected);

	text_add_string(&path, file->path);
	text_add_char(&path, '/');
	text_add_bytes(&path, name);
	change.change.object = file->object;
	change.change.path = text_since(&path, 0);
	change.change.what = what;
	if (file->object == CHANGE_SUDOERS && grants)
		add_change_finding(&change, FINDING_ACCESS_GRANTED,
				   bytes_of("a rule names a container engine"));
	add_change_finding(&change, exposure_find(file->object, what, false), (struct bytes){0});
	if (!path.error)
		tell_change(guard, &change);
	touches_clear(&selected);
	text_free(&path);
}

static bool find_entry(const struct look *look, struct bytes name, struct look_entry *ret)
{
	size_t at = 0;

	while (look_next_file(look, &at, ret))
		if (bytes_equal(ret->name, name))
			return true;
	return false;
}

/* Something was done to files that are as they were before, or were not there before and are not now. */
static void tell_changed_back(struct guard *guard, const struct guarded *file,
			      const struct look *now, const struct touches *touches)
{
	struct bytes rest = text_since(&file->asked_touches.came, 0);
	struct look_entry entry, other;
	struct bytes name;

	while (bytes_take(&rest, '\n', &name)) {
		bool is = find_entry(now, name, &entry),
		     was = find_entry(&file->last, name, &other);

		if (!name.size || is != was)
			continue;
		if (!is || (bytes_equal(other.rest, entry.rest) &&
			    !bytes_equal(other.changed, entry.changed)))
			tell_entry(guard, file, name, CHANGE_TOUCHED, false, touches);
	}
}

/* The files of a directory. */
static void compare_files(struct guard *guard, const struct guarded *file, const struct look *now,
			  const struct touches *touches)
{
	struct look_entry entry, other;
	size_t at = 0;

	tell_changed_back(guard, file, now, touches);

	while (look_next_file(now, &at, &entry)) {
		bool was = find_entry(&file->last, entry.name, &other);

		if (!was || !bytes_equal(other.rest, entry.rest))
			tell_entry(guard, file, entry.name, was ? CHANGE_CONTENT : CHANGE_CREATED,
				   entry.engine_lines, touches);
	}
	at = 0;
	while (look_next_file(&file->last, &at, &entry))
		if (!find_entry(now, entry.name, &other))
			tell_entry(guard, file, entry.name, CHANGE_DELETED, false, touches);
}

/* --- members of groups ------------------------------------------------------------------------ */

/* The groups of the sockets' nodes. */
static unsigned int find_groups(const struct guard *guard, uint32_t groups[MEMBERS_GROUPS_MAX])
{
	unsigned int count = 0;

	for (size_t i = 0; i < guard->count && count < MEMBERS_GROUPS_MAX; i++) {
		const struct guarded *file = &guard->files[i];

		if (file->object == CHANGE_SOCKET && file->known.present && file->known.gid)
			groups[count++] = file->known.gid;
	}
	return count;
}

static struct bytes content_of(const struct guard *guard, const char *path)
{
	for (size_t i = 0; i < guard->count; i++)
		if (!strcmp(guard->files[i].path, path))
			return text_since(&guard->files[i].last.text, 0);
	return (struct bytes){0};
}

static int list_members(const struct guard *guard, struct members *ret)
{
	uint32_t groups[MEMBERS_GROUPS_MAX];
	unsigned int count = find_groups(guard, groups);

	return members_list(content_of(guard, "/etc/passwd"), content_of(guard, "/etc/group"),
			    content_of(guard, "/etc/gshadow"), groups, count, ret);
}

static struct bytes group_of_line(struct bytes line)
{
	const char *end = memchr(line.data, '/', line.size);

	return (struct bytes){line.data, end ? (size_t)(end - line.data) : line.size};
}

/* Collects the lines of NOW that BEFORE does not have and that are of GROUP; where GROUP is not set
 * yet, the first line sets it. Returns the number of names. */
static unsigned int take_names(const struct members *before, const struct members *now,
			       struct bytes *group, struct bytes names[NAMES_MAX])
{
	unsigned int count = 0;
	struct bytes line, own;
	size_t at = 0;

	while (count < NAMES_MAX && members_next_new(before, now, &at, &line)) {
		own = group_of_line(line);
		if (!group->data)
			*group = own;
		if (!bytes_equal(own, *group))
			continue;
		names[count] = (struct bytes){own.data + own.size + 1, line.size - own.size - 1};
		if (!names[count].size) /* the group itself */
			continue;
		if (bytes_are(names[count], ":"))
			names[count] = bytes_of("(by password)");
		count++;
	}
	return count;
}

static void tell_members(struct guard *guard, const char *path, const struct members *now,
			 struct bytes group, const struct touches *touches)
{
	struct bytes added[NAMES_MAX], removed[NAMES_MAX];
	struct change change = {.touches = touches};
	struct text detail = {0};

	change.change.object = CHANGE_MEMBERS;
	change.change.path = bytes_of(path);
	change.change.what = CHANGE_MEMBER;
	change.change.group = group;
	change.change.added = added;
	change.change.added_count = take_names(&guard->members, now, &group, added);
	change.change.removed = removed;
	change.change.removed_count = take_names(now, &guard->members, &group, removed);
	if (change.change.added_count) {
		text_add_visible(&detail, added[0], NAME_MAX);
		text_add_string(&detail,
				bytes_are(group, "uid 0") ? " is root: " : " joins group ");
		text_add_visible(&detail, group, NAME_MAX);
		add_change_finding(&change, FINDING_ACCESS_GRANTED, text_since(&detail, 0));
	}
	if (change.change.added_count || change.change.removed_count)
		tell_change(guard, &change);
	text_free(&detail);
}

/* The groups whose members differ in NOW, each once. */
static unsigned int find_changed_groups(const struct guard *guard, const struct members *now,
					struct bytes groups[MEMBERS_GROUPS_MAX])
{
	const struct members *sides[] = {&guard->members, now};
	unsigned int count = 0, i;
	struct bytes line;

	for (int side = 0; side < 2; side++) {
		size_t at = 0;

		while (count < MEMBERS_GROUPS_MAX &&
		       members_next_new(sides[side], sides[!side], &at, &line)) {
			struct bytes group = group_of_line(line);

			for (i = 0; i < count && !bytes_equal(groups[i], group); i++)
				;
			if (i == count)
				groups[count++] = group;
		}
	}
	return count;
}

/* Keeps NOW for the next agent. */
static void keep_members(struct guard *guard, const struct members *now)
{
	const struct guard_memory memory = {
		.path = bytes_of(GUARD_MEMORY_MEMBERS),
		.listing = text_since(&now->lines, 0),
		.present = true,
	};
	uint64_t hash = hash_add(HASH_START, memory.listing.data, memory.listing.size) | 1;

	if (hash == guard->members_kept || !guard->options.keeper.keep)
		return;
	guard->options.keeper.keep(guard->options.keeper.data, &memory);
	guard->members_kept = hash;
}

/* Compares the members with those of before; PATH is the file that was read last. TOUCHES: who
 * changed it; NULL: nobody did, or no agent ran. */
static void compare_members(struct guard *guard, const char *path, const struct touches *touches)
{
	struct bytes groups[MEMBERS_GROUPS_MAX];
	struct members now;
	unsigned int count = 0;

	if (list_members(guard, &now))
		return;
	if (guard->members_recalled)
		touches = &while_away;
	if ((guard->members_known && touches) || guard->members_recalled)
		count = find_changed_groups(guard, &now, groups);
	for (unsigned int i = 0; i < count; i++)
		if (!guard->members_recalled || (members_has_group(&guard->members, groups[i]) &&
						 members_has_group(&now, groups[i])))
			tell_members(guard, path, &now, groups[i], touches);
	members_free(&guard->members);
	guard->members = now;
	guard->members_known = true;
	guard->members_recalled = false;
	keep_members(guard, &now);
}

/* --- looks ------------------------------------------------------------------------------------ */

static void run_guard_look(struct job *job)
{
	struct guard_look *asked = (struct guard_look *)job;

	look_at(asked->marks, asked->path, asked->kind, &asked->look);
}

static void free_guard_look(struct job *job)
{
	struct guard_look *asked = (struct guard_look *)job;

	look_end(&asked->look);
	free(asked);
}

static void compare_sockets(struct guard *guard, const struct guarded *file, const struct look *now,
			    const struct touches *touches)
{
	unsigned int what = exposure_compare(&file->last.file, &now->file);
	struct touches selected;

	touches_select_mounts(touches, what & CHANGE_MOUNTED, &selected);
	compare_nodes(guard, file, now, &selected);
	compare_directories(guard, file, now, &selected);
	touches_clear(&selected);
}

static void compare_looks(struct guard *guard, struct guarded *file, const struct look *now,
			  const struct touches *touches)
{
	switch (file->kind) {
	case LOOK_NODE:
		compare_sockets(guard, file, now, touches);
		break;
	case LOOK_FILES:
		compare_files(guard, file, now, touches);
		break;
	case LOOK_TEXT:
	case LOOK_PROGRAM:
		if (file->object != CHANGE_MEMBERS)
			compare_file(guard, file, now, touches);
		else
			compare_list(guard, file, now, touches);
		break;
	}
}

/* Keeps what FILE is now for the next agent. */
static void remember_file(struct guard *guard, struct guarded *file)
{
	const struct look_file *now = &file->last.file;
	const struct guard_memory memory = {
		.path = bytes_of(file->path),
		.acl = bytes_of(now->acl),
		.label = bytes_of(now->label),
		.listing = text_since(&file->last.text, 0),
		.acl_hash = now->acl_hash,
		.content = bytes_of(now->content),
		.changed = now->changed,
		.engine_lines = file->last.engine_lines,
		.mode = now->mode,
		.uid = now->uid,
		.gid = now->gid,
		.present = now->present,
		.acl_writes = now->acl_writes,
	};
	const uint64_t numbers[] = {memory.acl_hash, memory.changed, memory.engine_lines,
				    memory.mode,     memory.uid,     memory.gid,
				    memory.present};
	uint64_t hash = hash_add(HASH_START, numbers, sizeof(numbers));

	hash = hash_add(hash, memory.label.data, memory.label.size);
	hash = hash_add(hash, memory.content.data, memory.content.size);
	hash = hash_add(hash, memory.listing.data, memory.listing.size) | 1;
	/* Who has a socket's node while it is missing is what the node was last. */
	if (hash == file->kept || !guard->options.keeper.keep || file->object == CHANGE_MEMBERS ||
	    (file->object == CHANGE_SOCKET && !now->present))
		return;
	guard->options.keeper.keep(guard->options.keeper.data, &memory);
	file->kept = hash;
}

static void set_recalled(struct guarded *file, const struct guard_memory *memory)
{
	struct look_file *last = &file->last.file;

	*last = (struct look_file){
		.present = memory->present,
		.mode = memory->mode,
		.uid = memory->uid,
		.gid = memory->gid,
		.acl_hash = memory->acl_hash,
		.acl_writes = memory->acl_writes,
		.changed = memory->changed,
	};
	snprintf(last->content, sizeof(last->content), "%.*s", (int)memory->content.size,
		 memory->content.data);
	snprintf(last->acl, sizeof(last->acl), "%.*s", (int)memory->acl.size, memory->acl.data);
	snprintf(last->label, sizeof(last->label), "%.*s", (int)memory->label.size,
		 memory->label.data);
	file->last.engine_lines = memory->engine_lines;
	text_add_bytes(&file->last.text, memory->listing);
	file->known = *last;
	file->recalled = true;
}

static void take_memory(void *data, const struct guard_memory *memory)
{
	struct guard *guard = data;

	if (bytes_are(memory->path, GUARD_MEMORY_MEMBERS)) {
		text_add_bytes(&guard->members.lines, memory->listing);
		guard->members_recalled = true;
	}
	for (size_t i = 0; i < guard->count; i++)
		if (bytes_are(memory->path, guard->files[i].path) && !guard->files[i].recalled)
			set_recalled(&guard->files[i], memory);
}

/* Compares FILE with what an earlier agent saw. Nodes, mounts and inodes do not outlive the machine:
 * what stands there now counts, and who may use it. */
static void compare_recalled(struct guard *guard, struct guarded *file, const struct look *now)
{
	struct look_file *last = &file->last.file;

	last->device_major = now->file.device_major;
	last->device_minor = now->file.device_minor;
	last->inode = now->file.inode;
	last->mount = now->file.mount;
	if (file->kind != LOOK_NODE)
		compare_looks(guard, file, now, &while_away);
	else if (last->present && now->file.present)
		compare_nodes(guard, file, now, &while_away);
}

static void keep_look(struct guarded *file, struct look *look)
{
	look_end(&file->last);
	file->last = *look;
	*look = (struct look){0};
	if (file->last.file.present)
		file->known = file->last.file;
	if (file->kind == LOOK_TEXT && file->object != CHANGE_MEMBERS)
		text_free(&file->last.text);
}

/* Users other than root who own something on the way to a socket may change who can use it. */
static void guard_owners(struct guard *guard)
{
	uint32_t owners[CALLERD_GUARD_OWNERS_MAX];
	unsigned int count = 0;

	for (size_t i = 0; i < guard->count; i++) {
		const struct guarded *file = &guard->files[i];

		if (file->object != CHANGE_SOCKET)
			continue;
		if (count < COUNT(owners) && file->known.uid)
			owners[count++] = file->known.uid;
		if (count < COUNT(owners) && file->last.directory.uid)
			owners[count++] = file->last.directory.uid;
	}
	actors_guard(capture_actors(guard->options.capture), owners, count);
}

static bool are_members_read(const struct guard *guard)
{
	for (size_t i = 0; i < guard->count; i++)
		if (guard->files[i].object <= CHANGE_MEMBERS && !guard->files[i].looked)
			return false;
	return true;
}

/* A socket that is seen for the first time, and that every user may write to. */
static void tell_open_door(struct guard *guard, const struct guarded *file, const struct look *now)
{
	struct change change = {.touches = &while_away};

	if (file->object != CHANGE_SOCKET || !now->file.present || !(now->file.mode & S_IWOTH))
		return;
	change.change.object = file->object;
	change.change.path = bytes_of(file->path);
	change.change.what = CHANGE_MODE;
	describe_access(&now->file, &change.change.after);
	add_change_finding(&change, FINDING_SOCKET_EXPOSED, bytes_of("every user may write"));
	tell_change(guard, &change);
}

static void take_look(struct guard *guard, struct guarded *file, struct look *look)
{
	struct touches touches = {0};
	bool first = !file->looked, recalled = file->recalled;

	touches_join(&touches, &file->asked_touches);
	touches_join(&touches, &file->touches); /* those that came while the look went on */
	file->recalled = false;
	if (recalled)
		compare_recalled(guard, file, look);
	else if (!first)
		compare_looks(guard, file, look, &touches);
	else
		tell_open_door(guard, file, look);
	if (look->unseen && !file->last.unseen)
		tell_unjudged(guard, file, &touches, look->unseen);
	keep_look(file, look);
	file->looked = true;
	remember_file(guard, file);
	if (file->object == CHANGE_SOCKET)
		guard_owners(guard);
	if (are_members_read(guard)) {
		/* A group that a socket has only now got is new, but its members are not. */
		bool members = file->object == CHANGE_MEMBERS && !first;

		compare_members(guard, members ? file->path : "/etc/group",
				members ? &touches : NULL);
	}
	touches_clear(&touches);
}

static void read_events(struct guard *guard);

static void take_looked(struct job *job, bool came, void *data)
{
	struct guard_look *asked = (struct guard_look *)job;
	struct guard *guard = asked->guard;
	struct guarded *file = &guard->files[asked->index];

	(void)data;
	read_events(guard); /* what led to what the look saw has been told by now */
	if (came)
		take_look(guard, file, &asked->look);
	else if (file->asked_touches.any)
		tell_unjudged(guard, file, &file->asked_touches, "the file could not be looked at");
	touches_clear(&file->asked_touches);
	file->asked = false;
}

static void ask_look(struct guard *guard, struct guarded *file, uint64_t now)
{
	struct guard_look *asked = calloc(1, sizeof(*asked));

	if (!asked)
		return; /* it stays due */
	asked->job = (struct job){
		.run = run_guard_look,
		.done = take_looked,
		.free = free_guard_look,
		.account = ACCOUNT - (uint64_t)(file - guard->files),
		.patience = PATIENCE,
	};
	asked->guard = guard;
	asked->marks = guard->marks;
	asked->index = (size_t)(file - guard->files);
	asked->kind = file->kind;
	snprintf(asked->path, sizeof(asked->path), "%s", file->path);
	if (beside_put(guard->options.beside, &asked->job, now)) {
		free_guard_look(&asked->job);
		file->due = now + NS_PER_S;
		return;
	}
	file->asked = true;
	file->due = 0;
	touches_join(&file->asked_touches, &file->touches);
	touches_clear(&file->touches);
}

/* --- events ----------------------------------------------------------------------------------- */

/* The step of FILE's way that EVENT is about; NULL: none. */
static const struct look_step *find_step(const struct guarded *file,
					 const struct marks_event *event)
{
	static const struct look_step mount;

	if (event->directory == MARKS_MOUNTS)
		return file->object == CHANGE_SOCKET ? &mount : NULL;
	for (unsigned int i = 0; i < file->last.step_count; i++) {
		const struct look_step *step = &file->last.steps[i];

		if (step->directory != event->directory)
			continue;
		if (!*step->name || !*event->name || !strcmp(step->name, event->name))
			return step;
	}
	return NULL;
}

static void note_touch(void *data, const struct marks_event *event)
{
	struct guard *guard = data;
	struct caller *caller = NULL;
	bool described = false;

	for (size_t i = 0; i < guard->count; i++) {
		struct guarded *file = &guard->files[i];
		const struct look_step *step = find_step(file, event);
		bool own;

		if (!step)
			continue;
		if (!described)
			caller = touches_describe(capture_actors(guard->options.capture),
						  guard->options.detail, event, guard->empty_at);
		described = true;
		own = step == &file->last.steps[file->last.step_count - 1] && *event->name;
		touches_add(&file->touches, event, caller, own);
		if (file->kind == LOOK_FILES && !*step->name &&
		    look_name_counts(file->object == CHANGE_SUDOERS, event->name))
			touches_add_name(&file->touches, bytes_of(event->name));
		set_due(file, clock_now(CLOCK_BOOTTIME) + SETTLE);
	}
	caller_unref(caller);
}

/* Events were lost: everything may have changed, by anybody. */
static void take_overflow(void *data)
{
	struct guard *guard = data;
	struct marks_event event = {.process = -1};

	guard->overflows++;
	for (size_t i = 0; i < guard->count; i++) {
		touches_add(&guard->files[i].touches, &event, NULL, false);
		set_due(&guard->files[i], clock_now(CLOCK_BOOTTIME));
	}
}

static void read_events(struct guard *guard)
{
	struct marks_calls calls = {guard, note_touch, take_overflow};
	struct actors *actors = capture_actors(guard->options.capture);
	uint64_t before = clock_now(CLOCK_BOOTTIME);

	actors_begin(actors);
	for (int reads = 0; reads < READS_MAX; reads++) {
		if (!marks_read(guard->marks, &calls)) {
			guard->empty_at = before;
			break;
		}
		before = clock_now(CLOCK_BOOTTIME);
	}
	actors_end(actors);
}

/* Mounts have changed, or time has passed: looks at files again. */
static void look_again(struct guard *guard, bool mounted, uint64_t now)
{
	if (!mounted && now < guard->next_look)
		return;
	if (!mounted)
		guard->next_look = now + LOOK_INTERVAL;
	for (size_t i = 0; i < guard->count; i++)
		if (!mounted || guard->files[i].object == CHANGE_SOCKET)
			set_due(&guard->files[i], now);
}

void guard_run(struct guard *guard, const struct pollfd fds[GUARD_FDS], uint64_t now)
{
	if (!guard)
		return;
	read_events(guard);
	look_again(guard, fds && fds[MARKS_FDS].revents, now);
	guard->waiting = 0;
	for (size_t i = 0; i < guard->count; i++) {
		struct guarded *file = &guard->files[i];

		if (file->due && now >= file->due && !file->asked)
			ask_look(guard, file, now);
		guard->waiting += file->due && !file->asked;
	}
}

void guard_finish(struct guard *guard, uint64_t now)
{
	if (!guard)
		return;
	read_events(guard);
	for (size_t i = 0; i < guard->count; i++)
		if (guard->files[i].due && guard->files[i].touches.any && !guard->files[i].asked)
			ask_look(guard, &guard->files[i], now);
}

void guard_give_up(struct guard *guard)
{
	for (size_t i = 0; guard && i < guard->count; i++)
		if (guard->files[i].due && guard->files[i].touches.any)
			tell_unjudged(guard, &guard->files[i], &guard->files[i].touches,
				      "callerd ended before it looked at the file");
}

bool guard_is_waiting(const struct guard *guard)
{
	return guard && guard->waiting;
}

bool guard_settled(const struct guard *guard)
{
	for (size_t i = 0; guard && i < guard->count; i++)
		if (!guard->files[i].looked)
			return false;
	return true;
}

uint64_t guard_overflows(const struct guard *guard)
{
	return guard ? guard->overflows : 0;
}

int guard_limit(const struct guard *guard)
{
	return guard ? marks_limit(guard->marks) : 0;
}

void guard_poll(const struct guard *guard, struct pollfd fds[GUARD_FDS])
{
	int marks[MARKS_FDS] = {-1, -1, -1};

	if (guard)
		marks_fds(guard->marks, marks);
	for (int i = 0; i < MARKS_FDS; i++)
		fds[i] = (struct pollfd){.fd = marks[i], .events = POLLIN};
	fds[MARKS_FDS] = (struct pollfd){.fd = guard ? guard->mounts : -1, .events = POLLPRI};
}

/* --- start ------------------------------------------------------------------------------------ */

static void guard_file(struct guard *guard, enum change_object object, enum look_kind kind,
		       const char *path)
{
	guard->files[guard->count++] = (struct guarded){
		.object = object,
		.kind = kind,
		.path = path,
		.due = 1,
	};
}

int guard_new(const struct guard_options *options, struct guard **ret)
{
	size_t count;
	const struct guard_target *targets = targets_all(&count);
	int queues[MARKS_FDS];
	struct guard *guard =
		calloc(1, sizeof(*guard) + (options->socket_room + count) * sizeof(*guard->files));
	int error;

	if (!guard)
		return -ENOMEM;
	error = marks_new(&guard->marks);
	if (error) {
		free(guard);
		return error;
	}
	guard->options = *options;
	guard->mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	guard->empty_at = clock_now(CLOCK_BOOTTIME);
	guard->next_look = guard->empty_at + LOOK_INTERVAL;
	for (unsigned int i = 0; i < options->socket_count; i++)
		guard_file(guard, CHANGE_SOCKET, LOOK_NODE, options->sockets[i]);
	for (size_t i = 0; i < count && options->what == GUARD_ALL; i++)
		guard_file(guard, targets[i].object, targets[i].kind, targets[i].path);
	marks_fds(guard->marks, queues);
	actors_guard_queues(capture_actors(options->capture), queues, MARKS_FDS);
	actors_guard(capture_actors(options->capture), NULL, 0);
	if (options->keeper.recall)
		options->keeper.recall(options->keeper.data, guard, take_memory);
	*ret = guard;
	return 0;
}

void guard_add_socket(struct guard *guard, const char *path)
{
	if (!guard || guard->added == guard->options.socket_room - guard->options.socket_count)
		return;
	guard->added++;
	guard_file(guard, CHANGE_SOCKET, LOOK_NODE, path);
}

void guard_free(struct guard *guard)
{
	if (!guard)
		return;
	for (size_t i = 0; i < guard->count; i++) {
		touches_clear(&guard->files[i].touches);
		touches_clear(&guard->files[i].asked_touches);
		look_end(&guard->files[i].last);
	}
	members_free(&guard->members);
	marks_free(guard->marks);
	if (guard->mounts >= 0)
		close(guard->mounts);
	free(guard);
}
