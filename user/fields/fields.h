/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of a record, each once: its name in ECS, the kind of its value, and where the value is from. ECS and the
 * journal write all of them in the order of the table. The other formats pick fields by their paths in ECS.
 */
#ifndef CALLERD_FIELDS_H
#define CALLERD_FIELDS_H

#include "record/view.h"

#define ECS_VERSION "9.4.0"

/* What a field takes to be there. A format has conditions of its own from bit 32 to 57. */
enum field_condition {
	/* The fields are named as ECS has them, or as the journal has them. */
	IF_ECS = 1 << 0,
	IF_JOURNAL = 1 << 1,
	/* Techniques of other records than those of requests are wanted as well. */
	IF_TECHNIQUES = 1 << 2,
	/* The action of the record. */
	IF_REQUEST = 1 << 3,
	IF_EVENT = 1 << 4,
	IF_STARTED = 1 << 5,
	IF_COUNTERS = 1 << 6,
	IF_LOST = 1 << 7,
	IF_REFUSED_MANY = 1 << 8,
	/* What the record has. */
	IF_CALLER = 1 << 9,
	IF_DESCRIBED = 1 << 10,	     /* the kernel described the caller */
	IF_PEER = 1 << 11,	     /* it did not */
	IF_LOGIN = 1 << 12,	     /* the caller's login UID is known */
	IF_REAL_USER = 1 << 13,	     /* its real UID is not the effective one */
	IF_THREAD = 1 << 14,	     /* its thread is known */
	IF_USER_NAMESPACE = 1 << 15, /* it is in another user namespace than the host's */
	IF_HOST_USERS = 1 << 16,     /* it is not */
	IF_SERVER = 1 << 17,
	IF_TARGET =
		1 << 18, /* the object that a request or an event is about has an id or a name */
	IF_SOCKET = 1 << 19,
	IF_HTTP = 1 << 20, /* the version of HTTP is known */
	IF_CHANGE = 1 << 21,
	IF_TEST = 1 << 22,
	IF_CALL = 1 << 23,    /* a call of gRPC */
	IF_LINEAGE = 1 << 24, /* what is above the process is told */
	IF_FOLDED = 1 << 26,  /* it stands for several */
	IF_CONTENT = 1 << 25, /* what the request's content says is told */
	/* How it is told: of these a format has one, or both where fields are only asked for. */
	IF_WHOLE = 1 << 27, /* each field, also what others say as well */
	IF_BRIEF = 1 << 28, /* all once, and in short */
	IF_ASKED = IF_ECS | IF_WHOLE | IF_BRIEF,
	/* What process.entity_id and event.dataset say as well. */
	IF_AGAIN = 1 << 29,
	IF_ELEVATED = 1 << 30,	   /* the caller acts as another user than the one who logged in */
	IF_PLAIN = 1u << 31,	   /* it does not, or nobody logged in */
	IF_RELAYED = 1ull << 57,   /* the caller is a relay that passed the request on */
	IF_CONTAINED = 1ull << 58, /* the caller runs in a container */
	IF_TCP = 1ull << 59,	   /* the record is of a connection over TCP */
	/* How many the record stands for, and from when to when, is told here. */
	IF_COUNT = 1ull << 63,
	/* What the caller is, a line before the record's tells, and this one but its id and what is wanted at once. */
	IF_NAMED = 1ull << 60,
	IF_HERE = 1ull << 61, /* the record tells it */
	IF_SEEN =
		1ull
		<< 62, /* it is that line: also each ancestor in full, as with IF_WHOLE, each thing once */
};

enum value_kind {
	VALUE_NONE,
	VALUE_TEXT,
	VALUE_WORD, /* a text of this program, which needs no escaping */
	VALUE_NUMBER,
	VALUE_SIGNED,
	VALUE_ID, /* a number that nobody calculates with: a string in JSON */
	VALUE_BOOL,
	VALUE_TIME, /* ns since 1970 */
	/* Lists; fields_next() has their elements. */
	VALUE_ARGUMENTS, /* each ended by a NUL */
	VALUE_WORDS,
	VALUE_STRINGS, /* texts of the kind const char * */
	VALUE_TEXTS,
	VALUE_BITS,
};

