// SPDX-License-Identifier: Apache-2.0
#include "agent/privilege.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bytes.h"

struct need {
	int capability;
	const char *name;
	const char *use;
};

static const struct need needs[] = {
	{CAP_BPF, "cap_bpf", "load BPF programs"},
	{CAP_PERFMON, "cap_perfmon", "read kernel memory in them"},
	{CAP_NET_ADMIN, "cap_net_admin", "attach them to the cgroup hierarchy"},
	{CAP_SYS_ADMIN, "cap_sys_admin", "reach cgroup2 and tracefs where they are not mounted"},
	{CAP_SYS_PTRACE, "cap_sys_ptrace", "describe processes of other users"},
	{CAP_DAC_READ_SEARCH, "cap_dac_read_search", "find the sockets that users mean"},
};

int privilege_check(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {};
	uint64_t effective;
	char missing[256] = "";

	if (syscall(SYS_capget, &header, data))
		return -errno;
	effective = data[0].effective | (uint64_t)data[1].effective << 32;
	for (size_t i = 0; i < COUNT(needs); i++)
		if (!(effective >> needs[i].capability & 1))
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
