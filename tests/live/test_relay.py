# SPDX-License-Identifier: Apache-2.0
"""Who is behind a relay before the engine's socket: real ones, with many clients at once, and pretenders."""
import contextlib
import shutil
import tempfile

import engines
from doors import elsewhere, free_port
from live import *

ALICE, BOB = User(MEMBER), User(OUTSIDER)
HOME = f'{DIR}/relay'
WHO = 'callerd.relayed_for'
PROXYD = '/lib/systemd/systemd-socket-proxyd'
HAPROXY = """
defaults
  mode {mode}
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend relay
  bind unix@{listen} mode 666
  default_backend engine
backend engine
  server engine unix@{engine}
"""


class Relay:
    """COMMAND, which listens at .path; {listen} and {engine} in it are sockets."""

    def __init__(self, name, *command, engine=SOCKET):
        os.makedirs(HOME, exist_ok=True)
        os.chmod(HOME, 0o755)
        self.path = f'{HOME}/{name}'
        self.command = [one.format(listen=self.path, engine=engine) for one in command]
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        while True:
            try:
                os.stat(self.path)
                os.chmod(self.path, 0o666)
                return self
            except FileNotFoundError:
                true(self.process.poll() is None and time.monotonic() < end, f'{self.command} listens')
                time.sleep(0.02)

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.wait(PATIENCE)
        if os.path.exists(self.path):
            os.unlink(self.path)


class Port(Relay):
    """One that listens on TCP; {port} in its COMMAND is where, at each address."""

    def __init__(self, *command, inside=()):
        self.port, self.inside = free_port(), inside
        super().__init__(f'{self.port}.cfg', *inside, *(one.replace('{port}', str(self.port)) for one in command))
        self.path, self.program = f'tcp://0.0.0.0:{self.port}', command[0]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL)
        look = 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])))'
        end = time.monotonic() + PATIENCE
        while subprocess.run([*self.inside, sys.executable, '-c', look, str(self.port)], stderr=subprocess.DEVNULL).returncode:
            true(self.process.poll() is None and time.monotonic() < end, f'{self.command} listens')
        return self

    def target(self, mark, host='127.0.0.1'):
        return f'http://{host}:{self.port}/_ping?{mark}'


def socat(name='socat', **options):
    return Relay(name, 'socat', 'UNIX-LISTEN:{listen},fork,mode=666', 'UNIX-CONNECT:{engine}', **options)


def haproxy(name='haproxy', mode='http', options=()):
    relay = Relay(name, 'haproxy', '-q', '-db', *options, '-f', f'{HOME}/{name}.cfg')
    with open(f'{HOME}/{name}.cfg', 'w') as file:
        file.write(HAPROXY.format(mode=mode, listen=relay.path, engine=SOCKET))
    return relay


# What systemd does for a service of its own, in the process that becomes it.
ACTIVATED = '''
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
'''


def proxyd():
    return Relay('proxyd', sys.executable, '-c', ACTIVATED.replace('{', '{{').replace('}', '}}'), '{listen}', PROXYD, '{engine}')


def watch(*relays):
    return Callerd(*(option for relay in relays for option in ('--relay', relay.path)))


def call(relay, mark):
    return (f'{CLIENTS}one_shot', relay.path, '--target', f'/_ping?{mark}')


def of_call(agent, mark):
    """The record of what the engine was asked by a call that was marked so."""
    return agent.wait(event__action='api-request', url__original=f'/_ping?{mark}')[0]


def named(record, who, certainty='certain', basis='request'):
    told = field(record, WHO)
    true(told, f'nobody is behind {record["message"]}')
    equal([told['certainty'], told['basis'], told['user']['id']], [certainty, basis, str(who.uid)], 'behind the relay')
    return told


def each_relay():
    return socat(), haproxy(), haproxy('haproxy-tcp', 'tcp')


def own(how, name=None, **options):
    return Relay(name or how.split()[0], sys.executable, f'{ROOT}/tests/clients/relay.py', how, '{listen}', '{engine}', **options)


SERVES = {'certainty': 'unknown', 'basis': 'listens'}


