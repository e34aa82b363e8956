# SPDX-License-Identifier: Apache-2.0
"""Attacks on what is copied of a connection: requests behind what is left out, answers in the dark, and requests that
callerd's end cuts off. The attacker may call the engine, and wants to have done so without a record of it."""
import contextlib
import io
import json
import os
import socket
import subprocess
import tarfile
import time

from live import *

MB = 1 << 20
CREATE = '/v1.41/containers/create'
FORGED = b'HTTP/1.1 404 Not Found\r\nContent-Length: 77\r\n\r\n' + b'HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}'


def body(**more):
    return json.dumps({'Image': IMAGE, 'Cmd': ['sleep', '1000'], **more}).encode()


def bytes_of(method, target, content=b'', chunk=None):
    """A request, its body in chunks of that size, or with a length."""
    head = f'{method} {target} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n'
    if not chunk:
        return f'{head}Content-Length: {len(content)}\r\n\r\n'.encode() + content
    pieces = [content[at:at + chunk] for at in range(0, len(content), chunk)] + [b'']
    return f'{head}Transfer-Encoding: chunked\r\n\r\n'.encode() + b''.join(
        b'%x\r\n%s\r\n' % (len(piece), piece) for piece in pieces)


PRIVILEGED = body(HostConfig={'Privileged': True})


def finding_ids(record):
    return [finding['id'] for finding in field(record, 'callerd.findings', [])]


def requests_named(agent, name):
    return agent.records(event__action='api-request', callerd__target__name=name)


@contextlib.contextmanager
def container(name, *command, **more):
    if command:
        more['Cmd'] = command
    status, answer = request('POST', f'{CREATE}?name={name}', body(**more))
    equal(status, 201, f'create of {name}: {answer}')
    equal(request('POST', f'/v1.41/containers/{name}/start')[0], 204, f'start of {name}')
    try:
        yield json.loads(answer)['Id']
    finally:
        request('DELETE', f'/v1.41/containers/{name}?force=1')


def behind_a_body(agent, size, chunk):
    """A body of SIZE bytes, and behind it, in the same write, the create that nobody is to see."""
    name = f'behind-{size}-{chunk}-{os.getpid()}'
    large = body(Labels={'padding': 'x' * size})
    before = len(agent.records(event__action='api-request', callerd__api__operation='ContainerCreate'))
    with connect() as client:
        client.settimeout(PATIENCE * 5)
        client.sendall(bytes_of('POST', f'{CREATE}?name=large-{name}', large, chunk)
                       + bytes_of('POST', f'{CREATE}?name={name}', PRIVILEGED))
        statuses = [read_response(client)[0] for _ in range(2)]
    equal(statuses, [201, 201], 'the daemon')
    agent.settle()
    found = requests_named(agent, name)
    equal(len(found), 1, f'records of {name}')
    equal(field(found[0], 'http.response.status_code'), 201, 'status')
    equal(field(found[0], 'http.request.method'), 'POST', 'method')
    true('privileged' in finding_ids(found[0]), f'findings: {finding_ids(found[0])}')
    true(field(found[0], 'callerd.capture.complete'), f'complete: {found[0]["message"]}')
    true(field(found[0], 'callerd.target.id'), 'its id')
    first = requests_named(agent, 'large-' + name)
    equal(len(first), 1, 'records of the large one')
    if not chunk or chunk > 4096:  # the daemon reads smaller ones through what is always copied
        equal(field(first[0], 'callerd.capture.reason'), ['budget'], 'what is not seen of the large one')
        true('body-not-seen' in finding_ids(first[0]), f'findings: {finding_ids(first[0])}')
    after = agent.records(event__action='api-request', callerd__api__operation='ContainerCreate')
    equal(len(after), before + 2, 'creates')
    for one in ('large-' + name, name):
        request('DELETE', f'/v1.41/containers/{one}?force=1')


@test
def pipelined_behind_a_body():
    """Attacker: a member of the group, who sends a privileged create behind a body that is larger than what is
    copied. At stake: a way onto the host without a record."""
    with Callerd('--request-budget', '8192') as agent:
        for chunk in None, 1000, 4096, 32768, 200000:
            behind_a_body(agent, 300000, chunk)


