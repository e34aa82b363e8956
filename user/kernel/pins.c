// SPDX-License-Identifier: Apache-2.0
#include "kernel/pins.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define BPFFS "/sys/fs/bpf"
#define NAME_SIZE 64
#define LINKS_MAX 64
#define LOCK_WAIT (2 * NS_PER_S)   /* an agent that was killed a moment ago has its lock still */
#define DETACH_WAIT (5 * NS_PER_S) /* the kernel detaches programs in the background */

struct pins {
	int fd;
	char path[OWN_FILE_PATH_SIZE];
};

static const char *const prefixes[] = {[PINS_MAPS] = "map_", [PINS_LINKS] = "link_"};

const char *pins_fault(const struct stat *info, long type)
{
	if (!S_ISDIR(info->st_mode))
		return S_ISLNK(info->st_mode) ? "is a symbolic link" : "is not a directory";
	if (type != BPF_FS_MAGIC)
		return "is not in a bpffs";
	if (info->st_uid)
		return "does not belong to root";
	if (info->st_mode & 077)
		return "is open to others than root: chmod 700";
	return NULL;
}

void pins_mount(const char *path)
{
	struct statfs info;

	if (strncmp(path, BPFFS "/", strlen(BPFFS) + 1) != 0 || statfs(BPFFS, &info) ||
	    info.f_type == BPF_FS_MAGIC)
		return;
	mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700");
}

/* Takes the lock, which is that of an agent that ends at this moment perhaps. */
static int wait_for_lock(int fd)
{
	uint64_t end = clock_now(CLOCK_MONOTONIC) + LOCK_WAIT;

	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK)
			return -errno;
		if (clock_now(CLOCK_MONOTONIC) > end)
			return -EBUSY;
		usleep(10000);
	}
	return 0;
}

CLEANUP_DEFINE(drop_pins, struct pins *, pins_close)

int pins_open(const char *path, bool make, struct pins **ret, struct sentence *why)
{
	_cleanup_(drop_pins) struct pins *pins = calloc(1, sizeof(*pins));
	struct statfs system;
	struct stat info;
	const char *fault;
	int error;

	if (!pins)
		return -ENOMEM;
	pins->fd = -1;
	snprintf(pins->path, sizeof(pins->path), "%s", path);
	if (make && mkdir(path, 0700) && errno != EEXIST) {
		error = -errno;
		sentence_say(why, "%s cannot be made: %s", path, strerror(-error));
		return error;
	}
	/* Not a symlink: what that leads to may have been chosen by somebody else. */
	pins->fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (pins->fd < 0 || fstat(pins->fd, &info) || fstatfs(pins->fd, &system)) {
		error = -errno;
		fault = !lstat(path, &info) ? pins_fault(&info, BPF_FS_MAGIC) : NULL;
		sentence_say(why, "%s %s%s", path,
			     fault ? "" : "cannot be opened: ", fault ?: strerror(-error));
		return fault ? -EPERM : error;
	}
	fault = pins_fault(&info, system.f_type);
	if (fault) {
		sentence_say(why, "%s %s", path, fault);
		return -EPERM;
	}
	error = wait_for_lock(pins->fd);
	if (error) {
		sentence_say(why, error == -EBUSY ? "%s is in use by another callerd" : "%s: %s",
			     path, strerror(-error));
		return error;
	}
	*ret = take_ptr(pins);
	return 0;
}

void pins_close(struct pins *pins)
{
	if (!pins)
		return;
	cleanup_close(&pins->fd);
	free(pins);
}

/* Names in bpffs have no dot. PATH leads through the descriptor: nobody can exchange the directory. */
static void pins_name(char ret[NAME_SIZE], enum pins_kind kind, const char *name)
{
	snprintf(ret, NAME_SIZE, "%s%s", prefixes[kind], name);
	for (char *at = ret; *at; at++)
		if (*at == '.')
			*at = '_';
}

static void pins_path(const struct pins *pins, const char *name, char ret[2 * NAME_SIZE])
{
	snprintf(ret, 2 * NAME_SIZE, "/proc/self/fd/%d/%s", pins->fd, name);
}

static bool has_kind(const char *name, enum pins_kind kind)
{
	return !strncmp(name, prefixes[kind], strlen(prefixes[kind]));
}

