// SPDX-License-Identifier: Apache-2.0
#include "docker/known/inventory.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/idtree.h"
#include "base/table.h"
#include "base/utf8.h"
#include "docker/known/reference.h"

#define NAME_MAX_KEPT                                                                              \
	1024 /* bytes; what is longer is no name that a daemon gives, and is not kept */
#define TEXT_MAX_KEPT 4096 /* bytes of any other text, likewise */
#define DETAIL_MAX 512	   /* bytes of a finding's detail, which is cut */
#define COMMAND_MAX 1024   /* bytes of an exec's command */
#define ALIASES_MAX 4096
#define MEMORY_EACH                                                                                \
	1536 /* bytes that an entry may take on average, if all there may be are there */

/* What an entry of any kind begins with. */
struct known_entry {
	struct known_entry *newer, *older; /* by use */
	unsigned int generation;	   /* inventory.generation when it was put last */
	size_t memory;
};

struct inventory;

struct known_kind {
	struct known_entry *newest, *oldest;
	unsigned int count, max;
	size_t memory;
	void (*drop)(struct inventory *inventory, struct known_entry *entry);
};

struct container {
	struct known_entry entry;
	struct id id;
	struct inventory_container view; /* its texts are in .text */
	char *text;
	UT_hash_handle hh; /* by name, where that is known */
	struct alias *aliases;
};

/* Another name of a container, /CONTAINER/NAME for the links of the former. */
struct alias {
	struct known_entry entry;
	UT_hash_handle hh;
	struct container *container;
	struct alias *next; /* of the container */
	size_t size;
	char name[];
};

struct exec {
	struct known_entry entry;
	struct id id;
	struct inventory_exec view;
	char *text;
};

struct volume {
	struct known_entry entry;
	struct inventory_volume view;
	char *text;
	UT_hash_handle hh; /* by name */
};

struct image {
	struct known_entry entry;
	char digest[8]; /* a byte to align what follows, and "sha256:" */
	struct id id;
	struct reference *references;
};

/* A name of an image, in the daemon's familiar form: repository:tag or repository@digest. */
struct reference {
	struct known_entry entry;
	UT_hash_handle hh;
	struct image *image;
	struct reference *next; /* of the image */
	size_t size;
	char name[];
};

struct inventory {
	struct known_kind containers, aliases, execs, volumes, images, references;
	struct idtree containers_by_id, execs_by_id, images_by_id;
	struct container *containers_by_name;
	struct alias *aliases_by_name;
	struct volume *volumes_by_name;
	struct reference *references_by_name;
	unsigned int generation;
	bool strict;
};

void inventory_set_strict(struct inventory *inventory, bool strict)
{
	inventory->strict = strict;
}

bool inventory_is_strict(const struct inventory *inventory)
{
	return inventory->strict;
}

/* --- entries ---------------------------------------------------------------------------------- */

static void inventory_link_newest(struct known_kind *kind, struct known_entry *entry)
{
	entry->newer = NULL;
	entry->older = kind->newest;
	*(kind->newest ? &kind->newest->newer : &kind->oldest) = entry;
	kind->newest = entry;
}

static void unlink_entry(struct known_kind *kind, struct known_entry *entry)
{
	*(entry->newer ? &entry->newer->older : &kind->newest) = entry->older;
	*(entry->older ? &entry->older->newer : &kind->oldest) = entry->newer;
}

static void mark_used(struct known_kind *kind, struct known_entry *entry)
{
	if (kind->newest == entry)
		return;
	unlink_entry(kind, entry);
	inventory_link_newest(kind, entry);
}

static void add_entry(struct known_kind *kind, struct known_entry *entry)
{
	inventory_link_newest(kind, entry);
	kind->count++;
}

/* A new entry of KIND, of SIZE bytes, which IDS finds by ID; the struct id is at AT. NULL where there is no memory. */
static void *new_entry(struct known_kind *kind, struct idtree *ids, size_t size, size_t at,
		       struct bytes id)
{
	struct known_entry *entry = calloc(1, size);
	struct id *node = entry ? (struct id *)((char *)entry + at) : NULL;

