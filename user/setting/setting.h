/* SPDX-License-Identifier: Apache-2.0 */
/* Settings: a table says for each its name, what its values look like and which member of a struct they go to. Such
 * tables read the command line, the sections of the configuration file and the options of an output. */
#ifndef CALLERD_SETTING_H
#define CALLERD_SETTING_H

#include "base/text.h"

/* The type of the member, and which values it can have. */
enum setting_kind {
	SETTING_OTHER,	 /* only .take knows */
	SETTING_FLAG,	 /* bool: yes or no */
	SETTING_NUMBER,	 /* integer: from .min to .max; or one of .words, for its index */
	SETTING_POWER,	 /* integer: the same limits, and a power of two */
	SETTING_SIZE,	 /* integer: the suffix K, M, G or T multiplies it by a power of 1024 */
	SETTING_SECONDS, /* integer: the suffix s, m, h or d says of which unit of time it is; or one of .words, as above, each below .min */
	SETTING_CHOICE,	 /* integer or enum: the index of one of .words */
	SETTING_TEXT,	 /* const char *: the value itself; not empty where .wanted says so */
	SETTING_PATH,	 /* const char *: an absolute path */
	SETTING_LIST,	 /* const char *[], up to NULL: only .take adds to it */
};

/* Where the sentence goes that says why something is refused: SIZE bytes at TEXT. */
struct setting_why {
	char *text;
	size_t size;
};

/* Where a setting stands. */
struct setting_source {
	const char *file;  /* NULL: on the command line */
	unsigned int line; /* of FILE */
};

/* The settings that were given, in their order. Free with setting_forget_notes(). */
struct setting_notes {
	struct setting_note {
		const struct setting *setting;
		const char *value; /* as it was given */
		struct setting_source source;
	} * list;
	unsigned int count;
};

struct setting_reader;

struct setting {
	const char *name;
	enum setting_kind kind;
	size_t offset, size; /* of the member; see SETTING_AT() */
	uint64_t min, max;
	const char *const *words; /* up to NULL; of a SETTING_TEXT: what is written for NULL */
	/* Why a wrong value is refused; NULL: made of kind, limits and words. */
	const char *wanted;
	/* Where it may stand, and where several times: a bit for each place, which the table's user numbers. */
	unsigned int places, repeats;
	/* For --help: what its value is called, NULL where it takes none, and what it does. */
	const char *meta, *help;
	/* Takes VALUE over instead of what KIND says. 0, or -errno; -EINVAL: setting_refuse() was called. */
	int (*take)(struct setting_reader *reader, const char *value);
};

#define SETTING_AT(type, member)                                                                   \
	.offset = offsetof(type, member), .size = sizeof(((type *)0)->member)

/* One place where settings are read from. */
struct setting_reader {
	const struct setting *table;   /* up to a name that is NULL; 64 at most */
	unsigned int place;	       /* a single bit */
	void *target;		       /* the struct whose members are set */
	const struct setting *setting; /* for .take: which one it is called for */
	uint64_t given;		       /* a bit for each setting in TABLE that was read */
	struct setting_why why;
	struct setting_source source; /* of what is read next */
	struct setting_notes *notes;  /* gets what is read; NULL: nobody wants to know */
};

/* Takes NAME = VALUE over. 0; -ENOENT: there is no such setting; -EINVAL with the sentence in reader->why; or what
 * .take returns. VALUE must outlive the target and the notes. */
int setting_read(struct setting_reader *reader, struct bytes name, const char *value);

/* Writes the sentence. Returns -EINVAL. */
__attribute__((format(printf, 2, 3))) int setting_refuse(struct setting_why why, const char *format,
							 ...);

/* The decimal number VALUE; false where it is something else, or not within the limits. */
bool setting_number(const char *value, uint64_t min, uint64_t max, uint64_t *ret);

/* Whether NAME can be that of a section [KIND NAME]: letters, digits, '.', '_' and '-', of 1 to MAX bytes. 0 or -EINVAL, with the sentence. */
int setting_check_name(struct setting_why why, const char *kind, const char *name,
		       unsigned int max);

/* The last note of SETTING, and of VALUE where that is not NULL; NULL: there is none. */
const struct setting_note *setting_find_note(const struct setting_notes *notes,
					     const struct setting *setting, const char *value);
void setting_forget_notes(struct setting_notes *notes);

/* Adds what SETTING is in TARGET as lines NAME = VALUE; none for what is not set. NOTES: each line ends in a comment that
 * says where it comes from; NULL: none does. */
void setting_write(const struct setting *setting, const void *target,
		   const struct setting_notes *notes, struct text *out);

/* Adds that comment, and the end of the line. SOURCE NULL: it is the default. */
void setting_write_source(const struct setting_source *source, struct text *out);

#endif
