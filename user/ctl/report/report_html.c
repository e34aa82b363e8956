// SPDX-License-Identifier: Apache-2.0
/* A report as a page that needs nothing beside itself: no script, no font, no picture from elsewhere. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/report/report.h"

#define ROWS_SHOWN 25
#define GRANTS_SHOWN 500
#define CHART_WIDTH 720
#define CHART_HEIGHT 120

/* clang-format off */
static const char page_style[] =
	":root{color-scheme:light "
	"dark;--ink:#1c2024;--soft:#5a6370;--line:#d5dae0;--page:#fff;--band:#f4f6f8;"
	"--critical:#b3001b;--high:#c2410c;--medium:#8a5a00;--look:#9fb3c8;--change:#2f6db5;--good:"
	"#1a7f4b}\n"
	"@media(prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#a3adb8;--line:#3a424c;--"
	"page:#14171a;--band:#1d2126;"
	"--critical:#ff7a85;--high:#ff9d5c;--medium:#e5b94e;--look:#5c7288;--change:#6aa9f4;--good:"
	"#5fd39a}}\n"
	"*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);"
	"font:16px/1.5 system-ui,sans-serif}main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem "
	"4rem}\n"
	"h1{font-size:1.6rem;margin:0}h2{font-size:1.2rem;margin:2.2rem 0 .6rem}p{margin:.4rem "
	"0}.soft{color:var(--soft)}\n"
	".numbers{display:flex;flex-wrap:wrap;gap:.6rem;margin:1rem 0}.numbers div{flex:1 1 "
	"8rem;background:var(--band);"
	"border-radius:.5rem;padding:.6rem .8rem}.numbers b{display:block;font-size:1.5rem}\n"
	"table{border-collapse:collapse;width:100%;font-size:.92rem}th,td{text-align:left;padding:."
	"3rem .6rem .3rem 0;"
	"border-bottom:1px solid "
	"var(--line);vertical-align:top}td:last-child{overflow-wrap:anywhere}th{color:var(--soft);font-weight:"
	"600}\n"
	"td.n,th.n{text-align:right;white-space:nowrap}.scroll{overflow-x:auto}.critical{color:var("
	"--critical);font-weight:700}"
	".high{color:var(--high);font-weight:700}.medium{color:var(--medium);font-weight:600}.good{"
	"color:var(--good);font-weight:600}\n"
	"svg{width:100%;height:auto;display:block}.ends{display:flex;justify-content:space-between}svg "
	"text{fill:var(--soft);font-size:11px}.look{fill:var(--look)}"
	".change{fill:var(--change)}.mark{fill:var(--critical)}.axis{stroke:var(--line)}\n"
	"@media(max-width:40rem){.wide,.stack th{display:none}.stack tr{display:block;padding:.4rem 0;border-bottom:1px solid var(--line)}"
	".stack td{display:inline;border:0}.stack td:last-child{display:block}td{overflow-wrap:anywhere}}\n"
	"@media "
	"print{body{font-size:11px}main{max-width:none;padding:0}h2{break-after:avoid}tr{break-"
	"inside:avoid}}\n";
/* clang-format on */

/* Adds TEXT, which others wrote, as text of the page. */
static void add_html(struct text *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			text_add_string(out, "&amp;");
			break;
		case '<':
			text_add_string(out, "&lt;");
			break;
		case '>':
			text_add_string(out, "&gt;");
			break;
		case '"':
			text_add_string(out, "&quot;");
			break;
		case '\'':
			text_add_string(out, "&#39;");
			break;
		default:
			text_add_char(out, *text);
			break;
		}
	}
}

/* Adds what is ours alone. */
__attribute__((format(printf, 2, 3))) static void add_markup(struct text *out, const char *format,
							     ...)
{
	char text[600];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	text_add_string(out, text);
}

