// SPDX-License-Identifier: Apache-2.0
#include "login/logins.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/table.h"
#include "login/login_look.h"

#define KEPT_MAX LOGIN_MEMORIES_MAX /* logins, of 1 KB each */
/* Of an account: so that none makes those of all others forgotten. */
#define KEPT_OF_ONE_MAX LOGIN_MEMORIES_OF_ONE_MAX
#define RECENT 64 /* callers */
#define PATIENCE NS_PER_S
#define RETRY (2 * NS_PER_S) /* until a question that was not answered is asked again */
#define AGE (5 * NS_PER_S)   /* until it is looked at whether a session has ended */
#define AGE_OF_NOTHING (60 * NS_PER_S)
/* Through all of /proc, in a second: of an account, and of all whose numbers fall together. */
#define SEARCHES_MAX 4
#define SEARCHERS 64

struct kept_login {
	struct login_key key;
	struct login_found found;
	uint64_t account; /* of who called first */
	bool known, asked;
	bool unsearched; /* only a caller asked that none is searched for */
	uint64_t due;	 /* ns of CLOCK_MONOTONIC: time to ask again */
	UT_hash_handle hh;
};

/* The login of a caller that was asked for. */
struct recent_login {
	uint64_t number;	 /* of the caller; 0: none */
	struct kept_login *kept; /* NULL: it has none */
};

struct searches {
	uint64_t second;
	unsigned int count;
};

struct logins {
	const struct record_context *context;
	struct beside *beside;
	struct login_keeper keeper;
	struct kept_login *all; /* the one that was used longest ago first */
	struct recent_login recent[RECENT];
	struct searches searches[SEARCHERS];
	unsigned int asked; /* jobs that have not come back, of logins of which nothing is known */
	uint64_t news, forgotten;
};

struct login_job {
	struct job job;
	struct logins *logins; /* the loop alone uses it */
	struct login_question question;
	bool first; /* nothing was known */
	bool again; /* .found is known, but for whether it has ended, */
	bool lacks; /* and the connection */
	struct login_found found;
};

/* --- which one -------------------------------------------------------------------------------- */

/* The user's own systemd is a child of the host's. */
static int manager_of(const struct caller *caller)
{
	struct bytes unit = caller_unit(caller);
	int top = (int)caller->ancestor_count - 2;

	if (!bytes_begin(unit, "user@") || top < 0 || caller->ancestors[top + 1].pid != 1 ||
	    !bytes_are(bytes_basename(caller->ancestors[top].executable), "systemd"))
		return -1;
	return top;
}

/* /user.slice/user-1000.slice/session-3.scope, which root alone can have named. */
static void keep_scope(const struct caller *caller, char scope[LOGIN_WORD_SIZE])
{
	static const char begin[] = "session-", end[] = ".scope";
	struct bytes unit = caller_unit(caller);
	size_t fixed = sizeof(begin) + sizeof(end) - 2;

	if (!bytes_begin(caller->cgroup, "/user.slice/user-") || !bytes_begin(unit, begin) ||
	    unit.size <= fixed || unit.size - fixed >= LOGIN_WORD_SIZE ||
	    memcmp(unit.data + unit.size - sizeof(end) + 1, end, sizeof(end) - 1) != 0)
		return;
	memcpy(scope, unit.data + sizeof(begin) - 1, unit.size - fixed);
}

/* False: CALLER belongs to no login. */
static bool make_login_key(const struct caller *caller, struct login_key *ret)
{
	int manager = manager_of(caller);
	int leader = manager >= 0 ? manager : login_leader_of(caller);

	memset(ret, 0, sizeof(*ret));
	ret->session = caller->session;
	ret->user = caller->login_uid;
	keep_scope(caller, ret->scope);
	if (leader >= 0) {
		ret->leader = caller->ancestors[leader].pid;
		ret->leader_start = caller->ancestors[leader].start;
		ret->manager = manager >= 0;
	}
	return leader >= 0 || ret->session != CALLERD_UNSET_ID || ret->scope[0];
}

