/* SPDX-License-Identifier: Apache-2.0 */
/*
 * callerctl access: who can reach the engines of this host now, and who did by the log. Users are compared by number: their names
 * are those of the host's name services, and other people's texts. Texts here are as they are; who prints them makes them safe.
 */
#ifndef CALLERD_ACCESS_H
#define CALLERD_ACCESS_H

#include "base/table.h"
#include "ctl/ctl.h"
#include "finder/scan.h"

#define ACCESS_SOCKETS_MAX SCAN_DOORS_MAX
#define ACCESS_GRANTS_MAX 8192
#define ACCESS_USES_MAX 8192
#define ACCESS_STEPS_MAX 16
#define ACCESS_WAYS_MAX 4
#define ACCESS_ACL_MAX 32
#define ACCESS_NAME_SIZE 80

enum access_kind {
	ACCESS_ROOT,
	ACCESS_OWNER,
	ACCESS_GROUP,
	ACCESS_ACL,
	ACCESS_EVERYBODY,
	ACCESS_SUDO,
	ACCESS_HELD,	  /* a process that has what its user has not any more */
	ACCESS_CONNECTED, /* the same of a connection */
	ACCESS_CONTAINER,
	ACCESS_TCP,
	ACCESS_CONTEXT, /* leads a user to an engine that is none of these sockets */
	ACCESS_NO_WAY,	/* somebody used it who has no way in now */
};

/* What the log has of somebody at one socket. */
struct access_key {
	char socket[LISTENING_SIZE];	  /* as the log has it */
	char container[ACCESS_NAME_SIZE]; /* its id */
	char address[48];  /* over TCP, of a process that is not known; "?": nor is that */
	uint32_t uid;	   /* of none of both */
	uint32_t elevated; /* he became somebody else first, as by sudo */
};

struct access_use {
	struct access_key key;
	char container[ACCESS_NAME_SIZE]; /* the container's name */
	char by[ACCESS_NAME_SIZE];	  /* who it was, the last time */
	uint64_t first, last;		  /* ns since 1970 */
	uint64_t requests, changes, refused, connects, expected, found;
	uint64_t days, day; /* distinct days of use; the last of them */
	enum finding_severity severity;
	char finding[48], rule[48];
	bool matched; /* a grant explains it */
	UT_hash_handle hh;
};

struct access_socket {
	char path[LISTENING_SIZE];
	uint64_t device, inode;
	uint32_t mode, uid, gid, pid;
	bool tcp, is_root; /* is_root: who reaches it is root of this host */
	enum told_tls tls;
	enum engine_brand brand;
	bool watched;		   /* by the log */
	char real[LISTENING_SIZE]; /* the path without links */
	/* The paths that lead there, the real one first, with the directories on the way, and what these let through. */
	struct access_way {
		char path[LISTENING_SIZE];
		struct access_step {
			uint32_t mode, uid, gid;
		} steps[ACCESS_STEPS_MAX];
		unsigned int step_count;
	} ways[ACCESS_WAYS_MAX];
	unsigned int way_count;
	/* Who may write by its mode and ACL. */
	bool group_may;
	struct access_acl {
		uint32_t id;
		bool is_group;
	} acl[ACCESS_ACL_MAX];
	unsigned int acl_count;
};

struct access_grant {
	const struct access_socket
		*socket; /* NULL: by way of root, whatever socket; of a context, none of these */
	enum access_kind kind;
	bool has_uid, standing; /* standing: root's powers, which can be taken away */
	bool elsewhere; /* of a process in namespaces of its own: .uid is none of the host's users */
	uint32_t uid, gid;
	char who[ACCESS_NAME_SIZE], how[128], detail[160];
	char container_id[72];
	char remove[256]; /* the command; empty: there is none */
	unsigned int connections;
	/* By the log; .watched false: it would not be in there. */
	struct access_use use;
	bool watched;
};

struct access_user {
	uint32_t uid, gid;
	char name[ACCESS_NAME_SIZE];
	char *home;
	bool named; /* sudo's rules name it */
	bool asked; /* the name services said all its groups */
	uint32_t *groups;
	unsigned int group_count;
	UT_hash_handle by_name, by_uid;
};

struct access {
	struct ctl *ctl;
	struct access_socket sockets[ACCESS_SOCKETS_MAX];
	unsigned int socket_count;
	struct access_grant *grants;
	unsigned int grant_count, grant_room, grants_left_out;
	struct access_user **users;
	struct access_user *by_name, *by_uid; /* tables; of several with one number the first */
	unsigned int user_count, user_room;
	bool only_files; /* other name services do not answer */
	/* The log. */
	struct access_use *uses; /* a table */
	unsigned int use_count;
	uint64_t log_first, log_last, unwatched, lost; /* unwatched: ns without an agent */
	bool uses_left_out, refused_left_out, has_log;
	/* Records that another host wrote say nothing of this one. */
	char host_id[33], host_name[80], other_host[80];
	uint64_t others;
	char seen[ACCESS_SOCKETS_MAX][LISTENING_SIZE]; /* sockets that it names */
	unsigned int seen_count;
	struct text notes; /* a line for each thing that could not be looked at */
	uint64_t now;
};

