// SPDX-License-Identifier: Apache-2.0
#include "guard/look.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/descriptor.h"
#include "base/clock.h"
#include "broker/broker.h"
#include "chain/key.h"

#define FILES_MAX 256
#define CHANGED_SIZE (sizeof("/0123456789abcdef/0") - 1) /* the end of a file's line */

/* A walk along a path. The rest of the path shrinks by a component each step, and grows by the
 * target of a link. */
struct look_walk {
	struct marks *marks;
	enum look_kind kind;
	int at; /* O_PATH: the directory that the walk has come to */
	char rest[2 * PATH_MAX];
	struct look *look;
};

/* Others write what is hashed here: they must not find another content with the same hash. */
static void digest_bytes(const void *data, size_t size, char ret[LOOK_DIGEST_MAX])
{
	unsigned char hash[CHAIN_HASH_SIZE] = {0};

	_Static_assert(LOOK_DIGEST_MAX == 2 * CHAIN_HASH_SIZE + 1, "all digits have room");
	if (key_hash((struct bytes){data ?: "", size},
		     hash)) /* without libcrypto there is no chain either */
		memcpy(hash, &size, sizeof(size));
	*key_put_hex(ret, hash, sizeof(hash)) = '\0';
}

static uint64_t digest_shortly(struct bytes bytes)
{
	unsigned char hash[CHAIN_HASH_SIZE] = {0};
	uint64_t ret;

	key_hash(bytes, hash);
	memcpy(&ret, hash, sizeof(ret));
	return ret | 1;
}

/* --- one file --------------------------------------------------------------------------------- */

static const char *entry_kind(unsigned int tag)
{
	switch (tag) {
	case ACL_USER:
		return "user";
	case ACL_GROUP:
		return "group";
	case ACL_MASK:
		return "mask";
	default: /* what the mode has already */
		return NULL;
	}
}

/* Adds an entry of an ACL to OUT as setfacl takes it. False: there is no room for it. */
static bool add_acl_entry(const struct posix_acl_xattr_entry *entry, const char *kind,
			  char out[LOOK_ACL_MAX])
{
	size_t used = strlen(out), room = LOOK_ACL_MAX - used;
	char id[16] = "";
	int size;

	if (entry->e_tag != ACL_MASK)
		snprintf(id, sizeof(id), "%u", entry->e_id);
	size = snprintf(out + used, room, "%s%s:%s:%c%c%c", used ? "," : "", kind, id,
			entry->e_perm & ACL_READ ? 'r' : '-', entry->e_perm & ACL_WRITE ? 'w' : '-',
			entry->e_perm & ACL_EXECUTE ? 'x' : '-');
	if ((size_t)size + sizeof("...") <= room)
		return true;
	strcpy(out + used, "...");
	return false;
}

static void list_acl(const char *acl, size_t size, struct look_file *ret)
{
	const struct posix_acl_xattr_entry *entry =
		(const void *)(acl + sizeof(struct posix_acl_xattr_header));
	_cleanup_(text_free) struct text entries = {0};
	bool room = true, mask = true;

	for (; (const char *)(entry + 1) <= acl + size; entry++) {
		const char *kind = entry_kind(entry->e_tag);

		if (!kind)
			continue;
		text_add(&entries, (const char *)entry, sizeof(*entry));
		if (entry->e_tag == ACL_MASK)
			mask = entry->e_perm & ACL_WRITE;
		else
			ret->acl_writes |= !!(entry->e_perm & ACL_WRITE);
		if (room)
			room = add_acl_entry(entry, kind, ret->acl);
	}
	ret->acl_writes &= mask;
	if (entries.size)
		ret->acl_hash = digest_shortly(text_since(&entries, 0));
}

/* False: there is an ACL that could not be read. */
static bool read_acl(int fd, struct look_file *ret)
{
	static const char name[] = "system.posix_acl_access";
	_free_ char *acl = NULL;
	char path[DESCRIPTOR_PATH_SIZE];
	ssize_t size;

	descriptor_path(fd, path);
	size = getxattr(path, name, NULL, 0);
	if (size <= 0)
		return !size || errno == ENODATA || errno == EOPNOTSUPP;
	acl = malloc((size_t)size);
	size = acl ? getxattr(path, name, acl, (size_t)size) : -1;
	if (size < 0) /* it may have grown meanwhile, of which an event tells */
		return false;
	list_acl(acl, (size_t)size, ret);
	return true;
}

