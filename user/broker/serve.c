// SPDX-License-Identifier: Apache-2.0
#include "broker/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/descriptor.h"
#include "broker/detached.h"
#include "broker/hashing.h"
#include "broker/relay.h"

#define CHANNELS_MAX 128
#define MADE_MAX 64
#define WRITING (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND)
#define LOOKING (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

struct served_call {
	const struct message_request *request;
	const char *paths[2];
	const int *fds;
	const struct broker_options *options;
	struct message_answer *answer;
};

static pthread_rwlock_t grants_lock = PTHREAD_RWLOCK_INITIALIZER;
static struct grants granted;

int serve_reload(const struct broker_options *options)
{
	struct grants grants = {0}, old;
	int error = options->grant(options->data, &grants);

	if (error) {
		grants_clear(&grants);
		return error;
	}
	pthread_rwlock_wrlock(&grants_lock);
	old = granted;
	granted = grants;
	pthread_rwlock_unlock(&grants_lock);
	grants_clear(&old);
	return 0;
}

/* --- what is granted -------------------------------------------------------------------------- */

/* Sets PATH to where FD is. 0 or -errno. */
static int path_of(int fd, char path[PATH_MAX])
{
	char link[DESCRIPTOR_PATH_SIZE];
	ssize_t size;

	descriptor_path(fd, link);
	size = readlink(link, path, PATH_MAX - 1);
	if (size < 0)
		return -errno;
	path[size] = '\0';
	return 0;
}

/* A name in a directory, which stays the one that was looked at whatever becomes of its path. */
struct served_place {
	int directory;
	char path[PATH_MAX]; /* as the kernel says, and the name */
	const char *name;    /* in .path */
};

static void leave_place(struct served_place *place)
{
	cleanup_close(&place->directory);
}

