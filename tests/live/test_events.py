# SPDX-License-Identifier: Apache-2.0
"""What the daemon says that happened, and by whose request: of real calls, of which it is known who made them."""
import collections
import datetime
import io
import itertools
import re
import secrets
import tarfile

from live import *
from bodies import *
import engines

AGENT = None
ALICE = User(MEMBER)
BOB = User(OUTSIDER)
USERS = [ALICE, BOB, User('daemon'), User('nobody')]
RUNNER = ROOT + '/tests/clients/containers.py'
# What there is of a caller, if it is told whole.
CALLER = ['process.pid', 'process.entity_id', 'process.executable', 'process.args', 'process.start',
          'process.parent.pid', 'user.id', 'user.name', 'user.group.id', 'user.effective.id', 'container.id',
          'callerd.ancestors', 'callerd.caller.cgroup']


def ns(text):
    """Of a time as records have it."""
    seconds, fraction = re.fullmatch(r'(.*?)(?:\.(\d{1,9}))?Z', text).groups()
    whole = datetime.datetime.fromisoformat(seconds + '+00:00').timestamp()
    return int(whole) * 10 ** 9 + int((fraction or '0').ljust(9, '0'))


def cause(event, name):
    return field(event, 'callerd.cause.' + name)


def kind_of(event):
    return '{type}/{action}'.format(**event['callerd']['docker_event'])


def nobody(event):
    """What is wrong with EVENT, if no request is to be named."""
    problems = [f'it has {name}' for name in ('process', 'user', 'container') if name in event]
    if cause(event, 'event_id') or cause(event, 'basis') or cause(event, 'kind') not in ('unknown', 'daemon'):
        problems.append(f'its cause is {event["callerd"]["cause"]}')
    return [f'{event["message"]}: {problem}' for problem in problems]


def blame(event, asked, kind='request'):
    """What is wrong with EVENT, if it goes back to the request that ASKED is the record of."""
    wanted = {'kind': kind, 'event_id': asked['event']['id'],
              'operation': field(asked, 'callerd.api.operation')}
    problems = [f'cause.{name} is {cause(event, name)}, wanted {value}' for name, value in wanted.items()
                if cause(event, name) != value]
    problems += [f'{name} is {field(event, name)}, wanted {field(asked, name)}' for name in CALLER
                 if field(event, name) != field(asked, name)]
    basis, what = cause(event, 'basis'), field(event, 'callerd.docker_event.type')
    if basis not in ('id', 'name', 'time'):
        problems.append(f'basis is {basis}')
    if what == 'container' and wanted['operation'] != 'ImageBuild' and basis != 'id' \
            and field(event, 'callerd.docker_event.id'):
        problems.append(f'basis is {basis} though there is an id')
    return [f'{event["message"]}: {problem}' for problem in problems]


def check_blame(event, call, kind='request'):
    problems = blame(event, record_of(AGENT, call[0]), kind)
    true(not problems, ' ;; '.join(problems))


def check_nobody(event, kind, reason=None):
    problems = nobody(event)
    true(not problems, ' ;; '.join(problems))
    equal((cause(event, 'kind'), cause(event, 'reason')), (kind, reason), event['message'])


class Effects:
    """Calls, and the events that each of them has to make happen."""

    def __init__(self):
        AGENT.settle_events()
        self.begin = AGENT.seen[-1]['event']['sequence']
        self.rows = []

    def call(self, method, target, wanted, body=None, status=None, media=JSON_TYPE):
        """WANTED: 'container/create volume/mount', in any order; returns the answer."""
        call = post(API + target, body, method=method, media=media)
        true(call[1] == status if status else call[1] < 400, f'{method} {target}: {call[1:]}')
        self.rows.append((call, wanted.split()))
        return call[2]

    def hijack(self, target, wanted, body):
        """A call whose connection becomes a stream, until its end; returns that."""
        target = marked(API + target)
        with connect() as client:
            data = json.dumps(body).encode()
            client.sendall(f'POST {target} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n'
                           f'Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: {len(data)}\r\n\r\n'
                           .encode() + data)
            equal(read_response(client)[0], 101, target)
            self.rows.append(((target, 101, None), wanted.split()))
            output = b''
            while more := client.recv(4096):
                output += more
        return output

    def events(self):
        return [e for e in AGENT.events() if e['event']['sequence'] > self.begin]

    def check(self, either=()):
        """Each call has its events and no others, but for those of a kind that may be EITHER."""
        AGENT.settle_events()
        problems = Problems()
        for call, wanted in self.rows:
            asked = record_of(AGENT, call[0])
            told = [e for e in self.events() if cause(e, 'kind') == 'request'
                    and cause(e, 'event_id') == asked['event']['id'] and kind_of(e) not in either]
            missing = collections.Counter(wanted) - collections.Counter(map(kind_of, told))
            more = collections.Counter(map(kind_of, told)) - collections.Counter(wanted)
            what = field(asked, 'callerd.api.operation')
            problems.add(what, [f'no {name}' for name in missing] + [f'also {name}' for name in more])
            for event in told:
                problems.add(what, blame(event, asked) + self.times(event, asked))
        problems.add('all', [e['message'] for e in self.events() if cause(e, 'kind') == 'unknown'])
        problems.check()

    @staticmethod
    def times(event, asked):
        """The engine's clock is ours: nothing happens before it is asked for."""
        happened = ns(field(event, 'callerd.docker_event.time'))
        late = happened - ns(asked['@timestamp'])
        return [] if -10 ** 6 < late < 60 * 10 ** 9 else [f'{event["message"]}: {late} ns after its request']


def tar_of(**files):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode='w') as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return data.getvalue()


def begin(user, name, *command, starter=None, top=None, **host):
    """A container that USER creates and STARTER starts; its id and both calls."""
    created = user.call('POST', f'{API}/containers/create?name={name}',
                        {**config(*command, **host), **(top or {})})
    equal(created[1], 201, f'{name}: {created[2]}')
    started = (starter or user).call('POST', f'{API}/containers/{name}/start')
    equal(started[1], 204, f'{name}: {started[2]}')
    return created[2]['Id'], created, started


def begin_exec(user, container, *command):
    """A detached exec of USER; its id and both calls."""
    made = user.call('POST', f'{API}/containers/{container}/exec', {'Cmd': list(command)})
    equal(made[1], 201, f'exec: {made[2]}')
    started = user.call('POST', f'{API}/exec/{made[2]["Id"]}/start', {'Detach': True})
    equal(started[1], 200, f'exec: {started[2]}')
    return made[2]['Id'], made, started


# --- what a request does at once --------------------------------------------------------------------