/* --- asking ----------------------------------------------------------------------------------- */

static struct kept_login *kept_of(struct logins *logins, const struct login_key *key)
{
	struct kept_login *kept;

	HASH_FIND(hh, logins->all, key, sizeof(*key), kept);
	return kept;
}

/* What was found of the session of KEPT by way of who logged in; the first one did, others within it. NULL: there is none. */
static const struct kept_login *find_owner(const struct logins *logins,
					   const struct kept_login *kept)
{
	const struct kept_login *owner = NULL, *other;

	for (other = logins->all; other; other = other->hh.next)
		if (other->known && other->found.owns && other != kept &&
		    other->key.session == kept->key.session && other->key.user == kept->key.user &&
		    (!owner || other->found.start < owner->found.start))
			owner = other;
	return owner;
}

/* A connection of sshd's was not seen, as where it was just made for somebody. */
static bool lacks_connection(const struct login_found *found)
{
	return found->login.basis & 1u << LOGIN_BY_PROCESS &&
	       !(found->login.basis & 1u << LOGIN_BY_CONNECTION) &&
	       !strcmp(found->login.service, "sshd");
}

/* --- beyond our life -------------------------------------------------------------------------- */

static void put_memory(const struct logins *logins, const struct kept_login *kept)
{
	const struct login_key *key = &kept->key;
	const struct login *login = &kept->found.login;
	char contradictions[LOGIN_CONTRADICTIONS_MAX * LOGIN_CONTRADICTION_SIZE] = "";
	char name[256];
	struct login_memory memory = {
		.boot_id = bytes_of(logins->context->boot_id),
		.scope = bytes_of(key->scope),
		.service = bytes_of(login->service),
		.address = bytes_of(login->address),
		.host = bytes_of(login->host),
		.terminal = bytes_of(login->terminal),
		.id = bytes_of(login->id),
		.leader_file = login->leader.executable,
		.account = kept->account,
		.leader_start = key->leader_start,
		.start = kept->found.start,
		.time = login->time,
		.session = key->session,
		.user = key->user,
		.leader = key->leader,
		.manager = key->manager,
		.basis = login->basis,
		.port = login->port,
		.leader_pid = login->leader.pid,
		.owns = kept->found.owns,
		.ended = login->ended,
	};

	if (!logins->keeper.keep || !login->basis)
		return;
	for (unsigned int i = 0; i < login->contradiction_count; i++) {
		strcat(contradictions, login->contradictions[i]);
		strcat(contradictions, "\n");
	}
	snprintf(name, sizeof(name), "%s %u %u %u %u %llu %s", logins->context->boot_id,
		 key->session, key->user, key->leader, key->manager,
		 (unsigned long long)key->leader_start, key->scope);
	memory.login = bytes_of(name);
	memory.contradictions = bytes_of(contradictions);
	logins->keeper.keep(logins->keeper.data, &memory);
}

/* False: it has no room in TO. */
static bool take_login_word(char *to, size_t size, struct bytes from)
{
	if (from.size >= size)
		return false;
	if (from.size)
		memcpy(to, from.data, from.size);
	to[from.size] = '\0';
	return true;
}

static bool take_contradictions(struct login *login, struct bytes text)
{
	while (text.size) {
		const char *end = memchr(text.data, '\n', text.size);
		struct bytes line = {text.data, end ? (size_t)(end - text.data) : 0};
		unsigned int number = login->contradiction_count;

		if (!end || number == LOGIN_CONTRADICTIONS_MAX ||
		    !take_login_word(login->contradictions[number], LOGIN_CONTRADICTION_SIZE, line))
			return false;
		login->contradiction_count++;
		text.data += line.size + 1;
		text.size -= line.size + 1;
	}
	return true;
}

