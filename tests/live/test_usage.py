# SPDX-License-Identifier: Apache-2.0
"""What callerd says to a wrong call, and what it does not leave behind."""
import hmac
import pwd
import re
import shutil
import signal
import uuid

from live import *

D = DIR + '/usage'
PROGRAM = D + '/callerd'  # where any user may execute it
CAPABILITIES = ['cap_bpf', 'cap_perfmon', 'cap_net_admin', 'cap_sys_admin', 'cap_sys_ptrace',
                'cap_dac_read_search']
FAILED, USAGE, PRIVILEGE, BACKEND_CODE, OUTPUT = 1, 2, 3, 4, 5
USER = pwd.getpwnam(OUTSIDER)
AS_OUTSIDER = ['setpriv', '--reuid', str(USER.pw_uid), '--regid', str(USER.pw_gid),
               '--clear-groups']


def loaded():
    """The ids of all BPF programs with the names of ours."""
    names = {'identify', 'living', 'connect_begin', 'connect_end', 'data_ready', 'send_length',
             'recv_length', 'connect_lsm', 'connect_function', 'send_begin', 'send_end',
             'receive_end', 'release',
             'connect_wrong_end'}
    return {p['id'] for p in json.loads(run('bpftool', '-j', 'prog', 'show'))
            if p.get('name') in names}


def held_by_nobody(programs):
    for pid in filter(str.isdigit, os.listdir('/proc')):
        programs -= held(pid)
    return programs


# What somebody pinned before, as a callerd of this host or a run that was killed, is none of these tests'.
BEFORE = held_by_nobody(loaded())


def orphans():
    """Programs of ours that no process has. Others may come and go meanwhile."""
    left = loaded() - BEFORE
    deadline = time.monotonic() + PATIENCE
    while left and time.monotonic() < deadline:
        left = held_by_nobody(left)
        if left:
            time.sleep(0.1)
            left &= loaded()
    return left


def attempt(*args, before=(), **options):
    """Runs callerd; returns its exit code, stdout and stderr."""
    child = subprocess.Popen([*before, PROGRAM, '--pin', 'none', '--state', 'none', *args], stdin=subprocess.DEVNULL,
                             stdout=options.pop('stdout', subprocess.PIPE),
                             stderr=subprocess.PIPE, **options)
    out, error = child.communicate(timeout=PATIENCE)
    return child.returncode, (out or b'').decode(), error.decode()


def refuses(code, words, *args, before=(), **options):
    """callerd ends with CODE and one sentence that has all the WORDS; nothing is half-started."""
    log = f'{D}/log.{time.monotonic_ns()}'
    got, out, error = attempt(*args, '--output', f'file:{log},chain=no', before=before, **options)
    what = ' '.join(args)
    equal(got, code, f'exit code of {what}: {error}')
    equal(out, '', f'stdout of {what}')
    equal(len(error.strip('\n').split('\n')), 1, f'lines on stderr of {what}: {error}')
    true(error.startswith('callerd: '), f'{what}: who says it: {error}')
    for word in words if isinstance(words, (list, tuple)) else [words]:
        true(word in error, f'{what}: {word} in {error}')
    equal(os.path.getsize(log) if os.path.exists(log) else 0, 0, f'size of the log of {what}')
    equal(orphans(), set(), f'programs that {what} left')
    return error


# --- the command line ------------------------------------------------------------------------------

@test
def version_and_help():
    code, out, error = attempt('--version')
    equal((code, error), (0, ''), 'version')
    true(re.fullmatch(r'callerd \d+\.\d+\.\d+\n', out), out)
    code, out, error = attempt('--help')
    equal((code, error), (0, ''), 'help')
    for word in ('--socket', '--output', '--backend', '--human', '--log-level', '--version',
                 'SIGTERM', 'exit codes', ' 0 ', ' 1 ', ' 2 ', ' 3 ', ' 4 ', '  5 '):
        true(word in out, f'{word} in the help')
    equal(max(map(len, out.split('\n'))) <= 100, True, 'width of the help')


@test
def help_needs_no_privilege():
    for option in ('--version', '--help', '-h'):
        equal(attempt(option, before=AS_OUTSIDER)[0], 0, option)


