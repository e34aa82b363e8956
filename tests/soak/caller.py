# SPDX-License-Identifier: Apache-2.0
"""One user of the soak: calls the engines in all the ways that there are, until the file STOP is there.

caller.py FILE: FILE is JSON: name, seed, engines, home, out, stop, pause (mean seconds between calls), flood (connections of a
burst; 0: no flood). Each request has a mark of its own. What became of it is a line of JSON in the file OUT, which the oracle reads:

	mark	of the request, or of several, told apart by a suffix (&n=3)
	suffix	None: that very mark; a text: that one; "*": any, or none: nobody knows how many were sent
	way	how it was sent
	status	of the answer; 0: it is not known whether the daemon read it, -1: answered, with what is not known
	uid	of the sender; also pid, exe, connector, parent (PIDs) and container, where they are known
	piece	requests of one write have the same
	time	when it was over
	doubt	true: whose it is cannot always be told, and the record may say so
"""
import os
import random
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + '/live')
import json

from live import CLIENTS, ROOT, connect, facts

PATIENCE = 90  # seconds for a client; an engine may be starting again
READ = ['/_ping', '/version', '/containers/json?all=1', '/images/json', '/volumes', '/networks', '/v1.41/containers/json?limit=3',
        '/containers/nobody/json', '/v1.41/nowhere']


class Answers:
    """The answers on a connection, one after the other, also where several come at once."""

    def __init__(self, client):
        self.client, self.data = client, b''

    def more(self):
        data = self.client.recv(1 << 16)
        if not data:
            raise ConnectionError
        self.data += data

    def until(self, end):
        """Takes what goes before END, and that."""
        while end not in self.data:
            self.more()
        taken, self.data = self.data.split(end, 1)
        return taken

    def take(self, size):
        while len(self.data) < size:
            self.more()
        self.data = self.data[size:]

    def status(self, head):
        """That of the next answer, once it has come as a whole. HEAD: it has no body."""
        lines = self.until(b'\r\n\r\n').decode('latin-1').split('\r\n')
        headers = dict(line.lower().split(': ', 1) for line in lines[1:] if ': ' in line)
        status = int(lines[0].split()[1])
        if head or status in (204, 304):
            return status
        if headers.get('transfer-encoding') == 'chunked':
            size = 1
            while size:
                size = int(self.until(b'\r\n'), 16)
                self.take(size + 2)
        else:
            self.take(int(headers.get('content-length', 0)))
        return status