def unnamed(record):
    """Nobody is named; that somebody may be is known once the relay was looked at."""
    true(field(record, WHO) in (None, SERVES), f'nobody is behind {record["message"]}: {field(record, WHO)}')


@test
def each_is_named():
    """By relays that fork for each client, that share connections to the engine, and that only pass on bytes."""
    for relay in *each_relay(), haproxy('haproxy-workers', options=['-W']):
        with relay, watch(relay) as agent:
            for who in ALICE, BOB:
                who.run(*call(relay, f'one-{who.uid}'))
                record = of_call(agent, f'one-{who.uid}')
                told = named(record, who)
                equal(told['process']['name'], 'one_shot', 'the process')
                true(told['process']['command_line'].endswith(f"'/_ping?one-{who.uid}'"), f'its arguments: {told}')
                equal(acts_as(record), '0', 'the caller is the relay')
                equal(record['process']['executable'], os.path.realpath(shutil.which(relay.command[0])), 'the relay')
                true(record['message'].startswith(f'{who.name} (via {record["process"]["name"]}) | '), record['message'])
                true(who.name in record['related']['user'], f'for who searches by him: {record["related"]}')
            equal(agent.records(event__action='socket-connected', callerd__socket=relay.path), [], 'what is said to the relay is told once')
            for who, other in (ALICE, BOB), (BOB, ALICE):
                lines = run(ROOT + '/build/callerctl', 'what', who.name, '--all', '--width', '200', '--read', agent.log)
                true(f'{who.name} (via ' in lines and f'{other.name} (via ' not in lines, f'what {who.name} asked for: {lines}')


@test
def many_at_once():
    """Each request is its client's, whichever way it went."""
    count = scaled(10, 4, 40)
    for relay in each_relay():
        with relay, watch(relay) as agent:
            clients = [(one, ALICE if one % 2 else BOB) for one in range(count)]
            running = [subprocess.Popen(who.command(*call(relay, f'many-{one}')), stdout=subprocess.DEVNULL) for one, who in clients]
            for one in running:
                equal(one.wait(PATIENCE), 0, 'a client')
            for one, who in clients:
                told = named(of_call(agent, f'many-{one}'), who)
                true(f'many-{one}' in told['process']['command_line'], f'which process: {told}')


@test
def equal_ones_at_once():
    """Of equal requests that lie with the relay at the same time nobody can say which is whose."""
    with own('hold 4') as relay, watch(relay) as agent:
        running = [subprocess.Popen(who.command(*call(relay, 'same')), stdout=subprocess.DEVNULL) for who in (ALICE, BOB, ALICE, BOB)]
        for one in running:
            equal(one.wait(PATIENCE), 0, 'a client')
        for record in agent.wait(4, event__action='api-request', url__original='/_ping?same'):
            equal(field(record, WHO), {'certainty': 'unknown', 'basis': 'request', 'askers': 4}, 'of one of four')
            true('(via' not in record['message'], record['message'])
    with own('hold 3') as relay, watch(relay) as agent:
        running = [subprocess.Popen(BOB.command(*call(relay, 'his')), stdout=subprocess.DEVNULL) for _ in range(3)]
        for one in running:
            equal(one.wait(PATIENCE), 0, 'a client')
        for record in agent.wait(3, event__action='api-request', url__original='/_ping?his'):
            told = named(record, BOB)
            equal([told['askers'], 'process' in told], [3, False], 'his, but of which process')


@test
def a_body_is_compared():
    body = {'Name': 'relay-theirs', 'Labels': {'a': 'b'}}
    with haproxy() as relay, watch(relay) as agent:
        target, status, _ = BOB.call('POST', '/volumes/create', body, path=relay.path)
        equal(status, 201, 'the relay lets it through')
        named(agent.wait(event__action='api-request', url__original=target)[0], BOB)
    with own('body') as relay, watch(relay) as agent:
        target, status, _ = BOB.call('POST', '/volumes/create', body, path=relay.path)
        equal(status, 201, 'the relay lets it through')
        unnamed(agent.wait(event__action='api-request', url__original=target)[0])
    docker('volume', 'rm', '-f', 'relay-theirs', 'relay-its-ow', check=False)


