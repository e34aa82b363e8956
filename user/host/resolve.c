// SPDX-License-Identifier: Apache-2.0
#include "host/resolve.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "broker/broker.h"
#include "host/hostfiles.h"
#include "host/proc.h"

#define INITIAL_USER_NS 0xEFFFFFFDu

/* --- what is asked ---------------------------------------------------------------------------- */

/* Takes PREFIX off ADDRESS, if ADDRESS begins with it and goes on with a slash. */
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

/* Skips slashes and single dots at the start of ADDRESS, which do not change its meaning. */
static struct bytes skip_slashes(struct bytes address)
{
	while (address.size > 1 && address.data[0] == '/' &&
	       (address.data[1] == '/' ||
		(address.size > 2 && address.data[1] == '.' && address.data[2] == '/'))) {
		size_t skipped = address.data[1] == '/' ? 1 : 2;

		address.data += skipped;
		address.size -= skipped;
	}
	return address;
}

/* Translates links such as /proc/self, which differ from process to process, into /proc/PID of the
 * caller. That directory is gone when the caller is. False: ADDRESS is no such link. */
static bool own_proc_path(const struct resolve *resolve, struct bytes address,
			  char path[2 * PATH_MAX])
{
	uint32_t pid = resolve->processes[0].pid;

	address = skip_slashes(address);
	if (take_prefix(&address, "/dev/fd"))
		snprintf(path, 2 * PATH_MAX, "/proc/%u/fd%.*s", pid, (int)address.size,
			 address.data);
	else if (take_prefix(&address, "/proc/thread-self"))
		snprintf(path, 2 * PATH_MAX, "/proc/%u/task/%u%.*s", pid, resolve->tid,
			 (int)address.size, address.data);
	else if (take_prefix(&address, "/proc/self"))
		snprintf(path, 2 * PATH_MAX, "/proc/%u%.*s", pid, (int)address.size, address.data);
	else
		return false;
	return true;
}

/* Sets the path of RESOLVE: the address as a path from the caller's root. */
static int absolute_path(const struct event *event, struct resolve *resolve)
{
	struct bytes cwd = event->caller->working_directory, root = event->caller->root;
	struct bytes address = event->address;
	size_t size = sizeof(resolve->path);

	if (!address.size || address.size >= PATH_MAX)
		return -ENOENT;
	if (take_prefix(&address, "/proc/self/cwd") ||
	    take_prefix(&address, "/proc/thread-self/cwd")) {
		address.data++;
		address.size--;
	} else if (!take_prefix(&address, "/proc/self/root") &&
		   !take_prefix(&address, "/proc/thread-self/root") &&
		   own_proc_path(resolve, address, resolve->path)) {
		resolve->own_proc = true;
		return 0;
	}
	if (address.data[0] == '/') {
		snprintf(resolve->path, size, "%.*s", (int)address.size, address.data);
		return 0;
	}
	if (!cwd.data)
		return -ENOENT;
	if (root.size > 1 && cwd.size >= root.size && !memcmp(cwd.data, root.data, root.size)) {
		cwd.data += root.size;
		cwd.size -= root.size;
	}
	snprintf(resolve->path, size, "%.*s/%.*s", (int)cwd.size, cwd.data, (int)address.size,
		 address.data);
	return 0;
}

int resolve_begin(const struct event *event, struct resolve *ret)
{
	const struct caller *caller = event->caller;

	memset(ret, 0, sizeof(*ret));
	ret->fd = -1;
	ret->mnt_ns = caller->mnt_ns;
	ret->tid = caller->tid;
	ret->uids[0] = caller->fsuid;
	ret->uids[1] = caller->uid;
	ret->uids[2] = caller->process.euid;
	ret->gids[0] = caller->fsgid;
	ret->gids[1] = caller->gid;
	ret->gids[2] = caller->egid;
	if (caller->root.size < sizeof(ret->root))
		memcpy(ret->root, caller->root.data, caller->root.size);
	ret->processes[0] = (struct resolve_process){caller->process.pid, caller->process.start};
	ret->process_count = 1;
	for (unsigned int i = 0; i < caller->ancestor_count; i++)
		ret->processes[ret->process_count++] = (struct resolve_process){
			caller->ancestors[i].pid, caller->ancestors[i].start};
	return absolute_path(event, ret);
}

/* --- the walk --------------------------------------------------------------------------------- */

static bool is_in_namespace(int proc, uint32_t mnt_ns)
{
	struct stat info;

	return !broker_stat(proc, "ns/mnt", &info, 0) && info.st_ino == mnt_ns;
}

