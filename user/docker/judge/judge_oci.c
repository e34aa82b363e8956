// SPDX-License-Identifier: Apache-2.0
/*
 * A container as its runtime is told of it: by the calls of containerd, which bring the OCI's specification along. What differs
 * from what Docker is asked for: what is absent is not a default of the engine's but nothing at all, so that a namespace which
 * is not named is the host's, and a profile that is not there protects from nothing. By Kubernetes' interface containerd is asked for
 * pods and containers, and makes such a specification itself.
 */
#include "base/bytes.h"
#include "base/percent.h"
#include "docker/judge/facts.h"
#include "docker/judge/judge_inside.h"
#include "json/gofold.h"

/* --- mounts ----------------------------------------------------------------------------------- */

/* OPTIONS are parted by commas. */
struct oci_mount {
	struct bytes type, source, destination, options;
	bool rootfs; /* it is the root of a container: a directory that an engine made for it is usual */
};

static bool has_word(struct bytes words, const char *wanted)
{
	struct bytes word;

	while (bytes_take(&words, ',', &word))
		if (bytes_are(word, wanted))
			return true;
	return false;
}

static bool judge_oci_has(struct bytes path, const char *part)
{
	return path.size && memmem(path.data, path.size, part, strlen(part));
}

/* Whether PATH, clean, is below where containerd's snapshotters keep that of one container, not of all. */
static bool is_of_containerds(struct bytes path)
{
	static const char *const kinds[] = {"/snapshots/", "/active/", "/view/"};
	const char store[] = "/io.containerd.snapshotter.v1.";
	const char *at = path.size ? memmem(path.data, path.size, store, strlen(store)) : NULL;
	bool below = false;

	for (size_t i = 0; i < COUNT(kinds) && at; i++)
		below |= judge_oci_has(bytes_from(path, (size_t)(at - path.data)), kinds[i]);
	return below;
}

/* Whether PATH, clean, is where a snapshotter, or a storage driver of Docker's, keeps what one container has. */
static bool is_of_snapshotter(struct bytes path)
{
	return is_of_containerds(path) || judge_oci_has(path, "/overlay2/") ||
	       judge_oci_has(path, "/rootfs/overlayfs/") || judge_oci_has(path, "/vfs/dir/") ||
	       (bytes_begin(path, "/dev/mapper/") && judge_oci_has(path, "-snap-"));
}

static void judge_rootfs_place(struct judging *judging, const struct place *place)
{
	_cleanup_(text_free) struct text text = {0};
	struct host_source source;

	host_paths_judge(place->source, place->read_only, judging->files, &text, &source);
	if (!is_of_snapshotter(source.resolved.data ? source.resolved : source.cleaned) ||
	    source.severity == SEVERITY_NONE)
		judge_place(judging, place);
}

static void judge_oci_place(struct judging *judging, const struct oci_mount *mount,
			    struct bytes source, bool read_only)
{
	struct place place = {source, mount->destination, read_only, ""};

	if (mount->rootfs)
		judge_rootfs_place(judging, &place);
	else
		judge_place(judging, &place);
}

/* Of words that say the opposite the last one counts, whose place is no matter here. */
static bool is_read_only(struct bytes options)
{
	return (has_word(options, "ro") || has_word(options, "rro")) && !has_word(options, "rw") &&
	       !has_word(options, "rrw");
}

/* A path that does not begin with a slash is taken from the root by containerd, which works there, and by the runtime from the
 * directory that it has for the container. */
static void judge_bound(struct judging *judging, const struct oci_mount *mount)
{
	judge_oci_place(judging, mount, mount->source, is_read_only(mount->options));
	if (!bytes_begin(mount->source, "/"))
		judge_not_judged(judging, SEVERITY_HIGH, "mounts.source", mount->source);
}

/* OPTION of an overlay, if it is NAME with directories. */
static bool judge_layer(struct judging *judging, const struct oci_mount *mount, struct bytes option,
			const char *name, bool read_only)
{
	struct bytes rest, layer;

	if (!bytes_begin(option, name))
		return false;
	rest = bytes_from(option, strlen(name));
	while (bytes_take(&rest, ':', &layer))
		if (layer.size)
			judge_oci_place(judging, mount, layer, read_only);
	return true;
}

/* The directories that an overlay is made of. The kernel parts the options at commas; containerd, which unpacks layers into the
 * upper one itself, does not: what stands behind a comma may be more of its path. */
static void judge_oci_layers(struct judging *judging, const struct oci_mount *mount)
{
	static const char *const names[] = {
		"lowerdir=", "upperdir=", "workdir=", "lowerdir+=", "datadir+="};
	struct bytes options = mount->options, option;

	while (bytes_take(&options, ',', &option)) {
		bool named = false;

		for (size_t i = 0; i < COUNT(names); i++)
			named |= judge_layer(judging, mount, option, names[i], i != 1 && i != 2);
		if (named || !judge_oci_has(option, "/"))
			continue;
		judge_oci_place(judging, mount, option, false);
		judge_not_judged(judging, SEVERITY_HIGH, "mounts.options", option);
	}
}

