# SPDX-License-Identifier: Apache-2.0
"""Who may use the socket wants somebody else named for what he does, or nobody: whoever has a rightful part in the
same container, image or moment."""
import io
import os
import secrets
import shutil
import sys
import tarfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from live import *
from bodies import *

AGENT = None
ALICE = User(MEMBER)  # the victim
BOB = User(OUTSIDER)  # the attacker
CAROL = User('daemon')

# Asks for the same again and again on one connection, until its input ends: METHOD TARGET BODY in each line of
# argv. @ in it is a number.
LOOP = '''
import http.client, select, socket, sys
class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(sys.argv[1])
connection, number = Connection("docker"), 0
while not select.select([0], [], [], 0)[0]:
    number += 1
    for line in sys.argv[2:]:
        method, target, body = line.replace("@", str(number)).split(" ", 2)
        connection.request(method, target, body, {"Content-Type": "application/json"} if body else {})
        connection.getresponse().read()
    if number == 1:
        print("it goes", flush=True)
print(number)
'''


class Loop:
    """Goes on until the block ends; .count says how often it went round."""

    def __init__(self, user, *calls):
        self.process = subprocess.Popen(user.command('/usr/bin/python3', '-c', LOOP, SOCKET, *calls),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        equal(self.process.stdout.readline(), 'it goes\n', 'the loop')
        return self

    def __exit__(self, *unused):
        output = self.process.communicate(timeout=PATIENCE)[0]
        self.count = int(output or 0)


def cause(event, name):
    return field(event, 'callerd.cause.' + name)


def begin(user, name, *command, **host):
    created = user.call('POST', f'{API}/containers/create?name={name}', config(*command, **host))
    equal(created[1], 201, f'{name}: {created[2]}')
    equal(user.call('POST', f'{API}/containers/{name}/start')[1], 204, name)
    return created[2]['Id']


def tar_of(text):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode='w') as archive:
        member = tarfile.TarInfo('Dockerfile')
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    return data.getvalue()


@test
def a_loop_of_harmless_signals():
    """Bob kills what Alice started, while he and Carol send it SIGCONT all the time: it is not Alice who is named."""
    named = 0
    for i in range(scaled(6, 2)):
        name = f'causes-loop-{i}'
        id_ = begin(ALICE, name, 'sleep', '600')
        signals = [f'POST {API}/containers/{name}/kill?signal={word} ' for word in ('CONT', 'sigwinch', '18')]
        with Loop(CAROL, *signals), Loop(BOB, *signals):
            killed = BOB.call('POST', f'{API}/containers/{name}/kill')
            equal(killed[1], 204, 'kill')
        die, = AGENT.event('container/die', id_)
        AGENT.settle_events()
        asked, = AGENT.wait(url__original=killed[0])
        kills = [e for e in AGENT.events('container/kill', id_)
                 if field(e, 'callerd.docker_event.signal') == '9']
        for event in [die, *kills]:
            true(acts_as(event) in (BOB.uid, None), f'{event["message"]}: it was Bob')
            if cause(event, 'kind') == 'request' and cause(event, 'basis') == 'id':
                equal(cause(event, 'event_id'), asked['event']['id'], event['message'])
        named += acts_as(die) == BOB.uid
        remove(name)
    true(named, 'Bob is named')
    print(f'# {named} named')


@test
def killed_by_several():
    """Bob and Carol kill what Alice started, both at once: it may be either, but not Alice."""
    for i in range(scaled(6, 2)):
        name = f'causes-both-{i}'
        id_ = begin(ALICE, name, 'sleep', '600')
        calls = [f'POST {API}/containers/{name}/kill ']
        try:
            with Loop(CAROL, *calls), Loop(BOB, *calls):
                AGENT.event('container/die', id_)
        finally:
            remove(name)
        die, = AGENT.event('container/die', id_)
        true(acts_as(die) in (BOB.uid, CAROL.uid, None), die['message'])


