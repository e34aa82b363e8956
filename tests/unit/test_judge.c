// SPDX-License-Identifier: Apache-2.0
/* What is found in the contents of requests, and the facts that are told of them. */
#include "judging.h"
#include "docker/known/packed.h"

#define CREATE "POST /v1.41/containers/create"

/* The same of creates with these members of the HostConfig. */
struct host_case {
	const char *host, *told;
};

static void check_hosts(const struct host_case *cases, size_t count, unsigned int part)
{
	for (size_t i = 0; i < count; i++) {
		char body[4096];
		struct told_case it = {CREATE, body, cases[i].told};

		snprintf(body, sizeof(body), "{'Image':'','HostConfig':{%s}}", cases[i].host);
		check_told(&it, 1, part);
	}
}

/* --- findings of a container's creation ------------------------------------------------------- */

#define NOT_KNOWN "not-judged medium: what the container may do is not known"
/* Of whoever acts in donor, whose findings are no sentences. */
#define IN_DONOR                                                                                   \
	ROOT "in a container that has the root; "                                                  \
	     "privileged critical: in a container that has all of it; "                            \
	     "root-container-entered critical: enters a container that has the root; "
#define IN_DONOR_BELOW                                                                             \
	"volume-host-path high: in a container that has a path; "                                  \
	"engine-socket-mount high: in a container that has a socket"
/* Of whoever acts beside it. */
#define BESIDE_DONOR                                                                               \
	"host-root-mount medium: in a container that has the root; "                               \
	"privileged medium: in a container that has all of it; "                                   \
	"volume-host-path medium: in a container that has a path; "                                \
	"engine-socket-mount medium: in a container that has a socket"

static void test_privileged(void **state)
{
	static const struct host_case cases[] = {
		{"'Privileged':true", "privileged critical: runs privileged"},
		{"'Privileged':false", ""},
		{"'Privileged':null", ""},
		{"'privileged':true", "privileged critical: runs privileged; "
				      "protocol-anomaly medium: a key in another case"},
		{"'Privileged':true,'Privileged':false", "protocol-anomaly medium: a key twice"},
	};

	check_hosts(cases, COUNT(cases), TOLD_FINDINGS);
}

static void test_binds(void **state)
{
	static const struct host_case cases[] = {
		{"'Binds':['/:/host']", ROOT "/ mounted read-write at /host"},
		{"'Binds':['/:/host:ro']", ROOT "/ mounted read-only at /host"},
		{"'Binds':['/srv/../:/host']", ROOT "/ mounted read-write at /host"},
		{"'Binds':['/srv/all:/x']", ROOT "/srv/all (that is /) mounted read-write at /x"},
		{"'Binds':['/proc/1/root:/x']", ROOT "/proc/1/root mounted read-write at /x"},
		{"'Binds':['/srv:/x']", SOCKET "/srv mounted read-write at /x"},
		{"'Binds':['/srv/x:/x']", ""},
		{"'Binds':['/srv/none:/x']", ""},
		{"'Binds':['/etc:/e']", PATH "critical: /etc mounted read-write at /e: accounts, "
					     "secrets and configuration of the host"},
		{"'Binds':['/srv/conf:/e']",
		 PATH "critical: /srv/conf (that is /etc) mounted read-write at /e: accounts, "
		      "secrets and configuration of the host"},
		{"'Binds':['/etc/hosts:/e:ro']",
		 PATH "low: /etc/hosts mounted read-only at /e: names of other hosts"},
		{"'Binds':['/home/u/x:/e']",
		 PATH "medium: /home/u/x mounted read-write at /e: a user's files"},
		{"'Binds':['/dev/sda:/d:ro']",
		 PATH "critical: /dev/sda mounted read-only at /d: a disk"},
		{"'Binds':['/srv/disk:/d']",
		 PATH "critical: /srv/disk mounted read-write at /d: a block device"},
		{"'Binds':['/tmp/x:/d']", ""},
		{"'Binds':['/run/docker.sock:/s']",
		 SOCKET "/run/docker.sock mounted read-write at /s"},
		{"'Binds':['/var/run/docker.sock:/s:ro']",
		 SOCKET "/var/run/docker.sock mounted read-only at /s"},
		{"'Binds':['/srv/engine:/s']", SOCKET "/srv/engine mounted read-write at /s"},
		{"'Binds':['/srv/engine/engine.sock:/s']",
		 SOCKET "/srv/engine/engine.sock mounted read-write at /s"},
		{"'Binds':['/srv/engines:/s']", ""},
		/* Two at once, the same twice. */
		{"'Binds':['/srv/x:/x','/tmp:/t','/:/host']",
		 ROOT "/ mounted read-write at /host; " PATH
		      "medium: /tmp mounted read-write at /t: temporary files and sockets of every "
		      "user"},
		{"'Binds':['/:/host','/:/host']", ROOT "/ mounted read-write at /host"},
		{"'Binds':['/:/a','/:/b']",
		 ROOT "/ mounted read-write at /a; " ROOT "/ mounted read-write at /b"},
		/* By name. */
		{"'Binds':['conf:/c']",
		 VOLUME_HOST "volume conf: /etc mounted read-write at /c: accounts, secrets and "
			     "configuration of the host"},
		{"'Binds':['conf:/c:ro']",
		 VOLUME_HOST "volume conf: /etc mounted read-only at /c: accounts, secrets and "
			     "configuration of the host"},
		{"'Binds':['plain:/c']", ""},
		{"'Binds':['other:/c']", ""},
		/* What Docker refuses, or takes for the path of an anonymous volume. */
		{"'Binds':['/etc']", ""},
		{"'Binds':['etc']", ""},
		{"'Binds':['']", ""},
		/* What only Podman takes: other words of a mode, relative sources; and what nobody does. */
		{"'Binds':['/:/h:rbind']", ROOT "/ mounted read-write at /h"},
		{"'Binds':['/:/h:ro,U,idmap=uids=0-1-10']", ROOT "/ mounted read-only at /h"},
		{"'Binds':['.:/h']", ROOT "/ mounted read-write at /h"},
		{"'Binds':['./etc/..:/h']", ROOT "/ mounted read-write at /h"},
		{"'Binds':['/srv/x:/h:O,upperdir=/etc/cron.d,workdir=/srv/w']", PATH
		 "critical: /etc/cron.d mounted read-write at /h: commands that run as root by "
		 "the clock"},
		{"'Binds':['/srv/x:/h:rbind,noexec']", ""},
		{"'Binds':['/etc/hosts:/e:nonsense']",
		 UNJUDGED "Binds: /etc/hosts:/e:nonsense; " PATH
			  "medium: /etc/hosts mounted read-write at /e: names of other hosts"},
		{"'Binds':['/srv/x:/e:ro:more']", UNJUDGED "Binds: /srv/x:/e:ro:more"},
		/* Links that do not end. */
		{"'Binds':['/srv/lost:/x']",
		 "not-judged high: /srv/lost mounted read-write at /x: where it leads could not be "
		 "followed"},
		{"'Binds':null", ""},
	};

	check_hosts(cases, COUNT(cases), TOLD_FINDINGS);
}

#define DRIVER(name, options)                                                                      \
	"'VolumeOptions':{'DriverConfig':{'Name':'" name "','Options':{" options "}}}"
#define BIND_OPTIONS "'type':'none','o':'bind','device':'/etc'"

static void test_mounts(void **state)
{
	static const struct host_case cases[] = {
		{"'Mounts':[{'Type':'bind','Source':'/','Target':'/h','ReadOnly':true,"
		 "'BindOptions':{'ReadOnlyNonRecursive':true}}]",
		 ROOT "/ mounted read-only, but for what is mounted below it, at /h"},
		{"'Mounts':[{'Type':'bind','Source':'/','Target':'/h','ReadOnly':true}]",
		 ROOT "/ mounted read-only at /h"},
		{"'Mounts':[{'Type':'bind','Source':'/etc','Target':'/h'}]",
		 PATH "critical: /etc mounted read-write at /h: accounts, secrets and "
		      "configuration of the host"},
		{"'Mounts':[{'Type':'bind','Source':'/run/docker.sock','Target':'/s'}]",
		 SOCKET "/run/docker.sock mounted read-write at /s"},
		{"'Mounts':[{'Type':'bind','Source':'/srv/x','Target':'/h'}]", ""},
		{"'Mounts':[{'Type':'tmpfs','Source':'/etc','Target':'/h'}]", ""},
		{"'Mounts':[{'Type':'volume','Source':'conf','Target':'/h'}]",
		 VOLUME_HOST "volume conf: /etc mounted read-write at /h: accounts, secrets and "
			     "configuration of the host"},
		{"'Mounts':[{'Type':'volume','Source':'plain','Target':'/h'}]", ""},
		{"'Mounts':[{'Type':'volume','Target':'/h'}]", ""},
		{"'Mounts':[{'Type':'volume','Source':'v','Target':'/h'," DRIVER("local",
										 BIND_OPTIONS) "}]",
		 VOLUME_HOST "volume v: /etc mounted read-write at /h: accounts, secrets and "
			     "configuration of the host"},
		{"'Mounts':[{'Type':'volume','Target':'/h','ReadOnly':true," DRIVER(
			 "", BIND_OPTIONS) "}]",
		 VOLUME_HOST
		 "/etc mounted read-only at /h: accounts, secrets and configuration of the host"},
		{"'Mounts':[{'Type':'volume','Source':'v','Target':'/h'," DRIVER(
			 "local", "'type':'ext4','device':'/dev/sda1'") "}]",
		 VOLUME_HOST "volume v: /dev/sda1 mounted read-write at /h: a disk"},
		{"'Mounts':[{'Type':'volume','Source':'v','Target':'/h'," DRIVER(
			 "local",
			 "'type':'overlay','device':'overlay','o':'lowerdir=/etc:/usr'") "}]",
		 VOLUME_HOST "volume v: /etc mounted read-write at /h: accounts, secrets and "
			     "configuration of the host"},
		{"'Mounts':[{'Type':'volume','Source':'v','Target':'/h'," DRIVER(
			 "local", "'type':'tmpfs','device':'tmpfs','o':'size=1m'") "}]",
		 ""},
		{"'Mounts':[{'Type':'volume','Source':'v','Target':'/h'," DRIVER("rclone",
										 BIND_OPTIONS) "}]",
		 UNJUDGED "volume driver: rclone"},
		{"'Mounts':[{'Type':'new','Source':'x','Target':'/h'}]",
		 UNJUDGED "Mounts.Type: new"},
		{"'Mounts':[{'Type':'bind','Source':'/srv/x','Target':'/h',"
		 "'BindOptions':{'Propagation':'x'}}]",
		 UNJUDGED "Mounts.BindOptions.Propagation: x"},
		{"'Mounts':[{'Type':'bind','Source':'/srv/x','Target':'/h',"
		 "'BindOptions':{'Propagation':'rslave'}}]",
		 ""},
		/* Podman takes the text apart that it makes of it. */
		{"'Mounts':[{'Type':'bind','Source':'/srv/x,src=/','Target':'/h'}]",
		 ROOT "/ mounted read-write at /h; not-judged high: Mounts: /srv/x,src=/"},
		{"'Mounts':[{'Type':'bind','Target':'/h,source=/'}]",
		 ROOT "/ mounted read-write at /h,source=/; not-judged high: Mounts: /h,source=/"},
		{"'Mounts':[{'Type':'bind,src=/','Target':'/h'}]",
		 ROOT "/ mounted read-write at /h; not-judged high: Mounts: bind,src=/; " UNJUDGED
		      "Mounts.Type: bind,src=/"},
		{"'Mounts':[{'Type':'bind','Source':'/srv/a,b','Target':'/h'}]", ""},
		{"'Mounts':[{'Type':'glob','Source':'/e*','Target':'/h'}]",
		 ROOT "/ mounted read-write at /h"},
		{"'Mounts':[{'Type':'glob','Source':'/srv/x/*','Target':'/h'}]", ""},
	};

	check_hosts(cases, COUNT(cases), TOLD_FINDINGS);
}

