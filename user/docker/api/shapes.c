// SPDX-License-Identifier: Apache-2.0
/*
 * The types of Docker 20.10 (api/types), with what later versions added. Fields that say nothing of safety are
 * there to be checked, since the daemon refuses a body with one of the wrong type; those that
 * differ between versions, or are large and harmless, are any JSON: then the response tells.
 */
#include "docker/api/shapes.h"

#include "docker/judge/judge.h"
#include "docker/known/attribute.h"
#include "docker/known/labels.h"

static const struct shape any = {.kind = SHAPE_ANY, .keep = KEEP_NOTHING};
static const struct shape text = {.kind = SHAPE_STRING};
static const struct shape checked_text = {.kind = SHAPE_STRING, .keep = KEEP_NOTHING};
static const struct shape name = {.kind = SHAPE_STRING, .keep = KEEP_NAME};
static const struct shape flag = {.kind = SHAPE_BOOL};
static const struct shape checked_flag = {.kind = SHAPE_BOOL, .keep = KEEP_NOTHING};
static const struct shape checked_flag_pointer = {
	.kind = SHAPE_BOOL, .keep = KEEP_NOTHING, .pointer = true};
static const struct shape number = {.kind = SHAPE_INTEGER, .bits = 64};
static const struct shape checked_number = {
	.kind = SHAPE_INTEGER, .keep = KEEP_NOTHING, .bits = 64};
static const struct shape checked_number_pointer = {
	.kind = SHAPE_INTEGER, .keep = KEEP_NOTHING, .bits = 64, .pointer = true};
static const struct shape checked_unsigned = {
	.kind = SHAPE_INTEGER, .keep = KEEP_NOTHING, .bits = 64, .is_unsigned = true};
static const struct shape checked_unsigned_16 = {
	.kind = SHAPE_INTEGER, .keep = KEEP_NOTHING, .bits = 16, .is_unsigned = true};
static const struct shape secret = {.kind = SHAPE_BASE64, .keep = KEEP_NOTHING};

static const struct shape texts = {.kind = SHAPE_LIST, .element = &text};
static const struct shape names = {.kind = SHAPE_LIST, .element = &name};
static const struct shape checked_texts = {
	.kind = SHAPE_LIST, .keep = KEEP_NOTHING, .element = &checked_text};
static const struct shape strslice = {.kind = SHAPE_STRSLICE};
static const struct shape checked_strslice = {.kind = SHAPE_STRSLICE, .keep = KEEP_NOTHING};
static const struct shape text_map = {.kind = SHAPE_MAP, .element = &text};
static const struct shape checked_text_map = {
	.kind = SHAPE_MAP, .keep = KEEP_NOTHING, .element = &checked_text};

static const struct shape_field no_fields[] = {{0}};
static const struct shape nothing = {.kind = SHAPE_STRUCT, .fields = no_fields};
static const struct shape checked_name_set = {
	.kind = SHAPE_MAP, .keep = KEEP_NOTHING, .element = &nothing};
static const struct shape volume_set = {
	.kind = SHAPE_MAP, .element = &nothing, .element_done = judge_volume_key_matters};
/* Whose keys are judged, and whose values may be secrets. */
static const struct shape key_map = {.kind = SHAPE_MAP, .element = &checked_text};
static const struct shape any_map = {.kind = SHAPE_MAP, .element = &any};

/* --- mounts ----------------------------------------------------------------------------------- */

static const struct shape_field driver_fields[] = {{"Name", &text}, {"Options", &text_map}, {0}};
static const struct shape driver = {.kind = SHAPE_STRUCT, .pointer = true, .fields = driver_fields};

static const struct shape_field bind_option_fields[] = {{"Propagation", &text},
							{"NonRecursive", &flag},
							{"CreateMountpoint", &flag},
							{"ReadOnlyNonRecursive", &flag},
							{"ReadOnlyForceRecursive", &flag},
							{0}};
static const struct shape bind_options = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = bind_option_fields};

static const struct shape_field volume_option_fields[] = {{"NoCopy", &checked_flag},
							  {"Labels", &checked_text_map},
							  {"Subpath", &text},
							  {"DriverConfig", &driver},
							  {0}};
static const struct shape volume_options = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = volume_option_fields};

static const struct shape_field image_option_fields[] = {{"Subpath", &text}, {0}};
static const struct shape image_options = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = image_option_fields};

static const struct shape_field tmpfs_option_fields[] = {
	{"SizeBytes", &number}, {"Mode", &number}, {"Options", &any}, {0}};
static const struct shape tmpfs_options = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = tmpfs_option_fields};

static const struct shape_field mount_fields[] = {{"Type", &text},
						  {"Source", &text},
						  {"Target", &text},
						  {"ReadOnly", &flag},
						  {"Consistency", &text},
						  {"BindOptions", &bind_options},
						  {"VolumeOptions", &volume_options},
						  {"ImageOptions", &image_options},
						  {"TmpfsOptions", &tmpfs_options},
						  {"ClusterOptions", &any},
						  {0}};
static const struct shape mount = {.kind = SHAPE_STRUCT, .fields = mount_fields};
static const struct shape mounts = {
	.kind = SHAPE_LIST, .element = &mount, .element_done = judge_mount_matters};
static const struct shape binds = {
	.kind = SHAPE_LIST, .element = &text, .element_done = judge_bind_matters};

