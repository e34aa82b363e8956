// SPDX-License-Identifier: Apache-2.0
#include "host/hostfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "broker/broker.h"

#define LINKS_MAX 40 /* as the kernel's MAXSYMLINKS */
#define STEPS_MAX 2048

/* File system types that never wait for another program or another computer. */
static const char *const own_types[] = {
	"bcachefs", "bpf",	 "btrfs",   "cgroup",	  "cgroup2",  "configfs", "debugfs",
	"devpts",   "devtmpfs",	 "erofs",   "exfat",	  "ext2",     "ext3",	  "ext4",
	"f2fs",	    "hugetlbfs", "iso9660", "jfs",	  "mqueue",   "ntfs3",	  "overlay",
	"pstore",   "ramfs",	 "rootfs",  "securityfs", "squashfs", "sysfs",	  "tmpfs",
	"tracefs",  "udf",	 "vfat",    "xfs",	  "zfs",
};

/* A walk down from a root. */
struct hostfiles_walk {
	char *done;	  /* the path that was walked: no links, no dots; "" is the root */
	size_t done_size; /* bytes of .done */
	size_t done_max;  /* bytes of the buffer at .done */
	/* what is left of the path, at the end of the buffer: from LEFT on, with a NUL */
	char rest[HOSTFILES_REST_MAX];
	size_t left;
	unsigned int links, steps;
	int root; /* O_PATH; the directory where the walk began */
	/* O_PATH; the file at DONE, or the directory where the last component of DONE is missing */
	int at;
	const char *mounts; /* path of the mountinfo that belongs to the root */
	const struct hostfiles_visitor *visitor; /* NULL: no callback */
	int error;				 /* why the walk went no further */
	/* how the path judges where the walk ended; KNOWN: there is nothing behind */
	enum host_path_end kind;
};

#define NO_FILES .root = -1, .at = -1 /* a walk that owns nothing */

static void move_to(struct hostfiles_walk *walk, int fd)
{
	cleanup_close(&walk->at);
	walk->at = fd;
}

static void hostfiles_end(struct hostfiles_walk *walk)
{
	cleanup_close(&walk->root);
	cleanup_close(&walk->at);
}

/* Opens NAME, one component, without following a link and without leaving the mount. */
static int open_part(int directory, const char *name)
{
	struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS,
	};
	int fd = broker_openat2(directory, name, &how);

	return fd < 0 ? -errno : fd;
}

/* --- mounts --------------------------------------------------------------------------------- */

/* The texts lie in LINE, which is owned: free_mount(). */
struct mount {
	char *line;
	int id;
	char *device; /* of its file system, as in 8:1 */
	char *root;   /* the directory of that file system that is mounted */
	char *point;
	char *type;
};

/* Undoes the octal escapes of mountinfo (\040), in place. */
static void hostfiles_unescape(char *text)
{
	char *to = text;

	for (char *from = text; *from; to++) {
		if (from[0] == '\\' && from[1] && from[2] && from[3]) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

static void free_mount(struct mount *mount)
{
	free(mount->line);
}

/* Cuts mount->line, a line of mountinfo, into fields. False: it is none. */
static bool read_mount(struct mount *mount)
{
	char *fields[5], *save, *type;

	for (size_t i = 0; i < 5; i++)
		if (!(fields[i] = strtok_r(i ? NULL : mount->line, " ", &save)))
			return false;
	do
		type = strtok_r(NULL, " ", &save);
	while (type && strcmp(type, "-") != 0);
	type = type ? strtok_r(NULL, " ", &save) : NULL;
	if (!type)
		return false;
	mount->id = (int)strtol(fields[0], NULL, 10);
	mount->device = fields[2];
	mount->root = fields[3];
	mount->point = fields[4];
	mount->type = type;
	hostfiles_unescape(mount->root);
	hostfiles_unescape(mount->point);
	return true;
}

/* Puts the next mount that the mountinfo FILE lists in the place of MOUNT. False: there is none. */
static bool next_mount(FILE *file, struct mount *mount)
{
	size_t capacity = 0;

	free_mount(mount);
	mount->line = NULL;
	while (getline(&mount->line, &capacity, file) > 0)
		if (read_mount(mount))
			return true;
	return false;
}

/* Hands MOUNT over to *TO. */
static void keep_mount(struct mount *to, struct mount *mount)
{
	free_mount(to);
	*to = CLEANUP_TAKE(*mount, (struct mount){0});
}

/* Finds the mount of number ID, or where ID is -1, the topmost mount at POINT. *RET is an owner that is empty. */
static bool find_mount(const char *mounts, int id, const char *point, struct mount *ret)
{
	_cleanup_(free_mount) struct mount mount = {0};
	_fclose_ FILE *file = broker_fopen(mounts);

	while (file && next_mount(file, &mount))
		if (id < 0 ? !strcmp(mount.point, point) : mount.id == id)
			keep_mount(ret, &mount); /* a later line is a mount on top of this one */
	return ret->line;
}

/* The number of the mount that FD is in; -1: unknown. fdinfo tells it without asking the mount's
 * file system. */
static int mount_id(int fd)
{
	_fclose_ FILE *file = NULL;
	char path[64], line[128];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = broker_fopen(path);
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "mnt_id:", 7))
			return (int)strtol(line + 7, NULL, 10);
	return -1;
}

