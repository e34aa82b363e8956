# SPDX-License-Identifier: Apache-2.0
"""Doors of engines that callerd finds, for several tests."""
import contextlib

from live import *


def finds(**options):
    return Callerd('--discover', 'yes', '--status-interval', '1', **options)


def wait_found(callerd, address, action='engine-found', **wanted):
    return callerd.wait(event__action=action, callerd__engine__address=address, **wanted)[-1]


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def findings(record):
    return {one['id']: one['severity'] for one in field(record, 'callerd.findings', [])}


def certificates(directory):
    key, certificate = directory + '/key.pem', directory + '/cert.pem'
    run('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate,
        '-days', '2', '-subj', '/CN=localhost')
    return ['--tlscacert', certificate, '--tlscert', certificate, '--tlskey', key]


@contextlib.contextmanager
def elsewhere(name, number):
    """A network namespace of its own behind a cable, as another host's. Gives its name, and the two addresses."""
    here, there = f'10.213.{number}.1', f'10.213.{number}.2'
    run('ip', 'netns', 'add', name)
    try:
        run('ip', 'link', 'add', name + 'a', 'type', 'veth', 'peer', 'name', name + 'b', 'netns', name)
        run('ip', 'addr', 'add', here + '/24', 'dev', name + 'a')
        run('ip', 'link', 'set', name + 'a', 'up')
        run('ip', '-n', name, 'addr', 'add', there + '/24', 'dev', name + 'b')
        run('ip', '-n', name, 'link', 'set', name + 'b', 'up')
        run('ip', '-n', name, 'link', 'set', 'lo', 'up')
        yield here, there
    finally:
        run('ip', 'netns', 'del', name)
