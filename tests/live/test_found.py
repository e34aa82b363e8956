# SPDX-License-Identifier: Apache-2.0
"""Engines that callerd finds by itself, as they come and go, and doors other than their sockets. Other engines of this
machine are found as well: each test looks for its own."""
import shutil
import stat
import tarfile

import podman
from doors import certificates, findings, finds, free_port, wait_found
from live import *

D = DIR + '/found'
ENGINE = '''
import http.server, json, socket, socketserver, sys, threading
answers = {'/version': {'Version': '99.1', 'ApiVersion': '1.41', 'MinAPIVersion': '1.12'},
           '/info': {'DockerRootDir': '/home/x', 'SecurityOptions': ['name=rootless'], 'CgroupDriver': 'none'}}
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        body = json.dumps(answers.get(self.path, [])).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def address_string(self): return ''
    def log_message(self, *args): pass
class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
servers = []
for path in sys.argv[1:]:
    if path.startswith('slow:'):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path[5:])
        listener.listen(5)
        servers.append(listener)
    else:
        servers.append(Server(path, Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
print('listens', flush=True)
sys.stdin.read()
'''


def wait_answered(callerd, address, **wanted):
    """One that is busy is asked again."""
    return callerd.wait(that=lambda record: 'unanswered' not in record['callerd']['engine'],
                        event__action='engine-found', callerd__engine__address=address, **wanted)[-1]


class OwnEngine:
    """A program called an engine that a user other than root runs, at paths of his own."""

    def __init__(self, *paths, name='dockerd', directory=None):
        self.user = User(OUTSIDER)
        self.directory = directory or tempfile.mkdtemp(prefix='own-', dir=D)
        os.chown(self.directory, int(self.user.uid), -1)
        self.program = f'{tempfile.mkdtemp(prefix="program-", dir=D)}/{name}'
        os.chmod(os.path.dirname(self.program), 0o755)
        shutil.copy(os.path.realpath('/usr/bin/python3'), self.program)
        self.paths = paths
        self.process = subprocess.Popen(
            ['setpriv', '--reuid', self.user.uid, '--regid', self.user.uid, '--clear-groups', '--', self.program,
             '-c', ENGINE, *paths], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={'PYTHONHOME': '/usr'})
        equal(self.process.stdout.readline(), b'listens\n', 'what the engine says')

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.stdin.close()
        self.process.wait(PATIENCE)


class RuntimeDirectory:
    """/run/user/UID of the outsider, as logind makes it."""

    def __enter__(self):
        self.user = User(OUTSIDER)
        self.path = '/run/user/' + self.user.uid
        self.made = [path for path in ('/run/user', self.path) if not os.path.isdir(path)]
        for path in self.made:
            os.mkdir(path, 0o755)
        os.chown(self.path, int(self.user.uid), int(self.user.uid))
        return self

    def __exit__(self, *unused):
        for name in os.listdir(self.path):
            path = f'{self.path}/{name}'
            shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
        for path in reversed(self.made):
            os.rmdir(path)


class ConfiguredDockerd(Dockerd):
    """One whose doors are not on its command line, or others are."""

    def __init__(self, name, *args, config=None, hosts=True):
        self.config, self.hosts = config or {}, hosts
        super().__init__(name, *args)

    def start(self):
        with open(self.dir + '/daemon.json', 'w') as file:
            file.write(json.dumps(self.config).replace('DIR', self.dir))
        if not self.hosts:
            while '--host' in self.command:
                at = self.command.index('--host')
                del self.command[at:at + 2]
        super().start()


@test
def engine_is_described():
    """What is watched, how it was found, and what the engine says of itself."""
    with finds() as callerd:
        record = wait_answered(callerd, 'unix://' + SOCKET)
        info = json.loads(request('GET', '/info')[1])
        version = json.loads(request('GET', '/version')[1])
        engine = field(record, 'callerd.engine')
        equal([engine[name] for name in ('brand', 'version', 'api_version', 'root_directory', 'cgroup_driver')],
              ['docker', version['Version'], version['ApiVersion'], info['DockerRootDir'], info['CgroupDriver']],
              'what it says')
        equal(engine['security_options'], info['SecurityOptions'], 'security options')
        equal(engine['found_by'], ['configured', 'process', 'argument'], 'how it was found')
        equal(engine['watched'], True, 'watched')
        true('unanswered' not in engine and 'foreign_program' not in engine, f'nothing is open: {engine}')
        equal(field(record, 'callerd.server.user.id'), '0', 'whose process')
        true(field(record, 'callerd.server.executable').endswith('/dockerd'), 'its program')
        equal(findings(record), {}, 'findings')


