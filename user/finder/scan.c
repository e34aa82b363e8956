// SPDX-License-Identifier: Apache-2.0
#include "finder/scan.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "broker/broker.h"
#include "finder/units.h"
#include "host/hostfiles.h"
#include "host/proc.h"

#define DOCKERD "dockerd" /* the name, or its beginning, as in dockerd-current */
#define PODMAN "podman"
#define USERS "/run/user"
#define CONFIG "/etc/docker/daemon.json"
#define FILE_MAX (1u << 20) /* bytes read of arguments and of a configuration file */

#define PROCESSES_MAX 64
#define PROCESSES_OF_USER_MAX 4
#define PROCESSES_OF_USERS_MAX 32

#define DIRECTORY_EVENTS                                                                           \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR)

static const char *const usual_paths[] = {"/run/docker.sock", "/run/podman/podman.sock"};
static const char *const rootless_names[] = {"docker.sock", "podman/podman.sock"};
static const char *const watched_directories[] = {
	"/run",
	"/run/podman",
	USERS,
	"/etc/docker",
	"/etc/systemd/system",
	"/etc/systemd/system/docker.socket.d",
	"/etc/systemd/system/podman.socket.d",
	"/run/systemd/system",
};

/* A process that is called an engine. */
struct engine_process {
	int directory; /* in /proc */
	uint32_t pid, uid;
	uint64_t start;
	enum engine_brand brand;
	char executable[sizeof(((struct door *)0)->executable)];
	bool foreign_program;
	struct told_daemon told;
	struct listening sockets[LISTENING_MAX];
	int socket_count; /* negative: they could not be seen */
};

struct scanning {
	struct scan *scan;
	int watches;
	struct units_streams units;
	struct stat init_root;
	bool has_root_dockerd;
	char *data; /* FILE_MAX bytes */
	uint32_t users[PROCESSES_MAX];
	unsigned int user_count;
};

bool scan_name_counts(const char *name)
{
	static const char *const names[] = {
		"docker.sock",	   "podman",	    "podman.sock",     "user",
		"daemon.json",	   "docker.socket", "docker.socket.d", "podman.socket",
		"podman.socket.d",
	};
	size_t size = strlen(name), suffix = strlen(".conf");

	if (!name[strspn(name, "0123456789")])
		return *name;
	return bytes_are_any(bytes_of(name), names, COUNT(names)) ||
	       (size > suffix && !strcmp(name + size - suffix, ".conf"));
}

static void watch_directory(const struct scanning *scanning, const char *path)
{
	_close_ int fd = scanning->watches < 0 ? -1 : hostfiles_open(path);

	if (fd < 0)
		return;
	broker_watch(scanning->watches, fd, DIRECTORY_EVENTS);
}

/* --- doors ------------------------------------------------------------------------------------ */

static struct door *find_door(struct scan *scan, const struct door *wanted)
{
	for (unsigned int i = 0; i < scan->count; i++) {
		struct door *door = &scan->doors[i];

		if (door->tcp == wanted->tcp &&
		    (door->tcp ? !strcmp(door->text, wanted->text) && door->pid == wanted->pid
			       : door->device == wanted->device && door->inode == wanted->inode))
			return door;
	}
	return NULL;
}

static bool has_room(const struct scan *scan, uint32_t uid)
{
	unsigned int own = 0, users = 0;

	for (unsigned int i = 0; i < scan->count; i++) {
		own += scan->doors[i].uid == uid;
		users += scan->doors[i].uid != 0;
	}
	return scan->count < SCAN_DOORS_MAX &&
	       (!uid || (own < SCAN_DOORS_OF_USER_MAX && users < SCAN_DOORS_OF_USERS_MAX));
}

static void put_door(struct scan *scan, const struct door *door)
{
	struct door *known = find_door(scan, door);
	unsigned int found = known ? known->found : 0;
	char text[sizeof(known->text)];

	if (!known && !has_room(scan, door->uid)) {
		scan->left_out++;
		return;
	}
	if (!known)
		known = &scan->doors[scan->count++];
	if (!found || (door->pid && !known->pid)) {
		memcpy(text, found ? known->text : door->text, sizeof(text));
		*known = *door;
		memcpy(known->text, text, sizeof(text)); /* the first one that led there */
	}
	known->found |= found | door->found;
	known->listens |= door->listens;
}

