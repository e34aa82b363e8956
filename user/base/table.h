/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash tables: uthash, with two settings that every table of callerd has. Out of memory, an element is not added
 * and its .hh.tbl stays NULL: who adds one looks at that. Keys are hashed with a secret of this process, so that nobody
 * outside can choose keys that collide.
 *
 * Included before or in place of <uthash.h>, never after it.
 */
#ifndef CALLERD_TABLE_H
#define CALLERD_TABLE_H

#include <stddef.h>
#include <stdint.h>

#ifdef UTHASH_H
#error "base/table.h comes before <uthash.h>"
#endif
#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(key, size, hash) ((hash) = table_hash(key, size))
#include <uthash.h>

/* Depends on the process: never to be kept or compared with another one's. */
unsigned int table_hash(const void *key, size_t size);

#endif
