/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that acted, as the kernel described it at that moment, and its ancestors. A caller is
 * immutable once decoded, and kept once: equal callers are the same object, and callers with equal
 * ancestors share them. A caller points only into its own memory and into its lineage's.
 */
#ifndef CALLERD_CALLER_H
#define CALLERD_CALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "base/table.h"
#include "base/text.h"
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
	bool executable_exchanged; /* the process pretends another executable than it executed */
	bool args_truncated;	   /* .args is the beginning of a longer list */
};

/* How a caller came to be known. */
enum caller_basis {
	CALLER_FROM_KERNEL, /* described while the caller was the running task */
	CALLER_FROM_PEER,   /* only what the kernel recorded at connect: pid, uid, gid */
};

#define RENDERED_PARTS 4

/* The text of a caller or a lineage in a format's records. It is put together once and freed with
 * the caller or lineage. */
struct rendered {
	char *text; /* NULL: not put together yet */
	size_t size;
	int64_t clock;	/* record_context.boot_to_real when .text was put together */
	uint64_t names; /* record_context.names when .text was put together */
	/* of the caller that .text was put together for: callers with the same ancestors may differ */
	uint32_t euid, mnt_ns;
	struct {
		size_t at, size; /* within text */
	} parts[RENDERED_PARTS]; /* the format decides what each part is */
};

/* The members that callers and lineages have in common; both structs begin with them. */
struct shared {
	unsigned int references;
	uint64_t hash;	 /* of the content */
	uint64_t number; /* unique in this run of the agent */
	size_t size;	 /* bytes of memory, without .rendered */
	/* the table that has it, so that equal ones share it; NULL: none */
	struct shared **table;
	struct rendered *rendered; /* NULL: no memory for it */
	UT_hash_handle hh;
};

/* The ancestors of a caller. */
struct lineage {
	struct shared shared;
	unsigned int count;
	struct process ancestors[]; /* the parent first */
};

#define CALLER_INITIAL_PID_NS 0xeffffffcu /* PROC_PID_INIT_INO of the kernel */

struct caller {
	struct shared shared;
	/* From here on the content, which is compared byte by byte. caller_texts() in caller.c
	 * lists the texts. */
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
	/* The file that process.executable names; .executable_known: the kernel programs saw its
	 * exec. */
	uint64_t executable_inode;
	uint32_t executable_device, executable_generation;
	bool executable_known;
	bool interactive; /* its standard input and error are its terminal */
	uint64_t
		executable_changed; /* ns since 1970: that file's last change (ctime); 0: unknown */
	struct bytes executable_claimed; /* the executable that the process pretends */
	/* CALLERD_ACCOUNT() that the caller's records are charged to; 0: not known any more */
	uint64_t account;
	struct bytes working_directory;
	struct bytes root;   /* root directory; "/": not confined to a part of the tree */
	struct bytes cgroup; /* the cgroup2 path, or the v1 path where it tells more */
	/* Bytes at the end of .cgroup that others than root could name, and the UID of the user who
	 * could. */
	uint32_t cgroup_claimed, cgroup_owner;
	struct bytes label; /* LSM label */
	/* What it said of itself: the variables that environment.h names, of the environment that it had at its exec, or else the
	 * nearest of its ancestors that had any, each ended by a NUL and without secrets. data NULL: none is known. */
	struct bytes environment;
	uint32_t environment_pid;   /* whose it is */
	bool environment_truncated; /* there may be more, of a process that is as near */
	/* supplementary groups in decimal, each ended by a NUL, CALLERD_GROUPS_MAX at most */
	struct bytes groups;
	bool groups_truncated; /* there are more */
	/* the earlier boot that the times belong to; data NULL: this boot */
	struct bytes boot_id;
	/* of the boot .boot_id: ns to add to its CLOCK_BOOTTIME for CLOCK_REALTIME */
	int64_t boot_to_real;
	char tty[32];  /* "pts/3"; empty: none */
	bool has_node; /* the next four are set */
	bool in_node_group;
	uint32_t node_uid, node_gid, node_mode; /* of the socket node that the caller used */
	struct lineage *lineage;		/* holds .ancestors; NULL: no ancestors are known */
	unsigned int ancestor_count;
	const struct process *ancestors; /* the parent first */
};

