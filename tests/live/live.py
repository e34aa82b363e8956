# SPDX-License-Identifier: Apache-2.0
"""What the live tests share: callerd against the real daemon of tests/live/run.

A test module defines functions decorated with @test and ends in main(). It prints one line per test:
"ok NAME", "not ok NAME: why" or "skip NAME: why". No test waits for time to pass: it waits for records.
"""
import atexit
import json
import os
import pwd
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CALLERD = os.environ.get('CALLERD', ROOT + '/build/callerd')
CLIENTS = ROOT + '/build/clients/'
VM = os.environ.get('CALLERD_VM')
LONG = os.environ.get('CALLERD_LONG')  # `make test-long`
BACKEND = os.environ.get('CALLERD_BACKEND', 'auto')
PATIENCE = 120 if VM else 20  # seconds until a record must be there
DIR = os.environ.get('TESTBED_DIR', tempfile.gettempdir())
SOCKET = os.environ.get('TESTBED_SOCKET')
IMAGE = os.environ.get('TESTBED_IMAGE', 'bb')
MEMBER = os.environ.get('LIVE_MEMBER')  # a user in the socket's group
OUTSIDER = os.environ.get('LIVE_OUTSIDER')  # one who is not

_tests = []


class Skip(Exception):
    """This test cannot run here; says why."""


def test(function):
    _tests.append(function)
    return function


def scaled(count, vm, long=None):
    """How often to repeat: emulation is some 20 times slower, and `make test-long` may take its time."""
    return vm if VM else (LONG and long) or count


def of_each(pid, where, what):
    """{name: number} of WHAT in the files of /proc/PID/WHERE, in which it may be missing."""
    found = {}
    for name in os.listdir(f'/proc/{pid}/{where}'):
        path = f'/proc/{pid}/{where}/{name}' + ('/status' if where == 'task' else '')
        try:
            with open(path) as file:
                number = re.search(rf'^{what}:\s*(\d+)', file.read(), re.M)
        except FileNotFoundError:  # it was closed, or the thread ended
            continue
        if number:
            found[name] = int(number[1])
    return found


def losses(records):
    """What they say was lost, but for refused connects: other tests have some, anywhere on the host."""
    return [r['message'] for r in records if r['event']['action'] == 'records-lost'
            and r['callerd']['lost']['reason'] not in ('refused-unresolved', 'ring-full-refused')]


def held(pid):
    """The ids of the BPF programs that a process has."""
    try:
        return set(of_each(pid, 'fdinfo', 'prog_id').values())
    except OSError:
        return set()


def field(record, path, default=None):
    """record['a']['b'] for 'a.b', or DEFAULT."""
    for name in path.split('.'):
        if not isinstance(record, dict) or name not in record:
            return default
        record = record[name]
    return record


def acts_as(record, what='id'):
    """The effective user, whoever logged in: the tests may run below a login. None where there is no caller."""
    return field(record, f'user.effective.{what}' if field(record, 'user.effective') else f'user.{what}')


def matches(record, **wanted):
    """Whether RECORD has all the fields; 'a__b' stands for a.b."""
    return all(field(record, name.replace('__', '.')) == value for name, value in wanted.items())


def equal(got, wanted, what=''):
    if got != wanted:
        raise AssertionError(f'{what}: got {got!r}, wanted {wanted!r}')


def true(condition, what):
    if not condition:
        raise AssertionError(what)


@atexit.register
def _end_children():
    """What a failed test left running would keep whoever reads our output waiting."""
    subprocess.run(['pkill', '-KILL', '-P', str(os.getpid())], check=False)


