# SPDX-License-Identifier: Apache-2.0
"""Every finding is raised by a real call, and by none of its harmless siblings."""
import contextlib
import glob
import io
import shutil
import stat
import tarfile

from live import *
from bodies import *
import engines

LIVE_MEMBER = os.environ['LIVE_MEMBER']
AGENT = None
D = DIR + '/findings'
CREATE = API + '/containers/create'
PATHS = 'critical|high|medium'


def tar(**files):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode='w') as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return data.getvalue()


def judge(what, call, wanted, status=None, allowed=(), problems=None):
    """The record of CALL, as post() returned it, has the findings WANTED."""
    target, got, answer = call
    if status and got not in (status if isinstance(status, tuple) else (status,)):
        raise AssertionError(f'{what}: the daemon says {got} {answer}')
    record = record_of(AGENT, target)
    found = judged(record, wanted, allowed)
    if problems is not None:
        problems.add(what, found)
    elif found:
        raise AssertionError(f'{what}: {found}')
    return record


def creations(table, allowed=(), status=201):
    """Each row: what, fields of HostConfig (or the whole body with Image), findings, and those allowed."""
    problems = Problems()
    for what, body, wanted, *more in table:
        if isinstance(body, dict):
            body = body if 'Image' in body else config(**body)
        call = post(CREATE, body)
        if call[1] == 201:
            remove(call[2]['Id'])
        judge(what, call, wanted, status, (*allowed, *(more[0] if more else ())), problems)
    problems.check()


@contextlib.contextmanager
def container(name, *command, **more):
    """A container that runs; its id."""
    identity = create(name, *command, start=True, **more)
    try:
        yield identity
    finally:
        remove(name)


def volume(name, **options):
    request('DELETE', f'{API}/volumes/{name}')
    return post(API + '/volumes/create', {'Name': name, 'DriverOpts': options})


# --- containers ------------------------------------------------------------------------------------


@test
def nothing_to_find():
    creations([
        ('plain', {}, {}),
        ('false', {'Privileged': False, 'CapAdd': [], 'Devices': [], 'Binds': None}, {}),
        ('modes', {'PidMode': '', 'IpcMode': 'private', 'UTSMode': '', 'UsernsMode': ''}, {}),
        ('shareable', {'IpcMode': 'shareable'}, {}),
        ('private cgroups', {'CgroupnsMode': 'private'}, {}),
        ('default network', {'NetworkMode': 'default'}, {}),
        ('limits', {'Memory': 1 << 26, 'CpuShares': 5, 'CapDrop': ['ALL'], 'ReadonlyRootfs': True}, {}),
        ('no-new-privileges', {'SecurityOpt': ['no-new-privileges']}, {}),
        ('masked more', {'MaskedPaths': ['/proc', '/sys/firmware'], 'ReadonlyPaths': ['/proc/sys']}, {}),
        ('masked by default', {'MaskedPaths': None, 'ReadonlyPaths': None}, {}),
        ('tmpfs', {'Tmpfs': {'/etc': ''}, 'Mounts': [{'Type': 'tmpfs', 'Target': '/root'}]}, {}),
        ('words', {**config('--privileged', '/:/host'), 'Env': ['Privileged=true'],
                   'Labels': {'HostConfig': '{"Privileged":true}'}, 'Hostname': 'host'}, {}),
        ('namespaced sysctls', {'Sysctls': {'net.ipv4.ip_forward': '1', 'kernel.shm_rmid_forced': '1',
                                            'fs.mqueue.msg_max': '5', 'kernel.msgmax': '9'}}, {}),
        ('volumes', {'Binds': ['findings-v:/etc', '/anonymous']}, {}),
        ('harmless directory', {'Binds': [D + ':/host']}, {}),
    ])
    request('DELETE', API + '/volumes/findings-v')


@test
def privileged():
    yes = {'privileged': 'critical'}
    top = yes if engines.here('at the top') else {}
    creations([
        ('privileged', {'Privileged': True}, yes),
        ('with what it implies', {'Privileged': True, 'PidMode': 'host'}, {**yes, 'host-pid': 'high'}),
        ('at the top, as of old', {'Image': IMAGE, 'Privileged': True}, top),
        ('top beside a null', {'Image': IMAGE, 'Privileged': True, 'HostConfig': None}, top),
        ('top beside a HostConfig: without effect',
         {'Image': IMAGE, 'Privileged': True, 'HostConfig': {'NetworkMode': 'none'}}, {}),
    ])
    record = judge('technique', post(CREATE, {'Image': 'no-such-image', **{
        'HostConfig': {'Privileged': True}}}), yes, 404)
    equal(field(record, 'threat.technique.id'), ['T1611'], 'technique')
    equal(field(record, 'event.severity'), 100, 'severity')


@test
def host_root_mount():
    os.symlink('/', D + '/root')
    os.symlink('root/.', D + '/chain')
    os.makedirs(D + '/real')

    def yes(*words):
        return {'host-root-mount': ('critical', '/', *words)}

    more = ('engine-socket-mount',)

    def mount(source, **options):
        return {'Mounts': [{'Type': 'bind', 'Source': source, 'Target': '/h', **options}]}

    creations([
        ('-v', {'Binds': ['/:/host']}, yes('/host'), more),
        ('-v read-only', {'Binds': ['/:/host:ro']}, {'host-root-mount': 'critical|high'}, more),
        ('with propagation', {'Binds': ['/:/host:rw,rslave']}, yes('/host'), more),
        ('/..', {'Binds': ['/../:/host']}, yes('/host'), more),
        ('//', {'Binds': ['//:/host']}, yes(), more),
        ('/etc/..', {'Binds': ['/etc/../:/host']}, yes(), more),
        ('a symlink', {'Binds': [D + '/root:/host']}, yes('/root'), more),
        ('symlinks', {'Binds': [D + '/chain:/host']}, yes('/chain'), more),
        ('cleaned to a symlink', {'Binds': [D + '/root/etc/..:/host']}, yes('/root'), more),
        ('the agent\'s own root', {'Binds': ['/proc/1/root:/host']}, {},
         ('host-root-mount', 'host-path-mount', 'engine-socket-mount')),
        ('--mount', mount('/'), yes('/h'), more),
        ('--mount /./', mount('/./'), yes(), more),
        ('--mount symlink', mount(D + '/chain'), yes(), more),
        ('--mount shared', mount('/', BindOptions={'Propagation': 'rshared'}), yes(), more),
        ('the second of two', {'Binds': ['/tmp/x:/y', '/:/host']}, yes('/host'), more),
        ('a volume\'s driver', {'Mounts': [{'Type': 'volume', 'Target': '/h', 'VolumeOptions': {
            'DriverConfig': {'Name': 'local', 'Options': {'type': 'none', 'o': 'bind',
                                                          'device': '/'}}}}]},
         {'volume-host-path': ('critical', '/')}, ('host-root-mount', *more)),
        ('a directory', {'Binds': [D + '/real:/host']}, {}),
        ('that is the container\'s', {'Binds': [D + '/real:/etc/host']}, {}),
        ('another type', {'Mounts': [{'Type': 'tmpfs', 'Target': '/h'}]}, {}),
    ])