@test
def of_containers():
    mounts, unmounts = 2 * 'volume/mount ', 2 * 'volume/unmount '
    end = 'container/die network/disconnect ' + unmounts
    remove('events-a', 'events-b')
    effects = Effects()
    made = effects.call('POST', '/containers/create?name=events-a',
                        'volume/create volume/create container/create',
                        {**config('sleep', '600', Binds=['events-named:/named']), 'Tty': True,
                         'Volumes': {'/anonymous': {}}})
    id_, at = made['Id'], '/containers/events-a'
    try:
        effects.call('POST', at + '/start', 'network/connect container/start ' + mounts)
        effects.call('POST', at + '/start', '', status=304)
        effects.call('GET', at + '/json', '')
        effects.call('GET', at + '/logs?stdout=1', '')
        effects.call('HEAD', at + '/archive?path=/bin', mounts + unmounts)
        effects.call('HEAD', at + '/archive?path=/none', mounts + unmounts, status=404)
        effects.call('GET', at + '/archive?path=/etc/passwd', 'container/archive-path ' + mounts + unmounts)
        effects.call('PUT', at + '/archive?path=/tmp', 'container/extract-to-dir ' + mounts + unmounts,
                     tar_of(file=b'x'), media='application/x-tar')
        effects.call('GET', at + '/top', 'container/top')
        effects.call('POST', at + '/resize?h=20&w=40', 'container/resize')
        effects.call('POST', f'/containers/{id_[:12]}/rename?name=events-b', 'container/rename')
        at = '/containers/events-b'
        effects.call('POST', at + '/update', 'container/update', {'RestartPolicy': {'Name': 'no'}})
        effects.call('POST', at + '/pause', 'container/pause')
        effects.call('POST', at + '/pause', '', status=409)
        effects.call('POST', at + '/unpause', 'container/unpause')
        attached = effects.call('POST', at + '/exec', 'container/exec_create', {
            'Cmd': ['sh', '-c', 'echo told; exit 3'], 'AttachStdout': True})['Id']
        output = effects.hijack(f'/exec/{attached}/start', 'container/exec_start', {})
        true(b'told' in output, f'output: {output}')
        detached = effects.call('POST', at + '/exec', 'container/exec_create', {'Cmd': ['true']})['Id']
        effects.call('POST', f'/exec/{detached}/start', 'container/exec_start', {'Detach': True})
        effects.call('POST', '/commit?container=events-b&repo=events&tag=commit',
                     'container/pause image/tag container/commit container/unpause' + engines.here('commit'), {})
        effects.call('GET', at + '/export', 'container/export')
        effects.call('POST', at + '/kill?signal=WINCH', 'container/kill')
        effects.call('POST', at + '/restart?t=0', 'container/kill container/kill container/stop '
                     'network/connect container/start container/restart ' + mounts + end)
        effects.call('POST', at + '/stop?t=0', 'container/kill container/kill container/stop ' + end)
        effects.call('POST', at + '/stop?t=0', '', status=304)
        effects.call('POST', at + '/start', 'network/connect container/start ' + mounts)
        effects.call('POST', at + '/kill', 'container/kill ' + end)
        effects.call('POST', at + '/start', 'network/connect container/start ' + mounts)
        effects.call('DELETE', at, '', status=409)
        effects.call('DELETE', at + '?force=1&v=1',
                     'container/kill volume/destroy container/destroy ' + end)
        effects.call('DELETE', '/volumes/events-named', 'volume/destroy')
        effects.call('DELETE', '/images/events:commit', 'image/untag image/delete')
    finally:
        remove('events-a', 'events-b')
    effects.check()
    told = effects.events()

    def all_of(name, action):
        return [field(e, 'callerd.docker_event.' + name) for e in told
                if kind_of(e) == 'container/' + action]

    ours = [e for e in told if kind_of(e).startswith('container/')]
    equal({field(e, 'callerd.docker_event.id') for e in ours}, {id_}, 'ids')
    equal({field(e, 'callerd.docker_event.image') for e in ours}, {IMAGE}, 'images')
    equal(all_of('name', 'create') + all_of('name', 'rename'), ['events-a', 'events-b'], 'names')
    equal(all_of('signal', 'kill'), ['28', '15', '9', '15', '9', '9', '9'], 'signals')
    equal(all_of('exit_code', 'die'), [137] * 4, 'exit codes')
    equal(all_of('exec_id', 'exec_create'), [attached, detached], 'execs')
    equal([text.strip() for text in all_of('command', 'exec_start')],
          ["sh -c 'echo told; exit 3'", 'true'], 'commands')
    equal({field(e, 'callerd.docker_event.container.id') for e in told
           if kind_of(e) in ('volume/mount', 'volume/unmount', 'network/connect', 'network/disconnect')},
          {id_}, 'containers of volumes and networks')
    times = [ns(field(e, 'callerd.docker_event.time')) for e in AGENT.events()]
    equal(times, sorted(times), 'the order of events')


@test
def of_attaching():
    """The event comes after the head of the answer."""
    remove('events-attach')
    effects = Effects()
    effects.call('POST', '/containers/create?name=events-attach', 'container/create',
                 {**config('cat'), 'OpenStdin': True, 'StdinOnce': True})
    effects.call('POST', '/containers/events-attach/start', 'network/connect container/start')
    stream = connect()
    target = marked(API + '/containers/events-attach/attach?stream=1&stdin=1&stdout=1')
    stream.sendall(f'POST {target} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n'
                   'Content-Length: 0\r\n\r\n'.encode())
    equal(read_response(stream)[0], 101, 'attach')
    effects.rows.append(((target, 101, None), ['container/attach']))
    stream.shutdown(socket.SHUT_WR)
    while stream.recv(4096):
        pass
    stream.close()
    effects.call('POST', '/containers/events-attach/wait', '')
    effects.call('DELETE', '/containers/events-attach', 'container/destroy')
    effects.check()


@test
def of_images():
    create('events-image')
    effects = Effects()
    effects.call('POST', '/commit?container=events-image&repo=events&tag=1&comment=x',
                 'image/tag container/commit' + engines.here('commit'), {})
    effects.call('POST', '/images/events:1/tag?repo=events&tag=2', 'image/tag', status=201)
    effects.call('DELETE', '/images/events:2', 'image/untag')
    saved = effects.call('GET', '/images/events:1/get', 'image/save')
    effects.call('DELETE', '/images/events:1', 'image/untag image/delete')
    effects.call('POST', '/images/load', 'image/load', saved, media='application/x-tar')
    effects.call('DELETE', '/images/events:1', 'image/untag image/delete')
    effects.call('POST', '/images/create?fromSrc=-&repo=events&tag=imported', 'image/tag image/import',
                 tar_of(file=b'x'), media='application/x-tar')
    effects.call('DELETE', '/images/events:imported', 'image/untag image/delete')
    effects.call('DELETE', '/images/events:imported', '', status=404)
    remove('events-image')
    effects.check()


@test
def of_a_build():
    """Almost all of it happens after the head of the answer."""
    context = tar_of(Dockerfile=f'FROM {IMAGE}\nRUN true\nLABEL a=b\n'.encode())
    effects = Effects()
    step = 'container/create container/destroy '
    answer = effects.call('POST', '/build?t=events:built&networkmode=none&rm=1', 2 * step +
                          'container/attach network/connect container/start image/tag' + 2 * engines.here('commit'), context,
                          media='application/x-tar')
    true(b'Successfully built' in answer, str(answer)[-300:])
    effects.call('DELETE', '/images/events:built?force=1', 'image/untag image/delete image/delete')
    # That its command ends is by the build, or goes back to it.
    ends = ['container/die', 'network/disconnect']
    effects.check(either=ends)
    asked = record_of(AGENT, effects.rows[0][0][0])
    for event in effects.events():
        if kind_of(event) in ends:
            equal(blame(event, asked, cause(event, 'kind')), [], 'the end of a step')


