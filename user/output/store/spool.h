/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded store on disk: segment files in a directory of its own, which another life of callerd goes on with.
 * One thread appends and syncs, another peeks, sends, confirms; neither waits for what the other one does with the
 * disk. What a crash left unfinished at the end is not taken for an entry; what is damaged is skipped and counted: it
 * never stops what comes after it.
 *
 * What was confirmed is remembered every 128 entries, but only of those that spool_sync() had on the disk, by
 * spool_sync() and by spool_close(): another life may send again what was confirmed since, and loses nothing.
 *
 * store.h for a spool: peek() returns at most 1024 entries and 1 MiB of them, but one at least. It returns none, with
 * some waiting, where it came upon much damage, or memory or descriptors are short: the next one goes on. waiting()
 * counts what is damaged until it is found to be. What is peeked has the severity and the action that it was appended
 * with, maybe by another version of callerd.
 *
 * A table in SQLite was measured in its place (tests/bench/spool.c). With the same promises it was 330 lines shorter. It
 * took and gave about a quarter as many records a second for three times the CPU time, and lost all of them where the
 * first 4 KiB of its file were zeros: here only the records in those bytes are lost.
 */
#ifndef CALLERD_SPOOL_H
#define CALLERD_SPOOL_H

#include "output/store/store.h"

struct spool;

/* Opens or makes the spool in DIRECTORY (0700, ours alone: a lock is held; its parent must be there). SIZE: bytes of
 * disk, at least 1 MiB; what is there and more stays until it was sent. What an earlier life did not confirm waits. 0,
 * with a sentence in REASON where something is not as it was left (records may come twice), else ""; or -errno with a
 * sentence in REASON. */
int spool_open(const char *directory, uint64_t size, struct spool **ret, char *reason,
	       size_t reason_size);

/* Syncs, and frees all. NULL is fine. */
void spool_close(struct spool *spool);

struct store *spool_store(struct spool *spool);

/* Appends ENTRIES; returns how many: fewer where there is no room (0 in *ERROR: the bound is reached; what was
 * sent and not confirmed is given up first, a segment at a time), the next one is larger than SIZE or 64 MiB
 * can ever hold (-EMSGSIZE), or the disk does not take it (another -errno; worth another try). They survive the end of
 * the process once it returns. */
unsigned int spool_append(struct spool *spool, struct entry *const *entries, unsigned int count,
			  int *error);

/* Writes to the disk what was appended and confirmed since, so that it survives a power failure, and removes what is
 * confirmed. To be called about once a second. 0 or -errno: again and again, where the disk has lost something that is
 * still to be sent. */
int spool_sync(struct spool *spool);

/* Records that were found damaged in this life, each once; those of which nothing else tells how many they were, as at
 * the very end, count as one. One that was being written when callerd was killed is among them. Another life that comes
 * upon them again, because what is before them was not confirmed, counts them again. */
uint64_t spool_damaged(struct spool *spool);

/* Bytes of disk in use: each file's size, in whole blocks of 4 KiB. */
uint64_t spool_used(struct spool *spool);

#endif
