# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 by prior knowledge on a watched socket: nghttpx speaks it, in front of the real daemon; or the engine itself, on the socket
HTTP2_ENGINE."""
import contextlib
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
import hpack

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
    equal(acts_as(record, 'name'), MEMBER, record['message'])
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


def is_told_once(cut=0):
    """The first CUT bytes of a PING end all that the client sends, the others begin what it sends next."""
    ping = frame(6, 0, 0, bytes(8))
    with Client() as client:
        client.head('/_ping?older=first')
        client.flush()
        client.read(1)
        client.socket.sendall(ping[:cut])
        with Callerd(sockets=[FRONT]) as agent:
            for number in range(3):
                client.head(f'/_ping?older={number}')
                client.socket.sendall((ping[cut:] if cut else b'') + client.state.data_to_send() + ping[:cut])
                client.read(1)
            record = agent.wait(that=lambda r: 'met in its middle' in field(r, 'error.message', ''),
                                event__action='api-request')[0]
            true('body-not-seen' in record['message'], record['message'])
            curl(ORIGIN + '/_ping?older=not')
            agent.wait(url__original='/_ping?older=not')
            equal(len(agent.records(event__action='api-request')), 2, 'records')
            agent.stop()


@test
def older_than_the_agent():
    """Nothing is guessed of a connection that was there before: that is told once."""
    is_told_once()


@test
def older_than_the_agent_and_cut():
    """Attacker: no read of the server's begins with a frame."""
    is_told_once(5)


# --- what the server makes of odd frames --------------------------------------------------------------------------------------

HEAD, TRAILER, CONTINUATION, DATA = 1, 1, 9, 0
END_STREAM, END_HEADERS, PADDED, PRIORITY = 1, 4, 8, 32


def frame(kind, flags=0, stream=1, payload=b''):
    return len(payload).to_bytes(3, 'big') + bytes([kind, flags]) + stream.to_bytes(4, 'big') + payload


def block(*fields, encoder=None):
    return (encoder or hpack.Encoder()).encode([(name.encode(), value.encode()) for name, value in fields])


def fields(name, path='/_ping', method='GET', scheme='http', authority='d', more=()):
    pseudo = ((':method', method), (':scheme', scheme), (':path', path), (':authority', authority))
    return [(key, value) for key, value in pseudo if value is not None] + [('user-agent', name), *more]


def odd(name, *more, flags=END_STREAM | END_HEADERS, stream=1, **changes):
    """The head of a request in one frame."""
    return frame(HEAD, flags, stream, block(*fields(name, more=more, **changes)))


def ordered(name, *wanted):
    """The same, its fields in this order."""
    return frame(HEAD, END_STREAM | END_HEADERS, 1, block(*wanted, ('user-agent', name)))


def split(name, size, *more):
    """The same in frames of SIZE bytes."""
    data = block(*fields(name, more=more))
    pieces = [data[at:at + size] for at in range(0, len(data), size)] + [b'']
    return b''.join(frame(CONTINUATION if number else HEAD, (END_STREAM if not number else 0) |
                          (END_HEADERS if number == len(pieces) - 1 else 0), 1, piece) for number, piece in enumerate(pieces))


def body(name, data, *more, end=True, trailer=(), pad=None, path='/v1.41/volumes/create'):
    """A POST of JSON."""
    out = frame(HEAD, END_HEADERS, 1, block(*fields(name, path, 'POST', more=[('content-type', 'application/json'), *more])))
    if pad is not None:
        out += frame(DATA, PADDED | (END_STREAM if end and not trailer else 0), 1, bytes([pad]) + data + bytes(pad))
    else:
        out += frame(DATA, END_STREAM if end and not trailer else 0, 1, data)
    return out + (frame(HEAD, END_STREAM | END_HEADERS, 1, block(*trailer)) if trailer else b'')