/* --- containers --------------------------------------------------------------------------------- */

static const struct shape_field device_fields[] = {
	{"PathOnHost", &text}, {"PathInContainer", &text}, {"CgroupPermissions", &text}, {0}};
static const struct shape device = {.kind = SHAPE_STRUCT, .fields = device_fields};
static const struct shape devices = {
	.kind = SHAPE_LIST, .element = &device, .element_done = judge_matters};

static const struct shape_field device_request_fields[] = {
	{"Driver", &text},
	{"Count", &number},
	{"DeviceIDs", &texts},
	{"Capabilities", &(const struct shape){.kind = SHAPE_LIST, .element = &texts}},
	{"Options", &checked_text_map},
	{0}};
static const struct shape device_request = {.kind = SHAPE_STRUCT, .fields = device_request_fields};
static const struct shape device_requests = {
	.kind = SHAPE_LIST, .element = &device_request, .element_done = judge_matters};

static const struct shape_field port_binding_fields[] = {
	{"HostIp", &text}, {"HostPort", &text}, {0}};
static const struct shape port_binding = {.kind = SHAPE_STRUCT, .fields = port_binding_fields};
static const struct shape port_bindings = {.kind = SHAPE_LIST, .element = &port_binding};
static const struct shape port_map = {.kind = SHAPE_MAP, .element = &port_bindings};

static const struct shape_field restart_fields[] = {
	{"Name", &text}, {"MaximumRetryCount", &number}, {0}};
static const struct shape restart_policy = {.kind = SHAPE_STRUCT, .fields = restart_fields};

static const struct shape log_options = {
	.kind = SHAPE_MAP, .element = &text, .element_done = judge_log_option_matters};
static const struct shape_field log_fields[] = {{"Type", &text}, {"Config", &log_options}, {0}};
static const struct shape log_config = {.kind = SHAPE_STRUCT, .fields = log_fields};

static const struct shape_field health_fields[] = {{"Test", &checked_texts},
						   {"Interval", &checked_number},
						   {"Timeout", &checked_number},
						   {"StartPeriod", &checked_number},
						   {"StartInterval", &checked_number},
						   {"Retries", &checked_number},
						   {0}};
static const struct shape health = {
	.kind = SHAPE_STRUCT, .keep = KEEP_NOTHING, .pointer = true, .fields = health_fields};

static const struct shape_field weight_fields[] = {
	{"Path", &checked_text}, {"Weight", &checked_unsigned_16}, {0}};
static const struct shape_field throttle_fields[] = {
	{"Path", &checked_text}, {"Rate", &checked_unsigned}, {0}};
static const struct shape weight = {
	.kind = SHAPE_STRUCT, .keep = KEEP_NOTHING, .pointer = true, .fields = weight_fields};
static const struct shape throttle = {
	.kind = SHAPE_STRUCT, .keep = KEEP_NOTHING, .pointer = true, .fields = throttle_fields};
static const struct shape weights = {.kind = SHAPE_LIST, .keep = KEEP_NOTHING, .element = &weight};
static const struct shape throttles = {
	.kind = SHAPE_LIST, .keep = KEEP_NOTHING, .element = &throttle};

static const struct shape_field ulimit_fields[] = {
	{"Name", &checked_text}, {"Hard", &checked_number}, {"Soft", &checked_number}, {0}};
static const struct shape ulimit = {
	.kind = SHAPE_STRUCT, .keep = KEEP_NOTHING, .pointer = true, .fields = ulimit_fields};
static const struct shape ulimits = {.kind = SHAPE_LIST, .keep = KEEP_NOTHING, .element = &ulimit};
static const struct shape console_size = {
	.kind = SHAPE_ARRAY, .keep = KEEP_NOTHING, .length = 2, .element = &checked_unsigned};

/* Embedded structs are listed where they are embedded, as Go sees them. */
#define RESOURCES                                                                                  \
	{"CpuShares", &checked_number}, {"Memory", &number}, {"NanoCpus", &checked_number},        \
		{"CgroupParent", &text}, {"BlkioWeight", &checked_unsigned_16},                    \
		{"BlkioWeightDevice", &weights}, {"BlkioDeviceReadBps", &throttles},               \
		{"BlkioDeviceWriteBps", &throttles}, {"BlkioDeviceReadIOps", &throttles},          \
		{"BlkioDeviceWriteIOps", &throttles}, {"CpuPeriod", &checked_number},              \
		{"CpuQuota", &checked_number}, {"CpuRealtimePeriod", &checked_number},             \
		{"CpuRealtimeRuntime", &checked_number}, {"CpusetCpus", &checked_text},            \
		{"CpusetMems", &checked_text}, {"Devices", &devices},                              \
		{"DeviceCgroupRules", &device_rules}, {"DeviceRequests", &device_requests},        \
		{"KernelMemory", &any}, {"KernelMemoryTCP", &any}, {"MemoryReservation", &number}, \
		{"MemorySwap", &number}, {"MemorySwappiness", &checked_number_pointer},            \
		{"OomKillDisable", &checked_flag_pointer}, {"PidsLimit", &checked_number_pointer}, \
		{"Ulimits", &ulimits}, {"CpuCount", &checked_number},                              \
		{"CpuPercent", &checked_number}, {"IOMaximumIOps", &checked_unsigned},             \
	{                                                                                          \
		"IOMaximumBandwidth", &checked_unsigned                                            \
	}

