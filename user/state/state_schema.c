// SPDX-License-Identifier: Apache-2.0
#include "state/state_schema.h"

#include <stddef.h>

#include "base/idtree.h"
#include "base/utf8.h"
#include "docker/known/origin.h"
#include "guard/memory.h"
#include "login/login_memory.h"
#include "state/state.h"
#include "state/state_queue.h"

/* clang-format off */

/* --- Columns ------------------------------------------------------------------------------------- */

/* X(KIND, STRUCT, MEMBER) of each column. Columns are called as the members are. */

#define OWNED_COLUMNS(X) \
	X(ID, owned, id) X(TEXT, owned, name) X(TEXT, owned, image) \
	X(ORIGIN, owned, creator) X(ORIGIN, owned, starter) X(INTEGER, owned, starter_known) \
	X(BASIS, owned, creator_basis) X(BASIS, owned, starter_basis) \
	X(INTEGER, owned, created) X(INTEGER, owned, started) X(INTEGER, owned, died) \
	X(INTEGER, owned, labels) X(INTEGER, owned, labels_known) X(INTEGER, owned, swarm) \
	X(INTEGER, owned, stopped) X(INTEGER, owned, witnessed)

#define DEED_COLUMNS(X) \
	X(ACTION, deed, action) X(CUT, deed, command) X(ID, deed, exec_id) \
	X(INTEGER, deed, has_exit_code) X(INTEGER, deed, exit_code) X(INTEGER, deed, time) \
	X(CAUSE, deed, kind) X(BASIS, deed, basis) X(REASON, deed, reason) \
	X(ORIGIN, deed, origin)

#define EXEC_COLUMNS(X) \
	X(ID, owned_exec, id) X(ID, owned_exec, container_id) X(ORIGIN, owned_exec, starter) \
	X(BASIS, owned_exec, starter_basis) X(INTEGER, owned_exec, health_check) \
	X(INTEGER, owned_exec, pid) X(INTEGER, owned_exec, begun) X(INTEGER, owned_exec, alive)

#define REMOVED_COLUMNS(X) X(INTEGER, state_removed, time)

#define ORIGIN_COLUMNS(X) \
	X(TEXT, origin, event_id) X(INTEGER, origin, time) X(OPERATION, origin, operation) \
	X(TEXT, origin, socket) X(TEXT, origin, container_name) X(TEXT, origin, container_image) \
	X(TEXT, origin, expected_rule) X(TEXT, origin, behind_id) \
	X(INTEGER, origin, relayed.certainty) X(INTEGER, origin, relayed.basis) \
	X(INTEGER, origin, relayed.askers) X(TERMINAL, origin, relayed.source) \
	X(INTEGER, origin, relayed.source_port)

#define FINDING_COLUMNS(X) \
	X(FINDING, finding, id) X(SEVERITY, finding, severity) X(CUT, finding, detail)

/* Texts stand in the order in which decode.c has them in memory: so a caller that is read is the very one that lives,
 * and boot_id, which that one lacks, is the last. */
#define PROCESS_COLUMNS(X) \
	X(INTEGER, process, pid) X(INTEGER, process, euid) X(INTEGER, process, start) \
	X(INTEGER, process, executable_deleted) X(INTEGER, process, executable_exchanged) \
	X(INTEGER, process, args_truncated) \
	X(LONG, process, name) X(LONG, process, executable) X(LONG, process, args)

#define CALLER_COLUMNS(X) \
	X(INTEGER, caller, basis) X(INTEGER, caller, tid) \
	X(INTEGER, caller, uid) X(INTEGER, caller, gid) X(INTEGER, caller, egid) \
	X(INTEGER, caller, fsuid) X(INTEGER, caller, fsgid) \
	X(INTEGER, caller, login_uid) X(INTEGER, caller, session) \
	X(INTEGER, caller, mnt_ns) X(INTEGER, caller, pid_ns) X(INTEGER, caller, user_ns) \
	X(INTEGER, caller, net_ns) X(INTEGER, caller, user_ns_owner) \
	X(INTEGER, caller, capabilities) X(INTEGER, caller, cgroup_id) \
	X(INTEGER, caller, executable_inode) X(INTEGER, caller, executable_device) \
	X(INTEGER, caller, executable_generation) X(INTEGER, caller, executable_known) \
	X(INTEGER, caller, executable_changed) X(INTEGER, caller, interactive) \
	X(INTEGER, caller, groups_truncated) \
	X(INTEGER, caller, cgroup_claimed) X(INTEGER, caller, cgroup_owner) \
	X(INTEGER, caller, boot_to_real) \
	X(INTEGER, caller, has_node) X(INTEGER, caller, in_node_group) \
	X(INTEGER, caller, node_uid) X(INTEGER, caller, node_gid) X(INTEGER, caller, node_mode) \
	X(TERMINAL, caller, tty) X(LONG, caller, executable_claimed) \
	X(LONG, caller, working_directory) X(LONG, caller, root) X(LONG, caller, cgroup) \
	X(LONG, caller, label) X(LONG, caller, environment) X(INTEGER, caller, environment_pid) \
	X(INTEGER, caller, environment_truncated) X(LONG, caller, groups) X(LONG, caller, boot_id)