@test
def host_root_mount_by_clients():
    for what, args in (('-v', ('-v', '/:/host')),
                       ('--mount', ('--mount', 'type=bind,source=/,target=/host'))):
        record, = records_of(AGENT, lambda args=args: docker(
            'create', '--name', 'findings-cli', '--network', 'none', *args, IMAGE), 'ContainerCreate')
        remove('findings-cli')
        equal(judged(record, {'host-root-mount': ('critical', '/host')}, ['engine-socket-mount']), [],
              what)
    record, = records_of(AGENT, lambda: docker(
        'create', '--name', 'findings-cli', '--network', 'none', '-v', D + ':/host', IMAGE),
        'ContainerCreate')
    remove('findings-cli')
    equal(judged(record, {}), [], 'harmless')


@test
def host_path_mount():
    devices = [path for path in glob.glob('/dev/*') if stat.S_ISBLK(os.stat(path).st_mode)]
    rows = [(path, {'Binds': [path + ':/h']}, {'host-path-mount': (PATHS, path)},
             ('engine-socket-mount',))
            for path in ('/etc', '/etc/passwd', '/root', '/root/.ssh', '/home', '/boot', '/dev', '/proc',
                         '/sys', '/usr', '/usr/bin', '/var/lib/docker')]
    rows += [
        ('/run/lock', {'Binds': ['/run/lock:/h']}, {'host-path-mount': PATHS + '|low'}),
        ('cleaned', {'Binds': ['/usr/../etc//ssh/:/h']}, {'host-path-mount': (PATHS, '/etc/ssh')}),
        ('mount', {'Mounts': [{'Type': 'bind', 'Source': '/etc', 'Target': '/h', 'ReadOnly': True}]},
         {'host-path-mount': (PATHS, '/etc')}),
        ('no such prefix', {'Binds': ['/etcetera:/h', '/device:/i', '/usrlocal:/j']}, {}),
        ('not yet there', {'Binds': [D + '/etc:/h']}, {}),
        ('a volume of that name', {'Binds': ['etc:/h']}, {}),
    ]
    if devices:
        rows.append(('block device', {'Binds': [devices[0] + ':/h']},
                     {'host-path-mount': (PATHS, devices[0])}))
    creations(rows)
    request('DELETE', API + '/volumes/etc')


@test
def engine_socket_mount():
    os.symlink(SOCKET, D + '/link.sock')
    yes = {'engine-socket-mount': ('critical', SOCKET)}
    creations([
        ('socket', {'Binds': [SOCKET + ':/var/run/docker.sock']}, yes),
        ('read-only', {'Binds': [SOCKET + ':/s:ro']}, yes),
        ('mount', {'Mounts': [{'Type': 'bind', 'Source': SOCKET, 'Target': '/s'}]}, yes),
        ('its directory', {'Binds': [DIR + ':/d']}, {'engine-socket-mount': ('critical', DIR)}),
        ('above that', {'Binds': [os.path.dirname(DIR) + ':/d']},
         {'engine-socket-mount': ('critical', os.path.dirname(DIR))}),
        ('a symlink', {'Binds': [D + '/link.sock:/s']}, {'engine-socket-mount': 'critical'}),
        ('an uncleaned path', {'Binds': [f'{DIR}/x/..//docker.sock:/s']},
         {'engine-socket-mount': 'critical'}),
        ('the usual one', {'Binds': ['/var/run/docker.sock:/s']}, {'engine-socket-mount': 'critical'},
         ('host-path-mount',)),
        ('containerd\'s', {'Binds': ['/run/containerd/containerd.sock:/s']},
         {'engine-socket-mount': 'critical'}, ('host-path-mount',)),
        ('where they all are', {'Binds': ['/run:/r']}, {'engine-socket-mount': ('critical', '/run')},
         ('host-path-mount',)),
        ('by its link', {'Binds': ['/var/run:/r']}, {'engine-socket-mount': 'critical'},
         ('host-path-mount',)),
        ('another file beside it', {'Binds': [DIR + '/daemon.json:/s']}, {}),
        ('a longer name', {'Binds': [SOCKET + 'et:/s']}, {}),
        ('a directory beside it', {'Binds': [D + ':/s']}, {}),
    ])


@test
def host_namespaces():
    creations([
        ('pid', {'PidMode': 'host'}, {'host-pid': 'high'}),
        ('network', {'NetworkMode': 'host'}, {'host-network': 'medium'}),
        ('ipc', {'IpcMode': 'host'}, {'host-ipc': 'medium'}),
        ('uts', {'UTSMode': 'host'}, {'host-uts': 'medium'}),
        ('userns', {'UsernsMode': 'host'}, {'host-userns': 'high'}),
        ('cgroupns', {'CgroupnsMode': 'host'}, {'host-cgroupns': 'medium'}),
        ('all', {'PidMode': 'host', 'NetworkMode': 'host', 'IpcMode': 'host', 'UTSMode': 'host',
                 'UsernsMode': 'host', 'CgroupnsMode': 'host'},
         {'host-pid': 'high', 'host-network': 'medium', 'host-ipc': 'medium', 'host-uts': 'medium',
          'host-userns': 'high', 'host-cgroupns': 'medium'}),
        ('none', {'NetworkMode': 'none', 'IpcMode': 'none'}, {}),
    ])
    record, = records_of(AGENT, lambda: docker('run', '--rm', '--pid', 'host', '--network', 'none',
                                               IMAGE, 'true'), 'ContainerCreate')
    equal(judged(record, {'host-pid': 'high'}), [], '--pid host')


