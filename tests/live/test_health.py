# SPDX-License-Identifier: Apache-2.0
"""What callerd says of itself: in agent-status, as metrics in a file and on a socket, by /healthz, by its self-test."""
import grp
import re
import shutil
import subprocess

from live import *

D = DIR + '/health'
EXAMPLES = ROOT + '/docs/monitoring'
GID = grp.getgrnam('docker').gr_gid  # MEMBER is in it, OUTSIDER is not


def options(name, *more):
    """A socket and a file of their own for each test."""
    return ['--metrics-socket', f'{D}/{name}.sock', '--metrics-file', f'{D}/{name}.prom', *more]


def ask(name, target, method='GET', path=None):
    status, body = request(method, target, path=path or f'{D}/{name}.sock')
    return status, body.decode()


def samples(text):
    """{name: {labels: value}} of the text format."""
    found = {}
    for line in text.splitlines():
        if line.startswith('#'):
            continue
        name, labels, value = re.fullmatch(r'(\w+)(?:\{(.*)\})? (\S+)', line).groups()
        found.setdefault(name, {})[labels or ''] = float(value)
    return found


def until(ask_again, what):
    """Asks until the answer is true; returns it."""
    deadline = time.monotonic() + 3 * PATIENCE
    while True:
        answer = ask_again()
        if answer:
            return answer
        true(time.monotonic() < deadline, what() if callable(what) else what)
        time.sleep(0.05)