@test
def what_is_not_copied_is_likely():
    """A body of which not all is copied is compared by the head of its request."""
    target = '/volumes/create?mark=large'
    with haproxy() as relay, Callerd('--relay', relay.path, '--request-budget', '65536') as agent:
        with open(f'{HOME}/large', 'w') as file:
            json.dump({'Name': 'relay-large', 'Labels': {'a': 'b' * 300000}}, file)
        BOB.run('curl', '-s', '--unix-socket', relay.path, '-H', 'Content-Type: application/json', '-d', f'@{file.name}', 'http://docker' + target)
        record = agent.wait(event__action='api-request', url__original=target)[0]
        named(record, BOB, 'likely', 'head')
        true(record['message'].startswith(f'likely {BOB.name} (via haproxy) | '), record['message'])
    docker('volume', 'rm', '-f', 'relay-large', check=False)


@test
def the_client_itself():
    """docker, with streams, through a relay."""
    with haproxy(mode='tcp') as relay, watch(relay) as agent:
        out = BOB.docker('run', '--rm', '--network', 'none', '--name', f'relay-{os.getpid()}', IMAGE, 'echo', 'said', path=relay.path)
        equal(out, 'said\n', 'it works')
        agent.wait(event__action='api-request', callerd__api__operation='ContainerStart')
        seen = [record for record in agent.wait(4, event__action='api-request', process__name='haproxy')]
        for record in seen:
            equal(named(record, BOB)['process']['name'], 'docker', 'the process')
        for action in 'create', 'start', 'die', 'destroy':
            event = agent.wait(event__action='docker-event', that=lambda r, action=action: field(r, 'callerd.docker_event.type') == 'container'
                               and field(r, 'callerd.docker_event.action') == action)[0]
            equal(named(event, BOB)['process']['name'], 'docker', f'of {action}')
            true(event['message'].startswith(f'{BOB.name} (via haproxy) | '), event['message'])
    with haproxy(mode='tcp') as relay, watch(relay) as agent:
        name = f'relay-stopped-{os.getpid()}'
        docker('run', '-d', '--init', '--network', 'none', '--name', name, IMAGE, 'sleep', '1000')
        try:
            BOB.docker('stop', name, path=relay.path)
            for action in 'kill', 'die', 'stop':  # they come before the answer
                event = agent.wait(event__action='docker-event', that=lambda r, action=action: field(r, 'callerd.docker_event.action') == action
                                   and field(r, 'callerd.docker_event.name') == name)[0]
                named(event, BOB)
        finally:
            docker('rm', '-f', name)


@test
def a_build():
    """By BuildKit: calls of gRPC within connections that are upgraded, in both directions."""
    context = tempfile.mkdtemp(prefix='context.', dir=DIR)
    os.chmod(context, 0o755)
    config = tempfile.mkdtemp(prefix='config.', dir=DIR)
    os.chmod(config, 0o777)
    with open(f'{context}/Dockerfile', 'w') as file:
        file.write(f'FROM {IMAGE}\nCOPY . /context\n')
    buildx = engines.fetch('docker', 'forky') + '/usr/libexec/docker/cli-plugins/docker-buildx'
    for relay in socat(), haproxy():
        with relay, watch(relay) as agent:
            BOB.run(buildx, 'build', '--no-cache', '--network', 'none', context,
                    env={**os.environ, 'DOCKER_HOST': f'unix://{relay.path}', 'DOCKER_CONFIG': config})
            agent.wait(event__action='api-request', callerd__api__operation='SessionFilesRead')
            agent.settle()
            records = [one for one in agent.records(event__action='api-request') if one['process']['name'] == os.path.basename(relay.command[0])]
            true(len(records) > 8, f'{len(records)} calls')
            for record in records:
                told = field(record, WHO) or {}
                equal([told.get('certainty') in ('certain', 'likely'), field(told, 'user.id')], [True, BOB.uid], f'{told} of {record["message"]}')
            kinds = {field(one, WHO)['basis'] for one in records}
            true('connection' in kinds and 'request' in kinds, f'by {kinds}')


