# SPDX-License-Identifier: Apache-2.0
"""gRPC: on /grpc, which speaks HTTP/2 after `Upgrade: h2c`, on /session, where the daemon asks, and by prior knowledge."""
import h2.exceptions

from grpc import *
from live import *

AGENT = None


def calls(mark=None, count=1, agent=None, **more):
    """The records of COUNT calls whose service or method has MARK."""
    return (agent or AGENT).wait(count, lambda r: (mark or '') in field(r, 'url.original', '') and field(r, 'callerd.grpc'),
                                 event__action='api-request', **more)


class Engine:
    """A server of the test's own, which answers each call with OK."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            threading.Thread(target=self.talk, args=(self.listener.accept()[0],), daemon=True).start()

    @staticmethod
    def talk(client):
        data = client.recv(65536)
        if data.startswith(b'POST '):
            client.sendall(b'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n')
            data = b''
        state = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=False, validate_inbound_headers=False, validate_outbound_headers=False))
        state.initiate_connection()
        while True:
            client.sendall(state.data_to_send())
            for event in state.receive_data(data):
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
        record = AGENT.wait(that=lambda r: 'Control/Status' in field(r, 'url.original', ''), event__action='api-request-started')[0]
        client.state.reset_stream(stream)
        client.flush()
        record = calls('Control/Status', http__request__id=field(record, 'http.request.id'))[0]
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
    with session('asks', server=True) as server:
        builder = threading.Thread(target=build, args=('asks',), daemon=True)
        builder.start()
        asked = 0
        while not asked:
            event = server.next()
            true(event, 'the daemon closed')
            if isinstance(event, h2.events.RequestReceived) and dict(event.headers)[b':path'].endswith(b'DiffCopy'):
                server.state.send_headers(event.stream_id, [(':status', '200'), ('content-type', 'application/grpc'),
                                                            ('grpc-status', '7')], end_stream=True)
                server.flush()
                asked = event.stream_id
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


def main_with_agent():
    global AGENT
    with Callerd() as AGENT:
        main()


main_with_agent()
