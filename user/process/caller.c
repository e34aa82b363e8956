// SPDX-License-Identifier: Apache-2.0
#include "process/caller.h"

#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/table.h"

#define CONTAINER_ID_SIZE 64
#define INITIAL_USER_NS 0xeffffffdu /* PROC_USER_INIT_INO of the kernel */

/* --- callers and lineages that are kept once -------------------------------------------------- */

/*
 * The callers and lineages that live, by the hash of their content. The tables belong to the
 * process, since a reference alone must do to give a caller back.
 *
 * Hashes can collide, and a local user may bring that about. Of two entries that differ and have
 * the same hash the later one is not entered: it is not shared, and a lookup never searches a
 * chain.
 */
static struct shared *callers, *lineages;

static size_t memory; /* of all that live, entered or not */

#define PROCESS_TEXTS 3
#define CALLER_TEXTS (PROCESS_TEXTS + 8)
#define CALLER_CONTENT offsetof(struct caller, basis)

static void process_texts(struct process *process, struct bytes *texts[PROCESS_TEXTS])
{
	texts[0] = &process->name;
	texts[1] = &process->executable;
	texts[2] = &process->args;
}

static void caller_texts(struct caller *caller, struct bytes *texts[CALLER_TEXTS])
{
	process_texts(&caller->process, texts);
	texts[PROCESS_TEXTS] = &caller->working_directory;
	texts[PROCESS_TEXTS + 1] = &caller->root;
	texts[PROCESS_TEXTS + 2] = &caller->cgroup;
	texts[PROCESS_TEXTS + 3] = &caller->label;
	texts[PROCESS_TEXTS + 4] = &caller->boot_id;
	texts[PROCESS_TEXTS + 5] = &caller->executable_claimed;
	texts[PROCESS_TEXTS + 6] = &caller->environment;
	texts[PROCESS_TEXTS + 7] = &caller->groups;
}

/* Moves texts that point into memory at FROM to the same place in the memory at TO. TO NULL: their
 * pointers become NULL. */
static void caller_rebase(struct bytes **texts, unsigned int count, const char *from,
			  const char *to)
{
	for (unsigned int i = 0; i < count; i++)
		if (texts[i]->data)
			texts[i]->data = to ? to + (texts[i]->data - from) : NULL;
}

static void rebase_caller(struct caller *caller, const char *from, const char *to)
{
	struct bytes *texts[CALLER_TEXTS];

	caller_texts(caller, texts);
	caller_rebase(texts, CALLER_TEXTS, from, to);
}

static void rebase_ancestors(struct process *ancestors, unsigned int count, const char *from,
			     const char *to)
{
	struct bytes *texts[PROCESS_TEXTS];

	for (unsigned int i = 0; i < count; i++) {
		process_texts(&ancestors[i], texts);
		caller_rebase(texts, PROCESS_TEXTS, from, to);
	}
}

static struct shared *caller_find(struct shared *table, uint64_t hash)
{
	struct shared *found;

	HASH_FIND(hh, table, &hash, sizeof(hash), found);
	return found;
}

/* Sets up SHARED, of SIZE bytes, and enters it in TABLE, unless another entry has its hash. */
static void caller_enter(struct shared **table, struct shared *shared, uint64_t hash, size_t size)
{
	static uint64_t numbers;

	*shared = (struct shared){.references = 1, .hash = hash, .number = ++numbers, .size = size};
	shared->rendered = calloc(1, sizeof(*shared->rendered)); /* NULL is fine */
	memory += size;
	if (caller_find(*table, hash))
		return;
	HASH_ADD(hh, *table, hash, sizeof(shared->hash), shared);
	if (shared->hh.tbl)
		shared->table = table;
}

/* Gives a reference back. Returns whether it was the last one: the caller of this function then
 * frees the memory. */
static bool caller_leave(struct shared *shared)
{
	if (--shared->references)
		return false;
	memory -= shared->size;
	if (shared->table)
		HASH_DEL(*shared->table, shared);
	if (shared->rendered) {
		memory -= shared->rendered->size;
		free(shared->rendered->text);
	}
	free(shared->rendered);
	return true;
}

size_t callers_memory(void)
{
	return memory;
}

