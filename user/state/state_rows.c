// SPDX-License-Identifier: Apache-2.0
#include "state/state_rows.h"

#include <assert.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_SIZE (1u << 20) /* the texts of a caller, its ancestors and its findings take less */
#define WORDS_MAX 512	       /* of an enum */

static_assert(OPERATIONS < WORDS_MAX && FINDINGS < WORDS_MAX, "each word can be found");

/* --- Writing columns ----------------------------------------------------------------------------- */

static int64_t get_integer(const void *member, size_t size)
{
	if (size == sizeof(bool))
		return *(const bool *)member;
	return size == sizeof(uint32_t) ? *(const uint32_t *)member : *(const int64_t *)member;
}

/* The text that COLUMN keeps of MEMBER; data NULL: NULL. */
static struct bytes get_text(const struct state_column *column, const void *member)
{
	const struct origin *origin;

	if (state_column_is_text(column->kind))
		return state_column_text(column->kind, *(const struct bytes *)member);
	if (column->kind == COLUMN_TERMINAL)
		return bytes_of(member);
	if (column->kind != COLUMN_ORIGIN)
		return bytes_of(state_column_word(column->kind, *(const unsigned int *)member));
	origin = *(struct origin *const *)member;
	return origin ? origin->event_id : (struct bytes){0};
}

/* Runs STATEMENT, of which the parameters before FIRST are bound, with the columns of OBJECT. *RET: whether a row
 * changed. */
static int write_columns(struct db *db, enum state_statement statement, int first,
			 const void *object, const struct state_columns *columns, bool *ret)
{
	sqlite3_stmt *prepared = db->prepared[statement];
	int error;

	for (unsigned int i = 0; i < columns->count; i++) {
		const struct state_column *column = &columns->list[i];
		const void *member = (const char *)object + column->at;

		if (column->kind == COLUMN_INTEGER)
			sqlite3_bind_int64(prepared, first + (int)i,
					   get_integer(member, column->size));
		else
			db_bind_text(prepared, first + (int)i, get_text(column, member));
	}
	error = db_run(prepared);
	*ret = !error && sqlite3_changes(db->handle) > 0;
	return error;
}

/* --- Writing ------------------------------------------------------------------------------------- */

static sqlite3_int64 caller_id(const struct db *db, const struct caller *caller)
{
	return caller ? (sqlite3_int64)(db->callers + caller->shared.number) : 0;
}

/* A caller of this boot gets the boot's id and clock. */
static int write_caller(struct db *db, const struct caller *caller)
{
	struct caller whole = *caller;
	bool added;
	int error;

	if (!whole.boot_id.data) {
		whole.boot_id = bytes_of(db->context->boot_id ? db->context->boot_id : "");
		whole.boot_to_real = db->context->boot_to_real;
	}
	sqlite3_bind_int64(db_use(db, ADD_CALLER), 1, caller_id(db, caller));
	error = write_columns(db, ADD_CALLER, 2, &whole, &state_caller_columns, &added);
	for (unsigned int i = 0; added && i <= whole.ancestor_count && !error; i++) {
		sqlite3_bind_int64(db_use(db, ADD_PROCESS), 1, caller_id(db, caller));
		sqlite3_bind_int64(db->prepared[ADD_PROCESS], 2, i);
		error = write_columns(db, ADD_PROCESS, 3,
				      i ? &whole.ancestors[i - 1] : &whole.process,
				      &state_process_columns, &added);
	}
	return error;
}

