# SPDX-License-Identifier: Apache-2.0
"""A connect that fails on a watched socket is a record, with the caller and the error."""
import pwd
import shutil

from live import *

AGENT = None
D = DIR + '/refused'
SHOT = D + '/bin/one_shot'
IMAGE_ROOT = DIR + '/image'
DEAD = D + '/dead.sock'
ABSENT = D + '/absent.sock'
NOWHERE = D + '/no/such/directory/absent.sock'
FULL = D + '/full.sock'
LATE = D + '/late.sock'
WATCHED = [SOCKET, DEAD, ABSENT, NOWHERE, FULL, LATE]
UID, GID = pwd.getpwnam(OUTSIDER)[2:4]
AS_OUTSIDER = ['setpriv', '--reuid', str(UID), '--regid', str(GID), '--clear-groups']


def refused(args):
    """The one record of the refused connect of the process with ARGS."""
    def is_it(record):
        return field(record, 'process.args') == args

    try:
        found = AGENT.wait(that=is_it, event__action='socket-refused')
    except AssertionError as why:
        raise AssertionError(f'{args}: {why}') from None
    equal(len(found), 1, f'records of {args}')
    equal([r['event']['action'] for r in AGENT.records() if is_it(r)], ['socket-refused'],
          f'all records of {args}')
    return found[0]


def check(args, error, watched=SOCKET, uid=UID, executable=SHOT):
    record = refused(args)
    equal(record['error']['code'], error, 'error.code')
    equal(record['event']['outcome'], 'failure', 'outcome')
    equal(record['callerd']['connection']['socket'], watched, 'socket')
    equal(acts_as(record), str(uid), 'user')
    if executable:
        equal(record['process']['executable'], executable, 'executable')
    return record


def fails(name, path, *before, error='EACCES', watched=SOCKET, uid=UID, **options):
    """one_shot, in the surroundings that BEFORE makes, cannot connect to PATH."""
    args = [SHOT, path, '--connect-only', '--quiet', '--', name]
    run(*before, *args, check=False, **options)
    return check(args, error, watched, uid)


def unnoticed(act, what):
    """What ACT does must not be in any record. That it cannot be told which socket was meant, since the
    caller's mounts are gone already, is no record of it."""
    AGENT.settle()
    before = len(AGENT.records())
    act()
    AGENT.settle()
    fresh = [r['event']['action'] for r in AGENT.records()[before:]
             if r['event']['action'] not in ('agent-status', 'api-request-ended') # of a stream of an earlier test
             and field(r, 'callerd.lost.reason') != 'refused-unresolved']
    equal(fresh, ['socket-connected', 'api-request'], what + ', and our own mark')


def script(text, path, name):
    """A Python client: S is a new socket for the address P."""
    return ['/usr/bin/python3', '-I', '-c',
            f'import socket, sys; from socket import *; p = sys.argv[1]; {text}', path, name]


@test
def outsider():
    record = fails('outsider', SOCKET, *AS_OUTSIDER)
    equal(acts_as(record, 'name'), OUTSIDER, 'name')
    equal(record['process']['name'], 'one_shot', 'comm')
    equal(record['process']['parent']['pid'], os.getpid(), 'parent')


@test
def outsider_through_su():
    args = [SHOT, SOCKET, '--connect-only', '--quiet', '--', 'su']
    run('su', OUTSIDER, '-s', '/bin/sh', '-c', 'exec ' + ' '.join(args), check=False)
    record = check(args, 'EACCES')
    true('su' in [a['name'] for a in record['callerd']['ancestors']], 'su is an ancestor')


@test
def many_that_live_a_moment():
    count = scaled(100, 30, 300)
    run(*AS_OUTSIDER, SHOT, SOCKET, '--connect-only', '--spawn', str(count), '--target', '/many',
        check=False)

    def is_one(record):
        return any(a.startswith('/many?n=') for a in record['process']['args'])

    found = AGENT.wait(count, that=is_one, event__action='socket-refused')
    equal(sorted(int(r['process']['args'][-1][2:]) for r in found), list(range(count)), 'each once')
    for record in found:
        n = record['process']['args'][-1][2:]
        equal(record['process']['args'],
              [SHOT, SOCKET, '--connect-only', '--quiet', '--target', '/many?n=' + n, '--',
               'n=' + n], 'args')
        equal((record['error']['code'], acts_as(record),
               record['callerd']['connection']['socket']), ('EACCES', str(UID), SOCKET), 'record')


@test
def every_way_to_it():
    os.symlink(SOCKET, D + '/link')
    os.symlink('link', D + '/link2')
    os.symlink(DIR, D + '/dirlink')
    os.link(SOCKET, D + '/second')
    fails('symlink', D + '/link', *AS_OUTSIDER)
    fails('symlinks', D + '/link2', *AS_OUTSIDER)
    fails('symlinked-directory', D + '/dirlink/docker.sock', *AS_OUTSIDER)
    fails('hard-link', D + '/second', *AS_OUTSIDER)
    fails('relative', 'docker.sock', *AS_OUTSIDER, cwd=DIR)
    fails('relative-up', '../docker.sock', *AS_OUTSIDER, cwd=D)
    fails('relative-link', 'dirlink//./docker.sock', *AS_OUTSIDER, cwd=D)
    fails('proc-root', '/proc/self/root' + SOCKET, *AS_OUTSIDER)
    fails('proc-cwd', '/proc/self/cwd/docker.sock', *AS_OUTSIDER, cwd=DIR)