/* A file system of the kernel's own, or of a device; what is in it the host has at a path. */
static void judge_file_system(struct judging *judging, const struct oci_mount *mount)
{
	_cleanup_(text_free) struct text path = {0};
	bool read_only = has_word(mount->options, "ro") && is_read_only(mount->options);

	if (!volumes_is_known(mount->type, mount->source, mount->options))
		judge_not_judged(judging, SEVERITY_HIGH, "mounts.type", mount->type);
	if (volumes_host_path(mount->type, mount->source, mount->options, judging->files, &path))
		judge_oci_place(judging, mount, text_since(&path, 0), read_only);
}

/* Whether a container has it of its own, or cannot write to it. */
static bool is_usual_file_system(const struct oci_mount *mount)
{
	static const char *const own[] = {"devpts", "mqueue", "proc", "ramfs", "tmpfs"};
	static const char *const hosts[] = {"cgroup", "cgroup2", "sysfs"};

	return bytes_are_any(mount->type, own, COUNT(own)) ||
	       (bytes_are_any(mount->type, hosts, COUNT(hosts)) && has_word(mount->options, "ro") &&
		is_read_only(mount->options));
}

/* The kernel takes no notice of the type of what is bound, containerd's own work in the layers does. */
static void judge_oci_mount(struct judging *judging, const struct oci_mount *mount)
{
	bool bound = bytes_are(mount->type, "bind") || has_word(mount->options, "bind") ||
		     has_word(mount->options, "rbind");
	bool overlay = bytes_are(mount->type, "overlay");

	if (bound)
		judge_bound(judging, mount);
	if (overlay)
		judge_oci_layers(judging, mount);
	if (bound && bytes_are(mount->type, "aufs"))
		judge_not_judged(judging, SEVERITY_HIGH, "mounts.type", mount->type);
	if (bound || overlay)
		return;
	if (mount->rootfs || !is_usual_file_system(mount))
		judge_file_system(judging, mount);
}

static void judge_oci_mounts(struct judging *judging, const struct value *mounts)
{
	EACH (one, mounts) {
		_cleanup_(text_free) struct text options = {0};

		EACH (option, body_get(one, "options")) {
			if (options.size)
				text_add_char(&options, ',');
			text_add_bytes(&options, option->string);
		}
		if (options.error)
			judge_not_judged(judging, SEVERITY_HIGH, "mounts.options",
					 body_string(one, "destination"));
		judge_oci_mount(judging, &(struct oci_mount){body_string(one, "type"),
							     body_string(one, "source"),
							     body_string(one, "destination"),
							     text_since(&options, 0)});
	}
}

bool judge_oci_mount_matters(void *data, const struct value *element)
{
	static const char *const own[] = {"devpts", "mqueue", "proc", "ramfs", "tmpfs"};

	return !bytes_are_any(body_string(element, "type"), own, COUNT(own)) ||
	       body_get(element, "options");
}

static void judge_root(struct judging *judging, const struct value *root)
{
	struct bytes path = body_string(root, "path");
	struct oci_mount mount = {.source = path, .destination = bytes_of("/"), .rootfs = true};

	/* It is the directory that containerd makes for it. */
	if (!path.size || bytes_are(path, "rootfs"))
		return;
	if (body_true(root, "readonly"))
		mount.options = bytes_of("ro");
	judge_bound(judging, &mount);
}

/* --- namespaces, devices, capabilities ---------------------------------------------------------- */

static const struct value *find_namespace(const struct value *namespaces, const char *type)
{
	EACH (one, namespaces)
		if (bytes_are(body_string(one, "type"), type))
			return one;
	return NULL;
}

/* A network namespace that has a name of its own is one of a container, or made on purpose. */
static bool is_named_network(const char *type, struct bytes path)
{
	static const char *const places[] = {"/run/netns/", "/var/run/netns/", "/run/docker/netns/",
					     "/var/run/docker/netns/"};
	bool named = false;

	for (size_t i = 0; i < COUNT(places) && !strcmp(type, "network"); i++)
		named |= bytes_begin(path, places[i]);
	return named && !judge_oci_has(path, "..");
}

