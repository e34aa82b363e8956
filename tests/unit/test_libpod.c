// SPDX-License-Identifier: Apache-2.0
/* What is found in the bodies of Podman's own API, and told of them. */
#include "judging.h"

#define LIBPOD "POST /v6.1.1/libpod/containers/create"

/* Podman's own description of a container. */
static void test_spec(void **state)
{
	static const struct told_case cases[] = {
		/* As its client sends it where nothing is asked for. */
		{LIBPOD,
		 "{'name':'a','env_host':false,'terminal':false,'stop_timeout':10,'log_"
		 "configuration':{},"
		 "'systemd':'true','pidns':{},'utsns':{},'remove':false,'image':'bb','ipcns':{},"
		 "'privileged':false,'seccomp_policy':'default','userns':{},'idmappings':{'UIDMap':"
		 "null},"
		 "'read_only_filesystem':false,'cgroupns':{},'netns':{},'Networks':null,'"
		 "healthconfig':{}}",
		 ""},
		{LIBPOD, "{'privileged':true}", "privileged critical: runs privileged"},
		{LIBPOD,
		 "{'mounts':[{'destination':'/h','type':'bind','source':'/"
		 "','options':['rbind','rw']}]}",
		 ROOT "/ mounted read-write at /h"},
		{LIBPOD,
		 "{'mounts':[{'destination':'/h','type':'bind','source':'/"
		 "','options':['ro','U']}]}",
		 ROOT "/ mounted read-only at /h"},
		{LIBPOD, "{'mounts':[{'destination':'/t','type':'tmpfs','source':'tmpfs'}]}", ""},
		/* Runtimes bind, whatever the type is; and from their own directory, which is /. */
		{LIBPOD,
		 "{'mounts':[{'destination':'/h','type':'ramfs','source':'/"
		 "','options':['rbind']}]}",
		 ROOT "/ mounted read-write at /h"},
		{LIBPOD,
		 "{'mounts':[{'destination':'/h','type':'bind','source':'etc','options':['ro','rw']"
		 "}]}",
		 "host-path-mount critical: /etc mounted read-write at /h: accounts, secrets and "
		 "configuration of the host"},
		{LIBPOD,
		 "{'mounts':[{'destination':'/t','type':'overlay','source':'overlay',"
		 "'options':['lowerdir=/srv/a:/','upperdir=/srv/u','workdir=/srv/w']}]}",
		 ROOT "/ mounted read-only at /t; not-judged high: mounts.type: overlay"},
		{LIBPOD, "{'mounts':[{'destination':'/t','type':'glob','source':'/etc/*'}]}",
		 "host-path-mount critical: /etc mounted read-write at /t: accounts, secrets and "
		 "configuration of the host"},
		{LIBPOD, "{'volumes':[{'Name':'conf','Dest':'/c','Options':['ro']}]}",
		 VOLUME_HOST "volume conf: /etc mounted read-only at /c: accounts, secrets and "
			     "configuration of the host"},
		{LIBPOD, "{'overlay_volumes':[{'destination':'/c','source':'/'}]}",
		 ROOT "/ mounted read-only at /c"},
		{LIBPOD, "{'rootfs':'/'}", ROOT "/ mounted read-write at /"},
		{LIBPOD, "{'pidns':{'nsmode':'host'},'netns':{'nsmode':'host'}}",
		 "host-pid high: the host's PID namespace; host-network medium: the host's network "
		 "namespace"},
		{LIBPOD, "{'pidns':{'nsmode':'path','value':'/proc/1/ns/pid'}}",
		 "host-pid high: the host's PID namespace, by /proc/1/ns/pid"},
		{LIBPOD,
		 "{'userns':{'nsmode':'keep-id','value':'uid=1'},'ipcns':{'nsmode':'shareable'}}",
		 ""},
		{LIBPOD, "{'utsns':{'nsmode':'new'}}", UNJUDGED "UTSMode: new"},
		{LIBPOD, "{'pod':'p'}",
		 "join-container-namespace medium: namespaces of pod p, which is not looked at"},
		{LIBPOD, "{'cap_add':['CAP_SYS_ADMIN']}", "cap-add critical: capability SYS_ADMIN"},
		{LIBPOD,
		 "{'devices':[{'path':'/dev/sda:/dev/x:r'}],"
		 "'device_cgroup_rule':[{'allow':true,'type':'b','access':'rwm'}]}",
		 "device high: device /dev/sda:/dev/x:r; device high: device rule b, access rwm"},
		{LIBPOD,
		 "{'selinux_opts':['disable'],'apparmor_profile':'unconfined',"
		 "'seccomp_profile_path':'unconfined','unmask':['ALL']}",
		 DISABLED "label=disable; " DISABLED "unmask=ALL; " DISABLED
			  "apparmor=unconfined; " DISABLED "seccomp=unconfined"},
		{LIBPOD,
		 "{'oci_runtime':'kata','cgroup_parent':'/x','sysctl':{'kernel.core_pattern':'x'}}",
		 "other-runtime medium: runtime kata; other-runtime medium: cgroup parent /x; "
		 "other-runtime medium: sysctl kernel.core_pattern"},
		{LIBPOD,
		 "{'annotations':{'io.podman.annotations.label':'disable','run.oci.x':'S3CRET'},"
		 "'conmon_pid_file':'/etc/x'}",
		 UNJUDGED "conmon_pid_file: /etc/x; " UNJUDGED "Annotations: run.oci.x"},
		/* Go takes it, as every key in any case. */
		{LIBPOD, "{'PRIVILEGED':true}",
		 "privileged critical: runs privileged; protocol-anomaly medium: a key in another "
		 "case"},
		{LIBPOD, "{'privileged':'yes'}", "", 500},
	};

	check_told(cases, COUNT(cases), TOLD_FINDINGS);
}

