/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners on TCP that the kernel programs watch: the kernel marks their sockets, and with them all that come of these. */
#ifndef CALLERD_DOORS_H
#define CALLERD_DOORS_H

#include <stdbool.h>
#include <stdint.h>

#include "callerd/event.h"

struct bpf_object;
struct bpf_program;

struct doors {
	struct bpf_program *mark; /* NULL: this backend does not see TCP */
	struct callerd_control *control;
};

void doors_init(struct doors *doors, const struct bpf_object *object,
		struct callerd_control *control);

/* Reads "127.0.0.1:2375", "[::]:2375" as the kernel programs have it. 0 or -EINVAL. */
int doors_parse(const char *text, struct callerd_endpoint *ret);

/* Has the listener at END watched that the process PID holds, as the watched socket SOCKET. TLS: those that are connected
 * there already speak it. To be repeated where another process holds it. 0, -EOPNOTSUPP, -ENOSPC, -ENOENT: PID has no such
 * listener; or another -errno. */
int doors_watch(struct doors *doors, uint32_t pid, const struct callerd_endpoint *end,
		uint32_t socket, bool tls);

#endif
