# SPDX-License-Identifier: Apache-2.0
"""Attackers who look for a way to root on the host that has no finding."""
import contextlib
import io
import os
import sys
import tarfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from live import *  # pylint: disable=wrong-import-position
from bodies import *  # pylint: disable=wrong-import-position

AGENT = None
ALICE = User(MEMBER)
NAME = f'judged-{os.getpid()}'
D = f'{DIR}/{NAME}'
MOUNT = {'host-root-mount': ('critical', 'in a container that has / mounted')}
ENTERED = {'root-container-entered': ('critical', '/ mounted'), **MOUNT}
BESIDE = {'host-root-mount': ('medium', 'in a container that has / mounted')}


@contextlib.contextmanager
def container(name, **host):
    """A container of root's that runs; its name."""
    create(name, start=True, **host)
    try:
        yield name
    finally:
        remove(name)


def worker(name=NAME + '-worker'):
    """As an administrator has them for monitoring and backup: with the host's root in it."""
    return container(name, Binds=['/:/mnt'])


def tar(name, text):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode='w') as archive:
        member = tarfile.TarInfo(name)
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    return data.getvalue()


def of_alice(action, operation, count=1):
    """The records of OPERATION that ALICE's ACTION makes."""
    records = records_of(AGENT, action, operation, count)
    for record in records:
        equal(acts_as(record), ALICE.uid, 'user')
    return records


def check(problems, what, call, wanted, status=None, allowed=(), agent=None):
    target, got, answer = call
    if status and got != status:
        raise AssertionError(f'{what}: the daemon says {got} {answer}')
    problems.add(what, judged(record_of(agent or AGENT, target), wanted, allowed))


# --- who enters a container that is dangerous by itself ----------------------------------------------


@test
def member_executes_in_an_administrators_container():
    """A member of the docker group, who makes no container at all, reads /etc/shadow of the host through one that
    an administrator runs with / mounted. At stake: root on the host, without a finding."""
    problems = Problems()
    with worker() as name:
        for operation in 'ContainerExec', 'ExecStart':
            record, = of_alice(lambda: ALICE.docker('exec', name, 'chroot', '/mnt', 'cat', '/etc/shadow'),
                               operation)
            problems.add(operation, judged(record, ENTERED, ('opaque-stream',)))
            true('T1611' in field(record, 'threat.technique.id'), 'technique')
    with container(NAME + '-harmless') as name:
        for operation in 'ContainerExec', 'ExecStart':
            record, = of_alice(lambda: ALICE.docker('exec', name, 'true'), operation)
            problems.add('harmless ' + operation, judged(record, {}, ('opaque-stream',)))
    problems.check()


@test
def member_enters_one_from_before_callerd():
    """The same, where callerd was started after the container: what is known of it is what the engine tells. The exec
    was made before callerd was there: what it may do, nobody knows any more."""
    problems = Problems()
    with worker() as name:
        old = post(f'{API}/containers/{name}/exec', {'Cmd': ['true']})[2]['Id']
        with Callerd() as agent:
            until_known(agent, name)
            made = post(f'{API}/containers/{name}/exec', {'Cmd': ['true']})
            check(problems, 'exec', made, ENTERED, 201, agent=agent)
            started = post(f'{API}/exec/{made[2]["Id"]}/start', {'Detach': True})
            check(problems, 'its start', started, ENTERED, 200, agent=agent)
            started = post(f'{API}/exec/{old}/start', {'Detach': True})
            check(problems, 'an old one', started, {'not-judged': ('medium', 'not known')}, 200, agent=agent)
    problems.check()


