#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A relay with a thread for each client: relay.py HOW LISTEN ENGINE. HOW is

pass         passes on what it is asked, byte by byte
hold N       the same, but N requests only when all of them are there, and it answers when all are answered
twice        asks twice for what it is asked once, and then answers
other        asks the engine for something else instead: for the same with "other-" before its query
body         the same with another body of the same length
"""
import os
import socket
import sys
import threading

how, listen, engine = sys.argv[1].split(), sys.argv[2], sys.argv[3]
gate = threading.Barrier(int(how[1])) if how[0] == 'hold' else None


def read_request(client):
    data = b''
    while b'\r\n\r\n' not in data:
        more = client.recv(65536)
        if not more:
            return b''
        data += more
    head, _, body = data.partition(b'\r\n\r\n')
    for line in head.lower().split(b'\r\n'):
        if line.startswith(b'content-length:'):
            while len(body) < int(line.split(b':')[1]):
                body += client.recv(65536)
    return head + b'\r\n\r\n' + body


def ask(request):
    with socket.socket(socket.AF_UNIX) as other:
        other.connect(engine)
        other.sendall(request)
        answer = b''
        while b'\r\n\r\n' not in answer:
            answer += other.recv(65536)
        length = [int(line.split(b':')[1]) for line in answer.lower().split(b'\r\n') if line.startswith(b'content-length:')]
        while length and len(answer.partition(b'\r\n\r\n')[2]) < length[0]:
            answer += other.recv(65536)
        return answer


def serve(client):
    with client:
        request = read_request(client)
        if not request:
            return
        if gate:
            gate.wait()
        if how[0] == 'other':
            request = request.replace(b'?', b'?other-', 1)
        if how[0] == 'body':
            head, _, body = request.partition(b'\r\n\r\n')
            request = head + b'\r\n\r\n' + body.replace(b'theirs', b'its-own'[:6])
        answer = ask(request)
        if how[0] == 'twice':
            answer = ask(request)
        if gate:
            gate.wait()
        client.sendall(answer)


listener = socket.socket(socket.AF_UNIX)
listener.bind(listen)
os.chmod(listen, 0o666)
listener.listen(128)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