BROKEN = b'{"Name":"callerd/no/volume"}' # the engine takes it, and makes none
GET = (':method', 'GET'), (':scheme', 'http'), (':authority', 'd')
ODD = {
    'plain': odd,
    'padded': lambda n: frame(HEAD, END_STREAM | END_HEADERS | PADDED, 1, b'\7' + block(*fields(n)) + bytes(7)),
    'priority': lambda n: frame(HEAD, END_STREAM | END_HEADERS | PRIORITY, 1, bytes(5) + block(*fields(n))),
    'depends on itself': lambda n: frame(HEAD, END_STREAM | END_HEADERS | PRIORITY, 1, b'\0\0\0\1\0' + block(*fields(n))),
    'more padding than frame': lambda n: frame(HEAD, END_STREAM | END_HEADERS | PADDED, 1, b'\xff' + block(*fields(n))),
    'in pieces': lambda n: split(n, 3),
    'a frame between': lambda n: split(n, 20)[:29] + frame(6, 0, 0, bytes(8)) + split(n, 20)[29:],
    'unknown frames': lambda n: frame(0x42, 0xff, 1, b'x') + odd(n) + frame(0x42, 0xff, 0, b'x'),
    'even stream': lambda n: odd(n, stream=2),
    'stream 0': lambda n: odd(n, stream=0),
    'a stream twice': lambda n: odd(n + '-other', stream=3) + odd(n),
    'promise': lambda n: frame(5, END_HEADERS, 1, b'\0\0\0\2' + block(*fields(n))),
    'connect': lambda n: ordered(n, (':method', 'CONNECT'), (':authority', 'd:1')),
    'connect with a path': lambda n: odd(n, method='CONNECT'),
    'no path': lambda n: odd(n, path=None),
    'empty path': lambda n: odd(n, path=''),
    'no slash': lambda n: odd(n, path='_ping'),
    'asterisk': lambda n: odd(n, path='*'),
    'options asterisk': lambda n: odd(n, path='*', method='OPTIONS'),
    'absolute': lambda n: odd(n, path='http://d/_ping'),
    'two slashes': lambda n: odd(n, path='//_ping'),
    'fragment': lambda n: odd(n, path='/_ping#x'),
    'space': lambda n: odd(n, path='/_ping x'),
    'control': lambda n: odd(n, path='/_ping\1'),
    'bad escape': lambda n: odd(n, path='/_ping?%zz'),
    'bad escape in path': lambda n: odd(n, path='/_p%zz'),
    'two paths': lambda n: ordered(n, *GET, (':path', '/_ping'), (':path', '/version')),
    'two methods': lambda n: ordered(n, *GET, (':path', '/_ping'), (':method', 'HEAD')),
    'status': lambda n: ordered(n, *GET, (':path', '/_ping'), (':status', '200')),
    'unknown pseudo': lambda n: ordered(n, *GET, (':path', '/_ping'), (':protocol', 'x')),
    'pseudo last': lambda n: ordered(n, *GET, ('x', 'y'), (':path', '/_ping')),
    'no scheme': lambda n: odd(n, scheme=None),
    'another scheme': lambda n: odd(n, scheme='ftp'),
    'no authority': lambda n: odd(n, authority=None),
    'host': lambda n: odd(n, ('host', 'other')),
    'lower-case method': lambda n: odd(n, method='get'),
    'method with a space': lambda n: odd(n, method='G ET'),
    'no method': lambda n: odd(n, method=None),
    'capital letters': lambda n: odd(n, ('X-Capital', 'y')),
    'name with a space': lambda n: odd(n, ('x y', 'z')),
    'value with a line': lambda n: odd(n, ('x', 'y\r\nz')),
    'connection': lambda n: odd(n, ('connection', 'close')),
    'transfer-encoding': lambda n: odd(n, ('transfer-encoding', 'chunked')),
    'te': lambda n: odd(n, ('te', 'gzip')),
    'many fields': lambda n: split(n, 16000, *((f'x-{i}', 'y' * 1000) for i in range(500))),
    'too many fields': lambda n: split(n, 16000, *((f'x-{i}', 'y' * 1000) for i in range(1200))),
    'too large a frame': lambda n: split(n, 20000, *((f'x-{i}', 'y' * 1000) for i in range(30))),
    'body': lambda n: body(n, BROKEN),
    'padded body': lambda n: body(n, BROKEN, pad=9),
    'trailer': lambda n: body(n, BROKEN, trailer=(('x', 'y'),)),
    'pseudo in a trailer': lambda n: body(n, BROKEN, trailer=((':path', '/version'),)),
    'trailer without an end': lambda n: body(n, BROKEN, end=False) + frame(HEAD, END_HEADERS, 1, block(('x', 'y'))),
    'more than content-length': lambda n: body(n, BROKEN, ('content-length', '5')),
    'less than content-length': lambda n: body(n, BROKEN, ('content-length', '500')),
    'two content-lengths': lambda n: body(n, BROKEN, ('content-length', '28'), ('content-length', '5')),
    'content-length of no number': lambda n: body(n, BROKEN, ('content-length', 'x')),
    'data behind the end': lambda n: odd(n) + frame(DATA, END_STREAM, 1, b'x'),
    'data before the head': lambda n: frame(DATA, 0, 1, b'x') + odd(n),
    'given up': lambda n: odd(n) + frame(3, 0, 1, bytes(4)),
    'goaway': lambda n: frame(7, 0, 0, bytes(8)) + odd(n),
    'no such field': lambda n: frame(HEAD, END_STREAM | END_HEADERS, 1, block(*fields(n)) + b'\xff\xff\x7f'),
    'table too large': lambda n: frame(HEAD, END_STREAM | END_HEADERS, 1, b'\x3f\xff\xff\x7f' + block(*fields(n))),
    'half a head': lambda n: frame(HEAD, END_STREAM, 1, block(*fields(n))),
}