@test
def out_of_memory_by_an_update():
    """Bob takes away the memory of what Alice started, and the kernel kills it."""
    id_ = begin(ALICE, 'causes-oom', 'sh', '-c', 'while [ ! -e /tmp/go ]; do sleep 0.1; done; '
                'x=a; while :; do x=$x$x; done', Memory=64 << 20, MemorySwap=64 << 20)
    updated = BOB.call('POST', f'{API}/containers/causes-oom/update', {'Memory': 6 << 20, 'MemorySwap': 6 << 20})
    try:
        if updated[1] != 200:
            raise Skip(f'no limits here: {updated[2]}')
        docker('exec', 'causes-oom', 'touch', '/tmp/go')
        die, = AGENT.event('container/die', id_)
        AGENT.settle_events()
        if not AGENT.events('container/oom', id_):
            raise Skip('this kernel limits no memory')
    finally:
        remove('causes-oom')
    asked, = AGENT.wait(url__original=updated[0])
    for event in [*AGENT.events('container/oom', id_), die]:
        equal((cause(event, 'kind'), cause(event, 'event_id')), ('inherited', asked['event']['id']),
              event['message'])


@test
def volumes_of_builds():
    """Bob's classic builds make and remove volumes, while Alice makes and removes containers without any."""
    mark = 'causes-build-' + secrets.token_hex(3)
    body = json.dumps(config('true'))
    AGENT.settle_events()
    begin_ = AGENT.seen[-1]['event']['sequence']
    builds = []
    with Loop(ALICE, f'POST {API}/containers/create?name={mark}-@ {body}',
              f'DELETE {API}/containers/{mark}-@ ') as loop:
        for i in range(scaled(6, 2)):
            text = f'FROM {IMAGE}\nLABEL n={mark}-{i}\nVOLUME /a\nRUN true\nVOLUME /b\nRUN true\n'
            builds.append(build(text))
    print(f'# {loop.count} containers of Alice')
    AGENT.settle_events()
    told = {'create': [], 'destroy': []}
    for event in AGENT.events():
        action = field(event, 'callerd.docker_event.action')
        if event['event']['sequence'] < begin_ or field(event, 'callerd.docker_event.type') != 'volume':
            continue
        true(acts_as(event) != ALICE.uid, f'{event["message"]}: it was Bob')
        if action in told and 'settle' not in field(event, 'callerd.docker_event.id'):
            told[action].append(acts_as(event))
    for action, users in told.items():
        true(users, f'no volume is {action}ed')
        print(f'# volume {action}: {users.count(BOB.uid)} of {len(users)} are told as Bob\'s')
    true(told['create'].count(BOB.uid), 'Bob is named')


def build(text):
    """Bob's, by the classic builder."""
    path = f'{DIR}/causes-context-{time.monotonic_ns()}.tar'
    with open(path, 'wb') as file:
        file.write(tar_of(text.encode()))
    os.chmod(path, 0o644)
    target = f'{API}/build?t=causes:built&networkmode=none&rm=1'
    answer = BOB.run('curl', '-s', '--unix-socket', SOCKET, '-X', 'POST', '-H', 'Content-Type: application/x-tar',
                     '--data-binary', '@' + path, 'http://docker' + target)
    true('Successfully built' in answer, answer[-300:])
    return target


@test
def own_volumes():
    """Of what a container made and took with it, it is known that it was that container."""
    created = ALICE.call('POST', f'{API}/containers/create?name=causes-volumes',
                         {**config('true', Binds=['causes-named:/n']), 'Volumes': {'/a': {}}})
    equal(created[1], 201, str(created[2]))
    id_ = created[2]['Id']
    names = [mount['Name'] for mount in get(f'/containers/{id_}/json')['Mounts']]
    removed = BOB.call('DELETE', f'{API}/containers/causes-volumes?v=1')
    equal(removed[1], 204, str(removed[2]))
    for name in names:
        event, = AGENT.event('volume/create', name)
        equal((acts_as(event), cause(event, 'operation')), (ALICE.uid, 'ContainerCreate'),
              event['message'])
    anonymous, = [name for name in names if name != 'causes-named']
    event, = AGENT.event('volume/destroy', anonymous)
    equal((acts_as(event), cause(event, 'operation')), (BOB.uid, 'ContainerDelete'), event['message'])
    request('DELETE', '/volumes/causes-named')