/* A text may lie in the struct fields that the value is of: it is valid until the next value is asked for. */
struct field_value {
	enum value_kind kind;
	unsigned int count; /* of elements; of VALUE_BITS the number of the next bit */
	uint64_t number;    /* of a VALUE_SIGNED an int64_t; the bits */
	union {
		struct bytes text; /* the arguments */
		const void *items; /* the elements */
		struct {
			const char
				*more; /* a word that follows the names of the bits; NULL: none */
			const char *(*bit_name)(unsigned int bit);
		};
	};
};

static inline bool fields_is_list(const struct field_value *value)
{
	return value->kind >= VALUE_ARGUMENTS;
}

/* Takes the first element off LIST: a text, a word, or the number of a bit that has no name as a VALUE_ID. */
bool fields_next(struct field_value *list, struct field_value *ret);

/* What fields are members of. */
enum field_source {
	FIELDS_record,
	FIELDS_record_context,
	FIELDS_view,
	FIELDS_action_name,
	FIELDS_caller,
	FIELDS_process,
	FIELDS_record_server,
	FIELDS_finding,
	FIELDS_record_output,
	FIELDS_record_access,
	FIELDS_record_program,
	FIELDS_record_watched,
	FIELDS_record_engine,
	FIELDS_record_maker,
	FIELDS_record_tcp,
	FIELD_SOURCES,
};

enum field_kind {
	FIELD_END, /* of a list of fields */
	/* Members of a source. */
	FIELD_BYTES,
	FIELD_TEXT, /* const char * */
	FIELD_WORD, /* the same of a word of this program */
	/* Enums of the record, as their words. */
	FIELD_OUTCOME,
	FIELD_BRAND,
	FIELD_CHANGE_OBJECT,
	FIELD_OPERATION,
	FIELD_FINDING,
	FIELD_SEVERITY,
	FIELD_STREAM_END,
	FIELD_ENGINE_STATE,
	FIELD_CAUSE_KIND,
	FIELD_CAUSE_BASIS,
	FIELD_CAUSE_REASON,
	FIELD_CHARS,  /* char[] */
	FIELD_NUMBER, /* uint64_t */
	FIELD_NUMBER32,
	FIELD_ID,
	FIELD_ID32,
	FIELD_TRUE, /* bool; nothing where it is false */
	FIELD_SIGNED,
	FIELD_BOOT_TIME, /* ns of CLOCK_BOOTTIME */
	FIELD_REAL_TIME,
	/* Other values. */
	FIELD_CONSTANT,
	FIELD_GET,
	/* Fields. */
	FIELD_OBJECT,
	FIELD_OBJECTS, /* a list of objects */
	FIELD_GROUP,   /* fields without a key of their own */
	FIELD_PART,    /* the same that a format may keep for the next record */
	FIELD_FACTS,
	FIELD_LABELS, /* struct bytes: packed labels */
	FIELD_COUNTERS,
};

/* What stays the same of a caller, and of its ancestors. */
enum field_part {
	PART_PROCESS,
	PART_USER,
	PART_CALLER,
	PART_CLAIMS,
	PARTS_OF_CALLER,
	PART_PARENT = PARTS_OF_CALLER,
	PART_ANCESTORS,
	FIELD_PARTS,
};

struct fields;

struct record_field {
	const char *key;
	unsigned char kind;    /* enum field_kind */
	unsigned char source;  /* enum field_source */
	unsigned char part;    /* enum field_part */
	bool optional;	       /* 0 is no value */
	bool has_unset;	       /* CALLERD_UNSET_ID is no value */
	uint64_t when;	       /* all of these conditions */
	unsigned short offset; /* in the source */
	unsigned short
		has; /* the offset of a bool that says whether there is a value; 0: there is none */
	union {
		const char *constant;
		void (*get)(struct fields *fields, struct field_value *ret);
		const struct record_field
			*fields; /* of an object or a group; ends with FIELD_END */
	};
	/* Of a list of objects: goes to that of INDEX. 0: there is none; negative: it is left out. Of an object that
	 * is about another process: INDEX is 0. */
	int (*enter)(struct fields *fields, unsigned int index);
	/* Adds in one line what the object says; NULL: it is told by its fields alone. */
	void (*add_line)(struct fields *fields, struct text *out);
};

/* A record whose fields are asked for. */
struct fields {
	struct view view;
	struct text *out;
	size_t start; /* of the line in .out */
	uint64_t conditions;
	const void *of[FIELD_SOURCES];
	struct text scratch; /* of the value */
	char digest[65];     /* in hexadecimal */
	struct text masked;  /* of the arguments of .masked_process */
	const struct process *masked_process;
	const char *words[TECHNIQUES];
	char name[VIEW_NAME_SIZE];
	const struct reread *reread; /* a line that was read back; NULL: a record */
	bool awaits;		     /* a name was not known that is still being asked for */
};

