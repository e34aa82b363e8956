# SPDX-License-Identifier: Apache-2.0
"""Each request that the daemon reads is one record that says what was asked and answered."""
import os
import signal

from live import *
from wire import Wire
import engines

AGENT = None
HOST = 'Host: docker\r\n'
JSON = 'Content-Type: application/json\r\n'
CHUNKED = 'Transfer-Encoding: chunked\r\n'
VOLUMES = '/v1.41/volumes'


def head(target, method='GET', version='HTTP/1.1', headers=HOST):
    return f'{method} {target} {version}\r\n{headers}\r\n'


def chunk(data, size=None):
    """DATA in chunks of SIZE bytes, to the end."""
    size = size or len(data)
    text = b''.join(b'%x\r\n%s\r\n' % (len(data[at:at + size]), data[at:at + size])
                    for at in range(0, len(data), size))
    return text + b'0\r\n\r\n'


def volume(name, size=0):
    """The body that makes a volume, padded to SIZE bytes."""
    return (b'{"Name":"http-%s"}' % name.encode()).rjust(size)


def create_volume(wire, name, size=0, headers='', piece=None):
    wire.ask(VOLUMES + '/create', 'POST', headers, volume(name, size), piece, wanted=201,
             http__request__mime_type='application/json')


def delete_volume(wire, name):
    wire.ask(f'{VOLUMES}/http-{name}', 'DELETE', wanted=204)


# --- one request after the other ------------------------------------------------------------------


@test
def keep_alive():
    count = scaled(300, 60, 1000)
    with Wire(AGENT) as wire:
        for i in range(count):
            wire.ask(f'/_ping?keep-alive={i}', wanted=200, url__path='/_ping', http__version='1.1',
                     url__query=f'keep-alive={i}')
        wire.check()


@test
def single_bytes():
    with Wire(AGENT) as wire:
        for i in range(scaled(5, 2)):
            wire.ask(f'/_ping?bytes={i}', piece=1, wanted=200)
        wire.ask('/_ping?whole', wanted=200)
        create_volume(wire, 'bytes', piece=1)
        delete_volume(wire, 'bytes')
        wire.check()


@test
def responses_read_in_single_bytes():
    with Wire(AGENT) as wire:
        for target in '/v1.41/version', '/v1.41/info', '/_ping':
            wire.send(head(target))
            data = b''
            while not data.endswith(b'\r\n\r\n'):
                data += wire.socket.recv(1)
            headers = data.lower()
            size = int(headers.partition(b'content-length: ')[2].split()[0]) \
                if b'content-length' in headers else None
            start = len(data)
            while not data.endswith(b'0\r\n\r\n') if size is None else len(data) < start + size:
                data += wire.socket.recv(1)
            wire.expect('GET', target, int(data.split()[1]), answer=size)
@test
def user_agent_and_type():
    with Wire(AGENT) as wire:
        wire.ask('/_ping?agent', headers='User-Agent: some/1.0 (agent)\r\n', wanted=200,
                 user_agent__original='some/1.0 (agent)')
        wire.ask('/_ping?none', wanted=200, user_agent=None)
        wire.check()


# --- bodies ---------------------------------------------------------------------------------------


@test
def content_length():
    with Wire(AGENT) as wire:
        for size in (0, 1000, 5000, scaled(1 << 20, 1 << 17)):
            create_volume(wire, f'length-{size}', size)
            delete_volume(wire, f'length-{size}')
        create_volume(wire, 'halves', 3000, piece=1500)
        delete_volume(wire, 'halves')
        wire.check()


def chunked_volume(wire, name, size, chunk_size, piece=None):
    body = volume(name, size)
    wire.send(head(VOLUMES + '/create', 'POST', headers=HOST + JSON + CHUNKED).encode()
              + chunk(body, chunk_size), piece)
    # The handler ends with the JSON value: what comes behind may not have been read by then.
    sure = not piece and len(chunk(body, chunk_size)) < 3000
    wire.answer('POST', VOLUMES + '/create', wanted=201,
                **{'http.request.body.bytes': len(body) if sure
                   else lambda got: got in (None, len(body))})
    delete_volume(wire, name)


