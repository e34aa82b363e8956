# SPDX-License-Identifier: Apache-2.0
"""measure.py RESULTS ROUNDS [PART...]: measures the parts (all, if none is named) and keeps them in the file RESULTS. For tests/bench/run.

All is done in turns, with and without, so that what else the machine does is in both; what is kept are medians of the rounds, and
of differences and ratios within one round."""
import contextlib
import fcntl
import glob
import json
import os
import platform
import pty
import statistics
import struct
import subprocess
import sys
import termios
import threading
import time

from live import CALLERD, CLIENTS, DIR, ROOT, SOCKET, field, held, request, run
from many import below_shells
import asking as asked
import empty
import peers

ENGINE = [int(os.environ['TESTBED_PID']), int(os.environ['TESTBED_CONTAINERD_PID'])]
STATISTICS = '/proc/sys/kernel/bpf_stats_enabled'
KEPT, ROUNDS = sys.argv[1], int(sys.argv[2])
REQUESTS = ('--connections', '4', '--threads', '2', '--per-connection', '1000')
LOOKED_AT = ('--connections', '2', '--threads', '1', '--per-connection', '500')
CONNECTIONS = ('--connections', '1000', '--threads', '2')
PARTS = {}


def part(function):
    PARTS[function.__name__] = function
    return function


def median(values):
    return statistics.median(list(values))


# --- what one load costs ---------------------------------------------------------------------------

def cpu(pids):
    """Seconds on a processor so far, of all their threads; the kernel's clock of a process has nanoseconds."""
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def settle(pids):
    """Until what is left to be done is done: the processes are as good as idle."""
    for _ in range(100):
        before = cpu(pids)
        time.sleep(0.05)
        if cpu(pids) - before < 0.0005:
            return


def flood(socket, *options, depth=0):
    """Runs the load, below so many shells; what it says of itself. A child of init, as a daemon is; it is over when its output is."""
    out = run('setsid', '-f', *below_shells(depth, [CLIENTS + 'flood', socket, *([] if depth else ['--orphaned']), *options]), check=False)
    said = dict(line.split('=') for line in out.split())
    if said.get('connect_errors') != '0' or said.get('other_errors') != '0':
        raise AssertionError(f'the load failed: {out}')
    return {name: float(value) for name, value in said.items()}


def cost(socket, options, tool, engine, depth=0):
    """Microseconds for each request: of wall time, and on processors, of the load, the engine and the tool together."""
    pids = [*tool, *engine]
    settle(pids)
    before = cpu(pids)
    said = flood(socket, *options, depth=depth)
    settle(tool)
    used = cpu(pids) - before + said['cpu']
    return [said['seconds'] / said['requests'] * 1e6, used / said['requests'] * 1e6]


def paired(table, base):
    """Of {name: [[wall, cpu] of each round]}: the medians, what is on top of BASE, and the ratio to it, in the same round."""
    result = {}
    for name, rows in table.items():
        pairs = list(zip(rows, table[base]))
        result[name] = {
            what: {'median': median(row[i] for row in rows), 'more': median(row[i] - other[i] for row, other in pairs),
                   'ratio': median(row[i] / other[i] for row, other in pairs)}
            for i, what in enumerate(('wall', 'cpu'))}
    return result


@contextlib.contextmanager
def stand_in(path=DIR + '/answer.sock'):
    """A server that only answers, in the place of an engine."""
    with peers.started('answer', [CLIENTS + 'answer', path]) as process:
        peers.until('the server', lambda: os.path.exists(path))
        yield path, process.pid
    os.unlink(path)


# --- the parts -------------------------------------------------------------------------------------

