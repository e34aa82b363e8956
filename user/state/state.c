// SPDX-License-Identifier: Apache-2.0
/*
 * What is put waits in memory, and references what does not change; state_commit() writes it. So nothing but
 * state_commit() waits for a disk, and what could not be written is there for the next try.
 */
#include "state/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "broker/broker.h"
#include "state/db.h"
#include "state/state_queue.h"
#include "state/state_rows.h"
#include "system/own_file.h"

#define BATCH_MAX 1000 /* of what waits, written at once */
#define RETRY_FIRST 1
#define RETRY_MAX 30 /* seconds between tries to write */

struct state {
	char *path;
	const struct record_context *context;
	const char *const *sockets;
	unsigned int socket_count;
	uint64_t *positions;
	bool position_set; /* and not committed */
	int lock;	   /* descriptor; -1: none is needed */
	/* Closed: what was damaged is set aside, and nothing was made in its place yet. */
	struct db db;
	struct state_queue queue;
	int failure;	   /* of the last try; 0: it went well */
	time_t retry;	   /* not before */
	unsigned int wait; /* seconds until then */
	struct sentence message;
	bool has_message; /* that was not told */
};

/* --- The file ------------------------------------------------------------------------------------ */

static int state_open_file(struct state *state, const char **ret_fault)
{
	int error = own_file_prepare(state->path, &state->message);

	if (error)
		return error;
	error = db_open(&state->db, state->path, state->context, false, ret_fault);
	if (error)
		sentence_say(&state->message, "%s: %s", state->path, strerror(-error));
	return error;
}

/* Opens the file; one that is damaged or not ours is set aside, and a new one begun, in which all positions have to
 * stand. FAULT: what was found wrong with the file that is open; NULL: nothing. 0, or -errno with the message. */
static int state_begin(struct state *state, const char *fault)
{
	int error = fault ? -EBADMSG : state_open_file(state, &fault);

	if (error == -EBADMSG) {
		db_close(&state->db, true);
		error = own_file_set_aside(state->path, "the state file",
					   fault ? fault : "is damaged", &state->message);
		state->has_message = !error;
		if (!error)
			error = state_open_file(state, &fault);
	}
	if (error)
		state->has_message = !state->failure; /* it is told once */
	for (unsigned int i = 0; i < state->socket_count && !error; i++)
		state->position_set |= state->positions[i];
	return error;
}

/* The file was removed, or another one put in its place. */
static void leave_if_moved(struct state *state)
{
	if (!state->db.handle || !db_has_moved(&state->db))
		return;
	db_close(&state->db, true);
	sentence_say(&state->message, "the state file %s was taken away: callerd begins anew",
		     state->path);
	state->has_message = true;
}

/* --- Opening ------------------------------------------------------------------------------------- */

static void free_state(struct state *state, bool untouched)
{
	if (!state)
		return;
	db_close(&state->db, untouched);
	state_queue_clear(&state->queue);
	cleanup_close(&state->lock);
	free(state->positions);
	free(state->path);
	free(state);
}

static int new_state(const char *path, const char *const *sockets,
		     const struct record_context *context, struct state **ret)
{
	struct state *state = calloc(1, sizeof(*state));

	*ret = state;
	if (!state)
		return -ENOMEM;
	while (sockets && sockets[state->socket_count])
		state->socket_count++;
	state->path = strdup(path);
	state->context = context;
	state->sockets = sockets;
	state->positions = calloc(state->socket_count + 1, sizeof(*state->positions));
	state_queue_init(&state->queue, state->socket_count);
	state->lock = -1;
	if (!state->path || !state->positions)
		return -ENOMEM;
	return strlen(path) > OWN_FILE_PATH_MAX ? -ENAMETOOLONG : 0;
}

static int read_positions(struct state *state)
{
	int error = 0;

	for (unsigned int i = 0; i < state->socket_count && !error; i++)
		error = state_rows_read_position(&state->db, state->sockets[i],
						 &state->positions[i]);
	return error;
}

