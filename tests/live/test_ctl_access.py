# SPDX-License-Identifier: Apache-2.0
"""callerctl access: who can reach a real engine by group, ACL, sudo, a process, a connection, a container; and who did."""
import contextlib
import csv
import html
import json
import os
import pty
import pwd
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

import podman
from elsewhere import Directory, Elsewhere, Polkit
from live import DIR, IMAGE, LONG, PATIENCE, ROOT, Callerd, Daemon, Dockerd, equal, main, request, run, scaled, test, true
from receivers import free_port

CALLERCTL = os.environ.get('CALLERCTL', ROOT + '/build/callerctl')
PREFIX = f'cta{os.getpid() % 100000}'
UTC = {**os.environ, 'TZ': 'UTC', 'NO_COLOR': '1', 'DBUS_SYSTEM_BUS_ADDRESS': 'unix:path=/nonexistent'}  # not this machine's polkit


def callerctl(*args, code=0, command='access', inside=(), env=None):
    done = subprocess.run([*inside, CALLERCTL, command, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**UTC, **(env or {})},
                          timeout=PATIENCE)
    equal(done.returncode, code, f'exit code of {args}: {done.stderr.decode()}{done.stdout.decode()}')
    return done.stdout.decode()


def place():
    """A directory that everybody may pass."""
    path = tempfile.mkdtemp(dir=DIR)
    os.chmod(path, 0o755)
    return path


def grants(*args, code=0, inside=(), env=None):
    return [json.loads(line) for line in callerctl('--json', *args, code=code, inside=inside, env=env).splitlines()]


def one(found, **wanted):
    these = [grant for grant in found if all(grant.get(key) == value for key, value in wanted.items())]
    equal(len(these), 1, f'grants with {wanted} in:\n' + '\n'.join(map(str, found)) + '\n')
    return these[0]


class People:
    """Users and groups of this test, a rule of sudo's, and a process that goes on."""

    def __init__(self):
        self.names = [PREFIX + letter for letter in 'abcdef']
        self.group = PREFIX
        self.rule = '/etc/sudoers.d/' + PREFIX
        self.processes = []

    def __enter__(self):
        run('groupadd', self.group)
        for name in self.names:
            run('useradd', '-M', '-s', '/bin/sh', name)
        return self

    def __exit__(self, *unused):
        for process in self.processes:
            process.kill()
            process.wait()
        if os.path.exists(self.rule):
            os.unlink(self.rule)
        for name in self.names:
            run('userdel', name, check=False)
        run('groupdel', self.group, check=False)

    def start(self, user, *command):
        become = ['setpriv', '--reuid', user, '--regid', user, '--init-groups'] if user else []
        process = subprocess.Popen([*become, *command],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)
        self.processes.append(process)
        return process


# Connects while it may, and gives up what let it.
CONNECT = '''import os, socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
os.setgroups([])
os.setresgid(*[int(sys.argv[2])] * 3)
os.setresuid(*[int(sys.argv[2])] * 3)
print("up", flush=True)
time.sleep(600)'''
HOLD = 'import time\nprint("up", flush=True)\ntime.sleep(600)'


@test
def who_can_and_who_did():
    with People() as people, Dockerd('ctl-access') as daemon:
        member, reader, former, connected, listed, admin = people.names
        for name in member, reader, former:
            run('usermod', '-aG', people.group, name)
        os.chown(daemon.path, 0, int(run('getent', 'group', people.group).split(':')[2]))
        run('setfacl', '-m', f'u:{listed}:rw', daemon.path)
        with open(people.rule, 'w') as rule:
            rule.write(f'{admin} ALL=(root) NOPASSWD: /usr/bin/docker, /usr/bin/vim\n')
        os.chmod(people.rule, 0o440)
        with Callerd(sockets=[daemon.path]) as callerd:
            run('setpriv', '--reuid', reader, '--regid', reader, '--init-groups', 'docker', '-H', 'unix://' + daemon.path, 'ps')
            for process in (people.start(former, '/usr/bin/python3', '-c', HOLD),
                            people.start(None, '/usr/bin/python3', '-c', CONNECT, daemon.path, str(pwd.getpwnam(connected).pw_uid))):
                equal(process.stdout.readline(), b'up\n')
            run('gpasswd', '-d', former, people.group)
            daemon.docker('create', '--name', PREFIX + '-proxy', '-v', f'{daemon.dir}:/host:ro', IMAGE, 'true')
            daemon.docker('run', '-d', '--name', PREFIX + '-agent', '--network', 'none', '-v', daemon.path + ':/var/run/docker.sock', IMAGE,
                          'sleep', '600')
            callerd.wait(callerd__api__operation='ContainerStart')
            log = ('--read', callerd.log)
            found = grants(*log, daemon.path)

            unused = one(found, who=member, kind='group')
            equal((unused['remove'], unused['requests'], unused['known']), (f'gpasswd -d {member} {people.group}', 0, True))
            true('last' not in unused and unused['root_equivalent'] and 'known_since' in unused, unused)
            used = one(found, who=reader, kind='group')
            true(used['only_reads'] and used['requests'] and 'last' in used, used)
            equal(one(found, who=listed, kind='acl')['remove'].startswith('setfacl -x u:'), True)
            held = one(found, who=former, kind='held')
            equal(held['remove'], f'kill {people.processes[0].pid}')
            true('python3' in held['detail'], held)
            still = one(found, who=connected, kind='connected')
            equal(still['connections'], 1, still)
            proxy = one(found, who=PREFIX + '-proxy', kind='container')
            true(proxy['how'] == 'mount /host' and 'created, :ro' in proxy['detail'], proxy)
            equal(proxy['remove'], f'docker -H unix://{daemon.path} rm -f {PREFIX}-proxy', 'another engine may have one of that name')
            agent = one(found, who=PREFIX + '-agent', kind='container')
            equal((agent['how'], len(agent['container_id'])), ('mount /var/run/docker.sock', 64))
            sudo = one(found, who=admin, kind='sudo')
            equal((sudo['how'], 'socket' in sudo), ('sudo docker', False))
            true(any('vim' in note.get('not_known', '') and admin in note['not_known'] for note in found), 'what is not judged is told')
            root = one(found, who='root', kind='root')
            true(root['changes'] > 0 and root['finding'] == 'engine-socket-mount', root)

            text = callerctl(*log, daemon.path, '--width', '80')
            lines = text.rstrip('\n').split('\n')
            for line in lines:
                true(len(line) <= 80 or '→' in line or line.startswith('?') or daemon.path in line, line)
            first = next(i for i, line in enumerate(lines) if line.startswith('! ') and member in line)
            true('never since 20' in lines[first], lines[first])
            true(first < next(i for i, line in enumerate(lines) if reader in line), f'unused ones first:\n{text}')
            true(f'gpasswd -d {member} {people.group}' in text and 'only reads' in callerctl(*log, daemon.path, '--width', '160'), text)

            idle = grants(*log, daemon.path, '--unused', '90d', code=1)
            one(idle, who=member)
            true(not any(grant.get('who') in (reader, connected, 'root') for grant in idle), idle)

            report_has_it(log, daemon, member, reader, PREFIX + '-proxy')

            without = grants('--read', '/nonexistent/log', daemon.path, code=5)
            true(not one(without, who=member, kind='group')['known'], 'without a log nothing is known of use')
            unprivileged = subprocess.run(['setpriv', '--reuid', listed, '--regid', listed, '--clear-groups', CALLERCTL, 'access', '--json', daemon.path],
                                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=UTC, timeout=PATIENCE).stdout.decode()
            true('not root' in unprivileged, unprivileged)