class Caller:
    def __init__(self, job):
        self.job = job
        self.name = job['name']
        self.rng = random.Random(f'{job["seed"]} {self.name}')
        self.uid = os.getuid()
        self.out = open(job['out'], 'a', buffering=1)
        self.count = 0
        self.kept = {}  # connections that stay open, by engine
        self.relays = {}  # socat, by engine
        self.engine = None
        os.chdir(job['home'])
        os.environ.update(HOME=job['home'], TMPDIR=job['home'])

    # --- what is told to the oracle

    def mark(self):
        self.count += 1
        return f'soak-{self.name}-{self.count}'

    def target(self, mark, path='/_ping'):
        return path + ('&' if '?' in path else '?') + mark

    def tell(self, mark, status, **more):
        entry = {'mark': mark, 'suffix': None, 'status': status, 'uid': self.uid, 'engine': self.engine['name'],
                 'time': time.time(), **more}
        self.out.write(json.dumps(entry) + '\n')

    # --- in this process

    def ask(self, client, mark, method, path, body=None, headers=''):
        """Sends one request on CLIENT; its status, 0 where nobody knows what became of it."""
        if body is not None:
            headers += f'Content-Type: application/json\r\nContent-Length: {len(body)}\r\n'
        try:
            client.sendall(f'{method} {self.target(mark, path)} HTTP/1.1\r\nHost: docker\r\n{headers}\r\n'.encode() + (body or b''))
            return Answers(client).status(method == 'HEAD')
        except OSError:
            return 0

    def own(self, way, mark, status, **more):
        self.tell(mark, status, way=way, pid=os.getpid(), exe=os.readlink('/proc/self/exe'), **more)

    def one_shot(self):
        mark = self.mark()
        with connect(self.engine['path']) as client:
            method = self.rng.choice(['GET', 'GET', 'HEAD'])
            status = self.ask(client, mark, method, '/_ping' if method == 'HEAD' else self.rng.choice(READ),
                              headers='Connection: close\r\n')
        self.own('one shot', mark, status)

    def keep_alive(self):
        """Some requests on a connection that stays open, perhaps over a restart of the engine or the agent."""
        name = self.engine['name']
        for _ in range(self.rng.randint(1, 6)):
            mark = self.mark()
            client = self.kept.get(name)
            if not client:
                client = self.kept[name] = connect(self.engine['path'])
            status = self.ask(client, mark, 'GET', self.rng.choice(READ))
            self.own('keep-alive', mark, status)
            if not status:
                self.kept.pop(name).close()
                return

    def pipelined(self):
        """Several requests in one write. What comes behind the first may go unanswered."""
        marks = [self.mark() for _ in range(self.rng.randint(2, 4))]
        statuses = []
        with connect(self.engine['path']) as client:
            try:
                client.sendall(b''.join(f'GET {self.target(mark)} HTTP/1.1\r\nHost: docker\r\n\r\n'.encode() for mark in marks))
                answers = Answers(client)
                for _ in marks:
                    statuses.append(answers.status(False))
            except OSError:
                pass
        for i, mark in enumerate(marks):
            self.own('pipelined', mark, statuses[i] if i < len(statuses) else 0, piece=marks[0])

    def bodies(self):
        """Makes a volume and removes it; its body may be large, in chunks, or broken."""
        mark, labels = self.mark(), {}
        kind = self.rng.choice(['small', 'large', 'chunks', 'broken'])
        if kind == 'large':
            labels = {f'label{i}': 'x' * 1000 for i in range(self.rng.randint(20, 60))}
        body = json.dumps({'Name': mark, 'Labels': labels}).encode()
        with connect(self.engine['path']) as client:
            if kind == 'chunks':
                half = len(body) // 2
                chunks = b''.join(b'%x\r\n%s\r\n' % (len(part), part) for part in (body[:half], body[half:], b''))
                head = ('POST ' + self.target(mark, '/volumes/create') + ' HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n'
                        'Transfer-Encoding: chunked\r\n\r\n')
                try:
                    client.sendall(head.encode())
                    client.sendall(chunks)
                    status = Answers(client).status(False)
                except OSError:
                    status = 0
            else:
                status = self.ask(client, mark, 'POST', '/volumes/create', body[:-2] if kind == 'broken' else body)
            self.own('body ' + kind, mark, status, large=kind == 'large')
            if status == 201:
                other = self.mark()
                self.own('delete', other, self.ask(client, other, 'DELETE', '/volumes/' + mark))

    def container(self):
        """Makes a container and removes it."""
        mark = self.mark()
        body = json.dumps({'Image': 'bb', 'Cmd': ['true'], 'HostConfig': {'NetworkMode': 'none'}}).encode()
        with connect(self.engine['path']) as client:
            status = self.ask(client, mark, 'POST', f'/v1.41/containers/create?name={self.name}-{self.count}', body)
            self.own('container', mark, status)
            if status == 201:
                other = self.mark()
                self.own('container', other, self.ask(client, other, 'DELETE', f'/v1.41/containers/{self.name}-{self.count - 1}?force=1'))

    def stream(self):
        """Listens to the engine's events for a moment."""
        mark = self.mark()
        with connect(self.engine['path']) as client:
            self.own('stream', mark, self.ask(client, mark, 'GET', f'/events?since=1&until={int(time.time()) + 1}'))

    # --- other programs

    def run(self, *command):
        """Runs COMMAND; its PID, whether it ended well, and its output."""
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            try:
                output = process.communicate(timeout=PATIENCE)[0]
            except subprocess.TimeoutExpired:
                process.kill()
                output = process.communicate()[0]
        return process.pid, process.returncode == 0, output.decode(errors='replace')

    def curl(self):
        mark = self.mark()
        pid, _, output = self.run('curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '--unix-socket', self.engine['path'],
                                  'http://docker' + self.target(mark, self.rng.choice(READ)))
        self.tell(mark, int(output or 0), way='curl', pid=pid, exe='curl')

    def docker(self):
        """The command line, which pings first, without a mark."""
        mark = self.mark()
        what = self.rng.choice([('ps', '-a'), ('volume', 'ls'), ('network', 'ls')])
        pid, good, _ = self.run(self.engine['docker'], '-H', 'unix://' + self.engine['path'], *what, '--filter', f'name={mark}')
        self.tell(mark, 200 if good else 0, way='docker', pid=pid, exe='docker')

    def in_container(self):
        """By `docker exec`, from a container that has the socket: known by the container's id, not by a PID."""
        mark = self.mark()
        _, good, output = self.run(self.engine['docker'], '-H', 'unix://' + self.engine['path'], 'exec', 'door', 'unixhttp',
                                   '/run/docker/docker.sock', 'GET', self.target(mark))
        status = int(output.split()[1]) if good and output.startswith('HTTP/') else 0
        self.tell(mark, status, way='container', uid=0, container=self.engine['container'], exe='unixhttp')

    def relayed(self):
        """Through socat, which is the caller, then."""
        name = self.engine['name']
        path = f'{self.job["home"]}/relay-{name}'
        if name not in self.relays:
            self.relays[name] = subprocess.Popen(['socat', f'UNIX-LISTEN:{path},fork,unlink-early', 'UNIX-CONNECT:' + self.engine['path']],
                                                 stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while not os.path.exists(path):
                time.sleep(0.01)
        mark = self.mark()
        with connect(path) as client:
            status = self.ask(client, mark, 'GET', self.rng.choice(READ), headers='Connection: close\r\n')
        self.tell(mark, status, way='socat', parent=self.relays[name].pid, exe='socat')

    def odd(self):
        """The clients that send in odd ways."""
        way, *arguments = self.rng.choice(ODD).split()
        mark = self.mark()
        program = (ROOT + '/tests/clients/' if way.endswith('.py') else CLIENTS) + way
        target = [self.target(mark)] if way.endswith('.py') else ['--target', self.target(mark), *arguments]
        _, good, output = self.run(program, self.engine['path'], *target)
        found = facts(output)
        way = ' '.join([way, *arguments])
        if 'skip' in found:
            return
        if not good:
            self.tell(mark, 0, way=way, suffix='*')
            return
        exe = found.get('sender.executable', way.split()[0] if not way.endswith('.py') else 'python3')
        common = {'way': way, 'exe': exe}
        if '--spawn' in way:
            for i in range(int(found['spawned'])):
                self.tell(mark, -1, suffix=str(i), **common)
        elif 'alternate' in way:
            for key, pid in found.items():
                if key.startswith('request.'):
                    self.tell(mark, 200, suffix=key.split('.')[1], pid=int(pid), **common)
        elif 'splice' in way:
            for key, status in found.items():
                if key.startswith('mode.'):
                    self.tell(mark, int(status), suffix=key[5:], pid=int(found['sender.pid']), **common)
        elif 'oob' in way:
            for key, pid in found.items():
                if key.startswith('pid.'):
                    self.tell(mark, -1, suffix=key[4:], pid=int(pid), doubt=True, **common)
        else:
            pid = found.get('sender.pid') or found['first.pid']
            self.tell(mark, int(found.get('status', 0)), pid=int(pid), **common)

    # --- the loop

    def ways(self):
        common = [(self.one_shot, 6), (self.keep_alive, 8), (self.pipelined, 4), (self.curl, 2), (self.relayed, 3), (self.odd, 8)]
        if self.engine['kind'] == 'docker':
            common += [(self.bodies, 4), (self.stream, 0.2), (self.docker, 1), (self.container, 0.5)]
        if self.engine.get('container'):
            common.append((self.in_container, 0.5))
        return common

    def flood(self):
        """As many as go, in one process."""
        self.engine = self.rng.choice(self.job['engines'])
        mark = self.mark()
        _, _, output = self.run(CLIENTS + 'flood', self.engine['path'], '--target', self.target(mark), '--number', '--threads', '2',
                                '--connections', str(self.job['flood']), '--per-connection', '5')
        found = facts(output)
        unanswered = [int(line.split('=')[1]) for line in output.splitlines() if line.startswith('unanswered=')]
        if 'numbered' in found:
            self.tell(mark, 200, way='flood', pid=int(found['sender.pid']), exe='flood', numbered=int(found['numbered']),
                      unanswered=unanswered)
        else:
            self.tell(mark, 0, way='flood', suffix='*')

    def step(self):
        self.engine = self.rng.choice(self.job['engines'])
        ways = self.ways()
        way = self.rng.choices([way for way, _ in ways], [weight for _, weight in ways])[0]
        try:
            way()
        except OSError:  # the connect failed: the engine is away, and nothing was sent
            time.sleep(0.1)

    def loop(self):
        while not os.path.exists(self.job['stop']):
            if self.job['flood']:
                self.flood()
                time.sleep(self.rng.uniform(0.3, 1))
            else:
                self.step()
                time.sleep(self.rng.expovariate(1 / self.job['pause']))
        for relay in self.relays.values():
            relay.terminate()
        for client in self.kept.values():
            client.close()


ODD = ['one_shot', 'one_shot --spawn 4', 'one_shot --no-read', 'fork_sender', 'fork_sender --orphan', 'pass_fd', 'pass_fd --keep',
       'exec_sender', 'thread_sender', 'thread_sender --gone', 'split_sender', 'split_sender --mode alternate', 'iouring_sender',
       'iouring_sender --mode async', 'iouring_sender --mode sqpoll', 'splice_sender --mode all', 'child_sends.py',
       'overlap --mode oob']

if __name__ == '__main__':
    with open(sys.argv[1]) as file:
        Caller(json.load(file)).loop()