/* Opens the directory of TEXT, which is from the directory AT. 0 or -errno. */
static int find_served_place(int at, const char *text, struct served_place *ret)
{
	const char *slash = text ? strrchr(text, '/') : NULL, *name = slash ? slash + 1 : text;
	char directory[PATH_MAX];
	int error;

	if (!text || !*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	snprintf(directory, sizeof(directory), "%.*s", (int)(name - text), text);
	ret->directory = openat(at < 0 ? AT_FDCWD : at, *directory ? directory : ".",
				O_PATH | O_DIRECTORY | O_CLOEXEC);
	error = ret->directory < 0 ? -errno : path_of(ret->directory, ret->path);
	if (error)
		return error;
	if (strlen(ret->path) + strlen(name) + 2 > sizeof(ret->path))
		return -ENAMETOOLONG;
	strcat(strcmp(ret->path, "/") ? strcat(ret->path, "/") : ret->path, name);
	ret->name = strrchr(ret->path, '/') + 1;
	return 0;
}

/* Whether TEXT, from AT, is granted as MAY_BE says. Sets *RET to it. 0 or -errno. */
static int check_place(int at, const char *text,
		       bool (*may_be)(const struct grants *grants, const char *path),
		       struct served_place *ret)
{
	int error = find_served_place(at, text, ret);
	bool may;

	if (error)
		return error;
	pthread_rwlock_rdlock(&grants_lock);
	may = may_be(&granted, ret->path);
	pthread_rwlock_unlock(&grants_lock);
	return may ? 0 : -EPERM;
}

static bool is_engine_process(const char *path)
{
	char link[PATH_MAX], executable[PATH_MAX];
	const char *name;
	ssize_t size;

	if (strncmp(path, "/proc/", strlen("/proc/")) != 0)
		return false;
	snprintf(link, sizeof(link), "/proc/%u/exe", (unsigned int)atoi(path + strlen("/proc/")));
	size = readlink(link, executable, sizeof(executable) - 1);
	executable[size > 0 ? size : 0] = '\0';
	name = strrchr(executable, '/');
	return name && (!strncmp(name, "/dockerd", strlen("/dockerd")) || !strcmp(name, "/podman"));
}

/* Whether the file FD, opened with O_PATH, may be read. 0 or -errno. */
static int check_reading(int fd)
{
	char path[PATH_MAX];
	struct stat info;
	int error = fstat(fd, &info) ? -errno : path_of(fd, path);
	bool may;

	if (error)
		return error;
	pthread_rwlock_rdlock(&grants_lock);
	may = grants_may_read(&granted, path, &info, is_engine_process(path));
	pthread_rwlock_unlock(&grants_lock);
	return may ? 0 : -EPERM;
}

/* --- files ------------------------------------------------------------------------------------ */

static int open_by_link(int fd, int flags)
{
	char link[DESCRIPTOR_PATH_SIZE];
	int ret;

	descriptor_path(fd, link);
	ret = open(link, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return ret < 0 ? -errno : ret;
}

static int open_granted(const struct served_call *call, int flags)
{
	_cleanup_(leave_place) struct served_place place = {.directory = -1};
	int error = check_place(call->fds[0], call->paths[0], grants_may_write, &place), fd;

	if (error)
		return error;
	fd = openat(place.directory, place.name,
		    flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
		    call->request->mode & 0777);
	return fd < 0 ? -errno : fd;
}

/* Only what may be read is opened: opening a device may do something. */
static int open_readable(int looked, int flags)
{
	int error = check_reading(looked);

	return error ?: open_by_link(looked, flags & ~O_NOFOLLOW);
}

static int serve_open(const struct served_call *call)
{
	int flags = (int)call->request->flags, at = call->fds[0] < 0 ? AT_FDCWD : call->fds[0];
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | ((unsigned int)flags & (O_DIRECTORY | O_NOFOLLOW)),
		.resolve = call->request->mask,
	};
	_close_ int fd = -1;

	if (flags & WRITING)
		return flags & O_PATH ? -EINVAL : open_granted(call, flags);
	if (flags & ~LOOKING)
		return -EINVAL;
	if (!call->paths[0]) /* the descriptor itself */
		return call->fds[0] < 0 || flags & O_PATH ? -EINVAL
							  : open_readable(call->fds[0], flags);
	fd = (int)syscall(SYS_openat2, at, call->paths[0], &how, sizeof(how));
	if (fd < 0)
		return -errno;
	return flags & O_PATH ? take_fd(fd) : open_readable(fd, flags);
}

static int serve_link(const struct served_call *call)
{
	ssize_t size;

	if (!call->paths[0])
		return -EINVAL;
	size = readlinkat(call->fds[0] < 0 ? AT_FDCWD : call->fds[0], call->paths[0],
			  call->answer->text, sizeof(call->answer->text));
	if (size < 0)
		return -errno;
	call->answer->text_size = (uint32_t)size;
	return 0;
}

static int serve_rename(const struct served_call *call)
{
	_cleanup_(leave_place) struct served_place from = {.directory = -1}, to = {.directory = -1};
	int error = check_place(call->fds[0], call->paths[0], grants_may_write, &from)
			    ?: check_place(call->fds[0], call->paths[1], grants_may_write, &to);

	if (error)
		return error;
	return renameat(from.directory, from.name, to.directory, to.name) ? -errno : 0;
}

static int serve_unlink(const struct served_call *call)
{
	_cleanup_(leave_place) struct served_place place = {.directory = -1};
	int error = check_place(call->fds[0], call->paths[0], grants_may_write, &place);
	int flags = (int)call->request->flags & AT_REMOVEDIR;

	return error ?: (unlinkat(place.directory, place.name, flags) ? -errno : 0);
}

/* The directories that this broker made: no others get another mode. */
static struct stat made[MADE_MAX];
static unsigned int made_count;

static int serve_mkdir(const struct served_call *call)
{
	_cleanup_(leave_place) struct served_place place = {.directory = -1};
	int error = check_place(-1, call->paths[0], grants_may_make, &place);
	struct stat info;

	if (error)
		return error;
	if (mkdirat(place.directory, place.name, call->request->mode & 0777) ||
	    fstatat(place.directory, place.name, &info, AT_SYMLINK_NOFOLLOW))
		return -errno;
	pthread_rwlock_wrlock(&grants_lock);
	if (made_count < MADE_MAX)
		made[made_count++] = info;
	pthread_rwlock_unlock(&grants_lock);
	return 0;
}

/* The caller holds the lock. */
static bool is_made(const struct stat *info)
{
	for (unsigned int i = 0; i < made_count; i++)
		if (made[i].st_dev == info->st_dev && made[i].st_ino == info->st_ino)
			return true;
	return false;
}

/* Of a file that may be written, or a directory that was made. */
static int check_attributes(int fd)
{
	char path[PATH_MAX];
	struct stat info;
	int error = fd < 0 ? -EBADF : fstat(fd, &info) ? -errno : path_of(fd, path);
	bool may;

	if (error)
		return error;
	pthread_rwlock_rdlock(&grants_lock);
	may = S_ISDIR(info.st_mode) ? is_made(&info) : grants_may_write(&granted, path);
	pthread_rwlock_unlock(&grants_lock);
	return may ? 0 : -EPERM;
}

static int serve_chmod(const struct served_call *call)
{
	int error = check_attributes(call->fds[0]);

	return error ?: (fchmod(call->fds[0], call->request->mode & 0777) ? -errno : 0);
}

static int serve_chgrp(const struct served_call *call)
{
	int error = check_attributes(call->fds[0]);

	return error ?: (fchown(call->fds[0], (uid_t)-1, (gid_t)call->request->mode) ? -errno : 0);
}

static int serve_digest(const struct served_call *call)
{
	return call->fds[0] < 0 ? -EBADF : hashing_file(call->fds[0], &call->answer->digest);
}

/* --- watching --------------------------------------------------------------------------------- */

static int check_directory(int fd)
{
	struct stat info;

	if (fd < 0 || fstat(fd, &info))
		return -EBADF;
	return S_ISDIR(info.st_mode) ? 0 : -ENOTDIR;
}

static int serve_mark(const struct served_call *call)
{
	int error = check_directory(call->fds[1]);
	char link[DESCRIPTOR_PATH_SIZE];

	if (error)
		return error;
	if (call->request->flags != (FAN_MARK_ADD | FAN_MARK_ONLYDIR)) /* and of an inode alone */
		return -EINVAL;
	descriptor_path(call->fds[1], link);
	return fanotify_mark(call->fds[0], call->request->flags, call->request->mask, AT_FDCWD,
			     link)
		       ? -errno
		       : 0;
}

static int serve_watch(const struct served_call *call)
{
	int error = check_directory(call->fds[1]), watch;
	char link[DESCRIPTOR_PATH_SIZE];

	if (error)
		return error;
	descriptor_path(call->fds[1], link);
	watch = inotify_add_watch(call->fds[0], link, (uint32_t)call->request->mask | IN_ONLYDIR);
	if (watch < 0)
		return -errno;
	call->answer->value = (uint32_t)watch;
	return 0;
}

/* --- sockets ---------------------------------------------------------------------------------- */

static int serve_socket(const struct served_call *call)
{
	return broker_socket(call->fds[0], (int)call->request->mode, &call->answer->socket) ? -errno
											    : 0;
}

/* Connects to the path, or to the node that a descriptor leads to. */
static int connect_for(const struct served_call *call)
{
	char link[DESCRIPTOR_PATH_SIZE];

	if (call->paths[0])
		return relay_connect(call->paths[0], &call->answer->peer);
	if (call->fds[0] < 0)
		return -EINVAL;
	descriptor_path(call->fds[0], link);
	return relay_connect(link, &call->answer->peer);
}

static int serve_peer(const struct served_call *call)
{
	_close_ int fd = connect_for(call);

	return fd < 0 ? fd : 0;
}

static int serve_engine(const struct served_call *call)
{
	int fd = connect_for(call);

	return fd < 0 ? fd : relay_start(fd);
}

/* A socket that sends datagrams to where an output goes. */
static int serve_output(const struct served_call *call)
{
	_cleanup_(leave_place) struct served_place place = {.directory = -1};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error = check_place(-1, call->paths[0], grants_may_send, &place);

	if (error)
		return error;
	if ((size_t)snprintf(address.sun_path, sizeof(address.sun_path), DESCRIPTOR_FILES "%d/%s",
			     place.directory, place.name) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	return fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address))
		       ? -errno
		       : take_fd(fd);
}

