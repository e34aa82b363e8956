// SPDX-License-Identifier: Apache-2.0
#include "docker/known/finding.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"

/* A technique stands here only where the finding alone is an instance of it. Where the severity depends on
 * the case, this is the one of a case about which nothing more is known. */
/* clang-format off */
static const struct finding_kind kinds[] = {
	[FINDING_PRIVILEGED] = {"privileged", SEVERITY_CRITICAL, "T1611",
		"The container has all capabilities and all devices of the host."},
	[FINDING_HOST_ROOT_MOUNT] = {"host-root-mount", SEVERITY_CRITICAL, "T1611",
		"The host's root directory is mounted in the container."},
	[FINDING_HOST_PATH_MOUNT] = {"host-path-mount", SEVERITY_HIGH, "T1611",
		"A sensitive path of the host is mounted in the container."},
	[FINDING_ENGINE_SOCKET_MOUNT] = {"engine-socket-mount", SEVERITY_CRITICAL, "T1611",
		"The container gets the socket of a container engine, and with it the host."},
	[FINDING_HOST_PID] = {"host-pid", SEVERITY_HIGH, "T1611",
		"The container sees and may signal the processes of the host."},
	[FINDING_HOST_NETWORK] = {"host-network", SEVERITY_MEDIUM, "T1610",
		"The container uses the host's network interfaces and ports."},
	[FINDING_HOST_IPC] = {"host-ipc", SEVERITY_MEDIUM, "T1610",
		"The container shares memory and semaphores with the host."},
	[FINDING_HOST_UTS] = {"host-uts", SEVERITY_MEDIUM, "T1610",
		"The container shares the host's name."},
	[FINDING_HOST_USERNS] = {"host-userns", SEVERITY_HIGH, "T1611",
		"The container's root is root on the host, though the engine maps users."},
	[FINDING_HOST_CGROUPNS] = {"host-cgroupns", SEVERITY_MEDIUM, "T1610",
		"The container sees the cgroups of the host."},
	[FINDING_JOIN_CONTAINER_NAMESPACE] = {"join-container-namespace", SEVERITY_MEDIUM, "T1610",
		"The container shares a namespace or the volumes of another one."},
	[FINDING_CAP_ADD] = {"cap-add", SEVERITY_MEDIUM, "T1611",
		"The container gets capabilities beyond the default."},
	[FINDING_DEVICE] = {"device", SEVERITY_HIGH, "T1611",
		"The container gets devices of the host."},
	[FINDING_SECURITY_DISABLED] = {"security-disabled", SEVERITY_HIGH, "T1611",
		"A protection of the container is switched off: seccomp, AppArmor, SELinux, masked paths."},
	[FINDING_VOLUME_HOST_PATH] = {"volume-host-path", SEVERITY_HIGH, "T1611",
		"A volume stands for a path or a block device of the host."},
	[FINDING_OTHER_RUNTIME] = {"other-runtime", SEVERITY_MEDIUM, NULL,
		"The container gets a runtime, parent cgroup or sysctl other than the default."},
	[FINDING_LOG_DESTINATION] = {"log-destination", SEVERITY_LOW, NULL,
		"The container's output goes to a socket, a file or a computer that the caller chose."},
	[FINDING_CHECKPOINT_DIRECTORY] = {"checkpoint-directory", SEVERITY_HIGH, NULL,
		"The engine reads, writes or removes, as root, in a directory that the caller chose."},
	[FINDING_NETWORK_EXPOSED] = {"network-exposed", SEVERITY_MEDIUM, NULL,
		"A network is on an interface of the host, or its containers' ports are open to it."},
	[FINDING_EXEC_PRIVILEGED] = {"exec-privileged", SEVERITY_CRITICAL, "T1609",
		"A command is run in a container with all capabilities."},
	[FINDING_EXEC_ROOT] = {"exec-root", SEVERITY_LOW, "T1609",
		"A command is run as root in a container that runs as another user."},
	[FINDING_ROOT_CONTAINER_ENTERED] = {"root-container-entered", SEVERITY_CRITICAL, "T1609",
		"The caller gets what a container has that is dangerous by itself."},
	[FINDING_CONTAINER_FILE_WRITE] = {"container-file-write", SEVERITY_MEDIUM, NULL,
		"Files are written into a container from outside."},
	[FINDING_CONTAINER_FILE_READ] = {"container-file-read", SEVERITY_LOW, NULL,
		"Files of a container are read from outside."},
	[FINDING_CONTAINER_UPDATE] = {"container-update", SEVERITY_MEDIUM, NULL,
		"Limits, devices or the restart policy of a container are changed."},
	[FINDING_IMAGE_LOAD] = {"image-load", SEVERITY_MEDIUM, "T1525",
		"An image is made here that no registry vouches for."},
	[FINDING_IMAGE_PUSH] = {"image-push", SEVERITY_LOW, "T1525",
		"An image is sent to a registry."},
	[FINDING_BUILD_HOST_NETWORK] = {"build-host-network", SEVERITY_MEDIUM, "T1612",
		"The commands of a build use the host's network."},
	[FINDING_BUILD_INSECURE] = {"build-insecure", SEVERITY_CRITICAL, "T1611",
		"The commands of a build run with all capabilities."},
	[FINDING_PLUGIN] = {"plugin", SEVERITY_CRITICAL, "T1611",
		"A plugin is installed, changed or enabled: it runs as root on the host."},
	[FINDING_SWARM] = {"swarm", SEVERITY_HIGH, NULL,
		"The engine's membership of a swarm, or the key to it, is dealt with."},
	[FINDING_SECRET_ACCESS] = {"secret-access", SEVERITY_MEDIUM, "T1552.007",
		"Secrets, configurations or registry credentials are dealt with."},
	[FINDING_DEBUG_ENDPOINT] = {"debug-endpoint", SEVERITY_MEDIUM, NULL,
		"The engine's own state is read: goroutines, heap, command line."},
	[FINDING_PRUNE] = {"prune", SEVERITY_LOW, "T1485",
		"Everything of a kind that is not in use is removed."},
	[FINDING_REMOVE_MANY] = {"remove-many", SEVERITY_LOW, "T1485",
		"One caller removes many objects within a short time."},
	[FINDING_UNKNOWN_OPERATION] = {"unknown-operation", SEVERITY_LOW, NULL,
		"The engine knew the request; callerd does not."},
	[FINDING_BODY_NOT_SEEN] = {"body-not-seen", SEVERITY_INFO, NULL,
		"What was asked for could not be read whole."},
	[FINDING_PROTOCOL_ANOMALY] = {"protocol-anomaly", SEVERITY_MEDIUM, NULL,
		"The request is spelled so that two readers could understand it differently."},
	[FINDING_SENDER_DIFFERS] = {"sender-differs", SEVERITY_INFO, NULL,
		"Another process than the one that connected sent the request."},
	[FINDING_CALLER_FORGED] = {"caller-forged", SEVERITY_HIGH, "T1036",
		"The caller made its cgroup look like that of a container that it is not in."},
	[FINDING_EXECUTABLE_FORGED] = {"executable-forged", SEVERITY_HIGH, "T1036",
		"The caller, or an ancestor, exchanged the executable that the kernel names for another one."},
	[FINDING_CALLED_FROM_CONTAINER] = {"called-from-container", SEVERITY_MEDIUM, NULL,
		"A process in a container calls the engine."},
	[FINDING_NOT_JUDGED] = {"not-judged", SEVERITY_MEDIUM, NULL,
		"Something that can matter is not understood, or not known."},
	[FINDING_SERVER_DIFFERS] = {"server-differs", SEVERITY_HIGH, "T1036",
		"Another process than the usual one serves the socket: what it answers may be anything."},
	[FINDING_OPAQUE_STREAM] = {"opaque-stream", SEVERITY_INFO, NULL,
		"The connection was taken over: what follows is no longer requests."},
};
/* clang-format on */

