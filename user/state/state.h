/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What callerd knows of containers beyond its own life: an SQLite database, 0600. Who created, started, stopped
 * them, with which findings, and how far each engine's events were read. What the guard saw of each file last. And from where
 * people logged in, for the boot at hand.
 *
 * What is put is written with the next state_commit(), all of it or nothing; of more than 1000 things the rest
 * with the ones after it, the positions with the last. Bounded: of too many containers those that are gone go
 * first, the longest gone first; of too many deeds of one container the middle ones. Texts of more than 4 KiB
 * count as unknown; commands and details of findings are cut at 1 KiB. A file that is not ours, of another version
 * or damaged is set aside under another name (the last three of them stay), and we begin with nothing.
 *
 * Not to be called from within a callback of its own, but for what the keeper does. A STATE of NULL keeps nothing,
 * and has nothing to tell.
 */
#ifndef CALLERD_STATE_H
#define CALLERD_STATE_H

#include "docker/known/origin.h"
#include "guard/memory.h"
#include "login/login_memory.h"
#include "record/record.h"
#include "system/own_file.h"

#define STATE_CONTAINERS_MAX 20000 /* of all engines, gone ones included */
#define STATE_DEEDS_MAX 128	   /* of one container: the first ones and the last ones */
/* Bytes, soft: of more, some go with each commit, containers that are gone first. */
#define STATE_SIZE_MAX (512ull << 20)
#define STATE_PATH "/var/lib/callerd/state.db"

struct state;

/* Opens or makes the file at PATH; the directory above it, too, 0700, where it is missing. SOCKETS, NULL-terminated
 * as in the options, names the engines by index and has to stay. CONTEXT: this boot; has to stay. 0 or -errno: -EPERM
 * where somebody else can have written it, -EBUSY where another callerd has it. TOLD says why; after 0 it is empty, or
 * says that a file was set aside. Free with state_close(). */
int state_open(const char *path, const char *const *sockets, const struct record_context *context,
	       struct state **ret, struct sentence *told);

/* SOCKETS has one more, at its end. */
void state_add_socket(struct state *state);

/* Commits, if it can. */
void state_close(struct state *state);

/* What is to be told, once: the file was found damaged, or taken away, later on. NULL: nothing. */
const char *state_message(struct state *state);

/* Who keeps things in STATE. */
struct keeper state_keeper(struct state *state);

/* Tells what is known of engine SOCKET: each container that is not gone, each exec. Stops where a callback returns
 * other than 0, and returns that; 0, or -errno. -EBADMSG: it is damaged and was set aside; what was told until then
 * is sound. What the callbacks get lives until they return, origins as long as they are referenced. */
int state_load(struct state *state, unsigned int socket, void *data,
	       int (*container)(void *data, const struct owned *owned),
	       int (*exec)(void *data, const struct owned_exec *exec));

/* How far the events of engine SOCKET were told: ns of CLOCK_REALTIME; 0: never. */
uint64_t state_position(struct state *state, unsigned int socket);
void state_set_position(struct state *state, unsigned int socket, uint64_t position);

/* Who keeps the memories of the guard in STATE. Texts of more than 64 KiB are not kept. */
struct guard_keeper state_guard_keeper(struct state *state);

/* Who keeps the memories of logins in STATE. */
struct login_keeper state_login_keeper(struct state *state);

/* Whether something was put and not committed. */
bool state_is_dirty(const struct state *state);

/* 0, or -errno: what was put is kept for the next try, up to a bound; beyond that state_dropped() counts it. After a
 * failure it tries again in a second, and less and less often, twice a minute at least; in between it returns the
 * same. */
int state_commit(struct state *state);
uint64_t state_dropped(const struct state *state);

/* For --explain, also while an agent writes. KEY: full id, name or the beginning of an id; several may fit, gone ones
 * too. Calls CONTAINER for each, the latest first, and after it DEED for each of its deeds in their order. 0, or
 * -errno. DROPPED: deeds in the middle that are no more. */
struct state_container {
	const struct owned *owned;
	struct bytes socket;
	uint64_t removed; /* ns of CLOCK_REALTIME; 0: it is there */
	uint64_t dropped;
};
int state_explain(struct state *state, struct bytes key, void *data,
		  void (*container)(void *data, const struct state_container *container),
		  void (*deed)(void *data, const struct deed *deed));

/* Opens it for state_explain() alone: nothing is written, made or set aside. As state_open(). */
int state_open_readonly(const char *path, const struct record_context *context, struct state **ret,
			struct sentence *told);

#endif
