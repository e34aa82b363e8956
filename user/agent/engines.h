/* SPDX-License-Identifier: Apache-2.0 */
/* The engines behind the watched sockets: what each of them has, and what requests ask of them. */
#ifndef CALLERD_ENGINES_H
#define CALLERD_ENGINES_H

#include <poll.h>

#include "agent/options.h"
#include "conversation/reader.h"
#include "record/record.h"

struct engines;

/* OPTIONS and CONTEXT outlive it. 0 or -errno. Free with engines_free(). */
int engines_new(const struct options *options, const struct record_context *context,
		struct engines **ret);
void engines_free(struct engines *engines);

/* Reads the contents of requests, for the tracker. */
const struct reader *engines_reader(const struct engines *engines);

/* Adds what is known of the caller: the container that it runs in, the rule that expects it. */
void engines_describe_caller(struct engines *engines, struct record *record);

/* Everything is to be asked for anew: something was lost. */
void engines_refresh(struct engines *engines);

/* What to poll for, one entry a socket; returns how many. */
unsigned int engines_fds(const struct engines *engines, struct pollfd *fds);

/* Whether each of them has told all that it was asked, or does not answer. */
bool engines_settled(const struct engines *engines);

/* Goes on asking the engines, without waiting for them. NOW: ns of CLOCK_BOOTTIME. */
void engines_run(struct engines *engines, uint64_t now);

#endif
