// SPDX-License-Identifier: Apache-2.0
#include "kernel/watches.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/broker.h"

#define WATCHES_MAX 64

/* A name that the kernel watches, by its directory where that exists, and by its path. */
struct watched_name {
	bool in_directory; /* the next two are set */
	struct callerd_node_key directory;
	struct callerd_name_key name;
	struct callerd_path_key path;
	char base[CALLERD_ADDRESS_MAX + 4];
};

/* All names of a watched socket: its path, and where the path is a symlink, the targets of the
 * link. */
struct watch {
	unsigned int count;
	bool installed; /* the maps have all of them */
	struct watched_name names[WATCHES_NAMES_MAX];
};

struct watches {
	struct callerd_control *control;
	int identify; /* the program; the rest are maps */
	int names, basenames, directories, paths, nodes;
	struct watch watches[WATCHES_MAX];
};

int watches_new(const struct bpf_object *object, struct callerd_control *control,
		struct watches **ret)
{
	struct watches *watches = calloc(1, sizeof(*watches));

	if (!watches)
		return -ENOMEM;
	watches->control = control;
	watches->identify = bpf_program__fd(bpf_object__find_program_by_name(object, "identify"));
	watches->names = bpf_object__find_map_fd_by_name(object, "names");
	watches->basenames = bpf_object__find_map_fd_by_name(object, "basenames");
	watches->directories = bpf_object__find_map_fd_by_name(object, "directories");
	watches->paths = bpf_object__find_map_fd_by_name(object, "paths");
	watches->nodes = bpf_object__find_map_fd_by_name(object, "nodes");
	*ret = watches;
	return watches->identify < 0 ? -ENOENT : 0;
}

void watches_free(struct watches *watches)
{
	free(watches);
}

static int ask_identity(const struct watches *watches, int fd, struct callerd_identify *ret)
{
	struct callerd_identify request = {.fd = fd};
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &request, .ctx_size_in = sizeof(request));
	int error = bpf_prog_test_run_opts(watches->identify, &run);

	if (error)
		return error;
	if (!request.found)
		return -EBADF;
	*ret = request;
	return 0;
}

void watches_tell_self(struct watches *watches)
{
	struct callerd_identify self;

	ask_identity(watches, -1, &self);
}

static struct callerd_name_key name_key(const struct callerd_node_key *directory, const char *name)
{
	struct callerd_name_key key = {
		.inode = directory->inode,
		.device = directory->device,
		.generation = directory->generation,
	};

	snprintf(key.name, sizeof(key.name), "%s", name);
	return key;
}

/* Writes PATH, which is absolute, to RET, without symlinks as far as PATH exists. */
static int canonical_path(const char *path, char ret[PATH_MAX])
{
	char above[PATH_MAX];
	const char *rest;
	size_t size;

	if (snprintf(above, sizeof(above), "%s", path) >= PATH_MAX)
		return -ENAMETOOLONG;
	while (!realpath(above, ret)) {
		char *slash = strrchr(above, '/');

		if (errno != ENOENT)
			return -errno;
		slash[slash == above] = '\0';
	}
	rest = path + strlen(above);
	rest += *rest == '/';
	size = strlen(ret);
	if (*rest && snprintf(ret + size, PATH_MAX - size, "%s%s", size > 1 ? "/" : "", rest) >=
			     (int)(PATH_MAX - size))
		return -ENAMETOOLONG;
	return 0;
}

/* The path of the name BASE in DIRECTORY as the kernel programs build it, from the leaf to the
 * root. A path that is too long becomes all zeros, which the kernel programs never build. */
static struct callerd_path_key path_key(const char *directory, const char *base)
{
	struct callerd_path_key key = {};
	char path[PATH_MAX + NAME_MAX];
	size_t size = 0;
	char *slash;

	snprintf(path, sizeof(path), "%s/%s", directory, base);
	while ((slash = strrchr(path, '/'))) {
		size_t length = strlen(slash + 1);

		if (size + length + 1 > sizeof(key.components))
			return (struct callerd_path_key){};
		memcpy(key.components + size, slash + 1, length);
		size += length ? length + 1 : 0;
		*slash = '\0';
	}
	return key;
}