/* False: it is not what put_memory() put. */
static bool read_login_memory(const struct login_memory *memory, struct login_key *key,
			      struct login_found *found)
{
	struct login *login = &found->login;
	struct bytes file = {0};

	memset(key, 0, sizeof(*key));
	*found = (struct login_found){.start = memory->start, .owns = memory->owns};
	key->session = memory->session;
	key->user = memory->user;
	key->leader = memory->leader;
	key->manager = memory->manager;
	key->leader_start = memory->leader_start;
	login->basis = memory->basis;
	login->port = memory->port;
	login->time = memory->time;
	login->ended = memory->ended;
	login->leader.pid = memory->leader_pid;
	if (memory->leader_file.size && !login_service_of(memory->leader_file, &file))
		return false;
	login->leader.executable = file;
	login->leader.name = file.size ? bytes_basename(file) : (struct bytes){0};
	if (memory->leader && memory->leader == memory->leader_pid)
		login->leader.start = memory->leader_start;
	return memory->basis && !(memory->basis >> LOGIN_BASES) &&
	       take_login_word(key->scope, sizeof(key->scope), memory->scope) &&
	       take_login_word(login->service, sizeof(login->service), memory->service) &&
	       take_login_word(login->address, sizeof(login->address), memory->address) &&
	       take_login_word(login->host, sizeof(login->host), memory->host) &&
	       take_login_word(login->terminal, sizeof(login->terminal), memory->terminal) &&
	       take_login_word(login->id, sizeof(login->id), memory->id) &&
	       take_contradictions(login, memory->contradictions);
}

static void take_found_login(struct logins *logins, const struct login_job *answer)
{
	struct kept_login *kept = kept_of(logins, &answer->question.key);
	bool whole = answer->found.login.basis && !lacks_connection(&answer->found);
	bool changes;

	if (!kept)
		return;
	changes = !kept->known || kept->found.login.ended != answer->found.login.ended ||
		  (!answer->again && (kept->found.login.basis || answer->found.login.basis));
	kept->due = clock_now(CLOCK_MONOTONIC_COARSE) + (whole ? AGE : AGE_OF_NOTHING);
	logins->news += changes;
	kept->found = answer->found;
	kept->known = true;
	if (changes)
		put_memory(logins, kept);
}

static void on_looked(struct job *job, bool came, void *data)
{
	struct login_job *answer = (struct login_job *)job;
	struct kept_login *kept = kept_of(answer->logins, &answer->question.key);

	(void)data;
	answer->logins->asked -= answer->first;
	if (kept)
		kept->asked = false;
	if (came)
		take_found_login(answer->logins, answer);
}

/* What is seen now counts where it is more. */
static void look_for_connection(struct login_job *asked)
{
	struct login_found found;

	login_look(&asked->question, &found);
	if (!(found.login.basis & 1u << LOGIN_BY_CONNECTION))
		return;
	asked->found = found;
	asked->again = asked->lacks = false;
}

static void run_login_job(struct job *job)
{
	struct login_job *asked = (struct login_job *)job;

	if (asked->lacks)
		look_for_connection(asked);
	if (asked->again)
		asked->found.login.ended |= login_look_ended(&asked->found);
	else if (!asked->found.login.basis)
		login_look(&asked->question, &asked->found);
}

static void free_login_job(struct job *job)
{
	free(job);
}

static bool needs_search(const struct login_key *key)
{
	return !key->leader && key->session != CALLERD_UNSET_ID;
}

/* Not for who is in a container for certain: what its processes are of is not theirs to say. */
static bool may_search(const struct caller *caller, const struct login_key *key)
{
	return needs_search(key) && !caller_container_id(caller).size;
}

/* Whether there is one left in this second for ACCOUNT, which makes sessions as often as it likes. */
static bool takes_search(struct logins *logins, uint64_t account)
{
	struct searches *searches = &logins->searches[account % SEARCHERS];
	uint64_t second = clock_now(CLOCK_MONOTONIC_COARSE) / NS_PER_S;

	if (searches->second != second)
		*searches = (struct searches){.second = second};
	return searches->count++ < SEARCHES_MAX;
}

