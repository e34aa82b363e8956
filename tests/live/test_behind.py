# SPDX-License-Identifier: Apache-2.0
"""Who is behind a process in a container: who made and started it, and who opened the shell in it. And its labels."""
import shutil

from live import *
from bodies import API, config
from podman import Podman

ALICE, BOB = User(MEMBER), User(OUTSIDER)
DOOR = '/run/docker.sock'
MAKERS = 'callerd.caller.container.'
WORK = 'mkfifo /told; while :; do sh </told; done'  # of a shell: does what is written there


def sudo(*command):
    """COMMAND as root, by sudo of ALICE."""
    return ALICE.command('sudo', '-n', *command)


def docker_of(who, *args):
    """The command line of `docker ARGS` by WHO: a user, or "sudo" for root by sudo of ALICE."""
    command = ('docker', '-H', 'unix://' + SOCKET, *args)
    return sudo(*command) if who == 'sudo' else who.command(*command)


class Container:
    """A container with the socket in it, made by WHO; it runs unless CREATED."""

    def __init__(self, name, who=ALICE, *args, command=('sleep', '1000000'), how=('run', '-d')):
        self.name = f'behind-{name}'
        self.id = run(*docker_of(who, *how, '--name', self.name, '--network', 'none', '-v', f'{SOCKET}:{DOOR}', *args, IMAGE,
                                 *command)).strip()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        docker('rm', '-f', self.name, check=False)


class Worker(Container):
    """One whose own process does what it is told: by a file, that others write."""

    def __init__(self, name, who=ALICE, *args, **options):
        super().__init__(name, who, *args, command=('sh', '-c', WORK), **options)

    def tell(self, line):
        docker('exec', self.name, 'sh', '-c', f'cat >/told <<"END"\n{line}\nEND\n', check=False)

    def call(self, agent):
        target = f'/_ping?mark=own-{time.monotonic_ns()}'
        docker('exec', self.name, 'sh', '-c', f'echo "unixhttp {DOOR} GET {target}" >/told')
        return agent.wait(event__action='api-request', url__original=target)[0]


