# SPDX-License-Identifier: Apache-2.0
"""What a request costs, as far as it does not depend on the machine or on what else it does: counts, not times."""
import os
import subprocess
import time

from live import CLIENTS, DIR, ROOT, Callerd, run

LANDED = ROOT + '/tests/bench/landed.json'
REQUESTS, CONNECTIONS = 1000, 300


def serve(path):
    """A server that only answers; no engine, which would be asked and listened to."""
    server = subprocess.Popen([CLIENTS + 'answer', path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    server.stdout.readline()
    return server


def of_load(path, count, *options):
    """Of COUNT requests: the events of the kernel and their bytes, and the bytes of the records, for each."""
    events = f'{DIR}/cost.{time.monotonic_ns()}'
    with Callerd('--record-events', events, sockets=[path], detail='lineage') as agent:
        before = os.path.getsize(agent.log)
        # As few ancestors as can be, whoever runs this. It is over when its output is.
        run('setsid', '-f', CLIENTS + 'flood', path, '--orphaned', *options)
        agent.wait(count, event__action='api-request')
        stopped = agent.stop()[-1]
        size = os.path.getsize(agent.log) - before
        result = {'kernel events': stopped['callerd']['status']['kernel-events'] / count, 'bytes of events': os.path.getsize(events) / count,
                  'bytes of records': size / count}
    os.unlink(events)
    return result


def measure():
    path = DIR + '/cost.sock'
    server = serve(path)
    try:
        result = of_load(path, REQUESTS, '--connections', '4', '--threads', '1', '--per-connection', str(REQUESTS // 4))
        of_connections = of_load(path, CONNECTIONS, '--connections', str(CONNECTIONS), '--threads', '1')
    finally:
        server.terminate()
        server.wait()
    return {**{name + ' of a request': value for name, value in result.items()},
            **{name + ' of a connection': value for name, value in of_connections.items()}}