	assert(id.size == ID_DIGITS);
	if (!entry)
		return NULL;
	memcpy(node->digits, id.data, id.size);
	if (idtree_add(ids, node)) {
		free(entry);
		return NULL;
	}
	add_entry(kind, entry);
	return entry;
}

static void remove_entry(struct known_kind *kind, struct known_entry *entry)
{
	unlink_entry(kind, entry);
	kind->count--;
	kind->memory -= entry->memory;
}

/* ENTRY was put, and takes MEMORY bytes now: the idlest of its kind make room for it. */
static void note_put(struct inventory *inventory, struct known_kind *kind,
		     struct known_entry *entry, size_t memory)
{
	kind->memory += memory - entry->memory;
	entry->memory = memory;
	entry->generation = inventory->generation;
	mark_used(kind, entry);
	while (kind->oldest != entry &&
	       (kind->count > kind->max || kind->memory > (size_t)kind->max * MEMORY_EACH))
		kind->drop(inventory, kind->oldest);
}

/* NEW where it is known and has at most MAX bytes, else OLD. */
static struct bytes inventory_merged(struct bytes old, struct bytes new, size_t max)
{
	return new.data &&new.size <= max ? new : old;
}

static struct bytes pack_text(char **at, struct bytes bytes)
{
	struct bytes kept = {bytes.data ? *at : NULL, bytes.size};

	if (bytes.data)
		memcpy(*at, bytes.data, bytes.size);
	*at += bytes.size;
	return kept;
}

/* To MAX bytes at most, without half a character. */
static struct bytes cut_text(struct bytes text, size_t max)
{
	return (struct bytes){text.data, utf8_fit(text.data, text.size, max)};
}

static unsigned int bounded_count(unsigned int count)
{
	return count < INVENTORY_FINDINGS_MAX ? count : INVENTORY_FINDINGS_MAX;
}

static size_t findings_size(const struct finding *findings, unsigned int count)
{
	size_t size = 0;

	for (unsigned int i = 0; i < bounded_count(count); i++)
		size += cut_text(findings[i].detail, DETAIL_MAX).size;
	return size;
}

static void keep_findings(char **at, struct finding *to, unsigned int *ret_count,
			  const struct finding *from, unsigned int count)
{
	*ret_count = bounded_count(count);
	for (unsigned int i = 0; i < *ret_count; i++) {
		to[i] = from[i];
		to[i].detail = pack_text(at, cut_text(from[i].detail, DETAIL_MAX));
	}
}

/* --- containers ------------------------------------------------------------------------------- */

static struct bytes without_slash(struct bytes name)
{
	return name.size && name.data[0] == '/' ? bytes_from(name, 1) : name;
}

static struct container *container_of_id(struct id *id)
{
	return id ? (void *)((char *)id - offsetof(struct container, id)) : NULL;
}

static struct container *container_by_id(const struct inventory *inventory, struct bytes id)
{
	return idtree_is_id(id) ? container_of_id(idtree_find(&inventory->containers_by_id, id))
				: NULL;
}

static struct container *container_by_name(const struct inventory *inventory, struct bytes name)
{
	struct container *container;
	struct alias *alias;

	HASH_FIND(hh, inventory->containers_by_name, name.data, name.size, container);
	if (container)
		return container;
	HASH_FIND(hh, inventory->aliases_by_name, name.data, name.size, alias);
	return alias ? alias->container : NULL;
}

static struct container *find_container(const struct inventory *inventory, struct bytes key)
{
	struct container *container = container_by_id(inventory, key);
	struct bytes name = without_slash(key);

	if (!container && name.size)
		container = container_by_name(inventory, name);
	return container ?: container_of_id(idtree_find(&inventory->containers_by_id, key));
}

