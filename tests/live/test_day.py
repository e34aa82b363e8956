# SPDX-License-Identifier: Apache-2.0
"""A day of a host in short, as a SIEM has it by the rules of docs/siem: what is normal alerts nobody, and what is not is found."""
import functools
import pwd

from live import *

sys.path.append(ROOT + '/tests/schema')
import sigma

BOB = '54321'
CONFIG = f'[expected ci]\nuser = {MEMBER}\n'
POLLS, ELSEWHERE = 12, 3000

# Polls on one connection, as monitors do.
POLLER = r'''
import http.client, socket, sys
client = http.client.HTTPConnection('docker')
client.sock = socket.socket(socket.AF_UNIX)
client.sock.connect(sys.argv[1])
for _ in range(int(sys.argv[2])):
    for target in '/_ping', '/containers/json', '/info':
        client.request('GET', target)
        client.getresponse().read()
'''
# Looks for sockets that are none of an engine's, and that it may not reach.
PROGRAM = r'''
import os, socket, sys
os.setuid(65534)
for i in range(int(sys.argv[2])):
    try:
        socket.socket(socket.AF_UNIX).connect(f'{sys.argv[1]}/{i % 7}/session.sock')
    except OSError:
        pass
'''


def as_user(uid, group, *command, check=True):
    return run('setpriv', '--reuid', uid, '--regid', group, '--clear-groups', *command, check=check)


def work(engine, agent, place):
    """What happens in the day."""
    client = ['docker', '-H', 'unix://' + engine.path]
    run(sys.executable, '-c', POLLER, engine.path, str(POLLS))
    as_user(str(pwd.getpwnam(OUTSIDER).pw_uid), str(pwd.getpwnam(OUTSIDER).pw_gid), *client, 'ps', check=False)
    run(sys.executable, '-c', PROGRAM, place, str(ELSEWHERE))
    ci = str(pwd.getpwnam(MEMBER).pw_uid)
    as_user(ci, 'docker', *client, 'create', '--privileged', '--name', 'day-ci', '--network', 'none', IMAGE, 'true')
    as_user(ci, 'docker', *client, 'rm', 'day-ci')
    agent.wait(event__action='docker-event', that=lambda r: field(r, 'callerd.docker_event.action') == 'destroy')
    engine.stop()
    engine.start()
    for name in 'day-web', 'day-db':
        agent.wait(event__action='docker-event', that=lambda r: field(r, 'callerd.docker_event.name') == name
                   and field(r, 'callerd.docker_event.action') == 'start')
    engine.docker('ps')
    engine.docker('restart', 'day-web')
    as_user(BOB, 'docker', *client, 'run', '--rm', '--name', 'day-bob', '-v', '/:/host', '--network', 'none', IMAGE, 'true')
    agent.wait(event__action='docker-event', that=lambda r: field(r, 'callerd.docker_event.name') == 'day-bob'
               and field(r, 'callerd.docker_event.action') == 'destroy')


def day():
    """All records of the day, and those of them in OCSF."""
    records, ocsf, why = lived()
    if why:
        raise AssertionError(f'the day did not come to its end: {why}') from why
    return records, ocsf


@functools.cache
def lived():
    try:
        return *live_a_day(), None
    except Exception as why:  # pylint: disable=broad-except  # once, for all tests
        return None, None, why


def live_a_day():
    place = tempfile.mkdtemp(prefix='day.', dir=DIR)
    with open(place + '/conf', 'w') as config:
        config.write(CONFIG)
    for i in range(7):
        os.mkdir(f'{place}/{i}', 0o700)
    os.chmod(place, 0o755)
    with Dockerd('day') as engine:
        for name in 'web', 'db':
            engine.docker('run', '-d', '--name', 'day-' + name, '--network', 'none', '--restart', 'always', '--stop-signal', 'KILL',
                          '--health-cmd', 'true', '--health-interval', '1s', IMAGE, 'sleep', '10000')
        with Callerd('--config', place + '/conf', '--guard', 'sockets', '--discover', 'no', '--inventory', '1000',
                     '--output', f'file:{place}/ocsf,format=ocsf,chain=no', sockets=[engine.path], fold=None) as agent:
            agent.wait(event__action='docker-event')  # a health check: the engine is listened to
            work(engine, agent, place)
            agent.wait(event__action='socket-refused')
            agent.process.send_signal(signal.SIGHUP)  # what waits to be counted is written
            agent.wait(event__action='agent-reloaded')
            records = agent.stop()
            with open(place + '/ecs', 'w', encoding='utf-8') as ecs:
                ecs.writelines(json.dumps(record) + '\n' for record in records)
            with open(place + '/ocsf', 'rb') as ocsf:
                lines = ocsf.read()
    checked = subprocess.run([sys.executable, '-B', ROOT + '/tests/schema/check', 'ocsf', place + '/ecs'], input=lines,
                             stdout=subprocess.PIPE, check=False)
    equal(checked.stdout.decode(), '', 'what the schema says')
    equal(records.pop()['event']['action'], 'agent-stopped', 'the end, which is an alert')
    return records, [json.loads(line) for line in lines.splitlines()]


