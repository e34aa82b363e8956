# SPDX-License-Identifier: Apache-2.0
"""callerctl who: who is behind a process that lives, one that ended, a job, a container, an address; by the agent and by logs."""
import re
import tempfile

from live import *

CALLERCTL = os.environ.get('CALLERCTL', ROOT + '/build/callerctl')
UTC = {**os.environ, 'TZ': 'UTC', 'NO_COLOR': '1'}
CONTROL = DIR + '/who-control.sock'
JOB = {'GITLAB_CI': 'true', 'CI_JOB_ID': '4711', 'CI_PIPELINE_ID': '99', 'CI_PROJECT_PATH': 'group/project', 'GITLAB_USER_LOGIN': 'bob',
       'CI_JOB_URL': 'https://gitlab.example.com/group/project/-/jobs/4711'}
ALICE, BOB = User(MEMBER), User(OUTSIDER)
DOOR = '/run/docker.sock'
CANARY = 'canary-argument'


def ask(*args, code=0, by=(), log=None):
    """What `callerctl who ARGS` says, on stdout and stderr."""
    logs = ['--read', log] if log else []
    done = subprocess.run([*by, CALLERCTL, 'who', '--utc', '--width', '300', '--read', 'agent:' + CONTROL, *logs, *args], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=UTC, timeout=PATIENCE, text=True)
    equal(done.returncode, code, f'exit code of who {args}: {done.stdout}')
    return done.stdout


def agent(*args):
    return Callerd('--control-socket', CONTROL, '--control-group', 'nogroup', *args, detail='lineage', fold=None)


