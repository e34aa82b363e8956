# SPDX-License-Identifier: Apache-2.0
"""What happens while callerd is away is captured all the same, or counted."""
import collections
import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import threading
import time

import h2.events

from grpc import CONTROL, Upgraded, message
from live import (CALLERD, DIR, IMAGE, MEMBER, PATIENCE, SOCKET, Callerd, User, acts_as, connect, docker, equal, field, held, main, read_response,
                  request, run, scaled, test, true)
from many import Many

PIN = f'/sys/fs/bpf/callerd-test-{os.getpid()}'
ONLY = ',chain=no,actions=api-request+agent-started+agent-stopped+records-lost'
REQUESTS_LOST = ('agent-killed', 'agent-away-request', 'ring-full-request', 'output-killed', 'output-full')

CLIENT = '''
import signal, socket, sys, time
path, mark, connections, rate = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
going = True
def stop(*unused):
    global going
    going = False
signal.signal(signal.SIGTERM, stop)
clients = []
for _ in range(connections):
    clients.append(socket.socket(socket.AF_UNIX))
    clients[-1].connect(path)
sent, begin = 0, time.monotonic()
while going:
    client = clients[sent % connections]
    client.sendall(b'GET /_ping?mark=%s-%d HTTP/1.1\\r\\nHost: docker\\r\\n\\r\\n' % (mark.encode(), sent))
    data = b''
    while b'\\r\\n\\r\\nOK' not in data:
        data += client.recv(65536)
    sent += 1
    if not sent % 50:
        print(sent, flush=True)
    ahead = begin + sent / rate - time.monotonic()
    if ahead > 0:
        time.sleep(ahead)
print(sent, flush=True)
'''


class Load:
    """A client that sends requests with a mark each over some connections, until it is stopped."""

    def __init__(self, user, mark, rate, connections=8):
        self.mark = mark
        self.sent = 0
        command = ['/usr/bin/python3', '-c', CLIENT, SOCKET, mark, str(connections), str(rate)]
        if user:
            command = User(user).command(*command)
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def go_on(self, count):
        """Waits until COUNT more requests were answered."""
        until = self.sent + count
        while self.sent < until:
            line = self.process.stdout.readline()
            true(line, 'the client ended')
            self.sent = int(line)

    def stop(self):
        """Returns how many requests were answered in all."""
        self.process.send_signal(signal.SIGTERM)
        self.sent = int(self.process.communicate(timeout=PATIENCE)[0].split()[-1])
        return self.sent


def agent(*args, **options):
    options.setdefault('options', ONLY)
    return Callerd('--status-interval', '0', '--guard', 'none', *args, pin=PIN, **options)


def detach():
    return run(CALLERD, '--detach', '--pin', PIN, check=False)


def ask(connection, query):
    """A request with that query, and its answer."""
    connection.sendall(f'GET /_ping?{query} HTTP/1.1\r\nHost: docker\r\n\r\n'.encode())
    read_response(connection)


def kill(running):
    running.process.kill()
    running.process.wait()


def reason(running):
    return running.records(event__action='agent-started')[0]['callerd']['capture']['backend_reason']


def marked(running):
    """Requests of the loads, by their targets."""
    return [r for r in running.records(event__action='api-request')
            if field(r, 'url.original', '').startswith('/_ping?mark=load')]


def lost(*agents):
    counts = collections.Counter()
    for one in agents:
        for record in one.records(event__action='records-lost'):
            counts[record['callerd']['lost']['reason']] += record['callerd']['lost']['count']
    return counts


def check_all(agents, loads):
    """Each request that was sent has one record, of its sender, or was counted as lost. Returns the counts."""
    records = [r for one in agents for r in marked(one)]
    told = collections.Counter(r['url']['original'].split('=')[1] for r in records)
    equal([mark for mark, count in told.items() if count > 1], [], 'told twice')
    counts = lost(*agents)
    missing = sum(load.sent for load in loads) - len(told)
    equal(missing, sum(counts[name] for name in REQUESTS_LOST), f'requests without a record, counted as {counts}')
    pids = {load.mark: load.process.pid for load in loads}
    wrong = [r['message'] for r in records
             if field(r, 'process.pid') not in (None, pids[r['url']['original'].split('=')[1].rsplit('-', 1)[0]])]
    equal(wrong, [], 'of another caller')
    return counts, [r for r in records if not field(r, 'process.pid')]