@test
def join_container_namespace():
    with container('findings-peer', IpcMode='shareable') as peer:
        yes = {'join-container-namespace': ('medium', 'findings-peer')}
        creations([
            ('network', {'NetworkMode': 'container:findings-peer'}, yes),
            ('pid', {'PidMode': 'container:findings-peer'}, yes),
            ('ipc', {'IpcMode': 'container:findings-peer'}, yes),
            ('by id', {'PidMode': 'container:' + peer[:12]}, {'join-container-namespace': 'medium'}),
            ('volumes', {'VolumesFrom': ['findings-peer:ro']}, yes),
        ])
        record, = records_of(AGENT, lambda: docker(
            'run', '--rm', '--net', 'container:findings-peer', '--volumes-from', 'findings-peer', IMAGE,
            'true'), 'ContainerCreate')
        equal(judged(record, yes), [], 'run --net container:')


@test
def cap_add():
    bad, other = ({'cap-add': severity} for severity in ('critical', 'medium'))
    creations([
        (str(names), {'CapAdd': names}, finding) for names, finding in (
            (['SYS_ADMIN'], {'cap-add': ('critical', 'SYS_ADMIN')}), (['cap_sys_admin'], bad),
            (['Cap_Sys_Admin'], bad), ('SYS_ADMIN', bad), (['ALL'], bad), (['all'], bad), ('all', bad),
            (['SYS_MODULE'], bad), (['sys_ptrace'], bad), (['CAP_SYS_RAWIO'], bad),
            (['DAC_READ_SEARCH'], bad), (['NET_RAW', 'sys_admin'], bad),
            (['NET_ADMIN'], {'cap-add': ('medium', 'NET_ADMIN')}), (['chown', 'CAP_SYS_TIME'], other))
    ] + [('dropped', {'CapDrop': ['SYS_ADMIN', 'ALL']}, {})])
    # Not each daemon knows this one; asking counts.
    creations([('BPF', {'CapAdd': ['BPF']}, bad)], status=engines.here('new capability'))
    record, = records_of(AGENT, lambda: docker('create', '--name', 'findings-cap', '--cap-add',
                                               'sys_admin', IMAGE), 'ContainerCreate')
    remove('findings-cap')
    equal(judged(record, bad), [], '--cap-add')


@test
def device():
    one = {'PathOnHost': '/dev/sda', 'PathInContainer': '/dev/xvda', 'CgroupPermissions': 'rwm'}
    creations([
        ('device', {'Devices': [one]}, {'device': ('high', '/dev/sda')}),
        ('cgroup rule', {'DeviceCgroupRules': ['b 8:* rwm']}, {'device': ('high', 'b 8:* rwm')}),
        ('gpus', {'DeviceRequests': [{'Driver': '', 'Count': -1, 'DeviceIDs': None,
                                      'Capabilities': [['gpu']], 'Options': {}}]},
         {'device': ('high', 'gpu')}),
        ('null', {'Devices': None, 'DeviceCgroupRules': [], 'DeviceRequests': None}, {}),
    ])
    for args, word in ((('--device', '/dev/null:/dev/x:r'), '/dev/null'),
                       (('--device-cgroup-rule', 'c 1:3 rwm'), 'c 1:3 rwm')):
        record, = records_of(AGENT, lambda args=args: docker(
            'create', '--name', 'findings-device', *args, IMAGE), 'ContainerCreate')
        remove('findings-device')
        equal(judged(record, {'device': ('high', word)}), [], str(args))


@test
def security_disabled():
    def yes(*words):
        return {'security-disabled': ('high', *words)}

    creations([
        (str(options), {'SecurityOpt': options}, finding) for options, finding in (
            (['seccomp=unconfined'], yes('seccomp')), (['seccomp:unconfined'], yes('seccomp')),
            (['apparmor=unconfined'], yes('apparmor')), (['apparmor:unconfined'], yes('apparmor')),
            (['label=disable'], yes('label')), (['label:disable'], yes('label')),
            (['no-new-privileges', 'seccomp=unconfined'], yes('seccomp')),
            (['no-new-privileges:true'], {}), (['apparmor=docker-default'], {}),
            (['label=type:x'], {'security-disabled': ('medium', 'label=type:x')}))
    ] + [
        ('masked paths', {'MaskedPaths': []}, yes()),
        ('read-only paths', {'ReadonlyPaths': []}, yes()),
    ])
    for option in 'seccomp=unconfined', 'systempaths=unconfined':
        record, = records_of(AGENT, lambda option=option: docker(
            'run', '--rm', '--network', 'none', '--security-opt', option, IMAGE, 'true'),
            'ContainerCreate')
        equal(judged(record, yes()), [], option)