class Waiting:
    """A process that does nothing, and never called an engine."""

    def __init__(self, who=ALICE, env=None, args=()):
        self.process = subprocess.Popen(['/usr/bin/env', '-i', *(f'{k}={v}' for k, v in (env or {}).items()), *who.command('sh', '-c', 'read line; exit', *args)],
                                        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.pid = self.process.pid
        self.settle()

    def settle(self):
        end = time.monotonic() + PATIENCE
        while open(f'/proc/{self.pid}/comm').read() != 'sh\n':
            true(time.monotonic() < end, 'it is the shell')
            time.sleep(0.01)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.stdin.close()
        self.process.wait(PATIENCE)


class Record:
    """Lines of a log that never was: what a test about who it is needs of records."""

    def __init__(self):
        self.path = tempfile.mkdtemp(dir=DIR) + '/log'
        self.count = 0

    def add(self, pid, start, operation='VolumeCreate', boot='b0', caller=None, ci=None, lineage=None, **more):
        self.count += 1
        callerd = {'caller': {'basis': 'kernel', **(caller or {})}, 'level': 'full', 'api': {'operation': operation},
                   'target': {'type': 'volume', 'name': f'volume-{self.count}'}, **({'ci': ci} if ci else {}), **({'lineage': lineage} if lineage else {}),
                   **more.pop('callerd', {})}
        record = {'@timestamp': f'2026-11-30T00:00:{self.count:02}.000000000Z',
                  'event': {'action': 'api-request', 'dataset': 'callerd.audit', 'id': str(self.count), 'outcome': 'success'},
                  'process': {'pid': pid, 'name': 'docker', 'entity_id': f'{boot}-{pid}-{start:x}'}, 'user': {'id': '7', 'name': f'user{start}'},
                  'http': {'response': {'status_code': 201}}, 'message': f'user{start} | docker | made it', 'callerd': callerd, **more}
        with open(self.path, 'a') as log:
            log.write(json.dumps(record, separators=(',', ':')) + '\n')


def parts(text):
    """What it says of each of whom it tells: from one heading to the next."""
    return re.split(r'\n(?=process |what it started|gitlab |jenkins |login |over TCP)', '\n' + text)[1:]


@test
def a_process_that_never_called():
    """Root hears all of it, a member of the group who it is; who may not read records hears nothing."""
    nobody = ['setpriv', '--reuid', 'nobody', '--clear-groups', '--regid']
    with agent() as callerd, Waiting(env=JOB, args=[CANARY]) as shell:
        text = ask(f'pid:{shell.pid}', log=callerd.log)
        for words in (f'process {shell.pid} (sh), runs now', f'who          {MEMBER}', CANARY, 'gitlab job 4711 in pipeline 99 of group/project (bob)', JOB['CI_JOB_URL'],
                      'its own word', 'since        20', f'[{os.getpid()} uid 0]', 'nothing that a log knows of', 'by the agent at ' + CONTROL):
            true(words in text, f'{words} is not in {text}')
        member = ask(f'pid:{shell.pid}', by=[*nobody, 'nogroup'])
        for words in (f'process {shell.pid} (sh), runs now', f'who          {MEMBER}', f'[{os.getpid()} uid 0]', 'root alone', 'there is no log'):
            true(words in member, f'{words} is not in {member}')
        for words in (CANARY, '4711 in', 'group/project', 'test_ctl_who.py'):
            true(words not in member, f'{words} is told to a member: {member}')
        true('could not be asked whether it runs: Permission denied' in ask(f'pid:{shell.pid}', by=[*nobody, 'daemon'], code=1), 'others')
        line = json.loads(ask(f'pid:{shell.pid}', '--json'))
        equal((line['process']['pid'], line['event']['action'], field(line, 'callerd.ci.job')), (shell.pid, 'caller-seen', '4711'), 'as a line')
        for target, status in (('/who', 400), ('/who?pid=', 400), ('/who?pid=0', 400), ('/who?pid=1x', 400), ('/who?pid=99999999999', 400),
                               ('/who?pid=1&pid=2', 400), ('/who?pid=2147483647', 404), (f'/who?pid={shell.pid}', 200), ('/metrics', 404)):
            equal(request('GET', target, path=CONTROL)[0], status, target)
        # A thread is no process; another process is not its own.
        thread = next(task for task in os.listdir(f'/proc/{callerd.pid}/task') if int(task) != callerd.pid)
        equal(request('GET', f'/who?pid={thread}', path=CONTROL)[0], 404, 'a thread')
        # While many ask, records come as ever.
        crowd = [subprocess.Popen([*nobody, 'nogroup', CALLERCTL, 'who', f'pid:{shell.pid}', '--read', 'agent:' + CONTROL], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) for _ in range(8)]
        request('GET', '/_ping?mark=meanwhile')
        callerd.wait(event__action='api-request', url__original='/_ping?mark=meanwhile')
        for one in crowd:
            one.wait(PATIENCE)
    with agent() as callerd:
        true('and none runs' in ask(f'pid:{shell.pid}', log=callerd.log, code=1), 'it has ended')


@test
def what_came_from_it():
    """A shell that never called: what it started did."""
    with agent() as callerd:
        job = subprocess.Popen(ALICE.command('sh', '-c', f'docker -H unix://{SOCKET} volume create who-below; read line; true'), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        with subprocess.Popen(ALICE.command('docker', '-H', 'unix://' + SOCKET, 'volume', 'create', 'who-beside'), stdout=subprocess.DEVNULL):
            pass
        true(job.stdout.readline(), 'it was made')
        callerd.settle()
        text = parts(ask(f'pid:{job.pid}', log=callerd.log))
        equal([part.split(' ')[0] for part in text], ['process', 'what'], text)
        true('nothing that a log' in text[0] and 'created volume who-below' in text[1] and 'who-beside' not in text[1], text)
        called = [r for r in callerd.records(event__action='api-request') if field(r, 'callerd.target.name') == 'who-below'][0]['process']['pid']
        gone = ask(f'pid:{called}', log=callerd.log)
        true(f'process {called} (docker), does not run here any more' in gone and 'created volume who-below' in gone, gone)
        job.communicate(b'\n')
        docker('volume', 'rm', 'who-below', 'who-beside')


@test
def processes_with_one_pid():
    """They are told apart by when they began, in a log and against the one that lives."""
    log = Record()
    with agent(), Waiting() as shell:
        entity = json.loads(ask(f'pid:{shell.pid}', '--json'))['process']['entity_id']
        boot, _, start = entity.rsplit('-', 2)
        for boot_, start_ in ((boot, int(start, 16) - 1000), ('0' * 32, int(start, 16)), (boot, int(start, 16))):
            log.add(shell.pid, start_, boot=boot_)
        # Below it, and below one that had its PID before.
        log.add(shell.pid + 1, int(start, 16) + 9, boot=boot, lineage=f'sh[{shell.pid}] < systemd[1]')
        log.add(shell.pid + 1, int(start, 16) - 9, boot=boot, lineage=f'sh[{shell.pid}] < systemd[1]')
        log.add(shell.pid + 1, int(start, 16) + 9, boot=boot, lineage=f'sh[1{shell.pid}] < systemd[1]')
        text = parts(ask(f'pid:{shell.pid}', log=log.path))
        equal([re.findall('volume-[0-9]', part) for part in text], [['volume-3'], ['volume-4'], ['volume-2'], ['volume-1']], text)
        true('runs now' in text[0] and all('is not the process that has this PID here now' in part for part in text[2:]), text)
    # Nobody is asked: nothing is said of what runs.
    true('perhaps it runs' in ask(f'pid:{shell.pid}', log=log.path), 'without an agent')


@test
def jobs():
    """By number, system and URL; a number that is a process, too, is not guessed at."""
    with agent() as callerd:
        for who, args in ((BOB, ['ps']), (ALICE, ['volume', 'create', 'who-job'])):
            subprocess.run(who.command('env', *(f'{k}={v}' for k, v in JOB.items()), 'docker', '-H', 'unix://' + SOCKET, *args), stdout=subprocess.DEVNULL)
        docker('volume', 'rm', 'who-job')
        callerd.settle()
        for question in (['gitlab', '4711'], ['gitlab', 'job', '4711'], ['job:4711'], ['gitlab', 'pipeline', '99'], [JOB['CI_JOB_URL']],
                         [JOB['CI_JOB_URL'].rsplit('/', 1)[0] + '/']):
            text = ask(*question, log=callerd.log)
            for words in ('gitlab job 4711 in pipeline 99 of group/project (bob)', 'its own word', OUTSIDER[:10], MEMBER[:10], 'created volume who-job'):
                true(words in text, f'{words} is not in {text}')
            true('removed' not in text, text)
        for question in (['gitlab', 'pipeline', '4711'], ['jenkins', '4711'], ['job:471'], ['https://gitlab.example.com/group/project/-/jobs/47']):
            true('no job' in ask(*question, log=callerd.log, code=1), question)
    log = Record()
    log.add(77, 1, ci={'system': 'gitlab', 'job': '4711', 'repository': 'a/b'})
    log.add(77, 1, ci={'system': 'jenkins', 'job': '4711', 'pipeline': 'x'})
    log.add(4711, 2)
    true('4711 is a process and a job: callerctl who pid:4711, or job:4711' in ask('4711', log=log.path, code=2), 'it says so')
    equal([part.split(' ')[0] for part in parts(ask('job:4711', log=log.path))], ['jenkins', 'gitlab'], 'two jobs')
    equal(re.findall('volume-[0-9]', ask('pid:4711', log=log.path)), ['volume-3'], 'the process')
    for wrong in (['pid:x'], ['pid:0'], ['pid:04'], ['ip:1.2.3'], ['job:'], ['gitlab', 'x', '1'], ['nosystem', '1'], []):
        ask(*wrong, code=2)


@test
def addresses():
    log = Record()
    session = {'session': {'service': 'sshd', 'basis': ['process', 'connection'], 'leader': {'entity_id': 'b0-9-9'}}}
    log.add(1000, 1, callerd=session, source={'ip': '10.1.2.3', 'port': 99})
    log.add(1001, 2, callerd=session, source={'ip': '10.1.2.30'})
    log.add(1002, 3, callerd={'connection': {'source': {'ip': '10.1.2.3'}, 'socket': 'tcp://10.1.1.1:2375'}})
    log.add(1003, 4, callerd={'connection': {'source': {'ip': 'fd00::1'}}})
    text = parts(ask('10.1.2.3', log=log.path))
    equal([re.findall('volume-[0-9]', part) for part in text], [['volume-3'], ['volume-1']], text)
    true('login of user1' in text[1] and 'by sshd from 10.1.2.3 port 99; known by: process, connection' in text[1] and 'over TCP' in text[0], text)
    equal(re.findall('volume-[0-9]', ask('ip:fd00:0::1', log=log.path)), ['volume-4'], 'another spelling')
    true('nobody is in the log who came from 10.1.2.4' in ask('10.1.2.4', log=log.path, code=1), 'nobody')


@test
def containers():
    """A process in one that never called: who made, started and entered it. By its name: also what is asked for in it."""
    name = f'who-web-{os.getpid()}'
    with agent() as callerd:
        ident = run(*ALICE.command('docker', '-H', 'unix://' + SOCKET, 'run', '-d', '--name', name, '--network', 'none', '-v', f'{SOCKET}:{DOOR}', IMAGE, 'sleep',
                                   '1000000')).strip()
        shell = subprocess.Popen(BOB.command('docker', '-H', 'unix://' + SOCKET, 'exec', '-i', name, 'sh'), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            shell.stdin.write(b'sleep 1000001 & echo\n')
            shell.stdin.flush()
            true(shell.stdout.readline(), 'the shell runs')
            pids = {run('cat', f'/proc/{pid}/cmdline').rstrip('\0').split('\0')[-1]: pid for pid in of_each_contained(ident)}
            init, entered = ask(f'pid:{pids["1000000"]}'), ask(f'pid:{pids["1000001"]}')
            for text in (init, entered):
                for words in (f'container    {name} ({ident[:12]})', f'created by   {MEMBER}, at 20', f'started by   {MEMBER}, at 20'):
                    true(words in text, f'{words} is not in {text}')
            true('exec by' not in init and f'exec by      {OUTSIDER}, at 20' in entered and f'who          {OUTSIDER}, in container {name} (exec)' in entered, entered)
            shell.stdin.write(f"unixhttp {DOOR} GET '/_ping?mark=who' ''\n".encode())
            shell.stdin.flush()
            callerd.wait(event__action='api-request', url__original='/_ping?mark=who')
            callerd.settle()
            for question in (name, 'container:' + ident[:12]):
                text = ask(question, '--all', log=callerd.log)
                for words in (f'ran {name}', f'ran a command in {name}: sh', 'pinged the engine'):
                    true(words in text, f'{words} is not in {text}')
            # Of the log nothing is left but that somebody looked at it: the agent knows who made it.
            docker('inspect', name)
            callerd.settle()
            later = callerd.log + '.later'
            with open(later, 'w') as file:
                file.writelines(json.dumps(r, separators=(',', ':')) + '\n' for r in callerd.records(callerd__api__operation='ContainerInspect'))
            for question in (name, ident[:12]):
                text = ask(question, log=later)
                for words in (f'container {name} ({ident[:12]}) from {IMAGE}, runs now', f'created by   {MEMBER}, at 20', f'started by   {MEMBER}, at 20'):
                    true(words in text, f'{words} is not in {text}')
            true('runs now' not in ask(name, log='/dev/null', code=1), 'of a name alone nobody knows whose it is')
            ask('container:' + IMAGE, log=callerd.log, code=1)
            true(name in ask(IMAGE, log=callerd.log), 'an image')
        finally:
            docker('rm', '-f', name, check=False)
            shell.stdin.close()
            shell.wait(PATIENCE)
        true('runs now' not in ask(name, log=callerd.log), 'it is gone')


def of_each_contained(ident):
    found = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/cgroup') as file:
                found += [pid] if ident in file.read() else []
        except OSError:
            continue
    return found


main()