static int look_at_name(struct watches_look *look, const char *path)
{
	const char *base = strrchr(path, '/') + 1;
	char *directory = look->names[look->count].directory;
	char text[PATH_MAX];
	int fd, error;

	/* the directory, with its slash */
	snprintf(text, sizeof(text), "%.*s", (int)(base - path), path);
	snprintf(look->names[look->count].base, sizeof(look->names->base), "%s", base);
	text[strlen(text) - (base - path > 1)] = '\0';
	error = canonical_path(text, directory);
	if (error)
		return error;
	fd = broker_open(AT_FDCWD, directory, O_PATH | O_CLOEXEC | O_DIRECTORY, 0);
	if (fd < 0 && errno != ENOENT)
		return -errno;
	look->names[look->count++].fd = fd;
	return 0;
}

/* Where PATH is a symlink, replaces it by its target, which a daemon may bind, now or later. False:
 * PATH is no symlink, or its target no name of a socket. */
static bool follow_link(char path[PATH_MAX])
{
	char target[PATH_MAX], text[2 * PATH_MAX];
	ssize_t size = broker_readlink(AT_FDCWD, path, target, sizeof(target) - 1);
	int above = strrchr(path, '/') - path;

	if (size <= 0)
		return false;
	target[size] = '\0';
	size = snprintf(text, sizeof(text), "%.*s/%s", target[0] == '/' ? 0 : above, path, target);
	if (size >= PATH_MAX)
		return false;
	memcpy(path, text, size + 1);
	return text[size - 1] != '/';
}

void watches_look(const char *path, struct watches_look *ret)
{
	char text[PATH_MAX];

	ret->count = 0;
	snprintf(text, sizeof(text), "%s", path);
	do
		ret->error = look_at_name(ret, text);
	while (!ret->error && ret->count < WATCHES_NAMES_MAX && follow_link(text));
	ret->node = broker_open(AT_FDCWD, path, O_PATH | O_CLOEXEC, 0);
}

void watches_look_close(struct watches_look *look)
{
	for (unsigned int i = 0; i < look->count; i++)
		if (look->names[i].fd >= 0)
			close(look->names[i].fd);
	if (look->node >= 0)
		close(look->node);
	look->count = 0;
	look->node = -1;
}

/* Finds the keys of LOOK's names in the kernel programs' maps. */
static int find_names(struct watches *watches, const struct watches_look *look, struct watch *ret)
{
	struct callerd_identify identity;
	int error = look->count ? 0 : look->error;

	for (unsigned int i = 0; i < look->count && !error; i++) {
		struct watched_name *name = &ret->names[i];
		const char *base = look->names[i].base;

		snprintf(name->base, sizeof(name->base), "%s", base);
		name->path = path_key(look->names[i].directory, base);
		if (look->names[i].fd >= 0) {
			error = ask_identity(watches, look->names[i].fd, &identity);
			name->directory = identity.node;
			name->name = name_key(&identity.node, base);
			name->in_directory = true;
		}
		ret->count += !error;
	}
	return ret->count ? 0 : error;
}

/* Lets the kernel programs look closer at sockets with this inode number, and at sockets in a
 * directory with it. */
static void pass_filter(struct watches *watches, uint64_t inode)
{
	__atomic_fetch_or(&watches->control->inode_filter[CALLERD_FILTER_WORD(inode)],
			  CALLERD_FILTER_BIT(inode), __ATOMIC_SEQ_CST);
}

static int install_name(struct watches *watches, uint32_t index, const struct watched_name *name)
{
	int error = bpf_map_update_elem(watches->basenames, name->base, &index, BPF_ANY)
			    ?: bpf_map_update_elem(watches->paths, &name->path, &index, BPF_ANY);

	if (error || !name->in_directory)
		return error;
	/* The name goes in before its directory: the kernel programs look for names only in
	 * directories that they watch. */
	pass_filter(watches, name->directory.inode);
	return bpf_map_update_elem(watches->names, &name->name, &index, BPF_ANY)
		       ?: bpf_map_update_elem(watches->directories, &name->directory, &index,
					      BPF_ANY);
}