static void test_volumes_from(void **state)
{
	static const char donor[] =
		ROOT "the root, from container donor; volume-host-path high: a path, from "
		     "container donor; "
		     "engine-socket-mount high: a socket, from container donor; " JOIN
		     "volumes of container donor; host-path-mount low: a log, from container donor";
	static const struct host_case cases[] = {
		{"'VolumesFrom':['web']", JOIN "volumes of container web"},
		{"'VolumesFrom':['nobody:ro']", JOIN "volumes of container nobody"},
		{"'VolumesFrom':['donor']", donor},
		{"'VolumesFrom':['donor:ro']", donor},
		{"'VolumesFrom':['dddd']",
		 ROOT "the root, from container dddd; "
		      "volume-host-path high: a path, from container dddd; "
		      "engine-socket-mount high: a socket, from container dddd; " JOIN
		      "volumes of container dddd; "
		      "host-path-mount low: a log, from container dddd"},
		{"'VolumesFrom':[]", ""},
	};

	check_hosts(cases, COUNT(cases), TOLD_FINDINGS);
}

static void test_namespaces(void **state)
{
	static const struct host_case cases[] = {
		{"'PidMode':'host'", "host-pid high: the host's PID namespace"},
		{"'NetworkMode':'host'", "host-network medium: the host's network namespace"},
		{"'IpcMode':'host'", "host-ipc medium: the host's IPC namespace"},
		{"'UTSMode':'host'", "host-uts medium: the host's UTS namespace"},
		{"'UsernsMode':'host'", "host-userns high: the host's user namespace"},
		{"'CgroupnsMode':'host'", "host-cgroupns medium: the host's cgroup namespace"},
		{"'PidMode':'','NetworkMode':'bridge','IpcMode':'private','UTSMode':'',"
		 "'UsernsMode':'','CgroupnsMode':'private'",
		 ""},
		{"'NetworkMode':'hosts','IpcMode':'shareable'", ""},
		{"'PidMode':'private','UTSMode':'private','UsernsMode':'keep-id:uid=5',"
		 "'NetworkMode':'slirp4netns'",
		 ""},
		{"'PidMode':'pod'", UNJUDGED "PidMode: pod"},
		{"'IpcMode':'Host'", UNJUDGED "IpcMode: Host"},
		{"'UsernsMode':'x'", UNJUDGED "UsernsMode: x"},
		{"'NetworkMode':'slirp4netns:allow_host_loopback=true'",
		 UNJUDGED "NetworkMode: slirp4netns:allow_host_loopback=true"},
		{"'PidMode':'ns:/proc/1/ns/pid'",
		 "host-pid high: the host's PID namespace, by /proc/1/ns/pid"},
		{"'NetworkMode':'ns:/proc/self/ns/net'",
		 "host-network medium: the host's network namespace, by /proc/self/ns/net"},
		{"'IpcMode':'ns:/proc/4711/ns/ipc'",
		 "not-judged high: IpcMode: ns:/proc/4711/ns/ipc"},
		{"'PidMode':'container:web'", JOIN "PID namespace of container:web"},
		{"'NetworkMode':'container:web'", JOIN "network namespace of container:web"},
		{"'IpcMode':'container:web'", JOIN "IPC namespace of container:web"},
		{"'Cgroup':'container:web'", JOIN "cgroup of container:web"},
		{"'Cgroup':'host'", UNJUDGED "Cgroup: host"},
		{"'NetworkMode':'containers'", ""},
	};

	check_hosts(cases, COUNT(cases), TOLD_FINDINGS);
}

static void test_capabilities(void **state)
{
	static const struct host_case cases[] = {
		{"'CapAdd':['ALL']", "cap-add critical: capability ALL"},
		{"'CapAdd':['CAP_ALL']", "cap-add critical: capability ALL"},
		{"'CapAdd':['cap_sys_admin']", "cap-add critical: capability sys_admin"},
		{"'CapAdd':'SYS_MODULE'", "cap-add critical: capability SYS_MODULE"},
		{"'CapAdd':['SYS_PTRACE','SYS_RAWIO','DAC_READ_SEARCH','BPF']",
		 "cap-add critical: capability SYS_PTRACE; cap-add critical: capability SYS_RAWIO; "
		 "cap-add critical: capability DAC_READ_SEARCH; cap-add critical: capability BPF"},
		{"'CapAdd':['NET_ADMIN']", "cap-add medium: capability NET_ADMIN"},
		{"'CapAdd':['CHOWN','SYS_ADMIN','SYS_TIME']",
		 "cap-add critical: capability SYS_ADMIN; cap-add medium: capability SYS_TIME; "
		 "cap-add low: capability CHOWN"},
		/* As Go upper-cases. */
		{"'CapAdd':['ſys_admın']", "cap-add critical: capability ſys_admın"},
		{"'CapAdd':['KILL']", "cap-add medium: capability KILL"},
		{"'CapAdd':['']", ""},
		{"'CapAdd':[],'CapDrop':['ALL']", ""},
	};

	check_hosts(cases, COUNT(cases), TOLD_FINDINGS);
}

static void test_devices(void **state)
{
	static const struct host_case cases[] = {
		{"'Devices':[{'PathOnHost':'/dev/sda','PathInContainer':'/"
		 "d','CgroupPermissions':'rwm'}]",
		 "device high: device /dev/sda, access rwm"},
		{"'Devices':[{'PathOnHost':'/dev/null'}]", "device high: device /dev/null"},
		{"'DeviceCgroupRules':['c 1:3 rwm']", "device high: device rule c 1:3 rwm"},
		{"'DeviceRequests':[{'Driver':'nvidia','Count':-1}]",
		 "device high: devices: driver=nvidia,count=-1"},
		{"'DeviceRequests':[{'Count':1,'DeviceIDs':['0'],'Capabilities':[['gpu']]}]",
		 "device high: devices: count=1,device=0,capabilities=gpu"},
		{"'Devices':[],'DeviceCgroupRules':null,'DeviceRequests':null", ""},
	};

	check_hosts(cases, COUNT(cases), TOLD_FINDINGS);
}

#define LESS "security-disabled medium: "