/* Whether both PROC and the caller have the root of their whole mount namespace as root
 * directory. */
static bool stands_in(const struct resolve *resolve, int proc)
{
	char root[2];

	return !strcmp(resolve->root, "/") &&
	       broker_readlink(proc, "root", root, sizeof(root)) == 1;
}

/* Whether only root of the host can mount in the mount namespace of PROC: its user namespace is the
 * initial one. */
static bool is_of_root(int proc)
{
	_close_ int namespace = broker_open(proc, "ns/mnt", O_RDONLY | O_CLOEXEC, 0);
	_close_ int owner = namespace < 0 ? -1 : ioctl(namespace, NS_GET_USERNS);
	struct stat info;

	return owner >= 0 && !fstat(owner, &info) && info.st_ino == INITIAL_USER_NS;
}

/* Finds any process in the mount namespace; 0: there is none. */
static uint32_t find_stranger(uint32_t mnt_ns)
{
	_closedir_ DIR *processes = broker_opendir(AT_FDCWD, "/proc");

	if (!processes)
		return 0;
	for (struct dirent *entry; (entry = readdir(processes));) {
		uint32_t pid = strtoul(entry->d_name, NULL, 10);
		char path[sizeof(entry->d_name) + 16];
		struct stat info;

		snprintf(path, sizeof(path), "/proc/%s/ns/mnt", entry->d_name);
		if (pid && !broker_stat(AT_FDCWD, path, &info, 0) && info.st_ino == mnt_ns)
			return pid;
	}
	return 0;
}

/* The caller's root directory, and the mountinfo that belongs to it, as paths for the walk. PROC
 * keeps a process open that has these mounts. */
struct caller_view {
	int proc; /* negative: the mounts are the agent's own */
	bool own; /* the agent has the same root and mounts */
	char root[PATH_MAX], mounts[64];
};

static bool view_of(struct caller_view *view, const struct resolve *resolve, uint32_t pid,
		    uint64_t start)
{
	_close_ int proc = proc_open(pid, start);

	if (proc < 0 || !is_in_namespace(proc, resolve->mnt_ns) ||
	    (pid != resolve->processes[0].pid && !stands_in(resolve, proc)))
		return false;
	/* The paths go through the descriptor, since the PID may pass on to another process. */
	snprintf(view->root, sizeof(view->root), "/proc/self/fd/%d/root", proc);
	snprintf(view->mounts, sizeof(view->mounts), "/proc/self/fd/%d/mountinfo", proc);
	view->proc = take_fd(proc);
	return true;
}

/* Whose view a walk may take, in this order. For a caller that is gone the agent stands in where it
 * has the same mounts, else another process in the same mounts. */
enum stand_in { CALLER, AGENT, ANCESTORS, STRANGER = ANCESTORS + CALLERD_ANCESTORS_MAX, NOBODY };

static bool own_view(struct caller_view *view, const struct resolve *resolve)
{
	view->proc = -1;
	snprintf(view->root, sizeof(view->root), "%s", resolve->root);
	snprintf(view->mounts, sizeof(view->mounts), "/proc/self/mountinfo");
	return resolve->root[0];
}

/* Sets VIEW to the caller's root directory as WHO (enum stand_in) sees it. False: WHO does not see
 * it. */
static bool find_view(const struct resolve *resolve, unsigned int who, struct caller_view *view)
{
	struct stat info;
	bool own = !broker_stat(AT_FDCWD, "/proc/self/ns/mnt", &info, 0) &&
		   info.st_ino == resolve->mnt_ns;
	const struct resolve_process *process = resolve->processes + (who ? who - AGENT : 0);
	uint32_t stranger;

	view->own = own && !strcmp(resolve->root, "/");
	if (who == AGENT)
		return own && own_view(view, resolve);
	if (who && own)
		return false;
	if (who == STRANGER) {
		stranger = find_stranger(resolve->mnt_ns);
		return stranger && view_of(view, resolve, stranger, 0);
	}
	return process < resolve->processes + resolve->process_count &&
	       view_of(view, resolve, process->pid, process->start);
}

/* Matches PATH, or a missing name at its end, with the watched sockets, by what the kernel has
 * cached. */
