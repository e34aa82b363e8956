// SPDX-License-Identifier: Apache-2.0
/*
 * What is known to be harmless in the host's part of a container, a volume, a network. Only that is silent: what can
 * matter and is not in these tables is a finding, not-judged.
 *
 * The fields of HostConfig that are judged by nobody, because no value of theirs gives more than the container has:
 * limits (Memory, Cpu*, Blkio*, Ulimits, PidsLimit, Oom*, ShmSize, KernelMemory*, IO*), what is of the container's own
 * network (Dns*, ExtraHosts, Links, PortBindings, PublishAllPorts), its own files (Tmpfs, ReadonlyRootfs), its life
 * (RestartPolicy, AutoRemove, Init), its users within (GroupAdd), what clients use (ContainerIDFile, ConsoleSize), and
 * what takes away (CapDrop).
 */
#include "base/bytes.h"
#include "base/utf8.h"
#include "docker/judge/judge_inside.h"
#include "json/gofold.h"

#define VALUE_MAX 200 /* bytes of a value that are told */

void judge_not_judged(struct judging *judging, enum finding_severity severity, const char *field,
		      struct bytes value)
{
	bool cut = value.size > VALUE_MAX;

	value.size = utf8_fit(value.data, value.size, VALUE_MAX);
	ADD(judging, FINDING_NOT_JUDGED, severity, "%s: %.*s%s", field, PRINTED(value),
	    cut ? "…" : "");
}

/* --- namespaces --------------------------------------------------------------------------------- */

static bool judge_known_has_word(const char *const *words, struct bytes wanted)
{
	for (; *words; words++)
		if (bytes_are(wanted, *words))
			return true;
	return false;
}

static const struct known_modes {
	enum finding_id host; /* what the mode "host" is */
	const char *modes[8];
	const char *begins[3]; /* with options of their own */
} known_modes[] = {
	{FINDING_HOST_PID, {"default", "from-pod", "private"}, {NULL}},
	{FINDING_HOST_IPC, {"default", "from-pod", "none", "private", "shareable"}, {NULL}},
	{FINDING_HOST_UTS, {"default", "from-pod", "private"}, {NULL}},
	{FINDING_HOST_USERNS,
	 {"auto", "default", "from-pod", "keep-id", "no-map", "nomap", "private"},
	 {"auto:", "keep-id:"}},
	{FINDING_HOST_CGROUPNS, {"default", "from-pod", "private"}, {NULL}},
	{FINDING_HOST_NETWORK, {NULL}, {"bridge:"}},
	{FINDING_BUILD_HOST_NETWORK, {NULL}, {"bridge:"}},
};

static bool is_known_mode(enum finding_id host, struct bytes mode)
{
	bool network = host == FINDING_HOST_NETWORK || host == FINDING_BUILD_HOST_NETWORK;

	/* The name or id of a network, or what an engine makes for the container alone. */
	if (network && mode.size && !memchr(mode.data, ':', mode.size) &&
	    !memchr(mode.data, '/', mode.size))
		return true;
	for (size_t i = 0; i < COUNT(known_modes); i++) {
		if (known_modes[i].host != host)
			continue;
		if (judge_known_has_word(known_modes[i].modes, mode))
			return true;
		for (const char *const *one = known_modes[i].begins; *one; one++)
			if (bytes_begin(mode, *one))
				return true;
	}
	return false;
}

/* Podman's ns:PATH: a namespace by its file. */
static void judge_namespace_file(struct judging *judging, const char *field, const char *what,
				 enum finding_id host_finding, struct bytes mode)
{
	static const char *const hosts[] = {"/proc/1/ns/", "/proc/self/ns/",
					    "/proc/thread-self/ns/"};
	struct bytes path = bytes_from(mode, strlen("ns:"));
	_cleanup_(text_free) struct text clean = {0};
	bool is_host = false;

	host_paths_clean(&clean, path);
	for (size_t i = 0; clean.data && i < COUNT(hosts); i++)
		is_host |= bytes_begin(text_since(&clean, 0), hosts[i]);
	if (is_host && host_finding)
		ADD(judging, host_finding, SEVERITY_NONE, "the host's %s, by %.*s", what,
		    PRINTED(path));
	else
		judge_not_judged(judging, SEVERITY_HIGH, field, mode);
}

void judge_other_mode(struct judging *judging, const char *field, const char *what,
		      enum finding_id host_finding, struct bytes mode)
{
	if (bytes_begin(mode, "ns:"))
		judge_namespace_file(judging, field, what, host_finding, mode);
	else if (!is_known_mode(host_finding, mode))
		judge_not_judged(judging, SEVERITY_NONE, field, mode);
}

