// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"
#include "base/utf8.h"
#include "fields/line.h"

#define WHO_COLUMNS 20
#define COMMAND_COLUMNS 40
#define GRAVITY_COLUMNS 8

/* Pads the text that was added since START to a column. A longer text moves the rest of its own line only. */
static void end_column(struct text *out, size_t start, size_t columns)
{
	struct bytes column = text_since(out, start);
	size_t used = out->error ? 0 : utf8_columns(column.data, column.size);

	for (; used < columns && !out->error; used++)
		text_add_char(out, ' ');
	text_add_string(out, "  ");
}

/* The word for a severity that a reader must see at once; "" for the usual ones. */
static const char *gravity_of(enum finding_severity severity)
{
	static const char *const words[] = {
		[SEVERITY_NONE] = "",	  [SEVERITY_INFO] = "",
		[SEVERITY_LOW] = "",	  [SEVERITY_MEDIUM] = "medium",
		[SEVERITY_HIGH] = "HIGH", [SEVERITY_CRITICAL] = "CRITICAL",
	};

	return words[severity];
}

static void human_add_line(struct text *out, const struct view *view)
{
	const struct record *record = view->record;
	size_t start;

	clock_add_time_of_day(out, record_time(view->context, record->time));
	text_add_string(out, "  ");
	start = out->size;
	text_add_string(out, gravity_of(view->severity));
	end_column(out, start, GRAVITY_COLUMNS);
	start = out->size;
	if (line_is_about_agent(record)) {
		text_add_string(out, "callerd");
		end_column(out, start, WHO_COLUMNS);
		line_add_deed(out, view, true);
	} else {
		line_add_who(out, view);
		end_column(out, start, WHO_COLUMNS);
		start = out->size;
		line_add_command(out, view);
		end_column(out, start, COMMAND_COLUMNS);
		line_add_deed(out, view, true);
	}
	text_add_char(out, '\n');
}

int human_write(const struct record *record, const struct record_context *context, struct text *out)
{
	size_t start = out->size;
	struct view view;
	int error = view_init(&view, record, context);

	if (!error) {
		human_add_line(out, &view);
		error = out->error;
	}
	if (error)
		text_cut(out, start);
	view_free(&view);
	return error;
}
