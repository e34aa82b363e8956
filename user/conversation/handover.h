/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a connection was read, from an agent that stops to the next one. A connection between two requests is handed over,
 * and one whose last request has its record already and whose response goes on; of that response the end is told. All others
 * are not: what is under way on them is told as cut off, and the next agent finds the next request. Of HTTP/2 where its frames are, and its
 * header tables; its streams are told as cut off.
 */
#ifndef CALLERD_HANDOVER_H
#define CALLERD_HANDOVER_H

#include "conversation/connection.h"

/* Describes CONNECTION, which has no finished request any more, in RET, and in RET_HTTP2 where it speaks that: then no stream is open
 * any more. False: it cannot be handed over. */
bool handover_give(const struct connection *connection, struct callerd_handed *ret,
		   struct callerd_handed_http2 *ret_http2);

/* Whether HANDED, which anybody with root's rights may have written, can be used. */
bool handover_is_sound(const struct callerd_handed *handed);

/* Sets what HANDED, which is sound, says of a new CONNECTION with its reader; HTTP2 where that says so. CALLER sent the request whose
 * response goes on; NULL: that is not known. Takes over the reference. 0 or -ENOMEM: that request is forgotten; -EINVAL: HTTP2 is not
 * sound, and CONNECTION is one that begins in its middle. */
int handover_take(struct connection *connection, const struct callerd_handed *handed,
		  const struct callerd_handed_http2 *http2, struct caller *caller);

#endif
