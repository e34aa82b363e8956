# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: another configuration comes into force between two records, or none of it does."""
import signal
import tempfile

from live import *
from bodies import *

FLOOD = CLIENTS + 'flood'


class Configured(Callerd):
    """A callerd that has its outputs from its configuration: a callerd.conf and a conf.d in a directory of its own."""

    def __init__(self, text='', *args, environment=None):
        # pylint: disable=super-init-not-called
        self.etc = tempfile.mkdtemp(prefix='etc.', dir=DIR)
        os.mkdir(self.etc + '/conf.d')
        self.log, self.read, self.seen, self.error = self.etc + '/log', 0, [], None
        self.write('callerd.conf', f'[callerd]\nfold = no\noutput = file:{self.log},chain=no\n' + text)
        self.process = subprocess.Popen([CALLERD, '--config', self.etc, '--backend', BACKEND, '--state', 'none', '--pin', 'none',
                                         '--socket', SOCKET, *args], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        env={**os.environ, **(environment or {})})
        self.pid = self.process.pid
        self.wait(event__action='agent-started')

    def write(self, name, text):
        with open(f'{self.etc}/{name}.new', 'w') as file:
            file.write(text)
        os.rename(f'{self.etc}/{name}.new', f'{self.etc}/{name}')

    def reload(self):
        """Its agent-reloaded."""
        before = len(self.records(event__action='agent-reloaded'))
        self.process.send_signal(signal.SIGHUP)
        return self.wait(before + 1, event__action='agent-reloaded')[before]


def lines(path):
    with open(path) as file:
        return [json.loads(line) for line in file]


def sequences(records):
    return [record['event']['sequence'] for record in records]


