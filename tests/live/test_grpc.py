# SPDX-License-Identifier: Apache-2.0
"""gRPC: on /grpc, which speaks HTTP/2 after `Upgrade: h2c`, on /session, where the daemon asks, and by prior knowledge."""
import hashlib
import mmap
import struct

import h2.exceptions
import h2.settings

import engines
from grpc import *
from live import *

AGENT = None


def calls(mark=None, count=1, agent=None, **more):
    """The records of COUNT calls whose service or method has MARK."""
    return (agent or AGENT).wait(count, lambda r: (mark or '') in field(r, 'url.original', '') and field(r, 'callerd.grpc'),
                                 event__action='api-request', **more)


class Engine:
    """A server of the test's own, which answers each call with OK."""

    def __init__(self, path, streams=100):
        self.streams = streams
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            threading.Thread(target=self.talk, args=(self.listener.accept()[0],), daemon=True).start()

    def talk(self, client):
        data = client.recv(65536)
        if data.startswith(b'POST '):
            client.sendall(b'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n')
            data = b''
        state = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=False, validate_inbound_headers=False, validate_outbound_headers=False))
        state.local_settings = h2.settings.Settings(client=False, initial_values={
            h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: self.streams})
        state.initiate_connection()
        while True:
            client.sendall(state.data_to_send())
            for event in state.receive_data(data):
                if isinstance(event, h2.events.DataReceived):
                    state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                if isinstance(event, h2.events.StreamEnded):
                    state.send_headers(event.stream_id, [(':status', '200'), ('content-type', 'application/grpc')])
                    state.send_headers(event.stream_id, [('grpc-status', '0')], end_stream=True)
            client.sendall(state.data_to_send())
            data = client.recv(65536)
            if not data:
                return


@test
def each_call_has_a_record():
    with Upgraded(SOCKET) as client:
        equal(client.call(CONTROL + 'ListWorkers')[0], '0', 'ListWorkers')
        equal(client.call(CONTROL + 'DiskUsage', message((1, 'id==none')))[0], '0', 'DiskUsage')
        equal(client.call(CONTROL + 'Solve', message((1, 'no-such-frontend'), (6, 'none.v0')))[0], '2', 'Solve')
        equal(client.call(CONTROL + 'Nonsense')[0], '12', 'Nonsense')
        equal(client.call('/no.such.Service/Call')[0], '12', 'no such service')
    record = calls('ListWorkers', process__pid=os.getpid())[0]
    for name, wanted in {'callerd.api.operation': 'BuildListWorkers', 'callerd.grpc.service': 'moby.buildkit.v1.Control',
                         'callerd.grpc.method': 'ListWorkers', 'callerd.grpc.status': 'OK', 'callerd.grpc.by_engine': None,
                         'event.outcome': 'success', 'http.version': '2', 'http.response.status_code': 200,
                         'http.request.body.bytes': 5, 'callerd.findings': None, 'callerd.capture.complete': True,
                         'callerd.capture.anomalies': None}.items():
        equal(field(record, name), wanted, name)
    true(field(record, 'http.response.body.bytes') > 5 and field(record, 'event.duration') > 0, record['message'])
    equal(field(calls('DiskUsage')[0], 'http.request.body.bytes'), 5 + 2 + len('id==none'), 'size')
    for mark, status in (('Control/Solve', 'UNKNOWN'), ('Nonsense', 'UNIMPLEMENTED'), ('such.Service', 'UNIMPLEMENTED')):
        record = calls(mark)[0]
        equal((field(record, 'callerd.grpc.status'), field(record, 'event.outcome')), (status, 'failure'), mark)
        # The engine does not have them.
        equal(field(record, 'callerd.findings'), None, record['message'])
    record, = AGENT.wait(url__original='/grpc', event__action='api-request', process__pid=os.getpid())[:1]
    equal((field(record, 'http.response.status_code'), field(record, 'callerd.findings')), (101, None), record['message'])
    AGENT.wait(url__original='/grpc', event__action='api-request-ended', process__pid=os.getpid())


