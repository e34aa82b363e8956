/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's inside, for its own files: agent.c has the loop, agent_open.c the start and the end, agent_records.c what records and
 * losses go through, agent_sockets.c the sockets that are found.
 */
#ifndef CALLERD_AGENT_PARTS_H
#define CALLERD_AGENT_PARTS_H

#include "agent/agent.h"
#include "agent/event_recorder.h"
#include "agent/granting.h"
#include "agent/losses.h"
#include "agent/outputs.h"
#include "agent/reload.h"
#include "agent/self_test.h"
#include "agent/status.h"
#include "base/clock.h"
#include "conversation/tracker.h"
#include "engine/engines.h"
#include "finder/finder.h"
#include "finder/relay_ports.h"
#include "finder/servants.h"
#include "fold/fold.h"
#include "guard/guard.h"
#include "host/elders.h"
#include "host/host.h"
#include "host/proc.h"
#include "host/programs.h"
#include "host/refused.h"
#include "host/servers.h"
#include "host/watcher.h"
#include "inquiry/inquiries.h"
#include "kernel/capture.h"
#include "login/logins.h"
#include "process/decode.h"
#include "relayed/relayed.h"
#include "state/state.h"
#include "system/beside.h"
#include "where/levels.h"

#define POLL_PAUSE (10 * NS_PER_MS) /* from one read of the rings to the next while events come */
#define SURVEY_INTERVAL (10 * NS_PER_S)

struct agent {
	struct options options;
	struct granting granting; /* the broker's copy is in use */
	/* The watched sockets by index, NULL-terminated: those of the options, then those that were
	 * found, which are owned. */
	const char *sockets[CALLERD_SOCKETS_MAX + 1];
	uint32_t owners[CALLERD_SOCKETS_MAX]; /* of the engines that were found; 0: root */
	/* Of a port, the socket of the same engine, which knows what that has; else the index itself. */
	uint32_t engine_of[CALLERD_SOCKETS_MAX];
	unsigned int socket_count, socket_room;
	unsigned int given; /* of them, by the options: those of Docker, of containerd, of relays */
	struct finder *finder; /* NULL: nothing is looked for */
	struct host *host;
	struct proc *proc;
	struct capture *capture;
	struct beside *beside;
	struct logins *logins;
	struct servants *servants;
	struct programs *programs;
	struct elders *elders;
	struct refused *refused;
	struct servers *servers;
	const struct record_server *news; /* an unusual server of the current connect; NULL: none */
	struct watcher *watcher;
	struct guard *guard; /* NULL: nothing is guarded */
	int guard_limit;     /* the one that was told */
	struct decode_detail detail;
	struct relayed *relayed;	 /* NULL: no relay is watched */
	struct relay_ports *relay_ports; /* the same */
	struct tracker *tracker;
	struct engines *engines;
	struct fold *fold;
	const struct levels *levels; /* those of the configuration in force */
	struct state *state;	     /* NULL: no state is kept */
	struct eventfile *events;
	struct outputs *outputs;
	struct reload *reload;
	struct status *status;
	struct inquiries *inquiries;
	struct self_test *self_test;
	bool test_due;	       /* one is to begin once an engine is there */
	enum exit_code tested; /* of --self-test */
	struct losses losses;
	int64_t begun; /* requests that began with the event at hand */
	uint64_t
		no_memory; /* events and records that the agent itself dropped for want of memory */
	uint64_t let_wait; /* until then requests may stay in their ring; 0: they do not */
	uint64_t last_event, last_drain, next_tick, last_status, next_survey;
	uint64_t watchdog, last_fed; /* ns: how often the manager wants to hear; 0: never */
	int signals;
	bool stop;
	bool left;	  /* the next agent reads the rings */
	bool interrupted; /* by a person at a terminal */
	bool divided;	  /* there is a broker */
	bool drained;	  /* the last look at the rings came to their end */
	char backend_reason[1024];
};

/* --- agent.c */

/* A line on stderr, if LEVEL is to be told. */
void agent_message(const struct agent *agent, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same, for parts that have DATA, the agent. */
void agent_tell_as(void *data, enum log_level level, const char *text);
void agent_tell(void *data, const char *text);

/* What the kernel programs tell, and what the parts of the agent tell of connections. DATA is the agent. */
void agent_take_event(void *data, const struct event *event, uint32_t socket);
void agent_on_unresolved(void *data, uint64_t account);
void agent_on_event(void *data, const void *bytes, size_t size);
void agent_on_mute(void *data, uint64_t connection, uint32_t bits);
void agent_on_forgotten(void *data, uint64_t connection);
void agent_on_unnoticed(void *data, uint64_t connection);
bool agent_on_totals(void *data, struct callerd_totals *ret);

/* --- agent_records.c */

/* Whether the engine at a watched socket speaks Docker's API. */
bool agent_is_docker(void *data, unsigned int socket);

/* The index of the first socket of a relay. */
unsigned int agent_first_relay(const struct agent *agent);

/* How CALLER serves others. */
enum relayed_basis agent_serves(void *data, const struct caller *caller);

/* All records go through this one: it decides how much of each is told, and puts it to the outputs. */
void agent_on_record(void *data, struct record *record);

/* A record that stands for COUNT others. */
void agent_on_folded(void *data, struct record *record, uint64_t count);

/* Writes what is told by a count. */
void agent_unfold(struct agent *agent);

/* Requests that began with the event at hand. */
void agent_on_begun(void *data, bool taken_back);
void agent_note_begun(struct agent *agent);
void agent_write_started(struct agent *agent);

/* Losses: noted where they happen, counted once a second, and told by records. */
void agent_on_output_loss(void *data, const char *output, enum sink_loss reason, uint64_t account,
			  uint64_t count);
void agent_on_evicted(void *data, uint64_t account);
void agent_count_kernel_losses(struct agent *agent);
void agent_tell_losses(struct agent *agent);
void agent_write_losses(struct agent *agent);

/* --- agent_sockets.c */

/* Takes up the sockets that an earlier agent found: what its kernel programs tell has their indices. */
void agent_inherit_sockets(struct agent *agent);

/* From now on sockets are looked for. 0 or -errno. */
int agent_open_finder(struct agent *agent);

#endif
