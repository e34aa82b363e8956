/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chain of a log of JSON lines: each line tells its number and the SHA-256 of the line before it, and now and
 * then a seal signs all before it with an Ed25519 key that is gone at once. docs/tamper-evidence.md specifies it.
 * No I/O, no clock.
 */
#ifndef CALLERD_CHAIN_H
#define CALLERD_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "record/record.h"

#define CHAIN_HASH_SIZE 32
#define CHAIN_KEY_SIZE 32
#define CHAIN_HEX_SIZE (2 * CHAIN_KEY_SIZE + 1)

/* Plain: a copy of it is a chain at the same place, to go back to where a write failed. It holds the key of the
 * next seal: wipe copies with chain_wipe(). */
struct chain {
	uint64_t lines;			     /* so far; the next line has this number and one */
	unsigned char last[CHAIN_HASH_SIZE]; /* of the last line; zeros: there was none */
	uint64_t seals;			     /* so far; the next one has this number */
	unsigned char seed[CHAIN_KEY_SIZE];  /* the private key of the next seal */
	char first_key[CHAIN_HEX_SIZE];	     /* the public key of seal 0, in hexadecimal */
	uint64_t unsealed;		     /* lines since the last seal */
};

/* What a seal says besides its numbers and keys. */
struct chain_seal {
	uint64_t real;					    /* ns since 1970 */
	const char *host_name, *host_id, *run_id, *version; /* .host_id NULL: not known */
	bool ocsf; /* the other lines are OCSF; else they are ECS */
};

/* A new chain with a random key. 0 or -errno. Its first line is to be a seal. */
int chain_begin(struct chain *chain);

/* Appends to OUT the LINE, a JSON object that ends in "}}" and its LF, with its link in it. 0; -ENOMEM; -EINVAL
 * where LINE does not end so: OUT and the chain are as they were. */
int chain_mark(struct chain *chain, struct bytes line, struct text *out);

/* Appends a seal as a line of its own; the key that made it is gone. 0 or -errno, all as it was. */
int chain_seal(struct chain *chain, const struct chain_seal *seal, struct text *out);

void chain_wipe(struct chain *chain);

#endif
