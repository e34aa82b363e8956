/* SPDX-License-Identifier: Apache-2.0 */
/* An output as the command line gives it: KIND[:WHERE][,OPTION=VALUE…]. It says where records go, which of them, and in
 * which form. docs/outputs.md has all kinds and options. */
#ifndef CALLERD_OUTPUT_H
#define CALLERD_OUTPUT_H

#include "format/format.h"
#include "output/sink.h"
#include "where/where.h"

/* How much records in ECS say. */
enum output_detail { DETAIL_LINEAGE, DETAIL_FULL, DETAIL_REFERENCE };

struct output {
	struct sink_options sink; /* the caller fills in host_name, run_id and version */
	enum record_format format;
	enum output_detail detail; /* .format follows it */
	unsigned int min_severity; /* 0: all */
	unsigned int actions;	   /* a bit per enum record_action; 0: all */
	uint64_t findings;	   /* a bit per enum finding_id; 0: all */
	const char *users;	   /* words with + between them; NULL: all */
	struct where *where;	   /* owned; NULL: all */
	uint64_t given; /* a bit for each option that SPEC has; only output_parse.c reads it */
	char *words;	/* owned; the strings lie in it */
};

/* Parses SPEC. HUMAN: stdout gets lines for a person, unless SPEC names a format. 0, -EINVAL with a sentence in
 * REASON, or -ENOMEM. Free with output_free() in any case. */
int output_parse(const char *spec, bool human, struct output *ret, char *reason, size_t size);
void output_free(struct output *output);

/* Whether A and B, as output_parse() takes them, name the same place: KIND[:WHERE]. */
bool output_is_same_place(const char *a, const char *b);

/* Whether one sink can serve both: they differ at most in which records they take, and on stdout in the form. */
bool output_is_same_sink(const char *a, const char *b);

/* A record that is offered to outputs: .record and .context are set. Its fields are found once, for the first output that has a
 * where=. output_offer_free() in any case. */
struct output_offer {
	const struct record *record;
	const struct record_context *context;
	enum { OFFER_NEW, OFFER_HAS_FIELDS, OFFER_FAILED } state;
	struct fields fields;
	struct text text; /* for .fields */
};

void output_offer_free(struct output_offer *offer);

/* Whether OFFER goes to OUTPUT. records-lost goes to each output whose actions= do not leave it out. What may be meant by where= is
 * taken. */
bool output_takes(const struct output *output, struct output_offer *offer);

/* Takes the first word off *REST, in which SEPARATOR stands between words. False: there is none. */
bool output_next_word(const char **rest, char separator, struct bytes *ret);

/* Finds a group by its name or its number. 0, -ENOENT or -ENOMEM. */
int output_find_group(const char *value, gid_t *ret);

#endif
