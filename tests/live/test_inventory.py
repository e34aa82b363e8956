# SPDX-License-Identifier: Apache-2.0
"""What the agent knows of the engine: from before it ran, after changes, and at what price."""
import glob

from live import *
from bodies import *

COUNT = scaled(20, 5)


def target_of(agent, path, method='GET', body=None):
    return field(record_of(agent, post(path, body, method=method)[0]), 'callerd.target') or {}


def until_known(agent, name):
    """Waits until the agent knows the container; returns what it says of it."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        target = target_of(agent, f'{API}/containers/{name}/json')
        if 'id' in target:
            return target
        time.sleep(0.02)
    raise AssertionError(f'{name} is not known')


def own_requests(agent, pid):
    return agent.records(event__action='api-request', process__pid=pid)


@test
def containers_from_before():
    ids = {f'inventory-{i}': create(f'inventory-{i}') for i in range(COUNT)}
    try:
        with Callerd() as agent:
            until_known(agent, f'inventory-{COUNT - 1}')
            until_known(agent, 'inventory-0')
            for name, id_ in ids.items():
                for key in name, id_, id_[:12]:
                    target = target_of(agent, f'{API}/containers/{key}/json')
                    equal((target.get('id'), target.get('name'), target.get('image')),
                          (id_, name, IMAGE), key)
    finally:
        remove(*ids)


@test
def changes_that_it_sees():
    """Renamed, removed and made anew while it watches, by calls and by the daemon alone."""
    ids = {name: create(name) for name in ('inventory-a', 'inventory-b')}
    try:
        with Callerd() as agent:
            until_known(agent, 'inventory-a')
            until_known(agent, 'inventory-b')
            request('POST', API + '/containers/inventory-a/rename?name=inventory-c')
            request('POST', API + '/containers/inventory-b/rename?name=inventory-a')
            for name, id_ in (('inventory-c', ids['inventory-a']), ('inventory-a', ids['inventory-b'])):
                target = target_of(agent, f'{API}/containers/{name}/json')
                equal((target.get('id'), target.get('name')), (id_, name), name)
            remove('inventory-c')
            equal('id' in target_of(agent, API + '/containers/inventory-c/json'), False, 'removed')
            # One that goes by itself, and leaves its name.
            docker('run', '--rm', '--name', 'inventory-d', '--network', 'none', IMAGE, 'true')
            deadline = time.monotonic() + PATIENCE
            while request('GET', API + '/containers/inventory-d/json')[0] == 200:
                true(time.monotonic() < deadline, 'it is removed')
            again = create('inventory-d')
            equal(target_of(agent, API + '/containers/inventory-d/json').get('id'), again, 'anew')
    finally:
        remove('inventory-a', 'inventory-b', 'inventory-c', 'inventory-d')


@test
def execs():
    id_ = create('inventory-exec', start=True)
    before = post(API + '/containers/inventory-exec/exec', {'Cmd': ['true']})[2]['Id']
    try:
        with Callerd() as agent:
            until_known(agent, 'inventory-exec')
            after = post(API + '/containers/inventory-exec/exec', {'Cmd': ['true']})[2]['Id']
            target = target_of(agent, f'{API}/exec/{after}/start', 'POST', {'Detach': True})
            equal(target, {'type': 'exec', 'id': after, 'image': target.get('image'), 'container': {
                'id': id_, 'name': 'inventory-exec'}} if 'image' in target else
                {'type': 'exec', 'id': after, 'container': {'id': id_, 'name': 'inventory-exec'}}, 'exec')
            # Of an exec from before nothing but its id may be known.
            target = target_of(agent, f'{API}/exec/{before}/start', 'POST', {'Detach': True})
            equal((target['type'], target['id']), ('exec', before), 'exec from before')
            true(field(target, 'container.id') in (None, id_), str(target))
            # An exec's id has no beginnings: the daemon takes it whole only.
            equal(post(f'{API}/exec/{after[:12]}/json', method='GET')[1], 404, 'prefix')
    finally:
        remove('inventory-exec')


@test
def images():
    id_ = get(f'/images/{IMAGE}/json')['Id']
    with Callerd() as agent:
        create('inventory-known')
        until_known(agent, 'inventory-known')
        remove('inventory-known')
        for name in IMAGE, IMAGE + ':latest', 'docker.io/library/' + IMAGE, id_, id_[7:19]:
            call = post(f'{API}/images/{name}/json', method='GET')
            equal(call[1], 200, name)
            target = field(record_of(agent, call[0]), 'callerd.target')
            equal((target['type'], target.get('id')), ('image', id_), f'{name}: {target}')
        request('POST', f'{API}/images/{IMAGE}/tag?repo=inventory&tag=1')
        target = target_of(agent, API + '/images/inventory:1/json')
        true(target.get('id') in (None, id_), f'a new tag: {target}')
        request('DELETE', API + '/images/inventory:1')
        target = target_of(agent, API + '/images/inventory:1/json')
        equal('id' in target, False, f'a removed tag: {target}')


@test
def volumes():
    request('POST', API + '/volumes/create', b'{"Name":"inventory-v"}')
    with Callerd() as agent:
        target = target_of(agent, API + '/volumes/inventory-v')
        equal((target['type'], target['name']), ('volume', 'inventory-v'), 'volume')
    request('DELETE', API + '/volumes/inventory-v')


@test
def own_calls():
    """They never appear in the agent's records; another agent sees that they are few."""
    names = [f'inventory-own-{i}' for i in range(COUNT)]
    for name in names:
        create(name)
    try:
        with Callerd() as witness, Callerd() as agent:
            until_known(agent, names[-1])
            until_known(agent, names[0])
            agent.settle()
            witness.settle()
            equal(own_requests(agent, agent.broker), [], 'own calls in its records')
            equal([r['message'] for r in agent.records(process__pid=agent.broker)
                   if r['event']['action'].startswith('socket')], [], 'own connects in its records')
            started = own_requests(witness, agent.broker)
            true(started, 'the witness sees them')
            writes = {r['http']['request']['method'] for r in started} - {'GET', 'HEAD'}
            equal(writes, set(), 'methods that change something')
            true(len(started) <= 2 * COUNT + 20, f'{len(started)} calls for {COUNT} containers: '
                 + '; '.join(r['url']['original'] for r in started))
            connects = witness.records(event__action='socket-connected', process__pid=agent.broker)
            true(len(connects) <= 2 * COUNT + 20, f'{len(connects)} connections')
            # At work it asks next to nothing.
            for i in range(scaled(70, 20, 200)):
                request('GET', f'{API}/containers/{names[i % COUNT]}/json')
                request('GET', f'{API}/containers/none-{i}/json')
            agent.settle()
            witness.settle()
            more = len(own_requests(witness, agent.broker)) - len(started)
            true(more <= 5, f'{more} more calls: ' + '; '.join(
                r['url']['original'] for r in own_requests(witness, agent.broker)[-more:]))
            equal(own_requests(agent, agent.broker), [], 'own calls in its records')
    finally:
        remove(*names)