static void drop_alias(struct inventory *inventory, struct known_entry *entry)
{
	struct alias *alias = (struct alias *)entry;
	/* NOLINTNEXTLINE: the analyzer loses track of the lists */
	struct alias **link = &alias->container->aliases;

	while (*link != alias)
		link = &(*link)->next;
	*link = alias->next;
	HASH_DEL(inventory->aliases_by_name, alias);
	remove_entry(&inventory->aliases, entry);
	free(alias);
}

/* Whether ALIAS is /NAME/…, given to another container for the links of the one called NAME. */
static bool alias_of(const struct alias *alias, struct bytes name)
{
	return name.size && alias->size > name.size && alias->name[name.size] == '/' &&
	       !memcmp(alias->name, name.data, name.size);
}

static int add_alias(struct inventory *inventory, struct container *container, struct bytes first,
		     struct bytes last)
{
	size_t size = first.size + last.size;
	struct alias *alias = calloc(1, sizeof(*alias) + size);
	char *at;

	if (!alias)
		return -ENOMEM;
	at = alias->name;
	pack_text(&at, first);
	pack_text(&at, last);
	alias->size = size;
	alias->container = container;
	HASH_ADD_KEYPTR(hh, inventory->aliases_by_name, alias->name, alias->size, alias);
	if (!alias->hh.tbl) {
		free(alias);
		return -ENOMEM;
	}
	alias->next = container->aliases;
	container->aliases = alias;
	add_entry(&inventory->aliases, &alias->entry);
	note_put(inventory, &inventory->aliases, &alias->entry, sizeof(*alias) + size);
	return 0;
}

/* The container OLD is called NEW now (empty: is no more), and so are its links. */
static void rename_aliases(struct inventory *inventory, struct bytes old, struct bytes new)
{
	struct known_entry *entry = inventory->aliases.newest, *older;

	for (; entry; entry = older) {
		struct alias *alias = (struct alias *)entry;
		struct container *container = alias->container;
		char tail[NAME_MAX_KEPT];
		size_t size = alias->size - old.size;

		older = entry->older;
		if (!alias_of(alias, old))
			continue;
		memcpy(tail, alias->name + old.size, size);
		drop_alias(inventory, entry); /* first, so that the new one pushes none out */
		if (new.size &&new.size + size <= NAME_MAX_KEPT)
			add_alias(inventory, container, new, (struct bytes){tail, size});
	}
}

static void inventory_forget_name(struct inventory *inventory, struct container *container)
{
	if (container->view.name.size)
		HASH_DEL(inventory->containers_by_name, container);
	container->view.name = (struct bytes){};
}

static void drop_container(struct inventory *inventory, struct known_entry *entry)
{
	struct container *container = (struct container *)entry;

	rename_aliases(inventory, container->view.name, (struct bytes){});
	while (container->aliases)
		drop_alias(inventory, &container->aliases->entry);
	inventory_forget_name(inventory, container);
	idtree_remove(&inventory->containers_by_id, &container->id);
	remove_entry(&inventory->containers, entry);
	free(container->text);
	free(container);
}

static struct container *add_container(struct inventory *inventory, struct bytes id)
{
	struct container *container =
		new_entry(&inventory->containers, &inventory->containers_by_id, sizeof(*container),
			  offsetof(struct container, id), id);

	if (container)
		container->view.id = (struct bytes){container->id.digits, ID_DIGITS};
	return container;
}

/* Gives CONTAINER's present name to it alone. */
static int take_name(struct inventory *inventory, struct container *container, struct bytes name)
{
	struct container *other;

	if (!name.size)
		return 0;
	HASH_FIND(hh, inventory->containers_by_name, name.data, name.size, other);
	if (other)
		inventory_forget_name(inventory, other);
	HASH_ADD_KEYPTR(hh, inventory->containers_by_name, name.data, name.size, container);
	if (!container->hh.tbl)
		return -ENOMEM;
	container->view.name = name;
	return 0;
}

