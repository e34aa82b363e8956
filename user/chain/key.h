/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256, Ed25519 and hexadecimal, as the chain uses them. */
#ifndef CALLERD_KEY_H
#define CALLERD_KEY_H

#include "chain/chain.h"

#define KEY_SIGNATURE_SIZE 64

/* All return 0, or -ENOTSUP where libcrypto does not do it, or not now; *RET is then undefined. */
int key_hash(struct bytes bytes, unsigned char ret[CHAIN_HASH_SIZE]);
int key_random(unsigned char ret[CHAIN_KEY_SIZE]);
int key_public(const unsigned char seed[CHAIN_KEY_SIZE], unsigned char ret[CHAIN_KEY_SIZE]);
int key_sign(const unsigned char seed[CHAIN_KEY_SIZE], struct bytes bytes,
	     unsigned char ret[KEY_SIGNATURE_SIZE]);

/* Puts the seed of the next seal in place of SEED. There is no way back. */
int key_evolve(unsigned char seed[CHAIN_KEY_SIZE]);

/* Whether SIGNATURE is that of BYTES by the public KEY. */
bool key_signed(const unsigned char key[CHAIN_KEY_SIZE], struct bytes bytes,
		const unsigned char signature[KEY_SIGNATURE_SIZE]);

/* Writes SIZE bytes as twice as many lower-case digits to AT, without a NUL; returns what follows them. */
char *key_put_hex(char *at, const unsigned char *data, size_t size);

/* Reads SIZE bytes of lower-case digits; false where there are others among them. */
bool key_get_hex(const char *at, unsigned char *ret, size_t size);

#endif