def loads(rate):
    return Load(MEMBER, 'load-member', rate), Load(None, 'load-root', rate / 10, 3)


RATE = scaled(1000, 30)


# --- the next agent -----------------------------------------------------------------------------------


@test
def stopped_and_started_under_load():
    """Nothing is lost, nothing told twice, each request has its caller."""
    with agent() as first:
        member, root = loads(RATE)
        with member, root:
            first.wait(scaled(300, 30), lambda r: 'mark=load-member' in field(r, 'url.original', ''))
            first.stop()
            member.go_on(scaled(500, 50))
            with agent() as second:
                true('taken over' in reason(second), reason(second))
                member.go_on(scaled(500, 50))
                member.stop(), root.stop()
                second.settle()
                counts, unknown = check_all((first, second), (member, root))
                equal(counts, {}, 'losses')
                # Of each client, one request may have been under way.
                true(len(resynchronised(second)) <= 2, f'{len(resynchronised(second))} are in doubt')
                equal([r['message'] for r in unknown], [], 'without a caller')
                second.stop()
    detach()


@test
def killed_and_started_under_load():
    """What the killed one had read and not told is counted, to the last request."""
    with agent() as first:
        member, root = loads(RATE)
        with member, root:
            first.wait(scaled(300, 30), lambda r: 'mark=load-member' in field(r, 'url.original', ''))
            kill(first)
            member.go_on(scaled(1000, 50))
            with agent() as second:
                true('taken over' in reason(second), reason(second))
                member.go_on(scaled(500, 50))
                member.stop(), root.stop()
                second.settle()
                second.stop()
                check_all((first, second), (member, root))
                sequences = [r['event']['sequence'] for one in (first, second) for r in one.records()]
                equal(len(set(sequences)), len(sequences), 'sequence numbers')
    detach()


@test
def away_for_longer_than_the_ring_lasts():
    """Requests that found no room are counted, each once."""
    with agent('--payload-ring', '262144') as first:
        member, root = loads(RATE)
        with member, root:
            first.wait(scaled(300, 30), lambda r: 'mark=load-member' in field(r, 'url.original', ''))
            kill(first)
            member.go_on(scaled(1500, 500))
            with agent('--payload-ring', '262144') as second:
                member.go_on(scaled(300, 30))
                member.stop(), root.stop()
                second.settle()
                second.stop()
                counts, _ = check_all((first, second), (member, root))
                true(counts['agent-away-request'] >= scaled(500, 100), f'losses: {counts}')
                accounts = {r['callerd'].get('account', {}).get('id') for r in second.records(event__action='records-lost')
                            if r['callerd']['lost']['reason'] == 'agent-away-request'}
                true(User(MEMBER).uid in accounts, f'accounts of the losses: {accounts}')
    detach()


def resynchronised(running):
    return [r for r in running.records(event__action='api-request')
            if 'resynchronised' in field(r, 'callerd.capture.reason', [])]


@test
def idle_connections_over_a_stop():
    """A connection between two requests goes on as if nothing had happened."""
    with agent() as first, connect() as own:
        ask(own, 'own=first')
        before = first.wait(url__original='/_ping?own=first')[0]
        first.settle()
        first.stop()
        ask(own, 'own=away')
        with agent() as second:
            ask(own, 'own=later')
            for number, mark in enumerate(('away', 'later'), 2):
                after = second.wait(url__original='/_ping?own=' + mark)[0]
                for name in 'process.pid', 'process.args', 'callerd.connection.id':
                    equal(field(after, name), field(before, name), f'{mark}: {name}')
                equal(field(after, 'callerd.connection.request'), number, f'{mark}: its number')
                equal(field(after, 'callerd.capture.reason'), None, f'{mark}: doubts')
                equal(field(after, 'callerd.connector'), None, f'{mark}: another connector')
            second.stop()
    detach()