/* Prepares *FIELDS of RECORD, for a line that is added to OUT; fields_free() it in any case. FORMAT is what conditions
 * are met by the format. 0 or -ENOMEM. */
int fields_init(struct fields *fields, const struct record *record,
		const struct record_context *context, uint64_t format, struct text *out);

/* Frees what fields_init() made. Returns ERROR, or else -ENOMEM where there was no memory for a value or for the line;
 * then the line is taken off again. */
int fields_free(struct fields *fields, int error);

/* All of them. */
extern const struct record_field fields_all[];

/* The fields of each part. */
extern const struct record_field *const fields_parts[FIELD_PARTS];

static inline bool fields_meet(const struct fields *fields, uint64_t conditions)
{
	return (fields->conditions & conditions) == conditions;
}

/* What a FIELD_BYTES has. */
static inline const struct bytes *fields_bytes(const struct fields *fields,
					       const struct record_field *field)
{
	return (const void *)((const char *)fields->of[field->source] + field->offset);
}

/* The value of FIELD, of a kind up to FIELD_GET, whose conditions are met. */
void fields_value(struct fields *fields, const struct record_field *field, struct field_value *ret);

/* The value of a fact of a request. */
void fields_fact(const struct record_fact *fact, struct field_value *ret);

/* The value is the list of PACKED labels, as KEY=VALUE. */
void fields_list_labels(struct fields *fields, struct bytes packed, struct field_value *ret);

/* Goes to the next object of FIELD: *INDEX, which starts with 0, or one after it, and sets *INDEX to the one that
 * follows. False at the end, when the fields are again those of the record itself. */
bool fields_enter(struct fields *fields, const struct record_field *field, unsigned int *index);

/* A field by its path in ECS, as other formats pick it. */
struct field_path {
	const char *path;
	const struct record_field *field; /* NULL until fields_find() */
	uint64_t when;			  /* conditions of the field and of all that it is in */
	/* Of fields_find_all() alone. */
	const struct record_field
		*entered;   /* the list of objects, or the other process, that the field is of */
	const char *member; /* of the facts, or of the counters; it lies in .path */
};

/* Finds the field of a path, which must be one of the record itself. */
void fields_find(struct field_path *path);

/* Finds the fields at PATH, which outlives them: of some there are several, each with conditions of its own. Returns how many
 * there are, at most MAX: 0 where there is no such field, or where it is an object. */
unsigned int fields_find_all(const char *path, struct field_path *ret, unsigned int max);

/* Calls SEE with the path of each field that a line of ECS may have, some several times; of facts and counters with ".*" behind theirs. */
void fields_walk_paths(void *data, void (*see)(void *data, const char *path));

/* Calls TEST for each value of the field at PATH, which fields_find_all() found, until it returns true. Returns whether it did. */
bool fields_any(struct fields *fields, const struct field_path *path,
		bool (*test)(void *data, struct fields *fields, const struct field_value *value),
		void *data);

/* After fields_any() of PATH: whether the field may have no value, or not that one, only because it is not known: the name of a user that is still being asked for, or of
 * the caller's container, or what a record that stands for several does not tell. */
bool fields_awaited(struct fields *fields, const struct field_path *path);

/* Whether PATH says who is behind a caller in a container: each record tells it, and where it does not, nobody is known. */
bool fields_is_behind(struct bytes path);

/* Whether a record that stands for several leaves out what is at PATH, since it is of each one. DIFFERENT: they are not equal. */
bool fields_is_of_one(const char *path, bool different);

/* How far a field was read; zeroed at the start. */
struct field_cursor {
	unsigned int index;
	struct field_value list;
};

/* The next value of the field at PATH: its only one, an element of a list, or the line of an object in a list.
 * False where there is none. */
bool fields_read(struct fields *fields, const struct field_path *path, struct field_cursor *cursor,
		 struct field_value *ret);

/* VALUE, which is no list, as a text. */
struct bytes fields_text(struct fields *fields, const struct field_value *value);

/* Empty, for a text that is put together. */
struct text *fields_begin(struct fields *fields);

/* The text that was put together since. */
void fields_begun(const struct fields *fields, struct field_value *ret);

/* The line of the object that FIELD is, or that was gone to. */
void fields_line(struct fields *fields, const struct record_field *field, struct field_value *ret);

#endif