/* Returns the lineage of COUNT ANCESTORS, at most CALLERD_ANCESTORS_MAX, whose texts lie in the
 * SIZE bytes at TEXT: an equal lineage that lives, else a copy. NULL: no memory. Give it back with
 * caller_lineage_unref(). */
struct lineage *caller_lineage_new(const struct process *ancestors, unsigned int count,
				   const char *text, size_t size);

/* Gives a reference back; the last one frees it. NULL is fine. */
void caller_lineage_unref(struct lineage *lineage);

/* Returns the caller that equals DRAFT: one that lives, else a copy. DRAFT was zeroed before it
 * was filled, since padding is compared too, and its texts lie in the SIZE bytes at TEXT. Takes
 * over the reference to LINEAGE, which may be NULL. NULL: no memory. Give it back with
 * caller_unref(). */
struct caller *caller_new(const struct caller *draft, struct lineage *lineage, const char *text,
			  size_t size);

/* Bytes of memory that all living callers and lineages take, their rendered texts included. */
size_t callers_memory(void);

/* Sets RENDERED to MADE, with a copy of TEXT; where there is no memory, without a text. */
void caller_rendered_keep(struct rendered *rendered, const struct rendered *made,
			  struct bytes text);

/* The file that CALLER executes, as the kernel programs tell files apart. */
static inline struct callerd_node_key caller_file(const struct caller *caller)
{
	return (struct callerd_node_key){caller->executable_inode, caller->executable_device,
					 caller->executable_generation};
}

/* Takes another reference; returns CALLER, which may be NULL. */
struct caller *caller_ref(struct caller *caller);

/* Gives a reference back; the last one frees it. NULL is fine. Returns NULL. */
struct caller *caller_unref(struct caller *caller);

/* How many of its nearest ancestors are of the program that CALLER is of itself, as those are that forked it for a client. */
unsigned int caller_program_depth(const struct caller *caller);

/* CALLER without what it and its ancestors keep to themselves: arguments, working directory, variables of the environment. A
 * reference; NULL: no memory. */
struct caller *caller_in_public(const struct caller *caller);

/* Adds what CALLER is, and its ancestors, all but the thread that acted: bytes that two callers have in common if they
 * differ in nothing else. */
void caller_add_content(const struct caller *caller, struct text *out);

/* Whether A and B are the same process image: same process, executable and arguments. */
bool caller_same_image(const struct caller *a, const struct caller *b);

/* Whether A and B act for the same user: same user ids and login, in the same container. Without a
 * login (as daemons of root) their cgroups must be the same as well. Unknown users are never the
 * same. */
bool caller_same_user(const struct caller *a, const struct caller *b);

/*
 * The id of the container that CALLER runs in: the 64 hex digits in its cgroup path, or data NULL.
 * The digits count only where root alone could name the directory, and where the path names no
 * other container: the user who creates a container may choose the cgroup above it, and root in a
 * container may choose the cgroups below.
 */
struct bytes caller_container_id(const struct caller *caller);

/* The id of a container in the part of CALLER's cgroup path that others than root could name, or
 * data NULL. */
struct bytes caller_claimed_container_id(const struct caller *caller);

/* Whether the cgroup path of CALLER names a container, proven or not; true where the path is not
 * known up to the root. */
bool caller_may_be_contained(const struct caller *caller);

/*
 * Whether CALLER runs in a pod of Kubernetes; its UID as the name of its cgroup has it, with underscores, in *RET_UID, or data
 * NULL, where that name has none, as of a static pod. Only a container that containerd or CRI-O named counts: whoever has
 * Docker make one may choose the cgroup above it.
 */
bool caller_in_pod(const struct caller *caller, struct bytes *ret_uid);

/*
 * The systemd unit that CALLER belongs to, a piece of its cgroup path, or data NULL: the outermost
 * .service or .scope, as systemd does not make the directories below such a unit; else the
 * innermost .slice. Of a caller in a container only the unit that the engine named after the
 * container counts.
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

/* Whether CALLER is in another mount namespace than MNT_NS, the host's. The caller's paths are then
 * paths of its own namespace. */
bool caller_in_mount_namespace(const struct caller *caller, uint32_t mnt_ns);

/* Whether CALLER is in another user namespace than the host's. Its capabilities then count in that
 * namespace only, even if it is root there. */
bool caller_in_user_namespace(const struct caller *caller);

#endif