/* --- mounts ------------------------------------------------------------------------------------- */

/* Words of a bind's mode: Docker's, and those of Podman's own that give nothing more than the mount itself. */
static bool is_known_bind_word(struct bytes word)
{
	static const char *const words[] = {
		"O",	   "U",		 "Z",		"bind",
		"cached",  "consistent", "copy",	"delegated",
		"dev",	   "exec",	 "idmap",	"no-dereference",
		"nocopy",  "nodev",	 "noexec",	"nosuid",
		"private", "rbind",	 "ro",		"rprivate",
		"rshared", "rslave",	 "runbindable", "rw",
		"shared",  "slave",	 "suid",	"unbindable",
		"z"};

	return bytes_are_any(word, words, COUNT(words)) || bytes_begin(word, "idmap=");
}

void judge_refused_bind(struct judging *judging, struct bytes text, const struct bind *bind)
{
	struct bytes rest = bind->mode, word;

	while (bytes_take(&rest, ',', &word)) {
		const char *equals = memchr(word.data, '=', word.size);

		/* Where an overlay keeps what is written. */
		if (bytes_begin(word, "upperdir=") || bytes_begin(word, "workdir="))
			judge_place(
				judging,
				&(struct place){bytes_from(word, (size_t)(equals - word.data) + 1),
						bind->destination, false, "", false});
		else if (word.size && !is_known_bind_word(word))
			judge_not_judged(judging, SEVERITY_NONE, "Binds", text);
	}
	rest = text;
	for (unsigned int i = 0; bytes_take(&rest, ':', &word); i++)
		if (i == 3 && (word.size || rest.data))
			judge_not_judged(judging, SEVERITY_NONE, "Binds", text);
}

/* Podman puts a mount together as the text type=…,source=…,target=…, and takes that apart again: a comma within
 * VALUE begins another option. */
static void judge_commas(struct judging *judging, const char *field, struct bytes value,
			 struct bytes target)
{
	struct bytes rest = value, word;
	bool told = false;

	bytes_take(&rest, ',', &word);
	while (bytes_take(&rest, ',', &word)) {
		const char *equals;

		if (word.size && *word.data == '"')
			word = bytes_from(word, 1);
		equals = word.size ? memchr(word.data, '=', word.size) : NULL;
		if (!equals)
			continue;
		if (bytes_begin(word, "src=") || bytes_begin(word, "source="))
			judge_place(
				judging,
				&(struct place){bytes_from(word, (size_t)(equals - word.data) + 1),
						target.size ? target : bytes_of("?"), false, "",
						false});
		if (!told)
			judge_not_judged(judging, SEVERITY_HIGH, field, value);
		told = true;
	}
}

/* Podman mounts each file that the pattern SOURCE names: judged by the directory that they are all below. */
void judge_glob(struct judging *judging, struct bytes source, struct bytes target)
{
	size_t size = 0;

	for (size_t i = 0; i < source.size && !strchr("*?[\\", source.data[i]); i++)
		if (source.data[i] == '/')
			size = i ?: 1;
	judge_place(judging, &(struct place){{source.data, size}, target, false, "", false});
}

void judge_mount_words(struct judging *judging, const struct value *mount)
{
	static const char *const types[] = {"",	      "artifact", "bind",  "cluster",
					    "devpts", "glob",	  "image", "npipe",
					    "ramfs",  "tmpfs",	  "volume"};
	static const char *const propagations[] = {"",	      "private",    "rprivate",
						   "rshared", "rslave",	    "shared",
						   "slave",   "unbindable", "runbindable"};
	static const char *const texts[] = {"Type", "Source", "Target", "Consistency"};
	struct bytes type = body_string(mount, "Type"), target = body_string(mount, "Target");
	struct bytes propagation = body_string(body_get(mount, "BindOptions"), "Propagation");

	if (!bytes_are_any(type, types, COUNT(types)))
		judge_not_judged(judging, SEVERITY_NONE, "Mounts.Type", type);
	if (!bytes_are_any(propagation, propagations, COUNT(propagations)))
		judge_not_judged(judging, SEVERITY_NONE, "Mounts.BindOptions.Propagation",
				 propagation);
	for (size_t i = 0; i < COUNT(texts); i++)
		judge_commas(judging, "Mounts", body_string(mount, texts[i]), target);
	judge_commas(judging, "Mounts", propagation, target);
	if (bytes_are(type, "glob"))
		judge_glob(judging, body_string(mount, "Source"), target);
}

/* --- volumes ------------------------------------------------------------------------------------ */

