# SPDX-License-Identifier: Apache-2.0
"""Connections that are older than callerd appear at their next request."""
import array
import shutil

from live import *

AGENT = None
FRAME = b'\0\0\0\4\0\0\0\0\0' # SETTINGS
REFUSED = 400, 500 # by engine: what it says to that as a body
OPEN = {}  # made before callerd starts, by name
D = DIR + '/preexisting'


def mark(name):
    return f'/_ping?older={name}'


def ask(client, target, method='GET', body=b''):
    length = f'Content-Length: {len(body)}\r\n' if body else ''
    client.sendall(f'{method} {target} HTTP/1.1\r\nHost: docker\r\n{length}\r\n'.encode() + body)
    return read_response(client, method == 'HEAD')[0]


def check(target, count=1, pid=None, status=200, preexisting=True):
    """The one record of TARGET, which is the COUNTth request that callerd saw on its connection."""
    found = AGENT.wait(event__action='api-request', url__original=target)
    equal(len(found), 1, f'records of {target}')
    record = found[0]
    equal(field(record, 'callerd.connection.preexisting'), True if preexisting else None,
          'preexisting')
    equal(field(record, 'callerd.connection.request'), count, 'request')
    equal(record['callerd']['connection']['socket'], SOCKET, 'socket')
    equal(field(record, 'http.response.status_code'), status, 'status')
    equal(record['process']['pid'], pid or os.getpid(), 'pid')
    return record


def check_self(record):
    """This process connected and sent."""
    equal(field(record, 'callerd.connector'), None, 'connector')
    with open('/proc/self/cmdline') as cmdline:
        equal(record['process']['args'], cmdline.read().split('\0')[:-1], 'args')
    equal(record['process']['executable'], os.readlink('/proc/self/exe'), 'executable')
    equal(acts_as(record), '0', 'user')


def is_refusal(record):
    """The answer to what what_looks_like_http2() sends, which is told without its request."""
    return 'url' not in record and field(record, 'http.response.status_code') in REFUSED


def only(connection, wanted):
    """These are all requests of the connection."""
    AGENT.settle()
    equal([r['url']['original'] for r in AGENT.records(
        event__action='api-request', callerd__connection__id=connection)
        if field(r, 'url.original')], wanted, 'requests of the connection')


@test
def idle():
    client = OPEN['idle']
    for i in range(1, 4):
        equal(ask(client, mark(f'idle{i}')), 200, 'status')
        record = check(mark(f'idle{i}'), i)
        check_self(record)
        equal(record['http']['request']['method'], 'GET', 'method')
    equal(AGENT.records(event__action='socket-connected',
                        callerd__connection__id=record['callerd']['connection']['id']), [],
          'connects')


@test
def never_used():
    equal(ask(OPEN['fresh'], mark('fresh'), 'HEAD'), 200, 'status')
    record = check(mark('fresh'))
    check_self(record)
    equal(record['http']['request']['method'], 'HEAD', 'method')


def goes_on(client, name):
    """What CLIENT asks from now on is read, and nothing else is told of its connection."""
    for i in range(1, 3):
        equal(ask(client, mark(f'{name}-{i}')), 200, 'status')
    record = check(mark(f'{name}-1'))
    check_self(record)
    check_self(check(mark(f'{name}-2'), 2))
    only(record['callerd']['connection']['id'], [mark(f'{name}-1'), mark(f'{name}-2')])


@test
def in_the_middle_of_a_head():
    client = OPEN['head']
    client.sendall(b'ost: docker\r\n\r\n')
    equal(read_response(client)[0], 200, 'status of what began before')
    goes_on(client, 'head')


@test
def in_the_middle_of_a_body():
    client = OPEN['body']
    client.sendall(b'ET /a HTTP/1.1"]}')  # the rest of the body looks nearly like a request
    equal(read_response(client)[0], 201, 'status of what began before')
    goes_on(client, 'body')


