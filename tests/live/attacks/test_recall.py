# SPDX-License-Identifier: Apache-2.0
"""The kernel programs keep what they described: whatever a process changes of itself between two calls must be in the record
of the second one. Of a process that looks new nothing is kept before its second call; the third one is told by what is kept."""
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from live import *  # pylint: disable=wrong-import-position

AGENT = None
D = f'{DIR}/recall-{os.getpid()}'
CGROUP = next((line.split()[1] for line in open('/proc/mounts') if line.split()[2] == 'cgroup2'), None)

# What it is says /proc; the records have to say the same.
CHANGING = r'''
import ctypes, json, os, socket, sys
path, where, cgroups = sys.argv[1:4]
libc = ctypes.CDLL(None, use_errno=True)

def now():
    read = lambda file: open('/proc/self/' + file, 'rb').read().decode()
    status = dict(line.split(':\t', 1) for line in read('status').splitlines() if ':\t' in line)
    return {'pid': os.getpid(), 'name': read('comm').strip(), 'args': read('cmdline').split('\0')[:-1],
            'directory': os.getcwd(), 'parent': os.getppid(), 'euid': os.geteuid(), 'egid': os.getegid(),
            'executable': os.readlink('/proc/self/exe'), 'cgroup': read('cgroup').split('\n0::')[-1].split('\n')[0].split('0::')[-1],
            'mounts': os.stat('/proc/self/ns/mnt').st_ino, 'capabilities': bin(int(status['CapEff'], 16)).count('1')}

def ping(name, turn, path=path):
    target = f'/_ping?recall={name}.{turn}'
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        client.sendall(f'GET {target} HTTP/1.1\r\nHost: docker\r\n\r\n'.encode())
        client.recv(4096)
    return target

def call(name):
    for turn in '123':
        target = ping(name, turn)
        os.write(1, (json.dumps({**now(), 'target': target}) + '\n').encode())

def enter(group):
    os.makedirs(group, exist_ok=True)
    with open(group + '/cgroup.procs', 'w') as procs:
        procs.write('0')
'''

NAMES = {'pid': 'process.pid', 'name': 'process.name', 'args': 'process.args', 'directory': 'process.working_directory',
         'parent': 'process.parent.pid', 'executable': 'process.executable', 'cgroup': 'callerd.caller.cgroup'}


def changing(script, *args):
    """Runs a process that changes itself by SCRIPT; every record must say what the process was at that call."""
    number = len(os.listdir(D))
    program = f'{D}/program-{number}'
    with open(program, 'w') as file:
        file.write(CHANGING.replace('recall=', f'recall={number}-') + script)
    cgroups = f'{CGROUP}/callerd-recall-{os.getpid()}'
    try:
        told = [json.loads(line) for line in run(sys.executable, program, SOCKET, D, cgroups, *args).splitlines()
                if line.startswith('{')]
    finally:
        for directory, _, _ in os.walk(cgroups, topdown=False):
            os.rmdir(directory)
    AGENT.settle()
    records = {field(record, 'url.original'): record for record in AGENT.records(event__action='api-request')}
    for call in told:
        record = records[call['target']]
        for name, path in NAMES.items():
            if name != 'cgroup' or call[name] != '/':  # of a process there, the other hierarchy is told
                equal(field(record, path), call[name], f'{call["target"]}: {path}')
        own = os.stat('/proc/self/ns/mnt').st_ino
        equal(int(field(record, 'callerd.caller.mount_namespace', own)), call['mounts'], f'{call["target"]}: mounts')
        equal(len(field(record, 'process.thread.capabilities.effective', [])), call['capabilities'],
              f'{call["target"]}: capabilities')
    return {call['target'].split('-', 1)[1]: records[call['target']] for call in told}