@test
def wrong_options():
    refuses(USAGE, 'such-an-option', '--such-an-option')
    refuses(USAGE, 'x', '-x')
    refuses(USAGE, ['--human=yes', 'no value'], '--human=yes')
    refuses(USAGE, 'no such', '--re', '1')  # stands for more than one
    refuses(USAGE, 'takes options only', SOCKET)
    refuses(USAGE, 'takes options only', '--', SOCKET)
    refuses(USAGE, ['kprobe', 'auto', 'trampoline', 'tracepoint'], '--backend', 'kprobe')
    refuses(USAGE, ['loud', 'warning'], '--log-level', 'loud')
    refuses(USAGE, '""', '--backend', '')


@test
def missing_values():
    for option in ('--socket', '--output', '--backend', '--log-level', '--connections'):
        code, out, error = attempt(option)
        equal((code, out), (USAGE, ''), option)
        true(option[2:] in error and error.count('\n') == 1 and error.startswith('callerd: '), error)


@test
def bad_numbers():
    for option in ('--status-interval', '--connections', '--callers-ring', '--payload-ring',
                   '--request-budget', '--response-budget'):
        for value in ('', 'x', '-1', '1x', '0x10', '1.5', ' 5', '+5', '99999999999999999999',
                      '18446744073709551615'):
            error = refuses(USAGE, [option, f'"{value}"', 'number from'], option, value)
            true(re.search(r'from \d+ to \d+', error), error)
    refuses(USAGE, 'power of two', '--callers-ring', '1000000')
    refuses(USAGE, '', '--connections', '0')


@test
def bad_sockets():
    open(D + '/file', 'w').close()
    os.makedirs(D + '/directory', exist_ok=True)
    os.symlink(D + '/file', D + '/link-to-file')
    for path, words in ((D + '/file', 'not a socket'), (D + '/link-to-file', 'not a socket'),
                        (D + '/directory', 'not a socket'), (D + '/directory/', 'directory'),
                        ('docker.sock', 'absolute'), ('./docker.sock', 'absolute'),
                        ('', 'absolute'), ('/' + 'x' * 107, '107'), ('/' + 'y' * 5000, '107'),
                        ('/dev/null', 'not a socket'), (D + '/file/x', '')):
        refuses(USAGE, [words, path[:60]], '--socket', path)


