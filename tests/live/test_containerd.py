# SPDX-License-Identifier: Apache-2.0
"""containerd's own socket: calls of ctr, and calls made by hand."""
from containerd import *
from grpc import *
from live import *

ENGINE = None
AGENT = None


def calls(operation, count=1, that=None, **more):
    """The records of COUNT calls of OPERATION."""
    return AGENT.wait(count, that, callerd__api__operation=operation, event__action='api-request', **more)


@test
def each_call_has_a_record():
    """What ctr does: who, what, in which namespace, and how it ended."""
    ENGINE.ctr('-n', 'moby', 'container', 'ls')
    record, = calls('ContainerListStreamContainerd', callerd__grpc__namespace='moby')
    equal(field(record, 'process.name'), 'ctr', 'caller')
    equal(field(record, 'callerd.api.engine'), 'containerd', 'engine')
    equal(field(record, 'callerd.connection.socket'), ENGINE.path, 'socket')
    equal((field(record, 'callerd.grpc.service'), field(record, 'callerd.grpc.method'), field(record, 'callerd.grpc.status')),
          ('containerd.services.containers.v1.Containers', 'ListStream', 'OK'), 'call')
    equal((field(record, 'event.outcome'), field(record, 'callerd.findings')), ('success', None), 'outcome')
    ENGINE.ctr('-n', 'nobodys', 'image', 'rm', 'none', check=False)
    record, = calls('ImageDeleteContainerd', callerd__grpc__namespace='nobodys')
    equal((field(record, 'callerd.grpc.status'), field(record, 'event.outcome')), ('NOT_FOUND', 'failure'), 'of no image')


@test
def what_is_not_known_is_found():
    """A service that this containerd lacks is none; a method of a known one is an operation that is not known."""
    for path, status in ('nobody.v1.Service/Call', '12'), ('containers.v1.Containers/Nonsense', '12'):
        equal(ENGINE.call(SERVICES + path)[0], status, path)
        record, = AGENT.wait(url__original=SERVICES + path, event__action='api-request')
        equal((field(record, 'callerd.findings'), field(record, 'callerd.api.operation')), (None, None), path)


def main_with_agent():
    global AGENT, ENGINE
    with Containerd('ctd') as ENGINE, Callerd('--containerd', ENGINE.path) as AGENT:
        main()


main_with_agent()
