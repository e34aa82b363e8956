/* SPDX-License-Identifier: Apache-2.0 */
/* One look at where a login came from: at the program that logged in and its connection, at logind and at utmp. May wait as
 * long as /proc and /run do: for a thread beside the loop. */
#ifndef CALLERD_LOGIN_LOOK_H
#define CALLERD_LOGIN_LOOK_H

#include "record/login.h"

/* What sessions are told apart by. Compared byte by byte. */
struct login_key {
	uint32_t session, user; /* of the kernel's audit; CALLERD_UNSET_ID: unset */
	/* The ancestor that seems to have logged in, or the user's own systemd; 0: there is none. */
	uint32_t leader;
	uint32_t manager; /* 1: it is that systemd */
	uint64_t leader_start;
	char scope[LOGIN_WORD_SIZE]; /* logind's id, from the cgroup; empty: it is in none */
};

struct login_question {
	struct login_key key;
	bool searches; /* the leader is looked for among all processes, where it is not above */
	/* Those of the ancestors that are the program that logged in, whose entries in utmp count. */
	unsigned int above_count;
	struct {
		uint32_t pid;
		uint64_t start; /* ns of CLOCK_BOOTTIME */
	} above[CALLERD_ANCESTORS_MAX];
	uint32_t mnt_ns; /* the host's */
	int64_t boot_to_real;
};

struct login_found {
	struct login login; /* .basis 0: nothing is known */
	uint64_t start;	    /* of the leader, to a tick of /proc; 0: there is none */
	bool owns;	    /* the audit session began with the leader */
};

/* Sets RET to what is found. */
void login_look(const struct login_question *question, struct login_found *ret);

/* Whether the session of what was FOUND has ended since. */
bool login_look_ended(const struct login_found *found);

#endif