/* Of what is above CALLER only the program that logged in is asked for in utmp: of what is his own he has entered what he likes. */
static void fill_question(const struct logins *logins, const struct caller *caller,
			  const struct login_key *key, struct login_question *ret)
{
	int leader = key->manager ? -1 : login_leader_of(caller);
	int entry = leader < 0 ? -1 : login_entry_of(caller, (unsigned int)leader);

	ret->key = *key;
	ret->mnt_ns = logins->context->mnt_ns;
	ret->boot_to_real = logins->context->boot_to_real;
	ret->searches = may_search(caller, key);
	for (int i = entry + 1; i <= leader; i++, ret->above_count++) {
		ret->above[ret->above_count].pid = caller->ancestors[i].pid;
		ret->above[ret->above_count].start = caller->ancestors[i].start;
	}
}

/* Sets RET to what is known but for whether it has ended: of this login, or of its session, whose leader was seen before. */
static bool known_already(const struct logins *logins, const struct kept_login *kept,
			  struct login_found *ret)
{
	const struct kept_login *owner = NULL;

	if (!kept->key.leader && kept->key.session != CALLERD_UNSET_ID)
		owner = find_owner(logins, kept);
	*ret = owner ? owner->found : kept->found;
	if (owner)
		ret->login.basis |= 1u << LOGIN_BY_SESSION;
	return ret->login.basis;
}

static void ask_for_login(struct logins *logins, struct kept_login *kept,
			  const struct caller *caller)
{
	struct login_job *asked = calloc(1, sizeof(*asked));

	kept->due = clock_now(CLOCK_MONOTONIC_COARSE) + RETRY;
	if (!asked)
		return;
	asked->job = (struct job){.run = run_login_job,
				  .done = on_looked,
				  .free = free_login_job,
				  .account = caller->account,
				  .patience = PATIENCE};
	asked->logins = logins;
	fill_question(logins, caller, &kept->key, &asked->question);
	asked->again = known_already(logins, kept, &asked->found);
	asked->lacks = asked->again && lacks_connection(&asked->found);
	asked->first = !kept->known;
	if (!asked->again && asked->question.searches && !takes_search(logins, caller->account)) {
		kept->due = clock_now(CLOCK_MONOTONIC_COARSE) + NS_PER_S;
		kept->unsearched = false;
		free(asked);
		return;
	}
	kept->unsearched = !asked->again && needs_search(&kept->key) && !asked->question.searches;
	if (beside_put(logins->beside, &asked->job, clock_now(CLOCK_BOOTTIME))) {
		free(asked);
		return;
	}
	logins->asked += asked->first;
	kept->asked = true;
}

/* --- what is known ---------------------------------------------------------------------------- */

static void forget_login(struct logins *logins, struct kept_login *kept)
{
	logins->forgotten += kept->known && kept->found.login.basis && !kept->found.login.ended;
	memset(logins->recent, 0, sizeof(logins->recent));
	HASH_DEL(logins->all, kept);
	free(kept);
}

/* Makes room for one more login of ACCOUNT: a login UID is chosen by who has none. */
static void make_login_room(struct logins *logins, uint64_t account)
{
	struct kept_login *own = NULL, *kept;
	unsigned int count = 0;

	for (kept = logins->all; kept; kept = kept->hh.next)
		if (kept->account == account) {
			own = own ?: kept;
			count++;
		}
	if (count >= KEPT_OF_ONE_MAX)
		forget_login(logins, own);
	else if (HASH_COUNT(logins->all) >= KEPT_MAX)
		forget_login(logins, logins->all);
}

