// SPDX-License-Identifier: Apache-2.0
/*
 * mmap_lock DEVICE DIRECTORY COMMAND [ARG]...
 *
 * A process that locks its own memory map: what reads /proc/PID/cmdline of it waits until COMMAND, its child, has
 * ended. It needs no rights but to make a user namespace. There it mounts a FUSE file system of its own on DIRECTORY,
 * maps a file of it, writes to the page and unmaps it: the kernel holds the lock until the file system has
 * taken the page, which this one never does. COMMAND begins once that is so. DEVICE is /dev/fuse, which everybody may open where udev
 * made it.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define FILE_NODE 2

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err(1, "%s", path);
	close(fd);
}

static void enter_namespaces(void)
{
	unsigned int uid = geteuid(), gid = getegid();
	char text[64];

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		err(1, "unshare");
	write_file("/proc/self/setgroups", "deny");
	snprintf(text, sizeof(text), "0 %u 1", uid);
	write_file("/proc/self/uid_map", text);
	snprintf(text, sizeof(text), "0 %u 1", gid);
	write_file("/proc/self/gid_map", text);
}

static void answer(int fuse, uint64_t unique, int error, const void *data, size_t size)
{
	char reply[sizeof(struct fuse_out_header) + PAGE];
	struct fuse_out_header header = {sizeof(header) + size, error, unique};

	memcpy(reply, &header, sizeof(header));
	if (size)
		memcpy(reply + sizeof(header), data, size);
	if (write(fuse, reply, header.len) < 0 && errno != ENOENT)
		err(1, "answer");
}

static struct fuse_attr attributes(uint64_t node)
{
	return (struct fuse_attr){
		.ino = node,
		.size = PAGE,
		.mode = node == FILE_NODE ? S_IFREG | 0600 : S_IFDIR | 0700,
		.nlink = 1,
	};
}

/* False: it is what is never answered. */
static bool serve(int fuse, const struct fuse_in_header *in)
{
	static const char page[PAGE];

	switch (in->opcode) {
	case FUSE_INIT: {
		struct fuse_init_out out = {
			.major = 7, .minor = 31, .max_write = PAGE, .flags = FUSE_WRITEBACK_CACHE};

		answer(fuse, in->unique, 0, &out, sizeof(out));
		break;
	}
	case FUSE_LOOKUP: {
		struct fuse_entry_out out = {.nodeid = FILE_NODE,
					     .entry_valid = 1000,
					     .attr_valid = 1000,
					     .attr = attributes(FILE_NODE)};

		answer(fuse, in->unique, 0, &out, sizeof(out));
		break;
	}
	case FUSE_GETATTR: {
		struct fuse_attr_out out = {.attr_valid = 1000, .attr = attributes(in->nodeid)};

		answer(fuse, in->unique, 0, &out, sizeof(out));
		break;
	}
	case FUSE_OPEN: {
		struct fuse_open_out out = {.fh = 1};

		answer(fuse, in->unique, 0, &out, sizeof(out));
		break;
	}
	case FUSE_READ:
		answer(fuse, in->unique, 0, page, sizeof(page));
		break;
	case FUSE_WRITE:
	case FUSE_SETATTR:
		return false;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		answer(fuse, in->unique, -ENOSYS, NULL, 0);
	}
	return true;
}

/* Serves until nobody has the other end of ALIVE; closes LOCKED once it has the page. */
static void serve_all(int fuse, int alive, int locked)
{
	static char request[FUSE_MIN_READ_BUFFER + PAGE];
	struct pollfd fds[2] = {{.fd = fuse, .events = POLLIN}, {.fd = alive}};

	while (poll(fds, 2, -1) > 0 && !(fds[1].revents & POLLHUP)) {
		if (fds[0].revents & POLLERR)
			return;
		if (!(fds[0].revents & POLLIN))
			continue;
		if (read(fuse, request, sizeof(request)) < 0) {
			if (errno == EAGAIN || errno == ENOENT || errno == EINTR)
				continue;
			return;
		}
		if (!serve(fuse, (struct fuse_in_header *)request) && locked >= 0) {
			close(locked);
			locked = -1;
		}
	}
}

static int mount_fuse(const char *device, const char *directory)
{
	int fuse = open(device, O_RDWR | O_CLOEXEC);
	char options[64];

	if (fuse < 0)
		err(1, "%s", device);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
	if (mount("mmap_lock", directory, "fuse", MS_NOSUID | MS_NODEV, options))
		err(1, "mount");
	return fuse;
}

int main(int argc, char **argv)
{
	int alive[2], locked[2], fuse, file;
	char path[4096], byte;
	char *page;

	if (argc < 4)
		errx(1, "usage: mmap_lock DEVICE DIRECTORY COMMAND [ARG]...");
	enter_namespaces();
	prctl(PR_SET_DUMPABLE, 1);
	fuse = mount_fuse(argv[1], argv[2]);
	if (pipe(alive) || pipe2(locked, O_CLOEXEC))
		err(1, "pipe");
	if (!fork()) { /* the command: outlived by nobody */
		close(alive[0]);
		close(locked[1]);
		close(fuse);
		if (read(locked[0], &byte, 1) < 0)
			err(1, "read");
		execvp(argv[3], argv + 3);
		err(1, "%s", argv[3]);
	}
	close(alive[1]);
	if (!fork()) {
		serve_all(fuse, alive[0], locked[1]);
		_exit(0);
	}
	close(locked[0]);
	close(locked[1]);
	close(fuse);
	snprintf(path, sizeof(path), "%s/file", argv[2]);
	file = open(path, O_RDWR);
	page = file < 0 ? MAP_FAILED
			: mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (page == MAP_FAILED)
		err(1, "%s", path);
	*page = 1;
	/* In its place: the lock is held for writing all the while. */
	mmap(page, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	while (wait(NULL) > 0)
		;
	return 0;
}