void caller_rendered_keep(struct rendered *rendered, const struct rendered *made, struct bytes text)
{
	memory -= rendered->size;
	free(rendered->text);
	*rendered = *made;
	rendered->text = malloc(text.size);
	rendered->size = rendered->text ? text.size : 0;
	if (rendered->text)
		memcpy(rendered->text, text.data, text.size);
	memory += rendered->size;
}

/* Whether LINEAGE has these ancestors. They are compared after their texts' pointers are moved to
 * where the texts of LINEAGE lie. */
static bool is_lineage(const struct lineage *lineage, const struct process *ancestors,
		       unsigned int count, const char *text, size_t size)
{
	size_t ancestors_size = count * sizeof(*ancestors);
	const char *own = (const char *)&lineage->ancestors[lineage->count];
	struct process moved[CALLERD_ANCESTORS_MAX];

	if (lineage->count != count ||
	    lineage->shared.size != sizeof(*lineage) + ancestors_size + size ||
	    memcmp(own, text, size) != 0)
		return false;
	memcpy(moved, ancestors, ancestors_size);
	rebase_ancestors(moved, count, text, own);
	return !memcmp(moved, lineage->ancestors, ancestors_size);
}

static uint64_t hash_ancestors(const struct process *ancestors, unsigned int count,
			       const char *text, size_t size)
{
	struct process bare[CALLERD_ANCESTORS_MAX];

	memcpy(bare, ancestors, count * sizeof(*bare));
	rebase_ancestors(bare, count, text, NULL);
	return hash_add_fast(hash_add_fast(count, bare, count * sizeof(*bare)), text, size);
}

struct lineage *caller_lineage_new(const struct process *ancestors, unsigned int count,
				   const char *text, size_t size)
{
	uint64_t hash = hash_ancestors(ancestors, count, text, size);
	struct lineage *lineage = (struct lineage *)caller_find(lineages, hash);
	size_t ancestors_size = count * sizeof(*ancestors);
	size_t whole = sizeof(*lineage) + ancestors_size + size;

	if (lineage && is_lineage(lineage, ancestors, count, text, size)) {
		lineage->shared.references++;
		return lineage;
	}
	lineage = malloc(whole);
	if (!lineage)
		return NULL;
	lineage->count = count;
	memcpy(lineage->ancestors, ancestors, ancestors_size);
	memcpy(&lineage->ancestors[count], text, size);
	rebase_ancestors(lineage->ancestors, count, text, (char *)&lineage->ancestors[count]);
	caller_enter(&lineages, &lineage->shared, hash, whole);
	return lineage;
}

void caller_lineage_unref(struct lineage *lineage)
{
	if (lineage && caller_leave(&lineage->shared))
		free(lineage);
}

/* Whether CALLER has the content of DRAFT. They are compared after the pointers of DRAFT's texts
 * are moved to where the texts of CALLER lie. */
static bool is_caller(const struct caller *caller, const struct caller *draft, const char *text,
		      size_t size)
{
	const char *own = (const char *)(caller + 1);
	struct caller moved;

	if (caller->shared.size != sizeof(*caller) + size || memcmp(own, text, size) != 0)
		return false;
	memcpy(&moved, draft, sizeof(moved));
	rebase_caller(&moved, text, own);
	return !memcmp((char *)&moved + CALLER_CONTENT, (char *)caller + CALLER_CONTENT,
		       sizeof(moved) - CALLER_CONTENT);
}

static uint64_t hash_caller(const struct caller *draft, const char *text, size_t size)
{
	struct caller bare;

	memcpy(&bare, draft, sizeof(bare));
	rebase_caller(&bare, text, NULL);
	return hash_add_fast(
		hash_add_fast(0, (char *)&bare + CALLER_CONTENT, sizeof(bare) - CALLER_CONTENT),
		text, size);
}

/* Copies DRAFT and its texts to one piece of memory. The copy takes over the reference to the
 * lineage. */
static struct caller *copy_caller(const struct caller *draft, const char *text, size_t size,
				  uint64_t hash)
{
	struct caller *caller = malloc(sizeof(*caller) + size);

	if (!caller)
		return NULL;
	memcpy(caller, draft, sizeof(*caller));
	memcpy(caller + 1, text, size);
	rebase_caller(caller, text, (char *)(caller + 1));
	caller_enter(&callers, &caller->shared, hash, sizeof(*caller) + size);
	return caller;
}

