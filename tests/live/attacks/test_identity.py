# SPDX-License-Identifier: Apache-2.0
"""Attackers who want to be taken for somebody else: another container, another unit, another program."""
import contextlib
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from live import *  # pylint: disable=wrong-import-position

AGENT = None
ALICE = User(MEMBER)
D = f'{DIR}/identity-{os.getpid()}'
DOCKER = os.path.realpath(shutil.which('docker'))
VICTIM = f'victim-{os.getpid()}'
RULES = f'''
[expected victim]
container-name = {VICTIM}
[expected unit]
unit = telegraf.service
[expected cli]
user = {ALICE.uid}
exe = {DOCKER}
'''


def hierarchies():
    """Where cgroups are made: in cgroup2, and in v1 where a hierarchy of it has the pids controller."""
    with open('/proc/mounts') as mounts:
        for _, path, kind, options, *_ in (line.split() for line in mounts):
            if kind == 'cgroup2' or (kind == 'cgroup' and 'pids' in options.split(',')):
                yield path


def remove_cgroups(path):
    for directory, _, _ in sorted(os.walk(path, topdown=False), reverse=True):
        with contextlib.suppress(OSError):
            os.rmdir(directory)
    with contextlib.suppress(OSError):
        os.rmdir(path)


@contextlib.contextmanager
def delegated(parent, name):
    """A cgroup that root gave to the member, as systemd does with user@UID.service."""
    path = f'{parent}/{name}'
    os.makedirs(path)
    for file in '', '/cgroup.procs':
        os.chown(path + file, int(ALICE.uid), -1)
    try:
        yield path
    finally:
        remove_cgroups(path)


def call_from(delegation, below, target):
    """The member calls out of a cgroup BELOW the one that is his, where root has put him."""
    script = f'mkdir -p {delegation}/{below} && echo 0 >{delegation}/{below}/cgroup.procs && ' \
             f'exec {CLIENTS}one_shot {SOCKET} --target {target}'
    # One hierarchy shows one group: in the others the member is in none. Some engine may have put all processes into one.
    roots = ''.join(f'echo 0 >{root}/cgroup.procs && ' for root in hierarchies())
    run('sh', '-c', f'{roots}echo 0 >{delegation}/cgroup.procs && exec "$@"', 'sh',
        *ALICE.command('sh', '-c', script))
    return AGENT.wait(event__action='api-request', url__original=target)[0]


def finding(record, name):
    return [f['severity'] for f in field(record, 'callerd.findings', []) if f['id'] == name]


def nobody_else(record, rule=None):
    """The record takes the caller for no container, and for no unit that a rule expects."""
    equal(field(record, 'container'), None, 'container')
    equal(field(record, 'callerd.expected_rule'), rule, 'rule')
    equal(acts_as(record), ALICE.uid, 'user')


@contextlib.contextmanager
def victim():
    """A running container; yields its id. What it does itself is told of it."""
    identity = docker('run', '-d', '--name', VICTIM, '--network', 'none', '-v', f'{SOCKET}:/s.sock',
                      IMAGE, 'sleep', '600').strip()
    try:
        target = f'/_ping?{VICTIM}={time.monotonic_ns()}'
        docker('exec', VICTIM, 'unixhttp', '/s.sock', 'GET', target)
        record = AGENT.wait(event__action='api-request', url__original=target)[0]
        equal(field(record, 'container.id'), identity, 'the container itself')
        equal(field(record, 'callerd.expected_rule'), 'victim', 'its rule')
        yield identity
    finally:
        docker('rm', '-f', VICTIM)


# A member of the group, with a cgroup of his own to make others in, wants his calls to be told of somebody's
# container, so that the wrong one is searched, or a rule for that container makes them look expected.
@test
def member_names_a_cgroup_after_a_container():
    with victim() as identity:
        for number, parent in enumerate(hierarchies()):
            for spelling in identity, f'docker-{identity}.scope', f'docker/{identity}':
                with delegated(parent, f'alice-{os.getpid()}') as delegation:
                    record = call_from(delegation, spelling, f'/_ping?forged={number}-{time.monotonic_ns()}')
                nobody_else(record)
                equal(field(record, 'callerd.caller.container_claimed'), identity, 'what he claims')
                equal(field(record, 'callerd.caller.cgroup_owner'), ALICE.uid, 'who could name it')
                true(identity in field(record, 'callerd.caller.cgroup'), 'the path is shown as it is')
                equal(finding(record, 'caller-forged'), ['high'], record['message'])
                connect, = AGENT.records(event__action='socket-connected',
                                         callerd__connection__id=field(record, 'callerd.connection.id'))
                equal(field(connect, 'container'), None, 'container of the connect')
                equal(field(connect, 'callerd.caller.container_claimed'), identity, 'claimed at connect')


