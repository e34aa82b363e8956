// SPDX-License-Identifier: Apache-2.0
#include "docker/judge/judge.h"

#include <stdio.h>

#include "base/bytes.h"
#include "docker/judge/facts.h"
#include "docker/judge/judge_inside.h"
#include "docker/known/packed.h"
#include "http/query.h"
#include "json/gofold.h"
#include "secret/mask.h"

/* --- mounts ----------------------------------------------------------------------------------- */

static void add_source(struct judging *judging, const struct place *place,
		       const struct host_source *source)
{
	bool elsewhere = source->resolved.data, mounted = place->destination.size;
	bool judged = source->finding != FINDING_NOT_JUDGED;
	/* The other findings need no reason. */
	bool why = (source->finding == FINDING_HOST_PATH_MOUNT || !judged) && source->reason;

	ADD(judging, place->is_volume && judged ? FINDING_VOLUME_HOST_PATH : source->finding,
	    source->severity, "%s%.*s%s%.*s%s%s%.*s%s%s", place->through,
	    PRINTED(source->cleaned.size ? source->cleaned : place->source),
	    elsewhere ? " (that is " : "", PRINTED(source->resolved), elsewhere ? ")" : "",
	    !mounted		    ? " is what it stands for"
	    : place->writable_below ? " mounted read-only, but for what is mounted below it, at "
	    : place->read_only	    ? " mounted read-only at "
				    : " mounted read-write at ",
	    PRINTED(place->destination), why ? ": " : "", why ? source->reason : "");
}

/* Keeps PLACE, so that it can be judged again at a later start. */
static void keep_place(struct kept *kept, const struct place *place)
{
	char how[] = {place->writable_below ? 'b'
		      : place->read_only    ? 'r'
					    : 'w',
		      place->is_volume ? 'v' : 'p'};
	struct bytes parts[] = {
		{how, sizeof(how)}, bytes_of(place->through), place->source, place->destination};
	size_t size = 0;

	for (size_t i = 0; i < COUNT(parts); i++)
		size += PACKED_HEAD + parts[i].size;
	if (size > KEPT_MAX - kept->places.size) {
		kept->more = true;
		return;
	}
	for (size_t i = 0; i < COUNT(parts); i++)
		packed_add(&kept->places, parts[i]);
}

void judge_place(struct judging *judging, const struct place *place)
{
	struct host_source source;
	_cleanup_(text_free) struct text text = {0};

	if (!place->source.size)
		return;
	if (judging->kept)
		keep_place(judging->kept, place);
	host_paths_judge(place->source, place->read_only, judging->files, &text, &source);
	if (source.finding != FINDING_NONE)
		add_source(judging, place, &source);
}

/* Judges the mounts of a container again at its start: a symlink may lead elsewhere by now. */
static void judge_places_again(struct judging *judging, struct bytes places)
{
	struct bytes how, through, source, destination;

	while (packed_next(&places, &how) && packed_next(&places, &through) &&
	       packed_next(&places, &source) && packed_next(&places, &destination)) {
		char text[128];

		snprintf(text, sizeof(text), "%.*s", PRINTED(through));
		judge_place(judging, &(struct place){source, destination, how.data[0] == 'r', text,
						     how.data[1] == 'v', how.data[0] == 'b'});
	}
}

/* A volume with options of its own, or one that is known to have some. */
void judge_host_path_volume(struct judging *judging, struct bytes name, struct bytes path,
			    struct bytes destination, bool read_only)
{
	char through[128];
	struct place place = {path, destination, read_only, through, true};

	snprintf(through, sizeof(through), name.size ? "volume %.*s: " : "%.*s", PRINTED(name));
	judge_place(judging, &place);
}

void judge_named_volume(struct judging *judging, struct bytes name, struct bytes destination,
			bool read_only)
{
	const struct inventory_volume *volume =
		judging->inventory && name.size ? inventory_volume(judging->inventory, name) : NULL;

	if (volume && volume->host_path.size)
		judge_host_path_volume(judging, name, volume->host_path, destination, read_only);
}

