/* SPDX-License-Identifier: Apache-2.0 */
/* A record as a sentence: who, with what, did what. Parts of it, safe to print. */
#ifndef CALLERD_LINE_H
#define CALLERD_LINE_H

#include "record/view.h"

/* alice; alice → root (sudo); root in container 3f2a9c01b2c3; the engine. */
void line_add_who(struct text *out, const struct view *view);

/* The command, by the name that the kernel knows it by, cut to what fits a line. Adds nothing where
 * nothing is known. */
void line_add_command(struct text *out, const struct view *view);

/* POST /v1.41/containers/create → 201  3 ms; connected to /run/docker.sock; container start web  by
 * its ContainerStart; and what else is to be known of it, in brackets. ALIGNED: methods of different
 * length take the same room. */
void line_add_deed(struct text *out, const struct view *view, bool aligned);

/* By the engine itself: restart policy. REASON: as records have it; NULL: none. */
void line_add_daemon(struct text *out, const char *reason);

/* Whether the record is about the agent itself: nobody did it. */
bool line_is_about_agent(const struct record *record);

/* All of it: the message of a record. */
void line_add_message(struct text *out, const struct view *view);

#endif
