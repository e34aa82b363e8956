// SPDX-License-Identifier: Apache-2.0
#include "docker/judge/facts.h"

#include "base/bytes.h"
#include "docker/judge/judge_inside.h"
#include "http/query.h"
#include "secret/command.h"
#include "secret/mask.h"

/* Adds VALUE's text for a person to OUT, without its secrets. */
typedef void (*spell)(struct text *out, const struct value *value);

/* How a field of a body becomes a fact. */
enum fact_form {
	FORM_TEXT,	/* a string that is not empty */
	FORM_REFERENCE, /* the same, where the name of an image is expected */
	FORM_TRUE,	/* a bool, where it is true */
	FORM_FALSE,	/* a bool, where it is false */
	FORM_LIST,	/* a list; .spell makes a text of each element; NULL: they are strings */
	FORM_KEYS,	/* a map, of which the keys are told */
};

struct fact_line {
	const char *name;  /* callerd.request.NAME */
	const char *field; /* of the body */
	enum fact_form form;
	spell spell;
};

/* --- values as text ------------------------------------------------------------------------------ */

static void facts_add_part(struct text *out, const char *separator, struct bytes part)
{
	if (!part.size)
		return;
	if (out->size)
		text_add_string(out, separator);
	mask_text(out, part);
}

static void facts_add_setting(struct text *out, const char *setting, struct bytes value)
{
	if (!value.size)
		return;
	if (out->size)
		text_add_char(out, ',');
	text_add_string(out, setting);
	text_add_char(out, '=');
	mask_text(out, value);
}

static void facts_add_number(struct text *out, const char *setting, const struct value *number)
{
	_cleanup_(text_free) struct text digits = {0};

	if (!number || !number->number)
		return;
	text_add_signed(&digits, number->number);
	facts_add_setting(out, setting, text_since(&digits, 0));
}

static void spell_string(struct text *out, const struct value *value)
{
	mask_text(out, value->string);
}

/* key=value of a map of strings, the value hidden where the key says so. */
static void spell_pair(struct text *out, const struct value *value)
{
	mask_text(out, value->key);
	text_add_char(out, '=');
	if (mask_is_secret_name(value->key))
		text_add(out, MASK, MASK_SIZE);
	else
		mask_text(out, value->string);
}

/* Nobody knows whether the value of an unknown option is a secret. */
static void spell_log_option(struct text *out, const struct value *value)
{
	if (judge_log_option_is_known(value->key)) {
		spell_pair(out, value);
		return;
	}
	mask_text(out, value->key);
	text_add_string(out, "=" MASK);
}

/* As `docker run --mount` has it. */
static void spell_mount(struct text *out, const struct value *mount)
{
	static const char *const flags[][2] = {
		{"NonRecursive", "bind-nonrecursive"},
		{"ReadOnlyNonRecursive", "bind-recursive=writable"},
		{"ReadOnlyForceRecursive", "bind-recursive=readonly"},
		{"CreateMountpoint", "bind-create-src"}};
	const struct value *bind = body_get(mount, "BindOptions");
	const struct value *tmpfs = body_get(mount, "TmpfsOptions");
	const struct value *volume = body_get(mount, "VolumeOptions");
	const struct value *driver = body_get(volume, "DriverConfig");

	facts_add_setting(out, "type", body_string(mount, "Type"));
	facts_add_setting(out, "source", body_string(mount, "Source"));
	facts_add_setting(out, "target", body_string(mount, "Target"));
	if (body_true(mount, "ReadOnly"))
		facts_add_part(out, ",", bytes_of("readonly"));
	facts_add_setting(out, "bind-propagation", body_string(bind, "Propagation"));
	for (size_t i = 0; i < COUNT(flags); i++)
		if (body_true(bind, flags[i][0]))
			facts_add_part(out, ",", bytes_of(flags[i][1]));
	facts_add_setting(out, "image-subpath",
			  body_string(body_get(mount, "ImageOptions"), "Subpath"));
	facts_add_number(out, "tmpfs-size", body_get(tmpfs, "SizeBytes"));
	facts_add_number(out, "tmpfs-mode", body_get(tmpfs, "Mode"));
	facts_add_setting(out, "volume-subpath", body_string(volume, "Subpath"));
	facts_add_setting(out, "volume-driver", body_string(driver, "Name"));
	EACH (one, body_get(driver, "Options")) {
		text_add_string(out, ",volume-opt=");
		spell_pair(out, one);
	}
}

/* As `docker run --device` has it. */
static void spell_device(struct text *out, const struct value *device)
{
	facts_add_part(out, ":", body_string(device, "PathOnHost"));
	facts_add_part(out, ":", body_string(device, "PathInContainer"));
	facts_add_part(out, ":", body_string(device, "CgroupPermissions"));
}

