// SPDX-License-Identifier: Apache-2.0
/* From where people came: files as logind and sshd write them, whose session a caller is of, how much is kept, and how it is told. */
#include "unit.h"

#include <poll.h>
#include <utmp.h>

#include "base/clock.h"
#include "format/cef.h"
#include "format/ocsf.h"
#include "format/rfc5424.h"
#include "login/login_look.h"
#include "login/logind.h"
#include "login/logins.h"
#include "login/utmp.h"
#include "recording.h"

/* --- logind ----------------------------------------------------------------------------------- */

/* As systemd 252 writes it. */
static const char session_file[] =
	"# This is private data. Do not parse.\nUID=1000\nUSER=alice\nACTIVE=1\nIS_DISPLAY=0\n"
	"STATE=active\nREMOTE=1\nLEADER_FD_SAVED=1\nTYPE=tty\nORIGINAL_TYPE=tty\nCLASS=user\n"
	"SCOPE=session-3.scope\nFIFO=/run/systemd/sessions/3.ref\nTTY=pts/0\n"
	"TTY_VALIDITY=from-utmp\nREMOTE_HOST=10.1.2.3\nSERVICE=sshd\nPOSITION=0\nLEADER=812\n"
	"AUDIT=3\nREALTIME=1772366624000001\nMONOTONIC=99\n";

static void assert_text_is(struct bytes text, const char *wanted)
{
	assert_int_equal(text.size, strlen(wanted));
	assert_memory_equal(text.data ?: "", wanted, text.size);
}

static void test_logind(void **state)
{
	struct logind_session session;

	assert_true(logind_read(bytes_of(session_file), &session));
	assert_int_equal(session.user, 1000);
	assert_int_equal(session.audit, 3);
	assert_int_equal(session.leader, 812);
	assert_int_equal(session.time, 1772366624000001000);
	assert_text_is(session.service, "sshd");
	assert_text_is(session.host, "10.1.2.3");
	assert_text_is(session.terminal, "pts/0");
	assert_text_is(session.scope, "session-3.scope");
	assert_false(session.closing);
	assert_true(logind_read(bytes_of("STATE=closing\nUID=0\n"), &session));
	assert_true(session.closing);
	assert_int_equal(session.user, 0);
}

/* Wherever a file is cut off, what is read of it is what it says. */
static void test_logind_cut(void **state)
{
	struct logind_session session;

	for (size_t size = 0; size < sizeof(session_file); size++) {
		struct bytes cut = {session_file, size};
		bool user = logind_read(cut, &session);

		assert_int_equal(user, session.user == 1000);
		assert_true(session.leader == 812 || !session.leader);
		assert_true(!session.host.size || bytes_are(session.host, "10.1.2.3"));
	}
}

static void test_logind_odd(void **state)
{
	static const char *const without_user[] = {
		"",
		"UID=",
		"UID=\n",
		"UID=-1\n",
		"UID=4294967295\n",
		"UID=1000",
		"UID=1 \n",
		"uid=1\n",
		"UID=99999999999999999999\n",
		"=1\n",
		"\n\n",
		"UID\n",
	};
	struct logind_session session;

	for (size_t i = 0; i < COUNT(without_user); i++)
		assert_false(logind_read(bytes_of(without_user[i]), &session));
	assert_true(logind_read(
		bytes_of("UID=1\nLEADER=99999999999\nREALTIME=9999999999999999999\n"), &session));
	assert_int_equal(session.leader, 0);
	assert_int_equal(session.time, 0);
}

/* --- utmp ------------------------------------------------------------------------------------- */

static struct utmp utmp_entry(int pid, int seconds, const char *host, uint32_t address)
{
	struct utmp entry = {.ut_type = USER_PROCESS, .ut_pid = pid, .ut_line = "pts/0"};

	entry.ut_tv.tv_sec = seconds;
	strncpy(entry.ut_host, host, sizeof(entry.ut_host));
	entry.ut_addr_v6[0] = (int32_t)address;
	return entry;
}