static void add_gravity(struct text *out, enum finding_severity severity)
{
	const char *name = finding_severity_name(severity) ?: "";

	add_markup(out, "<span class=\"%s\">%s</span>", name, name);
}

/* --- head ------------------------------------------------------------------------------------- */

static void add_tile(struct text *out, uint64_t number, const char *what, const char *look)
{
	add_markup(out, "<div><b class=\"%s\">%" PRIu64 "</b>%s</div>\n", number ? look : "",
		   number, what);
}

static void add_head(struct text *out, const struct report *report)
{
	text_add_string(out,
			"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
			"<meta name=\"viewport\" "
			"content=\"width=device-width,initial-scale=1\">\n<title>callerd: ");
	add_html(out, report->host);
	text_add_string(out, "</title>\n<style>\n");
	text_add_string(out, page_style);
	text_add_string(
		out, "</style>\n</head>\n<body>\n<main>\n<h1>Who called the container engine on ");
	add_html(out, report->host[0] ? report->host : "this host");
	text_add_string(out, "</h1>\n<p class=\"soft\">");
	ctl_add_time(out, report->ctl, report->since);
	text_add_string(out, " to ");
	ctl_add_time(out, report->ctl, report->until);
	text_add_string(out, report->ctl->utc ? ", UTC"
					      : ", local time of the host that wrote this page");
	text_add_string(out, ". Whoever may call the engine can become root on the host: this page "
			     "says who did, and what for.</p>\n"
			     "<div class=\"numbers\">\n");
	add_tile(out, report->findings[SEVERITY_CRITICAL], "critical requests", "critical");
	add_tile(out, report->findings[SEVERITY_HIGH], "high", "high");
	add_tile(out, report->refused, "connections refused", "medium");
	add_tile(out, report->changes, "changes", "");
	add_tile(out, report->requests, "requests", "");
	add_tile(out, report->census.count, "callers", "");
	text_add_string(out, "</div>\n");
}

/* --- time ------------------------------------------------------------------------------------- */

static void add_bar(struct text *out, const char *look, double x, double y, double width,
		    double height)
{
	if (height > 0)
		add_markup(out,
			   "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
			   "height=\"%.1f\"/>\n",
			   look, x, y, width, height);
}

/* How often NUMBER can be halved: a poller's thousands are not to hide one change. */
static double bar_steps(uint64_t number)
{
	double steps = 0;

	for (; number; number >>= 1)
		steps++;
	return steps;
}

static void add_timeline(struct text *out, const struct report *report)
{
	double step = (double)CHART_WIDTH / report->slice_count, most = 1, unit;

	for (unsigned int i = 0; i < report->slice_count; i++) {
		const struct report_slice *slice = &report->slices[i];
		double high = bar_steps(slice->looks) + bar_steps(slice->changes);

		if (high > most)
			most = high;
	}
	unit = (CHART_HEIGHT - 20) / most;
	add_markup(out,
		   "<h2>When</h2>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"requests "
		   "over time\">\n",
		   CHART_WIDTH, CHART_HEIGHT + 1);
	for (unsigned int i = 0; i < report->slice_count; i++) {
		const struct report_slice *slice = &report->slices[i];
		double x = i * step + .5, changes = bar_steps(slice->changes) * unit;
		double looks = bar_steps(slice->looks) * unit;

		add_bar(out, "change", x, CHART_HEIGHT - changes, step * .8, changes);
		add_bar(out, "look", x, CHART_HEIGHT - changes - looks, step * .8, looks);
		if (slice->findings[SEVERITY_CRITICAL] || slice->findings[SEVERITY_HIGH])
			add_markup(out, "<circle class=\"mark\" cx=\"%.1f\" cy=\"6\" r=\"4\"/>\n",
				   x + step * .4);
	}
	add_markup(out, "<line class=\"axis\" x1=\"0\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>\n</svg>\n",
		   CHART_WIDTH, CHART_HEIGHT, CHART_HEIGHT);
	text_add_string(out, "<div class=\"ends\"><span>");
	ctl_add_time(out, report->ctl, report->since);
	text_add_string(out, "</span><span>");
	ctl_add_time(out, report->ctl, report->until);
	text_add_string(out, "</span></div>\n");
	text_add_string(out,
			"<p class=\"soft\">Below what changed something, above what only looked; "
			"each step in height is twice as many. A dot: something of high or "
			"critical severity.</p>\n");
}

