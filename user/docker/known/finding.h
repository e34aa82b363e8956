/* SPDX-License-Identifier: Apache-2.0 */
/* What makes a request dangerous: the ids, their usual severity and technique, in one table. */
#ifndef CALLERD_FINDING_H
#define CALLERD_FINDING_H

#include <stdbool.h>
#include <stddef.h>

enum finding_severity {
	SEVERITY_NONE, /* 0: as the table says */
	SEVERITY_INFO,
	SEVERITY_LOW,
	SEVERITY_MEDIUM,
	SEVERITY_HIGH,
	SEVERITY_CRITICAL,
};

enum finding_id {
	FINDING_NONE,
	FINDING_PRIVILEGED,
	FINDING_HOST_ROOT_MOUNT,
	FINDING_HOST_PATH_MOUNT,
	FINDING_ENGINE_SOCKET_MOUNT,
	FINDING_HOST_PID,
	FINDING_HOST_NETWORK,
	FINDING_HOST_IPC,
	FINDING_HOST_UTS,
	FINDING_HOST_USERNS,
	FINDING_HOST_CGROUPNS,
	FINDING_JOIN_CONTAINER_NAMESPACE,
	FINDING_CAP_ADD,
	FINDING_DEVICE,
	FINDING_SECURITY_DISABLED,
	FINDING_VOLUME_HOST_PATH,
	FINDING_OTHER_RUNTIME,
	FINDING_LOG_DESTINATION,
	FINDING_CHECKPOINT_DIRECTORY,
	FINDING_NETWORK_EXPOSED,
	FINDING_EXEC_PRIVILEGED,
	FINDING_EXEC_ROOT,
	FINDING_ROOT_CONTAINER_ENTERED,
	FINDING_CONTAINER_FILE_WRITE,
	FINDING_CONTAINER_FILE_READ,
	FINDING_CONTAINER_UPDATE,
	FINDING_IMAGE_LOAD,
	FINDING_IMAGE_PUSH,
	FINDING_BUILD_HOST_NETWORK,
	FINDING_BUILD_INSECURE,
	FINDING_PLUGIN,
	FINDING_SWARM,
	FINDING_SECRET_ACCESS,
	FINDING_DEBUG_ENDPOINT,
	FINDING_PRUNE,
	FINDING_REMOVE_MANY,
	FINDING_UNKNOWN_OPERATION,
	FINDING_BODY_NOT_SEEN,
	FINDING_PROTOCOL_ANOMALY,
	FINDING_SENDER_DIFFERS,
	FINDING_CALLER_FORGED,
	FINDING_EXECUTABLE_FORGED,
	FINDING_SERVER_DIFFERS,
	FINDING_CALLED_FROM_CONTAINER,
	FINDING_NOT_JUDGED,
	FINDING_OPAQUE_STREAM,
	FINDINGS,
};

struct finding_kind {
	const char *id;			/* "host-root-mount" */
	enum finding_severity severity; /* unless the case says otherwise */
	const char *technique;		/* MITRE ATT&CK; NULL: none fits */
	const char *meaning;		/* one line for documentation and --list-findings */
};

const struct finding_kind *finding_kind(enum finding_id id);

/* FINDING_NONE: there is no such id. */
enum finding_id finding_by_name(const char *id, size_t size);

/* Whether it is of something of the host that is mounted in a container. */
bool finding_is_mount(enum finding_id id);

/* "info" … "critical"; NULL for SEVERITY_NONE. */
const char *finding_severity_name(enum finding_severity severity);
enum finding_severity finding_severity_by_name(const char *name, size_t size);

/* As event.severity has it: 20, 40, 60, 80, 100; 0 for SEVERITY_NONE. */
unsigned int finding_severity_number(enum finding_severity severity);

#endif
