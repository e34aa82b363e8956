# SPDX-License-Identifier: Apache-2.0
"""The soak: callerd between engines that are restarted, callers that never rest, outputs that fail and an agent that is stopped.

soak.py --minutes N --seed N --logs DIRECTORY USER...: within a testbed (tests/soak/run). The last USER floods. Everything random
comes from the seed. At the end the oracle compares what was sent with what was recorded.
"""
import argparse
import collections
import copy
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE) + '/live')
from live import BACKEND, CALLERD, CLIENTS, DIR, PATIENCE, ROOT, SOCKET, Daemon, Dockerd, Skip, docker, field, request, run, true
from oracle import Judgement, Records, Sent, key_of
from outputs import FullDisk, Reader, Server, told
from engines import fetch
from podman import Podman

MB = 1 << 20
SUITE = 'trixie'  # where the other version of Docker is from


def say(*words):
    print('#', *words, flush=True)


# --- the agent --------------------------------------------------------------------------------------


class Agent:
    """callerd, over all its lives."""

    def __init__(self, sockets, outputs, logs):
        self.dir, self.outputs = logs, outputs
        self.log = logs + '/main.ndjson'
        self.name = 'file:' + self.log  # as an output
        self.lives = self.stops = 0
        self.maps, self.programs = set(), set()  # ids of all that it loaded
        self.samples = []
        self.lock = threading.Lock()  # held while it is stopped, ended, or started
        self.pins = DIR + '/soak-bpf'
        os.makedirs(self.pins)
        run('mount', '-t', 'bpf', 'callerd-soak', self.pins)
        self.command = [CALLERD, '--backend', BACKEND, '--state', f'{DIR}/soak-state.db', '--pin',
                        self.pins + '/callerd', '--status-interval', '5', '--fold', 'no', '--output',
                        f'file:{self.log},rotate-size=32M,keep=1000,queue-size=64M']
        for output in outputs:
            self.command += ['--output', output.spec]
        for path in sockets:
            self.command += ['--socket', path]
        self.process = None

    def start(self):
        self.lives += 1
        life = f'{self.dir}/life.{self.lives}'
        with open(self.dir + '/stderr', 'ab') as errors:
            self.process = subprocess.Popen([*self.command, '--output', f'file:{life},actions=agent-started+agent-stopped,chain=no'],
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
        for output in self.outputs:
            if hasattr(output, 'attach'):
                output.attach(self.process.stdout)
        deadline = time.monotonic() + PATIENCE
        while not (os.path.exists(life) and os.path.getsize(life)):
            true(self.process.poll() is None, f'callerd ended with {self.process.returncode}: {self.dir}/stderr')
            true(time.monotonic() < deadline, 'callerd does not start')
            time.sleep(0.02)

    def restart(self, how, away):
        """Ends it by the signal HOW; another one takes over AWAY seconds later."""
        with self.lock:
            self.process.send_signal(how)
            code = self.process.wait(PATIENCE * 2)
            true(code == (0 if how == signal.SIGTERM else -how), f'exit code of callerd: {code}, {self.dir}/stderr')
            time.sleep(away)
            self.start()

    def pause(self, meanwhile):
        """Stands still while MEANWHILE runs."""
        with self.lock:
            self.stops += 1
            self.process.send_signal(signal.SIGSTOP)
            try:
                meanwhile()
            finally:
                self.process.send_signal(signal.SIGCONT)

    def sample(self):
        """What the process has, now."""
        directory = f'/proc/{self.process.pid}'
        names = collections.Counter()
        try:
            for fd in os.listdir(directory + '/fd'):
                names[self.fd(directory, fd)] += 1
            with open(directory + '/status') as file:
                status = dict(line.split(':\t', 1) for line in file if ':\t' in line)
        except OSError:  # between two lives
            return
        self.samples.append({'time': time.monotonic(), 'life': self.lives, 'memory': int(status['RssAnon'].split()[0]) * 1024,
                             'threads': int(status['Threads']), 'descriptors': sum(names.values()), 'maps': names['bpf-map'],
                             'programs': names['bpf-prog'], 'links': names['bpf_link'], 'names': dict(names)})

    def fd(self, directory, fd):
        """What kind of file a descriptor is; ids of maps and programs are kept."""
        try:
            name = os.readlink(f'{directory}/fd/{fd}')
            if 'bpf-map' in name or 'bpf-prog' in name:
                with open(f'{directory}/fdinfo/{fd}') as file:
                    ids = dict(line.split(':\t') for line in file.read().splitlines() if ':\t' in line)
                if 'map_id' in ids:
                    self.maps.add(ids['map_id'])
                if 'prog_id' in ids:
                    self.programs.add(ids['prog_id'])
        except FileNotFoundError:
            return 'gone'
        return re.sub(r'anon_inode:\[?([\w-]+)\]?', r'\1', name).split(':')[0]

    def stop(self):
        self.process.terminate()
        code = self.process.wait(PATIENCE * 2)
        true(code == 0, f'exit code of callerd: {code}, {self.dir}/stderr')

    def files(self):
        """Its log, the oldest file first."""
        numbers = [int(name.rsplit('.', 1)[1]) for name in os.listdir(self.dir) if re.fullmatch(r'main\.ndjson\.\d+', name)]
        return [f'{self.log}.{number}' for number in sorted(numbers, reverse=True)] + [self.log]

    def left_in_kernel(self):
        """Maps and programs that are still there, when the pins are gone."""
        run(CALLERD, '--pin', self.pins + '/callerd', '--detach')
        deadline = time.monotonic() + PATIENCE  # the kernel frees them in its own time
        while True:
            left = []
            for kind, ids in (('map', self.maps), ('prog', self.programs)):
                there = {str(one['id']) for one in json.loads(run('bpftool', '-j', kind, 'show'))}
                left += [f'{kind} {number}' for number in sorted(ids & there)]
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(0.2)


# --- what goes wrong --------------------------------------------------------------------------------


class Trouble:
    """Threads that make trouble until the end, each with random numbers of its own."""

    def __init__(self, seed, logs):
        self.seed, self.over = seed, threading.Event()
        self.threads, self.counts, self.failed = [], collections.Counter(), []
        self.diary = open(logs + '/diary', 'w', buffering=1)
        self.began = time.monotonic()

    def note(self, what):
        self.counts[what.split(':')[0]] += 1
        self.diary.write(f'{time.monotonic() - self.began:8.2f} {what}\n')

    def every(self, low, high, name, act, seconds=None):
        """Calls ACT(random) each LOW to HIGH seconds; SECONDS: for so long only."""
        rng = random.Random(f'{self.seed} {name}')

        def loop():
            try:
                while not self.over.wait(rng.uniform(low, high)) and not (seconds and time.monotonic() > self.began + seconds):
                    act(rng)
            except Exception as why:  # pylint: disable=broad-except
                self.failed.append(f'{name}: {why}')
                traceback.print_exc()
        self.threads.append(threading.Thread(target=loop, name=name))
        self.threads[-1].start()

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join(PATIENCE * 3)
            true(not thread.is_alive(), f'{thread.name} does not end')


def restart(trouble, engine, rng):
    how = signal.SIGKILL if rng.random() < 0.25 else signal.SIGTERM
    trouble.note(f'restart: {engine.name} by {how.name}')
    engine.daemon.stop(how)
    time.sleep(rng.uniform(0, 1))
    engine.daemon.start()


def break_output(trouble, outputs, rng):
    output = rng.choice(outputs)
    how = rng.choice(output.FAULTS)
    trouble.note(f'output: {how} of {output.name}')
    output.fail(how)
    trouble.over.wait(rng.uniform(1, 6))
    output.mend()


def pause_agent(trouble, agent, flood, rng):
    """Stopped for a moment; or until the flooding user has sent more than his share of a ring holds."""
    hard = rng.random() < 0.3
    trouble.note('pause: ' + ('with a flood' if hard else 'for a moment'))
    agent.pause(flood if hard else lambda: time.sleep(rng.uniform(0.1, 1.5)))


def end_agent(trouble, agent, rng):
    """Ended, or killed; the next one comes at once, a moment later, or much later."""
    how = rng.choice([signal.SIGTERM, signal.SIGKILL])
    away = rng.choice([0, rng.uniform(0, 0.5), rng.uniform(0.5, 5)])
    trouble.note(f'kill: {how.name}, {away:.2f} s')
    agent.restart(how, away)


STORM = '''
import os, sys, time
directory, kind, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
socket, other = directory + '/run/docker.sock', directory + '/run/other'
end = time.monotonic() + seconds
while time.monotonic() < end:
    if kind == 'mode':
        os.chmod(socket, 0o666)
        os.chmod(socket, 0o660)
    elif kind == 'owner':
        os.chown(socket, 1, 1)
        os.chown(socket, 0, 0)
    elif kind == 'rename':
        os.rename(socket, other)
        os.rename(other, socket)
    elif kind == 'directory':
        os.rename(directory + '/run', directory + '/was')
        os.rename(directory + '/was', directory + '/run')
    elif kind == 'files':
        with open(other, 'w') as file:
            file.write('x')
        os.unlink(other)
'''


def storm(trouble, directory, member, rng):
    """Changes of what decides who may use a socket, as fast as they go; and of groups, by usermod and gpasswd."""
    kind = rng.choice(['mode', 'owner', 'rename', 'directory', 'files', 'members'])
    trouble.note('storm: ' + kind)
    if kind != 'members':
        run('/usr/bin/python3', '-c', STORM, directory, kind, str(rng.uniform(0.05, 0.5)))
        return
    # Others may have the lock of these files: then nothing is changed.
    run('usermod', '-aG', member, member, check=False)
    run('gpasswd', '-a', member, member, check=False)
    run('gpasswd', '-d', member, member, check=False)


# --- engines and callers ----------------------------------------------------------------------------


class Engine:
    def __init__(self, name, daemon, kind='docker', client='docker', container=None):
        self.name, self.daemon, self.kind = name, daemon, kind
        self.path = daemon.path
        self.client = shutil.which(client) or client
        self.container = container

    def told(self):
        """What a caller is told of it."""
        return {'name': self.name, 'path': self.path, 'kind': self.kind, 'docker': self.client, 'container': self.container}


class Idle:
    """The testbed's own daemon, which is never restarted."""
    path = SOCKET


def open_door(daemon):
    """A container that has the engine's socket, and comes back with the engine; None where containers do not run."""
    try:
        return daemon.docker('run', '-d', '--name', 'door', '--restart', 'always', '--network', 'none', '-v',
                             f'{daemon.dir}:/run/docker', 'bb', 'sh', '-c', 'while :; do sleep 1; done').strip()
    except AssertionError as why:
        say(f'no containers: {why}')
        return None


def second_docker():
    """Docker of another suite of Debian; raises Skip where it cannot be had."""
    root = fetch('docker', SUITE)
    try:
        return Engine('docker-' + SUITE, Dockerd('other', root=root), client=root + '/usr/bin/docker')
    except AssertionError as why:
        raise Skip(f'Docker of {SUITE} does not run here: {why}') from None


def become(way, user, uid, gid, *command):
    """COMMAND as USER, by one of the tools that do that."""
    return {
        'setpriv': ['setpriv', '--reuid', uid, '--regid', gid, '--init-groups', '--', *command],
        'runuser': ['runuser', '-u', user, '--', *command],
        'su': ['su', user, '-c', ' '.join(command)],
        'sudo': ['sudo', '-n', '-u', user, '--', *command],
    }[way]


class Callers:
    """One process for each user; the last of them floods."""
    WAYS = ['setpriv', 'runuser', 'su', 'sudo', 'setpriv']

    def __init__(self, users, engines, seed, logs, pause):
        self.stop_file = f'{DIR}/soak-stop'
        self.users, self.uids = users, [run('id', '-u', user).strip() for user in users]
        self.logs, self.processes = logs, []
        os.makedirs(logs + '/sent')
        os.chmod(logs + '/sent', 0o711)
        for user, uid, way in zip(users, self.uids, self.WAYS):
            home, out = f'{DIR}/home-{user}', f'{logs}/sent/out.{user}'
            os.makedirs(home, exist_ok=True)
            open(out, 'w').close()
            for path in home, out:
                os.chown(path, int(uid), -1)
            job = {'name': user.replace('-', ''), 'seed': seed, 'engines': [engine.told() for engine in engines], 'home': home, 'out': out,
                   'stop': self.stop_file, 'pause': pause, 'flood': 20 if user == users[-1] else 0}
            with open(f'{DIR}/job-{user}', 'w') as file:
                json.dump(job, file)
            command = become(way, user, uid, run('id', '-g', user).strip(), '/usr/bin/python3', '-B', HERE + '/caller.py', f'{DIR}/job-{user}')
            with open(f'{logs}/caller.{user}', 'wb') as errors:
                self.processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors))

    def flood(self, engine):
        """More of the last user than his share of a ring holds, in few requests: each is larger than a kilobyte."""
        user, uid = self.users[-1], self.uids[-1]
        mark = f'soak-burst{time.monotonic_ns()}-1'
        output = run(*become('setpriv', user, uid, run('id', '-g', user).strip(), CLIENTS + 'flood', engine.path, '--target',
                             f'/_ping?pad={"x" * 1500}&{mark}', '--number', '--threads', '2', '--connections', '100', '--per-connection', '25'), check=False)
        lines = [line.split('=') for line in output.splitlines()]
        found = dict(lines)
        entry = {'mark': mark, 'suffix': None, 'way': 'burst', 'status': 200, 'uid': int(uid), 'pid': int(found['sender.pid']), 'exe': 'flood',
                 'engine': engine.name, 'numbered': int(found['numbered']), 'unanswered': [int(n) for key, n in lines if key == 'unanswered']}
        with open(f'{self.logs}/sent/burst.{user}', 'a') as file:
            file.write(json.dumps(entry) + '\n')

    def check(self):
        for user, process in zip(self.users, self.processes):
            true(process.poll() is None, f'the caller {user} ended: {self.logs}/caller.{user}')

    def end(self):
        open(self.stop_file, 'w').close()
        for user, process in zip(self.users, self.processes):
            true(process.wait(PATIENCE * 6) == 0, f'the caller {user} failed: {self.logs}/caller.{user}')


