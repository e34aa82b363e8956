// SPDX-License-Identifier: Apache-2.0
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <time.h>

#include "base/utf8.h"
#include "ctl/access/access.h"
#include "json/json.h"

#define S_PER_DAY 86400
#define UNCUT 400
#define WHEN_COLUMNS 22 /* never since 2026-11-30 */
#define DAILY_DAYS 3

struct access_layout {
	size_t who, how;
	unsigned int columns;
	bool colour;
};

/* Whether it was used on most days that the log has. */
static bool is_daily(const struct access *access, const struct access_grant *grant)
{
	uint64_t span = (access->log_last - access->log_first) / NS_PER_S / S_PER_DAY + 1;

	return grant->use.days >= DAILY_DAYS && grant->use.days * 5 >= span * 4 &&
	       access->now - grant->use.last < (uint64_t)2 * S_PER_DAY * NS_PER_S;
}

bool access_is_idle(const struct access_grant *grant)
{
	return grant->standing && !grant->use.last && !grant->connections;
}

void access_say_when(const struct access *access, const struct access_grant *grant, char *text,
		     size_t size)
{
	uint64_t days;
	struct tm now, then;

	if (grant->connections) {
		snprintf(text, size, "now");
		return;
	}
	if (!grant->use.last) {
		ctl_split_time(access->ctl->utc, access->log_first, &then);
		if (grant->use.refused)
			snprintf(text, size, "refused");
		else if (grant->watched && access->log_first)
			strftime(text, size, "never since %Y-%m-%d", &then);
		else
			snprintf(text, size, "not known");
		return;
	}
	ctl_split_time(access->ctl->utc, access->now, &now);
	ctl_split_time(access->ctl->utc, grant->use.last, &then);
	days = access->now > grant->use.last
		       ? (access->now - grant->use.last) / NS_PER_S / S_PER_DAY
		       : 0;
	if (is_daily(access, grant))
		snprintf(text, size, "daily");
	else if (now.tm_year == then.tm_year && now.tm_yday == then.tm_yday)
		strftime(text, size, "today %H:%M", &then);
	else if (days < 2)
		snprintf(text, size, "1 day ago");
	else
		snprintf(text, size, "%" PRIu64 " days ago", days);
}

static bool only_reads(const struct access_grant *grant)
{
	return grant->use.requests && !grant->use.changes;
}

static void add_part(struct text *out, const char *part)
{
	if (!*part)
		return;
	if (out->size)
		text_add_string(out, ", ");
	text_add_string(out, part);
}

/* "61 calls, 12 changes, critical: host-root-mount, expected: ci": the gravest first. */
void access_say_use(struct text *out, const struct access_grant *grant)
{
	const struct access_use *use = &grant->use;
	char text[200];

	if (use->severity >= SEVERITY_MEDIUM) {
		snprintf(text, sizeof(text), "%s: %s", finding_severity_name(use->severity),
			 use->finding);
		add_part(out, text);
	}
	if (grant->kind == ACCESS_TCP && *use->by) {
		snprintf(text, sizeof(text), "last by %s", use->by);
		add_part(out, text);
	}
	if (use->requests) {
		add_part(out, only_reads(grant) ? "only reads" : "");
		snprintf(text, sizeof(text), "%" PRIu64 " calls", use->requests);
		add_part(out, text);
		if (!only_reads(grant)) {
			snprintf(text, sizeof(text), "%" PRIu64 " changes", use->changes);
			add_part(out, text);
		} else if (grant->kind != ACCESS_ROOT) {
			add_part(out, "a read-only proxy would do");
		}
	} else if (use->connects) {
		add_part(out, "connected, no call");
	}
	if (use->refused) {
		snprintf(text, sizeof(text), "%" PRIu64 " refused", use->refused);
		add_part(out, text);
	}
	if (*use->rule) {
		snprintf(text, sizeof(text), "%s: %s",
			 use->expected == use->requests ? "expected" : "expected in part",
			 use->rule);
		add_part(out, text);
	}
	if (grant->connections) {
		snprintf(text, sizeof(text), "%u open", grant->connections);
		add_part(out, text);
	}
	add_part(out, grant->detail);
}

/* --- lines ------------------------------------------------------------------------------------ */

static void add_cell(struct text *line, const char *text, size_t columns, bool fill)
{
	size_t start = line->size;

	text_add_visible(line, bytes_of(text), columns);
	for (size_t used = utf8_columns(line->data + start, line->size - start);
	     fill && used < columns && !line->error; used++)
		text_add_char(line, ' ');
}

static void end_access_line(struct text *out, struct text *line)
{
	while (line->size && line->data[line->size - 1] == ' ')
		text_cut(line, line->size - 1);
	text_add_bytes(out, text_since(line, 0));
	text_add_char(out, '\n');
	text_cut(line, 0);
}

