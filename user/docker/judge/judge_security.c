// SPDX-License-Identifier: Apache-2.0
/* Protections of a container that a request switches off or exchanges. */
#include "base/bytes.h"
#include "docker/judge/judge_inside.h"
#include "json/gofold.h"

#define PROFILE_MEMORY 16384

/* An option of the engine: NAME=VALUE, or as older clients have it, NAME:VALUE; a bare word has no value. */
struct security_option {
	struct bytes name, value;
	bool has_value;
};

/* As parseSecurityOpt() does: a colon only where there is no equals sign. */
static struct security_option split_option(struct bytes text)
{
	const char *at = text.data ? memchr(text.data, '=', text.size) : NULL;
	struct security_option option = {.name = text};

	if (!at && text.data)
		at = memchr(text.data, ':', text.size);
	if (!at)
		return option;
	option.name.size = (size_t)(at - text.data);
	option.value = bytes_from(text, option.name.size + 1);
	option.has_value = true;
	return option;
}

/* What is thought of an option: its severity, INFO where it is known to be harmless, NONE where it is not
 * known at all. WHY is what is told of it; NULL: the option itself. */
struct opinion {
	enum finding_severity severity;
	const char *why;
};

#define OPINION(severity) ((struct opinion){severity, NULL})

static const struct shape text_shape = {.kind = SHAPE_STRING};
static const struct shape_field profile_action_fields[] = {{"defaultAction", &text_shape}, {0}};
static const struct shape shape_seccomp_profile = {.kind = SHAPE_STRUCT,
						   .fields = profile_action_fields};

/* A profile of the caller's own, as Go reads it: one that allows what it does not name protects from nothing. */
static struct opinion seccomp_profile(struct bytes profile)
{
	static const struct opinion open = {SEVERITY_HIGH,
					    "seccomp profile that may allow everything"};
	static const struct opinion own = {SEVERITY_MEDIUM, "seccomp profile of the caller's own"};
	static const char *const denying[] = {"SCMP_ACT_ERRNO", "SCMP_ACT_KILL",
					      "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD",
					      "SCMP_ACT_TRAP"};
	struct opinion opinion = open;
	struct body *body;

	if (body_new(&shape_seccomp_profile, PROFILE_MEMORY, NULL, &body))
		return open;
	body_feed(body, profile.data, profile.size);
	if (body_state(body) == BODY_DONE &&
	    bytes_are_any(body_string(body_value(body), "defaultAction"), denying, COUNT(denying)))
		opinion = own;
	body_free(body);
	return opinion;
}

static struct opinion of_seccomp(struct bytes value)
{
	struct bytes profile = gofold_trim(value);

	if (bytes_are(value, "unconfined"))
		return OPINION(SEVERITY_HIGH);
	if (!value.size || bytes_are(value, "builtin") || bytes_are(value, "default"))
		return OPINION(SEVERITY_INFO);
	if (*value.data == '/') /* Podman reads it from there */
		return OPINION(SEVERITY_MEDIUM);
	return profile.size ? seccomp_profile(profile) : OPINION(SEVERITY_HIGH);
}

static struct opinion of_apparmor(struct bytes value)
{
	if (bytes_are(value, "unconfined"))
		return OPINION(SEVERITY_HIGH);
	if (!value.size || bytes_are(value, "docker-default") ||
	    bytes_begin(value, "containers-default-"))
		return OPINION(SEVERITY_INFO);
	return OPINION(SEVERITY_MEDIUM);
}

/* Types that SELinux does not confine; others, and other levels, reach what this container's would not. */
static struct opinion of_label(struct bytes value)
{
	static const char *const open[] = {"disable", "type:spc_t", "type:unconfined_t"};
	static const char *const parts[] = {"user:", "role:", "type:", "level:", "filetype:"};

	if (bytes_are_any(value, open, COUNT(open)))
		return OPINION(SEVERITY_HIGH);
	for (size_t i = 0; i < COUNT(parts); i++)
		if (bytes_begin(value, parts[i]))
			return OPINION(SEVERITY_MEDIUM);
	return OPINION(SEVERITY_NONE);
}

