// SPDX-License-Identifier: Apache-2.0
/* callerctl top: who calls now, how often, and what of it changes something. */
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <ncurses.h>

#include "base/utf8.h"
#include "ctl/census.h"
#include "ctl/ctl.h"

#define DRAW_INTERVAL (500 * NS_PER_MS)
#define SPARK_CELLS 20
#define FILTER_SIZE 40

enum top_sort { SORT_RATE, SORT_CHANGES, SORT_FINDING, SORT_LAST, SORT_WAYS };
enum top_rule { NO_RULE, RULE_EXPECTED, RULE_POLICY, RULES };
enum top_colour { TOP_RED = 1, TOP_YELLOW, TOP_DIM };

struct top {
	struct ctl *ctl;
	struct census census;
	enum top_sort sort;
	char filter[FILTER_SIZE];
	bool filtering, detail, ended, static_log;
	enum top_rule rule;	    /* what is shown of .shown in place of its tree */
	unsigned int chosen, count; /* lines */
	struct census_caller **lines;
	struct census_caller *shown; /* of .detail */
	uint64_t drawn;
	struct text text;
};

/* --- order ------------------------------------------------------------------------------------ */

static uint64_t sort_now; /* qsort() has no argument for it */
static enum top_sort sort_by;

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? 1 : a > b ? -1 : 0;
}

static int compare_callers(const void *a, const void *b)
{
	const struct census_caller *one = *(struct census_caller *const *)a;
	const struct census_caller *other = *(struct census_caller *const *)b;
	int order = 0;

	if (sort_by == SORT_RATE)
		order = compare_numbers(census_rate(one, sort_now), census_rate(other, sort_now));
	else if (sort_by == SORT_CHANGES)
		order = compare_numbers(one->changes, other->changes);
	else if (sort_by == SORT_FINDING)
		order = compare_numbers(one->severity, other->severity);
	return order
		       ?: compare_numbers(one->last, other->last)
				  ?: memcmp(&one->key, &other->key, sizeof(one->key));
}

static bool top_filters(const struct top *top, const struct census_caller *caller)
{
	return !*top->filter || strcasestr(caller->key.who, top->filter) ||
	       strcasestr(caller->key.program, top->filter) ||
	       strcasestr(caller->key.place, top->filter) || strcasestr(caller->rule, top->filter);
}

static int sort_callers(struct top *top, uint64_t now)
{
	struct census_caller *caller, *next;

	free(top->lines);
	top->lines = calloc(top->census.count + 1, sizeof(struct census_caller *));
	top->count = 0;
	if (!top->lines)
		return -ENOMEM;
	HASH_ITER(hh, top->census.callers, caller, next)
	if (top_filters(top, caller))
		top->lines[top->count++] = caller;
	sort_now = now;
	sort_by = top->sort;
	qsort(top->lines, top->count, sizeof(struct census_caller *), compare_callers);
	if (top->chosen >= top->count)
		top->chosen = top->count ? top->count - 1 : 0;
	return 0;
}

/* --- drawing ---------------------------------------------------------------------------------- */

/* Adds TEXT at the cursor in COLUMNS, cut or filled. */
static void draw_column(struct top *top, const char *text, size_t columns)
{
	size_t used;

	text_cut(&top->text, 0);
	text_add_visible(&top->text, bytes_of(text), columns);
	if (top->text.error || !top->text.data)
		return;
	addnstr(top->text.data, (int)top->text.size);
	for (used = utf8_columns(top->text.data, top->text.size); used < columns; used++)
		addch(' ');
}

