# SPDX-License-Identifier: Apache-2.0
"""What the configuration file says of findings and callers: how it is judged, never whether it is written."""
import pwd

from live import *
from bodies import *

FILE = DIR + '/policy.conf'


def configured(text, mode=0o600, **options):
    """A callerd with this configuration."""
    with open(FILE, 'w') as file:
        file.write(text)
    os.chmod(FILE, mode)
    return Callerd('--config', FILE, **options)


def severities(record):
    return {name: sorted(f['severity'] for f in same) for name, same in findings(record).items()}


def made(agent, **host):
    """The record of a create."""
    call = post(API + '/containers/create', config(**host))
    equal(call[1], 201, str(call))
    remove(call[2]['Id'])
    return record_of(agent, call[0])


def judged_as(record, wanted, severity, rule=None):
    equal(severities(record), wanted, 'findings')
    equal(field(record, 'event.severity'), severity, 'severity')
    equal(field(record, 'callerd.expected'), bool(rule), 'expected')
    equal(field(record, 'callerd.expected_rule'), rule, 'rule')


@test
def severities_of_a_site():
    with configured('[finding privileged]\nseverity = low\n'
                    '[finding cap-add]\nseverity = off\n'
                    '[finding host-network]\nseverity = critical\n'
                    '[finding host-path-mount]\nseverity = info\n') as agent:
        judged_as(made(agent, Privileged=True), {'privileged': ['low']}, 40)
        judged_as(made(agent, CapAdd=['SYS_ADMIN']), {}, 20)
        judged_as(made(agent, NetworkMode='host'), {'host-network': ['critical']}, 100)
        judged_as(made(agent, Binds=['/etc:/h']), {'host-path-mount': ['info']}, 20)
        judged_as(made(agent, Privileged=True, CapAdd=['ALL'], PidMode='host'),
                  {'privileged': ['low'], 'host-pid': ['high']}, 80)
        record = made(agent, CapAdd=['SYS_ADMIN'])
        equal(field(record, 'callerd.request.capabilities.add'), ['SYS_ADMIN'], 'the facts stay')
        equal(field(record, 'threat.technique.id'), None, 'technique of what is off')


@test
def severities_of_a_start():
    """They go for what is known from before, too."""
    post(API + '/containers/create?name=policy-before', config(Privileged=True))
    try:
        with configured('[finding privileged]\nseverity = info\n'
                        '[finding security-disabled]\nseverity = off\n'
                        '[finding host-cgroupns]\nseverity = off\n') as agent:
            deadline = time.monotonic() + PATIENCE
            while time.monotonic() < deadline:
                target = post(API + '/containers/policy-before/json', method='GET')[0]
                if field(record_of(agent, target), 'callerd.target.id'):
                    break
            target = post(API + '/containers/policy-before/start')[0]
            equal(severities(record_of(agent, target)), {'privileged': ['info']}, 'findings')
    finally:
        remove('policy-before')


@test
def expected_user_and_operation():
    with configured('[expected lister]\nuser = root\noperations = ContainerList, SystemInfo\n'
                    f'[expected member]\nuser = {LIVE_MEMBER_ID}\n'
                    '[expected never]\nuser = nobody-at-all\n') as agent:
        for path, rule in (('/containers/json', 'lister'), ('/info', 'lister'), ('/version', None),
                           ('/images/json', None)):
            target = post(API + path, method='GET')[0]
            judged_as(record_of(agent, target), {}, 20, rule)
        run('setpriv', '--reuid', MEMBER, '--regid', MEMBER, '--init-groups', CLIENTS + 'unixhttp', SOCKET,
            'GET', '/_ping?policy-member')
        judged_as(record_of(agent, '/_ping?policy-member'), {}, 20, 'member')
        # A connect does nothing: it is expected of whoever may do something.
        for user, rule in (MEMBER, 'member'), ('root', 'lister'):
            record = agent.wait(event__action='socket-connected', that=lambda r: acts_as(r, 'name') == user)[0]
            equal(field(record, 'callerd.expected_rule'), rule, f'connect of {user}')
            equal(field(record, 'callerd.expected'), True, f'connect of {user}')