@part
def peers_of_callerd():
    """Everybody in turns, at a real dockerd."""
    table, missing = {'request': {}, 'connection': {}}, {}
    with peers.nothing() as (socket, _):
        flood(socket, *REQUESTS)  # warm
    for _ in range(ROUNDS):
        for name, peer, *_ in peers.PEERS:
            if name in missing:
                continue
            try:
                with peer() as (socket, pids):
                    flood(socket, '--connections', '50')
                    for kind, options in (('request', REQUESTS), ('connection', CONNECTIONS)):
                        table[kind].setdefault(name, []).append(cost(socket, options, pids, ENGINE))
            except peers.Missing as reason:
                missing[name] = str(reason)
    return {**{kind: paired(rows, 'nothing') for kind, rows in table.items()}, 'missing': missing,
            'tells': {name: tells for name, _, _, tells in peers.PEERS}}


@contextlib.contextmanager
def statistics_of_programs():
    with open(STATISTICS) as file:
        before = file.read()
    with open(STATISTICS, 'w') as file:
        file.write('1')
    try:
        yield
    finally:
        with open(STATISTICS, 'w') as file:
            file.write(before)


def runs(ids):
    """Of each program (runs, nanoseconds)."""
    return {program['name']: (program.get('run_cnt', 0), program.get('run_time_ns', 0))
            for program in json.loads(run('bpftool', '-j', 'prog', 'show')) if program['id'] in ids}


def counted(program):
    """Nanoseconds that the kernel counts of a run of the program that is open as this descriptor."""
    with open(f'/proc/self/fdinfo/{program}') as info:
        number = next(int(line.split()[1]) for line in info if line.startswith('prog_id'))
    said = json.loads(run('bpftool', '-j', 'prog', 'show', 'id', str(number)))
    return said['run_time_ns'] / said['run_cnt']


def by_program(ids, count, work):
    """Of each program that ran: runs and nanoseconds for one of COUNT things that WORK does."""
    before = runs(ids)
    work()
    return {name: [(times - before[name][0]) / count, (ns - before[name][1]) / count] for name, (times, ns) in runs(ids).items()
            if times > before[name][0]}


PINGPONG = '''
import os, socket, sys, time
family, turns = sys.argv[1], int(sys.argv[2])
def pair(kind):
    server = socket.socket(socket.AF_INET, kind)
    server.bind(('127.0.0.1', 0))
    client = socket.socket(socket.AF_INET, kind)
    if kind == socket.SOCK_DGRAM:
        client.bind(('127.0.0.1', 0))
        server.connect(client.getsockname())
        client.connect(server.getsockname())
        return server, client
    server.listen(1)
    client.connect(server.getsockname())
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer = server.accept()[0]
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return peer, client
one, other = socket.socketpair() if family == 'unix' else pair(socket.SOCK_STREAM if family == 'tcp' else socket.SOCK_DGRAM)
used = time.process_time_ns()
for _ in range(turns):
    one.send(b'x')
    other.recv(1)
    other.send(b'x')
    one.recv(1)
print((time.process_time_ns() - used) / turns / 2)
'''


def message(family, turns=20000):
    """Nanoseconds on a processor of one send and its receive, of one byte, on sockets of one process."""
    return float(run(sys.executable, '-c', PINGPONG, family, str(turns)))


def verified(pids):
    """Of each program the instructions that the verifier walked."""
    walked = {}
    for pid in pids:
        for fd in os.listdir(f'/proc/{pid}/fdinfo'):
            with open(f'/proc/{pid}/fdinfo/{fd}') as info:
                facts = dict(line.split(':', 1) for line in info if ':' in line)
            if 'verified_insns' in facts:
                walked[int(facts['prog_id'])] = int(facts['verified_insns'])
    return {program['name']: walked[program['id']] for program in json.loads(run('bpftool', '-j', 'prog', 'show')) if program['id'] in walked}


def middle_of(rows):
    """Of a load's rounds the medians of each program."""
    return {name: [median(row.get(name, (0, 0))[i] for row in rows) for i in range(2)] for name in {name for row in rows for name in row}}


