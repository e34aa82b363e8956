// SPDX-License-Identifier: Apache-2.0
#include "docker/api/route.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "base/percent.h"
#include "docker/api/shapes.h"
#include "docker/judge/judge.h"
#include "http/query.h"
#include "http/url.h"

#define ANY NULL
#define GET "GET"
#define HEAD "HEAD"
#define POST "POST"
#define PUT "PUT"
#define DELETE "DELETE"
#define OPTIONS "OPTIONS"

#define NO_MATCH SIZE_MAX

/*
 * Every operation of Docker's API from 1.24 on, and of Podman's own, of all versions at once: what a daemon does
 * not have it answers with 404. As with the daemon's own router (gorilla/mux) the first line that matches wins.
 * Names are those of the newest description of the API; for what it lacks they are in its manner.
 */
/* clang-format off */
static const struct route routes[] = {
	{OPTIONS, "/{name}", "SystemOptions"},

	/* Before ContainerDelete, which would match, too. */
	{DELETE, "/containers/{id}/checkpoints/{checkpoint}", "CheckpointDelete", TARGET_CONTAINER,
		.judge = judge_checkpoint_delete},
	{GET, "/containers/{name}/checkpoints", "CheckpointList", TARGET_CONTAINER,
		.judge = judge_checkpoint_list},
	{POST, "/containers/{name}/checkpoints", "CheckpointCreate", TARGET_CONTAINER, .entry = ENTRY_BESIDE,
		.body = &shape_checkpoint_create, .judge = judge_checkpoint_create},

	{GET, "/containers/json", "ContainerList", TARGET_CONTAINER},
	{POST, "/containers/create", "ContainerCreate", TARGET_CONTAINER, "name", .answer = true,
		.body = &shape_container_create, .judge = judge_container_create},
	{POST, "/containers/prune", "ContainerPrune", TARGET_CONTAINER, .finding = FINDING_PRUNE,
		.removed = &shape_pruned},
	{GET, "/containers/{name}/json", "ContainerInspect", TARGET_CONTAINER},
	{GET, "/containers/{name}/top", "ContainerTop", TARGET_CONTAINER},
	{GET, "/containers/{name}/logs", "ContainerLogs", TARGET_CONTAINER},
	{GET, "/containers/{name}/changes", "ContainerChanges", TARGET_CONTAINER},
	{GET, "/containers/{name}/stats", "ContainerStats", TARGET_CONTAINER},
	{POST, "/containers/{name}/resize", "ContainerResize", TARGET_CONTAINER},
	{POST, "/containers/{name}/start", "ContainerStart", TARGET_CONTAINER,
		.body = &shape_container_start, .judge = judge_container_start},
	{POST, "/containers/{name}/stop", "ContainerStop", TARGET_CONTAINER},
	{POST, "/containers/{name}/restart", "ContainerRestart", TARGET_CONTAINER,
		.judge = judge_container_start},
	{POST, "/containers/{name}/kill", "ContainerKill", TARGET_CONTAINER},
	{POST, "/containers/{name}/update", "ContainerUpdate", TARGET_CONTAINER,
		.finding = FINDING_CONTAINER_UPDATE, .body = &shape_container_update, .judge = judge_container_update},
	{POST, "/containers/{name}/rename", "ContainerRename", TARGET_CONTAINER, .entry = ENTRY_BESIDE},
	{POST, "/containers/{name}/pause", "ContainerPause", TARGET_CONTAINER},
	{POST, "/containers/{name}/unpause", "ContainerUnpause", TARGET_CONTAINER},
	{POST, "/containers/{name}/wait", "ContainerWait", TARGET_CONTAINER, .reads = true},
	{POST, "/containers/{name}/attach", "ContainerAttach", TARGET_CONTAINER,
		.finding = FINDING_OPAQUE_STREAM, .opaque = true, .entry = ENTRY_ALL},
	{GET, "/containers/{name}/attach/ws", "ContainerAttachWebsocket", TARGET_CONTAINER,
		.finding = FINDING_OPAQUE_STREAM, .opaque = true, .entry = ENTRY_ALL},
	{GET, "/containers/{name}/export", "ContainerExport", TARGET_CONTAINER,
		.finding = FINDING_CONTAINER_FILE_READ,
		.judge = judge_archive_read, .entry = ENTRY_BESIDE},
	{GET, "/containers/{name}/archive", "ContainerArchive", TARGET_CONTAINER,
		.finding = FINDING_CONTAINER_FILE_READ,
		.judge = judge_archive_read, .entry = ENTRY_FILES},
	{HEAD, "/containers/{name}/archive", "ContainerArchiveInfo", TARGET_CONTAINER,
		.finding = FINDING_CONTAINER_FILE_READ,
		.judge = judge_archive_read, .entry = ENTRY_BESIDE},
	{PUT, "/containers/{name}/archive", "PutContainerArchive", TARGET_CONTAINER,
		.finding = FINDING_CONTAINER_FILE_WRITE,
		.judge = judge_archive_write, .entry = ENTRY_ALL},
	/* Works up to Docker 25, for whoever asks for an API before 1.24. */
	{POST, "/containers/{name}/copy", "ContainerCopy", TARGET_CONTAINER,
		.finding = FINDING_CONTAINER_FILE_READ, .body = &shape_container_copy,
		.judge = judge_archive_read, .entry = ENTRY_FILES},
	{DELETE, "/containers/{name}", "ContainerDelete", TARGET_CONTAINER},

	{POST, "/containers/{name}/exec", "ContainerExec", TARGET_CONTAINER,
		.answer = true, .made = TARGET_EXEC,
		.body = &shape_exec_create, .judge = judge_exec_create, .entry = ENTRY_ALL},
	{POST, "/exec/{name}/start", "ExecStart", TARGET_EXEC,
		.finding = FINDING_OPAQUE_STREAM, .opaque = true,
		.judge = judge_exec_start, .entry = ENTRY_ALL},
	{POST, "/exec/{name}/resize", "ExecResize", TARGET_EXEC},
	{GET, "/exec/{name}/json", "ExecInspect", TARGET_EXEC},

	{GET, "/images/json", "ImageList", TARGET_IMAGE},
	{GET, "/images/search", "ImageSearch", TARGET_IMAGE},
	{GET, "/images/get", "ImageGetAll", TARGET_IMAGE, "names"},
	{GET, "/images/{name}/get", "ImageGet", TARGET_IMAGE},
	{GET, "/images/{name}/json", "ImageInspect", TARGET_IMAGE},
	{GET, "/images/{name}/history", "ImageHistory", TARGET_IMAGE},
	{GET, "/images/{name}/attestations", "ImageAttestations", TARGET_IMAGE},
	/* A pull if there is something to pull, else an import. */
	{POST, "/images/create", "ImageCreate", TARGET_IMAGE, "fromImage",
		.tag_key = "tag", .when = "fromImage"},
	{POST, "/images/create", "ImageCreate", TARGET_IMAGE, "repo",
		.finding = FINDING_IMAGE_LOAD, .tag_key = "tag",
		.judge = judge_image_create},
	{POST, "/images/load", "ImageLoad", TARGET_IMAGE, .finding = FINDING_IMAGE_LOAD},
	{POST, "/images/prune", "ImagePrune", TARGET_IMAGE, .finding = FINDING_PRUNE,
		.removed = &shape_pruned},
	{POST, "/images/{name}/push", "ImagePush", TARGET_IMAGE, .finding = FINDING_IMAGE_PUSH},
	{POST, "/images/{name}/tag", "ImageTag", TARGET_IMAGE},
	{DELETE, "/images/{name}", "ImageDelete", TARGET_IMAGE, .removed = &shape_removed_images},
	{GET, "/distribution/{name}/json", "DistributionInspect", TARGET_IMAGE},
	{POST, "/commit", "ImageCommit", TARGET_CONTAINER, "container",
		.finding = FINDING_IMAGE_LOAD, .answer = true, .made = TARGET_IMAGE,
		.body = &shape_container_create, .judge = judge_commit, .entry = ENTRY_BESIDE},

	{POST, "/build", "ImageBuild", TARGET_IMAGE, "t",
		.judge = judge_build},
	{POST, "/build/prune", "BuildPrune", .finding = FINDING_PRUNE},
	{POST, "/build/cancel", "BuildCancel"},
	{POST, "/session", "Session", .finding = FINDING_OPAQUE_STREAM, .opaque = true},
	{POST, "/grpc", "Grpc", .finding = FINDING_OPAQUE_STREAM, .opaque = true},

	{GET, "/volumes", "VolumeList", TARGET_VOLUME},
	{POST, "/volumes/create", "VolumeCreate", TARGET_VOLUME, .answer = true,
		.body = &shape_volume_create, .judge = judge_volume_create},
	{POST, "/volumes/prune", "VolumePrune", TARGET_VOLUME, .finding = FINDING_PRUNE,
		.removed = &shape_pruned},
	{GET, "/volumes/{name}", "VolumeInspect", TARGET_VOLUME},
	{PUT, "/volumes/{name}", "VolumeUpdate", TARGET_VOLUME},
	{DELETE, "/volumes/{name}", "VolumeDelete", TARGET_VOLUME},

	{GET, "/networks", "NetworkList", TARGET_NETWORK},
	{GET, "/networks/", "NetworkList", TARGET_NETWORK},
	{GET, "/networks/{name}", "NetworkInspect", TARGET_NETWORK},
	{POST, "/networks/create", "NetworkCreate", TARGET_NETWORK, .answer = true,
		.body = &shape_network_create, .judge = judge_network_create},
	{POST, "/networks/prune", "NetworkPrune", TARGET_NETWORK, .finding = FINDING_PRUNE,
		.removed = &shape_pruned},
	{POST, "/networks/{name}/connect", "NetworkConnect", TARGET_NETWORK,
		.body = &shape_network_connect, .judge = judge_network_connect},
	{POST, "/networks/{name}/disconnect", "NetworkDisconnect", TARGET_NETWORK},
	{DELETE, "/networks/{name}", "NetworkDelete", TARGET_NETWORK},

	{GET, "/plugins", "PluginList", TARGET_PLUGIN},
	{GET, "/plugins/privileges", "GetPluginPrivileges", TARGET_PLUGIN, "remote"},
	{GET, "/plugins/{name}/json", "PluginInspect", TARGET_PLUGIN},
	{GET, "/plugins/{name}", "PluginInspect", TARGET_PLUGIN}, /* 1.24 */
	{POST, "/plugins/pull", "PluginPull", TARGET_PLUGIN, "remote", .finding = FINDING_PLUGIN,
		.body = &shape_plugin_privileges, .judge = judge_plugin},
	{POST, "/plugins/create", "PluginCreate", TARGET_PLUGIN, "name", .finding = FINDING_PLUGIN},
	{POST, "/plugins/{name}/enable", "PluginEnable", TARGET_PLUGIN, .finding = FINDING_PLUGIN},
	{POST, "/plugins/{name}/disable", "PluginDisable", TARGET_PLUGIN},
	{POST, "/plugins/{name}/push", "PluginPush", TARGET_PLUGIN},
	{POST, "/plugins/{name}/upgrade", "PluginUpgrade", TARGET_PLUGIN, .finding = FINDING_PLUGIN,
		.body = &shape_plugin_privileges, .judge = judge_plugin},
	{POST, "/plugins/{name}/set", "PluginSet", TARGET_PLUGIN, .finding = FINDING_PLUGIN,
		.body = &shape_plugin_settings, .judge = judge_plugin_set},
	{DELETE, "/plugins/{name}", "PluginDelete", TARGET_PLUGIN},

	{GET, "/swarm", "SwarmInspect", TARGET_SWARM, /* tells the join tokens */
		.finding = FINDING_SECRET_ACCESS},
	{GET, "/swarm/unlockkey", "SwarmUnlockkey", TARGET_SWARM, .finding = FINDING_SWARM},
	{POST, "/swarm/init", "SwarmInit", TARGET_SWARM, .finding = FINDING_SWARM,
		.body = &shape_swarm_init, .judge = judge_swarm},
	{POST, "/swarm/join", "SwarmJoin", TARGET_SWARM, .finding = FINDING_SWARM,
		.body = &shape_swarm_join, .judge = judge_swarm},
	{POST, "/swarm/leave", "SwarmLeave", TARGET_SWARM},
	{POST, "/swarm/update", "SwarmUpdate", TARGET_SWARM,
		.body = &shape_swarm_spec, .judge = judge_swarm_update},
	{POST, "/swarm/unlock", "SwarmUnlock", TARGET_SWARM, .finding = FINDING_SWARM},

	{GET, "/services", "ServiceList", TARGET_SERVICE},
	{POST, "/services/create", "ServiceCreate", TARGET_SERVICE, .answer = true,
		.body = &shape_service_spec, .judge = judge_service},
	{GET, "/services/{id}", "ServiceInspect", TARGET_SERVICE},
	{GET, "/services/{id}/logs", "ServiceLogs", TARGET_SERVICE},
	{POST, "/services/{id}/update", "ServiceUpdate", TARGET_SERVICE,
		.body = &shape_service_spec, .judge = judge_service},
	{DELETE, "/services/{id}", "ServiceDelete", TARGET_SERVICE},

	{GET, "/tasks", "TaskList", TARGET_TASK},
	{GET, "/tasks/{id}", "TaskInspect", TARGET_TASK},
	{GET, "/tasks/{id}/logs", "TaskLogs", TARGET_TASK},

	{GET, "/nodes", "NodeList", TARGET_NODE},
	{GET, "/nodes/{id}", "NodeInspect", TARGET_NODE},
	{POST, "/nodes/{id}/update", "NodeUpdate", TARGET_NODE,
		.body = &shape_node_spec, .judge = judge_node},
	{DELETE, "/nodes/{id}", "NodeDelete", TARGET_NODE},

	{GET, "/secrets", "SecretList", TARGET_SECRET, .finding = FINDING_SECRET_ACCESS},
	{POST, "/secrets/create", "SecretCreate", TARGET_SECRET,
		.finding = FINDING_SECRET_ACCESS, .answer = true,
		.body = &shape_secret_spec, .judge = judge_secret},
	{GET, "/secrets/{id}", "SecretInspect", TARGET_SECRET, .finding = FINDING_SECRET_ACCESS},
	{POST, "/secrets/{id}/update", "SecretUpdate", TARGET_SECRET, .finding = FINDING_SECRET_ACCESS,
		.body = &shape_secret_spec, .judge = judge_secret},
	{DELETE, "/secrets/{id}", "SecretDelete", TARGET_SECRET, .finding = FINDING_SECRET_ACCESS},

	{GET, "/configs", "ConfigList", TARGET_CONFIG, .finding = FINDING_SECRET_ACCESS},
	{POST, "/configs/create", "ConfigCreate", TARGET_CONFIG,
		.finding = FINDING_SECRET_ACCESS, .answer = true,
		.body = &shape_secret_spec, .judge = judge_secret},
	{GET, "/configs/{id}", "ConfigInspect", TARGET_CONFIG, .finding = FINDING_SECRET_ACCESS},
	{POST, "/configs/{id}/update", "ConfigUpdate", TARGET_CONFIG, .finding = FINDING_SECRET_ACCESS,
		.body = &shape_secret_spec, .judge = judge_secret},
	{DELETE, "/configs/{id}", "ConfigDelete", TARGET_CONFIG, .finding = FINDING_SECRET_ACCESS},

	{POST, "/auth", "SystemAuth", .finding = FINDING_SECRET_ACCESS, .reads = true},
	{GET, "/info", "SystemInfo"},
	{GET, "/version", "SystemVersion"},
	{GET, "/_ping", "SystemPing"},
	{HEAD, "/_ping", "SystemPingHead"},
	{GET, "/events", "SystemEvents"},
	{GET, "/system/df", "SystemDataUsage"},

	/* Up to Docker 27 with any method, but without a version; since then GET alone, and with one, too. */
	{ANY, "/debug/vars", "DebugVars", .finding = FINDING_DEBUG_ENDPOINT},
	{ANY, "/debug/pprof/", "DebugPprof", .finding = FINDING_DEBUG_ENDPOINT},
	{ANY, "/debug/pprof/cmdline", "DebugPprofCmdline", .finding = FINDING_DEBUG_ENDPOINT},
	{ANY, "/debug/pprof/profile", "DebugPprofProfile", .finding = FINDING_DEBUG_ENDPOINT},
	{ANY, "/debug/pprof/symbol", "DebugPprofSymbol", .finding = FINDING_DEBUG_ENDPOINT},
	{ANY, "/debug/pprof/trace", "DebugPprofTrace", .finding = FINDING_DEBUG_ENDPOINT},
	{ANY, "/debug/pprof/{id}", "DebugPprofLookup", .finding = FINDING_DEBUG_ENDPOINT},

	/* Podman's own, from 4.3 up to what will be 6.0. Its server takes them only with a version, but for the ping. */
	{GET, "/libpod/_ping", "SystemPing"},
	{HEAD, "/libpod/_ping", "SystemPingHead"},
	{GET, "/libpod/info", "SystemInfoLibpod"},
	{GET, "/libpod/version", "SystemVersionLibpod"},
	{GET, "/libpod/events", "SystemEventsLibpod"},
	{GET, "/libpod/swagger", "SystemSwaggerLibpod"},
	{GET, "/libpod/system/df", "SystemDataUsageLibpod"},
	{POST, "/libpod/system/check", "SystemCheckLibpod"},
	{POST, "/libpod/system/prune", "SystemPruneLibpod", .finding = FINDING_PRUNE},

	{GET, "/libpod/containers/json", "ContainerListLibpod", TARGET_CONTAINER},
	{GET, "/libpod/containers/showmounted", "ContainerShowMountedLibpod", TARGET_CONTAINER},
	{GET, "/libpod/containers/stats", "ContainersStatsAllLibpod", TARGET_CONTAINER, "containers"},
	{POST, "/libpod/containers/create", "ContainerCreateLibpod", TARGET_CONTAINER, .answer = true,
		.unread = true},
	{POST, "/libpod/containers/prune", "ContainerPruneLibpod", TARGET_CONTAINER, .finding = FINDING_PRUNE},
	{GET, "/libpod/containers/{id}/json", "ContainerInspectLibpod", TARGET_CONTAINER},
	{GET, "/libpod/containers/{id}/exists", "ContainerExistsLibpod", TARGET_CONTAINER},
	{GET, "/libpod/containers/{id}/top", "ContainerTopLibpod", TARGET_CONTAINER},
	{GET, "/libpod/containers/{id}/logs", "ContainerLogsLibpod", TARGET_CONTAINER},
	{GET, "/libpod/containers/{id}/changes", "ContainerChangesLibpod", TARGET_CONTAINER},
	{GET, "/libpod/containers/{id}/stats", "ContainerStatsLibpod", TARGET_CONTAINER},
	{GET, "/libpod/containers/{name}/healthcheck", "ContainerHealthcheckLibpod", TARGET_CONTAINER},
	{POST, "/libpod/containers/{id}/resize", "ContainerResizeLibpod", TARGET_CONTAINER},
	{POST, "/libpod/containers/{id}/init", "ContainerInitLibpod", TARGET_CONTAINER,
		.judge = judge_container_start},
	{POST, "/libpod/containers/{id}/start", "ContainerStartLibpod", TARGET_CONTAINER,
		.judge = judge_container_start},
	{POST, "/libpod/containers/{id}/stop", "ContainerStopLibpod", TARGET_CONTAINER},
	{POST, "/libpod/containers/{id}/restart", "ContainerRestartLibpod", TARGET_CONTAINER,
		.judge = judge_container_start},
	{POST, "/libpod/containers/{id}/kill", "ContainerKillLibpod", TARGET_CONTAINER},
	{POST, "/libpod/containers/{id}/update", "ContainerUpdateLibpod", TARGET_CONTAINER,
		.finding = FINDING_CONTAINER_UPDATE, .unread = true},
	{POST, "/libpod/containers/{id}/rename", "ContainerRenameLibpod", TARGET_CONTAINER, .entry = ENTRY_BESIDE},
	{POST, "/libpod/containers/{id}/pause", "ContainerPauseLibpod", TARGET_CONTAINER},
	{POST, "/libpod/containers/{id}/unpause", "ContainerUnpauseLibpod", TARGET_CONTAINER},
	{POST, "/libpod/containers/{id}/wait", "ContainerWaitLibpod", TARGET_CONTAINER, .reads = true},
	{POST, "/libpod/containers/{id}/mount", "ContainerMountLibpod", TARGET_CONTAINER, .entry = ENTRY_BESIDE},
	{POST, "/libpod/containers/{id}/unmount", "ContainerUnmountLibpod", TARGET_CONTAINER},
	{POST, "/libpod/containers/{id}/checkpoint", "ContainerCheckpointLibpod", TARGET_CONTAINER, .entry = ENTRY_BESIDE},
	/* With the checkpoint in its body, which says what container that is. */
	{POST, "/libpod/containers/{id}/restore", "ContainerRestoreLibpod", TARGET_CONTAINER,
		.when = "import", .unread = true},
	{POST, "/libpod/containers/{id}/restore", "ContainerRestoreLibpod", TARGET_CONTAINER,
		.judge = judge_container_start},
	{POST, "/libpod/containers/{id}/attach", "ContainerAttachLibpod", TARGET_CONTAINER,
		.finding = FINDING_OPAQUE_STREAM, .opaque = true, .entry = ENTRY_ALL},
	{GET, "/libpod/containers/{id}/export", "ContainerExportLibpod", TARGET_CONTAINER,
		.finding = FINDING_CONTAINER_FILE_READ,
		.judge = judge_archive_read, .entry = ENTRY_BESIDE},
	{GET, "/libpod/containers/{id}/archive", "ContainerArchiveLibpod", TARGET_CONTAINER,
		.finding = FINDING_CONTAINER_FILE_READ,
		.judge = judge_archive_read, .entry = ENTRY_FILES},
	{HEAD, "/libpod/containers/{id}/archive", "ContainerArchiveInfoLibpod", TARGET_CONTAINER,
		.finding = FINDING_CONTAINER_FILE_READ,
		.judge = judge_archive_read, .entry = ENTRY_BESIDE},
	{PUT, "/libpod/containers/{id}/archive", "PutContainerArchiveLibpod", TARGET_CONTAINER,
		.finding = FINDING_CONTAINER_FILE_WRITE,
		.judge = judge_archive_write, .entry = ENTRY_ALL},
	{DELETE, "/libpod/containers/{id}", "ContainerDeleteLibpod", TARGET_CONTAINER},

	/* The body is Docker's: the same code reads it. */
	{POST, "/libpod/containers/{id}/exec", "ContainerExecLibpod", TARGET_CONTAINER,
		.answer = true, .made = TARGET_EXEC,
		.body = &shape_exec_create, .judge = judge_exec_create, .entry = ENTRY_ALL},
	{POST, "/libpod/exec/{id}/start", "ExecStartLibpod", TARGET_EXEC,
		.finding = FINDING_OPAQUE_STREAM, .opaque = true,
		.judge = judge_exec_start, .entry = ENTRY_ALL},
	{POST, "/libpod/exec/{id}/resize", "ExecResizeLibpod", TARGET_EXEC},
	{POST, "/libpod/exec/{id}/remove", "ExecRemoveLibpod", TARGET_EXEC},
	{GET, "/libpod/exec/{id}/json", "ExecInspectLibpod", TARGET_EXEC},

	{GET, "/libpod/pods/json", "PodListLibpod", TARGET_POD},
	{GET, "/libpod/pods/stats", "PodStatsAllLibpod", TARGET_POD, "namesOrIDs"},
	{POST, "/libpod/pods/create", "PodCreateLibpod", TARGET_POD, .answer = true, .unread = true},
	{POST, "/libpod/pods/prune", "PodPruneLibpod", TARGET_POD, .finding = FINDING_PRUNE},
	{GET, "/libpod/pods/{id}/json", "PodInspectLibpod", TARGET_POD},
	{GET, "/libpod/pods/{id}/exists", "PodExistsLibpod", TARGET_POD},
	{GET, "/libpod/pods/{id}/top", "PodTopLibpod", TARGET_POD},
	{POST, "/libpod/pods/{id}/start", "PodStartLibpod", TARGET_POD},
	{POST, "/libpod/pods/{id}/stop", "PodStopLibpod", TARGET_POD},
	{POST, "/libpod/pods/{id}/restart", "PodRestartLibpod", TARGET_POD},
	{POST, "/libpod/pods/{id}/kill", "PodKillLibpod", TARGET_POD},
	{POST, "/libpod/pods/{id}/pause", "PodPauseLibpod", TARGET_POD},
	{POST, "/libpod/pods/{id}/unpause", "PodUnpauseLibpod", TARGET_POD},
	{DELETE, "/libpod/pods/{id}", "PodDeleteLibpod", TARGET_POD},

	/* YAML, of pods that are made, or removed. */
	{POST, "/libpod/play/kube", "PlayKubeLibpod", .unread = true},
	{POST, "/libpod/kube/play", "PlayKubeLibpod", .unread = true},
	{DELETE, "/libpod/play/kube", "PlayKubeDownLibpod", .unread = true},
	{DELETE, "/libpod/kube/play", "PlayKubeDownLibpod", .unread = true},
	{POST, "/libpod/kube/apply", "KubeApplyLibpod", .unread = true},
	{GET, "/libpod/generate/kube", "GenerateKubeLibpod"},
	{GET, "/libpod/kube/generate", "GenerateKubeLibpod"},
	{GET, "/libpod/generate/{name}/systemd", "GenerateSystemdLibpod"},
	/* Units for the host's systemd. */
	{POST, "/libpod/quadlets", "QuadletInstallLibpod", .unread = true},
	{GET, "/libpod/quadlets/json", "QuadletListLibpod"},
	{GET, "/libpod/quadlets/{id}/file", "QuadletFileLibpod"},
	{GET, "/libpod/quadlets/{id}/exists", "QuadletExistsLibpod"},
	{DELETE, "/libpod/quadlets", "QuadletDeleteAllLibpod"},
	{DELETE, "/libpod/quadlets/{id}", "QuadletDeleteLibpod"},

	{POST, "/libpod/images/{name}/push", "ImagePushLibpod", TARGET_IMAGE, .finding = FINDING_IMAGE_PUSH},
	{GET, "/libpod/images/{name}/exists", "ImageExistsLibpod", TARGET_IMAGE},
	{GET, "/libpod/images/{name}/tree", "ImageTreeLibpod", TARGET_IMAGE},
	{GET, "/libpod/images/{name}/history", "ImageHistoryLibpod", TARGET_IMAGE},
	{GET, "/libpod/images/json", "ImageListLibpod", TARGET_IMAGE},
	{POST, "/libpod/images/load", "ImageLoadLibpod", TARGET_IMAGE, .finding = FINDING_IMAGE_LOAD},
	{POST, "/libpod/local/images/load", "LocalImagesLibpod", TARGET_IMAGE, .finding = FINDING_IMAGE_LOAD},
	{POST, "/libpod/images/import", "ImageImportLibpod", TARGET_IMAGE, "reference",
		.finding = FINDING_IMAGE_LOAD},
	{DELETE, "/libpod/images/remove", "ImageDeleteAllLibpod", TARGET_IMAGE, "images"},
	{DELETE, "/libpod/images/{name}", "ImageDeleteLibpod", TARGET_IMAGE},
	{POST, "/libpod/images/pull", "ImagePullLibpod", TARGET_IMAGE, "reference"},
	{POST, "/libpod/images/prune", "ImagePruneLibpod", TARGET_IMAGE, .finding = FINDING_PRUNE},
	{GET, "/libpod/images/search", "ImageSearchLibpod", TARGET_IMAGE},
	{GET, "/libpod/images/{name}/get", "ImageGetLibpod", TARGET_IMAGE},
	{GET, "/libpod/images/export", "ImageExportLibpod", TARGET_IMAGE, "references"},
	{GET, "/libpod/images/{name}/json", "ImageInspectLibpod", TARGET_IMAGE},
	{POST, "/libpod/images/{name}/tag", "ImageTagLibpod", TARGET_IMAGE},
	{POST, "/libpod/images/{name}/untag", "ImageUntagLibpod", TARGET_IMAGE},
	{GET, "/libpod/images/{id}/changes", "ImageChangesLibpod", TARGET_IMAGE},
	/* Copies it to another host, or user. */
	{POST, "/libpod/images/scp/{name}", "ImageScpLibpod", TARGET_IMAGE, .finding = FINDING_IMAGE_PUSH},
	{GET, "/libpod/images/{name}/resolve", "ImageResolveLibpod", TARGET_IMAGE},
	{POST, "/libpod/commit", "ImageCommitLibpod", TARGET_CONTAINER, "container",
		.finding = FINDING_IMAGE_LOAD, .answer = true, .made = TARGET_IMAGE, .entry = ENTRY_BESIDE},
	{POST, "/libpod/build", "ImageBuildLibpod", TARGET_IMAGE, "t",
		.judge = judge_build},
	{POST, "/libpod/local/build", "LocalBuildLibpod", TARGET_IMAGE, "t",
		.judge = judge_build},

	/* For API versions below 4 create, add and push are as they stand first; from 4 on these are names. */
	{POST, "/libpod/manifests/create", "ManifestCreateLibpod", TARGET_IMAGE, "name", .answer = true},
	{POST, "/libpod/manifests/{name}/registry/{name}", "ManifestPushLibpod", TARGET_IMAGE,
		.finding = FINDING_IMAGE_PUSH},
	{POST, "/libpod/manifests/{name}/push", "ManifestPushV3Libpod", TARGET_IMAGE,
		.finding = FINDING_IMAGE_PUSH},
	{POST, "/libpod/manifests/{name}/add", "ManifestAddLibpod", TARGET_IMAGE},
	{POST, "/libpod/manifests/{name}", "ManifestCreateLibpod", TARGET_IMAGE, .answer = true},
	{GET, "/libpod/manifests/{name}/exists", "ManifestExistsLibpod", TARGET_IMAGE},
	{GET, "/libpod/manifests/{name}/json", "ManifestInspectLibpod", TARGET_IMAGE},
	{PUT, "/libpod/manifests/{name}", "ManifestModifyLibpod", TARGET_IMAGE},
	{DELETE, "/libpod/manifests/{name}", "ManifestDeleteLibpod", TARGET_IMAGE},

	{GET, "/libpod/artifacts/{name}/json", "ArtifactInspectLibpod"},
	{GET, "/libpod/artifacts/json", "ArtifactListLibpod"},
	{POST, "/libpod/artifacts/pull", "ArtifactPullLibpod"},
	{DELETE, "/libpod/artifacts/remove", "ArtifactDeleteAllLibpod"},
	{DELETE, "/libpod/artifacts/{name}", "ArtifactDeleteLibpod"},
	{POST, "/libpod/artifacts/add", "ArtifactAddLibpod"},
	{POST, "/libpod/artifacts/local/add", "ArtifactLocalLibpod"},
	{POST, "/libpod/artifacts/{name}/push", "ArtifactPushLibpod", .finding = FINDING_IMAGE_PUSH},
	{GET, "/libpod/artifacts/{name}/extract", "ArtifactExtractLibpod"},

	{GET, "/libpod/volumes/json", "VolumeListLibpod", TARGET_VOLUME},
	{POST, "/libpod/volumes/create", "VolumeCreateLibpod", TARGET_VOLUME, .answer = true, .unread = true},
	{POST, "/libpod/volumes/prune", "VolumePruneLibpod", TARGET_VOLUME, .finding = FINDING_PRUNE},
	{GET, "/libpod/volumes/{id}/json", "VolumeInspectLibpod", TARGET_VOLUME},
	{GET, "/libpod/volumes/{id}/exists", "VolumeExistsLibpod", TARGET_VOLUME},
	{GET, "/libpod/volumes/{id}/export", "VolumeExportLibpod", TARGET_VOLUME},
	{POST, "/libpod/volumes/{id}/import", "VolumeImportLibpod", TARGET_VOLUME},
	{DELETE, "/libpod/volumes/{id}", "VolumeDeleteLibpod", TARGET_VOLUME},

	{GET, "/libpod/networks/json", "NetworkListLibpod", TARGET_NETWORK},
	{POST, "/libpod/networks/create", "NetworkCreateLibpod", TARGET_NETWORK, .answer = true,
		.unread = true},
	{POST, "/libpod/networks/prune", "NetworkPruneLibpod", TARGET_NETWORK, .finding = FINDING_PRUNE},
	{POST, "/libpod/networks/{id}/update", "NetworkUpdateLibpod", TARGET_NETWORK, .unread = true},
	{POST, "/libpod/networks/{id}/connect", "NetworkConnectLibpod", TARGET_NETWORK, .unread = true},
	{POST, "/libpod/networks/{id}/disconnect", "NetworkDisconnectLibpod", TARGET_NETWORK},
	{GET, "/libpod/networks/{id}/exists", "NetworkExistsLibpod", TARGET_NETWORK},
	{GET, "/libpod/networks/{id}/json", "NetworkInspectLibpod", TARGET_NETWORK},
	{GET, "/libpod/networks/{id}", "NetworkInspectLibpod", TARGET_NETWORK},
	{DELETE, "/libpod/networks/{id}", "NetworkDeleteLibpod", TARGET_NETWORK},

	{GET, "/libpod/secrets/json", "SecretListLibpod", TARGET_SECRET, .finding = FINDING_SECRET_ACCESS},
	/* The body is the secret itself. */
	{POST, "/libpod/secrets/create", "SecretCreateLibpod", TARGET_SECRET, "name",
		.finding = FINDING_SECRET_ACCESS, .answer = true},
	{GET, "/libpod/secrets/{id}/json", "SecretInspectLibpod", TARGET_SECRET,
		.finding = FINDING_SECRET_ACCESS},
	{GET, "/libpod/secrets/{id}/exists", "SecretExistsLibpod", TARGET_SECRET},
	{DELETE, "/libpod/secrets/{id}", "SecretDeleteLibpod", TARGET_SECRET,
		.finding = FINDING_SECRET_ACCESS},
};
/* clang-format on */