@test
def pretenders():
    """Whom a relay, or somebody beside it, would like to have named."""
    with own('other') as relay, watch(relay) as agent:
        BOB.run(*call(relay, 'mine'))
        unnamed(of_call(agent, 'other-mine'))
    with own('twice') as relay, watch(relay) as agent:
        BOB.run(*call(relay, 'once'))
        records = agent.wait(2, event__action='api-request', url__original='/_ping?once')
        named(records[0], BOB)
        unnamed(records[1])
    with own('hold 2') as relay, watch(relay) as agent:
        held = subprocess.Popen(BOB.command(*call(relay, 'held')), stdout=subprocess.DEVNULL)
        agent.settle()
        ALICE.run(f'{CLIENTS}one_shot', SOCKET, '--target', '/_ping?held')
        record = of_call(agent, 'held')
        unnamed(record)
        equal(record['user']['id'], ALICE.uid, 'who asks the engine herself, for what somebody asked a relay')
        ALICE.run(*call(relay, 'let-go'))
        held.wait(PATIENCE)
        named(agent.wait(2, event__action='api-request', url__original='/_ping?held')[1], BOB)


SEND = '''
import socket, sys
client = socket.socket(fileno=int(sys.argv[1]))
client.setblocking(True)
client.sendall(f'GET /_ping?{sys.argv[2]} HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'.encode())
client.recv(4096)
'''


@test
def in_each_format():
    """By the definitions of the formats, and who asked is found where they have a place for him."""
    logs = {form: f'{DIR}/relay.{form}' for form in ('ocsf', 'cef', 'rfc5424')}
    with socat() as relay:
        options = [option for form, log in logs.items() for option in ('--output', f'file:{log},format={form},chain=no')]
        with Callerd('--relay', relay.path, *options) as agent:
            BOB.run(*call(relay, 'certain'))
            named(of_call(agent, 'certain'), BOB)
            time.sleep(1)  # what serves others is looked at then
            for one in range(2):
                ALICE.run('curl', '-s', '-o', '/dev/null', '--unix-socket', relay.path, '-A', f'other-{one}', f'http://x/_ping?certain-{one}')
                of_call(agent, f'certain-{one}')
    for form, log in logs.items():
        with open(log, 'rb') as file:
            lines = file.read()
        checked = subprocess.run([sys.executable, '-B', f'{ROOT}/tests/schema/check', form], input=lines, stdout=subprocess.PIPE, check=False)
        equal([checked.returncode, checked.stdout.decode()], [0, ''], f'as {form} has it')
        line, = [one for one in lines.splitlines() if b'/_ping?certain ' in one or b'"/_ping?certain"' in one]
        if form == 'ocsf':
            actor = json.loads(line)['actor']
            equal([actor['user'], actor['process']['user']['uid']], [{'uid': BOB.uid, 'name': BOB.name}, '0'], 'who, and by whom')
        elif form == 'cef':
            for part in (f'callerdRelayedFor={BOB.name}', f'callerdRelayedUid={BOB.uid}', 'callerdRelayedCertainty=certain', 'suid=0'):
                true(part.encode() in line, f'{part}: {line}')
        else:
            for part in (f'relayedUid="{BOB.uid}"', f'relayedFor="{BOB.name}"', 'relayedCertainty="certain"', ' uid="0"'):
                true(part.encode() in line, f'{part}: {line}')


@test
def who_sends_counts():
    """A connection to the relay that somebody else made, and hands on: each request is of who sends it."""
    with haproxy() as relay, watch(relay) as agent, connect(relay.path) as client:
        for who in BOB, ALICE:
            subprocess.run(who.command(sys.executable, '-c', SEND, str(client.fileno()), f'handed-{who.uid}'),
                           pass_fds=[client.fileno()], check=True, timeout=PATIENCE)
            told = named(of_call(agent, f'handed-{who.uid}'), who)
            true(told['process']['name'].startswith('python'), told)


