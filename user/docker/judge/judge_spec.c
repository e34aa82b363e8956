// SPDX-License-Identifier: Apache-2.0
/*
 * Podman's own description of a container, SpecGenerator of pkg/specgen/specgen.go, judged as Docker's is. What differs: a mount
 * is one of the OCI runtime, which takes any file system; a namespace has a mode and a value; the root may be a directory
 * of the host; the container may be one of a pod, whose namespaces it shares then.
 */
#include "base/bytes.h"
#include "docker/judge/facts.h"
#include "docker/judge/judge_inside.h"

/* Types of mounts that hold nothing of the host's. */
static const char *const of_memory[] = {"devpts", "mqueue", "ramfs", "tmpfs"};

static bool has_option(const struct value *options, const char *wanted)
{
	EACH (one, options)
		if (bytes_are(one->string, wanted))
			return true;
	return false;
}

/* Whether runtimes bind, whatever the type says. */
static bool is_spec_bind(const struct value *mount)
{
	const struct value *options = body_get(mount, "options");

	return bytes_are(body_string(mount, "type"), "bind") || has_option(options, "bind") ||
	       has_option(options, "rbind");
}

/* Nobody who means it says both: the last one counts. */
static bool is_spec_read_only(const struct value *options)
{
	return has_option(options, "ro") && !has_option(options, "rw");
}

/* The directories that an overlay is made of, of which some are written to. */
static void judge_spec_layers(struct judging *judging, const struct value *options,
			      struct bytes destination)
{
	static const char *const names[] = {"lowerdir=", "upperdir=", "workdir="};

	EACH (one, options)
		for (size_t i = 0; i < COUNT(names); i++) {
			struct bytes rest = {0}, layer;

			if (bytes_begin(one->string, names[i]))
				rest = bytes_from(one->string, strlen(names[i]));
			while (bytes_take(&rest, ':', &layer))
				judge_place(judging,
					    &(struct place){layer, destination, i == 0, "", false});
		}
}

static void judge_spec_mount(struct judging *judging, const struct value *mount)
{
	static const char *const types[] = {"",	     "artifact", "bind",  "devpts", "glob",
					    "image", "mqueue",	 "ramfs", "tmpfs",  "volume"};
	struct bytes type = body_string(mount, "type"), source = body_string(mount, "source");
	struct bytes destination = body_string(mount, "destination");
	const struct value *options = body_get(mount, "options");
	bool read_only = is_spec_read_only(options);

	if (!bytes_are_any(type, types, COUNT(types)))
		judge_not_judged(judging, SEVERITY_HIGH, "mounts.type", type);
	judge_spec_layers(judging, options, destination);
	if (bytes_are(type, "glob"))
		judge_glob(judging, source, destination);
	else if (is_spec_bind(mount) || (judge_is_host_source(source) &&
					 !bytes_are_any(type, of_memory, COUNT(of_memory))))
		judge_place(judging, &(struct place){source, destination, read_only, "", false});
}

static void judge_spec_volume(struct judging *judging, const struct value *volume)
{
	struct bytes name = body_string(volume, "Name"), destination = body_string(volume, "Dest");
	const struct value *options = body_get(volume, "Options");
	bool read_only = is_spec_read_only(options);

	judge_spec_layers(judging, options, destination);
	if (judge_is_host_source(name))
		judge_place(judging, &(struct place){name, destination, read_only, "", false});
	else
		judge_named_volume(judging, name, destination, read_only);
}

static void judge_spec_storage(struct judging *judging, const struct value *spec)
{
	struct bytes root = body_string(spec, "rootfs"), init = body_string(spec, "init_path");

	EACH (one, body_get(spec, "mounts"))
		judge_spec_mount(judging, one);
	EACH (one, body_get(spec, "volumes"))
		judge_spec_volume(judging, one);
	EACH (one, body_get(spec, "overlay_volumes")) {
		struct bytes destination = body_string(one, "destination");

		/* What is written goes to a layer on top. */
		judge_place(judging, &(struct place){body_string(one, "source"), destination, true,
						     "", false});
		judge_spec_layers(judging, body_get(one, "options"), destination);
	}
	EACH (one, body_get(spec, "volumes_from"))
		judge_volumes_from(judging, one->string);
	if (root.size)
		judge_place(judging, &(struct place){root, bytes_of("/"),
						     body_true(spec, "rootfs_overlay"), "", false});
	if (init.size)
		judge_place(judging,
			    &(struct place){init, bytes_of("the init program"), true, "", false});
}

/* The mode as Docker spells it: another container's and a file's have their value behind a colon. */
static void spell_mode(struct text *out, const struct value *namespace)
{
	struct bytes mode = body_string(namespace, "nsmode");
	struct bytes value = body_string(namespace, "value");

	if (bytes_are(mode, "path"))
		text_add_string(out, "ns");
	else
		text_add_bytes(out, mode);
	if (value.size) {
		text_add_char(out, ':');
		text_add_bytes(out, value);
	}
}

static void judge_spec_namespaces(struct judging *judging, const struct value *spec)
{
	static const char *const fields[][2] = {
		{"pidns", "PidMode"}, {"netns", "NetworkMode"}, {"ipcns", "IpcMode"},
		{"utsns", "UTSMode"}, {"userns", "UsernsMode"}, {"cgroupns", "CgroupnsMode"}};

	for (size_t i = 0; i < COUNT(fields); i++) {
		_cleanup_(text_free) struct text mode = {0};

		spell_mode(&mode, body_get(spec, fields[i][0]));
		judge_namespace(judging, fields[i][1], text_since(&mode, 0));
	}
}