static void judge_oci_namespaces(struct judging *judging, const struct value *namespaces)
{
	static const struct {
		const char *type, *field, *what;
		enum finding_id host; /* what it is not to have one of its own; NONE: it is usual */
		enum finding_severity severity;
	} kinds[] = {
		{"pid", "PidMode", "PID namespace", FINDING_HOST_PID, SEVERITY_NONE},
		{"network", "NetworkMode", "network namespace", FINDING_HOST_NETWORK,
		 SEVERITY_NONE},
		{"ipc", "IpcMode", "IPC namespace", FINDING_HOST_IPC, SEVERITY_NONE},
		{"uts", "UTSMode", "UTS namespace", FINDING_HOST_UTS, SEVERITY_NONE},
		/* Engines leave it out themselves, where there are cgroups of version 1. */
		{"cgroup", "CgroupnsMode", "cgroup namespace", FINDING_HOST_CGROUPNS, SEVERITY_LOW},
		{"mount", "mount", "mount namespace", FINDING_HOST_ROOT_MOUNT, SEVERITY_NONE},
		{"user", "UsernsMode", "user namespace", FINDING_NONE, SEVERITY_NONE},
	};

	for (size_t i = 0; i < COUNT(kinds); i++) {
		const struct value *namespace = find_namespace(namespaces, kinds[i].type);
		struct bytes path = body_string(namespace, "path");
		_cleanup_(text_free) struct text mode = {0};

		if (!namespace && kinds[i].host) {
			ADD(judging, kinds[i].host, kinds[i].severity, "the host's %s",
			    kinds[i].what);
		} else if (is_named_network(kinds[i].type, path)) {
			ADD(judging, FINDING_JOIN_CONTAINER_NAMESPACE, SEVERITY_NONE, "%s %.*s",
			    kinds[i].what, PRINTED(path));
		} else if (path.size) {
			text_add_string(&mode, "ns:");
			text_add_bytes(&mode, path);
			judge_other_mode(judging, kinds[i].field, kinds[i].what, kinds[i].host,
					 text_since(&mode, 0));
		}
	}
}

static int64_t oci_number(const struct value *value, const char *name)
{
	const struct value *number = body_get(value, name);

	return number && !number->is_nil ? number->number : -1;
}

/* What every container has: null, zero, full, tty, random, urandom, console, ptmx, terminals. */
static bool is_usual_device(struct bytes type, int64_t major, int64_t minor)
{
	if (!bytes_are(type, "c"))
		return false;
	return (major == 1 &&
		(minor == 3 || minor == 5 || minor == 7 || minor == 8 || minor == 9)) ||
	       (major == 5 && minor >= 0 && minor <= 2) || major == 136;
}

static bool is_usual_rule(const struct value *rule)
{
	/* To make a node is not to use it. */
	return !body_true(rule, "allow") || bytes_are(body_string(rule, "access"), "m") ||
	       is_usual_device(body_string(rule, "type"), oci_number(rule, "major"),
			       oci_number(rule, "minor"));
}

bool judge_oci_rule_matters(void *data, const struct value *element)
{
	return !is_usual_rule(element);
}

/* The rule allows all devices. */
static bool is_open_rule(const struct value *rule)
{
	struct bytes type = body_string(rule, "type");

	return body_true(rule, "allow") && (!type.size || bytes_are(type, "a")) &&
	       oci_number(rule, "major") < 0 && oci_number(rule, "minor") < 0;
}

static bool judge_rules(struct judging *judging, const struct value *rules)
{
	bool open = false;

	EACH (one, rules) {
		struct bytes type = body_string(one, "type"), access = body_string(one, "access");

		if (is_usual_rule(one))
			continue;
		open |= is_open_rule(one);
		if (is_open_rule(one))
			ADD(judging, FINDING_DEVICE, SEVERITY_NONE,
			    "device rule for all devices, access %.*s", PRINTED(access));
		else
			ADD(judging, FINDING_DEVICE, SEVERITY_NONE,
			    "device rule %.*s %lld:%lld, access %.*s", PRINTED(type),
			    (long long)oci_number(one, "major"),
			    (long long)oci_number(one, "minor"), PRINTED(access));
	}
	return open;
}

static void judge_oci_devices(struct judging *judging, const struct value *devices)
{
	EACH (one, devices)
		if (!is_usual_device(body_string(one, "type"), oci_number(one, "major"),
				     oci_number(one, "minor")))
			ADD(judging, FINDING_DEVICE, SEVERITY_NONE, "device %.*s",
			    PRINTED(body_string(one, "path")));
}

bool judge_oci_capability_matters(void *data, const struct value *element)
{
	return judge_capability_severity(element->string) > SEVERITY_LOW;
}

static bool has_capability(const struct value *list, const char *wanted)
{
	EACH (one, list)
		if (bytes_are(one->string, wanted))
			return true;
	return false;
}

