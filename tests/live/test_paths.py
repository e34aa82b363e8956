# SPDX-License-Identifier: Apache-2.0
"""The socket is matched whatever the way to it, and no other socket is."""
import ctypes
import shutil

from live import *

AGENT = None
D = DIR + '/paths'
SHOT = D + '/bin/one_shot'  # where any user and any mount namespace of ours finds it
IMAGE_ROOT = DIR + '/image'
CLONE_NEWNS = 0x20000
LIBC = ctypes.CDLL(None, use_errno=True)

ALIAS = D + '/alias.sock'  # each of them is one way to name a socket for callerd
CHAIN = D + '/chain.sock'
DANGLING = D + '/dangling.sock'
LATE_IN_LINKED = D + '/linked/late.sock'
HARD = D + '/hard.sock'
BOUND_FILE = D + '/bound.sock'
BOUND_LATE = D + '/bound/late.sock'
MOVED = D + '/moved.sock'
REPLACED = D + '/replaced.sock'
LONGEST = D + '/' + 'long' * 30


def longest(path):
    """PATH, cut to the 107 bytes that an address takes with its NUL, 108 without."""
    return path[:107]


LONGEST = longest(LONGEST)
WATCHED = [SOCKET, ALIAS, CHAIN, DANGLING, LATE_IN_LINKED, HARD, BOUND_FILE, BOUND_LATE, MOVED,
           REPLACED, LONGEST]


def mark(name):
    return f'/_ping?way={name}'


def one(found, what):
    equal(len(found), 1, what)
    return found[0]


def check(name, watched, executable=None, args=None):
    """The request NAME and its connection: each is there once, of the same process."""
    record = one(AGENT.wait(event__action='api-request', url__original=mark(name)), name)
    equal(record['callerd']['connection']['socket'], watched, 'socket')
    equal(field(record, 'http.response.status_code'), 200, 'status')
    equal(field(record, 'callerd.connector'), None, 'connector')
    if executable:
        equal(record['process']['executable'], executable, 'executable')
    if args:
        equal(record['process']['args'], args, 'args')
    connected = one(AGENT.records(event__action='socket-connected', callerd__connection__id=record[
        'callerd']['connection']['id']), 'its connection')
    equal(connected['process']['pid'], record['process']['pid'], 'pid')
    equal(connected['callerd']['connection']['socket'], watched, 'socket of the connection')
    return record


def call(name, path, *before, watched=SOCKET, **options):
    """one_shot on PATH, in the surroundings that BEFORE makes; its record must be right."""
    args = [SHOT, path, '--target', mark(name)]
    run(*before, *args, **options)
    return check(name, watched, SHOT, args)


def unnoticed(act, what):
    """What ACT does must not be in any record."""
    AGENT.settle()
    before = len(AGENT.records())
    act()
    AGENT.settle()
    # What tests before it changed, and others on this machine, may be told only now.
    fresh = [r for r in AGENT.records()[before:]
             if r['event']['action'] not in ('agent-status', 'socket-changed', 'access-changed')]
    equal([r['message'] for r in fresh if r['process']['pid'] != os.getpid()
           or field(r, 'callerd.connection.socket') != SOCKET], [], what)
    equal([r['event']['action'] for r in fresh], ['socket-connected', 'api-request'],
          what + ', and our own mark')


@test
def symlinks():
    os.symlink(SOCKET, D + '/link')
    os.symlink('link', D + '/link2')
    os.symlink(DIR, D + '/dirlink')
    call('symlink', D + '/link')
    call('symlinks', D + '/link2')
    call('symlinked-directory', D + '/dirlink/docker.sock')


@test
def relative():
    call('relative', 'docker.sock', cwd=DIR)
    call('relative-up', './../docker.sock', cwd=D)
    call('relative-through-link', 'dirlink/paths/link2', cwd=D)


@test
def odd_spelling():
    call('odd', DIR + '//./paths/..///docker.sock')


@test
def hard_link():
    os.link(SOCKET, D + '/second')
    call('hard-link', D + '/second')


@test
def longest_address():
    target = longest(D + '/' + 'x' * 200)
    equal(len(target), 107, 'length of the address')
    os.symlink(SOCKET, target)
    call('longest-link', target)
    equal(len(LONGEST), 107, 'length of the address')
    with Daemon(LONGEST):
        call('longest', LONGEST, watched=LONGEST)


