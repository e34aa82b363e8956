# SPDX-License-Identifier: Apache-2.0
"""A client of gRPC for the live tests: what it sends, and how, the test says."""
import socket
import struct

import h2.config
import h2.connection
import h2.events

CONTROL = '/moby.buildkit.v1.Control/'
BRIDGE = '/moby.buildkit.v1.frontend.LLBBridge/'


def varint(number):
    out = b''
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def message(*fields):
    """A message of protobuf: (number, value); text, bytes and lists of fields have their length, numbers are varints."""
    out = b''
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
            continue
        if isinstance(value, str):
            value = value.encode()
        elif not isinstance(value, bytes):
            value = message(*value)
        out += varint(number << 3 | 2) + varint(len(value)) + value
    return out


def mapping(number, values):
    """The fields of a map<string, string>."""
    return [(number, [(1, key), (2, value)]) for key, value in values.items()]


class Upgraded:
    """A connection of HTTP/1 that speaks HTTP/2 after `Upgrade: h2c`."""

    def __init__(self, path, target='/grpc', headers='', ahead=b'', server=False):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.socket.sendall(f'POST {target} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n'
                            f'Content-Length: 0\r\n{headers}\r\n'.encode() + ahead)
        head = b''
        while not head.endswith(b'\r\n\r\n'):
            byte = self.socket.recv(1)
            if not byte:
                raise EOFError(head)
            head += byte
        self.begin_http2(server)

    def begin_http2(self, server=False):
        self.state = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=not server, validate_outbound_headers=False, validate_inbound_headers=False,
            normalize_outbound_headers=False))
        self.state.initiate_connection()
        self.events = []
        self.flush()

    def flush(self):
        self.socket.sendall(self.state.data_to_send())

    def begin(self, path, *more, content='application/grpc', data=None, raw=None, end=True):
        """Sends the head of a call, and DATA as its message, or RAW; its stream."""
        stream = self.state.get_next_available_stream_id()
        self.state.send_headers(stream, [(':method', 'POST'), (':scheme', 'http'), (':path', path), (':authority', 'localhost'),
                                         ('content-type', content), ('te', 'trailers'), *more])
        if data is not None:
            self.send(stream, data, end)
        if raw is not None:
            self.state.send_data(stream, raw, end_stream=True)
        self.flush()
        return stream

    def send(self, stream, data, end=True):
        data = struct.pack('>BI', 0, len(data)) + data
        while data:
            while not self.state.local_flow_control_window(stream):
                self.flush()
                self.events += self.state.receive_data(self.socket.recv(65536))
            size = min(self.state.local_flow_control_window(stream), self.state.max_outbound_frame_size)
            self.state.send_data(stream, data[:size], end_stream=end and size >= len(data))
            data = data[size:]
        self.flush()

    def answer(self, stream, data, status):
        self.state.send_headers(stream, [(':status', '200'), ('content-type', 'application/grpc')])
        if data:
            self.send(stream, data, end=False)
        self.state.send_headers(stream, [('grpc-status', str(status))], end_stream=True)
        self.flush()

    def next(self):
        """The next event of h2; None: the server is gone."""
        while not self.events:
            data = self.socket.recv(65536)
            if not data:
                return None
            self.events += self.state.receive_data(data)
            for event in self.events:
                if isinstance(event, h2.events.DataReceived):
                    self.state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            self.flush()
        return self.events.pop(0)

    def outcome(self, stream):
        """grpc-status of a call, and the messages of its answer; waits for its end."""
        status, answer = None, b''
        while True:
            event = self.next()
            if event is None:
                return None, answer
            if getattr(event, 'stream_id', None) != stream:
                continue
            if isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived)):
                fields = {name.decode() if isinstance(name, bytes) else name:
                          value.decode() if isinstance(value, bytes) else value for name, value in event.headers}
                status = fields.get('grpc-status', status)
            elif isinstance(event, h2.events.DataReceived):
                answer += event.data
            elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                return status, answer

    def call(self, path, data=b'', *more):
        return self.outcome(self.begin(path, *more, data=data))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.socket.close()


