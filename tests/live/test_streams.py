# SPDX-License-Identifier: Apache-2.0
"""Takeovers, endless streams and bodies of hundreds of megabytes; and the request behind them."""
import contextlib
import hashlib
import io
import json
import os
import pty
import re
import select
import subprocess
import tarfile
import threading
import time

from live import *
from wire import Wire

AGENT = None
MB = 1 << 20
LARGE = scaled(150, 30, 500)  # megabytes of an image, of an archive
CREATE = '/v1.41/containers/create'
HIJACK = 'Connection: Upgrade\r\nUpgrade: tcp\r\n'
SMUGGLED = b'GET /_ping?smuggled HTTP/1.1\r\nHost: docker\r\n\r\n'
LOOKS_LIKE_HTTP = SMUGGLED + b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n' + SMUGGLED


def container_body(*command, **more):
    return json.dumps({'Image': IMAGE, 'Cmd': command, 'HostConfig': {'NetworkMode': 'none'},
                       **more}).encode()


@contextlib.contextmanager
def container(name, *command, start=True, **more):
    """A container by that name, made and removed by calls that must be recorded too."""
    with Wire(AGENT) as wire:
        wire.ask(f'{CREATE}?name={name}', 'POST', body=container_body(*command, **more), wanted=201)
        if start:
            wire.ask(f'/v1.41/containers/{name}/start', 'POST', wanted=204)
        wire.check()
    try:
        yield name
    finally:
        with Wire(AGENT) as wire:
            wire.ask(f'/v1.41/containers/{name}?force=1', 'DELETE', wanted=204)
            wire.check()


def no_smuggled_request():
    AGENT.settle()
    equal([r['message'] for r in AGENT.records(event__action='api-request')
           if 'smuggled' in r['message']], [], 'what went through a stream')


def send_request(wire, method, target, headers='', body=b''):
    if body:
        headers += f'Content-Type: application/json\r\nContent-Length: {len(body)}\r\n'
    wire.send(f'{method} {target} HTTP/1.1\r\nHost: docker\r\n{headers}\r\n'.encode() + body)


def exec_id(wire, name, *command, tty=True):
    body = json.dumps({'AttachStdin': True, 'AttachStdout': True, 'AttachStderr': True, 'Tty': tty,
                       'Cmd': command}).encode()
    target = f'/v1.41/containers/{name}/exec'
    send_request(wire, 'POST', target, '', body)
    status, headers = wire.head()
    equal(status, 201, 'exec create')
    size = int(headers['content-length'])
    wire.expect('POST', target, 201, len(body), size)
    return json.loads(wire.stream.read(size))['Id']


def talk(wire, data, wanted):
    """Sends DATA over a taken-over connection and reads until WANTED comes back."""
    wire.send(data)
    got = b''
    while wanted not in got:
        more = wire.stream.read1(65536)
        true(more, f'the stream ended: {got!r}')
        got += more


# --- takeovers --------------------------------------------------------------------------------------


def attach(name, headers, status):
    target = f'/v1.41/containers/{name}/attach?stream=1&stdin=1&stdout=1&stderr=1'
    with Wire(AGENT) as wire:
        wire.ask('/_ping?before', wanted=200)
        send_request(wire, 'POST', target, headers)
        equal(wire.head()[0], status, 'attach')
        wire.expect('POST', target, status)
        wire.check()  # at once, not when it ends
        for _ in range(20):
            talk(wire, LOOKS_LIKE_HTTP, b'smuggled HTTP/1.1\r\nHost')
        wire.check()
        no_smuggled_request()


@test
def attach_with_101_and_200():
    with container('streams-attach', 'cat', OpenStdin=True) as name:
        attach(name, HIJACK, 101)
        attach(name, '', 200)


