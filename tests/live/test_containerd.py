# SPDX-License-Identifier: Apache-2.0
"""containerd's own socket: calls of ctr, and calls made by hand."""
import shutil
import socket
import subprocess
import sys

import engines
from containerd import *
from grpc import *
from live import *

ENGINE = None
AGENT = None


def calls(operation, count=1, that=None, **more):
    """The records of COUNT calls of OPERATION."""
    return AGENT.wait(count, that, callerd__api__operation=operation, event__action='api-request', **more)


@test
def each_call_has_a_record():
    """What ctr does: who, what, in which namespace, and how it ended."""
    ENGINE.ctr('-n', 'moby', 'container', 'ls')
    record, = calls('ContainerListStreamContainerd', callerd__grpc__namespace='moby')
    equal(field(record, 'process.name'), 'ctr', 'caller')
    equal(field(record, 'callerd.api.engine'), 'containerd', 'engine')
    equal(field(record, 'callerd.connection.socket'), ENGINE.path, 'socket')
    equal((field(record, 'callerd.grpc.service'), field(record, 'callerd.grpc.method'), field(record, 'callerd.grpc.status')),
          ('containerd.services.containers.v1.Containers', 'ListStream', 'OK'), 'call')
    equal((field(record, 'event.outcome'), field(record, 'callerd.findings')), ('success', None), 'outcome')
    ENGINE.ctr('-n', 'nobodys', 'image', 'rm', 'none', check=False)
    record, = calls('ImageDeleteContainerd', callerd__grpc__namespace='nobodys')
    equal((field(record, 'callerd.grpc.status'), field(record, 'event.outcome')), ('NOT_FOUND', 'failure'), 'of no image')


@test
def what_is_not_known_is_found():
    """A service that this containerd lacks is none; a method of a known one is an operation that is not known."""
    for path, status in ('nobody.v1.Service/Call', '12'), ('containers.v1.Containers/Nonsense', '12'):
        equal(ENGINE.call(SERVICES + path)[0], status, path)
        record, = AGENT.wait(url__original=SERVICES + path, event__action='api-request')
        equal((field(record, 'callerd.findings'), field(record, 'callerd.api.operation')), (None, None), path)


SPEC = 'types.containerd.io/opencontainers/runtime-spec/1/'
NAMESPACES = [{'type': kind} for kind in ('pid', 'network', 'ipc', 'uts', 'mount', 'cgroup')]
MASKED = ['/proc/acpi', '/proc/asound', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/sched_debug',
          '/proc/scsi', '/proc/timer_list', '/proc/timer_stats', '/sys/firmware']
READ_ONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']
HARMLESS = {
    'ociVersion': '1.0.2', 'root': {'path': 'rootfs'}, 'hostname': 'h',
    'process': {'user': {'uid': 7, 'gid': 8}, 'args': ['sh', '-c', 'exit 3'], 'env': ['PATH=/bin', 'TOKEN=canary-1'],
                'cwd': '/', 'capabilities': {'bounding': ['CAP_CHOWN'], 'effective': ['CAP_CHOWN']},
                'noNewPrivileges': True},
    'mounts': [{'destination': '/proc', 'type': 'proc', 'source': 'proc'},
               {'destination': '/sys', 'type': 'sysfs', 'source': 'sysfs', 'options': ['ro', 'nosuid']},
               {'destination': '/data', 'type': 'bind', 'source': '/srv/data', 'options': ['rbind', 'ro']}],
    'linux': {'namespaces': NAMESPACES, 'maskedPaths': MASKED, 'readonlyPaths': READ_ONLY,
              'seccomp': {'defaultAction': 'SCMP_ACT_ERRNO'}, 'cgroupsPath': '/default/ID',
              'resources': {'devices': [{'allow': False, 'access': 'rwm'},
                                        {'allow': True, 'type': 'c', 'major': 1, 'minor': 3, 'access': 'rwm'},
                                        {'allow': True, 'type': 'c', 'access': 'm'}]}}}