#define GUARDED_COLUMNS(X) \
	X(LONG, guard_memory, path) X(LONG, guard_memory, acl) X(LONG, guard_memory, label) \
	X(LONG, guard_memory, listing) X(INTEGER, guard_memory, acl_hash) \
	X(LONG, guard_memory, content) X(INTEGER, guard_memory, changed) X(INTEGER, guard_memory, engine_lines) \
	X(INTEGER, guard_memory, mode) X(INTEGER, guard_memory, uid) X(INTEGER, guard_memory, gid) \
	X(INTEGER, guard_memory, present) X(INTEGER, guard_memory, acl_writes)

#define LOGIN_COLUMNS(X) \
	X(TEXT, login_memory, login) X(TEXT, login_memory, boot_id) X(TEXT, login_memory, scope) \
	X(TEXT, login_memory, service) X(TEXT, login_memory, address) X(TEXT, login_memory, host) \
	X(TEXT, login_memory, terminal) X(TEXT, login_memory, id) X(TEXT, login_memory, leader_file) \
	X(TEXT, login_memory, contradictions) \
	X(INTEGER, login_memory, account) X(INTEGER, login_memory, leader_start) \
	X(INTEGER, login_memory, start) X(INTEGER, login_memory, time) X(INTEGER, login_memory, session) \
	X(INTEGER, login_memory, user) X(INTEGER, login_memory, leader) X(INTEGER, login_memory, manager) \
	X(INTEGER, login_memory, basis) X(INTEGER, login_memory, port) X(INTEGER, login_memory, leader_pid) \
	X(INTEGER, login_memory, owns) X(INTEGER, login_memory, ended)