static int write_origin(struct db *db, const struct origin *origin)
{
	bool added;
	int error;

	sqlite3_bind_int64(db_use(db, ADD_ORIGIN), 1, caller_id(db, origin->caller));
	sqlite3_bind_int64(db->prepared[ADD_ORIGIN], 2, caller_id(db, origin->behind));
	sqlite3_bind_int64(db->prepared[ADD_ORIGIN], 3, caller_id(db, origin->relayed.caller));
	error = write_columns(db, ADD_ORIGIN, 4, origin, &state_origin_columns, &added);
	if (error || !added)
		return error;
	for (unsigned int i = 0; i < origin->finding_count && !error; i++) {
		db_bind_text(db_use(db, ADD_FINDING), 1, origin->event_id);
		sqlite3_bind_int64(db->prepared[ADD_FINDING], 2, i);
		error = write_columns(db, ADD_FINDING, 3, &origin->findings[i],
				      &state_finding_columns, &added);
	}
	if (!error && origin->caller)
		error = write_caller(db, origin->caller);
	if (!error && origin->behind)
		error = write_caller(db, origin->behind);
	return error || !origin->relayed.caller ? error : write_caller(db, origin->relayed.caller);
}

/* STATEMENT, to be run on what SOCKET and ID name. */
static sqlite3_stmt *use_on(struct db *db, enum state_statement statement, const char *socket,
			    struct bytes id)
{
	sqlite3_stmt *prepared = db_use(db, statement);

	db_bind_text(prepared, 1, bytes_of(socket));
	db_bind_text(prepared, 2, id);
	return prepared;
}

int state_rows_write(struct db *db, const char *socket, const struct state_item *item)
{
	static const struct {
		enum state_statement put;
		int first; /* parameter for the item's columns */
		enum state_statement then;
	} kinds[] = {
		[STATE_OWNED] = {PUT_CONTAINER, 2, NOTHING},
		[STATE_DEED] = {ADD_DEED, 3, FORGET_DEED},
		[STATE_EXEC] = {PUT_EXEC, 2, FORGET_EXECS},
		[STATE_EXEC_ENDED] = {END_EXEC, 3, NOTHING},
		[STATE_REMOVED] = {REMOVE_CONTAINER, 3, END_EXECS},
		[STATE_GUARDED] = {PUT_GUARDED, 1, NOTHING},
		[STATE_LOGIN] = {PUT_LOGIN, 1, NOTHING},
	};
	const struct state_columns *columns = state_queue_columns(item->kind);
	enum state_statement put = kinds[item->kind].put, then = kinds[item->kind].then;
	bool changed;
	int error;

	if (state_item_is_of_engine(item->kind))
		use_on(db, put, socket, item->id);
	else
		db_use(db, put);
	error = write_columns(db, put, kinds[item->kind].first, &item->owned, columns, &changed);
	/* After the row that refers to them: without one they would never be forgotten. */
	for (unsigned int i = 0; changed && i < columns->count && !error; i++) {
		const struct origin *origin = state_queue_origin(item, &columns->list[i]);

		error = origin ? write_origin(db, origin) : 0;
	}
	if (error || then == NOTHING)
		return error;
	return db_run(use_on(db, then, socket, item->id));
}

int state_rows_read_position(struct db *db, const char *socket, uint64_t *ret)
{
	db_bind_text(db_use(db, GET_POSITION), 1, bytes_of(socket));
	return db_get_number(db, GET_POSITION, ret);
}

int state_rows_write_position(struct db *db, const char *socket, uint64_t position)
{
	sqlite3_stmt *statement = db_use(db, SET_POSITION);

	db_bind_text(statement, 1, bytes_of(socket));
	sqlite3_bind_int64(statement, 2, (sqlite3_int64)position);
	return db_run(statement);
}

/* Some more than need be, so that it need not be each time. */
int state_rows_forget(struct db *db)
{
	uint64_t containers, size, count = STATE_FORGET_AT_ONCE;
	int error = db_get_number(db, COUNT_CONTAINERS, &containers);

	if (!error)
		error = db_get_number(db, COUNT_BYTES, &size);
	if (error || (containers <= STATE_CONTAINERS_MAX && size <= STATE_SIZE_MAX))
		return error;
	if (containers > STATE_CONTAINERS_MAX)
		count += containers - STATE_CONTAINERS_MAX;
	sqlite3_bind_int64(db_use(db, FORGET_CONTAINERS), 1, (sqlite3_int64)count);
	return db_run(db->prepared[FORGET_CONTAINERS]);
}

