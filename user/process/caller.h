/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that acted, as the kernel described it at that moment, and its ancestors. Immutable once
 * decoded, and kept once: equal callers are the same caller, and callers of equal ancestry share it.
 * Everything that one points to lives in its own memory, or in its lineage's.
 */
#ifndef CALLERD_CALLER_H
#define CALLERD_CALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "base/table.h"
#include "callerd/event.h"

/* One process: the caller, its parent, an ancestor. */
struct process {
	uint32_t pid; /* 0: unknown process */
	uint32_t euid;
	uint64_t start;		 /* ns of CLOCK_BOOTTIME; 0: unknown */
	struct bytes name;	 /* comm */
	struct bytes executable; /* absolute path */
	struct bytes args;	 /* each argument ended by a NUL; data NULL: unknown */
	bool executable_deleted;
	bool executable_exchanged; /* the process pretends another one than it executed */
	bool args_truncated;	   /* args is the beginning of a longer list */
};

/* How a caller came to be known. */
enum caller_basis {
	CALLER_FROM_KERNEL, /* described in its own context */
	CALLER_FROM_PEER,   /* only what the kernel recorded at connect: pid, uid, gid */
};

#define RENDERED_PARTS 3

/* What a format says of a caller or a lineage in each record, put together once and freed with it. */
struct rendered {
	char *text; /* NULL: nothing yet */
	size_t size;
	int64_t clock;	/* what it was put together with: record_context.boot_to_real */
	uint64_t names; /* likewise */
	struct {
		size_t at, size; /* within text */
	} parts[RENDERED_PARTS]; /* which is which is for the format to say */
};

/* What callers and lineages have in common. Each of them begins with it. */
struct shared {
	unsigned int references;
	uint64_t hash;		   /* of its content */
	uint64_t number;	   /* no other one has it, in this life of the agent */
	size_t size;		   /* bytes of memory it takes, what is rendered aside */
	struct shared **table;	   /* where the next one that is equal finds it; NULL: nowhere */
	struct rendered *rendered; /* NULL: nothing is kept */
	UT_hash_handle hh;
};

/* The ancestors of a caller. */
struct lineage {
	struct shared shared;
	unsigned int count;
	struct process ancestors[]; /* the parent first */
};

struct caller {
	struct shared shared;
	/* From here on its content, compared byte by byte; caller_texts() in caller.c lists its texts. */
	enum caller_basis basis;
	struct process process; /* the acting process itself */
	uint32_t tid;
	uint32_t uid, gid; /* real; the effective UID is process.euid */
	uint32_t egid, fsuid, fsgid;
	uint32_t login_uid, session;		  /* CALLERD_UNSET_ID: unset */
	uint32_t mnt_ns, pid_ns, user_ns, net_ns; /* 0: unknown */
	uint32_t user_ns_owner;
	uint64_t capabilities; /* effective set, a bit per capability */
	uint64_t cgroup_id;
	/* The file that process.executable names; known: the kernel saw that it was executed. */
	uint64_t executable_inode;
	uint32_t executable_device, executable_generation;
	bool executable_known;
	struct bytes executable_claimed; /* that it pretends, where it was exchanged */
	uint64_t
		account; /* CALLERD_ACCOUNT(): whom its records are charged to; 0: not known any more */
	struct bytes working_directory;
	struct bytes root;   /* "/" where it is not confined to a part of the tree */
	struct bytes cgroup; /* the most telling of its cgroup paths */
	/* Bytes at the end of .cgroup that not only root could name, and whose the directories above are. */
	uint32_t cgroup_claimed, cgroup_owner;
	struct bytes label; /* LSM label */
	struct bytes
		boot_id; /* of an earlier boot, to which its times belong; data NULL: this one */
	int64_t boot_to_real; /* of that boot: ns to add to its CLOCK_BOOTTIME for CLOCK_REALTIME */
	char tty[32];	      /* "pts/3"; empty: none */
	bool has_node;	      /* the next four are set */
	bool in_node_group;
	uint32_t node_uid, node_gid, node_mode; /* of the socket node that it used */
	struct lineage *lineage; /* what the next two lie in; NULL: no ancestors are known */
	unsigned int ancestor_count;
	const struct process *ancestors; /* the parent first */
};