static void set_process(struct door *door, const struct engine_process *process)
{
	door->pid = process->pid;
	door->uid = process->uid;
	door->start = process->start;
	door->brand = process->brand;
	memcpy(door->executable, process->executable, sizeof(door->executable));
	door->foreign_program = process->foreign_program;
}

/* Opens (O_PATH) the socket at PATH, and sets DOOR's text to its path without links. STRAIGHT: links
 * do not count. */
static int open_node(const char *path, bool straight, struct door *door)
{
	struct hostfiles_place place = {"/proc/1/root", "/proc/1/mountinfo"};
	_free_ struct hostfiles_end *end = malloc(sizeof(*end));
	_close_ int fd = -1;

	if (!end)
		return -1;
	fd = hostfiles_walk(&place, path, NULL, end);
	if (fd == -ESRCH) {
		place = (struct hostfiles_place){"/", "/proc/self/mountinfo"};
		fd = hostfiles_walk(&place, path, NULL, end);
	}
	if (fd < 0 || !end->whole || end->missing || strlen(end->done) >= sizeof(door->text) ||
	    (straight && strcmp(end->done, path) != 0))
		return -1;
	snprintf(door->text, sizeof(door->text), "%s", end->done);
	return take_fd(fd);
}

/* Adds the socket at PATH, if there is one. PROCESS NULL: whose it is, its node says. OWNER: whom
 * it must belong to, unless that is 0. */
static void put_path(struct scanning *scanning, const char *path, unsigned int found,
		     const struct engine_process *process, uint32_t owner)
{
	struct door door = {.found = found, .listens = process != NULL};
	_close_ int fd = open_node(path, owner, &door);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) || !S_ISSOCK(status.st_mode) ||
	    (owner && status.st_uid != owner))
		return;
	door.device = status.st_dev;
	door.inode = status.st_ino;
	door.uid = status.st_uid;
	if (process)
		set_process(&door, process);
	else if (bytes_are(bytes_basename(bytes_of(path)), "podman.sock"))
		door.brand = BRAND_PODMAN;
	put_door(scanning->scan, &door);
}

/* --- processes -------------------------------------------------------------------------------- */

static enum engine_brand brand_of(const char *executable)
{
	const char *name = strrchr(executable, '/');

	if (!name)
		return BRAND_UNKNOWN;
	if (!strncmp(name + 1, DOCKERD, strlen(DOCKERD)))
		return BRAND_DOCKER;
	return !strcmp(name + 1, PODMAN) || !strcmp(name + 1, PODMAN " (deleted)") ? BRAND_PODMAN
										   : BRAND_UNKNOWN;
}

static bool has_root_of_host(const struct scanning *scanning, int process)
{
	struct stat status;

	return !broker_stat(process, "root", &status, 0) &&
	       status.st_dev == scanning->init_root.st_dev &&
	       status.st_ino == scanning->init_root.st_ino;
}

static struct bytes read_process(struct scanning *scanning, int process, const char *name)
{
	ssize_t size = proc_read(process, name, scanning->data, FILE_MAX);

	return (struct bytes){scanning->data, size > 0 ? (size_t)size : 0};
}