@test
def what_goes_on():
    """A call that streams has a record before its end, and one of its end, which has the outcome."""
    with Upgraded(SOCKET) as client:
        stream = client.begin(CONTROL + 'Session', ('x-docker-expose-session-uuid', 'goes-on'), data=b'', end=False)
        record = calls('Control/Session')[0]
        equal((field(record, 'callerd.api.operation'), field(record, 'event.outcome'), field(record, 'callerd.grpc.status')),
              ('BuildSession', 'unknown', None), record['message'])
        client.state.end_stream(stream)
        client.flush()
        client.outcome(stream)
        record = AGENT.wait(http__request__id=field(record, 'http.request.id'), event__action='api-request-ended')[0]
        true(field(record, 'callerd.grpc.status'), record['message'])
    with Upgraded(SOCKET) as client:
        stream = client.begin(CONTROL + 'Status', data=message((1, 'no-such-build')))
        first = engines.here('silent call')
        record = AGENT.wait(that=lambda r: 'Control/Status' in field(r, 'url.original', ''), event__action=first)[0]
        client.state.reset_stream(stream)
        client.flush()
        last = 'api-request' if first == 'api-request-started' else 'api-request-ended'
        record = AGENT.wait(http__request__id=field(record, 'http.request.id'), event__action=last)[0]
        equal(field(record, 'event.outcome'), 'unknown', record['message'])


@test
def sender_of_each_call():
    with Upgraded(SOCKET) as client:
        client.call(CONTROL + 'ListWorkers', b'', ('x-mark', 'parent'))
        child = os.fork()
        if not child:
            client.begin(CONTROL + 'DiskUsage', data=message((1, 'id==child')))
            os._exit(0)
        os.waitpid(child, 0)
        record = calls('DiskUsage', process__pid=child)[0]
    equal(field(record, 'callerd.connector.pid'), os.getpid(), record['message'])


@test
def not_grpc_there():
    """What is no gRPC is refused there; its record says so."""
    with Upgraded(SOCKET) as client:
        client.outcome(client.begin('/v1.41/containers/create?not=grpc', content='application/json', data=b'{}'))
    record = AGENT.wait(url__original='/v1.41/containers/create?not=grpc')[0]
    true(field(record, 'http.response.status_code') in (415, 500) and not field(record, 'callerd.grpc'), record['message'])


@test
def read_ahead():
    """What comes with the upgrade's request the daemon drops: only what follows its answer counts."""
    with Upgraded(SOCKET, ahead=b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + bytes(9)) as client:
        equal(client.call(CONTROL + 'ListWorkers?read=ahead')[0], '0', 'call')
    equal(field(calls('read=ahead')[0], 'callerd.grpc.status'), 'OK', 'status')
    AGENT.wait(that=lambda r: field(r, 'callerd.capture.anomalies') and any(
        f['id'] == 'protocol-anomaly' for f in field(r, 'callerd.findings', [])), url__original='/grpc',
        event__action='api-request')


@test
def encoded_path():
    """The daemon decodes the path of a call."""
    with Upgraded(SOCKET) as client:
        equal(client.call('/moby.buildkit.v1.Control/%4cistWorkers')[0], '0', 'call')
    equal(field(calls('%4cist')[0], 'callerd.api.operation'), 'BuildListWorkers', 'operation')


def session(name, headers='', ahead=b'', **more):
    return Upgraded(SOCKET, '/session', f'X-Docker-Expose-Session-Uuid: {name}\r\nX-Docker-Expose-Session-Name: x\r\n'
                    f'X-Docker-Expose-Session-Grpc-Method: /moby.filesync.v1.FileSync/DiffCopy\r\n{headers}', ahead, **more)


def build(name, **attributes):
    """A call of Solve that has the daemon ask the session NAME for its Dockerfile; it fails."""
    with Upgraded(SOCKET) as client:
        return client.call(CONTROL + 'Solve', message((1, 'ref-' + name), (5, name), (6, 'dockerfile.v0'),
                                                      *mapping(7, attributes)))


@test
def the_daemon_asks():
    """On /session the daemon is the client: its calls are those of who gave it the session."""
    name = f'asks-{time.monotonic_ns()}'
    with session(name, server=True) as server:
        builder = threading.Thread(target=build, args=(name,), daemon=True)
        builder.start()
        asked = False
        while not asked:
            event = server.next()
            true(event, 'the daemon closed')
            if not isinstance(event, h2.events.RequestReceived):
                continue
            asked = dict(event.headers)[b':path'].endswith(b'DiffCopy')
            server.answer(event.stream_id, b'' if asked else message((1, 1)), 7 if asked else 0) # it serves
        record = calls('FileSync/DiffCopy', process__pid=os.getpid())[0]
        builder.join(PATIENCE)
    for name, wanted in {'callerd.api.operation': 'SessionFilesRead', 'callerd.grpc.service': 'moby.filesync.v1.FileSync',
                         'callerd.grpc.status': 'PERMISSION_DENIED', 'callerd.grpc.by_engine': True,
                         'callerd.capture.complete': True, 'callerd.findings': None}.items():
        equal(field(record, name), wanted, name + ': ' + record['message'])