#define HOST_CONFIG                                                                                \
	{"Binds", &binds}, {"ContainerIDFile", &checked_text}, {"LogConfig", &log_config},         \
		{"NetworkMode", &text}, {"PortBindings", &port_map},                               \
		{"RestartPolicy", &restart_policy}, {"AutoRemove", &flag},                         \
		{"VolumeDriver", &text}, {"VolumesFrom", &volumes_from}, {"CapAdd", &cap_add},     \
		{"CapDrop", &strslice}, {"CgroupnsMode", &text}, {"Dns", &checked_texts},          \
		{"DnsOptions", &checked_texts}, {"DnsSearch", &checked_texts},                     \
		{"ExtraHosts", &texts}, {"GroupAdd", &texts}, {"IpcMode", &text},                  \
		{"Cgroup", &text}, {"Links", &texts}, {"OomScoreAdj", &checked_number},            \
		{"PidMode", &text}, {"Privileged", &flag}, {"PublishAllPorts", &flag},             \
		{"ReadonlyRootfs", &flag}, {"SecurityOpt", &security_options},                     \
		{"StorageOpt", &key_map}, {"Tmpfs", &text_map}, {"UTSMode", &text},                \
		{"UsernsMode", &text}, {"ShmSize", &checked_number}, {"Sysctls", &sysctls},        \
		{"Runtime", &text}, {"ConsoleSize", &console_size}, {"Isolation", &text},          \
		{"Annotations", &any_map}, {"Mounts", &mounts}, {"MaskedPaths", &texts},           \
		{"ReadonlyPaths", &texts}, {"Init", &checked_flag_pointer}, RESOURCES

#define CONFIG(health, labels, shell)                                                              \
	{"Hostname", &text}, {"Domainname", &text}, {"User", &text},                               \
		{"AttachStdin", &checked_flag}, {"AttachStdout", &checked_flag},                   \
		{"AttachStderr", &checked_flag}, {"ExposedPorts", &checked_name_set},              \
		{"Tty", &flag}, {"OpenStdin", &checked_flag}, {"StdinOnce", &checked_flag},        \
		{"Env", &names}, {"Cmd", &strslice}, {"Healthcheck", &(health)},                   \
		{"ArgsEscaped", &checked_flag}, {"Image", &text}, {"Volumes", &volume_set},        \
		{"WorkingDir", &text}, {"Entrypoint", &strslice},                                  \
		{"NetworkDisabled", &checked_flag}, {"MacAddress", &checked_text},                 \
		{"OnBuild", &checked_texts}, {"Labels", &(labels)}, {"StopSignal", &checked_text}, \
		{"StopTimeout", &checked_number_pointer},                                          \
	{                                                                                          \
		"Shell", &(shell)                                                                  \
	}

static const struct shape device_rules = {
	.kind = SHAPE_LIST, .element = &text, .element_done = judge_matters};
static const struct shape volumes_from = {
	.kind = SHAPE_LIST, .element = &text, .element_done = judge_matters};
static const struct shape security_options = {
	.kind = SHAPE_LIST, .element = &text, .element_done = judge_security_option_matters};
static const struct shape cap_add = {.kind = SHAPE_STRSLICE,
				     .element_done = judge_capability_matters};
static const struct shape sysctls = {
	.kind = SHAPE_MAP, .element = &text, .element_done = judge_sysctl_matters};

static const struct shape_field host_config_fields[] = {HOST_CONFIG, {0}};
static const struct shape host_config = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = host_config_fields};

static const struct shape_field address_fields[] = {
	{"IPv4Address", &text}, {"IPv6Address", &text}, {0}};
static const struct shape addresses = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = address_fields};
static const struct shape_field endpoint_fields[] = {{"IPAMConfig", &addresses},
						     {"MacAddress", &text},
						     {"DriverOpts", &text_map},
						     {"GwPriority", &number},
						     {0}};
static const struct shape endpoint = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = endpoint_fields};
static const struct shape endpoints = {.kind = SHAPE_MAP, .element = &endpoint};
static const struct shape_field networking_fields[] = {{"EndpointsConfig", &endpoints}, {0}};
static const struct shape networking = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = networking_fields};

/* The body's data gathers those that are kept. */
static const struct shape gathered_labels = {.kind = SHAPE_MAP,
					     .element = &text,
					     .element_done = labels_gather,
					     .always = true,
					     .passing = true};

/* Docker before 27 takes the host's part at the top, too, where there is no HostConfig. */
static const struct shape_field create_fields[] = {
	{"HostConfig", &host_config},
	{"NetworkingConfig", &networking},
	{"Cpuset", &checked_text},
	CONFIG(health, gathered_labels, checked_strslice),
	HOST_CONFIG,
	{0}};
const struct shape shape_container_create = {.kind = SHAPE_STRUCT, .fields = create_fields};

/* Docker before 24 takes one, for API versions below 1.24. */
const struct shape shape_container_start = {.kind = SHAPE_STRUCT, .fields = host_config_fields};

static const struct shape_field update_fields[] = {
	RESOURCES, {"RestartPolicy", &restart_policy}, {0}};
const struct shape shape_container_update = {.kind = SHAPE_STRUCT, .fields = update_fields};

