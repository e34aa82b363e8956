// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "docker/api/route.h"
#include "record/names.h"
#include "http/query.h"
#include "http/url.h"
#include "naming.h"

/* --- the answer to one request -------------------------------------------------------------------- */

struct answer {
	struct text text;
	struct route_match match;
	const char *target;
};

/* The target lies in memory of just its size, so that ASan sees a read beyond it. */
static void ask_bytes(struct answer *answer, const char *method, struct bytes target)
{
	char *copy = malloc(target.size ? target.size : 1);

	assert_non_null(copy);
	if (target.size)
		memcpy(copy, target.data, target.size);
	memset(&answer->match, 0xa5, sizeof(answer->match));
	answer->text = (struct text){0};
	route_find(method_by_name(bytes_of(method)), (struct bytes){copy, target.size},
		   &answer->text, &answer->match);
	free(copy);
}

static void ask(struct answer *answer, const char *method, const char *target)
{
	answer->target = target;
	ask_bytes(answer, method, bytes_of(target));
}

static void forget(struct answer *answer)
{
	text_free(&answer->text);
}

/* NULL: there must be none. */
static void check_bytes(const char *target, const char *what, struct bytes got, const char *wanted)
{
	if (!wanted ? !got.data
		    : got.data && got.size == strlen(wanted) && !memcmp(got.data, wanted, got.size))
		return;
	fail_msg("%s: %s is %.*s, not %s", target, what, (int)(got.data ? got.size : 4),
		 got.data ? got.data : "none", wanted ? wanted : "none");
}

static void check_string(const char *target, const char *what, const char *got, const char *wanted)
{
	check_bytes(target, what, bytes_of(got), wanted);
}

static void check_operation(const struct answer *answer, const char *operation)
{
	const struct route *route = answer->match.route;

	check_string(answer->target, "operation", route ? operation_name(route->operation) : NULL,
		     operation);
}

/* --- each operation ------------------------------------------------------------------------------- */

struct wanted {
	const char *method, *path, *operation, *type, *name;
};

/* From the description of API 1.56, in its order; each variable in a path is x. */
/* clang-format off */
static const struct wanted described[] = {
	{"GET", "/containers/json", "ContainerList", "container", NULL},
	{"POST", "/containers/create", "ContainerCreate", "container", NULL},
	{"GET", "/containers/x/json", "ContainerInspect", "container", "x"},
	{"GET", "/containers/x/top", "ContainerTop", "container", "x"},
	{"GET", "/containers/x/logs", "ContainerLogs", "container", "x"},
	{"GET", "/containers/x/changes", "ContainerChanges", "container", "x"},
	{"GET", "/containers/x/export", "ContainerExport", "container", "x"},
	{"GET", "/containers/x/stats", "ContainerStats", "container", "x"},
	{"POST", "/containers/x/resize", "ContainerResize", "container", "x"},
	{"POST", "/containers/x/start", "ContainerStart", "container", "x"},
	{"POST", "/containers/x/stop", "ContainerStop", "container", "x"},
	{"POST", "/containers/x/restart", "ContainerRestart", "container", "x"},
	{"POST", "/containers/x/kill", "ContainerKill", "container", "x"},
	{"POST", "/containers/x/update", "ContainerUpdate", "container", "x"},
	{"POST", "/containers/x/rename", "ContainerRename", "container", "x"},
	{"POST", "/containers/x/pause", "ContainerPause", "container", "x"},
	{"POST", "/containers/x/unpause", "ContainerUnpause", "container", "x"},
	{"POST", "/containers/x/attach", "ContainerAttach", "container", "x"},
	{"GET", "/containers/x/attach/ws", "ContainerAttachWebsocket", "container", "x"},
	{"POST", "/containers/x/wait", "ContainerWait", "container", "x"},
	{"DELETE", "/containers/x", "ContainerDelete", "container", "x"},
	{"HEAD", "/containers/x/archive", "ContainerArchiveInfo", "container", "x"},
	{"GET", "/containers/x/archive", "ContainerArchive", "container", "x"},
	{"PUT", "/containers/x/archive", "PutContainerArchive", "container", "x"},
	{"POST", "/containers/prune", "ContainerPrune", "container", NULL},
	{"GET", "/images/json", "ImageList", "image", NULL},
	{"POST", "/build", "ImageBuild", "image", NULL},
	{"POST", "/build/prune", "BuildPrune", NULL, NULL},
	{"POST", "/images/create", "ImageCreate", "image", NULL},
	{"GET", "/images/x/json", "ImageInspect", "image", "x"},
	{"GET", "/images/x/attestations", "ImageAttestations", "image", "x"},
	{"GET", "/images/x/history", "ImageHistory", "image", "x"},
	{"POST", "/images/x/push", "ImagePush", "image", "x"},
	{"POST", "/images/x/tag", "ImageTag", "image", "x"},
	{"DELETE", "/images/x", "ImageDelete", "image", "x"},
	{"GET", "/images/search", "ImageSearch", "image", NULL},
	{"POST", "/images/prune", "ImagePrune", "image", NULL},
	{"POST", "/auth", "SystemAuth", NULL, NULL},
	{"GET", "/info", "SystemInfo", NULL, NULL},
	{"GET", "/version", "SystemVersion", NULL, NULL},
	{"GET", "/_ping", "SystemPing", NULL, NULL},
	{"HEAD", "/_ping", "SystemPingHead", NULL, NULL},
	{"POST", "/commit", "ImageCommit", "container", NULL},
	{"GET", "/events", "SystemEvents", NULL, NULL},
	{"GET", "/system/df", "SystemDataUsage", NULL, NULL},
	{"GET", "/images/x/get", "ImageGet", "image", "x"},
	{"GET", "/images/get", "ImageGetAll", "image", NULL},
	{"POST", "/images/load", "ImageLoad", "image", NULL},
	{"POST", "/containers/x/exec", "ContainerExec", "container", "x"},
	{"POST", "/exec/x/start", "ExecStart", "exec", "x"},
	{"POST", "/exec/x/resize", "ExecResize", "exec", "x"},
	{"GET", "/exec/x/json", "ExecInspect", "exec", "x"},
	{"GET", "/volumes", "VolumeList", "volume", NULL},
	{"POST", "/volumes/create", "VolumeCreate", "volume", NULL},
	{"GET", "/volumes/x", "VolumeInspect", "volume", "x"},
	{"PUT", "/volumes/x", "VolumeUpdate", "volume", "x"},
	{"DELETE", "/volumes/x", "VolumeDelete", "volume", "x"},
	{"POST", "/volumes/prune", "VolumePrune", "volume", NULL},
	{"GET", "/networks", "NetworkList", "network", NULL},
	{"GET", "/networks/x", "NetworkInspect", "network", "x"},
	{"DELETE", "/networks/x", "NetworkDelete", "network", "x"},
	{"POST", "/networks/create", "NetworkCreate", "network", NULL},
	{"POST", "/networks/x/connect", "NetworkConnect", "network", "x"},
	{"POST", "/networks/x/disconnect", "NetworkDisconnect", "network", "x"},
	{"POST", "/networks/prune", "NetworkPrune", "network", NULL},
	{"GET", "/plugins", "PluginList", "plugin", NULL},
	{"GET", "/plugins/privileges", "GetPluginPrivileges", "plugin", NULL},
	{"POST", "/plugins/pull", "PluginPull", "plugin", NULL},
	{"GET", "/plugins/x/json", "PluginInspect", "plugin", "x"},
	{"DELETE", "/plugins/x", "PluginDelete", "plugin", "x"},
	{"POST", "/plugins/x/enable", "PluginEnable", "plugin", "x"},
	{"POST", "/plugins/x/disable", "PluginDisable", "plugin", "x"},
	{"POST", "/plugins/x/upgrade", "PluginUpgrade", "plugin", "x"},
	{"POST", "/plugins/create", "PluginCreate", "plugin", NULL},
	{"POST", "/plugins/x/push", "PluginPush", "plugin", "x"},
	{"POST", "/plugins/x/set", "PluginSet", "plugin", "x"},
	{"GET", "/nodes", "NodeList", "node", NULL},
	{"GET", "/nodes/x", "NodeInspect", "node", "x"},
	{"DELETE", "/nodes/x", "NodeDelete", "node", "x"},
	{"POST", "/nodes/x/update", "NodeUpdate", "node", "x"},
	{"GET", "/swarm", "SwarmInspect", "swarm", NULL},
	{"POST", "/swarm/init", "SwarmInit", "swarm", NULL},
	{"POST", "/swarm/join", "SwarmJoin", "swarm", NULL},
	{"POST", "/swarm/leave", "SwarmLeave", "swarm", NULL},
	{"POST", "/swarm/update", "SwarmUpdate", "swarm", NULL},
	{"GET", "/swarm/unlockkey", "SwarmUnlockkey", "swarm", NULL},
	{"POST", "/swarm/unlock", "SwarmUnlock", "swarm", NULL},
	{"GET", "/services", "ServiceList", "service", NULL},
	{"POST", "/services/create", "ServiceCreate", "service", NULL},
	{"GET", "/services/x", "ServiceInspect", "service", "x"},
	{"DELETE", "/services/x", "ServiceDelete", "service", "x"},
	{"POST", "/services/x/update", "ServiceUpdate", "service", "x"},
	{"GET", "/services/x/logs", "ServiceLogs", "service", "x"},
	{"GET", "/tasks", "TaskList", "task", NULL},
	{"GET", "/tasks/x", "TaskInspect", "task", "x"},
	{"GET", "/tasks/x/logs", "TaskLogs", "task", "x"},
	{"GET", "/secrets", "SecretList", "secret", NULL},
	{"POST", "/secrets/create", "SecretCreate", "secret", NULL},
	{"GET", "/secrets/x", "SecretInspect", "secret", "x"},
	{"DELETE", "/secrets/x", "SecretDelete", "secret", "x"},
	{"POST", "/secrets/x/update", "SecretUpdate", "secret", "x"},
	{"GET", "/configs", "ConfigList", "config", NULL},
	{"POST", "/configs/create", "ConfigCreate", "config", NULL},
	{"GET", "/configs/x", "ConfigInspect", "config", "x"},
	{"DELETE", "/configs/x", "ConfigDelete", "config", "x"},
	{"POST", "/configs/x/update", "ConfigUpdate", "config", "x"},
	{"GET", "/distribution/x/json", "DistributionInspect", "image", "x"},
	{"POST", "/session", "Session", NULL, NULL},
};

