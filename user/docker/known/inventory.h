/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one engine has: containers, execs, images, volumes, as far as it is known from responses seen and
 * from what the agent asked it. Names and the beginnings of ids resolve to full ids here, and a
 * container's findings at its creation are kept for whoever starts it later.
 *
 * Bounded, in entries of each kind and in memory: the entry that was used longest ago goes. No I/O.
 */
#ifndef CALLERD_INVENTORY_H
#define CALLERD_INVENTORY_H

#include "base/bytes.h"
#include "record/finding.h"

#define INVENTORY_FINDINGS_MAX 16 /* kept of one container, the gravest first */

struct inventory;

/* What is known of a container; data NULL and 0 where it is not. All owned by the inventory. */
struct inventory_container {
	struct bytes id;       /* 64 hex digits */
	struct bytes name;     /* without the slash */
	struct bytes image;    /* as its creator asked for it */
	struct bytes image_id; /* sha256:… */
	struct bytes user;     /* that its processes run as by default, as it was asked for */
	struct bytes labels;   /* as labels_packed() has them; size 0: it has none that are kept */
	struct finding findings[INVENTORY_FINDINGS_MAX];
	unsigned int finding_count;
	/* What it depends on and others may change: other containers' namespaces and volumes that it joins, paths
	 * of the host that are mounted in it (packed.h, as judge.h has them); and whether there are more. */
	struct bytes joins, places;
	bool more;
	bool inspected; /* all of the above is as the engine has it */
	bool witnessed; /* its findings are those of the request that created it: the engine adds its own
			 * defaults to what it tells later */
};

/* Whether anybody found out what CONTAINER may do. */
static inline bool inventory_container_judged(const struct inventory_container *container)
{
	return container->inspected || container->witnessed || container->finding_count;
}

struct inventory_exec {
	struct bytes id;	   /* 64 hex digits */
	struct bytes container_id; /* full, where it is known, else as named */
	struct bytes
		command; /* as a shell would take it, without secrets; the beginning of a long one */
	struct finding findings[INVENTORY_FINDINGS_MAX];
	unsigned int finding_count;
};

struct inventory_volume {
	struct bytes name;
	struct bytes driver;
	/* That its options stand for. Put with data NULL: not known, an earlier one stays; with size 0: there
	 * is none. Read: data NULL where none is known. */
	struct bytes host_path;
};

/* MAX: entries of each kind. 0 or -ENOMEM. Free with inventory_free(). */
int inventory_new(unsigned int max, struct inventory **ret);
void inventory_free(struct inventory *inventory);

/* Puts a container there, or replaces what was known of it by its id; fields of *CONTAINER that are unknown
 * keep their old values, and so do its findings where it has none and is not .inspected; those that were witnessed
 * stay in any case, but that mounts may be added which are found when it is inspected. What is longer than
 * any daemon allows counts as unknown; details of findings are cut. A name that another one had is its
 * own now. Copies. 0, -EINVAL (no id of 64 lower-case hex digits, a volume without a name) or -ENOMEM. */
int inventory_put_container(struct inventory *inventory,
			    const struct inventory_container *container);
/* Adds to what is found of a container, by full id; of too many the gravest stay. 0 or -ENOMEM. */
int inventory_add_findings(struct inventory *inventory, struct bytes id,
			   const struct finding *findings, unsigned int count);
int inventory_put_exec(struct inventory *inventory, const struct inventory_exec *exec);
int inventory_put_volume(struct inventory *inventory, const struct inventory_volume *volume);
/* ID with or without sha256:. REFERENCE is any name of the image: repository:tag, repository@digest; data NULL:
 * it has none. <none>:<none> is none. */
int inventory_put_image(struct inventory *inventory, struct bytes id, struct bytes reference);

/* Both take a full id; they do nothing where no container has it. */
int inventory_rename_container(struct inventory *inventory, struct bytes id, struct bytes name);
void inventory_remove_container(struct inventory *inventory, struct bytes id);

/* Another name of a container, /OTHER/NAME, which it has for the links of the one called OTHER, and which
 * moves and goes with OTHER. */
int inventory_alias_container(struct inventory *inventory, struct bytes id, struct bytes name);

void inventory_remove_volume(struct inventory *inventory, struct bytes name);

/* NAME is a full id: the image goes with all its names. NAME is one of an image's names: that name alone goes. */
void inventory_remove_image(struct inventory *inventory, struct bytes name);

/* By full id, name (with or without its slash) or the beginning of an id, in the daemon's order of
 * precedence. NULL: not known, or more than one id begins so. Valid until the next change; looking
 * something up is none. */
const struct inventory_container *inventory_container(struct inventory *inventory,
						      struct bytes key);
const struct inventory_exec *inventory_exec(struct inventory *inventory, struct bytes id);
const struct inventory_volume *inventory_volume(struct inventory *inventory, struct bytes name);

/* The id of the image that REFERENCE names, as the daemon resolves it: the beginning of an id, with or
 * without sha256:, name, name:tag, docker.io/library/name:tag, name@digest. data NULL: not known. */
struct bytes inventory_image(struct inventory *inventory, struct bytes reference);

/* Whether the engine is known to ignore the host's part of a container where it stands at the top of the body. It is not
 * by default. */
void inventory_set_strict(struct inventory *inventory, bool strict);
bool inventory_is_strict(const struct inventory *inventory);

/* Everything is to be listed anew: what is not put again until inventory_swept() is dropped then, and the
 * execs, which no list shows, of the containers that are. */
void inventory_sweep(struct inventory *inventory);
void inventory_swept(struct inventory *inventory);

/* Bytes, but for a few pointers per entry and what malloc() takes on top. */
size_t inventory_memory(const struct inventory *inventory);

#endif