def told(agent, name, action):
    """What the only such event of a container says of rules."""
    record, = agent.events(f'container/{action}', name=name)
    return [field(record, 'callerd.cause.kind'), field(record, 'callerd.expected'), field(record, 'callerd.expected_rule')]


@test
def expected_events():
    """An event is as expected as the request that it goes back to; what another rule, or none, expects of the same caller is told apart."""
    def run_one(name, *command):
        equal(post(f'{API}/containers/create?name={name}', config(*command))[1], 201, 'create')
        equal(post(f'{API}/containers/{name}/start')[1], 204, 'start')

    with configured('[expected maker]\nuser = root\noperations = ContainerCreate, ContainerStart\n'
                    f'[expected killer]\nuser = {LIVE_MEMBER_ID}\noperations = ContainerKill\n') as agent:
        try:
            run_one('policy-own', 'true')
            run_one('policy-killed', 'sleep', '1000')
            run_one('policy-hostile', 'sleep', '1000')
            run('setpriv', '--reuid', MEMBER, '--regid', MEMBER, '--init-groups', CLIENTS + 'unixhttp', SOCKET,
                'POST', API + '/containers/policy-killed/kill')
            # The program and the user of the rule, but not what it expects of them.
            hostile = [post(API + '/containers/policy-hostile/kill?x')[0]]
            hostile += [post(f'{API}/containers/{name}?force=1&x', method='DELETE')[0] for name in ('policy-own', 'policy-killed', 'policy-hostile')]
            agent.event('container/destroy', name='policy-hostile')
        finally:
            for name in 'policy-own', 'policy-killed', 'policy-hostile':
                remove(name)
        for target in hostile:
            judged_as(record_of(agent, target), {}, 20)
        for name in 'policy-own', 'policy-killed', 'policy-hostile':
            equal(told(agent, name, 'create'), ['request', True, 'maker'], f'create of {name}')
            equal(told(agent, name, 'start'), ['request', True, 'maker'], f'start of {name}')
            equal(told(agent, name, 'destroy'), ['request', False, None], f'destroy of {name}')
        equal(told(agent, 'policy-own', 'die'), ['inherited', True, 'maker'], 'its own end')
        for action in 'kill', 'die':
            equal(told(agent, 'policy-killed', action), ['request', True, 'killer'], action)
            equal(told(agent, 'policy-hostile', action), ['request', False, None], action)


@test
def expected_executable():
    with configured(f'[expected tool]\nexe = {os.path.realpath(CLIENTS)}/*\n') as agent:
        run(CLIENTS + 'unixhttp', SOCKET, 'GET', '/_ping?policy-exe')
        judged_as(record_of(agent, '/_ping?policy-exe'), {}, 20, 'tool')
        request('GET', '/_ping?policy-python')
        judged_as(record_of(agent, '/_ping?policy-python'), {}, 20)


@test
def expected_does_not_soften():
    """An expected caller's call is as grave as any other's."""
    with configured('[expected me]\nuser = 0\n') as agent:
        judged_as(made(agent, Privileged=True), {'privileged': ['critical']}, 100, 'me')


@test
def expected_container():
    args = ['run', '--rm', '--network', 'none', '-v', SOCKET + ':/s.sock']
    with configured(f'[expected image]\ncontainer-image = {IMAGE}\ncontainer-name = policy-a*\n'
                    '[expected name]\ncontainer-name = policy-b?\n'
                    '[expected host]\nuser = root\nexe = /bin/unixhttp\n') as agent:
        for name, rule in (('policy-a1', 'image'), ('policy-b1', 'name'), ('policy-c', None)):
            docker(*args, '--name', name, IMAGE, 'unixhttp', '/s.sock', 'GET', '/_ping?' + name)
            record = record_of(agent, '/_ping?' + name)
            equal(field(record, 'container.name'), name, 'container')
            judged_as(record, {'called-from-container': ['low']}, 40, rule)


