# SPDX-License-Identifier: Apache-2.0
"""Whoever shares a connection with somebody else wants his request to bear the other one's name."""
from live import *

AGENT = None


def overlap(mode, mark):
    """Runs the client; returns who sent which request, and their records by the last letter of the target."""
    target = f'/_ping?{mark}'
    out = facts(run(CLIENTS + 'overlap', SOCKET, '--mode', mode, '--target', target, check=False))
    if 'skip' in out:
        raise Skip(out['skip'])
    pids = {key[4:]: int(value) for key, value in out.items() if key.startswith('pid.')}

    def last(record):
        url = field(record, 'url.original', '')
        return url[-1] if mark in url else None

    AGENT.wait(len(pids), event__action='api-request', that=lambda record: last(record) in pids)
    return pids, {last(r): r for r in AGENT.records(event__action='api-request') if last(r) in pids}


def candidates(record):
    return {one['pid'] for one in field(record, 'callerd.candidates', [])}


@test
def sends_that_overlap():
    """Attacker: a process that shares a connection with others. At stake: their names on its requests.

    Its write(2) blocks in its middle, behind a whole request, while two others send whole requests."""
    pids, records = overlap('block', 'overlap')
    for name in 'abcA':
        record = records[name]
        equal(field(record, 'process.pid'), None, f'{name} has no name')
        equal(field(record, 'callerd.capture.complete'), False, f'complete of {name}')
        true('sender-ambiguous' in record['callerd']['capture']['reason'], f'the reason of {name}: {record}')
        true(pids[name] in candidates(record), f'the sender of {name} is among its candidates: {record}')
    true({pids['b'], pids['c'], pids['a']} <= candidates(records['c']), 'all of them are candidates')
    true(' or ' in records['b']['message'], f'the message says so: {records["b"]["message"]}')
    # Where nobody else sends any more there is no doubt.
    equal(field(records['B'], 'process.pid'), pids['B'], 'the last request')
    equal(field(records['B'], 'callerd.capture.complete'), True, 'complete')
    equal(field(records['B'], 'callerd.candidates'), None, 'candidates')


@test
def out_of_band():
    """Attacker: a process that shares a connection with others. At stake: who sent what, by the offset.

    A byte with MSG_OOB counts for who sends it and never for the daemon."""
    pids, records = overlap('oob', 'oob')
    for name, pid in pids.items():
        record = records[name]
        if field(record, 'callerd.capture.complete'):
            equal(field(record, 'process.pid'), pid, f'the sender of {name}')
        else:
            true(field(record, 'process.pid') in (None, pid), f'the sender of {name}: {record}')
    equal(field(records['b'], 'callerd.capture.complete'), False, 'b is in doubt')


FLOOD = '''
import os, socket, sys
path, connects = sys.argv[1], int(sys.argv[2])
shared = socket.socket(socket.AF_UNIX)
shared.connect(path)
def ask(name):
    shared.sendall(f'GET /_ping?flood-{name} HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'.encode())
    data = b''
    while not data.endswith(b'OK'):
        data += shared.recv(65536)
ask('connector')
sys.stdin.readline() # the agent stands still
for _ in range(connects):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.close()
child = os.fork()
if not child:
    ask('lost')
    print('child', os.getpid(), flush=True)
    sys.stdin.readline() # the agent goes on
    ask('told')
    os._exit(0)
os.waitpid(child, 0)
'''


