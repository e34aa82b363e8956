/* SPDX-License-Identifier: Apache-2.0 */
/* A record as a sentence: who, with what, did what. Parts of it, safe to print. */
#ifndef CALLERD_LINE_H
#define CALLERD_LINE_H

#include "record/view.h"

/* The nearest ancestor through which CALLER became another user: sudo, su. */
struct bytes line_elevator(const struct caller *caller);

/* alice; alice → root (sudo); root in container 3f2a9c01b2c3; bob, in container web (exec); the engine. */
void line_add_who(struct text *out, const struct view *view);

/* Adds the caller's command, by the kernel's name of it, cut to fit a line; nothing where it is not known. */
void line_add_command(struct text *out, const struct view *view);

/* POST /v1.41/containers/create → 201  3 ms; connected to /run/docker.sock; container start web  by
 * its ContainerStart; and what else is to be known of it, in brackets. ALIGNED: methods of different
 * length take the same room. */
void line_add_deed(struct text *out, const struct view *view, bool aligned);

/* By the engine itself: restart policy. REASON: as records have it; NULL: none. */
void line_add_daemon(struct text *out, enum cause_reason reason);

/* Whether the record is about the agent itself, and has no caller. */
bool line_is_about_agent(const struct record *record);

/* The whole line: the message of a record. */
void line_add_message(struct text *out, const struct view *view);

#endif