static bool inventory_has_finding(const struct inventory_container *container,
				  const struct finding *finding)
{
	for (unsigned int i = 0; i < container->finding_count; i++)
		if (container->findings[i].id == finding->id &&
		    bytes_equal(container->findings[i].detail, finding->detail))
			return true;
	return false;
}

static void inventory_add_finding(struct inventory_container *container,
				  const struct finding *finding)
{
	struct finding *place = &container->findings[container->finding_count];

	if (inventory_has_finding(container, finding))
		return;
	if (container->finding_count < INVENTORY_FINDINGS_MAX) {
		container->finding_count++;
	} else {
		place = container->findings;
		for (unsigned int i = 1; i < INVENTORY_FINDINGS_MAX; i++)
			if (container->findings[i].severity < place->severity)
				place = &container->findings[i];
		if (place->severity >= finding->severity)
			return;
	}
	*place = *finding;
	place->detail = cut_text(finding->detail, DETAIL_MAX);
}

/* The findings that a container has once NEW is put: what its creator asked for stays, and what its mounts are now
 * counts as well. */
static void choose_findings(struct inventory_container *to, const struct inventory_container *old,
			    const struct inventory_container *new)
{
	bool judged = new->witnessed || (!old->witnessed && (new->inspected || new->finding_count));
	const struct inventory_container *from = judged ? new : old;

	to->finding_count = bounded_count(from->finding_count);
	memcpy(to->findings, from->findings, to->finding_count * sizeof(*to->findings));
	for (unsigned int i = 0; !judged && i < bounded_count(new->finding_count); i++)
		if (finding_is_mount(new->findings[i].id))
			inventory_add_finding(to, &new->findings[i]);
}

static int fill_container(struct inventory *inventory, struct container *container,
			  const struct inventory_container *new)
{
	const struct inventory_container *old = &container->view;
	struct inventory_container chosen;
	const struct inventory_container *findings = &chosen;
	struct inventory_container view = {
		.id = old->id,
		.image = inventory_merged(old->image, new->image, TEXT_MAX_KEPT),
		.image_id = inventory_merged(old->image_id, new->image_id, TEXT_MAX_KEPT),
		.user = inventory_merged(old->user, new->user, TEXT_MAX_KEPT),
		.labels = inventory_merged(old->labels, new->labels, TEXT_MAX_KEPT),
		.joins = inventory_merged(old->joins, new->joins, TEXT_MAX_KEPT),
		.places = inventory_merged(old->places, new->places, TEXT_MAX_KEPT),
		.more = old->more || new->more,
		.inspected = old->inspected || new->inspected,
		.witnessed = old->witnessed || new->witnessed,
	};
	struct bytes name = inventory_merged(old->name, without_slash(new->name), NAME_MAX_KEPT);
	size_t size;
	char *text, *at;

	choose_findings(&chosen, old, new);
	size = name.size + view.image.size + view.image_id.size + view.user.size +
	       view.labels.size + view.joins.size + view.places.size +
	       findings_size(findings->findings, findings->finding_count);
	text = at = malloc(size + 1);
	if (!text)
		return -ENOMEM;
	name = pack_text(&at, name);
	view.image = pack_text(&at, view.image);
	view.image_id = pack_text(&at, view.image_id);
	view.user = pack_text(&at, view.user);
	view.labels = pack_text(&at, view.labels);
	view.joins = pack_text(&at, view.joins);
	view.places = pack_text(&at, view.places);
	keep_findings(&at, view.findings, &view.finding_count, findings->findings,
		      findings->finding_count);
	if (old->name.size && !bytes_equal(old->name, name))
		rename_aliases(inventory, old->name, name);
	inventory_forget_name(inventory, container);
	free(container->text);
	container->text = text;
	container->view = view;
	note_put(inventory, &inventory->containers, &container->entry, sizeof(*container) + size);
	return take_name(inventory, container, name);
}

