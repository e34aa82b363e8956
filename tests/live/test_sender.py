# SPDX-License-Identifier: Apache-2.0
"""The process that sent the bytes is the caller, whoever connected."""
import contextlib

from live import *

AGENT = None


def mark(name):
    return f'/_ping?sender={name}'


def client(program, *args, **options):
    return facts(run(CLIENTS + program, SOCKET, *args, **options))


def only_request(target):
    """The one record of a request; it must be the only one."""
    found = AGENT.wait(event__action='api-request', url__original=target)
    equal(len(found), 1, f'records of {target}')
    return found[0]


@test
def same_process_has_no_connector():
    out = client('one_shot', '--target', mark('one'))
    record = only_request(mark('one'))
    equal(record['process']['pid'], int(out['sender.pid']), 'pid')
    equal(field(record, 'callerd.connector'), None, 'connector')
    equal(record['http']['response']['status_code'], 200, 'status')


@test
def forked_child_sends():
    out = client('fork_sender', '--target', mark('fork'))
    record = only_request(mark('fork'))
    equal(record['process']['pid'], int(out['sender.pid']), 'sender')
    equal(field(record, 'callerd.connector.pid'), int(out['connector.pid']), 'connector')


@test
def descriptor_passed():
    out = client('pass_fd', '--target', mark('pass'))
    record = only_request(mark('pass'))
    equal(record['process']['pid'], int(out['sender.pid']), 'sender')
    equal(field(record, 'callerd.connector.pid'), int(out['connector.pid']), 'connector')


@test
def exec_after_connect():
    out = client('exec_sender', '--target', mark('exec'))
    record = only_request(mark('exec'))
    equal(record['process']['pid'], int(out['sender.pid']), 'sender')
    equal(record['process']['executable'], out['sender.executable'], 'executable')
    equal(field(record, 'callerd.connector.pid'), int(out['connector.pid']), 'connector')
    true(field(record, 'callerd.connector.command_line') != record['process']['command_line'],
         'the connector has its own arguments')


@test
def thread_sends():
    out = client('thread_sender', '--target', mark('thread'))
    record = only_request(mark('thread'))
    equal(record['process']['pid'], int(out['sender.pid']), 'sender')
    equal(field(record, 'callerd.connector'), None, 'connector: it is the same process')


# Processes whose lists of groups lie side by side in the kernel's memory. Some of them call, and call again when the others
# have got new lists.
NEIGHBOURS = r'''
import os, socket, sys
path, count, each = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
ready, change, call, end = os.pipe(), os.pipe(), os.pipe(), os.pipe()
def ask(client, name):
    client.sendall(f'GET /_ping?neighbour={name} HTTP/1.1\r\nHost: x\r\n\r\n'.encode())
    data = b''
    while not data.endswith(b'OK'):
        data += client.recv(65536)
def await_all(number):
    for _ in range(number):
        os.read(ready[0], 1)
for i in range(count):
    if os.fork():
        continue
    os.setgroups([10000 + i, 20000 + i])
    if i % each == 0:
        client = socket.socket(socket.AF_UNIX)
        client.connect(path)
        ask(client, f'{i}-first')
        os.write(ready[1], b'x')
        os.read(call[0], 1)
        ask(client, f'{i}-second')
    else:
        os.write(ready[1], b'x')
        os.read(change[0], 1)
        os.setgroups([30000 + i, 40000 + i])
    os.write(ready[1], b'x')
    os.read(end[0], 1)
    os._exit(0)
await_all(count)
sys.stdin.readline()
callers = len(range(0, count, each))
os.write(change[1], b'x' * (count - callers))
await_all(count - callers)
os.write(call[1], b'x' * callers)
await_all(callers)
os.write(end[1], b'x' * count)
'''


@test
def groups_of_others():
    """A sender is the same one as before whatever groups others have: it is not described anew."""
    count, each = scaled(150, 100, 400), 20
    numbers = range(0, count, each)
    processes = subprocess.Popen(['/usr/bin/python3', '-c', NEIGHBOURS, SOCKET, str(count), str(each)], stdin=subprocess.PIPE,
                                 start_new_session=True)
    try:
        for i in numbers:
            only_request(f'/_ping?neighbour={i}-first')
        time.sleep(1.1)  # only then a record says when its caller was described
        processes.communicate(b'\n', timeout=PATIENCE)
    finally:
        with contextlib.suppress(ProcessLookupError):  # they may have ended
            os.killpg(processes.pid, signal.SIGKILL)
        processes.wait()
    for i in numbers:
        first, second = (only_request(f'/_ping?neighbour={i}-{name}') for name in ('first', 'second'))
        described = field(second, 'callerd.capture.caller_described')
        true(described and described <= first['@timestamp'], f'{second["message"]}: described {described}')


def main_with_agent():
    global AGENT
    with Callerd() as AGENT:
        main()


main_with_agent()
