/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners on TCP that the kernel programs watch: the kernel marks their sockets, and with them all that come of these. */
#ifndef CALLERD_DOORS_H
#define CALLERD_DOORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "callerd/event.h"

struct bpf_object;
struct bpf_program;

#define CALLERD_DOORS_OF_USERS_MAX (CALLERD_DOORS_MAX / 2) /* of users other than root, together */

struct doors {
	struct bpf_program *mark; /* NULL: the kernel programs do not see TCP */
	struct callerd_control *control;
	bool held[CALLERD_DOORS_MAX]; /* of its places: this agent has had the listener marked */
};

/* A listener that is to be watched. */
struct doors_listener {
	uint32_t pid; /* who holds it */
	struct callerd_endpoint end;
	uint32_t socket; /* index among the watched sockets */
	uint32_t owner;	 /* whose engine it is */
	bool tls;	 /* those that are connected there already speak it */
};

void doors_init(struct doors *doors, const struct bpf_object *object,
		struct callerd_control *control);

#define DOORS_SCHEME "tcp://" /* what the names of ports begin with */

/* Names the watched socket of the port TEXT. Any user can have a port of the same address, in a network namespace of his own. */
void doors_name(const char *text, uint32_t owner, char *ret, size_t size);

/* Whether a watched socket of this name is a port, which has no path. */
bool doors_is_port(const char *name);

/* Reads "127.0.0.1:2375", "[::]:2375" as the kernel programs have it. 0 or -EINVAL. */
int doors_parse(const char *text, struct callerd_endpoint *ret);

/* Whether the kernel programs see TCP: without that nothing can be watched. */
bool doors_are_seen(const struct doors *doors);

/* Has LISTENER watched. To be repeated where another process holds it. 0, -EOPNOTSUPP, -ENOSPC, -ENOENT: that process has
 * no such listener; -EPROTONOSUPPORT: it listens by another protocol, as MPTCP; -EADDRINUSE: that socket stands for a listener of another network namespace; or another -errno. What was
 * watched as that socket before still is after an error. */
int doors_watch(struct doors *doors, const struct doors_listener *listener);

/* Nobody listens as the watched socket SOCKET any more: its place is another one's, and who connects there is not looked at. */
void doors_leave(struct doors *doors, uint32_t socket);

#endif
