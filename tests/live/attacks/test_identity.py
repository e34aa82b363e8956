# SPDX-License-Identifier: Apache-2.0
"""Attackers who want to be taken for somebody else: another container, another unit, another program."""
import contextlib
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from live import *  # pylint: disable=wrong-import-position

AGENT = None
ALICE = User(MEMBER)
D = f'{DIR}/identity-{os.getpid()}'
VICTIM = f'victim-{os.getpid()}'
RULES = f'''
[expected victim]
container-name = {VICTIM}
[expected unit]
unit = telegraf.service
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
    run('sh', '-c', f'echo 0 >{delegation}/cgroup.procs && exec "$@"', 'sh',
        *ALICE.command('sh', '-c', script))
    return AGENT.wait(event__action='api-request', url__original=target)[0]


def finding(record, name):
    return [f['severity'] for f in field(record, 'callerd.findings', []) if f['id'] == name]


def nobody_else(record, rule=None):
    """The record takes the caller for no container, and for no unit that a rule expects."""
    equal(field(record, 'container'), None, 'container')
    equal(field(record, 'callerd.expected_rule'), rule, 'rule')
    equal(field(record, 'user.id'), ALICE.uid, 'user')


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
