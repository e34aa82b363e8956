/* SPDX-License-Identifier: Apache-2.0 */
/* What a line's end says of its place in the chain. */
#ifndef CALLERD_LINK_H
#define CALLERD_LINK_H

#include "chain/key.h"

/* As chain_mark() and chain_seal() write them, NAME first. */
#define LINK_LINE "\"chain\":{\"line\":"
#define LINK_PREVIOUS ",\"previous\":\""
#define LINK_SEAL "\"},\"seal\":{\"number\":"
#define LINK_KEY ",\"key\":\""
#define LINK_NEXT_KEY "\",\"next_key\":\""
#define LINK_SIGNATURE "\",\"signature\":\""
#define LINK_END "\"}}}"

enum link_kind { LINK_IS_NONE, LINK_IS_LINE, LINK_IS_SEAL };

struct chain_link {
	enum link_kind kind;
	uint64_t line; /* more than 0 */
	unsigned char previous[CHAIN_HASH_SIZE];

	/* Of a seal. */
	uint64_t seal;
	unsigned char key[CHAIN_KEY_SIZE], next_key[CHAIN_KEY_SIZE];
	unsigned char signature[KEY_SIGNATURE_SIZE];
	size_t signed_size; /* so many of the line's first bytes */
};

/* Reads the link of LINE (without its LF); LINK_IS_NONE where it has none, or one of another form. */
struct chain_link link_read(struct bytes line);

/* Whether the seal LINK of LINE is signed by its own key. */
bool link_is_signed(const struct chain_link *link, struct bytes line);

/* Whether LINK says that it comes right after line number LINE, of that HASH. */
bool link_follows(const struct chain_link *link, uint64_t line,
		  const unsigned char hash[CHAIN_HASH_SIZE]);

#endif