/* Reads the configuration file at PATH, below the root of PROCESS. -ENOENT: there is none. */
static int read_config(struct scanning *scanning, int process, const char *path,
		       struct told_daemon *told)
{
	struct open_how how = {
		.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	_close_ int root =
		process < 0 ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)
			    : broker_open(process, "root", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	_close_ int fd = root < 0 ? -1 : broker_openat2(root, path, &how);
	struct stat status;
	size_t size = 0;
	ssize_t got = 1;

	if (fd < 0 || fstat(fd, &status))
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	while (size < FILE_MAX && (got = read(fd, scanning->data + size, FILE_MAX - size)) > 0)
		size += (size_t)got;
	return told_take_config(told, (struct bytes){scanning->data, size}) ? 0 : -EINVAL;
}

/* What a process of root was told. The memory of another user's may be locked by that user. */
static void ask_told(struct scanning *scanning, struct engine_process *process)
{
	struct told_daemon *told = &process->told;

	if (process->brand == BRAND_PODMAN) {
		told_take_podman(told, read_process(scanning, process->directory, "cmdline"));
		return;
	}
	told_take_environment(told, read_process(scanning, process->directory, "environ"));
	told_take_dockerd(told, read_process(scanning, process->directory, "cmdline"));
	read_config(scanning, process->directory, told->config[0] ? told->config : CONFIG, told);
}

/* Whether somebody else than root can have written the program of PROCESS. */
static bool is_foreign_program(int process)
{
	struct stat status;

	return broker_stat(process, "exe", &status, 0) || status.st_uid || status.st_mode & 022;
}

static unsigned int found_by_path(const struct scanning *scanning,
				  const struct engine_process *process, const char *path)
{
	const struct told_host *host = told_find_path(&process->told, path);
	unsigned int found = RECORD_FOUND_PROCESS;

	if (host)
		found |= host->in_file ? RECORD_FOUND_FILE : RECORD_FOUND_ARGUMENT;
	if (units_have_path(&scanning->units, path))
		found |= RECORD_FOUND_UNIT;
	return found;
}

/* Whether a dockerd listens at PATH for its own purposes. */
static bool is_inner_socket(const char *path)
{
	return strstr(path, "/libnetwork/") || strstr(path, "/plugins/") ||
	       strstr(path, "/metrics.sock");
}

/* Whether PORT is none of the API: of metrics, of a swarm. */
static bool is_other_port(const struct told_daemon *told, unsigned int port)
{
	return (told->metrics[0] && told_port(told->metrics) == port) || port == 2377 ||
	       port == 7946;
}

static void put_port(struct scanning *scanning, const struct engine_process *process,
		     const struct listening *socket)
{
	const struct told_host *host = told_find_port(&process->told, socket->port);
	struct door door = {
		.tcp = true,
		.found = RECORD_FOUND_PROCESS,
		.listens = true,
		.tls = process->uid ? TOLD_TLS_UNKNOWN : told_tls(&process->told),
	};

	if (!host && is_other_port(&process->told, socket->port))
		return;
	if (host)
		door.found |= host->in_file ? RECORD_FOUND_FILE : RECORD_FOUND_ARGUMENT;
	if (units_have_port(&scanning->units, socket->port))
		door.found |= RECORD_FOUND_UNIT;
	snprintf(door.text, sizeof(door.text), "%s", socket->text);
	set_process(&door, process);
	put_door(scanning->scan, &door);
}

/* The sockets of PROCESS could not be seen: takes what it was told. */
static void put_told(struct scanning *scanning, const struct engine_process *process)
{
	for (unsigned int i = 0; i < process->told.host_count; i++) {
		const struct told_host *host = &process->told.hosts[i];
		const char *at = strstr(host->text, "://");
		struct door door = {
			.tcp = true,
			.found = host->in_file ? RECORD_FOUND_FILE : RECORD_FOUND_ARGUMENT,
			.tls = told_tls(&process->told),
			.unconfirmed = true,
		};

		if (at && !strncmp(host->text, "unix", 4))
			put_path(scanning, at + 3, door.found, process, 0);
		if (!at || strncmp(host->text, "tcp", 3) != 0)
			continue;
		snprintf(door.text, sizeof(door.text), "%.*s", (int)sizeof(door.text) - 1, at + 3);
		set_process(&door, process);
		put_door(scanning->scan, &door);
	}
}

static void put_process(struct scanning *scanning, const struct engine_process *process)
{
	for (int i = 0; i < process->socket_count; i++) {
		const struct listening *socket = &process->sockets[i];

		if (socket->tcp)
			put_port(scanning, process, socket);
		else if (!is_inner_socket(socket->text))
			put_path(scanning, socket->text,
				 found_by_path(scanning, process, socket->text), process,
				 process->uid);
	}
	if (process->socket_count < 0)
		put_told(scanning, process);
}

/* Whether one more process of UID may be looked at. */
static bool may_look(struct scanning *scanning, uint32_t uid)
{
	unsigned int own = 0, users = 0;

	for (unsigned int i = 0; i < scanning->user_count; i++) {
		own += scanning->users[i] == uid;
		users += scanning->users[i] != 0;
	}
	if (scanning->user_count == PROCESSES_MAX ||
	    (uid && (own == PROCESSES_OF_USER_MAX || users == PROCESSES_OF_USERS_MAX))) {
		scanning->scan->left_out++;
		return false;
	}
	scanning->users[scanning->user_count++] = uid;
	return true;
}

static void look_at_process(struct scanning *scanning, uint32_t pid, int directory)
{
	struct engine_process process = {.directory = directory, .pid = pid};
	char executable[PATH_MAX];
	ssize_t size = broker_readlink(directory, "exe", executable, sizeof(executable) - 1);
	struct stat status;
	uint64_t ticks;

	executable[size > 0 ? size : 0] = '\0';
	process.brand = brand_of(executable);
	if (!process.brand || fstat(directory, &status))
		return;
	process.uid = status.st_uid;
	if ((!process.uid && !has_root_of_host(scanning, directory)) ||
	    !may_look(scanning, process.uid))
		return;
	ticks = proc_start_ticks(directory);
	process.start = ticks * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
	snprintf(process.executable, sizeof(process.executable), "%.*s",
		 (int)sizeof(process.executable) - 1, executable);
	process.foreign_program = process.uid || is_foreign_program(directory);
	if (!process.uid)
		ask_told(scanning, &process);
	if (process.brand == BRAND_PODMAN && !process.uid && !process.told.service)
		return;
	scanning->has_root_dockerd |= !process.uid && process.brand == BRAND_DOCKER;
	process.socket_count = listening_find(pid, directory, process.sockets);
	if (ticks &&
	    proc_start_ticks(directory) == ticks) /* it is that process, and has not ended */
		put_process(scanning, &process);
}

static void look_at_processes(struct scanning *scanning)
{
	_closedir_ DIR *directory = broker_opendir(AT_FDCWD, "/proc");
	const struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		_close_ int process = isdigit((unsigned char)entry->d_name[0])
					      ? openat(dirfd(directory), entry->d_name,
						       O_RDONLY | O_DIRECTORY | O_CLOEXEC)
					      : -1;

		if (process >= 0)
			look_at_process(scanning, (uint32_t)atoi(entry->d_name), process);
	}
}