# The same member wants to be taken for a service of the host that a rule expects.
@test
def member_names_a_cgroup_after_a_unit():
    for number, parent in enumerate(hierarchies()):
        for name, unit in ((f'alice-{os.getpid()}', None),
                           (f'alice-{os.getpid()}.slice/user@{ALICE.uid}.service', f'user@{ALICE.uid}.service')):
            with delegated(parent, name) as delegation:
                record = call_from(delegation, 'telegraf.service', f'/_ping?unit={number}-{time.monotonic_ns()}')
            remove_cgroups(f'{parent}/{name.split("/")[0]}')
            nobody_else(record)
            equal(field(record, 'callerd.caller.unit'), unit, 'unit')
            equal(finding(record, 'caller-forged'), [], 'units of his own are nothing odd')
        name = 'telegraf.service' # and the real one, which root made
        with delegated(parent, name) as delegation:
            record = call_from(delegation, 'below', f'/_ping?unit={number}-{time.monotonic_ns()}')
        nobody_else(record, 'unit')
        equal(field(record, 'callerd.caller.unit'), name, 'unit')


# A member of the group may choose the cgroup above a container that he creates. He names it after another
# container, or after a unit.
@test
def member_names_the_parent_of_his_container():
    with victim() as identity:
        for name in identity, 'telegraf.service':
            parent = f'/{os.path.basename(D)}/{name}'
            target = f'/_ping?parent={time.monotonic_ns()}'
            try:
                ALICE.docker('run', '--rm', '--network', 'none', '--cgroup-parent', parent, '-v',
                             f'{SOCKET}:/s.sock', IMAGE, 'unixhttp', '/s.sock', 'GET', target)
            finally:
                for path in hierarchies():
                    remove_cgroups(f'{path}/{os.path.basename(D)}')
            record = AGENT.wait(event__action='api-request', url__original=target)[0]
            true(name in field(record, 'callerd.caller.cgroup'), field(record, 'callerd.caller.cgroup'))
            true(field(record, 'container.id') != identity, 'the other container')
            equal(field(record, 'callerd.caller.unit'), None, 'unit')
            equal(field(record, 'callerd.expected_rule'), None, 'rule')


def called(target):
    return AGENT.wait(event__action='api-request', that=lambda r: target in field(r, 'url.original', ''))[0]


def expected_when_he_uses_it():
    """The member's own calls by the real program are expected."""
    ALICE.docker('volume', 'ls', '--filter', f'name={os.path.basename(D)}')
    record = called(os.path.basename(D))
    equal(field(record, 'callerd.expected_rule'), 'cli', 'the real one')
    equal(field(record, 'process.executable'), DOCKER, 'executable')


# A member of the group exchanges what the kernel names as his process's executable, which he may do in a user
# namespace of his own. He wants his calls to be told of a program that a rule expects.
@test
def member_exchanges_his_executable():
    expected_when_he_uses_it()
    target = f'/_ping?forge={time.monotonic_ns()}'
    ALICE.run(CLIENTS + 'forge_exe', SOCKET, '--pretend', DOCKER, '--target', target)
    record = called(target)
    equal(field(record, 'process.executable'), os.path.realpath(CLIENTS + 'forge_exe'), 'executable')
    equal(field(record, 'callerd.caller.executable_claimed'), DOCKER, 'what he pretends')
    equal(finding(record, 'executable-forged'), ['high'], record['message'])
    equal(field(record, 'callerd.expected_rule'), None, 'rule')
    equal(field(record, 'callerd.capture.complete'), True, 'complete')


# The same member forges it in a parent, and lets a child that is what it says call.
@test
def member_exchanges_his_parents_executable():
    target = f'/_ping?forge-parent={time.monotonic_ns()}'
    ALICE.run(CLIENTS + 'forge_exe', SOCKET, '--pretend', DOCKER, '--target', target, '--child',
              CLIENTS + 'one_shot')
    record = called(target)
    equal(field(record, 'process.executable'), os.path.realpath(CLIENTS + 'one_shot'), 'executable')
    equal(field(record, 'process.parent.executable'), os.path.realpath(CLIENTS + 'forge_exe'), 'parent')
    equal(finding(record, 'executable-forged'), ['high'], record['message'])


# The same member mounts a program of his own over the expected one, or calls it out of a tree of his own that
# has it at that path.
@test
def member_imitates_a_path():
    expected_when_he_uses_it()
    for number, script in enumerate((
            f'mount --bind {CLIENTS}one_shot {DOCKER} && exec {DOCKER} "$@"',
            f'mount --rbind / {D} && mount --bind {CLIENTS}one_shot {D}{DOCKER} && exec chroot {D} {DOCKER} "$@"')):
        target = f'/_ping?imitate-{number}={time.monotonic_ns()}'
        ALICE.run('unshare', '-Urm', 'sh', '-c', script, 'sh', SOCKET, '--target', target)
        record = called(target)
        equal(field(record, 'callerd.expected_rule'), None, f'rule of {script}')
        equal(acts_as(record), ALICE.uid, 'user')
        true(field(record, 'callerd.caller.mount_namespace'), 'whose path that is')