static void add_strings(struct text *out, const char *setting, const struct value *list)
{
	EACH (one, list)
		facts_add_setting(out, setting, one->string);
}

void facts_spell_device_request(struct text *out, const struct value *request)
{
	const struct value *count = body_get(request, "Count");

	facts_add_setting(out, "driver", body_string(request, "Driver"));
	if (count && count->number) {
		text_add_string(out, out->size ? ",count=" : "count=");
		text_add_signed(out, count->number);
	}
	add_strings(out, "device", body_get(request, "DeviceIDs"));
	EACH (one, body_get(request, "Capabilities"))
		add_strings(out, "capabilities", one);
}

static void add_endpoint(struct text *out, const struct value *endpoint)
{
	const struct value *addresses = body_get(endpoint, "IPAMConfig");

	facts_add_setting(out, "ip", body_string(addresses, "IPv4Address"));
	facts_add_setting(out, "ip6", body_string(addresses, "IPv6Address"));
	facts_add_setting(out, "mac-address", body_string(endpoint, "MacAddress"));
	facts_add_number(out, "gw-priority", body_get(endpoint, "GwPriority"));
	EACH (one, body_get(endpoint, "DriverOpts")) {
		text_add_string(out, out->size ? ",driver-opt=" : "driver-opt=");
		spell_pair(out, one);
	}
}

/* As `docker run --network name=…` has it, without the word name. */
static void spell_endpoint(struct text *out, const struct value *endpoint)
{
	mask_text(out, endpoint->key);
	add_endpoint(out, endpoint);
}

static void spell_subnet(struct text *out, const struct value *subnet)
{
	facts_add_part(out, ",", body_string(subnet, "Subnet"));
	facts_add_setting(out, "ip-range", body_string(subnet, "IPRange"));
	facts_add_setting(out, "gateway", body_string(subnet, "Gateway"));
}

static void spell_reference(struct text *out, const struct value *reference)
{
	mask_text(out, body_string(reference, "SecretName"));
	mask_text(out, body_string(reference, "ConfigName"));
}

static void spell_target(struct text *out, const struct value *attachment)
{
	mask_text(out, body_string(attachment, "Target"));
}

static void spell_privilege(struct text *out, const struct value *privilege)
{
	mask_text(out, body_string(privilege, "Name"));
	text_add_string(out, ":");
	EACH (one, body_get(privilege, "Value")) {
		text_add_char(out, ' ');
		mask_text(out, one->string);
	}
}

/* --- tables to facts ------------------------------------------------------------------------------ */

/* Adds TEXT as MASK makes it. */
static void add_masked(struct verdict *verdict, const char *name, struct bytes text,
		       bool (*mask)(struct text *out, struct bytes text))
{
	struct record_fact *fact = text.size ? verdict_fact(verdict, name, FACT_TEXT) : NULL;
	struct text *masked = verdict_scratch(verdict);

	if (!fact)
		return;
	if (mask(masked, text))
		text = text_since(masked, 0);
	fact->text = pool_copy(&verdict->pool, text);
}

static void facts_add_text(struct verdict *verdict, const char *name, struct bytes text)
{
	add_masked(verdict, name, text, mask_text);
}

static void add_list(struct verdict *verdict, const struct fact_line *line,
		     const struct value *list)
{
	struct record_fact *fact = verdict_fact(verdict, line->name, FACT_LIST);

	if (!fact || !verdict_list(verdict, fact, list->count))
		return;
	fact->cut = list->dropped;
	for (const struct value *one = list->first; one; one = one->next) {
		struct text *text = verdict_scratch(verdict);

		if (line->form == FORM_KEYS)
			mask_text(text, one->key);
		else
			(line->spell ?: spell_string)(text, one);
		verdict_append(verdict, fact, text_since(text, 0));
	}
}

/* Adds the arguments, each ended by a NUL; one within an argument, which ends nothing, shows as U+FFFD. */
static void join_arguments(struct text *out, const struct value *list)
{
	EACH (one, list) {
		for (size_t i = 0; i < one->string.size; i++)
			if (one->string.data[i])
				text_add_char(out, one->string.data[i]);
			else
				text_add_string(out, "\uFFFD");
		text_add_char(out, '\0');
	}
}

/* Takes LIST's arguments off *MASKED. */
static void facts_add_arguments(struct verdict *verdict, const char *name, const struct value *list,
				struct bytes *masked)
{
	struct record_fact *fact;
	struct bytes argument;

	if (!list || (!list->count && !list->dropped))
		return;
	fact = verdict_fact(verdict, name, FACT_COMMAND);
	if (!fact || !verdict_list(verdict, fact, list->count))
		return;
	fact->cut = list->dropped || list->count > fact->room;
	for (unsigned int i = 0; i < list->count && command_next(masked, &argument); i++)
		if (fact->count < fact->room)
			fact->list[fact->count++] = pool_copy(&verdict->pool, argument);
}