@test
def chunked():
    with Wire(AGENT) as wire:
        chunked_volume(wire, 'chunked', 0, None)
        chunked_volume(wire, 'chunks', 1000, 7)
        chunked_volume(wire, 'chunks-1', 200, 1)
        chunked_volume(wire, 'chunks-many', scaled(100000, 20000), 33)
        chunked_volume(wire, 'chunks-large', scaled(1 << 20, 1 << 17), 70000)
        wire.check()


@test
def chunked_in_single_bytes():
    with Wire(AGENT) as wire:
        chunked_volume(wire, 'bytes', 0, 5, piece=1)
        chunked_volume(wire, 'bytes-1', 0, 1, piece=1)
        wire.ask('/_ping?after', wanted=200)
        wire.check()


@test
def chunked_with_trailer_and_extensions():
    body = volume('trailer')
    with Wire(AGENT) as wire:
        wire.send(head(VOLUMES + '/create', 'POST', headers=HOST + JSON + CHUNKED + 'Trailer: X\r\n')
                  .encode() + b'%x;a=b\r\n%s\r\n0;c\r\nX: y\r\n\r\n' % (len(body), body))
        wire.answer('POST', VOLUMES + '/create', len(body), 201, **{
            'callerd.capture.anomalies': lambda got: {'trailer', 'chunk-extension'} <= set(got)})
        delete_volume(wire, 'trailer')
        wire.check()


@test
def chunked_response():
    with Wire(AGENT) as wire:
        wire.send(head('/v1.41/events?since=1&until=2'))
        status, headers, _ = wire.response()
        equal((status, headers.get('transfer-encoding')), (200, 'chunked'), 'events')
        wire.expect('GET', '/v1.41/events?since=1&until=2', 200)
        wire.ask('/_ping?after', wanted=200)
        wire.check()


@test
def expect_100_continue():
    body = volume('continue')
    with Wire(AGENT) as wire:
        for name in 'continue', 'continue-bytes':
            body = volume(name)
            wire.send(head(VOLUMES + '/create', 'POST', headers=HOST + JSON
                           + f'Expect: 100-continue\r\nContent-Length: {len(body)}\r\n'))
            equal(wire.head()[0], 100, 'the daemon asks for the body')
            wire.send(body, piece=1 if name.endswith('bytes') else None)
            wire.answer('POST', VOLUMES + '/create', len(body), 201)
            delete_volume(wire, name)
        # Not waited for: the body comes with the head.
        wire.ask(VOLUMES + '/create', 'POST', 'Expect: 100-continue\r\n', volume('x'), wanted=201)
        delete_volume(wire, 'x')
        wire.check()


@test
def expect_100_continue_refused():
    """The daemon answers without asking for the body, which is never sent."""
    with Wire(AGENT) as wire:
        wire.send(head('/v1.41/nowhere', 'POST', headers=HOST + JSON
                       + 'Expect: 100-continue\r\nContent-Length: 10\r\n'))
        wire.answer('POST', '/v1.41/nowhere', 10, 404)
        wire.check()
    with Wire(AGENT) as wire:
        wire.send(head('/_ping', 'POST', headers=HOST + 'Expect: something\r\nContent-Length: 3\r\n'))
        equal(wire.response()[0], 417, 'status')
        wire.refused(417, 'xpect')
        wire.check()


@test
def head_has_no_body():
    with Wire(AGENT) as wire:
        for i in range(3):
            wire.ask(f'/_ping?head={i}', 'HEAD', wanted=200)
            wire.ask(f'/_ping?get={i}', wanted=200)
        wire.check()


@test
def created_204_304_409_404():
    with Wire(AGENT) as wire:
        wire.send(head('/v1.41/containers/create?name=http-304', 'POST', headers=HOST + JSON
                       + 'Content-Length: 91\r\n')
                  + f'{{"Image":"{IMAGE}","Cmd":["sleep","600"],"HostConfig":{{"NetworkMode":"none"}}}}'
                  .ljust(91))
        wire.answer('POST', '/v1.41/containers/create?name=http-304', 91, 201)
        for action, status in (('start', 204), ('start', 304), ('unpause', 500), ('pause', 204),
                               ('unpause', 204), ('kill', 204)):
            wire.ask(f'/v1.41/containers/http-304/{action}', 'POST', wanted=status)
        wire.ask('/v1.41/containers/http-304/wait', 'POST', wanted=200)
        wire.ask('/v1.41/containers/http-304/stop', 'POST', wanted=304)
        wire.ask('/v1.41/containers/http-304/kill', 'POST', wanted=409)
        wire.ask('/v1.41/containers/http-304', 'DELETE', wanted=204)
        wire.ask('/v1.41/containers/http-304', 'DELETE', wanted=404)
        wire.ask('/_ping?after', wanted=200)
        wire.check()