static void test_spec_facts(void **state)
{
	static const struct told_case cases[] = {
		{LIBPOD,
		 "{'image':'bb','user':'5','env':{'A':'S3CRET'},'command':['sh','-c','id'],'"
		 "terminal':true,"
		 "'netns':{'nsmode':'container','value':'web'},'remove':true,'pod':'p',"
		 "'portmappings':[{'host_ip':'127.0.0.1','container_port':81,'host_port':80}],"
		 "'mounts':[{'destination':'/x','type':'bind','source':'/"
		 "srv','options':['ro','Z']}],"
		 "'volumes':[{'Name':'v','Dest':'/v'}]}",
		 "command=sh;-c;id image=bb pod=p user=5 environment=A tty auto_remove "
		 "ports=127.0.0.1:80:81 mounts=type=bind,source=/srv,target=/x,ro,Z;"
		 "type=volume,source=v,target=/v namespaces.network=container:web"},
	};

	check_told(cases, COUNT(cases), TOLD_FACTS);
}

#define POD "POST /v6.1.1/libpod/pods/create"
#define LIBPOD_VOLUME "POST /v6.1.1/libpod/volumes/create"
#define LIBPOD_NETWORK "POST /v6.1.1/libpod/networks/create"
#define ON_HOST "network-exposed medium: on an interface of the host: "

