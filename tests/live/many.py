# SPDX-License-Identifier: Apache-2.0

import os
import signal
import subprocess

from live import CLIENTS, PATIENCE, SOCKET


def below_shells(depth, command):
    """COMMAND as the child of a shell below others, each of them with long arguments."""
    for _ in range(depth):
        command = ['sh', '-c', 'shift; "$@"; exit $?', 'sh', 'x' * 3000, *command]
    return command


class Many:
    """A client with many open connections. A child of init: the shorter the line of ancestors, the shorter the records."""

    def __init__(self, count, target, *args, depth=0):
        self.count = count
        self.client = subprocess.Popen(
            ['setsid', '-f', *below_shells(depth, [CLIENTS + 'many', SOCKET, '--connections', str(count), '--again',
                                                   '--target', target, *args])],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.pid = int(self.wait('sender.pid='))
        self.wait('ready=')

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        os.kill(self.pid, signal.SIGTERM)
        self.client.communicate(timeout=PATIENCE)

    def wait(self, start):
        for line in self.client.stdout:
            if line.startswith(start.encode()):
                return line[len(start):]
        raise AssertionError(f'many ended before it said {start}')

    def again(self):
        """One request on each connection."""
        os.kill(self.pid, signal.SIGUSR1)
        self.wait('again=')