def report_has_it(log, daemon, member, reader, container):
    """The report asks the same: a section of the text and of the page, rows of the table."""
    taken_away = f'gpasswd -d {member} {PREFIX}'
    text = callerctl('--since', '1h', *log, command='report')
    section = text.split('who can reach the engines now')[1].split('how much of it is certain')[0]
    true(any(line.startswith(f'  ! {member} ') and 'never since' in line for line in section.split('\n')), section)
    for words in (taken_away, daemon.path, f'[{container}]', 'use: by the log since'):
        true(words in section, f'{words} is not in {section}')
    page = callerctl('--since', '1h', '--as', 'html', *log, command='report')
    true(taken_away in html.unescape(page) and f'>{member}</td><td>group {PREFIX}</td><td class="medium">never since' in page, page)
    rows = list(csv.DictReader(callerctl('--since', '1h', '--as', 'csv', *log, command='report').splitlines()))
    true(all(None not in row and None not in row.values() for row in rows), 'each row has a cell for each column')
    mine = [row for row in rows if row['row'] == 'grant' and row['engine'] == daemon.path]
    row = one(mine, who=member)
    equal((row['last'], row['requests'], row['remove']), ('', '0', taken_away))
    true(int(one(mine, who=reader)['requests']) and one(mine, container=container)['how'] == 'mount /host', mine)
    true(not any(row['row'] == 'caller' and row['engine'] for row in rows), 'a caller is no grant')

    # Where it is not known it says why.
    other = log[1] + '.other'
    with open(log[1]) as ours, open(other, 'w') as theirs:
        for line in ours:
            record = json.loads(line)
            if 'host' in record:
                record['host'] = {'name': 'web-99', 'id': '0' * 32}
            theirs.write(json.dumps(record, separators=(',', ':')) + '\n')
    told = "the log is another host's"
    true(told in callerctl('--since', '1h', '--read', other, command='report'), 'in the text')
    true(told in html.unescape(callerctl('--since', '1h', '--as', 'html', '--read', other, command='report')), 'on the page')
    row = one(csv.DictReader(callerctl('--since', '1h', '--as', 'csv', '--read', other, command='report').splitlines()), row='note')
    true(told in row['who'], row)
    true('--where' in callerctl('--since', '1h', *log, '--where', 'severity >= high', command='report'), 'records that were left out')
    callerctl(*log, '--where', 'severity >= high', code=2)
    reading = subprocess.run(['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', CALLERCTL, 'report', '--read', '-'],
                             input=open(log[1], 'rb').read(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=UTC, timeout=PATIENCE)
    true('only root' in reading.stdout.decode(), reading)
    found = grants('--read', other, daemon.path)
    equal((one(found, who=reader, kind='group')['known'], one(found, who=member, kind='group')['known']), (False, False),
          "another host's users are not this host's")
    true(any('of another host (web-99)' in note.get('not_known', '') for note in found), found)


@test
def another_log_says_nothing_of_this_socket():
    """A socket that no agent watched is not one that nobody used."""
    with People() as people, Dockerd('ctl-unwatched') as daemon:
        run('usermod', '-aG', people.group, people.names[0])
        os.chown(daemon.path, 0, int(run('getent', 'group', people.group).split(':')[2]))
        with Callerd(sockets=[daemon.other]) as callerd:
            request('GET', '/_ping', path=daemon.path)
            callerd.wait(event__action='agent-started')
            grant = one(grants('--read', callerd.log, daemon.path), who=people.names[0])
            equal((grant['known'], 'known_since' in grant), (False, False))
            true('not known' in callerctl('--read', callerd.log, daemon.path), 'on the screen, too')


def without_what_changes(text, path):
    """Numbers of processes and users, times, and the socket's place are other ones each time."""
    for pattern, by in ((re.escape(path), '/run/docker.sock'), (r'docker -H unix:///run/docker\.sock', 'docker'),
                        (r'\d{4}-\d\d-\d\d( \d\d:\d\d)?', 'DATE'), (r'today \d\d:\d\d', 'TODAY'), (r'python3[.\d]*\[\d+\]', 'PYTHON'),
                        (r'(kill|u:)( ?)\d+', r'\1\2N'),
                        # callerd itself listens to what the engine tells.
                        ('(root +always +)now' + ' ' * 20, r'\1TODAY' + ' ' * 12)):
        text = re.sub(pattern, by, text)
    return text


@test
def the_sample_of_the_docs():
    """docs/reading.md shows what it prints, on a host that has nobody else."""
    with Elsewhere() as host, Dockerd('ctl-sample') as daemon:
        host.run('mount', '-t', 'tmpfs', 'tmpfs', '/etc/sudoers.d')
        host.write('/etc/sudoers', 'root ALL=(ALL:ALL) ALL\nfrank ALL=(root) NOPASSWD: /usr/bin/docker, /usr/bin/vim\n', 0o440)
        for name in 'passwd', 'shadow', 'group', 'gshadow':
            host.write('/etc/' + name, {'passwd': 'root:x:0:0::/root:/bin/sh\n', 'group': 'root:x:0:\ndocker:x:61100:\n'}.get(name, ''))
        for uid, name in enumerate(('bob', 'carol', 'dave', 'erin', 'frank', 'gina'), 61101):
            host.user(name, uid, *(['docker'] if name in ('bob', 'carol', 'dave') else []))
        os.chown(daemon.path, 0, 61100)
        run('setfacl', '-m', 'u:61104:rw', daemon.path)
        with Callerd(sockets=[daemon.path]) as callerd:
            run(*host.as_user('bob', 'docker', '-H', 'unix://' + daemon.path, 'ps'))
            for process in (host.popen(*host.as_user('dave', '/usr/bin/python3', '-c', HOLD)),
                            host.start('/usr/bin/python3', '-c', CONNECT, daemon.path, '61106')):
                equal(process.stdout.readline(), b'up\n')
            host.run('gpasswd', '-d', 'dave', 'docker')
            daemon.docker('create', '--name', 'proxy', '-v', f'{daemon.dir}:/host:ro', IMAGE, 'true')
            callerd.wait(callerd__api__operation='ContainerCreate')
            text = callerctl('--read', callerd.log, daemon.path, '--width', '80', inside=host.inside)
    with open(ROOT + '/docs/reading.md') as docs:
        sample = docs.read().split('$ callerctl access --width 80\n')[1].split('```')[0]
    equal(without_what_changes(sample, '/run/docker.sock'), without_what_changes(text, daemon.path), 'docs/reading.md and this:\n' + text)


# Rules of doas, and what they let di, of the group doers, and ed run.
DOAS = (('permit ed\n', None, 'anything'), ('permit :doers as root cmd docker\n', 'docker', None),
        ('permit nopass ed cmd /usr/bin/docker\npermit ed cmd sh\n', None, 'sh'), ('permit ed\ndeny ed cmd docker\n', None, 'anything'),
        ('permit ed cmd docker\ndeny :doers\n', None, 'docker'), ('permit 61112 as 0 cmd /usr/bin/docker\n', None, 'docker'),
        ('permit "ed" cmd docker args ps\n', None, 'docker'), ('permit ed as nobody\n', None, None),
        ('permit ed cmd docker\ndeny ed cmd docker args ps\n', None, 'docker'), ('permit ed cmd docker\ndeny ed cmd docker\n', None, None),
        ('permit setenv { A=b } \\\n :61110 cmd sh # a comment\n', 'sh', None), ('permit ed \\\n cmd sh\n', None, None), ('per\\mit e\\d\n', None, 'anything'),
        ('deny ed\n', None, None), ('permit ed', None, None),
        ('permit nopass persist ed\n', None, None), ('permit keepenv cmd\n', None, None))


@test
def rules_of_doas():
    """What doas itself says that users may run is a grant, and nothing else is."""
    with Elsewhere() as host, Dockerd('ctl-doas') as daemon:
        host.run('groupadd', '-g', '61110', 'doers')
        host.user('di', 61111, 'doers')
        host.user('ed', 61112)
        host.run('mount', '-t', 'tmpfs', 'tmpfs', '/etc/sudoers.d')
        host.write('/etc/sudoers', 'root ALL=(ALL) ALL\n', 0o440)
        for rules, *let in DOAS:
            host.write('/etc/doas.conf', rules)
            found = grants('--read', '/dev/null', daemon.path, inside=host.inside)
            refused = subprocess.run([*host.inside, 'doas', '-C', '/etc/doas.conf'], stderr=subprocess.DEVNULL, timeout=PATIENCE).returncode
            equal(any('not as doas takes it' in grant.get('not_known', '') for grant in found), bool(refused), f'{rules} {found}')
            for name, how in zip(('di', 'ed'), let):
                may = [command for command in ('docker', '/usr/bin/docker', 'docker ps', 'sh') if subprocess.run(
                    host.as_user(name, 'doas', '-C', '/etc/doas.conf', *command.split()), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                    timeout=PATIENCE).stdout.startswith(b'permit')]
                equal((bool(may), 'sh' in may), (bool(how), how in ('sh', 'anything')), f'the table and doas, of {name}: {rules}')
                equal([(grant['how'], grant['remove']) for grant in found if grant.get('who') == name and grant['kind'] == 'doas'],
                      [('doas ' + how, 'editor /etc/doas.conf')] if how else [], f'{name} by {rules}')
        for rules, mode, told in (('permit ed\n', 0o664, 'by others than root'), ('permit ed\n' * 30000, 0o644, 'cannot be read')):
            host.write('/etc/doas.conf', rules, mode)
            found = grants('--read', '/dev/null', daemon.path, inside=host.inside)
            true(any(told in grant.get('not_known', '') for grant in found) and not any(grant.get('who') == 'ed' for grant in found), found)


# What polkit is told to let people do. Of psits, only where he sits; of pbad its rule fails.
POLKIT = '''
polkit.addAdminRule(function(action, subject) {
    return action.id == "org.freedesktop.machine1.host-shell" ? ["unix-group:pgroup"] : ["unix-user:padmin"];
});
polkit.addRule(function(action, subject) {
    var exec = action.id == "org.freedesktop.policykit.exec", program = action.lookup("program");
    switch (subject.user) {
    case "pdocker": return exec && program == "/usr/bin/docker" && action.lookup("user") == "root" ? polkit.Result.YES : polkit.Result.NO;
    case "pown": return exec ? program == "/usr/bin/docker" ? polkit.Result.YES : polkit.Result.AUTH_SELF_KEEP : polkit.Result.NO;
    case "prun": return action.id == "org.freedesktop.systemd1.manage-units" && !action.lookup("unit") ? polkit.Result.YES : polkit.Result.NO;
    case "prestart": return action.lookup("unit") == "docker.service" ? polkit.Result.YES : polkit.Result.NO;
    case "psits": return subject.session == "SESSION" ? polkit.Result.YES : polkit.Result.NO;
    case "pbad": if (exec) throw "fails"; return polkit.Result.NO;
    }
    return action.id == "test.callerd.podman" && subject.isInGroup("pgroup") ? polkit.Result.YES : null;
});
'''
POLICY = '<policyconfig><action id="{}"><message>m</message><defaults><allow_any>{}</allow_any></defaults>{}</action></policyconfig>'
PROGRAM = '<annotate key="org.freedesktop.policykit.exec.path">/usr/bin/{}</annotate>'
KILLS = 'import os, time\nprint("up", flush=True)\nwhile True:\n    time.sleep(0.005)\n    for number in 19, 9:\n        try: os.kill(-1, number)\n        except OSError: pass'
POLKIT_LETS = {'pdocker': ('polkit pkexec docker', 'without a password'), 'prun': ('polkit systemd-run', 'without a password'),
               'pown': ('polkit pkexec docker, pkexec sh', 'without a password: pkexec docker'),
               'pmember': ('polkit pkexec podman, machinectl shell', 'without a password: pkexec podman'),
               'padmin': ('polkit pkexec sh, systemd-run, systemctl link, systemctl set-environment', 'by his own password')}


@contextlib.contextmanager
def session_of_logind(name):
    """Runs a command in a session, by its cgroup, as logind makes it."""
    tops = [top for top in ('/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified', '/sys/fs/cgroup') if os.path.exists(top + '/cgroup.procs')]
    slices = [top + path for top in tops for path in ('/user.slice', '/user.slice/user-0.slice')]
    scopes = [f'{top}/user.slice/user-0.slice/session-{name}.scope' for top in tops]
    made = [path for path in slices if not os.path.isdir(path)] + scopes
    try:
        for path in made:
            os.mkdir(path)
        yield ['sh', '-ec', 'while [ "$1" != -- ]; do echo 0 >"$1/cgroup.procs"; shift; done; shift; exec "$@"', 'sh', *scopes, '--']
    finally:
        for path in reversed(made):
            os.rmdir(path)


@test
def whom_polkit_lets_become_root():
    """By a real polkitd and its rules: by which way, and whether another one's password would do is no grant."""
    session = 'cta' + str(os.getpid())
    with Polkit() as host, session_of_logind(session) as inside_session:
        host.run('sh', '-c', 'getent passwd root polkitd >"$0" && cat "$0" >/etc/passwd', host.dir + '/few')  # not those of this machine
        host.run('groupadd', '-g', '62000', 'pgroup')
        for uid, name in enumerate(('pdocker', 'pown', 'prun', 'prestart', 'psits', 'pbad', 'pmember', 'padmin', 'pnobody'), 62001):
            host.user(name, uid, *(['pgroup'] if name == 'pmember' else []))
        host.run('mount', '-t', 'overlay', 'overlay', '-o', f'lowerdir=/usr/share/polkit-1/actions,upperdir={host.dir}/lib,workdir={host.dir}/lib.work',
                 '/usr/share/polkit-1/actions')
        for name in 'podman', 'ls':
            host.write(f'/usr/share/polkit-1/actions/test.{name}.policy', POLICY.format('test.callerd.' + name, 'no', PROGRAM.format(name)))
        if not os.path.exists('/usr/share/polkit-1/actions/org.freedesktop.machine1.policy'):
            host.write('/usr/share/polkit-1/actions/test.machine.policy', POLICY.format('org.freedesktop.machine1.host-shell', 'auth_admin', ''))
        host.rules(POLKIT.replace('SESSION', session))
        found = grants('--read', '/dev/null', '/none', inside=host.inside, env=host.bus)
        let = {grant['who']: (grant['how'], grant['detail']) for grant in found if grant.get('kind') == 'polkit'}
        equal(let, POLKIT_LETS)
        true(all(grant['root_equivalent'] and 'uid' in grant for grant in found if grant.get('kind') == 'polkit'), found)

        # What it lets somebody do in the session that callerctl runs in is not what it lets him do.
        asked = host.popen(*host.inside, *inside_session, 'setpriv', '--reuid', 'psits', '--clear-groups', 'sh', '-c', 'echo up; exec sleep 600')
        equal(asked.stdout.readline(), b'up\n', '' if asked.poll() is None else asked.stderr.read())
        with open(f'/proc/{asked.pid}/stat') as stat:
            process = f'{asked.pid},{stat.read().rsplit(")", 1)[1].split()[19]},62005'
        host.run('pkcheck', '--action-id', 'org.freedesktop.policykit.exec', '--process', process, env={**os.environ, **host.bus})
        asked.kill()
        asked.wait()
        again = grants('--read', '/dev/null', '/none', inside=[*host.inside, *inside_session], env=host.bus)
        equal({grant['who']: (grant['how'], grant['detail']) for grant in again if grant.get('kind') == 'polkit'}, POLKIT_LETS)
        true(not any('in the session' in grant.get('not_known', '') for grant in found + again), again)

        # Whoever ends the process that polkit is asked about hides nothing.
        killer = host.start('setpriv', '--reuid', 'prun', '--clear-groups', '/usr/bin/python3', '-c', KILLS)
        equal(killer.stdout.readline(), b'up\n', '' if killer.poll() is None else killer.stderr.read())
        found = grants('--read', '/dev/null', '/none', inside=host.inside, env=host.bus)
        true(any(grant.get('who') == 'prun' for grant in found) or any('polkit does not say all that prun' in grant.get('not_known', '') for grant in found), found)
        killer.kill()
        host.polkitd.kill()
        host.polkitd.wait()
        found = grants('--read', '/dev/null', '/none', inside=host.inside, env=host.bus)
        true(any('polkit was not asked what users may do: it does not answer' in grant.get('not_known', '') for grant in found), found)


@test
def users_of_a_directory():
    """Real LDAP: members that /etc/passwd and /etc/group do not have; by a log whose records name their callers."""
    with Directory({'lara': 61001, 'liam': 61002, 'lena': 61003}, {'engines': (61010, ['lara', 'liam', 'gone'])}) as host, \
            Dockerd('ctl-ldap') as daemon:
        host.user('kim', 61004)
        host.run('groupadd', '-g', '61011', 'local')
        host.run('sed', '-i', 's/^local:.*/&lena/', '/etc/group')
        host.write('/etc/sudoers.d/ldap', '%engines ALL=(root) /usr/bin/docker\n', 0o440)
        os.chown(daemon.path, 0, 61010)
        run('setfacl', '-m', 'g:61011:rw', daemon.path)
        with Callerd(sockets=[daemon.path], detail='reference') as callerd:
            run(*host.as_user('lara', 'docker', '-H', 'unix://' + daemon.path, 'ps'))
            run(*host.as_user('lara', 'docker', '-H', 'unix://' + daemon.path, 'volume', 'create', 'of-lara'))
            callerd.wait(callerd__api__operation='VolumeCreate')
            found = grants('--read', callerd.log, daemon.path, inside=host.inside)
            used = one(found, who='lara', kind='group')
            true(used['uid'] == 61001 and used['changes'] == 1 and used['how'] == 'group engines', used)
            true('by the name services' in used['detail'] and 'remove' not in used, 'gpasswd cannot take him out')
            unused = one(found, who='liam', kind='group')
            true(unused['known'] and unused['requests'] == 0 and 'last' not in unused, unused)
            true('no such user' in one(found, who='gone', kind='group')['detail'], 'the name of a user who is not there')
            equal(one(found, who='lena', kind='acl')['remove'], 'gpasswd -d lena local', 'a user of the directory in a group of this host')
            equal({one(found, who=name, kind='sudo')['how'] for name in ('lara', 'liam')}, {'sudo docker'})
            true(not any(grant.get('who') == 'kim' for grant in found), found)

            # A directory that does not answer holds nobody up, and the users of files are told.
            host.run('sed', '-i', 's/^local:.*/&,kim/', '/etc/group')
            host.stop_answering()
            found = grants('--read', callerd.log, daemon.path, inside=host.inside)
            equal(one(found, who='kim', kind='acl')['remove'], 'gpasswd -d kim local')
            true(any('name services do not answer' in grant.get('not_known', '') for grant in found), found)


@test
def users_whom_a_directory_does_not_list():
    """As SSSD without enumeration: only who is asked for by his name is there, and only his own groups say where he is a member."""
    people = {name: 61021 + number for number, name in enumerate(('inlog', 'running', 'waslogged', 'athome', 'unknown'))}
    with Directory(people, {'engines': (61020, list(people))}, 'nss_disable_enumeration yes\nnss_getgrent_skipmembers yes\n') as host, \
            Dockerd('ctl-unlisted') as daemon:
        host.run('mount', '-t', 'tmpfs', 'tmpfs', '/home')
        host.run('mkdir', '/home/athome', '/home/nobody-of-that-name')
        entry = struct.pack('=hxxi32s4s32s256s', 7, 1, b'pts/1', b'1', b'waslogged', b'').ljust(384, b'\0')
        host.run('mkdir', '-p', '/var/log')
        subprocess.run([*host.inside, 'sh', '-c', 'cat >/var/log/wtmp'], input=entry, check=True)
        os.chown(daemon.path, 0, 61020)
        equal((host.run('getent', 'group', 'engines').strip(), host.run('id', '-G', 'unknown').split()[-1]), ('engines:*:61020:', '61020'))
        true('inlog' not in host.run('getent', 'passwd'), 'they are not listed')
        with Callerd(sockets=[daemon.path]) as callerd:
            run(*host.as_user('inlog', 'docker', '-H', 'unix://' + daemon.path, 'ps'))
            process = host.popen(*host.as_user('running', '/usr/bin/python3', '-c', HOLD))
            equal(process.stdout.readline(), b'up\n')
            callerd.wait(callerd__api__operation='ContainerList')
            found = grants('--read', callerd.log, daemon.path, inside=host.inside)
        for name in 'inlog', 'running', 'waslogged', 'athome':
            grant = one(found, who=name)
            equal((grant['kind'], grant['how'], grant['uid'], 'last' in grant), ('group', 'group engines', people[name], name == 'inlog'))
        true(not any(grant.get('who') == 'unknown' for grant in found), 'nobody can tell of him')
        true(any('do not list all users: 4 whom' in grant.get('not_known', '') and 'may be more' in grant['not_known'] for grant in found), found)


@test
def whom_the_rules_of_sudo_name():
    """Also in files that others include, by aliases, and a user who cannot log in; sudo says what they may."""
    with Elsewhere() as host, Daemon(place() + '/engine.sock') as daemon:
        host.run('mount', '-t', 'tmpfs', 'tmpfs', '/etc/sudoers.d')
        host.write('/etc/sudoers', 'User_Alias OPS = %61040, %ops : OTHERS = one\nOTHERS ALL=(ALL) ALL\n@include "site rules"\n', 0o440)
        host.write('/etc/site rules', 'svc ALL=(root) NOPASSWD: /usr/bin/docker\nOPS ALL = \\\n  (root) /usr/bin/podman\n', 0o440)
        host.run('groupadd', 'ops')
        for uid, (name, *groups) in enumerate((['svc'], ['one'], ['two', 'ops'], ['three']), 961):
            host.user(name, uid, *groups, shell='/usr/sbin/nologin')
        found = grants('--read', '/nonexistent', daemon.path, code=5, inside=host.inside)
        for name, how in ('svc', 'sudo docker'), ('one', 'sudo anything'), ('two', 'sudo podman'):
            equal(one(found, who=name, kind='sudo')['how'], how)
        true(not any(grant.get('who') == 'three' for grant in found), found)

        # Whom such a rule names nobody can tell: all are asked for, and it is said that there may be more.
        host.write('/etc/sudoers', 'ALL, +net ALL=(root) /usr/bin/docker\n', 0o440)
        found = grants('--read', '/nonexistent', daemon.path, code=5, inside=host.inside)
        equal(one(found, who='three', kind='sudo')['how'], 'sudo docker')
        true(any("name net, whose members" in grant.get('not_known', '') for grant in found), found)
        host.write('/etc/sudoers', 'three ALL=(root) /usr/bin/docker\n@include missing\n', 0o440)
        host.run('sed', '-i', '$a sudoers: files sss', '/etc/nsswitch.conf')
        found = grants('--read', '/nonexistent', daemon.path, code=5, inside=host.inside)
        true(any('by cvtsudoers' in grant.get('not_known', '') for grant in found), found)
        host.write('/etc/sudoers', 'three ALL=(root) /usr/bin/docker\n', 0o440)
        found = grants('--read', '/nonexistent', daemon.path, code=5, inside=host.inside)
        equal(one(found, who='three', kind='sudo')['how'], 'sudo docker')
        true(any('from a directory, too' in grant.get('not_known', '') for grant in found), found)


@test
def contexts_lead_elsewhere():
    """As the real client keeps them. Homes are their users': a pipe, a link to what others may not read, a directory of a thousand."""
    with Elsewhere() as host, Daemon(place() + '/engine.sock') as daemon:
        host.user('ctxuser', 61050)
        host.user('ctxevil', 61051)
        for name in 'ctxuser', 'ctxevil':
            home = f'{host.dir}/{name}'
            host.run('mkdir', home)
            host.run('chown', name + ':', home)
            host.run('usermod', '-d', home, name)
        client = host.as_user('ctxuser', 'env', f'HOME={host.dir}/ctxuser', 'docker', 'context')
        run(*client, 'create', 'prod', '--docker', 'host=tcp://bob:secretword@prod.example:2376')
        run(*client, 'create', 'here', '--docker', 'host=unix://' + daemon.path)
        run(*client, 'create', 'proxy', '--docker', 'host=unix:///run/of-a-proxy.sock')
        run(*client, 'use', 'prod')
        hidden = 'x' * 20
        host.run('sh', '-ec', """cd "$0"; mkdir -p .docker/contexts/meta; cd .docker/contexts/meta
            mkdir pipe link; mkfifo pipe/meta.json; ln -s /etc/hidden.json link/meta.json
            mkfifo ../../config.json
            for i in $(seq 100); do mkdir $i; printf '{"Name":"n\\u001b[31m%d","Endpoints":{"docker":{"Host":"tcp://h%d"}}}' $i $i >$i/meta.json; done
            chown -R ctxevil: "$0"/.docker""", host.dir + '/ctxevil')
        host.write('/etc/hidden.json', '{"Name": "hidden", "Endpoints": {"docker": {"Host": "tcp://%s"}}}' % hidden, 0o600)
        found = grants('--read', '/nonexistent', daemon.path, code=5, inside=host.inside)
        mine = {grant['how']: grant for grant in found if grant.get('who') == 'ctxuser'}
        equal({how: grant['detail'] for how, grant in mine.items()},
              {'context prod, current': 'tcp://bob:***@prod.example:2376', 'context proxy': 'unix:///run/of-a-proxy.sock'})
        equal([(grant['kind'], grant['root_equivalent'], grant['known']) for grant in mine.values()], [('context', False, False)] * 2)
        theirs = [grant for grant in found if grant.get('who') == 'ctxevil']
        true(50 < len(theirs) <= 64 and all(hidden not in str(grant) and '\33' not in grant['how'] for grant in theirs), theirs)
        true(any('ctxevil has more contexts' in grant.get('not_known', '') for grant in found), found)
        text = callerctl('--read', '/nonexistent', daemon.path, code=5, inside=host.inside)
        true('  ctxuser' in text.split('\nother engines, by contexts and variables\n')[1] and 'secretword' not in text, text)


@test
def variables_lead_elsewhere():
    """DOCKER_HOST in profiles: as a real shell has it; homes are their users'."""
    with Elsewhere() as host, Daemon(place() + '/engine.sock') as daemon:
        host.run('sh', '-c', 'getent passwd root >"$0" && cat "$0" >/etc/passwd; cd /etc; rm -rf profile.d environment.d; mkdir profile.d environment.d', host.dir + '/few')
        for uid, name in enumerate(('varuser', 'varevil'), 61055):
            host.user(name, uid)
            host.run('install', '-d', '-o', name, f'{host.dir}/{name}')
            host.run('usermod', '-d', f'{host.dir}/{name}', name)
        for path, text in (('environment', 'DOCKER_HOST=tcp://all.example:2375\n'), ('profile.d/x.sh', f'export DOCKER_HOST=unix://{daemon.path}\n'),
                           ('environment.d/9.conf', 'CONTAINER_HOST="ssh://pod.example"\n'), ('systemd/user.conf', '[Manager]\nDefaultEnvironment="DOCKER_CONTEXT=far"\n')):
            host.write('/etc/' + path, text)
        host.run('ln', '-s', '/etc/environment', '/etc/profile.d/linked.sh')
        profile = 'A=b export DOCKER_HOST="tcp://bob:secretword@"\'own.example:2376\' # or so\nDOCKER_CONTEXT=$(hostname)\n'
        home = f'{host.dir}/varuser'
        host.write(home + '/.bashrc', profile)
        host.run('chown', 'varuser', home + '/.bashrc')
        equal(run(*host.as_user('varuser', 'bash', '-c', f'. {home}/.bashrc; echo $DOCKER_HOST')).strip(), 'tcp://bob:secretword@own.example:2376')
        host.write('/etc/hidden', 'DOCKER_HOST=tcp://hidden.example\n', 0o600)
        host.run('sh', '-ec', 'cd "$0"; ln -s /etc/hidden .profile; mkfifo .bashrc; mkdir .zshrc; ln -s /etc .config; for i in $(seq 100); do echo DOCKER_HOST=tcp://h$i; done >.zshenv; '
                 'yes | head -c 100000 >.zprofile; echo DOCKER_HOST=tcp://h >>.zprofile; chown -h varevil: .* 2>/dev/null || chown varevil .zshenv .zprofile', f'{host.dir}/varevil')
        found = grants('--read', '/dev/null', daemon.path, inside=host.inside)
        equal({(grant['who'], grant['how'], grant['detail']) for grant in found if grant.get('kind') == 'context' and grant['who'] != 'varevil'},
              {('everybody', 'DOCKER_HOST in /etc/environment', 'tcp://all.example:2375'),
               ('everybody', 'CONTAINER_HOST in /etc/environment.d/9.conf', 'ssh://pod.example'),
               ('everybody', 'DOCKER_CONTEXT in /etc/systemd/user.conf', 'far'),
               ('varuser', 'DOCKER_HOST in ~/.bashrc', 'tcp://bob:***@own.example:2376'),
               ('varuser', 'DOCKER_CONTEXT in ~/.bashrc', 'not written out: where it leads is not known')})
        equal({grant['how'] for grant in found if grant.get('who') == 'varevil'}, {'DOCKER_HOST in ~/.zshenv'})
        notes = [grant['not_known'] for grant in found if 'not_known' in grant]
        true(any('varevil has more variables' in note for note in notes) and any('/etc/profile.d/linked.sh is a link' in note for note in notes), notes)
        true('hidden.example' not in str(found) and 'secretword' not in str(found), found)


@test
def a_group_of_thousands():
    """It is told in part, and neither holds it up nor hides what is not of it."""
    with Elsewhere() as host, Dockerd('ctl-many') as daemon:
        people = [(f'many{number}', 100000 + number) for number in range(scaled(5000, 5000, 50000))]
        host.write('/etc/passwd', 'root:x:0:0::/root:/bin/sh\n' + ''.join(f'{name}:x:{uid}:{uid}::/nonexistent:/bin/sh\n' for name, uid in people))
        host.write('/etc/group', 'root:x:0:\n' + 'few:x:61014:many4999\n' + 'many:x:61013:' + ','.join(name for name, _ in people) + '\n')
        host.write('/etc/shadow', '')
        host.write('/etc/gshadow', '')
        os.chown(daemon.path, 0, 61013)
        run('setfacl', '-m', 'g:61014:rw', daemon.path)
        daemon.docker('create', '--name', PREFIX + '-behind', '-v', f'{daemon.dir}:/host:ro', IMAGE, 'true')
        found = grants('--read', '/nonexistent', daemon.path, code=5, inside=host.inside)
        members = [grant for grant in found if grant.get('kind') == 'group']
        true(1000 < len(members) < len(people) and members[0]['remove'] == 'gpasswd -d many0 many', members[:3])
        true(any(f'group many has {len(people)} members' in grant.get('not_known', '') for grant in found), 'that there are more')
        equal(one(found, who='many4999', kind='acl')['how'], 'ACL, group few')
        one(found, who=PREFIX + '-behind', kind='container')


# Ways to hide: the first thread ends; another one has descriptors of its own; a network of its own; a root of its own.
HIDE = '''import ctypes, os, socket, sys, threading, time
how, path, uid, gid = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:5])
libc = ctypes.CDLL(None, use_errno=True)
def drop():
    os.setgroups([gid] if gid else [])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
def unshare(what):
    if libc.unshare(what): raise OSError(ctypes.get_errno(), "unshare")
def connect():
    global s
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
def beside():
    if how == "files":
        unshare(0x400)
        connect()
        libc.syscall(105, uid)
    print("up", flush=True)
    time.sleep(600)
if how == "network": unshare(0x40000000)
if how != "files" and how != "root" and not gid: connect()
if how == "root":
    drop()
    libc.prctl(4, 1, 0, 0, 0)
    unshare(0x10020000)
    for name, line in ("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {uid} 1"):
        open("/proc/self/" + name, "w").write(line)
    top = b"/mnt"
    assert not libc.mount(b"t", top, b"tmpfs", 0, None)
    os.close(os.open("/mnt/sock", os.O_CREAT))
    assert not libc.mount(path.encode(), b"/mnt/sock", None, 4096, None)
    os.chroot(top)
elif how != "files": drop()
threading.Thread(target=beside).start()
if how == "ended": libc.pthread_exit(None)
time.sleep(600)
'''


@test
def nobody_hides():
    with Elsewhere() as host, Daemon(place() + '/engine.sock') as daemon:
        host.run('groupadd', '-g', '61069', 'byacl')
        for uid, name in enumerate(('ended', 'files', 'network', 'former', 'rooted'), 61061):
            host.user('hide' + name, uid)
        run('setfacl', '-m', 'g:61069:rw', daemon.path)
        pids = {}
        for how, uid, gid in ('ended', 61061, 0), ('files', 61062, 0), ('network', 61063, 0), ('held', 61064, 61069), ('root', 61065, 0):
            process = host.start('/usr/bin/python3', '-c', HIDE, how, daemon.path, str(uid), str(gid))
            equal(process.stdout.readline(), b'up\n', how + ('' if process.poll() is None else process.stderr.read().decode()))
            pids[how] = process.pid
        found = grants('--read', '/nonexistent', daemon.path, code=5, inside=host.inside)
        connected = {grant['who']: (grant['connections'], grant['remove']) for grant in found if grant.get('kind') == 'connected'}
        held = [grant['remove'] for grant in found if grant.get('who') == 'hideformer' and grant['kind'] == 'held']
        true(any(grant.get('who') == 'root' and grant['connections'] for grant in found) or 'hidefiles' in connected, 'a thread with descriptors of its own')
        equal((connected.get('hideended'), connected.get('hidenetwork'), held,
               [grant for grant in found if grant.get('kind') == 'container']),
              ((1, f'kill {pids["ended"]}'), (1, f'kill {pids["network"]}'), [f'kill {pids["held"]}'], []),
              'a leader that ended, another network, a group of the ACL; a root of his own lets nobody reach more')


@test
def other_ways_to_a_socket():
    """A mount of it elsewhere, and a hard link: what the directories on one way forbid the other one lets through."""
    with Elsewhere() as host, Dockerd('ctl-ways') as daemon:
        host.run('groupadd', '-g', '61070', 'way')
        host.user('waymember', 61071, 'way')
        os.chown(daemon.path, 0, 61070)
        other = place() + '/engine.sock'
        with open(other, 'w'):
            pass
        os.chmod(daemon.dir, 0o700)
        equal([grant for grant in grants('--read', '/nonexistent', daemon.path, code=5, inside=host.inside) if grant.get('who') == 'waymember'], [])
        host.run('mount', '--bind', daemon.path, other)
        daemon.docker('create', '--name', PREFIX + '-way', '-v', other + ':/x', IMAGE, 'true')
        found = grants('--read', '/nonexistent', daemon.path, code=5, inside=host.inside)
        one(found, who='waymember', kind='group')
        one(found, who=PREFIX + '-way', kind='container')
        true('0660, also at ' + other in callerctl('--read', '/nonexistent', daemon.path, code=5, inside=host.inside), 'in the text')
        os.link(daemon.path, daemon.dir + '/linked.sock')
        found = grants('--read', '/nonexistent', daemon.path, code=5, inside=host.inside)
        true(any('1 hard links' in grant.get('not_known', '') for grant in found), found)


# An engine by its name, as it answers: a root's own program may, and so does one that holds ten thousand containers.
ENGINE = '''import ctypes, http.server, json, os, socketserver, sys
path, count = sys.argv[1], int(sys.argv[2])
mounts = [{"Source": os.path.dirname(path), "Destination": "/x\\x1b[31m", "RW": True}]
body = json.dumps([{"Id": "%064x" % one, "Names": ["/odd\\x1b[31m\\n%d" % one], "State": "running\\x07", "Mounts": mounts} for one in range(count)]).encode()
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def address_string(self): return ""
    def log_message(self, *args): pass
server = socketserver.UnixStreamServer(path, Handler)
os.chmod(path, 0o660)
print("up", flush=True)
server.serve_forever()'''
NAMED = """import ctypes, time
ctypes.CDLL(None).prctl(15, b"x\\x1b[31m\\ny", 0, 0, 0)
print("up", flush=True)
time.sleep(600)"""


@test
def many_who_were_refused():
    """Whoever has many numbers, as any user has with a user namespace, does not push those out of sight who were let in."""
    with Elsewhere() as host, Daemon(place() + '/engine.sock') as daemon:
        host.run('groupadd', '-g', '61100', 'late')
        host.user('later', 61101, 'late')
        os.chown(daemon.path, 0, 61100)
        os.chmod(daemon.path, 0o660)
        with open(daemon.path + '.log', 'w') as log:
            for number in range(9001):
                last = number == 9000
                log.write(json.dumps({
                    '@timestamp': f'2026-11-{1 + number // 1000:02d}T00:00:00.000000000Z',
                    'event': {'action': 'api-request' if last else 'socket-refused', 'dataset': 'callerd.audit', 'id': str(number)},
                    'host': {'name': socket.gethostname()}, 'user': {'id': str(61101 if last else 200000 + number)},
                    'callerd': {'level': 'metadata', 'connection': {'socket': daemon.path}, 'api': {'operation': 'ContainerList'}}},
                    separators=(',', ':')) + '\n')
        os.symlink(daemon.path, daemon.path + '.link')
        for path in daemon.path, daemon.path + '.link':
            found = grants('--read', daemon.path + '.log', path, inside=host.inside)
            used = one(found, who='later', kind='group')
            equal((used['requests'], used['known']), (1, True), f'by {path}')
            true(any('more than 4096 users were refused' in grant.get('not_known', '') for grant in found), found[-3:])
            true(len(found) < 100, len(found))


@test
def names_and_numbers_are_not_its_own():
    """Ten thousand containers, names that no terminal should see, of containers and of a process."""
    directory = place()
    path, program = directory + '/engine.sock', directory + '/dockerd-many'
    shutil.copy(os.path.realpath('/usr/bin/python3'), program)
    with Elsewhere() as host:
        host.run('groupadd', '-g', '61080', 'odd')
        host.user('odduser', 61081, 'odd')
        for command in [program, '-c', ENGINE, path, '10000'], host.as_user('odduser', '/usr/bin/python3', '-c', NAMED):
            process = host.popen(*command)
            equal(process.stdout.readline(), b'up\n', '' if process.poll() is None else process.stderr.read().decode())
        os.chown(path, 0, 61080)
        host.run('sed', '-i', 's/^odd:.*/odd:x:61080:/', '/etc/group')
        text = callerctl('--read', '/nonexistent', path, code=5, inside=host.inside)
        true(not re.search('[\x00-\x09\x0b-\x1f\x7f]', text), f'control characters: {text[:3000]!r}')
        found = grants('--read', '/nonexistent', path, code=5, inside=host.inside)
        containers = [grant for grant in found if grant.get('kind') == 'container']
        true(len(containers) > 8000 and all('remove' not in grant for grant in containers), containers[:2])
        true(any('grants more than are told' in grant.get('not_known', '') for grant in found), found[-3:])
        true(one(found, who='odduser', kind='held')['remove'].startswith('kill '), found[:2])


def programs_that_do_not_answer():
    """A sudo that waits for something, as for its own LDAP, is left alone."""
    with Elsewhere() as host:
        host.write(host.dir + '/sudo', '#!/bin/sh\nsleep 600\n', 0o755)
        for uid in range(61091, 61096):
            host.user(f'slow{uid}', uid)
        host.write('/etc/sudoers', ''.join(f'slow{uid} ALL=(root) /usr/bin/docker\n' for uid in range(61091, 61096)), 0o440)
        host.run('mount', '--bind', host.dir + '/sudo', '/usr/bin/sudo')
        found = grants('--read', '/nonexistent', '/none', code=5, inside=host.inside)
        true(any('sudo was not asked' in grant.get('not_known', '') for grant in found), found)


def polkit_that_does_not_answer():
    with Polkit() as host:
        host.rules('')
        os.kill(host.polkitd.pid, signal.SIGSTOP)
        found = grants('--read', '/dev/null', '/none', inside=host.inside, env=host.bus)
        true(any('polkit was not asked' in grant.get('not_known', '') for grant in found), found)


if LONG:  # 20 s of waiting
    test(programs_that_do_not_answer)
    test(polkit_that_does_not_answer)


@test
def whoever_knows_the_password_of_the_group():
    with Elsewhere() as host, Daemon(place() + '/engine.sock') as daemon:
        host.run('groupadd', '-g', '61020', 'guests')
        host.run('groupmod', '-p', run('openssl', 'passwd', '-6', 'known').strip(), 'guests')
        host.user('gast', 61021)
        os.chown(daemon.path, 0, 61020)
        os.chmod(daemon.path, 0o660)
        before = grants('--read', '/nonexistent', daemon.path, code=5, inside=host.inside)
        password = one(before, who='its password', kind='group')
        equal((password['remove'], password['root_equivalent']), ('gpasswd -r guests', True))
        true(not any(grant.get('who') == 'gast' for grant in before), before)
        pid, terminal = pty.fork()
        if not pid:
            command = host.as_user('gast', 'newgrp', 'guests')
            os.execvp(command[0], command)
        try:
            for until, answer in ('assword:', b'known\n'), ('$ ', b'id\n'), ('gid=61020', b''):
                said = ''
                while until not in said:
                    true(select.select([terminal], [], [], PATIENCE)[0], said)
                    said += os.read(terminal, 4096).decode(errors='replace')
                os.write(terminal, answer)
            held = one(grants('--read', '/nonexistent', daemon.path, code=5, inside=host.inside), who='gast', kind='held')
            true(held['how'] == 'holds its group' and held['remove'].startswith('kill '), held)
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(terminal)


@test
def ports_of_engines():
    """TCP of a real dockerd: who it lets in, and that the log has nothing of it."""
    directory = tempfile.mkdtemp(dir=DIR)
    key, certificate = directory + '/key.pem', directory + '/cert.pem'
    run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', certificate,
        '-days', '2', '-subj', '/CN=localhost')
    files = ['--tlscacert', certificate, '--tlscert', certificate, '--tlskey', key]
    for name, args, who, how in (('plain', [], 'anybody here', 'TCP, asks for nothing'),
                                 ('tls', ['--tlsverify=true', *files], 'its clients', 'TCP, TLS certificate')):
        address = f'127.0.0.1:{free_port()}'
        with Dockerd('ctl-tcp-' + name, '-H', 'tcp://' + address, *args) as daemon, Callerd(sockets=[daemon.path]) as callerd:
            request('GET', '/_ping', path=daemon.path)
            callerd.wait(event__action='agent-started')
            port = one(grants('--read', callerd.log), socket=address)
            equal((port['who'], port['how'], port['kind'], port['root_equivalent'], port['known']), (who, how, 'tcp', True, False))
            true('daemon.json' in port['detail'], port)
            if name == 'plain':
                equal(one(grants('--read', callerd.log, '--unused', '90d', code=1), socket=address)['who'], who, 'nobody knows of its use')
                text = callerctl('--read', callerd.log)
                true('not known' in text.split(address + '\n')[1].split('\n')[0], text)