static void test_security(void **state)
{
	static const struct host_case cases[] = {
		{"'SecurityOpt':['seccomp=unconfined']", DISABLED "seccomp=unconfined"},
		{"'SecurityOpt':['seccomp:unconfined']", DISABLED "seccomp:unconfined"},
		{"'SecurityOpt':['apparmor=unconfined']", DISABLED "apparmor=unconfined"},
		{"'SecurityOpt':['label=disable']", DISABLED "label=disable"},
		{"'SecurityOpt':['label:disable']", DISABLED "label:disable"},
		{"'SecurityOpt':['disable']", DISABLED "disable"},
		{"'SecurityOpt':['label=type:spc_t']", DISABLED "label=type:spc_t"},
		{"'SecurityOpt':['systempaths=unconfined']", DISABLED "systempaths=unconfined"},
		{"'SecurityOpt':['no-new-privileges=false']", DISABLED "no-new-privileges=false"},
		{"'SecurityOpt':['no-new-privileges:0']", DISABLED "no-new-privileges:0"},
		{"'SecurityOpt':['no-new-privileges=true']", ""},
		{"'SecurityOpt':['writable-cgroups=true']", DISABLED "writable-cgroups=true"},
		{"'SecurityOpt':['seccomp={\\u0022defaultAction\\u0022:\\u0022SCMP_ACT_"
		 "ALLOW\\u0022}']",
		 DISABLED "seccomp profile that may allow everything"},
		{"'SecurityOpt':['seccomp={\\u0022defaultAction\\u0022:\\u0022SCMP_ACT_"
		 "ERRNO\\u0022}']",
		 LESS "seccomp profile of the caller's own"},
		{"'SecurityOpt':['seccomp=\\n {\\u0022defaultAction\\u0022:\\u0022SCMP_ACT_"
		 "ALLOW\\u0022}']",
		 DISABLED "seccomp profile that may allow everything"},
		{"'SecurityOpt':['seccomp={}']",
		 DISABLED "seccomp profile that may allow everything"},
		{"'SecurityOpt':['seccomp=builtin','seccomp=']", ""},
		{"'SecurityOpt':['seccomp=/srv/profile.json']", LESS "seccomp=/srv/profile.json"},
		/* As Go reads it: the last one counts, in any case. */
		{"'SecurityOpt':['seccomp={\\u0022DEFAULTACTION\\u0022:\\u0022SCMP_ACT_LOG\\u0022}'"
		 "]",
		 DISABLED "seccomp profile that may allow everything"},
		{"'SecurityOpt':['seccomp={\\u0022x\\u0022:\\u0022SCMP_ACT_ALLOW "
		 "defaultAction\\u0022,\\u0022defaultAction\\u0022:\\u0022SCMP_ACT_KILL\\u0022}']",
		 LESS "seccomp profile of the caller's own"},
		{"'SecurityOpt':['seccomp={\\u0022defaultAction\\u0022']",
		 DISABLED "seccomp profile that may allow everything"},
		{"'SecurityOpt':['no-new-privileges','no-new-privileges:T','apparmor=docker-"
		 "default',"
		 "'apparmor=','mask=/proc/x','writable-cgroups=0']",
		 ""},
		{"'SecurityOpt':['apparmor=mine','label=level:s0','label:type:x']",
		 LESS "apparmor=mine; " LESS "label=level:s0; " LESS "label:type:x"},
		{"'SecurityOpt':['writable-cgroups']", DISABLED "writable-cgroups"},
		{"'SecurityOpt':['writable-cgroups:True']", DISABLED "writable-cgroups:True"},
		{"'SecurityOpt':['unmask=ALL']", DISABLED "unmask=ALL"},
		{"'SecurityOpt':['new=x']", UNJUDGED "SecurityOpt: new=x"},
		{"'SecurityOpt':['no-new-privileges=maybe']",
		 UNJUDGED "SecurityOpt: no-new-privileges=maybe"},
		{"'SecurityOpt':['label=new']", UNJUDGED "SecurityOpt: label=new"},
		{"'MaskedPaths':[]", DISABLED "MaskedPaths is empty: system paths are open"},
		{"'ReadonlyPaths':[]", DISABLED "ReadonlyPaths is empty: system paths are open"},
		{"'MaskedPaths':null,'ReadonlyPaths':['/proc/sys']",
		 DISABLED "ReadonlyPaths leaves open /proc/bus, /proc/fs, /proc/irq, "
			  "/proc/sysrq-trigger"},
		{"'MaskedPaths':['/proc','/sys/'],'ReadonlyPaths':['/x']", ""},
		{"'MaskedPaths':['/proc/./kcore','/proc/keys','/proc/scsi','/sys/firmware']",
		 LESS "MaskedPaths leaves open /proc/acpi, /proc/asound, /proc/latency_stats, "
		      "/proc/sched_debug, /proc/timer_list, /proc/timer_stats"},
		{"'MaskedPaths':['/proc/acpi','/proc/asound','/proc/kcore','/proc/keys',"
		 "'/proc/latency_stats','/proc/sched_debug','/proc/scsi','/proc/timer_list',"
		 "'/proc/timer_stats','/sys/firmware'],"
		 "'ReadonlyPaths':['/proc/bus','/proc/fs','/proc/irq','/proc/sys','/proc/"
		 "sysrq-trigger']",
		 ""},
	};

	check_hosts(cases, COUNT(cases), TOLD_FINDINGS);
}

static void test_runtime(void **state)
{
	static const struct host_case cases[] = {
		{"'Runtime':'kata'", "other-runtime medium: runtime kata"},
		{"'Runtime':'runc'", ""},
		{"'Runtime':'','CgroupParent':''", ""},
		{"'CgroupParent':'/system.slice'",
		 "other-runtime medium: cgroup parent /system.slice"},
		{"'Sysctls':{'kernel.core_pattern':'|/x'}",
		 "other-runtime medium: sysctl kernel.core_pattern"},
		{"'Sysctls':{'net.ipv4.ip_forward':'1','fs.mqueue.msg_max':'1','kernel.shmmax':'1',"
		 "'kernel.msgmax':'1','kernel.sem':'1'}",
		 ""},
		{"'Sysctls':{'network':'1'}", "other-runtime medium: sysctl network"},
	};

	check_hosts(cases, COUNT(cases), TOLD_FINDINGS);
}

#define LOG "log-destination "
#define LOG_OPTION(driver, option, value)                                                          \
	"'LogConfig':{'Type':'" driver "','Config':{'" option "':'" value "'}}"

static void test_logs(void **state)
{
	static const struct host_case cases[] = {
		{"'LogConfig':{'Type':'','Config':{}}", ""},
		{"'LogConfig':{'Type':'json-file','Config':{'max-size':'1m','max-file':'3',"
		 "'compress':'true','labels':'a','env':'B','tag':'t'}}",
		 ""},
		{"'LogConfig':{'Type':'journald'}", ""},
		{LOG_OPTION("syslog", "syslog-address", "unixgram:///dev/log"), ""},
		{LOG_OPTION("syslog", "syslog-facility", "daemon"), ""},
		{LOG_OPTION("syslog", "syslog-address", "unix:///run/x.sock"),
		 LOG "high: syslog-address: the engine writes to the socket /run/x.sock"},
		{LOG_OPTION("fluentd", "fluentd-address", "UNIX:///run/x.sock"),
		 LOG "high: fluentd-address: the engine writes to the socket /run/x.sock"},
		{LOG_OPTION("gelf", "gelf-address", "udp://192.0.2.1:12201"),
		 LOG "low: gelf-address: output goes to udp://192.0.2.1:12201"},
		{LOG_OPTION("splunk", "splunk-url", "https://u:S3CRET@h"),
		 LOG "low: splunk-url: output goes to https://u:***@h"},
		{LOG_OPTION("splunk", "splunk-token", "S3CRET"), ""},
		{LOG_OPTION("awslogs", "awslogs-region", "x"), LOG "low: output goes to awslogs"},
		{LOG_OPTION("k8s-file", "path", "/etc/cron.d/x"), LOG
		 "critical: path: the engine writes to the file /etc/cron.d/x: commands that run "
		 "as root by the clock"},
		{LOG_OPTION("k8s-file", "path", "/srv/x"),
		 LOG "high: path: the engine writes to the file /srv/x"},
		{LOG_OPTION("json-file", "new", "S3CRET"), UNJUDGED "log option: new"},
		{"'LogConfig':{'Type':'loki'}", UNJUDGED "log driver: loki"},
	};

	check_hosts(cases, COUNT(cases), TOLD_FINDINGS);
}

/* What nobody looked at before. */
static void test_rest(void **state)
{
	static const struct host_case cases[] = {
		{"'VolumeDriver':'local','StorageOpt':{'size':'1g'},'Isolation':'default',"
		 "'ShmSize':1,'Memory':1,'GroupAdd':['0'],'Tmpfs':{'/t':''},'Init':true,"
		 "'Ulimits':[{'Name':'nofile'}],'OomScoreAdj':1,'Dns':['192.0.2.1'],"
		 "'ExtraHosts':['a:192.0.2.1'],'RestartPolicy':{'Name':'always'}",
		 ""},
		{"'VolumeDriver':'rclone'", UNJUDGED "VolumeDriver: rclone"},
		{"'StorageOpt':{'new':'S3CRET'}", UNJUDGED "StorageOpt: new"},
		{"'Isolation':'new'", UNJUDGED "Isolation: new"},
		{"'Annotations':{'run.oci.x':'S3CRET'}", UNJUDGED "Annotations: run.oci.x"},
		{"'Annotations':{'x':'S3CRET'}", "not-judged low: Annotations: x"},
		{"'Annotations':{'org.opencontainers.image.title':'x'}", ""},
	};

	check_hosts(cases, COUNT(cases), TOLD_FINDINGS);
}

#define ENDPOINT(name) "'NetworkingConfig':{'EndpointsConfig':{'" name "':{}}}"
#define HOST_NETWORK "host-network medium: the host's network namespace"

/* Outside of the HostConfig. */
static void test_create(void **state)
{
	static const struct told_case cases[] = {
		{CREATE, "{" ENDPOINT("host") "}", HOST_NETWORK},
		{CREATE, "{'HostConfig':{'NetworkMode':'host'}," ENDPOINT("host") "}",
		 HOST_NETWORK},
		{CREATE, "{" ENDPOINT("bridge") "}", ""},
		/* Docker before 27 takes the host's part at the top where there is no HostConfig. */
		{CREATE, "{'Privileged':true}", "privileged critical: runs privileged"},
		{CREATE, "{'Binds':['/:/h'],'PidMode':'host'}",
		 ROOT "/ mounted read-write at /h; host-pid high: the host's PID namespace"},
		{CREATE, "{'HostConfig':null,'Privileged':true}",
		 "privileged critical: runs privileged"},
		{CREATE, "{'HostConfig':{},'Privileged':true}", ""},
		{CREATE, "{'Image':'alpine'}", ""},
		/* Podman takes these as binds. */
		{CREATE, "{'Volumes':{'/:/x':{}}}", ROOT "/ mounted read-write at /x"},
		{CREATE, "{'Volumes':{'/data':{},'/srv/x:/y':{}}}", ""},
	};

	check_told(cases, COUNT(cases), TOLD_FINDINGS);
}

/* Docker from 23 on does not take it there. */
static void test_create_strict(void **state)
{
	static const char *const bodies[] = {"{'Privileged':true}",
					     "{'HostConfig':null,'Binds':['/:/h']}"};

	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct world world = {0};
		struct asked request = {.what = CREATE, .body = bodies[i]};

		world_open(&world);
		inventory_set_strict(world.inventories[0], true);
		make_call(&world, &request);
		assert_string_equal(part_told(&world, TOLD_FINDINGS), "");
		assert_string_equal(part_told(&world, TOLD_FACTS), "");
		world_close(&world);
	}
}

/* --- findings of the rest --------------------------------------------------------------------- */