@test
def both_ask():
    """A client that sends the preface where the daemon does: what the daemon says counts, and that is told."""
    with session('both') as client:
        try:
            client.begin(CONTROL + 'ListWorkers?both', data=b'')
            client.next()
        except (h2.exceptions.ProtocolError, OSError):
            pass
        AGENT.wait(that=lambda r: 'both sides ask' in field(r, 'error.message', ''), event__action='api-request',
                   process__pid=os.getpid())


@test
def nonsense_after_the_upgrade():
    with Upgraded(SOCKET) as client:
        client.socket.sendall(b'\0\0\5\1\4\0\0\0\0junk!' + b'GET /_ping?smuggled HTTP/1.1\r\nHost: d\r\n\r\n')
        AGENT.wait(that=lambda r: 'HTTP/2' in field(r, 'error.message', '') and 'body-not-seen' in r['message'],
                   event__action='api-request', process__pid=os.getpid())
    equal(AGENT.records(url__original='/_ping?smuggled'), [], 'smuggled')


@test
def by_prior_knowledge():
    """As Docker 29 takes it; and what callerd does not know, an engine that does."""
    path = tempfile.mktemp(prefix='grpc.', suffix='.sock', dir=DIR)
    Engine(path)
    with Callerd(sockets=[path]) as agent:
        for connect, mark in (Upgraded, 'upgraded'), (Prior, 'native'):
            with connect(path) as client:
                for target in ('/x.y.Extension/Run?', CONTROL + 'Nonsense?', CONTROL[1:] + 'ListWorkers?'):
                    equal(client.call(target + mark)[0], '0', target)
            records = {field(r, 'callerd.grpc.method'): r for r in calls(mark, 3, agent)}
            equal([(f['id'], f['severity'], f['detail']) for f in field(records['Run'], 'callerd.findings')],
                  [('grpc-service-unknown', 'medium', 'service x.y.Extension')], records['Run']['message'])
            equal([f['id'] for f in field(records['Nonsense'], 'callerd.findings')], ['unknown-operation'], 'method')
            equal(field(records['ListWorkers'], 'callerd.api.operation'), 'BuildListWorkers', 'without a slash')
        agent.stop()


def solve(mark, *fields, method=CONTROL + 'Solve', pad=()):
    """The findings of a call of Solve, and its record; the daemon refuses most of them."""
    with Upgraded(SOCKET) as client:
        # Without a frontend it waits for one.
        client.call(f'{method}?{mark}', message((1, mark), (6, 'none.v0'), *fields, *pad) if CONTROL in method else message(*fields))
    record = calls(f'?{mark}')[0]
    return [(f['id'], f['severity'], f['detail']) for f in field(record, 'callerd.findings', [])], record


