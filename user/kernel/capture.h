/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel side, seen from user space: loads and attaches the best backend, hands over its raw
 * events, and answers what only the kernel knows. */
#ifndef CALLERD_CAPTURE_H
#define CALLERD_CAPTURE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "callerd/event.h"
#include "kernel/accounts.h"

struct capture;

enum capture_backend { CAPTURE_AUTO, CAPTURE_TRAMPOLINE, CAPTURE_TRACEPOINT };

struct capture_options {
	enum capture_backend backend;
	uint32_t callers_size, payload_size; /* bytes of the rings; powers of two, page multiples */
	uint32_t connections;		     /* entries of the connection table */
	uint64_t request_budget, response_budget; /* bytes copied per turn */
	bool own_calls; /* this process' own connections are seen as those of others */
	void *data;
	/* One raw event, unchecked. Called from capture_drain(). */
	void (*event)(void *data, const void *event, size_t size);
};

/* Loads and attaches the programs of the best backend; nothing is watched yet. 0, or -errno with a
 * sentence for a person in REASON. On success REASON says why this backend. Free with
 * capture_close(). */
int capture_open(const struct capture_options *options, struct capture **ret, char *reason,
		 size_t reason_size);

void capture_close(struct capture *capture);

/* "trampoline" or "tracepoint". */
const char *capture_backend_name(const struct capture *capture);

#define CAPTURE_NAMES_MAX 8

/* What stands at the path of a socket: its names, which are more than one where it is a symlink, and its node. */
struct capture_look {
	unsigned int count; /* 0: .error says why */
	int error;
	struct {
		char directory[PATH_MAX]; /* without symlinks as far as it exists */
		char base[CALLERD_ADDRESS_MAX + 4];
		int fd; /* O_PATH, of the directory; negative: it does not exist */
	} names[CAPTURE_NAMES_MAX];
	int node; /* O_PATH; negative: none */
};

/* Looks at PATH (absolute). Whoever has a directory on the way decides how long that takes. End it with
 * capture_look_close(). */
void capture_look(const char *path, struct capture_look *ret);
void capture_look_close(struct capture_look *look);

/* Makes the kernel watch the socket that LOOK is of, under INDEX (below 64), by its path, by its name in its directory
 * where that exists, and by its node where that exists; to be repeated as directories and nodes come and go. Asks
 * nobody. 0 or -errno. */
int capture_watch(struct capture *capture, uint32_t index, const struct capture_look *look);

/* How the kernel tells the open (O_PATH will do) file from all others. 0 or -errno. */
int capture_identify(struct capture *capture, int fd, struct callerd_node_key *ret);

/* The watched socket that an open (O_PATH will do) file is, by the kernel's own matching rules.
 * Returns its index, or -ENOENT. */
int capture_match(struct capture *capture, int fd);

/* As capture_match() for a name that does not exist in the directory open as FD. */
int capture_match_name(struct capture *capture, int fd, const char *name);

/* As capture_match() for an absolute path without links or dots, as the agent sees it, whose directory need not
 * exist. No file system is asked. */
int capture_match_path(struct capture *capture, const char *path);

/* File descriptors to poll for input: the two rings. */
void capture_fds(const struct capture *capture, int fds[2]);

/* Hands over what waits by now, callers before the payload that refers to them. Returns whether there was
 * anything, or -errno. */
int capture_drain(struct capture *capture);

/* Asks to be woken by the next event; drain once more afterwards, before sleeping. */
void capture_sleep(struct capture *capture);

/* Hands over what waits in the callers ring only. */
void capture_drain_callers(struct capture *capture);

/* Stops the copying of a connection in the given directions (CALLERD_MUTE_ bits). */
void capture_mute(struct capture *capture, uint64_t connection, uint32_t directions);

/* Forgets a connection's mute mark. */
void capture_unmute(struct capture *capture, uint64_t connection);

/* What was counted of RET->connection, which is over. -ENOENT: nothing is known of it any more. */
int capture_totals(struct capture *capture, struct callerd_totals *ret);

/* Calls SEEN for each connection of this network namespace whose daemon's end still lives.
 * 0 or -errno. */
int capture_living(struct capture *capture, void (*seen)(void *data, uint64_t connection),
		   void *data);

/* Tells what became known of accounts since the last call. NOW: ns of CLOCK_BOOTTIME. */
void capture_accounts(struct capture *capture, uint64_t now, const struct accounts_calls *calls);

/* Calls SEEN for each process. 0 or -errno. */
int capture_processes(struct capture *capture,
		      void (*seen)(void *data, const struct callerd_process *process), void *data);

/* Tells the kernel the arguments of an image that is older than the agent: SIZE bytes, at most
 * CALLERD_ARGV_MAX, TRUNCATED or not. They are copied. What the kernel knows already stays. */
void capture_keep_args(struct capture *capture, uint64_t image, const char *args, size_t size,
		       bool truncated);

/* The arguments, with their secrets, that the process of PID that started at START got at its exec: the bytes
 * written to ARGS, or -ENOENT. No look at /proc. */
ssize_t capture_args(struct capture *capture, uint32_t pid, uint64_t start,
		     char args[CALLERD_ARGV_MAX], bool *ret_truncated);

/* What the kernel side lost since the start, of accounts as of the last capture_accounts(), per enum callerd_loss, and in MISSED how often a program did
 * not run because it was running already on that CPU. */
void capture_losses(struct capture *capture, uint64_t losses[CALLERD_LOSS_MAX], uint64_t *missed);

#endif
