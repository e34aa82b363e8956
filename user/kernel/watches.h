/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel programs watch: sockets by their nodes, their names in directories, and their paths. */
#ifndef CALLERD_WATCHES_H
#define CALLERD_WATCHES_H

#include <limits.h>
#include <stdint.h>

#include "callerd/event.h"

struct bpf_object;
struct watches;

/* Over the maps and programs of OBJECT, which is loaded and is kept by reference, as CONTROL is. 0 or
 * -errno. Free *RET with watches_free(), also after a failure. */
int watches_new(const struct bpf_object *object, struct callerd_control *control,
		struct watches **ret);

/* NULL is fine. */
void watches_free(struct watches *watches);

/* The kernel programs learn which process the agent is. */
void watches_tell_self(struct watches *watches);

#define WATCHES_NAMES_MAX 8

/* What a look at the path of a socket found: its node, and its names. A socket has several names
 * where its path is a symlink. */
struct watches_look {
	unsigned int count; /* 0: .error says why */
	int error;
	struct {
		char directory[PATH_MAX]; /* without symlinks as far as it exists */
		char base[CALLERD_ADDRESS_MAX + 4];
		int fd; /* O_PATH, of the directory; negative: it does not exist */
	} names[WATCHES_NAMES_MAX];
	int node; /* O_PATH; negative: none */
};

/* Looks at PATH (absolute). A user who owns a directory on the way decides how long the look takes.
 * End it with watches_look_close(). */
void watches_look(const char *path, struct watches_look *ret);
void watches_look_close(struct watches_look *look);

/* Makes the kernel programs watch the socket of LOOK, under INDEX (below 64): by its path, by its
 * name in its directory where that exists, and by its node where that exists. To be repeated as
 * directories and nodes come and go. Asks no file system. 0 or -errno. */
int watches_watch(struct watches *watches, uint32_t index, const struct watches_look *look);

/* Finds the key by which the kernel programs tell the open (O_PATH will do) file FD from all
 * others. 0 or -errno. */
int watches_identify(struct watches *watches, int fd, struct callerd_node_key *ret);

/* Matches the open (O_PATH will do) file FD with the watched sockets, by the kernel programs' own
 * rules. Returns the socket's index, or -ENOENT. */
int watches_match(struct watches *watches, int fd);

/* As watches_match(), for a name that does not exist in the directory open as FD. */
int watches_match_name(struct watches *watches, int fd, const char *name);

/* As watches_match(), for an absolute path without links or dots, as the agent sees it, whose
 * directory need not exist. Asks no file system. */
int watches_match_path(struct watches *watches, const char *path);

#endif