# --- the end ----------------------------------------------------------------------------------------


def settle(agent, outputs, sockets):
    """Waits until all that happened is written everywhere."""
    mark = f'/_ping?settled={time.monotonic_ns()}'
    for path in sockets:
        request('GET', mark, path=path)
    deadline = time.monotonic() + PATIENCE * 6
    number = life = None
    while number is None:
        true(time.monotonic() < deadline, 'the last request is not recorded')
        time.sleep(0.2)
        for path in agent.files()[-2:]:
            with open(path, 'rb') as file:
                lines = [json.loads(line) for line in file if mark.encode() in line and line.endswith(b'\n')]
            requests = [line for line in lines if field(line, 'event.action') == 'api-request']
            if len(requests) == len(sockets):
                number, life = max(line['event']['sequence'] for line in requests), field(requests[0], 'agent.ephemeral_id')
    for output in outputs:
        while not any(seen >= number for seen in output.seen[life]) and not isinstance(output, FullDisk):
            true(time.monotonic() < deadline, f'{output.name} does not come to its end')
            time.sleep(0.2)


def guard_sees(agent, path):
    """After all storms one more change of the socket at PATH: '' if there is a record of it that names the process."""
    run('chmod', '606', path)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for log in agent.files()[-2:]:
            with open(log, 'rb') as file:
                for line in file:
                    record = json.loads(line) if b'"socket-changed"' in line and b'"0606"' in line and line.endswith(b'\n') else {}
                    if field(record, 'callerd.change.after.mode') == '0606' and field(record, 'process.name') == 'chmod':
                        return ''
        time.sleep(0.2)
    return f'no record of chmod 606 {path}'


