// SPDX-License-Identifier: Apache-2.0
#include "ctl/access/access_client.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "ctl/access/access_threads.h"

#define ANSWER_SIZE (256u << 10)
#define NETWORKS_MAX 16384

struct network {
	uint64_t inode;
	UT_hash_handle hh;
};

struct client_search {
	struct access *access;
	struct access_clients *found;
	struct network *seen; /* a table */
	char *data;	      /* ANSWER_SIZE bytes */
	int own;	      /* the namespace of this process */
	unsigned int failed;
};

static void take_client(struct client_search *search, const struct nlmsghdr *header)
{
	const struct unix_diag_msg *message = NLMSG_DATA(header);
	const char *at = (const char *)(message + 1),
		   *end = (const char *)header + header->nlmsg_len;
	const struct unix_diag_vfs *vfs = NULL;
	uint32_t peer = 0;

	while (at + sizeof(struct nlattr) <= end) {
		const struct nlattr *attribute = (const void *)at;

		if (attribute->nla_len < sizeof(*attribute) || at + attribute->nla_len > end)
			break;
		if (attribute->nla_type == UNIX_DIAG_PEER &&
		    attribute->nla_len >= NLA_HDRLEN + sizeof(peer))
			memcpy(&peer, at + NLA_HDRLEN, sizeof(peer));
		if (attribute->nla_type == UNIX_DIAG_VFS &&
		    attribute->nla_len >= NLA_HDRLEN + sizeof(*vfs))
			vfs = (const void *)(at + NLA_HDRLEN);
		at += NLA_ALIGN(attribute->nla_len);
	}
	for (unsigned int i = 0; peer && vfs && i < search->access->socket_count; i++) {
		const struct access_socket *socket = &search->access->sockets[i];

		/* The kernel's own number of a device has 20 bits of minor. */
		if (socket->tcp || (uint32_t)socket->inode != vfs->udiag_vfs_ino ||
		    makedev(vfs->udiag_vfs_dev >> 20, vfs->udiag_vfs_dev & 0xfffff) !=
			    socket->device)
			continue;
		if (search->found->count < ACCESS_CLIENTS_MAX)
			search->found->list[search->found->count++] =
				(struct access_client){peer, socket};
		else
			search->found->left_out = true;
	}
}

/* Asks the kernel for the connections of the namespace of FD, a socket of NETLINK_SOCK_DIAG: each end of the engine's names its peer.
 * False: it does not say. */
static bool dump_clients(struct client_search *search, int fd)
{
	struct {
		struct nlmsghdr header;
		struct unix_diag_req request;
	} ask = {
		.header = {sizeof(ask), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 0, 0},
		.request = {.sdiag_family = AF_UNIX,
			    .udiag_states = 1u << 1, /* connected */
			    .udiag_show = UDIAG_SHOW_VFS | UDIAG_SHOW_PEER},
	};

	if (fd < 0 || send(fd, &ask, sizeof(ask), 0) != sizeof(ask))
		return false;
	for (;;) {
		ssize_t got = recv(fd, search->data, ANSWER_SIZE, 0);
		unsigned int left = got > 0 ? (unsigned int)got : 0;
		const struct nlmsghdr *header = (const void *)search->data;

		if (got <= 0)
			return false;
		for (; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
			if (header->nlmsg_type == NLMSG_DONE)
				return true;
			if (header->nlmsg_type == NLMSG_ERROR)
				return false;
			if (header->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
			    header->nlmsg_len >= NLMSG_LENGTH(sizeof(struct unix_diag_msg)))
				take_client(search, header);
		}
	}
}

static int open_diag(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
}

/* Whether the network namespace with INODE was not met before. */
static bool is_new_network(struct client_search *search, uint64_t inode)
{
	struct network *network;

	HASH_FIND(hh, search->seen, &inode, sizeof(inode), network);
	if (network)
		return false;
	if (HASH_COUNT(search->seen) == NETWORKS_MAX || !(network = malloc(sizeof(*network)))) {
		search->failed++;
		return false;
	}
	network->inode = inode;
	HASH_ADD(hh, search->seen, inode, sizeof(network->inode), network);
	if (!network->hh.tbl)
		free(network);
	return true;
}

/* Goes into the network namespace of a thread, for as long as it takes to open a socket there. */
static void look_into_network(void *data, uint32_t pid, uint32_t tid, int thread)
{
	struct client_search *search = data;
	_close_ int network = -1, fd = -1;
	struct stat status;

	if (fstatat(thread, "ns/net", &status, 0) || !is_new_network(search, status.st_ino))
		return;
	network = openat(thread, "ns/net", O_RDONLY | O_CLOEXEC);
	if (network < 0)
		return; /* it has ended */
	if (setns(network, CLONE_NEWNET)) {
		search->failed++;
		return;
	}
	fd = open_diag();
	if (setns(search->own, CLONE_NEWNET) || !dump_clients(search, fd))
		search->failed++;
}

static int compare_clients(const void *a, const void *b)
{
	const struct access_client *one = a, *other = b;

	return one->inode < other->inode ? -1 : one->inode > other->inode;
}

void access_clients_find(struct access *access, uint64_t end, struct access_clients *ret)
{
	struct client_search search = {.access = access, .found = ret, .data = malloc(ANSWER_SIZE)};
	_close_ int fd = open_diag();
	_close_ int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct network *network, *next;
	struct stat status;
	int left = 0;

	ret->count = 0;
	ret->left_out = false;
	search.own = own;
	if (!search.data || own < 0 || fstat(own, &status) || !dump_clients(&search, fd))
		access_note(access, "connections cannot be looked at");
	else
		is_new_network(&search, status.st_ino);
	if (search.seen)
		left = access_threads_walk(end, &search, look_into_network);
	HASH_ITER(hh, search.seen, network, next)
	{
		HASH_DEL(search.seen, network); /* NOLINT: the analyzer loses track of the table */
		free(network);
	}
	free(search.data);
	if (search.failed)
		access_note(access, "connections of %u network namespaces cannot be looked at",
			    search.failed);
	if (left > 0)
		access_note(access,
			    "connections of %d processes were not looked at: it takes too "
			    "long",
			    left);
	if (ret->left_out)
		access_note(access, "there are more connections than are looked at");
	qsort(ret->list, ret->count, sizeof(*ret->list), compare_clients);
}

const struct access_socket *access_clients_socket(const struct access_clients *clients,
						  uint64_t inode)
{
	const struct access_client wanted = {.inode = inode};
	const struct access_client *found =
		bsearch(&wanted, clients->list, clients->count, sizeof(wanted), compare_clients);

	return found ? found->socket : NULL;
}