@test
def errors():
    with Wire(AGENT) as wire:
        wire.ask('/v1.41/nowhere', wanted=404)
        wire.ask('/v1.41/containers/none/json', wanted=404)
        wire.ask('/v1.41/containers/create', 'POST', body=b'not json')
        wire.ask('/v1.41/containers/create', 'POST', body=b'{"Image":"none"}', wanted=404)
        wire.ask('/v9.99/info', wanted=400)
        wire.ask('/v1.41/swarm', wanted=503)
        wire.ask('/_ping?after', wanted=200)
        wire.check()


# --- pipelining -----------------------------------------------------------------------------------


@test
def pipelined():
    """From 2 to 20 requests in one write, on one connection."""
    with Wire(AGENT) as wire:
        for count in range(2, 21, scaled(1, 6)):
            targets = [f'/_ping?pipelined={count}-{i}' for i in range(count)]
            wire.send(''.join(head(target) for target in targets))
            for target in targets:
                wire.answer('GET', target, wanted=200)
        wire.check()


@test
def pipelined_large_heads():
    """More than the daemon reads at once."""
    padding = 'X-Padding: ' + 'x' * 1500 + '\r\n'
    with Wire(AGENT) as wire:
        targets = [f'/_ping?large={i}' for i in range(20)]
        wire.send(''.join(head(target, headers=HOST + padding) for target in targets))
        for target in targets:
            wire.answer('GET', target, wanted=200)
        wire.check()


@test
def pipelined_with_bodies():
    with Wire(AGENT) as wire:
        data = b''
        for i in range(6):
            body = volume(f'pipelined-{i}', 100 + 700 * i)
            if i % 2:
                data += head(VOLUMES + '/create', 'POST', headers=HOST + JSON + CHUNKED).encode()
                data += chunk(body, 50)
            else:
                data += head(VOLUMES + '/create', 'POST', headers=HOST + JSON
                             + f'Content-Length: {len(body)}\r\n').encode() + body
            data += head('/_ping?head', 'HEAD').encode()
            data += head(f'{VOLUMES}/http-pipelined-{i}', 'DELETE').encode()
        wire.send(data)
        for i in range(6):
            size = len(volume(f'pipelined-{i}', 100 + 700 * i))
            wire.answer('POST', VOLUMES + '/create', wanted=201, **{
                'http.request.body.bytes': lambda got, size=size: got in (None, size)})
            wire.answer('HEAD', '/_ping?head', wanted=200)
            wire.answer('DELETE', f'{VOLUMES}/http-pipelined-{i}', wanted=204)
        wire.check()


@test
def pipelined_in_single_bytes():
    with Wire(AGENT) as wire:
        targets = [f'/_ping?b={i}' for i in range(3)]
        wire.send(''.join(head(target) for target in targets), piece=1)
        for target in targets:
            wire.answer('GET', target, wanted=200)
        wire.check()


@test
def pipelined_and_left_unanswered():
    """Behind Connection: close the daemon reads no request: what it got of one has no outcome."""
    with Wire(AGENT) as wire:
        wire.send(head('/_ping?first') + head('/_ping?last', headers=HOST + 'Connection: close\r\n')
                  + head('/_ping?never') + head('/_ping?nor-this'))
        wire.answer('GET', '/_ping?first', wanted=200)
        wire.answer('GET', '/_ping?last', wanted=200)
        wire.ends()
        AGENT.settle()
        for record in wire.records()[2:]:
            equal(field(record, 'event.outcome'), 'unknown', 'outcome')
            equal(field(record, 'http.response.status_code'), None, 'status')
            equal(field(record, 'process.pid'), os.getpid(), 'pid')
            wire.expected.append({})
            wire.expected[-1].update({name: lambda got: True for name in Wire._always(1, {})})
        wire.check()


