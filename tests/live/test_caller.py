# SPDX-License-Identifier: Apache-2.0
"""The caller is complete and right, however short it lives and whatever it writes into its arguments."""
import pty
import shutil
import signal

from live import *

AGENT = None


def requests_of(**wanted):
    AGENT.settle()
    return AGENT.records(event__action='api-request', **wanted)


def shell_user(user, command, login=True):
    """Runs a shell command as USER with a login UID of his own, where the kernel allows that."""
    script = ('printf %s "$(id -u "$0")" >/proc/self/loginuid; ' if login else '') + \
        'exec setpriv --reuid "$0" --regid "$(id -g "$0")" --init-groups -- sh -c "$1"'
    return run('bash', '-c', script, user, command)


def uid(user):
    return run('id', '-u', user).strip()


@test
def short_lived_each_with_its_own_arguments():
    count = scaled(300, 100, 1000)
    for mode in ('--connect-only', '--no-read'):
        program = f'{DIR}/short{mode}'
        shutil.copy(CLIENTS + 'one_shot', program)
        run(program, SOCKET, mode, '--spawn', str(count), '--target', '/_ping')
        action = 'socket-connected' if mode == '--connect-only' else 'api-request'
        found = AGENT.wait(count, event__action=action, process__executable=program)
        equal(len(found), count, f'records of {mode}')
        numbers = set()
        for record in found:
            argument = [a for a in record['process']['args'] if a.startswith('n=')][0]
            numbers.add(argument)
            equal(record['process']['parent']['executable'], program, 'parent')
            if action == 'api-request':
                equal(record['url']['query'], argument, 'request of the process with that argument')
        equal(len(numbers), count, f'different arguments of {mode}')


@test
def long_arguments():
    for size, truncated in ((8192, None), (8193, True), (100000, True)):
        program = f'{DIR}/long{size}'
        shutil.copy(CLIENTS + 'one_shot', program)
        run(program, SOCKET, '--no-read', '--spawn', '1', '--argv-size', str(size))
        record = AGENT.wait(event__action='socket-connected', process__executable=program)[0]
        equal(field(record, 'callerd.caller.args_truncated'), truncated, f'{size} truncated')
        kept = sum(len(a) + 1 for a in record['process']['args'])
        equal(min(size, 8192) - kept in (0, -1), True, f'{size}: kept {kept}')
        if not truncated:
            equal(record['process']['args_count'], len(record['process']['args']), 'count')


HOSTILE = [b'spaces and  tabs\t', b'new\nline', b'quote"\'\\', b'\x1b[31mred\x1b[0m', b'\xff\xfe\x80',
           b'', b'{"json":1}', 'bidi\u202e\u2066'.encode(), b'\x7f\x01\r', 'größe'.encode()]


@test
def hostile_arguments_comm_and_paths():
    directory = f'{DIR}/odd \n"\x1b[2J\udcff'
    os.makedirs(directory, exist_ok=True)
    program = directory + '/one\nshot'
    shutil.copy(CLIENTS + 'one_shot', program)
    subprocess.run([program, SOCKET, '--target', '/_ping?hostile', '--'] + HOSTILE, cwd=directory,
                   stdout=subprocess.DEVNULL, check=True)
    record = AGENT.wait(event__action='api-request', url__original='/_ping?hostile')[0]
    args = record['process']['args'][-len(HOSTILE):]
    for got, sent in zip(args, HOSTILE):
        equal(got, sent.decode('utf-8', 'replace'), 'argument')
    equal(record['process']['name'], 'one\nshot', 'comm')
    equal(record['process']['executable'], program.encode('utf-8', 'surrogateescape')
          .decode('utf-8', 'replace'), 'executable')
    equal(record['process']['working_directory'], directory.encode('utf-8', 'surrogateescape')
          .decode('utf-8', 'replace'), 'working directory')
    with open(AGENT.log, 'rb') as log:
        for line in log.read().split(b'\n')[:-1]:
            json.loads(line)
            true(not any(byte < 0x20 or byte == 0x7f for byte in line), 'control byte in a line')


@test
def deleted_executable():
    program = f'{DIR}/soon-gone'
    shutil.copy(CLIENTS + 'one_shot', program)
    run('sh', '-c', f'(sleep 0.3; exec {CLIENTS}one_shot {SOCKET} --target /_ping?other) & '
        f'cp {CLIENTS}one_shot {program}2; exec 9<{program}2; rm {program}2; '
        f'/proc/self/fd/9 {SOCKET} --target /_ping?deleted; wait')
    record = AGENT.wait(event__action='api-request', url__original='/_ping?deleted')[0]
    true(record['process']['executable'].startswith(program + '2'), record['process']['executable'])


