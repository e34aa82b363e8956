// SPDX-License-Identifier: Apache-2.0
#include "capture/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
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

/* The directory that "/" means to the caller. A caller that is gone is stood in for by our own view
 * where it had the same, and by an ancestor that lived in the same mounts. */
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
	return -ESRCH;
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
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	int fd;

	/* RESOLVE_IN_ROOT takes no magic links, which /proc/PID/root is. */
	if (root == AT_FDCWD)
		how.resolve = 0;
	fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
	return fd < 0 ? -errno : fd;
}

/* The address as a path from the caller's root. */
static int absolute_path(const struct event *event, char path[2 * PATH_MAX])
{
	struct bytes cwd = event->caller->working_directory, root = event->caller->root;
	struct bytes address = event->address;

	if (!address.size || address.size >= PATH_MAX)
		return -ENOENT;
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
	if (directory < 0)
		return directory;
	index = capture_match_name(capture, directory, slash + 1);
	close(directory);
	return index;
}

int resolve_refused(struct capture *capture, const struct event *event)
{
	char path[2 * PATH_MAX];
	int root, fd, index = absolute_path(event, path);

	if (index)
		return index;
	root = shares_our_view(event->caller) ? AT_FDCWD : open_root(event->caller);
	if (root < 0 && root != AT_FDCWD)
		return root;
	fd = open_in(root, path);
	if (fd >= 0) {
		index = capture_match(capture, fd);
		close(fd);
	} else {
		index = match_absent(capture, root, path);
	}
	if (root != AT_FDCWD)
		close(root);
	return index;
}