/* Where a {name} ends that has REST behind it, which may end in another {name}: as far as it can. */
static size_t name_size(const char *rest, struct bytes path)
{
	size_t rest_size = strcspn(rest, "{"), size = path.size;

	if (size < rest_size)
		return NO_MATCH;
	size -= rest_size;
	while (rest[rest_size] && memcmp(path.data + size, rest, rest_size) != 0)
		if (!size--)
			return NO_MATCH;
	return memchr(path.data, '\n', size) ? NO_MATCH : size;
}

/* Bytes of PATH that a variable takes, with REST behind it in the pattern. The daemon has {name:.*}, where
 * the dot is no line feed, and {id}, which stands for [^/]+. */
static size_t variable_size(const char *variable, const char *rest, struct bytes path)
{
	const char *slash;
	size_t size;

	if (!strncmp(variable, "{name}", 6))
		return name_size(rest, path);
	slash = memchr(path.data, '/', path.size);
	size = slash ? (size_t)(slash - path.data) : path.size;
	return size ? size : NO_MATCH;
}

static bool path_matches(const char *pattern, struct bytes path, struct bytes *ret_name)
{
	struct bytes name = {0};

	while (*pattern) {
		const char *rest;
		size_t size;

		if (*pattern != '{') {
			if (!path.size || *path.data != *pattern++)
				return false;
			path = bytes_from(path, 1);
			continue;
		}
		rest = strchr(pattern, '}') + 1;
		size = variable_size(pattern, rest, path);
		if (size == NO_MATCH)
			return false;
		if (!name.data)
			name = (struct bytes){path.data, size};
		path = bytes_from(path, size);
		pattern = rest;
	}
	*ret_name = name;
	return !path.size;
}

