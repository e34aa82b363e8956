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

#include "base/clock.h"
#include "base/own_file.h"
#include "state/state_db.h"
#include "state/state_queue.h"
#include "state/state_read.h"
#include "state/state_text.h"
#include "state/state_write.h"

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
	bool message_taken;
};

/* --- The file ------------------------------------------------------------------------------------ */

static int read_positions(struct state *state)
{
	int rc = SQLITE_OK;

	for (unsigned int i = 0; i < state->socket_count && !rc; i++)
		rc = state_read_position(&state->db, state->sockets[i], &state->positions[i]);
	return db_error(&state->db, rc);
}

/* Moves the file away, and says so. */
static int set_aside(struct state *state, const char *fault)
{
	db_close(&state->db, true);
	state->message_taken = false;
	return own_file_set_aside(state->path, fault, &state->message);
}

static int open_file(struct state *state, const char **ret_fault, struct sentence *why)
{
	int error = own_file_prepare(state->path, why);

	if (error)
		return error;
	error = db_open(&state->db, state->path, ret_fault);
	if (error)
		say(why, "%s: %s", state->path, strerror(-error));
	return error;
}

/* Opens the file; one that is not ours or damaged gives way to a new one. 0 or -errno, with a sentence in WHY, or,
 * that stays empty, in .message. */
static int open_or_begin(struct state *state, struct sentence *why)
{
	const char *fault = "is damaged";
	int error = open_file(state, &fault, why);

	if (error != -EBADMSG)
		return error;
	*why = (struct sentence){0};
	error = set_aside(state, fault);
	return error ? error : open_file(state, &fault, why);
}

/* Damage was found in the open file, or it is closed. What waits is for the new one. 0, or -errno with a sentence in
 * .message. */
static int begin_anew(struct state *state)
{
	struct sentence why = {0};
	int error = state->db.handle ? set_aside(state, "is damaged") : 0;

	if (!error)
		error = open_or_begin(state, &why);
	if (*why.text && !state->failure) { /* told once */
		state->message = why;
		state->message_taken = false;
	}
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
	say(&state->message, "the state file %s was taken away: callerd begins anew", state->path);
	state->message_taken = false;
}

/* --- Opening ------------------------------------------------------------------------------------- */

static void free_state(struct state *state, bool untouched)
{
	if (!state)
		return;
	db_close(&state->db, untouched);
	state_queue_clear(&state->queue);
	if (state->lock >= 0)
		close(state->lock);
	free(state->positions);
	free(state->path);
	free(state);
}

static int new_state(const char *path, const char *const *sockets,
		     const struct record_context *context, struct state **ret)
{
	struct state *state;

	*ret = NULL;
	if (strlen(path) > STATE_PATH_MAX)
		return -ENAMETOOLONG;
	state = calloc(1, sizeof(*state));
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
	state->message_taken = true;
	if (!state->path || !state->positions) {
		free_state(state, true);
		return -ENOMEM;
	}
	*ret = state;
	return 0;
}

static int open_state(struct state *state, struct sentence *why)
{
	int error = own_file_prepare_directory(state->path, why);

	if (error)
		return error;
	state->lock = own_file_lock(state->path, why);
	if (state->lock < 0)
		return state->lock;
	error = open_or_begin(state, why);
	if (error)
		return error;
	error = read_positions(state);
	if (error == -EBADMSG)
		return begin_anew(state);
	if (error)
		say(why, "%s: %s", state->path, strerror(-error));
	return error;
}

int state_open(const char *path, const char *const *sockets, const struct record_context *context,
	       struct state **ret, char *message, size_t size)
{
	struct state *state;
	struct sentence why = {0};
	const char *told;
	int error = new_state(path, sockets, context, &state);

	if (error)
		say(&why, "the state file %s: %s", path, strerror(-error));
	else
		error = open_state(state, &why);
	told = state_message(state);
	snprintf(message, size, "%s", told && !*why.text ? told : why.text);
	if (error) {
		free_state(state, true);
		return error;
	}
	*ret = state;
	return 0;
}

int state_open_readonly(const char *path, const struct record_context *context, struct state **ret,
			char *message, size_t size)
{
	const char *fault = NULL;
	struct state *state;
	struct stat info;
	int error = new_state(path, NULL, context, &state);

	*message = '\0';
	if (!error && stat(path, &info))
		error = -errno;
	if (!error && !S_ISREG(info.st_mode)) {
		fault = "is not a regular file";
		error = -EINVAL;
	}
	if (!error)
		error = db_open_readonly(&state->db, path, &fault);
	if (!error) {
		*ret = state;
		return 0;
	}
	if (!fault && error == -EBADMSG)
		fault = "is damaged";
	if (fault)
		snprintf(message, size, "the state file %s %s", path, fault);
	else
		snprintf(message, size, "the state file %s: %s", path, strerror(-error));
	free_state(state, true);
	return error;
}

