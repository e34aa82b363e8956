// SPDX-License-Identifier: Apache-2.0
/*
 * Asks polkit whom it lets become root: by pkexec, by systemd, which starts any program for whom it lets start units, by machinectl. What
 * rules say may depend on where somebody sits: the process that is asked for is in no session, as one of a user's services is.
 */
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "ctl/become/access_become.h"
#include "ctl/become/access_polkit.h"
#include "ctl/rules/access_rule.h"
#include "host/proc.h"

#define ASKED_MAX 1000 /* users */
#define ALL_TIME (30 * NS_PER_S)
#define ANNOTATED_MAX 8
#define READY_TIME 2000 /* ms */
#define EXEC "org.freedesktop.policykit.exec"

#define PKEXEC(path)                                                                               \
	EXEC,                                                                                      \
	{                                                                                          \
		{"user", "root"}, {"program", path},                                               \
		{                                                                                  \
			"command_line", path                                                       \
		}                                                                                  \
	}

/* A way to become root, in words. */
struct polkit_way {
	struct access_question question;
	char says[48];
	bool lesser; /* not told beside another one by pkexec, to anything, that asks for no more */
	bool anything; /* by pkexec: a shell */
	bool known;    /* polkit knows the action */
};

struct polkit_round {
	struct access *access;
	struct access_polkit *polkit;
	struct polkit_way ways[16 + ANNOTATED_MAX];
	unsigned int count, annotated;
	char actions[ANNOTATED_MAX][128], programs[ANNOTATED_MAX][128];
	unsigned int unknown; /* users */
	bool in_session;
};

static const struct polkit_way polkit_ways[] = {
	{{PKEXEC("/usr/bin/sh")}, "pkexec sh", .anything = true},
	{{PKEXEC("/usr/bin/bash")}, "pkexec bash", .anything = true, .lesser = true},
	{{PKEXEC("/usr/bin/docker")}, "pkexec docker", .lesser = true},
	{{PKEXEC("/usr/bin/docker-compose")}, "pkexec docker-compose", .lesser = true},
	{{PKEXEC("/usr/bin/podman")}, "pkexec podman", .lesser = true},
	/* without a unit: one that is made for it, of any program */
	{{"org.freedesktop.systemd1.manage-units", {}}, "systemd-run"},
	{{"org.freedesktop.systemd1.manage-unit-files", {}}, "systemctl link"},
	/* LD_PRELOAD, DOCKER_OPTS */
	{{"org.freedesktop.systemd1.set-environment", {}}, "systemctl set-environment"},
	{{"org.freedesktop.machine1.host-shell",
	  {{"machine", ".host"}, {"user", "root"}, {"program", "/bin/sh"}}},
	 "machinectl shell"},
};

/* --- what there is to ask --------------------------------------------------------------------- */

/* An action of its own of a program, as its .policy file says. */
static void add_annotated(struct polkit_round *round, const char *action, const char *program)
{
	enum access_reach reach = access_rule_reach(bytes_of(program));
	struct polkit_way *way = &round->ways[round->count];
	unsigned int at = round->annotated;
	struct bytes name = bytes_basename(bytes_of(program));

	if ((reach != REACH_ENGINE && reach != REACH_ANYTHING) || at == ANNOTATED_MAX ||
	    strlen(action) >= sizeof(round->actions[at]) ||
	    strlen(program) >= sizeof(round->programs[at]))
		return;
	snprintf(round->actions[at], sizeof(round->actions[at]), "%s", action);
	snprintf(round->programs[at], sizeof(round->programs[at]), "%s", program);
	*way = (struct polkit_way){
		.question = {round->actions[at],
			     {{"user", "root"},
			      {"program", round->programs[at]},
			      {"command_line", round->programs[at]}}},
		.anything = reach == REACH_ANYTHING,
		.lesser = true,
		.known = true,
	};
	snprintf(way->says, sizeof(way->says), "pkexec %.*s", (int)name.size, name.data);
	round->annotated++;
	round->count++;
}

