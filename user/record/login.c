// SPDX-License-Identifier: Apache-2.0
#include "record/login.h"

#include "base/bytes.h"

#define SYSTEM_USERS 100 /* what people have is at least that */

const char *login_basis_name(unsigned int basis)
{
	static const char *const names[LOGIN_BASES] = {
		[LOGIN_BY_CONNECTION] = "connection", [LOGIN_BY_PROCESS] = "process",
		[LOGIN_BY_SESSION] = "session",	      [LOGIN_BY_UNIT] = "unit",
		[LOGIN_BY_LOGIND] = "logind",	      [LOGIN_BY_UTMP] = "utmp",
	};

	return basis < LOGIN_BASES ? names[basis] : NULL;
}

const char *login_service_of(struct bytes file, struct bytes *ret_file)
{
	/* Since OpenSSH 9.8 a connection is sshd-session's. */
	static const struct {
		const char *file, *service;
	} programs[] = {
		{"/usr/sbin/sshd", "sshd"},
		{"/usr/bin/sshd", "sshd"},
		{"/usr/lib/openssh/sshd-session", "sshd"},
		{"/usr/libexec/openssh/sshd-session", "sshd"},
		{"/usr/lib/ssh/sshd-session", "sshd"},
		{"/usr/bin/login", "login"},
		{"/bin/login", "login"},
		{"/usr/sbin/cron", "cron"},
		{"/usr/sbin/crond", "cron"},
		{"/usr/bin/crond", "cron"},
		{"/usr/sbin/atd", "atd"},
		{"/usr/bin/atd", "atd"},
	};

	for (size_t i = 0; i < COUNT(programs); i++)
		if (bytes_are(file, programs[i].file)) {
			if (ret_file)
				*ret_file = bytes_of(programs[i].file);
			return programs[i].service;
		}
	return NULL;
}

/* atd has root's rights only at times, and else those of the user daemon. */
static bool may_be_leader(const struct process *process)
{
	const char *service = login_service_of(process->executable, NULL);

	if (!service || !process->pid || !process->start || process->executable_exchanged)
		return false;
	return !process->euid || (!strcmp(service, "atd") && process->euid < SYSTEM_USERS);
}

int login_leader_of(const struct caller *caller)
{
	for (unsigned int i = 0; i < caller->ancestor_count; i++)
		if (may_be_leader(&caller->ancestors[i]))
			return (int)i;
	return -1;
}

/* sshd has one more process between, with the user's rights. */
int login_entry_of(const struct caller *caller, unsigned int leader)
{
	struct bytes program = caller->ancestors[leader].executable;
	int entry = (int)leader - 1;

	while (entry >= 0 && bytes_equal(caller->ancestors[entry].executable, program))
		entry--;
	return entry;
}