static void test_utmp(void **state)
{
	const struct utmp_process processes[] = {{900, 100 * NS_PER_S}, {812, 90 * NS_PER_S}};
	char full[sizeof(((struct utmp *)NULL)->ut_host) + 1];
	struct utmp entries[5];
	struct bytes file = {(char *)entries, sizeof(entries)};
	struct utmp_login found;

	memset(full, 'h', sizeof(full));
	full[sizeof(full) - 1] = '\0';
	entries[0] = utmp_entry(812, 50, "old", 1); /* another process's with that PID */
	entries[1] = utmp_entry(812, 99, full, 0x0100007f);
	entries[2] = utmp_entry(812, 120, "later", 1);
	entries[3] = utmp_entry(813, 99, "other", 1);
	entries[4] = utmp_entry(900, 120, "out", 1);
	entries[4].ut_type = DEAD_PROCESS;
	assert_true(utmp_find(file, processes, 2, &found));
	assert_int_equal(found.host.size, sizeof(full) - 1); /* without a NUL */
	assert_text_is(found.terminal, "pts/0");
	assert_true(found.has_address);
	assert_false(found.v6);
	assert_memory_equal(found.address, "\x7f\0\0\1", 4);
	assert_int_equal(found.time, 99 * NS_PER_S);
	entries[2].ut_tv.tv_sec = 99; /* as old, but behind it */
	entries[1].ut_addr_v6[3] = 1;
	assert_true(utmp_find(file, processes, 2, &found));
	assert_true(found.v6);
	assert_false(utmp_find(file, processes, 1, &found));
	assert_false(utmp_find(file, NULL, 0, &found));
	file.size = 2 * sizeof(entries[0]) - 1; /* the second one is cut off */
	assert_false(utmp_find(file, processes, 2, &found));
}

/* --- who logged in ---------------------------------------------------------------------------- */

static const struct process above[] = {
	{.pid = 820,
	 .start = 82,
	 .euid = 1000,
	 .name = BYTES("bash"),
	 .executable = BYTES("/usr/bin/bash")},
	{.pid = 815,
	 .start = 81,
	 .euid = 1000,
	 .name = BYTES("sshd"),
	 .executable = BYTES("/usr/sbin/sshd")},
	{.pid = 812, .start = 80, .name = BYTES("sshd"), .executable = BYTES("/usr/sbin/sshd")},
	{.pid = 500, .start = 50, .name = BYTES("sshd"), .executable = BYTES("/usr/sbin/sshd")},
	{.pid = 1,
	 .start = 1,
	 .name = BYTES("systemd"),
	 .executable = BYTES("/usr/lib/systemd/systemd")},
};

static struct caller caller_below(const struct process *parents, unsigned int count,
				  uint32_t session)
{
	static uint64_t numbers;

	return (struct caller){
		.shared = {.number = ++numbers},
		.process = {.pid = 4711, .start = 100000000, .euid = 1000, .name = BYTES("docker")},
		.uid = 1000,
		.login_uid = session == CALLERD_UNSET_ID ? CALLERD_UNSET_ID : 1000,
		.session = session,
		.ancestors = parents,
		.ancestor_count = count,
	};
}

static void test_leader(void **state)
{
	struct process changed[COUNT(above)];
	struct caller caller = caller_below(above, COUNT(above), 3);

	assert_int_equal(login_leader_of(&caller), 2);
	assert_int_equal(login_entry_of(&caller, 2), 0);
	memcpy(changed, above, sizeof(changed));
	caller.ancestors = changed;
	changed[2].euid = changed[3].euid = 1000; /* a user's own sshd */
	assert_int_equal(login_leader_of(&caller), -1);
	changed[2] = above[2];
	changed[2].executable = bytes_of("/tmp/usr/sbin/sshd");
	assert_int_equal(login_leader_of(&caller), -1);
	changed[2] = above[2];
	changed[2].executable_exchanged = true;
	assert_int_equal(login_leader_of(&caller), -1);
	changed[2] = above[2];
	changed[2].euid = 1; /* atd is the user daemon's between its acts of root */
	changed[2].executable = bytes_of("/usr/sbin/atd");
	assert_int_equal(login_leader_of(&caller), 2);
	changed[2].euid = 1000;
	assert_int_equal(login_leader_of(&caller), -1);
	caller =
		caller_below(above + 1, COUNT(above) - 1, 3); /* ssh HOST docker, without a shell */
	assert_int_equal(login_entry_of(&caller, 1), -1);
}