@test
def findings_of_builds():
    """What a build may do outside of its steps, wherever it is said; and harmless ones beside them."""
    def attributes(**values):
        return mapping(7, {name.replace('_', '-'): value for name, value in values.items()})

    def own(*step):
        return [(2, [(1, message((2, step)))])]

    insecure = 'build-insecure', 'critical', 'the build may run steps with all capabilities'
    step_insecure = 'build-insecure', 'critical', 'a step runs with all capabilities'
    network = 'build-host-network', 'medium', "the build uses the host's network"
    for number, (fields, wanted) in enumerate((
            ([(9, 'security.insecure')], [insecure]),
            ([(9, 'network.host')], [('build-host-network', 'medium', "steps of the build may use the host's network")]),
            ([(9, 'device=vendor.com/d=0')], [('device', 'high', 'device=vendor.com/d=0 of a build')]),
            ([(9, 'something.new')], [('not-judged', 'medium', 'Entitlements: something.new')]),
            (attributes(force_network_mode='host'), [network]),
            (attributes(force_network_mode='none'), []),
            # The last value of a key counts.
            ([*attributes(force_network_mode='host'), *attributes(force_network_mode='none')], []),
            ([*attributes(force_network_mode='none'), *attributes(force_network_mode='host')], [network]),
            (attributes(cgroup_parent='/x'), [('other-runtime', 'medium', 'cgroup parent /x')]),
            (attributes(source='docker/dockerfile:1.4'), []),
            (attributes(source='evil/frontend:1'), [('build-frontend', 'medium', 'frontend evil/frontend:1')]),
            (attributes(cmdline='evil/y --x'), [('build-frontend', 'medium', 'frontend evil/y')]),
            ([(7, [(1, 'build-arg:BUILDKIT_SYNTAX'), (2, 'evil/z')])], [('build-frontend', 'medium', 'frontend evil/z')]),
            ([(13, [(1, 'image'), *mapping(2, {'name': 'h/x', 'push': 'true'})])], [('image-push', 'low', 'pushes h/x')]),
            ([(13, [(1, 'image'), *mapping(2, {'name': 'h/x', 'push': 'false'})])], []),
            ([(13, [(1, 'image'), *mapping(2, {'name': 'h/x', 'push': ''})])], [('image-push', 'low', 'pushes h/x')]),
            # Each output has its own.
            ([(13, [(1, 'image'), *mapping(2, {'name': 'h/x', 'push': 'true'})]), (13, [(1, 'image'), *mapping(
                2, {'name': 'h/y', 'push': 'false'})])], [('image-push', 'low', 'pushes h/x')]),
            (own((4, 1)), [step_insecure]),
            (own((3, 1)), [('build-host-network', 'medium', "a step uses the host's network")]),
            (own((1, [(1, 'true')])), []),
            ([(10, [(1, 'base'), (2, [(1, message((2, [(4, 1)])))])])], [step_insecure]),
            ([(1, 'x'), (11, 1)], []))):
        found, record = solve(f'judge-{number}', *fields)
        equal(found, wanted, record['message'])
        equal(field(record, 'callerd.api.operation'), 'ImageBuild', 'operation')
    found, record = solve('judge-frontend', *mapping(3, {'force-network-mode': 'host'}), method=BRIDGE + 'Solve')
    equal((found, field(record, 'callerd.api.operation')), ([network], 'BuildSolve'), record['message'])


@test
def two_calls_of_a_build():
    """A client that asks for one thing by Solve of Control, and has another one built by that of LLBBridge."""
    def ask(mark, attributes, others):
        ref = f'{mark}-{time.monotonic_ns()}'
        with Upgraded(SOCKET) as client, Upgraded(SOCKET) as other:
            first = client.begin(f'{CONTROL}Solve?{mark}', data=message((1, ref), *mapping(7, attributes)))
            AGENT.wait(that=lambda r: f'{CONTROL}Solve?{mark}' in field(r, 'url.original', ''), event__action='api-request-started')
            other.call(f'{BRIDGE}Solve?{mark}', message((2, 'dockerfile.v0'), *mapping(3, others)), ('buildkit-controlapi-buildid', ref))
            client.state.reset_stream(first)
            client.flush()
        control = calls(f'{CONTROL}Solve?{mark}')[0]
        bridge = calls(f'{BRIDGE}Solve?{mark}')[0]
        for record in control, bridge:
            equal(field(record, 'callerd.request.reference'), ref, record['message'])
        return [[(f['severity'], f['detail']) for f in field(record, 'callerd.findings', []) if f['id'] == 'build-differs']
                for record in (control, bridge)]

    same = {'target': 'release', 'force-network-mode': 'none'}
    equal(ask('alike', same, {**same, 'frontend.caps': 'x'}), [[], []], 'alike')
    equal(ask('unlike', same, {**same, 'target': 'other', 'build-arg:BUILDKIT_SYNTAX': 'evil/z'}),
          [[('high', f'{subject}: Solve of {call} says another thing') for subject in ('build-arg:BUILDKIT_SYNTAX', 'target')]
           for call in ('LLBBridge', 'Control')], 'unlike')