def talk_odd(data):
    """What the server does about stream 1: a status, 'refused' (it gives up the stream, or all), or None: nothing. Then the connection
    ends. A PING behind it all says that it was read."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(FRONT)
        answer, decoder, pings = b'', hpack.Decoder(), 0
        outcome = None
        try:
            client.sendall(b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + frame(4, 0, 0) + data + frame(6, 0, 0, b'finished'))
            while pings < 40:
                piece = client.recv(65536)
                if not piece:
                    return outcome or 'refused'
                answer += piece
                while len(answer) >= 9 and len(answer) >= 9 + int.from_bytes(answer[:3], 'big'):
                    size = 9 + int.from_bytes(answer[:3], 'big')
                    kind, flags, stream, payload = answer[3], answer[4], int.from_bytes(answer[5:9], 'big'), answer[9:size]
                    answer = answer[size:]
                    if kind == HEAD:
                        status = dict(decoder.decode(payload, raw=True)).get(b':status')
                        outcome = int(status) if status and stream == 1 else outcome
                    elif kind == 3 and stream == 1:
                        outcome = outcome or 'refused'
                    elif kind == 6 and flags & 1:
                        pings += 1  # handlers take a moment
                        time.sleep(0.01)
                        with contextlib.suppress(BrokenPipeError):
                            client.sendall(frame(6, 0, 0, b'finished'))
                    elif kind == 7:
                        client.settimeout(0.3)  # what it still answers comes soon
                    if kind == HEAD and flags & END_STREAM or outcome:
                        return outcome
        except (BrokenPipeError, ConnectionResetError, socket.timeout):
            return outcome or 'refused'
        return outcome


@test
def as_the_server_reads_it():
    """What it answers is told, and how; what it refuses is not told as done."""
    outcomes = {name: talk_odd(make(f'odd-{number}-')) for number, (name, make) in enumerate(ODD.items())}
    curl(ORIGIN + '/_ping?odd=last')
    requests(1, 'odd=last')
    wrong = []
    for number, (name, outcome) in enumerate(outcomes.items()):
        told = {field(r, 'http.response.status_code') for r in AGENT.records(event__action='api-request')
                if field(r, 'user_agent.original') == f'odd-{number}-'}
        if isinstance(outcome, int):
            # A refusal of a head that nobody can read has no request. Whether what is given up is answered all the same is a race.
            if told != {outcome} and not (outcome >= 400 and told <= {None}) and (name, told) != ('given up', {None}):
                wrong.append(f'{name}: the server answers {outcome}, told are {told}')
        elif any(told):
            wrong.append(f'{name}: the server: {outcome}, told are {told}')
    equal(wrong, [], 'differences')
    equal(outcomes['plain'], 200, 'plain')
    true(len([o for o in outcomes.values() if o == 'refused']) > 10, f'{outcomes}')


def begin():
    global AGENT
    if not ENGINE:
        start_front()
    AGENT = Callerd(sockets=[FRONT])


begin()
main()
