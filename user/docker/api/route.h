/* SPDX-License-Identifier: Apache-2.0 */
/* Which operation of the Docker API, or of Podman's own, a request asks for, and what is to be done with each: the
 * table record/operations.def. */
#ifndef CALLERD_ROUTE_H
#define CALLERD_ROUTE_H

#include "docker/judge/judge.h"
#include "record/record.h"

/* What the inventory learns from a request that succeeded, beside what its answer says was made. */
enum route_learn {
	LEARN_NOTHING,
	LEARN_CONTAINER,
	LEARN_EXEC,
	LEARN_VOLUME,
	LEARN_STARTED, /* a container has what it was created with, and what its mounts lead to now */
	LEARN_RENAMED,
	LEARN_REMOVED, /* a container, or one of its names */
	LEARN_VOLUME_REMOVED,
	LEARN_IMAGE_REMOVED,
	LEARN_LISTS, /* the engine has, or has lost, what the request does not name: it is asked */
};

/* What the ledger notes of a request, beside its target, so that events can be told to be of it. */
enum route_enter {
	ENTER_TARGET,	 /* nothing else */
	ENTER_NEW_NAME,	 /* the name that a container gets */
	ENTER_TAG,	 /* the name that an image gets */
	ENTER_SIGNAL,	 /* which one it sends */
	ENTER_REMOVAL,	 /* that it sends SIGKILL, and whether volumes go */
	ENTER_BUILD,	 /* whether the engine makes containers for it */
	ENTER_CONTAINER, /* image and removal of a container, from the body */
	ENTER_LIMITS,	 /* whether the body changes how much memory there is */
	ENTER_NAME,	 /* the name that the body gives */
	ENTER_CONNECTED, /* the container that the body names */
};

/* A line of the table of operations. What is not named there is 0. */
struct route {
	enum operation operation;
	enum method method; /* METHOD_NONE: any */
	/* "/containers/{name}/start": {name} is anything, slashes too, also nothing at all; a variable of
	 * another name, as in "/services/{id}/update", is one element. The first one is the target's name. */
	const char *path;
	enum target_type target;
	const char *name_key; /* query key that names the target where the path does not: "name" */
	const char *tag_key;  /* query key of the tag or digest that belongs to the target's name */
	const char *when;     /* the line goes only for queries in which this key has a value */
	/* What is judged. */
	enum finding_id finding;	/* that this operation always is; FINDING_NONE: none */
	enum finding_severity severity; /* of .finding */
	const struct shape *body;	/* of the request; NULL: not looked at */
	bool yaml;			/* the body is YAML, not JSON */
	/* Adds what the contents say; NULL: nothing. */
	void (*judge)(struct judging *judging);
	enum judge_entry entry;	       /* on a container, or on an exec in one */
	bool grpc;		       /* a call of gRPC: .path is its name, as a whole */
	enum build_message asks;       /* the message of such a call, where it is looked at */
	bool results;		       /* its answer is, too: what was built */
	enum containerd_message takes; /* the message of a call to containerd; .body is in it */
	bool names;		       /* its answer begins with the id of what was made */
	bool lends;		       /* it carries a session, on which the engine asks */
	bool unread;		       /* its body says what it does, and is not understood yet */
	bool reads;  /* it changes nothing, though its method is not one that reads */
	bool polled; /* programs ask it again and again, to look whether all is as it was */
	bool opaque; /* the connection is taken over when it succeeds */
	/* What its answer tells. */
	bool progress; /* it goes on with how the request goes, and is 200 also where that fails */
	bool answer;   /* the response's body gives the new object's id as "Id" or "ID" */
	/* What .answer is the id of, where that is not the target: exec create acts on a container, and makes an exec. */
	enum target_type made;
	/* Of the response's body, which lists what was removed; NULL: it does not. */
	const struct shape *removed;
	enum route_learn learn;
	enum route_enter enter;
	/* What its caller did, where events of a container are told to go back to it: "started"; NULL: its name
	 * is told. */
	const char *shown;
	enum record_activity activity; /* of a POST */
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
void route_find(enum method method, struct bytes target, struct text *out,
		struct route_match *ret_match);

/* The same of a call of gRPC. */
void route_find_call(struct bytes target, struct text *out, struct route_match *ret_match);

/* Whether there is any call to SERVICE. */
bool route_knows_service(struct bytes service);

/* Adds the target's name as the query gives it, of an image with its tag. False: it gives none. */
bool route_query_name(const struct route *route, struct bytes query, struct text *out);

/* Gives the name of an image that OUT has from START on the tag of the query, if there is one. */
void route_query_tag(const struct route *route, struct bytes query, struct text *out, size_t start);

/* The first line of OPERATION; NULL for OPERATION_NONE. */
const struct route *route_of(enum operation operation);

/* Whether a request of METHOD, for ROUTE (NULL: it is not known), changes nothing. */
bool route_reads(const struct route *route, enum method method);

#endif