static void judge_volume_options(struct judging *judging, struct bytes name,
				 const struct value *driver, struct bytes destination,
				 bool read_only)
{
	_cleanup_(text_free) struct text path = {0};

	if (volumes_value_path(body_string(driver, "Name"), body_get(driver, "Options"),
			       judging->files, &path))
		judge_host_path_volume(judging, name, text_since(&path, 0), destination, read_only);
}

bool judge_is_host_source(struct bytes source)
{
	return source.size && (*source.data == '/' || *source.data == '.');
}

/* A bind that Docker refuses is judged, too: another engine may take it, and the attempt counts. */
void judge_bind(struct judging *judging, struct bytes text)
{
	struct place place = {.through = ""};
	struct bind bind;

	if (!binds_split(text, &bind))
		judge_refused_bind(judging, text, &bind);
	place.source = bind.source;
	place.destination = bind.destination;
	place.read_only = bind.read_only;
	if (judge_is_host_source(bind.source))
		judge_place(judging, &place);
	else
		judge_named_volume(judging, bind.source, bind.destination, bind.read_only);
}

static void judge_mount(struct judging *judging, const struct value *mount)
{
	struct bytes type = body_string(mount, "Type"), source = body_string(mount, "Source");
	struct bytes target = body_string(mount, "Target");
	bool read_only = body_true(mount, "ReadOnly");
	bool below = read_only && body_true(body_get(mount, "BindOptions"), "ReadOnlyNonRecursive");
	const struct value *driver = body_get(body_get(mount, "VolumeOptions"), "DriverConfig");

	judge_mount_words(judging, mount);
	if (bytes_are(type, "volume")) {
		judge_named_volume(judging, source, target, read_only);
		judge_volume_options(judging, source, driver, target, read_only);
		judge_volume_driver(judging, body_string(driver, "Name"),
				    body_get(driver, "Options"));
	} else if (!bytes_are(type, "tmpfs") && !bytes_are(type, "glob") &&
		   judge_is_host_source(source)) {
		judge_place(judging,
			    &(struct place){source, target, read_only && !below, "", false, below});
	}
}

static void judge_mounts(struct judging *judging, const struct value *mounts)
{
	EACH (one, mounts)
		judge_mount(judging, one);
}

void judge_volumes_from(struct judging *judging, struct bytes spec)
{
	struct bytes rest = spec;

	bytes_take(&rest, ':', &spec);
	ADD(judging, FINDING_JOIN_CONTAINER_NAMESPACE, SEVERITY_NONE, "volumes of container %.*s",
	    PRINTED(spec));
	judge_join(judging, JOIN_VOLUMES, spec);
}

/* --- namespaces, capabilities, devices --------------------------------------------------------- */

static const struct namespace_mode {
	const char *field, *what;
	enum finding_id finding;
	enum join_kind join;
} namespace_modes[] = {
	{"PidMode", "PID namespace", FINDING_HOST_PID, JOIN_PID},
	{"NetworkMode", "network namespace", FINDING_HOST_NETWORK, JOIN_NETWORK},
	{"IpcMode", "IPC namespace", FINDING_HOST_IPC, JOIN_IPC},
	{"UTSMode", "UTS namespace", FINDING_HOST_UTS, JOIN_UTS},
	{"UsernsMode", "user namespace", FINDING_HOST_USERNS, JOIN_USER},
	{"CgroupnsMode", "cgroup namespace", FINDING_HOST_CGROUPNS, JOIN_CGROUP},
	{"Cgroup", "cgroup", FINDING_NONE, JOIN_CGROUP},
};

static void judge_namespace_mode(struct judging *judging, const struct namespace_mode *namespace,
				 struct bytes mode)
{
	if (namespace->finding && bytes_are(mode, "host")) {
		ADD(judging, namespace->finding, SEVERITY_NONE, "the host's %s", namespace->what);
	} else if (bytes_begin(mode, "container:")) {
		ADD(judging, FINDING_JOIN_CONTAINER_NAMESPACE, SEVERITY_NONE, "%s of %.*s",
		    namespace->what, PRINTED(mode));
		judge_join(judging, namespace->join, bytes_from(mode, strlen("container:")));
	} else if (mode.size) {
		judge_other_mode(judging, namespace->field, namespace->what, namespace->finding,
				 mode);
	}
}

