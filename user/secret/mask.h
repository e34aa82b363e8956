/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes secrets out of what callers typed. Names stay, values become ***. What is a secret is
 * guessed from names and forms: rather a value too many than one too few, but the shape of a
 * command stays.
 */
#ifndef CALLERD_MASK_H
#define CALLERD_MASK_H

#include <stdbool.h>

#include "base/text.h"

#define MASK "***"
#define MASK_SIZE 3

/* Whether BYTES begins with a masked value. */
static inline bool mask_begins(struct bytes bytes)
{
	return bytes.size >= MASK_SIZE && !memcmp(bytes.data, MASK, MASK_SIZE);
}

#define MASK_SITE_MAX 64 /* names, and patterns, that a site can add */

/* What a site adds to what is known here, once each; before the first thread starts.
 * A value whose name has NAME as a part, in any case, is a secret. 0, -EINVAL (empty, or longer than 256 bytes),
 * -E2BIG (too many) or -ENOMEM. */
int mask_add_name(const char *name);
/* What PATTERN (of Perl's kind, PCRE2) finds in an argument or another text is a secret, or its first group where it
 * has one. 0, -EINVAL with REASON filled in, -E2BIG or -ENOMEM. */
int mask_add_pattern(const char *pattern, char *reason, size_t reason_size);
/* The same checks, which change nothing. */
int mask_check_name(const char *name);
int mask_check_pattern(const char *pattern, char *reason, size_t reason_size);
/* Takes all that back. */
void mask_forget_site(void);

/* Whether a variable, option, key or header of this name holds a secret. */
bool mask_is_secret_name(struct bytes name);

/* Adds ARGS (each ended by a NUL) to OUT, without the secrets. Returns whether there were any. */
bool mask_args(struct text *out, struct bytes args);

/* Adds TEXT to OUT, without the secrets that it holds: URLs with passwords, name=value, JSON, a
 * command for a shell, a Dockerfile's ENV. Returns whether there were any. */
bool mask_text(struct text *out, struct bytes text);

/* The same for TEXT that stands where the name of an image is expected, with what only there is a password:
 * user:password@host/image. Also for a path that has such a name in it. */
bool mask_reference(struct text *out, struct bytes text);

/* Adds QUERY, of a URL and encoded, without the values of secret keys, and the secrets that other values
 * hold. Returns whether there were any. */
bool mask_query(struct text *out, struct bytes query);

/* The same, but without a look into the values of other keys: those stay what they mean to the engine. */
bool mask_query_keys(struct text *out, struct bytes query);

/* Adds the URL, or what begins like one, without the password before its host. Returns whether
 * there was one. */
bool mask_url(struct text *out, struct bytes url);

#endif
