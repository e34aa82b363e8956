# SPDX-License-Identifier: Apache-2.0
"""Engines that listen on TCP: calls from this host, from elsewhere, with TLS, and what others do at the same port."""
import array
import contextlib
import ctypes
import shutil
import ssl
import struct

from doors import certificates, elsewhere, finds, free_port, wait_found
from live import *

D = DIR + '/tcp'
IPPROTO_MPTCP = 262
CALL = '''
import os, socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
s.sendall(('GET %s HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' % sys.argv[3]).encode())
while s.recv(65536): pass
'''


def requests_of(callerd, count=1, **wanted):
    return callerd.wait(count, event__action='api-request', **wanted)


def dial(port, host='127.0.0.1'):
    return socket.create_connection((host, port), PATIENCE)


def ask(client, target, body=None, method='GET'):
    body = b'' if body is None else body
    client.sendall(f'{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
                   f'Content-Length: {len(body)}\r\n\r\n'.encode() + body)
    return read_response(client)


@contextlib.contextmanager
def engine(name, host, *args):
    """A dockerd that also listens on a port, and a callerd that has found it. Both its socket and its port are watched."""
    port = free_port()
    with Dockerd(name, '-H', f'tcp://{host}:{port}', *args) as daemon, finds() as callerd:
        door = wait_found(callerd, f'tcp://{host}:{port}')
        wait_found(callerd, 'unix://' + daemon.path)
        equal(field(door, 'callerd.engine.watched'), True, 'it is watched')
        yield daemon, callerd, port


def granted(callerd, address):
    """What `callerctl access` says of who can come in by that port, and who did."""
    callerd.settle()
    done = subprocess.run([ROOT + '/build/callerctl', 'access', '--json', '--read', callerd.log], stdout=subprocess.PIPE, timeout=PATIENCE, check=True)
    grants = [json.loads(line) for line in done.stdout.decode().splitlines()]
    mine = [grant for grant in grants if grant.get('socket') == address]
    equal([grant['kind'] for grant in mine], ['tcp'], mine)
    return mine[0]


@test
def from_this_host():
    """All that a caller at the socket has, and the events of what it did."""
    with engine('tcp-plain', '127.0.0.1') as (daemon, callerd, port):
        host = f'tcp://127.0.0.1:{port}'
        user = User(OUTSIDER)
        before = granted(callerd, f'127.0.0.1:{port}')
        equal((before['known'], before['requests'], before.get('last')), (True, 0, None), f'nobody came in: {before}')
        client = subprocess.Popen(user.command('docker', '-H', host, 'create', '--name', 'far', IMAGE, 'true'),
                                  stdout=subprocess.PIPE)
        container = client.communicate()[0].decode().strip()
        record = requests_of(callerd, callerd__api__operation='ContainerCreate', callerd__connection__socket=host)[0]
        equal(field(record, 'process.pid'), client.pid, 'PID')
        equal(field(record, 'user.id'), user.uid, 'who')
        equal(field(record, 'process.command_line'), f'docker -H {host} create --name far {IMAGE} true', 'command')
        equal(field(record, 'callerd.target.id'), container, 'what')
        equal(field(record, 'callerd.capture.complete'), True, 'complete')
        equal(field(record, 'destination'), {'ip': '127.0.0.1', 'port': port}, 'destination')
        equal(field(record, 'callerd.connection.source.ip'), '127.0.0.1', 'source')
        equal(field(record, 'callerd.connection.basis'), 'connected', 'basis')
        true('source' not in record, 'the address of this host is no place where somebody is')
        grant = granted(callerd, f'127.0.0.1:{port}')
        equal((grant['last_by'], grant['only_reads'], grant['requests'] > 0, 'last' in grant), (user.name, False, True, True), grant)
        # this engine has two sockets that are watched as well, each of which tells of it
        callerd.settle_events(daemon.other)
        callerd.settle_events(daemon.path)
        events = callerd.events('container/create', container)
        equal([field(one, 'process.pid') for one in events], [client.pid], 'whose event it is')
        connected = callerd.wait(event__action='socket-connected', callerd__connection__socket=host)[0]
        equal(field(connected, 'process.pid'), client.pid, 'who connected')
        daemon.docker('rm', 'far')