@test
def longest_socket_path():
    """107 bytes are what an address can hold."""
    with_log = subprocess.Popen([PROGRAM, '--pin', 'none', '--state', 'none', '--socket', '/' + 'x' * 106, '--backend', BACKEND],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    true(b'agent-started' in with_log.stdout.readline(), 'it starts')
    with_log.terminate()
    equal(with_log.wait(PATIENCE), 0, 'exit code')


@test
def too_many():
    many = [part for i in range(65) for part in ('--socket', f'/x{i}')]
    refuses(USAGE, 'too many', *many)
    many = [part for i in range(17) for part in ('--output', f'file:{D}/many{i}')]
    refuses(USAGE, 'too many', *many)
    equal([f for f in os.listdir(D) if f.startswith('many')], [], 'files')


@test
def bad_outputs():
    os.makedirs(D + '/a-directory', exist_ok=True)
    os.symlink(D + '/target', D + '/a-link')
    for path, words in ((D + '/missing/missing/log', 'No such file'), (D + '/a-directory', 'directory'),
                        (D + '/a-link', 'symlink'), ('/dev/full', 'not a regular file'),
                        (SOCKET, '')):
        refuses(OUTPUT, ['cannot write', path, words], '--output', 'file:' + path)
    true(not os.path.exists(D + '/target'), 'what the link points to')
    os.mkfifo(D + '/fifo')
    refuses(OUTPUT, 'not a regular file', '--output', 'file:' + D + '/fifo')
    for spec in ('syslog:', 'stdin', 'file', 'file:', '', 'stdout:x'):
        refuses(USAGE, ['unknown output', f'"{spec}"'], '--output', spec)


@test
def same_output_twice():
    refuses(USAGE, 'twice', '--output', 'stdout', '--output', 'stdout')
    path = f'file:{D}/twice,chain=no'
    refuses(USAGE, 'twice', '--output', path, '--output', path)
    refuses(OUTPUT, 'twice', '--output', path, '--output', f'file:{D}/./twice,chain=no')
    os.link(D + '/twice', D + '/twice-again')
    refuses(OUTPUT, 'twice', '--output', path, '--output', f'file:{D}/twice-again,chain=no')
    equal(os.path.getsize(D + '/twice'), 0, 'size')


@test
def same_socket_twice():
    """Is no mistake: it is watched once."""
    with Callerd(sockets=[SOCKET, SOCKET]) as agent:
        equal(agent.records()[0]['callerd']['sockets'], [SOCKET], 'sockets')
        request('GET', '/_ping?twice')
        agent.wait(url__original='/_ping?twice')
        agent.settle()
        equal(len(agent.records(url__original='/_ping?twice')), 1, 'records')


# --- the configuration file ------------------------------------------------------------------------

def configuration(name, text, mode=0o644):
    path = f'{D}/{name}.conf'
    with open(path, 'w') as file:
        file.write(text)
    os.chmod(path, mode)
    return path


@test
def configured():
    """What the file says holds, and the command line goes before it."""
    path = configuration('good', f"""[callerd]
socket = {SOCKET}
socket = {D}/none.sock
output = file:{D}/configured
output = stdout
backend = {BACKEND}
[finding prune]
severity = off
[expected test]
user = root
""")
    agent = subprocess.Popen([PROGRAM, '--pin', 'none', '--state', 'none', '--config', path, '--output', 'stdout'],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        line = agent.stdout.readline()
        true(b'agent-started' in line, f'it starts: {line} {agent.stderr.read() if not line else ""}')
        equal(json.loads(line)['callerd']['sockets'], [SOCKET, D + '/none.sock'], 'sockets')
        request('GET', '/_ping?configured')
        while b'/_ping?configured' not in line:
            line = agent.stdout.readline()
            true(line, 'the request is there')
    finally:
        agent.terminate()
    equal(agent.wait(PATIENCE), 0, 'exit code')
    true(not os.path.exists(D + '/configured'), 'an output that the command line replaced')


@test
def print_config():
    """Says what is in force and from where, and starts nothing. No privilege is needed."""
    path = configuration('check', '[callerd]\nconnections = 4096\n[expected a]\nuser = root\n')
    for before in ((), AS_OUTSIDER):
        equal(attempt('--check-config', '--config', path, before=before), (0, '', ''), 'check')
        code, out, error = attempt('--print-config', '--config', path, '--status-interval', '7',
                                   before=before)
        equal((code, error), (0, ''), 'print')
        for line in (f'connections = 4096 ; {path}:2', 'status-interval = 7 ; command line', '[expected a]',
                     f'user = root ; {path}:4', 'backend = auto ; default'):
            true(line in out.split('\n'), f'{line} in {out}')
    again = configuration('again', out)
    equal([line.split(' ;')[0] for line in attempt('--print-config', '--config', again)[1].split('\n')[1:]],
          [line.split(' ;')[0] for line in out.split('\n')[1:]], 'what it printed, read again')
    equal(orphans(), set(), 'programs')


@test
def wrong_configuration():
    for number, (text, words) in enumerate((
            ('socket = /a', [':1: ', 'before the first [section]']),
            ('[callerd]\nsocket = docker.sock', [':2: ', 'socket "docker.sock"', 'absolute']),
            ('[callerd]\nbackend = kprobe', [':2: ', 'auto', 'trampoline', 'tracepoint']),
            ('[callerd]\nsuch-a-key = 1', [':2: ', 'such-a-key']),
            ('[callerd]\nsocket = /' + 'x' * 5000, [':2: ', 'longer than']),
            ('[callerd]\nsocket = /a\0b', [':2: ', 'NUL']),
            ('[callerd]\n\nwhat', [':3: ', 'neither']),
            ('[finding such-a-finding]\nseverity = low', [':1: ', 'such-a-finding']),
            ('[finding privileged]\nseverity = lowest', [':2: ', 'lowest', 'critical off']),
            ('[expected a]\noperations = *', [':1: ', 'would match everybody']),
            ('[expected a]\nuser = root\n[expected a]', [':3: ', 'twice']))):
        path = configuration(f'wrong{number}', text)
        refuses(USAGE, [path, *words], '--config', path)
        code, out, error = attempt('--check-config', '--config', path)
        equal((code, out, error.count('\n')), (USAGE, '', 1), f'check of {text[:60]!r}')
        for word in (path, *words):
            true(word in error, f'{word} in {error}')
    refuses(USAGE, 'No such file', '--config', D + '/none.conf')
    refuses(USAGE, 'neither callerd.conf nor', '--config', D)
    refuses(USAGE, 'not a regular file', '--config', '/dev/null')
    refuses(USAGE, 'twice', '--config', path, '--config', path)


@test
def configuration_of_others():
    """Who could write to it could hide what he does."""
    for mode in (0o664, 0o646, 0o666):
        refuses(USAGE, ['others than its owner', 'chmod'], '--config',
                configuration('others', '', mode))
    path = configuration('foreign', '')
    os.chown(path, USER.pw_uid, USER.pw_gid)
    refuses(USAGE, ['belongs to somebody else', path], '--config', path)
    equal(attempt('--check-config', '--config', path, before=AS_OUTSIDER)[0], 0, 'his own')


@test
def first_command():
    """A log in a directory that is missing: callerd makes it, and none above it."""
    log = D + '/var/log/callerd.ndjson'
    os.mkdir(D + '/var')
    with Callerd('--output', 'file:' + log):
        pass
    equal(os.stat(D + '/var/log').st_mode & 0o7777, 0o700, 'mode')
    with open(log) as lines:
        first = lines.readline()
    true('log-sealed' in first, f'the log: {first[:300]}')


@test
def doubts():
    """What somebody can mean and hardly does is told, and callerd starts."""
    path = configuration('doubts', f"""[callerd]
socket = {SOCKET}
socket = {D}/dokcer.sock
[expected a]
user = no-such-user
exe = /usr/bin/dokcer
""")
    for what in ([':3: ', f'{D}/dokcer.sock', 'not there yet'], [':5: ', 'no-such-user'], [':6: ', '/usr/bin/dokcer']):
        code, out, error = attempt('--check-config', '--config', path)
        equal((code, out, error.count('\n')), (0, '', 3), 'check')
        true([line for line in error.splitlines() if line.startswith('callerd: warning: ') and
              all(word in line for word in what)], f'{what} in {error}')
    agent = subprocess.Popen([PROGRAM, '--pin', 'none', '--state', 'none', '--config', path, '--output', 'stdout'],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    true(b'agent-started' in agent.stdout.readline(), 'it starts')
    agent.terminate()
    lines = [json.loads(line) for line in agent.stdout.read().splitlines()]
    equal(lines[-1]['callerd']['status']['engines-absent'], 1, 'engines that nobody serves')
    equal(agent.stderr.read().decode(), error, 'the same is said')
    equal(agent.wait(PATIENCE), 0, 'exit code')


# --- privileges ------------------------------------------------------------------------------------

@test
def not_root():
    words = CAPABILITIES + ['setcap', 'AmbientCapabilities']
    error = refuses(PRIVILEGE, words, before=AS_OUTSIDER)
    true(','.join(CAPABILITIES) + '+ep' in error, f'as setcap takes it: {error}')


@test
def one_capability_missing():
    """Of root's own, each is missed by name, and only that one."""
    for number, name in ((39, 'cap_bpf'), (38, 'cap_perfmon'), (12, 'cap_net_admin'),
                         (21, 'cap_sys_admin'), (19, 'cap_sys_ptrace'),
                         (2, 'cap_dac_read_search')):
        without = f'-cap_{number}'
        error = refuses(PRIVILEGE, [name, 'setcap'],
                        before=['setpriv', '--bounding-set', without, '--inh-caps', without])
        equal([c for c in CAPABILITIES if c in error], [name], 'named')


@test
def just_these_capabilities_are_enough():
    """An ordinary user with nothing but what callerd asks for."""
    numbers = ','.join(f'+cap_{n}' for n in (39, 38, 12, 21, 19, 2))
    command = [*AS_OUTSIDER, '--inh-caps', numbers, '--ambient-caps', numbers, '--no-new-privs',
               PROGRAM, '--pin', 'none', '--state', 'none', '--socket', SOCKET, '--backend', BACKEND]
    agent = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    line = agent.stdout.readline()
    true(b'agent-started' in line, f'it starts: {line} {agent.stderr.read() if not line else ""}')
    docker('version')
    run(*AS_OUTSIDER, CLIENTS + 'one_shot', SOCKET, '--connect-only', check=False)
    request('GET', '/_ping?last')
    seen = []
    while not seen or field(seen[-1], 'url.original') != '/_ping?last':
        seen.append(json.loads(agent.stdout.readline()))
    agent.terminate()
    seen += map(json.loads, agent.stdout.read().splitlines())
    equal(agent.wait(PATIENCE), 0, 'exit code')
    true([r for r in seen if field(r, 'process.name') == 'docker' and 'url' in r], 'requests')
    unreachable, = [r for r in seen if r['event']['action'] == 'engine-unreachable']
    equal((unreachable['error']['code'], field(unreachable, 'callerd.connection.socket'), unreachable['event']['severity']),
          ('EACCES', SOCKET, 60), 'the engine that it cannot ask')
    stopped, = [r for r in seen if r['event']['action'] == 'agent-stopped'] or [None]
    equal((stopped['callerd']['status']['engines-unreachable'], stopped['callerd']['status']['engines-absent']), (1, 0),
          'totals')
    refused, = [r for r in seen if r['event']['action'] == 'socket-refused']
    equal((refused['error']['code'], refused['process']['executable']),
          ('EACCES', os.path.realpath(CLIENTS + 'one_shot')), 'refused')
    for record in seen:
        for ancestor in field(record, 'callerd.ancestors', []):
            true(ancestor.get('executable') and ancestor.get('command_line')
                 or ancestor['pid'] == 2, f'an ancestor is described: {ancestor}')


@test
def backend_that_cannot_run():
    """Where a kernel refuses one of the backends, callerd names what is missing."""
    refused = []
    for backend in ('trampoline', 'tracepoint'):
        agent = subprocess.Popen([PROGRAM, '--pin', 'none', '--state', 'none', '--backend', backend, '--socket', SOCKET],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if b'agent-started' in agent.stdout.readline():
            agent.terminate()
            equal(agent.wait(PATIENCE), 0, 'exit code')
        else:
            equal(agent.wait(PATIENCE), BACKEND_CODE, agent.stderr.read().decode())
            refused.append(backend)
    if not refused:
        raise Skip('this kernel takes both backends')
    for backend in refused:
        refuses(BACKEND_CODE, [backend, 'BTF', 'Linux'], '--backend', backend, '--socket', SOCKET)


# --- the end ---------------------------------------------------------------------------------------

def holes(records):
    equal([r['event']['sequence'] for r in records], list(range(1, len(records) + 1)), 'sequence')


@test
def signals():
    for number in (signal.SIGTERM, signal.SIGINT):
        agent = Callerd()
        try:
            for i in range(20):
                request('GET', f'/_ping?n={i}')
            agent.process.send_signal(number)  # what is in the rings is still to be written
            equal(agent.process.wait(PATIENCE), 0, 'exit code')
            records = agent.records()
        finally:
            agent.__exit__()
        holes(records)
        equal([r['event']['action'] for r in records[::len(records) - 1]],
              ['agent-started', 'agent-stopped'], 'first and last')
        equal(sorted(r['url']['original'] for r in records if 'url' in r),
              sorted(f'/_ping?n={i}' for i in range(20)), 'requests')
        equal(field(records[-1], 'callerd.status.records'), len(records) - 1, 'total')
        equal(records[-1]['callerd']['status']['lost.total'], 0, 'losses')
        equal(agent.process.stderr.read(), b'', 'stderr')


@test
def programs_end_with_it():
    with Callerd() as agent:
        ids = held(agent.pid)
        true(ids & loaded(), 'it has programs')
        agent.stop()
    deadline = time.monotonic() + PATIENCE
    while ids & loaded() and time.monotonic() < deadline:
        time.sleep(0.1)  # the kernel frees them a moment later
    equal(ids & loaded(), set(), 'programs')


@test
def killed():
    """SIGKILL leaves nothing in the kernel either, and the log ends in a whole line."""
    with Callerd() as agent:
        request('GET', '/_ping?killed')
        agent.wait(url__original='/_ping?killed')
        agent.process.kill()
        agent.process.wait(PATIENCE)
        with open(agent.log, 'rb') as log:
            true(log.read().endswith(b'\n'), 'a whole line')
    equal(orphans(), set(), 'programs')


@test
def log_is_continued():
    """A second run appends, also to what a crash left of a line."""
    log = D + '/continued'
    with open(log, 'w') as file:
        file.write('{"torn":')
    for i in range(1, 3):
        agent = subprocess.Popen([PROGRAM, '--pin', 'none', '--state', 'none', '--output', f'file:{log},chain=no', '--backend',
                                  BACKEND, '--socket', SOCKET])
        deadline = time.monotonic() + PATIENCE
        while open(log).read().count('"agent-started"') < i and time.monotonic() < deadline:
            time.sleep(0.02)
        agent.terminate()
        equal(agent.wait(PATIENCE), 0, 'exit code')
    lines = open(log).read().split('\n')
    equal(lines.pop(), '', 'the end')
    records = [json.loads(line) for line in lines]
    equal([record['event']['action'] for record in records],
          ['agent-started', 'records-lost', 'agent-stopped', 'agent-started', 'agent-stopped'], 'records')
    equal(records[1]['callerd']['lost'], {'reason': 'line-torn', 'count': 1, 'output': 'file:' + log}, 'the torn line')
    equal(os.stat(log).st_mode & 0o022, 0, 'writable by others')


@test
def log_is_private():
    with Callerd() as agent:
        equal(os.stat(agent.log).st_mode & 0o777, 0o600, 'mode')


@test
def reader_goes_away():
    """callerd | head -1"""
    agent = subprocess.Popen([PROGRAM, '--pin', 'none', '--state', 'none', '--socket', SOCKET, '--backend', BACKEND],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    true(b'agent-started' in agent.stdout.readline(), 'the first line')
    agent.stdout.close()
    request('GET', '/_ping')
    equal(agent.wait(PATIENCE), OUTPUT, 'exit code')
    error = agent.stderr.read().decode()
    true(error.startswith('callerd: ') and error.count('\n') == 1 and 'closed' in error, error)


@test
def no_stdout():
    """Closed from the start: not somebody else's file becomes the output."""
    code, _, error = attempt('--socket', SOCKET, '--backend', BACKEND,
                             before=['sh', '-c', 'exec "$@" >&-', 'sh'])
    equal(code, OUTPUT, error)
    true('stdout' in error and error.count('\n') == 1, error)


@test
def no_stderr():
    """What would be said must not end up in the log."""
    log = D + '/no-stderr'
    child = subprocess.Popen(['sh', '-c', 'exec "$@" <&- >&- 2>&-', 'sh', PROGRAM, '--pin', 'none', '--state', 'none', '--socket', SOCKET,
                              '--backend', BACKEND, '--output', f'file:{log},chain=no', '--log-level', 'info'])
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and not (os.path.exists(log) and os.path.getsize(log)):
        time.sleep(0.02)
    child.terminate()
    equal(child.wait(PATIENCE), 0, 'exit code')
    with open(log) as file:
        equal([json.loads(line)['event']['action'] for line in file],
              ['agent-started', 'agent-stopped'], 'records')


@test
def full_disk():
    """What cannot be written now is kept, and the way back is found."""
    os.mkdir(D + '/small')
    run('mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', D + '/small')
    try:
        with Callerd(log=D + '/small/log') as agent:
            filler = D + '/small/filler'
            with open(filler, 'wb', buffering=0) as file:
                try:
                    while True:
                        file.write(b'x' * 4096)
                except OSError:
                    pass
            for i in range(100):
                request('GET', f'/_ping?full={i}')
            true(len(agent.records(event__action='api-request')) < 100, 'the disk is full')
            os.unlink(filler)
            run('mount', '-o', 'remount,size=10m', D + '/small')
            request('GET', '/_ping?full=100')
            agent.wait(url__original='/_ping?full=100')
            agent.process.terminate()
            error = agent.process.communicate(timeout=PATIENCE)[1].decode()
            records = agent.records()
            holes(records)
            equal(sorted(r['url']['original'] for r in records if 'url' in r),
                  sorted(f'/_ping?full={i}' for i in range(101)), 'requests')
            equal([line.split(':')[1] for line in error.splitlines()], [' warning', ' warning'], error)
    finally:
        run('umount', D + '/small')


@test
def human_lines():
    agent = subprocess.Popen([PROGRAM, '--pin', 'none', '--state', 'none', '--socket', SOCKET, '--backend', BACKEND, '--human',
                              '--output', 'stdout', '--output', f'file:{D}/human.json,chain=no'],
                             stdout=subprocess.PIPE)
    first = agent.stdout.readline().decode()
    request('GET', '/_ping?human')
    lines = [first]
    while lines[-1] and 'SystemPing' not in lines[-1]:
        lines.append(agent.stdout.readline().decode())
    agent.terminate()
    lines += agent.stdout.read().decode().splitlines(True)
    equal(agent.wait(PATIENCE), 0, 'exit code')
    with open(D + '/human.json') as log:
        records = [json.loads(line) for line in log]
    equal(len(lines), len(records), 'lines')
    for line in lines:
        true(not line.startswith('{'), line)
    holes(records)


@test
def own_calls():
    """Are left out unless they are asked for."""
    def own(agent):
        return agent.records(event__action='api-request', process__pid=agent.broker)
    with Callerd('--own-calls') as agent:
        docker('run', '--rm', '--network', 'none', IMAGE, 'true')
        agent.wait(process__pid=agent.broker, callerd__api__operation='SystemEvents')
        agent.wait(process__pid=agent.broker, callerd__api__operation='ContainerInspect')
        equal({field(record, 'user_agent.original', '').split('/')[0] for record in own(agent)}, {'callerd'}, 'of')
    with Callerd() as agent:
        docker('run', '--rm', '--network', 'none', IMAGE, 'true')
        agent.settle_events()
        equal(own(agent), [], 'its own')


os.mkdir(D, 0o755)
def host_id():
    """As sd_id128_get_machine_app_specific() makes it; None: the host has no id."""
    try:
        with open('/etc/machine-id', encoding='ascii') as file:
            key = bytes.fromhex(file.read())
    except (OSError, ValueError):
        return None
    digest = bytearray(hmac.digest(key, uuid.UUID('8d4f9a52-b7c3-4e06-a1d2-5e6f90c37b18').bytes, 'sha256')[:16])
    digest[6], digest[8] = digest[6] & 0x0f | 0x40, digest[8] & 0x3f | 0x80
    return digest.hex() if len(key) == 16 and any(key) else None


@test
def outputs_of_their_own():
    """Each with its format, all of the same records; and some records only."""
    formats = {name: f'{D}/{name}.log' for name in ('human', 'ecs', 'ocsf', 'cef', 'rfc5424')}
    some = {'min-severity=high': lambda r: r['event']['severity'] >= 80,
            'actions=docker-event': lambda r: r['event']['action'] == 'docker-event',
            'findings=privileged+host-root-mount':
                lambda r: {'privileged', 'host-root-mount'} & {f['id'] for f in field(r, 'callerd.findings', [])},
            'users=' + MEMBER: lambda r: acts_as(r, 'name') == MEMBER}
    arguments = [f'file:{path},chain=no,format={name}' for name, path in formats.items()]
    arguments += [f'file:{D}/sealed.{name},format={name}' for name in ('ecs', 'ocsf')]
    arguments += [f'file:{D}/{number}.log,chain=no,{option}' for number, option in enumerate(some)]
    with Callerd(*(word for argument in arguments for word in ('--output', argument))) as agent:
        docker('run', '--rm', '--network', 'none', '-v', '/:/host', '-e', 'A=|\\=]"', IMAGE, 'true')
        User(MEMBER).docker('version')
        agent.event('container/destroy')
        records = agent.stop()
        ecs = agent.log + '.all'
        shutil.copy(agent.log, ecs)
    equal({field(r, 'host.id') for r in records}, {host_id()}, 'of the host')
    for name, path in formats.items():
        with open(path, 'rb') as lines:
            data = lines.read()
        # In OCSF a finding has a line of its own beside the record.
        equal(data.count(b'\n') - data.count(b'"class_uid":2004,'), len(records), f'records in {name}')
        if name == 'human':
            continue
        done = subprocess.run([ROOT + '/tests/schema/check', name, ecs], input=data, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        equal(done.returncode, 0, f'{name}: {done.stdout.decode()[:1000]}')
    for name in 'ecs', 'ocsf':
        with open(f'{D}/sealed.{name}', 'rb') as lines:
            done = subprocess.run([ROOT + '/tests/schema/check', name], stdin=lines, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, check=False)
        equal(done.returncode, 0, f'{name} with a chain: {done.stdout.decode()[:1000]}')
    for number, (option, wanted) in enumerate(some.items()):
        with open(f'{D}/{number}.log', 'rb') as lines:
            got = [json.loads(line)['event']['id'] for line in lines]
        expected = [r['event']['id'] for r in records if wanted(r)]
        true(expected, f'there are none with {option}')
        equal(got, expected, option)


shutil.copy(CALLERD, PROGRAM)
main()
