/* SPDX-License-Identifier: Apache-2.0 */
/* The target of a request, read as Go's net/url reads it. */
#ifndef CALLERD_URL_H
#define CALLERD_URL_H

#include "base/text.h"

/* A target and its parts, which lie within it. */
struct url {
	struct bytes original;
	struct bytes path;  /* still encoded; data NULL: it has none */
	struct bytes query; /* what follows the first '?' */
};

/* Finds the parts of TARGET. */
struct url url_split(struct bytes target);

/* Adds TARGET to OUT with values of secret query keys, and passwords within values and the path,
 * replaced by ***, and sets *RET_URL to the parts, which lie within OUT: valid until the next addition. */
void url_mask(struct text *out, struct bytes target, struct url *ret_url);

/* Adds PATH percent-decoded, once. What is no valid escape stays, as the daemon refuses it. */
void url_decode_path(struct text *out, struct bytes path);

/* Adds PATH decoded and then cleaned as the daemon's router does it: no empty element, no "." and "..", a
 * slash at its front, and one at its end only where there was one. Data NULL becomes "/". Returns
 * whether it was clean before: where it was not the daemon answers with a redirect and does nothing. */
bool url_clean_path(struct text *out, struct bytes path);

#endif