static void take_action(void *data, const char *action, const char *program)
{
	struct polkit_round *round = data;

	if (program)
		add_annotated(round, action, program);
	for (unsigned int i = 0; i < round->count; i++)
		round->ways[i].known |= !strcmp(round->ways[i].question.action, action);
}

/* --- a process of a user ---------------------------------------------------------------------- */

/* Whether a process is in a session, or a service of its user, by its cgroup. */
static bool is_in_session(const char *process)
{
	_close_ int directory = open(process, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char cgroup[4096];
	ssize_t size =
		directory < 0 ? 0 : proc_read(directory, "cgroup", cgroup, sizeof(cgroup) - 1);

	cgroup[size > 0 ? size : 0] = '\0';
	return strstr(cgroup, "/session-") || strstr(cgroup, "/user@");
}

/* Out of the session of whoever runs callerctl, whose rights it may give. */
static void leave_session(void)
{
	static const char *const tops[] = {"/sys/fs/cgroup/cgroup.procs",
					   "/sys/fs/cgroup/unified/cgroup.procs",
					   "/sys/fs/cgroup/systemd/cgroup.procs"};

	for (size_t i = 0; i < COUNT(tops); i++) {
		_close_ int fd = open(tops[i], O_WRONLY | O_CLOEXEC);

		if (fd >= 0 && write(fd, "0", 1) < 0)
			continue;
	}
}

static void be_user(const struct access_user *user, int ready)
{
	setsid();
	prctl(PR_SET_NAME, "callerctl-asks");
	if (is_in_session("/proc/self"))
		leave_session();
	if (setgroups(user->group_count, user->groups) ||
	    setresgid(user->gid, user->gid, user->gid) ||
	    setresuid(user->uid, user->uid, user->uid) || prctl(PR_SET_DUMPABLE, 0) ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) || write(ready, "", 1) != 1)
		_exit(1);
	closefrom(0);
	for (;;)
		pause();
}