@test
def closed_before_the_answer():
    with Wire(AGENT) as wire:
        wire.send(head('/v1.41/events?closed'))
        wire.close()
        found = AGENT.wait(event__action='api-request', url__original='/v1.41/events?closed')
        equal(field(found[0], 'callerd.connection.id'), wire.id, 'connection')


@test
def read_after_a_failed_write():
    """A daemon that learns by a write that its client has gone, as one of HTTP/2 may, still reads what that one sent."""
    path = tempfile.mktemp(dir=DIR)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        with Callerd(sockets=[path]) as agent:
            with connect(path) as client:
                server, _ = listener.accept()
                client.sendall(head('/_ping?late').encode())
            with server:
                try:
                    server.send(b'x')
                except BrokenPipeError:
                    pass
                else:
                    raise AssertionError('the write did not fail')
                true(server.recv(4096), 'nothing to read')
                equal(server.recv(4096), b'', 'more to read')
            record, = agent.wait(event__action='api-request')
            equal((record['url']['original'], field(record, 'process.pid'), field(record, 'callerd.connection.preexisting')),
                  ('/_ping?late', os.getpid(), None), record['message'])
            equal(len(agent.records(event__action='socket-connected')), 1, 'connections')
    os.unlink(path)


# --- spellings ------------------------------------------------------------------------------------


@test
def line_ends_behind_a_post():
    """Old clients send one more line end than they announce; the daemon skips up to four bytes."""
    with Wire(AGENT) as wire:
        for i, ends in enumerate(('\r\n', '\n', '\r\n\r\n')):
            body = volume(f'ends-{i}').decode()
            wire.send(head(VOLUMES + '/create', 'POST', headers=HOST + JSON
                           + f'Content-Length: {len(body)}\r\n') + body + ends)
            wire.answer('POST', VOLUMES + '/create', len(body), 201)
            delete_volume(wire, f'ends-{i}')
        # And in one write with the request behind it.
        body = volume('ends').decode()
        wire.send(head(VOLUMES + '/create', 'POST', headers=HOST + JSON
                       + f'Content-Length: {len(body)}\r\n') + body + '\r\n' + head('/_ping?behind'))
        wire.answer('POST', VOLUMES + '/create', len(body), 201)
        wire.answer('GET', '/_ping?behind', wanted=200)
        delete_volume(wire, 'ends')
        wire.check()


@test
def absolute_targets():
    with Wire(AGENT) as wire:
        for target, path in (('http://docker/_ping?a=1', '/_ping'), ('x+1://other/_ping', '/_ping'),
                             ('http://docker/v1.41/nowhere', '/v1.41/nowhere')):
            wire.ask(target, url__path=path)
        wire.ask('/_ping?after', wanted=200)
        wire.check()


@test
def encoded_and_odd_targets():
    with Wire(AGENT) as wire:
        for target, path in (('/%5fping?a=%zz', '/_ping'), ('/v1.41/%63ontainers/json', None),
                             ('//_ping', None), ('/v1.41/../_ping', None), ('/_ping"<>{}', None),
                             ('/_ping#x', None), ('*', None)):
            more = {'url__path': path} if path else {}
            wire.ask(target, **more)
        wire.check()


@test
def http_1_0():
    with Wire(AGENT) as wire:
        wire.ask('/_ping?closes', version='1.0', wanted=200, http__version='1.0')
        wire.ends()
        wire.check()
    with Wire(AGENT) as wire:
        for i in range(3):
            wire.ask(f'/_ping?kept={i}', version='1.0', headers='Connection: keep-alive\r\n',
                     wanted=200, http__version='1.0')
        create_volume(wire, 'one-zero')
        delete_volume(wire, 'one-zero')
        wire.ask('/_ping?closes', version='1.0', wanted=200)
        wire.ends()
        wire.check()