/* --- Reading columns ----------------------------------------------------------------------------- */

static int read_origin(struct db *db, struct bytes event_id, struct origin **ret);

static void state_rows_set_integer(int64_t number, void *member, size_t size)
{
	if (size == sizeof(bool))
		*(bool *)member = number;
	else if (size == sizeof(uint32_t))
		*(uint32_t *)member = (uint32_t)number;
	else
		*(int64_t *)member = number;
}

/* TEXT, where it stays longer than its row. One that has no room, which none of ours is, is not known. */
static struct bytes keep_text(struct db *db, struct bytes text)
{
	char *at = db->memory + db->used;

	if (!text.data || text.size > MEMORY_SIZE - db->used)
		return (struct bytes){0};
	db->used += text.size;
	return (struct bytes){memcpy(at, text.data, text.size), text.size};
}

/* Later versions have more operations and actions; theirs are not known. */
static int read_word(enum state_column_kind kind, struct bytes word, unsigned int *ret)
{
	for (unsigned int i = 0; word.data && i < WORDS_MAX; i++)
		if (bytes_are(word, state_column_word(kind, i))) {
			*ret = i;
			return 0;
		}
	return word.data && kind != COLUMN_OPERATION && kind != COLUMN_ACTION ? -EBADMSG : 0;
}

static int read_text(struct db *db, struct bytes text, const struct state_column *column,
		     void *member)
{
	struct bytes *ret = member;

	if (column->kind == COLUMN_ORIGIN)
		return text.data ? read_origin(db, text, member) : 0;
	if (column->kind == COLUMN_TERMINAL) {
		if (text.data && text.size < column->size)
			memcpy(member, text.data, text.size);
		return 0;
	}
	if (!state_column_is_text(column->kind))
		return read_word(column->kind, text, member);
	*ret = state_column_text(column->kind, text);
	if (text.data && !ret->data)
		return -EBADMSG;
	if (column->kind == COLUMN_LONG)
		*ret = keep_text(db, *ret);
	return 0;
}

/* OBJECT, SIZE bytes, becomes what ROWS have now from column AT on; what it has no column for is 0. Returns whether
 * there is a row, and it can be ours. */
static bool read_row(struct db *db, struct rows *rows, int at, void *object, size_t size,
		     const struct state_columns *columns)
{
	memset(object, 0, size); /* padding too: callers are compared byte by byte */
	if (!db_next(rows))
		return false;
	for (unsigned int i = 0; i < columns->count && !rows->error; i++) {
		const struct state_column *column = &columns->list[i];
		void *member = (char *)object + column->at;

		if (column->kind == COLUMN_INTEGER)
			state_rows_set_integer(sqlite3_column_int64(rows->statement, at + (int)i),
					       member, column->size);
		else
			rows->error = read_text(db, db_text(rows, at + (int)i), column, member);
	}
	return !rows->error;
}

/* --- Origins ------------------------------------------------------------------------------------- */

/* *RET stays where ID is 0. */
static int read_caller(struct db *db, sqlite3_int64 id, struct caller **ret)
{
	struct rows rows = db_rows_of(db, GET_PROCESSES, id), own = db_rows_of(db, GET_CALLER, id);
	struct process process, ancestors[CALLERD_ANCESTORS_MAX];
	const char *texts = db->memory + db->used, *end;
	struct lineage *lineage = NULL;
	unsigned int count = 0;
	struct caller draft;

	if (!id)
		return 0;
	if (!read_row(db, &rows, 1, &process, sizeof(process), &state_process_columns) ||
	    !read_row(db, &own, 1, &draft, sizeof(draft), &state_caller_columns)) {
		rows.error = db_end(&own) ? own.error : -EBADMSG;
		return db_end(&rows);
	}
	memcpy(&draft.process, &process, sizeof(process)); /* padding too */
	end = db->memory + db->used;
	while (count < CALLERD_ANCESTORS_MAX &&
	       read_row(db, &rows, 1, &ancestors[count], sizeof(*ancestors),
			&state_process_columns))
		count++;
	if (count && !rows.error)
		lineage = caller_lineage_new(ancestors, count, end,
					     (size_t)(db->memory + db->used - end));
	if (draft.boot_id.size && bytes_are(draft.boot_id, db->context->boot_id)) {
		end -= draft.boot_id.size;
		draft.boot_id = (struct bytes){0};
		draft.boot_to_real = 0;
	}
	if (!rows.error && (lineage || !count))
		*ret = caller_new(&draft, lineage, texts, (size_t)(end - texts));
	if (!rows.error && !*ret)
		rows.error = -ENOMEM;
	db_end(&own);
	return db_end(&rows);
}