int inventory_put_container(struct inventory *inventory, const struct inventory_container *new)
{
	struct container *container = container_by_id(inventory, new->id);
	bool added = !container;
	int error;

	if (!idtree_is_id(new->id))
		return -EINVAL;
	if (added)
		container = add_container(inventory, new->id);
	if (!container)
		return -ENOMEM;
	error = fill_container(inventory, container, new);
	if (error && added)
		drop_container(inventory, &container->entry);
	return error;
}

int inventory_add_findings(struct inventory *inventory, struct bytes id,
			   const struct finding *findings, unsigned int count)
{
	const struct container *container = container_by_id(inventory, id);
	struct inventory_container more;

	if (!container)
		return 0;
	more = container->view;
	for (unsigned int i = 0; i < count; i++)
		inventory_add_finding(&more, &findings[i]);
	return inventory_put_container(inventory, &more);
}

int inventory_rename_container(struct inventory *inventory, struct bytes id, struct bytes name)
{
	struct inventory_container container = {.id = id, .name = name};

	return container_by_id(inventory, id) ? inventory_put_container(inventory, &container) : 0;
}

int inventory_alias_container(struct inventory *inventory, struct bytes id, struct bytes name)
{
	struct container *container = container_by_id(inventory, id);
	struct alias *alias;

	name = without_slash(name);
	if (!container || !name.size || name.size > NAME_MAX_KEPT)
		return 0;
	HASH_FIND(hh, inventory->aliases_by_name, name.data, name.size, alias);
	if (alias && alias->container == container) {
		note_put(inventory, &inventory->aliases, &alias->entry, alias->entry.memory);
		return 0;
	}
	if (alias)
		drop_alias(inventory, &alias->entry);
	return add_alias(inventory, container, name, (struct bytes){});
}

void inventory_remove_container(struct inventory *inventory, struct bytes id)
{
	struct container *container = container_by_id(inventory, id);

	if (container)
		drop_container(inventory, &container->entry);
}

const struct inventory_container *inventory_container(struct inventory *inventory, struct bytes key)
{
	struct container *container = find_container(inventory, key);

	if (!container)
		return NULL;
	mark_used(&inventory->containers, &container->entry);
	return &container->view;
}

/* --- execs ------------------------------------------------------------------------------------ */

static struct exec *find_exec(const struct inventory *inventory, struct bytes id)
{
	struct id *found = idtree_is_id(id) ? idtree_find(&inventory->execs_by_id, id) : NULL;

	return found ? (void *)((char *)found - offsetof(struct exec, id)) : NULL;
}

static void drop_exec(struct inventory *inventory, struct known_entry *entry)
{
	struct exec *exec = (struct exec *)entry;

	idtree_remove(&inventory->execs_by_id, &exec->id);
	remove_entry(&inventory->execs, entry);
	free(exec->text);
	free(exec);
}

static struct exec *add_exec(struct inventory *inventory, struct bytes id)
{
	struct exec *exec = new_entry(&inventory->execs, &inventory->execs_by_id, sizeof(*exec),
				      offsetof(struct exec, id), id);

	if (exec)
		exec->view.id = (struct bytes){exec->id.digits, ID_DIGITS};
	return exec;
}

static int fill_exec(struct inventory *inventory, struct exec *exec,
		     const struct inventory_exec *new)
{
	const struct inventory_exec *old = &exec->view;
	const struct inventory_exec *findings = new->finding_count ? new : old;
	struct inventory_exec view = {
		.id = old->id,
		.container_id =
			inventory_merged(old->container_id, new->container_id, NAME_MAX_KEPT),
		.command = inventory_merged(old->command, cut_text(new->command, COMMAND_MAX),
					    COMMAND_MAX),
	};
	size_t size = view.container_id.size + view.command.size +
		      findings_size(findings->findings, findings->finding_count);
	char *text = malloc(size + 1), *at = text;

	if (!text)
		return -ENOMEM;
	view.container_id = pack_text(&at, view.container_id);
	view.command = pack_text(&at, view.command);
	keep_findings(&at, view.findings, &view.finding_count, findings->findings,
		      findings->finding_count);
	free(exec->text);
	exec->text = text;
	exec->view = view;
	note_put(inventory, &inventory->execs, &exec->entry, sizeof(*exec) + size);
	return 0;
}