@test
def calls_of_another_agent_are_recorded():
    """Only its own: whoever calls itself callerd is recorded."""
    with Callerd() as witness:
        request('GET', '/_ping?inventory-liar', headers='User-Agent: callerd/0.1.0\r\n')
        record_of(witness, '/_ping?inventory-liar')
        with Callerd() as agent:
            create('inventory-known')
            until_known(agent, 'inventory-known')
            remove('inventory-known')
            witness.wait(event__action='api-request', process__pid=agent.broker)


@test
def a_daemon_that_does_not_answer():
    """One that takes connections and says nothing holds nobody up."""
    path = DIR + '/inventory.sock'
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(100)
    try:
        with Callerd('--inventory', '100', sockets=[path, SOCKET]) as agent:
            started = time.monotonic()
            request('GET', '/_ping?inventory-mute')
            record_of(agent, '/_ping?inventory-mute')
            true(time.monotonic() - started < PATIENCE / 4, 'it takes its time')
            agent.stop()
    finally:
        listener.close()
        os.unlink(path)


@test
def a_daemon_that_answers_nonsense():
    """200 OK, and no JSON behind it."""
    path = DIR + '/inventory.sock'
    with Daemon(path), Callerd('--inventory', '100', sockets=[path]) as agent:
        request('GET', API + '/containers/x/json?inventory', path=path)
        record = record_of(agent, API + '/containers/x/json?inventory')
        equal(field(record, 'callerd.target.id'), None, 'id')
        agent.stop()


@test
def descriptors():
    """It keeps none for each call that it makes."""
    for i in range(COUNT):
        create(f'inventory-fd-{i}')
    try:
        with Callerd() as agent:
            until_known(agent, 'inventory-fd-0')
            agent.settle()
            before = len(glob.glob(f'/proc/{agent.pid}/fd/*'))
            for i in range(COUNT):
                docker('exec', f'inventory-fd-{i}', 'true', check=False)
            agent.settle()
            true(len(glob.glob(f'/proc/{agent.pid}/fd/*')) <= before + 3, 'descriptors')
    finally:
        remove(*(f'inventory-fd-{i}' for i in range(COUNT)))


main()