@test
def exec_with_101_and_200():
    with container('streams-exec', 'sleep', '600') as name:
        for headers, status in ((HIJACK, 101), ('', 200)):
            with Wire(AGENT) as wire:
                target = f'/v1.41/exec/{exec_id(wire, name, "cat", tty=False)}/start'
                body = b'{"Detach":false,"Tty":false}'
                send_request(wire, 'POST', target, headers, body)
                equal(wire.head()[0], status, 'exec start')
                wire.expect('POST', target, status, len(body))
                talk(wire, LOOKS_LIKE_HTTP, b'smuggled HTTP/1.1\r\nHost')
                wire.check()
                no_smuggled_request()


@test
def takeover_and_stream_in_one_write():
    """What follows in the same write belongs to the stream, whatever it looks like."""
    with container('streams-ahead', 'cat', OpenStdin=True) as name:
        for headers, status in ((HIJACK, 101), ('', 200)):
            target = f'/v1.41/containers/{name}/attach?stream=1&stdin=1&stdout=1'
            with Wire(AGENT) as wire:
                wire.send(f'POST {target} HTTP/1.1\r\nHost: docker\r\n{headers}\r\n'.encode()
                          + SMUGGLED)
                equal(wire.head()[0], status, 'attach')
                wire.expect('POST', target, status)
                talk(wire, LOOKS_LIKE_HTTP, b'smuggled HTTP/1.1\r\nHost')
                wire.check()
                no_smuggled_request()


@test
def failed_takeovers_stay_http():
    with container('streams-stopped', 'true', start=False) as name, Wire(AGENT) as wire:
        wire.ask('/v1.41/exec/none/start', 'POST', HIJACK, b'{}', wanted=404)
        wire.ask('/_ping?after-404', wanted=200)
        wire.ask(f'/v1.41/containers/{name}/exec', 'POST', HIJACK, b'{"Cmd":["true"]}', wanted=409)
        wire.ask('/_ping?after-409', wanted=200)
        wire.ask('/v1.41/exec/none/start', 'POST', '', b'{"Detach":false}', wanted=404)
        wire.ask('/_ping?after-404', wanted=200)
        wire.ask(f'/v1.41/containers/{name}/exec', 'POST', '', b'bad', wanted=None)
        wire.ask('/_ping?last', wanted=200)
        wire.check()


@test
def detached_exec_stays_http():
    with container('streams-detached', 'sleep', '600') as name, Wire(AGENT) as wire:
        for headers in '', HIJACK:
            target = f'/v1.41/exec/{exec_id(wire, name, "true")}/start'
            wire.ask(target, 'POST', headers, b'{"Detach":true}', wanted=200)
            wire.ask('/_ping?after', wanted=200)
        wire.check()


@test
def failed_attach():
    """The daemon takes over to say that it cannot, and closes."""
    for headers in HIJACK, '':
        with Wire(AGENT) as wire:
            wire.ask('/_ping?before', wanted=200)
            send_request(wire, 'POST', '/v1.41/containers/none/attach?stream=1', headers)
            status, _ = wire.head()
            equal(status, 404, 'attach')
            wire.expect('POST', '/v1.41/containers/none/attach?stream=1', 404,
                        http__response__body__bytes=lambda got: True)
            wire.skip(None)
            wire.closed_at_once()
            wire.check()


@test
def websocket_attach():
    frame = bytes([0x82, 0x80 | 0x7e]) + len(LOOKS_LIKE_HTTP).to_bytes(2, 'big') + bytes(4) \
        + LOOKS_LIKE_HTTP  # masked with zeros: it stands there as it is
    with container('streams-ws', 'cat', OpenStdin=True) as name, Wire(AGENT) as wire:
        target = f'/v1.41/containers/{name}/attach/ws?stream=1&stdin=1&stdout=1'
        send_request(wire, 'GET', target, 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
                     'Sec-WebSocket-Version: 13\r\nOrigin: http://docker\r\n'
                     'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n')
        equal(wire.head()[0], 101, 'attach')
        wire.expect('GET', target, 101)
        talk(wire, frame, b'smuggled HTTP/1.1\r\nHost')
        wire.check()
        no_smuggled_request()


