/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Equal records told once, with their count: the calls of pollers, the events of health checks, refused connects in a row.
 *
 * A record is folded only if one that equals it in all but time, connection and duration was told whole within the hour
 * before: the same process, with the same arguments, user and ancestors, asked the same of the same object, and got the same
 * status. So nothing is folded that is new, and nothing that has a finding, changes something, was refused by the engine or
 * was not seen whole.
 */
#ifndef CALLERD_FOLD_H
#define CALLERD_FOLD_H

#include "record/record.h"

#define FOLD_GROUPS_MAX 256 /* records that are being counted */
#define FOLD_HELD_MAX                                                                              \
	512 /* connects that wait for their request: more than come between two looks at the rings */
#define FOLD_AGAIN (3600 * NS_PER_S)
#define FOLD_SLOW (5 * NS_PER_S) /* a read that takes so long has a record */
#define FOLD_HOLD NS_PER_S	 /* a connect waits at most so long */
#define FOLD_BURST                                                                                 \
	NS_PER_S /* refused connects follow each other within that time; the first waits so long */

struct fold;

struct fold_options {
	void *data;
	/* Writes RECORD, which stands for COUNT that fold_take() took. */
	void (*tell)(void *data, struct record *record, uint64_t count);
};

/* 0, -ENOMEM, or -ENOTSUP where libcrypto gives no secret. Free with fold_free(). */
int fold_new(const struct fold_options *options, struct fold **ret);

/* Writes nothing: fold_flush() does. */
void fold_free(struct fold *fold);

/* A record tells what came within PAUSE (ns). 0: each record is told by itself. Where it is another one, what waits is
 * written now. */
void fold_set(struct fold *fold, uint64_t pause);

/* To be called with each record before it is written. True: it was taken over, and a later one tells it; false: it is to
 * be written now, and what has to stand before it was. */
bool fold_take(struct fold *fold, const struct record *record, uint64_t now);

/* Writes what is due. */
void fold_run(struct fold *fold, uint64_t now);

/* From now on nothing is taken for told: where it was written may be gone. */
void fold_forget(struct fold *fold);

/* Writes all that waits, and forgets. */
void fold_flush(struct fold *fold);

/* How many records were taken, and how many were written for them, since the start. */
uint64_t fold_taken(const struct fold *fold);
uint64_t fold_told(const struct fold *fold);

#endif