@test
def http_1_0_stream():
    """Without chunks a body of unknown length ends with the connection."""
    with Wire(AGENT) as wire:
        wire.send(head('/v1.41/events?since=1&until=3', version='HTTP/1.0'))
        equal(wire.response()[0], 200, 'status')
        wire.expect('GET', '/v1.41/events?since=1&until=3', 200, http__version='1.0')
        wire.check()


@test
def connection_close():
    with Wire(AGENT) as wire:
        wire.ask('/_ping?kept', wanted=200)
        wire.ask('/_ping?closed', headers='Connection: close\r\n', wanted=200)
        wire.ends()
        wire.check()


@test
def bare_lf():
    with Wire(AGENT) as wire:
        for i in range(3):
            wire.send(head(f'/_ping?lf={i}').replace('\r\n', '\n'))
            wire.answer('GET', f'/_ping?lf={i}', wanted=200,
                        callerd__capture__anomalies=['bare-lf'])
        wire.ask('/_ping?crlf', wanted=200, callerd__capture__anomalies=None)
        wire.check()


@test
def folded_headers():
    with Wire(AGENT) as wire:
        body = volume('folded')
        wire.send(head(VOLUMES + '/create', 'POST', headers=HOST + JSON
                       + f'Content-Length:\r\n  {len(body)}\r\n\t\r\nX: a\r\n b\r\n').encode() + body)
        wire.answer('POST', VOLUMES + '/create', len(body), 201,
                    callerd__capture__anomalies=['folded-header'])
        delete_volume(wire, 'folded')
        wire.check()


@test
def odd_methods():
    with Wire(AGENT) as wire:
        for method in 'get', 'FROBNICATE', "!#$%&'*+-.^_`|~", 'Post':
            wire.ask('/_ping?odd', method, callerd__capture__anomalies=['unknown-method'])
        for method in 'OPTIONS', 'PATCH', 'TRACE', 'PUT', 'DELETE':
            wire.ask('/_ping?known', method, callerd__capture__anomalies=None)
        wire.ask('/_ping?after', wanted=200)
        wire.check()


@test
def long_header_lines():
    with Wire(AGENT) as wire:
        for size in 900, 5000, scaled(900000, 100000):
            wire.ask(f'/_ping?header={size}', headers='X: ' + 'x' * size + '\r\n', wanted=200)
        wire.ask('/_ping?many', headers='X: y\r\n' * min(scaled(20000, 2000), engines.here('header lines')), wanted=200)
        wire.ask('/_ping?after', wanted=200)
        wire.check()


@test
def long_targets():
    with Wire(AGENT) as wire:
        for size in 1000, 8192, 8193, scaled(900000, 100000):
            target = '/_ping?'.ljust(size, 'x')
            wire.ask(target, wanted=200, url__original=target[:8192],
                     callerd__capture__complete=size <= 8192,
                     callerd__capture__reason=['target-truncated'] if size > 8192 else None)
        wire.ask('/_ping?after', wanted=200)
        wire.check()


# --- how it is sent -------------------------------------------------------------------------------


@test
def every_way_to_send():
    out = facts(run(CLIENTS + 'splice_sender', SOCKET, '--target', '/_ping?way'))
    ways = [name[5:] for name in out if name.startswith('mode.')]
    true(len(ways) >= 8, f'ways to send: {ways}')
    for way in ways:
        equal(out['mode.' + way], '200', way)
        target = f'/_ping?way&mode={way}'
        record = AGENT.wait(url__original=target)[0]
        equal(record['process']['pid'], int(out['sender.pid']), way)
        equal(record['http']['response']['status_code'], 200, way)
        equal(record['callerd']['capture']['complete'], True, way)
        equal(len(AGENT.records(url__original=target)), 1, 'records of ' + way)


def io_uring(mode):
    target = f'/_ping?uring={mode}'
    output = run(CLIENTS + 'iouring_sender', SOCKET, '--mode', mode, '--target', target, check=False)
    out = facts(output)
    if 'skip' in out:
        raise Skip(out['skip'])
    equal(out['status'], '200', output)
    record = AGENT.wait(url__original=target)[0]
    equal(record['process']['pid'], int(out['sender.pid']), 'pid')
    equal(record['process']['executable'], out['sender.executable'], 'executable')
    equal(record['http']['response']['status_code'], 200, 'status')


@test
def io_uring_plain():
    io_uring('plain')