/* Whether it has whatever opens the host by itself. */
static bool has_all(const struct value *capabilities)
{
	static const char *const all[] = {"CAP_SYS_ADMIN", "CAP_SYS_MODULE", "CAP_SYS_PTRACE",
					  "CAP_SYS_RAWIO", "CAP_DAC_READ_SEARCH"};
	const struct value *list = body_get(capabilities, "bounding");
	bool has = true;

	for (size_t i = 0; i < COUNT(all); i++)
		has &= has_capability(list, all[i]);
	return has;
}

static enum finding_severity judge_capability_sets(struct judging *judging, enum finding_id id,
						   const struct value *sets)
{
	enum finding_severity worst = SEVERITY_NONE;

	EACH (set, sets)
		EACH (one, set) {
			enum finding_severity severity = judge_capability_severity(one->string);
			struct bytes bare = one->string;

			if (severity <= SEVERITY_LOW || !bare.size)
				continue;
			if (bytes_begin(bare, "CAP_"))
				bare = bytes_from(bare, strlen("CAP_"));
			if (severity > worst)
				worst = severity;
			ADD(judging, id, severity, "capability %.*s", PRINTED(bare));
		}
	return worst;
}

/* --- protections -------------------------------------------------------------------------------- */

static void judge_oci_seccomp(struct judging *judging, const struct value *seccomp)
{
	static const char *const denying[] = {"SCMP_ACT_ERRNO", "SCMP_ACT_KILL",
					      "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD",
					      "SCMP_ACT_TRAP"};

	if (!seccomp)
		ADD(judging, FINDING_SECURITY_DISABLED, SEVERITY_NONE, "no seccomp profile");
	else if (!bytes_are_any(body_string(seccomp, "defaultAction"), denying, COUNT(denying)))
		ADD(judging, FINDING_SECURITY_DISABLED, SEVERITY_NONE,
		    "seccomp profile that may allow everything");
}

static void judge_labels(struct judging *judging, const struct value *process)
{
	static const char *const usual[] = {"cri-containerd.apparmor.d", "nerdctl-default"};
	struct bytes apparmor = body_string(process, "apparmorProfile");
	struct bytes rest = body_string(process, "selinuxLabel"), type = {0};

	if (apparmor.size && !bytes_are_any(apparmor, usual, COUNT(usual)))
		judge_security_setting(judging, "apparmor=", apparmor);
	for (int i = 0; i < 3 && rest.data; i++) /* USER:ROLE:TYPE:LEVEL */
		bytes_take(&rest, ':', &type);
	if (bytes_are(type, "spc_t") || bytes_are(type, "unconfined_t"))
		judge_security_setting(judging, "label=type:", type);
}

/* --- what runs on the host ---------------------------------------------------------------------- */

static void judge_hooks(struct judging *judging, const struct value *hooks)
{
	EACH (stage, hooks)
		EACH (one, stage) {
			_cleanup_(text_free) struct text command = {0};
			/* These run within the container. */
			bool inside = !strcmp(stage->name, "startContainer");

			facts_spell_hook(&command, one);
			ADD(judging, FINDING_OCI_HOOK, inside ? SEVERITY_LOW : SEVERITY_NONE,
			    "%s runs %.*s", stage->name, PRINTED(text_since(&command, 0)));
		}
}

/* Whether PROGRAM is runc where distributions have it: only root can write there. */
static bool is_runc(struct bytes program)
{
	static const char *const usual[] = {"runc", "/usr/bin/runc", "/usr/sbin/runc",
					    "/usr/local/bin/runc", "/usr/local/sbin/runc"};

	return bytes_are_any(program, usual, COUNT(usual));
}

static void judge_program(struct judging *judging, const char *what, struct bytes program)
{
	if (!program.size || is_runc(program))
		return;
	if (memchr(program.data, '/', program.size))
		ADD(judging, FINDING_RUNTIME_BINARY, SEVERITY_NONE, "%s %.*s", what,
		    PRINTED(program));
	else /* one of those in the engine's own search path */
		ADD(judging, FINDING_OTHER_RUNTIME, SEVERITY_NONE, "%s %.*s", what,
		    PRINTED(program));
}

/* Where runc and the program for checkpoints keep and read what is theirs, as root. */
static void judge_runtime_place(struct judging *judging, const char *what, struct bytes path)
{
	static const char *const usual[] = {"/run/docker/", "/var/run/docker/", "/run/containerd/"};
	bool below = false;

	for (size_t i = 0; i < COUNT(usual); i++)
		below |= bytes_begin(path, usual[i]);
	if (path.size && (!below || judge_oci_has(path, "..")))
		judge_not_judged(judging, SEVERITY_HIGH, what, path);
}

