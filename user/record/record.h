/* SPDX-License-Identifier: Apache-2.0 */
/* The attributed record, before it is written in a format. It borrows everything it points to: a record
 * lives as long as the call that hands it over. */
#ifndef CALLERD_RECORD_H
#define CALLERD_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/text.h"
#include "http/method.h"
#include "process/caller.h"
#include "record/cause_kind.h"
#include "record/engine_action.h"
#include "record/finding.h"
#include "record/login.h"
#include "record/operation.h"

enum record_action {
	RECORD_AGENT_STARTED,
	RECORD_AGENT_STOPPED,
	RECORD_AGENT_STATUS,
	RECORD_SOCKET_CONNECTED,
	RECORD_SOCKET_REFUSED,
	RECORD_API_REQUEST,
	RECORD_DOCKER_EVENT,
	RECORD_RECORDS_LOST,
	RECORD_API_STARTED,	   /* a request that was not answered at once */
	RECORD_API_ENDED,	   /* one that went on for a while after its answer's head */
	RECORD_SOCKET_CHANGED,	   /* a socket's node, or a directory above it */
	RECORD_ACCESS_CHANGED,	   /* what else decides who may use a socket */
	RECORD_ENGINE_UNREACHABLE, /* callerd may not connect to a socket where an engine may listen */
	RECORD_AGENT_RELOADED,	   /* another configuration is in force, or was refused */
	RECORD_ENGINE_REACHED,	   /* it did, after an engine-unreachable */
	RECORD_ENGINE_FOUND,	   /* a door of an engine: its socket, or its TCP port */
	RECORD_ENGINE_GONE,	   /* nobody listens there any more */
	RECORD_SELF_TEST, /* callerd tried whether it sees a call of its own, and where that was written */
	RECORD_ACTION_MAX,
	/* Not among those above, as it is no record but a line of an output's own: what records behind it name as their caller. */
	RECORD_CALLER_SEEN = RECORD_ACTION_MAX,
};

/* Why a record does not tell everything; bits of record.incomplete. */
enum record_incomplete {
	/* The message has more bytes than are copied per turn. */
	RECORD_INCOMPLETE_BUDGET = 1 << 0,
	/* Bytes were lost on the way from the kernel. */
	RECORD_INCOMPLETE_LOST = 1 << 1,
	/* The bytes are not HTTP as the daemon reads it: record.http.parse_error. */
	RECORD_INCOMPLETE_UNPARSED = 1 << 2,
	/* The message was found again after a gap. */
	RECORD_INCOMPLETE_RESYNCHRONISED = 1 << 3,
	/* The sender is taken from the order of events alone. */
	RECORD_INCOMPLETE_SENDER_UNCONFIRMED = 1 << 4,
	/* More than one process sent the bytes. */
	RECORD_INCOMPLETE_SENDERS = 1 << 5,
	/* The connect itself was not seen. */
	RECORD_INCOMPLETE_CONNECTOR_LOST = 1 << 6,
	/* The agent stopped before the answer. */
	RECORD_INCOMPLETE_AGENT_STOPPED = 1 << 7,
	/* The connection was evicted for want of room. */
	RECORD_INCOMPLETE_EVICTED = 1 << 8,
	/* The daemon's buffer could not be read. */
	RECORD_INCOMPLETE_UNREADABLE = 1 << 9,
	/* One of several processes sent it: record.candidates. */
	RECORD_INCOMPLETE_SENDER_AMBIGUOUS = 1 << 10,
	/* The kernel programs could not tell the sender of it, or of a part of it. */
	RECORD_INCOMPLETE_SENDER_LOST = 1 << 11,
	/* The body was still on its way. */
	RECORD_INCOMPLETE_UNFINISHED = 1 << 12,
	/* It happened while the agent was away. */
	RECORD_INCOMPLETE_AGENT_AWAY = 1 << 13,
};

/* Who is behind a caller that runs in a container. */
enum record_maker_kind {
	MAKER_CREATED, /* the container */
	MAKER_STARTED, /* it, the last time */
	MAKER_EXEC,    /* the exec that the caller is the process of, or comes from */
	MAKER_BEHIND,  /* at the end: MAKER_EXEC, or who is behind that one */
	RECORD_MAKERS,
};