/* Of an inspected one more is of interest. */
static const struct shape_field inspected_health_fields[] = {{"Test", &texts}, {0}};
static const struct shape inspected_health = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = inspected_health_fields};
static bool inspected_label_matters(void *labels, const struct value *label)
{
	labels_gather(labels, label);
	return attribute_label_matters(NULL, label);
}
static const struct shape inspected_labels = {.kind = SHAPE_MAP,
					      .element = &text,
					      .element_done = inspected_label_matters,
					      .always = true};
static const struct shape_field config_fields[] = {
	CONFIG(inspected_health, inspected_labels, strslice), {0}};
static const struct shape inspected_config = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = config_fields};

static const struct shape_field copy_fields[] = {{"Resource", &text}, {0}};
const struct shape shape_container_copy = {.kind = SHAPE_STRUCT, .fields = copy_fields};

static const struct shape_field exec_fields[] = {{"User", &text},
						 {"Privileged", &flag},
						 {"Tty", &flag},
						 {"ConsoleSize", &any},
						 {"AttachStdin", &checked_flag},
						 {"AttachStderr", &checked_flag},
						 {"AttachStdout", &checked_flag},
						 {"Detach", &checked_flag},
						 {"DetachKeys", &checked_text},
						 {"Env", &names},
						 {"WorkingDir", &text},
						 {"Cmd", &texts},
						 {0}};
const struct shape shape_exec_create = {.kind = SHAPE_STRUCT, .fields = exec_fields};

static const struct shape_field state_fields[] = {{"Running", &flag},
						  {"ExitCode", &number},
						  {"StartedAt", &text},
						  {"FinishedAt", &text},
						  {0}};
static const struct shape state = {.kind = SHAPE_STRUCT, .pointer = true, .fields = state_fields};

/* As it is mounted, not as it was asked for. */
static const struct shape_field mounted_fields[] = {{"Name", &text}, {0}};
static const struct shape mounted = {.kind = SHAPE_STRUCT, .fields = mounted_fields};
static const struct shape mounted_list = {.kind = SHAPE_LIST, .element = &mounted};

static const struct shape_field inspect_fields[] = {{"Id", &text},
						    {"Name", &text},
						    {"Image", &text},
						    {"Created", &text},
						    {"State", &state},
						    {"Config", &inspected_config},
						    {"HostConfig", &host_config},
						    {"Mounts", &mounted_list},
						    {0}};
const struct shape shape_container_inspect = {.kind = SHAPE_STRUCT, .fields = inspect_fields};

static const struct shape_field removed_image_fields[] = {
	{"Untagged", &text}, {"Deleted", &text}, {0}};
static const struct shape removed_image = {.kind = SHAPE_STRUCT, .fields = removed_image_fields};
const struct shape shape_removed_images = {.kind = SHAPE_LIST, .element = &removed_image};

static const struct shape_field pruned_fields[] = {{"ContainersDeleted", &texts},
						   {"VolumesDeleted", &texts},
						   {"NetworksDeleted", &texts},
						   {"ImagesDeleted", &shape_removed_images},
						   {0}};
const struct shape shape_pruned = {.kind = SHAPE_STRUCT, .fields = pruned_fields};

static const struct shape_field created_fields[] = {{"Id", &text}, {"Name", &text}, {0}};
const struct shape shape_created = {.kind = SHAPE_STRUCT, .fields = created_fields};

static const struct shape_field failure_detail_fields[] = {{"message", &text}, {0}};
static const struct shape failure_detail = {.kind = SHAPE_STRUCT, .fields = failure_detail_fields};
static const struct shape_field failure_fields[] = {
	{"error", &text}, {"errorDetail", &failure_detail}, {0}};
const struct shape shape_failure = {.kind = SHAPE_STRUCT, .fields = failure_fields};

static const struct shape_field checkpoint_fields[] = {
	{"CheckpointID", &text}, {"CheckpointDir", &text}, {"Exit", &checked_flag}, {0}};
const struct shape shape_checkpoint_create = {.kind = SHAPE_STRUCT, .fields = checkpoint_fields};

/* --- Podman's own description of a container, pkg/specgen/specgen.go ---------------------------- */

static const struct shape_field namespace_fields[] = {{"nsmode", &text}, {"value", &text}, {0}};
static const struct shape namespace = {.kind = SHAPE_STRUCT, .fields = namespace_fields};

static const struct shape_field spec_mount_fields[] = {
	{"destination", &text}, {"type", &text}, {"source", &text}, {"options", &texts}, {0}};
static const struct shape spec_mount = {.kind = SHAPE_STRUCT, .fields = spec_mount_fields};
static const struct shape spec_mounts = {
	.kind = SHAPE_LIST, .element = &spec_mount, .element_done = judge_spec_mount_matters};

static const struct shape_field named_volume_fields[] = {
	{"Name", &text}, {"Dest", &text}, {"Options", &texts}, {0}};
static const struct shape named_volume = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = named_volume_fields};
static const struct shape named_volumes = {
	.kind = SHAPE_LIST, .element = &named_volume, .element_done = judge_matters};

static const struct shape_field overlay_volume_fields[] = {
	{"destination", &text}, {"source", &text}, {"options", &texts}, {0}};