# The same member is root of a user namespace. Nothing of that is root of the host.
@test
def member_is_root_of_a_namespace():
    target = f'/_ping?userns={time.monotonic_ns()}'
    ALICE.run('unshare', '-Ur', CLIENTS + 'one_shot', SOCKET, '--target', target)
    record = called(target)
    equal(acts_as(record), ALICE.uid, 'user')
    equal(field(record, 'callerd.caller.access'), 'group:docker', 'access')
    equal(field(record, 'process.thread.capabilities.effective'), None, 'capabilities on the host')
    namespace = field(record, 'callerd.caller.user_namespace')
    equal(namespace['owner'], ALICE.uid, 'owner of the namespace')
    true('CAP_SYS_ADMIN' in namespace['capabilities'], namespace)
    target += '-root' # root of the host in a namespace of its own is not the host's root there
    run('unshare', '-Ur', CLIENTS + 'one_shot', SOCKET, '--target', target)
    record = called(target)
    equal(acts_as(record), '0', 'user')
    equal(field(record, 'callerd.caller.access'), 'owner', 'access')


class Server:
    """A server at PATH in a process of its own, of USER."""

    SCRIPT = ('import os, socket, sys\n'
              'server = socket.socket(socket.AF_UNIX)\n'
              'server.bind(sys.argv[1])\n'
              'os.chmod(sys.argv[1], 0o666)\n'
              'server.listen(9)\n'
              'print(flush=True)\n'
              'while True:\n'
              '    client = server.accept()[0]\n'
              '    while client.recv(4096):\n'
              '        client.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nOK")\n')

    def __init__(self, path, user=None, program=sys.executable):
        command = [program, '-c', self.SCRIPT, path]
        self.process = subprocess.Popen(user.command(*command) if user else command, stdout=subprocess.PIPE)
        self.process.stdout.readline()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.kill()
        self.process.wait()


def served(agent, path):
    """The records of a call there: of the connect, and of the request."""
    target = f'/_ping?served={time.monotonic_ns()}'
    request('GET', target, path=path)
    call, = agent.wait(event__action='api-request', url__original=target)
    connected, = agent.records(event__action='socket-connected',
                               callerd__connection__id=field(call, 'callerd.connection.id'))
    return connected, call


# Somebody who can write to the socket's directory moves the socket away and puts a server of his own at the path,
# which answers what he likes. He wants the records to go on as if it was the engine's.
@test
def somebody_puts_another_server_at_the_path():
    directory = D + '/served'
    os.mkdir(directory)
    os.chown(directory, int(ALICE.uid), -1)
    path = directory + '/docker.sock'
    rules = D + '/served.conf'
    with open(rules, 'w') as file:
        file.write('[expected all]\nuser = root\noperations = SystemPing\n')
    os.chmod(rules, 0o600)
    with Server(path) as real, Callerd('--config', rules, sockets=[path]) as agent:
        connected, call = served(agent, path)
        equal((field(connected, 'callerd.expected'), field(connected, 'event.kind')), (True, 'event'), 'a connect of who is expected')
        equal(field(connected, 'callerd.server.pid'), real.process.pid, 'who serves')
        equal(field(connected, 'callerd.server.user.id'), '0', 'its user')
        equal(field(connected, 'callerd.server.executable'), os.path.realpath(sys.executable), 'its executable')
        equal(finding(connected, 'server-differs') + finding(call, 'server-differs'), [], 'the usual one')
        connected, call = served(agent, path)
        equal(field(connected, 'callerd.server'), None, 'the same is not told again')
        ALICE.run('mv', path, path + '.real')
        with Server(path, ALICE) as false:
            connected, call = served(agent, path)
            equal(field(connected, 'callerd.server.pid'), false.process.pid, 'who serves')
            equal(field(connected, 'callerd.server.user.id'), ALICE.uid, 'her user')
            equal((field(connected, 'callerd.expected'), field(connected, 'event.kind')), (False, 'alert'), 'no caller makes her server expected')
            for record in connected, call, served(agent, path)[1]:
                equal(finding(record, 'server-differs'), ['critical'], record['message'])
                equal(field(record, 'event.severity'), 100, 'severity')
        os.rename(path + '.real', path)
        connected, call = served(agent, path)
        equal(field(connected, 'callerd.server.pid'), real.process.pid, 'the usual one is back')
        equal(finding(connected, 'server-differs') + finding(call, 'server-differs'), [], 'as it was')
        os.unlink(path)
        with Server(path) as restarted: # is nothing odd
            connected, call = served(agent, path)
            equal(field(connected, 'callerd.server.pid'), restarted.process.pid, 'another process')
            equal(finding(connected, 'server-differs') + finding(call, 'server-differs'), [], 'a restart')
        os.unlink(path)
        copy = directory + '/python' # the same user, another program
        shutil.copy(os.path.realpath(sys.executable), copy)
        with Server(path, program=copy):
            connected, call = served(agent, path)
            equal(finding(connected, 'server-differs'), ['critical'], 'another program')


def main_with_agent():
    global AGENT
    os.makedirs(D)
    os.chmod(D, 0o755)
    with open(D + '/conf', 'w') as file:
        file.write(RULES)
    os.chmod(D + '/conf', 0o600)
    with Callerd('--config', D + '/conf') as AGENT:
        main()


main_with_agent()