/* By a request, and what its caller is. */
struct record_maker {
	const struct caller *caller; /* NULL: nobody is known */
	struct bytes event_id;	     /* of the request's api-request */
	struct bytes container_name; /* that this caller runs in */
	enum cause_basis basis;
	/* Who is at the end behind this caller, in a container, and by which request. NULL: nobody is known. */
	const struct caller *behind;
	struct bytes behind_id;
};

/* Whether it is known whose request a relay passed on. */
enum relayed_certainty {
	RELAYED_NONE, /* nothing is known of a relay */
	RELAYED_CERTAIN,
	RELAYED_LIKELY,
	RELAYED_UNKNOWN, /* it is of one of several, or it may be of somebody else than the caller */
};

/* What of it was compared with what the relay was asked, or why there may be somebody. */
enum relayed_basis {
	RELAYED_BY_NOTHING,
	RELAYED_BY_REQUEST,
	RELAYED_BY_HEAD,
	/* Nothing was compared: the caller serves others. */
	RELAYED_BY_LISTENING,
	RELAYED_BY_ACCEPTED,   /* a connection that it was begun with */
	RELAYED_BY_CONNECTION, /* nor was it here: the connection was upgraded for somebody */
};

/* Who asked a relay for what it then asked an engine for. */
struct record_relayed {
	enum relayed_certainty certainty;
	enum relayed_basis basis;
	const struct caller *caller; /* NULL: not known */
	unsigned int
		askers; /* that asked for the same; of several, which one .caller is is not known, only their user */
	/* Over TCP: from where; empty, 0: not known. */
	char source[46];
	uint32_t source_port;
};

/* How much a record tells: each tells less than the one before. */
enum record_level {
	LEVEL_FULL,
	LEVEL_REQUEST,	/* nothing of what is above the process */
	LEVEL_METADATA, /* nor of what the request's content says */
	LEVEL_NONE,	/* it is counted only */
	RECORD_LEVELS,
};

/* The ends of a connection over TCP. */
struct record_tcp {
	char source[46], destination[46]; /* "10.1.2.3" */
	uint32_t source_port, destination_port;
	bool tls; /* what is said there cannot be read */
};

struct record_connection {
	uint64_t id;	     /* 0: no connection */
	struct bytes socket; /* path as configured, or "tcp://127.0.0.1:2375" */
	bool preexisting;
	uint64_t request;	      /* 1, 2, 3 … on this connection; 0: not a request */
	const struct record_tcp *tcp; /* NULL: a Unix socket */
	const char *basis;	      /* of TCP: what says who calls */
};

/* How the server of a socket differs from the usual one. The last one that applies counts. */
enum server_change {
	SERVER_SAME, /* the usual server, or the same one started anew */
	SERVER_OTHER_UNIT,
	SERVER_UNKNOWN, /* the server is gone, or cannot be looked at */
	SERVER_OTHER_EXECUTABLE,
	SERVER_OTHER_USER,
};

/* The process that called listen() on a watched socket. data NULL or size 0: not known. */
struct record_server {
	uint32_t pid, uid;
	uint64_t start; /* ns of CLOCK_BOOTTIME; 0: the process is gone */
	struct bytes executable, unit;
	enum server_change change;
	uint32_t usual_uid;
	struct bytes usual_executable, usual_unit;
};

struct record_http {
	bool http2;			   /* a stream of HTTP/2 */
	bool grpc;			   /* a call of gRPC */
	struct bytes service, method_name; /* of it */
	struct bytes namespace;		   /* the same: of containerd's, that it is about */
	int outcome;			   /* grpc-status; GRPC_UNKNOWN */
	bool begun;	   /* of what follows it: there was a record of its beginning */
	bool by_engine;	   /* the engine asks, over the connection that the caller gave it */
	int version_minor; /* else HTTP/1.x; -1: unknown */
	struct bytes method;
	enum method verb;    /* the same */
	struct bytes target; /* as sent */
	bool target_truncated;
	struct bytes mime_type;
	struct bytes user_agent;
	bool has_request_bytes, has_response_bytes, has_duration;
	uint64_t request_bytes; /* of the body */
	uint64_t
		response_bytes; /* of the body, as far as it was seen when the record was written */
	int status;		/* 0: no response seen */
	bool upgraded;		/* the connection speaks HTTP/2 since this answer */
	bool status_unsure;	/* the status may come from another response's content */
	uint64_t duration;	/* ns, first byte of the request to the head of the response */
	const char *parse_error; /* for a person; NULL: none */
	struct bytes
		failure; /* that the engine told of behind an answer of 200, masked; none: not */
	unsigned int anomalies; /* HTTP1_ANOMALY_* */
};