def promtool(*args, data=None):
    done = subprocess.run(['promtool', *args], input=data, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    equal(done.returncode, 0, f'promtool {args}: {done.stdout.decode()}')


def needs_promtool():
    if not shutil.which('promtool'):
        raise Skip('no promtool: tools/install-deps test')


@test
def metrics():
    """What is served is what happened."""
    with Callerd(*options('metrics')) as agent:
        agent.settle()
        before = samples(ask('metrics', '/metrics')[1])['callerd_records_total']
        for _ in range(5):
            request('GET', '/_ping')
        agent.settle()
        after = until(lambda: (now := samples(ask('metrics', '/metrics')[1]))['callerd_records_total'][
            'action="api-request"'] >= before['action="api-request"'] + 6 and now, 'the requests are not counted')
        equal(after['callerd_build_info'].popitem()[1], 1, 'build_info')
        took = after['callerd_resident_anonymous_bytes']['']
        anonymous = [int(re.search(r'^RssAnon:\s*(\d+)', open(f'/proc/{pid}/status').read(), re.M)[1]) << 10
                     for pid in (agent.pid, agent.broker)]
        true(anonymous[0] + anonymous[1] // 2 < took < 2 * sum(anonymous), f'RssAnon of both: {took} of {anonymous}')
        true(after['callerd_cpu_seconds_total']['mode="user"'] > 0, 'it took CPU time')
        equal(after['callerd_ring_size_bytes'], {'ring="callers"': 8 << 20, 'ring="payload"': 8 << 20}, 'sizes')
        true(all(value == 1 for value in after['callerd_program_attached'].values()), 'all hooks are attached')
        true(after['callerd_output_written_total'][f'output="file:{agent.log}"'] > 6, 'records are written')
        equal(after['callerd_engine_state'][f'socket="{SOCKET}",state="reached"'], 1, 'the engine is reached')
        equal(after['callerd_healthy'], {'': 1}, 'healthy')
        equal(ask('metrics', '/healthz'), (200, 'ok\n'), '/healthz')


@test
def metrics_file():
    """The file is whole whenever it is there, may be read by everybody, and goes with callerd."""
    path = f'{D}/file.prom'
    with Callerd(*options('file')) as agent:
        until(lambda: os.path.exists(path), 'there is no file')
        equal(os.stat(path).st_mode & 0o777, 0o644, 'mode')
        with open(path) as file:
            equal(samples(file.read())['callerd_healthy'], {'': 1}, 'healthy')
        agent.stop()
        equal(os.path.exists(path), False, 'the file of a callerd that is stopped')
        equal(os.path.exists(f'{D}/file.sock'), False, 'its socket')
        equal([name for name in os.listdir(D) if name.startswith('file')], [], 'what is left')


@test
def promtool_reads():
    needs_promtool()
    with Callerd(*options('promtool', '--program-statistics', '--self-test-at-start')) as agent:
        agent.wait(event__action='self-test')
        text = until(lambda: 'self_test_success' in (got := ask('promtool', '/metrics')[1]) and got, 'no test told')
        promtool('check', 'metrics', data=text.encode())
        with open(f'{D}/promtool.prom', 'rb') as file:
            promtool('check', 'metrics', data=file.read())
        served = samples(text)
        runs = served['callerd_program_runs_total']
        true(sum(runs.values()) > 0, 'the kernel counts the runs')
        true(sum(served['callerd_program_run_seconds_total'].values()) > 0, 'and their time')
    for name in ('callerd-alerts.yml', 'callerd-dashboard.json'):
        with open(f'{EXAMPLES}/{name}') as file:
            named = set(re.findall(r'\bcallerd_\w+', file.read()))
        true(len(named) > 8, f'{name} names metrics')
        equal(sorted(named - set(served)), [], f'metrics in {name} that callerd does not serve')


@test
def alert_rules():
    needs_promtool()
    promtool('check', 'rules', EXAMPLES + '/callerd-alerts.yml')
    promtool('test', 'rules', EXAMPLES + '/callerd-alerts-test.yml')
    with open(EXAMPLES + '/callerd-dashboard.json') as file:
        dashboard = json.load(file)
    true(len(dashboard['panels']) > 10, 'panels')
    ids = [panel['id'] for panel in dashboard['panels']]
    equal(len(set(ids)), len(ids), 'ids of panels')
    for panel in dashboard['panels']:
        for target in panel['targets']:  # Grafana's variable as Prometheus would get it
            expr = target['expr'].replace('$instance', 'a.*')
            rule = f'groups: [{{name: x, rules: [{{record: x, expr: {json.dumps(expr)}}}]}}]'
            with open(D + '/panel.yml', 'w') as file:
                file.write(rule)
            promtool('check', 'rules', D + '/panel.yml')


@test
def status_record():
    with Callerd('--status-interval', '1', '--program-statistics') as agent:
        request('GET', '/_ping')
        status = agent.wait(event__action='agent-status',
                            that=lambda r: field(r, 'callerd.status.engines-reached') == 1)[-1]
        callerd = status['callerd']
        true(callerd['capture']['backend'] in ('trampoline', 'tracepoint'), 'the backend')
        equal(callerd['engines'], [{'socket': SOCKET, 'state': 'reached'}], 'engines')
        output, = callerd['outputs']
        equal(output['name'], 'file:' + agent.log, 'output')
        equal(output['lost'], 0, 'lost')
        true(output['written'] > 0, 'written')
        true(any(p['runs'] > 0 and p['run_time'] > 0 for p in callerd['programs']), 'a program ran')
        true(callerd['status']['memory-bytes'] > 1 << 20, 'memory')
        true(callerd['status']['cpu-milliseconds'] > 0, 'CPU')
        equal(callerd['status']['ring-payload-percent'], 0, 'rings')


@test
def output_that_fails():
    """Told by /healthz, in agent-status and as a metric; and no longer once it works."""
    path = D + '/syslog'
    with Callerd(*options('fails', '--output', 'syslog:unix:' + path, '--status-interval', '1')) as agent:
        status, body = until(lambda: (got := ask('fails', '/healthz'))[0] == 503 and got, '/healthz says nothing')
        true(body.startswith(f'output syslog:unix:{path}: '), body)
        record = agent.wait(event__action='agent-status',
                            that=lambda r: any('error' in o for o in r['callerd']['outputs']))[-1]
        failing, = [o for o in record['callerd']['outputs'] if 'error' in o]
        equal(failing['name'], 'syslog:unix:' + path, 'the failing one')
        true(failing['waiting'] > 0, 'records wait for it')
        equal(samples(ask('fails', '/metrics')[1])['callerd_output_failing'],
              {f'output="file:{agent.log}"': 0, f'output="syslog:unix:{path}"': 1}, 'metrics')
        done = subprocess.run([CALLERD, '--self-test', '--metrics-socket', D + '/fails.sock'],
                              stderr=subprocess.PIPE, check=False)
        equal(done.returncode, 5, f'exit code of the self-test: {done.stderr.decode()}')
        test_record = agent.wait(event__action='self-test')[-1]
        equal(test_record['event']['outcome'], 'failure', 'outcome')
        equal({o['name']: o['outcome'] for o in test_record['callerd']['outputs']},
              {'file:' + agent.log: 'written', 'syslog:unix:' + path: 'waiting'}, 'outcomes')
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
            server.bind(path)
            threading.Thread(target=drain, args=(server,), daemon=True).start()
            equal(subprocess.run([CALLERD, '--self-test', '--metrics-socket', D + '/fails.sock'],
                                 stderr=subprocess.PIPE, check=False).returncode, 0, 'the next self-test')
            until(lambda: ask('fails', '/healthz') == (200, 'ok\n'), lambda: str(ask('fails', '/healthz')))


def drain(server):
    try:
        while server.recv(1 << 16):
            pass
    except OSError:
        pass


@test
def self_test_at_start():
    with Callerd('--self-test-at-start', '--output', f'file:{D}/high.json,chain=no,min-severity=high') as agent:
        tested = agent.wait(event__action='self-test')[0]
        equal(tested['event']['outcome'], 'success', 'outcome')
        equal(tested['callerd']['connection']['socket'], SOCKET, 'socket')
        equal({o['name']: o['outcome'] for o in tested['callerd']['outputs']},
              {'file:' + agent.log: 'written', f'file:{D}/high.json': 'filtered'}, 'outcomes')
        call, = agent.records(event__action='api-request',
                              user_agent__original=f"callerd/{tested['agent']['version']} (self-test)")
        equal((call['process']['pid'], call['process']['parent']['pid']), (agent.broker, agent.pid), 'who called')
        equal(call['http']['response']['status_code'], 200, 'the answer')
        equal(len(agent.records(event__action='self-test')), 1, 'tests')
        equal([r['url']['path'] for r in agent.records(event__action='api-request', process__pid=agent.broker)],
              ['/_ping'], "callerd's other calls make no records")


@test
def self_test_alone():
    """In a process of its own, beside one that runs and has no socket."""
    with open(D + '/empty.conf', 'w'):
        pass
    command = [CALLERD, '--self-test', '--backend', BACKEND, '--config', D + '/empty.conf', '--socket']
    log = D + '/alone.json'
    with Callerd() as agent:
        done = subprocess.run([*command, SOCKET, '--output', f'file:{log},chain=no'], stderr=subprocess.PIPE,
                              check=False)
        equal(done.returncode, 0, done.stderr.decode())
        equal(done.stderr.decode().splitlines()[0], 'passed', 'what it says')
        with open(log) as lines:
            actions = [json.loads(line)['event']['action'] for line in lines]
        for action in ('agent-started', 'socket-connected', 'api-request', 'self-test', 'agent-stopped'):
            true(action in actions, f'{action} is not among {actions}')
        agent.settle()
    done = subprocess.run([*command, D + '/nobody.sock', '--output', f'file:{log},chain=no'],
                          stderr=subprocess.PIPE, check=False)
    equal(done.returncode, 1, done.stderr.decode())
    true('nobody listens' in done.stderr.decode(), done.stderr.decode())
    done = subprocess.run([*command, SOCKET, '--output', f'file:{D}/none/such/log'], stderr=subprocess.PIPE,
                          check=False)
    equal(done.returncode, 5, done.stderr.decode())


@test
def unseen():
    """A connection that was made before the socket came to its name: no program saw it, and it says nothing."""
    path = D + '/unseen.engine'
    with Callerd(*options('unseen'), sockets=[path]) as agent:
        with Daemon(path + '.other') as daemon, connect(path + '.other') as idle:
            os.rename(daemon.path, path)
            found = until(lambda: agent.records(event__action='self-test'), 'no record of it')[0]
            equal(found['event']['outcome'], 'failure', 'outcome')
            equal(found['callerd']['self_test']['unseen'], 1, 'how many')
            status, body = until(lambda: (got := ask('unseen', '/healthz'))[0] == 503 and got, 'healthy')
            true(body.startswith('hooks do not fire: 1 connection'), body)
            equal(samples(ask('unseen', '/metrics')[1])['callerd_unseen_connections_total'], {'': 1}, 'metric')
            idle.sendall(b'GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n')  # from here on it is seen
            agent.wait(event__action='api-request')
            daemon.path = path


@test
def detached():
    with Callerd(*options('detached', '--backend', 'tracepoint')) as agent:
        links = []
        for fd in os.listdir(f'/proc/{agent.pid}/fdinfo'):
            with open(f'/proc/{agent.pid}/fdinfo/{fd}') as info:
                text = info.read()
            if 'link_type:\tcgroup' in text:
                links += re.findall(r'link_id:\s*(\d+)', text)
        if not links:
            raise Skip('no link to a cgroup')
        equal(ask('detached', '/healthz'), (200, 'ok\n'), 'before')
        run('bpftool', 'link', 'detach', 'id', links[0])
        status, body = until(lambda: (got := ask('detached', '/healthz'))[0] == 503 and got, 'healthy')
        equal(body, 'not attached: connect_begin was taken off its hook\n', '/healthz')
        equal(samples(ask('detached', '/metrics')[1])['callerd_program_attached']['program="connect_begin"'], 0,
              'metric')


def verifier_walks(limit, *options):
    with Callerd(*options) as agent:
        walked = of_each(agent.pid, 'fdinfo', 'verified_insns').values()
        true(len(walked) > 10, f'{len(walked)} programs')
        true(sum(walked) < limit, f'the verifier walked {sum(walked)} instructions: {sorted(walked)}')


@test
def cheap_to_start():
    """Most of a start is the kernel's verifier. It follows each way through a program: a few branches more in a loop may be ten times
    the work. See docs/service.md."""
    verifier_walks(100000)


@test
def not_much_dearer_where_engines_are_looked_for():
    """One of them may listen on TCP, which some more programs are for."""
    verifier_walks(150000, '--discover', 'yes')


@test
def tables_fit_the_machine():
    """No table takes memory for more processes than there can be; see docs/service.md."""
    with Callerd() as agent:
        ids, memory = of_each(agent.pid, 'fdinfo', 'map_id'), of_each(agent.pid, 'fdinfo', 'memlock')
    maps = {ids[fd]: memory[fd] for fd in ids}
    with open('/proc/sys/kernel/threads-max') as threads, open('/proc/sys/kernel/pid_max') as pids:
        processes = min(int(threads.read()), int(pids.read()), 1 << 20)
    true(len(maps) > 20, f'{len(maps)} tables')
    true(sum(maps.values()) < (74 << 20) + 32 * processes, f'{sum(maps.values())} bytes: {maps}')


@test
def quiet_when_idle():
    """How often its threads are woken while nothing happens: no more than the tick of each second and its errands. What it makes of
    changed files does not count, and other tests may have connects refused meanwhile: each is an event."""
    def events():
        return samples(ask('quiet', '/metrics')[1])['callerd_kernel_events_total']['']

    with Daemon(D + '/quiet.engine'), Callerd(*options('quiet', '--guard', 'none'), sockets=[D + '/quiet.engine']) as agent:
        seen = events()
        time.sleep(3)  # what the start and the question left to be done
        before, began = of_each(agent.pid, 'task', 'voluntary_ctxt_switches'), time.monotonic()
        time.sleep(10)
        after, took = of_each(agent.pid, 'task', 'voluntary_ctxt_switches'), time.monotonic() - began
        woken = {thread: after[thread] - before.get(thread, 0) for thread in after}
        seen = events() - seen
        true(sum(woken.values()) <= 6 * took + 20 * seen, f'{woken} in {took} s, with {seen} events')


def as_user(name, code, *args):
    """Runs Python as a user, in the groups that it has."""
    user = pwd.getpwnam(name)
    groups = [g.gr_gid for g in grp.getgrall() if name in g.gr_mem]
    return subprocess.Popen([sys.executable, '-c', code, *args], user=user.pw_uid, group=user.pw_gid,
                            extra_groups=groups, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


ASK = '''
import socket, sys
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
client.sendall(f'{sys.argv[2]} HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'.encode())
data = b''
while more := client.recv(4096):
    data += more
print(data.split()[1].decode())
'''
CROWD = '''
import socket, sys, time
print('begun', flush=True)
clients = []
while True:
    try:
        client = socket.socket(socket.AF_UNIX)
        client.setblocking(False)
        client.connect(sys.argv[1])
        client.send(b'GET /metrics HTTP/1.1\\r\\nX: ' + b'x' * 5)
        clients = clients[-100:] + [client]
    except OSError:
        time.sleep(0.001)
'''


@test
def who_may_ask():
    path = D + '/open/metrics.sock'
    os.makedirs(D + '/open', mode=0o755, exist_ok=True)
    os.chmod(D + '/open', 0o755)
    os.chmod(D, 0o755)
    with Callerd('--metrics-socket', path, '--metrics-group', str(GID)) as agent:
        info = os.stat(path)
        equal((info.st_mode & 0o777, info.st_uid, info.st_gid), (0o660, 0, GID), 'mode and owner')
        equal(as_user(MEMBER, ASK, path, 'GET /healthz').communicate()[0].split()[-1], b'200', 'a member')
        equal(as_user(MEMBER, ASK, path, 'POST /self-test').communicate()[0].split()[-1], b'403',
              'a member asks for a test')
        true(b'PermissionError' in as_user(OUTSIDER, ASK, path, 'GET /healthz').communicate()[0], 'an outsider')
        agent.stop()
    with Callerd('--metrics-socket', path):
        true(b'PermissionError' in as_user(MEMBER, ASK, path, 'GET /healthz').communicate()[0],
             'a member where no group is given')
        equal(os.stat(path).st_mode & 0o777, 0o600, 'mode')


@test
def crowd():
    """A member of the group who takes all places that it gets holds up neither records nor root."""
    path = D + '/open/crowd.sock'
    os.makedirs(D + '/open', mode=0o755, exist_ok=True)
    os.chmod(D, 0o755)
    with Callerd('--metrics-socket', path, '--metrics-group', str(GID)) as agent:
        crowds = [as_user(MEMBER, CROWD, path) for _ in range(3)]
        try:
            for client in crowds:
                equal(client.stdout.readline(), b'begun\n', 'the crowd')
            for number in range(scaled(200, 20)):
                request('GET', f'/_ping?crowd={number}')
            agent.settle()
            for number in range(scaled(200, 20)):
                equal(len(agent.records(event__action='api-request', url__original=f'/_ping?crowd={number}')), 1,
                      f'record {number}')
            equal(until(lambda: asked(path), 'root gets no answer'), (200, 'ok\n'), '/healthz')
        finally:
            for client in crowds:
                client.kill()
                client.wait()
        records = agent.stop()
        lost = {field(r, 'callerd.lost.reason') for r in records if r['event']['action'] == 'records-lost'}
        equal(lost - {'refused-unresolved', 'ring-full-refused'}, set(), 'losses')  # their own refused connects


def asked(path):
    """What root is told; nothing where it found no place."""
    try:
        return ask(None, '/healthz', path=path)
    except (OSError, AssertionError):
        return None


@test
def refused_options():
    """Wrong options are told, with the exit code of the command line or of an output."""
    other = ['--output', f'file:{D}/refused.json', '--pin', 'none', '--state', 'none', '--socket', SOCKET]
    for more, code, what in (
            (['--metrics-socket', 'relative'], 2, 'metrics-socket'),
            (['--metrics-group', 'no such group'], 2, 'no such group'),
            (['--metrics-file', D + '/none/x.prom'], 5, 'No such file'),
            (['--metrics-socket', D + '/none/such/x.sock'], 5, 'No such file')):
        done = subprocess.run([CALLERD, *other, *more], stderr=subprocess.PIPE, check=False, timeout=PATIENCE)
        equal(done.returncode, code, f'{more}: {done.stderr.decode()}')
        true(what in done.stderr.decode(), done.stderr.decode())


@test
def bugreport():
    """It has what helps, and nothing of what callers or the site chose."""
    user, secret, container, path, rule = 'canaryuser', 'canarysecret', 'canarycontainer', 'canarypath', 'canaryrule'
    directory = f'{D}/{path}'
    os.makedirs(directory, mode=0o700, exist_ok=True)
    config = directory + '/callerd.conf'
    with open(config, 'w') as file:
        file.write(f'[callerd]\nmetrics-socket = {directory}/s.sock\nsocket = {SOCKET}\nsocket = {directory}/e.sock\n'
                   f'output = file:{directory}/log.json,chain=no\noutput = syslog:unix:{directory}/none\n'
                   f'mask-name = {secret}name\nmask-pattern = {secret}-[0-9]+\npin = none\nstate = none\n'
                   f'status-interval = 7\n'
                   f'[expected {rule}]\noperations = ContainerList\nexe = /usr/bin/{path}\n'
                   f'[finding prune]\nseverity = off\n')
    with Callerd('--config', config, '--output', f'file:{directory}/log.json,chain=no', '--output',
                 f'syslog:unix:{directory}/none', '--metrics-socket', directory + '/s.sock') as agent:
        docker('run', '--rm', '--network', 'none', '--name', container, '--user', '4321', '-e', f'TOKEN={secret}',
               IMAGE, 'echo', '--password=' + secret, user)
        agent.event('container/destroy')
        until(lambda: ask(None, '/healthz', path=directory + '/s.sock')[0] == 503, 'the output does not fail')
        with open(f'{directory}/{path}.other', 'w'):
            pass  # what is not callerd's where pins are to be
        text = run(CALLERD, 'bugreport', '--config', config, '--pin', directory)
        full = run(CALLERD, 'bugreport', '--with-names', '--config', config)
    for canary in (user, secret, container, path, rule, D, MEMBER):
        true(canary not in text, f'{canary} is in the report:\n{text}')
    for canary in (secret, rule, path):
        true(canary in full, f'{canary} is not in the report with names')
    for canary in (container, 'password', 'TOKEN'):
        true(canary not in full, f'{canary} of a caller is in the report with names')
    for wanted in ('callerd 0', os.uname().release, 'BTF: there', 'lockdown: ', 'status-interval = 7\n', '[finding prune]\nseverity = off\n',
                   'operations = ContainerList\n', 'output (withheld)', 'callerd_records_total{action="api-request"}',
                   'callerd_output_failing{output="(withheld)"} 1', 'backend t', 'map connections: '):
        true(wanted in text, f'{wanted!r} is not in the report:\n{text}')


os.makedirs(D, exist_ok=True)
os.chmod(D, 0o755)
main()