static void add_paint(const struct access_layout *layout, struct text *line, const char *colour)
{
	if (!layout->colour || !colour)
		return;
	text_add_string(line, "\033[");
	text_add_string(line, colour);
	text_add_char(line, 'm');
}

static const char *grant_colour(const struct access_grant *grant)
{
	if (access_is_idle(grant) && grant->watched)
		return "33"; /* yellow */
	if (grant->use.severity >= SEVERITY_HIGH)
		return "31";
	return grant->kind == ACCESS_ROOT ? "2" : NULL;
}

/* The command is never cut: where it has no room it stands on a line of its own. */
static void add_grant_line(struct text *out, const struct access *access,
			   const struct access_grant *grant, const struct access_layout *layout)
{
	_cleanup_(text_free) struct text line = {0}, use = {0};
	size_t columns = layout->columns ?: UNCUT,
	       used = 4 + layout->who + layout->how + WHEN_COLUMNS;
	const char *colour = grant_colour(grant);
	size_t needed = *grant->remove ? strlen(grant->remove) + 3 : 0, shown;
	char when[48], name[ACCESS_NAME_SIZE + 2];

	snprintf(name, sizeof(name), grant->kind == ACCESS_CONTAINER ? "[%s]" : "%s", grant->who);
	access_say_when(access, grant, when, sizeof(when));
	access_say_use(&use, grant);
	add_paint(layout, &line, colour);
	text_add_string(&line, access_is_idle(grant) ? "! " : "  ");
	add_cell(&line, name, layout->who, true);
	text_add_char(&line, ' ');
	add_cell(&line, grant->how, layout->how, true);
	text_add_char(&line, ' ');
	if (use.size) {
		add_cell(&line, when, WHEN_COLUMNS, true);
		text_add_char(&line, ' ');
		add_cell(&line, use.data, columns > used + 8 ? columns - used - 1 : 8, false);
	} else {
		add_cell(&line, when, WHEN_COLUMNS, false);
	}
	shown = utf8_columns(line.data, line.size);
	if (needed && shown + needed + 1 <= columns) {
		text_add_string(&line, "  → ");
		text_add_string(&line, grant->remove);
		needed = 0;
	}
	add_paint(layout, &line, colour ? "" : NULL);
	end_access_line(out, &line);
	if (needed) {
		text_add_string(&line, "    → ");
		text_add_string(&line, grant->remove);
		end_access_line(out, &line);
	}
}

bool access_is_beside(const struct access_grant *grant, const struct access_grant *other)
{
	return grant && grant->socket == other->socket &&
	       (grant->kind == ACCESS_CONTEXT) == (other->kind == ACCESS_CONTEXT);
}

void access_say_socket(struct text *out, const struct access_grant *grant)
{
	const struct access_socket *socket = grant->socket;
	const struct passwd *owner = socket ? getpwuid(socket->uid) : NULL;
	const struct group *group = socket ? getgrgid(socket->gid) : NULL;

	if (!socket) {
		text_add_string(out, grant->kind == ACCESS_CONTEXT
					     ? "other engines, by contexts and variables"
					     : "by way of root");
		return;
	}
	text_add_visible(out, bytes_of(socket->path), UNCUT);
	if (!socket->tcp) {
		char mode[16];

		text_add_string(out, "  ");
		text_add_visible(out, bytes_of(owner ? owner->pw_name : "?"), 32);
		text_add_char(out, ':');
		text_add_visible(out, bytes_of(group ? group->gr_name : "?"), 32);
		snprintf(mode, sizeof(mode), " %04o", socket->mode & 07777);
		text_add_string(out, mode);
		for (unsigned int i = 1; i < socket->way_count; i++) {
			text_add_string(out, ", also at ");
			text_add_visible(out, bytes_of(socket->ways[i].path), UNCUT);
		}
	}
	if (!socket->is_root)
		text_add_string(out, "  a user's own engine: it has no more than he has");
}

static size_t widest_of(size_t now, const char *text, size_t max)
{
	size_t columns = utf8_columns(text, strlen(text));

	columns = columns < max ? columns : max;
	return columns > now ? columns : now;
}

void access_say_evidence(struct text *out, const struct access *access)
{
	char text[160];

	if (!access->has_log) {
		text_add_string(out, "use: not known, there is no log");
		return;
	}
	text_add_string(out, "use: by the log since ");
	ctl_add_time(out, access->ctl, access->log_first);
	if (access->unwatched / NS_PER_S) {
		snprintf(text, sizeof(text), "; %llu s of it without callerd",
			 (unsigned long long)(access->unwatched / NS_PER_S));
		text_add_string(out, text);
	}
	if (access->lost) {
		snprintf(text, sizeof(text), "; records were lost %" PRIu64 " times", access->lost);
		text_add_string(out, text);
	}
}

