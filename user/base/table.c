// SPDX-License-Identifier: Apache-2.0
#include "base/table.h"

#include <string.h>
#include <sys/random.h>

static uint64_t secrets[2];

__attribute__((constructor)) static void choose_secrets(void)
{
	if (getrandom(secrets, sizeof(secrets), GRND_NONBLOCK) != sizeof(secrets))
		secrets[0] = secrets[1] =
			(uintptr_t)&secrets; /* the address space is random, too */
	secrets[1] |= 1;
}

/* Mixes both halves of the product, so that each bit of the result depends on all bits of A and
 * B. */
static uint64_t table_mix(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

unsigned int table_hash(const void *key, size_t size)
{
	const char *at = key;
	uint64_t hash = secrets[0] ^ size, word;

	for (; size >= sizeof(word); size -= sizeof(word), at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		hash = table_mix(hash ^ word, secrets[1]);
	}
	word = 0;
	memcpy(&word, at, size);
	hash = table_mix(hash ^ word ^ (uint64_t)size << 56, secrets[1]);
	return (unsigned int)(hash ^ hash >> 32);
}
