/* SPDX-License-Identifier: Apache-2.0 */
/* callerctl access: who can reach the engines of this host now, and who did by the log. */
#ifndef CALLERD_ACCESS_H
#define CALLERD_ACCESS_H

#include "ctl/grants/access_grant.h"

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

/* Reads the contexts and profiles of users, when the sockets are known. */
void access_find_contexts(struct access *access);

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