void judge_namespace(struct judging *judging, const char *field, struct bytes mode)
{
	for (size_t i = 0; i < COUNT(namespace_modes); i++)
		if (!strcmp(namespace_modes[i].field, field))
			judge_namespace_mode(judging, &namespace_modes[i], mode);
}

static void judge_namespaces(struct judging *judging, const struct value *host)
{
	for (size_t i = 0; i < COUNT(namespace_modes); i++) {
		const struct namespace_mode *namespace = &namespace_modes[i];

		/* An engine that is asked tells the cgroup namespace's mode, which is mostly its own default. */
		if (!judging->inspected || namespace->finding != FINDING_HOST_CGROUPNS)
			judge_namespace_mode(judging, namespace,
					     body_string(host, namespace->field));
	}
}

/* The name of a capability without CAP_, as the daemon takes it in any case. */
static struct bytes bare_capability(struct bytes name)
{
	return bytes_from(name, gofold_begins(name, "CAP_", GOFOLD_UPPER));
}

static bool judge_is_one_of(struct bytes name, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (gofold_is(name, words[i], GOFOLD_UPPER))
			return true;
	return false;
}

enum finding_severity judge_capability_severity(struct bytes name)
{
	static const char *const critical[] = {"ALL",	     "SYS_ADMIN", "SYS_MODULE",
					       "SYS_PTRACE", "SYS_RAWIO", "DAC_READ_SEARCH",
					       "BPF"};
	/* Capabilities that a container has by default, and gets back after `--cap-drop ALL`. */
	static const char *const usual[] = {
		"CHOWN",   "DAC_OVERRIDE", "FSETID",	       "FOWNER",     "MKNOD",
		"NET_RAW", "SETGID",	   "SETUID",	       "SETFCAP",    "SETPCAP",
		"KILL",	   "SYS_CHROOT",   "NET_BIND_SERVICE", "AUDIT_WRITE"};

	name = bare_capability(name);
	if (judge_is_one_of(name, critical, COUNT(critical)))
		return SEVERITY_CRITICAL;
	return judge_is_one_of(name, usual, COUNT(usual)) ? SEVERITY_LOW : SEVERITY_MEDIUM;
}

void judge_capabilities(struct judging *judging, const struct value *list)
{
	EACH (one, list)
		if (one->string.size)
			ADD(judging, FINDING_CAP_ADD, judge_capability_severity(one->string),
			    "capability %.*s", PRINTED(bare_capability(one->string)));
}

static void judge_devices(struct judging *judging, const struct value *host)
{
	EACH (one, body_get(host, "Devices")) {
		struct bytes permissions = body_string(one, "CgroupPermissions");

		ADD(judging, FINDING_DEVICE, SEVERITY_NONE, "device %.*s%s%.*s",
		    PRINTED(body_string(one, "PathOnHost")), permissions.size ? ", access " : "",
		    PRINTED(permissions));
	}
	EACH (one, body_get(host, "DeviceCgroupRules"))
		ADD(judging, FINDING_DEVICE, SEVERITY_NONE, "device rule %.*s",
		    PRINTED(one->string));
	EACH (one, body_get(host, "DeviceRequests")) {
		_cleanup_(text_free) struct text asked = {0};

		facts_spell_device_request(&asked, one);
		ADD(judging, FINDING_DEVICE, SEVERITY_NONE, "devices: %.*s",
		    PRINTED(text_since(&asked, 0)));
	}
}

/* --- runtimes ------------------------------------------------------------------------------------ */

/* Sysctls that belong to a namespace of the container's own. */
static bool is_namespaced_sysctl(struct bytes sysctl)
{
	static const char *const ipc[] = {"kernel.msgmax", "kernel.msgmnb",	    "kernel.msgmni",
					  "kernel.sem",	   "kernel.shmall",	    "kernel.shmmax",
					  "kernel.shmmni", "kernel.shm_rmid_forced"};

	return bytes_are_any(sysctl, ipc, COUNT(ipc)) || bytes_begin(sysctl, "net.") ||
	       bytes_begin(sysctl, "fs.mqueue.");
}

