// SPDX-License-Identifier: Apache-2.0
#include "state/state_row.h"

#include "state/state_text.h"

void bind_text(sqlite3_stmt *statement, int at, struct bytes text)
{
	text = bounded(text);
	if (text.data)
		sqlite3_bind_text(statement, at, text.data, (int)text.size, SQLITE_STATIC);
	else
		sqlite3_bind_null(statement, at);
}

void bind_word(sqlite3_stmt *statement, int at, const char *word)
{
	bind_text(statement, at, bytes_of(word));
}

void bind_number(sqlite3_stmt *statement, int at, uint64_t number)
{
	sqlite3_bind_int64(statement, at, number > INT64_MAX ? INT64_MAX : (sqlite3_int64)number);
}

void bind_reference(sqlite3_stmt *statement, int at, sqlite3_int64 id)
{
	if (id)
		sqlite3_bind_int64(statement, at, id);
	else
		sqlite3_bind_null(statement, at);
}

int finish(sqlite3_stmt *statement)
{
	struct row row = {statement};

	while (row_next(&row))
		;
	return row_end(&row);
}

int finish_number(sqlite3_stmt *statement, sqlite3_int64 *ret)
{
	struct row row = {statement};

	*ret = row_next(&row) ? sqlite3_column_int64(statement, 0) : 0;
	return row_end(&row);
}

bool row_next(struct row *row)
{
	int rc;

	if (row->rc)
		return false;
	row->at = 0;
	rc = sqlite3_step(row->statement);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		row->rc = rc;
	return rc == SQLITE_ROW;
}

bool row_get(struct row *row)
{
	bool found = row_next(row);

	if (!found && !row->rc)
		row->rc = SQLITE_CORRUPT;
	return found;
}

int row_end(struct row *row)
{
	sqlite3_reset(row->statement);
	return row->rc;
}

bool row_is_null(const struct row *row)
{
	return sqlite3_column_type(row->statement, row->at) == SQLITE_NULL;
}

struct bytes row_bytes(struct row *row, int type, size_t max)
{
	int at = row->at++, actual = sqlite3_column_type(row->statement, at);
	struct bytes bytes = {0};

	if (actual == SQLITE_NULL)
		return bytes;
	bytes.data = sqlite3_column_blob(row->statement, at); /* of a text, too, and as it is */
	bytes.size = (size_t)sqlite3_column_bytes(row->statement, at);
	if (actual != type || bytes.size > max) {
		row->rc = SQLITE_CORRUPT;
		return (struct bytes){0};
	}
	return bytes.size ? bytes : bytes_of("");
}

struct bytes row_text(struct row *row)
{
	return row_bytes(row, SQLITE_TEXT, NAME_SIZE_MAX);
}

struct bytes row_optional_id(struct row *row)
{
	struct bytes id = row_text(row);

	if (id.data && !is_id(id))
		row->rc = SQLITE_CORRUPT;
	return id;
}

struct bytes row_id(struct row *row)
{
	struct bytes id = row_optional_id(row);

	if (!id.data)
		row->rc = SQLITE_CORRUPT;
	return id;
}

int64_t row_signed(struct row *row)
{
	int at = row->at++;

	if (sqlite3_column_type(row->statement, at) != SQLITE_INTEGER)
		row->rc = SQLITE_CORRUPT;
	return sqlite3_column_int64(row->statement, at);
}

uint64_t row_number(struct row *row, uint64_t max)
{
	int64_t number = row_signed(row);

	if (number < 0 || (uint64_t)number > max) {
		row->rc = SQLITE_CORRUPT;
		return 0;
	}
	return (uint64_t)number;
}

bool row_flag(struct row *row)
{
	return row_number(row, 1);
}

sqlite3_int64 row_reference(struct row *row)
{
	if (row_is_null(row)) {
		row->at++;
		return 0;
	}
	return (sqlite3_int64)row_number(row, INT64_MAX);
}
