// SPDX-License-Identifier: Apache-2.0
#include "agent/host.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define CLOCK_READINGS 3
#define NAMES 512
#define NAME_AGE 60 /* seconds that a name, or its absence, is believed */

/* Looking up a name may ask a directory server, so each is asked once a minute at most. */
struct cached_name {
	bool known;
	uint32_t id;
	time_t read;
	char name[64]; /* empty: there is none */
};

struct host {
	struct record_context context;
	char name[256];
	char boot_id[40];
	char run_id[17];
	struct cached_name users[NAMES], groups[NAMES];
};

typedef bool (*lookup_name)(uint32_t id, char *name, size_t size);

static bool lookup_user(uint32_t id, char *name, size_t size)
{
	char memory[4096];
	struct passwd entry, *found;

	if (getpwuid_r(id, &entry, memory, sizeof(memory), &found) || !found)
		return false;
	snprintf(name, size, "%s", entry.pw_name);
	return true;
}

static bool lookup_group(uint32_t id, char *name, size_t size)
{
	char memory[65536]; /* holds the members too */
	struct group entry, *found;

	if (getgrgid_r(id, &entry, memory, sizeof(memory), &found) || !found)
		return false;
	snprintf(name, size, "%s", entry.gr_name);
	return true;
}

static bool cached_lookup(struct cached_name *names, uint32_t id, lookup_name lookup, char *name,
			  size_t size)
{
	struct cached_name *cached = &names[id % NAMES];
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (!cached->known || cached->id != id || now.tv_sec - cached->read > NAME_AGE) {
		cached->known = true;
		cached->id = id;
		cached->read = now.tv_sec;
		if (!lookup(id, cached->name, sizeof(cached->name)))
			cached->name[0] = '\0';
	}
	snprintf(name, size, "%s", cached->name);
	return cached->name[0];
}

static bool user_name(void *data, uint32_t id, char *name, size_t size)
{
	return cached_lookup(((struct host *)data)->users, id, lookup_user, name, size);
}

static bool group_name(void *data, uint32_t id, char *name, size_t size)
{
	return cached_lookup(((struct host *)data)->groups, id, lookup_group, name, size);
}

static int64_t nanoseconds(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1000000000ll + time.tv_nsec;
}

int64_t host_clock(void)
{
	int64_t best = INT64_MAX, distance = 0;

	/* Whoever comes between the readings makes that one worse. */
	for (int i = 0; i < CLOCK_READINGS; i++) {
		int64_t before = nanoseconds(CLOCK_BOOTTIME);
		int64_t real = nanoseconds(CLOCK_REALTIME);
		int64_t window = nanoseconds(CLOCK_BOOTTIME) - before;

		if (window >= best)
			continue;
		best = window;
		distance = real - before - window / 2;
	}
	return distance;
}

void host_refresh(struct host *host)
{
	int64_t distance = host_clock();
	int64_t change = distance - host->context.boot_to_real;

	/* Two readings of two clocks differ by the moment between them: that is no change. */
	if (change > 1000000 || change < -1000000)
		host->context.boot_to_real = distance;
}

static int read_boot_id(char *id, size_t size)
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!file)
		return -errno;
	if (!fgets(id, size, file))
		id[0] = '\0';
	fclose(file);
	id[strcspn(id, "\n")] = '\0';
	return 0;
}

int host_new(struct host **ret)
{
	struct host *host = calloc(1, sizeof(*host));
	uint64_t random;
	int error;

	if (!host)
		return -ENOMEM;
	error = read_boot_id(host->boot_id, sizeof(host->boot_id));
	if (!error && getrandom(&random, sizeof(random), 0) != sizeof(random))
		error = -errno;
	if (error) {
		host_free(host);
		return error;
	}
	if (gethostname(host->name, sizeof(host->name) - 1))
		host->name[0] = '\0';
	snprintf(host->run_id, sizeof(host->run_id), "%016llx", (unsigned long long)random);
	host->context = (struct record_context){
		.host_name = host->name,
		.boot_id = host->boot_id,
		.agent_version = CALLERD_VERSION,
		.run_id = host->run_id,
		.data = host,
		.user_name = user_name,
		.group_name = group_name,
	};
	host_refresh(host);
	*ret = host;
	return 0;
}

void host_free(struct host *host)
{
	free(host);
}

struct record_context *host_context(struct host *host)
{
	return &host->context;
}