@test
def http2_over_a_stop():
    """Header tables are handed over, too: calls go on as if nothing had happened, on a connection that was upgraded before, and on one that was
    not used yet; and the end of the upgrade is told."""
    def call(client, mark):
        equal(client.call(CONTROL + 'ListWorkers?over=' + mark, b'', ('x-of-the-table', 'y' * 40))[0], '0', mark)

    with agent(options=',chain=no') as first, Upgraded(SOCKET) as used, Upgraded(SOCKET) as unused:
        for mark in 'first', 'second':
            call(used, mark)
        before = first.wait(url__original=CONTROL + 'ListWorkers?over=second', event__action='api-request')[0]
        upgrade = first.wait(2, url__original='/grpc', event__action='api-request', process__pid=os.getpid())[0]
        first.settle()
        first.stop()
        call(used, 'away')
        with agent(options=',chain=no') as second:
            call(used, 'later')
            call(unused, 'unused')
            for mark in 'away', 'later', 'unused':
                after = second.wait(url__original=CONTROL + 'ListWorkers?over=' + mark, event__action='api-request')[0]
                for name in 'process.pid', 'process.args', 'callerd.api.operation', 'callerd.grpc.status', 'http.response.status_code':
                    equal(field(after, name), field(before, name), f'{mark}: {name}')
                equal(field(after, 'callerd.capture.reason'), None, f'{mark}: doubts')
                equal(field(after, 'callerd.connection.id') == field(before, 'callerd.connection.id'), mark != 'unused', mark)
            used.socket.close()
            end = second.wait(url__original='/grpc', event__action='api-request-ended',
                              callerd__connection__id=field(before, 'callerd.connection.id'))[0]
            true(field(end, 'callerd.connection.id') != field(upgrade, 'callerd.connection.id') or
                 field(end, 'http.request.id') == field(upgrade, 'http.request.id'), 'request of the upgrade')
            equal([r['message'] for r in second.records(event__action='api-request') if field(r, 'error.message')], [], 'unread')
            second.stop()
    detach()


def lend(name):
    """The headers of a session NAME, and a function that has the daemon ask it for files."""
    def build():
        with Upgraded(SOCKET) as client:
            client.call(CONTROL + 'Solve', message((1, name), (5, name), (6, 'dockerfile.v0')))

    return (f'X-Docker-Expose-Session-Uuid: {name}\r\nX-Docker-Expose-Session-Grpc-Method: /moby.filesync.v1.FileSync/DiffCopy\r\n',
            build)


def answer_files(server, data):
    """Refuses with DATA what the daemon asks for files, once it does."""
    asked = False
    while not asked:
        event = server.next()
        true(event, 'the daemon closed')
        if isinstance(event, h2.events.RequestReceived):
            asked = dict(event.headers)[b':path'].endswith(b'DiffCopy')
            server.answer(event.stream_id, data if asked else message((1, 1)), 7 if asked else 0)


@test
def session_over_a_stop():
    """What the daemon asks of a session that is older than the agent is the doing of who gave it."""
    headers, build = lend(f'over-a-stop-{time.monotonic_ns()}')

    with agent() as first, Upgraded(SOCKET, '/session', headers, server=True) as server:
        first.wait(url__original='/session')
        first.settle()
        first.stop()
        with agent() as second:
            builder = threading.Thread(target=build, daemon=True)
            builder.start()
            answer_files(server, b'')
            record = second.wait(that=lambda r: 'FileSync/DiffCopy' in field(r, 'url.original', ''), event__action='api-request',
                                 process__pid=os.getpid())[0]
            builder.join(PATIENCE)
            equal((field(record, 'callerd.grpc.status'), field(record, 'callerd.grpc.by_engine'), field(record, 'callerd.capture.reason')),
                  ('PERMISSION_DENIED', True, None), record['message'])
            second.stop()
    detach()


def ends_over_a_stop(target, method, operation, wanted, headers='', ended=()):
    """The end of a response that goes on over a restart is told as that of the request that it is of."""
    with agent(options=',chain=no') as first, connect() as own:
        own.sendall(f'{method} {target} HTTP/1.1\r\nHost: docker\r\nUser-Agent: over-a-stop\r\n{headers}\r\n'.encode())
        begun = first.wait(event__action='api-request', url__original=target)[0]
        equal(field(begun, 'http.response.status_code'), wanted, 'status')
        first.settle()
        first.stop()
        equal(first.records(event__action='api-request-ended', url__original=target), [], 'an end')
        with agent(options=',chain=no') as second:
            time.sleep(1.1)  # the end of a shorter one is not told
            own.close()
            end = second.wait(event__action='api-request-ended', url__original=target)[0]
            equal(field(end, 'callerd.api.operation'), operation, 'operation')
            for name in ('http.request.id', 'http.response.status_code', 'process.pid', 'process.args', 'user_agent.original',
                         'callerd.connection.id', 'callerd.connection.request', 'callerd.api.target.id', *ended):
                equal(field(end, name), field(begun, name), name)
            true(field(end, 'event.duration') > field(begun, 'event.duration'), 'its duration')
            second.stop()
    detach()


