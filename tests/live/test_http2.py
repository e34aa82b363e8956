# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 by prior knowledge on a watched socket: nghttpx speaks it, in front of the real daemon; or the engine itself, on the socket
HTTP2_ENGINE."""
import fcntl
import json
import os
import socket
import struct
import subprocess
import termios

import h2.config
import h2.connection
import h2.events

from live import *

ENGINE = os.environ.get('HTTP2_ENGINE')
FRONT = ENGINE or DIR + '/http2.sock'
ORIGIN = 'http://d'
AGENT = None
SERVER = None


def start_front():
    """nghttpx on FRONT; it answers once it is there."""
    global SERVER
    conf = DIR + '/nghttpx.conf'
    with open(conf, 'w') as file:
        file.write(f'frontend=unix:{FRONT};no-tls\nbackend=unix:{SOCKET}\nworkers=1\n'
                   f'errorlog-file={DIR}/nghttpx.log\naccesslog-file=/dev/null\n')
    SERVER = subprocess.Popen(['nghttpx', '--conf=' + conf], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE
    while 'OK' not in curl(ORIGIN + '/_ping', check=False):
        true(time.monotonic() < deadline, 'nghttpx does not answer')
        time.sleep(0.1)
    os.chmod(FRONT, 0o666)


def curl(*args, check=True):
    return run('curl', '-sS', '-m', str(PATIENCE), '--http2-prior-knowledge', '--unix-socket', FRONT, *args, check=check)


def ask_as_user(user, *args):
    return run(*User(user).command('curl', '-sS', '-o', '/dev/null', '--http2-prior-knowledge', '--unix-socket', FRONT,
                                   *args))


def requests(count, mark):
    """The records of COUNT requests with MARK in their target."""
    return AGENT.wait(count, lambda r: mark in field(r, 'url.original', ''), event__action='api-request')


class Client:
    """One connection of HTTP/2; what is sent on it may be sent by others."""

    def __init__(self, slowly=False):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(FRONT)
        self.slowly = slowly  # the server reads the preface byte by byte
        self.state = h2.connection.H2Connection(h2.config.H2Configuration(validate_outbound_headers=False))
        self.state.initiate_connection()
        self.flush()

    def flush(self):
        data = self.state.data_to_send()
        while self.slowly and data:
            self.socket.sendall(data[:1])
            data = data[1:]
            while struct.unpack('i', fcntl.ioctl(self.socket, termios.TIOCOUTQ, bytes(4)))[0]:
                time.sleep(0)
        self.slowly = False
        self.socket.sendall(data)

    def head(self, target, method='GET', more=(), end=True):
        stream = self.state.get_next_available_stream_id()
        self.state.send_headers(stream, [(':method', method), (':scheme', 'http'), (':path', target), (':authority', 'd'),
                                         *more], end_stream=end)
        return stream

    def read(self, count):
        """Waits until COUNT streams were answered to their end, or given up."""
        ended = 0
        while ended < count:
            data = self.socket.recv(65536)
            true(data, 'the server closed the connection')
            for event in self.state.receive_data(data):
                if isinstance(event, h2.events.DataReceived):
                    self.state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                ended += isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset))
            self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.socket.close()


BODY = {'Image': IMAGE, 'Cmd': ['true'], 'Labels': {'filler': 'x' * 300000},
        'HostConfig': {'Privileged': True, 'Binds': ['/:/host'], 'NetworkMode': 'none'}}


@test
def as_over_http1():
    """The same request says the same, but for the version; its body comes in many frames."""
    body = DIR + '/http2.json'
    with open(body, 'w') as file:
        json.dump(BODY, file)
    target = '/v1.41/containers/create?name=http2-'
    told = {}
    for version in ('1', '2'):
        if version == '2':
            curl('-d', '@' + body, '-H', 'Content-Type: application/json', ORIGIN + target + '2')
        else:
            run('curl', '-sS', '--unix-socket', FRONT, '-d', '@' + body, '-H', 'Content-Type: application/json',
                ORIGIN + target + '1')
        record = requests(1, 'name=http2-' + version)[0]
        equal(field(record, 'http.response.status_code'), 201, record['message'])
        equal(field(record, 'callerd.capture.complete'), True, record['message'])
        told[version] = record
        request('DELETE', '/v1.41/containers/http2-' + version, path=ENGINE)
    equal(field(told['2'], 'http.version'), '2', 'version')
    for name in ('callerd.api.operation', 'callerd.findings', 'callerd.request', 'event.severity', 'process.executable', 'user.id',
                 'http.request.body.bytes', 'http.request.method'):
        equal(field(told['2'], name), field(told['1'], name), name)
    true('privileged' in told['2']['message'], told['2']['message'])


@test
def one_connection_many_requests():
    """The header tables of both sides fill; large answers come in between."""
    with Client() as client:
        for number in range(12):
            client.head(f'/images/{IMAGE}/get?over={number}' if number % 4 == 1 else f'/_ping?over={number}')
            client.flush()
            client.read(1)
    records = requests(12, 'over=')
    equal({field(r, 'http.response.status_code') for r in records}, {200}, 'statuses')
    equal(len({field(r, 'callerd.connection.id') for r in records}), 1, 'connections')
    equal([field(r, 'callerd.capture.reason') for r in records if field(r, 'callerd.capture.reason')], [], 'incomplete')


@test
def preface_in_pieces():
    """All of such a connection is copied, too: what is missed of the second answer would hide the third one's status."""
    with Client(slowly=True) as client:
        for number in range(4):
            client.head(f'/images/{IMAGE}/get?slowly={number}')
            client.flush()
            client.read(1)
    records = requests(4, 'slowly=')
    equal([(field(r, 'http.response.status_code'), field(r, 'callerd.capture.reason')) for r in records], [(200, None)] * 4,
          'statuses')