static void add_access_notes(struct text *out, const struct access *access)
{
	struct bytes note;
	size_t at = 0;

	access_say_evidence(out, access);
	text_add_char(out, '\n');
	while (access_next_note(access, &at, &note)) {
		text_add_string(out, "? ");
		text_add_bytes(out, note);
		text_add_char(out, '\n');
	}
}

static void fit_layout(struct access_layout *layout, const struct access_grant *grant)
{
	bool narrow = layout->columns && layout->columns < 120;

	layout->who = widest_of(layout->who, grant->who, narrow ? 20 : 32);
	layout->how = widest_of(layout->how, grant->how, narrow ? 18 : 40);
}

void access_add_lines(struct text *out, const struct access *access, unsigned int columns,
		      bool colour,
		      bool (*wanted)(const struct access *access, const struct access_grant *grant))
{
	struct access_layout layout = {.columns = columns, .colour = colour};
	const struct access_grant *last = NULL;

	add_access_notes(out, access);
	for (unsigned int i = 0; i < access->grant_count; i++)
		if (!wanted || wanted(access, &access->grants[i]))
			fit_layout(&layout, &access->grants[i]);
	layout.who += 2; /* of a container's brackets */
	for (unsigned int i = 0; i < access->grant_count; i++) {
		const struct access_grant *grant = &access->grants[i];

		if (wanted && !wanted(access, grant))
			continue;
		if (!access_is_beside(last, grant)) {
			add_paint(&layout, out, "1");
			access_say_socket(out, grant);
			add_paint(&layout, out, "");
			text_add_char(out, '\n');
		}
		last = grant;
		add_grant_line(out, access, grant, &layout);
	}
}

/* --- JSON ------------------------------------------------------------------------------------- */

static const char *const kind_words[] = {
	[ACCESS_ROOT] = "root",
	[ACCESS_OWNER] = "owner",
	[ACCESS_GROUP] = "group",
	[ACCESS_ACL] = "acl",
	[ACCESS_EVERYBODY] = "everybody",
	[ACCESS_SUDO] = "sudo",
	[ACCESS_DOAS] = "doas",
	[ACCESS_POLKIT] = "polkit",
	[ACCESS_HELD] = "held",
	[ACCESS_CONNECTED] = "connected",
	[ACCESS_TCP] = "tcp",
	[ACCESS_CONTEXT] = "context",
	[ACCESS_CONTAINER] = "container",
	[ACCESS_NO_WAY] = "no-way",
};

static void put_grant(struct text *out, const struct access *access,
		      const struct access_grant *grant)
{
	struct json json = {.out = out};
	const struct access_use *use = &grant->use;

	json_open_object(&json, NULL);
	json_put_string(&json, "socket", bytes_of(grant->socket ? grant->socket->path : NULL));
	json_put_string(&json, "who", bytes_of(grant->who));
	if (grant->has_uid)
		json_put_number(&json, "uid", grant->uid);
	json_put_string(&json, "container_id", bytes_of(grant->container_id));
	json_put_word(&json, "kind", kind_words[grant->kind]);
	json_put_string(&json, "how", bytes_of(grant->how));
	json_put_string(&json, "detail", bytes_of(grant->detail));
	json_put_bool(&json, "root_equivalent", grant->standing || grant->kind == ACCESS_ROOT);
	json_put_bool(&json, "known", grant->watched);
	if (access->has_log && grant->watched)
		json_put_time(&json, "known_since", access->log_first);
	if (use->last) {
		json_put_time(&json, "first", use->first);
		json_put_time(&json, "last", use->last);
		if (grant->kind == ACCESS_TCP)
			json_put_string(&json, "last_by", bytes_of(use->by));
	}
	json_put_number(&json, "connections", grant->connections);
	json_put_number(&json, "requests", use->requests);
	json_put_number(&json, "changes", use->changes);
	json_put_number(&json, "refused", use->refused);
	json_put_bool(&json, "only_reads", only_reads(grant));
	json_put_bool(&json, "daily", use->last && is_daily(access, grant));
	if (use->severity) {
		json_put_word(&json, "severity", finding_severity_name(use->severity));
		json_put_string(&json, "finding", bytes_of(use->finding));
	}
	json_put_string(&json, "expected_rule", bytes_of(use->rule));
	json_put_string(&json, "remove", bytes_of(grant->remove));
	json_close(&json);
	text_add_char(out, '\n');
}

void access_add_json(struct text *out, const struct access *access,
		     bool (*wanted)(const struct access *access, const struct access_grant *grant))
{
	struct bytes note;
	size_t at = 0;

	for (unsigned int i = 0; i < access->grant_count; i++)
		if (!wanted || wanted(access, &access->grants[i]))
			put_grant(out, access, &access->grants[i]);
	while (access_next_note(access, &at, &note)) {
		struct json json = {.out = out};

		json_open_object(&json, NULL);
		json_put_string(&json, "not_known", note);
		json_close(&json);
		text_add_char(out, '\n');
	}
}