struct caller *caller_new(const struct caller *draft, struct lineage *lineage, const char *text,
			  size_t size)
{
	struct caller *caller, whole;
	uint64_t hash;

	memcpy(&whole, draft, sizeof(whole));
	whole.lineage = lineage;
	whole.ancestor_count = lineage ? lineage->count : 0;
	whole.ancestors = lineage ? lineage->ancestors : NULL;
	hash = hash_caller(&whole, text, size);
	caller = (struct caller *)caller_find(callers, hash);
	if (caller && is_caller(caller, &whole, text, size))
		caller_ref(caller);
	else
		caller = copy_caller(&whole, text, size, hash);
	/* an equal caller has its own reference to the lineage */
	if (!caller || caller->shared.references > 1)
		caller_lineage_unref(lineage);
	return caller;
}

struct caller *caller_ref(struct caller *caller)
{
	if (caller)
		caller->shared.references++;
	return caller;
}

struct caller *caller_unref(struct caller *caller)
{
	if (!caller || !caller_leave(&caller->shared))
		return NULL;
	caller_lineage_unref(caller->lineage);
	free(caller);
	return NULL;
}

unsigned int caller_program_depth(const struct caller *caller)
{
	struct bytes program = caller->process.executable;
	unsigned int depth = 0;

	while (program.size && depth < caller->ancestor_count &&
	       bytes_equal(caller->ancestors[depth].executable, program))
		depth++;
	return depth;
}

struct caller *caller_in_public(const struct caller *caller)
{
	const struct lineage *lineage = caller->lineage;
	struct process ancestors[CALLERD_ANCESTORS_MAX];
	struct lineage *public = NULL;
	struct caller draft;

	if (lineage) {
		const char *text = (const char *)&lineage->ancestors[lineage->count];
		size_t size = lineage->count * sizeof(*ancestors);

		memcpy(ancestors, lineage->ancestors, size);
		for (unsigned int i = 0; i < lineage->count; i++) {
			ancestors[i].args = (struct bytes){0};
			ancestors[i].args_truncated = false;
		}
		public = caller_lineage_new(ancestors, lineage->count, text,
					    lineage->shared.size - sizeof(*lineage) - size);
		if (!public)
			return NULL;
	}
	memcpy(&draft, caller, sizeof(draft));
	draft.process.args = draft.working_directory = draft.environment = (struct bytes){0};
	draft.process.args_truncated = draft.environment_truncated = false;
	draft.environment_pid = 0;
	return caller_new(&draft, public, (const char *)(caller + 1),
			  caller->shared.size - sizeof(*caller));
}

void caller_add_content(const struct caller *caller, struct text *out)
{
	const struct lineage *lineage = caller->lineage;
	struct process bare_ancestors[CALLERD_ANCESTORS_MAX];
	size_t ancestors = lineage ? lineage->count * sizeof(*bare_ancestors) : 0;
	struct caller bare;

	memcpy(&bare, caller, sizeof(bare));
	rebase_caller(&bare, NULL, NULL);
	bare.tid = 0;
	bare.lineage = NULL;
	bare.ancestors = NULL;
	text_add(out, (char *)&bare + CALLER_CONTENT, sizeof(bare) - CALLER_CONTENT);
	text_add(out, (const char *)(caller + 1), caller->shared.size - sizeof(*caller));
	if (!lineage)
		return;
	memcpy(bare_ancestors, lineage->ancestors, ancestors);
	rebase_ancestors(bare_ancestors, lineage->count, NULL, NULL);
	text_add(out, (char *)bare_ancestors, ancestors);
	text_add(out, (const char *)&lineage->ancestors[lineage->count],
		 lineage->shared.size - sizeof(*lineage) - ancestors);
}

/* --- images ----------------------------------------------------------------------------------- */

static bool same_bytes(struct bytes a, struct bytes b)
{
	if (!a.data || !b.data)
		return !a.data && !b.data;
	return a.size == b.size && !memcmp(a.data, b.data, a.size);
}