int inventory_put_exec(struct inventory *inventory, const struct inventory_exec *new)
{
	struct exec *exec = find_exec(inventory, new->id);
	bool added = !exec;
	int error;

	if (!idtree_is_id(new->id))
		return -EINVAL;
	if (added)
		exec = add_exec(inventory, new->id);
	if (!exec)
		return -ENOMEM;
	error = fill_exec(inventory, exec, new);
	if (error && added)
		drop_exec(inventory, &exec->entry);
	return error;
}

const struct inventory_exec *inventory_exec(struct inventory *inventory, struct bytes id)
{
	struct exec *exec = find_exec(inventory, id);

	if (!exec)
		return NULL;
	mark_used(&inventory->execs, &exec->entry);
	return &exec->view;
}

/* --- volumes ---------------------------------------------------------------------------------- */

static struct volume *find_volume(const struct inventory *inventory, struct bytes name)
{
	struct volume *volume = NULL;

	if (name.size)
		HASH_FIND(hh, inventory->volumes_by_name, name.data, name.size, volume);
	return volume;
}

static void drop_volume(struct inventory *inventory, struct known_entry *entry)
{
	struct volume *volume = (struct volume *)entry;

	/* NOLINTNEXTLINE: the analyzer loses track of the lists */
	HASH_DEL(inventory->volumes_by_name, volume);
	remove_entry(&inventory->volumes, entry);
	free(volume->text);
	free(volume);
}

/* The name of a volume never changes, but it moves with the other texts. */
static int fill_volume(struct inventory *inventory, struct volume *volume, struct bytes name,
		       const struct inventory_volume *new)
{
	struct bytes driver = inventory_merged(volume->view.driver, new->driver, TEXT_MAX_KEPT);
	struct bytes host_path =
		inventory_merged(volume->view.host_path, new->host_path, TEXT_MAX_KEPT);
	size_t size = name.size + driver.size + host_path.size;
	char *text = malloc(size + 1), *at = text;
	bool known = volume->hh.tbl;

	if (!text) {
		if (!known)
			free(volume);
		return -ENOMEM;
	}
	if (known)
		HASH_DEL(inventory->volumes_by_name, volume);
	name = (struct bytes){text, pack_text(&at, name).size};
	driver = pack_text(&at, driver);
	host_path = host_path.size ? pack_text(&at, host_path) : (struct bytes){};
	free(volume->text);
	volume->text = text;
	volume->view = (struct inventory_volume){name, driver, host_path};
	volume->hh.tbl = NULL;
	/* NOLINTNEXTLINE: the analyzer does not see what was written there */
	HASH_ADD_KEYPTR(hh, inventory->volumes_by_name, name.data, name.size, volume);
	if (!volume->hh.tbl) {
		if (known)
			remove_entry(&inventory->volumes, &volume->entry);
		free(text);
		free(volume);
		return -ENOMEM;
	}
	if (!known)
		add_entry(&inventory->volumes, &volume->entry);
	note_put(inventory, &inventory->volumes, &volume->entry, sizeof(*volume) + size);
	return 0;
}

int inventory_put_volume(struct inventory *inventory, const struct inventory_volume *new)
{
	struct volume *volume = find_volume(inventory, new->name);

	if (!new->name.size || new->name.size > NAME_MAX_KEPT)
		return -EINVAL;
	volume = volume ?: calloc(1, sizeof(*volume));
	return volume ? fill_volume(inventory, volume, new->name, new) : -ENOMEM;
}

void inventory_remove_volume(struct inventory *inventory, struct bytes name)
{
	struct volume *volume = find_volume(inventory, name);

	if (volume)
		drop_volume(inventory, &volume->entry);
}