@test
def member_of_the_group():
    shell_user(MEMBER, f'{CLIENTS}one_shot {SOCKET} --target /_ping?member', login=False)
    record = AGENT.wait(event__action='api-request', url__original='/_ping?member')[0]
    equal(acts_as(record), uid(MEMBER), 'uid')
    equal(acts_as(record, 'name'), MEMBER, 'name')
    equal(field(record, 'callerd.caller.access'), 'group:docker', 'access')
    for name in 'callerd.caller.capabilities', 'process.thread.capabilities':
        equal(field(record, name), None, name)


@test
def login_user_through_sudo():
    shell_user(MEMBER, f'sudo {CLIENTS}one_shot {SOCKET} --target /_ping?sudo')
    record = AGENT.wait(event__action='api-request', url__original='/_ping?sudo')[0]
    equal(acts_as(record), '0', 'effective user')
    names = [a['name'] for a in field(record, 'callerd.ancestors')]
    true('sudo' in names, f'sudo among the ancestors {names}')
    sudo = [a for a in field(record, 'callerd.ancestors') if a['name'] == 'sudo'][0]
    true('one_shot' in sudo['command_line'], 'the command line of sudo')
    if not run('sh', '-c', 'echo 1 >/proc/self/loginuid && echo ok', check=False):
        raise Skip('this kernel does not let a login UID be set')
    equal(field(record, 'user.id'), uid(MEMBER), 'login UID')
    equal(field(record, 'user.name'), MEMBER, 'login user')
    equal(field(record, 'related.user'), [MEMBER, 'root'], 'both')


@test
def login_user_through_su():
    shell_user(MEMBER, f'sudo su root -c "{CLIENTS}one_shot {SOCKET} --target /_ping?su"')
    record = AGENT.wait(event__action='api-request', url__original='/_ping?su')[0]
    equal(acts_as(record), '0', 'effective user')
    true('su' in [a['name'] for a in field(record, 'callerd.ancestors')], 'su among the ancestors')


BRIEF = 2048  # bytes of the record of a `docker ps` by sudo from a shell, at most


@test
def brief_record():
    """What outputs have unless told otherwise: short, and still whole by itself, however long the lines above it are."""
    with Callerd(detail='lineage') as agent:
        shell_user(MEMBER, f'sudo -n docker -H unix://{SOCKET} ps; true')
        record = agent.wait(event__action='api-request', callerd__api__operation='ContainerList')[0]
    size = len(json.dumps(record, separators=(',', ':'), ensure_ascii=False).encode())
    true(size <= BRIEF, f'{size} bytes: {record}')
    true(record['callerd']['lineage'].startswith(f'sudo[{record["process"]["parent"]["pid"]}] < '), record)
    true(record['callerd']['lineage'].endswith('[1]'), record)
    equal(record['process']['parent']['name'], 'sudo', 'parent')
    equal([field(record, name) for name in ('callerd.ancestors', 'process.args', 'url.path', 'callerd.capture')], [None] * 4,
          'what others say as well')


NAMED = 1024 # the same, where the caller was told before


@test
def named_record():
    """With detail=reference: what its caller is, a line before it tells."""
    with Callerd(detail='reference') as agent:
        shell_user(MEMBER, f'sudo -n docker -H unix://{SOCKET} ps; true')
        record = agent.wait(event__action='api-request', callerd__api__operation='ContainerList')[0]
        told = agent.records(event__action='caller-seen', callerd__caller__id=record['callerd']['caller']['id'])
    text = json.dumps(record, separators=(',', ':'), ensure_ascii=False)
    # As on a host: alice, docker ps, /run/docker.sock.
    size = len(text.replace(f' -H unix://{SOCKET}', '').replace(SOCKET, '/run/docker.sock').replace(MEMBER, 'alice').encode())
    true(size <= NAMED, f'{size} bytes: {record}')
    equal(len(told), 1, 'lines that tell of the caller')
    equal(told[0]['process']['pid'], record['process']['pid'], 'process')
    equal([field(record, name) for name in ('callerd.lineage', 'process.parent', 'process.executable', 'callerd.caller.access')], [None] * 4,
          'what that line tells')
    equal([field(told[0], name, [{}])[0]['name'] for name in ('callerd.ancestors',)], ['sudo'], 'ancestors')
    true(told[0]['callerd']['lineage'].endswith('[1]'), told[0])