@test
def what_it_says_of_itself():
    for size in 5, 700, 6000:  # of the last argument
        changing(r'''
call('begin')
libc.prctl(15, b'other', 0, 0, 0)
call('name')
os.makedirs(where + '/in', exist_ok=True)
os.chdir(where + '/in')
call('directory')
at = open('/proc/self/stat').read().rsplit(')', 1)[1].split()
begin, end = int(at[45]), int(at[46])
ctypes.memset(end - 3, ord('x'), 2)
call('last-argument')
ctypes.memset(begin, ord('y'), 2)
call('first-argument')
''', 'a', 'b' * size)


@test
def whom_it_becomes():
    found = changing(r'''
call('begin')
os.setgroups([7])
call('groups')
os.setegid(65534)
call('group')
os.seteuid(65534)
os.seteuid(0)
call('back')
libc.prctl(24, 21, 0, 0, 0)
libc.unshare(0x00020000)
call('mounts')
''')
    true(field(found['begin.1'], 'callerd.caller.mount_namespace') is None
         and field(found['mounts.1'], 'callerd.caller.mount_namespace'), 'another mount namespace')


@test
def what_it_executes():
    shutil.copy(CLIENTS + 'one_shot', D + '/tool')
    changing(r'''
call('begin')
if not os.fork():
    os.execv(where + '/tool', ['tool', path, '--target', '/_ping?recall=tool'])
os.wait()
os.rename(where + '/tool', where + '/moved')
call('end')
''')
    record = AGENT.wait(event__action='api-request', url__original='/_ping?recall=tool')[0]
    equal(record['process']['executable'], D + '/tool', 'executable')


@test
def whose_child_it_is():
    found = changing(r'''
import time
call('begin')
if not os.fork():
    parent = os.getpid()
    if not os.fork():
        call('child')
        while os.getppid() == parent:
            time.sleep(0.01)
        call('orphan')
        os._exit(0)
    time.sleep(0.3)
    libc.prctl(15, b'aged', 0, 0, 0)
    time.sleep(0.3)
    os._exit(0)
os.wait()
time.sleep(0.6)
''')
    true(field(found['child.1'], 'process.parent.pid') != field(found['orphan.1'], 'process.parent.pid'), 'the parent')


@test
def what_its_parent_becomes():
    """The parent renames itself while the child lives: the child is told of anew."""
    found = changing(r'''
ours, theirs = socket.socketpair()
if not os.fork():
    call('before')
    ours.send(b'x')
    ours.recv(1)
    call('after')
    ours.send(b'x')
    os._exit(0)
theirs.recv(1)
libc.prctl(15, b'renamed', 0, 0, 0)
theirs.send(b'x')
theirs.recv(1)
os.wait()
''')
    equal(field(found['after.1'], 'process.parent.name'), 'renamed', 'the parent')
    true(field(found['before.1'], 'process.parent.name') != 'renamed', 'and before')


@test
def roots_that_come_and_go():
    """A mount, and its root directory, are another one's at the same address, or the same ones elsewhere."""
    found = changing(r'''
libc.unshare(0x00020000)
os.chdir('/')

def mount(*args):
    assert not libc.mount(*args), args

def inside(root, name):
    """Its directory is outside of its root: so it finds the socket, and the way out."""
    os.chroot(root)
    told.extend(ping(name, turn, path.lstrip('/')) for turn in '123')
    os.chroot('.')

told = []
mount(None, b'/', None, 0x44000, None)
for turn in range(40):
    root = f'{where}/root-{turn}'
    os.mkdir(root)
    inside(root, f'root-{turn}')
    os.rmdir(root)
os.mkdir(where + '/one')
inside(where + '/one', 'one')
os.rename(where + '/one', where + '/two')
inside(where + '/two', 'two')
mount(b'none', (where + '/two').encode(), b'tmpfs', 0, None)
inside(where + '/two', 'mounted')
os.mkdir(where + '/three')
mount((where + '/two').encode(), (where + '/three').encode(), None, 0x2000, None)
inside(where + '/three', 'moved')
for target in told:
    os.write(1, (json.dumps({**now(), 'target': target}) + '\n').encode())
''')
    for name, root in [(f'root-{turn}', f'root-{turn}') for turn in range(40)] + [
            ('one', 'one'), ('two', 'two'), ('mounted', 'two'), ('moved', 'three')]:
        for turn in '123':
            equal(field(found[f'{name}.{turn}'], 'callerd.caller.root'), f'{D}/{root}', f'{name}.{turn}: root')