def altered(**changes):
    """HARMLESS with other values: keys as process__user."""
    spec = json.loads(json.dumps(HARMLESS))
    for path, value in changes.items():
        *way, last = path.split('__')
        place = spec
        for key in way:
            place = place.setdefault(key, {})
        if value is None:
            place.pop(last)
        else:
            place[last] = value
    return spec


def container(name, spec, *more, runtime='io.containerd.runc.v2', options=(), kind=SPEC + 'Spec'):
    """The message of Containers/Create."""
    spec = spec if isinstance(spec, bytes) else json.dumps(spec).replace('/ID', '/' + name).encode()
    return message((1, [(1, name), (2, [(1, 'key'), (2, 'canary-2')]), (3, 'image:1'), (4, [(1, runtime), *options]),
                        (5, [(1, kind), (2, spec)]), *more]))


def findings_of(record):
    return sorted(f['id'] + ' ' + f['severity'] + ': ' + f['detail'] for f in field(record, 'callerd.findings', []))


def create(spec, **more):
    """The findings of a container that is created by hand, and its record."""
    name = f'made-{time.monotonic_ns()}'
    ENGINE.call(SERVICES + 'containers.v1.Containers/Create', container(name, spec, **more))
    record, = calls('ContainerCreateContainerd', callerd__target__id=name)
    return findings_of(record), record


@test
def containers_of_ctr_are_judged():
    """What `ctr run` asks for, beside Docker: privileged, with the host's files; and a plain one."""
    ENGINE.run('plain')
    plain, = calls('ContainerCreateContainerd', callerd__target__id='plain')
    # ctr has no seccomp profile by default, and no cgroup namespace where cgroups are of version 1.
    equal([f for f in findings_of(plain) if 'cgroup namespace' not in f], ['security-disabled high: no seccomp profile'],
          'of a plain one')
    equal(field(plain, 'callerd.target.image'), ENGINE.image, 'image')
    equal(field(plain, 'callerd.request.command'), ['true'], 'command')
    for operation in 'TaskCreateContainerd', 'TaskStartContainerd', 'TaskDeleteContainerd', 'ContainerDeleteContainerd':
        record, = calls(operation, callerd__target__id='plain')
        equal((field(record, 'callerd.findings'), field(record, 'event.outcome')), (None, 'success'), operation)
    # Here nothing privileged can be started.
    ENGINE.run('open', '--privileged', '--net-host', '--mount', 'type=bind,src=/,dst=/h,options=rbind:rw', '--mount',
               f'type=bind,src={SOCKET},dst=/s,options=rbind:ro', namespace='moby', check=False)
    record, = calls('ContainerCreateContainerd', callerd__target__id='open', callerd__grpc__namespace='moby')
    found = findings_of(record)
    for wanted in ('privileged critical: has all capabilities and devices', 'host-root-mount critical: / mounted read-write at /h',
                   'cap-add critical: capability SYS_ADMIN', 'device high: device rule for all devices, access rwm',
                   "host-network medium: the host's network namespace", 'security-disabled high: no seccomp profile'):
        true(wanted in found, f'{wanted} is not in {found}')
    true(any(f.startswith('engine-socket-mount critical') for f in found), found)
    equal(record['event']['severity'], 100, 'severity')


