/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What callerctl access knows: sockets, users, grants, and what the log has of their use. Users are compared by number: their names
 * are those of the host's name services, and other people's texts. Texts here are as they are; who prints them makes them safe.
 */
#ifndef CALLERD_ACCESS_GRANT_H
#define CALLERD_ACCESS_GRANT_H

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
	ACCESS_DOAS,
	ACCESS_POLKIT,
	ACCESS_HELD,	  /* a process that has what its user has not any more */
	ACCESS_CONNECTED, /* the same of a connection */
	ACCESS_CONTAINER,
	ACCESS_TCP,
	ACCESS_CONTEXT, /* leads a user to an engine that is none of these sockets */
	ACCESS_NO_WAY,	/* somebody used it who has no way in now */
};

/* Whether that lets somebody become root, who may use any engine. */
static inline bool access_is_by_root(enum access_kind kind)
{
	return kind == ACCESS_SUDO || kind == ACCESS_DOAS || kind == ACCESS_POLKIT;
}

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
	bool unseen;	/* whoever uses it seems to be root: the log does not say that nobody did */
	uint32_t uid, gid;
	char who[ACCESS_NAME_SIZE], how[256], detail[160];
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

/* Lists the users of the host's name services. They may know others, whom they do not list. */
void access_list_users(struct access *access);
void access_free_users(struct access *access);
/* Asks for users whom they do not list, when the log was read. */
void access_ask_for_more(struct access *access);
/* Whether /etc/nsswitch.conf names a service that is WANTED for DATABASE, as "passwd:". */
bool access_has_service(const char *database, bool (*wanted)(const char *word));
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

#endif
