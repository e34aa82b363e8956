/* SPDX-License-Identifier: Apache-2.0 */
/* Chains with keys that are known, for tests. */
#ifndef CALLERD_TEST_CHAINING_H
#define CALLERD_TEST_CHAINING_H

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "chain/link.h"

#define T0 1772366624000000000ull /* 2026-03-01T12:03:44 */

static inline struct chain_seal some_seal(bool ocsf, uint64_t after)
{
	return (struct chain_seal){
		.real = T0 + after * 1000000000,
		.host_name = "build7",
		.host_id = "4d0e1f3a5b6c4d7e8f90a1b2c3d4e5f6",
		.run_id = "c0ffee12",
		.version = "0.1.0",
		.ocsf = ocsf,
	};
}

/* Its seed is FIRST, FIRST + 1 and so on. */
static inline struct chain known_chain(unsigned char first)
{
	unsigned char key[CHAIN_KEY_SIZE];
	struct chain chain = {0};

	for (unsigned int i = 0; i < CHAIN_KEY_SIZE; i++)
		chain.seed[i] = (unsigned char)(first + i);
	assert_int_equal(key_public(chain.seed, key), 0);
	*key_put_hex(chain.first_key, key, sizeof(key)) = '\0';
	return chain;
}

static inline void add_line(struct chain *chain, struct text *out, const char *line)
{
	assert_int_equal(chain_mark(chain, bytes_of(line), out), 0);
}

static inline void add_seal_line(struct chain *chain, struct text *out, bool ocsf)
{
	struct chain_seal seal = some_seal(ocsf, chain->seals * 10);

	assert_int_equal(chain_seal(chain, &seal, out), 0);
}

#endif