@test
def pipelined_behind_a_body_by_default():
    """The same with the budget that callerd has by default."""
    with Callerd() as agent:
        behind_a_body(agent, 5 * MB, None)
        behind_a_body(agent, 5 * MB, 32768)


@test
def pipelined_behind_an_answer():
    """Attacker: a member of the group, who asks for much, sends a privileged create along with it, and keeps the
    connection open. At stake: a way onto the host without a record, or one without its outcome."""
    name = f'behind-answer-{os.getpid()}'
    with Callerd('--response-budget', '4096') as agent, \
            container(f'much-{os.getpid()}', Labels={'padding': 'x' * 100000}) as much, connect() as client:
        client.sendall(bytes_of('GET', f'/v1.41/containers/{much}/json')
                       + bytes_of('POST', f'{CREATE}?name={name}', PRIVILEGED))
        equal([read_response(client)[0] for _ in range(2)], [200, 201], 'the daemon')
        record = agent.wait(event__action='api-request', callerd__target__name=name)[0]  # it is still open
        equal(field(record, 'http.response.status_code'), 201, 'status')
        true(field(record, 'callerd.target.id'), 'its id')
        true('privileged' in finding_ids(record), f'findings: {finding_ids(record)}')
        equal(field(record, 'callerd.capture.complete'), False, 'it may have been content of the answer before')
        equal(field(record, 'event.outcome'), 'unknown', 'outcome')
        client.sendall(bytes_of('DELETE', f'/v1.41/containers/{name}?force=1'))
        equal(read_response(client)[0], 204, 'the daemon')
        record = agent.wait(event__action='api-request', http__request__method='DELETE', callerd__target__name=name)[0]
        equal(field(record, 'callerd.capture.complete'), True, 'behind it all is certain again')
        equal(len(requests_named(agent, name)), 2, 'records of it')