def until_known(agent, name):
    """Until callerd has asked the engine about the container."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        target, _, _ = post(f'{API}/containers/{name}/rename?name={name}')
        if 'host-root-mount' in findings(record_of(agent, target)):
            return
    raise AssertionError('the inventory does not come')


@test
def member_attaches_to_an_administrators_container():
    """The attacker types into the shell that an administrator left running in a container with / mounted."""
    with worker() as name:
        for target, version in ((f'/containers/{name}/attach?stream=1&stdin=1', 'tcp'),
                                (f'/containers/{name}/attach/ws?stream=1&stdin=1', 'websocket')):
            with connect() as client:
                target = marked(API + target)
                client.sendall(f'{"GET" if "/ws" in target else "POST"} {target} HTTP/1.1\r\nHost: x\r\n'
                               f'Connection: Upgrade\r\nUpgrade: {version}\r\nOrigin: http://x\r\n'
                               'Sec-WebSocket-Version: 13\r\n'
                               'Sec-WebSocket-Key: MDEyMzQ1Njc4OUFCQ0RFRg==\r\n\r\n'.encode())
                true(client.recv(100).startswith(b'HTTP/1.1 101'), 'not attached')
            equal(judged(record_of(AGENT, target), ENTERED, ('opaque-stream',)), [], target)


@test
def member_copies_files_of_the_host():
    """The attacker copies the host's password hashes out of an administrator's container, and a cron job into it."""
    problems = Problems()
    files = ('container-file-read', 'container-file-write')
    with worker() as name:
        path = f'{API}/containers/{name}/archive?path='
        os.makedirs(D, exist_ok=True)
        check(problems, 'get', post(path + '/mnt/etc/shadow', method='GET'), ENTERED, 200, files)
        check(problems, 'put', post(path + '/mnt' + D, tar('job', b'* * * * * root x'), method='PUT',
                                    media='application/x-tar'), ENTERED, 200, files)
        true(os.path.exists(D + '/job'), 'the file was not written: this proves nothing')
        # Where it leads is not known from outside: its own links may lead to what is mounted.
        check(problems, 'get its own', post(path + '/etc/hostname', method='GET'), ENTERED, 200, files)
        check(problems, 'head', post(path + '/mnt/etc', method='HEAD'), BESIDE, 200, files)
        record, = of_alice(lambda: ALICE.run(
            'sh', '-c', f'docker -H unix://{SOCKET} cp {name}:/mnt/etc/hostname - >/dev/null'), 'ContainerArchive')
        problems.add('docker cp', judged(record, ENTERED, files))
    problems.check()


@test
def what_is_done_beside_a_dangerous_container():
    """A commit, an export or another name have nothing of the host in them, but say what container that is; a
    look at it says nothing."""
    problems = Problems()
    with worker() as name:
        path = f'{API}/containers/{name}'
        check(problems, 'commit', post(f'{API}/commit?container={name}&repo={NAME}'), BESIDE, 201,
              ('image-load',))
        request('DELETE', f'{API}/images/{NAME}')
        check(problems, 'export', post(path + '/export', method='GET'), BESIDE, 200, ('container-file-read',))
        check(problems, 'rename', post(f'{path}/rename?name={name}-x'), BESIDE, 204)
        check(problems, 'back', post(f'{path}-x/rename?name={name}'), BESIDE, 204)
        check(problems, 'checkpoint', post(path + '/checkpoints', {'CheckpointID': 'x'}), BESIDE)
        for what in 'json', 'top', 'changes', 'logs?stdout=1', 'stats?stream=0', 'checkpoints':
            check(problems, what, post(f'{path}/{what}', method='GET'), {})
        # Under a harmless name it is what it was.
        check(problems, 'stop', post(path + '/stop?t=0'), {}, 204)
        check(problems, 'rename', post(f'{path}/rename?name={name}-web'), BESIDE, 204)
        try:
            check(problems, 'start', post(f'{path}-web/start'), {'host-root-mount': ('critical', '/ mounted')}, 204)
        finally:
            remove(name + '-web')
    problems.check()


@test
def process_in_a_container_calls_the_engine():
    """An attacker who got into a container that has an engine's socket makes himself a container with the host in it,
    or looks around first."""
    name = NAME + '-portainer'
    with container(name, Binds=[SOCKET + ':/s.sock']):
        problems = Problems()
        for method, target, severity in (('GET', '/containers/json', 'low'), ('GET', '/_ping', 'low'),
                                         ('POST', '/containers/nobody/stop', 'medium'),
                                         ('DELETE', '/volumes/nobody', 'medium')):
            target = marked(API + target)
            docker('exec', name, 'unixhttp', '/s.sock', method, target, check=False)
            record = record_of(AGENT, target)
            equal(field(record, 'container.name'), name, 'container')
            problems.add(method + target, judged(record, {'called-from-container': (severity, name)}))
        target = marked(API + '/containers/nobody/stop')
        request('POST', target)
        problems.add('from outside', judged(record_of(AGENT, target), {}))
        problems.check()


# --- what a container has through others, and at another time -----------------------------------------


@test
def member_joins_what_an_administrators_container_has():
    """The attacker asks for nothing of the host: only for the namespaces and volumes of a container that has it, or of
    one that has joined such a one, created before callerd was there."""
    problems = Problems()
    first, second = NAME + '-first', NAME + '-second'
    with container(first, PidMode='host', IpcMode='host', NetworkMode='host', UTSMode='host', Binds=['/:/mnt']):
        create(second, PidMode='container:' + first, VolumesFrom=[first], start=True)
        root = {'host-root-mount': ('critical', 'from container')}
        join = ('join-container-namespace',)
        try:
            with Callerd() as agent:
                until_known(agent, first)
                for host, wanted in (
                        ({'PidMode': 'container:' + first}, {**root, 'host-pid': ('high', 'from container')}),
                        ({'IpcMode': 'container:' + first}, {'host-ipc': ('medium', 'from container')}),
                        ({'NetworkMode': 'container:' + first}, {'host-network': ('medium', 'from container')}),
                        ({'VolumesFrom': [first]}, root),
                        ({'VolumesFrom': [second]}, root),
                        ({'PidMode': 'container:' + second}, {**root, 'host-pid': ('high', 'from container')}),
                        ({'IpcMode': 'container:' + second}, {})):
                    call = post(f'{API}/containers/create', config(**host))
                    remove(call[2].get('Id'))
                    check(problems, str(host), call, wanted, allowed=join, agent=agent)
                made = post(f'{API}/containers/{second}/exec', {'Cmd': ['true']})
                check(problems, 'exec in the one that joined', made,
                      {'root-container-entered': 'critical', **MOUNT, 'host-pid': 'high'}, 201, join, agent)
        finally:
            remove(second)
    problems.check()


@test
def member_moves_a_symlink_before_the_start():
    """The container is made with a harmless directory, behind a symlink that the attacker makes point to / before
    the start, and back after it."""
    problems = Problems()
    os.makedirs(D + '/harmless', exist_ok=True)
    link, name = D + '/link', NAME + '-link'
    root = {'host-root-mount': ('critical', f'{link} (that is /)')}

    def point(to):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(link)
        os.symlink(to, link)

    def execute():
        return post(f'{API}/containers/{name}/exec', {'Cmd': ['true']})

    point(D + '/harmless')
    try:
        check(problems, 'create', post(f'{API}/containers/create?name={name}', config(Binds=[link + ':/x'])), {}, 201)
        check(problems, 'start', post(f'{API}/containers/{name}/start'), {}, 204)
        check(problems, 'exec', execute(), {}, 201)
        point('/')
        check(problems, 'restart', post(f'{API}/containers/{name}/restart?t=0'), root, 204)
        point(D + '/harmless')
        true('sys' in docker('exec', name, 'ls', '/x'), 'the root is not mounted: this proves nothing')
        check(problems, 'exec later', execute(), {'root-container-entered': 'critical', **root}, 201)
    finally:
        remove(name)
    problems.check()


@test
def engine_follows_a_moved_symlink_by_itself():
    """The same, but nobody asks for the start: the restart policy makes it. Who then enters the container has the
    host."""
    os.makedirs(D + '/harmless', exist_ok=True)
    link, name = D + '/link-2', NAME + '-policy'
    os.symlink(D + '/harmless', link)
    # Ends when it is told to, by what is mounted.
    create(name, 'sh', '-c', 'while ! [ -e /x/end ]; do sleep 0.1; done; rm /x/end; exit 1', start=True,
           Binds=[link + ':/x'], RestartPolicy={'Name': 'on-failure'})
    try:
        os.unlink(link)
        os.symlink('/', link)
        with open(D + '/harmless/end', 'w'):
            pass
        identity = get(f'/containers/{name}/json')['Id']
        AGENT.event('container/start', identity, that=lambda r: field(r, 'callerd.cause.kind') == 'daemon')
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            target, _, _ = post(f'{API}/containers/{name}/exec', {'Cmd': ['true']})
            if 'root-container-entered' in findings(record_of(AGENT, target)):
                return
        raise AssertionError('nobody noticed that / is mounted')
    finally:
        remove(name)


# --- services ---------------------------------------------------------------------------------------


@test
def member_restores_what_a_service_was():
    """The attacker makes a service with / mounted, hides that behind a harmless update while it has no tasks, and
    restores it later by an update with a harmless body. A service that gets other people's secrets is said to."""
    problems = Problems()
    name = NAME + '-service'

    def spec(**container_):
        return {'Name': name, 'Mode': {'Replicated': {'Replicas': 0}},
                'TaskTemplate': {'ContainerSpec': {'Image': IMAGE, **container_}}}

    def update(query, body):
        version = get('/services/' + name)['Version']['Index']
        return post(f'{API}/services/{name}/update?version={version}{query}', body)

    with swarm() as made:
        if made[1] != 200:
            raise Skip('there is no swarm here')
        root = spec(Mounts=[{'Type': 'bind', 'Source': '/', 'Target': '/h'}])
        check(problems, 'create', post(API + '/services/create', root), {'host-root-mount': 'critical'}, 201)
        check(problems, 'harmless', update('', spec()), {}, 200)
        check(problems, 'not back', update('&rollback=none', spec(TTY=True)), {}, 200)
        check(problems, 'again', update('', root), {'host-root-mount': 'critical'}, 200)
        check(problems, 'harmless', update('', spec()), {}, 200)
        check(problems, 'rollback', update('&rollback=previous', spec()),
              {'not-judged': ('high', 'rollback=previous')}, 200)
        mounts = get('/services/' + name)['Spec']['TaskTemplate']['ContainerSpec'].get('Mounts')
        equal([m['Source'] for m in mounts or []], ['/'], 'mounts: this proves nothing')
        secret = post(API + '/secrets/create', {'Name': NAME, 'Data': 'eA=='})[2]['ID']
        file = {'Name': 'x', 'UID': '0', 'GID': '0', 'Mode': 0o444}
        check(problems, 'secret', update('', spec(Secrets=[{'SecretID': secret, 'SecretName': NAME, 'File': file}])),
              {'secret-access': ('medium', NAME)}, 200)
        request('DELETE', f'{API}/services/{name}')
    problems.check()