static const struct shape overlay_volume = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = overlay_volume_fields};
static const struct shape overlay_volumes = {
	.kind = SHAPE_LIST, .element = &overlay_volume, .element_done = judge_matters};

static const struct shape_field spec_device_fields[] = {{"path", &text}, {0}};
static const struct shape spec_device = {.kind = SHAPE_STRUCT, .fields = spec_device_fields};
static const struct shape spec_devices = {
	.kind = SHAPE_LIST, .element = &spec_device, .element_done = judge_matters};

static const struct shape_field spec_rule_fields[] = {
	{"allow", &flag}, {"type", &text}, {"access", &text}, {0}};
static const struct shape spec_rule = {.kind = SHAPE_STRUCT, .fields = spec_rule_fields};
static const struct shape spec_rules = {
	.kind = SHAPE_LIST, .element = &spec_rule, .element_done = judge_matters};
static const struct shape_field spec_limit_fields[] = {{"devices", &spec_rules}, {0}};
static const struct shape spec_limits = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = spec_limit_fields};

static const struct shape spec_listed = {
	.kind = SHAPE_LIST, .element = &text, .element_done = judge_matters};
static const struct shape spec_capabilities = {
	.kind = SHAPE_LIST, .element = &text, .element_done = judge_capability_matters};

static const struct shape_field spec_port_fields[] = {{"host_ip", &text},
						      {"container_port", &number},
						      {"host_port", &number},
						      {"protocol", &text},
						      {0}};
static const struct shape spec_port = {.kind = SHAPE_STRUCT, .fields = spec_port_fields};
static const struct shape spec_ports = {.kind = SHAPE_LIST, .element = &spec_port};

static const struct shape_field spec_log_fields[] = {
	{"driver", &text}, {"path", &text}, {"options", &log_options}, {0}};
static const struct shape spec_log = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = spec_log_fields};

/* What is neither judged nor told is left out, and not checked. */
static const struct shape_field spec_fields[] = {{"name", &text},
						 {"pod", &text},
						 {"entrypoint", &texts},
						 {"command", &texts},
						 {"env", &key_map},
						 {"terminal", &flag},
						 {"annotations", &any_map},
						 {"log_configuration", &spec_log},
						 {"conmon_pid_file", &text},
						 {"restart_policy", &text},
						 {"oci_runtime", &text},
						 {"pidns", &namespace},
						 {"utsns", &namespace},
						 {"hostname", &text},
						 {"sysctl", &sysctls},
						 {"remove", &flag},
						 {"image", &text},
						 {"rootfs", &text},
						 {"rootfs_overlay", &flag},
						 {"volumes_from", &spec_listed},
						 {"init_path", &text},
						 {"mounts", &spec_mounts},
						 {"volumes", &named_volumes},
						 {"overlay_volumes", &overlay_volumes},
						 {"devices", &spec_devices},
						 {"device_cgroup_rule", &spec_rules},
						 {"devices_from", &spec_listed},
						 {"host_device_list", &spec_devices},
						 {"ipcns", &namespace},
						 {"work_dir", &text},
						 {"privileged", &flag},
						 {"user", &text},
						 {"groups", &texts},
						 {"cap_add", &spec_capabilities},
						 {"cap_drop", &texts},
						 {"selinux_opts", &spec_listed},
						 {"apparmor_profile", &text},
						 {"seccomp_policy", &text},
						 {"seccomp_profile_path", &text},
						 {"userns", &namespace},
						 {"read_only_filesystem", &flag},
						 {"unmask", &spec_listed},
						 {"cgroupns", &namespace},
						 {"cgroups_mode", &text},
						 {"cgroup_parent", &text},
						 {"netns", &namespace},
						 {"portmappings", &spec_ports},
						 {"Networks", &any_map},
						 {"hostadd", &texts},
						 {"resource_limits", &spec_limits},
						 {0}};
const struct shape shape_spec = {.kind = SHAPE_STRUCT, .fields = spec_fields};

/* pkg/specgen/podspecgen.go: what it names as a container does means the same. */
static const struct shape_field pod_fields[] = {{"name", &text},
						{"hostname", &text},
						{"infra_command", &texts},
						{"infra_image", &text},
						{"infra_conmon_pid_file", &text},
						{"no_infra", &flag},
						{"shared_namespaces", &texts},
						{"restart_policy", &text},
						{"pidns", &namespace},
						{"ipcns", &namespace},
						{"utsns", &namespace},
						{"userns", &namespace},
						{"netns", &namespace},
						{"pod_devices", &spec_listed},
						{"sysctl", &sysctls},
						{"security_opt", &security_options},
						{"portmappings", &spec_ports},
						{"Networks", &any_map},
						{"hostadd", &texts},
						{"mounts", &spec_mounts},
						{"volumes", &named_volumes},
						{"overlay_volumes", &overlay_volumes},
						{"volumes_from", &spec_listed},
						{"cgroup_parent", &text},
						{"resource_limits", &spec_limits},
						{0}};
const struct shape shape_pod = {.kind = SHAPE_STRUCT, .fields = pod_fields};

/* Those of the OCI runtime. */
static const struct shape_field memory_fields[] = {
	{"limit", &number}, {"reservation", &number}, {"swap", &number}, {0}};
static const struct shape memory_limits = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = memory_fields};
static const struct shape_field limit_fields[] = {
	{"devices", &spec_rules}, {"memory", &memory_limits}, {"Env", &names}, {0}};