@test
def volume_host_path():
    problems = Problems()
    yes = {'volume-host-path': ('critical', '/')}
    for name, options, wanted, allowed in (
            ('findings-root', {'type': 'none', 'o': 'bind', 'device': '/'}, yes, ['host-root-mount']),
            ('findings-rbind', {'type': '', 'o': 'ro,rbind', 'device': '/etc/..'}, yes,
             ['host-root-mount']),
            ('findings-etc', {'type': 'none', 'o': 'bind', 'device': '/etc'},
             {'volume-host-path': (PATHS, '/etc')}, ['host-path-mount']),
            ('findings-disk', {'type': 'ext4', 'device': '/dev/sda1'},
             {'volume-host-path': (PATHS, '/dev/sda1')}, ['host-path-mount']),
            ('findings-overlay', {'type': 'overlay', 'device': 'overlay',
                                  'o': 'lowerdir=/etc,upperdir=/tmp/u,workdir=/tmp/w'},
             {'volume-host-path': (PATHS, '/etc')}, ['host-path-mount']),
            ('findings-tmpfs', {'type': 'tmpfs', 'device': 'tmpfs', 'o': 'size=1m'}, {}, []),
            ('findings-nfs', {'type': 'nfs', 'device': ':/etc', 'o': 'addr=127.0.0.1'}, {}, []),
            ('findings-plain', {}, {}, [])):
        judge(name, volume(name, **options), wanted, 201, allowed, problems)
    for name, wanted in (('findings-root', yes), ('findings-etc', {'volume-host-path': PATHS}),
                         ('findings-tmpfs', {}), ('findings-plain', {}), ('findings-rootless', {})):
        for what, host in (('bind', {'Binds': [name + ':/v']}),
                           ('mount', {'Mounts': [{'Type': 'volume', 'Source': name, 'Target': '/v'}]})):
            call = post(CREATE, config(**host))
            remove(call[2]['Id'])
            judge(f'{name} by {what}', call, wanted, 201,
                  ['host-root-mount', 'host-path-mount', 'engine-socket-mount'] if wanted else [],
                  problems)
    # Once it is gone, the name stands for something else.
    request('DELETE', API + '/volumes/findings-root')
    call = post(CREATE, config(Binds=['findings-root:/v']))
    remove(call[2]['Id'])
    judge('a new volume of that name', call, {}, 201, (), problems)
    for name in ('root', 'rbind', 'etc', 'disk', 'overlay', 'tmpfs', 'nfs', 'plain', 'rootless'):
        request('DELETE', f'{API}/volumes/findings-{name}')
    problems.check()


@test
def volume_from_before():
    """Made before callerd ran, used by name after that."""
    volume('findings-before', type='none', o='bind', device='/')
    try:
        with Callerd() as agent:
            wait_for_inventory(agent)
            target, status, answer = post(CREATE, config(Binds=['findings-before:/v']))
            equal(status, 201, str(answer))
            remove(answer['Id'])
            equal(judged(record_of(agent, target), {'volume-host-path': ('critical', '/')},
                         ['host-root-mount', 'engine-socket-mount']), [], 'findings')
    finally:
        request('DELETE', API + '/volumes/findings-before')


def wait_for_inventory(agent):
    """Until callerd has asked the daemon what there is."""
    identity = create('findings-known')
    remove('findings-known')
    # Made by this agent's own eyes or the list: both tell that it is at work; then one from before.
    true(identity, 'id')
    name = next((c['Names'][0].strip('/') for c in get('/containers/json?all=1')), None)
    if not name:
        return
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        target, _, _ = post(f'{API}/containers/{name}/json', method='GET')
        if field(record_of(agent, target), 'callerd.target.id'):
            return
    raise AssertionError('the inventory does not come')


@test
def other_runtime():
    creations([
        ('runtime', {'Runtime': 'io.containerd.runc.v2'},
         {'other-runtime': ('medium', 'io.containerd.runc.v2')}),
        ('cgroup parent', {'CgroupParent': '/findings'}, {'other-runtime': ('medium', '/findings')}),
        ('sysctl', {'Sysctls': {'kernel.core_pattern': '|/x'}},
         {'other-runtime': ('medium', 'kernel.core_pattern')}),
        ('one of two', {'Sysctls': {'net.ipv4.ip_forward': '1', 'vm.overcommit_memory': '1'}},
         {'other-runtime': ('medium', 'vm.overcommit_memory')}),
        ('empty', {'Runtime': '', 'CgroupParent': '', 'Sysctls': {}}, {}),
    ])
    creations([('unknown runtime', {'Runtime': 'kata'}, {'other-runtime': ('medium', 'kata')})],
              status=400)


@test
def start_of_a_dangerous_container():
    """What a container may do is fixed when it is made; whoever starts it makes it happen."""
    yes = {'privileged': 'critical', 'host-pid': 'high'}
    implied = ('security-disabled', 'host-cgroupns')  # the daemon adds label=disable to these
    body = config(Privileged=True, PidMode='host')
    for what in 'start', 'restart':
        post(CREATE + '?name=findings-danger', body)
        # Under some sandboxes it cannot start: the request counts.
        for name in 'findings-danger', get('/containers/findings-danger/json')['Id'][:10]:
            judge(what, post(f'{API}/containers/{name}/{what}?t=0'),
                  yes if what == 'start' else {}, None, (*yes, *implied))
        remove('findings-danger')
    with container('findings-plain'):
        judge('plain', post(f'{API}/containers/findings-plain/restart?t=0'), {}, 204)
        judge('plain', post(f'{API}/containers/findings-plain/start'), {}, 304)


@test
def start_of_one_from_before():
    post(CREATE + '?name=findings-before', config(Privileged=True, Binds=['/:/host'],
                                                  CapAdd=['SYS_ADMIN'], PidMode='host'))
    create('findings-plain')
    try:
        with Callerd() as agent:
            wait_for_inventory(agent)
            target, _, _ = post(f'{API}/containers/findings-before/start')
            equal(judged(record_of(agent, target),
                         {'privileged': 'critical', 'host-root-mount': 'critical', 'host-pid': 'high',
                          'cap-add': 'critical'},
                         ['engine-socket-mount', 'security-disabled', 'host-cgroupns']), [], 'findings')
            # What the daemon sets by itself is not what somebody asked for.
            target, _, _ = post(f'{API}/containers/findings-plain/start')
            equal(judged(record_of(agent, target), {}), [], 'plain')
    finally:
        remove('findings-before', 'findings-plain')


# --- what is done with containers ------------------------------------------------------------------


def execute(name, **body):
    """Makes an exec and starts it; both calls."""
    made = post(f'{API}/containers/{name}/exec', {'Cmd': ['true'], **body})
    equal(made[1], 201, str(made))
    return made, post(f'{API}/exec/{made[2]["Id"]}/start', {'Detach': True})


