# SPDX-License-Identifier: Apache-2.0
"""What a caller executes, by its SHA-256: that of the file which it executed, or none."""
import hashlib
import shutil

from live import *

AGENT = None


def sha256(path):
    with open(path, 'rb') as file:
        return hashlib.sha256(file.read()).hexdigest()


def calls(program, target, times=1):
    """The digests in the records of so many calls, one after the other."""
    found = []
    for i in range(times):
        run(program, SOCKET, '--target', f'/_ping?{target}-{i}', '--quiet')
        record = AGENT.wait(event__action='api-request', url__original=f'/_ping?{target}-{i}')[0]
        found.append(field(record, 'process.hash.sha256'))
        time.sleep(0.3)  # it is read beside
    return found


def other_program(path):
    """The same program, by another content: what stands behind its end is not looked at. In the same file."""
    with open(path, 'ab') as file:
        file.write(os.urandom(16))


@test
def of_the_file_that_was_executed():
    program = DIR + '/digest'
    shutil.copy(CLIENTS + 'one_shot', program)
    inode = os.stat(program).st_ino
    first = calls(program, 'digest', 3)
    equal(first[-1], sha256(program), 'once it has been read')
    true(all(digest in (None, first[-1]) for digest in first), f'no other one: {first}')
    other_program(program)
    equal(os.stat(program).st_ino, inode, 'the same inode')
    second = calls(program, 'changed', 3)
    equal(second[-1], sha256(program), 'the new one')
    true(first[-1] not in second, 'never the old one')


@test
def none_of_a_file_that_changed_since_it_was_started():
    program = DIR + '/changes'
    shutil.copy('/usr/bin/python3', program)
    script = '''
import os, socket, sys
os.chmod(sys.argv[2], 0o700)
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.send(b"GET /_ping?started HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
while s.recv(4096):
    pass
'''
    for _ in range(2):
        run(program, '-c', script, SOCKET, program)
        time.sleep(0.3)
    for record in AGENT.wait(2, event__action='api-request', url__original='/_ping?started'):
        equal(field(record, 'process.hash.sha256'), None, 'the kernel cannot say that it is what was executed')


@test
def of_a_deleted_file():
    """Nobody else has its name any more, and it changed when it was deleted."""
    program = DIR + '/gone'
    shutil.copy(CLIENTS + 'one_shot', program)
    calls(program, 'there', 2)
    run('sh', '-c', f'exec 9<{program}; rm {program}; /proc/self/fd/9 {SOCKET} --target /_ping?removed')
    record = AGENT.wait(event__action='api-request', url__original='/_ping?removed')[0]
    true(field(record, 'callerd.caller.executable_deleted'), 'it is told')
    true(field(record, 'process.hash.sha256') in (None, sha256(CLIENTS + 'one_shot')), record)


@test
def within_a_container():
    name = f'digest-{os.getpid()}'
    call = 'unixhttp /s.sock GET /_ping?inside'
    out = docker('run', '--rm', '--name', name, '--network', 'none', '-v', f'{SOCKET}:/s.sock', IMAGE,
                 'sh', '-c', f'{call}; sleep 1; {call}; echo; busybox sha256sum /bin/unixhttp')
    records = AGENT.wait(2, event__action='api-request', url__original='/_ping?inside')
    equal(field(records[-1], 'process.hash.sha256'), out.split()[-2], 'of the file in the container')


@test
def what_nobody_may_execute_fast():
    """A FIFO, a device, a file system of a program: nothing but a file is opened, and nobody is waited for."""
    program = DIR + '/large'
    shutil.copy(CLIENTS + 'one_shot', program)
    os.truncate(program, 300 << 20)  # sparse, above the bound
    equal(calls(program, 'large', 2), [None, None], 'too large')
    # Others call this engine, too: callerctl access, of a test in another lane.
    told = [field(record, 'url.original') for record in AGENT.records(event__action='api-request')]
    equal([target for target in told if target.startswith('/_ping?large')], ['/_ping?large-0', '/_ping?large-1'], 'records')


@test
def groups_and_terminal():
    run('setpriv', '--groups', '4,27,4294967294', CLIENTS + 'one_shot', SOCKET, '--target', '/_ping?groups')
    record = AGENT.wait(event__action='api-request', url__original='/_ping?groups')[0]
    equal(field(record, 'process.supplemental_groups.id'), ['4', '27', '4294967294'], 'groups')
    equal(field(record, 'callerd.caller.groups_truncated'), None, 'all of them')
    equal(field(record, 'process.interactive'), None, 'no terminal')
    many = [str(number) for number in range(100, 117)]
    run('setpriv', '--groups', ','.join(many), CLIENTS + 'one_shot', SOCKET, '--target', '/_ping?many')
    record = AGENT.wait(event__action='api-request', url__original='/_ping?many')[0]
    equal(field(record, 'process.supplemental_groups.id'), many[:16], 'the first of them')
    equal(field(record, 'callerd.caller.groups_truncated'), True, 'it is told')
    for command, wanted in ((f'{CLIENTS}one_shot {SOCKET} --target /_ping?terminal', True),
                            (f'{CLIENTS}one_shot {SOCKET} --target /_ping?piped </dev/null', None)):
        run('script', '-qec', command, '/dev/null')
        target = command.split('--target ')[1].split()[0]
        record = AGENT.wait(event__action='api-request', url__original=target)[0]
        true(field(record, 'callerd.caller.tty', '').startswith('pts/'), 'its terminal')
        equal(field(record, 'process.interactive'), wanted, target)


@test
def terminal_of_the_moment():
    """A process that was described before is described again where its input is another one."""
    script = f"""
import os, socket
def call(number):
    s = socket.socket(socket.AF_UNIX)
    s.connect('{SOCKET}')
    s.send(b'GET /_ping?moment-%d HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' % number)
    while s.recv(4096):
        pass
for number in range(4):
    call(number)
terminal = os.dup(0)
os.dup2(os.open('/dev/null', os.O_RDONLY), 0)
call(4)
os.dup2(terminal, 0)
call(5)
"""
    program = DIR + '/moment.py'
    with open(program, 'w') as file:
        file.write(script)
    run('script', '-qec', f'/usr/bin/python3 {program}', '/dev/null')
    found = [field(AGENT.wait(event__action='api-request', url__original=f'/_ping?moment-{number}')[0], 'process.interactive')
             for number in range(6)]
    equal(found, [True, True, True, True, None, True], 'with its terminal, without, and with it again')


def main_with_agent():
    global AGENT
    with Callerd() as AGENT:
        main()


main_with_agent()