/* --- tables ----------------------------------------------------------------------------------- */

static void add_grave(struct text *out, const struct report *report)
{
	text_add_string(out, "<h2>To look at</h2>\n");
	if (!report->grave_count) {
		text_add_string(out, "<p class=\"good\">Nothing of medium severity or more.</p>\n");
		return;
	}
	text_add_string(out, "<div class=\"scroll\"><table class=\"stack\">\n<tr><th>when</th>"
			     "<th>severity</th><th>who</th><th>what</th></tr>\n");
	for (unsigned int i = 0; i < report->grave_count; i++) {
		const struct errand *errand = &report->grave[i];
		_cleanup_(text_free) struct text what = {0};

		text_add_string(out, "<tr><td>");
		ctl_add_time(out, report->ctl, errand->first);
		text_add_string(out, "</td><td>");
		add_gravity(out, errand->severity);
		text_add_string(out, errand->expected ? ", expected" : "");
		text_add_string(out, "</td><td>");
		add_html(out, errand->origin);
		text_add_string(out, "</td><td>");
		errand_add_act(&what, errand->main, errand->main->found, errand->main->detail);
		add_html(out, what.data ?: "");
		text_add_string(out, errand->main->result == ACT_FAILED
					     ? " <span class=\"soft\">(failed)</span>"
					     : "");
		text_add_string(out, "</td></tr>\n");
	}
	text_add_string(out, "</table></div>\n");
	if (report->more_grave)
		add_markup(out,
			   "<p class=\"soft\">And %" PRIu64 " more, which are no graver.</p>\n",
			   report->more_grave);
}

static void add_rows(struct text *out, const char *title, const char *what,
		     struct report_sum **table)
{
	struct report_sum *sum, *next;
	uint64_t most = 1;
	unsigned int shown = 0;

	if (!*table)
		return;
	HASH_ITER(hh, *table, sum, next)
	if (sum->requests > most)
		most = sum->requests;
	add_markup(out,
		   "<h2>%s</h2>\n<div class=\"scroll\"><table>\n<tr><th>%s</th><th "
		   "class=\"n\">requests</th><th class=\"n\">changes"
		   "</th><th class=\"n wide\">failed</th><th class=\"n "
		   "wide\">refused</th><th>gravest</th><th class=\"wide\"></th></tr>\n",
		   title, what);
	HASH_ITER(hh, *table, sum, next)
	{
		if (shown++ == ROWS_SHOWN)
			break;
		text_add_string(out, "<tr><td>");
		add_html(out, sum->name);
		add_markup(out,
			   "</td><td class=\"n\">%" PRIu64 "</td><td class=\"n\">%" PRIu64
			   "</td><td class=\"n wide\">%" PRIu64 "</td><td class=\"n wide\">%" PRIu64
			   "</td><td>",
			   sum->requests, sum->changes, sum->failures, sum->refused);
		if (sum->severity)
			add_gravity(out, sum->severity);
		else
			text_add_string(out, sum->only_looks
						     ? "<span class=\"soft\">only looks</span>"
						     : "");
		add_markup(out,
			   "</td><td class=\"wide\"><svg viewBox=\"0 0 100 12\" "
			   "style=\"width:100px\" aria-hidden=\"true\"><rect "
			   "class=\"%s\" width=\"%.1f\" height=\"12\"/></svg></td></tr>\n",
			   sum->changes ? "change" : "look",
			   1 + 99. * (double)sum->requests / (double)most);
	}
	text_add_string(out, "</table></div>\n");
	if (HASH_COUNT(*table) > ROWS_SHOWN)
		add_markup(out, "<p class=\"soft\">And %u more.</p>\n",
			   HASH_COUNT(*table) - ROWS_SHOWN);
}