/* What it lacks: routes of the daemon, and operations of older ones. */
static const struct wanted undescribed[] = {
	{"GET", "/networks/", "NetworkList", "network", NULL},
	{"POST", "/images/create?fromImage=x", "ImageCreate", "image", NULL},
	{"POST", "/containers/x/copy", "ContainerCopy", "container", "x"},
	{"GET", "/containers/x/checkpoints", "CheckpointList", "container", "x"},
	{"POST", "/containers/x/checkpoints", "CheckpointCreate", "container", "x"},
	{"DELETE", "/containers/x/checkpoints/y", "CheckpointDelete", "container", "x"},
	{"GET", "/plugins/x", "PluginInspect", "plugin", "x"},
	{"POST", "/build/cancel", "BuildCancel", NULL, NULL},
	{"POST", "/grpc", "Grpc", NULL, NULL},
	{"OPTIONS", "/x", "SystemOptions", NULL, NULL},
	{"GET", "/debug/vars", "DebugVars", NULL, NULL},
	{"GET", "/debug/pprof/", "DebugPprof", NULL, NULL},
	{"GET", "/debug/pprof/cmdline", "DebugPprofCmdline", NULL, NULL},
	{"GET", "/debug/pprof/profile", "DebugPprofProfile", NULL, NULL},
	{"GET", "/debug/pprof/symbol", "DebugPprofSymbol", NULL, NULL},
	{"GET", "/debug/pprof/trace", "DebugPprofTrace", NULL, NULL},
	{"GET", "/debug/pprof/x", "DebugPprofLookup", NULL, NULL},
	{"POST", "/debug/pprof/x", "DebugPprofLookup", NULL, NULL},
};

/* Podman's own, from the descriptions of 4.3.1 and 6.0.0-dev (pkg/api/server/register_*.go) in their order, and at the end
 * what these lack. */