@test
def many_at_once():
    with Client() as client:
        for number in range(60):
            client.head(f'/_ping?once={number}', more=[('x-filler', 'f' * number)])
        client.flush()
        client.read(60)
    records = requests(60, 'once=')
    equal({field(r, 'process.pid') for r in records}, {os.getpid()}, 'callers')
    equal(sorted(int(field(r, 'url.original').split('=')[1]) for r in records), list(range(60)), 'targets')
    equal({field(r, 'http.response.status_code') for r in records}, {200}, 'statuses')


@test
def sender_of_each_stream():
    """A child sends on the connection of its parent: its stream is its own."""
    with Client() as client:
        client.head('/_ping?sender=parent')
        client.flush()
        client.read(1)
        client.head('/_ping?sender=child')
        child = os.fork()
        if not child:
            client.flush()
            os._exit(0)
        os.waitpid(child, 0)
        client.state.clear_outbound_data_buffer()
        client.read(1)
        client.head('/_ping?sender=again')
        client.flush()
        client.read(1)
    senders = {field(r, 'url.original').split('=')[1]: field(r, 'process.pid') for r in requests(3, 'sender=')}
    equal(senders, {'parent': os.getpid(), 'child': child, 'again': os.getpid()}, 'senders')


@test
def a_user():
    ask_as_user(MEMBER, ORIGIN + '/v1.41/containers/json?user')
    record = requests(1, 'json?user')[0]
    equal(field(record, 'user.name'), MEMBER, record['message'])
    equal(field(record, 'callerd.api.operation'), 'ContainerList', record['message'])


@test
def padding_and_continuation():
    """nghttp sends what curl does not: padding, priorities, a head of several frames."""
    many = [f'-Hx-{number}: {"y" * 900}' for number in range(30)]
    # Its addresses are of TCP: socat hands them on.
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    with subprocess.Popen(['socat', f'TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork', 'UNIX-CONNECT:' + FRONT]) as socat:
        try:
            deadline = time.monotonic() + PATIENCE
            while 'OK' not in run('nghttp', '--no-dep', '-b', '200', *many, f'http://127.0.0.1:{port}/_ping?padded',
                                  check=False):
                true(time.monotonic() < deadline, 'nghttp fails')
                time.sleep(0.1)
        finally:
            socat.terminate()
    record = requests(1, '?padded')[-1]
    equal(field(record, 'http.response.status_code'), 200, record['message'])


@test
def given_up():
    """A stream that its client gives up, and a request that is not sent to its end."""
    with Client() as client:
        stream = client.head('/v1.41/containers/create?given=up', 'POST', [('content-type', 'application/json')], end=False)
        client.state.send_data(stream, json.dumps(BODY).encode()[:500])
        client.state.reset_stream(stream)
        client.head('/_ping?given=next')
        client.flush()
        client.read(1)
    records = {field(r, 'url.original').split('=')[1]: r for r in requests(2, 'given=')}
    equal(field(records['up'], 'callerd.api.operation'), 'ContainerCreate', records['up']['message'])
    equal(field(records['up'], 'http.response.status_code'), None, records['up']['message'])
    equal(field(records['next'], 'http.response.status_code'), 200, records['next']['message'])


@test
def nonsense_after_the_preface():
    """It is told, and nothing of it is taken for a request."""
    with Client() as client:
        client.socket.sendall(b'\0\0\5\1\4\0\0\0\0junk!' + b'GET /_ping?smuggled HTTP/1.1\r\nHost: d\r\n\r\n')
        record = AGENT.wait(that=lambda r: 'HTTP/2' in field(r, 'error.message', ''), event__action='api-request',
                            process__pid=os.getpid())[0]
    true('body-not-seen' in record['message'] and 'unparsed' in field(record, 'callerd.capture.reason'), record['message'])


@test
def older_than_the_agent():
    """Nothing is guessed of a connection that was there before: that is told once."""
    with Client() as client:
        client.head('/_ping?older=first')
        client.flush()
        client.read(1)
        with Callerd(sockets=[FRONT]) as agent:
            for number in range(3):
                client.head(f'/_ping?older={number}')
                client.flush()
                client.read(1)
            record = agent.wait(that=lambda r: 'met in its middle' in field(r, 'error.message', ''),
                                event__action='api-request')[0]
            true('body-not-seen' in record['message'], record['message'])
            curl(ORIGIN + '/_ping?older=not')
            agent.wait(url__original='/_ping?older=not')
            equal(len(agent.records(event__action='api-request')), 2, 'records')
            agent.stop()


def begin():
    global AGENT
    if not ENGINE:
        start_front()
    AGENT = Callerd(sockets=[FRONT])


begin()
main()