/* Adds the arguments of both lists, masked as the one command that they are: a word can make a secret of the word behind
 * it. Both may be NULL. */
static void mask_command(struct text *out, const struct value *entrypoint,
			 const struct value *command)
{
	_cleanup_(text_free) struct text joined = {0};

	join_arguments(&joined, entrypoint);
	join_arguments(&joined, command);
	mask_args(out, text_since(&joined, 0));
}

static void add_command(struct verdict *verdict, const struct value *entrypoint,
			const struct value *command)
{
	_cleanup_(text_free) struct text masked = {0};
	struct bytes rest;

	mask_command(&masked, entrypoint, command);
	rest = text_since(&masked, 0);
	facts_add_arguments(verdict, "entrypoint", entrypoint, &rest);
	facts_add_arguments(verdict, "command", command, &rest);
}

void facts_spell_command(struct text *out, const struct value *entrypoint,
			 const struct value *command)
{
	_cleanup_(text_free) struct text masked = {0};

	mask_command(&masked, entrypoint, command);
	command_add(out, text_since(&masked, 0));
}

void facts_spell_exec(struct text *out, const struct value *body)
{
	facts_spell_command(out, NULL, body_get(body, "Cmd"));
}

static void facts_add_line(struct verdict *verdict, const struct fact_line *line,
			   const struct value *body)
{
	const struct value *value = body_get(body, line->field);

	if (!value)
		return;
	switch (line->form) {
	case FORM_TEXT:
		facts_add_text(verdict, line->name, value->string);
		break;
	case FORM_REFERENCE:
		add_masked(verdict, line->name, value->string, mask_reference);
		break;
	case FORM_TRUE:
	case FORM_FALSE:
		if (value->boolean == (line->form == FORM_TRUE))
			verdict_fact(verdict, line->name, FACT_TRUE);
		break;
	case FORM_LIST:
	case FORM_KEYS:
		if (value->count || value->dropped)
			add_list(verdict, line, value);
		break;
	}
}

#define ADD_LINES(verdict, lines, body)                                                            \
	do {                                                                                       \
		for (size_t i_ = 0; i_ < COUNT(lines); i_++)                                       \
			facts_add_line(verdict, &(lines)[i_], body);                               \
	} while (0)

/* --- containers ----------------------------------------------------------------------------------- */

static void add_restart_policy(struct verdict *verdict, const struct value *policy)
{
	const struct value *count = body_get(policy, "MaximumRetryCount");
	_cleanup_(text_free) struct text text = {0};

	text_add_bytes(&text, body_string(policy, "Name"));
	if (text.size && count && count->number) {
		text_add_char(&text, ':');
		text_add_signed(&text, count->number);
	}
	facts_add_text(verdict, "restart_policy", text_since(&text, 0));
}

/* [[HOST-IP:]HOST-PORT:]PORT/PROTOCOL, as `docker run -p` has it. */
static void append_port(struct verdict *verdict, struct record_fact *fact, struct bytes port,
			const struct value *binding)
{
	struct bytes ip = body_string(binding, "HostIp");
	struct text *text = verdict_scratch(verdict);

	mask_text(text, ip);
	if (ip.size)
		text_add_char(text, ':');
	mask_text(text, body_string(binding, "HostPort"));
	if (text->size)
		text_add_char(text, ':');
	mask_text(text, port);
	verdict_append(verdict, fact, text_since(text, 0));
}

static void add_ports(struct verdict *verdict, const struct value *ports)
{
	struct record_fact *fact;
	size_t count = 0;

	EACH (one, ports)
		count += one->count ?: 1;
	fact = ports && count ? verdict_fact(verdict, "ports", FACT_LIST) : NULL;
	if (!fact || !verdict_list(verdict, fact, count))
		return;
	fact->cut = ports->dropped;
	for (const struct value *one = ports->first; one; one = one->next) {
		if (!one->first)
			append_port(verdict, fact, one->key, NULL);
		for (const struct value *binding = one->first; binding; binding = binding->next)
			append_port(verdict, fact, one->key, binding);
	}
}