class Callerd:
    """A running callerd with a JSON log of its own."""

    def __init__(self, *args, sockets=None, log=None, state='none', pin='none',
                 options=',chain=no', fold='no', detail='full'):
        self.log = log or tempfile.mktemp(prefix='log.', suffix='.json', dir=DIR)
        self.read = 0
        self.seen = []
        self.error = None # what it said, once it has stopped
        command = [CALLERD, '--output', f'file:{self.log},detail={detail}' + options, '--backend', BACKEND,
                   '--state', state, '--pin', pin]
        if fold:  # most tests ask the same again and again, and want a record of each
            command += ['--fold', fold]
        if VM: # under emulation a request takes longer than an event waits for it
            command += ['--event-wait', str(PATIENCE // 4)]
        if sockets: # of the test's own: it counts connections, and is not to be asked what it has
            command += ['--inventory', '0']
        for path in sockets or [SOCKET]:
            command += ['--socket', path]
        self.process = subprocess.Popen(command + list(args), stdin=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE)
        self.pid = self.process.pid
        self.wait(event__action='agent-started')

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.process.poll() is None:
            self.stop()
        os.unlink(self.log)

    def records(self, **wanted):
        """All records so far that have the fields."""
        try:
            with open(self.log, 'rb') as log:
                log.seek(self.read)
                data = log.read()
        except FileNotFoundError:
            data = b''
        end = data.rfind(b'\n') + 1
        self.read += end
        for line in data[:end].split(b'\n')[:-1]:
            self.seen.append(json.loads(line.decode('utf-8')))
        return [record for record in self.seen if matches(record, **wanted)]

    @property
    def broker(self):
        """The PID of callerd's other process, which connects to the engines."""
        with open(f'/proc/{self.pid}/task/{self.pid}/children') as file:
            children = file.read().split()
        equal(len(children), 1, 'processes that callerd started')
        return int(children[0])

    def wait(self, count=1, that=None, **wanted):
        """Waits until COUNT records have the fields (and satisfy THAT); returns them."""
        deadline = time.monotonic() + PATIENCE
        while True:
            found = [r for r in self.records(**wanted) if that is None or that(r)]
            if len(found) >= count:
                return found
            if self.process.poll() is not None:
                error = self.process.stderr.read().decode()
                raise AssertionError(f'callerd ended: {self.process.returncode} {error}')
            if time.monotonic() > deadline:
                raise AssertionError(f'{len(found)} of {count} records with {wanted}; there were: '
                                     + '; '.join(r['message'] for r in self.seen[-12:]))
            time.sleep(0.02)

    def event(self, kind, id_=None, count=1, that=None, **wanted):
        """Waits for COUNT docker-events of KIND, as 'container/start', of what has that id."""
        return self.wait(count, that, **event_fields(kind, id_, **wanted))

    def events(self, kind=None, id_=None, **wanted):
        """Those that there are so far."""
        return self.records(**event_fields(kind, id_, **wanted))

    def settle_events(self, path=None):
        """Waits until all events so far are written: they are told in order, and ours comes last."""
        name = f'settle-{os.getpid()}-{time.monotonic_ns()}'
        status, answer = request('POST', '/volumes/create', json.dumps({'Name': name}).encode(), path=path)
        equal(status, 201, f'a volume: {answer}')
        request('DELETE', '/volumes/' + name, path=path)
        self.event('volume/destroy', name)

    def settle(self):
        """Waits until all that happened so far is written: a call of our own comes after it. Behind a flood, on a
        machine that is busy with others, the rings may be full: another call, but only if such a loss is told."""
        deadline = time.monotonic() + PATIENCE * 2
        while True:
            mark = f'/_ping?mark={time.monotonic_ns()}'
            request('GET', mark)
            try:
                self.wait(url__original=mark)
                return
            except AssertionError:
                if time.monotonic() > deadline or not self.lost_in_rings():
                    raise

    def lost_in_rings(self):
        """How many requests and responses are told to be lost, since the rings were full."""
        return sum(r['callerd']['lost']['count'] for r in self.records(event__action='records-lost')
                   if r['callerd']['lost']['reason'] in ('ring-full-request', 'ring-full-response'))

    def stop(self):
        """SIGTERM; returns all records of the run."""
        self.process.terminate()
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError('callerd did not stop') from None
        self.error = self.process.stderr.read().decode()
        equal(code, 0, 'exit code of callerd: ' + self.error)
        return self.records()

    def memory(self):
        """(description, bytes) of pieces of all that the process can write to, but for the rings of the kernel."""
        with open(f'/proc/{self.pid}/maps') as maps, open(f'/proc/{self.pid}/mem', 'rb', buffering=0) as mem:
            for line in maps:
                span, mode, _, _, _, *name = line.split(maxsplit=5)
                if 'rw' not in mode or 'p' not in mode or 'bpf' in ''.join(name) or '[v' in ''.join(name):
                    continue
                start, end = (int(part, 16) for part in span.split('-'))
                for at in range(start, end, 1 << 24):
                    try:
                        mem.seek(at)
                        yield f'{span} {"".join(name).strip()}', mem.read(min(end - at, (1 << 24) + 64))
                    except OSError:
                        continue

    def rss(self):
        """Resident bytes, without the mapped rings."""
        total = 0
        rings = False
        with open(f'/proc/{self.pid}/smaps') as smaps:
            for line in smaps:
                first = line.split()[0]
                if '-' in first and not first.endswith(':'):
                    rings = 'bpf' in line
                elif first == 'Rss:' and not rings:
                    total += int(line.split()[1]) * 1024
        return total


def event_fields(kind=None, id_=None, **wanted):
    """For records() and wait(): 'container/start' of the thing with that id; more fields of the event."""
    fields = {'callerd__docker_event__' + name: value for name, value in wanted.items()}
    if kind:
        fields['callerd__docker_event__type'], fields['callerd__docker_event__action'] = kind.split('/')
    if id_:
        fields['callerd__docker_event__id'] = id_
    return {'event__action': 'docker-event', **fields}


def connect(path=None):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(PATIENCE)
    client.connect(path or SOCKET)
    return client


def read_response(client, head=False):
    """The status, headers and body of one HTTP response with a length or chunks."""
    data = b''
    while b'\r\n\r\n' not in data:
        more = client.recv(1)
        if not more:
            raise AssertionError(f'closed within the head: {data!r}')
        data += more
    lines = data.decode('latin-1').split('\r\n')
    headers = dict(line.lower().split(': ', 1) for line in lines[1:] if ': ' in line)
    status = int(lines[0].split()[1])
    body = b''
    if head or status in (204, 304) or status < 200:
        return status, headers, body
    stream = client.makefile('rb')
    if headers.get('transfer-encoding') == 'chunked':
        while True:
            size = int(stream.readline(), 16)
            body += stream.read(size)
            stream.readline()
            if not size:
                break
    elif 'content-length' in headers:
        body = stream.read(int(headers['content-length']))
    return status, headers, body


def request(method, target, body=None, headers='', path=None):
    """One request on a connection of its own; returns its status and body."""
    with connect(path) as client:
        if body is not None:
            headers += f'Content-Type: application/json\r\nContent-Length: {len(body)}\r\n'
        client.sendall(f'{method} {target} HTTP/1.1\r\nHost: docker\r\n{headers}\r\n'.encode()
                       + (body or b''))
        status, _, data = read_response(client, method == 'HEAD')
        return status, data


def run(*command, check=True, **options):
    """Runs a command; returns its output."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=PATIENCE * 6, **options)
    if check and done.returncode:
        raise AssertionError(f'{command}: {done.returncode} {done.stderr.decode()}')
    return done.stdout.decode(errors='replace')


class Daemon:
    """A daemon of the test's own: answers every HTTP request on PATH with 200, in this process."""

    def __init__(self, path, bind=None):
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(bind or path)
        self.listener.listen(128)
        if bind:
            os.rename(bind, path)
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    @staticmethod
    def _serve(client):
        with client:
            data = b''
            while True:
                while b'\r\n\r\n' not in data:
                    try:
                        more = client.recv(4096)
                    except ConnectionError:
                        return
                    if not more:
                        return
                    data += more
                head, data = data.split(b'\r\n\r\n', 1)
                client.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK')
                if b'Connection: close' in head:
                    return

    def close(self, unlink=True):
        """Ends the daemon; its node goes with it, or stays behind dead."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        if unlink:
            try:
                os.unlink(self.path)
            except FileNotFoundError:
                pass


def docker(*args, check=True):
    return run('docker', '-H', 'unix://' + SOCKET, *args, check=check)


class Dockerd:
    """A real daemon of the test's own, on two sockets: path, and other, a second door. ROOT: where its programs were
    unpacked, if they are not the installed ones."""

    def __init__(self, name, *args, root=None):
        name += f'-{os.getpid()}'
        self.dir = f'{DIR}/{name}'
        os.mkdir(self.dir)
        self.path, self.other = self.dir + '/docker.sock', self.dir + '/other.sock'
        driver = docker('info', '--format', '{{.Driver}}').strip()
        with open(self.dir + '/daemon.json', 'w') as config:  # the testbed's names its own --exec-root
            config.write('{}')
        self.command = [
            'dockerd', '--data-root', self.dir + '/data', '--exec-root', self.dir + '/exec',
            '--host', 'unix://' + self.path, '--host', 'unix://' + self.other,
            '--pidfile', self.dir + '/pid', '--config-file', self.dir + '/daemon.json',
            '--storage-driver', driver,
            '--exec-opt', 'native.cgroupdriver=cgroupfs', '--cgroup-parent', '/' + os.path.basename(DIR),
            '--group', 'docker', '--shutdown-timeout', '3', '--bridge=none', '--iptables=false',
            '--ip6tables=false', '--ip-masq=false', '--ip-forward=false', '--raw-logs', *args]
        self.environment = dict(os.environ)
        if root:  # with a containerd of its own
            self.environment['PATH'] = f'{root}/usr/sbin:{root}/usr/bin:' + os.environ['PATH']
        else:
            self.command += ['--containerd', DIR + '/containerd.sock', '--containerd-namespace', name,
                             '--containerd-plugins-namespace', name + '-plugins']
        self.process = None
        self.start()
        docker('save', '-o', self.dir + '/image', IMAGE)
        self.docker('load', '-i', self.dir + '/image')

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        containers = self.docker('ps', '-aq', check=False).split()
        if containers:
            self.docker('rm', '-f', *containers, check=False)
        self.stop()

    def start(self):
        with open(self.dir + '/log', 'ab') as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, env=self.environment)
        deadline = time.monotonic() + PATIENCE * 2
        while True:
            try:
                request('GET', '/_ping', path=self.path)
                return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f'dockerd does not start: {self.dir}/log')
            time.sleep(0.02)

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(PATIENCE * 2)

    def docker(self, *args, check=True):
        return run('docker', '-H', 'unix://' + self.path, *args, check=check)


class User:
    """Somebody who may use the sockets."""

    def __init__(self, name):
        self.name = name
        self.uid = str(pwd.getpwnam(name).pw_uid)

    def command(self, *command):
        """COMMAND as that user, with a login UID of his own where the kernel allows that."""
        return ['bash', '-c', '{ printf %s "$0" >/proc/self/loginuid; } 2>/dev/null; '
                'HOME=/nonexistent exec setpriv --reuid "$0" --regid docker --clear-groups -- "$@"',
                self.uid, *command]

    def run(self, *command, **options):
        return run(*self.command(*command), **options)

    def docker(self, *args, path=None, **options):
        return self.run('docker', '-H', 'unix://' + (path or SOCKET), *args, **options)

    def call(self, method, target, body=None, path=None):
        """One request by curl; returns its target, marked so that its record can be found, its status, and
        the answer, parsed where it is JSON."""
        target += f'{"&" if "?" in target else "?"}mark={self.name}-{time.monotonic_ns()}'
        output = self.run(
            'curl', '-s', '-w', '\n%{http_code}', '--unix-socket', path or SOCKET, 'http://docker' + target,
            *(['-I'] if method == 'HEAD' else ['-X', method]), '-H', 'Content-Type: application/json',
            *(['-d', json.dumps(body) if body else ''] if method == 'POST' else []))
        answer, status = output.rsplit('\n', 1)
        try:
            answer = json.loads(answer)
        except ValueError:
            pass
        return target, int(status), answer


def facts(output):
    """key=value lines of a test client."""
    return dict(line.split('=', 1) for line in output.splitlines() if '=' in line)


SLOW = 10  # seconds: a test that takes them is named in the table of times


def main():
    """Runs the module's tests, or those named in the arguments; exits with the number of failures."""
    wanted = sys.argv[1:]
    failed = 0
    module = os.path.relpath(os.path.abspath(sys.argv[0]), ROOT + '/tests/live')[:-3].replace('test_', '', 1)
    for function in _tests:
        name = module + '.' + function.__name__
        if wanted and function.__name__ not in wanted:
            continue
        began = time.monotonic()
        try:
            function()
            print('ok', name)
        except Skip as why:
            print(f'skip {name}: {why}')
        except Exception as why:  # pylint: disable=broad-except
            failed += 1
            print(f'not ok {name}: {why!s:.2000}'.replace('\n', ' '))
            if not isinstance(why, AssertionError):
                traceback.print_exc()
        took = time.monotonic() - began
        if took >= SLOW:
            print(f'# {name} took {took:.0f} s')
        sys.stdout.flush()
    sys.exit(min(failed, 100))