@test
def events_over_a_stop():
    ends_over_a_stop('/events?since=1', 'GET', 'SystemEvents', 200)


@test
def attached_over_a_stop():
    container = docker('run', '-d', '--network', 'none', IMAGE, 'sleep', '1000').strip()
    try:
        ends_over_a_stop(f'/containers/{container}/attach?stream=1&stdout=1', 'POST', 'ContainerAttach', 101,
                         'Connection: Upgrade\r\nUpgrade: tcp\r\n')
    finally:
        docker('rm', '-f', container)


def away_requests():
    """How many requests the kernel programs have counted only."""
    rows = json.loads(run('bpftool', '-j', 'map', 'dump', 'pinned', PIN + '/map_accounts'))
    return sum(int(row['formatted']['value']['lost'][9]) for row in rows)


@test
def nobody_comes_back():
    """Beyond the limit, the programs only count; for the next agent they copy again."""
    with agent('--away-limit', '5') as first, Load(MEMBER, 'load-member', RATE / 10) as member:
        first.wait(20, lambda r: 'mark=load-member' in field(r, 'url.original', ''))
        kill(first)
        while not away_requests():
            member.go_on(50)
        with agent('--away-limit', '5') as second:
            member.go_on(50)
            member.stop()
            second.settle()
            second.stop()
            counts, _ = check_all((first, second), (member,))
            true(counts['agent-away-request'], f'losses: {counts}')
            equal(counts['ring-full-request'], 0, 'the ring had room')
    detach()


def followed():
    """How many connections the kernel programs follow the frames of."""
    return len(json.loads(run('bpftool', '-j', 'map', 'dump', 'pinned', PIN + '/map_sessions')))


@contextlib.contextmanager
def speaking_daemon():
    """A socket whose server the test is: its path, and its listener."""
    path = f'{DIR}/first-{time.monotonic_ns()}.sock'
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        yield path, listener


def wait_until_forgotten(what):
    deadline = time.monotonic() + PATIENCE
    while followed():
        true(time.monotonic() < deadline, what)
        time.sleep(0.1)


@test
def sessions_that_nobody_knows():
    """What is kept of a connection goes with it, also where callerd gave that up for want of room, and no program sees its end."""
    with speaking_daemon() as (path, listener), agent('--connections', '16', sockets=[path]) as running:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            with listener.accept()[0] as daemon, contextlib.ExitStack() as others:
                daemon.sendall(b'\0\0\0\4\0\0\0\0\0')
                equal((len(client.recv(9)), followed()), (9, 1), 'followed')
                for _ in range(20):
                    others.enter_context(socket.socket(socket.AF_UNIX)).connect(path)
                    others.enter_context(listener.accept()[0])
                running.wait(event__action='records-lost', callerd__lost__reason='connection-evicted')
                equal(followed(), 1, 'it lives')
        wait_until_forgotten('it is kept')
        running.stop()
    detach()


@test
def more_than_can_be_followed():
    """Where there is no room for the frames of a connection, that is counted."""
    bpf = ctypes.CDLL('libbpf.so.1')
    with speaking_daemon() as (path, listener), agent(sockets=[path]) as running, socket.socket(socket.AF_UNIX) as client:
        sessions = bpf.bpf_obj_get(f'{PIN}/map_sessions'.encode())
        true(sessions >= 0, 'the map')
        size = json.loads(run('bpftool', '-j', 'map', 'show', 'pinned', PIN + '/map_sessions'))
        for number in range(size['max_entries']):
            equal(bpf.bpf_map_update_elem(sessions, ctypes.byref(ctypes.c_uint64(1 << 40 | number)), bytes(size['bytes_value']), 0), 0, 'room')
        os.close(sessions)
        client.connect(path)
        with listener.accept()[0] as daemon:
            daemon.sendall(b'\0\0\0\4\0\0\0\0\0')
            running.wait(event__action='records-lost', callerd__lost__reason='session-table-full')
        running.stop()
    detach()


