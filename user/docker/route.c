// SPDX-License-Identifier: Apache-2.0
#include "docker/route.h"

#include <assert.h>
#include <string.h>

#include "docker/judge.h"
#include "docker/shapes.h"
#include "record/percent.h"
#include "record/url.h"

#define ANY NULL
#define GET "GET"
#define HEAD "HEAD"
#define POST "POST"
#define PUT "PUT"
#define DELETE "DELETE"
#define OPTIONS "OPTIONS"

#define NO_MATCH SIZE_MAX

/*
 * Every operation of the API from 1.24 on, of all versions at once: what a daemon does not have it answers with
 * 404. As with the daemon's own router (gorilla/mux) the first line that matches wins. Names are those of the
 * newest description of the API; for what it lacks they are in its manner.
 */
/* clang-format off */
static const struct route routes[] = {
	{OPTIONS, "/{name}", "SystemOptions"},

	/* Before ContainerDelete, which would match, too. */
	{DELETE, "/containers/{id}/checkpoints/{checkpoint}", "CheckpointDelete", TARGET_CONTAINER},
	{GET, "/containers/{name}/checkpoints", "CheckpointList", TARGET_CONTAINER},
	{POST, "/containers/{name}/checkpoints", "CheckpointCreate", TARGET_CONTAINER},

	{GET, "/containers/json", "ContainerList", TARGET_CONTAINER},
	{POST, "/containers/create", "ContainerCreate", TARGET_CONTAINER, "name", .answer = true,
		.body = &shape_container_create, .judge = judge_container_create},
	{POST, "/containers/prune", "ContainerPrune", TARGET_CONTAINER, .finding = FINDING_PRUNE},
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
	{POST, "/containers/{name}/rename", "ContainerRename", TARGET_CONTAINER},
	{POST, "/containers/{name}/pause", "ContainerPause", TARGET_CONTAINER},
	{POST, "/containers/{name}/unpause", "ContainerUnpause", TARGET_CONTAINER},
	{POST, "/containers/{name}/wait", "ContainerWait", TARGET_CONTAINER},
	{POST, "/containers/{name}/attach", "ContainerAttach", TARGET_CONTAINER,
		.finding = FINDING_OPAQUE_STREAM, .opaque = true},
	{GET, "/containers/{name}/attach/ws", "ContainerAttachWebsocket", TARGET_CONTAINER,
		.finding = FINDING_OPAQUE_STREAM, .opaque = true},
	{GET, "/containers/{name}/export", "ContainerExport", TARGET_CONTAINER,
		.finding = FINDING_CONTAINER_FILE_READ,
		.judge = judge_archive_read},
	{GET, "/containers/{name}/archive", "ContainerArchive", TARGET_CONTAINER,
		.finding = FINDING_CONTAINER_FILE_READ,
		.judge = judge_archive_read},
	{HEAD, "/containers/{name}/archive", "ContainerArchiveInfo", TARGET_CONTAINER,
		.finding = FINDING_CONTAINER_FILE_READ,
		.judge = judge_archive_read},
	{PUT, "/containers/{name}/archive", "PutContainerArchive", TARGET_CONTAINER,
		.finding = FINDING_CONTAINER_FILE_WRITE,
		.judge = judge_archive_write},
	/* Works up to Docker 25, for whoever asks for an API before 1.24. */
	{POST, "/containers/{name}/copy", "ContainerCopy", TARGET_CONTAINER,
		.finding = FINDING_CONTAINER_FILE_READ,
		.judge = judge_archive_read},
	{DELETE, "/containers/{name}", "ContainerDelete", TARGET_CONTAINER},

	{POST, "/containers/{name}/exec", "ContainerExec", TARGET_CONTAINER,
		.answer = true, .made = TARGET_EXEC,
		.body = &shape_exec_create, .judge = judge_exec_create},
	{POST, "/exec/{name}/start", "ExecStart", TARGET_EXEC,
		.finding = FINDING_OPAQUE_STREAM, .opaque = true,
		.judge = judge_exec_start},
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
	{POST, "/images/prune", "ImagePrune", TARGET_IMAGE, .finding = FINDING_PRUNE},
	{POST, "/images/{name}/push", "ImagePush", TARGET_IMAGE, .finding = FINDING_IMAGE_PUSH},
	{POST, "/images/{name}/tag", "ImageTag", TARGET_IMAGE},
	{DELETE, "/images/{name}", "ImageDelete", TARGET_IMAGE},
	{GET, "/distribution/{name}/json", "DistributionInspect", TARGET_IMAGE},
	{POST, "/commit", "ImageCommit", TARGET_CONTAINER, "container",
		.finding = FINDING_IMAGE_LOAD, .answer = true, .made = TARGET_IMAGE,
		.body = &shape_container_create, .judge = judge_commit},

	{POST, "/build", "ImageBuild", TARGET_IMAGE, "t",
		.judge = judge_build},
	{POST, "/build/prune", "BuildPrune", .finding = FINDING_PRUNE},
	{POST, "/build/cancel", "BuildCancel"},
	{POST, "/session", "Session", .finding = FINDING_OPAQUE_STREAM, .opaque = true},
	{POST, "/grpc", "Grpc", .finding = FINDING_OPAQUE_STREAM, .opaque = true},

	{GET, "/volumes", "VolumeList", TARGET_VOLUME},
	{POST, "/volumes/create", "VolumeCreate", TARGET_VOLUME, .answer = true,
		.body = &shape_volume_create, .judge = judge_volume_create},
	{POST, "/volumes/prune", "VolumePrune", TARGET_VOLUME, .finding = FINDING_PRUNE},
	{GET, "/volumes/{name}", "VolumeInspect", TARGET_VOLUME},
	{PUT, "/volumes/{name}", "VolumeUpdate", TARGET_VOLUME},
	{DELETE, "/volumes/{name}", "VolumeDelete", TARGET_VOLUME},

	{GET, "/networks", "NetworkList", TARGET_NETWORK},
	{GET, "/networks/", "NetworkList", TARGET_NETWORK},
	{GET, "/networks/{name}", "NetworkInspect", TARGET_NETWORK},
	{POST, "/networks/create", "NetworkCreate", TARGET_NETWORK, .answer = true,
		.body = &shape_network_create, .judge = judge_network_create},
	{POST, "/networks/prune", "NetworkPrune", TARGET_NETWORK, .finding = FINDING_PRUNE},
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
	{POST, "/swarm/update", "SwarmUpdate", TARGET_SWARM},
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

	{POST, "/auth", "SystemAuth", .finding = FINDING_SECRET_ACCESS},
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
};
/* clang-format on */