static void judge_runtime_of(struct judging *judging)
{
	static const char *const usual[] = {"", "io.containerd.runc.v1", "io.containerd.runc.v2",
					    "runc", "io.containerd.runtime.v1.linux"};
	const struct containerd *containerd = judging->containerd;
	struct bytes runtime = containerd_text(containerd, CONTAINERD_RUNTIME);
	struct bytes options = containerd_text(containerd, CONTAINERD_OPTIONS);

	if (runtime.size && !bytes_are_any(runtime, usual, COUNT(usual)))
		judge_program(judging, "runtime", runtime);
	judge_program(judging, "runtime path",
		      containerd_text(containerd, CONTAINERD_RUNTIME_PATH));
	judge_program(judging, "runtime's program", containerd_text(containerd, CONTAINERD_BINARY));
	judge_program(judging, "runtime's program for checkpoints",
		      containerd_text(containerd, CONTAINERD_CRIU));
	judge_runtime_place(judging, "runtime's root",
			    containerd_text(containerd, CONTAINERD_RUNTIME_ROOT));
	judge_runtime_place(judging, "images of checkpoints",
			    containerd_text(containerd, CONTAINERD_CRIU_IMAGES));
	judge_runtime_place(judging, "work on checkpoints",
			    containerd_text(containerd, CONTAINERD_CRIU_WORK));
	if (!judge_oci_has(options, "RuncOptions"))
		return;
	judge_program(judging, "runtime's program",
		      containerd_text(containerd, CONTAINERD_OLD_BINARY));
	judge_program(judging, "runtime's program for checkpoints",
		      containerd_text(containerd, CONTAINERD_OLD_CRIU));
	judge_runtime_place(judging, "runtime's root",
			    containerd_text(containerd, CONTAINERD_OLD_ROOT));
}

/* The scheme that STREAM begins with; empty: it is a path. */
static struct bytes stream_scheme(struct bytes stream)
{
	struct bytes rest = stream, scheme = {0};

	if (!bytes_take(&rest, ':', &scheme) || !rest.data || judge_oci_has(scheme, "/"))
		return (struct bytes){0};
	return scheme;
}

/* Adds the path that Go's url.Parse has of the URL whose scheme and colon stand before REST. */
static void add_path_of_url(struct text *path, struct bytes rest)
{
	struct bytes piece, authority;

	bytes_take(&rest, '#', &piece);
	rest = piece;
	bytes_take(&rest, '?', &piece);
	if (bytes_begin(piece, "//")) {
		piece = bytes_from(piece, strlen("//"));
		bytes_take(&piece, '/', &authority);
		text_add_char(path, '/');
	}
	percent_decode(path, piece, false);
}

/* Whether a stream at PATH is where engines have theirs. */
static bool is_usual_stream(struct bytes path)
{
	static const char *const own[] = {"/run/containerd/", "/run/docker/containerd/",
					  "/var/run/docker/containerd/"};
	bool below = false;

	for (size_t i = 0; i < COUNT(own); i++)
		below |= bytes_begin(path, own[i]);
	return below && !judge_oci_has(path, "..");
}

/* Where input and output go: FIFOs of the client's, which nobody else reads; a program that the runtime starts, or a file that it
 * writes, as root. The runtime takes a scheme in any case. */
static void judge_stream(struct judging *judging, struct bytes stream)
{
	_cleanup_(text_free) struct text text = {0}, decoded = {0};
	struct bytes scheme = stream_scheme(stream), path = stream;
	bool file = gofold_is(scheme, "file", GOFOLD_LOWER);
	struct host_source source;

	if (scheme.size && !file && !gofold_is(scheme, "fifo", GOFOLD_LOWER)) {
		ADD(judging, FINDING_RUNTIME_BINARY, SEVERITY_NONE,
		    "a program for the output: %.*s", PRINTED(stream));
		return;
	}
	if (scheme.size)
		add_path_of_url(&decoded, bytes_from(stream, scheme.size + 1));
	if (decoded.error)
		judge_not_judged(judging, SEVERITY_HIGH, "input or output", stream);
	if (scheme.size)
		path = text_since(&decoded, 0);
	if (is_usual_stream(path))
		return;
	host_paths_judge(path, false, judging->files, &text, &source);
	if (source.severity != SEVERITY_NONE)
		ADD(judging, FINDING_LOG_DESTINATION, source.severity, "input or output: %.*s: %s",
		    PRINTED(path), source.reason ?: "");
	else if (file)
		ADD(judging, FINDING_LOG_DESTINATION, SEVERITY_HIGH, "the runtime writes to %.*s",
		    PRINTED(path));
}

/* Mounts are what is at DESTINATION. */
static void judge_containerd_items(struct judging *judging, const char *destination)
{
	for (const struct containerd_item *one = containerd_items(judging->containerd); one;
	     one = one->next) {
		struct oci_mount mount = {one->text, one->source, bytes_of(destination),
					  one->options, true};

		if (one->kind == CONTAINERD_STREAM)
			judge_stream(judging, one->text);
		if (one->kind == CONTAINERD_MOUNT)
			judge_oci_mount(judging, &mount);
	}
}