@test
def daemons_that_speak_first():
    """What the kernel programs keep of a connection goes with it: also where nobody asked anything, and where no program sees its end."""
    with speaking_daemon() as (path, listener):
        with agent(sockets=[path]) as running:
            for reads in True, False:
                with socket.socket(socket.AF_UNIX) as client:
                    client.connect(path)
                    with listener.accept()[0] as daemon:
                        daemon.sendall(b'\0\0\0\4\0\0\0\0\0')
                        equal((len(client.recv(9)), followed()), (9, 1), 'followed')
                        if reads:
                            client.close()
                            equal(daemon.recv(1), b'', 'the end')
                wait_until_forgotten(f'it is kept; the daemon read the end: {reads}')
            running.stop()
    detach()


@test
def session_while_nobody_counts():
    """Beyond the limit, too, it is noticed that a client answers: nothing of that is copied for the next agent."""
    kept, canary = DIR + '/deserted.events', f'canary-{time.monotonic_ns()}'
    headers, build = lend(canary[::-1])
    with agent('--away-limit', '5') as first, socket.socket(socket.AF_UNIX) as own:
        own.connect(SOCKET)
        ask(own, 'own=first')
        first.settle()
        kill(first)
        while not away_requests():
            ask(own, 'own=away')
            time.sleep(0.1)
        with Upgraded(SOCKET, '/session', headers, server=True) as server:
            true(server.next(), 'the daemon closed')
            with agent('--away-limit', '5', '--record-events', kept) as second:
                builder = threading.Thread(target=build, daemon=True)
                builder.start()
                answer_files(server, message((1, canary)))
                builder.join(PATIENCE)
                ask(own, 'own=later')
                second.wait(url__original='/_ping?own=later')
                second.settle()
                second.stop()
    with open(kept, 'rb') as file:
        events = file.read()
    true(b'own=later' in events, 'copied again')
    true(canary.encode() not in events, 'copied')
    detach()


@test
def older_connections_keep_their_callers():
    """Whether they speak while nobody listens, or later."""
    with agent() as first, Load(MEMBER, 'load-member', 50, connections=1) as member, connect() as own:
        ask(own, 'own=first')
        before = first.wait(url__original='/_ping?own=first')[0]
        first.wait(3, lambda r: 'mark=load-member' in field(r, 'url.original', ''))
        kill(first)
        ask(own, 'own=away')
        member.go_on(50)
        with agent() as second:
            ask(own, 'own=later')
            member.go_on(50)
            member.stop()
            for mark in 'away', 'later':
                after = second.wait(url__original='/_ping?own=' + mark)[0]
                for name in 'process.pid', 'process.args', 'user.name', 'callerd.connection.id':
                    equal(field(after, name), field(before, name), f'{mark}: {name}')
                equal(field(after, 'callerd.capture.reason'), ['resynchronised'] if mark == 'away' else None, mark)
            second.settle()
            _, unknown = check_all((first, second), (member,))
            equal([r['message'] for r in unknown], [], 'without a caller')
            second.stop()
    detach()


@test
def caller_that_only_the_killed_one_knew():
    """Who sent on a connection that is over before the next one comes, and was told to the killed one alone."""
    with agent() as first, connect() as own:
        with Load(MEMBER, 'load-member', 50, connections=1) as member:
            ask(own, 'own=first')
            first.wait(url__original='/_ping?own=first')
            first.wait(3, lambda r: 'mark=load-member' in field(r, 'url.original', ''))
            first.process.send_signal(signal.SIGSTOP)
            ask(own, 'own=last')
            member.go_on(50)
            member.stop()
        own.close()
        kill(first)
        with agent() as second:
            record = second.wait(url__original='/_ping?own=last')[0]
            equal(field(record, 'process.pid'), os.getpid(), record['message'])
            equal(field(record, 'callerd.capture.reason'), ['resynchronised'], record['message'])
            second.settle()
            _, unknown = check_all((first, second), (member,))
            equal([r['message'] for r in unknown], [], 'without a caller')
            second.stop()
    detach()