static void test_start(void **state)
{
	static const struct told_case cases[] = {
		{"POST /containers/web/start", NULL, ""},
		{"POST /containers/nobody/start", NULL, NOT_KNOWN},
		{"POST /containers/nobody/start", NULL, "", 404},
		{"POST /containers/donor/start", NULL,
		 ROOT "the root; privileged critical: all of it; volume-host-path high: a path; "
		      "engine-socket-mount high: a socket; host-path-mount low: a log"},
		{"POST /containers/ddd/restart", NULL,
		 ROOT "the root; privileged critical: all of it; volume-host-path high: a path; "
		      "engine-socket-mount high: a socket; host-path-mount low: a log"},
		{"POST /containers/donor/stop", NULL, ""},
		/* Docker before 24 takes a HostConfig here. */
		{"POST /v1.23/containers/web/start", "{'Privileged':true}",
		 "privileged critical: runs privileged"},
		{"POST /v1.23/containers/web/start", "{'Binds':[]}", ""},
	};

	check_told(cases, COUNT(cases), TOLD_FINDINGS);
}

static void test_update(void **state)
{
	static const struct told_case cases[] = {
		{"POST /containers/web/update", "{'Memory':1}",
		 "container-update medium: ContainerUpdate"},
		{"POST /containers/web/update", "{'Devices':[{'PathOnHost':'/dev/sda'}]}",
		 "device high: device /dev/sda; container-update medium: ContainerUpdate"},
		{"POST /containers/web/update", "{'CgroupParent':'/x'}",
		 "other-runtime medium: cgroup parent /x; container-update medium: "
		 "ContainerUpdate"},
		/* Only what an update takes. */
		{"POST /containers/web/update", "{'Privileged':true}",
		 "container-update medium: ContainerUpdate"},
	};

	check_told(cases, COUNT(cases), TOLD_FINDINGS);
}

#define WRITE "container-file-write "
#define READ "container-file-read "
#define WITH_HOST " in a container with files of the host"

static void test_files(void **state)
{
	static const struct told_case cases[] = {
		{"PUT /containers/web/archive?path=/srv", NULL, WRITE "medium: writes to /srv"},
		{"PUT /containers/web/archive?path=/etc/shadow", NULL,
		 WRITE "high: writes to /etc/shadow"},
		{"PUT /containers/donor/archive?path=/srv", NULL,
		 IN_DONOR WRITE "high: writes to /srv" WITH_HOST "; " IN_DONOR_BELOW},
		{"PUT /containers/donor/archive?path=/root/.ssh", NULL,
		 WRITE "critical: writes to /root/.ssh" WITH_HOST "; " IN_DONOR IN_DONOR_BELOW},
		{"GET /containers/web/archive?path=/srv", NULL, READ "low: reads /srv"},
		{"GET /containers/web/archive?path=/etc%2Fshadow", NULL,
		 READ "medium: reads /etc/shadow"},
		{"GET /containers/donor/archive?path=%2fh%2fetc%2fshadow", NULL,
		 READ "critical: reads /h/etc/shadow" WITH_HOST "; " ROOT
		      "in a container that has the root; "
		      "root-container-entered critical: reads in a container that has the root; "
		      "volume-host-path high: in a container that has a path; "
		      "privileged medium: in a container that has all of it; "
		      "engine-socket-mount medium: in a container that has a socket"},
		{"HEAD /containers/donor/archive?path=/x", NULL,
		 READ "medium: reads /x" WITH_HOST "; " BESIDE_DONOR},
		{"HEAD /containers/web/archive?path=/x", NULL, READ "low: reads /x"},
		{"GET /containers/web/archive?path=x/../h/etc/", NULL, READ "medium: reads /h/etc"},
		{"GET /containers/web/archive?path=/h/etcetera", NULL,
		 READ "low: reads /h/etcetera"},
		{"GET /containers/web/archive?path=.", NULL, READ "medium: reads /"},
		{"GET /containers/web/export", NULL, READ "low: reads its files"},
		{"POST /containers/web/copy", NULL, READ "low: reads its files"},
		{"POST /containers/web/copy", "{'Resource':'etc/../etc/shadow'}",
		 READ "medium: reads /etc/shadow"},
		{"GET /containers/web/changes", NULL, ""},
	};

	check_told(cases, COUNT(cases), TOLD_FINDINGS);
}

/* The container of C_ID has these mounted, the first of which is that of a link. */
static void know_mounts(struct inventory *inventory, bool more)
{
	static const char *const places[][3] = {
		{"w", "/srv/conf", "/e"},
		{"w", "/srv/x", "/x"},
		{"r", "/srv/engine", "/deep/down/"},
		{"w", "/srv/lost", "/l"},
	};
	struct text packed = {0};
	struct inventory_container mounter = {
		.id = bytes_of(C_ID), .name = bytes_of("mounter"), .inspected = true, .more = more};

	for (size_t i = 0; i < COUNT(places); i++) {
		char how[] = {places[i][0][0], 'p', '\0'};

		packed_add(&packed, bytes_of(how));
		packed_add(&packed, bytes_of(""));
		packed_add(&packed, bytes_of(places[i][1]));
		packed_add(&packed, bytes_of(places[i][2]));
	}
	mounter.places = text_since(&packed, 0);
	assert_int_equal(inventory_put_container(inventory, &mounter), 0);
	text_free(&packed);
}

/* A path of a container that is in a mount, or holds one, is what it is on the host. */
static void test_mapped_files(void **state)
{
	static const struct told_case cases[] = {
		{"PUT /containers/mounter/archive?path=/e/cron.d/x", NULL,
		 WRITE
		 "critical: writes to /e/cron.d/x, with /srv/conf mounted at /e: commands that run "
		 "as root by the clock"},
		{"GET /containers/mounter/archive?path=/x/../e/hosts", NULL,
		 READ "low: reads /e/hosts, with /srv/conf mounted at /e: names of other hosts"},
		{"GET /containers/mounter/archive?path=/e", NULL,
		 READ "critical: reads /e, with /srv/conf mounted at /e: accounts, secrets and "
		      "configuration of the host"},
		{"HEAD /containers/mounter/archive?path=/deep", NULL,
		 READ "critical: reads /deep, with /srv/engine mounted at /deep/down/: an engine's "
		      "socket"},
		{"PUT /containers/mounter/archive?path=/", NULL,
		 WRITE "critical: writes to /, with /srv/conf mounted at /e: accounts, secrets and "
		       "configuration of the host"},
		/* A link there is one of the container. */
		{"PUT /containers/mounter/archive?path=/x/all", NULL,
		 WRITE "medium: writes to /x/all"},
		{"PUT /containers/mounter/archive?path=/ex", NULL, WRITE "medium: writes to /ex"},
		{"PUT /containers/mounter/archive?path=/l/a", NULL,
		 WRITE
		 "high: writes to /l/a, with /srv/lost mounted at /l: where it leads could not be "
		 "followed"},
		{"POST /containers/mounter/copy", "{'Resource':'e/shadow'}",
		 READ "critical: reads /e/shadow, with /srv/conf mounted at /e: password hashes"},
	};
	static const struct asked copy = {.what = "PUT /containers/mounter/archive?path=/srv"};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct asked request = {.what = cases[i].what, .body = cases[i].body};
		struct world world = {0};

		world_open(&world);
		know_mounts(world.inventories[0], false);
		make_call(&world, &request);
		assert_string_equal(part_told(&world, TOLD_FINDINGS), cases[i].told);
		world_close(&world);
	}
	{
		struct world world = {0};

		world_open(&world);
		know_mounts(world.inventories[0], true);
		make_call(&world, &copy);
		assert_string_equal(part_told(&world, TOLD_FINDINGS),
				    WRITE "medium: writes to /srv; " UNJUDGED
					  "more is mounted or joined than is looked at for /srv");
		world_close(&world);
	}
}

#define CHECKPOINT "checkpoint-directory "

static void test_checkpoints(void **state)
{
	static const struct told_case cases[] = {
		{"DELETE /containers/web/checkpoints/x", NULL, ""},
		{"DELETE /containers/web/checkpoints/x?dir=/tmp/d", NULL,
		 CHECKPOINT "high: the engine removes what is below /tmp/d"},
		{"DELETE /containers/web/checkpoints/x?dir=/srv/conf", NULL,
		 CHECKPOINT "critical: the engine removes what is below /srv/conf (that is /etc): "
			    "accounts, secrets and configuration of the host"},
		{"GET /containers/web/checkpoints?dir=/tmp/d", NULL,
		 CHECKPOINT "medium: the engine lists what is below /tmp/d"},
		{"GET /containers/web/checkpoints", NULL, ""},
		{"POST /containers/web/checkpoints",
		 "{'CheckpointID':'x','CheckpointDir':'/etc/cron.d'}",
		 CHECKPOINT "critical: the engine writes below /etc/cron.d: commands that run as "
			    "root by the clock"},
		{"POST /containers/web/checkpoints", "{'CheckpointID':'x'}", ""},
		{"POST /containers/web/start?checkpoint=x&checkpoint-dir=/srv/d", NULL,
		 CHECKPOINT "high: restored from what is below /srv/d"},
		{"POST /containers/web/start?checkpoint=x", NULL, ""},
	};

	check_told(cases, COUNT(cases), TOLD_FINDINGS);
}

#define EXPOSED "network-exposed medium: "
#define NETWORK "POST /v1.41/networks/create"

