# SPDX-License-Identifier: Apache-2.0
"""What callerd takes while nothing happens, as an object of JSON: idle.py SECONDS STARTS, as root. For tests/bench/run

From its start to the moment at which all hooks are attached (READY=1), in STARTS starts, and what the kernel's verifier had to walk
for that; then its CPU time over SECONDS, with its broker's, and how often it was woken, its memory, and that of its maps in the kernel. No
engine runs and nothing is pinned. The socket is below /run, as engines have it, by a name that nobody else calls. /etc and /run are
of this bench alone (a mount namespace), for callerd looks at what others change there; that processes start and end shows in the figures.
CALLERD: the program, if not build/callerd; OPTIONS: more for it, as --guard none."""
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

CALLERD = os.environ.get('CALLERD', os.path.abspath(__file__ + '/../../../build/callerd'))
RING = 27  # BPF_MAP_TYPE_RINGBUF


def tasks(pid):
    """The threads of callerd and of its broker."""
    own = [f'/proc/{pid}/task/{task}' for task in os.listdir(f'/proc/{pid}/task')]
    return own + [thread for task in own for child in open(task + '/children').read().split() for thread in tasks(child)]


def cpu(pid):
    """Nanoseconds on a processor, of all threads."""
    return sum(int(open(task + '/schedstat').read().split()[0]) for task in tasks(pid))


def start(place, notify):
    began = time.monotonic()
    child = subprocess.Popen([CALLERD, '--socket', place + '/quiet.sock', '--output', f'file:{place}/log', '--state', place + '/state.db',
                              '--pin', 'none', *os.environ.get('OPTIONS', '').split()], env={**os.environ, 'NOTIFY_SOCKET': place + '/notify'}, stderr=subprocess.DEVNULL)
    while b'READY=1' not in notify.recv(4096):
        pass
    return child, (time.monotonic() - began) * 1000, cpu(child.pid) / 1e6


def wakeups(pid):
    return sum(int(re.search(r'^voluntary_ctxt_switches:\s*(\d+)', open(task + '/status').read(), re.M)[1]) for task in tasks(pid))


def verified(pid):
    """Instructions that the verifier walked, of each program that was loaded."""
    found = {}
    for fd in os.listdir(f'/proc/{pid}/fdinfo'):
        facts = dict(re.findall(r'^(prog_id|verified_insns):\s*(\d+)', open(f'/proc/{pid}/fdinfo/{fd}').read(), re.M))
        if 'verified_insns' in facts:
            found[facts['prog_id']] = int(facts['verified_insns'])
    return found.values()


def maps(pid):
    """Bytes of the rings, and of all other maps, as the kernel accounts for them."""
    sizes = {}
    for fd in os.listdir(f'/proc/{pid}/fdinfo'):
        text = open(f'/proc/{pid}/fdinfo/{fd}').read()
        facts = dict(re.findall(r'^(map_id|map_type|memlock):\s*(\d+)', text, re.M))
        if 'map_id' in facts:
            sizes[facts['map_id']] = int(facts['map_type']) == RING, int(facts['memlock'])
    return [sum(size for ring, size in sizes.values() if ring == which) for which in (True, False)]


ALONE = """
mount -t tmpfs -o mode=755 callerd-bench /mnt && { cp -a /etc/. /mnt 2>/dev/null || :; } && mount --move /mnt /etc && mount -t tmpfs -o mode=755 callerd-bench /run &&
exec "$@"
"""


def main():
    if 'CALLERD_BENCH_ALONE' not in os.environ:
        os.environ['CALLERD_BENCH_ALONE'] = 'yes'
        os.execvp('unshare', ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', ALONE, 'sh', *sys.orig_argv])
    seconds, starts = (int(word) for word in sys.argv[1:])
    with tempfile.TemporaryDirectory(dir='/run') as place, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(place + '/notify')
        times, work = [], []
        for turn in range(starts):
            child, took, used = start(place, notify)
            times.append(took)
            work.append(used)
            if turn < starts - 1:
                child.terminate()
                child.wait()
        time.sleep(5)  # what a start leaves to be done
        before, woken = cpu(child.pid), wakeups(child.pid)
        time.sleep(seconds)
        used, woken = cpu(child.pid) - before, wakeups(child.pid) - woken
        walked = verified(child.pid)
        memory = {'RssAnon': 0, 'RssFile': 0}
        for process in {task.split('/')[2] for task in tasks(child.pid)}:
            with open(f'/proc/{process}/status') as status:
                for name, size in re.findall(r'^(RssAnon|RssFile):\s*(\d+)', status.read(), re.M):
                    memory[name] += int(size)
        threads = len(tasks(child.pid))
        rings, others = maps(child.pid)
        child.terminate()
        child.wait()
    print(json.dumps({
        'start': statistics.median(times), 'work': statistics.median(work), 'instructions': sum(walked), 'programs': len(walked),
        'idle': used / seconds / 1e7, 'wakeups': woken / seconds * 60, 'anonymous': memory['RssAnon'] / 1024, 'file': memory['RssFile'] / 1024,
        'threads': threads, 'rings': rings / 2 ** 20, 'maps': others / 2 ** 20}))


main()