/* --- what is kept ----------------------------------------------------------------------------- */

static struct login_found answer;
static struct login_question asked;
static unsigned int looks, looks_again;
static bool has_ended;
static uint64_t passed, stands; /* at that time; 0: it goes on */

void __wrap_login_look(const struct login_question *question, struct login_found *ret)
{
	asked = *question;
	*ret = answer;
	looks++;
}

bool __wrap_login_look_ended(const struct login_found *found)
{
	looks_again++;
	return has_ended;
}

uint64_t __real_clock_now(clockid_t id);

uint64_t __wrap_clock_now(clockid_t id)
{
	return (stands ?: __real_clock_now(id)) + passed;
}

struct kept_logins {
	struct beside *beside;
	struct logins *logins;
};

static void begin_answer(void)
{
	answer = (struct login_found){.start = 80, .owns = true};
	answer.login = (struct login){
		.basis = 1u << LOGIN_BY_CONNECTION | 1u << LOGIN_BY_PROCESS,
		.service = "sshd",
		.address = "10.1.2.3",
		.port = 50022,
		.time = 1772366624000000000,
		.leader = {.pid = 812, .start = 80, .executable = BYTES("/usr/sbin/sshd")},
	};
}

static int begin_logins(void **state)
{
	static struct kept_logins all;

	passed = stands = looks = looks_again = 0;
	has_ended = false;
	begin_answer();
	*state = &all;
	return beside_new(NULL, &all.beside) || logins_new(&context, all.beside, &all.logins);
}

static int end_logins(void **state)
{
	struct kept_logins *all = *state;

	beside_free(all->beside);
	logins_free(all->logins);
	return 0;
}

static void wait_for_looks(struct kept_logins *all)
{
	struct pollfd fd = {.fd = beside_fd(all->beside), .events = POLLIN};

	while (beside_is_waiting(all->beside)) {
		poll(&fd, 1, 100);
		beside_run(all->beside, clock_now(CLOCK_BOOTTIME));
	}
}

static const struct login *find_waiting(struct kept_logins *all, const struct caller *caller)
{
	logins_expect(all->logins, caller);
	wait_for_looks(all);
	return logins_find(all->logins, caller, NULL);
}

static void test_asked_once(void **state)
{
	struct kept_logins *all = *state;
	struct caller first = caller_below(above, COUNT(above), 3);
	struct caller second = caller_below(above, COUNT(above), 3);
	struct caller nobody = caller_below(above, 1, CALLERD_UNSET_ID);
	uint64_t news = logins_news(all->logins);
	const struct login *login;
	bool waits;

	assert_null(logins_find(all->logins, &first, &waits));
	assert_true(waits);
	assert_true(logins_are_asked(all->logins));
	wait_for_looks(all);
	assert_false(logins_are_asked(all->logins));
	assert_true(logins_news(all->logins) != news);
	login = logins_find(all->logins, &first, &waits);
	assert_non_null(login);
	assert_false(waits);
	assert_string_equal(login->address, "10.1.2.3");
	assert_int_equal(asked.key.leader, 812);
	assert_int_equal(asked.key.leader_start, 80);
	/* of what is above only sshd: the shell is alice's, and what is below it */
	assert_int_equal(asked.above_count, 2);
	assert_int_equal(asked.above[0].pid, 815);
	assert_int_equal(asked.above[1].pid, 812);
	assert_ptr_equal(logins_find(all->logins, &second, NULL), login);
	assert_int_equal(looks, 1);
	assert_null(find_waiting(all, &nobody));
	assert_int_equal(looks, 1);
}