/* --- containers ----------------------------------------------------------------------------------- */

/* Whether a cgroup called NAME looks like that of a unit of systemd's: whoever is in it could be taken for the unit. */
static bool is_called_unit(struct bytes name)
{
	static const char *const types[] = {".service", ".scope", ".slice"};
	bool is_unit = false;

	for (size_t i = 0; i < COUNT(types); i++)
		is_unit |= name.size >= strlen(types[i]) &&
			   bytes_are(bytes_from(name, name.size - strlen(types[i])), types[i]);
	return is_unit;
}

/* Docker's, containerd's and nerdctl's usual ones are named after the container. */
static bool is_usual_cgroup(const struct judging *judging, struct bytes path)
{
	struct bytes id = containerd_text(judging->containerd, CONTAINERD_ID);
	struct bytes parent = path;
	static const char *const slices[] = {
		"system.slice:docker:", "system.slice:nerdctl:", "user.slice:nerdctl:", "/docker/"};

	if (is_called_unit(id) || is_called_unit(judging->namespace))
		return false;
	if (!path.size)
		return true;
	if (!id.size || path.size <= id.size ||
	    memcmp(path.data + path.size - id.size, id.data, id.size) != 0)
		return false;
	parent.size -= id.size;
	return bytes_are_any(parent, slices, COUNT(slices)) ||
	       (parent.size == judging->namespace.size + 2 && *parent.data == '/' &&
		parent.data[parent.size - 1] == '/' &&
		!memcmp(parent.data + 1, judging->namespace.data, judging->namespace.size));
}

static void judge_linux(struct judging *judging, const struct value *part)
{
	struct bytes cgroup = body_string(part, "cgroupsPath"), other = {0};

	/* Without a path the runtime names it after the container. */
	if (!is_usual_cgroup(judging, cgroup))
		other = cgroup.size ? cgroup : containerd_text(judging->containerd, CONTAINERD_ID);
	judge_oci_namespaces(judging, body_get(part, "namespaces"));
	judge_oci_devices(judging, body_get(part, "devices"));
	judge_oci_seccomp(judging, body_get(part, "seccomp"));
	judge_open_paths(judging, "maskedPaths", true, body_get(part, "maskedPaths"), NULL);
	judge_open_paths(judging, "readonlyPaths", false, body_get(part, "readonlyPaths"),
			 body_get(part, "maskedPaths"));
	judge_other_runtime(judging, (struct bytes){0}, other, body_get(part, "sysctl"));
}

static void judge_oci(struct judging *judging, const struct value *spec)
{
	const struct value *process = body_get(spec, "process");
	const struct value *part = body_get(spec, "linux");
	const struct value *capabilities = body_get(process, "capabilities");
	bool open = judge_rules(judging, body_get(body_get(part, "resources"), "devices"));

	if (open && has_all(capabilities))
		ADD(judging, FINDING_PRIVILEGED, SEVERITY_NONE, "has all capabilities and devices");
	judge_capability_sets(judging, FINDING_CAP_ADD, capabilities);
	judge_root(judging, body_get(spec, "root"));
	judge_oci_mounts(judging, body_get(spec, "mounts"));
	judge_labels(judging, process);
	judge_hooks(judging, body_get(spec, "hooks"));
	judge_annotations(judging, body_get(spec, "annotations"));
	judge_linux(judging, part);
}

/* The specification, where there is one. */
static void judge_specified(struct judging *judging)
{
	struct bytes type = containerd_text(judging->containerd, CONTAINERD_SPEC);

	if (!judging->body)
		return;
	if (!judge_oci_has(type, "opencontainers/runtime-spec/1/"))
		judge_not_judged(judging, SEVERITY_NONE, "spec", type);
	judge_oci(judging, judging->body);
	facts_oci(judging->verdict, judging->body);
}

void judge_oci_create(struct judging *judging)
{
	if (!judging->containerd)
		return;
	judge_runtime_of(judging);
	facts_containerd(judging->verdict, judging->containerd);
	judge_specified(judging);
}

void judge_oci_run(struct judging *judging)
{
	if (!judging->containerd)
		return;
	judge_runtime_of(judging);
	judge_containerd_items(judging, "/");
	facts_containerd(judging->verdict, judging->containerd);
	judge_specified(judging);
}

/* A process has the capabilities that its caller gives it, whatever the container has. */
void judge_oci_exec(struct judging *judging)
{
	const struct value *capabilities = body_get(judging->body, "capabilities");

	if (!judging->containerd)
		return;
	judge_containerd_items(judging, "");
	facts_containerd(judging->verdict, judging->containerd);
	if (has_all(capabilities))
		ADD(judging, FINDING_EXEC_PRIVILEGED, SEVERITY_NONE,
		    "a process with all capabilities");
	judge_capability_sets(judging, FINDING_CAP_ADD, capabilities);
	judge_labels(judging, judging->body);
	facts_oci_process(judging->verdict, judging->body);
}

