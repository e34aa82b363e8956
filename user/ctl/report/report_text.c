// SPDX-License-Identifier: Apache-2.0
/* A report as text, for a terminal or a mail, and as CSV, for a table. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/report/report.h"

#define TOP_SHOWN 10
#define ACCESS_COLUMNS 120
#define CELL_COLUMNS 1000

__attribute__((format(printf, 2, 3))) static void add_format(struct text *out, const char *format,
							     ...)
{
	char text[1024];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	text_add_string(out, text);
}

static void add_sums(struct text *out, const char *title, struct report_sum **table)
{
	struct report_sum *sum, *next;
	unsigned int shown = 0;

	if (!*table)
		return;
	add_format(out, "\n%-40s %10s %8s %8s %8s  %s\n", title, "requests", "changes", "failed",
		   "refused", "gravest");
	HASH_ITER(hh, *table, sum, next)
	{
		if (shown++ == TOP_SHOWN) {
			add_format(out, "  and %u more\n", HASH_COUNT(*table) - TOP_SHOWN);
			break;
		}
		add_format(out,
			   "  %-38.38s %10" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 "  %s\n",
			   sum->name, sum->requests, sum->changes, sum->failures, sum->refused,
			   finding_severity_name(sum->severity)
				   ?: (sum->only_looks && sum->requests ? "only looks" : ""));
	}
}

static void add_new(struct text *out, struct report *report)
{
	static const char *const kinds[REPORT_KINDS] = {"caller", "image", "operation"};
	struct report_seen *seen, *next;
	bool any = false;

	text_add_string(out, "\nnew in this time\n");
	if (!report->had_before) {
		text_add_string(out, "  not known: the log begins no earlier\n");
		return;
	}
	for (int kind = 0; kind < REPORT_KINDS; kind++)
		HASH_ITER(hh, report->seen[kind], seen, next)
		{
			if (seen->first < report->since)
				continue;
			any = true;
			text_add_string(out, "  ");
			ctl_add_time(out, report->ctl, seen->first);
			add_format(out, "  %-9s %s, by %s\n", kinds[kind], seen->name, seen->by);
		}
	if (!any)
		text_add_string(out, "  nothing\n");
}

static void add_access(struct text *out, const struct report *report)
{
	_cleanup_(text_free) struct text lines = {0};
	struct bytes rest, line;

	text_add_string(out, "\nwho can reach the engines now, and who did\n");
	if (report->no_access) {
		add_format(out, "  not told: %s\n", report->no_access);
		return;
	}
	access_add_lines(&lines, report->access, report->ctl->width ?: ACCESS_COLUMNS, false, NULL);
	out->error |= lines.error;
	rest = text_since(&lines, 0);
	while (bytes_take(&rest, '\n', &line)) {
		if (!line.size)
			continue;
		text_add_string(out, "  ");
		text_add_bytes(out, line);
		text_add_char(out, '\n');
	}
}

static void add_state(struct text *out, const struct report *report)
{
	text_add_string(out, "\nhow much of it is certain\n");
	if (report->lost)
		add_format(out, "  %" PRIu64 " records were lost\n", report->lost);
	else
		text_add_string(out, "  no record was lost\n");
	if (report->away) {
		text_add_string(out, "  callerd was away for ");
		clock_add_duration(out, report->away);
		text_add_string(out, "; what is pinned went on\n");
	}
	if (report->first_record > report->since) {
		text_add_string(out, "  the log begins at ");
		ctl_add_time(out, report->ctl, report->first_record);
		text_add_char(out, '\n');
	}
	if (report->unreadable)
		add_format(out, "  %" PRIu64 " lines are no records\n", report->unreadable);
	for (unsigned int i = 0; i < report->chain_count; i++) {
		const struct report_chain *chain = &report->chains[i];

		if (!chain->chained)
			add_format(out,
				   "  %s has no chain: nobody can tell whether it was changed\n",
				   chain->log);
		else if (chain->result.faults)
			add_format(out,
				   "  %s WAS CHANGED in %" PRIu64
				   " places: callerd verify says where\n",
				   chain->log, chain->result.faults);
		else if (chain->before)
			add_format(out,
				   "  %s: nobody can tell whether the first %" PRIu64
				   " lines were changed; %" PRIu64 " behind them are unchanged\n",
				   chain->log, chain->before, chain->result.lines);
		else
			add_format(out, "  %s: %" PRIu64 " lines unchanged, %" PRIu64 " seals\n",
				   chain->log, chain->result.lines, chain->result.seals);
	}
}

void report_write_text(struct report *report, struct text *out)
{
	add_format(out, "%s, ", report->host[0] ? report->host : "no host");
	ctl_add_time(out, report->ctl, report->since);
	text_add_string(out, " to ");
	ctl_add_time(out, report->ctl, report->until);
	add_format(out,
		   "\n  %" PRIu64 " requests by %u callers, %" PRIu64
		   " of them changed something, %" PRIu64 " failed, %" PRIu64
		   " were expected; %" PRIu64 " connections refused\n",
		   report->requests, report->census.count, report->changes, report->failures,
		   report->expected, report->refused);
	text_add_string(out, "\nto look at\n");
	for (unsigned int i = 0; i < report->grave_count; i++) {
		const struct errand *errand = &report->grave[i];

		text_add_string(out, "  ");
		ctl_add_time(out, report->ctl, errand->first);
		add_format(out, "  %-8s %s%s  ", finding_severity_name(errand->severity),
			   errand->origin, errand->expected ? " (expected)" : "");
		errand_add_act(out, errand->main, errand->main->found, errand->main->detail);
		text_add_char(out, '\n');
	}
	if (!report->grave_count)
		text_add_string(out, "  nothing\n");
	if (report->more_grave)
		add_format(out, "  and %" PRIu64 " more\n", report->more_grave);
	add_new(out, report);
	add_sums(out, "by user", &report->users);
	add_sums(out, "by container", &report->containers);
	add_sums(out, "by operation", &report->operations);
	add_access(out, report);
	add_state(out, report);
}

/* --- CSV -------------------------------------------------------------------------------------- */

