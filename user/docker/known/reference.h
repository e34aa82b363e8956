/* SPDX-License-Identifier: Apache-2.0 */
/* How images are called: repository:tag, repository@digest, sha256:…, each in several spellings. */
#ifndef CALLERD_REFERENCE_H
#define CALLERD_REFERENCE_H

#include <stdbool.h>

#include "base/text.h"

#define REFERENCE_DIGEST "sha256:"
#define REFERENCE_MAX 512 /* bytes; the daemon takes 255 of a repository and 128 of a tag */
#define REFERENCE_SIZE (REFERENCE_MAX + 16)

/* Writes REFERENCE, of any spelling, in the form that the daemon knows it by. Returns its size, 0: it is none. */
size_t reference_familiar(struct bytes reference, char out[REFERENCE_SIZE]);

/* Whether both name the same image, whatever their spelling. */
bool reference_equal(struct bytes a, struct bytes b);

/* An id without its sha256:. */
struct bytes reference_bare_id(struct bytes id);

#endif
