// SPDX-License-Identifier: Apache-2.0
#include "capture/resolve.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capture/proc.h"

static ino_t mount_namespace(int proc)
{
	struct stat info;

	return fstatat(proc, "ns/mnt", &info, 0) ? 0 : info.st_ino;
}

/* The root directory of PROCESS, if it still lives and shares the caller's mount namespace. */
static int open_process_root(const struct process *process, uint32_t mnt_ns)
{
	int proc = proc_open(process->pid, process->start);
	int root = -ESRCH;

	if (proc < 0)
		return proc;
	if (mount_namespace(proc) == mnt_ns) {
		root = openat(proc, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
		root = root < 0 ? -errno : root;
	}
	close(proc);
	return root;
}

static int open_text(struct bytes path)
{
	char text[PATH_MAX];
	int fd;

	if (!path.data || path.size >= sizeof(text))
		return -ENAMETOOLONG;
	memcpy(text, path.data, path.size);
	text[path.size] = '\0';
	fd = open(text, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Any process that lives in the mount namespace. */
static int open_stranger_root(uint32_t mnt_ns)
{
	struct process process = {};
	DIR *processes = opendir("/proc");
	int root = -ESRCH;

	if (!processes)
		return -errno;
	for (struct dirent *entry; root < 0 && (entry = readdir(processes));) {
		char path[sizeof(entry->d_name) + 16];
		struct stat info;

		process.pid = strtoul(entry->d_name, NULL, 10);
		snprintf(path, sizeof(path), "/proc/%s/ns/mnt", entry->d_name);
		if (process.pid && !stat(path, &info) && info.st_ino == mnt_ns)
			root = open_process_root(&process, mnt_ns);
	}
	closedir(processes);
	return root;
}

/* The directory that "/" means to the caller. A caller that is gone is stood in for by our own view
 * where it had the same, else by a process that lives in the same mounts. */
static int open_root(const struct caller *caller)
{
	struct stat own;
	int root = open_process_root(&caller->process, caller->mnt_ns);

	if (root >= 0)
		return root;
	if (!stat("/proc/self/ns/mnt", &own) && own.st_ino == caller->mnt_ns)
		return open_text(caller->root);
	for (unsigned int i = 0; i < caller->ancestor_count; i++) {
		root = open_process_root(&caller->ancestors[i], caller->mnt_ns);
		if (root >= 0)
			return root;
	}
	return open_stranger_root(caller->mnt_ns);
}

/* Whether the caller saw the file system just as we do. */
static bool shares_our_view(const struct caller *caller)
{
	struct stat own;

	return !stat("/proc/self/ns/mnt", &own) && own.st_ino == caller->mnt_ns &&
	       caller->root.size == 1;
}

static int open_in(int root, const char *path)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	int fd;

	/* RESOLVE_IN_ROOT takes no magic links, which /proc/PID/root is. */
	if (root == AT_FDCWD)
		how.resolve = 0;
	fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
	return fd < 0 ? -errno : fd;
}

/* Takes PREFIX off ADDRESS, if a component ends there. */
static bool take_prefix(struct bytes *address, const char *prefix)
{
	size_t size = strlen(prefix);

	if (address->size <= size || memcmp(address->data, prefix, size) ||
	    address->data[size] != '/')
		return false;
	address->data += size;
	address->size -= size;
	return true;
}

/* The address as a path from the caller's root. */
static int absolute_path(const struct event *event, char path[2 * PATH_MAX])
{
	struct bytes cwd = event->caller->working_directory, root = event->caller->root;
	struct bytes address = event->address;

	if (!address.size || address.size >= PATH_MAX)
		return -ENOENT;
	/* /proc/self is another one here, and the caller's may be gone. */
	if (take_prefix(&address, "/proc/self")) {
		if (take_prefix(&address, "/cwd")) {
			address.data++;
			address.size--;
		} else if (!take_prefix(&address, "/root")) {
			snprintf(path, 2 * PATH_MAX, "/proc/%u%.*s", event->caller->process.pid,
				 (int)address.size, address.data);
			return 0;
		}
	}
	if (address.data[0] == '/') {
		snprintf(path, 2 * PATH_MAX, "%.*s", (int)address.size, address.data);
		return 0;
	}
	if (!cwd.data)
		return -ENOENT;
	if (root.size > 1 && cwd.size >= root.size && !memcmp(cwd.data, root.data, root.size)) {
		cwd.data += root.size;
		cwd.size -= root.size;
	}
	snprintf(path, 2 * PATH_MAX, "%.*s/%.*s", (int)cwd.size, cwd.data, (int)address.size,
		 address.data);
	return 0;
}

static int match_absent(struct capture *capture, int root, char *path)
{
	char *slash = strrchr(path, '/');
	int directory, index;

	if (!slash || !slash[1])
		return -ENOENT;
	*slash = '\0';
	directory = open_in(root, *path ? path : "/");
	if (directory < 0) {
		*slash = '/';
		return root == AT_FDCWD ? capture_match_path(capture, path) : directory;
	}
	index = capture_match_name(capture, directory, slash + 1);
	close(directory);
	return index;
}

/* Takes the last component off PATH, of which SIZE bytes are left; those that dots take back do not
 * count. Empty at the root. */
static struct bytes last_component(const char *path, size_t *size)
{
	size_t end, back = 0;

	do {
		while (*size && path[*size - 1] == '/')
			--*size;
		for (end = *size; *size && path[*size - 1] != '/';)
			--*size;
		if (end - *size == 2 && !memcmp(path + *size, "..", 2))
			back += 2; /* itself, and the one before it */
		else if (end - *size == 1 && path[*size] == '.')
			back++;
	} while (back && back-- && end);
	return (struct bytes){path + *size, end - *size};
}

/* Takes the first component off TEXT. */
static struct bytes next_component(struct bytes *text)
{
	struct bytes component = {text->data, strnlen(text->data, text->size)};
	size_t size = component.size < text->size ? component.size + 1 : text->size;

	text->data += size;
	text->size -= size;
	return component;
}

/* The caller's mounts are gone, but the kernel told where a watched socket, or the directory of one, was
 * in them. PATH means that where its last components are the same; what is above them may be
 * symlinks, such as /var/run. */
static int match_mounted(const struct event *event, const char *path, const char *socket)
{
	size_t size = strlen(path), socket_size = strlen(socket);
	struct bytes mounted = event->mounted;
	struct bytes name = last_component(path, &size), above = last_component(path, &size);
	struct bytes leaf = next_component(&mounted), next = next_component(&mounted);
	bool node = bytes_equal(leaf, name) && bytes_equal(next, above);
	bool directory =
		bytes_equal(leaf, above) && bytes_equal(name, last_component(socket, &socket_size));

	return event->mounted.size && name.size && (node || directory) ? (int)event->header->socket
								       : -ESRCH;
}

/* Walks PATH from ROOT. */
static int match_walked(struct capture *capture, int root, char *path)
{
	int fd = open_in(root, path), index;

	if (fd < 0)
		return match_absent(capture, root, path);
	index = capture_match(capture, fd);
	close(fd);
	return index;
}

/* In the caller's mounts, of which the kernel told something in case that they are gone. */
static int match_elsewhere(struct capture *capture, const struct event *event, char *path,
			   const char *socket)
{
	char walked[2 * PATH_MAX];
	int root = open_root(event->caller);
	int index = root;

	if (root >= 0) {
		snprintf(walked, sizeof(walked), "%s", path);
		index = match_walked(capture, root, walked);
		close(root);
		if (index >= 0)
			return index;
		/* Were the mounts there all the while? They are if they still are. */
		root = open_root(event->caller);
		if (root >= 0)
			close(root);
	}
	return root < 0 && socket ? match_mounted(event, path, socket) : index;
}

/* Whether PATH ends in the name of a watched socket. */
static bool has_watched_name(const char *path, const char *const *sockets,
			     unsigned int socket_count)
{
	size_t size = strlen(path);
	struct bytes name = last_component(path, &size);

	for (unsigned int i = 0; i < socket_count; i++) {
		size = strlen(sockets[i]);
		if (bytes_equal(name, last_component(sockets[i], &size)))
			return true;
	}
	return false;
}

int resolve_refused(struct capture *capture, const struct event *event, const char *const *sockets,
		    unsigned int socket_count)
{
	uint32_t mounted = event->header->socket;
	char path[2 * PATH_MAX];
	int index = absolute_path(event, path);
	bool named;

	if (index)
		return index;
	named = has_watched_name(path, sockets, socket_count); /* walking cuts the path */
	if (shares_our_view(event->caller))
		index = match_walked(capture, AT_FDCWD, path);
	else
		index = match_elsewhere(capture, event, path,
					mounted < socket_count ? sockets[mounted] : NULL);
	return index == -ESRCH && !named ? -ENOENT : index;
}