@test
def callers_of_many_connections():
    """As many as a table of the kernel has some of in one bucket."""
    def of(many):
        return {'event__action': 'api-request', 'process__pid': many.pid}
    with agent() as first, Many(300, '/_ping?many') as many:
        many.again()
        first.wait(many.count, **of(many))
        first.process.send_signal(signal.SIGSTOP)
        many.again()
        kill(first)
        with agent() as second:
            equal(len(second.wait(many.count, **of(many))), many.count, 'records')
            second.stop()
    detach()


@test
def caller_of_the_last_moment():
    """A request that is sent when one agent reads no more, and is not gone yet: an output that is stuck holds it up."""
    with socket.socket() as deaf:
        deaf.bind(('127.0.0.1', 0))
        deaf.listen(1)
        with agent('--output', f'syslog:tcp:127.0.0.1:{deaf.getsockname()[1]}') as first, connect() as own:
            ask(own, 'own=first')
            first.wait(url__original='/_ping?own=first')
            first.process.terminate()
            first.wait(event__action='agent-stopped')
            ask(own, 'own=last')
            equal(first.process.wait(PATIENCE), 0, 'exit code')
            with agent() as second:
                record = second.wait(url__original='/_ping?own=last')[0]
                equal(field(record, 'process.pid'), os.getpid(), record['message'])
                equal(field(record, 'callerd.capture.reason'), None, record['message'])
                second.stop()
    detach()


@test
def other_sizes_replace():
    """What the programs before had captured is told, and that they were others."""
    with agent() as first, connect() as own:
        first.settle()
        ask(own, 'own=first')
        first.wait(url__original='/_ping?own=first')
        kill(first)
        request('GET', '/_ping?own=away')
        with agent('--payload-ring', '65536') as second:
            true('in place of others: payload has another size' in reason(second), reason(second))
            away = second.wait(url__original='/_ping?own=away')[0]
            equal(away['process']['pid'], os.getpid(), 'its caller')
            true(lost(second)['programs-replaced'] >= 1, 'open connections are counted')
            own.sendall(b'GET /_ping?own=later HTTP/1.1\r\nHost: docker\r\n\r\n')
            read_response(own)
            later = second.wait(url__original='/_ping?own=later')[0]
            equal(later['process']['pid'], os.getpid(), 'the sender, who is seen')
            true(later['callerd']['connection']['preexisting'], 'an older connection')
            second.stop()
    detach()


@test
def another_version_replaces():
    """Its layout is not known: only that connections were open is told."""
    with agent() as first, connect() as own:
        ask(own, 'own=first')
        first.wait(url__original='/_ping?own=first')
        first.stop()
        pin = PIN + '/map__data_control'
        value = json.loads(run('bpftool', '-j', 'map', 'dump', 'pinned', pin))[0]['value']
        value[8] = '0x63'  # the layout
        run('bpftool', 'map', 'update', 'pinned', pin, 'key', '0', '0', '0', '0', 'value', *value)
        with agent() as second:
            true('.data.control is of another version' in reason(second), reason(second))
            true(lost(second)['programs-replaced'] >= 1, 'open connections are counted')
            second.settle()
            second.stop()
    detach()


# --- who may have pinned it -----------------------------------------------------------------------------


def refused(words):
    """callerd runs, says that nothing is pinned and why, and touches nothing."""
    before = sorted(os.listdir(PIN)) if not os.path.islink(PIN) else os.readlink(PIN)
    with agent() as running:
        true('not pinned: ' in reason(running) and words in reason(running), reason(running))
        running.settle()
        running.stop()
        true(words in running.error, f'on stderr: {running.error}')
    equal(sorted(os.listdir(PIN)) if not os.path.islink(PIN) else os.readlink(PIN), before, 'it was left alone')


@test
def foreign_pins_are_refused():
    """Attacker: whoever may make a directory in bpffs. At stake: programs and tables that are his."""
    with agent() as running:  # mounts bpffs where that is missing
        running.stop()
    detach()
    os.mkdir(PIN, 0o700)
    os.chown(PIN, int(User(MEMBER).uid), -1)
    refused('does not belong to root')
    os.chown(PIN, 0, 0)
    os.chmod(PIN, 0o770)
    refused('is open to others than root')
    os.chmod(PIN, 0o700)
    run('bpftool', 'map', 'create', PIN + '/nodes', 'type', 'array', 'key', '4', 'value', '4', 'entries', '1', 'name',
        'nodes')
    refused("holds nodes, which is not callerd's")
    os.rename(PIN + '/nodes', PIN + '/map__data_control')
    refused("is not callerd's")
    os.unlink(PIN + '/map__data_control')
    os.rename(PIN, PIN + '-other')
    os.symlink(PIN + '-other', PIN)
    refused('is a symbolic link')
    os.unlink(PIN)
    os.rmdir(PIN + '-other')


