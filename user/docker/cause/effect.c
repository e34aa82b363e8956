// SPDX-License-Identifier: Apache-2.0
#include "docker/cause/effect.h"

#include "base/bytes.h"
#include "base/text.h"

/* clang-format off */
#define BY(name, ...) {OPERATION_##name, __VA_ARGS__}
#define STARTS BY(ContainerStart, KEY_CONTAINER), BY(ContainerRestart, KEY_CONTAINER)
#define ENDS \
	BY(ContainerStop, KEY_CONTAINER, .signals = true), BY(ContainerKill, KEY_CONTAINER, .signals = true), \
	BY(ContainerRestart, KEY_CONTAINER, .signals = true), BY(ContainerDelete, KEY_CONTAINER, .signals = true)
#define FAILING_START BY(ContainerStart, KEY_CONTAINER, .failed = true)
/* An archive of a path that is not there is answered with 404 when the volumes have been mounted to look for it. */
#define LOOKS \
	BY(ContainerArchive, KEY_CONTAINER, LATE, .looks = true), \
	BY(ContainerArchiveInfo, KEY_CONTAINER, .looks = true), \
	BY(PutContainerArchive, KEY_CONTAINER, .looks = true), \
	BY(ContainerExport, KEY_CONTAINER, LATE), BY(ContainerCopy, KEY_CONTAINER, LATE)
#define BUILDS BY(ImageBuild, KEY_OWN, LATE)
#define PODS(verb) {OPERATION_Pod##verb##Libpod, KEY_TIME}
#define PLAY BY(PlayKubeLibpod, KEY_TIME, LATE)

/*
 * After the sources of Docker 20.10 to 28 and what its daemon did (tests/live/test_events.py). Most events are
 * told before the response's head is written: those of a stream, or of a connection that is taken over, are not.
 */
