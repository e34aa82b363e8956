/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that parses what others write has no privileges. What needs some, a second process does for it: the broker. Each
 * function here makes the system call of its name, and asks the broker where the kernel refuses it (EACCES, EPERM); files and
 * directories are made by the broker at once, so that they are root's. Without a broker each function is the system call alone.
 * The broker has its own view of what may be asked (broker/grants.h): a parser that somebody has taken over can ask for nothing
 * else.
 *
 * The functions return what the system calls return, with errno. They wait as long as the file system does. Any thread may call
 * them: each has a channel of its own, so that one that waits keeps no other one waiting.
 */
#ifndef CALLERD_BROKER_H
#define CALLERD_BROKER_H

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "broker/grants.h"

struct broker_options {
	/* Fills GRANTS from the configuration as it is now. Called in the broker only: at its start, and at each
	 * broker_reload(). 0 or -errno: what was granted before stays so. */
	int (*grant)(void *data, struct grants *grants);
	void *data;
};

/* Starts the broker. To be called with all privileges and before the first thread. 0 or -errno. It ends when this process
 * does. */
int broker_start(const struct broker_options *options);

/* The broker's PID; 0: none was started. */
pid_t broker_pid(void);

/* Whether the broker that was started has ended. */
bool broker_has_ended(void);

/* Has the broker look at the configuration again. 0 or -errno. */
int broker_reload(void);

/* As openat(), openat2() and so on. A path below /proc/self/fd means the descriptor of this process. */
int broker_open(int at, const char *path, int flags, mode_t mode);
int broker_openat2(int at, const char *path, const struct open_how *how);
int broker_stat(int at, const char *path, struct stat *ret, int flags);
ssize_t broker_readlink(int at, const char *path, char *ret, size_t size);
int broker_rename(int at, const char *from, const char *to);
int broker_unlink(int at, const char *path, int flags);
int broker_mkdir(const char *path, mode_t mode);
int broker_chmod(int fd, mode_t mode);
int broker_chgrp(int fd, gid_t group);
DIR *broker_opendir(int at, const char *path);
FILE *broker_fopen(const char *path); /* to read */

/* Marks the directory FD for the group of fanotify, or watches it. */
int broker_mark(int fanotify, unsigned int flags, uint64_t mask, int fd);
int broker_watch(int inotify, int fd, uint32_t mask);

#define BROKER_DIGEST_SIZE 32
#define BROKER_DIGEST_MAX (256 << 20) /* bytes of a file */

/* SHA-256 of a file's content, its size in bytes, and the time of its last change (ctime), which was the same after the reading. */
struct broker_digest {
	unsigned char digest[BROKER_DIGEST_SIZE];
	uint64_t size;
	struct timespec changed;
};

/* Of the file FD (O_PATH will do), if somebody may execute it. -1: errno is EACCES where nobody may, EFBIG, ENODATA where it is empty,
 * ESTALE where it changed meanwhile, or of a system call. */
int broker_digest(int fd, struct broker_digest *ret);

/* What a descriptor of another process is. */
struct broker_socket {
	bool is_socket, accepts;
	int type;
	socklen_t size, peer_size; /* 0: there is none */
	struct sockaddr_storage address, peer;
};

/* Of descriptor NUMBER of the process PIDFD. -1: errno is that of pidfd_getfd(). */
int broker_socket(int pidfd, int number, struct broker_socket *ret);

/* A connection to the engine at PATH, which does not block, and on which it can be asked what GET asks. PEER: who listens. */
int broker_connect(const char *path, struct ucred *peer);

/* A socket that sends datagrams to PATH, and does not block. */
int broker_connect_output(const char *path);

/* Who listens at PATH. */
int broker_peer(const char *path, struct ucred *peer);

/* The thread, in the kernel's numbers, that connects for this one. */
uint32_t broker_thread(void);

#endif