@test
def answers_in_an_archive():
    """Attacker: who fills a container's files, and has somebody copy them; or who does both, with a privileged
    create sent along. At stake: a record that says 404, for certain, of what was answered with 201."""
    name, target = f'forged-{os.getpid()}', f'files-{os.getpid()}'
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode='w') as tar:
        info = tarfile.TarInfo('forged')
        content = FORGED * (2 * MB // len(FORGED))
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    with Callerd() as agent, container(target) as identity:
        url = f'/v1.41/containers/{identity}/archive?path=/forged'
        equal(request('PUT', url.replace('/forged', '/'), archive.getvalue())[0], 200, 'PUT')
        before = len(agent.records(event__action='api-request'))
        with connect() as client:
            client.sendall(bytes_of('GET', url))
            equal(read_response(client)[0], 200, 'the archive')
        agent.settle()
        records = agent.records(event__action='api-request')[before:]
        equal([r['message'] for r in records if field(r, 'url.path') != '/_ping'
               and field(r, 'http.request.method') != 'PUT' and field(r, 'callerd.api.operation') != 'ContainerArchive'],
              [], 'made of what is in an archive')
        with connect() as client:
            client.sendall(bytes_of('GET', url) + bytes_of('POST', f'{CREATE}?name={name}', PRIVILEGED))
            equal([read_response(client)[0] for _ in range(2)], [200, 201], 'the daemon')
        agent.settle()
        records = requests_named(agent, name)
        equal(len(records), 1, 'records of it')
        equal(field(records[0], 'callerd.capture.complete'), False, 'its status is not certain')
        true('privileged' in finding_ids(records[0]), f'findings: {finding_ids(records[0])}')
        made = json.loads(request('GET', f'/v1.41/containers/{name}/json')[1])['Id']
        said = [r for r in agent.records(event__action='api-request', callerd__target__id=made)
                if field(r, 'http.response.status_code') == 201]
        true(said, 'its answer is told, as its own or as one that cannot be paired')
        equal([r['message'] for r in said if field(r, 'callerd.capture.complete')], [], 'for certain')
        request('DELETE', f'/v1.41/containers/{name}?force=1')


@test
def logs_are_not_copied():
    """Attacker: whoever prints much in a container whose logs somebody follows. At stake: the room that all requests
    share. What is over the budget is passed over, in whatever pieces it comes."""
    name, events = f'chatty-{os.getpid()}', f'{DIR}/events-{os.getpid()}'
    lines = scaled(100000, 20000) # they take longer than a second: then the end is told
    command = f'i=0; while [ $i -lt {lines} ]; do echo HTTP/1.1 201 Created $i; i=$((i+1)); done; sleep 1000'
    with Callerd('--record-events', events) as agent, container(name, 'sh', '-c', command) as identity:
        with connect() as client, client.makefile('rb') as stream:
            client.sendall(bytes_of('GET', f'/v1.41/containers/{identity}/logs?stdout=1&follow=1'))
            while b' %d\n' % (lines - 1) not in stream.readline():
                pass
            agent.wait(event__action='api-request', callerd__api__operation='ContainerLogs')
        agent.wait(event__action='api-request-ended', callerd__api__operation='ContainerLogs')
        agent.settle()
        size = os.stat(events).st_size  # 64 KiB of short lines, each an event; not all the others, of megabytes
        true(size < 500000, f'{size} bytes of events for {lines} lines')
        os.unlink(events)


def beginning_and_end(agent, operation, reason=None):
    """The end of a stream, told as what its request's record is about."""
    end = agent.wait(event__action='api-request-ended', callerd__api__operation=operation)[-1]
    records = agent.records(event__action='api-request', callerd__api__operation=operation)
    mine = [r for r in records if r['http']['request']['id'] == end['http']['request']['id']]
    equal(len(mine), 1, f'requests with that id: {end["message"]}')
    equal(mine[0]['event']['id'], end['http']['request']['id'], 'event.id of the request')
    true(end['event']['id'] != mine[0]['event']['id'], 'event.id is one record\'s alone')
    equal(end['event']['type'], ['end'], 'type')
    for name in 'process.pid', 'callerd.target', 'url.original', 'user.id', 'http.response.status_code':
        equal(field(end, name), field(mine[0], name), name)
    true(field(end, 'event.duration') >= field(mine[0], 'event.duration'), 'duration')
    if reason:
        equal(field(end, 'callerd.stream.end_reason'), reason, 'why it ended')
    return end


@test
def streams_end():
    """Attacker: a member of the group with a shell in a container. At stake: for how long, and how much went through
    it."""
    name = f'streams-{os.getpid()}'
    docker_command = ['docker', '-H', 'unix://' + SOCKET]
    with Callerd() as agent, container(name, 'sh', '-c', 'echo begun; exec cat', OpenStdin=True):
        docker('exec', name, 'true')
        beginning_and_end(agent, 'ExecStart')
        for operation, arguments in (('ContainerAttach', ['attach', '--sig-proxy=false', name]),
                                     ('ContainerLogs', ['logs', '-f', name]), ('SystemEvents', ['events'])):
            with subprocess.Popen(docker_command + arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) as process:
                begun = agent.wait(event__action='api-request', callerd__api__operation=operation,
                                   that=lambda r, pid=process.pid: field(r, 'process.pid') == pid)[0]
                answered = time.monotonic()
                while time.monotonic() < answered + 1.2:  # what is short has no end of its own
                    agent.settle()
                process.kill()
            end = beginning_and_end(agent, operation)
            equal(end['process']['pid'], begun['process']['pid'], 'whose stream it was')
            true(field(end, 'event.duration') > 1000000000, f'duration: {end["message"]}')
            true(field(end, 'callerd.stream.end_reason') in ('client', 'reset', 'unknown'), end['message'])


@test
def over_when_callerd_ends():
    """A stream that was over before callerd ended was not cut off by it, though nobody said so."""
    name = f'over-{os.getpid()}'
    with Callerd() as agent, container(name, 'sleep', '1000'):
        docker('exec', name, 'true')
        agent.wait(event__action='api-request', callerd__api__operation='ExecInspect')  # how it asks what came of it
        ends = [r for r in agent.stop() if r['event']['action'] == 'api-request-ended']
        equal(len(ends), 1, 'ends')
        true(field(ends[0], 'callerd.stream.end_reason') in ('client', 'daemon', 'unknown'), ends[0]['message'])
        true(field(ends[0], 'http.response.bytes'), 'what went through is known')


@test
def bytes_of_a_stream():
    """What went through a shell is counted in both directions, and not recorded."""
    name = f'counted-{os.getpid()}'
    with Callerd() as agent, container(name, 'cat', OpenStdin=True, Tty=False), connect() as client:
        client.sendall(f'POST /v1.41/containers/{name}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: docker\r\n'
                       'Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n'.encode())
        equal(read_response(client)[0], 101, 'attach')
        client.sendall(b'y' * 9999 + b'\n')
        got = 0
        while got < 10008:
            got += len(client.recv(65536))
        client.shutdown(socket.SHUT_RDWR)
        client.close()
        end = beginning_and_end(agent, 'ContainerAttach')
        if field(end, 'callerd.stream.end_reason') != 'unknown':  # nobody said so: it was found to be gone
            true(10000 < end['http']['request']['bytes'] < 10400, end['message'])
            true(10000 < end['http']['response']['bytes'] < 10400, end['message'])


@test
def cut_off_by_the_end_of_callerd():
    """Attacker: who can have callerd stopped, or waits for it. At stake: that a request which takes long has no
    record. It has one while it goes on, and one that says why the rest is missing."""
    name = f'stubborn-{os.getpid()}'
    with Callerd() as agent, container(name, 'sh', '-c', 'trap "" TERM; while :; do sleep 1; done'):
        stop = subprocess.Popen(['docker', '-H', 'unix://' + SOCKET, 'stop', '-t', '60', name],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        began = time.time()
        started = agent.wait(event__action='api-request-started', callerd__api__operation='ContainerStop')[0]
        true(time.time() < began + scaled(10, 100), 'within seconds')
        equal(started['event']['type'], ['start'], 'type')
        equal(started['event']['outcome'], 'unknown', 'outcome')
        equal(started['process']['pid'], stop.pid, 'caller')
        equal(field(started, 'callerd.target.name'), name, 'target')
        equal(field(started, 'callerd.capture.complete'), True, 'complete')
        equal(field(started, 'http.response'), None, 'no answer')
        equal(agent.records(event__action='api-request', callerd__api__operation='ContainerStop'), [], 'no answer')
        ended = [r for r in agent.stop() if field(r, 'callerd.api.operation') == 'ContainerStop'
                 and r['event']['action'] == 'api-request']
        stop.kill()
        stop.wait()
        equal(len(ended), 1, 'its record at the end of callerd')
        equal(ended[0]['http']['request']['id'], started['http']['request']['id'], 'the same request')
        equal(field(ended[0], 'callerd.capture.reason'), ['agent-stopped'], 'why there is no answer')


@test
def long_answer():
    """A response that takes long and is over by itself: the connection goes on."""
    with connect() as client, Callerd() as agent, container(f'held-{os.getpid()}', 'sleep', '1000') as identity:
        client.sendall(bytes_of('POST', f'/v1.41/containers/{identity}/wait'))
        agent.wait(event__action='api-request', callerd__api__operation='ContainerWait')
        answered = time.monotonic()
        while time.monotonic() < answered + 1.2:
            agent.settle()
        equal(request('POST', f'/v1.41/containers/{identity}/kill')[0], 204, 'kill')
        equal(read_response(client)[0], 200, 'status')
        beginning_and_end(agent, 'ContainerWait', 'complete')


@test
def a_body_that_does_not_end():
    """Attacker: who sends all of a privileged create but its last byte. At stake: nothing yet, and it is said that
    the body is on its way."""
    with Callerd() as agent, connect() as client:
        data = bytes_of('POST', f'{CREATE}?name=slow-{os.getpid()}', PRIVILEGED)
        client.sendall(data[:-1])
        started = agent.wait(event__action='api-request-started', callerd__api__operation='ContainerCreate')[0]
        equal(field(started, 'callerd.capture.reason'), ['unfinished'], 'why it is not complete')
        client.sendall(data[-1:])
        equal(read_response(client)[0], 201, 'the daemon')
        record = agent.wait(event__action='api-request', callerd__api__operation='ContainerCreate')[0]
        true('privileged' in finding_ids(record) and field(record, 'callerd.capture.complete'), record['message'])
        request('DELETE', f'/v1.41/containers/slow-{os.getpid()}?force=1')


main()