/* The rest of what Podman's own API describes. */
static void test_libpod(void **state)
{
	static const struct told_case cases[] = {
		/* As its client sends it where nothing is asked for. */
		{POD,
		 "{'name':'p','shared_namespaces':['ipc','net','uts'],'pidns':{},'ipcns':{},'utsns'"
		 ":{},'userns':{},'exit_policy':'continue','netns':{},'Networks':null,"
		 "'resource_limits':null,'pod_create_command':['podman','pod','create','S3CRET']}",
		 ""},
		{POD, "{'pidns':{'nsmode':'host'},'netns':{'nsmode':'host'}}",
		 "host-pid high: the host's PID namespace; host-network medium: the host's network "
		 "namespace"},
		{POD, "{'netns':{'nsmode':'path','value':'/run/netns/x'}}",
		 "not-judged high: NetworkMode: ns:/run/netns/x"},
		{POD, "{'mounts':[{'destination':'/h','type':'bind','source':'/'}]}",
		 ROOT "/ mounted read-write at /h"},
		{POD, "{'volumes':[{'Name':'conf','Dest':'/c'}]}",
		 VOLUME_HOST "volume conf: /etc mounted read-write at /c: accounts, secrets and "
			     "configuration of the host"},
		{POD, "{'overlay_volumes':[{'destination':'/c','source':'/'}]}",
		 ROOT "/ mounted read-only at /c"},
		{POD, "{'volumes_from':['x']}", JOIN "volumes of container x"},
		{POD,
		 "{'pod_devices':['/dev/sda:/dev/x:r'],"
		 "'resource_limits':{'devices':[{'allow':true,'type':'a','access':'rwm'}]}}",
		 "device high: device /dev/sda:/dev/x:r; device high: device rule a, access rwm"},
		{POD,
		 "{'sysctl':{'kernel.core_pattern':'x','net.a':'b'},'cgroup_parent':'/x',"
		 "'security_opt':['seccomp=unconfined'],'infra_conmon_pid_file':'/etc/x'}",
		 DISABLED "seccomp=unconfined; other-runtime medium: cgroup parent /x; "
			  "other-runtime medium: sysctl kernel.core_pattern; " UNJUDGED
			  "infra_conmon_pid_file: /etc/x"},
		{POD, "{'Name':'p'}", "protocol-anomaly medium: a key in another case"},
		{POD, "[]", "body-not-seen high: body: an array where none belongs"},
		{LIBPOD_VOLUME, "{'Name':'v','Driver':'local','Label':null,'Options':{}}", ""},
		{LIBPOD_VOLUME, "{'Name':'v','Options':{'o':'bind','type':'none','device':'/'}}",
		 VOLUME_HOST "/ is what it stands for"},
		{LIBPOD_VOLUME, "{'Driver':'image','Options':{'image':'x'}}",
		 UNJUDGED "volume driver: image"},
		{LIBPOD_NETWORK,
		 "{'name':'n','driver':'bridge','dns_enabled':true,'internal':true,"
		 "'options':{'mtu':'9','isolate':'true'},'ipam_options':{'driver':'x'}}",
		 ""},
		{LIBPOD_NETWORK, "{'driver':'macvlan','network_interface':'eth0'}", ON_HOST "eth0"},
		{LIBPOD_NETWORK, "{'driver':'ipvlan'}", ON_HOST "of the default route"},
		{LIBPOD_NETWORK, "{'driver':'macvlan','options':{'parent':'eth0'}}",
		 "network-exposed medium: on an interface of the host: parent=eth0"},
		{LIBPOD_NETWORK, "{'network_interface':'br0','options':{'mode':'unmanaged'}}",
		 ON_HOST "br0"},
		{LIBPOD_NETWORK, "{'driver':'x','options':{'vrf':'y'}}",
		 UNJUDGED "network driver: x; not-judged low: network option: vrf"},
		{"POST /v6.1.1/libpod/networks/host/connect", "{'container':'web'}",
		 "host-network medium: the host's network namespace"},
		{"POST /v6.1.1/libpod/networks/n/update", "{'adddnsservers':['10.0.0.1']}", ""},
		{"POST /v6.1.1/libpod/containers/web/update",
		 "{'devices':[{'allow':true,'type':'c','access':'rwm'}],'memory':{'limit':5},"
		 "'cpu':{'shares':2}}",
		 "device high: device rule c, access rwm; container-update medium: "
		 "ContainerUpdateLibpod"},
	};

	check_told(cases, COUNT(cases), TOLD_FINDINGS);
}

static void test_libpod_facts(void **state)
{
	static const struct told_case cases[] = {
		{POD,
		 "{'name':'p','infra_command':['/pause'],'infra_image':'i','shared_namespaces':["
		 "'pid'],'pidns':{'nsmode':'host'},'pod_devices':['/dev/x'],"
		 "'portmappings':[{'container_port':81,'host_port':80}],"
		 "'volumes':[{'Name':'v','Dest':'/v'}]}",
		 "command=/pause name=p image=i namespaces.shared=pid devices=/dev/x ports=80:81 "
		 "mounts=type=volume,source=v,target=/v namespaces.pid=host"},
		{LIBPOD_VOLUME,
		 "{'Name':'v','Driver':'local','Options':{'o':'a','password':'S3CRET'},"
		 "'Labels':{'a':'S3CRET'}}",
		 "name=v driver=local options=o=a;password=***"},
		{LIBPOD_NETWORK,
		 "{'name':'n','driver':'bridge','network_interface':'br0','ipv6_enabled':true,"
		 "'internal':true,'options':{'mtu':'9'},'labels':{'a':'S3CRET'}}",
		 "name=n driver=bridge interface=br0 internal ipv6 options=mtu=9"},
		{"POST /v6.1.1/libpod/networks/n/connect",
		 "{'container':'web','static_ips':['10.0.0.2'],'static_mac':'02:00:00:00:00:01',"
		 "'options':{'a':'b'}}",
		 "endpoint=ip=10.0.0.2,mac-address=02:00:00:00:00:01,driver-opt=a=b container=web"},
		{"POST /v6.1.1/libpod/containers/web/update", "{'Env':['A=S3CRET']}",
		 "environment=A"},
	};

	check_told(cases, COUNT(cases), TOLD_FACTS);
}

