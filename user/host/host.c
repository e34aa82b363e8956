// SPDX-License-Identifier: Apache-2.0
#include "host/host.h"

#include <errno.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "host/user_names.h"

#define CLOCK_READINGS 3
#define HOST_ID_SIZE 16 /* bytes */

struct host {
	struct record_context context;
	char name[256];
	char id[2 * HOST_ID_SIZE + 1];
	char boot_id[40];
	char run_id[17];
	struct names *names;
	struct digests *digests;
};

static bool host_find(struct host *host, enum names_kind kind, uint32_t id, char *name, size_t size)
{
	return user_names_find(host->names, kind, id, name, size) == NAMES_FOUND;
}

static bool user_name(void *data, uint32_t id, char *name, size_t size)
{
	return host_find(data, NAMES_USER, id, name, size);
}

static bool group_name(void *data, uint32_t id, char *name, size_t size)
{
	return host_find(data, NAMES_GROUP, id, name, size);
}

static bool host_digest(void *data, const struct caller *caller, char ret[DIGEST_TEXT_SIZE])
{
	struct host *host = data;

	return digests_find(host->digests, caller, host->context.boot_to_real, ret);
}

static bool user_asked(void *data, uint32_t id)
{
	char name[1];

	return user_names_find(((struct host *)data)->names, NAMES_USER, id, name, sizeof(name)) ==
	       NAMES_ASKED;
}

void host_expect(struct host *host, const struct caller *caller)
{
	const uint32_t users[] = {caller->process.euid, caller->uid, caller->login_uid};
	const uint32_t groups[] = {caller->node_gid, caller->egid};
	char name[1], digest[DIGEST_TEXT_SIZE];

	host_digest(host, caller, digest);
	for (int i = 0; i < 3; i++)
		if (users[i] != CALLERD_UNSET_ID)
			host_find(host, NAMES_USER, users[i], name, sizeof(name));
	for (int i = !caller->has_node; i < 2; i++)
		host_find(host, NAMES_GROUP, groups[i], name, sizeof(name));
}

void host_ask_beside(struct host *host, struct beside *beside)
{
	user_names_ask_beside(host->names, beside);
}

void host_read_executables(struct host *host, struct beside *beside,
			   struct digest_identity identity)
{
	digests_read_beside(host->digests, beside, identity);
}

void host_take_news(struct host *host, uint64_t logins)
{
	host->context.names = user_names_news(host->names) + digests_news(host->digests) + logins;
}

int64_t host_clock(void)
{
	int64_t best = INT64_MAX, distance = 0;

	/* A preemption between the readings widens their window: the narrowest window is the
	 * best. */
	for (int i = 0; i < CLOCK_READINGS; i++) {
		int64_t before = (int64_t)clock_now(CLOCK_BOOTTIME);
		int64_t real = (int64_t)clock_now(CLOCK_REALTIME);
		int64_t window = (int64_t)clock_now(CLOCK_BOOTTIME) - before;

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

	/* The two clocks are not read at the same moment: a difference below 1 ms is no change. */
	if (change > 1000000 || change < -1000000)
		host->context.boot_to_real = distance;
}

static int read_boot_id(char *id, size_t size)
{
	_fclose_ FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!file)
		return -errno;
	if (!fgets(id, size, file))
		id[0] = '\0';
	id[strcspn(id, "\n")] = '\0';
	return 0;
}

static bool read_machine_id(const char *hex, unsigned char ret[HOST_ID_SIZE])
{
	bool zero = true;

	for (unsigned int i = 0; i < HOST_ID_SIZE; i++) {
		if (sscanf(hex + 2 * (size_t)i, "%2hhx", &ret[i]) != 1)
			return false;
		zero &= !ret[i];
	}
	return !zero && hex[2 * HOST_ID_SIZE] == '\0';
}

bool host_make_id(const char *machine_id, char ret[2 * HOST_ID_SIZE + 1])
{
	/* 8d4f9a52-b7c3-4e06-a1d2-5e6f90c37b18 */
	static const unsigned char application[] = {0x8d, 0x4f, 0x9a, 0x52, 0xb7, 0xc3, 0x4e, 0x06,
						    0xa1, 0xd2, 0x5e, 0x6f, 0x90, 0xc3, 0x7b, 0x18};
	unsigned char key[HOST_ID_SIZE], hash[EVP_MAX_MD_SIZE];

	ret[0] = '\0';
	if (strspn(machine_id, "0123456789abcdef") != 2 * HOST_ID_SIZE ||
	    !read_machine_id(machine_id, key) ||
	    !HMAC(EVP_sha256(), key, sizeof(key), application, sizeof(application), hash, NULL))
		return false;
	hash[6] = (hash[6] & 0x0f) | 0x40;
	hash[8] = (hash[8] & 0x3f) | 0x80;
	for (unsigned int i = 0; i < HOST_ID_SIZE; i++)
		snprintf(ret + 2 * (size_t)i, 3, "%02x", hash[i]);
	return true;
}

/* What a host does not have, as it is being installed, is no id. */
static void read_host_id(struct host *host)
{
	_fclose_ FILE *file = fopen("/etc/machine-id", "re");
	char line[2 * HOST_ID_SIZE + 2];

	if (!file || !fgets(line, sizeof(line), file))
		return;
	line[strcspn(line, "\n")] = '\0';
	if (host_make_id(line, host->id))
		host->context.host_id = host->id;
}

/* The mount namespace of init is the host's. The unit may give callerd another one. */
static uint32_t mount_namespace(void)
{
	struct stat status;

	if (stat("/proc/1/ns/mnt", &status) && stat("/proc/self/ns/mnt", &status))
		return 0;
	return (uint32_t)status.st_ino;
}

int host_new(struct host **ret)
{
	_cleanup_(host_drop) struct host *host = calloc(1, sizeof(*host));
	uint64_t random;
	int error;

	if (!host)
		return -ENOMEM;
	error = user_names_new(&host->names) ?: digests_new(&host->digests)
			?: read_boot_id(host->boot_id, sizeof(host->boot_id));
	if (error)
		return error;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -errno;
	if (gethostname(host->name, sizeof(host->name) - 1))
		host->name[0] = '\0';
	snprintf(host->run_id, sizeof(host->run_id), "%016llx", (unsigned long long)random);
	host->context = (struct record_context){
		.host_name = host->name,
		.boot_id = host->boot_id,
		.agent_version = CALLERD_VERSION,
		.run_id = host->run_id,
		.mnt_ns = mount_namespace(),
		.data = host,
		.user_name = user_name,
		.group_name = group_name,
		.user_asked = user_asked,
		.digest = host_digest,
	};
	read_host_id(host);
	host_refresh(host);
	*ret = take_ptr(host);
	return 0;
}

void host_free(struct host *host)
{
	if (host) {
		user_names_free(host->names);
		digests_free(host->digests);
	}
	free(host);
}

struct record_context *host_context(struct host *host)
{
	return &host->context;
}