@test
def exec_privileged():
    with container('findings-exec'):
        problems = Problems()
        yes = {'exec-privileged': 'critical'}
        for what, body, wanted in (('privileged', {'Privileged': True}, yes),
                                   ('any case', {'pRIVILEGED': True},
                                    {**yes, 'protocol-anomaly': 'medium'}),
                                   ('not', {'Privileged': False, 'Tty': True}, {}),
                                   ('as root, as all', {'User': 'root'}, {})):
            made, started = execute('findings-exec', **body)
            judge(what, made, wanted, 201, (), problems)
            judge('start of ' + what, started, {k: v for k, v in wanted.items() if k in yes}, None,
                  ['protocol-anomaly'], problems)
        problems.check()
        create_, start = records_of(
            AGENT, lambda: docker('exec', '--privileged', '-d', 'findings-exec', 'true', check=False))[-2:]
        if field(start, 'callerd.api.operation') != 'ExecStart':
            create_, start = [r for r in AGENT.records(event__action='api-request')
                              if field(r, 'callerd.api.operation') in ('ContainerExec', 'ExecStart')][-2:]
        equal(judged(create_, yes), [], 'docker exec')
        equal(judged(start, yes), [], 'and its start')


@test
def exec_root():
    yes = {'exec-root': 'low'}
    problems = Problems()
    with container('findings-user', top={'User': '1000'}), container('findings-root'):
        for user, wanted in (('root', yes), ('0', yes), ('0:0', yes), ('root:1000', yes), ('', {}),
                             ('1000', {}), ('1001', {}), ('00', yes), ('+0', yes), ('-0', yes),
                             ('000:5', yes)):
            made, started = execute('findings-user', User=user)
            judge(f'as {user!r}', made, wanted, 201, (), problems)
            judge(f'start as {user!r}', started, {}, 200, wanted, problems)
        judge('root as root', execute('findings-root', User='root')[0], {}, 201, (), problems)
        judge('unspecified', execute('findings-root')[0], {}, 201, (), problems)
        found = records_of(AGENT, lambda: docker('exec', '-u', 'root', 'findings-user', 'true'),
                           'ContainerExec')
        problems.add('docker exec -u root', judged(found[0], yes))
    problems.check()


@test
def container_files():
    with container('findings-files'), container('findings-host', Binds=['/:/host']):
        problems = Problems()
        host = API + '/containers/findings-host/archive?path=/host/etc/'
        root = {'root-container-entered': 'critical', 'host-root-mount': ('critical', 'in a container')}
        path = API + '/containers/findings-files/archive?path='
        read, write = {'container-file-read': 'low'}, {'container-file-write': 'medium'}
        judge('get', post(path + '/tmp', method='GET'), read, 200, (), problems)
        judge('get from the host', post(host + 'shadow', method='GET'),
              {'container-file-read': ('medium|high|critical', 'shadow'), **root}, 200, (), problems)
        judge('put to the host', post(host + 'nowhere', tar(x=b'y'), method='PUT',
                                      media='application/x-tar'),
              {'container-file-write': ('high|critical', '/host/etc/nowhere'), **root}, 404, (), problems)
        judge('put', post(path + '/tmp', tar(x=b'y'), method='PUT', media='application/x-tar'), write,
              200, (), problems)
        judge('export', post(API + '/containers/findings-files/export', method='GET'), read, 200,
              (), problems)
        judge('old copy', post('/v1.23/containers/findings-files/copy', {'Resource': '/tmp'}),
              {'container-file-read': ('low', 'reads /tmp')}, 200 if engines.here('API of old') else 404, ['unknown-operation'],
              problems)
        judge('logs', post(API + '/containers/findings-files/logs?stdout=1', method='GET'), {}, 200,
              (), problems)
        judge('top', post(API + '/containers/findings-files/top', method='GET'), {}, 200, (), problems)
        with open(D + '/file', 'w') as file:
            file.write('x')
        for what, args, operation, wanted in (
                ('cp in', ('cp', D + '/file', 'findings-files:/tmp/f'), 'PutContainerArchive', write),
                ('cp out', ('cp', 'findings-files:/tmp/f', D + '/out'), 'ContainerArchive', read),
                ('export', ('export', '-o', D + '/tar', 'findings-files'), 'ContainerExport', read)):
            found = records_of(AGENT, lambda args=args: docker(*args), operation)
            problems.add('docker ' + what, judged(found[-1], wanted))
        problems.check()


@test
def container_update():
    with container('findings-update'):
        problems = Problems()
        path = API + '/containers/findings-update/update'
        for what, body, words in (
                ('restart policy', {'RestartPolicy': {'Name': 'always'}}, ['always']),
                ('limits', {'CpuShares': 10}, []),
                ('devices', {'Devices': [{'PathOnHost': '/dev/null', 'PathInContainer': '/dev/x',
                                          'CgroupPermissions': 'rwm'}]}, ['/dev/null'])):
            judge(what, post(path, body), {'container-update': 'medium'}, 200, ['device'], problems)
        # Fields that an update does not have are without effect.
        judge('privileged', post(path, {'Privileged': True, 'CapAdd': ['ALL']}), {}, 200,
              ['container-update'], problems)
        found = records_of(AGENT, lambda: docker('update', '--restart', 'no', 'findings-update'),
                           'ContainerUpdate')
        problems.add('docker update', judged(found[0], {'container-update': 'medium'}))
        judge('rename', post(API + '/containers/findings-update/rename?name=findings-renamed'), {}, 204,
              (), problems)
        judge('pause', post(API + '/containers/findings-renamed/pause'), {}, 204, (), problems)
        judge('kill', post(API + '/containers/findings-renamed/kill'), {}, None, (), problems)
        remove('findings-renamed')
        problems.check()


# --- images ----------------------------------------------------------------------------------------


