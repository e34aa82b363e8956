# SPDX-License-Identifier: Apache-2.0
"""Attackers who become root by what callerd does not know: modes, options and paths that it never heard of."""
import contextlib
import io
import os
import sys
import tarfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from live import *  # pylint: disable=wrong-import-position
from bodies import *  # pylint: disable=wrong-import-position
import engines  # pylint: disable=wrong-import-position
import libpod  # pylint: disable=wrong-import-position
from podman import Podman  # pylint: disable=wrong-import-position

AGENT = None
D = f'{DIR}/unjudged-{os.getpid()}'
CREATE = API + '/containers/create'
ROOT_FINDINGS = ('engine-socket-mount',)  # that come along with the root's


def bind(source, mode=''):
    return {'Binds': [f'{source}:/h{mode}']}


def creations(table, allowed=()):
    """Each row: what, the HostConfig or whole body, the findings wanted, and whether the daemon must take it."""
    problems = Problems()
    for what, body, wanted, taken in table:
        target, status, answer = post(CREATE, body if 'Image' in body else config(**body))
        if status == 201:
            remove(answer['Id'])
        if taken != (status == 201):
            problems.add(what, [f'the daemon says {status} {answer}'])
        record = record_of(AGENT, target)
        problems.add(what, judged(record, wanted, allowed))
    problems.check()


@test
def links_that_do_not_end():
    """A member lets the engine mount the root by a link whose way is so long that callerd might give up."""
    def link(name, target):
        os.symlink(target, f'{D}/{name}')
        return f'{D}/{name}'

    os.makedirs(D + '/a')
    long = link('long', './' * 2040 + 'root')
    link('root', '/')
    equal(os.path.realpath(long), '/', 'where the kernel goes')
    # Two ways through 1600 names each: that is beyond what callerd follows, and not beyond the kernel.
    link('second', 'a/../' * 800 + 'root')
    endless = link('first', 'a/../' * 800 + 'second')
    true(os.path.samefile(endless, '/'), 'where the kernel goes')
    creations([
        ('2,040 dots', bind(long), {'host-root-mount': ('critical', 'that is /')}, True),
        ('below it', bind(long + '/etc/shadow'), {'host-path-mount': ('critical', '/etc/shadow')}, True),
        ('beyond all', bind(endless), {'not-judged': ('high', 'could not be followed')}, True),
        ('as a mount', {'Mounts': [{'Type': 'bind', 'Source': endless, 'Target': '/h'}]},
         {'not-judged': ('high', 'could not be followed')}, True),
        ('as a volume', {'Mounts': [{'Type': 'volume', 'Target': '/h', 'VolumeOptions': {'DriverConfig': {
            'Name': 'local', 'Options': {'type': 'none', 'o': 'bind', 'device': endless}}}}]},
         {'not-judged': ('high', 'could not be followed')}, True),
        ('a directory', bind(D + '/a'), {}, True),
        ('a link to it', bind(link('harmless', './' * 2000 + 'a')), {}, True),
    ], ROOT_FINDINGS)


@test
def the_root_elsewhere():
    """The host's files by another way: a bind mount of the root, and the engine's own directories and its containerd's
    socket where they are unusual."""
    root = get('/info')['DockerRootDir']
    sock = {'engine-socket-mount': 'critical'}
    os.symlink(DIR + '/exec', D + '/exec')
    true(not root.startswith('/var/lib/'), 'the engine keeps its files elsewhere')
    for name, source in (('all', '/'), ('some', '/etc'), ('harmless', D)):
        os.makedirs(f'{D}/bound-{name}')
        run('mount', '--bind', source, f'{D}/bound-{name}')
    try:
        with Callerd('--inventory', '65536') as agent:
            problems = Problems()
            for what, path, wanted in (
                    ('the root', D + '/bound-all', {'host-root-mount': 'critical'}),
                    ('below it', D + '/bound-all/etc/shadow', {'host-path-mount': ('critical', 'password')}),
                    ('/etc', D + '/bound-some', {'host-path-mount': ('critical', 'accounts')}),
                    ('cron', D + '/bound-some/cron.d', {'host-path-mount': ('critical', 'clock')}),
                    ('nothing', D + '/bound-harmless', {}),
                    ('the engine\'s files', root + '/image', {'host-path-mount': ('critical', 'every container')}),
                    ('its volumes', root + '/volumes/x/_data', {'host-path-mount': 'medium'}),
                    ('its state', DIR + '/exec/netns', {'host-path-mount': ('critical', 'engine\'s state')}),
                    ('by a link', D + '/exec/netns', {'host-path-mount': ('critical', 'engine\'s state')}),
                    ('all of its state', DIR + '/exec', sock),
                    ('containerd', DIR + '/containerd.sock', sock),
                    ('containerd\'s other', DIR + '/containerd.sock.ttrpc', sock)):
                target, status, answer = post(CREATE, config(**bind(path)))
                if status == 201:
                    remove(answer['Id'])
                problems.add(what, judged(record_of(agent, target), wanted, ROOT_FINDINGS))
            problems.check()
    finally:
        for name in 'all', 'some', 'harmless':
            run('umount', f'{D}/bound-{name}', check=False)


