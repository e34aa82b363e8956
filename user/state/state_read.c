// SPDX-License-Identifier: Apache-2.0
#include "state/state_read.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>

#include "base/hash.h"
#include "docker/cause/engine_event.h"
#include "process/pack.h"
#include "state/state_text.h"

/* --- Where things come from ---------------------------------------------------------------------- */

sqlite3_int64 state_caller_hash(struct bytes content)
{
	uint64_t hash = hash_add(HASH_START, content.data, content.size);

	return hash ? (sqlite3_int64)hash : 1;
}

static int unpack_caller(struct state_reader *reader, struct bytes content, struct caller **ret)
{
	switch (pack_read_caller(content, reader->boot_id, ret)) {
	case 0:
		return SQLITE_OK;
	case -ENOMEM:
		return SQLITE_NOMEM;
	default:
		return SQLITE_CORRUPT;
	}
}

/* ID 0: NULL. */
static int read_caller(struct state_reader *reader, sqlite3_int64 id, struct caller **ret)
{
	struct row row = db_rows(reader->db, GET_CALLER);
	struct bytes content;
	sqlite3_int64 hash;

	*ret = NULL;
	if (!id)
		return SQLITE_OK;
	sqlite3_bind_int64(row.statement, 1, id);
	if (row_get(&row)) {
		hash = row_signed(&row); /* 0: another one has it */
		content = row_bytes(&row, SQLITE_BLOB, CALLER_PACK_MAX);
		if (hash && hash != state_caller_hash(content))
			row.rc = SQLITE_CORRUPT;
		if (!row.rc)
			row.rc = unpack_caller(reader, content, ret);
	}
	return row_end(&row);
}

struct findings {
	unsigned int count;
	struct finding list[INVENTORY_FINDINGS_MAX];
	char details[INVENTORY_FINDINGS_MAX][COMMAND_SIZE_MAX];
};

static void read_finding(struct row *row, struct finding *finding, char details[COMMAND_SIZE_MAX])
{
	struct bytes id = row_text(row), severity = row_text(row);

	finding->id = id.data ? finding_by_name(id.data, id.size) : FINDING_NONE;
	finding->severity = severity.data ? finding_severity_by_name(severity.data, severity.size)
					  : SEVERITY_NONE;
	finding->detail = row_bytes(row, SQLITE_TEXT, COMMAND_SIZE_MAX);
	if (finding->id == FINDING_NONE || (severity.data && finding->severity == SEVERITY_NONE))
		row->rc = SQLITE_CORRUPT;
	if (finding->detail.size) /* its row will not stay */
		finding->detail.data = memcpy(details, finding->detail.data, finding->detail.size);
}

/* Adds them to FINDINGS. */
static int read_findings(struct state_reader *reader, sqlite3_int64 origin,
			 struct findings *findings)
{
	struct row row = db_rows(reader->db, GET_FINDINGS);

	sqlite3_bind_int64(row.statement, 1, origin);
	while (row_next(&row)) {
		unsigned int i = findings->count;

		if (i == INVENTORY_FINDINGS_MAX) {
			row.rc = SQLITE_CORRUPT;
			break;
		}
		read_finding(&row, &findings->list[i], findings->details[i]);
		findings->count++;
	}
	return row_end(&row);
}

static int make_origin(struct state_reader *reader, sqlite3_int64 id, struct row *row,
		       struct origin **ret)
{
	struct findings findings;
	struct origin draft = {0};
	sqlite3_int64 caller;
	int rc;

	draft.event_id = row_text(row);
	draft.time = row_number(row, INT64_MAX);
	draft.operation = operation_by_name(row_text(row));
	draft.socket = row_text(row);
	caller = row_reference(row);
	draft.container_name = row_text(row);
	draft.container_image = row_text(row);
	if (row->rc)
		return row->rc;
	findings.count = 0;
	rc = read_caller(reader, caller, &draft.caller);
	if (!rc)
		rc = read_findings(reader, id, &findings);
	if (!rc) {
		*ret = origin_new(&draft, findings.list, findings.count);
		rc = *ret ? SQLITE_OK : SQLITE_NOMEM;
	}
	caller_unref(draft.caller);
	return rc;
}

/* An origin that was read. */
struct known {
	sqlite3_int64 id;
	struct origin *origin;
};

static int compare_known(const void *a, const void *b)
{
	const struct known *left = a, *right = b;

	return (left->id > right->id) - (left->id < right->id);
}

static void free_known(void *node)
{
	struct known *known = node;

	origin_unref(known->origin);
	free(known);
}

void state_reader_end(struct state_reader *reader)
{
	tdestroy(reader->origins, free_known);
	reader->origins = NULL;
}

/* Takes over the reference. */
static int remember(struct state_reader *reader, sqlite3_int64 id, struct origin *origin)
{
	struct known *known = malloc(sizeof(*known));

	if (known) {
		*known = (struct known){id, origin};
		if (tsearch(known, &reader->origins, compare_known))
			return SQLITE_OK;
	}
	free(known);
	origin_unref(origin);
	return SQLITE_NOMEM;
}

/* READER keeps the reference. ID 0: NULL. */
static int read_origin(struct state_reader *reader, sqlite3_int64 id, struct origin **ret)
{
	struct known wanted = {.id = id}, *const * found;
	struct row row = db_rows(reader->db, GET_ORIGIN);
	int rc;

	*ret = NULL;
	if (!id)
		return SQLITE_OK;
	found = tfind(&wanted, &reader->origins, compare_known);
	if (found) {
		*ret = (*found)->origin;
		return SQLITE_OK;
	}
	sqlite3_bind_int64(row.statement, 1, id);
	if (row_get(&row))
		row.rc = make_origin(reader, id, &row, ret);
	rc = row_end(&row);
	return rc ? rc : remember(reader, id, *ret);
}