/* Bytes of PATH that a variable takes, with REST behind it in the pattern. The daemon has {name:.*}, where
 * the dot is no line feed, and {id}, which stands for [^/]+. */
static size_t variable_size(const char *variable, const char *rest, struct bytes path)
{
	size_t rest_size = strlen(rest), size;
	const char *slash;

	if (!strncmp(variable, "{name}", 6)) {
		if (path.size < rest_size)
			return NO_MATCH;
		size = path.size - rest_size;
		return memchr(path.data, '\n', size) ? NO_MATCH : size;
	}
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

static bool has_valid_escapes(struct bytes encoded)
{
	for (size_t i = 0; i < encoded.size; i++)
		if (encoded.data[i] == '%' &&
		    (encoded.size - i < 3 || hex_value(encoded.data[i + 1]) < 0 ||
		     hex_value(encoded.data[i + 2]) < 0))
			return false;
	return true;
}

/* Takes the first byte off ENCODED, which has valid escapes and is not empty. */
static char take_byte(struct bytes *encoded)
{
	char c = *encoded->data;

	if (c == '%') {
		c = (char)(hex_value(encoded->data[1]) * 16 + hex_value(encoded->data[2]));
		*encoded = bytes_from(*encoded, 3);
		return c;
	}
	*encoded = bytes_from(*encoded, 1);
	return c == '+' ? ' ' : c;
}

/* Takes from TEXT what stands before the first SEPARATOR, and that; or all. */
static struct bytes take_until(struct bytes *text, char separator)
{
	const char *end = text->size ? memchr(text->data, separator, text->size) : NULL;
	struct bytes part = *text;

	if (!end) {
		*text = (struct bytes){0};
		return part;
	}
	part.size = (size_t)(end - part.data);
	*text = bytes_from(*text, part.size + 1);
	return part;
}

/* Whether a key that is still encoded is KEY. */
static bool key_is(struct bytes encoded, const char *key)
{
	if (!has_valid_escapes(encoded))
		return false;
	while (encoded.size)
		if (!*key || take_byte(&encoded) != *key++)
			return false;
	return !*key;
}

/* The first value of KEY, still encoded. Go drops pairs with a semicolon (since 1.17: before, it ended
 * a pair) and those with an invalid escape. */
static bool find_value(struct bytes query, const char *key, struct bytes *ret_value)
{
	while (query.size) {
		struct bytes value = take_until(&query, '&');
		struct bytes name;

		if (!value.size || memchr(value.data, ';', value.size))
			continue;
		name = take_until(&value, '=');
		if (!key_is(name, key) || !has_valid_escapes(value))
			continue;
		*ret_value = value;
		return true;
	}
	return false;
}

static bool method_is(const char *wanted, struct bytes method)
{
	return !wanted ||
	       (strlen(wanted) == method.size && !memcmp(wanted, method.data, method.size));
}

static bool goes_for(const struct route *route, struct bytes query)
{
	struct bytes value;

	return !route->when || (find_value(query, route->when, &value) && value.size);
}

/* PATH has no version. */
static const struct route *find(struct bytes method, struct bytes path, struct bytes query,
				struct bytes *ret_name)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++)
		if (method_is(routes[i].method, method) &&
		    path_matches(routes[i].path, path, ret_name) && goes_for(&routes[i], query))
			return &routes[i];
	return NULL;
}