enum record_end {
	RECORD_END_NONE,	  /* the stream goes on, or there is none */
	RECORD_END_COMPLETE,	  /* it came to its end */
	RECORD_END_CLIENT,	  /* the client closed the connection */
	RECORD_END_DAEMON,	  /* the daemon did */
	RECORD_END_RESET,	  /* the connection was torn down */
	RECORD_END_AGENT_STOPPED, /* what came later is not known */
	RECORD_END_EVICTED,	  /* likewise, for want of room */
	RECORD_END_UNKNOWN,
	RECORD_ENDS,
};

/* How a stream ended: api-request-ended. */
struct record_stream {
	enum record_end end_reason;
	bool has_request_bytes, has_response_bytes;
	uint64_t request_bytes, response_bytes; /* of the whole stream, heads included */
};

enum record_fact_kind {
	FACT_TEXT,
	FACT_LIST,
	FACT_COMMAND, /* a list of the words of a command: their order matters */
	FACT_TRUE,
};

/* One fact of a request's content: callerd.request.NAME, free of secrets. Facts whose names begin alike up
 * to a dot follow each other, and share an object. */
struct record_fact {
	const char *name; /* "capabilities.add": plain ASCII */
	enum record_fact_kind kind;
	struct bytes text;
	struct bytes *list;
	unsigned int count, room;
	bool cut; /* there was more */
};

/* What a POST does to its target. The method does not say it: the table of operations does. */
enum record_activity {
	ACTIVITY_UPDATE,
	ACTIVITY_CREATE,
	ACTIVITY_DELETE,
	ACTIVITY_READ,
	ACTIVITY_START,
	ACTIVITY_END,
	ACTIVITIES,
};

enum engine_brand { BRAND_UNKNOWN, BRAND_DOCKER, BRAND_PODMAN, BRAND_CONTAINERD, ENGINE_BRANDS };

/* What a request acts on. */
enum target_type {
	TARGET_NONE,
	TARGET_CONTAINER,
	TARGET_EXEC,
	TARGET_IMAGE,
	TARGET_VOLUME,
	TARGET_NETWORK,
	TARGET_PLUGIN,
	TARGET_SERVICE,
	TARGET_TASK,
	TARGET_NODE,
	TARGET_SECRET,
	TARGET_CONFIG,
	TARGET_SWARM,
	TARGET_POD,
	TARGET_TYPES,
};

/* What a request asks for. NULL, data NULL, an enum's 0: unknown, or there is none. */
struct record_api {
	enum engine_brand engine;
	struct bytes version;
	enum operation operation;
	enum record_activity activity;
	enum target_type target_type;
	struct bytes target_id, target_name, target_image;
	struct bytes
		target_labels; /* packed (docker/known/labels.h), of the container that it is, or that it is in */
	struct bytes container_id, container_name; /* of an exec */
	const struct record_fact *facts;
	unsigned int fact_count;
	const struct finding *findings; /* the gravest first */
	unsigned int finding_count;
	const enum finding_technique *techniques;
	unsigned int technique_count;
	const char *
		expected_rule; /* the rule of the configuration that expects this caller and operation; NULL: none */
};

/* An event that an engine told: docker-event. data NULL: unknown, or there is none. */
struct record_event {
	enum engine_type kind;
	enum engine_action act;
	struct bytes type, action; /* their words, also where the enums have no value for them */
	struct bytes id, name, image;
	struct bytes container_id,
		container_name; /* of a volume or a network: the container that has it */
	struct bytes exec_id;
	struct bytes command; /* of an exec; free of secrets */
	struct bytes health;  /* "healthy" */
	bool unhealthy;	      /* .health is "unhealthy" */
	struct bytes signal;  /* "15" */
	bool has_exit_code;
	int64_t exit_code;
	uint64_t time; /* ns of CLOCK_REALTIME, by the engine's clock */
	bool recovered; /* the event itself was missed: callerd concluded it from the state of the container */
};

