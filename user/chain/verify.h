/* SPDX-License-Identifier: Apache-2.0 */
/* Checks a chain, line by line. No I/O: `callerd verify` feeds it files, the oldest first. */
#ifndef CALLERD_VERIFY_H
#define CALLERD_VERIFY_H

#include "chain/chain.h"

#define VERIFY_LINE_MAX (64u << 20) /* bytes of a line; a longer one is no line of ours */
#define VERIFY_TIME_SIZE 40

struct verify;

/* What is wrong, with the place where it shows. */
enum verify_fault {
	VERIFY_CHANGED, /* the line's bytes are not those that were written */
	VERIFY_REMOVED, /* lines are missing right before this one */
	VERIFY_INSERTED, /* the line does not belong there: it has no link, or that of another place */
	VERIFY_CUT,	 /* the file's end is missing, or what should follow it */
	VERIFY_FORGED,	  /* a seal that its key did not make */
	VERIFY_RESTARTED, /* a new chain begins in the middle */
	VERIFY_FAULTS,
};

struct verify_report {
	uint64_t faults;
	uint64_t lines, seals;		       /* good ones; seals are lines, too */
	uint64_t unsealed;		       /* good lines at the end that no seal vouches for */
	bool sealed;			       /* there was a good seal: */
	uint64_t last_seal;		       /* its number */
	char last_seal_time[VERIFY_TIME_SIZE]; /* RFC 3339; "": the seal has none */
	char first_key[CHAIN_HEX_SIZE];	       /* of the first seal; "": there was none */
	bool starts_at_beginning; /* the first line was that of the chain, and so the first seal */
};

struct verify_options {
	/* Lower-case hexadecimal: the key of the chain's seal 0, or the key that the seal before the first line named
	 * next; NULL: believe the first seal. */
	const char *key;
	const struct chain *written; /* what the seal file says was written; NULL: not known */
	void *data;
	/* LINE counts from 1 within the FILEth file (from 0). WHAT: a sentence. */
	void (*fault)(void *data, enum verify_fault fault, unsigned int file, uint64_t line,
		      const char *what);
};

/* "changed", "removed" and so on. */
const char *verify_fault_name(enum verify_fault fault);

struct verify *verify_new(const struct verify_options *options); /* NULL: no memory */
void verify_free(struct verify *verify);

/* The next file begins. */
void verify_file(struct verify *verify);

/* The next line, without its LF; COMPLETE: it had one. 0, or -ENOTSUP where libcrypto fails. */
int verify_line(struct verify *verify, struct bytes line, bool complete);

/* After the last line. */
void verify_end(struct verify *verify, struct verify_report *ret);

#endif
