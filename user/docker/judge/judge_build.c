// SPDX-License-Identifier: Apache-2.0
/* What a build may do: the query of Docker's classic builder, and of Podman's, which knows more. Podman finds the
 * keys in any case (gorilla/schema), and takes some as JSON. */
#include "base/bytes.h"
#include "docker/judge/judge_inside.h"
#include "http/query.h"
#include "json/gofold.h"

static const struct shape text_shape = {.kind = SHAPE_STRING}, flag_shape = {.kind = SHAPE_BOOL};
static const struct shape shape_texts = {.kind = SHAPE_LIST, .element = &text_shape};
static const struct shape_field namespace_fields[] = {
	{"Name", &text_shape}, {"Host", &flag_shape}, {"Path", &text_shape}, {0}};
static const struct shape build_namespace = {.kind = SHAPE_STRUCT, .fields = namespace_fields};
static const struct shape shape_build_namespaces = {.kind = SHAPE_LIST,
						    .element = &build_namespace};

#define QUERY_MEMORY 16384

/* VALUE as JSON of SHAPE; NULL: it is none, which Podman refuses. Freed by the caller. */
static struct body *read_json(const struct shape *shape, struct bytes value)
{
	struct body *body;

	if (body_new(shape, QUERY_MEMORY, NULL, &body))
		return NULL;
	body_feed(body, value.data, value.size);
	if (body_state(body) == BODY_DONE)
		return body;
	body_free(body);
	return NULL;
}

static void judge_network_mode(struct judging *judging, const char *key, struct bytes mode)
{
	if (bytes_are(mode, "host"))
		ADD(judging, FINDING_BUILD_HOST_NETWORK, SEVERITY_NONE,
		    "the build uses the host's network");
	else if (bytes_begin(mode, "container:")) {
		ADD(judging, FINDING_JOIN_CONTAINER_NAMESPACE, SEVERITY_NONE,
		    "network namespace of %.*s", PRINTED(mode));
		judge_join(judging, JOIN_NETWORK, bytes_from(mode, strlen("container:")));
	} else if (mode.size)
		judge_other_mode(judging, "NetworkMode", "network namespace",
				 FINDING_BUILD_HOST_NETWORK, mode);
}

static void judge_cgroup_parent(struct judging *judging, const char *key, struct bytes parent)
{
	if (parent.size)
		ADD(judging, FINDING_OTHER_RUNTIME, SEVERITY_NONE, "cgroup parent %.*s",
		    PRINTED(parent));
}

static void judge_capability(struct judging *judging, struct bytes name)
{
	ADD(judging, FINDING_CAP_ADD, judge_capability_severity(name), "capability %.*s of a build",
	    PRINTED(name));
}

static void judge_device(struct judging *judging, struct bytes name)
{
	ADD(judging, FINDING_DEVICE, SEVERITY_NONE, "device %.*s of a build", PRINTED(name));
}

static void judge_label(struct judging *judging, struct bytes label)
{
	_cleanup_(text_free) struct text option = {0};

	text_add_string(&option, "label=");
	text_add_bytes(&option, label);
	judge_security_option(judging, text_since(&option, 0));
}

/* Each text of the JSON list VALUE. */
static void judge_list(struct judging *judging, const char *key, struct bytes value,
		       void (*judge)(struct judging *judging, struct bytes text))
{
	struct body *body = read_json(&shape_texts, value);

	if (!body) {
		judge_not_judged(judging, SEVERITY_NONE, key, value);
		return;
	}
	EACH (one, body_value(body))
		judge(judging, one->string);
	body_free(body);
}

static void judge_capabilities(struct judging *judging, const char *key, struct bytes value)
{
	judge_list(judging, key, value, judge_capability);
}

static void judge_devices(struct judging *judging, const char *key, struct bytes value)
{
	judge_list(judging, key, value, judge_device);
}

static void judge_labels(struct judging *judging, const char *key, struct bytes value)
{
	judge_list(judging, key, value, judge_label);
}

static void judge_options(struct judging *judging, const char *key, struct bytes value)
{
	judge_list(judging, key, value, judge_security_option);
}

static void judge_profile(struct judging *judging, const char *key, struct bytes value)
{
	_cleanup_(text_free) struct text option = {0};

	text_add_string(&option, key);
	text_add_char(&option, '=');
	text_add_bytes(&option, value);
	judge_security_option(judging, text_since(&option, 0));
}