@test
def http_2_after_upgrade():
    """What is spoken in /session and /grpc is HTTP/2: what is none of it is told, and taken for no request of HTTP/1."""
    settings = bytes.fromhex('000000040000000000')
    for target, headers, preface in (
            ('/session', f'X-Docker-Expose-Session-Uuid: streams-{time.time()}\r\nX-Docker-Expose-Session-Name: x\r\n', b''),
            ('/grpc', '', b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')):
        with Wire(AGENT) as wire:
            wire.ask('/_ping?before', wanted=200)
            send_request(wire, 'POST', target, 'Connection: Upgrade\r\nUpgrade: h2c\r\n' + headers)
            equal(wire.head()[0], 101, target)
            wire.expect('POST', target, 101)
            wire.send(preface + settings + LOOKS_LIKE_HTTP)
            wire.check()
            no_smuggled_request()


# --- the docker command line --------------------------------------------------------------------


def docker_command(*args, **options):
    command = ['docker', '-H', 'unix://' + SOCKET, *args]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def path_of(record):
    """Without the version, which is what client and daemon agreed on."""
    return re.sub(r'^/v1\.\d+', '', field(record, 'url.path', ''))


def requests_of(pid):
    """Method, path without its version, and status of a process's requests."""
    return [(field(r, 'http.request.method'), path_of(r),
             field(r, 'http.response.status_code'))
            for r in AGENT.records(event__action='api-request', process__pid=pid)]


def has_request(pid, method, start, end, statuses):
    AGENT.wait(that=lambda r: field(r, 'process.pid') == pid
               and field(r, 'http.request.method') == method
               and path_of(r).startswith(start) and path_of(r).endswith(end)
               and field(r, 'http.response.status_code') in statuses,
               event__action='api-request')


@test
def docker_run_interactive():
    client = docker_command('run', '-i', '--rm', '--network', 'none', IMAGE, 'cat',
                            stdin=subprocess.PIPE)
    out, error = client.communicate(LOOKS_LIKE_HTTP, timeout=PATIENCE)
    equal((out, client.returncode), (LOOKS_LIKE_HTTP, 0), error.decode())
    has_request(client.pid, 'POST', '/containers/create', '', (201,))
    has_request(client.pid, 'POST', '/containers/', '/attach', (101,))
    has_request(client.pid, 'POST', '/containers/', '/start', (204,))
    has_request(client.pid, 'POST', '/containers/', '/wait', (200,))
    no_smuggled_request()
    true(all(r['callerd']['capture']['complete'] for r in AGENT.records(
        event__action='api-request', process__pid=client.pid)), 'all complete')


@test
def docker_run_and_exec_with_a_terminal():
    with container('streams-tty', 'sleep', '600') as name:
        for args, end in ((('exec', '-it', name, 'sh'), '/start'),
                          (('run', '-it', '--rm', '--network', 'none', IMAGE, 'sh'), '/attach')):
            main_end, end_of_client = pty.openpty()
            client = docker_command(*args, stdin=end_of_client)
            os.close(end_of_client)
            os.write(main_end, b'echo ' + SMUGGLED.split(b'\r')[0] + b'; echo do""ne; exit\n')
            out = b''
            while b'done\r\n' not in out:
                true(select.select([client.stdout], [], [], PATIENCE)[0], f'output {out!r}')
                more = os.read(client.stdout.fileno(), 65536)
                true(more, f'output {out!r} {client.stderr}')
                out += more
            client.communicate(timeout=PATIENCE)
            os.close(main_end)
            has_request(client.pid, 'POST', '/exec/' if end == '/start' else '/containers/', end,
                        (101,))
            no_smuggled_request()


@test
def docker_logs_follow():
    with container('streams-logs', 'sh', '-c', 'while :; do echo line; sleep 1; done') as name:
        client = docker_command('logs', '-f', name)
        client.stdout.readline()
        has_request(client.pid, 'GET', '/containers/', '/logs', (200,))
        client.kill()
        client.communicate()
        AGENT.settle()
        requests = [(method, status) for method, path, status in requests_of(client.pid)
                    if path.endswith('/logs')]
        equal(requests, [('GET', 200)], 'requests for the logs')


# --- streams that do not end ------------------------------------------------------------------------


@test
def events_never_end():
    with Wire(AGENT) as wire:
        wire.ask('/_ping?before', wanted=200)
        send_request(wire, 'GET', '/v1.41/events')
        equal(wire.head()[0], 200, 'events')
        wire.expect('GET', '/v1.41/events', 200)
        wire.check()
        for i in range(scaled(30, 5)):
            with Wire(AGENT) as other:
                body = b'{"Name":"streams-event-%d"}' % i
                other.ask('/v1.41/volumes/create', 'POST', body=body, wanted=201)
                other.ask(f'/v1.41/volumes/streams-event-{i}', 'DELETE', wanted=204)
            wire.stream.readline()
            wire.stream.read1(65536)
        # Another request in the middle of the answer: the daemon reads it, and never gets to it.
        wire.check()


def tar_of(**files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w') as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data.encode()))
    return out.getvalue()


def failure_of(target, body=b'', headers=''):
    """The last record of a request that fails behind the head of its answer, and what the daemon said."""
    target += f'{"&" if "?" in target else "?"}mark={time.monotonic_ns()}'
    status, answer = request('POST', target, body, headers)[:2]
    equal(status, 200, target)
    record = AGENT.wait(url__original=target, event__action='api-request')[0]
    if field(record, 'event.outcome') == 'success': # it took long
        record = AGENT.wait(http__request__id=field(record, 'http.request.id'), event__action='api-request-ended')[0]
    last = json.loads(answer.decode().strip().splitlines()[-1])
    equal((field(record, 'event.outcome'), field(record, 'http.response.status_code')), ('failure', 200), record['message'])
    true(field(record, 'error.message') in record['message'], record['message'])
    return field(record, 'error.message'), last['error']


@test
def failures_within_an_answer():
    """A pull, push, load or build whose answer was 200 before it failed is told as a failure."""
    request('POST', f'/images/{IMAGE}/tag?repo=127.0.0.1:1/x&tag=1')
    build = '/build?networkmode=none'
    for target, body, headers in (
            ('/images/127.0.0.1:1/x/push?tag=1', None, 'X-Registry-Auth: e30=\r\n'), # nobody listens there
            ('/images/load', b'no archive', '')):
        told, said = failure_of(target, body, headers)
        equal(told, said, target)
    for step in ('COPY nothing /',
                 'RUN yes 0123456789 | head -n 20000; false'): # behind more than is copied of an answer
        told, said = failure_of(build, tar_of(Dockerfile=f'FROM {IMAGE}\n{step}\n'))
        equal(told, 'the build failed', said)
    told, said = failure_of(build, tar_of(Dockerfile=f'FROM {IMAGE}\nRUN echo hunter2 && false\n'))
    true('hunter2' in said, said)
    equal(told, 'the build failed', 'error.message')
    AGENT.settle()
    true('hunter2' not in json.dumps(AGENT.records()), 'a command of a step is told')


@test
def request_behind_a_stream_that_ends():
    with Wire(AGENT) as wire, container('streams-wait', 'sh', '-c', 'sleep 0.3') as name:
        send_request(wire, 'GET', f'/v1.41/containers/{name}/logs?follow=1&stdout=1')
        status, headers = wire.head()
        equal((status, headers.get('transfer-encoding')), (200, 'chunked'), 'logs')
        wire.expect('GET', f'/v1.41/containers/{name}/logs?follow=1&stdout=1', 200)
        wire.send('GET /_ping?during HTTP/1.1\r\nHost: docker\r\n\r\n')
        wire.chunks()
        wire.answer('GET', '/_ping?during', wanted=200)
        wire.ask('/_ping?after', wanted=200)
        wire.check()


@test
def long_answers():
    """Answers of more bytes than are looked at."""
    count = scaled(100, 40, 300)
    with container('streams-long', 'sleep', '600', Labels={'x' * i: 'y' * 4000 for i in range(1, 60)}), \
            Wire(AGENT) as wire:
        for i in range(count // 10):
            wire.ask('/v1.41/containers/streams-long/json', wanted=200)
            wire.ask(f'/_ping?after={i}', wanted=200)
        wire.check()


# --- large bodies -----------------------------------------------------------------------------------


class Memory:
    """The most that callerd took while this was going on."""

    def __enter__(self):
        self.before = self.most = AGENT.rss()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self):
        while not self.stop.wait(0.1):
            self.most = max(self.most, AGENT.rss())

    def __exit__(self, *unused):
        self.stop.set()
        self.thread.join()

    def check(self):
        # A request in flight may hold a few buffers; what goes through does not stay.
        true(self.most - self.before < MB, f'grew from {self.before} to {self.most} bytes')


def filling(size):
    """SIZE bytes that look like requests, so that losing the thread would show."""
    block = (LOOKS_LIKE_HTTP * 1000)[:65536]
    return block * (size // len(block))


def image_tar(name, megabytes):
    """What docker load takes, as a list of buffers: an image with one large file."""
    block = filling(MB)
    member = tarfile.TarInfo('large')
    member.size = megabytes * MB
    layer = [member.tobuf(), *[block] * megabytes, bytes(10240)]
    digest = hashlib.sha256()
    for part in layer:
        digest.update(part)
    config = json.dumps({'architecture': 'amd64', 'os': 'linux', 'config': {},
                         'rootfs': {'type': 'layers', 'diff_ids': ['sha256:' + digest.hexdigest()]},
                         'history': [{'created': '2020-01-01T00:00:00Z'}]}).encode()
    manifest = json.dumps([{'Config': 'config.json', 'RepoTags': [name + ':latest'],
                            'Layers': ['layer.tar']}]).encode()
    parts = []
    for path, content in (('config.json', [config]), ('manifest.json', [manifest]),
                          ('layer.tar', layer)):
        info = tarfile.TarInfo(path)
        info.size = sum(map(len, content))
        parts += [info.tobuf(), *content, bytes(-info.size % 512)]
    return parts + [bytes(10240)]


def send_body(wire, method, target, parts, chunks, wanted=200):
    """A request with a large body, and its answer. The daemon may speak before the body's end."""
    size = sum(map(len, parts))
    framing = 'Transfer-Encoding: chunked' if chunks else f'Content-Length: {size}'
    send_request(wire, method, target, f'Content-Type: application/x-tar\r\n{framing}\r\n')
    for part in parts:
        if part and chunks:
            wire.socket.sendall(b'%x\r\n' % len(part))
        wire.socket.sendall(part)
        if part and chunks:
            wire.socket.sendall(b'\r\n')
    if chunks:
        wire.socket.sendall(b'0\r\n\r\n')
    status, headers, body = wire.response(method)
    equal(status, wanted, target)
    partly = size > 4 * MB
    wire.expect(method, target, status,
                (lambda got: got in (None, size)) if chunks else size,
                None if headers.get('transfer-encoding') == 'chunked' else body,
                http__request__mime_type='application/x-tar',
                **{'callerd.capture.complete': lambda got: got is not partly or chunks or got,
                   'callerd.capture.reason': lambda got: got in (None, ['budget'])})


def ask_behind(wire, target, chunks):
    """The request behind a large body. Chunks that were not looked at hide where they end: there the
    record says that it is a request by its looks and its turn."""
    doubt = {'callerd.capture.complete': lambda got: got in (True, False),
             'callerd.capture.reason': lambda got: got in (None, ['resynchronised'])}
    wire.ask(target, wanted=200, **(doubt if chunks else {}))


def load_image(chunks, quiet):
    name = f'streams-load-{chunks:d}'
    with Wire(AGENT) as wire, Memory() as memory:
        wire.ask('/_ping?before', wanted=200)
        send_body(wire, 'POST', f'/v1.41/images/load?quiet={quiet}', image_tar(name, LARGE), chunks)
        ask_behind(wire, '/_ping?after', chunks)
        wire.ask(f'/v1.41/images/{name}', 'DELETE', wanted=200)
        wire.ask('/_ping?last', wanted=200)
        wire.check()
        memory.check()


@test
def image_load_with_length():
    load_image(False, 1)


@test
def image_load_chunked():
    load_image(True, 0)


@test
def image_load_by_the_docker_command():
    data = b''.join(image_tar('streams-cli', scaled(20, 5)))
    client = docker_command('load', stdin=subprocess.PIPE)
    _, error = client.communicate(data, timeout=PATIENCE * 2)
    equal(client.returncode, 0, error.decode())
    has_request(client.pid, 'POST', '/images/load', '', (200,))
    client = docker_command('rmi', 'streams-cli')
    equal((client.communicate() and client.returncode), 0, 'rmi')
    no_smuggled_request()


@test
def archives():
    """PUT archive, chunked and not; GET archive and export: with the next request behind each."""
    info = tarfile.TarInfo('large')
    info.size = LARGE * MB
    block = filling(MB)
    parts = [info.tobuf(), *[block] * LARGE, bytes(10240)]
    with container('streams-archive', 'true', start=False) as name, Wire(AGENT) as wire, \
            Memory() as memory:
        target = f'/v1.41/containers/{name}/archive?path=/tmp'
        send_body(wire, 'PUT', target, parts, False)
        ask_behind(wire, '/_ping?after-put', False)
        send_body(wire, 'PUT', target, [info.tobuf()] + [block] * LARGE + [bytes(1024)], True)
        ask_behind(wire, '/_ping?after-chunked-put', True)
        for target in (f'/v1.41/containers/{name}/archive?path=/tmp/large',
                       f'/v1.41/containers/{name}/export'):
            send_request(wire, 'GET', target)
            status, _, size = wire.response()
            true(size > LARGE * MB, f'bytes of the archive: {size}')
            wire.expect('GET', target, status)
            wire.ask('/_ping?after-get', wanted=200)
        wire.ask('/_ping?last', wanted=200)
        wire.check()
        memory.check()
        no_smuggled_request()


@test
def archive_cut_off():
    """The client goes away in the middle of a download and of an upload."""
    with container('streams-cut', 'true', start=False) as name:
        with Wire(AGENT) as wire:
            send_request(wire, 'GET', f'/v1.41/containers/{name}/export')
            wire.head()
            wire.skip(100000)
            wire.expect('GET', f'/v1.41/containers/{name}/export', 200)
            wire.close()
            wire.check()
        with Wire(AGENT) as wire:
            target = f'/v1.41/containers/{name}/archive?path=/tmp'
            send_request(wire, 'PUT', target, f'Content-Length: {64 * MB}\r\n')
            info = tarfile.TarInfo('cut')
            info.size = 63 * MB
            wire.send(info.tobuf() + filling(MB))
            wire.wait_until_read()
            wire.close()
            record = AGENT.wait(event__action='api-request', callerd__connection__id=wire.id)[0]
            equal(record['http']['request']['body']['bytes'], 64 * MB, 'announced bytes')
            no_smuggled_request()


def main_with_agent():
    global AGENT
    with Callerd() as AGENT:
        main()


main_with_agent()
