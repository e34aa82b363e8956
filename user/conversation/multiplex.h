/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection that speaks HTTP/2: each of its streams carries one request and its response, many at once.
 *
 * Behind an upgrade the daemon may be the one that asks, and the client the one that answers. Such a stream is told as
 * what it is of: it is the doing of who sent the upgrade's request.
 *
 * What was lost of a header block makes all later ones of that direction unreadable. That is told once, with a request
 * that could not be read; nothing is guessed from then on.
 */
#ifndef CALLERD_MULTIPLEX_H
#define CALLERD_MULTIPLEX_H

#include "conversation/connection.h"

struct multiplex;

/* Begins to read HTTP/2 on CONNECTION, whose client began it at OFFSET. 0 or -ENOMEM. */
int multiplex_begin(struct connection *connection, uint64_t offset);

/* CONNECTION speaks HTTP/2 since the answer to EXCHANGE. Which side asks there, its first bytes say. 0 or -ENOMEM. */
int multiplex_upgrade(struct connection *connection, const struct exchange *exchange);

/* Begins with a connection in whose middle what looks like a frame was seen, at OFFSET: that it is one, what the daemon writes next
 * decides. 0 or -ENOMEM. */
int multiplex_begin_midway(struct connection *connection, uint64_t offset, uint64_t time);

/* Whether that is not decided yet. */
bool multiplex_is_midway(const struct multiplex *multiplex);

/* It is HTTP/2: nothing of it can be read, which is told. 0 or -ENOMEM. */
int multiplex_confirm_midway(struct connection *connection);

/* Drops all of it without a record. NULL is fine. */
void multiplex_free(struct multiplex *multiplex);

/* The daemon does not speak HTTP/2: what was begun was no request. */
void multiplex_take_back(struct connection *connection);

/* SIZE bytes in DIRECTION. 0 or -ENOMEM. */
int multiplex_data(struct connection *connection, enum callerd_direction direction,
		   const char *data, size_t size, uint64_t time);

/* SIZE bytes went by unseen. WHY: a RECORD_INCOMPLETE_ bit. */
int multiplex_gap(struct connection *connection, enum callerd_direction direction, uint64_t size,
		  unsigned int why, uint64_t time);

/* The connection ended: REASON is why its requests are not complete, or 0; END is how their responses ended. */
void multiplex_end(struct connection *connection, uint64_t time, unsigned int reason,
		   enum record_end end);

/* The offset of the first byte whose sender is still to be known. */
uint64_t multiplex_oldest(const struct connection *connection);

bool multiplex_has_untold(const struct connection *connection);
void multiplex_tell_senders(struct connection *connection);

/* As connection_unanswered(): the earliest one. */
struct exchange *multiplex_unanswered(const struct connection *connection);

/* Describes it in RET, for another agent to go on. Its streams are over: multiplex_end(). False: it cannot be handed over. */
bool multiplex_give(const struct connection *connection, struct callerd_handed_http2 *ret);

/* Goes on with HANDED on CONNECTION. 0, or -EINVAL: it is not sound, or there is no memory. */
int multiplex_take_up(struct connection *connection, const struct callerd_handed_http2 *handed);

size_t multiplex_memory(const struct multiplex *multiplex);

/* The daemon has said nothing yet. */
bool multiplex_is_unanswered(const struct multiplex *multiplex);

/* Neither direction can be read any more. */
bool multiplex_is_lost(const struct multiplex *multiplex);

#endif