static void end_subject(const struct access_subject *subject)
{
	kill(subject->pid, SIGKILL);
	while (waitpid(subject->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static bool start_subject(const struct access_user *user, struct access_subject *ret)
{
	_close_ int from = -1, to = -1, directory = -1;
	int ends[2];
	char byte;

	if (pipe2(ends, O_CLOEXEC))
		return false;
	from = ends[0];
	to = ends[1];
	*ret = (struct access_subject){.pid = fork(), .uid = user->uid};
	if (ret->pid < 0)
		return false;
	if (!ret->pid)
		be_user(user, to);
	cleanup_close(&to);
	/* Its user may stop it as soon as it is his. */
	if (poll(&(struct pollfd){.fd = from, .events = POLLIN}, 1, READY_TIME) > 0 &&
	    read(from, &byte, 1) == 1)
		directory = proc_open((uint32_t)ret->pid, 0);
	ret->start = directory >= 0 ? proc_start_ticks(directory) : 0;
	if (ret->start)
		return true;
	end_subject(ret);
	return false;
}

/* --- what it lets a user do ------------------------------------------------------------------- */

/* The ways, by the answer; and what the best one is of those that lead to anything. */
struct polkit_let {
	char says[POLKIT_YES + 1][100];
	bool sees_use; /* each is by pkexec, whose caller is told */
};

static void add_polkit_way(struct polkit_let *let, const struct polkit_way *way,
			   enum access_polkit_answer answer)
{
	char *says = let->says[answer];
	size_t used = strlen(says), size = sizeof(let->says[answer]);

	if (used + strlen(way->says) + 3 < size)
		snprintf(says + used, size - used, "%s%s", used ? ", " : "", way->says);
	let->sees_use &= !strncmp(way->says, "pkexec ", strlen("pkexec "));
}

static void give_polkit(struct polkit_round *round, const struct access_user *user,
			const struct polkit_let *let)
{
	const char *free_ones = let->says[POLKIT_YES], *own = let->says[POLKIT_OWN_PASSWORD];
	struct access_grant *grant;

	if (!*free_ones && !*own)
		return;
	grant = access_add(round->access, NULL, ACCESS_POLKIT, user->name);
	grant->has_uid = true;
	grant->uid = user->uid;
	grant->unseen = !let->sees_use;
	snprintf(grant->how, sizeof(grant->how), "polkit %s%s%s", free_ones,
		 *free_ones && *own ? ", " : "", own);
	if (!*own)
		snprintf(grant->detail, sizeof(grant->detail), "without a password");
	else if (!*free_ones)
		snprintf(grant->detail, sizeof(grant->detail), "by his own password");
	else
		snprintf(grant->detail, sizeof(grant->detail), "without a password: %s", free_ones);
}

/* False: polkit does not say. */
static bool ask_subject(struct polkit_round *round, const struct access_subject *subject,
			struct polkit_let *let)
{
	enum access_polkit_answer anything = POLKIT_NO; /* by pkexec */
	bool told = true;

	for (unsigned int i = 0; i < round->count; i++) {
		const struct polkit_way *way = &round->ways[i];
		enum access_polkit_answer answer;

		if (!way->known || (way->lesser && anything == POLKIT_YES))
			continue;
		answer = access_polkit_ask(round->polkit, subject, &way->question);
		told &= answer != POLKIT_UNKNOWN;
		if (answer <= POLKIT_NO || (way->lesser && answer <= anything))
			continue;
		add_polkit_way(let, way, answer);
		if (way->anything)
			anything = answer;
	}
	return told;
}

static bool ask_for_user(struct polkit_round *round, const struct access_user *user)
{
	struct polkit_let let = {.sees_use = true};
	struct access_subject subject;
	char process[32];
	bool told;

	if (!start_subject(user, &subject))
		return false;
	snprintf(process, sizeof(process), "/proc/%d", (int)subject.pid);
	round->in_session |= is_in_session(process);
	told = ask_subject(round, &subject, &let);
	access_polkit_leave(round->polkit, &subject);
	end_subject(&subject);
	give_polkit(round, user, &let);
	return told;
}

static void ask_for_users(struct polkit_round *round)
{
	struct access *access = round->access;
	uint64_t end = clock_now(CLOCK_MONOTONIC) + ALL_TIME;
	unsigned int unasked = 0, asked = 0, unknown = 0;
	const char *first = NULL;

	for (unsigned int i = 0; i < access->user_count; i++) {
		const struct access_user *user = access->users[i];

		if (!user->uid)
			continue;
		if (asked == ASKED_MAX || clock_now(CLOCK_MONOTONIC) > end) {
			unasked++;
			continue;
		}
		asked++;
		if (!ask_for_user(round, user) && !unknown++)
			first = user->name;
	}
	if (unknown)
		access_note(access, "polkit does not say all that %s%s may do", first,
			    unknown > 1 ? ", and others," : "");
	if (unasked)
		access_note(access, "polkit was not asked what %u users may do: it takes too long",
			    unasked);
	if (round->in_session)
		access_note(access, "polkit was asked what users may do in the session that "
				    "callerctl runs in: elsewhere it may let them do less");
}

void access_ask_polkit(struct access *access)
{
	_free_ struct polkit_round *round = calloc(1, sizeof(*round));
	const char *why = "there is no memory";

	if (access->only_files) {
		access_note(access, "polkit was not asked what users may do: it asks the name "
				    "services, which do not answer");
		return;
	}
	if (round) {
		round->access = access;
		memcpy(round->ways, polkit_ways, sizeof(polkit_ways));
		round->count = COUNT(polkit_ways);
		round->polkit = access_polkit_open(&why, round, take_action);
	}
	if (!round || !round->polkit) {
		access_note(access, "polkit was not asked what users may do: %s", why);
		return;
	}
	ask_for_users(round);
	access_polkit_close(round->polkit);
}