@test
def what_is_not_read_of_a_build():
    """Padded by megabytes the message is read as any other; what cannot be read is a finding."""
    found, record = solve('padded', (9, 'security.insecure'), pad=[(99, b'x' * 3000000)])
    equal([f[0] for f in found], ['build-insecure'], record['message'])
    with Upgraded(SOCKET) as client:
        client.outcome(client.begin(CONTROL + 'Solve?compressed', raw=b'\1\0\0\0\3abc'))
        client.outcome(client.begin(CONTROL + 'Solve?broken', raw=b'\0\0\0\0\3\x0a\x7fx'))
        client.outcome(client.begin(CONTROL + 'Solve?ends', raw=b'\0\0\0\1\0\x0a'))
    for mark in 'compressed', 'broken', 'ends':
        record = calls('?' + mark)[0]
        equal(field(record, 'event.outcome'), 'failure', record['message'])
    # An engine that takes them, where callerd does not understand them.
    path = tempfile.mktemp(prefix='grpc.', suffix='.sock', dir=DIR)
    Engine(path)
    with Callerd(sockets=[path]) as agent:
        with Prior(path) as client:
            client.outcome(client.begin(CONTROL + 'Solve?taken=1', raw=b'\1\0\0\0\3abc'))
            client.outcome(client.begin(CONTROL + 'Solve?taken=2', raw=b'\0\0\0\0\3\x0a\x7fx'))
            client.outcome(client.begin(CONTROL + 'Solve?taken=3', raw=b'\0\0\0\1\0\x0a'))
        for record in calls('taken=', 3, agent):
            equal([(f['id'], f['severity']) for f in field(record, 'callerd.findings')], [('body-not-seen', 'high')], record['message'])
        agent.stop()


@test
def many_streams_at_once():
    """More streams than the kernel programs keep, each in pieces, some padded, some given up: what each asks for is told."""
    path = tempfile.mktemp(prefix='grpc.', suffix='.sock', dir=DIR)
    Engine(path, 1000)
    data = message((1, 'x' * 300), (9, 'security.insecure'))
    data = struct.pack('>BI', 0, len(data)) + data
    with Callerd(sockets=[path]) as agent:
        with Prior(path) as client:
            while client.state.remote_settings.max_concurrent_streams < 1000:
                client.events += client.state.receive_data(client.socket.recv(65536))
            streams = []
            for number in range(500):
                streams.append(client.begin(f'{CONTROL}Solve?crowd={number}', end=False))
                client.state.send_data(streams[-1], data[:9], pad_length=number % 3 or None)
            for number, stream in reversed(list(enumerate(streams))):
                if number % 5 == 4:
                    client.state.reset_stream(stream)
                    continue
                while client.state.local_flow_control_window(stream) < 1000:
                    client.events += client.state.receive_data(client.socket.recv(65536))
                client.state.send_data(stream, data[9:200], pad_length=number % 7 or None)
                client.state.send_data(stream, data[200:], end_stream=True)
                client.flush()
            ended = 0
            while ended < 400:
                ended += isinstance(client.next(), h2.events.StreamEnded)
        for record in calls('crowd=', 400, agent, event__outcome='success'):
            equal(([f['id'] for f in field(record, 'callerd.findings')], field(record, 'callerd.capture.reason')),
                  (['build-insecure'], None), record['message'])
        agent.stop()


@test
def a_stream_has_a_budget():
    """What goes beyond it is not read, which is a finding; other streams have their own."""
    path = tempfile.mktemp(prefix='grpc.', suffix='.sock', dir=DIR)
    Engine(path)
    with Callerd('--request-budget', '200000', sockets=[path]) as agent:
        with Prior(path) as client:
            for number in range(3):
                client.call(f'{CONTROL}Solve?budget={number}', message((99, b'x' * 150000 * (1 + number % 2)), (9, 'security.insecure')))
        equal([([f['id'] for f in field(record, 'callerd.findings')], field(record, 'callerd.capture.reason'))
               for record in calls('budget=', 3, agent)],
              [(['build-insecure'], None), (['body-not-seen'], ['budget']), (['build-insecure'], None)], 'findings')
        agent.stop()