/* A switch that protects where it is on, or where it is off. What is no bool the engine refuses. */
static struct opinion of_switch(const struct security_option *option, bool protects)
{
	bool on = true;

	if (option->has_value && !gofold_bool(option->value, &on))
		return OPINION(SEVERITY_NONE);
	return (struct opinion){on == protects ? SEVERITY_INFO : SEVERITY_HIGH, NULL};
}

static struct opinion opinion_of(struct bytes text)
{
	struct security_option option = split_option(text);

	if (bytes_are(option.name, "no-new-privileges"))
		return of_switch(&option, true);
	if (bytes_are(option.name, "writable-cgroups"))
		return of_switch(&option, false);
	if (bytes_are(text, "disable")) /* an old client leaves out the name, label */
		return OPINION(SEVERITY_HIGH);
	if (!option.has_value)
		return OPINION(SEVERITY_NONE);
	if (bytes_are(option.name, "seccomp"))
		return of_seccomp(option.value);
	if (bytes_are(option.name, "apparmor"))
		return of_apparmor(option.value);
	if (bytes_are(option.name, "label"))
		return of_label(option.value);
	/* Podman's, and that of Docker's client, which sends it as lists of paths. */
	if (bytes_are(option.name, "unmask") ||
	    (bytes_are(option.name, "systempaths") && bytes_are(option.value, "unconfined")))
		return OPINION(SEVERITY_HIGH);
	if (bytes_are(option.name, "mask"))
		return OPINION(SEVERITY_INFO);
	return OPINION(SEVERITY_NONE);
}

void judge_security_option(struct judging *judging, struct bytes option)
{
	struct opinion opinion = opinion_of(option);

	if (opinion.severity == SEVERITY_NONE)
		judge_not_judged(judging, SEVERITY_NONE, "SecurityOpt", option);
	else if (opinion.severity > SEVERITY_INFO && opinion.why)
		ADD(judging, FINDING_SECURITY_DISABLED, opinion.severity, "%s", opinion.why);
	else if (opinion.severity > SEVERITY_INFO)
		ADD(judging, FINDING_SECURITY_DISABLED, opinion.severity, "%.*s", PRINTED(option));
}

void judge_security_setting(struct judging *judging, const char *name, struct bytes value)
{
	_cleanup_(text_free) struct text option = {0};

	text_add_string(&option, name);
	text_add_bytes(&option, value);
	judge_security_option(judging, text_since(&option, 0));
}

/* The engine itself disables labels of what shares the host's processes or memory. */
static bool is_default_option(const struct judging *judging, const struct value *host,
			      struct bytes option)
{
	return judging->inspected &&
	       (bytes_are(option, "label=disable") || bytes_are(option, "label:disable")) &&
	       (body_true(host, "Privileged") || bytes_are(body_string(host, "PidMode"), "host") ||
		bytes_are(body_string(host, "IpcMode"), "host"));
}

void judge_security_options(struct judging *judging, const struct value *host)
{
	EACH (one, body_get(host, "SecurityOpt"))
		if (!is_default_option(judging, host, one->string))
			judge_security_option(judging, one->string);
}

bool judge_security_option_matters(void *data, const struct value *element)
{
	return opinion_of(element->string).severity != SEVERITY_INFO || element->cut;
}

/* --- paths of the kernel ---------------------------------------------------------------------------- */

/* What every version of Docker, from 20.10 on, hides or makes read-only by default: oci/defaults.go. */
static const struct system_path {
	const char *path;
	bool hidden; /* else read-only */
	enum finding_severity open;
} system_paths[] = {
	{"/proc/acpi", true, SEVERITY_MEDIUM},
	{"/proc/asound", true, SEVERITY_MEDIUM},
	{"/proc/kcore", true, SEVERITY_HIGH},
	{"/proc/keys", true, SEVERITY_HIGH},
	{"/proc/latency_stats", true, SEVERITY_MEDIUM},
	{"/proc/sched_debug", true, SEVERITY_MEDIUM},
	{"/proc/scsi", true, SEVERITY_HIGH},
	{"/proc/timer_list", true, SEVERITY_MEDIUM},
	{"/proc/timer_stats", true, SEVERITY_MEDIUM},
	{"/sys/firmware", true, SEVERITY_HIGH},
	{"/proc/bus", false, SEVERITY_HIGH},
	{"/proc/fs", false, SEVERITY_HIGH},
	{"/proc/irq", false, SEVERITY_HIGH},
	{"/proc/sys", false, SEVERITY_HIGH},
	{"/proc/sysrq-trigger", false, SEVERITY_HIGH},
};