def verify(files):
    """What `callerd verify` says, and whether it found no fault."""
    done = subprocess.run([CALLERD, 'verify', *files], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode == 0, done.stdout.decode().strip()


def grown(agent, name):
    """NAME in the first and the last third of the agent's last life, without its first quarter: to grow warm. What comes and goes with a flood
    is not meant: of each third it is what three quarters of the samples reach."""
    samples = [sample for sample in agent.samples if sample['life'] == agent.lives]
    warm = samples[len(samples) // 4:]
    third = max(1, len(warm) // 3)

    def floor(part):
        return sorted(one[name] for one in part)[len(part) // 4]
    return floor(warm[:third]), floor(warm[-third:])


class Report:
    def __init__(self):
        self.failed = 0

    def check(self, name, why):
        """WHY is '' where all is well."""
        self.failed += bool(why)
        print(f'not ok {name}: {why!s:.2000}'.replace('\n', ' ') if why else f'ok {name}', flush=True)


BOUNDS = {'memory': 4 * MB, 'threads': 1, 'descriptors': 4, 'maps': 0, 'programs': 0, 'links': 0}


def judge(report, agent, outputs, callers, trouble):
    with open(agent.dir + '/samples', 'w') as file:
        file.writelines(json.dumps(sample) + '\n' for sample in agent.samples)
    sent, records = Sent(), Records()
    for name in sorted(os.listdir(agent.dir + '/sent')):
        sent.read(f'{agent.dir}/sent/{name}')
    for path in agent.files():
        records.read(path)
    judgement = Judgement(sent, records, callers.uids[-1], agent.name)
    table(agent, outputs, trouble, sent, records, judgement)

    for name, kinds in (('requests_are_records_or_losses', ('missing', 'phantom', 'double', 'overcounted')), ('no_wrong_caller', ('wrong',)),
                        ('answers_are_right', ('status',)), ('unknown_callers_are_few', ('unknown',))):
        faults = [fault for kind in kinds for fault in judgement.faults[kind]]
        report.check(name, f'{len(faults)}: ' + '; '.join(faults[:6]) if faults else '')
    others = {user: sorted(judgement.lost_of(uid)) for user, uid in zip(callers.users[:-1], callers.uids) if judgement.lost_of(uid)}
    report.check('nobody_loses_by_the_flood_of_another', str(others) if others else '')
    between, within = records.holes()
    report.check('sequence_has_no_holes', '; '.join(within))
    # The event at hand when an agent is killed is read by the next one, and has another number then.
    lost, kills = told(records, agent)['output-killed'], len(records.started) - len(records.ended)
    report.check('what_was_lost_with_a_killed_agent_is_told', f'{between} records, told: {lost}, kills: {kills}'
                 if between > lost + kills else '')
    everything = seen_anywhere(records, outputs)
    for output in outputs:
        lost, missing = told(records, output), output.missing(everything)
        # What was lost with a killed agent may be missing everywhere, and not be known here. The record at hand when it was killed may be
        # in one output and not yet in another: it is told as agent-killed.
        certain = 0 if lost['output-killed'] else lost['output-full'] + lost['spool-damaged']
        report.check(type(output).__name__.lower() + '_is_complete', '' if certain <= missing <= sum(lost.values()) + kills else
                     f'{missing} records are missing in {output.name}, told: {dict(lost)}')
    for name, files in (('chain', agent.files()), ('chain_of_a_full_disk', outputs[0].files)):
        good, words = verify(files)
        report.check(name + '_verifies', '' if good else words)
    for name, bound in BOUNDS.items():
        first, last = grown(agent, name)
        report.check(f'{name}_flat', f'{first} at first, {last} in the end' if last - first > bound else '')
    left = agent.left_in_kernel()
    report.check('nothing_left_in_the_kernel', ', '.join(left))
    report.check('oracle_sees_what_is_wrong', blind(sent, records, judgement))


def seen_anywhere(records, outputs):
    """The sequences that came through somewhere, by life."""
    everything = {life: set(numbers) for life, numbers in records.sequences.items()}
    for output in outputs:
        for life, numbers in output.seen.items():
            everything.setdefault(life, set()).update(numbers)
    return everything


def blind(sent, records, judgement):
    """What the oracle does not notice: it must not be content with a log that is not right."""
    def faults(requests):
        changed = copy.copy(records)
        changed.requests = requests
        return Judgement(sent, changed, judgement.exact, judgement.log).faults

    caller = max((caller for caller in judgement.answered if judgement.recorded[caller]), key=lambda caller: -judgement.missing_marks[caller])
    known = next(i for i, (key, record) in enumerate(records.requests) if record['pid'] and key in sent.requests
                 and sent.requests[key].get('pid') and sent.requests[key]['status'] > 0)
    key, record = records.requests[known]
    before, after = records.requests[:known], records.requests[known + 1:]
    unnoticed = []
    for kind, what, requests in (
            ('missing', 'no record of a caller', [one for one in records.requests if sent.find(one[0])['caller'] != caller]),
            ('double', 'a record twice', records.requests + [(key, record)]),
            ('wrong', 'another user', before + [(key, {**record, 'uid': '4242'})] + after),
            ('wrong', 'another process', before + [(key, {**record, 'pid': 1})] + after),
            ('phantom', 'what nobody sent', records.requests + [(('soak-nobody-1', None), record)])):
        if len(faults(requests)[kind]) <= len(judgement.faults[kind]):
            unnoticed.append(what)
    return ', '.join(unnoticed)


def table(agent, outputs, trouble, sent, records, judgement):
    def row(name, *values):
        print(f'#   {name:32} ' + ' '.join(f'{value!s:>14}' for value in values))

    lost = collections.Counter()
    for (_, reason), count in judgement.lost.items():
        lost[reason] += count
    print('#')
    row('caller', 'answered', 'perhaps sent', 'recorded', 'not recorded')
    for caller in sorted(set(judgement.answered) | set(judgement.recorded)):
        row(caller, judgement.answered[caller], judgement.maybe[caller], judgement.recorded[caller], judgement.missing_marks[caller])
    row('all', sum(judgement.answered.values()), sum(judgement.maybe.values()), sum(judgement.recorded.values()),
        sum(judgement.missing_marks.values()))
    print('#')
    for reason, count in sorted(lost.items()):
        row('lost: ' + reason, count)
    for output in outputs:
        for reason, count in sorted(told(records, output).items()):
            row(f'lost by {type(output).__name__}: {reason}', count)
    row('wrong callers', len(judgement.faults['wrong']))
    row('unknown callers', judgement.unknown)
    row('  where it cannot be told', judgement.doubtful)
    row('  left behind by a killed agent', judgement.unknown_of_killed)
    row('events of what callers made', f'{judgement.events}, {judgement.events_unknown} of nobody')
    row('changes of access', records.changes)
    row('records in all', records.count)
    ways = collections.Counter(entry['way'] for entry in sent.requests.values())
    row('ways in', len(ways))
    for name in ('restart', 'pause', 'kill', 'output', 'storm'):
        row({'restart': 'restarts of engines', 'pause': 'agent stopped and continued', 'kill': 'agent ended or killed',
             'output': 'failures of outputs', 'storm': 'storms of changes'}[name], trouble.counts[name])
    for name in BOUNDS:
        first, last = grown(agent, name)
        row(name, first, last)
    print('#', flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--minutes', type=float, required=True)
    parser.add_argument('--seed', required=True)
    parser.add_argument('--logs', required=True)
    parser.add_argument('users', nargs=5)
    arguments = parser.parse_args()
    report = Report()
    logs = arguments.logs
    say(f'{arguments.minutes:g} minutes, --seed {arguments.seed}, {logs}')
    engines = [Engine('docker', Dockerd('soak'))]
    try:
        engines.append(second_docker())
    except Skip as why:
        print(f'skip second_version: {why}')
    for engine in engines:
        engine.container = open_door(engine.daemon)
    engines.append(Engine('docker-idle', Idle))
    try:
        engines.append(Engine('podman', Podman(), kind='podman'))
    except Skip as why:
        print(f'skip podman: {why}')
    say('engines: ' + ', '.join(f'{engine.name} {version(engine)}' for engine in engines))
    place = f'{DIR}/soak-storm'
    os.makedirs(place + '/run')
    guarded = Daemon(place + '/run/docker.sock')
    outputs = [FullDisk(DIR), Server(DIR), Reader(DIR)]
    agent = Agent([engine.path for engine in engines] + [guarded.path], outputs, logs)
    trouble = Trouble(arguments.seed, logs)
    try:
        agent.start()
        callers = Callers(arguments.users, engines, arguments.seed, logs, pause=0.04)
        seconds = arguments.minutes * 60
        make_trouble(trouble, agent, outputs, engines, callers, place, arguments.users[0], seconds / 2)
        watch(agent, outputs, callers, seconds)
        callers.end()
        trouble.end()
        report.check('guard_sees_after_the_storms', guard_sees(agent, guarded.path))
        settle(agent, outputs, [engine.path for engine in engines])
        agent.sample()
        agent.stop()
        for output in outputs:
            output.finish()
        judge(report, agent, outputs, callers, trouble)
        report.check('all_went_as_planned', '; '.join(trouble.failed))
    finally:
        trouble.over.set()
        if agent.process and agent.process.poll() is None:
            agent.process.send_signal(signal.SIGCONT)
            agent.process.terminate()
            agent.process.wait()
        for output in outputs:
            output.close()
        run('umount', agent.pins, check=False)
    sys.exit(min(report.failed, 100))


def version(engine):
    status, body = request('GET', '/version', path=engine.path)
    return json.loads(body)['Version'] if status == 200 else '?'


def make_trouble(trouble, agent, outputs, engines, callers, place, member, seconds):
    """The agent is ended and killed for SECONDS; the rest of the time it lives, to see what it gathers."""
    restarted = [engine for engine in engines if isinstance(engine.daemon, Dockerd)]
    for i, engine in enumerate(restarted):  # each of them once a minute
        trouble.every(45 + 5 * i, 65, 'restart ' + engine.name, lambda rng, engine=engine: restart(trouble, engine, rng))
    trouble.every(2, 8, 'outputs', lambda rng: break_output(trouble, outputs, rng))
    trouble.every(5, 15, 'agent', lambda rng: pause_agent(trouble, agent, lambda: callers.flood(rng.choice(engines)), rng))
    trouble.every(6, 14, 'kills', lambda rng: end_agent(trouble, agent, rng), seconds)
    trouble.every(1, 8, 'storms', lambda rng: storm(trouble, place, member, rng))


def watch(agent, outputs, callers, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        callers.check()
        with agent.lock:
            true(agent.process.poll() is None, f'callerd ended with {agent.process.returncode}: {agent.dir}/stderr')
            agent.sample()
            for output in outputs:
                output.tend()
        time.sleep(1)


main()