/* [{"Name":"pid","Host":true,"Path":""}] of buildah. */
static void judge_namespaces(struct judging *judging, const char *key, struct bytes value)
{
	static const struct {
		const char *name, *what;
		enum finding_id finding;
	} names[] = {
		{"pid", "PID namespace", FINDING_HOST_PID},
		{"network", "network namespace", FINDING_HOST_NETWORK},
		{"ipc", "IPC namespace", FINDING_HOST_IPC},
		{"uts", "UTS namespace", FINDING_HOST_UTS},
		{"user", "user namespace", FINDING_HOST_USERNS},
		{"cgroup", "cgroup namespace", FINDING_HOST_CGROUPNS},
	};
	struct body *body = read_json(&shape_build_namespaces, value);

	if (!body) {
		judge_not_judged(judging, SEVERITY_NONE, key, value);
		return;
	}
	EACH (one, body_value(body)) {
		struct bytes name = body_string(one, "Name"), path = body_string(one, "Path");
		size_t i = 0;

		while (i < COUNT(names) && !bytes_are(name, names[i].name))
			i++;
		if (path.size)
			judge_not_judged(judging, SEVERITY_HIGH, key, path);
		else if (body_true(one, "Host") && i < COUNT(names))
			ADD(judging, names[i].finding, SEVERITY_NONE, "a build in the host's %s",
			    names[i].what);
		else if (body_true(one, "Host"))
			judge_not_judged(judging, SEVERITY_NONE, key, name);
	}
	body_free(body);
}

static void judge_volume(struct judging *judging, const char *key, struct bytes value)
{
	judge_bind(judging, value);
}

/* What the engine reads or writes itself, outside of any container. */
static void judge_path(struct judging *judging, const char *key, struct bytes value, bool read_only)
{
	struct host_source source;
	_cleanup_(text_free) struct text text = {0};

	if (!value.size)
		return;
	host_paths_judge(value, read_only, judging->files, &text, &source);
	ADD(judging, FINDING_HOST_PATH_MOUNT,
	    source.severity > SEVERITY_HIGH ? source.severity : SEVERITY_HIGH,
	    "%s: the engine %s %.*s%s%s", key, read_only ? "reads" : "writes", PRINTED(value),
	    source.reason ? ": " : "", source.reason ?: "");
}

static void judge_written(struct judging *judging, const char *key, struct bytes value)
{
	judge_path(judging, key, value, false);
}

/* type=local,dest=PATH, or PATH alone; Docker's own is of BuildKit. */
static void judge_output(struct judging *judging, const char *key, struct bytes value)
{
	const char *dest = value.size ? memmem(value.data, value.size, "dest=", 5) : NULL;

	if (!value.size || *value.data == '[')
		return;
	if (dest) {
		value = bytes_from(value, (size_t)(dest - value.data) + 5);
		dest = memchr(value.data, ',', value.size);
		value.size = dest ? (size_t)(dest - value.data) : value.size;
	}
	judge_path(judging, key, value, false);
}

/* Podman's own API takes a directory of the host, too. */
static void judge_remote(struct judging *judging, const char *key, struct bytes value)
{
	if (bytes_begin(value, "/"))
		judge_path(judging, key, value, true);
}

static void judge_isolation(struct judging *judging, const char *key, struct bytes value)
{
	static const char *const known[] = {"", "default", "oci", "rootless", "process", "hyperv"};

	if (!bytes_are_any(value, known, COUNT(known)))
		judge_not_judged(judging, SEVERITY_NONE, key, value);
}

/* Keys that are not here have no say in what a build may do, but within its containers. */
static const struct build_key {
	const char *name;
	void (*judge)(struct judging *judging, const char *key, struct bytes value);
} build_keys[] = {
	{"addcaps", judge_capabilities},
	{"apparmor", judge_profile},
	{"cgroupparent", judge_cgroup_parent},
	{"devices", judge_devices},
	{"isolation", judge_isolation},
	{"labelopts", judge_labels},
	{"networkmode", judge_network_mode},
	{"nsoptions", judge_namespaces},
	{"outputs", judge_output},
	{"remote", judge_remote},
	{"rusagelogfile", judge_written},
	{"seccomp", judge_profile},
	{"securityopt", judge_options},
	{"volume", judge_volume},
};

void judge_build_query(struct judging *judging)
{
	bool seen[COUNT(build_keys)] = {false};
	struct bytes query = judging->query;
	_cleanup_(text_free) struct text key = {0}, value = {0};

	while (query_next(&query, &key, &value)) {
		for (size_t i = 0; i < COUNT(build_keys); i++) {
			if (!gofold_is(text_since(&key, 0), build_keys[i].name, GOFOLD_EQUAL))
				continue;
			/* Of most, the first one counts. */
			if (!seen[i] || build_keys[i].judge == judge_volume)
				build_keys[i].judge(judging, build_keys[i].name,
						    text_since(&value, 0));
			seen[i] = true;
		}
		text_cut(&key, 0);
		text_cut(&value, 0);
	}
}