@test
def what_looks_like_http2():
    """Attacker: the end of a body that began before looks like a frame of HTTP/2. That hides no request behind it."""
    client = OPEN['frame']
    client.sendall(FRAME)
    true(read_response(client)[0] in REFUSED, 'status of what began before')
    goes_on(client, 'frame')
    equal([r['message'] for r in AGENT.records() if 'HTTP/2' in field(r, 'error.message', '')], [], 'HTTP/2')
    # What was not read then, the daemon has answered: that is told.
    equal(len([r for r in AGENT.records(event__action='api-request') if is_refusal(r)]), 1, 'answers')


@test
def in_the_middle_of_a_response():
    """The rest of a long answer is read and answered late: requests behind it are right."""
    client = OPEN['response']
    while True:
        size = int(client.readline(), 16)
        client.read(size + 2)
        if not size:
            break
    for i in range(1, 3):
        equal(ask(OPEN['response-socket'], mark(f'response-{i}')), 200, 'status')
    record = check(mark('response-1'))
    check_self(record)
    check_self(check(mark('response-2'), 2))


@test
def events_stream():
    """An endless response is no request, whatever it carries."""
    stream = OPEN['events']
    status, data = request('POST', '/volumes/create', b'{"Name": "older"}')
    equal(status, 201, 'volume')
    event = b''
    while b'older' not in event:
        event = stream.read(int(stream.readline(), 16) + 2)
    request('DELETE', '/volumes/older')
    AGENT.settle()
    equal([r['message'] for r in AGENT.records(event__action='api-request')
           if not is_refusal(r) and ('url' not in r or '/events' in r['url']['original'])], [], 'records of the stream')
    true(data, 'an answer')


@test
def hijacked_attach():
    """What is typed is no request, and the echo no answer."""
    client = OPEN['attach']
    # Before each piece of output there are eight bytes, which with an odd one behind them look nearly like a frame of HTTP/2.
    for text in (b'1 or 2\n', b'hello there\n', b'GET nowhere\n', b'\x00\xff\n', b'3\n'):
        client.sendall(text)
        echo = b''
        while len(echo) < len(text):
            echo += client.recv(100)
        true(text.strip() in echo, f'echo: {echo!r}')
    before = len(AGENT.records(event__action='api-request'))
    client.close()
    AGENT.settle()
    mine = [r for r in AGENT.records(event__action='api-request')[before:]
            if 'mark=' not in field(r, 'url.original', '')]
    equal([r['message'] for r in mine], [], 'records of the stream')
    equal([r['message'] for r in AGENT.records(event__action='api-request')
           if not field(r, 'url.path') and not is_refusal(r)], [], 'records without a path')


@test
def sent_by_a_child():
    client = OPEN['child']
    child = os.fork()
    if not child:
        ask(client, mark('child'))
        os._exit(0)
    os.waitpid(child, 0)
    record = check(mark('child'), pid=child)
    equal(field(record, 'callerd.connector.pid'), os.getpid(), 'connector')
    equal(field(record, 'callerd.connector.user.id'), '0', "connector's user")
    equal(field(record, 'callerd.connector.executable'), os.readlink('/proc/self/exe'),
          "connector's executable")
    equal(ask(client, mark('child-parent')), 200, 'status')
    check_self(check(mark('child-parent'), 2))


@test
def passed_to_another():
    """Over SCM_RIGHTS, to a process of another executable."""
    ours, theirs = socket.socketpair()
    code = '''import socket, array, sys
s = socket.socket(fileno=0)
m, a, *_ = s.recvmsg(1, socket.CMSG_SPACE(4))
c = socket.socket(fileno=array.array('i', a[0][2])[0])
c.sendall(('GET %s HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' % sys.argv[1]).encode())
c.recv(4096)
'''
    args = [D + '/receiver', '-I', '-c', code, mark('passed')]
    with theirs:
        receiver = subprocess.Popen(args, stdin=theirs)
    OPEN['passed'].setblocking(True)
    with ours:
        ours.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                               array.array('i', [OPEN['passed'].fileno()]))])
        equal(receiver.wait(PATIENCE), 0, 'receiver')
    record = check(mark('passed'), pid=receiver.pid)
    equal(record['process']['args'], args, 'args')
    equal(record['process']['executable'], D + '/receiver', 'executable')
    equal(field(record, 'callerd.connector.pid'), os.getpid(), 'connector')