@test
def specifications_are_judged():
    """Each finding by a container made by hand, and none of a harmless one."""
    found, record = create(HARMLESS)
    equal(found, [], 'of a harmless one')
    equal(field(record, 'callerd.grpc.status'), 'OK', 'outcome')
    equal({key: field(record, 'callerd.request.' + key) for key in ('command', 'user', 'environment', 'hostname', 'image')},
          {'command': ['sh', '-c', 'exit 3'], 'user': '7:8', 'environment': ['PATH', 'TOKEN'], 'hostname': 'h',
           'image': 'image:1'}, 'facts')
    caps = ['CAP_CHOWN', 'CAP_SYS_ADMIN', 'CAP_NET_ADMIN']
    hook = [{'path': '/bin/sh', 'args': ['sh', '-c', 'id --password=canary-3']}]
    rule = [{'allow': True, 'type': 'b', 'major': 8, 'minor': 0, 'access': 'rw'}]
    for changes, wanted in (
            ({'linux__namespaces': NAMESPACES[1:]}, "host-pid high: the host's PID namespace"),
            ({'linux__namespaces': NAMESPACES[:1] + NAMESPACES[2:]}, "host-network medium: the host's network namespace"),
            ({'linux__namespaces': NAMESPACES[:2] + NAMESPACES[3:]}, "host-ipc medium: the host's IPC namespace"),
            ({'linux__namespaces': NAMESPACES[:3] + NAMESPACES[4:]}, "host-uts medium: the host's UTS namespace"),
            ({'linux__namespaces': NAMESPACES[:4] + NAMESPACES[5:]}, "host-root-mount critical: the host's mount namespace"),
            ({'linux__namespaces': NAMESPACES[:5]}, "host-cgroupns low: the host's cgroup namespace"),
            ({'linux__namespaces': [{'type': 'pid', 'path': '/proc/1/ns/pid'}] + NAMESPACES[1:]},
             "host-pid high: the host's PID namespace, by /proc/1/ns/pid"),
            ({'linux__namespaces': [{'type': 'pid', 'path': '/proc/77/ns/pid'}] + NAMESPACES[1:]},
             'not-judged high: PidMode: ns:/proc/77/ns/pid'),
            ({'linux__namespaces': [{'type': 'network', 'path': '/run/netns/x'}] + NAMESPACES[:1] + NAMESPACES[2:]},
             'join-container-namespace medium: network namespace /run/netns/x'),
            ({'process__capabilities__permitted': caps},
             ['cap-add critical: capability SYS_ADMIN', 'cap-add medium: capability NET_ADMIN']),
            ({'hooks': {'prestart': hook}}, 'oci-hook critical: prestart runs /bin/sh: sh -c \'id --password=***\''),
            ({'hooks': {'startContainer': hook}}, 'oci-hook low: startContainer runs /bin/sh: sh -c \'id --password=***\''),
            ({'linux__seccomp': None}, 'security-disabled high: no seccomp profile'),
            ({'linux__seccomp__defaultAction': 'SCMP_ACT_ALLOW'},
             'security-disabled high: seccomp profile that may allow everything'),
            ({'linux__maskedPaths': MASKED[1:]}, 'security-disabled medium: maskedPaths leaves open /proc/acpi'),
            ({'linux__readonlyPaths': READ_ONLY[1:]}, 'security-disabled high: readonlyPaths leaves open /proc/bus'),
            ({'process__apparmorProfile': 'unconfined'}, 'security-disabled high: apparmor=unconfined'),
            ({'process__selinuxLabel': 'system_u:system_r:spc_t:s0'}, 'security-disabled high: label=type:spc_t'),
            ({'linux__resources__devices': rule}, 'device high: device rule b 8:0, access rw'),
            ({'linux__devices': [{'path': '/dev/x', 'type': 'b', 'major': 8, 'minor': 0}]}, 'device high: device /dev/x'),
            ({'linux__sysctl': {'kernel.core_pattern': '|/x', 'net.ipv4.ip_forward': '1'}},
             'other-runtime medium: sysctl kernel.core_pattern'),
            ({'linux__cgroupsPath': '/elsewhere/ID'}, None),
            ({'root__path': '/'}, 'host-root-mount critical: / mounted read-write at /'),
            ({'root__path': '../../..'},
             ['host-root-mount critical: / mounted read-write at /', 'not-judged high: mounts.source: ../../..']),
            ({'root': {'path': '/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/7/fs'}}, []),
            ({'mounts': [{'destination': '/m', 'type': 'none', 'source': '/etc', 'options': ['ro', 'bind']}]},
             'host-path-mount critical: /etc mounted read-only at /m: accounts, secrets and configuration of the host'),
            ({'mounts': [{'destination': '/m', 'type': 'bind', 'source': '../../../../../etc'}]},
             ['host-path-mount critical: /etc mounted read-write at /m: accounts, secrets and configuration of the host',
              'not-judged high: mounts.source: ../../../../../etc']),
            ({'mounts': [{'destination': '/m', 'type': 'overlay', 'source': 'x', 'options': ['lowerdir=/srv/a:/']}]},
             'host-root-mount critical: / mounted read-only at /m'),
            ({'mounts': [{'destination': '/m', 'type': 'sysfs', 'source': 'sysfs'}]},
             "host-path-mount critical: /sys mounted read-write at /m: the kernel's devices and settings"),
            ({'annotations': {'run.oci.hooks.stdout': 'x'}}, 'not-judged medium: Annotations: run.oci.hooks.stdout')):
        found, record = create(altered(**changes))
        if wanted is None:
            equal(found, [f'other-runtime medium: cgroup parent /elsewhere/{field(record, "callerd.target.id")}'], changes)
        else:
            equal(found, sorted(wanted) if isinstance(wanted, list) else [wanted], changes)