#define PLAY "POST /v6.1.1/libpod/play/kube"
#define SPEC(spec) "kind: Pod\nspec: {" spec "}\n"
#define CONTAINER(members) SPEC("containers: [{name: c, " members "}]")
#define CONTEXT(members) CONTAINER("securityContext: {" members "}")
#define MOUNTED(volume, mount)                                                                     \
	SPEC("volumes: [{name: v, " volume "}],"                                                   \
	     "containers: [{name: c, volumeMounts: [{name: v, " mount "}]}]")
#define ANNOTATED(annotation) "kind: Pod\nmetadata: {annotations: {" annotation "}}\nspec: {}\n"
#define DEPLOYMENT(spec) "kind: Deployment\nspec: {template: {spec: {" spec "}}}\n"
#define NOT_SEEN "body-not-seen high: body: "

static void test_kube(void **state)
{
	static const struct told_case cases[] = {
		{PLAY,
		 "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  labels: {app: x}\nspec:\n"
		 "  containers:\n  - name: c\n    image: bb\n    command: [sleep, '600']\n"
		 "    resources: {limits: {memory: 64Mi}}\n    volumeMounts:\n"
		 "    - {name: e, mountPath: /e}\n  volumes:\n  - name: e\n    emptyDir: {}\n",
		 ""},
		{PLAY, CONTEXT("privileged: true"),
		 "privileged critical: container c runs privileged"},
		{PLAY, CONTEXT("privileged: !!bool yes"),
		 "privileged critical: container c runs privileged"},
		{PLAY, CONTEXT("privileged: false"), ""},
		{PLAY,
		 "{'kind':'Pod','spec':{'containers':[{'name':'c','securityContext':"
		 "{'privileged':true}}]}}",
		 "privileged critical: container c runs privileged"},
		{PLAY, SPEC("initContainers: [{name: i, securityContext: {privileged: true}}]"),
		 "privileged critical: container i runs privileged"},
		{PLAY, CONTEXT("Privileged: true"),
		 "privileged critical: container c runs privileged; protocol-anomaly medium: a key "
		 "in another case"},
		{PLAY, SPEC("hostPID: true, hostNetwork: true, hostIPC: true"),
		 "host-pid high: the host's PID namespace; host-network medium: the host's network "
		 "namespace; host-ipc medium: the host's IPC namespace; host-uts medium: the "
		 "host's "
		 "UTS namespace"},
		{PLAY, MOUNTED("hostPath: {path: /}", "mountPath: /h"),
		 ROOT "/ mounted read-write at /h"},
		{PLAY, MOUNTED("hostPath: {path: /}", "mountPath: '/h:ro,z'"),
		 ROOT "/ mounted read-only at /h"},
		{PLAY,
		 MOUNTED("hostPath: {path: /, type: Directory}", "mountPath: /h, readOnly: true"),
		 ROOT "/ mounted read-only at /h"},
		{PLAY, MOUNTED("hostPath: {path: /srv/x}", "mountPath: /h"), ""},
		{PLAY, MOUNTED("hostPath: {path: /dev/null, type: CharDevice}", "mountPath: /d"),
		 "device high: device /dev/null; host-path-mount low: /dev/null mounted read-write "
		 "at /d: a harmless device"},
		{PLAY, MOUNTED("persistentVolumeClaim: {claimName: conf}", "mountPath: /c"),
		 VOLUME_HOST "volume conf: /etc mounted read-write at /c: accounts, secrets and "
			     "configuration of the host"},
		{PLAY, SPEC("volumes: [{name: v, hostPath: {path: /}}]"), ""},
		{PLAY,
		 SPEC("containers: [{name: c, volumeMounts: [{name: v, mountPath: /h}]}], "
		      "volumes: [{name: v, emptyDir: {}}, {name: v, hostPath: {path: /}}]"),
		 ROOT "/ mounted read-write at /h"},
		{PLAY, CONTEXT("capabilities: {add: [SYS_ADMIN], drop: [ALL]}"),
		 "cap-add critical: capability SYS_ADMIN"},
		{PLAY, CONTEXT("procMount: Unmasked"), DISABLED "unmask=ALL"},
		{PLAY, CONTEXT("procMount: Default"), ""},
		{PLAY, CONTEXT("seLinuxOptions: {type: spc_t}"), DISABLED "label=type:spc_t"},
		{PLAY,
		 SPEC("securityContext: {seLinuxOptions: {type: spc_t}, seccompProfile: "
		      "{type: Unconfined}, sysctls: [{name: kernel.x, value: 1}]}"),
		 DISABLED "label=type:spc_t; " DISABLED
			  "seccomp=unconfined; other-runtime medium: sysctl kernel.x"},
		{PLAY, CONTEXT("appArmorProfile: {type: RuntimeDefault}"), ""},
		{PLAY, CONTAINER("resources: {limits: {podman.io/device=/dev/kmsg: 1}}"),
		 "device high: device /dev/kmsg"},
		{PLAY, ANNOTATED("io.podman.annotations.label/c: disable"),
		 DISABLED "label=disable"},
		{PLAY, ANNOTATED("container.seccomp.security.alpha.kubernetes.io/c: unconfined"),
		 DISABLED "seccomp=unconfined"},
		{PLAY, ANNOTATED("container.seccomp.security.alpha.kubernetes.io/c: localhost/p"),
		 "security-disabled medium: seccomp=/p"},
		{PLAY, ANNOTATED("io.podman.annotations.userns: host"),
		 "host-userns high: the host's user namespace"},
		{PLAY, ANNOTATED("io.podman.annotations.volumes-from/c: 'x:ro;y'"),
		 JOIN "volumes of container x; " JOIN "volumes of container y"},
		{PLAY, ANNOTATED("io.podman.annotations.ulimit: nofile=1"), ""},
		{PLAY, ANNOTATED("run.oci.x: S3CRET, a: b"),
		 UNJUDGED "Annotations: run.oci.x; not-judged low: Annotations: a"},
		/* Templates, several at once, aliases, what is merged. */
		{PLAY, DEPLOYMENT("hostPID: true"), "host-pid high: the host's PID namespace"},
		{PLAY, "kind: Deployment\nspec: {hostPID: true}\n", ""},
		{PLAY, SPEC("hostPID: true") "---\n" DEPLOYMENT("hostIPC: true"),
		 "host-pid high: the host's PID namespace; host-ipc medium: the host's IPC "
		 "namespace"},
		{PLAY,
		 SPEC("x: &x {privileged: true}, containers: [{name: c, securityContext: *x}]"),
		 "privileged critical: container c runs privileged"},
		{PLAY, CONTEXT("<<: {privileged: true}"),
		 "privileged critical: container c runs privileged"},
		{PLAY, CONTEXT("<<: {privileged: true}, privileged: false"), ""},
		{PLAY, "kind: StatefulSet\nspec: {template: {spec: {hostPID: true}}}",
		 "host-pid high: the host's PID namespace; not-judged medium: kind: StatefulSet"},
		{PLAY, "kind: Service\nspec: {hostPID: true}", ""},
		/* Secrets. */
		{PLAY,
		 "kind: Secret\nmetadata: {name: s}\ndata: {a: UzNDUkVU}\nstringData: {b: "
		 "S3CRET}",
		 "secret-access medium: makes the secret s"},
		{PLAY, "kind: ConfigMap\nmetadata: {name: s}\ndata: {a: S3CRET}", ""},
		{PLAY, SPEC("volumes: [{name: v, secret: {secretName: s}}]"),
		 "secret-access medium: a pod gets the secret s"},
		{PLAY,
		 CONTAINER("env: [{name: A, value: S3CRET}, {name: B, valueFrom: "
			   "{secretKeyRef: {name: s, key: k}}}], envFrom: [{secretRef: "
			   "{name: t}}]"),
		 "secret-access medium: a pod gets the secret s; secret-access medium: a pod gets "
		 "the secret t"},
		/* Volumes. */
		{PLAY, "kind: PersistentVolumeClaim\nmetadata: {name: v}\nspec: {}", ""},
		{PLAY,
		 "kind: PersistentVolumeClaim\nmetadata:\n  name: v\n  annotations:\n"
		 "    volume.podman.io/device: /\n    volume.podman.io/type: none\n"
		 "    volume.podman.io/mount-options: bind\n",
		 VOLUME_HOST "volume v: / is what it stands for"},
		{PLAY,
		 "kind: PersistentVolumeClaim\nmetadata: {annotations: {volume.podman.io/driver: "
		 "x}}",
		 UNJUDGED "volume driver: x"},
		/* The query. */
		{PLAY "?network=host&USERNS=host", SPEC(""),
		 "host-userns high: the host's user namespace; host-network medium: the "
		 "host's network namespace"},
		{PLAY "?logDriver=&logOptions=path%3D/etc/x&network=podman", SPEC(""),
		 "log-destination high: path: the engine writes to the file /etc/x: "
		 "configuration of the host"},
		{PLAY "?annotations=%7B%22a%22:%22b%22%7D", SPEC(""),
		 UNJUDGED "annotations: {\"a\":\"b\"}"},
		/* What is not read, or not all of it. */
		{PLAY, SPEC("hostPID: true") "---\n{",
		 "host-pid high: the host's PID namespace; " NOT_SEEN "it is no YAML"},
		{PLAY, SPEC("hostPID: true") "---\n{", "", 500},
		{PLAY, CONTEXT("privileged: !!binary dHJ1ZQ=="),
		 NOT_SEEN "a tag gives a text another meaning"},
		{PLAY, "kind: Pod\nspec: []\n", NOT_SEEN "an array where none belongs"},
		{"POST /v6.1.1/libpod/kube/play", SPEC("hostPID: true"),
		 "host-pid high: the host's PID namespace"},
		{"POST /v6.1.1/libpod/kube/apply", SPEC("hostPID: true"),
		 "host-pid high: the host's PID namespace"},
		{"DELETE /v6.1.1/libpod/play/kube", SPEC("hostPID: true"), ""},
	};

	check_told(cases, COUNT(cases), TOLD_FINDINGS);
}