static bool method_is(const char *wanted, struct bytes method)
{
	return !wanted ||
	       (strlen(wanted) == method.size && !memcmp(wanted, method.data, method.size));
}

static bool goes_for(const struct route *route, struct bytes query)
{
	struct bytes value;

	return !route->when || (query_find(query, route->when, &value) && value.size);
}

/* PATH has no version. */
static const struct route *find(struct bytes method, struct bytes path, struct bytes query,
				struct bytes *ret_name)
{
	for (size_t i = 0; i < COUNT(routes); i++)
		if (method_is(routes[i].method, method) &&
		    path_matches(routes[i].path, path, ret_name) && goes_for(&routes[i], query))
			return &routes[i];
	return NULL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* [0-9.]+ for Docker; Podman, for Docker's operations and its own, takes [0-9][0-9A-Za-z.-]*. */
static bool is_version(struct bytes text)
{
	bool podman = text.size && is_digit(*text.data);

	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i], letter = c | 0x20;
		bool other = c == '-' || (letter >= 'a' && letter <= 'z');

		if (!is_digit(c) && c != '.' && !(podman && other))
			return false;
	}
	return text.size > 0;
}

/* Takes the version that PATH, which is clean, may begin with: /vVERSION and a slash. */
static struct bytes take_version(struct bytes *path)
{
	struct bytes version;
	const char *end;

