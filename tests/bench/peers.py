# SPDX-License-Identifier: Apache-2.0
"""Who else could tell who called a Docker daemon, each as somebody would set it up who wants to know just that.

Each is a context: it yields the socket that callers are to use then, and the processes that are at work for it."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import time

from live import CALLERD, CLIENTS, DIR, SOCKET, Callerd, request

DOCKERD = int(os.environ['TESTBED_PID'])


class Missing(Exception):
    """It is not here, or does not run here: why."""


def need(program):
    path = shutil.which(program, path=os.environ['PATH'] + ':/usr/sbin:/sbin')
    if not path:
        raise Missing(f'{program} is not installed')
    return path


def until(what, condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Missing(f'{what} does not come up')
        time.sleep(0.02)


def says(path, word):
    with contextlib.suppress(OSError), open(path, errors='replace') as file:
        return word in file.read()
    return False


def answers(path):
    with contextlib.suppress(OSError):
        return request('GET', '/_ping', path=path)[0] == 200
    return False


@contextlib.contextmanager
def started(name, command, log=None):
    """The process of COMMAND; its output is in LOG, or in a file that nobody reads."""
    with open(log or f'{DIR}/{name}.out', 'wb') as out, open(f'{DIR}/{name}.err', 'wb') as error:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=error)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def why(name):
    with open(f'{DIR}/{name}.err', errors='replace') as error:
        return error.read()[-300:].strip().replace('\n', ' ')


@contextlib.contextmanager
def nothing():
    yield SOCKET, []


@contextlib.contextmanager
def callerd(*options, socket=None, more='', fold='no'):
    """As it is by default: a chained file, a state. FOLD 'no': with a record for each request, which a load of equal ones does not have
    by default (None)."""
    log = f'{DIR}/callerd.{time.monotonic_ns()}'
    agent = Callerd(*options, sockets=socket and [socket], log=log, state=DIR + '/state.db', options=more, detail='lineage', fold=fold)
    agent.pids = [agent.pid, agent.broker]
    try:
        yield agent
    finally:
        if agent.process.poll() is None:
            agent.process.terminate()
            agent.process.wait(60)
        agent.process.stderr.close()
        if os.path.exists(log):
            os.unlink(log)


@contextlib.contextmanager
def by_default():
    with callerd(fold=None) as agent:
        yield SOCKET, agent.pids


@contextlib.contextmanager
def unfolded():
    with callerd() as agent:
        yield SOCKET, agent.pids


@contextlib.contextmanager
def auditd():
    """A rule for connect(2), as guides have it, and its daemon, which writes what the kernel says."""
    control = need('auditctl')
    directory = DIR + '/audit'
    os.makedirs(directory + '/plugins', exist_ok=True)
    with open(directory + '/auditd.conf', 'w') as conf:
        conf.write(f'log_file = {directory}/log\nplugin_dir = {directory}/plugins\nflush = incremental_async\nfreq = 50\nmax_log_file = 500\n'
                   'max_log_file_action = ignore\nspace_left = 75\nspace_left_action = ignore\nadmin_space_left = 50\n'
                   'admin_space_left_action = ignore\ndisk_full_action = ignore\ndisk_error_action = ignore\n')
    os.chmod(directory + '/auditd.conf', 0o640)
    rule = ['always,exit', '-F', 'arch=b64', '-S', 'connect', '-k', 'callerd-bench']

    def say(*words):
        return subprocess.run([control, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)

    before = say('-s').stdout.decode()
    with started('auditd', [need('auditd'), '-n', '-l', '-c', directory]) as process:
        try:
            until('auditd', lambda: process.poll() is not None or f'pid {process.pid}' in say('-s').stdout.decode())
            if process.poll() is not None:
                raise Missing(f'auditd does not start here: {why("auditd")}')
            added = say('-a', *rule)
            if added.returncode:
                raise Missing(f'the kernel takes no rule: {added.stdout.decode().strip()}')
            until('a record of the rule', lambda: request('GET', '/_ping') and says(directory + '/log', 'callerd-bench'))
            kernel = [int(pid) for pid in filter(str.isdigit, os.listdir('/proc')) if says(f'/proc/{pid}/comm', 'kauditd')]
            yield SOCKET, [process.pid, *kernel]
        finally:
            say('-d', *rule)
            if 'enabled 0' in before:
                say('-e', '0')


@contextlib.contextmanager
def bpftrace():
    """Prints each connect(2) to a Unix socket: process, user, path."""
    log = DIR + '/bpftrace.out'
    script = '''BEGIN { printf("begin\\n"); }
tracepoint:syscalls:sys_enter_connect { printf("%d %d %s %s\\n", pid, uid, comm, str((uint64)args->uservaddr + 2)); }'''
    with started('bpftrace', [need('bpftrace'), '-q', '-B', 'line', '-e', script], log) as process:
        until('bpftrace', lambda: process.poll() is not None or says(log, 'begin'))
        if process.poll() is not None:
            raise Missing(f'bpftrace does not run here: {why("bpftrace")}')
        until('a line of bpftrace', lambda: request('GET', '/_ping') and says(log, SOCKET[:20]))
        yield SOCKET, [process.pid]


@contextlib.contextmanager
def strace():
    """On the daemon: what it accepts and reads, 200 bytes of each."""
    log = DIR + '/strace.out'
    with started('strace', [need('strace'), '-f', '-qq', '-e', 'trace=accept4,read', '-s', '200', '-o', log, '-p', str(DOCKERD)]) as process:
        until('strace', lambda: process.poll() is not None or says(f'/proc/{DOCKERD}/status', f'TracerPid:\t{process.pid}'))
        if process.poll() is not None:
            raise Missing(f'strace does not run here: {why("strace")}')
        yield SOCKET, [process.pid]


@contextlib.contextmanager
def haproxy():
    """In front of the daemon, with a line for each request."""
    front, log, conf = (f'{DIR}/haproxy.{kind}' for kind in ('sock', 'out', 'conf'))
    with open(conf, 'w') as file:
        file.write(f'global\n  log stdout format raw local0\n  maxconn 5000\ndefaults\n  mode http\n  log global\n  option httplog\n'
                   f'  timeout connect 1m\n  timeout client 1m\n  timeout server 1m\nfrontend front\n  bind unix@{front}\n'
                   f'  default_backend back\nbackend back\n  server docker unix@{SOCKET}\n')
    with started('haproxy', [need('haproxy'), '-db', '-f', conf], log) as process:
        until('haproxy', lambda: process.poll() is not None or answers(front))
        if process.poll() is not None:
            raise Missing(f'haproxy does not run here: {why("haproxy")}')
        yield front, [process.pid]


@contextlib.contextmanager
def plugin():
    """The least that a plugin of authorization can be: tests/clients/answer.c. The daemon reads of it again at SIGHUP."""
    front, log, conf = '/run/docker/plugins/callerd-bench.sock', DIR + '/plugin.log', DIR + '/daemon.json'
    with open(conf) as file:
        before = file.read()

    def use(names):
        with open(conf, 'w') as file:
            json.dump({**json.loads(before), 'authorization-plugins': names}, file)
        os.kill(DOCKERD, signal.SIGHUP)

    def is_asked():
        size = os.path.getsize(log)
        request('GET', '/_ping')
        return os.path.getsize(log) > size

    os.makedirs(os.path.dirname(front), exist_ok=True)
    open(log, 'w').close()
    with started('plugin', [CLIENTS + 'answer', front, '--log', log]) as process:
        until('the plugin', lambda: answers(front))
        use(['callerd-bench'])
        try:
            until('the plugin', is_asked)
            yield SOCKET, [process.pid]
        finally:
            use([])
            until('the daemon without the plugin', lambda: not is_asked())
            with open(conf, 'w') as file:
                file.write(before)
            os.unlink(front)


# Name, context, the program whose version is told, what it can tell at all.
PEERS = (
    ('nothing', nothing, None, ''),
    ('callerd', by_default, [CALLERD, '--version'],
     'who (process, user before sudo, container, ancestors, from the kernel), each request, what it would do, its answer, the events that came of it'),
    ('callerd, fold=no', unfolded, None, ''),
    ('auditd', auditd, ['auditctl', '-v'], 'process, users and login user of each connect, and the path; no request'),
    ('bpftrace', bpftrace, ['bpftrace', '--version'], 'process and user of each connect, and the path; no request'),
    ('strace', strace, ['strace', '--version'], 'the first bytes of what the daemon reads; not who sent them'),
    ('haproxy', haproxy, ['haproxy', '-v'], 'each request and its status; not who sent it. Whoever has the daemon\'s own socket goes around it'),
    ('plugin', plugin, None, 'an authorization plugin: each request with its body, and its answer; no process and, on the socket, no user. It can refuse'),
)