@test
def names_that_change_hands():
    """Bob sends the head of a request and half of its body; then the name that it has becomes that of Alice's container.
    The engine means hers."""
    for call, target, body, kind in (
            ('exec', f'{API}/containers/causes-name/exec', {'Cmd': ['true']}, 'exec_create'),
            ('update', f'{API}/containers/causes-name/update', {'RestartPolicy': {'Name': 'no'}}, 'update'),
            ('form', f'{API}/containers/causes-name/kill?signal=WINCH', None, 'kill')):
        own, hers = begin(BOB, 'causes-name', 'sleep', '600'), begin(ALICE, 'causes-hers', 'sleep', '600')
        AGENT.settle_events()
        target = marked(target)
        data = json.dumps(body).encode() if body else b'x=1'
        media = JSON_TYPE if body else 'application/x-www-form-urlencoded'
        try:
            with connect() as client:
                client.sendall(f'POST {target} HTTP/1.1\r\nHost: docker\r\nContent-Type: {media}\r\n'
                               f'Content-Length: {len(data)}\r\n\r\n'.encode() + data[:-1])
                for old, new in ('causes-name', 'causes-away'), ('causes-hers', 'causes-name'):
                    renamed = BOB.call('POST', f'{API}/containers/{old}/rename?name={new}')
                    equal(renamed[1], 204, f'rename: {renamed[2]}')
                    AGENT.wait(url__original=renamed[0])
                client.sendall(data[-1:])
                true(read_response(client)[0] < 300, call)
            asked = record_of(AGENT, target)
            event, = AGENT.event('container/' + kind, hers)
        finally:
            remove(own, hers)
        equal(field(asked, 'callerd.target.container.id' if call == 'exec' else 'callerd.target.id'), hers, call)
        marks = [f for f in findings(asked).get('protocol-anomaly', []) if own[:12] in f['detail']
                 and hers[:12] in f['detail']]
        true(marks, f'{call}: it is marked: {findings(asked)}')
        equal((cause(event, 'kind'), cause(event, 'event_id')), ('request', asked['event']['id']),
              event['message'])


@test
def killed_when_the_engine_stops():
    """Root stops the engine, which ends its containers. Bob, who knows when that will be, kills Alice's just before, by
    the watched door and by another one: that is not the engine's."""
    for kind in Dockerd, ActivatedDockerd:
        with kind('causes-' + kind.__name__) as engine, \
                Callerd('--inventory', '65536', sockets=[engine.path]) as agent:
            stop_with_kills(engine, agent)


class ActivatedDockerd(Dockerd):
    """Somebody else holds its socket, and gives it to it, as systemd does with docker.socket."""

    def start(self):
        if not self.process:
            self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.listener.bind(self.path)
            self.listener.listen(128)
            shutil.chown(self.path, 'root', 'docker')
            os.chmod(self.path, 0o660)
            at = self.command.index('unix://' + self.path)
            self.command[at] = 'fd://'
            self.command[self.command.index('--pidfile') + 1] = self.path.replace('.sock', '.pid')
            self.command = ['bash', '-c', f'exec env LISTEN_FDS=1 LISTEN_PID=$$ "$@" 3<&{self.listener.fileno()}',
                            'dockerd', *self.command]
        with open(self.dir + '/log', 'ab') as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                pass_fds=[self.listener.fileno()])
        request('GET', '/_ping', path=self.path)


def stop_with_kills(engine, agent):
    ids = {}
    for name in 'causes-seen', 'causes-unseen', 'causes-left':
        created = ALICE.call('POST', f'{API}/containers/create?name={name}', config('sleep', '600'),
                             path=engine.path)
        ids[name] = created[2]['Id']
        equal(ALICE.call('POST', f'{API}/containers/{name}/start', path=engine.path)[1], 204, name)
        agent.event('container/start', ids[name])
    killed = BOB.call('POST', f'{API}/containers/causes-seen/kill', path=engine.path)
    equal(killed[1], 204, 'kill')
    equal(request('POST', f'{API}/containers/causes-unseen/kill', path=engine.other)[0], 204, 'kill')
    agent.event('container/die', ids['causes-unseen'])
    engine.stop()
    engine.start()
    agent.settle_events(engine.path)
    for name, wanted in (('causes-seen', ('request', None, BOB.uid)), ('causes-unseen', ('unknown', None, None)),
                         ('causes-left', ('daemon', 'engine-stopped', None))):
        events = [e for action in ('kill', 'die', 'stop') for e in agent.events('container/' + action, ids[name])]
        true(len(events) >= 2, f'{name}: {len(events)} events')
        for event in events:
            equal((cause(event, 'kind'), cause(event, 'reason'), acts_as(event)), wanted,
                  event['message'])
    agent.stop()


def main_with_agent():
    global AGENT
    with Callerd() as AGENT:
        main()


main_with_agent()