class Shell:
    """`docker exec -i CONTAINER sh` of WHO, or what COMMAND is, which does what it is told."""

    def __init__(self, container, who, command=None):
        self.process = subprocess.Popen(command or docker_of(who, 'exec', '-i', container.name, 'sh'), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.stdin.close()
        self.process.wait(PATIENCE)

    def tell(self, line):
        self.process.stdin.write(line.encode() + b'\n')
        self.process.stdin.flush()

    def call(self, agent, before='', method='GET', target='/_ping', body=''):
        """The record of a call by a process of the shell's, begun by BEFORE."""
        target += f'{"&" if "?" in target else "?"}mark=shell-{time.monotonic_ns()}'
        self.tell(f"{before} unixhttp {DOOR} {method} '{target}' '{body}'")
        return agent.wait(event__action='api-request', url__original=target)[0]

    def known(self, agent, **options):
        """The first one of which it is known who began the exec."""
        deadline = time.monotonic() + PATIENCE
        while True:
            record = self.call(agent, **options)
            if field(record, MAKERS + 'exec_by'):
                return record
            true(time.monotonic() < deadline, f'who began the exec: {record["message"]}')


def user_of(record, maker):
    """(id, id of the effective user or None) of a maker."""
    return field(record, f'{MAKERS}{maker}.user.id'), field(record, f'{MAKERS}{maker}.user.effective.id')


def of(who):
    """What user_of() says of WHO: root by sudo is known as ALICE where the kernel has login UIDs."""
    if who != 'sudo':
        return who.uid, None
    return acted_by_sudo()


def acted_by_sudo():
    try:
        return (ALICE.uid, '0') if run(*sudo('cat', '/proc/self/loginuid')).strip() == ALICE.uid else ('0', None)
    except AssertionError:
        return '0', None


def expect(record, **wanted):
    """WANTED: maker=who, or None for nobody."""
    for maker, who in wanted.items():
        equal(user_of(record, maker), of(who) if who else (None, None), f'{maker} of {record["message"]}')


def request_of(agent, record, maker):
    """The api-request that MAKER is known by."""
    return agent.wait(event__id=field(record, f'{MAKERS}{maker}.event_id'))[0]


@test
def a_shell():
    """bob's shell in alice's container; root's by sudo of alice beside it."""
    with Callerd() as agent, Container('shell') as container:
        with Shell(container, BOB) as bob, Shell(container, 'sudo') as root:
            for shell, who in ((bob, BOB), (root, 'sudo'), (bob, BOB)):
                record = shell.known(agent)
                expect(record, created_by=ALICE, started_by=ALICE, exec_by=who)
                equal(field(record, 'callerd.caller.behind.user.id'), of(who)[0], 'behind')
                equal(record['user']['id'], '0', 'who the process says that it is')
                equal(record['container']['id'], container.id, 'its container')
                equal(request_of(agent, record, 'created_by')['callerd']['api']['operation'], 'ContainerCreate', 'created')
                equal(request_of(agent, record, 'started_by')['callerd']['api']['operation'], 'ContainerStart', 'started')
                equal(request_of(agent, record, 'exec_by')['callerd']['api']['operation'], 'ExecStart', 'exec')
                equal(field(record, MAKERS + 'exec_by.basis'), 'id', 'basis')
            true(bob.known(agent)['message'].startswith(f'{OUTSIDER}, in container {container.name} (exec) | '),
                 bob.known(agent)['message'])
            # A process below the shell, and one below that.
            expect(bob.call(agent, before='env env'), exec_by=BOB)


@test
def gone_from_its_exec():
    """What outlives its exec is a child of the container's init: it comes from nobody that can be told."""
    with Callerd() as agent, Worker('daemon') as container, Shell(container, BOB) as bob:
        bob.known(agent)
        target = f'/_ping?mark=daemon-{time.monotonic_ns()}'
        orphan = ("until [ $(cut -d' ' -f4 /proc/$$/stat) = 1 ]; do :; done; "
                  f"unixhttp {DOOR} GET {target}")
        bob.tell(f'(sh -c "{orphan.replace("$", chr(92) + "$")}" &)')
        record = agent.wait(event__action='api-request', url__original=target)[0]
        expect(record, created_by=ALICE, started_by=ALICE, exec_by=None)
        equal(field(record, 'callerd.caller.behind'), None, 'behind')
        true(record['message'].startswith(f'root in container {container.name} | '), record['message'])


@test
def its_own_process():
    """Of nobody's exec; whoever starts it again is told, whatever it is called by then."""
    with Callerd() as agent, Worker('own') as container, Shell(container, BOB) as bob:
        bob.known(agent)
        expect(container.call(agent), created_by=ALICE, started_by=ALICE, exec_by=None)
        run(*docker_of('sudo', 'restart', '-t', '0', container.name))
        expect(container.call(agent), created_by=ALICE, started_by='sudo', exec_by=None)
        run(*docker_of(ALICE, 'stop', '-t', '0', container.name))
        run(*docker_of(BOB, 'start', container.name))
        docker('rename', container.name, container.name + '-renamed')
        container.name += '-renamed'
        record = container.call(agent)
        expect(record, created_by=ALICE, started_by=BOB, exec_by=None)
        equal(record['container']['name'], container.name, 'name')


@test
def at_once():
    """Its first process calls at once, when the engine has hardly told of the start."""
    with Callerd() as agent:
        call = f"unixhttp {DOOR} GET '/_ping?mark=once-'$(cat /proc/sys/kernel/random/uuid)"
        with Container('once', command=('sh', '-c', call)) as container:
            for who in (BOB, 'sudo', ALICE, BOB):
                run(*docker_of(who, 'restart', '-t', '0', container.name))
            docker('wait', container.name)
            agent.settle()
            agent.settle_events()
            records = [r for r in agent.records(event__action='api-request', container__id=container.id)
                       if 'once' in r['url']['original']]
            starts = agent.events('container/start', container.id)
            true(records and len(starts) == 5, f'{len(records)} calls, {len(starts)} starts')
            for record in records:
                expect(record, created_by=ALICE)
                # The start that was told behind the container's own first process: below the one that holds it.
                above = [record['process'], *record['callerd']['ancestors']]
                held = [a['start'] for a, b in zip(above, above[1:]) if b['name'].startswith('containerd-shim')]
                true(held, f'what holds it: {[a["name"] for a in above]}')
                start = [s for s in starts if s['callerd']['docker_event']['time'] >= held[0]][0]
                told = field(record, MAKERS + 'started_by.event_id')
                if told:  # or nobody, where the start was not told yet
                    equal(told, start['callerd']['cause']['event_id'], 'started by')


@test
def from_before():
    """Made before callerd ran: only what it saw is told."""
    with Worker('before') as container, Shell(container, BOB) as early, Callerd() as agent:
        expect(early.call(agent), created_by=None, started_by=None, exec_by=None)
        with Shell(container, BOB) as late:
            expect(late.known(agent), created_by=None, started_by=None, exec_by=BOB)
        expect(early.call(agent), created_by=None, started_by=None, exec_by=None)
        early.tell('exit')
        run(*docker_of(BOB, 'restart', '-t', '0', container.name))
        expect(container.call(agent), created_by=None, started_by=BOB, exec_by=None)


@test
def detached():
    with Callerd() as agent, Container('detached') as container:
        run(*docker_of(BOB, 'exec', '-d', container.name, 'sh', '-c', WORK))
        deadline = time.monotonic() + PATIENCE
        while True:
            target = f'/_ping?mark=detached-{time.monotonic_ns()}'
            docker('exec', container.name, 'sh', '-c', f'until [ -p /told ]; do :; done; echo "unixhttp {DOOR} GET {target}" >/told')
            record = agent.wait(event__action='api-request', url__original=target)[0]
            if field(record, MAKERS + 'exec_by'):
                break
            true(time.monotonic() < deadline, 'who began it')
        expect(record, exec_by=BOB)


def expect_chain(record, outer):
    """Of a container that root in OUTER made and started, who was bob."""
    for maker in 'created_by', 'started_by':
        equal(field(record, f'{MAKERS}{maker}.user.id'), '0', maker)
        equal(field(record, f'{MAKERS}{maker}.container.id'), outer.id, maker)
        equal(field(record, f'{MAKERS}{maker}.behind.user.id'), BOB.uid, maker + ': behind')
    equal(field(record, 'callerd.caller.behind'), None, 'its own process is of no exec')


@test
def chains():
    """bob's shell in one container begins an exec and makes a container: bob is behind what these do."""
    state = tempfile.mktemp(prefix='state.', dir=DIR)
    inner = WORK.replace('/told', '/inner')
    with Callerd(state=state) as agent, Container('outer') as outer, Shell(outer, BOB) as bob:
        bob.known(agent)
        record = bob.call(agent, method='POST', target=f'{API}/containers/{outer.name}/exec',
                          body=json.dumps({'Cmd': ['sh', '-c', inner]}))
        exec_id = agent.wait(event__action='docker-event', callerd__docker_event__action='exec_create',
                             callerd__cause__event_id=record['event']['id'])[0]['callerd']['docker_event']['exec_id']
        bob.call(agent, method='POST', target=f'{API}/exec/{exec_id}/start', body=json.dumps({'Detach': True}))
        deadline = time.monotonic() + PATIENCE
        while True:
            target = f'/_ping?mark=nested-{time.monotonic_ns()}'
            bob.tell(f'until [ -p /inner ]; do :; done; echo "unixhttp {DOOR} GET {target}" >/inner')
            nested = agent.wait(event__action='api-request', url__original=target)[0]
            if field(nested, MAKERS + 'exec_by'):
                break
            true(time.monotonic() < deadline, 'who began the nested exec')
        equal(field(nested, MAKERS + 'exec_by.user.id'), '0', 'began it: root of the container')
        equal(field(nested, MAKERS + 'exec_by.container.id'), outer.id, 'in the container')
        equal(field(nested, MAKERS + 'exec_by.behind.user.id'), BOB.uid, 'behind that')
        equal(field(nested, 'callerd.caller.behind.user.name'), OUTSIDER, 'behind it')

        body = config('sh', '-c', WORK, Binds=[f'{SOCKET}:{DOOR}'])
        made = Worker.__new__(Worker)
        made.name = 'behind-inner'
        with made:
            bob.call(agent, method='POST', target=f'{API}/containers/create?name={made.name}', body=json.dumps(body))
            created = agent.event('container/create', name=made.name)[0]
            bob.call(agent, method='POST', target=f'{API}/containers/{made.name}/start')
            equal(field(created, 'callerd.caller.behind.user.id'), BOB.uid, 'behind its creation')
            true(created['message'].startswith(f'{OUTSIDER}, in container {outer.name} (exec) | '), created['message'])
            agent.event('container/start', name=made.name)
            expect_chain(made.call(agent), outer)
            agent.stop()
            with Callerd(state=state) as agent_again:
                expect_chain(made.call(agent_again), outer)
                record = bob.call(agent_again)
                expect(record, created_by=ALICE, started_by=ALICE, exec_by=BOB)


LABELS = {'com.docker.compose.project': 'shop', 'com.docker.compose.config-hash': 'abc', 'com.gitlab.gitlab-runner.job.id': '4711',
          'site.token': 'hunter2', 'site.team': 'blue', 'other.team': 'red', 'io.kubernetes.pod.name': 'x' * 1000,
          'devcontainer.metadata': '[{"remoteEnv":{"TOKEN":"hunter2"}}]'}
TOLD = {'com_docker_compose_project': 'shop', 'com_gitlab_gitlab-runner_job_id': '4711', 'site_token': '***', 'site_team': 'blue',
        'io_kubernetes_pod_name': 'x' * 256}


@test
def labels():
    """Those of the list and of the site, of the caller's container and of the target; from the request, and from the engine."""
    given = [word for key, value in LABELS.items() for word in ('--label', f'{key}={value}')]
    with Worker('labels', ALICE, *given) as container, Callerd('--label', 'site.*') as agent:
        def target_of(call):
            return agent.wait(event__action='api-request', url__original=call[0])[0]['callerd']['target']
        record = container.call(agent)
        equal(record['container'].get('labels'), TOLD, 'of the caller')
        equal(target_of(ALICE.call('GET', f'{API}/containers/{container.name}/json'))['labels'], TOLD, 'of the target')
        exec_id = ALICE.call('POST', f'{API}/containers/{container.name}/exec', {'Cmd': ['true']})[2]['Id']
        equal(target_of(ALICE.call('GET', f'{API}/exec/{exec_id}/json'))['labels'], TOLD, "of an exec's container")
        body = {**config(), 'Labels': LABELS}
        made = ALICE.call('POST', f'{API}/containers/create?name=behind-made', body)
        try:
            equal(target_of(made)['labels'], TOLD, 'of one that is made')
        finally:
            removed = ALICE.call('DELETE', f'{API}/containers/behind-made?force=1')
        equal(target_of(removed)['labels'], TOLD, 'of one that is removed')
        # Of the image, which the engine alone knows.
        docker('commit', '-c', 'LABEL org.opencontainers.image.source=https://u:hunter2@git.example/shop', container.name, 'behind:1')
        try:
            image = {**config(), 'Image': 'behind:1', 'Labels': {f'site.{i}': str(i) for i in range(30)}}
            name = 'behind-image'
            ALICE.call('POST', f'{API}/containers/create?name={name}', image)
            deadline = time.monotonic() + PATIENCE
            while True:
                target = target_of(ALICE.call('GET', f'{API}/containers/{name}/json'))
                if 'org_opencontainers_image_source' in target['labels']:
                    break
                true(time.monotonic() < deadline, f'what the image says: {target}')
            equal(target['labels']['org_opencontainers_image_source'], 'https://u:***@git.example/shop', 'masked')
            equal((len(target['labels']), target['labels_truncated']), (16, True), 'no more than that')
        finally:
            docker('rm', '-f', name, check=False)
            docker('rmi', 'behind:1', check=False)
        agent.settle()
        with open(agent.log, encoding='utf-8') as log:
            true('hunter2' not in log.read(), 'secrets')


@test
def compose():
    """What docker-compose makes says so in its own words, and who ran it is told."""
    if not shutil.which('docker-compose'):
        raise Skip('there is no docker-compose')
    project = tempfile.mkdtemp(prefix='compose.', dir=DIR)
    os.chmod(project, 0o755)
    with open(project + '/docker-compose.yml', 'w', encoding='utf-8') as file:
        json.dump({'version': '2.4', 'services': {'web': {
            'image': IMAGE, 'container_name': 'behind-compose', 'network_mode': 'none', 'volumes': [f'{SOCKET}:{DOOR}'], 'command': ['sh', '-c', WORK]}}}, file)
    compose_of = ['docker-compose', '-H', 'unix://' + SOCKET, '-f', project + '/docker-compose.yml', '-p', 'shop']
    worker = Worker.__new__(Worker)
    worker.name = 'behind-compose'
    with Callerd() as agent, worker:
        BOB.run(*compose_of, 'up', '-d')
        record = worker.call(agent)
        expect(record, created_by=BOB, started_by=BOB, exec_by=None)
        told = record['container']['labels']
        equal((told['com_docker_compose_project'], told['com_docker_compose_service']), ('shop', 'web'), str(told))


@test
def podman():
    """It tells of an exec when that runs, and not of which one: shells that two users open at once, by its client and by Docker's, are theirs,
    and what it runs without being asked by its socket is nobody's."""
    with Podman() as service, Callerd('--inventory', '65536', sockets=[service.path]) as agent:
        try:
            service.remote('run', '-d', '--network', 'none', '--name', 'behind-podman', '-v', f'{service.path}:{DOOR}', service.image, 'sleep', '600')
        except AssertionError as why:
            raise Skip(f'podman runs nothing here: {why!s:.300}') from None
        word = ('exec', '-i', 'behind-podman', 'sh')
        with Shell(None, None, service.remote_command(*word)) as alice, \
                Shell(None, None, BOB.command('docker', '-H', 'unix://' + service.path, *word)) as bob:
            for shell, who in ((alice, ALICE), (bob, BOB), (alice, ALICE)):
                record = shell.known(agent)
                expect(record, created_by=ALICE, exec_by=who)
                equal(field(record, MAKERS + 'exec_by.basis'), 'id', 'basis')
                equal(field(record, 'callerd.caller.behind.user.id'), who.uid, 'behind')
                begun = request_of(agent, record, 'exec_by')
                equal((begun['user']['id'], begun['callerd']['api']['operation'].replace('Libpod', '')), (who.uid, 'ExecStart'), 'its request')
            with Shell(None, None, ['env', f'CONTAINERS_CONF={service.dir}/containers.conf', f'HOME={service.dir}', *service.local, *word]) as local:
                local.call(agent)
                agent.event('container/exec_start', name='behind-podman', count=3)
                for _ in range(3):
                    expect(local.call(agent), created_by=ALICE, exec_by=None)


main()