@test
def many_ways_to_talk():
    """Requests one after the other and two connections at once, in small pieces, and a session of an exec."""
    with engine('tcp-ways', '127.0.0.1') as (daemon, callerd, port):
        host = f'tcp://127.0.0.1:{port}'
        with dial(port) as one, dial(port) as two:
            for i in range(3):
                for name, client in ('one', one), ('two', two):
                    ask(client, f'/_ping?{name}={i}')
            for byte in b'GET /_ping?slow=1 HTTP/1.1\r\nHost: x\r\n\r\n':
                one.sendall(bytes([byte]))
                time.sleep(0.002)
            read_response(one)
        found = [field(requests_of(callerd, url__original=f'/_ping?{name}={i}')[0], 'callerd.connection.id')
                 for name in ('one', 'two') for i in range(3)]
        equal(len(set(found[:3]) | set(found[3:])), 2, 'two connections')
        slow = requests_of(callerd, url__original='/_ping?slow=1')[0]
        equal((field(slow, 'process.pid'), field(slow, 'callerd.connection.request')), (os.getpid(), 4), 'in pieces')
        run('docker', '-H', host, 'run', '-d', '--network', 'none', '--name', 'runs', IMAGE, 'sleep', '600')
        said = subprocess.run(['docker', '-H', host, 'exec', '-i', 'runs', 'cat'], input=b'GET /fake HTTP/1.1\r\n\r\n',
                              stdout=subprocess.PIPE, check=True).stdout
        equal(said, b'GET /fake HTTP/1.1\r\n\r\n', 'an exec over TCP')
        started = requests_of(callerd, callerd__api__operation='ExecStart')[0]
        equal(field(started, 'http.response.status_code'), 101, 'the answer')
        ended = callerd.wait(event__action='api-request-ended', callerd__api__operation='ExecStart')[0]
        equal(field(ended, 'callerd.connection.socket'), host, 'the same of its end')
        with dial(port) as last:
            ask(last, '/_ping?last=1')
        requests_of(callerd, url__original='/_ping?last=1')
        equal(callerd.records(url__path='/fake'), [], 'what is said within a session is no request')


@test
def from_elsewhere():
    """No process, and that is said; and from this host by whatever address, of IPv4 and IPv6."""
    with elsewhere('cdtcp', 7) as (here, there), engine('tcp-far', '[::]') as (daemon, callerd, port):
        subprocess.run(['ip', 'netns', 'exec', 'cdtcp', sys.executable, '-c', CALL, here, str(port), '/_ping?far=1'],
                       check=True)
        record = requests_of(callerd, url__original='/_ping?far=1')[0]
        equal(field(record, 'source.ip'), there, 'from where')
        equal(field(record, 'destination'), {'ip': here, 'port': port}, 'to where')
        equal(field(record, 'callerd.connection.basis'), 'address', 'basis')
        true('process' not in record and 'user' not in record, 'nobody is made up')
        equal(field(record, 'callerd.capture.complete'), True, 'nothing was missed')
        true(there in record['message'], record['message'])
        grant = granted(callerd, f'[::]:{port}')
        equal((grant['last_by'], grant['requests'], grant['known']), (there, 1, True), grant)
        for host, bound in ('::1', None), ('127.0.0.1', None), (here, None), ('127.0.0.1', here), (here, '127.0.0.2'):
            with socket.create_connection((host, port), PATIENCE, (bound, 0) if bound else None) as client:
                ask(client, f'/_ping?by={host}&bound={bound}')
            record = requests_of(callerd, url__original=f'/_ping?by={host}&bound={bound}')[0]
            equal((field(record, 'process.pid'), field(record, 'destination.ip'), field(record, 'callerd.connection.source.ip')),
                  (os.getpid(), host, bound or host), f'to {host}, bound to {bound}')


@test
def with_tls():
    """That it was TLS, and who; not a byte of it is taken for HTTP."""
    os.makedirs(D, exist_ok=True)
    with engine('tcp-tls', '127.0.0.1', '--tls', '--tlsverify=false', *certificates(D)) as (daemon, callerd, port):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
            context.maximum_version = version
            with context.wrap_socket(dial(port)) as client:
                own = client.getsockname()[1]
                client.sendall(b'GET /_ping?secret=1 HTTP/1.1\r\nHost: x\r\n\r\n')
                read_response(client)
            record = callerd.wait(event__action='socket-connected', callerd__connection__source__port=own)[0]
            equal((field(record, 'callerd.connection.tls'), field(record, 'process.pid')), (True, os.getpid()), 'TLS')
        with dial(port) as client: # the daemon answers that it wants TLS
            ask(client, '/_ping?plain=1')
        record = requests_of(callerd, url__original='/_ping?plain=1')[0]
        equal(field(record, 'http.response.status_code'), 400, 'without TLS')
        equal(len(callerd.records(event__action='api-request', callerd__connection__socket=f'tcp://127.0.0.1:{port}')),
              1, 'requests')
        equal(callerd.lost_in_rings(), 0, 'losses')