@test
def first_rule_that_matches():
    with configured('[expected one]\nuser = root\noperations = SystemPing\n'
                    '[expected two]\nuser = root\noperations = System*\n'
                    '[expected three]\nuser = root\nuser = nobody\n') as agent:
        for path, rule in (('/_ping', 'one'), ('/version', 'two'), ('/images/json', 'three')):
            target = post(path, method='GET')[0]
            judged_as(record_of(agent, target), {}, 20, rule)


@test
def expected_failures():
    """Refused and unknown calls are marked, too; nothing is left out."""
    with configured('[expected me]\nuser = root\n') as agent:
        target = post(API + '/nosuch', method='GET')[0]
        equal(field(record_of(agent, target), 'callerd.expected_rule'), 'me', '404')
        before = len(agent.records(event__action='api-request'))
        for i in range(20):
            request('GET', f'/_ping?policy={i}')
        agent.wait(before + 20, event__action='api-request')


# --- how much is told ------------------------------------------------------------------------------

@test
def levels():
    """Less of what nobody reads; never less of a finding; and all that is left out is counted."""
    rules = ('[level poller]\nwhere = client startswith poller/ and type = access\nlevel = none\n'
             '[level creates]\nwhere = operation = ContainerCreate\nlevel = metadata\n'
             '[level deletes]\nwhere = operation = ContainerDelete\nlevel = request\n')
    with configured(rules) as agent:
        for _ in range(20):
            run('curl', '-s', '--unix-socket', SOCKET, '-A', 'poller/1', 'http://x/containers/json')
        run('curl', '-s', '--unix-socket', SOCKET, '-A', 'other/1', 'http://x/containers/json')
        run('curl', '-s', '--unix-socket', SOCKET, '-A', 'poller/1', '-X', 'POST', 'http://x/networks/prune')
        plain = made(agent)
        grave = made(agent, Privileged=True)
        deleted = agent.wait(2, callerd__api__operation='ContainerDelete')[0]
        agent.settle()
        records = agent.stop()
    equal([r['user_agent']['original'] for r in records if field(r, 'callerd.api.operation') == 'ContainerList' and
           'user_agent' in r], ['other/1'], 'who listed containers')
    equal(len([r for r in records if field(r, 'callerd.api.operation') == 'NetworkPrune']), 1, 'what it changed')
    equal([field(plain, name) for name in ('callerd.level', 'callerd.request', 'process.parent', 'callerd.ancestors')],
          ['metadata', None, None, None], 'of a create')
    true(field(plain, 'process.pid') and acts_as(plain, 'name') and field(plain, 'callerd.target.name') or
         field(plain, 'callerd.target.id'), 'who and what')
    equal((field(grave, 'callerd.level'), field(grave, 'callerd.request.privileged')), (None, True), 'of a finding')
    true(field(grave, 'callerd.ancestors'), 'its ancestors')
    equal((field(deleted, 'callerd.level'), field(deleted, 'process.parent')), ('request', None), 'of a delete')
    status = records[-1]['callerd']['status']
    equal(status['level.none'], 20, 'not written')
    equal(status['level.metadata'], len([r for r in records if field(r, 'callerd.level') == 'metadata']), 'in short')
    equal([r['event']['sequence'] for r in records], list(range(1, len(records) + 1)), 'no hole')


