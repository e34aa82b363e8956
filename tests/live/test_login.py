# SPDX-License-Identifier: Apache-2.0
"""From where those came who logged in: by a real sshd and its like, through sudo, su and tmux, and after their session's end."""
import pathlib
import shutil

from live import *

AGENT = None
PORT = 0
CONTROL = f'{DIR}/login-control.sock'
HOME = f'{DIR}/login'
SSHD = '/usr/sbin/sshd'


def free_port():
    with socket.socket() as one:
        one.bind(('127.0.0.1', 0))
        return one.getsockname()[1]


class Sshd:
    """Debian's own, with a configuration, a host key and a port of its own, on loopback."""

    def __init__(self, name='sshd', user=None, *options):
        self.port = free_port()
        self.where = f'{HOME}/{name}'
        os.makedirs(self.where, exist_ok=True)
        os.makedirs('/run/sshd', exist_ok=True)
        for key in ('host', 'user'):
            if not os.path.exists(f'{self.where}/{key}'):
                run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', f'{self.where}/{key}')
        settings = [f'Port {self.port}', 'ListenAddress 127.0.0.1', 'ListenAddress ::1', f'HostKey {self.where}/host',
                    f'AuthorizedKeysFile {self.where}/user.pub', 'StrictModes no', 'PidFile none', 'PrintMotd no',
                    'AllowStreamLocalForwarding yes', 'LogLevel ERROR', *options]
        if not any(one.startswith('UsePAM') for one in options):
            settings.append('UsePAM yes')
        pathlib.Path(f'{self.where}/config').write_text('\n'.join(settings) + '\n', encoding='utf-8')
        command = [SSHD, '-D', '-e', '-f', f'{self.where}/config']
        if user:
            for path in (HOME, self.where, *(f'{self.where}/{key}' for key in ('host', 'user', 'config'))):
                shutil.chown(path, user)
            command = ['setpriv', '--reuid', user, '--regid', user, '--init-groups', '--', *command]
        self.log = open(f'{self.where}/log', 'wb')
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=self.log)
        for host in ('127.0.0.1', '::1'):
            self._wait(host)

    def _wait(self, host):
        end = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection((host, self.port)).close()
                return
            except OSError:
                true(self.process.poll() is None and time.monotonic() < end, f'sshd: {pathlib.Path(self.where, "log").read_text()}')
                time.sleep(0.05)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.log.close()

    def options(self):
        return ['-F', 'none', '-p', str(self.port), '-i', f'{self.where}/user', '-o', 'StrictHostKeyChecking=no',
                '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR', '-o', 'BatchMode=yes', '-o', 'IdentitiesOnly=yes']

    def command(self, command, *options, user=None, host='127.0.0.1'):
        return ['ssh', *self.options(), *options, f'{user or MEMBER}@{host}', command]

    def run(self, command, *options, **more):
        return run(*self.command(command, *options, **more))


def call(mark):
    return f'{CLIENTS}one_shot {SOCKET} --target /_ping?{mark}'


def record_of(mark):
    return AGENT.wait(event__action='api-request', url__original=f'/_ping?{mark}')[0]


def known(what, mark):
    """Calls by WHAT until a record has the login: the first one may come before it was looked up."""
    end = time.monotonic() + PATIENCE
    number = 0
    while True:
        number += 1
        what(f'{mark}-{number}')
        record = record_of(f'{mark}-{number}')
        if field(record, 'callerd.session') or time.monotonic() > end:
            true(field(record, 'callerd.session'), f'{number} calls, none with its login')
            return record


def calls(mark, begin='', end=''):
    """Calls until it must be known from where they come: the first one may be told before that was looked up."""
    return f'n=0; while [ $n -lt {PATIENCE * 2} ] && [ ! -e {HOME}/{mark} ]; do n=$((n+1)); {begin}{CLIENTS}one_shot {SOCKET} --target /_ping?{mark}-$n{end}; sleep 0.2; done'


