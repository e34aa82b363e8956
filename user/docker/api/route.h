/* SPDX-License-Identifier: Apache-2.0 */
/* Which operation of the Docker API, or of Podman's own, a request asks for: the table in route.c, one line each. */
#ifndef CALLERD_ROUTE_H
#define CALLERD_ROUTE_H

#include "docker/judge/judge.h"

enum target_type {
	TARGET_NONE,
	TARGET_CONTAINER,
	TARGET_EXEC,
	TARGET_IMAGE,
	TARGET_VOLUME,
	TARGET_NETWORK,
	TARGET_PLUGIN,
	TARGET_SERVICE,
	TARGET_TASK,
	TARGET_NODE,
	TARGET_SECRET,
	TARGET_CONFIG,
	TARGET_SWARM,
	TARGET_POD,
	TARGET_TYPES,
};

/* One operation. A line of the table needs only what stands before the first blank column. */
struct route {
	const char *method; /* NULL: any */
	/* "/containers/{name}/start": {name} is anything, slashes too, also nothing at all; a variable of
	 * another name, as in "/services/{id}/update", is one element. The first one is the target's name. */
	const char *path;
	const char *operation; /* as the engine's API description names it */
	enum target_type target;
	/* Query key that names the target where the path does not: "name". */
	const char *name_key;
	enum finding_id finding;	/* that this operation always is; FINDING_NONE: none */
	enum finding_severity severity; /* of .finding */
	const struct shape *body;	/* of the request; NULL: not looked at */
	/* Of the response's body, which lists what was removed; NULL: it does not. */
	const struct shape *removed;
	/* What .answer is the id of, where that is not the target: exec create acts on a container, and makes an exec. */
	enum target_type made;
	bool answer;	     /* the response's body gives the new object's id as "Id" or "ID" */
	bool unread;	     /* its body says what it does, and is not understood yet */
	enum entry entry;    /* on a container, or on an exec in one */
	bool reads;	     /* it changes nothing, though its method is not one that reads */
	bool opaque;	     /* the connection is taken over when it succeeds */
	const char *tag_key; /* query key of the tag or digest that belongs to .name_key's value */
	const char *when;    /* the line goes only for queries in which this key has a value */
	/* Adds what the contents say; NULL: nothing. */
	void (*judge)(struct judging *judging);
};

/* What is not known is 0. The bytes lie in the text, and are valid until its next addition. */
struct route_match {
	/* NULL: there is no such operation, or nothing is done since the answer is a redirect. */
	const struct route *route;
	struct bytes path;    /* decoded and cleaned, version included */
	struct bytes version; /* "1.41", "4.3.1"; data NULL: none was named */
	/* The target's, decoded; may be empty. Data NULL: there is none in the path. */
	struct bytes name;
	/* The daemon answers with a redirect to the cleaned path, and does nothing. */
	bool redirected;
};

/* Finds the route of METHOD and TARGET (as sent, and such as http1.h lets pass). Adds the decoded and cleaned
 * path to OUT. */
void route_find(struct bytes method, struct bytes target, struct text *out,
		struct route_match *ret_match);

/* Adds the target's name as the query gives it, of an image with its tag. False: it gives none. */
bool route_query_name(const struct route *route, struct bytes query, struct text *out);

/* Whether a request of METHOD, for ROUTE (NULL: it is not known), changes nothing. */
bool route_reads(const struct route *route, struct bytes method);

/* "container", "exec", …; NULL for TARGET_NONE. */
const char *route_target_name(enum target_type type);

#endif
