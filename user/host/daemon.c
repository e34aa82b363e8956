// SPDX-License-Identifier: Apache-2.0
#include "host/daemon.h"

#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "broker/broker.h"
#include "json/body.h"

#define PROGRAM "dockerd" /* the name, or its beginning, as in dockerd-current */
#define CONFIG_DEFAULT "/etc/docker/daemon.json"
#define FILE_MAX (1u << 20) /* bytes read of a command line or a configuration file */

/* --graph is the old name of --data-root. */
static const struct {
	const char *option, *key;
	enum daemon_path path;
} options[] = {
	{"--data-root", "data-root", DAEMON_DATA_ROOT},
	{"--graph", "graph", DAEMON_DATA_ROOT},
	{"-g", NULL, DAEMON_DATA_ROOT},
	{"--exec-root", "exec-root", DAEMON_EXEC_ROOT},
	{"--containerd", "containerd", DAEMON_CONTAINERD},
};

void daemon_set(struct daemon *daemon, enum daemon_path which, struct bytes path)
{
	char *to = daemon->paths[which];

	assert(which < DAEMON_PATHS);
	if (!path.size || path.size >= DAEMON_PATH_MAX || path.data[0] != '/' ||
	    memchr(path.data, 0, path.size))
		return;
	memcpy(to, path.data, path.size);
	to[path.size] = '\0';
}

/* --- the command line ------------------------------------------------------------------------- */

static bool take_argument(struct bytes *rest, struct bytes *ret)
{
	const char *end = rest->size ? memchr(rest->data, 0, rest->size) : NULL;

	if (!end)
		return false;
	*ret = (struct bytes){rest->data, (size_t)(end - rest->data)};
	*rest = bytes_from(*rest, ret->size + 1);
	return true;
}

/* Whether ARGUMENT is OPTION. VALUE stands behind '=' in the same argument, or is the first of
 * REST. */
static bool daemon_take_option(struct bytes argument, const char *option, struct bytes *rest,
			       struct bytes *value)
{
	size_t size = strlen(option);

	if (!bytes_begin(argument, option))
		return false;
	if (argument.size == size)
		return take_argument(rest, value);
	*value = bytes_from(argument, size + 1);
	return argument.data[size] == '=';
}

void daemon_take_arguments(struct daemon *daemon, struct bytes arguments, char *config)
{
	struct bytes argument, value;

	take_argument(&arguments, &argument); /* the program's name */
	while (take_argument(&arguments, &argument) && !bytes_equal(argument, bytes_of("--"))) {
		if (daemon_take_option(argument, "--config-file", &arguments, &value) &&
		    value.size < DAEMON_PATH_MAX) {
			memcpy(config, value.data, value.size);
			config[value.size] = '\0';
			continue;
		}
		for (size_t i = 0; i < COUNT(options); i++)
			if (daemon_take_option(argument, options[i].option, &arguments, &value)) {
				daemon_set(daemon, options[i].path, value);
				break;
			}
	}
}

/* --- the configuration file --------------------------------------------------------------------- */

static const struct shape string = {.kind = SHAPE_STRING};
static const struct shape_field config_fields[] = {{"data-root", &string},
						   {"graph", &string},
						   {"exec-root", &string},
						   {"containerd", &string},
						   {}};
static const struct shape config_shape = {.kind = SHAPE_STRUCT, .fields = config_fields};

CLEANUP_DEFINE(drop_body, struct body *, body_free)

void daemon_take_config(struct daemon *daemon, struct bytes text)
{
	_cleanup_(drop_body) struct body *body = NULL;

	if (body_new(&config_shape, 64u << 10, NULL, &body) ||
	    body_feed(body, text.data, text.size))
		return;
	for (size_t i = 0; i < COUNT(options); i++)
		if (options[i].key && !daemon->paths[options[i].path][0])
			daemon_set(daemon, options[i].path,
				   body_string(body_value(body), options[i].key));
}

/* --- processes ---------------------------------------------------------------------------------- */

/* Reads the file FD, at most FILE_MAX bytes, to DATA, and closes it. */
static struct bytes daemon_read_all(int fd, char data[FILE_MAX])
{
	size_t size = 0;
	ssize_t got = 1;

	while (fd >= 0 && size < FILE_MAX && (got = read(fd, data + size, FILE_MAX - size)) > 0)
		size += (size_t)got;
	cleanup_close(&fd);
	return (struct bytes){data, size};
}

/* Opens PATH below the root directory of a process, if a regular file is there. PROCESS is its
 * directory in /proc. */
static int open_config(int process, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	_close_ int root = broker_open(process, "root", O_PATH | O_DIRECTORY | O_CLOEXEC, 0),
		    fd = -1;
	struct stat status;

	if (root >= 0)
		fd = broker_openat2(root, path, &how);
	return fd >= 0 && !fstat(fd, &status) && S_ISREG(status.st_mode) ? take_fd(fd) : -1;
}

/* Whether PROCESS is root's, has the root directory of the host's init, and executes a dockerd. Its
 * own name for itself (argv[0], comm) does not count. */
static bool is_daemon(int process, const struct stat *init_root)
{
	char executable[PATH_MAX];
	const char *name;
	struct stat status;
	ssize_t size;

	if (fstat(process, &status) || status.st_uid)
		return false;
	size = broker_readlink(process, "exe", executable, sizeof(executable) - 1);
	executable[size > 0 ? size : 0] = '\0';
	name = strrchr(executable, '/');
	return name && !strncmp(name + 1, PROGRAM, strlen(PROGRAM)) &&
	       !broker_stat(process, "root", &status, 0) && status.st_dev == init_root->st_dev &&
	       status.st_ino == init_root->st_ino;
}

static void daemon_look(int process, struct daemon *daemon)
{
	char config[DAEMON_PATH_MAX] = CONFIG_DEFAULT;
	_free_ char *data = malloc(FILE_MAX);

	*daemon = (struct daemon){0};
	if (!data)
		return;
	daemon_take_arguments(
		daemon,
		daemon_read_all(broker_open(process, "cmdline", O_RDONLY | O_CLOEXEC, 0), data),
		config);
	daemon_take_config(daemon, daemon_read_all(open_config(process, config), data));
}

unsigned int daemon_find(struct daemon daemons[DAEMONS_MAX])
{
	_closedir_ DIR *directory = broker_opendir(AT_FDCWD, "/proc");
	const struct dirent *entry;
	unsigned int count = 0;
	struct stat root;

	/* The agent's own root directory stands in where the init's may not be read. */
	if (!directory || (broker_stat(AT_FDCWD, "/proc/1/root", &root, 0) && stat("/", &root)))
		return 0;
	while (count < DAEMONS_MAX && (entry = readdir(directory))) {
		_close_ int process = isdigit((unsigned char)entry->d_name[0])
					      ? openat(dirfd(directory), entry->d_name,
						       O_PATH | O_DIRECTORY | O_CLOEXEC)
					      : -1;

		if (process >= 0 && is_daemon(process, &root))
			daemon_look(process, &daemons[count++]);
	}
	return count;
}