	if (path->size < 2 || path->data[1] != 'v')
		return (struct bytes){0};
	version = bytes_from(*path, 2);
	end = memchr(version.data, '/', version.size);
	if (!end)
		return (struct bytes){0};
	version.size = (size_t)(end - version.data);
	if (!is_version(version))
		return (struct bytes){0};
	*path = bytes_from(*path, version.size + 2);
	return version;
}

/* Go's server answers OPTIONS * by itself, in the way of the route for all other OPTIONS. */
static bool is_options_star(struct bytes method, struct bytes target)
{
	return target.size == 1 && *target.data == '*' && method_is(OPTIONS, method);
}

void route_find(struct bytes method, struct bytes target, struct text *out,
		struct route_match *ret_match)
{
	struct url url = url_split(target);
	struct route_match match = {0};
	size_t start = out->size;
	struct bytes path, name;

	match.redirected = !url_clean_path(out, url.path) && !is_options_star(method, target);
	if (out->error || !out->data) {
		*ret_match = (struct route_match){0};
		return;
	}
	match.path = path = text_since(out, start);
	match.version = take_version(&path);
	if (!match.redirected)
		match.route = find(method, path, url.query, &name);
	if (match.route && match.route->target != TARGET_NONE)
		match.name = name;
	*ret_match = match;
}