def over_ssh(sshd, mark, begin='', end='', **more):
    """The first record of one session that tells of its login."""
    stop = pathlib.Path(f'{HOME}/{mark}')
    stop.unlink(missing_ok=True)
    process = subprocess.Popen(sshd.command(calls(mark, begin, end), **more), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        return AGENT.wait(event__action='api-request', that=lambda r: f'?{mark}-' in field(r, 'url.original', '') and 'session' in r['callerd'])[0]
    finally:
        stop.touch()
        process.wait(PATIENCE)


def member():
    return str(pwd.getpwnam(MEMBER).pw_uid)


def from_loopback(record, address='127.0.0.1'):
    session = record['callerd']['session']
    equal(session['service'], 'sshd', f'service {session}')
    true(set(session['basis']) >= {'connection', 'process'}, f'basis {session}')
    equal(record['source']['ip'], address, 'address')
    equal(record['related']['ip'], [address], 'for who searches by it')
    true(0 < record['source']['port'] < 65536, f'port {record["source"]}')
    equal(field(record, 'process.entry_leader.entry_meta'), {'type': 'sshd', 'source': {'ip': address}}, 'entry')
    equal(session['leader']['executable'].rsplit('/', 1)[1].split('-')[0], 'sshd', 'leader')
    leader = [one for one in record['callerd']['ancestors'] if one['pid'] == session['leader']['pid']][0]
    equal([leader['entity_id'], leader['user']['id']], [session['leader']['entity_id'], '0'], 'leader')
    true(session['start'] <= record['@timestamp'] and session['start'][:10] == record['@timestamp'][:10], f'start {session}')
    true('contradictions' not in session and 'ended' not in session, session)
    true(f' (ssh from {address})' in record['message'], record['message'])


def callerctl(*args):
    return run(ROOT + '/build/callerctl', *args, '--read', AGENT.log, '--utc', '--all')


@test
def ssh():
    with Sshd() as sshd:
        record = over_ssh(sshd, 'ssh')
        from_loopback(record)
        AGENT.settle()
        true(f'{MEMBER} (ssh from 127.0.0.1)' in callerctl('tail', '--no-follow', '--since', 'boot', '--width', '240'), 'in a line')
        who = callerctl('who', '127.0.0.1')
        for words in (f'login of {MEMBER}', f'by sshd from 127.0.0.1 port {record["source"]["port"]}', 'connection', 'request'):
            true(words in who, f'{words} is not in {who}')
        equal([record['user']['id'], record['user']['name']], [member(), MEMBER], 'user')
        entry = record['process']['entry_leader']
        true(entry['pid'] == record['process']['pid'] or entry['name'] in ('sh', 'bash'), entry)
        from_loopback(over_ssh(sshd, 'ssh6', host='::1'), '::1')


@test
def asked_for():
    """Who is behind a shell that never called, and says that it is of a job: asked of the agent."""
    with Sshd() as sshd:
        shell = subprocess.Popen(sshd.command('GITLAB_CI=1 CI_JOB_ID=4711 sh -c "echo \\$\\$; read line; true"'), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            pid = int(shell.stdout.readline())
            text = run(ROOT + '/build/callerctl', 'who', f'pid:{pid}', '--read', 'agent:' + CONTROL, '--utc')
            for words in (f'process {pid} (sh), runs now', f'who          {MEMBER} (ssh from 127.0.0.1) [gitlab job 4711]',
                          'logged in    by sshd from 127.0.0.1 port ', 'known by: ', 'job          gitlab job 4711'):
                true(words in text, f'{words} is not in {text}')
        finally:
            shell.communicate(b'\n', PATIENCE)


@test
def first_calls():
    """The first call of a session, as far as it is known within the time that its records wait anyway."""
    with Sshd() as sshd:
        told = 0
        for number in range(5):
            sshd.run(f'docker -H unix://{SOCKET} ps --filter name=first{number}')
            record = AGENT.wait(event__action='api-request', callerd__api__operation='ContainerList',
                                that=lambda r, n=number: f'first{n}' in r['url']['original'])[0]
            told += 'session' in record['callerd']
        true(told >= 1, f'of 5 first calls {told} tell of their login')


@test
def a_forwarded_socket():
    """ssh -L SOCKET: sshd itself calls, as the user who forwards, and whoever uses that is where he came from."""
    with Sshd() as sshd:
        path = pathlib.Path(f'{HOME}/forwarded')
        process = subprocess.Popen(sshd.command('cat', '-L', f'{path}:{SOCKET}'), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        try:
            end = time.monotonic() + PATIENCE
            while not path.exists():
                true(process.poll() is None and time.monotonic() < end, 'ssh listens')
                time.sleep(0.05)
            record = known(lambda mark: run(f'{CLIENTS}one_shot', str(path), '--target', f'/_ping?{mark}'), 'forwarded')
        finally:
            process.communicate()
        from_loopback(record)
        equal([record['user']['name'], record['process']['name'].split('-')[0]], [MEMBER, 'sshd'], 'who calls')


@test
def what_a_session_listens_to():
    """Of a session's sshd the login says whose it is, though the first sshd listens; where it listens itself, as for ssh -R, others may be behind."""
    with Sshd() as sshd:
        for name, told, options in (('one-way', None, ()), ('both-ways', {'certainty': 'unknown', 'basis': 'listens'}, ('-R', '0:127.0.0.1:1'))):
            path = pathlib.Path(f'{HOME}/{name}')
            process = subprocess.Popen(sshd.command('cat', '-L', f'{path}:{SOCKET}', *options), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
            try:
                end = time.monotonic() + PATIENCE
                while not path.exists():
                    true(process.poll() is None and time.monotonic() < end, 'ssh listens')
                    time.sleep(0.05)
                time.sleep(1.1)  # a process that young is not looked at in any case
                for one in range(3):
                    run(f'{CLIENTS}one_shot', str(path), '--target', f'/_ping?{name}-{one}')
                    record = record_of(f'{name}-{one}')
            finally:
                process.communicate()
            equal([field(record, 'callerd.relayed_for'), record['process']['name'].split('-')[0]], [told, 'sshd'], name)


@test
def through_sudo_and_su():
    with Sshd() as sshd:
        for name, begin, end in (('sudo', 'sudo -n ', ''), ('su', 'sudo -n su root -c "exec ', '"')):
            record = over_ssh(sshd, name, begin, end)
            from_loopback(record)
            equal([record['user']['name'], record['user']['effective']['name']], [MEMBER, 'root'], name)
            true(record['message'].startswith(f'{MEMBER} (ssh from 127.0.0.1) → root ({name}) | '), record['message'])


@test
def docker_over_ssh():
    """docker -H ssh://: sshd runs `docker system dial-stdio`."""
    with Sshd('dial', None, f'SetEnv DOCKER_HOST=unix://{SOCKET}') as sshd:
        os.makedirs(f'{HOME}/bin', exist_ok=True)
        wrapper = pathlib.Path(f'{HOME}/bin/ssh')
        wrapper.write_text(f'#!/bin/sh\nexec /usr/bin/ssh {" ".join(sshd.options())} "$@"\n', encoding='utf-8')
        wrapper.chmod(0o755)
        environment = {**os.environ, 'PATH': f'{HOME}/bin:' + os.environ['PATH'], 'HOME': HOME}
        environment.pop('DOCKER_HOST', None)

        def ask(mark):
            run('docker', '-H', f'ssh://{MEMBER}@127.0.0.1:{sshd.port}', 'ps', '--filter', f'name={mark}', env=environment)

        end = time.monotonic() + PATIENCE
        for number in range(1000):
            ask(f'dial{number}')
            record = AGENT.wait(event__action='api-request', callerd__api__operation='ContainerList',
                                that=lambda r, n=number: f'dial{n}%' in r['url']['original'])[0]
            if 'session' in record['callerd'] or time.monotonic() > end:
                break
        from_loopback(record)
        true('dial-stdio' in record['process']['args'], record['process']['args'])


def after_the_session(sshd, name, begin, use, end_is_told=True):
    """A server that outlives the session that started it, as tmux and screen are."""
    with_shell = subprocess.Popen(sshd.command('read x; ' + begin + ' && echo begun; read x'), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        with_shell.stdin.write(b'\n')
        with_shell.stdin.flush()
        equal(with_shell.stdout.readline(), b'begun\n', begin)
        during = known(use, f'{name}-during')
        from_session(during)
        true('ended' not in during['callerd']['session'], during['callerd']['session'])
    finally:
        with_shell.communicate(b'\n', PATIENCE)

    if not end_is_told:
        return
    # It is looked at again now and then.
    end = time.monotonic() + PATIENCE * 2
    number = 0
    while True:
        number += 1
        use(f'{name}-after-{number}')
        record = record_of(f'{name}-after-{number}')
        if record['callerd']['session'].get('ended') or time.monotonic() > end:
            break
        time.sleep(0.5)
    from_session(record)
    equal(record['callerd']['session'].get('ended'), True, 'the session has ended')
    equal(record['source'], during['source'], 'what was known before')


def from_session(record):
    session = record['callerd']['session']
    equal(session['service'], 'sshd', 'service')
    true('session' in session['basis'] and 'connection' in session['basis'], session)
    equal(record['source']['ip'], '127.0.0.1', 'address')
    equal(field(record, 'process.entry_leader.pid'), None, 'the shell is not above it')
    true(session['leader']['pid'] not in [one['pid'] for one in record['callerd']['ancestors']], 'nor is sshd')


def member_home(name):
    path = f'{HOME}/{name}'
    os.makedirs(path, exist_ok=True)
    os.chmod(HOME, 0o755)
    os.chmod(path, 0o700)
    shutil.chown(path, MEMBER)
    return path


@test
def tmux():
    socket_path = f'{member_home("tmux")}/s'
    user = User(MEMBER)
    with Sshd() as sshd:
        try:
            after_the_session(sshd, 'tmux', f'tmux -S {socket_path} -f /dev/null new-session -d "cat"',
                              lambda at: user.run('tmux', '-S', socket_path, 'run-shell', call(at) + ' >/dev/null'))
        finally:
            user.run('tmux', '-S', socket_path, 'kill-server', check=False)


@test
def over_a_restart():
    """What was known of a login stays so: of a session whose sshd has gone, an agent that starts can find nothing."""
    global AGENT
    socket_path, user, before = f'{member_home("restart")}/s', User(MEMBER), AGENT
    state = f'{HOME}/restart.db'

    def use(at):
        user.run('tmux', '-S', socket_path, 'run-shell', call(at) + ' >/dev/null')
    try:
        with Sshd() as sshd, Callerd(state=state) as AGENT:
            after_the_session(sshd, 'restart', f'tmux -S {socket_path} -f /dev/null new-session -d "cat"', use)
            first = [one for one in AGENT.records(event__action='api-request') if 'session' in one['callerd']][-1]
        # The daemon is another one, at another port: nothing of the login is left but what is kept.
        with Callerd(state=state) as AGENT:
            use('restarted')
            second = record_of('restarted')
        from_session(second)
        equal(second['callerd']['session'], first['callerd']['session'], 'the session')
        equal(second['source'], first['source'], 'from where')
        with Callerd() as AGENT:
            use('forgotten')
            true('source' not in record_of('forgotten'), 'without what is kept nothing is known')
    finally:
        AGENT = before
        user.run('tmux', '-S', socket_path, 'kill-server', check=False)


@test
def screen():
    directory = member_home('screen')
    user = User(MEMBER)

    def use(mark):
        user.run('env', f'SCREENDIR={directory}', 'screen', '-S', 'live', '-X', 'screen', *call(mark).split())

    with Sshd() as sshd:
        try:
            after_the_session(sshd, 'screen', f'SCREENDIR={directory} screen -dmS live cat', use, end_is_told=False)
        finally:
            user.run('env', f'SCREENDIR={directory}', 'screen', '-S', 'live', '-X', 'quit', check=False)


def in_mounts(script):
    """A daemon of the host's, with places of its own: nobody else's jobs run."""
    return subprocess.Popen(['unshare', '--mount', '--', 'sh', '-ec', script], stdin=subprocess.DEVNULL)


def end_process(process):
    process.terminate()
    process.wait(PATIENCE)


@test
def cron():
    command = f'n=0; while [ $n -lt 20 ]; do n=$((n+1)); {call("cron-$n")}; sleep 0.1; done'
    job = pathlib.Path(f'{HOME}/job')
    os.makedirs(HOME, exist_ok=True)
    job.write_text(f'#!/bin/sh\n{command}\n', encoding='utf-8')
    job.chmod(0o755)
    os.chmod(HOME, 0o755)
    process = in_mounts(f'mount -t tmpfs none /run; mount -t tmpfs none /etc/cron.d; mount -t tmpfs none /var/spool/cron; '
                        f'mkdir -p /var/spool/cron/crontabs; echo "@reboot {MEMBER} {job}" >/etc/cron.d/live; : >/run/empty; '
                        'mount --bind /run/empty /etc/crontab; exec cron -f')
    try:
        record = AGENT.wait(event__action='api-request', callerd__session__service='cron')[0]
    finally:
        end_process(process)
    equal(record['user']['name'], MEMBER, 'user')
    equal(record['callerd']['session']['basis'], ['process'], 'basis')
    equal(field(record, 'source'), None, 'from nowhere')
    equal(field(record, 'process.entry_leader.name') in ('sh', 'job'), True, f'entry {record["process"]["entry_leader"]}')
    true(f'{MEMBER} (cron) |' in record['message'], record['message'])


@test
def at():
    spool = '/var/spool/cron'
    process = in_mounts(f'mount -t tmpfs none /run; mount -t tmpfs none {spool}; mkdir -m 1770 {spool}/atjobs {spool}/atspool; '
                        f'chown daemon:daemon {spool}/atjobs {spool}/atspool; touch {spool}/atjobs/.SEQ; chown daemon:daemon {spool}/atjobs/.SEQ; '
                        f'chmod 600 {spool}/atjobs/.SEQ; : >/run/empty; mount --bind /run/empty /etc/at.deny; '
                        f'cd /; echo "for n in 1 2 3 4 5 6 7 8 9 10; do {call("at-$n")}; sleep 0.1; done" | '
                        f'setpriv --reuid {MEMBER} --regid {MEMBER} --init-groups -- at now 2>/dev/null; exec atd -f')
    try:
        record = AGENT.wait(event__action='api-request', callerd__session__service="atd")[0]
    finally:
        end_process(process)
    equal(record['user']['name'], MEMBER, 'user')
    true(f'{MEMBER} (at) |' in record['message'], record['message'])


@test
def whoever_runs_an_sshd_of_his_own():
    """It is his process: what it is told of its connections proves nothing."""
    with Sshd('own', MEMBER, 'UsePAM no', 'PasswordAuthentication no') as sshd:
        for number in range(5):
            sshd.run(call(f'own-{number}'))
            record = record_of(f'own-{number}')
            true('sshd' in [one['name'] for one in record['callerd']['ancestors']], 'sshd is above it')
            equal([field(record, name) for name in ('callerd.session', 'source', 'process.entry_leader')], [None] * 3, 'origin')


def root_ports(number):
    """Calls that tell the port of their client."""
    return (f'n=0; while [ $n -lt 9 ]; do n=$((n+1)); {CLIENTS}one_shot {SOCKET} --target "/_ping?root{number}-$n-$(echo $SSH_CLIENT | cut -d\\  -f2)"; '
            'sleep 0.1; done')


@test
def the_connection_itself():
    """Root's sshd is one process with him: of the connections that he has it open none is taken for the one that he came by."""
    with Sshd('root', None, 'PermitRootLogin prohibit-password') as sshd:
        sshd.run(root_ports(1), user='root')
        record = AGENT.wait(event__action='api-request', that=lambda r: '/_ping?root1-9-' in r['url']['original'])[0]
        equal(record['source'], {'ip': '127.0.0.1', 'port': int(record['url']['original'].rsplit('-', 1)[1])}, 'source')
        port = free_port()
        command = sshd.command('read x; ' + root_ports(2), '-L', f'127.0.0.1:{port}:127.0.0.1:{sshd.port}', user='root')
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        try:
            end = time.monotonic() + PATIENCE
            while True:
                try:
                    forwarded = socket.create_connection(('127.0.0.1', port))
                    break
                except OSError:
                    true(time.monotonic() < end, 'the forwarded port')
                    time.sleep(0.05)
            with forwarded:
                true(forwarded.recv(4) == b'SSH-', 'sshd has another connection')
                process.stdin.write(b'\n') # the client waits for the end of what it forwards
                process.stdin.close()
                record = AGENT.wait(event__action='api-request', that=lambda r: '/_ping?root2-9-' in r['url']['original'])[0]
        finally:
            process.kill()
            process.wait()
    equal(record['callerd']['session']['basis'], ['process'], 'basis')
    equal(field(record, 'source'), None, 'source')


class Utmp:
    """/run/utmp, where the host has none."""

    def __enter__(self):
        self.made = not os.path.exists('/run/utmp')
        if self.made:
            pathlib.Path('/run/utmp').touch()
            shutil.chown('/run/utmp', group='utmp')
            os.chmod('/run/utmp', 0o664)
        return self

    def __exit__(self, *unused):
        if self.made:
            os.unlink('/run/utmp')

    SIZE = 384

    def entries(self):
        data = pathlib.Path('/run/utmp').read_bytes()
        return {at: data[at:at + self.SIZE] for at in range(0, len(data), self.SIZE)}

    def of_member(self):
        for at, entry in self.entries().items():
            if entry[0] == 7 and entry[44:76].rstrip(b'\0') == MEMBER.encode()[:32]:
                return at, entry
        return None


@test
def utmp():
    """It says the terminal; of the address the kernel knows better than who may write there."""
    with Utmp() as utmp_file, Sshd() as sshd:
        for forged in (False, True):
            mark = f'utmp-{forged}'
            command = sshd.command(f'read x; n=0; while [ $n -lt 20 ]; do n=$((n+1)); {call(f"{mark}-$n")}; sleep 0.1; done', '-tt')
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
            try:
                end = time.monotonic() + PATIENCE
                while not utmp_file.of_member():
                    true(time.monotonic() < end, 'an entry in utmp')
                    time.sleep(0.05)
                if forged:
                    where, entry = utmp_file.of_member()
                    entry = entry[:76] + b'10.9.9.9'.ljust(256, b'\0') + entry[332:348] + bytes([10, 9, 9, 9]).ljust(16, b'\0') + entry[364:]
                    with open('/run/utmp', 'r+b') as file:
                        file.seek(where)
                        file.write(entry)
                process.communicate(b'\n', PATIENCE)
            finally:
                process.kill()
                process.wait()
            record = AGENT.wait(event__action='api-request', that=lambda r, m=mark: m in field(r, 'url.original', '') and 'session' in r['callerd'])[0]
            session = record['callerd']['session']
            equal(session['basis'], ['connection', 'process', 'utmp'], 'basis')
            equal(session['tty'], record['callerd']['caller']['tty'], 'terminal')
            equal(record['source']['ip'], '127.0.0.1', 'address')
            equal(session.get('contradictions'), ['utmp: 10.9.9.9'] * 2 if forged else None, 'contradictions')


@test
def what_a_user_has_entered_in_utmp():
    """utempter, as terminals use it, enters any host for the process that runs it: the shell, and sshd, where the shell becomes utempter."""
    program = next(pathlib.Path('/usr/lib').glob('*/utempter/utempter'))
    calls_on = f'n=0; while [ $n -lt 20 ]; do n=$((n+1)); {{0}}; sleep 0.1; done'
    with Utmp() as utmp_file, Sshd() as sshd:
        for name, way in (('shell', f'exec 3<>/dev/ptmx; {program} add 10.9.9.9 <&3; {calls_on}'),
                          ('sshd', f'{{{{ sleep 0.5; {calls_on}; }}}} & exec {program} add 10.9.9.9 <>/dev/ptmx')):
            known_before = set(utmp_file.entries().values())
            sshd.run(way.format(call(f'entered-{name}-$n')))
            entered = [one for one in utmp_file.entries().values() if one[0] == 7 and b'10.9.9.9' in one and one not in known_before]
            true(entered, f'an entry by way of {name}')
            record = AGENT.wait(event__action='api-request', that=lambda r, m=name: f'entered-{m}' in field(r, 'url.original', '') and 'session' in r['callerd'])[0]
            session = record['callerd']['session']
            equal((set(session['basis']) - {'session'}, session.get('contradictions')), ({'connection', 'process'}, None), name)
            equal((field(record, 'source.ip'), field(record, 'source.domain')), ('127.0.0.1', None), name)


@test
def formats():
    """In each format, as its definition has it."""
    names = ('ecs', 'ocsf', 'cef', 'rfc5424')
    places = {name: f'{HOME}/log.{name}' for name in names}
    os.makedirs(HOME, exist_ok=True)
    with Sshd() as sshd, Callerd('--guard', 'none', *(word for name in names for word in ('--output', f'file:{places[name]},chain=no,format={name}'))) as agent:
        sshd.run(f'n=0; while [ $n -lt 20 ]; do n=$((n+1)); sudo -n {CLIENTS}one_shot {SOCKET} --target /_ping?formats$n; sleep 0.1; done', host='::1')
        agent.wait(callerd__session__service='sshd')
        agent.stop()
        ecs = agent.log + '.all'
        shutil.copy(agent.log, ecs)
    for name in names:
        with open(places[name], 'rb') as lines:
            data = lines.read()
        true(b'::1' in data, f'the address in {name}')
        done = subprocess.run([ROOT + '/tests/schema/check', name, ecs], input=data, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        equal(done.returncode, 0, f'{name}: {done.stdout.decode()[:1000]}')


@test
def named():
    """Where records name their caller, the line that tells of it tells of his login, and is told again once that is known."""
    with Sshd() as sshd, Callerd(detail='reference') as agent:
        end = time.monotonic() + PATIENCE
        while True:
            sshd.run(f'docker -H unix://{SOCKET} ps')
            record = agent.wait(event__action='api-request', callerd__api__operation='ContainerList')[-1]
            told = agent.records(event__action='caller-seen', callerd__caller__id=record['callerd']['caller']['id'])[0]
            if field(told, 'callerd.session') or time.monotonic() > end:
                break
        equal(field(told, 'source.ip'), '127.0.0.1', 'told with the caller')
        equal([field(record, name) for name in ('source', 'callerd.session', 'process.entry_leader')], [None] * 3, 'not with each record')
        true(' (ssh from 127.0.0.1) | ' in record['message'], record['message'])


def main_():
    global AGENT
    with Callerd('--control-socket', CONTROL) as AGENT:
        main()


if __name__ == "__main__":
    main_()