static void add_first_times(struct text *out, struct report *report)
{
	static const char *const kinds[REPORT_KINDS] = {"caller", "image", "operation"};
	struct report_seen *seen, *next;
	unsigned int count = 0;

	text_add_string(out, "<h2>New</h2>\n");
	if (!report->had_before) {
		text_add_string(out, "<p class=\"soft\">Not known: the log begins no earlier than "
				     "this report.</p>\n");
		return;
	}
	for (int kind = 0; kind < REPORT_KINDS; kind++)
		HASH_ITER(hh, report->seen[kind], seen, next)
		{
			if (seen->first < report->since)
				continue;
			if (!count++)
				text_add_string(out, "<div class=\"scroll\"><table "
						     "class=\"stack\">\n<tr><th>first "
						     "seen</th><th></th><th>what</th><th>by"
						     "</th></tr>\n");
			text_add_string(out, "<tr><td>");
			ctl_add_time(out, report->ctl, seen->first);
			add_markup(out, "</td><td>%s</td><td>", kinds[kind]);
			add_html(out, seen->name);
			text_add_string(out, "</td><td>");
			add_html(out, seen->by);
			text_add_string(out, "</td></tr>\n");
		}
	text_add_string(
		out, count ? "</table></div>\n"
			   : "<p>No caller, image or operation that was not there before.</p>\n");
}

/* What is told of a grant is what others are called, and what they chose. */
static void add_visible_html(struct text *out, struct bytes text)
{
	char visible[600];

	text_copy_visible(visible, sizeof(visible), text, sizeof(visible));
	add_html(out, visible);
}

static void add_grant_cells(struct text *out, const struct access *access,
			    const struct access_grant *grant)
{
	_cleanup_(text_free) struct text use = {0};
	char when[48];

	access_say_when(access, grant, when, sizeof(when));
	access_say_use(&use, grant);
	text_add_string(out, "<tr><td>");
	add_html(out, grant->kind == ACCESS_CONTAINER ? "container " : "");
	add_visible_html(out, bytes_of(grant->who));
	text_add_string(out, "</td><td>");
	add_visible_html(out, bytes_of(grant->how));
	add_markup(out, "</td><td class=\"%s\">", access_is_idle(grant) ? "medium" : "");
	add_visible_html(out, bytes_of(when));
	text_add_string(out, "</td><td>");
	add_visible_html(out, text_since(&use, 0));
	if (*grant->remove) {
		text_add_string(out, use.size ? "<br>→ <code>" : "→ <code>");
		add_visible_html(out, bytes_of(grant->remove));
		text_add_string(out, "</code>");
	}
	text_add_string(out, "</td></tr>\n");
}

static void add_grants(struct text *out, const struct access *access)
{
	for (unsigned int i = 0; i < access->grant_count && i < GRANTS_SHOWN; i++) {
		const struct access_grant *grant = &access->grants[i];

		if (!access_is_beside(i ? grant - 1 : NULL, grant)) {
			_cleanup_(text_free) struct text socket = {0};

			access_say_socket(&socket, grant);
			text_add_string(out, i ? "</table></div>\n<p><b>" : "<p><b>");
			add_visible_html(out, text_since(&socket, 0));
			text_add_string(out, "</b></p>\n<div class=\"scroll\"><table "
					     "class=\"stack\">\n<tr><th>who</th><th>how</th>"
					     "<th>last use</th><th>so what</th></tr>\n");
		}
		add_grant_cells(out, access, grant);
	}
	if (access->grant_count)
		text_add_string(out, "</table></div>\n");
	if (access->grant_count > GRANTS_SHOWN)
		add_markup(out, "<p class=\"soft\">And %u more: callerctl access.</p>\n",
			   access->grant_count - GRANTS_SHOWN);
}