/* What REFERENCE, of an image, has from its '@' on. */
static struct bytes digest_of(struct bytes reference)
{
	const char *at = reference.size ? memchr(reference.data, '@', reference.size) : NULL;

	return at ? bytes_from(reference, (size_t)(at - reference.data)) : (struct bytes){0};
}

/* REFERENCE without tag and digest. */
static struct bytes repository_of(struct bytes reference)
{
	struct bytes name;
	const char *colon;

	reference.size -= digest_of(reference).size;
	name = bytes_basename(reference);
	colon = name.size ? memchr(name.data, ':', name.size) : NULL;
	if (colon)
		reference.size = (size_t)(colon - reference.data);
	return reference;
}

/* Puts TAG into the reference that OUT has from START on, as the daemon does: a digest takes the
 * place of tag and digest, a tag that of the tag. */
static void add_tag(struct text *out, size_t start, struct text *tag)
{
	struct bytes reference = text_since(out, start);
	bool is_digest = memchr(tag->data, ':', tag->size);

	if (!is_digest)
		text_add_bytes(tag, digest_of(reference));
	if (tag->error || !tag->data)
		return;
	text_cut(out, start + repository_of(reference).size);
	text_add_char(out, is_digest ? '@' : ':');
	text_add_bytes(out, text_since(tag, 0));
}

