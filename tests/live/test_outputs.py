# SPDX-License-Identifier: Apache-2.0
"""Files as outputs, of the running agent: nothing lost, nothing doubled, nothing changed unseen."""
import glob
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

from live import (CALLERD, CLIENTS, DIR, PATIENCE, ROOT, SOCKET, Callerd, Skip, equal, main, request, run, scaled,
                  test, true)

FLOOD = CLIENTS + 'flood'
LOGROTATE = '/usr/sbin/logrotate'
CALLERCTL = os.environ.get('CALLERCTL', ROOT + '/build/callerctl')


def directory(name):
    return tempfile.mkdtemp(prefix=f'outputs-{name}.', dir=DIR)


def flood(requests):
    """Calls on 4 connections at once, in the background."""
    return subprocess.Popen([FLOOD, SOCKET, '--connections', '4', '--threads', '2', '--per-connection',
                             str(requests // 4)], stdout=subprocess.DEVNULL)


def files(log):
    """A log and what was rotated from it, the oldest first."""
    rotated = [name for name in glob.glob(log + '.*') if re.fullmatch(r'.*\.\d+(\.gz)?', name)]
    return sorted(rotated, key=lambda name: -int(name[len(log) + 1:].split('.')[0])) + [log]


def lines_of(*names):
    found = []
    for name in names:
        data = run('zcat', '-f', name).encode() if name.endswith('.gz') else open(name, 'rb').read()
        true(not data or data.endswith(b'\n'), f'{name} ends in a whole line')
        found += [json.loads(line) for line in data.split(b'\n')[:-1]]
    return found


def sequences(lines):
    return [line['event']['sequence'] for line in lines if 'sequence' in line['event']]


def lost(names):
    return [line['callerd']['lost'] for line in lines_of(*names) if line['event']['action'] == 'records-lost']


def whole(names, agents=1):
    """All records of all lives are there, each once, in order."""
    numbers = sequences(lines_of(*names))
    lives = []
    for number in numbers:
        if number == 1:
            lives.append(0)
        lives[-1] += 1
        if number != lives[-1]:
            raise AssertionError(f'life {len(lives)}: {number} after {lives[-1] - 1}; told as lost: {lost(names)}')
    equal(len(lives), agents, 'lives')
    return len(numbers)


def verify(*arguments, code=0):
    done = subprocess.run([CALLERD, 'verify', *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=PATIENCE * 3, check=False)
    said = done.stdout.decode()
    equal(done.returncode, code, f'what verify says: {said}')
    return said


def key_of(log):
    started = next(line for line in lines_of(*files(log)) if line['event']['action'] == 'agent-started')
    return next(o['seal_key'] for o in started['callerd']['outputs'] if 'seal_key' in o)


# --- which records ---------------------------------------------------------------------------------

@test
def where_chooses():
    """Each record goes where it is meant to go, and nowhere else."""
    place = directory('where')
    chosen = {
        'creates': 'operation in (ContainerCreate, "VolumeCreate")',
        'grave': 'severity >= critical and not expected',
        'etc': 'callerd.request.binds startswith /etc:',
        'refused': 'status >= 400 or (callerd.target.name glob no-such-* and outcome = failure)',
        'mine': f'(user = root or effective_user = root) and process.parent.pid = {os.getpid()} and type != access',
        'none': 'user = no-such-user',
    }
    arguments = [f'--output=file:{place}/{name},chain=no,where={text}' for name, text in chosen.items()]
    with Callerd(*arguments) as agent:
        name = f'where-{os.getpid()}'
        body = {'Image': 'no-such-image', 'HostConfig': {'Privileged': True, 'Binds': ['/etc:/host']}}
        request('POST', f'/containers/create?name={name}', json.dumps(body).encode())
        request('GET', '/containers/no-such-container/json')
        request('POST', '/volumes/create', json.dumps({'Name': name}).encode())
        request('DELETE', '/volumes/' + name)
        run('docker', '-H', 'unix://' + SOCKET, 'volume', 'create', name)
        run('docker', '-H', 'unix://' + SOCKET, 'volume', 'rm', name)
        agent.settle()
        all_of_them = agent.stop()

    def told(name):
        return [line['event']['id'] for line in lines_of(f'{place}/{name}') if line['event']['action'] != 'records-lost']

    def those(that):
        return [record['event']['id'] for record in all_of_them if that(record)]

    def operation(record):
        return record.get('callerd', {}).get('api', {}).get('operation')

    def code(record):
        return record.get('http', {}).get('response', {}).get('status_code', 0)

    equal(told('creates'), those(lambda r: operation(r) in ('ContainerCreate', 'VolumeCreate')), 'creates')
    equal(len(told('creates')), 3, 'creates')
    equal(told('grave'), those(lambda r: r['event'].get('severity', 0) >= 99), 'grave')
    equal(len(told('etc')), 1, 'mounts of /etc')
    equal(told('refused'), those(lambda r: code(r) >= 400), 'refused')
    true(len(told('refused')) >= 2, 'refused')
    equal(told('mine'), those(lambda r: r.get('process', {}).get('parent', {}).get('pid') == os.getpid() and
                              r['event']['type'] != ['access'] and 'access' not in r['event']['type']), 'mine')
    true(len(told('mine')) >= 2, 'of docker')
    equal(told('none'), [], 'none')


@test
def a_finding_beside_its_request():
    """OCSF has a line of its own for it: whole, chained, sent by itself, chosen with its request, and as the schema has it."""
    place = directory('ocsf')
    whole_log, chosen = place + '/whole', place + '/chosen'
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(place + '/syslog')
        receiver.settimeout(PATIENCE)
        with Callerd('--output', f'file:{whole_log},format=ocsf,seal-lines=3',
                     '--output', f'file:{chosen},format=ocsf,chain=no,where=severity >= critical',
                     '--output', f'syslog:unix:{place}/syslog,format=ocsf,min-severity=critical') as agent:
            body = {'Image': 'no-such-image', 'HostConfig': {'Privileged': True, 'Binds': ['/:/host']}}
            request('POST', '/containers/create?name=a"b%0a', json.dumps(body).encode())
            request('POST', '/containers/create', json.dumps(body).encode())
            agent.settle()
            agent.stop()
            verify(whole_log)
            os.link(agent.log, place + '/ecs')
        events = [line for line in lines_of(whole_log) if line['metadata']['event_code'] != 'log-sealed']
        messages = [receiver.recv(1 << 20) for _ in range(4)]
    grave = [e for e in events if e['severity'] == 'Critical']
    equal([e['class_name'] for e in grave], ['API Activity', 'Detection Finding'] * 2, 'what is grave')
    for done, found in zip(grave[::2], grave[1::2]):
        equal(found['finding_info']['related_events'][0]['uid'], done['metadata']['uid'], 'leads to its request')
        equal(found['finding_info']['types'][0], found['finding_info']['analytic']['uid'], 'the gravest')
        true({'privileged', 'host-root-mount'} <= set(found['finding_info']['types']), 'all that was found')
        true(found['is_alert'] and found['status'] == 'New', 'an alert')
    equal(len({e['metadata']['uid'] for e in events}), len(events), 'ids')
    numbers = [e['metadata']['sequence'] for e in events if 'sequence' in e['metadata']]
    equal(numbers, list(range(1, len(numbers) + 1)), 'numbers')
    for event in grave:
        event['unmapped'].pop('chain')
    equal(lines_of(chosen), grave, 'those that were chosen')
    for message, event in zip(messages, grave):
        header, _, text = message.partition(b'{')
        true(re.fullmatch(rb'<\d+>[^\n]*', header) and b'\n' not in text.rstrip(b'\n'), f'a message: {message}')
        equal(json.loads(b'{' + text), event, 'what syslog got')
    with open(whole_log, 'rb') as log:
        lines = b''.join(line for line in log if b'"event_code":"log-sealed"' not in line)
    checked = subprocess.run([sys.executable, '-B', ROOT + '/tests/schema/check', 'ocsf', place + '/ecs'], input=lines,
                             stdout=subprocess.PIPE, check=False)
    equal(checked.stdout.decode(), '', 'what the schema says')
    equal(checked.returncode, 0, 'as the schema has it')


@test
def where_of_the_docs():
    """What docs/where.md shows can be said."""
    place = directory('docs')
    with open(ROOT + '/docs/where.md') as file:
        text = file.read()
    examples = re.findall(r'^\| [^|`]+ \| `(.+)` \|$', text[text.index('## Examples'):], re.M)
    names = re.findall(r'^\| `(\w+)` \| `([\w.]+)` \|$', text, re.M)
    true(len(examples) >= 10, 'examples')
    true(len(names) > 20, 'short names')
    for example in [*examples, *(f'{name} or {path}' for name, path in names)]:
        example = example.replace('\\|', '|')
        with open(place + '/conf', 'w') as conf:
            conf.write(f'[callerd]\noutput = stdout,where={example}\n')
        run(CALLERD, '--config', place + '/conf', '--check-config')


# --- rotation --------------------------------------------------------------------------------------

@test
def a_hundred_rotations_under_load():
    log = directory('rotations') + '/log'
    requests = scaled(5000, 900, 18000)
    size = scaled(64, 16, 160) * 1024
    with Callerd('--output', f'file:{log},rotate-size={size},keep=1000,queue-size=1G') as agent:
        flood(requests).wait()
        agent.settle()
        agent.stop()
    count = whole(files(log))
    # A machine that is busy with others may take the rings to their end: what is lost is told.
    missing = sum(l['count'] for l in lost(files(log)) if l['reason'] in ('ring-full-request', 'ring-full-response'))
    true(count + missing >= requests, f'{count} records, {missing} told as lost')
    true(len(files(log)) > 100, f'{len(files(log))} files')
    for name in files(log):
        true(os.path.getsize(name) <= size, f'{name} is larger than it may be')
        equal(os.stat(name).st_mode & 0o777, 0o600, 'mode of ' + name)
    verify('--key', key_of(log), *files(log))


@test
def keep_is_a_limit():
    log = directory('keep') + '/log'
    with Callerd('--output', f'file:{log},rotate-size=64K,keep=3') as agent:
        flood(400).wait()
        agent.settle()
        agent.stop()
    equal([os.path.basename(name) for name in files(log)], ['log.3', 'log.2', 'log.1', 'log'], 'files')
    numbers = sequences(lines_of(*files(log)))
    equal(numbers, list(range(numbers[0], numbers[0] + len(numbers))), 'what is there follows on itself')
    verify(*files(log)) # what is there follows on itself in its chain, too


@test
def logrotate():
    """The configuration that is shipped, by the real logrotate, every moment."""
    if not os.access(LOGROTATE, os.X_OK):
        raise Skip('there is no logrotate')
    place = directory('logrotate')
    log = place + '/callerd.ndjson'
    with Callerd('--output', 'file:' + log) as agent:
        text = open(ROOT + '/packaging/callerd.logrotate').read()
        text = re.sub(r'^/var/log/.*\{', log + ' {', text, flags=re.M)
        text = re.sub(r'postrotate.*?endscript', f'postrotate\nkill -HUP {agent.pid}\nendscript', text, flags=re.S)
        text = re.sub(r'^\s*rotate \d+', '\trotate 100', text, flags=re.M)
        with open(place + '/conf', 'w') as conf:
            conf.write(text)
        os.chmod(place + '/conf', 0o644)
        load = flood(scaled(4000, 400))
        for _ in range(scaled(8, 3)):
            before = os.stat(log).st_ino
            run(LOGROTATE, '--force', '--state', place + '/state', place + '/conf')
            deadline = time.monotonic() + PATIENCE
            while not os.path.exists(log) or os.stat(log).st_ino == before or not os.path.getsize(log):
                true(time.monotonic() < deadline, 'the file is made anew')
                request('GET', '/_ping')
                time.sleep(0.01)
        load.wait()
        agent.settle()
        agent.stop()
    true(len(files(log)) > scaled(8, 3), f'files: {files(log)}')
    whole(files(log))
    verify('--key', key_of(log), *files(log))


# --- ends without a word ---------------------------------------------------------------------------

@test
def killed_under_load():
    """kill -9: whole lines, and the next life goes on with the chain."""
    log = directory('killed') + '/log'
    lives = scaled(4, 2)
    for _ in range(lives):
        with Callerd('--output', f'file:{log},rotate-size=1M,keep=100,seal-lines=50') as agent:
            load = flood(scaled(3000, 300))
            agent.wait(scaled(500, 50), event__action='api-request')
            agent.process.send_signal(signal.SIGKILL)
            agent.process.wait()
            load.wait()
    with Callerd('--output', f'file:{log},rotate-size=1M,keep=100') as agent:
        agent.stop()
    whole(files(log), lives + 1)
    verify('--key', key_of(log), *files(log))


# --- callers in a line of their own ----------------------------------------------------------------

# Calls, calls as another user on the same connection, and becomes another program that calls there, too.
CHANGING = ('import os,socket,sys\n'
            's=socket.socket(fileno=int(sys.argv[3])) if len(sys.argv)>3 else socket.socket(socket.AF_UNIX)\n'
            'def ask(what):\n'
            ' s.sendall(b"GET /_ping?changing="+what+b" HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")\n'
            ' s.recv(4096)\n'
            'if len(sys.argv)>3:\n'
            ' ask(b"executed")\n'
            ' sys.exit()\n'
            's.connect(sys.argv[1])\n'
            'ask(b"first")\n'
            'ask(b"again")\n'
            'os.setresuid(4711,4711,4711)\n'
            'ask(b"user")\n'
            's.set_inheritable(True)\n'
            'os.execv(sys.executable,[sys.executable,"-c",sys.argv[2],"x","x",str(s.fileno())])')


def joined(names):
    """The records of these files by their ids, each with what is told of its caller, before it in the same file; how often callers were told."""
    found, told = {}, 0
    for name in names:
        callers = {}
        for line in lines_of(name):
            caller = line.get('callerd', {}).get('caller', {}).get('id')
            if line['event']['action'] == 'caller-seen':
                true('sequence' not in line['event'], 'it is no record')
                callers[caller] = line
                told += 1
            elif 'process' in line:
                true(caller in callers, f'{name}: nobody told whom a record names: {line["message"]}')
                equal(line['process']['pid'], callers[caller]['process']['pid'], 'the process')
                found[line['event']['id']] = callers[caller]
    return found, told


def check_joined(names, records):
    """The files tell of each caller what RECORDS do, which have it themselves."""
    found, told = joined(names)
    count = 0
    for record in records:
        caller = found.get(record['event']['id'])
        if not caller:
            continue
        count += 1
        for part in 'user', 'related', 'container':
            equal(caller.get(part), record.get(part), part)
        for key in 'pid', 'executable', 'command_line', 'working_directory':
            equal(caller['process'].get(key), record['process'].get(key), key)
        for key in 'session', 'cgroup', 'unit', 'access', 'tty':
            equal(caller['callerd']['caller'].get(key), record['callerd']['caller'].get(key), key)
        above = [{key: value for key, value in ancestor.items() if key != 'start'} for ancestor in record['callerd'].get('ancestors', [])]
        equal(caller['callerd'].get('ancestors', []), above, 'ancestors')
    return count, told


@test
def callers_told_before_they_are_named():
    """In each file, whatever rotates it and however callerd ends, and what was told is as each record has it."""
    log = directory('callers') + '/log'
    options = f'file:{log},rotate-size=64K,keep=1000,seal-lines=50,detail=reference'
    for _ in range(2):
        with Callerd('--output', options) as agent:
            load = flood(scaled(3000, 300))
            for number in range(scaled(20, 5)):
                run(CLIENTS + 'unixhttp', SOCKET, 'GET', f'/_ping?callers={number}')
            agent.wait(scaled(500, 50), event__action='api-request')
            agent.process.send_signal(signal.SIGKILL)
            agent.process.wait()
            load.wait()
    with Callerd('--output', options) as agent:
        load = flood(400)
        for number in range(scaled(20, 5)):
            run(CLIENTS + 'unixhttp', SOCKET, 'GET', f'/_ping?callers={number}')
        load.wait()
        agent.settle()
        records = agent.stop()
    count, told = check_joined(files(log), records)
    true(count >= 400, f'{count} records')
    true(len(files(log)) > 3, f'{len(files(log))} files')
    true(told < len(joined(files(log))[0]) / 3, f'{told} callers')
    verify(*files(log))


@test
def callers_that_change():
    """Another user, another program: another caller, though it is the same process, on the same connection."""
    log = directory('changing') + '/log'
    with Callerd('--output', f'file:{log},detail=reference,where=url.original contains changing') as agent:
        run(sys.executable, '-c', CHANGING, SOCKET, CHANGING)
        agent.settle()
        records = [r for r in agent.stop() if 'changing=' in r.get('url', {}).get('original', '')]
    equal(len(records), 4, 'requests')
    count, told = check_joined([log], records)
    equal((count, told), (4, 3), 'records, and callers')
    found, _ = joined([log])
    first, again, user, executed = (found[record['event']['id']] for record in records)
    equal(first, again, 'the same caller')
    equal(len({one['process']['entity_id'] for one in (first, user, executed)}), 1, 'processes')
    equal((first['user']['id'], user['user']['id']), (records[0]['user']['id'], records[2]['user']['id']), 'users')
    true(first['callerd']['caller']['id'] != user['callerd']['caller']['id'] != executed['callerd']['caller']['id'], 'ids')


@test
def callers_of_a_log_that_is_read():
    """callerd policy test and callerctl know of a record what the line before it told."""
    place = directory('read')
    exe = os.path.realpath(CLIENTS) + '/unixhttp'
    with Callerd('--output', f'file:{place}/log,detail=reference,chain=no', detail='lineage') as agent:
        for number in range(3):
            run(exe, SOCKET, 'GET', f'/_ping?read={number}')
        agent.settle()
        agent.stop()
        ask = [CALLERCTL, 'what', '--all', '--where', f'exe = {exe} and process.working_directory = {os.getcwd()}', '--read']
        said = run(*ask, agent.log)
        true(said, 'what callerctl says')
        equal(run(*ask, place + '/log'), said, 'what it says of references')
    with open(place + '/conf', 'w') as conf:
        conf.write(f'[level tool]\nwhere = exe = {exe} and callerd.ancestors.pid = {os.getpid()}\nlevel = none\n')
    verdict = json.loads(run(CALLERD, 'policy', 'test', '--json', place + '/conf', place + '/log'))
    equal((verdict['unreadable'], verdict['unsure'], verdict['rules'][0]['fits']['records'] >= 5), (0, 0, True), f'policy test: {verdict}')
    lines = lines_of(place + '/log')
    with open(place + '/cut', 'w') as cut:
        cut.writelines(json.dumps(line) + '\n' for line in lines if line['event']['action'] != 'caller-seen')
    verdict = json.loads(run(CALLERD, 'policy', 'test', '--json', place + '/conf', place + '/cut'))
    true(verdict['unsure'] >= 5 and not verdict['rules'][0]['fits']['records'], f'without these lines: {verdict}')


@test
def disk_read_only_at_first():
    """The log waits in memory, in agent-status and in /healthz; once the disk can be written, it has all from the start, in its chain."""
    place, metrics = directory('read-only'), DIR + '/read-only.sock'
    log = place + '/log'
    run('mount', '-t', 'tmpfs', '-o', 'ro,mode=755', 'callerd-test', place)
    try:
        with Callerd('--output', f'file:{log}', '--metrics-socket', metrics, '--status-interval', '1', '--log-level', 'info') as agent:
            request('GET', '/_ping?before')
            status = agent.wait(event__action='agent-status', that=lambda r: any('error' in o for o in r['callerd']['outputs']))[0]
            failing, = [o for o in status['callerd']['outputs'] if 'error' in o]
            equal((failing['name'], failing['written']), ('file:' + log, 0), 'the output')
            equal(failing['error'], f'cannot write {log}: Read-only file system', 'why')
            code, body = request('GET', '/healthz', path=metrics)
            equal((code, body.decode().startswith(f'output file:{log}: cannot write')), (503, True), body)
            run('mount', '-o', 'remount,rw', place)
            request('GET', '/_ping?after')
            deadline = time.monotonic() + PATIENCE
            while request('GET', '/healthz', path=metrics)[0] != 200:
                true(time.monotonic() < deadline, 'it is well once the disk can be written')
                time.sleep(0.1)
            agent.settle()
            records = agent.stop()
        for words in ('Read-only file system; keeping up to', 'can be written again', f'file:{log} is sealed from key'):
            true(words in agent.error, f'{words!r} is not in {agent.error}')
        equal([line for line in sequences(lines_of(log))], sequences(records), 'all from the start')
        verify(log)
    finally:
        run('umount', place)


@test
def disk_full():
    """It goes on; what finds no room is counted for the output that it is missing from; then all is well again."""
    place = directory('full')
    run('mount', '-t', 'tmpfs', '-o', 'size=16m', 'callerd-test', place)
    try:
        log, filler = place + '/log', place + '/filler'
        with Callerd('--output', f'file:{log},queue-size=64K', '--log-level', 'info') as agent:
            with open(filler, 'wb') as file:
                try:
                    file.write(bytes(16 << 20))
                    file.flush()
                except OSError:
                    pass
            flood(400).wait()
            lost = agent.wait(event__action='records-lost', callerd__lost__reason='output-full')[0]
            equal(lost['callerd']['lost']['output'], 'file:' + log, 'the output')
            os.unlink(filler)
            mark = '/_ping?after-the-disk-was-full'
            deadline = time.monotonic() + PATIENCE
            while mark.encode() not in open(log, 'rb').read():
                true(time.monotonic() < deadline, 'it goes on when there is room')
                request('GET', mark) # as long as the queue is full it is dropped
                time.sleep(0.1)
            agent.settle()
            records = agent.stop()
        true('No space left on device' in agent.error, agent.error)
        true('can be written again' in agent.error, agent.error)
        there = sequences(lines_of(log))
        equal(there, sorted(set(there)), 'each once, in order')
        missing = len(set(sequences(records)) - set(there))
        told = sum(r['callerd']['lost']['count'] for r in lines_of(log)
                   if r['event']['action'] == 'records-lost' and r['callerd']['lost'].get('output') == 'file:' + log)
        equal(missing, told, 'what is missing, and what is told to be')
        verify(log)
    finally:
        run('umount', place)


@test
def stuck_outputs_hold_up_nobody():
    """A server that never reads, one that is not there, a pipe that is full: the log has it all, memory is bounded."""
    with socket.socket() as deaf:
        deaf.bind(('127.0.0.1', 0))
        deaf.listen(1)
        stuck = [f'syslog:tcp:127.0.0.1:{deaf.getsockname()[1]},queue-size=4M', 'syslog:udp:127.0.0.1:1,queue-size=4M',
                 f'syslog:unix:{DIR}/nobody,queue-size=4M,overflow=drop-oldest',
                 f'syslog:tls:127.0.0.1:1,queue-size=1M,spool={directory("stuck")}/spool,spool-size=4M']
        with Callerd(*(word for spec in stuck for word in ('--output', spec))) as agent:
            flood(400).wait()
            agent.settle()
            before = agent.rss()
            floods = scaled(20, 2)
            for _ in range(floods): # each has room in the rings, whatever else the machine does
                flood(400).wait()
                agent.settle()
            grown = agent.rss() - before
            true(grown < 24 << 20, f'memory grew by {grown}')
            records = agent.stop()
    equal(len([r for r in records if r['event']['action'] == 'api-request' and 'mark=' not in r['url']['original']]),
          floods * 400 + 400, 'requests in the log')
    losers = {r['callerd']['lost']['output'] for r in records if r['event']['action'] == 'records-lost'}
    true(any('unix' in name for name in losers), f'who lost: {losers}')


# --- tampering -------------------------------------------------------------------------------------

@test
def tampering_is_found():
    log = directory('tampering') + '/log'
    with Callerd('--output', f'file:{log},seal-lines=5', '--log-level', 'error') as agent:
        for i in range(40):
            request('GET', f'/_ping?tampering={i}')
        agent.settle()
        agent.stop()
    key = key_of(log)
    verify('--key', key, log)
    with open(log, 'rb') as file:
        lines = file.read().split(b'\n')[:-1]
    where = next(i for i, line in enumerate(lines) if b'tampering=20"' in line)

    def changed(edited, line, word):
        copy = log + '.copy'
        with open(copy, 'wb') as file:
            file.write(b'\n'.join(edited) + b'\n')
        said = verify('--key', key, '--seal-file', log + '.seal', copy, code=1)
        true(f'{copy}:{line}: ' in said and word in said.lower(), f'{line} {word}: {said}')

    edited = list(lines)
    edited[where] = edited[where].replace(b'tampering=20', b'tampering=02')
    changed(edited, where + 1, 'changed')
    changed(lines[:where] + lines[where + 1:], where + 1, 'removed')
    changed(lines[:where] + [lines[where]] + lines[where:], where + 2, 'inserted')
    changed(lines[:where], where, 'cut')


@test
def modes_and_groups():
    log = directory('modes') + '/log'
    with Callerd('--output', f'file:{log},group=adm,chain=no') as agent:
        agent.stop()
    info = os.stat(log)
    import grp
    equal((info.st_mode & 0o777, info.st_gid), (0o640, grp.getgrnam('adm').gr_gid), 'mode and group')


main()
