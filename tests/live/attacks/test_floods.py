# SPDX-License-Identifier: Apache-2.0
"""Floods by one user: the records of others are complete, and what is not told of his is counted exactly."""
import os
import resource
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from live import *

TINY = '65536'  # bytes of a ring
FLOOD = CLIENTS + 'flood'
GID = str(pwd.getpwnam(OUTSIDER).pw_gid)
OUTSIDER_UID = str(pwd.getpwnam(OUTSIDER).pw_uid)
AS_OUTSIDER = ['setpriv', '--reuid', OUTSIDER_UID, '--regid', GID, '--clear-groups', '--']
member = User(MEMBER)
attacker = User(OUTSIDER)  # with the group, as command() makes him


class Flood:
    """A client that goes on until it is stopped, or has done what it was told; says what it did."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)

    def stop(self):
        equal(self.process.poll(), None, 'the flood goes on')
        self.process.terminate()
        return self.end()

    def end(self):
        output = self.process.communicate(timeout=PATIENCE)[0].decode()
        return {name: int(float(value)) for name, value in facts(output).items()}


def calls_of_member(agent, count):
    """Each of them must have a complete record that names him. Returns when all are there."""
    targets = [member.call('GET', '/_ping')[0] for _ in range(count)]
    for target in targets:
        record, = agent.wait(url__original=target, http__response__status_code=200)
        equal((acts_as(record, 'name'), field(record, 'process.name'), field(record, 'callerd.capture.complete')),
              (MEMBER, 'curl', True), record['message'])


def lost_by(agent, uid, *reasons):
    return sum(r['callerd']['lost']['count'] for r in agent.records(event__action='records-lost')
               if r['callerd']['lost']['reason'] in reasons and field(r, 'callerd.account.id') == uid)


def of_others(agent, uid):
    """What was lost, and is not charged to UID."""
    return [r['message'] for r in agent.records(event__action='records-lost')
            if field(r, 'callerd.account.id') != uid]


def refused_of(agent, uid):
    """How many refused connects are told one by one, and how many are folded."""
    records = agent.records(event__action='socket-refused')
    told = [r for r in records if acts_as(r) == uid]
    folded = [r for r in records if field(r, 'callerd.account.id') == uid]
    equal(len(told) + len(folded), len(records), 'refused ones are his')
    for record in folded:
        equal((field(record, 'callerd.account.type'), field(record, 'callerd.account.name'),
               field(record, 'error.code')), ('user', OUTSIDER, 'EACCES'), record['message'])
        true(record['callerd']['refused']['first'] <= record['callerd']['refused']['last'], 'times')
    return len(told), sum(r['callerd']['refused']['count'] for r in folded)


@test
def refused_connects():
    """A user outside the group connects in two loops. At stake: who it was that members' requests are of."""
    with Callerd('--callers-ring', TINY) as agent:
        flood = Flood(*AS_OUTSIDER, FLOOD, SOCKET, '--connect-only', '--connections', '10000000', '--threads', '2')
        agent.wait(2, event__action='socket-refused', that=lambda r: field(r, 'callerd.refused.count'))
        calls_of_member(agent, scaled(20, 4))
        made = flood.stop()['connect_errors']
        agent.stop()
        told, folded = refused_of(agent, OUTSIDER_UID)
        lost = lost_by(agent, OUTSIDER_UID, 'ring-full-refused')
        equal(of_others(agent, OUTSIDER_UID), [], 'losses of others')
        true(told and folded, f'{told} told, {folded} folded')
        equal(told + folded + lost, made, f'{told} told, {folded} folded, {lost} lost')



@test
def user_namespaces():
    """A user outside the group makes a user namespace for each loop, to have many shares. At stake: the shares."""
    flood = [*AS_OUTSIDER, 'unshare', '--user', '--map-root-user', FLOOD, SOCKET, '--connect-only', '--threads', '1',
             '--connections', '400']
    if subprocess.run([*AS_OUTSIDER, 'unshare', '--user', 'true'], check=False, stderr=subprocess.DEVNULL).returncode:
        raise Skip('users may not make user namespaces here')
    with Callerd() as agent:
        for one in [Flood(*flood) for _ in range(4)]:
            equal(one.end()['connect_errors'], 400, 'refused')
        agent.stop()
        told, folded = refused_of(agent, OUTSIDER_UID)
        lost = lost_by(agent, OUTSIDER_UID, 'ring-full-refused')
        equal(of_others(agent, OUTSIDER_UID), [], 'losses of others')
        true(told < 800, f'{told} told one by one')
        equal(told + folded + lost, 1600, f'{told} told, {folded} folded, {lost} lost')