@test
def a_map_that_was_exchanged():
    """It is not what callerd would make: nothing of it is used."""
    with agent() as first:
        first.stop()
    os.unlink(PIN + '/map_nodes')
    run('bpftool', 'map', 'create', PIN + '/map_nodes', 'type', 'lru_hash', 'key', '16', 'value', '4', 'entries', '4096',
        'name', 'knots')
    with agent() as second:
        true('in place of others: nodes is another map' in reason(second), reason(second))
        second.settle()
        second.stop()
    detach()


@test
def a_link_that_was_exchanged():
    """A program with the right name that does something else, or nothing."""
    with agent() as first:
        first.stop()
    os.unlink(PIN + '/link_on_exec')
    os.rename(PIN + '/link_on_fork', PIN + '/link_on_exec')
    with agent() as second:
        true('in place of others: on_exec runs another program' in reason(second), reason(second))
        second.settle()
        second.stop()
    detach()


@test
def two_on_the_same_pins():
    with agent() as first:
        done = subprocess.run([CALLERD, '--pin', PIN, '--state', 'none', '--socket', SOCKET, '--output', 'stdout'],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=PATIENCE, check=False)
        equal(done.returncode, 1, 'exit code')
        true(f'{PIN} is in use by another callerd' in done.stderr, done.stderr)
        first.settle()
        first.stop()
    detach()


@test
def what_the_engine_did_meanwhile():
    """An event of the time without an agent goes back to the request that the kernel programs captured then."""
    state = os.path.join(os.path.dirname(SOCKET), 'gap-state.db')
    kwargs = {'state': state, 'options': ',chain=no'}
    with agent(**kwargs) as first:
        id_ = docker('run', '-d', '--restart', 'on-failure:1', IMAGE, 'sh', '-c', 'sleep 2; exit 3').strip()
        first.event('container/start', id_)
        first.settle_events()
        first.stop()
    User(MEMBER).docker('volume', 'create', 'gap-meanwhile')
    deadline = time.monotonic() + PATIENCE
    while docker('inspect', '-f', '{{.RestartCount}} {{.State.Running}}', id_).strip() != '1 false':
        true(time.monotonic() < deadline, 'it was started again and ended')
        time.sleep(0.1)
    with agent(**kwargs) as second:
        event, = second.event('volume/create', 'gap-meanwhile')
        start, = second.event('container/start', id_)
        docker('volume', 'rm', 'gap-meanwhile')
        docker('rm', id_)
        second.settle_events()
        second.stop()
    equal((field(event, 'callerd.cause.kind'), acts_as(event, 'name')), ('request', MEMBER), event['message'])
    # Nobody asked for it: that is known, since no request of that time is missing.
    equal((field(start, 'callerd.cause.kind'), field(start, 'callerd.cause.reason')), ('daemon', 'restart-policy'),
          start['message'])
    detach()


@test
def detached():
    """By whoever takes callerd off the host: programs, maps and pins are gone."""
    def programs():
        return {p['id'] for p in json.loads(run('bpftool', '-j', 'prog', 'show'))}
    with agent() as running:
        ours = held(running.pid)
        out = subprocess.run([CALLERD, '--detach', '--pin', PIN], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True, timeout=PATIENCE, check=False)
        equal(out.returncode, 1, 'while an agent runs')
        true('in use by another callerd' in out.stderr, out.stderr)
        running.settle()
        running.process.send_signal(signal.SIGINT)  # by a person at a terminal, who is told
        running.stop()
    true('callerd --detach' in running.error, running.error)
    true(programs() & ours, 'they go on')
    out = detach()
    true(out.startswith('detached ') and PIN in out, out)
    true(not os.path.exists(PIN), 'the directory is gone')
    deadline = time.monotonic() + PATIENCE
    while programs() & ours and time.monotonic() < deadline:
        time.sleep(0.05)
    equal(programs() & ours, set(), 'programs that are left')
    equal(detach(), f'nothing is pinned at {PIN}\n', 'once more')


try:
    main()
finally:
    detach()