static const struct wanted podman[] = {
	{"PUT", "/libpod/containers/x/archive", "PutContainerArchiveLibpod", "container", "x"},
	{"GET", "/libpod/containers/x/archive", "ContainerArchiveLibpod", "container", "x"},
	{"POST", "/libpod/containers/create", "ContainerCreateLibpod", "container", NULL},
	{"GET", "/libpod/containers/json", "ContainerListLibpod", "container", NULL},
	{"POST", "/libpod/containers/x/shouldrestart", "ContainerShouldRestartLibpod", "container",
	 "x"},
	{"GET", "/libpod/containers/showmounted", "ContainerShowMountedLibpod", "container", NULL},
	{"DELETE", "/libpod/containers/x", "ContainerDeleteLibpod", "container", "x"},
	{"GET", "/libpod/containers/x/json", "ContainerInspectLibpod", "container", "x"},
	{"POST", "/libpod/containers/x/kill", "ContainerKillLibpod", "container", "x"},
	{"POST", "/libpod/containers/x/mount", "ContainerMountLibpod", "container", "x"},
	{"POST", "/libpod/containers/x/unmount", "ContainerUnmountLibpod", "container", "x"},
	{"GET", "/libpod/containers/x/logs", "ContainerLogsLibpod", "container", "x"},
	{"POST", "/libpod/containers/x/pause", "ContainerPauseLibpod", "container", "x"},
	{"POST", "/libpod/containers/x/restart", "ContainerRestartLibpod", "container", "x"},
	{"POST", "/libpod/containers/x/start", "ContainerStartLibpod", "container", "x"},
	{"GET", "/libpod/containers/x/stats", "ContainerStatsLibpod", "container", "x"},
	{"GET", "/libpod/containers/stats", "ContainersStatsAllLibpod", "container", NULL},
	{"GET", "/libpod/containers/x/top", "ContainerTopLibpod", "container", "x"},
	{"POST", "/libpod/containers/x/unpause", "ContainerUnpauseLibpod", "container", "x"},
	{"POST", "/libpod/containers/x/wait", "ContainerWaitLibpod", "container", "x"},
	{"GET", "/libpod/containers/x/exists", "ContainerExistsLibpod", "container", "x"},
	{"POST", "/libpod/containers/x/stop", "ContainerStopLibpod", "container", "x"},
	{"POST", "/libpod/containers/x/attach", "ContainerAttachLibpod", "container", "x"},
	{"POST", "/libpod/containers/x/resize", "ContainerResizeLibpod", "container", "x"},
	{"GET", "/libpod/containers/x/export", "ContainerExportLibpod", "container", "x"},
	{"POST", "/libpod/containers/x/checkpoint", "ContainerCheckpointLibpod", "container", "x"},
	{"POST", "/libpod/containers/x/restore", "ContainerRestoreLibpod", "container", "x"},
	{"GET", "/libpod/containers/x/changes", "ContainerChangesLibpod", "container", "x"},
	{"POST", "/libpod/containers/x/init", "ContainerInitLibpod", "container", "x"},
	{"POST", "/libpod/containers/x/rename", "ContainerRenameLibpod", "container", "x"},
	{"POST", "/libpod/containers/x/update", "ContainerUpdateLibpod", "container", "x"},
	{"GET", "/libpod/events", "SystemEventsLibpod", NULL, NULL},
	{"POST", "/libpod/containers/x/exec", "ContainerExecLibpod", "container", "x"},
	{"POST", "/libpod/exec/x/start", "ExecStartLibpod", "exec", "x"},
	{"POST", "/libpod/exec/x/resize", "ExecResizeLibpod", "exec", "x"},
	{"GET", "/libpod/exec/x/json", "ExecInspectLibpod", "exec", "x"},
	{"GET", "/libpod/generate/x/systemd", "GenerateSystemdLibpod", NULL, NULL},
	{"GET", "/libpod/generate/kube", "GenerateKubeLibpod", NULL, NULL},
	{"GET", "/libpod/containers/x/healthcheck", "ContainerHealthcheckLibpod", "container", "x"},
	{"POST", "/libpod/images/x/push", "ImagePushLibpod", "image", "x"},
	{"GET", "/libpod/images/x/exists", "ImageExistsLibpod", "image", "x"},
	{"GET", "/libpod/images/x/tree", "ImageTreeLibpod", "image", "x"},
	{"GET", "/libpod/images/x/history", "ImageHistoryLibpod", "image", "x"},
	{"GET", "/libpod/images/json", "ImageListLibpod", "image", NULL},
	{"POST", "/libpod/images/load", "ImageLoadLibpod", "image", NULL},
	{"POST", "/libpod/images/import", "ImageImportLibpod", "image", NULL},
	{"DELETE", "/libpod/images/remove", "ImageDeleteAllLibpod", "image", NULL},
	{"DELETE", "/libpod/images/x", "ImageDeleteLibpod", "image", "x"},
	{"POST", "/libpod/images/pull", "ImagePullLibpod", "image", NULL},
	{"POST", "/libpod/images/prune", "ImagePruneLibpod", "image", NULL},
	{"GET", "/libpod/images/search", "ImageSearchLibpod", "image", NULL},
	{"GET", "/libpod/images/x/get", "ImageGetLibpod", "image", "x"},
	{"GET", "/libpod/images/export", "ImageExportLibpod", "image", NULL},
	{"GET", "/libpod/images/x/json", "ImageInspectLibpod", "image", "x"},
	{"POST", "/libpod/images/x/tag", "ImageTagLibpod", "image", "x"},
	{"POST", "/libpod/commit", "ImageCommitLibpod", "container", NULL},
	{"POST", "/libpod/images/x/untag", "ImageUntagLibpod", "image", "x"},
	{"GET", "/libpod/images/x/changes", "ImageChangesLibpod", "image", "x"},
	{"POST", "/libpod/build", "ImageBuildLibpod", "image", NULL},
	{"POST", "/libpod/images/scp/x", "ImageScpLibpod", "image", "x"},
	{"GET", "/libpod/info", "SystemInfoLibpod", NULL, NULL},
	{"POST", "/libpod/play/kube", "PlayKubeLibpod", NULL, NULL},
	{"DELETE", "/libpod/play/kube", "PlayKubeDownLibpod", NULL, NULL},
	{"POST", "/libpod/manifests/x/push", "ManifestPushV3Libpod", "image", "x"},
	{"POST", "/libpod/manifests/x/registry/x", "ManifestPushLibpod", "image", "x"},
	{"GET", "/libpod/manifests/x/exists", "ManifestExistsLibpod", "image", "x"},
	{"GET", "/libpod/manifests/x/json", "ManifestInspectLibpod", "image", "x"},
	{"PUT", "/libpod/manifests/x", "ManifestModifyLibpod", "image", "x"},
	{"POST", "/libpod/manifests/x/add", "ManifestAddLibpod", "image", "x"},
	{"DELETE", "/libpod/manifests/x", "ManifestDeleteLibpod", "image", "x"},
	{"DELETE", "/libpod/networks/x", "NetworkDeleteLibpod", "network", "x"},
	{"GET", "/libpod/networks/x/exists", "NetworkExistsLibpod", "network", "x"},
	{"GET", "/libpod/networks/json", "NetworkListLibpod", "network", NULL},
	{"GET", "/libpod/networks/x/json", "NetworkInspectLibpod", "network", "x"},
	{"POST", "/libpod/networks/create", "NetworkCreateLibpod", "network", NULL},
	{"POST", "/libpod/networks/x/connect", "NetworkConnectLibpod", "network", "x"},
	{"POST", "/libpod/networks/x/disconnect", "NetworkDisconnectLibpod", "network", "x"},
	{"POST", "/libpod/networks/prune", "NetworkPruneLibpod", "network", NULL},
	{"GET", "/libpod/_ping", "SystemPing", NULL, NULL},
	{"GET", "/libpod/pods/json", "PodListLibpod", "pod", NULL},
	{"POST", "/libpod/pods/create", "PodCreateLibpod", "pod", NULL},
	{"POST", "/libpod/pods/prune", "PodPruneLibpod", "pod", NULL},
	{"DELETE", "/libpod/pods/x", "PodDeleteLibpod", "pod", "x"},
	{"GET", "/libpod/pods/x/json", "PodInspectLibpod", "pod", "x"},
	{"GET", "/libpod/pods/x/exists", "PodExistsLibpod", "pod", "x"},
	{"POST", "/libpod/pods/x/kill", "PodKillLibpod", "pod", "x"},
	{"POST", "/libpod/pods/x/pause", "PodPauseLibpod", "pod", "x"},
	{"POST", "/libpod/pods/x/restart", "PodRestartLibpod", "pod", "x"},
	{"POST", "/libpod/pods/x/start", "PodStartLibpod", "pod", "x"},
	{"POST", "/libpod/pods/x/stop", "PodStopLibpod", "pod", "x"},
	{"POST", "/libpod/pods/x/unpause", "PodUnpauseLibpod", "pod", "x"},
	{"GET", "/libpod/pods/x/top", "PodTopLibpod", "pod", "x"},
	{"GET", "/libpod/pods/stats", "PodStatsAllLibpod", "pod", NULL},
	{"POST", "/libpod/secrets/create", "SecretCreateLibpod", "secret", NULL},
	{"GET", "/libpod/secrets/json", "SecretListLibpod", "secret", NULL},
	{"GET", "/libpod/secrets/x/json", "SecretInspectLibpod", "secret", "x"},
	{"DELETE", "/libpod/secrets/x", "SecretDeleteLibpod", "secret", "x"},
	{"POST", "/libpod/system/prune", "SystemPruneLibpod", NULL, NULL},
	{"GET", "/libpod/system/df", "SystemDataUsageLibpod", NULL, NULL},
	{"GET", "/libpod/version", "SystemVersionLibpod", NULL, NULL},
	{"POST", "/libpod/volumes/create", "VolumeCreateLibpod", "volume", NULL},
	{"GET", "/libpod/volumes/x/exists", "VolumeExistsLibpod", "volume", "x"},
	{"GET", "/libpod/volumes/json", "VolumeListLibpod", "volume", NULL},
	{"POST", "/libpod/volumes/prune", "VolumePruneLibpod", "volume", NULL},
	{"GET", "/libpod/volumes/x/json", "VolumeInspectLibpod", "volume", "x"},
	{"DELETE", "/libpod/volumes/x", "VolumeDeleteLibpod", "volume", "x"},
	{"GET", "/libpod/artifacts/x/json", "ArtifactInspectLibpod", NULL, NULL},
	{"GET", "/libpod/artifacts/json", "ArtifactListLibpod", NULL, NULL},
	{"POST", "/libpod/artifacts/pull", "ArtifactPullLibpod", NULL, NULL},
	{"DELETE", "/libpod/artifacts/remove", "ArtifactDeleteAllLibpod", NULL, NULL},
	{"DELETE", "/libpod/artifacts/x", "ArtifactDeleteLibpod", NULL, NULL},
	{"POST", "/libpod/artifacts/add", "ArtifactAddLibpod", NULL, NULL},
	{"POST", "/libpod/artifacts/local/add", "ArtifactLocalLibpod", NULL, NULL},
	{"POST", "/libpod/artifacts/x/push", "ArtifactPushLibpod", NULL, NULL},
	{"GET", "/libpod/artifacts/x/extract", "ArtifactExtractLibpod", NULL, NULL},
	{"POST", "/libpod/local/images/load", "LocalImagesLibpod", "image", NULL},
	{"POST", "/libpod/local/build", "LocalBuildLibpod", "image", NULL},
	{"GET", "/libpod/images/x/resolve", "ImageResolveLibpod", "image", "x"},
	{"POST", "/libpod/kube/apply", "KubeApplyLibpod", NULL, NULL},
	{"POST", "/libpod/manifests/x", "ManifestCreateLibpod", "image", "x"},
	{"POST", "/libpod/networks/x/update", "NetworkUpdateLibpod", "network", "x"},
	{"GET", "/libpod/quadlets/json", "QuadletListLibpod", NULL, NULL},
	{"GET", "/libpod/quadlets/x/file", "QuadletFileLibpod", NULL, NULL},
	{"GET", "/libpod/quadlets/x/exists", "QuadletExistsLibpod", NULL, NULL},
	{"POST", "/libpod/quadlets", "QuadletInstallLibpod", NULL, NULL},
	{"DELETE", "/libpod/quadlets", "QuadletDeleteAllLibpod", NULL, NULL},
	{"DELETE", "/libpod/quadlets/x", "QuadletDeleteLibpod", NULL, NULL},
	{"GET", "/libpod/secrets/x/exists", "SecretExistsLibpod", "secret", "x"},
	{"POST", "/libpod/system/check", "SystemCheckLibpod", NULL, NULL},
	{"GET", "/libpod/volumes/x/export", "VolumeExportLibpod", "volume", "x"},
	{"POST", "/libpod/volumes/x/import", "VolumeImportLibpod", "volume", "x"},
	{"POST", "/libpod/containers/prune", "ContainerPruneLibpod", "container", NULL},
	{"HEAD", "/libpod/_ping", "SystemPingHead", NULL, NULL},
	{"GET", "/libpod/swagger", "SystemSwaggerLibpod", NULL, NULL},
	{"HEAD", "/libpod/containers/x/archive", "ContainerArchiveInfoLibpod", "container", "x"},
	{"POST", "/libpod/containers/x/restore?import=1", "ContainerRestoreLibpod", "container", "x"},
	{"POST", "/libpod/exec/x/remove", "ExecRemoveLibpod", "exec", "x"},
	{"POST", "/libpod/kube/play", "PlayKubeLibpod", NULL, NULL},
	{"DELETE", "/libpod/kube/play", "PlayKubeDownLibpod", NULL, NULL},
	{"GET", "/libpod/kube/generate", "GenerateKubeLibpod", NULL, NULL},
	{"GET", "/libpod/networks/x", "NetworkInspectLibpod", "network", "x"},
	{"POST", "/libpod/manifests/create", "ManifestCreateLibpod", "image", NULL},
};
/* clang-format on */

static void check_found(const struct wanted *wanted, const char *version)
{
	struct answer answer;
	char target[100];
	const struct route *route;

	snprintf(target, sizeof(target), "%s%s%s", version ? "/v" : "", version ? version : "",
		 wanted->path);
	ask(&answer, wanted->method, target);
	check_operation(&answer, wanted->operation);
	route = answer.match.route;
	check_string(target, "type", name_target(route->target), wanted->type);
	check_bytes(target, "name", answer.match.name, wanted->name);
	check_bytes(target, "version", answer.match.version, version);
	assert_false(answer.match.redirected);
	forget(&answer);
}

