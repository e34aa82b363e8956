/* SPDX-License-Identifier: Apache-2.0 */
/* From where somebody came who logged in: the session of logging in that a caller belongs to. */
#ifndef CALLERD_LOGIN_H
#define CALLERD_LOGIN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "process/caller.h"

/* What is known of it rests on; bits of login.basis. */
enum login_basis {
	/* the connection that the host's sshd holds, of which the caller is a descendant: the kernel's word */
	LOGIN_BY_CONNECTION,
	LOGIN_BY_PROCESS, /* a program of the host's, run by root, that logs people in: the kernel's word */
	/* The caller is no descendant of that program, as below tmux or screen; the kernel says that it is of that session. */
	LOGIN_BY_SESSION,
	LOGIN_BY_UNIT, /* the caller runs in a unit of systemd's for that user: the kernel's word */
	LOGIN_BY_LOGIND,
	LOGIN_BY_UTMP,
	LOGIN_BASES,
};

#define LOGIN_HOST_SIZE 128
#define LOGIN_WORD_SIZE 32
#define LOGIN_CONTRADICTIONS_MAX 4
#define LOGIN_CONTRADICTION_SIZE 96

/* Texts are empty, and numbers are 0, where they are not known. What logind and utmp say may hold any bytes. */
struct login {
	unsigned int basis;		/* enum login_basis */
	char service[LOGIN_WORD_SIZE];	/* "sshd", "login", "cron" */
	char address[INET6_ADDRSTRLEN]; /* from where */
	char host[LOGIN_HOST_SIZE];	/* the name of that, as logind or utmp has it */
	uint32_t port;			/* there */
	char terminal[LOGIN_WORD_SIZE]; /* that the login got */
	char id[LOGIN_WORD_SIZE];	/* logind's */
	uint64_t time;			/* of the login: ns of CLOCK_REALTIME */
	struct process leader;		/* the process that logged in; its texts are constants */
	bool ended;			/* the leader has ended, or logind says so */
	/* What others say otherwise than the kernel: "utmp: 10.9.9.9". */
	unsigned int contradiction_count;
	char contradictions[LOGIN_CONTRADICTIONS_MAX][LOGIN_CONTRADICTION_SIZE];
};

/* "connection", "logind" */
const char *login_basis_name(unsigned int basis);

/* A program of the host's that logs people in, by where it is and root alone may have put it: its service, "sshd"; NULL: it is
 * none. Sets *RET_FILE, unless that is NULL, to the path as a constant. */
const char *login_service_of(struct bytes file, struct bytes *ret_file);

/* The number among the ancestors of CALLER of the nearest one that is such a program and root's; -1: there is none. Whether it is
 * the host's, and root's throughout, is not looked at. */
int login_leader_of(const struct caller *caller);

/* The number among them of what that process began for the user: the first process that is not that program; -1: CALLER itself. */
int login_entry_of(const struct caller *caller, unsigned int leader);

#endif
