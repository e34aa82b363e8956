/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What calls ask of BuildKit, read out of their messages as these come: what a person wants to know, and nothing that may be a
 * secret. Values of build arguments and labels, commands and their environment are not kept.
 */
#ifndef CALLERD_BUILD_H
#define CALLERD_BUILD_H

#include "base/text.h"

/* The message that a call begins with. */
enum build_message {
	BUILD_MESSAGE_NONE,
	BUILD_MESSAGE_SOLVE,	/* of Control */
	BUILD_MESSAGE_FRONTEND, /* Solve of LLBBridge */
	BUILD_MESSAGE_CONTAINER,
	BUILD_MESSAGE_EXEC,
	BUILD_MESSAGE_HISTORY,
	BUILD_MESSAGE_NAMED, /* what it is about is its first field: a secret, an agent, a registry */
	BUILD_MESSAGE_TOKEN, /* its second one: a registry */
	BUILD_MESSAGE_RESULT,
};

enum build_kind {
	BUILD_ATTRIBUTE, /* of the frontend: what a Dockerfile is built with */
	BUILD_ARGUMENT,	 /* its name */
	BUILD_LABEL,	 /* its name */
	BUILD_OUTPUT,	 /* its type */
	BUILD_OUTPUT_ATTRIBUTE,
	BUILD_CACHE_TO, /* type, and where */
	BUILD_CACHE_FROM,
	BUILD_ENTITLEMENT,
	BUILD_SOURCE, /* that a step of the client's own gets its files from */
	BUILD_SECRET, /* the id of one that such a step uses */
	BUILD_SSH,
	BUILD_DEVICE,
	BUILD_CGROUP_PARENT,
	BUILD_NAMED,
	BUILD_RESULT,
	BUILD_KINDS,
};

struct build_item {
	enum build_kind kind;
	struct bytes name, value; /* value: of what has one */
	unsigned int output;	  /* of an output's attribute: which of several has it */
	struct build_item *next;
};

/* Said by numbers. */
enum build_flag {
	BUILD_HOST_NETWORK = 1 << 0, /* a step of the client's own */
	BUILD_INSECURE = 1 << 1,
	BUILD_DELETES = 1 << 2,	  /* a build from the history */
	BUILD_OWN_STEPS = 1 << 3, /* the client made the steps, not a frontend from a Dockerfile */
	BUILD_INTERNAL = 1 << 4,  /* not for the history */
	BUILD_POLICY = 1 << 5,	  /* on where sources may come from */
};

struct build;

/* NULL where there is no memory, or nothing is wanted of such a message. Free with build_free(). */
struct build *build_new(enum build_message message);
void build_free(struct build *build);

/* A piece of the call's messages, each with its prefix, of which the first one is read. */
void build_feed(struct build *build, struct bytes data);

/* Whether the message was there to its end. */
bool build_is_complete(const struct build *build);

/* Why not all of it is known; NULL: it is. */
const char *build_trouble(const struct build *build);

size_t build_memory(const struct build *build);

struct bytes build_reference(const struct build *build); /* that calls of one build share */
struct bytes build_frontend(const struct build *build);
unsigned int build_flags(const struct build *build); /* enum build_flag bits */

/* The first one; follow .next. */
const struct build_item *build_items(const struct build *build);

/* The attribute NAME of the next output behind that of LAST (NULL: of the first one that has it); NULL: there is no more. What
 * is said twice of outputs of one name is there once. */
const struct build_item *build_next_output(const struct build *build, const struct build_item *last,
					   const char *name);

/* The name of what output NUMBER makes; size 0: it says none. */
struct bytes build_output_name(const struct build *build, unsigned int number);

/* Adds the names of what is made, with commas between them. */
void build_add_names(const struct build *build, struct text *out);

/* The value of KIND, which is no attribute of an output, and NAME; size 0: there is none. */
struct bytes build_value(const struct build *build, enum build_kind kind, const char *name);

#endif
