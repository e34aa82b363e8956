# SPDX-License-Identifier: Apache-2.0
"""The process that sent the bytes is the caller, whoever connected."""
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


def main_with_agent():
    global AGENT
    with Callerd() as AGENT:
        main()


main_with_agent()