@test
def of_volumes_and_networks():
    effects = Effects()
    effects.call('POST', '/volumes/create', 'volume/create', {'Name': 'events-v'})
    effects.call('POST', '/volumes/create', 'volume/create', {'Labels': {'events': '1'}})
    AGENT.settle_events() # of two that are the same at once it is not told which
    effects.call('POST', '/volumes/create', engines.here('same volume'), {'Name': 'events-v'})
    effects.call('DELETE', '/volumes/events-v', 'volume/destroy')
    effects.call('DELETE', '/volumes/events-v', '', status=404)
    create('events-net', start=True)
    effects.check()
    effects = Effects()
    made = post(API + '/networks/create', {'Name': 'events-n', 'Driver': 'bridge', 'Internal': True})
    if made[1] != 201 and VM:
        raise Skip(f'no bridge here: {made[2]}')
    effects.rows.append((made, ['network/create']))
    create('events-net', start=True, NetworkMode='events-n')
    effects.call('POST', '/networks/create', '', {'Name': 'events-n', 'CheckDuplicate': True}, status=409)
    effects.call('POST', '/networks/events-n/disconnect', engines.here('network disconnect'), {'Container': 'events-net'})
    effects.call('POST', '/networks/events-n/connect', 'network/connect', {'Container': 'events-net'})
    remove('events-net')
    effects.call('DELETE', '/networks/events-n', 'network/destroy')
    effects.check()


@test
def of_pruning():
    filters = '?filters=' + '%7B%22label%22%3A%5B%22events%3Dprune%22%5D%7D'
    label = {'Labels': {'events': 'prune'}}
    for i in range(2):
        equal(post(f'{API}/containers/create?name=events-prune-{i}', {**config(), **label})[1], 201, 'create')
    post(API + '/commit?container=events-prune-0', {**label})
    post(API + '/networks/create', {'Name': 'events-prune', 'Internal': True, **label})
    post(API + '/volumes/create', {'Name': 'events-prune', **label})
    networks = [n['Name'] for n in get('/networks')]
    effects = Effects()
    effects.call('POST', '/containers/prune' + filters,
                 'container/destroy container/destroy container/prune')
    effects.call('POST', '/images/prune' + filters, 'image/delete image/prune')
    effects.call('POST', '/networks/prune' + filters,
                 ('network/destroy ' if 'events-prune' in networks else '') + 'network/prune')
    effects.call('POST', '/volumes/prune' + filters, engines.here('volume prune'))
    effects.call('POST', '/build/prune', 'builder/prune')
    effects.check()


@test
def of_a_start_that_fails():
    """A request that fails has effects as well."""
    remove('events-bad', 'events-gone')
    effects = Effects()
    effects.call('POST', '/containers/create?name=events-bad', 'container/create', config('/none'))
    effects.call('POST', '/containers/events-bad/start', engines.here('failing start'), status=400)
    effects.call('DELETE', '/containers/events-bad', 'container/destroy')
    effects.call('POST', '/containers/create?name=events-missing', '', {'Image': 'no-such-image'}, status=404)
    effects.check()
    # One that is to go by itself goes.
    ALICE.call('POST', API + '/containers/create?name=events-gone', config('/none', AutoRemove=True))
    equal(BOB.call('POST', API + '/containers/events-gone/start')[1], 400, 'start')
    event, = AGENT.event('container/destroy', name='events-gone')
    true(acts_as(event) in (ALICE.uid, BOB.uid), event['message'])
    true(cause(event, 'kind') == 'request' if acts_as(event) == BOB.uid
         else cause(event, 'kind') == 'inherited', event['message'])


# --- what comes of it later -------------------------------------------------------------------------


@test
def of_its_own_accord():
    """Whoever started a container is told when it ends; whoever created it, when it is removed then."""
    id_, created, started = begin(ALICE, 'events-own', 'sh', '-c', 'sleep 0.4; exit 5', starter=BOB,
                                  top={'Volumes': {'/anonymous': {}}}, AutoRemove=True)
    destroyed, = AGENT.event('container/destroy', id_)
    check_blame(destroyed, created, 'inherited')
    die, = AGENT.event('container/die', id_)
    check_blame(die, started, 'inherited')
    equal((field(die, 'callerd.docker_event.exit_code'), die['event']['outcome']), (5, 'failure'), 'die')
    for kind in 'network/disconnect', 'volume/unmount':
        event, = AGENT.event(kind, that=lambda e: field(e, 'callerd.docker_event.container.id') == id_)
        check_blame(event, started, 'inherited')
    id_, _, started = begin(ALICE, 'events-well', 'true')
    die, = AGENT.event('container/die', id_)
    check_blame(die, started, 'inherited')
    equal((field(die, 'callerd.docker_event.exit_code'), die['event']['outcome']), (0, 'success'), 'die')
    remove('events-well')


@test
def of_a_signal_that_it_heeds_later():
    """kill returns at once; the container ends when it pleases: nobody knows whether it obeyed, so it is not told as
    the end of what its starter began."""
    id_, _, started = begin(ALICE, 'events-late', 'sh', '-c', 'trap "sleep 0.5; exit 7" TERM; '
                            'touch /tmp/ready; while :; do sleep 0.1; done')
    deadline = time.monotonic() + PATIENCE
    while request('HEAD', f'{API}/containers/{id_}/archive?path=/tmp/ready')[0] != 200:
        true(time.monotonic() < deadline, 'it has its trap')
    killed = BOB.call('POST', API + '/containers/events-late/kill?signal=TERM')
    die, = AGENT.event('container/die', id_)
    equal(field(die, 'callerd.docker_event.exit_code'), 7, 'exit code')
    if cause(die, 'kind') == 'request':
        check_blame(die, killed)
    else:
        check_nobody(die, 'unknown')
    check_blame(AGENT.event('container/kill', id_)[0], killed)
    remove('events-late')


@test
def out_of_memory():
    id_, _, started = begin(ALICE, 'events-oom', 'sh', '-c', 'x=a; while :; do x=$x$x; done', Memory=6 << 20)
    AGENT.event('container/die', id_)
    found = AGENT.events('container/oom', id_)
    remove('events-oom')
    if not found:
        raise Skip('this kernel limits no memory')
    check_blame(found[0], started, 'inherited')
    equal(found[0]['event']['outcome'], 'failure', 'outcome')


@test
def health_checks():
    """The engine's own execs, and somebody's who runs the very same command."""
    command = 'test -e /tmp/well'
    id_, _, started = begin(ALICE, 'events-health', 'sleep', '600', top={'Healthcheck': {
        'Test': ['CMD-SHELL', command], 'Interval': 100 * 10 ** 6, 'Retries': 1}})
    try:
        event, = AGENT.event('container/health_status', id_, health='unhealthy')
        check_blame(event, started, 'inherited')
        exec_, made, ran = begin_exec(BOB, 'events-health', '/bin/sh', '-c', command)
        alike, = AGENT.event('container/exec_die', id_, exec_id=exec_)
        check_blame(alike, ran, 'inherited')
        check_blame(AGENT.event('container/exec_create', id_, exec_id=exec_)[0], made)
        check_blame(AGENT.event('container/exec_start', id_, exec_id=exec_)[0], ran)
        well, _, ran = begin_exec(BOB, 'events-health', 'touch', '/tmp/well')
        event, = AGENT.event('container/health_status', id_, health='healthy')
        check_blame(event, started, 'inherited')
        equal(event['event']['outcome'], 'success', 'outcome')
    finally:
        remove('events-health')
    AGENT.settle_events()
    for action in 'exec_create', 'exec_start', 'exec_die':
        events = [e for e in AGENT.events('container/' + action, id_)
                  if field(e, 'callerd.docker_event.exec_id') not in (exec_, well)]
        true(len(events) >= 2, f'{len(events)} {action}')
        for event in events:
            check_nobody(event, 'daemon', 'health-check')


