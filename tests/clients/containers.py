#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Works with containers as fast as the daemon lets it, and says what it was answered.

containers.py SOCKET run IMAGE PREFIX COUNT THREADS: makes COUNT containers, PREFIX-0, PREFIX-1, …, attaches to
	each, starts it and waits for its end; every other one goes by itself then. A line each: NAME STATUS…, of
	create, attach, start and wait.
containers.py SOCKET hammer NAME COUNT MARK: starts and stops that container in turns, from where it stands. A
	line for each call: its target, which ends in MARK and a number, and the status.
containers.py SOCKET ask: METHOD TARGET from each line of its input, on one connection. A line each: the status.
"""
import http.client
import json
import socket
import sys
import threading

API = '/v1.41/containers/'


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__('docker')
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self.path)

    def ask(self, target, body=None, method='POST'):
        headers = {'Content-Type': 'application/json'} if body else {}
        self.request(method, target, json.dumps(body) if body else b'', headers)
        response = self.getresponse()
        data = response.read()
        return response.status, data


def attach(path, name):
    """A connection that the container's output comes on; read when it is over."""
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stream.connect(path)
    stream.sendall(f'POST {API}{name}/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: docker\r\n'
                   'Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n'.encode())
    head = b''
    while b'\r\n\r\n' not in head:
        head += stream.recv(1)
    return int(head.split()[1]), stream


def run_one(path, image, name, auto_remove):
    connection = Connection(path)
    created, _ = connection.ask(f'{API}create?name={name}', {
        'Image': image, 'Cmd': ['true'],
        'HostConfig': {'NetworkMode': 'none', 'AutoRemove': auto_remove}})
    attached, stream = attach(path, name)
    started, _ = connection.ask(f'{API}{name}/start')
    while stream.recv(4096):
        pass
    stream.close()
    waited, _ = connection.ask(f'{API}{name}/wait')
    connection.close()
    print(name, created, attached, started, waited, flush=True)


def run(path, image, prefix, count, threads):
    numbers = iter(range(int(count)))
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            run_one(path, image, f'{prefix}-{number}', number % 2 == 0)

    workers = [threading.Thread(target=work) for _ in range(int(threads))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def hammer(path, name, count, mark):
    connection = Connection(path)
    for number in range(int(count)):
        what = 'start?' if number % 2 == 0 else 'stop?t=0&'
        target = f'{API}{name}/{what}mark={mark}-{number}'
        status, _ = connection.ask(target)
        print(target, status, flush=True)
    connection.close()


def ask(path):
    connection = Connection(path)
    for line in sys.stdin:
        method, target = line.split()
        print(connection.ask(target, method=method)[0], flush=True)
    connection.close()


if __name__ == '__main__':
    {'run': run, 'hammer': hammer, 'ask': ask}[sys.argv[2]](sys.argv[1], *sys.argv[3:])
