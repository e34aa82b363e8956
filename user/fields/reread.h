/* SPDX-License-Identifier: Apache-2.0 */
/* A record as a line told it: its values by their paths in ECS, read back from the JSON. */
#ifndef CALLERD_REREAD_H
#define CALLERD_REREAD_H

#include "fields/fields.h"
#include "fields/reread_callers.h"
#include "fields/seams.h"
#include "json/gojson.h"

#define REREAD_VALUES_MAX 4096 /* of one line: 256, doubled some times */
#define REREAD_FINDINGS_MAX 64
#define REREAD_BUCKETS 128

struct reread_value {
	const char *path_of_seam; /* NULL: the path is in .texts */
	uint64_t number; /* of a number, which fits an int64_t where it is negative; of a bool */
	uint32_t path, text,
		text_size;	  /* places in .texts, which has a few times VERIFY_LINE_MAX */
	uint32_t path_size, hash; /* of the path */
	/* Of the values behind it in its bucket the first one's number, from 1 on; 0: there is none. */
	uint32_t next;
	bool negative;
	bool of_caller; /* reread_callers_has() its path */
	/* REREAD_ODD: a number with a fraction, or beyond 64 bits, which callerd does not write. */
	enum reread_kind { REREAD_STRING, REREAD_NUMBER, REREAD_BOOL, REREAD_ODD } kind : 8;
};

/* Zeroed at the start, used for one line after the other; reread_free() it. */
struct reread {
	struct gojson json;
	struct seams *seams;
	struct reread_value *values;
	unsigned int count, room;
	unsigned int buckets
		[REREAD_BUCKETS]; /* the first value of each by its number from 1 on; 0: there is none */
	struct text texts;
	/* Bytes that a lower level would not have: of what is above the process, of what the content says. */
	size_t lineage, content;
	struct reread_callers callers; /* of the lines before */
	bool named; /* the line is a record that names its caller, of which a line before it tells more */
	bool joined; /* and that line's values are among these */
	bool whole;  /* the line could be read to its end, whatever it is */
	/* What a rule about levels asks of the record itself. */
	struct record record;
	struct record_server server;
	struct finding findings[REREAD_FINDINGS_MAX], cause_findings[REREAD_FINDINGS_MAX];
};

/* Reads LINE. 0; -EINVAL: it is no record of callerd's; -ENOMEM. What a caller-seen tells, which is no record either, the records
 * that name it have, too. */
int reread_read(struct reread *reread, struct bytes line);

/* After -EINVAL: whether it is a line of an output's own. */
bool reread_is_own(const struct reread *reread);
void reread_free(struct reread *reread);

/* Of the path of SIZE bytes that has HASH the first value; NULL: there is none. */
const struct reread_value *reread_find_hashed(const struct reread *reread, const char *path,
					      size_t size, uint32_t hash);

static inline const struct reread_value *reread_find(const struct reread *reread, const char *path)
{
	uint32_t hash = seam_hash(path, strlen(path));

	if (!reread->buckets[hash % REREAD_BUCKETS])
		return NULL; /* as most of what is asked for */
	return reread_find_hashed(reread, path, strlen(path), hash);
}

/* The text at PATH, of the first value there; data NULL: there is none. */
static inline struct bytes reread_text(const struct reread *reread, const char *path)
{
	const struct reread_value *value = reread_find(reread, path);

	if (!value || value->kind != REREAD_STRING)
		return (struct bytes){0};
	return (struct bytes){reread->texts.data + value->text, value->text_size};
}

/* The text of the value there that has WHICH others at PATH before it, as in a list. */
struct bytes reread_text_at(const struct reread *reread, const char *path, unsigned int which);

/* Whether true is there. */
bool reread_true(const struct reread *reread, const char *path);

/* The whole number there, which may be negative. False: there is none. */
bool reread_signed(const struct reread *reread, const char *path, int64_t *ret);

/* The number there; 0: there is none. */
uint64_t reread_number(const struct reread *reread, const char *path);

/* Sets RET to the texts at PATH, at most MAX of them; returns how many. */
unsigned int reread_texts(const struct reread *reread, const char *path, struct bytes *ret,
			  unsigned int max);

/* The severity of the gravest finding; of how many calls or refused connects the record tells; what its message says that
 * happened, without who and with what. */
enum finding_severity reread_gravest(const struct reread *reread);
uint64_t reread_times(const struct reread *reread);
struct bytes reread_what(const struct reread *reread);

/* Prepares FIELDS of what TOLD has; fields_free() it. */
void reread_fields(const struct reread *reread, struct fields *fields, struct text *out);

/* What fields_any() and fields_awaited() do of them. */
bool reread_any(struct fields *fields, const struct field_path *path,
		bool (*test)(void *data, struct fields *fields, const struct field_value *value),
		void *data);
bool reread_awaited(const struct fields *fields, const struct field_path *path);

#endif