static void test_networks(void **state)
{
	static const struct told_case cases[] = {
		{NETWORK,
		 "{'Name':'n','Driver':'bridge','Options':{'com.docker.network.bridge.name':'b',"
		 "'com.docker.network.driver.mtu':'9'},'IPAM':{'Driver':'default'}}",
		 ""},
		{NETWORK, "{'Name':'n','Driver':'overlay','Options':{'encrypted':''}}", ""},
		{NETWORK,
		 "{'Name':'n','Driver':'macvlan','Options':{'parent':'eth0','macvlan_mode':'x'}}",
		 EXPOSED "on an interface of the host: parent=eth0"},
		{NETWORK, "{'Name':'n','Driver':'ipvlan','ConfigFrom':{'Network':'c'}}",
		 EXPOSED "on the interface of the host that the configuration c names"},
		{NETWORK,
		 "{'Name':'n','Options':{'com.docker.network.bridge.gateway_mode_ipv4':"
		 "'nat-unprotected'}}",
		 EXPOSED "ports are reachable that nobody published: "
			 "com.docker.network.bridge.gateway_mode_ipv4=nat-unprotected"},
		{NETWORK,
		 "{'Name':'n','Options':{'com.docker.network.bridge.gateway_mode_ipv4':'nat'}}",
		 ""},
		{NETWORK, "{'Name':'n','Driver':'weave'}", UNJUDGED "network driver: weave"},
		{NETWORK, "{'Name':'n','Options':{'new':'S3CRET'}}",
		 "not-judged low: network option: new"},
		{"POST /swarm/update?version=1",
		 "{'CAConfig':{'NodeCertExpiry':1,'ForceRotate':0}}", ""},
		{"POST /swarm/update?version=1&rotateManagerToken=T&rotateWorkerToken=0",
		 "{'Name':'default'}", "swarm medium: rotateManagerToken"},
		{"POST /swarm/update",
		 "{'CAConfig':{'SigningCACert':'x','SigningCAKey':'S3CRET',"
		 "'ExternalCAs':[{'URL':'https://u:S3CRET@h'}]}}",
		 "swarm medium: the swarm gets another authority; "
		 "swarm medium: another authority for the swarm: https://u:***@h"},
		{"POST /nodes/x/update", "{'Role':'Manager'}",
		 "swarm medium: the node is to be a manager"},
		{"POST /nodes/x/update", "{'Role':'worker','Availability':'drain'}", ""},
	};

	check_told(cases, COUNT(cases), TOLD_FINDINGS);
}

#define EXEC "POST /v1.41/containers/web/exec"
#define EXEC_ROOT "exec-root low: as root in a container that runs as 1000"

/* What of a dangerous container an operation on it gives to the caller, whoever made it. */
static void test_entered(void **state)
{
	static const struct told_case cases[] = {
		{"POST /containers/donor/attach?stream=1", NULL, IN_DONOR IN_DONOR_BELOW},
		{"POST /containers/donor/attach", NULL,
		 IN_DONOR IN_DONOR_BELOW "; opaque-stream info: ContainerAttach", 101},
		{"GET /containers/donor/attach/ws", NULL,
		 IN_DONOR IN_DONOR_BELOW "; opaque-stream info: ContainerAttachWebsocket", 101},
		/* Asking counts. */
		{"POST /containers/donor/attach", NULL, IN_DONOR IN_DONOR_BELOW, 409},
		{"POST /containers/donor/rename?name=x", NULL, BESIDE_DONOR},
		{"POST /containers/donor/checkpoints", NULL, BESIDE_DONOR},
		{"GET /containers/donor/export", NULL,
		 BESIDE_DONOR "; container-file-read low: reads its files"},
		{"POST /commit?container=donor", NULL,
		 BESIDE_DONOR "; image-load medium: ImageCommit"},
		{"POST /libpod/containers/donor/init", NULL,
		 ROOT "the root; privileged critical: all of it; volume-host-path high: a path; "
		      "engine-socket-mount high: a socket; host-path-mount low: a log"},
		/* To look at it is not to enter it. */
		{"GET /containers/donor/json", NULL, ""},
		{"GET /containers/donor/logs", NULL, ""},
		{"GET /containers/donor/top", NULL, ""},
		{"GET /containers/donor/stats", NULL, ""},
		{"POST /containers/donor/wait", NULL, ""},
		{"POST /containers/donor/kill", NULL, ""},
		{"DELETE /containers/donor", NULL, ""},
		/* A harmless one. */
		{"POST /containers/web/attach", NULL, ""},
		{"POST /containers/web/rename?name=x", NULL, ""},
		/* One that nobody knows. */
		{"POST /containers/nobody/attach", NULL, NOT_KNOWN},
		{"POST /containers/nobody/rename?name=x", NULL, NOT_KNOWN},
		{"POST /containers/nobody/attach", NULL, "", 404},
	};

	check_told(cases, COUNT(cases), TOLD_FINDINGS);
}

static void test_exec(void **state)
{
	static const struct told_case cases[] = {
		{EXEC, "{'Privileged':true}",
		 "exec-privileged critical: a privileged process in the container"},
		{EXEC, "{'Privileged':false,'Cmd':['id']}", ""},
		{EXEC, "{'User':'root'}", EXEC_ROOT},
		{EXEC, "{'User':'0'}", EXEC_ROOT},
		{EXEC, "{'User':'0:5'}", EXEC_ROOT},
		{EXEC, "{'User':'root:root'}", EXEC_ROOT},
		{EXEC, "{'User':'1000'}", ""},
		{EXEC, "{'User':'rooted'}", ""},
		{EXEC, "{'User':'05'}", ""},
		/* Of which it is not known who it runs as. */
		{"POST /containers/donor/exec", "{'User':'root'}", IN_DONOR IN_DONOR_BELOW},
		{"POST /containers/nobody/exec", "{'User':'root'}", NOT_KNOWN},
		{"POST /containers/nobody/exec", "{'User':'root'}", "", 404},
		{"POST /exec/" E_ID "/start", "{'Detach':true}",
		 "exec-privileged critical: it was asked for"},
		{"POST /exec/" B_ID "/start", "{'Detach':true}", NOT_KNOWN},
		{"POST /exec/" E_ID "/resize", NULL, ""},
	};

	check_told(cases, COUNT(cases), TOLD_FINDINGS);
}

static void test_images(void **state)
{
	static const struct told_case cases[] = {
		{"POST /images/create?fromImage=alpine&tag=3", NULL, ""},
		{"POST /images/create?fromSrc=-&repo=x", NULL, "image-load medium: imports -"},
		{"POST /images/create?fromSrc=http://u:secret@h/x", NULL,
		 "image-load medium: imports http://u:***@h/x"},
		{"POST /images/create?repo=x", NULL, "image-load medium: ImageCreate"},
		/* The daemon pulls where it is told what. */
		{"POST /images/create?fromImage=alpine&fromSrc=http://h/x", NULL, ""},
		{"POST /images/load", NULL, "image-load medium: ImageLoad"},
		{"POST /commit?container=web", NULL, "image-load medium: ImageCommit"},
		{"POST /images/alpine/push", NULL, "image-push low: ImagePush"},
		{"POST /images/alpine/tag?repo=x", NULL, ""},
		{"POST /build?networkmode=host", NULL,
		 "build-host-network medium: the build uses the host's network"},
		{"POST /build?networkmode=container:web", NULL,
		 JOIN "network namespace of container:web"},
		{"POST /build?networkmode=default", NULL, ""},
		{"POST /build?cgroupparent=/x", NULL, "other-runtime medium: cgroup parent /x"},
		{"POST /build?t=x", NULL, ""},
		/* Podman's. */
		{"POST /build?addcaps=%5B%22sys_admin%22%5D", NULL,
		 "cap-add critical: capability sys_admin of a build"},
		{"POST /build?AddCaps=%5B%22CHOWN%22%5D&addcaps=%5B%22ALL%22%5D", NULL,
		 "cap-add low: capability CHOWN of a build"},
		{"POST /libpod/build?devices=%5B%22/dev/sda%22%5D", NULL,
		 "device high: device /dev/sda of a build"},
		{"POST /build?nsoptions=%5B%7B%22Name%22:%22pid%22,%22Host%22:true%7D,"
		 "%7B%22name%22:%22network%22,%22path%22:%22/proc/7/ns/net%22%7D%5D",
		 NULL,
		 "host-pid high: a build in the host's PID namespace; "
		 "not-judged high: nsoptions: /proc/7/ns/net"},
		{"POST /build?nsoptions=x", NULL, UNJUDGED "nsoptions: x"},
		{"POST /build?securityopt=%5B%22seccomp=unconfined%22%5D", NULL,
		 DISABLED "seccomp=unconfined"},
		{"POST "
		 "/build?seccomp=unconfined&apparmor=docker-default&labelopts=%5B%22disable%22%5D",
		 NULL, DISABLED "seccomp=unconfined; " DISABLED "label=disable"},
		{"POST /build?volume=/srv/x:/y&volume=/:/h:rbind", NULL,
		 ROOT "/ mounted read-write at /h"},
		{"POST /build?networkmode=ns:/proc/1/ns/net", NULL,
		 "build-host-network medium: the host's network namespace, by /proc/1/ns/net"},
		{"POST /build?isolation=chroot", NULL, UNJUDGED "isolation: chroot"},
		{"POST /libpod/build?outputs=type%3Dlocal,dest%3D/etc/cron.d", NULL,
		 "host-path-mount critical: outputs: the engine writes /etc/cron.d: commands that "
		 "run as root by the clock"},
		{"POST /libpod/build?remote=/root&rusagelogfile=/srv/x", NULL,
		 "host-path-mount critical: remote: the engine reads /root: root's home, with keys "
		 "and start-up files; host-path-mount high: rusagelogfile: the engine writes "
		 "/srv/x"},
		{"POST /build?isolation=default&outputs=%5B%7B%22Type%22:%22local%22%7D%5D&remote="
		 "http://h/x.git&shmsize=0&platform=linux/amd64&securityopt=%5B%5D",
		 NULL, ""},
	};

	check_told(cases, COUNT(cases), TOLD_FINDINGS);
}

#define VOLUME_CREATE "POST /v1.41/volumes/create"