/* Whether TYPE is served by another computer, so that no local user can fill it. What is neither
 * remote nor own is served by a local program. */
static bool is_remote_type(const char *type)
{
	static const char *const remote_types[] = {"9p",    "afs",	"autofs", "ceph",   "cifs",
						   "gfs2",  "nfs",	"nfs4",	  "ocfs2",  "smb3",
						   "smbfs", "virtiofs", "lustre", "beegfs", "gpfs"};

	for (size_t i = 0; i < COUNT(remote_types); i++)
		if (!strcmp(type, remote_types[i]))
			return true;
	return false;
}

static bool is_own_type(const char *type)
{
	for (size_t i = 0; i < COUNT(own_types); i++)
		if (!strcmp(type, own_types[i]))
			return true;
	return false;
}

static bool is_own_mount(const char *mounts, int id)
{
	_cleanup_(free_mount) struct mount mount = {0};

	return id >= 0 && find_mount(mounts, id, NULL, &mount) && is_own_type(mount.type);
}

/* Whether the mount at DONE may be entered; else sets KIND to the reason. A link to a process means
 * the same in every procfs: the path of a procfs mounted elsewhere becomes one below /proc. */
static bool may_enter(struct hostfiles_walk *walk)
{
	_cleanup_(free_mount) struct mount mount = {0};

	walk->kind = HOST_PATH_FOREIGN;
	if (!find_mount(walk->mounts, -1, walk->done, &mount))
		return false;
	if (is_remote_type(mount.type))
		walk->kind = HOST_PATH_REMOTE;
	if (!strcmp(mount.type, "proc"))
		walk->kind = HOST_PATH_KNOWN; /* the path itself is judged */
	if (!strcmp(mount.type, "proc") && strlen(mount.root) + 6 < walk->done_max)
		walk->done_size =
			(size_t)sprintf(walk->done, "/proc%s", mount.root[1] ? mount.root : "");
	return is_own_type(mount.type);
}

/* Enters the mount at NAME, the last component of DONE. Its type is checked before, so that a file
 * system of another type is not touched, and after, because another one may have been mounted
 * meanwhile: to open the root of a FUSE mount asks no server. */
static bool enter_mount(struct hostfiles_walk *walk, const char *name)
{
	_close_ int fd = may_enter(walk)
				 ? broker_open(walk->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0)
				 : -1;

	if (fd < 0 || !is_own_mount(walk->mounts, mount_id(fd)))
		return false;
	walk->kind = HOST_PATH_KNOWN;
	move_to(walk, take_fd(fd));
	return true;
}

/* --- the walk ------------------------------------------------------------------------------- */

/* Takes the next component off the rest of the path. False: there is none, or it is longer than a
 * file's name may be. */