@test
def words_as_go_reads_them():
    """SYS_ADMIN and no seccomp, spelled so that a comparison byte by byte does not see it."""
    bad = {'cap-add': 'critical'}
    off, other = ({'security-disabled': severity} for severity in ('high', 'medium'))
    profile = '{"defaultAction":"SCMP_ACT_%s"}'
    creations([
        ('long s', {'CapAdd': ['\u017fys_admin']}, bad, True),
        ('dotless i', {'CapAdd': ['cap_sys_adm\u0131n']}, bad, True),
        ('both', {'CapAdd': ['CAP_\u017fY\u017f_ADM\u0131N']}, bad, True),
        ('seccomp behind a blank', {'SecurityOpt': ['seccomp= ' + profile % 'ALLOW']}, off, True),
        ('an empty profile', {'SecurityOpt': ['seccomp={}']}, off, True),
        ('a profile of his own', {'SecurityOpt': ['seccomp=' + profile % 'ERRNO']}, other, True),
        ('no-new-privileges: F', {'SecurityOpt': ['no-new-privileges=F']}, off, True),
        ('no-new-privileges: 1', {'SecurityOpt': ['no-new-privileges:1']}, {}, True),
        ('no-new-privileges', {'SecurityOpt': ['no-new-privileges']}, {}, True),
        ('label', {'SecurityOpt': ['label:disable']}, off, True),
        ('AppArmor', {'SecurityOpt': ['apparmor=mine']}, other, True),
        ('SELinux', {'SecurityOpt': ['label=type:mine_t']}, other, True),
        ('writable cgroups', {'SecurityOpt': ['writable-cgroups']}, off, engines.here('writable cgroups')),
        ('system paths', {'SecurityOpt': ['systempaths=unconfined']}, off, False),
        ('unheard of', {'SecurityOpt': ['new=1']}, {'not-judged': ('medium', 'SecurityOpt: new=1')}, False),
    ])