static void draw_spark(const struct census_caller *caller, uint64_t now)
{
	static const char *const bars[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	uint32_t cells[SPARK_CELLS] = {0}, most = 1;

	for (unsigned int ago = 0; ago < CENSUS_SECONDS; ago++)
		cells[SPARK_CELLS - 1 - ago * SPARK_CELLS / CENSUS_SECONDS] +=
			census_second(caller, now, ago);
	for (unsigned int i = 0; i < SPARK_CELLS; i++)
		if (cells[i] > most)
			most = cells[i];
	for (unsigned int i = 0; i < SPARK_CELLS; i++)
		addstr(bars[cells[i] ? 1 + cells[i] * 7 / most : 0]);
}

static void draw_line(struct top *top, const struct census_caller *caller, bool chosen, int columns,
		      uint64_t now)
{
	bool red = caller->severity >= SEVERITY_HIGH, yellow = caller->severity == SEVERITY_MEDIUM;
	chtype look = red ? COLOR_PAIR(TOP_RED) : yellow ? COLOR_PAIR(TOP_YELLOW) : 0;
	const char *last = caller->recent_count
				   ? caller->recent[(caller->recent_count - 1) % CENSUS_LAST].text
				   : "";
	char numbers[64];
	int who = columns >= 120 ? 22 : 14, program = columns >= 100 ? 14 : 10, left;

	if (chosen)
		look |= A_REVERSE;
	attron(look);
	draw_column(top, caller->key.who, (size_t)who);
	addch(' ');
	draw_column(top, caller->key.program, (size_t)program);
	snprintf(numbers, sizeof(numbers), " %6" PRIu64 " %7" PRIu64 " %6" PRIu64 " ",
		 census_rate(caller, now), caller->requests, caller->changes);
	addstr(numbers);
	left = columns - who - program - 24;
	if (columns >= 100) {
		draw_spark(caller, now);
		addch(' ');
		left -= SPARK_CELLS + 1;
	}
	if (columns >= 120) {
		draw_column(top,
			    *caller->rule      ? caller->rule
			    : caller->expected ? "expected"
					       : "",
			    22);
		addch(' ');
		left -= 23;
	} else {
		draw_column(top, red ? "!" : yellow ? "?" : "", 1);
		addch(' ');
		left -= 2;
	}
	draw_column(top, last, left > 0 ? (size_t)left : 0);
	attroff(look);
}

static void draw_head(struct top *top, int columns)
{
	static const char *const sorts[] = {"rate", "changes", "finding", "last"};
	char head[200];

	snprintf(head, sizeof(head), "callerctl top  %u callers  by %s  %s%s%s", top->census.count,
		 sorts[top->sort], top->static_log ? "an old log  " : "", *top->filter ? "/" : "",
		 top->filter);
	move(0, 0);
	attron(A_BOLD);
	draw_column(top, head, (size_t)columns);
	attroff(A_BOLD);
	move(1, 0);
	attron(A_UNDERLINE);
	draw_column(top,
		    columns >= 120 ? "WHO                    PROGRAM          /MIN     ALL CHANGE "
				     "LAST MINUTE          FINDING                LAST"
		    : columns >= 100 ? "WHO            PROGRAM          /MIN     ALL CHANGE LAST "
				       "MINUTE          ! LAST"
				     : "WHO            PROGRAM      /MIN     ALL CHANGE ! LAST",
		    (size_t)columns);
	attroff(A_UNDERLINE);
}

static void draw_foot(struct top *top, int rows, int columns)
{
	move(rows - 1, 0);
	attron(COLOR_PAIR(TOP_DIM));
	draw_column(top,
		    top->filtering ? "type what a line shall have; Enter"
		    : top->detail
			    ? "Esc back  e rules: what expects it, what tells less of it  q quit"
			    : "↑↓ choose  Enter its requests  r rate  c changes  f finding  "
			      "l last  / filter  q quit",
		    (size_t)columns);
	attroff(COLOR_PAIR(TOP_DIM));
}

static void draw_table(struct top *top, int rows, int columns, uint64_t now)
{
	int places = rows - 3, from;

	if (places < 1)
		return;
	from = (int)top->chosen >= places ? (int)top->chosen - places + 1 : 0;
	for (int i = 0; i < places && from + i < (int)top->count; i++) {
		move(2 + i, 0);
		draw_line(top, top->lines[from + i], from + i == (int)top->chosen, columns, now);
	}
}

/* Draws TEXT's lines from row AT on; returns the row behind. */
static int draw_lines(struct top *top, struct bytes text, int at, int rows, int columns)
{
	struct bytes line;
	char copy[600];

	while (at < rows - 1 && bytes_take(&text, '\n', &line)) {
		if (!line.size)
			continue;
		snprintf(copy, sizeof(copy), "%.*s", (int)line.size, line.data);
		move(at++, 0);
		draw_column(top, copy, (size_t)columns);
	}
	return at;
}

/* "sudo[9] < bash[8] < systemd[1]" as a tree, init first. */
static void add_tree(struct text *out, const struct census_caller *caller)
{
	const char *names[20], *at = caller->lineage;
	size_t sizes[20];
	int count = 0;

	while (*at && count < (int)COUNT(names)) {
		const char *end = strstr(at, " < ");

		names[count] = at;
		sizes[count] = end ? (size_t)(end - at) : strlen(at);
		at += sizes[count++];
		if (end)
			at += 3;
	}
	for (int i = count - 1, depth = 0; i >= 0; i--, depth++) {
		for (int column = 1; column < depth; column++)
			text_add_string(out, "  ");
		text_add_string(out, depth ? "└ " : "");
		text_add(out, names[i], sizes[i]);
		text_add_char(out, '\n');
	}
	for (int column = 1; column < count; column++)
		text_add_string(out, "  ");
	text_add_string(out, count ? "└ " : "");
	text_add_string(out, caller->command);
	text_add_char(out, '\n');
}

static void add_recent(struct text *out, const struct census_caller *caller, unsigned int places)
{
	unsigned int kept = caller->recent_count < CENSUS_LAST ? caller->recent_count : CENSUS_LAST;

	for (unsigned int i = 0; i < kept && i < places; i++) {
		const struct census_request *recent =
			&caller->recent[(caller->recent_count - 1 - i) % CENSUS_LAST];
		char when[16];
		struct tm tm;

		ctl_split_time(false, recent->time, &tm);
		strftime(when, sizeof(when), "%H:%M:%S", &tm);
		text_add_string(out, when);
		text_add_string(out, recent->severity >= SEVERITY_HIGH ? " ! " : "   ");
		text_add_string(out, recent->text);
		text_add_char(out, '\n');
	}
}

static void draw_detail(struct top *top, int rows, int columns)
{
	const struct census_caller *caller = top->shown;
	_cleanup_(text_free) struct text text = {0};
	char head[600];
	int at = 2;

	snprintf(head, sizeof(head),
		 "%s  %s  %" PRIu64 " requests, %" PRIu64 " changes, %" PRIu64 " failed, %" PRIu64
		 " refused  %s\n",
		 *caller->origin ? caller->origin : caller->key.who, caller->executable,
		 caller->requests, caller->changes, caller->failures, caller->refused,
		 caller->rule);
	text_add_string(&text, head);
	if (top->rule == NO_RULE)
		add_tree(&text, caller);
	else
		census_add_rule(&text, caller, 1);
	if (top->rule == RULE_POLICY)
		census_add_level(&text);
	at = draw_lines(top, text_since(&text, 0), at, rows, columns);
	text_cut(&text, 0);
	add_recent(&text, caller, rows > at ? (unsigned int)(rows - at) : 0);
	draw_lines(top, text_since(&text, 0), at + 1, rows, columns);
}

static void draw_screen(struct top *top, uint64_t now)
{
	int rows, columns;

	getmaxyx(stdscr, rows, columns);
	erase();
	draw_head(top, columns);
	if (top->detail)
		draw_detail(top, rows, columns);
	else
		draw_table(top, rows, columns, now);
	draw_foot(top, rows, columns);
	refresh();
}

/* --- keys ------------------------------------------------------------------------------------- */

static void heed_filter(struct top *top, int key)
{
	size_t length = strlen(top->filter);

	if (key == '\n' || key == KEY_ENTER || key == 27) {
		top->filtering = false;
		if (key == 27)
			top->filter[0] = '\0';
	} else if ((key == KEY_BACKSPACE || key == 127 || key == '\b') && length) {
		top->filter[length - 1] = '\0';
	} else if (key >= ' ' && key < 127 && length + 1 < FILTER_SIZE) {
		top->filter[length] = (char)key;
		top->filter[length + 1] = '\0';
	}
}

static void heed_key(struct top *top, int key)
{
	static const char sorts[SORT_WAYS + 1] = "rcfl";
	const char *sort = key > 0 && key < 128 ? strchr(sorts, key) : NULL;

	if (top->filtering) {
		heed_filter(top, key);
	} else if (key == 'q') {
		top->ended = true;
	} else if (top->detail) {
		if (key == 'e')
			top->rule = (top->rule + 1) % RULES;
		else if (key == 27 || key == KEY_LEFT || key == KEY_BACKSPACE || key == 127)
			top->detail = false;
	} else if (sort && *sort) {
		top->sort = (enum top_sort)(sort - sorts);
	} else if (key == '/') {
		top->filtering = true;
		top->filter[0] = '\0';
	} else if (key == KEY_DOWN || key == 'j') {
		top->chosen++;
	} else if ((key == KEY_UP || key == 'k') && top->chosen) {
		top->chosen--;
	} else if ((key == '\n' || key == KEY_ENTER || key == 'e') && top->chosen < top->count) {
		top->shown = top->lines[top->chosen];
		top->detail = true;
		top->rule = key == 'e' ? RULE_EXPECTED : NO_RULE;
	}
}

/* --- its life --------------------------------------------------------------------------------- */

static void top_turn(struct top *top)
{
	uint64_t real = clock_now(CLOCK_REALTIME);
	bool changed = false;
	int key;

	while (!top->ended && (key = getch()) != ERR) {
		heed_key(top, key);
		changed = true;
		if (sort_callers(top, top->static_log ? top->census.last : real))
			top->ended = true;
	}
	if (!changed && real < top->drawn + DRAW_INTERVAL)
		return;
	top->drawn = real;
	if (!sort_callers(top, top->static_log ? top->census.last : real))
		draw_screen(top, top->static_log ? top->census.last : real);
}

static int top_record(void *data, const struct reread *record, uint64_t time, struct bytes line)
{
	struct top *top = data;
	int error = census_take(&top->census, record, time);

	if (error)
		return error;
	if (top->ended)
		return -ECANCELED;
	if (clock_now(CLOCK_REALTIME) >= top->drawn + DRAW_INTERVAL)
		top_turn(top);
	return top->ended ? -ECANCELED : 0;
}

static int top_idle(void *data)
{
	struct top *top = data;

	top_turn(top);
	return top->ended ? -ECANCELED : 0;
}

static bool open_terminal(void)
{
	setlocale(LC_ALL, "");
	if (MB_CUR_MAX == 1) /* lines of tail have UTF-8 in them as well */
		setlocale(LC_CTYPE, "C.UTF-8");
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || !initscr())
		return false;
	start_color();
	use_default_colors();
	init_pair(TOP_RED, COLOR_RED, -1);
	init_pair(TOP_YELLOW, COLOR_YELLOW, -1);
	init_pair(TOP_DIM, COLOR_CYAN, -1);
	noecho();
	cbreak();
	curs_set(0);
	keypad(stdscr, TRUE);
	set_escdelay(25);
	timeout(0);
	return true;
}

enum ctl_exit ctl_top(struct ctl *ctl)
{
	struct top top = {.ctl = ctl, .static_log = ctl->no_follow || ctl->until};
	struct ctl_records records = {
		.data = &top,
		.take = top_record,
		.idle = top.static_log ? NULL : top_idle,
	};
	int error;

	if (!open_terminal()) {
		fprintf(stderr, "callerctl: top needs a terminal\n");
		return CTL_USAGE;
	}
	error = ctl_read(ctl, &records);
	while (!error && !top.ended) { /* an old log */
		timeout(100);
		top_turn(&top);
	}
	endwin();
	census_free(&top.census);
	free(top.lines);
	text_free(&top.text);
	return error ? CTL_UNREAD : CTL_OK;
}