void facts_host(struct verdict *verdict, const struct value *host)
{
	static const struct fact_line lines[] = {
		{"privileged", "Privileged", FORM_TRUE},
		{"binds", "Binds", FORM_LIST},
		{"mounts", "Mounts", FORM_LIST, spell_mount},
		{"annotations", "Annotations", FORM_KEYS},
		{"volumes_from", "VolumesFrom", FORM_LIST},
		{"volume_driver", "VolumeDriver", FORM_TEXT},
		{"tmpfs", "Tmpfs", FORM_KEYS},
		{"devices", "Devices", FORM_LIST, spell_device},
		{"device_requests", "DeviceRequests", FORM_LIST, facts_spell_device_request},
		{"device_cgroup_rules", "DeviceCgroupRules", FORM_LIST},
		{"capabilities.add", "CapAdd", FORM_LIST},
		{"capabilities.drop", "CapDrop", FORM_LIST},
		{"namespaces.pid", "PidMode", FORM_TEXT},
		{"namespaces.network", "NetworkMode", FORM_TEXT},
		{"namespaces.ipc", "IpcMode", FORM_TEXT},
		{"namespaces.uts", "UTSMode", FORM_TEXT},
		{"namespaces.user", "UsernsMode", FORM_TEXT},
		{"namespaces.cgroup", "CgroupnsMode", FORM_TEXT},
		{"security_options", "SecurityOpt", FORM_LIST},
		{"masked_paths", "MaskedPaths", FORM_LIST},
		{"readonly_paths", "ReadonlyPaths", FORM_LIST},
		{"readonly_rootfs", "ReadonlyRootfs", FORM_TRUE},
		{"publish_all_ports", "PublishAllPorts", FORM_TRUE},
		{"auto_remove", "AutoRemove", FORM_TRUE},
		{"runtime", "Runtime", FORM_TEXT},
		{"isolation", "Isolation", FORM_TEXT},
		{"cgroup_parent", "CgroupParent", FORM_TEXT},
		{"sysctls", "Sysctls", FORM_LIST, spell_pair},
		{"group_add", "GroupAdd", FORM_LIST},
		{"extra_hosts", "ExtraHosts", FORM_LIST},
		{"links", "Links", FORM_LIST},
	};
	static const struct fact_line log_options = {"log_options", "Config", FORM_LIST,
						     spell_log_option};
	const struct value *log = body_get(host, "LogConfig");

	ADD_LINES(verdict, lines, host);
	facts_add_text(verdict, "log_driver", body_string(log, "Type"));
	facts_add_line(verdict, &log_options, log);
	add_ports(verdict, body_get(host, "PortBindings"));
	add_restart_policy(verdict, body_get(host, "RestartPolicy"));
}

void facts_container_create(struct verdict *verdict, const struct value *body,
			    const struct value *host)
{
	static const struct fact_line lines[] = {
		{"image", "Image", FORM_REFERENCE},
		{"user", "User", FORM_TEXT},
		{"working_directory", "WorkingDir", FORM_TEXT},
		{"hostname", "Hostname", FORM_TEXT},
		{"domainname", "Domainname", FORM_TEXT},
		{"environment", "Env", FORM_LIST},
		{"volumes", "Volumes", FORM_KEYS},
		{"tty", "Tty", FORM_TRUE},
	};
	static const struct fact_line networks = {"networks", "EndpointsConfig", FORM_LIST,
						  spell_endpoint};

	add_command(verdict, body_get(body, "Entrypoint"), body_get(body, "Cmd"));
	ADD_LINES(verdict, lines, body);
	facts_add_line(verdict, &networks, body_get(body, "NetworkingConfig"));
	facts_host(verdict, host);
}

/* --- containers of the OCI -------------------------------------------------------------------------- */

void facts_spell_hook(struct text *out, const struct value *hook)
{
	_cleanup_(text_free) struct text masked = {0};

	mask_text(out, body_string(hook, "path"));
	text_add_string(out, ": ");
	mask_command(&masked, NULL, body_get(hook, "args"));
	command_add(out, text_since(&masked, 0));
}

static void spell_oci_mount(struct text *out, const struct value *mount)
{
	facts_add_setting(out, "type", body_string(mount, "type"));
	facts_add_setting(out, "source", body_string(mount, "source"));
	facts_add_setting(out, "target", body_string(mount, "destination"));
	EACH (one, body_get(mount, "options"))
		facts_add_part(out, ",", one->string);
}

static void spell_oci_device(struct text *out, const struct value *device)
{
	mask_text(out, body_string(device, "path"));
}

static void add_oci_user(struct verdict *verdict, const struct value *user)
{
	static const char *const fields[] = {"uid", "gid"};
	_cleanup_(text_free) struct text text = {0};

	for (size_t i = 0; i < COUNT(fields); i++) {
		const struct value *number = body_get(user, fields[i]);

		if (i)
			text_add_char(&text, ':');
		text_add_signed(&text, number ? number->number : 0);
	}
	facts_add_text(verdict, "user", text_since(&text, 0));
}