@test
def bind_mounts():
    for name, source in (('file', SOCKET), ('directory', DIR)):
        target = D + '/mount-' + name
        if name == 'file':
            open(target, 'w').close()
        else:
            os.mkdir(target)
        run('mount', '--bind', source, target)
        try:
            call('bind-' + name, target + ('' if name == 'file' else '/docker.sock'))
        finally:
            run('umount', target)


@test
def other_mount_namespace():
    os.mkdir(D + '/mnt')
    call('unshared', SOCKET, 'unshare', '-m')
    call('unshared-bind', D + '/mnt/docker.sock', 'unshare', '-m', 'sh', '-c',
         f'mount --bind {DIR} {D}/mnt && exec "$@"', 'sh')


@test
def through_proc():
    with open(DIR + '/dockerd.pid') as pidfile:
        pid = int(pidfile.read())
    call('proc-root', f'/proc/{pid}/root{SOCKET}')
    call('proc-self-root', f'/proc/self/root{SOCKET}')
    call('proc-cwd', '/proc/self/cwd/docker.sock', cwd=DIR)
    call('proc-fd', '/proc/self/fd/9/docker.sock', 'sh', '-c', f'exec 9<{DIR}; exec "$@"', 'sh')


@test
def chroot():
    os.link(SOCKET, IMAGE_ROOT + '/tmp/docker.sock')
    args = ['/bin/unixhttp', '/tmp/docker.sock', 'GET', mark('chroot')]
    run('chroot', IMAGE_ROOT, *args)
    check('chroot', SOCKET, IMAGE_ROOT + '/bin/unixhttp', args)
    args = ['/bin/unixhttp', 'docker.sock', 'GET', mark('chroot-relative')]
    run('chroot', IMAGE_ROOT, 'sh', '-c', 'cd /tmp; exec "$@"', 'sh', *args)
    check('chroot-relative', SOCKET, IMAGE_ROOT + '/bin/unixhttp', args)


@test
def containers():
    for name, volume, path in (('file', SOCKET + ':/run/host.sock', '/run/host.sock'),
                               ('directory', DIR + ':/host', '/host/docker.sock')):
        args = ['/bin/unixhttp', path, 'GET', mark('container-' + name)]
        container = docker('create', '--network', 'none', '-v', volume, IMAGE, *args).strip()
        docker('start', '-a', container)
        record = check('container-' + name, SOCKET, args=args)
        equal(field(record, 'container.id'), container, 'container.id')
        docker('rm', '-f', container)


@test
def socket_option_is_a_link():
    with Daemon(D + '/dangling-target.sock'):  # made after callerd started
        call('dangling', D + '/dangling-target.sock', watched=DANGLING)
        call('dangling-link', DANGLING, watched=DANGLING)
    call('alias', ALIAS, watched=ALIAS)
    call('alias-target', D + '/alias-target.sock', watched=ALIAS)
    call('chain', CHAIN, watched=CHAIN)
    call('hard', HARD, watched=HARD)
    call('hard-target', D + '/hard-target.sock', watched=HARD)


@test
def socket_option_in_a_linked_directory():
    with Daemon(D + '/linked-target/late.sock'):
        call('linked', LATE_IN_LINKED, watched=LATE_IN_LINKED)
        call('linked-target', D + '/linked-target/late.sock', watched=LATE_IN_LINKED)


@test
def socket_option_is_a_bind_mount():
    call('bound-file', BOUND_FILE, watched=BOUND_FILE)
    call('bound-file-target', D + '/bound-target.sock', watched=BOUND_FILE)
    with Daemon(D + '/bound-directory/late.sock'):
        call('bound-late', BOUND_LATE, watched=BOUND_LATE)
        call('bound-late-target', D + '/bound-directory/late.sock', watched=BOUND_LATE)


@test
def renamed_away_and_back():
    call('before-rename', MOVED, watched=MOVED)
    os.rename(MOVED, D + '/away.sock')
    call('renamed', D + '/away.sock', watched=MOVED)
    os.rename(D + '/away.sock', D + '/elsewhere/away.sock')
    call('renamed-again', D + '/elsewhere/away.sock', watched=MOVED)
    os.rename(D + '/elsewhere/away.sock', MOVED)
    call('renamed-back', MOVED, watched=MOVED)