# --- what came of it --------------------------------------------------------------------------------


@test
def events_refer_to_the_findings_of_their_request():
    """Who filters the engine's events by severity must see what a critical request of the attacker's brought about."""
    problems = Problems()

    def check_event(kind, identity, found, severity):
        event = AGENT.event(kind, identity)[-1]
        ids = [(f['id'], f['severity']) for f in field(event, 'callerd.cause.findings') or []]
        if found and found not in ids or not found and ids:
            problems.add(kind, [f'findings of the cause: {ids}, wanted {found}'])
        if field(event, 'event.severity') != severity:
            problems.add(kind, [f'severity {field(event, "event.severity")}, wanted {severity}'])

    with worker() as name:
        identity = get(f'/containers/{name}/json')['Id']
        ALICE.docker('exec', name, 'true')
        ALICE.docker('stop', '-t', '0', name)
        mount = ('host-root-mount', 'critical')
        for kind in 'container/create', 'container/start':
            check_event(kind, identity, mount, 40)
        for kind in 'container/exec_create', 'container/exec_start':
            check_event(kind, identity, ('root-container-entered', 'critical'), 40)
        check_event('container/die', identity, None, 20)  # of the stop
    with container(NAME + '-harmless') as name:
        identity = get(f'/containers/{name}/json')['Id']
        for kind in 'container/create', 'container/start':
            check_event(kind, identity, None, 20)
    problems.check()


def main_with_agent():
    global AGENT
    with Callerd() as AGENT:
        main()


main_with_agent()