static void read_label(int fd, char out[LOOK_LABEL_MAX])
{
	char path[DESCRIPTOR_PATH_SIZE];
	ssize_t size;

	descriptor_path(fd, path);
	size = getxattr(path, "security.selinux", out, LOOK_LABEL_MAX - 1);
	out[size > 0 ? size : 0] = '\0';
}

static void note_unseen(struct look *look, const char *what)
{
	if (!look->unseen)
		look->unseen = what;
}

static bool read_file(int fd, struct look_file *ret, struct look *look)
{
	struct statx info;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &info)) {
		note_unseen(look, "a file on the way cannot be looked at");
		return false;
	}
	*ret = (struct look_file){
		.present = true,
		.device_major = info.stx_dev_major,
		.device_minor = info.stx_dev_minor,
		.inode = info.stx_ino,
		.mount = info.stx_mnt_id,
		.mode = info.stx_mode,
		.uid = info.stx_uid,
		.gid = info.stx_gid,
		.changed = (uint64_t)info.stx_ctime.tv_sec * NS_PER_S + info.stx_ctime.tv_nsec,
	};
	if (S_ISREG(info.stx_mode)) {
		const uint64_t facts[] = {info.stx_size, (uint64_t)info.stx_mtime.tv_sec,
					  info.stx_mtime.tv_nsec};

		digest_bytes(facts, sizeof(facts), ret->content);
	}
	if (!S_ISLNK(info.stx_mode)) {
		if (!read_acl(fd, ret))
			note_unseen(look, "an ACL cannot be read");
		read_label(fd, ret->label);
	}
	return true;
}

static void read_content(int fd, struct text *out, struct look *look)
{
	char path[DESCRIPTOR_PATH_SIZE], *room;
	ssize_t got = -1;
	_close_ int file = -1;

	descriptor_path(fd, path);
	file = broker_open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	while (file >= 0 && out->size < LOOK_TEXT_MAX) {
		room = text_room(out, 4096);
		got = room ? read(file, room, 4096) : -1;
		if (got <= 0)
			break;
		out->size += (size_t)got;
		out->data[out->size] = '\0';
	}
	if (got) /* an error, or more than is read */
		note_unseen(look, "a file cannot be read as a whole");
}

/* --- a directory of files --------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_file(int directory, const char *name, struct look *look)
{
	_cleanup_(text_free) struct text text = {0};
	_close_ int fd = broker_open(directory, name, O_PATH | O_CLOEXEC, 0);
	struct text *out = &look->text;
	struct look_file file;

	if (fd < 0 || !read_file(fd, &file, look) || !S_ISREG(file.mode))
		return;
	read_content(fd, &text, look);
	for (; *name; name++)
		text_add_char(out, *name != '\n' ? *name : '?'); /* a line is a file */
	text_add_char(out, '/');				 /* no name has one */
	digest_bytes(text.data, text.size, file.content);
	text_add_string(out, file.content);
	text_add_char(out, '/');
	text_add_number(out, file.mode & 07777);
	text_add_char(out, '/');
	text_add_number(out, file.uid);
	text_add_char(out, '/');
	text_add_hex(out, file.changed, 16);
	text_add_char(out, '/');
	text_add_char(out, look_engine_lines(text_since(&text, 0)) ? '1' : '0');
	text_add_char(out, '\n');
}

/* Adds a line for each file in the directory. */
static void list_files(int fd, struct look *look)
{
	char path[DESCRIPTOR_PATH_SIZE], *names[FILES_MAX];
	unsigned int count = 0;
	struct dirent *entry;
	DIR *directory;

	descriptor_path(fd, path);
	directory = broker_opendir(AT_FDCWD, path);
	while (directory && (entry = readdir(directory))) {
		if (*entry->d_name == '.')
			continue;
		if (count == FILES_MAX || !(names[count] = strdup(entry->d_name))) {
			note_unseen(look, "the directory has more files than are looked at");
			break;
		}
		count++;
	}
	qsort(names, count, sizeof(*names), compare_names);
	for (unsigned int i = 0; i < count; i++) {
		list_file(fd, names[i], look);
		free(names[i]);
	}
	if (directory)
		closedir(directory);
	else
		note_unseen(look, "the directory cannot be read");
}

