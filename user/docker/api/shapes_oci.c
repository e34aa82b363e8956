// SPDX-License-Identifier: Apache-2.0
/*
 * A container as a runtime is told of it: specs-go/config.go of the OCI's runtime specification, up to 1.3. runc reads it by Go's
 * encoding/json. What says nothing of safety is any JSON: its type is no business of whoever starts a container.
 */
#include "docker/api/shapes.h"

#include "docker/judge/judge.h"

static const struct shape any = {.kind = SHAPE_ANY, .keep = KEEP_NOTHING};
static const struct shape text = {.kind = SHAPE_STRING};
static const struct shape name = {.kind = SHAPE_STRING, .keep = KEEP_NAME};
static const struct shape flag = {.kind = SHAPE_BOOL};
static const struct shape number = {.kind = SHAPE_INTEGER, .bits = 64};
static const struct shape number_pointer = {.kind = SHAPE_INTEGER, .bits = 64, .pointer = true};
static const struct shape texts = {.kind = SHAPE_LIST, .element = &text};
static const struct shape names = {.kind = SHAPE_LIST, .element = &name};
static const struct shape any_map = {.kind = SHAPE_MAP, .element = &any};
static const struct shape sysctls = {
	.kind = SHAPE_MAP, .element = &text, .element_done = judge_sysctl_matters};

#define STRUCT(list)                                                                               \
	{                                                                                          \
		.kind = SHAPE_STRUCT, .pointer = true, .fields = (list)                            \
	}
#define LIST(shape, matters)                                                                       \
	{                                                                                          \
		.kind = SHAPE_LIST, .element = &(shape), .element_done = (matters)                 \
	}

/* Most of them are what every container has, many times over. */
static const struct shape capabilities = {.kind = SHAPE_LIST,
					  .element = &text,
					  .element_done = judge_oci_capability_matters,
					  .always = true};
static const struct shape_field capability_fields[] = {
	{"bounding", &capabilities},  {"effective", &capabilities}, {"inheritable", &capabilities},
	{"permitted", &capabilities}, {"ambient", &capabilities},   {0}};
static const struct shape capability_sets = STRUCT(capability_fields);
static const struct shape_field user_fields[] = {{"uid", &number}, {"gid", &number}, {0}};
static const struct shape user = {.kind = SHAPE_STRUCT, .fields = user_fields};
static const struct shape_field process_fields[] = {{"terminal", &flag},
						    {"user", &user},
						    {"args", &texts},
						    {"env", &names},
						    {"cwd", &text},
						    {"capabilities", &capability_sets},
						    {"noNewPrivileges", &flag},
						    {"apparmorProfile", &text},
						    {"selinuxLabel", &text},
						    {0}};
static const struct shape process = STRUCT(process_fields);
const struct shape shape_oci_process = {.kind = SHAPE_STRUCT, .fields = process_fields};

static const struct shape_field root_fields[] = {{"path", &text}, {"readonly", &flag}, {0}};
static const struct shape root = STRUCT(root_fields);

static const struct shape_field mount_fields[] = {
	{"destination", &text}, {"type", &text}, {"source", &text}, {"options", &texts}, {0}};
static const struct shape mount = {.kind = SHAPE_STRUCT, .fields = mount_fields};
static const struct shape mounts = LIST(mount, judge_oci_mount_matters);

static const struct shape_field hook_fields[] = {{"path", &text}, {"args", &texts}, {0}};
static const struct shape hook = {.kind = SHAPE_STRUCT, .fields = hook_fields};
static const struct shape hook_list = LIST(hook, judge_matters);
static const struct shape_field hooks_fields[] = {{"prestart", &hook_list},
						  {"createRuntime", &hook_list},
						  {"createContainer", &hook_list},
						  {"startContainer", &hook_list},
						  {"poststart", &hook_list},
						  {"poststop", &hook_list},
						  {0}};
static const struct shape hooks = STRUCT(hooks_fields);

static const struct shape_field rule_fields[] = {
	{"allow", &flag},	    {"type", &text},   {"major", &number_pointer},
	{"minor", &number_pointer}, {"access", &text}, {0}};
static const struct shape rule = {.kind = SHAPE_STRUCT, .fields = rule_fields};
static const struct shape rules = {.kind = SHAPE_LIST,
				   .element = &rule,
				   .element_done = judge_oci_rule_matters,
				   .always = true};
static const struct shape_field resource_fields[] = {{"devices", &rules}, {0}};
static const struct shape resources = STRUCT(resource_fields);
const struct shape shape_oci_resources = {.kind = SHAPE_STRUCT, .fields = resource_fields};

static const struct shape_field namespace_fields[] = {{"type", &text}, {"path", &text}, {0}};
static const struct shape namespace = {.kind = SHAPE_STRUCT, .fields = namespace_fields};
static const struct shape namespaces = LIST(namespace, judge_matters);
static const struct shape_field device_fields[] = {
	{"path", &text}, {"type", &text}, {"major", &number}, {"minor", &number}, {0}};
static const struct shape device = {.kind = SHAPE_STRUCT, .fields = device_fields};
static const struct shape devices = LIST(device, judge_matters);
static const struct shape_field seccomp_fields[] = {{"defaultAction", &text}, {0}};
static const struct shape seccomp = STRUCT(seccomp_fields);
static const struct shape_field linux_fields[] = {
	{"sysctl", &sysctls},	     {"resources", &resources},	   {"cgroupsPath", &text},
	{"namespaces", &namespaces}, {"devices", &devices},	   {"netDevices", &any_map},
	{"seccomp", &seccomp},	     {"rootfsPropagation", &text}, {"maskedPaths", &texts},
	{"readonlyPaths", &texts},   {"mountLabel", &text},	   {0}};
static const struct shape linux_part = STRUCT(linux_fields);

static const struct shape_field spec_fields[] = {
	{"process", &process},	   {"root", &root},	   {"hostname", &text},
	{"domainname", &text},	   {"mounts", &mounts},	   {"hooks", &hooks},
	{"annotations", &any_map}, {"linux", &linux_part}, {0}};
const struct shape shape_oci_spec = {.kind = SHAPE_STRUCT, .fields = spec_fields};