/* Whether LIST has PATH, or a directory above it. */
static bool judge_security_covers(const struct value *list, const char *path)
{
	bool covered = false;

	EACH (one, list) {
		_cleanup_(text_free) struct text clean = {0};

		host_paths_clean(&clean, one->string);
		covered |= clean.size && !strncmp(clean.data, path, clean.size) &&
			   (!path[clean.size] || path[clean.size] == '/');
	}
	return covered;
}

void judge_open_paths(struct judging *judging, const char *field, bool hidden,
		      const struct value *list, const struct value *other)
{
	enum finding_severity worst = SEVERITY_NONE;
	_cleanup_(text_free) struct text words = {0};

	for (size_t i = 0; i < COUNT(system_paths); i++) {
		const struct system_path *path = &system_paths[i];

		if (path->hidden != hidden || judge_security_covers(list, path->path) ||
		    (!hidden && judge_security_covers(other, path->path)))
			continue;
		text_add_string(&words, words.size ? ", " : "");
		text_add_string(&words, path->path);
		if (path->open > worst)
			worst = path->open;
	}
	if (words.size)
		ADD(judging, FINDING_SECURITY_DISABLED, worst, "%s leaves open %.*s", field,
		    PRINTED(text_since(&words, 0)));
}

void judge_system_paths(struct judging *judging, const struct value *host)
{
	const struct value *masked = body_get(host, "MaskedPaths");
	const struct value *read_only = body_get(host, "ReadonlyPaths");
	const struct value *lists[] = {masked, read_only};
	static const char *const fields[] = {"MaskedPaths", "ReadonlyPaths"};

	for (size_t i = 0; i < COUNT(lists); i++) {
		if (!lists[i])
			continue;
		if (!lists[i]->count && !lists[i]->dropped)
			ADD(judging, FINDING_SECURITY_DISABLED, SEVERITY_NONE,
			    "%s is empty: system paths are open", fields[i]);
		else
			judge_open_paths(judging, fields[i], !i, lists[i], masked);
	}
}

/* --- services --------------------------------------------------------------------------------------- */

void judge_privileges(struct judging *judging, const struct value *privileges)
{
	static const char *const profiles[] = {"Seccomp", "AppArmor"};
	static const struct {
		const char *field, *label;
	} labels[] = {{"User", "label=user:"},
		      {"Role", "label=role:"},
		      {"Type", "label=type:"},
		      {"Level", "label=level:"}};
	const struct value *selinux = body_get(privileges, "SELinuxContext");

	if (body_true(selinux, "Disable"))
		ADD(judging, FINDING_SECURITY_DISABLED, SEVERITY_NONE, "label=disable");
	for (size_t i = 0; i < COUNT(labels); i++) {
		struct bytes value = body_string(selinux, labels[i].field);

		if (value.size)
			judge_security_setting(judging, labels[i].label, value);
	}
	for (size_t i = 0; i < COUNT(profiles); i++) {
		struct bytes mode = body_string(body_get(privileges, profiles[i]), "Mode");

		if (bytes_are(mode, "unconfined") || bytes_are(mode, "disabled"))
			ADD(judging, FINDING_SECURITY_DISABLED, SEVERITY_NONE, "%s is %.*s",
			    profiles[i], PRINTED(mode));
		else if (bytes_are(mode, "custom"))
			ADD(judging, FINDING_SECURITY_DISABLED, SEVERITY_MEDIUM,
			    "%s profile of the caller's own", profiles[i]);
		else if (mode.size && !bytes_are(mode, "default"))
			judge_not_judged(judging, SEVERITY_NONE, profiles[i], mode);
	}
}