static void test_described(void **state)
{
	for (size_t i = 0; i < COUNT(described); i++) {
		check_found(&described[i], NULL);
		check_found(&described[i], "1.41");
	}
}

static void test_undescribed(void **state)
{
	for (size_t i = 0; i < COUNT(undescribed); i++) {
		check_found(&undescribed[i], NULL);
		check_found(&undescribed[i], "1.41");
	}
}

static void test_podman(void **state)
{
	for (size_t i = 0; i < COUNT(podman); i++) {
		check_found(&podman[i], NULL);
		check_found(&podman[i], "1.41");
		check_found(&podman[i], "4.3.1");
		check_found(&podman[i], "6.0.0-dev");
	}
}

static const struct route *asked_route(const char *method, const char *target)
{
	struct answer answer;

	ask(&answer, method, target);
	forget(&answer);
	return answer.match.route;
}

/* The lists above leave no line of the table out: those found make up the array without a hole. */
static void test_each_line(void **state)
{
	static const struct {
		const struct wanted *operations;
		size_t count;
	} lists[] = {{described, COUNT(described)},
		     {undescribed, COUNT(undescribed)},
		     {podman, COUNT(podman)}};
	const struct route *first = asked_route("OPTIONS", "/"),
			   *last = asked_route("DELETE", "/libpod/secrets/x");
	size_t count = (size_t)(last - first) + 1;
	bool *seen = calloc(count, sizeof(*seen));

	assert_non_null(seen);
	for (size_t list = 0; list < COUNT(lists); list++) {
		for (size_t i = 0; i < lists[list].count; i++) {
			const struct wanted *operation = &lists[list].operations[i];
			const struct route *route = asked_route(operation->method, operation->path);

			assert_true(route >= first && route <= last);
			seen[route - first] = true;
		}
	}
	for (size_t i = 0; i < count; i++)
		if (!seen[i])
			fail_msg("nothing asks for %s", first[i].path);
	free(seen);
}

static void expect_call(const char *target, const char *operation)
{
	struct text text = {0};
	struct route_match match;

	route_find_call(bytes_of(target), &text, &match);
	if (operation)
		assert_string_equal(operation_name(match.route->operation), operation);
	else
		assert_null(match.route);
	text_free(&text);
}

/* Calls of gRPC are no requests of REST, nor the other way round. */
static void test_calls(void **state)
{
	struct answer answer;

	expect_call("/moby.buildkit.v1.Control/Solve", "ImageBuild");
	expect_call("moby.buildkit.v1.Control/Solve", "ImageBuild");
	expect_call("/moby.buildkit.v1.Control/%53olve?x", "ImageBuild");
	expect_call("/moby.buildkit.v1.frontend.LLBBridge/Solve", "BuildSolve");
	expect_call("/moby.buildkit.v1.Control/Prune", "BuildPrune");
	expect_call("/moby.buildkit.v1.Control/solve", NULL);
	expect_call("//moby.buildkit.v1.Control/Solve", NULL);
	expect_call("/moby.buildkit.v1.Control/Solve/", NULL);
	expect_call("/containers/create", NULL);
	expect_call("", NULL);
	ask(&answer, "POST", "/moby.buildkit.v1.Control/Solve");
	assert_null(answer.match.route);
	forget(&answer);
	assert_true(route_knows_service(bytes_of("moby.buildkit.v1.Control")));
	assert_false(route_knows_service(bytes_of("moby.buildkit.v1")));
	assert_false(route_knows_service(bytes_of("")));
}

/* An operation is its method's alone, save where all methods do; and nothing around it is. */
static void test_near_misses(void **state)
{
	static const char *const methods[] = {"GET",   "HEAD",	  "POST",  "PUT",  "DELETE",
					      "PATCH", "CONNECT", "TRACE", "post", ""};

	for (size_t i = 0; i < COUNT(described); i++) {
		const struct wanted *operation = &described[i];

		for (size_t j = 0; j < COUNT(methods); j++) {
			const struct route *route = asked_route(methods[j], operation->path);

			if (route)
				assert_int_equal(route->method,
						 method_by_name(bytes_of(methods[j])));
		}
		/* A name at the end takes anything; elsewhere one byte more is one too many. */
		if (!operation->name || operation->path[strlen(operation->path) - 1] != 'x') {
			char target[100];

			snprintf(target, sizeof(target), "%sx", operation->path);
			assert_true(asked_route(operation->method, target) !=
				    asked_route(operation->method, operation->path));
		}
	}
}

/* --- the other columns ---------------------------------------------------------------------------- */

struct column {
	const char *method, *target;
	int value; /* an enum, or a bool */
};

static const struct column findings[] = {
	{"PUT", "/containers/x/archive", FINDING_CONTAINER_FILE_WRITE},
	{"GET", "/containers/x/archive", FINDING_CONTAINER_FILE_READ},
	{"HEAD", "/containers/x/archive", FINDING_CONTAINER_FILE_READ},
	{"GET", "/containers/x/export", FINDING_CONTAINER_FILE_READ},
	{"POST", "/containers/x/copy", FINDING_CONTAINER_FILE_READ},
	{"GET", "/containers/x/changes", FINDING_NONE},
	{"POST", "/images/load", FINDING_IMAGE_LOAD},
	{"POST", "/images/create?fromSrc=-", FINDING_IMAGE_LOAD},
	{"POST", "/images/create?fromSrc=-&fromImage=", FINDING_IMAGE_LOAD},
	{"POST", "/images/create?fromSrc=-&fromImage", FINDING_IMAGE_LOAD},
	{"POST", "/images/create", FINDING_IMAGE_LOAD},
	{"POST", "/images/create?fromImage=alpine", FINDING_NONE},
	{"POST", "/images/create?fromSrc=-&from%49mage=alpine", FINDING_NONE},
	{"POST", "/commit", FINDING_IMAGE_LOAD},
	{"POST", "/images/x/push", FINDING_IMAGE_PUSH},
	{"POST", "/images/x/tag", FINDING_NONE},
	{"POST", "/plugins/pull", FINDING_PLUGIN},
	{"POST", "/plugins/create", FINDING_PLUGIN},
	{"POST", "/plugins/x/upgrade", FINDING_PLUGIN},
	{"POST", "/plugins/x/set", FINDING_PLUGIN},
	{"POST", "/plugins/x/enable", FINDING_PLUGIN},
	{"POST", "/plugins/x/disable", FINDING_NONE},
	{"POST", "/swarm/init", FINDING_SWARM},
	{"POST", "/swarm/join", FINDING_SWARM},
	{"POST", "/swarm/unlock", FINDING_SWARM},
	{"GET", "/swarm/unlockkey", FINDING_SWARM},
	{"POST", "/swarm/leave", FINDING_NONE},
	{"GET", "/secrets", FINDING_SECRET_ACCESS},
	{"GET", "/secrets/x", FINDING_SECRET_ACCESS},
	{"POST", "/secrets/create", FINDING_SECRET_ACCESS},
	{"POST", "/secrets/x/update", FINDING_SECRET_ACCESS},
	{"DELETE", "/secrets/x", FINDING_SECRET_ACCESS},
	{"GET", "/configs", FINDING_SECRET_ACCESS},
	{"GET", "/configs/x", FINDING_SECRET_ACCESS},
	{"POST", "/configs/create", FINDING_SECRET_ACCESS},
	{"POST", "/configs/x/update", FINDING_SECRET_ACCESS},
	{"DELETE", "/configs/x", FINDING_SECRET_ACCESS},
	{"POST", "/auth", FINDING_SECRET_ACCESS},
	{"GET", "/debug/vars", FINDING_DEBUG_ENDPOINT},
	{"GET", "/debug/pprof/", FINDING_DEBUG_ENDPOINT},
	{"GET", "/debug/pprof/heap", FINDING_DEBUG_ENDPOINT},
	{"POST", "/containers/prune", FINDING_PRUNE},
	{"POST", "/images/prune", FINDING_PRUNE},
	{"POST", "/networks/prune", FINDING_PRUNE},
	{"POST", "/volumes/prune", FINDING_PRUNE},
	{"POST", "/build/prune", FINDING_PRUNE},
	{"POST", "/containers/x/attach", FINDING_OPAQUE_STREAM},
	{"GET", "/containers/x/attach/ws", FINDING_OPAQUE_STREAM},
	{"POST", "/exec/x/start", FINDING_OPAQUE_STREAM},
	{"POST", "/session", FINDING_OPAQUE_STREAM},
	{"POST", "/grpc", FINDING_OPAQUE_STREAM},
	{"POST", "/containers/create", FINDING_NONE},
	{"GET", "/containers/json", FINDING_NONE},
	{"PUT", "/libpod/containers/x/archive", FINDING_CONTAINER_FILE_WRITE},
	{"GET", "/libpod/containers/x/archive", FINDING_CONTAINER_FILE_READ},
	{"HEAD", "/libpod/containers/x/archive", FINDING_CONTAINER_FILE_READ},
	{"GET", "/libpod/containers/x/export", FINDING_CONTAINER_FILE_READ},
	{"POST", "/libpod/containers/x/update", FINDING_CONTAINER_UPDATE},
	{"POST", "/libpod/images/load", FINDING_IMAGE_LOAD},
	{"POST", "/libpod/local/images/load", FINDING_IMAGE_LOAD},
	{"POST", "/libpod/images/import", FINDING_IMAGE_LOAD},
	{"POST", "/libpod/images/pull", FINDING_NONE},
	{"POST", "/libpod/commit", FINDING_IMAGE_LOAD},
	{"POST", "/libpod/images/x/push", FINDING_IMAGE_PUSH},
	{"POST", "/libpod/images/scp/x", FINDING_IMAGE_PUSH},
	{"POST", "/libpod/manifests/x/push", FINDING_IMAGE_PUSH},
	{"POST", "/libpod/manifests/x/registry/y", FINDING_IMAGE_PUSH},
	{"POST", "/libpod/artifacts/x/push", FINDING_IMAGE_PUSH},
	{"GET", "/libpod/secrets/json", FINDING_SECRET_ACCESS},
	{"GET", "/libpod/secrets/x/json", FINDING_SECRET_ACCESS},
	{"POST", "/libpod/secrets/create", FINDING_SECRET_ACCESS},
	{"DELETE", "/libpod/secrets/x", FINDING_SECRET_ACCESS},
	{"GET", "/libpod/secrets/x/exists", FINDING_NONE},
	{"POST", "/libpod/containers/prune", FINDING_PRUNE},
	{"POST", "/libpod/images/prune", FINDING_PRUNE},
	{"POST", "/libpod/networks/prune", FINDING_PRUNE},
	{"POST", "/libpod/pods/prune", FINDING_PRUNE},
	{"POST", "/libpod/system/prune", FINDING_PRUNE},
	{"POST", "/libpod/volumes/prune", FINDING_PRUNE},
	{"POST", "/libpod/containers/x/attach", FINDING_OPAQUE_STREAM},
	{"POST", "/libpod/exec/x/start", FINDING_OPAQUE_STREAM},
};