@part
def kernel():
    """What the kernel programs take, by the kernel's own count."""
    result, rows, counting = {}, {}, []

    def measure(kind, ids, count, work):
        rows.setdefault(kind, []).append(by_program(ids, count, work))

    with peers.callerd() as agent, statistics_of_programs():
        ids = held(agent.pid) | held(agent.broker)
        for _ in range(ROUNDS):
            for kind, options, count in (('request', REQUESTS, 4000), ('connection', CONNECTIONS, 1000)):
                flood(SOCKET, *options)
                settle(agent.pids)
                measure(kind, ids, count, lambda options=options: flood(SOCKET, *options))
            measure('process', ids, 500, lambda: run(CLIENTS + 'one_shot', SOCKET, '--spawn', '500', '--quiet'))
            with empty.at('sock_recv_length') as program:
                for family in ('unix', 'tcp', 'udp'):
                    measure(family, ids, 40000, lambda family=family: message(family))
                counting.append(counted(program))
        result.update({kind: middle_of(of_kind) for kind, of_kind in rows.items()})
        result['counting'] = median(counting)
        result['verified'] = verified(agent.pids)
        result['backend'] = field(agent.records(event__action='agent-started')[0], 'callerd.capture.backend')
    return result


@part
def trampoline():
    """The same of the other backend, in a virtual machine with a kernel that has it: what it counts, for an emulated processor's times
    say nothing."""
    if 'CALLERD_VM' in os.environ or not os.path.exists('/usr/bin/qemu-system-x86_64'):
        return {'missing': 'there is no qemu-system-x86_64'}
    done = subprocess.run([ROOT + '/tools/vm/run', '6.12', '--name', 'bench', '--timeout', '900', '--', 'tests/bench/run', '--only',
                           '/vm/out/results.json', 'kernel'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        return {'missing': f'the machine: {done.stdout.decode()[-300:]}'}
    with open(ROOT + '/build/vm/out-bench/results.json') as file:
        return json.load(file)['kernel']


@part
def unwatched():
    """A message on sockets that nobody watches, with and without callerd."""
    rows = {family: {'without': [], 'with': []} for family in ('unix', 'tcp', 'udp')}
    for _ in range(ROUNDS):
        for state, context in (('without', contextlib.nullcontext), ('with', peers.callerd)):
            with context():
                for family, kept in rows.items():
                    kept[state].append([message(family)] * 2)
    return {family: paired(kept, 'without')['with']['cpu'] | {'without': median(row[0] for row in kept['without'])}
            for family, kept in rows.items()}


EXECS = '''
import os, resource, sys
count, variables = int(sys.argv[1]), int(sys.argv[2])
environment = {f'VARIABLE_{i}': 'v' * 50 for i in range(variables)}
def used():
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
before = used()
for _ in range(count):
    os.waitpid(os.posix_spawn('/bin/true', ['/bin/true'], environment), 0)
print((used() - before) / count * 1e9)
'''


def execution(variables, count=1000):
    """Nanoseconds on a processor of a process that executes /bin/true with so many variables in its environment, and ends."""
    return float(run(sys.executable, '-c', EXECS, str(count), str(variables)))


@part
def execs():
    """Programs that are executed, and have nothing to do with an engine: with callerd and without, and what its programs take of it."""
    rows = {variables: {'without': [], 'with': []} for variables in (0, 30, 100, 500)}
    for _ in range(ROUNDS):
        for state, context in (('without', contextlib.nullcontext), ('with', peers.callerd)):
            with context():
                for variables, kept in rows.items():
                    kept[state].append([execution(variables)] * 2)
    result = {str(variables): paired(kept, 'without')['with']['cpu'] | {'without': median(row[0] for row in kept['without'])}
              for variables, kept in rows.items()}
    with peers.callerd() as agent, statistics_of_programs():
        ids = held(agent.pid) | held(agent.broker)
        for variables in rows:
            ran = by_program(ids, 1000, lambda variables=variables: execution(variables))
            result[str(variables)]['programs'] = sum(ns for _, ns in ran.values())
    return result


def of_threads(pids):
    """Nanoseconds on a processor, by what the thread is for."""
    result = {}
    for pid in pids:
        for task in os.listdir(f'/proc/{pid}/task'):
            with open(f'/proc/{pid}/task/{task}/schedstat') as used:
                name = 'its broker' if pid != pids[0] else 'the loop: from the rings to the record' if int(task) == pid else 'others: outputs, errands'
                result[name] = result.get(name, 0) + int(used.read().split()[0])
    return result


@part
def threads():
    """What callerd's own threads take for a request, and for a connection with one: with a record for each, and as by default."""
    result = {}
    for suffix, fold in (('', 'no'), ('_folded', None)):
        with peers.callerd(fold=fold) as agent:
            for kind, options, count in (('request', REQUESTS, 4000), ('connection', CONNECTIONS, 1000)):
                rows = []
                for _ in range(ROUNDS):
                    settle(agent.pids)
                    before = of_threads(agent.pids)
                    flood(SOCKET, *options)
                    settle(agent.pids)
                    rows.append({name: (used - before.get(name, 0)) / count / 1e3 for name, used in of_threads(agent.pids).items()})
                result[kind + suffix] = {name: median(row.get(name, 0) for row in rows) for name in rows[-1]}
    return result


class Reader:
    """callerd with its records on a pipe, and when each came."""

    def __init__(self, socket):
        self.process = subprocess.Popen([CALLERD, '--socket', socket, '--output', 'stdout', '--state', 'none', '--pin', 'none', '--fold', 'no'],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.chunks = []
        self.thread = threading.Thread(target=self._read)
        self.thread.start()
        peers.until('callerd', lambda: self.chunks)

    def _read(self):
        while chunk := os.read(self.process.stdout.fileno(), 1 << 20):
            self.chunks.append((time.time_ns(), chunk))

    def delays(self, mark):
        """Ends it. Milliseconds from the end of each request with MARK in its target to its record."""
        self.process.terminate()
        self.process.wait(60)
        self.thread.join()
        self.process.stdout.close()
        result, rest = [], b''
        for when, chunk in self.chunks:
            *lines, rest = (rest + chunk).split(b'\n')
            for line in lines:
                if mark not in line:
                    continue
                record = json.loads(line)
                if field(record, 'event.action') == 'api-request':
                    result.append((when - began(record) - record['event']['duration']) / 1e6)
        return sorted(result)


def began(record):
    """Nanoseconds since 1970."""
    seconds, fraction = record['@timestamp'].rstrip('Z').split('.')
    return int(time.mktime(time.strptime(seconds, '%Y-%m-%dT%H:%M:%S')) - time.timezone) * 10 ** 9 + int(fraction.ljust(9, '0'))


def percentiles(delays):
    return {'count': len(delays), 'p50': delays[len(delays) // 2], 'p99': delays[len(delays) * 99 // 100], 'max': delays[-1]}


@part
def latency():
    """From the end of a request to its record on a pipe."""
    result = {}
    reader = Reader(SOCKET)
    for _ in range(1000):
        request('GET', '/_ping?late')
        time.sleep(0.001)
    time.sleep(0.5)
    result['quiet'] = percentiles(reader.delays(b'_ping?late'))
    reader = Reader(SOCKET)
    flood(SOCKET, *REQUESTS[:-1], '2000', '--target', '/_ping?late')
    time.sleep(0.5)
    result['saturated'] = percentiles(reader.delays(b'_ping?late'))
    return result


def lost(log):
    """Of a log (requests that are recorded, records lost)."""
    requests = missing = 0
    with open(log, 'rb') as lines:
        for line in lines:
            if b'"action":"api-request"' in line:
                requests += field(json.loads(line), 'callerd.folded.count', 0) if b'"folded"' in line else 1
            if b'"records-lost"' in line:
                missing += field(json.loads(line), 'callerd.lost.count', 0)
    return requests, missing


@part
def throughput():
    """How many requests a second a server takes that has more to do than it can, with and without."""
    result = {}
    with stand_in() as (path, _):
        at_dockerd = ('--connections', '8', '--threads', '4', '--per-connection', '1500')
        for name, socket, fold, options in (
                ('dockerd', SOCKET, None, at_dockerd), ('dockerd, fold=no', SOCKET, 'no', at_dockerd),
                ('stand-in, fold=no', path, 'no', ('--connections', '4', '--threads', '2', '--per-connection', '10000'))):
            pairs, losses = [], [0, 0]
            for _ in range(ROUNDS):
                without = flood(socket, *options)['rate']
                with peers.callerd(socket=socket if socket != SOCKET else None, more=',chain=no' if socket == path else '',
                                   fold=fold) as agent:
                    pairs.append((without, flood(socket, *options)['rate']))
                    settle(agent.pids)
                    agent.process.terminate()
                    agent.process.wait(60)
                    losses = [a + b for a, b in zip(losses, lost(agent.log))]
            result[name] = {'without': median(pair[0] for pair in pairs), 'with': median(pair[1] for pair in pairs),
                            'kept': median(pair[1] / pair[0] for pair in pairs), 'recorded': losses[0], 'lost': losses[1]}
    return result


def resident(pids):
    total = 0
    for pid in pids:
        with open(f'/proc/{pid}/status') as status:
            total += sum(int(line.split()[1]) for line in status if line.startswith('RssAnon:'))
    return total / 1024


def turns(variants, options_of, depth_of=lambda variant: 0):
    """For each variant its cost at a stand-in, with callerd and without."""
    result = {}
    with stand_in() as (path, server):
        for variant in variants:
            rows, memory = {'without': [], 'with': []}, []
            for _ in range(min(ROUNDS, 3)):
                rows['without'].append(cost(path, options_of(variant), [], [server], depth_of(variant)))
                with peers.callerd(socket=path) as agent:
                    rows['with'].append(cost(path, options_of(variant), agent.pids, [server], depth_of(variant)))
                    memory.append(resident(agent.pids))
            result[str(variant)] = {**paired(rows, 'without'), 'memory': median(memory)}
    return result


@part
def connections():
    """So many are open at once, and each has its turn."""
    return turns((1, 10, 100, 1000, 10000), lambda count: (
        '--connections', str(count), '--threads', str(min(count, 2)), '--together', '--per-connection', str(max(1, 10000 // count))))


@part
def ancestors():
    """Connections of a process below so many shells, with long arguments each."""
    return turns((0, 2, 4, 8, 16, 32), lambda depth: CONNECTIONS, lambda depth: depth)


@part
def idle():
    return json.loads(run(sys.executable, '-B', ROOT + '/tests/bench/idle.py', '30', str(ROUNDS)))


class Looker:
    """callerctl in a terminal of its own, as somebody has it who looks."""

    def __init__(self, *args):
        self.terminal, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 120, 0, 0))
        self.process = subprocess.Popen([ROOT + '/build/callerctl', *args], stdin=other, stdout=other, stderr=other, start_new_session=True,
                                        env={**os.environ, 'TERM': 'xterm-256color'})
        os.close(other)
        self.seen = b''
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self):
        with contextlib.suppress(OSError):  # it is over
            while chunk := os.read(self.terminal, 1 << 16):
                self.seen = (self.seen + chunk)[-(1 << 16):]

    def end(self):
        """Whether it looked to the end."""
        looked = self.process.poll() is None
        self.process.terminate()
        self.process.wait()
        self.thread.join()
        os.close(self.terminal)
        return looked


@part
def looking():
    """What it costs callerd that somebody looks, by callerctl, and what callerctl takes itself: for each request, and while nothing happens."""
    path, rest = DIR + '/looking.sock', 5
    ways = (('without a control socket', False, None), ('with one, nobody looks', True, None), ('callerctl top', True, ('top',)),
            ('callerctl tail', True, ('tail', '--all')))
    rows, cut = {}, 0
    for _ in range(ROUNDS):
        for name, socket, command in ways:
            with peers.callerd(*(('--control-socket', path) if socket else ())) as agent:
                looker = command and Looker(*command, '--read', 'agent:' + path)
                pids = [looker.process.pid] if looker else []
                flood(SOCKET, *LOOKED_AT)
                if looker:
                    peers.until('callerctl', lambda: looker.seen)
                    time.sleep(3)  # an errand is over
                settle(agent.pids)
                before, own = cpu(agent.pids), cpu(pids)
                flood(SOCKET, *LOOKED_AT)
                settle(agent.pids)
                time.sleep(3)
                row = [(cpu(agent.pids) - before) / 1000 * 1e6, (cpu(pids) - own) / 1000 * 1e6]
                before, own = cpu(agent.pids), cpu(pids)
                time.sleep(rest)
                row += [(cpu(agent.pids) - before) / rest * 100, (cpu(pids) - own) / rest * 100]
                cut += bool(looker) and not looker.end()
            rows.setdefault(name, []).append(row)
    return {'cut': cut, 'ways': {name: [median(row[i] for row in kept) for i in range(4)] for name, kept in rows.items()}}


def words(output):
    return [line.split() for line in output.strip().splitlines()]


@part
def calls():
    """On one core, without a kernel: the contents of a call, and a spool."""
    result = {name: float(value) for name, value in words(run(ROOT + '/build/bench_call', '7'))}
    result['spool'] = {name: [float(rate), float(used)] for name, rate, used in words(run(ROOT + '/build/bench_spool', '3', '100000'))}
    return result


OUTPUTS = (
    ('a file without a chain', 'file:{dir}/log,chain=no'),
    ('a file with its chain', 'file:{dir}/log'),
    ('the same, fsync=none', 'file:{dir}/log,fsync=none'),
    ('the same, through a spool', 'file:{dir}/log,spool={dir}/spool,spool-size=4G'),
    ('a file in ocsf with its chain', 'file:{dir}/log,format=ocsf'),
    ('a file in cef', 'file:{dir}/log,format=cef'),
    ('without a chain, with a where=', 'file:{dir}/log,chain=no,where=not (unit = portainer.service and type = access) or severity >= high'),
    ('a pipe', 'stdout'),
)


@part
def outputs(copies=5000):
    """Records of recorded events, each made once and handed to an output many times; all of it on one core."""
    events, directory, rows, gone = ROOT + '/tests/golden/docker-run.events', DIR + '/outputs', {}, 0
    lines = run(ROOT + '/build/replay', events).splitlines()
    for _ in range(ROUNDS):
        for name, spec in OUTPUTS:
            os.makedirs(directory)
            done = subprocess.run(
                ['bash', '-c', 'taskset -c 0 "$0" "$@" | taskset -c "$(($(nproc) > 1))" cat >/dev/null', ROOT + '/build/replay', '--output',
                 spec.format(dir=directory), '--copies', str(copies), events], check=True, stderr=subprocess.PIPE)
            # 60000 records, 0 of them lost, in 0.512 s, 0.498 s of CPU: 117187 a second
            said = done.stderr.decode().replace(',', '').split()
            rows.setdefault(name, []).append((int(said[0]) / float(said[7]), float(said[9]) / int(said[0]) * 1e6))
            gone += int(said[2])
            subprocess.run(['rm', '-rf', directory], check=True)
    return {'bytes': sum(len(line.encode()) + 1 for line in lines) / len(lines), 'lost': gone,
            'outputs': {name: [median(row[i] for row in kept) for i in (0, 1)] for name, kept in rows.items()}}


QUESTIONS = (
    ('who made and used a container', ['who', asked.JOB]),
    ('what a user did', ['what', asked.USER]),
    ('what was grave, whoever it was', ['what', '--where', 'severity >= high']),
    ('a report of the week, as text', ['report', '--since', '8d']),
    ('a report of the week, as html', ['report', '--since', '8d', '--as', 'html']),
)


def answer(question, log):
    """Seconds of wall time and of CPU, and the MB that callerctl had at most."""
    began_at, memory = time.monotonic(), [0]
    process = subprocess.Popen([ROOT + '/build/callerctl', *question, '--read', log], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)

    def watch():  # what wait4() says begins with what Python had when it forked
        while process.returncode is None:
            with contextlib.suppress(OSError, IndexError), open(f'/proc/{process.pid}/status') as status:
                memory.append(int([line for line in status if line.startswith('VmHWM:')][0].split()[1]) / 1024)
            time.sleep(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    lines = sum(1 for _ in process.stdout)
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    took = time.monotonic() - began_at
    process.returncode = os.waitstatus_to_exitcode(status)
    watcher.join()
    if status or not lines:
        raise AssertionError(f'callerctl {question} ended with {process.returncode} after {lines} lines')
    return [took, usage.ru_utime + usage.ru_stime, max(memory)]


@part
def asking():
    """callerctl and a log of a million records: as it is, exported by a SIEM, and as logrotate leaves it."""
    logs, rows, sizes = {state: f'{DIR}/{state}.ndjson' for state in ('plain', 'exported', 'packed')}, {}, {}
    sizes['plain'] = asked.write(logs['plain'])
    for state, log in logs.items():
        if state == 'exported':
            sizes[state] = asked.export(logs['plain'], log)
        elif state == 'packed':
            os.rename(logs['plain'], log)
            sizes[state] = asked.rotate(log)
        for _ in range(ROUNDS):
            for name, question in QUESTIONS:
                rows.setdefault(name, {}).setdefault(state, []).append(answer(question, log))
    for log in logs.values():
        for name in glob.glob(log + '*'):
            os.unlink(name)
    return {'records': asked.RECORDS, 'sizes': sizes,
            'questions': {name: {state: [median(row[i] for row in kept) for i in range(3)] for state, kept in states.items()}
                          for name, states in rows.items()}}


@part
def counts():
    """What does not depend on the load of the machine: tests/live/test_cost.py compares it with what was landed."""
    import cost as counted  # pylint: disable=import-outside-toplevel
    return counted.measure()


# --- all -------------------------------------------------------------------------------------------

def version(command):
    with contextlib.suppress(OSError, AssertionError, IndexError):
        return run('bash', '-c', '"$0" "$@" 2>&1', *command).strip().splitlines()[0]
    return ''


def machine():
    with open('/proc/cpuinfo') as info:
        model = [line.split(':')[1].strip() for line in info if line.startswith('model name')]
    with open('/proc/meminfo') as info:
        memory = int(info.readline().split()[1]) >> 20
    return {'model': model[0] if model else platform.machine(), 'processors': os.cpu_count(), 'memory': memory,
            'kernel': platform.release(), 'engine': json.loads(request('GET', '/version')[1])['Version'],
            'versions': {name: version(command) for name, _, command, _ in peers.PEERS if command},
            'commit': version(['git', '-C', ROOT, 'describe', '--always', '--dirty'])}


def main():
    results = {}
    with contextlib.suppress(OSError, ValueError), open(KEPT) as file:
        results = json.load(file)
    wanted = sys.argv[3:] or [name.split('_')[0] for name in PARTS]
    unknown = set(wanted) - {name.split('_')[0] for name in PARTS}
    if unknown:
        sys.exit(f'there is no part {", ".join(unknown)}')
    for name, function in PARTS.items():
        short = name.split('_')[0]
        if short not in wanted:
            continue
        began_at, load = time.time(), os.getloadavg()[0]
        print(f'{short} ...', end=' ', flush=True)
        results[short] = function()
        results[short]['when'] = {'date': time.strftime('%Y-%m-%d', time.gmtime(began_at)), 'load': load, 'rounds': ROUNDS}
        results['machine'] = machine()
        with open(KEPT + '.new', 'w') as file:
            json.dump(results, file, indent=1)
        os.rename(KEPT + '.new', KEPT)
        print(f'{time.time() - began_at:.0f} s', flush=True)


main()
