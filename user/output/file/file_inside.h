/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log file: whole lines, appended, each record once; rotated, chained and sealed where that is asked for.
 *
 * SIZE is where the file ends as far as we know: others may append to it, cut it, rename or remove it. A line
 * that the disk took only a part of is cut off again and written anew later. Where it cannot be cut (chattr +a)
 * its rest is kept and comes first, before anything else; where somebody else wrote behind it, it is ended,
 * counted as torn, and written anew. The chain always is where the last whole line left it.
 */
#ifndef CALLERD_FILE_INSIDE_H
#define CALLERD_FILE_INSIDE_H

#include <time.h>

#include "base/clock.h"
#include "output/driver.h"
#include "output/file/file_log.h"
#include "output/file/file_sync.h"
#include "output/file/sealfile.h"
#include "output/heard.h"
#include "record/record.h"

#define BATCH_LINES 512
#define WARNINGS_MAX 4

/* Where a chain is, between two seals. */
struct file_place {
	uint64_t lines, unsealed;
	unsigned char last[CHAIN_HASH_SIZE];
};

/* Entries as they are to be written, each with the line before it, where the file does not have that. */
struct batch {
	struct text text;
	unsigned int count;
	struct file_place before;
	struct {
		/* In text: where its own line begins, behind that of its caller, and where it ends. */
		size_t begin, end;
		struct file_place at_begin, after;
	} entries[BATCH_LINES];
};

enum rest_kind {
	REST_NONE,
	REST_END,    /* a LF, behind what will never be a whole line */
	REST_SEAL,   /* the rest of a seal */
	REST_RECORD, /* the rest of the first entry that comes next */
};

/* What the unfinished line at the end of the file lacks. */
struct rest {
	enum rest_kind kind;
	struct text text;
	size_t done;	     /* of text */
	struct chain before; /* without that line */
};

struct file {
	struct driver driver;
	int fd;
	unsigned int warning_count;
	char warnings[WARNINGS_MAX][sizeof(((struct driver *)NULL)->news)]; /* for driver.news */
	uint64_t size;
	struct batch batch;
	struct rest rest;
	struct heard heard;

	struct syncer syncer;	/* FSYNC_INTERVAL; as long as it has jobs, SEALS is its own */
	struct sealfile *seals; /* NULL: no chain */
	struct chain chain;
	uint64_t head;	    /* bytes of the seal that is the file's first line */
	uint64_t sealed_at; /* ns, monotonic */
	size_t seal_size;   /* of the last one */
	uint64_t period;    /* of rotate_interval, in which it was written to */
	uint64_t retry_at;  /* ns, monotonic: no longer blocked */

	bool detached; /* the name is not that of fd, and cannot be opened: records wait */
	bool finished; /* the first entry that comes next is written: it was the rest */
	bool unnamed;  /* since the last fsync of the directory */
	bool unsynced; /* since the last fdatasync, or what the syncer was given */
	bool unsaved;  /* since the last sealfile_save, likewise */
	bool fresh;    /* the chain's first seal is to be written */
	bool leading; /* a seal is to be the file's first line: the seal file may be files behind */
	bool full;    /* the next line is for the next file */
	bool blocked; /* it could not be rotated */
	bool told_blocked, told_unsynced, told_unsaved, told_unmarked; /* these were said */
	bool run_failed; /* the error is one of file_run() */
};

/* --- file_tail.c ------------------------------------------------------------------------------ */

/* Puts a sentence in line for driver.news. */
__attribute__((format(printf, 2, 3))) void file_warn(struct file *file, const char *format, ...);

/* The next one of them, where the sink took the one before. */
void file_tell(struct file *file);

/* There is no error any more. */
void file_works(struct file *file);

/* Appends DATA; returns how many bytes of it, which are at the file's end one behind the other. *ERROR says why
 * they are not all; -EAGAIN: somebody else wrote behind them. */
size_t file_append(struct file *file, const char *data, size_t size, int *error);

/* Of LINE, only WRITTEN bytes are at the end of the file. Returns whether its rest is kept; else it is to be
 * written anew. */
bool file_take_back(struct file *file, struct bytes line, size_t written, enum rest_kind kind);

/* The unfinished line stays so. */
void file_give_up_rest(struct file *file);

/* Has the file end in a whole line, whatever others did to it. 0 or -errno. */
int file_settle(struct file *file);

/* The same, with an error in the driver's words. */
int file_get_ready(struct file *file);

/* --- file_seal.c ------------------------------------------------------------------------------ */

/* Has the disk keep what was written, and then the seal file where the chain is. 0 or -errno. */
int file_synchronise(struct file *file);

/* The same as far as the options want it, for what counts as written already. With FSYNC_INTERVAL it is begun,
 * unless that of an earlier time still goes on. */
void file_preserve(struct file *file);

/* The same for a file that is left: in any case, behind what goes on. */
void file_preserve_end(struct file *file);

/* Waits for what file_preserve() began. */
void file_await(struct file *file);

/* Whether a seal comes before the next line. With FSYNC_INTERVAL, one is the first of a new file:
 * who is killed before the seal file was written finds the chain by it. */
bool file_is_seal_due(const struct file *file);

/* Both: 0, or -errno, in the driver's words. */
int file_write_seal(struct file *file);
int file_seal_if_due(struct file *file);

/* A seal was written. */
void file_sealed(struct file *file);

/* Finds where the chain goes on. 0, or -errno with a sentence in REASON. */
int file_open_chain(struct file *file, char *reason, size_t size);

/* --- file_name.c ------------------------------------------------------------------------------ */

/* The period of rotate_interval that this is. */
uint64_t file_period(const struct file *file);

/* Goes on with what was OPENED. 0 or -errno. */
int file_take_over(struct file *file, const struct log_opened *opened);

/* The file that is left behind ends in a whole line, and in a seal, where the disk takes it. */
void file_end(struct file *file);

/* Goes on in the file that has the name now. */
void file_follow(struct file *file);

void file_rotate_if_due(struct file *file);

/* Whether others removed or renamed the file. */
void file_look(struct file *file);

#endif