@test
def io_uring_by_a_worker():
    io_uring('async')


@test
def io_uring_polled():
    io_uring('sqpoll')


@test
def request_of_two_processes():
    out = facts(run(CLIENTS + 'split_sender', SOCKET, '--target', '/_ping?half'))
    equal(out['status'], '200', 'status')
    record = AGENT.wait(url__original='/_ping?half')[0]
    equal(record['process']['pid'], int(out['first.pid']), 'who began it')
    true('several-senders' in field(record, 'callerd.capture.reason', []), 'it says so')
    equal(record['callerd']['capture']['complete'], False, 'complete')


def take_turns(name):
    return facts(run(CLIENTS + 'split_sender', SOCKET, '--mode', 'alternate', '--requests', '40',
                     '--target', f'/_ping?{name}'))


def check_turns(name, out):
    """Each has its sender; where the kernel interrupted the daemon in its receive until the next one sent, both."""
    records = AGENT.wait(40, that=lambda r: field(r, 'url.path') == '/_ping'
                         and field(r, 'url.query', '').startswith(f'{name}&n='))
    equal(len(records), 40, 'records')
    uncertain = 0
    for i, record in enumerate(records):
        sender = int(out[f'request.{i}.pid'])
        equal(record['url']['original'], f'/_ping?{name}&n={i}', 'order')
        equal(record['callerd']['connection']['request'], i + 1, 'number')
        if 'process' in record:
            equal(record['process']['pid'], sender, f'sender of {i}')
            equal(record['callerd']['capture'], {'complete': True}, f'capture of {i}')
            continue
        uncertain += 1
        true(sender in [c['pid'] for c in record['callerd']['candidates']], f'sender of {i} is a candidate')
        equal(record['callerd']['capture']['complete'], False, f'capture of {i}')
    true(uncertain <= 4, f'{uncertain} of 40 had no certain sender')


@test
def two_processes_take_turns():
    check_turns('turn', take_turns('turn'))


@test
def two_processes_take_turns_unwatched():
    """The agent is late: it learns of all changes of sender before it sees the first byte."""
    os.kill(AGENT.pid, signal.SIGSTOP)
    try:
        out = take_turns('late-turn')
    finally:
        os.kill(AGENT.pid, signal.SIGCONT)
    check_turns('late-turn', out)


def big_write(*args):
    """A write(2) of megabytes that is still going on when the daemon answers."""
    size = scaled(8, 2)
    out = facts(run(CLIENTS + 'big_write', SOCKET, '--size', str(size), *args, check=False))
    pid = int(out['sender.pid'])
    records = AGENT.wait(1, event__action='api-request', process__pid=pid,
                         http__request__method='POST')
    connected = AGENT.records(event__action='socket-connected', process__pid=pid)
    equal(len(connected), 1, 'connects')
    AGENT.settle()
    everything = AGENT.records(
        event__action='api-request',
        callerd__connection__id=connected[0]['callerd']['connection']['id'])
    for record in everything:
        equal(record['process']['pid'], pid, 'caller of ' + record['message'])
        equal(field(record, 'callerd.connector'), None, 'connector')
    equal(sum(r['http']['request']['method'] == 'POST' for r in everything), 1, 'POSTs')
    if '--chunked' not in args:
        equal(records[0]['http']['request']['body']['bytes'], size << 20, 'bytes')
    return out, everything


@test
def writer_still_in_write():
    for args in (), ('--chunked',):
        for _ in range(5):  # the writer may also be on its way out of write(2) already
            out, records = big_write('--mode', 'early', *args)
            if out['in_write_at_response'] == '1':
                break
        equal(len(records), 1, 'records')
        equal(field(records[0], 'http.response.status_code'), 404, 'status')
        equal(records[0]['url']['original'], '/v1.41/nowhere', 'target')
    out, records = big_write('--mode', 'pipelined')
    equal([r['url']['original'] for r in records], ['/_ping', '/v1.41/nowhere'], 'targets')
    equal(field(records[0], 'http.response.status_code'), 200, 'status')


@test
def large_body_is_read_whole():
    out, records = big_write('--mode', 'create')
    equal(out['status'], '404', 'no such image')
    equal([r['http']['response']['status_code'] for r in records], [404], 'status')


