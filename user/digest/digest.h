/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 of what callers execute. A file is read once, beside the loop: its identity and the time of its last change are the kernel's
 * word, as of when it described the caller. A digest is told only of a file that did not change since the process began, so that it is
 * what was executed. Until it has been read there is none, and none of files that are too large, or of which one account has too many.
 */
#ifndef CALLERD_DIGEST_H
#define CALLERD_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/broker.h"
#include "process/caller.h"
#include "system/beside.h"

#define DIGEST_BUDGET (1024u << 20)		      /* bytes that are read in a minute */
#define DIGEST_OF_ONE (256u << 20)		      /* the same, for one account */
#define DIGEST_TEXT_SIZE (2 * BROKER_DIGEST_SIZE + 1) /* in hexadecimal */

struct digests;

/* 0 or -ENOMEM. Free with digests_free(). */
int digests_new(struct digests **ret);
void digests_free(struct digests *digests);

/* How files are told apart: by the kernel, from the open (O_PATH) file FD. 0 or -errno. Called in the loop. */
struct digest_identity {
	int (*identify)(void *data, int fd, struct callerd_node_key *ret);
	void *data;
};

/* From now on files are read, in BESIDE, which is kept by reference. */
void digests_read_beside(struct digests *digests, struct beside *beside,
			 struct digest_identity identity);

/* Writes the digest of CALLER's executable to RET, and returns whether it is known; else it is asked for. BOOT_TO_REAL: ns to add to
 * CLOCK_BOOTTIME for CLOCK_REALTIME. Never waits. */
bool digests_find(struct digests *digests, const struct caller *caller, int64_t boot_to_real,
		  char ret[DIGEST_TEXT_SIZE]);

/* The number of digests that became known after a lookup did not have them. */
uint64_t digests_news(const struct digests *digests);

#endif
