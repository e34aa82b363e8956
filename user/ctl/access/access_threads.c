// SPDX-License-Identifier: Apache-2.0
#include "ctl/access/access_threads.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "host/proc.h"

/* --- what a thread is ------------------------------------------------------------------------- */

struct bytes access_threads_file(int directory, const char *name, char *data)
{
	ssize_t size = proc_read(directory, name, data, ACCESS_FILE_MAX);

	return (struct bytes){data, size > 0 ? (size_t)size : 0};
}

static void read_groups(struct access_thread *thread, struct bytes list)
{
	struct bytes one;

	while (bytes_take(&list, ' ', &one)) {
		uint32_t gid = 0;

		while (one.size && isspace((unsigned char)*one.data))
			one = bytes_from(one, 1);
		if (!one.size || thread->group_count == ACCESS_THREAD_GROUPS_MAX)
			continue;
		for (size_t i = 0; i < one.size && isdigit((unsigned char)one.data[i]); i++)
			gid = gid * 10 + (uint32_t)(one.data[i] - '0');
		thread->groups[thread->group_count++] = gid;
	}
}

/* The names of processes are their own; the kernel escapes line feeds in them. */
bool access_threads_read(struct access_thread *thread, char *data)
{
	struct bytes text = access_threads_file(thread->directory, "status", data), line;
	bool known = false, ended = false;

	while (bytes_take(&text, '\n', &line)) {
		char value[128];
		const char *colon = line.size ? memchr(line.data, ':', line.size) : NULL;

		if (!colon)
			continue;
		snprintf(value, sizeof(value), "%.*s",
			 (int)(line.size - (size_t)(colon - line.data) - 1), colon + 1);
		if (bytes_begin(line, "Name:"))
			snprintf(thread->name, sizeof(thread->name), "%s",
				 value + strspn(value, "\t"));
		else if (bytes_begin(line, "State:"))
			ended = strchr("ZX", value[strspn(value, "\t ")]);
		else if (bytes_begin(line, "Uid:")) /* that of file accesses */
			known = sscanf(value, "%*u %*u %*u %u", &thread->uid) == 1;
		else if (bytes_begin(line, "Gid:"))
			thread->group_count += sscanf(value, "%*u %*u %*u %u", thread->groups) == 1;
		else if (bytes_begin(line, "Groups:"))
			read_groups(thread, bytes_from(line, strlen("Groups:")));
		else if (bytes_begin(line, "CapEff:"))
			thread->capabilities = strtoull(value + strspn(value, "\t "), NULL, 16);
	}
	return known && !ended;
}

/* --- all of them ------------------------------------------------------------------------------ */

/* False: there was no time for all threads of PROCESS, a name in /proc. */
static bool walk_process(const char *process, uint64_t end, void *data,
			 void (*look)(void *data, uint32_t pid, uint32_t tid, int directory))
{
	uint32_t pid = (uint32_t)strtoul(process, NULL, 10);
	_closedir_ DIR *tasks = NULL;
	const struct dirent *entry;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%.10s/task", process);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks))) {
		_close_ int thread = -1;

		if (!isdigit((unsigned char)*entry->d_name))
			continue;
		if (clock_now(CLOCK_MONOTONIC) > end)
			return false;
		thread = openat(dirfd(tasks), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (thread >= 0)
			look(data, pid, (uint32_t)strtoul(entry->d_name, NULL, 10), thread);
	}
	return true;
}

int access_threads_walk(uint64_t end, void *data,
			void (*look)(void *data, uint32_t pid, uint32_t tid, int directory))
{
	_closedir_ DIR *processes = opendir("/proc");
	const struct dirent *entry;
	int left = 0;

	if (!processes)
		return -errno;
	while ((entry = readdir(processes)))
		if (isdigit((unsigned char)*entry->d_name) &&
		    strtoul(entry->d_name, NULL, 10) != (unsigned long)getpid())
			left += !walk_process(entry->d_name, end, data, look);
	return left;
}
