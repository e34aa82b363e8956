# SPDX-License-Identifier: Apache-2.0
"""Attackers who try the socket without rights and hide which one they tried: by ways to it that are gone, or lead elsewhere,
when somebody looks. The kernel said EACCES, so each is a record of that socket, or is counted as one that cannot be told,
and charged to who it was."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from live import *  # pylint: disable=wrong-import-position

AGENT = None
D = f'{DIR}/hidden-{os.getpid()}'
OWN = D + '/own'  # the attacker's directory
OTHER = D + '/other.sock'
SHOT = CLIENTS + 'one_shot'
UID = pwd.getpwnam(OUTSIDER).pw_uid
ATTACKER = ['setpriv', '--reuid', OUTSIDER, '--regid', OUTSIDER, '--clear-groups']


def unresolved():
    """How many refused connects of the attacker are said to be such of which nobody can tell."""
    return sum(r['callerd']['lost']['count'] for r in AGENT.records(
        event__action='records-lost', callerd__lost__reason='refused-unresolved')
        if field(r, 'callerd.account.name') == OUTSIDER)


def refused(name):
    return [r for r in AGENT.records(event__action='socket-refused') if name in field(r, 'process.args', [])]


def try_it(name, script, *before, certain=True):
    """The attacker runs a Python script with the path of the socket as P, and is gone. It is told that he tried."""
    counted = unresolved()
    run(*ATTACKER, *before, '/usr/bin/python3', '-I', '-c', 'import os; from socket import *; import sys; p, d = sys.argv[1:3]; '
        's = socket(AF_UNIX)\ndef c(path):\n e = s.connect_ex(path)\n assert e == 13, e\n' + script, SOCKET, OWN, name)
    deadline = time.monotonic() + PATIENCE
    while not refused(name) and (certain or unresolved() == counted):
        if time.monotonic() > deadline:
            raise AssertionError(f'{name}: neither told nor counted; there were: '
                                 + '; '.join(r['message'] for r in AGENT.seen[-6:]))
        time.sleep(0.02)
    for record in refused(name):
        equal((record['error']['code'], record['callerd']['connection']['socket'], acts_as(record)),
              ('EACCES', SOCKET, str(UID)), name)
    equal(len(refused(name)) + unresolved() - counted, 1, f'{name}: told or counted')


def knows_nodes():
    """Whether the backend sees what a path leads to in the kernel."""
    return AGENT.records(event__action='agent-started')[0]['callerd']['capture']['backend'] == 'trampoline'


@test
def descriptors():
    """A user outside the group goes through a descriptor of the socket, or of its directory, that is closed when he ends. At
    stake: that he tried."""
    node = 'fd = os.open(p, os.O_PATH)\n'
    directory = 'fd = os.open(os.path.dirname(p), os.O_PATH)\n'
    try_it('proc-self', node + 'c(f"/proc/self/fd/{fd}")')
    try_it('thread-self', node + 'c(f"/proc/thread-self/fd/{fd}")')
    if os.path.exists('/dev/fd'):
        try_it('dev-fd', node + 'c(f"/dev/fd/{fd}")')
    try_it('high', node + 'os.dup2(fd, 1000); c("/proc/self/fd/1000")')
    try_it('directory', directory + 'c(f"/proc/self/fd/{fd}/docker.sock")')
    try_it('by-pid', node + 'c(f"/proc/{os.getpid()}/fd/{fd}")', certain=knows_nodes())
    try_it('dots', directory + 'c(f"/proc/self/fd/{fd}/./docker.sock")', certain=knows_nodes())
    try_it('in-namespace', node + 'c(f"/proc/self/fd/{fd}")', 'unshare', '-Urm')


@test
def descriptor_of_another():
    """The same number is a descriptor of another file in the process that is meant. At stake: a wrong socket."""
    counted = unresolved()
    with subprocess.Popen([*ATTACKER, '/usr/bin/python3', '-I', '-c', 'import os, sys; '
                           'os.dup2(os.open(sys.argv[1], os.O_PATH), 77); print(flush=True); os.read(0, 1)', OTHER],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        run(*ATTACKER, '/usr/bin/python3', '-I', '-c', 'import os, sys; from socket import *; '
            'os.dup2(os.open(sys.argv[1], os.O_PATH), 77); '
            'assert socket(AF_UNIX).connect_ex(f"/proc/{sys.argv[2]}/fd/77") == 13', SOCKET, str(holder.pid), 'of-another')
        AGENT.settle()
        holder.stdin.close()
    equal(refused('of-another'), [], 'records')
    if not knows_nodes():
        AGENT.wait(that=lambda _: unresolved() == counted + 1)


@test
def links():
    """A user outside the group goes by a link of his own, and takes it away or turns it elsewhere at once. At stake: that
    he tried."""
    certain = knows_nodes()
    try_it('removed', 'l = d + "/l"; os.symlink(p, l); c(l); os.unlink(l)', certain=certain)
    try_it('turned', f'l = d + "/m"; os.symlink(p, l); c(l); os.unlink(l); os.symlink("{OTHER}", l)', certain=certain)
    try_it('moved', 'l = d + "/x"; os.mkdir(l); os.symlink(p, l + "/s"); c(l + "/s"); os.rename(l, d + "/y")', certain=certain)
    try_it('to-proc', 'fd = os.open(p, os.O_PATH); l = d + "/n"; os.symlink(f"/proc/self/fd/{fd}", l); c(l)', certain=certain)
    try_it('sticky', 'l = f"/tmp/l{os.getpid()}"; os.symlink(p, l); c(l); os.unlink(l)', certain=certain)


@test
def own_mounts():
    """A user outside the group mounts the socket, or its directory, where he likes in a mount namespace that is gone with
    him. At stake: that he tried."""
    mount = f'mount -t tmpfs none {OWN}; mkdir {OWN}/a {OWN}/b; touch {OWN}/a/x; mount -t tmpfs none {OWN}/b; ' \
            f'mkdir {OWN}/b/c; mount --rbind {DIR} {OWN}/b/c; mount --bind {SOCKET} {OWN}/a/x; exec "$@"'
    inside = ['unshare', '-Urm', 'sh', '-c', mount, 'sh']
    try_it('mounted-node', 'c(d + "/a/x")', *inside, certain=knows_nodes())
    try_it('mounted-directory', 'c(d + "/b/c/docker.sock")', *inside, certain=knows_nodes())


@test
def others_sockets():
    """Somebody is refused at a socket that is not watched, in a directory that is not his. At stake: that this is no record, and
    costs nothing."""
    counted = unresolved()
    for path in OTHER, D + '/link':
        run(*ATTACKER, SHOT, path, '--connect-only', '--quiet', '--', 'not-watched', check=False)
    # What he did afterwards is told, or counted, after them.
    try_it('after', 'l = d + "/l"; os.symlink(p, l); c(l); os.unlink(l)', certain=knows_nodes())
    equal(refused('not-watched'), [], 'records')
    equal(unresolved() - counted + len(refused('after')), 1, 'counted')


def main_with_agent():
    global AGENT
    os.mkdir(D, 0o755)
    os.mkdir(OWN)
    os.chown(OWN, UID, -1)
    os.symlink(OTHER, D + '/link')
    with Daemon(OTHER):
        os.chmod(OTHER, 0o600)
        with Callerd() as AGENT:
            main()


main_with_agent()