@test
def tracks_and_cache():
    """What removes the engine's own record of builds, and its cache; what is run in a builder."""
    path = tempfile.mktemp(prefix='grpc.', suffix='.sock', dir=DIR)
    Engine(path)
    with Callerd(sockets=[path]) as agent:
        with Prior(path) as client:
            for target, data in ((CONTROL + 'UpdateBuildHistory?delete', message((1, 'ref'), (3, 1))),
                                 (CONTROL + 'UpdateBuildHistory?pin', message((1, 'ref'), (2, 1))), (CONTROL + 'Prune?', message((2, 1))),
                                 (BRIDGE + 'NewContainer?', message((1, 'c'), (3, 1))),
                                 (BRIDGE + 'ExecProcess?', message((1, 'p'), (2, [(1, 'c'), (5, 1)])))):
                equal(client.call(target, data)[0], '0', target)
            # A process more in the same call: BuildKit starts it, too.
            first, second = (message((1, name), (2, [(1, 'c'), (5, mode)])) for name, mode in (('p', 0), ('q', 1)))
            equal(client.outcome(client.begin(BRIDGE + 'ExecProcess?twice', raw=b''.join(
                struct.pack('>BI', 0, len(one)) + one for one in (first, second))))[0], '0', 'twice')
        found = {field(r, 'url.original').split('/')[-1]: [f['id'] for f in field(r, 'callerd.findings', [])]
                 for r in calls(None, 6, agent)}
        equal(found, {'ExecProcess?twice': ['build-insecure', 'build-exec'], 'UpdateBuildHistory?delete': ['build-history-removed'], 'UpdateBuildHistory?pin': [], 'Prune?': ['prune'],
                      'NewContainer?': ['build-host-network'], 'ExecProcess?': ['build-insecure', 'build-exec']}, 'findings')
        agent.stop()
    with Upgraded(SOCKET) as client:
        equal(client.call(CONTROL + 'Prune', message((1, 'id==none')))[0], '0', 'prune')
    record = calls('Control/Prune', process__pid=os.getpid())[0]
    equal((field(record, 'callerd.api.operation'), [f['id'] for f in field(record, 'callerd.findings')]), ('BuildPrune', ['prune']),
          record['message'])


CANARIES = ('Dockerfile', 'context', 'name', 'secret', 'argument', 'label', 'output')


def canary(place):
    """A word that stands nowhere but in that place."""
    if place == 'output':
        return canary('argument')[::-1]
    return f'{place}{hashlib.sha256(f"{place}{DIR}".encode()).hexdigest()[:24]}canary'


def buildx(*args):
    """Docker's client for BuildKit, of another suite: Debian 12 has none."""
    environment = {**os.environ, 'DOCKER_HOST': 'unix://' + SOCKET, 'DOCKER_CONFIG': DIR + '/config',
                   'BUILDX_BAKE_ENTITLEMENTS_FS': '0'}
    root = engines.fetch('docker', 'forky')
    done = subprocess.run([root + '/usr/libexec/docker/cli-plugins/docker-buildx', *args], env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=5 * PATIENCE + MORE, check=False)
    equal(done.returncode, 0, done.stdout.decode())


MORE = int(os.environ.get('CALLERD_CONTEXT', 0))  # MiB


def make_context():
    """A directory to build from, with canaries; 21 MiB of it nobody wants, and as many more as CALLERD_CONTEXT says."""
    directory = tempfile.mkdtemp(prefix='context.', dir=DIR)
    files = {'Dockerfile': f'FROM {IMAGE}\n# {canary("Dockerfile")}\nARG A\nCOPY . /context\n'
                           f'RUN --mount=type=secret,id=token cat /run/secrets/token >/dev/null; echo $A | rev\n',
             canary('name'): canary('context'), 'large': canary('context') * 600000}
    for name, text in files.items():
        with open(f'{directory}/{name}', 'w') as file:
            file.write(text)
    with open(DIR + '/token', 'w') as file:
        file.write(canary('secret'))
    with open(directory + '/more', 'wb') as file:
        block = os.urandom(1 << 20)
        for _ in range(MORE):
            file.write(block)
    return directory


def check_copied(events, seconds, limit):
    """What a context costs; with CALLERD_CONTEXT it is told."""
    if MORE:
        print(f'# a context of {MORE + 21} MiB: {events} bytes of events, {seconds:.1f} s of the agent')
    true(events < limit + (MORE << 20) / 32, f'{events} bytes copied')


