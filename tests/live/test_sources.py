# SPDX-License-Identifier: Apache-2.0
"""Whoever calls the engine, with whatever client: events are laid at his door."""
import shutil

from live import *
from podman import Podman, need
from bodies import *
import engines

AGENT = None
ALICE = User(MEMBER)
D = DIR + '/sources'
URL = 'unix://' + SOCKET
NODE_MODULES = os.environ.get('DOCKERODE') # a directory with node_modules/dockerode; else npm is asked


def cause(event, name):
    return field(event, 'callerd.cause.' + name)


def check(name, program, wanted, agent=None, user=None):
    """The events of the container NAME are those WANTED, {action: kind of its cause}, and told of USER and a
    process with PROGRAM in its command line, as the api-request has it that they go back to."""
    agent = agent or AGENT
    last = list(wanted)[-1]
    agent.event('container/' + last, name=name)
    if agent is AGENT:
        agent.settle_events()
    for action, kind in wanted.items():
        events = agent.events('container/' + action, name=name)
        true(events, f'{name}: {action} is not there')
        for event in events:
            equal(cause(event, 'kind'), kind, event['message'])
            equal(acts_as(event), (user or ALICE).uid, event['message'])
            true(program in event['process']['command_line'], event['message'])
            asked, = agent.records(event__action='api-request', event__id=cause(event, 'event_id'))
            for record in event, asked:  # the digest is read aside: the later record has it, if one has
                record['process'].pop('hash', None)
            for detail in 'process', 'user', 'callerd.ancestors':
                equal(field(event, detail), field(asked, detail), f'{event["message"]}: {detail}')


LIFE = {'create': 'request', 'start': 'request', 'kill': 'request', 'die': 'request', 'stop': 'request',
        'destroy': 'request'}


@test
def docker_cli():
    ALICE.docker('run', '-d', '--name', 'sources-cli', '--network', 'none', '-v', '/anonymous', IMAGE, 'sleep', '600')
    equal(ALICE.docker('exec', 'sources-cli', 'echo', 'told').strip(), 'told', 'exec')
    with open(D + '/file', 'w') as file:
        file.write('x')
    ALICE.docker('cp', D + '/file', 'sources-cli:/tmp/file')
    ALICE.docker('cp', 'sources-cli:/etc/passwd', '-')
    ALICE.docker('stop', '-t', '0', 'sources-cli')
    ALICE.docker('rm', '-v', 'sources-cli')
    check('sources-cli', 'docker', {**LIFE, 'exec_create': 'request', 'exec_start': 'request',
                                    'exec_die': 'inherited', 'archive-path': 'request',
                                    'extract-to-dir': 'request', 'destroy': 'request'})
    ALICE.docker('run', '--rm', '--name', 'sources-rm', '--network', 'none', IMAGE, 'true')
    check('sources-rm', 'docker', {'create': 'request', 'attach': 'request', 'start': 'request',
                                   'die': 'inherited', 'destroy': 'inherited'})


@test
def docker_build():
    os.makedirs(D + '/build')
    with open(D + '/build/Dockerfile', 'w') as file:
        file.write(f'FROM {IMAGE}\nRUN echo told >/file\n')
    AGENT.settle_events()
    before = AGENT.seen[-1]['event']['sequence']
    ALICE.run('env', 'DOCKER_BUILDKIT=0', 'docker', '-H', URL, 'build', '--network', 'none', '-t', 'sources:1',
              D + '/build')
    ALICE.docker('rmi', 'sources:1')
    AGENT.settle_events()
    events = [e for e in AGENT.events() if e['event']['sequence'] > before
              and 'settle-' not in e['message']]
    true(len(events) >= 10, f'{len(events)} events')
    for event in events:
        true(cause(event, 'kind') in ('request', 'inherited'), event['message'])
        equal(acts_as(event), ALICE.uid, event['message'])


@test
def docker_compose():
    """Version 1, in Python; it makes and ends several at a time."""
    need('docker-compose')
    os.makedirs(D + '/compose')
    names = ['sources-compose-1', 'sources-compose-2']
    with open(D + '/compose/docker-compose.yml', 'w') as file:
        file.write('version: "2"\nservices:\n')
        for name in names:
            file.write(f'  {name}:\n    image: {IMAGE}\n    container_name: {name}\n    network_mode: none\n'
                       '    command: sleep 600\n    stop_grace_period: 0s\n')
    for arguments in (['up', '-d'], ['down']):
        ALICE.run('env', 'COMPOSE_API_VERSION=1.41', 'DOCKER_HOST=' + URL, 'docker-compose',
                  '--project-directory', D + '/compose', '-f', D + '/compose/docker-compose.yml', '-p', 'sources',
                  *arguments)
    for name in names:
        check(name, 'docker-compose', LIFE)


@test
def python_docker():
    script = D + '/client.py'
    with open(script, 'w') as file:
        file.write(f'''import docker
client = docker.DockerClient(base_url={URL!r}, version='1.41')
container = client.containers.run({IMAGE!r}, ['sleep', '600'], name='sources-python', network_mode='none',
                                  detach=True)
print(container.exec_run(['echo', 'told']).output.decode())
container.stop(timeout=0)
container.remove()
''')
    if subprocess.run(['/usr/bin/python3', '-c', 'import docker'], stderr=subprocess.DEVNULL,
                      check=False).returncode:
        raise Skip('python3-docker is not there')
    true('told' in ALICE.run('/usr/bin/python3', script), 'exec')
    check('sources-python', script, {**LIFE, 'exec_create': 'request', 'exec_start': 'request',
                                     'exec_die': 'inherited', 'destroy': 'request'})


