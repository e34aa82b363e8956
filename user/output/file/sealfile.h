/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chain of a log file across lives and rotations: PATH.seal, 0600, beside the log, keeps where the chain is
 * and the key of its next seal. It is written in place, and what it held before is overwritten: an older key must
 * not be found on the disk.
 */
#ifndef CALLERD_SEALFILE_H
#define CALLERD_SEALFILE_H

#include "chain/chain.h"

struct sealfile;

/* Opens or makes LOG_PATH.seal and finds where the chain goes on: LOG_FD, readable, is the log as it is now,
 * which may hold more lines and seals than were saved, if an earlier life ended without a word. *FRESH: a new
 * chain begins, with a seal. *TEXT gets a sentence for the administrator where something is not as it was left
 * (the seal file is gone or damaged while the log has a chain: a new one begins; the log ends before what was
 * saved), else "". 0, or -errno with the sentence in TEXT: -EBUSY where another callerd has it open.
 *
 * Once a log, for as long as it is written: it stays open over rotations. Free with sealfile_close(). */
int sealfile_open(const char *log_path, int log_fd, struct sealfile **ret, struct chain *chain,
		  bool *fresh, char *text, size_t text_size);

/* Keeps CHAIN; SYNC: on the disk when it returns. To be called once the log has what CHAIN says. 0 or -errno:
 * what was saved before is still there. */
int sealfile_save(struct sealfile *file, const struct chain *chain, bool sync);

void sealfile_close(struct sealfile *file);

/* What the seal file at PATH itself says; of the key in *RET there is nothing. 0; -EBADMSG where it is none or
 * damaged; -errno. */
int sealfile_peek(const char *path, struct chain *ret);

#endif
