# SPDX-License-Identifier: Apache-2.0
"""Where the records of the soak go: outputs that fail, each in its own way, and what came through."""
import collections
import contextlib
import json
import os
import re
import socket
import threading
import time

from live import PATIENCE, field, run, true

ID = re.compile(rb'"sequence":(\d+)')
LIFE = re.compile(rb'"ephemeral_id":"([^"]+)"')


class Output:
    """SPEC is the agent's option; FAULTS are ways to fail: break_NAME() begins one, mend() ends it."""
    FAULTS = ()

    def __init__(self, name):
        self.name = name
        self.seen = collections.defaultdict(set)  # sequences, by life
        self.failures = 0

    def take(self, line):
        """One record has come through."""
        number, life = ID.search(line), LIFE.search(line)
        if number and life:
            self.seen[life.group(1).decode()].add(int(number.group(1)))

    def fail(self, how):
        self.failures += 1
        getattr(self, 'break_' + how)()

    def missing(self, sequences):
        """How many of SEQUENCES, sets by life, did not come through."""
        return sum(len(numbers - self.seen[life]) for life, numbers in sequences.items())

    def finish(self):
        """The agent has stopped: takes what is left."""


class FullDisk(Output):
    """A log with a chain, on a small file system that fills up. What is written is moved away now and then, as a shipper of logs does."""
    FAULTS = ('full',)
    LIMIT = 6 << 20

    def __init__(self, directory):
        self.place, self.archive = directory + '/disk', directory + '/archive'
        os.makedirs(self.place)
        os.makedirs(self.archive)
        run('mount', '-t', 'tmpfs', '-o', 'size=24m,mode=755', 'callerd-soak', self.place)
        self.log, self.filler = self.place + '/log.ndjson', self.place + '/filler'
        self.spec = f'file:{self.log},queue-size=1M'
        super().__init__('file:' + self.log)
        self.files = []
        self.lock = threading.Lock()  # it is full, or a log is moved

    def break_full(self):
        self.lock.acquire()
        try:
            with open(self.filler, 'wb') as file:
                while True:
                    file.write(bytes(1 << 16))
                    file.flush()
        except OSError:
            pass

    def mend(self):
        if os.path.exists(self.filler):
            os.unlink(self.filler)
            self.lock.release()

    def tend(self):
        """Moves a log that has grown. The agent must go on in another one before it is killed or finds no room: a log that is gone, and
        behind whose last seal there are lines, cannot be gone on with."""
        if not os.path.exists(self.log) or os.path.getsize(self.log) < self.LIMIT or not self.lock.acquire(blocking=False):
            return
        with contextlib.ExitStack() as stack:
            stack.callback(self.lock.release)
            moved = f'{self.place}/moved.{len(self.files)}'
            os.rename(self.log, moved)
            deadline = time.monotonic() + PATIENCE
            while not os.path.exists(self.log) or not os.path.getsize(self.log):
                true(time.monotonic() < deadline, f'{self.log} is not made anew')
                time.sleep(0.05)
            self.take_away(moved)

    def take_away(self, path):
        self.files.append(f'{self.archive}/{len(self.files):04}.ndjson')
        run('cp', path, self.files[-1])
        os.unlink(path)
        with open(self.files[-1], 'rb') as file:
            for line in file:
                self.take(line)

    def finish(self):
        self.take_away(self.log)
        run('cp', self.log + '.seal', self.archive)

    def close(self):
        run('umount', self.place, check=False)


class Server(Output):
    """A syslog server on TCP that goes away, or reads slowly, or closes what it has; the agent has a spool for it."""
    FAULTS = ('gone', 'slow', 'closes')

    def __init__(self, directory):
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            self.address = free.getsockname()
        self.spec = f'syslog:tcp:127.0.0.1:{self.address[1]},queue-size=1M,spool={directory}/spool,spool-size=16M'
        super().__init__(f'syslog:tcp:127.0.0.1:{self.address[1]}')
        self.lock = threading.Lock()
        self.slow = threading.Event()
        self.listener, self.clients = None, []
        self.listen()

    def listen(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(self.address)
        self.listener.listen(8)
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.clients.append(client)
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        data = b''
        while True:
            if self.slow.is_set():
                time.sleep(0.2)
            try:
                more = client.recv(4096 if self.slow.is_set() else 1 << 18)
            except OSError:
                return
            if not more:
                return
            data += more
            while True:
                size = re.match(rb'(\d+) ', data)
                if not size or len(data) < size.end() + int(size.group(1)):
                    break
                end = size.end() + int(size.group(1))
                with self.lock:
                    self.take(data[size.end():end])
                data = data[end:]

    def drop(self):
        clients, self.clients = self.clients, []
        for client in clients:
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            client.close()

    def break_gone(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.listener = None
        self.drop()

    def break_slow(self):
        self.slow.set()

    def break_closes(self):
        self.drop()

    def mend(self):
        self.slow.clear()
        if not self.listener:
            self.listen()

    def tend(self):
        pass

    def close(self):
        self.drop()


class Reader(Output):
    """A program behind the agent's standard output, which stops reading."""
    FAULTS = ('slow',)
    spec = 'stdout,queue-size=1M'

    def __init__(self, directory):
        super().__init__('stdout')
        self.slow = threading.Event()
        self.threads = []

    def attach(self, stream):
        """STREAM is what an agent writes."""
        self.threads.append(threading.Thread(target=self.read, args=(stream,), daemon=True))
        self.threads[-1].start()

    def read(self, stream):
        with stream:
            for line in stream:
                self.take(line)
                while self.slow.is_set():
                    time.sleep(0.05)

    def break_slow(self):
        self.slow.set()

    def mend(self):
        self.slow.clear()

    def tend(self):
        pass

    def finish(self):
        for thread in self.threads:
            thread.join(PATIENCE)
            true(not thread.is_alive(), 'the end of stdout')

    def close(self):
        pass


def told(records, output):
    """What was told to be lost of OUTPUT, by reason; RECORDS is the oracle's Records."""
    total = collections.Counter()
    for reason, count, name, _ in records.lost:
        if name and name.split(',')[0] == output.name:
            total[reason] += count
    return total