@test
def an_engine_of_a_user():
    """A real podman without root: whoever reaches it has no more than its user has."""
    if not shutil.which('newuidmap'):
        raise podman.Skip('no newuidmap: tools/install-deps test')
    with Elsewhere() as host:
        host.user('rootless', 61030)
        host.user('friend', 61031)
        host.run('usermod', '--add-subuids', '2101000000-2101065535', '--add-subgids', '2101000000-2101065535', 'rootless')
        made = [path for path in ('/run/user', '/run/user/61030') if not os.path.isdir(path)]
        for path in made:
            os.mkdir(path, 0o755)
        os.chown('/run/user/61030', 61030, 61030)
        home = tempfile.mkdtemp(dir=DIR)
        os.chown(home, 61030, 61030)
        try:
            path = '/run/user/61030/podman/podman.sock'
            service = host.popen(*host.as_user('rootless', 'env', 'HOME=' + home, 'XDG_RUNTIME_DIR=/run/user/61030', 'sh', '-c',
                                               'mkdir -p "$XDG_RUNTIME_DIR/podman" && exec podman system service --time=0'), cwd=home)
            deadline = time.monotonic() + PATIENCE
            while not os.path.exists(path):
                true(service.poll() is None and time.monotonic() < deadline, service.poll() is not None and service.stderr.read())
                time.sleep(0.05)
            run('setfacl', '-m', 'u:61031:rw', path)
            os.chmod('/run/user/61030', 0o755)
            os.chmod(os.path.dirname(path), 0o755)
            found = [grant for grant in grants('--read', '/nonexistent', code=5, inside=host.inside) if grant.get('socket') == path]
            owner, friend = one(found, who='rootless'), one(found, who='friend')
            equal((owner['kind'], owner['root_equivalent'], 'remove' in owner), ('owner', False, False))
            equal((friend['kind'], friend['root_equivalent'], friend['remove']), ('acl', False, 'setfacl -x u:61031 ' + path))
            one(found, who='root', kind='root')
            text = callerctl('--read', '/nonexistent', path, code=5, inside=host.inside)
            true("a user's own engine" in text and '! friend' not in text, text)
            os.chmod('/run/user/61030', 0o700)
            found = grants('--read', '/nonexistent', path, code=5, inside=host.inside)
            true(not any(grant.get('who') == 'friend' for grant in found), f'who may not pass its directory: {found}')
        finally:
            host.__exit__()
            host.processes.clear()
            subprocess.run(['pkill', '-KILL', '--uid', '61030'], check=False)  # podman has gone into a namespace, out of our sight
            for path in reversed(made):
                shutil.rmtree(path)


main()