@test
def without_any_configuration():
    """No socket is given, and no file: the first command of the README."""
    log = D + '/log.ndjson'
    with open(D + '/empty.conf', 'w', encoding='utf-8'):
        os.chmod(D + '/empty.conf', 0o600)
    with subprocess.Popen([CALLERD, '--output', 'file:' + log + ',chain=no', '--backend', BACKEND, '--state', 'none',
                           '--pin', 'none', '--config', D + '/empty.conf'], stdin=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + PATIENCE

        def wait(**wanted):
            while time.monotonic() < deadline:
                if os.path.exists(log):
                    with open(log, encoding='utf-8') as file:
                        lines = file.read().split('\n')[:-1]
                    found = [record for record in map(json.loads, lines) if matches(record, **wanted)]
                    if found:
                        return found[0]
                time.sleep(0.02)
            raise AssertionError(f'no record with {wanted}')
        try:
            equal(field(wait(event__action='agent-started'), 'callerd.sockets')[0], '/run/docker.sock', 'sockets')
            record = wait(event__action='engine-found', callerd__engine__address='unix://' + SOCKET)
            equal(field(record, 'callerd.engine.found_by'), ['process', 'argument'], 'how it was found')
            request('GET', '/_ping?by=default')
            wait(url__original='/_ping?by=default', callerd__connection__socket=SOCKET)
        finally:
            process.terminate()


@test
def comes_and_goes():
    """A second dockerd, at two sockets, that starts and stops while callerd runs."""
    with finds() as callerd:
        with Dockerd('comes') as second:
            for path in (second.path, second.other):
                record = wait_answered(callerd, 'unix://' + path, callerd__engine__watched=True)
                equal(field(record, 'callerd.engine.root_directory'), second.dir + '/data', 'its own files')
            request('GET', '/_ping?by=door', path=second.other)
            record = callerd.wait(url__original='/_ping?by=door')[0]
            equal(field(record, 'callerd.connection.socket'), second.other, 'its socket')
            # Its inventory and its events are asked for as those of a socket that was given.
            id_ = second.docker('create', IMAGE, 'true').strip()
            callerd.event('container/create', id_)
            second.docker('rm', id_)
        for path in (second.path, second.other):
            wait_found(callerd, 'unix://' + path, 'engine-gone')
        second.start()
        callerd.wait(2, event__action='engine-found', callerd__engine__address='unix://' + second.path)
        second.stop()


@test
def hosts_of_configuration_file():
    with finds() as callerd:
        with ConfiguredDockerd('file', config={'hosts': ['unix://DIR/docker.sock', 'unix://DIR/third.sock'],
                                               'live-restore': True}, hosts=False) as second:
            record = wait_answered(callerd, f'unix://{second.dir}/third.sock')
            equal(field(record, 'callerd.engine.found_by'), ['process', 'daemon.json'], 'how it was found')
            equal(field(record, 'callerd.engine.live_restore'), True, 'live-restore')


def answers(url):
    """Whether an engine answers a client that has no certificate."""
    return subprocess.run(['curl', '-sk', '--noproxy', '*', url], stdout=subprocess.PIPE, check=False).stdout == b'OK'


def tcp_door(name, wanted, tls, *args):
    port = free_port()
    with finds() as callerd:
        with Dockerd(name, '-H', f'tcp://127.0.0.1:{port}', *args):
            equal([answers(f'{scheme}://127.0.0.1:{port}/_ping') for scheme in ('http', 'https')],
                  [tls == 'none', tls == 'encrypted'], 'whom it answers')
            record = wait_found(callerd, f'tcp://127.0.0.1:{port}')
            equal(findings(record), {'engine-tcp': wanted}, 'findings')
            equal(field(record, 'callerd.engine.tls'), tls, 'tls')
            equal(field(record, 'callerd.engine.watched'), True, 'whether it is watched')
            true('argument' in field(record, 'callerd.engine.found_by'), 'how it was found')
        equal(findings(wait_found(callerd, f'tcp://127.0.0.1:{port}', 'engine-gone')), {}, 'findings of its end')


@test
def tcp_without_tls():
    tcp_door('plain', 'critical', 'none')


@test
def tcp_with_tls_for_everybody():
    tcp_door('encrypted', 'critical', 'encrypted', '--tls', '--tlsverify=false', *certificates(D))


@test
def tcp_with_client_certificates():
    tcp_door('verified', 'low', 'client-certificates', '--tlsverify=true', *certificates(D))


@test
def tcp_with_tls_alone():
    """That verifies, too; and --tls=false does not undo --tlsverify."""
    tcp_door('alone', 'low', 'client-certificates', '--tls', *certificates(D))
    tcp_door('undone', 'low', 'client-certificates', '--tlsverify', '--tls=false', *certificates(D))


@test
def podman_is_found():
    with finds() as callerd:
        with podman.Podman() as service:
            record = callerd.wait(that=lambda one: field(one, 'callerd.engine.version'), event__action='engine-found',
                                  callerd__engine__address='unix://' + service.path)[0]
            engine = field(record, 'callerd.engine')
            equal([engine['brand'], engine['watched']], ['podman', True], 'the engine')
            version = json.loads(request('GET', '/version', path=service.path)[1])
            equal(engine['version'], version['Version'], 'its version')
            request('GET', '/_ping?by=podman', path=service.path)
            record = callerd.wait(url__original='/_ping?by=podman')[0]
            equal(field(record, 'callerd.api.engine'), 'podman', 'the engine of a request')
        wait_found(callerd, 'unix://' + service.path, 'engine-gone')


@test
def rootless_engine():
    """A user's own engine at the path where such are, while callerd runs: watched, told, and not believed."""
    with RuntimeDirectory() as runtime, finds() as callerd:
        path = runtime.path + '/docker.sock'
        with OwnEngine(path, directory=runtime.path):
            record = wait_answered(callerd, 'unix://' + path)
            engine = field(record, 'callerd.engine')
            equal(engine['found_by'], ['rootless-path', 'process'], 'how it was found')
            equal([engine['rootless'], engine['version'], engine['foreign_program'], engine['watched']],
                  [True, '99.1', True, True], 'what is believed')
            equal(field(record, 'callerd.server.user.id'), runtime.user.uid, 'whose process')
            runtime.user.run('curl', '-s', '--unix-socket', path, 'http://x/containers/json?of=mine')
            callerd.wait(url__original='/containers/json?of=mine', callerd__connection__socket=path)
        os.unlink(path)
        wait_found(callerd, 'unix://' + path, 'engine-gone')


class RootlessDockerd:
    """A real one, with a containerd of its own, in a user namespace of the outsider's, as dockerd-rootless.sh starts it, but for the
    network."""

    def __init__(self, runtime):
        self.user, self.path = runtime.user, runtime.path + '/docker.sock'
        self.home = tempfile.mkdtemp(prefix='home-', dir=D)
        self.gid = str(pwd.getpwnam(OUTSIDER).pw_gid)
        os.chown(self.home, int(self.user.uid), int(self.gid))
        run('usermod', '--add-subuids', '2100000000-2100065535', '--add-subgids', '2100000000-2100065535', OUTSIDER)
        self.environment = {'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'HOME': self.home, 'XDG_RUNTIME_DIR': runtime.path}
        self.command = ['rootlesskit', f'--state-dir={runtime.path}/rootlesskit', '--net=host', '--copy-up=/etc', '--copy-up=/run',
                        '--propagation=rslave', 'sh', '-c', 'rm -f /run/docker /run/containerd; exec "$@"', 'sh', 'dockerd',
                        '--rootless', '--iptables=false', '--ip-forward=false', '--bridge=none', '--storage-driver=vfs',
                        f'--host=unix://{self.path}']

    def as_user(self, *command):
        return ['setpriv', '--reuid', self.user.uid, '--regid', self.gid, '--clear-groups', '--', *command]

    def docker(self, *command, **how):
        return subprocess.run(self.as_user('docker', '--host', 'unix://' + self.path, *command), env=self.environment, check=True,
                              stdout=subprocess.PIPE, **how).stdout.decode()

    def __enter__(self):
        with open(D + '/rootless.log', 'ab') as log:
            self.process = subprocess.Popen(self.as_user(*self.command), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, env=self.environment)
        deadline = time.monotonic() + PATIENCE * 2
        while not os.path.exists(self.path) or subprocess.run(
                self.as_user('curl', '-fs', '--unix-socket', self.path, 'http://x/_ping'), stdout=subprocess.DEVNULL,
                check=False).returncode:
            if self.process.poll() is not None or time.monotonic() > deadline:
                with open(D + "/rootless.log") as log:
                    raise AssertionError(f"it does not start: {log.read()[-600:]}")
            time.sleep(0.1)
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.wait(PATIENCE * 2)

    def free(self):
        run('usermod', '--del-subuids', '2100000000-2100065535', '--del-subgids', '2100000000-2100065535', OUTSIDER)


@test
def rootless_dockerd():
    """A real rootless dockerd comes, runs a container, goes, and comes again at the same place."""
    for program in 'rootlesskit', 'newuidmap':
        if not shutil.which(program):
            raise Skip(f'no {program}: tools/install-deps test')
    image = D + '/rootless.tar'
    with tarfile.open(image, 'w') as tar:
        tar.add('/bin/busybox', 'bin/busybox')
    os.chmod(image, 0o644)
    with RuntimeDirectory() as runtime, finds() as callerd:
        engine = RootlessDockerd(runtime)
        address = 'unix://' + engine.path
        try:
            for turn in range(2):
                with engine:
                    record = callerd.wait(turn + 1, event__action='engine-found', callerd__engine__address=address, that=lambda one:
                                          'unanswered' not in one['callerd']['engine'])[-1]
                    told = field(record, 'callerd.engine')
                    real = json.loads(engine.docker('version', '--format', '{{json .Server}}'))
                    equal([told['version'], told['rootless'], told['watched'], told['found_by']],
                          [real['Version'], True, True, ['rootless-path', 'process']], 'the engine')
                    equal(told['root_directory'], engine.home + '/.local/share/docker', 'its root directory')
                    equal(field(record, 'callerd.server.user.id'), runtime.user.uid, 'whose process')
                    with open(image, 'rb') as file:
                        engine.docker('import', '-', f'rootless-{turn}', stdin=file)
                    equal(engine.docker('run', '--rm', '--network', 'none', f'rootless-{turn}', '/bin/busybox', 'echo', 'in there'),
                          'in there\n', 'what the container says')
                    own = {'callerd__connection__socket': engine.path, 'that': lambda r: acts_as(r) == runtime.user.uid}
                    for operation in 'ImageCreate', 'ContainerCreate', 'ContainerStart':
                        call = callerd.wait(turn + 1, callerd__api__operation=operation, **own)[-1]
                        true(field(call, 'http.response.status_code') < 300, call['message'])
                callerd.wait(turn + 1, event__action='engine-gone', callerd__engine__address=address)
        finally:
            engine.free()


@test
def comes_and_goes_all_day():
    """More often than one user may have sockets watched: what comes back to its place is watched as it was."""
    with RuntimeDirectory() as runtime, finds() as callerd:
        paths = [runtime.path + '/' + name for name in ('docker.sock', 'a.sock', 'b.sock', 'c.sock')]
        for turn in range(1, 4):
            with OwnEngine(*paths, directory=runtime.path):
                for path in paths:
                    records = callerd.wait(turn, event__action='engine-found',
                                           callerd__engine__address='unix://' + path)
                    equal(field(records[-1], 'callerd.engine.watched'), True, f'{path} watched, time {turn}')
            for path in paths:
                os.unlink(path)
            for path in paths:
                callerd.wait(turn, event__action='engine-gone', callerd__engine__address='unix://' + path)
        path = paths[0]
        with OwnEngine(path, directory=runtime.path):
            runtime.user.run('curl', '-s', '--unix-socket', path, 'http://x/containers/json?of=mine')
            callerd.wait(url__original='/containers/json?of=mine', callerd__connection__socket=path)


@test
def rootless_socket_of_systemd():
    """Nobody but systemd listens: it is told, and a connect of callerd's does not start the engine."""
    with RuntimeDirectory() as runtime, finds() as callerd:
        path = runtime.path + '/podman/podman.sock'
        os.mkdir(os.path.dirname(path))
        os.chown(os.path.dirname(path), int(runtime.user.uid), -1)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            os.chown(path, int(runtime.user.uid), -1)
            listener.listen(5)
            record = wait_found(callerd, 'unix://' + path)
            equal(field(record, 'callerd.engine.found_by'), ['rootless-path'], 'how it was found')
            true('does not run' in field(record, 'callerd.engine.unanswered'), 'why nothing is known')
            listener.setblocking(False)
            try:
                listener.accept()
                raise AssertionError('callerd connected')
            except BlockingIOError:
                pass
        os.unlink(path)
        wait_found(callerd, 'unix://' + path, 'engine-gone')


@test
def hostile_user():
    """A user's process called dockerd: neither foreign sockets nor slow answers nor many sockets do harm."""
    other = D + '/other.sock'
    with RuntimeDirectory() as runtime, Daemon(other), finds() as callerd:
        os.symlink(other, runtime.path + '/docker.sock')
        os.mkdir(runtime.path + '/podman')
        os.mkfifo(runtime.path + '/podman/podman.sock')
        directory = tempfile.mkdtemp(prefix='many-', dir=D)
        paths = [f'slow:{directory}/{number}.sock' for number in range(12)]
        with OwnEngine(*paths, directory=directory):
            own = lambda record: field(record, 'callerd.engine.address', '').startswith('unix://' + directory)
            records = callerd.wait(4, own, event__action='engine-found')
            for record in records:
                equal(field(record, 'callerd.engine.unanswered'), 'Connection timed out', 'what a slow one says')
                equal(field(record, 'callerd.server.user.id'), runtime.user.uid, 'whose process')
            callerd.wait(event__action='agent-status', that=lambda record:
                         field(record, 'callerd.status.engines-left-out', 0) >= 8)
            # Meanwhile another one is found.
            with Dockerd('meanwhile') as second:
                wait_found(callerd, 'unix://' + second.path)
            found = callerd.records(event__action='engine-found')
            equal(len([record for record in found if own(record)]), 4, 'sockets of one user')
            addresses = {field(record, 'callerd.engine.address') for record in found}
            for path in (other, runtime.path + '/docker.sock', runtime.path + '/podman/podman.sock'):
                true('unix://' + path not in addresses, f'{path} is not watched')
        request('GET', '/_ping', path=other)
        callerd.settle()
        equal(callerd.records(callerd__connection__socket=other), [], 'records of a socket that is no engine')


@test
def self_test_leaves_users_alone():
    """An engine whose owner has nobody come through would make the self-test slow, and fail."""
    door = D + '/tested.sock'
    directory = tempfile.mkdtemp(prefix='tested-', dir=D)
    path = directory + '/own.sock'
    with OwnEngine('slow:' + path, directory=directory), \
            Callerd('--discover', 'yes', '--metrics-socket', door) as callerd:
        equal(field(wait_found(callerd, 'unix://' + path), 'callerd.engine.watched'), True, 'watched')
        waiting = []
        try:
            while True:
                waiting.append(socket.socket(socket.AF_UNIX))
                waiting[-1].setblocking(False)
                waiting[-1].connect(path)
        except BlockingIOError:
            pass
        status, body = request('POST', '/self-test', path=door)
        callerd.settle()
        tested = {record['callerd']['connection']['socket'] for record in callerd.records(event__action='self-test')}
        true(SOCKET in tested and path not in tested, f'what was called: {tested}')
        true((SOCKET + ': the call was seen and recorded').encode() in body, body)
        equal((status, body.splitlines()[0]), (200, b'passed'), 'the self-test')
        for one in waiting:
            one.close()


@test
def user_with_ever_new_paths():
    """What is watched is watched for good: no user takes the room of others by and by."""
    with finds() as callerd:
        told = []
        for _ in range(3):
            directory = tempfile.mkdtemp(prefix='new-', dir=D)
            with OwnEngine(*(f'{directory}/{number}.sock' for number in range(4)), directory=directory):
                records = callerd.wait(4, event__action='engine-found', that=lambda record: field(
                    record, 'callerd.engine.address', '').startswith(f'unix://{directory}/'))
                told += [field(record, 'callerd.engine.watched') for record in records]
        equal(told, [True] * 8 + [None] * 4, 'which are watched')
        with Dockerd('later') as second:
            wait_found(callerd, 'unix://' + second.path, callerd__engine__watched=True)


CROWD = """
import os, socket, sys
for number in range(4):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f'{sys.argv[1]}/{number}.sock')
    listener.listen(5)
    if number < 3 and not os.fork():
        sys.stdin.read()
        os._exit(0)
    if number < 3:
        listener.close()
print('listens', flush=True)
sys.stdin.read()
"""


@test
def crowd_of_users():
    """Accounts in a user's hands (those of his subordinate ids), each with programs called dockerd: what is of root is
    found and watched all the same."""
    directory = tempfile.mkdtemp(prefix='crowd-', dir=D)
    os.chmod(directory, 0o755)
    program = directory + '/dockerd'
    shutil.copy(os.path.realpath('/usr/bin/python3'), program)
    crowd = []
    try:
        for uid in range(2000100000, 2000100000 + 33):
            own = f'{directory}/{uid}'
            os.mkdir(own)
            os.chown(own, uid, uid)
            crowd.append(subprocess.Popen(
                ['setpriv', '--reuid', str(uid), '--regid', str(uid), '--clear-groups', '--', program, '-c', CROWD, own],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={'PYTHONHOME': '/usr'}))
            equal(crowd[-1].stdout.readline(), b'listens\n', 'what one of the crowd says')
        with finds() as callerd:
            callerd.wait(event__action='agent-status',
                         that=lambda record: field(record, 'callerd.status.engines-left-out', 0) > 0)
            with Dockerd('crowded') as second:
                for path in (second.path, second.other):
                    wait_found(callerd, 'unix://' + path, callerd__engine__watched=True)
                request('GET', '/_ping?by=crowded', path=second.other)
                callerd.wait(url__original='/_ping?by=crowded', callerd__connection__socket=second.other)
    finally:
        for process in crowd:
            process.stdin.close()
        for process in crowd:
            process.wait(PATIENCE)


@test
def name_alone_is_nothing():
    """What a process writes into its arguments does not count."""
    with finds() as callerd:
        path = D + '/named.sock'
        with Daemon(path):
            liar = subprocess.Popen(['bash', '-c', 'exec -a dockerd python3 -c "import sys; sys.stdin.read()" '
                                     f'-H unix://{path}'], stdin=subprocess.PIPE)
            with Dockerd('after') as second:
                wait_found(callerd, 'unix://' + second.path)
            liar.kill()
            liar.wait()
        equal(callerd.records(callerd__engine__address='unix://' + path), [], 'what was found')


@test
def not_looked_for():
    """Where sockets are given, they alone are watched."""
    with Callerd() as callerd:
        with Dockerd('unseen') as second:
            request('GET', '/_ping?to=second', path=second.path)
            callerd.settle()
        records = callerd.stop()
        equal([r for r in records if r['event']['action'] in ('engine-found', 'engine-gone')], [], 'what was found')
        true(all(field(r, 'url.original') != '/_ping?to=second' for r in records), 'another engine is not watched')


@test
def next_agent_goes_on():
    """What an agent found is watched while none runs, and told by the next one."""
    pin = f'/sys/fs/bpf/callerd-found-{os.getpid()}'
    try:
        with Dockerd('kept') as second:
            with finds(pin=pin) as callerd:
                wait_found(callerd, 'unix://' + second.path)
                callerd.stop()
            request('GET', '/_ping?while=away', path=second.path)
            with finds(pin=pin) as callerd:
                record = callerd.wait(url__original='/_ping?while=away')[0]
                equal(field(record, 'callerd.connection.socket'), second.path, 'its socket')
                wait_found(callerd, 'unix://' + second.path)
    finally:
        run(CALLERD, '--pin', pin, '--detach')


os.makedirs(D, exist_ok=True)
os.chmod(D, 0o755)
os.chmod(DIR, 0o755 | stat.S_IMODE(os.stat(DIR).st_mode))
main()