static void test_volumes(void **state)
{
	static const struct told_case cases[] = {
		{VOLUME_CREATE, "{'Name':'v','DriverOpts':{" BIND_OPTIONS "}}",
		 VOLUME_HOST
		 "/etc is what it stands for: accounts, secrets and configuration of the host"},
		{VOLUME_CREATE, "{'Name':'v','Driver':'local','DriverOpts':{" BIND_OPTIONS "}}",
		 VOLUME_HOST
		 "/etc is what it stands for: accounts, secrets and configuration of the host"},
		{VOLUME_CREATE,
		 "{'Name':'v','DriverOpts':{'type':'none','o':'bind','device':'/var/log/x'}}",
		 "volume-host-path low: /var/log/x is what it stands for: a log of the host"},
		{VOLUME_CREATE, "{'Name':'v','DriverOpts':{'type':'ext4','device':'/srv/disk'}}",
		 VOLUME_HOST "/srv/disk is what it stands for: a block device"},
		{VOLUME_CREATE, "{'Name':'v','Driver':'rclone','DriverOpts':{" BIND_OPTIONS "}}",
		 UNJUDGED "volume driver: rclone"},
		{VOLUME_CREATE, "{'Name':'v','DriverOpts':{'type':'zfs','device':'tank/root'}}",
		 UNJUDGED "volume type: zfs"},
		{VOLUME_CREATE, "{'Name':'v','DriverOpts':{'new':'S3CRET'}}",
		 UNJUDGED "volume option: new"},
		{VOLUME_CREATE, "{'Name':'v','DriverOpts':{'type':'tmpfs','device':'tmpfs'}}", ""},
		{VOLUME_CREATE,
		 "{'Name':'v','DriverOpts':{'type':'none','o':'bind','device':'/srv/x'}}", ""},
		{VOLUME_CREATE,
		 "{'Name':'v','DriverOpts':{'type':'nfs','device':':/x','o':'addr=h'}}", ""},
		{VOLUME_CREATE, "{}", ""},
		{"POST /networks/host/connect", "{'Container':'web'}", HOST_NETWORK},
		{"POST /networks/bridge/connect", "{'Container':'web'}", ""},
		{"POST /networks/create", "{'Name':'host'}", ""},
	};

	check_told(cases, COUNT(cases), TOLD_FINDINGS);
}

#define PRIVILEGES "[{'Name':'network','Value':['host']},{'Name':'mount','Value':[]}]"

static void test_plugins(void **state)
{
	static const struct told_case cases[] = {
		{"POST /plugins/pull?remote=x/y", PRIVILEGES,
		 "plugin critical: with the privilege network host; "
		 "plugin critical: with the privilege mount"},
		{"POST /plugins/pull?remote=x/y", "[]", "plugin critical: PluginPull"},
		{"POST /plugins/x/y/upgrade?remote=x/y", PRIVILEGES,
		 "plugin critical: with the privilege network host; "
		 "plugin critical: with the privilege mount"},
		{"POST /plugins/create?name=x", NULL, "plugin critical: PluginCreate"},
		{"POST /plugins/x/enable", NULL, "plugin critical: PluginEnable"},
		{"POST /plugins/x/set", "['A=b']", "plugin critical: PluginSet"},
		{"POST /plugins/x/disable", NULL, ""},
		{"GET /plugins", NULL, ""},
	};

	check_told(cases, COUNT(cases), TOLD_FINDINGS);
}

#define SERVICE "POST /v1.41/services/create"
#define SPEC(members) "{'TaskTemplate':{'ContainerSpec':{" members "}}}"

static void test_services(void **state)
{
	static const struct told_case cases[] = {
		{SERVICE, SPEC("'Image':'alpine'"), ""},
		{SERVICE, SPEC("'Mounts':[{'Type':'bind','Source':'/','Target':'/h'}]"),
		 ROOT "/ mounted read-write at /h"},
		{SERVICE,
		 SPEC("'Mounts':[{'Type':'volume','Target':'/h'," DRIVER("local",
									 BIND_OPTIONS) "}]"),
		 VOLUME_HOST
		 "/etc mounted read-write at /h: accounts, secrets and configuration of the host"},
		{SERVICE, SPEC("'Mounts':[{'Type':'bind','Source':'/srv/x','Target':'/h'}]"), ""},
		{SERVICE, SPEC("'CapabilityAdd':['CAP_SYS_ADMIN'],'CapabilityDrop':['ALL']"),
		 "cap-add critical: capability SYS_ADMIN"},
		{SERVICE, SPEC("'Privileges':{'SELinuxContext':{'Disable':true}}"),
		 DISABLED "label=disable"},
		{SERVICE, SPEC("'Privileges':{'SELinuxContext':{'Disable':false}}"), ""},
		{SERVICE, SPEC("'Privileges':{'Seccomp':{'Mode':'unconfined'}}"),
		 DISABLED "Seccomp is unconfined"},
		{SERVICE, SPEC("'Privileges':{'AppArmor':{'Mode':'disabled'}}"),
		 DISABLED "AppArmor is disabled"},
		{SERVICE, SPEC("'Privileges':{'Seccomp':{'Mode':'default'}}"), ""},
		{SERVICE, SPEC("'Privileges':{'Seccomp':{'Mode':'custom','Profile':'e30='}}"),
		 LESS "Seccomp profile of the caller's own"},
		{SERVICE, SPEC("'Privileges':{'AppArmor':{'Mode':'new'}}"),
		 UNJUDGED "AppArmor: new"},
		{SERVICE, SPEC("'Privileges':{'SELinuxContext':{'Type':'spc_t'}}"),
		 DISABLED "label=type:spc_t"},
		{SERVICE, SPEC("'Privileges':{'SELinuxContext':{'Level':'s0'}}"),
		 LESS "label=level:s0"},
		{SERVICE,
		 "{'TaskTemplate':{'LogDriver':{'Name':'fluentd','Options':{"
		 "'fluentd-address':'unix:///run/x'}}}}",
		 LOG "high: fluentd-address: the engine writes to the socket /run/x"},
		{SERVICE, "{'TaskTemplate':{'Runtime':'new'}}",
		 UNJUDGED "TaskTemplate.Runtime: new"},
		{SERVICE, SPEC("'Sysctls':{'kernel.core_pattern':'x'}"),
		 "other-runtime medium: sysctl kernel.core_pattern"},
		{SERVICE, "{'TaskTemplate':{'Networks':[{'Target':'host'}]}}", HOST_NETWORK},
		{SERVICE, "{'Networks':[{'Target':'host'}]}", HOST_NETWORK},
		{SERVICE, "{'Networks':[{'Target':'mine'}]}", ""},
		{SERVICE, "{'TaskTemplate':{'Runtime':'plugin','PluginSpec':{'Remote':'x/y'}}}",
		 "plugin critical: a service that installs a plugin"},
		{SERVICE,
		 SPEC("'Secrets':[{'SecretID':'x','SecretName':'s'}],'Configs':[{'ConfigName':'c'}"
		      "]"),
		 "secret-access medium: the service gets the secret s; "
		 "secret-access medium: the service gets the config c"},
		{SERVICE, SPEC("'Secrets':[],'Configs':null"), ""},
		{"POST /services/abc/update?version=1&rollback=none", SPEC("'Image':'x'"), ""},
		{"POST /services/abc/update?version=1&rollback=", SPEC("'Image':'x'"), ""},
		{"POST /services/abc/update?version=1&rollback=previous", SPEC("'Image':'x'"),
		 "not-judged high: rollback=previous restores an earlier specification, which is "
		 "not "
		 "known"},
		{"POST /services/abc/update?version=1&rollback=previous", SPEC("'Image':'x'"), "",
		 400},
		{"POST /services/abc/update?version=1",
		 SPEC("'Mounts':[{'Type':'bind','Source':'/etc','Target':'/h'}]"),
		 PATH "critical: /etc mounted read-write at /h: accounts, secrets and "
		      "configuration of the host"},
	};

	check_told(cases, COUNT(cases), TOLD_FINDINGS);
}

/* What an operation is by itself, and one like it is not. */
static void test_operations(void **state)
{
	static const struct told_case cases[] = {
		{"POST /containers/prune", NULL, "prune low: ContainerPrune"},
		{"POST /images/prune", NULL, "prune low: ImagePrune"},
		{"POST /volumes/prune", NULL, "prune low: VolumePrune"},
		{"POST /networks/prune", NULL, "prune low: NetworkPrune"},
		{"POST /build/prune", NULL, "prune low: BuildPrune"},
		{"DELETE /containers/web", NULL, ""},
		{"POST /swarm/init", "{}", "swarm high: SwarmInit"},
		{"POST /swarm/join", "{}", "swarm high: SwarmJoin"},
		{"POST /swarm/unlock", NULL, "swarm high: SwarmUnlock"},
		{"GET /swarm/unlockkey", NULL, "swarm high: SwarmUnlockkey"},
		{"POST /swarm/leave", NULL, ""},
		{"GET /swarm", NULL, "secret-access medium: SwarmInspect"},
		{"GET /secrets", NULL, "secret-access medium: SecretList"},
		{"POST /secrets/create", "{'Name':'x','Data':'eA=='}",
		 "secret-access medium: SecretCreate"},
		{"GET /configs/x", NULL, "secret-access medium: ConfigInspect"},
		{"POST /auth", "{'password':'x'}", "secret-access medium: SystemAuth"},
		{"GET /nodes", NULL, ""},
		{"GET /debug/pprof/heap", NULL, "debug-endpoint medium: DebugPprofLookup"},
		{"GET /debug/vars", NULL, "debug-endpoint medium: DebugVars"},
		{"GET /info", NULL, ""},
		{"POST /containers/web/attach?stream=1", NULL,
		 "opaque-stream info: ContainerAttach", 101},
		{"POST /containers/web/attach?stream=1", NULL, "", 404},
		{"POST /exec/" B_ID "/start", "{}", NOT_KNOWN "; opaque-stream info: ExecStart",
		 101},
		{"POST /session", NULL, "opaque-stream info: Session", 101},
		{"POST /grpc", NULL, "opaque-stream info: Grpc", 101},
		{"POST /grpc", NULL, "", 400},
		{"GET /nonsense", NULL,
		 "unknown-operation low: callerd does not know this operation"},
		{"GET /nonsense", NULL, "", 404},
		{"GET /nonsense", NULL,
		 "unknown-operation low: callerd does not know this operation", 500},
		{"GET /nonsense", NULL,
		 "unknown-operation low: callerd does not know this operation", NO_ANSWER},
		{"GET //info", NULL, "", 301},
		{"GET //nonsense", NULL, "", 301},
		{"GET /containers/../nonsense", NULL, "", 301},
	};

	check_told(cases, COUNT(cases), TOLD_FINDINGS);
}