@test
def curl():
    for method, target, body in (
            ('POST', '/containers/create?name=sources-curl', config()),
            ('POST', '/containers/sources-curl/start', None),
            ('POST', '/containers/sources-curl/stop?t=0', None),
            ('DELETE', '/containers/sources-curl', None)):
        call = ALICE.call(method, API + target, body)
        true(call[1] < 300, str(call))
    check('sources-curl', 'curl', LIFE)


@test
def dockerode():
    need('node')
    modules = NODE_MODULES or D
    if not NODE_MODULES:
        need('npm')
        done = subprocess.run(['npm', 'install', '--prefix', D, '--cache', D + '/npm', '--no-audit', '--no-fund',
                               '--ignore-scripts', '--fetch-retries', '0', 'dockerode@4'],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              timeout=PATIENCE * 6, check=False)
        if done.returncode:
            raise Skip('npm cannot get dockerode: ' + done.stderr.decode().strip()[-200:])
    script = D + '/client.js'
    with open(script, 'w') as file:
        file.write('''const Docker = require('dockerode');
(async () => {
	const docker = new Docker({socketPath: process.argv[2], version: 'v1.41'});
	const container = await docker.createContainer({Image: process.argv[3], name: 'sources-node',
		Cmd: ['sleep', '600'], HostConfig: {NetworkMode: 'none'}});
	await container.start();
	const exec = await container.exec({Cmd: ['echo', 'told'], AttachStdout: true});
	const stream = await exec.start({});
	await new Promise((resolve) => { stream.on('end', resolve); stream.resume(); });
	await container.stop({t: 0});
	await container.remove();
})().catch((error) => { console.error(error); process.exit(1); });
''')
    ALICE.run('env', f'NODE_PATH={modules}/node_modules', 'node', script, SOCKET, IMAGE)
    check('sources-node', script, {**LIFE, 'exec_create': 'request', 'exec_start': 'request',
                                   'exec_die': 'inherited', 'destroy': 'request'})


@test
def nothing_is_unknown():
    """Of all that these clients asked, and the engine told."""
    AGENT.settle_events()

    def clients(record):
        return acts_as(record) == ALICE.uid or field(record, 'callerd.cause.kind') == 'unknown'

    requests, events = ([r for r in AGENT.records(event__action=action) if clients(r)]
                        for action in ('api-request', 'docker-event'))
    true(len(requests) > 40 and len(events) > 50, f'{len(requests)} requests, {len(events)} events')
    equal(engines.wrong_requests(requests) + engines.wrong_events(events, ALICE.uid), [], 'records')


# --- Podman -----------------------------------------------------------------------------------------


@test
def podman_remote():
    """Podman tells less: no id of an exec, no stop; what it tells is right. Its remove is a destroy."""
    with Podman() as podman, Callerd('--inventory', '65536', sockets=[podman.path]) as agent:
        try:
            podman.remote('run', '--network', 'none', '--name', 'sources-first', podman.image, 'true')
        except AssertionError as why:
            raise Skip(f'podman runs nothing here: {why!s:.300}') from None
        podman.remote('rm', '-f', 'sources-first')
        podman.remote('run', '-d', '--network', 'none', '--name', 'sources-podman', podman.image, 'sleep', '600')
        podman.remote('exec', 'sources-podman', 'true')
        podman.remote('kill', 'sources-podman')
        agent.event('container/die', name='sources-podman')
        podman.remote('start', 'sources-podman')
        podman.remote('rename', 'sources-podman', 'sources-renamed')
        podman.remote('rm', '-f', '-t', '0', 'sources-renamed')
        check('sources-podman', 'podman', {'create': 'request', 'init': 'request', 'start': 'request',
                                           'kill': 'request', 'die': 'request'}, agent)
        check('sources-renamed', 'podman', {'rename': 'request', 'destroy': 'request'}, agent)
        equal({field(e, 'callerd.api.engine') for e in agent.events()}, {'podman'}, 'engine')
        wrong = [e['message'] for e in agent.events() if acts_as(e) not in (ALICE.uid, None)]
        equal(wrong, [], 'somebody else')
        # What goes by itself, and Docker's client.
        podman.remote('run', '--rm', '--network', 'none', '--name', 'sources-gone', podman.image, 'sleep', '0.3')
        check('sources-gone', 'podman', {'create': 'request', 'start': 'request', 'die': 'inherited',
                                         'destroy': 'inherited'}, agent)
        ALICE.docker('run', '--network', 'none', '--name', 'sources-both', IMAGE, 'true', path=podman.path)
        check('sources-both', 'docker', {'create': 'request', 'start': 'request', 'die': 'inherited'}, agent)
        # An event that nobody asked for where callerd looks.
        subprocess.run([*podman.local, 'rm', '-f', 'sources-both'], env=podman.environment, check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        event, = agent.event('container/destroy', name='sources-both')
        true('user' not in event and 'process' not in event, event['message'])
        agent.stop()


def main_with_agent():
    global AGENT
    shutil.rmtree(D, ignore_errors=True)
    os.mkdir(D, 0o755)
    with Callerd() as AGENT:
        main()


main_with_agent()