@test
def renamed_over():
    with Daemon(REPLACED):
        call('first', REPLACED, watched=REPLACED)
        with Daemon(REPLACED, bind=D + '/temporary'):
            call('second', REPLACED, watched=REPLACED)


@test
def another_socket_in_the_directory():
    with Daemon(DIR + '/docker.sock2'), Daemon(DIR + '/ocker.sock'):
        unnoticed(lambda: run(SHOT, DIR + '/docker.sock2'), 'docker.sock2')
        unnoticed(lambda: run(SHOT, DIR + '/ocker.sock'), 'ocker.sock')


@test
def same_name_elsewhere():
    with Daemon(D + '/elsewhere/docker.sock'):
        unnoticed(lambda: run(SHOT, D + '/elsewhere/docker.sock'), 'another directory')


@test
def another_socket_renamed():
    with Daemon(D + '/other1'):
        run(SHOT, D + '/other1')
        os.rename(D + '/other1', D + '/other2')
        unnoticed(lambda: run(SHOT, D + '/other2'), 'renamed')
        os.rename(D + '/other2', D + '/elsewhere/moved.sock')
        unnoticed(lambda: run(SHOT, D + '/elsewhere/moved.sock'), 'moved to a watched name')
        os.rename(D + '/elsewhere/moved.sock', D + '/other1')