void facts_oci_process(struct verdict *verdict, const struct value *body)
{
	static const struct fact_line lines[] = {
		{"environment", "env", FORM_LIST},
		{"working_directory", "cwd", FORM_TEXT},
		{"tty", "terminal", FORM_TRUE},
	};

	if (!body)
		return;
	add_command(verdict, NULL, body_get(body, "args"));
	add_oci_user(verdict, body_get(body, "user"));
	ADD_LINES(verdict, lines, body);
}

void facts_oci(struct verdict *verdict, const struct value *body)
{
	static const struct fact_line lines[] = {
		{"hostname", "hostname", FORM_TEXT},
		{"mounts", "mounts", FORM_LIST, spell_oci_mount},
		{"annotations", "annotations", FORM_KEYS},
	};
	static const struct fact_line linux_lines[] = {
		{"devices", "devices", FORM_LIST, spell_oci_device},
		{"sysctls", "sysctl", FORM_LIST, spell_pair},
		{"cgroup_parent", "cgroupsPath", FORM_TEXT},
	};
	const struct value *root = body_get(body, "root");

	facts_oci_process(verdict, body_get(body, "process"));
	facts_add_text(verdict, "rootfs", body_string(root, "path"));
	if (body_true(root, "readonly"))
		verdict_fact(verdict, "readonly_rootfs", FACT_TRUE);
	ADD_LINES(verdict, lines, body);
	ADD_LINES(verdict, linux_lines, body_get(body, "linux"));
}

/* As `docker run --mount` has it. */
static void add_containerd_mounts(struct verdict *verdict, const struct containerd *containerd)
{
	struct record_fact *fact = NULL;

	for (const struct containerd_item *one = containerd_items(containerd); one;
	     one = one->next) {
		struct text *text;

		if (one->kind != CONTAINERD_MOUNT)
			continue;
		fact = fact ?: verdict_fact(verdict, "mounts", FACT_LIST);
		if (!fact || (!fact->list && !verdict_list(verdict, fact, VERDICT_LIST_MAX)))
			return;
		text = verdict_scratch(verdict);
		facts_add_setting(text, "type", one->text.size ? one->text : bytes_of("bind"));
		facts_add_setting(text, "source", one->source);
		facts_add_setting(text, "target", one->target);
		facts_add_part(text, ",", one->options);
		if (one->read_only)
			facts_add_part(text, ",", bytes_of("readonly"));
		verdict_append(verdict, fact, text_since(text, 0));
	}
}

/* What Kubernetes' interface says in items, and containerd's own services in a specification. */
static void add_containerd_items(struct verdict *verdict, const struct containerd *containerd)
{
	static const struct {
		const char *name;
		enum containerd_kind kind;
	} lists[] = {
		{"environment", CONTAINERD_VARIABLE},
		{"annotations", CONTAINERD_ANNOTATION},
		{"capabilities.add", CONTAINERD_CAPABILITY},
		{"capabilities.drop", CONTAINERD_DROPPED},
		{"sysctls", CONTAINERD_SYSCTL},
		{"devices", CONTAINERD_CDI},
	};
	struct judge_items commands, items;

	judge_list_items(containerd, CONTAINERD_COMMAND, &commands);
	judge_list_items(containerd, CONTAINERD_ARGUMENT, &items);
	add_command(verdict, &commands.list, &items.list);
	for (size_t i = 0; i < COUNT(lists); i++) {
		struct fact_line line = {lists[i].name, NULL, FORM_LIST};

		judge_list_items(containerd, lists[i].kind, &items);
		if (items.list.count)
			add_list(verdict, &line, &items.list);
	}
	if (containerd_number(containerd, CONTAINERD_PRIVILEGED))
		verdict_fact(verdict, "privileged", FACT_TRUE);
	if (containerd_number(containerd, CONTAINERD_TTY))
		verdict_fact(verdict, "tty", FACT_TRUE);
	add_containerd_mounts(verdict, containerd);
}

void facts_containerd(struct verdict *verdict, const struct containerd *containerd)
{
	static const struct {
		const char *name;
		enum containerd_kind kind;
	} texts[] = {
		{"runtime", CONTAINERD_RUNTIME},
		{"pod", CONTAINERD_POD},
		{"hostname", CONTAINERD_HOSTNAME},
		{"working_directory", CONTAINERD_DIRECTORY},
		{"cgroup_parent", CONTAINERD_CGROUP_PARENT},
	};

	add_masked(verdict, "image", containerd_text(containerd, CONTAINERD_IMAGE), mask_reference);
	for (size_t i = 0; i < COUNT(texts); i++)
		facts_add_text(verdict, texts[i].name, containerd_text(containerd, texts[i].kind));
	add_containerd_items(verdict, containerd);
}

/* --- Podman's own description of a container -------------------------------------------------------- */

static void add_options(struct text *out, const struct value *options)
{
	EACH (one, options)
		facts_add_part(out, ",", one->string);
}

