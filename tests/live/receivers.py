# SPDX-License-Identifier: Apache-2.0
"""Real receivers of syslog, unpacked and not installed, with the configurations of docs/siem/examples.

What an example has of ports and paths is replaced by ports that are free and a directory of the test's own.
"""
import glob

from live import *

EXAMPLES = ROOT + '/docs/siem/examples/'
TREES = ROOT + '/build/receivers'
CERTIFICATES = DIR + '/receivers-tls'
# What stands in the examples, for servers of all kinds.
PORTS = {'udp': 514, 'tcp': 601, 'tls': 6514}


def unpack(*packages):
    """The tree of the first of PACKAGES, with all that it needs, which is not installed."""
    done = subprocess.run([ROOT + '/tools/unpack', TREES, *packages], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise Skip('no ' + packages[0] + ': ' + done.stdout.decode().replace('\n', ' '))
    return f'{TREES}/{packages[0]}'


def make_certificates():
    """An authority, ca.pem, and a server's certificate for 127.0.0.1 and relay.test, and one for a client."""
    if os.path.exists(CERTIFICATES):
        return
    os.makedirs(CERTIFICATES)
    script = r'''
        cd "$0"
        key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
        openssl req -x509 $key -keyout ca.key -out ca.pem -subj /CN=authority -days 2
        for name in relay client; do
            openssl req $key -keyout $name.key -out $name.csr -subj /CN=$name
            echo subjectAltName=DNS:$name.test,IP:127.0.0.1 >$name.ext
            openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -set_serial 1 -days 2 -extfile $name.ext -out $name.pem
        done'''
    run('sh', '-ec', script, CERTIFICATES)


def free_port():
    """One that nobody has, for TCP and UDP."""
    with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        tcp.bind(('127.0.0.1', 0))
        udp.bind(('127.0.0.1', tcp.getsockname()[1]))
        return tcp.getsockname()[1]


class Receiver:
    """A server of syslog; what it got is in messages()."""

    def __init__(self, name, example, changes=()):
        make_certificates()
        self.dir = tempfile.mkdtemp(prefix=name + '.', dir=DIR)
        self.ports = {transport: free_port() for transport in PORTS}
        self.config = self.dir + '/conf'
        with open(EXAMPLES + example) as file:
            text = file.read()
        for old, new in [*self.places(), ('/var/log/callerd', self.dir), *changes]:
            if old not in text:
                raise AssertionError(f'{example} has no {old}')
            text = text.replace(old, new)
        with open(self.config, 'w') as file:
            file.write(text)
        self.process = None
        self.parsed, self.read = [], 0

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *unused):
        self.kill()

    def start(self):
        command, libraries = self.command()
        with open(self.dir + '/log', 'ab') as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.dir,
                                            env={**os.environ, 'LD_LIBRARY_PATH': libraries})
        deadline = time.monotonic() + PATIENCE
        while not self.listens():
            if self.process.poll() is not None or time.monotonic() > deadline:
                with open(self.dir + '/log') as log:
                    raise AssertionError(f'{command[0]} does not start: {log.read():.1000}')
            time.sleep(0.02)

    def stop(self):
        """In good order: what it has is written."""
        self.process.terminate()
        self.process.wait(PATIENCE)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def listens(self):
        """Whether it takes connections; it may be told nothing by trying."""
        with open('/proc/net/tcp') as table:
            return f'0100007F:{self.ports["tcp"]:04X} 00000000:0000 0A' in table.read()

    def messages(self):
        """All that it got so far, as dictionaries, in order."""
        try:
            with open(self.dir + '/messages.ndjson', 'rb') as file:
                file.seek(self.read)
                data = file.read()
        except FileNotFoundError:
            return self.parsed
        end = data.rfind(b'\n') + 1
        self.read += end
        for line in data[:end].split(b'\n')[:-1]:
            self.parsed.append(self.parse(line))
        return self.parsed

    def parse(self, line):
        """Before it may be one that was torn when its writer was killed."""
        try:
            fields = json.loads(line)
        except ValueError:
            fields = json.loads(line[max(line.rfind(start) for start in self.STARTS):])
        return {self.NAMES.get(name, name): value for name, value in fields.items()}

    def of_run(self, run_id):
        return [message for message in self.messages() if message['run'] == run_id]

    def wait(self, that, what):
        """Waits until THAT is true of its messages."""
        deadline = time.monotonic() + PATIENCE
        while not that(self.messages()):
            if time.monotonic() > deadline:
                raise AssertionError(f'{what}: it has {len(self.parsed)} messages')
            time.sleep(0.02)


class Rsyslog(Receiver):
    NAMES = {}
    STARTS = [b'{"timestamp":']

    def __init__(self, example='rsyslog-relay.conf', driver='ossl'):
        self.tree = unpack('rsyslog', 'rsyslog-openssl', 'rsyslog-gnutls')
        self.socket = self.log = None
        self.local = 'local' in example
        super().__init__('rsyslog', example, [] if self.local else [('"ossl"', f'"{driver}"')])

    def places(self):
        if self.local:
            self.log, self.socket = self.dir + '/dev-log', self.dir + '/socket'
            return [('/dev/log"', self.log + '"'), ('/run/callerd-rsyslog"', self.socket + '"')]
        return [('/etc/rsyslog/tls', CERTIFICATES), ('/var/spool/rsyslog', self.dir),
                *((f' port="{old}"', f' address="127.0.0.1" port="{self.ports[transport]}"')
                  for transport, old in PORTS.items())]

    def command(self):
        libraries = glob.glob(self.tree + '/usr/lib/*-linux-gnu*')[0]
        return [self.tree + '/usr/sbin/rsyslogd', '-n', '-f', self.config, '-i', self.dir + '/pid', '-M',
                libraries + '/rsyslog'], libraries

    def listens(self):
        return os.path.exists(self.socket) if self.local else super().listens()


class SyslogNg(Receiver):
    NAMES = {'TIMESTAMP': 'timestamp', 'HOST': 'host', 'PROGRAM': 'program', 'PID': 'run', 'MSGID': 'action',
             '_SDATA': 'structured-data', 'PRI': 'priority', 'MESSAGE': 'message'}
    STARTS = [b'{"_SDATA":', b'{"TIMESTAMP":']

    def __init__(self, example='syslog-ng-relay.conf'):
        self.tree = unpack('syslog-ng-core')
        super().__init__('syslog-ng', example)

    def places(self):
        return [('/etc/syslog-ng/tls', CERTIFICATES),
                *((f' port({old})', f' ip(127.0.0.1) port({self.ports[transport]})')
                  for transport, old in PORTS.items() if transport != 'udp')]

    def command(self):
        libraries = self.tree + '/usr/lib/syslog-ng'
        version = next(path for path in glob.glob(libraries + '/*') if os.path.isdir(path))
        return [self.tree + '/usr/sbin/syslog-ng', '-F', '--no-caps', '--module-path=' + version, '-f', self.config,
                '-R', self.dir + '/persist', '-p', self.dir + '/pid', '-c', self.dir + '/ctl'
                ], libraries + ':' + glob.glob(self.tree + '/usr/lib/*-linux-gnu*')[0]