@test
def groups_that_come_and_go():
    """What is freed is used again: an address alone tells nothing."""
    if not CGROUP:
        raise Skip('no cgroup2')
    changing(r'''
for turn in range(60):
    enter(f'{cgroups}/{turn}')
    call(f'group-{turn}')
    enter(cgroups)
    os.rmdir(f'{cgroups}/{turn}')
enter(cgroups.rsplit('/', 1)[0])
''')


@test
def directories_that_come_and_go():
    changing(r'''
for turn in range(60):
    os.mkdir(f'{where}/turn-{turn}')
    os.chdir(f'{where}/turn-{turn}')
    call(f'directory-{turn}')
    os.chdir(where)
    os.rmdir(f'{where}/turn-{turn}')
os.mkdir(where + '/old')
os.chdir(where + '/old')
call('old')
os.rename(where + '/old', where + '/new')
call('new')
''')


@test
def namespaces_that_come_and_go():
    changing(r'''
for turn in range(30):
    libc.unshare(0x00020000)
    call(f'namespace-{turn}')
''')


@test
def many_at_once():
    """More processes than descriptions are kept, by turns."""
    changing(r'''
pipes = []
for child in range(300):
    ours, theirs = socket.socketpair()
    if not os.fork():
        for other, _ in pipes:
            other.close()
        ours.close()
        while theirs.recv(1):
            os.chdir(where if child % 2 else '/')
            call(f'many-{child}')
        os._exit(0)
    theirs.close()
    pipes.append((ours, child))
for ours, child in pipes:
    ours.send(b'x')
for ours, child in pipes:
    ours.close()
    os.wait()
''')


@test
def told_to_an_agent_that_was_killed():
    """The next one reads on, and knows none of the descriptions that the killed one knew by their numbers."""
    pin, begun = f'/sys/fs/bpf/callerd-recall-{os.getpid()}', os.getcwd()
    options = ('--status-interval', '0', '--guard', 'none')
    try:
        with Callerd(*options, pin=pin) as first:
            for _ in range(3):
                request('GET', '/_ping?killed=read')
            first.wait(url__original='/_ping?killed=read', count=3)
            first.process.send_signal(signal.SIGSTOP)
            request('GET', '/_ping?killed=unread')
            os.chdir(D)
            request('GET', '/_ping?killed=moved')
            first.process.kill()
            first.process.wait()
            request('GET', '/_ping?killed=away')
            with Callerd(*options, pin=pin) as second:
                request('GET', '/_ping?killed=after')
                second.settle()
                found = {field(r, 'url.original').split('=')[1]: r for r in second.records(event__action='api-request')
                         if 'killed=' in field(r, 'url.original')}
    finally:
        os.chdir(begun)
        run(CALLERD, '--detach', '--pin', pin, check=False)
    for name, where in {'unread': begun, 'moved': D, 'away': D, 'after': D}.items():
        record = found[name]
        equal([field(record, path) for path in ('process.pid', 'process.working_directory', 'process.parent.pid',
                                                'callerd.caller.basis')],
              [os.getpid(), where, os.getppid(), 'kernel'], record['message'])
        true(len(field(record, 'process.args', [])) > 1, record['message'])


def main_with_agent():
    global AGENT
    os.mkdir(D)
    try:
        with Callerd('--callers-ring', str(64 << 20)) as AGENT:  # no call of many at once is lost on a busy machine
            main()
    finally:
        shutil.rmtree(D, ignore_errors=True)


main_with_agent()