def alerting():
    """[(rule, record)] of what somebody is waked by, by pySigma's own queries in SQLite, which find what the rules mean."""
    records, _ = day()
    rules, levels = sigma.load()
    database, found = sigma.Sqlite(sigma.queries_of('sqlite'), records), []
    for name, title in sigma.titles().items():
        if title not in database.queries:  # the one that a correlation is of
            continue
        numbers = database.find(title)
        equal(sorted(numbers), [number for number, record in enumerate(records) if name in sigma.matched(rules, record)], f'what {name} finds')
        if levels[name] not in ('informational', 'low'):
            found += [(name, records[number]) for number in numbers]
    found += [('socket_refused again and again', {'user': group})
              for group in database.find('Refused At The Socket Of The Engine Again And Again')]
    return found


@test
def attack_is_found():
    """And nothing else wakes anybody."""
    records, ocsf = day()
    found = alerting()
    strangers = [(name, record.get('message')) for name, record in found if acts_as(record) != BOB]
    equal(strangers, [], 'false alarms')
    true({'host_mounted_in_container'} <= {name for name, _ in found}, f'what bob did: {found}')
    grave = [r for r in records if r['event']['kind'] == 'alert']
    true(grave and {acts_as(r) for r in grave} == {BOB}, 'alerts of ECS')
    equal([e['finding_info']['related_events'][0]['uid'] for e in ocsf if e.get('is_alert')], [r['event']['id'] for r in grave], 'alerts of OCSF')


@test
def refused_is_one():
    """A `docker ps` that is refused tries several times."""
    records, _ = day()
    outsider = str(pwd.getpwnam(OUTSIDER).pw_uid)
    one, = (r for r in records if r['event']['action'] == 'socket-refused' and acts_as(r) == outsider)
    true(field(one, 'callerd.refused.count', 1) >= 1 and one['event']['severity'] == 40, one['message'])


@test
def restart_is_quiet():
    """What the engine does as it stops and starts is its own; what was asked for is known to be."""
    records, _ = day()
    events = [r for r in records if r['event']['action'] == 'docker-event']
    doubtful = [r['message'] for r in events if field(r, 'callerd.cause.kind') == 'unknown' and r['event']['severity'] >= 40]
    equal(doubtful, [], 'unattributed')
    starts = [field(r, 'callerd.cause.kind') for r in events if field(r, 'callerd.docker_event.action') == 'start']
    equal(sorted(starts), ['daemon', 'daemon', 'request', 'request'], 'starts by the engine, and by callers')
    asked = {field(r, 'callerd.cause.operation') for r in events if field(r, 'callerd.cause.kind') == 'request'}
    true({'ContainerCreate', 'ContainerDelete', 'ContainerRestart', 'ContainerStart'} <= asked, f'causes: {asked}')


@test
def others_are_no_loss():
    """A program that looks for other sockets in vain has something counted, which is no alarm."""
    records, _ = day()
    lost = [(field(r, 'callerd.lost.reason'), r['event']['severity']) for r in records if r['event']['action'] == 'records-lost']
    true(set(lost) <= {('refused-unresolved', 40), ('ring-full-refused', 40)}, f'losses: {lost}')
    true(not [r for r in records if r['event']['action'] == 'socket-refused' and 'session.sock' in json.dumps(r)], 'records of them')


@test
def pollers_are_counted():
    records, _ = day()
    polls = [r for r in records if field(r, 'process.args', [''])[-1] == str(POLLS)]
    told = [field(r, 'callerd.folded.count', 0) or 1 for r in polls if r['event']['action'] == 'api-request']
    equal((sum(told), len(told)), (3 * POLLS, 6), 'requests, and records of them')
    whole = sum(field(r, 'callerd.folded.count', 0) for r in records if field(r, 'callerd.cause.reason') == 'health-check')
    true(whole, 'health checks are counted')


main()
