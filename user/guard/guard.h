/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guards what decides who may use the sockets: their nodes and the directories above them, the
 * members of their groups, sudo's rules, the engines' configuration, units and programs. Each change
 * becomes a record with the process that made it.
 *
 * The kernel tells that a name or a file changed, and the PID (marks.h). The guard then looks at the
 * file, beside the loop, and compares it with the last look. A change between two looks has the
 * processes that touched the file in between; where there are several, the record names them as
 * candidates. What was seen last is kept beyond the agent's life: so changes are told that were made
 * while no agent ran, without a process.
 */
#ifndef CALLERD_GUARD_H
#define CALLERD_GUARD_H

#include <poll.h>

#include "guard/marks.h"
#include "guard/memory.h"
#include "kernel/capture.h"
#include "process/decode.h"
#include "record/record.h"
#include "system/beside.h"

struct guard;

enum guard_what { GUARD_ALL, GUARD_SOCKETS, GUARD_NONE };

struct guard_options {
	enum guard_what what;
	struct capture *capture;
	struct beside *beside;
	const struct decode_detail *detail;
	const char *const *sockets; /* absolute paths */
	unsigned int socket_count;
	unsigned int socket_room; /* for as many in all */
	void *data;
	void (*record)(void *data, struct record *record);
	struct guard_keeper keeper;
	/* Whether the host has FILE at PATH: programs_is(). */
	bool (*is_program)(void *data, struct bytes path, const struct callerd_node_key *file);
};

/* OPTIONS are copied; what they point to is kept by reference. 0 or -errno. Free with guard_free()
 * when no job of the guard runs any more. */
int guard_new(const struct guard_options *options, struct guard **ret);

/* Guards the socket at PATH, too, which is kept by reference. What an earlier agent saw of it is not
 * recalled. */
void guard_add_socket(struct guard *guard, const char *path);

/* NULL is fine, here and below. */
void guard_free(struct guard *guard);

#define GUARD_FDS (MARKS_FDS + 1)

/* Fills in what to poll, GUARD_FDS entries. */
void guard_poll(const struct guard *guard, struct pollfd fds[GUARD_FDS]);

/* Takes what the kernel has told, and looks at what changed. FDS: as polled; NULL: not polled. To be
 * called after each poll: a process that changed a file may end at any moment. */
void guard_run(struct guard *guard, const struct pollfd fds[GUARD_FDS], uint64_t now);

/* Looks at what changed without waiting for more changes: at the agent's end, again and again while
 * the agent waits for what runs beside the loop. */
void guard_finish(struct guard *guard, uint64_t now);

/* Tells of the changes that guard_finish() did not come to. */
void guard_give_up(struct guard *guard);

/* Whether guard_run() has something to do within some ms. */
bool guard_is_waiting(const struct guard *guard);

/* Whether the first looks have ended. */
bool guard_settled(const struct guard *guard);

/* How often the kernel dropped events. */
uint64_t guard_overflows(const struct guard *guard);

/* Why the processes that change files are not all known, as marks_limit(). */
int guard_limit(const struct guard *guard);

#endif