bool caller_same_user(const struct caller *a, const struct caller *b)
{
	if (a == b)
		return a;
	if (!a || !b || a->basis == CALLER_FROM_PEER || b->basis == CALLER_FROM_PEER)
		return false;
	return a->uid == b->uid && a->process.euid == b->process.euid &&
	       a->login_uid == b->login_uid && a->user_ns == b->user_ns &&
	       bytes_equal(caller_container_id(a), caller_container_id(b)) &&
	       (a->login_uid != CALLERD_UNSET_ID || bytes_equal(a->cgroup, b->cgroup));
}

bool caller_same_image(const struct caller *a, const struct caller *b)
{
	if (a == b)
		return true;
	if (!a || !b || !a->process.pid || a->process.pid != b->process.pid ||
	    a->process.start != b->process.start)
		return false;
	/* A peer's executable and arguments were read from /proc later: they need not be of the
	 * same image. */
	if (a->process.start && (a->basis == CALLER_FROM_PEER || b->basis == CALLER_FROM_PEER))
		return true;
	return same_bytes(a->process.executable, b->process.executable) &&
	       same_bytes(a->process.args, b->process.args);
}

/* --- cgroup paths ----------------------------------------------------------------------------- */

static bool is_lower_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool ends_with(struct bytes bytes, const char *ending)
{
	size_t size = strlen(ending);

	return bytes.size >= size && !memcmp(bytes.data + bytes.size - size, ending, size);
}

/*
 * The container's id in the name of one cgroup directory. Known spellings: ID (docker, kubepods),
 * docker-ID.scope, libpod-ID.scope, libpod-ID, cri-containerd-ID.scope, crio-ID.scope,
 * system.slice:docker:ID. Monitors (libpod-conmon-ID.scope, crio-conmon-ID.scope) run beside the
 * container, not in it.
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

/* Takes the first component off *PATH. False: there is none. */
static bool first_component(struct bytes *path, struct bytes *ret_name)
{
	const char *slash;

	while (path->size && *path->data == '/')
		*path = bytes_from(*path, 1);
	if (!path->size)
		return false;
	slash = memchr(path->data, '/', path->size);
	ret_name->data = path->data;
	ret_name->size = slash ? (size_t)(slash - path->data) : path->size;
	*path = bytes_from(*path, ret_name->size);
	return true;
}

/* The ids of containers in PATH. */
struct found {
	unsigned int count;
	struct bytes id; /* the last id, and the component that it stands in */
	struct bytes name;
};

static struct found find_containers(struct bytes path)
{
	struct found found = {0};
	struct bytes name, id, parent = {0};

	for (; first_component(&path, &name); parent = name) {
		id = container_id(name);
		/* A directory ID in libpod_parent is Podman's cgroup of a pod, not of a
		 * container. */
		if (!id.data ||
		    (id.size == name.size && bytes_equal(parent, bytes_of("libpod_parent"))))
			continue;
		found.count++;
		found.id = id;
		found.name = name;
	}
	return found;
}

static struct bytes proven_cgroup(const struct caller *caller)
{
	struct bytes path = caller->cgroup;

	path.size -= caller->cgroup_claimed < path.size ? caller->cgroup_claimed : path.size;
	return path;
}

struct bytes caller_container_id(const struct caller *caller)
{
	struct found found = find_containers(proven_cgroup(caller));

	return found.count == 1 ? found.id : (struct bytes){0};
}

struct bytes caller_claimed_container_id(const struct caller *caller)
{
	struct bytes proven = proven_cgroup(caller);

	return find_containers(bytes_from(caller->cgroup, proven.size)).id;
}

bool caller_may_be_contained(const struct caller *caller)
{
	struct bytes path = caller->cgroup;

	return !path.size || *path.data != '/' || find_containers(path).count;
}

/* 0f1e2d3c_0000_1111_2222_333344445555 */
static bool is_pod_uid(struct bytes name)
{
	if (name.size != 36)
		return false;
	for (size_t i = 0; i < name.size; i++) {
		bool gap = i == 8 || i == 13 || i == 18 || i == 23;

		if (gap ? name.data[i] != '_' : !is_lower_hex(name.data[i]))
			return false;
	}
	return true;
}

/* /kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podUID.slice/cri-containerd-ID.scope; those of the class that has no
 * name are kubepods-podUID.slice. */