@test
def images():
    problems = Problems()
    archive = tar(x=b'y')
    judge('load', post(API + '/images/load?quiet=1', archive, media='application/x-tar'),
          {'image-load': 'medium'}, 200, (), problems)
    judge('import', post(API + '/images/create?fromSrc=-&repo=findings&tag=1', archive,
                         media='application/x-tar'), {'image-load': 'medium'}, 200, (), problems)
    judge('pull', post(API + '/images/create?fromImage=127.0.0.1:1/x&tag=1'), {}, 500, (), problems)
    request('POST', API + '/images/findings:1/tag?repo=127.0.0.1:1/a/b&tag=1')
    judge('push', post(API + '/images/127.0.0.1:1/a/b/push?tag=1', headers='X-Registry-Auth: e30=\r\n'),
          {'image-push': 'low'}, 200, (), problems)
    create('findings-commit')
    judge('commit', post(API + '/commit?container=findings-commit&repo=findings&tag=2', {}), {}, 201,
          ['image-push', 'image-load'], problems)
    remove('findings-commit')
    judge('inspect', post(API + '/images/findings:1/json', method='GET'), {}, 200, (), problems)
    judge('tag', post(API + '/images/findings:1/tag?repo=findings&tag=3'), {}, 201, (), problems)
    judge('history', post(API + '/images/findings:1/history', method='GET'), {}, 200, (), problems)
    for what, args, operation, wanted in (
            ('load', ('load', '-i', D + '/saved'), 'ImageLoad', {'image-load': 'medium'}),
            ('import', ('import', D + '/tar', 'findings:4'), 'ImageCreate', {'image-load': 'medium'}),
            ('push', ('push', '127.0.0.1:1/a/b:1'), 'ImagePush', {'image-push': 'low'})):
        with open(D + '/tar', 'wb') as file:
            file.write(archive)
        docker('save', '-o', D + '/saved', 'findings:1')
        found = records_of(AGENT, lambda args=args: docker(*args, check=False), operation)
        problems.add('docker ' + what, judged(found[-1], wanted))
    for name in 'findings:1', 'findings:2', 'findings:3', 'findings:4', '127.0.0.1:1/a/b:1':
        request('DELETE', f'{API}/images/{name}')
    problems.check()


@test
def commit_is_found():
    create('findings-commit')
    target, status, _ = post(API + '/commit?container=findings-commit&repo=findings&tag=5', {})
    remove('findings-commit')
    request('DELETE', API + '/images/findings:5')
    equal(status, 201, 'commit')
    true({'image-push', 'image-load'} & set(findings(record_of(AGENT, target))), 'a finding')


@test
def build_host_network():
    problems = Problems()
    context = tar(Dockerfile=f'FROM {IMAGE}\n'.encode())
    yes = {'build-host-network': 'medium'}
    for query, wanted in (('networkmode=host', yes), ('networkmode=none', {}), ('', {}),
                          ('networkmode=%68ost', yes), ('networkmode=none&networkmode=host', {}),
                          ('networkmode=host&networkmode=none', yes), ('cachefrom=%5B%22host%22%5D', {})):
        judge(query, post(f'{API}/build?{query}', context, media='application/x-tar'), wanted, 200,
              ['protocol-anomaly'] if query.count('networkmode') > 1 else [], problems)
    os.makedirs(D + '/build')
    with open(D + '/build/Dockerfile', 'w') as file:
        file.write(f'FROM {IMAGE}\n')
    environment = {**os.environ, 'DOCKER_BUILDKIT': '0'}
    for args, wanted in (('--network=host', yes), ('--network=none', {})):
        found = records_of(AGENT, lambda args=args: run(
            'docker', '-H', 'unix://' + SOCKET, 'build', args, D + '/build', env=environment),
            'ImageBuild')
        problems.add('docker build ' + args, judged(found[0], wanted))
    problems.check()


# --- the engine ------------------------------------------------------------------------------------


@test
def plugin():
    problems = Problems()
    yes = {'plugin': 'critical'}
    auth = 'X-Registry-Auth: e30=\r\n'
    one = API + '/plugins/findings/p:1'
    for what, call, wanted in (
            ('pull', lambda: post(API + '/plugins/pull?remote=127.0.0.1:1/findings/p', [
                {'Name': 'network', 'Description': '', 'Value': ['host']}], auth), yes),
            ('create', lambda: post(API + '/plugins/create?name=findings/p:1', tar(**{
                'config.json': b'{"description":"x","entrypoint":["/x"],'
                               b'"interface":{"types":["a/1"],"socket":"x.sock"}}',
                'rootfs/x': b''}), media='application/x-tar'), yes),
            ('set', lambda: post(one + '/set', ['A=b']), yes),
            ('enable', lambda: post(one + '/enable?timeout=1'), yes),
            ('upgrade', lambda: post(one + '/upgrade?remote=127.0.0.1:1/p', [], auth), yes),
            ('list', lambda: post(API + '/plugins', method='GET'), {}),
            ('inspect', lambda: post(one + '/json', method='GET'), {}),
            ('privileges', lambda: post(API + '/plugins/privileges?remote=127.0.0.1:1/p', method='GET'),
             {})):
        judge(what, call(), wanted, None, (), problems)
    request('DELETE', one + '?force=1')
    record, = records_of(AGENT, lambda: docker('plugin', 'set', 'findings/none', 'A=b', check=False),
                         'PluginSet')
    problems.add('docker plugin set', judged(record, yes))
    problems.check()


def service(name, replicas=0, **spec):
    return {'Name': name, 'Mode': {'Replicated': {'Replicas': replicas}},
            'TaskTemplate': {'ContainerSpec': {'Image': IMAGE, **spec}}}


