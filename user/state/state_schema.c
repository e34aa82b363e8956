// SPDX-License-Identifier: Apache-2.0
#include "state/state_schema.h"

#include <stddef.h>

/* A request stays as long as something goes back to it; so does its caller. */
#define UNUSED                                                                                     \
	" AND NOT EXISTS(SELECT 1 FROM containers WHERE creator = origins.id)"                     \
	" AND NOT EXISTS(SELECT 1 FROM containers WHERE starter = origins.id)"                     \
	" AND NOT EXISTS(SELECT 1 FROM deeds WHERE origin = origins.id)"                           \
	" AND NOT EXISTS(SELECT 1 FROM execs WHERE starter = origins.id)"

/* clang-format off */
const char *const state_schema[] = {
	"CREATE TABLE sockets(id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, position INTEGER NOT NULL)",
	/* hash is NULL where another caller has the same: nobody can make us compare many. */
	"CREATE TABLE callers(id INTEGER PRIMARY KEY, hash INTEGER UNIQUE, content BLOB NOT NULL)",
	"CREATE TABLE origins(id INTEGER PRIMARY KEY, event_id TEXT UNIQUE, time INTEGER NOT NULL,"
	" operation TEXT, socket TEXT, caller INTEGER, container_name TEXT, container_image TEXT)",
	"CREATE INDEX origins_caller ON origins(caller) WHERE caller IS NOT NULL",
	"CREATE TABLE findings(origin INTEGER, number INTEGER, finding TEXT NOT NULL, severity TEXT,"
	" detail TEXT, PRIMARY KEY(origin, number)) WITHOUT ROWID",
	"CREATE TABLE containers(id INTEGER PRIMARY KEY, socket INTEGER NOT NULL, docker_id TEXT NOT NULL,"
	" name TEXT, image TEXT, creator INTEGER, starter INTEGER, starter_known INTEGER NOT NULL,"
	" created INTEGER NOT NULL, started INTEGER NOT NULL, died INTEGER NOT NULL,"
	" labels INTEGER NOT NULL, labels_known INTEGER NOT NULL, swarm INTEGER NOT NULL,"
	" stopped INTEGER NOT NULL, witnessed INTEGER NOT NULL, removed INTEGER NOT NULL, UNIQUE(socket, docker_id))",
	"CREATE INDEX containers_creator ON containers(creator) WHERE creator IS NOT NULL",
	"CREATE INDEX containers_starter ON containers(starter) WHERE starter IS NOT NULL",
	"CREATE TABLE deeds(container INTEGER, number INTEGER, action TEXT NOT NULL, command TEXT,"
	" exec_id TEXT, exit_code INTEGER, time INTEGER NOT NULL, kind TEXT NOT NULL, basis TEXT, reason TEXT,"
	" origin INTEGER, PRIMARY KEY(container, number)) WITHOUT ROWID",
	"CREATE INDEX deeds_origin ON deeds(origin) WHERE origin IS NOT NULL",
	"CREATE TABLE execs(id INTEGER PRIMARY KEY, socket INTEGER NOT NULL, docker_id TEXT NOT NULL,"
	" container TEXT, starter INTEGER, health_check INTEGER NOT NULL, UNIQUE(socket, docker_id))",
	"CREATE INDEX execs_container ON execs(socket, container)",
	"CREATE INDEX execs_starter ON execs(starter) WHERE starter IS NOT NULL",
	"CREATE TRIGGER container_forgotten AFTER DELETE ON containers BEGIN"
	" DELETE FROM deeds WHERE container = old.id;"
	" DELETE FROM origins WHERE id IN (old.creator, old.starter)" UNUSED "; END",
	"CREATE TRIGGER container_changed AFTER UPDATE OF creator, starter ON containers"
	" WHEN old.creator IS NOT new.creator OR old.starter IS NOT new.starter BEGIN"
	" DELETE FROM origins WHERE id IN (old.creator, old.starter)" UNUSED "; END",
	"CREATE TRIGGER deed_forgotten AFTER DELETE ON deeds WHEN old.origin IS NOT NULL BEGIN"
	" DELETE FROM origins WHERE id = old.origin" UNUSED "; END",
	"CREATE TRIGGER exec_ended AFTER DELETE ON execs WHEN old.starter IS NOT NULL BEGIN"
	" DELETE FROM origins WHERE id = old.starter" UNUSED "; END",
	"CREATE TRIGGER exec_changed AFTER UPDATE OF starter ON execs"
	" WHEN old.starter IS NOT new.starter BEGIN"
	" DELETE FROM origins WHERE id = old.starter" UNUSED "; END",
	"CREATE TRIGGER origin_forgotten AFTER DELETE ON origins BEGIN"
	" DELETE FROM findings WHERE origin = old.id;"
	" DELETE FROM callers WHERE id = old.caller"
	" AND NOT EXISTS(SELECT 1 FROM origins WHERE caller = callers.id); END",
	NULL,
};

