#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Engines of other suites of Debian, unpacked and not installed, and what engines do differently."""
import functools
import json
import subprocess
import sys
import time

from bodies import findings
from live import ROOT, SOCKET, Dockerd, Skip, acts_as, field, request
from podman import Podman

# What is fetched of each; the first one names the tree. Suites move on: which version it is, the engine says.
PACKAGES = {
    'docker': ('docker.io', 'docker-cli', 'docker-buildx', 'docker-compose', 'containerd'),
    'podman': ('podman', 'crun', 'conmon', 'netavark', 'catatonit', 'busybox-static'),
}
NEWEST = ('docker-forky', 'podman-experimental')
# Those of which `make test` does what takes seconds. (Podman 5.4 differs little from 5.8.)
SHORT = ('podman-here', 'docker-trixie', 'podman-forky', 'podman-experimental')
ALL = ('podman-here', 'docker-trixie', 'podman-trixie', 'podman-forky', *NEWEST)

# What differs: of which engine, from which version on, what it does.
# Podman compares what it knows with what runs, when containers are listed.
COMPARED = {'container/sync'}
# What `play kube` and its removal do is joined by time, which is not enough where the engine does not answer in time.
PLAYED = {'container/init', 'container/start', 'container/die', 'container/cleanup', 'container/destroy'}
EXPECTED = (
    # The events of a day's work whose cause is not known: docs/events.md says why.
    ('docker', '20.10', 'unknown', set()),
    ('podman', '4.3', 'unknown', COMPARED | PLAYED | {'container/exec_die'}),
    ('podman', '6', 'unknown', COMPARED | PLAYED),
    # The operations whose bodies callerd does not read.
    ('docker', '20.10', 'unread', set()),
    ('podman', '4.3', 'unread', set()),
    # Whether its socket takes HTTP/2 by prior knowledge.
    ('docker', '20.10', 'http2', False),
    ('docker', '29', 'http2', True),
    ('podman', '4.3', 'http2', False),
    ('podman', '6', 'http2', True),
    # What it says to JSON with more JSON behind it.
    ('docker', '20.10', 'more JSON', 201),
    ('docker', '24', 'more JSON', 400),
    # What it says to a capability that its runtime has known since Docker 23.
    ('docker', '20.10', 'new capability', 400),
    ('docker', '23', 'new capability', 201),
    # Whether it has what was in versions of the API before 1.24.
    ('docker', '20.10', 'API of old', True),
    ('docker', '26', 'API of old', False),
    # Whether it has /debug with a version before it, and then for GET alone; and PUT /volumes/NAME.
    ('docker', '20.10', 'debug as the others', False),
    ('docker', '28', 'debug as the others', True),
    ('docker', '20.10', 'volume update', False),
    ('docker', '23', 'volume update', True),
    # Whether a container may be given cgroups to write to, and modes of its PIDs and IPC that it does not know.
    ('docker', '20.10', 'writable cgroups', False),
    ('docker', '28', 'writable cgroups', True),
    ('docker', '20.10', 'odd namespaces', True),
    ('docker', '26', 'odd namespaces', False),
    # What it calls the network of who asks for none.
    ('docker', '20.10', 'default network', 'default'),
    ('docker', '26', 'default network', 'bridge'),
    # How many header lines it takes, beside a few others.
    ('docker', '20.10', 'header lines', 20000),
    ('docker', '28', 'header lines', 490),
    # How often it tells that a container left its network.
    ('docker', '20.10', 'network disconnect', 'network/disconnect network/disconnect'),
    ('docker', '28', 'network disconnect', 'network/disconnect'),
    # The first record of a call of BuildKit that has nothing to tell yet: of its head, or of none after a second.
    ('docker', '20.10', 'silent call', 'api-request-started'),
    ('docker', '26', 'silent call', 'api-request'),
    # Whether the host's part of a container counts at the top of the body, where there is no HostConfig.
    ('docker', '20.10', 'at the top', True),
    ('docker', '27', 'at the top', False),
    # What else it tells of a commit and of a classic build; what of a volume that is there already, of a volume that is pruned,
    # and of a start that fails.
    ('docker', '20.10', 'commit', ''),
    ('docker', '28', 'commit', ' image/create'),
    ('docker', '20.10', 'same volume', 'volume/create'),
    ('docker', '26', 'same volume', ''),
    ('docker', '20.10', 'volume prune', 'volume/prune'),
    ('docker', '26', 'volume prune', 'volume/destroy volume/prune'),
    ('docker', '20.10', 'failing start', 'network/connect network/disconnect'),
    ('docker', '28', 'failing start', 'network/disconnect'),
)


def number(version):
    """'28.5.2+dfsg4' as (28, 5)."""
    return tuple(int(''.join(digit for digit in part if digit.isdigit())) for part in version.split('.')[:2])


def expected(kind, version, what):
    """What the newest row that VERSION reaches says."""
    rows = [(number(since), value) for engine, since, name, value in EXPECTED if (engine, name) == (kind, what)
            and number(since) <= number(version)]
    return max(rows)[1]


def fetch(kind, suite):
    """The directory of the tree of KIND, docker or podman, of SUITE; raises Skip where it cannot be had."""
    directory = f'{ROOT}/build/engines/{suite}'
    done = subprocess.run([ROOT + '/tools/unpack', '--from', suite, *(['--whole'] if kind == 'podman' else []), directory,
                           *PACKAGES[kind]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    if done.returncode:
        raise Skip(f'no {kind} of {suite}: {done.stdout.decode()}'.replace('\n', ' '))
    return f'{directory}/{PACKAGES[kind][0]}'


def start(name):
    """An engine of ALL, and where its programs are; raises Skip where it cannot be had, or does not run."""
    kind, suite = name.split('-')
    if name == 'podman-here':
        return Podman(), ''
    root = fetch(kind, suite)
    if kind == 'podman':
        return Podman(root), root
    try:
        return Dockerd(f'{name}-{time.monotonic_ns()}', root=root), root
    except AssertionError as why:
        raise Skip(f'{name} does not run here: {why}') from None


def version_of(path):
    """The version of the engine that listens at PATH."""
    return json.loads(request('GET', '/version', path=path)[1])['Version']


@functools.cache
def version_here():
    """The version of the tests' Docker."""
    return version_of(SOCKET)


def here(what):
    """What the tests' Docker does of WHAT."""
    return expected('docker', version_here(), what)


def wrong_requests(requests, unread=()):
    """Those without an operation, or not understood: of the operations UNREAD callerd does not read the body."""
    wrong = []
    for record in requests:
        operation = field(record, 'callerd.api.operation')
        bad = {'unknown-operation', 'body-not-seen', 'protocol-anomaly'} & set(findings(record))
        if operation in unread:
            bad.discard('body-not-seen')
        if not operation or bad or field(record, 'callerd.capture.complete') is not True:
            wrong.append(record['message'])
    return wrong


def wrong_events(events, uid, known=()):
    """Those that are told of somebody else than UID, or of nobody though they are not among the KNOWN."""
    wrong = []
    for event in events:
        kind, what = (field(event, name) for name in ('callerd.cause.kind', 'callerd.docker_event'))
        if kind == 'unknown' and f'{what["type"]}/{what["action"]}' not in known or \
                kind in ('request', 'inherited') and acts_as(event) != uid:
            wrong.append(event['message'])
    return wrong


if __name__ == '__main__':  # engines.py KIND-SUITE...: the directories of their trees, for tests/live/run
    try:
        for wanted in sys.argv[1:]:
            print(fetch(*wanted.split('-')))
    except Skip as why:
        sys.exit(str(why))
