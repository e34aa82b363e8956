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