@test
def builds_keep_their_secrets():
    """A real build: what it asks is told. Its files and secrets the kernel programs never copy; what else could be a secret is in no
    output, and stays in no memory."""
    target = {'context': make_context(), 'network': 'none', 'no-cache': True, 'tags': ['canaries:1', 'canaries:2'],
              'args': {'A': canary('argument')}, 'labels': {'l': canary('label')}, 'secret': [f'id=token,src={DIR}/token']}
    with open(DIR + '/bake.json', 'w') as file:
        json.dump({'target': {'default': target}}, file)
    kept = DIR + '/build.events'
    with Callerd('--record-events', kept) as keeper, Callerd() as agent:
        seconds = cpu(agent.pid)
        buildx('bake', '--progress', 'plain', '--file', DIR + '/bake.json')
        wanted = {'ImageBuild', 'BuildSolve', 'SessionFilesRead', 'SessionGetSecret', 'Session', 'Grpc'}
        agent.wait(url__original='/session', event__action='api-request-ended')
        agent.settle()
        seconds = cpu(agent.pid) - seconds
        records = agent.records(event__action='api-request')
        equal(wanted - {field(r, 'callerd.api.operation') for r in records}, set(), 'operations')
        for record in records:
            true(field(record, 'callerd.grpc.status', 'OK') in ('OK', 'UNIMPLEMENTED', 'CANCELLED'), record['message'])
            equal(field(record, 'callerd.capture.reason'), None, record['message'])
        found = [f'{place} in {what}' for what, data in agent.memory() for place in CANARIES if canary(place).encode() in data]
        equal(found, [], 'in memory')
        build, = [r for r in records if field(r, 'callerd.api.operation') == 'ImageBuild' and field(r, 'callerd.target.name')]
        equal(field(build, 'callerd.request'), {
            'reference': field(build, 'callerd.request.reference'), 'images': ['canaries:1', 'canaries:2'], 'outputs': ['moby'],
            'dockerfile': 'Dockerfile', 'namespaces': {'network': 'none'}, 'build_arguments': ['A'], 'labels': ['l']}, 'facts')
        image = json.loads(request('GET', '/images/canaries:1/json')[1])['Id']
        equal((field(build, 'callerd.target.name'), field(build, 'callerd.target.id')), ('canaries:1', image), 'target')
        bridge, = [r for r in records if field(r, 'callerd.api.operation') == 'BuildSolve']
        equal(field(bridge, 'callerd.request.reference'), field(build, 'callerd.request.reference'), 'reference')
        equal([f['id'] for r in (build, bridge) for f in field(r, 'callerd.findings', [])], [], 'findings of the build')
        secret, = [r for r in records if field(r, 'callerd.api.operation') == 'SessionGetSecret']
        equal([(f['id'], f['detail']) for f in field(secret, 'callerd.findings')], [('build-secret', 'token')], 'secret')
        agent.stop()
        keeper.stop()
    log = json.dumps(agent.seen)
    equal([place for place in CANARIES if canary(place) in log], [], 'in records')
    with open(kept, 'rb') as file:
        events = file.read()
    # The Dockerfile comes back in what /grpc says of the steps.
    equal([place for place in ('context', 'name', 'secret') if canary(place).encode() in events], [],
          'copied by the kernel programs')
    check_copied(len(events), seconds, 4 << 20)


def cpu(pid):
    """Seconds that a process used."""
    with open(f'/proc/{pid}/stat') as file:
        return sum(map(int, file.read().rsplit(') ')[1].split()[11:13])) / os.sysconf('SC_CLK_TCK')


def lend_and_build(client, name, files, *fields):
    """A build, the session of which is within a call on CLIENT, as that of buildctl is."""
    lent = Lent(client, name, files, {'token': canary('secret').encode()})
    server = threading.Thread(target=lent.serve, daemon=True)
    server.start()
    with Upgraded(SOCKET) as other:
        other.socket.settimeout(600 + sum(len(data) for data in files['context'].values()) / 500000)  # seconds
        status, _ = other.call(CONTROL + 'Solve?' + name, message(
            (1, name), (5, name), (6, 'dockerfile.v0'), (13, [(1, 'moby'), *mapping(2, {'name': name + ':1'})]), *fields))
    equal(status, '0', 'Solve')
    client.state.end_stream(lent.stream)
    client.flush()
    server.join(PATIENCE)
    return lent


