/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of call.c share: the state of one call and of all of them. */
#ifndef CALLERD_CALL_INSIDE_H
#define CALLERD_CALL_INSIDE_H

#include "conversation/exchange.h"
#include "docker/api/route.h"
#include "docker/buildkit/asked.h"
#include "docker/call/call.h"
#include "docker/judge/removals.h"
#include "docker/known/labels.h"
#include "json/yaml_body.h"

struct calls {
	struct calls_options options;
	struct payer *payers;	    /* by account */
	struct asked_build *builds; /* what their open calls say */
	struct reader reader;
	size_t memory;	      /* of the bodies at hand */
	uint64_t requests;    /* so far: each has a number */
	struct text event_id; /* of the last one */
	struct removals removals;
	struct kept kept; /* of the contents judged last */
	/* Of the record described last. */
	struct verdict verdict;
	struct finding findings[VERDICT_FINDINGS_MAX];
	enum finding_technique techniques[TECHNIQUES];
};

/* The object that a request acts on. Owned by the call's pool. */
struct target {
	struct bytes id, name, image;
	struct bytes labels; /* of the container that it is, or that it is in */
	struct bytes container_id, container_name; /* of an exec, or of what an image is made of */
};

struct call {
	struct calls *calls;
	struct inventory *inventory;
	unsigned int socket;
	struct pool pool;
	struct bytes event_id; /* of the record of its answer */
	struct text path;
	struct route_match match;
	/* As sent, since what is judged must mean what it means to the engine, but without the values of secret
	 * keys, of which none is judged. */
	struct text query;
	struct target target;
	bool resolved;	  /* the inventory knew the target, by its id */
	struct bytes key; /* the target's name as the request has it */
	bool form;	  /* the body is a form, which engines take for a part of the query */
	bool named_late;  /* the engine looks .key up only when it has read the body */
	struct bytes meant,
		means; /* ids that .key had, one after the other, where it changed hands */
	bool unclear;  /* which of the two the engine meant is not known */
	struct request *request;  /* in the ledger; NULL: it is of no interest there */
	struct body *body;	  /* NULL: of no interest, or no memory */
	struct yaml_body yaml;	  /* that is gathered for .body, where that is YAML */
	const char *yaml_trouble; /* why not all of it was read; NULL: it was */
	struct labels labels;	  /* that the body has */
	size_t body_memory;	  /* as counted */
	size_t body_limit;
	struct payer *payer; /* of the body; NULL: there is none */
	bool body_refused;   /* there was no memory for a body */
	bool fed, gap;	     /* a part of the body was seen; a part was not */
	bool dark;	     /* the request was not seen, or not from its beginning */
	bool uncertain;	     /* the answer may be content of another one */
	struct build *build; /* what a call asks of BuildKit, and what it answers; NULL as .body */
	struct build *result;
	struct bytes of_build; /* that the head names; or none */
	struct bytes asked_for;
	struct asked *
		asked; /* beside the other calls of its build; NULL: it is no Solve, or not complete */
	struct containerd *containerd; /* the same of containerd */
	struct containerd *named;
	struct bytes namespace; /* of containerd's */
	bool grpc;		/* a call of gRPC: what follows comes with its outcome */
	int status;		/* 0: no answer yet */
	struct body *answer;
	struct progress *progress; /* what the engine says while it goes on; NULL: nothing yet */
	struct bytes failure;	   /* that it came to, as is told; none: not that is known */
	bool learned;		   /* what it changed is in the inventory */
	struct verdict *judged; /* the contents, judged when it was learned; NULL: not judged yet */
};

static inline bool call_succeeded(const struct call *call)
{
	return call->status >= 200 && call->status < 300;
}

/* Whether the target has no id before the answer, and its name may be in the body. */
static inline bool call_is_create(const struct call *call)
{
	return call->match.route->answer && !call->match.route->made;
}

static inline enum target_type call_target_type(const struct call *call)
{
	return call->match.route->made ?: call->match.route->target;
}

/* A copy in the call's pool. */
static inline struct bytes call_keep(struct call *call, struct bytes bytes)
{
	return bytes.size ? pool_copy(&call->pool, bytes) : (struct bytes){};
}

/* --- call.c --- */