@test
def whose_connector_is_gone():
    """The kernel's record of the peer outlives the process."""
    client, pid = OPEN['orphan'], OPEN['orphan-pid']
    equal(ask(client, mark('orphan')), 200, 'status')
    record = check(mark('orphan'))
    equal(field(record, 'callerd.connector.pid'), pid, 'connector')
    equal(field(record, 'callerd.connector.user.id'), OPEN['orphan-uid'], "connector's user")
    equal(field(record, 'callerd.connector.executable'), None, "connector's executable")


@test
def newer_connections_are_not_marked():
    request('GET', mark('newer'))
    check_self(check(mark('newer'), preexisting=False))


@test
def first_request_of_a_burst():
    """Many older connections at once."""
    for i, client in enumerate(OPEN['many']):
        client.sendall(f'GET {mark("many")}{i} HTTP/1.1\r\nHost: x\r\n\r\n'.encode())
    for client in OPEN['many']:
        equal(read_response(client)[0], 200, 'status')
    for i in range(len(OPEN['many'])):
        check_self(check(f'{mark("many")}{i}'))


def open_orphan():
    """A connection that a process of another user made, which is gone."""
    import pwd  # pylint: disable=import-outside-toplevel
    user = pwd.getpwnam(MEMBER)
    ours, theirs = socket.socketpair()
    child = os.fork()
    if not child:
        os.initgroups(MEMBER, user.pw_gid)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
        with connect() as client:
            theirs.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                     array.array('i', [client.fileno()]))])
        os._exit(0)
    _, ancillary, *_ = ours.recvmsg(1, socket.CMSG_SPACE(4))
    os.waitpid(child, 0)
    client = socket.socket(fileno=array.array('i', ancillary[0][2])[0])
    client.settimeout(PATIENCE)
    OPEN.update({'orphan': client, 'orphan-pid': child, 'orphan-uid': str(user.pw_uid)})


def open_streams():
    """The events stream, a container that echoes, a log that is longer than a socket's buffer."""
    events = OPEN['events-socket'] = connect()
    events.sendall(b'GET /events HTTP/1.1\r\nHost: docker\r\n\r\n')
    container = docker('create', '-i', '--network', 'none', IMAGE, '/bin/cat').strip()
    OPEN['attach'] = attach = connect()
    attach.sendall(f'POST /containers/{container}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\n'
                   'Host: docker\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n'.encode())
    equal(read_response(attach)[0], 101, 'attach')
    docker('start', container)
    long = docker('create', '--network', 'none', IMAGE, '/bin/sh', '-c',
                  'yes 0123456789012345678901234567890123456789 | head -n 40000').strip()
    docker('start', '-a', long)
    response = OPEN['response-socket'] = connect()
    response.sendall(f'GET /containers/{long}/logs?stdout=1 HTTP/1.1\r\nHost: x\r\n\r\n'.encode())
    for name, client in (('events', events), ('response', response)):
        head = b''
        while b'\r\n\r\n' not in head:
            head += client.recv(1)
        true(b' 200 ' in head, head)
        OPEN[name] = client.makefile('rb')


def open_all():
    for name in ('idle', 'fresh', 'head', 'body', 'frame', 'child', 'passed'):
        OPEN[name] = connect()
        if name != 'fresh':
            equal(ask(OPEN[name], '/_ping'), 200, 'status')
    OPEN['head'].sendall(b'GET /_ping?before HTTP/1.1\r\nH')
    OPEN['body'].sendall(b'POST /containers/create HTTP/1.1\r\nHost: docker\r\nContent-Length: 33\r\n'
                         b'Content-Type: application/json\r\n\r\n{"Cmd": ["echo G')
    OPEN['frame'].sendall(b'POST /containers/create HTTP/1.1\r\nHost: docker\r\nContent-Length: 10\r\n'
                          b'Content-Type: application/json\r\n\r\n ')
    OPEN['many'] = [connect() for _ in range(scaled(100, 20))]
    open_orphan()
    open_streams()


def main_with_agent():
    global AGENT
    os.mkdir(D)
    shutil.copy('/usr/bin/python3', D + '/receiver')
    open_all()
    with Callerd() as AGENT:
        main()


main_with_agent()