/* As read_owned() in state_read.c takes them. */
#define OWNED "docker_id, name, image, creator, starter, starter_known, created, started, died,"           \
	" labels, labels_known, swarm, stopped, witnessed"

const char *const state_statements[STATEMENTS] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[PAGE_COUNT] = "PRAGMA page_count",
	[FREE_COUNT] = "PRAGMA freelist_count",
	[FIND_SOCKET] = "SELECT id FROM sockets WHERE path = ?1",
	[ADD_SOCKET] = "INSERT INTO sockets(path, position) VALUES(?1, 0)",
	[GET_POSITION] = "SELECT position FROM sockets WHERE path = ?1",
	[SET_POSITION] = "INSERT INTO sockets(path, position) VALUES(?1, ?2)"
		" ON CONFLICT(path) DO UPDATE SET position = excluded.position",
	[FIND_CALLER] = "SELECT id FROM callers WHERE hash = ?1 AND content = ?2",
	[ADD_CALLER] = "INSERT INTO callers(hash, content) VALUES("
		"(SELECT ?1 WHERE NOT EXISTS(SELECT 1 FROM callers WHERE hash = ?1)), ?2)",
	[GET_CALLER] = "SELECT coalesce(hash, 0), content FROM callers WHERE id = ?1",
	[FIND_ORIGIN] = "SELECT id FROM origins WHERE event_id = ?1",
	[ADD_ORIGIN] = "INSERT INTO origins(event_id, time, operation, socket, caller, container_name,"
		" container_image) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[ADD_FINDING] = "INSERT INTO findings VALUES(?1, ?2, ?3, ?4, ?5)",
	[GET_ORIGIN] = "SELECT event_id, time, operation, socket, caller, container_name, container_image"
		" FROM origins WHERE id = ?1",
	[GET_FINDINGS] = "SELECT finding, severity, detail FROM findings WHERE origin = ?1 ORDER BY number",
	[FIND_CONTAINER] = "SELECT id FROM containers WHERE socket = ?1 AND docker_id = ?2",
	[PUT_CONTAINER] = "INSERT INTO containers(socket, " OWNED ", removed)"
		" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, 0)"
		" ON CONFLICT(socket, docker_id) DO UPDATE SET name = excluded.name,"
		" image = excluded.image, creator = excluded.creator, starter = excluded.starter,"
		" starter_known = excluded.starter_known, created = excluded.created,"
		" started = excluded.started, died = excluded.died, labels = excluded.labels,"
		" labels_known = excluded.labels_known, swarm = excluded.swarm,"
		" stopped = excluded.stopped, witnessed = excluded.witnessed, removed = 0",
	[REMOVE_CONTAINER] = "UPDATE containers SET removed = ?3 WHERE socket = ?1 AND docker_id = ?2",
	[COUNT_CONTAINERS] = "SELECT count(*) FROM containers",
	[FORGET_CONTAINERS] = "DELETE FROM containers WHERE id IN"
		" (SELECT id FROM containers ORDER BY removed = 0, removed, id LIMIT ?1)",
	[ADD_DEED] = "INSERT INTO deeds SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,"
		" ?10 FROM deeds WHERE container = ?1",
	[FORGET_DEED] = "DELETE FROM deeds WHERE container = ?1 AND number > ?2 AND number ="
		" (SELECT max(number) FROM deeds WHERE container = ?1) - ?3",
	[GET_DEEDS] = "SELECT action, command, exec_id, exit_code, time, kind, basis, reason, origin"
		" FROM deeds WHERE container = ?1 ORDER BY number",
	[PUT_EXEC] = "INSERT INTO execs(socket, docker_id, container, starter, health_check)"
		" VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(socket, docker_id) DO UPDATE"
		" SET container = excluded.container, starter = excluded.starter,"
		" health_check = excluded.health_check",
	[END_EXEC] = "DELETE FROM execs WHERE socket = ?1 AND docker_id = ?2",
	[END_EXECS] = "DELETE FROM execs WHERE socket = ?1 AND container = ?2",
	[FORGET_EXECS] = "DELETE FROM execs WHERE id <= (SELECT max(id) FROM execs) - ?1",
	[LIST_CONTAINERS] = "SELECT " OWNED " FROM containers"
		" WHERE socket = (SELECT id FROM sockets WHERE path = ?1) AND removed = 0 ORDER BY id",
	[LIST_EXECS] = "SELECT docker_id, container, starter, health_check FROM execs"
		" WHERE socket = (SELECT id FROM sockets WHERE path = ?1) ORDER BY id",
	[FIND_STORIES] = "SELECT containers.id, path, removed, (SELECT coalesce(max(number), 0) - count(*)"
		" FROM deeds WHERE container = containers.id), " OWNED
		" FROM containers JOIN sockets ON sockets.id = socket"
		" WHERE docker_id = ?1 OR name = ?1 OR substr(docker_id, 1, length(?1)) = ?1"
		" ORDER BY max(created, started, removed) DESC, containers.id DESC",
};
/* clang-format on */