/* A grant with these, zeroed otherwise; a place that is overwritten where there is no room. */
struct access_grant *access_add(struct access *access, const struct access_socket *socket,
				enum access_kind kind, const char *who);
__attribute__((format(printf, 2, 3))) void access_note(struct access *access, const char *format,
						       ...);

/* The next note, behind the one that ends at *AT, which begins as 0. False: there is none. */
bool access_next_note(const struct access *access, size_t *at, struct bytes *ret);

/* Adds WORD to COMMAND, quoted as a shell needs it. False: it has characters that no line shows. */
bool access_quote(struct text *command, const char *word);

/* NULL: no memory. */
struct access *access_new(struct ctl *ctl);
void access_free(struct access *access);
CLEANUP_DEFINE(drop_access, struct access *, access_free)

/* Takes a record of the log, of TIME, in its order. Another host's is counted, no more. 0. */
int access_take(struct access *access, const struct reread *record, uint64_t time);
int access_read_log(struct access *access); /* the log of the command line. 0 or -errno */

/* Looks at this host, when all records were taken, and joins who may with who did. */
void access_look(struct access *access);

/* Why ACCESS can tell nothing of who used what; NULL: it can. */
const char *access_why_not(const struct access *access);

/* What the log has of GRANT. */
void access_find_use(struct access *access, struct access_grant *grant);

/* Finds the sockets, and who may use them by name, mode and ACL. */
void access_find_sockets(struct access *access);
void access_find_members(struct access *access);

/* Lists the users of the host's name services. They may know others, whom they do not list. */
void access_list_users(struct access *access);
void access_free_users(struct access *access);
/* NULL: there is none with that number, or of that name. */
struct access_user *access_user_of(struct access *access, uint32_t uid);
struct access_user *access_user_named(struct access *access, const char *name);
bool access_user_has(const struct access_user *user, uint32_t gid);

/* Whether UID with GROUPS may write to SOCKET by its mode and ACL, as one of its groups if BY_GROUP. */
bool access_may_write(const struct access_socket *socket, uint32_t uid, const uint32_t *groups,
		      unsigned int count, bool by_group);

/* Whether UID with GROUPS may pass the directories above SOCKET, on one of its ways. */
bool access_passes(const struct access_socket *socket, uint32_t uid, const uint32_t *groups,
		   unsigned int count);

/* Reads the contexts of users, when the sockets are known. */
void access_find_contexts(struct access *access);

/* What a program (sudo, doas) lets a user run, of which one grant is made. */
struct access_lead {
	struct access *access;
	const struct access_user *user;
	const char *by; /* the program */
	char what[96];	/* docker, docker-compose */
	char as[48];	/* whom the rule that is looked at lets him become, if it is not root */
	bool granted, anything;
	unsigned int others; /* programs of which nothing is known */
	char other[64], source[128];
};

struct access_sudo_rule;
void access_lead_take(struct access_lead *lead, const struct access_sudo_rule *rule);
void access_lead_end(struct access_lead *lead);

/* Marks the members of GROUP, which may be NULL, as named by a rule. */
struct group;
void access_take_members(struct access *access, const struct group *group);

/* Asks sudo of each user; reads what doas lets each. */
void access_ask_sudo(struct access *access);
void access_ask_doas(struct access *access);

/* Processes: those that hold a group, those that are connected, containers by their mounts. */
void access_look_at_processes(struct access *access);

/* Asks the engines which containers have a socket. */
void access_ask_engines(struct access *access);

/* What is left of the log: uses that no grant explains. */
void access_add_the_rest(struct access *access);

/* A grant of root's powers that nobody has used, by what is known. */
bool access_is_idle(const struct access_grant *grant);

/* When GRANT was used last, and for what, in words. Not made safe. */
void access_say_when(const struct access *access, const struct access_grant *grant, char *text,
		     size_t size);
void access_say_use(struct text *out, const struct access_grant *grant);

/* "/run/docker.sock  root:docker 0660", or what GRANT's socket is called where it has none. */
void access_say_socket(struct text *out, const struct access_grant *grant);

/* Whether GRANT, which may be NULL, is told below the same heading as OTHER. */
bool access_is_beside(const struct access_grant *grant, const struct access_grant *other);

/* "use: by the log since …". */
void access_say_evidence(struct text *out, const struct access *access);

/* Adds the grants that are WANTED (NULL: all) as lines for people, of COLUMNS (0: as long as they are), or as JSON. */
void access_add_lines(struct text *out, const struct access *access, unsigned int columns,
		      bool colour,
		      bool (*wanted)(const struct access *access,
				     const struct access_grant *grant));
void access_add_json(struct text *out, const struct access *access,
		     bool (*wanted)(const struct access *access, const struct access_grant *grant));

#endif
