// SPDX-License-Identifier: Apache-2.0
/*
 * What `podman kube play` makes of its documents: pkg/domain/infra/abi/play.go and pkg/specgen/generate/kube. A pod stands
 * in a document of its own, or as the template of a deployment and the like.
 */
#include "base/bytes.h"
#include "docker/judge/judge_inside.h"
#include "docker/kube/kube.h"
#include "docker/kube/kube_inside.h"
#include "http/query.h"
#include "json/gofold.h"
#include "json/yaml_body.h"

#define DEVICE_LIMIT "podman.io/device="

const struct value *kube_pod(const struct value *document, const struct value **ret_metadata)
{
	static const char *const workloads[] = {"DaemonSet", "Deployment", "Job"};
	struct bytes kind = body_string(document, "kind");
	const struct value *spec = body_get(document, "spec"), *template;

	template = body_get(spec, "template");
	if (bytes_are(kind, "Pod") ||
	    (!bytes_are_any(kind, workloads, COUNT(workloads)) && !template)) {
		*ret_metadata = body_get(document, "metadata");
		return spec;
	}
	*ret_metadata = body_get(template, "metadata");
	return body_get(template, "spec");
}

const struct value *kube_containers(const struct value *pod, unsigned int list)
{
	static const char *const names[KUBE_CONTAINER_LISTS] = {"initContainers", "containers"};

	return body_get(pod, names[list]);
}

const struct value *kube_volume(const struct value *pod, const struct value *mount)
{
	struct bytes name = body_string(mount, "name");
	const struct value *last = NULL;

	/* Podman keeps them by name: the last one of a name counts. */
	EACH (one, body_get(pod, "volumes"))
		if (bytes_equal(body_string(one, "name"), name))
			last = one;
	return last;
}

struct bytes kube_mount_path(const struct value *mount, struct bytes *ret_options)
{
	struct bytes rest = body_string(mount, "mountPath"), path = {0};

	bytes_take(&rest, ':', &path);
	*ret_options = rest;
	return path;
}

bool kube_is_true(const struct value *value, const char *name)
{
	return yaml_body_is_true(body_string(value, name));
}

/* --- settings -------------------------------------------------------------------------------------- */

/* A profile by Kubernetes' own words: Unconfined, RuntimeDefault, Localhost; in annotations unconfined, runtime/default and
 * localhost/PATH. */
static void kube_judge_profile(struct judging *judging, const char *setting, struct bytes type)
{
	static const char *const usual[] = {"", "RuntimeDefault", "docker/default",
					    "runtime/default"};
	size_t local = strlen("localhost");

	if (bytes_are_any(type, usual, COUNT(usual)))
		return;
	if (bytes_are(type, "Unconfined"))
		type = bytes_of("unconfined");
	else if (gofold_begins(type, "localhost", GOFOLD_LOWER))
		type = type.size > local ? bytes_from(type, local) : bytes_of("/");
	judge_security_setting(judging, setting, type);
}

static void kube_judge_selinux(struct judging *judging, const struct value *options)
{
	static const char *const parts[][2] = {{"user", "label=user:"},
					       {"role", "label=role:"},
					       {"type", "label=type:"},
					       {"level", "label=level:"},
					       {"filetype", "label=filetype:"}};

	for (size_t i = 0; i < COUNT(parts); i++) {
		struct bytes value = body_string(options, parts[i][0]);

		if (value.size)
			judge_security_setting(judging, parts[i][1], value);
	}
}

/* What the security contexts of a pod and of a container have in common. */
static void kube_judge_context(struct judging *judging, const struct value *context)
{
	kube_judge_selinux(judging, body_get(context, "seLinuxOptions"));
	kube_judge_profile(judging,
			   "seccomp=", body_string(body_get(context, "seccompProfile"), "type"));
	kube_judge_profile(judging,
			   "apparmor=", body_string(body_get(context, "appArmorProfile"), "type"));
}

/* --- annotations ------------------------------------------------------------------------------------ */

static void kube_judge_seccomp(struct judging *judging, struct bytes value)
{
	kube_judge_profile(judging, "seccomp=", value);
}

static void kube_judge_apparmor(struct judging *judging, struct bytes value)
{
	kube_judge_profile(judging, "apparmor=", value);
}

static void kube_judge_label(struct judging *judging, struct bytes value)
{
	judge_security_setting(judging, "label=", value);
}

static void kube_judge_userns(struct judging *judging, struct bytes value)
{
	judge_namespace(judging, "UsernsMode", value);
}

static void kube_judge_volumes_from(struct judging *judging, struct bytes value)
{
	struct bytes one;

	while (bytes_take(&value, ';', &one))
		judge_volumes_from(judging, one);
}

static void kube_judge_nothing(struct judging *judging, struct bytes value)
{
}

