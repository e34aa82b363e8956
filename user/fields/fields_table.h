/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the files of this room say which fields there are: a table of rows for each subject, which fields_all puts together.
 * Only they include it.
 */
#ifndef CALLERD_FIELDS_TABLE_H
#define CALLERD_FIELDS_TABLE_H

#include "fields/fields.h"

/* --- values: nothing where there is none ------------------------------------------------------ */

void fields_set_text(struct field_value *ret, struct bytes text);

void fields_set_word(struct field_value *ret, const char *word);

void fields_set_number(struct field_value *ret, enum value_kind kind, uint64_t number);

void fields_set_list(struct field_value *ret, enum value_kind kind, const void *items,
		     unsigned int count);

/* The bits of BITS by their names, and MORE behind them. */
void fields_set_bits(struct field_value *ret, uint64_t bits, const char *(*name)(unsigned int bit),
		     const char *more);

/* The value is the list of what was added to what fields_begin() gave, each with its NUL. */
void fields_begun_list(const struct fields *fields, struct field_value *ret);

/* The name of a user, which may still be asked for. */
void fields_name_user(struct fields *fields, uint32_t uid, struct field_value *ret);

/* --- whose fields they are -------------------------------------------------------------------- */

static inline const struct caller *fields_caller(const struct fields *fields)
{
	return fields->of[FIELDS_caller];
}

static inline const struct process *fields_process(const struct fields *fields)
{
	return fields->of[FIELDS_process];
}

/* Goes to CALLER; NULL: there is none. */
static inline void fields_enter_caller(struct fields *fields, const struct caller *caller)
{
	fields->of[FIELDS_caller] = caller;
	fields->of[FIELDS_process] = caller ? &caller->process : NULL;
}

int fields_enter_finding(struct fields *fields, const struct finding *findings, unsigned int count,
			 unsigned int index);

void fields_add_finding(struct fields *fields, struct text *out);

/* --- rows ------------------------------------------------------------------------------------- */

/* clang-format off */
/* MEMBER of a struct TYPE, which is a source. */
#define MEMBER(type, member) .source = FIELDS_##type, .offset = offsetof(struct type, member)
#define HAS(type, member) .has = offsetof(struct type, member)

#define BYTES(key, type, member, ...) {key, FIELD_BYTES, MEMBER(type, member), __VA_ARGS__}
#define TEXT(key, type, member, ...) {key, FIELD_TEXT, MEMBER(type, member), __VA_ARGS__}
#define WORD(key, type, member, ...) {key, FIELD_WORD, MEMBER(type, member), __VA_ARGS__}
/* An enum of the record as its word. */
#define NAMED(key, kind, type, member, ...) {key, FIELD_##kind, MEMBER(type, member), __VA_ARGS__}
#define CHARS(key, type, member, ...) {key, FIELD_CHARS, MEMBER(type, member), __VA_ARGS__}
#define NUMBER(key, type, member, ...) {key, FIELD_NUMBER, MEMBER(type, member), __VA_ARGS__}
#define NUMBER32(key, type, member, ...) {key, FIELD_NUMBER32, MEMBER(type, member), __VA_ARGS__}
#define IDENTIFIER(key, type, member, ...) {key, FIELD_ID, MEMBER(type, member), __VA_ARGS__}
#define ID32(key, type, member, ...) {key, FIELD_ID32, MEMBER(type, member), __VA_ARGS__}
#define TRUE_OF(key, type, member, ...) {key, FIELD_TRUE, MEMBER(type, member), __VA_ARGS__}
#define SIGNED(key, type, member, ...) {key, FIELD_SIGNED, MEMBER(type, member), __VA_ARGS__}
#define BOOT_TIME(key, type, member, ...) {key, FIELD_BOOT_TIME, MEMBER(type, member), __VA_ARGS__}
#define REAL_TIME(key, type, member, ...) {key, FIELD_REAL_TIME, MEMBER(type, member), __VA_ARGS__}
#define CONSTANT(key, word, ...) {key, FIELD_CONSTANT, .constant = (word), __VA_ARGS__}
#define GET(key, function, ...) {key, FIELD_GET, .get = (function), __VA_ARGS__}
#define LIST_OF(...) .fields = (const struct record_field[]){__VA_ARGS__, {0}}
#define LABELS(key, type, member, ...) {key, FIELD_LABELS, MEMBER(type, member), __VA_ARGS__}
#define GROUP(conditions, ...) {NULL, FIELD_GROUP, .when = (conditions), LIST_OF(__VA_ARGS__)}
#define OBJECT(key, conditions, ...) {key, FIELD_OBJECT, .when = (conditions), LIST_OF(__VA_ARGS__)}
#define PART(number, conditions) {NULL, FIELD_PART, .when = (conditions), .part = (number)}
/* The rows of a table of another file. */
#define ALL_OF(table, conditions) {NULL, FIELD_GROUP, .when = (conditions), .fields = (table)}
#define OBJECT_OF(key, conditions, table) {key, FIELD_OBJECT, .when = (conditions), .fields = (table)}
/* Lists of objects, and objects about another process: ENTER goes there. */
#define OBJECTS(key, conditions, to, line, ...) \
	{key, FIELD_OBJECTS, .when = (conditions), .enter = (to), .add_line = (line), \
	 LIST_OF(__VA_ARGS__)}
#define ABOUT(key, conditions, to, ...) \
	{key, FIELD_OBJECT, .when = (conditions), .enter = (to), LIST_OF(__VA_ARGS__)}
/* clang-format on */

/* --- tables ----------------------------------------------------------------------------------- */

/* fields_who.c */
extern const struct record_field fields_of_process[];
extern const struct record_field fields_of_thread[];
extern const struct record_field fields_of_user[];
extern const struct record_field fields_of_nobody[]; /* what is there without a caller, too */
extern const struct record_field fields_of_caller[]; /* callerd.caller */
extern const struct record_field
	fields_of_claims[]; /* of callerd: its login, and what it says of itself */
extern const struct record_field fields_of_makers[]; /* also of callerd.caller: who is behind it */
extern const struct record_field fields_of_relayed[]; /* of callerd: who asked a relay */
extern const struct record_field fields_of_parent[];
extern const struct record_field fields_of_ancestors[];
extern const struct record_field fields_of_container[];
extern const struct record_field fields_of_pod[];    /* that the caller runs in */
extern const struct record_field fields_of_others[]; /* who connected, who else may have sent it */

/* fields_login.c */
extern const struct record_field fields_of_entry[]; /* of process: what the login began */
extern const struct record_field fields_of_source[];
extern const struct record_field fields_of_addresses[]; /* of related */
extern const struct record_field fields_of_session[];	/* callerd.session */

/* fields_event.c */
extern const struct record_field fields_of_message[];
extern const struct record_field fields_of_event[]; /* members of event */
extern const struct record_field fields_of_rule[];
extern const struct record_field fields_of_error[];

/* fields_what.c */
extern const struct record_field fields_of_ends[];    /* of a connection over TCP */
extern const struct record_field fields_of_request[]; /* http, url, user_agent */
extern const struct record_field fields_of_threat[];
extern const struct record_field
	fields_of_deed[]; /* of callerd: from the connection to how much was seen */

/* fields_engine.c */
extern const struct record_field fields_of_docker_event[]; /* with its cause */
extern const struct record_field fields_of_engine[];

/* fields_access.c */
extern const struct record_field fields_of_change[];

/* fields_agent.c */
extern const struct record_field fields_of_counted[]; /* what stands for several, and whose it is */
extern const struct record_field fields_of_agent[];

#endif