@test
def from_a_container():
    """Whoever has the relay's socket in a container is told with it."""
    with haproxy() as relay, watch(relay) as agent:
        container = docker('create', '--network', 'none', '-v', f'{relay.path}:/s', IMAGE, 'unixhttp', '/s', 'GET', '/_ping?inside').strip()
        try:
            docker('start', '-a', container)
            record = of_call(agent, 'inside')
            told = field(record, WHO)
            equal([told['certainty'], told['container']['id'], told['process']['name']], ['certain', container, 'unixhttp'], told)
            true('container' not in record, 'the relay is in none')
        finally:
            docker('rm', '-f', container)


@test
def another_relay():
    """What lies with one relay is not what another one asks."""
    with own('hold 2', 'first') as first, own('pass', 'second') as second, watch(first, second) as agent:
        held = subprocess.Popen(BOB.command(*call(first, 'both')), stdout=subprocess.DEVNULL)
        agent.settle()
        ALICE.run(*call(second, 'both'))
        named(of_call(agent, 'both'), ALICE)
        ALICE.run(*call(first, 'go'))
        equal(held.wait(PATIENCE), 0, 'the client')
        named(agent.wait(2, event__action='api-request', url__original='/_ping?both')[1], BOB)


@test
def one_that_splices():
    """What a relay moves by splice() nobody sees it read: it passes on what it was never asked, and nobody is named."""
    with proxyd() as relay, watch(relay) as agent:
        BOB.run(*call(relay, 'spliced'))
        unnamed(of_call(agent, 'spliced'))


@test
def older_than_callerd():
    """Who connected to the relay before callerd was there, and to which process, is not known: nobody is named."""
    with own('pass') as relay, connect(relay.path) as client, watch(relay) as agent:
        client.sendall(b'GET /_ping?older HTTP/1.1\r\nHost: x\r\n\r\n')
        unnamed(of_call(agent, 'older'))


def until_told(agent, mark, ask, nothing=(None,)):
    """Asks until the record says more than NOTHING of whom it is, at most for a while."""
    end = time.monotonic() + PATIENCE
    number = 0
    while True:
        number += 1
        ask(f'{mark}-{number}')
        record = of_call(agent, f'{mark}-{number}')
        if field(record, WHO) not in nothing or time.monotonic() > end:
            return record
        time.sleep(0.2)


def until_named(agent, mark, ask):
    """The relay is known from its first call of the engine on: asks until somebody is named."""
    record = until_told(agent, mark, ask, (None, SERVES))
    true(field(record, WHO) not in (None, SERVES), f'nobody named: {record["message"]}')
    return record


def curl(relay, who, host='127.0.0.1'):
    return lambda mark: who.run('curl', '-s', '-o', '/dev/null', relay.target(mark, host))


def port_relays(**options):
    return Port('socat', 'TCP-LISTEN:{port},fork,reuseaddr', 'UNIX-CONNECT:{engine}', **options), haproxy_port()


def haproxy_port():
    relay = Port('haproxy', '-q', '-db', '-f', f'{HOME}/port.cfg')
    with open(f'{HOME}/port.cfg', 'w') as file:
        file.write(HAPROXY.format(mode='http', listen='', engine=SOCKET).replace('unix@ mode 666', f'0.0.0.0:{relay.port}'))
    return relay


@test
def over_tcp():
    """Processes of this host by the process, and others by their address."""
    for relay in port_relays():
        with watch(relay) as agent:
            with relay:
                record = until_named(agent, 'tcp', curl(relay, BOB))
                told = named(record, BOB, 'likely')
                equal([told['process']['name'], told['source']['ip']], ['curl', '127.0.0.1'], 'which process, from where')
                true('127.0.0.1' in record['related']['ip'], record['related'])
                count = scaled(10, 4)
                running = [subprocess.Popen((ALICE if one % 2 else BOB).command('curl', '-s', '-o', '/dev/null', relay.target(f'at-once-{one}')))
                           for one in range(count)]
                for one in running:
                    equal(one.wait(PATIENCE), 0, 'a client')
                for one in range(count):
                    told = named(of_call(agent, f'at-once-{one}'), ALICE if one % 2 else BOB, 'likely')
                    true(f'at-once-{one}' in told['process']['command_line'], told)
            with relay: # another process, that listens anew
                named(until_named(agent, 'again', curl(relay, ALICE)), ALICE, 'likely')