static void test_findings(void **state)
{
	for (size_t i = 0; i < COUNT(findings); i++) {
		const struct route *route = asked_route(findings[i].method, findings[i].target);

		assert_non_null(route);
		if (route->finding != (enum finding_id)findings[i].value)
			fail_msg("%s: finding %d", findings[i].target, route->finding);
		assert_int_equal(route->opaque, route->finding == FINDING_OPAQUE_STREAM);
	}
}

/* The value is the type of what is made; TARGET_NONE: it has no id in the answer. */
static const struct column answers[] = {
	{"POST", "/containers/create", TARGET_CONTAINER},
	{"POST", "/containers/x/exec", TARGET_EXEC},
	{"POST", "/networks/create", TARGET_NETWORK},
	{"POST", "/services/create", TARGET_SERVICE},
	{"POST", "/secrets/create", TARGET_SECRET},
	{"POST", "/configs/create", TARGET_CONFIG},
	{"POST", "/commit", TARGET_IMAGE},
	{"POST", "/volumes/create", TARGET_VOLUME},
	{"POST", "/plugins/create", TARGET_NONE},
	{"POST", "/images/create", TARGET_NONE},
	{"POST", "/containers/x/checkpoints", TARGET_NONE},
	{"POST", "/libpod/containers/create", TARGET_CONTAINER},
	{"POST", "/libpod/containers/x/exec", TARGET_EXEC},
	{"POST", "/libpod/networks/create", TARGET_NETWORK},
	{"POST", "/libpod/secrets/create", TARGET_SECRET},
	{"POST", "/libpod/commit", TARGET_IMAGE},
	{"POST", "/libpod/volumes/create", TARGET_VOLUME},
	{"POST", "/libpod/pods/create", TARGET_POD},
	{"POST", "/libpod/manifests/x", TARGET_IMAGE},
	{"POST", "/libpod/images/import", TARGET_NONE},
	{"POST", "/libpod/play/kube", TARGET_NONE},
};

static void test_answers(void **state)
{
	for (size_t i = 0; i < COUNT(answers); i++) {
		const struct route *route = asked_route(answers[i].method, answers[i].target);

		assert_int_equal(route->answer, answers[i].value != TARGET_NONE);
		if (route->answer)
			assert_int_equal(route->made ? route->made : route->target,
					 answers[i].value);
	}
}

/* The value: whether its body is one that nobody reads yet. */
static const struct column unread[] = {
	{"POST", "/libpod/containers/create", false},
	{"POST", "/libpod/containers/x/update", false},
	{"POST", "/libpod/containers/x/restore?import=true", true},
	{"POST", "/libpod/containers/x/restore", false},
	{"POST", "/libpod/containers/x/exec", false},
	{"POST", "/libpod/pods/create", false},
	{"POST", "/libpod/play/kube", false},
	{"POST", "/libpod/kube/play", false},
	{"DELETE", "/libpod/kube/play", false},
	{"POST", "/libpod/kube/apply", false},
	{"POST", "/libpod/quadlets", true},
	{"POST", "/libpod/volumes/create", false},
	{"POST", "/libpod/networks/create", false},
	{"POST", "/libpod/networks/x/connect", false},
	{"POST", "/libpod/secrets/create", false},
	{"POST", "/containers/create", false},
};

static void test_unread(void **state)
{
	for (size_t i = 0; i < COUNT(unread); i++) {
		const struct route *route = asked_route(unread[i].method, unread[i].target);

		assert_int_equal(route->unread, unread[i].value);
		assert_false(route->unread && route->body);
	}
}

/* The value: what it does, as far as its method does not say so. */
static const struct column activities[] = {
	{"POST", "/containers/create", ACTIVITY_CREATE},
	{"POST", "/libpod/containers/create", ACTIVITY_CREATE},
	{"POST", "/containers/x/exec", ACTIVITY_CREATE},
	{"POST", "/exec/x/start", ACTIVITY_START},
	{"POST", "/containers/x/start", ACTIVITY_START},
	{"POST", "/libpod/containers/x/kill", ACTIVITY_END},
	{"POST", "/containers/x/stop", ACTIVITY_END},
	{"POST", "/containers/x/attach", ACTIVITY_UPDATE},
	{"POST", "/images/load", ACTIVITY_CREATE},
	{"POST", "/commit", ACTIVITY_CREATE},
	{"POST", "/build", ACTIVITY_CREATE},
	{"POST", "/plugins/pull", ACTIVITY_CREATE},
	{"POST", "/volumes/prune", ACTIVITY_DELETE},
	{"POST", "/libpod/system/prune", ACTIVITY_DELETE},
	{"POST", "/libpod/exec/x/remove", ACTIVITY_DELETE},
	{"DELETE", "/containers/x", ACTIVITY_UPDATE},
};

static void test_activities(void **state)
{
	for (size_t i = 0; i < COUNT(activities); i++)
		assert_int_equal(asked_route(activities[i].method, activities[i].target)->activity,
				 activities[i].value);
}

/* What Podman has of its own beside an operation of Docker's is taken for the same. */
static void test_operations(void **state)
{
	unsigned int libpod = 0;

	assert_null(operation_name(OPERATION_NONE));
	assert_int_equal(operation_named(NULL), OPERATION_NONE);
	assert_int_equal(operation_named("ContainerCreat"), OPERATION_NONE);
	assert_int_equal(operation_docker(OPERATION_ContainerCreateLibpod),
			 OPERATION_ContainerCreate);
	assert_int_equal(operation_docker(OPERATION_PodCreateLibpod), OPERATION_PodCreateLibpod);
	assert_null(route_of(OPERATION_NONE));
	for (enum operation i = OPERATION_NONE + 1; i < OPERATIONS; i++) {
		const struct route *route = route_of(i), *docker = route_of(operation_docker(i));

		assert_int_equal(operation_named(operation_name(i)), i);
		assert_int_equal(route->operation, i);
		assert_int_equal(route->target, docker->target);
		assert_int_equal(route->learn, docker->learn);
		assert_int_equal(route->enter, docker->enter);
		assert_int_equal(route->made, docker->made);
		if (route->shown || docker->shown)
			assert_string_equal(route->shown, docker->shown);
		assert_int_equal(route->activity, docker->activity);
		libpod += route != docker;
	}
	assert_true(libpod > 50);
}

static void test_target_names(void **state)
{
	assert_null(name_target(TARGET_NONE));
	assert_null(name_target(TARGET_TYPES));
	for (int type = TARGET_NONE + 1; type < TARGET_TYPES; type++)
		assert_non_null(name_target((enum target_type)type));
	assert_string_equal(name_target(TARGET_CONTAINER), "container");
	assert_string_equal(name_target(TARGET_SWARM), "swarm");
}

/* --- spellings ------------------------------------------------------------------------------------ */

#define MOVED "(moved)"