bool route_query_name(const struct route *route, struct bytes query, struct text *out)
{
	struct text tag = {0};
	size_t start = out->size;

	if (!route->name_key || !query_value(query, route->name_key, out) || out->size == start)
		return false;
	if (route->tag_key && query_value(query, route->tag_key, &tag) && tag.data)
		add_tag(out, start, &tag);
	if (tag.error)
		out->error = tag.error;
	text_free(&tag);
	return !out->error;
}

bool route_reads(const struct route *route, struct bytes method)
{
	static const char *const reading[] = {GET, HEAD, OPTIONS};

	if (route && (route->opaque || route->reads))
		return route->reads;
	for (size_t i = 0; i < COUNT(reading); i++)
		if (method_is(reading[i], method))
			return true;
	return false;
}

const char *route_target_name(enum target_type type)
{
	static const char *const names[] = {
		[TARGET_CONTAINER] = "container",
		[TARGET_EXEC] = "exec",
		[TARGET_IMAGE] = "image",
		[TARGET_VOLUME] = "volume",
		[TARGET_NETWORK] = "network",
		[TARGET_PLUGIN] = "plugin",
		[TARGET_SERVICE] = "service",
		[TARGET_TASK] = "task",
		[TARGET_NODE] = "node",
		[TARGET_SECRET] = "secret",
		[TARGET_CONFIG] = "config",
		[TARGET_SWARM] = "swarm",
		[TARGET_POD] = "pod",
	};

	static_assert(COUNT(names) == TARGET_TYPES, "each type has a name");
	return (size_t)type < TARGET_TYPES ? names[type] : NULL;
}
