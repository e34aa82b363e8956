// SPDX-License-Identifier: Apache-2.0
#include "state/state_write.h"

#include "docker/cause/engine_event.h"
#include "process/pack.h"
#include "state/state.h"
#include "state/state_read.h"
#include "state/state_text.h"

#define FIRST_DEEDS (STATE_DEEDS_MAX / 2)
#define LAST_DEEDS (STATE_DEEDS_MAX - FIRST_DEEDS)

struct writer {
	struct db *db;
	const struct record_context *context;
	sqlite3_int64 socket; /* its row */
};

/* Adds a row by way of STATEMENT; *RET: its id. */
static int add_row(struct db *db, sqlite3_stmt *statement, sqlite3_int64 *ret)
{
	int rc = finish(statement);

	*ret = sqlite3_last_insert_rowid(db->handle);
	return rc;
}

static int write_socket(struct db *db, const char *socket, sqlite3_int64 *ret)
{
	sqlite3_stmt *statement = db_use(db, FIND_SOCKET);
	int rc;

	bind_word(statement, 1, socket);
	rc = finish_number(statement, ret);
	if (rc || *ret)
		return rc;
	statement = db_use(db, ADD_SOCKET);
	bind_word(statement, 1, socket);
	return add_row(db, statement, ret);
}

/* --- Where things come from ---------------------------------------------------------------------- */

static void bind_content(sqlite3_stmt *statement, struct bytes content)
{
	sqlite3_bind_int64(statement, 1, state_caller_hash(content));
	sqlite3_bind_blob(statement, 2, content.data, (int)content.size, SQLITE_STATIC);
}

static int write_content(struct db *db, struct bytes content, sqlite3_int64 *ret)
{
	sqlite3_stmt *statement = db_use(db, FIND_CALLER);
	int rc;

	bind_content(statement, content);
	rc = finish_number(statement, ret);
	if (rc || *ret)
		return rc;
	statement = db_use(db, ADD_CALLER);
	bind_content(statement, content);
	return add_row(db, statement, ret);
}

/* *RET is 0 where it is not to be kept. */
static int write_caller(const struct writer *writer, const struct caller *caller,
			sqlite3_int64 *ret)
{
	struct text packed = {0};
	int rc = SQLITE_OK;

	*ret = 0;
	if (!caller)
		return SQLITE_OK;
	pack_caller(caller, bytes_of(writer->context->boot_id), writer->context->boot_to_real,
		    &packed);
	if (packed.error)
		rc = SQLITE_NOMEM;
	else if (packed.size && packed.size <= CALLER_PACK_MAX)
		rc = write_content(writer->db, text_since(&packed, 0), ret);
	text_free(&packed);
	return rc;
}

static int write_findings(struct db *db, const struct origin *origin, sqlite3_int64 id)
{
	int rc = SQLITE_OK;

	for (unsigned int i = 0; i < origin->finding_count && !rc; i++) {
		const struct finding *finding = &origin->findings[i];
		sqlite3_stmt *statement = db_use(db, ADD_FINDING);

		if (!finding_kind(finding->id)->id)
			continue;
		sqlite3_bind_int64(statement, 1, id);
		sqlite3_bind_int64(statement, 2, i);
		bind_word(statement, 3, finding_kind(finding->id)->id);
		bind_word(statement, 4, finding_severity_name(finding->severity));
		bind_text(statement, 5, cut(finding->detail));
		rc = finish(statement);
	}
	return rc;
}

static int add_origin(const struct writer *writer, const struct origin *origin, sqlite3_int64 *ret)
{
	sqlite3_stmt *statement = db_use(writer->db, ADD_ORIGIN);
	sqlite3_int64 caller;
	int rc = write_caller(writer, origin->caller, &caller);

	if (rc)
		return rc;
	bind_text(statement, 1, origin->event_id);
	bind_number(statement, 2, origin->time);
	bind_word(statement, 3, operation_name(origin->operation));
	bind_text(statement, 4, origin->socket);
	bind_reference(statement, 5, caller);
	bind_text(statement, 6, origin->container_name);
	bind_text(statement, 7, origin->container_image);
	rc = add_row(writer->db, statement, ret);
	return rc ? rc : write_findings(writer->db, origin, *ret);
}

/* *RET: its row; 0 for none. */
static int write_origin(const struct writer *writer, const struct origin *origin,
			sqlite3_int64 *ret)
{
	sqlite3_stmt *statement = db_use(writer->db, FIND_ORIGIN);
	int rc;

	*ret = 0;
	if (!origin)
		return SQLITE_OK;
	bind_text(statement, 1, origin->event_id);
	rc = finish_number(statement, ret);
	return rc || *ret ? rc : add_origin(writer, origin, ret);
}

/* --- Containers ---------------------------------------------------------------------------------- */

static int write_owned(const struct writer *writer, const struct owned *owned)
{
	sqlite3_stmt *statement = db_use(writer->db, PUT_CONTAINER);
	sqlite3_int64 creator, starter;
	int rc = write_origin(writer, owned->creator, &creator);

	if (!rc)
		rc = write_origin(writer, owned->starter, &starter);
	if (rc)
		return rc;
	sqlite3_bind_int64(statement, 1, writer->socket);
	bind_text(statement, 2, owned->id);
	bind_text(statement, 3, owned->name);
	bind_text(statement, 4, owned->image);
	bind_reference(statement, 5, creator);
	bind_reference(statement, 6, starter);
	bind_number(statement, 7, owned->starter_known);
	bind_number(statement, 8, owned->created);
	bind_number(statement, 9, owned->started);
	bind_number(statement, 10, owned->died);
	bind_number(statement, 11, owned->labels & ((1u << ATTRIBUTES) - 1));
	bind_number(statement, 12, owned->labels_known);
	bind_number(statement, 13, owned->swarm);
	bind_number(statement, 14, owned->stopped);
	bind_number(statement, 15, owned->witnessed);
	return finish(statement);
}