@test
def restart_policies():
    id_, _, started = begin(ALICE, 'events-policy', 'false',
                            RestartPolicy={'Name': 'on-failure', 'MaximumRetryCount': 2})
    AGENT.event('container/die', id_, count=3)
    remove('events-policy')
    AGENT.settle_events()
    first, *others = AGENT.events('container/start', id_)
    check_blame(first, started)
    equal(len(others), 2, 'starts by the policy')
    for event in others:
        check_nobody(event, 'daemon', 'restart-policy')
    for event in AGENT.events('container/die', id_):
        check_blame(event, started, 'inherited')
    for event in AGENT.events('network/connect')[-3:]:
        if field(event, 'callerd.docker_event.container.id') == id_ and cause(event, 'kind') != 'request':
            check_nobody(event, 'daemon', cause(event, 'reason'))


@test
def a_policy_within_somebodys_stop():
    """What the engine starts while somebody stops or removes it is not his start."""
    id_, _, started = begin(ALICE, 'events-crash', 'false', RestartPolicy={'Name': 'always'})
    AGENT.event('container/start', id_, count=3)
    for _ in range(4):
        begin_ = BOB.call('POST', API + '/containers/events-crash/stop?t=0')
        true(begin_[1] in (204, 304), str(begin_))
        again = ALICE.call('POST', API + '/containers/events-crash/start')
        true(again[1] in (204, 304), str(again))
    BOB.call('DELETE', API + '/containers/events-crash?force=1')
    AGENT.event('container/destroy', id_)
    for event in AGENT.events('container/start', id_):
        if acts_as(event) is not None or cause(event, 'kind') != 'daemon':
            equal((cause(event, 'operation'), acts_as(event)), ('ContainerStart', ALICE.uid),
                  event['message'])
    equal(len({cause(e, 'event_id') for e in AGENT.events('container/start', id_) if cause(e, 'event_id')}),
          len([e for e in AGENT.events('container/start', id_) if cause(e, 'event_id')]),
          'each request is the cause of one start')


@test
def started_by_one_and_stopped_by_another():
    id_, created, _ = begin(ALICE, 'events-ours', 'sleep', '600')
    stopped = BOB.call('POST', API + '/containers/events-ours/stop?t=0')
    die, = AGENT.event('container/die', id_)
    check_blame(die, stopped)
    equal((acts_as(die), acts_as(die, 'name')), (BOB.uid, BOB.name), 'who stopped it')
    equal(acts_as(AGENT.event('container/create', id_)[0]), ALICE.uid, 'who created it')
    # Bob starts what Alice created; it is his from there on.
    started = BOB.call('POST', API + '/containers/events-ours/start')
    exec_, _, ran = begin_exec(ALICE, 'events-ours', 'sh', '-c', 'kill -KILL -1; exit 4')
    check_blame(AGENT.event('container/exec_start', id_, exec_id=exec_)[0], ran)
    check_blame(AGENT.event('container/exec_die', id_, exec_id=exec_)[0], ran, 'inherited')
    again = ALICE.call('POST', API + '/containers/events-ours/restart?t=0')
    starts = AGENT.event('container/start', id_, count=3)
    check_blame(starts[1], started)
    check_blame(starts[2], again)
    check_blame(AGENT.event('container/die', id_, count=2)[1], again)
    removed = BOB.call('DELETE', API + '/containers/events-ours?force=1')
    check_blame(AGENT.event('container/destroy', id_)[0], removed)
    check_blame(AGENT.event('container/die', id_, count=3)[2], removed)
    check_blame(AGENT.event('container/create', id_)[0], created)


@test
def callers_in_containers():
    """Who called from within a container is told with it, also later."""
    docker('run', '-d', '--name', 'events-inner', '--network', 'none', IMAGE, 'sleep', '0.3')
    docker('wait', 'events-inner')
    docker('run', '--rm', '--name', 'events-outer', '--network', 'none', '-v', f'{SOCKET}:/s.sock', IMAGE,
           'unixhttp', '/s.sock', 'POST', '/containers/events-inner/start')
    outer = AGENT.event('container/create', name='events-outer')[0]['callerd']['docker_event']['id']
    starts = AGENT.event('container/start', name='events-inner', count=2)
    dies = AGENT.event('container/die', name='events-inner', count=2)
    remove('events-inner')
    equal([field(e, 'container.id') for e in starts], [None, outer], 'the caller\'s container')
    equal([field(e, 'container.id') for e in dies], [None, outer], 'the starter\'s container')
    equal(field(dies[1], 'container.name'), 'events-outer', 'its name')


@test
def the_sender_not_the_connector():
    """A process connects, and another one sends the request on that connection."""
    senders = {}
    for i in range(scaled(70, 20, 200)):
        body = json.dumps({'Name': f'events-sender-{i}'}).encode()
        with connect() as client:
            pid = os.fork()
            if not pid:
                client.sendall(f'POST /volumes/create HTTP/1.1\r\nHost: docker\r\nContent-Length: {len(body)}\r\n'
                               'Content-Type: application/json\r\n\r\n'.encode() + body)
                os._exit(0 if client.recv(12) == b'HTTP/1.1 201' else 1)
            equal(os.waitpid(pid, 0)[1], 0, 'the sender')
        senders[f'events-sender-{i}'] = pid
    AGENT.settle_events()
    for name in senders:
        request('DELETE', '/volumes/' + name)
    told = {field(e, 'callerd.docker_event.id'): field(e, 'process.pid') for e in AGENT.events('volume/create')
            if field(e, 'callerd.docker_event.id') in senders}
    equal(told, senders, 'senders')


@test
def of_a_swarm():
    """What the engine makes for a service is nobody's; what somebody does with it is his."""
    with swarm() as made:
        if made[1] != 200:
            raise Skip(f'no swarm here: {made[2]}')
        with Callerd() as agent: # it finds a swarm; the other one saw it begin
            def by(event, call, kind='request'):
                equal(blame(event, record_of(agent, call[0]), kind), [], event['message'])

            agent.settle_events()
            service = post(API + '/services/create', {'Name': 'events-service', 'TaskTemplate': {
                'ContainerSpec': {'Image': IMAGE, 'Command': ['sleep', '600'], 'StopGracePeriod': 1},
                'RestartPolicy': {'Condition': 'none'}, 'Networks': [{'Target': 'host'}]}})
            equal(service[1], 201, str(service))
            by(agent.event('service/create', service[2]['ID'])[0], service)
            start, = agent.event('container/start', that=lambda e: field(
                e, 'callerd.docker_event.name', '').startswith('events-service.'))
            id_ = start['callerd']['docker_event']['id']
            for event in agent.event('container/create', id_)[0], start:
                check_nobody(event, 'daemon', 'swarm')
            exec_, entered, ran = begin_exec(ALICE, id_, 'true')
            by(agent.event('container/exec_create', id_, exec_id=exec_)[0], entered)
            by(agent.event('container/exec_die', id_, exec_id=exec_)[0], ran, 'inherited')
            killed = BOB.call('POST', f'{API}/containers/{id_}/kill')
            by(agent.event('container/die', id_)[0], killed)
            removed = post(API + '/services/events-service', method='DELETE')
            by(agent.event('service/remove', service[2]['ID'])[0], removed)
        for action in 'create', 'start': # it need not have noticed the swarm yet
            equal(nobody(AGENT.event('container/' + action, id_)[0]), [], action)


