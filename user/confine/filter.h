/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which system calls this process may make from now on: those of its work, and no others. The kernel ends the process at once
 * for a call that only an attacker makes. For one that is in no list the process first says on stderr which it was: a C
 * library or a name service that callerd does not know may need it.
 */
#ifndef CALLERD_FILTER_H
#define CALLERD_FILTER_H

enum filter_kind {
	FILTER_AGENT, /* what reads what others write, and can ask the broker for the rest */
	FILTER_AGENT_NETWORK, /* the same, with sockets of the Internet, and asking for names of hosts */
	FILTER_BROKER,
};

/* For all threads, and those to come. 0, or -errno: nothing is restricted. */
int filter_install(enum filter_kind kind);

#endif