void judge_other_runtime(struct judging *judging, struct bytes runtime, struct bytes parent,
			 const struct value *sysctls)
{
	/* Podman tells "oci" of every container that it is asked about. */
	bool usual =
		bytes_are(runtime, "runc") || (judging->inspected && bytes_are(runtime, "oci"));

	if (runtime.size && !usual)
		ADD(judging, FINDING_OTHER_RUNTIME, SEVERITY_NONE, "runtime %.*s",
		    PRINTED(runtime));
	if (parent.size)
		ADD(judging, FINDING_OTHER_RUNTIME, SEVERITY_NONE, "cgroup parent %.*s",
		    PRINTED(parent));
	EACH (one, sysctls)
		if (!is_namespaced_sysctl(one->key))
			ADD(judging, FINDING_OTHER_RUNTIME, SEVERITY_NONE, "sysctl %.*s",
			    PRINTED(one->key));
}

static void judge_runtime(struct judging *judging, const struct value *host)
{
	judge_other_runtime(judging, body_string(host, "Runtime"),
			    body_string(host, "CgroupParent"), body_get(host, "Sysctls"));
}

/* --- containers --------------------------------------------------------------------------------- */

static void judge_host_config(struct judging *judging, const struct value *host)
{
	if (body_true(host, "Privileged"))
		ADD(judging, FINDING_PRIVILEGED, SEVERITY_NONE, "runs privileged");
	EACH (one, body_get(host, "Binds"))
		judge_bind(judging, one->string);
	judge_mounts(judging, body_get(host, "Mounts"));
	EACH (one, body_get(host, "VolumesFrom"))
		judge_volumes_from(judging, one->string);
	judge_namespaces(judging, host);
	judge_capabilities(judging, body_get(host, "CapAdd"));
	judge_devices(judging, host);
	judge_security_options(judging, host);
	judge_system_paths(judging, host);
	judge_runtime(judging, host);
	judge_rest(judging, host);
}

/* Podman takes the keys of Volumes as it takes binds. */
static void judge_volume_keys(struct judging *judging, const struct value *volumes)
{
	EACH (one, volumes)
		if (judge_volume_key_matters(NULL, one))
			judge_bind(judging, one->key);
}

/* The network of that name among those that the container joins. */
static void judge_endpoints(struct judging *judging, const struct value *body)
{
	EACH (one, body_get(body_get(body, "NetworkingConfig"), "EndpointsConfig"))
		if (bytes_are(one->key, "host"))
			ADD(judging, FINDING_HOST_NETWORK, SEVERITY_NONE,
			    "the host's network namespace");
}

/* Without a HostConfig the host's part may stand at the top, for Docker before 27. */
static const struct value *host_of(const struct judging *judging)
{
	bool strict = judging->inventory && inventory_is_strict(judging->inventory);

	return body_get(judging->body, "HostConfig") ?: strict ? NULL : judging->body;
}

void judge_container_create(struct judging *judging)
{
	const struct value *host = host_of(judging);

	judge_host_config(judging, host);
	judge_endpoints(judging, judging->body);
	judge_volume_keys(judging, body_get(judging->body, "Volumes"));
	facts_container_create(judging->verdict, judging->body, host);
	facts_platform(judging->verdict, judging->query);
}

/* The caller that starts a container gets what its creator asked for. */
void judge_container_start(struct judging *judging)
{
	const struct inventory_container *container = judging->container;

	judge_checkpoint_start(judging);
	judge_container_known(judging);
	if (container) {
		for (unsigned int i = 0; i < container->finding_count; i++)
			verdict_add_finding(judging->verdict, &container->findings[i]);
		judge_joined(judging, container, judging->verdict);
		judge_places_again(judging, container->places);
		if (container->more)
			ADD(judging, FINDING_NOT_JUDGED, SEVERITY_NONE,
			    "more is mounted or joined than is looked at again at a start");
	}
	if (!judging->body)
		return;
	judge_host_config(judging, judging->body);
	facts_host(judging->verdict, judging->body);
}

void judge_inspected(struct judging *judging, const struct value *inspect)
{
	judging->inspected = true;
	judge_host_config(judging, body_get(inspect, "HostConfig"));
}

void judge_container_update(struct judging *judging)
{
	judge_devices(judging, judging->body);
	judge_runtime(judging, judging->body);
	facts_host(judging->verdict, judging->body);
}