static int open_to_keep(struct state *state)
{
	int error = own_file_prepare_directory(state->path, &state->message);

	if (error)
		return error;
	state->lock = own_file_lock(state->path, &state->message);
	error = state->lock < 0 ? state->lock : state_begin(state, NULL);
	if (error)
		return error;
	error = read_positions(state);
	return error == -EBADMSG ? state_begin(state, "is damaged") : error;
}

static int open_to_explain(struct state *state)
{
	const char *fault = "is damaged";
	struct stat info;
	int error = broker_stat(AT_FDCWD, state->path, &info, 0) ? -errno : 0;

	if (!error && !S_ISREG(info.st_mode)) {
		fault = "is not a regular file";
		error = -EINVAL;
	}
	if (!error)
		error = db_open(&state->db, state->path, state->context, true, &fault);
	if (error == -EBADMSG || error == -EINVAL)
		sentence_say(&state->message, "the state file %s %s", state->path, fault);
	return error;
}

static int state_open_state(const char *path, const char *const *sockets,
			    const struct record_context *context, int (*open)(struct state *state),
			    struct state **ret, struct sentence *told)
{
	struct state *state;
	int error = new_state(path, sockets, context, &state);

	if (!error)
		error = open(state);
	*told->text = '\0';
	if (error)
		sentence_say(told, "the state file %s: %s", path, strerror(-error));
	if (state && *state->message.text)
		*told = state->message;
	if (error) {
		free_state(state, true);
		return error;
	}
	state->has_message = false;
	*ret = state;
	return 0;
}

int state_open(const char *path, const char *const *sockets, const struct record_context *context,
	       struct state **ret, struct sentence *told)
{
	return state_open_state(path, sockets, context, open_to_keep, ret, told);
}

int state_open_readonly(const char *path, const struct record_context *context, struct state **ret,
			struct sentence *told)
{
	return state_open_state(path, NULL, context, open_to_explain, ret, told);
}

void state_add_socket(struct state *state)
{
	uint64_t *positions, position = 0;

	if (!state)
		return;
	positions = realloc(state->positions, (state->socket_count + 2) * sizeof(*positions));
	if (!positions)
		return;
	state->positions = positions;
	if (state->db.handle &&
	    state_rows_read_position(&state->db, state->sockets[state->socket_count], &position))
		position = 0;
	state->positions[state->socket_count++] = position;
	state->queue.socket_count = state->socket_count;
}

const char *state_message(struct state *state)
{
	if (!state || !state->has_message)
		return NULL;
	state->has_message = false;
	return state->message.text;
}

/* --- Writing ------------------------------------------------------------------------------------- */

struct keeper state_keeper(struct state *state)
{
	return state ? state_queue_keeper(&state->queue) : (struct keeper){0};
}

static void recall_guarded(void *data, void *guard,
			   void (*seen)(void *guard, const struct guard_memory *memory))
{
	struct state *state = data;

	if (state->db.handle && state_rows_load_guarded(&state->db, guard, seen) == -EBADMSG)
		state_begin(state, "is damaged");
}

static void keep_guarded(void *data, const struct guard_memory *memory)
{
	state_queue_put_guarded(&((struct state *)data)->queue, memory);
}

struct guard_keeper state_guard_keeper(struct state *state)
{
	return state ? (struct guard_keeper){state, recall_guarded, keep_guarded}
		     : (struct guard_keeper){0};
}

static void recall_logins(void *data, void *logins,
			  void (*seen)(void *logins, const struct login_memory *memory))
{
	struct state *state = data;

	if (state->db.handle && state_rows_load_logins(&state->db, logins, seen) == -EBADMSG)
		state_begin(state, "is damaged");
}

static void keep_login_memory(void *data, const struct login_memory *memory)
{
	state_queue_put_login(&((struct state *)data)->queue, memory);
}

struct login_keeper state_login_keeper(struct state *state)
{
	return state ? (struct login_keeper){state, recall_logins, keep_login_memory}
		     : (struct login_keeper){0};
}

uint64_t state_position(struct state *state, unsigned int socket)
{
	return state && socket < state->socket_count ? state->positions[socket] : 0;
}

