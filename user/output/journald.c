// SPDX-License-Identifier: Apache-2.0
/*
 * systemd's journal: an entry is a datagram in its native protocol, or where it is too large for one, a sealed
 * memory file that is handed over. Not by sd_journal_sendv(), which knows but one socket: that of another
 * namespace, /run/systemd/journal.NAME/socket, is for records that are to be kept apart and longer than the rest.
 *
 * An entry counts as arrived once the socket has taken it. That is systemd's as well as journald's and outlives
 * a restart of journald with what waits in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "broker/broker.h"
#include "output/driver.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008u
#endif

#define ENTRY_MAX (1024u << 20) /* that journald takes */
#define SLICE 1000		/* milliseconds that a full socket is waited for at a time */
#define SLICES_MAX 5		/* before that is told */

struct journal_driver {
	struct driver driver;
	int fd; /* connected, so that it can be waited for; below 0: it is not */
	struct sockaddr_un address;
	int slices;   /* that were waited for room since it had some */
	dev_t device; /* the node that it was connected by */
	ino_t inode;
};

static int connect_by_name(struct journal_driver *journal)
{
	struct stat node;

	/* First the node: where another takes its place in between, journald_replaced() sees that. */
	if (broker_stat(AT_FDCWD, journal->address.sun_path, &node, 0))
		return -errno;
	journal->device = node.st_dev;
	journal->inode = node.st_ino;
	journal->fd = driver_connect_path(&journal->address);
	return journal->fd < 0 ? journal->fd : 0;
}

/* Whether the name is another socket's by now. One that is gone is waited for. */
static bool journald_replaced(const struct journal_driver *journal)
{
	struct stat node;

	return !broker_stat(AT_FDCWD, journal->address.sun_path, &node, 0) &&
	       (node.st_dev != journal->device || node.st_ino != journal->inode);
}

/* --- large entries ---------------------------------------------------------------------------- */

static int write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t written = write(fd, data, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		data += written;
		size -= (size_t)written;
	}
	return 0;
}

/* A new memory file, or -errno; -EFBIG where there are none here. Where vm.memfd_noexec forbids those that could be
 * executed, one that cannot: not elsewhere, as older journalds take no other seals than the four. */
static int new_memory(void)
{
	static const char name[] = "callerd-entry";
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 && errno == EACCES)
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (fd >= 0)
		return fd;
	return errno == EACCES || errno == EPERM || errno == ENOSYS ? -EFBIG : -errno;
}

/* ENTRY in a memory file that nobody can change any more, or -errno. */
static int seal_entry(const struct entry *entry)
{
	_close_ int fd = new_memory();
	int error = fd < 0 ? fd : write_all(fd, entry->data, entry->size);

	if (error)
		return error;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		return -errno;
	return take_fd(fd);
}

static int send_large(struct journal_driver *journal, const struct entry *entry)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_control = &control, .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	_close_ int fd = seal_entry(entry);

	if (fd < 0)
		return fd;
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(journal->fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* --- sending ---------------------------------------------------------------------------------- */

/* -EFBIG: it can never be sent. */
static int send_now(struct journal_driver *journal, const struct entry *entry)
{
	if (entry->size > ENTRY_MAX)
		return -EFBIG;
	if (send(journal->fd, entry->data, entry->size, MSG_NOSIGNAL) >= 0)
		return 0;
	if (errno != EMSGSIZE && errno != ENOBUFS)
		return -errno;
	return send_large(journal, entry);
}

/* Whether another socket may take what this one did not: it is nobody's any more. */
static bool is_dead(int error)
{
	return error == -ECONNREFUSED || error == -ECONNRESET || error == -ENOTCONN ||
	       error == -EPIPE;
}

/* One try, by a new connection where the old one is of no use. */
static int send_or_connect(struct journal_driver *journal, const struct entry *entry)
{
	bool fresh = journal->fd < 0;
	int error = fresh ? connect_by_name(journal) : 0;

	if (!error)
		error = send_now(journal, entry);
	if (!is_dead(error))
		return error;
	cleanup_close(&journal->fd);
	return fresh ? error : send_or_connect(journal, entry);
}

/* Waits for room, a slice at a time: between slices journald_run() looks whether the receiver is still there. */
static int journald_send_entry(struct journal_driver *journal, const struct entry *entry)
{
	for (;;) {
		int error = send_or_connect(journal, entry), seen;

		if (error == -EINTR)
			continue;
		if (error != -EAGAIN) {
			journal->slices = 0;
			return error;
		}
		seen = driver_poll(&journal->driver, journal->fd, POLLOUT, SLICE);
		if (seen < 0)
			return seen;
		if (!seen)
			return ++journal->slices < SLICES_MAX ? -EAGAIN : -ETIMEDOUT;
	}
}

static void journald_fail(struct journal_driver *journal, int error)
{
	if (error == -EPIPE) /* of this socket, not for good */
		error = -ECONNREFUSED;
	driver_fail(&journal->driver, error,
		    error == -ETIMEDOUT ? "journald does not take what it is sent" : NULL);
}

static unsigned int journald_send_entries(struct driver *driver, struct entry *const *entries,
					  unsigned int count)
{
	struct journal_driver *journal = (struct journal_driver *)driver;
	unsigned int sent = 0;
	int error = 0;

	for (; sent < count; sent++) {
		error = journald_send_entry(journal, entries[sent]);
		if (error == -EFBIG)
			driver->too_large++;
		else if (error)
			break;
	}
	driver->confirmed += sent;
	if (sent < count)
		journald_fail(journal, error);
	else
		driver_works(driver);
	return sent;
}

/* A journald that did not inherit its socket makes a new one, while the old may still be somebody's. */
static void journald_run(struct driver *driver)
{
	struct journal_driver *journal = (struct journal_driver *)driver;

	if (journal->fd >= 0 && journald_replaced(journal))
		cleanup_close(&journal->fd);
}

/* --- its life --------------------------------------------------------------------------------- */

static void journald_close_driver(struct driver *driver)
{
	cleanup_close(&((struct journal_driver *)driver)->fd);
	free(driver);
}

static const struct driver_ops ops = {
	.send = journald_send_entries,
	.run = journald_run,
	.close = journald_close_driver,
};

int journald_open(const struct sink_options *options, int stop, struct driver **ret, char *reason,
		  size_t size)
{
	_free_ struct journal_driver *journal = calloc(1, sizeof(*journal));
	int error;

	if (!journal)
		return -ENOMEM;
	error = driver_set_path(options, &journal->address, reason, size);
	if (error)
		return error;
	journal->driver = (struct driver){.ops = &ops, .options = options, .stop = stop};
	journal->fd = -1;
	*ret = &take_ptr(journal)->driver;
	return 0;
}