/* Takes the version that PATH, which is clean, may begin with: /v[0-9.]+ and a slash. */
static struct bytes take_version(struct bytes *path)
{
	size_t size = 2;

	if (path->size < 2 || path->data[1] != 'v')
		return (struct bytes){0};
	while (size < path->size && memchr("0123456789.", path->data[size], 11))
		size++;
	if (size == 2 || size == path->size || path->data[size] != '/')
		return (struct bytes){0};
	*path = bytes_from(*path, size);
	return (struct bytes){path->data - size + 2, size - 2};
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

bool route_query(struct bytes query, const char *key, struct text *out)
{
	struct bytes value;

	if (!find_value(query, key, &value))
		return false;
	while (value.size)
		text_add_char(out, take_byte(&value));
	return !out->error;
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

	if (!route->name_key || !route_query(query, route->name_key, out) || out->size == start)
		return false;
	if (route->tag_key && route_query(query, route->tag_key, &tag) && tag.data)
		add_tag(out, start, &tag);
	if (tag.error)
		out->error = tag.error;
	text_free(&tag);
	return !out->error;
}

const char *route_target_name(enum target_type type)
{
	static const char *const names[] = {
		[TARGET_CONTAINER] = "container", [TARGET_EXEC] = "exec",
		[TARGET_IMAGE] = "image",	  [TARGET_VOLUME] = "volume",
		[TARGET_NETWORK] = "network",	  [TARGET_PLUGIN] = "plugin",
		[TARGET_SERVICE] = "service",	  [TARGET_TASK] = "task",
		[TARGET_NODE] = "node",		  [TARGET_SECRET] = "secret",
		[TARGET_CONFIG] = "config",	  [TARGET_SWARM] = "swarm",
	};

	static_assert(sizeof(names) / sizeof(*names) == TARGET_TYPES, "each type has a name");
	return (size_t)type < TARGET_TYPES ? names[type] : NULL;
}