static bool judge_ends(struct bytes bytes, const char *ending)
{
	size_t size = strlen(ending);

	return bytes.size >= size && bytes_are(bytes_from(bytes, bytes.size - size), ending);
}

/* A clean path in a container whose content is a secret, or opens the way to the host, wherever the
 * host's files are mounted there; or a directory that holds such. */
static bool is_delicate(struct bytes path)
{
	static const char *const within[] = {"/etc/shadow",  "/etc/gshadow", "/root",
					     "/.ssh",	     "id_rsa",	     "docker.sock",
					     "/run/secrets", "/proc/",	     "/sys/"};
	static const char *const holders[] = {"/etc", "/run", "/proc", "/sys", "/home"};

	for (size_t i = 0; i < COUNT(within); i++)
		if (path.data && memmem(path.data, path.size, within[i], strlen(within[i])))
			return true;
	for (size_t i = 0; i < COUNT(holders); i++)
		if (judge_ends(path, holders[i]))
			return true;
	return bytes_are(path, "/");
}

static bool has_host_files(const struct inventory_container *container)
{
	for (unsigned int i = 0; container && i < container->finding_count; i++)
		if (container->findings[i].id == FINDING_PRIVILEGED ||
		    finding_is_mount(container->findings[i].id))
			return true;
	return false;
}

/* Where in the container the host's files are is not known: PATH may be each of its ends there, from a slash on. */
static enum finding_severity worst_on_host(struct bytes path, bool read_only,
					   enum finding_severity least)
{
	for (size_t i = 0; path.data && i < path.size; i++) {
		struct host_source source;
		_cleanup_(text_free) struct text text = {0};

		if (path.data[i] != '/' || path.size - i < 2)
			continue;
		host_paths_judge(bytes_from(path, i), read_only, NULL, &text, &source);
		if (source.severity > least)
			least = source.severity;
	}
	return least;
}

/* What a path in a container is on the host, by a mount. */
struct mapped {
	enum finding_severity severity;
	const char *reason;
	struct bytes source, destination; /* of the mount */
};

/* The part of PATH that is below DIRECTORY, both clean and absolute; data NULL: PATH is not in DIRECTORY. */
static struct bytes judge_find_below(struct bytes path, struct bytes directory)
{
	if (bytes_are(directory, "/"))
		directory.size = 0;
	if (!path.data || !directory.data || path.size < directory.size ||
	    memcmp(path.data, directory.data, directory.size) != 0 ||
	    (path.size > directory.size && path.data[directory.size] != '/'))
		return (struct bytes){0};
	return bytes_from(path, directory.size);
}

/* REST below the source of MOUNT. Its links are the container's: they lead to what the container has, not where they
 * would on the host. */
static void judge_below(const struct judging *judging, struct bytes rest, bool read_only,
			struct mapped *mount)
{
	struct host_files files = judging->files ? *judging->files : (struct host_files){0};
	_cleanup_(text_free) struct text text = {0}, path = {0};
	struct host_source source;

	host_paths_judge(mount->source, read_only, judging->files, &text, &source);
	if (rest.size > 1 && source.finding != FINDING_NOT_JUDGED) {
		files.resolve = NULL;
		text_add_bytes(&path, source.resolved.data ? source.resolved : source.cleaned);
		text_add_bytes(&path, rest);
		host_paths_judge(text_since(&path, 0), read_only, &files, &text, &source);
	}
	mount->severity = source.severity;
	mount->reason = source.reason;
}

/* The worst that PATH, clean, is on the host by the container's mounts: it is in one, or holds one. */
static struct mapped map_path(const struct judging *judging, struct bytes path, bool read_only)
{
	struct bytes places, how, through, source, destination;
	struct mapped worst = {0};

	if (!judging->container)
		return worst;
	places = judging->container->places;
	while (packed_next(&places, &how) && packed_next(&places, &through) &&
	       packed_next(&places, &source) && packed_next(&places, &destination)) {
		struct mapped one = {.source = source, .destination = destination};
		_cleanup_(text_free) struct text clean = {0};
		struct bytes rest;

		host_paths_clean(&clean, destination);
		rest = judge_find_below(path, text_since(&clean, 0));
		if (rest.data || judge_find_below(text_since(&clean, 0), path).data)
			judge_below(judging, rest, read_only, &one);
		if (one.severity > worst.severity)
			worst = one;
	}
	return worst;
}