void judge_oci_update(struct judging *judging)
{
	judge_rules(judging, body_get(judging->body, "devices"));
}

/* containerd itself mounts them, and reads or writes what is there. */
void judge_oci_mounted(struct judging *judging)
{
	if (judging->containerd)
		judge_containerd_items(judging, "");
}

/* --- Kubernetes' interface to runtimes (CRI), by the reading of containerd ------------------------ */

enum { MODE_NODE = 2, MODE_TARGET = 3, PROFILE_NONE = 1, PROFILE_FILE = 2 };

void judge_list_items(const struct containerd *containerd, enum containerd_kind kind,
		      struct judge_items *ret)
{
	struct value *list = &ret->list;

	*list = (struct value){0};
	for (const struct containerd_item *one = containerd_items(containerd);
	     one && list->count < JUDGE_ITEMS_MAX; one = one->next) {
		struct value *element = &ret->elements[list->count];

		if (one->kind != kind)
			continue;
		*element = (struct value){.string = one->text, .key = one->text};
		if (list->count++)
			element[-1].next = element;
		else
			list->first = element;
	}
}

static void judge_cri_namespaces(struct judging *judging)
{
	static const struct {
		enum containerd_number number;
		const char *field;
	} modes[] = {{CONTAINERD_NETWORK_MODE, "NetworkMode"},
		     {CONTAINERD_PID_MODE, "PidMode"},
		     {CONTAINERD_IPC_MODE, "IpcMode"}};
	struct bytes target = containerd_text(judging->containerd, CONTAINERD_TARGET);

	for (size_t i = 0; i < COUNT(modes); i++) {
		uint64_t mode = containerd_number(judging->containerd, modes[i].number);

		if (mode == MODE_NODE)
			judge_namespace(judging, modes[i].field, bytes_of("host"));
		else if (mode == MODE_TARGET)
			ADD(judging, FINDING_JOIN_CONTAINER_NAMESPACE, SEVERITY_NONE,
			    "%s of container %.*s", modes[i].field, PRINTED(target));
		else if (mode > MODE_TARGET)
			judge_not_judged(judging, SEVERITY_HIGH, modes[i].field, target);
	}
}

/* Without any, containerd takes none, unless its configuration has one. */
static void judge_cri_seccomp(struct judging *judging)
{
	const struct containerd *containerd = judging->containerd;
	struct bytes path = containerd_text(containerd, CONTAINERD_SECCOMP_PATH);
	uint64_t profile = containerd_number(containerd, CONTAINERD_SECCOMP);

	if (containerd_number(containerd, CONTAINERD_SECCOMP_SAID)) {
		if (profile == PROFILE_NONE)
			judge_security_setting(judging, "seccomp=", bytes_of("unconfined"));
		else if (profile)
			ADD(judging, FINDING_SECURITY_DISABLED, SEVERITY_MEDIUM,
			    "seccomp profile of the caller's own");
		return;
	}
	if (!path.size)
		ADD(judging, FINDING_SECURITY_DISABLED, SEVERITY_NONE, "no seccomp profile");
	else if (!bytes_are(path, "runtime/default") && !bytes_are(path, "docker/default"))
		judge_security_setting(judging, "seccomp=", path);
}

static void judge_cri_labels(struct judging *judging)
{
	const struct containerd *containerd = judging->containerd;
	struct bytes name = containerd_text(containerd, CONTAINERD_APPARMOR_NAME);
	struct bytes type = containerd_text(containerd, CONTAINERD_LABEL_TYPE);
	uint64_t profile = containerd_number(containerd, CONTAINERD_APPARMOR);

	if (profile == PROFILE_NONE || bytes_are(name, "unconfined"))
		judge_security_setting(judging, "apparmor=", bytes_of("unconfined"));
	else if (profile || bytes_begin(name, "localhost/"))
		ADD(judging, FINDING_SECURITY_DISABLED, SEVERITY_MEDIUM,
		    "AppArmor profile of the caller's own");
	if (type.size)
		judge_security_setting(judging, "label=type:", type);
}

static void judge_cri_paths(struct judging *judging)
{
	struct judge_items masked, read_only;

	judge_list_items(judging->containerd, CONTAINERD_MASKED, &masked);
	judge_list_items(judging->containerd, CONTAINERD_READ_ONLY, &read_only);
	judge_open_paths(judging, "masked_paths", true, &masked.list, NULL);
	judge_open_paths(judging, "readonly_paths", false, &read_only.list, &masked.list);
}