static struct login_memory memory; /* that was put last */
static char memory_texts[10][256];
static unsigned int memories;

static void keep_memory(void *data, const struct login_memory *put)
{
	struct bytes *texts[] = {&memory.login,		&memory.boot_id, &memory.scope,
				 &memory.service,	&memory.address, &memory.host,
				 &memory.terminal,	&memory.id,	 &memory.leader_file,
				 &memory.contradictions};

	memories++;
	memory = *put;
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_true(texts[i]->size < sizeof(memory_texts[i]));
		if (texts[i]->size)
			memcpy(memory_texts[i], texts[i]->data, texts[i]->size);
		texts[i]->data = memory_texts[i];
	}
}

static void recall_memory(void *data, void *logins,
			  void (*seen)(void *logins, const struct login_memory *memory))
{
	seen(logins, &memory);
}

/* Another life, in the boot BOOT. */
static void begin_again(struct kept_logins *all, const char *boot)
{
	static struct record_context again;
	const struct login_keeper keeper = {NULL, recall_memory, keep_memory};

	wait_for_looks(all);
	again = context;
	again.boot_id = boot;
	logins_free(all->logins);
	assert_int_equal(logins_new(&again, all->beside, &all->logins), 0);
	logins_remember(all->logins, &keeper);
}

/* What an earlier life knew of a login of this boot, when its leader has gone. */
static void test_remembered(void **state)
{
	struct kept_logins *all = *state;
	struct caller caller = caller_below(above, COUNT(above), 3);
	const struct login *login;

	memory = (struct login_memory){0};
	memories = 0;
	begin_again(all, "boot-1");
	answer.login.contradiction_count = 1;
	strcpy(answer.login.contradictions[0], "utmp: 10.9.9.9");
	assert_non_null(find_waiting(all, &caller));
	assert_int_equal(memories, 1);
	begin_again(all, "boot-1");
	answer = (struct login_found){0};
	has_ended = true;
	looks = 0;
	login = find_waiting(all, &caller);
	assert_non_null(login);
	assert_int_equal(looks, 0);
	assert_string_equal(login->service, "sshd");
	assert_string_equal(login->address, "10.1.2.3");
	assert_int_equal(login->port, 50022);
	assert_int_equal(login->time, 1772366624000000000);
	assert_int_equal(login->leader.pid, 812);
	assert_int_equal(login->leader.start, 80);
	assert_true(bytes_are(login->leader.executable, "/usr/sbin/sshd"));
	assert_int_equal(login->contradiction_count, 1);
	assert_string_equal(login->contradictions[0], "utmp: 10.9.9.9");
	assert_true(login->ended);
	assert_int_equal(memories, 2); /* that it has ended */
	/* of another boot, or damaged, it is not known */
	begin_again(all, "boot-2");
	assert_null(logins_find(all->logins, &caller, NULL));
	memory.leader_file = bytes_of("/home/alice/sshd");
	begin_again(all, "boot-1");
	assert_null(logins_find(all->logins, &caller, NULL));
	memory.leader_file = bytes_of("/usr/sbin/sshd");
	memory.contradictions.size--;
	begin_again(all, "boot-1");
	assert_null(logins_find(all->logins, &caller, NULL));
	memory.contradictions.size++;
	memory.leader_start++; /* the PID was another process's */
	begin_again(all, "boot-1");
	assert_null(logins_find(all->logins, &caller, NULL));
	wait_for_looks(all);
}

/* The same PID, started at another time, is somebody else's. */
static void test_pid_that_passed_on(void **state)
{
	struct kept_logins *all = *state;
	struct process later[COUNT(above)];
	struct caller first = caller_below(above, COUNT(above), 3);
	struct caller second = caller_below(later, COUNT(above), 3);

	memcpy(later, above, sizeof(later));
	later[2].start = 99;
	assert_non_null(find_waiting(all, &first));
	answer.login.port = 1;
	assert_int_equal(find_waiting(all, &second)->port, 1);
	assert_int_equal(find_waiting(all, &first)->port, 50022);
	assert_int_equal(looks, 2);
}