static_assert(COUNT(kinds) == FINDINGS, "each finding has its line; test_finding looks for holes");

static const struct {
	const char *name;
	unsigned int number;
} severities[] = {
	[SEVERITY_NONE] = {NULL, 0},	[SEVERITY_INFO] = {"info", 20},
	[SEVERITY_LOW] = {"low", 40},	[SEVERITY_MEDIUM] = {"medium", 60},
	[SEVERITY_HIGH] = {"high", 80}, [SEVERITY_CRITICAL] = {"critical", 100},
};

static bool is_name(const char *known, const char *name, size_t size)
{
	return known && strlen(known) == size && !memcmp(known, name, size);
}

const struct finding_kind *finding_kind(enum finding_id id)
{
	return &kinds[(size_t)id < COUNT(kinds) ? id : FINDING_NONE];
}

enum finding_id finding_by_name(const char *id, size_t size)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (is_name(kinds[i].id, id, size))
			return (enum finding_id)i;
	return FINDING_NONE;
}

bool finding_is_mount(enum finding_id id)
{
	return id == FINDING_HOST_ROOT_MOUNT || id == FINDING_HOST_PATH_MOUNT ||
	       id == FINDING_ENGINE_SOCKET_MOUNT || id == FINDING_VOLUME_HOST_PATH;
}

const char *finding_severity_name(enum finding_severity severity)
{
	return (size_t)severity < COUNT(severities) ? severities[severity].name : NULL;
}

enum finding_severity finding_severity_by_name(const char *name, size_t size)
{
	for (size_t i = 0; i < COUNT(severities); i++)
		if (is_name(severities[i].name, name, size))
			return (enum finding_severity)i;
	return SEVERITY_NONE;
}

unsigned int finding_severity_number(enum finding_severity severity)
{
	return (size_t)severity < COUNT(severities) ? severities[severity].number : 0;
}