/* --- facts ------------------------------------------------------------------------------------ */

static void test_host_facts(void **state)
{
	static const struct host_case cases[] = {
		{"'Privileged':true", "privileged"},
		{"'Privileged':false,'ReadonlyRootfs':false", ""},
		{"'Binds':['/a:/b:ro','v:/c']", "binds=/a:/b:ro;v:/c"},
		{"'Mounts':[{'Type':'bind','Source':'/a','Target':'/b','ReadOnly':true,"
		 "'BindOptions':{'Propagation':'rshared','NonRecursive':true}}]",
		 "mounts=type=bind,source=/a,target=/"
		 "b,readonly,bind-propagation=rshared,bind-nonrecursive"},
		{"'Mounts':[{'Type':'volume','Source':'v','Target':'/"
		 "b','VolumeOptions':{'Subpath':'s',"
		 "'DriverConfig':{'Name':'local','Options':{'type':'nfs','o':'addr=h'}}}},"
		 "{'Type':'tmpfs','Target':'/t'}]",
		 "mounts=type=volume,source=v,target=/b,volume-subpath=s,volume-driver=local,"
		 "volume-opt=type=nfs,volume-opt=o=addr=h;type=tmpfs,target=/t"},
		{"'Mounts':[{'Type':'bind','Source':'/a','Target':'/"
		 "b','ReadOnly':true,'BindOptions':"
		 "{'ReadOnlyNonRecursive':true,'CreateMountpoint':true}},{'Type':'image','Source':'"
		 "i',"
		 "'Target':'/i','ImageOptions':{'Subpath':'s'}},{'Type':'tmpfs','Target':'/t',"
		 "'TmpfsOptions':{'SizeBytes':4096,'Mode':511,'Options':[['exec']]}}]",
		 "mounts=type=bind,source=/a,target=/"
		 "b,readonly,bind-recursive=writable,bind-create-src;"
		 "type=image,source=i,target=/i,image-subpath=s;"
		 "type=tmpfs,target=/t,tmpfs-size=4096,tmpfs-mode=511"},
		{"'Annotations':{'run.oci.x':'S3CRET'}", "annotations=run.oci.x"},
		{"'VolumesFrom':['a:ro'],'VolumeDriver':'local','Tmpfs':{'/t':'size=1m'}",
		 "volumes_from=a:ro volume_driver=local tmpfs=/t"},
		{"'Devices':[{'PathOnHost':'/dev/a','PathInContainer':'/dev/"
		 "b','CgroupPermissions':'r'}]",
		 "devices=/dev/a:/dev/b:r"},
		{"'DeviceRequests':[{'Driver':'d','Count':2,'DeviceIDs':['0','1'],"
		 "'Capabilities':[['gpu','x'],['y']]}]",
		 "device_requests=driver=d,count=2,device=0,device=1,capabilities=gpu,capabilities="
		 "x,"
		 "capabilities=y"},
		{"'DeviceCgroupRules':['c 1:3 r']", "device_cgroup_rules=c 1:3 r"},
		{"'CapAdd':['A'],'CapDrop':['B','C']", "capabilities.add=A capabilities.drop=B;C"},
		{"'PidMode':'host','NetworkMode':'n','IpcMode':'i','UTSMode':'u','UsernsMode':'s',"
		 "'CgroupnsMode':'c'",
		 "namespaces.pid=host namespaces.network=n namespaces.ipc=i namespaces.uts=u "
		 "namespaces.user=s namespaces.cgroup=c"},
		{"'SecurityOpt':['a=b']", "security_options=a=b"},
		{"'MaskedPaths':['/a'],'ReadonlyPaths':['/b']",
		 "masked_paths=/a readonly_paths=/b"},
		{"'ReadonlyRootfs':true,'PublishAllPorts':true,'AutoRemove':true",
		 "readonly_rootfs publish_all_ports auto_remove"},
		{"'Runtime':'r','Isolation':'i','CgroupParent':'p'",
		 "runtime=r isolation=i cgroup_parent=p"},
		{"'Sysctls':{'a.b':'1'}", "sysctls=a.b=1"},
		{"'GroupAdd':['5'],'ExtraHosts':['a:1.2.3.4'],'Links':['a:b']",
		 "group_add=5 extra_hosts=a:1.2.3.4 links=a:b"},
		{"'LogConfig':{'Type':'syslog','Config':{'tag':'b'}}",
		 "log_driver=syslog log_options=tag=b"},
		{"'PortBindings':{'80/"
		 "tcp':[{'HostIp':'127.0.0.1','HostPort':'8080'},{'HostPort':'81'}],"
		 "'90/udp':[],'91/tcp':null,'92/tcp':[{}],'93/tcp':[{'HostIp':'::1'}]}",
		 "ports=127.0.0.1:8080:80/tcp;81:80/tcp;90/udp;91/tcp;92/tcp;::1::93/tcp"},
		{"'PortBindings':{}", ""},
		{"'RestartPolicy':{'Name':'on-failure','MaximumRetryCount':3}",
		 "restart_policy=on-failure:3"},
		{"'RestartPolicy':{'Name':'always'}", "restart_policy=always"},
		{"'RestartPolicy':{'MaximumRetryCount':3}", ""},
	};

	check_hosts(cases, COUNT(cases), TOLD_FACTS);
}

static void test_facts(void **state)
{
	static const struct told_case cases[] = {
		{CREATE,
		 "{'Image':'a:1','Cmd':['x','','y "
		 "z'],'Entrypoint':'/e','User':'u','WorkingDir':'/w',"
		 "'Hostname':'h','Domainname':'d','Env':['A=secret','B'],'Volumes':{'/"
		 "v':{}},'Tty':true,"
		 "'HostConfig':{'Privileged':true},"
		 "'NetworkingConfig':{'EndpointsConfig':{'n':{},'m':null}}}",
		 "entrypoint=/e command=x;;y z image=a:1 user=u working_directory=/w hostname=h "
		 "domainname=d environment=A;B volumes=/v tty networks=n;m privileged"},
		{CREATE,
		 "{'Image':'a','NetworkingConfig':{'EndpointsConfig':{'n':{'MacAddress':'02:00:00:"
		 "00:00:01',"
		 "'IPAMConfig':{'IPv4Address':'10.0.0.2'},'DriverOpts':{'a':'b','token':'S3CRET'}}}"
		 "}}",
		 "image=a networks=n,ip=10.0.0.2,mac-address=02:00:00:00:00:01,driver-opt=a=b,"
		 "driver-opt=token=***"},
		{CREATE "?platform=linux/arm64", "{'Image':'a'}", "image=a platform=linux/arm64"},
		{CREATE,
		 "{'Image':'a','NetworkingConfig':{'EndpointsConfig':{'n':{'GwPriority':-1}}}}",
		 "image=a networks=n,gw-priority=-1"},
		{"POST /networks/create", "{'Name':'n','EnableIPv6':true}", "name=n ipv6"},
		{"POST /networks/create",
		 "{'Name':'n','EnableIPv4':false,'IPAM':{'Driver':'default','Config':["
		 "{'Subnet':'10.1.0.0/16','IPRange':'10.1.2.0/24','Gateway':'10.1.0.1',"
		 "'AuxiliaryAddresses':{'a':'10.1.0.9'}},{'Subnet':'fd00::/64'}]}}",
		 "name=n no_ipv4 "
		 "subnets=10.1.0.0/16,ip-range=10.1.2.0/24,gateway=10.1.0.1;fd00::/64"},
		{"POST /networks/create", "{'Name':'n','EnableIPv4':true,'IPAM':null}", "name=n"},
		{"POST /images/create?fromImage=a&platform=linux/arm64", NULL,
		 "platform=linux/arm64"},
		{"DELETE /images/a?platforms={\"os\":\"linux\"}", NULL,
		 "platform={\"os\":\"linux\"}"},
		{"POST /networks/n/connect",
		 "{'Container':'web','EndpointConfig':{'IPAMConfig':{'IPv6Address':'fd00::2'}}}",
		 "endpoint=ip6=fd00::2 container=web"},
		{CREATE, "{'Privileged':true,'Image':'a'}", "image=a privileged"},
		{CREATE, "{'HostConfig':{},'Privileged':true,'Image':'a'}", "image=a"},
		{CREATE, "{'Cmd':[],'Entrypoint':null,'Env':[]}", ""},
		{CREATE, "{'Cmd':['a\\u0000b','c']}", "command=a\uFFFDb;c"},
		{"POST /containers/web/start", "{'Binds':['/a:/b']}", "binds=/a:/b"},
		{"POST /containers/web/update",
		 "{'CgroupParent':'/p','RestartPolicy':{'Name':'no'},'Memory':1}",
		 "cgroup_parent=/p restart_policy=no"},
		{EXEC,
		 "{'Cmd':['a','b'],'User':'u','Privileged':true,'Env':['A=b'],'WorkingDir':'/"
		 "w','Tty':true}",
		 "command=a;b user=u privileged environment=A working_directory=/w tty"},
		{"POST /build?t=x:1&dockerfile=D&remote=http://h/x&networkmode=host&buildargs={}",
		 NULL, "image=x:1 dockerfile=D remote=http://h/x namespaces.network=host"},
		{"POST /build", NULL, ""},
		{VOLUME_CREATE,
		 "{'Name':'v','Driver':'local','DriverOpts':{'o':'bind','device':'/x'}}",
		 "name=v driver=local options=o=bind;device=/x"},
		{"POST /networks/create",
		 "{'Name':'n','Driver':'bridge','Scope':'swarm','Internal':true,'Attachable':true,"
		 "'Ingress':true,'Options':{'a':'b'},'Labels':{'x':'y'}}",
		 "name=n driver=bridge scope=swarm internal attachable ingress options=a=b"},
		{"POST /networks/n/connect", "{'Container':'web','EndpointConfig':{}}",
		 "container=web"},
		{SERVICE,
		 "{'Name':'s','Networks':[{'Target':'n'}],'TaskTemplate':{'Runtime':'container',"
		 "'ContainerSpec':{'Image':'i','Command':['e'],'Args':['c'],'User':'u','Dir':'/d',"
		 "'Hostname':'h','Env':['A=b'],'Mounts':[{'Type':'bind','Source':'/a','Target':'/"
		 "b'}],"
		 "'CapabilityAdd':['X'],'CapabilityDrop':['Y'],'Groups':['5'],"
		 "'Secrets':[{'SecretName':'k'}],'Configs':[{'ConfigName':'l'}],'Sysctls':{'net.a':"
		 "'b'},"
		 "'ReadOnly':true,'TTY':true}}}",
		 "name=s entrypoint=e command=c image=i user=u working_directory=/d hostname=h "
		 "environment=A mounts=type=bind,source=/a,target=/b capabilities.add=X "
		 "capabilities.drop=Y group_add=5 secrets=k configs=l sysctls=net.a=b "
		 "readonly_rootfs "
		 "tty networks=n runtime=container"},
		{SERVICE,
		 "{'Networks':[{'Target':'n'}],'TaskTemplate':{'Networks':[{'Target':'m'}]}}",
		 "networks=m"},
		{"POST /swarm/init",
		 "{'ListenAddr':'l','AdvertiseAddr':'a','DataPathAddr':'d','ForceNewCluster':true,"
		 "'AutoLockManagers':true}",
		 "listen_address=l advertise_address=a data_path_address=d force_new_cluster "
		 "autolock"},
		{"POST /swarm/join",
		 "{'ListenAddr':'l','RemoteAddrs':['a','b'],'JoinToken':'SWMTKN-1-abcdefghijklmno'"
		 "}",
		 "listen_address=l remote_addresses=a;b"},
		{"POST /nodes/x/update", "{'Name':'n','Role':'manager','Availability':'drain'}",
		 "name=n role=manager availability=drain"},
		{"POST /plugins/pull?remote=x", PRIVILEGES, "privileges=network: host;mount:"},
		{"POST /plugins/x/set", "['A=b','C=d']", "settings=A;C"},
		{"POST /secrets/create", "{'Name':'k','Data':'c2VjcmV0'}", "name=k"},
		{"POST /configs/create", "{'Name':'k','Data':'c2VjcmV0'}", "name=k"},
		{"POST /containers/web/stop", "{'Image':'x'}", ""},
	};

	check_told(cases, COUNT(cases), TOLD_FACTS);
}