/* The lineage of COUNT ANCESTORS, at most CALLERD_ANCESTORS_MAX, whose texts lie in the SIZE bytes at
 * TEXT: one that lives, else a copy. NULL where there is no memory. Give it back with caller_lineage_unref(). */
struct lineage *caller_lineage_new(const struct process *ancestors, unsigned int count,
				   const char *text, size_t size);

/* Gives a reference back; the last one frees it. NULL is fine. */
void caller_lineage_unref(struct lineage *lineage);

/* The caller like DRAFT, which was zeroed before it was filled and whose texts lie in the SIZE bytes at
 * TEXT: one that lives, else a copy. Takes over the reference to LINEAGE, which may be NULL. NULL
 * where there is no memory. Give it back with caller_unref(). */
struct caller *caller_new(const struct caller *draft, struct lineage *lineage, const char *text,
			  size_t size);

/* Bytes of memory that all living callers and lineages take, what is rendered of them included. */
size_t callers_memory(void);

/* RENDERED becomes what was MADE, with a copy of TEXT; without memory for it, with no text. */
void caller_rendered_keep(struct rendered *rendered, const struct rendered *made,
			  struct bytes text);

/* Takes another reference; returns CALLER, which may be NULL. */
struct caller *caller_ref(struct caller *caller);

/* Gives a reference back; the last one frees it. NULL is fine. Returns NULL. */
struct caller *caller_unref(struct caller *caller);

/* Whether A and B are the same process image: same process, executable and arguments. */
bool caller_same_image(const struct caller *a, const struct caller *b);

/* Whether A and B act for the same somebody: the same user of the same login, in the same container. Where nobody
 * logged in, root may be many: then their cgroups are the same as well. What is not known is never the same. */
bool caller_same_user(const struct caller *a, const struct caller *b);

/*
 * The container that CALLER runs in: the 64 hex digits in its cgroup path, or data NULL. They count only where
 * root alone could name the directory, and where the path names no other container: who creates a container
 * may choose the cgroup above it, and who is root in one the cgroups below.
 */
struct bytes caller_container_id(const struct caller *caller);

/* The id of a container that somebody else than root wrote into CALLER's cgroup path, or data NULL. */
struct bytes caller_claimed_container_id(const struct caller *caller);

/* Whether CALLER runs in a container as far as its cgroup path says so, proven or not; true where the path is
 * not known to its end. */
bool caller_may_be_contained(const struct caller *caller);

/*
 * The systemd unit that CALLER belongs to, within its cgroup path, or data NULL: the outermost .service or
 * .scope, as what is below one is not systemd's own any more; else the innermost .slice. Of a caller in a
 * container only what its engine named after that container.
 */
struct bytes caller_unit(const struct caller *caller);

/* Why the kernel let this caller reach the socket node. */
enum caller_access {
	CALLER_ACCESS_UNKNOWN,
	CALLER_ACCESS_ROOT,
	CALLER_ACCESS_OWNER,
	CALLER_ACCESS_GROUP,
	CALLER_ACCESS_ACL,
	CALLER_ACCESS_CAPABILITY,
	CALLER_ACCESS_OTHER,
};

enum caller_access caller_access(const struct caller *caller);

/* Whether CALLER is in another mount namespace than MNT_NS, the host's: its paths are of that one. */
bool caller_in_mount_namespace(const struct caller *caller, uint32_t mnt_ns);

/* Whether CALLER is in another user namespace than the host's: its capabilities, and its being root
 * there, are of that one. */
bool caller_in_user_namespace(const struct caller *caller);

#endif