/* --- channels --------------------------------------------------------------------------------- */

struct serving {
	int channel;
	const struct broker_options *options;
};

static atomic_uint channel_count;

static void *run_channel(void *data)
{
	struct serving serving = *(struct serving *)data;

	free(data);
	serve_channel(serving.channel, serving.options);
	close(serving.channel);
	channel_count--;
	return NULL;
}

/* Has a thread serve a channel. */
static int serve_new_channel(const struct served_call *call)
{
	_free_ struct serving *serving = calloc(1, sizeof(*serving));
	int error;

	if (!serving)
		return -ENOMEM;
	if (call->fds[0] < 0)
		return -EBADF;
	serving->channel = fcntl(call->fds[0], F_DUPFD_CLOEXEC, 0);
	serving->options = call->options;
	if (serving->channel < 0)
		return -errno;
	error = detached_start(run_channel, serving, &channel_count, CHANNELS_MAX);
	if (error) {
		close(serving->channel);
		return error;
	}
	(void)take_ptr(serving);
	return 0;
}

static int serve_grant(const struct served_call *call)
{
	return serve_reload(call->options);
}

static int serve_thread(const struct served_call *call)
{
	call->answer->value = (uint32_t)gettid();
	return 0;
}

/* Each returns -errno, or 0; those with a descriptor return that. */
static const struct {
	int (*act)(const struct served_call *call);
	bool opens;
} acts[ACTS] = {
	[ACT_CHANNEL] = {serve_new_channel}, [ACT_RELOAD] = {serve_grant},
	[ACT_THREAD] = {serve_thread},	     [ACT_OPEN] = {serve_open, .opens = true},
	[ACT_LINK] = {serve_link},	     [ACT_RENAME] = {serve_rename},
	[ACT_UNLINK] = {serve_unlink},	     [ACT_MKDIR] = {serve_mkdir},
	[ACT_CHMOD] = {serve_chmod},	     [ACT_CHGRP] = {serve_chgrp},
	[ACT_MARK] = {serve_mark},	     [ACT_WATCH] = {serve_watch},
	[ACT_SOCKET] = {serve_socket},	     [ACT_ENGINE] = {serve_engine, .opens = true},
	[ACT_PEER] = {serve_peer},	     [ACT_OUTPUT] = {serve_output, .opens = true},
	[ACT_DIGEST] = {serve_digest},
};