static int match_cached(int root, const char *path, struct open_how *how, struct capture *capture)
{
	_close_ int fd = broker_openat2(root, path, how);
	const char *base = strrchr(path, '/');
	char directory[sizeof(((struct resolve *)NULL)->path)];

	if (fd >= 0)
		return watches_match(capture_watches(capture), fd);
	if (errno != ENOENT || !base || !base[1])
		return -ENOENT;
	snprintf(directory, sizeof(directory), "%.*s", (int)(base + 1 - path), path);
	fd = broker_openat2(root, directory, how);
	return fd >= 0 ? watches_match_name(capture_watches(capture), fd, base + 1) : -ENOENT;
}

/* Only a match is certain: the cache need not have every path. */
static int at_once(int index)
{
	return index < 0 ? -EAGAIN : index;
}

int resolve_at_once(const struct resolve *resolve, struct capture *capture)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_CACHED};
	struct stat info;

	if (!broker_stat(AT_FDCWD, "/proc/self/ns/mnt", &info, 0) &&
	    info.st_ino == resolve->mnt_ns && !strcmp(resolve->root, "/"))
		return at_once(match_cached(AT_FDCWD, resolve->path, &how, capture));
	how.resolve |= RESOLVE_IN_ROOT;
	for (unsigned int i = 0; i < resolve->process_count; i++) {
		_close_ int proc =
			proc_open(resolve->processes[i].pid, resolve->processes[i].start);
		_close_ int root = -1;

		if (proc >= 0 && is_in_namespace(proc, resolve->mnt_ns) &&
		    (!i || stands_in(resolve, proc)))
			root = broker_open(proc, "root", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
		if (root >= 0)
			return at_once(match_cached(root, resolve->path, &how, capture));
	}
	return -EAGAIN;
}

static bool resolve_is_one_of(uint32_t id, const uint32_t ids[3])
{
	return id == ids[0] || id == ids[1] || id == ids[2];
}

/* Marks the walk unsure where the caller can replace FD in DIRECTORY, or create a missing name
 * there. */
static void resolve_visit(void *data, int directory, int fd)
{
	struct resolve *resolve = data;
	struct stat above, info;

	if (fstat(directory, &above)) {
		resolve->unsure = true;
		return;
	}
	if (!resolve_is_one_of(above.st_uid, resolve->uids)) {
		bool may_write =
			above.st_mode & S_IWOTH || (above.st_mode & S_IWGRP && above.st_gid);
		bool keeps = above.st_mode & S_ISVTX && fd >= 0 && !fstat(fd, &info) &&
			     !resolve_is_one_of(info.st_uid, resolve->uids);

		if (!may_write || keeps)
			return;
	}
	resolve->unsure = true;
}

/* Opens a path through /proc/PID, as long as PID is the caller. */
static void walk_own_proc(struct resolve *resolve, const char *path)
{
	_close_ int proc = proc_open(resolve->processes[0].pid, resolve->processes[0].start);

	resolve->unsure = true; /* the caller may have opened and closed descriptors meanwhile */
	if (proc >= 0)
		resolve->fd = broker_open(AT_FDCWD, path, O_PATH | O_CLOEXEC, 0);
}

static void keep_end(struct resolve *resolve, const struct caller_view *view,
		     const struct hostfiles_end *end)
{
	size_t done = strlen(end->done), rest = end->missing ? strlen(end->rest) : 0;

	if (view->own && done + rest < sizeof(resolve->end)) {
		memcpy(resolve->end, end->done, done);
		memcpy(resolve->end + done, end->rest, rest);
		resolve->end[done + rest] = '\0';
	}
}

static bool keep_missing(struct resolve *resolve, const struct hostfiles_end *end)
{
	const char *base = strrchr(end->done, '/');
	bool directory = strspn(end->rest, "/") == strlen(end->rest);

	if (!directory || !base || strlen(base + 1) > NAME_MAX)
		return false;
	resolve->missing = true;
	memcpy(resolve->name, base + 1, strlen(base + 1) + 1);
	return true;
}

/* How a walk ended: it could not begin or ran in circles; it stopped where it may not go on; it
 * came to its end. */
enum walked { FAILED, STOPPED, ENDED };

static enum walked walk_view(struct resolve *resolve, const struct caller_view *view)
{
	struct hostfiles_place place = {view->root, view->mounts};
	struct hostfiles_visitor visitor = {resolve, resolve_visit};
	struct hostfiles_end end = {};
	char own[2 * PATH_MAX], linked[sizeof(end.done) + sizeof(end.rest)];
	_close_ int fd = hostfiles_walk(&place, resolve->path, &visitor, &end);
	struct bytes whole;