/* tmux is a child of init. What was known of its session by way of who logged in stays known, also when that has ended. */
static void test_of_a_session(void **state)
{
	struct kept_logins *all = *state;
	struct caller first = caller_below(above, COUNT(above), 3);
	struct caller tmux = caller_below(above + 4, 1, 3), again = tmux, other = tmux;
	const struct login *login;

	assert_non_null(find_waiting(all, &first));
	has_ended = true;
	login = find_waiting(all, &tmux);
	assert_non_null(login);
	assert_string_equal(login->address, "10.1.2.3");
	assert_true(login->basis & 1u << LOGIN_BY_SESSION);
	assert_true(login->ended);
	assert_int_equal(looks, 1);
	again.shared.number += 1000;
	assert_ptr_equal(find_waiting(all, &again), login);
	answer = (struct login_found){0};
	other.shared.number += 2000;
	other.session = 4; /* of which nothing is known */
	assert_null(find_waiting(all, &other));
	assert_int_equal(looks, 2);
}

/* Within a session somebody may log in again, where no PAM gives that a session of its own: what is below no login is the first
 * one's. */
static void test_logins_within_a_session(void **state)
{
	struct kept_logins *all = *state;
	struct process later[COUNT(above)];
	struct caller inner = caller_below(later, COUNT(above), 3);
	struct caller outer = caller_below(above, COUNT(above), 3);
	struct caller tmux = caller_below(above + 4, 1, 3);

	memcpy(later, above, sizeof(later));
	later[2].pid = 912;
	answer.start = 99;
	answer.login.port = 1;
	assert_int_equal(find_waiting(all, &inner)->port, 1);
	answer.start = 80;
	answer.login.port = 50022;
	assert_int_equal(find_waiting(all, &outer)->port, 50022);
	assert_int_equal(find_waiting(all, &tmux)->port, 50022);
}

static void test_ended(void **state)
{
	struct kept_logins *all = *state;
	struct caller caller = caller_below(above, COUNT(above), 3);

	assert_false(find_waiting(all, &caller)->ended);
	assert_int_equal(looks_again, 0);
	passed = 20 * NS_PER_S;
	logins_expect(all->logins, &caller);
	assert_false(
		logins_are_asked(all->logins)); /* of what is known already nobody waits for more */
	assert_false(find_waiting(all, &caller)->ended);
	has_ended = true;
	passed = 40 * NS_PER_S;
	assert_true(find_waiting(all, &caller)->ended);
	assert_string_equal(find_waiting(all, &caller)->address, "10.1.2.3");
	passed = 60 * NS_PER_S; /* for good */
	find_waiting(all, &caller);
	assert_int_equal(looks_again, 2);
	assert_int_equal(looks, 1);
}

static void test_keys(void **state)
{
	static const struct process managed[] = {
		{.pid = 700,
		 .start = 70,
		 .euid = 1000,
		 .executable = BYTES("/usr/lib/systemd/systemd")},
		{.pid = 1, .start = 1, .executable = BYTES("/usr/lib/systemd/systemd")},
	};
	struct kept_logins *all = *state;
	struct caller scope = caller_below(above + 4, 1, CALLERD_UNSET_ID), unit = scope;
	struct caller claimed = scope, contained = scope,
		      before = caller_below(above, COUNT(above), 3);

	scope.cgroup = bytes_of("/user.slice/user-1000.slice/session-c12.scope");
	find_waiting(all, &scope);
	assert_string_equal(asked.key.scope, "c12");
	unit.ancestors = managed;
	unit.ancestor_count = 2;
	unit.shared.number++;
	unit.cgroup = bytes_of("/user.slice/user-1000.slice/user@1000.service/app.slice/x.service");
	find_waiting(all, &unit);
	assert_int_equal(asked.key.manager, 1);
	assert_int_equal(asked.key.leader, 700);
	assert_int_equal(looks, 2);
	claimed.cgroup = bytes_of("/user.slice/user-1000.slice/session-3.scope");
	claimed.cgroup_claimed = (uint32_t)strlen("/session-3.scope");
	claimed.shared.number += 2;
	assert_null(find_waiting(all, &claimed));
	contained.cgroup = bytes_of("/x.slice/user.slice/user-1000.slice/session-3.scope");
	contained.shared.number += 3;
	assert_null(find_waiting(all, &contained));
	before.boot_id = bytes_of("an earlier one");
	assert_null(find_waiting(all, &before));
	assert_int_equal(looks, 2);
}