int serve_request(const struct message_request *request, size_t size, const int fds[MESSAGE_FDS],
		  const struct broker_options *options, struct message_answer *answer)
{
	struct served_call call = {
		.request = request, .fds = fds, .options = options, .answer = answer};
	int result = -EINVAL;

	memset(answer, 0, offsetof(struct message_answer, text));
	if (message_check(request, size, call.paths))
		result = acts[request->act].act(&call);
	answer->error = result < 0 ? -result : 0;
	return result >= 0 && acts[request->act].opens ? result : -1;
}

void serve_channel(int channel, const struct broker_options *options)
{
	_free_ struct message_request *request = malloc(sizeof(*request));
	_free_ struct message_answer *answer = malloc(sizeof(*answer));
	ssize_t size = request && answer ? 1 : -1;
	int fds[MESSAGE_FDS];

	while (size > 0) {
		_close_ int fd = -1;

		size = message_receive(channel, request, sizeof(*request), fds);
		if (size > 0) {
			fd = serve_request(request, (size_t)size, fds, options, answer);
			if (message_send(channel, answer,
					 offsetof(struct message_answer, text) + answer->text_size,
					 &fd, fd >= 0))
				size = -1;
		}
		for (int i = 0; i < MESSAGE_FDS; i++)
			cleanup_close(&fds[i]);
	}
}