/* The cause of an event. The caller of that request is the record's caller. */
struct record_cause {
	enum cause_kind kind;
	enum cause_basis basis;
	enum cause_reason reason; /* of CAUSE_DAEMON */
	struct bytes event_id;
	enum operation operation;
	const struct finding *findings; /* of that request, without details; the gravest first */
	unsigned int finding_count;
};

/* What was changed: socket-changed, access-changed. */
enum change_object {
	CHANGE_SOCKET,
	CHANGE_DIRECTORY, /* above a socket */
	CHANGE_MEMBERS,	  /* of a socket's group, and the accounts with UID 0 */
	CHANGE_SUDOERS,
	CHANGE_CONFIGURATION, /* of an engine */
	CHANGE_UNIT,	      /* of systemd, of an engine */
	CHANGE_PROGRAM,	      /* of an engine */
	CHANGE_OBJECTS,
};

/* How it was changed; bits of record_change.what. */
enum change_what {
	CHANGE_CREATED = 1 << 0,
	CHANGE_DELETED = 1 << 1,
	CHANGE_MOVED = 1 << 2,	  /* it is gone from its path */
	CHANGE_REPLACED = 1 << 3, /* another file stands at its path */
	CHANGE_MOUNTED = 1 << 4,  /* a mount covers it, or does not any more */
	CHANGE_MODE = 1 << 5,
	CHANGE_OWNER = 1 << 6,
	CHANGE_GROUP = 1 << 7,
	CHANGE_ACL = 1 << 8,
	CHANGE_LABEL = 1 << 9,
	CHANGE_CONTENT = 1 << 10,
	CHANGE_MEMBER = 1 << 11,
	/* It was touched, and is as it was before: perhaps it was something else in between. */
	CHANGE_TOUCHED = 1 << 12,
};

struct record_access {
	bool known;   /* the rest is set: there is such a file */
	char mode[8]; /* "0660" */
	uint32_t uid, gid;
	struct bytes acl, label;
};

struct record_change {
	enum change_object object;
	struct bytes path;
	unsigned int what; /* enum change_what */
	struct record_access before, after;
	struct bytes group;		     /* of CHANGE_MEMBERS */
	const struct bytes *added, *removed; /* its members */
	unsigned int added_count, removed_count;
	uint32_t pid; /* of the process that made the change, where nothing else of it is known */
};

/* How a door of an engine was found; bits of record_engine.found. */
enum record_found {
	RECORD_FOUND_CONFIGURED = 1 << 0, /* callerd was told of it */
	RECORD_FOUND_USUAL = 1 << 1,	  /* at the path that engines have unless told otherwise */
	RECORD_FOUND_ROOTLESS = 1 << 2,	  /* the same of a user's own */
	RECORD_FOUND_PROCESS = 1 << 3,	  /* the process of an engine listens there */
	RECORD_FOUND_ARGUMENT = 1 << 4,	  /* its command line says so */
	RECORD_FOUND_FILE = 1 << 5,	  /* daemon.json does */
	RECORD_FOUND_UNIT = 1 << 6,	  /* a socket unit of systemd does */
};

/* A door of an engine: engine-found, engine-gone. What the engine says of itself is its own word. NULL, data NULL: not
 * known, or there is none. */
struct record_engine {
	struct bytes address; /* "unix:///run/docker.sock", "tcp://[::]:2375" */
	unsigned int found;   /* enum record_found */
	bool watched;
	const char *unwatched;	/* why it is not */
	const char *tls;	/* of TCP: what clients have to show */
	bool foreign_program;	/* others than root can have written the program that listens */
	bool unconfirmed;	/* the engine was told so: what it does could not be seen */
	const char *unanswered; /* why the engine has not said what follows */
	enum engine_brand brand;
	struct bytes version, api_version, root_directory, cgroup_driver;
	const struct bytes *plugins, *security; /* authorization plugins, security options */
	unsigned int plugin_count, security_count;
	bool rootless, userns_remap, live_restore;
};

/* A key of callerd.status, with its dots. No key is the beginning of another one up to a dot: a SIEM may read dots as
 * objects. */