bool caller_in_pod(const struct caller *caller, struct bytes *ret_uid)
{
	static const char *const classes[] = {"", "burstable-", "besteffort-"};
	struct bytes path = proven_cgroup(caller), name, slice, uid = {0};
	bool found = false;

	*ret_uid = (struct bytes){0};
	if (!first_component(&path, &name) || !bytes_are(name, "kubepods.slice") ||
	    !first_component(&path, &slice))
		return false;
	if (bytes_are(slice, "kubepods-burstable.slice") ||
	    bytes_are(slice, "kubepods-besteffort.slice"))
		first_component(&path, &slice);
	if (!first_component(&path, &name) ||
	    !(bytes_begin(name, "cri-containerd-") || bytes_begin(name, "crio-")) ||
	    !ends_with(name, ".scope") || !container_id(name).data ||
	    !caller_container_id(caller).data)
		return false;
	for (size_t i = 0; i < COUNT(classes) && !found; i++) {
		char begin[40];

		snprintf(begin, sizeof(begin), "kubepods-%spod", classes[i]);
		found = bytes_begin(slice, begin) && ends_with(slice, ".slice");
		uid = bytes_from(slice, found ? strlen(begin) : 0);
	}
	if (!found)
		return false;
	uid.size -= strlen(".slice");
	if (is_pod_uid(uid))
		*ret_uid = uid;
	return true;
}

/* Whether the directory NAME is a unit of this TYPE. Units' names do not begin with a dot. */
static bool is_unit(struct bytes name, const char *type)
{
	return ends_with(name, type) && name.data[0] != '.';
}

/* systemd puts an underscore before the directory of a unit whose name could be taken for one of
 * the kernel's files. */
static struct bytes unit_name(struct bytes name)
{
	return name.data[0] == '_' ? bytes_from(name, 1) : name;
}

struct bytes caller_unit(const struct caller *caller)
{
	/* the container's directory below the unit that Podman itself runs in */
	static const char payload[] = "libpod-payload-";
	struct bytes path = proven_cgroup(caller), slice = {0}, name;
	struct found found = find_containers(path);
	bool payload_of_unit = found.count == 1 && found.name.size > strlen(payload) &&
			       !memcmp(found.name.data, payload, strlen(payload));

	if (found.count > 1)
		return (struct bytes){0};
	while (first_component(&path, &name)) {
		bool of_container = found.count && name.data == found.name.data;

		name = unit_name(name);
		if (is_unit(name, ".service") || is_unit(name, ".scope"))
			return !found.count || of_container || payload_of_unit ? name
									       : (struct bytes){0};
		if (is_unit(name, ".slice"))
			slice = name;
	}
	return !found.count ? slice : (struct bytes){0};
}

/* --- access ----------------------------------------------------------------------------------- */

bool caller_in_mount_namespace(const struct caller *caller, uint32_t mnt_ns)
{
	return mnt_ns && caller->mnt_ns && caller->mnt_ns != mnt_ns && !caller->boot_id.size;
}

bool caller_in_user_namespace(const struct caller *caller)
{
	return caller->user_ns && caller->user_ns != INITIAL_USER_NS;
}

/* Whether CAP_DAC_OVERRIDE is in the effective set. */
static bool may_override(const struct caller *caller)
{
	return caller->capabilities >> CAP_DAC_OVERRIDE & 1;
}

/* The access of a caller whom the permission bits do not let in: by CAP_DAC_OVERRIDE, if the caller
 * holds it on the host. In another user namespace the capability may or may not count for this
 * node, which is not known here. */
static enum caller_access by_capability(const struct caller *caller, enum caller_access otherwise)
{
	if (!may_override(caller))
		return otherwise;
	return caller_in_user_namespace(caller) ? CALLER_ACCESS_UNKNOWN : CALLER_ACCESS_CAPABILITY;
}

/*
 * Decides as acl_permission_check() and generic_permission() of the kernel do for MAY_WRITE: the
 * owner's bits alone count for the owner; an ACL, where there is one, before the bits of group and
 * others; the capability last. A node with an ACL has the ACL's mask as the group's bits of its
 * mode: the ACL cannot grant what the mask lacks.
 */
enum caller_access caller_access(const struct caller *caller)
{
	uint32_t mode = caller->node_mode;

	if (!caller->has_node)
		return CALLER_ACCESS_UNKNOWN;
	if (!caller->fsuid && may_override(caller) && !caller_in_user_namespace(caller))
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