const struct shape shape_limits = {.kind = SHAPE_STRUCT, .fields = limit_fields};

/* --- documents of Kubernetes, as far as Podman plays them ---------------------------------------- */

/* All of their scalars are texts (json/yaml_body.h). What is not named here, as the data of Secrets, is not kept. */
static const struct shape_field host_path_fields[] = {{"path", &text}, {"type", &text}, {0}};
static const struct shape host_path = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = host_path_fields};
static const struct shape_field claim_fields[] = {{"claimName", &text}, {0}};
static const struct shape claim = {.kind = SHAPE_STRUCT, .pointer = true, .fields = claim_fields};
static const struct shape_field secret_volume_fields[] = {{"secretName", &text}, {0}};
static const struct shape secret_volume = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = secret_volume_fields};
static const struct shape_field pod_volume_fields[] = {{"name", &text},
						       {"hostPath", &host_path},
						       {"persistentVolumeClaim", &claim},
						       {"secret", &secret_volume},
						       {0}};
static const struct shape pod_volume = {.kind = SHAPE_STRUCT, .fields = pod_volume_fields};
static const struct shape pod_volumes = {
	.kind = SHAPE_LIST, .element = &pod_volume, .element_done = judge_matters};

static const struct shape_field volume_mount_fields[] = {
	{"name", &text}, {"mountPath", &text}, {"readOnly", &text}, {0}};
static const struct shape volume_mount = {.kind = SHAPE_STRUCT, .fields = volume_mount_fields};
static const struct shape volume_mounts = {
	.kind = SHAPE_LIST, .element = &volume_mount, .element_done = judge_matters};

static const struct shape_field selinux_option_fields[] = {{"user", &text},	{"role", &text},
							   {"type", &text},	{"level", &text},
							   {"filetype", &text}, {0}};
static const struct shape selinux_options = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = selinux_option_fields};
static const struct shape_field typed_fields[] = {{"type", &text}, {0}};
static const struct shape typed = {.kind = SHAPE_STRUCT, .pointer = true, .fields = typed_fields};
static const struct shape_field capability_fields[] = {
	{"add", &spec_capabilities}, {"drop", &texts}, {0}};
static const struct shape capabilities = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = capability_fields};
static const struct shape_field named_fields[] = {{"name", &text}, {0}};
static const struct shape named = {.kind = SHAPE_STRUCT, .fields = named_fields};
static const struct shape named_pointer = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = named_fields};
static const struct shape sysctl_list = {
	.kind = SHAPE_LIST, .element = &named, .element_done = judge_matters};
/* Of a pod, and of a container. */
static const struct shape_field context_fields[] = {
	{"privileged", &text},		 {"procMount", &text},
	{"capabilities", &capabilities}, {"seLinuxOptions", &selinux_options},
	{"seccompProfile", &typed},	 {"appArmorProfile", &typed},
	{"sysctls", &sysctl_list},	 {0}};
static const struct shape security_context = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = context_fields};

static const struct shape_field value_from_fields[] = {{"secretKeyRef", &named_pointer}, {0}};
static const struct shape value_from = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = value_from_fields};
static const struct shape_field pod_variable_fields[] = {
	{"name", &text}, {"valueFrom", &value_from}, {0}};
static const struct shape pod_variable = {.kind = SHAPE_STRUCT, .fields = pod_variable_fields};
static const struct shape pod_variables = {.kind = SHAPE_LIST, .element = &pod_variable};
static const struct shape_field variable_source_fields[] = {{"secretRef", &named_pointer}, {0}};
static const struct shape variable_source = {.kind = SHAPE_STRUCT,
					     .fields = variable_source_fields};
static const struct shape variable_sources = {.kind = SHAPE_LIST, .element = &variable_source};

static const struct shape_field pod_port_fields[] = {
	{"containerPort", &text}, {"hostPort", &text}, {"hostIP", &text}, {"protocol", &text}, {0}};
static const struct shape pod_port = {.kind = SHAPE_STRUCT, .fields = pod_port_fields};
static const struct shape pod_ports = {.kind = SHAPE_LIST, .element = &pod_port};
static const struct shape_field resource_fields[] = {
	{"limits", &any_map}, {"requests", &any_map}, {0}};
static const struct shape resources = {.kind = SHAPE_STRUCT, .fields = resource_fields};

static const struct shape_field pod_container_fields[] = {{"name", &text},
							  {"image", &text},
							  {"command", &texts},
							  {"args", &texts},
							  {"env", &pod_variables},
							  {"envFrom", &variable_sources},
							  {"ports", &pod_ports},
							  {"volumeMounts", &volume_mounts},
							  {"securityContext", &security_context},
							  {"resources", &resources},
							  {0}};
static const struct shape pod_container = {.kind = SHAPE_STRUCT, .fields = pod_container_fields};
static const struct shape pod_containers = {
	.kind = SHAPE_LIST, .element = &pod_container, .element_done = judge_matters};

static const struct shape_field metadata_fields[] = {
	{"name", &text}, {"annotations", &text_map}, {0}};
static const struct shape metadata = {.kind = SHAPE_STRUCT, .fields = metadata_fields};

