// SPDX-License-Identifier: Apache-2.0
#include "login/login_look.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "broker/broker.h"
#include "host/proc.h"
#include "login/logind.h"
#include "login/utmp.h"

#define DESCRIPTORS_MAX 64 /* of sshd, that are looked at */
#define PROCESSES_MAX 32768
/* Inode numbers of the host's own, as the kernel has them (PROC_PID_INIT_INO, PROC_CGROUP_INIT_INO). */
#define HOSTS_PIDS "pid:[4026531836]"
#define HOSTS_CGROUPS "cgroup:[4026531835]"

static void keep_word(char *to, size_t size, struct bytes from)
{
	if (from.size >= size)
		from.size = size - 1;
	if (from.size)
		memcpy(to, from.data, from.size);
	to[from.size] = '\0';
}

/* --- addresses -------------------------------------------------------------------------------- */

/* An IPv4 address within IPv6 is told as the one that it is. */
static void write_address(char ret[INET6_ADDRSTRLEN], bool v6, const void *number)
{
	const struct in6_addr *wide = number;

	if (v6 && IN6_IS_ADDR_V4MAPPED(wide))
		inet_ntop(AF_INET, &wide->s6_addr[12], ret, INET6_ADDRSTRLEN);
	else
		inet_ntop(v6 ? AF_INET6 : AF_INET, number, ret, INET6_ADDRSTRLEN);
}

/* Whether TEXT is an address, which is written to RET as all are. fe80::1%eth0 is one, too. */
static bool login_read_address(struct bytes text, char ret[INET6_ADDRSTRLEN])
{
	const char *zone = text.size ? memchr(text.data, '%', text.size) : NULL;
	char own[INET6_ADDRSTRLEN];
	struct in6_addr number;
	bool v6;

	if (zone)
		text.size = (size_t)(zone - text.data);
	if (!text.size || text.size >= sizeof(own) || memchr(text.data, '\0', text.size))
		return false;
	keep_word(own, sizeof(own), text);
	v6 = strchr(own, ':') != NULL;
	if (inet_pton(v6 ? AF_INET6 : AF_INET, own, &number) != 1)
		return false;
	write_address(ret, v6, &number);
	return true;
}

static void login_contradict(struct login *login, const char *who, const char *what)
{
	if (login->contradiction_count < LOGIN_CONTRADICTIONS_MAX)
		snprintf(login->contradictions[login->contradiction_count++],
			 LOGIN_CONTRADICTION_SIZE, "%s: %s", who, what);
}

/* What else stands for a host there is none: whoever may write utmp writes anything. */
static bool is_host_name(struct bytes text)
{
	if (!text.size || !isalnum((unsigned char)text.data[0]))
		return false;
	for (size_t i = 1; i < text.size; i++)
		if (!isalnum((unsigned char)text.data[i]) &&
		    (!text.data[i] || !strchr("-._", text.data[i])))
			return false;
	return true;
}

/* WHO says that the login is from HOST, an address or a name. */
static void take_told_host(struct login *login, const char *who, struct bytes host)
{
	char address[INET6_ADDRSTRLEN];

	if (!login_read_address(host, address)) {
		if (is_host_name(host) && !login->host[0] && !login->contradiction_count)
			keep_word(login->host, sizeof(login->host), host);
		return;
	}
	if (!login->address[0])
		memcpy(login->address, address, sizeof(address));
	else if (strcmp(login->address, address) != 0)
		login_contradict(login, who, address);
}

/* --- the connection --------------------------------------------------------------------------- */

static bool is_tcp(const struct broker_socket *socket)
{
	return socket->is_socket && socket->type == SOCK_STREAM && !socket->accepts &&
	       (socket->address.ss_family == AF_INET || socket->address.ss_family == AF_INET6);
}

/* The session may have come by it, and not by TCP; or by TCP, and that is over. */
static bool hides_the_other_end(const struct broker_socket *socket)
{
	return socket->is_socket && ((socket->size && socket->address.ss_family == AF_VSOCK) ||
				     (is_tcp(socket) && !socket->peer_size));
}