static void add_archive(struct judging *judging, enum finding_id id, const char *what,
			struct bytes path)
{
	bool host = has_host_files(judging->container), read = id == FINDING_CONTAINER_FILE_READ;
	enum finding_severity severity = finding_kind(id)->severity + is_delicate(path) + host;
	struct mapped mapped = map_path(judging, path, read);

	if (host)
		severity = worst_on_host(path, read, severity);
	if (mapped.severity > severity)
		severity = mapped.severity;
	if (mapped.severity)
		ADD(judging, id, severity, "%s %.*s, with %.*s mounted at %.*s: %s", what,
		    PRINTED(path), PRINTED(mapped.source), PRINTED(mapped.destination),
		    mapped.reason);
	else
		ADD(judging, id, severity, "%s %.*s%s", what, PRINTED(path),
		    host ? " in a container with files of the host" : "");
	if (judging->container && judging->container->more)
		ADD(judging, FINDING_NOT_JUDGED, SEVERITY_NONE,
		    "more is mounted or joined than is looked at for %.*s", PRINTED(path));
}

/* The path that an archive is read from or written to: the old copy has it in its body. */
static bool archive_path(const struct judging *judging, struct text *path)
{
	struct bytes resource = body_string(judging->body, "Resource");

	text_add_char(path, '/'); /* paths are from the container's root */
	if (!judging->body)
		return query_value(judging->query, "path", path);
	text_add_bytes(path, resource);
	return resource.size;
}

/* One step up for a delicate path, one for a container that has files of the host; and never less than what the path
 * is there, as far as that is known. */
static void judge_archive(struct judging *judging, enum finding_id id, const char *what)
{
	_cleanup_(text_free) struct text path = {0}, clean = {0};

	if (archive_path(judging, &path)) {
		host_paths_clean(&clean, text_since(&path, 0));
		add_archive(judging, id, what, text_since(&clean, 0));
	} else {
		ADD(judging, id, SEVERITY_NONE, "%s its files", what);
	}
}

void judge_archive_read(struct judging *judging)
{
	judge_archive(judging, FINDING_CONTAINER_FILE_READ, "reads");
}

void judge_archive_write(struct judging *judging)
{
	judge_archive(judging, FINDING_CONTAINER_FILE_WRITE, "writes to");
}

/* --- execs -------------------------------------------------------------------------------------- */

/* USER or USER:GROUP; numbers as Go's strconv.Atoi takes them. */
static bool is_root(struct bytes user)
{
	struct bytes rest = user;
	size_t zeros;

	bytes_take(&rest, ':', &user);
	if (bytes_are(user, "root"))
		return true;
	if (user.size && (*user.data == '+' || *user.data == '-'))
		user = bytes_from(user, 1);
	for (zeros = 0; zeros < user.size && user.data[zeros] == '0'; zeros++)
		;
	return zeros && zeros == user.size;
}

void judge_exec_create(struct judging *judging)
{
	const struct inventory_container *container = judging->container;
	struct bytes user = body_string(judging->body, "User");

	if (body_true(judging->body, "Privileged"))
		ADD(judging, FINDING_EXEC_PRIVILEGED, SEVERITY_NONE,
		    "a privileged process in the container");
	if (is_root(user) && container && container->user.size && !is_root(container->user))
		ADD(judging, FINDING_EXEC_ROOT, SEVERITY_NONE,
		    "as root in a container that runs as %.*s", PRINTED(container->user));
	facts_exec(judging->verdict, judging->body);
}

void judge_exec_start(struct judging *judging)
{
	for (unsigned int i = 0; judging->exec && i < judging->exec->finding_count; i++)
		verdict_add_finding(judging->verdict, &judging->exec->findings[i]);
}

/* --- images, builds --------------------------------------------------------------------------------- */

void judge_platform(struct judging *judging)
{
	facts_platform(judging->verdict, judging->query);
}

void judge_image_create(struct judging *judging)
{
	_cleanup_(text_free) struct text source = {0};

	judge_platform(judging);
	if (query_value(judging->query, "fromSrc", &source) && source.size) {
		_cleanup_(text_free) struct text masked = {0};

		mask_url(&masked, text_since(&source, 0));
		ADD(judging, FINDING_IMAGE_LOAD, SEVERITY_NONE, "imports %.*s",
		    PRINTED(text_since(&masked, 0)));
	}
}