struct record_counter {
	const char *name; /* "records", "lost.ring-full-connects" …: plain ASCII, no quotes */
	uint64_t value;
};

/* An output that records go to. */
struct record_output {
	const char *name;     /* as configured: file:/var/log/callerd.ndjson */
	const char *seal_key; /* the public key of the first seal of its chain; NULL: no chain */
	/* agent-status, agent-stopped */
	uint64_t waiting, written, lost;
	const char
		*trouble; /* why nothing can be written to it now; NULL: nothing is known of that */
	const char *outcome; /* self-test: "written", "filtered", "lost", "waiting" */
};

/* A kernel program that is attached. The counts are the kernel's, since the program was loaded. */
struct record_program {
	const char *name;
	uint64_t runs, run_time; /* ns; 0: the kernel was not asked to keep count */
	uint64_t missed;	 /* times that it did not run, as it ran already on that CPU */
	bool detached;		 /* somebody took it off its hook */
};

enum record_engine_state {
	ENGINE_NOT_ASKED, /* callerd was told not to */
	ENGINE_ABSENT,	  /* nobody listens */
	ENGINE_UNREACHABLE,
	ENGINE_REACHED,
	ENGINE_STATES,
};

/* The engine behind a watched socket. */
struct record_watched {
	const char *socket;
	enum record_engine_state state;
	int error; /* of ENGINE_UNREACHABLE: positive errno */
};

struct record {
	enum record_action action;
	enum record_level level; /* set by the writer of the stream */
	uint64_t time;		 /* ns of CLOCK_BOOTTIME */
	uint64_t sequence;	 /* set by the writer of the stream */
	struct bytes
		id; /* event.id, as record_add_id() makes it; data NULL: of time and sequence */
	const struct caller *caller; /* NULL: none, or unknown */
	/* Of an output that tells what its caller is in a line before the record: the id of that line; data NULL: the record tells
	 * it itself. */
	struct bytes caller_id;
	const struct caller *connector; /* NULL: the caller itself, or unknown */
	/* api-request: the processes that sent parts of it; where the caller is NULL, one of them sent it. */
	const struct caller *const *candidates;
	unsigned int candidate_count;
	bool candidates_cut; /* there were more */
	uint64_t described;  /* when the caller was described: ns of CLOCK_BOOTTIME; 0: at .time */
	struct record_connection connection;
	const struct record_server *
		server; /* socket-connected: the server differs from the usual one; engine-found, -gone: who listens; NULL: neither */
	struct bytes
		request_id; /* http.request.id, which the records of a request share; data NULL: event.id */
	struct record_http http;	    /* api-request-* */
	struct record_api api;		    /* api-request-*; of a docker-event the engine alone */
	struct record_stream stream;	    /* api-request-ended */
	struct record_event event;	    /* docker-event */
	struct record_cause cause;	    /* docker-event */
	struct record_change change;	    /* socket-changed, access-changed */
	const struct record_engine *engine; /* engine-found, engine-gone */
	struct bytes container_name, container_image; /* that the caller runs in */
	struct bytes container_labels;		      /* of that, packed */
	struct record_maker makers[RECORD_MAKERS];
	struct record_relayed
		relayed; /* api-request-*; .certainty 0: its caller is no relay, as far as is known */
	unsigned int incomplete; /* enum record_incomplete bits */
	int error;		 /* socket-refused, engine-unreachable: positive errno */
	struct bytes address;	 /* socket-refused: the path that the caller gave */
	/* socket-refused: how many refusals the record stands for; 0: it is of one. */
	uint64_t refused_count;
	uint64_t refused_first, refused_last; /* ns of CLOCK_BOOTTIME */
	struct bytes
		refused_name; /* the last component of their paths, where the socket is not known */
	/* How many equal ones the record stands for, of which each was told whole within the hour before; 0: it is of one. */
	uint64_t fold_count, fold_first, fold_last; /* ns of CLOCK_BOOTTIME */
	uint64_t fold_different;   /* how many of them are not equal to any other one of them */
	uint64_t fold_connections; /* connects that came with them, which have no records */
	uint64_t account;	   /* CALLERD_ACCOUNT() that is charged, where there is no caller */
	const char *lost_reason;   /* records-lost: of .account, or of all */
	uint64_t lost_count;	   /* records-lost */
	bool lost_refused; /* the same: all of them are of connects that were refused, so that nobody got in */
	const char *lost_output;    /* records-lost: the one that did not get them; NULL: all */
	const char *backend;	    /* agent-started */
	const char *backend_reason; /* agent-started */
	const char *const *sockets; /* agent-started: NULL-terminated */
	const char *reload_refused; /* agent-reloaded: why all is as it was; NULL: it is not */
	/* agent-reloaded: what has to wait for a restart; NULL-terminated */
	const char *const *reload_restart;
	const char *test_fault; /* self-test: what is wrong; NULL: nothing */
	uint64_t test_unseen;	/* self-test: connections that no kernel program saw */
	/* agent-started, agent-reloaded; agent-status, agent-stopped; self-test */
	const struct record_output *outputs;
	unsigned int output_count;
	/* agent-status, agent-stopped */
	const struct record_counter *counters;
	unsigned int counter_count;
	const struct record_program *programs;
	unsigned int program_count;
	const struct record_watched *engines;
	unsigned int engine_count;
};