static bool names_socket(int directory, const char *name)
{
	char text[16] = "";

	return isdigit((unsigned char)name[0]) &&
	       broker_readlink(directory, name, text, sizeof(text) - 1) > 0 &&
	       !strncmp(text, "socket:", strlen("socket:"));
}

static bool same_peer(const struct broker_socket *a, const struct broker_socket *b)
{
	return a->peer_size == b->peer_size && !memcmp(&a->peer, &b->peer, a->peer_size);
}

/* Finds the other end of the connection of sshd. Where its user is root it is one process with him, and has the connections that he
 * asked it for as well: of several none is told, nor where one of them may be what is left of the session's own. */
static bool find_other_end(uint32_t pid, int process, struct broker_socket *ret)
{
	_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	_closedir_ DIR *directory = pidfd < 0 ? NULL : broker_opendir(process, "fd");
	const struct dirent *entry;
	bool found = false;
	int looked = 0;

	while (directory && (entry = readdir(directory))) {
		struct broker_socket socket;

		if (!names_socket(dirfd(directory), entry->d_name))
			continue;
		if (looked++ == DESCRIPTORS_MAX)
			return false;
		if (broker_socket(pidfd, atoi(entry->d_name), &socket) ||
		    hides_the_other_end(&socket))
			return false;
		if (!is_tcp(&socket))
			continue;
		if (found && !same_peer(&socket, ret))
			return false;
		found = true;
		*ret = socket;
	}
	return found;
}

/* PROCESS, PID's directory in /proc, is sshd's. */
static void take_other_end(uint32_t pid, int process, struct login *login)
{
	struct broker_socket socket;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&socket.peer;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&socket.peer;

	/* The directory is that process's for good; what the PID led to is so while it lives. */
	if (!find_other_end(pid, process, &socket) || !proc_start_ticks(process))
		return;
	if (socket.peer.ss_family == AF_INET6)
		write_address(login->address, true, &v6->sin6_addr);
	else
		write_address(login->address, false, &v4->sin_addr);
	login->port = ntohs(socket.peer.ss_family == AF_INET6 ? v6->sin6_port : v4->sin_port);
	login->basis |= 1u << LOGIN_BY_CONNECTION;
}

/* --- the program that logged in --------------------------------------------------------------- */

static bool is_in_mounts(int process, uint32_t mnt_ns)
{
	char link[32] = "", wanted[32];

	snprintf(wanted, sizeof(wanted), "mnt:[%u]", mnt_ns);
	return broker_readlink(process, "ns/mnt", link, sizeof(link) - 1) > 0 &&
	       !strcmp(link, wanted);
}

static bool is_file(int process, const char *path)
{
	_close_ int fd = broker_open(process, "exe", O_PATH | O_CLOEXEC, 0);
	struct stat own, hosts;

	return fd >= 0 && !fstat(fd, &own) && !broker_stat(AT_FDCWD, path, &hosts, 0) &&
	       own.st_dev == hosts.st_dev && own.st_ino == hosts.st_ino;
}

/* A container may have the host's files in its mounts. Of the host's namespaces these are callerd's own. */
static bool is_in_namespaces_of_host(int process)
{
	static const char *const places[] = {"/proc/self/ns/net", "/proc/self/ns/pid",
					     "/proc/self/ns/user"};
	char own[32], wanted[32];

	for (size_t i = 0; i < COUNT(places); i++) {
		ssize_t size = broker_readlink(AT_FDCWD, places[i], wanted, sizeof(wanted));

		if (size <= 0 ||
		    broker_readlink(process, places[i] + strlen("/proc/self/"), own, sizeof(own)) !=
			    size ||
		    memcmp(own, wanted, (size_t)size) != 0)
			return false;
	}
	return true;
}

/* The service of the program that PROCESS executes, where it is the host's: it is that file, or it was there, in the host's mounts,
 * as after an upgrade. NULL: it is none. */
static const char *find_service(int process, uint32_t mnt_ns, struct bytes *ret_file)
{
	static const char deleted[] = " (deleted)";
	char path[128];
	ssize_t size = broker_readlink(process, "exe", path, sizeof(path) - 1);
	const char *service;
	char *end;

	if (size <= 0)
		return NULL;
	path[size] = '\0';
	end = strstr(path, deleted);
	if (end && !end[strlen(deleted)])
		*end = '\0';
	service = login_service_of(bytes_of(path), ret_file);
	if (service && !is_in_mounts(process, mnt_ns) &&
	    !(is_file(process, path) && is_in_namespaces_of_host(process)))
		return NULL;
	return service;
}