static void add_access_review(struct text *out, const struct report *report)
{
	_cleanup_(text_free) struct text evidence = {0};
	const struct access *access = report->access;
	struct bytes note;
	size_t at = 0;

	text_add_string(out, "<h2>Who can reach the engines now, and who did</h2>\n");
	if (report->no_access) {
		text_add_string(out, "<p class=\"soft\">Not told: ");
		add_html(out, report->no_access);
		text_add_string(out, ".</p>\n");
		return;
	}
	access_say_evidence(&evidence, access);
	text_add_string(
		out,
		"<p class=\"soft\">Whoever controls an engine of root's is root on this host. "
		"What nobody used may be taken away: → is the command.</p>\n<p class=\"soft\">");
	add_visible_html(out, text_since(&evidence, 0));
	text_add_string(out, "</p>\n");
	add_grants(out, access);
	if (!access->notes.size)
		return;
	text_add_string(out, "<p class=\"soft\">Not known:</p>\n<ul class=\"soft\">\n");
	while (access_next_note(access, &at, &note)) {
		text_add_string(out, "<li>");
		add_visible_html(out, note);
		text_add_string(out, "</li>\n");
	}
	text_add_string(out, "</ul>\n");
}

static void add_certainty(struct text *out, const struct report *report)
{
	text_add_string(out, "<h2>How much of it is certain</h2>\n<ul>\n");
	if (report->lost)
		add_markup(out, "<li class=\"high\">%" PRIu64 " records were lost.</li>\n",
			   report->lost);
	else
		text_add_string(out, "<li class=\"good\">No record was lost.</li>\n");
	if (report->away) {
		text_add_string(out, "<li>callerd was away for ");
		clock_add_duration(out, report->away);
		text_add_string(out, ".</li>\n");
	}
	if (report->first_record > report->since) {
		text_add_string(out, "<li>The log begins at ");
		ctl_add_time(out, report->ctl, report->first_record);
		text_add_string(out, ".</li>\n");
	}
	if (report->unreadable)
		add_markup(out, "<li class=\"high\">%" PRIu64 " lines are no records.</li>\n",
			   report->unreadable);
	for (unsigned int i = 0; i < report->chain_count; i++) {
		const struct report_chain *chain = &report->chains[i];

		add_markup(out, "<li class=\"%s\">",
			   chain->result.faults		      ? "critical"
			   : chain->chained && !chain->before ? "good"
							      : "medium");
		add_html(out, chain->log);
		if (!chain->chained)
			text_add_string(out,
					" has no chain: nobody can tell whether it was changed.");
		else if (chain->result.faults)
			add_markup(out,
				   " was changed in %" PRIu64
				   " places: <code>callerd verify</code> says where.",
				   chain->result.faults);
		else if (chain->before)
			add_markup(out,
				   ": nobody can tell whether the first %" PRIu64
				   " lines were changed; %" PRIu64 " behind them are unchanged.",
				   chain->before, chain->result.lines);
		else
			add_markup(out, " is unchanged: %" PRIu64 " lines, %" PRIu64 " seals.",
				   chain->result.lines, chain->result.seals);
		text_add_string(out, "</li>\n");
	}
	text_add_string(out, "</ul>\n");
}

void report_write_html(struct report *report, struct text *out)
{
	add_head(out, report);
	add_grave(out, report);
	add_timeline(out, report);
	add_first_times(out, report);
	add_rows(out, "By user", "user", &report->users);
	add_rows(out, "By container", "container", &report->containers);
	add_rows(out, "By operation", "operation", &report->operations);
	add_access_review(out, report);
	add_certainty(out, report);
	text_add_string(
		out,
		"<p class=\"soft\">Written by callerctl report.</p>\n</main>\n</body>\n</html>\n");
}