# --- answered before the request is through ----------------------------------------------------------


def early(size, chunks, keeps):
    """A request that is answered while its body is still on its way, and the one behind it."""
    framing = CHUNKED if chunks else f'Content-Length: {size}\r\n'
    body = chunk(b'GET /_ping?body HTTP/1.1\r\nHost: x\r\n\r\n'.ljust(1000, b'.') * (size // 1000), 1000) \
        if chunks else b'GET /_ping?body HTTP/1.1\r\nHost: x\r\n\r\n'.ljust(1000, b'.') * (size // 1000)
    with Wire(AGENT) as wire:
        wire.ask('/_ping?before', wanted=200)
        wire.send(head('/v1.41/nowhere', 'POST', headers=HOST + JSON + framing))
        try:
            wire.send(body)
            sent = True
        except (BrokenPipeError, ConnectionResetError):
            sent = False
        wire.answer('POST', '/v1.41/nowhere', wanted=404, **{
            'http.request.body.bytes': (lambda got: got in (None, size)) if chunks else size})
        if keeps:
            true(sent, 'the daemon took the body')
            wire.ask('/_ping?behind', wanted=200)
            create_volume(wire, 'behind')
            delete_volume(wire, 'behind')
        else:
            wire.closed_at_once()
        wire.check()


@test
def early_answer():
    for size in 1000, 50000, 200000:
        early(size, False, True)
        early(size, True, True)


@test
def early_answer_and_closed():
    for chunks in False, True:
        early(scaled(20 << 20, 4 << 20) // 1000 * 1000, chunks, False)


@test
def early_answer_with_body_afterwards():
    """The body comes after the answer, and the next request with its end."""
    body = b'GET /_ping?body HTTP/1.1\r\nHost: x\r\n\r\n' * 20
    for chunks in False, True:
        framing = CHUNKED if chunks else f'Content-Length: {len(body)}\r\n'
        data = chunk(body, 100) if chunks else body
        with Wire(AGENT) as wire:
            wire.send(head('/v1.41/nowhere', 'POST', headers=HOST + framing))
            # The daemon drains the body before it lets its answer go.
            wire.wait_until_read()
            wire.send(data[:300])
            wire.wait_until_read()
            wire.send(data[300:] + head('/_ping?behind').encode())
            wire.answer('POST', '/v1.41/nowhere', wanted=404, **{
                'http.request.body.bytes': (lambda got: got in (None, len(body))) if chunks
                                           else len(body)})
            wire.answer('GET', '/_ping?behind', wanted=200)
            wire.ask('/_ping?after', wanted=200)
            wire.check()


# --- what cannot be parsed ------------------------------------------------------------------------


def malformed(data, *reasons, statuses=(400,), before=False):
    """DATA is one record with its connection, caller and reason, and does no harm to the next."""
    with Wire(AGENT) as wire, Wire(AGENT) as other:
        if before:
            wire.ask('/_ping?before', wanted=200)
        wire.send(data)
        status = None
        if statuses:
            status, _ = wire.head()
            true(status in statuses, f'the daemon on {data[:40]!r}: {status}')
        wire.close()
        wire.refused(status, *reasons)
        wire.check()
        other.ask('/_ping?other', wanted=200)
        other.check()


@test
def garbage():
    malformed(b'\x00\x01\x02\xff\xfe garbage\r\n\r\n', 'malformed')
    malformed(b'hello\r\n\r\n', 'malformed')
    malformed(b'\r\n\r\n\r\n', 'malformed')
    malformed(os.urandom(200).replace(b'\n', b'') + b'\xff\n\r\n\r\n', 'malformed')


@test
def garbage_after_a_request():
    malformed(b'\x16\x03 garbage\r\n\r\n', 'malformed', before=True)


@test
def tls_hello():
    malformed(bytes.fromhex('16030100c8010000c40303') + bytes(190) + b'\n\n', 'malformed')


@test
def http_2_preface():
    malformed(b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + bytes.fromhex('000000040000000000'),
              'HTTP/2', statuses=(301, 400, 404, 505))


@test
def malformed_request_lines():
    malformed('GET /_ping\r\nHost: x\r\n\r\n', 'malformed')
    malformed('GET  /_ping HTTP/1.1\r\nHost: x\r\n\r\n', 'malformed')
    malformed('GET /_ping HTTP/1.1 \r\nHost: x\r\n\r\n', 'malformed')
    malformed('GET _ping HTTP/1.1\r\nHost: x\r\n\r\n', 'malformed')
    malformed('GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n', 'malformed')
    malformed('GET /_ping HTTP/3.1\r\nHost: x\r\n\r\n', 'version', statuses=(505,))


@test
def malformed_headers():
    malformed('GET /_ping HTTP/1.1\r\n\r\n', 'Host')
    malformed('GET /_ping HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n', 'header')
    malformed('GET /_ping HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n', 'header')


@test
def head_too_large():
    size = (1 << 20) + 8192
    malformed(head('/_ping', headers=HOST + 'X: ' + 'x' * size + '\r\n'), 'head too large',
              'answered before its head was complete', statuses=(431,))


@test
def head_as_large_as_the_daemon_takes():
    """What it had read ahead does not count for its limit: the head behind another may be larger."""
    with Wire(AGENT) as wire:
        rest = len(head('/_ping?large', headers=HOST + 'X: \r\n'))
        large = (1 << 20) + 4096
        wire.ask('/_ping?large', headers='X: ' + 'x' * (large - rest) + '\r\n', wanted=200)
        # The 4096 bytes that it reads at once hold the first request, and what follows.
        large += 4096 - len(head('/_ping?small')) - rest
        wire.send(head('/_ping?small')
                  + head('/_ping?large', headers=HOST + 'X: ' + 'x' * large + '\r\n'))
        wire.answer('GET', '/_ping?small', wanted=200)
        wire.answer('GET', '/_ping?large', wanted=200)
        wire.check()


@test
def conflicting_lengths():
    malformed(head(VOLUMES + '/create', 'POST', headers=HOST
                   + 'Content-Length: 2\r\nContent-Length: 3\r\n') + '{} ', 'Content-Length')
    malformed(head(VOLUMES + '/create', 'POST', headers=HOST + 'Content-Length: -1\r\n'),
              'Content-Length')
    malformed(head(VOLUMES + '/create', 'POST', headers=HOST + 'Transfer-Encoding: gzip\r\n'),
              'transfer encoding', statuses=(501,))


@test
def closed_within_the_head():
    for data in 'G', 'GET /_ping HT', 'GET /_ping HTTP/1.1\r\nHost: do', head('/_ping')[:-2]:
        malformed(data, 'ended within its head', statuses=())


@test
def closed_within_the_body():
    """A handler has seen the head: it is a request as any other, without an answer or with one."""
    with Wire(AGENT) as wire:
        wire.send(head(VOLUMES + '/create', 'POST', headers=HOST + JSON + 'Content-Length: 100\r\n')
                  + '{"Name":')
        wire.close()
        record = AGENT.wait(event__action='api-request', callerd__connection__id=wire.id)[0]
        equal(record['url']['original'], VOLUMES + '/create', 'target')
        equal(record['http']['request']['body']['bytes'], 100, 'announced bytes')
        equal(record['process']['pid'], os.getpid(), 'pid')


@test
def bad_chunks():
    """The head was acted on, what follows is not HTTP."""
    with Wire(AGENT) as wire:
        wire.send(head(VOLUMES + '/create', 'POST', headers=HOST + JSON + CHUNKED) + 'xyz\r\n\r\n')
        status, _, _ = wire.response()
        true(status in (400, 500), f'status {status}')
        wire.expected.append({
            'url.original': VOLUMES + '/create',
            'http.response.status_code': status,
            'callerd.capture.complete': False,
            'callerd.capture.reason': ['unparsed'],
            'error.message': lambda got: got and 'chunk' in got,
        })
        wire.closed_at_once()
        wire.check()


@test
def nothing_at_all():
    """A connection without a byte is no request."""
    with Wire(AGENT) as wire:
        wire.close()
        AGENT.settle()
        equal(wire.records(), [], 'records')


def main_with_agent():
    global AGENT
    with Callerd() as AGENT:
        main()


main_with_agent()