#define POD_SPEC                                                                                   \
	{"containers", &pod_containers}, {"initContainers", &pod_containers},                      \
		{"volumes", &pod_volumes}, {"hostPID", &text}, {"hostNetwork", &text},             \
		{"hostIPC", &text},                                                                \
	{                                                                                          \
		"securityContext", &security_context                                               \
	}
static const struct shape_field pod_spec_fields[] = {POD_SPEC, {0}};
static const struct shape pod_spec = {.kind = SHAPE_STRUCT, .fields = pod_spec_fields};
static const struct shape_field template_fields[] = {
	{"metadata", &metadata}, {"spec", &pod_spec}, {0}};
static const struct shape pod_template = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = template_fields};

/* A pod, or what has a template of one. */
static const struct shape_field kube_spec_fields[] = {POD_SPEC, {"template", &pod_template}, {0}};
static const struct shape kube_spec = {.kind = SHAPE_STRUCT, .fields = kube_spec_fields};
static const struct shape_field kube_fields[] = {
	{"kind", &text}, {"metadata", &metadata}, {"spec", &kube_spec}, {0}};
static const struct shape kube = {.kind = SHAPE_STRUCT, .fields = kube_fields};
const struct shape shape_kube = {
	.kind = SHAPE_LIST, .element = &kube, .element_done = judge_matters};

/* --- volumes, networks -------------------------------------------------------------------------- */

static const struct shape_field volume_fields[] = {
	{"Driver", &text}, {"DriverOpts", &text_map},	{"Labels", &checked_text_map},
	{"Name", &text},   {"ClusterVolumeSpec", &any}, {0}};
const struct shape shape_volume_create = {.kind = SHAPE_STRUCT, .fields = volume_fields};

static const struct shape_field config_from_fields[] = {{"Network", &text}, {0}};
static const struct shape config_from = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = config_from_fields};

static const struct shape_field subnet_fields[] = {{"Subnet", &text},
						   {"IPRange", &text},
						   {"Gateway", &text},
						   {"AuxiliaryAddresses", &checked_text_map},
						   {0}};
static const struct shape subnet = {.kind = SHAPE_STRUCT, .fields = subnet_fields};
static const struct shape subnets = {.kind = SHAPE_LIST, .element = &subnet};
static const struct shape_field ipam_fields[] = {
	{"Driver", &checked_text}, {"Options", &checked_text_map}, {"Config", &subnets}, {0}};
static const struct shape ipam = {.kind = SHAPE_STRUCT, .pointer = true, .fields = ipam_fields};

static const struct shape flag_pointer = {.kind = SHAPE_BOOL, .pointer = true};
static const struct shape_field network_fields[] = {
	{"Name", &text},	{"CheckDuplicate", &any},      {"Driver", &text},
	{"Scope", &text},	{"EnableIPv4", &flag_pointer}, {"EnableIPv6", &flag_pointer},
	{"IPAM", &ipam},	{"Internal", &flag},	       {"Attachable", &flag},
	{"Ingress", &flag},	{"ConfigOnly", &checked_flag}, {"ConfigFrom", &config_from},
	{"Options", &text_map}, {"Labels", &checked_text_map}, {0}};
const struct shape shape_network_create = {.kind = SHAPE_STRUCT, .fields = network_fields};

static const struct shape_field connect_fields[] = {
	{"Container", &text}, {"EndpointConfig", &endpoint}, {"Force", &flag}, {0}};
const struct shape shape_network_connect = {.kind = SHAPE_STRUCT, .fields = connect_fields};

/* Podman's own. */
static const struct shape_field volume_option_list_fields[] = {
	{"Name", &text}, {"Driver", &text}, {"Options", &text_map}, {0}};
const struct shape shape_volume_options = {.kind = SHAPE_STRUCT,
					   .fields = volume_option_list_fields};

static const struct shape_field network_option_fields[] = {{"name", &text},
							   {"driver", &text},
							   {"network_interface", &text},
							   {"ipv6_enabled", &flag},
							   {"internal", &flag},
							   {"options", &text_map},
							   {0}};
const struct shape shape_network_options = {.kind = SHAPE_STRUCT, .fields = network_option_fields};

static const struct shape_field join_fields[] = {{"container", &text},
						 {"static_ips", &texts},
						 {"static_mac", &text},
						 {"options", &text_map},
						 {0}};
const struct shape shape_network_join = {.kind = SHAPE_STRUCT, .fields = join_fields};

/* --- swarm -------------------------------------------------------------------------------------- */

static const struct shape_field selinux_fields[] = {{"Disable", &flag}, {"User", &text},
						    {"Role", &text},	{"Type", &text},
						    {"Level", &text},	{0}};
static const struct shape selinux = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = selinux_fields};
static const struct shape_field profile_fields[] = {{"Mode", &text}, {"Profile", &any}, {0}};
static const struct shape profile = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = profile_fields};
static const struct shape_field privileges_fields[] = {
	{"CredentialSpec", &any}, {"SELinuxContext", &selinux}, {"Seccomp", &profile},
	{"AppArmor", &profile},	  {"NoNewPrivileges", &any},	{0}};
static const struct shape privileges = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = privileges_fields};

static const struct shape_field reference_fields[] = {
	{"SecretName", &text}, {"ConfigName", &text}, {0}};