@test
def levels_of_a_log():
    """What another configuration would do with a log: what the agent does when it is in force."""
    rules = ('[level poller]\nwhere = client startswith poller/ and type = access\nlevel = none\n'
             '[level creates]\nwhere = operation = ContainerCreate\nlevel = metadata\n'
             '[level images]\nwhere = callerd.request.image = none\nlevel = none\n')
    output = f'[callerd]\noutput = file:{DIR}/chosen,where=operation = ContainerCreate or severity >= critical\n'
    with configured('[finding prune]\nseverity = off\n', detail='lineage') as agent:
        for _ in range(5):
            run('curl', '-s', '--unix-socket', SOCKET, '-A', 'poller/1', 'http://x/containers/json')
        made(agent)
        made(agent, Privileged=True)
        agent.settle()
        records = agent.stop()
        log = agent.log + '.kept'
        os.link(agent.log, log)
    with open(FILE, 'w') as file:
        file.write(output + rules)
    with open(log, 'rb') as file:
        told = json.loads(subprocess.run([CALLERD, 'policy', 'test', '--json', FILE], stdin=file, stdout=subprocess.PIPE, check=True).stdout)
    packed = log + '.gz'
    with open(packed, 'wb') as file:
        subprocess.run(['gzip', '-c', log], stdout=file, check=True)
    equal(json.loads(run(CALLERD, 'policy', 'test', '--json', FILE, packed)), told, 'of the packed log')
    lists = [r for r in records if field(r, 'user_agent.original') == 'poller/1']
    equal(len(lists), 5, 'lists')
    equal(told['before'], {'records': len(records), 'bytes': os.path.getsize(log)}, 'before')
    equal(told['levels']['none']['records'], 5, 'gone')
    equal([(r['name'], r['fits']['records'], r['gravest']) for r in told['rules']], [('poller', 5, 20), ('creates', 1, 20), ('images', 0, 0)], 'rules')
    equal(told['gone']['operations'], [{'name': 'ContainerList', 'records': 5}], 'operations')
    true(told['gone']['callers'][0]['name'].endswith('/curl'), told['gone'])
    equal(told['after']['records'], len(records) - 5, 'after')
    true(0 < told['after']['bytes'] < told['before']['bytes'], told['after'])
    equal([(o['name'], o['takes']['records']) for o in told['outputs']], [(f'file:{DIR}/chosen', 2)], 'outputs')
    equal((told['unsure'], told['unreadable']), (0, 0), 'unsure, unreadable')
    with open(log, 'ab') as file:
        file.write(b'{"event": \n')
    done = subprocess.run([CALLERD, 'policy', 'test', FILE, log], stdout=subprocess.PIPE, check=False)
    equal(done.returncode, 1, 'exit code of a line that cannot be read')
    true(f'lines that are no records: 1, the first is line {len(records) + 1}'.encode() in done.stdout, done.stdout)
    for arguments, code in ((['test'], 2), (['try', FILE], 2), (['test', '--what', FILE], 2), (['test', FILE + '.absent'], 2),
                            (['test', FILE, log + '.absent'], 5), (['--help'], 0)):
        done = subprocess.run([CALLERD, 'policy', *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        equal(done.returncode, code, f'{arguments}: {done.stderr}')


def refused(text, words, mode=0o600, owner=0):
    """callerd does not start with this configuration, and says why in a line."""
    with open(FILE, 'w') as file:
        file.write(text)
    os.chmod(FILE, mode)
    os.chown(FILE, owner, -1)
    log = DIR + '/policy.log'
    try:
        done = subprocess.run([CALLERD, '--state', 'none', '--pin', 'none', '--socket', SOCKET, '--output', 'file:' + log, '--config',
                               FILE],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise AssertionError(f'it runs with {text!r} {mode:o} {owner}') from None
    finally:
        os.chown(FILE, 0, -1)
        if os.path.exists(log):
            os.unlink(log)
    error = done.stderr.decode()
    equal((done.returncode, error.count('\n')), (2, 1), f'{text!r}: {error}')
    true(words in error and FILE in error, f'{text!r}: {words} in {error}')


@test
def mistakes():
    for text, words in (
            ('[finding nosuch]\nseverity = low\n', 'nosuch'),
            ('[finding prune]\nseverity = loud\n', 'loud'),
            ('[finding prune]\ncolour = red\n', 'colour'),
            ('[expected x]\nuser = *\n', ''),
            ('[expected all]\noperations = ContainerList\n', 'all'),
            ('[expected x]\nuser = a\n[expected x]\nuser = b\n', 'x'),
            ('[nosuch]\na = b\n', 'nosuch'),
            ('severity = low\n', ''),
            ('[finding prune\n', '')):
        refused(text, words)


@test
def files_of_others():
    text = '[finding prune]\nseverity = off\n'
    refused(text, '', mode=0o622)
    refused(text, '', mode=0o660)
    refused(text, '', mode=0o602)
    refused(text, '', owner=pwd.getpwnam(MEMBER).pw_uid)
    with configured(text, 0o644):
        pass


LIVE_MEMBER_ID = pwd.getpwnam(MEMBER).pw_uid
main()