static bool next_part(struct hostfiles_walk *walk, char name[NAME_MAX + 1])
{
	char *rest = walk->rest + walk->left, *start = rest + strspn(rest, "/");
	size_t size = strcspn(start, "/");

	if (!size || size > NAME_MAX)
		return false;
	memcpy(name, start, size);
	name[size] = '\0';
	walk->left = (size_t)(start + size - walk->rest);
	return true;
}

static bool add_done(struct hostfiles_walk *walk, const char *name, size_t size)
{
	if (walk->done_max - walk->done_size < size + 2)
		return false;
	walk->done[walk->done_size++] = '/';
	memcpy(walk->done + walk->done_size, name, size);
	walk->done_size += size;
	walk->done[walk->done_size] = '\0';
	return true;
}

static void cut_done(struct hostfiles_walk *walk)
{
	while (walk->done_size && walk->done[--walk->done_size] != '/')
		;
	walk->done[walk->done_size] = '\0';
}

/* Goes to the parent directory. ".." asks only the file system that the walk is in. */
static bool go_up(struct hostfiles_walk *walk)
{
	int fd;

	if (!walk->done_size)
		return true;
	fd = broker_open(walk->at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		return false;
	cut_done(walk);
	move_to(walk, fd);
	return true;
}

/* Puts the target of a link before the rest of the path. */
static bool hostfiles_follow(struct hostfiles_walk *walk, const char *target, size_t size)
{
	int root;

	if (!size || ++walk->links > LINKS_MAX || size + 1 > walk->left)
		return false;
	walk->rest[--walk->left] = '/';
	walk->left -= size;
	memcpy(walk->rest + walk->left, target, size);
	if (target[0] != '/')
		return true;
	root = fcntl(walk->root, F_DUPFD_CLOEXEC, 0);
	if (root < 0)
		return false;
	walk->done_size = 0;
	walk->done[0] = '\0';
	move_to(walk, root);
	return true;
}

enum step { STEP_ON, STEP_STOP, STEP_FAIL };

/* Whether ERROR says that the name does not exist, so that it is no link either. */
static bool is_absent(int error)
{
	return error == -ENOENT || error == -ENOTDIR || error == -ENAMETOOLONG;
}

/* Goes one component down. STEP_STOP: DONE ends in the component, and nothing below is known. */
static enum step go_down(struct hostfiles_walk *walk, const char *name)
{
	char target[PATH_MAX];
	ssize_t size;
	_close_ int fd = open_part(walk->at, name);

	walk->error = fd < 0 ? fd : 0;
	if (walk->visitor && fd != -EXDEV)
		walk->visitor->visit(walk->visitor->data, walk->at, fd);
	if (fd == -EXDEV) {
		if (!add_done(walk, name, strlen(name)))
			return STEP_FAIL;
		return enter_mount(walk, name) ? STEP_ON : STEP_STOP;
	}
	size = fd < 0 ? -1 : readlinkat(fd, "", target, sizeof(target));
	if (size >= 0)
		return hostfiles_follow(walk, target, (size_t)size) ? STEP_ON : STEP_FAIL;
	if (!add_done(walk, name, strlen(name)))
		return STEP_FAIL;
	if (fd < 0) {
		walk->kind = is_absent(fd) ? HOST_PATH_KNOWN : HOST_PATH_LOST;
		return STEP_STOP;
	}
	move_to(walk, take_fd(fd));
	return STEP_ON;
}

static bool has_rest(const struct hostfiles_walk *walk)
{
	const char *rest = walk->rest + walk->left;

	return rest[strspn(rest, "/")];
}

/* Walks as far as the rules allow. *RET_WHOLE: to the end of the path. False: the walk failed. */
static bool hostfiles_go(struct hostfiles_walk *walk, bool *ret_whole)
{
	enum step step = STEP_ON;
	char name[NAME_MAX + 1];

	while (step == STEP_ON && next_part(walk, name)) {
		if (!strcmp(name, "."))
			continue;
		if (++walk->steps > STEPS_MAX)
			return false;
		if (!strcmp(name, ".."))
			step = go_up(walk) ? STEP_ON : STEP_FAIL;
		else
			step = go_down(walk, name);
	}
	*ret_whole = step == STEP_ON && !has_rest(walk);
	return step != STEP_FAIL;
}

/* Begins a walk at ROOT. MOUNTS is the mountinfo of a process with that root. */
static bool hostfiles_begin(struct hostfiles_walk *walk, const char *root, const char *mounts)
{
	walk->mounts = mounts;
	walk->root = broker_open(AT_FDCWD, root, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	walk->at = walk->root < 0 ? -1 : fcntl(walk->root, F_DUPFD_CLOEXEC, 0);
	if (walk->at < 0)
		hostfiles_end(walk);
	return walk->at >= 0;
}

/* Walks PATH with WALK, an owner that is empty, and writes the walked part to OUT of SIZE bytes. False: KIND says why. */
static bool walk_path(struct hostfiles_walk *walk, const char *path, char *out, size_t size,
		      bool *ret_whole)
{
	size_t length = strlen(path);

	walk->done = out;
	walk->done_max = size;
	walk->kind = HOST_PATH_UNKNOWN;
	if (!size || path[0] != '/')
		return false;
	walk->kind = HOST_PATH_LOST;
	if (length >= sizeof(walk->rest))
		return false;
	out[0] = '\0';
	walk->left = sizeof(walk->rest) - length - 1;
	memcpy(walk->rest + walk->left, path, length + 1);
	walk->kind = HOST_PATH_UNKNOWN;
	if (!hostfiles_begin(walk, "/proc/1/root", "/proc/1/mountinfo") &&
	    !hostfiles_begin(walk, "/", "/proc/self/mountinfo"))
		return false;
	walk->kind = HOST_PATH_KNOWN;
	if (hostfiles_go(walk, ret_whole))
		return true;
	walk->kind = HOST_PATH_LOST;
	return false;
}

/* Appends the rest of the path to the walked part, and resolves the dots in the rest as if it had
 * no links. */
static bool add_rest(struct hostfiles_walk *walk)
{
	_cleanup_(text_free) struct text joined = {}, clean = {};

	text_add_string(&joined, walk->done);
	text_add_char(&joined, '/');
	text_add_string(&joined, walk->rest + walk->left);
	host_paths_clean(&clean, text_since(&joined, 0));
	if (joined.error || clean.error || clean.size >= walk->done_max)
		return false;
	memcpy(walk->done, clean.data, clean.size + 1);
	return true;
}

int hostfiles_walk(const struct hostfiles_place *place, const char *path,
		   const struct hostfiles_visitor *visitor, struct hostfiles_end *ret)
{
	_cleanup_(hostfiles_end) struct hostfiles_walk walk = {
		.done = ret->done,
		.done_max = sizeof(ret->done),
		.visitor = visitor,
		NO_FILES,
	};
	size_t length = strlen(path);
	bool ended;

	ret->done[0] = '\0';
	if (path[0] != '/' || length >= sizeof(walk.rest))
		return -EINVAL;
	walk.left = sizeof(walk.rest) - length - 1;
	memcpy(walk.rest + walk.left, path, length + 1);
	if (!hostfiles_begin(&walk, place->root, place->mounts))
		return -ESRCH;
	ended = hostfiles_go(&walk, &ret->whole);
	memcpy(ret->rest, walk.rest + walk.left, sizeof(walk.rest) - walk.left);
	ret->missing = walk.error == -ENOENT;
	return ended ? take_fd(walk.at) : -ELOOP;
}

static enum host_path_end hostfiles_resolve(void *data, const char *path, char *out, size_t size)
{
	_cleanup_(hostfiles_end) struct hostfiles_walk walk = {NO_FILES};
	bool whole;

	(void)data;
	if (!walk_path(&walk, path, out, size, &whole))
		return walk.kind;
	if (!add_rest(&walk))
		return HOST_PATH_LOST;
	/* The path of a mount's root is known, whatever serves the mount. */
	return walk.kind == HOST_PATH_LOST || has_rest(&walk) ? walk.kind : HOST_PATH_KNOWN;
}

static bool is_block_device(void *data, const char *path)
{
	_cleanup_(hostfiles_end) struct hostfiles_walk walk = {NO_FILES};
	char done[PATH_MAX];
	struct statx info;
	bool whole;

	(void)data;
	return walk_path(&walk, path, done, sizeof(done), &whole) && whole &&
	       !statx(walk.at, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &info) &&
	       S_ISBLK(info.stx_mode);
}

int hostfiles_open(const char *path)
{
	_cleanup_(hostfiles_end) struct hostfiles_walk walk = {NO_FILES};
	char done[PATH_MAX];
	bool whole;

	return walk_path(&walk, path, done, sizeof(done), &whole) && whole ? take_fd(walk.at)
									   : -ENOENT;
}

/* --- the same elsewhere ----------------------------------------------------------------------- */

#define ALIASES_MAX 256

/* The part of PATH below DIRECTORY, with its slash; "": PATH is DIRECTORY; NULL: PATH is
 * elsewhere. */
static const char *part_below(const char *path, const char *directory)
{
	size_t size = strcmp(directory, "/") ? strlen(directory) : 0;

	return !strncmp(path, directory, size) && (!path[size] || path[size] == '/') ? path + size
										     : NULL;
}

/* Sets OUT to DIRECTORY and REST, with no doubled or trailing slash. */
static void hostfiles_join(struct text *out, const char *directory, const char *rest)
{
	text_cut(out, 0);
	text_add_string(out, strcmp(directory, "/") || !*rest ? directory : "");
	text_add_string(out, strcmp(rest, "/") ? rest : "");
	if (!out->size)
		text_add_char(out, '/');
}

/* Calls FOUND with the path where MOUNT shows INSIDE, a path of its file system, or with its mount
 * point where it shows a part of INSIDE. Image-based systems have all their files below /sysroot a
 * second time: that mount says nothing of a part. */
static bool tell_alias(const struct mount *mount, const char *inside, const char *path,
		       void (*found)(void *context, const char *alias), void *context)
{
	_cleanup_(text_free) struct text alias = {0};
	const char *rest = part_below(inside, mount->root);

	if (!strcmp(mount->point, "/sysroot") || (!rest && !part_below(mount->root, inside)))
		return false;
	hostfiles_join(&alias, mount->point, rest ?: "");
	if (!alias.error && strcmp(alias.data, path) != 0)
		found(context, alias.data);
	return true;
}

/* Finds the mount that PATH is in: the innermost, and of several at one place the last. *RET is an owner that is
 * empty. */
static bool innermost_mount(FILE *file, const char *path, struct mount *ret)
{
	_cleanup_(free_mount) struct mount mount = {0};

	while (next_mount(file, &mount))
		if (part_below(path, mount.point) &&
		    (!ret->line || strlen(mount.point) >= strlen(ret->point)))
			keep_mount(ret, &mount);
	return ret->line;
}

static void hostfiles_aliases(void *data, const char *path,
			      void (*found)(void *context, const char *alias), void *context)
{
	_fclose_ FILE *file =
		broker_fopen("/proc/1/mountinfo") ?: fopen("/proc/self/mountinfo", "re");
	_cleanup_(free_mount) struct mount own = {0}, mount = {0};
	_cleanup_(text_free) struct text inside = {0};
	unsigned int count = 0;

	(void)data;
	if (!file || !innermost_mount(file, path, &own) || own.root[0] != '/')
		return;
	hostfiles_join(&inside, own.root, part_below(path, own.point));
	rewind(file);
	while (!inside.error && count < ALIASES_MAX && next_mount(file, &mount))
		if (!strcmp(mount.device, own.device) && mount.root[0] == '/')
			count += tell_alias(&mount, inside.data, path, found, context);
}

struct host_files hostfiles(const char *const *sockets)
{
	return (struct host_files){
		.resolve = hostfiles_resolve,
		.is_block_device = is_block_device,
		.aliases = hostfiles_aliases,
		.sockets = sockets,
	};
}