static const struct shape reference = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = reference_fields};
static const struct shape references = {.kind = SHAPE_LIST, .element = &reference};
static const struct shape caps = {
	.kind = SHAPE_LIST, .element = &text, .element_done = judge_capability_matters};

static const struct shape_field container_spec_fields[] = {{"Image", &text},
							   {"Labels", &checked_text_map},
							   {"Command", &texts},
							   {"Args", &texts},
							   {"Hostname", &text},
							   {"Env", &names},
							   {"Dir", &text},
							   {"User", &text},
							   {"Groups", &texts},
							   {"Privileges", &privileges},
							   {"TTY", &flag},
							   {"ReadOnly", &flag},
							   {"Mounts", &mounts},
							   {"Secrets", &references},
							   {"Configs", &references},
							   {"Sysctls", &sysctls},
							   {"CapabilityAdd", &caps},
							   {"CapabilityDrop", &texts},
							   {0}};
static const struct shape container_spec = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = container_spec_fields};

static const struct shape_field attachment_fields[] = {{"Target", &text}, {0}};
static const struct shape attachment = {.kind = SHAPE_STRUCT, .fields = attachment_fields};
static const struct shape attachments = {.kind = SHAPE_LIST, .element = &attachment};

static const struct shape_field log_driver_fields[] = {
	{"Name", &text}, {"Options", &log_options}, {0}};
static const struct shape log_driver = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = log_driver_fields};

static const struct shape_field task_fields[] = {
	{"ContainerSpec", &container_spec}, {"PluginSpec", &any_map}, {"LogDriver", &log_driver},
	{"Networks", &attachments},	    {"Runtime", &text},	      {0}};
static const struct shape task = {.kind = SHAPE_STRUCT, .fields = task_fields};

static const struct shape_field service_fields[] = {{"Name", &text},
						    {"Labels", &checked_text_map},
						    {"TaskTemplate", &task},
						    {"Networks", &attachments},
						    {0}};
const struct shape shape_service_spec = {.kind = SHAPE_STRUCT, .fields = service_fields};

static const struct shape_field swarm_init_fields[] = {
	{"ListenAddr", &text},	    {"AdvertiseAddr", &text},	 {"DataPathAddr", &text},
	{"ForceNewCluster", &flag}, {"AutoLockManagers", &flag}, {0}};
const struct shape shape_swarm_init = {.kind = SHAPE_STRUCT, .fields = swarm_init_fields};

static const struct shape_field swarm_join_fields[] = {
	{"ListenAddr", &text},	 {"AdvertiseAddr", &text},     {"DataPathAddr", &text},
	{"RemoteAddrs", &texts}, {"JoinToken", &checked_text}, {0}};
const struct shape shape_swarm_join = {.kind = SHAPE_STRUCT, .fields = swarm_join_fields};

static const struct shape_field external_authority_fields[] = {{"Protocol", &checked_text},
							       {"URL", &text},
							       {"Options", &checked_text_map},
							       {"CACert", &any},
							       {0}};
static const struct shape external_authority = {
	.kind = SHAPE_STRUCT, .pointer = true, .fields = external_authority_fields};
static const struct shape external_authorities = {
	.kind = SHAPE_LIST, .element = &external_authority, .element_done = judge_matters};
static const struct shape_field authority_fields[] = {{"NodeCertExpiry", &checked_number},
						      {"ExternalCAs", &external_authorities},
						      {"SigningCACert", &text},
						      {"SigningCAKey", &checked_text},
						      {"ForceRotate", &number},
						      {0}};
static const struct shape authority = {.kind = SHAPE_STRUCT, .fields = authority_fields};
static const struct shape_field task_default_fields[] = {{"LogDriver", &log_driver}, {0}};
static const struct shape task_defaults = {.kind = SHAPE_STRUCT, .fields = task_default_fields};
static const struct shape_field swarm_spec_fields[] = {{"Name", &text},
						       {"Labels", &checked_text_map},
						       {"Orchestration", &any},
						       {"Raft", &any},
						       {"Dispatcher", &any},
						       {"CAConfig", &authority},
						       {"TaskDefaults", &task_defaults},
						       {"EncryptionConfig", &any},
						       {0}};
const struct shape shape_swarm_spec = {.kind = SHAPE_STRUCT, .fields = swarm_spec_fields};

static const struct shape_field node_fields[] = {
	{"Name", &text}, {"Role", &text}, {"Availability", &text}, {0}};
const struct shape shape_node_spec = {.kind = SHAPE_STRUCT, .fields = node_fields};

/* Of secrets and configs: the data is base64, checked and dropped as it comes. */
static const struct shape_field secret_fields[] = {
	{"Name", &text}, {"Data", &secret}, {"Driver", &any}, {0}};
const struct shape shape_secret_spec = {.kind = SHAPE_STRUCT, .fields = secret_fields};

/* --- plugins ------------------------------------------------------------------------------------ */

static const struct shape_field privilege_fields[] = {
	{"Name", &text}, {"Description", &checked_text}, {"Value", &texts}, {0}};
static const struct shape privilege = {.kind = SHAPE_STRUCT, .fields = privilege_fields};
const struct shape shape_plugin_privileges = {
	.kind = SHAPE_LIST, .element = &privilege, .element_done = judge_matters};

/* NAME=value, as `docker plugin set` has it. */
const struct shape shape_plugin_settings = {.kind = SHAPE_LIST, .element = &name};
