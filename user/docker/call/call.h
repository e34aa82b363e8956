/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contents of API requests: reads them as they come, and says of each what it asks for, of what, and what
 * is to be thought of it. What a successful one changed is put into the inventory of its engine.
 */
#ifndef CALLERD_CALL_H
#define CALLERD_CALL_H

#include "conversation/reader.h"
#include "docker/cause/causes.h"
#include "docker/host/host_paths.h"
#include "docker/judge/policy.h"
#include "docker/known/inventory.h"
#include "json/body.h"

struct calls;

struct calls_options {
	unsigned int socket_count; /* at most */
	const enum engine_brand
		*engines; /* by the index of the watched socket; NULL: all are Docker */
	/* By the index of the watched socket; NULL: there is no such socket, nor one with a higher index. */
	struct inventory *const *inventories;
	const struct host_files *files;	      /* NULL: nobody to ask */
	const struct policy *policy;	      /* NULL: none */
	const struct record_context *context; /* for names of users and times; NULL: none */
	struct ledger
		*ledger; /* that requests are entered in which may make events happen; NULL: none */
	struct causes *causes; /* that know who is behind containers; NULL: none */
	uint32_t pid_ns;       /* callerd's PID namespace; 0: unknown */
	size_t memory_max; /* bytes that all contents at hand may take; beyond, the rest is told as not seen */
	void *data;
	/* Whether FILE is what the host has at PATH. NULL: nobody to ask. */
	bool (*is_program)(void *data, struct bytes path, const struct callerd_node_key *file);
	/* The server of a socket, where it is not the usual one; else NULL. NULL: nobody to ask. */
	const struct record_server *(*server)(void *data, unsigned int socket);
	/* How CALLER serves others: enum relayed_basis. NULL: nobody to ask. */
	enum relayed_basis (*serves)(void *data, const struct caller *caller);
	/* The engine answered: it runs. NULL: nobody to tell. */
	void (*answered)(void *data, unsigned int socket);
	/* The engine knows more of a container, by id or name: it was created, or is not known. NULL: nobody to
	 * tell. */
	void (*created)(void *data, unsigned int socket, struct bytes container);
	/* Something changed which the inventory cannot know by itself. NULL: nobody to tell. */
	void (*changed)(void *data, unsigned int socket);
};

/* All that OPTIONS points to outlives it. 0 or -ENOMEM. Free with calls_free(). */
int calls_new(const struct calls_options *options, struct calls **ret);
void calls_free(struct calls *calls);

/* From now on POLICY judges. */
void calls_set_policy(struct calls *calls, const struct policy *policy);

/* For the tracker. A record that was described refers to memory of CALLS until the next one is. */
const struct reader *calls_reader(const struct calls *calls);

/* Adds to RECORD, which has been described if it is of a request, what is known of its caller: the container
 * that it runs in, of whichever engine, and the rule that expects it. */
void calls_describe_caller(struct calls *calls, struct record *record);

/* Judges a container as its engine describes it (shape_container_inspect); what *RET refers to lives until
 * the next call of anything here, or as long as INSPECT. */
void calls_judge_inspected(struct calls *calls, unsigned int socket, const struct value *inspect,
			   struct inventory_container *ret);

#endif