@test
def no_way_through_its_directory():
    os.mkdir(D + '/closed', 0o700)
    os.link(SOCKET, D + '/closed/docker.sock')
    fails('closed', D + '/closed/docker.sock', *AS_OUTSIDER)


@test
def bind_mounts():
    open(D + '/mounted', 'w').close()
    run('mount', '--bind', SOCKET, D + '/mounted')
    try:
        fails('bind', D + '/mounted', *AS_OUTSIDER)
    finally:
        run('umount', D + '/mounted')


@test
def other_mount_namespace():
    os.mkdir(D + '/mnt')
    args = [SHOT, D + '/mnt/docker.sock', '--connect-only', '--quiet', '--', 'unshared']
    # The shell stays: without any process of its mount namespace nobody could tell what it saw.
    run('unshare', '-m', 'sh', '-c', f'mount --bind {DIR} {D}/mnt; "$@"; cat', 'sh', *AS_OUTSIDER,
        *args, check=False)
    check(args, 'EACCES')


@test
def chroot():
    os.link(SOCKET, IMAGE_ROOT + '/tmp/refused.sock')
    for name, path, before in (('absolute', '/tmp/refused.sock', []),
                               ('relative', 'refused.sock', ['sh', '-c', 'cd tmp; exec "$@"', 'sh'])):
        args = ['/bin/unixhttp', path, 'GET', '/' + name]
        run('chroot', f'--userspec={UID}:{GID}', IMAGE_ROOT, *before, *args, check=False)
        check(args, 'EACCES', executable=IMAGE_ROOT + '/bin/unixhttp')


@test
def container():
    """A user without rights in a container that has the socket."""
    container_id = docker('run', '-d', '--network', 'none', '-v', SOCKET + ':/run/host.sock', IMAGE,
                          '/bin/sleep', '1000').strip()
    try:
        for i in range(scaled(20, 3)):
            args = ['/bin/unixhttp', '/run/host.sock', 'GET', f'/container?n={i}']
            docker('exec', '-u', f'{UID}:{GID}', container_id, *args, check=False)
            record = check(args, 'EACCES', executable=None)
            equal(field(record, 'container.id'), container_id, 'container.id')
    finally:
        docker('rm', '-f', container_id)


def refused_in_one_process(name, volume, path, error='EACCES', watched=SOCKET, user=UID):
    """The container is gone with its process, right after the connect."""
    args = ['/bin/unixhttp', path, 'GET', '/' + name]
    container_id = docker('create', '--network', 'none', '-u', f'{user}:{GID}', '-v', volume, IMAGE,
                          *args).strip()
    docker('start', '-a', container_id, check=False)
    record = check(args, error, watched, user, executable=None)
    equal(field(record, 'container.id'), container_id, 'container.id')
    docker('rm', '-f', container_id)


@test
def container_of_one_process():
    for i in range(scaled(20, 3)):
        refused_in_one_process(f'short-{i}', SOCKET + ':/run/host.sock', '/run/host.sock')
    refused_in_one_process('short-directory', DIR + ':/host', '/host/docker.sock')
    refused_in_one_process('short-odd', DIR + ':/host', '/host/.//docker.sock')
    refused_in_one_process('short-dead', DEAD + ':/run/dead.sock', '/run/dead.sock',
                           'ECONNREFUSED', DEAD, 0)


@test
def container_of_one_process_without_the_socket():
    """Another one of its files has the name, or the path goes elsewhere."""
    def act(*args):
        container_id = docker('create', '--network', 'none', '-u', f'{UID}:{GID}', *args).strip()
        docker('start', '-a', container_id, check=False)
        docker('rm', '-f', container_id)
        AGENT.settle()

    other = D + '/elsewhere2/docker.sock'
    os.mkdir(os.path.dirname(other))
    before = len(AGENT.records(event__action='socket-refused'))
    with Daemon(other):
        os.chmod(other, 0o600)
        act('-v', other + ':/run/docker.sock', IMAGE, '/bin/unixhttp', '/run/docker.sock')
        act('-v', other + ':/run/docker.sock', '-v', SOCKET + ':/other/docker.sock', IMAGE,
            '/bin/unixhttp', '/run/docker.sock')
    equal([r['message'] for r in AGENT.records(event__action='socket-refused')[before:]], [],
          'refused')


@test
def dead_node():
    fails('dead', DEAD, error='ECONNREFUSED', watched=DEAD, uid=0)
    os.symlink(DEAD, D + '/dead-link')
    fails('dead-link', D + '/dead-link', error='ECONNREFUSED', watched=DEAD, uid=0)
    Daemon(LATE).close(unlink=False)
    fails('dead-late', LATE, error='ECONNREFUSED', watched=LATE, uid=0)
    os.unlink(LATE)
    fails('gone', LATE, error='ENOENT', watched=LATE, uid=0)
    with Daemon(LATE):
        run(SHOT, LATE, '--target', '/_ping?alive')
        AGENT.wait(url__original='/_ping?alive', callerd__connection__socket=LATE)