/* --- Containers and execs ------------------------------------------------------------------------ */

static int read_owned(struct state_reader *reader, struct row *row, struct owned *owned)
{
	sqlite3_int64 creator, starter;
	int rc;

	*owned = (struct owned){0};
	owned->id = row_id(row);
	owned->name = row_text(row);
	owned->image = row_text(row);
	creator = row_reference(row);
	starter = row_reference(row);
	owned->starter_known = row_flag(row);
	owned->created = row_number(row, INT64_MAX);
	owned->started = row_number(row, INT64_MAX);
	owned->died = row_number(row, INT64_MAX);
	owned->labels = (unsigned int)row_number(row, (1u << ATTRIBUTES) - 1);
	owned->labels_known = row_flag(row);
	owned->swarm = row_flag(row);
	owned->stopped = row_flag(row);
	owned->witnessed = row_flag(row);
	if (row->rc)
		return row->rc;
	rc = read_origin(reader, creator, &owned->creator);
	return rc ? rc : read_origin(reader, starter, &owned->starter);
}

static int read_exec(struct state_reader *reader, struct row *row, struct owned_exec *exec)
{
	sqlite3_int64 starter;

	*exec = (struct owned_exec){0};
	exec->id = row_id(row);
	exec->container_id = row_optional_id(row);
	starter = row_reference(row);
	exec->health_check = row_flag(row);
	return row->rc ? row->rc : read_origin(reader, starter, &exec->starter);
}

int state_read_containers(struct state_reader *reader, const char *socket, void *data,
			  int (*callback)(void *data, const struct owned *owned), int *result)
{
	struct row row = db_rows(reader->db, LIST_CONTAINERS);
	struct owned owned;

	*result = 0;
	bind_word(row.statement, 1, socket);
	while (!*result && row_next(&row)) {
		row.rc = read_owned(reader, &row, &owned);
		if (!row.rc)
			*result = callback(data, &owned);
	}
	return row_end(&row);
}

int state_read_execs(struct state_reader *reader, const char *socket, void *data,
		     int (*callback)(void *data, const struct owned_exec *exec), int *result)
{
	struct row row = db_rows(reader->db, LIST_EXECS);
	struct owned_exec exec;

	*result = 0;
	bind_word(row.statement, 1, socket);
	while (!*result && row_next(&row)) {
		row.rc = read_exec(reader, &row, &exec);
		if (!row.rc)
			*result = callback(data, &exec);
	}
	return row_end(&row);
}

int state_read_position(struct db *db, const char *socket, uint64_t *ret)
{
	struct row row = db_rows(db, GET_POSITION);

	bind_word(row.statement, 1, socket);
	if (row_next(&row))
		*ret = row_number(&row, INT64_MAX);
	return row_end(&row);
}

/* --- Stories ------------------------------------------------------------------------------------- */

static void read_exit_code(struct row *row, struct deed *deed)
{
	deed->has_exit_code = !row_is_null(row);
	if (deed->has_exit_code)
		deed->exit_code = row_signed(row);
	else
		row->at++;
}

static int read_deed(struct state_reader *reader, struct row *row, struct deed *deed)
{
	struct bytes kind, basis, reason;
	sqlite3_int64 origin;

	*deed = (struct deed){0};
	deed->action = row_text(row);
	deed->command = row_text(row);
	deed->exec_id = row_optional_id(row);
	read_exit_code(row, deed);
	deed->time = row_number(row, INT64_MAX);
	kind = row_text(row);
	basis = row_text(row);
	reason = row_text(row);
	origin = row_reference(row);
	if (row->rc)
		return row->rc;
	if (!deed->action.data || !cause_kind_by_name(kind, &deed->kind) ||
	    (basis.data && !cause_basis_by_name(basis, &deed->basis)) ||
	    (reason.data && !cause_reason_by_name(reason, &deed->reason)))
		return SQLITE_CORRUPT;
	return read_origin(reader, origin, &deed->origin);
}

static int read_deeds(struct state_reader *reader, sqlite3_int64 container, void *data,
		      void (*callback)(void *data, const struct deed *deed))
{
	struct row row = db_rows(reader->db, GET_DEEDS);
	struct deed deed;

	sqlite3_bind_int64(row.statement, 1, container);
	while (row_next(&row)) {
		row.rc = read_deed(reader, &row, &deed);
		if (!row.rc)
			callback(data, &deed);
	}
	return row_end(&row);
}

int state_read_stories(struct state_reader *reader, struct bytes key, void *data,
		       void (*container)(void *data, const struct state_container *container),
		       void (*deed)(void *data, const struct deed *deed))
{
	struct row row = db_rows(reader->db, FIND_STORIES);
	struct owned owned;
	struct state_container told = {.owned = &owned};

	bind_text(row.statement, 1, key);
	while (row_next(&row)) {
		sqlite3_int64 id = row_reference(&row);

		told.socket = row_text(&row);
		told.removed = row_number(&row, INT64_MAX);
		told.dropped = row_number(&row, INT64_MAX);
		row.rc = read_owned(reader, &row, &owned);
		if (row.rc)
			break;
		container(data, &told);
		row.rc = read_deeds(reader, id, data, deed);
	}
	return row_end(&row);
}
