// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/utf8.h"
#include "ctl/ctl.h"

#define TIME_COLUMNS 8
#define RESULT_COLUMNS 12
#define NARROW 100 /* columns: below, the result stands with what was done */
#define WIDE 160   /* from here on the command has a place */
#define UNBOUND 240

/* SGR parameters. */
#define DIM "2"
#define BOLD "1"
#define RED "31"
#define BOLD_RED "1;31"
#define YELLOW "33"
#define MAGENTA "35"

void screen_open(struct screen *screen, const struct ctl *ctl)
{
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
	bool terminal = isatty(STDOUT_FILENO);
	struct winsize size;

	*screen = (struct screen){.utc = ctl->utc, .columns = ctl->width};
	if (!screen->columns && terminal && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
		screen->columns = size.ws_col;
	screen->colour = ctl->colour == COLOUR_ALWAYS ||
			 (ctl->colour == COLOUR_AUTO && terminal && !(no_colour && *no_colour) &&
			  term && strcmp(term, "dumb") != 0);
	tzset();
}

void screen_close(struct screen *screen)
{
	text_free(&screen->line);
}

/* --- parts ------------------------------------------------------------------------------------ */

/* Adds TEXT in COLUMNS, cut or filled, and in COLOUR where it is not NULL; UNBOUND: as it is. */
static void add_column(struct screen *screen, const char *text, size_t columns, const char *colour)
{
	struct text *line = &screen->line;
	size_t start;

	if (colour && screen->colour) {
		text_add_string(line, "\033[");
		text_add_string(line, colour);
		text_add_char(line, 'm');
	}
	start = line->size;
	text_add_visible(line, bytes_of(text ?: ""), columns);
	if (colour && screen->colour) {
		size_t used = utf8_columns(line->data + start, line->size - start);

		text_add_string(line, "\033[m");
		for (; used < columns && columns < UNBOUND; used++)
			text_add_char(line, ' ');
		return;
	}
	for (size_t used = utf8_columns(line->data + start, line->size - start);
	     used < columns && columns < UNBOUND && !line->error; used++)
		text_add_char(line, ' ');
}

static void screen_end_line(struct screen *screen)
{
	struct text *line = &screen->line;

	while (line->size && line->data[line->size - 1] == ' ')
		text_cut(line, line->size - 1);
	text_add_char(line, '\n');
	if (!line->error)
		fwrite(line->data, 1, line->size, stdout);
	text_cut(line, 0);
}

void ctl_split_time(bool utc, uint64_t time, struct tm *ret)
{
	time_t seconds = (time_t)(time / NS_PER_S);

	if (utc)
		gmtime_r(&seconds, ret);
	else
		localtime_r(&seconds, ret);
}

void ctl_add_time(struct text *out, const struct ctl *ctl, uint64_t time)
{
	char text[40];
	struct tm tm;

	ctl_split_time(ctl->utc, time, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm);
	text_add_string(out, text);
}

void screen_day(struct screen *screen, uint64_t time)
{
	char day[sizeof(screen->day)], text[80];
	struct tm tm;

	ctl_split_time(screen->utc, time, &tm);
	strftime(day, sizeof(day), "%Y-%m-%d", &tm);
	if (!strcmp(day, screen->day))
		return;
	memcpy(screen->day, day, sizeof(day));
	strftime(text, sizeof(text), screen->utc ? "%a %Y-%m-%d, UTC" : "%a %Y-%m-%d, %Z (UTC%z)",
		 &tm);
	add_column(screen, text, UNBOUND, DIM);
	screen_end_line(screen);
}

static void add_clock(struct screen *screen, uint64_t time)
{
	char text[16];
	struct tm tm;

	ctl_split_time(screen->utc, time, &tm);
	strftime(text, sizeof(text), "%H:%M:%S", &tm);
	add_column(screen, text, TIME_COLUMNS, DIM);
	text_add_char(&screen->line, ' ');
}

struct mark {
	const char *text, *colour;
};

static struct mark mark_of(enum finding_severity severity, bool refused)
{
	if (refused)
		return (struct mark){" x", MAGENTA};
	switch (severity) {
	case SEVERITY_CRITICAL:
		return (struct mark){"!!", BOLD_RED};
	case SEVERITY_HIGH:
		return (struct mark){" !", RED};
	case SEVERITY_MEDIUM:
		return (struct mark){" ?", YELLOW};
	default:
		return (struct mark){"", NULL};
	}
}

/* ok, failed 404, exit 1: how ACT ended; "" where there is nothing to say. */
static const char *result_text(const struct act *act, char *text, size_t size)
{
	text[0] = '\0';
	if (act->has_exit)
		snprintf(text, size, "exit %" PRId64, act->exit);
	else if (act->result == ACT_FAILED && act->status)
		snprintf(text, size, "failed %u", act->status);
	else if (act->result == ACT_FAILED)
		snprintf(text, size, "failed");
	else if (act->result == ACT_OK)
		snprintf(text, size, "ok");
	else if (act->operation)
		snprintf(text, size, "no answer");
	return text;
}

static unsigned int count_others(const struct errand *errand, const struct act *act)
{
	unsigned int others = 0;

	for (unsigned int i = 0; i < errand->act_count; i++)
		others += &errand->acts[i] != act && errand->acts[i].weight >= WEIGHT_READ;
	return others;
}

/* "ran web (busybox): / mounted read-write at /mnt": what was done, and so what. ERRAND: what else it has is counted; NULL: not. */
static void say_act(struct text *out, const struct act *act, const struct errand *errand)
{
	bool command = act->operation == OPERATION_ContainerExec;
	uint64_t others = errand ? count_others(errand, act) + errand->more_acts : 0;

	errand_add_act(out, act, command ? act->detail : act->found,
		       command ? act->found : act->detail);
	if (others) {
		text_add_string(out, " (+");
		text_add_number(out, others);
		text_add_string(out, " more)");
	}
}

/* --- lines ------------------------------------------------------------------------------------ */

static size_t who_columns(const struct screen *screen)
{
	if (!screen->columns || screen->columns >= WIDE)
		return 40;
	return screen->columns >= NARROW ? 24 : 16;
}

/* As much of who ERRAND is of as fits. */
static const char *fitting_who(const struct errand *errand, size_t columns)
{
	const char *const forms[] = {errand->origin, errand->brief};

	for (size_t i = 0; i < COUNT(forms); i++)
		if (*forms[i] && utf8_columns(forms[i], strlen(forms[i])) <= columns)
			return forms[i];
	return errand->who;
}

void screen_errand(struct screen *screen, const struct errand *errand)
{
	struct mark mark = mark_of(errand->severity, errand->kind == ERRAND_REFUSED);
	const struct act *act = errand->main;
	size_t who = who_columns(screen), used = TIME_COLUMNS + 1 + who + 1 + 3, left;
	bool dim = errand_only_looks(errand) ||
		   (errand->expected && errand->severity < SEVERITY_MEDIUM);
	_cleanup_(text_free) struct text what = {0};
	char result[32];

	screen_day(screen, errand->first);
	add_clock(screen, errand->first);
	add_column(screen, fitting_who(errand, who), who, dim ? DIM : BOLD);
	text_add_char(&screen->line, ' ');
	add_column(screen, mark.text, 2, mark.colour);
	text_add_char(&screen->line, ' ');
	result_text(act, result, sizeof(result));
	if (screen->columns && screen->columns < NARROW) {
		left = screen->columns > used + 10 ? screen->columns - used : 10;
		if (act->result == ACT_FAILED || (act->has_exit && act->exit)) {
			text_add_string(&what, result);
			text_add_string(&what, ": ");
		}
		say_act(&what, act, errand);
		add_column(screen, what.data, left, dim ? DIM : mark.colour);
		screen_end_line(screen);
		return;
	}
	say_act(&what, act, errand);
	if (screen->columns >= WIDE)
		left = (screen->columns - used - RESULT_COLUMNS - 2) * 3 / 5;
	else
		left = screen->columns ? screen->columns - used - RESULT_COLUMNS - 1 : 70;
	add_column(screen, what.data, left, dim ? DIM : mark.colour);
	text_add_char(&screen->line, ' ');
	add_column(screen, result, RESULT_COLUMNS,
		   act->result == ACT_FAILED ? RED
		   : dim		     ? DIM
					     : NULL);
	if (!screen->columns || screen->columns >= WIDE) {
		text_add_char(&screen->line, ' ');
		used += left + RESULT_COLUMNS + 2;
		add_column(screen, errand->command,
			   screen->columns ? screen->columns - used : UNBOUND, DIM);
	}
	screen_end_line(screen);
}

void screen_act(struct screen *screen, const struct act *act)
{
	struct mark mark = mark_of(act->severity, false);
	size_t indent = TIME_COLUMNS + 1 + who_columns(screen) + 1;
	_cleanup_(text_free) struct text what = {0};
	char result[32];

	add_column(screen, "", indent, NULL);
	add_column(screen, mark.text, 2, mark.colour);
	text_add_string(&screen->line, " ");
	text_add_string(&what, "· ");
	if (act->result == ACT_FAILED) {
		text_add_string(&what, result_text(act, result, sizeof(result)));
		text_add_string(&what, ": ");
	}
	say_act(&what, act, NULL);
	add_column(screen, what.data,
		   screen->columns > indent + 13 ? screen->columns - indent - 3 : UNBOUND,
		   mark.colour ?: DIM);
	screen_end_line(screen);
}

void screen_note(struct screen *screen, const char *text)
{
	add_column(screen, text, screen->columns ?: UNBOUND, DIM);
	screen_end_line(screen);
}

void screen_plain(struct screen *screen, const char *text)
{
	add_column(screen, text, screen->columns ?: UNBOUND * 2, NULL);
	screen_end_line(screen);
}

void screen_heading(struct screen *screen, const char *text)
{
	add_column(screen, text, screen->columns ?: UNBOUND * 2, BOLD);
	screen_end_line(screen);
}