LISTEN = '''
import socket, sys
l = socket.create_server((sys.argv[1], int(sys.argv[2])), reuse_port=True)
print("listens", flush=True)
while True:
    c = l.accept()[0]
    c.recv(4096)
    c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
    c.close()
'''


def called_dockerd():
    """A program of that name, which does what it is told."""
    os.makedirs(D, exist_ok=True)
    directory = tempfile.mkdtemp(prefix='program-', dir=D)
    os.chmod(directory, 0o755)
    shutil.copy(os.path.realpath('/usr/bin/python3'), directory + '/dockerd')
    return directory + '/dockerd'


@test
def others_at_the_same_port():
    """At another address, in another network namespace, called an engine there or not, and the engine's port is no one else's."""
    user, program = User(OUTSIDER), called_dockerd()
    own_network = ['setpriv', '--reuid', user.uid, '--regid', user.uid, '--clear-groups', '--', 'unshare', '-rn',
                   'sh', '-c', 'ip link set lo up && exec "$0" "$@"']
    with elsewhere('cdother', 8) as (here, there), engine('tcp-same', '127.0.0.1') as (daemon, callerd, port):
        others = [subprocess.Popen([*how, '-c', LISTEN, address, str(port)], stdout=subprocess.PIPE,
                                   env={**os.environ, 'PYTHONHOME': '/usr'})
                  for how, address in (([sys.executable], '127.0.0.2'), ([*own_network, program], '127.0.0.1'),
                                       (['ip', 'netns', 'exec', 'cdother', program], '127.0.0.1'))]
        try:
            for other in others:
                equal(other.stdout.readline(), b'listens\n', 'another listener')
            host = f'tcp://127.0.0.1:{port}'
            found = [wait_found(callerd, host, callerd__server__pid=other.pid) for other in others[1:]]
            equal([field(one, 'callerd.server.user.id') for one in found], [user.uid, '0'], 'whose they are')
            equal(field(found[0], 'callerd.engine.watched'), True, 'one of his own')
            true('another network namespace' in field(found[1], 'callerd.engine.unwatched'), "root's other one")
            with dial(port, '127.0.0.2') as client:
                ask(client, '/_ping?stranger=1')
            for number, other in enumerate(others[1:]):
                subprocess.run(['nsenter', '-t', str(other.pid), '-n', sys.executable, '-c', CALL, '127.0.0.1', str(port),
                                f'/_ping?other={number}'], check=True)
            with dial(port) as client:
                ask(client, '/_ping?own=1')
            record = requests_of(callerd, url__original='/_ping?own=1')[0]
            equal((field(record, 'callerd.connection.socket'), field(record, 'process.pid')), (host, os.getpid()), 'its own')
            event = daemon.docker('create', IMAGE, 'true').strip()
            callerd.event('container/create', event)
            record = requests_of(callerd, url__original='/_ping?other=0')[0]
            equal(field(record, 'callerd.connection.socket'), f'{host}#user={user.uid}', 'at the door of his engine')
            equal([r for r in callerd.seen if 'stranger' in str(field(r, 'url.original')) or
                   '?other=1' in str(field(r, 'url.original'))], [], 'calls of others')
        finally:
            for other in others:
                other.kill()
                other.wait()


@test
def with_anothers_connection():
    """Whoever connects is named, and that this is what is known: the descriptor may be another's by then."""
    with engine('tcp-passed', '127.0.0.1') as (daemon, callerd, port):
        giver, taker = socket.socketpair()
        child = os.fork()
        if not child:
            with dial(port) as client:
                giver.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [client.fileno()]))])
            os._exit(0)
        fds = array.array('i')
        fds.frombytes(taker.recvmsg(1, socket.CMSG_LEN(4))[1][0][2][:4])
        os.waitpid(child, 0)
        with socket.socket(fileno=fds[0]) as client:
            client.settimeout(PATIENCE)
            ask(client, '/_ping?passed=1')
        record = requests_of(callerd, url__original='/_ping?passed=1')[0]
        equal((field(record, 'process.pid'), field(record, 'callerd.connection.basis')), (child, 'connected'), 'who')


