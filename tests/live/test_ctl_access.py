# SPDX-License-Identifier: Apache-2.0
"""callerctl access: who can reach a real engine by group, ACL, sudo, a process, a connection, a container; and who did."""
import json
import os
import pwd
import subprocess

from live import IMAGE, PATIENCE, ROOT, Callerd, Dockerd, equal, main, request, run, test, true

CALLERCTL = os.environ.get('CALLERCTL', ROOT + '/build/callerctl')
PREFIX = f'cta{os.getpid() % 100000}'
UTC = {**os.environ, 'TZ': 'UTC', 'NO_COLOR': '1'}


def callerctl(*args, code=0):
    done = subprocess.run([CALLERCTL, 'access', *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=UTC, timeout=PATIENCE)
    equal(done.returncode, code, f'exit code of {args}: {done.stderr.decode()}{done.stdout.decode()}')
    return done.stdout.decode()


def grants(*args, code=0):
    return [json.loads(line) for line in callerctl('--json', *args, code=code).splitlines()]


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

            without = grants('--read', '/nonexistent/log', daemon.path, code=5)
            true(not one(without, who=member, kind='group')['known'], 'without a log nothing is known of use')
            unprivileged = subprocess.run(['setpriv', '--reuid', listed, '--regid', listed, '--clear-groups', CALLERCTL, 'access', '--json', daemon.path],
                                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=UTC, timeout=PATIENCE).stdout.decode()
            true('not root' in unprivileged, unprivileged)


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


main()