/* Beginnings of keys: the container's name may stand behind a slash. */
static const struct kube_annotation {
	const char *key;
	void (*judge)(struct judging *judging, struct bytes value);
} kube_annotations[] = {
	{"container.apparmor.security.beta.kubernetes.io/", kube_judge_apparmor},
	{"container.seccomp.security.alpha.kubernetes.io/", kube_judge_seccomp},
	{"seccomp.security.alpha.kubernetes.io/pod", kube_judge_seccomp},
	{"io.podman.annotations.apparmor", kube_judge_apparmor},
	{"io.podman.annotations.autoremove", kube_judge_nothing},
	{"io.podman.annotations.infra.name", kube_judge_nothing},
	{"io.podman.annotations.init", kube_judge_nothing},
	{"io.podman.annotations.label", kube_judge_label},
	{"io.podman.annotations.pids-limit", kube_judge_nothing},
	{"io.podman.annotations.publish-all", kube_judge_nothing},
	{"io.podman.annotations.seccomp", kube_judge_seccomp},
	{"io.podman.annotations.ulimit", kube_judge_nothing},
	{"io.podman.annotations.userns", kube_judge_userns},
	{"io.podman.annotations.volumes-from", kube_judge_volumes_from},
};

static void kube_judge_annotations(struct judging *judging, const struct value *metadata)
{
	EACH (one, body_get(metadata, "annotations")) {
		size_t i = 0;

		while (i < COUNT(kube_annotations) &&
		       !bytes_begin(one->key, kube_annotations[i].key))
			i++;
		if (i < COUNT(kube_annotations))
			kube_annotations[i].judge(judging, one->string);
		else
			judge_annotation(judging, one->key);
	}
}

/* --- pods ------------------------------------------------------------------------------------------- */

static void kube_judge_mount(struct judging *judging, const struct value *pod,
			     const struct value *mount)
{
	const struct value *volume = kube_volume(pod, mount), *host = body_get(volume, "hostPath");
	const struct value *claim = body_get(volume, "persistentVolumeClaim");
	struct bytes options, path = kube_mount_path(mount, &options);
	struct bytes source = body_string(host, "path"), type = body_string(host, "type");
	bool read_only = kube_is_true(mount, "readOnly") || binds_has_word(options, "ro");

	if (host && (bytes_are(type, "BlockDevice") || bytes_are(type, "CharDevice")))
		ADD(judging, FINDING_DEVICE, SEVERITY_NONE, "device %.*s", PRINTED(source));
	if (host)
		judge_place(judging, &(struct place){source, path, read_only, "", false});
	if (claim)
		judge_named_volume(judging, body_string(claim, "claimName"), path, read_only);
}

static void kube_judge_secret(struct judging *judging, const struct value *reference,
			      const char *field)
{
	struct bytes name = body_string(reference, field);

	if (name.size)
		ADD(judging, FINDING_SECRET_ACCESS, SEVERITY_NONE, "a pod gets the secret %.*s",
		    PRINTED(name));
}

static void kube_judge_limits(struct judging *judging, const struct value *container)
{
	static const char *const lists[] = {"limits", "requests"};
	const struct value *resources = body_get(container, "resources");

	for (size_t i = 0; i < COUNT(lists); i++)
		EACH (one, body_get(resources, lists[i]))
			if (bytes_begin(one->key, DEVICE_LIMIT))
				ADD(judging, FINDING_DEVICE, SEVERITY_NONE, "device %.*s",
				    PRINTED(bytes_from(one->key, strlen(DEVICE_LIMIT))));
}

static void kube_judge_container(struct judging *judging, const struct value *pod,
				 const struct value *container)
{
	const struct value *context = body_get(container, "securityContext");
	struct bytes proc = body_string(context, "procMount");

	if (kube_is_true(context, "privileged"))
		ADD(judging, FINDING_PRIVILEGED, SEVERITY_NONE, "container %.*s runs privileged",
		    PRINTED(body_string(container, "name")));
	EACH (one, body_get(container, "volumeMounts"))
		kube_judge_mount(judging, pod, one);
	judge_capabilities(judging, body_get(body_get(context, "capabilities"), "add"));
	kube_judge_context(judging, context);
	if (bytes_are(proc, "Unmasked"))
		judge_security_setting(judging, "unmask=", bytes_of("ALL"));
	kube_judge_limits(judging, container);
	EACH (one, body_get(container, "env"))
		kube_judge_secret(judging, body_get(body_get(one, "valueFrom"), "secretKeyRef"),
				  "name");
	EACH (one, body_get(container, "envFrom"))
		kube_judge_secret(judging, body_get(one, "secretRef"), "name");
}

static void kube_judge_namespaces(struct judging *judging, const struct value *pod)
{
	static const char *const flags[][2] = {
		{"hostPID", "PidMode"}, {"hostNetwork", "NetworkMode"}, {"hostIPC", "IpcMode"}};

	for (size_t i = 0; i < COUNT(flags); i++)
		if (kube_is_true(pod, flags[i][0]))
			judge_namespace(judging, flags[i][1], bytes_of("host"));
	/* With the host's network come its names. */
	if (kube_is_true(pod, "hostNetwork"))
		judge_namespace(judging, "UTSMode", bytes_of("host"));
}