@test
def connects_again():
    """By the socket by which another process connected before: each is named for its own connection."""
    with engine('tcp-again', '127.0.0.1') as (daemon, callerd, port):
        with dial(port) as client:
            ask(client, '/_ping?turn=1')
            equal(ctypes.CDLL(None).connect(client.fileno(), bytes(16), 16), 0, 'an address of AF_UNSPEC ends the connection')
            child = os.fork()
            if not child:
                client.connect(('127.0.0.1', port))
                ask(client, '/_ping?turn=2')
                os._exit(0)
            os.waitpid(child, 0)
        records = [requests_of(callerd, url__original=f'/_ping?turn={turn}')[0] for turn in (1, 2)]
        equal([field(one, 'process.pid') for one in records], [os.getpid(), child], 'who')
        equal(len({field(one, 'callerd.connection.id') for one in records}), 2, 'two connections')


@test
def reset_behind_a_request():
    """The daemon reads what was sent before a reset, also where it accepts only then."""
    with engine('tcp-reset', '127.0.0.1') as (daemon, callerd, port):
        for how in 'once', 'later':
            if how == 'later':
                daemon.process.send_signal(signal.SIGSTOP)
            try:
                with dial(port) as client:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                    client.sendall(f'GET /_ping?reset={how} HTTP/1.1\r\nHost: x\r\n\r\n'.encode())
            finally:
                daemon.process.send_signal(signal.SIGCONT)
            record = requests_of(callerd, url__original=f'/_ping?reset={how}')[0]
            equal((field(record, 'process.pid'), field(record, 'callerd.connection.preexisting')), (os.getpid(), None), how)


@test
def open_before():
    """A connection that is older than callerd has its address, and no process."""
    port = free_port()
    with Dockerd('tcp-old', '-H', f'tcp://127.0.0.1:{port}'), dial(port) as client:
        ask(client, '/_ping?unseen=1')
        with finds() as callerd:
            wait_found(callerd, f'tcp://127.0.0.1:{port}')
            ask(client, '/_ping?seen=1')
            record = requests_of(callerd, url__original='/_ping?seen=1')[0]
            equal((field(record, 'callerd.connection.preexisting'), field(record, 'callerd.connection.source.ip')),
                  (True, '127.0.0.1'), 'it is older')
            true('process' not in record, 'nobody is made up')
            with dial(port) as later:
                ask(later, '/_ping?later=1')
            equal(field(requests_of(callerd, url__original='/_ping?later=1')[0], 'process.pid'), os.getpid(), 'who')


@test
def accepted_later():
    """A connection that the engine had not accepted when its port was found is seen from the next look on."""
    port = free_port()
    with Dockerd('tcp-queued', '-H', f'tcp://127.0.0.1:{port}') as daemon:
        daemon.process.send_signal(signal.SIGSTOP)
        try:
            with dial(port) as client, finds() as callerd:
                wait_found(callerd, f'tcp://127.0.0.1:{port}')
                daemon.process.send_signal(signal.SIGCONT)
                own, turn = client.getsockname()[1], 0
                with socket.create_server(('127.0.0.1', 0)):  # has callerd look
                    while not callerd.records(event__action='api-request', callerd__connection__source__port=own):
                        turn += 1
                        true(turn < PATIENCE * 10, 'it is not seen')
                        ask(client, f'/_ping?turn={turn}')
                        time.sleep(0.1)
                record = callerd.records(event__action='api-request', callerd__connection__source__port=own)[0]
                equal(field(record, 'callerd.connection.preexisting'), True, 'its beginning was not seen')
        finally:
            daemon.process.send_signal(signal.SIGCONT)


@test
def listens_by_mptcp():
    """What callerd cannot see it does not say that it watches."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP).close()
    except OSError as error:
        raise Skip('this kernel has no MPTCP') from error
    code = f'''
import socket, sys
l = socket.socket(socket.AF_INET, socket.SOCK_STREAM, {IPPROTO_MPTCP})
l.bind((sys.argv[1], 0))
l.listen()
print(l.getsockname()[1], flush=True)
l.accept()
'''
    with finds() as callerd, subprocess.Popen([called_dockerd(), '-c', code, '127.0.0.1'], stdout=subprocess.PIPE,
                                              env={**os.environ, 'PYTHONHOME': '/usr'}) as listener:
        try:
            address = f'tcp://127.0.0.1:{int(listener.stdout.readline())}'
            record = wait_found(callerd, address, callerd__server__pid=listener.pid)
            equal(field(record, 'callerd.engine.watched'), None, 'watched')
            true('MPTCP' in field(record, 'callerd.engine.unwatched'), 'why it is not')
        finally:
            listener.kill()


if __name__ == '__main__':
    main()