static void spell_spec_mount(struct text *out, const struct value *mount)
{
	facts_add_setting(out, "type", body_string(mount, "type"));
	facts_add_setting(out, "source", body_string(mount, "source"));
	facts_add_setting(out, "target", body_string(mount, "destination"));
	add_options(out, body_get(mount, "options"));
}

static void spell_spec_volume(struct text *out, const struct value *volume)
{
	facts_add_setting(out, "type", bytes_of("volume"));
	facts_add_setting(out, "source", body_string(volume, "Name"));
	facts_add_setting(out, "target", body_string(volume, "Dest"));
	add_options(out, body_get(volume, "Options"));
}

static void spell_spec_overlay(struct text *out, const struct value *volume)
{
	facts_add_setting(out, "type", bytes_of("overlay"));
	facts_add_setting(out, "source", body_string(volume, "source"));
	facts_add_setting(out, "target", body_string(volume, "destination"));
	add_options(out, body_get(volume, "options"));
}

static void spell_spec_device(struct text *out, const struct value *device)
{
	mask_text(out, body_string(device, "path"));
}

/* [[HOST-IP:]HOST-PORT:]PORT[/PROTOCOL] */
static void spell_spec_port(struct text *out, const struct value *port)
{
	const struct value *host = body_get(port, "host_port");
	const struct value *inner = body_get(port, "container_port");

	facts_add_part(out, ":", body_string(port, "host_ip"));
	for (unsigned int i = 0; i < 2; i++) {
		const struct value *number = i ? inner : host;

		if (!number || !number->number)
			continue;
		if (out->size)
			text_add_char(out, ':');
		text_add_signed(out, number->number);
	}
	facts_add_part(out, "/", body_string(port, "protocol"));
}

static void add_spec_modes(struct verdict *verdict, const struct value *spec)
{
	static const char *const fields[][2] = {
		{"namespaces.pid", "pidns"},   {"namespaces.network", "netns"},
		{"namespaces.ipc", "ipcns"},   {"namespaces.uts", "utsns"},
		{"namespaces.user", "userns"}, {"namespaces.cgroup", "cgroupns"}};

	for (size_t i = 0; i < COUNT(fields); i++) {
		const struct value *namespace = body_get(spec, fields[i][1]);
		_cleanup_(text_free) struct text mode = {0};

		text_add_bytes(&mode, body_string(namespace, "nsmode"));
		if (body_string(namespace, "value").size) {
			text_add_char(&mode, ':');
			text_add_bytes(&mode, body_string(namespace, "value"));
		}
		facts_add_text(verdict, fields[i][0], text_since(&mode, 0));
	}
}

static void add_spec_mounts(struct verdict *verdict, const struct value *spec)
{
	static const struct {
		const char *field;
		spell spell;
	} lists[] = {{"mounts", spell_spec_mount},
		     {"volumes", spell_spec_volume},
		     {"overlay_volumes", spell_spec_overlay}};
	struct record_fact *fact;
	size_t count = 0;

	for (size_t i = 0; i < COUNT(lists); i++) {
		const struct value *list = body_get(spec, lists[i].field);

		count += list ? list->count : 0;
	}
	fact = count ? verdict_fact(verdict, "mounts", FACT_LIST) : NULL;
	if (!fact || !verdict_list(verdict, fact, count))
		return;
	for (size_t i = 0; i < COUNT(lists); i++)
		EACH (one, body_get(spec, lists[i].field)) {
			struct text *text = verdict_scratch(verdict);

			lists[i].spell(text, one);
			verdict_append(verdict, fact, text_since(text, 0));
		}
}

void facts_spec(struct verdict *verdict, const struct value *body)
{
	static const struct fact_line lines[] = {
		{"image", "image", FORM_REFERENCE},
		{"rootfs", "rootfs", FORM_TEXT},
		{"pod", "pod", FORM_TEXT},
		{"user", "user", FORM_TEXT},
		{"working_directory", "work_dir", FORM_TEXT},
		{"hostname", "hostname", FORM_TEXT},
		{"environment", "env", FORM_KEYS},
		{"tty", "terminal", FORM_TRUE},
		{"networks", "Networks", FORM_KEYS},
		{"privileged", "privileged", FORM_TRUE},
		{"annotations", "annotations", FORM_KEYS},
		{"volumes_from", "volumes_from", FORM_LIST},
		{"devices", "devices", FORM_LIST, spell_spec_device},
		{"capabilities.add", "cap_add", FORM_LIST},
		{"capabilities.drop", "cap_drop", FORM_LIST},
		{"readonly_rootfs", "read_only_filesystem", FORM_TRUE},
		{"auto_remove", "remove", FORM_TRUE},
		{"runtime", "oci_runtime", FORM_TEXT},
		{"cgroup_parent", "cgroup_parent", FORM_TEXT},
		{"sysctls", "sysctl", FORM_LIST, spell_pair},
		{"group_add", "groups", FORM_LIST},
		{"extra_hosts", "hostadd", FORM_LIST},
		{"ports", "portmappings", FORM_LIST, spell_spec_port},
		{"restart_policy", "restart_policy", FORM_TEXT},
	};
	static const struct fact_line log_options = {"log_options", "options", FORM_LIST,
						     spell_log_option};
	const struct value *log = body_get(body, "log_configuration");

	add_command(verdict, body_get(body, "entrypoint"), body_get(body, "command"));
	ADD_LINES(verdict, lines, body);
	add_spec_mounts(verdict, body);
	add_spec_modes(verdict, body);
	facts_add_text(verdict, "log_driver", body_string(log, "driver"));
	facts_add_line(verdict, &log_options, log);
}