@test
def programs_of_the_caller_are_found():
    """What runs as root on the host: a runtime, its program, a program for the output."""
    runc = 'containerd.runc.v1.Options'

    def options(number, value, kind=runc):
        return [(2, [(1, kind), (2, [(number, value)])])]

    for more, wanted in (
            ({'runtime': '/tmp/shim'}, 'runtime-binary critical: runtime /tmp/shim'),
            ({'runtime': 'io.containerd.kata.v2'}, 'other-runtime medium: runtime io.containerd.kata.v2'),
            ({'options': options(6, '/tmp/evil')}, "runtime-binary critical: runtime's program /tmp/evil"),
            ({'options': options(6, 'crun')}, "other-runtime medium: runtime's program crun"),
            ({'options': options(6, '/usr/sbin/runc')}, None),
            ({'options': options(8, '/tmp/criu')}, "runtime-binary critical: runtime's program for checkpoints /tmp/criu"),
            ({'options': options(1, '/tmp/old', 'containerd.linux.runc.RuncOptions')},
             "runtime-binary critical: runtime's program /tmp/old"),
            ({'options': options(1, 'io.containerd.runsc.v1.options', 'runtimeoptions.v1.Options')}, None)):
        equal(create(HARMLESS, **more)[0], [wanted] if wanted else [], more)

    def run_task(*fields):
        name = f'task-{time.monotonic_ns()}'
        ENGINE.call(SERVICES + 'tasks.v1.Tasks/Create', message((1, name), *fields))
        return findings_of(calls('TaskCreateContainerd', callerd__target__id=name)[0])

    snapshot = '/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/'
    overlay = [(1, 'overlay'), (2, 'overlay'), (4, 'lowerdir=' + ':'.join(f'{snapshot}{i}/fs' for i in range(120))),
               (4, f'upperdir={snapshot}9/fs'), (4, f'workdir={snapshot}9/work')]
    for fields, wanted in (
            ([(3, overlay), (4, '/run/containerd/fifo/1/t-stdin'), (5, '/run/containerd/fifo/1/t-stdout')], None),
            ([(3, overlay[:2] + [(4, f'lowerdir={snapshot}1/fs:/')])], 'host-root-mount critical: / mounted read-only at /'),
            ([(3, [(1, 'bind'), (2, '/etc'), (4, 'rbind'), (4, 'rw')])], 'host-path-mount critical: /etc mounted read-write at /'),
            ([(3, [(1, 'ext4'), (2, '/dev/root')])], 'host-path-mount'),
            ([(10, '/tmp/shim')], 'runtime-binary critical: runtime path /tmp/shim'),
            ([(9, [(1, runc), (2, [(6, '/tmp/evil')])])], "runtime-binary critical: runtime's program /tmp/evil"),
            ([(5, 'binary:///tmp/logger?a=b')], 'runtime-binary critical: a program for the output: binary:///tmp/logger?a=b'),
            ([(5, 'file:///etc/cron.d/x')], 'log-destination critical: input or output: /etc/cron.d/x'),
            ([(6, '/etc/shadow')], 'log-destination critical: input or output: /etc/shadow')):
        found = run_task(*fields)
        true(found == [] if wanted is None else len(found) == 1 and found[0].startswith(wanted), f'{fields}: {found}')
    ENGINE.call(SERVICES + 'diff.v1.Diff/Apply', message(
        (1, [(1, 'application/vnd.oci.image.layer.v1.tar'), (2, 'sha256:' + 64 * '0'), (3, 1)]),
        (2, [(1, 'bind'), (2, '/'), (4, 'rbind')])))
    record, = calls('DiffApplyContainerd', that=lambda r: field(r, 'process.name') != 'ctr')
    equal(findings_of(record), ['host-root-mount critical: / is what it stands for'], 'of a diff')


