# SPDX-License-Identifier: Apache-2.0
"""Equal reads, health checks and refused connects are told by a count, and nothing else is."""
import collections
import pwd

from live import *

PIN = f'/sys/fs/bpf/callerd-fold-{os.getpid()}'
UID, GID = pwd.getpwnam(OUTSIDER)[2:4]

# Asks for each TARGET on each line that it reads, on a new connection each time, or on one.
POLLER = r'''
import socket, sys
path, keep, *targets = sys.argv[1:]
def connect():
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    return client
client, used = None, False
for line in sys.stdin:
    for target in targets:
        if not used or keep == 'new':
            client = connect()  # and closes the last one
        used = True
        client.sendall(b'GET ' + target.encode() + b' HTTP/1.1\r\nHost: docker\r\n\r\n')
        data = b''
        while b'\r\n\r\n' not in data:
            data += client.recv(1)
        head = data.lower()
        if b'content-length: ' in head:
            size = int(head.split(b'content-length: ')[1].split(b'\r\n')[0])
            while size:
                size -= len(client.recv(size))
    print(line, end='', flush=True)
'''


class Poller:
    def __init__(self, *targets, keep='keep', name='poller'):
        self.process = subprocess.Popen([sys.executable, '-c', POLLER, SOCKET, keep, *targets],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.stdin.close()
        self.process.wait()

    def ask(self, times):
        for i in range(times):
            self.process.stdin.write(f'{i}\n')
            self.process.stdin.flush()
            equal(self.process.stdout.readline(), f'{i}\n', 'the poller answers')


def count(record):
    return field(record, 'callerd.folded.count', 0)


def of(records, pid, action='api-request'):
    return [r for r in records if field(r, 'process.pid') == pid and r['event']['action'] == action]


def sums(records):
    """How many requests records stand for."""
    return sum(count(r) or 1 for r in records)


@test
def pollers_are_counted():
    """Each request is told, by itself or by a count; those that are new by themselves. SIGHUP and the end write what waits."""
    with Callerd(fold='1h', options=',chain=yes') as agent, Poller('/_ping', '/v1.41/info') as poller, \
            Poller('/_ping', keep='new') as anew:
        agent.settle()  # the first connect is news: who serves the socket
        poller.ask(20)
        anew.ask(20)
        agent.settle()
        first = of(agent.records(), poller.pid)
        equal(sorted(r['url']['original'] for r in first), ['/_ping', '/v1.41/info'], 'told whole')
        agent.process.send_signal(signal.SIGHUP)
        agent.wait(event__action='agent-reloaded')
        folded = [r for r in of(agent.records(), poller.pid) if count(r)]
        true(folded, 'some are told by a count')
        for record in folded:
            kin, = (r for r in first if r['url'] == record['url'])
            for name in 'process', 'user', 'url', 'host', 'user_agent':
                equal(record.get(name), kin.get(name), name)
            for name in 'caller', 'ancestors', 'api', 'target':
                equal(record['callerd'].get(name), kin['callerd'].get(name), name)
            equal(record['http']['response']['status_code'], 200, 'status')
            true('id' not in record['http']['request'] and 'id' not in record['callerd']['connection'], f'of one: {record}')
            true(record['callerd']['folded']['first'] <= record['callerd']['folded']['last'] == record['@timestamp'], 'times')
            true(f'[{count(record)} times in ' in record['message'], record['message'])
        poller.ask(5)
        agent.settle()
        records = agent.stop()
        equal(sums(of(records, poller.pid)), 50, 'requests that are told')
        equal(sums(of(records, anew.pid)), 20, 'of the other one')
        equal(len(of(records, anew.pid)), 2, 'records of those')
        equal(len(of(records, anew.pid, 'socket-connected')), 1, 'connects of its own')
        equal([field(r, 'callerd.folded.connections') for r in of(records, anew.pid) if count(r)], [19], 'connects counted')
        numbers = [r['event']['sequence'] for r in records if 'sequence' in r['event']]
        equal(numbers, list(range(numbers[0], numbers[0] + len(numbers))), 'numbers')
        status = records[-2 if records[-1]['event']['action'] == 'log-sealed' else -1]['callerd']['status']
        counted = sum(count(r) + field(r, 'callerd.folded.connections', 0) for r in records)
        true(counted <= status['folded'] < counted + 20 and 0 < status['folded-into'] < 20, f'{counted} are folded: {status}')
        run(CALLERD, 'verify', agent.log)


@test
def what_is_new_is_told():
    """Who looks like a poller and is none, or asks for something else, has records of his own, and so has each finding."""
    with Callerd(fold='yes') as agent, Poller('/_ping') as poller, Poller('/_ping') as twin, \
            Poller('/secrets') as finder, Poller('/containers/no-such/json') as failing:
        for one in poller, twin, finder, failing:
            one.ask(6)
        agent.settle()
        run('setpriv', '--reuid', str(pwd.getpwnam(MEMBER)[2]), '--regid', str(GID), '--init-groups', CLIENTS + 'one_shot', SOCKET, 'GET /_ping')
        request('DELETE', '/volumes/no-such')
        request('DELETE', '/volumes/no-such')
        records = agent.stop()
        for one in poller, twin:
            equal([count(r) for r in of(records, one.pid)], [0, 5], 'each has a first one')
        equal([count(r) for r in of(records, finder.pid)], [0] * 6, 'findings')
        true(all(r['callerd']['findings'] for r in of(records, finder.pid)), 'findings')
        equal([(r['http']['response']['status_code'], count(r), r['event']['outcome']) for r in of(records, failing.pid)],
              [(404, 0, 'failure'), (404, 5, 'failure')], 'failures')
        mine = [r for r in of(records, os.getpid()) if field(r, 'callerd.api.operation') == 'VolumeDelete']
        equal([count(r) for r in mine], [0, 0], 'what changes something')


@test
def an_inspector():
    """Of several targets one record tells, without them."""
    names = [f'fold-{i}' for i in range(4)]
    for name in names:
        equal(request('POST', '/volumes/create', json.dumps({'Name': name}).encode())[0], 201, 'a volume')
    try:
        with Callerd(fold='yes') as agent, Poller(*(f'/volumes/{name}' for name in names)) as poller:
            poller.ask(5)
            agent.settle()
            records = of(agent.stop(), poller.pid)
        equal([field(r, 'callerd.target.name') for r in records], [*names, None], 'targets')
        equal((count(records[-1]), records[-1]['callerd']['folded']['different']), (16, 4), 'counted')
        equal(records[-1]['callerd']['api']['operation'], 'VolumeInspect', 'operation')
        true('url' not in records[-1], f'a URL: {records[-1]}')
    finally:
        for name in names:
            request('DELETE', f'/volumes/{name}')


@test
def health_checks():
    with Callerd(fold='2s') as agent:
        body = {'Image': IMAGE, 'Cmd': ['sleep', '600'], 'HostConfig': {'NetworkMode': 'none'},
                'Healthcheck': {'Test': ['CMD', 'true'], 'Interval': 100 * 10 ** 6}}
        status, answer = request('POST', '/containers/create?name=fold-health', json.dumps(body).encode())
        equal(status, 201, f'{answer}')
        id_ = json.loads(answer)['Id']
        try:
            equal(request('POST', f'/containers/{id_}/start')[0], 204, 'start')
            folded, = agent.wait(1, count, callerd__docker_event__id=id_)[:1]
        finally:
            request('DELETE', f'/containers/{id_}?force=1')
        equal(folded['callerd']['cause'], {'kind': 'daemon', 'reason': 'health-check'}, 'cause')
        equal((folded['callerd']['folded']['different'], folded['event']['outcome']), (3, 'success'), 'of three kinds')
        true(count(folded) >= 6, f'{count(folded)} events')
        agent.settle_events()
        records = agent.stop()
    whole = collections.Counter(field(r, 'callerd.docker_event.action') for r in records
                                if field(r, 'callerd.docker_event.id') == id_ and not count(r))
    for action in 'exec_create', 'exec_start', 'create', 'start', 'health_status', 'destroy':
        equal(whole[action], 1, f'{action} of {whole}')
    true(1 <= whole['exec_die'] <= 2, f'exec_die of {whole}')  # the last one was killed


@test
def refused():
    """docker tries it several times: that is one record, which has the count."""
    with Callerd(fold='yes') as agent:
        done = subprocess.run(['setpriv', '--reuid', str(UID), '--regid', str(GID), '--clear-groups', 'docker', 'ps'],
                              env={**os.environ, 'DOCKER_HOST': 'unix://' + SOCKET, 'HOME': '/'}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        true(done.returncode, 'docker is refused')
        of_him = {'event__action': 'socket-refused', 'that': lambda r: acts_as(r) == str(UID)}
        one, = agent.wait(1, **of_him)
        true(one['callerd']['refused']['count'] >= 2, f'{one["callerd"]}')
        true(one['callerd']['refused']['first'] < one['callerd']['refused']['last'] == one['@timestamp'], 'times')
        equal(len(agent.stop()) and sum(map(of_him.pop('that'), agent.records(**of_him))), 1, 'records')


@test
def killed():
    """What waited to be counted is counted as lost."""
    try:
        with Callerd(pin=PIN, fold='1h') as agent, Poller('/_ping', keep='new') as poller:
            agent.settle()  # the first connect is news: who serves the socket
            poller.ask(11)
            agent.settle()
            equal(sums(of(agent.records(), poller.pid)), 1, 'told whole')
            agent.process.kill()
            agent.process.wait()
            with Callerd(pin=PIN) as heir:
                lost, = heir.wait(event__action='records-lost', callerd__lost__reason='agent-killed')
                equal(lost['callerd']['lost']['count'], 20, 'requests and connects')
    finally:
        run(CALLERD, '--detach', '--pin', PIN, check=False)


@test
def another_time():
    """An option that is reloaded; with `no` each has its record."""
    path = tempfile.mktemp(dir=DIR)
    with open(path, 'w', encoding='ascii') as file:
        file.write('[callerd]\nfold = 3s\n')
    with Callerd('--config', path, fold=None) as agent, Poller('/_ping') as poller:
        poller.ask(4)
        agent.wait(1, lambda r: count(r) == 3, process__pid=poller.pid)
        poller.ask(2)
        agent.settle()
        with open(path, 'w', encoding='ascii') as file:
            file.write('[callerd]\nfold = no\n')
        agent.process.send_signal(signal.SIGHUP)
        agent.wait(event__action='agent-reloaded')
        poller.ask(3)
        agent.settle()
        records = of(agent.stop(), poller.pid)
        equal([sums(records), len(records) >= 6], [9, True], 'counted')
        equal([count(r) for r in records[-3:]], [0, 0, 0], 'each')


main()