static struct kept_login *keep_login(struct logins *logins, const struct login_key *key,
				     uint64_t account)
{
	struct kept_login *kept;

	make_login_room(logins, account);
	kept = calloc(1, sizeof(*kept));
	if (!kept)
		return NULL;
	kept->key = *key;
	kept->account = account;
	HASH_ADD(hh, logins->all, key, sizeof(kept->key), kept);
	if (kept->hh.tbl)
		return kept;
	free(kept);
	return NULL;
}

/* Behind all others. NULL: no memory; KEPT is forgotten. */
static struct kept_login *use_login(struct logins *logins, struct kept_login *kept)
{
	if (!kept->hh.next)
		return kept;
	HASH_DEL(logins->all, kept);
	HASH_ADD(hh, logins->all, key, sizeof(kept->key), kept);
	if (kept->hh.tbl)
		return kept;
	memset(logins->recent, 0, sizeof(logins->recent));
	free(kept);
	return NULL;
}

/* The login of CALLER; NULL: it has none, or there is no memory. */
static struct kept_login *login_of(struct logins *logins, const struct caller *caller)
{
	struct recent_login *recent = &logins->recent[caller->shared.number % RECENT];
	struct login_key key;
	struct kept_login *kept = NULL;

	if (recent->number == caller->shared.number)
		return recent->kept ? use_login(logins, recent->kept) : NULL;
	if (make_login_key(caller, &key)) {
		kept = kept_of(logins, &key);
		kept = kept ? use_login(logins, kept) : keep_login(logins, &key, caller->account);
	}
	*recent = (struct recent_login){caller->shared.number, kept};
	return kept;
}

static bool is_due(const struct kept_login *kept, const struct caller *caller)
{
	return clock_now(CLOCK_MONOTONIC_COARSE) >= kept->due ||
	       (kept->unsearched && may_search(caller, &kept->key));
}

const struct login *logins_find(struct logins *logins, const struct caller *caller, bool *ret_asked)
{
	struct kept_login *kept = NULL;

	/* Sessions are numbered anew in each boot. */
	if (caller->basis == CALLER_FROM_KERNEL && !caller->boot_id.size)
		kept = login_of(logins, caller);
	if (kept && !kept->asked && !kept->found.login.ended && is_due(kept, caller))
		ask_for_login(logins, kept, caller);
	if (ret_asked)
		*ret_asked = kept && kept->asked && !kept->known;
	return kept && kept->found.login.basis ? &kept->found.login : NULL;
}

void logins_expect(struct logins *logins, const struct caller *caller)
{
	logins_find(logins, caller, NULL);
}

bool logins_are_asked(const struct logins *logins)
{
	return logins->asked;
}

uint64_t logins_news(const struct logins *logins)
{
	return logins->news;
}

uint64_t logins_forgotten(const struct logins *logins)
{
	return logins->forgotten;
}

/* Sessions, and processes by when they began, are those of this boot. */
static void recall_login(void *data, const struct login_memory *memory)
{
	struct logins *logins = data;
	struct login_found found;
	struct login_key key;
	struct kept_login *kept;

	if (!bytes_are(memory->boot_id, logins->context->boot_id) ||
	    !read_login_memory(memory, &key, &found) || kept_of(logins, &key))
		return;
	kept = keep_login(logins, &key, memory->account);
	if (!kept)
		return;
	kept->found = found;
	kept->known = true;
}

void logins_remember(struct logins *logins, const struct login_keeper *keeper)
{
	logins->keeper = *keeper;
	if (keeper->recall)
		keeper->recall(keeper->data, logins, recall_login);
}

int logins_new(const struct record_context *context, struct beside *beside, struct logins **ret)
{
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	(*ret)->context = context;
	(*ret)->beside = beside;
	return 0;
}

void logins_free(struct logins *logins)
{
	if (!logins)
		return;
	while (logins->all) /* NOLINTNEXTLINE: the analyzer loses track of the table */
		forget_login(logins, logins->all);
	free(logins);
}