/* clang-format off */
static const struct {
	const char *method, *target;
	const char *operation; /* NULL: none; MOVED: there is a redirect to the path */
	const char *path, *version, *name;
} spellings[] = {
	{"HEAD", "/v1.41/containers/json", NULL,
		"/v1.41/containers/json", "1.41", NULL},
	{"HEAD", "/v1.41/info", NULL,
		"/v1.41/info", "1.41", NULL},
	{"HEAD", "/v1.41/_ping", "SystemPingHead",
		"/v1.41/_ping", "1.41", NULL},
	{"get", "/v1.41/_ping", NULL,
		"/v1.41/_ping", "1.41", NULL},
	{"POST", "/v1.41/_ping", NULL,
		"/v1.41/_ping", "1.41", NULL},
	{"PATCH", "/v1.41/containers/none", NULL,
		"/v1.41/containers/none", "1.41", NULL},
	{"DELETE", "/v1.41/containers/none/json", "ContainerDelete",
		"/v1.41/containers/none/json", "1.41", "none/json"},
	{"OPTIONS", "/v1.41/containers/none", "SystemOptions",
		"/v1.41/containers/none", "1.41", NULL},
	{"OPTIONS", "/debug/vars", "SystemOptions",
		"/debug/vars", NULL, NULL},
	{"OPTIONS", "/", "SystemOptions",
		"/", NULL, NULL},
	{"OPTIONS", "*", "SystemOptions",
		"/*", NULL, NULL},
	{"OPTIONS", "//", MOVED,
		"/", NULL, NULL},
	{"OPTIONS", "/a%0ab", NULL,
		"/a\012b", NULL, NULL},
	{"TRACE", "/v1.41/_ping", NULL,
		"/v1.41/_ping", "1.41", NULL},
	{"CONNECT", "/_ping", NULL,
		"/_ping", NULL, NULL},
	{"GET", "/_ping", "SystemPing",
		"/_ping", NULL, NULL},
	{"GET", "/v1/_ping", "SystemPing",
		"/v1/_ping", "1", NULL},
	{"GET", "/v9.9/_ping", "SystemPing",
		"/v9.9/_ping", "9.9", NULL},
	{"GET", "/v1.41.0/_ping", "SystemPing",
		"/v1.41.0/_ping", "1.41.0", NULL},
	{"GET", "/v0000001.41/_ping", "SystemPing",
		"/v0000001.41/_ping", "0000001.41", NULL},
	{"GET", "/v./_ping", "SystemPing",
		"/v./_ping", ".", NULL},
	{"GET", "/v.../_ping", "SystemPing",
		"/v.../_ping", "...", NULL},
	{"GET", "/v/_ping", NULL,
		"/v/_ping", NULL, NULL},
	{"GET", "/V1.41/_ping", NULL,
		"/V1.41/_ping", NULL, NULL},
	/* Podman takes these; Docker answers 404. */
	{"GET", "/v1.41a/_ping", "SystemPing",
		"/v1.41a/_ping", "1.41a", NULL},
	{"POST", "/v1-X.z/containers/create", "ContainerCreate",
		"/v1-X.z/containers/create", "1-X.z", NULL},
	{"GET", "/v4.3.1/libpod/info", "SystemInfoLibpod",
		"/v4.3.1/libpod/info", "4.3.1", NULL},
	/* Docker takes this; Podman does not. */
	{"GET", "/v.41/_ping", "SystemPing",
		"/v.41/_ping", ".41", NULL},
	{"GET", "/v.41a/_ping", NULL,
		"/v.41a/_ping", NULL, NULL},
	{"GET", "/va1/_ping", NULL,
		"/va1/_ping", NULL, NULL},
	{"GET", "/v-1/_ping", NULL,
		"/v-1/_ping", NULL, NULL},
	{"GET", "/v1_/_ping", NULL,
		"/v1_/_ping", NULL, NULL},
	{"GET", "/v1%20/_ping", NULL,
		"/v1 /_ping", NULL, NULL},
	{"GET", "/v4.3.1", NULL,
		"/v4.3.1", NULL, NULL},
	{"GET", "/v4.3.1/libpod/", NULL,
		"/v4.3.1/libpod/", "4.3.1", NULL},
	{"GET", "/v4.3.1/libpod/libpod/info", NULL,
		"/v4.3.1/libpod/libpod/info", "4.3.1", NULL},
	{"POST", "/v4/libpod/containers/a/b/start", NULL,
		"/v4/libpod/containers/a/b/start", "4", NULL},
	{"POST", "/v4/libpod/containers/a/start/start", NULL,
		"/v4/libpod/containers/a/start/start", "4", NULL},
	{"GET", "/v4/libpod/containers/a/b/healthcheck", "ContainerHealthcheckLibpod",
		"/v4/libpod/containers/a/b/healthcheck", "4", "a/b"},
	{"DELETE", "/v4/libpod/images/host:5000/a@sha256:1", "ImageDeleteLibpod",
		"/v4/libpod/images/host:5000/a@sha256:1", "4", "host:5000/a@sha256:1"},
	{"DELETE", "/v4/libpod/images/remove", "ImageDeleteAllLibpod",
		"/v4/libpod/images/remove", "4", NULL},
	{"POST", "/v4/libpod/images/scp/a/push", "ImagePushLibpod",
		"/v4/libpod/images/scp/a/push", "4", "scp/a"},
	{"POST", "/v4/libpod/manifests/a/b/registry/h:5/c", "ManifestPushLibpod",
		"/v4/libpod/manifests/a/b/registry/h:5/c", "4", "a/b"},
	{"POST", "/v4/libpod/manifests/a/registry/b/registry/c", "ManifestPushLibpod",
		"/v4/libpod/manifests/a/registry/b/registry/c", "4", "a/registry/b"},
	{"POST", "/v4/libpod/manifests/a/registry/", "ManifestPushLibpod",
		"/v4/libpod/manifests/a/registry/", "4", "a"},
	{"POST", "/v4/libpod/manifests/a/registry", "ManifestCreateLibpod",
		"/v4/libpod/manifests/a/registry", "4", "a/registry"},
	{"POST", "/v4/libpod/manifests/a%0ab/registry/c", NULL,
		"/v4/libpod/manifests/a\012b/registry/c", "4", NULL},
	{"POST", "/v4/libpod/manifests/a/registry/b%0ac", NULL,
		"/v4/libpod/manifests/a/registry/b\012c", "4", NULL},
	{"GET", "/v1.41/v1.41/_ping", NULL,
		"/v1.41/v1.41/_ping", "1.41", NULL},
	{"GET", "/v1.41", NULL,
		"/v1.41", NULL, NULL},
	{"GET", "/v1.41/", NULL,
		"/v1.41/", "1.41", NULL},
	{"GET", "/%761%2e41%2f_ping", "SystemPing",
		"/v1.41/_ping", "1.41", NULL},
	{"GET", "/1.41/_ping", NULL,
		"/1.41/_ping", NULL, NULL},
	{"GET", "/%5fping", "SystemPing",
		"/_ping", NULL, NULL},
	{"GET", "/%5Fpin%67", "SystemPing",
		"/_ping", NULL, NULL},
	{"GET", "/%255fping", NULL,
		"/%5fping", NULL, NULL},
	{"GET", "/v1.41/containers/%6eone/json", "ContainerInspect",
		"/v1.41/containers/none/json", "1.41", "none"},
	{"GET", "/v1.41/containers%2fnone%2fjson", "ContainerInspect",
		"/v1.41/containers/none/json", "1.41", "none"},
	{"GET", "/v1.41/containers/no%2fne/json", "ContainerInspect",
		"/v1.41/containers/no/ne/json", "1.41", "no/ne"},
	{"GET", "/v1.41/containers/no+ne/json", "ContainerInspect",
		"/v1.41/containers/no+ne/json", "1.41", "no+ne"},
	{"GET", "/v1.41/containers/no%20ne/json", "ContainerInspect",
		"/v1.41/containers/no ne/json", "1.41", "no ne"},
	{"GET", "/v1.41/containers/no%3fne/json", "ContainerInspect",
		"/v1.41/containers/no?ne/json", "1.41", "no?ne"},
	{"GET", "/v1.41/containers/no%0ane/json", NULL,
		"/v1.41/containers/no\012ne/json", "1.41", NULL},
	{"GET", "/v1.41/containers/no%0dne/json", "ContainerInspect",
		"/v1.41/containers/no\015ne/json", "1.41", "no\015ne"},
	{"GET", "/v1.41/containers/%c3%a9/json", "ContainerInspect",
		"/v1.41/containers/\303\251/json", "1.41", "\303\251"},
	{"GET", "/v1.41/containers/\303\251/json", "ContainerInspect",
		"/v1.41/containers/\303\251/json", "1.41", "\303\251"},
	{"GET", "/v1.41/containers/%ff/json", "ContainerInspect",
		"/v1.41/containers/\377/json", "1.41", "\377"},
	{"GET", "/v1.41/services/no%2fne", NULL,
		"/v1.41/services/no/ne", "1.41", NULL},
	{"GET", "/v1.41/services/no%0ane", "ServiceInspect",
		"/v1.41/services/no\012ne", "1.41", "no\012ne"},
	{"GET", "//_ping", MOVED,
		"/_ping", NULL, NULL},
	{"GET", "/_ping/", NULL,
		"/_ping/", NULL, NULL},
	{"GET", "/_ping/.", MOVED,
		"/_ping", NULL, NULL},
	{"GET", "/./_ping", MOVED,
		"/_ping", NULL, NULL},
	{"GET", "/x/../_ping", MOVED,
		"/_ping", NULL, NULL},
	{"GET", "/../../_ping", MOVED,
		"/_ping", NULL, NULL},
	{"GET", "/%2f_ping", MOVED,
		"/_ping", NULL, NULL},
	{"GET", "/x/%2e%2e/_ping", MOVED,
		"/_ping", NULL, NULL},
	{"GET", "/x%2f..%2f_ping", MOVED,
		"/_ping", NULL, NULL},
	{"GET", "/.../_ping", NULL,
		"/.../_ping", NULL, NULL},
	{"GET", "/_ping/..", MOVED,
		"/", NULL, NULL},
	{"GET", "/_ping/../", MOVED,
		"/", NULL, NULL},
	{"GET", "/x/y/../", MOVED,
		"/x/", NULL, NULL},
	{"GET", "/", NULL,
		"/", NULL, NULL},
	{"GET", "/v1.41//containers/json", MOVED,
		"/v1.41/containers/json", "1.41", NULL},
	{"GET", "/v1.41/containers//json", MOVED,
		"/v1.41/containers/json", "1.41", NULL},
	{"POST", "/v1.41/containers/none/../none/start", MOVED,
		"/v1.41/containers/none/start", "1.41", NULL},
	{"POST", "//containers/create", MOVED,
		"/containers/create", NULL, NULL},
	{"GET", "/v1.41/containers/json/", NULL,
		"/v1.41/containers/json/", "1.41", NULL},
	{"GET", "/v1.41/containers/none/json/", NULL,
		"/v1.41/containers/none/json/", "1.41", NULL},
	{"GET", "/v1.41/containers", NULL,
		"/v1.41/containers", "1.41", NULL},
	{"GET", "/v1.41/containers/", NULL,
		"/v1.41/containers/", "1.41", NULL},
	{"GET", "/v1.41/containers/none", NULL,
		"/v1.41/containers/none", "1.41", NULL},
	{"DELETE", "/v1.41/containers/", "ContainerDelete",
		"/v1.41/containers/", "1.41", ""},
	{"DELETE", "/v1.41/containers", NULL,
		"/v1.41/containers", "1.41", NULL},
	{"DELETE", "/v1.41/containers/none/", "ContainerDelete",
		"/v1.41/containers/none/", "1.41", "none/"},
	{"DELETE", "/v1.41/images/", "ImageDelete",
		"/v1.41/images/", "1.41", ""},
	{"DELETE", "/v1.41/volumes/", "VolumeDelete",
		"/v1.41/volumes/", "1.41", ""},
	{"DELETE", "/v1.41/services/", NULL,
		"/v1.41/services/", "1.41", NULL},
	{"DELETE", "/v1.41/containers/none/checkpoints/a/b", "ContainerDelete",
		"/v1.41/containers/none/checkpoints/a/b", "1.41", "none/checkpoints/a/b"},
	{"GET", "/v1.41/volumes/", "VolumeInspect",
		"/v1.41/volumes/", "1.41", ""},
	{"GET", "/v1.41/volumes/a/b", "VolumeInspect",
		"/v1.41/volumes/a/b", "1.41", "a/b"},
	{"GET", "/v1.41/networks/a/b", "NetworkInspect",
		"/v1.41/networks/a/b", "1.41", "a/b"},
	{"GET", "/v1.41/images/a/b/c/json", "ImageInspect",
		"/v1.41/images/a/b/c/json", "1.41", "a/b/c"},
	{"GET", "/v1.41/images/host:5000/a@sha256:1/json", "ImageInspect",
		"/v1.41/images/host:5000/a@sha256:1/json", "1.41", "host:5000/a@sha256:1"},
	{"GET", "/v1.41/images/json/json", "ImageInspect",
		"/v1.41/images/json/json", "1.41", "json"},
	{"GET", "/v1.41/containers/a/json/json", "ContainerInspect",
		"/v1.41/containers/a/json/json", "1.41", "a/json"},
	{"GET", "/v1.41/containers/a/attach/ws/json", "ContainerInspect",
		"/v1.41/containers/a/attach/ws/json", "1.41", "a/attach/ws"},
	{"POST", "/v1.41/containers/create/start", "ContainerStart",
		"/v1.41/containers/create/start", "1.41", "create"},
	{"POST", "/v1.41/containers/a/start/kill", "ContainerKill",
		"/v1.41/containers/a/start/kill", "1.41", "a/start"},
	{"GET", "/v1.41/plugins/privileges/json", "PluginInspect",
		"/v1.41/plugins/privileges/json", "1.41", "privileges"},
	{"GET", "/v1.41/tasks/a/b/logs", NULL,
		"/v1.41/tasks/a/b/logs", "1.41", NULL},
	{"GET", "/v1.41/containers/JSON", NULL,
		"/v1.41/containers/JSON", "1.41", NULL},
	{"GET", "/v1.41/containers/nnnnnnnnnnnnnnnnnnnn/json", "ContainerInspect",
		"/v1.41/containers/nnnnnnnnnnnnnnnnnnnn/json", "1.41", "nnnnnnnnnnnnnnnnnnnn"},
	{"GET", "/debug/pprof", NULL,
		"/debug/pprof", NULL, NULL},
	{"GET", "/debug/pprof/a/b", NULL,
		"/debug/pprof/a/b", NULL, NULL},
	{"GET", "/debug", NULL,
		"/debug", NULL, NULL},
	{"GET", "/_ping?", "SystemPing",
		"/_ping", NULL, NULL},
	{"GET", "/_ping?/../x", "SystemPing",
		"/_ping", NULL, NULL},
	{"GET", "/_ping?a?b", "SystemPing",
		"/_ping", NULL, NULL},
	{"GET", "/_ping?a#b", "SystemPing",
		"/_ping", NULL, NULL},
	{"GET", "/_ping#x", NULL,
		"/_ping#x", NULL, NULL},
	{"GET", "/x#/../_ping", MOVED,
		"/_ping", NULL, NULL},
	{"GET", "/_ping;x", NULL,
		"/_ping;x", NULL, NULL},
	{"GET", "http://docker/_ping", "SystemPing",
		"/_ping", NULL, NULL},
	{"GET", "HTTP://docker:99/v1.41/_ping", "SystemPing",
		"/v1.41/_ping", "1.41", NULL},
	{"GET", "x+1://docker/_ping?a", "SystemPing",
		"/_ping", NULL, NULL},
	{"GET", "http:///_ping", "SystemPing",
		"/_ping", NULL, NULL},
	{"GET", "http:/_ping", "SystemPing",
		"/_ping", NULL, NULL},
	{"GET", "http://[::1]:99/_ping", "SystemPing",
		"/_ping", NULL, NULL},
	{"GET", "http://docker//_ping", MOVED,
		"/_ping", NULL, NULL},
	{"GET", "http://docker", MOVED,
		"/", NULL, NULL},
	{"GET", "http://docker?/_ping", MOVED,
		"/", NULL, NULL},
	{"GET", "x:_ping", MOVED,
		"/", NULL, NULL},
	{"GET", "*", MOVED,
		"/*", NULL, NULL},
	{"CONNECT", "docker:80", MOVED,
		"/", NULL, NULL},
	/* What a parser that kept no more than the front of a target has. */
	{"GET", "", MOVED,
		"/", NULL, NULL},
	{"GET", "?", MOVED,
		"/", NULL, NULL},
	{"GET", "/_ping%5", NULL,
		"/_ping%5", NULL, NULL},
	{"", "/_ping", NULL,
		"/_ping", NULL, NULL},
	{"GETT", "/_ping", NULL,
		"/_ping", NULL, NULL},
	{"OPTIONS", "*?", MOVED,
		"/*", NULL, NULL},
	{"OPTIONS", "/*", "SystemOptions",
		"/*", NULL, NULL},
};
/* clang-format on */