const char *state_message(struct state *state)
{
	if (!state || state->message_taken)
		return NULL;
	state->message_taken = true;
	return state->message.text;
}

/* --- Writing ------------------------------------------------------------------------------------- */

struct keeper state_keeper(struct state *state)
{
	return state ? state_queue_keeper(&state->queue) : (struct keeper){0};
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
	int rc = SQLITE_OK;

	for (unsigned int i = 0; i < state->socket_count && !rc; i++)
		if (state->positions[i])
			rc = state_write_position(&state->db, state->sockets[i],
						  state->positions[i]);
	return rc;
}

/* Writes what waits, up to a bound; *RET_COUNT: how much of it. */
static int write_some(struct state *state, unsigned int *ret_count)
{
	const struct item *item = state->queue.first;
	unsigned int count = 0;
	int rc = SQLITE_OK;

	for (; item && count < BATCH_MAX && !rc; item = item->next, count++)
		rc = state_write_item(&state->db, state->context, state->sockets[item->socket],
				      item);
	/* What was told up to there is written by then, or was dropped. */
	if (!rc && !item && state->position_set)
		rc = write_positions(state);
	*ret_count = count;
	return rc ? rc : state_write_bounds(&state->db);
}

/* All of it or nothing. */
static int write_batch(struct state *state)
{
	unsigned int count;
	int rc = db_run(&state->db, BEGIN);

	if (rc)
		return rc;
	rc = write_some(state, &count);
	if (!rc)
		rc = db_run(&state->db, COMMIT);
	if (rc) {
		if (!sqlite3_get_autocommit(state->db.handle))
			db_run(&state->db, ROLLBACK);
		return rc;
	}
	while (count--)
		state_queue_drop_first(&state->queue);
	if (!state->queue.first)
		state->position_set = false;
	return SQLITE_OK;
}

/* 0 or -errno. */
static int try_to_write(struct state *state)
{
	int error, rc;

	leave_if_moved(state);
	error = state->db.handle ? 0 : begin_anew(state);
	if (error)
		return error;
	rc = write_batch(state);
	if (!db_is_damage(rc))
		return db_error(&state->db, rc);
	error = begin_anew(state);
	return error ? error : db_error(&state->db, write_batch(state));
}

int state_commit(struct state *state)
{
	if (!state_is_dirty(state))
		return 0;
	if (state->failure && (time_t)(clock_now(CLOCK_MONOTONIC_COARSE) / NS_PER_S) < state->retry)
		return state->failure;
	state->failure = try_to_write(state);
	if (!state->failure) {
		state->wait = 0;
		return 0;
	}
	state->wait = state->wait ? 2 * state->wait : RETRY_FIRST;
	if (state->wait > RETRY_MAX)
		state->wait = RETRY_MAX;
	state->retry = (time_t)(clock_now(CLOCK_MONOTONIC_COARSE) / NS_PER_S) + state->wait;
	return state->failure;
}

void state_close(struct state *state)
{
	while (state_is_dirty(state) && !try_to_write(state))
		; /* a batch at a time */
	free_state(state, false);
}

/* --- Reading ------------------------------------------------------------------------------------- */

static struct state_reader reader_of(struct state *state)
{
	return (struct state_reader){&state->db, bytes_of(state->context->boot_id)};
}

int state_load(struct state *state, unsigned int socket, void *data,
	       int (*container)(void *data, const struct owned *owned),
	       int (*exec)(void *data, const struct owned_exec *exec))
{
	struct state_reader reader;
	const char *path;
	int rc, result;

	if (!state || !state->db.handle || socket >= state->socket_count)
		return 0;
	path = state->sockets[socket];
	reader = reader_of(state);
	rc = state_read_containers(&reader, path, data, container, &result);
	if (!rc && !result)
		rc = state_read_execs(&reader, path, data, exec, &result);
	state_reader_end(&reader);
	if (db_is_damage(rc))
		begin_anew(state);
	return result ? result : db_error(&state->db, rc);
}

int state_explain(struct state *state, struct bytes key, void *data,
		  void (*container)(void *data, const struct state_container *container),
		  void (*deed)(void *data, const struct deed *deed))
{
	struct state_reader reader;
	int rc;

	if (key.size && key.data[0] == '/') /* as the engine spells names */
		key = bytes_from(key, 1);
	if (!state || !state->db.handle || !key.size || key.size > NAME_SIZE_MAX)
		return 0;
	reader = reader_of(state);
	rc = state_read_stories(&reader, key, data, container, deed);
	state_reader_end(&reader);
	return db_error(&state->db, rc);
}