@test
def outputs_under_load():
    """Of 20 configurations, each request has its record once in the output that stays, and in the one that comes and goes
    each record of its time."""
    count = scaled(8000, 400, 20000)
    with Configured() as agent:
        other = agent.etc + '/other'
        load = subprocess.Popen([FLOOD, SOCKET, '--connections', '4', '--threads', '2', '--per-connection',
                                 str(count // 4)], stdout=subprocess.DEVNULL)
        spans = []
        for turn in range(20):
            agent.write('conf.d/other.conf', '[callerd]\n' + ('' if turn % 2 else f'output = file:{other},chain=no\n'))
            record = agent.reload()
            equal(record['event']['outcome'], 'success', 'outcome')
            equal([o['name'] for o in record['callerd']['outputs']],
                  ['file:' + agent.log] + ([] if turn % 2 else ['file:' + other]), 'outputs')
            if turn % 2:
                spans[-1].append(record['event']['sequence'])
            else:
                spans.append([record['event']['sequence']])
        equal(load.wait(PATIENCE * 4), 0, 'the load')
        agent.settle()
        records = agent.stop()
    ours = [r for r in records if r['event']['action'] == 'api-request' and
            r.get('process', {}).get('executable') == os.path.realpath(FLOOD)]
    equal(len(ours), count, 'requests')
    equal(sequences(records), list(range(1, len(records) + 1)), 'the output that stays')
    # Refused connects are those of the whole host, of tests beside this one too.
    equal([r['message'] for r in records if r['event']['action'] == 'records-lost'
           and 'refused' not in field(r, 'callerd.lost.reason')], [], 'losses')
    equal(sequences(lines(other)), [n for first, end in spans for n in range(first, end)],
          'the output that comes and goes')


@test
def filter_of_a_file():
    """What an output takes changes while its file stays open."""
    with Configured() as agent:
        other = f'{agent.etc}/other'
        for part in ',actions=api-request', ',actions=agent-reloaded,min-severity=0', '':
            agent.write('conf.d/a.conf', f'[callerd]\noutput = file:{other},chain=no{part}\n')
            record = agent.reload()
            equal(field(record, 'callerd.reload.restart'), None, 'what needs a restart')
            if part:
                inode = os.stat(other).st_ino
            request('GET', f'/_ping?filter{len(part)}')
            agent.settle()
        equal(os.stat(other).st_ino, inode, 'the file')
        agent.stop()
    seen = lines(other)
    targets = [r['url']['original'] for r in seen if 'url' in r]
    true('/_ping?filter20' in targets and '/_ping?filter0' in targets and '/_ping?filter44' not in targets, targets)
    equal(len([r for r in seen if r['event']['action'] == 'agent-reloaded']), 2, 'of the second and the third')


@test
def policy_of_a_site():
    """Severities and rules, also for what is known from before."""
    post(API + '/containers/create?name=reload-before', config(Privileged=True))
    try:
        with Configured() as agent:
            agent.write('conf.d/a.conf', '[finding privileged]\nseverity = low\n[finding security-disabled]\nseverity = off\n'
                                         '[finding host-cgroupns]\nseverity = off\n[expected me]\nuser = root\n')
            target = post(API + '/containers/reload-before/json', method='GET')[0]
            equal(field(agent.wait(url__original=target)[0], 'callerd.expected'), False, 'before')
            agent.reload()
            deadline = time.monotonic() + PATIENCE
            while time.monotonic() < deadline:
                target = post(API + '/containers/reload-before/start')[0]
                record = record_of(agent, target)
                found = {f['id']: f['severity'] for f in field(record, 'callerd.findings', [])}
                if found == {'privileged': 'low'}:
                    break
            equal(found, {'privileged': 'low'}, 'findings')
            equal(field(record, 'callerd.expected_rule'), 'me', 'rule')
    finally:
        remove('reload-before')


@test
def bad_file():
    """All stays as it was, and that is told."""
    with Configured() as agent:
        agent.write('conf.d/a.conf', f'[callerd]\noutput = file:{agent.etc}/other\n[expected x]\nuser = root\n'
                                     '[finding privileged]\nseverity = lowest\n')
        record = agent.reload()
        equal((record['event']['outcome'], record['event']['severity']), ('failure', 60), 'outcome')
        for word in agent.etc + '/conf.d/a.conf:6: ', 'lowest':
            true(word in field(record, 'callerd.reload.refused'), f'{word} in {record["callerd"]}')
        agent.write('conf.d/a.conf', f'[callerd]\noutput = file:{agent.etc}/none/none/log\n')
        true('No such file' in field(agent.reload(), 'callerd.reload.refused'), 'an output that cannot be opened')
        agent.write('conf.d/a.conf', f'[callerd]\noutput = file:{agent.etc}/./log,chain=no\n')
        true('given twice' in field(agent.reload(), 'callerd.reload.refused'), 'a file that another output has')
        os.chmod(agent.etc, 0o777)
        true('others than its owner' in field(agent.reload(), 'callerd.reload.refused'), 'a directory of others')
        os.chmod(agent.etc, 0o700)
        request('GET', '/_ping?still')
        equal(field(agent.wait(url__original='/_ping?still')[0], 'callerd.expected'), False, 'the old one is in force')
        true(not os.path.exists(agent.etc + '/other'), 'no output of the new one')
        agent.write('conf.d/a.conf', '')
        equal(agent.reload()['event']['outcome'], 'success', 'once it is right')
        agent.stop()
        equal(agent.error.count('the old one stays in force: '), 4, agent.error)


@test
def manager():
    """A service manager hears that all hooks are attached, that all is well, and of each configuration."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        path = tempfile.mktemp(prefix='notify.', dir=DIR)
        listener.bind(path)
        listener.settimeout(PATIENCE)
        heard = []

        def hear(word):
            """Waits for WORD; WATCHDOG=1 may come at any time."""
            while True:
                heard.append(listener.recv(4096).decode().split('\n')[0])
                if heard[-1] == word:
                    return
                equal(heard[-1], 'WATCHDOG=1', f'heard before {word}')

        with Configured(environment={'NOTIFY_SOCKET': path, 'WATCHDOG_USEC': '4000000'}) as agent:
            hear('READY=1')
            equal(heard, ['READY=1'], 'the first')
            equal(len(agent.records(event__action='agent-started')), 1, 'when it is ready')
            hear('WATCHDOG=1')
            hear('WATCHDOG=1')
            for text in '', 'wrong':
                agent.write('conf.d/a.conf', text)
                agent.reload()
                hear('RELOADING=1')
                hear('READY=1')
            agent.stop()
            hear('STOPPING=1')


@test
def what_needs_a_restart():
    with Configured(f'output = file:{DIR}/rotated,rotate-size=1M\n') as agent:
        agent.write('callerd.conf', f'[callerd]\noutput = file:{agent.log},chain=no\nconnections = 77\nsocket = {SOCKET}\n'
                                    f'output = file:{DIR}/rotated,rotate-size=2M\nmask-name = house\nstatus-interval = 1\n'
                                    '[expected x]\nuser = no-such-user\n')
        record = agent.reload()
        wanted = ['connections', 'mask-name', f'file:{DIR}/rotated,rotate-size=2M']
        equal(field(record, 'callerd.reload.restart'), wanted, 'what needs a restart')
        agent.wait(event__action='agent-status')
        agent.stop()
        for word in *wanted, 'no-such-user':
            true(word in agent.error, f'{word} in {agent.error}')
        true('agent-status' in [r['event']['action'] for r in lines(f'{DIR}/rotated') if 'action' in r['event']],
             'the output goes on as it was')


@test
def levels():
    """How much is told, and of what, from one record to the next."""
    with Configured() as agent:
        def told(mark):
            request('GET', f'/_ping?mark={mark}')
            request('GET', f'/version?mark={mark}')
            agent.wait(url__original=f'/version?mark={mark}')
            return [field(r, 'callerd.level') for r in agent.records(url__original=f'/_ping?mark={mark}')]

        equal(told('before'), [None], 'before')
        agent.write('conf.d/level.conf', '[level pings]\nwhere = operation glob SystemPing*\nlevel = metadata\n')
        agent.reload()
        equal(told('less'), ['metadata'], 'less')
        agent.write('conf.d/level.conf', '[level pings]\nwhere = operation glob SystemPing*\nlevel = none\n')
        agent.reload()
        equal(told('none'), [], 'nothing')
        agent.write('conf.d/level.conf', '[level pings]\nwhere = operation globb SystemPing*\nlevel = full\n')
        true('level.conf:2: where: at 11: ' in field(agent.reload(), 'callerd.reload.refused'), 'what is wrong')
        equal(told('still'), [], 'as it was')
        os.unlink(agent.etc + '/conf.d/level.conf')
        agent.reload()
        equal(told('after'), [None], 'after')
        agent.stop()


main()
