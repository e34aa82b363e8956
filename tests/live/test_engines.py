# SPDX-License-Identifier: Apache-2.0
"""Other engines than the tests' own, each with a day's work of its own clients: every request has an operation, and every event its
cause, but for those of the table in engines.py. CALLERD_ENGINES names engines of engines.ALL; "all" are all of them. If it is not set, as
in `make test`, those of engines.SHORT have a few hours of that day, and the newest Docker all of it."""
import json
import os
import shlex

from live import *
from bodies import findings
import engines
import libpod

ALICE = User(MEMBER)
CHOSEN = os.environ.get('CALLERD_ENGINES')
WANTED = (*engines.SHORT, 'docker-forky') if CHOSEN is None else engines.ALL if CHOSEN == 'all' else CHOSEN.split()

# Of each line the client; what begins with '!' fails, with '?' where the client is old.
DOCKER_DAY = '''
version
info
run --rm --network none --name gone {image} true
run -d --network none --name web -v vol:/v --health-cmd true --health-interval 1s {image} sleep 600
exec web echo told
exec -d web true
logs web
cp web:/etc/passwd {dir}/passwd
cp {dir}/passwd web:/tmp/passwd
top web
stats --no-stream web
inspect web
diff web
pause web
unpause web
rename web web2
update --memory 64m --memory-swap 64m web2
restart -t 0 web2
kill -s HUP web2
commit web2 made:1
export -o {dir}/export web2
stop -t 0 web2
start web2
kill web2
wait web2
rm -v web2
volume create v1
volume ls
volume inspect v1
volume rm v1 vol
volume prune -f
network create n1
network ls
network inspect n1
create --name idle --network none {image} true
network disconnect none idle
network connect n1 idle
network disconnect n1 idle
rm idle
network rm n1
network prune -f
images
history made:1
tag made:1 made:2
save -o {dir}/save made:2
rmi made:2
rmi made:1
load -i {dir}/save
image prune -f
!pull registry.invalid/x
!push registry.invalid/y
!login -u a -p b registry.invalid
!create --name web3 -w /bin/busybox {image} true
system df
build --network none -t built:1 {dir}/build
buildx build --network none -t built:2 --build-arg X=2 {dir}/build
buildx ls
buildx du
buildx inspect
builder prune -f
compose -f {dir}/compose.yml -p day up -d --wait
compose -f {dir}/compose.yml -p day ps
compose -f {dir}/compose.yml -p day exec web true
compose -f {dir}/compose.yml -p day logs
compose -f {dir}/compose.yml -p day down
rmi built:1
plugin ls
container prune -f
system prune -f
'''

# Containers of podman here have no cgroups of their own: no pause, no top, no update.
PODMAN_DAY = '''
version
info
run --rm --network none --name gone {image} true
run -d --network none --name web -v vol:/v {image} sleep 600
exec web echo told
exec -d web true
logs web
?cp web:/etc/passwd {dir}/passwd
cp {dir}/passwd web:/tmp/passwd
inspect web
diff web
rename web web2
restart -t 0 web2
kill -s HUP web2
commit --pause=false web2 made:1
export -o {dir}/export web2
stop -t 0 web2
start web2
kill web2
wait web2
create --network none --name idle {image} sleep 600
init idle
start idle
rm -f -t 0 idle
rm -v web2
volume create v1
volume ls
volume inspect v1
volume rm v1 vol
volume prune -f
network create n1
network ls
network inspect n1
network rm n1
images
history made:1
tag made:1 made:2
save -o {dir}/save made:2
untag made:1 made:1
rmi made:2
load -i {dir}/save
image prune -f
!pull registry.invalid/x
!push registry.invalid/y
manifest create m1
?manifest add m1 {image}
manifest inspect m1
manifest rm m1
secret create s1 {dir}/passwd
secret ls
secret inspect s1
secret rm s1
pod create --name p1 --infra=false --share ''
pod ps
pod inspect p1
pod stop p1
pod rm -f p1
build --network none -t built:1 {dir}/build
play kube {dir}/pod.yml
play kube --down {dir}/pod.yml
rmi built:1
container prune -f
system df
system prune -f
'''

# The same of either, in short. '=': until the exec is told, for callerd asks for the container meanwhile.
SHORT_DAY = '''
create --privileged --network none --name risky {image} true
run --rm --network none --name gone {image} true
run -d --network none --name web {image} sleep 600
exec web echo told
=
build --network none -t built:1 {dir}/build
kill web
rm web risky
rmi built:1
'''


def write(path, text):
    with open(path, 'w') as file:
        file.write(text)


def prepare(directory, root):
    """What the clients work with; all of it Alice's. Podman prefers a Containerfile, Docker knows none."""
    os.makedirs(directory + '/build')
    write(directory + '/build/Dockerfile', f'FROM {IMAGE}\nARG X=1\nRUN --network=none echo told >/file\n')
    write(directory + '/build/Containerfile', f'FROM {IMAGE}\nENV X=1\nCMD ["true"]\n')
    write(directory + '/compose.yml', f'''services:
  web:
    image: {IMAGE}
    command: sleep 600
    network_mode: none
    stop_grace_period: 0s
    healthcheck: {{test: [CMD, "true"], interval: 1s}}
''')
    write(directory + '/pod.yml', f'''apiVersion: v1
kind: Pod
metadata: {{name: pod}}
spec:
  hostNetwork: true
  terminationGracePeriodSeconds: 0
  containers: [{{name: web, image: "{IMAGE}", command: [/bin/sleep, "600"]}}]
''')
    write(directory + '/config.json', json.dumps({'cliPluginsExtraDirs': [root + '/usr/libexec/docker/cli-plugins']}))
    run('chown', '-R', ALICE.uid, directory)