static int read_findings(struct db *db, struct bytes event_id,
			 struct finding findings[INVENTORY_FINDINGS_MAX], unsigned int *ret_count)
{
	struct rows rows = db_rows(db, GET_FINDINGS, event_id);
	struct finding finding;

	*ret_count = 0;
	while (*ret_count < INVENTORY_FINDINGS_MAX &&
	       read_row(db, &rows, 1, &finding, sizeof(finding), &state_finding_columns)) {
		finding.detail = keep_text(db, finding.detail);
		findings[*ret_count] = finding;
		*ret_count += finding.id != FINDING_NONE;
	}
	return db_end(&rows);
}

/* What has no word, another version may have written. */
static void check_relayed(struct record_relayed *relayed)
{
	if (relayed->certainty > RELAYED_UNKNOWN || relayed->basis > RELAYED_BY_CONNECTION)
		relayed->certainty = RELAYED_NONE;
}

/* DRAFT with the rest of what it has, as *RET. CALLER, BEHIND, ASKER: ids; 0: none. */
static int make_origin(struct db *db, struct origin *draft, sqlite3_int64 caller,
		       sqlite3_int64 behind, sqlite3_int64 asker, struct origin **ret)
{
	struct caller *asking = NULL;
	struct finding findings[INVENTORY_FINDINGS_MAX];
	unsigned int count;
	int error;

	if (!db->memory)
		db->memory = malloc(MEMORY_SIZE);
	if (!db->memory)
		return -ENOMEM;
	db->used = 0;
	error = read_findings(db, draft->event_id, findings, &count)
			?: read_caller(db, caller, &draft->caller)
			?: read_caller(db, behind, &draft->behind)
			?: read_caller(db, asker, &asking);
	draft->relayed.caller = asking;
	check_relayed(&draft->relayed);
	if (!error)
		*ret = origin_new(draft, findings, count);
	caller_unref(draft->caller);
	caller_unref(draft->behind);
	caller_unref(asking);
	if (error)
		return error;
	return *ret ? 0 : -ENOMEM;
}

static int compare_origins(const void *a, const void *b)
{
	const struct origin *left = a, *right = b;
	size_t size = left->event_id.size;

	if (size != right->event_id.size)
		return size < right->event_id.size ? -1 : 1;
	return memcmp(left->event_id.data, right->event_id.data, size);
}

static void free_origin(void *origin)
{
	origin_unref(origin);
}

/* Forgets the origins. Returns what ROWS ended with. */
static int end_reading(struct db *db, struct rows *rows)
{
	tdestroy(db->origins, free_origin);
	db->origins = NULL;
	free(db->memory);
	db->memory = NULL;
	return db_end(rows);
}

/* READER keeps the reference. */
static int read_origin(struct db *db, struct bytes event_id, struct origin **ret)
{
	struct origin draft = {.event_id = event_id};
	struct origin *const *found = tfind(&draft, &db->origins, compare_origins);
	struct rows rows;

	if (found) {
		*ret = *found;
		return 0;
	}
	rows = db_rows(db, GET_ORIGIN, event_id);
	if (!read_row(db, &rows, 3, &draft, sizeof(draft), &state_origin_columns))
		return db_end(&rows) ? rows.error : -EBADMSG;
	rows.error = make_origin(db, &draft, sqlite3_column_int64(rows.statement, 0),
				 sqlite3_column_int64(rows.statement, 1),
				 sqlite3_column_int64(rows.statement, 2), ret);
	if (!rows.error && !tsearch(*ret, &db->origins, compare_origins)) {
		*ret = origin_unref(*ret);
		rows.error = -ENOMEM;
	}
	return db_end(&rows);
}