@test
def system_paths():
    """The kernel's settings are writable if the lists of paths are given, and just not empty."""
    def opened(*words):
        return {'security-disabled': ('high', *words)}

    default = get_defaults()
    creations([
        ('writable /proc/sys', {'ReadonlyPaths': ['/x']}, opened('ReadonlyPaths', '/proc/sys'), True),
        ('sysrq', {'ReadonlyPaths': ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys']},
         opened('/proc/sysrq-trigger'), True),
        ('kcore', {'MaskedPaths': ['/proc/keys']}, opened('MaskedPaths', '/proc/kcore'), True),
        ('the defaults', {'MaskedPaths': default[0], 'ReadonlyPaths': default[1]}, {}, True),
        ('and more', {'MaskedPaths': default[0] + ['/proc/x'], 'ReadonlyPaths': ['/proc']}, {}, True),
    ])


def get_defaults():
    """The daemon's own lists, as it tells them of a container."""
    name = f'unjudged-defaults-{os.getpid()}'
    create(name)
    host = get(f'/containers/{name}/json')['HostConfig']
    remove(name)
    return host['MaskedPaths'], host['ReadonlyPaths']


@test
def log_options():
    """The engine is made to write to a socket that only root may write to, or the output leaves the host."""
    def log(driver, **options):
        return {'LogConfig': {'Type': driver, 'Config': {key.replace('_', '-'): value
                                                         for key, value in options.items()}}}

    def goes(severity, *words):
        return {'log-destination': (severity, *words)}

    with Daemon(D + '/mine.sock'):
        creations([
            ('fluentd', log('fluentd', fluentd_address=f'unix://{D}/mine.sock'),
             goes('high', D + '/mine.sock'), True),
            ('syslog', log('syslog', syslog_address=f'unix://{D}/mine.sock'),
             goes('high', D + '/mine.sock'), True),
            ('gelf', log('gelf', gelf_address='udp://192.0.2.1:12201'), goes('low', '192.0.2.1'), True),
            ('syslog elsewhere', log('syslog', syslog_address='udp://192.0.2.1:514'),
             goes('low', '192.0.2.1'), True),
            ('a file', log('k8s-file', path='/etc/cron.d/x'), goes('critical', '/etc/cron.d/x'), False),
            ('json-file', log('json-file', max_size='1m', max_file='2'), {}, True),
            ('local', log('local'), {}, True),
            ('none', log('none'), {}, True),
            ('unheard of', log('new'), {'not-judged': ('medium', 'new')}, False),
        ])
    name = f'unjudged-log-{os.getpid()}'
    record = record_of(AGENT, post(f'{CREATE}?name={name}', config(**log(
        'splunk', splunk_token='S3CRET', splunk_url='https://192.0.2.1:8088')))[0])
    remove(name)
    equal(sorted(field(record, 'callerd.request.log_options')),
          ['splunk-token=***', 'splunk-url=https://192.0.2.1:8088'], 'facts')


@test
def unheard_of():
    """What a later engine, or Podman, makes of such words nobody knows here: that is said."""
    def what(*words, severity='medium'):
        return {'not-judged': (severity, *words)}

    odd = engines.here('odd namespaces')
    creations([
        ('pid', {'PidMode': 'new'}, what('PidMode: new'), odd),
        ('ipc', {'IpcMode': 'ns:/proc/4711/ns/ipc'}, what('IpcMode', severity='high'), odd),
        ('network', {'NetworkMode': 'ns:/proc/1/ns/net'}, {'host-network': ('medium', '/proc/1/ns/net')},
         True),
        ('users', {'UsernsMode': 'new'}, what('UsernsMode: new'), True),
        ('mount', {'Mounts': [{'Type': 'new', 'Source': 'x', 'Target': '/h'}]}, what('new'), False),
        ('bind', bind(D, ':new'), what(':new'), False),
        ('volume driver', {'VolumeDriver': 'new', 'Binds': ['v:/h']}, what('new'), False),
        ('storage', {'StorageOpt': {'new': '1'}}, what('new'), False),
        ('Podman\'s bind', bind('/', ':rbind'), {'host-root-mount': ('critical', '/h')}, False),
        ('Podman\'s mount', {'Mounts': [{'Type': 'bind', 'Source': D + ',src=/', 'Target': '/h'}]},
         {**what('src=/', severity='high'), 'host-root-mount': ('critical', '/ mounted')}, False),
    ], ROOT_FINDINGS)
    problems = Problems()
    for what_, options, wanted in (
            ('zfs', {'type': 'zfs', 'device': 'tank/root'}, what('zfs')),
            ('nfs', {'type': 'nfs', 'device': ':/x', 'o': 'addr=192.0.2.1'}, {}),
            ('tmpfs', {'type': 'tmpfs', 'device': 'tmpfs', 'o': 'size=1m'}, {})):
        target, _, _ = post(API + '/volumes/create', {'Name': f'unjudged-{what_}', 'DriverOpts': options})
        request('DELETE', f'{API}/volumes/unjudged-{what_}')
        problems.add(what_, judged(record_of(AGENT, target), wanted))
    problems.check()


@test
def checkpoint_directories():
    """The engine removes, lists or writes as root in a directory that a member chose, by way of his links."""
    name = f'unjudged-checkpoint-{os.getpid()}'
    identity = create(name)
    victim = D + '/victim'
    os.makedirs(f'{victim}/x')
    os.makedirs(f'{D}/mine/{identity}')
    os.symlink('/etc', f'{D}/mine/{identity}/checkpoints')
    path = f'{API}/containers/{name}/checkpoints'
    problems = Problems()

    def check(what, call, wanted):
        target, _, _ = call
        problems.add(what, judged(record_of(AGENT, target), wanted, ('not-judged',)))

    def directory(severity, *words):
        return {'checkpoint-directory': (severity, *words)}

    check('remove', post(f'{path}/unjudged-none?dir={D}/mine', method='DELETE'),
          directory('critical|high', 'removes', 'that is /etc/'))
    check('remove elsewhere', post(f'{path}/x?dir={victim}', method='DELETE'), directory('high', victim))
    check('list', post(f'{path}?dir={victim}', method='GET'), directory('medium', victim))
    check('list /root', post(f'{path}?dir=/root', method='GET'), directory('critical', '/root'))
    check('create', post(path, {'CheckpointID': 'x', 'CheckpointDir': '/etc/cron.d'}),
          directory('critical', '/etc/cron.d'))
    check('restore', post(f'{API}/containers/{name}/start?checkpoint=x&checkpoint-dir={victim}'),
          directory('high', victim))
    check('its own', post(path, method='GET'), {})
    remove(name)
    problems.check()


@test
def networks_that_reach_further():
    """A network on the host's interface, or whose ports nobody needs to publish; a swarm that trusts others."""
    problems = Problems()
    exposed = {'network-exposed': 'medium'}
    for what, body, wanted in (
            ('macvlan', {'Driver': 'macvlan', 'Options': {'parent': 'lo'}}, exposed),
            ('unprotected', {'Options': {'com.docker.network.bridge.gateway_mode_ipv4': 'nat-unprotected'}}, exposed),
            ('unheard of', {'Driver': 'new'}, {'not-judged': ('medium', 'new')}),
            ('internal', {'Internal': True, 'Options': {'com.docker.network.bridge.enable_icc': 'true'}}, {})):
        target, status, answer = post(API + '/networks/create', {'Name': f'unjudged-{what}', **body})
        if status == 201:
            request('DELETE', f'{API}/networks/{answer["Id"]}')
        problems.add(what, judged(record_of(AGENT, target), wanted))
    node = {'Role': 'manager', 'Availability': 'active'}
    for what, call, wanted in (
            ('promotion', post(API + '/nodes/x/update?version=1', node), {'swarm': ('medium', 'manager')}),
            ('demotion', post(API + '/nodes/x/update?version=1', {**node, 'Role': 'worker'}), {}),
            ('token', post(API + '/swarm/update?version=1&rotateManagerToken=true', {}),
             {'swarm': ('medium', 'rotateManagerToken')}),
            ('no token', post(API + '/swarm/update?version=1&rotateManagerToken=false', {}), {}),
            ('authority', post(API + '/swarm/update?version=1', {'CAConfig': {'ExternalCAs': [
                {'Protocol': 'cfssl', 'URL': 'https://192.0.2.1'}]}}), {'swarm': ('medium', '192.0.2.1')})):
        problems.add(what, judged(record_of(AGENT, call[0]), wanted))
    problems.check()


def tarred(name):
    """An archive of an empty file."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode='w') as archive:
        archive.addfile(tarfile.TarInfo(name))
    return data.getvalue()


@test
def copies_to_the_host():
    """docker cp into a container with a directory of the host writes where root reads commands from."""
    name = f'unjudged-copy-{os.getpid()}'
    create(name, Binds=[D + ':/host', '/var/log:/log'])
    with contextlib.suppress(FileExistsError):
        os.makedirs(D + '/etc/cron.d')
    problems = Problems()
    for path, wanted in (('/host/etc/cron.d', 'critical'), ('/host/a', 'high|medium')):
        target, _, _ = post(f'{API}/containers/{name}/archive?path={path}', b'', method='PUT',
                            media='application/x-tar')
        problems.add(path, judged(record_of(AGENT, target), {'container-file-write': (wanted, path)},
                                  ('host-path-mount', 'root-container-entered')))
    remove(name)
    problems.check()


@test
def copies_by_another_name():
    """What a path in a container is on the host does not show in its name, but in the container's mounts: docker cp
    writes root's cron jobs, and reads what only the engine may."""
    name = f'unjudged-mapped-{os.getpid()}'
    victim = f'/etc/cron.d/callerd-{os.getpid()}'
    create(name, Binds=['/etc:/e', DIR + ':/t:ro', D + ':/plain'])
    os.symlink('/etc', D + '/elsewhere')
    os.makedirs(D + '/copied', exist_ok=True)
    problems = Problems()
    beside = ('host-path-mount', 'engine-socket-mount', 'root-container-entered')
    for what, method, path, wanted in (
            ('a cron job', 'PUT', '/e/cron.d', ('critical', 'with /etc mounted at /e', 'by the clock')),
            ('the way round', 'PUT', '/x/../e/./cron.d/', ('critical', 'writes to /e/cron.d', 'by the clock')),
            ('hashes', 'GET', '/e/shadow-', ('critical', 'password hashes')),
            ('names', 'GET', '/e/hosts', ('medium', 'names of other hosts')),
            ('the engine\'s state', 'GET', '/t/exec/netns', ('high', 'engine\'s state')),
            # The links of a mount lead to the container's own files, there.
            ('a plain one', 'PUT', '/plain/copied', ('high', 'in a container with files of the host')),
            ('a link', 'GET', '/plain/elsewhere', ('medium', 'in a container with files of the host'))):
        text = tarred(os.path.basename(victim)) if what == 'a cron job' else b''
        target, status, _ = post(f'{API}/containers/{name}/archive?path={path}', text, method=method,
                                 media='application/x-tar')
        id = 'container-file-' + ('write' if method == 'PUT' else 'read')
        problems.add(what, judged(record_of(AGENT, target), {id: wanted}, beside))
        if what == 'a cron job':
            true(status == 200 and os.path.exists(victim), f'{victim} was not written: this proves nothing')
            os.unlink(victim)
    remove(name)
    # All that it has: of a container with little in it.
    create(name, Binds=['/etc:/e'])
    target, _, _ = post(f'{API}/containers/{name}/archive?path=/', method='GET')
    problems.add('all', judged(record_of(AGENT, target), {'container-file-read': ('critical', 'accounts')}, beside))
    remove(name)
    problems.check()


@test
def harmless_requests():
    """Beside all that: an ordinary day's work has nothing new."""
    name = f'unjudged-plain-{os.getpid()}'
    os.makedirs(D + '/build', exist_ok=True)
    with open(D + '/build/Dockerfile', 'w') as file:
        file.write(f'FROM {IMAGE}\nENV A=b\n')

    def work():
        docker('network', 'create', name)
        docker('volume', 'create', name)
        docker('run', '--rm', '--network', 'none', IMAGE, 'true')
        docker('create', '--name', name, '--network', name, '-v', name + ':/data', '-v', D + ':/src:ro', '-p',
               '127.0.0.1:0:80', '--restart', 'on-failure:3', '-e', 'A=b', '--label', 'a=b', '--memory', '64m',
               '--cpus', '1', '--ulimit', 'nofile=100', '--tmpfs', '/t', '--mount',
               'type=tmpfs,target=/u', '--log-opt', 'max-size=1m', '--log-opt', 'max-file=2', '--read-only',
               '--dns', '192.0.2.1', '--add-host', 'a:192.0.2.1', '--init', '--shm-size', '1m', '--cap-drop', 'ALL',
               '--security-opt', 'no-new-privileges', '--sysctl', 'net.ipv4.ip_forward=1', '--hostname', 'h',
               '--pids-limit', '10', '--health-cmd', 'true', '--stop-timeout', '1', IMAGE, 'true')
        docker('rm', '-f', '-v', name)
        docker('network', 'rm', name)
        docker('volume', 'rm', name)
        run('docker', '-H', 'unix://' + SOCKET, 'build', '-t', name, '--build-arg', 'A=b', D + '/build',
            env={**os.environ, 'DOCKER_BUILDKIT': '0'})
        docker('rmi', name)

    problems = Problems()
    for record in records_of(AGENT, work, count=10):
        problems.add(field(record, 'message'), judged(record, {}, ('opaque-stream',)))
    problems.check()


# --- Podman -----------------------------------------------------------------------------------------


def mounts_root(podman, name):
    """Whether the container has the host's root somewhere, as Podman itself says."""
    status, text = request('GET', f'/v4.0.0/libpod/containers/{name}/json', path=podman.path)
    equal(status, 200, text)
    return any(os.path.realpath(mount.get('Source', '')) == '/' for mount in json.loads(text)['Mounts'])


@test
def podman_mounts():
    """Podman takes binds as keys of Volumes, words in a mode that Docker lacks, and commas for options."""
    with Podman() as podman, Callerd('--inventory', '65536', sockets=[podman.path]) as agent:
        problems = Problems()
        root = {'host-root-mount': ('critical', '/')}
        for number, (what, body, wanted) in enumerate((
                ('Volumes', {'Volumes': {'/:/h': {}}}, root),
                ('rbind', {'HostConfig': bind('/', ':rbind')}, root),
                ('exec', {'HostConfig': bind('/', ':exec,ro')}, root),
                ('relative', {'HostConfig': bind('/tmp/..', ':nosuid')}, root),
                ('comma in the source', {'HostConfig': {'Mounts': [
                    {'Type': 'bind,src=/', 'Target': '/h'}]}}, root),
                ('comma in the target', {'HostConfig': {'Mounts': [
                    {'Type': 'bind', 'Target': '/h,src=/'}]}}, root),
                ('PID namespace of the engine', {'HostConfig': {'PidMode': 'ns:/proc/self/ns/pid'}},
                 {'host-pid': 'high'}),
                ('unmask', {'HostConfig': {'SecurityOpt': ['unmask=ALL']}}, {'security-disabled': 'high'}),
                ('log path', {'HostConfig': {'LogConfig': {'Type': 'k8s-file', 'Config': {
                    'path': D + '/log'}}}}, {'log-destination': ('high', D + '/log')}),
                ('plain', {'Volumes': {'/data': {}}, 'HostConfig': {'Binds': [D + ':/src:ro']}}, {}))):
            name = f'unjudged-{number}'
            target = marked(f'/v1.41/containers/create?name={name}')
            body = json.dumps({'Image': podman.image, 'Cmd': ['true'], 'HostConfig': {}, **body})
            status, text = request('POST', target, body.encode(), path=podman.path)
            record = record_of(agent, target)
            problems.add(what, judged(record, wanted, ('not-judged', *ROOT_FINDINGS)))
            if status != 201:
                problems.add(what, [f'Podman says {status} {text}'])
            elif wanted is root and not mounts_root(podman, name):
                problems.add(what, ['Podman does not mount the root'])
        problems.check()


@test
def podman_builds():
    """Podman's builder takes capabilities, namespaces, devices and binds in its query, its keys in any case."""
    with Podman() as podman, Callerd('--inventory', '65536', sockets=[podman.path]) as agent:
        problems = Problems()
        for what, query, wanted in (
                ('capabilities', 'addcaps=%5B%22CAP_SYS_ADMIN%22%5D', {'cap-add': ('critical', 'SYS_ADMIN')}),
                ('namespaces', 'nsoptions=%5B%7B%22Name%22:%22pid%22,%22Host%22:true%7D%5D', {'host-pid': 'high'}),
                ('devices', 'devices=%5B%22/dev/null%22%5D', {'device': ('high', '/dev/null')}),
                ('options', 'securityopt=%5B%22seccomp=unconfined%22%5D', {'security-disabled': 'high'}),
                ('seccomp', 'Seccomp=unconfined', {'security-disabled': 'high'}),
                ('a bind', 'volume=/:/h', {'host-root-mount': ('critical', '/h')}),
                ('network', 'NETWORKMODE=host', {'build-host-network': 'medium'}),
                ('plain', 'dockerfile=Dockerfile&rm=1', {})):
            target = marked(f'/v1.41/build?{query}')
            request('POST', target, b'', path=podman.path)
            problems.add(what, judged(record_of(agent, target), wanted, ROOT_FINDINGS))
        problems.check()


@test
def podmans_own():
    """What Podman's own API describes, which its client speaks, is judged as what Docker's describes."""
    with Podman() as podman:
        libpod.judge(podman)


def main_with_agent():
    global AGENT
    os.makedirs(D, exist_ok=True)
    with Callerd() as AGENT:
        main()


main_with_agent()