#define COLUMN(KIND, STRUCT, MEMBER) \
	{COLUMN_##KIND, offsetof(struct STRUCT, MEMBER), sizeof(((struct STRUCT *)0)->MEMBER)},

#define DEFINE_COLUMNS(NAME, COLUMNS) \
	static const struct state_column NAME##_list[] = {COLUMNS(COLUMN)}; \
	const struct state_columns state_##NAME##_columns = {COUNT(NAME##_list), NAME##_list}

DEFINE_COLUMNS(owned, OWNED_COLUMNS);
DEFINE_COLUMNS(deed, DEED_COLUMNS);
DEFINE_COLUMNS(exec, EXEC_COLUMNS);
DEFINE_COLUMNS(removed, REMOVED_COLUMNS);
DEFINE_COLUMNS(origin, ORIGIN_COLUMNS);
DEFINE_COLUMNS(finding, FINDING_COLUMNS);
DEFINE_COLUMNS(caller, CALLER_COLUMNS);
DEFINE_COLUMNS(process, PROCESS_COLUMNS);
DEFINE_COLUMNS(guarded, GUARDED_COLUMNS);
DEFINE_COLUMNS(login, LOGIN_COLUMNS);

/* --- Tables -------------------------------------------------------------------------------------- */

#define TYPE_INTEGER " INTEGER NOT NULL"
#define TYPE_ID " TEXT"
#define TYPE_TEXT " TEXT"
#define TYPE_CUT " TEXT"
#define TYPE_LONG " TEXT"
#define TYPE_TERMINAL " TEXT"
#define TYPE_ORIGIN " TEXT"
#define TYPE_OPERATION " TEXT"
#define TYPE_ACTION " TEXT"
#define TYPE_CAUSE " TEXT"
#define TYPE_BASIS " TEXT"
#define TYPE_REASON " TEXT"
#define TYPE_FINDING " TEXT"
#define TYPE_SEVERITY " TEXT"

/* As statements name them, each behind a comma. */
#define DEFINITION(KIND, STRUCT, MEMBER) ", \"" #MEMBER "\"" TYPE_##KIND
#define COLUMN_NAME(KIND, STRUCT, MEMBER) ", \"" #MEMBER "\""
#define PARAMETER(KIND, STRUCT, MEMBER) ", ?"
#define ASSIGNMENT(KIND, STRUCT, MEMBER) ", \"" #MEMBER "\" = excluded.\"" #MEMBER "\""

/* Deletes the request that COLUMN of TABLE referred to, unless something refers to it still. */
#define FORGET_ORIGIN(NAME, EVENT, TABLE, COLUMN)                                             \
	"CREATE TRIGGER " NAME " AFTER " EVENT " ON " TABLE                                    \
	" WHEN old." COLUMN " IS NOT NULL BEGIN"                                               \
	" DELETE FROM origins WHERE event_id = old." COLUMN                                    \
	" AND NOT EXISTS(SELECT 1 FROM containers WHERE creator = event_id)"                   \
	" AND NOT EXISTS(SELECT 1 FROM containers WHERE starter = event_id)"                   \
	" AND NOT EXISTS(SELECT 1 FROM deeds WHERE origin = event_id)"                         \
	" AND NOT EXISTS(SELECT 1 FROM execs WHERE starter = event_id); END;"

#define DIGITS(NUMBER) #NUMBER
#define SQL(NUMBER) DIGITS(NUMBER)

const char state_schema[] = "BEGIN;"
	"PRAGMA application_id = " SQL(STATE_APPLICATION_ID) ";"
	"PRAGMA user_version = " SQL(STATE_VERSION) ";"
	"CREATE TABLE positions(socket TEXT PRIMARY KEY, position INTEGER NOT NULL) STRICT;"
	"CREATE TABLE guarded(row INTEGER PRIMARY KEY" GUARDED_COLUMNS(DEFINITION)
	", UNIQUE(path)) STRICT;"
	"CREATE TABLE logins(row INTEGER PRIMARY KEY" LOGIN_COLUMNS(DEFINITION) ", UNIQUE(login)) STRICT;"
	"CREATE TABLE containers(row INTEGER PRIMARY KEY, socket TEXT NOT NULL,"
	" removed INTEGER NOT NULL" OWNED_COLUMNS(DEFINITION) ", UNIQUE(socket, id)) STRICT;"
	"CREATE TABLE deeds(container INTEGER, number INTEGER" DEED_COLUMNS(DEFINITION)
	", PRIMARY KEY(container, number)) WITHOUT ROWID, STRICT;"
	"CREATE TABLE execs(row INTEGER PRIMARY KEY, socket TEXT NOT NULL" EXEC_COLUMNS(DEFINITION)
	", UNIQUE(socket, id)) STRICT;"
	"CREATE TABLE origins(caller INTEGER NOT NULL, behind INTEGER NOT NULL, asker INTEGER NOT NULL" ORIGIN_COLUMNS(DEFINITION)
	", PRIMARY KEY(event_id)) WITHOUT ROWID, STRICT;"
	"CREATE TABLE findings(origin TEXT, number INTEGER" FINDING_COLUMNS(DEFINITION)
	", PRIMARY KEY(origin, number)) WITHOUT ROWID, STRICT;"
	"CREATE TABLE callers(id INTEGER PRIMARY KEY" CALLER_COLUMNS(DEFINITION) ") STRICT;"
	"CREATE TABLE processes(caller INTEGER, number INTEGER" PROCESS_COLUMNS(DEFINITION)
	", PRIMARY KEY(caller, number)) WITHOUT ROWID, STRICT;"

	"CREATE INDEX containers_creator ON containers(creator) WHERE creator IS NOT NULL;"
	"CREATE INDEX containers_starter ON containers(starter) WHERE starter IS NOT NULL;"
	"CREATE INDEX deeds_origin ON deeds(origin) WHERE origin IS NOT NULL;"
	"CREATE INDEX execs_starter ON execs(starter) WHERE starter IS NOT NULL;"
	"CREATE INDEX execs_container ON execs(socket, container_id);"
	"CREATE INDEX origins_caller ON origins(caller);"
	"CREATE INDEX origins_behind ON origins(behind) WHERE behind != 0;"
	"CREATE INDEX origins_asker ON origins(asker) WHERE asker != 0;"

	FORGET_ORIGIN("creator_changed", "UPDATE OF creator", "containers", "creator")
	FORGET_ORIGIN("starter_changed", "UPDATE OF starter", "containers", "starter")
	FORGET_ORIGIN("creator_forgotten", "DELETE", "containers", "creator")
	FORGET_ORIGIN("starter_forgotten", "DELETE", "containers", "starter")
	FORGET_ORIGIN("deed_forgotten", "DELETE", "deeds", "origin")
	FORGET_ORIGIN("exec_changed", "UPDATE OF starter", "execs", "starter")
	FORGET_ORIGIN("exec_ended", "DELETE", "execs", "starter")
	"CREATE TRIGGER container_forgotten AFTER DELETE ON containers BEGIN"
	" DELETE FROM deeds WHERE container = old.row; END;"
	"CREATE TRIGGER origin_forgotten AFTER DELETE ON origins BEGIN"
	" DELETE FROM findings WHERE origin = old.event_id;"
	" DELETE FROM callers WHERE id IN (old.caller, old.behind, old.asker)"
	" AND NOT EXISTS(SELECT 1 FROM origins WHERE caller = callers.id)"
	" AND NOT EXISTS(SELECT 1 FROM origins WHERE behind = callers.id AND behind != 0)"
	" AND NOT EXISTS(SELECT 1 FROM origins WHERE asker = callers.id AND asker != 0); END;"
	"CREATE TRIGGER login_put AFTER INSERT ON logins BEGIN"
	" DELETE FROM logins WHERE row <= new.row - " SQL(LOGIN_MEMORIES_MAX) ";"
	" DELETE FROM logins WHERE account = new.account AND row <= (SELECT row FROM logins"
	" WHERE account = new.account ORDER BY row DESC LIMIT 1 OFFSET " SQL(LOGIN_MEMORIES_OF_ONE_MAX) "); END;"
	"CREATE TRIGGER caller_forgotten AFTER DELETE ON callers BEGIN"
	" DELETE FROM processes WHERE caller = old.id; END;"
	"COMMIT";

/* --- Statements ---------------------------------------------------------------------------------- */

#define HALF_OF_DEEDS SQL(STATE_DEEDS_MAX) " / 2"
#define WITH_CONTAINER "WITH one AS (SELECT row FROM containers WHERE socket = ?1 AND id = ?2) "

const char *const state_statements[STATEMENTS] = {
	[PUT_CONTAINER] = "INSERT INTO containers(removed, socket" OWNED_COLUMNS(COLUMN_NAME) ")"
		" VALUES(0, ?1" OWNED_COLUMNS(PARAMETER) ") ON CONFLICT(socket, id)"
		" DO UPDATE SET removed = 0" OWNED_COLUMNS(ASSIGNMENT),
	/* A deed of a container that was forgotten has no row. */
	[ADD_DEED] = WITH_CONTAINER "INSERT INTO deeds SELECT row,"
		" (SELECT coalesce(max(number), 0) + 1 FROM deeds WHERE container = one.row)"
		DEED_COLUMNS(PARAMETER) " FROM one",
	[PUT_EXEC] = "INSERT INTO execs(socket" EXEC_COLUMNS(COLUMN_NAME) ")"
		" VALUES(?1" EXEC_COLUMNS(PARAMETER) ") ON CONFLICT(socket, id)"
		" DO UPDATE SET socket = excluded.socket" EXEC_COLUMNS(ASSIGNMENT),
	[END_EXEC] = "DELETE FROM execs WHERE socket = ?1 AND id = ?2",
	/* removed is 0 of those that are there. */
	[REMOVE_CONTAINER] = "UPDATE containers SET removed = max(?3, 1)"
		" WHERE socket = ?1 AND id = ?2",
	[FORGET_DEED] = WITH_CONTAINER "DELETE FROM deeds WHERE container = (SELECT row FROM one)"
		" AND number > " HALF_OF_DEEDS " AND number = (SELECT max(number) FROM deeds"
		" WHERE container = (SELECT row FROM one)) - " HALF_OF_DEEDS,
	[FORGET_EXECS] = "DELETE FROM execs WHERE row <= (SELECT max(row) FROM execs) - "
		SQL(STATE_EXECS_MAX),
	[END_EXECS] = "DELETE FROM execs WHERE socket = ?1 AND container_id = ?2",
	[SET_POSITION] = "INSERT OR REPLACE INTO positions VALUES(?1, ?2)",
	[GET_POSITION] = "SELECT position FROM positions WHERE socket = ?1",
	[PUT_GUARDED] = "INSERT OR REPLACE INTO guarded VALUES(NULL" GUARDED_COLUMNS(PARAMETER) ")",
	[LIST_GUARDED] = "SELECT row" GUARDED_COLUMNS(COLUMN_NAME) " FROM guarded ORDER BY path",
	[PUT_LOGIN] = "INSERT OR REPLACE INTO logins VALUES(NULL" LOGIN_COLUMNS(PARAMETER) ")",
	[LIST_LOGINS] = "SELECT row" LOGIN_COLUMNS(COLUMN_NAME) " FROM logins ORDER BY row",
	[ADD_FINDING] = "INSERT INTO findings VALUES(?1, ?2" FINDING_COLUMNS(PARAMETER) ")",
	[ADD_PROCESS] = "INSERT INTO processes VALUES(?1, ?2" PROCESS_COLUMNS(PARAMETER) ")",
	[ADD_ORIGIN] = "INSERT OR IGNORE INTO origins VALUES(?1, ?2, ?3" ORIGIN_COLUMNS(PARAMETER) ")",
	[ADD_CALLER] = "INSERT OR IGNORE INTO callers VALUES(?1" CALLER_COLUMNS(PARAMETER) ")",
	[LIST_CONTAINERS] = "SELECT row" OWNED_COLUMNS(COLUMN_NAME) " FROM containers"
		" WHERE socket = ?1 AND removed = 0 ORDER BY row",
	[LIST_EXECS] = "SELECT row" EXEC_COLUMNS(COLUMN_NAME) " FROM execs"
		" WHERE socket = ?1 ORDER BY row",
	[GET_DEEDS] = "SELECT number" DEED_COLUMNS(COLUMN_NAME) " FROM deeds"
		" WHERE container = ?1 ORDER BY number",
	[GET_ORIGIN] = "SELECT caller, behind, asker" ORIGIN_COLUMNS(COLUMN_NAME) " FROM origins"
		" WHERE event_id = ?1",
	[GET_FINDINGS] = "SELECT number" FINDING_COLUMNS(COLUMN_NAME) " FROM findings"
		" WHERE origin = ?1 ORDER BY number",
	[GET_CALLER] = "SELECT id" CALLER_COLUMNS(COLUMN_NAME) " FROM callers WHERE id = ?1",
	[GET_PROCESSES] = "SELECT number" PROCESS_COLUMNS(COLUMN_NAME) " FROM processes"
		" WHERE caller = ?1 ORDER BY number",
	[FIND_STORIES] = "SELECT row, socket, removed, (SELECT coalesce(max(number), 0) - count(*)"
		" FROM deeds WHERE container = containers.row)" OWNED_COLUMNS(COLUMN_NAME)
		" FROM containers"
		" WHERE id = ?1 OR name = ?1 OR substr(id, 1, length(?1)) = ?1"
		" ORDER BY max(created, started, removed) DESC, row DESC",
	[GET_LAST_CALLER] = "SELECT max(id) FROM callers",
	[COUNT_CONTAINERS] = "SELECT count(*) FROM containers",
	[COUNT_BYTES] = "SELECT (page_count - freelist_count) * page_size"
		" FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
	[FORGET_CONTAINERS] = "DELETE FROM containers WHERE row IN"
		" (SELECT row FROM containers ORDER BY removed = 0, removed, row LIMIT ?1)",
};

/* clang-format on */

/* --- What columns hold ---------------------------------------------------------------------------- */

struct bytes state_column_text(enum state_column_kind kind, struct bytes text)
{
	static const size_t sizes[] = {
		[COLUMN_TEXT] = 4096, [COLUMN_CUT] = STATE_CUT_SIZE, [COLUMN_LONG] = 64 << 10};

	if (kind == COLUMN_CUT)
		text.size = utf8_fit(text.data, text.size, STATE_CUT_SIZE);
	if (kind == COLUMN_ID ? !idtree_is_id(text) : text.size > sizes[kind])
		return (struct bytes){0};
	return text;
}

const char *state_column_word(enum state_column_kind kind, unsigned int value)
{
	switch (kind) {
	case COLUMN_OPERATION:
		return value < OPERATIONS ? operation_name(value) : NULL;
	case COLUMN_ACTION:
		return value < ENGINE_ACTIONS ? engine_action_words[value].word : NULL;
	case COLUMN_CAUSE:
		return cause_kind_name(value);
	case COLUMN_BASIS:
		return cause_basis_name(value);
	case COLUMN_REASON:
		return cause_reason_name(value);
	case COLUMN_FINDING:
		return finding_kind(value)->id;
	default:
		return finding_severity_name(value);
	}
}