/* --- Containers and execs ------------------------------------------------------------------------ */

/* The next container in ROWS, from column AT on. */
static bool read_owned(struct db *db, struct rows *rows, int at, struct owned *owned)
{
	bool found = read_row(db, rows, at, owned, sizeof(*owned), &state_owned_columns);

	if (found && !owned->id.data)
		rows->error = -EBADMSG;
	return found && !rows->error;
}

int state_rows_load(struct db *db, const char *socket, void *data,
		    int (*container)(void *data, const struct owned *owned),
		    int (*exec)(void *data, const struct owned_exec *exec), int *result)
{
	struct rows rows = db_rows(db, LIST_CONTAINERS, bytes_of(socket));
	struct owned_exec one;
	struct owned owned;

	*result = 0;
	while (!*result && read_owned(db, &rows, 1, &owned))
		*result = container(data, &owned);
	if (!db_end(&rows) && !*result)
		rows = db_rows(db, LIST_EXECS, bytes_of(socket));
	while (!*result && read_row(db, &rows, 1, &one, sizeof(one), &state_exec_columns))
		*result = exec(data, &one);
	return end_reading(db, &rows);
}

int state_rows_load_guarded(struct db *db, void *data,
			    void (*seen)(void *data, const struct guard_memory *memory))
{
	struct rows rows = {db_use(db, LIST_GUARDED)};
	struct guard_memory memory;

	db->memory = malloc(MEMORY_SIZE);
	if (!db->memory)
		rows.error = -ENOMEM;
	db->used = 0;
	while (!rows.error &&
	       read_row(db, &rows, 1, &memory, sizeof(memory), &state_guarded_columns)) {
		seen(data, &memory);
		db->used = 0;
	}
	return end_reading(db, &rows);
}

int state_rows_load_logins(struct db *db, void *data,
			   void (*seen)(void *data, const struct login_memory *memory))
{
	struct rows rows = {db_use(db, LIST_LOGINS)};
	struct login_memory memory;

	db->memory = malloc(MEMORY_SIZE);
	if (!db->memory)
		rows.error = -ENOMEM;
	db->used = 0;
	while (!rows.error &&
	       read_row(db, &rows, 1, &memory, sizeof(memory), &state_login_columns)) {
		seen(data, &memory);
		db->used = 0;
	}
	return end_reading(db, &rows);
}

static int read_deeds(struct db *db, sqlite3_int64 container, void *data,
		      void (*callback)(void *data, const struct deed *deed))
{
	struct rows rows = db_rows_of(db, GET_DEEDS, container);
	struct deed deed;

	while (read_row(db, &rows, 1, &deed, sizeof(deed), &state_deed_columns))
		callback(data, &deed);
	return db_end(&rows);
}

int state_rows_explain(struct db *db, struct bytes key, void *data,
		       void (*container)(void *data, const struct state_container *container),
		       void (*deed)(void *data, const struct deed *deed))
{
	struct rows rows = db_rows(db, FIND_STORIES, key);
	struct owned owned;

	while (read_owned(db, &rows, 4, &owned)) {
		struct state_container told = {
			.owned = &owned,
			.socket = db_text(&rows, 1),
			.removed = (uint64_t)sqlite3_column_int64(rows.statement, 2),
			.dropped = (uint64_t)sqlite3_column_int64(rows.statement, 3),
		};

		container(data, &told);
		rows.error = read_deeds(db, sqlite3_column_int64(rows.statement, 0), data, deed);
	}
	return end_reading(db, &rows);
}
