/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel programs, seen from user space: loads and attaches the best backend, hands over its
 * raw events, and answers questions that only the kernel can. */
#ifndef CALLERD_CAPTURE_H
#define CALLERD_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "callerd/event.h"
#include "kernel/accounts.h"
#include "kernel/actors.h"
#include "kernel/doors.h"
#include "kernel/watches.h"

struct capture;

enum capture_backend { CAPTURE_AUTO, CAPTURE_TRAMPOLINE, CAPTURE_TRACEPOINT };

struct capture_options {
	enum capture_backend backend;
	uint32_t callers_size, payload_size; /* bytes of the rings; powers of two, page multiples */
	uint32_t connections;		     /* entries of the connection table */
	uint64_t request_budget, response_budget; /* bytes copied per turn */
	bool own_calls;		    /* the agent's own connections are reported like all others */
	const char *const *sockets; /* NULL-terminated: the paths by index */
	bool grows;		    /* capture_keep_socket() adds to them */
	bool ports;		    /* listeners on TCP may be watched, see doors.h */
	const char *pin;     /* directory that keeps the programs beyond the agent; NULL: none */
	uint64_t away_limit; /* ns without an agent from which on nothing is copied */
	void *data;
	/* Called for each raw event, which is unchecked, from capture_drain(). */
	void (*event)(void *data, const void *event, size_t size);
};

/* Goes on with the programs that an earlier agent left, where they are what this one would load;
 * else loads and attaches those of the best backend, which watch no socket yet. 0, or -errno with a
 * sentence for a person in REASON; -EBUSY: another agent has the directory. On success REASON says
 * why this backend was chosen, and what became of the pins. Free with capture_close(): what is
 * pinned goes on. */
int capture_open(const struct capture_options *options, struct capture **ret, char *reason,
		 size_t reason_size);

void capture_close(struct capture *capture);

/* Whether an LSM gives processes labels (/proc/PID/attr/current). */
bool capture_has_labels(void);

/* How the programs came to run. */
enum capture_beginning {
	CAPTURE_BEGUN,	  /* they were loaded, and nothing was left */
	CAPTURE_TAKEN,	  /* they ran already */
	CAPTURE_REPLACED, /* others ran, which were detached */
};

enum capture_beginning capture_beginning(const struct capture *capture);

/* CAPTURE_REPLACED: how many connections were open, which the new programs do not know. */
uint64_t capture_left_connections(const struct capture *capture);

/* Why nothing is pinned, although it was asked for; NULL: it is, or was not. */
const char *capture_unpinned(const struct capture *capture);

/* Memory that outlives the agent, where the programs are pinned. It stays after capture_close(): the
 * threads of outputs count in it to their end. */
struct callerd_legacy *capture_legacy(struct capture *capture);

/* The highest id of a connection that an earlier agent may have seen; 0: there was none. */
uint64_t capture_left_last(const struct capture *capture);

/* CAPTURE_TAKEN: until when the earlier agent may have read the rings, in ns of CLOCK_BOOTTIME; all later events come to this
 * one, or are counted as lost. 0: not known. */
uint64_t capture_left_at(const struct capture *capture);

bool capture_is_pinned(const struct capture *capture);

/* Keeps who sends on a connection, for an agent that takes over after this one was killed. EVENT came from the ring, and is sound.
 * Does nothing where nothing is pinned. */
void capture_keep_sender(struct capture *capture, const struct callerd_event_header *event);
void capture_forget_sender(struct capture *capture, uint64_t connection);

/* Calls TAKE for each SENDER event that is kept, which is unchecked. */
void capture_take_senders(struct capture *capture, void *data,
			  void (*take)(void *data, const void *event, size_t size));

/* Tells the next agent by HANDED how far CONNECTION was read. */
void capture_hand_over(struct capture *capture, uint64_t connection,
		       const struct callerd_handed *handed,
		       const struct callerd_handed_http2 *http2);

/* Calls TAKE for each connection that was handed over, once. */
void capture_take_handed(struct capture *capture, void *data,
			 void (*take)(void *data, uint64_t connection,
				      const struct callerd_handed *handed,
				      const struct callerd_handed_http2 *http2));

/* Keeps that the socket of INDEX is KEPT, which was found, for an agent that takes over. */
void capture_keep_socket(struct capture *capture, uint32_t index,
			 const struct callerd_kept_socket *kept);

/* CAPTURE_TAKEN: the socket of INDEX that an earlier agent found. False: there is none. */
bool capture_kept_socket(struct capture *capture, uint32_t index, struct callerd_kept_socket *ret);

/* A number that changes when a program was started that is called an engine, or a socket begins to
 * listen on TCP. */
uint64_t capture_started(const struct capture *capture);

/* A sign of life: to be given once a second. */
void capture_beat(struct capture *capture);

/* The agent reads no more: from here on the rings wait for the next one, and senders are told again. Where the agent is
 * killed the kernel notices it itself. */
void capture_leave(struct capture *capture);

/* "trampoline" or "tracepoint". */
const char *capture_backend_name(const struct capture *capture);