/* Whoever logs in by the thousand has no more than his share, and what others have stays. */
static void test_thousands(void **state)
{
	struct kept_logins *all = *state;
	struct process many[COUNT(above)];
	struct caller alice = caller_below(above, COUNT(above), 3);

	assert_non_null(find_waiting(all, &alice));
	memcpy(many, above, sizeof(many));
	for (unsigned int i = 0; i < 3000; i++) {
		struct caller bob = caller_below(many, COUNT(many), 100 + i);

		bob.login_uid = i; /* who has none chooses it */
		bob.account = 1001;
		many[2].pid = 10000 + i;
		find_waiting(all, &bob);
	}
	assert_int_equal(looks, 3001);
	assert_int_equal(logins_forgotten(all->logins), 3000 - 256);
	assert_non_null(find_waiting(all, &alice));
	assert_int_equal(looks, 3001);
	/* many users do not have more either */
	for (unsigned int i = 0; i < 3000; i++) {
		struct caller one = caller_below(many, COUNT(many), 5000 + i);

		one.account = 2000 + i;
		many[2].pid = 20000 + i;
		find_waiting(all, &one);
	}
	assert_int_equal(logins_forgotten(all->logins), 3000 - 256 + 3000 + 256 + 1 - 1024);
}

/* Whoever has sessions without end does not have /proc searched as often, and others are not held up. */
static void test_searches(void **state)
{
	struct kept_logins *all = *state;
	struct caller other = caller_below(above + 4, 1, 999), later = other;

	stands = clock_now(CLOCK_MONOTONIC_COARSE);
	for (unsigned int i = 0; i < 100; i++) {
		struct caller caller = caller_below(above + 4, 1, 1000 + i);

		find_waiting(all, &caller);
	}
	assert_int_equal(looks, 4);
	later.shared.number += 1000;
	later.session = 998;
	assert_null(find_waiting(all, &later));
	passed = 2 * NS_PER_S;
	assert_non_null(find_waiting(all, &later));
	other.account = 1;
	assert_non_null(find_waiting(all, &other));
	assert_true(asked.searches);
	assert_int_equal(asked.above_count, 0);
}

/* A process in a container has none searched for; that nothing is known of its session then does not hold for others. */
static void test_search_of_a_container(void **state)
{
	struct kept_logins *all = *state;
	struct caller contained = caller_below(above + 4, 1, 7), tmux = contained;

	answer = (struct login_found){0};
	contained.cgroup = bytes_of("/system.slice/docker-" ID ".scope");
	assert_null(find_waiting(all, &contained));
	assert_int_equal(looks, 1);
	assert_false(asked.searches);
	begin_answer();
	tmux.shared.number += 1000;
	assert_non_null(find_waiting(all, &tmux));
	assert_int_equal(looks, 2);
	assert_true(asked.searches);
}

/* That still nothing is known is no news: whoever makes it so again and again does not have lines written anew. */
static void test_no_news(void **state)
{
	struct kept_logins *all = *state;
	struct caller caller = caller_below(above + 4, 1, 7);
	uint64_t news;

	answer = (struct login_found){0};
	assert_null(find_waiting(all, &caller));
	news = logins_news(all->logins);
	passed = 61 * NS_PER_S;
	assert_null(find_waiting(all, &caller));
	assert_int_equal(looks, 2);
	assert_int_equal(logins_news(all->logins), news);
	begin_answer();
	passed = 122 * NS_PER_S;
	assert_non_null(find_waiting(all, &caller));
	assert_true(logins_news(all->logins) != news);
}