@test
def output_that_stalls():
    """A member floods requests while nobody reads one of the outputs. At stake: others' records in it."""
    read, write = os.pipe()
    saved = os.dup(1)
    os.dup2(write, 1)
    try:
        agent = Callerd('--output', 'stdout,format=ecs,queue-size=1M')
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(write)
    with agent:
        flood = attacker.command(FLOOD, SOCKET, '--threads', '2', '--connections')
        run(*flood, str(scaled(600, 200)))
        calls_of_member(agent, scaled(10, 4))
        run(*flood, str(scaled(200, 50)))
        agent.settle()
        reader = subprocess.Popen(['cat'], stdin=read, stdout=subprocess.PIPE)
        os.close(read)
        threading.Thread(target=agent.process.wait, daemon=True).start()
        agent.process.terminate()
        piped = [json.loads(line) for line in reader.stdout]
        stopped, = agent.wait(event__action='agent-stopped')
    logged = agent.seen
    equal([r['message'] for r in logged if field(r, 'event.action') == 'records-lost'
           and field(r, 'callerd.account.id') != OUTSIDER_UID], [], 'losses of others')
    of_member = [[field(r, 'event.id') for r in records if acts_as(r, 'name') == MEMBER]
                 for records in (logged, piped)]
    equal(of_member[1], of_member[0], 'what the stalled output has of the member')
    made, there = (sum(acts_as(r) == OUTSIDER_UID for r in records) for records in (logged, piped))
    lost = stopped['callerd']['status'].get('lost.output-full', 0)
    true(lost, 'something was lost')
    equal(there + lost, made, f'{there} there, {lost} lost')


@test
def payload():
    """A member floods requests, with a small ring. At stake: what others ask for."""
    with Callerd('--payload-ring', TINY) as agent:
        flood = Flood(*attacker.command(FLOOD, SOCKET, '--threads', '3', '--connections', str(scaled(120, 12)),
                                        '--per-connection', '100', '--target', '/_ping?' + 'x' * 3000))
        calls_of_member(agent, scaled(10, 2))
        made = flood.end()
        agent.stop()
        equal(of_others(agent, OUTSIDER_UID), [], 'losses of others')
        true(lost_by(agent, OUTSIDER_UID, 'ring-full-request', 'ring-full-response', 'ring-full-end'), made)


HALF_HEADS = """
import resource, socket, sys
count = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (count + 64, count + 64))
kept = []
for i in range(count):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.connect(sys.argv[1])
    client.sendall(b'GET /half HTTP/1.1\\r\\nX: ')
    kept.append(client)
print('ready', flush=True)
sys.stdin.read()
"""


@test
def half_heads():
    """A member opens thousands of connections and sends half a head on each. At stake: a create that is half read."""
    count = scaled(8000, 1000)
    resource.setrlimit(resource.RLIMIT_NOFILE, (count * 2, count * 2))
    with Callerd() as agent:
        body = json.dumps({'Image': IMAGE, 'HostConfig': {'Privileged': True}}).encode()
        with connect() as client:
            client.sendall(f'POST /v1.41/containers/create?name=half HTTP/1.1\r\nHost: x\r\n'
                           f'Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n'.encode() + body[:20])
            agent.settle()
            flood = subprocess.Popen(attacker.command('/usr/bin/python3', '-c', HALF_HEADS, SOCKET, str(count)),
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            equal(flood.stdout.readline(), b'ready\n', 'the flood')
            agent.settle()
            client.sendall(body[20:])
            equal(read_response(client)[0], 201, 'create')
        record, = agent.wait(callerd__api__operation='ContainerCreate', http__response__status_code=201)
        flood.communicate(timeout=PATIENCE)
        request('DELETE', '/v1.41/containers/half')
        equal((field(record, 'callerd.capture.complete'), field(record, 'callerd.findings', [{}])[0].get('id')),
              (True, 'privileged'), record['message'])
        agent.stop()
        equal(of_others(agent, OUTSIDER_UID), [], 'losses of others')
        if not VM:
            true(lost_by(agent, OUTSIDER_UID, 'connection-evicted'), 'his own were evicted')


main()