@test
def swarms():
    problems = Problems()
    yes = {'swarm': 'high'}
    with swarm() as made:
        works = made[1] == 200
        judge('init', made, yes, None, (), problems)
        judge('unlock key', post(API + '/swarm/unlockkey', method='GET'), yes, None,
              ['secret-access'], problems)
        judge('unlock', post(API + '/swarm/unlock', {'UnlockKey': 'SWMKEY-1-x'}), yes, None,
              ['secret-access'], problems)
        judge('inspect', post(API + '/swarm', method='GET'), {}, None, ['secret-access', 'swarm'],
              problems)
        judge('nodes', post(API + '/nodes', method='GET'), {}, None, (), problems)
        for name, spec, wanted in (
                ('root', {'Mounts': [{'Type': 'bind', 'Source': '/', 'Target': '/h'}]},
                 {'host-root-mount': ('critical', '/h')}),
                ('etc', {'Mounts': [{'Type': 'bind', 'Source': '/etc', 'Target': '/h'}]},
                 {'host-path-mount': (PATHS, '/etc')}),
                ('caps', {'CapabilityAdd': ['CAP_SYS_ADMIN']}, {'cap-add': 'critical'}),
                ('volume', {'Mounts': [{'Type': 'volume', 'Target': '/h', 'VolumeOptions': {
                    'DriverConfig': {'Options': {'type': 'none', 'o': 'bind', 'device': '/'}}}}]},
                 {'volume-host-path': 'critical'}),
                ('plain', {}, {})):
            more = ['swarm', 'engine-socket-mount', *(['host-root-mount'] if name == 'volume' else [])]
            judge('service ' + name, post(API + '/services/create', service('findings-' + name, **spec)),
                  wanted, 201 if works else None, more, problems)
        if works:
            version = get('/services/findings-plain')['Version']['Index']
            judge('update', post(f'{API}/services/findings-plain/update?version={version}', service(
                'findings-plain', Mounts=[{'Type': 'bind', 'Source': '/', 'Target': '/h'}])),
                {'host-root-mount': 'critical'}, 200, ['swarm', 'engine-socket-mount'], problems)
        for name in 'root', 'etc', 'caps', 'volume', 'plain':
            request('DELETE', f'{API}/services/findings-{name}')
        judge('services', post(API + '/services', method='GET'), {}, None, (), problems)
    judge('join', post(API + '/swarm/join', {'ListenAddr': '127.0.0.1:2377',
                                             'RemoteAddrs': ['127.0.0.1:1'], 'JoinToken': 'SWMTKN-1-x'}),
          yes, None, ['secret-access'], problems)
    problems.check()


@test
def secret_access():
    problems = Problems()
    yes = {'secret-access': 'medium'}
    with swarm():
        for kind in 'secrets', 'configs':
            body = {'Name': 'findings', 'Data': 'eA=='}
            judge(kind, post(f'{API}/{kind}/create', body), yes, None, (), problems)
            judge(kind + ' inspect', post(f'{API}/{kind}/findings', method='GET'), yes, None, (),
                  problems)
            judge(kind + ' list', post(f'{API}/{kind}', method='GET'), {}, None, yes, problems)
            judge(kind + ' remove', post(f'{API}/{kind}/findings', method='DELETE'), {}, None, yes,
                  problems)
    judge('auth', post(API + '/auth', {'username': 'u', 'password': 'p',
                                       'serveraddress': 'http://127.0.0.1:1'}), yes, 500, (), problems)
    environment = {**os.environ, 'DOCKER_CONFIG': D + '/docker-config'}
    found = records_of(AGENT, lambda: run('docker', '-H', 'unix://' + SOCKET, 'login', '-u', 'u', '-p', 'p',
                                          '127.0.0.1:1', check=False, env=environment), 'SystemAuth')
    problems.add('docker login', judged(found[0], yes))
    problems.check()


@test
def debug_endpoint():
    problems = Problems()
    there = engines.here('debug as the others')
    for path in '/debug/vars', '/debug/pprof/', '/debug/pprof/cmdline':
        judge(path, post(path, method='GET'), {'debug-endpoint': 'medium'}, (200, 404), (), problems)
    judge('behind a version', post(API + '/debug/vars', method='GET'), {'debug-endpoint': 'medium'} if there else {},
          200 if there else 404, ['debug-endpoint'], problems)
    judge('another', post('/debugger', method='GET'), {}, 404, (), problems)
    problems.check()


@test
def prune():
    problems = Problems()
    yes = {'prune': 'low'}
    none = '?filters=%7B%22label%22%3A%5B%22none%22%5D%7D'
    for kind in 'containers', 'images', 'volumes', 'networks':
        judge(kind, post(f'{API}/{kind}/prune{none}'), yes, 200, (), problems)
    judge('build', post(API + '/build/prune'), yes, 200, (), problems)
    create('findings-rm')
    judge('one container', post(API + '/containers/findings-rm', method='DELETE'), {}, 204, (), problems)
    record, = records_of(AGENT, lambda: docker('volume', 'prune', '-f', '--filter', 'label=none'),
                         'VolumePrune')
    problems.add('docker volume prune', judged(record, yes))
    problems.check()


@test
def remove_many():
    """A loop in a shell is many processes, and one who removes."""
    names = [f'findings-many-{i}' for i in range(12)]
    for name in names:
        post(API + '/volumes/create', {'Name': name})
    loop = 'for i in "$@"; do docker -H unix://%s volume rm $i; done' % SOCKET
    records = records_of(AGENT, lambda: run(
        'setpriv', '--reuid', LIVE_MEMBER, '--regid', LIVE_MEMBER, '--init-groups', 'sh', '-c', loop,
        'sh', *names), 'VolumeDelete')
    equal([[f['id'] for f in field(r, 'callerd.findings', [])] for r in records],
          [[]] * 9 + [['remove-many']] * 3, 'findings')


# --- what is not understood, or not what it seems --------------------------------------------------


@test
def unknown_operation():
    problems = Problems()
    for method, path in (('GET', API + '/nosuch'), ('POST', API + '/containers/x/frobnicate'),
                         ('PATCH', API + '/containers/x'), ('PUT', API + '/info')):
        judge(f'404 {path}', post(path, method=method), {}, 404, (), problems)
    judge('OPTIONS', post('/anything', method='OPTIONS'), {}, 200, (), problems)
    # Another engine, which answers to everything.
    path = DIR + '/findings.sock'
    with Daemon(path), Callerd(sockets=[path]) as agent:
        for target, wanted in ((API + '/nosuch', {'unknown-operation': 'low'}),
                               ('/', {'unknown-operation': 'low'}),
                               (API + '/containers/x/frobnicate', {'unknown-operation': 'low'}),
                               (API + '/containers/json', {}), ('/v1.99/version', {}),
                               (API + '/images/a/b/c:1/json', {}), ('/_ping', {})):
            request('GET', target + '?mark', path=path)
            problems.add(target, judged(record_of(agent, target + '?mark'), wanted))
    problems.check()