/* --- the walk --------------------------------------------------------------------------------- */

/* Notes the directory at which the walk stands where others than root can change its names: in a
 * directory with the sticky bit they cannot exchange a file of root. */
static void note_open_directory(struct look_walk *walk)
{
	struct look_file file;
	char path[DESCRIPTOR_PATH_SIZE], target[PATH_MAX];
	ssize_t size;
	bool others;

	if (!read_file(walk->at, &file, walk->look))
		return;
	others = (file.mode & S_IWOTH && !(file.mode & S_ISVTX)) ||
		 (file.mode & S_IWGRP && file.gid && !(file.mode & S_ISVTX)) || file.uid ||
		 file.acl_writes;
	if (!others)
		return;
	descriptor_path(walk->at, path);
	size = readlink(path, target, sizeof(target));
	text_cut(&walk->look->directory_path, 0);
	text_add(&walk->look->directory_path, target, size > 0 ? (size_t)size : 0);
	walk->look->directory = file;
}

static void add_step(struct look_walk *walk, const char *name, bool contents)
{
	struct look *look = walk->look;
	struct look_step *steps = NULL, *step;

	if (look->step_count < LOOK_STEPS_MAX)
		steps = reallocarray(look->steps, look->step_count + 1, sizeof(*steps));
	if (!steps) {
		note_unseen(look, "its path has too many parts");
		return;
	}
	look->steps = steps;
	step = &steps[look->step_count++];
	step->directory = marks_add(walk->marks, walk->at, contents);
	if (!step->directory)
		note_unseen(look, "a directory on the way cannot be watched");
	snprintf(step->name, sizeof(step->name), "%s", name);
}

/* Takes the first component off the rest. False: there is none. */
static bool take_component(struct look_walk *walk, char name[NAME_MAX + 1])
{
	const char *at = walk->rest + strspn(walk->rest, "/");
	size_t size = strcspn(at, "/");

	if (!size)
		return false;
	if (size > NAME_MAX) {
		note_unseen(walk->look, "its path has a name that is too long");
		return false;
	}
	memcpy(name, at, size);
	name[size] = '\0';
	memmove(walk->rest, at + size, strlen(at + size) + 1);
	return true;
}

static int enter_directory(struct look_walk *walk, int fd)
{
	close(walk->at);
	walk->at = fd;
	return 0;
}

/* Goes on where the link FD leads. */
static int look_through_link(struct look_walk *walk, int fd)
{
	char target[PATH_MAX];
	ssize_t size = readlinkat(fd, "", target, sizeof(target));
	size_t left = strlen(walk->rest);

	close(fd);
	if (size <= 0)
		return -ENOENT;
	if (left + (size_t)size + 2 > sizeof(walk->rest))
		return -ENAMETOOLONG;
	memmove(walk->rest + size + 1, walk->rest, left + 1);
	memcpy(walk->rest, target, (size_t)size);
	walk->rest[size] = '/';
	if (*target != '/')
		return 0;
	fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : enter_directory(walk, fd);
}

static bool is_last(const struct look_walk *walk)
{
	return !walk->rest[strspn(walk->rest, "/")];
}

/* The walk has come to the file FD. */
static void look_at_end(struct look_walk *walk, int fd)
{
	struct look *look = walk->look;

	read_file(fd, &look->file, look);
	if (walk->kind == LOOK_TEXT && S_ISREG(look->file.mode)) {
		read_content(fd, &look->text, look);
		digest_bytes(look->text.data, look->text.size, look->file.content);
		look->engine_lines = look_engine_lines(text_since(&look->text, 0));
	} else if (walk->kind == LOOK_FILES && S_ISDIR(look->file.mode)) {
		enter_directory(walk, fd);
		add_step(walk, "", true);
		list_files(fd, look);
		return;
	}
	close(fd);
}