static const struct effect effects[] = {
	{"container", "create", .engine = true, .causes = {
		BY(ContainerCreate, KEY_MADE), BY(ImageBuild, KEY_STEP, LATE), PLAY, PODS(Create)}},
	{"container", "start", .engine = true, .causes = {
		BY(ContainerStart, KEY_TARGET, .once = true), BY(ContainerRestart, KEY_TARGET), BUILDS,
		PLAY, PODS(Start), PODS(Restart)}},
	{"container", "init", .engine = true, .causes = {
		BY(ContainerStart, KEY_TARGET), BY(ContainerRestart, KEY_TARGET), BUILDS,
		PLAY, PODS(Start), PODS(Restart)}},
	{"container", "restart", .engine = true, .causes = {
		BY(ContainerRestart, KEY_TARGET, .once = true), PODS(Restart)}},
	{"container", "stop", .partly = true, .engine = true, .causes = {
		BY(ContainerStop, KEY_TARGET, .once = true), BY(ContainerRestart, KEY_TARGET),
		PODS(Stop), PODS(Restart)}},
	{"container", "kill", .partly = true, .engine = true, .causes = {
		BY(ContainerKill, KEY_TARGET, .once = true), BY(ContainerStop, KEY_TARGET),
		BY(ContainerRestart, KEY_TARGET), BY(ContainerDelete, KEY_TARGET), BUILDS, PODS(Kill)}},
	{"container", "die", HEIR_STARTER, .partly = true, .engine = true, .causes = {
		BY(ContainerStop, KEY_TARGET, .signals = true), BY(ContainerKill, KEY_TARGET, .signals = true),
		BY(ContainerRestart, KEY_TARGET, .signals = true),
		BY(ContainerDelete, KEY_TARGET, .kills = true, .signals = true), BUILDS,
		PODS(Stop), PODS(Kill), PODS(Restart), PODS(Delete)}},
	{"container", "cleanup", HEIR_STARTER, .partly = true, .engine = true, .causes = {
		BY(ContainerStop, KEY_TARGET), BY(ContainerKill, KEY_TARGET), BY(ContainerRestart, KEY_TARGET),
		BY(ContainerDelete, KEY_TARGET), BUILDS}},
	{"container", "oom", HEIR_STARTER},
	{"container", "health_status", HEIR_STARTER},
	{"container", "destroy", HEIR_CREATOR, .partly = true, .engine = true, .causes = {
		BY(ContainerDelete, KEY_TARGET), BY(ContainerPrune, KEY_REMOVED), BUILDS,
		BY(ContainerStart, KEY_TARGET, .failed = true), /* of one that goes by itself */
		PODS(Delete), BY(SystemPruneLibpod, KEY_TIME)}},
	{"container", "rename", .causes = {BY(ContainerRename, KEY_TARGET, .once = true)}},
	{"container", "update", .causes = {BY(ContainerUpdate, KEY_TARGET, .once = true)}},
	{"container", "pause", .partly = true, .causes = {
		BY(ContainerPause, KEY_TARGET, .once = true), BY(ImageCommit, KEY_TARGET), PODS(Pause)}},
	{"container", "unpause", .partly = true, .causes = {
		BY(ContainerUnpause, KEY_TARGET, .once = true), BY(ImageCommit, KEY_TARGET), BY(ContainerStop, KEY_TARGET),
		BY(ContainerKill, KEY_TARGET), BY(ContainerDelete, KEY_TARGET), BY(ContainerRestart, KEY_TARGET),
		PODS(Unpause)}},
	{"container", "attach", .causes = {
		BY(ContainerAttach, KEY_TARGET, SOON, .once = true), BY(ContainerAttachWebsocket, KEY_TARGET, SOON, .once = true), BUILDS}},
	{"container", "detach", .causes = {
		BY(ContainerAttach, KEY_TARGET, LATE), BY(ContainerAttachWebsocket, KEY_TARGET, LATE)}},
	{"container", "resize", .causes = {BY(ContainerResize, KEY_TARGET)}},
	{"container", "top", .causes = {BY(ContainerTop, KEY_TARGET, LATE)}},
	{"container", "commit", .causes = {BY(ImageCommit, KEY_TARGET, .once = true), BUILDS}},
	{"container", "export", .causes = {BY(ContainerExport, KEY_TARGET, LATE)}},
	{"container", "copy", .causes = {BY(ContainerCopy, KEY_TARGET, LATE)}},
	{"container", "archive-path", .causes = {
		BY(ContainerArchive, KEY_TARGET, LATE), BY(ContainerArchiveInfo, KEY_TARGET)}},
	{"container", "extract-to-dir", .causes = {BY(PutContainerArchive, KEY_TARGET)}},
	{"container", "checkpoint", .causes = {BY(CheckpointCreate, KEY_TARGET)}},
	{"container", "exec_create", .engine = true, .causes = {BY(ContainerExec, KEY_MADE)}},
	{"container", "exec", .partly = true, .engine = true, .causes = {
		BY(ExecStart, KEY_EXEC, SOON, .once = true)}},
	{"container", "exec_start", .partly = true, .engine = true, .causes = {
		BY(ExecStart, KEY_EXEC, SOON, .once = true)}},
	{"container", "exec_detach", .causes = {BY(ExecStart, KEY_EXEC, LATE)}},
	{"container", "exec_die", HEIR_EXEC, .engine = true},
	{"container", "exec_died", HEIR_EXEC, .engine = true},
	{"container", "prune", .causes = {BY(ContainerPrune, KEY_TIME), BY(SystemPruneLibpod, KEY_TIME)}},

	{"image", "pull", .engine = true, .causes = {
		BY(ImageCreate, KEY_REFERENCE, LATE), BY(ImagePullLibpod, KEY_REFERENCE, LATE)}},
	{"image", "push", .causes = {BY(ImagePush, KEY_REFERENCE, LATE)}},
	{"image", "tag", .causes = {
		BY(ImageTag, KEY_TARGET), BY(ImageBuild, KEY_REFERENCE, LATE), BY(ImageCreate, KEY_REFERENCE, LATE),
		BY(ImageCommit, KEY_TIME), BY(ImageLoad, KEY_TIME, LATE)}},
	{"image", "untag", .partly = true, .causes = {
		BY(ImageDelete, KEY_REMOVED), BY(ImageDeleteAllLibpod, KEY_REMOVED), BY(ImagePrune, KEY_REMOVED),
		BY(ImageUntagLibpod, KEY_TARGET), BY(ImageTag, KEY_TIME)}},
	{"image", "delete", .partly = true, .causes = {
		BY(ImageDelete, KEY_REMOVED), BY(ImageDeleteAllLibpod, KEY_REMOVED), BY(ImagePrune, KEY_REMOVED)}},
	{"image", "remove", .partly = true, .causes = {
		BY(ImageDelete, KEY_REMOVED), BY(ImageDeleteAllLibpod, KEY_REMOVED), BY(ImagePrune, KEY_REMOVED)}},
	{"image", "save", .causes = {BY(ImageGet, KEY_TARGET, LATE), BY(ImageGetAll, KEY_TIME, LATE)}},
	{"image", "load", .causes = {BY(ImageLoad, KEY_TIME, LATE)}},
	{"image", "import", .causes = {BY(ImageCreate, KEY_TIME, LATE), BY(ImageImportLibpod, KEY_TIME, LATE)}},
	{"image", "create", .causes = {
		BY(ImageBuild, KEY_TIME, LATE), BY(ImageCommit, KEY_TIME), BY(ImageCreate, KEY_TIME, LATE)}},
	{"image", "build", .causes = {BY(ImageBuild, KEY_TIME, LATE)}},
	{"image", "prune", .causes = {BY(ImagePrune, KEY_TIME), BY(SystemPruneLibpod, KEY_TIME)}},

	{"volume", "create", .partly = true, .engine = true, .causes = {
		BY(VolumeCreate, KEY_MADE), BY(ContainerCreate, KEY_VOLUMES), BY(ImageBuild, KEY_VOLUMES, LATE), PLAY}},
	{"volume", "mount", .partly = true, .engine = true, .causes = {
		STARTS, LOOKS, BUILDS}},
	{"volume", "unmount", HEIR_STARTER, .partly = true, .engine = true, .causes = {
		ENDS, FAILING_START, LOOKS, BUILDS}},
	{"volume", "destroy", .partly = true, .causes = {
		BY(VolumeDelete, KEY_TARGET), BY(VolumePrune, KEY_REMOVED), BY(ContainerDelete, KEY_VOLUMES),
		BY(ImageBuild, KEY_VOLUMES, LATE), BY(SystemPruneLibpod, KEY_TIME)}},
	{"volume", "remove", .partly = true, .causes = {
		BY(VolumeDelete, KEY_TARGET), BY(VolumePrune, KEY_REMOVED), BY(ContainerDelete, KEY_VOLUMES),
		BY(ImageBuild, KEY_VOLUMES, LATE), BY(SystemPruneLibpod, KEY_TIME)}},
	{"volume", "update", .causes = {BY(VolumeUpdate, KEY_TARGET)}},
	{"volume", "prune", .causes = {BY(VolumePrune, KEY_TIME), BY(SystemPruneLibpod, KEY_TIME)}},

	{"network", "create", .engine = true, .causes = {BY(NetworkCreate, KEY_MADE), BY(SwarmInit, KEY_TIME)}},
	{"network", "connect", .partly = true, .engine = true, .causes = {BY(NetworkConnect, KEY_TARGET), STARTS, BUILDS}},
	{"network", "disconnect", HEIR_STARTER, .partly = true, .engine = true, .causes = {
		BY(NetworkDisconnect, KEY_TARGET), ENDS, FAILING_START, BUILDS}},
	{"network", "destroy", .partly = true, .causes = {BY(NetworkDelete, KEY_TARGET), BY(NetworkPrune, KEY_REMOVED)}},
	{"network", "remove", .partly = true, .causes = {BY(NetworkDelete, KEY_TARGET), BY(NetworkPrune, KEY_REMOVED)}},
	{"network", "prune", .causes = {BY(NetworkPrune, KEY_TIME), BY(SystemPruneLibpod, KEY_TIME)}},

	{"plugin", "pull", .causes = {BY(PluginPull, KEY_REFERENCE, LATE), BY(PluginUpgrade, KEY_REFERENCE, LATE)}},
	{"plugin", "create", .causes = {BY(PluginCreate, KEY_REFERENCE)}},
	{"plugin", "enable", .causes = {BY(PluginEnable, KEY_REFERENCE)}},
	{"plugin", "disable", .causes = {BY(PluginDisable, KEY_REFERENCE)}},
	{"plugin", "push", .causes = {BY(PluginPush, KEY_REFERENCE, LATE)}},
	{"plugin", "remove", .causes = {BY(PluginDelete, KEY_REFERENCE)}},

	{"service", "create", .causes = {BY(ServiceCreate, KEY_MADE)}},
	{"service", "update", .engine = true, .causes = {BY(ServiceUpdate, KEY_TARGET)}},
	{"service", "remove", .causes = {BY(ServiceDelete, KEY_TARGET)}},
	{"node", "update", .engine = true, .causes = {BY(NodeUpdate, KEY_TARGET)}},
	{"node", "remove", .causes = {BY(NodeDelete, KEY_TARGET), BY(SwarmLeave, KEY_TIME)}},
	{"secret", "create", .causes = {BY(SecretCreate, KEY_MADE)}},
	{"secret", "update", .causes = {BY(SecretUpdate, KEY_TARGET)}},
	{"secret", "remove", .causes = {BY(SecretDelete, KEY_TARGET)}},
	{"config", "create", .causes = {BY(ConfigCreate, KEY_MADE)}},
	{"config", "update", .causes = {BY(ConfigUpdate, KEY_TARGET)}},
	{"config", "remove", .causes = {BY(ConfigDelete, KEY_TARGET)}},

	{"builder", "prune", .causes = {BY(BuildPrune, KEY_TIME)}},

	{"pod", "create", .causes = {BY(PodCreateLibpod, KEY_MADE), PLAY}},
	{"pod", "start", .partly = true, .causes = {BY(PodStartLibpod, KEY_TARGET), BY(PodRestartLibpod, KEY_TARGET), PLAY}},
	{"pod", "stop", .partly = true, .causes = {BY(PodStopLibpod, KEY_TARGET), BY(PodRestartLibpod, KEY_TARGET)}},
	{"pod", "kill", .partly = true, .causes = {BY(PodKillLibpod, KEY_TARGET)}},
	{"pod", "pause", .partly = true, .causes = {BY(PodPauseLibpod, KEY_TARGET)}},
	{"pod", "unpause", .partly = true, .causes = {BY(PodUnpauseLibpod, KEY_TARGET)}},
	{"pod", "remove", .partly = true, .causes = {BY(PodDeleteLibpod, KEY_TARGET), BY(PodPruneLibpod, KEY_TIME)}},
};
/* clang-format on */

#define EFFECTS (COUNT(effects))

const struct effect *effect_find(struct bytes type, struct bytes action)
{
	for (size_t i = 0; i < EFFECTS; i++)
		if (bytes_equal(type, bytes_of(effects[i].type)) &&
		    bytes_equal(action, bytes_of(effects[i].action)))
			return &effects[i];
	return NULL;
}

bool effect_is_cause(const struct effect_cause *cause, enum operation operation)
{
	return cause->operation == operation_docker(operation);
}

bool effect_has_cause(enum operation operation)
{
	for (size_t i = 0; i < EFFECTS; i++)
		for (const struct effect_cause *cause = effects[i].causes; cause->operation;
		     cause++)
			if (effect_is_cause(cause, operation))
				return true;
	return false;
}
