# SPDX-License-Identifier: Apache-2.0
"""Attackers who make callerd wait: for the lock of their own memory, which who reads their arguments needs."""
import atexit
import contextlib
import os
import stat
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from live import *  # pylint: disable=wrong-import-position

D = f'{DIR}/blocking-{os.getpid()}'
FUSE = f'/dev/callerd-test-fuse-{os.getpid()}'  # where devices may be opened
SHOT = CLIENTS + 'one_shot'
FILLER = 'x' * 600  # longer than what the kernel remembers of every exec
AS_OUTSIDER = ['setpriv', '--reuid', OUTSIDER, '--regid', OUTSIDER, '--clear-groups']


class Locked:
    """A process that holds the lock of its own memory map, and the shell that is its child."""

    def __init__(self, user, *before):
        directory = f'{D}/{time.monotonic_ns()}'
        os.mkdir(directory)
        os.chmod(directory, 0o777)
        self.process = subprocess.Popen(
            [*user, *before, CLIENTS + 'mmap_lock', FUSE, directory, 'sh', '-s', FILLER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.do(':')

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.wait(PATIENCE)

    def do(self, command):
        """The shell runs a command, to its end."""
        self.process.stdin.write(f'{{ {command}; }} >/dev/null 2>&1; echo done\n')
        if self.process.stdout.readline() != 'done\n':
            raise AssertionError(f'{command}: the shell has ended')


def own_call(agent, name):
    """Somebody else's call has its record."""
    request('GET', '/_ping?' + name)
    record = agent.wait(event__action='api-request', url__original='/_ping?' + name)[0]
    equal(record['callerd']['capture']['complete'], True, 'complete')
    return record


def end(agent):
    """It stops with what it waits for unanswered."""
    equal([r['event']['action'] for r in agent.stop()][-1], 'agent-stopped', 'the last record')


@test
def parent_holds_his_memory():
    """A user outside the group locks his memory and lets his children connect. At stake: that anything is recorded
    at all, while he likes."""
    with Callerd() as agent:
        with Locked(AS_OUTSIDER) as attacker:
            for i in range(3):
                attacker.do(f'{SHOT} {SOCKET} --connect-only -- n={i}')
                own_call(agent, f'beside-locked-{i}')
            record = agent.wait(event__action='socket-refused', that=lambda r: 'n=2' in r['process']['args'])[0]
            parent = field(record, 'callerd.ancestors')[1]
            true(FILLER in parent['command_line'], 'his arguments, which the kernel has')
            end(agent)


@test
def process_older_than_callerd_holds_his_memory():
    """The same, begun before callerd was started: it reads the arguments of those whose exec it has not seen. At
    stake: that it starts, and that it knows the arguments of all others."""
    with Locked(AS_OUTSIDER) as first, Locked(AS_OUTSIDER) as second, Locked(AS_OUTSIDER) as third, \
            Callerd() as agent:
        for attacker in first, second, third:
            attacker.do(f'{SHOT} {SOCKET} --connect-only')
        record = own_call(agent, 'beside-elders')
        equal(field(record, 'process.args'), [a.decode() for a in read_args(os.getpid())], 'own arguments')
        parent = field(record, 'process.parent.args')
        equal(parent, [a.decode() for a in read_args(os.getppid())], 'those of the parent, which is older')
        agent.wait(3, event__action='socket-refused')
        end(agent)


@test
def connected_before_callerd_and_holds_his_memory():
    """A member has a connection that is older than callerd. At stake: the records of all others from when he speaks
    on it."""
    connect = 'import os, socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); ' \
              'os.dup2(s.fileno(), 9); os.execv(sys.argv[2], sys.argv[2:])'
    member = ['setpriv', '--reuid', MEMBER, '--regid', 'docker', '--clear-groups']
    with Locked(member, '/usr/bin/python3', '-I', '-c', connect, SOCKET) as attacker, Callerd() as agent:
        attacker.do(r"printf 'GET /_ping?locked HTTP/1.1\r\nHost: d\r\n\r\n' >&9")
        own_call(agent, 'beside-peer')
        record = agent.wait(event__action='api-request', url__original='/_ping?locked')[0]
        equal(acts_as(record, 'name'), MEMBER, 'user')
        end(agent)


def read_args(pid):
    with open(f'/proc/{pid}/cmdline', 'rb') as file:
        return file.read().split(b'\0')[:-1]


def prepare():
    os.mkdir(D, 0o755)
    try:
        os.close(os.open('/dev/fuse', os.O_RDWR))
    except OSError as why:
        print(f'skip attacks/blocking: no FUSE here: {why}')
        sys.exit()
    os.mknod(FUSE, 0o666 | stat.S_IFCHR, os.stat('/dev/fuse').st_rdev)  # as udev would make it
    atexit.register(os.unlink, FUSE)
    os.chmod(FUSE, 0o666)


prepare()
main()