void facts_pod(struct verdict *verdict, const struct value *body)
{
	static const struct fact_line lines[] = {
		{"name", "name", FORM_TEXT},
		{"hostname", "hostname", FORM_TEXT},
		{"image", "infra_image", FORM_REFERENCE},
		{"networks", "Networks", FORM_KEYS},
		{"namespaces.shared", "shared_namespaces", FORM_LIST},
		{"volumes_from", "volumes_from", FORM_LIST},
		{"devices", "pod_devices", FORM_LIST},
		{"security_options", "security_opt", FORM_LIST},
		{"cgroup_parent", "cgroup_parent", FORM_TEXT},
		{"sysctls", "sysctl", FORM_LIST, spell_pair},
		{"extra_hosts", "hostadd", FORM_LIST},
		{"ports", "portmappings", FORM_LIST, spell_spec_port},
		{"restart_policy", "restart_policy", FORM_TEXT},
	};

	add_command(verdict, NULL, body_get(body, "infra_command"));
	ADD_LINES(verdict, lines, body);
	add_spec_mounts(verdict, body);
	add_spec_modes(verdict, body);
}

void facts_limits(struct verdict *verdict, const struct value *body)
{
	static const struct fact_line line = {"environment", "Env", FORM_LIST};

	facts_add_line(verdict, &line, body);
}

void facts_network_spec(struct verdict *verdict, const struct value *body)
{
	static const struct fact_line lines[] = {
		{"name", "name", FORM_TEXT},
		{"driver", "driver", FORM_TEXT},
		{"interface", "network_interface", FORM_TEXT},
		{"internal", "internal", FORM_TRUE},
		{"ipv6", "ipv6_enabled", FORM_TRUE},
		{"options", "options", FORM_LIST, spell_pair},
	};

	ADD_LINES(verdict, lines, body);
}

void facts_network_join(struct verdict *verdict, const struct value *body)
{
	_cleanup_(text_free) struct text endpoint = {0};

	add_strings(&endpoint, "ip", body_get(body, "static_ips"));
	facts_add_setting(&endpoint, "mac-address", body_string(body, "static_mac"));
	EACH (one, body_get(body, "options")) {
		text_add_string(&endpoint, endpoint.size ? ",driver-opt=" : "driver-opt=");
		spell_pair(&endpoint, one);
	}
	facts_add_text(verdict, "endpoint", text_since(&endpoint, 0));
	facts_add_text(verdict, "container", body_string(body, "container"));
}

void facts_exec(struct verdict *verdict, const struct value *body)
{
	static const struct fact_line lines[] = {
		{"user", "User", FORM_TEXT},	   {"privileged", "Privileged", FORM_TRUE},
		{"environment", "Env", FORM_LIST}, {"working_directory", "WorkingDir", FORM_TEXT},
		{"tty", "Tty", FORM_TRUE},
	};

	add_command(verdict, NULL, body_get(body, "Cmd"));
	ADD_LINES(verdict, lines, body);
}

/* --- what is not a container ----------------------------------------------------------------------- */

static void add_query(struct verdict *verdict, const char *name, struct bytes query,
		      const char *key)
{
	_cleanup_(text_free) struct text value = {0};

	if (query_value(query, key, &value))
		add_masked(verdict, name, text_since(&value, 0), mask_reference);
}

void facts_platform(struct verdict *verdict, struct bytes query)
{
	add_query(verdict, "platform", query, "platform");
	add_query(verdict, "platform", query, "platforms"); /* of a removal, in JSON */
}

void facts_build(struct verdict *verdict, struct bytes query)
{
	facts_platform(verdict, query);
	add_query(verdict, "stage", query, "target");
	add_query(verdict, "image", query, "t");
	add_query(verdict, "dockerfile", query, "dockerfile");
	add_query(verdict, "remote", query, "remote");
	add_query(verdict, "namespaces.network", query, "networkmode");
}