class Prior(Upgraded):
    """The same by prior knowledge."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.begin_http2()


def fields_of(data):
    """(number, value) of each field of a message: numbers of varints, bytes of what has a length."""
    def number(at):
        value = shift = 0
        while True:
            value |= (data[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if data[at - 1] < 128:
                return value, at
    at = 0
    while at < len(data):
        tag, at = number(at)
        value, at = number(at)
        if tag & 7 == 2:
            value, at = data[at:at + value], at + value
        yield tag >> 3, value


class Messages:
    """The messages of one direction of a call, as their bytes come."""

    def __init__(self):
        self.data = b''

    def take(self, data):
        self.data += data
        while len(self.data) >= 5 and len(self.data) >= 5 + int.from_bytes(self.data[1:5], 'big'):
            size = 5 + int.from_bytes(self.data[1:5], 'big')
            whole, self.data = self.data[5:size], self.data[size:]
            yield whole


class Lent(Prior):
    """A session within a call of Control/Session on CLIENT: the daemon asks for FILES (by name, and by directory), and for the
    SECRETS, which it gets. Serve it in a thread of its own; .asked says for what it was asked."""
    METHODS = '/moby.filesync.v1.FileSync/DiffCopy', '/moby.buildkit.secrets.v1.Secrets/GetSecret', '/grpc.health.v1.Health/Check'

    def __init__(self, client, name, files, secrets):
        self.client, self.files, self.secrets, self.asked, self.copies = client, files, secrets, [], {}
        self.outer, self.inner = Messages(), {}
        self.socket = self
        self.stream = client.begin(CONTROL + 'Session', ('x-docker-expose-session-uuid', name), ('x-docker-expose-session-name', 'lent'),
                                   *[('x-docker-expose-session-grpc-method', method) for method in self.METHODS])
        self.begin_http2(server=True)

    def sendall(self, data):
        """What the session says is a message of the call that it is in."""
        if data:
            self.client.send(self.stream, message((1, data)), end=False)

    def recv(self, _):
        while True:
            event = self.client.next()
            if event is None or (isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)) and event.stream_id == self.stream):
                return b''
            if isinstance(event, h2.events.DataReceived) and event.stream_id == self.stream:
                data = b''.join(value for whole in self.outer.take(event.data) for number, value in fields_of(whole) if number == 1)
                if data:
                    return data

    def packet(self, stream, *fields):
        self.send(stream, message(*fields), end=False)

    def begin_copy(self, stream, fields):
        """The daemon wants a directory: which files, the fields say."""
        wanted = [value.decode() for name, value in fields if name == b'followpaths']
        directory = dict(fields)[b'dir-name'].decode()
        self.copies[stream] = [name for name in sorted(self.files[directory]) if not wanted or name in wanted]
        self.state.send_headers(stream, [(':status', '200'), ('content-type', 'application/grpc')])
        for name in self.copies[stream]:
            self.packet(stream, (2, [(1, name), (2, 0o644), (5, len(self.files[directory][name]))]))
        self.packet(stream, (1, 0))
        self.copies[stream] = [self.files[directory][name] for name in self.copies[stream]]

    def go_on(self, stream, whole):
        """A packet of the daemon's: it wants the contents of a file, or has all."""
        packet = dict(fields_of(whole))
        if packet.get(1) == 1:
            data = self.copies[stream][packet.get(3, 0)]
            for at in range(0, len(data), 32768):
                self.packet(stream, (1, 2), (3, packet.get(3, 0)), (4, data[at:at + 32768]))
                self.tell_health()
            self.packet(stream, (1, 2), (3, packet.get(3, 0)))
        elif packet.get(1) == 3:
            self.packet(stream, (1, 3))
            self.state.send_headers(stream, [('grpc-status', '0')], end_stream=True)
            self.flush()

    def tell_health(self):
        """The daemon gives up who does not answer that in time."""
        waiting, self.events = self.events, []
        for event in waiting:
            stream = getattr(event, 'stream_id', 0)
            if dict(getattr(event, 'headers', ())).get(b':path', b'').endswith(b'Check') or self.inner.get(stream, ('',))[0].endswith('Check'):
                self.take(event)
            else:
                self.events.append(event)

    def take(self, event):
        if isinstance(event, h2.events.RequestReceived):
            path = dict(event.headers)[b':path'].decode()
            self.asked.append(path.rsplit('/', maxsplit=1)[-1])
            self.inner[event.stream_id] = path, Messages()
            if path.endswith('DiffCopy'):
                self.begin_copy(event.stream_id, event.headers)
        elif isinstance(event, h2.events.DataReceived):
            path, messages = self.inner[event.stream_id]
            for whole in messages.take(event.data):
                if path.endswith('DiffCopy'):
                    self.go_on(event.stream_id, whole)
                elif path.endswith('GetSecret'):
                    self.answer(event.stream_id, message((1, self.secrets[dict(fields_of(whole))[1].decode()])), 0)
                else:
                    self.answer(event.stream_id, message((1, 1)), 0) # it serves

    def serve(self):
        while True:
            event = self.next()
            if event is None:
                return
            self.take(event)