def work(day, client, directory, image):
    unexpected = []
    for line in day.format(image=image, dir=directory).strip().splitlines():
        try:
            client(*shlex.split(line.lstrip('!?')))
        except AssertionError as why:
            if line[0] not in '!?':
                unexpected.append(f'{line}: {str(why)[-300:]}')
        else:
            if line[0] == '!':
                unexpected.append(f'{line}: it did not fail')
    equal(unexpected, [], 'the work')


def check_short_day(requests, events):
    """What was done is told, whatever this engine calls it, and the create was judged."""
    told = {field(r, 'callerd.api.operation').replace('Libpod', '') for r in requests}
    equal({'ContainerCreate', 'ContainerStart', 'ContainerExec', 'ExecStart', 'ContainerDelete'} - told, set(), 'operations')
    true(told & {'ImageBuild', 'BuildkitSolve'}, f'no build: {told}')
    true([r for r in requests if 'privileged' in findings(r) and '--privileged' in r['process']['args']], 'no create is privileged')
    equal({'create', 'start', 'die', 'destroy'} - {field(e, 'callerd.docker_event.action') for e in events}, set(), 'events')


def have_a_day(engine, root, kind, version, short):
    directory = engine.dir + '/day'
    prepare(directory, root)
    # An engine that is busy may take longer than an event waits for its request.
    with Callerd('--inventory', '65536', '--event-wait', '15', sockets=[engine.path]) as agent:
        if kind == 'podman':
            day, client, image = PODMAN_DAY, engine.remote, engine.image
        else:
            def client(*args):
                ALICE.run('env', 'DOCKER_CONFIG=' + directory, f'{root}/usr/bin/docker', '-H', 'unix://' + engine.path, *args)
            day, image = DOCKER_DAY, IMAGE
        if short:
            first, day = SHORT_DAY.split('=')
            work(first, client, directory, image)
            agent.wait(that=lambda r: field(r, 'callerd.docker_event.action', '').startswith('exec'), event__action='docker-event')
        work(day, client, directory, image)
        agent.stop()
        requests, events = (agent.records(event__action=action) for action in ('api-request', 'docker-event'))
        # The callerd of another test, or of another checkout, which looks for engines, asks this one, too.
        requests = [r for r in requests if os.path.basename(field(r, 'process.executable', '')) != 'callerd']
        print(f'# {kind} {version}: {len(requests)} requests, {len(events)} events')
        wrong = engines.wrong_requests(requests, engines.expected(kind, version, 'unread'))
        wrong += engines.wrong_events(events, ALICE.uid, engines.expected(kind, version, 'unknown'))
        # Others on this machine may have been refused by sockets that they took away with them.
        wrong += [r['message'] for r in agent.records(event__action='records-lost')
                  if not field(r, 'callerd.lost.reason', '').startswith('refused-')]
        equal(wrong, [], 'records')
        if short:
            check_short_day(requests, events)
        else:
            true(len(requests) > 60 and len(events) > 40, 'too few')


def read_http1(engine):
    """Oddly spelled requests are what they are to this version of Go (docs/http1.md)."""
    output = run('/usr/bin/python3', '-B', ROOT + '/tests/live/http1_differential.py', engine.path, check=False).splitlines()
    equal([line for line in output if line.startswith('not ok ')], [], 'HTTP/1')
    true(len([line for line in output if line.startswith('ok ')]) > 100, f'too few: {output}')


def speak_http2(engine, expected):
    """All that is tested of nghttpx in front of a dockerd is true of an engine that speaks HTTP/2 itself."""
    if not expected:
        answer = run('curl', '-s', '--http2-prior-knowledge', '--unix-socket', engine.path, 'http://d/_ping', check=False)
        equal(answer, '', 'it speaks HTTP/2')
        return
    output = run('/usr/bin/python3', '-B', ROOT + '/tests/live/test_http2.py', check=False,
                 env={**os.environ, 'HTTP2_ENGINE': engine.path}).splitlines()
    equal([line for line in output if not line.startswith(('ok ', 'skip ', '# '))], [], 'HTTP/2')
    true(len(output) > 8, f'too few tests: {output}')


def add_test(name, short):
    def one():
        kind = name.split('-')[0]
        engine, root = engines.start(name)
        with engine:
            version = engines.version_of(engine.path)
            have_a_day(engine, root, kind, version, short)
            if not short or name in engines.NEWEST:
                (libpod.judge if kind == 'podman' else read_http1)(engine)
            speak_http2(engine, engines.expected(kind, version, 'http2'))

    one.__name__ = name.replace('-', '_')
    test(one)


for name_wanted in WANTED:
    add_test(name_wanted, CHOSEN is None and name_wanted in engines.SHORT)
main()