@test
def processes_are_judged():
    """`ctr task exec`, and one with more than its container has."""
    ENGINE.ctr('run', '--detach', '--snapshotter', 'native', ENGINE.image, 'long', 'sleep', '60')
    ENGINE.ctr('task', 'exec', '--exec-id', 'one', 'long', 'id')
    record, = calls('TaskExecContainerd', callerd__target__id='long')
    equal((field(record, 'callerd.request.command'), findings_of(record)), (['id'], []), 'of ctr')
    caps = {'bounding': ['CAP_SYS_ADMIN', 'CAP_SYS_MODULE', 'CAP_SYS_PTRACE', 'CAP_SYS_RAWIO', 'CAP_DAC_READ_SEARCH']}
    process = dict(HARMLESS['process'], capabilities=caps, args=['sh', '-c', 'curl -u user:canary-4 http://x'])
    ENGINE.call(SERVICES + 'tasks.v1.Tasks/Exec', message((1, 'long'), (6, [(1, SPEC + 'Process'),
                                                                           (2, json.dumps(process).encode())]), (7, 'two')))
    record, = calls('TaskExecContainerd', that=lambda r: field(r, 'callerd.target.name') == 'two')
    true('exec-privileged critical: a process with all capabilities' in findings_of(record), findings_of(record))
    equal(field(record, 'callerd.request.user'), '7:8', 'user')
    ENGINE.ctr('task', 'kill', '-s', 'SIGKILL', 'long')


@test
def odd_messages():
    """Of a specification that is there twice the last one counts; what cannot be read is said to be so."""
    def two(*specs):
        return message((1, [(1, 'odd'), *[(5, [(2, json.dumps(s).encode())]) for s in specs],
                            (5, [(1, SPEC + 'Spec')])]))
    open_ = altered(root__path='/')
    create_ = SERVICES + 'containers.v1.Containers/Create'
    for data, wanted in (
            (two(HARMLESS, open_), {'protocol-anomaly', 'host-root-mount', 'other-runtime'}),
            (two(open_, HARMLESS), {'protocol-anomaly', 'other-runtime'}),
            (container('odd', json.dumps(HARMLESS).replace('"root"', '"Root"').encode()), {'protocol-anomaly', 'other-runtime'}),
            (container('odd', b'{"root":'), {'body-not-seen'}),
            (container('odd', b'[]'), {'body-not-seen'}),
            (container('odd', HARMLESS, kind='other.type'), {'not-judged'}),
            (message((1, [(1, 'odd'), (4, [(1, 'r'), (2, [(2, b'\xff\xff')])])])), {'body-not-seen'})):
        count = len(AGENT.records(callerd__api__operation='ContainerCreateContainerd', callerd__target__id='odd', event__action='api-request'))
        ENGINE.call(create_, data)
        record = calls('ContainerCreateContainerd', count + 1, callerd__target__id='odd')[-1]
        ids = {f['id'] for f in field(record, 'callerd.findings', [])}
        refused = field(record, 'event.outcome') == 'failure'
        true(wanted <= ids or (refused and wanted == {'body-not-seen'}), f'{wanted} of {ids}: {record["message"]}')
        ENGINE.call(SERVICES + 'containers.v1.Containers/Delete', message((1, 'odd')))


