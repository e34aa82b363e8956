// SPDX-License-Identifier: Apache-2.0
#include "docker/cause/effect.h"

#include "base/bytes.h"
#include "base/text.h"

#define LIBPOD "Libpod"

/* clang-format off */
#define STARTS {"ContainerStart", KEY_CONTAINER}, {"ContainerRestart", KEY_CONTAINER}
#define ENDS \
	{"ContainerStop", KEY_CONTAINER, .signals = true}, {"ContainerKill", KEY_CONTAINER, .signals = true}, \
	{"ContainerRestart", KEY_CONTAINER, .signals = true}, {"ContainerDelete", KEY_CONTAINER, .signals = true}
#define FAILING_START {"ContainerStart", KEY_CONTAINER, .failed = true}
#define BUILDS {"ImageBuild", KEY_OWN, LATE}
#define PODS(verb) {"Pod" verb, KEY_TIME}
#define PLAY {"PlayKube", KEY_TIME, LATE}, {"KubePlay", KEY_TIME, LATE}

/*
 * After the sources of Docker 20.10 to 28 and what its daemon did (tests/live/test_events.py). Most events are
 * told before the response's head is written: those of a stream, or of a connection that is taken over, are not.
 */
static const struct effect effects[] = {
	{"container", "create", .engine = true, .causes = {
		{"ContainerCreate", KEY_MADE}, {"ImageBuild", KEY_STEP, LATE}, PLAY, PODS("Create")}},
	{"container", "start", .engine = true, .causes = {
		{"ContainerStart", KEY_TARGET, .once = true}, {"ContainerRestart", KEY_TARGET}, BUILDS,
		PLAY, PODS("Start"), PODS("Restart")}},
	{"container", "init", .engine = true, .causes = {
		{"ContainerStart", KEY_TARGET}, {"ContainerRestart", KEY_TARGET}, BUILDS,
		PLAY, PODS("Start"), PODS("Restart")}},
	{"container", "restart", .engine = true, .causes = {
		{"ContainerRestart", KEY_TARGET, .once = true}, PODS("Restart")}},
	{"container", "stop", .partly = true, .engine = true, .causes = {
		{"ContainerStop", KEY_TARGET, .once = true}, {"ContainerRestart", KEY_TARGET},
		PODS("Stop"), PODS("Restart")}},
	{"container", "kill", .partly = true, .engine = true, .causes = {
		{"ContainerKill", KEY_TARGET, .once = true}, {"ContainerStop", KEY_TARGET},
		{"ContainerRestart", KEY_TARGET}, {"ContainerDelete", KEY_TARGET}, BUILDS, PODS("Kill")}},
	{"container", "die", HEIR_STARTER, .partly = true, .engine = true, .causes = {
		{"ContainerStop", KEY_TARGET, .signals = true}, {"ContainerKill", KEY_TARGET, .signals = true},
		{"ContainerRestart", KEY_TARGET, .signals = true},
		{"ContainerDelete", KEY_TARGET, .kills = true, .signals = true}, BUILDS,
		PODS("Stop"), PODS("Kill"), PODS("Restart"), PODS("Delete")}},
	{"container", "cleanup", HEIR_STARTER, .partly = true, .engine = true, .causes = {
		{"ContainerStop", KEY_TARGET}, {"ContainerKill", KEY_TARGET}, {"ContainerRestart", KEY_TARGET},
		{"ContainerDelete", KEY_TARGET}, BUILDS}},
	{"container", "oom", HEIR_STARTER},
	{"container", "health_status", HEIR_STARTER},
	{"container", "destroy", HEIR_CREATOR, .partly = true, .engine = true, .causes = {
		{"ContainerDelete", KEY_TARGET}, {"ContainerPrune", KEY_REMOVED}, BUILDS,
		{"ContainerStart", KEY_TARGET, .failed = true}, /* of one that goes by itself */
		PODS("Delete"), {"SystemPrune", KEY_TIME}}},
	{"container", "rename", .causes = {{"ContainerRename", KEY_TARGET, .once = true}}},
	{"container", "update", .causes = {{"ContainerUpdate", KEY_TARGET, .once = true}}},
	{"container", "pause", .partly = true, .causes = {
		{"ContainerPause", KEY_TARGET, .once = true}, {"ImageCommit", KEY_TARGET}, PODS("Pause")}},
	{"container", "unpause", .partly = true, .causes = {
		{"ContainerUnpause", KEY_TARGET, .once = true}, {"ImageCommit", KEY_TARGET}, {"ContainerStop", KEY_TARGET},
		{"ContainerKill", KEY_TARGET}, {"ContainerDelete", KEY_TARGET}, {"ContainerRestart", KEY_TARGET},
		PODS("Unpause")}},
	{"container", "attach", .causes = {
		{"ContainerAttach", KEY_TARGET, SOON, .once = true}, {"ContainerAttachWebsocket", KEY_TARGET, SOON, .once = true}, BUILDS}},
	{"container", "detach", .causes = {
		{"ContainerAttach", KEY_TARGET, LATE}, {"ContainerAttachWebsocket", KEY_TARGET, LATE}}},
	{"container", "resize", .causes = {{"ContainerResize", KEY_TARGET}}},
	{"container", "top", .causes = {{"ContainerTop", KEY_TARGET, LATE}}},
	{"container", "commit", .causes = {{"ImageCommit", KEY_TARGET, .once = true}, BUILDS}},
	{"container", "export", .causes = {{"ContainerExport", KEY_TARGET, LATE}}},
	{"container", "copy", .causes = {{"ContainerCopy", KEY_TARGET, LATE}}},
	{"container", "archive-path", .causes = {
		{"ContainerArchive", KEY_TARGET, LATE}, {"ContainerArchiveInfo", KEY_TARGET}}},
	{"container", "extract-to-dir", .causes = {{"PutContainerArchive", KEY_TARGET}}},
	{"container", "checkpoint", .causes = {{"CheckpointCreate", KEY_TARGET}}},
	{"container", "exec_create", .engine = true, .causes = {{"ContainerExec", KEY_MADE}}},
	{"container", "exec", .partly = true, .engine = true, .causes = {
		{"ExecStart", KEY_EXEC, SOON, .once = true}}},
	{"container", "exec_start", .partly = true, .engine = true, .causes = {
		{"ExecStart", KEY_EXEC, SOON, .once = true}}},
	{"container", "exec_detach", .causes = {{"ExecStart", KEY_EXEC, LATE}}},
	{"container", "exec_die", HEIR_EXEC, .engine = true},
	{"container", "exec_died", HEIR_EXEC, .engine = true},
	{"container", "prune", .causes = {{"ContainerPrune", KEY_TIME}, {"SystemPrune", KEY_TIME}}},

	{"image", "pull", .engine = true, .causes = {
		{"ImageCreate", KEY_REFERENCE, LATE}, {"ImagePull", KEY_REFERENCE, LATE}}},
	{"image", "push", .causes = {{"ImagePush", KEY_REFERENCE, LATE}}},
	{"image", "tag", .causes = {
		{"ImageTag", KEY_TARGET}, {"ImageBuild", KEY_REFERENCE, LATE}, {"ImageCreate", KEY_REFERENCE, LATE},
		{"ImageCommit", KEY_TIME}, {"ImageLoad", KEY_TIME, LATE}}},
	{"image", "untag", .partly = true, .causes = {
		{"ImageDelete", KEY_REMOVED}, {"ImageDeleteAll", KEY_REMOVED}, {"ImagePrune", KEY_REMOVED},
		{"ImageUntag", KEY_TARGET}, {"ImageTag", KEY_TIME}}},
	{"image", "delete", .partly = true, .causes = {
		{"ImageDelete", KEY_REMOVED}, {"ImageDeleteAll", KEY_REMOVED}, {"ImagePrune", KEY_REMOVED}}},
	{"image", "remove", .partly = true, .causes = {
		{"ImageDelete", KEY_REMOVED}, {"ImageDeleteAll", KEY_REMOVED}, {"ImagePrune", KEY_REMOVED}}},
	{"image", "save", .causes = {{"ImageGet", KEY_TARGET, LATE}, {"ImageGetAll", KEY_TIME, LATE}}},
	{"image", "load", .causes = {{"ImageLoad", KEY_TIME, LATE}}},
	{"image", "import", .causes = {{"ImageCreate", KEY_TIME, LATE}, {"ImageImport", KEY_TIME, LATE}}},
	{"image", "create", .causes = {
		{"ImageBuild", KEY_TIME, LATE}, {"ImageCommit", KEY_TIME}, {"ImageCreate", KEY_TIME, LATE}}},
	{"image", "build", .causes = {{"ImageBuild", KEY_TIME, LATE}}},
	{"image", "prune", .causes = {{"ImagePrune", KEY_TIME}, {"SystemPrune", KEY_TIME}}},

	{"volume", "create", .partly = true, .engine = true, .causes = {
		{"VolumeCreate", KEY_MADE}, {"ContainerCreate", KEY_VOLUMES}, {"ImageBuild", KEY_VOLUMES, LATE}, PLAY}},
	{"volume", "mount", .partly = true, .engine = true, .causes = {
		STARTS, {"ContainerArchive", KEY_CONTAINER, LATE}, {"ContainerArchiveInfo", KEY_CONTAINER},
		{"PutContainerArchive", KEY_CONTAINER}, {"ContainerExport", KEY_CONTAINER, LATE},
		{"ContainerCopy", KEY_CONTAINER, LATE}, BUILDS}},
	{"volume", "unmount", HEIR_STARTER, .partly = true, .engine = true, .causes = {
		ENDS, FAILING_START,
		{"ContainerArchive", KEY_CONTAINER, LATE}, {"ContainerArchiveInfo", KEY_CONTAINER},
		{"PutContainerArchive", KEY_CONTAINER}, {"ContainerExport", KEY_CONTAINER, LATE},
		{"ContainerCopy", KEY_CONTAINER, LATE}, BUILDS}},
	{"volume", "destroy", .partly = true, .causes = {
		{"VolumeDelete", KEY_TARGET}, {"VolumePrune", KEY_REMOVED}, {"ContainerDelete", KEY_VOLUMES},
		{"ImageBuild", KEY_VOLUMES, LATE}, {"SystemPrune", KEY_TIME}}},
	{"volume", "remove", .partly = true, .causes = {
		{"VolumeDelete", KEY_TARGET}, {"VolumePrune", KEY_REMOVED}, {"ContainerDelete", KEY_VOLUMES},
		{"ImageBuild", KEY_VOLUMES, LATE}, {"SystemPrune", KEY_TIME}}},
	{"volume", "update", .causes = {{"VolumeUpdate", KEY_TARGET}}},
	{"volume", "prune", .causes = {{"VolumePrune", KEY_TIME}, {"SystemPrune", KEY_TIME}}},

	{"network", "create", .engine = true, .causes = {{"NetworkCreate", KEY_MADE}, {"SwarmInit", KEY_TIME}}},
	{"network", "connect", .partly = true, .engine = true, .causes = {{"NetworkConnect", KEY_TARGET}, STARTS, BUILDS}},
	{"network", "disconnect", HEIR_STARTER, .partly = true, .engine = true, .causes = {
		{"NetworkDisconnect", KEY_TARGET}, ENDS, FAILING_START, BUILDS}},
	{"network", "destroy", .partly = true, .causes = {{"NetworkDelete", KEY_TARGET}, {"NetworkPrune", KEY_REMOVED}}},
	{"network", "remove", .partly = true, .causes = {{"NetworkDelete", KEY_TARGET}, {"NetworkPrune", KEY_REMOVED}}},
	{"network", "prune", .causes = {{"NetworkPrune", KEY_TIME}, {"SystemPrune", KEY_TIME}}},

	{"plugin", "pull", .causes = {{"PluginPull", KEY_REFERENCE, LATE}, {"PluginUpgrade", KEY_REFERENCE, LATE}}},
	{"plugin", "create", .causes = {{"PluginCreate", KEY_REFERENCE}}},
	{"plugin", "enable", .causes = {{"PluginEnable", KEY_REFERENCE}}},
	{"plugin", "disable", .causes = {{"PluginDisable", KEY_REFERENCE}}},
	{"plugin", "push", .causes = {{"PluginPush", KEY_REFERENCE, LATE}}},
	{"plugin", "remove", .causes = {{"PluginDelete", KEY_REFERENCE}}},

	{"service", "create", .causes = {{"ServiceCreate", KEY_MADE}}},
	{"service", "update", .engine = true, .causes = {{"ServiceUpdate", KEY_TARGET}}},
	{"service", "remove", .causes = {{"ServiceDelete", KEY_TARGET}}},
	{"node", "update", .engine = true, .causes = {{"NodeUpdate", KEY_TARGET}}},
	{"node", "remove", .causes = {{"NodeDelete", KEY_TARGET}, {"SwarmLeave", KEY_TIME}}},
	{"secret", "create", .causes = {{"SecretCreate", KEY_MADE}}},
	{"secret", "update", .causes = {{"SecretUpdate", KEY_TARGET}}},
	{"secret", "remove", .causes = {{"SecretDelete", KEY_TARGET}}},
	{"config", "create", .causes = {{"ConfigCreate", KEY_MADE}}},
	{"config", "update", .causes = {{"ConfigUpdate", KEY_TARGET}}},
	{"config", "remove", .causes = {{"ConfigDelete", KEY_TARGET}}},

	{"builder", "prune", .causes = {{"BuildPrune", KEY_TIME}}},

	{"pod", "create", .causes = {{"PodCreate", KEY_MADE}, PLAY}},
	{"pod", "start", .partly = true, .causes = {{"PodStart", KEY_TARGET}, {"PodRestart", KEY_TARGET}, PLAY}},
	{"pod", "stop", .partly = true, .causes = {{"PodStop", KEY_TARGET}, {"PodRestart", KEY_TARGET}}},
	{"pod", "kill", .partly = true, .causes = {{"PodKill", KEY_TARGET}}},
	{"pod", "pause", .partly = true, .causes = {{"PodPause", KEY_TARGET}}},
	{"pod", "unpause", .partly = true, .causes = {{"PodUnpause", KEY_TARGET}}},
	{"pod", "remove", .partly = true, .causes = {{"PodDelete", KEY_TARGET}, {"PodPrune", KEY_TIME}}},
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

bool effect_is_cause(const struct effect_cause *cause, struct bytes operation)
{
	size_t size = strlen(cause->operation);

	return operation.size >= size && !memcmp(operation.data, cause->operation, size) &&
	       (operation.size == size ||
		bytes_equal(bytes_from(operation, size), bytes_of(LIBPOD)));
}

bool effect_has_cause(struct bytes operation)
{
	for (size_t i = 0; i < EFFECTS; i++)
		for (const struct effect_cause *cause = effects[i].causes; cause->operation;
		     cause++)
			if (effect_is_cause(cause, operation))
				return true;
	return false;
}