/* Removes the keys of OLD that no watched name has any more from the maps: directories come and go,
 * and their inode numbers are used again. */
static void forget_watched_name(struct watches *watches, const struct watched_name *old)
{
	bool name = old->in_directory, directory = old->in_directory, path = true, base = true;

	for (unsigned int i = 0; i < WATCHES_MAX; i++)
		for (unsigned int j = 0; j < watches->watches[i].count; j++) {
			const struct watched_name *now = &watches->watches[i].names[j];

			path &= !!memcmp(&now->path, &old->path, sizeof(now->path));
			base &= !!strcmp(now->base, old->base);
			if (!now->in_directory)
				continue;
			name &= !!memcmp(&now->name, &old->name, sizeof(now->name));
			directory &=
				!!memcmp(&now->directory, &old->directory, sizeof(now->directory));
		}
	if (directory)
		bpf_map_delete_elem(watches->directories, &old->directory);
	if (name)
		bpf_map_delete_elem(watches->names, &old->name);
	if (path)
		bpf_map_delete_elem(watches->paths, &old->path);
	if (base)
		bpf_map_delete_elem(watches->basenames, old->base);
}

static bool has_same_names(const struct watch *watch, const struct watch *now)
{
	return watch->count == now->count &&
	       !memcmp(watch->names, now->names, now->count * sizeof(*now->names));
}

static int watch_names(struct watches *watches, uint32_t index, const struct watches_look *look)
{
	struct watch *watch = &watches->watches[index], old = *watch, now = {};
	int error = find_names(watches, look, &now);
	bool same = has_same_names(watch, &now);

	if (error || (same && watch->installed))
		return error;
	/* Sockets share directories and names: the others put in again what this one takes or leaves. */
	for (unsigned int i = 0; i < WATCHES_MAX && !same; i++)
		watches->watches[i].installed = false;
	*watch = now;
	for (unsigned int i = 0; i < now.count; i++)
		error = install_name(watches, index, &now.names[i]) ?: error;
	for (unsigned int i = 0; i < old.count; i++)
		forget_watched_name(watches, &old.names[i]);
	watch->installed = !error;
	return error;
}

static void watch_node(struct watches *watches, uint32_t index, int fd)
{
	struct callerd_identify identity;

	if (fd < 0 || ask_identity(watches, fd, &identity) || !S_ISSOCK(identity.mode))
		return;
	pass_filter(watches, identity.node.inode);
	bpf_map_update_elem(watches->nodes, &identity.node, &index, BPF_ANY);
}

int watches_watch(struct watches *watches, uint32_t index, const struct watches_look *look)
{
	int error = index < WATCHES_MAX ? watch_names(watches, index, look) : -EINVAL;

	watch_node(watches, index, look->node);
	return error;
}

int watches_identify(struct watches *watches, int fd, struct callerd_node_key *ret)
{
	struct callerd_identify identity;
	int error = ask_identity(watches, fd, &identity);

	if (!error)
		*ret = identity.node;
	return error;
}

int watches_match(struct watches *watches, int fd)
{
	struct callerd_identify identity;
	int error = ask_identity(watches, fd, &identity);

	if (error)
		return error;
	if (!S_ISSOCK(identity.mode) || identity.socket == CALLERD_NO_SOCKET)
		return -ENOENT;
	return identity.socket;
}

int watches_match_name(struct watches *watches, int fd, const char *name)
{
	struct callerd_identify identity;
	struct callerd_name_key key;
	uint32_t index;
	int error = ask_identity(watches, fd, &identity);

	if (error)
		return error;
	key = name_key(&identity.node, name);
	return bpf_map_lookup_elem(watches->names, &key, &index) ? -ENOENT : (int)index;
}

int watches_match_path(struct watches *watches, const char *path)
{
	const char *base = strrchr(path, '/');
	struct callerd_path_key key;
	char directory[PATH_MAX];
	uint32_t index;

	if (!base || strlen(path) >= sizeof(directory))
		return -ENOENT;
	snprintf(directory, sizeof(directory), "%.*s", (int)(base - path), path);
	key = path_key(directory, base + 1);
	return bpf_map_lookup_elem(watches->paths, &key, &index) ? -ENOENT : (int)index;
}
