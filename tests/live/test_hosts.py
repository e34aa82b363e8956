# SPDX-License-Identifier: Apache-2.0
"""Hosts that lack something, or on which something comes and goes: docs/service.md has a row for each."""
import shutil

from live import *

D = f'{DIR}/hosts-{os.getpid()}'
API = '/v1.41'


def callerd(*args, before=''):
    """A callerd in a mount namespace of its own, in which BEFORE ran first; that writes human lines to stdout."""
    command = f'{before or ":"} && exec "$@"'
    return subprocess.Popen(['unshare', '-m', 'sh', '-c', command, 'sh', CALLERD, '--socket', SOCKET, '--backend', BACKEND,
                             '--inventory', '0', '--state', 'none', '--pin', 'none', *args],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def fails(code, words, *args, before=''):
    child = callerd(*args, before=before)
    error = child.communicate(timeout=PATIENCE * 2)[1]
    equal(child.returncode, code, f'exit code: {error}')
    true(words in error, f'{words!r} is not in {error!r}')


def starts(words, *args, before='', output='stdout,format=human'):
    """It starts, records a call, and says WORDS on its standard error."""
    child = callerd('--output', output, *args, before=before)
    mark = f'/_ping?host={time.monotonic_ns()}'
    try:
        for line in child.stdout:
            if 'started, backend' in line:
                request('GET', mark)
            if 'SystemPing' in line:
                break
    finally:
        child.terminate()
        error = child.communicate(timeout=PATIENCE * 2)[1]
    equal(child.returncode, 0, f'exit code: {error}')
    true(words in error, f'{words!r} is not in {error!r}')


def tmpfs(place, options='mode=755'):
    os.makedirs(place, exist_ok=True)
    return f'mount -t tmpfs -o {options} tmpfs {place}'


@test
def docker_comes_goes_and_comes_again():
    """callerd is there first. Docker is installed, restarted, removed with its directory, and installed anew."""
    path = f'{DIR}/comes-{os.getpid()}/docker.sock'
    with Callerd('--socket', path, '--inventory', '16') as agent:
        for life in 'installed', 'reinstalled':
            with Dockerd('comes') as daemon:
                equal(daemon.path, path, 'the socket')
                for turn in 'first', 'restarted':
                    mark = f'/_ping?{life}={turn}'
                    request('GET', mark, path=path)
                    agent.wait(url__original=mark)
                    name = f'hosts-{life}-{turn}'
                    equal(request('POST', API + '/volumes/create', json.dumps({'Name': name}).encode(), path=path)[0], 201, name)
                    event = agent.event('volume/create', name)[0]
                    equal(field(event, 'callerd.cause.kind'), 'request', event['message'])
                    if turn == 'first':
                        daemon.stop()
                        daemon.start()
            shutil.rmtree(os.path.dirname(path))
        lost = losses(agent.stop())
    equal(lost, [], 'losses')


@test
def state_and_spool_on_a_full_disk():
    """The records go on to other outputs, and what waits is written once there is room."""
    os.makedirs(D + '/full', exist_ok=True)
    run('mount', '-t', 'tmpfs', '-o', 'size=400k,mode=700', 'callerd-test', D + '/full')
    try:
        with Callerd('--output', f'syslog:tcp:127.0.0.1:1,spool={D}/full/spool', state=D + '/full/state.db') as agent:
            for i in range(scaled(300, 100)):
                request('GET', f'/_ping?full={i}' + 'x' * 1000)
            agent.wait(scaled(300, 100), that=lambda r: '/_ping?full=' in field(r, 'url.original', ''))
            run('mount', '-o', 'remount,size=64m', D + '/full')
            deadline = time.monotonic() + PATIENCE
            name = f'hosts-{os.getpid()}'
            request('POST', API + '/volumes/create', json.dumps({'Name': name}).encode())
            request('DELETE', API + '/volumes/' + name)
            agent.settle()
            while sum(e.stat().st_size for e in os.scandir(D + '/full/spool')) < 300 << 10:
                true(time.monotonic() < deadline, 'the spool takes them')
                time.sleep(0.1)
            lost = losses(agent.stop())
        equal(lost, [], 'losses')
        true('No space left on device' in agent.error and 'can be written again' in agent.error, agent.error)
    finally:
        run('umount', D + '/full')


@test
def read_only():
    """Where a log, a spool or the state belongs: callerd says so, and its other outputs go on."""
    place = D + '/read-only'
    for log in f'{place}/log', f'{place}/none/log':
        starts(f'cannot write {log}: Read-only file system; keeping up to', '--output', f'file:{log}', before=tmpfs(place, 'ro'))
    fails(5, 'No such file or directory', '--output', f'file:{place}/none/such/log', before=tmpfs(place, 'ro'))
    starts('it is not tried again before a restart', '--output', f'syslog:unix:/dev/null/none,spool={place}/spool',
           before=tmpfs(place, 'ro'))
    starts('nothing is kept for another life', '--state', f'{place}/state.db', before=tmpfs(place, 'ro,mode=755'))


@test
def no_journald():
    """What is for the journal waits, in memory, and is counted at the end."""
    starts('records were not written to journal', '--output', 'journal', before=tmpfs(D + '/run') + f' && mount --bind {D}/run /run/systemd'
           if os.path.isdir('/run/systemd') else '')


@test
def kernel_file_systems():
    """Without BTF, sysfs or /proc callerd does not start, and says what is missing; bpffs it mounts itself."""
    fails(4, 'the kernel has no BTF', before=tmpfs('/sys/kernel/btf'))
    fails(4, 'the kernel has no BTF', before='mount -t tmpfs tmpfs /sys')
    fails(1, 'there is no /proc', before='mount -t tmpfs tmpfs /proc')
    starts('', '--pin', '/sys/fs/bpf/hosts', before='while umount /sys/fs/bpf 2>/dev/null; do :; done')


@test
def clock_is_set():
    """Back by an hour, forth by two, and back. Times of records follow, nothing waits for an hour, and events still have causes."""
    if not VM:
        raise Skip('the clock of this machine is not ours')
    with Callerd() as agent:
        for turn, step in enumerate((0, -3600, 7200, -3600)):
            time.clock_settime(time.CLOCK_REALTIME, time.time() + step)
            time.sleep(2)  # within a second it is noticed
            mark, name = f'/_ping?clock={turn}', f'hosts-clock-{turn}'
            request('GET', mark)
            record = agent.wait(url__original=mark)[0]
            told = time.strftime('%Y-%m-%dT%H:%M', time.gmtime())
            before = time.strftime('%Y-%m-%dT%H:%M', time.gmtime(time.time() - 60))
            true(record['@timestamp'][:16] in (told, before), f'{record["@timestamp"]}, not {told}')
            request('POST', API + '/volumes/create', json.dumps({'Name': name}).encode())
            event = agent.event('volume/create', name)[0]
            equal(field(event, 'callerd.cause.kind'), 'request', event['message'])
            request('DELETE', API + '/volumes/' + name)
        records = agent.stop()
    equal([r['event']['sequence'] for r in records], list(range(1, len(records) + 1)), 'sequences')
    equal(losses(records), [], 'losses')


os.makedirs(D)
main()
