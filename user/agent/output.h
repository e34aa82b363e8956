/* SPDX-License-Identifier: Apache-2.0 */
/* An output: where records go, which of them, in which form: KIND[:WHERE][,OPTION=VALUE…], as the command line
 * has it; docs/outputs.md tells what there is. */
#ifndef CALLERD_OUTPUT_H
#define CALLERD_OUTPUT_H

#include "format/format.h"
#include "output/sink.h"

struct output {
	struct sink_options sink; /* what they say of us is left to the caller */
	enum record_format format;
	unsigned int min_severity;    /* 0: all */
	unsigned int actions;	      /* a bit per enum record_action; 0: all */
	const char *findings, *users; /* one+another; NULL: all */
	uint64_t given; /* a bit for each option that SPEC has; only output_parse.c reads it */
	char *words;	/* what strings lie in; owned */
};

/* Takes SPEC apart. HUMAN: stdout is for a person, where nothing else is said. 0, -EINVAL with a sentence in
 * REASON, or -ENOMEM. Free with output_free() in any case. */
int output_parse(const char *spec, bool human, struct output *ret, char *reason, size_t size);
void output_free(struct output *output);

/* Whether RECORD goes there. That records were lost goes wherever it is not left out by name. */
bool output_takes(const struct output *output, const struct record *record,
		  const struct record_context *context);

/* Takes the first of the words that SEPARATOR parts off *REST. False: there is none. */
bool output_next_word(const char **rest, char separator, struct bytes *ret);

#endif
