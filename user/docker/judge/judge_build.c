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

static void judge_capability(struct judging *judging, const char *key, struct bytes name)
{
	ADD(judging, FINDING_CAP_ADD, judge_capability_severity(name), "capability %.*s of a build",
	    PRINTED(name));
}

static void judge_device(struct judging *judging, const char *key, struct bytes name)
{
	ADD(judging, FINDING_DEVICE, SEVERITY_NONE, "device %.*s of a build", PRINTED(name));
}

static void judge_label(struct judging *judging, const char *key, struct bytes label)
{
	judge_security_setting(judging, "label=", label);
}

static void judge_build_judge_option(struct judging *judging, const char *key, struct bytes option)
{
	judge_security_option(judging, option);
}

static void judge_seccomp(struct judging *judging, const char *key, struct bytes profile)
{
	judge_security_setting(judging, "seccomp=", profile);
}

static void judge_apparmor(struct judging *judging, const char *key, struct bytes profile)
{
	judge_security_setting(judging, "apparmor=", profile);
}

/* [{"Name":"pid","Host":true,"Path":""}] of buildah. */
static void judge_build_judge_namespaces(struct judging *judging, const char *key,
					 struct bytes value)
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

/* Judges a path of the host that the engine itself reads or writes, outside of any container. */
static void judge_build_judge_path(struct judging *judging, const char *key, struct bytes value,
				   bool read_only)
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
	judge_build_judge_path(judging, key, value, false);
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
	judge_build_judge_path(judging, key, value, false);
}

/* Podman's own API takes a directory of the host, too. */
static void judge_remote(struct judging *judging, const char *key, struct bytes value)
{
	if (bytes_begin(value, "/"))
		judge_build_judge_path(judging, key, value, true);
}

static void judge_isolation(struct judging *judging, const char *key, struct bytes value)
{
	static const char *const known[] = {"", "default", "oci", "rootless", "process", "hyperv"};

	if (!bytes_are_any(value, known, COUNT(known)))
		judge_not_judged(judging, SEVERITY_NONE, key, value);
}

enum value_form {
	FORM_ONE,  /* of several values the first one counts */
	FORM_EACH, /* of several values each counts */
	FORM_LIST, /* the value is a list of texts in JSON, of which each counts */
};

/* A key that is not here says nothing about what a build may do outside of its containers. */
static const struct build_key {
	const char *name;
	enum value_form form;
	void (*judge)(struct judging *judging, const char *key, struct bytes value);
} build_keys[] = {
	{"addcaps", FORM_LIST, judge_capability},
	{"apparmor", FORM_ONE, judge_apparmor},
	{"cgroupparent", FORM_ONE, judge_cgroup_parent},
	{"devices", FORM_LIST, judge_device},
	{"isolation", FORM_ONE, judge_isolation},
	{"labelopts", FORM_LIST, judge_label},
	{"networkmode", FORM_ONE, judge_network_mode},
	{"nsoptions", FORM_ONE, judge_build_judge_namespaces},
	{"outputs", FORM_ONE, judge_output},
	{"remote", FORM_ONE, judge_remote},
	{"rusagelogfile", FORM_ONE, judge_written},
	{"seccomp", FORM_ONE, judge_seccomp},
	{"securityopt", FORM_LIST, judge_build_judge_option},
	{"volume", FORM_EACH, judge_volume},
};

static void judge_value(struct judging *judging, const struct build_key *key, struct bytes value)
{
	struct body *body;

	if (key->form != FORM_LIST) {
		key->judge(judging, key->name, value);
		return;
	}
	body = read_json(&shape_texts, value);
	if (!body)
		judge_not_judged(judging, SEVERITY_NONE, key->name, value);
	EACH (one, body ? body_value(body) : NULL)
		key->judge(judging, key->name, one->string);
	body_free(body);
}

void judge_build_query(struct judging *judging)
{
	_cleanup_(text_free) struct text name = {0}, value = {0};
	bool seen[COUNT(build_keys)] = {false};
	struct bytes query = judging->query;

	while (query_next(&query, &name, &value)) {
		for (size_t i = 0; i < COUNT(build_keys); i++) {
			const struct build_key *key = &build_keys[i];

			if (!gofold_is(text_since(&name, 0), key->name, GOFOLD_EQUAL))
				continue;
			if (!seen[i] || key->form == FORM_EACH)
				judge_value(judging, key, text_since(&value, 0));
			seen[i] = true;
		}
		text_cut(&name, 0);
		text_cut(&value, 0);
	}
}
