# SPDX-License-Identifier: Apache-2.0
"""Attackers who want the arguments of their ancestors to be told as others than they were."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from live import *  # pylint: disable=wrong-import-position

AGENT = None
SHOT = CLIENTS + 'one_shot'
ALICE = User(MEMBER)
PYTHON = '/usr/bin/python3'
# Calls in a child of its own, then becomes another program with arguments as long, and calls in a child again.
TWICE = f'''
import os, subprocess, sys
n = int(sys.argv[1])
subprocess.run(['{SHOT}', '{SOCKET}', '--quiet', '--target', '/_ping?{{}}-%d' % n])
if n < 3:
    os.execv('{PYTHON}', ['{PYTHON}', '-I', '-c', sys.orig_argv[3], str(n + 1), chr(97 + n + 1) * SIZE])
'''


def lineage(target):
    record = AGENT.wait(event__action='api-request', url__original=target)[0]
    return record, record['process']['parent']


@test
def parent_that_becomes_another():
    """A member's process calls, takes other arguments, as long, by exec, and calls again within a moment. At stake: the
    command line that the second call is put down to. (Item 7: it was that of the first.)"""
    for size in 100, 600, 5000, 20000:
        script = TWICE.replace('SIZE', str(size)).replace('{}', f'becomes-{size}')
        ALICE.run(PYTHON, '-I', '-c', script, '0', 'a' * size)
        for n in range(4):
            _, parent = lineage(f'/_ping?becomes-{size}-{n}')
            equal(parent['args'][4], str(n), f'{size}: argument of image {n}')
            wanted = chr(97 + n) * size
            whole = size < 8192 - len(script) - 100
            true(parent['args'][5] == wanted if whole else wanted.startswith(parent['args'][5]),
                 f'{size}: long argument of image {n}')
            equal('args_count' in parent, whole, f'{size}: args_count')


@test
def ancestors_with_long_arguments():
    """A member hides the end of his command lines behind long ones. At stake: what they say, of the parent up to 8 KiB,
    of those above him up to 2 KiB."""
    inner = f'{SHOT} {SOCKET} --quiet --target /_ping?deep; true'
    ALICE.run('sh', '-c', f'p=$(printf %3000s | tr " " p); sh -c "{inner}" $p parent; true',
              'a' * 1000, 'above', 'b' * 4000)
    record, parent = lineage('/_ping?deep')
    equal(parent['args'][3:], ['p' * 3000, 'parent'], 'arguments of the parent')
    above = field(record, 'callerd.ancestors')[1]['command_line']
    true('a' * 1000 + ' above bbb' in above, 'of the one above')
    true(len(above) < 2200, 'cut short')


@test
def forked_and_not_executed():
    """A member calls out of children that never called exec, of parents that are gone or are another program by now. At
    stake: their arguments, which are those of the exec that made them what they are."""
    code = f'''
import os, subprocess, sys
if not os.fork():
    if not os.fork():
        os.read(0, 1)
        subprocess.run(['{SHOT}', '{SOCKET}', '--quiet', '--target', '/_ping?forked'])
    os._exit(0)
os.wait()
os.execv('{PYTHON}', ['{PYTHON}', '-I', '-c', 'import signal; signal.pause()', 'other'])
'''
    with subprocess.Popen(ALICE.command(PYTHON, '-I', '-c', code, 'mark', 'm' * 700), stdin=subprocess.PIPE) as client:
        # Until the first of them is the other program, and the one in between is gone.
        deadline = time.monotonic() + PATIENCE
        while b'other' not in open(f'/proc/{client.pid}/cmdline', 'rb').read():
            true(time.monotonic() < deadline, 'it becomes another program')
            time.sleep(0.01)
        client.stdin.write(b'x')
        client.stdin.flush()
        _, parent = lineage('/_ping?forked')
        equal(parent['args'][4:], ['mark', 'm' * 700], 'arguments of the forked parent')
        client.terminate()


def main_with_agent():
    global AGENT
    with Callerd() as AGENT:
        main()


main_with_agent()