static uint32_t session_of(int process)
{
	char text[16] = "";

	if (proc_read(process, "sessionid", text, sizeof(text) - 1) <= 0)
		return CALLERD_UNSET_ID;
	return (uint32_t)strtoul(text, NULL, 10);
}

/* Whether it has root's rights: its real, its effective or its saved user is root. */
static bool has_root_rights(int process)
{
	char text[1024] = "";
	unsigned int real, effective, saved;
	const char *line;

	if (proc_read(process, "status", text, sizeof(text) - 1) <= 0)
		return false;
	line = strstr(text, "\nUid:");
	return line && sscanf(line, "\nUid: %u %u %u", &real, &effective, &saved) == 3 &&
	       (!real || !effective || !saved);
}

static uint32_t parent_of(int process)
{
	char text[1024] = "";
	const char *line;

	if (proc_read(process, "status", text, sizeof(text) - 1) <= 0)
		return 0;
	line = strstr(text, "\nPPid:");
	return line ? (uint32_t)strtoul(line + strlen("\nPPid:"), NULL, 10) : 0;
}

/* Whether SESSION began with PROCESS, which logged somebody in: its parent has another one. A daemon that somebody started by hand
 * has his session, and neither a connection nor a terminal that he came by. */
static bool began_session(int process, uint32_t session, const struct login *login)
{
	uint32_t pid = parent_of(process);
	_close_ int parent = pid ? proc_open(pid, 0) : -1;

	if (!(login->basis & 1u << LOGIN_BY_CONNECTION) && strcmp(login->service, "login") != 0)
		return false;
	return session != CALLERD_UNSET_ID && session_of(process) == session && parent >= 0 &&
	       session_of(parent) != session;
}

/* PROCESS is that of PID. */
static void take_leader(const struct login_question *question, uint32_t pid, uint64_t start,
			int process, struct login_found *ret)
{
	struct login *login = &ret->login;
	struct bytes file;
	const char *service = find_service(process, question->mnt_ns, &file);

	if (!service || !has_root_rights(process))
		return;
	ret->start = start;
	login->basis |= 1u << LOGIN_BY_PROCESS;
	keep_word(login->service, sizeof(login->service), bytes_of(service));
	login->leader =
		(struct process){.pid = pid, .name = bytes_basename(file), .executable = file};
	if (!strcmp(service, "sshd"))
		take_other_end(pid, process, login);
	ret->owns = began_session(process, question->key.session, login);
}

/* --- of whose session the caller is ----------------------------------------------------------- */

/* Whether NAME, in /proc, is the process of a program of the host's that logged in and has this session. */
static int open_leader(const struct login_question *question, const char *name)
{
	uint32_t pid = (uint32_t)strtoul(name, NULL, 10);
	_close_ int process = -1;
	struct bytes file;

	if (!isdigit((unsigned char)name[0]))
		return -1;
	process = proc_open(pid, 0);
	if (process < 0 || session_of(process) != question->key.session ||
	    !has_root_rights(process) || !find_service(process, question->mnt_ns, &file))
		return -1;
	return take_fd(process);
}

/* The kernel tells the session of each process: the first one that logged in with this one is its leader, if it began it. */
static void search_leader(const struct login_question *question, struct login_found *ret)
{
	_closedir_ DIR *directory = broker_opendir(AT_FDCWD, "/proc");
	uint64_t tick = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK), first = UINT64_MAX;
	_close_ int leader = -1;
	const struct dirent *entry;
	uint32_t pid = 0;
	unsigned int looked = 0;

	while (directory && (entry = readdir(directory))) {
		_close_ int process = open_leader(question, entry->d_name);
		uint64_t ticks = process < 0 ? 0 : proc_start_ticks(process);

		if (looked++ == PROCESSES_MAX)
			return;
		if (!ticks || ticks >= first)
			continue;
		cleanup_close(&leader);
		leader = take_fd(process);
		pid = (uint32_t)strtoul(entry->d_name, NULL, 10);
		first = ticks;
	}
	if (leader >= 0)
		take_leader(question, pid, first * tick, leader, ret);
	if (ret->owns)
		ret->login.basis |= 1u << LOGIN_BY_SESSION;
	else
		*ret = (struct login_found){0};
}