/* The body as far as the engine takes it; NULL: none. Where the engine did not refuse it, a mistyped body counts
 * (the engine knows the type better), and of a body that was not seen to its end what was seen. */
const struct value *call_taken_body(const struct call *call);

/* Reads the body where it is YAML, of which all has come that will. */
void call_read_yaml(struct call *call);

/* A member of the answer, if the answer is there to its end. */
struct bytes call_answer_string(const struct call *call, const char *name);

/* The id of what was made, as events have it: of a volume, that is its name. */
struct bytes call_made_id(const struct call *call);

/* Asks the engine what it knows of a container. */
void call_ask_about(const struct call *call, struct bytes container);

/* --- call_progress.c --- */

/* Whether the answer, which was read, goes on with how the request goes. */
bool call_follows(const void *content);

/* A piece of that. Whether it says that the request failed. */
bool call_progress(void *content, const char *bytes, size_t size);

void call_free_progress(struct call *call);
size_t call_progress_memory(const struct call *call);

/* --- call_target.c --- */

/* Finds what the request acts on. */
void call_target_begin(struct call *call);

/* Looks again where the inventory did not know the target: the response that made it may have been read later. */
void call_target_refresh(struct call *call);

/* The name of the target may come to be that of another object while the body is read, and until it is ANSWERED. */
void call_target_follow(struct call *call, bool answered);

/* Adds what the body and the answer say of the target. */
void call_target_complete(struct call *call);

/* The names of the images that a call of BuildKit makes, parted by commas. */
struct bytes call_built_images(struct call *call);

/* Enters the target in the ledger, as far as it is known. */
void call_target_enter(struct call *call);

/* NAME, as a request has it, as it may be told: it may have a password in it, which no engine takes. */
struct bytes call_told(struct call *call, struct bytes name);

/* The name that BODY gives to what it makes: Podman's own writes it small. */
static inline struct bytes call_body_name(const struct value *body)
{
	struct bytes name = body_string(body, "Name");

	return name.data ? name : body_string(body, "name");
}

/* --- call_judge.c --- */

/* A container of any watched engine; NULL: none has it. */
const struct inventory_container *call_container(const struct calls *calls, struct bytes id);

/* The server of the socket, where that is not the usual one: what it answers may be anything. */
const struct record_server *call_other_server(const struct call *call);
void call_judge_server(struct verdict *verdict, const struct record_server *server);

/* Judges the contents now, before the record is made. Events that the request causes may be told before its record
 * is: they refer to its findings. */
void call_judge_early(struct call *call);

/* The verdict on the call that RECORD is of, as complete as RECORD is. COMPLETE: the body was seen to its end. */
const struct verdict *call_judge(struct call *call, bool complete, const struct record *record);

/* The findings of VERDICT as POLICY has them (NULL: as they are), the gravest first. Returns how many, up to MAX. */
unsigned int call_findings(const struct policy *policy, const struct verdict *verdict,
			   struct finding *to, unsigned int max);

/* Gives CONTAINER what was judged last: the findings of VERDICT, and what is kept beside. */
void call_take_judged(const struct calls *calls, const struct verdict *verdict,
		      struct inventory_container *container);

/* --- call_learn.c --- */

/* Enters the request in the ledger, if such requests make events happen. */
void call_enter(struct call *call, const struct exchange *exchange);
void call_enter_body(struct call *call);
void call_enter_build(struct call *call);
void call_enter_removed(struct call *call);
void call_enter_findings(struct call *call, const struct verdict *verdict);

/* Puts what a request that succeeded has changed into the inventory, once. */
void call_learn(struct call *call);

/* --- call_tell.c: for the reader (reader.h) --- */
void call_describe(void *content, bool complete, struct record *record);
void call_describe_unread(void *data, struct record *record);

/* Enters in the ledger who is behind the sender, where that is known. */
void call_note_behind(struct call *call);

/* Enters in the ledger that the sender may have been asked by somebody, unless who it was is known. */
void call_note_servant(struct call *call);

/* The rule that expects OPERATION of CALLER; or, where it only CONNECTS, whichever operations it names. NULL: none does. */
const char *call_expected(const struct calls *calls, const struct caller *caller,
			  enum operation operation, bool connects);

#endif