/* 1: go on, 0: the walk has come to its end, or -errno. */
static int take_step(struct look_walk *walk, const char *name)
{
	bool last = is_last(walk);
	int fd = broker_open(walk->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	struct stat info;

	if (!strcmp(name, ".."))
		return fd < 0 ? -errno : (enter_directory(walk, fd), 1);
	if (!strcmp(name, ".")) {
		if (fd >= 0)
			close(fd);
		return 1;
	}
	note_open_directory(walk);
	add_step(walk, name, last && walk->kind != LOOK_NODE);
	if (fd < 0)
		return -errno;
	if (!fstat(fd, &info) && S_ISLNK(info.st_mode))
		return look_through_link(walk, fd) ?: 1;
	if (last) {
		look_at_end(walk, fd);
		return 0;
	}
	enter_directory(walk, fd);
	return 1;
}

void look_at(struct marks *marks, const char *path, enum look_kind kind, struct look *ret)
{
	struct look_walk walk = {
		.marks = marks,
		.kind = kind,
		.look = ret,
		.at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC),
	};
	char name[NAME_MAX + 1];
	int steps = 0;

	memset(ret, 0, sizeof(*ret));
	snprintf(walk.rest, sizeof(walk.rest), "%s", path);
	if (walk.at < 0) {
		note_unseen(ret, "the root directory cannot be opened");
		return;
	}
	while (take_component(&walk, name) && take_step(&walk, name) > 0)
		if (++steps > 2 * LOOK_STEPS_MAX) { /* links that lead to each other */
			note_unseen(ret, "its path has too many parts");
			break;
		}
	close(walk.at);
}

void look_end(struct look *look)
{
	if (look->text.data) /* it may have hashes of passwords */
		explicit_bzero(look->text.data, look->text.size);
	text_free(&look->text);
	text_free(&look->directory_path);
	free(look->steps);
	look->steps = NULL;
	look->step_count = 0;
}

/* --- contents --------------------------------------------------------------------------------- */

bool look_next_file(const struct look *look, size_t *at, struct look_entry *ret)
{
	struct bytes line = text_since(&look->text, *at);
	const char *end = line.size ? memchr(line.data, '\n', line.size) : NULL;
	const char *name_end;

	if (!end)
		return false;
	line.size = (size_t)(end - line.data);
	*at += line.size + 1;
	name_end = memchr(line.data, '/', line.size);
	if (!name_end)
		return false;
	ret->name = (struct bytes){line.data, (size_t)(name_end - line.data)};
	ret->rest = (struct bytes){name_end, line.size - ret->name.size};
	if (ret->rest.size < CHANGED_SIZE)
		return false; /* not a line of ours */
	ret->engine_lines = end[-1] == '1';
	ret->rest.size -= CHANGED_SIZE;
	ret->changed = (struct bytes){name_end + ret->rest.size, CHANGED_SIZE};
	return true;
}

static bool names_engine(struct bytes line)
{
	static const char *const engines[] = {"docker", "podman", "containerd", "nerdctl", "ctr"};

	while (line.size && (*line.data == ' ' || *line.data == '\t'))
		line = (struct bytes){line.data + 1, line.size - 1};
	if (!line.size || *line.data == '#')
		return false;
	for (size_t i = 0; i < COUNT(engines); i++)
		if (memmem(line.data, line.size, engines[i], strlen(engines[i])))
			return true;
	return false;
}

uint64_t look_engine_lines(struct bytes text)
{
	_cleanup_(text_free) struct text lines = {0};

	while (text.size) {
		const char *end = memchr(text.data, '\n', text.size);
		struct bytes line = {text.data, end ? (size_t)(end - text.data) : text.size};

		if (names_engine(line)) {
			text_add_bytes(&lines, line);
			text_add_char(&lines, '\n');
		}
		text.data += line.size + !!end;
		text.size -= line.size + !!end;
	}
	return lines.size ? digest_shortly(text_since(&lines, 0)) : 0;
}

bool look_name_counts(bool sudo, const char *name)
{
	size_t size = strlen(name);

	if (sudo)
		return size && !strchr(name, '.') && name[size - 1] != '~';
	return size > strlen(".conf") && *name != '.' &&
	       !strcmp(name + size - strlen(".conf"), ".conf");
}