void judge_volume_settings(struct judging *judging, struct bytes name, struct bytes driver,
			   const struct volume_settings *settings)
{
	static const struct host_files nobody;
	_cleanup_(text_free) struct text path = {0};

	if (driver.size && !bytes_are(driver, "local")) {
		judge_not_judged(judging, SEVERITY_NONE, "volume driver", driver);
		return;
	}
	if (!volumes_is_known(settings->type, settings->device, settings->options))
		judge_not_judged(judging, SEVERITY_NONE, "volume type", settings->type);
	if (volumes_host_path(settings->type, settings->device, settings->options,
			      judging->files ?: &nobody, &path))
		judge_host_path_volume(judging, name, text_since(&path, 0), (struct bytes){0},
				       false);
}

void judge_volume_driver(struct judging *judging, struct bytes driver, const struct value *options)
{
	static const char *const known[] = {"type", "device", "o",   "size",	"inodes", "uid",
					    "gid",  "UID",    "GID", "noquota", "copy",	  "nocopy"};

	if (driver.size && !bytes_are(driver, "local")) {
		judge_not_judged(judging, SEVERITY_NONE, "volume driver", driver);
		return;
	}
	EACH (one, options)
		if (!bytes_are_any(one->key, known, COUNT(known)))
			judge_not_judged(judging, SEVERITY_NONE, "volume option", one->key);
	if (!volumes_is_known(body_string(options, "type"), body_string(options, "device"),
			      body_string(options, "o")))
		judge_not_judged(judging, SEVERITY_NONE, "volume type",
				 body_string(options, "type"));
}

bool judge_volume_key_matters(void *data, const struct value *element)
{
	return element->key.size && memchr(element->key.data, ':', element->key.size);
}

/* --- the rest ----------------------------------------------------------------------------------- */

/* How severe an annotation KEY is: some steer runtimes, devices or Podman itself. */
static enum finding_severity annotation_severity(struct bytes key)
{
	static const char *const steering[] = {
		"cdi.k8s.io/", "io.containers.", "io.katacontainers.", "io.kubernetes.cri-o.",
		"io.podman.",  "nri.",		 "org.criu.",	       "org.systemd.property.",
		"run.oci."};

	if (bytes_begin(key, "org.opencontainers.image."))
		return SEVERITY_NONE;
	for (size_t i = 0; i < COUNT(steering); i++)
		if (bytes_begin(key, steering[i]))
			return SEVERITY_MEDIUM;
	return SEVERITY_LOW;
}

/* What Podman writes there itself, and tells of a container that it is asked about. */
static bool is_podmans_annotation(struct bytes key)
{
	static const char *const own[] = {"io.container.manager", "org.systemd.property.KillSignal",
					  "org.systemd.property.TimeoutStopUSec"};

	return bytes_are_any(key, own, COUNT(own)) || bytes_begin(key, "io.podman.annotations.");
}

/* What Podman's client says in other words besides, for whoever asks later: it changes nothing. */
static bool is_told_besides(struct bytes key)
{
	static const char *const names[] = {
		"io.kubernetes.cri-o.TTY",	    "io.podman.annotations.apparmor",
		"io.podman.annotations.autoremove", "io.podman.annotations.init",
		"io.podman.annotations.label",	    "io.podman.annotations.seccomp",
		"io.podman.annotations.userns"};

	return bytes_are_any(key, names, COUNT(names));
}

void judge_annotation(struct judging *judging, struct bytes key)
{
	if (annotation_severity(key))
		judge_not_judged(judging, annotation_severity(key), "Annotations", key);
}

void judge_annotations(struct judging *judging, const struct value *annotations)
{
	EACH (one, annotations)
		if (!is_told_besides(one->key) &&
		    !(judging->inspected && is_podmans_annotation(one->key)))
			judge_annotation(judging, one->key);
}

void judge_rest(struct judging *judging, const struct value *host)
{
	static const char *const storage[] = {"size", "inodes"};
	static const char *const isolations[] = {"", "default", "process", "hyperv"};
	struct bytes driver = body_string(host, "VolumeDriver");
	struct bytes isolation = body_string(host, "Isolation");
	const struct value *log = body_get(host, "LogConfig");

	if (driver.size && !bytes_are(driver, "local"))
		judge_not_judged(judging, SEVERITY_NONE, "VolumeDriver", driver);
	if (!bytes_are_any(isolation, isolations, COUNT(isolations)))
		judge_not_judged(judging, SEVERITY_NONE, "Isolation", isolation);
	EACH (one, body_get(host, "StorageOpt"))
		if (!bytes_are_any(one->key, storage, COUNT(storage)))
			judge_not_judged(judging, SEVERITY_NONE, "StorageOpt", one->key);
	judge_annotations(judging, body_get(host, "Annotations"));
	judge_log(judging, body_string(log, "Type"), body_get(log, "Config"));
}