static void judge_spec_rules(struct judging *judging, const struct value *rules)
{
	EACH (one, rules)
		if (body_true(one, "allow"))
			ADD(judging, FINDING_DEVICE, SEVERITY_NONE, "device rule %.*s, access %.*s",
			    PRINTED(body_string(one, "type")), PRINTED(body_string(one, "access")));
}

static void judge_spec_devices(struct judging *judging, const struct value *spec)
{
	static const char *const lists[] = {"devices", "host_device_list"};

	for (size_t i = 0; i < COUNT(lists); i++)
		EACH (one, body_get(spec, lists[i]))
			ADD(judging, FINDING_DEVICE, SEVERITY_NONE, "device %.*s",
			    PRINTED(body_string(one, "path")));
	EACH (one, body_get(spec, "pod_devices"))
		ADD(judging, FINDING_DEVICE, SEVERITY_NONE, "device %.*s", PRINTED(one->string));
	judge_spec_rules(judging, body_get(spec, "device_cgroup_rule"));
	judge_spec_rules(judging, body_get(body_get(spec, "resource_limits"), "devices"));
	EACH (one, body_get(spec, "devices_from"))
		ADD(judging, FINDING_DEVICE, SEVERITY_NONE, "devices of container %.*s",
		    PRINTED(one->string));
}

static void judge_spec_security(struct judging *judging, const struct value *spec)
{
	static const char *const policies[] = {"", "default", "empty", "image"};
	struct bytes profile = body_string(spec, "seccomp_profile_path");
	struct bytes policy = body_string(spec, "seccomp_policy");

	judge_capabilities(judging, body_get(spec, "cap_add"));
	EACH (one, body_get(spec, "selinux_opts"))
		judge_security_setting(judging, "label=", one->string);
	EACH (one, body_get(spec, "unmask"))
		judge_security_setting(judging, "unmask=", one->string);
	judge_security_setting(judging, "apparmor=", body_string(spec, "apparmor_profile"));
	if (profile.size)
		judge_security_setting(judging, "seccomp=", profile);
	if (!bytes_are_any(policy, policies, COUNT(policies)))
		judge_not_judged(judging, SEVERITY_NONE, "seccomp_policy", policy);
}

static void judge_spec_rest(struct judging *judging, const struct value *spec)
{
	static const char *const cgroups[] = {"",	  "default",   "enabled",
					      "disabled", "no-conmon", "split"};
	const struct value *log = body_get(spec, "log_configuration");
	struct bytes mode = body_string(spec, "cgroups_mode");
	struct bytes log_file = body_string(log, "path");

	judge_annotations(judging, body_get(spec, "annotations"));
	judge_log(judging, body_string(log, "driver"), body_get(log, "options"));
	/* The engine writes it, as root. */
	if (log_file.size)
		judge_not_judged(judging, SEVERITY_NONE, "log_configuration.path", log_file);
	if (!bytes_are_any(mode, cgroups, COUNT(cgroups)))
		judge_not_judged(judging, SEVERITY_NONE, "cgroups_mode", mode);
}

/* What a container and a pod have in common. PID_FILE is the field of a file that the engine writes, as root. */
static void judge_spec_common(struct judging *judging, const struct value *spec,
			      const char *pid_file)
{
	struct bytes path = body_string(spec, pid_file);

	judge_spec_storage(judging, spec);
	judge_spec_namespaces(judging, spec);
	judge_spec_devices(judging, spec);
	judge_other_runtime(judging, body_string(spec, "oci_runtime"),
			    body_string(spec, "cgroup_parent"), body_get(spec, "sysctl"));
	if (path.size)
		judge_not_judged(judging, SEVERITY_NONE, pid_file, path);
}

void judge_spec(struct judging *judging)
{
	const struct value *spec = judging->body;
	struct bytes pod = body_string(spec, "pod");

	if (body_true(spec, "privileged"))
		ADD(judging, FINDING_PRIVILEGED, SEVERITY_NONE, "runs privileged");
	judge_spec_common(judging, spec, "conmon_pid_file");
	if (pod.size)
		ADD(judging, FINDING_JOIN_CONTAINER_NAMESPACE, SEVERITY_NONE,
		    "namespaces of pod %.*s, which is not looked at", PRINTED(pod));
	judge_spec_security(judging, spec);
	judge_spec_rest(judging, spec);
	facts_spec(judging->verdict, spec);
}

/* Its containers share what it has. */
void judge_pod(struct judging *judging)
{
	judge_spec_common(judging, judging->body, "infra_conmon_pid_file");
	EACH (one, body_get(judging->body, "security_opt"))
		judge_security_option(judging, one->string);
	facts_pod(judging->verdict, judging->body);
}

void judge_limits(struct judging *judging)
{
	judge_spec_rules(judging, body_get(judging->body, "devices"));
	facts_limits(judging->verdict, judging->body);
}

bool judge_spec_mount_matters(void *data, const struct value *element)
{
	return is_spec_bind(element) ||
	       !bytes_are_any(body_string(element, "type"), of_memory, COUNT(of_memory));
}