const struct inventory_volume *inventory_volume(struct inventory *inventory, struct bytes name)
{
	struct volume *volume = find_volume(inventory, name);

	if (!volume)
		return NULL;
	mark_used(&inventory->volumes, &volume->entry);
	return &volume->view;
}

/* --- images ----------------------------------------------------------------------------------- */

static struct image *image_of_id(struct id *id)
{
	return id ? (void *)((char *)id - offsetof(struct image, id)) : NULL;
}

static struct image *image_by_id(const struct inventory *inventory, struct bytes id)
{
	return idtree_is_id(id) ? image_of_id(idtree_find(&inventory->images_by_id, id)) : NULL;
}

static struct reference *find_reference(const struct inventory *inventory, struct bytes name)
{
	char text[REFERENCE_SIZE];
	size_t size = reference_familiar(name, text);
	struct reference *reference = NULL;

	if (size)
		HASH_FIND(hh, inventory->references_by_name, text, size, reference);
	return reference;
}

static void drop_reference(struct inventory *inventory, struct known_entry *entry)
{
	struct reference *reference = (struct reference *)entry;
	/* NOLINTNEXTLINE: the analyzer loses track of the lists */
	struct reference **link = &reference->image->references;

	while (*link != reference)
		link = &(*link)->next;
	*link = reference->next;
	HASH_DEL(inventory->references_by_name, reference);
	remove_entry(&inventory->references, entry);
	free(reference);
}

static void drop_image(struct inventory *inventory, struct known_entry *entry)
{
	struct image *image = (struct image *)entry;

	while (image->references)
		drop_reference(inventory, &image->references->entry);
	idtree_remove(&inventory->images_by_id, &image->id);
	remove_entry(&inventory->images, entry);
	free(image);
}

static int add_reference(struct inventory *inventory, struct image *image, struct bytes name)
{
	char text[REFERENCE_SIZE];
	size_t size = reference_familiar(name, text);
	struct reference *reference;

	if (!size)
		return 0;
	reference = calloc(1, sizeof(*reference) + size);
	if (!reference)
		return -ENOMEM;
	memcpy(reference->name, text, size);
	reference->size = size;
	reference->image = image;
	HASH_ADD_KEYPTR(hh, inventory->references_by_name, reference->name, size, reference);
	if (!reference->hh.tbl) {
		free(reference);
		return -ENOMEM;
	}
	reference->next = image->references;
	image->references = reference;
	add_entry(&inventory->references, &reference->entry);
	note_put(inventory, &inventory->references, &reference->entry, sizeof(*reference) + size);
	return 0;
}

static int put_reference(struct inventory *inventory, struct image *image, struct bytes name)
{
	struct reference *reference = find_reference(inventory, name);

	if (bytes_begin(name, "<none>")) /* how the list says that there is none */
		return 0;
	if (reference && reference->image == image) {
		note_put(inventory, &inventory->references, &reference->entry,
			 reference->entry.memory);
		return 0;
	}
	if (reference)
		drop_reference(inventory, &reference->entry);
	return add_reference(inventory, image, name);
}

static struct image *add_image(struct inventory *inventory, struct bytes id)
{
	struct image *image = new_entry(&inventory->images, &inventory->images_by_id,
					sizeof(*image), offsetof(struct image, id), id);

	if (image)
		memcpy(image->digest + 1, REFERENCE_DIGEST, strlen(REFERENCE_DIGEST));
	return image;
}

int inventory_put_image(struct inventory *inventory, struct bytes id, struct bytes reference)
{
	struct image *image;

	id = reference_bare_id(id);
	if (!idtree_is_id(id))
		return -EINVAL;
	image = image_by_id(inventory, id) ?: add_image(inventory, id);
	if (!image)
		return -ENOMEM;
	note_put(inventory, &inventory->images, &image->entry, sizeof(*image));
	return reference.size ? put_reference(inventory, image, reference) : 0;
}