static void test_kube_facts(void **state)
{
	static const struct told_case cases[] = {
		{PLAY,
		 "kind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n"
		 "    image: r.x/bb:1\n    command: [sh, -c]\n    args: [mysql --password S3CRET]\n"
		 "    env: [{name: A, value: S3CRET}]\n    ports: [{containerPort: 80, hostPort: "
		 "8080, hostIP: 127.0.0.1, protocol: TCP}, {containerPort: 81}]\n"
		 "    volumeMounts: [{name: v, mountPath: '/v:ro'}, {name: w, mountPath: /w}]\n"
		 "  - {name: d, image: i}\n  volumes:\n  - {name: v, hostPath: {path: /srv/x}}\n"
		 "  - {name: w, persistentVolumeClaim: {claimName: w1}}\n---\n"
		 "kind: Secret\nmetadata: {name: s}\nstringData: {a: S3CRET}\n",
		 "objects=Pod/p;Secret/s containers=c=r.x/bb:1: sh -c 'mysql --password ***';d=i "
		 "mounts=type=bind,source=/srv/x,target=/v,readonly;type=volume,source=w1,target=/"
		 "w "
		 "ports=127.0.0.1:8080:80/TCP environment=A"},
		{"DELETE /v6.1.1/libpod/play/kube", "kind: Pod\nmetadata: {name: p}\n",
		 "objects=Pod/p"},
		{PLAY, "", ""},
	};

	check_told(cases, COUNT(cases), TOLD_FACTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spec),   cmocka_unit_test(test_spec_facts),
		cmocka_unit_test(test_libpod), cmocka_unit_test(test_libpod_facts),
		cmocka_unit_test(test_kube),   cmocka_unit_test(test_kube_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
