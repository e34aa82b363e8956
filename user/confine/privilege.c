// SPDX-License-Identifier: Apache-2.0
#include "confine/privilege.h"

#include <errno.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bytes.h"

#define ACCOUNT "callerd"
#define NOBODY 65534

struct need {
	int capability;
	const char *name;
	bool loading;  /* only until the kernel programs are loaded, and only in the main thread */
	bool broker;   /* the broker has it, where there is one */
	bool optional; /* callerd does without */
};

/* docs/service.md says what each is for. */
static const struct need needs[] = {
	{CAP_BPF, "cap_bpf", .loading = true},
	{CAP_PERFMON, "cap_perfmon", .loading = true},
	{CAP_NET_ADMIN, "cap_net_admin", .loading = true},
	{CAP_SYS_ADMIN, "cap_sys_admin"},
	{CAP_SYS_PTRACE, "cap_sys_ptrace", .broker = true},
	{CAP_DAC_READ_SEARCH, "cap_dac_read_search", .broker = true},
	{CAP_DAC_OVERRIDE, "cap_dac_override", .broker = true, .optional = true},
	{CAP_CHOWN, "cap_chown", .broker = true, .optional = true},
	{CAP_SETUID, "cap_setuid", .loading = true, .optional = true},
	{CAP_SETGID, "cap_setgid", .loading = true, .optional = true},
};

/* Set before the first thread. */
static bool privilege_divided;
static uid_t started_as = (uid_t)-1;
static struct {
	uid_t uid;
	gid_t gid;
} unprivileged;

static int read_capabilities(uint64_t *ret_effective)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {};

	if (syscall(SYS_capget, &header, data))
		return -errno;
	*ret_effective = data[0].effective | (uint64_t)data[1].effective << 32;
	return 0;
}

/* Those of KEPT that the calling thread has become all that it has. */
static void keep_only(uint64_t kept)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {};

	if (syscall(SYS_capget, &header, data))
		return;
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(kept >> 32 * i);
		data[i].effective &= data[i].permitted;
		data[i].inheritable = 0;
	}
	syscall(SYS_capset, &header, data);
}

/* What is kept in each time of a process's life. */
enum privilege_time { AT_START, WHILE_RUNNING, IN_BROKER };

static uint64_t list_needed(enum privilege_time time)
{
	uint64_t kept = 0;

	for (size_t i = 0; i < COUNT(needs); i++)
		if (time == AT_START || (time == IN_BROKER ? needs[i].broker : !needs[i].loading))
			kept |= UINT64_C(1) << needs[i].capability;
	return kept;
}

int privilege_check(void)
{
	uint64_t effective = 0;
	char missing[256] = "";
	int error = read_capabilities(&effective);

	if (error)
		return error;
	for (size_t i = 0; i < COUNT(needs); i++)
		if (!needs[i].optional && !(effective >> needs[i].capability & 1))
			snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing),
				 "%s%s", missing[0] ? "," : "", needs[i].name);
	if (!missing[0])
		return 0;
	fprintf(stderr,
		"callerd: missing capabilities: %s; run it as root, or grant them with "
		"setcap %s+ep on its file or AmbientCapabilities= in its unit\n",
		missing, missing);
	return -EPERM;
}

static void find_account(void)
{
	const struct passwd *account = getpwnam(ACCOUNT);
	bool there = account && account->pw_uid;

	unprivileged.uid = there ? account->pw_uid : NOBODY;
	unprivileged.gid = there ? account->pw_gid : NOBODY;
}

void privilege_shed(bool divided)
{
	uint64_t kept = list_needed(AT_START);

	privilege_divided = divided;
	started_as = geteuid();
	if (divided)
		find_account();
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	/* Fails without CAP_SETPCAP: then whoever started callerd has bounded it already, or nothing can be gained
	 * within the bound, because there is no exec. */
	for (unsigned int i = 0; i <= CAP_LAST_CAP; i++)
		if (!(kept >> i & 1))
			prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	keep_only(kept);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

uid_t privilege_owner(void)
{
	return started_as == (uid_t)-1 ? geteuid() : started_as;
}

void privilege_keep_broker(void)
{
	keep_only(list_needed(IN_BROKER));
}

/* The C library would do it for all threads at once, of which some have no capabilities any more. */
static int leave_root(void)
{
	uid_t uid = unprivileged.uid;
	gid_t gid = unprivileged.gid;
	int error, death = 0;

	prctl(PR_GET_PDEATHSIG, &death);
	error = syscall(SYS_setgroups, 0, NULL) || syscall(SYS_setresgid, gid, gid, gid) ||
				syscall(SYS_setresuid, uid, uid, uid)
			? -errno
			: 0;
	prctl(PR_SET_PDEATHSIG,
	      death); /* whoever wants callerd to end with it does so further on */
	return error;
}

int privilege_end_loading(void)
{
	int error = privilege_divided && !geteuid() ? leave_root() : 0;

	keep_only(privilege_divided ? 0 : list_needed(WHILE_RUNNING));
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return error;
}