	if (fd < 0) {
		resolve->unsure = true;
		return FAILED;
	}
	if (end.whole || end.missing) {
		keep_end(resolve, view, &end);
		if (end.whole || keep_missing(resolve, &end))
			resolve->fd = take_fd(fd);
		return ENDED;
	}
	resolve->unsure = true;
	/* The walk may have stopped at a link into /proc. */
	whole = (struct bytes){linked, (size_t)sprintf(linked, "%s%s", end.done, end.rest)};
	if (whole.size < sizeof(own) / 2 && own_proc_path(resolve, whole, own))
		walk_own_proc(resolve, own);
	return resolve->fd >= 0 ? ENDED : STOPPED;
}

/* Whether the walk with VIEW gives the answer. A process that ended during the walk shows nothing
 * any more, so that another view is needed. */
static bool walk_with(struct resolve *resolve, const struct caller_view *view)
{
	enum walked walked = FAILED;

	resolve->unsure = false;
	/* A mount that a user made in his own namespace can make the walk wait without an end. */
	resolve->elsewhere = view->proc >= 0 && !is_of_root(view->proc);
	if (!resolve->elsewhere)
		walked = walk_view(resolve, view);
	if (view->proc < 0)
		return walked != FAILED;
	return walked == ENDED || is_in_namespace(view->proc, resolve->mnt_ns);
}

void resolve_walk(struct resolve *resolve)
{
	bool answered = false;
	struct caller_view view;

	if (resolve->own_proc) {
		walk_own_proc(resolve, resolve->path);
		return;
	}
	for (unsigned int who = CALLER; who < NOBODY && !answered; who++) {
		if (!find_view(resolve, who, &view))
			continue;
		answered = walk_with(resolve, &view);
		cleanup_close(&view.proc);
	}
	if (!answered)
		resolve->elsewhere = true;
}

void resolve_close(struct resolve *resolve)
{
	cleanup_close(&resolve->fd);
}

/* --- the answer ------------------------------------------------------------------------------- */

/* Takes the last component off the first SIZE bytes of PATH. Components that ".." takes back are
 * skipped. Empty at the root. */
static struct bytes last_component(const char *path, size_t *size)
{
	size_t end, back = 0;

	do {
		while (*size && path[*size - 1] == '/')
			--*size;
		for (end = *size; *size && path[*size - 1] != '/';)
			--*size;
		if (end - *size == 2 && !memcmp(path + *size, "..", 2))
			back += 2; /* skips ".." itself and the component before it */
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

/* The caller's mounts are gone, but the event tells where they showed a watched socket or its
 * directory. PATH meant that socket if its last components are the same; the components above may
 * be symlinks, such as /var/run. */
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

/* Whether PATH ends in the name of a watched socket. */
static bool has_watched_name(const char *path, const char *const *sockets,
			     unsigned int socket_count)
{
	size_t size = strlen(path);
	struct bytes name = last_component(path, &size);

	for (unsigned int i = 0; i < socket_count && sockets[i]; i++) {
		size = strlen(sockets[i]);
		if (bytes_equal(name, last_component(sockets[i], &size)))
			return true;
	}
	return false;
}

int resolve_end(const struct resolve *resolve, bool walked, struct capture *capture,
		const struct event *event, const char *const *sockets, unsigned int socket_count)
{
	uint32_t mounted = event->header->socket;
	bool named = has_watched_name(resolve->path, sockets, socket_count);
	bool found_none = event->header->flags & CALLERD_FLAG_NO_NODE;
	int index = -ENOENT;

	if (walked && resolve->missing)
		index = watches_match_name(capture_watches(capture), resolve->fd, resolve->name);
	else if (walked && resolve->fd >= 0)
		index = watches_match(capture_watches(capture), resolve->fd);
	/* A socket that appeared within the last second is known by its path only: the kernel
	 * programs learn of new nodes once a second. */
	if (index < 0 && walked && resolve->end[0])
		index = watches_match_path(capture_watches(capture), resolve->end);
	if (index < 0 && (!walked || resolve->elsewhere) && mounted < socket_count &&
	    sockets[mounted])
		index = match_mounted(event, resolve->path, sockets[mounted]);
	if (index >= 0)
		return index;
	/* EACCES may have come from a watched node, unless the kernel programs found that no node
	 * refused. */
	if (event->error == EACCES && !found_none &&
	    (!walked || resolve->elsewhere || resolve->unsure))
		return -ESRCH;
	return named && (!walked || resolve->elsewhere) ? -ESRCH : -ENOENT;
}