# --- many at once -----------------------------------------------------------------------------------


@test
def many_users_at_once():
    """Many containers, whose names say who ran them."""
    count = scaled(15, 3, 50)
    many = 'events-many-' + secrets.token_hex(3) # what an earlier try left is not of this one
    docker('container', 'prune', '-f')
    runs = []
    for user in USERS:
        prefix = f'{many}-{user.name}'
        if user is USERS[0]:
            script = f'seq 0 {count - 1} | xargs -P 5 -I@ docker -H unix://{SOCKET} run --rm ' \
                f'--name {prefix}-@ --network none {IMAGE} true'
            command = user.command('sh', '-c', script)
        else:
            command = user.command('/usr/bin/python3', RUNNER, SOCKET, 'run', IMAGE, prefix, str(count), '5')
        runs.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT))
    lines = [line.split() for process in runs
             for line in process.communicate(timeout=PATIENCE * 20)[0].decode().splitlines()]
    equal([process.returncode for process in runs], [0] * len(USERS), f'clients: {lines[-3:]}')
    equal({tuple(line[1:4]) for line in lines}, {('201', '101', '204')}, 'statuses')
    AGENT.settle_events()
    wrong, unknown, total = [], [], collections.Counter()
    for event in AGENT.events():
        name = field(event, 'callerd.docker_event.name') or ''
        owner = [u for u in USERS if name.startswith(f'{many}-{u.name}-')]
        if not owner or field(event, 'callerd.docker_event.type') != 'container':
            continue
        action = field(event, 'callerd.docker_event.action')
        total[action] += 1
        kind = cause(event, 'kind')
        if kind in ('unknown', 'daemon'):
            unknown.append(event['message'])
        elif acts_as(event) != owner[0].uid \
                or kind != ('request' if action in ('create', 'attach', 'start') else 'inherited'):
            asked = AGENT.records(event__id=cause(event, 'event_id'))
            wrong.append((event['message'], kind, [r['message'] for r in asked]))
    docker('container', 'prune', '-f')
    equal(wrong, [], 'events with a wrong caller')
    equal(unknown, [], 'events without a caller')
    equal({name: total[name] for name in ('create', 'attach', 'start', 'die')},
          dict.fromkeys(('create', 'attach', 'start', 'die'), count * len(USERS)), 'events')