# As Tecnativa's docker-socket-proxy runs it: a master and its worker, rules by path and method, a connection to the engine for each request.
SOCKET_PROXY = """
global
  maxconn 4000
defaults
  mode http
  option http-server-close
  option redispatch
  retries 3
  timeout http-request 10s
  timeout connect 10s
  timeout client 10m
  timeout server 10m
  timeout http-keep-alive 10s
backend dockerbackend
  server dockersocket $SOCKET_PATH
backend docker-events
  server dockersocket $SOCKET_PATH
  timeout server 0
frontend dockerfrontend
  bind {address}
  http-request deny unless METH_GET || {{ env(POST) -m bool }}
  http-request allow if {{ path,url_dec -m reg -i ^(/v[\\d\\.]+)?/_ping }} {{ env(PING) -m bool }}
  http-request allow if {{ path,url_dec -m reg -i ^(/v[\\d\\.]+)?/volumes }} {{ env(VOLUMES) -m bool }}
  http-request allow if {{ path,url_dec -m reg -i ^(/v[\\d\\.]+)?/events }} {{ env(EVENTS) -m bool }}
  http-request deny
  default_backend dockerbackend
  use_backend docker-events if {{ path,url_dec -m reg -i ^(/v[\\d\\.]+)?/events }}
"""


@test
def a_docker_socket_proxy():
    """Whoever asks it is known; what its rules do not let through no engine is asked."""
    relay = Port('env', f'SOCKET_PATH={SOCKET}', 'PING=1', 'POST=0', 'VOLUMES=1', 'EVENTS=1', 'haproxy', '-q', '-W', '-db', '-f', f'{HOME}/proxy.cfg')
    with open(f'{HOME}/proxy.cfg', 'w') as file:
        file.write(SOCKET_PROXY.format(address=f'0.0.0.0:{relay.port}'))
    with relay, watch(relay) as agent:
        named(until_named(agent, 'proxied', curl(relay, BOB)), BOB, 'likely')
        for who, mark in (ALICE, 'hers'), (BOB, 'his'):
            who.run('curl', '-s', '-o', '/dev/null', f'http://127.0.0.1:{relay.port}/v1.41/volumes?{mark}')
            record = agent.wait(event__action='api-request', url__original=f'/v1.41/volumes?{mark}')[0]
            named(record, who, 'likely')
            who.run('curl', '-s', '-o', '/dev/null', '-X', 'POST', f'http://127.0.0.1:{relay.port}/v1.41/volumes/create?{mark}')
        stream = subprocess.Popen(BOB.command('curl', '-sN', '-o', '/dev/null', f'http://127.0.0.1:{relay.port}/events?bob'))
        try:
            named(agent.wait(event__action='api-request', url__original='/events?bob')[0], BOB, 'likely')
        finally:
            stream.terminate()
            stream.wait(PATIENCE)
        equal(agent.records(that=lambda r: '/volumes/create' in field(r, 'url.original', '')), [], 'what was refused')


@test
def from_elsewhere():
    """A client of another network namespace has its address, and so has one of a relay in a namespace of its own."""
    with elsewhere('cdrelay', 77) as (here, there):
        inside = ('ip', 'netns', 'exec', 'cdrelay')
        out = Port('socat', 'TCP-LISTEN:{port},fork,reuseaddr', 'UNIX-CONNECT:{engine}')
        contained = Port('socat', 'TCP-LISTEN:{port},fork,reuseaddr', 'UNIX-CONNECT:{engine}', inside=inside)
        with out, contained, watch(out, contained) as agent:
            for mark, source, ask in (
                    ('far', there, lambda mark: run(*inside, 'curl', '-s', '-o', '/dev/null', out.target(mark, here))),
                    ('in', here, curl(contained, BOB, there))):
                record = until_named(agent, mark, ask)
                told = field(record, WHO)
                equal([told['certainty'], told['source']['ip'], 'user' in told, 'process' in told], ['certain', source, False, False], mark)
                true(record['message'].startswith(f'{source} (via socat) | '), record['message'])