void state_set_position(struct state *state, unsigned int socket, uint64_t position)
{
	if (!state || socket >= state->socket_count || state->positions[socket] == position)
		return;
	state->positions[socket] = position;
	state->position_set = true;
}

bool state_is_dirty(const struct state *state)
{
	return state && (state->queue.first || state->position_set);
}

uint64_t state_dropped(const struct state *state)
{
	return state ? state->queue.dropped : 0;
}

static int write_positions(struct state *state)
{
	int error = 0;

	for (unsigned int i = 0; i < state->socket_count && !error; i++)
		if (state->positions[i])
			error = state_rows_write_position(&state->db, state->sockets[i],
							  state->positions[i]);
	return error;
}

/* Writes what waits, up to a bound; *RET_COUNT: how much of it. */
static int state_write_some(struct state *state, unsigned int *ret_count)
{
	const struct state_item *item = state->queue.first;
	unsigned int count = 0;
	int error = 0;

	for (; item && count < BATCH_MAX && !error; item = item->next, count++)
		error = state_rows_write(&state->db, state->sockets[item->socket], item);
	/* What was told up to there is written by then, or was dropped. */
	if (!error && !item && state->position_set)
		error = write_positions(state);
	*ret_count = count;
	return error ? error : state_rows_forget(&state->db);
}

/* All of it or nothing. */
static int state_write_batch(struct state *state)
{
	unsigned int count;
	int error = db_do(&state->db, "BEGIN IMMEDIATE");

	if (error)
		return error;
	error = state_write_some(state, &count);
	if (!error)
		error = db_do(&state->db, "COMMIT");
	if (error) {
		if (!sqlite3_get_autocommit(state->db.handle))
			db_do(&state->db, "ROLLBACK");
		return error;
	}
	while (count--)
		state_queue_drop_first(&state->queue);
	if (!state->queue.first)
		state->position_set = false;
	return 0;
}

static int try_to_write(struct state *state)
{
	int error;

	leave_if_moved(state);
	error = state->db.handle ? 0 : state_begin(state, NULL);
	if (!error)
		error = state_write_batch(state);
	if (error != -EBADMSG)
		return error;
	error = state_begin(state, "is damaged");
	return error ? error : state_write_batch(state);
}

static time_t state_now(void)
{
	return (time_t)(clock_now(CLOCK_MONOTONIC_COARSE) / NS_PER_S);
}

int state_commit(struct state *state)
{
	if (!state_is_dirty(state))
		return 0;
	if (state->failure && state_now() < state->retry)
		return state->failure;
	state->failure = try_to_write(state);
	if (!state->failure) {
		state->wait = 0;
		return 0;
	}
	state->wait = state->wait ? 2 * state->wait : RETRY_FIRST;
	if (state->wait > RETRY_MAX)
		state->wait = RETRY_MAX;
	state->retry = state_now() + state->wait; /* after what may have taken long */
	return state->failure;
}

void state_close(struct state *state)
{
	while (state_is_dirty(state) && !try_to_write(state))
		; /* a batch at a time */
	free_state(state, false);
}

/* --- Reading ------------------------------------------------------------------------------------- */

int state_load(struct state *state, unsigned int socket, void *data,
	       int (*container)(void *data, const struct owned *owned),
	       int (*exec)(void *data, const struct owned_exec *exec))
{
	int error, result;

	if (!state || !state->db.handle || socket >= state->socket_count)
		return 0;
	error = state_rows_load(&state->db, state->sockets[socket], data, container, exec, &result);
	if (error == -EBADMSG)
		state_begin(state, "is damaged");
	return result ? result : error;
}

int state_explain(struct state *state, struct bytes key, void *data,
		  void (*container)(void *data, const struct state_container *container),
		  void (*deed)(void *data, const struct deed *deed))
{
	if (key.size && key.data[0] == '/') /* as the engine spells names */
		key = bytes_from(key, 1);
	key = state_column_text(COLUMN_TEXT, key);
	if (!state || !state->db.handle || !key.size)
		return 0;
	return state_rows_explain(&state->db, key, data, container, deed);
}
