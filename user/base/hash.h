/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes of bytes. */
#ifndef CALLERD_HASH_H
#define CALLERD_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)

/* FNV-1a. The hash is the same in every run and version, so that it may be kept on disk. */
static inline uint64_t hash_add(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* Hashes eight bytes at a time, for tables in memory. */
static inline uint64_t hash_add_fast(uint64_t hash, const void *data, size_t size)
{
	const char *at = data;

	for (size_t next = 0; next < size; next += sizeof(hash)) {
		size_t left = size - next;
		uint64_t word = 0;

		memcpy(&word, at + next, left < sizeof(word) ? left : sizeof(word));
		hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	return hash ^ size;
}

#endif