bool pins_is_own(const char *name)
{
	return has_kind(name, PINS_MAPS) || has_kind(name, PINS_LINKS);
}

/* Calls EACH for each name in the directory. */
static int walk_names(struct pins *pins, void *data, int (*each)(void *data, const char *name))
{
	int fd = openat(pins->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int error = 0;

	if (!directory) {
		error = -errno;
		cleanup_close(&fd);
		return error;
	}
	while (!error && (entry = readdir(directory)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			error = each(data, entry->d_name);
	closedir(directory);
	return error;
}

struct pins_look {
	struct pins *pins;
	struct pins_count *count;
	struct sentence *why;
};

static int count_name(void *data, const char *name)
{
	struct pins_look *look = data;
	struct stat info;

	if (!pins_is_own(name)) {
		sentence_say(look->why, "%s holds %s, which is not callerd's", look->pins->path,
			     name);
		return -EPERM;
	}
	if (fstatat(look->pins->fd, name, &info, AT_SYMLINK_NOFOLLOW) || info.st_uid ||
	    !S_ISREG(info.st_mode)) {
		sentence_say(look->why, "%s/%s is not a pin that root made", look->pins->path,
			     name);
		return -EPERM;
	}
	*(has_kind(name, PINS_MAPS) ? &look->count->maps : &look->count->links) += 1;
	return 0;
}

int pins_count(struct pins *pins, struct pins_count *ret, struct sentence *why)
{
	*ret = (struct pins_count){0};
	return walk_names(pins, &(struct pins_look){pins, ret, why}, count_name);
}

int pins_get(struct pins *pins, enum pins_kind kind, const char *name)
{
	char text[NAME_SIZE], path[2 * NAME_SIZE];
	int fd;

	pins_name(text, kind, name);
	pins_path(pins, text, path);
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

int pins_put(struct pins *pins, enum pins_kind kind, const char *name, int fd)
{
	char text[NAME_SIZE], path[2 * NAME_SIZE];

	pins_name(text, kind, name);
	pins_path(pins, text, path);
	return bpf_obj_pin(fd, path) ? -errno : 0;
}

/* What is to be removed, and the ids of links that were. */
struct pins_removal {
	struct pins *pins;
	bool all;
	struct pins_count removed;
	uint32_t links[LINKS_MAX];
};

static uint32_t link_id(const char *path)
{
	_close_ int fd = bpf_obj_get(path);
	struct bpf_link_info info = {0};
	uint32_t size = sizeof(info);

	return fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size) ? info.id : 0;
}

static int remove_name(void *data, const char *name)
{
	struct pins_removal *removal = data;
	bool link = has_kind(name, PINS_LINKS);
	char path[NAME_MAX + NAME_SIZE];
	uint32_t id = 0;

	if (!link && !(removal->all && has_kind(name, PINS_MAPS)))
		return 0;
	if (link) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", removal->pins->fd, name);
		id = link_id(path);
	}
	if (unlinkat(removal->pins->fd, name, 0))
		return 0;
	if (!link)
		removal->removed.maps++;
	else if (removal->removed.links++ < LINKS_MAX)
		removal->links[removal->removed.links - 1] = id;
	return 0;
}

/* Waits until no link that was removed is there any more. */
static void wait_for_links(const struct pins_removal *removal)
{
	uint64_t end = clock_now(CLOCK_MONOTONIC) + DETACH_WAIT;

	for (unsigned int i = 0; i < removal->removed.links && i < LINKS_MAX; i++)
		while (removal->links[i] && clock_now(CLOCK_MONOTONIC) < end) {
			int fd = bpf_link_get_fd_by_id(removal->links[i]);

			if (fd < 0)
				break;
			close(fd);
			usleep(1000);
		}
}

static struct pins_count remove_pins(struct pins *pins, bool all)
{
	struct pins_removal removal = {.pins = pins, .all = all};
	unsigned int before;

	do { /* the directory changes under the walk */
		before = removal.removed.maps + removal.removed.links;
		walk_names(pins, &removal, remove_name);
	} while (removal.removed.maps + removal.removed.links != before);
	wait_for_links(&removal);
	return removal.removed;
}

struct pins_count pins_detach(struct pins *pins)
{
	return remove_pins(pins, false);
}

struct pins_count pins_clear(struct pins *pins)
{
	return remove_pins(pins, true);
}