@test
def told_again():
    """Attacker: anybody who can fill the ring. At stake: a request that bears the connector's name for good.

    The event that tells of a new sender finds the ring full."""
    with Callerd('--callers-ring', '65536', '--inventory', '0') as agent:
        process = subprocess.Popen([sys.executable, '-c', FLOOD, SOCKET, '200'], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        agent.wait(url__original='/_ping?flood-connector')
        os.kill(agent.pid, signal.SIGSTOP)
        try:
            process.stdin.write(b'\n')
            process.stdin.flush()
            child = int(process.stdout.readline().split()[1])
        finally:
            os.kill(agent.pid, signal.SIGCONT)
        lost = agent.wait(url__original='/_ping?flood-lost')[0]
        process.stdin.write(b'\n')
        process.stdin.flush()
        told = agent.wait(url__original='/_ping?flood-told')[0]
        process.wait()
        agent.wait(event__action='records-lost')
    if field(lost, 'process.pid') is None:
        equal(field(lost, 'callerd.capture.complete'), False, 'complete')
        true('sender-lost' in lost['callerd']['capture']['reason'], f'the reason: {lost}')
    else: # there was room for it after all
        equal(lost['process']['pid'], child, 'sender')
    equal(field(told, 'process.pid'), child, 'the sender is told at its next send')
    equal(field(told, 'callerd.capture.complete'), True, 'complete')


CHANGES = '''
import os, socket, sys
path, directory = sys.argv[1:]
s = socket.socket(socket.AF_UNIX)
s.connect(path)
def ask(name):
    s.sendall(f'GET /_ping?change-{name} HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'.encode())
    data = b''
    while not data.endswith(b'OK'):
        data += s.recv(65536)
ask('0')
os.chdir(directory)
ask('directory')
os.setgroups([4242])
os.setegid(4243)
ask('groups')
open('/proc/self/comm', 'w').write('renamed')
ask('name')
os.chroot(directory)
ask('root')
'''


@test
def of_the_moment():
    """Attacker: a process that changes what it is behind its first request. At stake: what the record says of it."""
    directory = tempfile.mkdtemp(dir=DIR)
    run(sys.executable, '-c', CHANGES, SOCKET, directory)
    wanted = {'directory': ('process.working_directory', directory), 'groups': ('user.group.id', '4243'),
              'name': ('process.name', 'renamed'), 'root': ('callerd.caller.root', directory)}
    first = AGENT.wait(url__original='/_ping?change-0')[0]
    for name, (path, value) in wanted.items():
        record = AGENT.wait(url__original='/_ping?change-' + name)[0]
        equal(field(record, path), value, name)
        equal(field(record, 'process.entity_id'), field(first, 'process.entity_id'), 'the process')
        equal(field(record, 'callerd.capture.complete'), True, 'complete')


@test
def io_uring_and_tcp():
    """Attacker: anybody who may connect. At stake: a refusal that did not happen.

    A connect by io_uring, then one to a TCP port that nobody listens on, by the same thread."""
    out = facts(run(CLIENTS + 'iouring_sender', SOCKET, '--target', '/_ping?uring-tcp', '--then-tcp', check=False))
    if 'skip' in out:
        raise Skip(out['skip'])
    AGENT.wait(url__original='/_ping?uring-tcp')
    AGENT.settle()
    equal([r['message'] for r in AGENT.records(event__action='socket-refused')
           if field(r, 'process.pid') == int(out['sender.pid'])], [], 'refusals')


@test
def agent_in_a_namespace():
    """Attacker: anybody whose PID is the agent's number in its own PID namespace. At stake: that he is not seen.

    The agent is to know itself, and nobody else, by what the kernel calls it."""
    log = tempfile.mktemp(dir=DIR)
    process = subprocess.Popen(['unshare', '--pid', '--fork', '--kill-child', CALLERD, '--output', f'file:{log},chain=no',
                                '--backend', BACKEND, '--state', 'none', '--pin', 'none', '--socket', SOCKET],
                               stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def records():
        try:
            with open(log) as lines:
                return [json.loads(line) for line in lines if line.endswith('\n')]
        except FileNotFoundError:
            return []

    def wait(that):
        deadline = time.monotonic() + PATIENCE
        while not any(map(that, records())):
            true(time.monotonic() < deadline and process.poll() is None, f'a record; there were {len(records())}')
            time.sleep(0.02)

    try:
        wait(lambda r: r['event']['action'] == 'agent-started')
        request('GET', '/_ping?namespace')
        wait(lambda r: field(r, 'url.original') == '/_ping?namespace')
        equal([r['message'] for r in records() if field(r, 'process.name') == 'callerd'], [], 'its own calls')
    finally:
        process.kill()
        process.wait()


def main_with_agent():
    global AGENT
    with Callerd() as AGENT:
        main()


main_with_agent()