/* sshd had several connections when it was looked at; what is known stays where it still has. */
static void test_connection_later(void **state)
{
	struct kept_logins *all = *state;
	struct caller caller = caller_below(above, COUNT(above), 3);

	answer.login.basis = 1u << LOGIN_BY_PROCESS;
	answer.login.address[0] = '\0';
	assert_string_equal(find_waiting(all, &caller)->address, "");
	passed = 20 * NS_PER_S;
	find_waiting(all, &caller);
	assert_int_equal(looks, 1);
	answer = (struct login_found){0};
	passed = 61 * NS_PER_S;
	assert_string_equal(find_waiting(all, &caller)->service, "sshd");
	assert_int_equal(looks, 2);
	begin_answer();
	passed = 122 * NS_PER_S;
	assert_string_equal(find_waiting(all, &caller)->address, "10.1.2.3");
	assert_int_equal(looks, 3);
}

/* --- how it is told --------------------------------------------------------------------------- */

static const struct login *told_login(void *data, const struct caller *caller, bool *ret_asked)
{
	*ret_asked = !data;
	return data;
}

static struct record_context telling(const struct login *login)
{
	struct record_context ret = context;

	ret.login = told_login;
	ret.login_data = (void *)login;
	return ret;
}

static void assert_in(const struct text *text, const char *wanted)
{
	if (!memmem(text->data, text->size, wanted, strlen(wanted)))
		fail_msg("%s is not in %.*s", wanted, (int)text->size, text->data);
}

static void assert_not_in(const struct text *text, const char *unwanted)
{
	if (memmem(text->data, text->size, unwanted, strlen(unwanted)))
		fail_msg("%s is in %.*s", unwanted, (int)text->size, text->data);
}

static void test_told(void **state)
{
	struct login login = {
		.basis = 1u << LOGIN_BY_CONNECTION | 1u << LOGIN_BY_UTMP,
		.service = "sshd",
		.address = "10.1.2.3",
		.host = "evil\n\x1b[2J\xff|host",
		.port = 50022,
		.terminal = "pts/0",
		.id = "3",
		.time = 1772366624000000000,
		.leader = {.pid = 812, .start = 80, .executable = BYTES("/usr/sbin/sshd")},
		.ended = true,
		.contradiction_count = 1,
		.contradictions = {"utmp: 10.9.9.9"},
	};
	struct record_context telling_it = telling(&login);
	struct caller caller = caller_below(above, COUNT(above), 3);
	struct record record = plain_request(&caller);
	struct text out = {0};

	caller.process.euid = 0;
	assert_int_equal(ecs_write(&record, &telling_it, &out), 0);
	assert_in(&out, "\"source\":{\"ip\":\"10.1.2.3\",\"port\":50022,\"domain\":"
			"\"evil\\u000a\\u001b[2J");
	assert_in(&out, "\"message\":\"alice (ssh from 10.1.2.3) → root (setuid) | docker");
	assert_in(&out, "\"entry_leader\":{\"pid\":820,");
	assert_in(&out, "\"entry_meta\":{\"type\":\"sshd\",\"source\":{\"ip\":\"10.1.2.3\"}}");
	assert_in(
		&out,
		"\"session\":{\"id\":\"3\",\"service\":\"sshd\",\"basis\":[\"connection\","
		"\"utmp\"],\"tty\":\"pts/0\",\"start\":\"2026-03-01T12:03:44.000000000Z\","
		"\"ended\":true,\"contradictions\":[\"utmp: 10.9.9.9\"],\"leader\":{\"pid\":812,");
	assert_int_equal(memchr(out.data, '\n', out.size) - (void *)out.data, out.size - 1);
	text_cut(&out, 0);
	assert_int_equal(ocsf_write(&record, &telling_it, &out), 0);
	assert_in(&out, "\"src_endpoint\":{\"ip\":\"10.1.2.3\",\"port\":50022,\"hostname\":\"evil");
	text_cut(&out, 0);
	assert_int_equal(cef_write(&record, &telling_it, &out), 0);
	assert_in(&out, " src=10.1.2.3 ");
	assert_in(&out, " spt=50022 ");
	assert_not_in(&out, "c6a2");
	text_cut(&out, 0);
	strcpy(login.address, "2001:db8::1");
	assert_int_equal(cef_write(&record, &telling_it, &out), 0);
	assert_in(&out, " c6a2=2001:db8::1 c6a2Label=Source IPv6 Address ");
	assert_not_in(&out, " src=");
	text_cut(&out, 0);
	assert_int_equal(rfc5424_write(&record, &telling_it, &out), 0);
	assert_in(&out, " src=\"2001:db8::1\" srcPort=\"50022\" service=\"sshd\"");
	text_free(&out);
}

