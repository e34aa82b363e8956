/* SPDX-License-Identifier: Apache-2.0 */
/* The formats that a record can be written in, by name. docs/formats.md tells what stands where. */
#ifndef CALLERD_FORMAT_H
#define CALLERD_FORMAT_H

#include "record/record.h"

enum record_format {
	FORMAT_ECS,
	FORMAT_HUMAN,
	FORMAT_OCSF,
	FORMAT_CEF,
	FORMAT_RFC5424,
	/* Not to be chosen by name. */
	FORMAT_JOURNAL, /* fields of journald, no line */
	FORMAT_ECS_WHOLE,
	FORMAT_ECS_REFERENCE, /* for entries of output/caller_line.h */
	RECORD_FORMATS,
};

/* "ecs", "human", "ocsf", "cef", "rfc5424", "journal"; of FORMAT_ECS_… "ecs", too. */
const char *format_name(enum record_format format);

/* The format called NAME in *RET; false where there is none. */
bool format_by_name(struct bytes name, enum record_format *ret);

/* Appends RECORD to OUT as a line in FORMAT, with its line feed; of FORMAT_OCSF perhaps another one. 0; or -ENOMEM, with OUT
 * as it was. */
int format_write(enum record_format format, const struct record *record,
		 const struct record_context *context, struct text *out);

/* Takes the next line, with its line feed, off what format_write() made; of FORMAT_JOURNAL all. False: there is none. */
bool format_take_line(enum record_format format, struct bytes *made, struct bytes *ret);

#endif
