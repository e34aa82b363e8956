// SPDX-License-Identifier: Apache-2.0
#include "login/utmp.h"

#include <stddef.h>
#include <string.h>
#include <utmp.h>

#include "base/clock.h"

/* A login is entered after the start of its process. The clock that its time is of may have been set since. */
#define SLACK (2 * NS_PER_S)

static uint64_t utmp_time(const struct utmp *entry)
{
	uint64_t seconds = (uint32_t)entry->ut_tv.tv_sec;
	uint64_t rest = (uint32_t)entry->ut_tv.tv_usec;

	return seconds * NS_PER_S + (rest < 1000000 ? rest : 0) * NS_PER_US;
}

static bool is_by(const struct utmp *entry, const struct utmp_process *processes,
		  unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (entry->ut_pid > 0 && (uint32_t)entry->ut_pid == processes[i].pid)
			return utmp_time(entry) + SLACK >= processes[i].time;
	return false;
}

static void utmp_take(const struct utmp *entry, const char *at, struct utmp_login *ret)
{
	static const unsigned char none[sizeof(entry->ut_addr_v6)];
	const char *line = at + offsetof(struct utmp, ut_line);
	const char *host = at + offsetof(struct utmp, ut_host);
	size_t v4 = sizeof(entry->ut_addr_v6[0]);

	*ret = (struct utmp_login){
		.terminal = {line, strnlen(line, sizeof(entry->ut_line))},
		.host = {host, strnlen(host, sizeof(entry->ut_host))},
		.time = utmp_time(entry),
		.has_address = memcmp(entry->ut_addr_v6, none, sizeof(none)) != 0,
		.v6 = memcmp(entry->ut_addr_v6 + 1, none, sizeof(none) - v4) != 0,
	};
	memcpy(ret->address, entry->ut_addr_v6, sizeof(ret->address));
}

bool utmp_find(struct bytes file, const struct utmp_process *processes, unsigned int count,
	       struct utmp_login *ret)
{
	struct utmp entry;
	bool found = false;

	for (; file.size >= sizeof(entry); file = bytes_from(file, sizeof(entry))) {
		memcpy(&entry, file.data, sizeof(entry));
		if (entry.ut_type != USER_PROCESS || !is_by(&entry, processes, count) ||
		    (found && utmp_time(&entry) >= ret->time))
			continue;
		utmp_take(&entry, file.data, ret);
		found = true;
	}
	return found;
}
