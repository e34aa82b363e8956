// SPDX-License-Identifier: Apache-2.0
#include "docker/cause/effect.h"

#include <pthread.h>

#include "base/bytes.h"

/* clang-format off */
#define ON(type, action) ENGINE_##type, ACTION_##action
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
#define PLAY_DOWN BY(PlayKubeDownLibpod, KEY_TIME, LATE)

/*
 * After the sources of Docker 20.10 to 28 and what its daemon did (tests/live/test_events.py). Most events are
 * told before the response's head is written: those of a stream, or of a connection that is taken over, are not.
 */
static const struct effect effects[] = {
	{ON(CONTAINER, CREATE), .engine = true, .causes = {
		BY(ContainerCreate, KEY_MADE), BY(ImageBuild, KEY_STEP, LATE), PLAY, PODS(Create)}},
	{ON(CONTAINER, START), .engine = true, .causes = {
		BY(ContainerStart, KEY_TARGET, .once = true), BY(ContainerRestart, KEY_TARGET), BUILDS,
		PLAY, PODS(Start), PODS(Restart)}},
	{ON(CONTAINER, INIT), .engine = true, .causes = {
		BY(ContainerStart, KEY_TARGET), BY(ContainerRestart, KEY_TARGET), BUILDS,
		BY(ContainerInitLibpod, KEY_TARGET, .once = true), BY(ContainerAttach, KEY_TARGET), /* Podman's */
		PLAY, PODS(Start), PODS(Restart)}},
	{ON(CONTAINER, RESTART), .engine = true, .causes = {
		BY(ContainerRestart, KEY_TARGET, .once = true), PODS(Restart)}},
	{ON(CONTAINER, STOP), .partly = true, .engine = true, .causes = {
		BY(ContainerStop, KEY_TARGET, .once = true), BY(ContainerRestart, KEY_TARGET),
		BY(ContainerDelete, KEY_TARGET), PODS(Stop), PODS(Restart), PODS(Delete), PLAY_DOWN}},
	{ON(CONTAINER, KILL), .partly = true, .engine = true, .causes = {
		BY(ContainerKill, KEY_TARGET, .once = true), BY(ContainerStop, KEY_TARGET),
		BY(ContainerRestart, KEY_TARGET), BY(ContainerDelete, KEY_TARGET), BUILDS, PODS(Kill)}},
	{ON(CONTAINER, DIE), HEIR_STARTER, .partly = true, .engine = true, .causes = {
		BY(ContainerStop, KEY_TARGET, .signals = true), BY(ContainerKill, KEY_TARGET, .signals = true),
		BY(ContainerRestart, KEY_TARGET, .signals = true),
		BY(ContainerDelete, KEY_TARGET, .kills = true, .signals = true), BUILDS,
		PODS(Stop), PODS(Kill), PODS(Restart), PODS(Delete), PLAY_DOWN}},
	{ON(CONTAINER, CLEANUP), HEIR_STARTER, .partly = true, .engine = true, .causes = {
		BY(ContainerStop, KEY_TARGET), BY(ContainerKill, KEY_TARGET), BY(ContainerRestart, KEY_TARGET),
		BY(ContainerDelete, KEY_TARGET), BUILDS, PODS(Stop), PODS(Delete), PLAY_DOWN}},
	{ON(CONTAINER, OOM), HEIR_STARTER},
	{ON(CONTAINER, HEALTH_STATUS), HEIR_STARTER},
	{ON(CONTAINER, DESTROY), HEIR_CREATOR, .partly = true, .engine = true, .causes = {
		BY(ContainerDelete, KEY_TARGET), BY(ContainerPrune, KEY_REMOVED), BUILDS,
		BY(ContainerStart, KEY_TARGET, .failed = true), /* of one that goes by itself */
		BY(ContainerCreate, KEY_UNMADE, .failed = true),
		PODS(Delete), BY(SystemPruneLibpod, KEY_TIME), PLAY_DOWN}},
	{ON(CONTAINER, RENAME), .causes = {BY(ContainerRename, KEY_TARGET, .once = true)}},
	{ON(CONTAINER, UPDATE), .causes = {BY(ContainerUpdate, KEY_TARGET, .once = true)}},
	{ON(CONTAINER, PAUSE), .partly = true, .causes = {
		BY(ContainerPause, KEY_TARGET, .once = true), BY(ImageCommit, KEY_TARGET), PODS(Pause)}},
	{ON(CONTAINER, UNPAUSE), .partly = true, .causes = {
		BY(ContainerUnpause, KEY_TARGET, .once = true), BY(ImageCommit, KEY_TARGET), BY(ContainerStop, KEY_TARGET),
		BY(ContainerKill, KEY_TARGET), BY(ContainerDelete, KEY_TARGET), BY(ContainerRestart, KEY_TARGET),
		PODS(Unpause)}},
	{ON(CONTAINER, ATTACH), .causes = {
		BY(ContainerAttach, KEY_TARGET, SOON, .once = true), BY(ContainerAttachWebsocket, KEY_TARGET, SOON, .once = true), BUILDS}},
	{ON(CONTAINER, DETACH), .causes = {
		BY(ContainerAttach, KEY_TARGET, LATE), BY(ContainerAttachWebsocket, KEY_TARGET, LATE)}},
	{ON(CONTAINER, RESIZE), .causes = {BY(ContainerResize, KEY_TARGET)}},
	{ON(CONTAINER, TOP), .causes = {BY(ContainerTop, KEY_TARGET, LATE)}},
	{ON(CONTAINER, COMMIT), .causes = {BY(ImageCommit, KEY_TARGET, LATE, .once = true), BUILDS}},
	/* Podman's, of the container's own root. */
	{ON(CONTAINER, MOUNT), .causes = {
		BY(ContainerMountLibpod, KEY_TARGET), BY(ContainerExport, KEY_TARGET, LATE), BY(ImageCommit, KEY_TARGET, LATE),
		BY(ContainerArchive, KEY_TARGET, LATE), BY(PutContainerArchive, KEY_TARGET)}},
	{ON(CONTAINER, UNMOUNT), .causes = {
		BY(ContainerUnmountLibpod, KEY_TARGET), BY(ContainerExport, KEY_TARGET, LATE), BY(ImageCommit, KEY_TARGET, LATE),
		BY(ContainerArchive, KEY_TARGET, LATE), BY(PutContainerArchive, KEY_TARGET)}},
	{ON(CONTAINER, EXPORT), .causes = {BY(ContainerExport, KEY_TARGET, LATE)}},
	{ON(CONTAINER, COPY), .causes = {BY(ContainerCopy, KEY_TARGET, LATE)}},
	{ON(CONTAINER, ARCHIVE_PATH), .causes = {
		BY(ContainerArchive, KEY_TARGET, LATE), BY(ContainerArchiveInfo, KEY_TARGET)}},
	{ON(CONTAINER, EXTRACT_TO_DIR), .causes = {BY(PutContainerArchive, KEY_TARGET)}},
	{ON(CONTAINER, CHECKPOINT), .causes = {BY(CheckpointCreate, KEY_TARGET)}},
	{ON(CONTAINER, EXEC_CREATE), .engine = true, .causes = {BY(ContainerExec, KEY_MADE)}},
	{ON(CONTAINER, EXEC_START), .partly = true, .engine = true, .causes = {
		BY(ExecStart, KEY_EXEC, SOON, .once = true)}},
	{ON(CONTAINER, EXEC_DETACH), .causes = {BY(ExecStart, KEY_EXEC, LATE)}},
	{ON(CONTAINER, EXEC_DIE), HEIR_EXEC, .engine = true},
	{ON(CONTAINER, PRUNE), .causes = {BY(ContainerPrune, KEY_TIME), BY(SystemPruneLibpod, KEY_TIME)}},

	{ON(IMAGE, PULL), .engine = true, .causes = {
		BY(ImageCreate, KEY_REFERENCE, LATE), BY(ImagePullLibpod, KEY_REFERENCE, LATE), PLAY}},
	{ON(IMAGE, PULL_ERROR), .partly = true, .causes = {
		BY(ImageCreate, KEY_REFERENCE, LATE), BY(ImagePullLibpod, KEY_REFERENCE, LATE), PLAY}},
	{ON(IMAGE, PUSH), .causes = {BY(ImagePush, KEY_REFERENCE, LATE)}},
	{ON(IMAGE, TAG), .causes = {
		BY(ImageTag, KEY_TARGET), BY(ImageBuild, KEY_REFERENCE, LATE), BY(ImageCreate, KEY_REFERENCE, LATE),
		BY(ImageCommit, KEY_TIME), BY(ImageLoad, KEY_TIME, LATE)}},
	{ON(IMAGE, UNTAG), .partly = true, .causes = {
		BY(ImageDelete, KEY_REMOVED), BY(ImageDeleteAllLibpod, KEY_REMOVED), BY(ImagePrune, KEY_REMOVED),
		BY(ImageUntagLibpod, KEY_REFERENCE), BY(ImageTag, KEY_TIME)}},
	{ON(IMAGE, DELETE), .partly = true, .causes = {
		BY(ImageDelete, KEY_REMOVED), BY(ImageDeleteAllLibpod, KEY_REMOVED), BY(ImagePrune, KEY_REMOVED)}},
	{ON(IMAGE, SAVE), .causes = {
		BY(ImageGet, KEY_TARGET, LATE), BY(ImageGetAll, KEY_TIME, LATE), BY(ImageExportLibpod, KEY_TIME, LATE)}},
	{ON(IMAGE, LOAD), .causes = {BY(ImageLoad, KEY_TIME, LATE)}},
	{ON(IMAGE, IMPORT), .causes = {BY(ImageCreate, KEY_TIME, LATE), BY(ImageImportLibpod, KEY_TIME, LATE)}},
	{ON(IMAGE, CREATE), .causes = {
		BY(ImageBuild, KEY_TIME, LATE), BY(ImageCommit, KEY_TIME), BY(ImageCreate, KEY_TIME, LATE)}},
	/* Podman builds the image of the container that holds a pod's namespaces. */
	{ON(IMAGE, BUILD), .causes = {BY(ImageBuild, KEY_TIME, LATE), PLAY, PODS(Create)}},
	{ON(IMAGE, PRUNE), .causes = {BY(ImagePrune, KEY_TIME), BY(SystemPruneLibpod, KEY_TIME)}},

	{ON(VOLUME, CREATE), .partly = true, .engine = true, .causes = {
		BY(VolumeCreate, KEY_MADE), BY(ContainerCreate, KEY_VOLUMES), BY(ImageBuild, KEY_VOLUMES, LATE), PLAY}},
	{ON(VOLUME, MOUNT), .partly = true, .engine = true, .causes = {
		STARTS, LOOKS, BUILDS}},
	{ON(VOLUME, UNMOUNT), HEIR_STARTER, .partly = true, .engine = true, .causes = {
		ENDS, FAILING_START, LOOKS, BUILDS}},
	{ON(VOLUME, DESTROY), .partly = true, .causes = {
		BY(VolumeDelete, KEY_TARGET), BY(VolumePrune, KEY_REMOVED), BY(ContainerDelete, KEY_VOLUMES),
		BY(ImageBuild, KEY_VOLUMES, LATE), BY(SystemPruneLibpod, KEY_TIME)}},
	{ON(VOLUME, UPDATE), .causes = {BY(VolumeUpdate, KEY_TARGET)}},
	{ON(VOLUME, PRUNE), .causes = {BY(VolumePrune, KEY_TIME), BY(SystemPruneLibpod, KEY_TIME)}},

	{ON(NETWORK, CREATE), .engine = true, .causes = {BY(NetworkCreate, KEY_MADE), BY(SwarmInit, KEY_TIME, AFTER), PLAY}},
	{ON(NETWORK, CONNECT), .partly = true, .engine = true, .causes = {BY(NetworkConnect, KEY_TARGET), STARTS, BUILDS}},
	{ON(NETWORK, DISCONNECT), HEIR_STARTER, .partly = true, .engine = true, .causes = {
		BY(NetworkDisconnect, KEY_TARGET), ENDS, FAILING_START, BUILDS}},
	{ON(NETWORK, DESTROY), .partly = true, .causes = {BY(NetworkDelete, KEY_TARGET), BY(NetworkPrune, KEY_REMOVED)}},
	{ON(NETWORK, REMOVE), .partly = true, .causes = {BY(NetworkDelete, KEY_TARGET), BY(NetworkPrune, KEY_REMOVED)}},
	{ON(NETWORK, PRUNE), .causes = {BY(NetworkPrune, KEY_TIME), BY(SystemPruneLibpod, KEY_TIME)}},

	{ON(PLUGIN, PULL), .causes = {BY(PluginPull, KEY_REFERENCE, LATE), BY(PluginUpgrade, KEY_REFERENCE, LATE)}},
	{ON(PLUGIN, CREATE), .causes = {BY(PluginCreate, KEY_REFERENCE)}},
	{ON(PLUGIN, ENABLE), .causes = {BY(PluginEnable, KEY_REFERENCE)}},
	{ON(PLUGIN, DISABLE), .causes = {BY(PluginDisable, KEY_REFERENCE)}},
	{ON(PLUGIN, PUSH), .causes = {BY(PluginPush, KEY_REFERENCE, LATE)}},
	{ON(PLUGIN, REMOVE), .causes = {BY(PluginDelete, KEY_REFERENCE)}},

	{ON(SERVICE, CREATE), .causes = {BY(ServiceCreate, KEY_MADE, AFTER)}},
	{ON(SERVICE, UPDATE), .engine = true, .causes = {BY(ServiceUpdate, KEY_TARGET, AFTER)}},
	{ON(SERVICE, REMOVE), .causes = {BY(ServiceDelete, KEY_TARGET, AFTER)}},
	{ON(NODE, UPDATE), .engine = true, .causes = {
		BY(NodeUpdate, KEY_TARGET, AFTER), BY(SwarmInit, KEY_TIME, AFTER), BY(SwarmJoin, KEY_TIME, AFTER)}},
	{ON(NODE, REMOVE), .causes = {BY(NodeDelete, KEY_TARGET, AFTER), BY(SwarmLeave, KEY_TIME)}},
	{ON(SECRET, CREATE), .causes = {BY(SecretCreate, KEY_MADE, AFTER)}},
	{ON(SECRET, UPDATE), .causes = {BY(SecretUpdate, KEY_TARGET, AFTER)}},
	{ON(SECRET, REMOVE), .causes = {BY(SecretDelete, KEY_TARGET, AFTER)}},
	{ON(CONFIG, CREATE), .causes = {BY(ConfigCreate, KEY_MADE, AFTER)}},
	{ON(CONFIG, UPDATE), .causes = {BY(ConfigUpdate, KEY_TARGET, AFTER)}},
	{ON(CONFIG, REMOVE), .causes = {BY(ConfigDelete, KEY_TARGET, AFTER)}},

	{ON(BUILDER, PRUNE), .causes = {BY(BuildPrune, KEY_TIME)}},

	{ON(POD, CREATE), .causes = {BY(PodCreateLibpod, KEY_MADE), PLAY}},
	{ON(POD, START), .partly = true, .causes = {BY(PodStartLibpod, KEY_TARGET), BY(PodRestartLibpod, KEY_TARGET), PLAY}},
	{ON(POD, STOP), .partly = true, .causes = {
		BY(PodStopLibpod, KEY_TARGET), BY(PodRestartLibpod, KEY_TARGET), BY(PodDeleteLibpod, KEY_TARGET), PLAY_DOWN}},
	{ON(POD, KILL), .partly = true, .causes = {BY(PodKillLibpod, KEY_TARGET)}},
	{ON(POD, PAUSE), .partly = true, .causes = {BY(PodPauseLibpod, KEY_TARGET)}},
	{ON(POD, UNPAUSE), .partly = true, .causes = {BY(PodUnpauseLibpod, KEY_TARGET)}},
	{ON(POD, REMOVE), .partly = true, .causes = {
		BY(PodDeleteLibpod, KEY_TARGET), BY(PodPruneLibpod, KEY_TIME), BY(SystemPruneLibpod, KEY_TIME), PLAY_DOWN}},
};
/* clang-format on */

#define EFFECTS (COUNT(effects))

const struct effect *effect_find(enum engine_type type, enum engine_action action)
{
	for (size_t i = 0; i < EFFECTS; i++)
		if (effects[i].type == type && effects[i].action == action)
			return &effects[i];
	return NULL;
}

bool effect_is_cause(const struct effect_cause *cause, enum operation operation)
{
	return cause->operation == operation_docker(operation);
}

static bool is_any_cause[OPERATIONS];

static void note_causes(void)
{
	for (size_t i = 0; i < EFFECTS; i++)
		for (const struct effect_cause *cause = effects[i].causes; cause->operation;
		     cause++)
			is_any_cause[cause->operation] = true;
}

bool effect_has_cause(enum operation operation)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, note_causes);
	return is_any_cause[operation_docker(operation)];
}