def call_ours(kind, address):
    """A listener, a connection and a request, all within this process."""
    with socket.socket(socket.AF_UNIX, kind) as server, socket.socket(socket.AF_UNIX,
                                                                      kind) as client:
        server.bind(address)
        if kind != socket.SOCK_DGRAM:
            server.listen()
        client.connect(server.getsockname())
        if kind != socket.SOCK_DGRAM:
            server, _ = server.accept()
        client.send(b'GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n')
        server.recv(100)
        if kind != socket.SOCK_DGRAM:
            server.send(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
            client.recv(100)
        server.close()


@test
def abstract_and_datagram_sockets():
    unnoticed(lambda: call_ours(socket.SOCK_STREAM, '\0' + SOCKET), 'abstract')
    unnoticed(lambda: call_ours(socket.SOCK_STREAM, '\0docker.sock'), 'abstract, the name only')
    unnoticed(lambda: call_ours(socket.SOCK_DGRAM, D + '/datagram'), 'datagram')
    unnoticed(lambda: call_ours(socket.SOCK_SEQPACKET, D + '/packets'), 'packets')
    unnoticed(lambda: call_ours(socket.SOCK_STREAM, ''), 'named by the kernel')


def serve_in(enter, path):
    """A daemon bound to PATH in a mount namespace that ENTER goes to; returns its pid."""
    ready, done = os.pipe()
    child = os.fork()
    if not child:
        try:
            enter()
            os.makedirs(os.path.dirname(path), exist_ok=True)
            server = Daemon(path)
            os.write(done, b'x')
            threading.Event().wait()
            server.close()
        except BaseException:  # pylint: disable=broad-except
            traceback.print_exc()
        os._exit(1)
    os.close(done)
    begun = os.read(ready, 1)
    os.close(ready)
    equal(begun, b'x', 'the daemon started')
    return child


def end(child):
    os.kill(child, 9)
    os.waitpid(child, 0)


def libc(name, *args):
    if getattr(LIBC, name)(*args):
        raise OSError(ctypes.get_errno(), name)


@test
def same_path_under_a_tmpfs():
    def enter():
        libc('unshare', CLONE_NEWNS)
        run('mount', '--make-rprivate', '/')
        run('mount', '-t', 'tmpfs', 'tmpfs', DIR)
        os.makedirs(os.path.dirname(SHOT))
        shutil.copy(CLIENTS + 'one_shot', SHOT)

    child = serve_in(enter, SOCKET)
    try:
        unnoticed(lambda: run('nsenter', f'--mount=/proc/{child}/ns/mnt', SHOT, SOCKET),
                  'the same path in another mount namespace')
        unnoticed(lambda: run(SHOT, f'/proc/{child}/root{SOCKET}'), 'and from outside')
    finally:
        end(child)


@test
def same_path_in_a_container():
    container = docker('run', '-d', '--network', 'none', IMAGE, '/bin/sleep', '1000').strip()
    pid = int(docker('inspect', '-f', '{{.State.Pid}}', container))

    def enter():
        namespace = os.open(f'/proc/{pid}/ns/mnt', os.O_RDONLY)
        libc('setns', namespace, CLONE_NEWNS)

    child = serve_in(enter, SOCKET)
    try:
        unnoticed(lambda: run('nsenter', f'--mount=/proc/{pid}/ns/mnt', '/bin/unixhttp', SOCKET),
                  'the same path in a container')
        unnoticed(lambda: run(SHOT, f'/proc/{pid}/root{SOCKET}'), 'and from outside')
    finally:
        end(child)
        docker('rm', '-f', container)


@test
def node_number_used_again():
    """The next socket may get the inode number of a watched one that is gone."""
    lower, upper, work, merged = (f'{D}/overlay-{name}' for name in 'luwm')
    for path in (lower, upper, work, merged):
        os.mkdir(path)
    run('mount', '-t', 'overlay', 'overlay', '-o',
        f'lowerdir={lower},upperdir={upper},workdir={work}', merged)
    watched = merged + '/docker.sock'
    try:
        with Callerd(sockets=[SOCKET, watched]) as agent:
            for directory in (merged, merged + '/new'):
                for _ in range(4):
                    with Daemon(watched):
                        run(SHOT, watched, '--target', mark('overlay'))
                        agent.wait(url__original=mark('overlay'),
                                   callerd__connection__socket=watched)
                    os.makedirs(directory, exist_ok=True)
                    with Daemon(directory + '/other.sock'):
                        run(SHOT, directory + '/other.sock', '--target', mark('overlay-other'))
                    agent.settle()
                    equal(agent.records(url__original=mark('overlay-other')), [], 'another socket')
            equal(len(agent.records(url__original=mark('overlay'))), 8, 'watched')
    finally:
        run('umount', merged)


@test
def directory_number_used_again():
    """A new directory may get the inode number of one that is gone."""
    numbers = set()
    with Callerd(sockets=[SOCKET, D + '/old/docker.sock']) as agent:
        for i in range(20):
            os.mkdir(D + '/old')
            with Daemon(D + '/old/docker.sock'):
                numbers.add(os.stat(D + '/old').st_ino)
                time.sleep(1.2 if not i else 0)  # callerd knows this one for sure
            os.rmdir(D + '/old')
            os.mkdir(D + '/new')
            if os.stat(D + '/new').st_ino in numbers:
                with Daemon(D + '/new/docker.sock'):
                    run(SHOT, D + '/new/docker.sock', '--target', mark('new-directory'))
                agent.settle()
                equal(agent.records(url__original=mark('new-directory')), [], 'another directory')
            os.rmdir(D + '/new')


def main_with_agent():
    global AGENT
    for path in ('', '/bin', '/elsewhere', '/linked-target', '/bound', '/bound-directory'):
        os.mkdir(D + path, 0o755)
    shutil.copy(CLIENTS + 'one_shot', SHOT)
    os.symlink('alias-target.sock', ALIAS)
    os.symlink('chain2', CHAIN)
    os.symlink(D + '/elsewhere/chain3', D + '/chain2')
    os.symlink('../chain-target.sock', D + '/elsewhere/chain3')
    os.symlink('dangling-target.sock', DANGLING)
    os.symlink('linked-target', D + '/linked')
    open(BOUND_FILE, 'w').close()
    with Daemon(D + '/alias-target.sock'), Daemon(D + '/chain-target.sock'), \
            Daemon(D + '/hard-target.sock'), Daemon(D + '/bound-target.sock'), Daemon(MOVED):
        os.link(D + '/hard-target.sock', HARD)
        run('mount', '--bind', D + '/bound-target.sock', BOUND_FILE)
        run('mount', '--bind', D + '/bound-directory', D + '/bound')
        try:
            with Callerd(sockets=WATCHED) as AGENT:
                main()
        finally:
            run('umount', BOUND_FILE)
            run('umount', D + '/bound')


main_with_agent()