/* --- paths ------------------------------------------------------------------------------------ */

/* What a dockerd will be told that does not run. */
static void look_at_config(struct scanning *scanning)
{
	struct told_daemon told = {0};

	if (scanning->has_root_dockerd || read_config(scanning, -1, CONFIG, &told))
		return;
	for (unsigned int i = 0; i < told.host_count; i++)
		if (!strncmp(told.hosts[i].text, "unix://", strlen("unix://")))
			put_path(scanning, told.hosts[i].text + strlen("unix://"),
				 RECORD_FOUND_FILE, NULL, 0);
}

/* Those that callerd was told of go by the paths that it was told. */
static void look_at_configured(struct scanning *scanning, const char *const *sockets)
{
	for (; *sockets; sockets++) {
		struct door door = {.found = RECORD_FOUND_CONFIGURED};
		_close_ int fd = open_node(*sockets, false, &door);
		struct stat status;

		if (fd < 0 || fstat(fd, &status) || !S_ISSOCK(status.st_mode))
			continue;
		snprintf(door.text, sizeof(door.text), "%s", *sockets);
		door.device = status.st_dev;
		door.inode = status.st_ino;
		door.uid = status.st_uid;
		put_door(scanning->scan, &door);
	}
}

static void look_at_usual(struct scanning *scanning)
{
	for (size_t i = 0; i < COUNT(usual_paths); i++)
		put_path(scanning, usual_paths[i], RECORD_FOUND_USUAL, NULL, 0);
	for (unsigned int i = 0; i < scanning->units.count; i++)
		if (scanning->units.list[i][0] == '/')
			put_path(scanning, scanning->units.list[i], RECORD_FOUND_UNIT, NULL, 0);
}