static void kube_judge_pod(struct judging *judging, const struct value *pod)
{
	const struct value *context = body_get(pod, "securityContext");

	kube_judge_namespaces(judging, pod);
	kube_judge_context(judging, context);
	EACH (one, body_get(context, "sysctls")) {
		struct value sysctl = {.key = body_string(one, "name")};
		const struct value list = {.first = &sysctl};

		judge_other_runtime(judging, (struct bytes){0}, (struct bytes){0}, &list);
	}
	for (unsigned int i = 0; i < KUBE_CONTAINER_LISTS; i++)
		EACH (one, kube_containers(pod, i))
			kube_judge_container(judging, pod, one);
	EACH (one, body_get(pod, "volumes"))
		kube_judge_secret(judging, body_get(one, "secret"), "secretName");
}

/* --- documents --------------------------------------------------------------------------------------- */

/* A volume, which has Podman's options as annotations. */
static void kube_judge_claim(struct judging *judging, const struct value *document)
{
	const struct value *annotations = body_get(body_get(document, "metadata"), "annotations");
	struct bytes driver = body_string(annotations, "volume.podman.io/driver");
	struct bytes type = body_string(annotations, "volume.podman.io/type");
	struct bytes device = body_string(annotations, "volume.podman.io/device");
	struct bytes options = body_string(annotations, "volume.podman.io/mount-options");

	judge_volume_settings(judging, body_string(body_get(document, "metadata"), "name"), driver,
			      &(struct volume_settings){type, device, options});
}

static void kube_judge_document(struct judging *judging, const struct value *document)
{
	/* The others are no pods, wherever they are known. */
	static const char *const others[] = {
		"",	     "ConfigMap", "HorizontalPodAutoscaler", "Ingress",
		"Namespace", "Service",	  "ServiceAccount"};
	static const char *const pods[] = {"DaemonSet", "Deployment", "Job", "Pod"};
	struct bytes kind = body_string(document, "kind");
	const struct value *metadata, *pod = kube_pod(document, &metadata);

	if (bytes_are(kind, "Secret")) {
		ADD(judging, FINDING_SECRET_ACCESS, SEVERITY_NONE, "makes the secret %.*s",
		    PRINTED(body_string(body_get(document, "metadata"), "name")));
	} else if (bytes_are(kind, "PersistentVolumeClaim")) {
		kube_judge_claim(judging, document);
	} else if (!bytes_are_any(kind, others, COUNT(others))) {
		if (!bytes_are_any(kind, pods, COUNT(pods)))
			judge_not_judged(judging, SEVERITY_NONE, "kind", kind);
		kube_judge_annotations(judging, metadata);
		kube_judge_pod(judging, pod);
	}
}

/* --- the query ---------------------------------------------------------------------------------------- */

static void kube_judge_log_option(struct judging *judging, struct bytes option)
{
	struct value value = {.string = option};
	const struct value list = {.first = &value};

	bytes_take(&value.string, '=', &value.key);
	if (gofold_is(value.key, "driver", GOFOLD_LOWER))
		judge_log(judging, value.string, NULL);
	else
		judge_log(judging, (struct bytes){0}, &list);
}

static void kube_judge_setting(struct judging *judging, struct bytes key, struct bytes value)
{
	if (!value.size)
		return;
	if (gofold_is(key, "network", GOFOLD_EQUAL))
		judge_namespace(judging, "NetworkMode", value);
	else if (gofold_is(key, "userns", GOFOLD_EQUAL))
		judge_namespace(judging, "UsernsMode", value);
	else if (gofold_is(key, "logdriver", GOFOLD_EQUAL))
		judge_log(judging, value, NULL);
	else if (gofold_is(key, "logoptions", GOFOLD_EQUAL))
		kube_judge_log_option(judging, value);
	else if (gofold_is(key, "annotations", GOFOLD_EQUAL))
		judge_not_judged(judging, SEVERITY_NONE, "annotations", value);
}

/* Podman finds the keys in any case. */
static void kube_judge_query(struct judging *judging)
{
	_cleanup_(text_free) struct text key = {0}, value = {0};
	struct bytes query = judging->query;

	while (query_next(&query, &key, &value)) {
		kube_judge_setting(judging, text_since(&key, 0), text_since(&value, 0));
		text_cut(&key, 0);
		text_cut(&value, 0);
	}
}

void kube_judge(struct judging *judging)
{
	EACH (one, judging->body)
		kube_judge_document(judging, one);
	kube_judge_query(judging);
	kube_tell(judging->verdict, judging->body);
}

/* They are removed, whatever they are. */
void kube_judge_down(struct judging *judging)
{
	kube_tell(judging->verdict, judging->body);
}