static int forget_deed(struct db *db, sqlite3_int64 container)
{
	sqlite3_stmt *statement = db_use(db, FORGET_DEED);

	sqlite3_bind_int64(statement, 1, container);
	sqlite3_bind_int64(statement, 2, FIRST_DEEDS);
	sqlite3_bind_int64(statement, 3, LAST_DEEDS);
	return finish(statement);
}

static int add_deed(const struct writer *writer, sqlite3_int64 container, const struct deed *deed)
{
	sqlite3_stmt *statement = db_use(writer->db, ADD_DEED);
	sqlite3_int64 origin;
	int rc = write_origin(writer, deed->origin, &origin);

	if (rc)
		return rc;
	sqlite3_bind_int64(statement, 1, container);
	bind_text(statement, 2, deed->action.data ? deed->action : bytes_of(""));
	bind_text(statement, 3, deed->command);
	bind_text(statement, 4, deed->exec_id);
	if (deed->has_exit_code)
		sqlite3_bind_int64(statement, 5, deed->exit_code);
	else
		sqlite3_bind_null(statement, 5);
	bind_number(statement, 6, deed->time);
	bind_word(statement, 7, cause_kind_name(deed->kind));
	bind_word(statement, 8, cause_basis_name(deed->basis));
	bind_word(statement, 9, cause_reason_name(deed->reason));
	bind_reference(statement, 10, origin);
	rc = finish(statement);
	return rc ? rc : forget_deed(writer->db, container);
}

/* STATEMENT on what the socket and ID name. */
static sqlite3_stmt *use_on(const struct writer *writer, enum statement statement, struct bytes id)
{
	sqlite3_stmt *prepared = db_use(writer->db, statement);

	sqlite3_bind_int64(prepared, 1, writer->socket);
	bind_text(prepared, 2, id);
	return prepared;
}

/* One of a container that was forgotten, or never put, has nowhere to go. */
static int write_deed(const struct writer *writer, struct bytes id, const struct deed *deed)
{
	sqlite3_int64 container;
	int rc = finish_number(use_on(writer, FIND_CONTAINER, id), &container);

	return rc || !container ? rc : add_deed(writer, container, deed);
}

static int write_removed(const struct writer *writer, struct bytes id, uint64_t time)
{
	sqlite3_stmt *statement = use_on(writer, REMOVE_CONTAINER, id);
	int rc;

	bind_number(statement, 3, time ? time : 1); /* 0: it is there */
	rc = finish(statement);
	return rc ? rc : finish(use_on(writer, END_EXECS, id));
}

static int write_exec(const struct writer *writer, const struct owned_exec *exec)
{
	sqlite3_stmt *statement;
	sqlite3_int64 starter;
	int rc = write_origin(writer, exec->starter, &starter);

	if (rc)
		return rc;
	statement = use_on(writer, PUT_EXEC, exec->id);
	bind_text(statement, 3, exec->container_id);
	bind_reference(statement, 4, starter);
	bind_number(statement, 5, exec->health_check);
	rc = finish(statement);
	if (rc)
		return rc;
	statement = db_use(writer->db, FORGET_EXECS);
	sqlite3_bind_int64(statement, 1, EXECS_MAX);
	return finish(statement);
}

/* --- All of it ----------------------------------------------------------------------------------- */

int state_write_item(struct db *db, const struct record_context *context, const char *socket,
		     const struct item *item)
{
	struct writer writer = {db, context};
	int rc = write_socket(db, socket, &writer.socket);

	if (rc)
		return rc;
	switch (item->kind) {
	case ITEM_OWNED:
		return write_owned(&writer, &item->owned);
	case ITEM_DEED:
		return write_deed(&writer, item->id, &item->deed);
	case ITEM_EXEC:
		return write_exec(&writer, &item->exec);
	case ITEM_EXEC_ENDED:
		return finish(use_on(&writer, END_EXEC, item->id));
	default:
		return write_removed(&writer, item->id, item->removed);
	}
}

int state_write_position(struct db *db, const char *socket, uint64_t position)
{
	sqlite3_stmt *statement = db_use(db, SET_POSITION);

	bind_word(statement, 1, socket);
	bind_number(statement, 2, position);
	return finish(statement);
}

static int forget_containers(struct db *db, sqlite3_int64 count)
{
	sqlite3_stmt *statement = db_use(db, FORGET_CONTAINERS);

	sqlite3_bind_int64(statement, 1, count);
	return finish(statement);
}

/* Some more than need be, so that it need not be each time. */
int state_write_bounds(struct db *db)
{
	sqlite3_int64 containers = 0, pages = 0, unused = 0;
	int rc = finish_number(db_use(db, COUNT_CONTAINERS), &containers);

	if (rc)
		return rc;
	if (containers > STATE_CONTAINERS_MAX)
		return forget_containers(db, containers - STATE_CONTAINERS_MAX + FORGET_AT_ONCE);
	rc = finish_number(db_use(db, PAGE_COUNT), &pages);
	if (!rc)
		rc = finish_number(db_use(db, FREE_COUNT), &unused);
	if (rc || (uint64_t)(pages - unused) * 4096 <= STATE_SIZE_MAX)
		return rc;
	return forget_containers(db, FORGET_AT_ONCE);
}