/* The daemon reads the body of a commit as it reads that of a create. */
void judge_commit(struct judging *judging)
{
	facts_container_create(judging->verdict, judging->body, NULL);
}

void judge_build(struct judging *judging)
{
	judge_build_query(judging);
	facts_build(judging->verdict, judging->query);
}

/* --- volumes, networks -------------------------------------------------------------------------- */

void judge_volume_create(struct judging *judging)
{
	const struct value *body = judging->body, *options = volumes_options(body);
	_cleanup_(text_free) struct text path = {0};

	judge_volume_driver(judging, body_string(body, "Driver"), options);
	if (volumes_value_path(body_string(body, "Driver"), options, judging->files, &path))
		judge_host_path_volume(judging, (struct bytes){}, text_since(&path, 0),
				       (struct bytes){}, false);
	facts_volume(judging->verdict, body);
}

void judge_network_create(struct judging *judging)
{
	judge_network_options(judging, judging->body);
	facts_network(judging->verdict, judging->body);
}

void judge_network_connect(struct judging *judging)
{
	if (bytes_are(judging->name, "host"))
		ADD(judging, FINDING_HOST_NETWORK, SEVERITY_NONE, "the host's network namespace");
	facts_network_connect(judging->verdict, judging->body);
}

/* --- plugins ------------------------------------------------------------------------------------ */

void judge_plugin(struct judging *judging)
{
	EACH (one, judging->body) {
		const struct value *values = body_get(one, "Value");
		const struct value *first = values ? values->first : NULL;
		_cleanup_(text_free) struct text value_told = {0};

		mask_text(&value_told, first ? first->string : (struct bytes){});
		ADD(judging, FINDING_PLUGIN, SEVERITY_NONE, "with the privilege %.*s%s%.*s",
		    PRINTED(body_string(one, "Name")), value_told.size ? " " : "",
		    PRINTED(text_since(&value_told, 0)));
	}
	facts_plugin(judging->verdict, judging->body);
}

void judge_plugin_set(struct judging *judging)
{
	facts_plugin_set(judging->verdict, judging->body);
}

/* --- swarm -------------------------------------------------------------------------------------- */

static void judge_attachments(struct judging *judging, const struct value *networks)
{
	EACH (one, networks)
		if (bytes_are(body_string(one, "Target"), "host"))
			ADD(judging, FINDING_HOST_NETWORK, SEVERITY_NONE,
			    "the host's network namespace");
}

static void judge_task(struct judging *judging, const struct value *task)
{
	static const char *const runtimes[] = {"", "container", "plugin", "attachment"};
	struct bytes runtime = body_string(task, "Runtime");
	const struct value *log = body_get(task, "LogDriver");

	if (!bytes_are_any(runtime, runtimes, COUNT(runtimes)))
		judge_not_judged(judging, SEVERITY_NONE, "TaskTemplate.Runtime", runtime);
	judge_log(judging, body_string(log, "Name"), body_get(log, "Options"));
}

/* A caller that may change the service may read its secrets: the commands of the service see them as files. */
static void judge_references(struct judging *judging, const struct value *list, const char *field,
			     const char *what)
{
	EACH (one, list)
		ADD(judging, FINDING_SECRET_ACCESS, SEVERITY_NONE, "the service gets the %s %.*s",
		    what, PRINTED(body_string(one, field)));
}

/* The body of such an update does not count: the swarm takes the specification that the service had before. */
static void judge_rollback(struct judging *judging)
{
	_cleanup_(text_free) struct text value = {0};

	if (!judging->refused && query_value(judging->query, "rollback", &value) && value.size &&
	    !bytes_are(text_since(&value, 0), "none"))
		ADD(judging, FINDING_NOT_JUDGED, SEVERITY_HIGH,
		    "rollback=%.*s restores an earlier specification, which is not known",
		    PRINTED(text_since(&value, 0)));
}