void inventory_remove_image(struct inventory *inventory, struct bytes name)
{
	struct image *image = image_by_id(inventory, reference_bare_id(name));
	struct reference *reference = image ? NULL : find_reference(inventory, name);

	if (image)
		drop_image(inventory, &image->entry);
	if (reference)
		drop_reference(inventory, &reference->entry);
}

struct bytes inventory_image(struct inventory *inventory, struct bytes name)
{
	struct bytes id = reference_bare_id(name);
	struct image *image = image_by_id(inventory, id);
	struct reference *reference = idtree_is_id(id) ? NULL : find_reference(inventory, name);

	if (reference) {
		mark_used(&inventory->references, &reference->entry);
		image = reference->image;
	}
	image = image ?: image_of_id(idtree_find(&inventory->images_by_id, id));
	if (!image)
		return (struct bytes){};
	mark_used(&inventory->images, &image->entry);
	return (struct bytes){(char *)image + offsetof(struct image, digest) + 1,
			      strlen(REFERENCE_DIGEST) + ID_DIGITS};
}

/* --- all of it -------------------------------------------------------------------------------- */

int inventory_new(unsigned int max, struct inventory **ret)
{
	struct inventory *inventory = calloc(1, sizeof(*inventory));

	if (!inventory)
		return -ENOMEM;
	inventory->containers = (struct known_kind){.max = max, .drop = drop_container};
	inventory->aliases = (struct known_kind){.max = ALIASES_MAX, .drop = drop_alias};
	inventory->execs = (struct known_kind){.max = max, .drop = drop_exec};
	inventory->volumes = (struct known_kind){.max = max, .drop = drop_volume};
	inventory->images = (struct known_kind){.max = max, .drop = drop_image};
	inventory->references = (struct known_kind){.max = max, .drop = drop_reference};
	*ret = inventory;
	return 0;
}

void inventory_free(struct inventory *inventory)
{
	if (!inventory)
		return;
	while (inventory->containers.oldest)
		drop_container(inventory, inventory->containers.oldest);
	while (inventory->execs.oldest)
		drop_exec(inventory, inventory->execs.oldest);
	while (inventory->volumes.oldest)
		/* NOLINTNEXTLINE: the analyzer loses track of the lists */
		drop_volume(inventory, inventory->volumes.oldest);
	while (inventory->images.oldest)
		drop_image(inventory, inventory->images.oldest);
	free(inventory);
}

void inventory_sweep(struct inventory *inventory)
{
	inventory->generation++;
}

static void drop_unlisted(struct inventory *inventory, struct known_kind *kind)
{
	struct known_entry *entry = kind->newest, *older;

	/* Dropping an entry drops no other one of its kind, but for aliases, which are swept first. */
	for (; entry; entry = older) {
		older = entry->older;
		if (entry->generation != inventory->generation)
			kind->drop(inventory, entry);
	}
}

/* No list shows execs: they go with their containers. */
static void drop_orphans(struct inventory *inventory)
{
	struct known_entry *entry = inventory->execs.newest, *older;

	for (; entry; entry = older) {
		struct exec *exec = (struct exec *)entry;

		older = entry->older;
		if (!find_container(inventory, exec->view.container_id))
			drop_exec(inventory, entry);
	}
}

void inventory_swept(struct inventory *inventory)
{
	drop_unlisted(inventory, &inventory->aliases);
	drop_unlisted(inventory, &inventory->containers);
	drop_unlisted(inventory, &inventory->volumes);
	drop_unlisted(inventory, &inventory->references);
	drop_unlisted(inventory, &inventory->images);
	drop_orphans(inventory);
}

size_t inventory_memory(const struct inventory *inventory)
{
	return sizeof(*inventory) + inventory->containers.memory + inventory->aliases.memory +
	       inventory->execs.memory + inventory->volumes.memory + inventory->images.memory +
	       inventory->references.memory;
}