static void look_above(const struct login_question *question, struct login_found *ret)
{
	const struct login_key *key = &question->key;
	struct login *login = &ret->login;
	_close_ int process = -1;

	if (key->manager) {
		login->basis |= 1u << LOGIN_BY_UNIT;
		keep_word(login->service, sizeof(login->service), bytes_of("systemd-user"));
		login->leader = (struct process){.pid = key->leader, .start = key->leader_start};
		ret->start = key->leader_start;
	} else if (key->leader) {
		process = proc_open(key->leader, key->leader_start);
		if (process >= 0)
			take_leader(question, key->leader, key->leader_start, process, ret);
		if (login->leader.pid)
			login->leader.start = key->leader_start;
	} else if (question->searches) {
		search_leader(question, ret);
	}
}

/* --- logind ----------------------------------------------------------------------------------- */

/* Whether the namespace of ours at PATH is WANTED. */
static bool login_is_in(const char *path, const char *wanted)
{
	char link[32] = "";

	return broker_readlink(AT_FDCWD, path, link, sizeof(link) - 1) > 0 && !strcmp(link, wanted);
}

/* Reads at most SIZE bytes of the file at PATH. Returns how many, or -errno. */
static ssize_t read_login_file(const char *path, char *data, size_t size)
{
	_close_ int fd = broker_open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	struct stat info;
	ssize_t got, total = 0;

	if (fd < 0 || fstat(fd, &info))
		return -errno;
	if (!S_ISREG(info.st_mode))
		return -EINVAL;
	while ((size_t)total < size && (got = read(fd, data + total, size - total)) > 0)
		total += got;
	return total;
}

static bool read_logind_session(const char *id, char text[LOGIND_FILE_MAX],
				struct logind_session *ret)
{
	char path[sizeof(LOGIND_SESSIONS) + LOGIN_WORD_SIZE];
	ssize_t size;

	if (!id[0] || strspn(id, "0123456789abcdefghijklmnopqrstuvwxyz") != strlen(id))
		return false;
	snprintf(path, sizeof(path), LOGIND_SESSIONS "/%s", id);
	size = read_login_file(path, text, LOGIND_FILE_MAX);
	return size > 0 && logind_read((struct bytes){text, (size_t)size}, ret);
}

static bool still_lives(uint32_t pid, uint64_t start)
{
	_close_ int process = proc_open(pid, start);

	return process >= 0;
}

/* Whether SESSION is the one of KEY. By the session of audit, which the kernel has and logind is told; else by the cgroup, in which a
 * login within a login stays. KEY's is of the host's cgroups: where we are in a container, logind has another c1. */
static bool is_same_session(const struct login_key *key, const struct logind_session *session)
{
	if (session->audit != CALLERD_UNSET_ID && key->session != CALLERD_UNSET_ID)
		return session->audit == key->session;
	return key->scope[0] && login_is_in("/proc/self/ns/cgroup", HOSTS_CGROUPS) &&
	       (!key->leader ||
		(session->leader == key->leader && still_lives(key->leader, key->leader_start)));
}

static void take_logind(const struct login_key *key, const char *id,
			const struct logind_session *session, struct login *login)
{
	char user[16];

	login->basis |= 1u << LOGIN_BY_LOGIND;
	keep_word(login->id, sizeof(login->id), bytes_of(id));
	if (!login->service[0])
		keep_word(login->service, sizeof(login->service), session->service);
	if (!login->leader.pid)
		login->leader.pid = session->leader;
	keep_word(login->terminal, sizeof(login->terminal), session->terminal);
	login->time = session->time;
	login->ended = session->closing;
	take_told_host(login, "logind", session->host);
	if (key->user != CALLERD_UNSET_ID && session->user != key->user) {
		snprintf(user, sizeof(user), "user %u", session->user);
		login_contradict(login, "logind", user);
	}
}