/* Whether RECORD is one of the records of an API request. */
static inline bool record_is_request(const struct record *record)
{
	return record->action == RECORD_API_STARTED || record->action == RECORD_API_REQUEST ||
	       record->action == RECORD_API_ENDED;
}

/* What the host knows that a record does not carry. Names are looked up through callbacks so that this
 * library does no I/O; a callback returns false where there is no name and may be NULL. */
struct record_context {
	const char *host_name;
	const char *host_id; /* made of the machine's, and of callerd's own; NULL: none is known */
	const char *boot_id; /* as in /proc/sys/kernel/random/boot_id */
	const char *agent_version;
	const char *run_id;   /* agent.ephemeral_id */
	int64_t boot_to_real; /* ns to add to CLOCK_BOOTTIME for CLOCK_REALTIME */
	uint32_t mnt_ns;      /* inode number of the host's mount namespace; 0: unknown */
	void *data;
	bool (*user_name)(void *data, uint32_t uid, char *name, size_t size);
	bool (*group_name)(void *data, uint32_t gid, char *name, size_t size);
	/* whether the answer to the question for the name is still to come */
	bool (*user_asked)(void *data, uint32_t uid);
	void *login_data;
	/* Where the login of CALLER came from; NULL: it has none, or nothing is known of it. Sets *RET_ASKED to whether that is being
	 * looked up. */
	const struct login *(*login)(void *data, const struct caller *caller, bool *ret_asked);
	/* The SHA-256 of what CALLER executes, in hexadecimal: 64 digits and a NUL. False: not known, or not yet. */
	bool (*digest)(void *data, const struct caller *caller, char ret[65]);
	uint64_t names; /* changes with each name, login and digest that comes in */
};

/* BOOT_TIME (ns of CLOCK_BOOTTIME) as ns since 1970; 0 where that would be before. */
static inline uint64_t record_time(const struct record_context *context, uint64_t boot_time)
{
	return clock_real(context->boot_to_real, boot_time);
}

/* Adds an event.id, which sorts by time: REAL (ns of CLOCK_REALTIME), the run, KIND and NUMBER, which together
 * are unique within the run. KIND 0: the number is the record's sequence. */
void record_add_id(struct text *out, const struct record_context *context, uint64_t real, char kind,
		   uint64_t number);

/* Appends RECORD to OUT as one line of JSON in ECS, with its newline. 0 or -ENOMEM. */
int ecs_write(const struct record *record, const struct record_context *context, struct text *out);

/* The same with each field that docs/record.md has, also those that others say as well. */
int ecs_write_whole(const struct record *record, const struct record_context *context,
		    struct text *out);

/* As ecs_write(), but what its caller is, the line of RECORD.caller_id tells: an ecs_write() of RECORD_CALLER_SEEN. */
int ecs_write_reference(const struct record *record, const struct record_context *context,
			struct text *out);

/* Appends RECORD to OUT as one line for a person, with its newline. 0 or -ENOMEM. */
int human_write(const struct record *record, const struct record_context *context,
		struct text *out);

#endif