static void look_at_users(struct scanning *scanning)
{
	_closedir_ DIR *directory = broker_opendir(AT_FDCWD, USERS);
	const struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		const char *name = entry->d_name;
		uint32_t uid = (uint32_t)strtoul(name, NULL, 10);
		char path[LISTENING_SIZE];

		if (name[strspn(name, "0123456789")] || strlen(name) > 10)
			continue;
		snprintf(path, sizeof(path), USERS "/%.10s", name);
		watch_directory(scanning, path);
		snprintf(path, sizeof(path), USERS "/%.10s/podman", name);
		watch_directory(scanning, path);
		for (size_t i = 0; uid && i < COUNT(rootless_names); i++) {
			snprintf(path, sizeof(path), USERS "/%.10s/%s", name, rootless_names[i]);
			put_path(scanning, path, RECORD_FOUND_ROOTLESS, NULL, uid);
		}
	}
}

/* Where systemd listens on TCP for an engine that does not run. */
static void look_at_systemd(struct scanning *scanning)
{
	struct engine_process systemd = {.pid = 1, .brand = BRAND_DOCKER};
	_close_ int directory = -1;

	for (unsigned int i = 0; i < scanning->units.count && directory < 0; i++)
		if (scanning->units.list[i][0] != '/')
			directory = proc_open(1, 0);
	if (directory < 0)
		return;
	systemd.socket_count = listening_find(1, directory, systemd.sockets);
	read_config(scanning, -1, CONFIG, &systemd.told);
	snprintf(systemd.executable, sizeof(systemd.executable), "systemd");
	for (int i = 0; i < systemd.socket_count; i++) {
		const struct listening *socket = &systemd.sockets[i];
		bool held = false;

		for (unsigned int j = 0; j < scanning->scan->count; j++)
			held |= scanning->scan->doors[j].tcp && !scanning->scan->doors[j].uid &&
				!strcmp(scanning->scan->doors[j].text, socket->text);
		if (socket->tcp && !held && units_have_port(&scanning->units, socket->port))
			put_port(scanning, &systemd, socket);
	}
}

/* --- who listens where no engine is known ------------------------------------------------------ */

/* A user can write lines of its own into this file, by a path with a line feed: all that a user can
 * bring about by that is that a door counts as one where somebody listens. */
static void note_listeners(struct scan *scan)
{
	_fclose_ FILE *file =
		broker_fopen("/proc/1/net/unix") ?: fopen("/proc/self/net/unix", "re");
	char line[512], path[256];
	unsigned int flags;

	while (file && fgets(line, sizeof(line), file)) {
		const char *text = path;

		if (sscanf(line, "%*x: %*x %*x %x %*x %*x %*u %255s", &flags, path) != 2 ||
		    !(flags & 1u << 16))
			continue;
		if (!strncmp(path, "/var/run/", strlen("/var/run/")))
			text += strlen("/var");
		for (unsigned int i = 0; i < scan->count; i++)
			if (!scan->doors[i].tcp && !strcmp(scan->doors[i].text, text))
				scan->doors[i].listens = true;
	}
}

static bool is_listening_unsure(const struct scan *scan)
{
	for (unsigned int i = 0; i < scan->count; i++)
		if (!scan->doors[i].listens)
			return true;
	return false;
}

void scan_host(struct scan *ret, const char *const *sockets, int watches)
{
	struct units_streams podman;
	struct scanning scanning = {
		.scan = ret,
		.watches = watches,
		.data = malloc(FILE_MAX),
	};

	*ret = (struct scan){0};
	if (!scanning.data || (broker_stat(AT_FDCWD, "/proc/1/root", &scanning.init_root, 0) &&
			       stat("/", &scanning.init_root))) {
		free(scanning.data);
		return;
	}
	for (size_t i = 0; i < COUNT(watched_directories); i++)
		watch_directory(&scanning, watched_directories[i]);
	units_read("", "docker.socket", &scanning.units);
	units_read("", "podman.socket", &podman);
	for (unsigned int i = 0; i < podman.count && scanning.units.count < UNITS_STREAMS_MAX; i++)
		memcpy(scanning.units.list[scanning.units.count++], podman.list[i],
		       UNITS_STREAM_SIZE);
	look_at_configured(&scanning, sockets);
	look_at_processes(&scanning);
	look_at_config(&scanning);
	look_at_usual(&scanning);
	look_at_users(&scanning);
	look_at_systemd(&scanning);
	if (is_listening_unsure(ret))
		note_listeners(ret);
	free(scanning.data);
}