@test
def large_specifications_are_read():
    """One of half a megabyte, most of it of no interest, and a mount behind thousands of others."""
    mounts = [{'destination': f'/m{i}', 'type': 'tmpfs', 'source': 'tmpfs'} for i in range(5000)]
    mounts.append({'destination': '/h', 'type': 'bind', 'source': '/'})
    found, record = create(altered(mounts=mounts, linux__seccomp={'defaultAction': 'SCMP_ACT_ERRNO', 'syscalls': [
        {'names': [f'call{i}' for i in range(1000)], 'action': 'SCMP_ACT_ALLOW'}] * 10}))
    true('host-root-mount critical: / mounted read-write at /h' in found, found)
    equal(field(record, 'callerd.capture.reason'), None, 'incomplete')


def security(*fields):
    """Of a container: what it takes to be harmless, and FIELDS."""
    return [(15, [(2, [*[(13, p) for p in MASKED], *[(14, p) for p in READ_ONLY], *fields])])]


@test
def pods_are_judged():
    """By the interface for kubelet, in both of its versions: real ones where the engine makes them, each answer's id, and findings."""
    usual = (15, [])  # the usual profile, which no number says
    for number, (fields, wanted) in enumerate((
            ([(8, [(2, [(9, [])])])], None),
            ([(8, [(2, [(1, [(1, 2), (2, 2), (3, 2)]), (9, [])])])],
             ["host-ipc medium: the host's IPC namespace", "host-network medium: the host's network namespace",
              "host-pid high: the host's PID namespace"]),
            ([(8, [(2, [(6, 1), (9, [])])])], ['privileged critical: runs privileged']),
            ([(8, [(2, [(9, [(1, 1)])])])], ['security-disabled high: seccomp=unconfined']),
            ([(8, [(2, [])])], ['security-disabled high: no seccomp profile']),
            ([(8, [(2, [(9, [])]), (3, [(1, 'kernel.core_pattern'), (2, '|/x')])])],
             ['other-runtime medium: sysctl kernel.core_pattern']),
            ([(8, [(1, '/elsewhere'), (2, [(9, [])])])], ['other-runtime medium: cgroup parent /elsewhere']),
            ([(7, [(1, 'run.oci.x'), (2, 'canary-5')]), (8, [(2, [(9, [])])])],
             ['not-judged medium: Annotations: run.oci.x']))):
        name = f'pod-{number}'
        ENGINE.call(CRI + 'RuntimeService/RunPodSandbox', message((1, [(1, [(1, name), (2, name), (3, 'n')]), *fields])))
        record, = calls('PodCreateCri', callerd__target__name=name)
        equal(findings_of(record), wanted or [], fields)
    for version, number in ('v1', 1), ('v1alpha2', 2):
        status = ENGINE.call(f'/runtime.{version}.RuntimeService/RunPodSandbox', message((1, [(1, [(1, version)])]), (2, 'kata')))[0]
        record, = calls('PodCreateCri', that=lambda r, v=version: f'/runtime.{v}.' in field(r, 'url.original')
                        and field(r, 'callerd.target.name') == v)
        if status != '12':
            true('other-runtime medium: runtime kata' in findings_of(record), record['message'])
    for number, (fields, wanted) in enumerate((
            (security(usual), None),
            (security(usual, (2, 1)), ['privileged critical: runs privileged']),
            (security(usual, (1, [(1, 'SYS_ADMIN')])), ['cap-add critical: capability SYS_ADMIN']),
            (security(usual, (3, [(2, 3), (4, 'other')])),
             ['join-container-namespace medium: PidMode of container other']),
            (security(), ['security-disabled high: no seccomp profile']),
            (security(usual, (16, [(1, 1)])), ['security-disabled high: apparmor=unconfined']),
            (security(usual, (4, [(3, 'spc_t')])), ['security-disabled high: label=type:spc_t']),
            ([(15, [(2, [usual, *[(14, p) for p in READ_ONLY]])])],
             ['security-disabled high: masked_paths leaves open ' + ', '.join(MASKED)]),
            (security(usual) + [(7, [(1, '/h'), (2, '/'), (3, 1)])], ['host-root-mount critical: / mounted read-only at /h']),
            (security(usual) + [(8, [(1, '/d'), (2, '/dev/sda'), (3, 'rwm')])], ['device high: device /dev/sda, access rwm']),
            (security(usual) + [(17, [(1, 'vendor.com/c=d')])], ['device high: devices: vendor.com/c=d']))):
        name = f'container-{number}'
        ENGINE.call(CRI + 'RuntimeService/CreateContainer', message((1, 'none'), (2, [
            (1, [(1, name)]), (2, [(1, 'image:1')]), (3, 'sh'), (4, '-c'), (4, 'x --token=canary-6'),
            (6, [(1, 'TOKEN'), (2, 'canary-7')]), *fields])))
        record, = calls('ContainerCreateCri', callerd__target__name=name)
        equal(findings_of(record), wanted or [], fields)
        equal((field(record, 'callerd.request.environment'), field(record, 'callerd.request.pod'),
               field(record, 'callerd.target.image')), (['TOKEN'], 'none', 'image:1'), 'facts')
    ENGINE.call(CRI + 'RuntimeService/ExecSync', message((1, 'none'), (2, 'id'), (2, '-u')))
    record, = calls('ContainerExecSyncCri')
    equal((field(record, 'callerd.target.id'), field(record, 'callerd.request.command')), ('none', ['id', '-u']), 'exec')
    ENGINE.call(CRI + 'RuntimeService/CheckpointContainer', message((1, 'none'), (2, '/etc/cron.d/x')))
    equal(findings_of(calls('ContainerCheckpointCri')[0]),
          ['checkpoint-directory critical: the engine writes a checkpoint to /etc/cron.d/x'], 'checkpoint')