/* Adds TEXT as RFC 4180 has it. What a spreadsheet would run as a formula is a text, and a control character is none. */
static void report_cell(struct text *out, const char *text, bool last)
{
	_cleanup_(text_free) struct text cell = {0};

	text_add_char(out, '"');
	if (strchr("=+-@\t", *text) && *text)
		text_add_char(out, '\'');
	text_add_visible(&cell, bytes_of(text), CELL_COLUMNS);
	for (size_t i = 0; i < cell.size; i++) {
		if (cell.data[i] == '"')
			text_add_char(out, '"');
		text_add_char(out, cell.data[i]);
	}
	out->error |= cell.error;
	text_add_string(out, last ? "\"\r\n" : "\",");
}

static void add_number_cell(struct text *out, uint64_t number, bool last)
{
	text_add_number(out, number);
	text_add_string(out, last ? "\r\n" : ",");
}

static void add_text_cells(struct text *out, const char *const *cells, size_t count)
{
	for (size_t i = 0; i < count; i++)
		report_cell(out, cells[i], false);
}

static void add_time_cell(struct text *out, uint64_t time)
{
	if (time)
		clock_add_rfc3339_digits(out, time, 3);
	text_add_char(out, ',');
}

static void add_caller_row(struct text *out, const struct census_caller *caller)
{
	const char *const cells[] = {"caller",		 caller->key.who, caller->key.program,
				     caller->executable, caller->unit,	  caller->container,
				     caller->image};

	add_text_cells(out, cells, COUNT(cells));
	add_time_cell(out, caller->first);
	add_time_cell(out, caller->last);
	add_number_cell(out, caller->requests, false);
	add_number_cell(out, caller->changes, false);
	add_number_cell(out, caller->failures, false);
	add_number_cell(out, caller->refused, false);
	report_cell(out, finding_severity_name(caller->severity) ?: "", false);
	report_cell(out, caller->rule, false);
	report_cell(out, caller->expected ? "yes" : "no", false);
	text_add_string(out, ",,,\r\n");
}

/* A grant's row has no number where none is known. */
static void add_grant_row(struct text *out, const struct access *access,
			  const struct access_grant *grant)
{
	const struct access_use *use = &grant->use;
	bool container = grant->kind == ACCESS_CONTAINER, known = grant->watched || use->last;
	const char *const cells[] = {"grant", container ? "" : grant->who, "", "",
				     "",      container ? grant->who : "", ""};
	char when[48];

	access_say_when(access, grant, when, sizeof(when));
	add_text_cells(out, cells, COUNT(cells));
	add_time_cell(out, use->first);
	add_time_cell(out, use->last);
	if (known) {
		add_number_cell(out, use->requests, false);
		add_number_cell(out, use->changes, false);
		text_add_char(out, ',');
		add_number_cell(out, use->refused, false);
	} else {
		text_add_string(out, ",,,,");
	}
	report_cell(out, finding_severity_name(use->severity) ?: "", false);
	report_cell(out, use->finding, false);
	report_cell(out, use->requests && use->expected == use->requests ? "yes" : "no", false);
	report_cell(out, grant->socket ? grant->socket->path : "", false);
	report_cell(out, grant->how, false);
	report_cell(out, when, false);
	report_cell(out, grant->remove, true);
}

static void add_note_row(struct text *out, struct bytes note)
{
	char text[600];

	text_copy_visible(text, sizeof(text), note, sizeof(text));
	report_cell(out, "note", false);
	report_cell(out, text, false);
	text_add_string(out, ",,,,,,,,,,,,,,,,,\r\n");
}

void report_write_csv(struct report *report, struct text *out)
{
	struct census_caller *caller, *next;
	struct bytes note;
	size_t at = 0;

	text_add_string(out, "row,who,program,executable,unit,container,image,first,last,requests,"
			     "changes,failed,refused,gravest,finding,expected,engine,how,used,"
			     "remove\r\n");
	HASH_ITER(hh, report->census.callers, caller, next)
	{
		add_caller_row(out, caller);
	}
	if (report->no_access) {
		add_note_row(out, bytes_of(report->no_access));
		return;
	}
	for (unsigned int i = 0; i < report->access->grant_count; i++)
		add_grant_row(out, report->access, &report->access->grants[i]);
	while (access_next_note(report->access, &at, &note))
		add_note_row(out, note);
}