/* What others say of where he came from is no other part of the line, and a process that has the PID of the one that logged in is
 * not that one. */
static void test_told_by_others(void **state)
{
	struct login login = {
		.basis = 1u << LOGIN_BY_PROCESS | 1u << LOGIN_BY_UTMP,
		.service = "login",
		.host = "x) | sh | ContainerCreate",
		.leader = {.pid = 812, .start = 79, .executable = BYTES("/usr/bin/login")},
	};
	struct record_context telling_it = telling(&login);
	struct caller caller = caller_below(above, COUNT(above), 3);
	struct record record = plain_request(&caller);
	struct text out = {0};

	assert_int_equal(ecs_write(&record, &telling_it, &out), 0);
	assert_in(&out, "\"message\":\"alice (login from 'x) | sh | ContainerCreate') | docker");
	assert_not_in(&out, "\"entry_leader\":{\"pid\":820,");
	text_free(&out);
}

/* An endpoint is this host where nobody came from elsewhere. */
static void test_told_without_a_source(void **state)
{
	struct login cron = {.basis = 1u << LOGIN_BY_PROCESS, .service = "cron"};
	const struct login *const all[] = {&cron, NULL};
	struct caller caller = caller_below(above, COUNT(above), 3);
	struct record record = plain_request(&caller);

	for (size_t i = 0; i < COUNT(all); i++) {
		struct record_context telling_it = telling(all[i]);
		struct text out = {0};

		assert_int_equal(ocsf_write(&record, &telling_it, &out), 0);
		assert_in(&out, "\"src_endpoint\":{\"hostname\":\"build7\"");
		text_cut(&out, 0);
		assert_int_equal(ecs_write(&record, &telling_it, &out), 0);
		assert_in(&out, i ? "\"message\":\"alice | docker"
				  : "\"message\":\"alice (cron) | docker");
		assert_not_in(&out, "\"source\"");
		assert_not_in(&out, "entry_meta");
		text_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_logind),
		cmocka_unit_test(test_logind_cut),
		cmocka_unit_test(test_logind_odd),
		cmocka_unit_test(test_utmp),
		cmocka_unit_test(test_leader),
		cmocka_unit_test_setup_teardown(test_asked_once, begin_logins, end_logins),
		cmocka_unit_test_setup_teardown(test_remembered, begin_logins, end_logins),
		cmocka_unit_test_setup_teardown(test_pid_that_passed_on, begin_logins, end_logins),
		cmocka_unit_test_setup_teardown(test_of_a_session, begin_logins, end_logins),
		cmocka_unit_test_setup_teardown(test_logins_within_a_session, begin_logins,
						end_logins),
		cmocka_unit_test_setup_teardown(test_ended, begin_logins, end_logins),
		cmocka_unit_test_setup_teardown(test_keys, begin_logins, end_logins),
		cmocka_unit_test_setup_teardown(test_thousands, begin_logins, end_logins),
		cmocka_unit_test_setup_teardown(test_searches, begin_logins, end_logins),
		cmocka_unit_test_setup_teardown(test_search_of_a_container, begin_logins,
						end_logins),
		cmocka_unit_test_setup_teardown(test_no_news, begin_logins, end_logins),
		cmocka_unit_test_setup_teardown(test_connection_later, begin_logins, end_logins),
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_told_by_others),
		cmocka_unit_test(test_told_without_a_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