@test
def what_an_engine_does_is_counted():
    """A dockerd whose socket is watched has no records there, unless they are asked for; a program that is called so has."""
    shared = DIR + '/containerd.sock'
    name = f'counted-{time.monotonic_ns()}'
    path = f'{DIR}/{name}-{os.getpid()}/docker.sock'
    options = '--containerd', shared, '--socket', path, '--status-interval', '1'

    def of_dockerd(agent):
        return [r for r in agent.records(event__action='api-request', callerd__api__engine='containerd')
                if field(r, 'process.name') == 'dockerd']
    with Callerd(*options, '--engine-calls') as asked, Callerd(*options) as agent, Dockerd(name) as engine:
        agent.wait(callerd__connection__socket=path)  # from here on it is known who serves
        asked.wait(callerd__connection__socket=path)
        engine.docker('run', '--rm', '--network', 'none', IMAGE, 'true')
        asked.wait(callerd__api__operation='TaskStartContainerd')
        create = [r for r in asked.wait(callerd__api__operation='ContainerCreateContainerd', event__action='api-request')
                  if field(r, 'process.name') == 'dockerd'][-1]
        found = findings_of(create)
        equal([f for f in found if f.split()[0] in ('host-root-mount', 'privileged', 'cap-add', 'device')], [], 'of a plain one')
        agent.wait(callerd__api__operation='ContainerCreate', callerd__connection__socket=path)
        agent.wait(that=lambda r: field(r, 'callerd.status', {}).get('level.none', 0) > 3, event__action='agent-status')
        equal([r['message'] for r in of_dockerd(agent) if field(r, 'callerd.api.operation') in (
            'ContainerCreateContainerd', 'TaskCreateContainerd', 'TaskStartContainerd')], [], 'records of dockerd')
        shutil.copy('/usr/bin/ctr', DIR + '/dockerd')
        run(DIR + '/dockerd', '-a', shared, '-n', 'forged', 'container', 'ls')
        agent.wait(callerd__grpc__namespace='forged', process__name='dockerd')


