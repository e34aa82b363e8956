/* SPDX-License-Identifier: Apache-2.0 */
/* Whose sockets are connected to those of the engines, by their inodes. */
#ifndef CALLERD_ACCESS_CLIENT_H
#define CALLERD_ACCESS_CLIENT_H

#include "ctl/access/access.h"

#define ACCESS_CLIENTS_MAX 4096

struct access_clients {
	struct access_client {
		uint64_t inode;
		const struct access_socket *socket;
	} list[ACCESS_CLIENTS_MAX]; /* sorted */
	unsigned int count;
	bool left_out;
};

/* Finds them in all network namespaces that processes have, until END (of CLOCK_MONOTONIC): a connection is in that of its client. */
void access_clients_find(struct access *access, uint64_t end, struct access_clients *ret);

/* The engine's socket that the one with INODE is connected to, or NULL. */
const struct access_socket *access_clients_socket(const struct access_clients *clients,
						  uint64_t inode);

#endif