@test
def terminal():
    output = []

    def read(descriptor):
        data = os.read(descriptor, 1024)
        output.append(data)
        return data

    stdout = os.dup(1)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    try:
        pty.spawn(['sh', '-c', f'tty; {CLIENTS}one_shot {SOCKET} --target /_ping?tty'], read)
    finally:
        os.dup2(stdout, 1)
    tty = b''.join(output).split()[0].decode().replace('/dev/', '')
    record = AGENT.wait(event__action='api-request', url__original='/_ping?tty')[0]
    equal(field(record, 'callerd.caller.tty'), tty, 'terminal')


@test
def ancestors_up_to_init():
    run('sh', '-c', f'sh -c "sh -c \\"{CLIENTS}one_shot {SOCKET} --target /_ping?deep; true\\"; true"; true')
    record = AGENT.wait(event__action='api-request', url__original='/_ping?deep')[0]
    ancestors = field(record, 'callerd.ancestors')
    equal([a['name'] for a in ancestors[:3]], ['sh'] * 3, 'the shells')
    equal(ancestors[0]['pid'], record['process']['parent']['pid'], 'the parent')
    true('one_shot' in ancestors[2]['command_line'], 'command line of the outermost shell')
    true(os.getpid() in [a['pid'] for a in ancestors], 'this test is among the ancestors')
    true(len(ancestors) == 16 or ancestors[-1]['pid'] == 1, 'they end at init')


@test
def ancestors_that_are_gone_when_the_record_is_written():
    os.kill(AGENT.pid, signal.SIGSTOP)
    try:
        run('sh', '-c', f'sh -c "{CLIENTS}one_shot {SOCKET} --target /_ping?gone; true" gone-parent; true')
    finally:
        os.kill(AGENT.pid, signal.SIGCONT)
    record = AGENT.wait(event__action='api-request', url__original='/_ping?gone')[0]
    equal(record['process']['parent']['args'][-1], 'gone-parent', 'arguments of the parent')
    true('gone-parent' in field(record, 'callerd.ancestors')[1]['command_line'], 'and of its parent')


@test
def container_of_the_caller():
    name = f'caller-{os.getpid()}'
    out = docker('run', '--rm', '--name', name, '--network', 'none', '-v', f'{SOCKET}:/s.sock',
                 IMAGE, 'sh', '-c', 'unixhttp /s.sock GET /_ping?container; cat /proc/self/cgroup')
    record = AGENT.wait(event__action='api-request', url__original='/_ping?container')[0]
    created = AGENT.wait(event__action='api-request', that=lambda r: name in r['url']['original'])
    true(created, 'the request that created it')
    identity = field(record, 'container.id')
    true(identity and len(identity) == 64, f'container.id {identity}')
    true(identity in out or VM, f'{identity} is in {out}')
    equal(record['process']['executable'], '/bin/unixhttp', 'executable within the container')


@test
def cgroup_of_the_caller():
    mounts = run('sh', '-c', "grep -E '^[^ ]+ [^ ]+ cgroup2 ' /proc/mounts | head -n 1").split()
    path = f'{mounts[1]}/callerd-test-{os.getpid()}.service'
    os.mkdir(path)
    try:
        run('sh', '-c', f'echo $$ >{path}/cgroup.procs; {CLIENTS}one_shot {SOCKET} --target /_ping?cg')
    finally:
        os.rmdir(path)
    record = AGENT.wait(event__action='api-request', url__original='/_ping?cg')[0]
    name = os.path.basename(path)
    equal(field(record, 'callerd.caller.cgroup'), '/' + name, 'cgroup')
    equal(field(record, 'callerd.caller.unit'), name, 'unit')


@test
def arguments_rewritten_while_connecting():
    out = run(CLIENTS + 'racer', SOCKET)
    AGENT.settle()
    true(AGENT.records(event__action='socket-connected', process__name='racer'), f'racer: {out}')
    equal(request('GET', '/_ping?after-racer')[0], 200, 'a later call')


def main_with_agent():
    global AGENT
    with Callerd() as AGENT:
        main()


main_with_agent()