static void check_spelling(size_t i)
{
	bool moved = spellings[i].operation && !strcmp(spellings[i].operation, MOVED);
	struct answer answer;

	ask(&answer, spellings[i].method, spellings[i].target);
	check_operation(&answer, moved ? NULL : spellings[i].operation);
	check_bytes(answer.target, "path", answer.match.path, spellings[i].path);
	check_bytes(answer.target, "version", answer.match.version, spellings[i].version);
	check_bytes(answer.target, "name", answer.match.name, spellings[i].name);
	if (answer.match.redirected != moved)
		fail_msg("%s: redirected is %d", answer.target, !moved);
	forget(&answer);
}

static void test_spellings(void **state)
{
	for (size_t i = 0; i < COUNT(spellings); i++)
		check_spelling(i);
}

static void test_nul(void **state)
{
	struct answer answer;

	ask(&answer, "GET", "/containers/a%00b/json%00");
	check_operation(&answer, NULL);
	forget(&answer);
	ask(&answer, "GET", "/containers/a%00b/json");
	check_operation(&answer, "ContainerInspect");
	assert_int_equal(answer.match.name.size, 3);
	assert_memory_equal(answer.match.name.data, "a\0b", 3);
	forget(&answer);
	ask_bytes(&answer, "GET", (struct bytes){0});
	assert_null(answer.match.route);
	forget(&answer);
}

