// SPDX-License-Identifier: Apache-2.0
#include "confine/privilege.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bytes.h"

struct need {
	int capability;
	const char *name;
	bool loading;  /* only until the kernel programs are loaded, and only in the main thread */
	bool optional; /* callerd does without */
};

/* docs/service.md says what each is for. */
static const struct need needs[] = {
	{CAP_BPF, "cap_bpf", .loading = true},
	{CAP_PERFMON, "cap_perfmon", .loading = true},
	{CAP_NET_ADMIN, "cap_net_admin", .loading = true},
	{CAP_SYS_ADMIN, "cap_sys_admin"},
	{CAP_SYS_PTRACE, "cap_sys_ptrace"},
	{CAP_DAC_READ_SEARCH, "cap_dac_read_search"},
	{CAP_DAC_OVERRIDE, "cap_dac_override", .optional = true},
	{CAP_CHOWN, "cap_chown", .optional = true},
};

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

static uint64_t list_needed(bool loading)
{
	uint64_t kept = 0;

	for (size_t i = 0; i < COUNT(needs); i++)
		if (loading || !needs[i].loading)
			kept |= UINT64_C(1) << needs[i].capability;
	return kept;
}

int privilege_check(void)
{
	uint64_t effective;
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

void privilege_shed(void)
{
	uint64_t kept = list_needed(true);

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

void privilege_end_loading(void)
{
	keep_only(list_needed(false));
}