SERVER = '''
import socket, sys
from grpc import Prior
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
print(flush=True)
sys.stdin.readline()
with Prior(sys.argv[2]) as client:
    client.call('/containerd.services.version.v1.Version/Version', b'', ('containerd-namespace', sys.argv[3]))
'''


@test
def an_engine_is_beside_the_agent():
    """Who serves a watched socket is no engine in a PID namespace of its own."""
    for namespace, way in ('beside', []), ('below', ['unshare', '--pid', '--fork']):
        path = f'{DIR}/{namespace}-{time.monotonic_ns()}.sock'
        with Callerd('--containerd', ENGINE.path, '--socket', path, '--status-interval', '1') as agent:
            server = subprocess.Popen([*way, sys.executable, '-c', SERVER, path, ENGINE.path, namespace], text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=os.path.dirname(os.path.abspath(__file__)))
            server.stdout.readline()
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(path)
                agent.wait(callerd__connection__socket=path)
                server.communicate('\n')
            equal(server.returncode, 0, namespace)
            if way:
                agent.wait(callerd__grpc__namespace=namespace)
            else:
                agent.wait(that=lambda r: field(r, 'callerd.status', {}).get('level.none', 0) > 0, event__action='agent-status')
                equal(agent.records(callerd__grpc__namespace=namespace), [], 'records of an engine')


@test
def layers_are_not_copied():
    """A layer that is written to the store costs the agent no more than what each stream may."""
    kept = DIR + '/layers.events'
    size = 64 << 20
    with Callerd('--containerd', ENGINE.path, '--record-events', kept) as agent, Prior(ENGINE.path) as client:
        stream = client.begin(SERVICES + 'content.v1.Content/Write', ('containerd-namespace', 'default'))
        piece = os.urandom(1 << 20)
        for at in range(0, size, len(piece)):
            client.send(stream, message((1, 1), (2, 'layer'), (3, size), (5, at), (6, piece)), end=False)
        client.send(stream, message((1, 1), (2, 'layer'), (5, size)))
        equal(client.outcome(stream)[0], '0', 'outcome')
        record, = agent.wait(callerd__api__operation='ContentWrite', event__action='api-request')
        equal(field(record, 'callerd.findings'), None, 'findings')
        agent.stop()
    true(os.stat(kept).st_size < 8 << 20, f'{os.stat(kept).st_size} bytes copied')


@test
def newer_containerds():
    """Those of other suites of Debian: nothing of what their clients do is unknown, and what they make is judged."""
    for suite in 'trixie', 'forky':
        with Containerd('ctd-' + suite, engines.fetch('docker', suite)) as engine, Callerd('--containerd', engine.path) as agent:
            engine.run('open', '--privileged', '--mount', 'type=bind,src=/,dst=/h,options=rbind:rw', check=False)
            record, = agent.wait(callerd__api__operation='ContainerCreateContainerd', callerd__target__id='open')
            found = findings_of(record)
            for wanted in 'privileged critical: has all capabilities and devices', 'host-root-mount critical: / mounted read-write at /h':
                true(wanted in found, f'{suite}: {wanted} is not in {found}')
            engine.ctr('-n', 'default', 'container', 'ls')
            agent.wait(callerd__api__operation='ContainerListStreamContainerd')
            for record in agent.records(event__action='api-request', callerd__api__engine='containerd'):
                ids = {f['id'] for f in field(record, 'callerd.findings', [])}
                equal(ids & {'unknown-operation', 'grpc-service-unknown', 'body-not-seen', 'protocol-anomaly'}, set(), record['message'])
                true(field(record, 'callerd.api.operation'), record['message'])


@test
def secrets_stay_out():
    """Values of the environment and of labels, passwords of commands and hooks."""
    AGENT.settle()
    log = json.dumps(AGENT.records())
    true('canary-' not in log, log[max(0, log.find('canary-') - 300):][:600])


def main_with_agent():
    global AGENT, ENGINE
    with Containerd('ctd') as ENGINE, Callerd('--containerd', ENGINE.path) as AGENT:
        main()


main_with_agent()