/* What was in the text stays, and the parts lie behind it. */
static void test_appends(void **state)
{
	struct route_match match;
	struct text text = {0};

	text_add_string(&text, "before");
	route_find(METHOD_GET, bytes_of("/v1.41/x/../containers/a/json"), &text, &match);
	assert_string_equal(text.data, "before/v1.41/containers/a/json");
	assert_true(match.redirected);
	text_cut(&text, 6);
	route_find(METHOD_GET, bytes_of("/v1.41/containers/a/json"), &text, &match);
	assert_ptr_equal(match.path.data, text.data + 6);
	assert_ptr_equal(match.version.data, text.data + 8);
	assert_ptr_equal(match.name.data, text.data + 24);
	text_free(&text);
}

static void test_no_memory(void **state)
{
	struct text text = {.error = -12};
	struct route_match match;

	memset(&match, 0xa5, sizeof(match));
	route_find(METHOD_GET, bytes_of("/_ping"), &text, &match);
	assert_null(match.route);
	assert_null(match.path.data);
	assert_false(match.redirected);
	assert_false(query_value(bytes_of("a=b"), "a", &text));
	assert_int_equal(text.error, -12);
}

/* --- url_clean_path() ----------------------------------------------------------------------------- */

static const struct {
	const char *path, *cleaned; /* NULL: it is clean */
} paths[] = {
	{"/", NULL},
	{"/a", NULL},
	{"/a/", NULL},
	{"/a/b", NULL},
	{"/...", NULL},
	{"/.a/..b/c.", NULL},
	{"", "/"},
	{"*", "/*"},
	{"a", "/a"},
	{"a/", "/a/"},
	{"..", "/"},
	{"//", "/"},
	{"///", "/"},
	{"//a", "/a"},
	{"/a//", "/a/"},
	{"/a///b", "/a/b"},
	{"/.", "/"},
	{"/./", "/"},
	{"/..", "/"},
	{"/../", "/"},
	{"/../a", "/a"},
	{"/a/..", "/"},
	{"/a/../", "/"},
	{"/a/.", "/a"},
	{"/a/./", "/a/"},
	{"/a/b/..", "/a"},
	{"/a/b/../", "/a/"},
	{"/a/b/../..", "/"},
	{"/a/b/../../..", "/"},
	{"/a/b/../../../c", "/c"},
	{"/ab/cd/../ef/./gh//", "/ab/ef/gh/"},
	{"/a/.../..", "/a"},
	{"/..a/../b", "/b"},
};

static void test_clean(void **state)
{
	for (size_t i = 0; i < COUNT(paths); i++) {
		const char *wanted = paths[i].cleaned ? paths[i].cleaned : paths[i].path;
		struct text text = {0};

		assert_int_equal(url_clean_path(&text, bytes_of(paths[i].path)), !paths[i].cleaned);
		check_bytes(paths[i].path, "cleaned", text_since(&text, 0), wanted);
		assert_int_equal(text.data[text.size], '\0');
		text_free(&text);
	}
}

/* --- queries -------------------------------------------------------------------------------------- */

static const struct {
	const char *query, *value; /* of "key"; NULL: it has none */
} queries[] = {
	{"", NULL},
	{"key=a", "a"},
	{"key=", ""},
	{"key", ""},
	{"key&x", ""},
	{"=a", NULL},
	{"&&key=a&", "a"},
	{"x=1&key=a&key=b", "a"},
	{"Key=a", NULL},
	{"ke=a", NULL},
	{"keyy=a", NULL},
	{"k%65y=a", "a"},
	{"k+y=a", NULL},
	{"key=a=b", "a=b"},
	{"key=a+b%2bc%20d", "a b+c d"},
	{"key=%41%4a%4A", "AJJ"},
	{"key=a?b#c/..", "a?b#c/.."},
	/* What Go drops. */
	{"key=a;b", NULL},
	{"key=a;b&key=c", "c"},
	{"x;key=a", NULL},
	{"key;=a&key=b", "b"},
	{"key=%", NULL},
	{"key=%4", NULL},
	{"key=%4g&key=b", "b"},
	{"key=%zz&key=b", "b"},
	{"key%=a&key=b", "b"},
	{"%6=a&key=b", "b"},
	{"ke%", NULL},
	{"ke%7", NULL},
	{"key=a%3bb", "a;b"},
};

static void test_query(void **state)
{
	for (size_t i = 0; i < COUNT(queries); i++) {
		size_t size = strlen(queries[i].query);
		char *copy = exact_copy(queries[i].query, size);
		struct text text = {0};
		bool found;

		text_add_char(&text, '!');
		found = query_value((struct bytes){copy, size}, "key", &text);
		assert_int_equal(found, queries[i].value != NULL);
		check_bytes(queries[i].query, "value", text_since(&text, 1),
			    found ? queries[i].value : "");
		text_free(&text);
		free(copy);
	}
	assert_false(query_value((struct bytes){0}, "key", &(struct text){0}));
}

static const struct {
	const char *method, *target, *name; /* NULL: it gives none */
} names[] = {
	{"POST", "/containers/create?name=a", "a"},
	{"POST", "/containers/create?name=", NULL},
	{"POST", "/containers/create?x=a", NULL},
	{"POST", "/containers/a/rename?name=b", NULL},
	{"POST", "/commit?container=a&repo=b&tag=c", "a"},
	{"POST", "/build?t=a:1&t=b:2", "a:1"},
	{"GET", "/images/get?names=a&names=b", "a"},
	{"POST", "/plugins/pull?remote=a:1&name=b", "a:1"},
	{"POST", "/plugins/create?name=a", "a"},
	{"GET", "/plugins/privileges?remote=a", "a"},
	{"POST", "/volumes/create?name=a", NULL},
	{"POST", "/libpod/images/pull?reference=a:1", "a:1"},
	{"DELETE", "/libpod/images/remove?images=a&images=b", "a"},
	{"POST", "/libpod/commit?container=a&repo=b", "a"},
	{"POST", "/libpod/secrets/create?name=a", "a"},
	{"POST", "/images/create?fromSrc=x&repo=a", "a"},
	{"POST", "/images/create?fromSrc=x&repo=a&tag=1", "a:1"},
	{"POST", "/images/create?fromImage=a&repo=b", "a"},
	{"POST", "/images/create?fromImage=a&tag=1", "a:1"},
	{"POST", "/images/create?fromImage=a&tag=", "a"},
	{"POST", "/images/create?fromImage=a:&tag=1", "a:1"},
	{"POST", "/images/create?fromImage=a:1&tag=2", "a:2"},
	{"POST", "/images/create?fromImage=h:5/a&tag=2", "h:5/a:2"},
	{"POST", "/images/create?fromImage=h:5/a:1&tag=2", "h:5/a:2"},
	{"POST", "/images/create?fromImage=a&tag=sha256:f", "a@sha256:f"},
	{"POST", "/images/create?fromImage=h:5/a:1@sha256:e&tag=sha256:f", "h:5/a@sha256:f"},
	{"POST", "/images/create?fromImage=a@sha256:e&tag=2", "a:2@sha256:e"},
	{"POST", "/images/create?fromImage=h:5/a:1@sha256:e&tag=2", "h:5/a:2@sha256:e"},
};

static void test_query_names(void **state)
{
	for (size_t i = 0; i < COUNT(names); i++) {
		const char *query = strchr(names[i].target, '?') + 1;
		struct text text = {0};
		bool found = route_query_name(asked_route(names[i].method, names[i].target),
					      bytes_of(query), &text);

		assert_int_equal(found, names[i].name != NULL);
		if (found)
			check_bytes(names[i].target, "name", text_since(&text, 0), names[i].name);
		text_free(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_described),   cmocka_unit_test(test_undescribed),
		cmocka_unit_test(test_podman),	    cmocka_unit_test(test_unread),
		cmocka_unit_test(test_calls),	    cmocka_unit_test(test_each_line),
		cmocka_unit_test(test_near_misses), cmocka_unit_test(test_findings),
		cmocka_unit_test(test_answers),	    cmocka_unit_test(test_activities),
		cmocka_unit_test(test_operations),  cmocka_unit_test(test_target_names),
		cmocka_unit_test(test_spellings),   cmocka_unit_test(test_nul),
		cmocka_unit_test(test_appends),	    cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_clean),	    cmocka_unit_test(test_query),
		cmocka_unit_test(test_query_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