@test
def one_right_after_the_other():
    """Two users take turns with one container, as fast as it goes: each event is of the one who asked for it."""
    count = scaled(70, 20, 200)
    id_ = create('events-turn-0', top={'Volumes': {'/anonymous': {}}})
    clients = [subprocess.Popen(user.command('/usr/bin/python3', RUNNER, SOCKET, 'ask'), text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE) for user in (ALICE, BOB)]
    calls = []

    def ask(client, method, target):
        target = f'{API}/containers/{id_}/{target}&turn={len(calls)}'
        clients[client % 2].stdin.write(f'{method} {target}\n')
        clients[client % 2].stdin.flush()
        calls.append((target, clients[client % 2].stdout.readline().strip()))

    for turn in range(count):
        ask(turn, 'HEAD', 'archive?path=/')
        if turn % 3 == 0:
            ask(turn, 'HEAD', 'archive?path=/none') # what fails has effects, too
            ask(turn + 1, 'HEAD', 'archive?path=/')
        ask(turn // 2, 'POST', f'rename?name=events-turn-{turn + 1}')
    for client in clients:
        client.stdin.close()
        equal(client.wait(PATIENCE), 0, 'client')
        client.stdout.close()
    equal({status for _, status in calls}, {'200', '204', '404'}, 'statuses')
    AGENT.settle_events()
    remove(id_)
    mounts, renames = [[t for t, _ in calls if word in t] for word in ('/archive?', '/rename?')]
    wrong, unknown = [], 0
    for kind, targets in (('volume/mount', mounts), ('volume/unmount', mounts), ('container/rename', renames)):
        events = [e for e in AGENT.events(kind) if id_ in (
            field(e, 'callerd.docker_event.id'), field(e, 'callerd.docker_event.container.id'))]
        equal(len(events), len(targets), kind)
        for event, target in zip(events, targets):
            if cause(event, 'kind') == 'unknown':
                unknown += 1
            else:
                wrong += blame(event, record_of(AGENT, target))
    print(f'# {len(mounts) * 2 + len(renames)} events, {unknown} unknown')
    true(not wrong, f'{len(wrong)}: {wrong[:3]}')


@test
def many_users_of_one_container():
    """They start and stop the same one: whoever was told that it did what he asked has done it."""
    count = scaled(8, 4, 16)
    id_ = create('events-one')
    runs = [subprocess.Popen(user.command('/usr/bin/python3', RUNNER, SOCKET, 'hammer', 'events-one',
                                          str(count), f'one-{user.name}'),
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) for user in USERS]
    lines = [line.split() for process in runs
             for line in process.communicate(timeout=PATIENCE * 10)[0].decode().splitlines()]
    equal(len(lines), count * len(USERS), 'calls')
    AGENT.settle_events()
    remove('events-one')
    asked = {target: record_of(AGENT, target) for target, _ in lines}

    def during(record, event, slack=0):
        first, happened = ns(record['@timestamp']), ns(field(event, 'callerd.docker_event.time'))
        return first - slack <= happened <= first + record['event']['duration'] + slack

    def clear(records, event):
        return sum(during(r, event, 5 * 10 ** 6) for r in records) == 1

    def before(records, event):
        """The last one that had ended: Docker may answer a stop before it tells of the end."""
        ended = {ns(r['@timestamp']) + r['event']['duration']: id_ for id_, r in records.items()}
        earlier = [end for end in ended if end <= ns(field(event, 'callerd.docker_event.time'))]
        return {ended[max(earlier)]} if earlier else set()

    # Who waited for another's start to end is told 204 as well: then it may have been either.
    done = [asked[target] for target, status in lines if status == '204' and '/start?' in target]
    starts = AGENT.events('container/start', id_)
    unknown = several = 0
    for event in starts:
        may_be = {r['event']['id']: r for r in done if during(r, event)}
        true(may_be, f'{event["message"]}: by nobody')
        several += len(may_be) > 1
        if cause(event, 'kind') == 'unknown':
            unknown += 1
            equal(nobody(event), [], 'unknown')
            true(not clear(done, event), f'{event["message"]}: it was {may_be}')
        else:
            true(cause(event, 'event_id') in may_be, f'{event["message"]}: that one did not start it')
            equal(blame(event, may_be[cause(event, 'event_id')]), [], 'a start')
    named = [cause(e, 'event_id') for e in starts if cause(e, 'event_id')]
    equal(len(named), len(set(named)), 'one start each')
    # Of several who stop it at once, the one that did it may not be told.
    stops = {r['event']['id']: r for r in (asked[t] for t, s in lines if s == '204' and '/stop?' in t)}
    ends = [e for action in ('die', 'kill', 'stop') for e in AGENT.events('container/' + action, id_)]
    for event in ends:
        may_be = {id_ for id_, r in stops.items() if during(r, event)} or before(stops, event)
        true(may_be, f'{event["message"]}: by nobody')
        kind = cause(event, 'kind')
        true(kind == 'request' or not clear(stops.values(), event), f'{event["message"]}: it was {may_be}')
        if kind == 'unknown':
            unknown += 1
            equal(nobody(event), [], 'unknown')
        else:
            true(cause(event, 'event_id') in may_be, f'{event["message"]}: that one did not stop it')
            equal(blame(event, stops[cause(event, 'event_id')]), [], 'its end')
    named = [cause(e, 'event_id') for e in AGENT.events('container/stop', id_) if cause(e, 'event_id')]
    equal(len(named), len(set(named)), 'one stop each')
    print(f'# {len(starts)} starts, {several} of them by one of several; {len(ends)} events of its ends; '
          f'{unknown} unknown')


# --- lies and secrets -------------------------------------------------------------------------------


@test
def labels_that_imitate():
    """They stand where the engine's attributes would: the truth is told, or nothing."""
    id_, _, _ = begin(BOB, 'events-victim', 'sleep', '600')
    theirs, _, _ = begin_exec(BOB, 'events-victim', 'sleep', '600')
    labels = {'exitCode': '0', 'execID': theirs, 'signal': '9', 'name': 'x', 'image': 'y', 'container': id_,
              'imageID': 'z', 'id': 'w', 'com.docker.swarm.task.id': 'task', 'com.docker.swarm.task': '',
              'com.docker.swarm.service.id': 'service', 'com.docker.swarm.node.id': 'node'}
    liar, created, started = begin(ALICE, 'events-liar', 'sh', '-c', 'trap : WINCH; while sleep 0.1; do :; done',
                                   top={'Labels': labels})
    own, made, ran = begin_exec(ALICE, 'events-liar', 'sh', '-c', 'exit 4')
    AGENT.event('container/exec_die', liar)
    killed = ALICE.call('POST', API + '/containers/events-liar/kill?signal=WINCH')
    stopped = ALICE.call('POST', API + '/containers/events-liar/kill?signal=INT')
    ALICE.call('POST', API + '/containers/events-liar/kill')
    AGENT.event('container/die', liar)
    ended = begin(ALICE, 'events-liar-2', 'sh', '-c', 'exit 3', top={'Labels': labels})
    AGENT.event('container/die', ended[0])
    remove('events-liar', 'events-liar-2')
    AGENT.settle_events()
    for event in AGENT.events():
        told = event['callerd']['docker_event']
        if told.get('id') not in (liar, ended[0]):
            continue
        what = event['message']
        action = told['action']
        if action != 'destroy':
            true(acts_as(event) in (ALICE.uid, None), what)
        true(cause(event, 'kind') != 'daemon', what)
        true(told.get('name') in ('events-liar', 'events-liar-2'), what)
        equal(told.get('image'), IMAGE, what)
        equal(told.get('container'), None, what)
        true(told.get('exec_id') in ((own, None) if action.startswith('exec') else (None,)), f'exec id: {what}')
        true(told.get('exit_code') in {'die': (137, 3, None) if told['id'] == liar else (3, None),
                                       'exec_die': (4, None)}.get(action, (None,)), f'exit code: {what}')
        true('signal' not in told or action == 'kill', f'signal: {what}')
    check_blame(AGENT.events('container/create', liar)[0], created)
    check_blame(AGENT.events('container/start', liar)[0], started)
    signals = [field(e, 'callerd.docker_event.signal') for e in AGENT.events('container/kill', liar)]
    true(all(got in (sent, None) for got, sent in zip(signals, ('28', '2', '9'))), f'signals: {signals}')
    equal(acts_as(AGENT.events('container/kill', liar)[0]), ALICE.uid, 'who killed it')
    # The exec whose id was borrowed is Bob's, and lives.
    equal(AGENT.events('container/exec_die', id_), [], 'the other exec')
    remove('events-victim')
    event, = AGENT.event('container/exec_die', id_, exec_id=theirs)
    true(acts_as(event) in (BOB.uid, None), event['message'])
    equal((made[1], ran[1], killed[1], stopped[1]), (201, 200, 204, 204), 'statuses')


@test
def secrets_of_execs():
    """What an exec's event says of its command is what the exec's own request said, argument by argument. Where nobody
    saw that request, it is the name of the program. (The engine drops the quotes: arguments with blanks in them
    leaked.)"""
    create('events-secret', start=True)
    mark = 'cq' + secrets.token_hex(8)
    commands = [(['mysql', f'--password={mark} {mark}'], 'mysql --password=***'),
                (['sh', '-c', f'PGPASSWORD="{mark} {mark}" psql'], 'sh -c \'PGPASSWORD=*** psql\''),
                (['curl', '-u', f'user:{mark} x {mark}', f'https://user:{mark}@host/'],
                 "curl -u user:*** https://user:***@host/"),
                (['env', f'API_TOKEN=a {mark}', 'true'], 'env API_TOKEN=*** true'),
                (['mysql', '--password', f'-{mark} {mark}'], 'mysql --password ***')]
    ids = []
    for command, _ in commands:
        made = post(API + '/containers/events-secret/exec', {'Cmd': command})
        ids.append(made[2]['Id'])
        post(f'{API}/exec/{ids[-1]}/start', {'Detach': True})
    for id_, (_, told) in zip(ids, commands):
        for action in 'exec_create', 'exec_start':
            event, = AGENT.event('container/' + action, exec_id=id_)
            equal(field(event, 'callerd.docker_event.command'), told, action)
            equal(field(event, 'callerd.docker_event.action'), action, 'no command in it')
            equal(cause(event, 'kind'), 'request', event['message'])
    remove('events-secret')
    AGENT.settle_events()
    with open(AGENT.log, 'rb') as log:
        true(mark.encode() not in log.read(), 'a secret is in the log')


# --- other doors ------------------------------------------------------------------------------------


@test
def another_door():
    """What is asked for where nobody looks is unknown, and is not laid at the door of who came before."""
    with Dockerd('events-doors') as engine, \
            Callerd('--inventory', '65536', sockets=[engine.path]) as agent:
        def seen(user, method, target, body=None):
            return user.call(method, API + target, body, path=engine.path)

        def unseen(target, method='POST'):
            return request(method, API + target, path=engine.other)[0]

        made = seen(ALICE, 'POST', '/containers/create?name=doors', config('sh', '-c', 'sleep 0.4; exit 5'))
        id_ = made[2]['Id']
        equal(seen(ALICE, 'POST', '/containers/doors/start')[1], 204, 'start')
        die, = agent.event('container/die', id_)
        equal((cause(die, 'kind'), acts_as(die)), ('inherited', ALICE.uid), die['message'])
        equal(unseen('/containers/doors/start'), 204, 'start')
        start = agent.event('container/start', id_, count=2)[1]
        equal((nobody(start), cause(start, 'kind')), ([], 'unknown'), 'start')
        equal(start['event']['severity'], 40, 'severity')
        die = agent.event('container/die', id_, count=2)[1]
        equal(nobody(die), [], 'die')
        # While somebody else does the same with another one, and asks for the same without doing it.
        names = [f'doors-{i}' for i in range(scaled(8, 3))]
        ids = {}
        for name in names:
            for end in '', '-other':
                ids[name + end] = seen(ALICE, 'POST', f'/containers/create?name={name}{end}',
                                       config('sleep', '600'))[2]['Id']
        answers = {}

        def ask(who, name):
            path = engine.path if who == 'seen' else engine.other
            answers[who, name] = request('POST', f'{API}/containers/{name}/start', path=path)[0]

        for name in names:
            threads = [threading.Thread(target=ask, args=args) for args in (
                ('unseen', name), ('seen', name), ('seen', name + '-other'))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        agent.settle_events(engine.path)
        for name in names:
            event, = agent.event('container/start', ids[name])
            if answers['seen', name] == 304:
                equal(nobody(event), [], f'{name}: {answers}')
            elif answers['unseen', name] == 304 or cause(event, 'kind') != 'unknown':
                equal((cause(event, 'kind'), field(event, 'process.pid')), ('request', os.getpid()),
                      event['message'])
            event, = agent.event('container/start', ids[name + '-other'])
            equal((cause(event, 'kind'), field(event, 'process.pid')), ('request', os.getpid()),
                  event['message'])
        for target in 'stop?t=0', 'rename?name=doors-renamed':
            equal(unseen(f'/containers/{names[0]}/{target}'), 204, target)
        equal(unseen('/containers/doors-renamed?force=1', 'DELETE'), 204, 'remove')
        agent.event('container/destroy', ids[names[0]])
        for action in 'kill', 'stop', 'rename', 'destroy':
            for event in agent.events('container/' + action, ids[names[0]]):
                equal((nobody(event), cause(event, 'kind')), ([], 'unknown'), action)
        # Somebody who comes later is told again.
        again = seen(BOB, 'POST', f'/containers/{names[1]}/kill')
        equal(again[1], 204, 'kill')
        die, = agent.event('container/die', ids[names[1]])
        equal((cause(die, 'kind'), acts_as(die)), ('request', BOB.uid), die['message'])
        # Of an exec that nobody saw made, the event's text has no quotes: the program's name is all that is told of it.
        made = request('POST', f'{API}/containers/{names[2]}/exec',
                       json.dumps({'Cmd': ['/bin/echo', 'two words', 'hunter2']}).encode(), path=engine.other)
        equal(made[0], 201, 'exec')
        event, = agent.event('container/exec_create', ids[names[2]])
        equal((field(event, 'callerd.docker_event.command'), cause(event, 'kind')), ('/bin/echo', 'unknown'),
              event['message'])
        agent.stop()


def seen_once(agent, doors, settled):
    """Each event of what is done at each of DOORS, of one daemon: told once, with who did it."""
    known = {}
    for user, url in zip((ALICE, BOB, ALICE), doors):
        def docker(*args, user=user, url=url):
            return subprocess.run(user.command('docker', '-H', url, *args), check=True, stdout=subprocess.PIPE).stdout.decode().strip()
        id_ = docker('create', '--network', 'none', IMAGE, 'sh', '-c', 'sleep 600')
        docker('start', id_)
        docker('exec', id_, 'true')
        docker('rename', id_, f'once-{len(known)}-{os.getpid()}')
        docker('kill', f'once-{len(known)}-{os.getpid()}')
        docker('rm', id_)
        known[id_] = user
    for path in settled:
        agent.settle_events(path)
    for id_, user in known.items():
        for action in 'create', 'start', 'exec_create', 'exec_start', 'rename', 'kill', 'die', 'destroy':
            told = agent.events('container/' + action, id_)
            equal([(cause(one, 'kind'), acts_as(one)) for one in told],
                  [('request', user.uid)], f'{action}: {[one["message"] for one in told]}')


@test
def two_doors_of_one_daemon():
    """Two sockets, one of them by two paths: each event is told once, whichever it was asked for at. Also behind restarts of either."""
    with Dockerd('events-same') as engine:
        link = engine.dir + '/link.sock'
        os.symlink('other.sock', link)
        doors = [f'unix://{path}' for path in (engine.other, engine.path, link)]
        watched = [engine.path, engine.other, link]
        with Callerd('--inventory', '65536', sockets=watched) as agent:
            seen_once(agent, doors, watched)
            engine.stop()
            engine.start()
            seen_once(agent, doors, watched)
            agent.stop()  # tells what waits
        told = [(field(one, 'callerd.docker_event.type'), one['event']['action'], field(one, 'callerd.docker_event.id'),
                 one['@timestamp']) for one in agent.events()]
        equal(sorted(set(told)), sorted(told), 'each event once')


# --- time -------------------------------------------------------------------------------------------


@test
def the_daemon_holds_its_breath():
    """It is stopped while calls of several users come in."""
    pid = int(os.environ['TESTBED_PID'])
    names = {f'events-breath-{i}': user for i, user in enumerate(USERS)}
    os.kill(pid, signal.SIGSTOP)
    try:
        runs = [subprocess.Popen(user.command('docker', '-H', 'unix://' + SOCKET, 'run', '--rm', '--name', name,
                                              '--network', 'none', IMAGE, 'true'),
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
                for name, user in names.items()]
        AGENT.wait(len(names), event__action='socket-connected', process__name='docker',
                   that=lambda r: any(name in r['process']['args'] for name in names))
    finally:
        os.kill(pid, signal.SIGCONT)
    equal([r.wait(PATIENCE * 2) for r in runs], [0] * len(runs), 'docker run')
    check_runs(names)


@test
def callerd_holds_its_breath():
    """It is stopped while containers come and go."""
    names = {f'events-pause-{i}': user for i, user in enumerate(USERS)}
    os.kill(AGENT.pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        runs = [subprocess.Popen(user.command('docker', '-H', 'unix://' + SOCKET, 'run', '--rm', '--name', name,
                                              '--network', 'none', IMAGE, 'true'),
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
                for name, user in names.items()]
        equal([r.wait(PATIENCE * 2) for r in runs], [0] * len(runs), 'docker run')
        # Longer than it would wait for what belongs together.
        time.sleep(max(0, 3 - (time.monotonic() - started)))
    finally:
        os.kill(AGENT.pid, signal.SIGCONT)
    check_runs(names)


def check_runs(names):
    """Of `docker run --rm` by the users each event is told once, and of the right one."""
    for name in names:
        AGENT.event('container/destroy', name=name)
    AGENT.settle_events()
    for name, user in names.items():
        events = [e for e in AGENT.events(name=name) if field(e, 'callerd.docker_event.type') == 'container']
        equal([field(e, 'callerd.docker_event.action') for e in events],
              ['create', 'attach', 'start', 'die', 'destroy'], name)
        equal([cause(e, 'kind') for e in events], ['request'] * 3 + ['inherited'] * 2, name)
        equal({acts_as(e) for e in events}, {user.uid}, name)


class PlayedEngine(Daemon):
    """An engine that is played: each request is answered by answer(), and events are told by emit()."""

    def __init__(self, path):
        self.listeners = []
        self.heard = threading.Event()
        self.answer = lambda method, target: None
        super().__init__(path)

    def _serve(self, client):
        with client, client.makefile('rb') as stream:
            while line := stream.readline():
                method, target, _ = line.decode().split(' ')
                length = 0
                while (line := stream.readline()) not in (b'\r\n', b''):
                    if line.lower().startswith(b'content-length:'):
                        length = int(line.split(b':')[1])
                stream.read(length)
                try:
                    if '/events' in target:
                        client.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
                                       b'Server: Docker/20.10.24 (linux)\r\nTransfer-Encoding: chunked\r\n\r\n')
                        self.listeners.append(client)
                        self.heard.set()
                        stream.read()
                        return
                    status, body = self.answer(method, target) or self.housekeeping(target)
                    data = json.dumps(body).encode() if body is not None else b''
                    length = '' if status == 204 else f'Content-Length: {len(data)}\r\n'
                    client.sendall(f'HTTP/1.1 {status} X\r\nApi-Version: 1.41\r\n'
                                   'Content-Type: application/json\r\nServer: Docker/20.10.24 (linux)\r\n'
                                   f'{length}\r\n'.encode() + data)
                except OSError:
                    return

    @staticmethod
    def housekeeping(target):
        """What whoever watches an engine wants to know: there is nothing."""
        path = target.split('?')[0]
        if path.endswith('/info'):
            return 200, {'ID': 'played', 'ServerVersion': '20.10.24', 'OSType': 'linux',
                         'Swarm': {'LocalNodeState': 'inactive'}}
        if path.endswith('/version'):
            return 200, {'Version': '20.10.24', 'ApiVersion': '1.41', 'MinAPIVersion': '1.12', 'Os': 'linux'}
        if path.endswith('/volumes'):
            return 200, {'Volumes': [], 'Warnings': None}
        if path.endswith('/json') and path.count('/') > 3:
            return 404, {'message': 'No such container'}
        return 200, []

    def say(self, data):
        true(self.heard.wait(PATIENCE), 'somebody listens')
        for listener in self.listeners:
            try:
                listener.sendall(b'%x\r\n%s\r\n' % (len(data), data))
            except OSError:
                pass

    def emit(self, kind, id_, when=None, **attributes):
        type_, action = kind.split('/')
        when = when or time.time_ns()
        self.say(json.dumps({
            'status': action, 'id': id_, 'from': attributes.get('image'), 'Type': type_, 'Action': action,
            'Actor': {'ID': id_, 'Attributes': attributes}, 'scope': 'local', 'time': when // 10 ** 9,
            'timeNano': when}).encode() + b'\n')


@contextlib.contextmanager
def played(name):
    path = f'{DIR}/{name}.sock'
    with PlayedEngine(path) as engine, Callerd('--inventory', '1000', sockets=[path]) as agent:
        true(engine.heard.wait(PATIENCE), 'callerd listens')
        yield engine, agent
        agent.stop()


def hex_id():
    return secrets.token_hex(32)


@test
def before_and_after_its_answer():
    """An event may overtake the answer of its request, and the other way round."""
    with played('events-order') as (engine, agent):
        for order in 'before', 'after', 'before', 'after':
            id_ = hex_id()
            happened = []

            def answer(method, target):
                if method != 'POST':
                    return None
                happened.append(time.time_ns())
                if order == 'before':
                    tell(target)
                return (201, {'Id': id_, 'Warnings': []}) if 'create' in target else (204, None)

            def tell(target):
                engine.emit('container/create' if 'create' in target else 'container/start', id_,
                            happened[-1], name='played', image='bb')

            engine.answer = answer
            for target in f'{API}/containers/create?name=played', f'{API}/containers/{id_}/start':
                target = marked(target)
                request('POST', target, b'{"Image":"bb"}' if 'create' in target else b'', path=engine.path)
                asked = record_of(agent, target)
                if order == 'after':
                    tell(target)
                event, = agent.event('container/create' if 'create' in target else 'container/start', id_)
                equal(blame(event, asked), [], order)
        # An event that comes while its request has no answer for long: told in time, once, and not wrong.
        told, id_ = threading.Event(), hex_id()

        def answer_late(method, target):
            if method != 'POST':
                return None
            engine.emit('container/start', id_, name='played', image='bb')
            told.wait(PATIENCE)
            return 204, None

        engine.answer = answer_late
        target = marked(f'{API}/containers/{id_}/start')
        asking = threading.Thread(target=request, args=('POST', target), kwargs={'path': engine.path})
        asking.start()
        try:
            event, = agent.event('container/start', id_)
        finally:
            told.set()
            asking.join()
        asked = record_of(agent, target)
        true(nobody(event) == [] or blame(event, asked) == [], event['message'])
        engine.emit('container/oom', id_, name='played', image='bb')
        agent.event('container/oom', id_)
        equal(len(agent.events('container/start', id_)), 1, 'told once')


@test
def an_engine_that_talks_nonsense():
    with played('events-nonsense') as (engine, agent):
        good = json.dumps({'Type': 'container', 'Action': 'start', 'Actor': {
            'ID': hex_id(), 'Attributes': {'name': 'x'}}, 'timeNano': time.time_ns()}).encode()
        for junk in (b'{', b'nonsense\n', b'[]\n', b'null\n', b'"x"\n', b'{}\n', b'\n\n\r\n', b'{"Type":5}\n',
                     b'{"Type":"container","Action":"start","Actor":[]}\n',
                     b'{"Type":"container","Action":"start","Actor":{"ID":7,"Attributes":{"name":[]}}}\n',
                     b'{"Type":"container","Action":"die","Actor":{"ID":"x","Attributes":{"exitCode":"9e9"}}}\n',
                     b'{"Type":"a/b","Action":"\\u0000\\n","Actor":{"ID":"\\ud800","Attributes":null},'
                     b'"timeNano":-5}\n',
                     b'{"Type":"container","Action":"exec_create: \xff\xfe\x00","Actor":{"ID":""}}\n',
                     b'{"Type":"container","Action":"health_status: ","timeNano":99999999999999999999}\n',
                     b'{"x":' + b'[' * 20000 + b']' * 20000 + b'}\n',
                     good[:-1] + b',"Actor":{"Attributes":{"l":"' + b'y' * (3 << 20) + b'"}}}\n',
                     good[:20]):
            engine.say(junk)
        engine.say(b'\n')
        last = hex_id()
        engine.emit('container/oom', last, name='played', image='bb')
        event, = agent.event('container/oom', last)
        equal(nobody(event), [], 'the last one')
        # Byte by byte, and several at once.
        one, two = hex_id(), hex_id()
        text = b''.join(json.dumps({'Type': 'container', 'Action': 'oom', 'Actor': {'ID': i, 'Attributes': {}},
                                    'timeNano': time.time_ns()}).encode() + b'\n' for i in (one, two))
        for i in range(0, len(text), 7):
            engine.say(text[i:i + 7])
        agent.event('container/oom', one)
        agent.event('container/oom', two)
        # It closes the stream, again and again: callerd comes back.
        for listener in engine.listeners:
            listener.shutdown(socket.SHUT_RDWR)
        engine.listeners.clear()
        engine.heard.clear()
        last = hex_id()
        engine.emit('container/oom', last, name='played', image='bb')
        agent.event('container/oom', last)


def main_with_agent():
    global AGENT
    with Callerd() as AGENT:
        main()


main_with_agent()
