# SPDX-License-Identifier: Apache-2.0
"""Who containers go back to outlives connections, the daemon and callerd itself; and is told by --explain."""
import glob
import shutil
import stat

from live import *
from bodies import *

ALICE = User(MEMBER)
BOB = User(OUTSIDER)
D = DIR + '/state'
REPLAYED = 256  # events that an engine remembers
# What there is of a caller, if it is told whole.
CALLER = ['process', 'user', 'container', 'callerd.ancestors', 'callerd.caller']


def cause(event, name):
    return field(event, 'callerd.cause.' + name)


def database(name):
    """The path of a state that is not there yet, in a directory that is not there either."""
    return f'{D}/{name}-{time.monotonic_ns()}/state.db'


def until(what, condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        true(time.monotonic() < deadline, what)
        time.sleep(0.02)


def waiting(name, code=5):
    """A container's command: ends with CODE as soon as the test says go(name)."""
    return ['sh', '-c', f'while [ ! -e /go/{name} ]; do sleep 0.1; done; exit {code}']


def go(name):
    with open(f'{D}/go/{name}', 'w'):
        pass


def begin(user, name, *command, path=None, **host):
    """A container that USER creates and starts by docker; its id."""
    user.docker('create', '--name', name, '--network', 'none', '--stop-signal', 'KILL',
                '-v', f'{D}/go:/go', *(f'--{key}={value}' for key, value in host.items()), IMAGE,
                *(command or waiting(name)), path=path)
    user.docker('start', name, path=path)
    return run('docker', '-H', 'unix://' + (path or SOCKET), 'inspect', '-f', '{{.Id}}', name).strip()


def begin_exec(user, container, *command, path=None):
    made = user.call('POST', f'{API}/containers/{container}/exec', {'Cmd': list(command)}, path=path)
    equal(made[1], 201, f'exec: {made[2]}')
    equal(user.call('POST', f'{API}/exec/{made[2]["Id"]}/start', {'Detach': True}, path=path)[1], 200, 'exec')
    return made[2]['Id']


def goes_back_to(event, before, kind='inherited'):
    """EVENT has the cause and the caller of the event BEFORE, that a request made happen."""
    equal((cause(event, 'kind'), cause(event, 'event_id')), (kind, cause(before, 'event_id')), event['message'])
    true(cause(event, 'event_id'), 'there is a request')
    for name in CALLER:
        equal(without_start(field(event, name)), without_start(field(before, name)),
              f'{event["message"]}: {name}')


def without_start(value):
    """Each run of callerd reads the clock anew: some ns more or less; entity_id has it exactly. And it reads programs anew, if they are
    still there."""
    if isinstance(value, list):
        return [without_start(one) for one in value]
    if isinstance(value, dict):
        return {name: without_start(one) for name, one in value.items() if name not in ('start', 'hash')}
    return value


def nobody(event, kind='unknown'):
    true(not {'process', 'user', 'container'} & set(event), event['message'])
    equal((cause(event, 'kind'), cause(event, 'event_id')), (kind, None), event['message'])


def told_once(records):
    """No event of the engine is there twice."""
    events = [json.dumps({n: v for n, v in r['callerd']['docker_event'].items() if n != 'recovered'},
                         sort_keys=True) for r in records if r['event']['action'] == 'docker-event']
    twice = {e for e in events if events.count(e) > 1}
    # A network is left twice, in the same words, but for the time.
    true(not twice, f'told twice: {list(twice)[:3]}')


def stop(agent):
    """Ends it; all its records, and what it said."""
    return agent.stop(), agent.error


def explain(state, key, check=True):
    return run(CALLERD, '--explain', key, '--state', state, check=check)


# --- callerd ----------------------------------------------------------------------------------------


@test
def callerd_starts_again():
    """What began before it goes on; what happened meanwhile is told, once."""
    path = database('again')
    remove('state-own', 'state-away', 'state-killed')
    with Callerd(state=path) as first:
        ids = {name: begin(ALICE, name) for name in ('state-own', 'state-away', 'state-killed')}
        exec_ = begin_exec(BOB, 'state-own', *waiting('state-exec', 3))
        first.settle_events()
        starts = {name: first.events('container/start', id_)[0] for name, id_ in ids.items()}
        exec_start, = first.events('container/exec_start', exec_id=exec_)
        equal((acts_as(starts['state-own']), acts_as(exec_start)), (ALICE.uid, BOB.uid), 'users')
        before, _ = stop(first)
    go('state-away')
    BOB.docker('kill', 'state-killed')
    until('they end', lambda: not [i for i in get('/containers/json') if i['Id'] in (
        ids['state-away'], ids['state-killed'])])
    with Callerd(state=path) as second:
        goes_back_to(second.event('container/die', ids['state-away'])[0], starts['state-away'])
        event, = second.event('container/kill', ids['state-killed'])
        nobody(event)  # Bob's call was not seen
        event, = second.event('container/die', ids['state-killed'])
        if cause(event, 'kind') == 'unknown':
            nobody(event)
        else:
            goes_back_to(event, starts['state-killed'])
        go('state-exec')
        goes_back_to(second.event('container/exec_die', exec_id=exec_, exit_code=3)[0], exec_start)
        go('state-own')
        die, = second.event('container/die', ids['state-own'])
        goes_back_to(die, starts['state-own'])
        equal(field(die, 'callerd.docker_event.exit_code'), 5, 'exit code')
        true(die['agent']['ephemeral_id'] != starts['state-own']['agent']['ephemeral_id'], 'another run')
        second.settle_events()
        after, error = stop(second)
    remove(*ids)
    equal(error, '', 'what it says')
    told_once(before + after)
    equal(losses(after), [], 'losses')
    ids_ = [r['event']['id'] for r in before + after]
    equal(len(ids_), len(set(ids_)), 'event.id')


@test
def callerd_is_killed():
    """What was told before is known after it."""
    path = database('killed')
    remove('state-survivor')
    with Callerd(state=path) as first:
        id_ = begin(ALICE, 'state-survivor')
        start, = first.event('container/start', id_)
        until('it is kept', lambda: 'start' in explain(path, 'state-survivor', check=False))
        first.process.kill()
        first.process.wait()
    with Callerd(state=path) as second:
        go('state-survivor')
        goes_back_to(second.event('container/die', id_)[0], start)
        stop(second)
    remove('state-survivor')


@test
def without_a_state():
    """Nothing is known of what began before, and nothing said of it."""
    remove('state-without')
    with Callerd() as first:
        id_ = begin(ALICE, 'state-without')
        first.event('container/start', id_)
        stop(first)
    with Callerd() as second:
        go('state-without')
        nobody(second.event('container/die', id_)[0])
        stop(second)
    remove('state-without')


@test
def the_file():
    """Nobody else may read it; what is no state of ours is set aside."""
    path = database('file')
    with Callerd(state=path) as agent:
        stop(agent)
    equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, 'mode of the file')
    equal(stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode), 0o700, 'mode of its directory')
    with open(path, 'rb') as file:
        good = file.read()
    remove('state-file')
    id_ = None
    for what, content in (
            ('text', b'this is no database\n' * 100), ('nothing', b''), ('half', good[:len(good) // 2]),
            ('damaged', good[:100] + os.urandom(len(good) - 100)),
            ('foreign', foreign_database())):
        for file in glob.glob(os.path.dirname(path) + '/*'):
            os.unlink(file)
        with open(path, 'wb') as file:
            file.write(content)
        with Callerd(state=path) as agent:
            id_ = begin(ALICE, 'state-file', 'true')
            event, = agent.event('container/die', id_)
            equal((cause(event, 'kind'), acts_as(event)), ('inherited', ALICE.uid), what)
            _, error = stop(agent)
        remove('state-file')
        true(path in error or not content, f'{what}: it says {error!r}')
        true('state-file' in explain(path, 'state-file'), f'{what}: a new one works')
        if content:
            aside = [file for file in glob.glob(os.path.dirname(path) + '/*') if open(file, 'rb').read() == content]
            true(aside and aside[0] != path, f'{what}: what was there is kept')
        with open(path, 'rb') as file:
            equal(file.read(15), b'SQLite format 3', what)


def foreign_database():
    import sqlite3  # pylint: disable=import-outside-toplevel
    path = D + '/foreign.db'
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute('CREATE TABLE people (name TEXT)')
        other.commit()
    with open(path, 'rb') as file:
        return file.read()


@test
def where_it_cannot_be():
    """It says so: at once, or it watches all the same."""
    with open(D + '/no-directory', 'w'):
        pass
    path = D + '/no-directory/state.db'
    try:
        agent = Callerd(state=path)
    except AssertionError as why:
        true('callerd ended: ' in str(why) and path in str(why), str(why))
        return
    with agent:
        _, error = stop(agent)
        true('no-directory' in error, f'it says {error!r}')


@test
def more_events_than_the_engine_remembers():
    """While callerd is away: the gap is told, and what can be seen afterwards is concluded."""
    path = database('gap')
    names = ['state-lives', 'state-died', 'state-gone', 'state-again', 'state-new']
    remove(*names)
    with Callerd(state=path) as first:
        ids = {name: begin(ALICE, name) for name in names[:4]}
        first.settle_events()
        starts = {name: first.events('container/start', id_)[0] for name, id_ in ids.items()}
        before, _ = stop(first)
    go('state-died')
    until('it ends', lambda: not get('/containers/state-died/json')['State']['Running'])
    remove('state-gone')
    BOB.docker('restart', 'state-again')
    ids['state-new'] = begin(BOB, 'state-new')
    body = b'{"Name":"state-many"}'
    with connect() as client:
        for _ in range(300):
            client.sendall(b'POST /volumes/create HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n'
                           b'Content-Length: %d\r\n\r\n' % len(body) + body)
            equal(read_response(client)[0], 201, 'volume')
            client.sendall(b'DELETE /volumes/state-many HTTP/1.1\r\nHost: docker\r\n\r\n')
            equal(read_response(client)[0], 204, 'volume')
    with Callerd(state=path) as second:
        lost = second.wait(event__action='records-lost', callerd__lost__reason='engine-events')
        die, = second.event('container/die', ids['state-died'])
        goes_back_to(die, starts['state-died'])
        equal((field(die, 'callerd.docker_event.recovered'), field(die, 'callerd.docker_event.exit_code')),
              (True, 5), 'the end that was missed')
        # Of what somebody unseen began nobody is told.
        go('state-again')
        go('state-new')
        for name in 'state-again', 'state-new':
            die = second.event('container/die', ids[name], exit_code=5)[0]
            nobody(die)
        go('state-lives')
        goes_back_to(second.event('container/die', ids['state-lives'])[0], starts['state-lives'])
        second.settle_events()
        for event in second.events():
            if event['callerd']['docker_event'].get('id') in (ids['state-gone'], ids['state-again']):
                true(cause(event, 'kind') in ('unknown', 'inherited'), event['message'])
                true(acts_as(event) in (None, ALICE.uid), event['message'])
        after, _ = stop(second)
    remove(*names)
    equal(len(lost), 1, 'it is told once')
    replayed = [r for r in after if field(r, 'callerd.docker_event.id') == 'state-many']
    true(REPLAYED - 10 <= len(replayed) <= REPLAYED, f'{len(replayed)} of what the engine remembered')
    told_once(before + after)


# --- the daemon -------------------------------------------------------------------------------------


@test
def the_daemon_starts_again():
    """Its containers end with it, without anybody's request."""
    with Dockerd('state-daemon') as engine, \
            Callerd('--inventory', '65536', sockets=[engine.path]) as agent:
        lives = begin(ALICE, 'state-daemon', path=engine.path)
        policy = begin(ALICE, 'state-policy', restart='always', path=engine.path)
        for id_ in lives, policy:
            agent.event('container/start', id_)
        engine.stop()
        engine.start()
        again = agent.event('container/start', policy, count=2)[1]
        nobody(again, 'daemon')
        equal(cause(again, 'reason'), 'restart-policy', 'reason')
        agent.settle_events(engine.path)
        for id_ in lives, policy:
            die, = agent.events('container/die', id_)
            kills = agent.events('container/kill', id_)
            true(kills, 'the engine ended it')
            for event in [die, *kills, *agent.events('container/stop', id_)]:
                nobody(event, 'daemon')
                equal(cause(event, 'reason'), 'engine-stopped', event['message'])
        # Calls are joined as before.
        BOB.docker('start', 'state-daemon', path=engine.path)
        event = agent.event('container/start', lives, count=2)[1]
        equal((cause(event, 'kind'), acts_as(event)), ('request', BOB.uid), event['message'])
        records = agent.stop()
        told_once(records)
        equal(losses(records), [], 'losses')


@test
def containers_that_live_on():
    """The daemon is killed and started again; they, and those who started them, are the same."""
    with Dockerd('state-live', '--live-restore') as engine, \
            Callerd('--inventory', '65536', sockets=[engine.path]) as agent:
        names = ['state-still', 'state-meanwhile']
        ids = {name: begin(ALICE, name, path=engine.path) for name in names}
        starts = {name: agent.event('container/start', ids[name])[0] for name in names}
        exec_ = begin_exec(BOB, 'state-still', *waiting('state-live-exec', 3), path=engine.path)
        agent.event('container/exec_start', exec_id=exec_)
        for how in signal.SIGKILL, signal.SIGTERM:
            engine.stop(how)
            if how == signal.SIGTERM:
                go('state-meanwhile')
                until('it ends', lambda: not running(ids['state-meanwhile']))
            engine.start()
            # One that was killed may have had something to tell.
            agent.wait(event__action='records-lost', callerd__lost__reason='engine-events')
        die, = agent.event('container/die', ids['state-meanwhile'])
        goes_back_to(die, starts['state-meanwhile'])
        go('state-still')
        die, = agent.event('container/die', ids['state-still'])
        goes_back_to(die, starts['state-still'])
        equal(field(die, 'callerd.docker_event.recovered'), None, 'the engine said so itself')
        agent.settle_events(engine.path)
        for name in names:
            equal(len(agent.events('container/start', ids[name])), 1, 'it started once')
            equal(len(agent.events('container/die', ids[name])), 1, 'it ended once')
        told_once(agent.stop())


def running(id_):
    """Whether a process of the container is there, whatever becomes of its daemon."""
    for file in glob.glob('/proc/[0-9]*/cgroup'):
        try:
            with open(file) as cgroup:
                if id_ in cgroup.read():
                    return True
        except OSError:
            pass
    return False


# --- --explain --------------------------------------------------------------------------------------


@test
def explained():
    """Who made, started, entered and ended it."""
    path = database('explain')
    remove('state-told', 'state-renamed', 'state-other')
    with Callerd(state=path) as agent:
        id_ = begin(ALICE, 'state-told')
        begin_exec(BOB, 'state-told', 'sh', '-c', 'PASSWORD=cq0secret0 true')
        BOB.docker('stop', 'state-told')
        BOB.docker('start', 'state-told')
        ALICE.docker('rename', 'state-told', 'state-renamed')
        begin(BOB, 'state-other', 'true')
        go('state-told')
        agent.event('container/die', id_, count=2)
        agent.settle_events()
        for key in 'state-renamed', id_, id_[:12]:
            until(f'{key} is explained', lambda: 'die' in explain(path, key).lower())
            text = explain(path, key)
            check_story(text, key, id_)
        agent.stop()
    # Without an agent, and when the container is no more.
    check_story(explain(path, 'state-renamed'), 'afterwards', id_)
    with Callerd(state=path) as agent:
        removed = BOB.call('DELETE', API + '/containers/state-renamed')
        equal(removed[1], 204, 'removed')
        agent.event('container/destroy', id_)
        agent.settle_events()
        agent.stop()
    text = explain(path, id_)
    check_story(text, 'removed', id_)
    true('destroy' in text or 'remov' in text, text)
    other = explain(path, 'state-other')
    true(ALICE.name not in other and BOB.name in other, other)
    done = subprocess.run([CALLERD, '--explain', 'no-such-container', '--state', path], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    true(done.returncode == 1 and done.stderr and not done.stdout, str(done))
    done = subprocess.run([CALLERD, '--explain', 'state-told', '--state', D + '/none/state.db'], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    true(done.returncode and done.stderr and not os.path.exists(D + '/none'), str(done))
    remove('state-renamed', 'state-other')


def check_story(text, what, id_):
    lines = text.splitlines()
    true(id_ in text or id_[:12] in text, f'{what}: its id: {text}')
    place = -1
    for words in ((ALICE.name, 'creat'), (ALICE.name, 'start'), (BOB.name, 'exec'), (BOB.name, 'stop'),
                  (BOB.name, 'start'), (ALICE.name, 'rename')):
        found = [i for i, line in enumerate(lines) if i > place and all(
            word.lower() in line.lower() for word in words)]
        true(found, f'{what}: no line with {words} behind line {place + 1} of:\n{text}')
        place = found[0]
    true('cq0secret0' not in text, f'{what}: a secret: {text}')
    true('state-other' not in text, f'{what}: another container: {text}')


def main_here():
    shutil.rmtree(D, ignore_errors=True)
    os.makedirs(D + '/go', 0o755)
    main()


main_here()