@test
def body_not_seen():
    pad = b' ' * (5 << 20)
    body = b'{"Image":"%s","HostConfig":{"Privileged":true}}' % IMAGE.encode()
    target, status, answer = post(CREATE, pad + body)
    equal(status, 201, str(answer))
    equal(get(f'/containers/{answer["Id"]}/json')['HostConfig']['Privileged'], True, 'privileged')
    remove(answer['Id'])
    record = record_of(AGENT, target)
    equal(field(record, 'callerd.capture.reason'), ['budget'], 'reason')
    equal(judged(record, {'body-not-seen': 'high'}, ['privileged']), [], 'beyond the budget')
    # What was seen before that counts.
    target, status, answer = post(CREATE, body[:-1] + pad + b'}')
    equal(status, 201, str(answer))
    remove(answer['Id'])
    equal(judged(record_of(AGENT, target), {'body-not-seen': 'high', 'privileged': 'critical'}), [],
          'before the end of the budget')
    target, _, answer = post(CREATE, pad[:3 << 20] + body)
    remove(answer['Id'])
    equal(judged(record_of(AGENT, target), {'privileged': 'critical'}), [], 'within it')
    # What is large in a body but of no interest is no loss.
    labels = b'{%s"Image":"%s","HostConfig":{"Privileged":true}}' % (
        large_labels(2 << 20).encode(), IMAGE.encode())
    target, _, answer = post(CREATE, labels)
    remove(answer['Id'])
    equal(judged(record_of(AGENT, target), {'privileged': 'critical'}), [], 'labels')


@test
def body_that_is_none():
    problems = Problems()
    for body in (b'{"Image":"x","HostConfig":{"Privileged":true}', b'["x"]', b'\x00', b'{"Image":5}'):
        judge(repr(body), post(CREATE, body), {}, (400, 500),
              ['body-not-seen', 'protocol-anomaly', 'unknown-operation'], problems)
    problems.check()


@test
def protocol_anomaly():
    yes = {'protocol-anomaly': 'medium'}
    image = f'"Image":"{IMAGE}"'
    creations([
        ('twice', f'{{{image},{image}}}'.encode(), yes),
        ('another case', f'{{{image.lower()}}}'.encode(), yes),
        ('nested', f'{{{image},"HostConfig":{{"capadd":null}}}}'.encode(), yes),
        ('long s', f'{{{image},"Ho\u017ftConfig":{{}}}}'.encode(), yes),
        ('spelled', f'{{"\\u0049mage":"{IMAGE}"}}'.encode(), yes),
        ('plain', f'{{{image}}}'.encode(), {}),
        ('white space behind', f' {{ {image} }}\r\n '.encode(), {}),
        ('escaped values', f'{{{image},"Hostname":"\\u0061"}}'.encode(), {}),
        ('unknown keys', f'{{{image},"x":1,"y":{{"x":1}}}}'.encode(), {}),
        ('cases of a map\'s keys', f'{{{image},"Labels":{{"a":"1","A":"2"}}}}'.encode(), {}),
    ])
    creations([('more behind', f'{{{image}}} {{"Privileged":true}}'.encode(), yes)], status=engines.here('more JSON'))
    problems = Problems()
    judge('odd framing', post(API + '/volumes/create', {'Name': 'findings-odd'},
                              headers='X: a\r\n b\r\n'), yes, 201,
          (), problems)
    judge('a path that is cleaned', post('//containers/json', method='GET'), {}, 301, yes, problems)
    request('DELETE', API + '/volumes/findings-odd')
    problems.check()


@test
def sender_differs():
    for mode, target in (('half', '/_ping?findings-half'), ('alternate', '/_ping?findings-alternate')):
        run(CLIENTS + 'split_sender', SOCKET, '--mode', mode, '--target', target)
    first = record_of(AGENT, '/_ping?findings-alternate&n=0')
    second = record_of(AGENT, '/_ping?findings-alternate&n=1')
    equal(judged(first, {}), [], 'by the connector')
    equal(judged(second, {'sender-differs': 'info'}), [], 'by its child')
    halves = record_of(AGENT, '/_ping?findings-half')
    equal(set(findings(halves)) - {'sender-differs'}, set(), 'halves')


@test
def opaque_stream():
    yes = {'opaque-stream': 'info'}
    with container('findings-stream', 'cat', top={'OpenStdin': True}):
        record, = records_of(AGENT, lambda: docker('exec', 'findings-stream', 'echo', 'x'), 'ExecStart')
        equal(judged(record, yes), [], 'exec')
        record, = records_of(AGENT, lambda: docker('exec', '-d', 'findings-stream', 'true'), 'ExecStart')
        equal(judged(record, {}), [], 'detached')
        for target, body, protocol, wanted in (
                (API + '/containers/findings-stream/attach?stream=1&stdout=1', '', 'tcp', 101),
                ('/session', '', 'h2c', 101), ('/grpc', '', 'h2c', 101)):
            target = marked(target)
            with connect() as client:
                client.sendall(f'POST {target} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\n'
                               f'Upgrade: {protocol}\r\nContent-Length: 0\r\n\r\n'.encode())
                equal(read_response(client)[0], wanted, target)
                equal(judged(record_of(AGENT, target), {} if protocol == 'h2c' else yes), [], target)
        # Not taken over: an error, a log that is followed.
        judge('no container', post(API + '/containers/none/attach?stream=1'), {}, 404)
        target = marked(API + '/containers/findings-stream/logs?stdout=1&follow=1')
        with connect() as client:
            client.sendall(f'GET {target} HTTP/1.1\r\nHost: docker\r\n\r\n'.encode())
            equal(judged(record_of(AGENT, target), {}), [], 'logs')


def main_with_agent():
    global AGENT
    shutil.rmtree(D, ignore_errors=True)
    os.makedirs(D)
    with Callerd() as AGENT:
        main()


main_with_agent()