/* Describes processes by their PID. It belongs to CAPTURE. */
struct actors *capture_actors(struct capture *capture);

/* The listeners on TCP that are watched. They belong to CAPTURE. */
struct doors *capture_doors(struct capture *capture);

/* What is watched. It belongs to CAPTURE. */
struct watches *capture_watches(struct capture *capture);

/* File descriptors to poll for input: the two rings. */
void capture_fds(const struct capture *capture, int fds[2]);

/* Hands over the events that wait in the rings by now, callers before the payload that refers to
 * them. Returns whether there were any, or -errno. */
int capture_drain(struct capture *capture);

/* The end of what waits in the payload ring by now; one capture_drain() may leave some of it there. */
uint64_t capture_mark(const struct capture *capture);
bool capture_has_before(const struct capture *capture, uint64_t mark);

/* Asks the kernel programs to wake the reader at the next event. The reader must drain once more
 * after this call, before it sleeps. */
void capture_sleep(struct capture *capture);

/* Hands over the events that wait in the callers ring. */
void capture_drain_callers(struct capture *capture);

/* Stops the copying of a connection in the given directions (CALLERD_MUTE_ bits). */
void capture_mute(struct capture *capture, uint64_t connection, uint32_t directions);

/* Forgets a connection's mute mark. */
void capture_unmute(struct capture *capture, uint64_t connection);

/* Gives up what the kernel programs keep of the frames of a connection, which is over. */
void capture_forget_session(struct capture *capture, uint64_t connection);

/* Reads the totals of RET->connection, which is over. -ENOENT: the kernel programs do not know it
 * any more. */
int capture_totals(struct capture *capture, struct callerd_totals *ret);

/* Gives up what the kernel programs keep of the frames of connections that the last capture_living() did not find, or that the
 * programs themselves do not know any more. */
void capture_drop_sessions(struct capture *capture);

/* Calls SEEN for each connection of this network namespace whose socket on the daemon's side still
 * lives. 0 or -errno. */
int capture_living(struct capture *capture, void (*seen)(void *data, uint64_t connection),
		   void *data);

/* Calls SEEN for each connection, by an address that tells it from all others that live, that the last capture_living() found
 * and no program saw: it is older than they are, or its hook did not fire. CALLERD_UNSEEN_MAX at most. */
void capture_unseen(struct capture *capture, void (*seen)(void *data, uint64_t address),
		    void *data);

/* A descriptor for capture_probe(), to be closed; or -errno. */
int capture_probe_open(const struct capture *capture);

/* From here on the connections of THREAD (of callerd or its broker) are reported like those of others; 0: of none any more. May
 * be called in any thread, FD being its own. 0 or -errno. */
int capture_probe(int fd, uint32_t thread);

/* Reports the counts of accounts since the last call. NOW: ns of CLOCK_BOOTTIME. */
void capture_accounts(struct capture *capture, const struct accounts_calls *calls);

/* Calls SEEN for each process. 0 or -errno. */
int capture_processes(struct capture *capture,
		      void (*seen)(void *data, const struct callerd_process *process), void *data);

/* Gives the kernel programs the arguments of an image that is older than the agent: SIZE bytes, at
 * most CALLERD_ARGV_MAX, TRUNCATED or not. They are copied. Arguments that the kernel programs know
 * already stay. */
void capture_keep_args(struct capture *capture, uint64_t image, const char *args, size_t size,
		       bool truncated);

/* Reads the arguments, with their secrets, that the process PID, which started at START, got at its
 * exec. Returns the bytes written to ARGS, or -ENOENT. /proc is not read. */
ssize_t capture_args(struct capture *capture, uint32_t pid, uint64_t start,
		     char args[CALLERD_ARGV_MAX], bool *ret_truncated);

/* Describes the programs that are attached, MAX at most; returns how many. */
struct capture_program {
	const char *name; /* as long as CAPTURE lives */
	uint64_t runs, run_time,
		missed; /* by the kernel, since the program was loaded; run_time in ns */
	bool detached;
};

#define CAPTURE_PROGRAMS_MAX 32
unsigned int capture_programs(const struct capture *capture,
			      struct capture_program ret[CAPTURE_PROGRAMS_MAX]);

/* Calls TELL for each map. */
void capture_list_maps(const struct capture *capture,
		       void (*tell)(void *data, const char *name, const char *type,
				    uint32_t entries),
		       void *data);

/* Has the kernel count the runs of all BPF programs of this machine, and their time, until the agent ends. 0 or -errno. */
int capture_count_runs(struct capture *capture);

/* What waits in a ring, in bytes, and how many have room. */
void capture_ring(const struct capture *capture, enum callerd_ring ring, uint64_t *ret_waiting,
		  uint64_t *ret_size);

/* Reads the losses of the kernel programs since the start per enum callerd_loss (those of accounts
 * as of the last capture_accounts()), and in MISSED how often a program did not run because it was
 * running already on that CPU. */
void capture_losses(struct capture *capture, uint64_t losses[CALLERD_LOSS_MAX], uint64_t *missed);

#endif