void facts_volume(struct verdict *verdict, const struct value *body)
{
	static const struct fact_line lines[] = {
		{"name", "Name", FORM_TEXT},
		{"driver", "Driver", FORM_TEXT},
		{"options", "DriverOpts", FORM_LIST, spell_pair},
		{"options", "Options", FORM_LIST, spell_pair},
	};

	ADD_LINES(verdict, lines, body);
}

void facts_network(struct verdict *verdict, const struct value *body)
{
	static const struct fact_line lines[] = {
		{"name", "Name", FORM_TEXT},
		{"driver", "Driver", FORM_TEXT},
		{"scope", "Scope", FORM_TEXT},
		{"internal", "Internal", FORM_TRUE},
		{"attachable", "Attachable", FORM_TRUE},
		{"ingress", "Ingress", FORM_TRUE},
		{"no_ipv4", "EnableIPv4", FORM_FALSE},
		{"ipv6", "EnableIPv6", FORM_TRUE},
		{"options", "Options", FORM_LIST, spell_pair},
	};
	static const struct fact_line subnets = {"subnets", "Config", FORM_LIST, spell_subnet};

	ADD_LINES(verdict, lines, body);
	facts_add_line(verdict, &subnets, body_get(body, "IPAM"));
}

void facts_network_connect(struct verdict *verdict, const struct value *body)
{
	_cleanup_(text_free) struct text endpoint = {0};

	add_endpoint(&endpoint, body_get(body, "EndpointConfig"));
	facts_add_text(verdict, "endpoint", text_since(&endpoint, 0));
	facts_add_text(verdict, "container", body_string(body, "Container"));
}

void facts_service(struct verdict *verdict, const struct value *body)
{
	static const struct fact_line lines[] = {
		{"image", "Image", FORM_REFERENCE},
		{"user", "User", FORM_TEXT},
		{"working_directory", "Dir", FORM_TEXT},
		{"hostname", "Hostname", FORM_TEXT},
		{"environment", "Env", FORM_LIST},
		{"mounts", "Mounts", FORM_LIST, spell_mount},
		{"capabilities.add", "CapabilityAdd", FORM_LIST},
		{"capabilities.drop", "CapabilityDrop", FORM_LIST},
		{"group_add", "Groups", FORM_LIST},
		{"secrets", "Secrets", FORM_LIST, spell_reference},
		{"configs", "Configs", FORM_LIST, spell_reference},
		{"sysctls", "Sysctls", FORM_LIST, spell_pair},
		{"readonly_rootfs", "ReadOnly", FORM_TRUE},
		{"tty", "TTY", FORM_TRUE},
	};
	static const struct fact_line networks = {"networks", "Networks", FORM_LIST, spell_target};
	const struct value *task = body_get(body, "TaskTemplate");
	const struct value *spec = body_get(task, "ContainerSpec");

	facts_add_text(verdict, "name", body_string(body, "Name"));
	add_command(verdict, body_get(spec, "Command"), body_get(spec, "Args"));
	ADD_LINES(verdict, lines, spec);
	facts_add_line(verdict, &networks, body_get(task, "Networks") ? task : body);
	facts_add_text(verdict, "runtime", body_string(task, "Runtime"));
}

void facts_swarm(struct verdict *verdict, const struct value *body)
{
	static const struct fact_line lines[] = {
		{"listen_address", "ListenAddr", FORM_TEXT},
		{"advertise_address", "AdvertiseAddr", FORM_TEXT},
		{"data_path_address", "DataPathAddr", FORM_TEXT},
		{"remote_addresses", "RemoteAddrs", FORM_LIST},
		{"force_new_cluster", "ForceNewCluster", FORM_TRUE},
		{"autolock", "AutoLockManagers", FORM_TRUE},
	};

	ADD_LINES(verdict, lines, body);
}

void facts_node(struct verdict *verdict, const struct value *body)
{
	static const struct fact_line lines[] = {
		{"name", "Name", FORM_TEXT},
		{"role", "Role", FORM_TEXT},
		{"availability", "Availability", FORM_TEXT},
	};

	ADD_LINES(verdict, lines, body);
}

void facts_plugin(struct verdict *verdict, const struct value *body)
{
	static const struct fact_line line = {"privileges", NULL, FORM_LIST, spell_privilege};

	if (body && body->count)
		add_list(verdict, &line, body);
}

void facts_plugin_set(struct verdict *verdict, const struct value *body)
{
	static const struct fact_line line = {"settings", NULL, FORM_LIST, NULL};

	if (body && body->count)
		add_list(verdict, &line, body);
}

void facts_named(struct verdict *verdict, const struct value *body)
{
	facts_add_text(verdict, "name", body_string(body, "Name"));
}
