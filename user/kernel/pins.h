/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory in bpffs that keeps maps and links of the kernel programs while no agent runs. Only root can have made
 * what it holds: it belongs to root, nobody else may enter it, and it has no name that is not callerd's.
 */
#ifndef CALLERD_PINS_H
#define CALLERD_PINS_H

#include <stdbool.h>
#include <sys/stat.h>

#include "system/own_file.h"

#define PINS_PATH "/sys/fs/bpf/callerd"

struct pins;

enum pins_kind { PINS_MAPS, PINS_LINKS };

struct pins_count {
	unsigned int maps, links;
};

/* Why a directory with INFO, in a file system of TYPE (statfs.f_type), is not to be trusted; NULL: it is. */
const char *pins_fault(const struct stat *info, long type);

/* Mounts bpffs at its usual place, where PATH is below that and none is there. */
void pins_mount(const char *path);

/* Opens the directory at PATH, and keeps other agents away from it until pins_close(). MAKE: makes it where it is missing. 0; or -errno, with a sentence in WHY: -EBUSY where another agent
 * has it, -EPERM where it is not to be trusted, -ENOENT where it is missing. */
int pins_open(const char *path, bool make, struct pins **ret, struct sentence *why);
void pins_close(struct pins *pins);

/* Whether what has this name in such a directory is callerd's. */
bool pins_is_own(const char *name);

/* What it holds. 0; -EPERM: a name that is not callerd's, or something that is not root's, with a sentence in WHY. */
int pins_count(struct pins *pins, struct pins_count *ret, struct sentence *why);

/* A descriptor of what has this NAME (of a map, or of the program that the link attaches), or -errno. */
int pins_get(struct pins *pins, enum pins_kind kind, const char *name);

/* Pins what FD refers to under NAME. 0 or -errno. */
int pins_put(struct pins *pins, enum pins_kind kind, const char *name, int fd);

/* Removes the links, and waits until the programs do not run any more; or removes all of it. Returns what was
 * removed. */
struct pins_count pins_detach(struct pins *pins);
struct pins_count pins_clear(struct pins *pins);

#endif