#define S "S3CRET"

/* Nothing that is told has the secret in it. */
static void test_secrets(void **state)
{
	static const struct told_case cases[] = {
		{CREATE, "{'Env':['A=" S "','B=x=" S "']}", "environment=A;B"},
		{CREATE, "{'Cmd':['x','--password','" S "','--token=" S "']}",
		 "command=x;--password;***;--token=***"},
		{CREATE, "{'Cmd':['sh','-c','curl -u me:" S " http://h']}",
		 "command=sh;-c;curl -u me:*** http://h"},
		{CREATE, "{'Cmd':'curl http://me:" S "@h/'}", "command=curl http://me:***@h/"},
		{CREATE, "{'Entrypoint':['mysql','-p" S "']}", "entrypoint=mysql;-p***"},
		{CREATE, "{'Entrypoint':['mysql'],'Cmd':['-p" S "']}",
		 "entrypoint=mysql command=-p***"},
		{CREATE, "{'Entrypoint':['sh','-c'],'Cmd':['curl -u me:" S " http://h']}",
		 "entrypoint=sh;-c command=curl -u me:*** http://h"},
		{CREATE, "{'Labels':{'token':'" S "'},'Healthcheck':{'Test':['CMD','" S "']}}", ""},
		{CREATE,
		 "{'HostConfig':{'LogConfig':{'Type':'splunk','Config':{'splunk-token':'" S "'}},"
		 "'StorageOpt':{'x':'" S "'},'Annotations':{'x':'" S "'}}}",
		 "annotations=x log_driver=splunk log_options=splunk-token=***"},
		{CREATE,
		 "{'HostConfig':{'Mounts':[{'Type':'volume','Target':'/t','VolumeOptions':{"
		 "'Labels':{'a':'" S "'},'DriverConfig':{'Name':'smb','Options':{'password':'" S
		 "','o':'username=me,password=" S "'}}}}]}}",
		 "mounts=type=volume,target=/t,volume-driver=smb,volume-opt=password=***,"
		 "volume-opt=o=username=me,password=***"},
		{CREATE, "{'HostConfig':{'Sysctls':{'net.secret':'" S "'}}}",
		 "sysctls=net.secret=***"},
		{EXEC, "{'Env':['A=" S "'],'Cmd':['mysql','-p" S "']}",
		 "command=mysql;-p*** environment=A"},
		{VOLUME_CREATE,
		 "{'Name':'v','DriverOpts':{'type':'cifs','o':'username=me,password=" S
		 "','secret_key':'" S "'},'Labels':{'a':'" S "'}}",
		 "name=v options=type=cifs;o=username=me,password=***;secret_key=***"},
		{"POST /networks/create",
		 "{'Name':'n','Options':{'token':'" S "'},'Labels':{'a':'" S "'},"
		 "'IPAM':{'Options':{'a':'" S "'}}}",
		 "name=n options=token=***"},
		{SERVICE,
		 "{'Labels':{'a':'" S "'},'TaskTemplate':{'ContainerSpec':{'Env':['A=" S "'],"
		 "'Labels':{'a':'" S "'},'Args':['--password=" S "'],'Command':['curl','-u','a:" S
		 "']}}}",
		 "entrypoint=curl;-u;a:*** command=--password=*** environment=A"},
		{SERVICE,
		 "{'TaskTemplate':{'ContainerSpec':{'Command':['mysql'],'Args':['-p" S "']}}}",
		 "entrypoint=mysql command=-p***"},
		{"POST /build?remote=http://me:" S "@h/x.git", NULL,
		 "remote=http://me:***@h/x.git"},
		{"POST /build?remote=http://h/x.tar%3Ftoken%3D" S, NULL,
		 "remote=http://h/x.tar?token=***"},
		{"POST /plugins/x/set", "['A=" S "']", "settings=A"},
		{"POST /plugins/pull?remote=x", "[{'Name':'env','Value':['TOKEN=" S "']}]",
		 "privileges=env: TOKEN=***"},
		{"POST /secrets/create", "{'Name':'k','Data':'" S "AA'}", "name=k"},
		{"POST /configs/create", "{'Name':'k','Data':'" S "AA'}", "name=k"},
		{"POST /swarm/join", "{'JoinToken':'" S "'}", ""},
		{"POST /swarm/unlock", "{'UnlockKey':'" S "'}", ""},
		{"POST /auth", "{'username':'me','password':'" S "'}", ""},
	};
	size_t count = COUNT(cases);

	check_told(cases, count, TOLD_FACTS);
	for (size_t i = 0; i < count; i++) {
		struct world world = {0};
		struct asked request = {.what = cases[i].what, .body = cases[i].body};

		world_open(&world);
		make_call(&world, &request);
		if (strstr(world.told.data, S))
			fail_msg("%s", world.told.data);
		world_close(&world);
	}
}

/* More than is told. */
static void test_long_lists(void **state)
{
	struct world world = {0};
	struct asked request = {.what = CREATE};
	struct text body = {0}, told = {0};

	world_open(&world);
	text_add_string(&body, "{'HostConfig':{'GroupAdd':[");
	for (unsigned int i = 0; i <= VERDICT_LIST_MAX; i++)
		text_add_string(&body, i ? ",'5'" : "'5'");
	text_add_string(&body, "]}}");
	text_add_string(&told, "group_add=");
	for (unsigned int i = 0; i < VERDICT_LIST_MAX; i++)
		text_add_string(&told, "5;");
	text_add_string(&told, "…");
	request.body = body.data;
	make_call(&world, &request);
	assert_string_equal(part_told(&world, TOLD_FACTS), told.data);
	world_close(&world);
	text_free(&body);
	text_free(&told);
}

/* --- techniques ------------------------------------------------------------------------------- */

static void test_techniques(void **state)
{
	static const struct told_case cases[] = {
		{CREATE, "{'HostConfig':{'Privileged':true,'PidMode':'host'}}", "T1611"},
		{CREATE, "{'HostConfig':{'Privileged':true,'NetworkMode':'host'}}", "T1611 T1610"},
		{CREATE, "{'HostConfig':{'Runtime':'x'}}", ""},
		{EXEC, "{'Privileged':true}", "T1609"},
		{"POST /images/load", NULL, "T1525"},
		{"POST /build?networkmode=host", NULL, "T1612"},
		{"GET /secrets", NULL, "T1552.007"},
		{"POST /volumes/prune", NULL, "T1485"},
	};

	check_told(cases, COUNT(cases), TOLD_TECHNIQUES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_privileged),    cmocka_unit_test(test_binds),
		cmocka_unit_test(test_mounts),	      cmocka_unit_test(test_volumes_from),
		cmocka_unit_test(test_namespaces),    cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_devices),	      cmocka_unit_test(test_security),
		cmocka_unit_test(test_runtime),	      cmocka_unit_test(test_logs),
		cmocka_unit_test(test_create_strict),

		cmocka_unit_test(test_rest),	      cmocka_unit_test(test_create),
		cmocka_unit_test(test_start),	      cmocka_unit_test(test_update),
		cmocka_unit_test(test_files),	      cmocka_unit_test(test_mapped_files),
		cmocka_unit_test(test_checkpoints),   cmocka_unit_test(test_networks),
		cmocka_unit_test(test_entered),	      cmocka_unit_test(test_exec),
		cmocka_unit_test(test_images),	      cmocka_unit_test(test_volumes),
		cmocka_unit_test(test_plugins),	      cmocka_unit_test(test_services),
		cmocka_unit_test(test_operations),    cmocka_unit_test(test_host_facts),
		cmocka_unit_test(test_facts),	      cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_long_lists),    cmocka_unit_test(test_techniques),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