static void judge_cri_items(struct judging *judging)
{
	for (const struct containerd_item *one = containerd_items(judging->containerd); one;
	     one = one->next) {
		if (one->kind == CONTAINERD_MOUNT)
			judge_place(judging,
				    &(struct place){one->source, one->target, one->read_only, ""});
		else if (one->kind == CONTAINERD_DEVICE)
			ADD(judging, FINDING_DEVICE, SEVERITY_NONE, "device %.*s, access %.*s",
			    PRINTED(one->source), PRINTED(one->text));
		else if (one->kind == CONTAINERD_CDI)
			ADD(judging, FINDING_DEVICE, SEVERITY_NONE, "devices: %.*s",
			    PRINTED(one->text));
	}
}

/* Kubernetes' own say nothing to a runtime. */
static void judge_cri_annotations(struct judging *judging)
{
	struct judge_items items;

	judge_list_items(judging->containerd, CONTAINERD_ANNOTATION, &items);
	for (struct value *one = items.list.first; one; one = one->next)
		if (bytes_begin(one->key, "io.kubernetes.") ||
		    bytes_begin(one->key, "kubernetes.io/"))
			one->key = (struct bytes){0};
	judge_annotations(judging, &items.list);
}

/* containerd writes the log there, as root. */
static void judge_cri_log(struct judging *judging)
{
	struct bytes directory = containerd_text(judging->containerd, CONTAINERD_LOG_DIRECTORY);
	struct bytes file = containerd_text(judging->containerd, CONTAINERD_LOG_PATH);
	_cleanup_(text_free) struct text path = {0}, text = {0}, clean = {0};
	struct host_source source;

	if (!directory.size || !file.size)
		return;
	text_add_bytes(&path, directory);
	text_add_char(&path, '/');
	text_add_bytes(&path, file);
	host_paths_clean(&clean, text_since(&path, 0));
	if (bytes_begin(text_since(&clean, 0), "/var/log/pods/"))
		return;
	host_paths_judge(text_since(&path, 0), false, judging->files, &text, &source);
	if (source.severity != SEVERITY_NONE)
		ADD(judging, FINDING_LOG_DESTINATION, source.severity, "the log: %.*s: %s",
		    PRINTED(text_since(&clean, 0)), source.reason ?: "");
}

static void judge_cri(struct judging *judging)
{
	const struct containerd *containerd = judging->containerd;
	struct bytes parent = containerd_text(containerd, CONTAINERD_CGROUP_PARENT);
	struct judge_items sysctls, capabilities;

	if (containerd_number(containerd, CONTAINERD_PRIVILEGED))
		ADD(judging, FINDING_PRIVILEGED, SEVERITY_NONE, "runs privileged");
	judge_cri_namespaces(judging);
	judge_cri_items(judging);
	judge_list_items(containerd, CONTAINERD_CAPABILITY, &capabilities);
	judge_capabilities(judging, &capabilities.list);
	judge_cri_seccomp(judging);
	judge_cri_labels(judging);
	judge_cri_annotations(judging);
	judge_cri_log(judging);
	if (bytes_begin(parent, "/kubepods") || bytes_begin(parent, "kubepods"))
		parent = (struct bytes){0};
	judge_list_items(containerd, CONTAINERD_SYSCTL, &sysctls);
	judge_other_runtime(judging, containerd_text(containerd, CONTAINERD_RUNTIME), parent,
			    &sysctls.list);
	facts_containerd(judging->verdict, containerd);
}

void judge_cri_pod(struct judging *judging)
{
	if (judging->containerd)
		judge_cri(judging);
}

void judge_cri_container(struct judging *judging)
{
	if (!judging->containerd)
		return;
	judge_cri(judging);
	if (!containerd_number(judging->containerd, CONTAINERD_PRIVILEGED))
		judge_cri_paths(judging);
}

void judge_cri_exec(struct judging *judging)
{
	if (judging->containerd)
		facts_containerd(judging->verdict, judging->containerd);
}

static void judge_checkpoint_to(struct judging *judging, struct bytes location)
{
	_cleanup_(text_free) struct text text = {0};
	struct host_source source;

	if (!location.size)
		return;
	host_paths_judge(location, false, judging->files, &text, &source);
	ADD(judging, FINDING_CHECKPOINT_DIRECTORY,
	    source.severity > SEVERITY_MEDIUM ? source.severity : SEVERITY_MEDIUM,
	    "the engine writes a checkpoint to %.*s", PRINTED(location));
}

/* To a file; or by containerd's own call to a directory, with another one to work in. */
void judge_cri_checkpoint(struct judging *judging)
{
	if (!judging->containerd)
		return;
	judge_checkpoint_to(judging, containerd_text(judging->containerd, CONTAINERD_LOCATION));
	judge_checkpoint_to(judging, containerd_text(judging->containerd, CONTAINERD_CRIU_WORK));
}