@test
def bound_but_not_listening():
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(LATE)
        fails('not-listening', LATE, error='ECONNREFUSED', watched=LATE, uid=0)
    os.unlink(LATE)


@test
def absent():
    fails('absent', ABSENT, error='ENOENT', watched=ABSENT, uid=0)
    fails('absent-outsider', ABSENT, *AS_OUTSIDER, error='ENOENT', watched=ABSENT)
    fails('absent-relative', 'absent.sock', error='ENOENT', watched=ABSENT, uid=0, cwd=D)
    fails('nowhere', NOWHERE, error='ENOENT', watched=NOWHERE, uid=0)


@test
def just_appeared():
    """Where callerd has not looked again yet: it does once a second."""
    try:
        for turn in range(3):
            os.makedirs(os.path.dirname(NOWHERE))
            if turn:
                Daemon(NOWHERE).close(unlink=False)
                os.chmod(NOWHERE, 0o600)
            error = ('ENOENT', 'ECONNREFUSED', 'EACCES')[turn]
            fails(f'appeared-{turn}', NOWHERE, *(AS_OUTSIDER if turn == 2 else ()), error=error, watched=NOWHERE,
                  uid=UID if turn == 2 else 0)
            shutil.rmtree(D + '/no')
    finally:
        shutil.rmtree(D + '/no', ignore_errors=True)


@test
def full_backlog():
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(FULL)
        server.listen(0)
        args = script('s = [socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK) for i in range(3)]; '
                      'print([i.connect_ex(p) for i in s])', FULL, 'full')
        equal(run(*args), '[0, 11, 11]\n', 'errors')

    def is_it(record):
        return field(record, 'process.args') == args

    found = AGENT.wait(3, that=is_it)
    equal([(r['event']['action'], field(r, 'error.code')) for r in found],
          [('socket-connected', None), ('socket-refused', 'EAGAIN'), ('socket-refused', 'EAGAIN')],
          'records')
    for record in found:
        equal(record['callerd']['connection']['socket'], FULL, 'socket')


@test
def wrong_type():
    for kind in ('SOCK_DGRAM', 'SOCK_SEQPACKET'):
        args = script(f'print(socket(AF_UNIX, {kind}).connect_ex(p))', SOCKET, kind)
        equal(run(*args), '91\n', 'EPROTOTYPE')
        check(args, 'EPROTOTYPE', uid=0, executable=None)


@test
def other_sockets():
    other = D + '/elsewhere/docker.sock'
    os.mkdir(os.path.dirname(other))
    with Daemon(other):
        os.chmod(other, 0o600)
        unnoticed(lambda: run(*AS_OUTSIDER, SHOT, other, check=False), 'EACCES')
        args = script('socket(AF_UNIX, SOCK_DGRAM).connect_ex(p)', other, '')
        unnoticed(lambda: run(*args), 'EPROTOTYPE')
    Daemon(other).close(unlink=False)
    unnoticed(lambda: run(SHOT, other, check=False), 'ECONNREFUSED')
    os.unlink(other)
    unnoticed(lambda: run(SHOT, other, check=False), 'ENOENT')
    unnoticed(lambda: run(SHOT, D + '/no/other/docker.sock', check=False), 'ENOENT of a directory')
    unnoticed(lambda: run(SHOT, DIR + '/docker.sock2', check=False), 'ENOENT of another name')
    unnoticed(lambda: run(SHOT, SOCKET + '/docker.sock', check=False), 'ENOTDIR')
    args = script('socket(AF_UNIX).connect_ex(chr(0) + p)', SOCKET, '')
    unnoticed(lambda: run(*args), 'abstract')
    unnoticed(lambda: run('chroot', IMAGE_ROOT, '/bin/unixhttp', SOCKET, check=False),
              'the same path in a chroot')
    unnoticed(lambda: run('unshare', '-m', 'sh', '-c', f'mount -t tmpfs tmpfs {DIR}; "$@"; cat',
                          'sh', CLIENTS + 'one_shot', SOCKET, check=False),
              'the same path under a tmpfs')


@test
def sockets_of_a_container():
    """The same paths in a container that does not have them."""
    container_id = docker('run', '-d', '--network', 'none', IMAGE, '/bin/sleep', '1000').strip()
    pid = docker('inspect', '-f', '{{.State.Pid}}', container_id).strip()
    try:
        unnoticed(lambda: run('nsenter', f'--mount=/proc/{pid}/ns/mnt', '/bin/unixhttp', SOCKET,
                              check=False), 'ENOENT')
    finally:
        docker('rm', '-f', container_id)


def main_with_agent():
    global AGENT
    for path in ('', '/bin'):
        os.mkdir(D + path, 0o755)
    shutil.copy(CLIENTS + 'one_shot', SHOT)
    Daemon(DEAD).close(unlink=False)
    with Callerd(sockets=WATCHED) as AGENT:
        main()


main_with_agent()
