// SPDX-License-Identifier: Apache-2.0
#include "confine/fence.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Of later kernels than the headers'. */
#define ACCESS_TRUNCATE (1ull << 14) /* version 3 */
#define ACCESS_DEVICES (1ull << 15)  /* version 5: ioctl() */
#define SCOPE_SIGNALS (1ull << 1)    /* version 6 */

#define ACCESS_PINS                                                                                \
	(LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |                               \
	 LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE)

/* Of version 1: all but to read. A program cannot be started either, which a filter of system calls sees to as well. */
#define ACCESS_MAKING                                                                              \
	(ACCESS_PINS | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |              \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |                             \
	 LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

struct rules {
	uint64_t files, network, scopes;
};

static void set_rules(int version, struct rules *rules, size_t *ret_size)
{
	*rules = (struct rules){.files = LANDLOCK_ACCESS_FS_EXECUTE | ACCESS_MAKING};
	*ret_size = sizeof(rules->files);
	if (version >= 2)
		rules->files |= LANDLOCK_ACCESS_FS_REFER;
	if (version >= 3)
		rules->files |= ACCESS_TRUNCATE;
	if (version >= 5)
		rules->files |= ACCESS_DEVICES;
	if (version < 6)
		return;
	rules->scopes = SCOPE_SIGNALS;
	*ret_size = sizeof(*rules);
}

/* Lets ACCESS through in the directory of FILE, and below it. */
static void open_gate(int ruleset, const char *file, uint64_t access)
{
	_free_ char *copy = file ? strdup(file) : NULL;
	_close_ int fd = copy ? open(dirname(copy), O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};

	if (fd >= 0)
		syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

int fence_raise(const char *pin, const char *socket, const char *other_socket)
{
	int version =
		(int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	_close_ int ruleset = -1;
	struct rules rules;
	size_t size;

	if (version < 0)
		return -errno;
	set_rules(version, &rules, &size);
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
	if (ruleset < 0)
		return -errno;
	open_gate(ruleset, pin, ACCESS_PINS);
	open_gate(ruleset, socket, LANDLOCK_ACCESS_FS_MAKE_SOCK);
	open_gate(ruleset, other_socket, LANDLOCK_ACCESS_FS_MAKE_SOCK);
	return syscall(SYS_landlock_restrict_self, ruleset, 0) ? -errno : 0;
}