void judge_service(struct judging *judging)
{
	const struct value *task = body_get(judging->body, "TaskTemplate");
	const struct value *spec = body_get(task, "ContainerSpec");

	judge_task(judging, task);
	if (body_get(task, "PluginSpec"))
		ADD(judging, FINDING_PLUGIN, SEVERITY_NONE, "a service that installs a plugin");
	judge_mounts(judging, body_get(spec, "Mounts"));
	judge_capabilities(judging, body_get(spec, "CapabilityAdd"));
	judge_privileges(judging, body_get(spec, "Privileges"));
	judge_attachments(judging, body_get(judging->body, "Networks"));
	judge_attachments(judging, body_get(task, "Networks"));
	judge_runtime(judging, spec);
	judge_references(judging, body_get(spec, "Secrets"), "SecretName", "secret");
	judge_references(judging, body_get(spec, "Configs"), "ConfigName", "config");
	judge_rollback(judging);
	facts_service(judging->verdict, judging->body);
}

void judge_swarm(struct judging *judging)
{
	facts_swarm(judging->verdict, judging->body);
}

/* An update of a swarm changes whom its nodes trust, and who may become a node. */
void judge_swarm_update(struct judging *judging)
{
	static const char *const tokens[] = {"rotateWorkerToken", "rotateManagerToken",
					     "rotateManagerUnlockKey"};
	const struct value *authority = body_get(judging->body, "CAConfig");
	const struct value *rotate = body_get(authority, "ForceRotate");
	const struct value *log = body_get(body_get(judging->body, "TaskDefaults"), "LogDriver");

	for (size_t i = 0; i < COUNT(tokens); i++) {
		_cleanup_(text_free) struct text value = {0};
		bool on = false;

		if (query_value(judging->query, tokens[i], &value) && value.size &&
		    (!gofold_bool(text_since(&value, 0), &on) || on))
			ADD(judging, FINDING_SWARM, SEVERITY_MEDIUM, "%s", tokens[i]);
	}
	if (body_string(authority, "SigningCACert").size || (rotate && rotate->number))
		ADD(judging, FINDING_SWARM, SEVERITY_MEDIUM, "the swarm gets another authority");
	EACH (one, body_get(authority, "ExternalCAs"))
		ADD(judging, FINDING_SWARM, SEVERITY_MEDIUM,
		    "another authority for the swarm: %.*s", PRINTED(body_string(one, "URL")));
	judge_log(judging, body_string(log, "Name"), body_get(log, "Options"));
}

void judge_secret(struct judging *judging)
{
	facts_named(judging->verdict, judging->body);
}

void judge_node(struct judging *judging)
{
	/* The daemon takes the role in upper and lower case. */
	if (gofold_is(body_string(judging->body, "Role"), "manager", GOFOLD_UPPER))
		ADD(judging, FINDING_SWARM, SEVERITY_MEDIUM, "the node is to be a manager");
	facts_node(judging->verdict, judging->body);
}

/* --- what must not be dropped -------------------------------------------------------------------- */

bool judge_matters(void *data, const struct value *element)
{
	return true;
}

/* Judges by the path alone: the host is asked when all is there. */
static bool source_matters(struct bytes source, bool read_only)
{
	struct host_source judged;
	_cleanup_(text_free) struct text text = {0};

	host_paths_judge(source, read_only, NULL, &text, &judged);
	return judged.finding != FINDING_NONE;
}

bool judge_bind_matters(void *data, const struct value *element)
{
	struct bind bind;

	if (!binds_split(element->string, &bind))
		return true;
	return !bind.source.size || bind.source.data[0] != '/' || element->cut ||
	       source_matters(bind.source, bind.read_only);
}

bool judge_mount_matters(void *data, const struct value *element)
{
	struct bytes source = body_string(element, "Source");

	return body_get(body_get(element, "VolumeOptions"), "DriverConfig") || !source.size ||
	       source.data[0] != '/' || memchr(source.data, ',', source.size) ||
	       source_matters(source, body_true(element, "ReadOnly") &&
					      !body_true(body_get(element, "BindOptions"),
							 "ReadOnlyNonRecursive"));
}

bool judge_capability_matters(void *data, const struct value *element)
{
	return judge_capability_severity(element->string) == SEVERITY_CRITICAL;
}

bool judge_sysctl_matters(void *data, const struct value *element)
{
	return !is_namespaced_sysctl(element->key);
}
