# SPDX-License-Identifier: Apache-2.0
"""A connection to the daemon that knows what the records of it must say."""
import array
import fcntl
import os
import socket
import termios
import time

from live import PATIENCE, connect, equal, field, true


class Wire:
    """One connection of this process: sends and receives raw bytes, and holds what must be recorded."""

    def __init__(self, agent):
        self.agent = agent
        before = len(self._connects())
        self.socket = connect()
        self.stream = self.socket.makefile('rb')
        self.expected = []
        agent.wait(before + 1, event__action='socket-connected', process__pid=os.getpid())
        self.id = self._connects()[before]['callerd']['connection']['id']

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def _connects(self):
        return self.agent.records(event__action='socket-connected', process__pid=os.getpid())

    def close(self):
        self.stream.close()
        self.socket.close()

    def send(self, data, piece=None):
        """All at once, or in pieces of that size, each read by the daemon before the next is sent."""
        data = data if isinstance(data, bytes) else data.encode()
        for at in range(0, len(data), piece or len(data)):
            self.socket.sendall(data[at:at + (piece or len(data))])
            if piece:
                self.wait_until_read()

    def wait_until_read(self):
        """Waits until the daemon has read all that was sent."""
        unread = array.array('i', [1])
        deadline = time.monotonic() + PATIENCE
        while True:
            fcntl.ioctl(self.socket, termios.TIOCOUTQ, unread)
            if not unread[0]:
                return
            true(time.monotonic() < deadline, 'the daemon does not read')
            time.sleep(0)

    def head(self):
        """The next response's status and headers."""
        line = self.stream.readline()
        true(line.startswith(b'HTTP/1.'), f'no response: {line!r}')
        headers = {}
        while True:
            more = self.stream.readline()
            if more in (b'\r\n', b''):
                break
            name, _, value = more.decode('latin-1').partition(':')
            headers[name.lower()] = value.strip()
        return int(line.split()[1]), headers

    def response(self, method='GET'):
        """The next final response: its status, headers, and the bytes of its body."""
        status, headers = 100, {}
        while status < 200 and status != 101:
            status, headers = self.head()
        return status, headers, self.body(method, status, headers)

    def body(self, method, status, headers):
        """The bytes of a body; what it holds is of no interest."""
        if method == 'HEAD' or status in (101, 204, 304):
            return 0
        if headers.get('transfer-encoding') == 'chunked':
            return self.chunks()
        if 'content-length' in headers:
            return self.skip(int(headers['content-length']))
        return self.skip(None)

    def skip(self, size):
        """Reads SIZE bytes, or all until the daemon closes; returns how many."""
        done = 0
        while size is None or done < size:
            more = self.stream.read1(1 << 20 if size is None else min(1 << 20, size - done))
            if not more:
                true(size is None, 'closed within a body')
                break
            done += len(more)
        return done

    def chunks(self):
        total = 0
        while True:
            size = int(self.stream.readline().split(b';')[0], 16)
            total += self.skip(size)
            self.stream.readline()
            if not size:
                return total

    def ends(self):
        """The daemon closes."""
        try:
            equal(self.stream.read1(1), b'', 'after the end')
        except ConnectionResetError:
            pass
        self.closed_at_once()

    def closed_at_once(self):
        """The daemon may have closed before our write(2) was through: then the last request's sender
        is known by the order of things alone, and its record says so."""
        last = self.expected[-1]
        reasons = last.get('callerd.capture.reason') or []
        last['callerd.capture.complete'] = lambda got: got in (not reasons, False)
        last['callerd.capture.reason'] = lambda got: reasons == [
            reason for reason in got or [] if reason != 'sender-unconfirmed']

    def expect(self, method, target, status, body=0, answer=None, **more):
        """The next request on this connection must be recorded like this."""
        fields = {
            'http.request.method': method,
            'url.original': target,
            'http.response.status_code': status,
            'http.request.body.bytes': body,
        }
        if answer is not None:
            fields['http.response.body.bytes'] = answer
        fields.update((name.replace('__', '.'), value) for name, value in more.items())
        self.expected.append(fields)

    def ask(self, target, method='GET', headers='', body=b'', piece=None, version='1.1', wanted=None,
            **more):
        """A request and its response; returns the status. WANTED is what it must be."""
        if body:
            headers += f'Content-Type: application/json\r\nContent-Length: {len(body)}\r\n'
        self.send(f'{method} {target} HTTP/{version}\r\nHost: docker\r\n{headers}\r\n'.encode() + body,
                  piece)
        return self.answer(method, target, len(body), wanted, **more)

    def answer(self, method, target, body=0, wanted=None, **more):
        """Reads the response to a request that was sent; it must be recorded."""
        status, headers, size = self.response(method)
        if wanted:
            equal(status, wanted, f'the daemon on {method} {target:.100}')
        chunked = headers.get('transfer-encoding') == 'chunked' and method != 'HEAD'
        self.expect(method, target, status, body, None if chunked else size, **more)
        return status

    def refused(self, status, *reasons):
        """The next record must say that it could not be parsed, for one of these reasons."""
        self.expected.append({
            'http.request.method': None,
            'url.original': None,
            'http.response.status_code': status,
            'callerd.capture.complete': False,
            'callerd.capture.reason': ['unparsed'],
            'error.message': lambda got: got and any(reason in got for reason in reasons),
        })
        self.closed_at_once()

    def records(self):
        return self.agent.records(event__action='api-request', callerd__connection__id=self.id)

    def check(self):
        """The records of this connection are those expected, and no others."""
        self.agent.wait(len(self.expected), event__action='api-request',
                        callerd__connection__id=self.id)
        self.agent.settle()
        records = self.records()
        for number, (record, fields) in enumerate(zip(records, self.expected), 1):
            what = f'request {number}, {fields.get("http.request.method")} ' \
                   f'{str(fields.get("url.original")):.80}'
            self._compare(record, {**self._always(number, fields), **fields}, what)
        equal(len(records), len(self.expected), 'records: '
              + '; '.join(record['message'][:200] for record in records))

    @staticmethod
    def _always(number, fields):
        """What goes for every request unless a test says otherwise."""
        status = fields.get('http.response.status_code')
        outcome = 'success' if status and status < 400 else 'failure' if status else 'unknown'
        return {
            'callerd.connection.request': number,
            'callerd.capture.complete': True,
            'callerd.capture.reason': None,
            'callerd.connector': None,
            'error.message': None,
            'event.outcome': outcome,
            'process.pid': os.getpid(),
        }

    @staticmethod
    def _compare(record, fields, what):
        for name, wanted in fields.items():
            got = field(record, name)
            if callable(wanted):
                true(wanted(got), f'{what}: {name} is {got!r}')
            elif got != wanted:
                raise AssertionError(f'{what}: {name}: got {str(got)[:300]!r}, '
                                     f'wanted {str(wanted)[:300]!r}')
