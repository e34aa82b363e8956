/* SPDX-License-Identifier: Apache-2.0 */
/* What goes to an output, and in which form: KIND[:WHERE][,OPTION=VALUE…], as the command line has it. */
#ifndef CALLERD_OUTPUT_H
#define CALLERD_OUTPUT_H

#include "record/format.h"

struct output {
	char *where; /* KIND[:WHERE], for sink_open(); owned */
	enum record_format format;
	bool has_format;	   /* it was named */
	unsigned int min_severity; /* 0: all */
	unsigned int actions;	   /* a bit per enum record_action; 0: all */
	char *findings, *users;	   /* one+another; owned; NULL: all */
};

/* Takes SPEC apart. 0, -EINVAL with a sentence in REASON, or -ENOMEM. Free with output_free() in any case. */
int output_parse(const char *spec, struct output *ret, char *reason, size_t size);
void output_free(struct output *output);

/* Whether RECORD goes there. That records were lost goes wherever it is not left out by name. */
bool output_takes(const struct output *output, const struct record *record,
		  const struct record_context *context);

#endif
