#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Connects to the socket, then lets a child process send the request on that connection.

child_sends.py SOCKET [TARGET]: prints connector.pid, sender.pid and status, a line each.
"""
import http.client
import os
import socket
import sys


def main():
    path = sys.argv[1]
    target = sys.argv[2] if len(sys.argv) > 2 else "/_ping"
    connection = http.client.HTTPConnection("docker")
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.connect(path)
    print(f"connector.pid={os.getpid()}", flush=True)

    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        sys.exit(os.waitstatus_to_exitcode(status))
    print(f"sender.pid={os.getpid()}", flush=True)
    connection.request("GET", target, headers={"User-Agent": "child_sends.py"})
    response = connection.getresponse()
    response.read()
    print(f"status={response.status}", flush=True)
    os._exit(0 if response.status < 400 else 1)


if __name__ == "__main__":
    main()
