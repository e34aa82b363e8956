// SPDX-License-Identifier: Apache-2.0
#include "guard/targets.h"

#include "base/bytes.h"

#define UNITS(directory)                                                                           \
	{CHANGE_UNIT, LOOK_TEXT, directory "/docker.service"},                                     \
		{CHANGE_UNIT, LOOK_FILES, directory "/docker.service.d"},                          \
		{CHANGE_UNIT, LOOK_TEXT, directory "/docker.socket"},                              \
		{CHANGE_UNIT, LOOK_FILES, directory "/docker.socket.d"},                           \
		{CHANGE_UNIT, LOOK_TEXT, directory "/containerd.service"},                         \
		{CHANGE_UNIT, LOOK_FILES, directory "/containerd.service.d"},                      \
		{CHANGE_UNIT, LOOK_TEXT, directory "/podman.service"},                             \
		{CHANGE_UNIT, LOOK_FILES, directory "/podman.service.d"},                          \
		{CHANGE_UNIT, LOOK_TEXT, directory "/podman.socket"},                              \
	{                                                                                          \
		CHANGE_UNIT, LOOK_FILES, directory "/podman.socket.d"                              \
	}

/* On a host without /usr merged /lib is a directory of its own; else both paths lead to one file,
 * which stands here once. */
static const struct guard_target targets[] = {
	{CHANGE_MEMBERS, LOOK_TEXT, "/etc/passwd"},
	{CHANGE_MEMBERS, LOOK_TEXT, "/etc/group"},
	{CHANGE_MEMBERS, LOOK_TEXT, "/etc/gshadow"},
	{CHANGE_SUDOERS, LOOK_TEXT, "/etc/sudoers"},
	{CHANGE_SUDOERS, LOOK_FILES, "/etc/sudoers.d"},
	{CHANGE_CONFIGURATION, LOOK_TEXT, "/etc/docker/daemon.json"},
	{CHANGE_CONFIGURATION, LOOK_TEXT, "/etc/default/docker"},
	{CHANGE_CONFIGURATION, LOOK_TEXT, "/etc/sysconfig/docker"},
	{CHANGE_CONFIGURATION, LOOK_TEXT, "/etc/containerd/config.toml"},
	{CHANGE_CONFIGURATION, LOOK_TEXT, "/etc/containers/containers.conf"},
	UNITS("/etc/systemd/system"),
	UNITS("/run/systemd/system"),
	UNITS("/usr/lib/systemd/system"),
	{CHANGE_PROGRAM, LOOK_PROGRAM, "/usr/bin/docker"},
	{CHANGE_PROGRAM, LOOK_PROGRAM, "/usr/bin/dockerd"},
	{CHANGE_PROGRAM, LOOK_PROGRAM, "/usr/sbin/dockerd"},
	{CHANGE_PROGRAM, LOOK_PROGRAM, "/usr/local/bin/docker"},
	{CHANGE_PROGRAM, LOOK_PROGRAM, "/usr/local/bin/dockerd"},
	{CHANGE_PROGRAM, LOOK_PROGRAM, "/usr/bin/containerd"},
	{CHANGE_PROGRAM, LOOK_PROGRAM, "/usr/sbin/containerd"},
	{CHANGE_PROGRAM, LOOK_PROGRAM, "/usr/bin/runc"},
	{CHANGE_PROGRAM, LOOK_PROGRAM, "/usr/sbin/runc"},
	{CHANGE_PROGRAM, LOOK_PROGRAM, "/usr/bin/podman"},
};

const struct guard_target *targets_all(size_t *ret_count)
{
	*ret_count = COUNT(targets);
	return targets;
}
