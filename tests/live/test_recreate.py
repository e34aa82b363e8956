# SPDX-License-Identifier: Apache-2.0
"""The socket, and its directory, may come and go: no connection is unseen."""
import shutil

from live import *

AGENT = None
D = DIR + '/recreate'
SHOT = D + '/bin/one_shot'
NODE = D + '/node.sock'
RENAMED = D + '/renamed.sock'
LATE = D + '/late/er/node.sock'
FLEETING = D + '/fleeting/node.sock'
LINKED = D + '/link/node.sock'
WATCHED = [SOCKET, NODE, RENAMED, LATE, FLEETING, LINKED]
COUNT = scaled(70, 20, 200)


def mark(name, i):
    return f'/_ping?recreate={name}&i={i}'


def serve_once(path, bind=None):
    """Binds PATH anew, and a client of its own process connects at once. The node stays."""
    name, i = serve_once.name, serve_once.i
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(bind or path)
        server.listen(1)
        if bind:
            os.rename(bind, path)
        args = [SHOT, path, '--target', mark(name, i), '--', str(i)]
        client = subprocess.Popen(args, stdout=subprocess.DEVNULL)
        server.settimeout(PATIENCE)
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
            equal(client.wait(PATIENCE), 0, 'client')
    return client.pid, args


def rounds(name, count, path, one):
    """ONE(i) serves a client, COUNT times; each has its records."""
    clients = []
    for i in range(count):
        serve_once.name, serve_once.i = name, i
        clients.append(one(i))
    for action in ('socket-connected', 'api-request'):
        found = AGENT.wait(count, event__action=action, callerd__connection__socket=path,
                           that=lambda r: mark(name, '') in ' '.join(r['process']['args']))
        found.sort(key=lambda r: int(r['process']['args'][-1]))  # not in the order of connections
        equal([(r['process']['pid'], r['process']['args']) for r in found], clients,
              f'{action}: callers')
    equal([r['url']['original'] for r in found], [mark(name, i) for i in range(count)], 'requests')
    equal({field(r, 'http.response.status_code') for r in found}, {200}, 'status')


@test
def node_again_and_again():
    def one(_):
        client = serve_once(NODE)
        os.unlink(NODE)
        return client

    true(not os.path.exists(NODE), 'the socket is not there when callerd starts')
    rounds('node', COUNT, NODE, one)


@test
def unlinked_while_it_serves():
    """The old daemon's socket loses its name to the next one, and is still connected."""
    with Daemon(NODE):
        with connect(NODE) as first:
            os.unlink(NODE)
            with Daemon(NODE):
                with connect(NODE) as second:
                    for client, target in ((first, '/first'), (second, '/second')):
                        client.sendall(f'GET {target} HTTP/1.1\r\nHost: x\r\n\r\n'.encode())
                        equal(read_response(client)[0], 200, 'status')
    for target in ('/first', '/second'):
        record, = AGENT.wait(url__original=target)
        equal(record['callerd']['connection']['socket'], NODE, 'socket')
        equal(record['process']['pid'], os.getpid(), 'pid')


@test
def renamed_into_place_again_and_again():
    rounds('renamed', scaled(20, 5, 50), RENAMED, lambda i: serve_once(RENAMED, D + f'/temporary.{i}'))
    os.unlink(RENAMED)


@test
def directory_made_late():
    """It was not there when callerd started: the first connection is seen, not one a second later."""
    def one(_):
        client = serve_once(LATE)
        os.unlink(LATE)
        return client

    true(not os.path.exists(D + '/late'), 'the directory is not there when callerd starts')
    os.makedirs(D + '/late/er')
    rounds('late', 3, LATE, one)
    shutil.rmtree(D + '/late')


@test
def directory_again_and_again():
    def one(_):
        os.mkdir(D + '/fleeting')
        client = serve_once(FLEETING)
        os.unlink(FLEETING)
        os.rmdir(D + '/fleeting')
        return client

    rounds('directory', COUNT, FLEETING, one)


@test
def directory_replaced():
    """A new directory takes the old one's place by rename, with a daemon in it already."""
    def one(i):
        os.mkdir(D + '/next')
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
            server.bind(D + '/next/node.sock')
        os.unlink(D + '/next/node.sock')
        if i:
            os.rename(D + '/fleeting', D + '/old')
        os.rename(D + '/next', D + '/fleeting')
        client = serve_once(FLEETING)
        os.unlink(FLEETING)
        shutil.rmtree(D + '/old', ignore_errors=True)
        return client

    rounds('replaced', scaled(20, 5, 50), FLEETING, one)
    os.rmdir(D + '/fleeting')


@test
def directory_behind_a_link():
    def one(i):
        os.mkdir(D + f'/version{i}')
        os.symlink(f'version{i}', D + '/link.new')
        os.rename(D + '/link.new', D + '/link')
        time.sleep(1.2)  # a symlink is looked up once a second
        client = serve_once(LINKED)
        os.unlink(LINKED)
        return client

    rounds('link', 2, LINKED, one)


@test
def names_are_given_back():
    """After more directories than the kernel's table of names has room for, a new one is still found."""
    for i in range(3):
        path = f'{D}/d{i}'
        os.mkdir(path)
        with Callerd(sockets=[SOCKET, path + '/node.sock']) as agent:
            before = maps(agent.pid)
            os.rename(path, path + '.old')
            os.mkdir(path)
            deadline = time.monotonic() + PATIENCE
            while maps(agent.pid) == before and time.monotonic() < deadline:
                time.sleep(0.1)
            after = maps(agent.pid)
            true(after != before, 'the new directory is in the table')
            equal(len(after), len(before), 'names in the table')


def maps(pid):
    """What is in callerd's table of names, by bpftool."""
    for fd in os.listdir(f'/proc/{pid}/fdinfo'):
        try:
            with open(f'/proc/{pid}/fdinfo/{fd}') as info:
                number = facts(info.read().replace(':\t', '=')).get('map_id')
        except OSError:
            continue
        if number and 'name names' in run('bpftool', 'map', 'show', 'id', number):
            return sorted(str(entry['key']) for entry in
                          json.loads(run('bpftool', '-j', 'map', 'dump', 'id', number)))
    raise AssertionError('callerd has no table of names')


def main_with_agent():
    global AGENT
    for path in ('', '/bin'):
        os.mkdir(D + path, 0o755)
    shutil.copy(CLIENTS + 'one_shot', SHOT)
    with Callerd(sockets=WATCHED) as AGENT:
        main()


main_with_agent()