@test
def no_relay_of_others():
    """A port that the configuration names, where somebody else listens than root: who calls by it is not told, by nobody's word."""
    relay = Port('socat', 'TCP-LISTEN:{port},fork,reuseaddr', 'UNIX-CONNECT:{engine}')
    relay.command = ALICE.command(*relay.command)
    with relay, watch(relay) as agent:
        time.sleep(1.1)  # a process that young is not looked at in any case
        for one in range(3):
            curl(relay, BOB)(f'hers-{one}')
            unnamed(of_call(agent, f'hers-{one}'))


@test
def whom_nobody_named():
    """A caller that listens, or whose parent does, may have been asked by others; and its message is as it was."""
    port = Port('socat', 'TCP-LISTEN:{port},fork,reuseaddr', 'UNIX-CONNECT:{engine}')
    relays = *each_relay(), proxyd(), own('pass'), port
    with contextlib.ExitStack() as stack:
        for relay in relays:
            stack.enter_context(relay)
        agent = stack.enter_context(Callerd())
        for number, relay in enumerate(relays):
            ask = curl(relay, BOB) if relay is port else lambda mark, relay=relay: BOB.run(*call(relay, mark))
            record = until_told(agent, f'served-{number}', ask)
            equal(field(record, WHO), SERVES, relay.command)
            true(record['message'].startswith('root'), record['message'])
        equal(agent.records(event__action='finding'), [], 'it is no finding')


# What inetd does: a process for each connection, which is its standard input.
INETD = '''
import socket, subprocess, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
client, _ = listener.accept()
listener.close()
subprocess.run(['sh', '-c', 'sleep 1.1; exec socat - UNIX-CONNECT:' + sys.argv[2]], stdin=client, stdout=client)
'''


@test
def begun_for_a_connection():
    """Nor does one act for itself that has the connection of another one, and does not listen. A process that young is no server."""
    relay = Relay('inetd', sys.executable, '-c', INETD, '{listen}', '{engine}')
    with relay, Callerd() as agent, connect(relay.path) as client:
        for one in range(2):
            client.sendall(f'GET /_ping?inetd-{one} HTTP/1.1\r\nHost: x\r\n\r\n'.encode())
            client.recv(4096)
            record = of_call(agent, f'inetd-{one}')
        equal(field(record, WHO), {'certainty': 'unknown', 'basis': 'accepted'}, record['message'])


CLIENT = '''
import socket, sys, time
time.sleep(1.1)
for one in range(3):
    with socket.socket(socket.AF_UNIX) as engine:
        engine.connect(sys.argv[1])
        engine.sendall(f'GET /_ping?itself-{one} HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'.encode())
        engine.recv(4096)
    time.sleep(0.2)
'''


@test
def clients_serve_nobody():
    """What calls for itself is told to do so, also where it lives long."""
    with Callerd() as agent:
        name = f'relay-{os.getpid()}'
        BOB.run(sys.executable, '-c', CLIENT, SOCKET)
        BOB.docker('run', '--rm', '--network', 'none', '--name', name, IMAGE, 'sleep', '1.2')
        BOB.docker('ps')
        with open(f'{DIR}/compose.yml', 'w') as file:
            file.write(f'version: "3"\nservices: {{one: {{image: {IMAGE}}}}}\n')
        BOB.run('docker-compose', '-f', file.name, '-p', 'relay', 'ps', env={**os.environ, 'DOCKER_HOST': f'unix://{SOCKET}'})
        agent.wait(2, event__action='api-request', callerd__api__operation='ContainerList')
        records = agent.records(event__action='api-request')
        true(len([one for one in records if 'itself-' in one['url']['original']]) == 3, 'the client that lives long')
        equal([one for one in records if field(one, WHO)], [], 'nobody is behind')


main()
