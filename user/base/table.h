/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash tables: uthash, with two settings for all tables of callerd. Where there is no memory, an
 * element is not added and its .hh.tbl stays NULL, which the code that adds it must check. Keys are
 * hashed with a secret of this process, so that users cannot choose keys that collide.
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

/* The hash differs from process to process: it must not be kept, nor compared with another
 * process's. */
unsigned int table_hash(const void *key, size_t size);

#endif