@test
def sessions_in_calls_keep_their_secrets():
    """A session within a call, as buildctl has it, and a context of 21 MiB: the kernel programs copy nothing of what its client says.
    With CALLERD_CONTEXT=N another N MiB, and what that costs."""
    directory = make_context()
    files = {}
    for entry in os.listdir(directory):
        with open(f'{directory}/{entry}', 'rb') as file:
            if os.fstat(file.fileno()).st_size:
                files[entry] = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    kept = DIR + '/lent.events'
    name = f'lent-{time.monotonic_ns()}'
    with Callerd('--record-events', kept) as keeper, Callerd() as agent:
        seconds = cpu(agent.pid)
        with Upgraded(SOCKET) as client:
            lent = lend_and_build(client, name, {'dockerfile': files, 'context': files}, *mapping(
                7, {'no-cache': '', 'force-network-mode': 'none'}))
        equal({'DiffCopy', 'GetSecret'} - set(lent.asked), set(), 'asked')
        record = agent.wait(that=lambda r: 'Control/Session' in field(r, 'url.original', ''), event__action='api-request')[0]
        agent.settle()
        equal((field(record, 'callerd.api.operation'), field(record, 'callerd.capture.reason'), field(record, 'callerd.findings')),
              ('BuildSession', None, None), record['message'])
        asked = agent.records(callerd__grpc__by_engine=True, event__action='api-request')
        true({'SessionFilesRead', 'SessionGetSecret'} <= {field(r, 'callerd.api.operation') for r in asked}, asked)
        for record in asked:
            equal((field(record, 'process.pid'), field(record, 'event.outcome'), field(record, 'callerd.capture.reason')),
                  (os.getpid(), 'unknown', ['budget']), record['message'])
        equal({field(r, 'callerd.request.asked_for') for r in asked if field(r, 'callerd.api.operation') == 'SessionFilesRead'},
              {'context', 'dockerfile'}, 'directories')
        secret, = [r for r in asked if field(r, 'callerd.api.operation') == 'SessionGetSecret']
        equal((field(secret, 'callerd.request.asked_for'), [(f['id'], f['detail']) for f in field(secret, 'callerd.findings')]),
              ('token', [('build-secret', 'token')]), secret['message'])
        build, = agent.records(url__original=f'{CONTROL}Solve?{name}', event__action='api-request')
        equal((field(build, 'callerd.capture.complete'), field(build, 'callerd.target.name')), (True, name + ':1'), build['message'])
        seconds = cpu(agent.pid) - seconds
        places = 'Dockerfile', 'context', 'name', 'secret'
        found = [f'{place} in {what}' for what, data in agent.memory() for place in places if canary(place).encode() in data]
        equal(found, [], 'in memory')
        agent.stop()
        keeper.stop()
    log = json.dumps(agent.seen)
    with open(kept, 'rb') as file:
        events = file.read()
    equal([place for place in places if canary(place) in log or canary(place).encode() in events], [], 'told, or copied')
    check_copied(len(events), seconds, 2 << 20)


def unread_sessions(client, mark, count, *headers):
    """COUNT calls of Control/Session on CLIENT, in which the daemon speaks or which it refuses; how often it spoke."""
    streams = [client.begin(f'{CONTROL}Session?{mark}', ('x-docker-expose-session-uuid', f'{mark}-{i}'),
                            ('x-docker-expose-session-name', 'x'), *headers) for i in range(count)]
    left, spoke = set(streams), set()
    while left:
        event = client.next()
        true(event, 'the daemon closed')
        if isinstance(event, h2.events.DataReceived):
            spoke.add(event.stream_id)
        if isinstance(event, (h2.events.DataReceived, h2.events.StreamEnded)):
            left.discard(event.stream_id)
    return len(spoke)


@test
def sessions_in_calls_that_are_odd():
    """Attacker: neither compressed messages, where the daemon has these, nor more sessions than callerd follows go without its being
    said."""
    for mark, count, said, headers in (
            ('gzip', 1, 'messages of a session that cannot be read', [('grpc-encoding', 'gzip'), ('grpc-accept-encoding', 'gzip')]),
            ('many', 9, 'more sessions at once than are followed', ())):
        with Callerd() as agent, Upgraded(SOCKET) as client:
            spoke = unread_sessions(client, mark, count, *headers)
            true(spoke == count or mark == 'gzip', f'{mark}: {spoke}')
            equal(len(calls(mark, count, agent)), count, mark)
            if spoke == count:
                record, = agent.wait(that=lambda r: said in field(r, 'error.message', ''), event__action='api-request', # pylint: disable=cell-var-from-loop
                                     process__pid=os.getpid())
                equal({f['id'] for f in field(record, 'callerd.findings')}, {'protocol-anomaly', 'body-not-seen'}, record['message'])
            agent.stop()


def main_with_agent():
    global AGENT
    with Callerd() as AGENT:
        main()


main_with_agent()