static void look_at_logind(const struct login_key *key, struct login *login)
{
	char text[LOGIND_FILE_MAX], id[LOGIN_WORD_SIZE];
	struct logind_session session;

	memcpy(id, key->scope, sizeof(id));
	if (!id[0] && key->session != CALLERD_UNSET_ID)
		snprintf(id, sizeof(id), "%u", key->session);
	if (read_logind_session(id, text, &session) && is_same_session(key, &session))
		take_logind(key, id, &session, login);
}

/* --- utmp ------------------------------------------------------------------------------------- */

/* sshd enters the address, which is compared with the connection's; programs that enter what their user says have none. */
static void take_utmp(const struct utmp_login *found, struct login *login)
{
	char address[INET6_ADDRSTRLEN];

	if (login->basis & 1u << LOGIN_BY_CONNECTION && !found->has_address)
		return;
	login->basis |= 1u << LOGIN_BY_UTMP;
	if (!login->time)
		login->time = found->time;
	if (!login->terminal[0])
		keep_word(login->terminal, sizeof(login->terminal), found->terminal);
	if (found->has_address) {
		write_address(address, found->v6, found->address);
		take_told_host(login, "utmp", bytes_of(address));
	}
	take_told_host(login, "utmp", found->host);
}

/* Adds PID, unless another process has it now. */
static void add_living(const struct login_question *question, uint32_t pid, uint64_t start,
		       struct utmp_process *processes, unsigned int *count)
{
	if (pid && start && still_lives(pid, start))
		processes[(*count)++] =
			(struct utmp_process){pid, clock_real(question->boot_to_real, start)};
}

/* Where the connection is not known, of sshd nothing is believed: whoever logged in may have had another address entered for it. */
static bool may_ask_utmp(const struct login *login)
{
	return login->basis & 1u << LOGIN_BY_CONNECTION ||
	       (login->basis & 1u << LOGIN_BY_PROCESS && !strcmp(login->service, "login"));
}

static void look_at_utmp(const struct login_question *question, struct login_found *ret)
{
	struct utmp_process processes[CALLERD_ANCESTORS_MAX + 2];
	unsigned int count = 0;
	_free_ char *text = malloc(UTMP_SIZE_MAX);
	struct utmp_login found;
	ssize_t size = -ENOMEM;

	if (text)
		size = read_login_file(UTMP_PATH, text, UTMP_SIZE_MAX);
	if (text && size < 0)
		size = read_login_file(UTMP_OLD_PATH, text, UTMP_SIZE_MAX);
	/* Those that live now had their PIDs when the file was read. */
	for (unsigned int i = 0; i < question->above_count; i++)
		add_living(question, question->above[i].pid, question->above[i].start, processes,
			   &count);
	add_living(question, ret->login.leader.pid, ret->start, processes, &count);
	if (size > 0 && utmp_find((struct bytes){text, (size_t)size}, processes, count, &found))
		take_utmp(&found, &ret->login);
}

/* --- all of it -------------------------------------------------------------------------------- */

bool login_look_ended(const struct login_found *found)
{
	const struct login *login = &found->login;
	_close_ int leader = -1;
	char text[LOGIND_FILE_MAX];
	struct logind_session session;

	if (login->leader.pid && found->start) {
		leader = proc_open(login->leader.pid, found->start);
		/* One that cannot be looked at has not ended for that. */
		if (leader == -ESRCH || leader == -ENOENT)
			return true;
	}
	return login->id[0] && read_logind_session(login->id, text, &session) && session.closing;
}

void login_look(const struct login_question *question, struct login_found *ret)
{
	struct login *login = &ret->login;

	*ret = (struct login_found){0};
	look_above(question, ret);
	look_at_logind(&question->key, login);
	if (may_ask_utmp(login))
		look_at_utmp(question, ret);
	if (!login->time && ret->start)
		login->time = clock_real(question->boot_to_real, ret->start);
	login->ended |= login_look_ended(ret);
	/* What else is told of processes are the host's numbers, as are the key's. */
	if (login->leader.pid != question->key.leader &&
	    !login_is_in("/proc/self/ns/pid", HOSTS_PIDS))
		login->leader = (struct process){0};
}
