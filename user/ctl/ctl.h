/* SPDX-License-Identifier: Apache-2.0 */
/* callerctl: what its commands share: their options, the records that they read, and how they show them. */
#ifndef CALLERD_CTL_H
#define CALLERD_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "errand/errand.h"
#include "where/where.h"

#define CTL_LOGS_MAX 64
#define CTL_IDS_MAX 32
#define CTL_LOG "/var/log/callerd/callerd.ndjson"
#define CTL_AGENT "agent:" /* in place of a log: the agent that runs, at the socket behind it */
#define CTL_SOCKET "/run/callerd/control.sock"

enum ctl_exit {
	CTL_OK = 0,
	CTL_FOUND =
		1, /* of check: something is there that may not be; of others: nothing was found */
	CTL_USAGE = 2,
	CTL_UNREAD = 5, /* a log cannot be read */
};

enum ctl_colour { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };

struct ctl {
	const char *const *arguments; /* of the command, behind its options */
	unsigned int argument_count;

	const char *logs[CTL_LOGS_MAX];
	unsigned int log_count;
	const char *since_text, *until_text, *where_text;
	uint64_t since, until; /* ns since 1970; 0: any */
	struct where *where;   /* NULL: all */
	bool json, all, utc, no_follow;
	enum ctl_colour colour;
	unsigned int width; /* columns; 0: those of the terminal */
	unsigned int lines;
	const char *as, *policy;   /* of advise, of check */
	bool containers;	   /* of who: nothing else is meant */
	char ids[CTL_IDS_MAX][72]; /* of who: what the name stood for */
	unsigned int id_count;
	const char *whom;	 /* --for: the argument, if there is no other */
	const char *unused_text; /* of access: only grants that nobody used since then */
	uint64_t unused;
};

struct ctl_command {
	const char *name;
	const char *arguments; /* for the usage: "CONTAINER" */
	unsigned int arguments_min, arguments_max;
	const char *help; /* one sentence */
	enum ctl_exit (*run)(struct ctl *ctl);
};

enum ctl_exit ctl_tail(struct ctl *ctl);
enum ctl_exit ctl_what(struct ctl *ctl);
enum ctl_exit ctl_who(struct ctl *ctl);
enum ctl_exit ctl_top(struct ctl *ctl);
enum ctl_exit ctl_explain(struct ctl *ctl);
enum ctl_exit ctl_advise(struct ctl *ctl);
enum ctl_exit ctl_check(struct ctl *ctl);
enum ctl_exit ctl_report(struct ctl *ctl);
enum ctl_exit ctl_access(struct ctl *ctl);
enum ctl_exit ctl_findings(struct ctl *ctl);
enum ctl_exit ctl_operations(struct ctl *ctl);
enum ctl_exit ctl_fields(struct ctl *ctl);

/* Where each operation is asked for; behind the last one .path is NULL. */
struct ctl_route {
	enum operation operation;
	const char *method, *path;
};

extern const struct ctl_route ctl_routes[];

/* Who did something to the OBJECT of that name, or, if it is a container, in it. */
enum ctl_exit ctl_who_of_object(struct ctl *ctl, const char *object);

/* The same of the first argument; GRAVEST gets the event.id of the request that is the gravest of what was done to it, or "". */
enum ctl_exit ctl_who_and_gravest(struct ctl *ctl, char *gravest, size_t size);

/* --- records ---------------------------------------------------------------------------------- */

struct ctl_records {
	void *data;
	/* A record that happened at TIME and came as LINE. 0, or -errno, which ends the reading; -ECANCELED is no error. */
	int (*take)(void *data, const struct reread *record, uint64_t time, struct bytes line);
	/* Whether LINE may be worth to be parsed; NULL: each is. */
	bool (*may_matter)(void *data, struct bytes line);
	/* While a log that is followed has nothing new; NULL: logs are read to their end. -ECANCELED ends the reading. */
	int (*idle)(void *data);
	/* Each file of LOG before its lines, FIRST of that log; each line as it is, before it is read, perhaps in another thread, which
	 * is over before the next file. NULL: nobody wants to know. */
	void (*file)(void *data, const char *log, bool first);
	void (*line)(void *data, struct bytes line, bool complete);
	uint64_t unreadable; /* lines that are no records */
};

/* Reads the records of the logs that CTL names, those that were rotated first. What its times and its expression leave out is
 * not given. 0, or -errno after a message. */
int ctl_read(struct ctl *ctl, struct ctl_records *records);

/* TIME (ns since 1970) as UTC, or else as the local time. */
void ctl_split_time(bool utc, uint64_t time, struct tm *ret);

/* Adds 2026-11-30 15:00, local time or UTC as CTL says. */
void ctl_add_time(struct text *out, const struct ctl *ctl, uint64_t time);

/* Whether LINE may have NAME in it, as a line spells it. */
bool ctl_may_hold(struct bytes line, struct bytes name);

/* Whether RECORD is of something that NAME, a user, a program, a unit or a container, did. */
bool ctl_is_by(const struct reread *record, struct bytes name);

/* --- lines ------------------------------------------------------------------------------------ */

/* Where lines go, and how wide they may be. */
struct screen {
	unsigned int columns; /* 0: as wide as they are */
	bool colour, utc;
	char day[16]; /* that was told last */
	struct text line;
};

void screen_open(struct screen *screen, const struct ctl *ctl);
void screen_close(struct screen *screen);

/* Writes the day and the time zone, where the day of TIME is another one than that of the last line. */
void screen_day(struct screen *screen, uint64_t time);

/* Writes ERRAND as one line. */
void screen_errand(struct screen *screen, const struct errand *errand);

/* Writes an act below its errand's line. */
void screen_act(struct screen *screen, const struct act *act);

/* Writes TEXT, where something is to be said beside the errands. */
void screen_note(struct screen *screen, const char *text);

/* Writes TEXT as it is, and as what lines behind it are of. */
void screen_plain(struct screen *screen, const char *text);
void screen_heading(struct screen *screen, const char *text);

#endif
